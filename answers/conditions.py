"""What somebody typed behind /alert, as a Rule. Pure; what a symbol is, others know.

Words come in any order, as a thumb types them:

    BTC 70000 · BTC > 70k · ETH -3% 15m · SOL 24h 8% · BTC vol 300% 15m · ETH funding > 0.05 · BTC oi 5% 1h
    BTC rsi < 30 4h · BTC basis > 0.3 · BTC spread > 20bp · pos liq 10% · pos pnl -20% · BTC every 4h · BTC step 500
    and: x3 · once · every · every 1h · until 2d · quiet · an exchange · spot or perp

Nothing is guessed: what has two meanings raises AskBack with both, what has none Misunderstood, each with a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from answers.judging import DAY_MS, HOUR_MS, MINUTE_MS, Rule, interval_of
from answers.rule_words import NAMES, UNITS_MS
from exchanges.words import INTERVALS

MAX_TEXT = 200
MAX_LEVEL = 1e12
MAX_TIMES = 100
DEFAULT_LIFE_MS = 90 * DAY_MS
MAX_LIFE_MS = 365 * DAY_MS
MOVE_WINDOW_MS = (MINUTE_MS, 12 * HOUR_MS)
LIQUIDATIONS_MS = (5 * MINUTE_MS, 4 * HOUR_MS)
TIMER_MS = (5 * MINUTE_MS, 7 * DAY_MS)
PAUSE_MS = (MINUTE_MS, 30 * DAY_MS)
BOUNDS = {  # of the figure, by measure
    "move": (0.1, 1000.0),
    "change": (0.1, 1000.0),
    "oi": (0.1, 1000.0),
    "volume": (10.0, 100_000.0),
    "funding": (-10.0, 10.0),
    "rsi": (1.0, 99.0),
    "basis": (-50.0, 50.0),
    "spread": (0.1, 1000.0),  # bp; further apart they are two coins
    "liquidation": (0.1, 100.0),
    "liquidations": (1000.0, 1e11),
    "pnl": (-1000.0, 100_000.0),
}
CANDLE_MS = {"volume": 15 * MINUTE_MS, "rsi": HOUR_MS}  # when no interval is said
CANDLES_MS = {"15m", "5m", "1m", "1h", "4h", "1d", "30m", "2h"} & set(INTERVALS)
NAMED_LIKE_NUMBERS = re.compile(r"\d{1,7}(?!bps?$)[a-z]{2,}[a-z0-9\-/_:]*")  # 1inch, but not 20bp
MEASURE_WORDS = {
    **dict.fromkeys(("vol", "volume"), "volume"),
    **dict.fromkeys(("funding", "fund"), "funding"),
    **dict.fromkeys(("oi", "openinterest"), "oi"),
    **dict.fromkeys(("basis", "premium"), "basis"),
    **dict.fromkeys(("spread", "spreads", "gap", "arb"), "spread"),
    **dict.fromkeys(("liq", "liquidation"), "liquidation"),
    **dict.fromkeys(("pnl", "upnl", "roe"), "pnl"),
    **dict.fromkeys(("step", "steps"), "step"),
    "rsi": "rsi",
}
UP_WORDS = {
    ">", ">=", "=>", "above", "over", "up", "rises", "rise", "risen", "pumps", "pump", "gains", "exceeds", "higher",
    "more", "+",
}  # fmt: skip
DOWN_WORDS = {
    "<", "<=", "=<", "below", "under", "down", "falls", "fall", "fell", "drops", "drop", "dumps", "dump", "loses",
    "lower", "less", "-",
}  # fmt: skip
EITHER_WORDS = {"either", "both", "any", "±", "+-", "+/-", "moves", "move"}
REPEAT_WORDS = {"every", "each", "repeat", "always", "everytime"}
LIFE_WORDS = {"until", "till", "for", "expires", "exp"}
QUIET_WORDS = {"quiet", "silent", "silently", "mute", "muted"}
KIND_WORDS = {"spot": "spot", "perp": "perp", "perps": "perp", "perpetual": "perp", "futures": "perp", "swap": "perp"}
OWN_WORDS = {"pos", "position", "positions", "my"}
FILLERS = {
    "if", "when", "is", "at", "the", "in", "within", "by", "of", "to", "than", "last", "crosses", "crossing", "cross",
    "reaches", "hits", "hit", "goes", "price", "alert", "me", "=", "time", "change", "from", "a", "and", "rate",
    "interest", "usd", "between", "exchanges", "dollars", "then", "on", "distance", "open", "with", "spike",
}  # fmt: skip

COINS_LIKE_WORDS = {
    "a", "any", "arb", "at", "gap", "higher", "in", "me", "move", "open", "over", "pump", "step", "time", "up",
}  # fmt: skip
"""Coins that are called like words above: as the first word, where no other coin is named."""


class Misunderstood(ValueError):
    """It cannot be meant. The text is one sentence that says what to type."""


class AskBack(ValueError):
    """It has two meanings. number: what was typed; choices: the whole condition as it may be meant."""

    def __init__(self, question: str, number: str, *choices: str) -> None:
        super().__init__(question)
        self.number, self.choices = number, choices


class Typed(NamedTuple):
    """symbol: as it was typed, "" where one's own positions are meant. rule: without exchange and symbol, but for what
    was said. life_ms: until it ends by itself."""

    symbol: str
    rule: Rule
    life_ms: int


@dataclass(slots=True)
class _Heard:
    """What the words said, one by one."""

    symbol: str = ""
    exchange: str = ""
    kind: str = ""
    measure: str = ""
    direction: str = ""
    sign: str = ""
    is_own: bool = False
    number: float | None = None
    percent: float | None = None
    factor: float | None = None
    durations: list[int] = field(default_factory=list)
    times: int | None = None
    pause_ms: int | None = None
    life_ms: int | None = None
    is_quiet: bool = False
    is_repeated: bool = False
    expects: str = ""  # what the last word leads to: "pause" or "life"


def read_condition(text: str, exchanges: Collection[str]) -> Typed:
    """The rule that was typed. exchanges: ids that may be named. Raises Misunderstood and AskBack.

    Of two meanings of a number, one that no rule has is none: 70.000 is 70 where a percentage is meant.
    """
    if len(text) > MAX_TEXT:
        raise Misunderstood(f"That is longer than {MAX_TEXT} letters. For example: BTC > 70000")
    if _MONTH.search(text):
        raise Misunderstood("1M may be a month or a million; 1m is a minute. Write 30d, $1m, or 1m.")
    try:
        return _read(text, exchanges)
    except AskBack as asked:
        possible = [each for each in asked.choices if _may_be_meant(each, exchanges)]
        if len(possible) > 1:
            raise
        return read_condition((possible or asked.choices)[0], exchanges)


def _may_be_meant(text: str, exchanges: Collection[str]) -> bool:
    try:
        with suppress(AskBack):
            _read(text, exchanges)
    except Misunderstood:
        return False
    return True


def _read(text: str, exchanges: Collection[str]) -> Typed:
    """Raises Misunderstood, and AskBack for the first number that has two meanings."""
    words = _words(text)
    first = next((i for i, word in enumerate(words) if word not in exchanges and word not in KIND_WORDS), -1)
    if first < 0 or words[first] not in COINS_LIKE_WORDS:
        return _meant(_heard(words, exchanges))
    try:
        return _meant(_heard(words, exchanges, first))
    except Misunderstood:
        with suppress(Misunderstood):
            return _meant(_heard(words, exchanges))
        raise


def _heard(words: Sequence[str], exchanges: Collection[str], coin_at: int = -1) -> _Heard:
    """coin_at: which word is a coin's name, whatever else it means; -1 where none is."""
    heard = _Heard()
    for i, word in enumerate(words):
        if i == coin_at:
            heard.symbol = word.upper()
            continue
        try:
            _hear(heard, word, exchanges)
        except AskBack as asked:
            meant = [word.replace(asked.number, choice) for choice in asked.choices]
            whole = [" ".join((*words[:i], each, *words[i + 1 :])) for each in meant]
            raise AskBack(str(asked), asked.number, *whole) from None
    return heard


