"""One market as Binance would tell it, every answer about it, and the truth worked out of the same JSON by other code.

Nothing of the product computes what is expected here: plain loops over the rows as they were sent, Decimal and
statistics, so that a mistake in common is not one in both.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from wired import DAY_MS, NOW_MS, say, wired

from answers import analysis, cvd, funding, ls, oi, price, profile, volume
from answers.asked import OfMarket
from answers.contracts import DerivativesReport
from answers.price_report import PriceReport
from exchanges.words import per_8h

STEPS = {"1m": 60_000, "5m": 300_000, "15m": 900_000, "1h": 3_600_000, "4h": 14_400_000, "1d": DAY_MS}
HOUR_MS = 3_600_000
LAST = "64250.10"


def klines(kind: str, interval: str, n: int) -> list[list[Any]]:
    """As GET klines answers, the running one last; the same question is always answered the same."""
    step, rows = STEPS[interval], []
    for i in reversed(range(n)):
        at = NOW_MS // step * step - i * step
        chance = random.Random(f"{kind} {at} {step}")
        figures = sorted(round(64_000 + chance.gauss(0, 150), 2) for _ in range(4))
        opened, closed = chance.sample(figures, 2)
        coins, share = round(chance.lognormvariate(5, 0.4), 3), chance.uniform(0.3, 0.7)
        if i == 1:
            coins *= 4  # the last closed one: something happened
        bought = round(coins * share, 3)
        prices = (f"{each:.2f}" for each in (opened, figures[3], figures[0], closed))
        amounts = (
            f"{coins:.3f}",
            at + step - 1,
            f"{coins * 64_000:.2f}",
            900,
            f"{bought:.3f}",
            f"{bought * 64_000:.2f}",
        )
        rows.append([at, *prices, *amounts, "0"])
    return rows


def ticker(kind: str) -> dict[str, Any]:
    last = LAST if kind == "spot" else "64218.50"
    return {
        "symbol": "BTCUSDT",
        "lastPrice": last,
        "priceChangePercent": "-1.213",
        "bidPrice": "64250.09",
        "askPrice": "64250.11",
        "highPrice": "65400.00",
        "lowPrice": "63100.50",
        "volume": "18123.456",
        "quoteVolume": "1164000000.12",
        "closeTime": NOW_MS - 500,
    }


HISTORY: list[dict[str, Any]] = [
    {
        "symbol": "BTCUSDT",
        "sumOpenInterest": f"{80_000 + 37 * i}.500",
        "sumOpenInterestValue": "5e9",
        "timestamp": NOW_MS // HOUR_MS * HOUR_MS - (29 - i) * HOUR_MS,
    }
    for i in range(30)
]
RATIOS: list[dict[str, Any]] = [
    {
        "symbol": "BTCUSDT",
        "longAccount": f"{0.5 + 0.004 * i:.4f}",
        "shortAccount": f"{0.5 - 0.004 * i:.4f}",
        "longShortRatio": "1.5",
        "timestamp": NOW_MS // HOUR_MS * HOUR_MS - (24 - i) * HOUR_MS,
    }
    for i in range(25)
]
PREMIUM = {
    "symbol": "BTCUSDT",
    "markPrice": "64220.00",
    "indexPrice": "64249.0",
    "lastFundingRate": "0.00007231",
    "nextFundingTime": NOW_MS + HOUR_MS,
    "time": NOW_MS,
}
OPEN_INTEREST = {"symbol": "BTCUSDT", "openInterest": "81234.567", "time": NOW_MS}


def binance(host: str, path: str, query: Mapping[str, str]) -> Any:
    if "dapi" in host or query.get("symbol", "BTCUSDT") != "BTCUSDT":
        return 400, {"code": -1121, "msg": "Invalid symbol."}
    kind, what = "spot" if "api.binance" in host and "fapi" not in host else "perp", path.rpartition("/")[2]
    if what == "klines":
        return klines(kind, query["interval"], int(query["limit"]))
    if what == "24hr":
        return ticker(kind)
    if what == "openInterestHist":
        return HISTORY[-int(query["limit"]) :]
    if what in ("globalLongShortAccountRatio", "topLongShortAccountRatio", "topLongShortPositionRatio"):
        return RATIOS
    if path.endswith("ticker/price"):
        return [{"symbol": "BTCUSDT", "price": LAST}]
    return {"premiumIndex": PREMIUM, "openInterest": OPEN_INTEREST, "fundingInfo": []}.get(what)


def tools() -> Any:
    return wired(binance, "binance").tools


def column(rows: list[list[Any]], at: int) -> list[float]:
    return [float(row[at]) for row in rows]


def near(figure: float) -> Any:
    return pytest.approx(figure, rel=1e-9)


async def test_price() -> None:
    told = await price.ask(tools(), price.Asked(("BTC",)))
    (report,) = told.results
    assert isinstance(report, PriceReport)
    assert report.lead.last == float(LAST)
    assert report.basis_pct == near(float((Decimal("64218.50") - Decimal(LAST)) / Decimal(LAST) * 100))
    hour_ago = next(row for row in klines("spot", "1m", 90) if abs(row[0] - (NOW_MS - HOUR_MS)) <= 30_000)
    assert report.moves["1h"] == near((float(LAST) / float(hour_ago[1]) - 1) * 100)


@pytest.mark.parametrize("kind", ["perp", "spot"])
@pytest.mark.parametrize("interval", ["1m", "15m", "1h", "4h"])
async def test_volume(kind: str, interval: str) -> None:
    """The last closed candle against the median of the 96 before it, without four at either end."""
    report = await volume.ask(tools(), OfMarket("BTC-USDT", interval, (kind,)))
    *closed, running = klines(kind, interval, 98)
    before = sorted(column(closed[-97:-1], 5))
    normal = statistics.median(before[4:-4])
    assert report.coins == float(closed[-1][5])
    assert report.spike is not None
    assert report.spike.baseline == near(normal)
    assert report.spike.spike_pct == near((float(closed[-1][5]) / normal - 1) * 100)
    assert report.so_far is not None
    assert report.so_far[0] == float(running[5])
    assert report.closed_ms == running[0]


@pytest.mark.parametrize("kind", ["perp", "spot"])
async def test_cvd(kind: str) -> None:
    report = await cvd.ask(tools(), OfMarket("BTC-USDT", "1h", (kind,)))
    hours, quarters = klines(kind, "1h", 41)[:-1], klines(kind, "15m", 97)[:-1]
    deltas = [2 * Decimal(row[9]) - Decimal(row[5]) for row in hours]
    assert report.last_delta == near(float(deltas[-1]))
    assert report.cvd == near(float(sum(deltas)))
    assert report.day_delta == near(float(sum(2 * Decimal(row[9]) - Decimal(row[5]) for row in quarters)))
    bought, whole = (sum(Decimal(row[at]) for row in quarters) for at in (9, 5))
    assert report.day_share == near(float(bought / whole))


async def test_open_interest() -> None:
    report = await oi.ask(tools(), "BTC")
    assert report.coins == 81234.567
    assert report.dollars == near(81234.567 * 64220.0)
    for hours in (1, 24):
        wanted = NOW_MS - hours * HOUR_MS
        before = [row for row in HISTORY if row["timestamp"] <= wanted][-1]
        after = next(row for row in HISTORY if row["timestamp"] > wanted)
        low, high = (float(row["sumOpenInterest"]) for row in (before, after))
        then = low + (high - low) * (wanted - before["timestamp"]) / HOUR_MS
        change = report.change_pct(hours)
        assert change is not None
        assert change[0] == pytest.approx((81234.567 / then - 1) * 100, abs=1e-9)
        assert change[1] == 1


async def test_funding() -> None:
    report = await funding.ask(tools(), "BTC")
    assert isinstance(report, DerivativesReport)
    (contract,) = report.contracts
    assert per_8h(contract.perp.funding) == near(0.00007231)
    assert "+0.0072%/8h" in await say(wired(binance, "binance"), "/funding BTC")


async def test_longs_and_shorts() -> None:
    report = await ls.ask(tools(), "BTC-USDT")
    assert len(report.shares) == 3
    now, before = (float(RATIOS[at]["longAccount"]) for at in (-1, 0))
    for each in report.shares:
        assert (each.now, each.before) == (near(now), near(before))


async def test_profile() -> None:
    """The window's candles by their own times; the mean of typical prices by volume; the fullest of 48 steps."""
    report = await profile.ask(tools(), OfMarket("BTC-USDT", "24h", ("perp",)))
    rows = [row for row in klines("perp", "5m", 300) if row[0] >= NOW_MS - DAY_MS]
    assert report.n_candles == len(rows)
    paid = sum((float(row[2]) + float(row[3]) + float(row[4])) / 3 * float(row[5]) for row in rows)
    assert report.vwap == near(paid / sum(column(rows, 5)))
    bottom, top = min(column(rows, 3)), max(column(rows, 2))
    step = (top - bottom) / 48
    bins = [0.0] * 48
    for row in rows:
        high, low, coins = float(row[2]), float(row[3]), float(row[5])
        for i in range(48):
            inside = min(high, bottom + (i + 1) * step) - max(low, bottom + i * step)
            if inside > 0:
                bins[i] += coins * inside / (high - low)
    assert report.volume is not None
    assert report.volume.poc == near(bottom + (bins.index(max(bins)) + 0.5) * step)
    assert report.volume.bins == pytest.approx(bins, rel=1e-6)
    assert report.last == float(rows[-1][4])


