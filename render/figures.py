"""Figures as texts: prices, amounts, percents, times. Pure."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeGuard

from exchanges.symbols import split
from exchanges.words import COIN, DOLLARS, Source

STALE_S = 120  # a last trade older than this is marked with its age
AHEAD_S = 3600.0  # beyond which either clock is wrong: machines that slept are late for a while
MAX_TICKS = 64  # whose decimals are kept: all prices of a profile have one
MAX_DAYS = 16  # moments whose text is kept: all cards of a few hours have the same candles
BAR = 9  # characters of a range bar
BLOCKS = "▁▂▃▄▅▆▇█"
SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
_ZEROS = re.compile(r"0\.(0{4,})(?=[1-9])")
_NOT_ZERO = frozenset("123456789")
UNITS = tuple((unit * 0.9995, unit, name) for unit, name in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")))
"""From what size on an amount is told in a unit, the unit, and its name."""
WIDE = "\u2e80"  # the first of the signs that take two columns
DRAWN = "–≈…·█░▕▏"  # what we put into tables beside ASCII; each takes one column
_MARKUP = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))  # the first of them stands in the others
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # Unicode's directional marks


def escape(text: str) -> str:
    """text with what Telegram's HTML would read as markup made harmless, in text and in attributes.

    Nor does it turn the direction of what stands around it: somebody else's word would show our sentence backwards.
    """
    for mark in "" if text.isascii() else _TURNING:
        if mark in text:
            text = text.replace(mark, "")
    for sign, harmless in _MARKUP:
        if sign in text:  # hardly ever; to look for it takes a tenth of what replacing nothing takes
            text = text.replace(sign, harmless)
    return text


def is_figure(figure: float | None) -> TypeGuard[float]:
    """Whether there is one that can be told: what came out infinite, or as no number, is none.

    Every text of a figure asks it, so that no infinity is ever shown, wherever one comes from.
    """
    return figure is not None and -math.inf < figure < math.inf


def format_price(price: float | None) -> str:
    """67,432.10 · 123.40 · 1.00012 · 0.3150 · 0.00001234: six digits, or two decimals from 1000 on."""
    if price is None:
        return "n/a"
    size = abs(price)
    if not 1e-12 <= size < 1e12:
        return "n/a" if not is_figure(price) else f"{price:.5g}" if price else "0"
    if size >= 1000 or (size > 999 and float(f"{size:.6g}") >= 1000):  # after rounding: 999.9999 is 1,000.00
        return f"{price:,.2f}"
    magnitude = math.floor(math.log10(size))
    shortest = 2 if magnitude >= 0 else 3 - magnitude
    text = "%.*f" % (max(shortest, 5 - magnitude), price)  # noqa: UP031 - as in format_percent
    kept = text.index(".") + 1 + shortest
    return text[:kept] + text[kept:].rstrip("0")


def format_prices(*prices: float | None) -> list[str]:
    """Prices of one row, all with as many decimals as the finest of them: 0.11784 and 0.11780."""
    texts = [format_price(each) for each in prices]
    decimals = {len(each.partition(".")[2]) for each in texts if each[-1:].isdigit()}
    if len(decimals) < 2:
        return texts
    finest = max(decimals)
    return [
        f"{price:,.{finest}f}" if price and 1e-12 <= abs(price) < 1e12 else text
        for price, text in zip(prices, texts, strict=True)
    ]


def format_amount(amount: float | None) -> str:
    """1.62B · 24.1K · 311 · 0.0123: three digits."""
    if not is_figure(amount):
        return "n/a"
    size = abs(amount)
    for least, unit, name in UNITS:
        if size >= least:
            return _three_digits(amount / unit) + name
    return _three_digits(amount)


def _three_digits(figure: float) -> str:
    if -1e-12 < figure < 1e-12:
        return "0"
    if 0.001 <= abs(figure) < 999.5:
        return f"{figure:#.3g}".rstrip(".")
    scientific = f"{figure:.2e}"
    magnitude = int(scientific.partition("e")[2])  # after rounding: 0.9996 has that of 1.00
    return scientific if magnitude > 5 else f"{figure:.{min(max(0, 2 - magnitude), 12)}f}"


def format_percent(percent: float | None, decimals: int = 2) -> str:
    """+2.31%"""
    if percent is not None and -1e6 < percent < 1e6:
        return unsigned_zero("%+.*f%%" % (decimals, percent))  # noqa: UP031 - half of an f-string's time
    return f"{percent:+.1e}%" if is_figure(percent) else "n/a"


def unsigned_zero(text: str) -> str:
    """0.00% for +0.00% and -0.00%: what rounds to nothing has no sign."""
    return text[1:] if text[:1] in "+-" and _NOT_ZERO.isdisjoint(text) else text


def direction(change: float | None, least: float = 0.005) -> int:
    """1 up, -1 down, 0 otherwise; least: what is less reads as 0.00, which is neither."""
    return 0 if not change or abs(change) < least else 1 if change > 0 else -1


def circle(change: float | None, least: float = 0.005) -> str:
    """Green up, red down, white otherwise."""
    return {1: "🟢", -1: "🔴", 0: "⚪"}[direction(change, least)]


def format_span(seconds: float) -> str:
    """45s · 12m · 3h12 · 5d"""
    whole = int(max(0, seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 86400:
        return f"{whole // 3600}h{whole // 60 % 60:02}"
    return f"{min(whole // 86400, 9999)}d"


def format_moment(time_ms: int, now_s: float) -> str:
    """14:03:22 UTC, with the age of what is older than STALE_S, or how far it is ahead of the clock, beyond AHEAD_S."""
    age_s = now_s - time_ms / 1000
    try:
        clock = time.strftime("%H:%M:%S", time.gmtime(time_ms / 1000))
    except (OverflowError, ValueError, OSError):
        return "time n/a"
    if age_s < -AHEAD_S:
        return f"{clock} UTC, {format_span(-age_s)} ahead of the server's clock"
    return f"{clock} UTC" + (f", {format_span(age_s)} old" if age_s > STALE_S else "")


def range_bar(low: float | None, high: float | None, at: float, width: int = BAR) -> str:
    """▕██████░░░▏: where a price stands between low and high."""
    if not is_figure(low) or not is_figure(high) or not is_figure(at) or not low < high:
        return "n/a"
    filled = min(width, max(0, round((at - low) / (high - low) * width)))
    return f"▕{'█' * filled}{'░' * (width - filled)}▏"


@lru_cache(MAX_DAYS)
def format_day(time_ms: int) -> str:
    """2026-11-26 14:03 UTC, for what may be of another day."""
    try:
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(time_ms / 1000))
    except (OverflowError, ValueError, OSError):
        return "time n/a"


def format_range(low: float | None, high: float | None, at: float, columns: int = 28) -> str:
    """57,724 ▕██░░░░░░░▏ 59,685: the bar is as long as there is room for, up to BAR."""
    if not is_figure(low) or not is_figure(high):
        return "range n/a"
    ends = format_short_price(low), format_short_price(high)
    if not low < high:
        return f"{ends[0]} all day"
    room = columns - len(ends[0]) - len(ends[1]) - 4
    return f"{ends[0]} {range_bar(low, high, at, max(3, min(BAR, room)))} {ends[1]}"


def sum_or_none(figures: Iterable[float | None]) -> float | None:
    """The sum; None when one of them is not known."""
    total = 0.0
    for figure in figures:
        if figure is None:
            return None
        total += figure
    return total


def format_usd(usd: float | None, *, sign: bool = False) -> str:
    """$12,345.67, +$12.30, -$0.42"""
    if not is_figure(usd):
        return "n/a"
    if abs(usd) >= 1e12:
        return f"{'-' if usd < 0 else '+' if sign else ''}${format_amount(abs(usd))}"
    before = "-" if round(usd, 2) < 0 else "+" if sign and round(usd, 2) > 0 else ""
    return f"{before}${abs(usd):,.2f}"


def format_short_price(price: float) -> str:
    """62,976 · 148.2 · 3.451 · 0.5231 · 0.0₄1234: four digits in at most eight characters, and a sign below zero.

    The small figure counts the zeros after the point.
    """
    if 1000 <= price < 9e6:
        return f"{price:,.0f}"
    if not is_figure(price):
        return "n/a"
    if price <= 0:
        return f"-{format_short_price(-price)}" if price else "0"
    rounded = float(f"{price:.4g}")
    if rounded >= 1000:
        return f"{price:,.0f}" if abs(rounded) < 1e7 else format_amount(price)
    price = rounded
    if price >= 1:
        return f"{price:.{4 - len(str(int(price)))}f}"
    if price >= 0.001:
        return format_price(price)
    digits, _, exponent = f"{price:.3e}".partition("e")
    return f"0.0{_small(-int(exponent) - 1)}{digits.replace('.', '').rstrip('0')}"


def format_dollars(amount: float | None) -> str:
    """$19.8B"""
    return f"${format_amount(amount)}" if is_figure(amount) else "n/a"


def format_points(percent: float | None, decimals: int = 1) -> str:
    """+2.3 · +1234 · -13.6K: for a column whose head says %, at most six characters of one decimal."""
    if percent is not None and -999.95 < percent < 999.95:
        return unsigned_zero("%+.*f" % (decimals, percent))  # noqa: UP031 - as in format_percent
    if not is_figure(percent):
        return "n/a"
    return f"{percent:+.0f}" if abs(percent) < 9999.5 else format_signed(percent)


def format_coins(amount: float | None, base: str) -> str:
    return f"{format_amount(amount)} {shortened(base, 10)}" if is_figure(amount) else "n/a"


def format_signed(amount: float | None) -> str:
    """+1.62K · -311"""
    return unsigned_zero(f"{'+' if amount > 0 else ''}{format_amount(amount)}") if is_figure(amount) else "n/a"


def format_delta(amount: float | None, base: str) -> str:
    """+1.62K BTC; n/a without a coin"""
    return f"{format_signed(amount)} {base}" if is_figure(amount) else "n/a"


def format_share(share: float | None, decimals: int = 1) -> str:
    return f"{share * 100:.{decimals}f}%" if is_figure(share) and abs(share) < 1e6 else "n/a"


def _unit(symbol: str) -> str:
    quote = split(symbol)[1]
    return "$" if quote in DOLLARS or quote == COIN else f" {quote}"


def format_money(amount: float | None, symbol: str) -> str:
    """$77.8M, or 1.2K BTC where prices are in BTC."""
    if not is_figure(amount):
        return "n/a"
    unit = _unit(symbol)
    return f"${format_amount(amount)}" if unit == "$" else f"{format_amount(amount)}{unit}"


def format_amounts(amount: float | None, worth: float | None, source: Source) -> str:
    """2.93K BTC  $176M"""
    if amount is None and worth is None:
        return "n/a"
    return f"{format_coins(amount, split(source.symbol)[0])}  {format_money(worth, source.symbol)}"


def counted(n: int, what: str) -> str:
    """1 market, 2 markets"""
    return f"{n} {what}{'' if n == 1 else 's'}"


def format_rate(rate: float | None) -> str:
    """+0.0100, percent; for a column whose head says so."""
    return format_points(None if rate is None else rate * 100, 4)


def short_rate(rate: float | None) -> str:
    """.0100, -.0041, 8.71: percent in at most six characters."""
    if not is_figure(rate) or abs(rate) >= 1e3:
        return "n/a"
    percent = rate * 100
    if abs(percent) >= 0.99995:
        return f"{percent:.2f}"
    return unsigned_zero(f"{percent:.4f}".replace("0.", ".", 1))


def format_at_tick(price: float, tick: float) -> str:
    """A price rounded to the market's tick, with the tick's decimals."""
    if not is_figure(price) or not is_figure(price / tick if tick else None):
        return format_price(price)
    return f"{at_tick(price, tick):,.{_decimals_of(tick)}f}"


def zeros_counted(figure: str) -> str:
    """0.0₈24287 of 0.0000000024287, as format_short_price has it: where two figures have to stand in one line."""
    found = _ZEROS.match(figure)
    return figure if found is None else f"0.0{_small(len(found[1]))}{figure[found.end() :]}"


def _small(n: int) -> str:
    return "".join(SUBSCRIPTS[int(each)] for each in str(n))


def at_tick(price: float, tick: float) -> float:
    """The multiple of the market's tick that is nearest to a price; a price below half of it is none, and stays."""
    if not tick or not is_figure(price / tick):
        return price
    return round(round(price / tick) * tick, _decimals_of(tick)) or price


