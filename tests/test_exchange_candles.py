"""Candles, taker flow, open interest's past and ratios: units and order at every exchange, targets, nonsense."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple

import pytest
from conftest import NOW_MS, a_listing, a_perp, a_spot, together
from wire import (
    DERIBIT_ROW,
    END_MS,
    HOUR_MS,
    MS,
    S,
    of_bitget,
    of_bybit,
    of_deribit,
    of_kraken,
    of_okx,
    plain,
    rows_of,
)

from exchanges import binance, bitget, bybit, coinbase, deribit, gate, hyperliquid, kraken, okx
from exchanges.binance import Binance
from exchanges.bitget import Bitget
from exchanges.bybit import Bybit
from exchanges.coinbase import Coinbase
from exchanges.deribit import Deribit
from exchanges.endpoints import Endpoint
from exchanges.errors import (
    BadResponse,
    Blocked,
    MarketError,
    NotSupported,
    RateLimited,
    Reason,
    Unavailable,
    UnknownSymbol,
)
from exchanges.gate import Gate
from exchanges.hyperliquid import Hyperliquid
from exchanges.kraken import Kraken
from exchanges.okx import Okx
from exchanges.table import EXCHANGES
from exchanges.words import INTERVALS, Candles, Flow, Ratio

# One candle, and the next one, as every exchange writes them. It is the same candle everywhere.


class Shape(NamedTuple):
    """How an exchange writes candles.

    at: where time, open, high, low, close, volume and whatever else is read stand in a row. step: from a candle to
    the next, as the exchange counts time. quote_volume, taker_buy: of the candle, where they are told.
    """

    parse: Callable[[bytes], Candles]
    wrap: Callable[[list[Any]], bytes]
    row: Any
    at: tuple[Any, ...]
    step: int
    quote_volume: float | None = None
    taker_buy: float | None = None


SHAPES = {
    "binance spot": Shape(
        lambda body: binance.parse_candles(body, a_spot("BTC-USDT"), "1h"),
        plain,
        [MS, "100", "120", "90", "110", "7", MS + HOUR_MS - 1, "700", 9, "3", "300", "0"],
        (0, 1, 2, 3, 4, 5, 7, 9),
        HOUR_MS,
        700,
        3,
    ),
    "bybit linear": Shape(
        lambda body: bybit.parse_candles(body, a_perp("BTC-USDT"), "1h"),
        of_bybit,
        [str(MS), "100", "120", "90", "110", "7", "700"],
        (0, 1, 2, 3, 4, 5, 6),
        HOUR_MS,
        700,
    ),
    "bybit inverse": Shape(
        lambda body: bybit.parse_candles(body, a_perp("BTC-COIN"), "1h"),
        of_bybit,
        [str(MS), "100", "120", "90", "110", "700", "7"],  # dollars, coins
        (0, 1, 2, 3, 4, 6, 5),
        HOUR_MS,
        700,
    ),
    "okx spot": Shape(
        lambda body: okx.parse_candles(body, a_spot("BTC-USDT"), "1h"),
        of_okx,
        [str(MS), "100", "120", "90", "110", "7", "701", "700", "1"],
        (0, 1, 2, 3, 4, 5, 7),
        HOUR_MS,
        700,
    ),
    "okx swap": Shape(
        lambda body: okx.parse_candles(body, a_perp("BTC-USDT"), "1h"),
        of_okx,
        [str(MS), "100", "120", "90", "110", "7000", "7", "700", "1"],  # contracts, coins, dollars
        (0, 1, 2, 3, 4, 6, 7),
        HOUR_MS,
        700,
    ),
    "gate spot": Shape(
        lambda body: gate.parse_spot_candles(body, a_spot("BTC-USDT"), "1h"),
        plain,
        [str(S), "700", "110", "120", "90", "100", "7", "true"],  # dollars, CLOSE, high, low, OPEN, coins
        (0, 5, 3, 4, 2, 6, 1),
        3600,
        700,
    ),
    "gate perp": Shape(
        lambda body: gate.parse_perp_candles(body, a_perp("BTC-USDT", 1, 0.001), "1h"),
        plain,
        {"t": S, "v": 7000, "c": "110", "h": "120", "l": "90", "o": "100", "sum": "700"},
        ("t", "o", "h", "l", "c", "v", "sum"),
        3600,
        700,
    ),
    "bitget": Shape(
        lambda body: bitget.parse_candles(body, a_perp("BTC-USDT"), "1h"),
        of_bitget,
        [str(MS), "100", "120", "90", "110", "7", "700"],
        (0, 1, 2, 3, 4, 5, 6),
        HOUR_MS,
        700,
    ),
    "hyperliquid": Shape(
        lambda body: hyperliquid.parse_candles(body, a_perp("BTC-USDC"), "1h"),
        plain,
        {"t": MS, "T": MS + 1, "o": "100", "c": "110", "h": "120", "l": "90", "v": "7", "n": 9},
        ("t", "o", "h", "l", "c", "v"),
        HOUR_MS,
    ),
    "deribit": Shape(
        lambda body: deribit.parse_candles(body, a_perp("BTC-COIN"), "1h"),
        of_deribit,
        DERIBIT_ROW,
        tuple(DERIBIT_ROW),
        HOUR_MS,
        700,
    ),
    "kraken spot": Shape(
        lambda body: kraken.parse_spot_candles(body, a_spot("BTC-USD"), "1h"),
        of_kraken,
        [S, "100", "120", "90", "110", "105.5", "7", 9],
        (0, 1, 2, 3, 4, 6),
        3600,
    ),
    "kraken perp": Shape(
        lambda body: kraken.parse_perp_candles(body, a_perp("BTC-USD"), "1h"),
        lambda rows: plain({"candles": rows, "more_candles": False}),
        {"time": MS, "open": "100", "high": "120", "low": "90", "close": "110", "volume": "7"},
        ("time", "open", "high", "low", "close", "volume"),
        HOUR_MS,
    ),
    "coinbase": Shape(
        lambda body: coinbase.parse_candles(body, a_spot("BTC-USD"), "1h"),
        plain,
        [S, 90, 120, 100, 110, 7],  # LOW, HIGH, OPEN, CLOSE
        (0, 3, 2, 1, 4, 5),
        3600,
    ),
}
EVERY_SHAPE = together("shape", SHAPES.values(), ids=SHAPES)


def changed(shape: Shape, place: int, value: Any, after: int = 0) -> Any:
    """The candle `after` candles later, with another figure in the place of shape.at."""
    row = deepcopy(shape.row)
    time = shape.at[0]
    row[time] = type(row[time])(int(row[time]) + after * shape.step)
    if value is not None or place:
        row[shape.at[place]] = value
    return row


def nth(shape: Shape, after: int) -> Any:
    return changed(shape, 0, None, after)


@EVERY_SHAPE
def test_candles_are_the_same_everywhere(shape: Shape) -> None:
    candles = shape.parse(shape.wrap([nth(shape, 0), nth(shape, 1)]))
    assert rows_of(candles) == [(MS, 100, 120, 90, 110, 7), (MS + HOUR_MS, 100, 120, 90, 110, 7)]
    assert candles.interval_ms == HOUR_MS
    for told, expected in ((candles.quote_volume, shape.quote_volume), (candles.taker_buy, shape.taker_buy)):
        assert (None if told is None else list(told)) == (None if expected is None else [expected] * 2)


@EVERY_SHAPE
def test_candles_in_either_order(shape: Shape) -> None:
    forward = shape.parse(shape.wrap([nth(shape, n) for n in range(4)]))
    backward = shape.parse(shape.wrap([nth(shape, n) for n in reversed(range(4))]))
    assert rows_of(forward) == rows_of(backward)
    assert list(forward.open_ms) == [MS + n * HOUR_MS for n in range(4)]


@EVERY_SHAPE
def test_candles_without_trades_may_be_missing(shape: Shape) -> None:
    candles = shape.parse(shape.wrap([nth(shape, 0), nth(shape, 5)]))
    assert list(candles.open_ms) == [MS, MS + 5 * HOUR_MS]


@EVERY_SHAPE
@together("write", [str, float])
def test_candles_of_texts_and_of_numbers(shape: Shape, write: Callable[[Any], Any]) -> None:
    row = nth(shape, 0)
    for place in shape.at[1:]:
        row[place] = write(row[place])
    assert rows_of(shape.parse(shape.wrap([row]))) == [(MS, 100, 120, 90, 110, 7)]


@EVERY_SHAPE
def test_candles_of_texts_and_numbers_mixed(shape: Shape) -> None:
    rows = [nth(shape, n) for n in range(3)]
    for row, write in zip(rows, (str, int, float), strict=True):
        row[shape.at[5]] = write(shape.row[shape.at[5]])
    assert list(shape.parse(shape.wrap(rows)).volume) == [7, 7, 7]


@EVERY_SHAPE
def test_candle_with_more_columns(shape: Shape) -> None:
    row = nth(shape, 0)
    wider = {**row, "x": [None]} if isinstance(row, dict) else [*row, "x", None]
    assert rows_of(shape.parse(shape.wrap([wider]))) == [(MS, 100, 120, 90, 110, 7)]


@EVERY_SHAPE
def test_candle_too_short(shape: Shape) -> None:
    for place in shape.at:
        row = nth(shape, 0)
        short = {key: row[key] for key in row if key != place} if isinstance(row, dict) else row[:place]
        wrapped = shape.wrap([nth(shape, 1), short, nth(shape, -1)])
        if shape.wrap is of_deribit:  # columns of several lengths
            with pytest.raises(BadResponse):
                shape.parse(wrapped)
        else:
            assert (len(shape.parse(wrapped)), shape.parse(wrapped).n_odd) == (2, 1)


@EVERY_SHAPE
@together("value", ["", None, "abc", [], {}, "NaN", "inf", "-inf", "1e999", "1e40", 1e300])
def test_candle_figure_that_is_none(shape: Shape, value: Any) -> None:
    for place in range(len(shape.at)):
        row = nth(shape, 1)
        row[shape.at[place]] = value
        for order in ((nth(shape, 0), row, nth(shape, 2)), (row, nth(shape, 2), nth(shape, 0))):
            candles = shape.parse(shape.wrap(list(order)))
            assert (list(candles.open_ms), candles.n_odd) == ([MS, MS + 2 * HOUR_MS], 1)
        with pytest.raises(BadResponse):
            shape.parse(shape.wrap([row]))
        with pytest.raises(BadResponse):
            shape.parse(shape.wrap([nth(shape, 0), row, row]))


@EVERY_SHAPE
def test_candle_figure_that_is_true(shape: Shape) -> None:
    for place in range(5, len(shape.at)):
        with pytest.raises(BadResponse):
            shape.parse(shape.wrap([changed(shape, place, True)]))


@EVERY_SHAPE
@together("factor", [-1, 1000, 1_000_000])
def test_candle_of_a_year_that_cannot_be(shape: Shape, factor: int) -> None:
    """An exchange may come to count microseconds."""
    row = nth(shape, 0)
    row[shape.at[0]] = type(row[shape.at[0]])(int(row[shape.at[0]]) * factor)
    with pytest.raises(BadResponse):
        shape.parse(shape.wrap([row]))


@EVERY_SHAPE
@together("price", [0, "0", -1, "-5"])
def test_candle_price_below_zero(shape: Shape, price: Any) -> None:
    for place in (1, 2, 3, 4):
        with pytest.raises(BadResponse):
            shape.parse(shape.wrap([changed(shape, place, price)]))
    row = nth(shape, 0)
    for place in (1, 2, 3, 4):
        row[shape.at[place]] = price
    with pytest.raises(BadResponse):
        shape.parse(shape.wrap([row]))


@EVERY_SHAPE
@together("place, price", [(1, 121), (1, 89), (2, 109), (2, 99), (3, 101), (3, 121), (4, 121), (4, 89)])
def test_candle_low_above_high(shape: Shape, place: int, price: float) -> None:
    """Every price lies between low and high, and at either end of them."""
    candles = shape.parse(shape.wrap([changed(shape, place, price), nth(shape, 1)]))
    assert (list(candles.open_ms), candles.n_odd) == ([MS + HOUR_MS], 1)
    with pytest.raises(BadResponse):
        shape.parse(shape.wrap([changed(shape, place, price)]))
    edge = {121: 120, 89: 90, 109: 110, 99: 110, 101: 100}[int(price)]
    assert len(
        shape.parse(shape.wrap([changed(shape, place, edge if place in (1, 4) else 110 if place == 2 else 100)]))
    )


@EVERY_SHAPE
def test_candle_volume_below_zero(shape: Shape) -> None:
    for place in range(5, len(shape.at)):
        with pytest.raises(BadResponse):
            shape.parse(shape.wrap([changed(shape, place, -1)]))
        with pytest.raises(BadResponse):
            shape.parse(shape.wrap([changed(shape, place, "-0.5")]))
        assert len(shape.parse(shape.wrap([changed(shape, place, "0.00")]))) == 1


@EVERY_SHAPE
@together("order", [(0, 0), (0, 1, 1), (1, 1, 0), (0, 2, 1), (2, 0, 1), (1, 0, 2)])
def test_candles_twice_or_in_disorder(shape: Shape, order: tuple[int, ...]) -> None:
    with pytest.raises(BadResponse):
        shape.parse(shape.wrap([nth(shape, n) for n in order]))


@EVERY_SHAPE
@together("row", [None, 5, "x", [], {}, [[]], True])
def test_candle_that_is_no_row(shape: Shape, row: Any) -> None:
    with pytest.raises(BadResponse) as caught:
        shape.parse(shape.wrap([row]))
    assert caught.value.exchange in EXCHANGES
    wrapped = shape.wrap([nth(shape, 0), row, nth(shape, 2)])
    if shape.wrap is of_deribit:
        with pytest.raises(BadResponse):
            shape.parse(wrapped)
    else:
        assert (len(shape.parse(wrapped)), shape.parse(wrapped).n_odd) == (2, 1)


@EVERY_SHAPE
@together("body", [b"", b"{", b"\xff", b"<html>", b"5", b'"x"', b"true", b"[5]", b"[null]", b'{"a":1}'])
def test_candles_that_are_no_candles(shape: Shape, body: bytes) -> None:
    with pytest.raises(BadResponse):
        shape.parse(body)


@together("name", ["binance spot", "gate spot", "gate perp", "coinbase"])
def test_no_candles_are_none(name: str) -> None:
    """A page of before the market began is empty, and no reason to say that it is not listed."""
    assert len(SHAPES[name].parse(b"[]")) == 0
    with pytest.raises(BadResponse):
        SHAPES[name].parse(b"null")


@together(
    "name, envelope",
    [
        ("bybit linear", '{"retCode":0,"result":{"list":%s},"time":1}'),
        ("okx spot", '{"code":"0","data":%s}'),
        ("okx swap", '{"code":"0","data":%s}'),
        ("bitget", '{"code":"00000","data":%s}'),
        ("kraken spot", '{"error":[],"result":{"XXBTZUSD":%s,"last":1}}'),
    ],
)
def test_no_candles_in_an_envelope(name: str, envelope: str) -> None:
    assert len(SHAPES[name].parse((envelope % "[]").encode())) == 0
    for instead in ("null", "{}", "5", '"x"', "[null]"):
        with pytest.raises(BadResponse):
            SHAPES[name].parse((envelope % instead).encode())


@together(
    "name, body",
    [
        ("hyperliquid", b"[]"),
        ("hyperliquid", b"null"),
        ("deribit", b'{"result":{"status":"no_data","ticks":[],"open":[],"high":[],"low":[],"close":[],"volume":[]}}'),
        ("kraken perp", b'{"candles":[],"more_candles":false}'),
    ],
)
def test_no_candles_where_that_means_unlisted(name: str, body: bytes) -> None:
    with pytest.raises(UnknownSymbol):
        SHAPES[name].parse(body)


@together(
    "name, body",
    [("hyperliquid", b"{}"), ("hyperliquid", b"0"), ("hyperliquid", b'""'), ("kraken perp", b'{"candles":{}}')],
)
def test_no_candles_but_something_else(name: str, body: bytes) -> None:
    with pytest.raises(BadResponse):
        SHAPES[name].parse(body)


@together(
    "name, body, kind",
    [
        ("bybit linear", b'{"retCode":10001,"retMsg":"no","result":{},"time":1}', UnknownSymbol),
        ("bybit inverse", b'{"retCode":10006,"retMsg":"no","result":{"list":[]},"time":1}', RateLimited),
        ("bybit linear", b'{"retCode":"0","result":{"list":[]},"time":1}', BadResponse),
        ("bybit linear", b'{"retCode":0,"result":null,"time":1}', BadResponse),
        ("okx swap", b'{"code":"51001","msg":"no","data":[]}', UnknownSymbol),
        ("okx spot", b'{"code":"50011","msg":"no"}', RateLimited),
        ("okx spot", b'{"code":0,"data":[]}', BadResponse),
        ("bitget", b'{"code":"40034","msg":"no","data":null}', UnknownSymbol),
        ("bitget", b'{"code":"00000","data":null}', BadResponse),
        ("bitget", b'{"code":0,"data":[]}', BadResponse),
        ("deribit", b'{"error":{"code":-32602,"message":"Invalid params"}}', UnknownSymbol),
        ("deribit", b'{"error":{"code":10028,"message":"too_many_requests"}}', RateLimited),
        ("deribit", b'{"result":{"status":"ok","ticks":[1],"open":[],"high":[],"low":[],"close":[]}}', BadResponse),
        ("kraken spot", b'{"error":["EQuery:Unknown asset pair"]}', UnknownSymbol),
        ("kraken spot", b'{"error":["EGeneral:Too many requests"],"result":{}}', RateLimited),
        ("kraken spot", b'{"error":["EService:Busy"]}', Unavailable),
        ("kraken spot", b'{"error":[],"result":{"last":1}}', BadResponse),
        ("kraken spot", b'{"error":[],"result":{"A":[],"B":[],"last":1}}', BadResponse),
        ("kraken spot", b'{"error":[],"result":[]}', BadResponse),
        ("kraken perp", b'{"result":"error","error":"contractNotFound"}', UnknownSymbol),
        ("kraken perp", b'{"result":"error","error":"apiLimitExceeded"}', RateLimited),
        ("kraken perp", b'{"candles":"x"}', BadResponse),
        ("binance spot", b'{"code":-1121,"msg":"Invalid symbol."}', BadResponse),  # comes with HTTP 400 only
        ("gate perp", b'{"label":"CONTRACT_NOT_FOUND"}', BadResponse),
        ("coinbase", b'{"message":"NotFound"}', BadResponse),
    ],
)
def test_candles_refused_with_http_200(name: str, body: bytes, kind: type[MarketError]) -> None:
    with pytest.raises(MarketError) as caught:
        SHAPES[name].parse(body)
    assert type(caught.value) is kind


# Whether the last candle is over.


@together("confirm, is_closed", [("1", True), ("0", False)])
@together("name", ["okx spot", "okx swap"])
def test_okx_says_of_the_newest_whether_it_is_over(name: str, confirm: str, is_closed: bool) -> None:
    shape = SHAPES[name]
    newest, oldest = nth(shape, 1), nth(shape, 0)
    candles = shape.parse(of_okx([[*newest[:8], confirm], [*oldest[:8], "1"]]))
    assert candles.is_last_closed is is_closed
    assert candles.n_closed(now_ms=0) == (2 if is_closed else 1)
    assert shape.parse(of_okx([newest[:8]])).is_last_closed is None


@pytest.mark.parametrize(("closed", "is_closed"), [("true", True), ("false", False)])
def test_gate_says_of_the_last_whether_it_is_over(closed: str, is_closed: bool) -> None:
    shape = SHAPES["gate spot"]
    candles = shape.parse(plain([nth(shape, 0), [*nth(shape, 1)[:7], closed]]))
    assert candles.is_last_closed is is_closed
    assert shape.parse(plain([nth(shape, 0)[:7]])).is_last_closed is None


@together("name", [name for name in SHAPES if not name.startswith(("okx", "gate spot"))])
def test_candles_close_by_the_clock(name: str) -> None:
    candles = SHAPES[name].parse(SHAPES[name].wrap([nth(SHAPES[name], 0), nth(SHAPES[name], 1)]))
    assert candles.is_last_closed is None
    assert [candles.n_closed(MS + 2 * HOUR_MS + wait_ms) for wait_ms in (-1, 0)] == [1, 2]


def test_candles_in_part() -> None:
    shape = SHAPES["binance spot"]
    candles = shape.parse(shape.wrap([nth(shape, n) for n in range(4)]))
    first = candles.part(0, 3)
    assert (list(first.open_ms), first.is_last_closed) == ([MS, MS + HOUR_MS, MS + 2 * HOUR_MS], True)
    assert (len(first.taker_buy or ()), len(first.quote_volume or ())) == (3, 3)
    assert candles.part(1, 4).is_last_closed is None
    assert candles.part(2, 2).n_closed(0) == 0


# Contracts on many coins, and contracts of so many coins.


@together(
    "parse, name",
    [
        (lambda body: binance.parse_candles(body, a_perp("1000PEPE-USDT", 1000), "1h"), "binance spot"),
        (lambda body: bybit.parse_candles(body, a_perp("1000PEPE-USDT", 1000), "1h"), "bybit linear"),
        (lambda body: bitget.parse_candles(body, a_perp("1000PEPE-USDT", 1000), "1h"), "bitget"),
        (lambda body: hyperliquid.parse_candles(body, a_perp("1000PEPE-USDC", 1000), "1h"), "hyperliquid"),
    ],
)
def test_candles_by_the_thousand_are_per_coin(parse: Callable[[bytes], Candles], name: str) -> None:
    shape = SHAPES[name]
    candles = parse(shape.wrap([nth(shape, 0)]))
    assert rows_of(candles) == [(MS, *(pytest.approx(price / 1000) for price in (100, 120, 90, 110)), 7000)]
    assert (list(candles.quote_volume or [700]), list(candles.taker_buy or [3000])) == ([700], [3000])


def test_gate_perp_candles_count_contracts() -> None:
    """What a contract is, is not in the answer: without knowing it there is no volume."""
    shape = SHAPES["gate perp"]
    candles = gate.parse_perp_candles(plain([shape.row]), a_perp("BTC-USDT", 1, 0.0001), "1h")
    assert list(candles.volume) == pytest.approx([0.7])
    assert list(candles.close) == [110]
    with pytest.raises(BadResponse, match="size is not known"):
        gate.parse_perp_candles(plain([shape.row]), a_perp("BTC-USDT"), "1h")


@together(
    "parse, wrap, name, last",
    [
        (okx.parse_candles, of_okx, "okx spot", "0"),
        (gate.parse_spot_candles, plain, "gate spot", "false"),
    ],
)
def test_which_candle_runs_is_told_in_either_order(parse: Any, wrap: Any, name: str, last: str) -> None:
    older, newer = deepcopy(SHAPES[name].row), deepcopy(SHAPES[name].row)
    newer[0] = str(int(newer[0]) + SHAPES[name].step)
    newer[-1] = last
    for rows in ([older, newer], [newer, older]):
        assert parse(wrap(rows), a_spot("BTC-USDT"), "1h").is_last_closed is False


# Long and short.


@together("share", [0, "0", 1, "1.0000"])
def test_everybody_on_one_side(share: Any) -> None:
    row = {"timestamp": 1, "buyRatio": share, "ts": 1, "longAccountRatio": share, "longAccount": share}
    expected = {"accounts": [Ratio(1, float(share))]}
    assert (
        bybit.parse_ratios(of_bybit([row]), a_perp("BTC-USDT"))
        == bitget.parse_ratios(of_bitget([row]), a_perp("BTC-USDT"))
        == expected
    )
    assert binance.parse_ratios(plain([row]), a_perp("BTC-USDT"), "accounts") == expected


@pytest.mark.parametrize("ratio", ["-1", -0.5, -2])
def test_ratio_below_zero(ratio: Any) -> None:
    with pytest.raises(BadResponse):
        okx.parse_ratios(of_okx([["1", ratio]]), a_perp("BTC-USDT"))
    for key in ("lsr_account", "top_lsr_account", "top_lsr_size"):
        with pytest.raises(BadResponse):
            gate.parse_ratios(plain([{"time": 1, key: ratio}]), a_perp("BTC-USDT"))
    assert okx.parse_ratios(of_okx([["1", "0"]]), a_perp("BTC-USDT")) == {"accounts": [Ratio(1, 0)]}


@together("share", ["58.9", "-0.1", 1.01])
@together(
    "parse",
    [
        lambda share: binance.parse_ratios(
            plain([{"timestamp": 1, "longAccount": share}]), a_perp("BTC-USDT"), "accounts"
        ),
        lambda share: bybit.parse_ratios(of_bybit([{"timestamp": 1, "buyRatio": share}]), a_perp("BTC-USDT")),
        lambda share: bitget.parse_ratios(of_bitget([{"ts": 1, "longAccountRatio": share}]), a_perp("BTC-USDT")),
    ],
)
def test_share_beyond_one(parse: Callable[[Any], Any], share: Any) -> None:
    with pytest.raises(BadResponse):
        parse(share)


# The same nonsense for all of them.


class Series(NamedTuple):
    """An answer that is a list in time. at: where its figures stand in a row; n_needed of them must be told."""

    parse: Callable[[bytes], Any]
    wrap: Callable[[list[Any]], bytes]
    row: Any
    at: tuple[Any, ...]
    n_needed: int = 9


SERIES = {
    "binance history": Series(
        lambda body: binance.parse_open_interest_history(body, a_perp("BTC-USDT"), "sumOpenInterest"),
        plain,
        {"sumOpenInterest": "50", "sumOpenInterestValue": "5000", "timestamp": 1700000000000},
        ("timestamp", "sumOpenInterest"),
    ),
    "bybit history": Series(
        lambda body: bybit.parse_open_interest_history(body, a_perp("BTC-USDT")),
        of_bybit,
        {"openInterest": "50", "timestamp": "1700000000000"},
        ("timestamp", "openInterest"),
    ),
    "okx history": Series(
        lambda body: okx.parse_open_interest_history(body, a_perp("BTC-USDT")),
        of_okx,
        ["1700000000000", "500", "50", "5000"],
        (0, 2),
    ),
    "gate history": Series(
        lambda body: gate.parse_open_interest_history(body, a_perp("BTC-USDT")),
        plain,
        {"time": 1700000000, "open_interest_usd": 5000, "mark_price": "100"},
        ("time", "open_interest_usd", "mark_price"),
    ),
    "binance ratios": Series(
        lambda body: binance.parse_ratios(body, a_perp("BTC-USDT"), "accounts"),
        plain,
        {"longAccount": "0.6", "shortAccount": "0.4", "longShortRatio": "1.5", "timestamp": 1700000000000},
        ("timestamp", "longAccount"),
    ),
    "bybit ratios": Series(
        lambda body: bybit.parse_ratios(body, a_perp("BTC-USDT")),
        of_bybit,
        {"buyRatio": "0.6", "timestamp": "1700000000000"},
        ("timestamp", "buyRatio"),
    ),
    "okx ratios": Series(
        lambda body: okx.parse_ratios(body, a_perp("BTC-USDT")), of_okx, ["1700000000000", "1.5"], (0, 1)
    ),
    "gate ratios": Series(
        lambda body: gate.parse_ratios(body, a_perp("BTC-USDT")),
        plain,
        {"time": 1700000000, "lsr_account": 1.5, "top_lsr_account": 1.5, "top_lsr_size": 1.5},
        ("time", "lsr_account", "top_lsr_account", "top_lsr_size"),
        1,
    ),
    "bitget ratios": Series(
        lambda body: bitget.parse_ratios(body, a_perp("BTC-USDT")),
        of_bitget,
        {"longAccountRatio": "0.6", "shortAccountRatio": "0.4", "ts": "1700000000000"},
        ("ts", "longAccountRatio"),
    ),
    "okx flow": Series(
        lambda body: okx.parse_taker_flow(body, a_perp("BTC-USDT"), "1h"),
        of_okx,
        ["1700000000000", "4", "6"],
        (0, 1, 2),
    ),
}
EVERY_SERIES = together("series", SERIES.values(), ids=SERIES)


def at_time(series: Series, seconds: int) -> Any:
    row = deepcopy(series.row)
    row[series.at[0]] = str(seconds) if series.at[0] == "time" else str(seconds * 1000)
    return row


def times_of(found: Any) -> list[int]:
    if isinstance(found, Flow):
        return list(found.open_ms)
    rows = next(iter(found.values())) if isinstance(found, dict) else found
    return [row[0] for row in rows]


@EVERY_SERIES
def test_series_is_oldest_first(series: Series) -> None:
    """Not as texts are sorted: 9 is before 10."""
    for order in ((9, 10, 100), (100, 10, 9), (10, 100, 9)):
        found = series.parse(series.wrap([at_time(series, seconds) for seconds in order]))
        assert times_of(found) == [9000, 10_000, 100_000]


@EVERY_SERIES
@together("value", ["abc", [], {}, True, "NaN", "inf", "-inf", "1e999", "1e31"])
def test_series_figure_that_is_none(series: Series, value: Any) -> None:
    for place in series.at:
        row = deepcopy(series.row)
        row[place] = value
        with pytest.raises(BadResponse):
            series.parse(series.wrap([row]))


@EVERY_SERIES
def test_series_figure_that_is_missing(series: Series) -> None:
    for place in series.at[: series.n_needed]:
        row = series.row
        short = {key: row[key] for key in row if key != place} if isinstance(row, dict) else row[:place]
        nulls = {**row, place: None} if isinstance(row, dict) else [*row[:place], None, *row[place + 1 :]]
        for each in (short, nulls):  # an odd row costs itself only
            assert series.parse(series.wrap([row, each])) == series.parse(series.wrap([row]))
            with pytest.raises(BadResponse):
                series.parse(series.wrap([row, each, each]))


@EVERY_SERIES
@together("row", [None, 5, "x", [], {}, [[]]])
def test_series_row_that_is_none(series: Series, row: Any) -> None:
    with pytest.raises(BadResponse):
        series.parse(series.wrap([row]))


@EVERY_SERIES
@together("body", [b"", b"{", b"\xff", b"<html>", b"null", b"5", b'"x"', b"{}", b"[5]", b"[null]"])
def test_series_that_is_none(series: Series, body: bytes) -> None:
    with pytest.raises(BadResponse):
        series.parse(body)


@EVERY_SERIES
def test_series_of_a_list_that_is_none(series: Series) -> None:
    instead: list[Any] = [None, {}, 5, "x"]
    for rows in instead:
        with pytest.raises(BadResponse):
            series.parse(series.wrap(rows))


@pytest.mark.parametrize("name", ["binance history", "bybit history", "gate history"])
def test_empty_history_is_no_unlisted_contract(name: str) -> None:
    with pytest.raises(NotSupported, match="no history"):
        SERIES[name].parse(SERIES[name].wrap([]))


@together(
    "name, body, kind",
    [
        ("bybit history", b'{"retCode":10001,"result":{}}', UnknownSymbol),
        ("bybit ratios", b'{"retCode":10009,"result":{}}', Blocked),
        ("okx history", b'{"code":"50011"}', RateLimited),
        ("okx ratios", b'{"code":"51001","data":[]}', UnknownSymbol),
        ("okx flow", b'{"code":"50001","data":[]}', Unavailable),
        ("bitget ratios", b'{"code":"429","data":null}', RateLimited),
        ("bitget ratios", b'{"code":"40309","data":null}', UnknownSymbol),
    ],
)
def test_series_refused_with_http_200(name: str, body: bytes, kind: type[MarketError]) -> None:
    with pytest.raises(MarketError) as caught:
        SERIES[name].parse(body)
    assert type(caught.value) is kind


# Spelling: intervals.


def test_intervals_in_minutes() -> None:
    minutes = {interval: length_ms / 60_000 for interval, length_ms in INTERVALS.items()}
    assert list(minutes) == ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"]
    assert list(minutes.values()) == [1, 3, 5, 15, 30, 60, 120, 240, 360, 720, 1440]


WORDS = {
    ("binance", "spot"): "1m 3m 5m 15m 30m 1h 2h 4h 6h 12h 1d",
    ("binance", "perp"): "1m 3m 5m 15m 30m 1h 2h 4h 6h 12h 1d",
    ("bybit", "spot"): "1 3 5 15 30 60 120 240 360 720 D",
    ("bybit", "perp"): "1 3 5 15 30 60 120 240 360 720 D",
    ("okx", "spot"): "1m 3m 5m 15m 30m 1H 2H 4H 6Hutc 12Hutc 1Dutc",  # a plain 1D begins at UTC+8
    ("okx", "perp"): "1m 3m 5m 15m 30m 1H 2H 4H 6Hutc 12Hutc 1Dutc",
    ("gate", "spot"): "1m - 5m 15m 30m 1h - 4h - - 1d",
    ("gate", "perp"): "1m - 5m 15m 30m 1h - 4h - - 1d",
    ("bitget", "spot"): "1min 3min 5min 15min 30min 1h - 4h 6Hutc 12Hutc 1Dutc",
    ("bitget", "perp"): "1m 3m 5m 15m 30m 1H - 4H 6Hutc 12Hutc 1Dutc",
    ("hyperliquid", "perp"): "1m 3m 5m 15m 30m 1h 2h 4h - 12h 1d",
    ("deribit", "perp"): "1 3 5 15 30 60 120 - 360 720 1D",
    ("kraken", "spot"): "1 - 5 15 30 60 - 240 - - 1440",
    ("kraken", "perp"): "1m - 5m 15m 30m 1h - 4h - 12h 1d",
    ("coinbase", "spot"): "60 - 300 900 - 3600 - - 21600 - 86400",
}
EVERY_INTERVAL = [
    pytest.param(
        *(exchange, market, interval, word),
    )
    for (exchange, market), words in WORDS.items()
    for interval, word in zip(INTERVALS, words.split(), strict=True)
]


def word_in(endpoint: Endpoint[Candles]) -> str:
    """What the endpoint calls the interval."""
    if endpoint.body:
        return str(json.loads(endpoint.body)["req"]["interval"])
    path, _, query = endpoint.target.partition("?")
    told = dict(part.split("=") for part in query.split("&"))
    names = [name for name in ("interval", "bar", "granularity", "resolution") if name in told]
    return told[names[0]] if names else path.rpartition("/")[2]


@pytest.mark.parametrize(("exchange", "kind", "interval", "word"), EVERY_INTERVAL)
def test_interval_in_the_words_of_the_exchange(exchange: str, kind: str, interval: str, word: str) -> None:
    venue = EXCHANGES[exchange]
    quote = venue.quotes[kind][0]
    assert venue.has("candles", kind, quote, interval) == (word != "-")
    if word == "-":
        with pytest.raises(NotSupported) as caught:
            venue.require("candles", kind, quote, interval)
        assert caught.value.reason == Reason.NO_SUCH_CANDLES
    else:
        endpoint = venue.candles(a_listing(kind, f"BTC-{quote}", 1, 1.0), interval, 5, NOW_MS)
        assert word_in(endpoint) == word == venue.intervals[kind][interval]
        assert endpoint.explain(500, b"").exchange == exchange


@together("exchange, kind", WORDS)
def test_interval_is_the_one_that_is_read(exchange: str, kind: str) -> None:
    """What is asked for and what the answer is taken for are one."""
    names = {("binance", "perp"): "binance spot", ("bybit", "spot"): "bybit linear", ("bybit", "perp"): "bybit linear"}
    names |= {("okx", "perp"): "okx swap", ("kraken", "perp"): "kraken perp", ("gate", "perp"): "gate perp"}
    name = names.get((exchange, kind)) or next(each for each in SHAPES if each.startswith(exchange))
    body = SHAPES[name].wrap([nth(SHAPES[name], 0)])
    of = "BTC-USD" if exchange == "kraken" else "BTC-USDT"
    for interval in ("5m", "1d"):
        candles = EXCHANGES[exchange].candles(a_listing(kind, of, 1, 0.001), interval, 5, NOW_MS).parse(body)
        assert (candles.interval_ms, candles.kind) == (INTERVALS[interval], kind)
        assert (candles.exchange, candles.symbol, list(candles.volume)) == (exchange, of, [7])


# Spelling: targets.


TARGETS: list[tuple[Endpoint[Any], str]] = [
    (Binance().candles(a_spot("BTC-USDT"), "1h", 5, NOW_MS), "/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=5"),
    (
        Binance().candles(a_perp("1000PEPE-USDT", 1000), "4h", 1500, NOW_MS, END_MS),
        "/fapi/v1/klines?symbol=1000PEPEUSDT&interval=4h&limit=1500&endTime=1700002799999",
    ),
    (
        Binance().candles(a_spot("币安人生-USDT"), "1m", 5, NOW_MS, END_MS),
        "/api/v3/klines?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&interval=1m&limit=5&endTime=1700002799999",
    ),
    (
        Binance().open_interest_history(a_perp("BTC-USDT"), 25),
        "/futures/data/openInterestHist?symbol=BTCUSDT&period=1h&limit=25",
    ),
    (
        Binance().open_interest_history(a_perp("BTC-COIN"), 25),
        "/futures/data/openInterestHist?pair=BTCUSD&contractType=PERPETUAL&period=1h&limit=25",
    ),
    (
        Binance().ratios(a_perp("BTC-USDT"), 25)[0],
        "/futures/data/globalLongShortAccountRatio?symbol=BTCUSDT&period=1h&limit=25",
    ),
    (
        Binance().ratios(a_perp("BTC-USDT"), 3)[1],
        "/futures/data/topLongShortAccountRatio?symbol=BTCUSDT&period=1h&limit=3",
    ),
    (
        Binance().ratios(a_perp("BTC-USDT"), 3)[2],
        "/futures/data/topLongShortPositionRatio?symbol=BTCUSDT&period=1h&limit=3",
    ),
    (
        Bybit().candles(a_spot("BTC-USDT"), "1h", 5, NOW_MS),
        "/v5/market/kline?category=spot&symbol=BTCUSDT&interval=60&limit=5",
    ),
    (
        Bybit().candles(a_perp("BTC-USDC"), "1d", 5, NOW_MS, END_MS),
        "/v5/market/kline?category=linear&symbol=BTCPERP&interval=D&limit=5&end=1700002799999",
    ),
    (
        Bybit().candles(a_perp("BTC-COIN"), "5m", 5, NOW_MS),
        "/v5/market/kline?category=inverse&symbol=BTCUSD&interval=5&limit=5",
    ),
    (
        Bybit().candles(a_perp("币安人生-USDT"), "5m", 5, NOW_MS),
        "/v5/market/kline?category=linear&symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&interval=5&limit=5",
    ),
    (
        Bybit().ratios(a_perp("BTC-USDT"), 25)[0],
        "/v5/market/account-ratio?category=linear&symbol=BTCUSDT&period=1h&limit=25",
    ),
    (
        Bybit().ratios(a_perp("BTC-COIN"), 2)[0],
        "/v5/market/account-ratio?category=inverse&symbol=BTCUSD&period=1h&limit=2",
    ),
    (Okx().candles(a_spot("BTC-USDT"), "1h", 5, NOW_MS), "/api/v5/market/candles?instId=BTC-USDT&bar=1H&limit=5"),
    (
        Okx().candles(a_perp("BTC-USDT"), "1d", 300, NOW_MS, END_MS),
        "/api/v5/market/history-candles?instId=BTC-USDT-SWAP&bar=1Dutc&limit=300&after=1700002800000",
    ),
    (Okx().candles(a_perp("BTC-COIN"), "5m", 5, NOW_MS), "/api/v5/market/candles?instId=BTC-USD-SWAP&bar=5m&limit=5"),
    (
        Okx().open_interest_history(a_perp("BTC-USDT"), 25),
        "/api/v5/rubik/stat/contracts/open-interest-history?instId=BTC-USDT-SWAP&period=1H&limit=25",
    ),
    (
        Okx().open_interest_history(a_perp("BTC-COIN"), 25),
        "/api/v5/rubik/stat/contracts/open-interest-history?instId=BTC-USD-SWAP&period=1H&limit=25",
    ),
    (
        Okx().ratios(a_perp("ETH-USDC"), 25)[0],
        "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract?instId=ETH-USDC-SWAP&period=1H&limit=25",
    ),
    (
        Gate().candles(a_spot("BTC-USDT"), "1h", 5, NOW_MS),
        "/api/v4/spot/candlesticks?currency_pair=BTC_USDT&interval=1h&limit=5",
    ),
    (
        Gate().candles(a_spot("BTC-USDT"), "1h", 5, NOW_MS, END_MS),  # a limit beside it is refused
        f"/api/v4/spot/candlesticks?currency_pair=BTC_USDT&interval=1h&from={S - 4 * 3600}&to={S}",
    ),
    (
        Gate().candles(a_perp("BTC-USDT", 1, 0.0001), "5m", 2000, NOW_MS, END_MS),
        f"/api/v4/futures/usdt/candlesticks?contract=BTC_USDT&interval=5m&from={S + 3300 - 1999 * 300}&to={S + 3300}",
    ),
    (
        Gate().candles(a_perp("币安人生-USDT", 1, 1.0), "1d", 5, NOW_MS),
        "/api/v4/futures/usdt/candlesticks?contract=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F_USDT&interval=1d&limit=5",
    ),
    (
        Gate().ratios(a_perp("BTC-USDT"), 25)[0],
        "/api/v4/futures/usdt/contract_stats?contract=BTC_USDT&interval=1h&limit=25",
    ),
    (
        Bitget().candles(a_spot("BTC-USDT"), "1d", 5, NOW_MS),
        "/api/v2/spot/market/candles?symbol=BTCUSDT&granularity=1Dutc&limit=5",
    ),
    (
        Bitget().candles(a_perp("BTC-USDT"), "1h", 5, NOW_MS, END_MS),
        "/api/v2/mix/market/candles?symbol=BTCUSDT&productType=USDT-FUTURES&granularity=1H&limit=5&endTime=1700002800000",
    ),
    (
        Bitget().candles(a_perp("BTC-USDC"), "1m", 5, NOW_MS),
        "/api/v2/mix/market/candles?symbol=BTCPERP&productType=USDC-FUTURES&granularity=1m&limit=5",
    ),
    (
        Bitget().candles(a_perp("BTC-COIN"), "1m", 5, NOW_MS),
        "/api/v2/mix/market/candles?symbol=BTCUSD&productType=COIN-FUTURES&granularity=1m&limit=5",
    ),
    (Bitget().ratios(a_perp("BTC-USDT"), 25)[0], "/api/v2/mix/market/account-long-short?symbol=BTCUSDT&period=1h"),
    (
        Deribit().candles(a_perp("BTC-COIN"), "1h", 5, NOW_MS, END_MS),
        f"/api/v2/public/get_tradingview_chart_data?instrument_name=BTC-PERPETUAL&start_timestamp={MS - 4 * HOUR_MS}"
        f"&end_timestamp={END_MS - 1}&resolution=60",
    ),
    (
        Deribit().candles(a_perp("SOL-USDC"), "1d", 1, NOW_MS, END_MS),
        "/api/v2/public/get_tradingview_chart_data?instrument_name=SOL_USDC-PERPETUAL&start_timestamp=1699920000000"
        f"&end_timestamp={END_MS - 1}&resolution=1D",
    ),
    (
        Kraken().candles(a_spot("BTC-USD"), "1h", 5, NOW_MS, END_MS),  # since is exclusive
        f"/0/public/OHLC?pair=XBTUSD&interval=60&since={S - 4 * 3600 - 1}",
    ),
    (
        Kraken().candles(a_spot("DOGE-USDT"), "1d", 1, NOW_MS, END_MS),
        "/0/public/OHLC?pair=XDGUSDT&interval=1440&since=1699919999",
    ),
    (
        Kraken().candles(a_perp("BTC-USD"), "1h", 5, NOW_MS, END_MS),
        f"/api/charts/v1/trade/PF_XBTUSD/1h?from={S - 4 * 3600}&to={S + 3599}",
    ),
    (
        Kraken().candles(a_perp("DOGE-USD"), "12h", 1, NOW_MS, END_MS),  # here it is called DOGE
        "/api/charts/v1/trade/PF_DOGEUSD/12h?from=1699963200&to=1700002799",
    ),
    (
        Coinbase().candles(a_spot("BTC-USD"), "1h", 5, NOW_MS, END_MS),
        "/products/BTC-USD/candles?granularity=3600&start=2023-11-14T18:00:00Z&end=2023-11-14T22:00:00Z",
    ),
    (
        Coinbase().candles(a_spot("币-USD"), "1d", 2, NOW_MS, END_MS),
        "/products/%E5%B8%81-USD/candles?granularity=86400&start=2023-11-13T00:00:00Z&end=2023-11-14T00:00:00Z",
    ),
]


@together("endpoint, target", TARGETS, ids=[target[:60] for _, target in TARGETS])
def test_targets(endpoint: Endpoint[Any], target: str) -> None:
    assert (endpoint.target, endpoint.body) == (target, b"")


def test_targets_that_may_be_none() -> None:
    (history, gates) = (
        Bybit().open_interest_history(a_perp("BTC-USDC"), 25),
        Gate().open_interest_history(a_perp("BTC-USDT"), 25),
    )
    assert history is not None
    assert history.target == "/v5/market/open-interest?category=linear&symbol=BTCPERP&intervalTime=1h&limit=25"
    assert gates is not None
    assert gates.target == "/api/v4/futures/usdt/contract_stats?contract=BTC_USDT&interval=1h&limit=25"
    assert not Bybit().has("open_interest_history", "perp", "COIN")  # in dollars, without their price
    assert not Gate().has("open_interest_history", "perp", "COIN")


def test_hyperliquid_candles_are_asked_for_by_post() -> None:
    endpoint = Hyperliquid().candles(a_perp("1000PEPE-USDC", 1000), "1h", 5, NOW_MS, END_MS)
    span = {"coin": "kPEPE", "interval": "1h", "startTime": MS - 4 * HOUR_MS, "endTime": END_MS - 1}
    assert endpoint.target == "/info"
    assert json.loads(endpoint.body) == {"type": "candleSnapshot", "req": span}
    assert endpoint.parse(plain([SHAPES["hyperliquid"].row])).volume[0] == 7000


HALF_PAST_MS = MS + 1_800_500  # half an hour into the running candle


@together(
    "exchange, symbol, kind, span",
    [
        ("hyperliquid", "BTC-USDC", "perp", [MS - 2 * HOUR_MS, MS + HOUR_MS - 1]),
        ("deribit", "BTC-USDC", "perp", [MS - 2 * HOUR_MS, MS + 1_800_500]),
        ("kraken", "BTC-USD", "spot", [S - 2 * 3600 - 1]),
        ("kraken", "BTC-USD", "perp", [S - 2 * 3600, S + 1800]),
        ("coinbase", "BTC-USD", "spot", ["2023-11-14T20:00:00Z", "2023-11-14T22:00:00Z"]),
    ],
)
def test_three_candles_up_to_now(exchange: str, symbol: str, kind: str, span: list[Any]) -> None:
    """The running one is the third."""
    endpoint = EXCHANGES[exchange].candles(a_listing(kind, symbol), "1h", 3, HALF_PAST_MS)
    if endpoint.body:
        asked = json.loads(endpoint.body)["req"]
    else:
        asked = dict(part.split("=") for part in endpoint.target.partition("?")[2].split("&"))
    names = ("startTime", "start_timestamp", "start", "since", "from", "endTime", "end_timestamp", "end", "to")
    assert [str(asked[name]) for name in names if name in asked] == [str(each) for each in span]


def test_candles_of_contracts_in_dollars() -> None:
    """Binance, Gate and Kraken count contracts or dollars on coin-margined ones: there is no volume in coins."""
    listing = [each for each in EXCHANGES.values() if "COIN" in each.quotes.get("perp", ())]
    without = [each.id for each in listing if not each.has("candles", "perp", "COIN", "1h")]
    assert without == ["binance", "gate", "kraken"]
    with pytest.raises(NotSupported):
        Gate().require("candles", "perp", "COIN", "1h")


def test_what_is_told_is_of_what_there_is() -> None:
    for venue in EXCHANGES.values():
        markets = {"spot"} & set(venue.kinds) | set(venue.quotes.get("perp", ()))
        assert all(set(told) <= markets for told in venue.tells.values())
        assert set(venue.intervals) == set(venue.max_candles) == set(venue.kinds)


@together("exchange", EXCHANGES)
def test_every_quote_is_another_market(exchange: str) -> None:
    """What is asked for in one of the exchange's quotes is never what is asked for in another."""
    venue = EXCHANGES[exchange]
    for kind, quotes in venue.quotes.items():
        told = [quote for quote in quotes if venue.has("candles", kind, quote, "1h")]
        asked = [venue.candles(a_listing(kind, f"BTC-{quote}", 1, 1.0), "1h", 5, NOW_MS, END_MS) for quote in told]
        assert len({(each.target, each.body) for each in asked}) == len(told) > 0


