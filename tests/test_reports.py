"""How the answers about whole markets look: kept messages, any report at all, and figures that must not appear.

The messages in data/golden are compared to the letter. After a wanted change: UPDATE_GOLDEN=1 python -m pytest
tests/test_reports.py, and read what has changed before it is committed.
"""

from __future__ import annotations

import math
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import together

import bot
from answers import analysis as analysis_answer
from answers import cvd, liq, ls, oi, spread, top10, volscan, volume
from answers import funding as funding_answer
from answers import price as price_answer
from answers import profile as profile_answer
from answers.analysis_report import AnalysisReport
from answers.contracts import Contract, DerivativesReport
from answers.control import Component
from answers.cvd import FlowReport
from answers.funding import FundingExtremes
from answers.liq import LiquidationReport, Told
from answers.ls import LongShare, RatioReport
from answers.paid import Past
from answers.price import Prices
from answers.price_report import PriceReport
from answers.profile import ProfileReport
from answers.spread import SpreadReport
from answers.top10 import Top
from answers.volscan import Scan, Scanned
from answers.volume import VolumeReport
from demo.telegram_html import parse
from exchanges.errors import Blocked, MarketError, NotSupported, PartName, Reason, Unavailable, UnknownSymbol
from exchanges.words import COIN, Funding, Liquidation, OpenInterest, Snapshot, Source, Ticker
from indicators import Bands, Profile, Spike
from render import figures as figures_module
from render import message
from render.message import Answer
from sessions import DaySums, Session, SessionSums

GOLDEN = Path(__file__).parent / "data" / "golden"
NOW_S = 1_763_906_602.0  # 2025-11-23 14:03:22 UTC
NOW_MS = 1_763_906_602_000
HOUR_MS = 3_600_000
PHONE = 34  # characters of a line


class Coin(NamedTuple):
    """A market to write reports of. amount: coins of a day."""

    base: str
    price: float
    tick: float
    amount: float

    @property
    def symbol(self) -> str:
        return f"{self.base}-USDT"


COINS = {"small": Coin("PEPE", 0.00001234, 1e-8, 4.12e13), "large": Coin("BTC", 123_456.7, 0.1, 24_100)}
LATE = Unavailable("bybit", "x", Reason.LATE)


def source(coin: Coin, **fields: Any) -> Source:
    return Source("binance", coin.symbol, "perp", (), NOW_MS, 0.084)._replace(**fields)


def ticker(coin: Coin, exchange: str = "binance", part: float = 1.0) -> Ticker:
    price, amount = coin.price, coin.amount * part
    figures = (price, None, None, price * 1.02, price * 0.97, 2.31, amount, amount * price)
    return Ticker(exchange, coin.symbol, *figures, NOW_MS)


def perp(coin: Coin, exchange: str = "binance", part: float = 1.0, hours: float = 8) -> Snapshot:
    coins = coin.amount * 0.3 * part
    funding = Funding(0.0000791 * hours / 8, hours, NOW_MS + 2 * HOUR_MS, coin.price, exchange == "deribit")
    return Snapshot(ticker(coin, exchange, part), OpenInterest(coins, coins * coin.price), funding)


def price_report(coin: Coin) -> PriceReport:
    return PriceReport(coin.symbol, ticker(coin, part=0.1), perp(coin), {}, {}, {}, 0.084)


def volume_report(coin: Coin) -> VolumeReport:
    coins = coin.amount / 24
    return VolumeReport(
        source=source(coin), interval="1h", spike=Spike(coins, coins / 4.1, 310.0, "HIGH"), coins=coins,
        dollars=coins * coin.price, close=coin.price, closed_ms=NOW_MS - 202_000, so_far=(coins / 50, 0.0561),
        bars=[1, 2, 3, 4, 5, 6, 7, 8, 7, 6, 5, 20],
    )  # fmt: skip


def flow_report(coin: Coin) -> FlowReport:
    return FlowReport(
        source=source(coin, failed=(NotSupported("bybit", "x", Reason.NO_TAKER_VOLUME),)), interval="1h",
        last_delta=-coin.amount / 500, last_share=0.4512, closed_ms=NOW_MS - 202_000, day_delta=coin.amount / 40,
        day_share=0.5125, trend=1, price_trend=-1, divergence="bullish", cvd=coin.amount / 31, close=coin.price,
    )  # fmt: skip


def ratio_report(coin: Coin) -> RatioReport:
    at = NOW_MS - 202_000
    shares = [
        LongShare("binance", "accounts", 0.6213, 0.6302, at),
        LongShare("binance", "top accounts", 0.6731, 0.6601, at),
        LongShare("binance", "top positions", 0.5512, None, at),
        LongShare("okx", "accounts", 0.4987, 0.4712, at),
    ]
    return RatioReport(coin.symbol, shares, {"bybit": LATE}, ["hyperliquid", "kraken"], NOW_MS, 0.131)


