"""/start: what the bot is good for, and what to press first."""

from __future__ import annotations

from answers.asked import EXAMPLES, Tools
from render.keyboards import keyboard
from render.message import Answer, Button
from render.sentences import exchange_name

LISTS = (("🔥 Volume", "volscan"), ("💸 Funding", "funding top"), ("🏆 Top", "top10"))


def command(words: list[str]) -> None:
    """There is nothing to choose; what a link carries is read by typed.meant."""


async def ask(tools: Tools, asked: None) -> tuple[str, ...]:
    """The names of the exchanges that are asked."""
    return tuple(exchange_name(each.id) for each in tools.market.exchanges)


def show(exchanges: tuple[str, ...], now_s: float) -> Answer:
    where = f"{len(exchanges)} exchanges" if len(exchanges) > 1 else exchanges[0]
    coins = ", ".join(each.lower() for each in EXAMPLES)
    return Answer(
        f"Crypto markets from {where}.",
        (f"Type a coin: {coins}",),
        keyboard=keyboard(
            tuple(Button(each, f"price {each}") for each in EXAMPLES),
            tuple(Button(label, line) for label, line in LISTS),
        ),
    )