# What is not told at all.


def test_exchanges_without_history_ratios_or_flow() -> None:
    tellers: dict[str, str] = {}
    for question in ("candles", "flow", "open_interest_history", "ratios"):
        tellers[question] = " ".join(name for name, each in EXCHANGES.items() if question in each.tells)
    assert tellers == {
        "candles": " ".join(EXCHANGES),
        "flow": "binance okx kraken",
        "open_interest_history": "binance bybit okx gate kraken",
        "ratios": "binance bybit okx gate bitget kraken",
    }
    assert [name for name, each in EXCHANGES.items() if each.has_takers_in_candles] == ["binance"]


def test_what_is_not_told_is_refused() -> None:
    """The defaults: an exchange that says nothing of a question has no answer to it."""
    of = a_perp("BTC-USDC")
    with pytest.raises(NotSupported, match="no ratios"):
        Deribit().ratios(of, 25)
    with pytest.raises(NotSupported, match="no open interest history"):
        Deribit().open_interest_history(of, 25)
    with pytest.raises(NotSupported, match="no flow"):
        Deribit().taker_flow(of, "1h", 25)
    with pytest.raises(NotSupported, match="no spot markets"):
        Deribit().spot(a_spot("BTC-USDC"))


# What it costs.


@together(
    "endpoint, name, max_weight, window_s, weight",
    [
        (Binance().candles(a_spot("BTC-USDT"), "1h", 1000, NOW_MS), "binance spot weight", 6000, 60, 2),
        (Binance().candles(a_perp("BTC-USDT"), "1h", 99, NOW_MS), "binance USD-M weight", 2400, 60, 1),
        (Binance().candles(a_perp("BTC-USDT"), "1h", 100, NOW_MS), "binance USD-M weight", 2400, 60, 2),
        (Binance().candles(a_perp("BTC-USDT"), "1h", 499, NOW_MS), "binance USD-M weight", 2400, 60, 2),
        (Binance().candles(a_perp("BTC-USDT"), "1h", 500, NOW_MS), "binance USD-M weight", 2400, 60, 5),
        (Binance().candles(a_perp("BTC-USDT"), "1h", 1000, NOW_MS), "binance USD-M weight", 2400, 60, 5),
        (Binance().candles(a_perp("BTC-USDT"), "1h", 1001, NOW_MS), "binance USD-M weight", 2400, 60, 10),
        (Binance().open_interest_history(a_perp("BTC-USDT"), 25), "binance futures statistics", 1000, 300, 1),
        (Binance().open_interest_history(a_perp("BTC-COIN"), 25), "binance COIN-M weight", 2400, 60, 1),
        (Binance().ratios(a_perp("BTC-USDT"), 25)[0], "binance futures statistics", 1000, 300, 1),
        (Bybit().candles(a_spot("BTC-USDT"), "1h", 25, NOW_MS), "bybit requests", 600, 5, 1),
        (Okx().candles(a_spot("BTC-USDT"), "1h", 25, NOW_MS), "okx market/candles", 40, 2, 1),
        (Okx().candles(a_spot("BTC-USDT"), "1h", 25, NOW_MS, END_MS), "okx market/history-candles", 20, 2, 1),
        (Okx().ratios(a_perp("BTC-USDT"), 25)[0], "okx contracts/long-short-account-ratio-contract", 5, 2, 1),
        (Gate().candles(a_spot("BTC-USDT"), "1h", 25, NOW_MS), "gate spot/candlesticks", 200, 10, 1),
        (Gate().ratios(a_perp("BTC-USDT"), 25)[0], "gate futures/usdt/contract_stats", 200, 10, 1),
        (Bitget().candles(a_spot("BTC-USDT"), "1h", 25, NOW_MS), "bitget spot/market/candles", 20, 1, 1),
        (Bitget().ratios(a_perp("BTC-USDT"), 25)[0], "bitget mix/market/account-long-short", 1, 1, 1),
        (Hyperliquid().candles(a_perp("BTC-USDC"), "1h", 59, NOW_MS), "hyperliquid weight", 1200, 60, 20),
        (Hyperliquid().candles(a_perp("BTC-USDC"), "1h", 5000, NOW_MS), "hyperliquid weight", 1200, 60, 103),
        (Deribit().candles(a_perp("BTC-USDC"), "1h", 25, NOW_MS), "deribit requests", 100, 5, 1),
        (Kraken().candles(a_spot("BTC-USD"), "1h", 25, NOW_MS), "kraken spot requests", 15, 15, 1),
        (Kraken().candles(a_perp("BTC-USD"), "1h", 25, NOW_MS), "kraken futures requests", 100, 10, 1),
        (Coinbase().candles(a_spot("BTC-USD"), "1h", 25, NOW_MS), "coinbase requests", 10, 1, 1),
    ],
)
def test_costs(endpoint: Endpoint[Any], name: str, max_weight: int, window_s: float, weight: int) -> None:
    assert endpoint.weight == weight
    assert (endpoint.budget.name, endpoint.budget.max_weight, endpoint.budget.window_s) == (name, max_weight, window_s)


