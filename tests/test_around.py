"""A long answer that is cut down to some rows tells the same of these as the whole of it."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import pytest
from conftest import a_house, a_listing, a_perp, a_spot

from answers.card_extras import opening_at
from answers.interest import at_hours_ago
from exchanges.around import rows_around
from exchanges.binance import Binance
from exchanges.errors import BadResponse
from exchanges.exchange import Exchange, Question
from exchanges.table import EXCHANGES
from exchanges.words import INTERVALS, Candles

HOUR_MS = 3_600_000
STEP_MS = 4 * HOUR_MS
FIRST_MS = 486_112 * HOUR_MS  # a multiple of four hours, and of a quarter
N = 181
NOW_MS = FIRST_MS + (N - 1) * STEP_MS + 5_000_000
AGO_MS = (7 * 24 * HOUR_MS, 30 * 24 * HOUR_MS)


def candle(at: int, price: float) -> str:
    prices = f'"{price}","{price + 2}","{price - 1.5}","{price + 1}"'
    return f'[{at},{prices},"7.25",{at + STEP_MS - 1},"99.5",12,"3.5","44","0"]'


def candles(*times: int) -> bytes:
    return f"[{','.join(candle(at, 100 + at // HOUR_MS % 977) for at in times)}]".encode()


TIMES = range(FIRST_MS, FIRST_MS + N * STEP_MS, STEP_MS)
WHOLE = candles(*TIMES)


def interest(*times: int) -> bytes:
    rows = (f'{{"symbol":"BTCUSDT","sumOpenInterest":"{at // 60_000 % 9973}.5","timestamp":{at}}}' for at in times)
    return f"[{','.join(rows)}]".encode()


def read(body: bytes, now_ms: int = NOW_MS) -> Candles:
    moments = [now_ms - each for each in AGO_MS]
    return Binance().candles_around(a_spot("BTC-USDT"), "4h", N, now_ms, moments).parse(body)


def openings(of: Candles, now_ms: int = NOW_MS) -> list[tuple[int, float] | None]:
    return [opening_at(of, now_ms - each) for each in AGO_MS]


def whole(body: bytes) -> Candles:
    return Binance().candles(a_spot("BTC-USDT"), "4h", N, NOW_MS).parse(body)


def test_eight_of_many_candles_tell_what_was() -> None:
    cut = read(WHOLE)
    assert (len(cut), cut.is_excerpt) == (8, True)
    assert openings(cut) == openings(whole(WHOLE)) != [None, None]
    assert list(cut.open_ms[-2:]) == list(TIMES[-2:])


def test_they_serve_until_the_next_candle_begins() -> None:
    cut, all_of_them = read(WHOLE), whole(WHOLE)
    for later_ms in range(NOW_MS, FIRST_MS + N * STEP_MS, 60_000):
        assert openings(cut, later_ms) == openings(all_of_them, later_ms)


def test_open_interest_an_hour_and_a_day_ago() -> None:
    step_ms = HOUR_MS // 4
    body = interest(*range(FIRST_MS, FIRST_MS + 98 * step_ms, step_ms))
    for now_ms in range(FIRST_MS + 97 * step_ms, FIRST_MS + 98 * step_ms, 7_000):
        cut, of_all = (
            at_hours_ago(endpoint.parse(body), now_ms)
            for endpoint in (
                Binance().open_interest_around(
                    a_perp("BTC-USDT"), 98, now_ms, "15m", [now_ms - HOUR_MS, now_ms - 24 * HOUR_MS]
                ),
                Binance().open_interest_history(a_perp("BTC-USDT"), 98, now_ms, "15m"),
            )
        )
        assert (cut, cut.newest, cut.rough) == (of_all, of_all.newest, of_all.rough)
        assert len(cut) == 2


@pytest.mark.parametrize(
    "body",
    [
        re.sub(rb"\[(\d+),", rb'["\1",', WHOLE),
        candles(*reversed(TIMES)),
        candles(*TIMES[100:]),
        candles(*TIMES[:3], *TIMES[150:]),
        candles(*TIMES[:1], *TIMES[2:]),
        candles(TIMES[0]),
        b"[]",
        b"",
        b"{}",
        b"[[",
        b'{"code":-1121,"msg":"Invalid symbol."}',
    ],
)
def test_another_form_is_left_whole(body: bytes) -> None:
    assert rows_around(body, Binance.forms["candles"], STEP_MS, [NOW_MS - each for each in AGO_MS]) is body


def test_blanks_between_rows_are_the_same() -> None:
    assert openings(read(WHOLE.replace(b",[", b", \n["))) == openings(read(WHOLE))


def test_what_was_not_left_out_is_filled_as_ever() -> None:
    young = read(candles(*TIMES[100:]))
    assert (len(young), young.is_excerpt) == (N - 100, False)


def test_rows_at_the_end_are_there_once() -> None:
    step_ms = HOUR_MS // 4
    for n in range(3, 9):
        times = range(FIRST_MS, FIRST_MS + n * step_ms, step_ms)
        for moment in times:
            cut = rows_around(interest(*times), Binance.forms["open_interest_history"], step_ms, [moment])
            told = Binance().open_interest_history(a_perp("BTC-USDT"), n, 0, "15m").parse(cut)
            assert all(one < other for one, other in pairwise(at for at, _ in told))
            assert {times[-1], moment} <= {at for at, _ in told}


def test_one_moment_told_twice_is_refused() -> None:
    at = TIMES.index(FIRST_MS + 23 * 24 * HOUR_MS)  # 7 days ago, in the running candle's four hours
    for twice in (at, at + 1, N - 1):
        with pytest.raises(BadResponse):
            read(candles(*TIMES[:twice], TIMES[twice], *TIMES[twice:]))


def test_broken_answers_tell_the_same_or_nothing() -> None:
    """Whatever bytes are changed: where the whole can be read, its rows say what the cut ones do, if these can be."""
    chance, n_read = random.Random(7), 0
    for _ in range(1500):
        body = bytearray(WHOLE)
        for _ in range(chance.randrange(1, 4)):
            body[chance.randrange(len(body))] = chance.choice(b'0123456789,.[]{}"-e nul')
        try:
            of_all = openings(whole(bytes(body)))
            cut = openings(read(bytes(body)))
        except BadResponse:
            continue
        n_read += 1
        assert cut == of_all
    assert n_read > 300


WINDOWS = [("1m", [HOUR_MS]), ("4h", list(AGO_MS))]


def tell(question: Question) -> list[Exchange]:
    return [each for each in EXCHANGES.values() if question in each.forms]


@pytest.mark.parametrize("kind", ["spot", "perp"])
@pytest.mark.parametrize("exchange", tell("candles"), ids=lambda each: each.id)
async def test_candles_of_each_exchange(exchange: Exchange, kind: str) -> None:
    of = a_listing(kind, "BTC-USDT")
    async with a_house() as house:
        now_ms, fetch = house.bot.market.now_ms(), house.bot.market.fetcher.fetch
        for interval, ago in WINDOWS:
            n, moments = max(ago) // INTERVALS[interval] + 1, [now_ms - each for each in ago]
            whole = await fetch(exchange.candles(of, interval, n, now_ms))
            cut = await fetch(exchange.candles_around(of, interval, n, now_ms, moments))
            assert (cut.is_excerpt, len(cut)) == (True, 3 * len(ago) + 2)
            assert cut.is_last_closed == whole.is_last_closed
            told = [opening_at(cut, each) for each in moments]
            assert told == [opening_at(whole, each) for each in moments] != [None] * len(ago)


@pytest.mark.parametrize("exchange", tell("open_interest_history"), ids=lambda each: each.id)
async def test_open_interest_of_each_exchange(exchange: Exchange) -> None:
    async with a_house() as house:
        now_ms, fetch = house.bot.market.now_ms(), house.bot.market.fetcher.fetch
        moments = [now_ms - HOUR_MS, now_ms - 24 * HOUR_MS]
        whole = await fetch(exchange.open_interest_history(a_perp("BTC-USDT"), 98, now_ms, "15m"))
        cut = await fetch(exchange.open_interest_around(a_perp("BTC-USDT"), 98, now_ms, "15m", moments))
        assert len(cut) <= 8 < len(whole)
        assert at_hours_ago(cut, now_ms) == at_hours_ago(whole, now_ms)
        assert len(at_hours_ago(cut, now_ms)) == 2