# Words.

_MONTH = re.compile(r"(?<!\S)1M(?!\S)")  # as asked.is_month has it
_NUMBER = r"\d[\d.,'_]*"
_TOKEN = re.compile(
    rf"\$?[+\-±]?\$?{_NUMBER}\s?(?:%|k\b|bps?\b)|\d+\s?(?:minutes?|mins?|hours?|hrs?|days?|weeks?)\b|\+/?-(?=\s)|[<>=]=?|\S+?(?=[<>%]|\s|$)|\S"
)


def _words(text: str) -> list[str]:
    """Lower case, signs as on a keyboard, thousands joined: "70 000" is one number."""
    text = unicodedata.normalize("NFKC", text).lower().strip()
    text = text.translate(str.maketrans("−–—≥≤’", "---><'"))
    text = re.sub(r"([<>])=|=([<>])", lambda found: found[1] or found[2], text)
    text = re.sub(r"(?<![\d.,\w%])(\$?\d{1,3})((?: \d{3})+)(?![\d\w%])", lambda found: found[0].replace(" ", ""), text)
    text = re.sub(r"([+\-±])\s+(?=\$?\d)", r"\1", text)
    text = re.sub(r"open interest", "oi", text)
    return [word.strip() for word in _TOKEN.findall(text) if word.strip()]


