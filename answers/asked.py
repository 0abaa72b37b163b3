"""What was typed after a command: symbol, interval, spot or perpetual; and what an answer can ask."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from answers.pictures import Pictures
from exchanges.errors import MarketError, NoAnswer
from exchanges.symbols import NotASymbol, coin_symbol, parse_symbol
from exchanges.words import INTERVALS, Candles, Source
from market import Market
from metrics import Metrics, Process
from render.keyboards import Place
from settings import Settings
from store.words import Store

if TYPE_CHECKING:
    from accounts import Accounts

EXAMPLES = ("BTC", "ETH", "SOL")
KIND_WORDS = {
    "perp": ("perp",),
    "perps": ("perp",),
    "futures": ("perp",),
    "swap": ("perp",),
    "spot": ("spot",),
}
TIME_WORDS = {
    "minute", "minutes", "min", "mins", "hour", "hours", "hourly", "day", "days", "daily", "week", "weeks", "weekly",
    "month", "months", "monthly", "yesterday",
}  # fmt: skip
# which are no intervals as they are typed here, and no coins
_SPAN = re.compile(r"\d+(s|secs?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?|mo|months?|y|yrs?|years?)")
_FIGURE = re.compile(r"\d[\d.,]*[xk%]?")
NO_MONTH = "1M would be a month, which there is not; 1m is a minute."
NO_DATA, NOT_UNDERSTOOD = "no data", "not understood"  # outcomes beside "answered"
CHARTS_OF_ACCOUNTS = frozenset({"pnl"})  # first words of /chart that tell of the owner's money
ANY_KIND = ("perp", "spot")  # the perpetual, where there is one


class Described(Protocol):
    """What /help says of a command: the words after it, what it does, the group that it belongs to."""

    @property
    def usage(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def group(self) -> str: ...


class Asker(NamedTuple):
    """Who asks, and where; text: what stood behind the command, as it was typed.

    user_id: below zero for a chat that speaks for itself. is_the_group: whether that is the group where it is asked,
    in whose name only its administrators write.
    """

    chat_id: int
    thread_id: int | None
    user_id: int
    update_id: int | None
    is_private: bool
    is_listed: bool
    text: str = ""
    is_the_group: bool = False


class Tools(NamedTuple):
    """What an answer can ask. clock: seconds since 1970. commands: the table, for /help. accounts: the owner's, made
    when somebody first asks for them.

    asker: None where nobody in a chat asks. store: None where nothing can be remembered, which no_store explains.
    trouble: why alerts do not ring; "" while nothing is known against it.
    """

    market: Market
    accounts: Callable[[], "Accounts"]
    settings: Settings
    clock: Callable[[], float]
    metrics: Metrics
    process: Process
    pictures: Pictures
    commands: Mapping[str, Described]
    asker: Asker | None = None
    store: Store | None = None
    is_admin: Callable[[int, int], Awaitable[bool]] | None = None  # of a chat, a user
    no_store: str = "Nothing can be remembered here: set DATABASE_URL, or DATA_DIR to a folder that can be written."
    trouble: str = ""

    @property
    def memory(self) -> Store:
        """The store. Raises Misread where there is none."""
        if self.store is None:
            raise Misread(self.no_store)
        return self.store

    @property
    def who(self) -> Asker:
        """Who asks. Raises Misread where it is nobody in a chat."""
        if self.asker is None:
            raise Misread("Ask me in a chat.")
        return self.asker


class Misread(ValueError):
    """The words after a command cannot be meant. The text says why, and what to type."""


class WhichSymbol(Misread):
    """A symbol is needed. command: what it is needed for."""

    def __init__(self, command: str, example: str) -> None:
        super().__init__(f"Which symbol? For example {example}.")
        self.command = command


class OneAtATime(Misread):
    """Several coins, where an answer is about one. coins: as they were typed."""

    def __init__(self, coins: Sequence[str]) -> None:
        super().__init__(f"This is about one coin at a time: {', or '.join(map(cut, coins))}.")
        self.coins = tuple(coins)


class OneIsEnough(OneAtATime):
    """Something beside the coin that means nothing here. word: as it was typed; coin: likewise, "" where none was."""

    def __init__(self, word: str, coin: str) -> None:
        super().__init__([coin] if coin else [])
        self.args = (f"“{cut(word)}” is not understood here: a symbol is enough, such as {cut(coin) or EXAMPLES[0]}.",)


class OfMarket(NamedTuple):
    """A question about one market. choice: the interval, or the window. kinds: the first that exists is meant."""

    symbol: str
    choice: str
    kinds: tuple[str, ...] = ANY_KIND


def of_market(
    words: Sequence[str], command: str, default: str, choices: Collection[str] = tuple(INTERVALS)
) -> OfMarket:
    """Symbol, choice and kind from "BTC 1h spot", in any order; a symbol that is left out is the first example.

    Raises WhichSymbol when there are no words, NotASymbol and Misread.
    """
    if not words:
        raise WhichSymbol(command, f"/{command} BTC, or /{command} BTC {default}")
    kinds: tuple[str, ...] = ANY_KIND
    choice, rest = default, list[str]()
    for word in words:
        plain = word.lower()
        if is_month(word) and word not in choices:
            raise Misread(f"{NO_MONTH} One of {', '.join(choices)}.")
        if plain in choices:
            choice = plain
        elif plain in KIND_WORDS:
            kinds = KIND_WORDS[plain]
        elif plain not in INTERVALS:  # one that is no choice is carried along, see placed
            rest.append(word)
    coins = [word for word in rest if not is_odd(word)] or [word for word in rest[:1] if not is_span(word)]
    if odd := [word for word in rest if word not in coins]:
        known = ", ".join(choices)
        raise Misread(f"“{cut(odd[0])}” is not understood here. Beside the symbol: one of {known}; spot or perp.")
    symbols = [parse_symbol(word) for word in coins[:1] or EXAMPLES]
    if len(coins) > 1:
        raise OneAtATime(coins)
    return OfMarket(symbols[0], choice, kinds)


def placed(words: Sequence[str]) -> tuple[list[str], Place]:
    """The words without an interval and a kind, and these: answers that make no use of them carry them along."""
    rest, place = [], Place()
    for word in words:
        plain = word.lower()
        if plain in INTERVALS and not is_month(word):
            place = place._replace(interval=plain)
        elif plain in KIND_WORDS:
            place = place._replace(kind=KIND_WORDS[plain][0])
        else:
            rest.append(word)
    return rest, place


def place_of(asked: object, words: Sequence[str]) -> Place:
    """Where one looks after a question: what was typed, and the interval that is shown where none was."""
    place = placed(words)[1]
    if isinstance(asked, OfMarket) and asked.choice in INTERVALS:
        return place._replace(interval=asked.choice)
    return place


def only_symbol(words: Sequence[str]) -> str:
    """An interval and a kind beside it change nothing. Raises NotASymbol, and Misread for further words."""
    rest, _ = placed(words)
    of_none = is_span if len(rest) == 1 else is_odd
    if odd := [word for word in rest if of_none(word)]:
        raise OneIsEnough(odd[0], next((word for word in rest if word not in odd), ""))
    if len(rest) > 1:
        raise OneAtATime(rest[:2])
    return parse_symbol(rest[0] if rest else EXAMPLES[0])


def is_symbol(word: str) -> bool:
    """Whether a word is spelt like a market."""
    try:
        parse_symbol(word)
    except NotASymbol:
        return False
    return True


def is_month(word: str) -> bool:
    """Whether an interval is typed that there is none of: small letters mean a minute."""
    return word == "1M"


def is_span(word: str) -> bool:
    """Whether a word is a stretch of time: 7d, 15min; no coin is called so."""
    return _SPAN.fullmatch(word.lower()) is not None


def is_odd(word: str) -> bool:
    """Whether a word beside a coin is not the name of another one: 7d, 10 and yesterday are none, 1INCH is.

    Of 4 and 100x nobody knows, which are coins at some exchange: a slip is likelier, and 4-USDT is understood.
    """
    plain = word.lower()
    return plain in TIME_WORDS or is_span(word) or _FIGURE.fullmatch(plain) is not None or not is_symbol(word)


async def by_coins(tools: Tools, words: Sequence[str]) -> tuple[Tools, list[str]]:
    """The words, with its coin's symbol for one that was typed with its thousand, where no other coin has that name.

    The tools, too: what that took, the answer has no more.
    """
    market, began = tools.market, tools.market.clock.monotonic()
    symbols = {word: symbol for word in words if (symbol := _by_the_thousand(word))}
    if not symbols:
        return tools, list(words)
    meant = await asyncio.gather(*map(market.meant, symbols.values()))
    coins = dict(zip(symbols, meant, strict=True))
    return tools._replace(market=market.since(began)), [coins.get(word, word) for word in words]


def _by_the_thousand(word: str) -> str:
    """The symbol of a word that is typed with its thousand; "" for all others."""
    try:
        symbol = parse_symbol(word)
    except NotASymbol:
        return ""
    return "" if coin_symbol(symbol)[1] == 1 else symbol


def outcome_of(error: Exception) -> str:
    """Whether no exchange had an answer, or the question was one that none can answer."""
    return NO_DATA if isinstance(error, NoAnswer) else NOT_UNDERSTOOD


def cut(word: str) -> str:
    return word if len(word) <= 24 else f"{word[:24]}…"


def source_of(market: Market, candles: Candles, failed: tuple[MarketError, ...], began: float) -> Source:
    """Of whom an answer is that is made of candles; began on the monotonic clock."""
    of = (candles.exchange, candles.symbol, candles.kind)
    other = market.namesakes.other(market.exchange(candles.exchange), candles.symbol)
    return Source(*of, failed, market.now_ms(), market.clock.monotonic() - began, other)
