"""What may be chosen after @bot is typed in any chat: ready answers about one coin, or coins whose names begin so.

People type letter by letter, and each letter is a question. What is no whole coin yet is answered from the names that
are known here; a coin costs one question to one exchange, preferably to one that tells price, funding and open interest
in one answer. The first letters of all cost that exchange's list, which then holds the coin, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from answers import price
from answers.asked import EXAMPLES, placed
from answers.chart_address import Addresses
from answers.funding import until
from answers.price_report import PriceReport
from answers.typed import ALIASES, FILLERS, QUOTES
from asking.races import Outcome, Question, first_answers
from asking.symbol_lists import SYMBOLS_S
from exchanges.errors import BadResponse, MarketError, PartName, UnknownSymbol
from exchanges.exchange import Exchange
from exchanges.joined import named
from exchanges.symbols import NotASymbol, coin_symbol, in_quotes, multiplied, parse_symbol, split
from exchanges.words import Listing, Snapshot, Ticker, per_8h, per_year_pct
from market import Found, Market
from render.figures import circle, escape, format_coins, format_dollars, format_percent, format_price
from render.keyboards import (
    INTERVAL_BUTTONS,
    LABELS,
    NEIGHBOURS,
    Place,
    carried,
    choices,
    keyboard,
    that_fit,
)
from render.message import Answer, Article, Button, foot, short
from render.sentences import exchange_name

ANSWER_S = 2.5  # Telegram waits 30, people do not
NAMES_S = 2.0  # for the list of names that comes before it
MAX_MATCHES = 8
VIEWS = ("price", "funding", "oi", "chart")
INTERVAL = "1h"  # of a chart that is offered, where none is typed
SIGNS = "?!.,;:"  # behind a word


class Wanted(NamedTuple):
    """name: of a coin, or its beginning; "" for none. views: as they are named. place: interval and kind."""

    name: str
    views: Sequence[str] = ()
    place: Place = Place()


async def articles(market: Market, text: str, now_s: float, addresses: Addresses | None = None) -> list[Article]:
    """Of the coin that the text names last, the view that it names first; and coins whose names begin so.

    addresses: of pictures, where the server has a public one.
    """
    known = market.known_bases()
    if read(text, known).name:
        known = await _known(market)
    name, views, place = read(text, known)
    if (typed := _symbol(name)) and coin_symbol(typed)[1] != 1 and split(coin_symbol(typed)[0])[0] in known:
        name = short(await market.meant(typed))
    found = await _of_coin(market, name, place, known, now_s, addresses) if name else []
    found.sort(key=lambda item: item[0] not in views)
    matches = matching(name, known) if name else EXAMPLES
    is_there = {split(symbol)[0] for symbol in [_symbol(name)] if symbol} if found else set()
    offered = [each for _, each in found] + [_to_ask(market, base, now_s) for base in matches if base not in is_there]
    return [_at(each, place) for each in offered]


def read(text: str, known: frozenset[str]) -> Wanted:
    """What is wanted. One word alone is the beginning of a name, whatever else it means.

    Of several, those count that may name a coin: "how is btc doing 4h" is of BTC, "btc usd" of that pair.
    """
    words = [word.strip(SIGNS) or word for word in text.split()]
    views = [view for word in words if (view := _view(word))]
    if len(words) < 2:
        return Wanted("" if views == [each.lower() for each in words] else " ".join(words), views)
    rest, place = placed([word for word in words if not _view(word)])
    names = [word for word in rest if word.upper() in known or word.lower() not in (*FILLERS, *NEIGHBOURS)]
    if len(names) > 1 and names[-1].upper() in QUOTES and _symbol(pair := "-".join(names[-2:])):
        names[-2:] = [pair]
    others = names or ([] if views else words[-1:])
    coins = [word for word in others if _is_known(word, known) or matching(word, known)]
    return Wanted((coins or others or [""])[-1], views, place)


def _is_known(name: str, known: frozenset[str]) -> bool:
    """Whether it is the whole name of a coin that is listed."""
    return multiplied(split(_symbol(name))[0])[0] in known


def _at(article: Article, place: Place) -> Article:
    """Its buttons lead to the interval and the kind that were typed."""
    return article._replace(answer=article.answer._replace(keyboard=carried(article.answer.keyboard, place)))


def _view(word: str) -> str:
    """The view that a word names; "" for all others."""
    view = ALIASES.get(word.lower(), word.lower())
    return view if view in VIEWS else ""


def _symbol(name: str) -> str:
    """BASE-QUOTE; "" for what is no symbol."""
    try:
        return parse_symbol(name)
    except NotASymbol:
        return ""


def matching(name: str, known: frozenset[str]) -> list[str]:
    """Up to MAX_MATCHES known coins whose names begin so, the shortest first."""
    prefix = name.upper().lstrip("$#")
    return sorted((each for each in known if each.startswith(prefix)), key=lambda each: (len(each), each))[:MAX_MATCHES]


async def _known(market: Market) -> frozenset[str]:
    """Coins that are known to be listed: from lists that are kept, else from the first that comes, once an hour."""
    known = market.known_bases()
    perps = [] if known else quick_first(market.offering("perp"))  # with every letter that is typed
    if not perps:
        return known

    async def load() -> frozenset[str]:
        lists = Question(perps, (market.listing(each, "perp") for each in perps))
        (outcome,) = await first_answers(lists, timeout_s=NAMES_S)
        if outcome.found is None:
            raise outcome.errors[0]
        return frozenset(multiplied(split(symbol)[0])[0] for symbol in outcome.found)

    try:
        return await market.cached_load(("inline", "bases"), SYMBOLS_S, load())
    except MarketError:
        return frozenset()


def quick_first(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Those first that tell all of a perpetual in one small answer, otherwise as preferred."""

    def n_answers(exchange: Exchange) -> int:
        listed = f"BTC-{exchange.quotes['perp'][0]}"
        return len(exchange.perp(Listing("perp", listed, listed))) or 2  # a list is a long answer

    return sorted(exchanges, key=lambda each: n_answers(each) > 1)


