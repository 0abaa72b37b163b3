"""The JSON API: the paths, fields and envelope of the market-data service that this bot replaces.

One table, ROUTES, says what can be asked; the OpenAPI description is made of it, and every answer is a
record of the market turned into those fields. What no exchange told is null. A failure of the market is
{"success": false, "error": "…"} with HTTP 200, as its clients expect; webhook_server.py does the rest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import analysis as analytics
import derivatives
import lists
import market as markets
import render
from accounts import ACCOUNTS, Accounts, NoKeys, Part
from analysis import AnalysisReport, FlowReport, VolumeReport
from derivatives import Contract, DerivativesReport
from exchanges import COIN, INTERVALS, Perp, Ticker, split
from indicators import SIGNIFICANT_PCT, Profile
from market import EXCHANGES, Market, NoAnswer, NotASymbol, NotListed

T = TypeVar("T")

Json = dict[str, Any]

MAX_LIMIT = 50
MAX_SCANNED = 1000
VALIDATING = 4  # exchanges that make an open interest valid
TRENDS = {1: "BULLISH", -1: "BEARISH", 0: "NEUTRAL", None: None}


class BadRequest(ValueError):
    """A field of the request is missing or wrong. The text says which, and what it should be."""


class AllFailed(Exception):
    """None of the accounts could be read. The text says why."""


class Partial(NamedTuple):
    """What of several accounts is known, and a sentence for each that is missing in it."""

    known: Json | list[Json]
    missing: list[str]


class Field(NamedTuple):
    """A field of a request. default None: it has to be there, unless it is optional."""

    kind: str  # string, number or integer
    default: object = None
    is_optional: bool = False
    choices: tuple[str, ...] = ()


class Route(NamedTuple):
    """answer: takes the checked fields. schema: of what it gives, see `schema_of`. is_flat: without "data"."""

    summary: str
    fields: Mapping[str, Field]
    answer: Callable[[Market, Accounts, Json], Awaitable[Json | list[Json] | Partial]]
    schema: object
    methods: tuple[str, ...] = ("POST",)
    is_flat: bool = False


async def answer(route: Route, market: Market, accounts: Accounts, request: object) -> Json:
    """The envelope. Raises BadRequest."""
    fields = read_fields(route, request)
    exchange = fields.get("exchange")
    if exchange in EXCHANGES:
        market = market.only(exchange)
    try:
        told = await route.answer(market, accounts, fields)
    except (NotListed, NoAnswer, NotASymbol) as error:
        return {"success": False, "error": _plain(render.sorry(error, "answer about"))}
    except NoKeys as error:
        return {"success": False, "error": _plain(render.no_keys(error.variables).text)}
    except lists.NoSuchSort as error:
        return {"success": False, "error": str(error)}
    except AllFailed as error:
        return {"success": False, "error": str(error)}
    if isinstance(told, Partial):
        return {"success": True, "data": told.known, "missing": told.missing}
    if route.is_flat and isinstance(told, dict):
        return {"success": True, **told}
    return {"success": True, "data": told}


def read_fields(route: Route, request: object) -> Json:
    """The request's fields, checked, with defaults for those that are absent. Raises BadRequest."""
    if not isinstance(request, dict):
        raise BadRequest("the body should be a JSON object")
    fields: Json = {}
    for name, field in route.fields.items():
        value = request.get(name)
        if value is None:
            if field.default is None and not field.is_optional:
                raise BadRequest(f"{name} is missing")
            fields[name] = field.default
            continue
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if field.kind == "string" and not isinstance(value, str):
            raise BadRequest(f"{name} should be a string")
        if field.kind != "string" and not (is_number and (field.kind == "number" or isinstance(value, int))):
            raise BadRequest(f"{name} should be {'an' if field.kind == 'integer' else 'a'} {field.kind}")
        if field.choices and str(value).lower() not in field.choices:
            raise BadRequest(f"{name} should be one of {', '.join(field.choices)}")
        fields[name] = str(value).lower() if field.choices else value
    return fields


def _plain(text: str) -> str:
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


def iso(time_ms: float) -> str:
    """2026-11-24T14:03:22Z"""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ms / 1000))


