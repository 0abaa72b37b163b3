"""The graph of buttons, walked: from every reply each button leads to a reply, and back; nobody gets lost."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import House, a_house, pressed, some, text_of, updated
from test_alert import a_watching_house, tick
from test_inline import inline_press, offered

import bot
from exchanges.table import EXCHANGES
from render.keyboards import LABELS

pytestmark = pytest.mark.no_cover  # others reach what these do

MAX_REPLIES = 600  # of one walk
PAUSES_S = {"kraken": 5, "hyperliquid": 5}  # between two of them, by the turned clock: whose budgets are small
BEGIN = (
    *("/start", "/help", "/volume SOL 4h spot", "/status", "/balance", "/price BTC ETH", "/price NOPE", "/liq BTC"),
    *("/spread BTC", "/chart BTC ETH", "/settings", "/watch", "/watch add BTC ETH", "/alert BTC every 5m", "/alerts"),
)
"""From these every other command is reached by buttons: a test below counts them."""
LOST = (
    "out of date",
    "is not understood",
    "went wrong",
    "Which symbol",
    "takes too long",
    "I do not know",
    "not a symbol",
)
Kind = tuple[str, ...]
Under = dict[Kind, list[str]]
"""Each kind of button that was pressed, and the lines of the buttons under its reply."""
AN_ID = re.compile(r"[a-z0-9]{8,}")


def lines_of(call: dict[str, Any]) -> list[str]:
    """The command lines of a reply's buttons."""
    rows = call.get("reply_markup", {}).get("inline_keyboard", [])
    return [each["callback_data"] for row in rows for each in row if "callback_data" in each]


def kind_of(line: str) -> Kind:
    """Command and the shape of its words: one walk presses each kind of button, not each coin's and each alert's."""
    command, *words = line.split()
    return (command, *(_shape_of(word) for word in words))


def _shape_of(word: str) -> str:
    if word.isupper() and len(word) > 1:
        return "coin"
    if word in ("5m", "15m"):
        return "minutes"
    return "figure" if re.fullmatch(r"[\d.]{3,}", word) else "an id" if AN_ID.fullmatch(word) else word


async def walk(house: House, *first: dict[str, Any], pause_s: float = 0) -> Under:
    """All kinds of buttons that can be reached from updates, and what lies under each of their replies."""
    found: Under = {}
    waiting = []
    for update in first:
        await asyncio.sleep(pause_s)
        call = await house.bot.answer(update)
        assert call is not None, update
        assert lines_of(call), (update, text_of(call))
        waiting += lines_of(call)
    while waiting and len(found) < MAX_REPLIES:
        line = waiting.pop(0)
        if kind_of(line) in found:
            continue
        await asyncio.sleep(pause_s)
        reply = await house.bot.answer(pressed(line, update_id=100 + len(found)))
        assert reply is not None, line
        assert reply["method"] != "answerCallbackQuery", (line, reply)
        assert not any(each in text_of(reply) for each in LOST), (line, text_of(reply))
        found[kind_of(line)] = lines_of(reply)
        waiting += found[kind_of(line)]
    assert len(found) < MAX_REPLIES
    return found


SET_UPS = (*EXCHANGES, "binance,bybit,okx,gate,bitget,hyperliquid,deribit,kraken,coinbase")


@pytest.mark.parametrize("exchanges", some(((each,) for each in SET_UPS), len(SET_UPS)))
async def test_every_button_leads_to_a_reply_with_buttons(exchanges: str, tmp_path: Path) -> None:
    """Whatever exchanges are allowed; alerts, the watchlist and settings too, and what hangs under what rang."""
    async with a_watching_house(tmp_path, EXCHANGES=exchanges, VOLSCAN_SYMBOLS="5") as house:
        begin = [updated(each, update_id=n) for n, each in enumerate(BEGIN, 1)]
        found = await walk(house, *begin, pause_s=PAUSES_S.get(exchanges, 1))
        dead = [line for line, buttons in found.items() if {kind_of(each) for each in buttons} <= {line}]
        assert dead == []
        named = {line[0].lstrip("+") for line in found} | {each[1:].split()[0] for each in BEGIN}
        assert named == set(bot.COMMANDS)
        if exchanges == "binance":
            of_price = lines_of(await house.bot.answer(updated("/price BTC", update_id=999)) or {})
            every_market_answer_is_reached_from_every_other(found, [kind_of(line) for line in of_price])


def every_market_answer_is_reached_from_every_other(found: Under, begin: list[Kind]) -> None:
    """Back and forth: whatever one looks at after a price, its neighbours lead to all the others."""
    after_a_price = reached(found, begin)
    for name in LABELS:
        there = reached(found, [kind for kind in after_a_price if kind[0] == name])
        assert set(LABELS) <= {kind[0] for kind in there}, name


def reached(found: Under, begin: list[Kind]) -> set[Kind]:
    """The kinds of buttons to which these lead, by any number of others."""
    seen, waiting = set[Kind](), list(begin)
    while waiting:
        if (kind := waiting.pop()) not in seen:
            seen.add(kind)
            waiting += [kind_of(line) for line in found[kind]]
    return seen


async def test_buttons_under_what_rang_lead_on(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, EXCHANGES="binance") as house:
        await house.ask("/alert btc every 5m")
        await tick(house, 301.0)
        waiting = lines_of(house.world.telegram.calls[-1][1])
        assert len(waiting) == 5
        for n, line in enumerate(waiting, 2):
            reply = await house.bot.answer(pressed(line, update_id=n))
            assert reply is not None
            assert lines_of(reply), line


