"""/price: what its card costs, and what it leaves out when that is late."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from answering import NOW, asked_of, freeze
from conftest import House, a_house, a_spot, requests_of, updated

from clock import loop_time
from demo.telegram_html import parse
from demo.web import Asked, Handler, Reply
from exchanges.endpoints import Endpoint
from exchanges.symbols import listing
from exchanges.table import EXCHANGES
from exchanges.words import Snapshot, Ticker

MAX_REQUESTS = 8  # of the first question of all: two tickers, open interest, funding, its periods, a past of each


MAX_WARM = 4  # the candles, the past and the periods are kept
WHOLE = ("BTC", "ETH", "NEAR", "SUPER", "WIF", "SHIB", "PEPE", "BONK", "kPEPE", "1000CAT", "SATS", "BABYDOGE", "NEIRO")
AT_THE_NEXT = ("MOG", "MOGUSDC")
CROSSES = ("BTCEUR", "ETHBTC")
ELSEWHERE = {
    "USDC": (11, 1),
    "AERO": (13, 1),
    "XMR": (13, 3),
    "OKB": (14, 1),
    "HYPE": (15, 3),
    "NOPEX": (16, 0),
    "CAT": (17, 3),
}
"""What the first two exchanges lack, on one side or both: how many requests cold, and warm.

Where a side is missing, each exchange that has such markets has to say that it does not have this one, or has it: at
Binance three answers (spot by its name and, as it may be priced in USDC or listed by the thousand, by the list; the
perpetual by the list of funding), at each of the others a list a side. Spot of HYPE is nowhere: Binance's two and six
lists, the perpetual's four answers, and the three that the card adds. XMR is at Gate: three, two, two and two
lists, the contract, three that the card adds. What the card adds is no more than three of any of them, so that
leaving it out would bring none of them to eight.
"""
LATENCIES_S = (0.0, 0.2)  # by the second one, looking for a coin takes longer than the hedge


def _without_time(told: Ticker | Snapshot | None) -> Ticker | Snapshot | None:
    """Bybit's rows tell none: it is that of asking."""
    if isinstance(told, Snapshot):
        return told._replace(ticker=told.ticker and told.ticker._replace(time_ms=0))
    return told and told._replace(time_ms=0)


async def cost(house: House, symbol: str, latency_s: float) -> tuple[int, int]:
    """Requests of a first question of all, and of the same one when the prices are not kept any more."""
    freeze(house)
    house.world.set_latency(latency_s)
    await house.ask(f"/price {symbol}")
    cold = requests_of(house)
    await asyncio.sleep(5)
    await house.ask(f"/price {symbol}")
    return cold, requests_of(house) - cold


@pytest.mark.parametrize("latency_s", LATENCIES_S)
@pytest.mark.parametrize("symbol", WHOLE + AT_THE_NEXT + CROSSES)
async def test_price_asks_for_few_things(symbol: str, latency_s: float) -> None:
    async with a_house() as house:
        cold, warm = await cost(house, symbol, latency_s)
        assert cold <= MAX_REQUESTS
        assert warm <= MAX_WARM


@pytest.mark.parametrize("latency_s", LATENCIES_S)
@pytest.mark.parametrize("symbol", ELSEWHERE)
async def test_price_of_what_others_list_asks_for_a_list_each(symbol: str, latency_s: float) -> None:
    async with a_house() as house:
        most_cold, most_warm = ELSEWHERE[symbol]
        cold, warm = await cost(house, symbol, latency_s)
        assert cold <= most_cold
        assert warm <= most_warm


@pytest.mark.parametrize(
    ("symbol", "lacking", "at", "n"),
    [
        ("MOG", (), "Bybit", 8),
        ("MOG", ("BYBIT",), "OKX", 12),
        ("MOG", ("BYBIT", "OKX"), "Gate", 13),
        ("XMR", ("GATE",), "Bitget", 14),
    ],
)
async def test_price_of_what_is_listed_further_on(symbol: str, lacking: tuple[str, ...], at: str, n: int) -> None:
    """Two lists more for each exchange that lacks it; how many answers a card takes is the exchange's own affair."""

    async def without(asked: Asked, whole: Handler) -> Reply:
        reply = await whole(asked)
        return reply._replace(body=reply.body.replace(symbol.encode(), b"QQQ"))

    async with a_house() as house:
        freeze(house)
        for site in lacking:
            house.world.sites[site].intercept(without)
        text = parse(await house.ask(f"/price {symbol}")).text
        assert text.split("\n")[-1].startswith(f"{at} · ")
        assert "7d" in text.split("\n")[2]
        assert requests_of(house) == n


