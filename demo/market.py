"""The one market that all exchanges of the offline world agree on.

Every figure is a function of the seed and of time, so that the same moment gives the same
market in every process, on every exchange, and for as long as one looks. Prices are sums of
slow and fast waves. Volume is the difference of two readings of one ever growing meter, so
that the candles of an hour are together the candle of the hour.

In memory: the closed candles that were asked for (MAX_BARS), and what stays for a minute.
"""

from __future__ import annotations

import cmath
import math
import random
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

WAVES = ((780, 0.0004), (3600, 0.002), (5 * 3600, 0.006), (86400, 0.015), (9 * 86400, 0.05), (40 * 86400, 0.1))
DAY = 1440  # minutes
MAX_BARS = 30_000  # about 8 MB
Kept = TypeVar("Kept")


class Coin(NamedTuple):
    """A coin: dollars a piece, tick, dollars traded a day and of open interest; 0 where there is no such market."""

    base: str
    price: float
    tick: float
    spot_usd: float
    perp_usd: float
    interest_usd: float
    funding_h: int = 8
    multiplier: int = 1  # of the perpetual contract, where the exchange trades by the thousand
    only_on: tuple[str, ...] = ()
    swing: float = 1.0  # how far its waves go, of the ordinary
    lean: float = 0.0  # of its funding rate


COINS = (
    Coin("BTC", 67_400, 0.1, 1.6e9, 21e9, 5.5e9),
    Coin("ETH", 3_450, 0.01, 0.9e9, 14e9, 3.9e9),
    Coin("SOL", 148, 0.01, 0.42e9, 4.1e9, 1.1e9),
    Coin("XRP", 0.5231, 0.0001, 0.2e9, 1.2e9, 0.41e9),
    Coin("BNB", 580, 0.1, 0.15e9, 0.61e9, 0.3e9),
    Coin("DOGE", 0.12431, 0.00001, 0.12e9, 0.9e9, 0.33e9),
    Coin("ADA", 0.4411, 0.0001, 61e6, 0.31e9, 0.12e9),
    Coin("LINK", 14.12, 0.001, 41e6, 0.2e9, 88e6),
    Coin("JUP", 0.8123, 0.0001, 22e6, 0.11e9, 41e6, 4),
    Coin("SUPER", 0.6134, 0.0001, 5e6, 21e6, 8e6, 4),
    Coin("SYRUP", 0.4123, 0.0001, 9e6, 60e6, 20e6, 4),
    Coin("PEPE", 0.00001234, 0.00000001, 0.1e9, 0.51e9, 0.14e9, 8, 1000),
    Coin("SHIB", 0.00002301, 0.00000001, 60e6, 0.2e9, 0.1e9, 8, 1000),
    Coin("USDC", 1.0002, 0.0001, 0.8e9, 0, 0),
    Coin("HYPE", 31.2, 0.001, 0, 0.4e9, 0.2e9, 1),
    Coin("OKB", 48.1, 0.01, 9e6, 0, 0, only_on=("okx",)),
)
SHOWN = frozenset(coin.base for coin in COINS)
SHARES = {  # of what the table above says
    "binance": 1.0,
    "bybit": 0.45,
    "okx": 0.35,
    "gate": 0.25,
    "bitget": 0.4,
    "hyperliquid": 0.3,
    "deribit": 0.08,
    "kraken": 0.05,
    "coinbase": 0.4,
}
SHIFT = {  # of the price
    "binance": 0.0,
    "bybit": 0.00006,
    "okx": -0.00005,
    "gate": 0.00008,
    "bitget": -0.00007,
    "hyperliquid": 0.00003,
    "deribit": -0.00002,
    "kraken": 0.0001,
    "coinbase": -0.0001,
}
BIG = ("binance", "bybit", "okx", "gate", "bitget")
BASIS = -0.0004  # of a perpetual against spot
MARK = 1.00001  # of a perpetual's mark price against its last
DOLLARS = {
    "USD": 1.0,
    "USDT": 1.0,
    "USDC": 1.0,
    "FDUSD": 1.0,
    "TRY": 0.0293,
    "EUR": 1.0841,
}  # of one; the rest are coins
MARGINS = {  # the size of each kind of perpetual against the one in USDT
    "binance": {"USDT": 1.0, "USDC": 0.06, "coin": 0.22},
    "bybit": {"USDT": 1.0, "USDC": 0.06, "coin": 0.22},
    "okx": {"USDT": 1.0, "USDC": 0.06, "coin": 0.22},
    "gate": {"USDT": 1.0, "coin": 0.22},
    "bitget": {"USDT": 1.0, "USDC": 0.06, "coin": 0.22},
    "hyperliquid": {"USDC": 1.0},
    "deribit": {"USDC": 0.2, "coin": 1.0},
    "kraken": {"USD": 1.0, "coin": 0.22},
}
BY_COIN = {"gate": ("BTC",), "deribit": ("BTC", "ETH"), "kraken": ("BTC", "ETH")}  # the others: the following
COIN_MARGINED = ("BTC", "ETH", "SOL", "XRP", "DOGE")
DOLLAR_CONTRACTS = {"binance": (100, 10), "okx": (100, 10), "deribit": (10, 1)}  # of BTC, of others; elsewhere 1
DATED = 0.08  # of the coin-margined: a contract with an end, which is no perpetual and counted nowhere
ABSENT = {  # what an exchange lacks, beyond `only_on`
    "hyperliquid": {"spot": SHOWN, "perp": frozenset[str]()},
    "deribit": {"spot": SHOWN, "perp": SHOWN - {"BTC", "ETH", "SOL", "XRP"}},
    "kraken": {"spot": frozenset({"HYPE", "SUPER"}), "perp": frozenset({"SUPER", "SYRUP"})},
    "coinbase": {"spot": frozenset({"BNB", "USDC", "HYPE"}), "perp": SHOWN},
}