@pytest.mark.parametrize("exchanges", some([("binance",), ("hyperliquid",), ("coinbase",)], 2))
async def test_buttons_of_an_inline_message_lead_on(exchanges: str) -> None:
    """In chats that the bot is not in, where no picture and no alert can be had."""
    async with a_house(EXCHANGES=exchanges) as house:
        found: set[Kind] = set()
        waiting = [line for result in await offered(house, "btc") for line in lines_of(result)]
        while waiting:
            if kind_of(line := waiting.pop()) in found:
                continue
            reply = await house.bot.answer(inline_press(line))
            assert reply is not None, line
            assert reply["method"] == "editMessageText", (line, reply)
            assert lines_of(reply), line
            found.add(kind_of(line))
            waiting += lines_of(reply)
        assert len(found) > 1


OTHER_PICTURES = ("chart cvd ", "chart profile ", "chart oi ", "chart funding ")
PLACES = (
    *(("binance", "4h", "spot"), ("binance", "1h", "perp"), ("binance", "4h", "perp"), ("okx", "4h", "spot")),
    *(("hyperliquid", "1h", "spot"), ("kraken", "4h", "spot"), ("coinbase", "4h", "spot"), ("coinbase", "1h", "perp")),
)


NEIGHBOURS = [(*place, name) for place in PLACES for name in ("volume", "cvd", "analysis", "price", "profile")]


@pytest.mark.parametrize(("exchanges", "interval", "kind", "name"), some(NEIGHBOURS, 3))
async def test_interval_and_kind_travel_along(exchanges: str, name: str, interval: str, kind: str) -> None:
    """On every neighbour's button, and on theirs: so the way back leads to where one came from. Also where there is no
    such market, or no such interval, and the answer only says so."""
    async with a_house(EXCHANGES=exchanges) as house:
        call = await house.bot.answer(updated(f"/{name} BTC {interval} {kind}"))
        assert call is not None
        taking = (*LABELS, "chart")
        neighbours = [line for line in lines_of(call) if line.split()[0] in taking and line.split()[0] != name]
        neighbours = [line for line in neighbours if not line.startswith(OTHER_PICTURES)]
        assert neighbours
        for line in neighbours:
            is_picture = line.startswith("chart ")  # without a word it is of the perpetual, and leads back to that
            place = {interval, kind} - ({"perp"} if is_picture else set())
            assert place <= set(line.split()), line
            there = await house.bot.answer(pressed(line))
            assert there is not None
            back = [each for each in lines_of(there) if each.split()[0] == name]
            assert all(place <= set(each.split()) for each in back), (line, back)


@pytest.mark.parametrize("words", ["BTC 24h", "24h BTC", "BTC 4h"])
async def test_what_is_elsewhere_is_of_the_coin(words: str) -> None:
    """Coinbase has no liquidations: its price is offered, and not that of a coin called 24H."""
    async with a_house(EXCHANGES="coinbase") as house:
        call = await house.bot.answer(updated(f"/liq {words}"))
        assert call is not None
        assert lines_of(call)
        assert {line.split()[1] for line in lines_of(call)} == {"BTC"}


FAILURES = (
    "/price BTC",
    "/oi BTC",
    "/volume BTC 1h spot",
    "/top10",
    "/funding top",
    "/analysis BTC",
    "/volscan 200 15m",
)


@pytest.mark.parametrize("question", FAILURES)
async def test_failure_can_be_tried_again(question: str) -> None:
    """Once the exchange is back, the button under the failure gives the answer."""
    async with a_house(EXCHANGES="binance", VOLSCAN_SYMBOLS="5") as house:
        await house.world.set_fault("binance", "500")
        failed = await house.bot.answer(updated(question))
        assert failed is not None
        (row,) = failed["reply_markup"]["inline_keyboard"]
        assert [each["text"] for each in row] == ["Try again"]
        await house.world.set_fault("binance", "")
        await house.later()
        answer = await house.bot.answer(pressed(row[0]["callback_data"]))
        assert answer is not None
        assert "right now" not in answer["text"]


@pytest.mark.parametrize(
    "question", ["/oi BTCC", "/volume BTCC 4h spot", "/analysis BTCC 1h", "/ls BTCC", "/chart oi BTCC"]
)
async def test_suggestions_are_buttons_with_the_rest_of_the_question(question: str) -> None:
    async with a_house(EXCHANGES="binance,bybit") as house:
        call = await house.bot.answer(updated(question))
        assert call is not None
        assert "Did you mean BTC" in call["text"]
        assert lines_of(call)[0] == question[1:].replace("BTCC", "BTC")
        answer = await house.bot.answer(pressed(lines_of(call)[0]))
        assert answer is not None
        assert "Did you mean" not in text_of(answer)


@pytest.mark.parametrize(
    "question", ["/price NOPE", "/oi ...", "/volume", "/top10 foo", "/nope", "/oi OKB", "what is it", "/ls BTC today"]
)
async def test_no_refusal_is_a_dead_end(question: str) -> None:
    async with a_house(EXCHANGES="okx,binance") as house:
        call = await house.bot.answer(updated(question))
        assert call is not None
        for line in lines_of(call) or ["no button at all"]:
            reply = await house.bot.answer(pressed(line))
            assert reply is not None
            assert reply["method"] != "answerCallbackQuery", line
