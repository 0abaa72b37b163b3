"""Rows of lists of all markets: figures and units, what is left out, symbols, funding periods, market caps."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest
from conftest import NOW_MS, a_perp, a_spot, recorded

from asking.fetch import Fetcher
from exchanges import binance, bitget, bybit, coinbase, coingecko, deribit, gate, hyperliquid, kraken, okx
from exchanges.binance import Binance
from exchanges.bitget import Bitget
from exchanges.bybit import Bybit
from exchanges.coinbase import Coinbase
from exchanges.coingecko import MarketCap
from exchanges.deribit import Deribit
from exchanges.endpoints import ListEndpoint
from exchanges.errors import BadResponse, Blocked, MarketError, RateLimited, Unavailable, UnknownSymbol
from exchanges.gate import Gate
from exchanges.hyperliquid import Hyperliquid
from exchanges.kraken import Kraken
from exchanges.okx import Okx
from exchanges.reading import Row
from exchanges.symbols import MULTIPLIERS, coin_symbol, multiplied
from exchanges.table import EXCHANGES
from exchanges.words import Funding, OpenInterest, Snapshot, Ticker


async def listed(endpoint: ListEndpoint[Any], body: bytes, status: int = 200) -> list[Any]:
    """The wanted rows of a list, asked for as the bot does."""

    async def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, stream=httpx.ByteStream(body))

    found: list[Any] = []
    await Fetcher(httpx.MockTransport(handle)).fetch_items(endpoint, found.extend)
    return found


def about(figure: float) -> Any:
    """pytest.approx, where a record's type does not allow for it."""
    return pytest.approx(figure)


def only(rows: list[tuple[str, Snapshot]]) -> tuple[str, Snapshot]:
    ((symbol, perp),) = rows
    return symbol, perp


def ticker_of(found: tuple[str, Snapshot] | None) -> Ticker:
    assert found is not None
    assert found[1].ticker is not None
    return found[1].ticker


# Binance.


def test_binance_row_is_as_the_ticker() -> None:
    row = json.loads(recorded("binance/spot-ticker-24hr"))
    assert binance.parse_ticker_row(Row("binance", row)) == (
        "BTC-USDT",
        Snapshot(binance.parse_ticker(recorded("binance/spot-ticker-24hr"), a_spot("BTC-USDT"))),
    )
    um = binance.parse_ticker_row(Row("binance", json.loads(recorded("binance/um-ticker-24hr"))))
    assert um is not None
    assert (um[0], ticker_of(um).base_volume, ticker_of(um).change_pct) == ("S-USDT", 120588225, -6.777)


@pytest.mark.parametrize(
    ("listed", "symbol", "multiplier"),
    [
        ("1000PEPEUSDT", "PEPE-USDT", 1000),
        ("1MBABYDOGEUSDT", "BABYDOGE-USDT", 1_000_000),
        ("1000000MOGUSDT", "MOG-USDT", 1_000_000),
        ("1INCHUSDC", "1INCH-USDC", 1),
        ("币安人生USDT", "币安人生-USDT", 1),
    ],
)
def test_binance_rows_are_per_coin(listed: str, symbol: str, multiplier: int) -> None:
    row = {"symbol": listed, "lastPrice": "5", "volume": "7", "quoteVolume": "35", "closeTime": 1}
    ticker = ticker_of(binance.parse_ticker_row(Row("binance", row)))
    assert (ticker.symbol, ticker.last, ticker.base_volume) == (symbol, 5 / multiplier, 7 * multiplier)
    assert (ticker.quote_volume, ticker.exchange) == (35, "binance")
    funding = binance.parse_funding_row(Row("binance", {"symbol": listed, "lastFundingRate": "0.1", "markPrice": "5"}))
    assert funding == (symbol, Snapshot(funding=Funding(0.1, None, None, 5 / multiplier)))


@pytest.mark.parametrize(
    "row",
    [
        {"symbol": "ETHBTC", "lastPrice": "x"},
        {"symbol": "BTCUSDT_230331", "lastPrice": "5", "quoteVolume": "5"},
        {"symbol": "BTCUSD_PERP", "lastPrice": "5", "quoteVolume": "5"},
        {"symbol": "OLDUSDT", "lastPrice": "0.00000000", "quoteVolume": "5"},
        {"symbol": "OLDUSDT", "lastPrice": "5", "quoteVolume": "0.00"},
        {"symbol": "OLDUSDT", "lastPrice": "5"},
        {"symbol": "USDT", "lastPrice": "5", "quoteVolume": "5"},
        {"symbol": 5},
        {},
    ],
)
def test_binance_rows_that_do_not_trade(row: dict[str, Any]) -> None:
    assert binance.parse_ticker_row(Row("binance", row)) is None


def test_binance_funding_rows() -> None:
    row = json.loads(recorded("binance/um-premium-index"))
    funding = Funding(0.00038246, None, 1597392000000, 11793.63104562)
    assert binance.parse_funding_row(Row("binance", row)) == ("BTC-USDT", Snapshot(funding=funding))
    assert binance.parse_funding_row(Row("binance", row | {"symbol": "BTCUSDT_230331"})) is None
    assert binance.parse_funding_row(Row("binance", row | {"lastFundingRate": ""})) is None
    assert binance.parse_funding_row(Row("binance", row | {"symbol": "ETHBTC"})) is None


async def test_binance_funding_periods() -> None:
    """Those that were changed; all others are of 8 hours."""
    endpoint, of_all_others = Binance().funding_intervals()
    assert of_all_others == 8
    assert await listed(endpoint, recorded("binance/um-funding-info")) == [("BLZ-USDT", 8.0)]
    rows = b'[{"symbol":"1000PEPEUSDT","fundingIntervalHours":4},{"symbol":"ETHBTC","fundingIntervalHours":1}]'
    assert await listed(endpoint, rows) == [("1000PEPE-USDT", 4.0)]
    with pytest.raises(BadResponse):
        await listed(endpoint, b'[{"symbol":"BTCUSDT"}]')


# Bybit.


async def test_bybit_rows_tell_all() -> None:
    symbol, perp = only(await listed(Bybit().tickers("perp", NOW_MS)["ticker"], recorded("bybit/linear-ticker")))
    whole = bybit.parse_perp(recorded("bybit/linear-ticker"), a_perp("BTC-USDT"))
    assert whole.ticker is not None
    assert (symbol, perp) == ("BTC-USDT", whole._replace(ticker=whole.ticker._replace(time_ms=0)))


async def test_bybit_spot_rows() -> None:
    symbol, perp = only(await listed(Bybit().tickers("spot", NOW_MS)["ticker"], recorded("bybit/spot-ticker")))
    assert (symbol, perp.open_interest, perp.funding) == ("BTC-USDT", None, None)
    assert ticker_of((symbol, perp)).change_pct == pytest.approx(0.68)


def test_bybit_rows_are_per_coin() -> None:
    row = {"symbol": "1000PEPEUSDT", "lastPrice": "5", "turnover24h": "35", "volume24h": "7", "markPrice": "6"}
    found = bybit.parse_perp_row(
        Row("bybit", row | {"openInterest": "4", "openInterestValue": "20", "fundingRate": "0.1"})
    )
    assert found is not None
    assert (found[0], ticker_of(found).last, ticker_of(found).base_volume) == ("PEPE-USDT", 0.005, 7000)
    assert found[1].open_interest == OpenInterest(2000, 10)
    assert found[1].funding == Funding(0.1, None, None, 0.006)
    spot = bybit.parse_spot_row(Row("bybit", row | {"symbol": "1000TOSHIUSDC"}))
    assert (spot and spot[0], ticker_of(spot).last) == ("TOSHI-USDC", 0.005)


@pytest.mark.parametrize("parse", [bybit.parse_spot_row, bybit.parse_perp_row])
@pytest.mark.parametrize(
    "row",
    [
        {"symbol": "BTC-27DEC24", "lastPrice": "5", "turnover24h": "5"},
        {"symbol": "BTCUSDT", "lastPrice": "5", "turnover24h": "5", "deliveryTime": "1735286400000"},
        {"symbol": "BTCUSD", "lastPrice": "5", "turnover24h": "5"},
        {"symbol": "BTC-27DEC24-USDT", "lastPrice": "5", "turnover24h": "5"},
        {"symbol": "USDT", "lastPrice": "5", "turnover24h": "5"},
        {"symbol": "PERP", "lastPrice": "5", "turnover24h": "5"},
        {"symbol": "OLDUSDT", "lastPrice": "", "turnover24h": "5"},
        {"symbol": "OLDUSDT", "lastPrice": "5", "turnover24h": "0"},
        {},
    ],
)
def test_bybit_rows_that_do_not_trade(parse: Callable[[Any], Any], row: dict[str, Any]) -> None:
    assert parse(Row("bybit", row)) is None


