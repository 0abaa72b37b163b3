"""What people type after a command, and every command with every exchange failing: always an answer or a sentence."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from conftest import House, a_house, pressed, some, text_of, together

from answers import profile
from answers.asked import Misread, of_market
from asking.races import DEADLINE_S
from bot import COMMANDS
from clock import loop_time
from demo.telegram_html import parse
from demo.web import FAULTS
from exchanges.table import EXCHANGES
from exchanges.words import INTERVALS

pytestmark = pytest.mark.no_cover  # others reach what these do

NOW = 1_763_906_602.0  # 2025-11-23 14:03:22 UTC
FOREIGN = (
    *("Traceback", "Error", "Exception", "HTTP/1.1", "{", "}", "retMsg", "retCode", "<html", "127.0.0.1", "None"),
    *("UnknownSymbol", "Unavailable", " nan", " inf", "request weight"),
)
OF_A_SYMBOL = ("price", "analysis", "volume", "cvd", "profile", "ls", "oi", "funding", "chart", "spread", "liq")
MARKET_QUESTIONS = (
    *(f"/{each} BTC" for each in OF_A_SYMBOL),
    *("/funding top", "/top10", "/top10 spot", "/top10 oi", "/top10 funding", "/top10 losers", "/volscan"),
)
GENERAL = ("/help", "/start")


@asynccontextmanager
async def a_small_house(**variables: str) -> AsyncIterator[House]:
    async with a_house(VOLSCAN_SYMBOLS="10", **variables) as house:
        yield house


def is_well(text: str) -> str:
    """The message as it is read; fails for what no message may be."""
    told = parse(text).text
    assert "Something went wrong" not in told
    assert 0 < len(told) <= 4096
    return told


# Every spelling of a symbol.

SPELLINGS = (
    *("BTC", "btc", "Btc", "$BTC", "#btc", "$btc", "BTCUSDT", "btcusdt", "BtcUsdt", "$BTCUSDT", "#BTCUSDT"),
    *("BTC-USDT", "btc-usdt", "BTC/USDT", "btc/usdt", "BTC_USDT", "btc_usdt", "BTCUSD", "btcusd", "BTC-USD", "BTC/USD"),
    *("BTC_USD", "btc-usd", "btc/usd", "BTC-USDT-SWAP", "btc-usdt-swap", "BTC-USD-SWAP", "btc-usd-swap", "BTC-SWAP"),
    *("BTC/USDT:USDT", "btc/usdt:usdt", "BTC/USD:BTC", "BTCUSDT.P", "btcusdt.p", "BTCUSD.P", "BTC.P", "BTCPERP"),
    *("btcperp", "BTC-PERP", "btc-perp", "BTC_PERP", "BTC/PERP", "BTCUSDTPERP", "BTCUSDT-PERP", "BTCUSDT_PERP"),
    *("BTC-USDT-PERP", "BTC_USDT_PERP", "BTC/USDT-PERP", "BTCUSD_PERP", "BTCUSD-PERP", "BTC-USD-PERP"),
    *("BINANCE:BTCUSDT", "binance:btcusdt", "BINANCE:BTCUSDT.P", "BYBIT:BTCUSDT.P", "OKX:BTC-USDT", "OKX:BTCUSDT"),
    *("COINBASE:BTCUSD", "1000BTC", "1000BTCUSDT", "$1000BTC", "BTCUSDT,", "BTC;"),
)


def test_spellings_are_many() -> None:
    assert len(set(SPELLINGS)) == len(SPELLINGS) >= 60


EVERY_SPELLING = [(command, SPELLINGS[n::4]) for command in OF_A_SYMBOL for n in range(4)]


@pytest.mark.parametrize(("command", "spellings"), some(EVERY_SPELLING, 5))
async def test_symbol_any_spelling(command: str, spellings: tuple[str, ...]) -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        wanted = without_times(await house.ask(f"/{command} BTC"))
        assert parse(wanted).text.startswith("BTC ")
        for spelling in spellings:
            assert without_times(await house.ask(f"/{command} {spelling}")) == wanted, spelling


def without_times(text: str) -> str:
    return re.sub(r"\d+ ms", "", text)


SPELT_OTHERWISE = {"1000PEPE": "PEPE", "1000PEPEUSDT": "PEPE", "BTC-USDC": "BTC", "jup": "JUP", "SUPERUSDT": "SUPER"}


@pytest.mark.parametrize(("command", "spelling"), some(itertools.product(OF_A_SYMBOL, SPELT_OTHERWISE), 6))
async def test_symbol_of_other_markets(command: str, spelling: str) -> None:
    async with a_house() as house:
        assert is_well(await house.ask(f"/{command} {spelling}")).startswith(SPELT_OTHERWISE[spelling])


JUNK = ("-", "%", "🚀", "<b>", "BTC--USDT", "../../etc", "'DROP", "&amp;", "A" * 25, "BT-CUSDT", "\u202eBTC", "BTC/")


@pytest.mark.parametrize("command", OF_A_SYMBOL)
async def test_symbol_junk_is_refused_with_a_reason(command: str) -> None:
    """At once, with what to type instead, and without asking anybody."""
    async with a_house() as house:
        for word in JUNK:
            text = is_well(await house.ask(f"/{command} {word}"))
            assert "is not a symbol. Try BTC, or BTC-USDT." in text or "not understood" in text, word
        assert "is what prices are counted in here" in await house.ask(f"/{command} USDT")
        assert sum(site.n_requests for site in house.world.sites.values()) == 0


@pytest.mark.parametrize("command", OF_A_SYMBOL)
async def test_symbol_that_nobody_lists_is_refused_with_a_reason(command: str) -> None:
    async with a_house(RATE_BUDGETS="0") as house:
        text = is_well(await house.ask(f"/{command} QQQQQQ"))
        assert re.search(r"(Not listed|No perpetual) on any of \d+ exchanges: QQQQQQ\.", text)
        assert "QQQQQQ" in text
        assert "try again" not in text
        assert "Did you mean BTC?" in is_well(await house.ask(f"/{command} BTCC"))


@pytest.mark.parametrize("command", ["price", "analysis", "volume", "cvd", "ls"])
async def test_symbol_left_out(command: str) -> None:
    async with a_house() as house:
        text = await house.ask(f"/{command}")
        assert text.startswith(f"Which symbol? For example /{command} BTC")
        assert sum(site.n_requests for site in house.world.sites.values()) == 0


@pytest.mark.parametrize("command", ["profile", "oi", "funding", "liq"])
async def test_symbol_left_out_is_bitcoin(command: str) -> None:
    async with a_house() as house:
        assert is_well(await house.ask(f"/{command}")).startswith("BTC")


@pytest.mark.parametrize("command", ["oi", "funding", "ls"])
async def test_symbol_one_at_a_time(command: str) -> None:
    async with a_house() as house:
        assert await house.ask(f"/{command} BTC ETH") == "This is about one coin at a time: BTC, or ETH."


# Words after the symbol.


@together(
    "words, choice, markets",
    [
        ("BTC", "15m", ("perp", "spot")),
        ("BTC 1h", "1h", ("perp", "spot")),
        ("BTC 1H", "1h", ("perp", "spot")),
        ("BTC spot", "15m", ("spot",)),
        ("BTC 4h spot", "4h", ("spot",)),
        ("BTC SPOT 4h", "4h", ("spot",)),
        ("BTC perp", "15m", ("perp",)),
        ("BTC futures 1d", "1d", ("perp",)),
        ("BTC swap", "15m", ("perp",)),
    ],
)
def test_words_in_any_order(words: str, choice: str, markets: tuple[str, ...]) -> None:
    assert of_market(words.split(), "volume", "15m") == ("BTC-USDT", choice, markets)


@together("word", ["7m", "60", "1w", "1 h", "<b>", "", "🚀", "x" * 4000])
def test_words_not_understood(word: str) -> None:
    with pytest.raises(Misread) as caught:
        of_market(["BTC", word], "volume", "15m")
    assert "is not understood here" in str(caught.value)
    assert "1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 12h, 1d" in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("word", ["ETH", "spott"])
def test_a_second_coin(word: str) -> None:
    with pytest.raises(Misread) as caught:
        of_market(["BTC", word], "volume", "15m")
    assert str(caught.value) == f"This is about one coin at a time: BTC, or {word}."


@pytest.mark.parametrize("command", ["analysis", "volume", "cvd"])
async def test_interval_of_every_length(command: str) -> None:
    async with a_house() as house:
        for interval in INTERVALS:
            text = is_well(await house.ask(f"/{command} BTC {interval}"))
            assert text.startswith(("BTC perp", f"BTC perp {interval} ")[command == "analysis"]), interval


@pytest.mark.parametrize("window", profile.PROFILE_WINDOWS)
async def test_window_of_every_length(window: str) -> None:
    async with a_house() as house:
        assert is_well(await house.ask(f"/profile BTC {window}")).startswith(f"BTC perp profile {window}")


async def test_window_alone_is_of_bitcoin() -> None:
    """As the usage says: [SYMBOL] [today|24h|7d|30d]."""
    async with a_house() as house:
        assert is_well(await house.ask("/profile 7d")).startswith("BTC perp profile 7d")
        assert is_well(await house.ask("/profile 7d spot")).startswith("BTC spot profile 7d")


async def test_usage_names_words_that_are_understood() -> None:
    """Every word of /help's usage, with and without what is in brackets."""
    async with a_small_house() as house:
        for name, command in COMMANDS.items():
            if command.is_private:
                continue
            usage = command.usage.replace("SYMBOL", "BTC").replace("…", "")
            options = [part.split("|") for part in re.findall(r"\[([^\]]*)\]", usage)]
            fixed = re.sub(r"\[[^\]]*\]", "", usage).strip()
            for words in itertools.product(*([*option, ""] for option in options)):
                text = is_well(await house.ask(f"/{name} {fixed} {' '.join(words)}".strip()))
                assert "not understood" not in text, (name, words)
                assert "not a symbol" not in text, (name, words)
                assert "not listed" not in text, (name, words)


