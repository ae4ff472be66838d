"""Max-pooling against a loop, and its derivatives where pixels tie."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import OPTIMISED
from jax import lax
from placed import case

from bnverify.empirical.networks.pooling import max_pool
from bnverify.empirical.training.objectives import cross_entropy
from bnverify.errors import InputError


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def _sample(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape))


def _loop(x):
    n, height, width, channels = x.shape
    out = np.empty((n, height // 2, width // 2, channels), x.dtype)
    for a, i, j, c in np.ndindex(*out.shape):
        out[a, i, j, c] = max(x[a, 2 * i + p, 2 * j + q, c] for p in (0, 1) for q in (0, 1))
    return out


def _window(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


@pytest.mark.parametrize("shape", [(1, 2, 2, 1), (2, 4, 6, 3), (3, 8, 2, 5)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_the_loops_exactly(shape, dtype):
    x = _sample(shape).astype(dtype)
    pooled = max_pool(x)
    assert pooled.dtype == x.dtype
    np.testing.assert_array_equal(pooled, _loop(np.asarray(x)))


def test_a_pool_over_shifted_blocks_is_told_apart():
    x = _sample((2, 4, 4, 3))
    assert not np.array_equal(max_pool(jnp.roll(x, 1, axis=1)), _loop(np.asarray(x)))


def test_without_ties_the_derivatives_are_the_librarys():
    x, direction, weights = _sample((2, 4, 6, 3)), _sample((2, 4, 6, 3), 1), _sample((2, 2, 3, 3), 2)
    reverse = [jax.vjp(pool, x)[1](weights)[0] for pool in (max_pool, _window)]
    np.testing.assert_array_equal(*reverse)
    # the nested mode is linear in the direction and must see the curvature of what follows the pool
    curved = [jax.jvp(jax.grad(lambda x, pool=pool: jnp.sum(weights * pool(x) ** 3)), (x,), (direction,))[1]
              for pool in (max_pool, _window)]  # fmt: skip
    np.testing.assert_allclose(*curved, rtol=1e-13, atol=1e-13)
    assert np.abs(curved[0]).max() > 1e-2


@pytest.mark.parametrize("tied", [1, 2, 3, 4])
def test_tied_pixels_share_the_derivative_equally_in_both_modes(tied):
    block = np.zeros(4)
    block[:tied] = 1.0
    x = jnp.asarray(block.reshape(1, 2, 2, 1))
    expected = np.where(block == 1.0, 1 / tied, 0.0)
    backward = jax.grad(lambda x: max_pool(x).sum())(x).reshape(4)
    forward = [jax.jvp(max_pool, (x,), (jnp.eye(4)[i].reshape(x.shape),))[1].item() for i in range(4)]
    np.testing.assert_allclose(backward, expected, rtol=1e-15)
    np.testing.assert_allclose(forward, expected, rtol=1e-15)


def test_the_modes_agree_on_a_map_full_of_ties():
    x = jnp.round(_sample((3, 8, 8, 4)))
    direction, weights = _sample(x.shape, 1), _sample((3, 4, 4, 4), 2)
    forward = jnp.vdot(weights, jax.jvp(max_pool, (x,), (direction,))[1])
    backward = jnp.vdot(jax.vjp(max_pool, x)[1](weights)[0], direction)
    first_only = jnp.vdot(jax.vjp(_window, x)[1](weights)[0], direction)
    np.testing.assert_allclose(forward, backward, rtol=1e-12)
    assert abs(first_only - backward) > 1e-3  # the ties matter here: another choice gives another number


def test_the_derivative_is_kept_when_what_is_pooled_is_computed_twice():
    """Compiled against interpreted: a pool behind a multiplication and an addition, which compilers contract, when the
    gradient is asked for at several places before it."""
    of = case("batch", noise=True)
    network = of.network.during(of.moment)
    probes = {2: jnp.zeros((6, 4, 4, 4))}

    def gradients(params, probes):
        def loss(params, probes):
            return cross_entropy(network(params, of.x, probes=probes), of.labels)

        return jax.grad(loss, argnums=(0, 1))(params, probes)

    with jax.disable_jit():
        slow = gradients(of.params, probes)
    found = jax.jit(gradients, compiler_options=OPTIMISED)(of.params, probes)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(slow), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 3, 4, 1), (2, 4, 3, 1), (4, 4, 1), (1, 1, 4, 4, 1)])
def test_odd_maps_and_wrong_ranks_are_refused(shape):
    with pytest.raises(InputError, match=r"got:.*\n.*even height and width") as error:
        max_pool(jnp.zeros(shape))
    assert str(shape) in error.value.got
