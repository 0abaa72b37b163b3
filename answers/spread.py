"""/spread: one coin's price at all exchanges, and how far they are apart.

A name may be two coins: prices that are too far off are named, and take no part. The gap is what is left between the
highest bid of one exchange and the lowest ask of another, before fees: above zero somebody may buy here and sell there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple, TypedDict, TypeGuard

from answers.asked import KIND_WORDS, Tools, WhichSymbol, only_symbol, placed
from asking.races import all_answers, both, or_none
from exchanges.errors import MarketError, is_unlisted
from exchanges.symbols import split
from exchanges.table import Exchange
from exchanges.words import COIN, Book, Ticker
from indicators import median
from market import FIRST_KIND_SHARE, Market
from render.fields import iso
from render.figures import counted, escape, fit, format_price, format_short_price, format_span, unsigned_zero
from render.keyboards import KINDS, again, choices, keyboard, may_be, neighbours
from render.message import Answer, folded, foot, pre, short
from render.sentences import exchange_name, in_words, reasons, said

ABOUT = "price for"
WIDEST = 11  # characters of a price in the table
SAME_COIN = 1.2  # times: two prices further apart are of two coins, or of a market that is cut off
OLD_MS = 15 * 60_000  # since a market was last heard of: what stands there may be bid and asked no more


class Asked(NamedTuple):
    """kinds: the first of which there is any is meant."""

    symbol: str
    kinds: tuple[str, ...] = KINDS


def command(words: list[str]) -> Asked:
    """Raises WhichSymbol, NotASymbol and Misread."""
    if not words:
        raise WhichSymbol("spread", "/spread BTC, or /spread BTC perp")
    kind = placed(words)[1].kind
    return Asked(only_symbol(words), KIND_WORDS[kind] if kind else KINDS)


class Gap(NamedTuple):
    """To buy at one exchange's ask and sell at another's bid. bps: of their middle, before fees."""

    bps: float
    buy: Ticker
    sell: Ticker

    @property
    def is_in_one_dollar(self) -> bool:
        """Whether both are priced in the same one; if not, the two dollars' own difference is in the gap."""
        return dollar_of(self.buy) == dollar_of(self.sell)


class SpreadReport(NamedTuple):
    """A coin's tickers of one kind. strangers: whose price is too far off. old: who was last heard of long ago.

    failed: by exchange; without: who lists no such market.
    """

    symbol: str
    kind: str
    tickers: list[Ticker]
    strangers: list[Ticker]
    failed: dict[str, MarketError]
    without: list[str]
    time_ms: int
    took_s: float
    old: Sequence[Ticker] = ()


async def ask(tools: Tools, asked: Asked) -> SpreadReport:
    """All exchanges' tickers of the first kind that anybody lists. Raises NotListed and NoAnswer, within DEADLINE_S."""
    market, began = tools.market, tools.market.clock.monotonic()
    errors: list[MarketError] = []
    for n_left, kind in zip(range(len(asked.kinds), 0, -1), asked.kinds, strict=True):
        left_s = began + market.deadline_s - 0.2 - market.clock.monotonic()
        timeout_s = left_s if n_left == 1 else left_s * FIRST_KIND_SHARE
        each_at = {each.id: ticker_at(market, each, kind, asked.symbol) for each in market.offering(kind)}
        found, failed = await all_answers(each_at, timeout_s)
        if found:
            return _report(market, asked.symbol, kind, list(found.values()), failed, began)
        errors += failed.values() or market.no_such_markets(kind)
    raise await market.why_not(asked.symbol, errors, began, asked.kinds[0] if len(asked.kinds) == 1 else "")


async def ticker_at(market: Market, exchange: Exchange, kind: str, symbol: str) -> Ticker:
    """With bid and ask, where they are told at all. Raises MarketError."""
    of_kind = market.perp_at if kind == "perp" else market.spot_at
    found, quoted = await both(of_kind(exchange, symbol), or_none(book_at(market, exchange, kind, symbol)))
    assert found.snapshot.ticker is not None
    return as_quoted(exchange, found.snapshot.ticker, quoted, market.now_ms())


def as_quoted(exchange: Exchange, ticker: Ticker, quoted: Book | None, now_ms: int) -> Ticker:
    """The ticker with its quotes, and their time: where nobody trades for a while, they are still of now."""
    if quoted is not None:
        return ticker._replace(bid=quoted.bid, ask=quoted.ask, time_ms=now_ms)
    return ticker._replace(time_ms=now_ms) if exchange.is_timed_by_trades else ticker


async def book_at(market: Market, exchange: Exchange, kind: str, symbol: str) -> Book | None:
    """Best bid and ask, where they have an endpoint of their own. Raises MarketError."""
    spellings = market.spellings(exchange, kind, symbol)
    async for of in spellings:
        with spellings:
            if (endpoint := exchange.book(of)) is None:
                return None
            told: Book = await market.cached(endpoint, per=of.multiplier)
            return told
    raise spellings.unknown