# Hostile words.

HOSTILE = (
    *("<b>", "</pre>", "<a href='x'>", "&", "&lt;", '"', "'", "\u202e", "\u202eBTC\u202c", "🚀", "é", "]]>", "ＢＴＣ"),
    *("1e999", "nan", "-5", "٣", "inf", "0", "-0", "1e-999", "NaN%", "½", "²", "0x10", "1_000", "∞", "9" * 400),
    *("x" * 4000, "<" * 4000, "🚀" * 2000, "%s%s%n", "{}", "{0}", "\\", "\x00", "\u200b", "a\u0301", "⑨", "None"),
    *("../../etc/passwd", "'; DROP TABLE", "@bot", "/price", "BTC\u00a0ETH", "ß", "ﬀ", "İ", "ǅ"),
)


@pytest.mark.parametrize("words", [HOSTILE[::4], pytest.param(HOSTILE, marks=pytest.mark.trial)], ids=["some", "all"])
@pytest.mark.parametrize("command", [*OF_A_SYMBOL, "top10", "volscan", "help", "start"])
async def test_hostile_words(command: str, words: tuple[str, ...]) -> None:
    lines = [f"/{command}{symbol} {word}" for word in words for symbol in ("", " BTC")]
    async with a_small_house() as house:
        for line, text in zip(lines, await asyncio.gather(*map(house.ask, lines)), strict=True):
            assert len(is_well(text)) < 2500, line[:40]


