"""A command: what file of answers/ answers it, how it is told of, and who may ask."""

import logging
from collections.abc import Awaitable, Callable
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, Protocol, cast

from answers.asked import NO_DATA, NOT_UNDERSTOOD, Misread, Tools, by_coins, outcome_of, place_of
from answers.ways_on import ways_on
from exchanges.errors import NoAnswer, NoKeys, NotListed
from exchanges.symbols import NotASymbol
from render import sentences
from render.figures import escape
from render.keyboards import carried
from render.message import Answer

log = logging.getLogger("bot")
OF_CONDITIONS = frozenset(["alert", "alerts", "settings"])  # whose words are no list of coins


class Answering(Protocol):
    """What a file in answers/ offers: the words typed become a question, its record becomes an Answer."""

    @property
    def command(self) -> Callable[[list[str]], Any]: ...
    @property
    def ask(self) -> Callable[[Tools, Any], Awaitable[Any]]: ...
    @property
    def show(self) -> Callable[[Any, float], Answer]: ...


class Command(NamedTuple):
    """answer: a file in answers/, by its name; it is imported when it is first asked, as all of them take 30 ms and
    2 MiB, and a machine that one question has woken needs one. usage: the words after the command, as /help shows them.

    is_account: it tells of the owner's money, so only users listed by their own id may ask, in private.
    is_status: it tells of the process, to listed users. account_words: first words with which it is of accounts.
    """

    answer: str | Answering
    usage: str
    summary: str
    group: str = "This bot"
    is_account: bool = False
    is_status: bool = False
    account_words: frozenset[str] = frozenset()

    def concerning(self, words: list[str]) -> "Command":
        """The command as it is for these words: /chart pnl is of accounts, /chart BTC is not."""
        is_of_account = bool(words) and words[0].lower() in self.account_words
        return self._replace(is_account=True) if is_of_account else self

    @property
    def is_private(self) -> bool:
        """Whether only listed users may ask."""
        return self.is_account or self.is_status

    @property
    def file(self) -> Answering:
        """The file that answers."""
        return _file(self.answer) if isinstance(self.answer, str) else self.answer

    async def run(self, tools: Tools, name: str, words: list[str]) -> Answer:
        """The answer; or a sentence why there is none, and a button that leads on."""
        try:
            if name not in OF_CONDITIONS:
                tools, words = await by_coins(tools, words)
            file = self.file
            asked = file.command(words)
            record = await file.ask(tools, asked)
        except (Misread, NotASymbol, NotListed, NoAnswer, NoKeys) as error:
            return self._sorry(error)._replace(keyboard=ways_on(error, name, words))
        answer, place = file.show(record, tools.clock()), place_of(asked, words)
        return answer._replace(keyboard=carried(answer.keyboard, place)) if any(place) else answer

    def _sorry(self, error: Misread | NotASymbol | NotListed | NoAnswer | NoKeys) -> Answer:
        if isinstance(error, Misread):
            return Answer(escape(str(error)), outcome=NOT_UNDERSTOOD)
        if isinstance(error, NoKeys):
            return Answer(sentences.no_keys(error.variables), outcome=NO_DATA)
        if isinstance(error, NoAnswer):
            log.warning("no answer: %s", error)
        text = sentences.sorry(error, getattr(self.file, "ABOUT", "answer about"))
        return Answer(text, outcome=outcome_of(error))


@cache
def _file(name: str) -> Answering:
    """Found once: import_module looks anew each time, in a dozen calls."""
    return cast("Answering", import_module(f"answers.{name}"))