async def _of_coin(
    market: Market, name: str, place: Place, known: frozenset[str], now_s: float, addresses: Addresses | None
) -> list[tuple[str, Article]]:
    """The views of a whole coin; none for what is only the beginning of a name, or when nobody answers."""
    symbol = _symbol(name)
    if not symbol or (not _is_known(name, known) and matching(name, known)):
        return []
    kind, found = await _found(market, symbol, place.kind)
    if found is None or found.snapshot.ticker is None:
        return []
    views = _views(symbol, kind, found, now_s)
    if addresses is not None and (
        picture := _picture(symbol, kind, place.interval or INTERVAL, found.snapshot.ticker, addresses, now_s)
    ):
        views.append(("chart", picture))
    return views


async def _found(market: Market, symbol: str, kind: str) -> tuple[str, Found | None]:
    """The perpetual, or the spot market of a coin that has none; the other way round where spot is asked for."""
    kinds = (("spot", _spot), ("perp", _perp)) if kind == "spot" else (("perp", _perp), ("spot", _spot))
    (first, of_first), (other, of_other) = kinds
    outcome = await of_first(market, symbol)
    if outcome.found is not None or not all(isinstance(error, UnknownSymbol) for error in outcome.errors):
        return first, outcome.found
    return other, (await of_other(market, symbol)).found


async def _perp(market: Market, symbol: str) -> Outcome[Found]:
    perps = quick_first(market.offering("perp"))
    for exchange in perps:
        kept = _kept(market, exchange, symbol)
        if kept is not None and kept.ticker is not None and kept.ticker.low is not None and kept.funding is not None:
            ticker = kept.ticker if kept.ticker.time_ms else kept.ticker._replace(time_ms=market.now_ms())
            return Outcome(Found(kept._replace(ticker=ticker), ticker.symbol, 1, {}), ())
    question = Question(perps, (market.perp_at(each, symbol, hurried=True) for each in perps))
    (outcome,) = await first_answers(question, timeout_s=ANSWER_S)
    return outcome


async def _spot(market: Market, symbol: str) -> Outcome[Found]:
    spots = market.offering("spot")
    question = Question(spots, (market.spot_at(each, symbol, hurried=True) for each in spots))
    (outcome,) = await first_answers(question, timeout_s=ANSWER_S)
    return outcome


def _kept(market: Market, exchange: Exchange, symbol: str) -> Snapshot | None:
    """The perpetual of that very name, as a list that is kept tells it; None where it tells two."""
    rows, listed = market.kept_list(exchange, "perp"), in_quotes(symbol, exchange.quotes["perp"])
    try:
        return named(rows, listed) if listed in rows else None
    except BadResponse:
        return None


