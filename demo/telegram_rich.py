"""Rich messages, read as strictly as they are documented: rich HTML becomes blocks, and a page that a browser shows.

Source: Bot API 10.3, "Rich HTML style", "Rich Message Limits", InputRichMessage, RichBlock. The codes of refusals are
those that others were given in 2026 (RICH_MESSAGE_TEXT_TOO_LONG, …_BLOCKS_TOO_MANY, …_TABLE_COLS_TOO_MANY,
…_DEPTH_INVALID, …_CONTENT_REQUIRED, …_HTML_INVALID); which of them is for which wrong tag is not documented, and what
may stand in what is read narrowly. Pictures, lists, formulas and Markdown are not played.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from demo.telegram_html import BadHTML, check_time
from demo.telegram_rules import bad

MAX_TEXT = 32_768
MAX_BLOCKS = 500
MAX_DEPTH = 16
MAX_COLUMNS = 20
INLINE = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "code": "code", "mark": "marked",
    "sub": "subscript", "sup": "superscript", "tg-spoiler": "spoiler", "a": "url", "tg-time": "date_time",
}  # fmt: skip
TEXTUAL = {"p": "paragraph", "footer": "footer", "pre": "pre", **{f"h{n}": "heading" for n in range(1, 7)}}
CELLS = ("td", "th")
NESTED = {"table": ("tr", "caption"), "tr": CELLS, "details": ("summary", "p", "table", "pre", "hr", "details")}
NAMED = {
    "lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'", "nbsp": "\u00a0", "hellip": "…", "mdash": "—",
    "ndash": "–", "lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”",
}  # fmt: skip
TOKEN = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:\s+[a-zA-Z-]+(?:=\"[^\"<>]*\")?)*)\s*(/?)>|([^<]+)|(<)")
Rich = Any
"""A RichText: a text, a list of them, or an object with its type."""


class Node:
    """A tag with what stands in it: texts and further tags."""

    def __init__(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.tag, self.attributes = tag, attributes
        self.inside: list[Node | str] = []


class RichMessage(NamedTuple):
    """blocks: as a Message has them. text: without markup. page: HTML for a browser."""

    blocks: list[dict[str, Any]]
    text: str
    page: str


def rich_of(params: Mapping[str, Any]) -> RichMessage:
    """The rich_message of a call. Raises Refused."""
    rich = params.get("rich_message")
    if not isinstance(rich, dict):
        raise bad("can't parse InputRichMessage: Object expected")
    given = [name for name in ("html", "markdown", "blocks") if rich.get(name)]
    if len(given) != 1:
        raise bad("RICH_MESSAGE_CONTENT_REQUIRED")
    if given != ["html"] or not isinstance(rich["html"], str):
        raise bad("RICH_MESSAGE_HTML_INVALID: only html is played here")
    return parse_rich(rich["html"])


def parse_rich(raw: str) -> RichMessage:
    """Raises Refused."""
    nodes = [each for each in _tree(raw).inside if isinstance(each, Node) or each.strip()]
    if any(isinstance(each, str) or (each.tag not in TEXTUAL and each.tag not in (*NESTED, "hr")) for each in nodes):
        raise _invalid("text outside of a block")
    blocks = [_block(each) for each in nodes if isinstance(each, Node)]
    text = "\n".join(_words(each) for each in blocks).strip()
    if not text:
        raise bad("RICH_MESSAGE_CONTENT_REQUIRED")
    if len(text) > MAX_TEXT:
        raise bad("RICH_MESSAGE_TEXT_TOO_LONG")
    if sum(map(_n_blocks, blocks)) > MAX_BLOCKS:
        raise bad("RICH_MESSAGE_BLOCKS_TOO_MANY")
    return RichMessage(blocks, text, f'<div class="rich">{"".join(_page(each) for each in nodes)}</div>')


def _invalid(why: str) -> Exception:
    return bad(f"RICH_MESSAGE_HTML_INVALID: {why}")


# What is written, as a tree.


def _tree(raw: str) -> Node:
    root = Node("", {})
    stack = [root]
    for closing, name, attributes, is_empty, text, lone in (found.groups() for found in TOKEN.finditer(raw)):
        tag = (name or "").lower()
        if lone:
            raise _invalid("a lone <")
        if text is not None:
            is_pre = any(each.tag == "pre" for each in stack)
            stack[-1].inside.append(_unescaped(text if is_pre else re.sub(r"[ \n\t]+", " ", text)))
        elif closing:
            if stack[-1].tag != tag:
                raise _invalid(f"</{tag}> where </{stack[-1].tag}> was expected")
            stack.pop()
        else:
            node = Node(tag, dict(re.findall(r'([a-zA-Z-]+)(?:="([^"]*)")?', attributes)))
            _check_place(node, stack)
            stack[-1].inside.append(node)
            if tag not in ("br", "hr"):
                stack += [] if is_empty else [node]
            if len(stack) > MAX_DEPTH + 1:
                raise bad("RICH_MESSAGE_DEPTH_INVALID")
    if len(stack) > 1:
        raise _invalid(f"<{stack[-1].tag}> is not closed")
    return root


def _check_place(node: Node, stack: list[Node]) -> None:
    """Whether a tag is known, and may stand there."""
    inside, tag = stack[-1].tag, node.tag
    if inside == "" or inside in NESTED:
        allowed: tuple[str, ...] = NESTED.get(inside, (*TEXTUAL, "table", "details", "hr"))
    else:
        allowed = (*INLINE, "br")
    if tag not in allowed:
        raise _invalid(f"<{tag}> in <{inside}>")
    if tag == "tg-time":
        try:
            check_time(" ".join(f'{name}="{value}"' for name, value in node.attributes.items()), 0)
        except BadHTML as error:
            raise _invalid("tg-time") from error


def _unescaped(text: str) -> str:
    def sign(found: re.Match[str]) -> str:
        if found[1].startswith("#"):
            return html.unescape(found[0])
        return NAMED.get(found[1], found[0])

    return re.sub(r"&(#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|[a-z]+);", sign, text)


# As blocks.


def _block(node: Node) -> dict[str, Any]:
    if node.tag == "hr":
        return {"type": "divider"}
    if node.tag == "table":
        return _table(node)
    if node.tag == "details":
        summary = next((each for each in _tags(node) if each.tag == "summary"), None)
        if summary is None:
            raise _invalid("details without a summary")
        inside = [_block(each) for each in _tags(node) if each is not summary]
        is_open = {"is_open": True} if "open" in node.attributes else {}
        return {"type": "details", "summary": _rich(summary), "blocks": inside, **is_open}
    size = {"size": int(node.tag[1])} if TEXTUAL[node.tag] == "heading" else {}
    return {"type": TEXTUAL[node.tag], "text": _rich(node), **size}


def _tags(node: Node) -> list[Node]:
    """Those that stand in a tag in which no text may."""
    if any(isinstance(each, str) and each.strip() for each in node.inside):
        raise _invalid(f"text in <{node.tag}>")
    return [each for each in node.inside if isinstance(each, Node)]


def _table(node: Node) -> dict[str, Any]:
    rows = [[_cell(cell) for cell in _tags(row)] for row in _tags(node) if row.tag == "tr"]
    if not any(rows):
        raise bad("RICH_MESSAGE_CONTENT_REQUIRED")
    if max(sum(cell.get("colspan", 1) for cell in row) for row in rows) > MAX_COLUMNS:
        raise bad("RICH_MESSAGE_TABLE_COLS_TOO_MANY")
    flags = {f"is_{name}": True for name in ("bordered", "striped", "compact") if name in node.attributes}
    return {"type": "table", "cells": rows, **flags}


def _cell(node: Node) -> dict[str, Any]:
    align = node.attributes.get("align", "left")
    span = node.attributes.get("colspan", "1")
    if align not in ("left", "center", "right") or not re.fullmatch(r"[1-9][0-9]?", span):
        raise _invalid(f"attributes of <{node.tag}>")
    text = _rich(node)
    cell: dict[str, Any] = {"align": align, "valign": "middle"} | ({"text": text} if text else {})
    return cell | ({"is_header": True} if node.tag == "th" else {}) | ({"colspan": int(span)} if span != "1" else {})


def _rich(node: Node) -> Rich:
    texts = [each if isinstance(each, str) else _inline(each) for each in node.inside]
    return texts[0] if len(texts) == 1 else texts or ""


def _inline(node: Node) -> Rich:
    if node.tag == "br":
        return "\n"
    of: dict[str, Any] = {"type": INLINE[node.tag], "text": _rich(node)}
    if node.tag == "tg-time":
        unix, pattern = node.attributes["unix"], node.attributes.get("format", "")
        of |= {"unix_time": int(unix), "date_time_format": pattern}
    return of | ({"url": node.attributes.get("href", "")} if node.tag == "a" else {})


def _n_blocks(block: Mapping[str, Any]) -> int:
    """With those inside, and a table's rows."""
    return 1 + len(block.get("cells", ())) + sum(map(_n_blocks, block.get("blocks", ())))


