"""Smooth functions of a normalised value, and what is measured where batch norm or a relative stands before them."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
from claimed import arrays
from jax.tree_util import Partial

from bnverify.empirical.measurement.measurement import measure
from bnverify.empirical.normalization.batch import batch_norm


def random_function(shape, seed=0):
    """A smooth non-convex function of z with another batch norm downstream, and random y, gamma, beta. What is compiled
    for a shape serves all of them."""
    keys = jax.random.split(jax.random.key(seed), 5)
    size = int(np.prod(shape))
    first = jax.random.normal(keys[0], (shape[-1], 5))
    second = jax.random.normal(keys[1], (size // shape[-1] * 5,))
    y = 2.0 + 3.0 * jax.random.normal(keys[2], shape)
    gamma, beta = (jax.random.normal(k, shape[-1:]) for k in keys[3:5])
    return Partial(_suffix, first, second), y, gamma, beta


def _suffix(first, second, z):
    hidden = batch_norm(jnp.tanh(z.reshape(-1, z.shape[-1]) @ first), jnp.ones(5), jnp.zeros(5), 1e-3)
    return jnp.sin(jnp.tanh(hidden).reshape(-1) @ second) + 0.1 * jnp.sum(z**3)


def running_of(y, normalizer):
    """Running statistics off those of the batch, within the limits of batch renormalisation."""
    axes = tuple(range(y.ndim - 1))
    context = (1.1 * y.mean(axes), 0.8 * y.std(axes) + 0.3), jnp.asarray(3.0), jnp.asarray(5.0)
    return context if normalizer == "batch-renorm" else ()


@functools.cache
def measured(shape, epsilon, seed=0, normalizer="batch"):
    suffix, y, gamma, beta = random_function(shape, seed)
    out = measure(
        suffix, y, gamma, beta, epsilon, normalizer=normalizer, sampled=range(2), context=running_of(y, normalizer)
    )  # fmt: skip
    return arrays(out)
