"""/analysis: one market's whole report, at one exchange, which it names; see analysis_report.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from answers import cvd, volume
from answers.analysis_report import EMA_FAST, EMA_SLOW, N_CONVERGED, AnalysisReport, report_of
from answers.asked import OfMarket, Tools, of_market
from answers.cvd import ARROWS
from answers.funding import until
from answers.interest import ROUGH, is_rough
from answers.ls import SHARE_NAMES, LongShare
from exchanges.errors import PartName
from exchanges.symbols import split
from exchanges.words import per_8h, per_year_pct
from indicators import MIN_BASELINE, N_BANDS
from render.fields import TRENDS, PerpFields, TickerFields, iso, perp_fields, slashed, ticker_fields
from render.figures import (
    circle,
    direction,
    escape,
    format_coins,
    format_delta,
    format_money,
    format_percent,
    format_points,
    format_price,
    format_range,
    format_share,
    format_short_price,
    format_signed,
    shortened,
)
from render.keyboards import INTERVAL_BUTTONS, again, choices_of, keyboard, neighbours
from render.message import Answer, folded, labelled, short, source_foot
from render.sentences import PARTS, capital, in_words, of_source, reasons
from sessions import SessionSums

ABOUT = "analysis of"
BIAS = {"price": "24h", "volume": "volume", "CVD": "CVD", "split": "divergence", "RSI": "RSI"}


def command(words: list[str]) -> OfMarket:
    """Raises NotASymbol and Misread."""
    return of_market(words, "analysis", "15m")


async def ask(tools: Tools, asked: OfMarket) -> AnalysisReport:
    """Raises NotListed and NoAnswer, in DEADLINE_S."""
    return await report_of(tools.market, asked)


def show(report: AnalysisReport, now_s: float) -> Answer:
    """A verdict, eight labelled lines; session, day, crowd, indicators and the score's parts are folded."""
    source, ticker = report.source, report.ticker
    base = split(source.symbol)[0]
    name = f"{escape(short(source.symbol))} {source.kind} {report.interval}"
    change = f"{circle(ticker.change_pct)} {format_percent(ticker.change_pct)} 24h"
    notes = []
    by_reason: dict[str, list[str]] = {}
    for what, error in report.missing.items():
        by_reason.setdefault(reasons([error]), []).append(PARTS[what])
    for why, parts in by_reason.items():
        notes.append(escape(f"{capital(in_words(parts))} n/a: {why}."))
    spot = " spot" if source.kind == "spot" else ""
    line = f"{short(source.symbol)} {report.interval}{spot}"
    return Answer(
        f"<b>{name}</b> {format_price(ticker.last)} {change}",
        (
            escape(_verdict(report)),
            labelled(_analysis_rows(report, base, now_s)),
            folded(
                [
                    _bias(report),
                    *_analysis_tail(report, base),
                    *([ROUGH] if is_rough(report.open_interest_before) else []),
                ]
            ),
        ),
        (*notes, *of_source(source)),
        source_foot(source, now_s),
        keyboard(
            again(f"analysis {line}", f"chart {line}", f"alert {short(source.symbol)}{spot}"),
            choices_of("analysis", source.symbol, source.kind, INTERVAL_BUTTONS, report.interval),
            neighbours("analysis", source.symbol, source.kind, report.interval),
        ),
    )


def _verdict(report: AnalysisReport) -> str:
    """Who is in control, and by what, in words."""
    known = [each.points for each in report.score if each.points is not None]
    if not known:
        return "No verdict: nothing that it is made of is known."
    total = sum(known)
    who = "Buyers in control" if total > 3 else "Sellers in control" if total < -3 else "No side in control"
    said = [f"price {_way(report.ticker.change_pct)} in 24h"]
    if report.flow_trend is not None:
        said.append({1: "takers buy", -1: "takers sell", 0: "takers even"}[report.flow_trend])
    if report.rsi is not None:
        word = "high" if report.rsi > 70 else "low" if report.rsi < 30 else "neutral"
        said.append(f"RSI {report.rsi:.0f} {word}")
    partial = "" if len(known) == len(report.score) else " (of what is known)"
    return f"{who}{partial}: {', '.join(said)}."


def _way(change_pct: float | None) -> str:
    return "n/a" if change_pct is None else {1: "up", -1: "down", 0: "flat"}[direction(change_pct)]


