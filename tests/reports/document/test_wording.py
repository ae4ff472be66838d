"""Numbers in words, and dashes where a number would mislead."""

import dataclasses

import pytest

from bnverify.empirical.judgement.verdict import Verdict
from bnverify.reports.document.wording import DASH, counted, outcome, scientific, tightness

HOLDS = Verdict("theorem-4.1", "upper bound", "bn", "float64", 12, 0, 1e-10, 3e-16, (0.0, 0.0, 0.0), 1.5)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (1e-10, "$10^{-10}$"), (2.34e-15, r"$2.3\cdot 10^{-15}$"), (float("nan"), DASH)],
)
def test_scientific(value, shown):
    assert scientific(value) == shown


def test_counted():
    assert [counted(n, "claim") for n in (0, 1, 1200)] == ["no claims", "1 claim", "1,200 claims"]


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, "1.5"),
        ({"tightness": 1.0}, "1"),
        ({"tightness": 1 + 3e-8}, r"$1 + 3\cdot 10^{-8}$"),
        ({"tightness": 1 - 1e-5}, r"$1 - 10^{-5}$"),
        ({"points": 0, "tightness": float("nan")}, DASH),
        ({"key": "normalised-mean", "tightness": 1.0}, DASH),
        ({"key": "scale-gradient", "tightness": 0.0}, DASH),
    ],
)
def test_tightness_is_a_number_or_a_dash(change, shown):
    assert tightness(dataclasses.replace(HOLDS, **change)) == shown


def test_what_was_not_tested_is_never_called_holding():
    untested = dataclasses.replace(HOLDS, points=0, excluded={"outside the hypothesis epsilon = 0": 30})
    assert outcome(untested) == r"not tested (outside the hypothesis $\varepsilon  = 0$: 30)"
    assert outcome(HOLDS).startswith("holds at 12 points")
    assert outcome(dataclasses.replace(HOLDS, violations=2)).startswith("violated at 2 of 12 points")
