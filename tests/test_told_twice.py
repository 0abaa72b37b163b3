"""Two figures for one thing in one answer: nobody knows which is true, so neither is told. At all nine exchanges."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from answering import rewrite
from conftest import a_house, together
from test_wrong_market import questions_of

from exchanges.endpoints import Endpoint
from exchanges.errors import BadResponse, UnknownSymbol, Unlikely
from exchanges.finite import finite
from exchanges.joined import Rows, named, take_sole
from exchanges.reading import sole
from exchanges.table import EXCHANGES
from exchanges.words import Flow, Liquidation, Page, Paid, Ratio, Snapshot, Ticker
from watchman.quotes import MarketQuotes


@together(
    "record",
    [
        [(1, 5.0), (2, 6.0), (2, 7.0)],
        [Ratio(1, 0.5), Ratio(1, 0.6)],
        {"accounts": [Ratio(1, 0.5), Ratio(2, 0.6)], "top accounts": [Ratio(2, 0.5), Ratio(2, 0.6)]},
        Page([Paid(1, 0.0001), Paid(1, 0.0002)], ""),  # both would be added up
        Flow("x", "AB-USDT", "perp", 60_000, [60_000, 60_000], [1.0, 2.0], [3.0, 4.0]),
    ],
)
def test_a_moment_that_is_told_twice_is_refused(record: Any) -> None:
    with pytest.raises(BadResponse, match="told twice"):
        finite("x", record)


@together(
    "record",
    [
        [],
        [(1, 5.0), (2, 5.0)],
        {"accounts": [Ratio(1, 0.5)], "top accounts": [Ratio(1, 0.6)]},
        [Liquidation(1, "long", 2.0, 10.0, 5.0), Liquidation(1, "long", 3.0, 15.0, 5.0)],  # many fall due at once
        [("AB-USDT", 5.0), ("CD-USDT", 5.0)],
    ],
)
def test_moments_that_differ_are_told(record: Any) -> None:
    assert finite("x", record) is record


@together(
    "record, once",
    [
        ([(1, 5.0), (2, 6.0), (2, 6.0)], [(1, 5.0), (2, 6.0)]),
        ({"accounts": [Ratio(1, 0.5), Ratio(1, 0.5)]}, {"accounts": [Ratio(1, 0.5)]}),
        (Page([Paid(1, 0.0001), Paid(1, 0.0001)], "x"), Page([Paid(1, 0.0001)], "x")),  # as much again is not added up
        (
            Flow("x", "AB-USDT", "perp", 60_000, [0, 60_000, 60_000], [1.0, 2.0, 2.0], [3.0, 4.0, 4.0]),
            Flow("x", "AB-USDT", "perp", 60_000, [0, 60_000], [1.0, 2.0], [3.0, 4.0]),
        ),
    ],
)
def test_a_row_that_is_repeated_to_the_letter_is_one(record: Any, once: Any) -> None:
    assert finite("x", record) == once


def perp(symbol: str, last: float) -> tuple[str, Snapshot]:
    return symbol, Snapshot(Ticker("x", symbol, last, None, None, None, None, None, None, None, 1))


def test_a_market_with_two_prices_in_a_list_has_none() -> None:
    rows = Rows()
    rows.take([perp("AB-USDT", 5.0), perp("CD-USDT", 7.0), perp("EF-USDT", 9.0)])
    rows.take([perp("AB-USDT", 50.0), perp("CD-USDT", 7.0)])  # of the second, the same twice
    rows.take([perp("AB-USDT", 5.0)])
    assert sorted(rows) == ["CD-USDT", "EF-USDT"]
    assert named(rows, "CD-USDT") == perp("CD-USDT", 7.0)[1]
    with pytest.raises(BadResponse, match="told twice"):
        named(rows, "AB-USDT")
    assert named(rows, "GH-USDT") is None


def test_a_list_of_sizes_that_contradicts_itself_is_none() -> None:
    sizes: dict[str, float] = {}
    take_sole("x", sizes, [("AB", 10.0), ("CD", 1.0)])
    take_sole("x", sizes, [("AB", 10.0)])
    with pytest.raises(BadResponse, match="AB is told twice"):
        take_sole("x", sizes, [("AB", 100.0)])


def test_the_only_row_of_a_market() -> None:
    here, there, elsewhere = {"symbol": "AB", "p": "5"}, {"symbol": "AB", "p": "6"}, {"symbol": "CD", "p": "6"}
    assert sole("x", [here, here, elsewhere], "symbol").json == here
    with pytest.raises(Unlikely, match="'AB' is told twice"):  # which rests no host, however often it is asked for
        sole("x", [here, there], "symbol")


def bumped(value: Any) -> Any:
    """The same with other figures: prices and amounts a third larger, times and names as they are."""
    if isinstance(value, dict):
        return {key: bumped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [bumped(each) for each in value]
    try:
        figure = float(value)
    except (TypeError, ValueError):
        return value
    if isinstance(value, bool) or not figure or abs(figure) > 1e9:
        return value
    return type(value)(figure * 1.3)


def told_twice(value: Any) -> Any:
    """Each row of a list once more, with other figures."""
    if isinstance(value, dict):
        return {key: told_twice(each) for key, each in value.items()}
    if isinstance(value, list) and value and all(isinstance(each, (dict, list)) for each in value):
        return [*value, *map(bumped, value)]
    return value


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_rows_that_contradict_each_other_are_refused_question_by_question(exchange: str) -> None:
    venue = EXCHANGES[exchange]
    believed = set()
    async with a_house() as house:
        market = house.bot.market
        for name, endpoint in questions_of(venue, "ETH", market.now_ms()):
            try:
                body = await market.cached(endpoint._replace(parse=lambda body: body, part="whole"))
            except UnknownSymbol:
                continue
            if (twice := told_twice(orjson.loads(body))) != orjson.loads(body) and not is_refused(endpoint, twice):
                believed.add(name)
    assert not believed


def is_refused(endpoint: Endpoint[Any], told: Any) -> bool:
    try:
        finite(endpoint.host.exchange, endpoint.parse(json.dumps(told).encode()))
    except BadResponse:
        return True
    return False


async def test_an_alerts_price_that_a_list_contradicts_is_not_told() -> None:
    symbols = [f"{base}-USDT" for base in ("BTC", "ETH", "PEPE", "SOL", "DOGE", "XRP")]
    async with a_house() as house:
        rewrite(house, "BINANCE_USDM", lambda rows: rows.append({"symbol": "ETHUSDT", "price": "9.5"}))
        quotes = MarketQuotes(house.bot.market, house.bot.accounts())
        prices = await quotes.prices("binance", "perp", symbols)
        assert sorted(prices) == sorted({*symbols} - {"ETH-USDT"})


async def test_one_contradiction_in_the_list_of_perpetuals_costs_one_market() -> None:
    async with a_house(EXCHANGES="hyperliquid") as house:

        def again(answer: Any) -> None:
            of = [row["name"] for row in answer[0]["universe"]].index("ETH")
            answer[0]["universe"].append(answer[0]["universe"][of])
            answer[1].append(bumped(answer[1][of]))

        rewrite(house, "HYPERLIQUID", again)
        assert "unusable answer" in await house.ask("/price ETH")
        assert "perp" in await house.ask("/price BTC")
