"""What was realised and paid, read in pages: every row once, the newest when there are too many."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from wired import DAY_MS, KEYS, NOW_MS, say, wired

from exchanges.bybit import Bybit

TODAY_MS = NOW_MS - NOW_MS % DAY_MS


def row(time_ms: int, amount: str = "-1", kind: str = "FUNDING_FEE", asset: str = "USDT") -> dict[str, Any]:
    return {"symbol": "S", "incomeType": kind, "income": amount, "asset": asset, "time": time_ms}


def bot_with(rows: list[dict[str, Any]]) -> Any:
    """A Binance account whose USD-M income is these rows, oldest first, at most a page at a time."""
    rows = sorted(rows, key=lambda each: int(each["time"]))

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        if path == "/fapi/v1/income":
            begin, end = int(query["startTime"]), int(query["endTime"])
            return [each for each in rows if begin <= each["time"] <= end][: int(query["limit"])]
        if path.endswith("apiRestrictions"):
            return {"enableReading": True}
        return {"positions": []} if path == "/fapi/v3/account" else []

    return wired(answer, "binance", KEYS)


async def test_rows_of_one_millisecond_across_an_edge_count_once() -> None:
    """Funding of 37 contracts at 34 round times: a page of 1000 ends inside the 28th."""
    rows = [row(NOW_MS - 6 * DAY_MS + k * 14_400_000) for k in range(34) for _ in range(37)]
    assert "funding -$1,258.00" in await say(bot_with(rows), "/pnl")


async def test_of_too_many_rows_the_newest_are_kept() -> None:
    """Fifteen thousand fees in the weeks before, and a loss today."""
    rows = [row(TODAY_MS - 29 * DAY_MS + k * 120_000, "-0.5", "COMMISSION") for k in range(15_000)]
    rows.append(row(TODAY_MS + 3_600_000, "-4321", "REALIZED_PNL"))
    told = await say(bot_with(rows), "/pnl")
    assert "today -$4,321.00" in told
    assert "Binance: there is more than could be read. " in told
    assert "30d: since 2026-" in told


async def test_sums_that_are_whole_are_not_called_shortened() -> None:
    rows = [row(TODAY_MS - each * DAY_MS, "2", "REALIZED_PNL") for each in range(29)]
    told = await say(bot_with(rows), "/pnl")
    assert "could be read" not in told
    assert "+58" in told


async def test_asset_without_a_price_is_named() -> None:
    told = await say(bot_with([row(NOW_MS - 1000, "25", "REALIZED_PNL", "QQQ")]), "/pnl")
    assert "Binance: QQQ has no price here, so sums are n/a." in told
    assert "$0.00" not in told.partition("today")[2].partition("\n")[0]


def test_bybit_stretches_share_no_millisecond() -> None:
    targets = [ask("").target for ask in Bybit().income(NOW_MS - 30 * DAY_MS, NOW_MS)]
    stretches = [
        tuple(int(each.partition(f"{name}=")[2].partition("&")[0]) for name in ("startTime", "endTime"))
        for each in targets
        if "category=linear" in each
    ]
    assert all(end + 1 == begin for (_, end), (begin, _) in pairwise(stretches))
    assert (stretches[0][0], stretches[-1][1]) == (NOW_MS - 30 * DAY_MS, NOW_MS)
