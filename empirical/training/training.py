"""SGD with momentum, several steps in one compiled chunk; what a recorder wants comes out of the step itself.

One backward pass gives the gradients with respect to every value a recorder names through zero probes, so recording
costs a few reductions. A network that is another function at every step (noise, batch renormalisation) is taken as it
is at the step of the state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from bnverify.empirical.measurement.recording import Recorder, recorder
from bnverify.empirical.measurement.settings import cheaply_compiled
from bnverify.empirical.networks.network import Moment, Network, Parameters, Statistics
from bnverify.empirical.normalization.noise import step_key
from bnverify.empirical.training.objectives import accuracy, cross_entropy

STATISTICS_MOMENTUM = 0.9
Objective = Callable[[Array, Array], Array]


class TrainState(NamedTuple):
    """Parameters, optimiser state, running statistics of every normalisation that keeps them (batch norm: mean and
    variance), and the number of the next step, kept only where the network moves with it: one pytree of arrays."""

    params: Parameters
    optimizer: Any
    statistics: dict[str, Statistics]
    step: Array | None = None


@dataclass(frozen=True, eq=False)
class Trainer:
    """Compiled training of one network on batches of inputs (N, ...) and labels (N, ...).

    ``objective(output, labels)`` is the loss; ``accuracy(output, labels)``, or None where outputs are not classes, a
    fraction. ``seed`` names the noise of the steps. Without noise or batch renormalisation it is not used.
    ``weight_decay`` times the parameters is added to the gradient, before the momentum.
    """

    network: Network
    learning_rate: float
    momentum: float
    insertion_epsilon: float = 0.0
    objective: Objective = cross_entropy
    accuracy: Objective | None = accuracy
    seed: int = 0
    weight_decay: float = 0.0

    @property
    def optimizer(self) -> optax.GradientTransformation:
        descent = optax.sgd(self.learning_rate, self.momentum)
        if not self.weight_decay:
            return descent
        return optax.chain(optax.add_decayed_weights(self.weight_decay), descent)

    def buffer(self, state: TrainState) -> Parameters:
        """The optimiser's momentum buffer V before the step of the state: W_{t+1} = W_t - eta (momentum V + gradient +
        weight_decay W_t)."""
        found = [
            leaf.trace
            for leaf in jax.tree.leaves(state.optimizer, is_leaf=lambda leaf: isinstance(leaf, optax.TraceState))
            if isinstance(leaf, optax.TraceState)
        ]
        return found[0]

    @cached_property
    def recorder(self) -> Recorder | None:
        return recorder(self.network, self.insertion_epsilon)

    def start(self, key, input_shape: tuple[int, ...]) -> TrainState:
        """The state before the first step."""
        params = self.network.init(key, input_shape)
        shapes = jax.eval_shape(self.network.batch_statistics, params, jax.ShapeDtypeStruct(input_shape, jnp.float32))
        statistics = {
            name: (jnp.zeros(centre.shape, centre.dtype), jnp.ones(spread.shape, spread.dtype))
            for name, (centre, spread) in shapes.items()
        }
        step = jnp.zeros((), jnp.int32) if self.network.moving else None
        return TrainState(params, self.optimizer.init(params), statistics, step)

    def network_at(self, state: TrainState) -> Network:
        """The network of the state's step: what is differentiated there, and what a measurement must look at."""
        moment = self.moment(state)
        return self.network if moment is None else self.network.during(moment)

    def moment(self, state: TrainState) -> Moment | None:
        """What a moving network depends on at the state's step; None for a network that does not move."""
        if state.step is None:
            return None
        return Moment(state.step, step_key(self.seed, state.step), state.statistics)

    @partial(cheaply_compiled, static_argnums=(0,))
    def bare_chunk(self, state: TrainState, images: Float[Array, "k n h w c"], labels: Int[Array, "k n"]):
        """k steps without recording: (state, loss per step). What the cost of recording is compared with."""

        def step(state, batch):
            x, labels = batch

            network = self.network_at(state)

            def loss(params):
                values = dict.fromkeys(self._running)
                return self.objective(network(params, x, values=values), labels), values

            (value, values), slope = jax.value_and_grad(loss, has_aux=True)(state.params)
            return self._update(state, slope, values), value

        return jax.lax.scan(step, state, (images, labels))

    @partial(cheaply_compiled, static_argnums=(0,))
    def chunk(self, state: TrainState, images: Float[Array, "k n h w c"], labels: Int[Array, "k n"]):
        """k steps: (state, {"loss": (k,), "accuracy": (k,)}, quantities of Theorem 4.1 by site, each (k, C))."""

        def step(state, batch):
            return self.recorded_step(state, *batch)

        state, (curves, quantities) = jax.lax.scan(step, state, (images, labels))
        return state, curves, quantities

    def recorded_step(self, state: TrainState, x: Float[Array, "n ..."], labels: Array):
        """One step and what it saw: loss, accuracy on the batch (NaN where outputs are not classes), and what the
        recorder records by site name (nothing without one)."""
        network, cuts = self.network_at(state), self.recorder.cuts if self.recorder else ()
        shapes = jax.eval_shape(lambda p: network.values_at(p, x, cuts), state.params) if cuts else ()
        probes = {cut: jnp.zeros(s.shape, s.dtype) for cut, s in zip(cuts, shapes, strict=True)}

        def loss(params, probes):
            values = dict.fromkeys((*cuts, *self._running))
            output = network(params, x, probes=probes, values=values)
            return self.objective(output, labels), (output, values)

        (value, (output, values)), (slope, at) = jax.value_and_grad(loss, (0, 1), has_aux=True)(state.params, probes)
        hits = self.accuracy(output, labels) if self.accuracy else jnp.full((), jnp.nan, value.dtype)
        quantities = self.recorder.quantities(state.params, values, at) if self.recorder else {}
        return self._update(state, slope, values), ({"loss": value, "accuracy": hits}, quantities)

    @cached_property
    def _running(self) -> tuple[int, ...]:
        """The stages that keep running statistics."""
        return tuple(i for i, stage in enumerate(self.network.stages) if stage.running)

    def _update(self, state: TrainState, slope, values) -> TrainState:
        updates, optimizer = self.optimizer.update(slope, state.optimizer, state.params)
        statistics = dict(state.statistics)
        for index in self._running:
            stage = self.network.stages[index]
            old, new = state.statistics[stage.name], stage.statistics(values[index])
            centre, spread = (
                STATISTICS_MOMENTUM * o + (1 - STATISTICS_MOMENTUM) * n for o, n in zip(old, new, strict=True)
            )
            statistics[stage.name] = centre, spread
        step = None if state.step is None else state.step + 1
        return TrainState(optax.apply_updates(state.params, updates), optimizer, statistics, step)

    @partial(cheaply_compiled, static_argnums=(0,))
    def correct(self, state: TrainState, x: Float[Array, "n h w c"], labels: Int[Array, " n"]) -> Array:
        """How many images the network in inference mode classifies correctly."""
        logits = self.network.inference(state.statistics)(state.params, x)
        return (logits.argmax(-1).astype(labels.dtype) == labels).sum()

    @partial(cheaply_compiled, static_argnums=(0,))
    def inference_loss(self, state: TrainState, x: Float[Array, "n ..."], labels: Array) -> Array:
        """The objective of the network in inference mode."""
        return self.objective(self.network.inference(state.statistics)(state.params, x), labels)
