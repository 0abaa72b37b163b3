"""How an alert that rang looks, from its facts alone."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson
from conftest import together

from answers.fired import FiredShow, Shown
from answers.judging import HOUR_MS, Firing, Rule
from answers.silence import SILENT_MS, Silence
from store.words import ARMED, Alert, Chat, Message

NOW = 1_763_906_602_000


def shown(rule: Rule, firing: Firing, last: float, **more: Any) -> Shown:
    facts = {"event": "fired", "rule": asdict(rule), "firing": firing._asdict(), "last": last, "now_ms": NOW, **more}
    message = Message("aaaaaaaa", 3, 5, None, orjson.dumps(facts).decode(), NOW, NOW)
    return FiredShow().message(message, Chat(5), NOW)


def test_a_gap_tells_who_asks_and_who_bids() -> None:
    rule = Rule("spread", "up", 20.0, exchange="binance", kind="spot", symbol="BTC-USDT")
    sides = "OKX asks 67,400.10, Binance bids 67,550.20"
    told = shown(rule, Firing(NOW, "up", 22.2, 3.1, NOW - 7_200_000, (sides,)), 22.2)
    assert told.text.split("\n") == [
        "🟢 <b>BTC spot gap above 20 bp</b>  +22.2 bp",
        "from +3.1 bp, 2h00 ago",
        sides,
        "<i>all exchanges, spot · 14:03:22 UTC · #3</i>",
    ]
    assert told.markup is not None
    buttons = [each["callback_data"] for row in told.markup["inline_keyboard"] for each in row]
    assert buttons[-1] == "+spread BTC spot"


ANEW = "If it is no longer listed there, such alerts cannot ring: set them anew at another exchange."
SINCE = "since 13:48 UTC"
OF_B = f"of the B perpetual {SINCE}"
WAITS = "alerts on that wait until it does."


@together(
    "asked, answered, told",
    [
        ("price okx perp B-USDT", "", f"OKX has not answered {SINCE}: alerts on its markets wait until it does."),
        ("candles okx spot BTC-USDT 1h", "price okx spot", f"OKX has told no candles of spot markets {SINCE}: {WAITS}"),
        ("funding okx perp BTC-USDT", "price okx perp", f"OKX has told no funding of perpetuals {SINCE}: {WAITS}"),
        ("change okx spot BTC-USDT", "any okx perp", f"OKX has told no 24h change of spot markets {SINCE}: {WAITS}"),
        ("liqs okx perp B-USDT 15m", "liqs okx perp", f"OKX has told no liquidations {OF_B}. {ANEW}"),
        ("oi okx perp B-USDT", "oi okx perp", f"OKX has told no open interest {OF_B}. {ANEW}"),
        # Not that one exchange is silent: it may tell its price all the time.
        ("spread okx perp B-USDT", "price okx perp", f"No two exchanges have told bid and ask {OF_B}."),
        ("positions", "", f"Your accounts have not been read {SINCE}: alerts on positions wait until they are."),
        ("positions okx", "", f"OKX has not told all of your positions {SINCE}: alerts on those wait until it does. "
         "/positions says why."),
        ("positions key", "", "No account has a key here, so alerts on positions cannot ring: see docs/settings.md."),
    ],
)  # fmt: skip
def test_what_is_silent_is_said(asked: str, answered: str, told: str) -> None:
    silence, need = Silence(), "positions" if asked.startswith("positions") else asked
    alert = Alert("aaaaaaaa", 5, None, 7, 1, ARMED, need, "{}", "", 0, NOW, NOW)
    silence.listen([asked], [], [answered] if answered else [], NOW - SILENT_MS)
    silence.hear(alert, NOW - 1)
    assert silence.messages() == []
    silence.hear(alert, NOW)
    (message,) = silence.messages()
    assert FiredShow().message(message, Chat(5), NOW).text == told
    assert FiredShow().line(message) == told
    silence.was_told(message)
    silence.listen([asked], [], [], NOW + SILENT_MS)
    silence.hear(alert, NOW + SILENT_MS)
    assert silence.messages() == []


@together(
    "symbol, is_gap, told",
    [
        ("", False, f"OKX has not answered {SINCE}: alerts on its markets wait until it does."),
        ("B-USDT", False, f"OKX has told no figures {OF_B}. {ANEW}"),
        ("B-USDT", True, f"No two exchanges have told bid and ask {OF_B}."),
    ],
)
def test_what_was_stored_before_it_told_its_figures_is_said(symbol: str, is_gap: bool, told: str) -> None:
    facts = {"event": "silent", "exchange": "okx", "kind": "perp", "from_ms": NOW - SILENT_MS, "symbol": symbol}
    message = Message("silent", 1, 5, None, orjson.dumps({**facts, "is_gap": is_gap}).decode(), NOW, NOW)
    assert FiredShow().message(message, Chat(5), NOW).text == told
    assert FiredShow().line(message) == told


def test_what_is_told_again_is_silent_no_more() -> None:
    silence, need = Silence(), "price binance perp BTC-USDT"
    alert = Alert("aaaaaaaa", 5, None, 7, 1, ARMED, need, "{}", "", 0, NOW, NOW)
    for told, at_ms in (([], 0), ([need], SILENT_MS - 1), ([], SILENT_MS)):
        silence.listen([need], told, [], NOW + at_ms)
    silence.hear(alert, NOW + 2 * SILENT_MS - 1)
    silence.forget([])
    silence.hear(alert, NOW + 3 * SILENT_MS)
    assert silence.messages() == []


def test_a_digest_has_no_line_in_a_summary() -> None:
    """Its name alone would stand there, and what it tells would be gone."""
    for event in ("digest", "slept", "machines"):
        assert not FiredShow().line(Message(event, 1, 5, None, orjson.dumps({"event": event}).decode(), NOW, NOW))


def test_what_no_candles_tell_is_said_to_be_unknown() -> None:
    silence, need = Silence(), "price binance perp BTC-USDT"
    alert = Alert("aaaaaaaa", 5, None, 7, 1, ARMED, need, "{}", "", 0, NOW, NOW)
    for _ in range(2):
        silence.miss(alert, NOW - 3 * HOUR_MS, NOW - SILENT_MS, NOW)
    (message,) = silence.messages()
    silence.was_told(message)
    silence.miss(alert, NOW - 3 * HOUR_MS, NOW - SILENT_MS, NOW)
    assert silence.messages() == []
    told = "Binance tells no candles of the BTC perpetual from 11:03 to 13:48 UTC, when I did not watch it: "
    assert FiredShow().message(message, Chat(5), NOW).text == f"{told}what it crossed then is not known."
    assert FiredShow().line(message).startswith(told)
