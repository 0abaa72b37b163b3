"""All exchanges. A new one is its file and a line here."""

from __future__ import annotations

from exchanges import coingecko
from exchanges.binance import Binance
from exchanges.bitget import Bitget
from exchanges.bybit import Bybit
from exchanges.coinbase import Coinbase
from exchanges.deribit import Deribit
from exchanges.endpoints import Host
from exchanges.exchange import AccountExchange, Exchange
from exchanges.gate import Gate
from exchanges.hyperliquid import Hyperliquid
from exchanges.kraken import Kraken
from exchanges.okx import Okx

__all__ = ["ACCOUNTS", "EXCHANGES", "HOSTS", "AccountExchange", "Exchange"]

EXCHANGES: dict[str, Exchange] = {
    each.id: each
    for each in (
        Binance(),
        Bybit(),
        Okx(),
        Gate(),
        Bitget(),
        Hyperliquid(),
        Deribit(),
        Kraken(),
        Coinbase(),
    )
}
"""In the order in which they are asked when EXCHANGES says nothing."""

ACCOUNTS = {name: each for name, each in EXCHANGES.items() if isinstance(each, AccountExchange)}
"""Those that can be asked about accounts."""

HOSTS: tuple[Host, ...] = (*(host for each in EXCHANGES.values() for host in each.hosts), coingecko.HOST)
"""Every address that is asked; each has a variable <NAME>_URL."""