def slashed(symbol: str, market: str = "spot") -> str:
    """BTC/USDT; BTC/USDT:USDT for the perpetual settled in USDT."""
    base, quote = split(symbol)
    if market == "spot":
        return f"{base}/{quote}"
    return f"{base}/USD:{base}" if quote == COIN else f"{base}/{quote}:{quote}"


# One market.


async def price(market: Market, accounts: Accounts, asked: Json) -> Json:
    """Spot, or the perpetual where there is no spot market."""
    report = await market.price(markets.parse_symbol(asked["symbol"]))
    ticker = report.spot or (report.perp and report.perp.ticker)
    assert ticker is not None
    return {**_ticker(ticker, "spot" if report.spot else "perp"), "timestamp": iso(ticker.time_ms)}


def _ticker(ticker: Ticker, market: str) -> Json:
    return {
        "symbol": slashed(ticker.symbol, market),
        "price": ticker.last,
        "volume_24h": ticker.base_volume,
        "change_24h": ticker.change_pct,
        "market_type": market,
    }


async def combined_price(market: Market, accounts: Accounts, asked: Json) -> Json:
    """Spot and perpetual side by side, each with its last quarter of an hour."""
    symbol = markets.parse_symbol(asked["symbol"])
    report = await market.price(symbol)
    perp_ticker = report.perp and report.perp.ticker
    of_spot, of_perp = await asyncio.gather(
        *(
            analytics.quarter_of(market, symbol, kind, ticker.exchange if ticker is not None else "")
            for kind, ticker in (("spot", report.spot), ("perp", perp_ticker))
        )
    )
    spot = perp = None
    if report.spot is not None:
        spot = {**_ticker(report.spot, "spot"), **_quarter(of_spot)}
    if report.perp is not None and perp_ticker is not None:
        changes = {"oi_change_24h": of_perp.open_interest_change_pct, "oi_change_15m": None}
        perp = {**_ticker(perp_ticker, "perp"), **_perp(report.perp), **_quarter(of_perp), **changes}
    return {
        "base_symbol": slashed(symbol),
        "timestamp": iso(market.now_ms()),
        "spot": spot,
        "perp": perp,
        "spot_exchange": report.spot and report.spot.exchange,
        "perp_exchange": perp_ticker and perp_ticker.exchange,
    }


def _perp(perp: Perp) -> Json:
    return {
        "open_interest": perp.open_interest and perp.open_interest.open_interest,
        "funding_rate": perp.funding and perp.funding.funding_rate,
        "funding_rate_change": None,
    }


def _quarter(quarter: analytics.Quarter) -> Json:
    return {
        "volume_15m": quarter.volume,
        "change_15m": quarter.change_pct,
        "delta_24h": quarter.day_delta,
        "delta_15m": quarter.delta,
        "atr_24h": None,
        "atr_15m": quarter.atr,
    }


async def volume_spike(market: Market, accounts: Accounts, asked: Json) -> Json:
    """The last closed candle against its baseline."""
    report = await analytics.volume(market, *_symbol_and_interval(asked), ("perp", "spot"))
    return _spike(report)


def _spike(report: VolumeReport) -> Json:
    spike = report.spike
    return {
        "symbol": slashed(report.source.symbol, report.source.market),
        "timeframe": report.interval,
        "current_volume": report.coins,
        "average_volume": spike and spike.baseline,
        "spike_percentage": spike and spike.spike_pct,
        "spike_level": spike and spike.level,
        "volume_usd": report.dollars,
        "is_significant": spike and spike.is_significant,
        "timestamp": iso(report.closed_ms),
    }


async def cvd(market: Market, accounts: Accounts, asked: Json) -> Json:
    """What takers bought less what they sold."""
    report = await analytics.cvd(market, *_symbol_and_interval(asked), ("perp", "spot"))
    return _flow(report)


def _flow(report: FlowReport) -> Json:
    return {
        "symbol": slashed(report.source.symbol, report.source.market),
        "timeframe": report.interval,
        "current_cvd": report.cvd,
        "cvd_change_24h": report.day_delta,
        "cvd_trend": TRENDS[report.trend],
        "divergence_detected": None if report.divergence is None else bool(report.divergence),
        "price_trend": TRENDS[report.price_trend],
        "timestamp": iso(report.closed_ms),
    }