def _hear(heard: _Heard, word: str, exchanges: Collection[str]) -> None:
    expects, heard.expects = heard.expects, ""
    if (duration_ms := _duration(word)) is not None:
        _hear_duration(heard, duration_ms, expects)
    elif re.match(r"[$+\-±]*\d", word) and not NAMED_LIKE_NUMBERS.fullmatch(word):
        _hear_number(heard, word, expects)
    elif word in LIFE_WORDS:
        heard.expects = "life"
    elif word in REPEAT_WORDS:
        heard.is_repeated, heard.expects = True, "pause"
    elif word in ("once", "1x"):
        heard.times = 1
    elif word in QUIET_WORDS:
        heard.is_quiet = True
    elif word in MEASURE_WORDS:
        _hear_measure(heard, MEASURE_WORDS[word])
    elif word in ("negative", "positive"):
        heard.direction, heard.number = ("down" if word == "negative" else "up"), 0.0
    elif word in UP_WORDS or word in DOWN_WORDS or word in EITHER_WORDS:
        heard.direction = "up" if word in UP_WORDS else "down" if word in DOWN_WORDS else "either"
    elif word == "never" and expects == "life":
        heard.life_ms = MAX_LIFE_MS
    else:
        _hear_name(heard, word, exchanges, expects)


def _hear_name(heard: _Heard, word: str, exchanges: Collection[str], expects: str) -> None:
    times = re.fullmatch(r"x(\d{1,4})", word)
    if times:
        heard.times = int(times[1])
    elif word in exchanges:
        heard.exchange = word
    elif word in KIND_WORDS:
        heard.kind = KIND_WORDS[word]
    elif word in OWN_WORDS:
        heard.is_own = True
    elif word in FILLERS:
        heard.expects = expects
    elif not heard.symbol and re.fullmatch(r"[#$]?[a-z0-9][a-z0-9\-/_:.]{0,23}", word):
        heard.symbol = word.lstrip("#$").upper()
    else:
        raise Misunderstood(f"“{word[:24]}” is not understood here. For example: BTC > 70000, or ETH -3% 15m")


def _hear_measure(heard: _Heard, measure: str) -> None:
    if heard.measure and heard.measure != measure:
        raise Misunderstood(f"One thing at a time, please: {NAMES[heard.measure]} or {NAMES[measure]}?")
    heard.measure = measure


def _hear_duration(heard: _Heard, duration_ms: int, expects: str) -> None:
    if expects == "life":
        heard.life_ms = duration_ms
    elif expects == "pause":
        heard.pause_ms = duration_ms
    else:
        heard.durations.append(duration_ms)


