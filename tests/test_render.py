"""What people see: figures, tables, sentences; always valid Telegram HTML."""

from __future__ import annotations

import math
import random
import re
from typing import Any

import pytest
from conftest import together

from answers import price as price_answer
from answers import watchlist
from answers.price import Prices
from answers.price_report import PriceReport
from demo.telegram_html import parse
from exchanges.errors import (
    Blocked,
    MarketError,
    NoAnswer,
    NotListed,
    NotSupported,
    PartName,
    Reason,
    Unavailable,
    UnknownSymbol,
)
from exchanges.symbols import NotASymbol
from exchanges.words import Funding, OpenInterest, Snapshot, Ticker
from render import figures as figures_module
from render import message as message_module
from render import sentences
from render.keyboards import Place, carried, copying, in_json, neighbours, that_fit
from render.message import Button

NOW_S = 1_763_906_602.0  # 2025-11-23 14:03:22 UTC


def a_ticker(**fields: object) -> Ticker:
    return Ticker(
        "binance", "BTC-USDT", 67432.1, 67432, 67432.2, 68010, 65120, 2.31, 24100, 1.62e9, 1_763_906_602_000
    )._replace(
        **fields  # type: ignore[arg-type]
    )


def a_report(**fields: object) -> PriceReport:
    perp = Snapshot(
        a_ticker(last=67401.5, base_volume=311_000, quote_volume=21e9, change_pct=2.28),
        OpenInterest(82_400, 5.55e9),
        Funding(0.0001, 8, 1_763_906_602_000 + 192 * 60_000, 67400),
    )
    return PriceReport("BTC-USDT", a_ticker(), perp, {}, {}, {}, 0.084)._replace(**fields)  # type: ignore[arg-type]


@together(
    "price, text",
    [
        (67432.1, "67,432.10"),
        (123456.7, "123,456.70"),
        (1000, "1,000.00"),
        (999.9, "999.90"),
        (123.4, "123.40"),
        (1.00012, "1.00012"),
        (1, "1.00"),
        (0.315, "0.3150"),
        (0.123456, "0.123456"),
        (0.00001234, "0.00001234"),
        (1e-8, "0.00000001000"),
        (1e29, "1e+29"),
        (1.2345678e-15, "1.2346e-15"),
        (0, "0"),
        (None, "n/a"),
    ],
)
def test_prices_keep_their_digits(price: float | None, text: str) -> None:
    assert figures_module.format_price(price) == text


@together(
    "amount, text",
    [
        (1.62e9, "1.62B"),
        (24100, "24.1K"),
        (311, "311"),
        (999.6, "1.00K"),
        (999_950_000, "1.00B"),
        (12.34, "12.3"),
        (0.0123, "0.0123"),
        (9.996, "10.0"),
        (0.00000123, "0.00000123"),
        (8.18e12, "8.18T"),
        (9.997e14, "1000T"),
        (0, "0"),
        (None, "n/a"),
        (3e22, "3.00e+10T"),
    ],
)
def test_amounts_have_three_digits(amount: float | None, text: str) -> None:
    assert figures_module.format_amount(amount) == text


def test_percent_and_circle() -> None:
    assert [figures_module.format_percent(each) for each in (2.314, -0.5, 0, None, 1e9)] == [
        "+2.31%", "-0.50%", "0.00%", "n/a", "+1.0e+09%",
    ]  # fmt: skip
    assert [figures_module.circle(each) for each in (1, -1, 0, None)] == ["🟢", "🔴", "⚪", "⚪"]
    assert [figures_module.circle(each) for each in (0.005, -0.0049, 0.0049)] == ["🟢", "⚪", "⚪"]
    assert figures_module.circle(-0.0001, least=0) == "🔴"


def test_spans() -> None:
    assert [figures_module.format_span(each) for each in (-5, 45, 720, 11_520, 86_400 * 5, 1e30)] == [
        "0s", "45s", "12m", "3h12", "5d", "9999d",
    ]  # fmt: skip


