"""What was realised and paid, read in pages: every row once, the newest when there are too many."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from wired import DAY_MS, KEYS, NOW_MS, say, wired

from answers import chart_pnl
from answers.account import Asked
from clock import loop_time
from exchanges.bybit import Bybit

TODAY_MS = NOW_MS - NOW_MS % DAY_MS
BYBIT_KEYS = {"BYBIT_API_KEY": "a-key-of-nobody", "BYBIT_SECRET_KEY": "a-word-of-nobody"}
OKX_KEYS = {"OKX_API_KEY": "a-key-of-nobody", "OKX_SECRET_KEY": "a-word-of-nobody", "OKX_PASSPHRASE": "a-phrase"}


def row(time_ms: int, amount: str = "-1", kind: str = "FUNDING_FEE", asset: str = "USDT") -> dict[str, Any]:
    return {"symbol": "S", "incomeType": kind, "income": amount, "asset": asset, "time": time_ms}


def bot_with(rows: list[dict[str, Any]], page_s: float = 0.0) -> Any:
    """A Binance account whose USD-M income is these rows, oldest first, at most a page at a time, each in page_s."""
    rows = sorted(rows, key=lambda each: int(each["time"]))
    passed_s = 0.0

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        nonlocal passed_s
        if path == "/fapi/v1/income":
            begin, end = int(query["startTime"]), int(query["endTime"])
            page = [each for each in rows if begin <= each["time"] <= end][: int(query["limit"])]
            passed_s += page_s if page else 0.0
            return page
        if path.endswith("apiRestrictions"):
            return {"enableReading": True}
        if "symbol" in query:
            return 400, {"code": -1121, "msg": "Invalid symbol."}
        return {"positions": []} if path == "/fapi/v3/account" else []

    return wired(answer, "binance", KEYS, monotonic=lambda: loop_time() + passed_s)


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
    assert "Binance: QQQ has no price here, so sums with it are n/a." in told
    assert "$0.00" not in told.partition("today")[2].partition("\n")[0]


def test_bybit_stretches_share_no_millisecond() -> None:
    targets = [each.ask("").target for each in Bybit().income(NOW_MS - 30 * DAY_MS, NOW_MS)]
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


async def test_of_funding_and_fees_the_one_that_is_told_says_since_when() -> None:
    bills = bills_of(1200, "8", "0", NOW_MS - 1000, 60_000, 1_000_000)
    bills[3] |= {"type": "2", "ccy": "FOO", "fee": "-1"}  # a coin without a price
    told = await say(okx_with(bills, []), "/pnl")
    assert "funding -$1.00, fees n/a" in told
    assert "there is more than could be read. Funding: since 2026-" in told
    assert "; fees: n/a." in told


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


def logged(n: int) -> list[dict[str, Any]]:
    """Fees of a cent, one a minute."""
    shared = {"currency": "USDT", "type": "TRADE", "funding": "", "fee": "0.01"}
    return [shared | {"transactionTime": str(NOW_MS - 1000 - i * 60_000)} for i in range(n)]


CLOSED = [
    {"symbol": "ETHUSDT", "closedPnl": "10", "updatedTime": str(TODAY_MS + 3_600_000 - ago * DAY_MS)}
    for ago in range(29)
]


async def test_profit_is_told_for_as_long_as_its_own_list_is_whole() -> None:
    """At Bybit, with more fees today than can be read."""
    bot = bybit_with(logged(900), CLOSED)
    told = await say(bot, "/pnl")
    assert "today +$10.00" in told
    assert "+10.0 +70.0 +290" in told
    assert "could be read. Funding and fees: since 2026-09-21 05:54 UTC." in told
    days = chart_pnl.by_day(Asked("", await bot.accounts().pnl()))
    assert (len(days), sum(days.values())) == (30, 290.0)


async def test_profit_at_okx_is_not_cut_to_what_is_known_of_fees() -> None:
    closed = [{"ccy": "USDT", "realizedPnl": "100", "uTime": str(NOW_MS - ago * DAY_MS)} for ago in (0, 3, 20)]
    told = await say(okx_with(bills_of(1200, "2", "-1", NOW_MS - 1000, 60_000, 1_000_000), closed), "/pnl")
    assert "+100 +200 +300" in told
    assert "Funding and fees: since 2026-09-20 21:34 UTC." in told


async def test_profit_stands_where_fees_could_not_be_read() -> None:
    told = await say(bybit_with(None, CLOSED), "/pnl")
    assert "+10.0 +70.0 +290" in told
    assert "funding n/a, fees n/a" in told
    assert "Not all shown: Bybit answered HTTP 503." in told


async def test_more_than_could_be_read_of_today_is_said() -> None:
    rows = [row(TODAY_MS + k * 3000, "-0.1", "COMMISSION") for k in range(12_000)]
    bot = bot_with(rows)
    assert "could be read. Today, 7d and 30d: n/a; funding and fees: n/a." in await say(bot, "/pnl")
    assert "n/a: there is more than could be read, of today alone, at Binance." in await say(bot, "/chart pnl")


async def test_on_a_slow_line_what_was_read_is_told() -> None:
    """Nine thousand five hundred fees at 0.75 s a page, and a profit today."""
    rows = [row(TODAY_MS - 5 * DAY_MS + k * 30_000, "-0.1", "COMMISSION") for k in range(9_500)]
    told = await say(bot_with([*rows, row(TODAY_MS + 1, "50", "REALIZED_PNL")], page_s=0.75), "/pnl")
    assert "today +$50.00" in told
    assert "Binance: there is more than could be read. 7d and 30d: since 2026-09-21 00:00 UTC" in told


def bybit_with(log: list[dict[str, Any]] | None, closed: list[dict[str, Any]]) -> Any:
    """Bybit with this log, newest first, fifty rows at a time; None: it fails. And these closed positions."""

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        if path.endswith("transaction-log") and log is None:
            return 503, {}
        result: dict[str, Any] = {"readOnly": 1, "list": [], "category": query.get("category", "")}
        if path.endswith("transaction-log") and log is not None:
            begin = int(query.get("cursor", 0))
            result["list"] = log[begin : begin + 50]
            result["nextPageCursor"] = str(begin + 50) if begin + 50 < len(log) else ""
        elif path.endswith("closed-pnl") and query["category"] == "linear":
            begin, end = int(query["startTime"]), int(query["endTime"])
            result["list"] = [each for each in closed if begin <= int(each["updatedTime"]) <= end]
        return {"retCode": 0, "retMsg": "OK", "result": result, "time": NOW_MS}

    return wired(answer, "bybit", BYBIT_KEYS)
