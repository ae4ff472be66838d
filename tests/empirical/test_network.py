"""Cuts, probes and twins of a network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from midway import convolutional

from bnverify.empirical.networks.layers import normal
from bnverify.empirical.networks.network import count_parameters
from bnverify.empirical.networks.vgg import vgg
from bnverify.empirical.normalization.batch import batch_norm, batch_statistics, inference_norm, matched
from bnverify.empirical.training.objectives import cross_entropy
from bnverify.errors import InputError

SHAPE = (6, 32, 32, 3)


@pytest.fixture(scope="module", params=["small", pytest.param("vgg", marks=pytest.mark.slow)])
def networks(request):
    """Twins with three convolutions; VGGs, of which every size of every operation is compiled, in slow tests."""
    key = jax.random.key(0)
    if request.param == "vgg":
        pair, shape = {bn: vgg(batch_norm=bn, width=1 / 32) for bn in (True, False)}, SHAPE
    else:
        pair, shape = {bn: convolutional(bn)[0] for bn in (True, False)}, convolutional(True)[1]
    return pair, {bn: net.init(key, shape, jnp.float64) for bn, net in pair.items()}, jax.random.normal(key, shape)


def test_full_width_has_the_published_number_of_parameters():
    """9,464,522 without batch norm; with it 5,888 for gamma and beta, and as many running statistics, come on top."""
    counts = {}
    for bn in (True, False):
        network = vgg(batch_norm=bn)
        params = jax.eval_shape(lambda k, n=network: n.init(k, SHAPE), jax.random.key(0))
        counts[bn] = count_parameters(params)
    running = 2 * sum((64, 64, 128, 128, 256, 256, 512, 512, 512, 512))
    assert counts[False] == 9_464_522
    assert counts[True] + running == 9_476_298


def test_twins_start_from_the_same_weights(networks):
    _, params, _ = networks
    for name, own in params[False].items():
        for leaf in own:
            np.testing.assert_array_equal(own[leaf], params[True][name][leaf])


def test_weights_have_the_variance_of_glorot():
    kernel = vgg(batch_norm=False).init(jax.random.key(1), SHAPE)["conv6"]["kernel"]
    assert abs(float(kernel.std()) / np.sqrt(2 / (9 * 256 + 9 * 256)) - 1) < 0.01


@pytest.mark.parametrize("bn", [True, False])
def test_suffix_after_prefix_is_the_network(networks, bn):
    pair, params, x = networks
    network = pair[bn]
    whole = network(params[bn], x)
    for index in range(len(network.stages) + 1):
        middle = network.prefix(index)(params[bn], x)
        np.testing.assert_allclose(network.suffix(index)(params[bn], middle), whole, rtol=1e-12)


@pytest.mark.parametrize("bn", [True, False])
def test_probe_gradient_is_the_gradient_of_the_suffix(networks, bn):
    pair, params, x = networks
    network, labels = pair[bn], jnp.arange(6)
    site = network.sites[-1]
    value = network.prefix(site.index)(params[bn], x)
    suffix = jax.jit(jax.grad(lambda y: cross_entropy(network.suffix(site.index)(params[bn], y), labels)))
    probe = jax.jit(jax.grad(lambda p: cross_entropy(network(params[bn], x, probes={site.index: p}), labels)))
    by_suffix, by_probe = suffix(value), probe(jnp.zeros_like(value))
    np.testing.assert_allclose(by_probe, by_suffix, rtol=1e-9, atol=1e-18)
    other = network.prefix(site.index + 1)(params[bn], x)
    assert (other.shape == value.shape) and (bn == bool(jnp.abs(other - value).max() > 1e-3))


def test_batch_norm_against_numpy():
    y = jax.random.normal(jax.random.key(3), (5, 4, 4, 3)) * 3 + 2
    gamma, beta = jnp.array([1.0, -2.0, 0.5]), jnp.array([0.0, 1.0, 3.0])
    rows = np.asarray(y).reshape(-1, 3)
    expected = (rows - rows.mean(0)) / np.sqrt(rows.var(0) + 0.3) * gamma + beta
    np.testing.assert_allclose(np.asarray(batch_norm(y, gamma, beta, 0.3)).reshape(-1, 3), expected, rtol=1e-12)
    unbiased = (rows - rows.mean(0)) / np.sqrt(rows.var(0, ddof=1) + 0.3) * gamma + beta
    assert np.abs(unbiased - expected).max() > 1e-4
    mean, variance = batch_statistics(y)
    np.testing.assert_allclose(inference_norm(y, gamma, beta, 0.3, mean, variance), batch_norm(y, gamma, beta, 0.3))
    np.testing.assert_allclose(batch_norm(y, *matched(y, 0.3), 0.3), y, rtol=1e-12)


def test_inference_uses_the_given_statistics(networks):
    pair, params, x = networks
    network = pair[True]
    seen = network.batch_statistics(params[True], x)
    np.testing.assert_allclose(network.inference(seen)(params[True], x), network(params[True], x), rtol=1e-9)
    other = {name: (mean + 1, variance) for name, (mean, variance) in seen.items()}
    assert jnp.abs(network.inference(other)(params[True], x) - network(params[True], x)).max() > 1e-6
    assert pair[False].batch_statistics(params[False], x) == {}


def test_bad_width_and_unknown_site(networks):
    with pytest.raises(InputError, match="width 0"):
        vgg(batch_norm=True, width=0)
    with pytest.raises(InputError, match="site 'conv99'"):
        networks[0][True].site("conv99")


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("shape", [(3, 5), (3, 3, 8, 8), (2**16 + 1,)])
def test_weights_are_those_of_the_library_bit_for_bit(shape, dtype):
    key = jax.random.fold_in(jax.random.key(3), 2)
    np.testing.assert_array_equal(normal(key, shape, dtype), jax.random.normal(key, shape, dtype))
    other = jax.random.fold_in(key, 1)
    assert (normal(key, shape, dtype) != normal(other, shape, dtype)).mean() > 0.9