async def test_analysis() -> None:
    report = await analysis.ask(tools(), OfMarket("BTC-USDT", "15m", ("perp",)))
    closed = klines("perp", "15m", 769)[:-1]
    close = column(closed, 4)
    day = close[-97:]
    swing = math.sqrt(sum(math.log(after / before) ** 2 for before, after in pairwise(day))) * 100
    assert report.volatility == near(swing)
    last20 = close[-20:]
    assert report.bands is not None
    assert report.bands.upper == near(statistics.fmean(last20) + 2 * statistics.pstdev(last20))
    moves = [after - before for before, after in zip(close[-200:], close[-199:], strict=False)]
    gain = statistics.fmean(max(each, 0.0) for each in moves[:14])
    loss = statistics.fmean(max(-each, 0.0) for each in moves[:14])
    for each in moves[14:]:
        gain, loss = (gain * 13 + max(each, 0.0)) / 14, (loss * 13 + max(-each, 0.0)) / 14
    assert report.rsi == near(100 - 100 / (1 + gain / loss))
    assert report.candle_coins == float(closed[-1][5])
    assert report.day is not None
    midnight = NOW_MS // DAY_MS * DAY_MS
    assert report.day.coins == near(sum(float(row[5]) for row in closed if row[0] >= midnight))
    assert report.missing == {}