def contracts(coin: Coin) -> list[Contract]:
    was = {1: 0.3 * coin.amount / 1.004, 24: 0.3 * coin.amount / 0.93}
    funding_only = Snapshot(ticker(coin, "gate", 0.2), None, Funding(-0.00021, None, None, coin.price))
    return [
        Contract("binance", "USDT", perp(coin), was, {}),
        Contract("binance", COIN, perp(coin, part=0.22), {}, {}),
        Contract("hyperliquid", "USDC", perp(coin, "hyperliquid", 0.3, 1), {}, {}),
        Contract("deribit", COIN, perp(coin, "deribit", 0.1), {}, {}),
        Contract("kraken", "USD", perp(coin, "kraken", 0.05, 1), {}, {}),
        Contract(
            "gate",
            "USDT",
            funding_only,
            {},
            {PartName.OPEN_INTEREST: Unavailable("gate", "x", Reason.HTTP_STATUS, 500)},
        ),
    ]


def derivatives_report(coin: Coin) -> DerivativesReport:
    failed: dict[str, MarketError] = {"bybit": LATE, "gate": Unavailable("gate", "x", Reason.HTTP_STATUS, 500)}
    return DerivativesReport(coin.base, contracts(coin), failed, ["coinbase"], NOW_MS, 0.212)


def paid_report(coin: Coin) -> DerivativesReport:
    paid = [(NOW_MS - n * 8 * HOUR_MS, 0.0001 * (n % 3)) for n in range(90, -1, -1)]
    past = {"binance": Past.of(paid), "hyperliquid": Past.of(paid[60:]), "gate": Past.of(paid[:-70])}
    return derivatives_report(coin)._replace(paid=past, unpaid={"bybit": LATE})


def liquidation_report(coin: Coin) -> LiquidationReport:
    def closed(side: str, part: float, price: float | None = coin.price) -> Liquidation:
        size = coin.amount * part
        return Liquidation(NOW_MS - HOUR_MS, side, size, size * coin.price, price)

    told = {
        "okx": Told([closed("long", 0.002), closed("short", 0.0004)], NOW_MS - 4 * HOUR_MS),
        "bitget": Told([closed("long", 0.001)], NOW_MS - 2 * HOUR_MS),
        "kraken": Told([closed("", 0.0001, None)], NOW_MS - 4 * HOUR_MS),
    }
    streamed = ["binance", "bybit"]
    failed: dict[str, MarketError] = {"gate": Unavailable("gate", "x", Reason.LATE)}
    since = NOW_MS - 4 * HOUR_MS
    return LiquidationReport(coin.base, "4h", since, told, failed, ["deribit"], [], streamed, 9, NOW_MS, 0.3)


def spread_report(coin: Coin) -> SpreadReport:
    tickers = [
        ticker(coin, exchange)._replace(last=coin.price * part, bid=coin.price * part, ask=coin.price * (part + 2e-4))
        for exchange, part in (("hyperliquid", 1.001), ("binance", 1.0), ("gate", 0.9995))
    ]
    tickers.append(ticker(coin, "kraken")._replace(symbol=f"{coin.base}-USD"))
    strangers = [ticker(coin, "bitget")._replace(last=coin.price * 9)]
    return SpreadReport(coin.symbol, "perp", tickers, strangers, {"bybit": LATE}, ["deribit"], NOW_MS, 0.1)


def extremes(coin: Coin) -> FundingExtremes:
    others = [coin, Coin("VIQOQA", 0.0031, 1e-6, 1e9), Coin("BABYDOGE", 0.0000000012, 1e-12, 1e15)]
    highest = [(each.symbol, perp(each, hours=hours)) for each, hours in zip(others, (8, 4, 1), strict=True)]
    low = perp(coin)
    lowest = [(coin.symbol, low._replace(funding=Funding(-0.0021, 4, NOW_MS + HOUR_MS, coin.price)))]
    return FundingExtremes("binance", highest, lowest, 412, (), NOW_MS, 0.041)


def a_top(coin: Coin, kind: str, sort: str) -> Top:
    others = [coin, Coin("BABYDOGE", 0.000000001234, 1e-12, 8.18e17), Coin("SOL", 148.21, 0.01, 2.8e7)]
    rows = [(each.symbol, perp(each)) for each in others]
    caps = {coin.symbol: 1.18e12, "SOL-USDT": 67.8e9}
    return Top("binance", kind, sort, rows, 403, caps, None if caps else LATE, (), NOW_MS, 0.122)


def a_scan(coin: Coin) -> Scan:
    closed_ms = NOW_MS - 202_000
    spikes = [
        Scanned("VYJUK-USDT", 812.4, "EXTREME", 1e6, 70_300, -11.34, closed_ms),
        Scanned(coin.symbol, 310.0, "HIGH", coin.amount / 24, coin.amount / 24 * coin.price, 0.52, closed_ms),
        Scanned("BABYDOGE-USDT", 203.1, "MODERATE", 1e15, 1.2e6, 0.0, closed_ms),
    ]
    failed: dict[str, MarketError] = {"ADA-USDT": Unavailable("binance", "x", Reason.HTTP_STATUS, 500)}
    return Scan("binance", "15m", 200.0, spikes, 198, 1, failed, (), closed_ms, 1.204)