async def test_many_words() -> None:
    async with a_small_house() as house:
        for name in (*OF_A_SYMBOL, "top10", "volscan"):
            is_well(await house.ask(f"/{name} " + "BTC 15m spot " * 300))


# Buttons.


PRESSED = (*MARKET_QUESTIONS, "/analysis BTC spot", "/analysis PEPE 1h", "/oi PEPE", "/ls JUP")


@pytest.mark.parametrize("question", some(((question,) for question in PRESSED), 4))
async def test_buttons_are_understood(question: str) -> None:
    """Each one, pressed under the answer, gives another answer."""
    async with a_small_house() as house:
        call = await house.bot.answer(pressed(question.removeprefix("/")))
        assert call is not None
        rows = call["reply_markup"]["inline_keyboard"]
        assert 0 < len(rows) <= 4
        for button in itertools.chain.from_iterable(rows):
            if "copy_text" in button:
                continue
            assert 1 <= len(button["callback_data"].encode()) <= 64
            assert 1 <= len(button["text"]) <= 20
            edited = await house.bot.answer(pressed(button["callback_data"]))
            assert edited is not None
            method = {"chart": "editMessageMedia", "+alert": "sendMessage", "+watch": "sendMessage"}.get(
                button["callback_data"].split()[0]
            )
            assert edited["method"] == (method or "editMessageText"), button
            text = is_well(text_of(edited))
            for refusal in (
                "not understood",
                "Which symbol",
                "not a symbol",
                "Not listed",
                "No perpetual on",
                "do not know",
            ):
                assert refusal not in text, button


