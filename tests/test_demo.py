"""The offline world's hosts: lists as long as real ones, faults, refusals, counters."""

from __future__ import annotations

import asyncio
import json
import signal
import zlib

import httpx
import pytest
from demo_kit import HYPERLIQUID, NOW, a_still_world, a_world, of_list
from test_webhook_server import Process

import demo
from demo.web import Asked, Handler, Reply, in_json

# Lists, faults, counters.


async def test_lists_are_as_long_as_real_ones() -> None:
    async with a_still_world() as (_, ask):
        spot = await ask("BINANCE_SPOT", "/api/v3/ticker/24hr")
        assert len(spot) == 3300
        assert len({row["symbol"] for row in spot}) == 3300
        names = of_list(spot, "symbol")
        assert {"BTCUPUSDT", "ETHBEARUSDT", "ETHBTC", "BTCTRY", "BTCFDUSD", "JUPUSDT", "SUPERUSDT", "SYRUPUSDT"} <= set(
            names
        )
        halted = [row for row in spot if float(row["volume"]) == 0]
        assert 500 < len(halted) < 1500
        assert all(row["closeTime"] < 1_750_000_000_000 for row in halted)
        assert names["BTCUSDT"] == await ask("BINANCE_SPOT", "/api/v3/ticker/24hr?symbol=BTCUSDT")
        some = next(name for name in names if name.startswith("Q") and name.endswith("ETH"))
        assert names[some] == await ask("BINANCE_SPOT", f"/api/v3/ticker/24hr?symbol={some}")
        assert 250 < len(await ask("BINANCE_USDM", "/fapi/v1/ticker/24hr")) < 450
        assert 250 < len((await ask("BYBIT", "/v5/market/tickers?category=linear"))["result"]["list"]) < 450
        assert 250 < len((await ask("OKX", "/api/v5/public/funding-rate?instId=ANY"))["data"]) < 450
        gate = await ask("GATE", "/api/v4/spot/tickers")
        assert len(gate) > 600
        assert "BTC3L_USDT" in of_list(gate, "currency_pair")
        assert await ask("GATE", "/api/v4/futures/usdc/contracts") == []
        universe = (await ask(*HYPERLIQUID, {"type": "meta"}))["universe"]
        assert {"kPEPE", "kSHIB"} <= set(of_list(universe, "name"))
        assert sum(row.get("isDelisted", False) for row in universe) == 2
        assert len(await ask("COINGECKO", "/api/v3/coins/markets?vs_currency=usd&per_page=250")) == 250
        assert 0 < len(await ask("COINGECKO", "/api/v3/coins/markets?vs_currency=usd&per_page=250&page=2")) < 250