def test_moments() -> None:
    assert figures_module.format_moment(1_763_906_602_000, NOW_S) == "14:03:22 UTC"
    assert figures_module.format_moment(1_763_906_602_000, NOW_S + 7200) == "14:03:22 UTC, 2h00 old"
    assert figures_module.format_moment(1_763_906_602_000, NOW_S + 119) == "14:03:22 UTC"
    assert figures_module.format_moment(1_763_906_602_000, NOW_S + 121) == "14:03:22 UTC, 2m old"
    assert figures_module.format_moment(1_763_906_602_000, NOW_S - 3600) == "14:03:22 UTC"
    assert (
        figures_module.format_moment(1_763_906_602_000, NOW_S - 86_400)
        == "14:03:22 UTC, 1d ahead of the server's clock"
    )
    assert figures_module.format_moment(10**30, NOW_S) == "time n/a"


def test_range_bar() -> None:
    assert figures_module.range_bar(0, 90, 50) == "▕█████░░░░▏"
    assert [figures_module.range_bar(low, high, 5) for low, high in ((5, 5), (None, 9), (9, 5))] == ["n/a"] * 3
    assert figures_module.range_bar(1, 2, 99) == "▕█████████▏"


def shown(report: PriceReport) -> str:
    return price_answer.card(report, NOW_S).text


def test_price_message() -> None:
    """The golden message: every figure, its unit and window, and no line longer than a phone shows."""
    report = a_report(
        spot=a_ticker(bid=67_432.0, ask=67_432.1),
        moves={"1h": -0.31, "7d": -4.8, "30d": 12.1},
        interest_before={1: 82_000.0, 24: 86_000.0},
    )
    assert shown(report) == (
        "<b>BTC 67,432.10</b>  🟢 +2.31% 24h\n"
        "<pre>24h   65,120 ▕███████░░▏ 68,010\n"
        "      1h -0.3  7d -4.8  30d +12.1%\n"
        "bid   67,432.00  ask 67,432.10\n"
        "perp  67,401.50  basis -4.5bp\n"
        "fund  +0.0100%/8h  +11.0%/y\n"
        "      longs pay in 3h12\n"
        "OI    $5.55B  1h +0.5%  24h -4.2%\n"
        "vol   $1.62B spot  $21.0B perp</pre>\n"
        "<blockquote expandable>Spot 24h: 65,120.00 – 68,010.00, +2.31%, 24.1K BTC\n"
        "Perpetual 24h: 65,120.00 – 68,010.00, +2.28%, 311K BTC\n"
        "Open interest: 82.4K BTC\n"
        "Funding: +0.0100% every 8h</blockquote>\n"
        '<i>Binance · <tg-time unix="1763906602" format="T">14:03:22 UTC</tg-time></i>'
    )


@together("price", [0.00001234, 123456.7, 1e-7, 1.00012])
def test_price_message_fits_a_phone(price: float) -> None:
    ticker = a_ticker(last=price, bid=price, ask=price * 1.001, high=price * 1.1, low=price * 0.9, base_volume=8.18e12)
    text = shown(
        a_report(symbol="BABYDOGE-USDT", spot=ticker, perp=Snapshot(ticker), moves={"1h": -99.9, "7d": 1234.5})
    )
    table = re.findall(r"<pre>(.*?)</pre>", text, re.DOTALL)[0]
    assert max(len(line) for line in table.split("\n")) <= 34


def test_price_message_with_parts_missing() -> None:
    late = Unavailable("binance", "x", Reason.LATE)
    report = a_report(
        perp=Snapshot(a_ticker()),
        missing=dict.fromkeys((PartName.OPEN_INTEREST, PartName.FUNDING, PartName.HOUR_CHANGE), (late,)),
        failed={"perp": (Blocked("okx", "x"),)},
    )
    text = parse(shown(report)).text
    assert "OI    n/a" in text
    assert "fund  n/a" in text
    assert "Open interest n/a, funding n/a and 1h change n/a: Binance did not answer in time." in text
    assert "Perp: OKX refused this server's region." in text


