"""SGD with momentum, several steps in one compiled chunk; Theorem 4.1's quantities come out of the step itself.

One backward pass gives the gradients with respect to every y and every z through zero probes, so recording costs a
few reductions. In the plain network v is the pull-back of g through a matched batch norm at that site.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from empirical.measurement import Quantities, first_order
from empirical.network import Network, NormStage, Parameters
from empirical.normalization import batch_norm, batch_statistics
from empirical.sites import normalisation_at
from empirical.vgg import cross_entropy

STATISTICS_MOMENTUM = 0.9


class TrainState(NamedTuple):
    """Parameters, optimiser state, running (mean, variance) of every batch norm: one pytree of arrays."""

    params: Parameters
    optimizer: Any
    statistics: dict[str, tuple[Array, Array]]


@dataclass(frozen=True, eq=False)
class Trainer:
    """Compiled training of one network on batches of images (N, 32, 32, 3) and labels (N,)."""

    network: Network
    learning_rate: float
    momentum: float
    insertion_epsilon: float = 0.0

    @property
    def optimizer(self) -> optax.GradientTransformation:
        return optax.sgd(self.learning_rate, self.momentum)

    def start(self, key, input_shape: tuple[int, ...]) -> TrainState:
        """The state before the first step."""
        params = self.network.init(key, input_shape)
        shapes = jax.eval_shape(self.network.batch_statistics, params, jax.ShapeDtypeStruct(input_shape, jnp.float32))
        statistics = {
            name: (jnp.zeros(mean.shape, mean.dtype), jnp.ones(variance.shape, variance.dtype))
            for name, (mean, variance) in shapes.items()
        }
        return TrainState(params, self.optimizer.init(params), statistics)

    @partial(jax.jit, static_argnums=0)
    def bare_chunk(self, state: TrainState, images: Float[Array, "k n h w c"], labels: Int[Array, "k n"]):
        """k steps without recording: (state, loss per step). What the cost of recording is compared with."""

        def step(state, batch):
            x, labels = batch

            def loss(params):
                values = self._wanted(norms_only=True)
                logits = self.network(params, x, values=values)
                return cross_entropy(logits, labels), values

            (value, values), slope = jax.value_and_grad(loss, has_aux=True)(state.params)
            return self._update(state, slope, values), value

        return jax.lax.scan(step, state, (images, labels))

    @partial(jax.jit, static_argnums=0)
    def chunk(self, state: TrainState, images: Float[Array, "k n h w c"], labels: Int[Array, "k n"]):
        """k steps: (state, {"loss": (k,), "accuracy": (k,)}, quantities of Theorem 4.1 by site, each (k, C))."""

        def step(state, batch):
            return self.recorded_step(state, *batch)

        state, (curves, quantities) = jax.lax.scan(step, state, (images, labels))
        return state, curves, quantities

    def recorded_step(self, state: TrainState, x: Float[Array, "n h w c"], labels: Int[Array, " n"]):
        """One step and what it saw: loss, accuracy on the batch, and Theorem 4.1's quantities by site name."""
        network = self.network
        shapes = jax.eval_shape(lambda p: network.values_at(p, x, self._cuts()), state.params)
        probes = {cut: jnp.zeros(s.shape, s.dtype) for cut, s in zip(self._cuts(), shapes, strict=True)}

        def loss(params, probes):
            values = self._wanted()
            logits = network(params, x, probes=probes, values=values)
            return cross_entropy(logits, labels), (logits, values)

        (value, (logits, values)), (slope, at) = jax.value_and_grad(loss, (0, 1), has_aux=True)(state.params, probes)
        accuracy = _hits(logits, labels).mean(dtype=logits.dtype)
        quantities = {site.name: self._first_order(state.params, site, values, at) for site in network.sites}
        return self._update(state, slope, values), ({"loss": value, "accuracy": accuracy}, quantities)

    def _first_order(self, params, site, values, at) -> Quantities:
        y = values[site.index]
        gamma, beta, epsilon = normalisation_at(self.network, params, site, y, self.insertion_epsilon)
        if isinstance(self.network.stages[site.index], NormStage):
            g, v = at[site.index + 1], at[site.index]
        else:
            g = at[site.index]
            v = jax.vjp(lambda y: batch_norm(y, gamma, beta, epsilon), y)[1](g)[0]
        return first_order(y, g, v, gamma, epsilon)

    def _cuts(self) -> tuple[int, ...]:
        """Cuts at which gradients are wanted: before every site, and after it where a norm stands there."""
        norms = [s.index for s in self.network.sites if isinstance(self.network.stages[s.index], NormStage)]
        return tuple(sorted({site.index for site in self.network.sites} | {i + 1 for i in norms}))

    def _wanted(self, *, norms_only: bool = False) -> dict:
        sites = [s.index for s in self.network.sites]
        return dict.fromkeys(i for i in sites if not norms_only or isinstance(self.network.stages[i], NormStage))

    def _update(self, state: TrainState, slope, values) -> TrainState:
        updates, optimizer = self.optimizer.update(slope, state.optimizer, state.params)
        statistics = dict(state.statistics)
        for site in self.network.sites:
            stage = self.network.stages[site.index]
            if isinstance(stage, NormStage):
                old, new = state.statistics[stage.name], batch_statistics(values[site.index])
                mean, variance = (
                    STATISTICS_MOMENTUM * o + (1 - STATISTICS_MOMENTUM) * n for o, n in zip(old, new, strict=True)
                )
                statistics[stage.name] = mean, variance
        return TrainState(optax.apply_updates(state.params, updates), optimizer, statistics)

    @partial(jax.jit, static_argnums=0)
    def correct(self, state: TrainState, x: Float[Array, "n h w c"], labels: Int[Array, " n"]) -> Array:
        """How many images the network in inference mode classifies correctly."""
        logits = self.network.inference(state.statistics)(state.params, x)
        return _hits(logits, labels).sum()


def _hits(logits: Array, labels: Array) -> Array:
    return logits.argmax(-1).astype(labels.dtype) == labels
