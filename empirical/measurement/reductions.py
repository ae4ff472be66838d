"""Quantities of a cut, under the names of ``theory.QUANTITIES``, from arrays: moments of y, inner products with tests.

A normaliser cuts y into vectors (`normalization.normalizers`): one a channel, or one a sample and group of channels.
Every quantity is one number a vector. Where gamma differs inside a vector, g is read as the gradient with respect to
yhat and gamma is 1, as in theory/; v and the second derivatives are those of the real network in either reading.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from bnverify.empirical.measurement.arrays import Arrays
from bnverify.empirical.measurement.batch_norm_quantities import largest_pull_back, moment_gradients
from bnverify.empirical.measurement.layer import Parameters
from bnverify.empirical.measurement.probes import Tests
from bnverify.empirical.measurement.scale_quantities import scale_quantities
from bnverify.empirical.measurement.settings import cheaply_compiled
from bnverify.empirical.measurement.vectors import inner, vector_parameters
from bnverify.empirical.normalization.normalizers import Normalization

Quantities = dict[str, Array]


def channel_inner(u: Float[Array, "*batch channel"], v: Float[Array, "*batch channel"]) -> Float[Array, " channel"]:
    """<u_j, v_j> for every channel j."""
    return (u * v).sum(axis=tuple(range(u.ndim - 1)))


def first_order(
    y: Float[Array, "*batch channel"],
    g: Float[Array, "*batch channel"],
    v: Float[Array, "*batch channel"],
    gamma: Float[Array, " channel"],
    epsilon: float,
) -> Quantities:
    """The quantities of Theorem 4.1 from a layer's output y and the gradients g (at z) and v (at y), per channel."""
    axes = tuple(range(y.ndim - 1))
    m = y.size // y.shape[-1]
    mu = y.mean(axes)
    variance = jnp.square(y - mu).mean(axes)
    s = jnp.sqrt(variance + epsilon)
    return {
        "m": jnp.full((1,), m, y.dtype),
        "epsilon": jnp.full((1,), epsilon, y.dtype),
        "gamma": gamma,
        "mu": mu,
        "s": s,
        "rho": variance / (variance + epsilon),
        "g_g": channel_inner(g, g),
        "one_g": g.sum(axes),
        "a": channel_inner(g, y - mu) / s,
        "v_v": channel_inner(v, v),
    }


@partial(cheaply_compiled, static_argnums=(0,))
def first_quantities(
    norm: Normalization, p: Parameters, y: Array, g: Array, arrays: Arrays, tests: Tests
) -> Quantities:
    """All that needs no second derivative of the loss. ``norm`` says what the layer should be; nothing calls it."""
    precision = y.dtype
    y, g, p, arrays, tests = jax.tree.map(_widest, (y, g, p, arrays, tests))
    gamma, beta, read = vector_parameters(norm, y, g, p.gamma, p.beta)
    v, w, x, ones, pair = arrays["v"], tests.w, tests.x, jnp.ones_like(y), partial(inner, norm)
    if norm.second_moment:
        out = first_order(y, g, v, gamma, p.epsilon) | {"beta": beta, "w_g": pair(w, g), "w_y": pair(w, y)}
    else:
        out = _vector_first_order(norm, y, read, v, gamma, p.epsilon)
    reference = norm.restore((norm.columns(y) - out["mu"]) / out["s"], y.shape)  # yhat of the right sides
    out |= {"one_v": pair(ones, v), "one_w": pair(ones, w), "one_x": pair(ones, x)}
    out |= {"w_w": pair(w, w), "w_x": pair(w, x), "x_x": pair(x, x)}
    out |= {"w_yhat": pair(w, reference), "w_v": pair(w, v), "w_z": pair(w, arrays["z"])}
    out |= _values_and_parameters(norm, p, y, g, reference, arrays, tests)
    if norm.correction is not None:
        return out | _of_correction(norm, p, y)
    out |= {"yhat_yhat": pair(arrays["yhat"], arrays["yhat"])}
    out["w_Jx"] = pair(w, arrays["Jx"]) if "Jx" in arrays else pair(x, arrays["Jw"])
    if "Kx" in arrays:
        out["w_Kx"] = pair(w, arrays["Kx"])
    out |= scale_quantities(norm, y, read, v, w, x, p.epsilon, precision)
    return out | _of_batch_norm(norm, p, y, g, reference, arrays, tests) if norm.second_moment else out


def _widest(value: Array) -> Array:
    """float64, where it is enabled: sums and moments are not to add to the rounding of a layer in float32."""
    return value.astype(jnp.result_type(float)) if jnp.issubdtype(value.dtype, jnp.floating) else value


