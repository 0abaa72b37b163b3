"""Every record's figures have bounds when it leaves the exchange modules, whatever its parser worked out."""

from __future__ import annotations

import inspect
import json
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from conftest import a_house, a_spot, together

from exchanges import words
from exchanges.anothers import refuse_history
from exchanges.binance import parse_funding_interval
from exchanges.coingecko import MarketCap
from exchanges.errors import BadResponse
from exchanges.finite import MAX_DEPTH, finite, finite_rows, is_finite
from exchanges.joined import joined
from exchanges.reading import At, Row, RowsRead, read_candles
from exchanges.table import EXCHANGES
from exchanges.words import (
    Balance,
    Book,
    Candles,
    Flow,
    Funding,
    Income,
    Last,
    Liquidation,
    LiquidationPage,
    Listing,
    OpenInterest,
    Page,
    Paid,
    Position,
    Ratio,
    Snapshot,
    Ticker,
)

UNBOUND = (float("inf"), float("-inf"), float("nan"), float("1e400"), 1e30 / 1e-300)
TICKER = Ticker("x", "AB-USDT", 5.0, 4.9, 5.1, 6.0, 4.0, -1.5, 1e12, 5e12, 1_700_000_000_000)
FIGURES = array("d", (1.0, 2.0, 3.0))
TIMES = array("q", (0, 1, 2))
CANDLES = Candles("x", "AB", "spot", 60_000, TIMES, FIGURES, FIGURES, FIGURES, FIGURES, FIGURES, FIGURES, FIGURES)
ROWS = [[1_700_000_000_000 + n * 60_000, 5.0, 6.0, 4.0, 5.5, 10.0] for n in (0, 1)]
RECORDS: list[Any] = [
    TICKER,
    Book(4.9, 5.1),
    OpenInterest(1e6, 5e6),
    Funding(0.0001, 8.0, 1_700_000_000_000, 5.0),
    CANDLES,
    Flow("x", "AB-USDT", "perp", 60_000, [0, 1, 2], [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]),
    Ratio(1, 0.5),
    Paid(1, 0.0001),
    Liquidation(1, "long", 2.0, 10.0, 5.0),
    Balance("AB", 1.0, 2.0, 3.0),
    Position("AB", "AB", "long", 1.0, 5.0, 5.0, 5.0, 2.0, 10.0, 0.5, "USDT", 0.1, 20.0, -0.01),
    Income(1, "fee", "USDT", -0.1),
    Last(5.0, 1_700_000_000_000),
    MarketCap("AB", 1e9, 5.0),
]


def spoiled(record: Any, by: float) -> Iterator[Any]:
    """The record with each of its figures replaced in turn."""
    for name in vars(record) if isinstance(record, Candles) else record._fields:
        value = getattr(record, name)
        if isinstance(value, float):
            yield record._replace(**{name: by})
        elif isinstance(value, (array, list)) and isinstance(value[0], float):
            for i in range(len(value)):
                yield record._replace(**{name: type(value)("d", [*value[:i], by, *value[i + 1 :]])
                              if isinstance(value, array) else [*value[:i], by, *value[i + 1 :]]})  # fmt: skip


@together("record", RECORDS)
@together("by", UNBOUND)
def test_a_figure_without_bounds_is_found_in_every_record(record: Any, by: float) -> None:
    assert finite("x", record) is record
    n = 0
    for n, each in enumerate(spoiled(record, by), start=1):  # noqa: B007
        assert not is_finite(each)
        for held in ([each], ("AB-USDT", each), {"accounts": [each]}, Page([each], ""), LiquidationPage([each], 0)):
            with pytest.raises(BadResponse):
                finite("x", held)
    assert n


@together("by", UNBOUND)
def test_parts_of_a_snapshot_are_looked_at(by: float) -> None:
    whole = Snapshot(TICKER, OpenInterest(1.0, None), Funding(0.1, None, None, None))
    assert is_finite(whole)
    assert is_finite(Snapshot())
    assert not is_finite(whole._replace(ticker=TICKER._replace(last=by)))
    assert not is_finite(whole._replace(open_interest=OpenInterest(None, by)))
    assert not is_finite(whole._replace(funding=Funding(0.1, None, None, by)))


