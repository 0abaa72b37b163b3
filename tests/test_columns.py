"""Rows of a list of markets: read all at once they say what they say one by one, to the bit."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from conftest import together

from exchanges import binance, bitget, hyperliquid, kraken, okx
from exchanges.columns import Columns
from exchanges.errors import BadResponse, MarketError
from exchanges.finite import Bounded, finite
from exchanges.reading import AtOnce, Odd, RowsRead
from exchanges.timed import timed_rows
from exchanges.words import Listing

NOW_MS = 1_790_000_123_456
ODD: tuple[Any, ...] = (
    *("", None, True, False, [], {}, "x", "nan", "-nan", "inf", "-inf", "1,2", "1_0", " 5 ", -1, "-1", 0, "0", -0.0),
    *("-0.0", 1e31, -1e31, "1e-300", 1e-25, -1e-25, 1e-19, 5e-324, 2.5, "1e400", 2**63, "9" * 400, 4_102_444_800_001),
)


READERS: dict[str, AtOnce[Any]] = {
    "spot": binance.SPOT_TICKERS,
    "perp": binance.PERP_TICKERS,
    "funding": binance.FUNDINGS,
    "kraken": kraken.perps_reader(NOW_MS),
}


def binance_row(symbol: str, last: str = "0.5") -> dict[str, Any]:
    prices = {"lastPrice": last, "bidPrice": "0.4999", "askPrice": "0.5001", "highPrice": "0.61", "lowPrice": "0.4"}
    volumes = {"volume": "1234.5", "quoteVolume": "617.25", "priceChangePercent": "-1.5", "closeTime": 1753787874013}
    return {"symbol": symbol, **prices, **volumes}


def short_row(symbol: str) -> dict[str, Any]:
    row = {**binance_row(symbol), "openPrice": "0.508"}
    return {key: row[key] for key in row if key not in ("priceChangePercent", "bidPrice", "askPrice")}


def premium_row(symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, "markPrice": "0.5", "lastFundingRate": "-0.0001", "nextFundingTime": 1597392000000}


def kraken_row(symbol: str) -> dict[str, Any]:
    prices = {"last": 0.5, "markPrice": 0.51, "indexPrice": 0.52, "bid": 0.4999, "ask": 0.5001, "high24h": 0.61}
    sums = {"low24h": 0.4, "vol24h": 1234, "volumeQuote": 617.25, "openInterest": 1950.5, "change24h": -1.5}
    rates = {"fundingRate": -7.4e-7} if symbol != "PF_ETHUSD" else {"fundingRate": 1e-7, "relativeFundingRate": 2e-7}
    return {"symbol": symbol, **prices, **sums, **rates, "lastTime": "2026-09-01T12:00:00.123Z", "suspended": False}


SAMPLES: dict[str, tuple[Callable[[str], dict[str, Any]], tuple[str, ...]]] = {
    "spot": (short_row, ("BTCUSDT", "ETHBTC", "1000CATUSDT", "ETHUSDC", "USDT")),
    "perp": (binance_row, ("BTCUSDT", "1000PEPEUSDT", "BTCUSDT_230331", "ETHUSDC")),
    "funding": (premium_row, ("BTCUSDT", "1000PEPEUSDT", "BTCUSDT_230331", "ETHUSDC")),
    "kraken": (kraken_row, ("PF_XBTUSD", "PI_XBTUSD", "FI_XBTUSD_230331", "PF_PEPEUSD", "PF_ETHUSD")),
}


def rows_of(name: str, n: int) -> list[dict[str, Any]]:
    sample, symbols = SAMPLES[name]
    return [sample(symbols[i % len(symbols)]) for i in range(n)]


def told(name: str, rows: list[Any], *, is_at_once: bool) -> str:
    """What is found, how many were left out and why; by repr, which tells -0.0 from 0.0, and 1 from 1.0."""
    reader, reading = READERS[name], RowsRead[Any](name)
    try:
        found = reading.read(rows, reader if is_at_once else reader.row)
        reading.end()
    except BadResponse as error:
        return repr((type(error), error.detail))
    return repr((found, reading.n_rows, reading.n_odd, reading.first_odd and reading.first_odd.detail))


def mutated(name: str, draw: random.Random) -> list[Any]:
    """A chunk of rows of which a few have another value somewhere, or miss one, or are none."""
    rows: list[Any] = rows_of(name, draw.choice((8, 12, 40)))
    for _ in range(draw.choice((1, 1, 2, 5))):
        row = rows[i] if isinstance(rows[i := draw.randrange(len(rows))], dict) else {}
        key = draw.choice([*row, "symbol"])
        rows[i] = draw.choice(({**row, key: draw.choice(ODD)}, {k: row[k] for k in row if k != key}))
    if draw.random() < 0.1:
        rows[draw.randrange(len(rows))] = draw.choice(ODD)
    return rows


def chunks(name: str) -> Iterator[list[Any]]:
    draw = random.Random(f"columns {name}")
    return (mutated(name, draw) for _ in range(300))


T_MS = 1_782_000_000_000


def okx_liquidations(rows: list[Any]) -> Any:
    body = {"code": "0", "data": [{"instFamily": "BTC-USDT", "details": rows}]}
    return okx.parse_liquidations(orjson.dumps(body), PERP._replace(contract_size=0.01), T_MS)


def bitget_liquidations(rows: list[Any]) -> Any:
    body = {"code": "00000", "data": {"list": rows, "cursor": "17"}}
    return bitget.parse_liquidations(orjson.dumps(body), PERP, T_MS)


PERP = Listing("perp", "BTC-USDT", "BTC-USDT")
PAST: dict[Callable[[list[Any]], Any], dict[str, Any]] = {
    okx_liquidations: {"side": "sell", "bkPx": "62000.1", "sz": "13", "ts": str(T_MS)},
    bitget_liquidations: {"symbol": "BTCUSDT", "side": "buy", "price": "62950", "amount": "0.013", "ts": str(T_MS)},
}


def said(read: Callable[[list[Any]], Any], rows: list[Any]) -> str:
    try:
        return repr(read(rows))
    except MarketError as error:
        return repr((type(error), error.detail))


@pytest.mark.parametrize("read", PAST)
def test_rows_of_the_past_say_the_same(read: Callable[[list[Any]], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(read.__name__)
    for _ in range(200):
        rows = [dict(PAST[read]) for _ in range(9)]
        for _ in range(draw.choice((0, 1, 2))):
            key = draw.choice(list(PAST[read]))
            rows[draw.randrange(9)][key] = draw.choice((*ODD[:-3], "buy", "BUY", "ETHUSDT", "9" * 400))
        at_once = said(read, rows)
        with monkeypatch.context() as patch:
            patch.setattr(AtOnce, "read", lambda *_: None)
            assert at_once == said(read, rows), rows


def past_rows(draw: random.Random, figure: str) -> list[Any]:
    """Of open interest, of which a few are odd; in either order, and with a moment that is told twice at times."""
    row = {"symbol": "BTCUSDT", "openInterest": figure}
    rows: list[Any] = [{**row, "timestamp": T_MS + n * 3_600_000} for n in range(9)][:: draw.choice((1, -1))]
    for _ in range(draw.choice((0, 1, 1, 2))):
        key, i = draw.choice(("symbol", "openInterest", "timestamp")), draw.randrange(9)
        known = {"openInterest": "0.25", "timestamp": T_MS, "symbol": "ETHUSDT"}[key]
        without = {name: value for name, value in rows[i].items() if name != key}
        rows[i] = draw.choice((without, {**rows[i], key: draw.choice((*ODD, known))}))
    return rows


@together("is_share", [False, True])
@together("stated", [None, ("symbol", "BTCUSDT")])
def test_moments_and_figures_say_the_same(
    stated: tuple[str, str] | None, is_share: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(7)

    def read(rows: list[Any]) -> Any:
        found = timed_rows("x", rows, "timestamp", "openInterest", stated=stated, is_share=is_share)
        return finite("x", [*found]), finite("x", found) == found

    for _ in range(1500):
        rows = past_rows(draw, "0.5" if is_share else "20403.6")
        at_once = said(read, rows).replace("-0.0)", "0.0)")  # of which there is as little
        with monkeypatch.context() as patch:
            patch.setattr("exchanges.timed.at_once", lambda *_, **__: None)
            assert at_once == said(read, rows), rows


def test_rows_of_the_past_say_that_they_are_bounded() -> None:
    rows: list[Any] = [{"t": T_MS + n * 3_600_000, "f": "20403.6"} for n in range(9)]
    assert type(timed_rows("x", rows, "t", "f")) is Bounded
    for odd in ({"t": T_MS, "f": "1"}, {"t": T_MS - 1, "f": "-1e31"}, {"t": 5e12, "f": 1}, {"t": T_MS - 1, "f": True}):
        assert type(timed_rows("x", [*rows, odd], "t", "f")) is list


@pytest.mark.parametrize("seed", range(6))
def test_hyperliquid_rows_say_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its name, whichever chunk of the list could be read at once."""
    draw = random.Random(seed)
    sizes = {"openInterest": "27353.18", "funding": "0.0000125", "dayNtlVlm": "2100000", "dayBaseVlm": "27100"}
    row = {"markPx": "0.77562", "midPx": "0.77561", "prevDayPx": "0.768", **sizes}
    for _ in range(150):
        names: list[Any] = [{"name": each} for each in ("BTC", "kPEPE", "ETH", *(f"C{n}" for n in range(24)))]
        names[draw.randrange(27)] = draw.choice(({"name": "OLD", "isDelisted": True}, {"name": ""}, {"name": "X Y"}))
        rows: list[Any] = [dict(row) for _ in range(draw.choice((27, 27, 28)))]
        for _ in range(draw.choice((0, 1, 2))):
            rows[draw.randrange(27)][draw.choice(list(row))] = draw.choice(ODD)

        def read(rows: list[Any], names: list[Any] = names) -> Any:
            reading, reader = RowsRead[Any]("x"), hyperliquid.rows_reader([{"universe": names}], NOW_MS)
            found = [each for at in (0, 9, 18) for each in reading.read(rows[at : at + (9 if at < 18 else 10)], reader)]
            return found, reading.n_rows, reading.n_odd

        at_once = said(read, rows)
        with monkeypatch.context() as patch:
            patch.setattr(AtOnce, "read", lambda *_: None)
            assert at_once == said(read, rows), (names, rows)


