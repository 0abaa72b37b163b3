"""/help: all commands on one screen; /help volume: one of them, with examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from answers.asked import Described, Tools
from answers.typed import ALIASES
from exchanges.words import INTERVALS
from render.figures import escape
from render.keyboards import keyboard, that_fit
from render.message import Answer, Button, Keyboard

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "price": ("price BTC", "price BTC ETH SOL"),
    "analysis": ("analysis BTC", "analysis ETH 4h", "analysis SOL 1h spot"),
    "volume": ("volume BTC", "volume ETH 1h spot"),
    "cvd": ("cvd BTC", "cvd ETH 4h"),
    "chart": ("chart BTC 4h", "chart BTC ETH SOL", "chart oi BTC"),
    "profile": ("profile BTC", "profile ETH 7d"),
    "oi": ("oi BTC",),
    "funding": ("funding BTC", "funding top"),
    "liq": ("liq BTC", "liq ETH 1h"),
    "spread": ("spread BTC", "spread ETH perp"),
    "top10": ("top10", "top10 perps gainers"),
    "volscan": ("volscan", "volscan 300 1h"),
    "balance": ("balance", "balance okx"),
    "positions": ("positions", "positions bybit"),
    "pnl": ("pnl", "chart pnl"),
}
"""What can be pressed to see what a command does; of those not here, the command itself, with a coin if need be."""
CONDITIONS = (
    "> 70k", "-3% 15m", "24h 8%", "step 500", "vol 300% 15m", "oi 5% 1h", "funding > 0.05", "basis > 0.3",
    "spread > 20bp", "rsi < 30 4h", "liq > $5m 15m", "every 4h",
)  # fmt: skip
"""What may stand behind the coin of an alert; docs/alerts.md has the rest."""
ENDINGS = ("every 1h", "x3", "until 7d", "quiet")
OF_POSITIONS = ("pos liq 10%", "pos pnl -20%")
A_ROW = 5  # buttons


class Help(NamedTuple):
    """commands: the table. name: of the one that is explained, "" for all."""

    commands: Mapping[str, Described]
    name: str = ""


def command(words: list[str]) -> str:
    """The command that was named, in any of its names; "" for all."""
    name = words[0].lower().lstrip("/") if words else ""
    return ALIASES.get(name, name)


async def ask(tools: Tools, asked: str) -> Help:
    return Help(tools.commands, asked if asked in tools.commands else "")


def show(told: Help, now_s: float) -> Answer:
    return _of_one(told) if told.name else _of_all(tuple([(name, each.group) for name, each in told.commands.items()]))


@lru_cache(1)
def _of_all(grouped: tuple[tuple[str, str], ...]) -> Answer:
    """At most a screen: the commands by group, and how they are spelt. grouped: each one's name and group, always the
    same ones."""
    groups: dict[str, list[str]] = {}
    for name, group in grouped:
        groups.setdefault(group, []).append(f"/{name}")
    lines = [f"<b>{group}</b> {' '.join(names)}" for group, names in groups.items()]
    lines.append("Or type a coin: btc, BTCUSDT, eth/usdt.")
    lines.append("/analysis BTC 4h spot: interval and kind may follow the coin.")
    return Answer("<b>What would you like to know?</b>", tuple(lines), keyboard=_menu([name for name, _ in grouped]))


def _menu(names: Sequence[str]) -> Keyboard:
    """A button for each command but those that lead here."""
    buttons = [Button(name, f"help {name}") for name in names if name not in ("help", "start")]
    return keyboard(*(tuple(buttons[i : i + A_ROW]) for i in range(0, len(buttons), A_ROW)))


def _of_alerts() -> list[str]:
    """What may be typed, each ready to be copied."""
    coin, ending, own = (
        ", ".join(f"<code>{escape(each)}</code>" for each in of) for of in (CONDITIONS, ENDINGS, OF_POSITIONS)
    )
    return [f"Behind the coin: {coin}.", f"And, if you like: {ending}.", f"Of your own positions: {own}."]


def _of_one(told: Help) -> Answer:
    """One command: its words, what it does, and examples to press."""
    of, name = told.commands[told.name], told.name
    short = [f"/{alias}" for alias, of_name in ALIASES.items() if of_name == name]
    lines = [f"For short: {', '.join(short)}."] if short else []
    if name == "alert":
        lines += _of_alerts()
    elif "[15m]" in of.usage or "[1h]" in of.usage:
        lines.append(f"Intervals: {', '.join(INTERVALS)}.")
    usual = f"{name} BTC" if of.usage.startswith("SYMBOL") else name
    examples = EXAMPLES.get(name, (usual,))
    buttons = [that_fit([Button(f"/{line}", line)]) for line in examples]
    return Answer(
        f"<b>/{name}</b> {escape(of.usage)}".rstrip(),
        (escape(f"{of.summary[:1].upper()}{of.summary[1:]}."), *lines),
        keyboard=keyboard(*buttons, (Button("All commands", "help"),)),
    )
