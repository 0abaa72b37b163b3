"""The description of the JSON API, OpenAPI 3.1: made of its table of paths, and of what each field means."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, NotRequired, Union, get_args, get_origin, get_type_hints

from json_api import ALERT_ROUTES, CHART, CODES, ROUTES, Field, Route
from render.fields import Json

DESCRIPTION = """\
Figures straight from the exchanges. What no exchange told is null, never 0. Prices are in the quote of the symbol, \
amounts in coins unless the name ends in _usd; change_… and …_percentage are percent (1.5 is 1.5 %), a funding rate is \
a fraction per funding period (0.0001 is 0.01 %). Times are UTC. A market that has no answer is success: false with \
HTTP 200, and a code for programs beside the sentence for people. Browsers of other origins are not let in: no CORS \
header is sent, so ask from your server, and keep the key there.\
"""
MEANINGS: Mapping[str, tuple[str, object]] = {
    "symbol": (
        "BASE/QUOTE; of a perpetual with :SETTLEMENT behind it. Any usual spelling may be asked for",
        "BTC/USDT",
    ),
    "exchange": ("Id of the exchange that the figures are of", "binance"),
    "exchanges": ("How many exchanges, or the ids of those that answered", 8),
    "market_type": ("spot or perp", "perp"),
    "timestamp": ("When it was so, or when the candle closed; UTC", "2025-11-23T14:03:22Z"),
    "price": ("Last price, in quote", 65511.3),
    "current_price": ("Last price, in quote", 65511.3),
    "volume_24h": ("Turnover of 24 hours, in coins", 21504.2),
    "volume_24h_usd": ("Turnover of 24 hours, in dollars", 1408764000.0),
    "total_volume_24h": ("Turnover of 24 hours on all exchanges, in coins", 910000.0),
    "total_volume_24h_usd": ("Turnover of 24 hours on all exchanges, in dollars", 59600000000.0),
    "change_24h": ("Against 24 hours ago, in percent", -1.27),
    "base_symbol": ("The coin, or its market", "BTC"),
    "spot": ("The spot market; null where there is none", None),
    "perp": ("The perpetual; null where there is none", None),
    "spot_exchange": ("Id of the exchange that spot is of", "binance"),
    "perp_exchange": ("Id of the exchange that the perpetual is of", "binance"),
    "volume_15m": ("Of the last closed quarter of an hour, in coins", 84.2),
    "change_15m": ("Over the last closed quarter of an hour, in percent", 0.12),
    "delta_15m": ("Taker buys less taker sells over the last closed quarter of an hour, in coins", -3.1),
    "delta_24h": ("Taker buys less taker sells over 24 hours, in coins", 412.5),
    "atr_15m": ("Average true range of 14 quarters of an hour, in quote", 118.4),
    "atr_24h": ("Kept for old clients; always null", None),
    "open_interest": ("Contracts outstanding, one side, in coins", 73610.2),
    "open_interest_usd": ("Contracts outstanding, one side, in dollars", 4822000000.0),
    "funding_rate": (
        "A fraction per funding period; in exchange_breakdown per 8 hours, of markets that tell their open interest",
        0.0001,
    ),
    "funding_rate_change": ("Kept for old clients; always null", None),
    "oi_change_1h": ("Of open interest against an hour ago, in percent", 0.6),
    "oi_change_24h": ("Of open interest against 24 hours ago, in percent", -0.2),
    "oi_change_15m": ("Kept for old clients; always null", None),
    "limit": ("How many markets, 1 to 50; of extremes on either side", 10),
    "symbols": ("The markets, the most traded first; of a scan, how many of them are looked at", 200),
    "market_cap": ("Of all coins in circulation, in dollars", 1290000000000.0),
    "timeframe": ("Length of a candle; of /combined_price always 15m", "15m"),
    "current_volume": ("Of the last closed candle, in coins", 84.2),
    "average_volume": ("What is normal for it, in coins", 75.1),
    "spike_percentage": ("How far it is above normal, in percent", 12.1),
    "spike_level": ("In a word: LOW, NORMAL, MODERATE, HIGH, EXTREME", "NORMAL"),
    "volume_usd": ("Of the last closed candle, in dollars", 5516000.0),
    "is_significant": ("Whether it is far above normal", False),
    "relative_volume": ("Last closed candle's volume over what is normal; 1 is normal", 1.12),
    "current_cvd": ("Taker buys less taker sells, summed over the candles, in coins", 210.7),
    "cvd_change_24h": ("The same over 24 hours, in coins", 412.5),
    "cvd_trend": ("BULLISH, BEARISH or NEUTRAL", "BULLISH"),
    "price_trend": ("BULLISH, BEARISH or NEUTRAL", "NEUTRAL"),
    "divergence_detected": ("Whether price and CVD go apart", False),
    "min_spike": ("The least spike that is shown, in percent above normal", 200),
    "min_spike_threshold": ("The least spike that is shown, in percent above normal", 200.0),
    "spikes_found": ("How many there are", 2),
    "markets_scanned": ("How many markets were looked at", 200),
    "markets_failed": ("How many of them did not tell", 0),
    "rsi_14": ("Relative strength index of 14 candles, 0 to 100", 48.2),
    "vwap": ("Price weighted by volume, in quote", 65480.1),
    "atr_14": ("Average true range of 14 candles, in quote", 118.4),
    "volatility_24h": ("Standard deviation of the candles' returns over 24 hours, in percent per day", 2.4),
    "bb_upper": ("Upper Bollinger band (20, 2), in quote", 65900.0),
    "bb_middle": ("Mean of 20 closes, in quote", 65500.0),
    "bb_lower": ("Lower Bollinger band (20, 2), in quote", 65100.0),
    "score": ("Sum of the components, -7 to +9", 1),
    "components": ("The score's parts, in points; null where a figure is missing", {"RSI": 0}),
    "long_share": ("Share of accounts or positions that is long, 0 to 1, by whose", {"accounts": 0.52}),
    "total_markets": ("How many contracts", 21),
    "total_tokens": ("Contracts outstanding, in coins", 253400.0),
    "total_usd": ("Contracts outstanding, in dollars", 16600000000.0),
    "exchanges_count": ("How many exchanges told all they have", 8),
    "oi_tokens": ("Contracts outstanding, in coins", 88600.0),
    "oi_usd": ("Contracts outstanding, in dollars", 5810000000.0),
    "oi_percentage": ("Share of all, in percent", 34.9),
    "markets": ("How many contracts", 3),
    "type": ("What the contract is settled in: USDT, USDC, or USD for coin-margined", "USDT"),
    "percentage": ("Share of all, in percent; of a position, its profit in percent of the margin", 87.5),
    "successful_exchanges": ("How many told all they have", 8),
    "failed_exchanges": ("How many did not", 0),
    "validation_passed": ("Whether enough exchanges answered", True),
    "failed_details": ("Exchange and reason of each failure", ["okx: did not answer in time"]),
    "poc": ("Price with the most volume, or time, in quote, at the market's tick", 65510.0),
    "vah": ("Upper edge of the value area (70 %), in quote, at the market's tick", 66020.0),
    "val": ("Lower edge of the value area (70 %), in quote, at the market's tick", 65080.0),
    "candles": ("How many candles were counted", 288),
    "period": ("Which candles, since when", "5m candles since 2025-11-23T00:00:00Z"),
    "side": ("long or short", "long"),
    "size": ("In coins", 0.25),
    "notional": ("In dollars", 16377.8),
    "entry_price": ("In quote", 64100.0),
    "mark_price": ("In quote", 65511.3),
    "unrealized_pnl": ("In dollars", 352.8),
    "total_unrealized_pnl": ("Of all open positions, in dollars", 352.8),
    "average_percentage": ("Of all margin, in percent", 21.5),
    "position_count": ("How many open positions", 1),
    "window": ("How far back, from a full quarter of an hour on", "24h"),
    "since": ("From when on all of it is told; UTC", "2025-11-22T14:00:00Z"),
    "longs_usd": ("Longs that were closed by force, in dollars; null where sides are not told", 41200000.0),
    "shorts_usd": ("Shorts that were closed by force, in dollars; null where sides are not told", 18400000.0),
    "liquidated_usd": ("Both sides together, in dollars, those without a side too", 60100000.0),
    "is_partial": ("Whether an exchange that tells its own is missing, or does not reach back so far", False),
    "is_estimate": ("Whether side, unit or price are not told, or not documented", False),
    "amount_tokens": ("In coins", 19.04),
    "amount_usd": ("In dollars", 1247000.0),
    "streamed": ("Exchanges that publish it by stream only, which is not listened to", ["binance", "bybit"]),
    "untold": ("Exchanges that tell nothing of it", ["coinbase"]),
    "unlisted": ("Exchanges that list no such market", ["deribit"]),
    "gap_bps": (
        "From the best ask to the best bid of another exchange, in basis points of their middle, before fees",
        3.2,
    ),
    "buy_exchange": ("Id of the exchange that asks least", "okx"),
    "buy_price": ("What it asks, in its quote", 65510.1),
    "sell_exchange": ("Id of the exchange that bids most", "kraken"),
    "sell_price": ("What it bids, in its quote", 65531.0),
    "is_one_currency": ("Whether both quote the same dollar; else the two dollars' difference is in the gap", True),
    "quote_currency": ("What the exchange quotes in: USDT, USDC or USD", "USDT"),
    "bid": ("Best bid, in quote", 65511.2),
    "ask": ("Best ask, in quote", 65511.3),
    "mid_price": ("Between bid and ask; the last price where they are not told; in quote", 65511.25),
    "deviation_bps": ("From the median of all mid prices, in basis points", -0.4),
    "spread_bps": ("From the exchange's own bid to its ask, in basis points", 0.02),
    "other_coins": ("Exchanges where the name is another coin's, by its price", ["gate"]),
    "outdated": ("Exchanges whose market was last heard of over 15 minutes ago; not compared", ["okx"]),
    "funding_8h": (
        "A fraction per 8 hours; of several contracts weighted by open interest, of those that tell it; see missing",
        0.000157,
    ),
    "funding_year_percentage": ("The same for a year, in percent", 17.2),
    "funding_interval_hours": ("The contract's own funding period, in hours", 8),
    "next_funding": (
        "When it is paid next; UTC; null where it is paid all the time, or not told",
        "2025-11-23T16:00:00Z",
    ),
    "paid_7d": ("Sum of what longs paid shorts over 7 days, a fraction of the position", 0.0031),
    "paid_30d": ("The same over 30 days", 0.0124),
    "whose": ("accounts, top accounts or top positions", "accounts"),
    "share_long": ("Share of them that is long, 0 to 1", 0.52),
    "share_long_24h_ago": ("The same 24 hours before", 0.54),
    "long_short_ratio": ("Long over short; null where nobody is short", 1.08),
    "alerts": ("Those that are armed or paused", None),
    "id": ("Name of an alert", "k8jd939t"),
    "status": ("armed, paused or done", "armed"),
    "condition": ("What is typed after /alert; in answers, in words", "BTC > 70000"),
    "kind": ("spot or perp; empty where one's own positions are meant", "perp"),
    "n_fired": ("How often it rang", 0),
    "rests": ("Why nobody is told of it now; null where somebody is", None),
    "ends_ms": ("When it ends by itself, milliseconds since 1970", 1771372800000),
    "chat_id": ("The chat that is told; the owner's where none is said", 123456789),
    "deleted": ("Whether there was one", True),
    "missing": ("Who did not tell, and why", ["Okx did not answer in time"]),
    "error": ("A sentence for people", "Not listed on any of 9 exchanges: BTV. Did you mean BTC?"),
    "code": (f"A word for programs: {', '.join(CODES)}", "not_listed"),
    "suggestions": ("Symbols that may have been meant", ["BTC"]),
}
"""What each field means, with its unit, and an example. The examples' figures are made up."""
_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schema_of(told: Any) -> Json:
    """The JSON Schema of a type: a TypedDict, str, int, float, bool, list, dict, X | None, NotRequired."""
    if told in _NAMES:
        return {"type": _NAMES[told]}
    of, inner = get_origin(told), get_args(told)
    if of is list:
        return {"type": "array", "items": schema_of(inner[0])}
    if of is dict:
        return {"type": "object", "additionalProperties": schema_of(inner[1])}
    if of in (Union, UnionType):
        (known,) = (each for each in inner if each is not type(None))
        schema = schema_of(known)
        return {**schema, "type": [schema["type"], "null"]}
    if of is NotRequired:
        return schema_of(inner[0])
    hints = get_type_hints(told, include_extras=True)
    required = [name for name, each in hints.items() if get_origin(each) is not NotRequired]
    return {
        "type": "object",
        "properties": {name: _described(name, schema_of(each)) for name, each in hints.items()},
        "required": required,
    }