# OKX.


async def test_okx_rows_of_swaps_in_coins() -> None:
    row = {"instId": "BTC-USDT-SWAP", "last": "50000", "open24h": "40000", "vol24h": "1234", "volCcy24h": "12.34"}
    body = json.dumps({"code": "0", "data": [row | {"ts": "1700000000000"}]}).encode()
    symbol, perp = only(await listed(Okx().tickers("perp", NOW_MS)["ticker"], body))
    ticker = ticker_of((symbol, perp))
    assert (symbol, ticker.symbol, ticker.base_volume) == ("BTC-USDT", "BTC-USDT", 12.34)
    assert (ticker.quote_volume, ticker.change_pct, ticker.time_ms) == (617000, 25, 1700000000000)


async def test_okx_coin_margined_swaps_are_other_markets() -> None:
    assert await listed(Okx().tickers("perp", NOW_MS)["ticker"], recorded("okx/swap-tickers")) == []
    assert okx.parse_perp_row(Row("okx", {"instId": "BTC-USDT-260626", "last": "5", "vol24h": "5"})) is None
    assert okx.parse_perp_row(Row("okx", {"instId": "BTC-USDC-SWAP", "last": "5", "vol24h": "0"})) is None
    assert okx.parse_linear_symbol(Row("okx", {"instId": None})) is None


def test_okx_spot_rows() -> None:
    row = {"instId": "BTC-USDC", "last": "50000", "vol24h": "3", "volCcy24h": "150000", "ts": "1"}
    ticker = ticker_of(okx.parse_spot_row(Row("okx", row)))
    assert (ticker.symbol, ticker.base_volume, ticker.quote_volume) == ("BTC-USDC", 3, 150000)
    for quote in ("USDT", "USDC", "USD", "FDUSD", "USD1"):  # what counts as a dollar
        assert okx.parse_spot_row(Row("okx", row | {"instId": f"BTC-{quote}"})) is not None
    for other in ("ETH-BTC", "BTC-EUR", "BTC"):
        assert okx.parse_spot_row(Row("okx", row | {"instId": other})) is None
    assert okx.parse_spot_row(Row("okx", row | {"last": "0"})) is None


async def test_okx_lists_of_open_interest_and_funding() -> None:
    lists = Okx().tickers("perp", NOW_MS)
    interest = await listed(lists["open interest"], recorded("okx/open-interest-swap-docs"))
    assert interest == [("BTC-USDT", Snapshot(open_interest=OpenInterest(555.55, None)))]
    funding = await listed(lists["funding"], recorded("okx/funding-rate"))
    assert funding == [("BTC-USDT", Snapshot(funding=Funding(0.000079238688534, 8.0, 1703088000000, None)))]
    assert await listed(lists["open interest"], recorded("okx/open-interest-option")) == []


async def test_okx_list_of_spot() -> None:
    row = json.loads(recorded("okx/spot-ticker"))["data"][0]
    rows = [row, row | {"instId": "ETH-USDT"}]
    symbol, perp = only(
        await listed(Okx().tickers("spot", NOW_MS)["ticker"], json.dumps({"code": "0", "data": rows}).encode())
    )
    assert (symbol, ticker_of((symbol, perp)).base_volume) == ("ETH-USDT", 167493.829229)


@pytest.mark.parametrize(
    ("listed", "symbol"),
    [
        ("BTC-USDT-SWAP", "BTC-USDT"),
        ("BTC-USDC-SWAP", "BTC-USDC"),
        ("BTC-USD-SWAP", None),
        ("BTC-USDT", None),
        ("BTC-USDT-260626", None),
        (None, None),
    ],
)
def test_okx_linear_symbols(listed: object, symbol: str | None) -> None:
    assert okx.parse_linear_symbol(Row("okx", {"instId": listed})) == symbol


# Gate.


async def test_gate_spot_rows() -> None:
    rows = await listed(Gate().tickers("spot", NOW_MS)["ticker"], recorded("gate/spot-tickers-all"))
    assert [symbol for symbol, _ in rows] == ["BTC-USDT", "ETH-USDT"]
    ticker = ticker_of(rows[1])
    assert (ticker.last, ticker.bid, ticker.ask, ticker.change_pct) == (1752.96, 1752.96, 1752.97, 0.24)
    assert (ticker.base_volume, ticker.quote_volume) == (34842.614438438, 60887901.935971)


async def test_gate_perp_rows() -> None:
    symbol, perp = only(await listed(Gate().tickers("perp", NOW_MS)["ticker"], recorded("gate/perp-ticker-doc")))
    assert symbol == "BTC-USDT"
    assert ticker_of((symbol, perp)).base_volume == 28613220
    assert ticker_of((symbol, perp)).quote_volume == 184040233284
    assert (perp.open_interest, perp.funding) == (None, None)


async def test_gate_rows_of_before_there_was_a_turnover() -> None:
    """22 markets of 2019, which tell their volume in contracts, BTC and USD."""
    assert (
        await listed(Gate().tickers("perp", NOW_MS)["ticker"], recorded("gate/perp-tickers-all-btc-settled-2019")) == []
    )


async def test_gate_contract_rows() -> None:
    rows = await listed(Gate().tickers("perp", NOW_MS)["funding"], recorded("gate/contracts-usdt-doc"))
    funding = Funding(0.002053, 8.0, 1610035200000, 37985.6)
    assert rows == [("LAB-USDT", Snapshot(None, OpenInterest(about(4017780), about(4017780 * 37985.6)), funding))]
    row = json.loads(recorded("gate/contracts-usdt-doc"))[0]
    assert gate.parse_contract_row(Row("gate", row | {"in_delisting": True})) is None


async def test_gate_contracts_of_2019_as_many_as_their_tickers() -> None:
    """position_size of a contract is total_size of its ticker: one side, on 22 of 22."""
    sizes = {
        row["contract"]: row["total_size"] for row in json.loads(recorded("gate/perp-tickers-all-btc-settled-2019"))
    }
    rows = json.loads(recorded("gate/contracts-btc-settled-2019"))
    found = dict(await listed(Gate().tickers("perp", NOW_MS)["funding"], recorded("gate/contracts-btc-settled-2019")))
    assert len(found) == len(rows) == len(sizes) == 22
    assert found["BTC-USD"].open_interest == OpenInterest(None, 8491108)  # the inverse one, with multiplier "0"
    for row in rows:
        interest = found[row["name"].replace("_", "-")].open_interest
        assert interest is not None
        if row["type"] == "direct":
            assert interest.open_interest == about(float(sizes[row["name"]]) * float(row["quanto_multiplier"]))


async def test_gate_dated_contracts_are_left_out() -> None:
    assert await listed(Gate().tickers("perp", NOW_MS)["funding"], recorded("gate/delivery-contract")) == []


@pytest.mark.parametrize(
    ("listed", "symbol"),
    [
        ("BTC_USDT", "BTC-USDT"),
        ("BTC3L_USDT", "BTC3L-USDT"),
        ("币安人生_USDT", "币安人生-USDT"),
        ("BTC_USD", "BTC-USD"),
        ("ETH_BTC", None),
        ("BTC_USDT_20200814", None),
        ("_USDT", None),
        ("USDT", None),
        (None, None),
        (5, None),
    ],
)
def test_gate_symbols(listed: object, symbol: str | None) -> None:
    assert gate.symbol_of(listed) == symbol
    assert Gate().symbols("spot").row(Row("gate", {"currency_pair": listed})) == symbol
    assert Gate().symbols("perp").row(Row("gate", {"contract": listed})) == symbol


# Bitget.


async def test_bitget_spot_rows() -> None:
    symbol, perp = only(await listed(Bitget().tickers("spot", NOW_MS)["ticker"], recorded("bitget/spot-ticker-one")))
    assert (symbol, perp) == (
        "BTC-USDT",
        Snapshot(bitget.parse_spot(recorded("bitget/spot-ticker-one"), a_spot("BTC-USDT"))),
    )
    assert (
        await listed(Bitget().tickers("spot", NOW_MS)["ticker"], recorded("bitget/spot-tickers-all-doc")) == []
    )  # no volume


async def test_bitget_perp_rows() -> None:
    symbol, perp = only(await listed(Bitget().tickers("perp", NOW_MS)["ticker"], recorded("bitget/mix-ticker-one")))
    assert (symbol, perp) == ("BTC-USDT", bitget.parse_perp(recorded("bitget/mix-ticker-one"), a_perp("BTC-USDT")))
    assert (
        await listed(Bitget().tickers("perp", NOW_MS)["ticker"], recorded("bitget/mix-tickers-all-coin-futures")) == []
    )


