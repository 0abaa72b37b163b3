"""How answers look: records become Telegram HTML and keyboards. Pure.

Every text made here is valid Telegram HTML and fits one message, whatever exchanges and
users sent: all that is not ours goes through `escape`, and lists are bounded. A phone shows
about 34 characters of monospace.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from accounts import Holding, Part, Profit, Valued
from exchanges import DOLLARS, Blocked, Funding, MarketError, NotSupported, Perp, Ticker, UnknownSymbol, split
from market import EXCHANGES, NoAnswer, NotASymbol, NotListed, PriceReport

MAX_TEXT = 4096  # characters of a message
MAX_BUTTON_DATA = 64  # bytes
STALE_S = 120  # a last trade older than this is marked with its age
COLUMN = 12  # characters of a table's column at least
BAR = 9  # characters of a range bar


class Button(NamedTuple):
    """data: a command line without its slash, to be run when the button is pressed."""

    label: str
    data: str


class Answer(NamedTuple):
    """text: Telegram HTML. keyboard: rows of buttons."""

    text: str
    keyboard: tuple[tuple[Button, ...], ...] = ()


def escape(text: str) -> str:
    """text with what Telegram's HTML would read as markup made harmless, in text and in attributes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


# Figures.


def format_price(price: float | None) -> str:
    """67,432.10 · 123.40 · 1.00012 · 0.3150 · 0.00001234: six digits, or two decimals from 1000 on."""
    if price is None:
        return "n/a"
    if not price:
        return "0"
    if not 1e-12 <= abs(price) < 1e12:
        return f"{price:.5g}"
    if abs(price) >= 1000:
        return f"{price:,.2f}"
    magnitude = math.floor(math.log10(abs(price)))
    shortest = 2 if magnitude >= 0 else 3 - magnitude
    digits = f"{price:.{max(shortest, 5 - magnitude)}f}"
    while digits[-1] == "0" and len(digits.partition(".")[2]) > shortest:
        digits = digits[:-1]
    return digits


def format_amount(amount: float | None) -> str:
    """1.62B · 24.1K · 311 · 0.0123: three digits."""
    if amount is None:
        return "n/a"
    for unit, name in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(amount) >= unit * 0.9995:
            return f"{_three_digits(amount / unit)}{name}"
    return _three_digits(amount)


def _three_digits(figure: float) -> str:
    if not figure:
        return "0"
    scientific = f"{figure:.2e}"
    magnitude = int(scientific.partition("e")[2])  # after rounding: 0.9996 has that of 1.00
    return scientific if magnitude > 5 else f"{figure:.{min(max(0, 2 - magnitude), 12)}f}"


def format_percent(percent: float | None, decimals: int = 2) -> str:
    """+2.31 %"""
    if percent is None:
        return "n/a"
    if abs(percent) >= 1e6:
        return f"{percent:+.1e} %"
    return f"{percent:+.{decimals}f} %"


def circle(change: float | None) -> str:
    """Green up, red down, white otherwise."""
    return "⚪" if not change else "🟢" if change > 0 else "🔴"


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
    """14:03:22 UTC, with the age of what is older than STALE_S."""
    age_s = now_s - time_ms / 1000
    try:
        clock = time.strftime("%H:%M:%S", time.gmtime(time_ms / 1000))
    except (OverflowError, ValueError, OSError):
        return "time n/a"
    return f"{clock} UTC" + (f", {format_span(age_s)} old" if age_s > STALE_S else "")


def range_bar(low: float | None, high: float | None, at: float) -> str:
    """▕██████░░░▏: where a price stands between low and high."""
    if low is None or high is None or not low < high:
        return "n/a"
    filled = min(BAR, max(0, round((at - low) / (high - low) * BAR)))
    return f"▕{'█' * filled}{'░' * (BAR - filled)}▏"


# /price


def prices(reports: Sequence[PriceReport | NotListed | NoAnswer | NotASymbol], now_s: float) -> Answer:
    """One block per symbol, with a refresh button for those that were found."""
    found = [each for each in reports if isinstance(each, PriceReport)]
    suggestions = [each for report in reports if isinstance(report, NotListed) for each in report.suggestions]
    blocks = [price(each, now_s) if isinstance(each, PriceReport) else sorry(each) for each in reports]
    rows: list[tuple[Button, ...]] = []
    names = " ".join(short(report.symbol) for report in found)
    if found and len(f"price {names}".encode()) <= MAX_BUTTON_DATA:
        rows.append((Button("🔄 Refresh", f"price {names}"),))
    elif suggestions:
        rows.append(
            tuple(Button(each, f"price {each}") for each in suggestions if len(each.encode()) + 6 <= MAX_BUTTON_DATA)
        )
    return Answer("\n\n".join(blocks), tuple(row for row in rows if row))


