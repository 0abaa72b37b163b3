"""The outside world, offline: exchanges and Telegram on loopback, with a chat page.

An independent witness: it speaks the wire formats from their documentation and imports
nothing of the product. `await start()` opens it; its `environ` are the environment variables
that send the bot here. `python -m demo` runs it by itself.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable

from demo import binance, bitget, bybit, coinbase, coingecko, deribit, gate, hyperliquid, keys, kraken, okx
from demo.chat_page import ChatPage
from demo.clock import Clock
from demo.coins import FILLERS
from demo.market import Market
from demo.standing import Standing
from demo.telegram import Telegram
from demo.weather import Hooks, Weather
from demo.web import Asked, Reply, Site

__all__ = ["TOKEN", "Hooks", "World", "keys", "run_alone", "start"]

TOKEN = "123456:TEST-offline-world-token"  # noqa: S105


class World:
    """Everything outside. faults: `await set_fault("BYBIT", "hang")`; latency: `set_latency(0.08)`.

    Of one host some paths only: `set_path_fault("BINANCE_USDM", "/futures/data", "500")`.
    clock: what the world's clock runs on, which can be turned: `world.clock.speed = 60`, `world.clock.jump(3600)`.
    With tls the exchanges speak HTTPS; Telegram and its page do not.
    n_fillers: of the coins that nobody asks for; with all of them lists are as long as real ones.
    """

    def __init__(
        self,
        seed: int = 7,
        clock: Callable[[], float] | None = None,
        back_off_s: float = 2.0,
        tls: ssl.SSLContext | None = None,
        n_fillers: int = len(FILLERS),
    ) -> None:
        self.clock = Clock(clock) if clock is not None else Clock()
        self.market = Market(seed, self.clock, n_fillers)
        self.telegram = Telegram(TOKEN, back_off_s=back_off_s)
        spoken_binance = binance.Binance(self.market)
        self.sites = {
            site.name: site
            for site in (
                Site("BINANCE_SPOT", spoken_binance.spot, binance.refusal),
                Site("BINANCE_USDM", spoken_binance.usdm, binance.refusal),
                Site("BINANCE_COINM", spoken_binance.coinm, binance.refusal),
                self._site("BYBIT", bybit.Bybit(self.market).handle, bybit.refusal),
                self._site("OKX", okx.Okx(self.market).handle, okx.refusal),
                self._site("GATE", gate.Gate(self.market).handle, gate.refusal),
                self._site("BITGET", bitget.Bitget(self.market).handle, bitget.refusal),
                self._site("HYPERLIQUID", hyperliquid.Hyperliquid(self.market).handle, hyperliquid.refusal),
                self._site("DERIBIT", deribit.Deribit(self.market).handle, deribit.refusal),
                self._site("KRAKEN", kraken.Kraken(self.market).handle, kraken.refusal),
                self._site("KRAKEN_FUTURES", kraken.KrakenFutures(self.market).handle, kraken.futures_refusal),
                self._site("COINBASE", coinbase.Coinbase(self.market).handle, coinbase.refusal),
                self._site("COINGECKO", coingecko.CoinGecko(self.market).handle, coingecko.refusal),
            )
        }
        for site in self.sites.values():
            site.tls = tls
        for name, weights in spoken_binance.weights.items():
            self.sites[name].weights = weights
        self.telegram_site = Site("TELEGRAM_API", self._telegram)
        self.weather = Weather(self.sites, self.clock, self.market.shake, self.market.calm)
        self.page = ChatPage(lambda: self.telegram, self.weather, keys.USER_ID)

    def _site(self, name: str, answer: Callable[[Asked], Reply], refusal: Callable[[int], Reply]) -> Site:
        return Site(name, Standing(self.market, name, answer).handle, refusal)

    async def start(self, page_port: int = 0) -> None:
        self.telegram.dates = self.clock
        self.page.watch()
        for site in self.sites.values():
            await site.start()
        try:
            await self.telegram_site.start(page_port)
        except OSError:  # taken
            await self.telegram_site.start()

    async def close(self) -> None:
        self.page.leave()
        await self.weather.close()
        for site in (*self.sites.values(), self.telegram_site):
            await site.close()
        await self.telegram.close()

    @property
    def page_url(self) -> str:
        return f"{self.telegram_site.url}/"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that make a bot live here. WEBHOOK_URL is the bot's own affair."""
        urls = {f"{site.name}_URL": site.url for site in self.sites.values()}
        return {**urls, **keys.ENVIRON, "TELEGRAM_API_URL": self.telegram_site.url, "TELEGRAM_BOT_TOKEN": TOKEN}

    @property
    def chat_ids(self) -> str:
        """Who may ask, as TELEGRAM_CHAT_ID has it: all of the page's people but the stranger."""
        people = [person for person in self.page.people if person.name != "Stranger"]
        return ",".join(dict.fromkeys(str(each) for person in people for each in (person.user_id, person.chat_id)))

    @property
    def user_id(self) -> int:
        """Whose accounts the keys open, in Telegram; the page's user."""
        return keys.USER_ID

    def names(self, exchange: str) -> list[str]:
        """The sites of an exchange."""
        return [name for name in self.sites if name.split("_")[0] == exchange.upper()]

    async def set_fault(self, exchange: str, fault: str) -> None:
        """Switches a fault of an exchange (or one of its sites) on, or off with ""."""
        for name in self.names(exchange) or [exchange]:
            await self.sites[name].set_fault(fault)

    def set_path_fault(self, site: str, path_prefix: str, fault: str) -> None:
        """Takes away only the paths of a site that begin so; "" gives them back."""
        self.sites[site].set_path_fault(path_prefix, fault)

    def set_latency(self, latency_s: float) -> None:
        for site in self.sites.values():
            site.latency_s = latency_s

    async def _telegram(self, asked: Asked) -> Reply:
        """Everything at the page's address: the Bot API for the bot, the rest for people."""
        if asked.path.startswith("/bot"):
            return await self.telegram.handle(asked)
        return await self.page.handle(asked)


async def start(page_port: int = 0, tls: ssl.SSLContext | None = None) -> World:
    """Opens the world on loopback."""
    world = World(tls=tls)
    await world.start(page_port)
    return world


async def run_alone(page_port: int, certificate: str = "") -> None:
    """Opens the world, prints its environment as one line of JSON and where its page is, and stays until stopped.

    certificate: a file with one and its key, in PEM form; the exchanges then speak HTTPS.
    """
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    world = await start(page_port, tls)
    try:
        print(json.dumps(world.environ), flush=True)
        print(
            "Nobody answers there yet: start the bot with these variables, WEBHOOK_URL=http://127.0.0.1:8000 "
            f"and TELEGRAM_CHAT_ID={world.chat_ids}, then open the chat at\n{world.page_url}",
            flush=True,
        )
        await asyncio.Event().wait()
    finally:
        await world.close()