def _hear_number(heard: _Heard, word: str, expects: str) -> None:
    body = word.replace("$", "").replace(" ", "")
    if expects == "life":
        raise Misunderstood(f"Until when? A span such as 2d or 1w; “{word}” has no unit.")
    if re.fullmatch(r"\d{1,4}x", body):
        heard.factor = float(body[:-1])
        return
    is_millions = "$" in word and body.endswith("m")  # without the sign it is minutes
    body = body[:-1] if is_millions else body
    if body[0] in "+-±":
        heard.sign, body = {"+": "up", "-": "down", "±": "either"}[body[0]], body[1:]
    if body.endswith(("bp", "bps")):
        _set_once(heard, "percent", round(parse_number(body.rstrip("bps")) / 100.0, 12))
    elif body.endswith("%"):
        _set_once(heard, "percent", parse_number(body[:-1]))
    elif expects == "pause":
        heard.measure, heard.number = heard.measure or "step", parse_number(body)
    else:
        _set_once(heard, "number", parse_number(body) * (1e6 if is_millions else 1.0))


def _set_once(heard: _Heard, name: str, value: float) -> None:
    if getattr(heard, name) is not None:
        raise Misunderstood("One figure at a time, please: the second one would need an alert of its own.")
    setattr(heard, name, value)


def _duration(word: str) -> int | None:
    found = re.fullmatch(r"(\d{1,5})\s?(m|min|mins|minutes?|h|hr|hrs|hours?|d|days?|w|weeks?)", word)
    return int(found[1]) * UNITS_MS[found[2][0]] if found else None


def parse_number(text: str) -> float:
    """70k, 70,000, 70.000,5, 70'000, 1.5k, 0,05. Raises AskBack for 70,5 and 70.000, Misunderstood for what is none."""
    if not text.isascii():
        raise Misunderstood(f"“{text[:24]}” is no number. Write 70000, 70k or 0.05.")
    body, factor = (text[:-1], 1000.0) if text.endswith("k") else (text, 1.0)
    typed, k = body, text[len(body) :]  # a k stays behind either meaning
    body = re.sub(r"(?<=\d)['_](?=\d{3}(\D|$))", "", body)
    if re.fullmatch(r"\d+(\.\d+)?", body) and not re.fullmatch(r"[1-9]\d{0,2}\.000", body):
        return float(body) * factor
    if re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?", body):
        return float(body.replace(",", "")) * factor
    if re.fullmatch(r"[1-9]\d{0,2}(\.\d{3})+,\d+|[1-9]\d{0,2}(\.\d{3}){2,}", body):
        return float(body.replace(".", "").replace(",", ".")) * factor
    if re.fullmatch(r"0\d*,\d+", body):  # 0,05: no thousands begin so
        return float(body.replace(",", ".")) * factor
    if re.fullmatch(r"\d+,\d+", body):
        point = body.replace(",", ".")
        raise AskBack(f"Is {text} meant as {point}{k}?", typed, point, body.replace(",", ""))
    if re.fullmatch(r"[1-9]\d{0,2}\.000", body):
        whole, thousands = body.partition(".")[0], body.replace(".", "")
        raise AskBack(f"Is {text} meant as {whole}{k} or as {thousands}{k}?", typed, whole, thousands)
    raise Misunderstood(f"“{text[:24]}” is no number. Write 70000, 70k or 0.05.")


# Meaning.


def _meant(heard: _Heard) -> Typed:
    if heard.measure == "liquidation" and heard.symbol and not heard.is_own and heard.percent is None:
        rule = _liquidations(heard)
    elif heard.measure in ("liquidation", "pnl") or heard.is_own:
        rule = _own(heard)
    elif not heard.symbol:
        raise Misunderstood("Which symbol? For example: BTC > 70000")
    else:
        rule = _of_market(heard)
    rule = _repeated(heard, replace(rule, is_quiet=heard.is_quiet, exchange=heard.exchange, kind=heard.kind))
    life_ms = DEFAULT_LIFE_MS if heard.life_ms is None else heard.life_ms
    if not MINUTE_MS <= life_ms <= MAX_LIFE_MS:
        raise Misunderstood("An alert lives from a minute to 365 days, such as: until 7d")
    return Typed("" if rule.measure in ("liquidation", "pnl") else heard.symbol, rule, life_ms)