async def comprehensive_analysis(market: Market, accounts: Accounts, asked: Json) -> Json:
    """Everything of one market."""
    report = await analytics.analysis(market, *_symbol_and_interval(asked), ("perp", "spot"))
    source, spike = report.source, report.spike
    name = slashed(source.symbol, source.market)
    side = {**_ticker(report.ticker, source.market), **(_perp(report.perp) if source.market == "perp" else {})}
    closed = iso(report.candle_closed_ms)
    return {
        "symbol": name,
        "timeframe": report.interval,
        "timestamp": iso(source.time_ms),
        "price_data": {"spot": None, "perp": None, source.market: side},
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
        "oi_data": _oi(report),
    }


def _sentiment(report: AnalysisReport) -> Json:
    points = {each.name: each.points for each in report.score}
    known = [each for each in points.values() if each is not None]
    shares = {each.what.replace(" ", "_"): each.now for each in report.shares}
    return {"score": sum(known) if known else None, "components": points, "long_share": shares}


def _oi(report: AnalysisReport) -> Json:
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


async def market_profile(market: Market, accounts: Accounts, asked: Json) -> Json:
    """Volume and time by price over each window."""
    symbol = markets.parse_symbol(asked["symbol"])
    found: Json = {"symbol": slashed(symbol), "current_price": None}
    windows = analytics.PROFILE_WINDOWS
    asked_for = (analytics.profile(market, symbol, window, ("perp", "spot")) for window in windows)
    for window, report in zip(windows, await asyncio.gather(*asked_for), strict=True):
        found["current_price"] = report.last
        found[window] = {
            "volume_profile": _levels(report.volume),
            "tpo": _levels(report.time),
            "vwap": report.vwap,
            "candles": report.n_candles,
            "period": f"{report.interval} candles since {iso(report.begin_ms)}",
        }
    return found


def _levels(profile: Profile | None) -> Json | None:
    return None if profile is None else {"poc": profile.poc, "vah": profile.vah, "val": profile.val}


def _symbol_and_interval(asked: Json) -> tuple[str, str]:
    return markets.parse_symbol(asked["symbol"]), asked["timeframe"]


# All markets, all exchanges.


async def top_symbols(market: Market, accounts: Accounts, asked: Json) -> Json:
    """The markets with the most volume."""
    kind = asked["market_type"]
    limit = max(1, min(asked["limit"], MAX_LIMIT))
    top = await lists.top(market, kind, "volume", limit)
    rows = []
    for symbol, perp in top.rows:
        assert perp.ticker is not None
        row = {**_ticker(perp.ticker, kind), "market_cap": top.caps.get(symbol)}
        if kind == "perp":
            row |= {key: value for key, value in _perp(perp).items() if key != "funding_rate_change"}
        rows.append(row)
    return {"market_type": kind, "symbols": rows}


async def volume_scan(market: Market, accounts: Accounts, asked: Json) -> Json:
    """Volume spikes of the liquid perpetuals."""
    n_markets = max(1, min(asked["symbols"], MAX_SCANNED))
    found = await lists.volume_scan(market, float(asked["min_spike"]), asked["timeframe"], n_markets)
    return {
        "timeframe": found.interval,
        "min_spike_threshold": found.threshold_pct,
        "spikes_found": len(found.spikes),
        "markets_scanned": found.n_scanned,
        "markets_failed": len(found.failed),
        "spikes": [
            {
                "symbol": slashed(each.symbol, "perp"),
                "spike_percentage": each.spike_pct,
                "spike_level": each.level,
                "current_volume": each.volume,
                "volume_usd": each.dollars,
                "is_significant": each.spike_pct >= SIGNIFICANT_PCT,
            }
            for each in found.spikes
        ],
    }