def price(report: PriceReport, now_s: float) -> str:
    """A headline, a table of spot beside perpetual, what is missing and why, and the source."""
    spot, perp = report.spot, report.perp
    perp_ticker = perp.ticker if perp is not None else None
    lead = spot or perp_ticker
    assert lead is not None
    base, quote = split(report.symbol)
    unit = "$" if quote in DOLLARS else quote[:6]
    coin = base if len(base) <= 5 else "coin"
    sides = [(name, each) for name, each in (("spot", spot), ("perp", perp_ticker)) if each is not None]
    rows = [
        ["", *(name for name, _ in sides)],
        ["last", *(format_price(each.last) for _, each in sides)],
        ["24h", *(format_percent(each.change_pct) for _, each in sides)],
        ["high", *(format_price(each.high) for _, each in sides)],
        ["low", *(format_price(each.low) for _, each in sides)],
        ["range", *(range_bar(each.low, each.high, each.last) for _, each in sides)],
        [f"vol {coin}", *(format_amount(each.base_volume) for _, each in sides)],
        [f"vol {unit}", *(format_amount(each.quote_volume) for _, each in sides)],
    ]
    if perp is not None:
        rows += _perp_rows(report, perp, coin, unit, now_s)
    headline = f"<b>{escape(report.symbol)}</b>  {format_price(lead.last)}  {circle(lead.change_pct)} "
    lines = [headline + format_percent(lead.change_pct), f"<pre>{escape(table(rows))}</pre>"]
    lines += [escape(note) for note in _notes(report, base)]
    lines.append(f"<i>{escape(_source(report, lead, now_s))}</i>")
    return "\n".join(lines)


def _perp_rows(report: PriceReport, perp: Perp, coin: str, unit: str, now_s: float) -> list[list[str]]:
    blank = [""] if report.spot is not None else []
    interest, funding = perp.open_interest, perp.funding
    return [
        [f"OI {coin}", *blank, format_amount(interest and interest.open_interest)],
        [f"OI {unit}", *blank, format_amount(interest and interest.open_interest_quote)],
        ["funding", *blank, format_percent(None if funding is None else funding.funding_rate * 100, 4)],
        ["", *blank, _period(funding, now_s)] if funding is not None else [],
        ["basis", *blank, format_percent(report.basis_pct, 3)] if report.spot is not None else [],
    ]


def _period(funding: Funding, now_s: float) -> str:
    """8h, in 3h12: the funding period, and the time to the next payment."""
    period = "n/a h" if funding.funding_interval_h is None else f"{funding.funding_interval_h:g}h"
    due = "" if funding.next_funding_ms is None else f", in {format_span(funding.next_funding_ms / 1000 - now_s)}"
    return f"{period}{due}"


