"""Telegram's HTML, read as strictly as Telegram reads it.

Telegram refuses a whole message for one bad tag, and the error of a call made inside a
webhook's answer is lost; so the offline world refuses exactly what Telegram refuses, and the
tests can rely on it.
"""

from __future__ import annotations

import html
import re
from typing import NamedTuple

TAGS = {
    "b": "b", "strong": "b", "i": "i", "em": "i", "u": "u", "ins": "u", "s": "s", "strike": "s", "del": "s",
    "code": "code", "pre": "pre", "a": "a", "blockquote": "blockquote", "span": "span", "tg-spoiler": "span",
    "tg-emoji": "span", "tg-time": "time",
}  # fmt: skip
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
MAX_RAW = 32768  # bytes
MAX_TEXT = 4096


class BadHTML(ValueError):
    """What Telegram would refuse, with its words."""


class Parsed(NamedTuple):
    """text: without markup, trimmed. page: the same as HTML that a browser may show."""

    text: str
    page: str


def as_page(text: str) -> str:
    """A text without markup, as HTML."""
    return html.escape(text, quote=False)


def parse(raw: str) -> Parsed:
    """Reads a message in parse mode HTML. Raises BadHTML."""
    if len(raw.encode("utf-8", "surrogatepass")) > MAX_RAW:
        raise BadHTML("Bad Request: text is too long")
    if not raw:
        raise BadHTML("Bad Request: message text is empty")
    text: list[str] = []
    page: list[str] = []
    stack: list[str] = []
    position = 0
    while position < len(raw):
        sign = raw[position]
        if sign == "&":
            piece, position = _entity(raw, position)
        elif sign == "<":
            position = _tag(raw, position, stack, page)
            continue
        else:
            end = re.compile(r"[<&]").search(raw, position)
            following = end.start() if end else len(raw)
            piece, position = raw[position:following], following
        text.append(piece)
        page.append(html.escape(piece))
    if stack:
        raise _refused(f'Can\'t find end tag corresponding to start tag "{stack[-1]}"')
    whole = "".join(text).strip()
    if not whole:
        raise BadHTML("Bad Request: text must be non-empty")
    if len(whole) > MAX_TEXT:
        raise BadHTML("Bad Request: message is too long")
    return Parsed(whole, "".join(page))


def _refused(why: str) -> BadHTML:
    return BadHTML(f"Bad Request: can't parse entities: {why}")


def _offset(raw: str, position: int) -> int:
    return len(raw[:position].encode("utf-8", "surrogatepass"))


def _entity(raw: str, position: int) -> tuple[str, int]:
    """A character from &lt; &gt; &amp; &quot; or a number; any other & stands for itself."""
    found = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-z]+));?").match(raw, position)
    if found:
        code = int(found[1], 16) if found[1] else int(found[2]) if found[2] else 0
        if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000:
            return chr(code), found.end()
        if found[3] in NAMED:
            return NAMED[found[3]], found.end()
    return "&", position + 1


def _tag(raw: str, position: int, stack: list[str], page: list[str]) -> int:
    """Reads the tag at position; where the text goes on."""
    at = _offset(raw, position)
    end = re.compile(r"<(/?)([^\s>/]*)").match(raw, position)
    assert end is not None
    closing, name = end[1], end[2].lower()
    close = raw.find(">", end.end())
    if closing:
        if close < 0:
            raise _refused(f"Unclosed end tag at byte offset {at}")
        if not stack:
            raise _refused(f"Unexpected end tag at byte offset {at}")
        if name and name != stack[-1]:
            raise _refused(f'Unmatched end tag at byte offset {at}, expected "</{stack[-1]}>", found "</{name}>"')
        page.append(f"</{TAGS[stack.pop()]}>")
        return close + 1
    if name not in TAGS:
        raise _refused(f'Unsupported start tag "{name}" at byte offset {at}')
    if close < 0:
        raise _refused(f"Unclosed start tag at byte offset {at}")
    attributes = raw[end.end() : close]
    if name == "span" and 'class="tg-spoiler"' not in attributes:
        raise _refused(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    if name == "tg-time":
        check_time(attributes, at)
    if attributes.count('"') % 2:
        raise _refused(f"Unclosed attribute value at byte offset {at}")
    stack.append(name)
    page.append(_shown(name, attributes))
    return close + 1


def check_time(attributes: str, at: int) -> None:
    """<tg-time unix="1700000000" format="r">: r counts, or w?[dD]?[tT]? for weekday, date and time. Our words."""
    unix, pattern = _attribute("unix", attributes), _attribute("format", attributes)
    if not re.fullmatch(r"[0-9]{1,10}", unix or "") or not re.fullmatch(r"r|w?[dD]?[tT]?", pattern or ""):
        raise _refused(f'Tag "tg-time" must have attribute "unix" and a known "format" at byte offset {at}')


def _attribute(name: str, attributes: str) -> str | None:
    found = re.search(rf"""\b{name}=(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9.-]+))""", attributes)
    return next((each for each in found.groups() if each is not None), "") if found else None


def _shown(name: str, attributes: str) -> str:
    if name == "blockquote" and re.search(r"\bexpandable\b", attributes):
        return '<blockquote class="expandable">'
    if name in ("span", "tg-spoiler"):
        return '<span class="spoiler">'
    if name == "tg-time":
        unix, pattern = _attribute("unix", attributes), _attribute("format", attributes)
        return f'<time data-unix="{unix}" data-format="{pattern or ""}">'
    link = re.search(r'href="(https?://[^"<>]*)"', attributes) if name == "a" else None
    return f'<a rel="noreferrer" href="{html.escape(link[1])}">' if link else f"<{TAGS[name]}>"
