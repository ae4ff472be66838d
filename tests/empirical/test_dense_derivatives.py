"""What is measured by Hessian-vector products, against dense Jacobians and Hessians of the same functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from claimed import arrays
from random_functions import random_function
from selection import first_and_slow

from bnverify.empirical.measurement import measurement
from bnverify.empirical.measurement.measurement import measure
from bnverify.empirical.normalization.normalizers import normalization


@pytest.mark.parametrize("epsilon", first_and_slow([0.0, 0.3], {0.3}))
def test_against_dense_jacobian_and_hessian(epsilon):
    """v, v'Hess(Lhat)v, u'Hu and the single-channel blocks from dense matrices, without Hessian-vector products; and
    what else batch norm is measured by, from its Jacobian at y, at ky and at y + c."""
    suffix, y, gamma, beta = random_function((5, 3))
    q = measure(suffix, y, gamma, beta, epsilon, sampled=(2, 0))

    def norm(y, gamma=gamma, beta=beta):
        return gamma * (y - y.mean(0)) / jnp.sqrt(y.var(0) + epsilon) + beta

    def lhat(y):
        return suffix(norm(y))

    z = norm(y)
    v, g = jax.jit(jax.grad(lhat))(y), jax.jit(jax.grad(suffix))(z)
    jacobian = jax.jit(jax.jacrev(norm))(y).reshape(15, 15)
    h_hat, h = jax.jit(jax.hessian(lhat))(y).reshape(15, 15), jax.jit(jax.hessian(suffix))(z).reshape(15, 15)
    flat = v.reshape(-1)
    u = jacobian @ flat
    np.testing.assert_allclose(q["v_v"], (v**2).sum(0), rtol=1e-10)
    np.testing.assert_allclose(q["y_v"], (y * v).sum(0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(q["layer_v_Hhat_v"][0], flat @ h_hat @ flat, rtol=1e-10)
    np.testing.assert_allclose(q["layer_u_H_u"][0], u @ h @ u, rtol=1e-10)
    w, x, k, c, _ = measurement.random_tests(y, 0)
    factor = float(k)
    scaled_hat = jax.jit(jax.hessian(lhat))(factor * y).reshape(15, 15)
    for channel in (0, 2):
        mask = jnp.arange(15) % 3 == channel
        only, of_w, of_x, of_g = (jnp.where(mask, t.reshape(-1), 0.0) for t in (v, jnp.asarray(w), jnp.asarray(x), g))
        np.testing.assert_allclose(q["v_Hhat_v"][channel], only @ h_hat @ only, rtol=1e-10)
        np.testing.assert_allclose(q["v_H_v"][channel], only @ h @ only, rtol=1e-10)
        np.testing.assert_allclose(q["g_H_g"][channel], of_g @ h @ of_g, rtol=1e-10)
        np.testing.assert_allclose(q["u_H_u"][channel], (jacobian @ only) @ h @ (jacobian @ only), rtol=1e-10)
        np.testing.assert_allclose(q["w_Hhat_x"][channel], of_w @ h_hat @ of_x, rtol=1e-9)
        if epsilon == 0:
            np.testing.assert_allclose(q["w_Hhat_x_scaled"][channel], of_w @ scaled_hat @ of_x, rtol=1e-9)
        else:
            assert np.isnan(q["w_Hhat_x_scaled"][channel])
    assert np.isnan(q["v_Hhat_v"][1])

    unit = jax.jit(jax.jacrev(lambda y: norm(y, 1.0, 0.0)))(y).reshape(15, 15)
    jx = (unit @ x.reshape(-1)).reshape(5, 3)
    np.testing.assert_allclose(q["Jx_Jx"], (jx**2).sum(0), rtol=1e-10)
    np.testing.assert_allclose(q["w_JJx"], (w * (unit @ jx.reshape(-1)).reshape(5, 3)).sum(0), rtol=1e-9)
    moved = y + c * jnp.sqrt(y.var(0) + epsilon)
    for name, at in (("scaled", factor * y), ("shifted", moved)):
        there = jax.jit(jax.jacrev(norm))(at).reshape(15, 15).T @ g.reshape(-1)
        np.testing.assert_allclose(q[f"w_v_{name}"], (w * there.reshape(5, 3)).sum(0), rtol=1e-9)
        np.testing.assert_allclose(q[f"w_yhat_{name}"], (w * norm(at, 1.0, 0.0)).sum(0), rtol=1e-9)

    step = 1e-5
    mean, variance = y.mean(0), y.var(0)

    def slope(moments):
        up, down = (gamma * (y - a) / jnp.sqrt(b + epsilon) + beta for a, b in moments)
        return ((up - down) * g).sum(0) / (2 * step)

    by_mean = slope([(mean + step, variance), (mean - step, variance)])
    by_variance = slope([(mean, variance + step), (mean, variance - step)])
    np.testing.assert_allclose(q["grad_mu"], by_mean, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(q["grad_sigma2"], by_variance, rtol=1e-7, atol=1e-8)
    # Theorem 4.4 over all X of norm 1: none of many random ones pulls v back to more, the dyad does.
    np.testing.assert_allclose(q["frozen_normalised"], q["v_v"], rtol=1e-12)
    designs = np.random.default_rng(0).normal(size=(200, 5, 4))
    designs /= np.linalg.norm(designs, 2, axis=(1, 2))[:, None, None]
    pulled = np.square(np.einsum("kmn,mc->knc", designs, v)).sum(1)
    assert (pulled <= np.asarray(q["frozen_normalised"]) * (1 + 1e-12)).all()


@pytest.mark.parametrize(
    "name",
    first_and_slow(["batch", "layer", "group", "instance", "rms", "l1", "linf", "l1-uncentred"], {"layer", "l1"}),
)
def test_normalisers_against_dense_jacobians_and_hessians(name):
    """n and M from the dense derivatives of the scale, v and its curvature from those of the loss, one vector each."""
    norm = normalization(name)
    shape = (2, 3, 4) if name == "instance" else (3, 4)
    suffix, y, gamma, beta = random_function(shape)
    epsilon, size = 0.3, int(np.prod(shape))
    q = arrays(measure(suffix, y, gamma, beta, epsilon, normalizer=name, sampled=(1,)))
    w, x, *_ = measurement.random_tests(y, 0)
    columns = norm.columns(y)

    def entrywise(y):
        """z by the definition, vector by vector."""
        cut = norm.columns(y)
        parts = [(c - c.mean() if norm.centred else c) / norm.scale(c[:, None], epsilon)[0] for c in cut.T]
        return gamma * norm.restore(jnp.stack(parts, 1), y.shape) + beta

    def lhat(y):
        return suffix(entrywise(y))

    def scale(c):
        return norm.scale(c[:, None], epsilon)[0]

    # Compiled as wholes: operation by operation they take minutes.
    (v, g), (h_hat, h) = (
        (jax.jit(along(lhat))(y), jax.jit(along(suffix))(entrywise(y))) for along in (jax.grad, jax.hessian)
    )
    h_hat, h = h_hat.reshape(size, size), h.reshape(size, size)
    jacobian = jax.jit(jax.jacrev(entrywise))(y).reshape(size, size)
    slope, curvature = jax.jit(jax.grad(scale)), jax.jit(jax.hessian(scale))
    read = g if name in ("batch", "instance", "l1", "linf", "l1-uncentred") else gamma * g
    cut = {key: np.asarray(norm.columns(jnp.asarray(t))) for key, t in {"v": v, "g": read, "w": w, "x": x}.items()}
    for j, column in enumerate(columns.T):
        n, big_m = np.asarray(slope(column)), np.asarray(curvature(column))
        v_j, g_j, w_j, x_j = (cut[key][:, j] for key in "vgwx")
        project = (lambda t: t - t.mean()) if norm.centred else (lambda t: t)
        expected = {
            "n_n": n @ n, "n_y": n @ column, "n_x": n @ x_j, "n_v": n @ v_j, "w_n": w_j @ n, "n_Pg": n @ project(g_j),
            "Pg_Pg": project(g_j) @ project(g_j), "w_Pg": w_j @ project(g_j), "w_Px": w_j @ project(x_j),
            "g_Pv": g_j @ project(v_j), "x_M_x": x_j @ big_m @ x_j, "v_M_v": v_j @ big_m @ v_j, "y_v": column @ v_j,
            "v_v": v_j @ v_j, "w_v": w_j @ v_j, "s": scale(column),
        }  # fmt: skip
        for key, value in expected.items():
            np.testing.assert_allclose(q[key][j], value, rtol=1e-9, atol=1e-12, err_msg=f"{key} {j}")
    only = norm.restore(jnp.where(jnp.arange(columns.shape[1]) == 1, norm.columns(v), 0.0), y.shape).reshape(-1)
    np.testing.assert_allclose(q["v_Hhat_v"][1], only @ h_hat @ only, rtol=1e-9)
    np.testing.assert_allclose(q["u_H_u"][1], (jacobian @ only) @ h @ (jacobian @ only), rtol=1e-9)
    assert np.isnan(q["v_Hhat_v"][0])
