"""/price: spot and perpetual side by side."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import NamedTuple

from answers import price_table
from answers.asked import EXAMPLES, Tools, WhichSymbol, outcome_of, placed
from answers.card_extras import CARD, ROW, SPANS, Parts, early
from answers.interest import ROUGH, is_rough
from answers.price_report import PriceReport, report_of, sides, with_extras
from exchanges.errors import NoAnswer, NotListed, PartName, UnknownSymbol
from exchanges.symbols import NotASymbol, multiplied, parse_symbol, split
from exchanges.words import DOLLARS, Funding, Snapshot, per_8h, per_year_pct
from market import Market
from render.fields import TickerFields, iso, ticker_fields
from render.figures import (
    circle,
    escape,
    format_bp,
    format_coins,
    format_day,
    format_money,
    format_percent,
    format_points,
    format_price,
    format_prices,
    format_range,
    format_span,
)
from render.keyboards import again, apart, copying, keyboard, neighbours, that_fit, try_again
from render.message import PHONE, Answer, Button, Keyboard, folded, foot, labelled, short
from render.sentences import exchange_name, is_quiet, quiet, reasons, sentence, sorry, which_coin, without

log = logging.getLogger("bot")
ABOUT = "price for"
MAX_SYMBOLS = 5
LABEL = 6  # columns before a card's figures
LONG = ("7d", "30d")  # whose moves are against the nearest opening of a long candle


class Asked(NamedTuple):
    """words: up to MAX_SYMBOLS of them; n_left_out: how many there were beyond that."""

    words: tuple[str, ...]
    n_left_out: int = 0


def command(words: list[str]) -> Asked:
    """Raises WhichSymbol. Words that are no symbols are told one by one, beside the others' prices."""
    if not words:
        raise WhichSymbol("price", "/price BTC, or /price BTC ETH SOL")
    wanted = tuple(dict.fromkeys(placed(words)[0])) or EXAMPLES[:1]
    return Asked(wanted[:MAX_SYMBOLS], max(0, len(wanted) - MAX_SYMBOLS))


async def ask(tools: Tools, asked: Asked) -> "Prices":
    """Each symbol's report, or why there is none; the same symbol counts once."""
    extras = CARD if len(asked.words) == 1 else ROW
    reports = [_report_or_why(tools.market, word, extras) for word in asked.words]
    results = [await reports[0]] if len(reports) == 1 else await asyncio.gather(*reports)
    found = {str(each) if isinstance(each, NotASymbol) else each.symbol: each for each in results}
    return Prices(list(found.values()), asked.n_left_out)


async def _report_or_why(market: Market, word: str, extras: Collection[PartName]) -> "Result":
    parts: Parts = {}
    try:
        symbol = parse_symbol(word)
        asked = sides(market, symbol)  # first: an exchange that refuses an extra may have its host rest
        parts = early(market, symbol, extras)
        return await with_extras(market, await report_of(market, symbol, asked), extras, parts)
    except NoAnswer as error:
        log.warning("no answer: %s", error)
        return error
    except (NotListed, NotASymbol) as error:
        return error
    finally:
        for part in parts.values():
            part.task.cancel()


Result = PriceReport | NotListed | NoAnswer | NotASymbol


class Prices(NamedTuple):
    """Of all symbols that were asked for; n_left_out: of how many not."""

    results: Sequence[Result]
    n_left_out: int = 0


def show(prices: Prices, now_s: float) -> Answer:
    """A card of one coin; of several, a row each."""
    reports = [each for each in prices.results if isinstance(each, PriceReport)]
    failures = [each for each in prices.results if not isinstance(each, PriceReport)]
    if not reports:
        return sorry_answer(failures)
    answer = card(reports[0], now_s) if len(prices.results) == 1 else price_table.show(reports, now_s)
    notes = [sorry(each) for each in failures]
    if prices.n_left_out:
        notes.append(f"At most {MAX_SYMBOLS} symbols at once; the rest is left out.")
    if not notes:
        return answer
    rows = keyboard(*answer.keyboard, *_ways_on(failures))
    return answer._replace(notes=(*answer.notes, *notes), keyboard=rows)


def _ways_on(failures: Sequence[NotListed | NoAnswer | NotASymbol]) -> Keyboard:
    """Similar coins, and the same once more for those that no exchange answered, as buttons."""
    suggestions = [each for error in failures if isinstance(error, NotListed) for each in error.suggestions]
    suggestions += [error.instead for error in failures if isinstance(error, NotASymbol) and error.instead]
    unanswered = [short(error.symbol) for error in failures if isinstance(error, NoAnswer)]
    line = " ".join(["price", *unanswered]) if unanswered else ""
    return keyboard(that_fit(Button(each, f"price {each}") for each in suggestions[:MAX_SYMBOLS]), *try_again(line))


