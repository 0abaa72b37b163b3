"""A group becomes a supergroup: what is remembered of it is there under the new id, however that is heard of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from conftest import ADA, House, a_house, together, updated
from test_alert import GROUP, SUPERGROUP, T0, a_watching_house, tick

import watchman.moves
from answers.quiet import Wishes, both, load_wishes
from store.words import Chat, Store, Unreachable
from telegram.updates import ChatMove, read_move
from watchman.moves import Moves

TO, FROM = "migrate_to_chat_id", "migrate_from_chat_id"


def a_notice(chat_id: int = GROUP, kind: str = "group", fields: dict[str, Any] | None = None) -> dict[str, Any]:
    """A service message, without a text."""
    update = updated("", chat_id=chat_id, chat={"id": chat_id, "type": kind}, **(fields or {}))
    del update["message"]["text"]
    return update


OLD_SAYS = a_notice(fields={TO: SUPERGROUP})
NEW_SAYS = a_notice(SUPERGROUP, "supergroup", {FROM: GROUP})


def store_of(house: House) -> Store:
    assert house.bot.duty is not None
    assert house.bot.duty.store is not None
    return house.bot.duty.store


async def fill(house: House, chat_id: int = GROUP) -> None:
    for number, text in enumerate(("alert btc > 900000", "watch btc eth", "settings symbol eth"), 10):
        await house.ask(f"/{text}", update_id=number, chat_id=chat_id)


async def shown(house: House, chat_id: int) -> list[str]:
    """The heads of what a chat is told of itself; of a coin that is left open, its name."""
    lines = ("alerts", "watch", "oi", "settings symbol")
    texts = [await house.ask(f"/{each}", update_id=90 + n, chat_id=chat_id) for n, each in enumerate(lines)]
    return [text.replace("<b>", "").replace("</b>", "").splitlines()[0][:18].rstrip() for text in texts]


KNOWN = ["1 alert", "Watchlist 2 coins", "ETH OI", "Symbol  ETH"]
UNKNOWN = ["No alerts here. Fo", "Nothing is watched", "BTC OI", "Symbol  off"]


def heads(told: list[str]) -> list[str]:
    return [each[:6] if " OI " in each else each for each in told]


@pytest.mark.parametrize(
    "notices", [[OLD_SAYS], [NEW_SAYS], [OLD_SAYS, NEW_SAYS], [NEW_SAYS, OLD_SAYS], [OLD_SAYS, NEW_SAYS] * 2]
)
async def test_all_of_a_group_goes_along(notices: list[dict[str, Any]], tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID="*") as house:
        await fill(house)
        assert heads(await shown(house, SUPERGROUP)) == UNKNOWN
        for notice in notices:
            assert await house.bot.answer(notice) is None
        assert heads(await shown(house, SUPERGROUP)) == KNOWN
        assert heads(await shown(house, GROUP)) == UNKNOWN


async def test_the_offline_telegram_tells_both_chats(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID="*") as house:
        telegram = house.world.telegram
        hook = {"url": f"{house.url}/webhook", "secret_token": house.settings.webhook_secret}
        telegram.execute("setWebhook", hook)
        await fill(house)
        new_id = telegram.migrate(GROUP)
        await telegram.settle()
        assert heads(await shown(house, new_id)) == KNOWN


async def test_what_was_set_in_the_old_chat_meanwhile_follows(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID="*") as house:
        await house.bot.answer(NEW_SAYS)
        await fill(house)
        await house.bot.answer(OLD_SAYS)
        assert heads(await shown(house, SUPERGROUP)) == KNOWN


async def test_what_the_new_chat_has_already_stays(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID="*") as house:
        await fill(house)
        await house.ask("/settings interval 4h", update_id=20, chat_id=GROUP)
        for number, text in enumerate(("alert btc > 800000", "watch eth sol", "settings symbol sol"), 30):
            await house.ask(f"/{text}", update_id=number, chat_id=SUPERGROUP)
        for notice in (OLD_SAYS, NEW_SAYS):
            await house.bot.answer(notice)
        store = store_of(house)
        assert len(await store.alerts_of_chat(SUPERGROUP)) == 2
        assert sorted(await store.watched(SUPERGROUP)) == ["BTC-USDT", "ETH-USDT", "SOL-USDT"]
        wishes = load_wishes((await store.chat(SUPERGROUP)).settings)
        assert (wishes.symbol, wishes.interval) == ("SOL", "4h")


async def test_a_move_waits_for_the_store(tmp_path: Path) -> None:
    """One that is heard of before it is open."""
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID="*") as house:
        await fill(house)
    async with a_house(TELEGRAM_CHAT_ID="*", DATA_DIR=str(tmp_path)) as house:
        house.stop_at(T0)
        assert await house.bot.answer(OLD_SAYS) is None
        await tick(house)
        assert len(await store_of(house).alerts_of_chat(SUPERGROUP)) == 1
        await house.bot.duty.stop()  # type: ignore[union-attr]


class Moving:
    """A store of chats of which nothing is known. fails: those whose move cannot be stored; hears: called at each."""

    def __init__(self, *fails: int) -> None:
        self.fails, self.moved = set(fails), list[tuple[int, int]]()
        self.hears: Callable[[], None] = lambda: None

    async def chat(self, chat_id: int) -> Chat:
        return Chat(chat_id)

    async def move_chat(self, old_id: int, new_id: int) -> None:
        self.hears()
        if old_id in self.fails:
            raise Unreachable("gone")
        self.moved.append((old_id, new_id))


def moves_of(*heard: tuple[int, int]) -> Moves:
    moves = Moves(frozenset(), lambda old_id, new_id: None)
    for each in heard:
        moves.hear(*each)
    return moves


async def test_a_move_that_fails_holds_up_no_other() -> None:
    store, moves = Moving(-1), moves_of((-1, -100), (-2, -200), (-3, -300))
    with pytest.raises(Unreachable):
        await moves.carry_out(cast(Store, store))
    with pytest.raises(Unreachable):
        await moves.carry_out(cast(Store, store))
    assert store.moved == [(-2, -200), (-3, -300)]
    store.fails.clear()
    await moves.carry_out(cast(Store, store))
    await moves.carry_out(cast(Store, store))
    assert store.moved[2:] == [(-1, -100)]


async def test_a_move_that_is_heard_while_another_is_stored_is_done_next() -> None:
    store, moves = Moving(), moves_of((-1, -100))
    store.hears = lambda: moves.hear(-1, -101)
    await moves.carry_out(cast(Store, store))
    store.hears = lambda: None
    await moves.carry_out(cast(Store, store))
    assert store.moved == [(-1, -100), (-1, -101)]


async def test_moves_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchman.moves, "MAX_MOVES", 2)
    store, moves = Moving(), moves_of((-1, -100), (-2, -200), (-3, -300))
    await moves.carry_out(cast(Store, store))
    assert store.moved == [(-1, -100), (-2, -200)]


async def test_a_move_that_cannot_be_stored_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID="*") as house:
        await fill(house)
        store = store_of(house)

        async def fails(old_id: int, new_id: int) -> None:
            raise Unreachable("PostgreSQL: gone")

        with monkeypatch.context() as patched:
            patched.setattr(store, "move_chat", fails)
            await house.bot.answer(OLD_SAYS)
            await tick(house)
        assert f"group {GROUP} is not moved yet: PostgreSQL: gone" in caplog.text
        assert len(await store.alerts_of_chat(GROUP)) == 1
        await tick(house)
        assert len(await store.alerts_of_chat(SUPERGROUP)) == 1


async def test_a_group_of_which_nothing_is_known_leaves_nothing(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.bot.answer(OLD_SAYS)
        store = store_of(house)
        await store.block_chat(SUPERGROUP, 1)
        assert (await store.chat(SUPERGROUP)).blocked_ms is None


@pytest.mark.parametrize(
    ("listed", "is_told"), [(f"{ADA},{GROUP}", True), (f"{GROUP},{SUPERGROUP}", False), ("*", False)]
)
async def test_the_log_tells_once_of_a_listed_group(
    listed: str, is_told: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID=listed) as house:
        for notice in (OLD_SAYS, NEW_SAYS):
            await house.bot.answer(notice)
    text = f"TELEGRAM_CHAT_ID lists group {GROUP}, whose id is {SUPERGROUP} now: put that there"
    assert [each.getMessage() for each in caplog.records if each.levelname == "WARNING"] == [text] * is_told


async def test_the_digest_of_a_group_that_moved_comes_once(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, TELEGRAM_CHAT_ID="*") as house:
        await house.ask("/settings digest 22:14", chat_id=GROUP)  # T0 is 22:13:20
        assert len(await tick(house, 60.0)) == 1
        for notice in (OLD_SAYS, NEW_SAYS):
            await house.bot.answer(notice)
        assert await tick(house, 60.0) + await tick(house, 60.0) == []
        assert [each[:13] for each in await tick(house, 86340.0)][:1] == ["<b>Digest</b>"]


# Who is believed.


@together(
    "update",
    [
        {"message": a_notice()["message"] | {"reply_to_message": OLD_SAYS["message"]}},
        {"message": a_notice()["message"] | {"pinned_message": OLD_SAYS["message"]}},
        {"edited_message": OLD_SAYS["message"]},
        {"callback_query": {"id": "1", "data": "x", "message": OLD_SAYS["message"]}},
        a_notice(ADA, "private", {TO: SUPERGROUP}),
        a_notice(SUPERGROUP, "channel", {FROM: GROUP}),
        a_notice(SUPERGROUP, "supergroup", {TO: GROUP}),
        a_notice(fields={FROM: SUPERGROUP}),
        a_notice(fields={TO: GROUP}),
        a_notice(fields={TO: ADA}),
        a_notice(fields={TO: str(SUPERGROUP)}),
        a_notice(fields={TO: True}),
        a_notice(fields={TO: -(10**30)}),
        a_notice(),
        {"message": {"chat": [], TO: SUPERGROUP}},
        {"message": {"chat": {"id": GROUP, "type": []}, TO: SUPERGROUP}},
        {"message": 5},
        {},
    ],
)
def test_what_tells_of_no_move(update: dict[str, Any]) -> None:
    assert read_move(update) is None


def test_what_tells_of_a_move() -> None:
    assert read_move(OLD_SAYS) == read_move(NEW_SAYS) == ChatMove(GROUP, SUPERGROUP)


# Two chats' wishes.


@together(
    "old, new, expected",
    [
        (Wishes(symbol="ETH"), Wishes(interval="4h"), Wishes(symbol="ETH", interval="4h")),
        (Wishes(symbol="ETH"), Wishes(symbol="SOL"), Wishes(symbol="SOL")),
        (Wishes(zone="Europe/Berlin"), Wishes(zone_minutes=60), Wishes(zone_minutes=60)),
        (Wishes(zone_minutes=60), Wishes(zone="Asia/Tokyo"), Wishes(zone="Asia/Tokyo")),
        (Wishes(quiet_from=60, quiet_to=0), Wishes(quiet_from=0, quiet_to=90), Wishes(quiet_from=0, quiet_to=90)),
        (Wishes(has_charts=True), Wishes(is_rich=True), Wishes(has_charts=True, is_rich=True)),
    ],
)
def test_wishes_of_both_chats(old: Wishes, new: Wishes, expected: Wishes) -> None:
    assert both(old, new) == expected
