"""Several coins' prices as one table, a row each: what /price and /watch show of more than one."""

from collections.abc import Sequence

from answers.interest import is_rough
from answers.price_report import PriceReport
from exchanges.words import per_year_pct
from render.figures import counted, dash_or, escape, format_points, format_short_price
from render.keyboards import again, keyboard, of_coins
from render.message import Answer, foot, pre, short
from render.sentences import exchange_name, failed_of, in_words


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
    oldest = min(report.lead.time_ms for report in reports)
    return Answer(
        f"<b>Prices</b> {counted(len(reports), 'coin')}",
        (pre(rows),),
        tuple(map(escape, failed_of({short(each.symbol): sum(each.failed.values(), ()) for each in reports}))),
        foot(in_words([exchange_name(each) for each in exchanges]), oldest, now_s),
        keyboard(again(f"price {line}", f"chart {line}"), of_coins(names, [f"price {each}" for each in names])),
    )
