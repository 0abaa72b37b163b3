"""Candles of which one answer does not hold enough: several answers, side by side."""

from __future__ import annotations

from asking.fetch import Fetcher
from asking.races import start
from exchanges.anothers import refuse_pages
from exchanges.endpoints import Endpoint
from exchanges.joined import joined
from exchanges.table import Exchange
from exchanges.words import INTERVALS, Candles, Listing


async def candle_pages(
    fetcher: Fetcher, exchange: Exchange, of: Listing, interval: str, n: int, now_ms: int
) -> Candles:
    """As many answers as n candles take, put together. Raises MarketError: WrongMarket where they do not meet."""
    step, most = INTERVALS[interval], exchange.max_candles[of.kind]
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
