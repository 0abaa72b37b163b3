"""What is asked in chats that the bot may not be in: inline queries, and guests.

Listed users only, whatever the chat; a stranger is told how to be let in, and nothing else. Each letter is a query, so
that they are counted apart from commands.
"""

from __future__ import annotations

import asyncio
import logging

from answers.chart_address import Addresses
from clock import Clock
from log import working_on
from market import Market
from metrics import Metrics
from render.message import Answer, Article
from settings import Settings
from telegram.limiter import Limiter
from telegram.replies import Call, offer, offer_nothing
from telegram.updates import Query

log = logging.getLogger("bot")
QUERY_S = 5.0  # Telegram waits 30 s
CACHE_S = 5  # Telegram gives the same answer again for so long; its own default is 300
STRANGER_CACHE_S = 60
QUERIES_A_COMMAND = 6  # letters of a word
WAY_IN = "Ask the owner to let you in"
NOT_LISTED = Article("Not listed", "", Answer("I answer only those whom my owner has listed. Write to me to ask."))
NO_ANSWER = Article("No answer", "", Answer("No answer just now. Name a coin, such as BTC."))


class Queries:
    """Answers them, and counts them by kind and outcome."""

    def __init__(self, settings: Settings, market: Market, metrics: Metrics, clock: Clock) -> None:
        self._settings, self._market, self._metrics = settings, market, metrics
        self._clock, self._monotonic = clock
        self.addresses: Addresses | None = None  # of pictures, where a server serves them
        self._limiter = Limiter(settings.commands_per_minute * QUERIES_A_COMMAND)

    async def answer(self, query: Query) -> Call | None:
        """What may be chosen; of a guest's question, what is posted. Never raises but when cancelled."""
        kind = "guest" if query.is_guest else "inline"
        token = working_on.set(f"update {query.update_id} {kind}")
        try:
            if not self._settings.is_open and query.user_id not in self._settings.allowed_ids:
                log.info("user %s may not ask", query.user_id)
                self._metrics.updates.add(f"{kind} refused")
                return self._refusal(query)
            if self._limiter.count(query.user_id, self._clock()):
                self._metrics.updates.add(f"{kind} too many")
                return None if query.is_guest else offer_nothing(query, CACHE_S)
            return await self._offer(query, kind)
        finally:
            working_on.reset(token)

    async def _offer(self, query: Query, kind: str) -> Call:
        from answers import inline  # for those who ask so

        began, found, outcome = self._monotonic(), list[Article](), "answered"
        try:
            async with asyncio.timeout(QUERY_S):
                found = await inline.articles(self._market, query.text, self._clock(), self.addresses)
        except TimeoutError:
            outcome = "too slow"
        except Exception:
            log.exception("the query failed")
            outcome = "failed"
        self._metrics.updates.add(f"{kind} {outcome}")
        self._metrics.commands.observe(self._monotonic() - began, kind)
        if query.is_guest and not found:
            found = [NO_ANSWER]
        is_personal = not self._settings.is_open  # whether the list of users decides
        return offer(
            query,
            found,
            CACHE_S,
            is_personal=is_personal,
            is_demo=self._settings.is_demo,
            has_addresses=self.addresses is not None,
        )

    @staticmethod
    def _refusal(query: Query) -> Call:
        if query.is_guest:
            return offer(query, [NOT_LISTED], 0, is_personal=True, is_demo=False)
        return offer_nothing(query, STRANGER_CACHE_S, WAY_IN)
