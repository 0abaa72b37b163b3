"""What the process counts of itself: by hand, by somebody else's parser, in /metrics and in /status."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import pytest
from conftest import ADA, Answers, House, a_house, pressed, together, updated
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

import bot as bot_module
import metrics
from answers.asked import Tools
from answers.command import Command
from bot import COMMANDS
from demo.telegram_html import parse
from metrics import BUCKETS_S, LATEST, MAX_SERIES, Counter, Family, Histogram, Metrics
from render.message import Answer

KEY = "open-sesame.1234"
STRANGER = 77
BEGAN_S = time.time()  # soon after the process did


def read(text: str) -> dict[str, Metric]:
    """The metrics by name, as Prometheus' own client reads them; each name stands there once."""
    families = list(text_string_to_metric_families(text))
    named = {family.name: family for family in families}
    assert len(named) == len(families)
    return named


def figures(family: Metric, name: str = "") -> dict[str, float]:
    """A metric's figures by label values, joined with blanks; each stands there once."""
    of = [each for each in family.samples if each.name == (name or each.name)]
    found = {" ".join(each.labels.values()): each.value for each in of}
    assert len(found) == len(of)
    return found


def counted(counter: Counter) -> dict[str, float]:
    (family,) = text_string_to_metric_families("\n".join(counter.lines()) + "\n")
    return figures(family)


# Counters and histograms.


def test_counter() -> None:
    counter = Counter("cups_total", "Cups.", ["size", "drink"])
    counter.add("large", "tea")
    counter.add("large", "tea", amount=2.5)
    counter.add("small", "coffee")
    assert list(counter.lines()) == [
        "# HELP cups_total Cups.",
        "# TYPE cups_total counter",
        'cups_total{size="large",drink="tea"} 3.5',
        'cups_total{size="small",drink="coffee"} 1',
    ]


def test_counter_has_bounded_labels() -> None:
    counter = Counter("cups_total", "Cups.", ["drink"])
    for i in range(MAX_SERIES + 50):
        counter.add(f"drink {i}")
    counter.add("drink 0")
    told = counted(counter)
    assert (len(told), told["other"], told["drink 0"]) == (MAX_SERIES + 1, 50, 2)
    assert f"drink {MAX_SERIES}" not in told


def test_counter_beyond_its_bounds_has_all_its_labels() -> None:
    counter = Counter("cups_total", "Cups.", ["size", "drink"])
    for i in range(MAX_SERIES + 1):
        counter.add("large", f"drink {i}")
    assert counted(counter)["other other"] == 1


@together("value", ['a "b"', "a\\b", "a\nb", 'x\\"\n\\n', "ß€🟢", "", "{a=1}"])
def test_label_values_are_escaped(value: str) -> None:
    counter = Counter("cups_total", "Cups.", ["drink"])
    counter.add(value)
    assert counted(counter) == {value: 1}


@together(
    "figure, text",
    [(0, "0"), (1, "1"), (100, "100"), (0.25, "0.25"), (123456789, "123456789"), (1e15, "1e+15"), (2.5e-7, "0")],
)
def test_figures_are_written_plainly(figure: float, text: str) -> None:
    counter = Counter("cups_total", "Cups.", ["drink"])
    counter.add("tea", amount=figure)
    line = list(counter.lines())[-1]
    assert float(line.split()[-1]) == float(text) if "e" in text else line.endswith(f" {text}")


def test_histogram_buckets_are_cumulative() -> None:
    histogram = Histogram("brew_seconds", "Brewing.", ["drink"])
    for seconds in (0.004, 0.005, 0.0051, 0.3, 7, 8, 9, 1000):
        histogram.observe(seconds, "tea")
    (family,) = text_string_to_metric_families("\n".join(histogram.lines()) + "\n")
    by_bound = {each.labels["le"]: each.value for each in family.samples if each.name == "brew_seconds_bucket"}
    assert by_bound == {
        "0.005": 2,
        "0.02": 3,
        "0.05": 3,
        "0.1": 3,
        "0.25": 3,
        "0.5": 4,
        "1": 4,
        "2": 4,
        "4": 4,
        "8": 6,
        "+Inf": 8,
    }
    assert figures(family, "brew_seconds_count") == {"tea": 8}
    assert figures(family, "brew_seconds_sum") == {"tea": pytest.approx(1024.3141)}


