"""How people spell markets, and how contracts on thousands of coins are named."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from exchanges.words import DOLLARS, Listing

MULTIPLIERS = (
    (1000, "1000"),
    (10_000, "10000"),
    (100_000, "100000"),
    (1_000_000, "1000000"),
    (1_000_000, "1M"),
)
"""Contracts on many cheap coins: how many, and what stands before the coin's name."""
_MULTIPLIED = re.compile(r"^(10{3,6}(?=[^\W\d])|1M(?=[A-Z]{4}))")
MAX_SUGGESTIONS = 5
_QUOTES = ("USDT", "USDC", "FDUSD", "USD")
_NAMED_LIKE_PAIRS = frozenset(["PYUSD", "TUSD", "BUSD", "FDUSD", "RLUSD", "GUSD", "LUSD", "SUSD", "CRVUSD", "BFUSD"])
_MAX_SYMBOL = 24  # characters; the longest listed base has 13


def multiplied(base: str) -> tuple[str, int]:
    """("PEPE", 1000) for 1000PEPE, ("BABYDOGE", 1000000) for 1MBABYDOGE; 1INCH and BTC are of 1."""
    found = _MULTIPLIED.match(base)
    if found is None:
        return base, 1
    prefix = found[0]
    return base[len(prefix) :], 1_000_000 if prefix == "1M" else int(prefix)


def coin_symbol(symbol: str) -> tuple[str, int]:
    """("PEPE-USDT", 1000) for 1000PEPE-USDT."""
    base, quote = split(symbol)
    coin, multiplier = multiplied(base)
    return f"{coin}-{quote}", multiplier


def listing(kind: str, listed: str) -> Listing:
    """The market of a list's row, called by its coin: 1000PEPE-USDT is one of PEPE-USDT."""
    symbol, multiplier = coin_symbol(listed)
    return Listing(kind, symbol, symbol, multiplier)


def split(symbol: str) -> tuple[str, str]:
    """("BTC", "USDT") from "BTC-USDT"."""
    base, _, quote = symbol.partition("-")
    return base, quote


class NotASymbol(ValueError):
    """What somebody typed cannot be the name of a market. The text says why."""


def in_quotes(symbol: str, quotes: Sequence[str]) -> str:
    """The symbol in a dollar that the exchange has: BTC-USD for BTC-USDT where USD is what prices are in."""
    base, quote = split(symbol)
    return f"{base}-{quotes[0]}" if quote in DOLLARS and quotes and quote not in quotes else symbol


def of_many(of: Listing, listed: Collection[str]) -> Listing | None:
    """The contract on 1000 and more coins that is listed in the coin's place."""
    for multiplier, prefix in MULTIPLIERS:
        if f"{prefix}{of.symbol}" in listed:
            return of._replace(listed=f"{prefix}{of.symbol}", multiplier=multiplier)
    return None


def parse_symbol(text: str) -> str:
    """BASE-QUOTE from any usual spelling. Raises NotASymbol.

    btc, $BTC, BTCUSDT, BTC-USDT, btc/usdt, BTC_USDT, BTC-USDT-SWAP, BTC/USDT:USDT, BTCUSDT.P,
    BTCPERP and BINANCE:BTCUSDT are all BTC-USDT, as is BTC-USD: the dollar traded on exchanges
    is USDT. 1000PEPE is PEPE, whose figures are given per coin.
    """
    shown = text if len(text) <= _MAX_SYMBOL else f"{text[:_MAX_SYMBOL]}…"
    junk = NotASymbol(f"“{shown}” is not a symbol. Try BTC, or BTC-USDT.")
    name = text.strip().upper().lstrip("$#")
    before, _, after = name.partition(":")
    name = before if "/" in before or not after else after
    name = name.removesuffix(".P")
    for ending in ("-SWAP", "-PERP", "_PERP", "/PERP", "PERP"):
        if name.endswith(ending) and len(name) > len(ending):
            name = name.removesuffix(ending)
            break
    base, *rest = re.split(r"[-/_]", name)
    if not base.isalnum() or len(name) > _MAX_SYMBOL or len(rest) > 1 or not all(each.isalnum() for each in rest):
        raise junk
    quote = rest[0] if rest else ""
    if not quote:
        if base not in _NAMED_LIKE_PAIRS:
            quote = next((each for each in _QUOTES if base.endswith(each) and base != each), "")
            base = base.removesuffix(quote)
    elif quote not in _QUOTES and f"{base}{quote}".endswith(("USDT", "USDC", "FDUSD")):
        raise junk  # BT-CUSDT is no way to write BTCUSDT
    quote = "USDT" if quote in ("", "USD") else quote
    base, _ = multiplied(base)
    if base == quote:
        raise NotASymbol(f"{base} is what prices are counted in here. Try another symbol, such as BTC.")
    return f"{base}-{quote}"


def similar(base: str, listed: Iterable[str]) -> list[str]:
    """Up to MAX_SUGGESTIONS of the listed bases, the most similar first."""
    import difflib  # needed for a typing error only; costs 1 MiB and 5 ms at start

    candidates = [each for each in listed if each and each != base and (each[0] == base[:1] or each[-1] == base[-1:])]
    return difflib.get_close_matches(base, sorted(candidates), MAX_SUGGESTIONS, 0.6)
