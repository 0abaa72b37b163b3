"""/alert: tells when something happens, also when nobody asks.

What was typed becomes a rule (conditions.py) that belongs to one market at one exchange: the one that /price would
choose, unless another is named. Buttons are command lines: `alert pause ID`, `alert again ID 1`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, TypedDict

from answers.asked import ANY_KIND, Misread, Tools, WhichSymbol
from answers.conditions import (
    COINS_LIKE_WORDS,
    KIND_WORDS,
    MEASURE_WORDS,
    AskBack,
    Misunderstood,
    Typed,
    read_condition,
)
from answers.gaps import gap_at
from answers.hearing import why_it_rests
from answers.judging import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Rule,
    State,
    candle_figure,
    is_beyond,
    load_rule,
    load_state,
    margin_of,
    settle,
)
from answers.liq import liquidated
from answers.rule_words import format_level, in_words
from answers.spread import format_bps
from asking.races import Question
from exchanges.errors import NotSupported, Reason
from exchanges.exchange import Exchange
from exchanges.symbols import parse_symbol, split
from exchanges.table import EXCHANGES
from exchanges.words import Snapshot, per_8h
from market import Market
from render.figures import escape, format_coins, format_dollars, format_percent, format_price
from render.keyboards import keyboard, that_fit
from render.message import Answer, Button, Keyboard, pre, short
from render.sentences import exchange_name
from store.words import ARMED, DONE, PAUSED, Alert, Limits, StoreError, new_id

ABOUT = "alert on"
PERP_ONLY = ("funding", "oi", "basis", "liquidations")
OFFERED = (1.0, 3.0, 5.0, 10.0)  # percent, as buttons
OTHERS = (("±3% in 1h", "3% 1h"), ("vol 4×", "vol 300% 15m"), ("every 4h", "every 4h"))
GAP = ("gap > 20bp", "spread > 20bp")
OTHERS_OF_PERPS = (("OI ±5% in 1h", "oi 5% 1h"), ("fund > 0.05%", "funding > 0.05"))
FIGURE_CANDLES = 120
ACTIONS = ("pause", "resume", "delete", "again")
AGAIN_PCT = 1.0

ALL = (Button("🔔 All alerts", "alerts"),)


class Wish(NamedTuple):
    """What to do: "set" a condition, offer "levels" of a symbol, or one of ACTIONS with an alert."""

    action: str
    text: str = ""
    alert_id: str = ""
    argument: str = ""


class Told(NamedTuple):
    """An alert as it stands. figure: of its measure, now; price: of its market; either None when not told.

    choices: conditions to choose from, when what was typed has several meanings; question: then asks which.
    """

    action: str
    alert: Alert | None = None
    rule: Rule | None = None
    figure: float | None = None
    price: float | None = None
    symbol: str = ""
    question: str = ""
    choices: Sequence[str] = ()


def command(words: list[str]) -> Wish:
    """Raises Misread."""
    if not words:
        raise WhichSymbol("alert", "/alert BTC > 70000, or /alert ETH -3% 15m")
    if words[0].lower() in ACTIONS and len(words) in (2, 3):
        return Wish(words[0].lower(), "", words[1].lower(), words[2] if len(words) == 3 else "")
    of, _ = _place_in(words)
    is_coin = len(of) == 1 and _is_name(of[0].lower()) and not set(of[0]) & set("<>=%")  # but BTC>70k
    return Wish("levels" if is_coin else "set", " ".join(words))


def _is_name(word: str) -> bool:
    return word not in MEASURE_WORDS or word in COINS_LIKE_WORDS


def _place_in(words: Sequence[str]) -> tuple[list[str], Rule]:
    """The words that name no place, and a rule of the place that the others name."""
    rest, place = [], Rule("price")
    for word in words:
        plain = word.lower()
        if plain in EXCHANGES:
            place = replace(place, exchange=plain)
        elif plain in KIND_WORDS:
            place = replace(place, kind=KIND_WORDS[plain])
        else:
            rest.append(word)
    return rest, place


async def ask(tools: Tools, wish: Wish) -> Told:
    """Raises Misread, NotASymbol, NotListed, NoAnswer."""
    try:
        if wish.action == "levels":
            return await _levels(tools, wish.text)
        if wish.action == "set":
            return await _set(tools, tools.who.text or wish.text)
        return await _changed(tools, wish)
    except StoreError as error:
        raise Misread(error.sentence) from error


# Setting one.


async def _levels(tools: Tools, text: str) -> Told:
    """The price now, to choose a level around it, or something else, from."""
    (word,), place = _place_in(text.split())
    market = tools.market.of_exchange(place.exchange) if place.exchange else tools.market
    market, symbol = await _meant(market, word)
    rule = replace(place, symbol=symbol)
    rule, _, price = await _first(market, rule, (rule.kind,) if rule.kind else ANY_KIND)
    if price is None:
        raise Misread(f"No price of {short(rule.symbol)} just now. Please try again in a minute.")
    told = replace(rule, exchange=place.exchange)  # the exchange is said again only where it was said
    return Told("levels", rule=told, price=price, symbol=rule.symbol)


async def _set(tools: Tools, text: str) -> Told:
    try:
        typed = read_condition(text, EXCHANGES)
    except Misunderstood as error:
        raise Misread(str(error)) from error
    except AskBack as error:
        return Told("asked", question=str(error), choices=error.choices)
    tools.memory  # noqa: B018, says early that there is none
    if typed.rule.need == "positions":
        _check_own(tools)
        return await _stored(tools, typed, typed.rule, None, None)
    return await _bound(tools, typed)


async def _bound(tools: Tools, typed: Typed) -> Told:
    """Finds the market of a rule, and sets it there."""
    rule = typed.rule
    kinds = (rule.kind,) if rule.kind else ("perp",) if rule.measure in PERP_ONLY else ANY_KIND
    is_everywhere = rule.measure == "spread" or not rule.exchange
    market = tools.market if is_everywhere else tools.market.of_exchange(rule.exchange)
    market, symbol = await _meant(market, typed.symbol)
    bound, figure, price = await _first(market, replace(rule, symbol=symbol), kinds)
    return await _stored(tools, typed, bound, figure, price)


async def _meant(market: Market, word: str) -> tuple[Market, str]:
    """The symbol of the coin that is meant, and the market in the time that this has left. Raises NotASymbol."""
    began = market.clock.monotonic()
    symbol = await market.meant(parse_symbol(word))
    return market.since(began), symbol


async def _first(market: Market, rule: Rule, kinds: Sequence[str]) -> tuple[Rule, float | None, float | None]:
    """The rule bound to the first market that tells its figure; the figure, and the price there.

    Raises NotListed, NoAnswer.
    """

    async def ask_at(exchange: Exchange, kind: str) -> tuple[Rule, float | None, float | None]:
        bound = replace(rule, exchange=exchange.id, kind=kind)
        figure, price = await _figure_at(market, exchange, bound)
        if figure is None:
            raise NotSupported(exchange.id, f"no {rule.measure}", Reason.NOT_TOLD)
        return bound, figure, price

    def question(kind: str) -> Question[tuple[Rule, float | None, float | None]]:
        exchanges = market.offering(kind)
        return Question(exchanges, (ask_at(each, kind) for each in exchanges))

    found, _ = await market.first_answer(rule.symbol, {kind: question(kind) for kind in kinds})
    return found


async def _stored(tools: Tools, typed: Typed, rule: Rule, figure: float | None, price: float | None) -> Told:
    who, now_ms = tools.who, int(tools.clock() * 1000)
    rule, state = settle(rule, figure, now_ms)
    thread_id, until_ms = who.thread_id, now_ms + typed.life_ms
    alert = Alert(new_id(), who.chat_id, thread_id, who.user_id, who.update_id, ARMED, rule.need, rule.text, state.text,
                  0, now_ms, until_ms)  # fmt: skip
    alert, _ = await tools.memory.add_alert(alert, _limits(tools))
    return Told("set", alert, load_rule(alert.rule), figure, price)


def _limits(tools: Tools) -> Limits:
    return Limits(user=tools.settings.alerts_per_user)


def _check_own(tools: Tools) -> None:
    """Positions are the owner's money: the same rules as /positions. Raises Misread."""
    if not tools.who.is_listed:
        raise Misread("Only users who are listed by their own id may set alerts on accounts.")
    if not tools.who.is_private and not tools.settings.accounts_in_groups:
        raise Misread("Ask me in private: what your accounts hold is nobody else's business.")


