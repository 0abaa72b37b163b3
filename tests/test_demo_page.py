"""The chat page's doors: what a browser on this machine may ask and do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

import demo
from demo.chat_page import FORUM, GROUP, PAGE, TOPIC, policy
from demo.weather import PRESETS, SCENARIOS, WORDS, Hooks
from demo.web import FAULTS


class Page:
    """The page's doors, as its script uses them."""

    def __init__(self, world: demo.World, client: httpx.AsyncClient) -> None:
        self.world, self.client = world, client

    async def get(self, path: str) -> Any:
        return (await self.client.get(path)).json()

    async def post(self, path: str, **wanted: Any) -> Any:
        return (await self.client.post(path, json=wanted)).json()

    async def heard(self) -> list[dict[str, Any]]:
        """The updates that the bot would get."""
        return await self.world.telegram.get_updates({})


@asynccontextmanager
async def a_page() -> AsyncIterator[Page]:
    world = demo.World()
    await world.start()
    try:
        async with httpx.AsyncClient(base_url=world.page_url, trust_env=False, verify=False) as client:
            yield Page(world, client)
    finally:
        await world.close()


async def test_page_is_for_this_machine_only() -> None:
    async with a_page() as page:
        assert "<title>" in (await page.client.get("/")).text
        assert (await page.client.get("/", headers={"host": "evil.example"})).status_code == 403
        assert (await page.client.post("/chat/send", content=b'{"text":"x"}')).status_code == 404


