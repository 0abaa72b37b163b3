"""The one market that all exchanges of the offline world agree on.

Every figure is a function of the seed and of time, so that the same moment gives the same
market in every process, on every exchange, and for as long as one looks. A ticker is what the
candles of its day say, to the last digit; a history ends at the level of now. What is traded
where stands in coins.py, where prices and volumes come from in prices.py.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, TypeVar

from demo.coins import (
    ABSENT,
    BY_COIN,
    COIN_MARGINED,
    DATED,
    DOLLARS,
    FILLERS,
    IN_USDC,
    MARGINS,
    SAME_NAME,
    SHARES,
    SHIFT,
    SHOWN,
    Coin,
    contract_of,
    decimals_of,
    dollar_contract,
    gate_contract,
    okx_contract,
)
from demo.paths import DAYS, MAX_LISTS, Lists
from demo.prices import DAY, Moment, Prices

MARK = 1.00001  # of a perpetual's mark price against its last
LIQUIDATION_S = 300  # of whose moves positions are closed
MOVED = 0.4  # of an ordinary move: with less nobody has to go
LIQUIDATED = 2e-5  # of the open interest, at an ordinary move
MAX_DRAWN = 3_000  # five minutes' pieces that are kept, about 1 MB
MAX_RATES = 100  # of quotes at some time, that are kept
Kept = TypeVar("Kept")


class Day(NamedTuple):
    """One market over its last 24 hours. Prices in quote, volume in base, turnover in quote."""

    last: float
    open: float
    high: float
    low: float
    volume: float
    turnover: float
    bid: float
    ask: float


class Candle(NamedTuple):
    """Prices and turnover in quote, volume in base; the buys are the takers'."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    turnover: float
    buy_volume: float
    buy_turnover: float
    n_trades: int
    is_closed: bool


class Liquidation(NamedTuple):
    """A position that was closed by its exchange. side: of the position, "long" or "short"; size in coins."""

    time_ms: int
    side: str
    price: float
    size: float


class Board(NamedTuple):
    """What has been looked up of what is listed, which never changes: for all worlds with as many fillers."""

    listed: dict[tuple[str, str], list[Coin]]
    contracts: dict[str, dict[str, Coin]]
    margins: dict[tuple[str, str], tuple[str, ...]]
    interests: dict[tuple[str, str, str], tuple[Coin, float, float]]


@lru_cache(maxsize=4)
def _board(n_fillers: int) -> Board:
    return Board({}, {}, {}, {})


