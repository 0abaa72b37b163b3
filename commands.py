"""What each command does: reads the words after it, asks the market or the accounts, shows the answer.

A command gets those words and returns one Answer, always: words that cannot be meant, symbols that
nobody lists and exchanges that are down become a sentence with what to do next. Who may ask, and in how
much time, is bot.py's business.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import NamedTuple, Protocol, TypeVar

import analysis as analytics
import derivatives
import lists
import market as markets
import render
import reports
from accounts import ACCOUNTS, Accounts, NoKeys, Part
from exchanges import INTERVALS, split
from market import Market, NoAnswer, NotASymbol, NotListed, PriceReport
from metrics import Metrics, resident_bytes
from render import Answer, Button, in_words
from settings import VERSION, Settings

log = logging.getLogger("bot")

T = TypeVar("T")

MAX_SYMBOLS = 5
EXAMPLES = ("BTC", "ETH", "SOL")
MARKET_WORDS = {
    "perp": ("perp",),
    "perps": ("perp",),
    "futures": ("perp",),
    "swap": ("perp",),
    "spot": ("spot",),
}
ANY_MARKET = ("perp", "spot")  # the perpetual, where there is one
MAX_THRESHOLD_PCT = 100_000.0


class Room(Protocol):
    """What a command can ask."""

    @property
    def market(self) -> Market: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Callable[[], float]: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def began(self) -> float: ...
    @property
    def webhook_state(self) -> str: ...


class Command(NamedTuple):
    """run gets the room and the words after the command. usage: those words, as /help shows them.

    is_account: it tells of the owner's money, so only users listed by their own id may ask, in private.
    is_status: it tells of the process, to listed users.
    """

    run: Callable[[Room, list[str]], Awaitable[Answer]]
    usage: str
    summary: str
    group: str = "This bot"
    is_account: bool = False
    is_status: bool = False

    @property
    def is_private(self) -> bool:
        """Whether only listed users may ask."""
        return self.is_account or self.is_status


class Misread(ValueError):
    """The words after a command cannot be meant. The text says why, and what to type."""


# General.


async def start(room: Room, words: list[str]) -> Answer:
    """Who this is, and what to type first."""
    text = (
        "I answer questions about crypto markets, with figures straight from the exchanges.\n"
        "Try /price BTC, /analysis ETH, /oi BTC, /top10, or /help for all commands."
    )
    return Answer(text, (tuple(Button(each, f"price {each}") for each in EXAMPLES),))


async def help(room: Room, words: list[str]) -> Answer:
    """All commands by group, from the table."""
    lines = []
    for group in dict.fromkeys(command.group for command in COMMANDS.values()):
        lines.append(f"<b>{group}</b>")
        for name, command in COMMANDS.items():
            if command.group == group:
                usage = f" {render.escape(command.usage)}" if command.usage else ""
                lines.append(f"/{name}{usage} – {render.escape(command.summary)}")
        lines.append("")
    lines.append("Symbols in any spelling: btc, BTCUSDT, BTC-USDT, btc/usdt.")
    lines.append(f"Intervals: {', '.join(INTERVALS)}. Add spot for the spot market.")
    return Answer("\n".join(lines))


async def status(room: Room, words: list[str]) -> Answer:
    """How the process does."""
    histogram = room.metrics.commands
    percentiles = {
        name: (histogram.percentile(0.5, name), histogram.percentile(0.95, name), sum(counts))
        for (name,), counts in histogram.counts.items()
    }
    vitals = reports.Vitals(
        VERSION,
        time.monotonic() - room.began,
        resident_bytes(),
        percentiles,
        room.market.health(),
        room.webhook_state,
        {outcome: int(count) for (outcome,), count in room.metrics.updates.values.items()},
    )
    return reports.status(vitals, room.clock())


# One market.


async def price(room: Room, words: list[str]) -> Answer:
    """Spot and perpetual of up to MAX_SYMBOLS symbols."""
    if not words:
        return _which_symbol("price", "/price BTC, or /price BTC ETH SOL")
    wanted = list(dict.fromkeys(words))
    results = await asyncio.gather(*(_price_of(room, word) for word in wanted[:MAX_SYMBOLS]))
    answer = render.prices(list({_symbol(each): each for each in results}.values()), room.clock())
    if len(wanted) > MAX_SYMBOLS:
        answer = answer._replace(text=f"{answer.text}\n\nAt most {MAX_SYMBOLS} symbols at once; the rest is left out.")
    return answer


async def _price_of(room: Room, word: str) -> PriceReport | NotListed | NoAnswer | NotASymbol:
    try:
        return await room.market.price(markets.parse_symbol(word))
    except NoAnswer as error:
        log.warning("no answer: %s", error)
        return error
    except (NotListed, NotASymbol) as error:
        return error


def _symbol(result: PriceReport | NotListed | NoAnswer | NotASymbol) -> str:
    return str(result) if isinstance(result, NotASymbol) else result.symbol


async def volume(room: Room, words: list[str]) -> Answer:
    """The last closed candle against what is normal."""
    return await _of_candles(room, words, "volume", "15m", analytics.volume, reports.volume, "volume of")


async def cvd(room: Room, words: list[str]) -> Answer:
    """What takers bought less what they sold."""
    return await _of_candles(room, words, "cvd", "1h", analytics.cvd, reports.cvd, "taker volume of")


async def analysis(room: Room, words: list[str]) -> Answer:
    """One market's whole report."""
    return await _of_candles(room, words, "analysis", "15m", analytics.analysis, reports.analysis, "analysis of")