async def test_what_a_list_says_of_a_coin_is_not_asked_again() -> None:
    """The lists tell who has MOG, and are lists of tickers."""
    async with a_house() as house:
        truth = freeze(house)
        text = parse(await house.ask("/price MOG")).text
        assert [each for each in asked_of(house, "BYBIT", "/v5/market/tickers") if "symbol=" in each] == []
        assert text.startswith(f"MOG {truth.day('bybit', 'MOG', 'spot').last:.10f} ")
        assert "OI    $" in text
        assert "fund  +" in text


@pytest.mark.parametrize(("ago_s", "n_asked"), [(1.5, 0), (2.0, 1)])
async def test_a_list_that_took_long_is_not_taken_for_an_answer_of_now(ago_s: float, n_asked: int) -> None:
    async with a_house() as house:
        market, bybit, of = house.bot.market, EXCHANGES["bybit"], a_spot("MOG-USDT")
        told = (await market.spot_at(bybit, "MOG-USDT")).snapshot
        await asyncio.sleep(5)
        market.told_in_list(bybit, of, "ticker", told, ago_s)
        before = requests_of(house)
        assert (await market.spot_at(bybit, "MOG-USDT")).snapshot.ticker is not None
        assert requests_of(house) - before == n_asked


TOLD = [(name, kind, part) for name, each in EXCHANGES.items() for kind, part in each.told_in.items()]


@pytest.mark.parametrize(("name", "kind", "part"), TOLD)
async def test_list_says_of_a_market_what_the_question_for_it_does(name: str, kind: str, part: str) -> None:
    async with a_house() as house:
        freeze(house)
        market, exchange = house.bot.market, EXCHANGES[name]
        rows: dict[str, Snapshot] = {}
        await market.stream(exchange.tickers(kind, market.now_ms())[part], rows.update)
        for listed in {"ETH-USDT", "XRP-USDT", "PEPE-USDT", "1000PEPE-USDT"} & rows.keys():
            of = listing(kind, listed)
            told: Snapshot | Ticker | None = rows[listed].ticker if kind == "spot" else rows[listed]
            asked: Endpoint[Any] = exchange.spot(of) if kind == "spot" else exchange.perp(of)[part]
            alone = await market.cached(asked)
            assert _without_time(told) == _without_time(alone)


async def test_an_odd_row_of_the_list_leads_to_the_market_itself() -> None:
    async with a_house() as house:

        async def odd(asked: Asked, whole: Handler) -> Reply:
            reply = await whole(asked)
            is_list = asked.path.endswith("tickers") and "symbol" not in asked.query
            return reply._replace(body=reply.body.replace(b'"lastPrice":"', b'"lastPrice":"x')) if is_list else reply

        house.world.sites["BYBIT"].intercept(odd)
        text = parse(await house.ask("/price MOG")).text
        assert text.startswith("MOG 0.00000")
        assert "/v5/market/tickers?category=spot&symbol=MOGUSDT" in house.world.sites["BYBIT"].asked


async def test_a_list_of_funding_that_hangs_is_waited_for_once() -> None:
    async with a_house() as house:

        async def hanging(asked: Asked, whole: Handler) -> Reply:
            if asked.path == "/fapi/v1/premiumIndex" and not asked.query:
                await asyncio.sleep(60)
            return await whole(asked)

        house.world.sites["BINANCE_USDM"].intercept(hanging)
        took = []
        for symbol in ("NEAR", "WIF"):
            began = loop_time()
            assert "fund  +" in await house.ask(f"/price {symbol}")
            took.append(loop_time() - began)
        assert took[0] < 1.0
        assert took[1] < 0.1


async def test_what_has_its_answer_is_not_asked_of_the_next_exchange() -> None:
    """Spot of HYPE is looked for at seven exchanges, which takes longer than the hedge; its perpetual was there."""
    async with a_house() as house:
        house.world.set_latency(0.2)
        assert "No spot market" in await house.ask("/price HYPE")
        assert not asked_of(house, "BYBIT", "/v5/market/tickers?category=linear")


async def test_new_wrong_name_asks_nobody_once_lists_are_kept() -> None:
    async with a_house() as house:
        await house.ask("/price BTVX")
        before = requests_of(house)
        for wrong in ("QWERT", "SOLL", "ETHX"):
            assert f"Not listed on any of {len(EXCHANGES)}" in await house.ask(f"/price {wrong}")
        assert requests_of(house) == before