def test_price_message_one_side_only() -> None:
    unlisted = tuple(UnknownSymbol(each, "x") for each in ("binance", "okx"))
    text = parse(shown(a_report(spot=None, missing={PartName.SPOT: unlisted}))).text
    assert "No spot market: not listed on Binance and OKX." in text
    assert "basis" not in text
    text = parse(shown(a_report(perp=None, missing={PartName.PERP: unlisted}))).text
    assert "No perpetual: not listed on Binance and OKX." in text
    assert "fund" not in text


def test_price_message_names_both_sources() -> None:
    text = parse(shown(a_report(spot=a_ticker(exchange="bybit")))).text
    assert "spot Bybit, perp Binance · " in text
    assert "Basis n/a: spot and perpetual come from different exchanges." in text


def test_price_message_tells_the_time_of_the_older_side() -> None:
    old = a_ticker(exchange="bybit", time_ms=int(NOW_S * 1000) - 600_000)
    assert "13:53:22 UTC</tg-time>, 10m old" in shown(a_report(spot=old))


def test_price_message_by_the_thousand() -> None:
    text = shown(a_report(symbol="PEPE-USDT", multipliers={"perp": 1000}))
    assert "The perp contract is on 1,000 PEPE; figures are per PEPE." in text


def test_price_message_other_quote_is_no_dollar() -> None:
    text = shown(a_report(symbol="ETH-BTC"))
    assert "1.62B BTC spot" in text
    assert "$" not in text


def test_prices_of_several_are_a_row_each() -> None:
    answer = price_answer.show(Prices([a_report(), a_report(symbol="ETH-USDT", interest_before={24: 80_000.0})]), NOW_S)
    lines = parse(answer.text).text.split("\n")
    assert lines[1:4] == [
        "      last 24h% OI24% fund/y",
        "BTC 67,432 +2.3     –  +11.0",
        "ETH 67,432 +2.3  +3.0  +11.0",
    ]
    assert answer.keyboard[1] == (Button("BTC", "price BTC"), Button("ETH", "price ETH"))


def test_a_halted_coin_makes_no_other_price_old() -> None:
    quiet = a_ticker(time_ms=int((NOW_S - 9 * 86_400) * 1000))
    halted = a_report(symbol="OP-USDT", spot=quiet)
    text = parse(price_answer.show(Prices([a_report(), halted]), NOW_S).text).text
    assert "OP: no trade on Binance since 2025-11-14 14:03 UTC; it may be halted or delisted." in text
    assert text.endswith("Binance · 14:03:22 UTC")
    alone = parse(price_answer.show(Prices([halted, halted]), NOW_S).text).text
    assert alone.endswith("Binance · 14:03:22 UTC, 9d old")


def test_figures_of_a_halted_perpetual_are_told_as_such() -> None:
    perp = a_report().perp
    assert perp is not None
    halted = a_report(perp=perp._replace(ticker=a_ticker(time_ms=int((NOW_S - 9 * 86_400) * 1000))))
    text = price_answer.show(Prices([halted, a_report(symbol="ETH-USDT")]), NOW_S).text
    assert "BTC perpetual: no trade on Binance since 2025-11-14 14:03 UTC; it may be halted or delisted." in text
    assert "UTC, 9d old" not in text


def test_dashes_of_rows_are_explained() -> None:
    late = (Unavailable("binance", "x", Reason.LATE),)
    without = {PartName.FUNDING: late, PartName.OPEN_INTEREST_CHANGE: late}
    both = [a_report(missing=without), a_report(symbol="ETH-USDT", missing=without)]
    text = price_answer.show(Prices(both), NOW_S).text
    assert "\nFunding n/a and OI change n/a: Binance did not answer in time.\n" in text
    one = [a_report(), a_report(symbol="ETH-USDT", missing={PartName.OPEN_INTEREST_CHANGE: late})]
    assert "\nETH: OI change n/a: Binance did not answer in time.\n" in price_answer.show(Prices(one), NOW_S).text
    unseen = a_report(missing={PartName.HOUR_CHANGE: late})
    assert "n/a" not in price_answer.show(Prices([unseen, unseen]), NOW_S).text