@together("by", UNBOUND)
def test_only_candles_as_they_were_read_say_that_they_are_bounded(by: float) -> None:
    read = read_candles("x", Listing("spot", "AB-USDT", "AB-USDT"), 60_000, ROWS, At(0, 1, 2, 3, 4, 5))
    changed = read._replace(close=array("d", (by, by)))
    assert (read.is_bounded, changed.is_bounded) == (True, False)
    assert is_finite(read)
    assert not is_finite(changed)
    assert not any(each.is_bounded for each in (read.part(0, 2), read.asked("AB", 1), joined([read, read])))


def test_records_whose_parts_are_missing_are_well() -> None:
    nothing = Ticker("x", "AB-USDT", 5.0, None, None, None, None, None, None, None, 0)
    candles = CANDLES._replace(quote_volume=None, taker_buy=None)
    records: tuple[Any, ...] = (
        nothing,
        candles,
        OpenInterest(None, None),
        Book(None, None),
        [],
        {},
        None,
        frozenset({"AB"}),
    )
    assert all(map(is_finite, records))


def test_every_record_of_figures_is_tried_here() -> None:
    told = {
        name
        for name, each in inspect.getmembers(words, inspect.isclass)
        if each.__module__ == words.__name__ and "float" in str(inspect.signature(each))
    }
    not_read = {"Listing", "Source"}  # which we make ourselves
    assert told - not_read == {type(each).__name__ for each in RECORDS} - {"MarketCap"}


def test_json_that_is_yet_to_be_read_may_be_nested_deep() -> None:
    nested = json.loads("[" * 900 + "]" * 900)
    assert is_finite({"result": nested})
    assert not is_finite([[[[float("inf")]]]][: MAX_DEPTH + 1])


def test_a_row_without_bounds_costs_itself() -> None:
    reading = RowsRead[float]("x")
    assert reading.read([{"a": 1}, {"a": 2}, {"a": 1e-300}], lambda row: 1e30 / (row.json["a"])) == [1e30, 5e29]
    assert (reading.n_odd, reading.first_odd and reading.first_odd.detail) == (1, "a figure without bounds")


def in_snapshot(place: int, part: Any) -> tuple[str, Snapshot]:
    parts: list[Any] = [None, None, None]
    parts[place] = part
    return "AB-USDT", Snapshot(*parts)


@together("record", RECORDS)
@together("by", UNBOUND)
def test_of_many_rows_those_without_bounds_are_left_out(record: Any, by: float) -> None:
    """Alone, beside a symbol, and as a part of a snapshot; where all are well, the list is the same."""
    wholes: list[Callable[[Any], Any]] = [lambda each: each, lambda each: ("AB-USDT", each)]
    for place, kind in enumerate((Ticker, OpenInterest, Funding)):
        if isinstance(record, kind):
            wholes.append(partial(in_snapshot, place))
    for whole in wholes:
        rows = [whole(record), whole(record)]
        assert finite_rows(rows) is rows
        for each in spoiled(record, by):
            assert finite_rows([rows[0], whole(each), rows[1]]) == rows
    assert finite_rows([]) == []
    assert finite_rows([("AB", by), ("CD", 1.0), ("EF", None)]) == [("CD", 1.0), ("EF", None)]
    assert finite_rows([by, 1.0]) == [1.0]


async def test_an_answer_without_bounds_is_a_bad_one() -> None:
    """Whatever a parser lets through."""

    def parse(body: bytes) -> Ticker:
        return TICKER._replace(last=Row.of("binance", body).needed("lastPrice") * 1e300 * 1e300)

    async with a_house(EXCHANGES="binance") as house:
        endpoint = EXCHANGES["binance"].spot(a_spot("BTC-USDT"))
        assert (await house.bot.market.fetcher.fetch(endpoint)).last
        with pytest.raises(BadResponse, match="without bounds in a Ticker"):
            await house.bot.market.fetcher.fetch(endpoint._replace(parse=parse))