def table(rows: Iterable[Sequence[str]], column: int = COLUMN) -> str:
    """Rows of a label and cells as aligned columns. The only cell of a row may hang over into the next column."""
    rows = [row for row in rows if row]
    label = max(len(row[0]) for row in rows) + 1
    column = max([column, *(len(cell) + 1 for row in rows if len(row) > 2 for cell in row[1:])])
    lines = (row[0].ljust(label) + "".join(cell.ljust(column) for cell in row[1:]) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _notes(report: PriceReport, base: str) -> list[str]:
    """What the reader should know of the figures: what is missing and why, who did not answer."""
    notes = []
    for what, errors in report.missing.items():
        name = {"spot": "No spot market", "perp": "No perpetual"}.get(what, f"{what[0].upper()}{what[1:]} n/a")
        notes.append(f"{name}: {reasons(errors)}.")
    sentences = {side: sentence(reasons(errors)) for side, errors in report.failed.items()}
    if len(sentences) == 2 and len(set(sentences.values())) == 1:
        notes.append(next(iter(sentences.values())))
    else:
        notes += [f"{side.capitalize()}: {sentence}" for side, sentence in sentences.items()]
    if report.spot is not None and report.perp is not None and report.basis_pct is None:
        notes.append("Basis n/a: spot and perpetual come from different exchanges.")
    for market, ticker in (("Spot", report.spot), ("The perpetual", report.perp and report.perp.ticker)):
        if ticker is None:
            continue
        if (quote := split(ticker.symbol)[1]) != split(report.symbol)[1]:
            notes.append(f"{market} is priced in {quote} there.")
        if ticker.change_pct is None:
            notes.append(f"{exchange_name(ticker.exchange)} tells no change over 24 hours.")
    for market, multiplier in report.multipliers.items():
        notes.append(f"The {market} contract is on {multiplier:,} {base}; figures are per {base}.")
    return notes


def _source(report: PriceReport, lead: Ticker, now_s: float) -> str:
    names = [exchange_name(each) for each in report.exchanges]
    source = names[0] if len(names) == 1 else f"spot {names[0]}, perp {names[1]}"
    return f"{source} · {format_moment(lead.time_ms, now_s)} · {report.took_s * 1000:.0f} ms"


def short(symbol: str) -> str:
    """BTC for BTC-USDT: how people type it, and what fits a button."""
    return symbol.removesuffix("-USDT")


# /balance, /positions, /pnl

MAX_HOLDINGS = 25  # of one exchange
MAX_POSITIONS = 15  # in all: 15 take some 2,500 characters
DUST_USD = 1.0


def balance(parts: Sequence[Part[list[Holding]]], now_s: float) -> Answer:
    """Each exchange's assets by value, dust in one line, and the sum of what has a price."""
    holdings = [each for part in parts for each in part.found or []]
    is_known = any(part.found is not None for part in parts)
    lines = [f"<b>Balance</b>  {format_usd(sum(each.usd or 0.0 for each in holdings) if is_known else None)}"]
    for part in parts:
        if part.found is not None:
            lines += _wallet(part.exchange, part.found)
    return Answer("\n".join([*lines, *_part_notes(parts), _asked(parts, now_s)]))


def _wallet(exchange: str, holdings: list[Holding]) -> list[str]:
    worth = sum(each.usd or 0.0 for each in holdings)
    head = f"<b>{escape(exchange_name(exchange))}</b>  {format_usd(worth)}"
    if not holdings:
        return [head, "Nothing is held."]
    shown = [each for each in holdings if each.usd is None or abs(each.usd) >= DUST_USD][:MAX_HOLDINGS]
    rows = [["", "free", "in use", "$"]] if shown else []
    for each in shown:
        figures = (each.free, each.in_use, each.usd)
        rows.append([each.asset[:8], *(format_amount(figure) for figure in figures)])
    lines = [head, f"<pre>{escape(table(rows, column=9))}</pre>"] if rows else [head]
    dust = [each for each in holdings if each not in shown]
    if dust:
        lines.append(f"{len(dust)} more worth {format_usd(sum(each.usd or 0.0 for each in dust))}.")
    if any(each.usd is None for each in holdings):
        lines.append("Assets without a price (n/a) are not in the sums.")
    return lines


def positions(parts: Sequence[Part[list[Valued]]], now_s: float) -> Answer:
    """One block per position, the largest of each exchange first."""
    all_of_them = [(part.exchange, each) for part in parts for each in part.found or []]
    shown = all_of_them[:MAX_POSITIONS]
    is_known = any(part.found is not None for part in parts)
    lines = [f"<b>Positions</b>  {len(all_of_them) if is_known else 'n/a'}"]
    lines += [_position(exchange, each) for exchange, each in shown]
    if len(all_of_them) > len(shown):
        lines.append(f"And {len(all_of_them) - len(shown)} smaller ones.")
    if not all_of_them and is_known:
        lines.append("None is open.")
    return Answer("\n".join([*lines, *_part_notes(parts), _asked(parts, now_s)]))


def _position(exchange: str, valued: Valued) -> str:
    each = valued.position
    leverage = "" if each.leverage is None else f" {each.leverage:.3g}x"
    head = f"{circle(each.pnl)} <b>{escape(each.symbol[:24])}</b> {each.side}{leverage} · {exchange_name(exchange)}"
    notional = "" if each.notional is None else f" ({format_usd(each.notional)})"
    rows = [
        ["size", f"{format_amount(each.size)} {each.base[:8]}{notional}"],
        ["entry", format_price(each.entry)],
        ["mark", format_price(each.mark)],
        ["liq", "none" if each.liquidation is None else format_price(each.liquidation)],
        ["PnL", f"{_signed_usd(valued.pnl_usd, each.pnl, each.asset)}  {format_percent(each.pnl_pct, 1)}"],
    ]
    if each.funding is not None:
        rows.append(["funding", _signed_usd(valued.funding_usd, each.funding, each.asset)])
    return f"{head}\n<pre>{escape(table(rows))}</pre>"


def _signed_usd(usd: float | None, amount: float | None, asset: str) -> str:
    """+$12.30, and what it is in the coin where it settles in one."""
    if amount is None:
        return "n/a"
    in_coin = "" if asset in DOLLARS else f"{amount:+.6g} {asset[:8]}"
    return in_coin if usd is None else f"{format_usd(usd, sign=True)}{in_coin and ' ' + in_coin}"


def pnl(parts: Sequence[Part[Profit]], now_s: float) -> Answer:
    """Each exchange's profit and loss, and the sum where there are several."""
    lines = ["<b>Profit and loss</b>"]
    known = [part for part in parts if part.found is not None]
    for part in known:
        assert part.found is not None
        lines += [f"<b>{exchange_name(part.exchange)}</b>", f"<pre>{escape(table(_profit(part.found)))}</pre>"]
        if part.found.is_partial:
            lines.append("There is more than could be read: sums are of the latest entries.")
    if len(known) > 1:
        total = sum_of_known(part.found.unrealised for part in known if part.found is not None)
        lines.append(f"Unrealised in all: {format_usd(total, sign=True)}")
    return Answer("\n".join([*lines, *_part_notes(parts), _asked(parts, now_s)]))


def sum_of_known(figures: Iterable[float | None]) -> float | None:
    """The sum; None when one of them is not known."""
    total = 0.0
    for figure in figures:
        if figure is None:
            return None
        total += figure
    return total


def _profit(profit: Profit) -> list[list[str]]:
    percent = "" if profit.unrealised_pct is None else f"  {format_percent(profit.unrealised_pct, 1)} of margin"
    return [
        ["open", f"{format_usd(profit.unrealised, sign=True)}{percent}"],
        *([f"{name}", format_usd(amount, sign=True)] for name, amount in profit.realised.items()),
        ["funding 7d", format_usd(profit.funding, sign=True)],
        ["fees 7d", format_usd(profit.fees, sign=True)],
    ]


def format_usd(usd: float | None, *, sign: bool = False) -> str:
    """$12,345.67, +$12.30, -$0.42"""
    if usd is None:
        return "n/a"
    if abs(usd) >= 1e12:
        return f"{'-' if usd < 0 else '+' if sign else ''}${format_amount(abs(usd))}"
    before = "-" if round(usd, 2) < 0 else "+" if sign and round(usd, 2) > 0 else ""
    return f"{before}${abs(usd):,.2f}"


def _part_notes(parts: Sequence[Part[Any]]) -> list[str]:
    """Who failed, and keys that can do more than they should."""
    failed = [error for part in parts for error in part.errors]
    notes = (
        [escape(f"{'Not' if all(p.found is None for p in parts) else 'Not all'} shown: {reasons(failed)}.")]
        if failed
        else []
    )
    strong = [exchange_name(part.exchange) for part in parts if part.may_do_more]
    if strong:
        notes.append(f"⚠️ The API key of {escape(in_words(strong))} may trade or withdraw. A read-only key is enough.")
    return notes


def _asked(parts: Sequence[Part[Any]], now_s: float) -> str:
    names = in_words([exchange_name(part.exchange) for part in parts if part.found is not None]) or "nobody"
    return f"<i>{escape(names)} · {format_moment(int(now_s * 1000), now_s)}</i>"


def no_keys(variables: Sequence[str]) -> Answer:
    """Which variables the owner has to set."""
    return Answer(f"No API key is set for this. Set {escape(in_words(list(variables)))}; a read-only key is enough.")


# Sentences.


def exchange_name(exchange: str) -> str:
    return EXCHANGES[exchange].NAME if exchange in EXCHANGES else exchange


def reasons(errors: Iterable[MarketError]) -> str:
    """“Binance and Bybit did not answer in time; not listed on OKX”, each exchange once."""
    names: dict[str, list[str]] = {}
    for error in {error.exchange: error for error in errors}.values():
        names.setdefault(error.reason, []).append(exchange_name(error.exchange))
    return "; ".join(
        f"not listed on {in_words(each)}" if reason == UnknownSymbol.reason else f"{in_words(each)} {_of(reason, each)}"
        for reason, each in names.items()
    )


_PLURALS = {"was": "were", "is": "are", "has": "have", "tells": "tell"}


def _of(reason: str, names: Sequence[str]) -> str:
    """A reason in the plural where there are several of whom it tells."""
    verb, _, rest = reason.partition(" ")
    return f"{_PLURALS.get(verb, verb)} {rest}" if len(names) > 1 else reason


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def in_words(names: Sequence[str]) -> str:
    """A, B and C"""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def sorry(error: NotListed | NoAnswer | NotASymbol, what: str = "price for") -> str:
    """Why there is no answer, and what to do next. what: as in “No price for BTC-USDT right now.”"""
    if isinstance(error, NotListed):
        asked = in_words([exchange_name(each) for each in error.exchanges])
        maybe = f" Did you mean {in_words(error.suggestions)}?" if error.suggestions else " Check the spelling?"
        not_there = "is not listed as a perpetual" if error.market == "perp" else "is not listed"
        return escape(f"{error.symbol} {not_there} on {asked}.{maybe}")
    if isinstance(error, NoAnswer):
        is_passing = not all(isinstance(each, (Blocked, UnknownSymbol, NotSupported)) for each in error.errors)
        advice = " Please try again in a minute." if is_passing else ""
        return escape(f"No {what} {error.symbol} right now. {sentence(reasons(error.errors))}{advice}")
    return escape(str(error))