def test_page_runs_its_own_script_only() -> None:
    page = PAGE.read_bytes()
    said = policy(page)
    assert "default-src 'none'" in said
    assert "unsafe" not in said
    assert said != policy(page.replace(b"<script>", b"<script>alert(1);"))
    assert b" style=" not in page
    assert b"onclick=" not in page


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/chat/send", b"{"),
        ("/chat/send", b"[]"),
        ("/chat/send", b"{}"),
        ("/chat/press", b'{"message_id":"x","data":"y"}'),
        ("/chat/choose", b'{"query_id":"1","result_id":"1"}'),
        ("/world/fault", b'{"site":"NOWHERE","fault":"500"}'),
        ("/world/fault", b'{"fault":"nonsense"}'),
        ("/world/fault", b'{"latency_ms":-1}'),
        ("/world/weather", b'{"name":"nice"}'),
        ("/world/replay", b'{"name":"outage","speed":0}'),
        ("/world/clock", b'{"speed":-1}'),
        ("/world/clock", b'{"jump_s":1e12}'),
    ],
)
async def test_what_is_not_understood(path: str, body: bytes) -> None:
    async with a_page() as page:
        answer = await page.client.post(path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("not understood")
        assert (await page.client.post("/chat/nothing", json={})).status_code == 404
        assert (await page.client.get("/chat/photo/none")).status_code == 404


async def test_people_and_what_they_may() -> None:
    async with a_page() as page:
        menu = await page.get("/chat/menu")
        assert [each["name"] for each in menu["people"]][:3] == ["Owner", "Listed user", "Stranger"]
        assert str(menu["people"][0]["user_id"]) in page.world.chat_ids.split(",")
        assert str(menu["people"][2]["user_id"]) not in page.world.chat_ids.split(",")
        assert str(GROUP) in page.world.chat_ids.split(",")


@pytest.mark.parametrize(
    ("text", "chat_id", "kinds"),
    [
        ("hello", 1001, ["message"]),
        ("hello", GROUP, []),
        ("/price BTC", GROUP, ["message"]),
        ("hello", -5001, []),
        ("@demomarketbot BTC", -5001, ["guest_message"]),
    ],
)
async def test_what_the_bot_hears(text: str, chat_id: int, kinds: list[str]) -> None:
    async with a_page() as page:
        await page.post("/chat/send", text=text, chat_id=chat_id, user_id=1001)
        assert [list(update)[1] for update in await page.heard()] == kinds
        (event,) = await page.get("/chat/events?after=0")
        assert (event["html"], event["of_bot"]) == (text, False)


async def test_topic_and_reply() -> None:
    async with a_page() as page:
        sent = page.world.telegram.execute("sendMessage", {"chat_id": FORUM, "text": "which level?"})
        await page.post("/chat/send", text="70000", chat_id=FORUM, thread_id=TOPIC, reply_to=sent["message_id"])
        (update,) = await page.heard()
        message = update["message"]
        assert (message["message_thread_id"], message["is_topic_message"]) == (TOPIC, True)
        assert message["chat"]["is_forum"]
        assert message["reply_to_message"]["text"] == "which level?"


async def test_events_without_the_wire_unless_asked() -> None:
    async with a_page() as page:
        url = f"/bot{demo.TOKEN}/sendMessage"
        await page.post(url, chat_id=1001, text="<b>a</b>", parse_mode="HTML")
        assert [event["kind"] for event in await page.get("/chat/events?after=0")] == ["message"]
        assert [event["kind"] for event in await page.get("/chat/events?after=0&all")] == ["call", "message"]


async def test_bot_is_stopped_and_taken_back() -> None:
    async with a_page() as page:
        await page.post("/chat/block", chat_id=1001, user_id=1001, is_blocked=True)
        assert (await page.get("/chat/menu?whom=0"))["is_blocked"]
        sent = await page.post(f"/bot{demo.TOKEN}/sendMessage", chat_id=1001, text="x")
        assert (sent["error_code"], sent["description"]) == (403, "Forbidden: bot was blocked by the user")
        await page.post("/chat/block", chat_id=1001, user_id=1001, is_blocked=False)
        assert (await page.post(f"/bot{demo.TOKEN}/sendMessage", chat_id=1001, text="x"))["ok"]
        assert [list(update)[1] for update in await page.heard()] == ["my_chat_member"] * 2


# The weather.


def test_every_fault_has_words() -> None:
    assert set(WORDS) == {"", *FAULTS}
    assert {preset for _, steps in SCENARIOS.values() for _, preset in steps} <= set(PRESETS)
    assert all(steps[-1][1] == "fine" for _, steps in SCENARIOS.values())


@pytest.mark.parametrize("name", PRESETS)
async def test_presets(name: str) -> None:
    async with a_page() as page:
        state = await page.post("/world/weather", name=name)
        assert state["preset"] == name
        wrong = {each["name"] for each in state["exchanges"] if each["fault"] or each["latency_ms"]}
        named = {spell.exchange for spell in PRESETS[name].spells if spell.fault or spell.latency_ms}
        assert wrong == ({each["name"] for each in state["exchanges"]} if "" in named else named)
        after = await page.post("/world/weather", name="fine")
        assert not any(each["fault"] or each["latency_ms"] for each in after["exchanges"])


async def test_flash_crash_moves_prices_until_all_is_fine() -> None:
    async with a_page() as page:
        market = page.world.market
        before = market.price("BTC", market.clock())
        await page.post("/world/weather", name="crash")
        page.world.clock.jump(180)
        moved = market.price("BTC", market.clock()) / before - 1
        await page.post("/world/weather", name="fine")
        assert moved < -0.05
        assert abs(market.price("BTC", market.clock()) / before - 1) < 0.03


async def test_one_exchange_or_host() -> None:
    async with a_page() as page:
        state = await page.post("/world/fault", exchange="BINANCE", fault="451", latency_ms=300)
        assert (state["exchanges"][0]["fault"], state["exchanges"][0]["latency_ms"]) == ("451", 300)
        state = await page.post("/world/fault", site="BINANCE_SPOT", fault="500")
        assert state["exchanges"][0]["fault"] == "mixed"
        assert state["sites"]["BINANCE_USDM"] == "451"


async def test_scenario_is_replayed() -> None:
    async with a_page() as page:
        weather = page.world.weather
        told: list[str] = []
        weather.on_news = told.append
        weather.steps["quick"] = ("Quick", ((0, "blocked"), (0.01, "down"), (0.02, "fine")))
        assert (await page.post("/world/replay", name="quick", speed=10))["ok"]
        async with asyncio.timeout(5):
            while weather.running or not told:  # noqa: ASYNC110 - it takes 2 ms
                await asyncio.sleep(0.001)
        assert told == ["Binance blocks your country", "All down", "All fine"]


async def test_clock_is_turned() -> None:
    async with a_page() as page:
        state = await page.post("/world/clock", speed=60, jump_s=3600)
        assert (state["clock"]["speed"], state["clock"]["ahead_s"] >= 3600) == (60, True)
        await page.post("/chat/send", text="/price BTC")
        (update,) = await page.heard()
        assert update["message"]["date"] >= page.world.clock() - 60


async def test_circuits_are_seen_and_forgotten() -> None:
    async with a_page() as page:
        assert (await page.get("/world"))["circuits"] is None
        forgotten: list[bool] = []
        resting = {"BYBIT": {"state": "resting", "resting_s": 30, "last_failure": "did not answer in time"}}
        page.world.weather.hooks = Hooks(lambda: resting, lambda: forgotten.append(True))
        assert (await page.get("/world"))["circuits"] == resting
        await page.post("/world/forget")
        assert forgotten == [True]


async def test_log_lines_of_an_update() -> None:
    async with a_page() as page:
        page.world.page.log.lines += ["INFO [update 700000001 /price] answered", "INFO something else"]
        assert page.world.page.log.about(700000001) == ["INFO [update 700000001 /price] answered"]
        assert json.loads(json.dumps(page.world.weather.state()))
