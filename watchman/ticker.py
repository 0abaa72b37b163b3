"""What is due now: alerts are judged, and what rang is sent. One function, `Ticker.tick`, for whoever keeps the time: a
loop, a schedule, or a request.

A tick is claimed first (store), so that of several machines one judges it. Then:

    needs      what has to be asked for all armed alerts: one list for each exchange and kind, not one for each alert
    figures    asked side by side, until ASK_S; what did not come is not judged now, and no other exchange stands in
    candles    of one minute, for prices near a level (wicks), after a gap, and for windows that have a hole
    judging    page by page, so that thousands of alerts are never in memory at once
    store      states, firings and what was seen in one transaction; a tick that another has overtaken leaves nothing

A tick that dies anywhere in between is judged by the next one: what an alert has seen stands in its own row. Every
ten seconds prices are looked at; every minute also the rest.

Memory: one page of alerts while a tick lasts, and for every market watched its last moment and windows (windows.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

import orjson

import indicators
from answers.judging import (
    MINUTE_MS,
    Extremes,
    Firing,
    Look,
    Need,
    Rule,
    State,
    candle_figure,
    is_calm,
    is_over,
    judge,
    judge_holdings,
    load_rule,
    load_state,
    margin_of,
    settle,
    window_begin,
)
from answers.silence import Silence
from answers.windows import Window
from exchanges.errors import MarketError
from exchanges.words import INTERVALS, Candles
from store.words import Alert, Claim, Judged, Message, Store
from watchman.figures import Figures, Quotes, Watched, had_no_trades
from watchman.judged import as_judged, expired
from watchman.ticked import PERIOD_MS, Ticked

log = logging.getLogger("bot")

T = TypeVar("T")

NAME = "alerts"  # of the tick in the store
ASK_S = 6.0  # below the period: a tick is over before the next one is claimed
PAGE = 500  # alerts in memory at once
NEAR = 0.01  # of a level: there the candles of the last minutes are read for wicks
NEAR_CANDLES = 16  # enough for the average true range of 14
GAP_MS = 60_000  # not looked for longer: candles tell what was missed
GIVEN_UP_MS = 15 * MINUTE_MS  # candles of a gap that have not come by then will not: it goes on with the price of now
MAX_CANDLES = 1000
LATE_CANDLE_MS = 2 * MINUTE_MS  # a candle that was judged when it closed is looked at again: exchanges mend the last
SLEPT_MS = 3 * MINUTE_MS  # without a tick: the owner is told
LISTED = ("change", "funding", "oi", "basis", "spread", "liqs")  # of many symbols by one question, every minute
HOLE_MS = 11 * MINUTE_MS  # in open interest, whose past is told every five minutes, one of which may be on its way
HOLE_OF_HOURS_MS = 71 * MINUTE_MS  # in a window that reaches back to where it is told every hour
FINE_MS = 8 * 60 * MINUTE_MS
FIGURE_CANDLES = 120  # for RSI and for what volume is normal


class Parsed(NamedTuple):
    """An alert as it is judged."""

    alert: Alert
    rule: Rule
    state: State | None


class Ticker:
    """Judges what is due. owner: who is told when the bot has slept; None for nobody.

    rests: whether nobody may hear of an alert now. It is not judged, and begins anew when somebody may.
    """

    def __init__(
        self,
        store: Store,
        quotes: Quotes,
        *,
        owner: int | None = None,
        rests: Callable[[Alert], bool] = lambda alert: False,
        period_ms: int = PERIOD_MS,
        page: int = PAGE,
        ask_s: float = ASK_S,
    ) -> None:
        self._page, self._ask_s, self._rests = page, ask_s, rests
        self._store, self._quotes, self._owner, self._period_ms = store, quotes, owner, period_ms
        self._watched: dict[str, Watched] = {}
        self._resting: set[str] = set()  # needs of nothing but alerts that rest, as of the last tick
        self._owed: set[str] = set()  # candles that have closed and did not come
        self._silence = Silence()
        self.last = Ticked()

    async def tick(self, now_ms: int | None = None) -> Ticked:
        """Judges the tick that now belongs to, if nobody else has. Raises StoreError.

        now_ms: None for the store's clock.
        """
        claim = await self._store.claim_tick(NAME, self._period_ms, now_ms)
        if claim is None:
            return Ticked()
        now_ms = claim.now_ms
        if claim.seen_ms > now_ms:
            claim = self._set_right(claim)
        ticked = Ticked(True, now_ms, now_ms - claim.seen_ms if claim.seen_ms else 0)
        needs = {text: Need(*text.split(" ")) for text in await self._store.needs() if text not in self._resting}
        self._remember(needs, claim)
        is_minute = now_ms // MINUTE_MS > claim.seen_ms // MINUTE_MS
        figures = await self._ask(needs, claim, is_minute)
        judged = [each async for each in self._judge_all(figures, is_minute, now_ms, ticked)]
        await self._tell_of_sleep(ticked)
        seen = self._seen(figures, is_minute, now_ms)
        if judged or is_minute:
            text = orjson.dumps(seen).decode() if is_minute else ""
            ticked.n_fired = await self._store.store_tick(claim, text, judged, now_ms)
        self._note(figures, seen, now_ms)
        for message in self._silence.messages():
            await self._store.add_message(message)
            self._silence.was_told(message)
        ticked.n_requests, ticked.failed = figures.n_requests, figures.failed
        self.last = ticked
        return ticked

    def _set_right(self, claim: Claim) -> Claim:
        """The clock was ahead and is right again: what is known of times to come is forgotten, and looked at anew."""
        log.warning("the clock went back by %d s", (claim.seen_ms - claim.now_ms) // 1000)
        self._watched.clear()
        self._silence = Silence()
        return claim._replace(seen_ms=claim.now_ms - MINUTE_MS)

    def _remember(self, needs: Mapping[str, Need], claim: Claim) -> None:
        """Forgets markets that nobody watches; takes over what an earlier tick, perhaps another machine's, has seen."""
        seen: dict[str, int] = orjson.loads(claim.seen) if claim.seen else {}
        for text in self._watched.keys() - needs.keys():
            del self._watched[text]
        self._silence.forget(needs)
        for text in needs:
            watched = self._watched.setdefault(text, Watched())
            watched.seen_ms = max(watched.seen_ms, min(seen.get(text, 0), claim.now_ms))

    def _seen(self, figures: Figures, is_minute: bool, now_ms: int) -> dict[str, int]:
        """When each market was looked at last. One whose candles of a gap did not come was not, for some time."""
        seen = {text: each.seen_ms for text, each in self._watched.items()}
        for text in figures.by_need.keys() & seen.keys():
            if not figures.is_owed(text) or (is_minute and self._is_given_up(text, now_ms)):
                seen[text] = now_ms
        return seen

    def _is_given_up(self, text: str, now_ms: int) -> bool:
        """Whether candles of a gap have been asked for in vain for so long that it goes on without."""
        return now_ms - self._watched[text].gap_ms >= GIVEN_UP_MS

    def _note(self, figures: Figures, seen: Mapping[str, int], now_ms: int) -> None:
        """What is stored counts as looked at; what could not be stored is looked at again."""
        for text, seen_ms in seen.items():
            watched = self._watched[text]
            watched.seen_ms, watched.gap_ms = seen_ms, 0 if seen_ms == now_ms else watched.gap_ms
        for text, looks in figures.looks.items():
            if not figures.is_owed(text):  # else older ones have to be judged yet
                self._watched[text].judged_ms = looks[-1].at_ms if looks else 0

    async def _tell_of_sleep(self, ticked: Ticked) -> None:
        """Once a week at most, as the message's number is the week's."""
        if self._owner is None or ticked.gap_ms <= SLEPT_MS or not ticked.n_alerts:
            return
        now_ms, week = ticked.now_ms, ticked.now_ms // (7 * 1440 * MINUTE_MS)
        facts = orjson.dumps({"event": "slept", "from_ms": now_ms - ticked.gap_ms, "to_ms": now_ms}).decode()
        await self._store.add_message(Message("slept", week, self._owner, None, facts, now_ms, now_ms))

    # Asking.

    async def _ask(self, needs: Mapping[str, Need], claim: Claim, is_minute: bool) -> Figures:
        """The figures of all needs that are due, side by side."""
        figures = Figures()
        lists: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for need in needs.values():
            if need.source == "price" or (is_minute and need.source in LISTED):
                lists[need.source, need.exchange, need.kind].append(f"{need.symbol} {need.interval}".strip())
        asking = [self._ask_list(figures, *of, symbols) for of, symbols in lists.items()]
        self._owed &= needs.keys()
        for text, need in needs.items():
            is_new = need.source == "candles" and _has_closed(need.interval, claim.seen_ms, claim.now_ms)
            if is_new or (text in self._owed and is_minute):
                self._owed.add(text)
                figures.asked.add(text)
                asking.append(self._ask_candles(figures, text, need, need.interval, FIGURE_CANDLES))
            elif need.source == "positions" and is_minute:
                asking.append(self._ask_holdings(figures))
        for of, symbols in lists.items():
            figures.asked |= {" ".join((*of, symbol)) for symbol in symbols}
        await _all_in_time(asking, self._ask_s)
        self._owed -= figures.candles.keys()
        figures.told |= figures.by_need.keys() | figures.candles.keys()
        self._silence.listen(figures.asked, figures.told, figures.answered, claim.now_ms)
        return figures

    async def _ask_list(self, figures: Figures, source: str, exchange: str, kind: str, symbols: list[str]) -> None:
        quotes = self._quotes
        figures.n_requests += 1
        try:
            if source == "price":
                found = await quotes.prices(exchange, kind, symbols)
            elif source == "change":
                found = await quotes.changes(exchange, kind, symbols)
            elif source == "spread":
                spreads = await quotes.spreads(exchange, kind, symbols)
                found = {symbol: each.bps for symbol, each in spreads.items()}
                figures.items |= {
                    f"{source} {exchange} {kind} {symbol}": each.sides for symbol, each in spreads.items()
                }
            else:
                asks = {"funding": quotes.fundings, "oi": quotes.open_interests, "basis": quotes.bases}
                ask = {**asks, "liqs": quotes.liquidations}[source]
                found = await ask(exchange, symbols)
        except MarketError as error:
            figures.fail(f"{source} {exchange} {kind}", f"{source} {exchange} {kind}", error)
            return
        figures.answered.add(f"{source} {exchange} {kind}")
        figures.by_need |= {f"{source} {exchange} {kind} {symbol}": figure for symbol, figure in found.items()}

    async def _ask_candles(self, figures: Figures, text: str, need: Need, interval: str, n_candles: int) -> None:
        figures.n_requests += 1
        try:
            candles = await self._quotes.candles(need.exchange, need.kind, need.symbol, interval, n_candles)
        except MarketError as error:
            figures.fail(f"candles {text}", f"candles {need.exchange} {need.kind}", error)
            return
        figures.answered.add(f"candles {need.exchange} {need.kind}")
        figures.candles[text] = candles

    async def _ask_holdings(self, figures: Figures) -> None:
        figures.asked.add("positions")
        try:
            figures.hold(await self._quotes.holdings())
        except MarketError as error:
            figures.failed["positions"] = error.reason

    # Judging.

    async def _judge_all(self, figures: Figures, is_minute: bool, now_ms: int, ticked: Ticked) -> AsyncIterator[Judged]:
        """What has changed, page by page."""
        after, n_alerts, needed, resting = ("", ""), self._page, set[str](), set[str]()
        while n_alerts == self._page:
            alerts = await self._store.armed_alerts(after, self._page)
            n_alerts, parsed = len(alerts), list[Parsed]()
            for alert in alerts:
                if not self._rests(alert):
                    state = load_state(alert.state) if alert.state else None
                    if state is not None and state.since_ms > now_ms:
                        state = _not_ahead(state, now_ms)
                    parsed.append(Parsed(alert, load_rule(alert.rule), state))
                elif alert.state:  # as of a chat that comes back: nothing old rings
                    yield Judged(alert, alert.status, "")
            needed |= {each.alert.need for each in parsed}
            if len(parsed) < len(alerts):
                resting |= {each.need for each in alerts}
            await self._read_minutes(parsed, figures, is_minute, now_ms)
            unheard = self._silence.needs(now_ms) | figures.gaps.keys() if is_minute else set[str]()  # of few alerts
            for each in parsed:
                if each.alert.need in unheard:
                    self._hear(each, figures, now_ms)
                judged = self._judge(each, figures, now_ms)
                if judged is not None:
                    yield judged
            ticked.n_alerts += len(parsed)
            after = (alerts[-1].need, alerts[-1].id) if alerts else after
        self._resting = resting - needed

    def _hear(self, each: Parsed, figures: Figures, now_ms: int) -> None:
        """Notes whose alert waits in vain."""
        alert, watched = each.alert, self._watched.get(each.alert.need)
        self._silence.hear(alert, now_ms)
        if watched is not None and _is_owed(each, figures) and self._is_given_up(alert.need, now_ms):
            self._silence.miss(alert, _seen_before(each, watched), watched.gap_ms, now_ms)

    async def _read_minutes(self, page: Sequence[Parsed], figures: Figures, is_minute: bool, now_ms: int) -> None:
        """Candles of one minute for the markets of this page that want them."""
        wanted: dict[str, int] = {}
        for each in page:
            text = each.alert.need
            n_minutes = self._minutes_wanted(each, figures, is_minute, now_ms)
            if n_minutes and n_minutes > figures.reach.get(text, 0):
                wanted[text] = max(wanted.get(text, 0), n_minutes)
        await _all_in_time([self._read_minutes_of(text, n, figures, now_ms) for text, n in wanted.items()], self._ask_s)
        for text in {each.alert.need for each in page} & figures.by_need.keys():
            window = self._watched[text].window
            if window is not None:
                window.add(Look.at(now_ms, figures.by_need[text]))

    def _minutes_wanted(self, each: Parsed, figures: Figures, is_minute: bool, now_ms: int) -> int:
        """How many minutes back the candles should reach; 0 for none. Those of a gap that do not come are asked for
        once a minute."""
        text, rule = each.alert.need, each.rule
        watched, figure = self._watched.get(text), figures.by_need.get(text)
        if watched is None or figure is None or each.state is None:
            return 0
        if rule.measure in ("move", "oi") and rule.window_ms:
            return _refill(watched, rule, each.state, now_ms) if is_minute else 0
        if rule.measure != "price":
            return 0
        seen_ms = _seen_before(each, watched)
        if now_ms - seen_ms > GAP_MS + self._period_ms:
            watched.gap_ms, n_minutes = watched.gap_ms or now_ms, (now_ms - seen_ms) // MINUTE_MS + 2
            figures.gaps[text] = max(figures.gaps.get(text, 0), n_minutes)
            return n_minutes if watched.gap_ms == now_ms or is_minute else 0
        is_near = abs(figure - rule.level) <= NEAR * rule.level
        return NEAR_CANDLES if is_near and is_minute else 0

    async def _read_minutes_of(self, text: str, n_minutes: int, figures: Figures, now_ms: int) -> None:
        need = Need(*text.split(" "))
        if need.source == "oi":
            await self._read_open_interest(text, need, n_minutes, figures)
            return
        interval = "1m" if n_minutes <= MAX_CANDLES else "15m"
        n_candles = min(MAX_CANDLES, max(NEAR_CANDLES, -(-n_minutes * MINUTE_MS // INTERVALS[interval])))
        answer = Figures()
        await self._ask_candles(answer, text, need, interval, n_candles)
        figures.n_requests += answer.n_requests
        figures.failed |= answer.failed
        candles = answer.candles.get(text)
        if candles is None:
            if had_no_trades(answer.failed.values(), n_minutes):
                figures.looks[text], figures.reach[text] = [], n_minutes
            return
        watched, looks = self._watched[text], _closed_looks(candles, now_ms)
        figures.reach[text] = n_minutes
        figures.looks[text] = [each for each in looks if each.from_ms >= watched.judged_ms - LATE_CANDLE_MS]
        if interval == "1m":
            watched.atr = indicators.atr(candles.high, candles.low, candles.close)
            if watched.window is not None:
                # Closes alone: the quotes of every tick have no wicks either, so a restart changes nothing.
                watched.window.fill(Look.at(look.at_ms, look.last) for look in looks)

    async def _read_open_interest(self, text: str, need: Need, n_minutes: int, figures: Figures) -> None:
        figures.n_requests += 1
        try:
            history = await self._quotes.open_interest_history(need.exchange, need.symbol, n_minutes)
        except MarketError as error:
            figures.failed[f"history {text}"] = error.reason
            return
        window = self._watched[text].window
        if window is not None:
            window.fill(Look.at(moment_ms, figure) for moment_ms, figure in history)
        figures.looks[text], figures.reach[text] = [], n_minutes

    def _judge(self, each: Parsed, figures: Figures, now_ms: int) -> Judged | None:
        """None when nothing has changed."""
        alert, rule = each.alert, each.rule
        if alert.until_ms <= now_ms:
            return expired(alert, rule)
        if alert.need == "positions":
            return _judge_positions(each, figures, now_ms)
        figure = figures.by_need.get(alert.need)
        if (
            figure is not None
            and not figures.looks.get(alert.need)
            and each.state
            and is_calm(rule, each.state, figure)
        ):
            return None
        looks = self._looks(each, figures, now_ms)
        if not looks:
            return None
        state = each.state
        if state is None:
            rule, state = settle(rule, looks[-1].last, now_ms)
            return Judged(alert, alert.status, state.text) if rule == each.rule else None
        told = figures.items.get(alert.need)
        judged = self._judge_looks(alert, rule, state, looks, () if told is None else (told,), now_ms)
        if judged is not None and not judged.facts and _is_owed(each, figures):
            return None  # what is armed by the price of now holds no look at what was before
        return judged

    def _judge_looks(
        self, alert: Alert, rule: Rule, before: State, looks: Sequence[Look], items: tuple[str, ...], now_ms: int
    ) -> Judged | None:
        watched, state, firings = self._watched[alert.need], before, list[Firing]()
        margin = margin_of(rule, atr=watched.atr)
        for look in looks:
            state, firing = judge(rule, state, look, _extremes(rule, state, watched, look.at_ms), margin)
            if firing is not None:
                firings.append(firing._replace(items=items))
            # Only behind one that rang: an alert that was switched on again was over before.
            if firings and is_over(rule, alert.n_fired + len(firings)):
                break
        return as_judged(alert, rule, before, state, firings, looks[-1].last, now_ms)

    def _looks(self, each: Parsed, figures: Figures, now_ms: int) -> list[Look]:
        """What this alert is judged by, oldest first; empty when nothing was told of it."""
        text, rule = each.alert.need, each.rule
        if text.startswith("candles "):
            candles = figures.candles.get(text)
            return [] if candles is None else _figure_looks(rule, candles, now_ms)
        figure = figures.by_need.get(text)
        if figure is None:
            return []
        missed = figures.looks.get(text, []) if rule.measure == "price" else []
        return [*missed, Look.at(now_ms, figure)]


# Pure.


def _not_ahead(state: State, now_ms: int) -> State:
    """Of a clock that was ahead: nobody has judged what is yet to come."""
    return replace(state, since_ms=now_ms, rang_ms=tuple(min(each, now_ms) for each in state.rang_ms))


def _seen_before(each: Parsed, watched: Watched) -> int:
    """When a market was looked at last for an alert: it slept perhaps as soon as this one was set."""
    return max(watched.seen_ms, 0 if each.state is None else each.state.since_ms)


def _is_owed(each: Parsed, figures: Figures) -> bool:
    """Whether candles may still tell that a level was crossed."""
    return each.rule.measure == "price" and each.state is not None and figures.is_owed(each.alert.need)


def _has_closed(interval: str, before_ms: int, now_ms: int) -> bool:
    """Whether a candle of that length has ended in between."""
    return now_ms // INTERVALS[interval] > before_ms // INTERVALS[interval]


def _refill(watched: Watched, rule: Rule, state: State, now_ms: int) -> int:
    """How many minutes a window lacks. Makes room for the longest window that is asked for."""
    if watched.window is None or watched.window.span_ms < rule.window_ms:
        watched.window = Window(rule.window_ms)
    begin_ms = window_begin(rule, state, now_ms)
    if rule.measure == "oi":
        hole_ms = watched.window.hole_begin(begin_ms, now_ms, HOLE_OF_HOURS_MS if rule.window_ms > FINE_MS else HOLE_MS)
    else:
        hole_ms = watched.window.hole_begin(begin_ms, now_ms)
    return 0 if hole_ms is None else (now_ms - hole_ms) // MINUTE_MS + 2


def _extremes(rule: Rule, state: State, watched: Watched, at_ms: int) -> Extremes | None:
    if not rule.window_ms or watched.window is None or rule.measure not in ("move", "oi"):
        return None
    return watched.window.extremes(window_begin(rule, state, at_ms))


def _closed_looks(candles: Candles, now_ms: int) -> list[Look]:
    n_closed, length_ms = candles.n_closed(now_ms), candles.interval_ms
    columns = zip(candles.open_ms[:n_closed], candles.low, candles.high, candles.close, strict=False)
    return [Look(open_ms, open_ms + length_ms, low, high, close) for open_ms, low, high, close in columns]


def _figure_looks(rule: Rule, candles: Candles, now_ms: int) -> list[Look]:
    """RSI or volume of the last closed candle, as a look at the moment when it closed."""
    closed = candles.part(0, candles.n_closed(now_ms))
    if not len(closed):
        return []
    figure = candle_figure(rule.measure, closed)
    return [] if figure is None else [Look.at(closed.open_ms[-1] + closed.interval_ms, figure)]


def _judge_positions(each: Parsed, figures: Figures, now_ms: int) -> Judged | None:
    if figures.holdings is None:
        return None
    before = each.state or State(now_ms)
    held = figures.holdings
    state, firing = judge_holdings(each.rule, before, held.holdings, held.whole, now_ms)
    firings = [] if firing is None else [firing]
    return as_judged(each.alert, each.rule, before, state, firings, 0.0 if firing is None else firing.value, now_ms)


async def _all_in_time(asking: Sequence[Awaitable[T]], timeout_s: float) -> None:
    """Lets all of them work side by side, until timeout_s; who is not done by then is stopped."""
    if not asking:
        return
    tasks = [asyncio.ensure_future(each) for each in asking]
    try:
        done, late = await asyncio.wait(tasks, timeout=timeout_s)
    finally:
        for task in tasks:
            task.cancel()
    for task in done:
        task.result()
    if late:
        log.warning("%d of %d questions of a tick were not answered in time", len(late), len(tasks))
