"""Keeps liquidations by quarters of an hour in the store, of coins that somebody watches: those with an alert on
liquidations, then those on most watchlists.

One coin a tick, claimed by its quarter: of several machines one asks, and who keeps a quarter again changes nothing.
What an exchange did not tell is made up for at the next quarter, as far back as an answer may reach. Rows: MAX_COINS
times the exchanges that tell theirs (five) times the quarters of a day, some six thousand; pruned with the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from answers.quarters import QUARTER_MS, quarters_of
from exchanges.exchange import Exchange
from exchanges.symbols import split
from market import Market
from store.words import Quarter, Store

MAX_COINS = 12
LATE_MS = 5 * 60_000  # Bitget tells some minutes late
REACH_MS = 24 * 3_600_000
KEEP_S = 6.0  # for one coin


class Quarters:
    """`keep` does what is due. Raises StoreError only."""

    def __init__(self, market: Market, store: Store) -> None:
        self._market, self._store = market, store
        self._end_ms = 0
        self._due: list[str] = []
        self._told_since: dict[tuple[str, str], int] = {}  # how far back an exchange tells of a coin

    async def keep(self, now_ms: int) -> int:
        """One coin's quarters that are over; how many were kept."""
        end_ms = (now_ms - LATE_MS) // QUARTER_MS * QUARTER_MS
        if end_ms > self._end_ms:
            self._end_ms, self._due = end_ms, await self._coins()
        while self._due:
            base = self._due.pop(0)
            if await self._store.claim_tick(f"quarters {base}", QUARTER_MS, end_ms):
                return await self._keep_coin(base, end_ms)
        return 0

    async def _coins(self) -> list[str]:
        alerts = [need.split(" ")[3] for need in await self._store.needs() if need.startswith("liqs ")]
        watched = await self._store.most_watched(MAX_COINS)
        coins = list(dict.fromkeys(split(symbol)[0] for symbol in (*alerts, *watched)))[:MAX_COINS]
        self._told_since = {key: since for key, since in self._told_since.items() if key[1] in coins}
        return coins

    async def _keep_coin(self, base: str, end_ms: int) -> int:
        from answers.liq import told_since  # where there is such a coin

        kept = await self._store.quarters(base, end_ms - REACH_MS)
        tellers = [each for each in self._market.offering("perp") if each.tells.get("liquidations")]
        begins = {each.id: self._begin(each, base, kept, end_ms) for each in tellers}
        due = {name: begin_ms for name, begin_ms in begins.items() if begin_ms < end_ms}
        new: list[Quarter] = []
        for exchange, told in (await told_since(self._market, base, due, KEEP_S)).items():
            self._told_since[exchange, base] = told.since_ms
            new += quarters_of(exchange, base, told.rows, max(begins[exchange], told.since_ms), end_ms)
        await self._store.keep_quarters(new)
        return len(new)

    def _begin(self, exchange: Exchange, base: str, kept: Sequence[Quarter], end_ms: int) -> int:
        """The first quarter of the last day that is missing, of those that the exchange can be asked for."""
        has = {each.quarter_ms for each in kept if each.exchange == exchange.id}
        reach_ms = max(end_ms - REACH_MS, self._told_since.get((exchange.id, base), 0))
        quarters = range(-(-reach_ms // QUARTER_MS) * QUARTER_MS, end_ms, QUARTER_MS)
        return next((each for each in quarters if each not in has), end_ms)
