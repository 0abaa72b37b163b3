"""Several coins' prices as one table, a row each: what /price and /watch show of more than one."""

from collections.abc import Sequence

from answers.interest import is_rough
from answers.price_report import PriceReport
from exchanges.errors import PartName
from exchanges.words import per_year_pct
from render.figures import counted, dash_or, escape, format_points, format_short_price
from render.keyboards import again, keyboard, of_coins
from render.message import Answer, foot, pre, short
from render.sentences import continued, exchange_name, failed_of, in_words, is_quiet, quiet, without

OF_ROWS = (
    PartName.PERP,
    PartName.OPEN_INTEREST,
    PartName.OPEN_INTEREST_CHANGE,
    PartName.FUNDING,
    PartName.FUNDING_PERIOD,
)
"""What a row has no figure without."""


def show(reports: Sequence[PriceReport], now_s: float) -> Answer:
    """One line a coin: price, change, open interest against yesterday's, funding per year."""
    rows = [["", "last", "24h%", "OI24%", "fund/y"]]
    for report in reports:
        now = report.perp and report.perp.open_interest and report.perp.open_interest.open_interest
        before = report.interest_before.get(24)
        change = None if not now or not before else (now / before - 1) * 100
        year = per_year_pct(report.perp.funding if report.perp is not None else None)
        rows.append(
            [
                short(report.symbol),
                format_short_price(report.lead.last),
                format_points(report.lead.change_pct),
                f"{'≈' * is_rough(report.interest_before, 24)}{dash_or(change)}",
                dash_or(year),
            ]
        )
    names = [short(report.symbol) for report in reports]
    line = " ".join(names)
    exchanges = list(dict.fromkeys(exchange for report in reports for exchange in report.exchanges))
    times = [report.lead.time_ms for report in reports]
    oldest = min([each for each in times if not is_quiet(each, now_s)] or times)
    return Answer(
        f"<b>Prices</b> {counted(len(reports), 'coin')}",
        (pre(rows),),
        tuple(map(escape, _notes(reports, now_s))),
        foot(in_words([exchange_name(each) for each in exchanges]), oldest, now_s),
        keyboard(again(f"price {line}", f"chart {line}"), of_coins(names, [f"price {each}" for each in names])),
    )


def _notes(reports: Sequence[PriceReport], now_s: float) -> list[str]:
    """Who did not answer; whose open interest or funding is missing, and why; which market is not traded."""
    by_sentence: dict[str, list[str]] = {}
    for report in reports:
        for each in without({what: errors for what, errors in report.missing.items() if what in OF_ROWS}):
            by_sentence.setdefault(each, []).append(short(report.symbol))
    return [
        *failed_of({short(each.symbol): sum(each.failed.values(), ()) for each in reports}),
        *(
            text if len(coins) == len(reports) else f"{in_words(coins)}: {continued(text)}"
            for text, coins in by_sentence.items()
        ),
        *(note for report in reports for note in _halted(report, now_s)),
    ]


def _halted(report: PriceReport, now_s: float) -> list[str]:
    """Of the market whose price is shown; else of the perpetual, whose open interest and funding are."""
    name, perp = short(report.symbol), report.perp and report.perp.ticker
    if is_quiet(report.lead.time_ms, now_s):
        return [quiet(name, report.lead.exchange, report.lead.time_ms)]
    if perp is not None and is_quiet(perp.time_ms, now_s):
        return [quiet(f"{name} perpetual", perp.exchange, perp.time_ms)]
    return []