@together(
    "endpoint, url",
    [
        (Binance().candles(a_spot("BTC-USDT"), "1h", 5, NOW_MS), "https://api.binance.com"),
        (Binance().candles(a_perp("BTC-USDT"), "1h", 5, NOW_MS), "https://fapi.binance.com"),
        (Binance().ratios(a_perp("BTC-USDT"), 5)[0], "https://fapi.binance.com"),
        (Binance().open_interest_history(a_perp("BTC-COIN"), 5), "https://dapi.binance.com"),
        (Binance().open_interest_history(a_perp("BTC-USDT"), 5), "https://fapi.binance.com"),
        (Bybit().candles(a_perp("BTC-USDT"), "1h", 5, NOW_MS), "https://api.bybit.com"),
        (Okx().candles(a_perp("BTC-USDT"), "1h", 5, NOW_MS), "https://www.okx.com"),
        (Gate().candles(a_spot("BTC-USDT"), "1h", 5, NOW_MS), "https://api.gateio.ws"),
        (Bitget().candles(a_spot("BTC-USDT"), "1h", 5, NOW_MS), "https://api.bitget.com"),
        (Hyperliquid().candles(a_perp("BTC-USDC"), "1h", 5, NOW_MS), "https://api.hyperliquid.xyz"),
        (Deribit().candles(a_perp("BTC-USDC"), "1h", 5, NOW_MS), "https://www.deribit.com"),
        (Kraken().candles(a_spot("BTC-USD"), "1h", 5, NOW_MS), "https://api.kraken.com"),
        (Kraken().candles(a_perp("BTC-USD"), "1h", 5, NOW_MS), "https://futures.kraken.com"),
        (Coinbase().candles(a_spot("BTC-USD"), "1h", 5, NOW_MS), "https://api.exchange.coinbase.com"),
    ],
)
def test_hosts(endpoint: Endpoint[Any], url: str) -> None:
    assert endpoint.host.url == url


@together(
    "exchange, spot, perp",
    [
        ("binance", 1000, 1500),
        ("bybit", 1000, 1000),
        ("okx", 300, 300),
        ("gate", 1000, 2000),
        ("bitget", 1000, 1000),
        ("hyperliquid", None, 5000),
        ("deribit", None, 5000),
        ("kraken", 720, 2000),
        ("coinbase", 300, None),
    ],
)
def test_most_candles_of_one_answer(exchange: str, spot: int | None, perp: int | None) -> None:
    told = EXCHANGES[exchange].max_candles
    assert (told.get("spot"), told.get("perp")) == (spot, perp)
