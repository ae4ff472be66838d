"""Quantities that only claims about batch norm speak of: its Jacobian twice, its moments as variables, invariances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from bnverify.empirical.measurement.vectors import inner
from bnverify.empirical.normalization.batch import batch_statistics, inference_norm
from bnverify.empirical.normalization.normalizers import Normalization

if TYPE_CHECKING:
    from bnverify.empirical.measurement.measurement import Placed, Tests

# How far two directions may be from parallel, by rounding alone.
_PARALLEL = 1e-11


def batch_norm_quantities(
    norm: Normalization, placed: Placed, y: Array, g: Array, v: Array, tests: Tests, jx: Array, known: Mapping
) -> dict[str, Array]:
    """From the network's own normalisation at y, at ky and at y + c 1 (g is that at y: z is the same if epsilon = 0),
    with its mean and variance as variables, and Theorem 4.4 over inputs of norm 1."""
    pair, unit = partial(inner, norm), partial(placed.unit, norm)
    w, scaled, shifted = tests.w, tests.k * y, y + tests.c * known["s"]
    mean, variance = batch_statistics(y)

    def with_moments(mean, variance):
        return inference_norm(y, placed.gamma, placed.beta, placed.epsilon, mean, variance)

    grad_mu, grad_sigma2 = jax.vjp(with_moments, mean, variance)[1](g)
    return {
        "w_JJx": pair(w, jax.jvp(unit, (y,), (jx,))[1]),
        "grad_mu": grad_mu,
        "grad_sigma2": grad_sigma2,
        "k": tests.k[None],
        "w_yhat_scaled": pair(w, unit(scaled)),
        "w_v_scaled": pair(w, placed.backward(norm, scaled, g)),
        "w_yhat_shifted": pair(w, unit(shifted)),
        "w_v_shifted": pair(w, placed.backward(norm, shifted, g)),
        "design_norm2": jnp.ones((1,), y.dtype),
        "frozen_plain": largest_pull_back(pair, g),
        "frozen_normalised": largest_pull_back(pair, v),
    }


def largest_pull_back(pair: Callable[[Array, Array], Array], gradient: Array) -> Float[Array, " K"]:
    """The largest |X'gradient|^2 over X of norm 1, at the dyad X = gradient e'/|gradient| that attains it."""
    length = jnp.sqrt(pair(gradient, gradient))
    along_e = pair(gradient / jnp.where(length > 0, length, 1), gradient)
    return jnp.square(along_e)


def scaled_hessian(
    norm: Normalization, placed: Placed, y: Array, tangent: Callable[[Array, Array], Array],
    w: Array, x: Array, u_x: Array, curved: Array,
) -> Float[Array, ""]:  # fmt: skip
    """w'Hess(Lhat)x at y = k times the y that ``u_x`` = D z[x] and ``curved`` = H u_x belong to.

    At epsilon = 0 z is the same there, hence H, and D z[x] is parallel to u_x: then H of it is as many times
    ``curved``. Whether it is parallel is measured; where it is not, NaN.
    """
    direction = placed.velocity(norm, y, x)
    times = jnp.vdot(direction, u_x) / jnp.vdot(u_x, u_x)
    apart = jnp.abs(direction - times * u_x).max() / jnp.abs(direction).max()
    return jnp.where(apart < _PARALLEL, jnp.vdot(w, tangent(x, times * curved)), jnp.nan)
