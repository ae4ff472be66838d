"""Float32 layers are held to float32's roundings and no more; layers that compute in half precision are named so."""

import ml_dtypes
import numpy as np
import pytest
from numpy_layers import COARSE, Pair

from bnverify.empirical.conformance import conforms


def _single(pair, change):
    """A pair that takes float32 only, with the gradients changed."""

    def forward(y, gamma, beta, eps=1e-5):
        if y.dtype != np.float32:
            raise TypeError("float32 only")
        return pair.forward(y, gamma, beta, np.float32(eps))

    def backward(g, y, gamma, beta, eps=1e-5):
        return change(*pair.backward(g, y, gamma, beta, np.float32(eps)))

    return forward, backward


OFF = np.float32(1.0001)
CHANGES = {
    "backward.gain": lambda v, gain, shift: (v, OFF * gain, shift),
    "backward.shift": lambda v, gain, shift: (v, gain, OFF * shift),
    "backward.values": lambda v, gain, shift: (OFF * v, gain, shift),
}


@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize(
    "shape", [(8, 4), (32, 8), (64, 64), (1024, 8), pytest.param((4096, 4), marks=pytest.mark.slow)]
)
def test_an_error_of_a_ten_thousandth_is_seen_in_float32(shape, axis):
    for key, change in CHANGES.items():
        forward, backward = _single(Pair(axis), change)
        report = conforms(forward, shape=shape, backward=backward)
        assert key in [finding.key for finding in report.failed], (key, report[key])
    forward, backward = _single(Pair(axis), lambda *gradients: gradients)
    report = conforms(forward, shape=shape, backward=backward)
    assert report.status == 0 and not report.of("violated"), report


def _half(dtype, factor=1.0):
    """Layer norm that casts to a narrow type, computes there, and casts back."""

    def forward(y, gamma, beta, eps=1e-5):
        narrow = [np.asarray(each).astype(dtype) for each in (y, gamma, beta)]
        return (factor * Pair().forward(*narrow, dtype(eps)).astype(np.float64)).astype(y.dtype)

    def backward(g, y, gamma, beta, eps=1e-5):
        narrow = [np.asarray(each).astype(dtype) for each in (g, y, gamma, beta)]
        return tuple(each.astype(y.dtype) for each in Pair().backward(*narrow, dtype(eps)))

    return {"layer": forward, "shape": (16, 8), "backward": backward, "normalizer": "layer"}


@pytest.mark.parametrize(("dtype", "name"), [(np.float16, "float16"), (ml_dtypes.bfloat16, "bfloat16")])
def test_half_precision_inside_is_named_and_no_violation(dtype, name):
    report = conforms(**_half(dtype))
    assert not report.failed, report
    if name == "float16":
        assert report.status == 0 and report["forward.values"].verdict == "holds"
    else:  # what it is held to is wider than much of what it gives: nothing is said of it, and it is not accused
        assert report.missing and "in bfloat16 rounding may be 40% of a value" in report["forward.values"].meaning
    assert report["precision"].verdict == "inaccurate" and f"computes in {name}" in report["precision"].meaning
    assert f"computed in {name} whatever it is given" in report.words
    assert report["forward.epsilon"].verdict in ("holds", "not tested")
    assert conforms(**_half(dtype, 1.2)).status == 1


@pytest.mark.parametrize("fault", COARSE)
def test_one_rounding_to_half_precision_is_told(fault):
    pair = Pair(fault=fault)
    report = conforms(pair.forward, shape=(16, 6), backward=pair.backward)
    assert report.status == 0 and "float16" in " ".join(f.meaning for f in report.of("inaccurate"))


def _statistics(dtype, change=lambda z, y: z, epsilon=1e-5, shape=(16, 8)):
    """Layer norm whose mean and variance alone are computed in a narrower type."""

    def forward(y, gamma, beta, eps=epsilon):
        narrow = y.astype(dtype)
        mean, variance = narrow.mean(-1, keepdims=True), narrow.var(-1, keepdims=True)
        z = (y - mean.astype(y.dtype)) / np.sqrt(variance.astype(y.dtype) + eps)
        return change(z, y) * gamma + beta

    def backward(g, y, gamma, beta, eps=epsilon):
        return Pair().backward(g, y, gamma, beta, eps)

    return {"layer": forward, "shape": shape, "backward": backward}


@pytest.mark.parametrize(("dtype", "name"), [(np.float32, "float32"), (np.float16, "float16")])
def test_statistics_of_a_narrower_type_are_that_precise(dtype, name):
    pair = Pair(fault="statistics in float32")
    layers = [_statistics(dtype)]
    if name == "float32":  # of the divisor alone
        layers.append({"layer": pair.forward, "shape": (16, 6), "backward": pair.backward})
    for layer in layers:
        report = conforms(**layer)
        assert report.normalizer == "layer" and report.details["computes_in"] == name and report.failed == (), report
        assert report["precision"].verdict == "inaccurate" and f"mean or scale in {name}" in report["precision"].meaning
        assert f"its mean or scale computed in {name}" in report.words


@pytest.mark.parametrize("shape", [(16, 2), (16, 8), (4, 64)])
@pytest.mark.parametrize("epsilon", [1e-5, 0.3, 0.35, 0.4, 1.0, 100.0])
def test_neither_a_large_epsilon_nor_few_values_look_like_a_narrower_type(epsilon, shape):
    """An epsilon lets a factor of y through in proportion, too; of two values the deviation is often small."""
    for dtype, name in ((np.float64, "float64"), (np.float32, "float32")):
        report = conforms(**_statistics(dtype, epsilon=epsilon, shape=shape))
        assert report.details["computes_in"] == name and not report.failed, report
        wrong = conforms(**_statistics(dtype, lambda z, y: 1.001 * z, epsilon, shape))
        assert wrong.details["computes_in"] == name and wrong.failed, wrong


@pytest.mark.parametrize("shape", [(12, 3), (7, 4), (2, 64)])
def test_a_mean_of_a_narrower_type_alone_is_that_precise(shape):
    """Its error is a shift, which a scale in float64 shows no factor of."""

    def forward(y, gamma, beta, eps=1e-5, factor=1.0):
        centred = y - y.astype(np.float32).mean(-1, keepdims=True).astype(y.dtype)
        return factor * centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + eps) * gamma + beta

    report = conforms(forward, shape=shape, backward=Pair().backward)
    assert report.details["computes_in"] == "float32" and report["precision"].verdict == "inaccurate", report
    assert report.failed == () and report.status == 0, report
    wrong = conforms(forward, shape=shape, backward=Pair().backward, keywords={"factor": 1.00001})
    assert next(each.key for each in wrong.failed) == "forward.yhat", wrong


def test_what_no_narrower_type_explains_is_not_excused():
    wrong = [
        (np.float32, lambda z, y: z * (1 + 1e-5)), (np.float64, lambda z, y: z * (1 + 1e-8)),
        (np.float64, lambda z, y: z * (1 + 1e-8 * np.sin(1e3 * y))), (np.float64, lambda z, y: z + 1e-8 * np.sign(y)),
        (np.float64, lambda z, y: z + 1e-9 * y),
    ]  # fmt: skip
    for dtype, change in wrong:
        report = conforms(**_statistics(dtype, change))
        assert report.details["computes_in"] == np.dtype(dtype).name and report.failed, report