@together("name", SAMPLES)
def test_sound_rows_are_read_at_once(name: str) -> None:
    rows = rows_of(name, 40)
    assert READERS[name].read(rows) is not None
    assert told(name, rows, is_at_once=True) == told(name, rows, is_at_once=False)


@pytest.mark.parametrize("name", SAMPLES)
def test_mutated_rows_say_the_same(name: str) -> None:
    for rows in chunks(name):
        assert told(name, rows, is_at_once=True) == told(name, rows, is_at_once=False), rows


@together(
    "symbol",
    ["USDT", "USDTUSDT", "A USDT", "A\nUSDT", " USDC", "A-BUSDT", "x" * 61 + "USDT", "币USDT", "USDCUSDTX", ""],
)
def test_symbols_say_the_same(symbol: str) -> None:
    for name in ("spot", "perp", "funding"):
        rows = [*rows_of(name, 12), SAMPLES[name][0](symbol)]
        assert told(name, rows, is_at_once=True) == told(name, rows, is_at_once=False)


@together("key, value", [("volume", "-1"), ("quoteVolume", "-1"), ("priceChangePercent", "-100.1"), ("volume", "1e31")])
def test_figure_beyond_its_bounds_costs_its_row(key: str, value: str) -> None:
    """Those that are read at once say that they are bounded, and nobody looks at them again."""
    rows: list[Any] = rows_of("perp", 40)
    assert type(READERS["perp"].read(rows)) is Bounded
    rows[5] = {**binance_row("ETHUSDT"), key: value}
    assert type(READERS["perp"].read(rows)) is not Bounded
    assert "], 40, 1, " in told("perp", rows, is_at_once=True)
    assert told("perp", rows, is_at_once=True) == told("perp", rows, is_at_once=False)


@together("price", ["-1", "nan", "1e31"])
def test_row_on_many_coins_has_its_bounds_too(price: str) -> None:
    rows: list[Any] = [*rows_of("perp", 40), {**binance_row("1000SHIBUSDT"), "bidPrice": price}]
    assert type(READERS["perp"].read(rows)) is not Bounded


def test_one_odd_row_costs_itself() -> None:
    rows = [*rows_of("perp", 40), binance_row("BADUSDT", "nan")]
    reading = RowsRead[Any]("binance")
    assert len(reading.read(rows, binance.PERP_TICKERS)) == 30
    assert reading.n_odd == 1


def test_few_rows_are_read_one_by_one() -> None:
    assert binance.PERP_TICKERS.read(rows_of("perp", 4)) is None


@together("method, value", [("numbers", "x"), ("prices", "-1"), ("needed", ""), ("moments", "0"), ("texts", 5)])
def test_a_column_with_an_odd_value(method: str, value: Any) -> None:
    column = Columns("x", [{"a": "1"}, {"a": value}])
    with pytest.raises(Odd):
        getattr(column, method)("a")
