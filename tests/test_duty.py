"""The four that keep the time: a loop, polling's loop, a schedule on Lambda, a request; and what /health says."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from conftest import ADA, a_house, updated
from databases import fresh_url
from openapi_schema_validator import OAS31Validator
from test_alert import BOB, T0, a_watching_house, tick

import openapi
import settings
from aws_lambda import Lambda
from exchanges import table
from store.words import Damaged
from watchman import duty

KEY = "k" * 32
OPENAPI = openapi.openapi("0")
JSON = "content/application~1json/schema"


async def test_a_request_with_the_key_is_a_tick(tmp_path: Path) -> None:
    async with (
        a_watching_house(tmp_path, API_KEY=KEY) as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client,
    ):
        await house.ask("/alert btc every 5m", update_id=1)
        house.stop_at(T0 + 301)
        assert (await client.post("/tick")).status_code == 401
        first = await client.post("/tick", headers={"authorization": f"Bearer {KEY}"})
        again = await client.post("/tick", headers={"authorization": f"Bearer {KEY}"})
        assert first.json() == {"ticked": True, "alerts": 1, "fired": 1}
        assert again.json() == {"ticked": False, "alerts": 0, "fired": 0}


async def test_without_a_key_there_is_no_such_door(tmp_path: Path) -> None:
    async with (
        a_watching_house(tmp_path) as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client,
    ):
        assert (await client.post("/tick")).status_code == 404


async def test_the_loop_ticks_until_it_is_stopped(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        house.wall.stands_at = None
        await house.ask("/alert btc every 5m", update_id=1)
        assert house.bot.duty is not None
        keeping = asyncio.ensure_future(house.bot.duty.keep())
        await asyncio.sleep(915)
        await house.bot.duty.stop()
        await keeping
        sent = [method for method, _ in house.world.telegram.calls if method == "sendMessage"]
        assert len(sent) == 3


async def test_who_woke_the_machine_is_answered_before_the_first_tick(tmp_path: Path) -> None:
    async with a_house(DATA_DIR=str(tmp_path)) as house:
        at_work = house.bot.duty
        assert at_work is not None
        keeping = asyncio.ensure_future(at_work.keep())
        await asyncio.sleep(0.9 * duty.FIRST_S)
        assert (at_work.store is not None, at_work.counted) == (True, None)
        await asyncio.sleep(0.9 * duty.FIRST_S)
        assert at_work.counted is not None
        await at_work.stop()
        await keeping


NO_TICK = "CREATE TRIGGER no_tick BEFORE UPDATE ON bot_tick BEGIN SELECT RAISE(ABORT, 'no'); END"
NO_OUTBOX = "ALTER TABLE bot_outbox RENAME TO lost"
MENDED = {NO_TICK: "DROP TRIGGER no_tick", NO_OUTBOX: "ALTER TABLE lost RENAME TO bot_outbox"}


def do_to(folder: Path, statements: Iterable[str]) -> None:
    """Does to the database what no program of ours does."""
    with closing(sqlite3.connect(folder / "bot.db", isolation_level=None)) as connection:
        for each in statements:
            connection.execute(each)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ([NO_TICK], ["a tick was not judged"]),
        ([NO_OUTBOX], ["the outbox is not read"]),
        ([NO_TICK, NO_OUTBOX], ["a tick was not judged", "the outbox is not read"]),
    ],
)
async def test_a_database_that_fails_is_said_once(
    harm: list[str], said: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_watching_house(tmp_path) as house:
        for _ in range(2):
            await tick(house)
            do_to(tmp_path, harm)
            for _ in range(3):
                await tick(house)
            do_to(tmp_path, [MENDED[each] for each in harm])
        warnings = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
        assert [each.partition(":")[0] for each in warnings] == 2 * said


@pytest.mark.parametrize("harm", [NO_TICK, NO_OUTBOX], ids=["no tick", "no outbox"])
async def test_alerts_that_cannot_ring_degrade_health(harm: str, tmp_path: Path) -> None:
    sentence = "Alerts do not ring: the database fails, as the log says."
    async with (
        a_watching_house(tmp_path) as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client,
    ):
        for statement, verdict in ((harm, ("degraded", sentence)), (MENDED[harm], ("ok", None))):
            do_to(tmp_path, [statement])
            await tick(house)
            health = await client.get("/health")
            assert (health.status_code, health.json()["status"], health.json()["reason"]) == (200, *verdict)
            assert (sentence in await house.ask("/status")) == (verdict[1] is not None)


@pytest.mark.parametrize(
    ("variables", "trouble"),
    [
        ({"DATA_DIR": "file"}, "Alerts do not ring: the disk is full or cannot be written."),
        ({"DATABASE_URL": "file/bot.db"}, "Alerts do not ring: the disk is full or cannot be written."),
        ({}, ""),
    ],
)
async def test_no_disk_is_trouble_where_one_is_wished(
    variables: dict[str, str], trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path / "file")
    async with a_house(**{name: str(tmp_path / value) for name, value in variables.items()}) as house:
        assert house.bot.trouble == ""
        assert await house.bot.tick() == {"ticked": False, "alerts": 0, "fired": 0}
        assert house.bot.trouble == trouble


@pytest.fixture
def refused_url(tmp_path: Path) -> str:
    """Of a database that the server does not have."""
    return fresh_url("postgres", tmp_path).replace("/test", "/no_test", 1)


@pytest.mark.real_time
async def test_a_server_that_refuses_is_not_taken_for_a_disk(refused_url: str) -> None:
    async with a_house(DATABASE_URL=refused_url) as house:
        await house.bot.tick()
        assert "The database refuses this bot" in await house.ask("/alert btc > 900000")
        assert house.bot.trouble == "Alerts do not ring: the database refuses this bot, as the log says."


async def test_a_newer_database_is_trouble(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path):
        do_to(tmp_path, ["UPDATE bot_schema SET version = 99"])
    async with a_house(DATA_DIR=str(tmp_path)) as house:
        await house.bot.tick()
        told = "a newer program has changed the database (schema 99, this one knows 2)"
        assert house.bot.trouble == f"Alerts do not ring: {told}."


async def test_ticks_that_come_to_nothing_are_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails() -> None:
        raise RuntimeError("a mistake of ours")

    async with a_watching_house(tmp_path) as house:
        assert house.bot.duty is not None
        keeping = asyncio.ensure_future(house.bot.duty.keep())
        await asyncio.sleep(duty.LOST_S + 5)
        assert house.bot.trouble == ""
        monkeypatch.setattr(house.bot.duty, "tick", fails)
        await asyncio.sleep(duty.LOST_S + 5)
        assert house.bot.trouble.startswith("Alerts do not ring: none was looked at for 2")
        await house.bot.duty.stop()
        await keeping


async def test_liquidations_of_what_is_watched_are_kept(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/watch btc", update_id=1)
        await tick(house)
        assert house.bot.duty is not None
        assert house.bot.duty.store is not None
        quarters = await house.bot.duty.store.quarters("BTC", 0)
        assert {each.exchange for each in quarters} == {"okx", "gate", "bitget", "deribit", "kraken"}
        before = len(quarters)
        await tick(house)
        assert len(await house.bot.duty.store.quarters("BTC", 0)) == before


async def test_health_and_metrics_tell_of_alerts(tmp_path: Path) -> None:
    async with (
        a_watching_house(tmp_path, API_KEY=KEY) as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client,
    ):
        await house.ask("/alert btc every 5m", update_id=1)
        await tick(house, 301)
        health = (await client.get("/health")).json()["alerts"]
        assert (health["armed"], health["fired"], health["waiting"], health["oldest_unsent_s"]) == (1, 1, 0, None)
        metrics = (await client.get("/metrics", headers={"authorization": f"Bearer {KEY}"})).text
        assert 'bot_alerts{state="armed"} 1\n' in metrics


async def test_health_where_nothing_is_remembered() -> None:
    async with a_house() as house, httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client:
        assert (await client.get("/health")).json()["alerts"] is None


async def test_a_damaged_database_is_said_to_be_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """To users, in the log, and in /health, which names no file."""
    (tmp_path / "bot.db").write_text("no database" * 100)
    async with (
        a_house(DATA_DIR=str(tmp_path)) as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client,
    ):
        await tick(house)
        sentence = Damaged("").sentence
        assert await house.ask("/alert btc > 900000") == sentence
        assert any("bot.db: file is not a database" in each for each in caplog.messages)
        health = (await client.get("/health")).json()
        assert health["status"] == "degraded"
        assert health["reason"] == "Alerts do not ring: the database is damaged, or its file is none."


@pytest.mark.parametrize("engine", ["disk", "no disk"])
def test_a_schedule_on_lambda(engine: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / ("file" if engine == "no disk" else "data")
    environ = {"TELEGRAM_BOT_TOKEN": "123456:TEST-0123456789", "TELEGRAM_CHAT_ID": str(ADA), "DATA_DIR": str(folder)}
    on_lambda = Lambda(settings.load(environ, table.EXCHANGES))
    try:
        answer = on_lambda.answer({"tick": True})
        assert orjson.loads(answer["body"])["ticked"] == (engine == "disk")
        assert on_lambda.answer({"tick": "yes"})["statusCode"] == 400
    finally:
        on_lambda.close()


def an_event(chosen: settings.Settings, text: str) -> dict[str, Any]:
    """A message as Lambda hands it over."""
    headers = {"x-telegram-bot-api-secret-token": chosen.webhook_secret, "content-type": "application/json"}
    body = orjson.dumps(updated(text)).decode()
    headers["content-length"] = str(len(body))
    return {"requestContext": {"http": {"method": "POST"}}, "rawPath": "/webhook", "headers": headers, "body": body}


def test_a_function_remembers_before_any_tick(tmp_path: Path) -> None:
    """Of several processes the schedule wakes one; the others know what is set, too."""
    database = fresh_url("postgres", tmp_path)
    environ = {"TELEGRAM_BOT_TOKEN": "123456:TEST-0123456789", "TELEGRAM_CHAT_ID": str(ADA), "DATABASE_URL": database}
    chosen = settings.load(environ, table.EXCHANGES)
    on_lambda = Lambda(chosen)
    try:
        assert "UTC+2" in on_lambda.answer(an_event(chosen, "/settings zone +2"))["body"]
    finally:
        on_lambda.close()


@pytest.mark.parametrize("is_ticked", [False, True], ids=["before a tick", "after a tick"])
def test_a_function_without_a_database_says_what_it_needs(is_ticked: bool, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = {"TELEGRAM_BOT_TOKEN": "123456:TEST-0123456789", "TELEGRAM_CHAT_ID": str(ADA), "DATABASE_URL": ""}
    chosen = settings.load({**environ, "DATA_DIR": str(tmp_path / "file")}, table.EXCHANGES)
    on_lambda = Lambda(chosen)
    try:
        if is_ticked:
            on_lambda.answer({"tick": True})
        for text in ("/alert btc > 900000", "/alerts", "/watch btc", "/settings zone +2"):
            assert "set DATABASE_URL to a PostgreSQL database." in on_lambda.answer(an_event(chosen, text))["body"]
    finally:
        on_lambda.close()


async def test_a_redelivered_update_sets_nothing_twice_through_the_webhook(tmp_path: Path) -> None:
    async with (
        a_watching_house(tmp_path) as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client,
    ):
        headers = {"x-telegram-bot-api-secret-token": house.settings.webhook_secret}
        for _ in range(3):
            await client.post("/webhook", json=updated("/alert btc > 900000", update_id=7), headers=headers)
        assert "1 alert" in await house.ask("/alerts", update_id=8)


async def test_alerts_by_the_api(tmp_path: Path) -> None:
    async with (
        a_watching_house(tmp_path, API_KEY=KEY) as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client,
    ):
        client.headers["authorization"] = f"Bearer {KEY}"

        async def ask(path: str, **fields: object) -> dict[str, Any]:
            answer: dict[str, Any] = (await client.post(f"/alerts/{path}", json=fields)).json()
            OAS31Validator({**OPENAPI, "$ref": f"#/paths/~1alerts~1{path}/post/responses/200/{JSON}"}).validate(answer)
            return answer

        made = (await ask("create", condition="BTC > 900000"))["data"]
        assert (made["condition"], made["exchange"], made["n_fired"]) == ("BTC rises above 900,000, once", "binance", 0)
        assert (await ask("list"))["data"]["alerts"] == [{**made, "rests": None}]
        gap = (await ask("create", condition="BTC spread > 900bp"))["data"]
        assert gap["condition"] == "BTC perp gap between exchanges rises above 900 bp, once"
        await ask("delete", id=gap["id"])
        assert "1 alert" in await house.ask("/alerts")
        assert (await ask("create", condition="BTC > 70,5"))["code"] == "misread"
        assert (await ask("create", condition="BTC > 5", chat_id=9))["code"] == "misread"
        assert (await ask("create", condition="NOSUCHCOIN > 5"))["code"] == "not_listed"
        assert [(await ask("delete", id=made["id"]))["data"]["deleted"] for _ in range(2)] == [True, False]
        assert (await ask("list", chat_id=ADA))["data"]["alerts"] == []


async def test_the_api_acts_for_the_user_listed_first(tmp_path: Path) -> None:
    async with (
        a_watching_house(tmp_path, API_KEY=KEY, TELEGRAM_CHAT_ID=f"{BOB},{ADA}") as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client,
    ):
        client.headers["authorization"] = f"Bearer {KEY}"
        await client.post("/alerts/create", json={"condition": "BTC > 900000"})
        lists = {who: (await client.post("/alerts/list", json={"chat_id": who})).json() for who in (BOB, ADA)}
        assert {who: len(told["data"]["alerts"]) for who, told in lists.items()} == {BOB: 1, ADA: 0}


async def test_the_user_listed_first_is_told_of_a_gap(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID=f"{BOB},{ADA}") as house:
        await house.ask("/alert btc > 900000", update_id=1)
        await tick(house)
        await tick(house, 86_400.0)
        told = [params["chat_id"] for method, params in house.world.telegram.calls if method == "sendMessage"]
        assert told == [BOB]


async def test_alerts_are_told_to_nobody_without_the_key(tmp_path: Path) -> None:
    async with (
        a_watching_house(tmp_path, API_KEY=KEY) as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client,
    ):
        for path in ("list", "create", "delete"):
            assert (await client.post(f"/alerts/{path}", json={})).status_code == 401


@pytest.mark.parametrize(("n", "app", "is_told"), [(2, "bot", True), (1, "bot", False), (2, "", False)])
async def test_a_second_machine_on_sqlite_is_told_of(
    n: int, app: str, is_told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def counted(name: str) -> int:
        return n

    monkeypatch.setattr(duty, "n_machines", counted)
    async with a_watching_house(tmp_path, FLY_APP_NAME=app) as house:
        sent = await tick(house)
        assert bool([each for each in sent if each.startswith("2 machines of this bot run, ")]) == is_told


@pytest.mark.parametrize(("answer", "n"), [(["fdaa::1", "fdaa::2", "fdaa::1"], 2), (OSError("no such name"), 1)])
async def test_machines_are_counted_by_their_addresses(
    answer: list[str] | OSError, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolved(name: str, port: object, **options: object) -> list[tuple[object, ...]]:
        assert name == "bot.internal"
        if isinstance(answer, OSError):
            raise answer
        return [(0, 0, 0, "", (each, 0, 0, 0)) for each in answer]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    assert await duty.n_machines("bot") == n