@together(
    "record, can_be",
    [
        (TICKER._replace(base_volume=-7.0), False),
        (TICKER._replace(quote_volume=-0.01), False),
        (TICKER._replace(quote_volume=0.0, base_volume=None), True),
        (TICKER._replace(change_pct=-700.0), False),
        (TICKER._replace(change_pct=-100.0), True),
        (TICKER._replace(change_pct=9000.0), True),
        (OpenInterest(-7.0, None), False),
        (OpenInterest(None, -7.0), False),
        (OpenInterest(0.0, None), True),
        (Funding(-7.0, 8.0, None, None), False),
        (Funding(-0.04, 1.0, None, None), True),
        (Funding(0.0001, -8.0, None, None), False),
        (Funding(0.0001, None, None, None), True),
        (Paid(1, 7.0), False),
        (Paid(1, -0.03), True),
        (Liquidation(1, "long", -2.0, None), False),
        (Liquidation(1, "long", None, -2.0), False),
    ],
)
def test_what_no_market_can_have(record: Any, can_be: bool) -> None:
    """Alone, within another record, and among rows, few and many: it costs its row only."""
    assert is_finite(record) is can_be
    if isinstance(record, Ticker):
        assert is_finite(Snapshot(record)) is can_be
    good = next(each for each in RECORDS if type(each) is type(record))
    for n in (2, 20):
        rows = [("AB", good)] * n + [("CD", record)]
        assert finite_rows(rows) == (rows if can_be else rows[:-1])


@together(
    "ticker, can_be",
    [
        (TICKER._replace(high=4.0, low=6.0), False),
        (TICKER._replace(high=5.0, low=5.0), True),
        (TICKER._replace(high=None, low=6.0), True),
        (TICKER._replace(bid=5.1, ask=4.9), True),  # of two moments
        (TICKER._replace(bid=7.0, ask=6.0), False),
        (TICKER._replace(bid=7.0, ask=None), True),
        (TICKER._replace(last=7.0), True),  # likewise
        (TICKER._replace(last=8.0), False),
        (TICKER._replace(last=3.0), False),
        (TICKER._replace(last=8.0, high=None, low=None), True),
    ],
)
def test_a_tickers_prices_are_of_one_market(ticker: Ticker, can_be: bool) -> None:
    assert is_finite(ticker) is can_be
    assert is_finite(Snapshot(ticker, None, None)) is can_be


def test_takers_buy_and_sell_no_less_than_nothing() -> None:
    flow = Flow("x", "AB-USDT", "perp", 60_000, [0, 1], [1.0, 0.0], [3.0, 2.0])
    assert [is_finite(each) for each in (flow, flow._replace(buy=[1.0, -2.0]), flow._replace(sell=[3.0, -0.1]))] == [
        True,
        False,
        False,
    ]
    assert is_finite(flow._replace(open_ms=[], buy=[], sell=[]))


def test_binance_funding_period_that_none_is() -> None:
    for hours in (-8, 0, 1e6):
        with pytest.raises(BadResponse):
            parse_funding_interval(Row("binance", {"symbol": "ABUSDT", "fundingIntervalHours": hours}))


def test_open_interest_of_the_past_is_not_below_zero() -> None:
    """A change of -1,080,000 % came of it."""
    refuse_history("x", "AB-USDT", [(1, 5.0), (2, 0.0)], None)
    with pytest.raises(BadResponse):
        refuse_history("x", "AB-USDT", [(1, -7.0), (2, 5.0)], None)


@together(
    "change, can_be",
    [
        ({}, True),
        ({"high": None, "bid": 7.5, "ask": 7.6}, True),  # nothing to compare with
        ({"bid": 7.5, "ask": 7.6}, True),  # a market that rose without a trade here
        ({"bid": 3.0, "ask": 3.1}, True),
        ({"bid": 12.5, "ask": 12.6}, False),  # beyond all of the day
        ({"bid": 1.8, "ask": 1.9}, False),
        ({"bid": 0.1, "ask": 7.6}, True),  # a thin market
    ],
)
def test_a_tickers_figures_belong_together(change: dict[str, Any], can_be: bool) -> None:
    assert is_finite(TICKER._replace(**change)) is can_be


@together("book, can_be", [(Book(4.9, 5.1), True), (Book(5.1, 4.9), True), (Book(431.0, 4.0), False)])
def test_a_book_is_not_crossed_by_far(book: Book, can_be: bool) -> None:
    assert is_finite(book) is can_be
    assert is_finite(Book(None, 4.0))
    assert is_finite(Book(4.0, None))
