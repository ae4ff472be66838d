"""Claims asserted of one's own layers: true ones pass, broken ones fail, and what was not tested has not passed."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from bnverify.empirical.judgement.assertion import assert_claims, check, complaints
from bnverify.empirical.normalization.own_normalizer import normalization_of
from bnverify.errors import InputError
from bnverify.theory import CLAIMS, Normalizer, epsilon, variance

Y = jax.random.normal(jax.random.key(0), (16, 3)) * 2 + 1
GAMMA, BETA = jnp.array([1.5, -0.7, 0.3]), jnp.array([0.1, 0.2, -0.4])
WEIGHTS = jax.random.normal(jax.random.key(1), Y.shape)


def suffix(z):
    return jnp.sum(WEIGHTS * jnp.sin(z) ** 2)


def unbiased(y, gamma, beta, epsilon):
    return gamma * (y - y.mean(0)) / jnp.sqrt(y.var(0, ddof=1) + epsilon) + beta


def biased(y, gamma, beta, epsilon):
    return gamma * (y - y.mean(0)) / jnp.sqrt(y.var(0) + epsilon) + beta


def frozen(y, gamma, beta, epsilon):
    mean, variance = jax.lax.stop_gradient((y.mean(0), y.var(0)))
    return gamma * (y - mean) / jnp.sqrt(variance + epsilon) + beta


@pytest.mark.parametrize("normalizer", ["batch", "layer", "rms", "l1"])
def test_the_normalisers_of_this_package_pass(normalizer):
    found = assert_claims(suffix, Y, GAMMA, BETA, 1e-3, normalizer=normalizer)
    tested = {verdict.key for verdict in found if verdict.points}
    assert {"normalizer-jacobian", "normalizer-backward", "normalizer-curvature"} <= tested
    assert ("theorem-4.1" in tested) == (normalizer == "batch")


def test_a_layer_of_ones_own_passes():
    assert_claims(suffix, Y, GAMMA, BETA, 1e-3, layer=biased)


@pytest.mark.parametrize("layer", [unbiased, frozen])
def test_another_layer_than_it_is_called_fails(layer):
    with pytest.raises(AssertionError, match=r"fact-c1: Backward pass.*[\s\S]*channel \d: left .*, right .*, residual"):
        assert_claims(suffix, Y, GAMMA, BETA, 1e-3, layer=layer)


def test_float32_arguments_are_measured_in_float64():
    found = assert_claims(lambda z: jnp.sum(jnp.sin(z)), *(np.float32(each) for each in (Y, GAMMA, BETA)), 1e-3)
    assert all(verdict.worst < 1e-12 for verdict in found if verdict.points and verdict.key != "lemma-4.5")


def test_a_normaliser_of_ones_own_is_held_to_what_follows_from_its_definition():
    own = Normalizer("outside", True, lambda y: sp.sqrt(variance(y)) + epsilon)
    found = assert_claims(suffix, Y, GAMMA, BETA, 1e-1, normalizer=normalization_of(own))
    assert {"outside-gradient", "normalizer-jacobian"} <= {verdict.key for verdict in found if verdict.points}
    with pytest.raises(AssertionError, match=r"outside-gradient: Effect on the gradient"):
        assert_claims(suffix, Y, GAMMA, BETA, 1e-1, normalizer=normalization_of(own), layer=biased)


def test_a_claim_that_was_asked_for_must_be_tested():
    with pytest.raises(AssertionError, match=r"two-values: not tested, .*epsilon = 0 3"):
        assert_claims(suffix, Y, GAMMA, BETA, 1e-3, claims=["two-values"])
    with pytest.raises(InputError, match=r"no layer_W0_W0"):
        check(suffix, Y, GAMMA, BETA, 1e-3, claims=["lemma-4.5"])
    assert complaints([], strict=False) == ["no claim was tested"]


def test_observation_4_3_is_spoken_of_where_it_is_matched_only():
    matched = check(suffix, Y, Y.std(0), Y.mean(0), 0.0)
    assert next(verdict for verdict in matched if verdict.key == "observation-4.3").points == 3
    other = check(suffix, Y, GAMMA, BETA, 0.0)
    found = next(verdict for verdict in other if verdict.key == "observation-4.3")
    assert (found.points, found.excluded) == (0, {"outside the hypothesis matched": 3})


def test_a_claim_of_ones_own_is_judged():
    true = CLAIMS["fact-c1-gamma"]
    wrong = dataclasses.replace(true, key="mine", title="A wrong guess", right=2 * true.right)
    with pytest.raises(AssertionError, match=r"mine: A wrong guess[\s\S]*violated at 3 of 3"):
        assert_claims(suffix, Y, GAMMA, BETA, 1e-3, claims=[wrong])


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (lambda z: z.astype(jnp.float32).sum(), "the suffix returns float32"),
        (lambda z: z.sum(0), r"the suffix returns float64 of shape \(3,\)"),
        (lambda z: (z.sum(), 1), "the suffix returns tuple"),
    ],
)
def test_a_suffix_that_is_no_loss_is_refused(rest, message):
    with pytest.raises(InputError, match=message):
        check(rest, Y, GAMMA, BETA, 1e-3)


def test_a_layer_of_another_shape_is_refused():
    with pytest.raises(InputError, match="the layer returns float64"):
        check(suffix, Y, GAMMA, BETA, 1e-3, layer=lambda y, gamma, beta, epsilon: y[1:])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"y": np.asarray(Y) * 1j}, "complex"), ({"y": Y[:0]}, "empty"), ({"epsilon": float("nan")}, "epsilon nan"),
        ({"epsilon": "x"}, "epsilon 'x'"), ({"seed": -1}, "seed=-1"), ({"samples": -1}, "samples=-1"),
        ({"samples": 1.5}, "samples=1.5"), ({"layer": 3}, "layer=3"),
        ({"suffix": lambda z: jnp.sum(z) * jnp.nan}, "loss that is NaN"),
        ({"suffix": lambda z: jnp.sum(jnp.sqrt(z - jax.lax.stop_gradient(z)))}, "gradient of the loss"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_bad_input(changed, said):
    given = {"suffix": suffix, "y": Y, "gamma": GAMMA, "beta": BETA, "epsilon": 1e-3, **changed}
    values = [given.pop(name) for name in ("suffix", "y", "gamma", "beta", "epsilon")]
    with pytest.raises(InputError, match=said):
        assert_claims(*values, **given)


def test_nan_of_the_layer_is_still_a_violation():
    with pytest.raises(AssertionError, match="violated"):
        assert_claims(suffix, Y, GAMMA, BETA, 1e-3, layer=lambda *given: biased(*given) * jnp.nan)


def _one(z):
    return jnp.sum(jnp.tanh(z) ** 3)


@pytest.mark.parametrize(
    ("change", "got"),
    [
        ({"suffix": None}, "suffix=None"), ({"claims": [None]}, "None among the claims"), ({"claims": 5}, "5 among"),
        ({"suffix": lambda z: np.sum(np.tanh(z))}, "the suffix, which raises TracerArray"),
        ({"suffix": lambda z: _one(z) if z.sum() > 0 else 0.0}, "the suffix, which raises TracerBool"),
        ({"layer": lambda y, gamma, beta, epsilon: np.asarray(y)}, "the layer, which raises TracerArray"),
        ({"layer": lambda y, gamma, beta: y}, "the layer, which raises TypeError"), ({"y": None}, "y=None"),
        ({"y": "abc"}, "y='abc'"), ({"gamma": "abc"}, "gamma='abc'"), ({"seeds": 3}, "unexpected keyword"),
        ({"normalizer": "batch-renorm", "context": (np.zeros(3), np.ones(3))}, "context=.*TypeError"),
        ({"context": (1.0,)}, "for batch norm"),
    ],
)  # fmt: skip
def test_what_is_given_wrongly_is_named(change, got):
    given = {"suffix": _one, "y": np.random.default_rng(5).standard_normal((64, 3)), "gamma": np.ones(3)} | change
    named = {key: value for key, value in given.items() if key not in ("suffix", "y", "gamma")}
    with pytest.raises(InputError, match=got):
        assert_claims(given["suffix"], given["y"], given["gamma"], np.zeros(3), 1e-5, **named)


def test_arguments_that_are_missing_are_named():
    with pytest.raises(InputError, match="missing"):
        assert_claims(_one, np.ones((4, 3)))