async def multi_oi(market: Market, accounts: Accounts, asked: Json) -> Json:
    """Open interest on all exchanges."""
    base = split(markets.parse_symbol(asked["base_symbol"]))[0]
    report = await derivatives.open_interest(market, base)
    by_exchange: dict[str, list[Contract]] = {}
    for each in report.contracts:
        by_exchange.setdefault(each.exchange, []).append(each)
    whole = [name for name in by_exchange if name not in report.failed]
    return {
        "base_symbol": base,
        "timestamp": iso(report.time_ms),
        "total_markets": len(report.contracts),
        "aggregated_oi": {
            "total_tokens": report.coins,
            "total_usd": report.dollars,
            "total_volume_24h": _sum(each.ticker.base_volume for each in report.contracts),
            "total_volume_24h_usd": _sum(each.ticker.quote_volume for each in report.contracts),
            "exchanges_count": len(whole),
        },
        "exchange_breakdown": [_exchange_oi(name, of, report) for name, of in by_exchange.items()],
        "market_categories": {
            name: _category(report, margins)
            for name, margins in (
                ("usdt_stable", ("USDT",)),
                ("usdc_stable", ("USDC",)),
                ("usd_stable", ("USD",)),
                ("usd_inverse", (COIN,)),
            )
        },
        "validation_summary": {
            "successful_exchanges": len(whole),
            "failed_exchanges": len(report.failed),
            "total_markets": len(report.contracts),
            "validation_passed": len(whole) >= VALIDATING,
            "failed_details": [f"{name}: {error.reason}" for name, error in report.failed.items()],
        },
    }


def _exchange_oi(name: str, contracts: Sequence[Contract], report: DerivativesReport) -> Json:
    dollars = _sum(each.dollars for each in contracts)
    return {
        "exchange": name,
        "oi_tokens": _sum(each.coins for each in contracts),
        "oi_usd": dollars,
        "oi_percentage": dollars / report.dollars * 100 if dollars is not None and report.dollars else None,
        "funding_rate": _mean_funding(contracts),
        "volume_24h": _sum(each.ticker.base_volume for each in contracts),
        "volume_24h_usd": _sum(each.ticker.quote_volume for each in contracts),
        "markets": len(contracts),
        "market_breakdown": [
            {
                "type": "USD" if each.margin == COIN else each.margin,
                "symbol": slashed(f"{report.base}-{each.margin}", "perp"),
                "oi_tokens": each.coins,
                "oi_usd": each.dollars,
                "price": each.ticker.last,
                "funding_rate": each.perp.funding and each.perp.funding.funding_rate,
                "volume_24h": each.ticker.base_volume,
                "volume_24h_usd": each.ticker.quote_volume,
            }
            for each in contracts
        ],
    }


def _mean_funding(contracts: Sequence[Contract]) -> float | None:
    """Per 8 hours, weighted by open interest: exchanges' own periods differ."""
    known = [
        (rate, each.dollars)
        for each in contracts
        if each.dollars and (rate := derivatives.per_8h(each.perp.funding)) is not None
    ]
    total = sum(dollars for _, dollars in known)
    return sum(rate * dollars for rate, dollars in known) / total if total else None


def _category(report: DerivativesReport, margins: Sequence[str]) -> Json:
    of = [each for each in report.contracts if each.margin in margins]
    dollars = sum(each.dollars or 0.0 for each in of)
    return {
        "total_tokens": sum(each.coins or 0.0 for each in of),
        "total_usd": dollars,
        "percentage": dollars / report.dollars * 100 if report.dollars else None,
        "exchanges": len({each.exchange for each in of}),
    }


def _sum(figures: Any) -> float | None:
    """The sum of what is known; None when nothing is."""
    known = [each for each in figures if each is not None]
    return sum(known) if known else None


# Accounts.


def _of_accounts(parts: Sequence[Part[Any]], known: Json | list[Json]) -> Json | list[Json] | Partial:
    """The answer, with who is missing in it. Raises AllFailed."""
    missing = [f"{render.exchange_name(error.exchange)} {error.reason}" for part in parts for error in part.errors]
    if all(part.found is None for part in parts):
        raise AllFailed("; ".join(dict.fromkeys(missing)) + ".")
    return Partial(known, list(dict.fromkeys(missing))) if missing else known