def _described(name: str, schema: Json) -> Json:
    return {**schema, "description": MEANINGS[name][0]} if name in MEANINGS else schema


def example_of(schema: Json, name: str = "") -> Any:
    """What such a value looks like."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "object" in kinds and "properties" in schema:
        return {each: example_of(inner, each) for each, inner in schema["properties"].items()}
    if "array" in kinds and "properties" in schema["items"]:
        return [example_of(schema["items"])]
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("default", schema.get("enum", [""])[0]))
    example = MEANINGS.get(name, ("", None))[1]
    if "array" in kinds and not isinstance(example, list):
        return ["binance"]
    return {"BTC": 0.25, "USDT": 1200.0} if example is None and "null" not in kinds else example


def _request_schema(known: Mapping[str, Field]) -> Json:
    properties: Json = {}
    for name, field in known.items():
        properties[name] = _described(name, {"type": field.kind})
        if field.choices:
            properties[name]["enum"] = [*field.choices]
        if field.default not in (None, ""):
            properties[name]["default"] = field.default
    required = [name for name, field in known.items() if field.default is None and not field.is_optional]
    schema: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _answer_schema(route: Route) -> Json:
    told = schema_of(route.told)
    success = {"success": {"type": "boolean", "const": True}}
    if route.is_flat:
        return {**told, "properties": {**success, **told["properties"]}, "required": ["success", *told["required"]]}
    whole: Json = {"type": "object", "properties": {**success, "data": told}, "required": ["success", "data"]}
    if route.is_account:
        of_account = {"exchanges": list[str], "timestamp": str, "missing": list[str]}
        whole["properties"] |= {name: _described(name, schema_of(each)) for name, each in of_account.items()}
        whole["required"] += ["exchanges", "timestamp"]
    return whole


def _answers(route: Route) -> Json:
    whole = _answer_schema(route)
    content = {
        "schema": {"oneOf": [whole, {"$ref": "#/components/schemas/Failure"}]},
        "examples": {
            "success": {"value": example_of(whole)},
            "failure": {"value": example_of(FAILURE)},
        },
    }
    return {"200": {"description": "The answer, or why there is none", "content": {"application/json": content}}}


def _refusals(**more: str) -> Json:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    told = {"400": "A field is missing, wrong or not known", "401": "The key is missing or wrong", **more}
    return {status: {"description": text, "content": content} for status, text in told.items()}


def _query_parameters(known: Mapping[str, Field]) -> list[Json]:
    properties = _request_schema(known)["properties"]
    return [
        {"name": name, "in": "query", "required": name == "symbol", "schema": schema}
        for name, schema in properties.items()
    ]


def _chart_operation() -> Json:
    answers: Json = {
        "200": {"description": "The picture", "content": {"image/png": {}}},
        "304": {"description": "The picture is the one whose ETag was given"},
        **_refusals(**{"404": "No exchange lists it", "503": "No exchange answers"}),
    }
    return {
        "summary": "A market, or several, as a picture",
        "description": "GET /chart.png?symbol=BTC&timeframe=1h; several symbols, commas between them, are compared.",
        "operationId": "get_chart",
        "parameters": _query_parameters(CHART),
        "responses": answers,
    }


def _operation(path: str, route: Route, method: str) -> Json:
    operation: Json = {
        "summary": route.summary,
        "operationId": f"{method.lower()}{path.replace('/', '_')}",
        "responses": _answers(route) | _refusals(),
    }
    if route.described:
        operation["description"] = route.described
    if method != "POST":
        return operation | {"parameters": _query_parameters(route.fields)}
    content = {"schema": _request_schema(route.fields), "example": _request_example(route)}
    return operation | {"requestBody": {"required": True, "content": {"application/json": content}}}


def _request_example(route: Route) -> Json:
    """The fields that have to be there, and those with a usual value."""
    return {
        name: MEANINGS[name][1] if field.default in (None, "") else field.default
        for name, field in route.fields.items()
        if not field.is_optional and field.default != ""
    }


def _object_of(**properties: Json) -> Json:
    described = {name: _described(name, schema) for name, schema in properties.items()}
    return {"type": "object", "properties": described}


_STRING: Json = {"type": "string"}
FAILURE: Json = {
    **_object_of(
        success={"type": "boolean", "const": False},
        error=_STRING,
        code=_STRING,
        suggestions={"type": "array", "items": _STRING},
    ),
    "required": ["success", "error", "code"],
}
REFUSAL: Json = {
    **_object_of(error=_STRING, code=_STRING, allowed={"type": "array", "items": _STRING}),
    "required": ["error", "code"],
}


def openapi(version: str) -> Json:
    """The description of the API, OpenAPI 3.1."""
    paths: Json = {}
    for path, route in (ROUTES | ALERT_ROUTES).items():
        paths[path] = {method.lower(): _operation(path, route, method) for method in route.methods}
    paths["/chart.png"] = {"get": _chart_operation()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Market bot", "version": version, "description": DESCRIPTION},
        "servers": [{"url": "/", "description": "The host that serves this file"}],
        "paths": paths,
        "components": {
            "schemas": {"Failure": FAILURE, "Refusal": REFUSAL},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}],
    }