def _liquidations(heard: _Heard) -> Rule:
    """Of everybody, in dollars."""
    window_ms = _only_duration(heard, 15 * MINUTE_MS)
    if not heard.number or heard.direction == "down" or heard.sign:
        raise Misunderstood("Above how many dollars, within which span? For example: BTC liq > $5m 15m")
    if not LIQUIDATIONS_MS[0] <= window_ms <= LIQUIDATIONS_MS[1]:
        raise Misunderstood("Liquidations are counted within 5m to 4h: BTC liq > $5m 15m")
    return _bounded(Rule("liquidations", "up", heard.number, window_ms))


def _own(heard: _Heard) -> Rule:
    if heard.measure not in ("liquidation", "pnl"):
        raise Misunderstood("Of your positions: pos liq 10%, or pos pnl -20%.")
    figure = heard.percent if heard.percent is not None else heard.number
    if figure is None or heard.symbol or heard.durations:
        raise Misunderstood("For all your positions together: pos liq 10%, or pos pnl -20%.")
    if heard.measure == "liquidation":
        return _bounded(Rule("liquidation", "down", figure))
    direction = heard.direction or heard.sign or "up"
    level = -figure if heard.sign == "down" else figure
    return _bounded(Rule("pnl", direction if heard.direction else ("down" if level < 0 else "up"), level))


def _of_market(heard: _Heard) -> Rule:
    readers = {"volume": _volume, "funding": _share, "basis": _share, "oi": _move, "rsi": _rsi, "step": _step}
    readers["spread"] = _spread
    if heard.measure:
        return readers[heard.measure](heard)
    if heard.percent is not None and heard.number is not None:
        raise Misunderstood("A price or a percentage, not both: BTC > 70000, or BTC 5% 1h")
    if heard.percent is not None:
        return _move(heard)
    if heard.number is not None:
        return _price(heard)
    if heard.is_repeated and heard.pause_ms is not None:
        return _timer(heard)
    raise Misunderstood(
        f"When? For example: {heard.symbol} > 70000, {heard.symbol} -3% 15m, or {heard.symbol} every 4h"
    )


def _price(heard: _Heard) -> Rule:
    if heard.sign == "down" or not heard.number or heard.number > MAX_LEVEL:
        raise Misunderstood("A price is above zero, such as: BTC > 70000")
    if heard.durations:
        raise Misunderstood("A price has no window. Did you mean a percentage, such as: BTC 5% 15m?")
    return Rule("price", heard.direction, heard.number)


def _move(heard: _Heard) -> Rule:
    """Percent: over 24 hours, within a window, or (without one) since the last message."""
    measure = heard.measure or "move"
    window_ms = _only_duration(heard, HOUR_MS if measure == "oi" else 0)
    if heard.percent is None:
        raise Misunderstood("By how many percent? For example: BTC oi 5% 1h")
    direction = heard.sign or heard.direction or "either"
    if heard.sign and heard.direction not in ("", "either", heard.sign):
        raise Misunderstood("Up or down? The sign and the word say different things.")
    if direction == "down" and heard.percent >= 100:
        raise Misunderstood("Nothing falls by 100 % and more, such as: BTC -5% 1h")
    if measure == "move" and window_ms == DAY_MS:
        level = -heard.percent if direction == "down" else heard.percent
        return _bounded(Rule("change", direction, level))
    if window_ms and not MOVE_WINDOW_MS[0] <= window_ms <= MOVE_WINDOW_MS[1]:
        raise Misunderstood("A window is from 1m to 12h, or 24h: ETH -3% 15m, or ETH 8% 24h")
    return _bounded(Rule(measure, direction, heard.percent, window_ms))