def test_keyboards() -> None:
    assert price_answer.show(Prices([a_report()]), NOW_S).keyboard[0] == (
        Button("🔄", "price BTC"),
        Button("📈 Chart", "chart BTC"),
        Button("🔔 Alert", "+alert BTC"),
        Button("⭐", "+watch add BTC"),
        Button("📋", "", copy="67432.10"),
    )
    long = [a_report(symbol=f"{'X' * 13}{n}-USDT") for n in range(5)]
    assert [button.label for button in price_answer.show(Prices(long), NOW_S).keyboard[0]] == [
        f"XXXXXX…{n}" for n in range(5)
    ]
    missing = NotListed("BTCC-USDT", ["okx"], ["BTC", "BTG"])
    assert price_answer.show(Prices([missing]), NOW_S).keyboard == (
        (Button("BTC", "price BTC"), Button("BTG", "price BTG")),
    )


def test_failure_can_be_tried_again() -> None:
    error = NoAnswer("BTC-USDT", [Unavailable("binance", "x")])
    assert price_answer.show(Prices([error]), NOW_S).keyboard == ((Button("Try again", "price BTC"),),)


def test_an_answer_that_nobody_has_given_neighbours_has_the_usual_ones() -> None:
    assert [each.data for each in neighbours("range", "BTC-USDT", "spot")] == [
        "price BTC spot",
        "analysis BTC spot",
        "range BTC perp",
    ]


@together(
    "symbol, kind, other",
    [
        ("BTC-USDT", "spot", "cvd BTC 1h perp"),
        ("BTC-USDC", "spot", "cvd BTC-USDC 1h perp"),
        ("BTC-EUR", "spot", ""),
        ("ETH-BTC", "spot", ""),
        ("BTC-USDT", "perp", "cvd BTC 1h spot"),
        ("BTC-COIN", "perp", ""),
    ],
)
def test_the_other_kind_is_offered_where_there_may_be_one(symbol: str, kind: str, other: str) -> None:
    row = [each.data for each in neighbours("cvd", symbol, kind, "1h")]
    assert [each for each in row if each.startswith("cvd")] == ([other] if other else [])


def test_place_is_carried_to_the_neighbours() -> None:
    keyboard = ((Button("OI", "oi BTC"), Button("CVD", "cvd BTC"), Button("spot", "volume BTC 1h spot")),)
    assert carried(keyboard, Place("1h", "spot")) == (
        (Button("OI", "oi BTC 1h spot"), Button("CVD", "cvd BTC 1h spot"), Button("spot", "volume BTC 1h spot")),
    )


def test_what_is_copied_is_as_an_order_takes_it() -> None:
    assert [each.copy for each in copying(67_432.1)] == ["67432.10"]
    assert [in_json(each) for each in copying(1.234e-5)] == [{"text": "📋", "copy_text": {"text": "0.00001234"}}]
    assert (
        copying(None)
        == copying(float("inf"))
        == that_fit([Button("📋", "")])
        == that_fit([Button("📋", "", "9" * 257)])
        == ()
    )


def test_labels_make_room_for_figures() -> None:
    wide = message_module.pre([["FARTCOIN", "0.0₃4919", "+633", "-0.893", "-.3719"], ["BTC", "1", "2", "3", "4"]])
    assert [len(line) for line in wide.removeprefix("<pre>").removesuffix("</pre>").split("\n")] == [34, 34]
    assert wide.startswith("<pre>FARTC… ")


@together(
    "names, columns, told",
    [
        (["BANANA", "BANANAS31"], 9, ["BANANA", "BANANAS31"]),
        (["BANANA", "BANANAS31", "BTC"], 6, ["BANANA", "BANAN…", "BTC"]),
        (["BROCCOLI714", "BROCCOLIF3B", "BANANAS31"], 6, ["BROC…4", "BROC…B", "BANAN…"]),
        (["BTC-USDC", "BTC-USDT", "BTC-USDC"], 6, ["BTC-…C", "BTC-…T", "BTC-…C"]),
        (["ABBBBA", "ACCCCA", "ADDDDA"], 2, ["AB…", "AC…", "AD…"]),
        (["ABCDEFGHIJ", "ABCDEFGHJJ"], 5, ["AB…IJ", "AB…JJ"]),
        (["币安人生", "币安人死"], 6, ["币…生", "币…死"]),
    ],
)
def test_names_that_are_cut_are_marked_and_told_apart(names: list[str], columns: int, told: list[str]) -> None:
    assert figures_module.told_apart(names, columns) == told