async def profile(room: Room, words: list[str]) -> Answer:
    """Where a window's volume was traded."""
    windows = analytics.PROFILE_WINDOWS
    return await _of_candles(
        room, words or ["BTC"], "profile", "24h", analytics.profile, reports.profile, "profile of", windows
    )


async def _of_candles(
    room: Room,
    words: list[str],
    name: str,
    default: str,
    ask: Callable[[Market, str, str, Sequence[str]], Awaitable[T]],
    show: Callable[[T, float], Answer],
    what: str,
    choices: Collection[str] = tuple(INTERVALS),
) -> Answer:
    """A question about one symbol over an interval (or window) on the perpetual or the spot market."""
    if not words:
        return _which_symbol(name, f"/{name} BTC, or /{name} BTC {default}")
    try:
        symbol, choice, of = read_words(words, choices, default)
        return show(await ask(room.market, symbol, choice, of), room.clock())
    except (NotListed, NoAnswer, NotASymbol, Misread) as error:
        return _sorry(error, what)


def read_words(words: Sequence[str], choices: Collection[str], default: str) -> tuple[str, str, tuple[str, ...]]:
    """Symbol, choice and markets from "BTC 1h spot", in any order; a symbol that is left out is the first example.

    Raises NotASymbol and Misread.
    """
    symbol, choice = "", default
    of: tuple[str, ...] = ANY_MARKET
    for word in words:
        plain = word.lower()
        if plain in choices:
            choice = plain
        elif plain in MARKET_WORDS:
            of = MARKET_WORDS[plain]
        elif not symbol:
            symbol = markets.parse_symbol(word)
        else:
            known = ", ".join(choices)
            raise Misread(f"“{_cut(word)}” is not understood here. Beside the symbol: one of {known}; spot or perp.")
    return symbol or markets.parse_symbol(EXAMPLES[0]), choice, of


async def ls(room: Room, words: list[str]) -> Answer:
    """Who is long and who is short."""
    if not words:
        return _which_symbol("ls", "/ls BTC")
    try:
        symbol = _only_symbol(words)
        return reports.ratios(await analytics.ratios(room.market, symbol), room.clock())
    except (NotListed, NoAnswer, NotASymbol, Misread) as error:
        return _sorry(error, "longs and shorts of")


def _only_symbol(words: Sequence[str]) -> str:
    """Raises NotASymbol, and Misread for further words."""
    if len(words) > 1:
        raise Misread(f"One symbol at a time, please: {_cut(words[0])}?")
    return markets.parse_symbol(words[0])


# All exchanges.


async def oi(room: Room, words: list[str]) -> Answer:
    """Open interest over all exchanges."""
    try:
        base = split(_only_symbol(words or ["BTC"]))[0]
        return reports.open_interest(await derivatives.open_interest(room.market, base), room.clock())
    except (NotListed, NoAnswer, NotASymbol, Misread) as error:
        return _sorry(error, "open interest of")


async def funding(room: Room, words: list[str]) -> Answer:
    """Funding over all exchanges, or the extremes over all perpetuals."""
    try:
        if [word.lower() for word in words] == ["top"]:
            return reports.funding_extremes(await derivatives.funding_extremes(room.market), room.clock())
        base = split(_only_symbol(words or ["BTC"]))[0]
        return reports.funding(await derivatives.funding(room.market, base), room.clock())
    except (NotListed, NoAnswer, NotASymbol, Misread) as error:
        return _sorry(error, "funding of")


# All markets.


async def top10(room: Room, words: list[str]) -> Answer:
    """The ten first markets."""
    kind, sort = "perp", "volume"
    for word in words:
        plain = word.lower()
        if plain in MARKET_WORDS:
            (kind,) = MARKET_WORDS[plain]
        elif plain in lists.SORTS:
            sort = plain
        else:
            return Answer(
                render.escape(f"“{_cut(word)}” is not understood here. Try /top10 perps gainers, or /top10 spot.")
            )
    try:
        return reports.top(await lists.top(room.market, kind, sort), room.clock())
    except lists.NoSuchSort:
        return Answer(f"Spot markets have no {reports.SORT_NAMES[sort]}. Try /top10 perps {sort}.")
    except NoAnswer as error:
        return _sorry(error, "list of")


