"""What people type behind /alert: what is read of it, said back in words; what is refused, and what is asked back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import together

from answers.alert import round_level
from answers.conditions import AskBack, Misunderstood, parse_number, read_condition
from answers.judging import DAY_MS, HOUR_MS, Rule, load_rule
from answers.rule_words import format_level, format_span, in_words

ROOT = Path(__file__).parent.parent
EXCHANGES = ("binance", "okx", "bybit")

READ = {
    # A price.
    "BTC 70000": "BTC crosses 70,000, once",
    "btc liq $2.5m 1h": "BTC liquidations rise above $2,500,000 within 1h, once",
    "btc liquidation above 500k": "BTC liquidations rise above $500,000 within 15m, once",
    "BTC > 70000": "BTC rises above 70,000, once",
    "BTC>70000": "BTC rises above 70,000, once",
    "BTC >= 70k": "BTC rises above 70,000, once",
    "BTC ≥70k": "BTC rises above 70,000, once",
    "BTC ＞ 70000": "BTC rises above 70,000, once",
    "BTC ＜ ７００００": "BTC falls below 70,000, once",
    "BTC < 60k": "BTC falls below 60,000, once",
    "BTC <= 60.5k": "BTC falls below 60,500, once",
    "btc above 70k": "BTC rises above 70,000, once",
    "btc below 60 000": "BTC falls below 60,000, once",
    "btc over $70000": "BTC rises above 70,000, once",
    "btc under 60,000": "BTC falls below 60,000, once",
    "BTC 70,000": "BTC crosses 70,000, once",
    "BTC 70.000,5": "BTC crosses 70,000.5, once",
    "BTC 70'000": "BTC crosses 70,000, once",
    "BTC 1,234,567.5": "BTC crosses 1,234,567.5, once",
    "BTC 1.234.567": "BTC crosses 1,234,567, once",
    "#btc 70000": "BTC crosses 70,000, once",
    "xrp 2.345": "XRP crosses 2.345, once",
    "pepe below 0.00001": "PEPE falls below 0.00001, once",
    "1000PEPE > 0.012": "1000PEPE rises above 0.012, once",
    "eth > 0,25": "ETH rises above 0.25, once",  # no thousands begin so
    "doge < 0,05": "DOGE falls below 0.05, once",
    "BTC basis < -0,3%": "BTC basis falls below -0.3 %, once",
    "PEPE > 0.000000000000123": "PEPE rises above 0.000000000000123, once",
    "1inch > 0.4": "1INCH rises above 0.4, once",
    "BTC/USDT > 70000": "BTC/USDT rises above 70,000, once",
    "btc-usdt < 60000": "BTC-USDT falls below 60,000, once",
    "if BTC goes above 70k then alert me once": "BTC rises above 70,000, once",
    "alert me when btc drops to 60k": "BTC falls below 60,000, once",
    "BTC crosses 70000": "BTC crosses 70,000, once",
    "BTC 70000 either": "BTC crosses 70,000, once",
    # A move.
    "ETH -3% 15m": "ETH falls 3 % within 15m, once",
    "ETH −3 % 15m": "ETH falls 3 % within 15m, once",
    "ETH - 3% 15m": "ETH falls 3 % within 15m, once",
    "ETH 5% 1h": "ETH rises or falls 5 % within 1h, once",
    "ETH ±5% 1h": "ETH rises or falls 5 % within 1h, once",
    "ETH +5% 1h": "ETH rises 5 % within 1h, once",
    "eth down 3% in 15m": "ETH falls 3 % within 15m, once",
    "eth up by 2.5% within 30 minutes": "ETH rises 2.5 % within 30m, once",
    "eth pumps 10% 4h": "ETH rises 10 % within 4h, once",
    "15m eth -3%": "ETH falls 3 % within 15m, once",
    "BTC 5%": "BTC rises or falls 5 % from the price last told, once",
    "BTC every 2%": "BTC rises or falls 2 % from the price last told, every time",
    "BTC step 500": "BTC rises or falls by each 500, every time",
    "BTC every $500": "BTC rises or falls by each 500, every time",
    "BTC up every 1k": "BTC rises by each 1,000, every time",
    # 24 hours.
    "SOL 24h 8%": "SOL rises or falls 8 % over 24h, once",
    "SOL 8% 1d": "SOL rises or falls 8 % over 24h, once",
    "SOL -8% 24h": "SOL falls 8 % over 24h, once",
    # Volume.
    "BTC vol 300% 15m": "BTC 15m volume is 300 % above normal, once",
    "BTC volume 3x 1h": "BTC 1h volume is 200 % above normal, once",
    "BTC 5m volume > 150": "BTC 5m volume is 150 % above normal, once",
    # Funding, open interest, RSI, basis.
    "BTC funding > 0.05": "BTC funding rises above 0.05 % per 8h, once",
    "BTC funding -0.01%": "BTC funding crosses -0.01 % per 8h, once",
    "BTC funding rate below -0.02": "BTC funding falls below -0.02 % per 8h, once",
    "BTC funding negative": "BTC funding falls below 0 % per 8h, once",
    "BTC oi 5% 1h": "BTC open interest rises or falls 5 % within 1h, once",
    "BTC oi -5%": "BTC open interest falls 5 % within 1h, once",
    "BTC open interest up 5% 4h": "BTC open interest rises 5 % within 4h, once",
    "BTC rsi < 30 4h": "BTC 4h RSI falls below 30, once",
    "BTC 15m rsi above 70": "BTC 15m RSI rises above 70, once",
    "BTC rsi 70": "BTC 1h RSI crosses 70, once",
    "BTC basis > 0.3": "BTC basis rises above 0.3 %, once",
    "BTC premium < -0.1%": "BTC basis falls below -0.1 %, once",
    "BTC basis > 30bp": "BTC basis rises above 0.3 %, once",
    "BTC spread > 20bp": "BTC gap between exchanges rises above 20 bp, once",
    "btc spread 20 bps every 1h": "BTC gap between exchanges rises above 20 bp, every time, at most every 1h",
    "spread eth 12.5": "ETH gap between exchanges rises above 12.5 bp, once",
    "eth perp gap over 0.07%": "ETH perp gap between exchanges rises above 7 bp, once",
    "1inch spread between exchanges above 35bps": "1INCH gap between exchanges rises above 35 bp, once",
    # One's own.
    "pos liq 10%": "any position is within 10 % of its liquidation, once",
    "my positions liquidation 15": "any position is within 15 % of its liquidation, once",
    "liq 10% every 1h": "any position is within 10 % of its liquidation, every time, at most every 1h",
    "pos pnl -20%": "PnL of any position falls below -20 % of its margin, once",
    "my pnl > 50%": "PnL of any position rises above 50 % of its margin, once",
    # On time.
    "BTC every 4h": "BTC price every 4h",
    "eth every 15 minutes": "ETH price every 15m",
    "BTC every 1d x3": "BTC price every 24h, 3 times",
    # How often, how long, how loud.
    "BTC > 70000 x3": "BTC rises above 70,000, 3 times",
    "BTC > 70000 3x": "BTC rises above 70,000, 3 times",
    "BTC > 70000 every": "BTC rises above 70,000, every time",
    "BTC > 70000 every time": "BTC rises above 70,000, every time",
    "BTC > 70000 every 1h until 7d": "BTC rises above 70,000, every time, at most every 1h",
    "BTC > 70000 x3 every 30m": "BTC rises above 70,000, 3 times, at most every 30m",
    "BTC > 70000 quiet": "BTC rises above 70,000, once, quiet",
    "quiet btc > 70k": "BTC rises above 70,000, once, quiet",
}

REFUSED = {
    "": "Which symbol?",
    "BTC": "When?",
    "> 70000": "Which symbol?",
    "BTC above": "When?",
    "BTC -5": "A price is above zero",
    "BTC -101% 1h": "Nothing falls by 100 %",
    "BTC falls 100% 24h": "Nothing falls by 100 %",
    "BTC oi -100%": "Nothing falls by 100 %",
    "BTC > -70000": "A price is above zero",
    "BTC 0": "A price is above zero",
    "BTC > 9999999999999": "A price is above zero",
    "BTC > 70000 80000": "One figure at a time",
    "BTC 5% 8%": "One figure at a time",
    "BTC 70000 5%": "A price or a percentage",
    "BTC > 70000 15m": "A price has no window",
    "BTC > 1e5": "“1e5” is no number",
    "BTC > 70kk": "“70kk” is not understood here",
    "BTC 1,2,3": "“1,2,3” is no number",
    "BTC 5% 3d": "A window is from 1m to 12h",
    "BTC 5% 1h 4h": "One span at a time",
    "BTC 0.01% 1h": "move goes from 0.1 to 1000",
    "BTC up -5% 1h": "Up or down?",
    "BTC every 1m": "A timer goes from 5m to 7d",
    "BTC every 1M": "1M may be a month or a million",
    "BTC > 70000 until 1M": "1M may be a month or a million",
    "BTC every 30d": "A timer goes from 5m to 7d",
    "BTC every 4h above": "Just the price on time",
    "BTC rsi 120": "RSI goes from 1 to 99",
    "BTC rsi < 30 7m": "Of which candles?",
    "BTC rsi": "Which RSI",
    "BTC vol -50%": "By how many percent above normal?",
    "BTC vol": "By how many percent above normal?",
    "BTC funding": "At how many percent?",
    "BTC funding > 50": "funding goes from -10 to 10",
    "BTC oi 5000000": "By how many percent?",
    "BTC spread": "Above how many basis points?",
    "BTC spread < 5bp": "Above how many basis points?",
    "BTC spread -5bp": "Above how many basis points?",
    "BTC spread > 20bp 15m": "Above how many basis points?",
    "BTC spread > 30%": "spread goes from 0.1 to 1000",
    "okx BTC spread > 20bp": "A spread lies between all exchanges",
    "BTC spread > 20bq": "“20bq” is not understood here",
    "BTC oi rsi 5%": "One thing at a time",
    "pos": "Of your positions",
    "pos liq": "For all your positions",
    "BTC liq 10%": "For all your positions",
    "pos liq 200%": "distance to liquidation goes from 0.1 to 100",
    "BTC > 70000 x0": "From once to x100",
    "BTC > 70000 x5000": "From once to x100",
    "BTC > 70000 every 90d": "A pause is from 1m to 30d",
    "BTC > 70000 until 7": "Until when?",
    "BTC > 70000 until 9999d": "An alert lives from a minute to 365 days",
    "BTC > 70000 tomorrow": "“tomorrow” is not understood here",
    "BTC ETH > 70000": "“eth” is not understood here",
    "BTC > 70000 <b>": "“b” is not understood here",
    "BTC > " + "7" * 300: "That is longer than 200 letters",
}

ASKED_BACK = {
    "BTC 70,5": ("Is 70,5 meant as 70.5?", ("btc 70.5", "btc 705")),
    "BTC 1,5k": ("Is 1,5k meant as 1.5k?", ("btc 1.5k", "btc 15k")),
    "BTC > 1,5 k": ("Is 1,5k meant as 1.5k?", ("btc > 1.5 k", "btc > 15 k")),
    "BTC > 70.000k": ("Is 70.000k meant as 70k or as 70000k?", ("btc > 70k", "btc > 70000k")),
    "eth liq > $1,5m": ("Is 1,5 meant as 1.5?", ("eth liq > $1.5m", "eth liq > $15m")),
    "BTC > 7,00": ("Is 7,00 meant as 7.00?", ("btc > 7.00", "btc > 700")),
    "BTC > 70.000": ("Is 70.000 meant as 70 or as 70000?", ("btc > 70", "btc > 70000")),
    "eth -2,5% 1h": ("Is 2,5 meant as 2.5?", ("eth -2.5% 1h", "eth -25% 1h")),
    "btc spread > 2,5bp": ("Is 2,5 meant as 2.5?", ("btc spread > 2.5bp", "btc spread > 25bp")),
}


@together("typed, words", READ.items())
def test_what_was_typed_is_said_back(typed: str, words: str) -> None:
    found = read_condition(typed, EXCHANGES)
    assert in_words(found.rule, found.symbol) == words


@together("typed, sentence", REFUSED.items())
def test_what_cannot_be_meant_is_refused(typed: str, sentence: str) -> None:
    with pytest.raises(Misunderstood) as refused:
        read_condition(typed, EXCHANGES)
    assert str(refused.value).startswith(sentence)


@together("typed, asked", ASKED_BACK.items())
def test_what_has_two_meanings_is_asked_back(typed: str, asked: tuple[str, tuple[str, ...]]) -> None:
    with pytest.raises(AskBack) as back:
        read_condition(typed, EXCHANGES)
    assert str(back.value) == asked[0]
    assert back.value.choices == asked[1]
    for choice in back.value.choices:
        read_condition(choice, EXCHANGES)


@together("typed, level", [("pos liq 70.000", 70.0), ("BTC rsi < 30.000 4h", 30.0), ("BTC funding > 2.000", 2.0)])
def test_a_number_means_what_it_can_mean(typed: str, level: float) -> None:
    assert read_condition(typed, EXCHANGES).rule.level == level


def test_a_number_that_can_mean_nothing_is_refused() -> None:
    with pytest.raises(Misunderstood, match=r"distance to liquidation goes from 0\.1 to 100"):
        read_condition("pos liq 700.000", EXCHANGES)


@together(
    "typed, words",
    [
        ("ARB > 1", "ARB rises above 1, once"),
        ("okx ARB spot > 1", "ARB rises above 1, once"),
        ("PUMP 0.005", "PUMP crosses 0.005, once"),
        ("ME -3% 15m", "ME falls 3 % within 15m, once"),
        ("ARB gap > 20bp", "ARB gap between exchanges rises above 20 bp, once"),
        ("arb BTC > 20bp", "BTC gap between exchanges rises above 20 bp, once"),
        ("up BTC 3% 15m", "BTC rises 3 % within 15m, once"),
    ],
)
def test_coins_that_are_called_like_words(typed: str, words: str) -> None:
    found = read_condition(typed, EXCHANGES)
    assert in_words(found.rule, found.symbol) == words


def test_each_table_is_long_enough() -> None:
    assert len(READ) >= 60
    assert len(REFUSED) + len(ASKED_BACK) >= 30


def test_exchange_and_kind_may_stand_anywhere() -> None:
    for typed in ("okx BTC spot > 70000", "BTC > 70000 spot okx", "spot BTC okx > 70000"):
        rule = read_condition(typed, EXCHANGES).rule
        assert (rule.exchange, rule.kind) == ("okx", "spot")


def test_an_exchange_that_nobody_knows() -> None:
    with pytest.raises(Misunderstood):
        read_condition("mtgox BTC > 70000", EXCHANGES)


def test_how_long_it_lives() -> None:
    assert read_condition("BTC > 70000", EXCHANGES).life_ms == 90 * DAY_MS
    assert read_condition("BTC > 70000 until 2 weeks", EXCHANGES).life_ms == 14 * DAY_MS
    assert read_condition("BTC > 70000 for 36h", EXCHANGES).life_ms == 36 * HOUR_MS
    assert read_condition("BTC > 70000 until never", EXCHANGES).life_ms == 365 * DAY_MS


def test_ones_own_positions_have_no_symbol() -> None:
    assert read_condition("pos liq 10%", EXCHANGES).symbol == ""


def test_a_rule_is_stored_and_read() -> None:
    rule = read_condition("okx BTC spot > 70000 every 1h quiet", EXCHANGES).rule
    assert load_rule(rule.text) == rule


@together("text", ["", ".", ",", "1.2.3", "7k0", "0x10", "½", "1__0", "٣", "1,23,4", "1.000.00"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises((Misunderstood, AskBack)):
        parse_number(text)


def test_levels_and_spans_in_words() -> None:
    assert [format_level(each) for each in (70_000.0, 1e12, 0.00001234, 1.23e-13, 1.5, -20.0, 0.0)] == [
        "70,000",
        "1,000,000,000,000",
        "0.00001234",
        "0.000000000000123",
        "1.5",
        "-20",
        "0",
    ]
    assert [format_span(hours * HOUR_MS) for hours in (1, 24, 48, 168)] == ["1h", "24h", "2d", "7d"]


def test_levels_to_choose_are_as_they_are_typed() -> None:
    for price, level in ((68_345.5, "68350"), (999.87, "999.9"), (0.1178, "0.1178"), (1.236e-13, "0.0000000000001236")):
        assert round_level(price) == level


def test_every_rule_says_what_it_needs() -> None:
    rule = Rule("rsi", "down", 30.0, 4 * HOUR_MS, exchange="okx", kind="perp", symbol="BTC-USDT")
    assert rule.need == "candles okx perp BTC-USDT 4h"
    assert Rule("pnl", "down", -20.0).need == "positions"


def test_every_example_of_the_docs_is_understood_as_they_say() -> None:
    rows = re.findall(r"^\| `/alert (.+?)` \| (.+?) \|$", (ROOT / "docs" / "alerts.md").read_text(), re.MULTILINE)
    assert len(rows) > 15
    for typed, words in rows:
        read = read_condition(typed, EXCHANGES)
        assert in_words(read.rule, read.symbol) == words
