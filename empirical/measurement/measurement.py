"""The theorems' quantities at one place of a network, under the names of ``theory.QUANTITIES``.

Everything a claim has on its left is a derivative taken by automatic differentiation through the real normalisation
and the real rest of the network; what it has on its right are moments of y, inner products with g, and random test
vectors. No formula of theory/ is used here.

A normaliser cuts y into vectors (`normalizers`): one a channel, or one a sample and group of channels. Every
quantity is one number a vector. Where gamma differs inside a vector, g is the gradient with respect to yhat and gamma
is 1, as in theory/; v and the second derivatives are those of the real network in either reading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from bnverify.empirical.measurement.batch_norm_quantities import batch_norm_quantities, scaled_hessian
from bnverify.empirical.measurement.scale_quantities import scale_quantities
from bnverify.empirical.measurement.vectors import inner, only, vector_parameters
from bnverify.empirical.normalization.batch import batch_norm
from bnverify.empirical.normalization.batch_renormalization import correction
from bnverify.empirical.normalization.normalizers import BATCH, Normalization, normalization
from bnverify.errors import InputError

Quantities = dict[str, Array]
Seed = int | Sequence[int]
RENORM = "batch-renorm"


class Placed(NamedTuple):
    """A normaliser with its parameters and epsilon, and what else its forward pass needs (batch renormalisation: its
    running mean and s, and the limits r_max and d_max)."""

    gamma: Float[Array, " channel"]
    beta: Float[Array, " channel"]
    epsilon: Any
    context: tuple = ()

    def __call__(self, norm: Normalization, y: Array, gamma: Array | None = None, beta: Array | None = None) -> Array:
        """z of y, as the network computes it."""
        gamma, beta = self.gamma if gamma is None else gamma, self.beta if beta is None else beta
        return norm(y, gamma, beta, self.epsilon, *self.context)

    def unit(self, norm: Normalization, y: Array) -> Array:
        """yhat of y: the network's own forward pass with gamma = 1 and beta = 0."""
        return self(norm, y, jnp.ones_like(self.gamma), jnp.zeros_like(self.beta))

    def velocity(self, norm: Normalization, y: Array, direction: Array) -> Array:
        """D z[direction]."""
        return jax.jvp(lambda y: self(norm, y), (y,), (direction,))[1]

    def backward(self, norm: Normalization, y: Array, g: Array) -> Array:
        """g pulled back through the normalisation."""
        return jax.vjp(lambda y: self(norm, y), y)[1](g)[0]


class Tests(NamedTuple):
    """Random numbers that claims are stated for every value of: vectors w and x like y, factor k and shift c > 0."""

    w: Any
    x: Any
    k: Any
    c: Any


def random_tests(y: Array, seed: Seed) -> Tests:
    """w and x standard normal, k in (1.3, 2.3) and c in (1, 2), which multiplies the spread of the vector."""
    source = np.random.default_rng(seed)
    w, x = (source.standard_normal(y.shape).astype(y.dtype) for _ in range(2))
    k, c = (np.asarray(low + source.random(), y.dtype) for low in (1.3, 1.0))
    return Tests(w, x, k, c)


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
    normalizer: str | Normalization = BATCH,
    seed: Seed = 0,
    sampled: Sequence[int] = (),
    context: tuple = (),
) -> Quantities:
    """Measure all claims' quantities where z = normalizer(y, gamma, beta, epsilon) and the loss is suffix(z).

    y has the channel on its last axis; suffix must be twice differentiable along lines. Cost: a gradient of the suffix
    and Hessian-vector products: one for the whole layer and four for each vector in ``sampled`` (batch norm), or one
    for each (others); none for batch renormalisation, whose ``context`` is ((running mean, running s), r_max, d_max).
    ``seed`` draws the random tests. Returns arrays of shape (K,), K the number of vectors, or (1,) for site and layer
    quantities; sample quantities are NaN outside ``sampled``. As no layer is known, Theorem 4.4 is measured over
    inputs of norm 1. Besides quantities there are the flags of `bnverify.empirical.runs.records.FLAGS`.
    Claims are meant to be checked in float64.
    """
    norm = named(normalizer)
    check_cut(norm, y, gamma, beta, epsilon)
    gradient = jax.grad(suffix)

    def hessian(z, directions):
        _, tangent = jax.linearize(gradient, z)
        return jax.lax.map(tangent, directions)

    return measure_cut(
        y, gamma, beta, epsilon, gradient=jax.jit(gradient), hessian=jax.jit(hessian), seed=seed, sampled=sampled,
        norm=norm, context=context,
    )  # fmt: skip


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
    norm: Normalization = BATCH,
    context: tuple = (),
    plain_curvature: bool = True,
) -> Quantities:
    """`measure` for a rest of the network given by its derivatives at z: ``gradient(z)``, and ``hessian(z, d)`` for a
    stack of directions d of shape (k, *z.shape). Both are compiled by the caller; what is local to the normalisation
    is compiled here, once a shape. Without ``plain_curvature`` v'Hv and g'Hg are NaN, which saves two of the directions
    a sampled channel: claims need them at epsilon = 0 only."""
    placed = Placed(gamma, beta, jnp.asarray(epsilon, y.dtype), context)
    vectors = jnp.asarray(np.asarray(sampled, int))
    tests = random_tests(y, seed)
    z = _forward(norm, placed, y)
    g = gradient(z)
    quantities, along_y, along_z = _first_derivatives(norm, plain_curvature, placed, y, g, tests, vectors)
    if norm.name == RENORM:
        return quantities
    curved = hessian(z, along_z)
    return quantities | _second_derivatives(
        norm, plain_curvature, placed, y, g, along_y, along_z, curved, tests, vectors
    )  # fmt: skip


