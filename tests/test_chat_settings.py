"""/settings and /watch, typed and pressed; what they change in other answers; the digest, at its hour."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo, available_timezones

import pytest
from conftest import pressed, text_of, together, updated
from test_alert import T0, a_watching_house, rows_under, tick

from answers.asked import Misread
from answers.chat_settings import changed, filled, value_of
from answers.digest import due_day
from answers.quiet import DAY_MINUTES, MINUTE_MS, Wishes, is_quiet_at, load_wishes, minutes_ahead
from asking.races import DEADLINE_S
from clock import loop_time
from exchanges.table import EXCHANGES
from render.message import pairs
from store.words import Chat
from watchman.delivery import Delivery
from watchman.duty import READ_S

ALL = Wishes(60, 120, 480, 0, "ETH", "4h")


@together(
    "typed, said",
    [
        ("symbol doge", "DOGE"),
        ("interval 4H", "4h"),
        ("quiet 23:00-07:00", "23:00-07:00"),
        ("quiet 23 7", "23:00-07:00"),
        ("quiet 11pm to 6.30", "23:00-06:30"),
        ("digest 8", "08:00"),
        ("digest 12am", "00:00"),
        ("zone +5:30", "UTC+5:30"),
        ("zone −3", "UTC-3"),
        ("zone utc", "UTC+0"),
        ("zone off", "UTC+0"),
        ("zone berlin", "Europe/Berlin"),
        ("zone america/new_york", "America/New_York"),
        ("zone Los Angeles", "America/Los_Angeles"),
        ("zone cet", "CET"),
        ("zone Africa/Dar_es_Salaam", "Africa/Dar_es_Salaam"),
        ("zone dar es salaam", "Africa/Dar_es_Salaam"),
        ("zone Port-au-Prince", "America/Port-au-Prince"),
        ("zone São Paulo", "America/Sao_Paulo"),
        ("zone us/pacific", "US/Pacific"),
        ("zone NZ", "NZ"),
        ("zone est5edt", "EST5EDT"),
        ("zone mcmurdo", "Antarctica/McMurdo"),
        ("zone GMT+2", "UTC+2"),
        ("zone Etc/GMT+2", "UTC-2"),  # as the IANA means it
        ("zone America/Argentina/Buenos_Aires", "Buenos_Aires"),  # all that a phone has room for
        ("charts on", "on"),
        ("rich on", "on"),
        *((f"{name} off", "") for name in ("symbol", "interval", "quiet", "digest", "charts", "rich")),
    ],
)
def test_settings_as_they_are_typed(typed: str, said: str) -> None:
    name, _, value = typed.partition(" ")
    assert value_of(changed(ALL, name, value), name) == said


@together(
    "typed",
    [
        "interval 7m",
        "interval 1M",
        "quiet 23",
        "quiet 25-7",
        "digest noon",
        "digest 13pm",
        "zone east",
        "zone ../../etc/passwd",
        "zone localtime",
        "zone 15",
        "charts x",
        "rich x",
    ],
)
def test_what_is_no_setting_is_said_to_be_none(typed: str) -> None:
    name, _, value = typed.partition(" ")
    with pytest.raises(Misread):
        changed(ALL, name, value)


def test_every_zone_is_taken_as_it_is_spelt_and_fits_a_phone() -> None:
    for name in available_timezones() - {"localtime", "Factory"}:
        wishes = changed(ALL, "zone", name)
        assert not wishes.zone or wishes.zone == name
        assert len(pairs([("Time zone", value_of(wishes, "zone"))]).removeprefix("<pre>").removesuffix("</pre>")) <= 34
        moments = [at(f"2026-{month:02}-01T00:00Z") for month in (1, 7)]
        expected = [datetime.fromtimestamp(each / 1000, ZoneInfo(name)).utcoffset() for each in moments]
        assert [timedelta(minutes=minutes_ahead(wishes, each)) for each in moments] == expected


@together(
    "typed, meant",
    [
        ("price", "price ETH"),
        ("analysis", "analysis ETH 4h"),
        ("analysis BTC spot", "analysis BTC spot 4h"),
        ("analysis BTC 15m", "analysis BTC 15m"),
        ("chart BTC", "chart BTC 4h"),
        ("chart BTC SOL", "chart BTC SOL"),
        ("chart oi BTC", "chart oi BTC"),
        ("analysis 1h", "analysis ETH 1h"),
        ("analysis spot", "analysis ETH spot 4h"),
        ("analysis 1w", "analysis ETH 1w 4h"),  # which of_market explains
        ("price perp", "price ETH perp"),
        ("oi 1H spot", "oi ETH 1H spot"),
        ("profile 7d", "profile ETH 7d"),
        ("profile today", "profile ETH today"),
        ("liq 24h", "liq ETH 24h"),
        ("chart 15m", "chart ETH 15m"),
        ("chart cvd", "chart cvd ETH 4h"),
        ("chart cvd BTC", "chart cvd BTC 4h"),
        ("chart OI 1h", "chart OI ETH 1h"),
        ("chart profile today", "chart profile ETH today"),
        ("chart funding", "chart funding ETH"),
        ("chart compare spot", "chart compare ETH spot"),
        ("chart pnl", "chart pnl"),
        ("funding top", "funding top"),
        ("liq today", "liq today"),  # which may be a coin
        ("alert", "alert ETH"),
        ("alert spot", "alert spot"),
        ("alert every 4h", "alert every 4h"),
        ("top10", "top10"),
        ("alerts", "alerts"),
    ],
)
def test_what_is_left_open_is_as_the_chat_wishes(typed: str, meant: str) -> None:
    name, *words = typed.split()
    assert " ".join([name, *filled(name, words, ALL)]) == meant
    assert filled(name, words, Wishes()) == words


@together(
    "symbol, typed, meant",
    [
        ("PERP", "oi", "oi PERP-USDT"),
        ("SPOT", "price spot", "price SPOT-USDT spot"),
        ("TOP", "funding", "funding TOP-USDT"),
        ("OI", "chart 1h", "chart OI-USDT 1h"),
        ("OI", "chart oi", "chart oi OI"),
        ("OI", "price", "price OI"),
        ("TODAY", "profile", "profile TODAY-USDT"),
        ("ETH-BTC", "analysis 1h", "analysis ETH-BTC 1h"),
    ],
)
def test_a_coin_that_is_called_like_another_word(symbol: str, typed: str, meant: str) -> None:
    name, *words = typed.split()
    assert " ".join([name, *filled(name, words, Wishes(symbol=symbol))]) == meant


@together(
    "zone, minute, day",
    [
        (0, 479, None),
        (0, 480, 100),
        (0, 539, 100),
        (0, 540, None),
        (120, 360, 100),
        (-600, 1080, 100),
        (600, 1320, 101),
    ],
)
def test_a_digest_is_due_within_an_hour_by_the_chats_own_clock(zone: int, minute: int, day: int | None) -> None:
    wishes = Wishes(digest_at=480, zone_minutes=zone)
    assert due_day(wishes, (100 * DAY_MINUTES + minute) * MINUTE_MS) == day


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def test_a_digest_keeps_its_hour_when_summer_begins_and_ends() -> None:
    wishes = Wishes(digest_at=480, zone="Europe/Berlin")
    for moment, is_due in (
        ("2026-03-28T07:00Z", True),  # the last day of winter, 08:00 there
        ("2026-03-29T06:00Z", True),  # the first of summer
        ("2026-03-29T07:01Z", False),
        ("2026-10-24T06:00Z", True),
        ("2026-10-25T06:00Z", False),
        ("2026-10-25T07:00Z", True),
    ):
        assert (due_day(wishes, at(moment)) is not None) == is_due, moment


def test_an_hour_that_is_left_out_or_comes_twice_has_one_digest() -> None:
    for night, digest_at in product(("2026-03-29", "2026-10-25"), (120, 150, 179)):
        wishes = Wishes(digest_at=digest_at, zone="Europe/Berlin")
        minutes = range(at(f"{night}T00:00Z"), at(f"{night}T04:00Z"), MINUTE_MS)
        assert len({due_day(wishes, each) for each in minutes} - {None}) == 1, (night, digest_at)


def test_quiet_hours_over_midnight_follow_the_summer() -> None:
    wishes = Wishes(quiet_from=1380, quiet_to=420, zone="America/New_York").text
    for day, hours in (("2026-07-01", (2, 3, 10, 11)), ("2026-01-01", (3, 4, 11, 12))):
        found = [is_quiet_at(wishes, at(f"{day}T{hour:02}:30Z")) for hour in hours]
        assert found == [False, True, True, False]


def test_wishes_of_a_newer_program_are_read_as_far_as_they_are_known() -> None:
    assert load_wishes('{"digest_at": 480, "language": "de"}') == Wishes(digest_at=480)


def test_of_wishes_that_are_all_off_nothing_is_stored() -> None:
    assert load_wishes(Wishes(set_by=7, symbol="ETH").text).set_by == 7
    assert Wishes(set_by=7).text == ""
    assert load_wishes("") == Wishes()


def test_a_zone_that_this_machine_does_not_know_counts_as_none() -> None:
    assert minutes_ahead(Wishes(zone="Europe/Nowhere", zone_minutes=60), 0) == 60


async def test_settings_by_buttons_only(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        lines = [line for row in await rows_under(house, "settings") for line in row]
        assert len(lines) == 7
        for line in lines:
            chosen = (await rows_under(house, line))[0][0]
            await house.bot.answer(pressed(chosen))
        text = await house.ask("/settings")
        for value in ("BTC", "5m", "22:00-06:00", "06:00", "UTC-8", "on"):
            assert f" {value}\n" in text or f" {value}<" in text


async def test_settings_change_what_is_left_open(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        assert "Which symbol?" in await house.ask("/price")
        await house.ask("/settings symbol sol")
        await house.ask("/settings interval 4h")
        assert (await house.ask("/price")).startswith("<b>SOL ")
        assert "SOL perp 4h" in await house.ask("/analysis")
        assert "SOL spot</b> 1h" in await house.ask("/volume 1h spot")
        assert "Which symbol?" in await house.ask("/price", chat_id=2002, user_id=2002)


async def test_a_default_symbol_that_nobody_lists_is_refused(tmp_path: Path) -> None:
    """All that is asked without a symbol would be asked in vain; while no exchange answers, it is taken."""
    async with a_watching_house(tmp_path) as house:
        call = await house.bot.answer(updated("/settings symbol btcc"))
        assert call is not None
        assert call["text"].startswith(f"Not listed on any of {len(EXCHANGES)} exchanges: BTCC. Did you mean BTC?")
        assert call["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == "settings symbol BTC"
        assert "BTCC" not in await house.ask("/settings")
        for exchange in EXCHANGES:
            await house.world.set_fault(exchange, "500")
        house.bot.market.forget()
        assert "Symbol      BTCC" in await house.ask("/settings symbol btcc")


async def test_a_watchlist_grows_in_the_time_of_one_answer(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/watch BTC")
        for name in house.world.sites:
            await house.world.set_fault(name, "hang")
        house.bot.market.forget()
        began = loop_time()
        assert "This takes too long" not in await house.ask("/watch ETH")
        assert loop_time() - began < DEADLINE_S + 0.1


async def test_what_a_watchlist_has_no_room_for_is_named(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        text = await house.ask("/watch BTC ETH SOL XRP BNB DOGE ADA LINK JUP SUPER SYRUP TON")
        assert text.startswith("<b>Watchlist</b> 10 coins")
        assert "10 coins are the most, so SYRUP, TON is left out." in text


async def test_a_default_symbol_that_is_none_leads_to_some(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        assert (await rows_under(house, "settings symbol <b>"))[0][0] == "settings symbol BTC"


async def test_chats_that_wish_nothing_are_not_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_watching_house(tmp_path) as house:
        assert house.bot.duty is not None
        await house.ask("/settings symbol sol")  # which is read for its answer
        store, read = house.bot.duty.store, list[int]()
        assert store is not None
        of_chat = store.chat

        async def noted(chat_id: int) -> Chat:
            read.append(chat_id)
            return await of_chat(chat_id)

        monkeypatch.setattr(store, "chat", noted)
        for chat_id in (1001, 2002):
            await house.ask("/price", chat_id=chat_id, user_id=chat_id)
        assert read == []


async def test_where_too_many_wish_something_each_is_read_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchman.duty.MAX_CHATS", 1)
    async with a_watching_house(tmp_path) as house:
        assert house.bot.duty is not None
        assert house.bot.duty.store is not None
        for chat_id in (1001, 2002):
            await house.bot.duty.store.change_settings(chat_id, Wishes(symbol="SOL").text)
        assert (await house.ask("/price", chat_id=2002, user_id=2002)).startswith("<b>SOL ")


async def test_a_store_that_hangs_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hanging(_: int) -> NoReturn:
        await asyncio.sleep(60)
        raise AssertionError

    async with a_watching_house(tmp_path) as house:
        assert house.bot.duty is not None
        monkeypatch.setattr(house.bot.duty.store, "chats_that_wish", hanging)
        monkeypatch.setattr(house.bot.duty.store, "chat", hanging)
        began = loop_time()
        assert "Which symbol?" in await house.ask("/price", chat_id=2002, user_id=2002)
        assert loop_time() - began == pytest.approx(READ_S, abs=0.1)


async def test_what_is_wished_elsewhere_counts_within_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by another process on the same database."""
    async with a_watching_house(tmp_path) as house:
        assert "Which symbol?" in await house.ask("/price", chat_id=2002, user_id=2002)
        assert house.bot.duty is not None
        assert house.bot.duty.store is not None
        await house.bot.duty.store.change_settings(2002, Wishes(symbol="SOL").text)
        assert "Which symbol?" in await house.ask("/price", chat_id=2002, user_id=2002)
        monkeypatch.setattr("watchman.duty.WISHES_S", 0.0)
        assert (await house.ask("/price", chat_id=2002, user_id=2002)).startswith("<b>SOL ")


