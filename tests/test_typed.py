"""What is meant by what people type: bare coins, short names, slips of the thumb."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ADA, a_house, pressed, text_of, together, updated
from test_alert import a_watching_house

import bot
from answers.typed import Meant, meant, nearest
from demo.telegram_html import parse
from exchanges.table import EXCHANGES

NAMES = tuple(bot.COMMANDS)
GROUP = -100


@together(
    "typed, command",
    [
        ("pirce", "price"),
        ("prise", "price"),
        ("pric", "price"),
        ("prices", "price"),
        ("volum", "volume"),
        ("vloume", "volume"),
        ("analisys", "analysis"),
        ("fundign", "funding"),
        ("ballance", "balance"),
        ("position", "positions"),
        ("topp10", "top10"),
        ("volscn", "volscan"),
        ("statsu", "status"),
        ("hlep", "help"),
        ("profil", "profile"),
        ("xyz", ""),
        ("nope", ""),
        ("q", ""),
        ("", ""),
    ],
)
def test_slips_of_the_thumb(typed: str, command: str) -> None:
    assert nearest(typed, NAMES) == command


@together("short, command", [("p", "price"), ("v", "volume"), ("f", "funding"), ("pos", "positions")])
def test_short_names(short: str, command: str) -> None:
    assert meant(short, ["BTC"], NAMES) == Meant(command, ["BTC"])


@together(
    "text, name, words",
    [
        ("btc", "price", ["btc"]),
        ("btc eth sol", "price", ["btc", "eth", "sol"]),
        ("$BTC", "price", ["$BTC"]),
        ("price btc", "price", ["btc"]),
        ("OI btc", "oi", ["btc"]),
        ("funding", "funding", []),
        ("vol btc", "volume", ["btc"]),
        ("what should I do with all of it", "", ["what", "should", "I", "do", "with", "all", "of", "it"]),
        ("?", "", ["?"]),
        ("", "", []),
    ],
)
def test_text_without_a_slash(text: str, name: str, words: list[str]) -> None:
    assert meant("", text.split(), NAMES) == Meant(name, words)


def test_words_are_coins_only_where_they_are_listed() -> None:
    assert meant("", ["thanks"], NAMES, {"BTC"}) == Meant("", ["thanks"], "price thanks")  # offered, not asked
    assert meant("", ["btc"], NAMES, {"BTC"}) == Meant("price", ["btc"])


@together(
    "text, known, expected",
    [
        ("on the btc", {"BTC"}, Meant("price", ["btc"])),
        ("the btc", {"THE", "BTC"}, Meant("price", ["the", "btc"])),  # a coin of that name
        ("btc oi funding", {"BTC"}, Meant("", ["btc", "oi", "funding"])),
        ("btc thanks", {"BTC"}, Meant("", ["btc", "thanks"])),
        ("btc eth sol xrp doge ada", set(), Meant("price", ["btc", "eth", "sol", "xrp", "doge", "ada"])),
        ("btc eth sol xrp doge up", set(), Meant("", ["btc", "eth", "sol", "xrp", "doge", "up"])),
        ("btc eth sol xrp doge ada oi", set(), Meant("", ["btc", "eth", "sol", "xrp", "doge", "ada", "oi"])),
        ("btc alerts", {"BTC"}, Meant("", ["btc", "alerts"])),  # which are not of a coin
        ("what about btc", {"BTC"}, Meant("price", ["btc"])),
        ("1h spot", {"BTC"}, Meant("", ["1h", "spot"])),
        ("btc usdc", {"BTC", "USDC"}, Meant("price", ["btc", "usdc"])),
        ("eur usd", {"BTC"}, Meant("", ["eur", "usd"])),
        ("XYZ-27DEC26", {"BTC"}, Meant("", ["XYZ-27DEC26"])),
    ],
)
def test_what_stands_around_a_coin(text: str, known: set[str], expected: Meant) -> None:
    assert meant("", text.split(), NAMES, known) == expected


@together(
    "name, known, guess",
    [
        ("sol", (), "price sol"),
        ("xyz", ("XYZ",), "price xyz"),
        ("xyz", (), ""),
        ("oi", ("OI",), ""),
        ("op", ("OP",), "price op"),
    ],
)
def test_coin_with_a_slash(name: str, known: tuple[str, ...], guess: str) -> None:
    assert meant(name, [], NAMES, known).guess == guess


async def test_groups_do_not_hear_of_coins_with_a_slash() -> None:
    """It may be another bot's command; named, we answer."""
    async with a_house(TELEGRAM_CHAT_ID="*") as house:
        await house.bot.learn_username()
        assert await house.bot.answer(updated("/btc", chat_id=GROUP)) is None
        assert await house.bot.answer(updated("/btc@OtherBot", chat_id=GROUP)) is None
        assert await house.bot.answer(updated(" /price@OtherBot btc", chat_id=GROUP)) is None
        assert await house.bot.answer(updated(f"/btc@{house.bot.username}", chat_id=GROUP)) is not None


def test_slip_without_a_slash() -> None:
    assert meant("", ["fundign", "btc"], NAMES) == Meant("", ["fundign", "btc"], "funding btc")


