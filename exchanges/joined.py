"""One record of what several answers tell: pages of candles, parts of a perpetual, contracts on one coin. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import TypeVar

from exchanges.errors import BadResponse, NotSupported, Reason, WrongMarket
from exchanges.symbols import are_of_one_coin, coin_symbol
from exchanges.words import Candles, Flow, OpenInterest, Snapshot, Ticker

T = TypeVar("T")


def flow_of(candles: Candles) -> Flow:
    """The flow that candles tell. Raises NotSupported when they tell none."""
    if candles.taker_buy is None:
        raise NotSupported(candles.exchange, "no taker volume", Reason.NO_TAKER_VOLUME)
    sold = [max(0.0, volume - bought) for volume, bought in zip(candles.volume, candles.taker_buy, strict=True)]
    of = (candles.exchange, candles.symbol, candles.kind, candles.interval_ms)
    return Flow(*of, candles.open_ms, candles.taker_buy, sold, candles.asked_ms)


def are_of_one_market(candles: Candles, ticker: Ticker | None) -> bool:
    """Whether candles and a ticker are of one market. They are of two where an exchange that told the one says that it
    lists no such market when it is asked for the other: then its market in another dollar answers."""
    return ticker is None or candles.symbol in (ticker.symbol, coin_symbol(ticker.symbol)[0])


def refuse_two_markets(candles: Candles, ticker: Ticker | None) -> None:
    """Raises WrongMarket where one answer would be of two markets."""
    if ticker is not None and not are_of_one_market(candles, ticker):
        raise WrongMarket(candles.exchange, f"candles of {candles.symbol} beside a price of {ticker.symbol}")


def joined(pages: Sequence[Candles]) -> Candles:
    """One set of candles from several, oldest first; where they overlap, the later one counts."""
    whole = pages[-1]
    for page in reversed(pages[:-1]):
        n = next((i for i, at in enumerate(page.open_ms) if at >= whole.open_ms[0]), len(page)) if len(whole) else 0
        older = page.part(0, n) if len(whole) else page
        whole = Candles(
            whole.exchange,
            whole.symbol,
            whole.kind,
            whole.interval_ms,
            older.open_ms + whole.open_ms,
            older.open + whole.open,
            older.high + whole.high,
            older.low + whole.low,
            older.close + whole.close,
            older.volume + whole.volume,
            older.quote_volume + whole.quote_volume if older.quote_volume and whole.quote_volume else None,
            older.taker_buy + whole.taker_buy if older.taker_buy and whole.taker_buy else None,
            whole.is_last_closed,
            older.n_odd + whole.n_odd,
            whole.asked_ms,
        )
    return whole


def completed_snapshot(perp: Snapshot, funding_interval_h: float | None) -> Snapshot:
    """What one endpoint does not tell and another does: the funding period; open interest in quote, or in base.

    Coins that are worth nothing, and a worth of no coins, are not told either. Open interest whose coins are not worth
    what it is told to be, counts something else in one of the two: it is not told.
    """
    ticker, open_interest, funding = perp
    if funding is not None and funding.funding_interval_h is None:
        funding = funding._replace(funding_interval_h=funding_interval_h)
    if open_interest is not None and ticker is not None:
        price = funding.mark if funding is not None and funding.mark is not None else ticker.last
        coins, value = open_interest
        if coins and value:
            is_one = coins * price <= MAX_WORTH_APART * value and value <= MAX_WORTH_APART * coins * price
            open_interest = open_interest if is_one else None
        elif value is not None and (coins is None or value > 0 == coins):
            open_interest = OpenInterest(value / price, value)
        elif coins is not None:
            open_interest = OpenInterest(coins, coins * price)
    return Snapshot(ticker, open_interest, funding)


MAX_WORTH_APART = 3.0  # times, that open interest in quote may be what its coins are worth: not all is of one moment
NOTHING = Snapshot()


def take_once(found: dict[str, T], rows: Sequence[tuple[str, T]]) -> frozenset[str]:
    """Puts more rows of a list among those found; the names that it tells twice, and differently: neither is true."""
    n = len(found)
    known = dict(found) if not found.keys().isdisjoint(map(itemgetter(0), rows)) else None
    found.update(rows)
    if known is None and len(found) == n + len(rows):
        return frozenset()
    known, twice = known or {}, set[str]()
    for name, told in rows:
        if known.setdefault(name, told) != told:
            twice.add(name)
    return frozenset(twice)


def take_sole(exchange: str, found: dict[str, T], rows: Sequence[tuple[str, T]]) -> None:
    """As take_once, for a list that is worth nothing when it contradicts itself: raises BadResponse."""
    if twice := take_once(found, rows):
        raise BadResponse(exchange, f"{min(twice)} is told twice in a list")


class Rows(dict[str, Snapshot]):
    """The markets of a list by their symbols as they are listed. idle: those that are listed and do not trade.

    twice: those of which two rows tell different figures. They are not among the others.
    """

    exchange: str = ""
    idle: frozenset[str] = frozenset()
    twice: frozenset[str] = frozenset()
    _by_coin: dict[str, Snapshot] | None = None
    _completed: tuple[tuple[object, ...], dict[str, Snapshot]] = ((), {})

    def take(self, rows: Sequence[tuple[str, Snapshot]]) -> None:
        """More rows. One that tells nothing at all is of a market that does not trade."""
        told = [row for row in rows if row[1] != NOTHING]
        if len(told) < len(rows):
            self.idle |= {listed for listed, market in rows if market == NOTHING}
        self.twice |= take_once(self, told)
        for listed in self.twice:
            self.pop(listed, None)

    def by_coin(self) -> dict[str, Snapshot]:
        """As the function; worked out once."""
        if self._by_coin is None:
            self._by_coin = by_coin(self, self.idle | self.twice)
        return self._by_coin

    def completed(
        self, others: Sequence[Rows], changed_h: Mapping[str, float] | None, of_all_others_h: float | None
    ) -> dict[str, Snapshot]:
        """By coin, with what other lists tell of the same markets; worked out once for the same lists.

        changed_h, of_all_others_h: hours per funding period, as in FundingPeriods; None where they are not known.
        """
        lists = (*others, changed_h)
        known, found = self._completed
        if len(known) == len(lists) and all(one is other for one, other in zip(known, lists, strict=True)):
            return found
        whole = {}
        for listed, perp in self.items():
            for other in others:
                if (more := other.get(listed)) is not None:
                    perp = Snapshot(perp.ticker, more.open_interest or perp.open_interest, more.funding or perp.funding)
            hours = None if changed_h is None or of_all_others_h is None else changed_h.get(listed, of_all_others_h)
            whole[listed] = completed_snapshot(perp, hours)
        found = by_coin(whole, self.idle | self.twice)
        self._completed = lists, found
        return found


def named(rows: Rows, symbol: str) -> Snapshot | None:
    """The market of a coin in a list; of 1000CAT, the contract of that name, as it is listed.

    Raises BadResponse for one that the list tells twice, and differently.
    """
    if rows.twice and any(symbol in (listed, coin_symbol(listed)[0]) for listed in rows.twice):
        raise BadResponse(rows.exchange, f"{symbol} is told twice in a list")
    found = rows.by_coin().get(symbol)
    multiplier = coin_symbol(symbol)[1]
    if found is None and multiplier != 1 and (contract := rows.get(symbol)) is not None:
        return _as_listed(contract, multiplier)
    return found


def by_coin(listed: Mapping[str, Snapshot], untold: Collection[str] = ()) -> dict[str, Snapshot]:
    """Markets by the symbols of their coins, figures per coin.

    Of several contracts on one coin (PEPE, 1000PEPE) the one with the most turnover counts. Two coins of one name
    (CAT the stock, 1000CAT the coin) are told apart by their prices: the one on many keeps its name, and is told as it
    is listed. So is one beside a market that is listed and told nothing of, as those may be two coins as well.
    What has no coin in its name is left out.

    untold: the names of such markets.
    """
    found: dict[str, Snapshot] = {}
    on_many: list[tuple[str, str, int, Snapshot]] = []
    for name, market in listed.items():
        symbol, multiplier = coin_symbol(name)
        if multiplier != 1:
            on_many.append((name, symbol, multiplier, market))
        elif not name.startswith("-"):  # of no coin at all
            found[symbol] = market
    for name, symbol, multiplier, market in on_many:
        if market.ticker is None:
            continue
        other = found.get(symbol)
        if symbol in untold:
            found[name] = _as_listed(market, multiplier)
        elif other is None or other.ticker is None:
            found[symbol] = market._replace(ticker=market.ticker._replace(symbol=symbol))
        elif not are_of_one_coin(other.ticker.last, market.ticker.last):
            found[name] = _as_listed(market, multiplier)
        elif (market.ticker.quote_volume or 0.0) > (other.ticker.quote_volume or 0.0):
            found[symbol] = market._replace(ticker=market.ticker._replace(symbol=symbol))
    return found


def _as_listed(market: Snapshot, multiplier: int) -> Snapshot:
    """Figures of the contract, which is on many coins, instead of those per coin."""
    ticker, interest, funding = market
    if ticker is not None:
        prices = {
            name: figure * multiplier
            for name in ("last", "bid", "ask", "high", "low")
            if (figure := getattr(ticker, name)) is not None
        }
        volume = None if ticker.base_volume is None else ticker.base_volume / multiplier
        ticker = ticker._replace(**prices, base_volume=volume)
    if interest is not None and interest.open_interest is not None:
        interest = interest._replace(open_interest=interest.open_interest / multiplier)
    if funding is not None and funding.mark is not None:
        funding = funding._replace(mark=funding.mark * multiplier)
    return Snapshot(ticker, interest, funding)
