"""How an alert that rang looks: what, from where to where, since when, in two lines. Pure; delivery.py sends it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from answers import digest
from answers.alert import format_figure, market_name
from answers.judging import Firing, Rule
from answers.quiet import is_quiet_at, load_wishes
from answers.rule_words import format_level, format_span, in_words
from answers.silence import NO_KEY
from render.figures import circle, counted, escape, format_dollars, format_percent, format_price
from render.figures import format_span as format_age
from render.keyboards import apart, copying, in_json, that_fit
from render.message import Button, short
from render.rich import rich_html
from render.sentences import exchange_name
from store.words import Chat, Message

MINUTE_MS = 60_000
CHART_INTERVAL = "15m"
FIGURES = {
    "price": "price",
    "change": "24h change",
    "candles": "candles",
    "funding": "funding",
    "oi": "open interest",
    "basis": "basis",
    "liqs": "liquidations",
    "any": "figures",
}  # by the source of a need
LONG_SLEEP_MS = 12 * 3_600_000  # told with its days
OF_DIGEST = (Button("Watchlist", apart("watch")), Button("🔔 All alerts", apart("alerts")))
ALL_ALERTS = Button("🔔 All alerts", apart("alerts"))


class Shown(NamedTuple):
    """A message as delivery.py sends it."""

    text: str
    markup: Mapping[str, Any] | None = None
    is_quiet: bool = False
    rich: str = ""


class FiredShow:
    """Makes messages of facts. is_demo: every one says that its market is SIMULATED."""

    def __init__(self, *, is_demo: bool = False) -> None:
        self._is_demo = is_demo

    def message(self, message: Message, chat: Chat, now_ms: int) -> Shown:
        facts: Mapping[str, Any] = orjson.loads(message.facts)
        is_quiet = is_quiet_at(chat.settings, now_ms)
        if facts["event"] == "slept":
            return Shown(_slept(facts), is_quiet=is_quiet)
        if facts["event"] in ("silent", "missed"):
            text = _silent(facts) if facts["event"] == "silent" else _missed(facts)
            return Shown(text, _markup(((ALL_ALERTS,),)), is_quiet=True)
        if facts["event"] == "machines":
            return Shown(_machines(facts), is_quiet=is_quiet)
        if facts["event"] == "digest":
            answer = digest.answer_of(facts, now_ms / 1000)
            rich = rich_html(answer, "<b>SIMULATED</b>" if self._is_demo else "") if _is_rich(chat) else ""
            return Shown(self._marked(answer.text), _markup((OF_DIGEST,)), is_quiet, rich)
        rule = Rule(**facts["rule"])
        if facts["event"] == "expired":
            text = f"Ended: {escape(in_words(rule, short(rule.symbol)))}. It did not ring again in its time."
            return Shown(self._marked(text), _markup(((ALL_ALERTS,),)), is_quiet=True)
        firing = Firing(**facts["firing"])
        text = "\n".join(_lines(facts, rule, firing, message.number))
        return Shown(self._marked(text), _markup(_buttons(message, rule, facts)), is_quiet or rule.is_quiet)

    def line(self, message: Message) -> str:
        """ "" for a digest, and for what the owner should do: no line tells enough of that."""
        facts: Mapping[str, Any] = orjson.loads(message.facts)
        if "rule" not in facts:
            told = {"silent": _silent, "missed": _missed}.get(facts["event"])
            return told(facts) if told is not None else ""
        rule = Rule(**facts["rule"])
        if facts["event"] == "expired":
            return f"ended: {in_words(rule, short(rule.symbol))}"
        firing = Firing(**facts["firing"])
        return f"{_time(firing.at_ms)} {_what(rule, firing)} #{message.number}"

    def summary(self, lines: Sequence[str], n_more: int, chat: Chat, now_ms: int) -> Shown:
        head = f"🔔 <b>{counted(len(lines) + n_more, 'alert')}</b> at once"
        more = [f"and {n_more} more"] if n_more else []
        text = "\n".join([head, *(escape(line) for line in lines), *more])
        markup = _markup(((ALL_ALERTS,),))
        return Shown(self._marked(text), markup, is_quiet_at(chat.settings, now_ms))

    def dropped(self, n_dropped: int) -> str:
        were = "was" if n_dropped == 1 else "were"
        return f"<i>{counted(n_dropped, 'alert')} {were} too old to send.</i>"

    def _marked(self, text: str) -> str:
        return f"{text}\n<b>SIMULATED</b> market" if self._is_demo else text


def _is_rich(chat: Chat) -> bool:
    return load_wishes(chat.settings).is_rich


def chart_words(message: Message) -> list[str]:
    """What is typed after /chart for the market that rang; empty where there is none to draw."""
    facts: Mapping[str, Any] = orjson.loads(message.facts)
    if facts["event"] != "fired" or not facts["rule"].get("symbol"):
        return []
    rule = Rule(**facts["rule"])
    return [short(rule.symbol), CHART_INTERVAL, *(["spot"] if rule.kind == "spot" else [])]


def _lines(facts: Mapping[str, Any], rule: Rule, firing: Firing, number: int) -> list[str]:
    """What happened; where it came from; which market, when, and the how manieth time."""
    dot = circle({"up": 1.0, "down": -1.0}.get(firing.direction))
    lines = [f"{'⏰' if rule.measure == 'timer' else dot} <b>{escape(_what(rule, firing))}</b>{_now(facts, rule)}"]
    if "late_ms" in facts:
        lines.append(f"That was at {_time(firing.at_ms)} UTC, told {format_age(facts['late_ms'] / 1000)} late.")
    elif origin := _origin(rule, firing):
        lines.append(origin)
    lines += [escape(each) for each in firing.items]
    if facts.get("is_paused"):
        lines.append("It rang 15 times within an hour, so it is paused now.")
    at_ms = facts["now_ms"] if rule.measure == "timer" else firing.at_ms  # a timer's price is of now, also when late
    lines.append(f"<i>{escape(market_name(rule))} · {_time(at_ms, seconds=True)} UTC · #{number}</i>")
    return lines


def _what(rule: Rule, firing: Firing) -> str:
    """BTC above 70,000 · ETH −3.4 % in 12m · BTC funding above 0.05 %"""
    name = short(rule.symbol)
    side = "above" if firing.direction == "up" else "below"
    if rule.measure == "price":
        return f"{name} {side} {format_level(rule.level)}"
    if rule.measure in ("move", "step", "oi"):
        what = f"{name} OI" if rule.measure == "oi" else name
        span = firing.at_ms - (firing.reference_ms or firing.at_ms)
        within = f" in {format_span(max(MINUTE_MS, span))}" if rule.window_ms else ""
        return f"{what} {format_percent(_change(firing))}{within}"
    if rule.measure == "timer":
        return f"{name} {format_price(firing.value)}"
    if rule.measure == "change":
        return f"{name} {format_percent(firing.value, 1)} over 24h"
    if rule.measure == "volume":
        return f"{name} volume {format_percent(firing.value, 0)} against normal"
    if rule.measure in ("liquidation", "pnl"):
        what = "near liquidation" if rule.measure == "liquidation" else f"PnL {side} {format_level(rule.level)} %"
        return f"{counted(len(firing.items), 'position')} {what}"
    if rule.measure == "liquidations":
        return f"{name} liquidations {format_dollars(firing.value)} in {format_span(rule.window_ms)}"
    unit = {"rsi": "", "spread": " bp"}.get(rule.measure, " %")
    names = {"rsi": "RSI", "funding": "funding", "basis": "basis", "spread": f"{rule.kind} gap"}
    return f"{name} {names[rule.measure]} {side} {format_level(rule.level)}{unit}"


def _now(facts: Mapping[str, Any], rule: Rule) -> str:
    """The figure now, behind the headline."""
    if rule.measure in ("timer", "change", "volume", "liquidation", "liquidations", "pnl"):
        return ""
    return f"  {format_figure(rule, facts['last'])}"


def _change(firing: Firing) -> float | None:
    return None if not firing.reference else (firing.value / firing.reference - 1.0) * 100.0


def _origin(rule: Rule, firing: Firing) -> str:
    """from 67,432.10, 2h14 ago"""
    if firing.reference is None or rule.measure in ("timer", "liquidation", "pnl", "volume"):
        return ""
    age = format_age((firing.at_ms - (firing.reference_ms or firing.at_ms)) / 1000)
    change = f"  {format_percent(_change(firing))}" if rule.measure == "price" else ""
    return f"from {format_figure(rule, firing.reference)}, {age} ago{change}"


def _machines(facts: Mapping[str, Any]) -> str:
    return (
        f"{facts['n']} machines of this bot run, each with a database of its own, so that each knows only a part of "
        "the alerts. <code>fly scale count 1</code> ends that, or a PostgreSQL in DATABASE_URL."
    )


def _silent(facts: Mapping[str, Any]) -> str:
    """An exchange that has not answered for long; one that does, but tells some figures of no market, or of one market
    no more; or accounts."""
    name, since, source = exchange_name(facts["exchange"]), _time(facts["from_ms"]), _source(facts)
    if source == "positions":
        return _silent_accounts(facts["exchange"], since)
    if not source:
        return f"{name} has not answered since {since} UTC: alerts on its markets wait until it does."
    kind = "perpetual" if facts["kind"] == "perp" else "spot market"
    if not facts["symbol"]:
        return f"{name} has told no {FIGURES[source]} of {kind}s since {since} UTC: alerts on that wait until it does."
    of = f"of the {escape(short(facts['symbol']))} {kind} since {since} UTC"
    if source == "spread":
        return f"No two exchanges have told bid and ask {of}."
    return (
        f"{name} has told no {FIGURES[source]} {of}. If it is no longer listed there, such alerts cannot ring: "
        "set them anew at another exchange."
    )


def _source(facts: Mapping[str, Any]) -> str:
    """As Silence has it; of the lines that were stored before it told any, what they say."""
    before = "spread" if facts.get("is_gap") else "any" if facts["symbol"] else ""
    return str(facts.get("source", before))


def _silent_accounts(exchange: str, since: str) -> str:
    if exchange == NO_KEY:
        return "No account has a key here, so alerts on positions cannot ring: see docs/settings.md."
    if not exchange:
        return f"Your accounts have not been read since {since} UTC: alerts on positions wait until they are."
    return (
        f"{exchange_name(exchange)} has not told all of your positions since {since} UTC: alerts on those wait until "
        "it does. /positions says why."
    )


def _missed(facts: Mapping[str, Any]) -> str:
    kind = "perpetual" if facts["kind"] == "perp" else "spot market"
    return (
        f"{exchange_name(facts['exchange'])} tells no candles of the {escape(short(facts['symbol']))} {kind} "
        f"{_span(facts)} UTC, when I did not watch it: what it crossed then is not known."
    )


def _slept(facts: Mapping[str, Any]) -> str:
    return (
        f"I slept {_span(facts)} UTC, and alerts were not watched meanwhile. "
        "On Fly.io, auto_stop_machines = “off” and min_machines_running = 1 end that."
    )


def _span(facts: Mapping[str, Any]) -> str:
    """from 03:10 to 07:40"""
    is_long = facts["to_ms"] - facts["from_ms"] > LONG_SLEEP_MS
    begin, end = (_day(facts[each]) * is_long + _time(facts[each]) for each in ("from_ms", "to_ms"))
    return f"from {begin} to {end}"


def _day(moment_ms: int) -> str:
    return time.strftime("%d %b ", time.gmtime(moment_ms / 1000)).lstrip("0")


def _time(moment_ms: int, *, seconds: bool = False) -> str:
    return time.strftime("%H:%M:%S" if seconds else "%H:%M", time.gmtime(moment_ms / 1000))


def _buttons(message: Message, rule: Rule, facts: Mapping[str, Any]) -> tuple[tuple[Button, ...], ...]:
    """Again, further on or later; pause, delete; its chart and the market."""
    alert_id, name = message.alert_id, short(rule.symbol)
    again: tuple[Button, ...] = (_apart("🔁 In 1h", f"alert again {alert_id} 1h"),)
    if rule.measure == "price":
        again = (_apart("+1%", f"alert again {alert_id} 1"), _apart("−1%", f"alert again {alert_id} -1"), *again)
    turn = ("▶ On", "resume") if facts.get("is_paused") else ("⏸", "pause")
    own = (_apart(turn[0], f"alert {turn[1]} {alert_id}"), _apart("✖", f"alert delete {alert_id}"))
    if not name:
        return again, own
    spot = " spot" if rule.kind == "spot" else ""
    if rule.measure == "spread":
        return again, (*own, _apart("Spread", f"spread {name} {rule.kind}"))
    market = (_apart("📈", f"chart {name} {CHART_INTERVAL}{spot}"), _apart(name, f"price {name}"))
    return (*again, *copying(_price(facts, rule))), (*own, *market)


def _price(facts: Mapping[str, Any], rule: Rule) -> float | None:
    """What the market stands at, where the rule is about that."""
    if rule.measure == "timer":
        return Firing(**facts["firing"]).value
    return facts["last"] if rule.measure in ("price", "move", "step") else None


def _apart(label: str, line: str) -> Button:
    """Under what rang, so that its figures stay whatever is pressed."""
    return Button(label, apart(line))


def _markup(rows: Sequence[Sequence[Button]]) -> Mapping[str, Any]:
    return {"inline_keyboard": [[in_json(each) for each in that_fit(row)] for row in rows]}