def _analysis_rows(report: AnalysisReport, base: str, now_s: float) -> list[tuple[str, list[str]]]:
    ticker, spike = report.ticker, report.spike
    times = "n/a" if spike is None or not spike.baseline else f"{spike.volume / spike.baseline:.1f}x normal"
    rows = [
        ("24h", [format_range(ticker.low, ticker.high, ticker.last)]),
        ("vol", [format_coins(report.candle_coins, base), times]),
        ("", [f"24h {format_money(ticker.quote_volume, report.source.symbol)}"]),
        ("delta", [f"{format_delta(report.delta, shortened(base, 8))} last", _day_flow(report)]),
        ("CVD", [f"{ARROWS[report.flow_trend]}, price {ARROWS[report.price_trend]}"]),
    ]
    if report.divergence:
        rows.append(("", [f"{report.divergence} divergence"]))
    if report.source.kind == "perp":
        rows += _perp_rows(report, now_s)
        rows.append(("L/S", _crowd(report)))
    rows.append(("RSI", _levels(report)))
    return rows


def _day_flow(report: AnalysisReport) -> str:
    if report.day_delta is None:
        return "24h n/a"
    return f"{format_signed(report.day_delta)} 24h {format_share(report.day_share, 0)} bought"


def _crowd(report: AnalysisReport) -> list[str]:
    """Long and short in percent, of all accounts and of top traders."""
    names = {"accounts": "all", "top accounts": "top", "top positions": "top pos."}
    texts = [f"{each.now * 100:.0f}/{100 - each.now * 100:.0f} {names[each.what]}" for each in report.shares]
    return texts or ["n/a"]


def _levels(report: AnalysisReport) -> list[str]:
    last = report.ticker.last
    rsi = "n/a" if report.rsi is None else f"{report.rsi:.1f}"
    vwap = "n/a" if not report.vwap else format_percent((last / report.vwap - 1) * 100, 1)
    atr = "n/a" if report.atr is None else f"{report.atr / last * 100:.2f}%"
    return [rsi, f"VWAP {vwap}", f"ATR {atr}"]


def _perp_rows(report: AnalysisReport, now_s: float) -> list[tuple[str, list[str]]]:
    interest, funding = report.perp.open_interest, report.perp.funding
    now = interest and interest.open_interest
    changes = [
        f"{'≈' * is_rough(report.open_interest_before, hours)}{format_percent((now / before - 1) * 100, 1)} {hours}h"
        for hours in (1, 24)
        if now is not None and (before := report.open_interest_before.get(hours))
    ]
    value = format_money(interest and interest.open_interest_quote, report.source.symbol)
    rows = [("OI", [value, *(changes or ["change n/a"])])]
    if funding is None:
        return [*rows, ("fund", ["n/a"])]
    rate, year = per_8h(funding), per_year_pct(funding)
    per_period = f"{format_percent(funding.funding_rate * 100, 4)} a period"
    told = per_period if rate is None else f"{format_percent(rate * 100, 4)}/8h"
    yearly = "year n/a" if year is None else f"{format_percent(year, 0)}/y"
    payer = "longs pay" if funding.funding_rate > 0 else "shorts pay" if funding.funding_rate < 0 else "nobody pays"
    due = "" if funding.due_ms(now_s * 1000) is None else f" in {until(funding, now_s)}"
    return [*rows, ("fund", [told, yearly, f"{payer}{due}"])]


def _analysis_tail(report: AnalysisReport, base: str) -> list[str]:
    # Where the candles did not come, the reason stands below; where they came, they were too few.
    too_few = "" if PartName.SESSION_AND_DAY in report.missing else ", not enough history"
    lines = [*_session_lines(report.session, base, too_few), *_day_lines(report, base, too_few)]
    if report.delta is not None and report.day_delta is None and PartName.DAY_CVD not in report.missing:
        lines.append("Delta of 24h: n/a, not enough history")
    for each in report.shares:
        change = "n/a" if each.before is None else f"{format_points((each.now - each.before) * 100)} pp in 24h"
        lines.append(f"{SHARE_NAMES[each.what].capitalize()}: {each.now * 100:.1f}% long, {change}")
    edge = _edge(report.shares)
    if edge is not None:
        lines.append(f"Top positions against all: {format_points(edge)} pp")
    return [*lines, *_indicator_lines(report, too_few)]


