"""Cases that are one test: all of them run, and the one that fails is named."""

from __future__ import annotations

import inspect

import pytest
from conftest import together

SEEN: list[tuple[str, int, int]] = []


@pytest.mark.parametrize("word", ["a", "b"])
@together("number, double", [(1, 2), (2, 4)])
def test_all_cases_run(word: str, number: int, double: int) -> None:
    SEEN.append((word, number, double))


def test_each_has_been_run_with_every_other() -> None:
    SEEN.clear()
    for word in ("a", "b"):
        test_all_cases_run(word=word)
    assert SEEN == [("a", 1, 2), ("a", 2, 4), ("b", 1, 2), ("b", 2, 4)]
    assert list(inspect.signature(test_all_cases_run).parameters) == ["word"]


def test_the_case_that_fails_is_named() -> None:
    @together("n", [1, 3, 2])
    def odd(n: int) -> None:
        assert n % 2, n

    with pytest.raises(AssertionError) as caught:
        odd()
    assert caught.value.__notes__ == ["n: 2"]


def test_a_case_with_an_id_is_named_by_it() -> None:
    @together("n, of", [(1, "x"), (2, "y")], ids=["odd", "even"])
    def odd(n: int, of: str) -> None:
        assert n % 2, of

    with pytest.raises(AssertionError, match="y") as caught:
        odd()
    assert caught.value.__notes__ == ["n, of: even"]