async def test_bitget_list_of_funding() -> None:
    rows = await listed(Bitget().tickers("perp", NOW_MS)["funding"], recorded("bitget/mix-current-fund-rate"))
    assert rows == [("BTC-USDT", Snapshot(funding=Funding(-0.000013, 8.0, 1745510400000, None)))]
    thousand = {"symbol": "1000BONKUSDT", "fundingRate": "0.1", "fundingRateInterval": "4"}
    assert bitget.parse_funding_row(Row("bitget", thousand)) == (
        "BONK-USDT",
        Snapshot(funding=Funding(0.1, 4.0, None, None)),
    )
    assert bitget.parse_funding_row(Row("bitget", {"symbol": "ETHUSD_231229", "fundingRate": "x"})) is None


def test_bitget_rows_are_per_coin() -> None:
    row = {"symbol": "1000BONKUSDT", "lastPr": "5", "quoteVolume": "35", "baseVolume": "7", "ts": "1"}
    found = bitget.parse_perp_row(Row("bitget", row | {"holdingAmount": "4", "markPrice": "6"}))
    assert found is not None
    assert (found[0], ticker_of(found).last, ticker_of(found).base_volume) == ("BONK-USDT", 0.005, 7000)
    assert found[1].open_interest == OpenInterest(4000, about(24))
    assert bitget.parse_perp_row(Row("bitget", row | {"quoteVolume": "0"})) is None
    assert bitget.parse_perp_row(Row("bitget", row | {"lastPr": None})) is None


@pytest.mark.parametrize(
    ("listed", "symbol"),
    [
        ("BTCUSDT", "BTC-USDT"),
        ("BTCUSDC", "BTC-USDC"),
        ("BTCPERP", "BTC-USDC"),
        ("ETHUSD_231229", None),
        ("BTCUSD", None),
        ("USDT", None),
        (None, None),
        ([], None),
    ],
)
def test_bitget_symbols(listed: object, symbol: str | None) -> None:
    assert bitget.parse_symbol(Row("bitget", {"symbol": listed})) == symbol


# Hyperliquid: names and figures are in two lists.


NEXT_HOUR_MS = 1_700_002_800_000


def hyperliquid_rows(names: list[Any], rows: list[Any]) -> list[Any]:
    read = hyperliquid.rows_reader([{"universe": names}, []], NOW_MS)
    return [read(Row("hyperliquid", row)) for row in rows]


async def test_hyperliquid_figures_and_units() -> None:
    rows = dict(
        await listed(
            Hyperliquid().tickers("perp", NOW_MS)["ticker"], recorded("hyperliquid/metaAndAssetCtxs-BTC-ETH-ATOM")
        )
    )
    assert list(rows) == ["BTC-USDC", "ETH-USDC", "ATOM-USDC"]
    btc = rows["BTC-USDC"]
    ticker = ticker_of(("BTC-USDC", btc))
    assert (ticker.last, ticker.base_volume, ticker.quote_volume) == (77558.5, 19707.77457, 1516669192.1953897476)
    assert ticker.change_pct == about((77562 / 76317 - 1) * 100)
    assert btc.open_interest == OpenInterest(27353.17682, about(27353.17682 * 77562))
    assert btc.funding is not None
    assert btc.funding[:2] == (-0.0000015186, 1.0)  # of one hour
    assert btc.funding.mark == 77562


def test_hyperliquid_funding_is_due_at_the_full_hour() -> None:
    row = {"markPx": "5", "dayNtlVlm": "1", "funding": "0.0000125"}
    ((_, perp),) = hyperliquid_rows([{"name": "BTC"}], [row])
    assert perp.funding == Funding(0.0000125, 1.0, 1700002800000, 5)
    assert perp.ticker.time_ms == NOW_MS
    read = hyperliquid.rows_reader([{"universe": [{"name": "BTC"}]}, []], 1700002800000)
    found = read(Row("hyperliquid", row))
    assert found is not None
    assert found[1].funding == Funding(0.0000125, 1.0, 1700006400000, 5)


def test_hyperliquid_joins_by_index() -> None:
    """A delisted coin, and one that nobody trades, keep their place."""
    names = [{"name": "A"}, {"name": "B", "isDelisted": True}, {"name": "C"}, {"name": "D"}]
    rows = [{"markPx": str(price), "dayNtlVlm": "9"} for price in (1, 2, 3, 4)]
    rows[2]["dayNtlVlm"] = "0.0"
    found = hyperliquid_rows(names, rows)
    assert [each and (each[0], ticker_of(each).last) for each in found] == [("A-USDC", 1), None, None, ("D-USDC", 4)]


def test_hyperliquid_rows_with_nulls() -> None:
    rows = json.loads(recorded("hyperliquid/ctx-rows-with-nulls"))
    found = hyperliquid_rows([{"name": name} for name in "ABCD"], rows)
    assert found[:2] == [None, None]
    assert [(ticker_of(each).symbol, ticker_of(each).last) for each in found[2:]] == [
        ("C-USDC", 7551.15),
        ("D-USDC", 433.85),
    ]


def test_hyperliquid_without_a_book_there_is_the_mark_price() -> None:
    row = {"markPx": "5", "midPx": None, "prevDayPx": "0.0", "dayNtlVlm": "9", "premium": None, "impactPxs": None}
    ((_, perp),) = hyperliquid_rows([{"name": "A"}], [row])
    assert (perp.ticker.last, perp.ticker.change_pct, perp.open_interest, perp.funding) == (5, None, None, None)
    ((_, perp),) = hyperliquid_rows([{"name": "A"}], [row | {"midPx": "4", "markPx": None, "openInterest": "7"}])
    assert (perp.ticker.last, perp.open_interest) == (4, OpenInterest(7, None))
    with pytest.raises(UnknownSymbol):
        hyperliquid_rows([{"name": "A"}], [row | {"markPx": None}])


def test_hyperliquid_thousands_are_spelt_with_a_k() -> None:
    row = {"markPx": "0.0015", "midPx": "0.0016", "dayNtlVlm": "9", "dayBaseVlm": "7", "openInterest": "4"}
    ((symbol, perp),) = hyperliquid_rows([{"name": "kPEPE"}], [row | {"funding": "0.1", "prevDayPx": "0.001"}])
    assert (symbol, perp.ticker.last, perp.ticker.base_volume) == ("PEPE-USDC", about(0.0000016), 7000)
    assert perp.ticker.change_pct == about(50)
    assert perp.open_interest == OpenInterest(4000, about(0.006))
    assert perp.funding.mark == about(0.0000015)


@pytest.mark.parametrize(
    ("coin", "symbol"),
    [
        ("BTC", "BTC-USDC"),
        ("1000", "1000-USDC"),
        ("kSHIB", "1000SHIB-USDC"),
        ("k", "k-USDC"),
        ("kX", "1000X-USDC"),
        ("kas", "kas-USDC"),
    ],
)
def test_hyperliquid_symbols(coin: str, symbol: str) -> None:
    assert hyperliquid.parse_symbol(Row("hyperliquid", {"name": coin, "szDecimals": 5})) == symbol
    assert hyperliquid.native(a_perp(symbol)) == coin


async def test_hyperliquid_symbols_without_the_delisted() -> None:
    symbols = await listed(Hyperliquid().symbols("perp"), recorded("hyperliquid/meta-with-delisted"))
    assert symbols == ["BTC-USDC", "ETH-USDC", "HPOS-USDC"]
    whole = await listed(Hyperliquid().symbols("perp"), recorded("hyperliquid/meta"))
    assert (len(whole), whole[0], whole[15]) == (28, "BTC-USDC", "1000PEPE-USDC")


def test_hyperliquid_more_rows_than_names() -> None:
    row = {"markPx": "5", "dayNtlVlm": "9"}
    with pytest.raises(BadResponse, match="more rows than names"):
        hyperliquid_rows([{"name": "A"}], [row, row])


@pytest.mark.parametrize(
    "body",
    [
        b'[{"universe":null},[{"markPx":"5","dayNtlVlm":"9"}]]',
        b'[{},[{"markPx":"5","dayNtlVlm":"9"}]]',
        b'[[],[{"markPx":"5","dayNtlVlm":"9"}]]',
        b'[{"universe":[5]},[{"markPx":"5","dayNtlVlm":"9"}]]',
        b'[{"universe":[{"name":""}]},[{"markPx":"5","dayNtlVlm":"9"}]]',
        b'[{"universe":[{"szDecimals":5}]},[{"markPx":"5","dayNtlVlm":"9"}]]',
        b'[{"universe":[{"name":"A"}]}]',
        b'[{"universe":[{"name":"A"}]},null]',
        b'[{"universe":[{"name":"A"}]},[5]]',
        b"null",
        b"Failed to deserialize the JSON body into the target type",
    ],
)
async def test_hyperliquid_lists_that_do_not_belong_together(body: bytes) -> None:
    with pytest.raises(BadResponse):
        await listed(Hyperliquid().tickers("perp", NOW_MS)["ticker"], body)


