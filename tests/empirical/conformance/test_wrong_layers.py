"""Every fault by itself is refused, by the property it breaks; the same layer without one passes."""

import jax
import jax.numpy as jnp
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


@pytest.mark.parametrize("fault", ["mean constant", "one part in a billion", "third decimal", "gradients exchanged"])
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


def _other_values(fault: str, exponential: bool):
    """Layers whose values are no normalizer's, differentiated by JAX but for one fault."""

    def norm(y):
        scale = jnp.sqrt(jnp.square(y).mean(-1, keepdims=True) + 1e-5)
        return y / (jax.lax.stop_gradient(scale) if fault == "v" else scale)

    def of_gain(y, weight):
        factor = jnp.exp(weight)
        return (jax.lax.stop_gradient(factor) if fault == "weight" else factor) * norm(y)

    return of_gain if exponential else lambda y: norm(y) * (1 + 0.1 * jnp.tanh(norm(y)))


@pytest.mark.parametrize(
    ("fault", "exponential", "violated"),
    [
        ("", True, set()), ("v", True, {"backward.values"}), ("weight", True, {"backward.gain"}),
        ("", False, set()), ("v", False, {"backward.values"}),
    ],
)  # fmt: skip
def test_a_backward_pass_of_other_values_is_held_against_these(fault, exponential, violated):
    """What is wrong with the values is not wrong with their derivative."""
    report = conforms(_other_values(fault, exponential), shape=(6, 8))
    failed = {finding.key for finding in report.failed}
    assert "forward.yhat" in failed and {key for key in failed if key.startswith(("backward", "second"))} == violated
    words = {"backward.values": "a wrong backward pass", "backward.gain": "wrong gradients of its parameters"}
    assert all((said in report.words) == (key in violated) for key, said in words.items())
    tested = {"backward.values"} | ({"backward.gain"} if exponential else set())
    assert {report[key].verdict for key in tested - violated} <= {"holds"}


def _layer_norm(y, gamma, beta, eps=1e-5):
    centred = y - y.mean(-1, keepdims=True)
    return gamma * centred / jnp.sqrt(jnp.square(centred).mean(-1, keepdims=True) + eps) + beta


def test_values_are_told_before_the_gradients_that_follow_from_them():
    """Gamma squared is seen where gamma is neither 0 nor 1: there the values are told to be wrong, not v."""
    report = conforms(lambda y, gamma, beta: _layer_norm(y, gamma**2, beta), shape=(6, 8))
    told = {finding.key: finding.meaning for finding in report.failed if finding.key.startswith("regime.")}
    assert set(told.values()) >= {"wrong at z, as on ordinary data"} and len(told) > 8
    others = {key for key, meaning in told.items() if "at z" not in meaning} - {"regime.constant"}
    assert others <= {"regime.ones_in_gamma", "regime.zero_gamma", "regime.zeros_in_gamma"}, told
