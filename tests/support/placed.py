"""A small convolutional network with any normaliser after its convolutions, and a batch in the middle of training."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from bnverify.empirical.measurement.placement import Placement
from bnverify.empirical.networks.layers import convolution_stage, dense_stage
from bnverify.empirical.networks.network import Moment, Network, Parameters, Site, Stage
from bnverify.empirical.networks.pooling import max_pool
from bnverify.empirical.normalization.noise import step_key

SHAPE = (6, 4, 4, 3)


class Case(NamedTuple):
    """A network with parameters off their initial values, a batch, and the moment of its training if it moves."""

    network: Network
    initial: Parameters
    params: Parameters
    x: jax.Array
    labels: jax.Array
    moment: Moment | None


def _start(network: Network, key) -> tuple[Parameters, Parameters]:
    initial = network.init(key, SHAPE, jnp.float64)
    return initial, jax.tree.map(lambda a: a + 0.2 * jax.random.normal(key, a.shape, a.dtype), initial)


def case(normalizer: str | None, *, noise: bool = False, epsilon: float = 1e-3, activation=jax.nn.relu) -> Case:
    """Two convolutions of 4 and 6 channels, each followed by the normaliser (None: by none) and ReLU, a max-pool after
    the first, and a dense layer; of batch renormalisation, a step where it does not clip."""
    stages: list[Stage] = []
    sites = []
    for number, channels in enumerate((4, 6), start=1):
        stages.append(convolution_stage(f"conv{number}", channels))
        sites.append(Site(f"conv{number}", len(stages), f"conv{number}"))
        stages.extend(Placement(normalizer, epsilon, noise, 1e-4).stages(number))
        stages.append(Stage(f"relu{number}", lambda p, x: activation(x)))
        if number == 1:
            stages.append(Stage("pool1", lambda p, x: max_pool(x)))
    stages += [Stage("flatten", lambda p, x: x.reshape(len(x), -1)), dense_stage("dense1", 3)]
    network = Network(tuple(stages), tuple(sites))
    key = jax.random.key(4)
    initial, params = jax.jit(partial(_start, network))(key)
    x = 0.5 + jax.random.normal(jax.random.key(5), SHAPE)
    moment = None
    if network.moving:
        # Running statistics near those of this batch; step 3 is the last of the schedule.
        seen = jax.jit(network.batch_statistics)(params, x)
        running = {name: (0.9 * centre + 0.1, 1.2 * spread) for name, (centre, spread) in seen.items()}
        step = jnp.asarray(3, jnp.int32)
        moment = Moment(step, step_key(7, step), running)
    return Case(network, initial, params, x, jnp.arange(SHAPE[0]) % 3, moment)