def _words(of: Rich) -> str:
    """A text without markup; a table's rows are lines."""
    if isinstance(of, str):
        return of
    if isinstance(of, list):
        return "".join(map(_words, of))
    if "cells" in of:
        return "\n".join("  ".join(_words(cell.get("text", "")) for cell in row) for row in of["cells"])
    return "\n".join(_words(part) for part in (of.get("summary"), of.get("text"), *of.get("blocks", ())) if part)


# For a browser.


def _page(node: Node | str) -> str:
    if isinstance(node, str):
        return html.escape(node)
    inside = "".join(map(_page, node.inside))
    if node.tag in ("br", "hr"):
        return f"<{node.tag}>"
    if node.tag == "tg-time":
        unix, pattern = node.attributes["unix"], node.attributes.get("format", "")
        return f'<time data-unix="{unix}" data-format="{pattern}">{inside}</time>'
    shown = {name: node.attributes[name] for name in ("align", "colspan", "open") if name in node.attributes}
    if node.tag == "table":
        shown = {"class": " ".join(name for name in ("bordered", "striped", "compact") if name in node.attributes)}
    attributes = "".join(f' {name}="{html.escape(value)}"' for name, value in shown.items())
    tag = {"tg-spoiler": "mark", "a": "u"}.get(node.tag, node.tag)
    return f"<{tag}{attributes}>{inside}</{tag}>"