def named(normalizer: str | Normalization) -> Normalization:
    """The normaliser of a name of `bnverify.empirical.runs.config.NORMALIZERS`."""
    if isinstance(normalizer, Normalization):
        return normalizer
    return BATCH_RENORM if normalizer == RENORM else normalization(normalizer)


class _BatchRenorm(Normalization):
    """Batch renormalisation with its correction, which is a constant to differentiation."""

    def __call__(self, y, gamma, beta, epsilon, running=None, r_max=1.0, d_max=0.0):
        r, d = correction(y, epsilon, running, r_max, d_max)
        return batch_norm(y, gamma * r, beta + gamma * d, epsilon)


BATCH_RENORM = _BatchRenorm(RENORM, BATCH.arrangement, BATCH.centred, BATCH.scale)


@partial(jax.jit, static_argnums=0)
def _forward(norm, placed, y):
    return placed(norm, y)


@partial(jax.jit, static_argnums=(0, 1))
def _first_derivatives(norm, plain_curvature, placed, y, g, tests, sampled):
    """First-order quantities; directions at y and at z for the second. Batch norm: v, then v and x in single channels;
    at z theirs, then v and g alone. Others: v in single vectors, and theirs at z."""
    v, grad_gamma, grad_beta = jax.vjp(lambda *a: placed(norm, *a), y, placed.gamma, placed.beta)[1](g)
    gamma, beta, read = vector_parameters(norm, y, g, placed.gamma, placed.beta)
    if norm.name in ("batch", RENORM):
        out = first_order(y, g, v, gamma, placed.epsilon)
    else:
        out = _vector_first_order(norm, y, read, v, gamma, placed.epsilon)
    # yhat from the moments: what right sides use
    reference = norm.restore((norm.columns(y) - out["mu"]) / out["s"], y.shape)
    w, x, ones = tests.w, tests.x, jnp.ones_like(y)
    pair = partial(inner, norm)
    out |= {"one_v": pair(ones, v), "one_w": pair(ones, w), "one_x": pair(ones, x)}
    out |= {"w_w": pair(w, w), "w_x": pair(w, x), "x_x": pair(x, x)}
    out |= {"w_yhat": pair(w, reference), "w_v": pair(w, v)}
    if norm.name in ("batch", RENORM):
        out |= {"beta": beta, "w_g": pair(w, g), "w_y": pair(w, y), "w_z": pair(w, placed(norm, y))}
    if norm.name == RENORM:
        return out | _renorm_quantities(placed, y), None, None

    unit = partial(placed.unit, norm)
    yhat, jx = unit(y), jax.jvp(unit, (y,), (x,))[1]
    kx = jax.jvp(lambda y: jax.jvp(unit, (y,), (x,))[1], (y,), (x,))[1]
    out |= {"yhat_yhat": pair(yhat, yhat), "w_Jx": pair(w, jx), "w_Kx": pair(w, kx)}
    out |= scale_quantities(norm, y, read, v, w, x, placed.epsilon)
    velocity = partial(placed.velocity, norm, y)
    along_y = only(norm, sampled, v)
    if norm.name != "batch":
        return out, along_y, jax.vmap(velocity)(along_y)

    out |= {"grad_gamma": grad_gamma, "grad_beta": grad_beta, "one_yhat": pair(ones, yhat)}
    out |= {"yhat_v": pair(reference, v), "g_v": pair(g, v), "x_yhat": pair(x, reference), "x_g": pair(x, g)}
    out |= {"w_u": pair(w, velocity(v)), "Jx_Jx": pair(jx, jx)}
    out |= batch_norm_quantities(norm, placed, y, g, v, tests, jx, out)
    along_y = jnp.concatenate([v[None], along_y, only(norm, sampled, x)])
    along_z = [jax.vmap(velocity)(along_y)]
    if plain_curvature:
        along_z += [only(norm, sampled, v), only(norm, sampled, g)]
    return out, along_y, jnp.concatenate(along_z)


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


