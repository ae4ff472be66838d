"""Networks in the middle of a training: parameters, the optimizer's real update of them, and the batch just used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from bnverify.empirical.measurement.gradients import value_and_gradient
from bnverify.empirical.networks.layers import convolution_stage, dense_stage
from bnverify.empirical.networks.network import Network, Site, Stage, identity_stage, norm_stage
from bnverify.empirical.networks.pooling import max_pool
from bnverify.empirical.networks.vgg import vgg
from bnverify.empirical.training.objectives import cross_entropy

NAMES = ("bn", "plain", "dense", pytest.param("vgg", marks=pytest.mark.slow))
WITH_NORMS = ("bn", "dense", *(pytest.param(name, marks=pytest.mark.slow) for name in ("plain", "vgg")))


@dataclass(frozen=True, eq=False)
class Midway:
    """A network at step t: ``params``, its ``loss`` and ``gradient`` there, and ``updated``, the next step's."""

    network: Network
    params: Any
    updated: Any
    loss: Any
    gradient: Any
    x: Any
    labels: Any

    @cached_property
    def slope(self):
        """(params, x, labels) -> (loss, gradient) of the whole network, compiled once: what references are made of."""
        return jax.jit(partial(value_and_gradient, self.network, cross_entropy))

    @cached_property
    def inference_gradient(self):
        """The first known mistake: inference mode, with statistics that are not this batch's."""
        other = self.x[::-1] * 1.5 + 0.3
        fixed = self.network.inference(self.network.batch_statistics(self.params, other))
        return jax.jit(partial(value_and_gradient, fixed, cross_entropy))(self.params, self.x, self.labels)[1]

    @cached_property
    def updated_gradient(self):
        """The second: the gradient of another step than the parameters."""
        return self.slope(self.updated, self.x, self.labels)[1]

    @cached_property
    def halved_gradient(self):
        """The third: the batch in two halves that are normalised apart, and their gradients averaged."""
        n = len(self.x) // 2
        halves = (self.x[:n], self.labels[:n]), (self.x[n:], self.labels[n:])
        return jax.tree.map(lambda a, b: (a + b) / 2, *(self.slope(self.params, *half)[1] for half in halves))


@cache
def midway(name: str) -> Midway:
    """A small convolutional network with batch norm or without ("bn", "plain"), a small dense one with batch norm
    ("dense"), the VGG at width 1/32 with batch norm ("vgg"); all in float64 after two steps of SGD with momentum, at a
    rate that moves the weights visibly."""
    network, shape = _dense() if name == "dense" else _vgg() if name == "vgg" else convolutional(name == "bn")
    key = jax.random.key(7)
    x = jax.random.normal(key, shape)
    labels = jnp.arange(shape[0]) % 3
    step = jax.jit(partial(value_and_gradient, network, cross_entropy))

    # gamma and beta off 1 and 0, and biases off 0
    @jax.jit
    def start(key):
        return jax.tree.map(
            lambda a: a + 0.1 * jax.random.normal(key, a.shape), network.init(key, shape, jnp.float64)
        )  # fmt: skip

    params = start(key)
    velocity = jax.tree.map(jnp.zeros_like, params)
    for _ in range(2):
        before = params
        loss, gradient = step(params, x, labels)
        velocity = jax.tree.map(lambda v, g: 0.9 * v + g, velocity, gradient)
        params = jax.tree.map(lambda p, v: p - 0.1 * v, params, velocity)
    return Midway(network, before, params, loss, gradient, x, labels)


def single(c: Midway) -> Midway:
    """The same in float32."""

    def cast(tree):
        return jax.tree.map(lambda a: a.astype(jnp.float32), tree)

    arrays = (c.params, c.updated, c.loss, c.gradient, c.x)
    return Midway(c.network, *map(cast, arrays), c.labels)


def _vgg() -> tuple[Network, tuple[int, ...]]:
    return vgg(batch_norm=True, width=1 / 32), (6, 32, 32, 3)


def convolutional(bn: bool) -> tuple[Network, tuple[int, ...]]:
    """Three convolutions with a site after each, max-pools, two dense layers; and the shape of a batch."""
    stages, sites = [], []
    for number, channels in enumerate((4, 5, 6), start=1):
        stages.append(convolution_stage(f"conv{number}", channels))
        sites.append(Site(f"conv{number}", len(stages), f"conv{number}"))
        stages.append(norm_stage(f"norm{number}", 1e-5) if bn else identity_stage(f"norm{number}"))
        stages.append(Stage(f"relu{number}", lambda p, x: jax.nn.relu(x)))
        if number > 1:
            stages.append(Stage(f"pool{number}", lambda p, x: max_pool(x)))
    stages.append(Stage("flatten", lambda p, x: x.reshape(x.shape[0], -1)))
    stages += [dense_stage("dense1", 7), Stage("dense_relu1", lambda p, x: jax.nn.relu(x)), dense_stage("dense2", 4)]
    return Network(tuple(stages), tuple(sites)), (6, 8, 8, 3)


def _dense() -> tuple[Network, tuple[int, ...]]:
    stages, sites = [], []
    for number, units in enumerate((7, 6, 5), start=1):
        stages.append(dense_stage(f"dense{number}", units))
        sites.append(Site(f"dense{number}", len(stages), f"dense{number}"))
        stages.append(norm_stage(f"norm{number}", 1e-3))
        stages.append(Stage(f"tanh{number}", lambda p, x: jnp.tanh(x)))
    stages.append(dense_stage("output", 4))
    return Network(tuple(stages), tuple(sites)), (10, 8)
