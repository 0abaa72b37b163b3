"""What somebody means who does not type a command as it is: a bare coin, a short name, a slip of the thumb. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from answers.asked import KIND_WORDS
from exchanges.symbols import WELL_KNOWN, NotASymbol, multiplied, parse_symbol, split
from exchanges.words import INTERVALS
from render.keyboards import NEIGHBOURS

ALIASES: Mapping[str, str] = {
    "p": "price",
    "px": "price",
    "a": "analysis",
    "v": "volume",
    "vol": "volume",
    "f": "funding",
    "fund": "funding",
    "c": "chart",
    "w": "watch",
    "longshort": "ls",
    "liqs": "liq",
    "liquidations": "liq",
    "gap": "spread",
    "top": "top10",
    "scan": "volscan",
    "bal": "balance",
    "pos": "positions",
    "h": "help",
}
"""Short names, which no command bears; those of commands that are not there mean nothing."""
MAX_BARE = 5  # words of a text without a command that may all be coins; of more, each has to be one that is known
SURE_FROM = 5  # letters from which a word near a command is a slip and no coin
FILLERS = {
    "of", "for", "the", "on", "in", "and", "or", "vs", "&", "+", "please", "is", "are", "what", "what's", "whats",
    "about", "how", "much", "show", "me", "get", "give",
}  # fmt: skip
"""Words between those that count, in what is typed without a slash."""
PLACES = frozenset([*INTERVALS, *KIND_WORDS])
QUOTES = frozenset(["USDT", "USD", "USDC", "FDUSD", "EUR"])
PAYLOAD = re.compile(r"[\w-]{1,64}", re.ASCII)  # of a link (Bot API: deep linking)
ASKED_ONLY = {"alert": 1, "alerts": 0, "settings": 1}
"""How many words behind a command only ask: a coin whose alerts are offered, a setting whose values are."""
TAKING_AWAY = ("edit", "remove", "rm", "delete", "-")  # from a watchlist
MAX_SLIPS = 2  # letters typed wrong, left out, too many or in the wrong order


class Meant(NamedTuple):
    """name: of a command, "" when none is meant. guess: a command line to be offered, "" for none."""

    name: str
    words: list[str]
    guess: str = ""

    @property
    def line(self) -> str:
        """The command line, as a button has it."""
        return " ".join([self.name, *self.words])


def meant(name: str, words: Sequence[str], commands: Collection[str], known: Collection[str] = ()) -> Meant:
    """Of /name words, or of words alone, as they are typed in a private chat.

    known: bases that exchanges are known to list; none where nothing is known yet.
    """
    words = list(words)
    if name == "start" and words:
        return _linked(words, commands)
    if name in commands:
        return Meant(name, words)
    if ALIASES.get(name) in commands:
        return Meant(ALIASES[name], words)
    if name:
        near = "price " + name if name.upper() in {*WELL_KNOWN, *known} else nearest(name, commands)
        return Meant("", words, " ".join([near, *words]) if near else "")
    return _bare(words, commands, known)


def _linked(words: list[str], commands: Collection[str]) -> Meant:
    """/start price_BTC, from a link t.me/Bot?start=price_BTC; a payload that means nothing is /start.

    Anybody may have posted it, and one press asks it: so it only asks, and what would change something is shown with
    the buttons that would do so.
    """
    name, *rest = [each for each in words[0].split("_") if each] or [""]
    if name not in commands or name == "start" or not PAYLOAD.fullmatch(words[0]):
        return Meant("start", [])
    if name == "watch" and rest:  # a coin's price has a star that adds it
        is_to_add = rest[0].lower() not in TAKING_AWAY
        coins = rest[1:] if rest[0].lower() == "add" else rest
        return Meant("price", coins) if is_to_add and coins else Meant("watch", ["edit"])
    return Meant(name, rest[: ASKED_ONLY.get(name, len(rest))])


def _bare(typed: list[str], commands: Collection[str], known: Collection[str]) -> Meant:
    words = [each for each in typed if each.lower() not in FILLERS or each.upper() in known]
    first = words[0].lower() if words else ""
    if first in commands:
        return Meant(first, words[1:])
    if len(first) > 1 and ALIASES.get(first) in commands and len(words) > 1:
        return Meant(ALIASES[first], words[1:])
    if len(first) >= SURE_FROM and first.upper() not in known and (near := nearest(first, commands)):
        return Meant("", words, " ".join([near, *words[1:]]))
    return _of_coins(words, commands, known) or Meant("", typed, _as_coin(typed))


def _as_coin(words: Sequence[str]) -> str:
    """The price of a single word that is spelt like a coin: the lists that are kept need not be all that there are."""
    return f"price {words[0]}" if len(words) == 1 and words[0].isalnum() and _may_be_a_coin(words[0], ()) else ""


def _of_coins(words: list[str], commands: Collection[str], known: Collection[str]) -> Meant | None:
    """btc, btc eth, btc 1h spot, btc eur: the price; btc oi: what is named behind the coin. None for anything else."""
    named = [each for each in words[1:] if each.lower() in commands and each.lower() in NEIGHBOURS]
    rest = [each for each in words if each not in named]
    coins = [each for each in rest if each.lower() not in PLACES]
    if len(coins) == 2 and coins[1].upper() in QUOTES and not _may_be_a_coin(coins[1], known):
        rest = [each for each in rest if each != coins[1]]
        rest[rest.index(coins[0])] = f"{coins[0]}-{coins[1]}"
        coins = coins[:1]
    is_long = len(rest) > MAX_BARE
    if len(named) > (0 if is_long else 1) or not coins:
        return None
    if not all(_may_be_a_coin(each, known or (WELL_KNOWN if is_long else ())) for each in coins):
        return None
    return Meant(named[0].lower() if named else "price", rest)


def _may_be_a_coin(word: str, known: Collection[str]) -> bool:
    """Whether a bare word is meant as a symbol: it is spelt like one, and listed where that is known.

    So is what is not told here, but of a coin that is: a future that ends.
    """
    try:
        base = multiplied(split(parse_symbol(word))[0])[0]
    except NotASymbol as error:
        return bool(error.instead) and (not known or error.instead in known)
    return base in known if known else len(base) <= 10


def nearest(name: str, commands: Collection[str]) -> str:
    """The command that was probably meant; "" when none is near, or several are."""
    slips = {each: _slips(name, each) for each in commands if abs(len(each) - len(name)) <= MAX_SLIPS}
    most = min(MAX_SLIPS, max(1, len(name) // 3))
    fewest = min(slips.values(), default=most + 1)
    near = [each for each, n in slips.items() if n == fewest]
    begun = [each for each in commands if len(name) > 2 and each.startswith(name)]
    if fewest <= most and len(near) == 1:
        return near[0]
    return begun[0] if len(begun) == 1 else ""


def _slips(one: str, other: str) -> int:
    """Letters to change, leave out, put in or swap with the next one, to make one word of the other.

    The optimal string alignment distance (Damerau 1964): three rows of the usual table.
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, above, row = row, before, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
