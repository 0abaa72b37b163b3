"""/alert and /alerts in the offline world: typed and pressed, and rung by the real ticker into the offline Telegram."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import A_CHANNELS, ADA, ANONYMOUS, House, a_house, pressed, spoken, updated

from render.picture import charts

BOB = 2002
T0 = 1_700_000_000.0


@asynccontextmanager
async def a_watching_house(tmp_path: Path, **variables: str) -> AsyncIterator[House]:
    """A house whose store is open and whose clock stands."""
    async with a_house(**{"DATA_DIR": str(tmp_path), "TELEGRAM_CHAT_ID": f"{ADA},{BOB}", **variables}) as house:
        house.stop_at(T0)
        assert house.bot.duty is not None
        assert await house.bot.duty.open()
        yield house
        await house.bot.duty.stop()


async def tick(house: House, after_s: float = 10.0) -> list[str]:
    """What was sent to chats in a tick that comes so much later."""
    assert house.bot.duty is not None
    house.stop_at(house.wall() + after_s)
    house.bot.market.forget()
    before = len(house.world.telegram.calls)
    await house.bot.duty.tick()
    calls = house.world.telegram.calls[before:]
    return [str(params["text"]) for method, params in calls if method == "sendMessage"]


async def price_now(house: House, symbol: str = "BTC-USDT") -> float:
    assert house.bot.duty is not None
    from watchman.quotes import MarketQuotes

    house.bot.market.forget()
    return (await MarketQuotes(house.bot.market, house.bot.accounts()).prices("binance", "perp", [symbol]))[symbol]


def an_id(text: dict[str, Any] | None) -> str:
    found = re.search(r"alert delete (\w+)", str(text))
    assert found is not None, text
    return found[1]


async def test_what_was_understood_is_said_back(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        text = await house.ask("/alert btc > 900,000 every 1h until 7d")
    assert text.startswith("🔔 <b>BTC rises above 900,000, every time, at most every 1h</b>\n<pre>now ")
    assert "Binance perpetual · looked at every 10 s · ends 21 Nov" in text
    assert re.search(r"away +\+\d", text)


async def test_a_level_that_is_behind_is_said_to_be(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        assert "It is above already: I tell you when it crosses again." in await house.ask("/alert btc > 10")


async def test_figures_of_each_measure(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        for number, (typed, label) in enumerate(
            {
                "btc funding > 0.5": "funding",
                "btc oi 5% 1h": "OI",
                "btc rsi < 5 1h": "RSI",
                "btc basis > 3": "basis",
                "btc spread > 900bp": "gap",
                "btc 24h 50%": "24h",
                "btc vol 3000% 15m": "volume",
                "btc liq > $900m 15m": "liq",
            }.items()
        ):
            text = await house.ask(f"/alert {typed}", update_id=number + 1)
            assert re.search(rf"(\n|<pre>){label} +[-+$\d]", text), text


async def test_an_update_that_comes_twice_sets_one_alert(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        first = await house.bot.answer(updated("/alert btc > 900000", update_id=5))
        again = await house.bot.answer(updated("/alert btc > 900000", update_id=5))
        assert an_id(first) == an_id(again)
        assert "1 alert" in await house.ask("/alerts", update_id=6)


async def test_two_meanings_are_asked_back_with_buttons(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        call = await house.bot.answer(updated("/alert btc > 70,5"))
        assert call is not None
        assert call["text"] == "Is 70,5 meant as 70.5?"
        (row,) = call["reply_markup"]["inline_keyboard"]
        assert [button["callback_data"] for button in row] == ["alert btc > 70.5", "alert btc > 705"]
        assert "rises above 70.5" in str(await house.bot.answer(pressed("alert btc > 70.5", update_id=2)))


async def test_levels_by_buttons_only(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        call = await house.bot.answer(updated("/alert btc"))
        assert call is not None
        up, down, others, of_perps = call["reply_markup"]["inline_keyboard"]
        assert [button["text"] for button in (*up, *down)] == [
            f"{sign}{percent}%" for sign in "+−" for percent in (1, 3, 5, 10)
        ]
        for number, button in enumerate((*up, *down, *others, *of_perps), 2):
            answer = str(await house.bot.answer(pressed(button["callback_data"], update_id=number)))
            assert "🔔 <b>BTC " in answer
            assert "Binance perpetual" in answer or "all exchanges, perpetuals" in answer


async def test_levels_of_the_market_that_is_shown(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        rows = await rows_under(house, "alert okx btc spot")
        assert [len(row) for row in rows] == [4, 4, 3]
        assert "OKX spot" in str(await house.bot.answer(pressed(rows[0][0], update_id=2)))


@pytest.mark.parametrize(
    "card",
    ["price BTC", "analysis BTC 15m", "analysis BTC 15m spot", "volume BTC 1h", "cvd BTC 1h", "profile BTC 24h",
     "oi BTC", "funding BTC", "ls BTC", "liq BTC", "spread BTC", "chart BTC 1h", "chart oi BTC", "chart cvd BTC 1h"],
)  # fmt: skip
async def test_every_card_leads_to_an_alert(card: str, tmp_path: Path) -> None:
    """In a message of its own, so that the card stays."""
    async with a_watching_house(tmp_path) as house:
        (line,) = [each for row in await rows_under(house, card) for each in row if each.startswith("+alert")]
        call = await house.bot.answer(pressed(line, update_id=2))
        assert call is not None
        assert call["method"] == "sendMessage"
        assert call["text"].startswith("🔔 <b>BTC</b>  ")


async def test_what_rang_keeps_its_figures_whatever_is_pressed(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/alert btc every 5m", update_id=1)
        await tick(house, 301.0)
        rows = house.world.telegram.calls[-1][1]["reply_markup"]["inline_keyboard"]
        assert [button["text"] for row in rows for button in row] == ["🔁 In 1h", "📋", "⏸", "✖", "📈", "BTC"]
        (copied,) = [each["copy_text"]["text"] for row in rows for each in row if "copy_text" in each]
        assert f"{float(copied):,.2f}" in house.world.telegram.calls[-1][1]["text"]
        for number, button in enumerate([each for row in rows for each in row if "callback_data" in each], 2):
            call = await house.bot.answer(pressed(button["callback_data"], update_id=number))
            assert call is not None
            assert call["method"] in ("sendMessage", "sendPhoto")


async def test_the_list_is_kept_in_place(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/alert btc > 900000", update_id=1)
        for number, done in enumerate(("Paused", "On again", "Deleted"), 2):
            rows = await rows_under(house, "alerts")
            act = rows[0][1 if done == "Deleted" else 0]
            call = await house.bot.answer(pressed(act, update_id=number))
            assert call is not None
            assert call["method"] == "editMessageText"
            assert f"{done}: BTC rises above 900,000, once" in call["text"]
        assert (await house.ask("/alerts", update_id=9)).startswith("No alerts here.")


async def rows_under(house: House, line: str) -> list[list[str]]:
    """The command lines of an answer's buttons."""
    call = await house.bot.answer(pressed(line, update_id=99))
    assert call is not None
    rows = call["reply_markup"]["inline_keyboard"]
    return [[button["callback_data"] for button in row if "callback_data" in button] for row in rows]