@together(
    "payload, expected",
    [
        ("price_BTC", Meant("price", ["BTC"])),
        ("oi_ETH", Meant("oi", ["ETH"])),
        ("chart_BTC_4h", Meant("chart", ["BTC", "4h"])),
        ("ref42", Meant("start", [])),
        ("_", Meant("start", [])),
        ("alert_BTC>1", Meant("start", [])),  # which no link can carry
        ("alert_BTC", Meant("alert", ["BTC"])),
        ("alert_BTC_70000", Meant("alert", ["BTC"])),
        ("alert_delete_abc123", Meant("alert", ["delete"])),  # a coin that nobody lists
        ("alerts_delete_abc123", Meant("alerts", [])),
        ("settings", Meant("settings", [])),
        ("settings_quiet_00-23", Meant("settings", ["quiet"])),
        ("watch", Meant("watch", [])),
        ("watch_BTC", Meant("price", ["BTC"])),
        ("watch_add_BTC", Meant("price", ["BTC"])),
        ("watch_add", Meant("watch", ["edit"])),
        ("watch_Remove_BTC", Meant("watch", ["edit"])),
    ],
)
def test_payload_of_a_link(payload: str, expected: Meant) -> None:
    assert meant("start", [payload], NAMES) == expected


async def test_a_link_changes_nothing(tmp_path: Path) -> None:
    """Whoever posted it: one press of START asks what it carries."""
    async with a_watching_house(tmp_path) as house:
        assert house.bot.duty is not None
        await house.ask("/watch BTC ETH")
        await house.ask("/alert BTC > 900000", update_id=2)
        store = house.bot.duty.store
        assert store is not None
        (alert,) = await store.alerts_of_chat(ADA)

        async def kept() -> tuple[object, ...]:
            return await store.alerts_of_chat(ADA), await store.watched(ADA), (await store.chat(ADA)).settings

        before = await kept()
        payloads = ["alert_BTC_70000", "alert_BTC_every_4h", "alert_pos_liq_10", "settings_quiet_00-23"]
        payloads += ["settings_rich_on", "settings_symbol_ETH", "watch_remove_BTC", "watch_add_SOL", "watch_SOL"]
        payloads += [f"{each}_{act}_{alert.id}" for each in ("alert", "alerts") for act in ("pause", "delete", "again")]
        for n, payload in enumerate(payloads):
            text = await house.ask(f"/start {payload}", update_id=10 + n)
            assert "went wrong" not in text, payload
            assert payload.upper() not in text
            assert await kept() == before, payload


async def test_guess_is_a_button() -> None:
    async with a_house() as house:
        call = await house.bot.answer(updated("/pirce BTC"))
        assert call is not None
        assert call["text"].startswith("/pirce? I know /price.")
        assert call["reply_markup"]["inline_keyboard"] == [[{"text": "/price BTC", "callback_data": "price BTC"}]]


@pytest.mark.parametrize(
    "typed", ["/pri\u202ece btc", "/oi \u202efoo!", "/volume btc \u2067x", "/start \u202ex", "/chart \u202eA B"]
)
async def test_no_sentence_of_ours_is_turned_round(typed: str) -> None:
    async with a_house() as house:
        assert not set("\u202e\u2067") & set(await house.ask(typed))


async def test_a_word_in_no_list_may_be_asked_for() -> None:
    """Of a coin that only the third exchange has, while only the first one's list is kept."""
    async with a_house() as house:
        await house.ask("/top10")
        call = await house.bot.answer(updated("okb", update_id=2))
        assert call is not None
        last = call["reply_markup"]["inline_keyboard"][0][-1]
        assert (call["text"], last["callback_data"]) == ("Type a coin, such as BTC, or /help.", "price okb")
        assert "<b>OKB " in text_of(await house.bot.answer(pressed("price okb", update_id=3)) or {})


async def test_bare_coin_is_priced_in_private_only() -> None:
    async with a_house(TELEGRAM_CHAT_ID="*") as house:
        assert "<b>BTC " in await house.ask("btc")
        assert await house.bot.answer(updated("btc", chat_id=GROUP)) is None


async def test_slip_in_a_group_is_answered_when_we_are_named() -> None:
    async with a_house(TELEGRAM_CHAT_ID="*") as house:
        assert await house.bot.answer(updated("/pirce BTC", chat_id=GROUP)) is None
        await house.bot.learn_username()
        call = await house.bot.answer(updated(f"/pirce@{house.bot.username} BTC", chat_id=GROUP))
        assert call is not None
        assert "I know /price" in call["text"]


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        ("/oi OKX", ["price OKX"]),  # OKB has no perpetual
        ("/oi AERO-EUR", ["price AERO"]),
        ("/oi BTCC", ["oi BTC"]),
        ("/oi FTT:PERP perp", ["oi PEPE perp"]),
        ("/price XUSDD", ["price XUSD"]),  # and USD is none
    ],
)
async def test_what_is_offered_instead_is_listed(typed: str, lines: list[str]) -> None:
    async with a_house() as house:
        call = await house.bot.answer(updated(typed))
        assert call is not None
        assert [each["callback_data"] for each in call["reply_markup"]["inline_keyboard"][0]] == lines


TABLE = [
    tuple(line.replace("\\u200b", "\u200b").replace("{all}", str(len(EXCHANGES))).split(" => "))
    for line in (Path(__file__).parent / "data" / "typed.txt").read_text().splitlines()
    if not line.startswith("#")
]


def test_table_of_what_people_type_is_long_enough() -> None:
    assert len({typed for typed, _, _ in TABLE}) == len(TABLE) >= 120


async def test_what_people_type() -> None:
    """See data/typed.txt."""
    async with a_house(VOLSCAN_SYMBOLS="5", RATE_BUDGETS="0") as house:
        house.stop_at(1_763_906_602.0)
        wrong = []
        for typed, beginning, line in TABLE:
            call = await house.bot.answer(updated(typed))
            assert call is not None, typed
            first = call["reply_markup"]["inline_keyboard"][0][0].get("callback_data", "")
            if not parse(text_of(call)).text.startswith(beginning) or first != line:
                wrong.append((typed, parse(text_of(call)).text[:80], first))
        assert wrong == []