def _report(
    market: Market, symbol: str, kind: str, found: Sequence[Ticker], failed: dict[str, MarketError], began: float
) -> SpreadReport:
    fresh = of_now(found, market.now_ms()) or list(found)  # where all are old, the foot says so
    tickers, strangers = of_one_coin(fresh)
    old = [each for each in found if each not in fresh]
    missing = {name: error for name, error in failed.items() if not is_unlisted(error)}
    without = [name for name in failed if name not in missing]
    took_s = market.clock.monotonic() - began
    return SpreadReport(symbol, kind, tickers, strangers, missing, without, market.now_ms(), took_s, old)


def of_now(tickers: Sequence[Ticker], now_ms: int) -> list[Ticker]:
    """Those of markets that were heard of lately. Who tells no time was asked just now."""
    return [each for each in tickers if not each.time_ms or now_ms - each.time_ms <= OLD_MS]


def of_one_coin(tickers: Sequence[Ticker]) -> tuple[list[Ticker], list[Ticker]]:
    """Those of the coin that the first, preferred exchange means by the name, the dearest first; and the others.

    Each is at most SAME_COIN times the next one's price, so that a chain of exchanges holds together.
    """
    ranked = sorted(tickers, key=lambda each: (-middle(each), each.exchange))
    groups: list[list[Ticker]] = []
    for each in ranked:
        if groups and middle(groups[-1][-1]) <= middle(each) * SAME_COIN:
            groups[-1].append(each)
        else:
            groups.append([each])
    meant = next(group for group in groups if tickers[0] in group)
    return meant, [each for each in ranked if each not in meant]


def middle(ticker: Ticker) -> float:
    """Between bid and ask; the last price where they are not told."""
    return (ticker.bid + ticker.ask) / 2 if is_price(ticker.bid) and is_price(ticker.ask) else ticker.last


def is_price(figure: float | None) -> TypeGuard[float]:
    return figure is not None and figure > 0


def dollar_of(ticker: Ticker) -> str:
    quote = split(ticker.symbol)[1]
    return "USD" if quote == COIN else quote


def widest_gap(tickers: Sequence[Ticker], *, in_one_dollar: bool = False) -> Gap | None:
    """The widest of any two exchanges that tell bid and ask; None where there are no two. May be below zero."""
    gaps = [
        Gap((sell.bid - buy.ask) / ((sell.bid + buy.ask) / 2) * 1e4, buy, sell)
        for buy, sell in permutations(tickers, 2)
        if is_price(buy.ask) and is_price(sell.bid)
    ]
    return max(
        (gap for gap in gaps if gap.is_in_one_dollar or not in_one_dollar), default=None, key=lambda gap: gap.bps
    )


def show(report: SpreadReport, now_s: float) -> Answer:
    """The gap, then a row an exchange: its price, how far it is from the middle one, its own spread."""
    name, base = short(report.symbol), split(report.symbol)[0]
    gap = widest_gap(report.tickers)
    partial = " (partial)" if report.failed else ""
    width = "n/a" if gap is None else format_bps(gap.bps)
    spot = "" if report.kind == "perp" else " spot"
    kinds = ((kind, f"spread {name} {kind}") for kind in KINDS if may_be(kind, report.symbol))
    return Answer(
        f"<b>{escape(name)} {report.kind} gap {width}</b>{partial}",
        (escape(_in_words(gap)), pre(_rows(report.tickers)), folded([_quoted(each) for each in report.tickers])),
        tuple(escape(note) for note in _notes(report, gap)),
        foot(counted(len(report.tickers), "exchange"), min(each.time_ms for each in report.tickers), now_s),
        keyboard(
            again(f"spread {name} {report.kind}", f"chart {name}{spot}", f"alert {name}{spot}"),
            choices(kinds, report.kind),
            neighbours("spread", f"{base}-USDT" if report.kind == "perp" else report.symbol),
        ),
    )


def sides_of(gap: Gap) -> str:
    """OKX asks 67,400.1, Binance bids 67,431.2"""
    buy, sell = gap.buy, gap.sell
    asks = f"{exchange_name(buy.exchange)} asks {format_price(buy.ask)}"
    return f"{asks}, {exchange_name(sell.exchange)} bids {format_price(sell.bid)}"


def _in_words(gap: Gap | None) -> str:
    if gap is None:
        return "Fewer than two exchanges tell bid and ask."
    sides = sides_of(gap)
    return f"{sides}; before fees" if gap.bps > 0 else f"{sides}: nothing to gain"


def _rows(tickers: Sequence[Ticker]) -> list[list[str]]:
    centre = median([middle(each) for each in tickers])
    assert centre is not None
    rows = [["", "middle", "bp", "own"]]
    for each in tickers:
        price = middle(each)
        own = (each.ask - each.bid) / price * 1e4 if is_price(each.bid) and is_price(each.ask) else None
        shown = format_price(price) if len(format_price(price)) <= WIDEST else format_short_price(price)
        name = fit(exchange_name(each.exchange), 8).rstrip()
        rows.append([name, shown, _off((price / centre - 1) * 1e4), "n/a" if own is None else _own(own)])
    return rows


