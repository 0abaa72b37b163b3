"""What a host says to who signs nothing is a matter of the moment: it is made once for as long as the clock stands.

In most tests it does; see `Market.say`.
"""

from __future__ import annotations

from collections.abc import Callable

from demo.market import Market
from demo.web import Asked, Reply


class Standing:
    """One host, and how it answers. Of a request's headers, an answer knows keys, and whether there is a user agent."""

    def __init__(self, market: Market, host: str, answer: Callable[[Asked], Reply]) -> None:
        self._market, self._host, self._answer = market, host, answer

    async def handle(self, asked: Asked) -> Reply:
        return self.reply(asked)

    def reply(self, asked: Asked) -> Reply:
        if any("key" in name for name in asked.headers):
            return self._answer(asked)
        has_agent = "user-agent" in asked.headers
        question = (self._host, asked.method, asked.path, *asked.query.items(), asked.body, has_agent)
        return self._market.say(question, lambda: self._answer(asked))
