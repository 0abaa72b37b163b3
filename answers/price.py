"""/price: spot and perpetual side by side."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from answers.asked import EXAMPLES, Tools, WhichSymbol, outcome_of, placed
from answers.card_extras import CARD, EXTRAS_S, MOVES, ROW, SPANS, Parts, asked_at, early, moves_of
from answers.interest import ROUGH, is_rough, leading_to
from asking.races import Outcome, Question, Race, outcomes, settled
from exchanges.errors import MarketError, NoAnswer, NotListed, PartName, Reason, UnknownSymbol
from exchanges.symbols import NotASymbol, are_of_one_coin, multiplied, parse_symbol, split
from exchanges.words import DOLLARS, Funding, Snapshot, Ticker, per_8h, per_year_pct
from market import Found, Market
from render.fields import TickerFields, iso, ticker_fields
from render.figures import (
    circle,
    counted,
    dash_or,
    escape,
    fit,
    format_bp,
    format_coins,
    format_day,
    format_money,
    format_percent,
    format_points,
    format_price,
    format_prices,
    format_range,
    format_short_price,
    format_span,
)
from render.keyboards import again, apart, copying, keyboard, neighbours, that_fit, try_again
from render.message import PHONE, Answer, Button, Keyboard, folded, foot, labelled, pre, short
from render.sentences import PARTS, capital, exchange_name, failed_of, in_words, reasons, sentence, sorry, which_coin

log = logging.getLogger("bot")
ABOUT = "price for"
MAX_SYMBOLS = 5
LABEL = 6  # columns before a card's figures
LONG = ("7d", "30d")  # whose moves are against the nearest opening of a long candle
QUIET_S = 86400.0  # without a trade: the market is told as one that may be gone
MAX_BASIS_MS = 15 * 60_000  # between the last trades of two markets whose prices are compared


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
        asked = _sides(market, symbol)  # first: an exchange that refuses an extra may have its host rest
        parts = early(market, symbol, extras)
        return await _with_extras(market, await report_of(market, symbol, asked), extras, parts)
    except NoAnswer as error:
        log.warning("no answer: %s", error)
        return error
    except (NotListed, NotASymbol) as error:
        return error
    finally:
        for part in parts.values():
            part.task.cancel()


class PriceReport(NamedTuple):
    """A symbol's spot and perpetual market.

    perp.ticker is there when perp is. A side that is None, and a part of perp that is None, is
    explained in missing. failed: by "spot" and
    "perp", the preferred exchanges that did not give what is shown. multipliers: contracts on 1000 and more coins,
    whose figures are given per coin here. moves: of the price in percent, by "1h", "7d", "30d". interest_before: open
    interest in coins, by hours ago. other: as in Source. moved_since: the moments that moves are against, ms. Extras
    that were asked for and are not there are explained in missing, too.
    """

    symbol: str
    spot: Ticker | None
    perp: Snapshot | None
    missing: dict[PartName, tuple[MarketError, ...]]
    failed: dict[str, tuple[MarketError, ...]]
    multipliers: dict[str, int]
    took_s: float
    moves: Mapping[str, float] = {}
    interest_before: Mapping[int, float] = {}
    other: str = ""
    moved_since: Mapping[str, int] = {}

    @property
    def lead(self) -> Ticker:
        """Spot, or the perpetual where there is no spot market."""
        ticker = self.spot or (self.perp and self.perp.ticker)
        assert ticker is not None
        return ticker

    @property
    def exchanges(self) -> tuple[str, ...]:
        """Who answered; one id when spot and perp come from the same exchange."""
        tickers = (self.spot, self.perp and self.perp.ticker)
        return tuple(dict.fromkeys([ticker.exchange for ticker in tickers if ticker]))

    @property
    def basis_pct(self) -> float | None:
        """How far the perpetual stands above spot, in percent of spot; None across exchanges and times."""
        spot, perp = self.spot, self.perp and self.perp.ticker
        if spot is None or perp is None or spot.exchange != perp.exchange:
            return None
        return (perp.last - spot.last) / spot.last * 100 if abs(perp.time_ms - spot.time_ms) <= MAX_BASIS_MS else None


def _sides(market: Market, symbol: str) -> list[Race[Found]]:
    """Spot and perpetual, asked for. Raises NotListed."""
    market.raise_if_not_listed(symbol)
    spots, perps = market.offering("spot"), market.offering("perp")
    return [
        Race(Question(spots, (market.spot_at(each, symbol) for each in spots))),
        Race(Question(perps, (market.perp_at(each, symbol, is_sparing=True) for each in perps))),
    ]


async def report_of(market: Market, symbol: str, asked: Sequence[Race[Found]] = ()) -> PriceReport:
    """Spot and perpetual of BASE-QUOTE. asked: where that is done already. Raises NotListed and NoAnswer, always within
    DEADLINE_S."""
    began = market.clock.monotonic()
    spot, perp = await outcomes(asked or _sides(market, symbol), market.deadline_s)
    if spot.found is None and perp.found is None:
        raise await market.why_not(symbol, (*spot.errors, *perp.errors), began)
    left_s = began + market.deadline_s - market.clock.monotonic()
    perp = await _of_the_same_coin(market, symbol, spot, perp, left_s)
    missing: dict[PartName, tuple[MarketError, ...]] = {}
    failed: dict[str, tuple[MarketError, ...]] = {}
    multipliers: dict[str, int] = {}
    for name, side in (("spot", spot), ("perp", perp)):
        if side.found is None:
            missing[PartName(name)] = side.errors or market.no_such_markets(name)
            continue
        if side.errors:
            failed[name] = side.errors
        missing |= {what: (error,) for what, error in side.found.missing.items()}
        if side.found.multiplier != 1:
            multipliers[name] = side.found.multiplier
    return PriceReport(
        symbol,
        spot.found.snapshot.ticker if spot.found is not None else None,
        perp.found.snapshot if perp.found is not None else None,
        missing,
        failed,
        multipliers,
        market.clock.monotonic() - began,
        other=_other(market, symbol, perp.found),
    )


def _other(market: Market, symbol: str, perp: Found | None) -> str:
    """What another coin's contract is called beside the perpetual."""
    ticker = perp.snapshot.ticker if perp is not None else None
    return market.namesakes.other(market.exchange(ticker.exchange), symbol) if ticker is not None else ""


