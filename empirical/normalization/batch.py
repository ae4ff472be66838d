"""Batch normalisation as networks compute it, in training mode unless said otherwise. The last axis is the channel."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def batch_statistics(y: Float[Array, "*batch channel"]) -> tuple[Float[Array, " channel"], Float[Array, " channel"]]:
    """Mean and biased variance of every channel over all other axes."""
    axes = tuple(range(y.ndim - 1))
    mean = y.mean(axes)
    return mean, jnp.square(y - mean).mean(axes)


def batch_norm(
    y: Float[Array, "*batch channel"],
    gamma: Float[Array, " channel"],
    beta: Float[Array, " channel"],
    epsilon: float,
) -> Float[Array, "*batch channel"]:
    """gamma (y - mu) / sqrt(sigma^2 + epsilon) + beta with the statistics of y itself (Ioffe and Szegedy 2015)."""
    mean, variance = batch_statistics(y)
    return (y - mean) * (gamma * jax.lax.rsqrt(variance + epsilon)) + beta


def inference_norm(
    y: Float[Array, "*batch channel"],
    gamma: Float[Array, " channel"],
    beta: Float[Array, " channel"],
    epsilon: float,
    mean: Float[Array, " channel"],
    variance: Float[Array, " channel"],
) -> Float[Array, "*batch channel"]:
    """The same with given (running) statistics: for test accuracy only, never for a measurement."""
    return (y - mean) * (gamma * jax.lax.rsqrt(variance + epsilon)) + beta


def matched(
    y: Float[Array, "*batch channel"], epsilon: float
) -> tuple[Float[Array, " channel"], Float[Array, " channel"]]:
    """gamma = s and beta = mu: the parameters with which batch_norm reproduces y (Observation 4.3), as constants."""
    mean, variance = jax.lax.stop_gradient(batch_statistics(y))
    return jnp.sqrt(variance + epsilon), mean
