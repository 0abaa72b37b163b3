"""What was realised and paid, read in pages: every row once, the newest when there are too many."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from wired import DAY_MS, KEYS, NOW_MS, say, wired

from exchanges.bybit import Bybit

TODAY_MS = NOW_MS - NOW_MS % DAY_MS
BYBIT_KEYS = {"BYBIT_API_KEY": "a-key-of-nobody", "BYBIT_SECRET_KEY": "a-word-of-nobody"}
OKX_KEYS = {"OKX_API_KEY": "a-key-of-nobody", "OKX_SECRET_KEY": "a-word-of-nobody", "OKX_PASSPHRASE": "a-phrase"}


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


def okx_with(bills: list[dict[str, Any]], closed: list[dict[str, Any]]) -> Any:
    """An OKX account of these bills, newest first, a hundred at a time; and of these closed positions."""

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        rows: list[dict[str, Any]] = [{"perm": "read_only"}] if path.endswith("config") else []
        if path.endswith("positions-history"):
            rows = closed
        if path.endswith("bills"):
            after = int(query.get("after", 1 << 40))
            rows = [each for each in bills if int(each["billId"]) < after][:100]
        return {"code": "0", "msg": "", "data": rows}

    return wired(answer, "okx", OKX_KEYS)


def bills_of(n: int, kind: str, fee: str, end_ms: int, step_ms: int, last_id: int) -> list[dict[str, Any]]:
    """The newest first."""
    shared = {"type": kind, "balChg": "-0.001", "fee": fee, "ccy": "USDT"}
    return [shared | {"ts": str(end_ms - i * step_ms), "billId": str(last_id - i)} for i in range(n)]


async def test_fees_behind_rows_of_another_kind_are_not_told_as_none_at_okx() -> None:
    """Twelve hundred bills of interest, and behind them the fees."""
    interest = bills_of(1200, "7", "0", NOW_MS - 1000, 300_000, 1_000_000)
    told = await say(okx_with([*interest, *bills_of(100, "2", "-5", NOW_MS - 5 * DAY_MS, 60_000, 1000)], []), "/pnl")
    assert "OKX: there is more than could be read. " in told
    assert "2026-09-18 02:58 UTC" in told  # of the thousandth


async def test_fees_behind_rows_of_another_kind_are_not_told_as_none_at_bybit() -> None:
    """Five hundred rows of interest, and behind them the fees."""

    def row_of(i: int) -> dict[str, Any]:
        at = str(NOW_MS - 1000 - i * 600_000)
        return {"currency": "USDT", "type": "INTEREST", "funding": "", "fee": "5" * (i >= 500), "transactionTime": at}

    told = await say(bybit_with([row_of(i) for i in range(900)], []), "/pnl")
    assert "Bybit: there is more than could be read. " in told
    assert "2026-09-18 03:03 UTC" in told


def bybit_with(log: list[dict[str, Any]], closed: list[dict[str, Any]]) -> Any:
    """A Bybit account of this log, newest first, fifty rows at a time; and of these closed positions."""

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        result: dict[str, Any] = {"readOnly": 1, "list": [], "category": query.get("category", "")}
        if path.endswith("transaction-log"):
            begin = int(query.get("cursor", 0))
            result["list"] = log[begin : begin + 50]
            result["nextPageCursor"] = str(begin + 50) if begin + 50 < len(log) else ""
        elif path.endswith("closed-pnl") and query["category"] == "linear":
            begin, end = int(query["startTime"]), int(query["endTime"])
            result["list"] = [each for each in closed if begin <= int(each["updatedTime"]) <= end]
        return {"retCode": 0, "retMsg": "OK", "result": result, "time": NOW_MS}

    return wired(answer, "bybit", BYBIT_KEYS)
