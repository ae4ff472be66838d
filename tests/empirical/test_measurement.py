"""The third route: claims on random smooth functions by automatic differentiation, and dense references beside it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mutants import mutants

from empirical.compile import compile_claim
from empirical.errors import InputError
from empirical.measurement import measure
from empirical.normalization import batch_norm
from empirical.verdict import residuals
from theory import CLAIMS

SHAPES = {"dense": (7, 3), "convolution": (2, 3, 2, 4)}
ABSENT = {"weight-gradient", "observation-4.3", "observation-4.3-minima"} | {k for k in CLAIMS if k.startswith("lemma")}
KEYS = [key for key in CLAIMS if key not in ABSENT]


def random_function(shape, seed=0):
    """A smooth non-convex function of z with another batch norm downstream, and random y, gamma, beta."""
    keys = jax.random.split(jax.random.key(seed), 5)
    size = int(np.prod(shape))
    first = jax.random.normal(keys[0], (shape[-1], 5))
    second = jax.random.normal(keys[1], (size // shape[-1] * 5,))

    def suffix(z):
        hidden = batch_norm(jnp.tanh(z.reshape(-1, shape[-1]) @ first), jnp.ones(5), jnp.zeros(5), 1e-3)
        return jnp.sin(jnp.tanh(hidden).reshape(-1) @ second) + 0.1 * jnp.sum(z**3)

    y = 2.0 + 3.0 * jax.random.normal(keys[2], shape)
    gamma, beta = (jax.random.normal(k, shape[-1:]) for k in keys[3:5])
    return suffix, y, gamma, beta


@functools.cache
def measured(shape, epsilon, seed=0):
    suffix, y, gamma, beta = random_function(shape, seed)
    out = measure(suffix, y, gamma, beta, epsilon, sampled=range(shape[-1]))
    return {name: np.asarray(value) for name, value in out.items()}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("epsilon", [0.0, 1e-5, 0.7, 30.0])
@pytest.mark.parametrize("key", KEYS)
def test_claim_on_random_functions(key, epsilon, shape):
    claim = CLAIMS[key]
    sides = compile_claim(claim)(measured(shape, epsilon))
    inside = np.logical_and.reduce([np.ones_like(sides.left, bool), *sides.hypotheses.values()])
    assert inside.all() == (epsilon == 0 or not any(h.name == "epsilon = 0" for h in claim.hypotheses))
    assert (residuals(claim, sides)[inside] < 1e-10).all()


@pytest.mark.parametrize("key", KEYS)
def test_mutants_are_noticed(key):
    """Every mutant of every claim leaves the tolerance somewhere: for bounds, mutants that claim more than is true."""
    claim = CLAIMS[key]
    runs = [measured(shape, epsilon) for shape in SHAPES.values() for epsilon in (0.0, 0.7)]

    def worst(candidate):
        found = []
        for quantities in runs:
            sides = compile_claim(candidate)(quantities)
            held = np.logical_and.reduce([np.ones_like(sides.left, bool), *sides.hypotheses.values()])
            found.append(residuals(candidate, sides)[held])
        return np.concatenate(found).max()

    for name, mutant in mutants(claim):
        if claim.relation == "<=":
            truth = [compile_claim(claim)(q).right for q in runs]
            if all((compile_claim(mutant)(q).right >= t).all() for q, t in zip(runs, truth, strict=True)):
                continue  # a weaker bound is true as well
        assert worst(mutant) > 1e-6, name


def test_bound_is_valid_and_tight():
    """|v|^2 <= bound, with equality at epsilon = 0 and slack (gamma/s)^2 (1 - rho) a^2/m otherwise."""
    for epsilon in (0.0, 0.7):
        q = measured((7, 3), epsilon)
        sides = compile_claim(CLAIMS["theorem-4.1"])(q)
        slack = (q["gamma"] / q["s"]) ** 2 * (1 - q["rho"]) * q["a"] ** 2 / q["m"]
        assert (sides.left <= sides.right * (1 + 1e-12)).all()
        np.testing.assert_allclose(sides.right - sides.left, slack, atol=1e-12 * sides.right.max())


@pytest.mark.parametrize("epsilon", [0.0, 0.3])
def test_against_dense_jacobian_and_hessian(epsilon):
    """v, v'Hess(Lhat)v, u'Hu and the single-channel blocks from dense matrices, without Hessian-vector products."""
    suffix, y, gamma, beta = random_function((5, 3))
    q = measure(suffix, y, gamma, beta, epsilon, sampled=(2, 0))

    def lhat(y):
        mean, variance = y.mean(0), y.var(0)
        return suffix(gamma * (y - mean) / jnp.sqrt(variance + epsilon) + beta)

    z = batch_norm(y, gamma, beta, epsilon)
    v = jax.grad(lhat)(y)
    jacobian = jax.jacrev(lambda y: batch_norm(y, gamma, beta, epsilon))(y).reshape(15, 15)
    h_hat, h = jax.hessian(lhat)(y).reshape(15, 15), jax.hessian(suffix)(z).reshape(15, 15)
    flat = v.reshape(-1)
    u = jacobian @ flat
    np.testing.assert_allclose(q["v_v"], (v**2).sum(0), rtol=1e-10)
    np.testing.assert_allclose(q["layer_v_Hhat_v"][0], flat @ h_hat @ flat, rtol=1e-10)
    np.testing.assert_allclose(q["layer_u_H_u"][0], u @ h @ u, rtol=1e-10)
    for channel in (0, 2):
        only = jnp.where(jnp.arange(15) % 3 == channel, flat, 0.0)
        np.testing.assert_allclose(q["v_Hhat_v"][channel], only @ h_hat @ only, rtol=1e-10)
        np.testing.assert_allclose(q["v_H_v"][channel], only @ h @ only, rtol=1e-10)
        np.testing.assert_allclose(q["u_H_u"][channel], (jacobian @ only) @ h @ (jacobian @ only), rtol=1e-10)
    assert np.isnan(q["v_Hhat_v"][1])


def test_plain_gradient_at_y_is_not_g():
    """The paper's hidden hypothesis: g taken at y instead of z makes the theorem false."""
    suffix, y, gamma, beta = random_function((7, 3))
    q = {k: np.asarray(v) for k, v in measure(suffix, y, gamma, beta, 0.0).items()}
    wrong = jax.grad(suffix)(y)
    q |= {"g_g": np.asarray((wrong**2).sum(0)), "one_g": np.asarray(wrong.sum(0))}
    q["a"] = np.asarray((wrong * (y - y.mean(0)) / y.std(0)).sum(0))
    claim = CLAIMS["theorem-4.1-exact"]
    assert residuals(claim, compile_claim(claim)(q)).max() > 1e-3


