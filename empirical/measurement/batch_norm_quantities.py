"""Quantities that only claims about batch norm speak of: its moments as variables, Theorem 4.4's largest gradients."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from bnverify.empirical.measurement.layer import Layer, Parameters
from bnverify.empirical.normalization.batch import batch_statistics, inference_norm


def moment_gradients(p: Parameters, y: Array, g: Array) -> dict[str, Array]:
    """The derivatives of the loss by the mean and the variance, each of them a variable of its own."""
    mean, variance = batch_statistics(y)

    def with_moments(mean, variance):
        return inference_norm(y, p.gamma, p.beta, p.epsilon, mean, variance)

    grad_mu, grad_sigma2 = jax.vjp(with_moments, mean, variance)[1](g)
    return {"grad_mu": grad_mu, "grad_sigma2": grad_sigma2}


def largest_pull_back(pair: Callable[[Array, Array], Array], gradient: Array) -> Float[Array, " K"]:
    """The largest |X'gradient|^2 over X of norm 1, at the dyad X = gradient e'/|gradient| that attains it."""
    length = jnp.sqrt(pair(gradient, gradient))
    along_e = pair(gradient / jnp.where(length > 0, length, 1), gradient)
    return jnp.square(along_e)


def scaled_hessian(
    layer: Layer, p: Parameters, y: Array, g: Array, w: Array, x: Array, u_x: Array, curved: Array, apart: float
) -> Float[Array, ""]:
    """w'Hess(Lhat)x at y = k times the y that ``u_x`` = D z[x] and ``curved`` = H u_x belong to.

    At epsilon = 0 z is the same there, hence H, and D z[x] is parallel to u_x: then H of it is as many times
    ``curved``. Whether it is parallel, up to ``apart``, is measured; where it is not, NaN.
    """
    direction = layer.velocity(p, y, x)
    times = jnp.vdot(direction, u_x) / jnp.vdot(u_x, u_x)
    off = jnp.abs(direction - times * u_x).max() / jnp.abs(direction).max()
    return jnp.where(off < apart, jnp.vdot(w, layer.tangent(p, y, g, x, times * curved)), jnp.nan)
