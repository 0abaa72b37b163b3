"""A tick from claim to outbox, over SQLite and markets that say what they are told to."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest
from alerting import DAY_MS, FakeQuotes, an_alert, candles

from answers.judging import HOUR_MS, MINUTE_MS, Holding, Rule
from exchanges.errors import Reason, Unavailable
from exchanges.words import Candles
from store.connect import open_store
from store.scripts import SqlStore
from store.words import ARMED, DONE, PAUSED, Alert, Limits, Message, Overtaken, Unreachable
from watchman import ticker
from watchman.figures import Held
from watchman.ticked import Ticked
from watchman.ticker import Ticker

T = TypeVar("T")
T0 = 1_700_000_000_000 // DAY_MS * DAY_MS
BTC = Rule("price", "up", 100.0, exchange="binance", kind="perp", symbol="BTC-USDT")


class House:
    """A store, markets and a ticker. Time is `now_ms`."""

    def __init__(self, store: SqlStore, **options: Any) -> None:
        self.store, self.quotes, self.now_ms = store, FakeQuotes(), T0
        self.ticker = Ticker(store, self.quotes, **options)

    async def set(self, rule: Rule, figure: float | None, **fields: Any) -> Alert:
        alert, _ = await self.store.add_alert(
            an_alert(rule, figure, self.now_ms, **fields), Limits(10**6, 10**6, 10**6)
        )
        return alert

    async def tick(self, after_ms: int = 10_000, price: float | None = None) -> Ticked:
        self.now_ms += after_ms
        if price is not None:
            self.quotes.price["BTC-USDT"] = price
        return await self.ticker.tick(self.now_ms)

    async def fired(self, chat_id: int = 5) -> list[dict[str, Any]]:
        """The facts of all that waits."""
        return [orjson.loads(each.facts) for each in await self.store.due_messages(chat_id, 999, 10**15)]

    def restarted(self) -> None:
        """A new process on the same store and markets."""
        self.ticker = Ticker(self.store, self.quotes)


def in_house(tmp_path: Path, act: Callable[[House], Coroutine[Any, Any, T]], **options: Any) -> T:
    async def acted() -> T:
        store = await open_store(f"{tmp_path}/bot.db")
        try:
            return await act(House(store, **options))
        finally:
            await store.close()

    return asyncio.run(acted())


def test_a_price_crosses_its_level(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.set(BTC, 99.0)
        assert (await house.tick(price=99.9)).n_fired == 0
        assert (await house.tick(price=100.2)).n_fired == 1
        assert (await house.tick(price=100.3)).n_fired == 0
        (facts,) = await house.fired()
        assert facts["event"] == "fired"
        assert facts["firing"]["at_ms"] == T0 + 20_000
        assert (facts["last"], facts["rule"]["symbol"]) == (100.2, "BTC-USDT")
        alert = await house.store.alert("alert0001")
        assert alert is not None
        assert (alert.status, alert.n_fired) == (DONE, 1)

    in_house(tmp_path, act)


def test_two_machines_judge_one_tick_once(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        other = Ticker(house.store, house.quotes)
        await house.set(replace(BTC, times=0), 99.0)
        house.quotes.price["BTC-USDT"] = 101.0
        both = await asyncio.gather(house.ticker.tick(T0 + 10_000), other.tick(T0 + 10_000))
        assert sorted(each.is_claimed for each in both) == [False, True]
        assert len(await house.fired()) == 1

    in_house(tmp_path, act)


def test_a_tick_that_died_behind_its_claim_is_judged_by_the_next(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.set(BTC, 99.0)
        house.quotes.price["BTC-USDT"] = 101.0
        await house.store.claim_tick(ticker.NAME, 10_000, T0 + 10_000)
        house.now_ms += 10_000
        assert (await house.tick()).n_fired == 1

    in_house(tmp_path, act)


def test_a_tick_that_took_too_long_leaves_nothing(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.set(BTC, 99.0)
        ask = house.quotes.prices

        async def slow(*of: Any) -> Any:
            await house.store.claim_tick(ticker.NAME, 10_000, T0 + 20_000)
            return await ask(*of)

        house.quotes.prices = slow  # type: ignore[assignment, method-assign]
        with pytest.raises(Overtaken):
            await house.tick(price=101.0)
        assert await house.fired() == []

    in_house(tmp_path, act)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_clock_that_was_an_hour_ahead_and_is_set_right_holds_up_nothing(tmp_path: Path, is_restarted: bool) -> None:
    async def act(house: House) -> None:
        await house.tick(price=99.0)
        await house.tick(3_600_000)
        await house.set(BTC, 99.0)  # by the clock that is ahead
        await house.tick()
        if is_restarted:
            house.restarted()
        assert (await house.tick(-3_600_000, price=99.5)).n_alerts == 1
        assert (await house.tick(price=100.5)).n_fired == 1
        (facts,) = await house.fired()
        assert facts["firing"]["at_ms"] == house.now_ms

    in_house(tmp_path, act)


def test_a_clock_that_goes_back_by_seconds_judges_no_tick_twice(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.set(BTC, 99.0)
        await house.tick(price=99.5)
        assert not (await house.tick(-20_000)).is_claimed
        assert (await house.tick(30_000)).is_claimed

    in_house(tmp_path, act)


# What is asked.


def test_one_list_for_each_exchange_and_kind(tmp_path: Path) -> None:
    async def act(house: House) -> Ticked:
        for number in range(200):
            exchange, kind = ("binance", "okx", "bybit")[number % 3], ("perp", "spot")[number % 2]
            rule = replace(BTC, level=1000.0 + number, exchange=exchange, kind=kind, symbol=f"C{number % 40}-USDT")
            house.quotes.price[rule.symbol] = 50.0
            await house.set(rule, 50.0, number=number)
        await house.tick(MINUTE_MS)
        house.quotes.asked.clear()
        return await house.tick(MINUTE_MS)

    ticked = in_house(tmp_path, act)
    assert (ticked.n_alerts, ticked.n_requests) == (200, 6)


def test_nothing_is_asked_when_nothing_is_set(tmp_path: Path) -> None:
    assert in_house(tmp_path, lambda house: house.tick()).n_requests == 0


def test_what_is_slow_is_asked_once_a_minute(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        for number, measure in enumerate(("funding", "basis", "change", "oi")):
            await house.set(replace(BTC, measure=measure, window_ms=HOUR_MS * (measure == "oi")), 1.0, number=number)
        for _ in range(12):
            await house.tick()
        return house.quotes.asked

    asked = in_house(tmp_path, act)
    assert sorted(asked) == sorted(
        ["fundings binance", "bases binance", "changes binance perp", "interests binance"] * 3
    )


def test_candles_are_asked_when_they_have_closed(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        house.quotes.closed["BTC-USDT 15m"] = candles("BTC-USDT", "15m", [(T0 - 900_000, 1.0, 1.0, 1.0)])
        await house.set(replace(BTC, measure="rsi", level=30.0, window_ms=15 * MINUTE_MS), 40.0)
        await house.tick()
        house.quotes.asked.clear()
        for _ in range(6 * 30):
            await house.tick()
        return house.quotes.asked

    assert in_house(tmp_path, act) == ["candles binance BTC-USDT 15m"] * 2


def test_candles_that_did_not_come_are_asked_again(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        house.quotes.closed["BTC-USDT 4h"] = candles("BTC-USDT", "4h", [(T0 - 4 * HOUR_MS, 1.0, 1.0, 1.0)])
        house.quotes.down.add("binance")
        await house.set(replace(BTC, measure="rsi", level=30.0, window_ms=4 * HOUR_MS), 40.0)
        await house.tick()
        house.quotes.down.clear()
        for _ in range(12):
            await house.tick()
        return house.quotes.asked

    assert len(in_house(tmp_path, act)) == 2


# What fails.


def test_no_other_exchange_stands_in(tmp_path: Path) -> None:
    async def act(house: House) -> Ticked:
        house.quotes.down.add("binance")
        await house.set(BTC, 99.0)
        await house.set(replace(BTC, exchange="okx"), 99.0, number=2)
        return await house.tick(price=101.0)

    ticked = in_house(tmp_path, act)
    assert (ticked.n_fired, ticked.failed) == (1, {"price binance perp": Reason.UNREACHABLE})


def test_a_question_that_hangs_holds_up_nothing(tmp_path: Path) -> None:
    async def act(house: House) -> Ticked:
        ask = house.quotes.prices

        async def hangs(exchange: str, kind: str, symbols: Any) -> Any:
            if exchange == "binance":
                await asyncio.Event().wait()
            return await ask(exchange, kind, symbols)

        house.quotes.prices = hangs  # type: ignore[method-assign]
        await house.set(BTC, 99.0)
        await house.set(replace(BTC, exchange="okx"), 99.0, number=2)
        return await house.tick(price=101.0)

    assert in_house(tmp_path, act, ask_s=0.05).n_fired == 1


def test_a_symbol_that_was_delisted_never_rings(tmp_path: Path) -> None:
    async def act(house: House) -> Ticked:
        await house.set(BTC, 99.0)
        return await house.tick()

    assert in_house(tmp_path, act).n_fired == 0


# Wicks and missed time.


def test_a_market_that_is_silent_for_long_is_told_of_once(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.set(BTC, 99.0)
        await house.set(replace(BTC, symbol="GONE-USDT"), 99.0, number=2, chat_id=6)
        await house.tick(price=99.9)
        for _ in range(20):
            await house.tick(MINUTE_MS, price=99.9)
        assert await house.fired() == []
        (gone,) = await house.fired(6)
        assert (gone["event"], gone["exchange"], gone["symbol"]) == ("silent", "binance", "GONE-USDT")
        house.quotes.down.add("binance")
        for _ in range(30):
            await house.tick(MINUTE_MS)
        (failing,) = await house.fired()
        assert (failing["event"], failing["symbol"]) == ("silent", "")
        house.restarted()
        for _ in range(20):
            await house.tick(MINUTE_MS)
        assert len(await house.fired()) == 1

    in_house(tmp_path, act)


LIQUIDATIONS = Rule("liquidations", "up", 5e6, 15 * MINUTE_MS, exchange="okx", kind="perp", symbol="BTC-USDT")


def test_a_market_of_which_an_exchange_that_answers_tells_no_liquidations(tmp_path: Path) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(LIQUIDATIONS, 0.0)
        await house.set(replace(LIQUIDATIONS, symbol="GONE-USDT"), 0.0, number=2)
        house.quotes.liquidated = {"BTC-USDT 15m": 1.0}
        for _ in range(6 * 20):
            await house.tick()
        return await house.fired()

    (gone,) = in_house(tmp_path, act)
    assert (gone["event"], gone["source"], gone["exchange"], gone["symbol"]) == ("silent", "liqs", "okx", "GONE-USDT")


def test_what_is_asked_once_a_minute_is_not_silent_in_between(tmp_path: Path) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        for number, symbol in enumerate(("BTC-USDT", "GONE-USDT")):
            await house.set(replace(BTC, measure="funding", level=0.05, symbol=symbol), 0.01, number=number)
        house.quotes.funding["BTC-USDT"] = 0.01
        for _ in range(6 * 20):
            await house.tick(price=99.0)
        return await house.fired()

    (gone,) = in_house(tmp_path, act)
    assert (gone["source"], gone["symbol"]) == ("funding", "GONE-USDT")


def test_candles_that_do_not_come_for_long_are_told_of(tmp_path: Path) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        for number, measure in enumerate(("rsi", "volume")):
            await house.set(replace(BTC, measure=measure, level=30.0, window_ms=HOUR_MS), 40.0, number=number)
        house.quotes.down.add("binance")
        for _ in range(200):
            await house.tick(MINUTE_MS)
        return await house.fired()

    (silent,) = in_house(tmp_path, act)
    assert (silent["event"], silent["exchange"], silent["symbol"]) == ("silent", "binance", "")


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (None, [""]),
        (Held(), ["key"]),
        (Held((), (), ("binance", "okx")), ["binance", "okx"]),
        (Held((), ("binance",), ("okx",)), ["okx"]),
        (Held((), ("binance", "okx")), []),
    ],
)
def test_positions_that_are_not_told_for_long_are_told_of(held: Held | None, told: list[str], tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.set(Rule("liquidation", "down", 10.0), None)
        await house.set(Rule("liquidation", "down", 10.0), None, number=2)
        if held is None:
            house.quotes.down.add("accounts")
        else:
            house.quotes.own = held
        for _ in range(200):
            await house.tick(MINUTE_MS)
        return [facts["exchange"] for facts in await house.fired() if facts["source"] == "positions"]

    assert sorted(in_house(tmp_path, act)) == told


def test_silence_is_told_when_it_could_not_be_stored_at_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        async def fails(message: Message) -> bool:
            raise Unreachable("gone")

        await house.set(BTC, 99.0)
        for _ in range(15):
            await house.tick(MINUTE_MS)
        with monkeypatch.context() as patch:
            patch.setattr(house.store, "add_message", fails)
            with pytest.raises(Unreachable):
                await house.tick(MINUTE_MS)
        await house.tick(MINUTE_MS)
        return await house.fired()

    assert len(in_house(tmp_path, act)) == 1


def minute(after: int, low: float, high: float, close: float) -> tuple[int, float, float, float]:
    return T0 + after * MINUTE_MS, low, high, close


def test_a_wick_between_two_ticks_near_the_level(tmp_path: Path) -> None:
    async def act(house: House) -> dict[str, Any]:
        await house.set(BTC, 99.0)
        await house.tick(price=99.5)
        house.quotes.minutes["BTC-USDT"] = [minute(0, 99.0, 100.4, 99.6)]
        assert (await house.tick(MINUTE_MS, price=99.6)).n_fired == 1
        (facts,) = await house.fired()
        return facts

    facts = in_house(tmp_path, act)
    assert (facts["firing"]["at_ms"], facts["firing"]["value"], facts["last"]) == (T0, 100.0, 99.6)
    assert "late_ms" not in facts


def test_far_from_its_level_no_candles_are_read(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.set(BTC, 90.0)
        await house.tick(price=90.0)
        await house.tick(MINUTE_MS)
        return house.quotes.asked

    assert set(in_house(tmp_path, act)) == {"prices binance perp"}


def test_what_crossed_while_it_slept_is_told_late_and_once(tmp_path: Path) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(replace(BTC, times=0), 95.0)
        await house.tick(price=95.0)
        house.quotes.minutes["BTC-USDT"] = [minute(i, 95.0, 101.0 if i == 70 else 95.5, 95.2) for i in range(180)]
        house.restarted()
        await house.tick(180 * MINUTE_MS, price=95.2)
        house.restarted()
        await house.tick(MINUTE_MS, price=95.2)
        return await house.fired()

    (facts,) = in_house(tmp_path, act)
    assert facts["firing"]["at_ms"] == T0 + 70 * MINUTE_MS
    assert facts["late_ms"] == 110 * MINUTE_MS + 10_000


def crossed_in_a_gap(house: House, after: int = 70) -> None:
    house.quotes.minutes["BTC-USDT"] = [minute(i, 95.0, 101.0 if i == after else 95.5, 95.2) for i in range(180)]


@pytest.mark.parametrize("n_failures", [1, 5])
@pytest.mark.parametrize("is_armed", [True, False])
def test_candles_of_a_gap_that_do_not_come_are_asked_for_again(is_armed: bool, n_failures: int, tmp_path: Path) -> None:
    """Also for a level from which the price had yet to come back, which it did before it crossed it."""

    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(replace(BTC, times=0), 95.0 if is_armed else 100.1)
        await house.tick(price=95.0 if is_armed else 100.1)
        house.quotes.asked.clear()
        crossed_in_a_gap(house)
        house.quotes.without_candles.add("binance")
        await house.tick(180 * MINUTE_MS, price=95.2)
        for _ in range(6 * n_failures - 2):
            await house.tick(price=95.2)
        assert await house.fired() == []
        assert house.quotes.asked.count("candles binance BTC-USDT 1m") == n_failures
        house.quotes.without_candles.clear()
        for _ in range(12):
            await house.tick(price=95.2)
        return await house.fired()

    (facts,) = in_house(tmp_path, act)
    assert facts["firing"]["at_ms"] == T0 + 70 * MINUTE_MS
    assert facts["late_ms"] == (110 + n_failures) * MINUTE_MS


def test_candles_of_a_gap_that_never_come_are_given_up_and_told_of(tmp_path: Path) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(BTC, 95.0)
        await house.set(BTC, 95.0, number=2, chat_id=6)
        await house.tick(price=95.0)
        house.quotes.without_candles.add("binance")
        await house.tick(180 * MINUTE_MS, price=95.2)
        for _ in range(60):
            await house.tick(MINUTE_MS, price=95.2)
        assert house.quotes.asked.count("candles binance BTC-USDT 1m") == 16
        (missed,) = await house.fired()
        assert await house.fired(6) == [missed]
        assert (missed["event"], missed["symbol"]) == ("missed", "BTC-USDT")
        assert (missed["from_ms"], missed["to_ms"]) == (T0 + 10_000, T0 + 180 * MINUTE_MS + 10_000)
        assert (await house.tick(price=101.0)).n_fired == 2
        return await house.fired()

    in_house(tmp_path, act)


@pytest.mark.parametrize("n_days", [0, 2])
def test_where_nothing_was_traded_nothing_was_crossed(n_days: int, tmp_path: Path) -> None:
    """Of the last day, that is: what was before, nobody says."""

    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(BTC, 95.0)
        await house.tick(price=95.0)
        house.quotes.quiet.add("binance")
        await house.tick(n_days * DAY_MS + 180 * MINUTE_MS, price=95.2)
        for _ in range(20):
            await house.tick(MINUTE_MS, price=95.2)
        return await house.fired()

    assert [each["event"] for each in in_house(tmp_path, act)] == ["missed"] * (n_days > 1)


def test_what_rings_waits_for_no_candles(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.set(replace(BTC, times=0), 95.0)
        await house.tick(price=95.0)
        crossed_in_a_gap(house)
        house.quotes.without_candles.add("binance")
        assert (await house.tick(180 * MINUTE_MS, price=101.0)).n_fired == 1
        house.quotes.without_candles.clear()
        assert (await house.tick(MINUTE_MS, price=101.0)).n_fired == 0

    in_house(tmp_path, act)


def test_what_was_seen_counts_when_it_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        async def fails(*of: Any) -> int:
            raise Unreachable("gone")

        await house.set(BTC, 95.0)
        await house.tick(price=95.0)
        crossed_in_a_gap(house)
        with monkeypatch.context() as patch:
            patch.setattr(house.store, "store_tick", fails)
            with pytest.raises(Unreachable):
                await house.tick(180 * MINUTE_MS, price=95.2)
        await house.tick(price=95.2)
        return await house.fired()

    (facts,) = in_house(tmp_path, act)
    assert facts["firing"]["at_ms"] == T0 + 70 * MINUTE_MS


def test_what_crossed_when_it_slept_as_soon_as_it_was_set(tmp_path: Path) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(BTC, 99.0)
        house.quotes.minutes["BTC-USDT"] = [minute(i, 95.0, 101.0 if i == 2 else 95.5, 95.2) for i in range(9)]
        await house.tick(9 * MINUTE_MS, 95.2)
        return await house.fired()

    (facts,) = in_house(tmp_path, act)
    assert (facts["firing"]["at_ms"], facts["late_ms"]) == (T0 + 2 * MINUTE_MS, 7 * MINUTE_MS)


def test_an_exchange_that_was_down_is_made_up_for(tmp_path: Path) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(BTC, 95.0)
        await house.tick(price=95.0)
        house.quotes.down.add("binance")
        for _ in range(10):
            await house.tick(MINUTE_MS)
        house.quotes.down.clear()
        house.quotes.minutes["BTC-USDT"] = [minute(i, 95.0, 101.0 if i == 4 else 95.5, 95.2) for i in range(10)]
        await house.tick(price=95.2)
        return await house.fired()

    (facts,) = in_house(tmp_path, act)
    assert facts["firing"]["at_ms"] == T0 + 4 * MINUTE_MS


@pytest.mark.parametrize("n_failing", [0, 1, 2])
@pytest.mark.parametrize("page", [1, 500])
@pytest.mark.parametrize("number", [1, 3])
def test_a_younger_alert_hides_no_gap_from_an_older_one(
    number: int, page: int, n_failing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be read first, and be on a page before; and what reaches back so far may fail a few times."""

    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(BTC, 95.0, number=2)
        await house.tick(price=95.0)
        house.quotes.down.add("binance")
        for i in range(40):
            await house.tick(MINUTE_MS)
            if i == 36:
                await house.set(replace(BTC, level=150.0), 95.0, number=number)
        house.quotes.down.clear()
        house.quotes.minutes["BTC-USDT"] = [minute(i, 95.0, 101.0 if i == 4 else 95.5, 95.2) for i in range(40)]
        candles, left = house.quotes.candles, [Unavailable("binance", "slow")] * n_failing

        async def failing(exchange: str, kind: str, symbol: str, interval: str, n: int) -> Candles:
            if n > 20 and left:
                raise left.pop()
            return await candles(exchange, kind, symbol, interval, n)

        monkeypatch.setattr(house.quotes, "candles", failing)
        for _ in range(2 + 2 * n_failing):
            await house.tick(MINUTE_MS if n_failing else 10_000, price=95.2)
        return [each for each in await house.fired() if each["event"] == "fired"]

    (facts,) = in_house(tmp_path, act, page=page)
    assert facts["firing"]["at_ms"] == T0 + 4 * MINUTE_MS