def analysis_report(coin: Coin) -> AnalysisReport:
    price, amount = coin.price, coin.amount
    session = Session("New York", NOW_MS - 202_000 - HOUR_MS, NOW_MS - 202_000 + 8 * HOUR_MS)
    return AnalysisReport(
        source=source(coin), interval="1h", perp=perp(coin),
        spike=Spike(amount / 24, amount / 30, 25.0, "NORMAL"), candle_coins=amount / 24,
        candle_dollars=amount / 24 * price, candle_closed_ms=NOW_MS - 202_000, delta=-amount / 500,
        day_delta=amount / 40, day_share=0.5125, flow_trend=1, cvd=amount / 31, price_trend=-1, divergence="bullish",
        session=SessionSums(session, NOW_MS - 202_000, amount / 20, amount / 22, 7, -amount / 900, -0.42),
        day=DaySums(amount * 0.6, amount * 0.6 * price, amount * 1.1, amount * 1.1 * price, 0.5833),
        open_interest_before={1: amount * 0.3 / 1.004, 24: amount * 0.3 / 0.93},
        shares=ratio_report(coin).shares[:3], rsi=71.23, vwap=price * 0.991, n_vwap=24, n_candles=200,
        atr=price * 0.0041, volatility=2.41, bands=Bands(price * 0.98, price, price * 1.02), ema_fast=price * 0.995,
        ema_slow=price * 0.99,
        score=[
            Component("price", 2, "24h change"), Component("volume", 0, "NORMAL"),
            Component("CVD", 2, "trend and 24h delta"), Component("split", 1, "bullish"), Component("RSI", -1, "14"),
        ],
        missing={},
    )  # fmt: skip


def bare_analysis(coin: Coin) -> AnalysisReport:
    """Of a young market at an exchange that tells little: all that can be missing is."""
    whole = analysis_report(coin)
    nothing: dict[str, Any] = dict.fromkeys(
        (
            *("spike", "candle_dollars", "delta", "day_delta", "day_share", "flow_trend", "cvd", "session", "day"),
            *("rsi", "vwap", "atr", "volatility", "bands", "ema_fast", "ema_slow"),
        )
    )
    only_price = Ticker("kraken", coin.symbol, coin.price, *(None,) * 7, NOW_MS)
    late = Unavailable("kraken", "x", Reason.LATE)
    reasons = [
        PartName(each)
        for each in ["open_interest", "funding", "session_and_day", "cvd", "open_interest_change", "long_short"]
    ]
    return whole._replace(
        **nothing, perp=Snapshot(only_price), divergence="", open_interest_before={}, shares=[],
        score=[each._replace(points=None) for each in whole.score], n_candles=12, missing=dict.fromkeys(reasons, late),
        source=source(coin, exchange="kraken", failed=(LATE,)),
    )  # fmt: skip


def profile_report(coin: Coin) -> ProfileReport:
    low, high = coin.price * 0.97, coin.price * 1.02
    bins = [1.0 + abs(24 - i) % 7 * 3 + (40 if i == 30 else 0) for i in range(48)]
    step = (high - low) / 48
    by_volume = Profile(low, high, bins, low + 30.5 * step, low + 12 * step, low + 40 * step)
    by_time = Profile(low, high, bins, low + 29.5 * step, low + 10 * step, low + 42 * step)
    return ProfileReport(
        source=source(coin), window="24h", interval="5m", n_candles=288, begin_ms=NOW_MS - 24 * HOUR_MS,
        volume=by_volume, time=by_time, vwap=coin.price * 0.998, last=coin.price, tick=coin.tick,
    )  # fmt: skip


def _answer(show: Callable[[Any, float], Answer], report: Any) -> Answer:
    return show(report, NOW_S)


MESSAGES: dict[str, Callable[[Coin], Answer]] = {
    "price": lambda coin: price_answer.show(Prices([price_report(coin)]), NOW_S),
    "analysis": lambda coin: _answer(analysis_answer.show, analysis_report(coin)),
    "analysis-bare": lambda coin: _answer(analysis_answer.show, bare_analysis(coin)),
    "volume": lambda coin: _answer(volume.show, volume_report(coin)),
    "cvd": lambda coin: _answer(cvd.show, flow_report(coin)),
    "ls": lambda coin: _answer(ls.show, ratio_report(coin)),
    "oi": lambda coin: _answer(oi.show, derivatives_report(coin)),
    "funding": lambda coin: _answer(funding_answer.show, derivatives_report(coin)),
    "funding-paid": lambda coin: _answer(funding_answer.show, paid_report(coin)),
    "liq": lambda coin: _answer(liq.show, liquidation_report(coin)),
    "spread": lambda coin: _answer(spread.show, spread_report(coin)),
    "funding-top": lambda coin: _answer(funding_answer.show, extremes(coin)),
    "top10": lambda coin: _answer(top10.show, a_top(coin, "perp", "volume")),
    "top10-spot": lambda coin: _answer(top10.show, a_top(coin, "spot", "volume")),
    "top10-oi": lambda coin: _answer(top10.show, a_top(coin, "perp", "oi")),
    "volscan": lambda coin: _answer(volscan.show, a_scan(coin)),
    "profile": lambda coin: _answer(profile_answer.show, profile_report(coin)),
}


def in_pre(text: str) -> list[str]:
    """The lines in monospace."""
    blocks = re.findall(r"<pre>(.*?)</pre>", text, re.DOTALL)
    return [line for block in blocks for line in parse(f"<pre>{block}</pre>").text.split("\n")]


