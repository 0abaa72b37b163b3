"""Nothing calls back up: bench/follow.py finds no call from a lower room into a higher one."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import follow
import pytest

import door

pytestmark = pytest.mark.no_cover  # others reach what these do


def test_no_call_goes_up() -> None:
    asked = ("/price BTC", "/price NOSUCHCOIN", "/volume ETH", "/help")
    found = asyncio.run(follow.followed(asked))
    assert {text: dict(each.up) for text, each in found.items()} == {text: {} for text in asked}
    ways = found["/price BTC"].ways
    assert len(ways) > 5  # a question's way to the wire each
    assert {next(stack[-1][0] for stack in reversed(way) if stack) for way in ways} == {"Door.serve"}


def test_a_call_that_goes_up_is_found() -> None:
    code = "def go_up(read): read(b'{\"update_id\": 1}')"
    source = compile(code, str(follow.ROOT / "http1" / "server.py"), "exec")
    below: dict[str, Any] = {}
    exec(source, below)
    follower = follow.Follower()
    sys.setprofile(follower.called)
    try:
        below["go_up"](door._update)
    finally:
        sys.setprofile(None)
    assert dict(follower.up) == {("http1: go_up", "door: _update"): 1}
