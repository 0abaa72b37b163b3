"""Markets and figures for tests of pictures: the same on every machine, by sums and products alone."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence

import indicators
from exchanges.words import Candles, Flow
from render.picture import charts
from render.picture.figure import Bars, Colour, Figure, Level, Pane, Path, Side
from render.picture.figure import Candles as Drawn

HOUR_MS = 3_600_000
NOW_MS = 1_795_618_800_000  # 25 Nov 2026 15:00 UTC


def candles(
    n: int = 160, start: float = 64_000.0, step_ms: int = HOUR_MS, symbol: str = "BTC-USDT", seed: int = 7
) -> Candles:
    """A random walk up to NOW_MS."""
    dice, price = random.Random(seed), start
    rows = []
    for _ in range(n):
        opened, price = price, price * (1 + (dice.random() - 0.49) / 50)
        high = max(opened, price) * (1 + dice.random() / 200)
        low = min(opened, price) * (1 - dice.random() / 200)
        volume = 200 + 3000 * dice.random() ** 4
        rows.append((opened, high, low, price, volume, volume * (0.3 + 0.4 * dice.random())))
    opens, highs, lows, closes, volumes, bought = (array("d", column) for column in zip(*rows, strict=True))
    open_ms = array("q", [NOW_MS - (n - 1 - i) * step_ms for i in range(n)])
    return Candles("binance", symbol, "perp", step_ms, open_ms, opens, highs, lows, closes, volumes, taker_buy=bought)


def flow(of: Candles) -> Flow:
    assert of.taker_buy is not None
    sell = [volume - bought for volume, bought in zip(of.volume, of.taker_buy, strict=True)]
    return Flow(of.exchange, of.symbol, of.kind, of.interval_ms, of.open_ms, of.taker_buy, sell)


def interest(of: Candles) -> list[tuple[int, float]]:
    dice, coins, found = random.Random(3), 83_000.0, []
    for at in of.open_ms:
        coins *= 1 + (dice.random() - 0.5) / 100
        found.append((at, coins))
    return found


def head(of: Candles, title: str = "BTC-USDT perp") -> charts.Head:
    change_pct = (of.close[-1] / of.close[-25] - 1) * 100 if len(of) > 24 and of.close[-25] else None
    return charts.Head(title, f"1h · Binance · {charts.moment(NOW_MS)}", of.close[-1], change_pct)


def whole(of: Candles) -> Figure:
    """Everything that /chart can show."""
    alerts = (of.close[-1] * 1.04, of.close[-1] * 1.001)
    return charts.candles(head(of), of, is_running=True, alerts=alerts, interest=interest(of), flow=flow(of))


def lines(n: int, n_points: int = 168) -> dict[str, Sequence[tuple[int, float]]]:
    """A random walk for each of n exchanges, each smaller than the one before."""
    found: dict[str, Sequence[tuple[int, float]]] = {}
    for i in range(n):
        walk = candles(n_points, 80_000 * 0.8**i, seed=i)
        found[f"Exchange {i + 1}"] = list(zip(walk.open_ms, walk.close, strict=True))
    return found


def random_figure(seed: int) -> Figure:
    """Anything that the records allow: long names, many panes, levels everywhere, figures of every size."""
    dice = random.Random(seed)
    n = dice.choice((1, 2, 3, 30, 119, 120, 168, 400))
    panes = [_random_pane(dice, n) for _ in range(dice.choice((1, 1, 2, 3, 4, 6)))]
    return Figure(
        _word(dice, 40), _word(dice, 50), _word(dice, 16), _word(dice, 20), dice.choice(list(Colour)),
        NOW_MS - n * HOUR_MS, dice.choice((60_000, 300_000, HOUR_MS, 4 * HOUR_MS, 24 * HOUR_MS)), n,
        panes, dice.random() < 0.7,
    )  # fmt: skip


def _random_pane(dice: random.Random, n: int) -> Pane:
    size = 10.0 ** dice.randint(-12, 12)
    values = [_value(dice, size) for _ in range(n)]
    candles = Drawn(values, [each * 1.02 for each in values], [each * 0.98 for each in values], values[::-1])
    choices: tuple[Sequence[Drawn | Bars | Path], ...] = (
        [candles, Path(values, Colour.AMBER, _word(dice, 30))],
        [Path(values, Colour.CYAN, _word(dice, 20)) for _ in range(dice.randint(1, 30))],
        [Bars(values, [Colour.UP] * n)],
    )
    levels = [
        Level(size * dice.random() * 2, Colour.MAGENTA, dice.random() < 0.3, stretches=dice.random() < 0.5)
        for _ in range(dice.choice((0, 1, 2, 12)))
    ]
    bins = [dice.random() for _ in range(48)]
    sides = [Side("Volume", bins, size * 0.5, size * 1.5, size * 0.8, size * 1.2, Colour.BLUE)] * dice.choice((0, 0, 2))
    return Pane(
        dice.random(), dice.choice(choices), _word(dice, 40), Colour.GREEN, levels, sides,
        None, dice.random() < 0.5, dice.random() < 0.3,
    )  # fmt: skip


def _value(dice: random.Random, size: float) -> float:
    """Mostly about size; now and then a gap, a spike or a loss."""
    odd = (float("nan"), float("nan"), size * 100, -size)
    return dice.choice(odd) if dice.random() < 0.04 else size * (0.5 + dice.random())


def _word(dice: random.Random, most: int) -> str:
    return "".join(dice.choice("BTC-USDT 0123456789.,+%…Äé币W") for _ in range(dice.randint(0, most)))


def profile(of: Candles) -> Figure:
    """The profile of all candles beside them."""
    volume = indicators.volume_profile(of.low, of.high, of.volume)
    spent = indicators.tpo_profile(of.low, of.high)
    return charts.profile(head(of), of, volume, spent, is_running=True, tick=0.01)