async def _figure_at(market: Market, exchange: Exchange, rule: Rule) -> tuple[float | None, float | None]:
    """The figure that a rule is about, and the price, of its market. Raises MarketError."""
    kind, symbol = rule.kind, rule.symbol
    if rule.measure == "basis":
        perp, spot = await asyncio.gather(market.perp_at(exchange, symbol), market.spot_at(exchange, symbol))
        if perp.snapshot.ticker is None or spot.snapshot.ticker is None:
            return None, None
        return (perp.snapshot.ticker.last / spot.snapshot.ticker.last - 1.0) * 100.0, perp.snapshot.ticker.last
    if rule.measure == "spread":
        gap = await gap_at(market, exchange, kind, symbol)
        return (None, None) if gap is None else (gap.bps, None)
    if rule.measure == "liquidations":
        perp_now, dollars = await asyncio.gather(
            market.perp_at(exchange, symbol), liquidated(market, exchange, symbol, rule.window_ms // MINUTE_MS)
        )
        return dollars, None if perp_now.snapshot.ticker is None else perp_now.snapshot.ticker.last
    of_kind = market.perp_at if kind == "perp" else market.spot_at
    found = (await of_kind(exchange, symbol)).snapshot
    price = None if found.ticker is None else found.ticker.last
    if rule.measure in ("rsi", "volume"):
        interval = rule.need.rpartition(" ")[2]
        candles = await market.candles(exchange, symbol, kind, interval, FIGURE_CANDLES)
        return candle_figure(rule.measure, candles.part(0, candles.n_closed(market.now_ms()))), price
    return _figure_of(rule.measure, found, price), price


def _figure_of(measure: str, found: Snapshot, price: float | None) -> float | None:
    if measure == "funding":
        rate = per_8h(found.funding)
        return None if rate is None else rate * 100.0
    if measure == "oi":
        return found.open_interest and found.open_interest.open_interest
    if measure == "change":
        return found.ticker and found.ticker.change_pct
    return price


# Changing one.


async def _changed(tools: Tools, wish: Wish) -> Told:
    alert = await tools.memory.alert(wish.alert_id)
    if alert is None or alert.chat_id != tools.who.chat_id:
        raise Misread("This alert is no longer there. /alerts shows those that are.")
    if not await _may_change(tools, alert):
        raise Misread("Only who set this alert, or an administrator of this group, can change it.")
    rule = load_rule(alert.rule)
    if wish.action == "delete":
        await tools.memory.delete_alert(alert.id)
        return Told("delete", alert, rule)
    if wish.action != "pause" and (why := why_it_rests(tools.settings, alert)):
        raise Misread(f"It rests: {why}.")
    if wish.action == "again":
        return await _again(tools, alert, rule, wish.argument)
    if wish.action == "resume" and alert.until_ms <= int(tools.clock() * 1000):
        raise Misread(f"It ended on {_day(alert.until_ms)}, so it would not ring. Please set it anew.")
    status, state = (PAUSED, alert.state) if wish.action == "pause" else (ARMED, "")
    changed = alert._replace(status=status, state=state)
    if not await tools.memory.change_alert(changed, _limits(tools)):
        raise Misread("It changed just now. Please press once more.")
    return Told(wish.action, changed, rule)


async def _may_change(tools: Tools, alert: Alert) -> bool:
    """Who set it, who is listed by id, and who runs the group."""
    who = tools.who
    if who.user_id == alert.user_id or who.is_listed or who.is_the_group:
        return True
    is_person_in_a_group = not who.is_private and who.user_id > 0
    return is_person_in_a_group and tools.is_admin is not None and await tools.is_admin(who.chat_id, who.user_id)


async def _again(tools: Tools, alert: Alert, rule: Rule, argument: str) -> Told:
    """The same once more: some percent further on, or in an hour from now ("1h")."""
    now_ms = int(tools.clock() * 1000)
    if argument.endswith("h"):
        state = State(now_ms, margin=margin_of(rule), rang_ms=(now_ms,))
        until_ms = max(alert.until_ms, now_ms + DAY_MS)
        rule = replace(rule, times=rule.times and alert.n_fired + 1, pause_ms=max(rule.pause_ms, HOUR_MS))
        changed = alert._replace(status=ARMED, state=state.text, rule=rule.text, until_ms=until_ms)
        if not await tools.memory.change_alert(changed, _limits(tools)):
            raise Misread("It changed just now. Please press once more.")
        return Told("again", changed, rule)
    percent = _percent(argument)
    level = rule.level * (1 + percent / 100.0)
    return await _bound(tools, Typed(rule.symbol, replace(rule, level=level), max(alert.until_ms - now_ms, HOUR_MS)))


def _percent(argument: str) -> float:
    try:
        percent = float(argument or AGAIN_PCT)
    except ValueError:
        percent = 1000.0
    if not abs(percent) <= 100:
        raise Misread("Again at which distance? For example 1, for one percent further.")
    return percent


# Looks.


def show(told: Told, now_s: float) -> Answer:
    if told.action == "levels":
        return _show_levels(told)
    if told.action == "asked":
        buttons = [Button(each.upper(), f"alert {each}") for each in told.choices]
        return Answer(escape(told.question), keyboard=keyboard(that_fit(buttons)))
    assert told.alert is not None
    assert told.rule is not None
    words = escape(in_words(told.rule, short(told.rule.symbol)))
    if told.action == "delete":
        return Answer(f"Deleted: {words}", keyboard=(ALL,))
    if told.action in ("pause", "resume"):
        done = "Paused" if told.action == "pause" else "On again"
        return Answer(f"{done}: {words}", keyboard=alert_buttons(told.alert))
    return _show_set(told, told.alert, told.rule, words, now_s)


def _show_levels(told: Told) -> Answer:
    assert told.rule is not None
    assert told.price is not None
    name, price = short(told.symbol), told.price
    spot = " spot" if told.rule.kind == "spot" else ""
    of = f"{told.rule.exchange} {name}{spot}".strip()
    levels = [
        [Button(f"{sign}{each:g}%", f"alert {of} {round_level(price * (1 + factor * each / 100))}") for each in OFFERED]
        for sign, factor in (("+", 1), ("−", -1))
    ]
    others = [Button(label, f"alert {of} {words}") for label, words in OTHERS]
    more = (*(() if spot else OTHERS_OF_PERPS), *(() if told.rule.exchange else (GAP,)))  # a gap is of all exchanges
    last = [Button(label, f"alert {of} {words}") for label, words in more]
    note = f"Choose how far, or type it: <code>/alert {escape(of)} &gt; {round_level(price * 1.02)}</code>"
    rows = keyboard(*map(that_fit, levels), that_fit(others), that_fit(last))
    return Answer(f"🔔 <b>{escape(name)}</b>  {format_price(price)}", (note,), keyboard=rows)


def _show_set(told: Told, alert: Alert, rule: Rule, words: str, now_s: float) -> Answer:
    state = load_state(alert.state) if alert.state else None
    rows = []
    if told.price is not None:
        rows.append(["now", format_price(told.price)])
    if told.figure is not None and rule.measure not in ("price", "step", "move", "timer"):
        rows.append([FIGURES.get(rule.measure, rule.measure), format_figure(rule, told.figure)])
    if rule.measure == "price" and told.price:
        rows.append(["away", format_percent((rule.level / told.price - 1.0) * 100.0)])
    blocks = [pre(rows, has_head=False)] if rows else []
    notes = []
    if state is not None and is_beyond(rule, state):
        side = "above" if rule.direction == "up" else "below"
        notes.append(f"It is {side} already: I tell you when it crosses again.")
    return Answer(f"🔔 <b>{words}</b>", tuple(blocks), tuple(notes), _foot(rule, alert), alert_buttons(alert))


FIGURES = {
    "liquidations": "liq",
    "funding": "funding",
    "oi": "OI",
    "rsi": "RSI",
    "basis": "basis",
    "spread": "gap",
    "change": "24h",
    "volume": "volume",
}


def format_figure(rule: Rule, figure: float) -> str:
    if rule.measure == "liquidations":
        return format_dollars(figure)
    if rule.measure == "spread":
        return format_bps(figure)
    if rule.measure == "rsi":
        return f"{figure:.1f}"
    if rule.measure == "oi":
        return format_coins(figure, split(rule.symbol)[0])
    if rule.measure in ("funding", "basis"):
        return format_percent(figure, 4 if rule.measure == "funding" else 3)
    return (
        format_percent(figure, 1)
        if rule.measure in ("change", "volume", "liquidation", "pnl")
        else format_price(figure)
    )


def market_name(rule: Rule) -> str:
    """Binance perpetual"""
    if not rule.exchange:
        return "your accounts"
    if rule.measure == "spread":
        return f"all exchanges, {'perpetuals' if rule.kind == 'perp' else 'spot'}"
    return f"{exchange_name(rule.exchange)} {'perpetual' if rule.kind == 'perp' else 'spot'}"


def _foot(rule: Rule, alert: Alert) -> str:
    often = "10 s" if rule.measure in ("price", "move", "step", "timer") else "minute"
    often = "closed candle" if rule.measure in ("rsi", "volume") else often
    return f"<i>{escape(market_name(rule))} · looked at every {often} · ends {_day(alert.until_ms)}</i>"


def _day(moment_ms: int) -> str:
    return time.strftime("%d %b", time.gmtime(moment_ms / 1000)).lstrip("0")


def alert_buttons(alert: Alert) -> Keyboard:
    """What can be done with it."""
    turn = (
        Button("▶ On", f"alert resume {alert.id}")
        if alert.status == PAUSED
        else Button("⏸ Pause", f"alert pause {alert.id}")
    )
    first = () if alert.status == DONE else (turn, Button("✖ Delete", f"alert delete {alert.id}"))
    return keyboard(first, ALL)


def round_level(level: float) -> str:
    """A level as one would type it: four digits, without an exponent."""
    rounded = float(f"{level:.4g}")
    return f"{rounded:.0f}" if rounded >= 1000 else format_level(rounded)


class Fields(TypedDict):
    id: str
    status: str
    condition: str
    exchange: str
    kind: str
    symbol: str
    n_fired: int
    ends_ms: int


def fields_of(alert: Alert) -> Fields:
    rule = load_rule(alert.rule)
    return {
        "id": alert.id,
        "status": alert.status,
        "condition": in_words(rule, short(rule.symbol)),
        "exchange": rule.exchange,
        "kind": rule.kind,
        "symbol": rule.symbol,
        "n_fired": alert.n_fired,
        "ends_ms": alert.until_ms,
    }


def fields(told: Told) -> Fields:
    assert told.alert is not None
    return fields_of(told.alert)
