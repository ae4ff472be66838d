"""No right layer is called wrong and no wrong one right: a small sample, and the sweep where tests may be slow."""

import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from selection import first_and_slow

from bnverify.empirical.judgement.assertion import assert_claims

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from verdict_cases.correct import SHAPES
from verdict_cases.wrong import COEFFICIENTS, FAMILIES, Wrong, coefficients, data, family, forwards, wrong_layers
from verdicts import BEGIN, END, drawn, judge_wrong, passes, sweep, written

ROOT = Path(__file__).parents[2]


def _together(pieces):
    return [sum(piece[key] for piece in pieces) for key in ("cases", "points")], [
        violation for piece in pieces for violation in piece["violations"]
    ]


@pytest.mark.parametrize(("dtype", "names"), [("float64", ("batch", "token-rms")), ("float32", ("token-rms",))])
def test_right_layers_are_not_called_wrong(dtype, names, tmp_path):
    pieces = sweep(40, dtype, seed=3, names=names, quick=True, folder=tmp_path)
    (cases, points), violations = _together(pieces)
    assert cases >= 35 and points > 400 and violations == []
    before = [path.stat().st_mtime_ns for path in tmp_path.iterdir()]
    again = sweep(40, dtype, seed=3, names=names, quick=True, folder=tmp_path)
    assert [path.stat().st_mtime_ns for path in tmp_path.iterdir()] == before  # read, not made again
    assert [{**piece, "shape": list(piece["shape"])} for piece in again] == [
        {**piece, "shape": list(piece["shape"])} for piece in pieces
    ]


def test_cases_differ():
    cases = drawn("token-rms", (3, 4, 2), 20, "float64", 4)
    assert len(set(cases.settings)) == len(cases.settings) >= 18
    for name in ("s", "g_g", "w_z"):
        assert len(np.unique(cases.rows[name][:, 0])) > 10


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_layers_of_every_kind_and_size_are_not_called_wrong(dtype):
    (cases, _), violations = _together(sweep(1_000, dtype, seed=5))
    assert violations == [] and cases > 900


def test_a_hand_written_backward_pass_that_is_right_passes():
    """The family of wrong ones with all coefficients 1: what fails in them is the coefficient."""
    ones = jnp.ones(len(COEFFICIENTS))
    for name in FAMILIES:
        assert passes(Wrong(name, "nothing", family(name), (ones,)))
    verdicts = assert_claims(*data("batch"), layer=family("batch"), context=(ones,))
    tested = {verdict.key for verdict in verdicts if verdict.points}
    assert {"fact-c2", "hessian", "theorem-4.2-exact", "second-derivative", "gamma-gradient"} <= tested


@pytest.mark.parametrize("name", first_and_slow(FAMILIES, {"batch"}))
def test_no_coefficient_may_be_off_by_a_millionth(name):
    for wrong in coefficients(name):
        assert not passes(wrong), wrong.defect


@pytest.mark.parametrize("normalizer", first_and_slow(["batch", "rms"], {"batch"}))
def test_no_wrong_layer_passes(normalizer):
    shown = ("offset of a millionth", "other values, right derivatives", "NaN in one channel", "gradient of gamma lost")
    layers = [wrong for wrong in forwards(normalizer) if wrong.defect in shown]
    assert len(layers) == len(shown)
    for wrong in layers:
        assert not passes(wrong), wrong.defect


@pytest.mark.slow
def test_none_of_all_wrong_layers_passes():
    tried, passed = judge_wrong()
    assert tried == len(wrong_layers()) >= 60 and passed == []


def test_every_size_and_normaliser_is_swept():
    sizes = {shape[0] for shape in SHAPES["batch"] if len(shape) == 2}
    assert {2, 4096} <= sizes and {"layer", "rms", "token-layer", "group", "instance", "batch-renorm"} <= set(SHAPES)


def _rows(text):
    return [line for line in text.splitlines() if line.startswith("|")]


def test_the_page_shows_the_stored_results():
    """Row by row; the totals are the sums of their rows, and what they say is what was promised."""
    page = (ROOT / "docs" / "numerical-trust.md").read_text()
    shown = _rows(page[page.index(BEGIN) : page.index(END)])
    assert shown == _rows((ROOT / "benchmarks" / "results" / "verdicts.txt").read_text())
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in shown]
    number = {(row[0], row[1]): [int(row[i].replace(",", "")) for i in (3, 4, 5)] for row in cells if len(row) == 10
              and row[3].replace(",", "").isdigit()}  # fmt: skip
    for dtype in ("float64", "float32"):
        total = number.pop(("**all**", dtype))
        assert total == [sum(column) for column in zip(*(n for (_, d), n in number.items() if d == dtype), strict=True)]
        assert total[0] >= 10_000 and total[2] == 0
        assert {name for name, d in number if d == dtype} == set(SHAPES)
    assert int(cells[-1][0]) == len(wrong_layers()) and cells[-1][1] == "0"


def test_the_tables_of_the_page_are_replaced_whole():
    assert written(f"a\n{BEGIN}\nold\n{END}\nb", "new\n") == f"a\n{BEGIN}\nnew\n{END}\nb"