@together("size", COINS)
@together("name", MESSAGES)
def test_golden_message(name: str, size: str) -> None:
    answer, kept = MESSAGES[name](COINS[size]), GOLDEN / f"{name}-{size}.html"
    buttons = "\n".join(
        " | ".join(f"{each.label} -> {each.data or each.copy}" for each in row) for row in answer.keyboard
    )
    text = f"{answer.text}\n\n<!-- buttons\n{buttons}\n-->\n"
    if os.environ.get("UPDATE_GOLDEN"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(text)
    assert text == kept.read_text()


@together("size", COINS)
@together("name", MESSAGES)
def test_message_fits_a_phone(name: str, size: str) -> None:
    answer = MESSAGES[name](COINS[size])
    assert [line for line in in_pre(answer.text) if len(line) > PHONE] == []
    assert len(parse(answer.text).text) <= 4096


@together("name", MESSAGES)
def test_message_keeps_the_digits_of_a_small_price(name: str) -> None:
    """Neither 0.00 nor 1.23e-05 is a price."""
    text = parse(MESSAGES[name](COINS["small"]).text).text
    assert re.search(r"\de-\d", text) is None
    assert re.search(r"(last|close|VWAP|POC|VAH|VAL)\D*0\.0+\b(?!\d)", text) is None
    if name in ("price", "analysis", "profile"):
        assert "0.00001234" in text
    if name == "top10":
        assert "0.0₄1234" in text


@together("name", MESSAGES)
def test_message_names_source_and_time(name: str) -> None:
    text = MESSAGES[name](COINS["large"]).text
    last = text.split("\n")[-1]
    assert last.startswith("<i>")
    assert " UTC" in last
    assert " ms" not in last


# What is missing is n/a.

CONSTANTS = (  # of predecessor.md, section 5
    *("RSI 50", "RSI 14: 50.0", "RSI: 50", "(Neutral)", "59.2", "40.8", "64.5 %", "35.5 %", "1.45", "8.4 p", "5.2 p"),
    *("+0.0100 %", "ATR $0", "ATR 14: 0 ", "Volatility 24h: 0.00", "NEUTRAL", "NORMAL", "7-day baseline", "460,800"),
    *(
        "confidence",
        "Smart money",
        "Market Pace",
        "EXTREME",
        "110 %",
        "3 sessions",
        "Phase 2A",
        "SQUEEZE",
        "Institutional",
    ),
    *("$0", " 0 BTC", " 0 PEPE", "+0.00 %", "50.0 %", "flat", "None", "nan"),
)


@pytest.mark.parametrize("size", COINS)
def test_nothing_known_is_nothing_shown(size: str) -> None:
    """Of the report without any source but a price: the price, n/a, and reasons."""
    text = parse(analysis_answer.show(bare_analysis(COINS[size]), NOW_S).text).text
    assert [each for each in CONSTANTS if each in text] == []
    assert text.count("n/a") >= 15
    assert "Kraken did not answer in time." in text


def without(name: str) -> list[tuple[str, Any, Callable[[Any, float], Answer]]]:
    """Every report of a command with each optional figure missing in turn."""
    coin = COINS["large"]
    whole: dict[str, tuple[Any, Callable[[Any, float], Answer]]] = {
        "analysis": (analysis_report(coin), analysis_answer.show),
        "volume": (volume_report(coin), volume.show),
        "cvd": (flow_report(coin), cvd.show),
        "profile": (profile_report(coin), profile_answer.show),
    }
    report, show = whole[name]
    optional = {
        "analysis": [
            *("spike", "candle_dollars", "delta", "day_delta", "day_share", "flow_trend", "session", "day", "rsi"),
            *("vwap", "atr", "volatility", "bands", "ema_fast", "ema_slow", "cvd"),
        ],
        "volume": ["spike", "dollars", "so_far"],
        "cvd": ["last_share", "day_delta", "day_share"],
        "profile": ["volume", "time", "vwap", "last"],
    }[name]
    return [(field, report._replace(**{field: None}), show) for field in optional]


@together("name", ["analysis", "volume", "cvd", "profile"])
def test_each_figure_can_be_missing(name: str) -> None:
    """It says n/a once more than the whole report, and nothing of the rest becomes another."""
    for field, report, show in without(name):
        text = parse(show(report, NOW_S).text).text
        assert "n/a" in text, field
        assert "None" not in text, field


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"funding": None}, ["longs pay", "shorts pay", "%/8h", "+0.0079"]),
        ({"open_interest": None}, ["OI    0", "$0", "% 1h"]),
    ],
)
def test_analysis_without_a_part_of_the_perpetual(changes: dict[str, Any], absent: list[str]) -> None:
    report = analysis_report(COINS["large"])
    text = parse(analysis_answer.show(report._replace(perp=report.perp._replace(**changes)), NOW_S).text).text
    assert [each for each in absent if each in text] == []
    assert "n/a" in text


def test_analysis_of_spot_has_no_perpetual_rows() -> None:
    report = analysis_report(COINS["large"])._replace(source=source(COINS["large"], kind="spot"))
    text = parse(analysis_answer.show(report, NOW_S).text).text
    assert "OI" not in text
    assert "fund" not in text


def analysis_text(**changes: Any) -> str:
    return parse(analysis_answer.show(analysis_report(COINS["large"])._replace(**changes), NOW_S).text).text


def test_analysis_means_that_read_alike_are_neither_above_nor_below() -> None:
    text = analysis_text(ema_fast=65_485.1, ema_slow=65_485.1000001, vwap=COINS["large"].price)
    assert "EMA 20 equals EMA 50: 65,485.10\n" in text
    assert "VWAP of 24: 123,456.70, price at it\n" in text
    text = analysis_text(ema_fast=65_485.1, ema_slow=None, n_candles=49)
    assert "EMA 20: 65,485.10, EMA 50: n/a, too few candles (49 of 50)\n" in text


