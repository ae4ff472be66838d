"""The deep linear network against a product of matrices, its loss against the Frobenius norm, and its data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bnverify.empirical.data.gaussian import gaussian_data
from bnverify.empirical.measurement.measurement import measure
from bnverify.empirical.measurement.sites import SiteMeasurement
from bnverify.empirical.networks.deep_linear import deep_linear
from bnverify.empirical.networks.network import NormStage, count_parameters
from bnverify.empirical.normalization.batch import batch_norm
from bnverify.empirical.training.objectives import squared_error
from bnverify.errors import InputError


@pytest.fixture(scope="module")
def data():
    return gaussian_data(seed=3, samples=400, test=50)


def test_data_are_gaussian_and_targets_linear(data):
    assert data.inputs.shape == data.targets.shape == (400, 10) and data.test_inputs.shape == (50, 10)
    assert abs(data.inputs.mean()) < 5 / np.sqrt(4000) and abs(data.inputs.var() - 1) < 5 * np.sqrt(2 / 4000)
    a, residual, _, _ = np.linalg.lstsq(data.inputs.astype(float), data.targets.astype(float), rcond=None)
    assert residual.max() < 1e-9
    np.testing.assert_allclose(data.test_inputs @ a, data.test_targets, atol=1e-5)
    assert abs(a.var() - 1) < 5 * np.sqrt(2 / 100) and np.abs(a - np.eye(10)).max() > 1
    assert not np.isin(data.test_inputs, data.inputs).any()
    with pytest.raises(ValueError, match="read-only"):
        data.inputs[0, 0] = 0


def test_a_seed_names_the_data(data):
    assert gaussian_data(seed=3, samples=400, test=50) == data
    assert gaussian_data(seed=4, samples=400, test=50).fingerprint != data.fingerprint
    assert gaussian_data().inputs.shape == (1000, 10)
    with pytest.raises(InputError, match="0 samples"):
        gaussian_data(samples=0)


def test_published_depth_and_no_bias():
    params = deep_linear(batch_norm=False).init(jax.random.key(0), (1000, 10))
    assert len(params) == 25 and count_parameters(params) == 25 * 10 * 10
    normed = deep_linear(batch_norm=True)
    assert count_parameters(normed.init(jax.random.key(0), (1000, 10))) == 25 * (100 + 20)
    assert [s.name for s in normed.sites] == [f"linear{i}" for i in range(1, 26)]
    assert all(isinstance(normed.stages[s.index], NormStage) for s in normed.sites)
    with pytest.raises(InputError, match="0 layers"):
        deep_linear(batch_norm=False, depth=0)


def test_without_normalisation_it_is_a_product_of_matrices(data):
    network = deep_linear(batch_norm=False, depth=5)
    params = network.init(jax.random.key(0), data.inputs.shape, jnp.float64)
    product = np.linalg.multi_dot([params[f"linear{i}"]["kernel"] for i in range(1, 6)])
    x = jnp.asarray(data.inputs, jnp.float64)
    np.testing.assert_allclose(network(params, x), np.asarray(x) @ product, rtol=1e-11, atol=1e-13)
    loss = squared_error(network(params, x), data.targets)
    residual = np.asarray(x) @ product - data.targets
    np.testing.assert_allclose(loss, np.linalg.norm(residual, "fro") ** 2, rtol=1e-12)
    assert loss > 100 * np.square(residual).sum(1).mean()  # a sum over samples, not a mean


def test_with_normalisation_there_is_one_after_every_layer(data):
    network = deep_linear(batch_norm=True, depth=3, epsilon=0.1)
    params = network.init(jax.random.key(0), data.inputs.shape, jnp.float64)
    x = value = jnp.asarray(data.inputs, jnp.float64)
    for i in range(1, 4):
        value = batch_norm(value @ params[f"linear{i}"]["kernel"], jnp.ones(10), jnp.zeros(10), 0.1)
    np.testing.assert_allclose(network(params, x), value, rtol=1e-11, atol=1e-12)
    plain = deep_linear(batch_norm=False, depth=3).init(jax.random.key(0), data.inputs.shape, jnp.float64)
    np.testing.assert_array_equal(plain["linear3"]["kernel"], params["linear3"]["kernel"])


@pytest.mark.parametrize("bn", [True, False])
def test_all_sites_are_measured_the_last_one_too(data, bn):
    """After the last normalisation nothing follows but the loss: z there is the output."""
    network = deep_linear(batch_norm=bn, depth=3)
    params = network.init(jax.random.key(0), data.inputs.shape)
    found = SiteMeasurement(network, squared_error)(params, params, data.inputs, data.targets, seed=(0,), samples=1)
    assert list(found) == ["linear1", "linear2", "linear3"]
    assert "grad_bias" not in found["linear1"]
    last = found["linear3"]
    y = network.prefix(5)(jax.tree.map(lambda a: a.astype(jnp.float64), params), jnp.asarray(data.inputs, jnp.float64))
    one = {"gamma": jnp.ones(10), "beta": jnp.zeros(10), "epsilon": 1e-5} if bn else {}
    own = one or {"gamma": jnp.asarray(last["s"]), "beta": jnp.asarray(last["mu"]), "epsilon": 0.0}
    direct = measure(lambda z: squared_error(z, data.targets), y, **own, seed=(0, 2), sampled=(0,))
    for name in ("g_g", "v_v", "a", "layer_v_Hhat_v"):
        np.testing.assert_allclose(last[name], direct[name], rtol=1e-8, err_msg=name)
