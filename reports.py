"""How the answers about whole markets look: lists, derivatives, volume, flow, the report, the profile. Pure.

The figures' own formats, and what else every answer shares, are in render.py. Each function makes the text of
one message: a headline, one or two tables of at most 34 characters a line, what is missing and why, the
source; what a trader needs less often is folded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from analysis import (
    AnalysisReport,
    FlowReport,
    LongShare,
    ProfileReport,
    RatioReport,
    SessionSums,
    Source,
    VolumeReport,
)
from derivatives import Contract, DerivativesReport, FundingExtremes, per_8h, per_year_pct
from exchanges import COIN, DOLLARS, Funding, MarketError, Perp, split
from indicators import Profile
from lists import Scan, Top
from render import (
    MAX_BUTTON_DATA,
    Answer,
    Button,
    circle,
    escape,
    exchange_name,
    format_amount,
    format_moment,
    format_percent,
    format_price,
    format_span,
    in_words,
    range_bar,
    reasons,
    sentence,
    short,
)

INTERVAL_BUTTONS = ("5m", "15m", "1h", "4h", "1d")
WINDOW_BUTTONS = ("today", "24h", "7d", "30d")
MAX_SPIKES = 15
MAX_CONTRACTS = 30
PROFILE_ROWS = 16
PROFILE_BAR = 14
BLOCKS = "▁▂▃▄▅▆▇█"
MARGINS = {"USDT": "USDT", "USDC": "USDC", "USD": "USD", COIN: "coin"}


# What all have in common.


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows as aligned columns: the first to the left, all others to the right."""
    rows = [row for row in rows if row]
    widths = [max(len(row[i]) for row in rows if len(row) > i) for i in range(max(map(len, rows)))]
    lines = []
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)),
        ]
        lines.append(" ".join(cells).rstrip())
    return "\n".join(lines)


def _pre(rows: Iterable[Sequence[str]]) -> str:
    return f"<pre>{escape(columns(rows))}</pre>"


def _pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Label and figure, the figures beginning in one column."""
    rows = list(rows)
    width = max(len(label) for label, _ in rows) + 1
    return f"<pre>{escape(chr(10).join(f'{label.ljust(width)}{figure}' for label, figure in rows))}</pre>"


def _folded(lines: Sequence[str]) -> str:
    """Escaped lines that open at a tap."""
    return f"<blockquote expandable>{escape(chr(10).join(lines))}</blockquote>"


def _foot(source: str, time_ms: int, took_s: float, now_s: float, of: str = "") -> str:
    """Source, time and latency. of: what the time is of, where it is not the answer's."""
    return f"<i>{escape(source)} · {of}{format_moment(time_ms, now_s)} · {took_s * 1000:.0f} ms</i>"


def _source(source: Source, now_s: float) -> str:
    return _foot(exchange_name(source.exchange), source.time_ms, source.took_s, now_s)


def _failed(errors: Sequence[MarketError], market: str = "") -> list[str]:
    """Who was asked before, in vain; and for what, where it was another market than the one that is shown."""
    lines = []
    for of in dict.fromkeys(error.market for error in errors):
        text = reasons([error for error in errors if error.market == of])
        name = {"perp": "Perpetual", "spot": "Spot"}.get(of, "") if of != market else ""
        lines.append(escape(f"{name}: {text}." if name and market else sentence(text)))
    return lines


def _title(source: Source, what: str) -> str:
    return f"<b>{escape(source.symbol)} {source.market}</b> · {escape(what)}"


def _buttons(command: str, source: Source, choices: Sequence[str], chosen: str) -> tuple[Button, ...]:
    """The same command about the same market with other words after it; the chosen one is marked."""
    of = short(source.symbol)
    spot = " spot" if source.market == "spot" else ""
    buttons = (Button(f"•{each}" if each == chosen else each, f"{command} {of} {each}{spot}") for each in choices)
    return _that_fit(buttons)


def _neighbours(symbol: str, *commands: str, market: str = "perp") -> tuple[Button, ...]:
    of = short(symbol)
    spot = " spot" if market == "spot" else ""
    labels = {"price": "Price", "volume": "Volume", "cvd": "CVD", "oi": "OI", "ls": "L/S", "funding": "Funding"}
    labels |= {"analysis": "Analysis", "profile": "Profile"}
    base = split(symbol)[0]
    words = {"oi": base, "funding": base, "price": of, "ls": of}
    return _that_fit(Button(labels[each], f"{each} {words.get(each, of + spot)}") for each in commands)


def _that_fit(buttons: Iterable[Button]) -> tuple[Button, ...]:
    return tuple(each for each in buttons if len(each.data.encode()) <= MAX_BUTTON_DATA)


def _keyboard(*rows: tuple[Button, ...]) -> tuple[tuple[Button, ...], ...]:
    return tuple(row for row in rows if row)


def _refresh(data: str) -> tuple[Button, ...]:
    return _that_fit([Button("🔄 Refresh", data)])


SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"


def short_price(price: float) -> str:
    """62,976 · 148.2 · 3.451 · 0.5231 · 0.0₄1234: four digits in at most eight characters.

    The small figure counts the zeros after the point.
    """
    rounded = float(f"{price:.4g}")
    if rounded >= 1000 or rounded <= 0:
        return f"{price:,.0f}" if rounded < 1e7 else format_amount(price)
    price = rounded
    if price >= 1:
        return f"{price:.{4 - len(str(int(price)))}f}"
    if price >= 0.001:
        return format_price(price)
    digits, _, exponent = f"{price:.3e}".partition("e")
    zeros = "".join(SUBSCRIPTS[int(each)] for each in str(-int(exponent) - 1))
    return f"0.0{zeros}{digits.replace('.', '').rstrip('0')}"


def tight(amount: float | None) -> str:
    """format_amount in at most five characters: 19.8B · 610M · 1.24T."""
    return "n/a" if amount is None else format_amount(amount)


def dollars_of(amount: float | None) -> str:
    """$19.8B"""
    return "n/a" if amount is None else f"${format_amount(amount)}"


def plain_percent(percent: float | None, decimals: int = 1) -> str:
    """+2.3, for a column whose head says %."""
    return format_percent(percent, decimals).removesuffix(" %")


def coins(amount: float | None, base: str) -> str:
    return "n/a" if amount is None else f"{format_amount(amount)} {base[:10]}"


def signed(amount: float | None) -> str:
    """+1.62K · -311"""
    return "n/a" if amount is None else f"{'+' if amount > 0 else ''}{format_amount(amount)}"


def share_pct(share: float | None, decimals: int = 1) -> str:
    return "n/a" if share is None else f"{share * 100:.{decimals}f} %"


def _unit(symbol: str) -> str:
    quote = split(symbol)[1]
    return "$" if quote in DOLLARS or quote == COIN else f" {quote}"


def money(amount: float | None, symbol: str) -> str:
    """$77.8M, or 1.2K BTC where prices are in BTC."""
    unit = _unit(symbol)
    if amount is None or unit == "$":
        return dollars_of(amount)
    return f"{format_amount(amount)}{unit}"


def _amounts(amount: float | None, worth: float | None, source: Source) -> str:
    """2.93K BTC  $176M"""
    if amount is None and worth is None:
        return "n/a"
    return f"{coins(amount, split(source.symbol)[0])}  {money(worth, source.symbol)}"


def counted(n: int, what: str) -> str:
    """1 market, 2 markets"""
    return f"{n} {what}{'' if n == 1 else 's'}"


# /top10


SORT_NAMES = {
    "volume": "volume",
    "gainers": "gain in 24h",
    "losers": "loss in 24h",
    "funding": "funding",
    "oi": "open interest",
}


def top(top: Top, now_s: float) -> Answer:
    """One row a market; of perpetuals open interest and market capitalisation are folded."""
    is_spot = top.market == "spot"
    last = "cap" if is_spot else "OI" if top.sort == "oi" else "fund%"
    rows = [["", "price", "24h%", "vol$", last]]
    for symbol, perp in top.rows:
        assert perp.ticker is not None
        ticker = perp.ticker
        figure = tight(top.caps.get(symbol))
        if not is_spot:
            figure = tight(_oi_dollars(perp)) if top.sort == "oi" else _tight_rate(per_8h(perp.funding))
        change = plain_percent(ticker.change_pct, 0 if abs(ticker.change_pct or 0.0) >= 100 else 1)
        rows.append([split(symbol)[0][:6], short_price(ticker.last), change, tight(ticker.quote_volume), figure])
    name = "spot" if is_spot else "perpetuals"
    lines = [f"<b>Top {len(top.rows)} {name}</b> by {SORT_NAMES[top.sort]}", _pre(rows)]
    if not is_spot:
        lines.append("Funding is per 8 hours." if top.sort != "oi" else "Open interest is in dollars.")
        lines.append(_folded([_more(symbol, perp, top.caps.get(symbol)) for symbol, perp in top.rows]))
    if not top.has_caps:
        lines.append("Market cap n/a: CoinGecko did not answer in time.")
    elif len(top.caps) < len(top.rows):
        lines.append("Market cap is CoinGecko's; n/a where it knows no such coin at this price.")
    lines += _failed(top.failed)
    source = f"{exchange_name(top.exchange)}, of {counted(top.n_markets, 'market')}"
    lines.append(_foot(source, top.time_ms, top.took_s, now_s))
    kind = "spot" if is_spot else "perps"
    sorts = ("volume", "gainers", "losers") if is_spot else ("volume", "gainers", "losers", "funding", "oi")
    other = "perps" if is_spot else "spot"
    return Answer(
        "\n".join(lines),
        _keyboard(
            tuple(Button(f"•{each}" if each == top.sort else each, f"top10 {kind} {each}") for each in sorts),
            (Button("🔄 Refresh", f"top10 {kind} {top.sort}"), Button(other, f"top10 {other}")),
        ),
    )


