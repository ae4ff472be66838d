"""The vectors a normaliser cuts activations into: their inner products, their gamma, and directions inside one."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from bnverify.empirical.normalization.normalizers import Normalization


def inner(norm: Normalization, u: Array, v: Array) -> Float[Array, " K"]:
    """<u_j, v_j> for every vector j."""
    return (norm.columns(u) * norm.columns(v)).sum(0)


def only(norm: Normalization, vectors: Int[Array, " samples"], value: Array) -> Float[Array, "samples ..."]:
    """The value in one vector, zero elsewhere, for each of the given vectors."""
    columns = norm.columns(value)
    number = jnp.arange(columns.shape[-1])
    return jax.vmap(lambda j: norm.restore(jnp.where(number == j, columns, 0), value.shape))(vectors)


def one_gamma(norm: Normalization) -> bool:
    """Whether gamma is the same for all values of a vector: it lies in one channel."""
    return norm.arrangement.one_channel


def vector_parameters(
    norm: Normalization, y: Array, g: Array, gamma: Float[Array, " channel"], beta: Float[Array, " channel"]
) -> tuple[Float[Array, " K"], Float[Array, " K"], Array]:
    """(gamma, beta, g) as claims read them: one gamma and beta a vector or, where they differ inside it, gamma = 1,
    beta = 0 and the gradient with respect to yhat, which is pulled back through z = gamma yhat + beta."""
    if one_gamma(norm):
        scale, shift = (norm.columns(jnp.broadcast_to(parameter, y.shape))[0] for parameter in (gamma, beta))
        return scale, shift, g
    ones = jnp.ones_like(norm.columns(y)[0])
    return ones, jnp.zeros_like(ones), jax.vjp(lambda yhat: gamma * yhat + beta, y)[1](g)[0]