async def balance(market: Market, accounts: Accounts, asked: Json) -> Json | list[Json] | Partial:
    """Assets over all wallets and exchanges."""
    parts = await accounts.balance(asked["exchange"])
    totals: Json = {}
    for each in (holding for part in parts for holding in part.found or []):
        totals[each.asset] = totals.get(each.asset, 0.0) + each.free + each.in_use
    return _of_accounts(parts, totals)


async def positions(market: Market, accounts: Accounts, asked: Json) -> Json | list[Json] | Partial:
    """Open positions."""
    parts = await accounts.positions(asked["exchange"])
    rows: list[Json] = [
        {
            "exchange": part.exchange,
            "symbol": each.position.symbol,
            "side": each.position.side,
            "size": each.position.size,
            "notional": each.position.notional,
            "entry_price": each.position.entry,
            "mark_price": each.position.mark,
            "unrealized_pnl": each.pnl_usd,
            "percentage": each.position.pnl_pct,
        }
        for part in parts
        for each in part.found or []
    ]
    return _of_accounts(parts, rows)


async def pnl(market: Market, accounts: Accounts, asked: Json) -> Json | list[Json] | Partial:
    """Unrealised profit over all positions; the percentage is of their margin."""
    parts = await accounts.positions(asked["exchange"])
    valued = [each for part in parts for each in part.found or []]
    known = [each for each in valued if each.pnl_usd is not None]
    margins = [each.position.margin for each in known if each.position.margin is not None]
    total, margin = sum(each.pnl_usd or 0.0 for each in known), sum(margins)
    has_all = len(margins) == len(valued) == len(known) and all(
        each.position.asset in ("USDT", "USDC") for each in valued
    )
    told: Json = {
        "total_unrealized_pnl": total if len(known) == len(valued) else None,
        "average_percentage": total / margin * 100 if has_all and margin else None,
        "position_count": len(valued),
    }
    return _of_accounts(parts, told)


# The table.

SYMBOL = {"symbol": Field("string")}
EXCHANGE = {"exchange": Field("string", is_optional=True, choices=tuple(EXCHANGES))}
TIMEFRAME = {"timeframe": Field("string", "15m", choices=tuple(INTERVALS))}
ACCOUNT = {"exchange": Field("string", "", choices=tuple(ACCOUNTS))}

_TICKER = {
    "symbol": "string",
    "price": "number",
    "volume_24h": "number?",
    "change_24h": "number?",
    "market_type": "string",
}
_QUARTER = dict.fromkeys(("volume_15m", "change_15m", "delta_24h", "delta_15m", "atr_24h", "atr_15m"), "number?")
_FUNDED = {"open_interest": "number?", "funding_rate": "number?"}
_PERP = {**_TICKER, **_FUNDED, "funding_rate_change": "number?"}
_SPIKE = {
    "symbol": "string",
    "timeframe": "string",
    "current_volume": "number",
    "average_volume": "number?",
    "spike_percentage": "number?",
    "spike_level": "string?",
    "volume_usd": "number?",
    "is_significant": "boolean?",
    "timestamp": "string",
}
_CVD = {
    "symbol": "string",
    "timeframe": "string",
    "current_cvd": "number?",
    "cvd_change_24h": "number?",
    "cvd_trend": "string?",
    "divergence_detected": "boolean?",
    "price_trend": "string?",
    "timestamp": "string",
}
_LEVELS = {"?": True, "poc": "number", "vah": "number", "val": "number"}
_WINDOW = {
    "volume_profile": _LEVELS,
    "tpo": _LEVELS,
    "vwap": "number?",
    "candles": "integer",
    "period": "string",
}
_OI = {
    "oi_tokens": "number?",
    "oi_usd": "number?",
    "funding_rate": "number?",
    "volume_24h": "number?",
    "volume_24h_usd": "number?",
}
_CATEGORY = {"total_tokens": "number", "total_usd": "number", "percentage": "number?", "exchanges": "integer"}