async def test_coin_that_was_listed_meanwhile_is_found() -> None:
    """What a list did not have is believed for some minutes only."""
    async with a_house(EXCHANGES="binance,okx") as house:

        async def before_it_was(asked: Asked, whole: Handler) -> Reply:
            reply = await whole(asked)
            return reply._replace(body=reply.body.replace(b"OKB-", b"OKQ-"))

        restore = house.world.sites["OKX"].intercept(before_it_was)
        assert "Not listed" in await house.ask("/price OKB")
        restore()
        assert "Not listed" in await house.ask("/price OKB")
        await asyncio.sleep(301)
        assert "<b>OKB " in await house.ask("/price OKB")


@pytest.mark.parametrize("symbol", ["NEAR", "PEPE", "kPEPE", "1000CAT"])
async def test_a_list_that_is_at_hand_makes_no_answer_dearer(symbol: str) -> None:
    async with a_house() as house:
        await house.ask("/price BTVX")
        before = requests_of(house)
        await house.ask(f"/price {symbol}")
        assert requests_of(house) - before <= MAX_REQUESTS


@pytest.mark.parametrize(("symbol", "n_after_another"), [("PEPE", 1), ("ETH", 1), ("kPEPE", 2), ("NEAR", 2)])
async def test_which_coin_is_meant_is_found_out_beside_the_answer(symbol: str, n_after_another: int) -> None:
    """NEAR may be unknown there, so that its ticker is asked for before all else; kPEPE may be the name of another."""
    async with a_house() as house:
        await house.ask("/price BTC")  # connects
        await house.later()
        house.world.set_latency(0.4)
        began = loop_time()
        await house.ask(f"/price {symbol}")
        assert loop_time() - began < 0.4 * n_after_another + 0.1


@pytest.mark.parametrize("latency_s", [0.1, 0.3, 0.45, 0.6, 0.8])
async def test_slow_exchanges_lead_to_no_other_coin(latency_s: float) -> None:
    """CAT is none of Binance's 1000CAT, however long it takes to find that out."""
    async with a_house() as house:
        truth = freeze(house)
        house.world.set_latency(latency_s)
        text = parse(await house.ask("/price CAT")).text
        assert text.startswith(f"CAT {truth.day('binance', 'CAT', 'perp').last:.2f} ")
        assert "This is CAT; 1000CAT on Binance is another coin." in text


async def test_a_perpetual_of_a_likely_name_that_is_another_coins_is_not_told() -> None:
    """1000PEPE at a hundred times the price of spot, as another coin's would be."""
    async with a_house(EXCHANGES="binance") as house:

        async def dear(asked: Asked, whole: Handler) -> Reply:
            reply = await whole(asked)
            return reply._replace(body=reply.body.replace(b'Price":"0.', b'Price":"9.'))

        house.world.sites["BINANCE_USDM"].intercept(dear)
        text = parse(await house.ask("/price PEPE")).text
        assert text.startswith("PEPE 0.0000")
        assert "another coin of that name" in text
        assert "fund" not in text


async def test_next_price_asks_for_less() -> None:
    async with a_house() as house:
        await house.ask("/price BTC")
        before = requests_of(house)
        await house.ask("/price ETH")
        assert requests_of(house) - before < MAX_REQUESTS
        before = requests_of(house)
        await house.ask("/price ETH")
        assert requests_of(house) == before


async def test_late_extras_are_left_out_with_their_reason() -> None:
    """Candles and the past of open interest hang: the card is there a second later, and says what it lacks."""
    async with a_house() as house:
        house.world.set_path_fault("BINANCE_SPOT", "/api/v3/klines", "hang")
        house.world.set_path_fault("BINANCE_USDM", "/futures/data", "hang")
        began = loop_time()
        text = parse(await house.ask("/price BTC")).text
        assert loop_time() - began < 2.0
        assert "7d" not in text.split("\n")[2]
        assert "did not answer in time" in text
        assert text.startswith("BTC 6")