def test_hyperliquid_row_before_the_names() -> None:
    with pytest.raises(BadResponse, match="before the names"):
        Hyperliquid().tickers("perp", NOW_MS)["ticker"].row(Row("hyperliquid", {"markPx": "5"}))


async def test_hyperliquid_full_list() -> None:
    """Contexts of the main exchange, as long as a whole answer is; the names are ours."""
    rows = json.loads(recorded("hyperliquid/allDexsAssetCtxs-ws"))["data"]["ctxs"][0][1]
    names = [{"name": f"C{i}"} for i in range(len(rows))]
    found = await listed(
        Hyperliquid().tickers("perp", NOW_MS)["ticker"], json.dumps([{"universe": names}, rows]).encode()
    )
    dollars = [perp.open_interest.open_interest_quote for _, perp in found]
    assert (len(rows), len(found)) == (230, sum(float(row["dayNtlVlm"]) > 0 for row in rows))
    assert sum(dollars) == pytest.approx(7.07e9, rel=0.01)


# Deribit.


async def test_deribit_rows_of_linear_perpetuals() -> None:
    row = json.loads(recorded("deribit/book-summary-by-instrument-perp-testnet"))["result"][0]
    rows = [row, row | {"instrument_name": "BTC_USDC-PERPETUAL", "open_interest": 100}]
    body = json.dumps({"jsonrpc": "2.0", "result": rows}).encode()
    symbol, perp = only(await listed(Deribit().tickers("perp", NOW_MS)["ticker"], body))
    assert (symbol, perp) == (
        "BTC-USDC",
        Snapshot(
            Ticker(
                exchange="deribit",
                symbol="BTC-USDC",
                last=87197,
                bid=87083,
                ask=87149.5,
                high=93099.5,
                low=81773,
                change_pct=-3.2032,  # a percent already
                base_volume=7377.18657991,
                quote_volume=661040250,
                time_ms=1763674177068,
            ),
            OpenInterest(100, 8710201),  # in coins
            Funding(-0.00081069, 8.0, None, 87102.01, is_continuous=True),
        ),
    )


@pytest.mark.parametrize(
    "name",
    [
        "deribit/book-summary-BTC-27MAR20",
        "deribit/book-summary-BTC-PERPETUAL-2020",
        "deribit/book-summary-BTC-PERPETUAL-2020-2",
        "deribit/book-summary-by-currency-option-row",
        "deribit/book-summary-by-instrument-perp-testnet",
    ],
)
async def test_deribit_inverse_and_dated_rows_are_left_out(name: str) -> None:
    assert await listed(Deribit().tickers("perp", NOW_MS)["ticker"], recorded(name)) == []


def test_deribit_rows_of_2020_have_no_change() -> None:
    row = json.loads(recorded("deribit/book-summary-BTC-PERPETUAL-2020"))["result"][0]
    ticker = ticker_of(deribit.parse_perp_row(Row("deribit", row | {"instrument_name": "X_USDT-PERPETUAL"})))
    assert (ticker.change_pct, ticker.last, ticker.quote_volume) == (None, 7212, 209783120)


@pytest.mark.parametrize(
    ("listed", "symbol"),
    [
        ("BTC_USDC-PERPETUAL", "BTC-USDC"),
        ("SOL_USDT-PERPETUAL", "SOL-USDT"),
        ("BTC-PERPETUAL", None),
        ("BTC_USDC-27MAR26", None),
        ("BTC-27MAR26-100000-C", None),
        ("BTC_USDC", None),
        (None, None),
    ],
)
def test_deribit_symbols(listed: object, symbol: str | None) -> None:
    assert deribit.parse_symbol(Row("deribit", {"instrument_name": listed})) == symbol
    assert Deribit().symbols("perp").row(Row("deribit", {"instrument_name": listed})) == symbol


def test_deribit_rows_that_do_not_trade() -> None:
    row = {"instrument_name": "X_USDC-PERPETUAL", "last": 5, "volume_usd": 9, "creation_timestamp": 1}
    assert deribit.parse_perp_row(Row("deribit", row)) is not None
    for missing in ({"last": None}, {"last": 0}, {"volume_usd": 0}, {"volume_usd": None}):
        assert deribit.parse_perp_row(Row("deribit", row | missing)) is None


# Kraken Futures.


@pytest.mark.parametrize(
    ("symbol", "contract"),
    [("BTC-USD", "PF_XBTUSD"), ("BTC-COIN", "PI_XBTUSD"), ("DOGE-USD", "PF_DOGEUSD"), ("币-USD", "PF_币USD")],
)
def test_kraken_contracts(symbol: str, contract: str) -> None:
    assert kraken.native(a_perp(symbol)) == contract


async def test_kraken_linear_row() -> None:
    symbol, perp = only(
        await listed(Kraken().tickers("perp", NOW_MS)["ticker"], recorded("krakenfutures/ticker-PF_ENJUSD-row"))
    )
    assert perp.ticker == Ticker(
        exchange="kraken",
        symbol="ENJ-USD",
        last=0.0433,
        bid=0.0433,
        ask=0.0435,
        high=0.0435,
        low=0.0433,
        change_pct=-0.46,
        base_volume=1696,
        quote_volume=73.5216,
        time_ms=1761130945599,
    )
    assert (symbol, perp.open_interest) == ("ENJ-USD", OpenInterest(72513, about(72513 * 0.0434)))
    # The rate is told as an amount of dollars per coin.
    assert perp.funding == Funding(about(-7.56414717067e-07 / 0.0434), 1.0, NEXT_HOUR_MS, 0.0434)


def test_kraken_funding_is_absolute_on_linear_contracts() -> None:
    """-7.4269e-7 at a mark price of 0.0962418 is -7.717e-6 an hour."""
    row = {"symbol": "PF_XDGUSD", "last": 0.096, "vol24h": 5, "markPrice": 0.0962418, "fundingRate": -7.4269e-7}
    found = kraken.parse_perp_row(Row("kraken", row), NOW_MS)
    assert found is not None
    assert found[1].funding is not None
    assert found[1].funding.funding_rate == pytest.approx(-7.717e-6, rel=1e-4)
    assert found[0] == "DOGE-USD"


def test_kraken_funding_is_absolute_the_other_way_round_on_inverse_contracts() -> None:
    """In coins per dollar. A recorded history has both: relative / absolute is the index price."""
    for rate in json.loads(recorded("krakenfutures/historical-funding-rates"))["rates"][:1]:
        row = {"symbol": "PI_XBTUSD", "last": 20700, "vol24h": 5, "markPrice": 20650, "indexPrice": 20712.8}
        found = kraken.parse_perp_row(Row("kraken", row | {"fundingRate": rate["fundingRate"]}), NOW_MS)
        assert found is not None
        assert found[1].funding is not None
        assert found[1].funding.funding_rate == pytest.approx(rate["relativeFundingRate"], rel=1e-4)


async def test_kraken_inverse_row_counts_dollars() -> None:
    rows = dict(await listed(Kraken().tickers("perp", NOW_MS)["ticker"], recorded("krakenfutures/tickers-2")))
    assert list(rows) == ["BTC-COIN", "ETH-USD"]
    btc = rows["BTC-COIN"]
    assert btc.open_interest == OpenInterest(about(21279580 / 91506.6009839176), 21279580)
    assert (btc.ticker.base_volume, btc.ticker.quote_volume) == (about(21118140 / 91506.6009839176), 21118140)
    assert btc.funding == Funding(about(-3.995839963e-09 * 91468.38), 1.0, NEXT_HOUR_MS, 91506.6009839176)
    assert rows["ETH-USD"].open_interest == OpenInterest(1000000, 1000000 * 3205.25)


async def test_kraken_rows_without_most_fields() -> None:
    """Of an inverse perpetual, a dated contract, and two indexes with nothing but a price."""
    rows = await listed(Kraken().tickers("perp", NOW_MS)["ticker"], recorded("krakenfutures/tickers-mixed-rows"))
    symbol, perp = only(rows)
    assert (symbol, ticker_of((symbol, perp)).ask, perp.open_interest) == (
        "BTC-COIN",
        49289,
        OpenInterest(about(149655 / 30209.9), 149655),
    )