def _fillers() -> tuple[Coin, ...]:
    """Some 300 coins that nobody could take for a real one: they make the lists as long as real lists are."""
    chance, names = random.Random("fillers"), {"WOJAK", "WAX", "XYZ", "VIZ", "WIX", "ZAK"}  # exist
    coins: list[Coin] = []
    while len(coins) < 300:
        length = chance.choice((3, 4, 4, 5, 5, 6))
        letters = [chance.choice("QXZWV" if i == 0 else "AIOUY" if i % 2 else "QXZKVJ") for i in range(length)]
        base = "".join(letters)
        if base in names:
            continue
        names.add(base)
        price = float(f"{10 ** chance.triangular(-7, 3.7, -0.5):.4g}")
        size = 10 ** chance.uniform(5.5, 7.75)
        has_perp, has_spot = chance.random() < 0.96, chance.random() < 0.95
        where = [name for name in BIG if chance.random() < 0.93]
        where += [name for name in ("hyperliquid", "kraken") if chance.random() < 0.5 and len(where) == len(BIG)]
        where += ["coinbase"] if chance.random() < 0.15 else []
        coins.append(
            Coin(
                base,
                price,
                10.0 ** (math.floor(math.log10(price)) - 4),
                size * chance.uniform(0.1, 0.5) if has_spot else 0,
                size if has_perp else 0,
                size * chance.uniform(0.1, 0.6) if has_perp else 0,
                chance.choice((8, 8, 4, 4, 4, 1)),
                1000 if price < 1e-4 else 1,
                tuple(where),
                chance.uniform(0.7, 2.5),
                chance.uniform(-1.5, 2.5),
            )
        )
    return tuple(coins)


FILLERS = _fillers()


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


class Bar(NamedTuple):
    """What all exchanges' candles of a stretch are made of: dollars, and minutes of ordinary trading."""

    open: float
    high: float
    low: float
    close: float
    mean: float
    volume: float
    buys: float


