"""What is said of errors and parts: a sentence for each, in one and in several."""

from __future__ import annotations

import ast

from conftest import ROOT, together
from test_docs import PRODUCT, tree_of

from exchanges.errors import Declined, PartName, Reason, Unavailable, UnknownSymbol
from render.sentences import PARTS, REASONS, failed_of, reasons, said


@together("reason", Reason)
def test_every_reason_is_said(reason: Reason) -> None:
    one, several = REASONS[reason]
    assert (one[0].islower(), several[0].islower(), one.endswith(".")) == (True, True, False)


def test_every_part_is_said() -> None:
    assert set(PARTS) == set(PartName)
    assert len(set(PARTS.values())) == len(PartName)


def test_a_status_is_said_with_its_figure() -> None:
    errors = [Unavailable(each, "x", Reason.HTTP_STATUS, 502) for each in ("okx", "gate")]
    assert said(errors[0]) == "answered HTTP 502"
    assert reasons([*errors, Unavailable("bybit", "x", Reason.HTTP_STATUS, 500)]) == (
        "OKX and Gate answered HTTP 502; Bybit answered HTTP 500"
    )


def test_several_have_the_plural() -> None:
    slow = [Unavailable(each, "x", Reason.SLOWER) for each in ("binance", "okx")]
    assert reasons(slow[:1]) == "Binance was slow"
    assert reasons(slow) == "Binance and OKX were slow"


def test_who_does_not_list_it_comes_last() -> None:
    errors = [UnknownSymbol("okx", "x"), Declined("gate", "x")]
    assert reasons(errors) == "Gate declined the question; not listed on OKX"


def test_no_words_beside_the_table() -> None:
    """An error is given its reason by name; what is said of it is written in render/sentences.py only."""
    words = {text for one, several in REASONS.values() for text in (one, several)} - {"failed"}
    others = [name for name in PRODUCT if name != "render/sentences.py"]
    doubtful = [name for name in others if any(word[:12] in (ROOT / name).read_text() for word in words)]
    written = [
        f"{name}:{each.lineno}"
        for name in doubtful
        for each in ast.walk(tree_of(name))
        if isinstance(each, ast.Constant) and each.value in words
    ]
    assert written == []


def test_of_several_coins_each_is_named_that_is_not_listed() -> None:
    silent = Unavailable("binance", "x", Reason.LATE)
    assert failed_of({"BTC": [silent], "OKB": [UnknownSymbol("bybit", "x"), silent]}) == [
        "Binance did not answer in time.",
        "OKB: not listed on Bybit.",
    ]
    assert failed_of({"BTC": []}) == []
