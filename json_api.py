"""The JSON API: the paths, fields and envelope of the market-data service that this bot replaces.

One table, ROUTES, says what can be asked; the description (openapi.py) is made of it, and every answer is a
record of the market turned into those fields. What no exchange told is null. A failure of the market is
{"success": false, "error": "…", "code": "…"} with HTTP 200, as its clients expect; api_door.py does the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from answers import (
    account,
    alert,
    alerts_api,
    analysis,
    balance,
    chart,
    combined_price,
    cvd,
    funding,
    liq,
    ls,
    oi,
    pnl,
    positions,
    price,
    price_report,
    profile,
    spread,
    top10,
    volscan,
    volume,
)
from answers.asked import CHARTS_OF_ACCOUNTS, Misread, OfMarket, Tools, by_coins
from exchanges.errors import NoAnswer, NoKeys, NotListed
from exchanges.symbols import NotASymbol, parse_symbol, split
from exchanges.table import ACCOUNTS, EXCHANGES
from exchanges.words import INTERVALS
from render import sentences
from render.fields import Json, iso

CODES = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "too_large": 413,
    "too_many": 429,
    "failed": 500,
    "busy": 503,
    "bad_symbol": 200,
    "misread": 200,
    "not_listed": 200,
    "no_answer": 200,
    "no_keys": 200,
    "accounts_failed": 200,
    "too_slow": 200,
}
"""What an error is, in a word for programs, and the HTTP status that it comes with."""
MAX_EXTREMES = 50  # on either side
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
    be partial, and says then who is missing. described: what the summary cannot say.
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
    described: str = ""


async def answer(route: Route, tools: Tools, request: object) -> Json:
    """The envelope. Raises BadRequest."""
    fields = read_fields(route, request)
    exchange = fields.get("exchange")
    if exchange in EXCHANGES and not route.is_account:
        tools = tools._replace(market=tools.market.of_exchange(exchange))
    for name in fields.keys() & ("symbol", "base_symbol"):
        tools, (fields[name],) = await by_coins(tools, [fields[name]])
    try:
        record = await route.ask(tools, route.read(fields))
        missing = account.missing_in(record.parts) if route.is_account else []
    except NotListed as error:
        return failure("not_listed", sentences.sorry(error)) | {"suggestions": [*error.suggestions]}
    except NoAnswer as error:
        return failure("no_answer", sentences.sorry(error, "answer about"))
    except NotASymbol as error:
        return failure("bad_symbol", sentences.sorry(error))
    except Misread as error:
        return failure("misread", str(error))
    except NoKeys as error:
        return failure("no_keys", sentences.no_keys(error.variables))
    except account.AllFailed as error:
        return failure("accounts_failed", str(error))
    told = route.to_json(record)
    if route.is_account:
        answered = [part.exchange for part in record.parts if part.found is not None]
        of = {"exchanges": answered, "timestamp": iso(tools.clock() * 1000)}
        return {"success": True, "data": told, **of, **({"missing": missing} if missing else {})}
    return {"success": True, **told} if route.is_flat else {"success": True, "data": told}


def failure(code: str, sentence: str) -> Json:
    """A failure of the market, which comes with HTTP 200. sentence: Telegram HTML."""
    return {"success": False, "error": _plain(sentence), "code": code}


def refusal(status: int, sentence: str, allowed: Sequence[str] = ()) -> Json:
    """The body of a refusal, which has an HTTP status of its own. allowed: methods that the path takes."""
    code = next((code for code, its in CODES.items() if its == status), "failed")
    return {"error": sentence, "code": code} | ({"allowed": [*allowed]} if allowed else {})


def read_fields(route: Route, request: object) -> Json:
    """The request's fields, checked, with defaults for those that are absent. Raises BadRequest."""
    return _read(route.fields, request)


def _read(known: Mapping[str, Field], request: object) -> Json:
    if not isinstance(request, dict):
        raise BadRequest("the body should be a JSON object")
    if unknown := [str(name) for name in request if name not in known]:
        raise BadRequest(f"{unknown[0][:24]} is not known; known are {', '.join(known) or 'no fields'}")
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


async def _price(tools: Tools, symbol: str) -> price_report.PriceReport:
    return await price_report.report_of(tools.market, symbol)


