"""How people spell markets, and how contracts on thousands of coins are named."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from exchanges.words import DOLLARS, Listing

MULTIPLIERS = (
    (1000, "1000"),
    (10_000, "10000"),
    (100_000, "100000"),
    (1_000_000, "1000000"),
    (1_000_000, "1M"),
    (10_000_000, "10000000"),
)
"""Contracts on many cheap coins: how many, and what stands before the coin's name, or behind it (SHIB1000)."""
_MULTIPLIED = re.compile(r"^(10{3,7}(?=[^\W\d])|1M(?=[A-Z]{4}))")
_MULTIPLIED_BEHIND = re.compile(r"(?<=[^\W\d])10{3,7}$")
_MILLIONS = {"MBABYDOGE": "BABYDOGE"}  # Gate's; any other name that begins with M may be a coin's
MAX_SUGGESTIONS = 5
MAX_SPELT = 512  # spellings that are kept, of at most some 400 bytes each
MAX_APART = 2.0  # times; what a spot market and a perpetual of one coin were never apart by
_QUOTES = ("USDT", "USDC", "FDUSD", "USD")
_NAMED_LIKE_PAIRS = frozenset(
    ["PYUSD", "TUSD", "BUSD", "FDUSD", "RLUSD", "GUSD", "LUSD", "SUSD", "CRVUSD", "BFUSD", "XUSD"]
)
_UNSEEN = dict.fromkeys(
    map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\u2066\u2068\u2069\ufe0e\ufe0f\ufeff")
)  # what pasted text carries; what turns a text's direction is not among them
_BEFORE = '"`´*_~([{“„«»'  # what a sentence or markdown puts before a coin
_AFTER = "\"`´*_~)]}”“»«'’?!.,;:…。、？！"  # and behind it
_LOOKALIKES = str.maketrans("АВЕЅКМНОРСТХУІЈΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABESKMHOPCTXYIJABEZHIKMNOPTYX")
"""Cyrillic and Greek capitals that look like Latin ones."""
_DATE = re.compile(r"\d{1,2}[A-Z]{3}\d{2}|\d{6}|\d{8}")  # 27DEC26, 261227: of a dated future, or an option
_CROSSES = ("BTC", "ETH", "EUR")
UNMISTAKABLE = frozenset(
    ["BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "ADA", "LTC", "BCH", "LINK", "AVAX", "DOT", "TRX", "XMR", "ETC", "XLM"]
)
"""Coins whose names nothing else is called; what ETHBTC and BTCEUR are read apart for: WBTC, STETH and the like are
coins of their own."""
_OTHER_NAMES = {
    "XBT": "BTC",
    "XDG": "DOGE",
    "BITCOIN": "BTC",
    "ETHEREUM": "ETH",
    "ETHER": "ETH",
    "SOLANA": "SOL",
    "RIPPLE": "XRP",
    "DOGECOIN": "DOGE",
    "CARDANO": "ADA",
    "LITECOIN": "LTC",
    "AVALANCHE": "AVAX",
    "POLKADOT": "DOT",
    "CHAINLINK": "LINK",
    "TRON": "TRX",
    "STELLAR": "XLM",
    "MONERO": "XMR",
    "TONCOIN": "TON",
    "BINANCECOIN": "BNB",
    "HYPERLIQUID": "HYPE",
    "UNISWAP": "UNI",
    "POLYGON": "POL",
    "MATIC": "POL",
    "COSMOS": "ATOM",
    "FILECOIN": "FIL",
    "ARBITRUM": "ARB",
    "OPTIMISM": "OP",
    "APTOS": "APT",
}
"""Names of coins, and what Kraken and BitMEX call them; MATIC was renamed."""
WELL_KNOWN = (UNMISTAKABLE | frozenset(_OTHER_NAMES.values())) - {"XMR", "HYPE"}
"""Coins that every large exchange has, spot and perpetual; Monero was delisted by most of them."""
_KILO = frozenset(["PEPE", "SHIB", "BONK", "FLOKI", "LUNC", "DOGS", "NEIRO"])
"""Of which Hyperliquid lists a contract on 1000, with a small k before the name."""
BY_THE_THOUSAND = frozenset(
    [
        "AIDOGE",
        "APU",
        "BABYDOGE",
        "BONK",
        "BTT",
        "CHEEMS",
        "COQ",
        "DOGS",
        "ELON",
        "FLOKI",
        "LADYS",
        "LUNC",
        "MOG",
        "NEIRO",
        "PEIPEI",
        "PEPE",
        "QUBIC",
        "RATS",
        "SATS",
        "SHIB",
        "TOSHI",
        "TURBO",
        "WEN",
        "WHY",
        "XEC",
    ]
)
"""Cheap coins that contracts on many are on, whose plain name is nobody else's as far as is known."""
_MAX_SYMBOL = 24  # characters; the longest listed base has 13
_MAX_READ = 2 * _MAX_SYMBOL  # characters of what is typed, before what is not seen is taken out


def multiplied(base: str) -> tuple[str, int]:
    """("PEPE", 1000) for 1000PEPE, ("SHIB", 1000) for SHIB1000, ("BABYDOGE", 1000000) for 1MBABYDOGE; BTC is of 1."""
    if base in _MILLIONS:
        return _MILLIONS[base], 1_000_000
    if "000" not in base and not base.startswith("1M"):  # nearly all, and there are thousands in a list
        return base, 1
    if (found := _MULTIPLIED.match(base)) is not None:
        return base[found.end() :], 1_000_000 if found[0] == "1M" else int(found[0])
    if (found := _MULTIPLIED_BEHIND.search(base)) is not None:
        return base[: found.start()], int(found[0])
    return base, 1


def coin_symbol(symbol: str) -> tuple[str, int]:
    """("PEPE-USDT", 1000) for 1000PEPE-USDT."""
    if "000" not in symbol and symbol[:1] not in "1M":  # nearly all
        return symbol, 1
    base, quote = split(symbol)
    coin, multiplier = multiplied(base)
    return f"{coin}-{quote}", multiplier


def are_of_many(symbols: Iterable[str]) -> list[bool]:
    """Which of them are contracts on many coins: a few among hundreds, most of which can be told by a look."""
    return [("000" in each or each[:1] in "1M") and coin_symbol(each)[1] != 1 for each in symbols]


def listing(kind: str, listed: str) -> Listing:
    """The market of a list's row: 1000PEPE-USDT is one of PEPE-USDT."""
    symbol, multiplier = coin_symbol(listed)
    return Listing(kind, symbol, listed, multiplier)


def split(symbol: str) -> tuple[str, str]:
    """("BTC", "USDT") from "BTC-USDT"."""
    base, _, quote = symbol.partition("-")
    return base, quote


class NotASymbol(ValueError):
    """What somebody typed cannot be the name of a market. The text says why. instead: what may be meant."""

    def __init__(self, text: str, instead: str = "") -> None:
        super().__init__(text)
        self.instead = instead


def in_quotes(symbol: str, quotes: Sequence[str]) -> str:
    """The symbol in a dollar that the exchange has: BTC-USD for BTC-USDT where USD is what prices are in."""
    base, quote = split(symbol)
    return f"{base}-{quotes[0]}" if quote in DOLLARS and quotes and quote not in quotes else symbol


@lru_cache(MAX_SPELT)
def in_every_dollar(symbol: str, quotes: tuple[str, ...]) -> tuple[str, ...]:
    """The symbol in each dollar that the exchange has, in the order to try them; itself when it is in none.

    A dollar that was asked for comes first; USDT, which stands for any, in the exchange's own order. An answer asks
    this ten times of one symbol.
    """
    base, quote = split(symbol)
    dollars = [each for each in quotes if each in DOLLARS]
    if quote not in DOLLARS or not dollars:
        return (symbol,)
    if quote != "USDT" and quote in dollars:
        dollars = [quote, *(each for each in dollars if each != quote)]
    return tuple(f"{base}-{each}" for each in dollars)


def of_many(of: Listing, listed: Collection[str]) -> Listing | None:
    """The contract on 1000 and more coins that is listed in the coin's place; of 1000CAT, one on as many or more."""
    base, quote = split(of.symbol)
    coin, n = multiplied(base)
    names = [(multiplier, f"{prefix}{coin}") for multiplier, prefix in MULTIPLIERS]
    names += [(multiplier, f"{coin}{number}") for multiplier, number in MULTIPLIERS if number.isdecimal()]
    names += [(1_000_000, name) for name, of_it in _MILLIONS.items() if of_it == coin]
    return next(
        (
            of._replace(listed=f"{name}-{quote}", multiplier=multiplier // n)
            for multiplier, name in names
            if multiplier % n == 0 and name != base and f"{name}-{quote}" in listed
        ),
        None,
    )


def parse_symbol(text: str) -> str:
    """BASE-QUOTE from any usual spelling. Raises NotASymbol.

    btc, $BTC, BTCUSDT, BTC-USDT, btc/usdt, BTC_USDT, BTC-USDT-SWAP, BTC/USDT:USDT, BTCUSDT.P,
    BTCPERP and BINANCE:BTCUSDT are all BTC-USDT, as is BTC-USD: the dollar traded on exchanges
    is USDT. So are XBT and bitcoin. ETHBTC is ETH-BTC. 1000PEPE and SHIB1000 keep their thousand, and kPEPE
    is 1000PEPE: whether they may be called by the plain name is found out by price (asking/namesakes.py).
    """
    return _parsed(text.translate(_UNSEEN)[: _MAX_READ + 1])


@lru_cache(MAX_SPELT)
def _parsed(text: str) -> str:
    """Kept, as an answer reads the same word up to three times. text: cut, but not below what tells that it is long."""
    shown = text if len(text) <= _MAX_SYMBOL else f"{text[:_MAX_SYMBOL]}…"
    junk = NotASymbol(f"“{shown}” is not a symbol. Try BTC, or BTC-USDT.")
    base, *rest = re.split(r"[-/_]", _plain(text))
    _refuse_dated(shown, base, rest)
    _refuse_lookalike(shown, base)
    if not base.isalnum() or len(rest) > 1 or not all(each.isalnum() for each in rest):
        raise junk
    quote = rest[0] if rest else ""
    if sum(map(len, (base, *rest))) + len(rest) > _MAX_SYMBOL:
        raise junk
    if not quote:
        base, quote = _apart(base)
    elif quote not in _QUOTES and f"{base}{quote}".endswith(("USDT", "USDC", "FDUSD")):
        raise junk  # BT-CUSDT is no way to write BTCUSDT
    quote = "USDT" if quote in ("", "USD") else quote
    base = _coin(base)
    if base == quote:
        raise NotASymbol(f"{base} is what prices are counted in here. Try another symbol, such as BTC.")
    return f"{base}-{quote}"


def _plain(text: str) -> str:
    """In capital letters of usual width, without the exchange before the pair and the contract's kind behind it."""
    name = _bare(unicodedata.normalize("NFKC", text[:_MAX_READ])).upper().lstrip("$#")
    before, _, after = name.partition(":")
    name = before if "/" in before or not after else after
    name = name.removesuffix(".P")
    for ending in ("-SWAP", "-PERP", "_PERP", "/PERP", "PERP"):
        if name.endswith(ending) and len(name) > len(ending):
            return name.removesuffix(ending)
    return name


def _bare(text: str) -> str:
    """Without what stands around a coin in a sentence: "BTC?", (btc), *BTC*, BTC🚀."""
    text = text.strip()
    begin, end = 0, len(text)
    while begin < end and _stands_around(text[begin], _BEFORE):
        begin += 1
    while begin < end and _stands_around(text[end - 1], _AFTER):
        end -= 1
    return text[begin:end]


def _stands_around(sign: str, signs: str) -> bool:
    return sign in signs or (not sign.isascii() and unicodedata.category(sign) == "So")


def _refuse_dated(shown: str, base: str, rest: Sequence[str]) -> None:
    """Raises NotASymbol for BTC-27DEC26 and BTC-27DEC26-100000-C."""
    if base.isalnum() and any(map(_DATE.fullmatch, rest)):
        coin = _coin(_apart(base)[0])
        why = f"“{shown}” has a date: futures that end and options are not told here. Try {coin}."
        raise NotASymbol(why, coin)


def _refuse_lookalike(shown: str, base: str) -> None:
    """Raises NotASymbol for ВТС in Cyrillic letters, which nobody can tell from BTC by looking."""
    latin = base.translate(_LOOKALIKES)
    if latin != base and latin.isascii() and latin.isalnum():
        why = f"“{shown}” only looks like {latin}: it has letters of another alphabet. Try {latin}."
        raise NotASymbol(why, latin)


def _apart(pair: str) -> tuple[str, str]:
    """("BTC", "USDT") from BTCUSDT; ("BTC", "") where no quote stands behind the coin."""
    if pair in _NAMED_LIKE_PAIRS:
        return pair, ""
    for quote in _QUOTES:
        if pair.endswith(quote) and pair != quote:
            return pair.removesuffix(quote), quote
    for quote in _CROSSES:
        if pair.endswith(quote) and pair.removesuffix(quote) in UNMISTAKABLE:
            return pair.removesuffix(quote), quote
    return pair, ""


def _coin(base: str) -> str:
    """1000PEPE for KPEPE; BTC for XBT and BITCOIN."""
    if base[:1] == "K" and base[1:] in _KILO:
        return f"1000{base[1:]}"
    coin, _ = multiplied(base)
    return coin if coin in UNMISTAKABLE else _OTHER_NAMES.get(base, base)


def are_of_one_coin(price: float, other: float) -> bool:
    """Whether two dollar prices may be of the same coin; two coins may have one name: CAT the stock, CAT the coin."""
    return max(price, other) <= MAX_APART * min(price, other)


def similar(base: str, listed: Iterable[str]) -> list[str]:
    """Up to MAX_SUGGESTIONS of the listed bases, the most similar first."""
    import difflib  # needed for a typing error only; costs 1 MiB and 5 ms at start

    candidates = [each for each in listed if each and each != base and (each[0] == base[:1] or each[-1] == base[-1:])]
    return difflib.get_close_matches(base, sorted(candidates), MAX_SUGGESTIONS, 0.6)
