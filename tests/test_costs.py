"""docs/costs.md: how many requests it says that a command takes."""

from __future__ import annotations

import re

import orjson
import pytest
from answering import freeze
from conftest import ROOT, a_house, requests_of

TABLE = re.compile(r"^\| `(/[^`]+)` \| [^|]+ \| (\d+) \|", re.MULTILINE)
COSTS = (ROOT / "docs" / "costs.md").read_text()
RESULTS = (ROOT / "bench" / "RESULTS.md").read_text()
TOLD = TABLE.findall(COSTS)


@pytest.mark.parametrize(("command", "n"), TOLD)
async def test_a_first_answer_asks_as_often_as_is_told(command: str, n: str) -> None:
    async with a_house() as house:
        freeze(house)
        await house.ask(command)
        assert requests_of(house) == int(n)


def test_what_alerts_weigh_is_what_was_measured() -> None:
    rows = [orjson.loads(line) for line in RESULTS.splitlines() if line.startswith('{"alerts"')]
    most = max(rows, key=lambda row: row["alerts"])
    assert f"SQLite weighs {most['store_mib']} MiB" in COSTS
    assert re.search(rf"{most['alerts']:,} alerts of all kinds, with\s.*, {most['alerts_mib']} MiB more", COSTS)


def test_the_table_is_found() -> None:
    assert len(TOLD) > 10