def test_histogram_keeps_labels_apart() -> None:
    histogram = Histogram("brew_seconds", "Brewing.", ["drink"])
    histogram.observe(1, "tea")
    histogram.observe(2, "coffee")
    (family,) = text_string_to_metric_families("\n".join(histogram.lines()) + "\n")
    assert figures(family, "brew_seconds_sum") == {"tea": 1, "coffee": 2}
    assert (histogram.percentile(0.5, "tea"), histogram.percentile(0.5, "coffee")) == (1, 2)


def test_histogram_has_bounded_labels() -> None:
    histogram = Histogram("brew_seconds", "Brewing.", ["drink"])
    for i in range(MAX_SERIES + 50):
        histogram.observe(1, f"drink {i}")
    assert len(histogram.counts) == len(histogram.sums) == MAX_SERIES + 1
    assert (sum(histogram.counts[("other",)]), histogram.sums[("other",)]) == (50, 50)


@together("share, seconds", [(0, 1), (0.5, 51), (0.95, 96), (0.99, 100), (1, 100)])
def test_percentile(share: float, seconds: float) -> None:
    histogram = Histogram("brew_seconds", "Brewing.", ["drink"])
    for i in reversed(range(1, 101)):
        histogram.observe(i, "tea")
    assert histogram.percentile(share, "tea") == seconds


def test_percentile_of_nothing_and_of_one() -> None:
    histogram = Histogram("brew_seconds", "Brewing.", ["drink"])
    assert histogram.percentile(0.5, "tea") is None
    histogram.observe(3, "tea")
    assert histogram.percentile(0.5, "tea") == histogram.percentile(0.95, "tea") == 3


def test_percentile_is_of_the_latest() -> None:
    histogram = Histogram("brew_seconds", "Brewing.", ["drink"])
    for seconds in (100.0,) * LATEST + (1.0,) * LATEST:
        histogram.observe(seconds, "tea")
    assert histogram.percentile(1, "tea") == 1
    assert sum(histogram.counts[("tea",)]) == 2 * LATEST


def test_buckets_reach_a_commands_time() -> None:
    assert sorted(BUCKETS_S) == list(BUCKETS_S)
    assert BUCKETS_S[-1] == bot_module.COMMAND_S


def test_exposition_with_gauges() -> None:
    families = [Family("cups", "Cups.", "drink", {"tea": 2, "a\nb": 0.5}), Family("spoons", "S.", "", {"": 7})]
    text = Metrics().exposition(families)
    told = read(text.decode())
    assert text.endswith(b"\n")
    assert (told["cups"].type, told["cups"].documentation) == ("gauge", "Cups.")
    assert figures(told["cups"]) == {"tea": 2, "a\nb": 0.5}
    assert figures(told["spoons"]) == {"": 7}


def test_resident_memory_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    now = metrics.resident_bytes()

    def missing(path: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(metrics, "open", missing, raising=False)
    assert 8 * 2**20 < now <= metrics.resident_bytes() * 1.05 < 2**32


# /metrics.


class Counts(NamedTuple):
    """A house, and a client of it that has the key."""

    house: House
    client: httpx.AsyncClient

    async def scrape(self) -> dict[str, Metric]:
        response = await self.client.get("/metrics", headers={"authorization": f"Bearer {KEY}"})
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return read(response.text)

    async def updates(self) -> dict[str, float]:
        return figures((await self.scrape())["bot_updates"])

    async def post(self, update: dict[str, Any]) -> None:
        headers = {"x-telegram-bot-api-secret-token": self.house.settings.webhook_secret}
        assert (await self.client.post("/webhook", json=update, headers=headers)).status_code == 200


@asynccontextmanager
async def counts(**variables: str) -> AsyncIterator[Counts]:
    async with (
        a_house(**{"API_KEY": KEY, **variables}) as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False, timeout=60) as client,
    ):
        yield Counts(house, client)


