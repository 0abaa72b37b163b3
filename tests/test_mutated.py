"""Every command and API path while exchanges lie in good HTTP: some dozen cases of trials/mutated.py, or hundreds."""

from __future__ import annotations

import os
import random

import fuzz
import mutated
import pytest
from conftest import together
from mutated import check_bounded, check_lines, lie

import json_api
from bot import COMMANDS
from exchanges.words import Funding, Ticker

pytestmark = pytest.mark.no_cover  # others reach what these do


@pytest.mark.parametrize("n_cases", [40, pytest.param(200, marks=pytest.mark.trial)])
async def test_mutated_answers_are_never_believed_and_never_break_anything(n_cases: int) -> None:
    """MUTATED_SEED runs the cases of a failure again, and trials/mutated.py --only one of them."""
    seed = int(os.environ.get("MUTATED_SEED") or 1)
    print(f"seed {seed}")
    trial = await mutated.tried(seed, range(n_cases))
    assert not trial.failures, "\n".join([f"seed {seed}", *mutated.alike(trial.failures)[:5]])
    assert trial.counts["chat"] + trial.counts["API 200"] > n_cases * 0.5
    assert trial.counts["figures"]


def test_every_path_and_command_is_asked() -> None:
    asked = {target.partition("?")[0] for _, target, _ in mutated.api_questions()}
    assert asked == {*json_api.ROUTES, "/chart.png"}
    said = {line.split()[0][1:] for line in mutated.COMMANDS}
    assert said == set(COMMANDS) - {"alerts", "help", "settings", "start"}  # which ask no exchange


def test_an_infinite_figure_is_found_wherever_it_stands() -> None:
    funding = Funding(float("-inf"), 8.0, None, None)
    for record in (funding, [funding], {"a": (1.0, {"b": funding})}):
        with pytest.raises(fuzz.Failed, match=r"funding_rate|b"):
            check_bounded(record)
    check_bounded([Ticker("x", "BTC-USDT", 1.0, None, None, None, None, None, 1e30, None, 0), {"a": float("nan")}])


@together("between", ["\n", "\r\n", "\u2028", "\x85", "\n  "])
def test_a_line_that_others_made_is_found(between: str) -> None:
    with pytest.raises(fuzz.Failed):
        check_lines(f"BTC{between}{mutated.EVIL} 5")
    check_lines(f"BTC {mutated.EVIL} 5")


def test_lies_are_lies() -> None:
    rng = random.Random(5)
    honest = b'{"symbol":"BTCUSDT","lastPrice":"64000.10","openTime":1700000000000}'
    assert sum(lie(rng, honest) != honest for _ in range(100)) > 90
