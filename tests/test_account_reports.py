"""How the answers about accounts look, whatever the accounts hold: no line is wider than a phone."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from conftest import some

from accounts import Holding, Part, Profit, Valued
from answers import balance, pnl, positions
from answers.account import Asked
from demo.telegram_html import parse
from exchanges.errors import MarketError, Unavailable
from exchanges.table import ACCOUNTS
from exchanges.words import Position
from render.figures import display_width
from render.message import PHONE, Answer

pytestmark = pytest.mark.no_cover  # others reach what these do

NOW_S = 1_763_906_602.0  # 2025-11-23 14:03:22 UTC
BASES = ("BTC", "1000PEPE", "FARTCOIN", "BABYDOGE", "币安人生", "S")


class Chance:
    """Random accounts, all of a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def maybe(self, figure: float) -> float | None:
        return None if self.rng.random() < 0.15 else figure

    def usd(self) -> float:
        return self.rng.choice([-1, 1]) * 10 ** self.rng.uniform(-3, 8)

    def amount(self) -> float:
        return 10 ** self.rng.uniform(-8, 12)

    def part(self, found: Callable[[], Any], exchange: str) -> Part[Any]:
        errors: tuple[MarketError, ...] = (Unavailable(exchange, "x"),) if self.rng.random() < 0.2 else ()
        return Part(exchange, None if errors and self.rng.random() < 0.5 else found(), errors, self.rng.random() < 0.2)

    def asked(self, found: Callable[[], Any]) -> Asked[Any]:
        return Asked("", [self.part(found, exchange) for exchange in ACCOUNTS])

    def several(self, one: Callable[[], Any]) -> list[Any]:
        return [one() for _ in range(self.rng.randrange(12))]

    def holding(self) -> Holding:
        return Holding(
            self.rng.choice(BASES), self.amount(), self.rng.choice([-1, 1]) * self.amount(), self.maybe(self.usd())
        )

    def valued(self) -> Valued:
        base, price = self.rng.choice(BASES), 10 ** self.rng.uniform(-8, 5)
        mark = price * self.rng.uniform(0.5, 2)
        figures = (self.maybe(mark), self.maybe(mark * self.rng.uniform(0.1, 3)), self.rng.choice([None, 1, 10, 125]))
        of = (
            f"{base}USDT",
            base,
            self.rng.choice(["long", "short"]),
            self.amount(),
            self.maybe(abs(self.usd())),
            price,
        )
        percent = self.maybe(self.rng.uniform(-2000, 9000))
        position = Position(
            *of, *figures, self.maybe(9.0), "USDT", self.maybe(self.usd()), percent, self.maybe(self.usd())
        )
        return Valued(position, self.maybe(self.usd()), self.maybe(self.usd()))

    def profit(self) -> Profit:
        spans = {span: self.maybe(self.usd()) for span in ("today", "7d", "30d")}
        figures = (self.maybe(self.usd()), self.maybe(self.usd()))
        return Profit(self.maybe(self.usd()), self.maybe(12.3), spans, *figures, self.rng.random() < 0.2)

    def answers(self) -> dict[str, Answer]:
        return {
            "balance": balance.show(self.asked(lambda: self.several(self.holding)), NOW_S),
            "positions": positions.show(self.asked(lambda: self.several(self.valued)), NOW_S),
            "pnl": pnl.show(self.asked(self.profit), NOW_S),
        }


def lines_in_tables(text: str) -> list[str]:
    return "\n".join(parse(each).text for each in re.findall(r"<pre>.*?</pre>", text, re.DOTALL)).split("\n")


@pytest.mark.parametrize("n", some(((n,) for n in range(4)), 4))
def test_any_account_fits_a_phone(n: int) -> None:
    seed = random.randrange(1 << 30)
    for i in range(170):
        for name, answer in Chance(seed + i).answers().items():
            long = [line for line in lines_in_tables(answer.text) if display_width(line) > PHONE]
            assert long == [], f"{name}, seed {seed + i}"
            assert len(parse(answer.text).text) <= 4096
