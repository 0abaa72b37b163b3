"""What a tick leaves of an alert that was judged: its status and state, and the facts of what rang. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson

from answers.hearing import whose
from answers.judging import MINUTE_MS, Firing, Rule, State, is_over, rings_too_often
from store.words import DONE, PAUSED, Alert, Judged

LATE_MS = 3 * MINUTE_MS  # a minute's candle is read when it is over: what is told longer after it is late


def expired(alert: Alert, rule: Rule) -> Judged:
    return Judged(alert, DONE, alert.state, (_facts(alert, rule, {"event": "expired"}),))


def as_judged(
    alert: Alert, rule: Rule, before: State, state: State, firings: Sequence[Firing], last: float, now_ms: int
) -> Judged | None:
    """None when nothing has changed. last: the figure of now."""
    if state == before and alert.state:
        return None
    status = alert.status
    if firings and is_over(rule, alert.n_fired + len(firings)):
        status = DONE
    elif firings and rings_too_often(state):
        status, state = PAUSED, replace(state, rang_ms=())
    facts = [_firing_facts(alert, rule, firing, last, now_ms) for firing in firings]
    if facts and status == PAUSED:
        facts[-1] = _facts(alert, rule, {**orjson.loads(facts[-1]), "is_paused": True})
    return Judged(alert, status, state.text, facts)


def _firing_facts(alert: Alert, rule: Rule, firing: Firing, last: float, now_ms: int) -> str:
    """What a message needs to be written, even when its alert is gone by then."""
    late = {"late_ms": now_ms - firing.at_ms} if now_ms - firing.at_ms > LATE_MS and rule.measure != "timer" else {}
    facts = {"event": "fired", "firing": firing._asdict(), "last": last, "now_ms": now_ms, **late}
    return _facts(alert, rule, facts)


def _facts(alert: Alert, rule: Rule, facts: Mapping[str, object]) -> str:
    return orjson.dumps({**facts, **whose(alert), "rule": orjson.loads(rule.text)}).decode()