def _oi_dollars(perp: Perp) -> float | None:
    return perp.open_interest and perp.open_interest.open_interest_quote


def _rate(rate: float | None) -> str:
    """+0.0100, percent; for a column whose head says so."""
    return plain_percent(None if rate is None else rate * 100, 4)


def _tight_rate(rate: float | None) -> str:
    """.0100, -.0041, 8.71: percent in at most six characters."""
    if rate is None:
        return "n/a"
    percent = rate * 100
    if abs(percent) >= 0.99995:
        return f"{percent:.2f}"
    return f"{percent:.4f}".replace("0.", ".", 1)


def _more(symbol: str, perp: Perp, cap: float | None) -> str:
    value = _oi_dollars(perp)
    interest = "" if value is None else f"OI {dollars_of(value)} · "
    return f"{split(symbol)[0]}: {interest}cap {dollars_of(cap)}"


# /volscan


def scan(scan: Scan, now_s: float) -> Answer:
    """The markets above the threshold, and how many were looked at."""
    lines = [f"<b>Volume spikes</b> from +{scan.threshold_pct:g} % · {scan.interval}"]
    if scan.spikes:
        rows = [["", "spike%", "price%", "vol$"]]
        for each in scan.spikes[:MAX_SPIKES]:
            percents = plain_percent(each.spike_pct, 0), plain_percent(each.change_pct, 2)
            rows.append([split(each.symbol)[0][:9], *percents, tight(each.dollars)])
        lines.append(_pre(rows))
        if len(scan.spikes) > MAX_SPIKES:
            lines.append(f"And {len(scan.spikes) - MAX_SPIKES} more.")
    else:
        lines.append("No market is above that now." if scan.n_scanned else "Nothing could be scanned.")
    looked_at = f"{counted(scan.n_scanned, 'perpetual')} scanned, {len(scan.failed)} failed"
    young = f", {scan.n_young} too young" if scan.n_young else ""
    lines.append(f"{looked_at}{young}. Last closed candle against the median of the 96 before it.")
    if scan.failed:
        lines.append(escape(f"Failed: {reasons(list(scan.failed.values())[:1])}."))
    lines += _failed(scan.failed_before)
    source = exchange_name(scan.exchange)
    if scan.n_scanned:
        lines.append(_foot(source, scan.closed_ms, scan.took_s, now_s, "candle closed "))
    else:
        lines.append(_foot(source, int(now_s * 1000), scan.took_s, now_s))
    threshold = f"{scan.threshold_pct:g}"
    choices = tuple(
        Button(f"•{each}" if each == scan.interval else each, f"volscan {threshold} {each}")
        for each in INTERVAL_BUTTONS
    )
    symbols = [short(each.symbol) for each in scan.spikes[:4]]
    return Answer(
        "\n".join(lines),
        _keyboard(
            choices,
            _that_fit(Button(each, f"analysis {each} {scan.interval}") for each in symbols),
            _refresh(f"volscan {threshold} {scan.interval}"),
        ),
    )


# /oi


def open_interest(report: DerivativesReport, now_s: float) -> Answer:
    """Totals, the split by margin, the exchanges; every market folded."""
    base = report.base
    partial = " (partial)" if report.failed else ""
    lines = [f"<b>{escape(base)} open interest</b>{partial}  {coins(report.coins, escape(base))} · "]
    lines[0] += dollars_of(report.dollars)
    changes = {hours: change for hours in (1, 24) if (change := report.change_pct(hours)) is not None}
    if changes:
        shares = {hours: f"{share * 100:.0f} %" for hours, (_, share) in changes.items()}
        told = {hours: f"{format_percent(percent)} {hours}h" for hours, (percent, _) in changes.items()}
        if len(set(shares.values())) > 1:
            line = ", ".join(f"{told[hours]} (of the {shares[hours]} whose past is told)" for hours in changes)
        else:
            share = next(iter(shares.values()))
            line = ", ".join(told.values()) + ("" if share == "100 %" else f" (of the {share} whose past is told)")
        lines.append(f"{circle(next(iter(changes.values()))[0])} {line}")
    else:
        lines.append("Change n/a: no exchange that answered tells the past.")
    split_rows = [["margin", base[:7], "$", "share"]]
    for margin, name in MARGINS.items():
        of = [each for each in report.contracts if each.margin == margin]
        if of:
            split_rows.append([name, *_sum_cells(of, report)])
    exchange_rows = [["exchange", base[:7], "$", "share"]]
    by_exchange: dict[str, list[Contract]] = {}
    for each in report.contracts:
        by_exchange.setdefault(each.exchange, []).append(each)
    for exchange, of in sorted(by_exchange.items(), key=lambda item: -sum(each.dollars or 0.0 for each in item[1])):
        exchange_rows.append([exchange_name(exchange), *_sum_cells(of, report)])
    blank: list[list[str]] = [[" "]]
    lines.append(_pre([*split_rows, *blank, *exchange_rows]))
    lines.append(_folded([_contract_line(each, report) for each in report.contracts[:MAX_CONTRACTS]]))
    lines += _partial(report)
    lines.append("Perpetuals, one side counted; dated futures are not.")
    source = f"{counted(len(report.contracts), 'market')} on {counted(len(by_exchange), 'exchange')}"
    lines.append(_foot(source, report.time_ms, report.took_s, now_s))
    return Answer(
        "\n".join(lines),
        _keyboard(_refresh(f"oi {base}"), _neighbours(f"{base}-USDT", "funding", "ls", "price", "analysis")),
    )