def _indicator_lines(report: AnalysisReport, too_few: str) -> list[str]:
    last, n, bands, spike = report.ticker.last, report.n_candles, report.bands, report.spike
    rsi = f"n/a{_lacking(n, N_CONVERGED) or ', the price did not move'}"
    if report.rsi is not None:
        rsi = f"{report.rsi:.1f}{_rsi_word(report.rsi)}"
    side = "n/a, nothing was traded"
    if report.vwap is not None:
        side = f"{format_price(report.vwap)}, price {_above(last, report.vwap)}"
    shown = (
        f"n/a{_lacking(n, N_BANDS)}" if bands is None else f"{format_price(bands.lower)} – {format_price(bands.upper)}"
    )
    reach = f"n/a{_lacking(n, N_CONVERGED)}"
    if report.atr is not None:
        reach = f"{format_short_price(report.atr)} ({report.atr / last * 100:.2f}%)"
    swing = f"n/a{too_few}"
    if report.volatility is not None:
        swing = f"{report.volatility:.2f}% {_swing_word(report.volatility)}"
    times = f"n/a{_lacking(n, MIN_BASELINE + 1) or ', most candles before had no trades'}"
    if spike is not None:
        times = f"{spike.volume / spike.baseline:.2f} times normal"
    return [
        f"RSI 14: {rsi}",
        f"VWAP of {report.n_vwap}: {side}",
        _means(report),
        f"Bollinger 20, 2: {shown}",
        f"ATR 14: {reach}",
        f"Volatility 24h: {swing}",
        f"Relative volume: {times}",
    ]


def _lacking(n: int, least: int) -> str:
    """Why a figure that takes so many candles is not there; nothing where they are."""
    return f", too few candles ({n} of {least})" if n < least else ""


def _means(report: AnalysisReport) -> str:
    """EMA 20 above EMA 50, or neither above nor below, by what is told of them."""
    fast, slow = report.ema_fast, report.ema_slow
    if fast is None:
        return f"EMA 20 and 50: n/a{_lacking(report.n_candles, EMA_FAST)}"
    if slow is None:
        return f"EMA 20: {format_price(fast)}, EMA 50: n/a{_lacking(report.n_candles, EMA_SLOW)}"
    of_fast, of_slow = format_price(fast), format_price(slow)
    if of_fast == of_slow:
        return f"EMA 20 equals EMA 50: {of_fast}"
    return f"EMA 20 {'above' if fast > slow else 'below'} EMA 50: {of_fast}, {of_slow}"


def _session_lines(sums: SessionSums | None, base: str, why: str) -> list[str]:
    if sums is None:
        return [f"Session: n/a{why}"]
    usual = "usual n/a, not enough history"
    if sums.usual is not None:
        change = f"{format_percent((sums.coins / sums.usual - 1) * 100, 0)} against usual" if sums.usual else ""
        usual = f"{change or 'usually nothing'} (median of {sums.n_usual})"
    return [
        f"{sums.session.name} session, {sums.gone * 100:.0f}% gone: {format_coins(sums.coins, base)}, {usual}",
        f"Price since it began: {format_percent(sums.change_pct)}, delta {format_signed(sums.delta)}",
    ]


def _day_lines(report: AnalysisReport, base: str, why: str) -> list[str]:
    day = report.day
    if day is None:
        return [f"Day: n/a{why}"]
    symbol = report.source.symbol
    lines = [
        f"Day so far: {format_coins(day.coins, base)}, {format_money(day.dollars, symbol)}, {day.gone * 100:.0f}% gone"
    ]
    if day.mean_coins:
        share = f"{day.coins / day.mean_coins * 100:.0f}%"
        mean = f"{format_coins(day.mean_coins, base)}, {format_money(day.mean_dollars, symbol)}"
        lines.append(f"That is {share} of the 7-day mean {mean}")
    elif day.mean_coins is None:
        lines.append("7-day mean: n/a, not enough history")
    else:
        lines.append("7-day mean: 0, nothing was traded")
    return lines


def _edge(shares: Sequence[LongShare]) -> float | None:
    """Top positions' share of longs above that of all accounts, in points of percent."""
    by_name = {each.what: each.now for each in shares}
    if "accounts" not in by_name or "top positions" not in by_name:
        return None
    return (by_name["top positions"] - by_name["accounts"]) * 100


def _rsi_word(rsi: float) -> str:
    return ", overbought" if rsi > 70 else ", oversold" if rsi < 30 else ""


def _swing_word(volatility: float) -> str:
    return "HIGH" if volatility > 5 else "MODERATE" if volatility > 2 else "LOW"


def _above(last: float, other: float) -> str:
    away = (last / other - 1) * 100
    side = {1: "above", -1: "below", 0: "at it"}[direction(away)]
    return f"{abs(away):.2f}% {side}" if direction(away) else side