def _volume(heard: _Heard) -> Rule:
    percent = heard.percent if heard.percent is not None else heard.number
    if percent is None and heard.factor is not None:
        percent = (heard.factor - 1) * 100.0
    if percent is None or heard.sign == "down" or heard.direction == "down":
        raise Misunderstood("By how many percent above normal? For example: BTC vol 300% 15m")
    return _bounded(Rule("volume", "up", percent, _candle(heard)))


def _rsi(heard: _Heard) -> Rule:
    if heard.number is None or heard.sign or heard.percent is not None:
        raise Misunderstood("Which RSI, from 1 to 99? For example: BTC rsi < 30 4h")
    return _bounded(Rule("rsi", heard.direction, heard.number, _candle(heard)))


def _share(heard: _Heard) -> Rule:
    """Funding and basis: percent, whether the sign is typed or not."""
    figure = heard.percent if heard.percent is not None else heard.number
    if figure is None or heard.durations:
        raise Misunderstood(f"At how many percent? For example: BTC {heard.measure} > 0.05")
    return _bounded(Rule(heard.measure, heard.direction, -figure if heard.sign == "down" else figure))


def _spread(heard: _Heard) -> Rule:
    """Basis points, whether bp is typed or not."""
    bps = heard.number if heard.percent is None else round(heard.percent * 100.0, 9)
    if bps is None or heard.durations or heard.sign or heard.direction == "down":
        raise Misunderstood("Above how many basis points? For example: BTC spread > 20bp")
    if heard.exchange:
        raise Misunderstood("A spread lies between all exchanges, so none is named: BTC spread > 20bp")
    return _bounded(Rule("spread", "up", bps))


def _step(heard: _Heard) -> Rule:
    if heard.percent is not None and heard.number is None:
        return _bounded(Rule("move", heard.direction or "either", heard.percent, _only_duration(heard, 0), times=0))
    if not heard.number or heard.durations or heard.percent is not None:
        raise Misunderstood("By which amount each? For example: BTC step 500")
    return Rule("step", heard.direction or "either", heard.number, times=0)


def _timer(heard: _Heard) -> Rule:
    assert heard.pause_ms is not None
    if heard.durations or heard.direction:
        raise Misunderstood(f"Just the price on time, is it? Then: {heard.symbol} every 4h")
    if not TIMER_MS[0] <= heard.pause_ms <= TIMER_MS[1]:
        raise Misunderstood("A timer goes from 5m to 7d: BTC every 4h")
    return Rule("timer", "", 0.0, heard.pause_ms, times=0)


def _repeated(heard: _Heard, rule: Rule) -> Rule:
    """How often, and with which pause."""
    times = rule.times if heard.times is None else heard.times
    if heard.is_repeated and heard.times is None:
        times = 0
    if heard.factor is not None and rule.measure != "volume":
        times = int(heard.factor)
    if not 0 <= times <= MAX_TIMES or heard.times == 0:
        raise Misunderstood(f"From once to x{MAX_TIMES}; or every for each time.")
    pause_ms = 0 if rule.measure == "timer" else heard.pause_ms or 0
    if pause_ms and not PAUSE_MS[0] <= pause_ms <= PAUSE_MS[1]:
        raise Misunderstood("A pause is from 1m to 30d: BTC > 70000 every 1h")
    return replace(rule, times=times, pause_ms=pause_ms)


def _candle(heard: _Heard) -> int:
    window_ms = _only_duration(heard, CANDLE_MS[heard.measure])
    if window_ms not in INTERVALS.values() or interval_of(window_ms) not in CANDLES_MS:
        raise Misunderstood("Of which candles? 1m, 5m, 15m, 30m, 1h, 4h or 1d.")
    return window_ms


def _only_duration(heard: _Heard, default_ms: int) -> int:
    if len(heard.durations) > 1:
        raise Misunderstood("One span at a time; for how long it lives, write until before it: until 2d")
    return heard.durations[0] if heard.durations else default_ms


def _bounded(rule: Rule) -> Rule:
    least, most = BOUNDS[rule.measure]
    if not least <= (abs(rule.level) if rule.measure == "change" else rule.level) <= most:
        raise Misunderstood(f"{NAMES[rule.measure]} goes from {least:g} to {most:g} here.")
    return rule
