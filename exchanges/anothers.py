"""Whether figures that state no market can be of the market that was asked for. Pure.

Many answers are bare columns: candles at six exchanges, what takers did, open interest of the past. One that is of
another market is as well formed as the right one, and would be shown under the wrong name. Such figures are held
against an answer that does state its market: a price, a day's volume, the open interest of now.

What is caught is another market that trades at another price, more than MAX_APART beyond what the candles have seen.
What is not: one at a similar price (BTC-USDC for BTC-USDT, two stablecoins), as what candles add up to and what a
ticker calls its day need not be counted alike; and what nothing can be compared with: shares of longs and shorts, rates
of funding, a basis.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from exchanges.errors import BadResponse, WrongMarket
from exchanges.gaps import MAX_QUIET_MS
from exchanges.symbols import MAX_APART, are_of_one_coin
from exchanges.words import Candles, Flow, Ticker

MAX_VOLUME_APART = 4.0  # times a day's volume, that takers may have traded in less: both sides may be counted
MIN_VOLUME_SHARE = 0.01  # of a day's volume, that takers have traded in a day: the last minutes may not be told yet
MAX_INTEREST_APART = 8.0  # times, that open interest becomes more or less within the hour or two that a row is old
DAY_MS = 86_400_000


class Seen(NamedTuple):
    """Where a market stood, by an answer that states it. base_volume: of the 24 hours before; None where untold."""

    last: float
    base_volume: float | None
    at_ms: int


def can_be_of(candles: Candles, seen: Seen) -> bool:
    """Whether a market that stood at a price at a moment can have had these candles.

    The price has to be within MAX_APART of the range from the candle before that moment on. That is wide on purpose:
    a crash within the interval lies in the candle's range, as does a price of a minute ago; where nothing was traded
    for hours, the last candle and the last price are of the same trade. Candles that ended a day ago and more may have
    been left far behind: they are told as old, or refused for that.
    """
    n = len(candles)
    if not n or seen.at_ms - candles.open_ms[-1] > candles.interval_ms + max(MAX_QUIET_MS, 2 * candles.interval_ms):
        return True
    first = max(0, min(n, bisect_right(candles.open_ms, seen.at_ms)) - 2)
    return min(candles.low[first:]) / MAX_APART <= seen.last <= max(candles.high[first:]) * MAX_APART


def refuse_candles(candles: Candles, *seen: Seen) -> None:
    """Raises WrongMarket for candles that can be of none of the prices."""
    if seen and not any(can_be_of(candles, each) for each in seen):
        told = f"candles that end at {candles.close[-1]:g} are not of {candles.symbol}, which is at {seen[0].last:g}"
        raise WrongMarket(candles.exchange, told)


def refuse_other_last(ticker: Ticker, last: float | None) -> None:
    """Raises WrongMarket where a market's last trade has two prices, as two answers tell it."""
    if last is not None and not are_of_one_coin(ticker.last, last):
        raise WrongMarket(ticker.exchange, f"{ticker.symbol} is at {ticker.last:g}, and at {last:g}")


def refuse_pages(pages: Sequence[Candles]) -> None:
    """Raises WrongMarket where a page of candles, oldest first, does not end where the next one begins."""
    told = [page for page in pages if len(page)]
    for older, newer in pairwise(told):
        refuse_candles(older, Seen(newer.open[0], None, newer.open_ms[0]))


def refuse_flow(flow: Flow, seen: Seen) -> None:
    """Raises WrongMarket where takers traded more than a market's volume, or much less.

    More: in the periods that lie within its 24 hours, whose trades are all in that volume. Less: where the periods
    reach back for all of the 24 hours.
    """
    if not seen.base_volume or not len(flow.open_ms):
        return
    traded = [bought + sold for bought, sold in zip(flow.buy, flow.sell, strict=True)]
    since_ms, until_ms = seen.at_ms - DAY_MS, seen.at_ms - flow.interval_ms
    of_day = sum(each for at, each in zip(flow.open_ms, traded, strict=True) if since_ms <= at <= until_ms)
    is_less = flow.open_ms[0] <= since_ms and sum(traded) < seen.base_volume * MIN_VOLUME_SHARE
    if is_less or of_day > seen.base_volume * MAX_VOLUME_APART:
        told = f"{sum(traded):g} of takers are not of {flow.symbol}, of which {seen.base_volume:g} were traded in a day"
        raise WrongMarket(flow.exchange, told)


def refuse_history(exchange: str, symbol: str, rows: Sequence[tuple[int, float]], now: float | None) -> None:
    """Raises WrongMarket where the past of open interest, oldest first, does not lead to what it is now.

    now: None where that is not to be compared. Raises BadResponse for less than none.
    """
    if rows and min(coins for _, coins in rows) < 0:
        raise BadResponse(exchange, f"{symbol} had an open interest below zero")
    last = rows[-1][1] if rows else 0.0
    if now and last and max(now, last) > MAX_INTEREST_APART * min(now, last):
        raise WrongMarket(exchange, f"open interest that ends at {last:g} is not of {symbol}, which has {now:g}")