def sorry_answer(failures: Sequence[NotListed | NoAnswer | NotASymbol]) -> Answer:
    """Why there is no price at all, and what to press then."""
    return Answer(
        "\n".join(sorry(each) for each in failures),
        keyboard=_ways_on(failures) or keyboard((Button("Help", "help price"),)),
        outcome=min(outcome_of(each) for each in failures),  # "not understood" only where all were
    )


def card(report: PriceReport, now_s: float) -> Answer:
    """Spot and perpetual of one coin, at most sixteen lines."""
    lead, perp = report.lead, report.perp
    name = short(report.symbol)
    ticker = perp.ticker if perp is not None else None
    last, bid, ask, of_perp = format_prices(lead.last, lead.bid, lead.ask, ticker and ticker.last)
    headline = f"<b>{escape(name)} {last}</b>  {circle(lead.change_pct)} "
    rows: list[tuple[str, Sequence[str]]] = [
        ("24h", [format_range(lead.low, lead.high, lead.last)]),
        ("", _moves(report)),
    ]
    if lead.bid is not None and lead.ask is not None:
        rows.append(("bid", [bid, f"ask {ask}"]))
    if perp is not None and ticker is not None:
        rows += _perp_rows(report, perp, of_perp, now_s)
    rows.append(("vol", _volumes(report)))
    block = labelled((label, texts) for label, texts in rows if texts)
    notes = tuple(escape(note) for note in _notes(report, split(report.symbol)[0], now_s))
    line, star = f"price {name}", Button("⭐", apart(f"watch add {name}"))
    return Answer(
        f"{headline}{format_percent(lead.change_pct)} 24h",
        (block, folded(_details(report))),
        notes,
        _foot(report, now_s),
        keyboard(
            (*again(line, f"chart {name}", f"alert {name}"), *that_fit([star]), *copying(lead.last)),
            _neighbours(report),
        ),
    )


def _neighbours(report: PriceReport) -> tuple[Button, ...]:
    """Without those of perpetuals only, where nobody has one of the coin; of BTC-EUR, those of BTC are told."""
    row, why = neighbours("price", report.symbol), report.missing.get(PartName.PERP, ())
    is_sure = bool(why) and split(report.symbol)[1] in DOLLARS
    has_none = is_sure and all(isinstance(error, UnknownSymbol) for error in why)
    return tuple(each for each in row if not has_none or each.data.split()[0] not in ("oi", "funding"))


def _details(report: PriceReport) -> list[str]:
    """What a card has no line for: either side's day in figures, open interest in coins, the funding's own terms."""
    base = split(report.symbol)[0]
    lines = []
    for name, ticker in (("Spot", report.spot), ("Perpetual", report.perp and report.perp.ticker)):
        if ticker is not None:
            day = f"{format_price(ticker.low)} – {format_price(ticker.high)}, {format_percent(ticker.change_pct)}"
            lines.append(f"{name} 24h: {day}, {format_coins(ticker.base_volume, base)}")
    if report.perp is not None:
        interest, funding = report.perp.open_interest, report.perp.funding
        lines.append(f"Open interest: {format_coins(interest and interest.open_interest, base)}")
        if funding is not None:
            hours = funding.funding_interval_h
            every = "period n/a" if hours is None else f"every {hours:g}h"
            lines.append(f"Funding: {format_percent(funding.funding_rate * 100, 4)} {every}")
    since = [f"{span} since {format_day(report.moved_since[span])}" for span in LONG if span in report.moved_since]
    if since:
        lines.append(f"{', '.join(since)}: where candles of 4h opened")
    if is_rough(report.interest_before):
        lines.append(ROUGH)
    return lines


def _moves(report: PriceReport) -> list[str]:
    """1h +0.1  7d -6.8  30d -20.9%, on one line where it fits."""
    moves = [f"{span} {format_points(report.moves[span])}" for span in SPANS if span in report.moves]
    line = "  ".join(moves)
    return [f"{line}%"] if moves and len(line) < PHONE - LABEL else [f"{each}%" for each in moves]


def _perp_rows(report: PriceReport, perp: Snapshot, last: str, now_s: float) -> list[tuple[str, Sequence[str]]]:
    basis = report.basis_pct
    rows: list[tuple[str, Sequence[str]]] = []
    if report.spot is not None:
        rows.append(("perp", [last, f"basis {'n/a' if basis is None else format_bp(basis)}"]))
    funding = perp.funding
    if funding is None:
        rows.append(("fund", ["n/a"]))
    else:
        rows.append(("fund", _rates(funding)))
        rows.append(("", _due(funding, now_s)))
    rows.append(("OI", [_interest(report, perp), *_interest_moves(report, perp)]))
    return rows