def test_no_price_stands_under_another_coins_name() -> None:
    long = [a_report(symbol=each) for each in ("BANANA-USDT", "BANANAS31-USDT", "BTC-USDC", "1000CAT-USDT")]
    answer = price_answer.show(Prices(long), NOW_S)
    names = ["BANANA", "BANANAS31", "BTC-USDC", "1000CAT"]
    assert [line.split()[0] for line in parse(answer.text).text.split("\n")[2:6]] == names
    assert [button.label for button in answer.keyboard[1]] == ["BANANA", "BANANAS…", "BTC-USDC", "1000CAT"]


def test_two_coins_of_one_beginning_have_two_buttons_to_press() -> None:
    told = watchlist.Told(["BROCCOLI714-USDT", "BROCCOLIF3B-USDT"])
    assert [button.label for button in watchlist.show(told, NOW_S).keyboard[0]] == ["✖ BROCCO…4", "✖ BROCCO…B"]


def test_wide_letters_take_two_columns() -> None:
    assert figures_module.display_width("币安BTC") == 7
    assert figures_module.fit("币安人生", 6) == "币安人"


def test_columns_are_aligned_whatever_signs_stand_in_them() -> None:
    plain = [["", "last", "24h%"], ["BTC", "62,976", "–"], ["OKX"], []]
    wide = [["", "last"], ["币安", "0.5"], ["BTC", "12.25", "币"]]
    assert message_module.columns(plain) == "      last 24h%\nBTC 62,976    –\nOKX"
    assert message_module.columns(wide) == "      last\n币安   0.5\nBTC  12.25 币"
    assert message_module.columns([]) == ""


def test_suggestions_fit_their_buttons() -> None:
    long = NotListed("X-USDT", ["okx"], ["X" * 58, "X" * 59])
    assert [button.label for row in price_answer.show(Prices([long]), NOW_S).keyboard for button in row] == ["X" * 58]


def test_sentences() -> None:
    def late(exchange: str) -> MarketError:
        return Unavailable(exchange, "HTTP 500 <html>", Reason.LATE)

    assert sentences.sorry(NotListed("X-USDT", ["binance", "bybit", "okx"], ["XRP", "XLM"])) == (
        "Not listed on any of 3 exchanges: X. Did you mean XRP or XLM?"
    )
    assert sentences.sorry(NotListed("X-USDT", ["okx"], [])) == "Not listed on OKX: X. Check the spelling?"
    down = NoAnswer("X-USDT", [late("binance"), Blocked("okx", "y"), late("bybit"), UnknownSymbol("okx", "z")])
    assert sentences.sorry(down) == (
        "No price for X-USDT right now. Binance and Bybit did not answer in time; OKX refused this server's region. "
        "Please try again in a minute."
    )
    blocked = NoAnswer("X-USDT", [Blocked(each, "x") for each in ("binance", "bybit", "okx")])
    assert (
        sentences.sorry(blocked)
        == "No price for X-USDT right now. Binance, Bybit and OKX refused this server's region."
    )
    told = NoAnswer("X-USDT", [UnknownSymbol("okx", "perp"), NotSupported("okx", "spot", Reason.NO_TAKER_VOLUME)])
    assert sentences.sorry(told) == "No price for X-USDT. OKX tells no taker volume."
    assert sentences.sorry(NotASymbol("“<” is not")) == "“&lt;” is not"


HOSTILE = [
    "<b>",
    "</pre>",
    "&",
    "&lt;",
    '"',
    "'",
    "<",
    ">",
    "&amp;",
    "<a href='x'>",
    "\u202e",
    "🚀",
    "é",
    "\n",
    "]]>",
    "BTC",
]