def _sum_cells(contracts: Sequence[Contract], report: DerivativesReport) -> list[str]:
    known = [each for each in contracts if each.coins is not None]
    if not known:
        return ["n/a", "n/a", "n/a"]
    dollars = sum(each.dollars or 0.0 for each in known)
    share = dollars / report.dollars if report.dollars else None
    return [format_amount(sum(each.coins or 0.0 for each in known)), format_amount(dollars), share_pct(share)]


def _contract_line(contract: Contract, report: DerivativesReport) -> str:
    dollars = contract.dollars
    share = dollars / report.dollars if dollars is not None and report.dollars else None
    amounts = f"{coins(contract.coins, report.base)}, {dollars_of(dollars)}, {share_pct(share)}"
    rate = per_8h(contract.perp.funding)
    funding = "funding n/a" if rate is None else f"funding {_rate(rate)} % per 8h"
    volume = f"24h {dollars_of(contract.ticker.quote_volume)}"
    return f"{_name(contract)}: {amounts} · {funding} · {volume}"


def _name(contract: Contract) -> str:
    return f"{exchange_name(contract.exchange)} {MARGINS[contract.margin]}"


def _partial(report: DerivativesReport) -> list[str]:
    """Which exchanges are missing, and why."""
    notes = []
    if report.failed:
        notes.append(escape(f"Missing: {reasons(report.failed.values())}."))
    if report.without:
        names = ", ".join(exchange_name(each) for each in report.without)
        notes.append(escape(f"No perpetual of {report.base} on {names}."))
    return notes


# /funding


def funding(report: DerivativesReport, now_s: float) -> Answer:
    """Exchanges side by side: what it is per 8 hours and per year; their own terms folded."""
    known = [each for each in report.contracts if each.perp.funding is not None]
    ranked = sorted(known, key=lambda each: -(per_8h(each.perp.funding) or 0.0))
    rows = [["", "8h %", "year %"]]
    for each in ranked:
        year = plain_percent(per_year_pct(each.perp.funding))
        rows.append([_name(each), _rate(per_8h(each.perp.funding)), year])
    lines = [f"<b>{escape(report.base)} funding</b>{' (partial)' if report.failed else ''}"]
    lines.append(_pre(rows) if known else "No exchange tells it.")
    if known:
        lines.append(_folded([_terms(each, now_s) for each in ranked]))
        lines.append("Above zero longs pay shorts. Per year without compounding.")
    untold = [_name(each) for each in report.contracts if each.perp.funding is None]
    if untold:
        lines.append(escape(f"n/a: {', '.join(untold)}."))
    lines += _partial(report)
    lines.append(_foot(counted(len(known), "market"), report.time_ms, report.took_s, now_s))
    return Answer(
        "\n".join(lines),
        _keyboard(
            (*_refresh(f"funding {report.base}"), Button("Extremes", "funding top")),
            _neighbours(f"{report.base}-USDT", "oi", "ls", "price", "analysis"),
        ),
    )


def _terms(contract: Contract, now_s: float) -> str:
    funding = contract.perp.funding
    assert funding is not None
    rate = format_percent(funding.funding_rate * 100, 4)
    if contract.exchange == "deribit":
        return f"{_name(contract)}: {rate} over the last 8h, paid continuously"
    period = "n/a" if funding.funding_interval_h is None else f"{funding.funding_interval_h:g}h"
    due = "" if funding.next_funding_ms is None else f", next in {_until(funding, now_s)}"
    return f"{_name(contract)}: {rate} every {period}{due}"


def _until(funding: Funding, now_s: float) -> str:
    return format_span((funding.next_funding_ms or 0) / 1000 - now_s)