async def _of_the_same_coin(
    market: Market, symbol: str, spot: Outcome[Found], perp: Outcome[Found], left_s: float
) -> Outcome[Found]:
    """The perpetual, if its price may be of the coin that the spot market has; else the one on 1000 coins, or none."""
    if not _are_apart(spot.found, perp.found) or perp.found is None or perp.found.snapshot.ticker is None:
        return perp
    exchange = market.exchange(perp.found.snapshot.ticker.exchange)
    namesake = UnknownSymbol(exchange.id, f"{perp.found.symbol} is another coin", Reason.NAMESAKE)
    try:
        async with asyncio.timeout(min(EXTRAS_S, left_s)):
            found = await market.perp_of_many(exchange, symbol)
    except (MarketError, TimeoutError):
        return perp._replace(found=None, errors=(*perp.errors, namesake))
    if _are_apart(spot.found, found):
        return perp._replace(found=None, errors=(*perp.errors, namesake))
    return perp._replace(found=found)


def _are_apart(spot: Found | None, perp: Found | None) -> bool:
    if spot is None or perp is None or spot.snapshot.ticker is None or perp.snapshot.ticker is None:
        return False
    return not are_of_one_coin(spot.snapshot.ticker.last, perp.snapshot.ticker.last)


async def _with_extras(market: Market, report: PriceReport, extras: Collection[PartName], early: Parts) -> PriceReport:
    """The report with what a card shows beside the tickers, at the exchanges that answered, within EXTRAS_S.

    Where the tickers took nearly all of the time, it is without.
    """
    began = market.clock.monotonic()
    kind = "spot" if report.spot is not None else "perp"
    lead = market.exchange(report.lead.exchange)
    ticker = report.perp and report.perp.ticker
    perp = market.exchange(ticker.exchange) if ticker is not None else None
    parts = asked_at(market, report.symbol, extras, lead, kind, perp, early)
    await settled(list(parts.values()), min(EXTRAS_S, market.deadline_s - report.took_s))
    missing = {name: (part.error,) for name, part in parts.items() if part.error is not None}
    candles = {name: part.found for name, part in parts.items() if name in MOVES and part.found is not None}
    moves = moves_of(report.lead.last, candles, market.now_ms())
    history = parts[PartName.OPEN_INTEREST_CHANGE].found if PartName.OPEN_INTEREST_CHANGE in parts else None
    return report._replace(
        missing=report.missing | missing,
        moves={span: each.percent for span, each in moves.items()},
        moved_since={span: each.since_ms for span, each in moves.items()},
        interest_before=leading_to(report.perp and report.perp.open_interest, history),
        took_s=report.took_s + market.clock.monotonic() - began,
    )


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
    answer = card(reports[0], now_s) if len(prices.results) == 1 else _rows(reports, now_s)
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