@lru_cache(MAX_TICKS)
def _decimals_of(tick: float) -> int:
    return next((decimals for decimals in range(14) if round(tick, decimals) == tick), 14)


def display_width(text: str) -> int:
    """Columns of a text: letters of East Asian scripts, and emoji, take two."""
    return len(text) if is_narrow(text) else len(text) + sum(sign >= WIDE for sign in text)


def is_narrow(text: str) -> bool:
    """Whether each sign takes one column, as those do of which tables are made as a rule: ASCII, and what is DRAWN."""
    if text.isascii():
        return True
    for sign in DRAWN:
        if sign in text:
            text = text.replace(sign, "")
    return text.isascii() or max(text) < WIDE


def widths(texts: Sequence[str]) -> list[int]:
    """The columns of each text."""
    return list(map(len if is_narrow("".join(texts)) else display_width, texts))


def fit(text: str, columns: int) -> str:
    """The beginning of a text that takes at most so many columns, padded to that many."""
    while text and display_width(text) > columns:
        text = text[:-1]
    return text + " " * (columns - display_width(text))


def shortened(text: str, columns: int, n_last: int = 0) -> str:
    """The text; of a longer one its beginning and its n_last last signs, in at most so many columns, with a mark.

    BANAN… of BANANAS31: without the mark it would be another coin's name.
    """
    if display_width(text) <= columns:
        return text
    end = text[len(text) - n_last :]
    return f"{fit(text, max(0, columns - 1 - display_width(end))).rstrip()}…{end}"