def test_metamorphic_permutation_shift_and_scale():
    """Permuting the batch changes nothing; shifting y changes mu only; scaling y by c divides v by c."""
    suffix, y, gamma, beta = random_function((7, 3))
    order = jnp.array([3, 1, 0, 6, 5, 4, 2])

    def quantities(values, rest):
        return measure(rest, values, gamma, beta, 0.0)

    base = quantities(y, suffix)
    back = jnp.argsort(order)
    permuted = quantities(y[order], lambda z: suffix(z[back]))
    for name in ("v_v", "g_g", "a", "s", "layer_v_Hhat_v"):
        np.testing.assert_allclose(permuted[name], base[name], rtol=1e-9)
    np.testing.assert_allclose(quantities(y + 5, suffix)["v_v"], base["v_v"], rtol=1e-9)
    np.testing.assert_allclose(quantities(4 * y, suffix)["v_v"] * 16, base["v_v"], rtol=1e-9)


def test_two_values_a_channel_leave_no_gradient():
    suffix, y, gamma, beta = random_function((2, 3))
    q = measure(suffix, y, gamma, beta, 0.0)
    assert (q["v_v"] < 1e-20 * q["g_g"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": jnp.ones((1, 3))}, "one value a channel"),
        ({"gamma": jnp.ones(2)}, r"gamma of shape \(2,\)"),
        ({"epsilon": -1.0}, "epsilon -1.0"),
        ({"y": jnp.ones((4, 3)), "epsilon": 0.0}, "constant channels 0, 1, 2"),
    ],
)
def test_bad_input(change, message):
    arguments = {
        "y": jnp.arange(12.0).reshape(4, 3) ** 2,
        "gamma": jnp.ones(3),
        "beta": jnp.zeros(3),
        "epsilon": 0.1,
    } | change
    with pytest.raises(InputError, match=message):
        measure(lambda z: z.sum(), *arguments.values())