def test_a_second_gap_is_one_of_its_own(tmp_path: Path) -> None:
    """Its candles are asked for at once, and not given up because those of the first were asked for long ago."""

    async def act(house: House) -> None:
        await house.set(replace(BTC, times=0), 95.0)
        await house.tick(price=95.0)
        crossed_in_a_gap(house)
        await house.tick(180 * MINUTE_MS, price=95.2)
        for _ in range(20):
            await house.tick(MINUTE_MS, price=95.2)
        house.quotes.without_candles.add("binance")
        await house.tick(10 * MINUTE_MS, price=95.2)
        house.quotes.minutes["BTC-USDT"] = [minute(i, 95.0, 101.0 if i == 205 else 95.5, 95.2) for i in range(210)]
        house.quotes.without_candles.clear()
        await house.tick(MINUTE_MS, price=95.2)
        moments = [each["firing"]["at_ms"] for each in await house.fired()]
        assert moments == [T0 + 70 * MINUTE_MS, T0 + 205 * MINUTE_MS]

    in_house(tmp_path, act)


def test_a_window_is_filled_from_candles_after_a_start(tmp_path: Path) -> None:
    rule = Rule("move", "down", 3.0, 15 * MINUTE_MS, exchange="binance", kind="perp", symbol="BTC-USDT")

    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(rule, 95.0)
        await house.tick(price=95.0)
        house.restarted()
        house.quotes.minutes["BTC-USDT"] = [minute(i, 95.0, 110.0, 100.0 if i == 25 else 96.0) for i in range(30)]
        await house.tick(30 * MINUTE_MS, price=96.9)
        return await house.fired()

    (facts,) = in_house(tmp_path, act)
    assert (facts["firing"]["reference"], facts["firing"]["reference_ms"]) == (
        100.0,
        T0 + 26 * MINUTE_MS,
    )  # that candle's end