async def test_what_is_not_meant_says_what_to_type(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        assert (await house.ask("/alert")).startswith("Which symbol? For example /alert BTC &gt; 70000")
        assert "A price is above zero" in await house.ask("/alert btc > -5")
        assert "rises above 90,000,000" in await house.ask("/alert btc>90000k")
        assert "Not listed on any" in await house.ask("/alert nosuchcoin > 5")


async def test_without_a_store_everything_else_works(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with a_house(DATA_DIR=str(tmp_path / "file")) as house:
        assert house.bot.duty is not None
        await house.bot.duty.tick()
        assert await house.ask("/alert btc > 5") == (
            "Nothing can be remembered here: set DATABASE_URL, or DATA_DIR to a folder that can be written."
        )
        assert "BTC" in await house.ask("/price btc")


async def test_the_limit_is_a_sentence(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, ALERTS_PER_USER="1") as house:
        await house.ask("/alert btc > 900000", update_id=1)
        assert "You have 1 alert, and that is the limit." in await house.ask("/alert btc > 900001", update_id=2)
        assert ["alerts", "help alert"] in await rows_under(house, "alert btc > 900001")


async def test_an_alert_rings_in_the_chat(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        price = await price_now(house)
        house.bot.market.forget()
        up = await house.ask(f"/alert btc > {price * 1.0005:.1f} x1", update_id=1)
        down = await house.ask(f"/alert btc < {price * 0.9995:.1f} x1", update_id=2)
        assert "rises above" in up
        assert "falls below" in down
        sent: list[str] = []
        for _ in range(200):
            sent += await tick(house, 60.0)
            if sent:
                break
        assert re.match(r"(🟢|🔴) <b>BTC (above|below) [\d,.]+</b>  [\d,.]+\nfrom [\d,.]+, \d+[smh]\d* ago", sent[0]), (
            sent
        )
        assert "Binance perpetual" in sent[0]
        assert "#1" in sent[0]


async def test_a_fired_alert_goes_on_by_its_buttons(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/alert btc every 5m", update_id=1)
        assert len(await tick(house, 301.0)) == 1
        call = house.world.telegram.calls[-1][1]
        assert an_id(call)
        paused = await house.bot.answer(pressed(f"alert pause {an_id(call)}", update_id=2))
        assert "Paused: BTC price every 5m" in str(paused)
        assert await tick(house, 301.0) == []
        assert "On again" in str(await house.bot.answer(pressed(f"alert resume {an_id(call)}", update_id=3)))
        await tick(house, 301.0)
        assert len(await tick(house, 301.0)) == 1
        assert "Deleted" in str(await house.bot.answer(pressed(f"alert delete {an_id(call)}", update_id=4)))
        assert await tick(house, 301.0) == []
        assert "no longer there" in str(await house.bot.answer(pressed(f"alert delete {an_id(call)}", update_id=5)))


async def test_one_that_is_past_its_end_is_not_switched_on(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        alert_id = an_id(await house.bot.answer(updated("/alert btc > 900000 until 1h", update_id=1)))
        await house.bot.answer(pressed(f"alert pause {alert_id}", update_id=2))
        await tick(house, 3600.0)
        for number, line in enumerate((f"alert resume {alert_id}", f"alerts resume {alert_id} 1"), 3):
            refused = str(await house.bot.answer(pressed(line, update_id=number)))
            assert "It ended on 14 Nov, so it would not ring. Please set it anew." in refused
        assert await tick(house) == []


async def test_again_further_on_and_later(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        alert_id = an_id(await house.bot.answer(updated("/alert btc > 900000", update_id=1)))
        further = str(await house.bot.answer(pressed(f"alert again {alert_id} 1", update_id=2)))
        assert "BTC rises above 909,000" in further
        later = str(await house.bot.answer(pressed(f"alert again {alert_id} 1h", update_id=3)))
        assert "at most every 1h" in later
        assert "2 alerts" in await house.ask("/alerts", update_id=4)


async def test_what_has_rung_goes_on_only_where_there_is_room(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, ALERTS_PER_USER="1") as house:
        alert_id = an_id(await house.bot.answer(updated("/alert btc every 5m x1", update_id=1)))
        assert len(await tick(house, 301.0)) == 1
        await house.ask("/alert btc > 900000", update_id=2)
        for number, line in enumerate((f"again {alert_id} 1h", f"resume {alert_id}", f"pause {alert_id}"), 3):
            refused = await house.bot.answer(pressed(f"alert {line}", update_id=number))
            assert "You have 1 alert, and that is the limit." in str(refused)
        assert "1 alert" in await house.ask("/alerts", update_id=6)


async def test_the_nearest_comes_first(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        for number, level in enumerate((900_000, 100_000, 2_000_000), 1):
            await house.ask(f"/alert btc > {level}", update_id=number)
        lines = (await house.ask("/alerts", update_id=9)).split("\n")
        assert [re.sub(r" \(.*", "", line) for line in lines[1:4]] == [
            f"{i}. BTC rises above {level}, once" for i, level in enumerate(("100,000", "900,000", "2,000,000"), 1)
        ]


async def test_pages_of_ten(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        for number in range(12):
            await house.ask(f"/alert btc > {900_000 + number}", update_id=number + 1)
        assert (await house.ask("/alerts", update_id=20)).startswith("<b>12 alerts</b>, page 1 of 2\n1. ")
        second = await house.ask("/alerts 2", update_id=21)
        assert len(re.findall(r"^\d+\. ", second, re.MULTILINE)) == 2


async def test_own_positions_only_for_listed_users_in_private(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        assert "any position is within 10 % of its liquidation" in await house.ask("/alert pos liq 10%")
        refused = await house.ask("/alert pos liq 10%", update_id=2, chat_id=-100, user_id=ADA)
        assert refused.startswith("Ask me in private")


async def test_only_who_set_it_or_who_is_listed_may_change_it(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        alert_id = an_id(await house.bot.answer(updated("/alert btc > 900000", update_id=1)))
        elsewhere = await house.bot.answer(pressed(f"alert delete {alert_id}", update_id=2, chat_id=BOB, user_id=BOB))
        assert "no longer there" in str(elsewhere)


def a_standing(status: str, chat_id: int = ADA) -> dict[str, Any]:
    """An update that tells what has become of the bot in a chat."""
    chat = {"id": chat_id, "type": "private"}
    return {"update_id": 70, "my_chat_member": {"chat": chat, "new_chat_member": {"status": status, "user": {"id": 1}}}}


async def test_a_bot_that_is_blocked_rests_until_it_is_let_in(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/alert btc every 5m", update_id=1)
        assert await house.bot.answer(a_standing("kicked")) is None
        assert await tick(house, 301.0) == []
        assert await house.bot.answer({"update_id": 71, "my_chat_member": {"chat": 5}}) is None
        assert await house.bot.answer(a_standing("member")) is None
        await tick(house, 301.0)
        assert len(await tick(house, 301.0)) == 1


async def test_whoever_runs_a_group_may_change_its_alerts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group, carol, dave = -1009, 77, 78
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID=f"{ADA},{group}") as house:
        alert_id = an_id(await house.bot.answer(updated("/alert btc > 900000", chat_id=group, user_id=dave)))
        line = f"alert delete {alert_id}"
        assert "Only who set this alert" in str(await house.bot.answer(pressed(line, 2, group, carol)))

        async def call(method: str, params: dict[str, Any], timeout_s: float = 0.0) -> dict[str, Any]:
            return {"status": "administrator" if params == {"chat_id": group, "user_id": carol} else "member"}

        assert house.bot.api is not None
        monkeypatch.setattr(house.bot.api, "call", call)
        assert "Deleted" in str(await house.bot.answer(pressed(line, 3, group, carol)))


async def outcome(house: House, update: dict[str, Any]) -> str:
    """The first words of the answer."""
    return str((await house.bot.answer(update) or {}).get("text")).partition(":")[0]


OTHERS_ONLY = "Only who set this alert, or an administrator of this group, can change it."


async def test_chats_that_speak_have_limits_of_their_own(tmp_path: Path) -> None:
    set_by = [(-100, None), (-100, None), (-200, None), (-100, -7), (-100, -8), (-200, -7)]
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID="-100,-200", ALERTS_PER_USER="1") as house:
        updates = [spoken("/alert btc > 900000", n, *who) for n, who in enumerate(set_by, 1)]
        found = [await outcome(house, each) for each in updates]
    assert ["that is the limit" in each for each in found] == [False, True, False, False, False, True]
    assert {each[:11] for each in found} == {"🔔 <b>BTC ri", "You have 1 "}


async def test_a_group_in_its_own_name_may_change_its_alerts(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID="-100") as house:
        text = "/alert btc > 900000"
        for update in (updated(text, 1, -100, 55), spoken(text, 2, -100), spoken(text, 3, -100, -7)):
            alert_id = an_id(await house.bot.answer(update))
            assert await outcome(house, spoken(f"/alert delete {alert_id}", 9, -100)) == "Deleted"


async def test_a_channel_may_change_its_own_alerts_only(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID="-100") as house:
        telegram = house.world.telegram
        line = f"/alert delete {an_id(await house.bot.answer(spoken('/alert btc > 900000', 1, -100, -7)))}"
        before = len(telegram.calls)
        assert await outcome(house, spoken(line, 2, -100, -8)) == OTHERS_ONLY
        assert len(telegram.calls) == before  # nobody is asked whether a channel runs the group
        assert await outcome(house, spoken(line, 3, -100, -7)) == "Deleted"


@pytest.mark.parametrize("user_id", [ANONYMOUS, A_CHANNELS])
async def test_alerts_of_before_are_changed_by_administrators(user_id: int, tmp_path: Path) -> None:
    """They were stored with the id of Telegram's own bot, which every such chat has."""
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID="-100") as house:
        line = f"/alert delete {an_id(await house.bot.answer(updated('/alert btc > 900000', 1, -100, user_id)))}"
        assert await outcome(house, spoken(line, 2, -100, -7)) == OTHERS_ONLY
        assert await outcome(house, spoken(line, 3, -100)) == "Deleted"


GROUP, SUPERGROUP = -1009, -1_000_000_001_009


async def test_a_closed_topic_a_kick_and_a_supergroup_lose_no_alert(tmp_path: Path) -> None:
    """In the offline Telegram, as its real rules are."""
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID=f"{ADA},{GROUP}") as house:

        async def tried() -> list[tuple[int, int | None]]:
            """The chats and topics into which a timer was sent, or should have been."""
            before = len(telegram.calls)
            await tick(house, 301.0)
            calls = [params for _, params in telegram.calls[before:] if str(params.get("text")).startswith("⏰")]
            return [(params["chat_id"], params.get("message_thread_id")) for params in calls]

        telegram, duty = house.world.telegram, house.bot.duty
        assert duty is not None
        await house.bot.answer(updated("/alert btc every 5m", 1, GROUP, message_thread_id=7, is_topic_message=True))
        telegram.closed_topics.add((GROUP, 7))
        assert await tried() == [(GROUP, 7), (GROUP, None)]
        telegram.kicked.add(GROUP)
        assert await tried() == [(GROUP, 7)]
        assert await tried() == []
        telegram.kicked.discard(GROUP)
        await duty.standing_changed(GROUP, is_there=True)
        telegram.migrated[GROUP] = SUPERGROUP
        found = await tried() + await tried() + await tried()
        assert found.count((GROUP, 7)) == 1
        assert found.count((SUPERGROUP, None)) >= 2


async def test_two_hundred_that_ring_in_one_minute_are_five_and_a_summary(tmp_path: Path) -> None:
    """So that the phone rings six times."""
    async with a_watching_house(tmp_path, ALERTS_PER_USER="200", COMMANDS_PER_MINUTE="0") as house:
        price = await price_now(house)
        for number in range(1, 201):
            await house.ask(f"/alert btc < {price * (1 - number * 2e-5):.2f}", update_id=number)
        house.world.market.shake("crash", 30.0, "BTC")
        before = len(house.world.telegram.calls)
        for _ in range(6):
            await tick(house, 9.9)
        calls = [(method, params["text"]) for method, params in house.world.telegram.calls[before:]]
        assert [method for method, _ in calls] == ["sendMessage"] * 6
        assert calls[-1][1].startswith("🔔 <b>195 alerts</b> at once\n")


async def test_status_tells_of_alerts(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/alert btc every 5m", update_id=1)
        await tick(house, 301.0)
        assert re.search(r"alerts +1 armed\nrung +1, 0 unsent\ntick +\ds ago", await house.ask("/status", update_id=2))


async def test_a_chat_that_starts_again_is_heard_of(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/alert btc every 5m", update_id=1)
        assert house.bot.duty is not None
        assert house.bot.duty.store is not None
        await house.bot.duty.store.block_chat(ADA, 1)
        assert await tick(house, 301.0) == []
        await house.ask("/start", update_id=2)
        await tick(house, 301.0)
        assert len(await tick(house, 301.0)) == 1


async def test_the_chart_shows_where_alerts_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of this chat and this coin, near enough to leave room for the candles; each set of them is a picture."""
    drawn: list[list[float]] = []
    candles = charts.candles

    def watched(*args: Any, **options: Any) -> Any:
        drawn.append(list(options["alerts"]))
        return candles(*args, **options)

    monkeypatch.setattr(charts, "candles", watched)
    async with a_watching_house(tmp_path) as house:
        near = round(await price_now(house) * 1.001)
        await house.ask("/chart btc 1h", update_id=1)
        for number, typed in enumerate((f"btc > {near}", "btc > 900000", "eth > 4500", "btc every 4h"), 2):
            await house.ask(f"/alert {typed}", update_id=number)
        await house.ask("/chart btc 1h", update_id=9)
        await house.ask("/chart btc 1h", update_id=10, chat_id=BOB, user_id=BOB)
    assert drawn == [[], [near]]


async def test_a_coin_that_is_called_like_a_measure_has_alerts(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        lines = [line for row in await rows_under(house, "alert ARB") for line in row]
        assert len(lines) > 8
        for line in lines:
            assert (await house.ask(f"/{line}")).startswith("🔔 <b>ARB "), line
