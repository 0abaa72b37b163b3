"""The graph of buttons, walked: from every reply each button leads to a reply, and back; nobody gets lost."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import House, a_house, pressed, text_of, updated

import bot
from render.keyboards import LABELS

MAX_REPLIES = 400  # of one walk
BEGIN = ("/start", "/help", "/volume SOL 4h spot")


def lines_of(call: dict[str, Any]) -> list[str]:
    """The command lines of a reply's buttons."""
    rows = call.get("reply_markup", {}).get("inline_keyboard", [])
    return [each["callback_data"] for row in rows for each in row if "callback_data" in each]


def kind_of(line: str) -> tuple[str, ...]:
    """Command and the shape of its words: one walk presses each kind of button, not each coin's."""
    command, *words = line.split()
    return (command, *("coin" if word.isupper() and len(word) > 1 else word for word in words))


class Walks:
    """Through a house, from any question: what lies under a button is looked at once."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._under: dict[str, list[str]] = {}

    async def walk(self, first: str) -> dict[tuple[str, ...], list[str]]:
        """All kinds of buttons that can be reached from a question, and what lies under each of their replies."""
        call = await self.house.bot.answer(updated(first))
        assert call is not None
        found: dict[tuple[str, ...], list[str]] = {}
        waiting = lines_of(call)
        while waiting and len(found) < MAX_REPLIES:
            line = waiting.pop(0)
            if kind_of(line) in found or line.split()[0] in ("alert", "alerts"):
                continue
            if line not in self._under:
                self._under[line] = await self._press(line)
            found[kind_of(line)] = self._under[line]
            waiting += found[kind_of(line)]
        assert len(found) < MAX_REPLIES
        return found

    async def _press(self, line: str) -> list[str]:
        reply = await self.house.bot.answer(pressed(line))
        assert reply is not None, line
        assert reply["method"] != "answerCallbackQuery", (line, reply)
        text = text_of(reply)
        assert "out of date" not in text, line
        assert "is not understood" not in text, line
        assert "went wrong" not in text, line
        return lines_of(reply)


async def test_every_button_leads_to_a_reply_with_buttons() -> None:
    async with a_house(EXCHANGES="binance", VOLSCAN_SYMBOLS="10") as house:
        walks = Walks(house)
        for first in BEGIN:
            found = await walks.walk(first)
            assert [line for line, buttons in found.items() if not buttons] == [], first
            assert all(line[0].lstrip("+") in bot.COMMANDS for line in found), first


async def test_every_market_answer_is_reached_from_every_other() -> None:
    """Back and forth: whatever one looks at, its neighbours lead to all the others."""
    async with a_house(EXCHANGES="binance", VOLSCAN_SYMBOLS="10") as house:
        walks = Walks(house)
        for name in ("price", "profile", "ls"):
            reached = {line[0] for line in await walks.walk(f"/{name} BTC")}
            assert set(LABELS) <= reached, name


@pytest.mark.parametrize(("interval", "kind"), [("4h", "spot"), ("1h", "perp"), ("4h", "perp")])
@pytest.mark.parametrize("name", ["volume", "cvd", "analysis", "price", "profile"])
async def test_interval_and_kind_travel_along(name: str, interval: str, kind: str) -> None:
    """On every neighbour's button, and on theirs: so the way back leads to where one came from."""
    async with a_house(EXCHANGES="binance") as house:
        call = await house.bot.answer(updated(f"/{name} BTC {interval} {kind}"))
        assert call is not None
        neighbours = [line for line in lines_of(call) if line.split()[0] in LABELS and line.split()[0] != name]
        assert neighbours
        for line in neighbours:
            words = line.split()[1:]
            assert interval in words, line
            assert kind in words, line
            there = await house.bot.answer(pressed(line))
            assert there is not None
            back = [each for each in lines_of(there) if each.split()[0] == name]
            assert all(interval in each.split() and kind in each.split() for each in back), (line, back)


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
    "question", ["/price NOPE", "/oi ...", "/volume", "/top10 foo", "/nope", "/oi OKB", "what is it"]
)
async def test_no_refusal_is_a_dead_end(question: str) -> None:
    async with a_house(EXCHANGES="okx,binance") as house:
        call = await house.bot.answer(updated(question))
        assert call is not None
        for line in lines_of(call) or ["no button at all"]:
            reply = await house.bot.answer(pressed(line))
            assert reply is not None
            assert reply["method"] != "answerCallbackQuery", line
