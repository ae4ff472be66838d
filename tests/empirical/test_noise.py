"""The noise of Algorithm 1: its distribution at every level, and what it depends on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bnverify.empirical.networks.deep_linear import deep_linear
from bnverify.empirical.networks.network import Moment, Network, identity_stage
from bnverify.empirical.networks.vgg import vgg
from bnverify.empirical.normalization.noise import N_MU, N_SIGMA, R_MU, R_SIGMA, draw, noise_stage, noisy, step_key


def test_published_constants():
    assert (N_MU, N_SIGMA, R_MU, R_SIGMA) == (0.5, 1.25, 0.1, 0.1)


def test_distribution_of_units_and_samples():
    """Uniform and normal to the accuracy of 4,000 units and 200 samples: five standard errors of mean and variance."""
    noise = draw(jax.random.key(0), 200, 4000, jnp.float64)
    units, values = 4000, 4000 * 200
    for found, low, high in ((noise.mu, -0.5, 0.5), (noise.sigma, 1.0, 1.25)):
        assert low <= found.min() < low + 1e-2 * (high - low) and high - 1e-2 * (high - low) < found.max() <= high
        width = high - low
        assert abs(found.mean() - (low + high) / 2) < 5 * width / np.sqrt(12 * units)
        assert abs(found.var() - width**2 / 12) < 5 * width**2 / np.sqrt(180 * units)
    shift, scale = noise.shift - noise.mu, noise.scale - noise.sigma
    assert -0.1 <= shift.min() < -0.0999 and 0.0999 < shift.max() <= 0.1
    assert abs(shift.var() - 0.2**2 / 12) < 5 * 0.2**2 / np.sqrt(180 * values)
    assert abs(scale.mean()) < 5 * 0.1 / np.sqrt(values)
    assert abs(scale.var() - 0.1**2) < 5 * 0.1**2 * np.sqrt(2 / values)  # a variance of 0.1 would be ten times that
    assert abs(scale).max() > 0.4  # a normal distribution, no uniform one
    pairs = np.corrcoef([noise.mu, noise.sigma, noise.shift[0] - noise.mu, noise.scale[0] - noise.sigma])
    assert np.abs(pairs - np.eye(4)).max() < 5 / np.sqrt(units)


def test_noise_scales_and_shifts_samples_and_units_alike_at_all_positions():
    a = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3, 2, 4)))
    noise = draw(jax.random.key(3), 5, 4, jnp.float64)
    found = noisy(a, jax.random.key(3))
    for i, j in np.ndindex(5, 4):
        np.testing.assert_allclose(found[i, ..., j], noise.scale[i, j] * a[i, ..., j] + noise.shift[i, j], rtol=1e-12)
    assert len(np.unique(noise.scale)) == len(np.unique(noise.shift)) == 20
    slope = jax.grad(lambda a: noisy(a, jax.random.key(3)).sum())(a)
    np.testing.assert_allclose(slope, jnp.broadcast_to(noise.scale[:, None, None], a.shape), rtol=1e-12)


def test_keys_tell_apart_seeds_steps_and_initial_weights():
    keys = [step_key(seed, step) for seed in (0, 1) for step in range(50)]
    keys += [jax.random.fold_in(jax.random.key(seed), stage) for seed in (0, 1) for stage in range(50)]
    assert len({tuple(jax.random.key_data(key).tolist()) for key in keys}) == len(keys)


@pytest.mark.parametrize("batch_norm", [True, False])
def test_network_has_its_own_noise_in_every_layer_and_at_every_step(batch_norm):
    network = vgg(batch_norm=batch_norm, width=1 / 32, noise=True)
    names = [stage.name for stage in network.stages]
    assert [names[names.index(f"norm{i}") + 1] for i in range(1, 11)] == [f"noise{i}" for i in range(1, 11)]
    x = jnp.ones((2, 3, 3, 2))
    outputs = []
    for step in (0, 1):
        during = network.during(Moment(jnp.asarray(step), step_key(0, step), {}))
        assert network.moving and not during.moving
        outputs += [during.stages[names.index(f"noise{i}")].apply({}, x) for i in (1, 2)]
    assert len({np.asarray(a).tobytes() for a in outputs}) == 4
    again = network.during(Moment(jnp.asarray(1), step_key(0, 1), {})).stages[names.index("noise2")].apply({}, x)
    np.testing.assert_array_equal(again, outputs[-1])
    np.testing.assert_array_equal(network.stages[names.index("noise2")].apply({}, x), x)  # none outside training


def test_the_same_noise_in_both_networks_and_the_same_initial_weights_as_without():
    kinds = [(True, True), (True, False), (False, True), (False, False)]
    networks = {kind: deep_linear(batch_norm=kind[0], depth=4, noise=kind[1]) for kind in kinds}
    params = {kind: network.init(jax.random.key(0), (2, 10)) for kind, network in networks.items()}
    for kind in kinds:
        for layer, own in params[False, False].items():
            np.testing.assert_array_equal(own["kernel"], params[kind][layer]["kernel"])
    x, moment = jnp.ones((2, 10)), Moment(jnp.asarray(7), step_key(0, 7), {})
    found = [
        next(s for s in networks[bn, True].during(moment).stages if s.name == "noise3").apply({}, x)
        for bn in (True, False)
    ]
    np.testing.assert_array_equal(*found)
    assert jnp.abs(found[0] - x).max() > 0.05


def test_a_network_without_moving_stages_is_what_it_was():
    network = Network((identity_stage("norm1"),))
    assert not network.moving and network.during(Moment(jnp.asarray(0), jax.random.key(0), {})) == network
    assert Network((noise_stage("noise1"),)).inference({}).stages[0].apply({}, jnp.ones((2, 2))).sum() == 4