def _rows(reports: Sequence[PriceReport], now_s: float) -> Answer:
    """One line a coin: price, change, open interest against yesterday's, funding per year."""
    rows = [["", "last", "24h%", "OI24%", "fund/y"]]
    for report in reports:
        now = report.perp and report.perp.open_interest and report.perp.open_interest.open_interest
        before = report.interest_before.get(24)
        change = None if not now or not before else (now / before - 1) * 100
        year = per_year_pct(report.perp.funding if report.perp is not None else None)
        rows.append(
            [
                _label(report.symbol),
                format_short_price(report.lead.last),
                format_points(report.lead.change_pct),
                f"{'≈' * is_rough(report.interest_before, 24)}{dash_or(change)}",
                dash_or(year),
            ]
        )
    names = " ".join(short(report.symbol) for report in reports)
    exchanges = list(dict.fromkeys(exchange for report in reports for exchange in report.exchanges))
    oldest = min(report.lead.time_ms for report in reports)
    buttons = that_fit(Button(short(report.symbol)[:8], f"price {short(report.symbol)}") for report in reports)
    return Answer(
        f"<b>Prices</b> {counted(len(reports), 'coin')}",
        (pre(rows),),
        tuple(map(escape, failed_of({short(each.symbol): sum(each.failed.values(), ()) for each in reports}))),
        foot(in_words([exchange_name(each) for each in exchanges]), oldest, now_s),
        keyboard(again(f"price {names}", f"chart {names}"), buttons),
    )


def _label(symbol: str) -> str:
    """BTC, and BTC-EUR beside it."""
    return fit(short(symbol), 6 if short(symbol) != symbol else 8).rstrip()


def _notes(report: PriceReport, base: str, now_s: float) -> list[str]:
    """What the reader should know of the figures: what is missing and why, who did not answer."""
    notes = []
    by_reason: dict[str, list[str]] = {}
    for what, errors in report.missing.items():
        is_market = what in (PartName.SPOT, PartName.PERP)
        name = f"No {PARTS[what]}" if is_market else f"{capital(PARTS[what])} n/a"
        by_reason.setdefault(reasons(errors), []).append(name)
    for why, names in by_reason.items():
        first, *others = names
        others = [each if each[:2].isupper() else f"{each[:1].lower()}{each[1:]}" for each in others]  # OI stays OI
        notes.append(f"{in_words([first, *others])}: {why}.")
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
        if now_s - ticker.time_ms / 1000 > QUIET_S:
            where, when = exchange_name(ticker.exchange), format_day(ticker.time_ms)
            notes.append(f"{kind}: no trade on {where} since {when}; it may be halted or delisted.")
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
    of = ticker_fields(ticker, "spot" if report.spot else "perp")
    return {**of, "timestamp": iso(ticker.time_ms), "exchange": ticker.exchange}