@together("change_pct, words", [(0.004, "flat"), (-0.004, "flat"), (0.006, "up"), (-0.006, "down"), (None, "n/a")])
def test_analysis_verdict_goes_by_the_change_that_is_told(change_pct: float | None, words: str) -> None:
    snapshot = perp(COINS["large"])
    assert snapshot.ticker is not None
    text = analysis_text(perp=snapshot._replace(ticker=snapshot.ticker._replace(change_pct=change_pct)))
    assert f"price {words} in 24h" in text
    assert ("⚪" in text) == (words in ("flat", "n/a"))


def test_analysis_of_a_market_without_trades_does_not_call_it_young() -> None:
    whole = analysis_report(COINS["large"])
    assert whole.day is not None
    assert whole.session is not None
    text = analysis_text(
        day=whole.day._replace(mean_coins=0.0),
        session=whole.session._replace(usual=0.0),
        rsi=None,
        vwap=None,
        spike=None,
    )
    assert "7-day mean: 0, nothing was traded\n" in text
    assert "usually nothing (median of 7)\n" in text
    assert "RSI 14: n/a, the price did not move\n" in text
    assert "VWAP of 24: n/a, nothing was traded\n" in text
    assert "Relative volume: n/a, most candles before had no trades\n" in text
    assert "7-day mean: n/a, not enough history\n" in analysis_text(day=whole.day._replace(mean_coins=None))


def test_score_of_what_is_known_says_so() -> None:
    report = analysis_report(COINS["large"])
    partly = [report.score[0], *(each._replace(points=None) for each in report.score[1:])]
    text = analysis_answer.show(report._replace(score=partly), NOW_S).text
    assert "Bias +2 (-7…+9)" in text
    assert "volume n/a" in text
    assert "of what is known" in text


def test_score_of_nothing_is_no_verdict() -> None:
    """No component is known: +0 and “neither side” would be a claim."""
    text = analysis_answer.show(bare_analysis(COINS["large"]), NOW_S).text
    assert "+0/" not in text
    assert "neither side" not in text


def test_scan_of_nothing_is_no_verdict() -> None:
    nothing = Scan("binance", "15m", 200.0, [], 0, 0, {"A-USDT": LATE}, (), NOW_MS, 0.1)
    text = parse(volscan.show(nothing, NOW_S).text).text
    assert "No market is above" not in text
    assert text.endswith("Binance · 14:03:22 UTC")


def test_scan_is_bounded() -> None:
    spikes = [Scanned(f"COIN{i}-USDT", 900.0 - i, "EXTREME", 1e6, 1e6, 1.0, NOW_MS) for i in range(40)]
    text = parse(volscan.show(a_scan(COINS["large"])._replace(spikes=spikes), NOW_S).text).text
    assert text.count("\nCOIN") == 15
    assert "And 25 more." in text


def test_small_spikes_are_counted_to_the_last() -> None:
    spikes = [Scanned(f"COIN{i}-USDT", 900.0 - i, "EXTREME", 1e6, 5e4, 1.0, NOW_MS) for i in range(40)]
    text = parse(volscan.show(a_scan(COINS["large"])._replace(spikes=spikes), NOW_S).text).text
    assert "No market with $100K a candle is above that now." in text
    assert "COIN14 +886% and 25 more\n" in text


def test_scan_columns_are_aligned() -> None:
    """A sign is as wide as two letters: it must not push one row's figures aside."""
    _, *lines = in_pre(volscan.show(a_scan(COINS["large"]), NOW_S).text)
    assert len({len(line) for line in lines}) == 1


def test_grammar_of_one() -> None:
    coin = COINS["large"]
    one = derivatives_report(coin)._replace(contracts=contracts(coin)[:1], failed={}, without=[])
    assert "1 market on 1 exchange ·" in oi.show(one, NOW_S).text
    assert "1 market ·" in funding_answer.show(one, NOW_S).text
    assert "From 1 candle of 5m." in profile_answer.show(profile_report(coin)._replace(n_candles=1), NOW_S).text


# Figures.


@together(
    "price, text",
    [
        (123_456.7, "123,457"),
        (62_976.4, "62,976"),
        (1000, "1,000"),
        (999.96, "1,000"),
        (148.21, "148.2"),
        (3.4512, "3.451"),
        (0.52314, "0.5231"),
        (0.00001234, "0.0₄1234"),
        (0.000000001234, "0.0₈1234"),
        (-0.0009, "-0.0₃9"),
        (-0.31, "-0.3100"),
        (-2500.4, "-2,500"),
        (-0.0, "0"),
    ],
)
def test_short_prices(price: float, text: str) -> None:
    assert figures_module.format_short_price(price) == text


@together(
    "price, tick, text",
    [
        (123_456.74, 0.1, "123,456.7"),
        (0.000012344, 1e-8, "0.00001234"),
        (0.1, 0.05, "0.10"),
        (67_432.3, 0.5, "67,432.5"),
        (12.0, 1.0, "12"),
        (1234.5, 10.0, "1,230"),
        (0.3, 0.1, "0.3"),
        (1.0000000000001e-12, 1e-13, "0.0000000000010"),
        (65_485.1, 65_485.1, "65,485.1"),
        (155.58, 77.79, "155.58"),
    ],
)
def test_levels_have_the_tick(price: float, tick: float, text: str) -> None:
    assert figures_module.format_at_tick(price, tick) == text