def funding_extremes(extremes: FundingExtremes, now_s: float) -> Answer:
    """Who pays most, in both directions."""
    lines = ["<b>Funding extremes</b> · perpetuals"]
    for name, side in (("Longs pay", extremes.highest), ("Shorts pay", extremes.lowest)):
        rows = [[name, "8h %", "year %", "every"]]
        for symbol, perp in side:
            funding = perp.funding
            hours = funding.funding_interval_h if funding is not None else None
            period = "n/a" if hours is None else f"{hours:g}h"
            year = plain_percent(per_year_pct(funding), 0)
            rows.append([split(symbol)[0][:11], _rate(per_8h(funding)), year, period])
        lines.append(_pre(rows) if side else f"{name}: no market.")
    lines += _failed(extremes.failed)
    source = f"{exchange_name(extremes.exchange)}, {counted(extremes.n_markets, 'market')}"
    lines.append(_foot(source, extremes.time_ms, extremes.took_s, now_s))
    leaders = [split(symbol)[0] for symbol, _ in (*extremes.highest[:2], *extremes.lowest[:2])]
    return Answer(
        "\n".join(lines),
        _keyboard(_refresh("funding top"), _that_fit(Button(each, f"funding {each}") for each in leaders)),
    )


# /volume


def volume(report: VolumeReport, now_s: float) -> Answer:
    """The last closed candle, the running one, and how the last ones compare."""
    source, spike = report.source, report.spike
    base = split(source.symbol)[0]
    lines = [_title(source, f"{report.interval} volume")]
    if spike is None:
        lines.append("Baseline n/a: too few candles to say what is normal.")
    else:
        mark = "🔥 " if spike.is_significant else ""
        lines.append(f"{mark}<b>{spike.level}</b>  {format_percent(spike.spike_pct, 0)} against normal")
    rows = [
        ("closed", _amounts(report.coins, report.dollars, source)),
        ("normal", coins(spike and spike.baseline, base)),
    ]
    if report.so_far is None:
        rows.append(("so far", "n/a"))
    else:
        amount, gone = report.so_far
        rows.append(("so far", coins(amount, base)))
        if spike is not None:
            rows.append(("", f"{amount / spike.baseline * 100:.0f} % of a normal candle"))
        rows.append(("", f"{gone * 100:.0f} % of the time gone"))
    rows.append((f"last {len(report.bars)}", bars(report.bars)))
    lines.append(_pairs(rows))
    lines.append(f"Candle closed {_clock(report.closed_ms)} at {format_price(report.close)}.")
    lines += _failed(source.failed, source.market)
    lines.append(_source(source, now_s))
    return Answer(
        "\n".join(lines),
        _keyboard(
            _buttons("volume", source, INTERVAL_BUTTONS, report.interval),
            _neighbours(source.symbol, "price", "cvd", "analysis", "profile", market=source.market),
        ),
    )


def bars(values: Sequence[float]) -> str:
    """▂▃▅█▃: each against the highest."""
    highest = max(values, default=0.0)
    if not highest:
        return BLOCKS[0] * len(values)
    return "".join(BLOCKS[min(7, int(each / highest * 8))] for each in values)


def _clock(time_ms: int) -> str:
    return format_moment(time_ms, time_ms / 1000).replace(":00 UTC", " UTC")


# /cvd

ARROWS = {1: "rising", -1: "falling", 0: "flat", None: "n/a"}


def cvd(report: FlowReport, now_s: float) -> Answer:
    """What takers bought less what they sold."""
    source = report.source
    base = split(source.symbol)[0]
    lines = [_title(source, f"{report.interval} CVD")]
    rows = [
        ("last", f"{circle(report.last_delta)} {signed(report.last_delta)} {base[:10]}"),
        ("", f"{share_pct(report.last_share)} bought"),
        ("24h", f"{circle(report.day_delta)} {signed(report.day_delta)} {base[:10]}"),
        ("", f"{share_pct(report.day_share)} bought"),
        ("CVD", ARROWS[report.trend]),
        ("price", f"{ARROWS[report.price_trend]}, {format_price(report.close)}"),
        ("diverges", "n/a" if report.divergence is None else report.divergence or "no"),
    ]
    lines.append(_pairs(rows))
    if report.divergence:
        lines.append(
            "Price falls while takers buy." if report.divergence == "bullish" else "Price rises while takers sell."
        )
    lines.append(f"Takers' own volume, not candle colours. Candle closed {_clock(report.closed_ms)}.")
    if report.day_delta is None:
        lines.append("24h n/a: the market's candles do not reach back so far.")
    if source.failed:
        whose = escape(f"This is {exchange_name(source.exchange)}'s.")
        lines.append(" ".join([*_failed(source.failed, source.market), whose]))
    lines.append(_source(source, now_s))
    return Answer(
        "\n".join(lines),
        _keyboard(
            _buttons("cvd", source, INTERVAL_BUTTONS, report.interval),
            _neighbours(source.symbol, "price", "volume", "analysis", "ls", market=source.market),
        ),
    )


# /ls

SHARE_NAMES = {"accounts": "all accounts", "top accounts": "top accounts", "top positions": "top positions"}


