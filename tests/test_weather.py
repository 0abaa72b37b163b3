"""Bad weather at every exchange while chats ask: trials/weather.py, its pure parts and a storm of some seconds."""

from __future__ import annotations

import pytest
import weather
from conftest import a_house, together

import demo
import exchanges
from asking import budgets
from demo.web import FAULTS
from exchanges import endpoints, errors, table
from render.sentences import reasons

pytestmark = pytest.mark.no_cover  # others reach what these do


def test_schedule_is_the_seeds() -> None:
    assert weather.schedule(5) == weather.schedule(5)
    assert weather.schedule(5) != weather.schedule(6)


@together("seed", range(5))
def test_schedule_has_all_kinds_everywhere(seed: int) -> None:
    events = weather.schedule(seed)
    assert events == sorted(events)
    assert {each.fault for each in events} == {fault for fault, _ in weather.SPELLS} | {"451"}
    assert {each.fault for each in events} <= {"", *FAULTS}
    assert {each.exchange for each in events if each.fault} == {*table.EXCHANGES, "coingecko"}


@together("seed", range(5))
def test_schedule_ends_calm(seed: int) -> None:
    last = {each.exchange: each for each in weather.schedule(seed)}
    assert {(each.fault, each.latency_s) for each in last.values()} == {("", weather.CALM_S)}
    blocked = [each for each in weather.schedule(seed) if each.fault == "451"]
    assert len(blocked) <= weather.N_BLOCKED
    assert all(each.at_s > weather.STORM_S / 2 for each in blocked)


@together(
    "text, kind",
    [
        ("<b>BTC</b>\n<pre>last 1</pre>\n<i>Binance · 12:00:00 UTC · 5 ms</i>", "whole"),
        ("<pre>last 1</pre>\nBasis n/a: spot and perpetual come from different exchanges.", "whole"),
        ("<pre>last 1</pre>\nNo perpetual of PEPE on Deribit.", "whole"),
        ("No market is above that now.\n5 perpetuals scanned, 0 failed.", "whole"),
        ("Nothing could be scanned.\n0 perpetuals scanned, 5 failed.\nFailed: Bybit was slow.", "sentence"),
        ("<pre>last 1</pre>\nBinance and OKX were slow.", "partial"),
        ("<pre>last 1</pre>\nn/a: Kraken USD.", "partial"),
        ("<pre>last 1</pre>\nMarket cap n/a: CoinGecko did not answer in time.", "partial"),
        ("<pre>last 1</pre>\nOpen interest did not answer in time.", "unclear"),
        ("No price for BTC-USDT right now. OKX answered HTTP 500.", "sentence"),
        ("This takes too long just now. Please try again in a minute.", "unclear"),
        ("<pre>last 1", "refused"),
    ],
)
def test_judging_of_answers(text: str, kind: str) -> None:
    assert weather.judged(text) == kind


@together("kind", [errors.Unavailable, errors.RateLimited, errors.Blocked, errors.BadResponse, budgets.OverBudget])
def test_judging_knows_every_failure(kind: type[errors.MarketError]) -> None:
    assert weather.judged(f"No price for BTC-USDT right now. {reasons([kind('binance', 'x')])}.") == "sentence"


@pytest.mark.parametrize("command", dict.fromkeys(weather.COMMANDS))
async def test_judging_in_calm_weather(command: str) -> None:
    async with a_house(VOLSCAN_SYMBOLS="3") as house:
        text = await house.ask(command.format("BTC"))
        assert weather.judged(text) == "whole", text


def test_peak_of_any_window() -> None:
    moments = [(0.0, 5), (0.9, 5), (1.0, 5), (1.8, 5), (5.0, 1)]
    assert weather.peak(moments, 1.0) == 15
    assert weather.peak(moments, 0.5) == 10
    assert weather.peak([], 1.0) == 0


def test_spent_of_a_limit() -> None:
    each, whole = weather.Limit("GATE", "", 9, 1, is_each=True), weather.Limit("DERIBIT", "", 9, 1)
    asked = [(0.0, "/f/contracts/BTC_USDT"), (0.1, "/f/contracts/ETH_USDT?x=1"), (0.2, "/f/tickers")]
    assert weather.spent(each, asked) == 2
    assert weather.spent(whole, asked) == 3
    assert weather.spent(whole._replace(path="/f/tickers$"), asked) == 1


@together(
    "site, asked, cost",
    [
        ("BINANCE_SPOT", "/api/v3/ticker/24hr?symbol=BTCUSDT", 2),
        ("BINANCE_SPOT", "/api/v3/ticker/24hr", 80),
        ("BINANCE_USDM", "/fapi/v1/klines?symbol=BTCUSDT&limit=600", 5),
        ("HYPERLIQUID", '/info {"type":"metaAndAssetCtxs"}', 20),
        (
            "HYPERLIQUID",
            '/info {"type":"candleSnapshot","req":{"coin":"BTC","interval":"15m","startTime":0,"endTime":108000000}}',
            22,
        ),
    ],
)
def test_weight_of_a_request(site: str, asked: str, cost: int) -> None:
    assert weather.weight(site, asked) == cost


def test_limits_are_those_that_the_bot_keeps() -> None:
    """Typed again from the documentation: where the two differ, one of them is wrong."""
    stated = {(limit.most, limit.window_s) for limit in weather.LIMITS}
    modules = [exchanges.binance, exchanges.bybit, exchanges.okx, exchanges.hyperliquid, exchanges.deribit]
    modules += [exchanges.kraken, exchanges.coinbase, exchanges.coingecko]
    kept = [each for module in modules for each in vars(module).values() if isinstance(each, endpoints.Budget)]
    assert len(kept) > 10
    assert {(each.max_weight, each.window_s) for each in kept} <= stated
    assert {limit.site for limit in weather.LIMITS} == set(demo.World().sites)


@pytest.mark.trial
@pytest.mark.real_time  # the ledgers tell when requests arrived, by the machine's clock
async def test_a_short_storm() -> None:
    """Every chat has its answers, whatever exchanges do; budgets are kept."""
    async with a_house(TELEGRAM_CHAT_ID="*", VOLSCAN_SYMBOLS="20") as house:
        ledgers = {name: weather.Ledger() for name in house.world.sites}
        for name, site in house.world.sites.items():
            site.asked = ledgers[name]
        events = weather.schedule(3, 4.0)
        heard = await weather.storm(house.world, house.port, house.settings.webhook_secret, events, 4.0, 3, n_chats=3)
        assert len(heard) > 3
        assert [each for each in heard if each.kind not in weather.GOOD or each.seconds > weather.MAX_S] == []
        assert {each.kind for each in heard} & {"whole", "partial"}
        assert [
            limit for limit in weather.LIMITS if weather.spent(limit, ledgers[limit.site].moments) > limit.most
        ] == []
