"""Old news is told as old: tickers, candles, ratios, market caps; and what is of now is of now."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest
from answering import NOW, freeze, intercept
from conftest import House, a_house, together
from wired import DAY_MS, NOW_MS, say, wired

from answers.funding import ask_extremes
from answers.traded import is_leveraged
from demo.web import in_json

HOUR_MS = 3_600_000


def ticker(symbol: str, last: str, time_ms: int) -> dict[str, Any]:
    prices = dict.fromkeys(("lastPrice", "bidPrice", "askPrice", "highPrice", "lowPrice"), last)
    return {
        "symbol": symbol,
        **prices,
        "priceChangePercent": "1",
        "volume": "9",
        "quoteVolume": "9",
        "closeTime": time_ms,
    }


def binance_with(spot_ms: int, perp_ms: int) -> Any:
    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        if path.endswith("ticker/24hr"):
            return ticker(query["symbol"], "2.0", perp_ms if "fapi" in host else spot_ms)
        return None

    return answer


async def test_basis_of_a_perpetual_that_was_traded_days_ago_is_na() -> None:
    told = await say(wired(binance_with(NOW_MS, NOW_MS - 3 * DAY_MS), "binance"), "/price AB")
    assert "basis n/a" in told
    assert "Basis n/a: spot and perpetual were last traded at different times." in told
    assert "The perpetual: no trade on Binance since 2026-09-18 14:13 UTC; it may be halted or delisted." in told
    assert "3d old" in told  # the foot's time is the older one


async def test_basis_of_two_markets_of_now_is_told() -> None:
    told = await say(wired(binance_with(NOW_MS, NOW_MS - 60_000), "binance"), "/price AB")
    assert "basis +0.0bp" in told or "basis 0.0bp" in told
    assert "no trade on" not in told


async def test_moves_are_not_worked_out_of_another_price() -> None:
    """Candles at 1 beside a ticker at 60,000 are of another market, or of another time."""

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        if path.endswith("klines"):
            step = 60_000 if query["interval"] == "1m" else 4 * HOUR_MS
            times = [NOW_MS // step * step - i * step for i in reversed(range(int(query["limit"])))]
            return [[at, "1", "1", "1", "1", "9", at + step - 1, "9", 1, "4", "4", "0"] for at in times]
        return binance_with(NOW_MS, NOW_MS)(host, path, query) if "fapi" not in host else None

    bot = wired(answer, "binance")
    assert "1h -" in (await say(bot, "/price AB")).replace("1h +", "1h -")  # 2.0 against 1 may be one coin
    told = await say(wired(lambda *asked: _priced(answer(*asked)), "binance"), "/price AB")
    assert "1h +" not in told


def _priced(told: Any) -> Any:
    return told | {"lastPrice": "60000"} if isinstance(told, dict) and "lastPrice" in told else told


async def test_profile_is_of_now() -> None:
    """Candles of an hour are kept; the running one is not: what was traded since is in the next profile."""
    coins = {"running": "5"}

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        if not path.endswith("klines") or query["interval"] != "1h":
            return None
        last, n = NOW_MS // HOUR_MS, int(query["limit"])
        prices = {i: "2" if i == 0 else "1" for i in reversed(range(n))}
        volumes = {i: coins["running"] if i == 0 else "1" for i in prices}
        return [
            [(last - i) * HOUR_MS, price, price, price, price, volumes[i], 0, "9", 1, "4", "4", "0"]
            for i, price in prices.items()
        ]

    now = [NOW_MS / 1000]
    bot = wired(answer, "binance", {"CACHE_SECONDS": "2"}, now=lambda: now[0])
    before = await say(bot, "/profile AB 30d")
    coins["running"] = "5000"
    now[0] += 20 * 60
    after = await say(bot, "/profile AB 30d")
    assert "VWAP 1" in before
    assert before.partition("VWAP")[2][:6] != after.partition("VWAP")[2][:6]


def ended(house: House, hours: float) -> None:
    """Binance's candles end so many hours ago; its tickers are of now."""

    async def answer(asked: Any, whole: Any) -> Any:
        told = await whole(asked)
        if not asked.path.endswith("klines"):
            return told
        return in_json([row for row in orjson.loads(told.body) if row[0] <= (NOW - hours * 3600) * 1000])

    for site in ("BINANCE_SPOT", "BINANCE_USDM"):
        intercept(house, site, answer)


