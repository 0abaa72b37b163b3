"""What the past is asked of: candles, of which one answer may not hold enough, and open interest."""

from __future__ import annotations

from collections.abc import Sequence

from asking.fetch import Fetcher
from asking.races import start
from exchanges.anothers import refuse_pages
from exchanges.endpoints import Endpoint
from exchanges.joined import joined
from exchanges.table import Exchange
from exchanges.words import INTERVALS, Candles, Listing


async def candle_pages(
    fetcher: Fetcher, exchange: Exchange, of: Listing, interval: str, n: int, now_ms: int, ago_ms: Sequence[int] = ()
) -> Candles:
    """As many answers as n candles take, put together. Raises MarketError: WrongMarket where they do not meet.

    ago_ms: where only those of so long ago are needed, and the newest; then others may be missing.
    """
    step, most = INTERVALS[interval], exchange.max_candles[of.kind]
    if ago_ms and n <= most:
        around = exchange.candles_around(of, interval, n, now_ms, [now_ms - each for each in ago_ms])
        return await fetcher.fetch(around)
    end_ms = (now_ms // step + 1) * step
    asked: list[Endpoint[Candles]] = []
    while n > 0:
        page = min(n, most)
        asked.append(exchange.candles(of, interval, page, now_ms, end_ms if asked else None))
        end_ms, n = end_ms - page * step, n - page
    if len(asked) == 1:
        return await fetcher.fetch(asked[0])
    answers = [start(fetcher.fetch(endpoint)) for endpoint in asked]
    try:
        pages = [await answer for answer in reversed(answers)]
        refuse_pages(pages)
        return joined(pages)
    finally:
        for answer in answers:
            answer.cancel()


def open_interest_page(
    exchange: Exchange, of: Listing, n: int, step: str, now_ms: int, ago_ms: Sequence[int]
) -> Endpoint[list[tuple[int, float]]]:
    """The last n steps of open interest. ago_ms: as in candle_pages."""
    if not ago_ms:
        return exchange.open_interest_history(of, n, now_ms, step)
    return exchange.open_interest_around(of, n, now_ms, step, [now_ms - each for each in ago_ms])