def _rates(funding: Funding) -> list[str]:
    """+0.0156%/8h, and per year; the exchange's own period where it is another."""
    rate, year = per_8h(funding), per_year_pct(funding)
    if rate is None or year is None:
        return [f"{format_percent(funding.funding_rate * 100, 4)} per period"]
    return [f"{format_percent(rate * 100, 4)}/8h", f"{format_percent(year, 1)}/y"]


def _due(funding: Funding, now_s: float) -> list[str]:
    """longs pay in 4h17, every 4h; in two where that is too long for a line."""
    rate = funding.funding_rate
    payer = "longs pay" if rate > 0 else "shorts pay" if rate < 0 else "nobody pays"
    if funding.is_continuous:
        return [f"{payer}, continuously"]
    hours = funding.funding_interval_h
    every = [] if hours is None or hours == 8 else [f"every {hours:g}h"]
    due_ms = funding.due_ms(now_s * 1000)
    due = "" if due_ms is None else f" in {format_span(due_ms / 1000 - now_s)}"
    line = ", ".join([f"{payer}{due}", *every])
    return [line] if len(line) < PHONE - LABEL else [f"{payer}{due}", *every]


def _interest(report: PriceReport, perp: Snapshot) -> str:
    interest = perp.open_interest
    return format_money(interest and interest.open_interest_quote, report.symbol)


def _interest_moves(report: PriceReport, perp: Snapshot) -> list[str]:
    now = perp.open_interest and perp.open_interest.open_interest
    return [
        f"{hours}h {'≈' * is_rough(report.interest_before, hours)}{format_points((now / before - 1) * 100)}%"
        for hours in (1, 24)
        if now is not None and (before := report.interest_before.get(hours))
    ]


def _volumes(report: PriceReport) -> list[str]:
    sides = (("spot", report.spot), ("perp", report.perp and report.perp.ticker))
    return [f"{format_money(each.quote_volume, report.symbol)} {name}" for name, each in sides if each is not None]


def _notes(report: PriceReport, base: str, now_s: float) -> list[str]:
    """What the reader should know of the figures: what is missing and why, who did not answer."""
    notes = without(report.missing)
    sentences = {side: sentence(reasons(errors)) for side, errors in report.failed.items()}
    if len(sentences) == 2 and len(set(sentences.values())) == 1:
        notes.append(next(iter(sentences.values())))
    else:
        notes += [
            f"{side.capitalize()}: {each[:1].lower()}{each[1:]}"
            if each.startswith("Not")
            else f"{side.capitalize()}: {each}"
            for side, each in sentences.items()
        ]
    if report.spot is not None and report.perp is not None and report.basis_pct is None:
        is_apart = len(report.exchanges) != 1
        why = "come from different exchanges" if is_apart else "were last traded at different times"
        notes.append(f"Basis n/a: spot and perpetual {why}.")
    for kind, ticker in (("Spot", report.spot), ("The perpetual", report.perp and report.perp.ticker)):
        if ticker is None:
            continue
        if (quote := split(ticker.symbol)[1]) != split(report.symbol)[1]:
            notes.append(f"{kind} is priced in {quote} there.")
        if is_quiet(ticker.time_ms, now_s):
            notes.append(quiet(kind, ticker.exchange, ticker.time_ms))
        if ticker.change_pct is None:
            notes.append(f"{exchange_name(ticker.exchange)} tells no change over 24 hours.")
    for kind, multiplier in report.multipliers.items():
        notes.append(f"The {kind} contract is on {multiplier:,} {base}; figures are per {base}.")
    coin, n = multiplied(base)
    if n != 1:
        notes.append(
            f"{base} is {n:,} {coin}: {format_price(report.lead.last / n)} each. {coin} is another thing's name."
        )
    return [*notes, *which_coin(report.symbol, report.exchanges[-1], report.other)]


def _foot(report: PriceReport, now_s: float) -> str:
    """Who answered, and the time of the older figure."""
    names = [exchange_name(each) for each in report.exchanges]
    source = names[0] if len(names) == 1 else f"spot {names[0]}, perp {names[1]}"
    tickers = (report.spot, report.perp and report.perp.ticker)
    return foot(source, min(each.time_ms for each in tickers if each is not None), now_s)


class Fields(TickerFields):
    timestamp: str
    exchange: str


def fields(report: PriceReport) -> Fields:
    """Spot, or the perpetual where there is no spot market."""
    ticker = report.spot or (report.perp and report.perp.ticker)
    assert ticker is not None
    of = ticker_fields(report.symbol, ticker, "spot" if report.spot else "perp")
    return {**of, "timestamp": iso(ticker.time_ms), "exchange": ticker.exchange}
