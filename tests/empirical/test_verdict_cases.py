"""No right layer is called wrong and no wrong one right: a small sample, and the sweep where tests may be slow."""

import sys
from pathlib import Path

import jax.numpy as jnp
import pytest

from bnverify.empirical.judgement.assertion import assert_claims

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from verdict_cases.correct import SHAPES
from verdict_cases.wrong import COEFFICIENTS, FAMILIES, Wrong, coefficients, data, family, forwards, wrong_layers
from verdicts import judge_wrong, passes, sweep


@pytest.mark.parametrize(("dtype", "names"), [("float64", ("batch", "token-rms")), ("float32", ("token-rms",))])
def test_right_layers_are_not_called_wrong(dtype, names):
    found = sweep(40, dtype, seed=3, names=names, quick=True)
    assert found["cases"] >= 35 and found["points"] > 400
    assert found["violations"] == []


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_layers_of_every_kind_and_size_are_not_called_wrong(dtype):
    found = sweep(1_000, dtype, seed=5)
    assert found["violations"] == [] and found["cases"] > 900


def test_a_hand_written_backward_pass_that_is_right_passes():
    """The family of wrong ones with all coefficients 1: what fails in them is the coefficient."""
    ones = jnp.ones(len(COEFFICIENTS))
    for name in FAMILIES:
        assert passes(Wrong(name, "nothing", family(name), (ones,)))
    verdicts = assert_claims(*data("batch"), layer=family("batch"), context=(ones,))
    tested = {verdict.key for verdict in verdicts if verdict.points}
    assert {"fact-c2", "hessian", "theorem-4.2-exact", "second-derivative", "gamma-gradient"} <= tested


@pytest.mark.parametrize("name", FAMILIES)
def test_no_coefficient_may_be_off_by_a_millionth(name):
    for wrong in coefficients(name):
        assert not passes(wrong), wrong.defect


@pytest.mark.parametrize("normalizer", ["batch", "rms"])
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
