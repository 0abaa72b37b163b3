"""Questions about a coin's perpetuals on all exchanges at once: open interest and funding.

Every exchange is asked side by side, and every market of the coin that it may have: margined in
USDT, USDC, USD or the coin itself. One that fails or is late makes the answer partial, and is named
in it; nothing is taken from elsewhere in its place. Dated futures are not counted.

Memory: some 30 records a question; the answers are in the market's cache.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

from exchanges import Funding, MarketError, NotSupported, Perp, Ticker, UnknownSymbol, split
from market import Exchange, Market, is_not_there

HISTORY_S = 60.0  # how long an hourly history serves
HISTORY_H = 25  # rows: now, and 24 hours back
HOUR_MS = 3_600_000


class Contract(NamedTuple):
    """A perpetual at one exchange. margin: USDT, USDC, USD or COIN. before: open interest in coins, hours ago.

    missing: why its open interest or its funding is not there.
    """

    exchange: str
    margin: str
    perp: Perp
    before: dict[int, float]
    missing: dict[str, MarketError]

    @property
    def ticker(self) -> Ticker:
        assert self.perp.ticker is not None
        return self.perp.ticker

    @property
    def coins(self) -> float | None:
        return self.perp.open_interest and self.perp.open_interest.open_interest

    @property
    def dollars(self) -> float | None:
        return self.perp.open_interest and self.perp.open_interest.open_interest_quote


class DerivativesReport(NamedTuple):
    """A coin's perpetuals, the largest open interest first. failed: by exchange, why its markets are missing.

    without: exchanges that answered and have no perpetual of the coin.
    """

    base: str
    contracts: list[Contract]
    failed: dict[str, MarketError]
    without: list[str]
    time_ms: int
    took_s: float

    @property
    def coins(self) -> float | None:
        """Of all contracts that tell theirs; None when none does."""
        known = [each.coins for each in self.contracts if each.coins is not None]
        return sum(known) if known else None

    @property
    def dollars(self) -> float | None:
        """As coins."""
        known = [each.dollars for each in self.contracts if each.dollars is not None]
        return sum(known) if known else None

    def change_pct(self, hours: int) -> tuple[float, float] | None:
        """By how many percent the coins outstanding have changed, and the share of all of them that has a history."""
        now = sum(each.coins for each in self.contracts if hours in each.before and each.coins is not None)
        before = sum(each.before[hours] for each in self.contracts if hours in each.before and each.coins is not None)
        return ((now / before - 1) * 100, now / self.coins) if before and self.coins else None


async def open_interest(market: Market, base: str) -> DerivativesReport:
    """Open interest of every perpetual of a coin, and what it was 1 and 24 hours ago where that is told.

    Raises NotListed and NoAnswer, always within DEADLINE_S.
    """
    return await _everywhere(market, base, "open interest")


async def funding(market: Market, base: str) -> DerivativesReport:
    """The same without the past. Raises NotListed and NoAnswer, always within DEADLINE_S."""
    return await _everywhere(market, base, "funding")


async def _everywhere(market: Market, base: str, question: str) -> DerivativesReport:
    """question: the part without which a contract is not whole; with "open interest" its history is asked for too."""
    began = time.monotonic()

    async def ask(exchange: Exchange) -> tuple[list[Contract], list[MarketError]]:
        return await _contracts_at(market, exchange, base, question)

    answers, failed = await market.everywhere(ask, market.offering("perp"))
    contracts: list[Contract] = []
    without: list[str] = []
    for name, (found, errors) in answers.items():
        contracts += found
        if errors:
            failed[name] = errors[0]
        elif not found:
            without.append(name)
    if not contracts:
        unlisted = [UnknownSymbol(each, f"no perpetual of {base}") for each in without]
        errors = [*failed.values(), *unlisted]
        raise await market.why_not(f"{base}-USDT", errors or market.without("perp"), began, "perp")
    contracts.sort(key=lambda each: -(each.dollars or 0.0))
    return DerivativesReport(base, contracts, failed, without, market.now_ms(), time.monotonic() - began)


async def _contracts_at(
    market: Market, exchange: Exchange, base: str, question: str
) -> tuple[list[Contract], list[MarketError]]:
    """The perpetuals of a coin at one exchange, and what failed there other than that it has no such market."""
    outcomes = await asyncio.gather(
        *(_contract(market, exchange, f"{base}-{margin}", question) for margin in exchange.PERP_QUOTES),
        return_exceptions=True,
    )
    found: list[Contract] = []
    errors: list[MarketError] = []
    for outcome in outcomes:
        if isinstance(outcome, Contract):
            found.append(outcome)
        elif not isinstance(outcome, MarketError):
            raise outcome
        error: MarketError | None = outcome if isinstance(outcome, MarketError) else None
        if isinstance(outcome, Contract):
            error = outcome.missing.get(question) or outcome.missing.get(f"{question} period")
        if error is not None and not is_not_there(error):
            errors.append(error)
    return found, errors


async def _contract(market: Market, exchange: Exchange, symbol: str, question: str) -> Contract:
    """One perpetual. Without its open interest or funding it is still one; without its history too."""
    is_asked = question == "open interest"
    history = asyncio.ensure_future(_before_or_nothing(market, exchange, symbol)) if is_asked else None
    try:
        found = await market.perp_at(exchange, symbol)
        before = await history if history is not None else {}
    finally:
        if history is not None:
            history.cancel()
    return Contract(exchange.ID, split(symbol)[1], found.of, before, found.missing)


async def open_interest_before(market: Market, exchange: Exchange, symbol: str) -> dict[int, float]:
    """Open interest 1 and 24 hours ago, in coins, where it is told of that moment. Raises MarketError."""

    async def ask(listed: str, multiplier: int) -> list[tuple[int, float]]:
        size = await market.contract_size(exchange, listed, "perp")
        endpoint = exchange.open_interest_history(listed, HISTORY_H, multiplier, size)
        if endpoint is None:
            raise NotSupported(exchange.ID, "no history of open interest", "tells no history of open interest")
        return await market.get(endpoint, HISTORY_S)

    return at_hours_ago(await market.by_any_multiplier(exchange, "perp", symbol, ask), market.now_ms())


async def _before_or_nothing(market: Market, exchange: Exchange, symbol: str) -> dict[int, float]:
    try:
        return await open_interest_before(market, exchange, symbol)
    except MarketError:
        return {}


def at_hours_ago(rows: Sequence[tuple[int, float]], now_ms: int) -> dict[int, float]:
    """The figures of 1 and of 24 hours ago: of the row nearest to that moment, not more than half an hour off."""
    found = {}
    for hours in (1, 24):
        wanted = now_ms - hours * HOUR_MS
        nearest = min(rows, key=lambda row: abs(row[0] - wanted), default=None)
        if nearest is not None and abs(nearest[0] - wanted) <= HOUR_MS / 2:
            found[hours] = nearest[1]
    return found


def per_8h(funding: Funding | None) -> float | None:
    """The funding rate as of 8 hours, a fraction; None where the period is not known."""
    if funding is None or not funding.funding_interval_h:
        return None
    return funding.funding_rate * 8 / funding.funding_interval_h


def per_year_pct(funding: Funding | None) -> float | None:
    """What a year of this rate comes to, in percent, without compounding."""
    rate = per_8h(funding)
    return None if rate is None else rate * 3 * 365 * 100


class FundingExtremes(NamedTuple):
    """All perpetuals of one exchange by funding per 8 hours: the lowest and the highest, extremes first."""

    exchange: str
    highest: list[tuple[str, Perp]]
    lowest: list[tuple[str, Perp]]
    n_markets: int
    failed: tuple[MarketError, ...]
    time_ms: int
    took_s: float


async def perps_with_funding(market: Market, exchange: Exchange) -> dict[str, Perp]:
    """All perpetuals of an exchange, the funding of some at least comparable. Raises MarketError."""
    found = await market.listing(exchange, "perp", "funding")
    if not any(per_8h(perp.funding) is not None for perp in found.values()):
        raise market.intervals_error(exchange) or NotSupported(exchange.ID, "no funding", "tells no funding")
    return found


async def funding_extremes(market: Market, n: int = 7) -> FundingExtremes:
    """Extremes over all perpetuals of the first exchange that tells them. Raises NoAnswer within DEADLINE_S."""
    began = time.monotonic()

    async def ask(exchange: Exchange, kind: str) -> tuple[str, dict[str, Perp]]:
        return exchange.ID, await perps_with_funding(market, exchange)

    (exchange, perps), failed = await market.first("all perpetuals", ask, ("perp",))
    ranked = [(rate, symbol, perp) for symbol, perp in perps.items() if (rate := per_8h(perp.funding)) is not None]
    ranked.sort(key=lambda each: (each[0], each[1]))
    lowest = [(symbol, perp) for rate, symbol, perp in ranked[:n] if rate < 0]
    highest = [(symbol, perp) for rate, symbol, perp in reversed(ranked[-n:]) if rate > 0]
    took_s = time.monotonic() - began
    return FundingExtremes(exchange, highest, lowest, len(ranked), failed, market.now_ms(), took_s)
