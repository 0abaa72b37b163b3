"""No line of any answer is wider than a phone: random records of every kind of answer, as exchanges might tell them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest
import test_account_reports as accounts
import test_reports as markets
from conftest import some

import bot
from answers import alert, alerts, chat_settings, digest, fired, help, start, status, watchlist
from answers import price as price_answer
from answers.help import Help
from answers.judging import Firing, Rule
from answers.price import Prices
from answers.price_report import PriceReport
from answers.quiet import Wishes
from asking.circuits import HostHealth
from demo.telegram_html import parse
from exchanges.errors import MarketError, PartName, Reason, Unavailable
from exchanges.table import EXCHANGES, HOSTS
from exchanges.words import Funding, OpenInterest, Snapshot, Ticker
from render.figures import display_width
from render.message import PHONE, Answer
from store.words import ARMED, Alert, Chat, Counts, Message

pytestmark = pytest.mark.no_cover  # others reach what these do

NOW_S, NOW_MS = markets.NOW_S, markets.NOW_MS
BASES = ("BTC", "PEPE", "BABYDOGE", "1000CHEEMS", "FARTCOIN", "币安人生", "S", "WIF")
MAX_LABEL = 24  # characters of a button


class Chance:
    """Random records of the answers that are neither of whole markets nor of accounts."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def maybe(self, figure: Any) -> Any:
        return None if self.rng.random() < 0.15 else figure

    def symbol(self) -> str:
        return f"{self.rng.choice(BASES)}-{self.rng.choice(['USDT', 'USDT', 'USDT', 'USDC', 'EUR', 'BTC'])}"

    def change(self) -> float:
        return self.rng.choice([self.rng.gauss(0, 4), self.rng.uniform(-99, 900), 0.0])

    def ticker(self, price: float, exchange: str) -> Ticker:
        last, dollars = price * self.rng.uniform(0.999, 1.001), 10 ** self.rng.uniform(2, 11)
        low, high = last * self.rng.uniform(0.6, 1), last * self.rng.uniform(1, 1.9)
        sides = (self.maybe(last * 0.9999), self.maybe(last * 1.0001))
        figures = (self.maybe(high), self.maybe(low), self.maybe(self.change()), dollars / last, self.maybe(dollars))
        return Ticker(exchange, "X-USDT", last, *sides, *figures, NOW_MS - self.rng.randrange(90_000_000))

    def perp(self, price: float, exchange: str) -> Snapshot:
        dollars = 10 ** self.rng.uniform(2, 11)
        interest = OpenInterest(dollars / price, self.maybe(dollars))
        funding = Funding(
            self.rng.choice([self.rng.gauss(0, 1e-4), self.rng.uniform(-0.04, 0.04), 0.0]),
            self.maybe(self.rng.choice([1.0, 4.0, 8.0, 0.5])),
            self.maybe(NOW_MS + self.rng.randrange(28_800_000)),
            None,
            self.rng.random() < 0.1,
        )
        return Snapshot(self.ticker(price, exchange), self.maybe(interest), self.maybe(funding))

    def errors(self) -> tuple[MarketError, ...]:
        reasons = self.rng.sample(list(Reason), self.rng.randrange(1, 4))
        return tuple(Unavailable(self.rng.choice(list(EXCHANGES)), "x", each, 500) for each in reasons)

    def report(self) -> PriceReport:
        price = 10 ** self.rng.uniform(-11, 5.5)
        one, other = (self.rng.choice(list(EXCHANGES)) for _ in range(2))
        has_spot, has_perp = self.rng.choice([(True, True), (True, True), (True, False), (False, True)])
        spans = {span: self.change() for span in ("1h", "7d", "30d") if self.rng.random() < 0.8}
        perp = self.perp(price, other)
        now = perp.open_interest.open_interest if perp.open_interest else None
        before = {hours: (now or 1.0) * 10 ** self.rng.gauss(0, 0.3) for hours in (1, 24) if self.rng.random() < 0.8}
        return PriceReport(
            self.symbol(),
            self.ticker(price, one) if has_spot else None,
            perp if has_perp else None,
            {each: self.errors() for each in self.rng.sample(list(PartName), self.rng.randrange(4))},
            {side: self.errors() for side in ("spot", "perp") if self.rng.random() < 0.2},
            {"perp": 1000} if self.rng.random() < 0.2 else {},
            0.1,
            spans,
            before,
        )

    def rule(self) -> Rule:
        measure = self.rng.choice(["price", "move", "step", "change", "volume", "funding", "oi", "rsi", "basis",
                                   "timer", "liquidations"])  # fmt: skip
        level = 10 ** self.rng.uniform(-8, 5) if measure == "price" else self.rng.uniform(0.01, 99)
        window = 0 if measure == "price" else self.rng.choice([900_000, 3_600_000, 86_400_000])
        times, pause = self.rng.choice([0, 1, 5]), self.rng.choice([0, 3_600_000])
        kind, up = self.rng.choice(["spot", "perp"]), self.rng.choice(["up", "down"])
        where = (self.rng.choice(list(EXCHANGES)), kind, self.symbol())
        return Rule(measure, up, level, window, times, pause, self.rng.random() < 0.2, *where)

    def alert(self, rule: Rule) -> Alert:
        times = (self.rng.randrange(9), NOW_MS, NOW_MS + self.rng.randrange(10**9))
        return Alert("xqhug5wz", 1, None, 1, 7, ARMED, rule.need, rule.text, "", *times)

    def facts(self, rule: Rule) -> str:
        value = rule.level or 1.0
        reference = (self.maybe(value * 0.97), NOW_MS - self.rng.randrange(10**9))
        firing = Firing(NOW_MS, self.rng.choice(["up", "down"]), value * 1.01, *reference)
        last = value * 1.02
        told = {"event": "fired", "rule": orjson.loads(rule.text), "firing": firing._asdict(), "last": last}
        return orjson.dumps(told | {"now_ms": NOW_MS}).decode()

    def digest(self) -> Mapping[str, Any]:
        def rows() -> Sequence[tuple[str, float, float | None]]:
            n = self.rng.randrange(11)
            return [(self.symbol(), 10 ** self.rng.uniform(-11, 5.5), self.maybe(self.change())) for _ in range(n)]

        rates = [(self.symbol(), self.rng.uniform(-4, 4)) for _ in range(6)]
        return {
            "event": "digest",
            "watched": rows(),
            "movers": self.maybe({"exchange": "hyperliquid", "up": rows()[:3], "down": rows()[:3]}),
            "funding": self.maybe({"exchange": "hyperliquid", "highest": rates[:3], "lowest": rates[3:]}),
            "n_armed": self.rng.randrange(99),
        }

    def vitals(self) -> status.Vitals:
        def host() -> HostHealth:
            state = self.rng.choice(["ok", "failing", "resting", "gone"])
            return HostHealth(state, self.rng.randrange(900), self.maybe(self.rng.uniform(0, 1e5)), None)

        seconds = {name: (self.maybe(0.1), self.maybe(self.rng.uniform(0, 9)), 10**5) for name in bot.COMMANDS}
        hosts = {each.name: host() for each in HOSTS if self.rng.random() < 0.7}
        outcomes = {each: self.rng.randrange(10**7) for each in ("answered", "not for us", "not understood", "too old")}
        counts = Counts(999, 99, 10**6, 50, self.maybe(NOW_MS - 9000), self.maybe(NOW_MS - 10**7))
        build = {"version": "0.3.0", "commit": "0123456789abcdef", "machine": "148e21ea7d4389", "region": "fra"}
        figures = (self.rng.uniform(0, 1e8), 10 ** self.rng.uniform(7, 9))
        return status.Vitals(
            build, *figures, seconds, hosts, "registered", outcomes, self.maybe(counts), "Alerts do not ring: no."
        )

    def wishes(self) -> Wishes:
        return Wishes(1380, 420, self.rng.choice([-1, 480]), 330, self.rng.choice(["", "BABYDOGE"]), "15m", True)

    def answers(self) -> dict[str, Answer]:
        """One answer of each kind."""
        reports = [self.report() for _ in range(5)]
        rule = self.rule()
        own, price = self.alert(rule), 10 ** self.rng.uniform(-9, 5.5)
        several = [self.alert(self.rule()) for _ in range(self.rng.randrange(1, 25))]
        levels = alert.Told("levels", rule=rule, price=price, symbol=rule.symbol)
        rang = Message("xqhug5wz", self.rng.randrange(1, 999), 1, None, self.facts(rule), NOW_MS, NOW_MS)
        return {
            "price": price_answer.show(Prices([self.report()]), NOW_S),
            "price of several": price_answer.show(Prices(reports, self.rng.randrange(3)), NOW_S),
            "watch": watchlist.show(watchlist.Told([each.symbol for each in reports], Prices(reports)), NOW_S),
            "watch edit": watchlist.show(watchlist.Told([self.symbol() for _ in range(10)]), NOW_S),
            "status": status.show(self.vitals(), NOW_S),
            "alert": alert.show(alert.Told("set", own, rule, self.maybe(rule.level), self.maybe(price)), NOW_S),
            "alert levels": alert.show(levels, NOW_S),
            "alerts": alerts.show(alerts.Told(several, {each.id: self.change() for each in several}, 1), NOW_S),
            "settings": chat_settings.show(chat_settings.Told(self.wishes()), NOW_S),
            "rang": _of(fired.FiredShow(is_demo=True).message(rang, Chat(1), NOW_MS)),
            "digest": digest.answer_of(self.digest(), NOW_S),
            "start": start.show(tuple(each.name for each in EXCHANGES.values()), NOW_S),
            "help": help.show(Help(bot.COMMANDS), NOW_S),
            "help of one": help.show(Help(bot.COMMANDS, self.rng.choice(list(bot.COMMANDS))), NOW_S),
        }


