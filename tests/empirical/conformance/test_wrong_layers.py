"""Every fault by itself is refused, by the property it breaks; the same layer without one passes."""

import pytest
from numpy_layers import FAULTS, Pair

from bnverify.empirical.conformance import conforms


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_refused_by_name(fault):
    pair = Pair(fault=fault)
    report = conforms(pair.forward, shape=(16, 6), backward=pair.backward, name=fault)
    assert report.status == 1 and not report
    assert FAULTS[fault] in [finding.key for finding in report.failed]
    assert report.verdict.startswith("violated: ")


@pytest.mark.parametrize(
    "fault", ["mean constant", "one part in a billion", "statistics in float32", "gradients exchanged"]
)
@pytest.mark.parametrize(("axis", "shape"), [(0, (24, 4)), ((0, 1), (6, 4, 3)), (-1, (5, 4, 6))])
def test_faults_are_refused_in_other_arrangements(fault, axis, shape):
    pair = Pair(axis, fault=fault)
    assert conforms(pair.forward, shape=shape, backward=pair.backward).status == 1
    right = Pair(axis)
    assert conforms(right.forward, shape=shape, backward=right.backward).status == 0


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("mean constant", "s v is 1 G +0 mean G -1 n a"),
        ("mean twice", "s v is 1 G -2 mean G -1 n a"),
        ("scale constant", "s v is 1 G -1 mean G +0 n a"),
        ("scale with the wrong sign", "s v is 1 G -1 mean G +1 n a"),
        ("gamma left out", "with gamma left out"),
    ],
)
def test_the_wrong_term_is_named(fault, said):
    pair = Pair(fault=fault)
    report = conforms(pair.forward, shape=(16, 6), backward=pair.backward)
    assert said in report["backward.values"].meaning


def test_a_wrong_claim_is_refused():
    pair = Pair()
    report = conforms(pair.forward, shape=(16, 6), backward=pair.backward, normalizer="rms")
    assert report.status == 1 and report["forward.yhat"].verdict == "violated"
    assert conforms(pair.forward, shape=(16, 6), backward=pair.backward, normalizer="layer").status == 0


def test_without_a_backward_pass_nothing_is_said():
    report = conforms(Pair().forward, shape=(16, 6), framework="numpy")
    assert not report.failed and report.missing == ("backward.values",)
    assert report.status == 1 and report.verdict.startswith("not tested")


@pytest.mark.parametrize("which", [1, 2])
def test_gradients_of_parameters_are_tested_in_float32_too(which):
    def backward(g, y, gamma, beta, eps=1e-5):
        found = list(Pair().backward(g, y, gamma, beta, eps))
        if y.dtype == "float32":
            found[which] = 0 * found[which]
        return tuple(found)

    report = conforms(Pair().forward, shape=(16, 6), backward=backward)
    assert [finding.key for finding in report.failed] == ["dtype.float32"]