ROUTES: dict[str, Route] = {
    "/price": Route(
        "Price of one market",
        {**SYMBOL, **EXCHANGE},
        price,
        {**_TICKER, "timestamp": "string"},
    ),
    "/combined_price": Route(
        "Spot and perpetual side by side",
        {**SYMBOL, **EXCHANGE},
        combined_price,
        {
            "base_symbol": "string",
            "timestamp": "string",
            "spot": {"?": True, **_TICKER, **_QUARTER},
            "perp": {"?": True, **_PERP, **_QUARTER, "oi_change_24h": "number?", "oi_change_15m": "number?"},
            "spot_exchange": "string?",
            "perp_exchange": "string?",
        },
    ),
    "/top_symbols": Route(
        "Markets with the most volume",
        {"market_type": Field("string", "spot", choices=("spot", "perp")), "limit": Field("integer", 10), **EXCHANGE},
        top_symbols,
        {"market_type": "string", "symbols": [{**_TICKER, "market_cap": "number?", "+": _FUNDED}]},
    ),
    "/volume_spike": Route(
        "Last closed candle's volume against normal", {**SYMBOL, **TIMEFRAME, **EXCHANGE}, volume_spike, _SPIKE
    ),
    "/cvd": Route("What takers bought and sold", {**SYMBOL, **TIMEFRAME, **EXCHANGE}, cvd, _CVD),
    "/volume_scan": Route(
        "Volume spikes of the liquid perpetuals",
        {**TIMEFRAME, "min_spike": Field("number", 200), "symbols": Field("integer", 200), **EXCHANGE},
        volume_scan,
        {
            "timeframe": "string",
            "min_spike_threshold": "number",
            "spikes_found": "integer",
            "markets_scanned": "integer",
            "markets_failed": "integer",
            "spikes": [
                {
                    "symbol": "string",
                    "spike_percentage": "number",
                    "spike_level": "string",
                    "current_volume": "number",
                    "volume_usd": "number",
                    "is_significant": "boolean",
                }
            ],
        },
    ),
    "/comprehensive_analysis": Route(
        "Everything about one market",
        {**SYMBOL, **TIMEFRAME, **EXCHANGE},
        comprehensive_analysis,
        {
            "symbol": "string",
            "timeframe": "string",
            "timestamp": "string",
            "price_data": {"spot": {"?": True, **_TICKER}, "perp": {"?": True, **_PERP}},
            "volume_analysis": {**_SPIKE, "relative_volume": "number?"},
            "cvd_analysis": _CVD,
            "technical_indicators": dict.fromkeys(
                ("rsi_14", "vwap", "atr_14", "volatility_24h", "bb_upper", "bb_middle", "bb_lower"), "number?"
            ),
            "market_sentiment": {"score": "integer?", "components": {"*": "integer?"}, "long_share": {"*": "number"}},
            "oi_data": dict.fromkeys(
                ("open_interest", "open_interest_usd", "oi_change_1h", "oi_change_24h", "funding_rate"), "number?"
            ),
        },
        methods=("GET", "POST"),
    ),
    "/multi_oi": Route(
        "Open interest on all exchanges",
        {"base_symbol": Field("string", "BTC")},
        multi_oi,
        {
            "base_symbol": "string",
            "timestamp": "string",
            "total_markets": "integer",
            "aggregated_oi": {
                "total_tokens": "number?",
                "total_usd": "number?",
                "total_volume_24h": "number?",
                "total_volume_24h_usd": "number?",
                "exchanges_count": "integer",
            },
            "exchange_breakdown": [
                {
                    "exchange": "string",
                    **_OI,
                    "oi_percentage": "number?",
                    "markets": "integer",
                    "market_breakdown": [{"type": "string", "symbol": "string", "price": "number", **_OI}],
                }
            ],
            "market_categories": dict.fromkeys(("usdt_stable", "usdc_stable", "usd_stable", "usd_inverse"), _CATEGORY),
            "validation_summary": {
                "successful_exchanges": "integer",
                "failed_exchanges": "integer",
                "total_markets": "integer",
                "validation_passed": "boolean",
                "failed_details": ["string"],
            },
        },
        is_flat=True,
    ),
    "/market_profile": Route(
        "Volume and time by price",
        {"symbol": Field("string", "BTC"), **EXCHANGE},
        market_profile,
        {
            "symbol": "string",
            "current_price": "number?",
            **dict.fromkeys(analytics.PROFILE_WINDOWS, _WINDOW),
        },
    ),
    "/balance": Route("What the accounts hold", ACCOUNT, balance, {"*": "number"}),
    "/positions": Route(
        "Open positions",
        ACCOUNT,
        positions,
        [
            {
                "exchange": "string",
                "symbol": "string",
                "side": "string",
                **dict.fromkeys(
                    ("size", "notional", "entry_price", "mark_price", "unrealized_pnl", "percentage"), "number?"
                ),
            }
        ],
    ),
    "/pnl": Route(
        "Profit and loss of the open positions",
        ACCOUNT,
        pnl,
        {"total_unrealized_pnl": "number?", "average_percentage": "number?", "position_count": "integer"},
    ),
}
"""By path. Requests, answers and the OpenAPI description follow from it."""