def _sorting(fields: Json) -> top10.Sorting:
    return top10.Sorting(fields["market_type"], "volume", max(1, min(fields["limit"], top10.MAX_LIMIT)))


def _scanning(fields: Json) -> volscan.Scanning:
    n = max(1, min(fields["symbols"], volscan.MAX_SCANNED))
    return volscan.Scanning(float(fields["min_spike"]), fields["timeframe"], n)


def _base(fields: Json) -> str:
    return split(parse_symbol(fields["base_symbol"]))[0]


def _of_liquidations(fields: Json) -> liq.Asked:
    return liq.Asked(_base(fields), fields["window"])


def _of_spread(fields: Json) -> spread.Asked:
    symbol, kind = parse_symbol(fields["symbol"]), fields["market_type"]
    return spread.Asked(symbol, (kind,)) if kind else spread.Asked(symbol)


async def _extremes(tools: Tools, n: int) -> funding.FundingExtremes:
    return await funding.ask_extremes(tools.market, n)


def _n_extremes(fields: Json) -> int:
    return int(max(1, min(fields["limit"], MAX_EXTREMES)))


def _of_alerts(fields: Json) -> alerts_api.Asked:
    return alerts_api.Asked(fields.get("chat_id"), fields.get("condition", ""), fields.get("id", ""))


ROUTES: dict[str, Route] = {
    "/price": Route("Price of one market", {**SYMBOL, **EXCHANGE}, _symbol, _price, price.fields, price.Fields),
    "/combined_price": Route(
        "Spot and perpetual side by side",
        {**SYMBOL, "timeframe": Field("string", "15m", choices=("15m",)), **EXCHANGE},
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
    "/liq": Route(
        "Liquidations on all exchanges that tell theirs",
        {"base_symbol": Field("string", "BTC"), "window": Field("string", "24h", choices=tuple(liq.WINDOWS))},
        _of_liquidations,
        liq.ask,
        liq.fields,
        liq.Fields,
        described="A part of the market: those in streamed publish theirs by stream only, those in untold not at all. "
        "Kraken tells neither sides nor prices; of Bitget's, unit and side are not documented: both have is_estimate.",
    ),
    "/spread": Route(
        "One coin's bid and ask on all exchanges, and the widest gap",
        {**SYMBOL, "market_type": Field("string", is_optional=True, choices=("spot", "perp"))},
        _of_spread,
        spread.ask,
        spread.fields,
        spread.Fields,
        described="Without market_type the spot markets, or the perpetuals of a coin that has none. Another coin of "
        "the same name is in other_coins, a market not heard of lately in outdated: neither is compared.",
    ),
    "/funding": Route(
        "Funding of a coin's perpetuals on all exchanges, and what was paid",
        {"base_symbol": Field("string", "BTC")},
        _base,
        funding.of_coin,
        funding.fields,
        funding.Fields,
    ),
    "/funding_extremes": Route(
        "The perpetuals with the highest and the lowest funding",
        {"limit": Field("integer", 7), **EXCHANGE},
        _n_extremes,
        _extremes,
        funding.extremes_fields,
        funding.ExtremesFields,
    ),
    "/ls": Route("Longs and shorts, top traders", {**SYMBOL, **EXCHANGE}, _symbol, ls.ask, ls.fields, ls.Fields),
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

CHAT = {"chat_id": Field("integer", is_optional=True)}
ALERT_ROUTES: dict[str, Route] = {
    "/alerts/list": Route("Alerts of a chat", CHAT, _of_alerts, alerts_api.ask_list, dict, alerts_api.Listed),
    "/alerts/create": Route(
        "Set an alert, as it is typed after /alert",
        {"condition": Field("string"), **CHAT},
        _of_alerts,
        alerts_api.ask_create,
        dict,
        alert.Fields,
    ),
    "/alerts/delete": Route(
        "Delete an alert", {"id": Field("string")}, _of_alerts, alerts_api.ask_delete, dict, alerts_api.Deleted
    ),
}
"""The same for what is remembered; whoever has the key acts for the owner."""

CHART: dict[str, Field] = {
    "symbol": Field("string"),
    "what": Field("string", "candles", choices=tuple(each for each in chart.VIEWS if each not in CHARTS_OF_ACCOUNTS)),
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
