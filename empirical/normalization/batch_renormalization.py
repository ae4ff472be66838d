r"""Batch renormalisation: batch norm corrected by constants, so that training approaches what inference computes.

Ioffe 2017, *Batch Renormalization*. With mu, s = sqrt(sigma^2 + epsilon) of the batch, mu_run, s_run running averages
of these two over earlier steps, and sg(.) a constant to differentiation,

    r = sg clip(s / s_run, 1/r_max, r_max),    d = sg clip((mu - mu_run) / s_run, -d_max, d_max),
    z = gamma (yhat r + d) + beta,             yhat = (y - mu)/s.

Unclipped, yhat r + d = (y - mu_run)/s_run, the normalisation at inference. With r_max = 1, d_max = 0 it is batch norm.
To differentiation it is batch norm with gamma r for gamma. One value a channel has yhat = 0, hence z = gamma d + beta.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from bnverify.empirical.networks.network import Moment, Stage, Statistics, fixed_stage, unit_parameters
from bnverify.empirical.normalization.batch import batch_norm, batch_statistics

START, R_MAX, R_END, D_MAX, D_END = 5_000, 3.0, 40_000, 5.0, 25_000


def clipping(step: Array | float, stretch: float = 1.0) -> tuple[Array, Array]:
    """(r_max, d_max) at a step: 1 and 0 for 5,000 steps, then linearly to 3 at 40,000 and to 5 at 25,000 steps.

    ``stretch`` multiplies these numbers of steps, for runs that are shorter than the paper's.
    """
    step = jnp.asarray(step, jnp.float32) / stretch

    def ramp(end: int) -> Array:
        return jnp.clip((step - START) / (end - START), 0.0, 1.0)

    return 1 + (R_MAX - 1) * ramp(R_END), D_MAX * ramp(D_END)


def batch_spread(y: Float[Array, "*batch channel"], epsilon: float) -> Statistics:
    """Mean and sqrt(biased variance + epsilon) of every channel: what running averages are kept of."""
    mean, variance = batch_statistics(y)
    return mean, jnp.sqrt(variance + epsilon)


def correction(
    y: Float[Array, "*batch channel"], epsilon: Any, running: Statistics, r_max: Array, d_max: Array
) -> tuple[Float[Array, " channel"], Float[Array, " channel"]]:
    """(r, d), constants to differentiation."""
    (mean, scale), (running_mean, running_scale) = batch_spread(y, epsilon), running
    r_max, d_max = jnp.asarray(r_max, y.dtype), jnp.asarray(d_max, y.dtype)
    r = jnp.clip(scale / running_scale, 1 / r_max, r_max)
    d = jnp.clip((mean - running_mean) / running_scale, -d_max, d_max)
    return jax.lax.stop_gradient(r), jax.lax.stop_gradient(d)


def batch_renorm(
    y: Float[Array, "*batch channel"],
    gamma: Float[Array, " channel"],
    beta: Float[Array, " channel"],
    epsilon: float,
    r: Float[Array, " channel"],
    d: Float[Array, " channel"],
) -> Float[Array, "*batch channel"]:
    """gamma (yhat r + d) + beta, as batch norm with gamma r and beta + gamma d."""
    return batch_norm(y, gamma * r, beta + gamma * d, epsilon)


@dataclass(frozen=True)
class RenormStage(Stage):
    """Batch renormalisation; batch norm until `Network.during` gives it the running statistics of a step."""

    epsilon: float = 1e-5
    stretch: float = 1.0

    @property
    def moving(self) -> bool:
        return True

    @property
    def running(self) -> bool:
        return True

    def statistics(self, y: Array) -> Statistics:
        """Mean and s, epsilon included."""
        return batch_spread(y, self.epsilon)

    def inference(self, statistics: Statistics) -> Stage:
        return fixed_stage(self, statistics)

    def during(self, moment: Moment) -> Stage:
        running, limits = moment.statistics[self.name], clipping(moment.step, self.stretch)

        def apply(p, y):
            r, d = correction(y, self.epsilon, running, *limits)
            return batch_renorm(y, p["gamma"], p["beta"], self.epsilon, r, d)

        return Stage(self.name, apply, self.init)


def renorm_stage(name: str, epsilon: float, stretch: float = 1.0) -> RenormStage:
    """Batch renormalisation with the paper's schedule, stretched; gamma = 1 and beta = 0 at the start."""
    return RenormStage(
        name, lambda p, y: batch_norm(y, p["gamma"], p["beta"], epsilon), unit_parameters, epsilon, stretch
    )