@pytest.mark.no_cover
def test_any_message_is_valid_html() -> None:
    """Whatever exchanges and users sent: 1,000 random reports."""
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)

    def text() -> str:
        return "".join(rng.choice(HOSTILE) for _ in range(rng.randrange(1, 5)))

    def figure() -> float | None:
        return rng.choice([None, 0.0, -1.5, 1e-9, 1e-4, 3.2, 99_999.999, 1e30, 10 ** rng.uniform(-12, 18)])

    def error() -> MarketError:
        return rng.choice([Unavailable, Blocked, UnknownSymbol])(text(), text(), rng.choice(list(Reason)), 500)

    def ticker() -> Ticker:
        last = abs(figure() or 1.0) or 1.0
        time_ms = rng.choice([0, 1, 10**13, 10**40, -(10**20)])
        figures: list[Any] = [figure() for _ in range(7)]
        return Ticker._make([text(), text(), last, *figures, time_ms])

    def perp() -> Snapshot:
        return Snapshot(
            ticker(),
            rng.choice([None, OpenInterest(figure() or 0.0, figure())]),
            rng.choice([None, Funding(figure() or 0.0, figure(), rng.choice([None, 0, 10**40]), figure())]),
        )

    for _ in range(1000):
        spot, the_perp = rng.choice([(ticker(), perp()), (None, perp()), (ticker(), None)])
        report = PriceReport(
            rng.choice([text(), f"{text()}-{text()}"]),
            spot,
            the_perp,
            {rng.choice(list(PartName)): tuple(error() for _ in range(3)) for _ in range(2)},
            {side: (error(), error()) for side in rng.sample(["spot", "perp"], rng.randrange(3))},
            {text(): rng.randrange(10**9)},
            rng.random(),
        )
        others: list[Any] = [
            NotListed(text(), [text()], [text()]),
            NoAnswer(text(), [error(), error()]),
            NotASymbol(f"“{text()}”"),
        ]
        answer = price_answer.show(Prices(rng.sample([report, *others], rng.randrange(1, 5))), NOW_S)
        assert len(parse(answer.text).text) <= 4096, f"seed {seed}"
        assert all(1 <= len((each.data or each.copy).encode()) <= 64 for row in answer.keyboard for each in row), seed


# What is no figure, and signs.


@together("figure", [math.inf, -math.inf, math.nan, 1e300, -1e300, 1e-300, -1e-300])
@together(
    "name",
    [
        *("format_price", "format_amount", "format_percent", "format_usd", "format_short_price", "format_points"),
        *("format_signed", "format_share", "format_rate", "short_rate", "format_dollars", "format_bp", "dash_or"),
    ],
)
def test_absurd_figures_are_short_or_na(name: str, figure: float) -> None:
    text = getattr(figures_module, name)(figure)
    assert not re.search("inf|nan", text)
    assert len(text) <= 16


@together("low", [math.nan, math.inf, -math.inf, 1e-300])
@together("tick", [1e-14, 0.0, 0.1])
def test_absurd_ranges_and_ticks_do_not_raise(low: float, tick: float) -> None:
    assert "inf" not in figures_module.format_range(low, 5.0, 3.0)
    assert "inf" not in figures_module.format_at_tick(low, tick) + figures_module.range_bar(low, 1e308, 3.0)
    assert "inf" not in figures_module.format_at_tick(1e300, tick)


@together("price, text", [(999.9999, "1,000.00"), (999.99, "999.99"), (999.994, "999.994"), (1000.0, "1,000.00")])
def test_price_that_rounds_to_a_thousand_has_its_separator(price: float, text: str) -> None:
    assert figures_module.format_price(price) == text


def test_nothing_has_no_sign() -> None:
    assert figures_module.short_rate(-1e-9) == ".0000"
    assert figures_module.format_percent(-0.001) == "0.00%"
    assert figures_module.format_signed(-1e-300) == "0"
    assert figures_module.format_usd(-0.001, sign=True) == "$0.00"


@together("mark", [chr(each) for each in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))])
def test_mark_that_turns_a_text_is_left_out(mark: str) -> None:
    assert figures_module.escape(f"{mark}<BTC>{mark} ▕██▏\u2029\u202f\u2065\u206a") == (
        "&lt;BTC&gt; ▕██▏\u2029\u202f\u2065\u206a"
    )
