"""/status: how the process does."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from answers.asked import Tools
from asking.circuits import HostHealth
from metrics import resident_bytes
from render.figures import counted, escape, format_span
from render.keyboards import again, keyboard
from render.message import Answer, Button, moment, pairs, pre
from render.sentences import said
from store.words import Counts, StoreError


def command(words: list[str]) -> None:
    """There is nothing to choose."""


class Vitals(NamedTuple):
    """How the process does. seconds: by command, the median, the 95th percentile, how often. hosts: Market.health."""

    build: Mapping[str, str]
    uptime_s: float
    resident_bytes: float
    seconds: Mapping[str, tuple[float | None, float | None, int]]
    hosts: Mapping[str, HostHealth]
    webhook: str
    updates: Mapping[str, int]
    alerts: Counts | None = None
    trouble: str = ""  # with alerts


async def ask(tools: Tools, asked: None) -> Vitals:
    """What the process knows of itself. alerts: None where nothing is remembered."""
    counts = None
    if tools.store is not None:
        with suppress(StoreError):
            counts = await tools.store.counts()
    histogram = tools.metrics.commands
    percentiles = {
        name: (histogram.percentile(0.5, name), histogram.percentile(0.95, name), sum(counts))
        for (name,), counts in histogram.counts.items()
    }
    return Vitals(
        tools.settings.build,
        tools.market.clock.monotonic() - tools.process.began,
        resident_bytes(),
        percentiles,
        tools.market.health(),
        tools.process.webhook_state,
        {outcome: int(count) for (outcome,), count in tools.metrics.updates.values.items()},
        counts,
        tools.trouble,
    )


def _alerts(counts: Counts | None, now_s: float) -> list[tuple[str, str]]:
    """How many, and how long ago they were looked at."""
    if counts is None:
        return []
    rows = [("alerts", f"{counts.n_armed} armed")]
    if counts.n_paused:
        rows.append(("paused", str(counts.n_paused)))
    rows.append(("rung", f"{counts.n_fired}, {counts.n_waiting} unsent"))
    for label, at_ms in (("tick", counts.tick_ms), ("unsent for", counts.oldest_ms)):
        if at_ms is not None:
            ago = " ago" if label == "tick" else ""
            rows.append((label, f"{format_span(max(0.0, now_s - at_ms / 1000))}{ago}"))
    return rows


def show(vitals: Vitals, now_s: float) -> Answer:
    """Version, uptime, memory, how quick, who fails."""
    mib = f"{vitals.resident_bytes / 1048576:.1f} MiB"
    lines = ["<b>Status</b>"]
    lines.append(
        pairs(
            [
                *((name, value[-24:]) for name, value in vitals.build.items() if value),
                ("up", format_span(vitals.uptime_s)),
                ("memory", mib),
                *((outcome, str(count)) for outcome, count in vitals.updates.items()),
                *_alerts(vitals.alerts, now_s),
            ]
        )
    )
    lines.append(escape(f"Updates: {vitals.webhook}"))
    if vitals.trouble:
        lines.append(escape(vitals.trouble))
    if vitals.seconds:
        rows = [["", "n", "p50 ms", "p95 ms"]]
        for name, (middle, slow, count) in sorted(vitals.seconds.items(), key=lambda item: -item[1][2]):
            times = ("n/a" if each is None else f"{each * 1000:.0f}" for each in (middle, slow))
            rows.append([name[:12], str(count), *times])
        lines.append(pre(rows))
    ill = {host: of for host, of in vitals.hosts.items() if of.state != "ok"}
    failing = [f"{host}: {of.state}, {of.last_failure and said(of.last_failure)}" for host, of in ill.items()]
    asked = f"{counted(len(vitals.hosts), 'host')} asked so far, and all answered."
    lines.append(escape("; ".join(failing)) if failing else asked if vitals.hosts else "No exchange was asked so far.")
    foot = f"<i>{moment(int(now_s * 1000), now_s)}</i>"
    return Answer(
        lines[0], tuple(lines[1:]), foot=foot, keyboard=keyboard((*again("status"), Button("All commands", "help")))
    )
