"""CoinGecko as it speaks on the wire: the coins by their market value, in JSON numbers."""

from __future__ import annotations

from typing import Any

from demo.coins import STOCKS, Coin
from demo.market import Market
from demo.spelling import in_pieces, iso, number, with_floats
from demo.web import Asked, Reply, in_json

KNOWN = {  # id, name, and how many there are
    "BTC": ("bitcoin", "Bitcoin", 19.7e6), "ETH": ("ethereum", "Ethereum", 120.2e6), "SOL": ("solana", "Solana", 462e6),
    "XRP": ("ripple", "XRP", 55.6e9), "BNB": ("binancecoin", "BNB", 147.6e6), "DOGE": ("dogecoin", "Dogecoin", 144.8e9),
    "ADA": ("cardano", "Cardano", 35.7e9), "LINK": ("chainlink", "Chainlink", 587e6),
    "PEPE": ("pepe", "Pepe", 420.7e12),
    "JUP": ("jupiter-exchange-solana", "Jupiter", 1.35e9), "SUPER": ("superfarm", "SuperVerse", 480e6),
    "SYRUP": ("syrup", "Maple Finance", 1.1e9), "SHIB": ("shiba-inu", "Shiba Inu", 589e12),
    "USDC": ("usd-coin", "USDC", 33.9e9), "HYPE": ("hyperliquid", "Hyperliquid", 334e6), "OKB": ("okb", "OKB", 60e6),
    "TON": ("the-open-network", "Toncoin", 2.51e9), "AVAX": ("avalanche-2", "Avalanche", 394e6),
    "DOT": ("polkadot", "Polkadot", 1.43e9), "TRX": ("tron", "TRON", 87.2e9), "LTC": ("litecoin", "Litecoin", 74.7e6),
    "BCH": ("bitcoin-cash", "Bitcoin Cash", 19.7e6), "NEAR": ("near", "NEAR Protocol", 1.1e9),
    "UNI": ("uniswap", "Uniswap", 600e6), "ICP": ("internet-computer", "Internet Computer", 465e6),
    "APT": ("aptos", "Aptos", 464e6), "ATOM": ("cosmos", "Cosmos Hub", 391e6), "FIL": ("filecoin", "Filecoin", 565e6),
    "ARB": ("arbitrum", "Arbitrum", 3.2e9), "OP": ("optimism", "Optimism", 1.1e9), "SUI": ("sui", "Sui", 2.5e9),
    "SEI": ("sei-network", "Sei", 3e9), "INJ": ("injective-protocol", "Injective", 97e6),
    "TIA": ("celestia", "Celestia", 198e6), "WLD": ("worldcoin-wld", "Worldcoin", 280e6),
    "AAVE": ("aave", "Aave", 14.8e6),
    "MKR": ("maker", "Maker", 926e3), "LDO": ("lido-dao", "Lido DAO", 892e6),
    "CRV": ("curve-dao-token", "Curve DAO", 1.2e9), "ENA": ("ethena", "Ethena", 1.6e9),
    "PENDLE": ("pendle", "Pendle", 154e6),
    "JTO": ("jito-governance-token", "Jito", 123e6), "W": ("wormhole", "Wormhole", 1.8e9),
    "STRK": ("starknet", "Starknet", 1.3e9), "ZRO": ("layerzero", "LayerZero", 110e6),
    "ORDI": ("ordinals", "ORDI", 21e6),
    "WIF": ("dogwifcoin", "dogwifhat", 999e6), "BONK": ("bonk", "Bonk", 65e12), "FLOKI": ("floki", "FLOKI", 9.6e12),
    "MOG": ("mog-coin", "Mog Coin", 363e12), "SATS": ("sats-ordinals", "SATS (Ordinals)", 2.1e15),
    "BABYDOGE": ("baby-doge-coin", "Baby Doge Coin", 147e15), "POPCAT": ("popcat", "Popcat", 980e6),
    "NOT": ("notcoin", "Notcoin", 102e9), "HMSTR": ("hamster-kombat", "Hamster Kombat", 64e9),
    "TRB": ("tellor", "Tellor Tributes", 2.6e6), "XMR": ("monero", "Monero", 18.4e6),
    "XAUT": ("tether-gold", "Tether Gold", 246e3), "NEIRO": ("neiro-3", "Neiro", 420.7e9),
    "NEIRO eth": ("neiro-on-eth", "Neiro on ETH", 1e9), "1000CAT": ("simon-s-cat", "Simon's Cat", 6.7e12),
    "AERO": ("aerodrome-finance", "Aerodrome Finance", 640e6), "XUSD": ("straitsx-xusd", "StraitsX XUSD", 23e6),
    "FTT": ("ftx-token", "FTX", 329e6), "MEGA": ("megaeth", "MegaETH", 1.2e9),
}  # fmt: skip
TETHER = Coin("USDT", 1.0, 0.0001, 40e9, 0, 0)
IN = {"usd": "USD", "eur": "EUR", "btc": "BTC", "eth": "ETH"}