async def test_a_watchlist_by_words_and_by_buttons(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        assert "Nothing is watched here." in await house.ask("/watch")
        text = await house.ask("/watch BTC eth nosuchcoin")
        assert text.startswith("<b>Watchlist</b> 2 coins")
        assert "\nETH " in text
        assert "NOSUCHCOIN" in text
        (remove, *_), done = await rows_under(house, "watch edit")
        assert (remove, done) == ("watch remove BTC", ["watch add SOL", "watch"])
        await house.bot.answer(pressed(remove))
        house.stop_at(T0 + 60)
        await house.bot.answer(pressed("watch add SOL"))
        call = await house.bot.answer(pressed("watch"))
        assert call is not None
        assert [line.split()[0] for line in text_of(call).split("\n")[2:4]] == ["ETH", "SOL"]


async def test_a_watchlist_without_any_price_says_why(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/watch BTC ETH")
        for exchange in EXCHANGES:
            await house.world.set_fault(exchange, "500")
        house.bot.market.forget()
        text = await house.ask("/watch")
        for coin in ("BTC", "ETH"):
            assert f"No price for {coin}-USDT right now. Binance, Bybit, " in text


async def test_a_watchlist_of_coins_that_have_vanished_names_them(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        assert house.bot.duty is not None
        assert house.bot.duty.store is not None
        await house.bot.duty.store.watch(1001, ["NOPEX-USDT", "XYZQ-USDT"], 10, 1)
        text = await house.ask("/watch")
        for coin in ("NOPEX", "XYZQ"):
            assert f"Not listed on any of {len(EXCHANGES)} exchanges: {coin}." in text


async def test_a_watchlist_has_an_end(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        store = house.bot.tools.store or (house.bot.duty and house.bot.duty.store)
        assert store
        await store.watch(1001, [f"A{n}-USDT" for n in range(10)], 10, 1)
        assert "10 coins are the most, so BTC is left out." in await house.ask("/watch BTC")


async def test_the_digest_comes_once_a_day_at_its_hour(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/watch BTC ETH")
        await house.ask("/alert btc > 900000")
        await house.ask("/settings digest 23:00")  # T0 is 22:13:20
        assert await tick(house, 2700.0) == []
        (sent,) = await tick(house, 120.0)
        assert sent.startswith("<b>Digest</b>\nWatchlist (Binance)\n<pre>")
        for part in ("BTC ", "ETH ", "Moved most (Binance perpetuals)", "Funding per 8h (Binance)", "1 alert armed."):
            assert part in sent
        assert await tick(house, 60.0) == []
        assert [each[:13] for each in await tick(house, 86400.0)] == ["<b>Digest</b>", "I slept from "]


async def test_a_clock_that_is_set_right_brings_the_digest_all_the_same(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/watch BTC")
        await house.ask("/settings digest 23:00")  # T0 is 22:13:20
        assert await tick(house, 7200.0) == []  # too late for that day's
        assert await tick(house, -5400.0) == []
        assert [each[:13] for each in await tick(house, 1080.0)] == ["<b>Digest</b>"]


async def test_the_chart_comes_with_what_rang_where_it_is_wished(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/alert btc every 5m", update_id=1)
        sent = house.world.telegram.calls
        await tick(house, 301.0)
        assert [method for method, _ in sent if method.startswith("send")] == ["sendMessage"]
        await house.ask("/settings charts on", update_id=2)
        await tick(house, 301.0)
        (method, photo) = sent[-1]
        assert method == "sendPhoto"
        assert photo["disable_notification"]
        assert "BTC perp</b> 15m chart" in photo["caption"]
        await house.world.set_fault("binance", "refuse")
        await tick(house, 301.0)
        assert len([method for method, _ in sent if method.startswith("send")]) <= 5


async def test_no_chart_is_begun_when_the_time_to_send_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/alert btc every 5m", update_id=1)
        await house.ask("/settings charts on", update_id=2)
        monkeypatch.setattr(Delivery, "is_over", property(lambda self: self.n_sent > 0))
        await tick(house, 301.0)
        assert [method for method, _ in house.world.telegram.calls if method.startswith("send")] == ["sendMessage"]
