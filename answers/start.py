"""/start: who this is, and what to type first."""

from __future__ import annotations

from answers.asked import EXAMPLES, Tools
from render.message import Answer, Button


def command(words: list[str]) -> None:
    """There is nothing to choose."""


async def ask(tools: Tools, asked: None) -> None:
    """There is nothing to ask."""


def show(record: None, now_s: float) -> Answer:
    text = (
        "I answer questions about crypto markets, with figures straight from the exchanges.\n"
        "Try /price BTC, /analysis ETH, /oi BTC, /top10, or /help for all commands."
    )
    return Answer(text, keyboard=(tuple(Button(each, f"price {each}") for each in EXAMPLES),))
