"""The theorems' quantities at one place of a network, under the names of ``theory.QUANTITIES``.

Everything a claim has on its left is a derivative taken by automatic differentiation through the real normalisation
and the real rest of the network; what it has on its right are moments of y, inner products with g, and random test
vectors. No formula of theory/ is used here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from empirical.errors import InputError
from empirical.normalization import batch_norm

Quantities = dict[str, Array]
Seed = int | Sequence[int]


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
    one_g = g.sum(axes)
    return {
        "m": jnp.full((1,), m, y.dtype),
        "epsilon": jnp.full((1,), epsilon, y.dtype),
        "gamma": gamma,
        "mu": mu,
        "s": s,
        "rho": variance / (variance + epsilon),
        "g_g": channel_inner(g, g),
        "one_g": one_g,
        "a": channel_inner(g, y - mu) / s,
        "v_v": channel_inner(v, v),
    }


def measure(
    suffix: Callable[[Float[Array, "*batch channel"]], Float[Array, ""]],
    y: Float[Array, "*batch channel"],
    gamma: Float[Array, " channel"],
    beta: Float[Array, " channel"],
    epsilon: float,
    *,
    seed: Seed = 0,
    sampled: Sequence[int] = (),
) -> Quantities:
    """Measure all claims' quantities where z = batch_norm(y, gamma, beta, epsilon) and the loss is suffix(z).

    y has the channel on its last axis and is normalised over all others; suffix must be twice differentiable along
    lines. Cost: a gradient of the suffix, one Hessian-vector product for the whole layer and three for each channel in
    ``sampled``; ``seed`` draws the random test vectors. Returns arrays of shape (C,), or (1,) for site and layer
    quantities; sample quantities are NaN outside ``sampled``. Claims are meant to be checked in float64.
    """
    _check(y, gamma, beta, epsilon)
    if epsilon == 0:
        _refuse_constant_channels(y)
    gradient = jax.grad(suffix)

    def hessian(z, directions):
        _, tangent = jax.linearize(gradient, z)
        return jax.lax.map(tangent, directions)

    return measure_cut(
        y, gamma, beta, epsilon, gradient=jax.jit(gradient), hessian=jax.jit(hessian), seed=seed, sampled=sampled
    )


def measure_cut(
    y: Float[Array, "*batch channel"],
    gamma: Float[Array, " channel"],
    beta: Float[Array, " channel"],
    epsilon: float | Array,
    *,
    gradient: Callable[[Array], Array],
    hessian: Callable[[Array, Array], Array],
    seed: Seed = 0,
    sampled: Sequence[int] = (),
) -> Quantities:
    """`measure` for a rest of the network given by its derivatives at z: ``gradient(z)``, and ``hessian(z, d)`` for a
    stack of directions d of shape (k, *z.shape). Both are compiled by the caller; what is local to the normalisation
    is compiled here, once a shape."""
    epsilon = jnp.asarray(epsilon, y.dtype)
    channels = jnp.asarray(np.asarray(sampled, int))
    w, x = random_tests(y, seed)
    z = _normalise(y, gamma, beta, epsilon)
    g = gradient(z)
    quantities, along_y, along_z = _first_derivatives(y, g, gamma, beta, epsilon, w, x, channels)
    curved = hessian(z, along_z)
    return quantities | _second_derivatives(y, g, gamma, beta, epsilon, along_y, along_z, curved, w, channels)


_normalise = jax.jit(batch_norm)


def _backward(y, g, gamma, beta, epsilon):
    """(v, dL/dgamma, dL/dbeta): g pulled back through the normalisation."""
    return jax.vjp(lambda *arguments: batch_norm(*arguments, epsilon), y, gamma, beta)[1](g)


def random_tests(y: Array, seed: Seed) -> tuple[np.ndarray, np.ndarray]:
    """The test vectors w and x, standard normal, of the shape of y."""
    source = np.random.default_rng(seed)
    w, x = (source.standard_normal(y.shape).astype(y.dtype) for _ in range(2))
    return w, x


def _only(channels: Int[Array, " samples"], value: Array) -> Array:
    """(samples, *value.shape): the value in one channel, zero elsewhere."""
    return jax.vmap(lambda channel: jnp.where(jnp.arange(value.shape[-1]) == channel, value, 0))(channels)


@jax.jit
def _first_derivatives(y, g, gamma, beta, epsilon, w, x, sampled):
    """First-order quantities; directions at y (v, then v and x in single channels) and at z (theirs, then v alone)."""
    v, grad_gamma, grad_beta = _backward(y, g, gamma, beta, epsilon)

    def unit(y):
        return batch_norm(y, jnp.ones_like(gamma), jnp.zeros_like(beta), epsilon)

    def velocity(direction):
        return jax.jvp(lambda y: batch_norm(y, gamma, beta, epsilon), (y,), (direction,))[1]

    yhat = unit(y)
    jx = jax.jvp(unit, (y,), (x,))[1]
    kx = jax.jvp(lambda y: jax.jvp(unit, (y,), (x,))[1], (y,), (x,))[1]
    ones = jnp.ones_like(y)

    out = first_order(y, g, v, gamma, epsilon)
    reference = (y - out["mu"]) / out["s"]  # yhat from the moments: what right sides use
    out |= {"beta": beta, "grad_gamma": grad_gamma, "grad_beta": grad_beta}
    out |= {"one_yhat": channel_inner(ones, yhat), "yhat_yhat": channel_inner(yhat, yhat)}
    out |= {"one_v": channel_inner(ones, v), "yhat_v": channel_inner(reference, v), "g_v": channel_inner(g, v)}
    tests = {"w": w, "y": y, "z": batch_norm(y, gamma, beta, epsilon), "yhat": reference, "g": g}
    tests |= {"v": v, "u": velocity(v), "x": x, "Jx": jx, "Kx": kx}
    out |= {f"w_{name}": channel_inner(w, other) for name, other in tests.items()}
    out |= {"one_w": channel_inner(ones, w), "one_x": channel_inner(ones, x)}
    out |= {"x_x": channel_inner(x, x), "x_yhat": channel_inner(x, reference), "x_g": channel_inner(x, g)}

    along_y = jnp.concatenate([v[None], _only(sampled, v), _only(sampled, x)])
    along_z = jnp.concatenate([jax.vmap(velocity)(along_y), _only(sampled, v)])
    return out, along_y, along_z


@jax.jit
def _second_derivatives(y, g, gamma, beta, epsilon, along_y, along_z, curved, w, sampled):
    """Quadratic forms of both Hessians. ``curved`` is H applied to ``along_z``, so (dy, H dz) is the tangent of (y, g)
    and the derivative of the backward pass along it is Hess(Lhat) dy."""
    n = len(sampled)

    def tangent(dy, dg):
        return jax.jvp(lambda y, g: _backward(y, g, gamma, beta, epsilon)[0], (y, g), (dy, dg))[1]

    curved_hat = jax.vmap(tangent)(along_y, curved[: len(along_y)])
    v, u = along_y[0], along_z[0]
    out = {"layer_v_Hhat_v": jnp.vdot(v, curved_hat[0])[None], "layer_u_H_u": jnp.vdot(u, curved[0])[None]}
    w = _only(sampled, w)
    u_w = jax.vmap(lambda d: jax.jvp(lambda y: batch_norm(y, gamma, beta, epsilon), (y,), (d,))[1])(w)
    vdot = jax.vmap(jnp.vdot)
    blocks = {
        "v_Hhat_v": vdot(along_y[1 : n + 1], curved_hat[1 : n + 1]),
        "u_H_u": vdot(along_z[1 : n + 1], curved[1 : n + 1]),
        "w_Hhat_x": vdot(w, curved_hat[n + 1 :]),
        "uw_H_ux": vdot(u_w, curved[n + 1 : 2 * n + 1]),
        "v_H_v": vdot(along_z[2 * n + 1 :], curved[2 * n + 1 :]),
    }
    nowhere = jnp.full(gamma.shape, jnp.nan, y.dtype)
    return out | {name: nowhere.at[sampled].set(values) for name, values in blocks.items()}


def _check(y, gamma, beta, epsilon) -> None:
    channels = y.shape[-1]
    for name, parameter in (("gamma", gamma), ("beta", beta)):
        if parameter.shape != (channels,):
            raise InputError(
                got=f"{name} of shape {parameter.shape} for y of shape {y.shape}",
                expected=f"({channels},), one number a channel",
                advice="put the channel on the last axis of y",
            )
    if y.ndim < 2 or y.size == channels:
        raise InputError(
            got=f"y of shape {y.shape}, one value a channel",
            expected="at least two values a channel to take a variance of",
            advice="use a larger batch or a spatial extent; a batch of one value normalises to 0",
        )
    if epsilon < 0:
        raise InputError(got=f"epsilon {epsilon}", expected="epsilon >= 0", advice="pass 0 or a small positive number")


def _refuse_constant_channels(y) -> None:
    constant = jnp.flatnonzero((y == y.reshape(-1, y.shape[-1])[0]).all(axis=tuple(range(y.ndim - 1))))
    if constant.size:
        raise InputError(
            got=f"epsilon 0 with constant channels {', '.join(map(str, constant.tolist()))}",
            expected="a positive variance in every channel, or epsilon > 0",
            advice="pass a positive epsilon, or leave the constant channels out",
        )