def _off(bps: float) -> str:
    """+3.2 · -1204, at most six characters."""
    return unsigned_zero(f"{bps:+.1f}" if abs(bps) < 1000 else f"{bps:+.0f}" if abs(bps) < 1e5 else f"{bps:+.0e}")


def _own(bps: float) -> str:
    """0.02 · 13.8 · 1204, at most six characters; below zero where bid and ask are crossed."""
    size = abs(bps)
    if size < 10:
        return unsigned_zero(f"{bps:.2f}")
    return f"{bps:.1f}" if size < 1000 else f"{bps:.0f}" if size < 1e5 else f"{bps:.0e}"


def _quoted(ticker: Ticker) -> str:
    bid, ask = format_price(ticker.bid), format_price(ticker.ask)
    return (
        f"{exchange_name(ticker.exchange)}, {dollar_of(ticker)}: bid {bid}, ask {ask}, last {format_price(ticker.last)}"
    )


def _notes(report: SpreadReport, gap: Gap | None) -> list[str]:
    notes = []
    if gap is not None and not gap.is_in_one_dollar:
        same = widest_gap(report.tickers, in_one_dollar=True)
        within = "" if same is None else f" Within one it is {format_bps(same.bps)}."
        notes.append(
            f"Bought in {dollar_of(gap.buy)}, sold in {dollar_of(gap.sell)}: their own difference counts.{within}"
        )
    if report.strangers:
        others = in_words([f"{exchange_name(each.exchange)} ({format_price(each.last)})" for each in report.strangers])
        notes.append(f"Not compared, as another coin of that name or a market apart: {others}.")
    if report.old:
        ages = [f"{exchange_name(each.exchange)} ({_age(each, report.time_ms)})" for each in report.old]
        notes.append(f"Not compared, as last heard of so long ago: {in_words(ages)}.")
    if report.failed:
        notes.append(f"Missing: {reasons(report.failed.values())}.")
    if report.without:
        notes.append(f"Not on {in_words([exchange_name(each) for each in report.without])}.")
    return notes


def _age(ticker: Ticker, now_ms: int) -> str:
    return format_span((now_ms - ticker.time_ms) / 1000)


def format_bps(bps: float) -> str:
    """+3.2 bp"""
    return unsigned_zero(f"{bps:+.1f} bp")


class Quote(TypedDict):
    """What one exchange quotes. deviation_bps: from the median of all; spread_bps: between its own bid and ask."""

    exchange: str
    quote_currency: str
    bid: float | None
    ask: float | None
    price: float
    mid_price: float
    deviation_bps: float | None
    spread_bps: float | None
    timestamp: str


class Widest(TypedDict):
    gap_bps: float
    buy_exchange: str
    buy_price: float
    sell_exchange: str
    sell_price: float
    is_one_currency: bool


class Fields(TypedDict):
    base_symbol: str
    market_type: str
    timestamp: str
    widest_gap: Widest | None
    exchange_quotes: list[Quote]
    other_coins: list[str]
    outdated: list[str]
    unlisted: list[str]
    missing: list[str]


def fields(report: SpreadReport) -> Fields:
    centre = median([middle(each) for each in report.tickers])
    return {
        "base_symbol": split(report.symbol)[0],
        "market_type": report.kind,
        "timestamp": iso(min(each.time_ms for each in report.tickers)),
        "widest_gap": _gap_fields(widest_gap(report.tickers)),
        "exchange_quotes": [_quote_fields(each, centre) for each in report.tickers],
        "other_coins": [each.exchange for each in report.strangers],
        "outdated": [each.exchange for each in report.old],
        "unlisted": report.without,
        "missing": [f"{name}: {said(error)}" for name, error in report.failed.items()],
    }


def _gap_fields(gap: Gap | None) -> Widest | None:
    if gap is None or gap.buy.ask is None or gap.sell.bid is None:
        return None
    return {
        "gap_bps": gap.bps,
        "buy_exchange": gap.buy.exchange,
        "buy_price": gap.buy.ask,
        "sell_exchange": gap.sell.exchange,
        "sell_price": gap.sell.bid,
        "is_one_currency": gap.is_in_one_dollar,
    }


def _quote_fields(ticker: Ticker, centre: float | None) -> Quote:
    price = middle(ticker)
    is_quoted = is_price(ticker.bid) and is_price(ticker.ask)
    return {
        "exchange": ticker.exchange,
        "quote_currency": dollar_of(ticker),
        "bid": ticker.bid,
        "ask": ticker.ask,
        "price": ticker.last,
        "mid_price": price,
        "deviation_bps": (price / centre - 1) * 1e4 if centre else None,
        "spread_bps": ((ticker.ask or 0.0) - (ticker.bid or 0.0)) / price * 1e4 if is_quoted else None,
        "timestamp": iso(ticker.time_ms),
    }