async def test_everything_is_read_by_prometheus() -> None:
    async with counts() as at:
        for name in COMMANDS:
            await at.post(updated(f"/{name} BTC"))
        await at.house.world.set_fault("okx", "429")
        await at.house.later()
        await at.post(updated("/oi"))
        told = await at.scrape()
        kinds = {name: family.type for name, family in told.items()}
        assert kinds == {
            "bot_updates": "counter",
            "bot_command_seconds": "histogram",
            "bot_exchange_requests": "counter",
            "bot_exchange_seconds": "histogram",
            "process_resident_memory_bytes": "gauge",
            "bot_alerts": "gauge",
            "bot_alert_age_seconds": "gauge",
            "bot_loop_lag_seconds": "gauge",
            "bot_cache_questions": "counter",
            "bot_connections": "counter",
            "bot_requests_refused": "counter",
            "bot_circuit_open": "gauge",
            "bot_updates_in_work": "gauge",
            "bot_registered": "gauge",
            "bot_updates_pending": "gauge",
            "bot_delivery_last_error_timestamp_seconds": "gauge",
            "bot_build_info": "gauge",
            "process_start_time_seconds": "gauge",
            "process_cpu_seconds": "counter",
        }
        assert all(family.documentation.endswith(".") for family in told.values())
        assert {name for name, family in told.items() if not family.samples} == {
            "bot_requests_refused",  # none was
            *("bot_alerts", "bot_alert_age_seconds"),  # no store
            *("bot_registered", "bot_updates_pending", "bot_delivery_last_error_timestamp_seconds"),  # not known yet
        }


async def test_histograms_of_a_real_house_are_whole() -> None:
    async with counts() as at:
        for text in ("/price BTC", "/oi", "/help"):
            await at.post(updated(text))
        told = await at.scrape()
        for name, label in (("bot_command_seconds", "command"), ("bot_exchange_seconds", "exchange")):
            for of, count in figures(told[name], f"{name}_count").items():
                rising = [each.value for each in told[name].samples if each.labels == {label: of} | _le(each.labels)]
                buckets = rising[: len(BUCKETS_S) + 1]
                assert buckets == sorted(buckets)
                assert buckets[-1] == count > 0
                assert 0 <= figures(told[name], f"{name}_sum")[of] < 8 * count


def _le(labels: dict[str, str]) -> dict[str, str]:
    return {"le": labels["le"]} if "le" in labels else {}


async def test_answered_updates() -> None:
    async with counts() as at:
        assert await at.updates() == {}
        for text in ("/help", "/price BTC", "/price NOPE", "/help"):
            await at.post(updated(text))
        await at.post(pressed("price BTC"))
        assert await at.updates() == {"answered": 4, "not understood": 1}
        seconds = (await at.scrape())["bot_command_seconds"]
        assert figures(seconds, "bot_command_seconds_count") == {"help": 2, "price": 3}


async def test_updates_that_are_not_answered() -> None:
    async with counts() as at:
        await at.post({"update_id": 1, "poll": {}})
        await at.post(updated("nice weather", chat_id=-5))
        assert await at.updates() == {"not for us": 2}
        await at.post(updated("/help", date=int(at.house.wall()) - 3600))
        assert await at.updates() == {"not for us": 2, "too old": 1}


async def test_refused_updates() -> None:
    async with counts() as at:
        await at.post(updated("/help", chat_id=STRANGER, user_id=STRANGER))
        assert await at.updates() == {"refused": 1}
        await at.post(updated("/balance", chat_id=-5, user_id=ADA))
        assert await at.updates() == {"refused": 2}
        await at.post(updated("/nope"))
        assert await at.updates() == {"refused": 2, "unknown": 1}
        assert figures((await at.scrape())["bot_command_seconds"]) == {}


async def test_too_many_updates() -> None:
    async with counts(COMMANDS_PER_MINUTE="2") as at:
        for _ in range(5):
            await at.post(updated("/help"))
        assert await at.updates() == {"answered": 2, "too many": 3}


async def test_failed_and_slow_updates(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def fail(tools: Tools, asked: None) -> Answer:
        raise RuntimeError("as it happens")

    async def wait(tools: Tools, asked: None) -> Answer:
        await asyncio.sleep(60)
        return Answer("late")

    monkeypatch.setitem(COMMANDS, "fail", Command(Answers(fail), "", "fails"))
    monkeypatch.setitem(COMMANDS, "wait", Command(Answers(wait), "", "waits"))
    caplog.set_level(logging.CRITICAL)
    async with counts() as at:
        for text in ("/fail", "/wait", "/help"):
            await at.post(updated(text))
        assert await at.updates() == {"failed": 1, "too slow": 1, "answered": 1}
        assert (
            figures((await at.scrape())["bot_command_seconds"], "bot_command_seconds_sum")["wait"]
            == bot_module.COMMAND_S
        )


async def test_strangers_make_no_labels() -> None:
    """What users type is in no label: neither unknown commands nor symbols."""
    async with counts() as at:
        for i in range(5):
            await at.post(updated(f"/nope{i}"))
            await at.post(updated(f"/price NOPE{i}"))
        page = (await at.client.get("/metrics", headers={"authorization": f"Bearer {KEY}"})).text.lower()
        assert "nope" not in page


async def test_exchange_requests_that_went_well() -> None:
    async with counts(EXCHANGES="bybit") as at:
        await at.post(updated("/price BTC"))
        told = await at.scrape()
        n = at.house.world.sites["BYBIT"].n_requests
        assert figures(told["bot_exchange_requests"]) == {"bybit ok": n}
        assert figures(told["bot_exchange_seconds"], "bot_exchange_seconds_count") == {"bybit": n}
        assert figures(told["bot_circuit_open"]) == {"BYBIT": 0}


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("500", "Unavailable"),
        ("refuse", "Unavailable"),
        ("429", "RateLimited"),
        ("451", "Blocked"),
        ("cut", "BadResponse"),
        ("garbage", "BadResponse"),
    ],
)
async def test_exchange_requests_that_failed(fault: str, outcome: str) -> None:
    async with counts(EXCHANGES="bybit") as at:
        await at.house.world.set_fault("bybit", fault)
        await at.post(updated("/ls BTC"))
        told = figures((await at.scrape())["bot_exchange_requests"])
        assert set(told) == {f"bybit {outcome}"}


