"""Layers that are wrong only at sizes no ordinary number has are refused there, by name; right ones are right up to
where their type ends, and the report says up to where it looked."""

import numpy as np
import pytest
from numpy_layers import Pair

from bnverify.empirical.conformance import conforms
from bnverify.empirical.conformance.case import Case
from bnverify.empirical.conformance.ladders import findings
from bnverify.empirical.conformance.reach import Scaled, Typed
from bnverify.empirical.conformance.recognise import recognise
from bnverify.empirical.conformance.subject import Setting
from bnverify.empirical.conformance.wrap import subject_of

SHAPES = {0: (32, 4), -1: (16, 6), (0, 1, 2): (4, 3, 3, 4)}


def _deviation(y, axis):
    return y.std(axis, keepdims=True)


def _wrong(axis=-1, z=None, back=None, given=None):
    """A right pair of functions but for what changes z, (v, dgamma, dbeta) or y."""
    pair = Pair(axis)

    def forward(y, gamma, beta, eps=1e-5):
        y = given(y) if given else y
        out = pair.forward(y, gamma, beta, eps)
        return z(out, y, gamma, beta, axis) if z else out

    def backward(g, y, gamma, beta, eps=1e-5):
        y = given(y) if given else y
        out = pair.backward(g, y, gamma, beta, eps)
        return back(out, g, y, gamma, axis) if back else out

    return forward, backward


def _report(axis=-1, **changes):
    forward, backward = _wrong(axis, **changes)
    return conforms(forward, shape=SHAPES[axis], backward=backward)


def _off(out):
    return 1.001 * out


def _flushed(least):
    def back(out, *_):
        return tuple(np.where(np.abs(each) < least, 0, each).astype(each.dtype) for each in out)

    return back


def _without_epsilon(out, y, gamma, beta, axis):
    deviation = _deviation(y, axis)
    yhat = np.divide(y - y.mean(axis, keepdims=True), deviation, out=0 * y, where=deviation > 0)
    return np.where(deviation < 1e-16, gamma * yhat + beta, out)


