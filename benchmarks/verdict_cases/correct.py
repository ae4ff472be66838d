"""Random correct cases: every normaliser, many losses, sizes from 2 to 4,096 values, badly conditioned means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from bnverify.empirical.measurement.cut import Cut, Running
from bnverify.empirical.measurement.measurement import cut_of

LOSSES = (
    "zero", "sum", "linear", "quadratic", "mean square", "ReLU", "squared ReLU", "cross entropy", "tanh cubed",
    "gradient penalty",
)  # fmt: skip
EPSILONS = (0.0, 1e-12, 1e-8, 1e-5, 1e-3, 1.0)
# y of a shape has vectors of m values: of a channel, a sample, a token, a group, or the positions of a channel.
SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "batch": ((2, 3), (3, 3), (5, 4), (16, 4), (8, 8, 4), (4096, 2)),
    "l1": ((2, 3), (7, 3), (256, 2), (4096, 2)),
    "linf": ((2, 3), (7, 3), (256, 2), (4096, 2)),
    "l1-uncentred": ((2, 3), (64, 3), (4096, 2)),
    "l2-uncentred": ((2, 3), (64, 3), (4096, 2)),
    "linf-uncentred": ((2, 3), (64, 3), (4096, 2)),
    "layer": ((4, 2), (4, 5), (3, 8, 32), (2, 64, 64)),
    "rms": ((4, 2), (4, 5), (2, 16, 64), (2, 64, 64)),
    "token-layer": ((3, 4, 2), (3, 4, 7), (2, 3, 512), (1, 2, 4096)),
    "token-rms": ((3, 4, 2), (3, 4, 7), (2, 3, 512), (1, 2, 4096)),
    "group": ((3, 1, 4), (3, 5, 4), (2, 64, 8), (1, 1024, 8)),
    "instance": ((3, 2, 2), (3, 5, 2), (2, 1024, 2), (1, 4096, 2)),
    "batch-renorm": ((2, 3), (16, 3), (512, 2), (4096, 2)),
}


class Setting(NamedTuple):
    """What a case was drawn as, to be printed if it fails."""

    loss: str
    epsilon: float
    deviation: float
    ratio: float
    values: str


def loss(kind: Any, weights: Any, mixing: Any, z: jax.Array) -> jax.Array:
    """One of `LOSSES`, all of them in one program."""
    weights = weights.astype(z.dtype)
    half = jnp.asarray(0.5, z.dtype)

    def network(at):
        return jnp.tanh(at @ mixing.astype(at.dtype)).sum()

    branches = (
        lambda z: (z * 0).sum(), lambda z: z.sum(), lambda z: (weights * z).sum(),
        lambda z: half * jnp.square(z - weights).sum(), lambda z: jnp.square(z).mean(),
        lambda z: (weights * jax.nn.relu(z)).sum(), lambda z: jnp.square(jax.nn.relu(z - weights)).sum(),
        lambda z: -jax.nn.log_softmax(z)[..., 0].mean(), lambda z: (jnp.tanh(z) ** 3).sum(),
        lambda z: jnp.square(jax.grad(network)(z)).sum(),
    )  # fmt: skip
    return jax.lax.switch(kind, branches, z)


def one(name: str, shape: tuple[int, ...], source: np.random.Generator, dtype: str) -> tuple[Setting, Cut]:
    """A cut: y with a deviation from 1e-12 to 1e3 and a mean of up to 1e6 deviations, any loss and epsilon."""
    kind, epsilon = int(source.integers(len(LOSSES))), float(source.choice(EPSILONS))
    deviation = 10.0 ** source.uniform(-12, 3)
    ratio = 0.0 if source.random() < 0.25 else 10.0 ** source.uniform(-1, 6)
    values = str(source.choice(["normal", "uniform", "heavy", "integers"]))
    noise = {
        "normal": source.standard_normal(shape), "uniform": source.uniform(-1, 1, shape),
        "heavy": source.standard_normal(shape) ** 3, "integers": source.integers(-3, 4, shape) + 0.0,
    }[values]  # fmt: skip
    level = ratio * (source.choice([-1, 1], shape[-1:]) if source.random() < 0.5 else 1.0)
    spread = 10.0 ** source.uniform(-1, 1, shape[-1:]) if source.random() < 0.3 else 1.0
    y = (deviation * (level + spread * noise)).astype(dtype)
    channels = shape[-1]
    gamma = source.standard_normal(channels) if source.random() < 0.7 else np.ones(channels)
    gamma = np.where(source.random(channels) < 0.05, 0.0, gamma).astype(dtype)
    beta = (source.standard_normal(channels) * (source.random() < 0.7)).astype(dtype)
    weights, mixing = source.standard_normal(shape).astype(dtype), source.standard_normal((channels, 3)).astype(dtype)
    suffix = Partial(loss, jnp.asarray(kind), jnp.asarray(weights), jnp.asarray(mixing))
    axes = tuple(range(len(shape) - 1))
    context: tuple = ()
    if name == "batch-renorm":
        s = np.sqrt(y.var(axes) + epsilon)
        running = (y.mean(axes) + s * source.uniform(-1, 1, channels)).astype(dtype), (s * 1.2).astype(dtype)
        context = (tuple(map(jnp.asarray, running)), jnp.asarray(3.0, dtype), jnp.asarray(5.0, dtype))
    cut = cut_of(
        suffix, jnp.asarray(y), jnp.asarray(gamma), jnp.asarray(beta), epsilon, normalizer=name, context=context
    )  # fmt: skip
    setting = Setting(LOSSES[kind], epsilon, deviation, ratio, values)
    return setting, replace(cut, running=_running(y, axes, source)) if name == "batch" else cut


def _running(y: np.ndarray, axes: tuple[int, ...], source: np.random.Generator) -> Running:
    """Running statistics as PyTorch or as Flax keeps them, in the precision of y with sums in float64."""
    m, unbiased, weight = y.size // y.shape[-1], bool(source.random() < 0.5), float(source.choice([0.1, 0.01, 0.5]))
    mean, variance = (source.standard_normal(y.shape[-1]).astype(y.dtype) for _ in range(2))
    batch_mean, new = (np.asarray(f(y.astype(float), axis=axes)).astype(y.dtype) for f in (np.mean, np.var))
    new = new * y.dtype.type(m / (m - 1) if unbiased else 1)
    keep, add = y.dtype.type(1 - weight), y.dtype.type(weight)
    after = keep * mean + add * batch_mean, keep * variance**2 + add * new
    return Running(weight, unbiased, mean, variance**2, *after)
