"""/ls: who is long and who is short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypedDict

from answers.asked import Tools, WhichSymbol, only_symbol
from answers.same_coin import namesakes
from asking.races import all_rows, both, each_of
from exchanges.errors import BadResponse, MarketError, NotSupported, Reason, UnknownSymbol, is_unlisted
from exchanges.gaps import MAX_AHEAD_MS
from exchanges.symbols import split
from exchanges.table import EXCHANGES, Exchange
from exchanges.words import Ratio
from indicators import DAY_MS
from market import HISTORY_S, Market
from render.fields import iso, slashed
from render.figures import escape, format_moment, format_points
from render.keyboards import again, keyboard, neighbours
from render.message import Answer, foot, pre, short
from render.sentences import exchange_name, reasons, said, sentence

RATIO_HOURS = 25  # rows: now, and 24 hours back
LATE_MS = 2 * 3_600_000  # an hourly figure that is so much older than others is told with its time
ABOUT = "longs and shorts of"
SHARE_NAMES = {"accounts": "all accounts", "top accounts": "top accounts", "top positions": "top positions"}


def command(words: list[str]) -> str:
    """The symbol. Raises NotASymbol and Misread."""
    if not words:
        raise WhichSymbol("ls", "/ls BTC")
    return only_symbol(words)


class LongShare(NamedTuple):
    """Who is long at one exchange: the share of "accounts", "top accounts" or "top positions", and 24 hours before."""

    exchange: str
    what: str
    now: float
    before: float | None
    time_ms: int


class RatioReport(NamedTuple):
    """All that exchanges tell of longs and shorts. failed: by exchange; without: those that tell nothing of it.

    namesakes: by exchange, that it lists another coin of that name, of which nothing is shown.
    """

    symbol: str
    shares: list[LongShare]
    failed: dict[str, MarketError]
    without: list[str]
    time_ms: int
    took_s: float
    namesakes: Mapping[str, MarketError] = {}


async def ask(tools: Tools, symbol: str) -> RatioReport:
    """Of all exchanges that tell any. Raises NotListed and NoAnswer, within DEADLINE_S."""
    market, began = tools.market, tools.market.clock.monotonic()
    market.raise_if_not_listed(symbol, "perp")
    asked = {each.id: ratios_at(market, each, symbol) for each in market.offering("perp")}
    (shares, failed, without), others = await both(
        all_rows(asked, market.deadline_s - 0.2), namesakes(market, split(symbol)[0], market.offering("perp"))
    )
    others = {name: error for name, error in others.items() if any(each.exchange == name for each in shares)}
    shares = [each for each in shares if each.exchange not in others]
    failed = failed | others if not shares else failed
    if not shares:
        # Who tells of other markets does not list this one, unless it is known that he does.
        tellers = {each.id for each in market.offering("perp") if "ratios" in each.tells}
        strangers = {each for each in tellers if not market.symbols.is_likely(EXCHANGES[each], "perp", symbol)}
        untold = [
            UnknownSymbol(each, "no ratios") if each in strangers else NotSupported(each, "none", Reason.NO_RATIOS)
            for each in without
            if each in tellers or not tellers
        ]
        raise await market.why_not(symbol, [*failed.values(), *untold] or market.no_such_markets("perp"), began, "perp")
    took_s = market.clock.monotonic() - began
    return RatioReport(symbol, shares, failed, without, market.now_ms(), took_s, others)


async def ratios_at(market: Market, exchange: Exchange, symbol: str) -> tuple[list[LongShare], list[MarketError]]:
    """What one exchange tells, and what failed there other than that it has no such thing.

    A share of a time that has not come is none.
    """
    try:
        answers = await _ratios_of(market, exchange, symbol)
    except MarketError as error:
        answers = [error]
    shares = []
    errors = []
    for answer in answers:
        if isinstance(answer, MarketError):
            if not is_unlisted(answer):
                errors.append(answer)
        else:
            shares += [_long_share(exchange.id, what, rows) for what, rows in answer.items() if rows]
    told, shares = shares, [each for each in shares if each.time_ms - market.now_ms() <= MAX_AHEAD_MS]
    if len(shares) < len(told):
        errors.append(BadResponse(exchange.id, "a share of a time that has not come"))
    return shares, errors


async def _ratios_of(market: Market, exchange: Exchange, symbol: str) -> list[dict[str, list[Ratio]] | MarketError]:
    spellings = market.spellings(exchange, "perp", symbol)
    async for of in spellings:
        if not exchange.has("ratios", of.kind, of.quote):
            return []  # and whether it is listed, was not asked
        with spellings:
            endpoints = exchange.ratios(of, RATIO_HOURS, market.now_ms())
            answers = await each_of(market.cached(each, HISTORY_S, of.multiplier) for each in endpoints)
            if answers and all(isinstance(each, UnknownSymbol) or each == {"accounts": []} for each in answers):
                raise UnknownSymbol(exchange.id, f"no ratios of {of.listed}")
            return answers
    raise spellings.unknown


def _long_share(exchange: str, what: str, rows: Sequence[Ratio]) -> LongShare:
    last = rows[-1]
    before = next((row.long_share for row in rows if row.time_ms == last.time_ms - DAY_MS), None)
    return LongShare(exchange, what, last.long_share, before, last.time_ms)


def show(report: RatioReport, now_s: float) -> Answer:
    """Long and short by exchange, and what changed over 24 hours."""
    lines = [f"<b>{escape(short(report.symbol))} perp</b> longs and shorts"]
    rows = [["", "long", "L/S", "24h pp"]]
    exchange = ""
    for each in report.shares:
        if each.exchange != exchange:
            exchange = each.exchange
            rows.append([exchange_name(exchange)])
        rows.append([f" {SHARE_NAMES[each.what]}", *_share_cells(each)])
    lines.append(pre(rows))
    lines.append("Share of accounts, or of top traders' positions, that is long.")
    if report.failed:
        lines.append(escape(f"Missing: {reasons(report.failed.values())}."))
    if report.namesakes:
        lines.append(escape(sentence(reasons(report.namesakes.values()))))
    if report.without:
        names = ", ".join(exchange_name(each) for each in report.without)
        lines.append(escape(f"{names}: no data."))
    oldest, newest = (of(each.time_ms for each in report.shares) for of in (min, max))
    late = {each.exchange: each.time_ms for each in report.shares if newest - each.time_ms > LATE_MS}
    for exchange, time_ms in late.items():
        lines.append(escape(f"{exchange_name(exchange)}'s are of {format_moment(time_ms, now_s)}."))
    name = short(report.symbol)
    return Answer(
        lines[0],
        tuple(lines[1:]),
        foot=foot("Hourly figures", oldest, now_s),
        keyboard=keyboard(again(f"ls {name}", alert=f"alert {name}"), neighbours("ls", report.symbol)),
    )


def _share_cells(share: LongShare) -> list[str]:
    ratio = share.now / (1 - share.now) if share.now < 1 else None
    change = None if share.before is None else (share.now - share.before) * 100
    return [f"{share.now * 100:.1f}%", "n/a" if ratio is None else f"{ratio:.2f}", format_points(change)]


class Share(TypedDict):
    exchange: str
    whose: str
    share_long: float
    share_long_24h_ago: float | None
    long_short_ratio: float | None
    timestamp: str


class Fields(TypedDict):
    symbol: str
    market_type: str
    timestamp: str
    shares: list[Share]
    untold: list[str]
    missing: list[str]


def fields(report: RatioReport) -> Fields:
    return {
        "symbol": slashed(report.symbol, "perp"),
        "market_type": "perp",
        "timestamp": iso(report.time_ms),
        "shares": [_share_fields(each) for each in report.shares],
        "untold": report.without,
        "missing": [f"{name}: {said(error)}" for name, error in report.failed.items()],
    }


def _share_fields(share: LongShare) -> Share:
    return {
        "exchange": share.exchange,
        "whose": share.what,
        "share_long": share.now,
        "share_long_24h_ago": share.before,
        "long_short_ratio": share.now / (1 - share.now) if share.now < 1 else None,
        "timestamp": iso(share.time_ms),
    }