# What is wrong: the layer, the property that must fail, what must be said of it.
FOUND = {
    "above 4,096 rows": (
        {"z": lambda z, y, *_: _off(z) if len(y) > 4096 else z}, "batch.many", "right on ordinary data, wrong here at z"
    ),
    "values clipped": ({"z": lambda z, *_: np.clip(z, -1e20, 1e20)}, "reach.gamma", "wrong at z where they are"),
    "gradients clipped": (
        {"back": lambda out, *_: tuple(np.clip(each, -1e20, 1e20) for each in out)}, "reach.gradient", "where it is"
    ),
    "gradients flushed below 1e-20": ({"back": _flushed(1e-20)}, "reach.gradient", "where it is"),
    "gradients flushed below 1e-30": ({"back": _flushed(1e-30)}, "reach.gradient", "where it is"),
    "zeros below a deviation": (
        {"z": lambda z, y, gamma, beta, axis: np.where(_deviation(y, axis) < 1e-16, beta, z)}, "reach.small",
        "wrong at z where y is",
    ),
    "no epsilon below a deviation": ({"z": _without_epsilon}, "reach.small", "wrong at z where y is"),
    "y clipped": ({"given": lambda y: np.clip(y, -1e20, 1e20)}, "reach.large", "wrong at"),
    "flushed in float32 alone": (
        {"back": lambda out, g, y, *_: _flushed(1e-30)(out) if y.dtype == np.float32 else out}, "reach.gradient",
        "in float32",
    ),
    "a band of gradients": (
        {"back": lambda out, g, *_: (_off(out[0]), *out[1:]) if 1e25 < np.abs(g).max() < 1e45 else out},
        "reach.gradient", "wrong at v",
    ),
    "vectors of all sizes in one call": (
        {"z": lambda z, y, gamma, beta, axis: _off(z) if np.ptp(np.log10(_deviation(y, axis) + 1e-300)) > 99 else z},
        "reach.mixed", "wrong at z where vectors are",
    ),
    "gradients of all sizes in one call": (
        {"back": lambda out, g, y, gamma, axis: (
            (_off(out[0]), *out[1:]) if np.ptp(np.log10(np.abs(g).max(axis) + 1e-300)) > 99 else out
        )}, "reach.gradient", "it is of many sizes",
    ),
    "4,097 channels": (
        {"z": lambda z, y, *_: _off(z) if y.shape[-1] > 4096 else z}, "channels.4097", "wrong at z alone"
    ),
    "gamma 0 everywhere": (
        {"back": lambda out, g, y, gamma, axis: (out[0], 0 * out[1], out[2]) if not gamma.any() else out},
        "regime.zero_gamma", "wrong here at the gradient of gamma",
    ),
    "no positive gamma": (
        {"back": lambda out, g, y, gamma, axis: (_off(out[0]), *out[1:]) if (gamma < 0).all() else out},
        "regime.negative_gamma", "wrong here at v",
    ),
    "a gradient of zeros": (
        {"back": lambda out, g, *_: (out[0] + (0 if g.any() else np.nan), *out[1:])}, "regime.zero_g", "wrong here at v"
    ),
    "a gradient of ones": (
        {"back": lambda out, g, *_: (*out[:2], _off(out[2])) if (g == 1).all() else out}, "regime.ones_in_g", "of beta"
    ),
    "no gradient at constants": (
        {"back": lambda out, g, y, *_: (out[0] * (np.ptp(y) > 0), *out[1:])}, "conditioning.constant", "wrong at v"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_what_is_wrong_in_one_regime_alone_is_refused_there(name):
    changes, key, said = FOUND[name]
    report = _report(-1, **changes)
    assert report[key].verdict == "violated" and said in report[key].meaning, report[key]
    assert not {finding.key for finding in report.failed} & {"forward.yhat", "forward.values", "backward.values"}


def test_over_the_batch_too():
    def first_rows(y):  # statistics of the first 4,096 alone
        return y if len(y) <= 4096 else np.concatenate([y[:4096], np.broadcast_to(y[:4096].mean(0), y[4096:].shape)])

    assert _report(0, z=lambda z, y, *_: Pair(0).forward(first_rows(y), 1.0, 0.0) if len(y) > 4096 else z)[
        "batch.many"
    ].verdict == "violated"  # fmt: skip
    assert _report(0, back=_flushed(1e-30))["reach.gradient"].verdict == "violated"
    assert _report(0, z=_without_epsilon)["reach.small"].verdict == "violated"
    one = _report(0, z=lambda z, y, *_: _off(z) if y.shape[-1] == 1 else z)
    assert [finding.key for finding in one.failed] == ["channels.1"]
    of_one_position = _report((0, 1, 2), z=lambda z, y, *_: _off(z) if y.shape[1:3] == (1, 1) else z)
    assert "batch.many" in [finding.key for finding in of_one_position.failed]


@pytest.mark.parametrize("axis", SHAPES)
def test_right_layers_are_right_at_every_size_and_the_report_says_which(axis):
    pair = Pair(axis)
    report = conforms(pair.forward, shape=SHAPES[axis], backward=pair.backward)
    tried = [finding for finding in report.findings if finding.key.split(".")[0] in ("reach", "channels")]
    assert report.status == 0 and {f.verdict for f in tried if f.key.startswith("reach")} == {"holds"}
    reach = report.reach
    for dtype, largest in (("float64", 1023), ("float32", 127)):
        low, high = np.log2(reach[dtype]["y"])
        assert low < 30 - largest and largest / 2 - 20 < high < largest / 2  # squares are numbers of the type
        low, high = np.log2(reach[dtype]["g"])
        assert low < 30 - largest and high > largest - 30
        assert np.log2(reach[dtype]["y with g"][1]) < high / 2
    assert reach["float64"]["rows"][-1] == 65571 and reach["float64"]["m"][-1] > 4096
    assert "65,571 samples" in report.tested and "Nothing is said beyond" in report.tested
    assert report.tested.split()[-1] in report.text() and report.to_json()["reach"] == reach


def test_what_fails_is_not_in_the_reach():
    report = _report(-1, back=_flushed(1e-30))
    assert report.reach["float64"]["g"][0] > 1e-30 > conforms(
        Pair().forward, shape=(16, 6), backward=Pair().backward
    ).reach["float64"]["g"][0]  # fmt: skip


def _case(change, shape=(16, 6), epsilon=1e-5, **given):
    """A case of a layer whose gradient is changed."""

    def forward(y, gamma, beta, eps=epsilon):
        return Pair().forward(y, gamma, beta, eps)

    def backward(g, y, gamma, beta, eps=epsilon):
        return change(Pair().backward(g, y, gamma, beta, eps), g)

    subject = subject_of(forward, (), {}, shape, backward=backward)
    return Case(recognise(subject, shape, None, 1, Setting(**given)))


def _same(out, g):
    return out


def test_a_power_of_two_changes_no_digit():
    """Not one: a layer that changes the last of them is not taken for exact, and one that is not linear in g is off."""
    case = _case(_same)
    rungs = list(Typed(case, "float64").climb("", Scaled(), [Scaled(g=-900), Scaled(g=900), Scaled(affine=700)]))
    assert all(residual == 0 for rung in rungs[1:] for residual in rung.residuals.values())
    last = _case(lambda out, g: (np.nextafter(out[0], np.inf) if np.abs(g).max() < 1e-100 else out[0], *out[1:]))
    _, rung = Typed(last, "float64").climb("", Scaled(), [Scaled(g=-900)])
    assert 0 < rung.residuals["v"] < rung.allowed and rung.residuals["gain"] == 0
    bent = _case(lambda out, g: (out[0] + 1e-14 * np.sign(out[0]) * np.sqrt(np.abs(out[0])), *out[1:]))
    assert next(f for f in findings(bent, ()) if f.key == "reach.gradient").verdict == "violated"
    _, rung = Typed(bent, "float64").climb("", Scaled(), [Scaled(g=-900)])
    assert rung.ratio > 1e10 and rung.worst == "v"


def test_an_epsilon_that_nothing_showed_is_no_fault():
    """1e-60 is seen at no ordinary y, and is 0 in float32. A layer that states none may have it, one that states
    another may not."""

    def forward(y, gamma, beta):
        return Pair().forward(y, gamma, beta, 1e-60)

    def backward(g, y, gamma, beta):
        return Pair().backward(g, y, gamma, beta, 1e-60)

    assert conforms(forward, shape=(16, 6), backward=backward).status == 0
    pair = Pair()
    assert conforms(lambda y, gamma, beta: pair.forward(y, gamma, beta, 0.0), shape=(16, 6),
                    backward=lambda g, y, gamma, beta: pair.backward(g, y, gamma, beta, 0.0)).status == 0  # fmt: skip
    stated = conforms(lambda y, gamma, beta, eps=0.0: pair.forward(y, gamma, beta, eps + 1e-60), shape=(16, 6),
                      backward=lambda g, y, gamma, beta, eps=0.0: pair.backward(g, y, gamma, beta, eps))  # fmt: skip
    assert {"forward.epsilon", "reach.mixed"} <= {finding.key for finding in stated.failed}
