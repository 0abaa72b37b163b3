"""/liq: liquidations of five exchanges, against what the offline world knows; and each one's own words for them."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from conftest import House, a_house, recorded, some, together
from wire import about

from answers import liq
from answers.liq import LiquidationReport, liquidated, told_since
from answers.quarters import QUARTER_MS
from demo.coins import MARGINS
from demo.market import Market as Truth
from demo.telegram_html import parse
from exchanges import bitget, deribit, gate, kraken, okx
from exchanges.errors import BadResponse, MarketError, WrongMarket
from exchanges.exchange import Exchange
from exchanges.reading import page_of
from exchanges.table import EXCHANGES
from exchanges.words import COIN, Liquidation, LiquidationPage, Listing, Ticker
from render.sentences import exchange_name

NOW = 1_763_906_602.0
MS = 1_763_900_000_000
LATE_S = 180  # of Bitget's, in the offline world
TELLERS = ("okx", "gate", "bitget", "deribit", "kraken")


def perp(quote: str = "USDT", multiplier: int = 1, contract_size: float | None = None) -> Listing:
    listed = f"{'1000' if multiplier == 1000 else ''}BTC-{quote}"
    return Listing("perp", f"BTC-{quote}", listed, multiplier, contract_size)


async def liquidations(house: House, words: str) -> LiquidationReport:
    return await liq.ask(house.bot.tools, liq.command(words.split()))


def true_dollars(truth: Truth, exchange: str, base: str, since_ms: int, side: str) -> float:
    until = NOW - (LATE_S if exchange == "bitget" else 0)
    return sum(
        each.size * each.price
        for margin in MARGINS[exchange]
        for each in truth.liquidations(exchange, base, since_ms / 1000, until, margin)
        if side in ("", each.side) and margin in truth.margins(exchange, base)
    )


@pytest.mark.parametrize(("window", "base"), some(itertools.product(("1h", "4h", "24h"), ("BTC", "SOL", "PEPE")), 2))
async def test_liquidations_are_the_truth(base: str, window: str) -> None:
    async with a_house() as house:
        truth = house.stop_at(NOW)
        report = await liquidations(house, f"{base} {window}")
        assert set(report.told) == set(TELLERS)
        assert report.late == {}
        for name, told in report.told.items():
            for side in ("",) if name == "kraken" else ("long", "short"):
                found = told.dollars(side) if side else told.dollars()
                least = 500 if name == "deribit" else 200  # of what is counted in whole contracts
                assert found == pytest.approx(true_dollars(truth, name, base, report.since_ms, side), 0.02, least), name


async def test_a_longer_window_right_behind_a_shorter_one_is_whole() -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        await liquidations(house, "BTC 1h")
        behind = await liquidations(house, "BTC 24h")
        house.bot.market.forget()
        anew = await liquidations(house, "BTC 24h")
        assert behind.late == anew.late == {}
        assert {name: each.dollars() for name, each in behind.told.items()} == {
            name: each.dollars() for name, each in anew.told.items()
        }


async def test_liquidations_begin_at_a_quarter() -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        report = await liquidations(house, "BTC 4h")
        assert report.since_ms % QUARTER_MS == 0
        assert 0 <= NOW * 1000 - 4 * 3_600_000 - report.since_ms < QUARTER_MS
        assert all(row.time_ms >= report.since_ms for told in report.told.values() for row in told.rows)


@pytest.mark.parametrize(("exchange", "fault"), some(itertools.product(TELLERS, ("hang", "500", "types")), 4))
async def test_liquidations_one_source_fails(exchange: str, fault: str) -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        await house.world.set_fault(exchange, fault)
        text = parse(await house.ask("/liq BTC 24h")).text
        assert "(partial)" in text.split("\n")[0]
        assert f"Missing: {exchange_name(exchange)} " in text
        assert f"4 of {len(EXCHANGES)} exchanges tell theirs; Binance and Bybit publish by stream only." in text


@pytest.mark.parametrize("exchange", TELLERS)
async def test_liquidations_of_the_others_are_the_truth_while_one_fails(exchange: str) -> None:
    async with a_house() as house:
        truth = house.stop_at(NOW)
        await house.world.set_fault(exchange, "500")
        report = await liquidations(house, "BTC 4h")
        others = [name for name in TELLERS if name != exchange]
        assert sorted(report.told) == sorted(others)
        whole = sum(true_dollars(truth, name, "BTC", report.since_ms, "") for name in others)
        assert report.dollars() == pytest.approx(whole, 0.02)


@pytest.mark.parametrize("fault", ["500", "empty"])
async def test_coins_without_a_price_are_no_sum(fault: str) -> None:
    """Kraken tells coins: where its price is not to be had, it is missing, and is not counted as nothing."""
    async with a_house() as house:
        house.stop_at(NOW)
        house.world.set_path_fault("KRAKEN_FUTURES", "/derivatives/api/v3/tickers", fault)
        report = await liquidations(house, "BTC 4h")
        assert set(report.failed) == {"kraken"}
        assert "kraken" not in report.told
        market, kraken = house.bot.market, EXCHANGES["kraken"]
        assert await told_since(market, "BTC", {"kraken": report.since_ms}, 4.0) == {}
        with pytest.raises(MarketError):
            await liquidated(market, kraken, "BTC-USD", 1440)


async def test_liquidations_say_how_far_they_are_told() -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        text = parse(await house.ask("/liq BTC")).text
        assert text.startswith("BTC liquidations 24h ≈$")
        assert f"5 of {len(EXCHANGES)} exchanges tell theirs; Binance and Bybit publish by stream only." in text
        assert "Bitget ≈" in text
        assert "Kraken: sums without sides, priced when they were asked for." in text


async def test_liquidations_of_a_wild_day_that_pages_do_not_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Exchange, "max_liquidation_pages", 2)
    async with a_house() as house:
        house.stop_at(NOW)
        report = await liquidations(house, "BTC 24h")
        assert set(report.late) == {"bitget"}
        assert report.since_ms < report.late["bitget"] < NOW * 1000
        assert "(partial)" in await house.ask("/liq BTC")
        assert "Not the whole 24h: Bitget since " in await house.ask("/liq BTC")


async def test_liquidations_nobody_tells() -> None:
    async with a_house(EXCHANGES="binance,bybit") as house:
        text = await house.ask("/liq BTC")
        assert text.startswith("No liquidations of BTC-USDT. ")
        assert "try again" not in text


async def test_liquidations_of_what_has_no_perpetual() -> None:
    async with a_house() as house:
        assert "No perpetual on any of 8 exchanges: XYZXYZ." in await house.ask("/liq XYZXYZ")


def test_largest_are_single_positions() -> None:
    sums, small, large = (
        Liquidation(MS, "long", 1, 9e9),
        Liquidation(MS, "long", 1, 5, 5),
        Liquidation(MS, "", 1, 7, 7),
    )
    told = {"kraken": liq.Told([sums], 0), "okx": liq.Told([small], 0), "gate": liq.Told([large], 0)}
    assert liq.largest(told, 5) == [("gate", large), ("okx", small)]


# The exchanges' words.


def of_okx(*details: dict[str, str], family: str = "BTC-USDT") -> bytes:
    return json.dumps({"code": "0", "msg": "", "data": [{"instFamily": family, "details": details}]}).encode()


SOLD = {"side": "sell", "posSide": "net", "bkPx": "50000", "sz": "3", "ts": str(MS)}


def test_okx_sells_out_who_was_long() -> None:
    page = okx.parse_liquidations(of_okx(SOLD, SOLD | {"side": "buy"}), perp(contract_size=0.01), 0)
    assert page.rows == [Liquidation(MS, side, 0.03, 1500.0, 50000.0) for side in ("long", "short")]


def test_okx_coin_margined_counts_dollars() -> None:
    page = okx.parse_liquidations(of_okx(SOLD, family="BTC-USD"), perp(COIN, contract_size=100), 0)
    assert page.rows == [Liquidation(MS, "long", 300 / 50000, 300.0, 50000.0)]


@together("told, size", [({"ctMult": "1"}, 0.01), ({"ctMult": "10"}, 0.1), ({"ctMult": ""}, 0.01), ({}, 0.01)])
def test_okx_contract_is_worth_so_many_of_its_value(told: dict[str, str], size: float) -> None:
    row = {"instId": "BTC-USDT-SWAP", "ctVal": "0.01", **told}
    body = json.dumps({"code": "0", "msg": "", "data": [row]}).encode()
    assert okx.parse_contract_size(body, perp()) == pytest.approx(size)


@together("odd", [SOLD | {"side": "up"}, SOLD | {"sz": "-3"}, SOLD | {"bkPx": ""}, SOLD | {"ts": "0"}])
def test_okx_malformed(odd: dict[str, str]) -> None:
    with pytest.raises(BadResponse):
        okx.parse_liquidations(of_okx(odd), perp(contract_size=0.01), 0)


def test_okx_of_another_family() -> None:
    with pytest.raises(WrongMarket):
        okx.parse_liquidations(of_okx(SOLD, family="ETH-USDT"), perp(contract_size=0.01), 0)


def test_page_leaves_its_oldest_millisecond_to_the_next() -> None:
    rows = [Liquidation(each, "long", 1, 1, 1) for each in (MS + 2, MS + 1, MS, MS)]
    assert page_of(rows, True, 0) == LiquidationPage(rows[:2], MS + 1, str(MS + 1))
    assert page_of(rows, False, 0) == LiquidationPage(rows, 0)
    assert page_of(rows, True, MS + 1) == LiquidationPage(rows[:2], MS + 1)
    assert page_of(rows[2:], True, 0) == LiquidationPage(rows[2:], MS, str(MS))


GATE_LONG = {
    "time": MS // 1000,
    "contract": "BTC_USDT",
    "size": 600,
    "order_size": -600,
    "fill_price": "50000",
    "left": 0,
}


def test_gate_plus_is_a_long() -> None:
    short = GATE_LONG | {"size": "-600", "order_size": "600", "left": "100"}
    page = gate.parse_liquidations(json.dumps([GATE_LONG, short]).encode(), perp(contract_size=0.0001), MS)
    assert [(row.side, round(row.size or 0, 9)) for row in page.rows] == [("long", 0.06), ("short", 0.05)]
    assert [row.dollars for row in page.rows] == [about(3000), about(2500)]


def test_gate_inverse_counts_dollars() -> None:
    body = json.dumps([GATE_LONG | {"contract": "BTC_USD"}]).encode()
    assert gate.parse_liquidations(body, perp(COIN), 0).rows == [Liquidation(MS, "long", 0.012, 600.0, 50000.0)]


def test_gate_recorded_below_zero_is_a_short_that_was_bought_back() -> None:
    """Its order's limit is above the fill, as a buyer's is."""
    page = gate.parse_liquidations(recorded("gate/liq-orders"), perp(contract_size=0.0001), 0)
    assert page.rows == [Liquidation(1696736132000, "short", about(0.0165), about(463.155), 28070.0)]


@pytest.mark.parametrize("odd", [{"size": "x"}, {"fill_price": "0"}, {"time": None}])
def test_gate_malformed(odd: dict[str, object]) -> None:
    with pytest.raises(BadResponse):
        gate.parse_liquidations(json.dumps([GATE_LONG | odd]).encode(), perp(contract_size=0.0001), 0)


def test_gate_sums_of_a_quarter() -> None:
    row = {
        "time": MS // 1000,
        "long_liq_amount": 0.02,
        "long_liq_usd": 1000.5,
        "short_liq_amount": 0,
        "short_liq_usd": 0,
    }
    body = json.dumps([row | {"time": MS // 1000 - 900}, row]).encode()
    assert gate.parse_liquidation_sums(body, perp(), MS).rows == [Liquidation(MS, "long", 0.02, 1000.5)]
    with pytest.raises(BadResponse):
        gate.parse_liquidation_sums(json.dumps([{"time": MS // 1000}]).encode(), perp(), MS)


def of_bitget(*rows: dict[str, str], cursor: str = "") -> bytes:
    return json.dumps({"code": "00000", "msg": "", "data": {"list": rows, "cursor": cursor}}).encode()


BITGET = {"symbol": "BTCUSDT", "side": "buy", "price": "50000", "amount": "0.5", "ts": str(MS)}


def test_bitget_tells_the_positions_side() -> None:
    page = bitget.parse_liquidations(of_bitget(BITGET, BITGET | {"side": "sell"}, cursor="abc"), perp(), 0)
    assert page == LiquidationPage([Liquidation(MS, s, 0.5, 25000.0, 50000.0) for s in ("long", "short")], MS, "abc")
    assert bitget.parse_liquidations(of_bitget(BITGET, cursor="abc"), perp(), MS + 1) == LiquidationPage([], MS + 1)
    with pytest.raises(BadResponse):
        bitget.parse_liquidations(of_bitget(BITGET | {"side": "hold"}), perp(), 0)


def of_deribit(*trades: dict[str, object]) -> bytes:
    return json.dumps({"result": {"trades": trades, "has_more": False}}).encode()


TRADE = {"instrument_name": "BTC-PERPETUAL", "direction": "sell", "price": 50000, "amount": 1000, "timestamp": MS}


@together("mark, sides", [("T", ["long"]), ("M", ["short"]), ("MT", ["long", "short"]), (None, [])])
def test_deribit_marks_taker_and_maker(mark: str | None, sides: list[str]) -> None:
    trade = TRADE if mark is None else TRADE | {"liquidation": mark}
    page = deribit.parse_liquidations(of_deribit(trade), perp(COIN), 0)
    assert page.rows == [Liquidation(MS, side, 0.02, 1000.0, 50000.0) for side in sides]


def test_deribit_linear_counts_coins_by_the_thousand() -> None:
    trade = TRADE | {"instrument_name": "1000BTC_USDC-PERPETUAL", "amount": 3, "liquidation": "T"}
    page = deribit.parse_liquidations(of_deribit(trade), perp("USDC", 1000), 0)
    assert page.rows == [Liquidation(MS, "long", 3000.0, 150000.0, 50.0)]


@pytest.mark.parametrize("odd", [{"liquidation": "X"}, {"direction": "zero"}, {"amount": -1}])
def test_deribit_malformed(odd: dict[str, object]) -> None:
    with pytest.raises(BadResponse):
        deribit.parse_liquidations(of_deribit(TRADE | {"liquidation": "T"} | odd), perp(COIN), 0)


def test_deribit_full_page_of_ordinary_trades_goes_on() -> None:
    trades = [TRADE | {"timestamp": MS + 5000 - n} for n in range(1000)]
    page = deribit.parse_liquidations(of_deribit(*trades), perp(COIN), 0)
    assert (page.rows, page.cursor) == ([], str(MS + 4002))
    trades[-2:] = [each | {"liquidation": "T"} for each in trades[-2:]]  # the last one comes again, on the next page
    assert [row.time_ms for row in deribit.parse_liquidations(of_deribit(*trades), perp(COIN), 0).rows] == [MS + 4002]
    ask = deribit.Deribit().liquidations(perp(COIN), MS, MS + 5000)[0]
    assert f"end_timestamp={MS + 4001}&" in ask(page.cursor).target
    assert deribit.parse_liquidations(of_deribit(*trades), perp(COIN), MS + 4500).cursor == ""


def of_kraken(*figures: object) -> bytes:
    times = [MS // 1000 + 900 * i for i in range(len(figures))]
    return json.dumps({"result": {"timestamp": times, "data": figures, "more": False}, "errors": []}).encode()


def test_kraken_sums_coins_or_dollars() -> None:
    body = of_kraken("12.5", "0", "3")
    assert kraken.parse_liquidation_sums(body, perp("USD"), MS + 1).rows == [Liquidation(MS + 1_800_000, "", 3.0, None)]
    assert kraken.parse_liquidation_sums(body, perp(COIN), MS).rows[0] == Liquidation(MS, "", None, 12.5)
    for odd in (of_kraken("-1"), of_kraken(None), of_kraken({}), b'{"result": {"timestamp": [1], "data": []}}'):
        with pytest.raises(BadResponse):
            kraken.parse_liquidation_sums(odd, perp("USD"), 0)


def test_who_streams_is_not_asked() -> None:
    assert {each.id for each in EXCHANGES.values() if each.streams_liquidations} == {"binance", "bybit"}
    assert {each.id for each in EXCHANGES.values() if each.tells.get("liquidations")} == set(TELLERS)


@together(
    "coins, hours_ago, is_anothers",
    [((40.0, 50.0), 1, False), ((400.0, 500.0), 1, True), ((400.0, 500.0), 30, False), ((), 1, False)],
)
def test_no_more_is_closed_by_force_than_is_traded(coins: tuple[float, ...], hours_ago: int, is_anothers: bool) -> None:
    """DOGE's sums were told as ETH's: $2.4B of it in a day."""
    now_ms = MS + 48 * 3_600_000
    rows = [Liquidation(now_ms - hours_ago * 3_600_000, "", each, None) for each in coins]
    ticker = Ticker("kraken", "ETH-USD", 3000.0, None, None, None, None, None, 400.0, None, now_ms)
    liq.refuse_more_than_traded("kraken", rows, None, now_ms)
    if is_anothers:
        with pytest.raises(WrongMarket):
            liq.refuse_more_than_traded("kraken", rows, ticker, now_ms)
    else:
        liq.refuse_more_than_traded("kraken", rows, ticker, now_ms)


async def test_krakens_sums_of_another_coin_are_refused() -> None:
    async with a_house(EXCHANGES="kraken") as house:

        async def anothers(asked: Any, whole: Any) -> Any:
            return await whole(asked._replace(path=asked.path.replace("PF_ETHUSD/liq", "PF_DOGEUSD/liq")))

        house.world.sites["KRAKEN_FUTURES"].intercept(anothers)
        assert "another market" in await house.ask("/liq ETH")
        assert "another market" not in await house.ask("/liq BTC")


async def test_a_day_begins_on_a_day() -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        assert "since 2025-11-22 14:00 UTC · " in liq.show(await liquidations(house, "BTC 24h"), NOW).text
        assert "since 10:00 UTC · " in liq.show(await liquidations(house, "BTC 4h"), NOW).text