# OpenAPI.


def schema_of(spec: object) -> Json:
    """A JSON Schema from its short form.

    "number" and the like; "number?" may be null. [spec] is an array. A dict is an object with these keys, all of them
    there; "?" in it: it may be null; "*": any key, with that value; "+": keys that may be absent.
    """
    if isinstance(spec, str):
        kind = spec.removesuffix("?")
        return {"type": [kind, "null"] if spec.endswith("?") else kind}
    if isinstance(spec, list):
        return {"type": "array", "items": schema_of(spec[0])}
    assert isinstance(spec, dict)
    if "*" in spec:
        return {"type": "object", "additionalProperties": schema_of(spec["*"])}
    own = {name: schema_of(each) for name, each in spec.items() if name not in ("?", "+")}
    others = {name: schema_of(each) for name, each in spec.get("+", {}).items()}
    kinds: object = ["object", "null"] if spec.get("?") else "object"
    return {"type": kinds, "properties": {**own, **others}, "required": list(own)}


def _request_schema(route: Route) -> Json:
    properties: Json = {}
    for name, field in route.fields.items():
        properties[name] = {"type": field.kind}
        if field.choices:
            properties[name]["enum"] = [*field.choices]
        if field.default not in (None, ""):
            properties[name]["default"] = field.default
    required = [name for name, field in route.fields.items() if field.default is None and not field.is_optional]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _answer_schema(route: Route) -> Json:
    told = schema_of(route.schema)
    success = {"success": {"type": "boolean", "const": True}}
    if route.is_flat:
        whole = {**told, "properties": {**success, **told["properties"]}, "required": ["success", *told["required"]]}
    else:
        whole = {"type": "object", "properties": {**success, "data": told}, "required": ["success", "data"]}
        if route.fields is ACCOUNT:
            whole["properties"]["missing"] = {"type": "array", "items": {"type": "string"}}
    return {"oneOf": [whole, {"$ref": "#/components/schemas/Failure"}]}


def openapi(version: str) -> Json:
    """The description of the API, OpenAPI 3.1."""
    paths: Json = {}
    for path, route in ROUTES.items():
        body = {"required": True, "content": {"application/json": {"schema": _request_schema(route)}}}
        answers = {
            "200": {"description": "The answer", "content": {"application/json": {"schema": _answer_schema(route)}}},
            "400": {"description": "A field is missing or wrong"},
            "401": {"description": "The key is missing or wrong"},
        }
        operations: Json = {}
        for method in route.methods:
            operation: Json = {"summary": route.summary, "operationId": f"{method.lower()}{path.replace('/', '_')}"}
            if method == "POST":
                operation["requestBody"] = body
            else:
                properties = _request_schema(route)["properties"]
                operation["parameters"] = [
                    {"name": name, "in": "query", "required": name == "symbol", "schema": schema}
                    for name, schema in properties.items()
                ]
            operations[method.lower()] = {**operation, "responses": answers}
        paths[path] = operations
    failure = {
        "type": "object",
        "properties": {"success": {"type": "boolean", "const": False}, "error": {"type": "string"}},
        "required": ["success", "error"],
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Market bot", "version": version},
        "paths": paths,
        "components": {
            "schemas": {"Failure": failure},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}],
    }
