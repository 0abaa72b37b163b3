"""/help: all commands by group, from the table."""

from __future__ import annotations

from collections.abc import Mapping

from answers.asked import Described, Tools
from exchanges.words import INTERVALS
from render.figures import escape
from render.message import Answer


def command(words: list[str]) -> None:
    """There is nothing to choose."""


async def ask(tools: Tools, asked: None) -> Mapping[str, Described]:
    return tools.commands


def show(commands: Mapping[str, Described], now_s: float) -> Answer:
    lines = []
    for group in dict.fromkeys(each.group for each in commands.values()):
        lines.append(f"<b>{group}</b>")
        for name, each in commands.items():
            if each.group == group:
                usage = f" {escape(each.usage)}" if each.usage else ""
                lines.append(f"/{name}{usage} – {escape(each.summary)}")
        lines.append("")
    lines.append("Symbols in any spelling: btc, BTCUSDT, BTC-USDT, btc/usdt.")
    lines.append(f"Intervals: {', '.join(INTERVALS)}. Add spot for the spot market.")
    return Answer("\n".join(lines))