@pytest.mark.parametrize("command", ["analysis", "volume", "cvd", "profile"])
async def test_buttons_stay_in_their_market(command: str) -> None:
    """Under a report of the spot market “1h” or “7d” is of spot too."""
    async with a_house() as house:
        call = await house.bot.answer(pressed(f"{command} BTC spot"))
        assert call is not None
        for button in call["reply_markup"]["inline_keyboard"][1]:
            edited = await house.bot.answer(pressed(button["callback_data"]))
            assert edited is not None
            assert parse(text_of(edited)).text.split("\n")[0].split()[1] == "spot", button


@pytest.mark.parametrize(
    "question", ["analysis BTC 1h", "volume BTC 1h", "cvd BTC 4h", "profile BTC 7d", "top10 spot gainers"]
)
async def test_button_that_is_chosen_is_marked(question: str) -> None:
    async with a_house() as house:
        call = await house.bot.answer(pressed(question))
        assert call is not None
        marked = [b for row in call["reply_markup"]["inline_keyboard"] for b in row if b["text"].startswith("•")]
        assert [button["text"].removeprefix("•") for button in marked] == [question.split()[-1]]


async def test_every_answer_can_be_asked_anew() -> None:
    """A refresh button, or the marked one of a row, repeats the question."""
    async with a_small_house() as house:
        for question in MARKET_QUESTIONS:
            call = await house.bot.answer(pressed(question.removeprefix("/")))
            assert call is not None
            title = parse(text_of(call)).text.split("\n")[0]
            again = []
            for button in itertools.chain.from_iterable(call["reply_markup"]["inline_keyboard"]):
                if button["text"].startswith(("🔄", "•")):
                    edited = await house.bot.answer(pressed(button["callback_data"]))
                    assert edited is not None
                    again.append(parse(text_of(edited)).text.split("\n")[0])
            assert [re.sub(r"[\d.,]+", "", each) for each in again].count(re.sub(r"[\d.,]+", "", title)), question


# Every exchange failing in every way.


ALL_FAIL = ("refuse", "hang", "500", "451", "html", "types")
"""In every run; test_faults.py has each fault, too."""


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=[] if fault in ALL_FAIL else pytest.mark.trial) for fault in FAULTS]
)
async def test_all_exchanges_fail(fault: str) -> None:
    async with a_small_house() as house:
        for name in house.world.sites:
            await house.world.set_fault(name, fault)
        began = loop_time()
        texts = await asyncio.gather(*(house.ask(question) for question in (*MARKET_QUESTIONS, *GENERAL)))
        assert loop_time() - began < 8
        for question, text in zip((*MARKET_QUESTIONS, *GENERAL), texts, strict=True):
            told = is_well(text)
            assert [word for word in FOREIGN if word in told] == [], question
            if question not in GENERAL and fault not in ("nulls", "empty", "types"):
                assert told.startswith("No "), question
                assert len(told) < 400


