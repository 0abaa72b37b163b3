"""/alerts: what is armed in this chat, the nearest to its level first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from answers import alert
from answers.alert import Fields, fields_of
from answers.asked import Misread, Tools
from answers.hearing import why_it_rests
from answers.judging import load_rule
from answers.rule_words import in_words
from exchanges.errors import MarketError
from exchanges.table import EXCHANGES
from market import Market
from render.figures import counted, escape, format_percent
from render.keyboards import keyboard
from render.message import Answer, Button, Keyboard, short
from store.words import PAUSED, Alert, StoreError

PAGE = 10
MAX_PRICED = 20  # markets whose price is asked for


class Told(NamedTuple):
    """The alerts of a chat, in order, with the distance to their level in percent where it is known.

    done: what was done to one of them before, in words. resting: why nobody hears of it, of those that rest.
    """

    alerts: Sequence[Alert]
    away: Mapping[str, float]
    page: int
    done: str = ""
    resting: Mapping[str, str] = {}


class Asked(NamedTuple):
    """A page, from 1; and what should be done to an alert before it is shown."""

    page: int = 1
    wish: alert.Wish | None = None


def command(words: list[str]) -> Asked:
    """Raises Misread."""
    wish = None
    if len(words) >= 2 and words[0] in ("pause", "resume", "delete"):
        wish, words = alert.command(words[:2]), words[2:]
    if not words:
        return Asked(1, wish)
    if len(words) > 1 or not words[0].isdecimal() or not 1 <= int(words[0]) <= 99:
        raise Misread("Only a page can follow: /alerts 2")
    return Asked(int(words[0]), wish)


async def ask(tools: Tools, asked: Asked) -> Told:
    """Raises Misread."""
    done = "" if asked.wish is None else alert.show(await alert.ask(tools, asked.wish), tools.clock()).headline
    try:
        alerts = await tools.memory.alerts_of_chat(tools.who.chat_id)
    except StoreError as error:
        raise Misread(error.sentence) from error
    away = await _distances(tools.market, alerts)
    nearest = sorted(alerts, key=lambda each: (each.status == PAUSED, abs(away.get(each.id, 1e9))))
    resting = {each.id: why for each in alerts if (why := why_it_rests(tools.settings, each))}
    return Told(nearest, away, asked.page, done, resting)


async def _distances(market: Market, alerts: Sequence[Alert]) -> dict[str, float]:
    """How far the prices of price alerts are from their levels; those that cannot be told are left out."""
    rules = {each.id: load_rule(each.rule) for each in alerts}
    wanted = {(rule.exchange, rule.kind, rule.symbol) for rule in rules.values() if rule.measure == "price"}
    markets = sorted(wanted)[:MAX_PRICED]
    prices = dict(zip(markets, await asyncio.gather(*(_price(market, *each) for each in markets)), strict=True))
    found = {}
    for alert_id, rule in rules.items():
        price = prices.get((rule.exchange, rule.kind, rule.symbol))
        if rule.measure == "price" and price:
            found[alert_id] = (rule.level / price - 1.0) * 100.0
    return found


async def _price(market: Market, exchange: str, kind: str, symbol: str) -> float | None:
    try:
        async with asyncio.timeout(market.deadline_s):
            of_kind = market.perp_at if kind == "perp" else market.spot_at
            ticker = (await of_kind(EXCHANGES[exchange], symbol)).snapshot.ticker
    except (MarketError, TimeoutError):
        return None
    return None if ticker is None else ticker.last


def show(told: Told, now_s: float) -> Answer:
    """One line each, and below a row of buttons for each."""
    notes = (told.done,) if told.done else ()
    if not told.alerts:
        examples = (Button("BTC", "alert BTC"), Button("ETH", "alert ETH"), Button("SOL", "alert SOL"))
        return Answer(
            "No alerts here. For example <code>/alert BTC &gt; 70000</code>", notes=notes, keyboard=(examples,)
        )
    n_pages = -(-len(told.alerts) // PAGE)
    page = min(told.page, n_pages)
    shown = told.alerts[(page - 1) * PAGE : page * PAGE]
    lines = [_line(number, each, told) for number, each in enumerate(shown, 1)]
    head = f"<b>{counted(len(told.alerts), 'alert')}</b>" + (f", page {page} of {n_pages}" if n_pages > 1 else "")
    return Answer(head, ("\n".join(lines),), notes, keyboard=_buttons(shown, page, n_pages))


def _line(number: int, of: Alert, told: Told) -> str:
    rule = load_rule(of.rule)
    words = escape(in_words(rule, short(rule.symbol)))
    distance = f" ({format_percent(told.away[of.id], 1)})" if of.id in told.away else ""
    paused = " ⏸" if of.status == PAUSED else ""
    rests = f" (rests: {told.resting[of.id]})" if of.id in told.resting else ""
    return f"{number}. {words}{distance}{paused}{rests}"


def _buttons(shown: Sequence[Alert], page: int, n_pages: int) -> Keyboard:
    rows = []
    for i, each in enumerate(shown, 1):
        turn = ("▶", "resume") if each.status == PAUSED else ("⏸", "pause")
        acts = ((f"{i} {turn[0]}", turn[1]), (f"{i} ✖", "delete"))
        rows.append(tuple(Button(label, f"alerts {act} {each.id} {page}") for label, act in acts))
    pairs = [(*rows[i], *(rows[i + 1] if i + 1 < len(rows) else ())) for i in range(0, len(rows), 2)]
    turns = []
    if page > 1:
        turns.append(Button("‹", f"alerts {page - 1}"))
    if page < n_pages:
        turns.append(Button("›", f"alerts {page + 1}"))
    return keyboard(*pairs, (*turns, Button("🔄 Refresh", f"alerts {page}")))


def fields(told: Told) -> list[Fields]:
    return [fields_of(each) for each in told.alerts]
