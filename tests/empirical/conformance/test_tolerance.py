"""A layer does not set its own tolerance: a coarse backward pass is right up to one rounding, or wrong."""

import ml_dtypes
import numpy as np
import pytest
from numpy_layers import Pair

from bnverify.empirical.conformance import conforms

PAIR = Pair()


def _single(y, gamma, beta, eps=1e-5):
    if y.dtype != np.float32:
        raise TypeError("float32 only")
    return PAIR.forward(y, gamma, beta, np.float32(eps))


def _report(change, slopes=lambda of_gain, of_shift: (of_gain, of_shift), fault="", shape=(32, 64)):
    def backward(g, y, gamma, beta, eps=1e-5):
        v, of_gain, of_shift = Pair(fault=fault).backward(g, y, gamma, beta, np.float32(eps))
        return change(v, y), *slopes(of_gain, of_shift)

    return conforms(_single, shape=shape, backward=backward, normalizer="layer")


def _bfloat16(v, y):
    return v.astype(ml_dtypes.bfloat16).astype(np.float32)


def test_a_right_layer_of_one_type_passes():
    report = _report(lambda v, y: v)
    assert report.status == 0 and not report.of("inaccurate")


WRONG = {
    "ignores g": lambda v, y: 0.1 * y, "signs": lambda v, y: np.float32(0.3) * np.sign(v),
    "sixteenths": lambda v, y: np.round(v * 16) / 16, "zero": lambda v, y: 0 * v,
    "two per cent": lambda v, y: _bfloat16(v * np.float32(1.02), y),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_coarse_gradients_are_refused(wrong):
    assert _report(WRONG[wrong])["backward.values"].verdict == "violated"


@pytest.mark.parametrize("fault", ["scale constant", "mean constant"])
def test_a_term_left_out_is_not_hidden_by_rounding(fault):
    report = _report(_bfloat16, lambda of_gain, of_shift: (0 * of_gain, of_shift), fault)
    assert {"backward.values", "backward.gain"} <= {finding.key for finding in report.failed}


def test_one_rounding_is_inaccurate_and_excuses_nothing_else():
    report = _report(_bfloat16)
    assert report.status == 0 and report["backward.values"].verdict == "inaccurate"
    assert report["backward.values"].meaning == "computed in bfloat16"
    report = _report(_bfloat16, lambda of_gain, of_shift: (np.float32(0.99) * of_gain, of_shift))
    assert report.failed[0].key == "backward.gain" and report["backward.values"].verdict == "inaccurate"