async def test_long_answers_are_packed() -> None:
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        url = f"{world.sites['BINANCE_SPOT'].url}/api/v3/ticker/24hr"
        packed = await client.get(url)
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < len(packed.content) / 3
        plain = await client.get(url, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert len(plain.json()) == len(packed.json())
        assert "content-encoding" not in (await client.get(f"{url}?symbol=BTCUSDT")).headers


async def test_weights_are_counted() -> None:
    async with a_world(lambda: NOW) as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        used = []
        for target in ("ticker/24hr", "ticker/24hr?symbol=BTCUSDT", "klines?symbol=BTCUSDT&interval=1h", "time"):
            answer = await client.get(f"{world.sites['BINANCE_SPOT'].url}/api/v3/{target}")
            used.append(int(answer.headers["x-mbx-used-weight-1m"]))
        assert used == [80, 82, 84, 85]
        assert max(world.sites["BINANCE_SPOT"].weights.values()) == 85
        await client.get(f"{world.sites['BINANCE_USDM'].url}/fapi/v1/klines?symbol=BTCUSDT&interval=1h&limit=1500")
        assert world.sites["BINANCE_USDM"].weights == {int(NOW // 60): 10}


async def test_site_remembers_who_asked() -> None:
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        site = world.sites["HYPERLIQUID"]
        await client.post(f"{site.url}/info", json={"type": "meta"})
        assert list(site.asked) == ['/info {"type":"meta"}']
        assert (site.n_requests, site.n_connections, site.n_open) == (1, 1, 1)
        await client.aclose()
        await asyncio.sleep(0.02)
        assert (site.n_connections, site.n_open) == (1, 0)


async def test_fault_of_some_paths_only() -> None:
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        url = world.sites["KRAKEN"].url
        world.set_path_fault("KRAKEN", "/0/public/OHLC", "500")
        assert (await client.get(f"{url}/0/public/OHLC?pair=XBTUSD")).status_code == 500
        assert (await client.get(f"{url}/0/public/Ticker?pair=XBTUSD")).status_code == 200
        world.set_path_fault("KRAKEN", "/0/public/OHLC", "")
        assert (await client.get(f"{url}/0/public/OHLC?pair=XBTUSD")).status_code == 200
        with pytest.raises(ValueError, match="no such fault of a path"):
            world.set_path_fault("KRAKEN", "/0", "refuse")


async def test_tests_answer_in_a_sites_place() -> None:
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        site, path = world.sites["OKX"], "/api/v5/public/time"

        async def louder(asked: Asked, whole: Handler) -> Reply:
            return (await whole(asked))._replace(body=b"!")

        first = site.intercept(lambda asked, whole: in_json({"path": asked.path}))
        second = site.intercept(louder)
        assert (await client.get(site.url + path)).text == "!"
        second()
        assert (await client.get(site.url + path)).json() == {"path": path}
        first()
        assert (await client.get(site.url + path)).json()["code"] == "0"


async def test_set_fault_takes_all_hosts_of_an_exchange() -> None:
    async with a_world() as world:
        await world.set_fault("kraken", "500")
        faults = {name for name, site in world.sites.items() if site.fault}
        assert faults == {"KRAKEN", "KRAKEN_FUTURES"}


async def test_faults_of_the_body() -> None:
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        url = f"{world.sites['COINBASE'].url}/products/BTC-USD/stats"
        await world.set_fault("coinbase", "garbage")
        answer = await client.get(url)
        assert answer.status_code == 200
        with pytest.raises(ValueError):  # noqa: PT011
            answer.json()
        await world.set_fault("coinbase", "gzipbomb")
        async with client.stream("GET", url) as answer:
            assert int(answer.headers["content-length"]) < 64 * 1024
            packed = b"".join([piece async for piece in answer.aiter_raw()])
        unpacked = zlib.decompress(packed, wbits=31)
        assert len(unpacked) > 50 * 1024 * 1024
        await world.set_fault("coinbase", "slow")
        with pytest.raises(httpx.ReadTimeout):
            async with asyncio.timeout(1), client.stream("GET", url, timeout=0.1) as answer:
                await answer.aread()


@pytest.mark.parametrize(
    ("site", "target", "status", "words"),
    [
        ("BINANCE_USDM", "/futures/data/openInterestHist?symbol=BTCUSDT&period=7m", 400, "-1130"),
        ("BINANCE_COINM", "/dapi/v1/ticker/24hr?symbol=NOPEUSD_PERP", 400, "-1121"),
        ("BYBIT", "/v5/market/kline?category=linear&symbol=NOPEUSDT&interval=60", 200, '"retCode":10001'),
        ("OKX", "/api/v5/market/candles?instId=BTC-USDT&bar=1D", 400, '"code":"51000"'),
        ("GATE", "/api/v4/spot/tickers?currency_pair=NOPE_USDT", 400, "INVALID_CURRENCY_PAIR"),
        ("GATE", "/api/v4/futures/usdt/contracts/NOPE_USDT", 404, "CONTRACT_NOT_FOUND"),
        ("GATE", "/api/v4/futures/usdc/contracts/BTC_USDC", 404, "CONTRACT_NOT_FOUND"),
        ("GATE", "/api/v4/spot/candlesticks?currency_pair=BTC_USDT&limit=5&from=1", 400, "INVALID_PARAM_VALUE"),
        ("BITGET", "/api/v2/mix/market/candles?productType=USDT-FUTURES&symbol=BTCUSDT&granularity=1h", 400, "400171"),
        ("HYPERLIQUID", "/info", 405, ""),
        ("KRAKEN", "/0/public/OHLC?pair=NOPE", 200, "EQuery:Unknown asset pair"),
        ("KRAKEN_FUTURES", "/derivatives/api/v3/tickers/PF_NOPEUSD", 400, "contractNotFound"),
        ("KRAKEN_FUTURES", "/derivatives/api/v3/nonsense", 404, '"errors":[{'),
        ("KRAKEN_FUTURES", "/api/charts/v1/trade/PF_XBTUSD/7m", 400, "Invalid resolution"),
        ("KRAKEN_FUTURES", "/api/charts/v1/analytics/PF_XBTUSD/cvd?since=1&interval=61", 400, "Invalid arguments"),
        ("OKX", "/api/v5/public/liquidation-orders?instType=SWAP", 400, "50014"),
        ("BITGET", "/api/v3/market/liquidations", 400, "40019"),
        ("GATE", "/api/v4/futures/usdt/liq_orders?from=1", 400, "1 hour"),
        ("BYBIT", "/v5/market/funding/history?category=linear&symbol=BTCUSDT&startTime=1", 200, '"retCode":10001'),
        ("COINBASE", "/products/BTC-USD/candles?granularity=1800", 400, "Unsupported granularity"),
        ("COINGECKO", "/api/v3/coins/markets?vs_currency=xyz", 422, "invalid vs_currency"),
    ],
)
async def test_exchange_refuses_in_its_words(site: str, target: str, status: int, words: str) -> None:
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        answer = await client.get(world.sites[site].url + target)
        assert answer.status_code == status
        assert words in answer.text


@pytest.mark.parametrize("status", [429, 418, 451])
async def test_exchange_limits_in_its_words(status: int) -> None:
    """Each site has a refusal of its own for each, even where it comes with another status."""
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        texts = set()
        for name, site in world.sites.items():
            await world.set_fault(name, str(status))
            answer = await client.get(site.url)
            assert answer.status_code in (200, 403, 418, 429, 451)
            texts.add(answer.text)
        assert len(texts) > 4


def test_world_by_itself() -> None:
    """`python -m demo` prints the variables that lead into it and, last, its page; it stays until it is stopped."""
    process = Process(["-m", "demo"], {})
    environ = json.loads(process.until(r"^\{.*\}$")[0])
    assert process.until(r"^(http://\S+)/$")[1] == environ["TELEGRAM_API_URL"]
    assert environ["TELEGRAM_BOT_TOKEN"] == demo.TOKEN
    answer = httpx.get(f"{environ['OKX_URL']}/api/v5/public/time", trust_env=False)
    assert answer.json()["code"] == "0"
    process.end(signal.SIGINT)