def _of(shown: fired.Shown) -> Answer:
    return Answer(shown.text)


def all_answers(seed: int) -> dict[str, Answer]:
    """One of each kind: of whole markets, of accounts, and the others."""
    of_markets, of_accounts = markets.Ordinary(seed).answers(), accounts.Chance(seed).answers()
    return {**of_markets, **of_accounts, **Chance(seed).answers()}


def too_wide(answer: Answer) -> list[str]:
    """Lines in monospace that are wider than a phone, and buttons' labels that no phone shows whole."""
    lines = [line for line in accounts.lines_in_tables(answer.text) if display_width(line) > PHONE]
    return [*lines, *(each.label for row in answer.keyboard for each in row if len(each.label) > MAX_LABEL)]


def test_every_command_has_a_kind_here() -> None:
    kinds = {kind.split()[0] for kind in all_answers(1)}
    assert set(bot.COMMANDS) - {"chart"} <= kinds, "a picture's caption is test_chart's"


@pytest.mark.parametrize("n", some(((n,) for n in range(4)), 4))
def test_any_line_of_any_answer_fits_a_phone(n: int) -> None:
    """15 of every kind, 60 as a trial; python trials/widths.py takes 2,000."""
    seed = random.randrange(1 << 30)
    for i in range(15):
        for kind, answer in all_answers(seed + i).items():
            assert too_wide(answer) == [], f"{kind}, seed {seed + i}"
            assert len(parse(answer.text).text) <= 4096, f"{kind}, seed {seed + i}"


def test_a_line_that_is_too_wide_is_found() -> None:
    assert too_wide(Answer("<pre>" + "x" * 34 + "</pre>")) == []
    assert too_wide(Answer("<pre>" + "x" * 35 + "</pre>")) == ["x" * 35]
    assert too_wide(Answer("<pre>" + "币" * 18 + "</pre>")) == ["币" * 18]
