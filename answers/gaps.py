"""The widest gap of a coin between exchanges, as an alert watches it: one coin or many, and nothing to look at.

One exchange says which coin is meant by a name. Without its price of now nobody knows, and nothing is told: another
one, of which the name may be another coin's, does not stand in. Prices of one answer are at most LISTING_S apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

from answers.spread import Gap, as_quoted, book_at, is_price, of_now, of_one_coin, ticker_at, widest_gap
from asking.races import all_answers
from exchanges.exchange import Exchange
from exchanges.symbols import in_quotes
from exchanges.words import Ticker
from market import Market

T = TypeVar("T")

GAP_S = 4.0  # for all exchanges: below a tick's time, and an answer's
FEW = 5  # symbols that are asked for singly: less than a list of 650
MAX_BOOKS = 40  # of one exchange whose list tells neither bid nor ask; what is beyond is compared without it
AT_ONCE = 8


async def gap_at(market: Market, exchange: Exchange, kind: str, symbol: str) -> Gap | None:
    """The widest gap of the coin that the exchange means; None where fewer than two tell bid and ask.

    Raises MarketError: that of the exchange.
    """
    each_at = {each.id: ticker_at(market, each, kind, symbol) for each in _from(market, exchange, kind)}
    found, failed = await all_answers(each_at, GAP_S)
    if exchange.id not in found:
        raise failed[exchange.id]
    return _gap(found, exchange, market.now_ms())


async def gaps_at(market: Market, exchange: Exchange, kind: str, symbols: Sequence[str]) -> dict[str, Gap]:
    """Of many symbols, by one list of each exchange. Raises MarketError: that of the exchange."""
    if len(symbols) <= FEW:
        return await _all_of({each: gap_at(market, exchange, kind, each) for each in symbols})
    each_at = {each.id: _tickers_at(market, each, kind, symbols) for each in _from(market, exchange, kind)}
    found, failed = await all_answers(each_at, GAP_S)
    if exchange.id not in found:
        raise failed[exchange.id]
    by_symbol = {symbol: {name: of[symbol] for name, of in found.items() if symbol in of} for symbol in symbols}
    now_ms = market.now_ms()
    gaps = {symbol: _gap(tickers, exchange, now_ms) for symbol, tickers in by_symbol.items() if exchange.id in tickers}
    return {symbol: gap for symbol, gap in gaps.items() if gap is not None}


def _from(market: Market, exchange: Exchange, kind: str) -> list[Exchange]:
    """All that have such markets, the one that says which coin is meant before the others."""
    return [exchange, *(each for each in market.offering(kind) if each.id != exchange.id)]


def _gap(found: Mapping[str, Ticker], exchange: Exchange, now_ms: int) -> Gap | None:
    meant, others = found[exchange.id], [ticker for name, ticker in found.items() if name != exchange.id]
    return widest_gap(of_one_coin([meant, *of_now(others, now_ms)])[0]) if of_now([meant], now_ms) else None


async def _all_of(asked: Mapping[str, Awaitable[T | None]]) -> dict[str, T]:
    """What is told of each symbol. Raises MarketError when nothing is told of any."""
    found, failed = await all_answers(asked, GAP_S)
    if failed and not found:
        raise next(iter(failed.values()))
    return {symbol: each for symbol, each in found.items() if each is not None}


async def _tickers_at(market: Market, exchange: Exchange, kind: str, symbols: Sequence[str]) -> dict[str, Ticker]:
    """Of one exchange, with bid and ask. Raises MarketError."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def whole(symbol: str) -> Ticker | None:
        async with turn:
            return await ticker_at(market, exchange, kind, symbol)

    if "ticker" not in exchange.tickers(kind, market.now_ms()):
        return await _all_of({symbol: whole(symbol) for symbol in symbols[:MAX_BOOKS]})
    listed, quotes = await market.listing(exchange, kind), exchange.quotes[kind]
    snapshots = {symbol: listed.get(in_quotes(symbol, quotes)) for symbol in symbols}
    told = {symbol: each.ticker for symbol, each in snapshots.items() if each is not None and each.ticker}
    tickers = {symbol: as_quoted(exchange, each, None, market.now_ms()) for symbol, each in told.items()}
    unquoted = [symbol for symbol, ticker in tickers.items() if not (is_price(ticker.bid) and is_price(ticker.ask))]

    async def quoted(symbol: str) -> Ticker | None:
        async with turn:
            book = await book_at(market, exchange, kind, symbol)
            return None if book is None else as_quoted(exchange, tickers[symbol], book, market.now_ms())

    return tickers | await _all_of({symbol: quoted(symbol) for symbol in unquoted[:MAX_BOOKS]})