def _vector_first_order(norm, y, g, v, gamma, epsilon) -> Quantities:
    """What `first_order` is for batch norm, with the centre and the scale of the normaliser."""
    mu, s = norm.statistics(y, epsilon)
    columns, pair = norm.columns(y), partial(inner, norm)
    return {
        "m": jnp.full((1,), len(columns), y.dtype),
        "epsilon": jnp.full((1,), epsilon, y.dtype),
        "gamma": gamma,
        "mu": mu,
        "s": s,
        "g_g": pair(g, g),
        "a": (norm.columns(g) * (columns - mu)).sum(0) / s,
        "v_v": pair(v, v),
    }


def _values_and_parameters(norm, p, y, g, reference, arrays, tests) -> Quantities:
    """z against gamma yhat + beta, and the gradients of gamma and beta along the direction t; with the sizes that the
    rounding of sums over the whole layer is relative to."""
    pair, gamma, shift, unit = partial(inner, norm), p.gamma, p.beta, reference
    size = jnp.sqrt(jnp.square(norm.columns(y)).sum(0)) / norm.statistics(y, p.epsilon)[1]
    if norm.correction is not None:
        r, d = norm.correction(y, p.epsilon, *p.context)
        gamma, shift, unit = gamma * r, p.beta + gamma * d, r * reference + d
        size = r * size + jnp.abs(d) * jnp.sqrt(y.size // y.shape[-1])
    tg = tests.t * g
    length = jnp.sqrt(pair(tg, tg))
    out = {
        "w_gamma_yhat": pair(gamma * tests.w, reference),
        "gw_gw": pair(gamma * tests.w, gamma * tests.w),
        "w_beta": pair(tests.w, jnp.broadcast_to(shift, y.shape)),
        "beta_beta": pair(*[jnp.broadcast_to(shift, y.shape)] * 2),
        "layer_tg_yhat": jnp.vdot(tg, unit)[None],
        "layer_one_tg": tg.sum()[None],
        "size_along_gamma": (length * size).sum()[None],
        "size_along_beta": (length * jnp.sqrt(len(norm.columns(y)))).sum()[None],
    }
    names = {"along_gamma": "grad_gamma", "along_beta": "grad_beta"}
    return out | {name: jnp.vdot(tests.t, arrays[of])[None] for name, of in names.items() if of in arrays}


def _of_replicas(columns) -> Quantities:
    """The mean of the variances within replicas, and the variance of their means: of as few replicas of one size, more
    than one, as the number of values can be cut into."""
    count = next((k for k in range(2, len(columns)) if len(columns) % k == 0), len(columns))
    parts = columns.reshape(count, -1, columns.shape[-1])
    return {"within_variance": parts.var(1).mean(0), "between_variance": parts.mean(1).var(0)}


def _of_correction(norm, p, y) -> Quantities:
    running, r_max, d_max = p.context
    r, d = norm.correction(y, p.epsilon, *p.context)
    unclipped = (r > 1 / r_max) & (r < r_max) & (jnp.abs(d) < d_max)
    return {"r": r, "d": d, "mu_run": running[0], "s_run": running[1], "unclipped": unclipped}


def _of_batch_norm(norm, p, y, g, reference, arrays, tests) -> Quantities:
    """What only claims about batch norm speak of."""
    pair, w, v = partial(inner, norm), tests.w, arrays["v"]
    out = {name: arrays[name] for name in ("grad_gamma", "grad_beta") if name in arrays}
    out |= {"one_yhat": pair(jnp.ones_like(y), arrays["yhat"]), "yhat_v": pair(reference, v), "g_v": pair(g, v)}
    out |= {"x_yhat": pair(tests.x, reference), "x_g": pair(tests.x, g), "k": tests.k[None]}
    out |= {
        f"w_{name}": pair(w, arrays[name])
        for name in ("u", "JJx", "yhat_scaled", "v_scaled", "yhat_shifted", "v_shifted")
        if name in arrays
    }
    out["w_yhat_less"] = pair(w, norm.normalise(y, p.epsilon / tests.k**2))
    out |= _of_replicas(norm.columns(y))
    if "Jx" in arrays:
        out["Jx_Jx"] = pair(arrays["Jx"], arrays["Jx"])
    out |= moment_gradients(p, y, g)
    # Theorem 4.4 over inputs of norm 1, as no layer is known.
    out |= {"frozen_plain": largest_pull_back(pair, g), "frozen_normalised": largest_pull_back(pair, v)}
    return out | {"design_norm2": jnp.ones((1,), y.dtype)}