def told_apart(names: Sequence[str], columns: int) -> list[str]:
    """Each name shortened to at most so many columns, or to the fewest beyond that at which no two of them read alike.

    BROC…4 and BROC…B where the beginnings of BROCCOLI714 and BROCCOLIF3B are the same.
    """
    while max(widths(names), default=0) > columns:
        cut: dict[str, str] = {}
        long = [name for name in dict.fromkeys(names) if display_width(name) > columns]
        for name in long:
            ways = [shortened(name, columns, n_last) for n_last in range(columns)]
            clear = (way for way in ways if not any(_may_be(way, other) for other in long if other != name))
            other_ways = (way for way in ways if way not in cut.values())
            cut[name] = next(clear, "") or next(other_ways, "")
        if all(cut.values()):
            return [cut.get(name, name) for name in names]
        columns += 1
    return list(names)


def _may_be(cut: str, name: str) -> bool:
    begin, _, end = cut.rpartition("…")
    return name.startswith(begin) and name.endswith(end)


def format_bp(percent: float) -> str:
    """-4.0bp: basis points from percent."""
    return (
        unsigned_zero(f"{percent * 100:+.1f}bp")
        if is_figure(percent) and abs(percent) < 100
        else format_percent(percent, 0)
    )


def dash_or(percent: float | None, decimals: int = 1) -> str:
    """+2.3, or a dash in a table where the figure is not told."""
    return format_points(percent, decimals) if is_figure(percent) else "–"