@pytest.mark.parametrize("name", ["krakenfutures/tickers-all-2019", "krakenfutures/tickers-all-2019-2"])
async def test_kraken_rows_of_2019_make_sense_as_dollars(name: str) -> None:
    """Their names were in lower case, and are not ours; their figures are of a whole market."""
    assert await listed(Kraken().tickers("perp", NOW_MS)["ticker"], recorded(name)) == []
    upper = [row | {"symbol": row["symbol"].upper()} for row in json.loads(recorded(name))["tickers"]]
    found = dict(await listed(Kraken().tickers("perp", NOW_MS)["ticker"], json.dumps({"tickers": upper}).encode()))
    assert set(found) == {f"{base}-COIN" for base in ("BTC", "ETH", "LTC", "BCH", "XRP")}
    assert 1000 < found["BTC-COIN"].open_interest.open_interest < 10_000
    assert found["BTC-COIN"].funding is None  # without an index price


@pytest.mark.parametrize(
    "row",
    [
        {"symbol": "FI_XBTUSD_211231", "last": 5, "vol24h": 5},
        {"symbol": "FF_XBTUSD_260327", "last": 5, "vol24h": 5},
        {"symbol": "in_xbtusd", "last": 5},
        {"symbol": "rr_xbtusd", "last": 5},
        {"symbol": "PF_XBTEUR", "last": 5, "vol24h": 5},
        {"symbol": "PF_XBTUSD", "vol24h": 5},
        {"symbol": "PF_XBTUSD", "last": 5},
        {"symbol": "PF_XBTUSD", "last": 5, "vol24h": 0},
        {"symbol": "PF_XBTUSD", "last": 5, "vol24h": 5, "suspended": True},
        {"symbol": None},
        {},
    ],
)
def test_kraken_rows_that_do_not_trade(row: dict[str, Any]) -> None:
    assert kraken.parse_perp_row(Row("kraken", row), NOW_MS) is None


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("2026-09-01T12:00:00.123Z", 1788264000123),
        ("2025-11-17T00:31:01.835715Z", 1763339461835),
        ("soon", 0),
        (None, 0),
        (5, 0),
        ([], 0),
    ],
)
def test_kraken_times_are_texts(text: object, time_ms: int) -> None:
    row = {"symbol": "PF_XBTUSD", "last": 5, "vol24h": 5, "lastTime": text}
    assert ticker_of(kraken.parse_perp_row(Row("kraken", row), NOW_MS)).time_ms == time_ms


def test_kraken_row_without_a_mark_price() -> None:
    row = {"last": 5, "vol24h": 6, "openInterest": 7, "fundingRate": 0.1}
    linear, inverse = (
        kraken.parse_perp_row(Row("kraken", row | {"symbol": f"{kind}_XBTUSD"}), NOW_MS) for kind in ("PF", "PI")
    )
    assert linear is not None
    assert linear[1][1:] == (OpenInterest(7, None), None)
    assert inverse is not None
    assert inverse[1][1:] == (OpenInterest(None, 7), None)
    assert (ticker_of(inverse).base_volume, ticker_of(inverse).quote_volume) == (None, 6)


# Coinbase and CoinGecko.


@pytest.mark.parametrize(
    ("row", "symbol"),
    [
        ({"id": "BTC-USD", "status": "online", "trading_disabled": False}, "BTC-USD"),
        ({"id": "BTC-USD"}, "BTC-USD"),
        ({"id": "OLD-USD", "status": "delisted"}, None),
        ({"id": "OLD-USD", "status": "online", "trading_disabled": True}, None),
        ({"id": None, "status": "online"}, None),
        ({}, None),
    ],
)
def test_coinbase_products(row: dict[str, Any], symbol: str | None) -> None:
    assert Coinbase().symbols("spot").row(Row("coinbase", row)) == symbol


async def test_coingecko_market_caps() -> None:
    found = await listed(coingecko.market_caps(), recorded("coingecko/markets-one-2024"))
    assert found == [MarketCap("BTC", 1381651251183, 70187)]
    older = await listed(coingecko.market_caps(), recorded("coingecko/markets-one-2021"))
    assert older == [MarketCap("BTC", 917825524991, 49053)]


async def test_coingecko_figures_are_in_what_was_asked_for() -> None:
    """We ask for dollars; these were asked for in Ringgit and in Ether."""
    assert "vs_currency=usd" in coingecko.market_caps().target
    assert await listed(coingecko.market_caps(), recorded("coingecko/markets-one-in-myr")) == [
        MarketCap("BTC", 3786489203349, 202369)
    ]
    assert await listed(coingecko.market_caps(), recorded("coingecko/markets-two-in-eth")) == [
        MarketCap("BTC", 236997829, 12.666344),
        MarketCap("ETH", 115885506, 1),
    ]


async def test_coingecko_namesakes_are_all_there() -> None:
    """Several coins have one symbol: which is meant, its price tells."""
    rows = [{"symbol": "uni", "current_price": 5.5, "market_cap": 9}, {"symbol": "UNI", "current_price": 0.01}]
    rows.append({"symbol": "uni", "current_price": 0.02, "market_cap": 3})
    assert await listed(coingecko.market_caps(), json.dumps(rows).encode()) == [
        MarketCap("UNI", 9, 5.5),
        MarketCap("UNI", 3, 0.02),
    ]


@pytest.mark.parametrize(
    "change", [{"market_cap": None}, {"current_price": None}, {"symbol": None}, {"market_cap": 0}, {"current_price": 0}]
)
def test_coingecko_nulls(change: dict[str, Any]) -> None:
    row = {"symbol": "x", "current_price": 1.5, "market_cap": 9, "market_cap_rank": None, "high_24h": None}
    assert coingecko.parse_market_cap(Row("coingecko", row)) == MarketCap("X", 9, 1.5)
    assert coingecko.parse_market_cap(Row("coingecko", row | change)) is None


# The same nonsense for all of them.


NAMES = {"symbol", "instId", "currency_pair", "contract", "name", "instrument_name"}


class Sample(NamedTuple):
    """A row of a list with every figure that is read. needed: those without which it is malformed."""

    read: Callable[[Any], Any]
    row: dict[str, Any]
    needed: tuple[str, ...] = ()

    def read_row(self, row: dict[str, Any]) -> Any:
        return self.read(Row("x", row))

    @property
    def figures(self) -> list[str]:
        return [key for key in self.row if key not in NAMES]


def one_of_hyperliquid(row: Any) -> Any:
    return hyperliquid.rows_reader([{"universe": [{"name": "BTC"}]}, []], NOW_MS)(row)