@together(
    "figure, text",
    [
        ("0.0000000024287", "0.0₈24287"),
        ("0.0000000000010", "0.0₁₁10"),
        ("0.00001234", "0.0₄1234"),
        ("0.0001234", "0.0001234"),
        ("67,432.50000", "67,432.50000"),
        ("0.000000", "0.000000"),
        ("n/a", "n/a"),
    ],
)
def test_zeros_are_counted_where_there_is_no_room_for_them(figure: str, text: str) -> None:
    assert figures_module.zeros_counted(figure) == text


@together(
    "values, text",
    [([1, 2, 4, 8], "▂ ▃ ▅ █"), ([0, 0], "▁ ▁"), ([], ""), ([5], "█"), ([0, 1e-9], "▁ █"), ([3, 3, 3], "█ █ █")],
)
def test_bars(values: list[float], text: str) -> None:
    assert volume.format_bars(values) == text


def test_columns_are_aligned() -> None:
    assert message.columns([["", "price"], ["BTC", "1"], ["a"]]) == "    price\nBTC     1\na"


def test_money_is_in_its_quote() -> None:
    assert figures_module.format_money(77_800_000, "BTC-USDT") == "$77.8M"
    assert figures_module.format_money(1234, "ETH-BTC") == "1.23K BTC"
    assert figures_module.format_money(5e9, f"BTC-{COIN}") == "$5.00B"
    assert figures_module.format_money(None, "BTC-USDT") == "n/a"


def test_drawing_has_sixteen_rows() -> None:
    coin = COINS["large"]
    for n_bins in (1, 2, 15, 16, 17, 47, 48, 100):
        low, high = coin.price * 0.9, coin.price * 1.1
        step = (high - low) / n_bins
        shown = Profile(low, high, [1.0] * n_bins, low + step / 2, low, high)
        for last in (low, high, coin.price, low - 1, high + 1, None):
            lines = profile_answer.drawing(shown, last, 0.1).split("\n")
            assert len(lines) <= 16
            assert sum(" P" in line for line in lines) == 1
            assert sum("◄" in line for line in lines) == (last is not None and low <= last <= high)
            assert max(map(len, lines)) <= PHONE


def test_drawing_marks_where_the_most_was_traded() -> None:
    shown = Profile(100.0, 104.0, [1.0, 8.0, 2.0, 0.0], 101.5, 101.0, 103.0)
    assert profile_answer.drawing(shown, 103.2, 0.1) == (
        "103.5  ◄\n"
        "102.5 ████\n"
        "101.5 ██████████████ P\n"
        "100.5 ░░"
    )  # fmt: skip


# Any report at all.

HOSTILE = [
    "<b>",
    "</pre>",
    "&",
    "&lt;",
    '"',
    "'",
    "<",
    ">",
    "\u202e",
    "🚀",
    "é",
    "\n",
    "]]>",
    "BTC",
    "-",
    "1000",
    "币安",
]