def _bias(report: AnalysisReport) -> str:
    """The score as its sum and its parts; it runs from -7 to +9."""
    known = [each.points for each in report.score if each.points is not None]
    if not known:
        return "Bias n/a"
    parts = ", ".join(
        f"{BIAS[each.name]} {'n/a' if each.points is None else f'{each.points:+d}' if each.points else '0'}"
        for each in report.score
    )
    total = sum(known)
    return f"Bias {f'{total:+d}' if total else '0'} (-7…+9): {parts}"


class SpikeFields(volume.Fields):
    relative_volume: float | None


class Indicators(TypedDict):
    rsi_14: float | None
    vwap: float | None
    atr_14: float | None
    volatility_24h: float | None
    bb_upper: float | None
    bb_middle: float | None
    bb_lower: float | None


class Sentiment(TypedDict):
    score: int | None
    components: dict[str, int | None]
    long_share: dict[str, float]


class OpenInterestFields(TypedDict):
    open_interest: float | None
    open_interest_usd: float | None
    oi_change_1h: float | None
    oi_change_24h: float | None
    funding_rate: float | None


class PriceData(TypedDict):
    spot: TickerFields | None
    perp: PerpFields | None


class Where(TypedDict):
    exchange: str
    market_type: str


class Fields(Where):
    symbol: str
    timeframe: str
    timestamp: str
    price_data: PriceData
    volume_analysis: SpikeFields
    cvd_analysis: cvd.Fields
    technical_indicators: Indicators
    market_sentiment: Sentiment
    oi_data: OpenInterestFields


def fields(report: AnalysisReport) -> Fields:
    """Everything of one market."""
    source, spike = report.source, report.spike
    name = slashed(source.symbol, source.kind)
    is_perp = source.kind == "perp"
    closed = iso(report.candle_closed_ms)
    where: Where = {"exchange": source.exchange, "market_type": source.kind}
    return {
        "symbol": name,
        "timeframe": report.interval,
        "timestamp": iso(source.time_ms),
        **where,
        "price_data": {
            "spot": None if is_perp else ticker_fields(source.symbol, report.ticker, "spot"),
            "perp": perp_fields(source.symbol, report.perp) if is_perp else None,
        },
        "volume_analysis": {
            "symbol": name,
            "timeframe": report.interval,
            "current_volume": report.candle_coins,
            "average_volume": spike and spike.baseline,
            "spike_percentage": spike and spike.spike_pct,
            "spike_level": spike and spike.level,
            "volume_usd": report.candle_dollars,
            "is_significant": spike and spike.is_significant,
            "relative_volume": spike and spike.volume / spike.baseline,
            "timestamp": closed,
            **where,
        },
        "cvd_analysis": {
            "symbol": name,
            "timeframe": report.interval,
            "current_cvd": report.cvd,
            "cvd_change_24h": report.day_delta,
            "cvd_trend": TRENDS[report.flow_trend],
            "divergence_detected": None if report.divergence is None else bool(report.divergence),
            "price_trend": TRENDS[report.price_trend],
            "timestamp": closed,
            **where,
        },
        "technical_indicators": {
            "rsi_14": report.rsi,
            "vwap": report.vwap,
            "atr_14": report.atr,
            "volatility_24h": report.volatility,
            "bb_upper": report.bands and report.bands.upper,
            "bb_middle": report.bands and report.bands.middle,
            "bb_lower": report.bands and report.bands.lower,
        },
        "market_sentiment": _sentiment(report),
        "oi_data": _oi_fields(report),
    }


def _sentiment(report: AnalysisReport) -> Sentiment:
    points = {each.name: each.points for each in report.score}
    known = [each for each in points.values() if each is not None]
    shares = {each.what.replace(" ", "_"): each.now for each in report.shares}
    return {"score": sum(known) if known else None, "components": points, "long_share": shares}


def _oi_fields(report: AnalysisReport) -> OpenInterestFields:
    interest = report.perp.open_interest
    coins = interest and interest.open_interest

    def change(hours: int) -> float | None:
        before = report.open_interest_before.get(hours)
        return None if not before or coins is None else (coins / before - 1) * 100

    return {
        "open_interest": coins,
        "open_interest_usd": interest and interest.open_interest_quote,
        "oi_change_1h": change(1),
        "oi_change_24h": change(24),
        "funding_rate": report.perp.funding and report.perp.funding.funding_rate,
    }