def ratios(report: RatioReport, now_s: float) -> Answer:
    """Long and short by exchange, and what changed over 24 hours."""
    lines = [f"<b>{escape(report.symbol)} perp</b> · longs and shorts"]
    rows = [["", "long", "L/S", "24h"]]
    exchange = ""
    for each in report.shares:
        if each.exchange != exchange:
            exchange = each.exchange
            rows.append([exchange_name(exchange)])
        rows.append([f" {SHARE_NAMES[each.what]}", *_share_cells(each)])
    lines.append(_pre(rows))
    lines.append("Shares of accounts (or of their positions) that are long; change in points of percent.")
    if report.failed:
        lines.append(escape(f"Missing: {reasons(report.failed.values())}."))
    if report.without:
        names = ", ".join(exchange_name(each) for each in report.without)
        lines.append(escape(f"{names}: nothing told of it."))
    newest = max(each.time_ms for each in report.shares)
    lines.append(_foot("Hourly figures", newest, report.took_s, now_s))
    return Answer(
        "\n".join(lines),
        _keyboard(
            _refresh(f"ls {short(report.symbol)}"), _neighbours(report.symbol, "price", "oi", "funding", "analysis")
        ),
    )


def _share_cells(share: LongShare) -> list[str]:
    ratio = share.now / (1 - share.now) if share.now < 1 else None
    change = None if share.before is None else (share.now - share.before) * 100
    return [f"{share.now * 100:.1f}%", "n/a" if ratio is None else f"{ratio:.2f}", plain_percent(change)]


# /analysis


def analysis(report: AnalysisReport, now_s: float) -> Answer:
    """The report of one market, its sections in a fixed order; session, day, crowd and indicators are folded."""
    source, ticker = report.source, report.ticker
    base = split(source.symbol)[0]
    change = format_percent(ticker.change_pct)
    lines = [
        f"{_title(source, f'{report.interval} analysis')}",
        f"<b>{format_price(ticker.last)}</b>  {circle(ticker.change_pct)} {change} in 24h",
        _pairs(_analysis_rows(report, base, now_s)),
        _folded(_analysis_tail(report, base)),
        _control(report),
    ]
    by_reason: dict[str, list[str]] = {}
    for what, error in report.missing.items():
        by_reason.setdefault(reasons([error]), []).append(what)
    for why, parts in by_reason.items():
        names = in_words(parts)
        lines.append(escape(f"{names[0].upper()}{names[1:]} n/a: {why}."))
    lines += _failed(source.failed, source.market)
    lines.append(_source(source, now_s))
    return Answer(
        "\n".join(lines),
        _keyboard(
            _buttons("analysis", source, INTERVAL_BUTTONS, report.interval),
            _neighbours(source.symbol, "price", "volume", "cvd", "oi", "profile", market=source.market),
        ),
    )


def _analysis_rows(report: AnalysisReport, base: str, now_s: float) -> list[tuple[str, str]]:
    ticker, spike = report.ticker, report.spike
    baseline = "n/a" if spike is None else f"{spike.level} {format_percent(spike.spike_pct, 0)}"
    diverging = [("", f"{report.divergence} divergence")] if report.divergence else []
    rows = [
        ("range", range_bar(ticker.low, ticker.high, ticker.last)),
        ("24h vol", _amounts(ticker.base_volume, ticker.quote_volume, report.source)),
        ("volume", baseline),
        ("", _amounts(report.candle_coins, report.candle_dollars, report.source)),
        ("CVD", ARROWS[report.flow_trend]),
        *diverging,
        ("24h", "n/a" if report.day_delta is None else _day_flow(report)),
        ("delta", signed(report.delta)),
    ]
    if report.source.market == "perp":
        rows += _perp_rows(report, base, now_s)
    return rows


def _day_flow(report: AnalysisReport) -> str:
    return f"{signed(report.day_delta)}  {share_pct(report.day_share)} bought"


def _perp_rows(report: AnalysisReport, base: str, now_s: float) -> list[tuple[str, str]]:
    interest, funding = report.perp.open_interest, report.perp.funding
    now = interest and interest.open_interest
    value = interest and interest.open_interest_quote
    rows = [("OI", _amounts(now, value, report.source))]
    changes = [
        f"{format_percent((now / before - 1) * 100, 1)} {hours}h"
        for hours in (1, 24)
        if now is not None and (before := report.open_interest_before.get(hours))
    ]
    rows.append(("", ", ".join(changes) or "change n/a"))
    if funding is None:
        return [*rows, ("funding", "n/a")]
    period = "n/a" if funding.funding_interval_h is None else f"{funding.funding_interval_h:g}h"
    payer = "longs pay" if funding.funding_rate > 0 else "shorts pay" if funding.funding_rate < 0 else "nobody pays"
    rows.append(("funding", f"{format_percent(funding.funding_rate * 100, 4)} / {period}"))
    due = "" if funding.next_funding_ms is None else f", in {_until(funding, now_s)}"
    return [*rows, ("", f"{payer}{due}")]