def refusal(status: int) -> Reply:
    if status == 451:
        return Reply(403, b"error code: 1020", "text/plain")
    told = "You've exceeded the Rate Limit. Please visit https://www.coingecko.com/en/api/pricing to subscribe."
    return in_json({"status": {"error_code": 429, "error_message": told}}, 429, (("Retry-After", "60"),))


class CoinGecko:
    def __init__(self, market: Market) -> None:
        self._market = market

    def handle(self, asked: Asked) -> Reply:
        if asked.path == "/api/v3/ping":
            return in_json({"gecko_says": "(V3) To the Moon!"})
        if asked.path == "/api/v3/coins/markets":
            return self._markets(asked)
        return in_json({"error": "Incorrect path. Please check https://docs.coingecko.com/"}, 404)

    def _value(self, coin: Coin) -> float:
        """All there is, in dollars of an ordinary day."""
        return coin.price / self._many(coin) * self._supply(coin)

    def _many(self, coin: Coin) -> int:
        """Of how many coins a market is whose name begins with a number."""
        return 1000 if coin.base.startswith("1000") else 1

    def _supply(self, coin: Coin) -> float:
        if coin.base == "USDT":
            return 112e9
        if coin.key in KNOWN:
            return KNOWN[coin.key][2]
        return round(40 * (coin.spot_usd + coin.perp_usd / 4) / coin.price) + 1.0

    def _names(self, coin: Coin) -> tuple[str, str]:
        if coin.base == "USDT":
            return "tether", "Tether"
        return KNOWN[coin.key][:2] if coin.key in KNOWN else (f"{coin.base.lower()}-coin", coin.base.title())

    def _markets(self, asked: Asked) -> Reply:
        word = asked.query.get("vs_currency")
        if word is None:
            return in_json({"error": "Missing parameter vs_currency"}, 422)
        quote = IN.get(word.lower())
        if quote is None:
            return in_json({"error": "invalid vs_currency"}, 422)
        rows = self._market.kept(f"coingecko {quote}", lambda: self._rows(quote))
        ids = {each.strip() for each in asked.query.get("ids", "").split(",") if each.strip()}
        symbols = {each.strip().lower() for each in asked.query.get("symbols", "").split(",") if each.strip()}
        if ids or symbols:
            rows = [row for row in rows if row[0] in ids or row[1] in symbols]
        size = max(1, min(number(asked.query.get("per_page"), 100), 250))
        begin = (max(1, number(asked.query.get("page"), 1)) - 1) * size
        reply = in_pieces("[", [text for _, _, text in rows[begin : begin + size]], "]")
        return reply._replace(headers=(("Cache-Control", "public, max-age=30"),))

    def _rows(self, quote: str) -> list[tuple[str, str, str]]:
        """id, symbol and the row of every coin, the most valuable first."""
        coins = [coin for coin in self._market.coins.values() if coin.base not in STOCKS]
        coins = sorted([*coins, TETHER], key=self._value, reverse=True)
        rows = []
        for rank, coin in enumerate(coins, 1):
            row = self._row(coin, quote, rank)
            rows.append((row["id"], row["symbol"], with_floats(row)))
        return rows

    def _row(self, coin: Coin, quote: str, rank: int) -> dict[str, Any]:
        rate, (name_id, name), supply = self._market.dollars_of(quote), self._names(coin), self._supply(coin)
        if coin.base == "USDT":
            last, before, high, low, traded = 1.0001, 1.0, 1.001, 0.999, 40e9
        else:
            day, many = self._market.day("binance", coin.key, "spot"), self._many(coin)
            last, before, high, low = (price / many for price in (day.last, day.open, day.high, day.low))
            traded = day.turnover * 2.4
        price, value = float(f"{last / rate:.9g}"), round(last * supply / rate)
        change = (last / before - 1) * 100
        return {
            "id": name_id,
            "symbol": coin.base.lower().removeprefix("1000"),
            "name": name,
            "image": f"https://assets.coingecko.com/coins/images/{rank}/large/{name_id}.png?1696501400",
            "current_price": price,
            "market_cap": value,
            "market_cap_rank": rank,
            "fully_diluted_valuation": round(value * 1.05) if rank % 9 else None,
            "total_volume": round(traded / rate),
            "high_24h": float(f"{high / rate:.9g}"),
            "low_24h": float(f"{low / rate:.9g}"),
            "price_change_24h": float(f"{(last - before) / rate:.9g}"),
            "price_change_percentage_24h": round(change, 5),
            "market_cap_change_24h": round((last - before) * supply / rate),
            "market_cap_change_percentage_24h": round(change, 5),
            "circulating_supply": supply,
            "total_supply": supply * 1.05,
            "max_supply": 21000000.0 if coin.base == "BTC" else None,
            "ath": price * 1.4,
            "ath_change_percentage": -28.57,
            "ath_date": "2024-03-14T07:10:36.635Z",
            "atl": price / 50,
            "atl_change_percentage": 4900.0,
            "atl_date": "2013-07-06T00:00:00.000Z",
            "roi": None,
            "last_updated": iso(self._market.clock()),
        }
