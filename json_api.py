"""The JSON API: the paths, fields and envelope of the market-data service that this bot replaces.

One table, ROUTES, says what can be asked; the OpenAPI description is made of it, and every answer is a
record of the market turned into those fields. What no exchange told is null. A failure of the market is
{"success": false, "error": "…"} with HTTP 200, as its clients expect; webhook_server.py does the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import UnionType
from typing import Any, NamedTuple, NotRequired, Union, get_args, get_origin, get_type_hints

from accounts import NoKeys
from answers import (
    account,
    analysis,
    balance,
    chart,
    combined_price,
    cvd,
    oi,
    pnl,
    positions,
    price,
    profile,
    top10,
    volscan,
    volume,
)
from answers.asked import OfMarket, Tools
from exchanges.errors import NoAnswer, NotListed
from exchanges.symbols import NotASymbol, parse_symbol, split
from exchanges.table import ACCOUNTS, EXCHANGES
from exchanges.words import INTERVALS
from render import sentences
from render.fields import Json

MAX_CHARTED = 16  # symbols that are looked at; more than are compared


class BadRequest(ValueError):
    """A field of the request is missing or wrong. The text says which, and what it should be."""


class Field(NamedTuple):
    """A field of a request. default None: it has to be there, unless it is optional."""

    kind: str  # string, number or integer
    default: object = None
    is_optional: bool = False
    choices: tuple[str, ...] = ()


class Route(NamedTuple):
    """A path. read: the checked fields become what `ask` takes; what it gives becomes JSON by `fields`.

    told: the type of that JSON, which the description is made of. is_flat: without "data". is_account: the answer may
    be partial, and says then who is missing.
    """

    summary: str
    fields: Mapping[str, Field]
    read: Callable[[Json], Any]
    ask: Callable[[Tools, Any], Awaitable[Any]]
    to_json: Callable[[Any], Any]
    told: Any
    methods: tuple[str, ...] = ("POST",)
    is_flat: bool = False
    is_account: bool = False


async def answer(route: Route, tools: Tools, request: object) -> Json:
    """The envelope. Raises BadRequest."""
    fields = read_fields(route, request)
    exchange = fields.get("exchange")
    if exchange in EXCHANGES and not route.is_account:
        tools = tools._replace(market=tools.market.of_exchange(exchange))
    try:
        record = await route.ask(tools, route.read(fields))
        missing = account.missing_in(record.parts) if route.is_account else []
    except (NotListed, NoAnswer, NotASymbol) as error:
        return {"success": False, "error": _plain(sentences.sorry(error, "answer about"))}
    except NoKeys as error:
        return {"success": False, "error": _plain(sentences.no_keys(error.variables))}
    except account.AllFailed as error:
        return {"success": False, "error": str(error)}
    told = route.to_json(record)
    if missing:
        return {"success": True, "data": told, "missing": missing}
    return {"success": True, **told} if route.is_flat else {"success": True, "data": told}


def read_fields(route: Route, request: object) -> Json:
    """The request's fields, checked, with defaults for those that are absent. Raises BadRequest."""
    return _read(route.fields, request)


def _read(known: Mapping[str, Field], request: object) -> Json:
    if not isinstance(request, dict):
        raise BadRequest("the body should be a JSON object")
    fields: Json = {}
    for name, field in known.items():
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


OF_MARKET = {**SYMBOL, **TIMEFRAME, **EXCHANGE}


def _symbol(fields: Json) -> str:
    return parse_symbol(fields["symbol"])


def _of_market(fields: Json) -> OfMarket:
    return OfMarket(parse_symbol(fields["symbol"]), fields["timeframe"])


def _exchange(fields: Json) -> str:
    return str(fields["exchange"])


async def _price(tools: Tools, symbol: str) -> price.PriceReport:
    return await price.report_of(tools.market, symbol)


def _sorting(fields: Json) -> top10.Sorting:
    return top10.Sorting(fields["market_type"], "volume", max(1, min(fields["limit"], top10.MAX_LIMIT)))


def _scanning(fields: Json) -> volscan.Scanning:
    n = max(1, min(fields["symbols"], volscan.MAX_SCANNED))
    return volscan.Scanning(float(fields["min_spike"]), fields["timeframe"], n)


def _base(fields: Json) -> str:
    return split(parse_symbol(fields["base_symbol"]))[0]


