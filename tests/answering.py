"""Answers to be compared with the world's truth: a world that stands still, and what it was asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from conftest import House

from answers import oi, top10
from answers.contracts import Contract, DerivativesReport
from answers.top10 import Top
from demo.market import Market as Truth
from demo.web import Reply, in_json
from exchanges.table import EXCHANGES
from exchanges.words import COIN

NOW = 1_763_906_602.0  # 2025-11-23 14:03:22 UTC; the candle of 15m began 202 s ago
QUARTER_S = 900
WITH_PERPS = [each for each in EXCHANGES if "perp" in EXCHANGES[each].kinds]
HOUR_MS, DAY_MS, QUARTER_MS = 3_600_000, 86_400_000, 900_000
BOTH = ("perp", "spot")
MINUTES = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "1d": 1440}


def freeze(house: House, at_s: float = NOW) -> Truth:
    return house.stop_at(at_s)


def intercept(house: House, site: str, answer: Callable[[Any, Callable[[Any], Awaitable[Reply]]], Any]) -> None:
    """answer(asked, whole) answers in a site's place; whole is how the site itself answers."""
    house.world.sites[site].intercept(answer)


def asked_of(house: House, site: str, path: str) -> list[str]:
    return [target for target in house.world.sites[site].asked if target.startswith(path)]


def scanned(house: House) -> list[str]:
    """The coins whose candles were asked for, each as often as it was, by whatever contract."""
    asked = asked_of(house, "BINANCE_USDM", "/fapi/v1/klines")
    return [target.split("symbol=")[1].split("USD")[0].removeprefix("1000") for target in asked]


async def top(house: House, kind: str = "perp", sort: str = "volume") -> Top:
    return await top10.ask(house.bot.tools, top10.Sorting(kind, sort))


def bases(top: Top) -> list[str]:
    return [symbol.partition("-")[0] for symbol, _ in top.rows]


def largest(truth: Truth, exchange: str, kind: str) -> dict[str, tuple[float, float]]:
    """Turnover and change of every coin's most traded dollar market, most traded first."""
    found = {}
    for coin in truth.listed(exchange, kind):
        day = truth.day(exchange, coin.base, kind, coin.multiplier if kind == "perp" else 1)
        found[coin.base] = (day.turnover, round((day.last - day.open) / day.open * 100, 3))
    return dict(sorted(found.items(), key=lambda item: -item[1][0]))


def rewrite(house: House, site: str, change: Callable[[Any], None]) -> None:
    """What a site says in JSON is changed before it is sent."""

    async def changed(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        answer = orjson.loads(reply.body)
        change(answer)
        return reply._replace(body=orjson.dumps(answer))

    house.world.sites[site].intercept(changed)


def margin_of(contract: Contract) -> str:
    """The margin as the world calls it."""
    return "coin" if contract.margin == COIN else contract.margin


def n_requests(house: House) -> int:
    return sum(site.n_requests for site in house.world.sites.values())


async def interest(house: House, base: str = "BTC") -> DerivativesReport:
    return await oi.ask(house.bot.tools, base)


def closed(truth: Truth, interval: str, n: int, exchange: str = "binance", kind: str = "perp") -> list[Any]:
    """The world's last n closed candles."""
    minutes = MINUTES[interval]
    last = int(truth.clock() // (minutes * 60)) - 1
    return truth.candles(exchange, "BTC", kind, minutes, last - n + 1, last)


def young(n: int) -> Callable[[Any, Any], Any]:
    """A market of which there are but n candles, the running one among them."""

    async def answer(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        return in_json(orjson.loads(reply.body)[-n:]) if asked.path.endswith("klines") else reply

    return answer