ROWS = {
    "binance ticker": Sample(
        binance.parse_ticker_row,
        {"symbol": "BTCUSDT", "lastPrice": "5", "quoteVolume": "9", "closeTime": 1, "volume": "9", "bidPrice": "4"}
        | {"askPrice": "6", "highPrice": "6", "lowPrice": "4", "priceChangePercent": "1"},
        ("closeTime",),
    ),
    "binance funding": Sample(
        binance.parse_funding_row,
        {"symbol": "BTCUSDT", "lastFundingRate": "0.1", "nextFundingTime": 1, "markPrice": "5"},
    ),
    "binance funding period": Sample(
        binance.parse_funding_interval,
        {"symbol": "BTCUSDT", "fundingIntervalHours": 8},
        ("fundingIntervalHours",),
    ),
    "bybit spot": Sample(
        bybit.parse_spot_row,
        {"symbol": "BTCUSDT", "lastPrice": "5", "turnover24h": "9", "volume24h": "9", "price24hPcnt": "0.1"},
    ),
    "bybit perp": Sample(
        bybit.parse_perp_row,
        {"symbol": "BTCUSDT", "lastPrice": "5", "turnover24h": "9", "openInterest": "9", "openInterestValue": "9"}
        | {"fundingRate": "0.1", "markPrice": "5", "nextFundingTime": "1", "fundingIntervalHour": "8"},
    ),
    "okx spot": Sample(
        okx.parse_spot_row,
        {"instId": "BTC-USDT", "last": "5", "vol24h": "9", "volCcy24h": "9", "ts": "1", "open24h": "4"},
        ("ts",),
    ),
    "okx swap": Sample(
        okx.parse_perp_row,
        {"instId": "BTC-USDT-SWAP", "last": "5", "vol24h": "9", "volCcy24h": "9", "ts": "1"},
        ("ts",),
    ),
    "okx open interest": Sample(
        okx.parse_open_interest_row,
        {"instId": "BTC-USDT-SWAP", "oiCcy": "5", "oiUsd": "9"},
        ("oiCcy",),
    ),
    "okx funding": Sample(
        okx.parse_funding_row,
        {"instId": "BTC-USDT-SWAP", "fundingRate": "0.1", "fundingTime": "1", "nextFundingTime": "2"},
        ("fundingRate",),
    ),
    "gate spot": Sample(
        gate.parse_spot_row,
        {"currency_pair": "BTC_USDT", "last": "5", "quote_volume": "9", "base_volume": "9", "change_percentage": "1"},
    ),
    "gate perp": Sample(
        gate.parse_perp_row,
        {"contract": "BTC_USDT", "last": "5", "volume_24h_quote": "9", "volume_24h_base": "9"},
    ),
    "gate contract": Sample(
        gate.parse_contract_row,
        {"name": "BTC_USDT", "position_size": 9, "quanto_multiplier": "0.1", "mark_price": "5", "funding_rate": "0.1"}
        | {"funding_interval": 28800, "funding_next_apply": 1},
    ),
    "bitget spot": Sample(
        bitget.parse_spot_row,
        {"symbol": "BTCUSDT", "lastPr": "5", "quoteVolume": "9", "baseVolume": "9", "change24h": "0.1", "ts": "1"},
        ("ts",),
    ),
    "bitget perp": Sample(
        bitget.parse_perp_row,
        {"symbol": "BTCUSDT", "lastPr": "5", "quoteVolume": "9", "holdingAmount": "9", "fundingRate": "0.1"}
        | {"markPrice": "5", "ts": "1"},
        ("ts",),
    ),
    "bitget funding": Sample(
        bitget.parse_funding_row,
        {"symbol": "BTCUSDT", "fundingRate": "0.1", "fundingRateInterval": "8", "nextUpdate": "1"},
        ("fundingRate",),
    ),
    "hyperliquid": Sample(
        one_of_hyperliquid,
        {"markPx": "5", "midPx": "5", "prevDayPx": "4", "dayNtlVlm": "9", "dayBaseVlm": "9", "openInterest": "9"}
        | {"funding": "0.1"},
    ),
    "deribit": Sample(
        deribit.parse_perp_row,
        {"instrument_name": "X_USDC-PERPETUAL", "last": 5, "volume_usd": 9, "volume": 9, "mark_price": 5, "high": 6}
        | {"creation_timestamp": 1, "open_interest": 9, "funding_8h": 0.1, "price_change": 1, "low": 4, "bid_price": 4}
        | {"ask_price": 6},
        ("creation_timestamp",),
    ),
    "kraken": Sample(
        lambda row: kraken.parse_perp_row(row, NOW_MS),
        {"symbol": "PF_XBTUSD", "last": 5, "vol24h": 9, "markPrice": 5, "indexPrice": 5, "openInterest": 9}
        | {"fundingRate": 0.1, "bid": 4, "ask": 6, "high24h": 6, "low24h": 4, "change24h": 1, "volumeQuote": 9},
    ),
    "kraken inverse": Sample(
        lambda row: kraken.parse_perp_row(row, NOW_MS),
        {"symbol": "PI_XBTUSD", "last": 5, "vol24h": 9, "markPrice": 5, "indexPrice": 5, "openInterest": 9}
        | {"fundingRate": 0.1},
    ),
    "coingecko": Sample(
        coingecko.parse_market_cap,
        {"symbol": "btc", "current_price": 5, "market_cap": 9},
    ),
}
EVERY_ROW = pytest.mark.parametrize("of", ROWS.values(), ids=ROWS.keys())


@EVERY_ROW
def test_row_of_texts_and_of_numbers(of: Sample) -> None:
    whole = of.read_row(of.row)
    assert whole is not None
    for write in (str, float):
        assert of.read_row({**of.row, **{key: write(of.row[key]) for key in of.figures}}) == whole


@EVERY_ROW
@pytest.mark.parametrize("value", ["abc", [], {}, True, False, "NaN", "inf", "-inf", "1e999", "1e31", 1e300])
def test_row_with_a_figure_that_is_none(of: Sample, value: Any) -> None:
    for key in of.figures:
        with pytest.raises(BadResponse):
            of.read_row({**of.row, key: value})


@EVERY_ROW
@pytest.mark.parametrize("value", ["", None])
def test_row_with_a_figure_that_is_missing(of: Sample, value: Any) -> None:
    for key in of.figures:
        without = {each: of.row[each] for each in of.row if each != key}
        for row in ({**of.row, key: value}, without):
            if key in of.needed:
                with pytest.raises(BadResponse):
                    of.read_row(row)
            else:
                of.read_row(row)


PRICES = {"bidPrice", "askPrice", "highPrice", "lowPrice", "markPrice", "open24h", "mark_price", "markPx", "midPx"}
PRICES |= {"prevDayPx", "high", "low", "bid_price", "ask_price", "indexPrice", "bid", "ask", "high24h", "low24h"}
TIMES = {"nextFundingTime", "fundingTime", "funding_interval", "funding_next_apply", "nextUpdate"}


@EVERY_ROW
@pytest.mark.parametrize("zero", ["0", "0.0", 0, 0.0])
def test_row_with_zero_for_a_price_or_a_time_that_there_is_not(of: Sample, zero: Any) -> None:
    for key in of.row.keys() & (PRICES | TIMES):
        assert of.read_row({**of.row, key: zero}) == of.read_row({**of.row, key: None}), key


@EVERY_ROW
def test_row_with_any_price_below_zero(of: Sample) -> None:
    for key in of.row.keys() & PRICES:
        for price in (-5, "-0.1"):
            with pytest.raises(BadResponse):
                of.read_row({**of.row, key: price})


@EVERY_ROW
@pytest.mark.parametrize("name", [None, 5, [], {}, "", "X", "-", "_", "é"])
def test_row_with_a_name_that_is_none(of: Sample, name: Any) -> None:
    """It is left out, whatever else is in it."""
    if of.read is one_of_hyperliquid:
        return
    (key,) = of.row.keys() & NAMES
    row = {**of.row, key: name}
    if of.read is coingecko.parse_market_cap and isinstance(name, str):
        assert coingecko.parse_market_cap(Row("coingecko", row)) == MarketCap(name.upper(), 9, 5)
    else:
        assert of.read_row(row) is None


@pytest.mark.parametrize(
    ("name", "key"), [("hyperliquid", "midPx"), ("deribit", "last"), ("kraken", "last"), ("coingecko", "current_price")]
)
def test_row_with_a_price_below_zero(name: str, key: str) -> None:
    with pytest.raises(BadResponse):
        ROWS[name].read_row({**ROWS[name].row, key: -5})


# Refusals where a list was expected.


@pytest.mark.parametrize(
    ("endpoint", "body", "kind"),
    [
        (
            Bybit().tickers("perp", NOW_MS)["ticker"],
            b'{"retCode":10006,"retMsg":"x","result":{},"time":1}',
            RateLimited,
        ),
        (Okx().tickers("perp", NOW_MS)["ticker"], b'{"msg":"Too Many Requests","code":"50011"}', RateLimited),
        (
            Bitget().tickers("perp", NOW_MS)["ticker"],
            b'{"code":"429","msg":"x","requestTime":1,"data":null}',
            RateLimited,
        ),
        (Bitget().tickers("perp", NOW_MS)["ticker"], b'{"code":"00000","data":null}', BadResponse),
        (Gate().tickers("spot", NOW_MS)["ticker"], b'{"label":"TOO_MANY_REQUESTS","message":"x"}', RateLimited),
        (Deribit().tickers("perp", NOW_MS)["ticker"], b'{"jsonrpc":"2.0","error":{"code":10028}}', RateLimited),
        (Kraken().tickers("perp", NOW_MS)["ticker"], b'{"result":"error","error":"apiLimitExceeded"}', RateLimited),
        (Kraken().tickers("perp", NOW_MS)["ticker"], b'{"result":"error","error":"Unavailable"}', Unavailable),
        (Coinbase().symbols("spot"), b'{"message":"x"}', BadResponse),
        (coingecko.market_caps(), b'{"status":{"error_code":429}}', BadResponse),
        (Binance().tickers("spot", NOW_MS)["ticker"], b'{"code":-1003,"msg":"x"}', RateLimited),
        (Hyperliquid().symbols("perp"), b"null", BadResponse),
    ],
)
async def test_list_refused_with_http_200(endpoint: ListEndpoint[Any], body: bytes, kind: type[MarketError]) -> None:
    with pytest.raises(MarketError) as caught:
        await listed(endpoint, body)
    assert (type(caught.value), caught.value.exchange) == (kind, endpoint.host.exchange)


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (Okx().tickers("perp", NOW_MS)["ticker"], b'{"code":"50011","data":[],"msg":"Too Many Requests"}'),
        (Okx().tickers("perp", NOW_MS)["ticker"], b'{"data":[],"msg":"Too Many Requests","code":"50011"}'),
        (Bybit().tickers("perp", NOW_MS)["ticker"], b'{"retCode":10006,"retMsg":"x","result":{"list":[]},"time":1}'),
        (Bitget().tickers("perp", NOW_MS)["ticker"], b'{"code":"429","msg":"x","requestTime":1,"data":[]}'),
    ],
)
async def test_list_refused_with_an_empty_list(endpoint: ListEndpoint[Any], body: bytes) -> None:
    with pytest.raises(RateLimited):
        await listed(endpoint, body)