ROUTES: dict[str, Route] = {
    "/price": Route("Price of one market", {**SYMBOL, **EXCHANGE}, _symbol, _price, price.fields, price.Fields),
    "/combined_price": Route(
        "Spot and perpetual side by side",
        {**SYMBOL, **EXCHANGE},
        _symbol,
        combined_price.ask,
        combined_price.fields,
        combined_price.Fields,
    ),
    "/top_symbols": Route(
        "Markets with the most volume",
        {"market_type": Field("string", "spot", choices=("spot", "perp")), "limit": Field("integer", 10), **EXCHANGE},
        _sorting,
        top10.ask,
        top10.fields,
        top10.Fields,
    ),
    "/volume_spike": Route(
        "Last closed candle's volume against normal", OF_MARKET, _of_market, volume.ask, volume.fields, volume.Fields
    ),
    "/cvd": Route("What takers bought and sold", OF_MARKET, _of_market, cvd.ask, cvd.fields, cvd.Fields),
    "/volume_scan": Route(
        "Volume spikes of the liquid perpetuals",
        {**TIMEFRAME, "min_spike": Field("number", 200), "symbols": Field("integer", 200), **EXCHANGE},
        _scanning,
        volscan.ask,
        volscan.fields,
        volscan.Fields,
    ),
    "/comprehensive_analysis": Route(
        "Everything about one market",
        OF_MARKET,
        _of_market,
        analysis.ask,
        analysis.fields,
        analysis.Fields,
        methods=("GET", "POST"),
    ),
    "/multi_oi": Route(
        "Open interest on all exchanges",
        {"base_symbol": Field("string", "BTC")},
        _base,
        oi.ask,
        oi.fields,
        oi.Fields,
        is_flat=True,
    ),
    "/market_profile": Route(
        "Volume and time by price",
        {"symbol": Field("string", "BTC"), **EXCHANGE},
        _symbol,
        profile.ask_all,
        profile.fields,
        profile.Fields,
    ),
    "/balance": Route(
        "What the accounts hold", ACCOUNT, _exchange, balance.ask, balance.fields, balance.Fields, is_account=True
    ),
    "/positions": Route(
        "Open positions", ACCOUNT, _exchange, positions.ask, positions.fields, positions.Fields, is_account=True
    ),
    "/pnl": Route(
        "Profit and loss of the open positions",
        ACCOUNT,
        _exchange,
        positions.ask,
        pnl.fields,
        pnl.Fields,
        is_account=True,
    ),
}
"""By path. Requests, answers and the OpenAPI description follow from it."""

_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean"}

CHART: dict[str, Field] = {
    "symbol": Field("string"),
    "what": Field("string", "candles", choices=tuple(each for each in chart.VIEWS if each not in chart.OF_ACCOUNTS)),
    "timeframe": Field("string", is_optional=True, choices=(*INTERVALS, *profile.PROFILE_WINDOWS)),
    "market": Field("string", is_optional=True, choices=("perp", "spot")),
}
"""What /chart.png takes, which is no JSON. symbol: several, with commas between them, are compared."""


def chart_words(request: object) -> list[str]:
    """The request as it would be typed after /chart. Raises BadRequest."""
    fields = _read(CHART, request)
    symbols = [each.strip() for each in str(fields["symbol"]).split(",") if each.strip()]
    if not symbols:
        raise BadRequest("symbol is missing")
    what = "compare" if fields["what"] == "candles" and len(symbols) > 1 else fields["what"]
    return [what, *symbols[:MAX_CHARTED], *(each for each in (fields["timeframe"], fields["market"]) if each)]


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
        "properties": {name: schema_of(each) for name, each in hints.items()},
        "required": required,
    }


def _request_schema(known: Mapping[str, Field]) -> Json:
    properties: Json = {}
    for name, field in known.items():
        properties[name] = {"type": field.kind}
        if field.choices:
            properties[name]["enum"] = [*field.choices]
        if field.default not in (None, ""):
            properties[name]["default"] = field.default
    required = [name for name, field in known.items() if field.default is None and not field.is_optional]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _answer_schema(route: Route) -> Json:
    told = schema_of(route.told)
    success = {"success": {"type": "boolean", "const": True}}
    if route.is_flat:
        whole = {**told, "properties": {**success, **told["properties"]}, "required": ["success", *told["required"]]}
    else:
        whole = {"type": "object", "properties": {**success, "data": told}, "required": ["success", "data"]}
        if route.is_account:
            whole["properties"]["missing"] = {"type": "array", "items": {"type": "string"}}
    return {"oneOf": [whole, {"$ref": "#/components/schemas/Failure"}]}


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
        "400": {"description": "A field is missing or wrong"},
        "401": {"description": "The key is missing or wrong"},
        "404": {"description": "No exchange lists it"},
        "503": {"description": "No exchange answers"},
    }
    summary = "A market, or several, as a picture"
    parameters = _query_parameters(CHART)
    return {"summary": summary, "operationId": "get_chart", "parameters": parameters, "responses": answers}


def openapi(version: str) -> Json:
    """The description of the API, OpenAPI 3.1."""
    paths: Json = {}
    for path, route in ROUTES.items():
        body = {"required": True, "content": {"application/json": {"schema": _request_schema(route.fields)}}}
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
                operation["parameters"] = _query_parameters(route.fields)
            operations[method.lower()] = {**operation, "responses": answers}
        paths[path] = operations
    paths["/chart.png"] = {"get": _chart_operation()}
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
