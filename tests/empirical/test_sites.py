"""All sites of a network: quantities equal those of an independent, slow measurement through the cut network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from empirical.measurement import measure
from empirical.network import NormStage
from empirical.normalization import batch_norm, matched
from empirical.sites import SiteMeasurement, ray_distances
from empirical.vgg import cross_entropy, vgg

N, WIDTH = 4, 1 / 32


def _network(bn):
    network = vgg(batch_norm=bn, width=WIDTH)
    key = jax.random.key(5)
    initial = network.init(key, (N, 32, 32, 3), jnp.float64)
    params = jax.tree.map(lambda a: a + 0.05 * jax.random.normal(key, a.shape, a.dtype), initial)
    return network, initial, params, jax.random.normal(key, (N, 32, 32, 3)), jnp.array([3, 1, 4, 1])


@pytest.mark.parametrize("bn", [True, False])
def test_sites_agree_with_the_cut_network(bn):
    network, initial, params, x, labels = _network(bn)
    found = SiteMeasurement(network, cross_entropy, groups=2)(params, initial, x, labels, seed=(9,), samples=1)
    assert list(found) == [f"conv{i}" for i in range(1, 11)]
    for number in (7,):
        site = network.sites[number]
        y = jax.jit(network.prefix(site.index))(params, x)
        stage = network.stages[site.index]
        if isinstance(stage, NormStage):
            gamma, beta, epsilon = *(params[stage.name][k] for k in ("gamma", "beta")), stage.epsilon
        else:
            gamma, beta, epsilon = *matched(y, 0.0), 0.0
        rest = network.suffix(site.index + 1)
        direct = measure(
            lambda z, rest=rest: cross_entropy(rest(params, z), labels), y, gamma, beta, epsilon,
            seed=(9, number), sampled=np.flatnonzero(found[site.name]["sampled"]),
        )  # fmt: skip
        for name, value in direct.items():
            if bn and name in ("w_y", "w_z"):
                continue  # of a matched insertion only
            # Sums that vanish by a theorem are rounding: they are compared on the scale of what is summed.
            vanishing = {"one_yhat": y.size / y.shape[-1], "one_v": 1.0, "yhat_v": 1.0}
            norm = np.sqrt(y.size * direct["v_v"].max()) if name in ("one_v", "yhat_v") else 1.0
            atol = 1e-10 * vanishing[name] * float(norm) if name in vanishing else 1e-15
            np.testing.assert_allclose(found[site.name][name], value, rtol=1e-7, atol=atol, err_msg=name)

        @jax.jit
        def through_the_norm(params, y, gamma, beta, rest=rest, epsilon=epsilon):
            def lhat(y):
                return cross_entropy(rest(params, batch_norm(y, gamma, beta, epsilon)), labels)

            v = jax.grad(lhat)(y)
            return v, jax.jvp(jax.grad(lhat), (y,), (v,))[1]

        v, curved = through_the_norm(params, y, gamma, beta)
        np.testing.assert_allclose(found[site.name]["v_v"], (v**2).sum((0, 1, 2)), rtol=1e-9)
        np.testing.assert_allclose(found[site.name]["layer_v_Hhat_v"][0], jnp.vdot(v, curved), rtol=1e-8)


def test_a_group_does_not_change_the_numbers():
    network, initial, params, x, labels = _network(False)
    one, three = (
        SiteMeasurement(network, cross_entropy, groups=g)(params, initial, x, labels, seed=(9,), samples=1)
        for g in (1, 3)
    )
    for site in one:
        for name in ("layer_v_Hhat_v", "u_H_u", "w_Hhat_x", "v_H_v"):
            np.testing.assert_allclose(one[site][name], three[site][name], rtol=1e-8, atol=1e-18, err_msg=name)


def test_ray_distance_by_brute_force():
    """The nearest point of a ray by a fine search; with an obtuse angle the nearest point is the origin."""
    start, end = (np.random.default_rng(i).normal(size=(18, 4)) for i in (1, 2))
    found = ray_distances(start, end)
    grid = np.linspace(0, 3, 300_001)
    for j in range(4):
        w0, w = start[:, j], end[:, j]
        best = (w0 @ w0 - 2 * grid * (w0 @ w) + grid**2 * (w @ w)).min()
        np.testing.assert_allclose(found["distance2"][j], best, rtol=1e-8)
        if w0 @ w < 0:
            np.testing.assert_allclose(found["distance2"][j], w0 @ w0, rtol=1e-8)
    assert (found["W0_Wstar"] < 0).any() and (found["W0_Wstar"] > 0).any()