@pytest.mark.parametrize("line", ["volume", "cvd", "profile", "chart", "analysis"])
async def test_candles_that_ended_hours_ago_are_another_exchanges(line: str) -> None:
    async with a_house() as house:
        freeze(house)
        ended(house, 3)
        told = await house.ask(f"/{line} BTC")
        assert "Binance had no figures of now" in told
        assert "<i>Binance" not in told


async def test_candles_that_ended_hours_ago_are_nobodys() -> None:
    async with a_house(EXCHANGES="binance") as house:
        freeze(house)
        ended(house, 3)
        assert "No volume of BTC-USDT right now. Binance had no figures of now." in await house.ask("/volume BTC")


async def test_a_move_is_not_worked_out_of_candles_that_ended() -> None:
    async with a_house() as house:
        freeze(house)
        ended(house, 1)
        assert "1h change n/a: Binance had no figures of now." in await house.ask("/price BTC")


@together(
    "name, is_one",
    [
        ("XRP3L", True),
        ("BTC5S", True),
        ("BTCUP", True),
        ("ETHBEAR", True),
        ("JUP", False),
        ("SYRUP", False),
        ("SUPER", False),
        ("PUMP", False),
        ("H2S", False),
    ],
)
def test_leveraged_tokens_are_known_without_their_opposite(name: str, is_one: bool) -> None:
    listed = {"XRP", "BTC", "ETH", "J", "JUP", "SYRUP", "SUPER", "PUMP", "H2S", name}
    assert is_leveraged(name, listed) == is_one


def test_leveraged_tokens_of_a_coin_that_is_not_listed_need_their_opposite() -> None:
    assert is_leveraged("ZZZ3L", {"ZZZ3S"})
    assert not is_leveraged("ZZZ3L", {"BTC"})


@pytest.mark.parametrize("command", ["oi", "funding"])
async def test_what_nobody_trades_any_more_is_told_as_old(command: str) -> None:
    """FTT stands in the lists of Gate and Bitget still, three days after its last trade."""
    async with a_house() as house:
        text = re.sub(r"<[^>]+>", "", await house.ask(f"/{command} FTT"))
        assert "No trades within 24h on Bitget and Gate: the market may be halted or delisted." in text
        assert "No trades within" not in await house.ask(f"/{command} TON")


# Lists of all markets.


def a_day_old(symbols: Callable[[str], bool]) -> Any:
    """Binance's lists, in which these markets were last heard of a day ago."""

    async def answer(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        if not asked.path.endswith("ticker/24hr"):
            return reply
        told = orjson.loads(reply.body)
        for row in told if isinstance(told, list) else [told]:
            row["closeTime"] -= DAY_MS * symbols(row["symbol"])
        return in_json(told)

    return answer


@pytest.mark.parametrize("line", ["/top10", "/top10 funding", "/top10 gainers", "/funding top", "/volscan 0"])
async def test_a_list_of_yesterday_is_no_list(line: str) -> None:
    async with a_house(EXCHANGES="binance,bybit", VOLSCAN_SYMBOLS="5") as house:
        intercept(house, "BINANCE_USDM", a_day_old(lambda _: True))
        text = await house.ask(line)
        assert "Binance had no figures of now." in text
        assert "<i>Bybit" in text


async def test_funding_of_a_halted_contract_that_is_still_listed_is_no_extreme() -> None:
    async with a_house(EXCHANGES="binance") as house:
        market = house.bot.market
        highest = (await ask_extremes(market)).highest[0][0]
        market.forget()
        intercept(house, "BINANCE_USDM", a_day_old(lambda symbol: symbol == highest.replace("-", "")))
        assert highest not in [symbol for symbol, _ in (await ask_extremes(market)).highest]
