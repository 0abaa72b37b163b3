"""docs/wire.md against the code: every such question of every exchange, what reads it, what that was held against."""

from __future__ import annotations

import importlib
import re
from typing import NamedTuple

from conftest import RECORDINGS, ROOT, a_perp, recorded, together

from exchanges import exchange as questions
from exchanges import gate
from exchanges.table import EXCHANGES
from exchanges.words import LiquidationPage

TEXT = (ROOT / "docs" / "wire.md").read_text()
TESTS = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))


class Line(NamedTuple):
    exchange: str
    question: str
    asked_at: str
    reader: str
    held: str
    doubt: str


LINES = [
    Line(*found) for found in re.findall(r"^\| (\w+) \| (\w+) \| " + r" \| ".join(["(.+?)"] * 4) + r" \|$", TEXT, re.M)
][1:]


def named(line: Line) -> list[str]:
    """The recordings that it was held against."""
    return re.findall(r"`(\w+/[\w-]+)`", line.held)


def test_every_question_about_traders_has_its_line() -> None:
    wanted = {
        (each.id, question)
        for each in EXCHANGES.values()
        for question in set(questions.UNTOLD) - {"candles"}
        if each.tells.get(question) or (question == "flow" and each.has_takers_in_candles)
    }
    assert {(line.exchange, line.question) for line in LINES} == wanted
    assert len(LINES) == len(wanted)


@together("line", LINES)
def test_line_is_true(line: Line) -> None:
    """Its reader exists; what it was recorded for is read in a test; what is not recorded has its doubt named, in the
    reader's own words, too."""
    module, _, name = line.reader.strip("`").partition(".")
    assert module == line.exchange
    for recording in named(line):
        assert f'recorded("{recording}")' in TESTS
        assert not RECORDINGS.is_dir() or (RECORDINGS / f"{recording}.json").is_file()
    assert getattr(importlib.import_module(f"exchanges.{module}"), name).__doc__
    assert bool(named(line)) == (line.doubt == "–")


@together(
    "line, words",
    [
        ("bitget liquidations", "says neither what amount counts nor whose side is told"),
        ("kraken basis_history", "names neither unit nor sign"),
        ("kraken ratios", "does not say of what"),
        ("kraken liquidations", "Sides and prices are not told"),
        ("kraken funding_history", "MILLISECONDS, alone"),
        ("okx liquidations", "BANKRUPTCY price"),
    ],
)
def test_doubt_stands_beside_the_reader(line: str, words: str) -> None:
    found = next(each for each in LINES if f"{each.exchange} {each.question}" == line)
    module, _, name = found.reader.strip("`").partition(".")
    docstring = getattr(importlib.import_module(f"exchanges.{module}"), name).__doc__
    assert words in " ".join(docstring.split())
    assert found.doubt != "–"


def test_gates_sign_as_it_was_recorded() -> None:
    """Below zero: a short; its order bought, at a limit above the fill."""
    page = gate.parse_liquidations(recorded("gate/liq-orders"), a_perp("BTC-USDT", contract_size=0.0001), 0)
    assert isinstance(page, LiquidationPage)
    assert [row.side for row in page.rows] == ["short"]