def _views(symbol: str, kind: str, found: Found, now_s: float) -> list[tuple[str, Article]]:
    ticker = found.snapshot.ticker
    assert ticker is not None
    spot, perp = (ticker, None) if kind == "spot" else (None, found.snapshot)
    missing: dict[PartName, tuple[MarketError, ...]] = {what: (error,) for what, error in found.missing.items()}
    multipliers = {kind: found.multiplier} if found.multiplier != 1 else {}
    report = PriceReport(symbol, spot, perp, missing, {}, multipliers, 0.0)
    title = f"{short(symbol)} {format_price(ticker.last)}  {format_percent(ticker.change_pct)}"
    where = f"{exchange_name(ticker.exchange)} {kind}"
    article = Article(title, f"{where} · 24h {_range(ticker.low, ticker.high)}", price.card(report, now_s))
    return [("price", article), *(_of_perpetual(symbol, found.snapshot, now_s) if kind == "perp" else ())]


def _picture(
    symbol: str, kind: str, interval: str, ticker: Ticker, addresses: Addresses, now_s: float
) -> Article | None:
    """The chart, fetched from its address by Telegram once somebody has chosen it: nothing is drawn before."""
    spot = " spot" if kind == "spot" else ""
    url = addresses.of([short(symbol), interval, kind], now_s)
    if not url:
        return None
    name = short(symbol)
    line = f"{format_price(ticker.last)}  {circle(ticker.change_pct)} {format_percent(ticker.change_pct)} 24h"
    intervals = choices(((each, f"chart {name} {each}{spot}") for each in INTERVAL_BUTTONS), interval)
    others = that_fit(Button(LABELS[view], f"{view} {name}{spot}") for view in ("price", "analysis", "cvd"))
    answer = Answer(
        f"<b>{escape(name)} {kind}</b> {interval} chart",
        (line,),
        foot=foot(f"{exchange_name(ticker.exchange)} {kind}", ticker.time_ms, now_s),
        keyboard=keyboard(intervals, others),
        picture_url=url,
    )
    told = "Candles, volume, CVD" if spot else "Candles, volume, open interest, CVD"
    return Article(f"{name} chart {interval}", f"{told} as a picture", answer)


def _range(low: float | None, high: float | None) -> str:
    return "n/a" if low is None or high is None else f"{format_price(low)} to {format_price(high)}"


def _of_perpetual(symbol: str, perp: Snapshot, now_s: float) -> list[tuple[str, Article]]:
    """Funding and open interest, where they are told."""
    assert perp.ticker is not None
    base, exchange = split(symbol)[0], exchange_name(perp.ticker.exchange)
    source = foot(exchange, perp.ticker.time_ms, now_s)
    articles = []
    rate, year = per_8h(perp.funding), per_year_pct(perp.funding)
    if perp.funding is not None and rate is not None:
        headline = f"{base} funding {format_percent(rate * 100, 4)}/8h"
        due = "" if perp.funding.due_ms(now_s * 1000) is None else f" · next in {until(perp.funding, now_s)}"
        line = f"{format_percent(year, 1)} a year{due}"
        answer = Answer(f"<b>{escape(headline)}</b>", (escape(line),), (), source, _all_exchanges("funding", base))
        articles.append(("funding", Article(headline, f"{line} · {exchange}", answer)))
    interest = perp.open_interest
    if interest is not None and interest.open_interest_quote is not None:
        headline = f"{base} OI {format_dollars(interest.open_interest_quote)}"
        line = f"{format_coins(interest.open_interest, base)} at {exchange}"
        answer = Answer(f"<b>{escape(headline)}</b>", (escape(line),), (), source, _all_exchanges("oi", base))
        articles.append(("oi", Article(headline, line, answer)))
    return articles


def _all_exchanges(command: str, base: str) -> tuple[tuple[Button, ...], ...]:
    return (that_fit([Button("All exchanges", f"{command} {base}"), Button("Price", f"price {base}")]),)


def _to_ask(market: Market, base: str, now_s: float) -> Article:
    """A coin by its name, with its price where a list that is kept has it; its buttons ask for more."""
    buttons = (that_fit(Button(LABELS[view], f"{view} {base}") for view in VIEWS if view in LABELS),)
    for exchange in market.offering("perp"):
        kept = _kept(market, exchange, f"{base}-USDT")
        if kept is not None and kept.ticker is not None:
            figures = f"{format_price(kept.ticker.last)}  {format_percent(kept.ticker.change_pct)}"
            source = foot(f"{exchange_name(exchange.id)} perp", kept.ticker.time_ms or market.now_ms(), now_s)
            answer = Answer(f"<b>{escape(base)} {figures}</b> 24h", foot=source, keyboard=buttons)
            return Article(f"{base} {figures}", f"{exchange_name(exchange.id)} perp", answer)
    answer = Answer(f"<b>{escape(base)}</b>: what of it?", keyboard=buttons)
    return Article(base, "Choose it, and press a button", answer)
