"""A Rule in words, as it is said back. Pure."""

from __future__ import annotations

import math

from answers.judging import DAY_MS, HOUR_MS, MINUTE_MS, Rule, interval_of

UNITS_MS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
NAMES = {
    "price": "price",
    "step": "step",
    "move": "move",
    "timer": "timer",
    "change": "24 h change",
    "volume": "volume",
    "rsi": "RSI",
    "funding": "funding",
    "oi": "open interest",
    "basis": "basis",
    "spread": "spread",
    "liquidations": "liquidations",
    "liquidation": "distance to liquidation",
    "pnl": "PnL",
}


def in_words(rule: Rule, symbol: str) -> str:
    """The rule as it is said back: "BTC rises above 70,000, once"."""
    return ", ".join([f"{symbol} {_condition(rule)}".strip(), *_options(rule)])


def _condition(rule: Rule) -> str:
    crosses = {"up": "rises above", "down": "falls below"}.get(rule.direction, "crosses")
    moves = {"up": "rises", "down": "falls"}.get(rule.direction, "rises or falls")
    window = f"within {format_span(rule.window_ms)}" if rule.window_ms else "from the price last told"
    level = format_level(abs(rule.level) if rule.measure in ("change", "move") else rule.level)
    if rule.measure == "change":
        return f"{moves} {level} % over 24h"
    if rule.measure in ("volume", "rsi"):
        interval = interval_of(rule.window_ms)
        return (
            f"{interval} RSI {crosses} {level}"
            if rule.measure == "rsi"
            else f"{interval} volume is {level} % above normal"
        )
    return {
        "price": f"{crosses} {level}",
        "step": f"{moves} by each {level}",
        "move": f"{moves} {level} % {window}",
        "oi": f"open interest {moves} {level} % {window}",
        "funding": f"funding {crosses} {level} % per 8h",
        "basis": f"basis {crosses} {level} %",
        "spread": f"{rule.kind} gap between exchanges {crosses} {level} bp".strip(),
        "liquidations": f"liquidations rise above ${level} {window}",
        "liquidation": f"any position is within {level} % of its liquidation",
        "pnl": f"PnL of any position {crosses} {level} % of its margin",
        "timer": f"price every {format_span(rule.window_ms)}",
    }[rule.measure]


def _options(rule: Rule) -> list[str]:
    if rule.measure == "timer" and not rule.times:
        often = []
    else:
        often = ["every time" if not rule.times else "once" if rule.times == 1 else f"{rule.times} times"]
    pause = [f"at most every {format_span(rule.pause_ms)}"] if rule.pause_ms else []
    return [*often, *pause, *(["quiet"] if rule.is_quiet else [])]


def format_level(level: float) -> str:
    """70,000 · 0.05 · 0.00000001234: as it was typed, to twelve digits and never with an exponent."""
    if abs(level) >= 1e11:
        return f"{level:,.0f}"
    if abs(level) >= 1e-4 or not level:
        return f"{level:,.12g}"
    return f"{level:.{11 - math.floor(math.log10(abs(level)))}f}".rstrip("0")


def format_span(span_ms: int) -> str:
    """15m, 4h, 2d: in the largest unit that it is whole in."""
    for unit in ("d", "h"):
        if span_ms % UNITS_MS[unit] == 0 and (unit != "d" or span_ms > DAY_MS):
            return f"{span_ms // UNITS_MS[unit]}{unit}"
    return f"{span_ms // MINUTE_MS}m"