@pytest.mark.parametrize("exchange", some(((each,) for each in EXCHANGES), 2))
async def test_only_one_exchange(exchange: str) -> None:
    """Whatever it does not offer is a sentence, which does not ask to try again."""
    async with a_small_house(EXCHANGES=exchange) as house:
        for question in (*MARKET_QUESTIONS, "/cvd BTC spot", "/analysis BTC 4h", "/volume BTC 2h", "/profile BTC 30d"):
            told = is_well(await house.ask(question))
            assert [word for word in FOREIGN if word in told] == [], question
            if told.startswith("No "):
                assert "try again" not in told or "limits" in told, question
            assert "$0 " not in told, question
            assert "9999d" not in told, question


@pytest.mark.parametrize("exchange", some(((each,) for each in EXCHANGES), 3))
async def test_only_one_exchange_in_reverse_order(exchange: str) -> None:
    """What one command leaves in the cache must not break another, in whatever order they come."""
    async with a_small_house(EXCHANGES=exchange) as house:
        forwards = [is_well(await house.ask(question)) for question in MARKET_QUESTIONS]
        assert len(forwards) == len(MARKET_QUESTIONS)
    async with a_small_house(EXCHANGES=exchange) as house:
        for question, before in zip(reversed(MARKET_QUESTIONS), reversed(forwards), strict=True):
            told = is_well(await house.ask(question))
            if "limits" not in told + before:
                titles = [re.sub(r"[\d.,+%-]+", "", each.split("\n")[0]) for each in (told, before)]
                assert titles[0] == titles[1], question


ONE_FAILS = itertools.product(("binance", "bybit", "okx", "gate"), ("hang", "500", "451", "nulls", "types", "empty"))


@pytest.mark.parametrize(("exchange", "fault"), some(ONE_FAILS, 7))
async def test_one_exchange_fails(exchange: str, fault: str) -> None:
    async with a_small_house() as house:
        await house.world.set_fault(exchange, fault)
        for question in MARKET_QUESTIONS:
            told = is_well(await house.ask(question))
            assert [word for word in FOREIGN if word in told] == [], question
            assert not told.startswith("No "), question
            if question in ("/oi BTC", "/funding BTC"):
                whole = (f"No perpetual of BTC on {EXCHANGES[exchange].name}.", "has no trades of it yet.")
                assert "(partial)" in told or any(each in told for each in whole)
                assert EXCHANGES[exchange].name in told


async def test_commands_end_in_time_when_all_hang() -> None:
    """The deadline is kept by the commands themselves, not by the bot's last resort."""
    async with a_small_house() as house:
        for name in house.world.sites:
            await house.world.set_fault(name, "hang")
        began = loop_time()
        texts = await asyncio.gather(*(house.ask(question) for question in MARKET_QUESTIONS))
        assert loop_time() - began < DEADLINE_S + 0.1
        for text in texts:
            assert is_well(text).startswith("No ")
            assert "This takes too long" not in text


@pytest.mark.parametrize("question", ["/price 1000CAT 1000XX 1000YY 1000ZZ", "/oi 1000CAT", "/chart 1000CAT 1000XX"])
async def test_finding_out_what_a_thousand_is_of_costs_no_time_beyond(question: str) -> None:
    async with a_small_house() as house:
        for name in house.world.sites:
            await house.world.set_fault(name, "hang")
        began = loop_time()
        assert is_well(await house.ask(question)).startswith("No ")
        assert loop_time() - began < DEADLINE_S + 0.1


async def test_a_price_that_took_long_comes_without_the_rest() -> None:
    async with a_small_house() as house:
        for name in house.world.sites.keys() - {"DERIBIT"}:
            await house.world.set_fault(name, "hang")
        house.world.set_path_fault("DERIBIT", "/api/v2/public/get_tradingview", "hang")
        began = loop_time()
        assert (await house.ask("/price BTC")).startswith("<b>BTC ")
        assert loop_time() - began < DEADLINE_S + 0.1


async def test_commands_leave_nothing_running() -> None:
    async with a_small_house() as house:
        await house.world.set_fault("binance", "hang")
        before = asyncio.all_tasks()
        await asyncio.gather(*(house.ask(question) for question in MARKET_QUESTIONS))
        await asyncio.sleep(0.05)
        ours = [task for task in asyncio.all_tasks() - before if "demo" not in repr(task)]
        assert [task for task in ours if "_market_caps" not in repr(task) and "load" not in repr(task)] == []
