"""Losses of a batch, and the fraction of it that is right: functions of outputs and labels."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean softmax cross-entropy over the batch: logits (N, K), integer labels (N,)."""
    log_probabilities = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(log_probabilities, labels[:, None], axis=-1).mean()


def accuracy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """The fraction of the batch whose largest logit is the label's: logits (N, K), integer labels (N,)."""
    return (logits.argmax(-1).astype(labels.dtype) == labels).mean(dtype=logits.dtype)


def squared_error(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """|outputs - targets|^2, summed over samples and coordinates; targets are taken in the type of the outputs."""
    return jnp.square(outputs - targets.astype(outputs.dtype)).sum()
