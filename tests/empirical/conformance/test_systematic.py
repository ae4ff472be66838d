"""A layer that is wrong in a narrow type alone does not hide behind what one rounding may be there."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from bnverify.empirical.conformance import conforms  # noqa: E402
from bnverify.empirical.conformance.arithmetic import ROUNDOFF, rounded  # noqa: E402
from bnverify.empirical.conformance.case import Case  # noqa: E402
from bnverify.empirical.conformance.recognise import recognise  # noqa: E402
from bnverify.empirical.conformance.subject import Setting  # noqa: E402
from bnverify.empirical.conformance.systematic import Part, calm, of_answers, of_sums  # noqa: E402
from bnverify.empirical.conformance.wrap import subject_of  # noqa: E402


def _layer(fault="", centred=True, axis=0, squares=False):
    """Batch or layer norm in which every operation is one of the type of y, with a fault in bfloat16 alone."""

    def layer(y, gamma, beta, eps=1e-5):
        wrong = fault if y.dtype == torch.bfloat16 else ""
        m = y.shape[axis]
        mu = y.mean(axis, keepdim=True) if centred else torch.zeros_like(y.narrow(axis, 0, 1))
        var = (y * y).mean(axis, keepdim=True) - mu * mu if squares else ((y - mu) ** 2).mean(axis, keepdim=True)
        s = (var * (m / (m - 1) if wrong == "unbiased" else 1) + (0.1 if wrong == "epsilon" else eps)).sqrt()
        if wrong == "constant scale":
            s = s.detach()
        if wrong == "constant mean":
            mu = mu.detach()
        yhat = (y - mu) / s
        if wrong == "gamma without gradient":
            gamma = gamma.detach()
        return (1.08 if wrong == "factor" else 1) * yhat * gamma + (0.9 if wrong == "beta" else 1) * beta

    return layer


@pytest.mark.parametrize(
    ("fault", "term"),
    [
        ("", ""), ("unbiased", "gamma yhat in z"), ("epsilon", "a n/s in v"), ("constant scale", "a n/s in v is -"),
        ("constant mean", ""), ("gamma without gradient", "the gradient of gamma is -100"), ("factor", "% off"),
        ("beta", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_in_bfloat16_alone_is_told(fault, term):
    report = conforms(_layer(fault), shape=(8, 6), framework="torch")
    wrong = {finding.key: finding.meaning for finding in report.failed}
    assert set(wrong) == ({"dtype.bfloat16", "dtype.mixed"} if fault else set()), report
    assert term in wrong.get("dtype.bfloat16", "")
    if not fault:
        assert "every term as large as it is, to 5%" in report["dtype.bfloat16"].meaning


def _ratios(layer, shape, dtype, seed):
    """Of each term of a layer in a type, what it is off by over what may be."""
    subject = subject_of(layer, (), {}, shape, framework="torch")
    case = Case(recognise(subject, shape, None, 1, Setting("float64")))
    case.gain, case.shift = (rounded(each, dtype) for each in case.reading.drawn(seed))
    y, g = rounded((1 + 0.4 * seed) * case.y + 0.6 * seed, dtype), rounded(case.g[::-1], dtype)
    exact, u = case.exact(y, g, dtype=dtype), ROUNDOFF[dtype]
    told = list(of_answers(case, case.reading.call(y, case.gain, case.shift, g, dtype=dtype), exact, u))
    few = g * calm(exact, u)
    sums = case.reading.call(y, case.gain, case.shift, few, dtype=dtype)
    told += of_sums(case, sums, case.exact(y, few), u)
    ratios = {(each.of, getattr(each, "term", "scatter")): 0.0 for each in told}
    for each in told:
        key = each.of, getattr(each, "term", "scatter")
        ratios[key] = max(ratios[key], each.residual / each.allowed)
    return ratios


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(8, 4), (64, 12), (512, 3)])
def test_roundings_change_no_term_by_more_than_is_allowed(shape, axis):
    layers = [_layer(axis=axis), _layer(axis=axis, squares=True), _layer(axis=axis, centred=False)]
    types = ("bfloat16", "float16")
    found = [_ratios(each, shape, dtype, seed) for each in layers for dtype in types for seed in range(5)]
    assert max(max(each.values()) for each in found) < 0.8
    assert all(("z", "gamma yhat") in each and ("v", "G/s") in each for each in found)


def test_terms_that_are_one_are_not_told_apart():
    """Of two values v is 0 up to epsilon: its three terms are two."""
    found = _ratios(_layer(axis=1), (64, 2), "bfloat16", 0)
    assert {term for of, term in found if of == "v"} == {"scatter"} and ("z", "gamma yhat") in found


def test_a_term_is_fitted_as_large_as_it_is():
    shape, double = (16, 6), Setting("float64")
    case = Case(recognise(subject_of(_layer(), (), {}, shape, framework="torch"), shape, None, 1, double))
    found = case.reading.call(case.y, case.gain, case.shift, case.g)
    for factor in (1.0, 1.25):
        z, v = factor * found.z, factor * found.v
        told = of_answers(case, replace(found, z=z, v=v), case.here, ROUNDOFF["bfloat16"])
        excess = [part.excess for part in told if isinstance(part, Part) and part.term != "gamma"]
        assert len(excess) == 5
        np.testing.assert_allclose(excess, factor - 1, atol=1e-9)


@pytest.mark.parametrize("where", ["by channel", "one sample"])
def test_what_cancels_in_a_fit_is_told(where):
    right = _layer(axis=1)

    def layer(y, gamma, beta, eps=1e-5):
        factor = torch.ones_like(y)
        if y.dtype == torch.bfloat16:
            if where == "by channel":
                factor[:, ::2], factor[:, 1::2] = 1.07, 0.93
            else:
                factor[0] = 1.2
        return right(y, gamma, beta, eps) * factor

    report = conforms(layer, shape=(16, 8), framework="torch")
    assert {each.key for each in report.failed} == {"dtype.bfloat16", "dtype.mixed"}, report
    assert "typical roundings" in report["dtype.bfloat16"].meaning


@pytest.mark.parametrize("shape", [(16, 8), (5, 11), (7, 22), (4, 29)])
def test_what_roundings_make_equal_is_a_kink(shape):
    """Which of two largest values is taken, no rounding says."""

    def layer(y, gamma, beta, eps=1e-5):
        c = y - y.mean(-1, keepdim=True)
        return c / (c.abs().amax(-1, keepdim=True) + eps) * gamma + beta

    report = conforms(layer, shape=shape, framework="torch")
    assert not [each for each in report.failed if each.key.startswith("dtype.")], report