async def test_list_refused() -> None:
    for endpoint in (
        Gate().tickers("spot", NOW_MS)["ticker"],
        Kraken().tickers("perp", NOW_MS)["ticker"],
        Hyperliquid().symbols("perp"),
    ):
        with pytest.raises(Blocked):
            await listed(endpoint, b"<html>", 403)


# What is asked of whom, and what it costs.


TICKERS, FUNDING = "ticker", "funding"
LISTS: list[tuple[ListEndpoint[Any] | None, str, str, tuple[Any, ...], int]] = [
    (Binance().symbols("spot"), "https://api.binance.com", "/api/v3/ticker/price", (), 4),
    (Binance().symbols("perp"), "https://fapi.binance.com", "/fapi/v1/ticker/price", (), 2),
    (Binance().tickers("spot", NOW_MS)[TICKERS], "https://api.binance.com", "/api/v3/ticker/24hr", (), 80),
    (Binance().tickers("perp", NOW_MS)[TICKERS], "https://fapi.binance.com", "/fapi/v1/ticker/24hr", (), 40),
    (Binance().tickers("perp", NOW_MS)[FUNDING], "https://fapi.binance.com", "/fapi/v1/premiumIndex", (), 10),
    (Binance().funding_intervals()[0], "https://fapi.binance.com", "/fapi/v1/fundingInfo", (), 1),
    (Bybit().symbols("spot"), "https://api.bybit.com", "/v5/market/tickers?category=spot", ("result", "list"), 1),
    (Bybit().symbols("perp"), "https://api.bybit.com", "/v5/market/tickers?category=linear", ("result", "list"), 1),
    (
        Bybit().tickers("spot", NOW_MS)[TICKERS],
        "https://api.bybit.com",
        "/v5/market/tickers?category=spot",
        ("result", "list"),
        1,
    ),
    (
        Bybit().tickers("perp", NOW_MS)[TICKERS],
        "https://api.bybit.com",
        "/v5/market/tickers?category=linear",
        ("result", "list"),
        1,
    ),
    (Okx().symbols("spot"), "https://www.okx.com", "/api/v5/market/tickers?instType=SPOT", ("data",), 1),
    (Okx().symbols("perp"), "https://www.okx.com", "/api/v5/market/tickers?instType=SWAP", ("data",), 1),
    (
        Okx().tickers("spot", NOW_MS)[TICKERS],
        "https://www.okx.com",
        "/api/v5/market/tickers?instType=SPOT",
        ("data",),
        1,
    ),
    (
        Okx().tickers("perp", NOW_MS)[TICKERS],
        "https://www.okx.com",
        "/api/v5/market/tickers?instType=SWAP",
        ("data",),
        1,
    ),
    (
        Okx().tickers("perp", NOW_MS)["open interest"],
        "https://www.okx.com",
        "/api/v5/public/open-interest?instType=SWAP",
        ("data",),
        1,
    ),
    (
        Okx().tickers("perp", NOW_MS)[FUNDING],
        "https://www.okx.com",
        "/api/v5/public/funding-rate?instId=ANY",
        ("data",),
        1,
    ),
    (Gate().symbols("spot"), "https://api.gateio.ws", "/api/v4/spot/tickers", (), 1),
    (Gate().symbols("perp"), "https://api.gateio.ws", "/api/v4/futures/usdt/tickers", (), 1),
    (Gate().tickers("spot", NOW_MS)[TICKERS], "https://api.gateio.ws", "/api/v4/spot/tickers", (), 1),
    (Gate().tickers("perp", NOW_MS)[TICKERS], "https://api.gateio.ws", "/api/v4/futures/usdt/tickers", (), 1),
    (Gate().tickers("perp", NOW_MS)[FUNDING], "https://api.gateio.ws", "/api/v4/futures/usdt/contracts", (), 1),
    (Bitget().symbols("spot"), "https://api.bitget.com", "/api/v2/spot/market/tickers", ("data",), 1),
    (
        Bitget().symbols("perp"),
        "https://api.bitget.com",
        "/api/v2/mix/market/tickers?productType=USDT-FUTURES",
        ("data",),
        1,
    ),
    (Bitget().tickers("spot", NOW_MS)[TICKERS], "https://api.bitget.com", "/api/v2/spot/market/tickers", ("data",), 1),
    (
        Bitget().tickers("perp", NOW_MS)[TICKERS],
        "https://api.bitget.com",
        "/api/v2/mix/market/tickers?productType=USDT-FUTURES",
        ("data",),
        1,
    ),
    (
        Bitget().tickers("perp", NOW_MS)[FUNDING],
        "https://api.bitget.com",
        "/api/v2/mix/market/current-fund-rate?productType=USDT-FUTURES",
        ("data",),
        1,
    ),
    (Hyperliquid().symbols("perp"), "https://api.hyperliquid.xyz", "/info", ("universe",), 20),
    (Hyperliquid().tickers("perp", NOW_MS)[TICKERS], "https://api.hyperliquid.xyz", "/info", (1,), 20),
    (
        Deribit().symbols("perp"),
        "https://www.deribit.com",
        "/api/v2/public/get_book_summary_by_currency?currency=USDC&kind=future",
        ("result",),
        1,
    ),
    (
        Deribit().tickers("perp", NOW_MS)[TICKERS],
        "https://www.deribit.com",
        "/api/v2/public/get_book_summary_by_currency?currency=USDC&kind=future",
        ("result",),
        1,
    ),
    (
        Kraken().tickers("perp", NOW_MS)[TICKERS],
        "https://futures.kraken.com",
        "/derivatives/api/v3/tickers",
        ("tickers",),
        1,
    ),
    (Coinbase().symbols("spot"), "https://api.exchange.coinbase.com", "/products", (), 1),
    (
        coingecko.market_caps(),
        "https://api.coingecko.com",
        "/api/v3/coins/markets?vs_currency=usd&order=market_cap_desc&per_page=250&page=1&sparkline=false",
        (),
        1,
    ),
]


@pytest.mark.parametrize(("endpoint", "url", "target", "place", "weight"), LISTS)
def test_lists(endpoint: ListEndpoint[Any] | None, url: str, target: str, place: tuple[Any, ...], weight: int) -> None:
    assert endpoint is not None
    assert (endpoint.host.url, endpoint.target) == (url, target)
    assert (endpoint.place, endpoint.weight) == (place, weight)
    assert endpoint.explain(500, b"").exchange == endpoint.host.exchange


def test_hyperliquid_lists_are_asked_for_by_post() -> None:
    assert json.loads(Hyperliquid().symbols("perp").body) == {"type": "meta"}
    assert json.loads(Hyperliquid().tickers("perp", NOW_MS)["ticker"].body) == {"type": "metaAndAssetCtxs"}


@pytest.mark.parametrize(
    ("endpoint", "max_weight", "window_s"),
    [
        (Binance().tickers("spot", NOW_MS)["ticker"], 6000, 60),
        (Binance().tickers("perp", NOW_MS)["ticker"], 2400, 60),
        (Binance().funding_intervals()[0], 500, 300),
        (Bybit().tickers("perp", NOW_MS)["ticker"], 600, 5),
        (Okx().tickers("perp", NOW_MS)["ticker"], 20, 2),
        (Okx().tickers("perp", NOW_MS)["open interest"], 20, 2),
        (Okx().tickers("perp", NOW_MS)["funding"], 10, 2),
        (Gate().tickers("perp", NOW_MS)["funding"], 200, 10),
        (Bitget().tickers("perp", NOW_MS)["funding"], 20, 1),
        (Hyperliquid().tickers("perp", NOW_MS)["ticker"], 1200, 60),
        (Deribit().tickers("perp", NOW_MS)["ticker"], 100, 5),
        (Kraken().tickers("perp", NOW_MS)["ticker"], 100, 10),
        (Coinbase().symbols("spot"), 10, 1),
        (coingecko.market_caps(), 5, 60),
    ],
)
def test_budgets_of_lists(endpoint: ListEndpoint[Any], max_weight: int, window_s: float) -> None:
    assert endpoint.budget[1:3] == (max_weight, window_s)


