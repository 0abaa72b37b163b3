"""docs/costs.md: how many requests it says that a command takes."""

from __future__ import annotations

import re

import pytest
from answering import freeze
from conftest import ROOT, a_house, requests_of

TABLE = re.compile(r"^\| `(/[^`]+)` \| [^|]+ \| (\d+) \|", re.MULTILINE)
TOLD = TABLE.findall((ROOT / "docs" / "costs.md").read_text())


@pytest.mark.parametrize(("command", "n"), TOLD)
async def test_a_first_answer_asks_as_often_as_is_told(command: str, n: str) -> None:
    async with a_house() as house:
        freeze(house)
        await house.ask(command)
        assert requests_of(house) == int(n)


def test_the_table_is_found() -> None:
    assert len(TOLD) > 10
