"""Which of several exchanges mean the same coin by a name, for answers that gather their rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from asking.races import Question, all_answers, first_answers
from exchanges.errors import MarketError, NotTraded, Reason, UnknownSymbol
from exchanges.symbols import UNMISTAKABLE, are_of_one_coin
from exchanges.table import Exchange
from market import Market

WHICH_COIN_S = 0.5  # to find out which of two coins of one name is meant
PRICES_S = 1.5  # for the prices of all exchanges, which are asked beside their rows


async def price_of_the_coin(market: Market, base: str, prices: Sequence[float]) -> float | None:
    """The price of the coin that is meant, where prices are of two coins; None where they are of one.

    prices: of the name's perpetuals, the preferred exchange's first. Spot decides which coin is meant; without a spot
    market the preferred exchange does.
    """
    if all(are_of_one_coin(each, prices[0]) for each in prices):
        return None
    price = await _spot_price(market, f"{base}-USDT")
    if price is None or not any(are_of_one_coin(each, price) for each in prices):
        return prices[0]
    return price


async def _spot_price(market: Market, symbol: str) -> float | None:
    """The last one; None when no exchange gives one in time that is not old."""
    spots = market.offering("spot")
    question = Question(spots, (_last(market, each, symbol) for each in spots))
    (outcome,) = await first_answers(question, timeout_s=WHICH_COIN_S)
    return outcome.found


async def _last(market: Market, exchange: Exchange, symbol: str) -> float:
    ticker = (await market.spot_at(exchange, symbol)).snapshot.ticker
    if ticker is None or ticker.is_old(market.now_ms()):
        raise NotTraded(exchange.id, f"{symbol} has stood still")
    return ticker.last


async def namesakes(market: Market, base: str, exchanges: Collection[Exchange]) -> dict[str, MarketError]:
    """The exchanges whose perpetual of that name is another coin's than is meant, with what is to be said of them.

    One whose price is not told in time is taken to mean the same coin.
    """
    if base in UNMISTAKABLE:
        return {}
    asked = {each.id: market.last_of_perp(each, f"{base}-USDT") for each in exchanges}
    prices, _ = await all_answers(asked, PRICES_S)
    meant = await price_of_the_coin(market, base, [*prices.values()]) if prices else None
    if meant is None:
        return {}
    return {
        name: UnknownSymbol(name, f"{base} there is at {price}", Reason.NAMESAKE)
        for name, price in prices.items()
        if not are_of_one_coin(price, meant)
    }