class Chance:
    """Random reports, the same ones for a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def text(self) -> str:
        return "".join(self.rng.choice(HOSTILE) for _ in range(self.rng.randrange(1, 5)))

    def amount(self) -> float:
        """Not below zero, as exchanges' modules see to it."""
        return self.rng.choice([0.0, 1e-12, 1e-4, 3.2, 99_999.999, 999_999.5, 1e30, 10 ** self.rng.uniform(-12, 18)])

    def figure(self) -> float | None:
        return self.rng.choice([None, None, self.amount(), -self.amount(), 0.0])

    def signed(self) -> float:
        return self.figure() or 0.0

    def rate(self) -> float:
        return self.signed()

    def price(self) -> float:
        return self.rng.choice([1e-12, 1e-9, 0.00001234, 1.0, 123_456.7, 9.9e11, 10 ** self.rng.uniform(-12, 12)])

    def tick(self) -> float:
        return self.rng.choice([1e-14, 1e-8, 0.1, 1.0, 50.0])

    def share(self) -> float:
        return self.rng.choice([0.0, 1.0, 0.5, self.rng.random()])

    def maybe(self, value: Any) -> Any:
        return self.rng.choice([None, value, value])

    def time_ms(self) -> int:
        return self.rng.choice([0, 1, NOW_MS, 10**13, 10**16])

    def exchange(self) -> str:
        return self.rng.choice(["binance", "hyperliquid", "deribit", "okx", self.text()])

    def symbol(self) -> str:
        return self.rng.choice([f"{self.text()}-USDT", f"{self.text()}-{self.text()}", "BTC-USDT", "1000000MOG-USDC"])

    def error(self) -> MarketError:
        kind = self.rng.choice([Unavailable, Blocked, UnknownSymbol, NotSupported])
        return kind(self.exchange(), self.text(), self.rng.choice(list(Reason)), 500)

    def errors(self) -> dict[str, MarketError]:
        return {self.exchange(): self.error() for _ in range(self.rng.randrange(4))}

    def several(self, make: Callable[[], Any], most: int) -> list[Any]:
        return [make() for _ in range(self.rng.randrange(most + 1))]

    def ticker(self) -> Ticker:
        figures: list[Any] = [self.figure() for _ in range(7)]
        return Ticker._make([self.exchange(), self.symbol(), self.price(), *figures, self.time_ms()])

    def funding(self) -> Funding:
        hours = self.rng.choice([None, 1.0, 8.0, 0.5])
        return Funding(self.rate(), hours, self.maybe(self.time_ms()), self.figure(), self.rng.random() < 0.1)

    def perp(self) -> Snapshot:
        interest = OpenInterest(self.maybe(self.amount()), self.maybe(self.amount()))
        return Snapshot(self.ticker(), self.maybe(interest), self.maybe(self.funding()))

    def source(self) -> Source:
        kind = self.rng.choice(["perp", "spot"])
        return Source(self.exchange(), self.symbol(), kind, tuple(self.errors().values()), self.time_ms(), 0.1)

    def spike(self) -> Spike:
        level = self.rng.choice(["EXTREME", "HIGH", "NORMAL"])
        return Spike(self.amount(), self.amount() or 1.0, self.signed(), level)

    def contract(self) -> Contract:
        margin = self.rng.choice(["USDT", "USDC", "USD", COIN])
        before = {hours: self.amount() for hours in (1, 24) if self.rng.random() < 0.5}
        return Contract(self.exchange(), margin, self.perp(), before, {})

    def derivatives(self) -> DerivativesReport:
        found = [self.contract(), *self.several(self.contract, 40)]
        return DerivativesReport(self.text(), found, self.errors(), self.several(self.exchange, 4), self.time_ms(), 0.1)

    def told(self) -> Told:
        def closed() -> Liquidation:
            side = self.rng.choice(["long", "short", ""])
            return Liquidation(
                self.time_ms(), side, self.maybe(self.amount()), self.maybe(self.amount()), self.maybe(self.price())
            )

        return Told(self.several(closed, 30), self.time_ms())

    def liquidations(self) -> LiquidationReport:
        told = {self.exchange(): self.told() for _ in range(self.rng.randrange(1, 6))}
        without, untold, streamed = (self.several(self.exchange, 4) for _ in range(3))
        failed, at = self.errors(), self.time_ms()
        return LiquidationReport(self.text(), "24h", at, told, failed, without, untold, streamed, 9, at, 0.1)

    def long_share(self) -> LongShare:
        what = self.rng.choice(["accounts", "top accounts", "top positions"])
        return LongShare(self.exchange(), what, self.share(), self.maybe(self.share()), self.time_ms())

    def profile(self) -> Profile:
        low = self.price()
        high = low * (1 + 10 ** self.rng.uniform(-6, 0))
        n = self.rng.choice([1, 16, 48, 100])
        bins = [self.rng.choice([0.0, self.rng.random()]) for _ in range(n - 1)] + [1.0]
        val, poc, vah = sorted(self.rng.uniform(low, high) for _ in range(3))
        return Profile(low, high, bins, poc, val, vah)

    def analysis(self) -> AnalysisReport:
        start = self.time_ms()
        session = Session("New York", start, start + HOUR_MS)
        sums = SessionSums(
            session, start + 1, self.amount(), self.maybe(self.amount()), 3, self.figure(), self.signed()
        )
        day = DaySums(self.amount(), self.amount(), self.maybe(self.amount()), self.maybe(self.amount()), self.share())
        names = ("price", "volume", "CVD", "split", "RSI")
        return AnalysisReport(
            source=self.source(), interval="12h", perp=self.perp(), spike=self.maybe(self.spike()),
            candle_coins=self.amount(), candle_dollars=self.maybe(self.amount()), candle_closed_ms=self.time_ms(),
            delta=self.figure(), day_delta=self.figure(), day_share=self.maybe(self.share()),
            flow_trend=self.rng.choice([None, 1, 0, -1]), cvd=self.figure(), price_trend=self.rng.choice([1, 0, -1]),
            divergence=self.rng.choice(["", "bullish", "bearish"]), session=self.maybe(sums), day=self.maybe(day),
            open_interest_before={hours: self.amount() for hours in (1, 24) if self.rng.random() < 0.7},
            shares=self.several(self.long_share, 5), rsi=self.maybe(self.share() * 100), vwap=self.maybe(self.price()),
            n_vwap=24, n_candles=self.rng.randrange(201), atr=self.maybe(self.price()),
            volatility=self.maybe(self.amount()), bands=self.maybe(Bands(self.price(), self.price(), self.price())),
            ema_fast=self.maybe(self.price()), ema_slow=self.maybe(self.price()),
            score=[Component(name, self.rng.choice([None, -2, 0, 3]), self.text()) for name in names],
            missing={self.rng.choice(list(PartName)): self.error() for _ in range(3)},
        )  # fmt: skip

    def answers(self) -> dict[str, Answer]:
        """One answer of each kind."""
        rows = [(self.symbol(), self.perp()) for _ in range(self.rng.randrange(11))]
        caps = {symbol: self.amount() for symbol, _ in rows if self.rng.random() < 0.5}
        kind, sort = (
            self.rng.choice(["perp", "spot"]),
            self.rng.choice(["volume", "gainers", "losers", "funding", "oi"]),
        )
        failed = tuple(self.errors().values())

        def scanned() -> Scanned:
            figures = (self.signed(), "EXTREME", self.amount(), self.amount(), self.signed(), self.time_ms())
            return Scanned(self.symbol(), *figures)

        return {
            "top10": top10.show(
                Top(
                    self.exchange(), kind, sort, rows, 9, caps, None if caps else LATE, failed, self.time_ms(), 0.1
                ),
                NOW_S,
            ),
            "volscan": volscan.show(
                Scan(
                    self.exchange(), "15m", self.rng.choice([0.0, 12.5, 100_000.0]), self.several(scanned, 30), 200, 1,
                    self.errors(), failed, self.time_ms(), 0.1,
                ),
                NOW_S,
            ),
            "oi": oi.show(self.derivatives(), NOW_S),
            "funding": funding_answer.show(self.derivatives(), NOW_S),
            "funding top": funding_answer.show(
                FundingExtremes(self.exchange(), rows[:7], rows[7:], 9, failed, self.time_ms(), 0.1), NOW_S
            ),
            "volume": volume.show(
                VolumeReport(
                    self.source(), "12h", self.maybe(self.spike()), self.amount(), self.maybe(self.amount()),
                    self.price(), self.time_ms(), self.maybe((self.amount(), self.share())),
                    self.several(self.amount, 12),
                ),
                NOW_S,
            ),
            "cvd": cvd.show(
                FlowReport(
                    source=self.source(), interval="1d", last_delta=self.signed(), last_share=self.maybe(self.share()),
                    closed_ms=self.time_ms(), day_delta=self.figure(), day_share=self.maybe(self.share()),
                    trend=self.rng.choice([1, 0, -1]), price_trend=self.rng.choice([1, 0, -1]), cvd=self.signed(),
                    divergence=self.rng.choice(["", "bullish", "bearish"]), close=self.price(),
                ),
                NOW_S,
            ),
            "liq": liq.show(self.liquidations(), NOW_S),
            "spread": spread.show(
                SpreadReport(
                    self.symbol(), "perp", [self.ticker(), *self.several(self.ticker, 9)], self.several(self.ticker, 4),
                    self.errors(), self.several(self.exchange, 4), self.time_ms(), 0.1,
                ),
                NOW_S,
            ),
            "ls": ls.show(
                RatioReport(
                    self.symbol(), [self.long_share(), *self.several(self.long_share, 12)], self.errors(),
                    self.several(self.exchange, 4), self.time_ms(), 0.1,
                ),
                NOW_S,
            ),
            "analysis": analysis_answer.show(self.analysis(), NOW_S),
            "profile": profile_answer.show(
                ProfileReport(
                    self.source(), self.rng.choice(["today", "30d"]), "5m", 288, self.time_ms(),
                    self.maybe(self.profile()), self.maybe(self.profile()), self.maybe(self.price()),
                    self.maybe(self.price()), self.tick(),
                ),
                NOW_S,
            ),
        }  # fmt: skip


