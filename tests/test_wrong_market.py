"""One market's figures are never another's: an answer that states its market has to state the one asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from conftest import a_house, a_listing, together

from asking.cutter import ArrayCutter
from demo.web import Asked
from exchanges.endpoints import Endpoint
from exchanges.errors import BadResponse, UnknownSymbol, WrongMarket
from exchanges.exchange import Exchange
from exchanges.reading import RowsRead
from exchanges.table import EXCHANGES
from exchanges.words import Listing

SILENT = {
    "binance": "spot candles, perp candles",
    "bybit": "",
    "okx": "spot candles, perp candles, perp history, perp ratios, perp flow, "
    "coin candles, coin history, coin ratios, coin flow",
    "gate": "spot candles, perp candles, perp history, perp ratios",
    "bitget": "spot candles, perp candles, perp ratios, coin candles",
    "hyperliquid": "",
    "deribit": "perp candles, coin candles",
    "kraken": "perp candles, perp history, perp ratios, perp flow, coin ratios",
    "coinbase": "spot ticker, spot candles",
}
"""The questions whose answers state no market; the docstrings of their parsers say so."""


HELD = {"candles": "candles", "flow": "flow", "history": "open_interest_history", "ticker": "ticker"}
"""What can be held against an answer that states its market (exchanges/anothers.py): ratios are all alike."""


@together("exchange", EXCHANGES)
def test_what_states_no_market_is_held_against_what_does(exchange: str) -> None:
    silent = {tuple(each.split()) for each in SILENT[exchange].split(", ") if each}
    wanted = {("perp" if kind == "coin" else kind, HELD[question]) for kind, question in silent if question in HELD}
    told = {(kind, question) for kind, questions in EXCHANGES[exchange].unnamed.items() for question in questions}
    assert told == wanted


def questions_of(venue: Exchange, base: str, now_ms: int) -> Iterator[tuple[str, Endpoint[Any]]]:
    """Everything that can be asked about a coin there, by name."""
    for kind in venue.kinds:
        for quote in [venue.quotes[kind][0], *(["COIN"] if "COIN" in venue.quotes[kind] else [])]:
            of = a_listing(kind, f"{base}-{quote}", 1, 10.0)
            name = "coin" if quote == "COIN" else kind
            yield from ((f"{name} {what}", endpoint) for what, endpoint in about(venue, of, now_ms))


def about(venue: Exchange, of: Listing, now_ms: int) -> Iterator[tuple[str, Endpoint[Any]]]:
    if of.kind == "spot":
        yield "ticker", venue.spot(of)
    else:
        yield from venue.perp(of).items()
    if venue.id == "gate" and (size := venue.contract_size(of, "candles")) is not None:
        yield "size", size  # Binance's is in a list, read by name
    if venue.has("candles", of.kind, of.quote, "1h"):
        yield "candles", venue.candles(of, "1h", 5, now_ms)
    if venue.has("open_interest_history", of.kind, of.quote):
        yield "history", venue.open_interest_history(of, 5, now_ms)
    if venue.has("ratios", of.kind, of.quote):
        yield "ratios", venue.ratios(of, 5, now_ms)[0]
    if venue.has("flow", of.kind, of.quote, "1h") and not venue.has_takers_in_candles:
        yield "flow", venue.taker_flow(of, "1h", 5, now_ms)


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_wrong_market_is_refused_question_by_question(exchange: str) -> None:
    """BTC's answers to ETH's questions, as the offline world gives them."""
    venue = EXCHANGES[exchange]
    believed = []
    async with a_house() as house:
        market = house.bot.market
        asked = (questions_of(venue, base, market.now_ms()) for base in ("ETH", "BTC"))
        for (name, ours), (_, theirs) in zip(*asked, strict=True):
            try:
                body = await market.cached(theirs._replace(parse=lambda body: body, part="whole"))
            except UnknownSymbol:
                continue  # the offline Bitget tells no ratios of coin-margined contracts
            theirs.parse(body)  # a good answer
            if not is_refused(ours, body):
                believed.append(name)
    assert ", ".join(believed) == SILENT[exchange]


def is_refused(endpoint: Endpoint[Any], body: bytes) -> bool:
    try:
        endpoint.parse(body)
    except WrongMarket:
        return True
    return False


@together(
    "change, is_wrong",
    [
        (lambda row: row | {"symbol": "ETHUSDT"}, True),
        (lambda row: row | {"symbol": "btcusdt"}, True),
        (lambda row: row | {"symbol": ["BTCUSDT"]}, True),
        (lambda row: row | {"symbol": None}, False),
        (lambda row: {key: row[key] for key in row if key != "symbol"}, False),
        (lambda row: row, False),
    ],
)
def test_answer_that_states_no_market_is_believed(change: Callable[[Any], Any], is_wrong: bool) -> None:
    row = {"symbol": "BTCUSDT", "lastPrice": "5", "closeTime": 1}
    endpoint = EXCHANGES["binance"].spot(a_listing("spot", "BTC-USDT"))
    body = json.dumps(change(row)).encode()
    if is_wrong:
        with pytest.raises(WrongMarket):
            endpoint.parse(body)
    else:
        assert endpoint.parse(body).last == 5


OTHER_KIND = {"binance": {"spot ticker"}}
"""Tickers that cannot be told from those of the same name's other kind of market: Binance's perpetual has no field of
its own."""


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_spot_is_no_perpetual_and_the_other_way_round(exchange: str) -> None:
    """Of the same name: BTCUSDT is both at Binance, Bybit and Bitget, BTC_USDT at Gate."""
    venue, bodies = EXCHANGES[exchange], dict[str, tuple[Endpoint[Any], bytes]]()
    async with a_house() as house:
        market = house.bot.market
        for name, ours in questions_of(venue, "BTC", market.now_ms()):
            if name.endswith("ticker"):
                bodies[name] = (ours, await market.cached(ours._replace(parse=lambda body: body, part="whole")))
    believed = set()
    for name, (ours, _) in bodies.items():
        for other in bodies.keys() - {name}:
            with suppress(BadResponse):
                ours.parse(bodies[other][1])
                believed.add(name)
    assert believed == OTHER_KIND.get(exchange, set())


@together(
    "symbol, key, is_it",
    [
        ("BTC-USD", "XXBTZUSD", True),
        ("BTC-USD", "XBTUSD", True),
        ("BTC-USD", "BTC/USD", True),
        ("DOGE-USD", "XDGUSD", True),
        ("ETH-BTC", "XETHXXBT", True),
        ("EUR-USD", "ZEURZUSD", True),
        ("GBP-USD", "ZGBPZUSD", True),
        ("EUR-USD", "EUR/USD", True),
        ("AUD-USD", "AUDUSD", True),
        ("USD-JPY", "ZUSDZJPY", True),
        ("EUR-USD", "ZGBPZUSD", False),
        ("EC-USD", "ZECUSD", False),
        ("BTC-USD", "ZXBTZUSD", False),
        ("ETH-USD", "XXBTZUSD", False),
        ("BTC-USD", "XBTUSDT", False),
        ("BTC-USDT", "XXBTZUSD", False),
        ("BTC-USD", "WBTCUSD", False),
    ],
)
def test_kraken_spells_a_pair_in_several_ways(symbol: str, key: str, is_it: bool) -> None:
    body = json.dumps({"error": [], "result": {key: {"c": ["5", "1"]}}}).encode()
    endpoint = EXCHANGES["kraken"].spot(a_listing("spot", symbol))
    if is_it:
        assert endpoint.parse(body).last == 5
    else:
        with pytest.raises(WrongMarket):
            endpoint.parse(body)


def of_list(venue: Exchange, kind: str, body: bytes) -> int:
    """How many markets the exchange's list of tickers has in an answer."""
    endpoint = venue.tickers(kind, 1_763_906_602_000)["ticker"]
    cutter: ArrayCutter = ArrayCutter(venue.id, endpoint.place, endpoint.wanted)
    rows = cutter.feed(body)
    row = endpoint.row if endpoint.reader is None else endpoint.reader(cutter.head)
    return len(RowsRead[Any](venue.id).read(rows, row))


@pytest.mark.parametrize("exchange", ["binance", "bybit", "okx", "gate", "bitget"])
async def test_a_list_of_one_kind_is_not_believed_for_the_other(exchange: str) -> None:
    """BTCUSDT stands in both at Binance, Bybit and Bitget; elsewhere the names differ, and nothing is read."""
    venue, bodies = EXCHANGES[exchange], {}
    async with a_house() as house:
        for kind in ("spot", "perp"):
            endpoint = venue.tickers(kind, house.bot.market.now_ms())["ticker"]
            site = house.world.sites[endpoint.host.name]
            path, _, query = endpoint.target.partition("?")
            asked = Asked("GET", path, dict(each.split("=") for each in query.split("&") if each), {}, b"")
            bodies[kind] = (await site.reply(asked)).body
    believed = set()
    for kind, other in (("spot", "perp"), ("perp", "spot")):
        assert of_list(venue, kind, bodies[kind]) > 50
        with suppress(WrongMarket):
            if of_list(venue, kind, bodies[other]):
                believed.add(kind)
    assert believed == set()
