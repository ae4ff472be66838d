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

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr

from bnverify.empirical.measurement.reductions import first_order
from bnverify.empirical.measurement.sites import SiteMeasurement, normalisation_at
from bnverify.empirical.runs.records import site_dataset
from bnverify.empirical.trajectory.observation import Here, Observation

_ROUNDING = 2.0**-24  # of float32
RECORDED = {
    "W_stepped_run": "the filter on itself after the step that the training made, in float32",
    "stepped_stepped_run": "squared norm of the filter after that step",
    "step_gap": "rounding of that step over what float32 may round",
    "gradient_gap": "|float32 gradient - float64 gradient| / |float64 gradient| of the filter",
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
        records = {}
        for number, site in enumerate(trainer.network.sites):
            y = passes.ys[number]
            gamma, _, epsilon = normalisation_at(trainer.network, params, site, y, trainer.insertion_epsilon)
            known = first_order(y, passes.gs[number], passes.vs[number], gamma, epsilon)
            before = (state.params, trainer.buffer(state), slope)
            after = (moved, ahead, following.params, trainer.buffer(following))
            kernels = [tree[site.layer]["kernel"] for tree in (*before, *after)]
            records[site.name] = {name: np.asarray(value) for name, value in known.items()} | _of_filters(
                trainer, *map(_filters, kernels)
            )
    return site_dataset(here.step, records)


def _of_filters(trainer, w, b, g, next_w, next_b, run_w, run_b) -> dict[str, np.ndarray]:
    """Of weights, buffer and gradient before the step, and of weights and buffer after it, in float64 and in the run:
    with NumPy, sums of products of measured arrays; nothing is derived here."""
    eta, alpha, decay = trainer.learning_rate, trainer.momentum, trainer.weight_decay
    allowed = _ROUNDING * (np.abs(run_w) + 2 * np.abs(eta * run_b))
    gap = np.abs(run_w - (w - eta * run_b)) / np.where(allowed > 0, allowed, 1)
    run_g = run_b - alpha * b - decay * w
    length = np.linalg.norm(g, axis=0)
    return {
        "W_W": (w * w).sum(0), "W_buffer": (w * b).sum(0), "W_stepped": (w * next_w).sum(0),
        "stepped_stepped": (next_w * next_w).sum(0), "buffer_next_buffer_next": (next_b * next_b).sum(0),
        "gradW_gradW": (g * g).sum(0), "weight_grad": (w * g).sum(0),
        "learning_rate": np.array([eta]), "momentum": np.array([alpha]), "weight_decay": np.array([decay]),
        "W_stepped_run": (w * run_w).sum(0), "stepped_stepped_run": (run_w * run_w).sum(0), "step_gap": gap.max(0),
        "gradient_gap": np.linalg.norm(run_g - g, axis=0) / np.where(length > 0, length, 1),
    }  # fmt: skip


OBSERVATIONS = (Observation("dynamics", 20, dynamics),)