def test_the_owner_is_told_once_that_the_bot_slept(tmp_path: Path) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(BTC, 95.0)
        for after_ms in (10_000, HOUR_MS, 10_000, HOUR_MS):
            await house.tick(after_ms, price=95.0)
        return await house.fired(chat_id=7)

    (facts,) = in_house(tmp_path, act, owner=7)
    assert facts == {"event": "slept", "from_ms": T0 + 10_000, "to_ms": T0 + 10_000 + HOUR_MS}


# Other kinds.


def test_open_interest_within_an_hour(tmp_path: Path) -> None:
    rule = Rule("oi", "up", 5.0, HOUR_MS, exchange="binance", kind="perp", symbol="BTC-USDT")

    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(rule, 100.0)
        for figure in (101.0, 104.0, 105.1):
            house.quotes.open_interest["BTC-USDT"] = figure
            await house.tick(MINUTE_MS)
        return await house.fired()

    (facts,) = in_house(tmp_path, act)
    assert facts["firing"]["reference"] == 100.0


def test_open_interest_of_before_a_restart_is_told_every_five_minutes_and_asked_once(tmp_path: Path) -> None:
    rule = Rule("oi", "down", 5.0, HOUR_MS, exchange="binance", kind="perp", symbol="BTC-USDT")

    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(rule, 100.0)
        house.quotes.interest_history = [(T0 + i * 5 * MINUTE_MS, 107.0 if i == 4 else 101.0) for i in range(1, 7)]
        house.quotes.open_interest["BTC-USDT"] = 102.0
        house.restarted()
        await house.tick(35 * MINUTE_MS)
        house.quotes.open_interest["BTC-USDT"] = 101.0
        await house.tick(MINUTE_MS)
        assert house.quotes.asked.count("interest history binance BTC-USDT") == 1
        return await house.fired()

    (facts,) = in_house(tmp_path, act)
    assert (facts["firing"]["reference"], facts["firing"]["reference_ms"]) == (107.0, T0 + 20 * MINUTE_MS)


