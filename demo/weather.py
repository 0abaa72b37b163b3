"""The weather at the exchanges, in words: what may be wrong with each, presets of it, and scenarios in steps.

A scenario is a list of presets and moments. Replayed at a speed of 3, it takes a third of its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from demo.clock import Clock
from demo.web import FAULTS, Site

TITLES = {"OKX": "OKX", "COINGECKO": "CoinGecko"}
WORDS = {
    "": "fine",
    "refuse": "refuses connections",
    "hang": "never answers",
    "slow": "drips byte by byte",
    "drop": "hangs up",
    "cut": "breaks off half-way",
    "500": "fails (500)",
    "429": "counts too many requests (429)",
    "418": "has banned us (418)",
    "451": "blocks your country (451)",
    "403": "is blocked by its CDN (403)",
    "html": "shows a page instead of data",
    "garbage": "answers noise",
    "empty": "sends empty fields",
    "nulls": "sends nulls",
    "types": "sends wrong types",
    "huge": "never stops answering",
    "gzipbomb": "sends a packed bomb",
}
MAX_LATENCY_S = 10.0
SPEEDS = (1.0, 60.0, 600.0, 3600.0)


class Spell(NamedTuple):
    """What is wrong somewhere. exchange: "" for all. moves: what happens to prices (shocks.py), of base or of all."""

    exchange: str = ""
    fault: str = ""
    latency_ms: int = 0
    moves: str = ""
    base: str = ""


class Preset(NamedTuple):
    words: str
    spells: tuple[Spell, ...]


PRESETS = {
    "fine": Preset("All fine", ()),
    "blocked": Preset("Binance blocks your country", (Spell("BINANCE", "451"),)),
    "slow": Preset("Bybit is slow", (Spell("BYBIT", latency_ms=4000),)),
    "limited": Preset("OKX counts too many requests", (Spell("OKX", "429"),)),
    "nonsense": Preset("Gate answers nonsense", (Spell("GATE", "garbage"),)),
    "hang": Preset("Three exchanges hang", (Spell("BINANCE", "hang"), Spell("BYBIT", "hang"), Spell("OKX", "hang"))),
    "crash": Preset("A flash crash", (Spell(latency_ms=600, moves="flash crash"),)),
    "rally": Preset("A rally", (Spell(moves="rally"),)),
    "squeeze": Preset("DOGE is squeezed", (Spell(moves="squeeze", base="DOGE"),)),
    "down": Preset("All down", (Spell(fault="refuse"),)),
}
SCENARIOS: dict[str, tuple[str, tuple[tuple[float, str], ...]]] = {
    "outage": ("Binance goes, then its neighbours", ((0, "blocked"), (20, "hang"), (50, "down"), (70, "fine"))),
    "crash": ("A crash, and the exchanges under load", ((0, "crash"), (25, "slow"), (45, "limited"), (75, "fine"))),
}


class Hooks(NamedTuple):
    """What the bot tells the page, when both live in one process.

    health: by host, {"state": "ok" | "failing" | "resting", "resting_s": …, "last_failure": …};
    forget: lets all circuits and kept answers go, as if time had passed.
    """

    health: Callable[[], Mapping[str, Mapping[str, object]]]
    forget: Callable[[], None]


class Weather:
    """Sets faults and latencies by exchange.

    shake: moves prices, by a scenario's name, its speed and the coin that it is about; calm: undoes it.
    """

    def __init__(
        self,
        sites: Mapping[str, Site],
        clock: Clock,
        shake: Callable[[str, float, str], None],
        calm: Callable[[], None],
    ) -> None:
        self._sites, self._clock, self._shake, self._calm = sites, clock, shake, calm
        self.hooks: Hooks | None = None
        self.preset = "fine"
        self.running = ""
        self.steps = dict(SCENARIOS)
        self.on_news: Callable[[str], None] = lambda words: None
        self._replaying: asyncio.Task[None] | None = None

    @property
    def exchanges(self) -> dict[str, list[Site]]:
        """The hosts of each exchange, e.g. BINANCE: three."""
        found: dict[str, list[Site]] = {}
        for name, site in self._sites.items():
            found.setdefault(name.split("_")[0], []).append(site)
        return found

    def state(self) -> dict[str, Any]:
        """Everything that the page shows of the world."""
        health = dict(self.hooks.health()) if self.hooks is not None else None
        return {
            "exchanges": [_state(name, sites) for name, sites in self.exchanges.items()],
            "sites": {name: site.fault for name, site in self._sites.items()},
            "faults": FAULTS,
            "words": WORDS,
            "presets": {name: preset.words for name, preset in PRESETS.items()},
            "preset": self.preset,
            "scenarios": {name: words for name, (words, _) in self.steps.items()},
            "running": self.running,
            "clock": {"speed": self._clock.speed, "ahead_s": round(self._clock.ahead_s), "now_s": round(self._clock())},
            "speeds": SPEEDS,
            "circuits": health,
        }

    async def set(self, name: str, fault: str, latency_ms: float) -> None:
        """Sets an exchange, or one of its hosts by name, or, with "", all. Raises ValueError."""
        latency_s = float(latency_ms) / 1000
        if fault and fault not in FAULTS:
            raise ValueError(f"no such fault: {fault}")
        if not 0 <= latency_s <= MAX_LATENCY_S:
            raise ValueError(f"no such latency: {latency_ms} ms")
        found = self.exchanges.get(name) or ([self._sites[name]] if name in self._sites else [])
        if name and not found:
            raise ValueError(f"no such exchange: {name}")
        for site in found or self._sites.values():
            await site.set_fault(fault)
            site.latency_s = latency_s
        self.preset = ""

    async def choose(self, name: str, speed: float = 1.0) -> None:
        """Sets a preset: what it does not name is fine. Raises ValueError."""
        if name not in PRESETS:
            raise ValueError(f"no such weather: {name}")
        for site in self._sites.values():
            await site.set_fault("")
            site.latency_s = 0.0
        if name == "fine":
            self._calm()
        for spell in PRESETS[name].spells:
            await self.set(spell.exchange, spell.fault, spell.latency_ms)
            if spell.moves:
                self._shake(spell.moves, speed, spell.base)
        self.preset = name
        self.on_news(PRESETS[name].words)

    def replay(self, name: str, speed: float = 1.0) -> None:
        """Begins a scenario; one that still runs is left. Raises ValueError."""
        if name not in self.steps:
            raise ValueError(f"no such scenario: {name}")
        if not 0.1 <= speed <= 60:
            raise ValueError(f"no such speed: {speed}")
        self.stop()
        self._replaying = asyncio.ensure_future(self._replay(name, self.steps[name][1], speed))

    async def _replay(self, name: str, steps: Sequence[tuple[float, str]], speed: float) -> None:
        self.running, past_s = name, 0.0
        try:
            for at_s, preset in steps:
                await asyncio.sleep((at_s - past_s) / speed)
                past_s = at_s
                await self.choose(preset, speed)
        finally:
            self.running = ""
        self.steps = dict(SCENARIOS)

    def stop(self) -> None:
        if self._replaying is not None:
            self._replaying.cancel()
            self._replaying = None

    async def close(self) -> None:
        replaying = self._replaying
        self.stop()
        if replaying is not None:
            with suppress(asyncio.CancelledError):
                await replaying

    def turn(self, speed: float, jump_s: float = 0.0) -> None:
        """Sets the clock's speed and turns it forward; the bot forgets what it kept before. Raises ValueError."""
        if not 0 <= jump_s <= 30 * 86_400:
            raise ValueError(f"no such jump: {jump_s} s")
        self._clock.speed = speed
        if jump_s:
            self._clock.jump(jump_s)
        self.forget()

    def forget(self) -> None:
        """Lets the bot's circuits go, where it has told how."""
        if self.hooks is not None:
            self.hooks.forget()


def _state(name: str, sites: Sequence[Site]) -> dict[str, Any]:
    faults = {site.fault for site in sites}
    return {
        "name": name,
        "title": TITLES.get(name, name.capitalize()),
        "fault": faults.pop() if len(faults) == 1 else "mixed",
        "latency_ms": round(max(site.latency_s for site in sites) * 1000),
        "n_requests": sum(site.n_requests for site in sites),
    }