class Market:
    """The market as a function of time. clock gives seconds since 1970.

    activities: for a base, how busy a minute since 1970 is (1: as ordinary), for tests that
    need to know: `market.activities["BTC"] = lambda minute: 1.0`.
    """

    def __init__(self, seed: int = 7, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.coins = {coin.base: coin for coin in (*COINS, *FILLERS)}
        self.activities: dict[str, Callable[[int], float]] = {}
        self._seed = seed
        self._waves: dict[str, list[tuple[float, float, float]]] = {}
        self._meters: dict[str, Meter] = {}
        self._days: dict[tuple[str, int], tuple[float, float, float, float]] = {}
        self._bars: dict[tuple[str, int], dict[int, Bar]] = {}
        self._n_bars = 0
        self._kept: dict[str, tuple[int, object]] = {}

    def lists(self, exchange: str, base: str, market: str) -> Coin | None:
        coin = self.coins.get(base)
        if coin is None or (coin.only_on and exchange not in coin.only_on):
            return None
        if (exchange == "deribit" and base not in SHOWN) or base in ABSENT.get(exchange, {}).get(market, ()):
            return None
        return coin if (coin.spot_usd if market == "spot" else coin.perp_usd) else None

    def listed(self, exchange: str, market: str) -> list[Coin]:
        """All coins of an exchange's market."""
        return [coin for coin in self.coins.values() if self.lists(exchange, coin.base, market)]

    def kept(self, key: str, make: Callable[[], Kept]) -> Kept:
        """What make gives, made once a minute."""
        minute = int(self.clock() // 60)
        found = self._kept.get(key)
        if found is None or found[0] != minute:
            self._kept[key] = found = (minute, make())
        return found[1]  # type: ignore[return-value]  # by the key

    def rows(self, key: str, exchange: str, market: str, spell: Callable[[Coin], Iterable[str]]) -> list[str]:
        """The rows of a list of all coins: of the known ones as they are now, of the others once a minute."""
        listed = self.listed(exchange, market)
        shown = [row for coin in listed if coin.base in SHOWN for row in spell(coin)]
        others = [coin for coin in listed if coin.base not in SHOWN]
        return shown + self.kept(f"{exchange} {key}", lambda: [row for coin in others for row in spell(coin)])

    # Prices.

    def price(self, base: str, at_s: float) -> float:
        coin = self.coins[base]
        if base == "USDC":
            return coin.price
        return coin.price * math.exp(sum(a * math.sin(math.tau * at_s / T + p) for T, a, p in self._waves_of(base)))

    def _waves_of(self, base: str) -> list[tuple[float, float, float]]:
        """Period, height and phase of each."""
        found = self._waves.get(base)
        if found is None:
            phases: Iterable[float]
            if base in SHOWN:
                phases = (random.Random(f"{self._seed}{base}{i}").uniform(0, math.tau) for i in range(len(WAVES)))
            else:
                chance = random.Random(f"{self._seed}{base}")
                phases = (chance.uniform(0, math.tau) for _ in WAVES)
            swing = self.coins[base].swing
            found = [(T, a * swing, p) for (T, a), p in zip(WAVES, phases, strict=True)]
            self._waves[base] = found
        return found

    def _prices(self, base: str, begin_s: float, step_s: float, n: int) -> list[float]:
        """n prices at equal distances: each wave is a pointer that is turned from step to step."""
        price, exp = self.coins[base].price, math.exp
        if base == "USDC":
            return [price] * n
        waves = self._waves_of(base)
        one, two, three, four, five, six = (cmath.rect(a, math.tau * begin_s / T + p) for T, a, p in waves)
        turn1, turn2, turn3, turn4, turn5, turn6 = (cmath.rect(1, math.tau * step_s / T) for T, _, _ in waves)
        prices = []
        for _ in range(n):
            prices.append(price * exp((one + two + three + four + five + six).imag))
            one, two, three = one * turn1, two * turn2, three * turn3
            four, five, six = four * turn4, five * turn5, six * turn6
        return prices

    def mark(self, exchange: str, base: str, at_s: float | None = None) -> float:
        """The mark price of a perpetual, per coin, to nine digits as it is sent."""
        price = self.price(base, self.clock() if at_s is None else at_s)
        return float(f"{price * (1 + SHIFT[exchange]) * (1 + BASIS) * MARK:.9g}")

    def day(self, exchange: str, base: str, market: str, multiplier: int = 1, margin: str = "USDT") -> Day:
        """The last 24 hours of a market. multiplier: prices are per so many coins, volume counts so many."""
        coin, now = self.coins[base], self.clock()
        factor = (1 + SHIFT[exchange]) * (1 + (BASIS if market == "perp" else 0)) * multiplier
        tick = coin.tick * multiplier
        decimals = decimals_of(tick)
        high, low, open_, mean = self._day_of(base, int(now // 60))
        last = self.price(base, now)
        volume = self._coins_a_minute(exchange, coin, market, margin) * self._day_volume(base, now)
        return Day(
            last=round(last * factor, decimals),
            open=round(open_ * factor, decimals),
            high=round(max(high, last) * factor, decimals),
            low=round(min(low, last) * factor, decimals),
            volume=volume / multiplier,
            turnover=volume * mean * factor / multiplier,
            bid=round(round(last * factor, decimals) - tick, decimals),
            ask=round(round(last * factor, decimals) + tick, decimals),
        )

    def _day_of(self, base: str, minute: int) -> tuple[float, float, float, float]:
        """high, low, open and mean price of the 24 h before a minute."""
        found = self._days.get((base, minute))
        if found is None:
            step = 5 if base in SHOWN else 60
            prices = self._prices(base, (minute - DAY) * 60, step * 60, DAY // step + 1)
            found = (max(prices), min(prices), prices[0], sum(prices) / len(prices))
            if len(self._days) > 1000:
                self._days.clear()
            self._days[base, minute] = found
        return found

    # Volume.

    def activity(self, base: str, minute: int) -> float:
        """How busy a minute since 1970 is; 1 is ordinary."""
        return self._volume(base, minute, minute + 1)[0]

    def _volume(self, base: str, begin: float, end: float) -> tuple[float, float]:
        """Volume and the takers' buys between two moments in minutes since 1970, in ordinary minutes."""
        told = self.activities.get(base)
        if told is None:
            meter = self._meter(base)
            (volume, buys), (volume_before, buys_before) = meter.read(end), meter.read(begin)
            return volume - volume_before, buys - buys_before
        first, last = math.floor(begin), math.floor(end)
        volume = sum(map(told, range(first, last)))
        volume += told(last) * (end - last) if end > last else 0
        volume -= told(first) * (begin - first) if begin > first else 0
        return volume, volume * (0.5 + 0.1 * math.sin((begin + end) / 60 + len(base)))

    def _day_volume(self, base: str, now: float) -> float:
        return self._volume(base, now / 60 - DAY, now / 60)[0]

    def _meter(self, base: str) -> Meter:
        found = self._meters.get(base)
        if found is None:
            self._meters[base] = found = Meter(f"{self._seed}{base}")
        return found

    def _coins_a_minute(self, exchange: str, coin: Coin, market: str, margin: str = "USDT") -> float:
        dollars = coin.spot_usd if market == "spot" else coin.perp_usd
        part = MARGINS[exchange][margin] if market == "perp" and margin != "USDT" else 1.0
        return dollars * part * SHARES[exchange] / coin.price / DAY

    def bars(self, base: str, minutes: int, first: int, last: int) -> list[Bar]:
        """The stretches of so many minutes from the first to the last number, counted from 1970; none of the future."""
        now = self.clock()
        running = int(now // (minutes * 60))
        kept = self._bars.get((base, minutes))
        if kept is None or base in self.activities:
            kept = {}
        bars = [kept.get(slot) for slot in range(first, min(last, running - 1) + 1)]
        missing = [first + i for i, bar in enumerate(bars) if bar is None]
        if missing:
            made = self._closed(base, minutes, missing[0], missing[-1])
            bars[missing[0] - first : missing[-1] + 1 - first] = made
            kept.update(zip(range(missing[0], missing[-1] + 1), made, strict=True))
            self._keep(base, minutes, kept, len(made))
        whole = [bar for bar in bars if bar is not None]
        if first <= running <= last:
            begin = running * minutes * 60
            prices = [*self._prices(base, begin, (now - begin) / 6, 6), self.price(base, now)]
            whole.append(_bar(prices, *self._volume(base, begin / 60, now / 60)))
        return whole

    def _closed(self, base: str, minutes: int, first: int, last: int) -> list[Bar]:
        parts = 4 if minutes < 60 else 6 if minutes < 360 else 24
        prices = self._prices(base, first * minutes * 60, minutes * 60 / parts, (last + 1 - first) * parts + 1)
        if base in self.activities:
            volumes = [self._volume(base, slot * minutes, (slot + 1) * minutes) for slot in range(first, last + 1)]
        else:
            read = self._meter(base).read
            readings = [read(slot * minutes) for slot in range(first, last + 2)]
            volumes = [
                (readings[i + 1][0] - readings[i][0], readings[i + 1][1] - readings[i][1])
                for i in range(last + 1 - first)
            ]
        return [_bar(prices[i * parts : (i + 1) * parts + 1], *volume) for i, volume in enumerate(volumes)]

    def _keep(self, base: str, minutes: int, bars: dict[int, Bar], n_new: int) -> None:
        if base in self.activities:
            return
        if self._n_bars > MAX_BARS:
            self._bars.clear()
            self._n_bars = 0
        self._bars[base, minutes] = bars
        self._n_bars += n_new

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
        coin = self.coins[base]
        factor = (1 + SHIFT[exchange]) * (1 + (BASIS if market == "perp" else 0)) * multiplier
        decimals = decimals_of(coin.tick * multiplier)
        coins = self._coins_a_minute(exchange, coin, market, margin) / multiplier
        running, candles = int(self.clock() // (minutes * 60)), []
        for slot, bar in enumerate(self.bars(base, minutes, first, last), first):
            volume, buys, mean = coins * bar.volume, coins * bar.buys, bar.mean * factor
            candles.append(
                Candle(
                    slot * minutes * 60_000,
                    round(bar.open * factor, decimals),
                    round(bar.high * factor, decimals),
                    round(bar.low * factor, decimals),
                    round(bar.close * factor, decimals),
                    volume,
                    volume * mean,
                    buys,
                    buys * mean,
                    int(volume * mean / 900) + 1,
                    slot < running,
                )
            )
        return candles

    # Open interest, funding, ratios.

    def margins(self, exchange: str, base: str) -> tuple[str, ...]:
        """In what the perpetuals of a coin are paid: "USDT", "USDC", "USD" or "coin"."""
        if not self.lists(exchange, base, "perp"):
            return ()
        by_coin = BY_COIN.get(exchange, COIN_MARGINED)
        return tuple(
            margin
            for margin in MARGINS.get(exchange, {})
            if (base in by_coin if margin == "coin" else margin != "USDC" or exchange == "hyperliquid" or base in SHOWN)
        )

    def interest(self, exchange: str, base: str) -> float:
        """Open interest, one side, in coins; it breathes by a few percent."""
        return self.interest_of(exchange, base, "USDT")

    def interest_of(self, exchange: str, base: str, margin: str, at_s: float | None = None) -> float:
        """Open interest, one side, in coins, of the perpetuals paid in USDT, USDC, USD or coin; 0 if there are none.

        A whole number of contracts, where they are counted. "dated": of the contract with an end.
        """
        at = self.clock() if at_s is None else at_s
        parts = MARGINS.get(exchange, {})
        if margin == "dated":
            part = DATED * parts["coin"]
        elif margin not in self.margins(exchange, base):
            return 0.0
        else:
            part = parts[margin]
        coin = self.coins[base]
        breath = 1 + 0.03 * math.sin(at / 7000) + 0.04 * math.sin(at / 61_000 + len(exchange) + coin.price % 6)
        coins = coin.interest_usd * SHARES[exchange] * part / coin.price * breath
        if margin == "coin" and exchange != "bitget":
            dollars, mark = dollar_contract(exchange, base), self.mark(exchange, base, at)
            return round(coins * mark / dollars) * dollars / mark
        step = self.smallest(exchange, base)
        return round(round(coins / step) * step, 6)

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
        coin = self.coins[base]
        if exchange == "okx":
            return okx_contract(coin) / 100
        if exchange == "gate":
            return gate_contract(coin)
        return 0.001 * (coin.multiplier if exchange in ("binance", "bybit", "hyperliquid") else 1)

    def funding(self, base: str) -> tuple[float, int, int]:
        """Rate per period, hours of a period, and when it is due next, in ms; as on Binance."""
        return self.funding_of("binance", base)

    def funding_of(self, exchange: str, base: str, at_s: float | None = None) -> tuple[float, int, int]:
        """The same of any exchange, at any time. Hyperliquid and Kraken pay every hour, Deribit's is told for 8."""
        at, coin = self.clock() if at_s is None else at_s, self.coins[base]
        hours = 1 if exchange in ("hyperliquid", "kraken") else 8 if exchange == "deribit" else coin.funding_h
        own = 0.0 if exchange == "binance" else 0.2 * math.sin(at / 11_000 + len(exchange))
        rate = 0.0001 * hours / 8 * (1 + coin.lean + own + 0.6 * math.sin(at / 9000 + len(base)))
        period = hours * 3600
        return rate, hours, int((at // period + 1) * period * 1000)

    def long_share(self, exchange: str, base: str, of: str = "accounts", at_s: float | None = None) -> float:
        """The share of longs among "accounts", "top accounts" or "top positions"."""
        at = self.clock() if at_s is None else at_s
        phase = len(exchange) + len(of) + self._waves_of(base)[0][2]
        return 0.52 + 0.13 * math.sin(at / 50_000 + phase) + 0.03 * math.sin(at / 5000 + phase)

    # Quotes and times.

    def dollars_of(self, quote: str, at_s: float | None = None) -> float:
        """What one of a quote currency is worth."""
        return DOLLARS.get(quote) or self.price(quote, self.clock() if at_s is None else at_s)

    def quarter(self) -> datetime:
        """When the contracts with an end do end: 8:00 UTC on the last Friday of the next quarter's last month."""
        day = datetime.fromtimestamp(self.clock(), UTC) + timedelta(days=30)
        year, month = day.year, (day.month + 2) // 3 * 3
        after = datetime(year + month // 12, month % 12 + 1, 1, 8, tzinfo=UTC)
        return after - timedelta(days=(after.weekday() - 5) % 7 + 1)


class Meter:
    """All that was ever traded of a coin, in ordinary minutes, and the takers' buys of it.

    Its speed is 1 on the whole: busier in the afternoon (UTC), uneven, and at one stretch of
    100, of each length in SPIKES, several times as fast.
    """

    UNEVEN = ((1, 0.2), (15, 0.12), (60, 0.1), (1440, 0.06))  # minutes, and how far the speed goes up and down
    SPIKES = (15, 60, 240)  # minutes
    APART = 100
    BEGIN = 26_000_000  # minutes since 1970, so that figures stay small and exact
    SLOW, FAST = math.tau / 1300, math.tau / 97

    def __init__(self, seed: str) -> None:
        chance = random.Random(seed)
        self._seed = chance.getrandbits(60) | 1
        self._phases = chance.uniform(0, math.tau), chance.uniform(0, math.tau)
        self._spikes = [
            (minutes, chance.uniform(1, 5), chance.choice((0.36, 0.44, 0.6, 0.64))) for minutes in self.SPIKES
        ]
        self._speed = 1 - sum(more for _, more, _ in self._spikes) / self.APART

    def _chance(self, of: int, number: int) -> int:
        """A number of 24 bits that is always the same for the same."""
        mixed = (self._seed ^ (number * 0x9E3779B97F4A7C15 + of)) & 0xFFFFFFFFFFFFFFFF
        mixed = ((mixed ^ (mixed >> 29)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        return (mixed ^ (mixed >> 31)) >> 40

    def read(self, minute: float) -> tuple[float, float]:
        """Volume and the takers' buys up to a moment, in minutes since 1970."""
        at = minute - self.BEGIN
        volume = self._speed * at - 0.15 * DAY / math.tau * math.cos(math.tau * minute / DAY - 2)
        for minutes, height in self.UNEVEN:
            slot, part = divmod(at, minutes)
            here: float = self._chance(minutes, int(slot))
            if part:
                here += (self._chance(minutes, int(slot) + 1) - here) * (part / minutes)
            volume += height * minutes * here / 0xFFFFFF
        one, two = self._phases
        buys = (
            volume / 2
            - 0.07 / self.FAST * math.cos(at * self.FAST + one)
            - 0.04 / self.SLOW * math.cos(at * self.SLOW + two)
        )
        for minutes, more, buying in self._spikes:
            block, part = divmod(at, minutes * self.APART)
            done = part - self._chance(minutes + 7, int(block)) % self.APART * minutes
            spiked = more * (block * minutes + (0 if done < 0 else minutes if done > minutes else done))
            volume += spiked
            buys += spiked * buying
        return volume, buys


def _bar(prices: list[float], volume: float, buys: float) -> Bar:
    buys = min(max(buys, 0.35 * volume), 0.65 * volume)
    return Bar(prices[0], max(prices), min(prices), prices[-1], sum(prices) / len(prices), volume, buys)


def decimals_of(tick: float) -> int:
    return max(0, -math.floor(math.log10(tick) + 1e-9))


def dollar_contract(exchange: str, base: str) -> int:
    """The dollars of one coin-margined contract."""
    of_btc, of_others = DOLLAR_CONTRACTS.get(exchange, (1, 1))
    return of_btc if base == "BTC" else of_others


def okx_contract(coin: Coin) -> float:
    """The coins of one linear contract on OKX: some 300 dollars, in powers of ten."""
    return float(f"1e{round(math.log10(300 / coin.price))}")


def gate_contract(coin: Coin) -> float:
    """The coins of one linear contract on Gate: some 10 dollars, in powers of ten."""
    return float(f"1e{round(math.log10(10 / coin.price))}")