def _analysis_tail(report: AnalysisReport, base: str) -> list[str]:
    # Where the candles did not come, the reason stands below; where they came, they were too few.
    too_few = "" if "session and day" in report.missing else ", not enough history"
    lines = [*_session_lines(report.session, base, too_few), *_day_lines(report, base, too_few)]
    for each in report.shares:
        change = "n/a" if each.before is None else f"{(each.now - each.before) * 100:+.1f} points in 24h"
        lines.append(f"{SHARE_NAMES[each.what].capitalize()}: {each.now * 100:.1f} % long, {change}")
    edge = _edge(report.shares)
    if edge is not None:
        lines.append(f"Top positions against all: {edge:+.1f} points")
    last = report.ticker.last
    rsi = "n/a" if report.rsi is None else f"{report.rsi:.1f}{_rsi_word(report.rsi)}"
    lines.append(f"RSI 14: {rsi}")
    side = "n/a" if report.vwap is None else f"{format_price(report.vwap)}, price {_above(last, report.vwap)}"
    lines.append(f"VWAP of {report.n_vwap}: {side}")
    if report.ema_fast is not None and report.ema_slow is not None:
        order = "above" if report.ema_fast > report.ema_slow else "below"
        lines.append(f"EMA 20 {order} EMA 50: {format_price(report.ema_fast)}, {format_price(report.ema_slow)}")
    else:
        lines.append("EMA 20 and 50: n/a")
    bands = report.bands
    shown = "n/a" if bands is None else f"{format_price(bands.lower)} – {format_price(bands.upper)}"
    lines.append(f"Bollinger 20, 2: {shown}")
    reach = "n/a" if report.atr is None else f"{short_price(report.atr)} ({report.atr / last * 100:.2f} %)"
    lines.append(f"ATR 14: {reach}")
    swing = "n/a" if report.volatility is None else f"{report.volatility:.2f} % {_swing_word(report.volatility)}"
    lines.append(f"Volatility 24h: {swing}")
    spike = report.spike
    times = "n/a" if spike is None else f"{spike.volume / spike.baseline:.2f} times normal"
    lines.append(f"Relative volume: {times}")
    return lines


def _session_lines(sums: SessionSums | None, base: str, why: str) -> list[str]:
    if sums is None:
        return [f"Session: n/a{why}"]
    usual = "usual n/a" if not sums.usual else f"{format_percent((sums.coins / sums.usual - 1) * 100, 0)} against usual"
    return [
        f"{sums.session.name} session, {sums.gone * 100:.0f} % gone: {coins(sums.coins, base)}, {usual}"
        f" (median of {sums.n_usual})",
        f"Price since it began: {format_percent(sums.change_pct)}, delta {signed(sums.delta)}",
    ]


def _day_lines(report: AnalysisReport, base: str, why: str) -> list[str]:
    day = report.day
    if day is None:
        return [f"Day: n/a{why}"]
    symbol = report.source.symbol
    lines = [f"Day so far: {coins(day.coins, base)}, {money(day.dollars, symbol)}, {day.gone * 100:.0f} % gone"]
    if day.mean_coins:
        share = f"{day.coins / day.mean_coins * 100:.0f} %"
        mean = f"{coins(day.mean_coins, base)}, {money(day.mean_dollars, symbol)}"
        lines.append(f"That is {share} of the 7-day mean {mean}")
    else:
        lines.append("7-day mean: n/a, not enough history")
    return lines


def _edge(shares: Sequence[LongShare]) -> float | None:
    """Top positions' share of longs above that of all accounts, in points of percent."""
    by_name = {each.what: each.now for each in shares}
    if "accounts" not in by_name or "top positions" not in by_name:
        return None
    return (by_name["top positions"] - by_name["accounts"]) * 100


def _rsi_word(rsi: float) -> str:
    return ", overbought" if rsi > 70 else ", oversold" if rsi < 30 else ""


def _swing_word(volatility: float) -> str:
    return "HIGH" if volatility > 5 else "MODERATE" if volatility > 2 else "LOW"


def _above(last: float, other: float) -> str:
    return f"{abs(last / other - 1) * 100:.2f} % {'above' if last > other else 'below'}"


def _control(report: AnalysisReport) -> str:
    """The market-control score as its components and sum."""
    known = [each.points for each in report.score if each.points is not None]
    if not known:
        return "Control: n/a, nothing that it is made of is known"
    total = sum(known)
    parts = ", ".join(
        f"{each.name} {'n/a' if each.points is None else f'{each.points:+d}' if each.points else '0'}"
        for each in report.score
    )
    who = "bulls" if total > 3 else "bears" if total < -3 else "neither side"
    partial = "" if len(known) == len(report.score) else ", of what is known"
    return escape(f"Control: {total:+d}/10 ({parts}){partial}: {who}")


# /profile