async def test_exchange_that_does_not_list_it() -> None:
    async with counts(EXCHANGES="bybit") as at:
        await at.post(updated("/price NOPE"))
        assert figures((await at.scrape())["bot_exchange_requests"])["bybit UnknownSymbol"] >= 1


async def test_exchange_requests_that_are_given_up() -> None:
    async with counts(EXCHANGES="binance,bybit") as at:
        await at.house.world.set_fault("binance", "hang")
        await at.post(updated("/price BTC"))
        assert set(figures((await at.scrape())["bot_exchange_requests"])) == {"binance given up", "bybit ok"}


async def test_host_that_rests_is_not_asked() -> None:
    async with counts(EXCHANGES="bybit") as at:
        await at.house.world.set_fault("bybit", "451")
        await at.post(updated("/ls BTC"))
        before = figures((await at.scrape())["bot_exchange_requests"])
        await at.post(updated("/ls BTC"))
        told = await at.scrape()
        assert figures(told["bot_exchange_requests"]) == before
        assert figures(told["bot_circuit_open"]) == {"BYBIT": 1}


async def test_cache_questions() -> None:
    async with counts(EXCHANGES="bybit") as at:
        await at.post(updated("/price BTC"))
        first = figures((await at.scrape())["bot_cache_questions"])
        await at.post(updated("/price BTC"))
        second = figures((await at.scrape())["bot_cache_questions"])
        assert first["hit"] == 0 < first["miss"]
        assert second == {"hit": first["miss"], "miss": first["miss"]}


async def test_gauges_of_the_process() -> None:
    async with counts() as at:
        at.house.bot.metrics.loop_lag_s = 0.125
        told = await at.scrape()
        assert figures(told["bot_loop_lag_seconds"]) == {"": 0.125}
        assert figures(told["bot_updates_in_work"]) == {"": 0}
        assert 2**23 < figures(told["process_resident_memory_bytes"])[""] < 2**32
        assert 0 < figures(told["process_cpu_seconds"])[""] < 1000
        assert 0 <= BEGAN_S - figures(told["process_start_time_seconds"])[""] < 50


# Who may read them.


@pytest.mark.parametrize(
    ("variables", "headers", "status"),
    [
        ({}, {}, 401),
        ({}, {"authorization": "Bearer wrong"}, 401),
        ({}, {"authorization": f"Bearer {KEY}"}, 200),
        ({"API_KEY": ""}, {}, 404),
        ({"API_KEY": ""}, {"authorization": "Bearer"}, 404),
        ({"FLY_APP_NAME": "app", "API_KEY": ""}, {}, 200),
        ({"FLY_APP_NAME": "app"}, {}, 200),
        ({"FLY_APP_NAME": "app"}, {"fly-client-ip": "9.9.9.9"}, 401),
        ({"FLY_APP_NAME": "app"}, {"Fly-Client-IP": ""}, 401),
        ({"FLY_APP_NAME": "app"}, {"x-forwarded-for": "9.9.9.9"}, 401),
        ({"FLY_APP_NAME": "app"}, {"fly-client-ip": "9.9.9.9", "authorization": f"Bearer {KEY}"}, 200),
        ({"FLY_APP_NAME": "app", "API_KEY": ""}, {"fly-client-ip": "9.9.9.9"}, 404),
    ],
)
async def test_who_may_read_metrics(variables: dict[str, str], headers: dict[str, str], status: int) -> None:
    async with counts(**variables) as at:
        assert (await at.client.get("/metrics", headers=headers)).status_code == status


