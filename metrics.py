"""What the process counts of itself, and how Prometheus reads it. Stands on the ground.

Counters and histograms by label, each with a bounded number of label values: what is beyond goes under
"other". `exposition` is the text format 0.0.4 of https://prometheus.io/docs/instrumenting/exposition_formats/.

Memory: some 40 series and the last LATEST durations of each command, under 100 KB.
"""

import os
import resource
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

MAX_SERIES = 128  # label values of one counter or histogram
LATEST = 200  # durations of a command, for its percentiles
BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

Labels = tuple[str, ...]


class Stands(Protocol):
    """How the bot stands with Telegram."""

    @property
    def told(self) -> str: ...


class Process:
    """What the process knows of itself. began: monotonic."""

    def __init__(self, began: float, standing: Stands) -> None:
        self.began = began
        self._standing = standing

    @property
    def webhook_state(self) -> str:
        """How it stands with Telegram, in a few words."""
        return self._standing.told


class Counter:
    """Counts by the values of its labels."""

    def __init__(self, name: str, help: str, labels: Sequence[str]) -> None:
        self.name, self.help, self.labels = name, help, tuple(labels)
        self.values: dict[Labels, float] = {}

    def add(self, *values: str, amount: float = 1.0) -> None:
        if values not in self.values:
            values = _bounded(values, self.values)
            self.values.setdefault(values, 0.0)
        self.values[values] += amount

    def lines(self) -> Iterable[str]:
        yield from _head(self.name, self.help, "counter")
        for values, count in self.values.items():
            yield f"{self.name}{_braces(self.labels, values)} {_number(count)}"


class Histogram:
    """Seconds by the values of its labels, in BUCKETS_S; and the latest ones as they were."""

    def __init__(self, name: str, help: str, labels: Sequence[str]) -> None:
        self.name, self.help, self.labels = name, help, tuple(labels)
        self.counts: dict[Labels, list[int]] = {}  # by bucket, the last one for all above
        self.sums: dict[Labels, float] = {}
        self._latest: dict[Labels, deque[float]] = {}

    def observe(self, seconds: float, *values: str) -> None:
        counts = self.counts.get(values)
        if counts is None:
            values, counts = self._begun(values)
        counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.sums[values] += seconds
        self._latest[values].append(seconds)

    def _begun(self, values: Labels) -> tuple[Labels, list[int]]:
        """The series of labels that are seen for the first time, or that of all others."""
        of = _bounded(values, self.counts)
        if of not in self.counts:
            self.counts[of], self.sums[of] = [0] * (len(BUCKETS_S) + 1), 0.0
            self._latest[of] = deque(maxlen=LATEST)
        return of, self.counts[of]

    def percentile(self, share: float, *values: str) -> float | None:
        """Seconds within which that share of the LATEST ended; None without any."""
        latest = sorted(self._latest.get(values, ()))
        return latest[min(len(latest) - 1, int(len(latest) * share))] if latest else None

    def lines(self) -> Iterable[str]:
        yield from _head(self.name, self.help, "histogram")
        for values, counts in self.counts.items():
            total = 0
            for bound, count in zip((*(f"{each:g}" for each in BUCKETS_S), "+Inf"), counts, strict=True):
                total += count
                yield f"{self.name}_bucket{_braces((*self.labels, 'le'), (*values, bound))} {total}"
            yield f"{self.name}_sum{_braces(self.labels, values)} {_number(self.sums[values])}"
            yield f"{self.name}_count{_braces(self.labels, values)} {total}"


class Metrics:
    """Everything that is counted."""

    def __init__(self) -> None:
        self.updates = Counter("bot_updates_total", "Updates by outcome.", ["outcome"])
        self.commands = Histogram("bot_command_seconds", "Seconds from a command to its answer.", ["command"])
        self.requests = Counter(
            "bot_exchange_requests_total", "Requests to exchanges by outcome.", ["exchange", "outcome"]
        )
        self.request_seconds = Histogram("bot_exchange_seconds", "Seconds of requests to exchanges.", ["exchange"])
        self._watched: list[tuple[str, str, str, Callable[[], Mapping[str, float]]]] = []
        self.loop_lag_s = 0.0  # how late the event loop last woke up

    def watch(self, name: str, help: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Figures that others keep, as a Family; they are read when somebody asks."""
        self._watched.append((name, help, label, read))

    def exposition(self, others: "Iterable[Family | Info]") -> bytes:
        """All of it as text, with what others have counted."""
        lines: list[str] = []
        for each in (self.updates, self.commands, self.requests, self.request_seconds):
            lines += each.lines()
        own = (
            Family("process_resident_memory_bytes", "Resident memory.", "", {"": resident_bytes()}),
            Family("process_cpu_seconds_total", "Seconds on a processor.", "", {"": time.process_time()}),
            Family("bot_loop_lag_seconds", "How late the event loop last woke up.", "", {"": self.loop_lag_s}),
        )
        watched = (Family(name, help, label, read()) for name, help, label, read in self._watched)
        for family in (*own, *watched, *others):
            lines += family.lines()
        return ("\n".join(lines) + "\n").encode()


class Info(NamedTuple):
    """Labels that tell something, at the figure 1, as Prometheus' conventions have it: a name that ends in _info."""

    name: str
    help: str
    labels: Mapping[str, str]

    def lines(self) -> Iterable[str]:
        yield from _head(self.name, self.help, "gauge")
        yield f"{self.name}{_braces(tuple(self.labels), tuple(self.labels.values()))} 1"


class Family(NamedTuple):
    """Figures by the value of one label, or with label "" one figure under "". A name that ends in _total counts."""

    name: str
    help: str
    label: str
    figures: Mapping[str, float]

    def lines(self) -> Iterable[str]:
        yield from _head(self.name, self.help, "counter" if self.name.endswith("_total") else "gauge")
        for value, figure in self.figures.items():
            yield f"{self.name}{_braces((self.label,), (value,))} {_number(figure)}"


def resident_bytes() -> float:
    """Memory in use now; at its peak where the system does not tell the present."""
    try:
        with open("/proc/self/statm") as file:
            return float(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError, IndexError):
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _bounded(values: Labels, known: Mapping[Labels, object]) -> Labels:
    return values if values in known or len(known) < MAX_SERIES else ("other",) * len(values)


def _head(name: str, help: str, kind: str) -> Iterable[str]:
    return f"# HELP {name} {help}", f"# TYPE {name} {kind}"


def _braces(labels: Sequence[str], values: Sequence[str]) -> str:
    if not labels or not labels[0]:
        return ""
    return "{" + ",".join(f'{label}="{_escaped(value)}"' for label, value in zip(labels, values, strict=True)) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") if value < 1e15 else f"{value:e}"