def test_rsi_and_volume_of_the_candle_that_closed(tmp_path: Path) -> None:
    async def act(house: House) -> int:
        rows = [(T0 + (i - 60) * 900_000, 1.0, 1.0, 100.0 + i % 2) for i in range(60)]
        house.quotes.closed["BTC-USDT 15m"] = candles("BTC-USDT", "15m", rows)
        for number, (measure, level) in enumerate((("rsi", 30.0), ("volume", 300.0))):
            rule = replace(BTC, measure=measure, level=level, direction="", window_ms=15 * MINUTE_MS)
            await house.set(rule, 50.0 if measure == "rsi" else 0.0, number=number)
        await house.tick()
        fallen = [*rows, *((T0 + i * 900_000, 1.0, 1.0, 90.0 - i * 9) for i in range(3))]
        closed = candles("BTC-USDT", "15m", fallen)
        house.quotes.closed["BTC-USDT 15m"] = closed._replace(volume=array("d", [1.0] * 62 + [4.5]))
        return (await house.tick(45 * MINUTE_MS)).n_fired

    assert in_house(tmp_path, act) == 2


def test_liquidations_within_a_quarter_of_an_hour(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        rule = Rule("liquidations", "up", 5e6, 15 * MINUTE_MS, exchange="okx", kind="perp", symbol="BTC-USDT", times=0)
        await house.set(rule, 1e6)
        for dollars, n_fired in ((4e6, 0), (6e6, 1), (7e6, 0), (3e6, 0), (5e6, 0), (2e6, 0), (5.5e6, 1)):
            house.quotes.liquidated["BTC-USDT 15m"] = dollars
            assert (await house.tick(MINUTE_MS)).n_fired == n_fired, dollars
        assert set(house.quotes.asked) == {"liquidations okx"}

    in_house(tmp_path, act)


def test_a_gap_between_two_exchanges(tmp_path: Path) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(replace(BTC, measure="spread", level=20.0), 3.0)
        for bps in (19.0, 21.0, 30.0):
            house.quotes.gap["BTC-USDT"] = bps
            await house.tick(MINUTE_MS)
        assert set(house.quotes.asked) == {"spreads binance perp"}
        return await house.fired()

    (facts,) = in_house(tmp_path, act)
    assert (facts["firing"]["value"], facts["firing"]["items"]) == (21.0, ["OKX asks 100, Binance bids 101"])


def test_own_positions(tmp_path: Path) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(Rule("liquidation", "down", 10.0), None)
        house.quotes.own = Held((Holding("okx BTC long", "BTC long OKX", 900.0, 8.0, -40.0),), ("okx",))
        await house.tick()
        return await house.fired()

    (facts,) = in_house(tmp_path, act)
    assert facts["firing"]["items"] == ["BTC long OKX  8.0 %"]


def test_a_timer(tmp_path: Path) -> None:
    async def act(house: House) -> list[int]:
        await house.set(replace(BTC, measure="timer", direction="", window_ms=HOUR_MS, times=0), None)
        for _ in range(3 * 60):
            await house.tick(MINUTE_MS, price=100.0)
        return [facts["firing"]["at_ms"] for facts in await house.fired()]

    assert in_house(tmp_path, act) == [T0 + HOUR_MS, T0 + 2 * HOUR_MS, T0 + 3 * HOUR_MS]


# Ends.


def test_it_ends_by_itself(tmp_path: Path) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(BTC, 99.0, life_ms=HOUR_MS)
        await house.tick(HOUR_MS - 1, price=99.0)
        assert await house.fired() == []
        await house.tick(price=101.0)
        return await house.fired()

    assert [facts["event"] for facts in in_house(tmp_path, act)] == ["expired"]


def test_three_times_and_no_more(tmp_path: Path) -> None:
    async def act(house: House) -> int:
        await house.set(replace(BTC, times=3), 99.0)
        for _ in range(10):
            await house.tick(price=101.0)
            await house.tick(price=99.0)
        return len(await house.fired())

    assert in_house(tmp_path, act) == 3


def test_one_that_rings_too_often_is_paused_and_says_so(tmp_path: Path) -> None:
    async def act(house: House) -> list[dict[str, Any]]:
        await house.set(replace(BTC, times=0), 99.0)
        for _ in range(30):
            await house.tick(price=101.0)
            await house.tick(price=99.0)
        alert = await house.store.alert("alert0001")
        assert alert is not None
        assert alert.status == PAUSED
        return await house.fired()

    facts = in_house(tmp_path, act)
    assert [each.get("is_paused", False) for each in facts] == [False] * 14 + [True]


def test_one_without_a_state_begins_at_what_is_seen_first(tmp_path: Path) -> None:
    async def act(house: House) -> int:
        alert = await house.set(BTC, 99.0)
        await house.store.change_alert(alert._replace(state=""), Limits())
        assert (await house.tick(price=101.0)).n_fired == 0
        assert (await house.tick(price=99.0)).n_fired == 0
        return (await house.tick(price=101.0)).n_fired

    assert in_house(tmp_path, act) == 1


def test_one_that_rests_is_not_judged_and_begins_anew(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.set(BTC, 99.0)
        await house.set(replace(BTC, symbol="ETH-USDT"), 99.0, number=2)
        await house.set(replace(BTC, symbol="ETH-USDT"), 99.0, number=3, chat_id=6)
        house.quotes.price["ETH-USDT"] = 101.0
        assert (await house.tick(price=101.0)).n_fired == 1
        assert await house.fired() == []
        await house.tick()
        house.quotes.asked.clear()
        await house.tick()
        assert house.quotes.asked == []
        await house.set(BTC, 99.0, number=4, chat_id=6)
        assert [(await house.tick()).n_fired for _ in range(2)] == [0, 1]
        house.restarted()
        for price, n_fired in ((101.0, 0), (99.0, 0), (101.0, 1)):
            assert (await house.tick(price=price)).n_fired == n_fired

    in_house(tmp_path, act, rests=lambda alert: alert.chat_id == 5)


@pytest.mark.parametrize("is_gap", [True, False])
def test_one_that_rang_and_was_switched_on_again_sees_wicks_and_gaps(tmp_path: Path, is_gap: bool) -> None:
    async def act(house: House) -> None:
        await house.set(BTC, 99.0)
        await house.tick(price=101.0)
        rung = await house.store.alert("alert0001")
        assert rung is not None
        assert rung.status == DONE
        await house.store.change_alert(rung._replace(status=ARMED, state=""), Limits())
        await house.tick(price=95.0 if is_gap else 99.5)
        if is_gap:
            crossed_in_a_gap(house)
            assert (await house.tick(180 * MINUTE_MS, price=95.2)).n_fired == 1
        else:
            house.quotes.minutes["BTC-USDT"] = [minute(0, 99.0, 99.6, 99.5), minute(1, 99.0, 100.4, 99.6)]
            assert (await house.tick(MINUTE_MS, price=99.6)).n_fired == 0
            assert (await house.tick(MINUTE_MS, price=99.6)).n_fired == 1
        assert len(await house.fired()) == 2

    in_house(tmp_path, act)


def test_pages(tmp_path: Path) -> None:
    async def act(house: House) -> Ticked:
        for number in range(30):
            await house.set(replace(BTC, symbol=f"C{number % 4}"), 99.0, number=number)
            house.quotes.price[f"C{number % 4}"] = 110.0
        return await house.tick()

    ticked = in_house(tmp_path, act, page=7)
    assert (ticked.n_alerts, ticked.n_fired, ticked.n_requests) == (30, 30, 1)
