"""The JSON API: the paths, fields and envelope of the market-data service that this bot replaces.

One table, ROUTES, says what can be asked; the OpenAPI description is made of it, and every answer is a
record of the market turned into those fields. What no exchange told is null. A failure of the market is
{"success": false, "error": "…"} with HTTP 200, as its clients expect; webhook_server.py does the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from accounts import Accounts, NoKeys
from answers import account, analysis, balance, cvd, oi, pnl, positions, price, profile, top10, volscan, volume
from answers.account import AllFailed, Partial
from answers.cvd import _CVD
from answers.oi import _CATEGORY, _OI
from answers.price import _QUARTER
from answers.profile import _WINDOW
from answers.volume import _SPIKE
from exchanges.errors import NoAnswer, NotListed
from exchanges.symbols import NotASymbol
from exchanges.table import ACCOUNTS, EXCHANGES
from exchanges.words import INTERVALS
from market import Market
from render import sentences
from render.fields import FUNDED, PERP, TICKER, Json


class BadRequest(ValueError):
    """A field of the request is missing or wrong. The text says which, and what it should be."""


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
        return {"success": False, "error": _plain(sentences.sorry(error, "answer about"))}
    except NoKeys as error:
        return {"success": False, "error": _plain(account.no_keys(error.variables).text)}
    except top10.NoSuchSort as error:
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


SYMBOL = {"symbol": Field("string")}


EXCHANGE = {"exchange": Field("string", is_optional=True, choices=tuple(EXCHANGES))}


TIMEFRAME = {"timeframe": Field("string", "15m", choices=tuple(INTERVALS))}


ACCOUNT = {"exchange": Field("string", "", choices=tuple(ACCOUNTS))}


ROUTES: dict[str, Route] = {
    "/price": Route(
        "Price of one market",
        {**SYMBOL, **EXCHANGE},
        price.route,
        {**TICKER, "timestamp": "string"},
    ),
    "/combined_price": Route(
        "Spot and perpetual side by side",
        {**SYMBOL, **EXCHANGE},
        price.combined_route,
        {
            "base_symbol": "string",
            "timestamp": "string",
            "spot": {"?": True, **TICKER, **_QUARTER},
            "perp": {"?": True, **PERP, **_QUARTER, "oi_change_24h": "number?", "oi_change_15m": "number?"},
            "spot_exchange": "string?",
            "perp_exchange": "string?",
        },
    ),
    "/top_symbols": Route(
        "Markets with the most volume",
        {"market_type": Field("string", "spot", choices=("spot", "perp")), "limit": Field("integer", 10), **EXCHANGE},
        top10.route,
        {"market_type": "string", "symbols": [{**TICKER, "market_cap": "number?", "+": FUNDED}]},
    ),
    "/volume_spike": Route(
        "Last closed candle's volume against normal", {**SYMBOL, **TIMEFRAME, **EXCHANGE}, volume.route, _SPIKE
    ),
    "/cvd": Route("What takers bought and sold", {**SYMBOL, **TIMEFRAME, **EXCHANGE}, cvd.route, _CVD),
    "/volume_scan": Route(
        "Volume spikes of the liquid perpetuals",
        {**TIMEFRAME, "min_spike": Field("number", 200), "symbols": Field("integer", 200), **EXCHANGE},
        volscan.route,
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
        analysis.route,
        {
            "symbol": "string",
            "timeframe": "string",
            "timestamp": "string",
            "price_data": {"spot": {"?": True, **TICKER}, "perp": {"?": True, **PERP}},
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
        oi.route,
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
        profile.route,
        {
            "symbol": "string",
            "current_price": "number?",
            **dict.fromkeys(profile.PROFILE_WINDOWS, _WINDOW),
        },
    ),
    "/balance": Route("What the accounts hold", ACCOUNT, balance.route, {"*": "number"}),
    "/positions": Route(
        "Open positions",
        ACCOUNT,
        positions.route,
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
        pnl.route,
        {"total_unrealized_pnl": "number?", "average_percentage": "number?", "position_count": "integer"},
    ),
}
"""By path. Requests, answers and the OpenAPI description follow from it."""


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
