r"""Two consecutive states of a training, and the optimiser's buffer between them, for every layer before a batch norm.

The state W_t, B_t is that of the float32 training. From it the optimiser makes its step in float64, with the gradient
in float64 on the batch of step t: on this the claims of ``theory.results.dynamics`` are evaluated. The step that the
training itself makes is recorded beside it, with the rounding it may have: ``step_gap`` is the largest
|W+ - (W - eta B+)| over u (|W+| + 2 |eta B+|), u = 2^-24, of the float32 numbers themselves. It is at most 1 where the
optimiser is the formula, whatever the gradient was.

In the plain network the same is recorded, with the radial part of a matched insertion (0 at its epsilon = 0): there
the claims say nothing, and fail.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr

from bnverify.empirical.measurement.reductions import first_order
from bnverify.empirical.measurement.sites import SiteMeasurement, normalisation_at
from bnverify.empirical.networks.network import NormStage, Stage, norm_stage
from bnverify.empirical.runs.records import site_dataset
from bnverify.empirical.trajectory.observation import Here, Observation
from bnverify.theory.results.dynamics.schedules import larger_root

_ROUNDING = 2.0**-24  # of float32
_FACTOR = 3.0  # by which weights are multiplied for the step of an exponential learning rate
RECORDED = {
    "W_stepped_run": "the filter on itself after the step that the training made, in float32",
    "stepped_stepped_run": "squared norm of the filter after that step",
    "step_gap": "rounding of that step over what float32 may round",
    "gradient_gap": "|float32 gradient - float64 gradient| / |float64 gradient| of the filter",
    "step_rounding": "how far that step may be from the one in float64: what float32 may round, and eta times the "
    "difference of the gradients",
}


@lru_cache
def _sites(trainer) -> SiteMeasurement:
    return SiteMeasurement(trainer.network, trainer.objective, insertion_epsilon=trainer.insertion_epsilon)


def _wide(tree):
    """Arrays of floating-point numbers in float64."""
    return jax.tree.map(
        lambda leaf: jnp.asarray(leaf, jnp.float64) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, tree
    )


def _filters(kernel) -> np.ndarray:
    return np.asarray(kernel, np.float64).reshape(-1, kernel.shape[-1])


def dynamics(here: Here) -> xr.Dataset:
    """The record of one step: quantities by site and channel named as in ``theory.QUANTITIES``, and `RECORDED`."""
    trainer, state = here.trainer, here.state
    following, _ = trainer.bare_chunk(state, here.inputs[None], here.labels[None])
    passes = _sites(trainer).values_and_gradients(state.params, here.inputs, here.labels, trainer.moment(state))
    with jax.enable_x64(True):
        params, slope = _wide(state.params), passes.slope
        updates, optimizer = trainer.optimizer.update(slope, _wide(state.optimizer), params)
        moved = optax.apply_updates(params, updates)
        ahead = trainer.buffer(state._replace(optimizer=optimizer))
        exponential = _exponential(here, params)
        records = {}
        for number, site in enumerate(trainer.network.sites):
            y = passes.ys[number]
            gamma, _, epsilon = normalisation_at(trainer.network, params, site, y, trainer.insertion_epsilon)
            known = first_order(y, passes.gs[number], passes.vs[number], gamma, epsilon)
            before = (state.params, trainer.buffer(state), slope)
            after = (moved, ahead, following.params, trainer.buffer(following))
            kernels = [_filters(tree[site.layer]["kernel"]) for tree in (*before, *after)]
            records[site.name] = {name: np.asarray(value) for name, value in known.items()}
            records[site.name] |= _of_filters(trainer, *kernels) | _of_schedule(trainer, *kernels[:4])
            other = None if exponential is None else _filters(exponential[site.layer]["kernel"])
            records[site.name] |= _of_exponential(trainer, kernels[3], other, number)
    return site_dataset(here.step, records)


def _of_filters(trainer, w, b, g, next_w, next_b, run_w, run_b) -> dict[str, np.ndarray]:
    """Of weights, buffer and gradient before the step, and of weights and buffer after it, in float64 and in the run:
    with NumPy, sums of products of measured arrays; nothing is derived here."""
    eta, alpha, decay = trainer.learning_rate, trainer.momentum, trainer.weight_decay
    allowed = _ROUNDING * (np.abs(run_w) + 2 * np.abs(eta * run_b))
    gap = np.abs(run_w - (w - eta * run_b)) / np.where(allowed > 0, allowed, 1)
    run_g = run_b - alpha * b - decay * w
    length, apart = np.linalg.norm(g, axis=0), np.linalg.norm(run_g - g, axis=0)
    return {
        "W_W": (w * w).sum(0), "W_buffer": (w * b).sum(0), "W_stepped": (w * next_w).sum(0),
        "stepped_stepped": (next_w * next_w).sum(0), "buffer_next_buffer_next": (next_b * next_b).sum(0),
        "gradW_gradW": (g * g).sum(0), "weight_grad": (w * g).sum(0), "buffer_gradW": (b * g).sum(0),
        "learning_rate": np.array([eta]), "momentum": np.array([alpha]), "weight_decay": np.array([decay]),
        "W_stepped_run": (w * run_w).sum(0), "stepped_stepped_run": (run_w * run_w).sum(0), "step_gap": gap.max(0),
        "gradient_gap": apart / np.where(length > 0, length, 1),
        "step_rounding": np.linalg.norm(allowed, axis=0) + eta * apart,
    }  # fmt: skip


def _of_schedule(trainer, w, b, g, next_w) -> dict[str, np.ndarray]:
    """The weights of the step before, and effective rates; the rate and the decay of a run stay as they are."""
    eta, alpha, decay = trainer.learning_rate, trainer.momentum, trainer.weight_decay
    previous, direction = w + eta * b, alpha * b + g
    with np.errstate(divide="ignore"):
        rates = [eta / ((1 - eta * decay) * (each * each).sum(0)) for each in (w, next_w)]
    return {
        "W_previous": (w * previous).sum(0), "previous_previous": (previous * previous).sum(0),
        "direction_direction": (direction * direction).sum(0), "effective_rate": rates[0],
        "effective_rate_next": rates[1], "next_learning_rate": np.array([eta]), "next_weight_decay": np.array([decay]),
    }  # fmt: skip


def exponential_root(trainer) -> float:
    """The root that the exponential learning rate of a training takes."""
    return larger_root(trainer.learning_rate, trainer.momentum, trainer.weight_decay)


@lru_cache
def regrown(trainer):
    """The trainer of the network with k^2 times every epsilon of its batch norms; None with another normaliser."""
    network = trainer.network
    if any(type(network.stages[site.index]) not in (NormStage, Stage) for site in network.sites):
        return None
    stages = tuple(
        norm_stage(stage.name, _FACTOR**2 * stage.epsilon) if isinstance(stage, NormStage) else stage
        for stage in network.stages
    )
    return dataclasses.replace(trainer, network=dataclasses.replace(network, stages=stages))


def _exponential(here: Here, params):
    """`exponential_step`; None where the claim about it says nothing: without a real root, or for another normaliser
    than batch norm."""
    trainer, x, grown = here.trainer, exponential_root(here.trainer), regrown(here.trainer)
    if not np.isfinite(x) or grown is None:
        return None
    return exponential_step(here, params, x, _wide(trainer.buffer(here.state)), grown)


def exponential_step(here: Here, params, x: float, buffer, grown):
    """The parameters after the optimiser's own step from k W, k times the kernels before a normalisation, of rate
    k^2 eta/x without weight decay; its buffer is what the step from k x (W + eta buffer) of rate k^2 eta x left. The
    gradient is that of the network of ``grown``, whose epsilons are k^2 times those of the training."""
    trainer, k, eta = here.trainer, _FACTOR, here.trainer.learning_rate
    start = {name: dict(leaves) for name, leaves in params.items()}
    matched = jax.tree.map(jnp.zeros_like, start)
    for layer in {site.layer for site in trainer.network.sites}:
        w, b = params[layer]["kernel"], buffer[layer]["kernel"]
        start[layer]["kernel"] = k * w
        matched[layer]["kernel"] = (k * x * (w + eta * b) - k * w) / (k**2 * eta * x)
    slope = _sites(grown).values_and_gradients(start, here.inputs, here.labels, trainer.moment(here.state)).slope
    plain = dataclasses.replace(trainer, learning_rate=k**2 * eta / x, weight_decay=0.0)
    state = jax.tree.map(
        lambda leaf: leaf._replace(trace=matched) if isinstance(leaf, optax.TraceState) else leaf,
        plain.optimizer.init(start), is_leaf=lambda leaf: isinstance(leaf, optax.TraceState),
    )  # fmt: skip
    return optax.apply_updates(start, plain.optimizer.update(slope, state, start)[0])


def _of_exponential(trainer, next_w, other, number: int) -> dict[str, np.ndarray]:
    """A random test vector on the weights after the step, and on those of the exponential learning rate."""
    t = np.random.default_rng((number, len(next_w))).standard_normal(next_w.shape)
    x = exponential_root(trainer)
    missing = np.full(next_w.shape[-1], np.nan)
    return {
        "k": np.array([_FACTOR]), "root": np.array([x]), "real_root": np.array([np.isfinite(x)]),
        "t_stepped": (t * next_w).sum(0), "t_exponential": missing if other is None else (t * other).sum(0),
        "t_t": (t * t).sum(0),
    }  # fmt: skip


OBSERVATIONS = (Observation("dynamics", 20, dynamics),)