async def volscan(room: Room, words: list[str]) -> Answer:
    """All liquid perpetuals by volume spike."""
    threshold, interval = 200.0, "15m"
    for word in words:
        plain = word.lower().removesuffix("%")
        if plain in INTERVALS:
            interval = plain
        elif (figure := _figure(plain)) is not None and 0 <= figure <= MAX_THRESHOLD_PCT:
            threshold = figure
        else:
            return _sorry(Misread(f"“{_cut(word)}” is not understood here. Try /volscan 200 15m."), "")
    n_markets = room.settings.volscan_symbols
    try:
        found = await lists.volume_scan(room.market, threshold, interval, n_markets)
    except NoAnswer as error:
        return _sorry(error, "list of")
    return reports.scan(found, room.clock())


def _figure(text: str) -> float | None:
    try:
        return float(text) if text.replace(".", "", 1).isdecimal() and text.isascii() else None
    except ValueError:
        return None


# Accounts.


async def balance(room: Room, words: list[str]) -> Answer:
    """What the owner's accounts hold."""
    return await _account(room, words, "balance", room.accounts.balance, render.balance)


async def positions(room: Room, words: list[str]) -> Answer:
    """The owner's open positions."""
    return await _account(room, words, "positions", room.accounts.positions, render.positions)


async def pnl(room: Room, words: list[str]) -> Answer:
    """The owner's profit and loss."""
    return await _account(room, words, "pnl", room.accounts.pnl, render.pnl)


async def _account(
    room: Room,
    words: list[str],
    name: str,
    ask: Callable[[str], Awaitable[list[Part[T]]]],
    show: Callable[[list[Part[T]], float], Answer],
) -> Answer:
    exchange = words[0].lower() if words else ""
    if exchange and exchange not in ACCOUNTS:
        known = in_words([render.exchange_name(each) for each in ACCOUNTS])
        return Answer(f"Accounts can be asked for at {known}. For example /{name} {next(iter(ACCOUNTS))}.")
    try:
        answer = show(await ask(exchange), room.clock())
    except NoKeys as error:
        return render.no_keys(error.variables)
    return answer._replace(keyboard=((Button("🔄 Refresh", f"{name} {exchange}".strip()),),))


# Sentences.


def _which_symbol(name: str, example: str) -> Answer:
    return Answer(
        f"Which symbol? For example {example}.", (tuple(Button(each, f"{name} {each}") for each in EXAMPLES),)
    )


def _sorry(error: NotListed | NoAnswer | NotASymbol | Misread, what: str) -> Answer:
    if isinstance(error, Misread):
        return Answer(render.escape(str(error)))
    if isinstance(error, NoAnswer):
        log.warning("no answer: %s", error)
    return Answer(render.sorry(error, what))


def _cut(word: str) -> str:
    return word if len(word) <= 24 else f"{word[:24]}…"


COMMANDS: dict[str, Command] = {
    "price": Command(price, "SYMBOL …", "spot and perpetual side by side", "One market"),
    "analysis": Command(analysis, "SYMBOL [15m] [spot]", "everything about one market", "One market"),
    "volume": Command(volume, "SYMBOL [15m] [spot]", "last candle's volume against normal", "One market"),
    "cvd": Command(cvd, "SYMBOL [1h] [spot]", "what takers bought and sold", "One market"),
    "profile": Command(profile, "[SYMBOL] [today|24h|7d|30d]", "volume and time by price", "One market"),
    "ls": Command(ls, "SYMBOL", "longs and shorts, top traders", "One market"),
    "oi": Command(oi, "[SYMBOL]", "open interest on all exchanges", "All exchanges"),
    "funding": Command(funding, "[SYMBOL|top]", "funding on all exchanges, or extremes", "All exchanges"),
    "top10": Command(top10, "[spot|perps] [volume|gainers|losers|funding|oi]", "the first ten markets", "All markets"),
    "volscan": Command(volscan, "[200] [15m]", "volume spikes of the liquid perpetuals", "All markets"),
    "balance": Command(balance, "[EXCHANGE]", "what your accounts hold", "Your accounts", is_account=True),
    "positions": Command(positions, "[EXCHANGE]", "your open positions", "Your accounts", is_account=True),
    "pnl": Command(pnl, "[EXCHANGE]", "your profit and loss", "Your accounts", is_account=True),
    "status": Command(status, "", "how the bot itself does", is_status=True),
    "help": Command(help, "", "all commands"),
    "start": Command(start, "", "what this is"),
}
"""Everything the bot does; /help, the menu and the README's table are made of it."""