@pytest.mark.parametrize(
    ("symbol", "others", "site", "paths"),
    [
        ("MOG", "bybit", "BYBIT", ("/v5/market/kline", "/v5/market/open-interest")),
        ("MOG", "okx", "OKX", ("/api/v5/market/candles", "/api/v5/rubik")),
        ("XMR", "gate", "GATE", ("/api/v4/spot/candlesticks", "/api/v4/futures/usdt/contract_stats")),
        ("XMR", "bitget", "BITGET", ("/api/v2/spot/market/candles",)),
        ("XMR", "kraken", "KRAKEN", ("/0/public/OHLC",)),
    ],
)
async def test_late_extras_of_what_others_list_are_left_out(
    symbol: str, others: str, site: str, paths: tuple[str, ...]
) -> None:
    async with a_house(EXCHANGES=f"binance,{others}") as house:
        for path in paths:
            house.world.set_path_fault(site, path, "hang")
        began = loop_time()
        text = parse(await house.ask(f"/price {symbol}")).text
        assert loop_time() - began < 1.1
        assert text.startswith(f"{symbol} ")
        assert "7d" not in text.split("\n")[2]
        assert "did not answer in time" in text
        assert "perp  " in text


async def test_spot_that_has_no_perpetual_beside_it_tells_its_moves() -> None:
    """Gate's candles of perpetuals count contracts, whose size is asked for; those of spot count coins."""
    async with a_house(EXCHANGES="gate") as house:
        text = parse(await house.ask("/price USDC")).text
        assert "1h 0.0  7d " in text
        assert asked_of(house, "GATE", "/api/v4/futures/usdt/contracts") == []


async def test_card_takes_as_long_as_one_answer() -> None:
    """What a card shows beside the prices is asked for with them, at the exchanges that are preferred."""
    async with a_house() as house:
        await house.ask("/price BTC")  # connects
        await house.later()
        house.world.set_latency(0.5)
        began = loop_time()
        text = parse(await house.ask("/price ETH")).text
        assert loop_time() - began < 0.9
        assert "7d" in text.split("\n")[2]


async def test_where_the_preferred_exchange_fails_the_extras_come_from_the_other() -> None:
    async with a_house() as house:
        await house.world.set_fault("binance", "500")
        text = parse(await house.ask("/price BTC")).text
        assert "Bybit" in text
        assert "7d" in text.split("\n")[2]


async def test_a_card_tells_since_when_its_long_moves_are() -> None:
    """14:03 is nearest to the candle of 16:00 that far back, which is two hours and no more."""
    async with a_house(EXCHANGES="binance") as house:
        truth = freeze(house)
        text = parse(await house.ask("/price BTC")).text
        told = "7d since 2025-11-16 16:00 UTC, 30d since 2025-10-24 16:00 UTC: where candles of 4h opened"
        assert told in text
        last = truth.day("binance", "BTC", "spot").last
        for span, days in (("7d", 7), ("30d", 30)):
            slot = round((NOW - days * 86400) / 14400)
            (candle,) = truth.candles("binance", "BTC", "spot", 240, slot, slot)
            assert f"{span} {(last / candle.open - 1) * 100:+.1f}" in text


async def test_parts_without_a_figure_keep_their_capitals() -> None:
    async with a_house(EXCHANGES="bitget") as house:
        house.world.set_path_fault("BITGET", "/api/v2/spot/market", "500")
        text = parse(await house.ask("/price BTC")).text
        assert "oI" not in text
        assert "OI change n/a: Bitget tells no history of open interest." in text


async def test_rows_of_one_coin_in_two_currencies_are_told_apart() -> None:
    async with a_house() as house:
        lines = parse(await house.ask("/price BTC BTC-EUR ETH-EUR")).text.split("\n")
        assert [line.split()[0] for line in lines[2:5]] == ["BTC", "BTC-EUR", "ETH-EUR"]


async def test_a_coin_without_a_perpetual_has_no_buttons_of_one() -> None:
    async with a_house() as house:
        assert await neighbours_of(house, "/price AERO") == ["analysis AERO", "cvd AERO"]
        assert await neighbours_of(house, "/price BTC-EUR") == [
            *("analysis BTC-EUR", "cvd BTC-EUR", "oi BTC", "funding BTC")
        ]
        for exchange in set(EXCHANGES) - {"coinbase"}:
            await house.world.set_fault(exchange, "500")
        await house.later()  # where nobody answers, it is not known that there is none
        assert await neighbours_of(house, "/price BTC") == ["analysis BTC", "cvd BTC", "oi BTC", "funding BTC"]


async def neighbours_of(house: House, text: str) -> list[str]:
    call = await house.bot.answer(updated(text))
    assert call is not None
    return [button["callback_data"] for button in call["reply_markup"]["inline_keyboard"][1]]