def _renorm_quantities(placed: Placed, y: Array) -> Quantities:
    running, r_max, d_max = placed.context
    r, d = correction(y, placed.epsilon, running, r_max, d_max)
    unclipped = (r > 1 / r_max) & (r < r_max) & (jnp.abs(d) < d_max)
    return {"r": r, "d": d, "mu_run": running[0], "s_run": running[1], "unclipped": unclipped}


@partial(jax.jit, static_argnums=(0, 1))
def _second_derivatives(norm, plain_curvature, placed, y, g, along_y, along_z, curved, tests, sampled):
    """Quadratic forms of both Hessians. ``curved`` is H applied to ``along_z``, so (dy, H dz) is the tangent of (y, g)
    and the derivative of the backward pass along it is Hess(Lhat) dy."""
    n, vdot = len(sampled), jax.vmap(jnp.vdot)

    def tangent(y, dy, dg):
        return jax.jvp(partial(placed.backward, norm), (y, g), (dy, dg))[1]

    curved_hat = jax.vmap(partial(tangent, y))(along_y, curved[: len(along_y)])
    first = 1 if norm.name == "batch" else 0  # where the whole layer comes before single channels
    own, x = slice(first, first + n), slice(first + n, first + 2 * n)
    blocks = {
        "v_Hhat_v": vdot(along_y[own], curved_hat[own]),
        "u_H_u": vdot(along_z[own], curved[own]),
    }
    out = {}
    if norm.name == "batch":
        out = {
            "layer_v_Hhat_v": jnp.vdot(along_y[0], curved_hat[0])[None],
            "layer_u_H_u": jnp.vdot(along_z[0], curved[0])[None],
        }
        w = only(norm, sampled, tests.w)
        u_w = jax.vmap(partial(placed.velocity, norm, y))(w)
        blocks |= {"w_Hhat_x": vdot(w, curved_hat[x]), "uw_H_ux": vdot(u_w, curved[x])}
        scaled = partial(scaled_hessian, norm, placed, tests.k * y, partial(tangent, tests.k * y))
        blocks["w_Hhat_x_scaled"] = jax.vmap(scaled)(w, along_y[x], along_z[x], curved[x])
        start, none = 2 * n + 1, jnp.full(n, jnp.nan, y.dtype)
        for name in ("v_H_v", "g_H_g"):
            part = slice(start, start + n)
            blocks[name] = vdot(along_z[part], curved[part]) if plain_curvature else none
            start += n
    nowhere = jnp.full(norm.columns(y).shape[-1], jnp.nan, y.dtype)
    return out | {name: nowhere.at[sampled].set(values) for name, values in blocks.items()}


def check_cut(norm: Normalization, y, gamma, beta, epsilon) -> None:
    """InputError where shapes or values leave nothing to measure."""
    channels = y.shape[-1]
    for name, parameter in (("gamma", gamma), ("beta", beta)):
        if parameter.shape != (channels,):
            raise InputError(
                got=f"{name} of shape {parameter.shape} for y of shape {y.shape}",
                expected=f"({channels},), one number a channel",
                advice="put the channel on the last axis of y",
            )
    if epsilon < 0:
        raise InputError(got=f"epsilon {epsilon}", expected="epsilon >= 0", advice="pass 0 or a small positive number")
    if y.ndim < 2 or (epsilon == 0 and len(norm.columns(y)) == 1):
        raise InputError(
            got=f"y of shape {y.shape}, one value a vector, with epsilon {epsilon}",
            expected="at least two values to take a variance of, or epsilon > 0",
            advice="use a larger batch or a spatial extent; a batch of one value normalises to 0",
        )
    if epsilon == 0:
        _refuse_constant_vectors(norm, y)


def _refuse_constant_vectors(norm: Normalization, y) -> None:
    columns = norm.columns(y)
    constant = jnp.flatnonzero((columns == (columns[0] if norm.centred else 0)).all(0))
    if constant.size:
        raise InputError(
            got=f"epsilon 0 with constant channels {', '.join(map(str, constant.tolist()))}",
            expected="a positive variance in every channel, or epsilon > 0",
            advice="pass a positive epsilon, or leave the constant channels out",
        )
