"""Batch renormalisation: its limits, its gradient, its schedule, and the constants it must not differentiate."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bnverify.empirical.networks.network import Moment, Network
from bnverify.empirical.normalization.batch import batch_norm, batch_statistics, inference_norm
from bnverify.empirical.normalization.batch_renormalization import (
    batch_renorm,
    batch_spread,
    clipping,
    correction,
    renorm_stage,
)

EPSILON = 0.1
FREE = (np.inf, np.inf)


@pytest.fixture(scope="module")
def case():
    """y (5, 2, 3, 4), gamma, beta, running (mean, s), g."""
    source = np.random.default_rng(0)
    y, g = (jnp.asarray(source.normal(size=(5, 2, 3, 4)) * 2 + 1) for _ in range(2))
    gamma, beta = jnp.array([1.5, -0.7, 0.3, 2.0]), jnp.array([0.1, 0.2, -0.3, 0.0])
    return y, gamma, beta, (jnp.array([0.5, 1.0, 2.0, -1.0]), jnp.array([1.0, 2.5, 0.7, 3.0])), g


def _renorm(y, gamma, beta, running, limits):
    return batch_renorm(y, gamma, beta, EPSILON, *correction(y, EPSILON, running, *limits))


def test_unclipped_it_is_the_normalisation_at_inference(case):
    y, gamma, beta, running, _ = case
    mean, scale = running
    expected = inference_norm(y, gamma, beta, EPSILON, mean, scale**2 - EPSILON)
    np.testing.assert_allclose(_renorm(y, gamma, beta, running, FREE), expected, rtol=1e-12, atol=1e-13)
    assert jnp.abs(_renorm(y, gamma, beta, running, (1.5, 0.1)) - expected).max() > 0.1


def test_with_the_limits_of_the_first_steps_it_is_batch_norm(case):
    y, gamma, beta, running, _ = case
    r, d = correction(y, EPSILON, running, *clipping(0))
    np.testing.assert_array_equal(r, 1.0)
    np.testing.assert_array_equal(d, 0.0)
    normed = batch_norm(y, gamma, beta, EPSILON)
    np.testing.assert_allclose(batch_renorm(y, gamma, beta, EPSILON, r, d), normed, rtol=1e-12)
    assert jnp.abs(_renorm(y, gamma, beta, running, clipping(6000)) - normed).max() > 1e-2


def test_corrections_are_clipped_on_both_sides(case):
    y, _, _, running, _ = case
    free_r, free_d = (np.asarray(a) for a in correction(y, EPSILON, running, *FREE))
    r, d = (np.asarray(a) for a in correction(y, EPSILON, running, 1.2, 0.3))
    np.testing.assert_allclose(r, np.clip(free_r, 1 / 1.2, 1.2), rtol=1e-12)
    np.testing.assert_allclose(d, np.clip(free_d, -0.3, 0.3), rtol=1e-12)
    assert (free_r > 1.2).any() and (free_r < 1 / 1.2).any() and (free_d > 0.3).any() and (free_d < -0.3).any()


def test_one_value_normalises_to_zero():
    y, gamma, beta = jnp.array([[3.0, -2.0]]), jnp.array([2.0, 0.5]), jnp.array([0.1, 0.2])
    d = jnp.array([0.3, -0.4])
    np.testing.assert_allclose(batch_renorm(y, gamma, beta, EPSILON, jnp.ones(2), d), (gamma * d + beta)[None])
    np.testing.assert_allclose(_renorm(y, gamma, beta, (jnp.zeros(2), jnp.ones(2)), clipping(0)), beta[None])
    assert jnp.abs(_renorm(y, gamma, beta, (jnp.zeros(2), jnp.ones(2)), FREE) - beta).min() > 0.5  # by d alone


def test_gradient_is_that_of_batch_norm_with_gamma_r(case):
    y, gamma, beta, running, g = case
    r, _ = correction(y, EPSILON, running, 1.5, 0.5)
    v = jax.grad(lambda y: jnp.vdot(g, _renorm(y, gamma, beta, running, (1.5, 0.5))))(y)
    replaced = jax.grad(lambda y: jnp.vdot(g, batch_norm(y, gamma * r, beta, EPSILON)))(y)
    np.testing.assert_allclose(v, replaced, rtol=1e-10, atol=1e-13)
    without_r = jax.grad(lambda y: jnp.vdot(g, batch_norm(y, gamma, beta, EPSILON)))(y)
    assert jnp.abs(v - without_r).max() > 1e-2

    def differentiated(y):
        """The same with r and d as functions of y: unclipped, the inference-time normalisation, another gradient."""
        (mean, s), (running_mean, running_s) = batch_spread(y, EPSILON), running
        return batch_renorm(y, gamma, beta, EPSILON, s / running_s, (mean - running_mean) / running_s)

    slope = jax.grad(lambda y: jnp.vdot(g, differentiated(y)))(y)
    np.testing.assert_allclose(slope, g * (gamma / running[1]), rtol=1e-10, atol=1e-13)
    constant = jax.grad(lambda y: jnp.vdot(g, _renorm(y, gamma, beta, running, FREE)))(y)
    assert jnp.abs(constant - slope).max() > 1e-2


def test_schedule_is_the_papers():
    found = {step: tuple(map(float, clipping(step))) for step in (0, 5_000, 15_000, 22_500, 25_000, 40_000, 10**6)}
    assert found[0] == found[5_000] == (1.0, 0.0)
    assert found[15_000][1] == pytest.approx(2.5) and found[22_500][0] == pytest.approx(2.0)
    assert found[25_000][1] == 5.0 and found[25_000][0] < 3.0
    assert found[40_000] == found[10**6] == (3.0, 5.0)
    np.testing.assert_allclose(clipping(225, 0.01), clipping(22_500), rtol=1e-6)
    assert float(clipping(225)[0]) == 1.0


def test_stage_is_batch_norm_until_it_knows_the_step(case):
    y, gamma, beta, running, _ = case
    params = {"norm1": {"gamma": gamma, "beta": beta}}
    network = Network((renorm_stage("norm1", EPSILON),))
    assert network.moving
    np.testing.assert_array_equal(network(params, y), batch_norm(y, gamma, beta, EPSILON))
    late = network.during(Moment(jnp.asarray(10**6), jax.random.key(0), {"norm1": running}))
    assert not late.moving
    np.testing.assert_allclose(late(params, y), _renorm(y, gamma, beta, running, (3.0, 5.0)), rtol=1e-12)
    np.testing.assert_allclose(
        network.inference({"norm1": running})(params, y),
        _renorm(y, gamma, beta, running, FREE), rtol=1e-12, atol=1e-13,
    )  # fmt: skip
    mean, scale = network.batch_statistics(params, y)["norm1"]
    np.testing.assert_allclose(mean, batch_statistics(y)[0])
    np.testing.assert_allclose(scale**2, batch_statistics(y)[1] + EPSILON)
