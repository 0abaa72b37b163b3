"""An answer as a rich message (Bot API 10.1): the same parts, its tables true ones, in a chat that wishes so. Pure.

What is taken is told in "Rich HTML style" and "Rich Message Limits" of the Bot API's documentation. A line break is
<br>, as in HTML; entities are not looked for, since figures look like telephone numbers. Only answers with a table
are made so: of all others the usual message is the better one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from render.figures import escape
from render.message import Answer, Table

MAX_TEXT = 32_768  # characters; markup is counted here, though it need not be
MAX_BLOCKS = 500  # rows of tables are some
MAX_COLUMNS = 20
FOLD = ("<blockquote expandable>", "</blockquote>")


def rich_html(answer: Answer, mark: str = "") -> str:
    """The whole answer; "" where it has no table, or more than Telegram takes. mark: HTML beside the foot."""
    tables = [each for each in answer.blocks if isinstance(each, Table)]
    if not tables or answer.photo is not None or not _may_be(answer, tables):
        return ""
    parts = [answer.headline, *answer.blocks, *answer.notes]
    foot = " · ".join(each for each in (answer.foot.removeprefix("<i>").removesuffix("</i>"), mark) if each)
    html = "".join(_part(each) for each in parts if each) + (f"<footer>{foot}</footer>" if foot else "")
    return html if len(html) <= MAX_TEXT else ""


def _may_be(answer: Answer, tables: Sequence[Table]) -> bool:
    n_blocks = 3 + 3 * len(answer.blocks) + len(answer.notes) + sum(len(each.rows) for each in tables)
    return n_blocks <= MAX_BLOCKS and all(len(row) <= MAX_COLUMNS for each in tables for row in each.rows)


def _part(part: str) -> str:
    if isinstance(part, Table):
        return _table(part)
    if part.startswith("<pre>"):  # a drawing
        return part
    begin, end = FOLD
    if part.startswith(begin) and part.endswith(end):
        return f"<details><summary>More</summary>{_paragraph(part[len(begin) : -len(end)])}</details>"
    return _paragraph(part)


def _paragraph(html: str) -> str:
    return f"<p>{html.replace(chr(10), '<br>')}</p>"


def _table(table: Table) -> str:
    """Labels to the left, figures to the right; a row of fewer cells ends with one that spans what is left."""
    n_columns = max(len(row) for row in table.rows)
    is_figures = table.has_head or n_columns > 2
    rows = (
        _row(row, n_columns, "th" if table.has_head and i == 0 else "td", is_figures=is_figures)
        for i, row in enumerate(table.rows)
    )
    return f"<table bordered striped>{''.join(rows)}</table>"


def _row(cells: Iterable[str], n_columns: int, tag: str, *, is_figures: bool) -> str:
    first, *others = cells
    align = ' align="right"' if is_figures else ""
    span = f' colspan="{n_columns}"' if not others and n_columns > 1 else ""
    missing = f"<{tag}></{tag}>" * (n_columns - 1 - len(others)) if others else ""
    told = "".join(f"<{tag}{align}>{escape(each.strip())}</{tag}>" for each in others)
    return f"<tr><{tag}{span}>{escape(first.strip())}</{tag}>{told}{missing}</tr>"
