"""What /price tells of one coin: spot and perpetual, and what a card shows beside them, and how it is put together."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from answers.card_extras import EXTRAS_S, MOVES, Parts, asked_at, moves_of
from answers.interest import leading_to
from asking.races import Outcome, Question, Race, outcomes, settled
from exchanges.errors import MarketError, PartName, Reason, UnknownSymbol
from exchanges.symbols import are_of_one_coin
from exchanges.words import Snapshot, Ticker
from market import Found, Market

MAX_BASIS_MS = 15 * 60_000  # between the last trades of two markets whose prices are compared


class PriceReport(NamedTuple):
    """A symbol's spot and perpetual market.

    perp.ticker is there when perp is. A side that is None, and a part of perp that is None, is
    explained in missing. failed: by "spot" and
    "perp", the preferred exchanges that did not give what is shown. multipliers: contracts on 1000 and more coins,
    whose figures are given per coin here. moves: of the price in percent, by "1h", "7d", "30d". interest_before: open
    interest in coins, by hours ago. other: as in Source. moved_since: the moments that moves are against, ms. Extras
    that were asked for and are not there are explained in missing, too.
    """

    symbol: str
    spot: Ticker | None
    perp: Snapshot | None
    missing: dict[PartName, tuple[MarketError, ...]]
    failed: dict[str, tuple[MarketError, ...]]
    multipliers: dict[str, int]
    took_s: float
    moves: Mapping[str, float] = {}
    interest_before: Mapping[int, float] = {}
    other: str = ""
    moved_since: Mapping[str, int] = {}

    @property
    def lead(self) -> Ticker:
        """Spot, or the perpetual where there is no spot market."""
        ticker = self.spot or (self.perp and self.perp.ticker)
        assert ticker is not None
        return ticker

    @property
    def exchanges(self) -> tuple[str, ...]:
        """Who answered; one id when spot and perp come from the same exchange."""
        tickers = (self.spot, self.perp and self.perp.ticker)
        return tuple(dict.fromkeys([ticker.exchange for ticker in tickers if ticker]))

    @property
    def basis_pct(self) -> float | None:
        """How far the perpetual stands above spot, in percent of spot; None across exchanges and times."""
        spot, perp = self.spot, self.perp and self.perp.ticker
        if spot is None or perp is None or spot.exchange != perp.exchange:
            return None
        return (perp.last - spot.last) / spot.last * 100 if abs(perp.time_ms - spot.time_ms) <= MAX_BASIS_MS else None


def sides(market: Market, symbol: str) -> list[Race[Found]]:
    """Spot and perpetual, asked for. Raises NotListed."""
    market.raise_if_not_listed(symbol)
    spots, perps = market.offering("spot"), market.offering("perp")
    return [
        Race(Question(spots, (market.spot_at(each, symbol) for each in spots))),
        Race(Question(perps, (market.perp_at(each, symbol, is_sparing=True) for each in perps))),
    ]


async def report_of(market: Market, symbol: str, asked: Sequence[Race[Found]] = ()) -> PriceReport:
    """Spot and perpetual of BASE-QUOTE. asked: where that is done already. Raises NotListed and NoAnswer, always within
    DEADLINE_S."""
    began = market.clock.monotonic()
    spot, perp = await outcomes(asked or sides(market, symbol), market.deadline_s)
    if spot.found is None and perp.found is None:
        raise await market.why_not(symbol, (*spot.errors, *perp.errors), began)
    left_s = began + market.deadline_s - market.clock.monotonic()
    perp = await _of_the_same_coin(market, symbol, spot, perp, left_s)
    missing: dict[PartName, tuple[MarketError, ...]] = {}
    failed: dict[str, tuple[MarketError, ...]] = {}
    multipliers: dict[str, int] = {}
    for name, side in (("spot", spot), ("perp", perp)):
        if side.found is None:
            missing[PartName(name)] = side.errors or market.no_such_markets(name)
            continue
        if side.errors:
            failed[name] = side.errors
        missing |= {what: (error,) for what, error in side.found.missing.items()}
        if side.found.multiplier != 1:
            multipliers[name] = side.found.multiplier
    return PriceReport(
        symbol,
        spot.found.snapshot.ticker if spot.found is not None else None,
        perp.found.snapshot if perp.found is not None else None,
        missing,
        failed,
        multipliers,
        market.clock.monotonic() - began,
        other=_other(market, symbol, perp.found),
    )


def _other(market: Market, symbol: str, perp: Found | None) -> str:
    """What another coin's contract is called beside the perpetual."""
    ticker = perp.snapshot.ticker if perp is not None else None
    return market.namesakes.other(market.exchange(ticker.exchange), symbol) if ticker is not None else ""


async def _of_the_same_coin(
    market: Market, symbol: str, spot: Outcome[Found], perp: Outcome[Found], left_s: float
) -> Outcome[Found]:
    """The perpetual, if its price may be of the coin that the spot market has; else the one on 1000 coins, or none."""
    if not _are_apart(spot.found, perp.found) or perp.found is None or perp.found.snapshot.ticker is None:
        return perp
    exchange = market.exchange(perp.found.snapshot.ticker.exchange)
    namesake = UnknownSymbol(exchange.id, f"{perp.found.symbol} is another coin", Reason.NAMESAKE)
    try:
        async with asyncio.timeout(min(EXTRAS_S, left_s)):
            found = await market.perp_of_many(exchange, symbol)
    except (MarketError, TimeoutError):
        return perp._replace(found=None, errors=(*perp.errors, namesake))
    if _are_apart(spot.found, found):
        return perp._replace(found=None, errors=(*perp.errors, namesake))
    return perp._replace(found=found)


def _are_apart(spot: Found | None, perp: Found | None) -> bool:
    if spot is None or perp is None or spot.snapshot.ticker is None or perp.snapshot.ticker is None:
        return False
    return not are_of_one_coin(spot.snapshot.ticker.last, perp.snapshot.ticker.last)


async def with_extras(market: Market, report: PriceReport, extras: Collection[PartName], early: Parts) -> PriceReport:
    """The report with what a card shows beside the tickers, at the exchanges that answered, within EXTRAS_S.

    Where the tickers took nearly all of the time, it is without.
    """
    began = market.clock.monotonic()
    kind = "spot" if report.spot is not None else "perp"
    lead = market.exchange(report.lead.exchange)
    ticker = report.perp and report.perp.ticker
    perp = market.exchange(ticker.exchange) if ticker is not None else None
    parts = asked_at(market, report.symbol, extras, lead, kind, perp, early)
    await settled(list(parts.values()), min(EXTRAS_S, market.deadline_s - report.took_s))
    missing = {name: (part.error,) for name, part in parts.items() if part.error is not None}
    candles = {name: part.found for name, part in parts.items() if name in MOVES and part.found is not None}
    moves = moves_of(report.lead.last, candles, market.now_ms())
    history = parts[PartName.OPEN_INTEREST_CHANGE].found if PartName.OPEN_INTEREST_CHANGE in parts else None
    return report._replace(
        missing=report.missing | missing,
        moves={span: each.percent for span, each in moves.items()},
        moved_since={span: each.since_ms for span, each in moves.items()},
        interest_before=leading_to(report.perp and report.perp.open_interest, history),
        took_s=report.took_s + market.clock.monotonic() - began,
    )
