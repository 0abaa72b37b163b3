"""A coin's perpetuals on all exchanges at once, which /oi and /funding show.

Every exchange is asked side by side, and every market of the coin that it may have: margined in
USDT, USDC, USD or the coin itself. One that fails or is late makes the answer partial, and is named
in it; nothing is taken from elsewhere in its place. Dated futures are not counted.

Memory: some 30 records a question; the answers are in the market's cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from answers.interest import is_rough, leading_to, open_interest_before
from answers.paid import Past
from answers.same_coin import WHICH_COIN_S, price_of_the_coin
from asking.races import all_rows, each_of
from exchanges.errors import BadResponse, MarketError, NotTraded, PartName, Reason, UnknownSymbol, bare, is_unlisted
from exchanges.symbols import are_of_one_coin, split
from exchanges.table import Exchange
from exchanges.words import COIN, Snapshot, Ticker
from market import Market
from render.figures import escape
from render.sentences import exchange_name, in_words, reasons, sentence

DAY_MS = 86_400_000
MARGINS = {"USDT": "USDT", "USDC": "USDC", "USD": "USD", COIN: "coin"}


class Contract(NamedTuple):
    """A perpetual at one exchange. margin: USDT, USDC, USD or COIN. before: open interest in coins, hours ago.

    missing: why its open interest or its funding is not there.
    """

    exchange: str
    margin: str
    perp: Snapshot
    before: Mapping[int, float]
    missing: dict[PartName, MarketError]

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

    @property
    def why_no_interest(self) -> MarketError:
        """Where its dollars are not told."""
        return self.missing.get(PartName.OPEN_INTEREST) or BadResponse(self.exchange, "not told", Reason.UNTOLD)


class DerivativesReport(NamedTuple):
    """A coin's perpetuals, the largest open interest first. failed: by exchange, why its markets are missing.

    without: exchanges that answered and have no perpetual of the coin. paid: the past of funding by
    exchange, where it was asked for; unpaid: why it is not there. namesakes: by exchange, that it lists another coin
    of that name, of which nothing is counted. basis: by exchange, how far above its index the perpetual is, a
    fraction, now and, where it is told, 24 hours before; where it was asked for. idle: by exchange, that its perpetual
    is paused, or not traded yet.
    """

    base: str
    contracts: list[Contract]
    failed: dict[str, MarketError]
    without: list[str]
    time_ms: int
    took_s: float
    paid: Mapping[str, Past] = {}
    unpaid: Mapping[str, MarketError] = {}
    namesakes: Mapping[str, MarketError] = {}
    basis: Mapping[str, tuple[float, float | None]] = {}
    idle: Mapping[str, MarketError] = {}

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

    def is_rough(self, hours: int) -> bool:
        """Whether the past of one of them is told by rows so far apart that the change is about right."""
        return any(is_rough(each.before, hours) for each in self.contracts)


async def contracts_of(market: Market, base: str, question: PartName) -> DerivativesReport:
    """question: the part without which a contract is not whole; with open interest its history is asked for too.

    Raises NotListed and NoAnswer, always within DEADLINE_S.
    """
    began = market.clock.monotonic()
    market.raise_if_not_listed(f"{base}-USDT", "perp")
    asked = {each.id: _contracts_at(market, each, base, question) for each in market.offering("perp")}
    contracts, failed, without = await all_rows(asked, market.deadline_s - 0.2)
    idle = {name: error for name, error in failed.items() if isinstance(error, NotTraded)}
    if not contracts:
        unlisted = [UnknownSymbol(each, f"no perpetual of {base}") for each in without]
        errors = [*failed.values(), *unlisted]
        raise await market.why_not(f"{base}-USDT", errors or market.no_such_markets("perp"), began, "perp")
    contracts, namesakes = await _of_one_coin(market, base, contracts)
    contracts.sort(key=lambda each: -(each.dollars or 0.0))
    took_s = market.clock.monotonic() - began
    failed = {name: error for name, error in failed.items() if name not in idle}
    of = (base, contracts, failed, without, market.now_ms(), took_s)
    return DerivativesReport(*of, namesakes=namesakes, idle=idle)


async def _of_one_coin(
    market: Market, base: str, contracts: Sequence[Contract]
) -> tuple[list[Contract], dict[str, MarketError]]:
    """The contracts on the coin that is meant, where a name is that of two; and where the other one is listed."""
    price = await price_of_the_coin(market, base, [each.ticker.last for each in contracts])
    if price is None:
        return list(contracts), {}
    found: list[Contract] = []
    namesakes: dict[str, MarketError] = {}
    for contract in contracts:
        if are_of_one_coin(contract.ticker.last, price):
            found.append(contract)
        elif (other := await _on_many(market, contract, base, price)) is not None:
            found.append(other)
        else:
            namesakes[contract.exchange] = UnknownSymbol(contract.exchange, f"{base} there", Reason.NAMESAKE)
    return found, namesakes


async def _on_many(market: Market, contract: Contract, base: str, price: float) -> Contract | None:
    """The contract on 1000 and more coins of that price beside one on another coin; its past is not asked for."""
    try:
        async with asyncio.timeout(WHICH_COIN_S):
            exchange = market.exchange(contract.exchange)
            found = await market.perp_near(exchange, f"{base}-{contract.margin}", price, exact=True)
    except (MarketError, TimeoutError):
        return None
    return contract._replace(perp=found.snapshot, before={}, missing=found.missing)


async def _contracts_at(
    market: Market, exchange: Exchange, base: str, question: PartName
) -> tuple[list[Contract], list[MarketError]]:
    """The perpetuals of a coin at one exchange, and what failed there other than that it has no such market."""
    is_due = question is PartName.FUNDING
    found: list[Contract] = []
    errors: list[MarketError] = []
    for outcome in await each_of(
        _contract(market, exchange, f"{base}-{margin}", question) for margin in exchange.quotes["perp"]
    ):
        error: MarketError | None
        if isinstance(outcome, MarketError):
            error = outcome
        else:
            found.append(outcome)
            error = outcome.missing.get(question) or (outcome.missing.get(PartName.FUNDING_PERIOD) if is_due else None)
        if error is not None and not is_unlisted(error):
            errors.append(bare(error))
    if found:  # then what other margins are listed, and not traded, changes nothing
        errors = [error for error in errors if not isinstance(error, NotTraded)]
    return found, errors


async def _contract(market: Market, exchange: Exchange, symbol: str, question: PartName) -> Contract:
    """One perpetual. Without its open interest or funding it is still one; without its history too."""
    is_asked = question is PartName.OPEN_INTEREST
    history = asyncio.ensure_future(_before_or_nothing(market, exchange, symbol)) if is_asked else None
    try:
        found = await market.perp_at(exchange, symbol, exact=True)
        before = await history if history is not None else {}
    finally:
        if history is not None:
            history.cancel()
    past = leading_to(found.snapshot.open_interest, before)
    return Contract(exchange.id, split(symbol)[1], found.snapshot, past, found.missing)


async def _before_or_nothing(market: Market, exchange: Exchange, symbol: str) -> Mapping[int, float]:
    try:
        return await open_interest_before(market, exchange, symbol, exact=True)
    except MarketError:
        return {}


def contract_name(contract: Contract) -> str:
    return f"{exchange_name(contract.exchange)} {MARGINS[contract.margin]}"


def _is_quiet(contract: Contract, now_ms: int) -> bool:
    """Whether nobody has traded it for a day, as far as is told: what stands of it is old."""
    ticker = contract.ticker
    return ticker.quote_volume == 0 or (ticker.time_ms > 0 and now_ms - ticker.time_ms > DAY_MS)


def partial_notes(report: DerivativesReport, told: Collection[str]) -> list[str]:
    """Which exchanges are missing, and why. told: those of which a part is shown."""
    notes = []
    for what, failed in (
        ("Missing", [error for name, error in report.failed.items() if name not in told]),
        ("Only in part", [error for name, error in report.failed.items() if name in told]),
    ):
        if failed:
            notes.append(escape(f"{what}: {reasons(failed)}."))
    lively = {each.exchange for each in report.contracts if not _is_quiet(each, report.time_ms)}
    if quiet := {each.exchange for each in report.contracts} - lively:
        names = in_words(sorted(map(exchange_name, quiet)))
        notes.append(escape(f"No trades within 24h on {names}: the market may be halted or delisted."))
    if report.idle:
        notes.append(escape(sentence(reasons(report.idle.values()))))
    if report.namesakes:
        notes.append(escape(sentence(reasons(report.namesakes.values()))))
    if report.without:
        names = ", ".join(exchange_name(each) for each in report.without)
        notes.append(escape(f"No perpetual of {report.base} on {names}."))
    return notes
