"""/combined_price of the JSON API: spot and perpetual side by side, each with its last quarter of an hour."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, TypedDict

import indicators
from answers.asked import Tools
from answers.cvd import day_sums
from answers.interest import leading_to, open_interest_before
from answers.price_report import PriceReport, report_of
from asking.races import nothing, or_none
from exchanges.joined import are_of_one_market, flow_of
from exchanges.words import Ticker
from indicators import N_INDICATORS
from market import Market
from render.fields import PerpFields, TickerFields, iso, perp_fields, slashed, ticker_fields
from sessions import QUARTER


class Combined(NamedTuple):
    """A report, and what the last closed quarter of an hour adds to either side."""

    report: PriceReport
    of_spot: Quarter
    of_perp: Quarter
    time_ms: int


async def ask(tools: Tools, symbol: str) -> Combined:
    """Raises NotListed and NoAnswer."""
    market = tools.market
    report = await report_of(market, symbol)
    of_spot, of_perp = await asyncio.gather(
        *(
            quarter_of(market, symbol, kind, ticker)
            for kind, ticker in (("spot", report.spot), ("perp", report.perp and report.perp.ticker))
        )
    )
    return Combined(report, of_spot, of_perp, market.now_ms())


class Quarter(NamedTuple):
    """What a quarter of an hour adds to a price; None where it is not told. Volumes and deltas in coins."""

    volume: float | None = None
    change_pct: float | None = None
    delta: float | None = None
    day_delta: float | None = None
    atr: float | None = None
    open_interest_change_pct: float | None = None  # over 24 hours


async def quarter_of(market: Market, symbol: str, kind: str, ticker: Ticker | None) -> Quarter:
    """The last closed quarter of an hour of the ticker's market. Never raises: what fails is None."""
    of = next((each for each in market.exchanges if ticker is not None and ticker.exchange == each.id), None)
    if of is None:
        return Quarter()
    candles, now, before = await asyncio.gather(
        or_none(market.candles(of, symbol, kind, QUARTER, N_INDICATORS)),
        or_none(market.perp_at(of, symbol)) if kind == "perp" else nothing(),
        or_none(open_interest_before(market, of, symbol)) if kind == "perp" else nothing(),
    )
    n = candles.n_closed(market.now_ms()) if candles is not None else 0
    if candles is None or not n or not are_of_one_market(candles, ticker):
        return Quarter()
    delta = day_delta = None
    if candles.taker_buy is not None:
        flow = flow_of(candles)
        delta = flow.buy[n - 1] - flow.sell[n - 1]
        sums = day_sums(flow, market.now_ms())
        day_delta = None if sums is None else sums[0] - sums[1]
    interest = now and now.snapshot.open_interest and now.snapshot.open_interest.open_interest
    then = leading_to(now and now.snapshot.open_interest, before).get(24)
    return Quarter(
        candles.volume[n - 1],
        (candles.close[n - 1] / candles.open[n - 1] - 1) * 100,
        delta,
        day_delta,
        indicators.atr(candles.high[:n], candles.low[:n], candles.close[:n]),
        None if not interest or not then else (interest / then - 1) * 100,
    )


class QuarterFields(TypedDict):
    """Of the last closed quarter of an hour: volume and deltas in coins, change in percent, ATR in quote."""

    volume_15m: float | None
    change_15m: float | None
    delta_24h: float | None
    delta_15m: float | None
    atr_24h: float | None
    atr_15m: float | None


class SpotSide(TickerFields, QuarterFields):
    pass


class PerpSide(PerpFields, QuarterFields):
    oi_change_24h: float | None
    oi_change_15m: float | None


class Fields(TypedDict):
    base_symbol: str
    timestamp: str
    spot: SpotSide | None
    perp: PerpSide | None
    spot_exchange: str | None
    perp_exchange: str | None


def fields(combined: Combined) -> Fields:
    """Spot and perpetual side by side, each with its last quarter of an hour."""
    report = combined.report
    perp_ticker = report.perp and report.perp.ticker
    spot: SpotSide | None = None
    perp: PerpSide | None = None
    if report.spot is not None:
        spot = {**ticker_fields(report.symbol, report.spot, "spot"), **_quarter_fields(combined.of_spot)}
    if report.perp is not None and perp_ticker is not None:
        perp = {
            **perp_fields(report.symbol, report.perp),
            **_quarter_fields(combined.of_perp),
            "oi_change_24h": combined.of_perp.open_interest_change_pct,
            "oi_change_15m": None,
        }
    return {
        "base_symbol": slashed(report.symbol),
        "timestamp": iso(combined.time_ms),
        "spot": spot,
        "perp": perp,
        "spot_exchange": report.spot and report.spot.exchange,
        "perp_exchange": perp_ticker and perp_ticker.exchange,
    }


def _quarter_fields(quarter: Quarter) -> QuarterFields:
    return {
        "volume_15m": quarter.volume,
        "change_15m": quarter.change_pct,
        "delta_24h": quarter.day_delta,
        "delta_15m": quarter.delta,
        "atr_24h": None,
        "atr_15m": quarter.atr,
    }