def profile(report: ProfileReport, now_s: float) -> Answer:
    """Volume by price as a drawing, the levels, and where the price stands."""
    source = report.source
    window = {"today": "today (UTC)"}.get(report.window, report.window)
    lines = [_title(source, f"profile {window}")]
    shown = report.volume
    if shown is None:
        lines.append("Profile n/a: nothing was traded, or at one price only.")
    else:
        lines.append(f"<pre>{escape(drawing(shown, report.last, report.tick))}</pre>")
        rows = [["", "volume", "time"]]
        time = report.time
        for name in ("vah", "poc", "val"):
            by_time = "n/a" if time is None else at_tick(getattr(time, name), report.tick)
            rows.append([name.upper(), at_tick(getattr(shown, name), report.tick), by_time])
        lines.append(_pre(rows))
        lines.append(_where(report, shown))
    vwap = "n/a" if report.vwap is None else at_tick(report.vwap, report.tick)
    candles = f"{counted(report.n_candles, 'candle')} of {report.interval}"
    lines.append(f"VWAP {vwap}. From {candles}. █ is the value area, 70 %.")
    lines += _failed(source.failed, source.market)
    lines.append(_source(source, now_s))
    return Answer(
        "\n".join(lines),
        _keyboard(
            _buttons("profile", source, WINDOW_BUTTONS, report.window),
            _neighbours(source.symbol, "price", "volume", "cvd", "analysis", market=source.market),
        ),
    )


def drawing(profile: Profile, last: float | None, tick: float) -> str:
    """At most PROFILE_ROWS rows, the highest price on top: price, bar; P marks the POC, ◄ the price now."""
    n = len(profile.bins)
    per_row = -(-n // PROFILE_ROWS)
    rows = [sum(profile.bins[i : i + per_row]) for i in range(0, n, per_row)]
    step = profile.step * per_row
    fullest = max(rows)
    lines = []
    for i in reversed(range(len(rows))):
        low = profile.low + i * step
        high = min(low + step, profile.high)
        middle = (low + high) / 2
        mark = "█" if profile.val <= middle <= profile.vah else "░"
        bar = mark * max(1 if rows[i] else 0, round(rows[i] / fullest * PROFILE_BAR))
        is_top = i == len(rows) - 1
        here = last is not None and low <= last and (last < high or (is_top and last <= high))
        signs = ("P" if low <= profile.poc < high else "") + ("◄" if here else "")
        lines.append((at_tick(middle, tick), f"{bar} {signs}".rstrip()))
    width = max(len(price) for price, _ in lines)
    return "\n".join(f"{price.rjust(width)} {bar}" for price, bar in lines)


def at_tick(price: float, tick: float) -> str:
    """A price rounded to the market's tick, with the tick's decimals."""
    rounded = round(price / tick) * tick
    text = f"{tick:.14f}".rstrip("0")
    decimals = len(text.partition(".")[2])
    return f"{rounded:,.{decimals}f}"


def _where(report: ProfileReport, profile: Profile) -> str:
    last = report.last
    if last is None:
        return "Price now n/a."
    name = "inside the value area"
    if last > profile.vah:
        name = f"above the value area by {(last / profile.vah - 1) * 100:.2f} %"
    elif last < profile.val:
        name = f"below the value area by {(1 - last / profile.val) * 100:.2f} %"
    return f"Price {format_price(last)} ◄ {name}."


# /status


class Vitals(NamedTuple):
    """How the process does. seconds: by command, the median, the 95th percentile, how often. hosts: Market.health."""

    version: str
    uptime_s: float
    resident_bytes: float
    seconds: Mapping[str, tuple[float | None, float | None, int]]
    hosts: Mapping[str, Mapping[str, object]]
    webhook: str
    updates: Mapping[str, int]


def status(vitals: Vitals, now_s: float) -> Answer:
    """Version, uptime, memory, how quick, who fails."""
    mib = f"{vitals.resident_bytes / 1048576:.1f} MiB"
    lines = ["<b>Status</b>"]
    lines.append(
        _pairs(
            [
                ("version", vitals.version),
                ("up", format_span(vitals.uptime_s)),
                ("memory", mib),
                *((outcome, str(count)) for outcome, count in vitals.updates.items()),
            ]
        )
    )
    lines.append(escape(f"Webhook: {vitals.webhook}"))
    if vitals.seconds:
        rows = [["", "n", "p50 ms", "p95 ms"]]
        for name, (middle, slow, count) in sorted(vitals.seconds.items(), key=lambda item: -item[1][2]):
            times = ("n/a" if each is None else f"{each * 1000:.0f}" for each in (middle, slow))
            rows.append([name[:12], str(count), *times])
        lines.append(_pre(rows))
    ill = {host: of for host, of in vitals.hosts.items() if of["state"] != "ok"}
    failing = [f"{host}: {of['state']}, {of['last_failure']}" for host, of in ill.items()]
    asked = f"{counted(len(vitals.hosts), 'host')} asked so far, and all answered."
    lines.append(escape("; ".join(failing)) if failing else asked if vitals.hosts else "No exchange was asked so far.")
    lines.append(f"<i>{format_moment(int(now_s * 1000), now_s)}</i>")
    return Answer("\n".join(lines), _keyboard(_refresh("status")))
