"""A small Flax NNX model with any normalisation in a residual connection, moved off its initial parameters."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

WIDTH = 4


def images(seed=0, shape=(5, 3, WIDTH)):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32) * 2 + 1


def perturbed(model, seed=9):
    """The model with all its parameters moved, so that no gamma is 1 and no beta 0."""
    source = np.random.default_rng(seed)
    state = nnx.state(model, nnx.Param)
    nnx.update(model, jax.tree.map(lambda p: p + jnp.asarray(source.normal(size=p.shape) * 0.3, p.dtype), state))
    return model


class Residual(nnx.Module):
    """x -> head(tanh(y + norm(y))), y = first(x)."""

    def __init__(self, norm=nnx.BatchNorm, **options):
        rngs = nnx.Rngs(0)
        self.first = nnx.Linear(WIDTH, WIDTH, rngs=rngs)
        self.norm = norm(WIDTH, rngs=rngs, **options)
        self.head = nnx.Linear(WIDTH, 1, rngs=rngs)

    def __call__(self, x):
        y = self.first(x)
        return self.head(jnp.tanh(y + self.norm(y)))


def loss(model, x):
    return jnp.square(model(x)).mean()


def residual(norm=nnx.BatchNorm, **options):
    return perturbed(Residual(norm, **options))


class TwoNames(Residual):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.again = self.norm

    def __call__(self, x):
        return self.head(self.again(jnp.tanh(self.norm(self.first(x)))))