class Market(Prices):
    """The market as a function of time; see `Prices` for what can be told to it."""

    def __init__(self, seed: int = 7, clock: Callable[[], float] = time.time, n_fillers: int = len(FILLERS)) -> None:
        super().__init__(seed, clock, n_fillers)
        self._others = {(exchange, coin.base): coin for coin in SAME_NAME for exchange in coin.only_on}
        self._board = _board(n_fillers)
        self._last_day: tuple[object, Moment, Day] | None = None
        self._rates: dict[tuple[str, float, int], float] = {}  # of quotes that are coins
        self._kept: Lists = {}  # since there are shocks, or activities that were told

    # What is listed.

    def coin(self, exchange: str, base: str) -> Coin:
        """What an exchange means by a name."""
        return self._others.get((exchange, base)) or self.coins[base]

    def lists(self, exchange: str, base: str, market: str) -> Coin | None:
        coin = self._others.get((exchange, base)) or self.coins.get(base)
        if coin is None or coin.base != base or (coin.only_on and exchange not in coin.only_on):
            return None
        if market == "perp" and exchange not in MARGINS:
            return None
        if (exchange == "deribit" and base not in SHOWN) or base in ABSENT.get(exchange, {}).get(market, ()):
            return None
        return coin if (coin.spot_usd if market == "spot" else coin.perp_usd) else None

    def listed(self, exchange: str, market: str) -> list[Coin]:
        """All coins of an exchange's market."""
        found = self._board.listed.get((exchange, market))
        if found is None:
            found = [coin for coin in self.coins.values() if self.lists(exchange, coin.base, market) is coin]
            self._board.listed[exchange, market] = found
        return found

    def contract(self, exchange: str, name: str) -> Coin | None:
        """The coin of a perpetual, by what the exchange calls it (without its quote)."""
        names = self._board.contracts.get(exchange)
        if names is None:
            names = {contract_of(exchange, coin)[0]: coin for coin in self.listed(exchange, "perp")}
            self._board.contracts[exchange] = names
        return names.get(name)

    def kept(self, key: str, make: Callable[[], Kept]) -> Kept:
        """What make gives, made once a minute: for all worlds of this process that have nothing of their own."""
        now, is_alike = self.clock(), not self.shocks and not self.activities
        lists = self._tables.lists if is_alike else self._kept
        of = (key, len(self.fillers), int(now // 60))
        found = lists.get(of)
        if found is None or found[0] > now:
            while len(lists) >= MAX_LISTS:
                del lists[next(iter(lists))]
            lists[of] = found = (now, make())
        return found[1]  # of Kept, by the key

    def say(self, question: tuple[object, ...], answer: Callable[[], Kept]) -> Kept:
        """The answer to a question, all of whose figures are of one moment; at the same moment nobody makes it anew."""
        now = self._runs()
        self.clock = lambda: now
        try:
            if self.shocks or self.activities:
                return answer()
            said: Kept = self._tables.said.say(now, (len(self.fillers), *question), answer)
            return said
        finally:
            self.clock = self._runs

    def rows(self, key: str, exchange: str, market: str, spell: Callable[[Coin], Iterable[str]]) -> list[str]:
        """The rows of a list of all coins: of the known ones as they are now, of the others once a minute."""
        listed = self.listed(exchange, market)
        shown = [row for coin in listed if coin.base in SHOWN for row in spell(coin)]
        others = [coin for coin in listed if coin.base not in SHOWN]
        return shown + self.kept(f"{exchange} {key}", lambda: [row for coin in others for row in spell(coin)])

    def history(
        self, name: str, coin: Coin, minutes: int, first: int, last: int, spell: Callable[[int, int], list[str]]
    ) -> list[str]:
        """The rows of periods of so many minutes, as spell gives them for the first to the last number from 1970.

        Those of the past are kept by the name, for all worlds of this process that have nothing of their own.
        """
        if self.shocks or self.activities or coin.began_d or coin.ended_d:
            return spell(first, last)
        running = int(self.clock() // (minutes * 60))
        rows: list[str] = self._tables.rows.read(name, first, min(last, running - 1), spell)
        return rows + spell(max(first, running), last) if last >= running else rows

    # Tickers and candles.

    def mark(self, exchange: str, base: str, at_s: float | None = None) -> float:
        """The mark price of a perpetual, per coin, to nine digits as it is sent."""
        coin = self.coin(exchange, base)
        price = self.price(coin.key, self.clock() if at_s is None else at_s)
        return float(f"{price * (1 + SHIFT[exchange]) * (1 + coin.basis) * MARK:.9g}")

    def index(self, exchange: str, base: str, at_s: float | None = None) -> float:
        """The price of the coin itself, to nine digits."""
        coin = self.coin(exchange, base)
        return float(f"{self.price(coin.key, self.clock() if at_s is None else at_s) * (1 + SHIFT[exchange]):.9g}")

    def day(self, exchange: str, base: str, market: str, multiplier: int = 1, margin: str = "USDT") -> Day:
        """The last 24 hours of a market. multiplier: prices are per so many coins, volume counts so many."""
        coin = self.coin(exchange, base)
        moment, of, last_day = self.moment(coin, self.clock()), (exchange, market, multiplier, margin), self._last_day
        if last_day is not None and last_day[1] is moment and last_day[0] == of:
            return last_day[2]  # a coin is listed in several quotes, one after the other
        found = self._make_day_of(coin, moment, *of)
        self._last_day = of, moment, found
        return found

    def _make_day_of(self, coin: Coin, moment: Moment, exchange: str, market: str, multiplier: int, margin: str) -> Day:
        factor = (1 + SHIFT[exchange]) * (1 + (coin.basis if market == "perp" else 0)) * multiplier
        tick = coin.tick * multiplier
        decimals = decimals_of(tick)
        last, open_, high, low, mean, minutes = moment
        volume = self._coins_a_minute(exchange, coin, market, margin) * minutes
        rounded = round(last * factor, decimals)
        return Day(
            last=rounded,
            open=round(open_ * factor, decimals),
            high=round(high * factor, decimals),
            low=round(low * factor, decimals),
            volume=volume / multiplier,
            turnover=volume * mean * factor / multiplier,
            bid=round(rounded - tick, decimals),
            ask=round(rounded + tick, decimals),
        )

    def _coins_a_minute(self, exchange: str, coin: Coin, market: str, margin: str = "USDT") -> float:
        dollars = coin.spot_usd if market == "spot" else coin.perp_usd
        part = MARGINS[exchange][margin] if market == "perp" and margin != "USDT" else 1.0
        return dollars * part * SHARES[exchange] / coin.price / DAY

    def candles(
        self,
        exchange: str,
        base: str,
        market: str,
        minutes: int,
        first: int,
        last: int,
        multiplier: int = 1,
        margin: str = "USDT",
    ) -> list[Candle]:
        """The candles whose numbers (of so many minutes, from 1970) are first to last, oldest first."""
        coin = self.coin(exchange, base)
        if coin.ended_d or coin.began_d:
            first = max(first, int(self.begin_s(coin) // (minutes * 60)))
            last = min(last, -int(-self.end_s(coin) // (minutes * 60)) - 1) if coin.ended_d else last
        factor = (1 + SHIFT[exchange]) * (1 + (coin.basis if market == "perp" else 0)) * multiplier
        decimals = decimals_of(coin.tick * multiplier)
        coins = self._coins_a_minute(exchange, coin, market, margin) / multiplier
        running, step = int(self.clock() // (minutes * 60)), minutes * 60_000
        bars = self.bars(coin.key, minutes, first, last)
        if not bars:
            return []
        slots = range(first, first + len(bars))
        *prices, means, traded, buys = zip(*bars, strict=True)
        volumes, bought = [coins * each for each in traded], [coins * each for each in buys]
        turnovers = [volume * mean * factor for volume, mean in zip(volumes, means, strict=True)]
        return list(
            map(
                Candle._make,
                zip(
                    [slot * step for slot in slots],
                    *([round(price * factor, decimals) for price in column] for column in prices),
                    volumes,
                    turnovers,
                    bought,
                    [volume * mean * factor for volume, mean in zip(bought, means, strict=True)],
                    [int(turnover / 900) + 1 for turnover in turnovers],
                    [slot < running for slot in slots],
                    strict=True,
                ),
            )
        )

    # Open interest, funding, ratios, liquidations.

    def margins(self, exchange: str, base: str) -> tuple[str, ...]:
        """In what the perpetuals of a coin are paid: "USDT", "USDC", "USD" or "coin"."""
        found = self._board.margins.get((exchange, base))
        if found is None:
            found = self._margins_of(exchange, base) if self.lists(exchange, base, "perp") else ()
            if base in self.coins:  # else it is a word that somebody typed
                self._board.margins[exchange, base] = found
        return found

    def _margins_of(self, exchange: str, base: str) -> tuple[str, ...]:
        has_usdc = exchange in ("hyperliquid", "deribit") or base in IN_USDC
        has_coin = base in BY_COIN.get(exchange, COIN_MARGINED)
        return tuple(
            margin
            for margin in MARGINS.get(exchange, {})
            if (has_coin if margin == "coin" else margin != "USDC" or has_usdc)
        )

    def interest(self, exchange: str, base: str) -> float:
        """Open interest, one side, in coins; it breathes by a few percent a day."""
        return self.interest_of(exchange, base, "USDT")

    def interest_of(self, exchange: str, base: str, margin: str, at_s: float | None = None) -> float:
        """Open interest, one side, in coins, of the perpetuals paid in USDT, USDC, USD or coin; 0 if there are none.

        A whole number of contracts, where they are counted. "dated": of the contract with an end.
        """
        if margin != "dated" and margin not in self.margins(exchange, base):
            return 0.0
        coin, usual, step = self._usual_interest(exchange, base, margin)
        at = min(self.clock() if at_s is None else at_s, self.end_s(coin))
        coins = usual * self._breath(exchange, coin, at)
        if margin == "coin" and exchange != "bitget":
            dollars, mark = dollar_contract(exchange, base), self.mark(exchange, base, at)
            return round(coins * mark / dollars) * dollars / mark
        return round(round(coins / step) * step, 6)

    def _usual_interest(self, exchange: str, base: str, margin: str) -> tuple[Coin, float, float]:
        """The coin, the coins of an ordinary day, and those of the smallest step."""
        found = self._board.interests.get((exchange, base, margin))
        if found is None:
            coin = self.coin(exchange, base)
            part = DATED * MARGINS[exchange]["coin"] if margin == "dated" else MARGINS[exchange][margin]
            usual = coin.interest_usd * SHARES[exchange] * part / coin.price
            found = self._board.interests[exchange, base, margin] = coin, usual, self.smallest(exchange, base)
        return found

    def _breath(self, exchange: str, coin: Coin, at_s: float) -> float:
        """Open interest at a time, of the ordinary: it wanders from day to day, and falls in a shock."""
        day, part = divmod(at_s / 86_400, 1)
        walk, first = self._tables.days, self.lay_of(coin).first_day + 977 + int(day)
        wander = walk[first % DAYS] * (1 - part) + walk[(first + 1) % DAYS] * part
        turn = at_s / 7000 + len(exchange) + len(coin.base)
        tides = 0.006 * math.sin(turn) + 0.004 * math.sin(2.71 * turn) + 0.003 * math.sin(0.37 * turn)
        breath = math.exp(0.025 * wander) * (1 + tides)
        for shock in self.shocks:
            breath *= math.exp(-0.6 * abs(shock.at(coin, at_s)))
        return breath

    def contracts_of(self, exchange: str, base: str, at_s: float | None = None) -> int:
        """Open interest of the coin-margined perpetual, in contracts of dollars."""
        dollars = self.interest_of(exchange, base, "coin", at_s) * self.mark(exchange, base, at_s)
        return round(dollars / dollar_contract(exchange, base))

    def truth_of_interest(self, base: str) -> dict[tuple[str, str], float]:
        """Open interest in coins for every exchange and margin that has any."""
        return {
            (exchange, margin): self.interest_of(exchange, base, margin)
            for exchange in MARGINS
            for margin in self.margins(exchange, base)
        }

    def smallest(self, exchange: str, base: str) -> float:
        """The coins of the smallest step in which an exchange counts its linear perpetual."""
        coin = self.coin(exchange, base)
        if exchange == "okx":
            return okx_contract(coin) / 100
        if exchange == "gate":
            return gate_contract(coin)
        return 0.001 * contract_of(exchange, coin)[1]

    def funding(self, base: str) -> tuple[float, int, int]:
        """Rate per period, hours of a period, and when it is due next, in ms; as on Binance."""
        return self.funding_of("binance", base)

    def funding_of(self, exchange: str, base: str, at_s: float | None = None) -> tuple[float, int, int]:
        """The same of any exchange, at any time. Hyperliquid and Kraken pay every hour, Deribit's is told for 8."""
        at, coin = self.clock() if at_s is None else at_s, self.coin(exchange, base)
        hours = 1 if exchange in ("hyperliquid", "kraken") else 8 if exchange == "deribit" else coin.funding_h
        own = 0.0 if exchange == "binance" else 0.2 * math.sin(at / 11_000 + len(exchange))
        rate = 0.0001 * hours / 8 * (1 + coin.lean + own + 0.6 * math.sin(at / 9000 + len(base)))
        period = hours * 3600
        return rate, hours, int((at // period + 1) * period * 1000)

    def fundings(self, exchange: str, base: str, begin_ms: int, end_ms: int, most: int) -> list[tuple[int, float]]:
        """What was paid, and when (ms), oldest first; the latest of a time. It is what was told just before."""
        period = self.funding_of(exchange, base)[1] * 3_600_000
        last = min(end_ms, int(self.clock() * 1000)) // period
        first = max(-(-begin_ms // period), last - most + 1)
        return [
            (slot * period, self.funding_of(exchange, base, slot * period / 1000 - 1)[0])
            for slot in range(first, last + 1)
        ]

    def long_share(self, exchange: str, base: str, of: str = "accounts", at_s: float | None = None) -> float:
        """The share of longs among "accounts", "top accounts" or "top positions"."""
        at = self.clock() if at_s is None else at_s
        phase = len(exchange) + len(of) + self.lay_of(self.coin(exchange, base)).number % 1000 / 100
        return 0.52 + 0.13 * math.sin(at / 50_000 + phase) + 0.03 * math.sin(at / 5000 + phase)

    def liquidations(
        self, exchange: str, base: str, begin_s: float, end_s: float, margin: str = "USDT"
    ) -> list[Liquidation]:
        """Positions that were closed between two times (the end excluded), oldest first: longs where the price fell."""
        coin, found = self.coin(exchange, base), []
        first, last = int(begin_s // LIQUIDATION_S), int(min(end_s, self.clock(), self.end_s(coin)) // LIQUIDATION_S)
        usual = self.lay_of(coin).day / math.sqrt(86_400 / LIQUIDATION_S)
        at_stake = self.interest_of(exchange, base, margin) * coin.price * LIQUIDATED
        step, key = self.smallest(exchange, base), f"{self._seed}{exchange}{coin.key}"
        for slot, bar in enumerate(self.bars(coin.key, LIQUIDATION_S // 60, first, last), first):
            for side, worst in (("long", bar.low), ("short", bar.high)):
                move = abs(worst / bar.open - 1) / usual
                if move > MOVED:
                    dollars = at_stake * min(move, 30) ** 2
                    found += _closed_by_force(f"{key}{slot}{side}", slot, side, bar.open, worst, dollars, step)
        begin_ms, now_ms = begin_s * 1000, int(min(end_s, self.clock()) * 1000)
        return sorted([each for each in found if begin_ms <= each.time_ms < now_ms])

    # Quotes and times.

    def dollars_of(self, quote: str, at_s: float | None = None) -> float:
        """What one of a quote currency is worth."""
        if quote in DOLLARS:
            return DOLLARS[quote]
        of = (quote, self.clock() if at_s is None else at_s, len(self.shocks))
        rate = self._rates.get(of)
        if rate is None:
            if len(self._rates) >= MAX_RATES:
                self._rates.clear()
            rate = self._rates[of] = self.price(*of[:2])
        return rate

    def quarter(self) -> datetime:
        """When the contracts with an end do end: 8:00 UTC on the last Friday of the next quarter's last month."""
        day = datetime.fromtimestamp(self.clock(), UTC) + timedelta(days=30)
        year, month = day.year, (day.month + 2) // 3 * 3
        after = datetime(year + month // 12, month % 12 + 1, 1, 8, tzinfo=UTC)
        return after - timedelta(days=(after.weekday() - 5) % 7 + 1)


class Piece(NamedTuple):
    """A part of what falls due in five minutes: its weight among them, how far on the price's way, and how late."""

    weight: float
    far: float
    late_ms: int


@lru_cache(maxsize=MAX_DRAWN)
def _pieces(key: str, n: int) -> tuple[Piece, ...]:
    chance = random.Random(key)
    weights = [chance.random() ** 3 + 0.02 for _ in range(n)]
    return tuple(Piece(weight, chance.random(), chance.randrange(1000)) for weight in weights)


def _closed_by_force(
    key: str, slot: int, side: str, begin: float, worst: float, dollars: float, step: float
) -> list[Liquidation]:
    """What falls due in five minutes, in pieces, while the price goes from its beginning to its worst."""
    pieces, closed = _pieces(key, min(12, 1 + int(dollars / 25_000))), []
    whole = sum([piece.weight for piece in pieces])
    for weight, far, late_ms in pieces:
        price = begin + (worst - begin) * far
        size = round(round(dollars * weight / whole / price / step) * step, 9)
        if size > 0:
            time_ms = int((slot + 0.1 + 0.8 * far) * LIQUIDATION_S * 1000) + late_ms
            closed.append(Liquidation(time_ms, side, price, size))
    return closed
