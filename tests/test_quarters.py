"""Liquidations that are kept by quarters of an hour: told as if all had been asked for, with fewer questions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from conftest import House, a_house
from databases import ENGINES, fresh_url

from answers import liq
from answers.liq import LiquidationReport, liquidated
from answers.quarters import LARGEST, QUARTER_MS, quarters_of, rows_of, unbroken
from exchanges.table import EXCHANGES
from exchanges.words import Liquidation
from store.connect import open_store
from store.words import Quarter, Store, Unreachable
from watchman.quarters import LATE_MS, MAX_COINS, Quarters

NOW = 1_763_906_602.0
NOW_MS = int(NOW * 1000)
Q0 = NOW_MS // QUARTER_MS * QUARTER_MS
END = (NOW_MS - LATE_MS) // QUARTER_MS * QUARTER_MS


@asynccontextmanager
async def a_keeping_house(url: str) -> AsyncIterator[tuple[House, Store]]:
    """At NOW, with Bitcoin on somebody's watchlist."""
    store = await open_store(url)
    try:
        async with a_house() as house:
            house.stop_at(NOW)
            await store.watch(5, ["BTC-USDT"], 10, 0)
            yield house, store
    finally:
        await store.close()


async def told(house: House, store: Store | None, words: str) -> LiquidationReport:
    return await liq.ask(house.bot.tools._replace(store=store), liq.command(words.split()))


def requests(house: House) -> int:
    return sum(house.world.sites[name].n_requests for name in ("OKX", "GATE", "BITGET", "DERIBIT", "KRAKEN_FUTURES"))


# Pure.


def test_a_quarter_has_its_sums_and_its_largest() -> None:
    rows = [Liquidation(Q0 + i, "long", 1.0, 100.0 + i, 99.0) for i in range(LARGEST + 3)]
    rows += [Liquidation(Q0 + 5, "short", 1.0, 7.0, 9.0), Liquidation(Q0 + 6, "", 1.0, 50.0)]
    (quarter,) = quarters_of("okx", "BTC", rows, Q0, Q0 + QUARTER_MS)
    assert (quarter.longs, quarter.shorts, quarter.unsided) == (sum(100.0 + i for i in range(11)), 7.0, 50.0)
    back = rows_of(quarter)
    assert len([row for row in back if row.price is not None]) == LARGEST
    assert [sum_of(back, side) for side in ("long", "short", "")] == pytest.approx([1155.0, 7.0, 50.0])


def test_a_quarter_in_which_nothing_happened_is_kept_too() -> None:
    quarters = quarters_of("okx", "BTC", [], Q0 + 1, Q0 + 3 * QUARTER_MS + 7)
    assert [each.quarter_ms for each in quarters] == [Q0 + QUARTER_MS, Q0 + 2 * QUARTER_MS]
    assert rows_of(quarters[0]) == []


def test_quarters_serve_as_far_as_none_is_missing() -> None:
    quarters = quarters_of("okx", "BTC", [], Q0, Q0 + 4 * QUARTER_MS)
    assert unbroken(quarters, Q0) == quarters
    assert unbroken([quarters[0], *quarters[2:]], Q0) == quarters[:1]
    assert unbroken(quarters[1:], Q0) == []


# Kept and told.


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh_url(request.param, tmp_path)


def sum_of(rows: Sequence[Liquidation], side: str) -> float:
    return sum(row.dollars or 0.0 for row in rows if row.side == side)


@pytest.mark.real_time
async def test_what_is_kept_is_told_as_if_it_had_been_asked_for(url: str) -> None:
    async with a_keeping_house(url) as (house, store):
        asked = await told(house, None, "BTC 24h")
        assert await Quarters(house.bot.market, store).keep(NOW_MS) == 5 * 96
        house.bot.market.forget()
        before = requests(house)
        kept = await told(house, store, "BTC 24h")
        assert requests(house) - before < 25
        for name, of in asked.told.items():
            for side in ("long", "short", ""):
                assert sum_of(kept.told[name].rows, side) == pytest.approx(sum_of(of.rows, side), abs=1.0), (name, side)
        assert liq.largest(kept.told, LARGEST) == liq.largest(asked.told, LARGEST)
        assert kept.late == {}


async def test_two_machines_keep_a_quarter_once_and_count_nothing_twice(tmp_path: Path) -> None:
    async with a_keeping_house(fresh_url("sqlite", tmp_path)) as (house, store):
        one, other = Quarters(house.bot.market, store), Quarters(house.bot.market, store)
        assert [await one.keep(NOW_MS), await other.keep(NOW_MS)] == [480, 0]
        quarters = await store.quarters("BTC", 0)
        await store.keep_quarters(quarters)
        assert await store.quarters("BTC", 0) == quarters


async def test_each_quarter_asks_for_what_is_new_only(tmp_path: Path) -> None:
    async with a_keeping_house(fresh_url("sqlite", tmp_path)) as (house, store):
        keeper = Quarters(house.bot.market, store)
        await keeper.keep(NOW_MS)
        assert await keeper.keep(NOW_MS + 60_000) == 0
        house.stop_at(NOW + 900)
        house.bot.market.forget()
        assert await keeper.keep(NOW_MS + QUARTER_MS) == 5


async def test_an_exchange_that_was_down_is_made_up_for(tmp_path: Path) -> None:
    async with a_keeping_house(fresh_url("sqlite", tmp_path)) as (house, store):
        keeper = Quarters(house.bot.market, store)
        await house.world.set_fault("OKX", "500")
        assert await keeper.keep(NOW_MS) == 4 * 96
        await house.world.set_fault("OKX", "")
        house.stop_at(NOW + 900)
        house.bot.market.forget()
        assert await keeper.keep(NOW_MS + QUARTER_MS) == 4 + 96


async def test_a_long_window_of_an_alert_is_what_the_command_tells(tmp_path: Path) -> None:
    async with a_keeping_house(fresh_url("sqlite", tmp_path)) as (house, store):
        await Quarters(house.bot.market, store).keep(NOW_MS)
        dollars = await liquidated(house.bot.market, EXCHANGES["okx"], "BTC-USDT", 240, store)
        assert dollars == pytest.approx((await told(house, None, "BTC 4h")).told["okx"].dollars(), rel=1e-6)


async def test_without_a_database_that_answers_exchanges_are_asked(tmp_path: Path) -> None:
    class Gone:
        async def quarters(self, base: str, since_ms: int) -> list[Quarter]:
            raise Unreachable("gone")

    async with a_house() as house:
        house.stop_at(NOW)
        report = await told(house, Gone(), "BTC 4h")  # type: ignore[arg-type]
        assert len(report.told) == 5


async def test_no_more_coins_than_are_allowed_and_nothing_for_nobody(tmp_path: Path) -> None:
    async with a_keeping_house(fresh_url("sqlite", tmp_path)) as (house, store):
        await store.unwatch(5, ["BTC-USDT"])
        assert await Quarters(house.bot.market, store).keep(NOW_MS) == 0
        assert requests(house) == 0
        await store.watch(5, [f"C{i}-USDT" for i in range(30)], 50, 0)
        assert len(await Quarters(house.bot.market, store)._coins()) == MAX_COINS


async def test_old_quarters_are_forgotten(tmp_path: Path) -> None:
    store = await open_store(fresh_url("sqlite", tmp_path))
    await store.keep_quarters(quarters_of("okx", "BTC", [], END - 30 * 4 * QUARTER_MS, END))
    await store.prune(END)
    assert min(each.quarter_ms for each in await store.quarters("BTC", 0)) == END - 26 * 4 * QUARTER_MS
    await store.close()
