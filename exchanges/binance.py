"""Binance: spot, USD-M and COIN-M futures; accounts.

Prices and sizes are JSON strings, times JSON numbers in ms. Errors are told by the HTTP
status; the body is {"code": -1121, "msg": "…"}. Spot and USD-M share the spelling BTCUSDT;
COIN-M's perpetual is BTCUSD_PERP, which we call BTC-COIN. Cheap coins are traded by the
thousand on USD-M: 1000PEPEUSDT, 1MBABYDOGEUSDT. COIN-M counts contracts of so many dollars.
Source: Binance Spot REST and USD-M Futures REST documentation, 2025/2026.
Announced: nothing that ends what is asked here, as far as known in November 2026.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import compress, repeat, starmap
from typing import Any

from exchanges.around import Form
from exchanges.columns import Columns, check_prices, records
from exchanges.endpoints import (
    Budget,
    Endpoint,
    Host,
    IncomeList,
    ListEndpoint,
    PositionsEndpoint,
    Wanted,
    percent_encode,
)
from exchanges.errors import (
    BadResponse,
    Blocked,
    ClockWrong,
    Declined,
    MarketError,
    NotSupported,
    NotTraded,
    RateLimited,
    Reason,
    Refused,
    Unavailable,
    UnknownSymbol,
    WrongMarket,
    unexplained,
)
from exchanges.exchange import AccountExchange
from exchanges.finite import MAX_PERIOD_H, Bounded
from exchanges.reading import (
    LATEST_MS,
    At,
    AtOnce,
    Odd,
    Row,
    are_names,
    change_pct,
    code_in,
    in_coins,
    is_name,
    load,
    load_figures,
    per_coin,
    read_candles,
    rows_in,
    rows_of,
    sole,
)
from exchanges.symbols import are_of_many, coin_symbol, listing
from exchanges.timed import timed_rows
from exchanges.words import (
    COIN,
    DOLLARS,
    INTERVALS,
    WINDOW_MS,
    Balance,
    Book,
    Candles,
    Funding,
    Income,
    Key,
    Listing,
    OpenInterest,
    Page,
    Paid,
    Position,
    Ratio,
    Signed,
    Snapshot,
    Ticker,
)

ID = "binance"
SPOT = Host("BINANCE_SPOT", ID, "https://api.binance.com", "https://testnet.binance.vision")
USDM = Host("BINANCE_USDM", ID, "https://fapi.binance.com", "https://demo-fapi.binance.com")
COINM = Host("BINANCE_COINM", ID, "https://dapi.binance.com", "https://demo-dapi.binance.com")
OLD_PRICE_MS = 3_600_000  # a contract that has not traded for so long is no longer listed, or is as good as that
SPOT_WEIGHT = Budget("binance spot weight", 6000, 60, is_told=True)
USDM_WEIGHT = Budget("binance USD-M weight", 2400, 60, is_told=True)
COINM_WEIGHT = Budget("binance COIN-M weight", 2400, 60, is_told=True)
FUNDING_REQUESTS = Budget("binance funding requests", 500, 300)
STATISTICS_REQUESTS = Budget("binance futures statistics", 1000, 300)
LIST_QUOTES = ("USDT", "USDC")  # by which the lists, which do not separate, are read; all of four letters
IN_DOLLARS = Wanted(b"symbol", tuple([each.encode() for each in LIST_QUOTES]))  # a fifth of the spot markets
RECV_WINDOW_MS = 5000
INCOME_ROWS = 1000
REFUSALS = {
    -1022: Reason.SIGNATURE_WRONG,
    -2008: Reason.KEY_UNKNOWN,
    -2014: Reason.KEY_OF_OTHER_FORM,
    -2015: Reason.KEY_OR_ADDRESS_REFUSED,
}
DAY_MS = 86_400_000
FUNDING_INTERVAL_H = 8.0  # of a contract that fundingInfo does not name


BY_MANY = {each: f"1000{each}" for each in ("SHIB", "PEPE", "BONK", "FLOKI", "SATS", "LUNC", "XEC", "RATS", "CAT")} | {
    "BABYDOGE": "1MBABYDOGE"
}


def native(of: Listing) -> str:
    """BTCUSDT for BTC-USDT, 1000PEPEUSDT for 1000PEPE-USDT, BTCUSD_PERP for BTC-COIN."""
    base, _, quote = of.listed.partition("-")
    return f"{base}USD_PERP" if quote == COIN else base + quote


def _name(of: Listing) -> str:
    """The native symbol in a query."""
    return percent_encode(native(of))


def symbol_of(native_symbol: object) -> str | None:
    """BTC-USDT for BTCUSDT; None for other quotes and for dated futures."""
    if not isinstance(native_symbol, str) or native_symbol[-4:] not in LIST_QUOTES or not is_name(native_symbol):
        return None  # most often for its ending: there are 3,000 on spot
    base = native_symbol[:-4]
    return f"{base}-{native_symbol[-4:]}" if base else None


class Binance(AccountExchange):
    """Three sites, of one weight each. Coin-margined candles and ratios are not asked: they count contracts."""

    id = ID
    name = "Binance"
    hosts = (SPOT, USDM, COINM)
    quotes = {"spot": ("USDT", "USDC"), "perp": ("USDT", "USDC", COIN)}
    multiplied = ("spot", "perp")
    by_many = {"perp": BY_MANY, "spot": {"CAT": "1000CAT", "CHEEMS": "1000CHEEMS"}}
    intervals = {"spot": {each: each for each in INTERVALS}, "perp": {each: each for each in INTERVALS}}
    max_candles = {"spot": 1000, "perp": 1500}
    tells = {
        "candles": ("spot", "USDT", "USDC"),
        "flow": ("spot", "USDT", "USDC"),
        "open_interest_history": ("USDT", "USDC", COIN),
        "ratios": ("USDT", "USDC"),
        "funding_history": ("USDT", "USDC", COIN),
    }
    forms = {
        "candles": Form(b"[", b"]", b"[%d,"),
        "open_interest_history": Form(b"{", b"}", b'"timestamp":%d'),
    }
    told_in = {"perp": "funding"}
    unnamed = {"spot": ("candles",), "perp": ("candles",)}
    has_takers_in_candles = True
    streams_liquidations = True

    def spot(self, of: Listing) -> Endpoint[Ticker]:
        """GET /api/v3/ticker/24hr, weight 2; figures are per coin."""
        target = f"/api/v3/ticker/24hr?symbol={_name(of)}"
        parse = partial(parse_ticker, of=of)
        return Endpoint(SPOT, target, parse, explain, SPOT_WEIGHT, 2)

    def perp(self, of: Listing) -> dict[str, Endpoint[Snapshot]]:
        """24 h ticker, open interest and funding of a perpetual, weight 1 each (funding on COIN-M: 10)."""
        if of.quote == COIN:
            return _coin_margined(of)
        name = _name(of)

        def ask(path: str, parse: Callable[[bytes], Snapshot]) -> Endpoint[Snapshot]:
            return Endpoint(USDM, f"/fapi/v1/{path}?symbol={name}", parse, explain, USDM_WEIGHT)

        return {
            "ticker": ask("ticker/24hr", partial(parse_perp, of=of)),
            "open_interest": ask("openInterest", partial(parse_open_interest, of=of)),
            "funding": ask("premiumIndex", partial(parse_funding, of=of)),
        }

    def book(self, of: Listing) -> Endpoint[Book] | None:
        """GET ticker/bookTicker of a USD-M perpetual, weight 2: its 24 h ticker has no bid and ask."""
        if of.kind == "spot" or of.quote == COIN:
            return None
        target = f"/fapi/v1/ticker/bookTicker?symbol={_name(of)}"
        return Endpoint(USDM, target, partial(parse_book, of=of), explain, USDM_WEIGHT, 2)

    def contract_size(self, of: Listing, question: str) -> Endpoint[float] | None:
        """Dollars of one contract, 100 or 10, of the "perp" question for a COIN-M symbol; others need none."""
        if question != "perp" or of.quote != COIN:
            return None
        parse = partial(parse_contract_size, listed=native(of))
        return Endpoint(COINM, "/dapi/v1/exchangeInfo", parse, explain, COINM_WEIGHT, part=of.listed)

    def symbols(self, kind: str) -> ListEndpoint[str]:
        """Every symbol quoted in USDT or USDC, from the list of last prices (spot weight 4, USD-M 2)."""
        if kind == "spot":
            price = "/api/v3/ticker/price"
            return ListEndpoint(SPOT, price, (), parse_symbol, explain, SPOT_WEIGHT, 4, wanted=IN_DOLLARS)
        return ListEndpoint(USDM, "/fapi/v1/ticker/price", (), parse_symbol, explain, USDM_WEIGHT, 2)

    def prices(self, kind: str, now_ms: int) -> ListEndpoint[tuple[str, float | None]]:
        """The lists of last prices: a fifth of the tickers' bytes, and a twentieth of their weight."""
        if kind == "spot":
            spot_row = partial(parse_price_row, kind=kind)
            return ListEndpoint(SPOT, "/api/v3/ticker/price", (), spot_row, explain, SPOT_WEIGHT, 4)
        row = partial(parse_price_row, since_ms=now_ms - OLD_PRICE_MS)
        return ListEndpoint(USDM, "/fapi/v2/ticker/price", (), row, explain, USDM_WEIGHT, 2)

    def tickers(self, kind: str, now_ms: int) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
        """All markets in dollars: of spot the short tickers (1 MB, weight 80); of perpetuals also the funding.

        There is no list of open interest.
        """
        if kind == "spot":
            target = "/api/v3/ticker/24hr?type=MINI"
            return {"ticker": ListEndpoint(SPOT, target, (), SPOT_TICKERS, explain, SPOT_WEIGHT, 80, wanted=IN_DOLLARS)}
        return {
            "ticker": ListEndpoint(USDM, "/fapi/v1/ticker/24hr", (), PERP_TICKERS, explain, USDM_WEIGHT, 40),
            "funding": ListEndpoint(USDM, "/fapi/v1/premiumIndex", (), FUNDINGS, explain, USDM_WEIGHT, 10),
        }

    def funding_intervals(self, quote: str) -> tuple[ListEndpoint[tuple[str, float]], float]:
        """fundingInfo names the contracts whose period was changed; all others have 8 hours."""
        host, path = (COINM, "/dapi/v1") if quote == COIN else (USDM, "/fapi/v1")
        changed = ListEndpoint(host, f"{path}/fundingInfo", (), parse_funding_interval, explain, FUNDING_REQUESTS)
        return changed, FUNDING_INTERVAL_H

    def candles(self, of: Listing, interval: str, n: int, now_ms: int, end_ms: int | None = None) -> Endpoint[Candles]:
        """GET klines, with what takers bought."""
        parse = partial(parse_candles, of=of, interval=interval)
        query = f"symbol={_name(of)}&interval={interval}&limit={n}" + (f"&endTime={end_ms - 1}" if end_ms else "")
        if of.kind == "spot":
            return Endpoint(SPOT, f"/api/v3/klines?{query}", parse, explain, SPOT_WEIGHT, 2)
        weight = 1 if n < 100 else 2 if n < 500 else 5 if n <= 1000 else 10
        return Endpoint(USDM, f"/fapi/v1/klines?{query}", parse, explain, USDM_WEIGHT, weight)

    def open_interest_history(
        self, of: Listing, n: int, now_ms: int = 0, step: str = "1h"
    ) -> Endpoint[list[tuple[int, float]]]:
        """(ms, base coins), oldest first; at most 500."""
        if of.quote == COIN:
            query = f"pair={percent_encode(of.base)}USD&contractType=PERPETUAL&period={step}&limit={n}"
            parse = partial(parse_open_interest_history, of=of, key="sumOpenInterestValue")
            return Endpoint(COINM, f"/futures/data/openInterestHist?{query}", parse, explain, COINM_WEIGHT)
        query = f"symbol={_name(of)}&period={step}&limit={n}"
        parse = partial(parse_open_interest_history, of=of, key="sumOpenInterest")
        return Endpoint(USDM, f"/futures/data/openInterestHist?{query}", parse, explain, STATISTICS_REQUESTS)

    def ratios(self, of: Listing, n: int, now_ms: int = 0) -> list[Endpoint[dict[str, list[Ratio]]]]:
        """Of all accounts; of the largest fifth, by accounts and by size."""

        def ask(path: str, what: str) -> Endpoint[dict[str, list[Ratio]]]:
            target = f"/futures/data/{path}?symbol={_name(of)}&period=1h&limit={n}"
            return Endpoint(USDM, target, partial(parse_ratios, of=of, what=what), explain, STATISTICS_REQUESTS)

        return [
            ask("globalLongShortAccountRatio", "accounts"),
            ask("topLongShortAccountRatio", "top accounts"),
            ask("topLongShortPositionRatio", "top positions"),
        ]

    def funding_history(self, of: Listing, since_ms: int, now_ms: int) -> Callable[[str], Endpoint[Page[Paid]]]:
        """A thousand at most, which is more than 30 days of hours."""

        def paid(cursor: str) -> Endpoint[Page[Paid]]:
            query = f"symbol={_name(of)}&startTime={since_ms}&limit=1000"
            parse = partial(parse_paid, of=of)
            if of.quote == COIN:
                return Endpoint(COINM, f"/dapi/v1/fundingRate?{query}", parse, explain, COINM_WEIGHT)
            return Endpoint(USDM, f"/fapi/v1/fundingRate?{query}", parse, explain, FUNDING_REQUESTS)

        return paid

    def sign(self, endpoint: Endpoint[Any], key: Key, now_ms: int) -> Signed:
        """The hex HMAC-SHA256 of the query as it is sent, which goes last; the key in a header."""
        path, _, query = endpoint.target.partition("?")
        query = f"{query}&" * bool(query) + f"recvWindow={RECV_WINDOW_MS}&timestamp={now_ms}"
        signature = hmac.new(key.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        return Signed(f"{path}?{query}&signature={signature}", {"x-mbx-apikey": key.api_key})

    def time(self) -> Endpoint[int]:
        """GET /api/v3/time: the exchange's clock, ms."""
        return Endpoint(SPOT, "/api/v3/time", parse_time, explain, SPOT_WEIGHT)

    def balances(self) -> list[Endpoint[list[Balance]]]:
        """Spot, USD-M and COIN-M wallets."""
        return [
            Endpoint(SPOT, "/api/v3/account?omitZeroBalances=true", parse_spot_balances, explain, SPOT_WEIGHT, 20),
            Endpoint(USDM, "/fapi/v3/balance", parse_futures_balances, explain, USDM_WEIGHT, 5),
            Endpoint(COINM, "/dapi/v1/balance", parse_futures_balances, explain, COINM_WEIGHT),
        ]

    def positions(self) -> list[PositionsEndpoint]:
        """USD-M and COIN-M positions. Each is completed by a second answer: margins, contract sizes."""
        return [
            PositionsEndpoint(
                Endpoint(USDM, "/fapi/v3/positionRisk", partial(load, ID), explain, USDM_WEIGHT, 5),
                Endpoint(USDM, "/fapi/v3/account", partial(load, ID), explain, USDM_WEIGHT, 5),
                parse_usdm_positions,
            ),
            PositionsEndpoint(
                Endpoint(COINM, "/dapi/v1/positionRisk", partial(load, ID), explain, COINM_WEIGHT),
                ListEndpoint(COINM, "/dapi/v1/exchangeInfo", ("symbols",), parse_contract, explain, COINM_WEIGHT),
                parse_coinm_positions,
            ),
        ]

    def income(self, since_ms: int, now_ms: int) -> list[IncomeList]:
        """What was realised, paid and received on USD-M and COIN-M; a page is 1000 rows, oldest first.

        Today, the six days before and what was before them are asked apart: however many rows a month has, the
        newest are there.
        """

        def ask(host: Host, path: str, weight: int, begin: int, end: int, cursor: str) -> Endpoint[Page[Income]]:
            target = f"{path}?startTime={cursor or begin}&endTime={end}&limit={INCOME_ROWS}"
            parse = partial(parse_income, begin_ms=begin, end_ms=end)
            return Endpoint(host, target, parse, explain, USDM_WEIGHT if host is USDM else COINM_WEIGHT, weight)

        today_ms = now_ms - now_ms % DAY_MS
        edges = sorted({since_ms, max(since_ms, now_ms - WINDOW_MS), max(since_ms, today_ms)})
        windows = list(zip(edges, [*(edge - 1 for edge in edges[1:]), now_ms], strict=True))
        sites = ((USDM, "/fapi/v1/income", 30), (COINM, "/dapi/v1/income", 20))
        asks = [partial(ask, *site, *window) for site in sites for window in reversed(windows)]
        return [IncomeList(("realised", "funding", "fee"), each) for each in asks]

    def rights(self) -> Endpoint[bool]:
        """Whether the key can do more than read."""
        return Endpoint(SPOT, "/sapi/v1/account/apiRestrictions", parse_rights, explain, SPOT_WEIGHT)


def _coin_margined(of: Listing) -> dict[str, Endpoint[Snapshot]]:
    name = _name(of)

    def ask(path: str, parse: Callable[[bytes], Snapshot], weight: int = 1) -> Endpoint[Snapshot]:
        return Endpoint(COINM, f"/dapi/v1/{path}?symbol={name}", parse, explain, COINM_WEIGHT, weight)

    return {
        "ticker": ask("ticker/24hr", partial(parse_coinm_ticker, of=of)),
        "open_interest": ask("openInterest", partial(parse_coinm_open_interest, of=of)),
        "funding": ask("premiumIndex", partial(parse_coinm_funding, of=of), 10),
    }


OF_SPOT_ONLY = "prevClosePrice"  # a perpetual's ticker has none; what it has, spot's has too
NOT_IN_SHORT = "priceChangePercent"  # a perpetual's ticker has it; spot's with type=MINI tells where the day began


def parse_ticker(body: bytes, of: Listing) -> Ticker:
    """The last 24 hours, spot or USD-M.

        {"symbol": "BTCUSDT", "lastPrice": "118449.03", "priceChangePercent": "-0.159",
         "bidPrice": "118449.02", "askPrice": …, "highPrice": …, "lowPrice": …,
         "volume": "14741.41", "quoteVolume": "1744744445.80", "closeTime": 1753787874013}

    priceChangePercent is a percent already; volume is in base, quoteVolume in quote. USD-M has
    no bidPrice and askPrice. A market that never traded has lastPrice "0".
    """
    return _ticker(Row.of(ID, body).must_be("symbol", native(of)), of)


def _ticker(row: Row, of: Listing) -> Ticker:
    if row.needed("lastPrice") == 0:
        raise NotTraded(ID, f"{of.listed} has no trades")
    ticker = Ticker(
        exchange=ID,
        symbol=of.listed,
        last=row.needed_price("lastPrice"),
        bid=row.price("bidPrice"),
        ask=row.price("askPrice"),
        high=row.price("highPrice"),
        low=row.price("lowPrice"),
        change_pct=row.number("priceChangePercent"),
        base_volume=row.number("volume"),
        quote_volume=row.number("quoteVolume"),
        time_ms=row.moment("closeTime"),
    )
    return ticker if of.multiplier == 1 else _per_coin(ticker, of.multiplier)


def _per_coin(ticker: Ticker, multiplier: int) -> Ticker:
    """The ticker of a contract on many coins, its figures per coin."""
    return ticker._replace(
        last=ticker.last / multiplier,
        bid=per_coin(ticker.bid, multiplier),
        ask=per_coin(ticker.ask, multiplier),
        high=per_coin(ticker.high, multiplier),
        low=per_coin(ticker.low, multiplier),
        base_volume=in_coins(ticker.base_volume, multiplier),
    )


def parse_ticker_row(row: Row, kind: str = "perp") -> tuple[str, Snapshot] | None:
    """A ticker of the list, under its coin's symbol; None for other quotes, nothing of what does not trade."""
    listed = symbol_of(row.get("symbol"))
    if listed is None:
        return None
    if not row.number("lastPrice") or not row.number("quoteVolume"):
        return listed, Snapshot()
    ticker = _ticker(row, listing(kind, listed))
    if kind == "spot":
        row.must_lack(NOT_IN_SHORT)
        change = change_pct(row.needed_price("lastPrice"), row.price("openPrice"))
    else:
        change = row.must_lack(OF_SPOT_ONLY).needed(NOT_IN_SHORT)
    return ticker.symbol, Snapshot(ticker._replace(change_pct=change))


def parse_ticker_rows(rows: Sequence[Any], kind: str = "perp") -> list[tuple[str, Snapshot]]:
    """As parse_ticker_row, of many rows at once: each figure is held against its bounds as it is read. Raises Odd."""
    listed, markets = _in_dollars(rows)
    lasts, volumes = markets.numbers("lastPrice"), markets.numbers("quoteVolume", at_least=0.0)
    trades = list(map(all, zip(lasts, volumes, strict=True)))
    names, listed, markets = listed, list(compress(listed, trades)), markets.where(trades)
    last, volumes = list(filter(None, compress(lasts, trades))), list(compress(volumes, trades))
    check_prices("lastPrice", last)
    if kind == "spot":
        changes: Iterable[float | None] = map(change_pct, last, markets.must_lack(NOT_IN_SHORT).prices("openPrice"))
    else:
        changes = markets.must_lack(OF_SPOT_ONLY).needed(NOT_IN_SHORT, at_least=-100.0)
    tickers = records(
        Ticker,
        repeat(ID),
        listed,
        last,
        markets.prices("bidPrice"),
        markets.prices("askPrice"),
        markets.prices("highPrice"),
        markets.prices("lowPrice"),
        changes,
        markets.numbers("volume", at_least=0.0),
        volumes,
        markets.moments("closeTime"),
    )
    found = Bounded(zip(listed, records(Snapshot, tickers, repeat(None), repeat(None)), strict=True))
    for i, is_of_many in enumerate(are_of_many(listed)):
        if is_of_many:
            found[i] = listed[i], Snapshot(_per_coin(tickers[i], coin_symbol(listed[i])[1]))
    if len(found) == len(names):
        return found
    told, nothing = iter(found), Snapshot()
    return Bounded(
        [next(told) if does_trade else (each, nothing) for each, does_trade in zip(names, trades, strict=True)]
    )


def _in_dollars(rows: Sequence[Any]) -> tuple[list[str], Columns]:
    """The markets among the rows, by their symbols; see symbol_of. Raises Odd."""
    markets = Columns(ID, rows)
    names = markets.texts("symbol")
    are_listed = [each.endswith(LIST_QUOTES) and len(each) > 4 for each in names]
    listed = list(compress(names, are_listed))
    if not are_names(listed):
        raise Odd("symbol")
    told = " ".join([*listed, ""])  # no name has a blank: each ends where one stands
    for quote in LIST_QUOTES:
        told = told.replace(f"{quote} ", f"-{quote} ")
    return told.split(), markets.where(are_listed)


def parse_perp(body: bytes, of: Listing) -> Snapshot:
    """The ticker of a perpetual. Spot of the same name has the close before; asked of spot, it is not told apart."""
    row = Row.of(ID, body).must_be("symbol", native(of)).must_lack(OF_SPOT_ONLY)
    return Snapshot(ticker=_ticker(row, of))


def parse_book(body: bytes, of: Listing) -> Book:
    """{"symbol": "BTCUSDT", "bidPrice": "4.0000", "bidQty": "431.0", "askPrice": "4.0002", "askQty": "9.0", "time": …}

    "0" where nobody bids or asks. Spot's has no time.
    """
    row = Row.of(ID, body).must_be("symbol", native(of))
    if row.get("time") is None:
        raise WrongMarket(ID, "a book without time is of the other kind of market")
    return Book(per_coin(row.price("bidPrice"), of.multiplier), per_coin(row.price("askPrice"), of.multiplier))


def parse_open_interest(body: bytes, of: Listing) -> Snapshot:
    """{"openInterest": "10659.509", "symbol": "BTCUSDT", "time": 1589437530011}: base coins, one side."""
    row = Row.of(ID, body).must_be("symbol", native(of))
    return Snapshot(open_interest=OpenInterest(row.needed("openInterest") * of.multiplier, None))


def parse_funding(body: bytes, of: Listing) -> Snapshot:
    """Funding and mark price.

        {"symbol": "BTCUSDT", "markPrice": "11793.63", "indexPrice": "11781.80",
         "lastFundingRate": "0.00038246", "nextFundingTime": 1597392000000, "time": …}

    lastFundingRate is the estimate to be paid at nextFundingTime, a fraction. It is "" and 0 on
    contracts that pay none. The period is not told here: see funding_intervals.
    """
    return Snapshot(funding=_funding(Row.of(ID, body).must_be("symbol", native(of)), of))


def _funding(row: Row, of: Listing) -> Funding:
    rate = row.needed("lastFundingRate")
    mark = per_coin(row.price("markPrice"), of.multiplier)
    return Funding(rate, None, row.whole("nextFundingTime"), mark)


def parse_funding_row(row: Row) -> tuple[str, Snapshot] | None:
    """Funding of the list, under its coin's symbol."""
    listed = symbol_of(row.get("symbol"))
    if listed is None or row.number("lastFundingRate") is None:
        return None
    of = listing("perp", listed)
    return of.listed, Snapshot(funding=_funding(row, of))


def parse_funding_rows(rows: Sequence[Any]) -> list[tuple[str, Snapshot]]:
    """As parse_funding_row, of many rows at once. Raises Odd."""
    listed, markets = _in_dollars(rows)
    pays = [rate is not None for rate in markets.numbers("lastFundingRate")]
    listed, markets = list(compress(listed, pays)), markets.where(pays)
    rates, due_ms = markets.needed("lastFundingRate"), markets.wholes("nextFundingTime")
    told = zip(listed, markets.prices("markPrice"), are_of_many(listed), strict=True)
    marks = [per_coin(mark, coin_symbol(symbol)[1]) if is_of_many else mark for symbol, mark, is_of_many in told]
    fundings = records(Funding, rates, repeat(None), due_ms, marks, repeat(False))
    return list(zip(listed, records(Snapshot, repeat(None), repeat(None), fundings), strict=True))


SPOT_TICKERS = AtOnce(partial(parse_ticker_row, kind="spot"), partial(parse_ticker_rows, kind="spot"))
PERP_TICKERS = AtOnce(parse_ticker_row, parse_ticker_rows)
FUNDINGS = AtOnce(parse_funding_row, parse_funding_rows)


def parse_coinm_ticker(body: bytes, of: Listing) -> Snapshot:
    """[{"symbol": "BTCUSD_PERP", "lastPrice": "38215.0", "volume": "81990451", "baseVolume": "214549.95", …}]

    Always an array. volume counts CONTRACTS, baseVolume coins; the turnover in dollars is contracts x their size.
    """
    rows = load(ID, body)
    if not isinstance(rows, list) or not rows:
        raise _no_row(rows, of)
    row = sole(ID, rows, "symbol").must_be("symbol", native(of))
    contracts = row.number("volume")
    turnover = None if contracts is None or of.contract_size is None else contracts * of.contract_size
    ticker = _ticker(Row(ID, {**row.json, "quoteVolume": None}), of)
    return Snapshot(ticker._replace(base_volume=row.number("baseVolume"), quote_volume=turnover))


def parse_coinm_open_interest(body: bytes, of: Listing) -> Snapshot:
    """{"openInterest": "15004", "symbol": "BTCUSD_PERP", …}: CONTRACTS; in dollars they are worth their size.

    The coins are the dollars over the mark price, which is told with the funding (market.py completes them).
    """
    contracts = Row.of(ID, body).must_be("symbol", native(of)).needed("openInterest")
    if of.contract_size is None:
        raise BadResponse(ID, "the contract's size is not known")
    return Snapshot(open_interest=OpenInterest(None, contracts * of.contract_size))


def parse_coinm_funding(body: bytes, of: Listing) -> Snapshot:
    """As parse_funding, but always an array."""
    rows = load(ID, body)
    if not isinstance(rows, list) or not rows:
        raise _no_row(rows, of)
    return Snapshot(funding=_funding(sole(ID, rows, "symbol").must_be("symbol", native(of)), of))


def _no_row(rows: object, of: Listing) -> MarketError:
    return UnknownSymbol(ID, f"no row for {of.listed}") if rows == [] else BadResponse(ID, "the answer is no list")


def parse_contract_size(body: bytes, listed: str) -> float:
    """{"symbols": [{"symbol": "BTCUSD_PERP", "contractSize": 100, …}, …]}: COIN-M's contract list."""
    rows = [row.json for row in Row.of(ID, body).rows("symbols") if row.get("symbol") == listed]
    if not rows:
        raise UnknownSymbol(ID, f"{listed} is not in the contract list")
    return sole(ID, rows, "symbol").needed_price("contractSize")


def parse_candles(body: bytes, of: Listing, interval: str) -> Candles:
    """[[1499040000000, "0.0163", "0.80", "0.0157", "0.0157", "148976.1", 1499644799999, "2434.1", 308, "1756.8", …], …]

    Open time, open, high, low, close, volume, close time, quote volume, trades, TAKER BUY volume, …; volumes in
    base coins but for index 7. Oldest first; the last one may be running. The market is not told.
    """
    return read_candles(ID, of, INTERVALS[interval], load_figures(ID, body), At(0, 1, 2, 3, 4, 5, 7, 9))


def parse_open_interest_history(body: bytes, of: Listing, key: str) -> list[tuple[int, float]]:
    """[{"sumOpenInterest": "20403.6", "sumOpenInterestValue": "150570784.0", "timestamp": 1583127900000}, …]

    USD-M: sumOpenInterest counts base coins. COIN-M: contracts, but sumOpenInterestValue base coins.
    """
    if not (found := timed_rows(ID, load(ID, body), "timestamp", key, stated=_stated(of))):
        raise NotSupported(ID, "no history of open interest", Reason.NO_OPEN_INTEREST_HISTORY_OF_IT)
    if of.multiplier != 1:
        found = [(time_ms, coins * of.multiplier) for time_ms, coins in found]
    found.sort()
    return found


def parse_ratios(body: bytes, of: Listing, what: str) -> dict[str, list[Ratio]]:
    """[{"longShortRatio": "1.4342", "longAccount": "0.5891", "shortAccount": "0.4108", "timestamp": 1583139600000}, …]

    The position ratio's shares have the same names on USD-M.
    """
    rows = timed_rows(ID, load(ID, body), "timestamp", "longAccount", stated=_stated(of), is_share=True)
    return {what: sorted(starmap(Ratio, rows))}


def _stated(of: Listing) -> tuple[str, str]:
    """What a row of statistics says of its market: its symbol; of COIN-M its pair, BTCUSD."""
    return ("pair", f"{of.base}USD") if of.quote == COIN else ("symbol", native(of))


def _of_market(row: Row, of: Listing) -> Row:
    return row.must_be(*_stated(of))


def parse_symbol(row: Row) -> str | None:
    """{"symbol": "BTCUSDT", "price": "118449.03", …} of a list of last prices."""
    return symbol_of(row.get("symbol"))


def parse_price_row(row: Row, kind: str = "perp", since_ms: int = 0) -> tuple[str, float | None] | None:
    """{"symbol": "BTCUSDT", "price": "118449.03", "time": 1753787874013}, per coin; no price where it is an old one.

    None for other quotes; spot tells no time.
    """
    listed = symbol_of(row.get("symbol"))
    if listed is None:
        return None
    of, is_old = listing(kind, listed), (row.number("time") or since_ms) < since_ms
    return of.listed, None if is_old else per_coin(row.price("price"), of.multiplier)


def parse_funding_interval(row: Row) -> tuple[str, float] | None:
    """{"symbol": "BLZUSDT", "fundingIntervalHours": 8, …}, under the contract's own symbol."""
    listed = row.get("symbol")
    coin = listed.removesuffix("USD_PERP") if is_name(listed) else ""
    symbol = f"{coin}-{COIN}" if coin and coin != listed else symbol_of(listed)
    hours = row.needed("fundingIntervalHours")
    if not 0 < hours <= MAX_PERIOD_H:
        raise BadResponse(ID, f"a funding period of {hours:g} h")
    return (symbol, hours) if symbol else None


# Accounts.


def parse_time(body: bytes) -> int:
    """{"serverTime": 1499827319559}"""
    return Row.of(ID, body).moment("serverTime")


def parse_spot_balances(body: bytes) -> list[Balance]:
    """{"balances": [{"asset": "BTC", "free": "1.5", "locked": "0.5"}]}"""
    rows = Row.of(ID, body).rows("balances")
    return [Balance(row.name("asset"), row.needed("free"), row.needed("locked")) for row in rows]


def parse_futures_balances(body: bytes) -> list[Balance]:
    """[{"asset": "USDT", "balance": "122607.35", "availableBalance": "23.72", …}], USD-M and COIN-M.

    In multi-assets mode availableBalance counts the collateral of all assets, so that it is above zero
    even for an asset of which there is nothing: it is never more free than there is.
    """
    found = []
    for row in rows_of(ID, body):
        total = row.needed("balance")
        free = min(max(0.0, row.needed("availableBalance")), max(0.0, total))
        found.append(Balance(row.name("asset"), free, total - free))
    return found


def parse_usdm_positions(risks: Any, account: Any) -> list[Position]:
    """Held USD-M positions, both sides in hedge mode.

    risks answers /fapi/v3/positionRisk, account /fapi/v3/account, both already read:
        [{"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "-0.001", "entryPrice": "22185.2",
          "markPrice": …, "unRealizedProfit": …, "liquidationPrice": "0", "notional": "-21.1"}]
        {"positions": [{"symbol": "BTCUSDT", "positionSide": "BOTH", "positionInitialMargin": "5.2"}]}
    positionAmt is signed in one-way mode; liquidationPrice "0" is none. The leverage is told by neither:
    it is notional over positionInitialMargin, which positionRisk v3 tells; initialMargin holds that of open orders
    too. Contracts on many coins (1000PEPE) are counted per contract. The notional is in what the contract is quoted
    in: of ETHBTC in BTC.
    """
    margins = {}
    if isinstance(account, dict):
        for row in rows_in(ID, account.get("positions")):
            margins[row.name("symbol"), str(row.get("positionSide"))] = _margin(row)
    found = []
    for row in rows_in(ID, risks):
        amount = row.needed("positionAmt")
        if not amount:
            continue
        symbol, notional = row.name("symbol"), row.number("notional")
        margin = row.number("positionInitialMargin") or margins.get((symbol, str(row.get("positionSide")))) or None
        pnl = row.number("unRealizedProfit")
        name = symbol.partition("_")[0]
        quote = next((each for each in LIST_QUOTES if name.endswith(each)), "")
        asset = row.name("marginAsset") if row.get("marginAsset") else quote or "USDT"
        value = None if notional is None else abs(notional)
        is_in_dollars = name.endswith(DOLLARS)
        found.append(
            Position(
                symbol=symbol,
                base=name.removesuffix(quote or asset),  # the margin may be in another asset, such as BNFCR
                side=_side(row, amount),
                size=abs(amount),
                notional=value if is_in_dollars else None,
                entry=row.price("entryPrice"),
                mark=row.price("markPrice"),
                liquidation=row.price("liquidationPrice"),
                leverage=value / margin if value and margin else row.number("leverage"),
                margin=margin,
                asset=asset,
                pnl=pnl,
                pnl_pct=pnl / margin * 100 if pnl is not None and margin else None,
                worth=value if not is_in_dollars and name.endswith(asset) else None,
            )
        )
    return found


def _margin(row: Row) -> float | None:
    """What a position needs by itself, where the account's answer tells it apart from what open orders need."""
    margin, of_orders = row.number("positionInitialMargin"), row.number("openOrderInitialMargin")
    whole = row.number("initialMargin")
    if margin is not None or whole is None:
        return margin
    return max(0.0, whole - (of_orders or 0.0))


def parse_contract(row: Row) -> tuple[str, float] | None:
    """{"symbol": "BTCUSD_PERP", "contractSize": 100, …}: dollars of one COIN-M contract."""
    size = row.number("contractSize")
    return (row.name("symbol"), size) if size else None


def parse_coinm_positions(risks: Any, contracts: Any) -> list[Position]:
    """Held COIN-M positions; the answer has every symbol, most with nothing.

        [{"symbol": "BTCUSD_PERP", "positionAmt": "1", "entryPrice": "11707.7", "markPrice": "11788.6",
          "unRealizedProfit": "0.00005866", "leverage": "125", "liquidationPrice": …, "positionSide": "LONG",
          "notionalValue": "0.00848273"}]

    positionAmt counts contracts, unRealizedProfit and notionalValue the coin. contracts: dollars of one contract, by
    symbol; without them the size is notionalValue, at the mark price.
    """
    sizes = contracts if isinstance(contracts, dict) else {}
    found = []
    for row in rows_in(ID, risks):
        amount = row.needed("positionAmt")
        if not amount:
            continue
        symbol, mark = row.name("symbol"), row.price("markPrice")
        base = symbol.partition("USD")[0]
        each, leverage = sizes.get(symbol), row.number("leverage")
        coins = abs(row.number("notionalValue") or 0.0) or None
        notional = abs(amount) * each if each else coins * mark if coins and mark else None
        size = notional / mark if notional is not None and mark else coins
        margin = size / leverage if size is not None and leverage else None
        pnl = row.number("unRealizedProfit")
        found.append(
            Position(
                symbol=symbol,
                base=base,
                side=_side(row, amount),
                size=size,
                notional=notional,
                entry=row.price("entryPrice"),
                mark=mark,
                liquidation=row.price("liquidationPrice"),
                leverage=leverage,
                margin=margin,
                asset=base,
                pnl=pnl,
                pnl_pct=pnl / margin * 100 if pnl is not None and margin else None,
                worth=size if notional is None else None,
            )
        )
    return found


def _side(row: Row, amount: float) -> str:
    side = row.get("positionSide")
    return str(side).lower() if side in ("LONG", "SHORT") else "long" if amount > 0 else "short"


def parse_income(body: bytes, begin_ms: int = 0, end_ms: int = LATEST_MS) -> Page[Income]:
    """[{"incomeType": "COMMISSION", "income": "-0.01", "asset": "USDT", "time": 1570636800000, …}], oldest first.

    Other types, such as TRANSFER, are nobody's profit. Many rows may be of one millisecond: those of the last one of a
    full page are read with the next page, which begins at it. Rows of other times than was asked for are not counted.
    """
    kinds = {"REALIZED_PNL": "realised", "FUNDING_FEE": "funding", "COMMISSION": "fee"}
    rows = rows_of(ID, body)
    cursor = ""
    if len(rows) >= INCOME_ROWS:
        last_ms = rows[-1].moment("time")
        before = [row for row in rows if row.moment("time") < last_ms]
        rows, cursor = before or rows, str(last_ms if before else last_ms + 1)
    found = [
        Income(row.moment("time"), kinds[what], row.name("asset"), row.needed("income"))
        for row in rows
        if (what := row.name("incomeType")) in kinds and begin_ms <= row.moment("time") <= end_ms
    ]
    return Page(found, cursor, end_ms + 1)


def parse_rights(body: bytes) -> bool:
    """{"enableReading": true, "enableSpotAndMarginTrading": false, "enableWithdrawals": false, …}"""
    row = Row.of(ID, body)
    return any(
        value is True and key.startswith(("enable", "permits")) and key not in ("enableReading", "enableFixReadOnly")
        for key, value in row.json.items()
    )


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means. 451 has code 0, so the status is looked at first; a WAF's 403 is HTML."""
    code = code_in(body, "code")
    said = f"HTTP {status} {body[:160]!r}"
    if status == 451:
        return Blocked(ID, said)
    if status in (418, 429) or code == -1003:
        banned = re.search(rb"banned until (\d{13})", body)
        return RateLimited(ID, said, until_ms=int(banned[1]) if banned else None)
    if code == -1021:
        return ClockWrong(ID, said)
    if code in REFUSALS:
        return Refused(ID, said, REFUSALS[code])
    if status == 401:
        return Refused(ID, said)
    if status == 404 and code is None:  # an address that is not there: the testnet has no /sapi
        return Declined(ID, said, Reason.HTTP_STATUS, status)
    if code == -1121 or (code == -1100 and b"timestamp" not in body):  # no such symbol; characters that none has
        return UnknownSymbol(ID, said)
    if code == -1122:  # invalid symbol status: settled, or not open yet
        return NotTraded(ID, said, Reason.NOT_TRADED_NOW)
    if code == -1120:
        return NotSupported(ID, said, Reason.NO_SUCH_CANDLES)
    if status >= 500 or code in (-1000, -1001, -1007, -1008) or status == 403:
        return Unavailable(ID, said, Reason.HTTP_STATUS, status)
    return unexplained(ID, status, said, code)


def parse_paid(body: bytes, of: Listing) -> Page[Paid]:
    """[{"symbol": "BTCUSDT", "fundingTime": 1698768000000, "fundingRate": "0.0001", "markPrice": "34287.5"}, …]

    Oldest first.
    """
    rows = timed_rows(ID, load(ID, body), "fundingTime", "fundingRate", stated=("symbol", native(of)))
    return Page(list(starmap(Paid, rows)), "")
