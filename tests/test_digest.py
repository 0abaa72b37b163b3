"""The daily digest: what it gathers, and how it tells it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from answering import DAY_MS, NOW, rewrite
from conftest import House
from test_alert import a_watching_house

from answers import digest
from demo.telegram_html import parse

OLD: Mapping[str, Any] = {"event": "digest", "watched": [], "movers": None, "funding": None, "n_armed": 0}


async def gathered(house: House) -> Mapping[str, Any]:
    assert house.bot.duty is not None
    assert house.bot.duty.store is not None
    return await digest.gather(house.bot.market, house.bot.duty.store, 1001)


def yesterday(answer: Any) -> None:
    """Makes a list of tickers one of the day before."""
    for row in answer if isinstance(answer, list) else []:
        if "closeTime" in row:
            row["closeTime"] -= DAY_MS


async def test_a_digest_tells_of_no_list_of_yesterday(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, EXCHANGES="binance") as house:
        rewrite(house, "BINANCE_USDM", yesterday)
        await house.ask("/watch BTC")
        facts = await gathered(house)
        assert (facts["movers"], facts["funding"]) == (None, None)


async def test_a_digest_that_comes_late_tells_its_age(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/watch BTC")
        facts = orjson.loads(orjson.dumps(await gathered(house)))
        told = digest.answer_of(facts, house.wall() + 7200)
        assert told.blocks[0] == "Watchlist (Binance)"
        assert parse(told.foot).text == "Binance · 22:13:20 UTC, 2h00 old"


async def test_a_digest_names_coins_that_are_halted_or_gone(tmp_path: Path) -> None:
    def halted(answer: Any) -> None:
        for row in answer if isinstance(answer, list) else [answer]:
            if isinstance(row, dict) and row.get("symbol") == "OPUSDT" and "closeTime" in row:
                row["closeTime"] -= 9 * DAY_MS

    async with a_watching_house(tmp_path) as house:
        assert house.bot.duty is not None
        assert house.bot.duty.store is not None
        await house.bot.duty.store.watch(1001, ["BTC-USDT", "OP-USDT", "NOPEX-USDT", "XYZQ-USDT"], 10, 1)
        rewrite(house, "BINANCE_SPOT", halted)
        told = digest.answer_of(await gathered(house), house.wall())
        assert told.notes == (
            "OP: no trade on Binance since 2023-11-05 22:13 UTC; it may be halted or delisted.",
            "NOPEX and XYZQ: not listed.",
        )
        assert parse(told.foot).text == "Binance · 22:13:20 UTC"


async def test_a_digest_that_nobody_tells_says_why(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, EXCHANGES="binance") as house:
        await house.ask("/watch BTC")
        await house.world.set_fault("binance", "500")
        house.bot.market.forget()
        told = digest.answer_of(await gathered(house), house.wall())
        assert "No exchange answered just now." in told.blocks
        assert told.notes == (
            "BTC: Binance answered HTTP 500.",
            "Moved most and funding n/a: Binance answered HTTP 500.",
        )


def test_a_digest_of_an_older_version_is_still_told() -> None:
    old = digest.answer_of({**OLD, "watched": [["BTC-USDT", 68_000.0, 1.0]]}, NOW)
    assert (old.blocks[0], old.notes, old.foot) == ("Watchlist", (), "")


async def test_a_market_of_few_does_not_both_rise_and_fall(tmp_path: Path) -> None:
    def thin(answer: Any) -> None:
        changes = {"BTCUSDT": "3", "ETHUSDT": "2", "SOLUSDT": "-1"}
        for row in answer if isinstance(answer, list) else []:
            if "quoteVolume" in row:
                row["quoteVolume"] = "2e6" if row["symbol"] in changes else "1"
                row["priceChangePercent"] = changes.get(row["symbol"], "9")

    async with a_watching_house(tmp_path, EXCHANGES="binance") as house:
        rewrite(house, "BINANCE_USDM", thin)
        movers = (await gathered(house))["movers"]
        assert [symbol for symbol, _, _ in movers["up"]] == ["BTC-USDT", "ETH-USDT"]
        assert [symbol for symbol, _, _ in movers["down"]] == ["SOL-USDT"]


def test_two_contracts_of_one_coin_have_a_name_each() -> None:
    funding = {"exchange": "binance", "highest": [("ETH-USDT", 1.0), ("ETH-USDC", 0.9)], "lowest": []}
    facts = {**OLD, "funding": funding}
    assert "ETH      +1.0000%\nETH USDC +0.9000%" in digest.answer_of(facts, NOW).text


def test_a_digest_in_which_nothing_moved_has_no_table_of_it() -> None:
    movers, funding = {"exchange": "binance", "up": [], "down": []}, {"exchange": "okx", "highest": [], "lowest": []}
    facts = {**OLD, "movers": movers, "funding": funding}
    text = digest.answer_of(facts, NOW).text
    assert "Moved" not in text
    assert "Funding" not in text
