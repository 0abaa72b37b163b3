"""What is traded: known coins, stock-like contracts, and fillers that make lists as long as real ones; and where.

Prices and sizes are those of an ordinary day. Nothing here changes with time.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple


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
    vol: float = 0.9  # how far it goes in a year: 0.5 is 50 %
    tie: float = 0.7  # its correlation with BTC
    lean: float = 0.0  # of its funding rate
    basis: float = -0.0004  # of its perpetuals against spot
    ended_d: int = 0  # it has not been traded for so many days
    began_d: int = 0  # it has been traded for so many days only
    other: str = ""  # tells it from a coin of the same name

    @property
    def key(self) -> str:
        """What no other coin is called."""
        return f"{self.base} {self.other}" if self.other else self.base


BIG = ("binance", "bybit", "okx", "gate", "bitget")
FIVE = (*BIG, "hyperliquid")
STOCKS_ON = ("binance", "bybit", "bitget", "gate")
COINS = (
    Coin("BTC", 67_400, 0.1, 1.6e9, 21e9, 5.5e9, vol=0.5, tie=1.0),
    Coin("ETH", 3_450, 0.01, 0.9e9, 14e9, 3.9e9, vol=0.65, tie=0.85),
    Coin("SOL", 148, 0.01, 0.42e9, 4.1e9, 1.1e9, vol=0.85, tie=0.8, basis=-0.0003),
    Coin("XRP", 0.5231, 0.0001, 0.2e9, 1.2e9, 0.41e9, vol=0.7),
    Coin("BNB", 580, 0.1, 0.15e9, 0.61e9, 0.3e9, vol=0.5),
    Coin("DOGE", 0.12431, 0.00001, 0.12e9, 0.9e9, 0.33e9, vol=0.9, tie=0.75, basis=-0.0005),
    Coin("ADA", 0.4411, 0.0001, 61e6, 0.31e9, 0.12e9, vol=0.8, tie=0.75),
    Coin("LINK", 14.12, 0.001, 41e6, 0.2e9, 88e6, vol=0.8),
    Coin("JUP", 0.8123, 0.0001, 22e6, 0.11e9, 41e6, 4, vol=1.1),
    Coin("SUPER", 0.6134, 0.0001, 5e6, 21e6, 8e6, 4, vol=1.2, tie=0.5),
    Coin("SYRUP", 0.4123, 0.0001, 9e6, 60e6, 20e6, 4, vol=1.2, tie=0.5),
    Coin("PEPE", 0.00001234, 0.00000001, 0.1e9, 0.51e9, 0.14e9, 8, 1000, vol=1.2),
    Coin("SHIB", 0.00002301, 0.00000001, 60e6, 0.2e9, 0.1e9, 8, 1000, vol=0.9),
    Coin("USDC", 1.0002, 0.0001, 0.8e9, 0, 0, vol=0.001, tie=0.0),
    Coin("HYPE", 31.2, 0.001, 0, 0.4e9, 0.2e9, 1, vol=1.1, tie=0.55),
    Coin("OKB", 48.1, 0.01, 9e6, 0, 0, only_on=("okx",), vol=0.6),
    Coin("TON", 7.21, 0.001, 0.11e9, 0.35e9, 0.16e9, vol=0.75, tie=0.55),
    Coin("AVAX", 27.4, 0.01, 55e6, 0.33e9, 0.11e9, vol=0.9, tie=0.8),
    Coin("DOT", 6.12, 0.001, 38e6, 0.22e9, 95e6, vol=0.8, tie=0.8),
    Coin("TRX", 0.1341, 0.0001, 34e6, 0.09e9, 60e6, vol=0.45, tie=0.4, lean=-0.8),
    Coin("LTC", 72.4, 0.01, 62e6, 0.31e9, 0.13e9, vol=0.7, tie=0.75),
    Coin("BCH", 381, 0.01, 48e6, 0.24e9, 0.1e9, vol=0.75, tie=0.7, lean=-0.6),
    Coin("NEAR", 5.31, 0.001, 44e6, 0.29e9, 0.1e9, vol=1.0, tie=0.75),
    Coin("UNI", 9.11, 0.001, 41e6, 0.2e9, 82e6, vol=0.95),
    Coin("ICP", 8.32, 0.001, 19e6, 0.1e9, 42e6, vol=0.9),
    Coin("APT", 7.12, 0.001, 36e6, 0.21e9, 70e6, vol=0.95, tie=0.75),
    Coin("ATOM", 6.51, 0.001, 21e6, 0.12e9, 48e6, vol=0.8, tie=0.75),
    Coin("FIL", 4.41, 0.001, 29e6, 0.18e9, 60e6, vol=0.85, tie=0.75),
    Coin("ARB", 0.8012, 0.0001, 42e6, 0.26e9, 92e6, vol=0.95, tie=0.75),
    Coin("OP", 1.812, 0.001, 36e6, 0.25e9, 85e6, vol=1.0, tie=0.75),
    Coin("SUI", 0.9213, 0.0001, 48e6, 0.41e9, 0.12e9, vol=1.05),
    Coin("SEI", 0.3412, 0.0001, 25e6, 0.15e9, 45e6, 4, vol=1.1),
    Coin("INJ", 22.3, 0.001, 29e6, 0.16e9, 50e6, vol=1.05),
    Coin("TIA", 6.21, 0.001, 28e6, 0.24e9, 71e6, vol=1.15, lean=-2.4, basis=-0.0011),
    Coin("WLD", 2.62, 0.001, 51e6, 0.48e9, 0.14e9, vol=1.3, tie=0.6),
    Coin("AAVE", 93.1, 0.01, 26e6, 0.11e9, 44e6, vol=0.9),
    Coin("MKR", 2_410, 0.1, 21e6, 0.06e9, 26e6, vol=0.8, tie=0.6, lean=-0.4),
    Coin("LDO", 1.912, 0.001, 26e6, 0.17e9, 52e6, vol=1.0),
    Coin("CRV", 0.2911, 0.0001, 31e6, 0.13e9, 42e6, 4, vol=1.15, tie=0.6, lean=-3.1, basis=-0.0013),
    Coin("ENA", 0.5213, 0.0001, 38e6, 0.28e9, 80e6, 4, vol=1.3, tie=0.6),
    Coin("PENDLE", 4.21, 0.001, 27e6, 0.1e9, 31e6, 4, vol=1.2, tie=0.6),
    Coin("JTO", 2.41, 0.001, 13e6, 0.07e9, 22e6, 4, vol=1.15),
    Coin("W", 0.3121, 0.0001, 15e6, 0.07e9, 20e6, 4, vol=1.3, tie=0.6),
    Coin("STRK", 0.7121, 0.0001, 17e6, 0.09e9, 28e6, 4, vol=1.1, tie=0.65),
    Coin("ZRO", 3.81, 0.001, 33e6, 0.2e9, 41e6, 4, vol=1.4, tie=0.5, lean=2.2),
    Coin("ORDI", 38.4, 0.01, 28e6, 0.2e9, 44e6, 4, vol=1.3, tie=0.65),
    Coin("WIF", 2.13, 0.001, 0.12e9, 0.62e9, 0.15e9, vol=1.5, tie=0.6, only_on=(*FIVE, "kraken"), lean=1.4),
    Coin("BONK", 0.00002412, 0.00000001, 41e6, 0.16e9, 55e6, 4, 1000, vol=1.35, tie=0.6),
    Coin("FLOKI", 0.0001712, 0.0000001, 34e6, 0.12e9, 38e6, 4, 1000, vol=1.3, tie=0.6),
    Coin("MOG", 0.00000171, 1e-10, 12e6, 0.05e9, 16e6, 4, 1000, ("bybit", "okx", "gate", "deribit"), 1.6, 0.5),
    Coin("SATS", 0.0000002101, 0.0000000001, 9e6, 0.06e9, 20e6, 4, 1000, BIG, vol=1.3, tie=0.6),
    Coin("BABYDOGE", 0.00000000171, 0.0000000000001, 4e6, 0.02e9, 6e6, 4, 1_000_000, BIG, vol=1.4, tie=0.5),
    Coin("POPCAT", 0.5121, 0.0001, 0, 0.11e9, 33e6, 4, 1, FIVE, vol=1.6, tie=0.5, lean=3.4),
    Coin("NOT", 0.01421, 0.00001, 62e6, 0.25e9, 70e6, 4, 1, (*BIG, "hyperliquid", "kraken"), vol=1.4, tie=0.5),
    Coin("HMSTR", 0.00521, 0.000001, 11e6, 0.05e9, 14e6, 1, 1, BIG, vol=1.5, tie=0.4, lean=-6.0, basis=-0.0021),
    Coin("TRB", 84.1, 0.01, 16e6, 0.16e9, 24e6, 1, 1, (*FIVE, "kraken"), vol=1.7, tie=0.3, lean=-9.0, basis=-0.0034),
    Coin("AERO", 0.8213, 0.0001, 7e6, 0, 0, only_on=("binance", "bybit", "okx"), vol=1.2, tie=0.5),
    Coin("XUSD", 1.0001, 0.0001, 0.6e6, 0, 0, only_on=("binance", "bybit"), vol=0.001, tie=0.0),
    Coin("XMR", 164, 0.01, 21e6, 0.05e9, 19e6, 8, 1, ("kraken", "gate", "bitget", "hyperliquid"), vol=0.6, tie=0.5),
    Coin("XAUT", 2_331, 0.1, 6e6, 0.03e9, 9e6, 8, 1, ("bybit", "okx", "gate", "bitget"), vol=0.14, tie=0.05),
    Coin("NEIRO", 0.001812, 0.0000001, 31e6, 0.19e9, 40e6, 4, 1, ("binance", "bybit", "okx", "kraken"), 1.7, 0.5),
    Coin("1000CAT", 0.00812, 0.000001, 8e6, 0.03e9, 9e6, 4, 1, ("binance", "bitget"), vol=1.5, tie=0.5),
    Coin("CAT", 338.4, 0.01, 0, 4e6, 1.5e6, 8, 1, ("binance", "bitget", "gate"), vol=0.3, tie=0.15, basis=0.0006),
    Coin("NVDA", 128.2, 0.01, 0, 0.06e9, 14e6, 8, 1, STOCKS_ON, 0.5, 0.3, basis=0.0004),
    Coin("TSLA", 197.8, 0.01, 0, 0.04e9, 11e6, 8, 1, STOCKS_ON, 0.55, 0.3, basis=0.0005),
)  # fmt: skip
SAME_NAME = (  # coins that other exchanges list under a name that is taken
    Coin("NEIRO", 0.1812, 0.00001, 6e6, 0.04e9, 8e6, 4, 1, ("gate", "bitget", "hyperliquid"), 1.6, 0.5, other="eth"),
)
ENDING = (  # not traded any more, or not yet by many
    Coin("FTT", 1.412, 0.001, 0, 4e6, 1.1e6, 8, 1, ("gate", "bitget", "hyperliquid"), 1.2, 0.4, ended_d=3),
    Coin("MEGA", 0.2312, 0.0001, 0, 9e6, 3e6, 4, 1, ("bybit", "okx", "gate"), 1.9, 0.3, lean=2.0, began_d=5),
)
STOCKS = frozenset({"CAT", "NVDA", "TSLA"})  # contracts on shares
SHOWN = frozenset(coin.base for coin in COINS)
ONLY_IN_USDC = frozenset({"AERO"})  # on spot
IN_USDC = frozenset(coin.base for coin in COINS[:16])  # whose perpetuals are paid in USDC, too
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
SPREAD = 0.00025  # the most that two exchanges are apart, of the price, besides their ticks
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
AT_DERIBIT = frozenset({"BTC", "ETH", "SOL", "XRP", "PEPE", "SHIB", "BONK", "MOG"})
ABSENT = {  # what an exchange lacks, beyond `only_on`
    "hyperliquid": {"spot": SHOWN, "perp": frozenset({"XMR"})},
    "deribit": {"spot": SHOWN, "perp": SHOWN - AT_DERIBIT},
    "kraken": {"spot": frozenset({"HYPE", "SUPER"}), "perp": frozenset({"SUPER", "SYRUP"})},
    "coinbase": {"spot": frozenset({"BNB", "USDC", "HYPE", "TON", "TRX"}), "perp": SHOWN},
}
CONTRACTS = {  # names and numbers of coins where they are not the usual ones: see `contract_of`
    ("binance", "BABYDOGE"): ("1MBABYDOGE", 1_000_000),
    ("bybit", "SHIB"): ("SHIB1000", 1000),
    ("bybit", "SATS"): ("10000SATS", 10_000),
    ("bybit", "BABYDOGE"): ("1000000BABYDOGE", 1_000_000),
    ("bybit", "MOG"): ("1000000MOG", 1_000_000),
    ("gate", "BABYDOGE"): ("MBABYDOGE", 1_000_000),
}


def contract_of(exchange: str, coin: Coin) -> tuple[str, int]:
    """What an exchange's perpetual on a coin is called, without its quote, and of how many coins it is."""
    found = CONTRACTS.get((exchange, coin.base))
    if found is not None:
        return found
    if coin.multiplier > 1 and exchange in ("binance", "bybit", "deribit"):
        return f"{coin.multiplier}{coin.base}", coin.multiplier
    if coin.multiplier > 1 and exchange == "hyperliquid":
        return f"k{coin.base}", 1000
    return coin.base, 1