def test_exchanges_without_lists() -> None:
    assert Kraken().symbols("spot") is None
    assert (Kraken().tickers("spot", NOW_MS), Coinbase().tickers("spot", NOW_MS)) == ({}, {})
    assert [name for name, each in EXCHANGES.items() if each.funding_intervals() is not None] == ["binance"]
    assert [name for name, each in EXCHANGES.items() if each.is_told_in_list] == ["hyperliquid", "kraken"]
    assert [each.perp(a_perp("BTC-USD")) for each in EXCHANGES.values() if each.is_told_in_list] == [{}, {}]


def test_lists_of_spot_have_no_parts() -> None:
    tellers = [name for name, each in EXCHANGES.items() if "spot" in each.kinds and each.tickers("spot", NOW_MS)]
    assert tellers == ["binance", "bybit", "okx", "gate", "bitget"]
    assert all(list(EXCHANGES[each].tickers("spot", NOW_MS)) == ["ticker"] for each in tellers)


def test_lists_of_perpetuals_and_their_parts() -> None:
    perps = {name: each for name, each in EXCHANGES.items() if "perp" in each.kinds}
    assert {name: sorted(each.tickers("perp", NOW_MS)) for name, each in perps.items()} == {
        "binance": ["funding", "ticker"],
        "bybit": ["ticker"],
        "okx": ["funding", "open interest", "ticker"],
        "gate": ["funding", "ticker"],
        "bitget": ["funding", "ticker"],
        "hyperliquid": ["ticker"],
        "deribit": ["ticker"],
        "kraken": ["ticker"],
    }


# Coins by the thousand.


@pytest.mark.parametrize(
    ("base", "coin", "multiplier"),
    [
        ("1000PEPE", "PEPE", 1000),
        ("10000LADYS", "LADYS", 10_000),
        ("100000X", "X", 100_000),
        ("1000000MOG", "MOG", 1_000_000),
        ("1MBABYDOGE", "BABYDOGE", 1_000_000),
        ("1000X", "X", 1000),
        ("1000币安人生", "币安人生", 1000),
        ("1INCH", "1INCH", 1),
        ("100X", "100X", 1),
        ("1000", "1000", 1),
        ("10000000MOG", "10000000MOG", 1),
        ("1MIL", "1MIL", 1),
        ("BTC", "BTC", 1),
    ],
)
def test_coins_by_the_thousand(base: str, coin: str, multiplier: int) -> None:
    assert multiplied(base) == (coin, multiplier)
    assert coin_symbol(f"{base}-USDT") == (f"{coin}-USDT", multiplier)


@pytest.mark.parametrize(("multiplier", "prefix"), MULTIPLIERS)
def test_every_prefix_is_understood(multiplier: int, prefix: str) -> None:
    assert multiplied(f"{prefix}BABYDOGE") == ("BABYDOGE", multiplier)


# Answers of 2026.


async def test_binance_funding_periods_of_2026() -> None:
    changed, _ = Binance().funding_intervals()
    hours = dict(await listed(changed, recorded("binance/um-funding-info-2026-09")))
    assert (hours["GTC-USDT"], hours["LPT-USDT"], hours["T-USDT"], hours["1000XEC-USDT"]) == (8, 4, 1, 4)


async def test_bybit_list_of_2026() -> None:
    """A 4-hour contract, one in USDC; the dated one is left out."""
    rows = dict(await listed(Bybit().tickers("perp", NOW_MS)["ticker"], recorded("bybit/linear-tickers-list-2026-09")))
    assert list(rows) == ["0G-USDT", "BTC-USDT", "BTC-USDC", "OPENAI-USDT"]
    assert rows["0G-USDT"].funding == Funding(0.00005, 4, 1789833600000, 0.2223)
    assert rows["BTC-USDC"].open_interest == OpenInterest(1363.268 / 2, 110767842.56 / 2)


async def test_deribit_contracts_of_a_thousand_coins() -> None:
    endpoint = Deribit().tickers("perp", NOW_MS)["ticker"]
    rows = dict(await listed(endpoint, recorded("deribit/book-summary-USDC-1000PEPE-shape")))
    eth, pepe = rows["ETH-USDC"], rows["PEPE-USDC"]
    assert eth.ticker is not None
    assert (eth.ticker.last, eth.ticker.base_volume) == (3188.6, 11026.577)
    assert eth.open_interest == OpenInterest(7695.018, about(7695.018 * 3187.42))
    assert pepe.ticker is not None
    assert pepe.ticker[2:7] == (about(4.6e-6), about(4.5e-6), about(4.7e-6), about(4.8e-6), about(4.4e-6))
    assert (pepe.ticker.base_volume, pepe.ticker.quote_volume) == (2e9, 9200)
    assert pepe.open_interest == OpenInterest(5e9, about(5e6 * 0.0046))
    assert pepe.funding == Funding(0, 8, None, about(4.6e-6), is_continuous=True)


def test_deribit_ticker_and_candles_of_a_thousand_coins() -> None:
    of = a_perp("1000PEPE-USDC", 1000)
    row = {"last_price": 0.0046, "mark_price": 0.0046, "open_interest": 5e6, "timestamp": 1, "stats": {"volume": 7}}
    perp = deribit.parse_perp(json.dumps({"result": row}).encode(), of)
    assert perp.ticker is not None
    assert (perp.ticker.last, perp.ticker.base_volume) == (about(4.6e-6), 7000)
    assert perp.open_interest == OpenInterest(5e9, about(5e6 * 0.0046))
    assert Deribit().perp(of)["ticker"].target.endswith("instrument_name=1000PEPE_USDC-PERPETUAL")


async def test_gate_contracts_of_2026() -> None:
    rows = dict(await listed(Gate().tickers("perp", NOW_MS)["funding"], recorded("gate/contracts-list-2026-09-19")))
    assert rows["BTC-USDT"].open_interest == OpenInterest(about(32874.304), about(32874.304 * 81241))
    assert rows["CVC-USDT"].funding == Funding(-0.000379, 1, 1789826400000, 0.02788)


async def test_gate_dated_contracts_of_2026_are_left_out() -> None:
    endpoint = Gate().tickers("perp", NOW_MS)["ticker"]
    rows = dict(await listed(endpoint, recorded("gate/perp-tickers-with-dated-2026-09")))
    assert list(rows) == ["BTC-USDT"]
    assert ticker_of(("", rows["BTC-USDT"])).quote_volume == 5615401236


async def test_hyperliquid_list_of_2026() -> None:
    endpoint = Hyperliquid().tickers("perp", NOW_MS)["ticker"]
    rows = dict(await listed(endpoint, recorded("hyperliquid/metaAndAssetCtxs-2026-09")))
    assert list(rows) == ["BTC-USDC", "ETH-USDC", "ATOM-USDC"]  # MATIC is delisted
    assert rows["BTC-USDC"].open_interest == OpenInterest(36295.80812, about(36295.80812 * 80639))
    assert rows["ATOM-USDC"].funding == Funding(-0.0000604394, 1, NEXT_HOUR_MS, 1.5008)


async def test_kraken_tells_the_relative_rate() -> None:
    endpoint = Kraken().tickers("perp", NOW_MS)["ticker"]
    rows = dict(await listed(endpoint, recorded("krakenfutures/tickers-relative-2026-09")))
    assert rows["BTC-USD"].funding == Funding(7.094779166667e-06, 1, NEXT_HOUR_MS, 83778.43)


async def test_okx_lists_of_2026() -> None:
    """Periods of 8, 4 and 1 hours; a futures row among them is left out. Contracts of 0.01, 0.1 and 1 coin."""
    lists = Okx().tickers("perp", NOW_MS)
    funding = dict(await listed(lists["funding"], recorded("okx/funding-rate-any-2026-09")))
    assert {symbol: perp.funding[:2] for symbol, perp in funding.items() if perp.funding} == {
        "BTC-USDT": (0.0001, 8),
        "OKB-USDT": (0.00005, 4),
        "ONE-USDT": (-0.0018087460514744, 1),
    }
    interest = dict(await listed(lists["open interest"], recorded("okx/open-interest-list-2026-01")))
    assert interest["ETH-USDT"].open_interest == OpenInterest(593293.553000001767, 1877845290.47136559276704)


def test_tickers_of_2026() -> None:
    perp = bitget.parse_perp(recorded("bitget/mix-ticker-trimmed-2026-09"), a_perp("BTC-USDT"))
    assert perp.ticker is not None
    assert (perp.ticker.last, perp.ticker.base_volume, perp.open_interest) == (77202.1, None, None)
    spot = coinbase.parse_spot(recorded("coinbase/exchange-stats-2026-06"), a_spot("BTC-USD"))
    assert (spot.last, spot.base_volume) == (63212.41, 4918.33722403)
    assert spot.change_pct == pytest.approx((63212.41 / 62605.56 - 1) * 100)