async def test_metrics_of_no_key_look_like_nothing() -> None:
    async with counts(API_KEY="") as at:
        hidden, missing = await at.client.get("/metrics"), await at.client.get("/nothing")
        assert (hidden.status_code, hidden.content) == (missing.status_code, missing.content)


# /status.


async def test_status_is_valid_and_readable() -> None:
    async with a_house() as house:
        for text in ("/price BTC", "/price ETH", "/help"):
            await house.ask(text)
        raw = await house.ask("/status")
        lines = parse(raw).text.splitlines()
        assert lines[0] == "Status"
        assert re.fullmatch(r"version +\d+\.\d+\.\d+", lines[1])
        assert re.fullmatch(r"memory +\d+\.\d MiB", lines[3])
        assert re.search(r"\nprice +2 +\d+ +\d+\n", parse(raw).text)
        assert re.search(r"\nhelp +1 +\d+ +\d+\n", parse(raw).text)
        assert re.search(r"\nanswered +3\n", parse(raw).text)
        assert "asked so far, and all answered." in lines[-2]
        assert re.fullmatch(r"\d\d:\d\d:\d\d UTC", lines[-1])


async def test_status_before_anything_was_asked() -> None:
    async with a_house() as house:
        text = parse(await house.ask("/status")).text
        assert "No exchange was asked so far." in text
        assert "n/a" not in text


async def test_status_names_the_failing_host() -> None:
    async with a_house() as house:
        await house.world.set_fault("BYBIT", "451")
        await house.ask("/ls BTC")
        text = parse(await house.ask("/status")).text
        assert "BYBIT: resting, refused this server's region" in text
        assert "OKX" not in text
        assert "answer." not in text


async def test_status_tells_of_the_webhook() -> None:
    async with a_house() as house:
        house.bot.standing.state = "failed: <getWebhookInfo> & co"
        assert "Updates: failed: <getWebhookInfo> & co" in parse(await house.ask("/status")).text


async def test_status_costs_no_request() -> None:
    async with a_house() as house:
        await house.ask("/status")
        assert sum(site.n_requests for site in house.world.sites.values()) == 0


async def test_status_of_a_full_house_fits_a_message() -> None:
    """Every command asked, every host failing."""
    async with a_house() as house:
        for exchange in ("binance", "bybit", "okx", "gate", "bitget", "hyperliquid", "deribit", "kraken", "coinbase"):
            await house.world.set_fault(exchange, "500")
        for name in COMMANDS:
            await house.ask(f"/{name} BTC" if name != "status" else "/help")
        text = parse(await house.ask("/status")).text
        assert len(text) < 2500
        assert text.count(": failing, ") + text.count(": resting, ") >= 9


@pytest.mark.parametrize(
    ("allowed", "user_id", "is_answered"),
    [
        (f"{ADA}", ADA, True),
        (f"{ADA}", STRANGER, False),
        (f"*,{ADA}", ADA, True),
        (f"*,{ADA}", STRANGER, False),
        ("*", ADA, False),
        ("", ADA, False),
    ],
)
async def test_who_may_ask_for_status(allowed: str, user_id: int, is_answered: bool) -> None:
    async with a_house(TELEGRAM_CHAT_ID=allowed) as house:
        said = await house.ask("/status", chat_id=user_id, user_id=user_id)
        assert said.startswith("<b>Status</b>") == is_answered
        assert is_answered or "listed" in said


async def test_status_in_a_listed_group_is_for_listed_users() -> None:
    async with a_house(TELEGRAM_CHAT_ID=f"-5,{ADA}") as house:
        assert (await house.ask("/status", chat_id=-5)).startswith("<b>Status</b>")
        said = await house.ask("/status", chat_id=-5, user_id=STRANGER)
        assert said == "Only users who are listed by their own id may ask of this."


async def test_status_refreshes_in_place() -> None:
    async with a_house() as house:
        call = await house.bot.answer(updated("/status"))
        assert call is not None
        button, *_ = call["reply_markup"]["inline_keyboard"][0]
        again = await house.bot.answer(pressed(button["callback_data"]))
        assert again is not None
        assert (again["method"], again["message_id"]) == ("editMessageText", 9)
        stranger = await house.bot.answer(pressed(button["callback_data"], user_id=STRANGER, chat_id=STRANGER))
        assert stranger is not None
        assert stranger["method"] == "answerCallbackQuery"