def dollar_contract(exchange: str, base: str) -> int:
    """The dollars of one coin-margined contract."""
    of_btc, of_others = DOLLAR_CONTRACTS.get(exchange, (1, 1))
    return of_btc if base == "BTC" else of_others


def okx_contract(coin: Coin) -> float:
    """The coins of one linear contract on OKX: some 300 dollars, in powers of ten."""
    return float(f"1e{round(math.log10(300 / coin.price))}")


def gate_contract(coin: Coin) -> float:
    """The coins of one linear contract on Gate: some 10 dollars, in powers of ten of what it is named after."""
    multiplier = contract_of("gate", coin)[1]
    return float(f"1e{round(math.log10(10 / coin.price / multiplier))}") * multiplier


def decimals_of(tick: float) -> int:
    return max(0, -math.floor(math.log10(tick) + 1e-9))


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
        coins.append(_filler(chance, base))
    return tuple(coins)


def _filler(chance: random.Random, base: str) -> Coin:
    price = float(f"{10 ** chance.triangular(-7, 3.7, -0.5):.4g}")
    size = 10 ** chance.uniform(5.5, 7.75)
    has_perp, has_spot = chance.random() < 0.96, chance.random() < 0.95
    where = [name for name in BIG if chance.random() < 0.93]
    where += [name for name in ("hyperliquid", "kraken") if chance.random() < 0.5 and len(where) == len(BIG)]
    where += ["coinbase"] if chance.random() < 0.15 else []
    return Coin(
        base,
        price,
        10.0 ** (math.floor(math.log10(price)) - 4),
        size * chance.uniform(0.1, 0.5) if has_spot else 0,
        size if has_perp else 0,
        size * chance.uniform(0.1, 0.6) if has_perp else 0,
        chance.choice((8, 8, 4, 4, 4, 1)),
        1000 if price < 1e-4 else 1,
        tuple(where),
        vol=0.75 * chance.uniform(0.7, 2.5),
        tie=0.5,
        lean=chance.uniform(-1.5, 2.5),
    )


FILLERS = _fillers()