@pytest.mark.no_cover
@pytest.mark.parametrize("n", [0, *(pytest.param(n, marks=pytest.mark.trial) for n in range(1, 8))])
def test_any_message_is_valid_html(n: int) -> None:
    """Whatever exchanges send: Telegram takes the message, and its buttons."""
    seed = random.randrange(1 << 30)
    for i in range(60):
        for name, answer in Chance(seed + i).answers().items():
            where = f"{name}, seed {seed + i}"
            text = parse(answer.text).text
            assert len(text) <= 4096, where
            assert "None" not in text, where
            assert re.search(r"\bnan\b|\binf\b", text) is None, where
            data = [button.data for row in answer.keyboard for button in row]
            assert all(1 <= len(each.encode()) <= 64 for each in data), where
            assert all(each.removeprefix("+").split()[0] in bot.COMMANDS for each in data), where
            assert all(row for row in answer.keyboard), where


class Ordinary(Chance):
    """Names and figures as exchanges have them, all of one coin and its price."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.near = 10 ** self.rng.uniform(-9.5, 5.3)

    def text(self) -> str:
        return self.rng.choice(["BTC", "PEPE", "BABYDOGE", "CHEEMS", "WIF", "FARTCOIN", "币安人生"])

    def symbol(self) -> str:
        return f"{self.text()}-USDT"

    def exchange(self) -> str:
        return self.rng.choice(["binance", "hyperliquid", "deribit"])

    def amount(self) -> float:
        return 10 ** self.rng.uniform(5.5, 6.5)

    def figure(self) -> float | None:
        return self.maybe(self.signed())  # type: ignore[no-any-return]

    def signed(self) -> float:
        return self.rng.uniform(-99, 999)

    def rate(self) -> float:
        return self.rng.uniform(-0.02, 0.02)

    def share(self) -> float:
        return self.rng.uniform(0.1, 0.9)

    def price(self) -> float:
        return self.near * self.rng.uniform(0.9, 1.1)

    def tick(self) -> float:
        return 10.0 ** (math.floor(math.log10(self.near)) - 4)


@pytest.mark.parametrize("n", [0, *(pytest.param(n, marks=pytest.mark.trial) for n in range(1, 4))])
def test_any_line_fits_a_phone(n: int) -> None:
    """PHONE columns at most."""
    seed = random.randrange(1 << 30)
    for i in range(60):
        for name, answer in Ordinary(seed + i).answers().items():
            long = [line for line in in_pre(answer.text) if figures_module.display_width(line) > PHONE]
            assert long == [], f"{name}, seed {seed + i}"
