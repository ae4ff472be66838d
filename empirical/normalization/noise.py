"""Noisy batch norm: random shift and scale after the normaliser, of a distribution that changes at every step.

"Algorithm 1, Santurkar et al. 2018" (appendix), with its constants n_mu = 0.5, n_sigma = 1.25, r_mu = r_sigma = 0.1. In
every layer and at every step, for each unit j and then for each sample i,

    mu_j ~ U(-n_mu, n_mu),  sigma_j ~ U(1, n_sigma),
    m_ij ~ U(mu_j - r_mu, mu_j + r_mu),  s_ij ~ N(sigma_j, r_sigma),    a_ij <- s_ij a_ij + m_ij,

so that activations have non-zero mean and non-unit variance, and others at the next step. A unit is a channel: at all
positions of a convolution's output the noise is the same. r_sigma is taken as a standard deviation. Noise is a function
of its key, constant in the activations; at inference there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from bnverify.empirical.networks.network import Moment, Stage

N_MU, N_SIGMA, R_MU, R_SIGMA = 0.5, 1.25, 0.1, 0.1
_STREAM = 0x6E6F6973  # keeps the keys of noise apart from those of the initial weights, which start at the same seed


class Noise(NamedTuple):
    """Scale s and shift m of every sample and unit, and the sigma and mu of every unit they are drawn around."""

    scale: Float[Array, "n unit"]
    shift: Float[Array, "n unit"]
    sigma: Float[Array, " unit"]
    mu: Float[Array, " unit"]


def step_key(seed: int, step: Array | int) -> PRNGKeyArray:
    """The key of a training step, from which every stage folds its own."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), _STREAM), step)


def draw(key: PRNGKeyArray, samples: int, units: int, dtype) -> Noise:
    """The noise of one layer at one step, all from one draw of numbers uniform on (-1, 1): a draw costs more to compile
    than to use. The normal ones are sqrt(2) erfinv of uniform ones."""
    above = float(np.nextafter(np.asarray(-1, dtype), np.asarray(0, dtype)))  # erfinv(-1) is not finite
    uniform = jax.random.uniform(key, (2 * samples + 2, units), dtype, above, 1.0)
    mu = N_MU * uniform[0]
    sigma = 1 + (N_SIGMA - 1) * (uniform[1] + 1) / 2
    m = mu + R_MU * uniform[2 : samples + 2]
    s = sigma + R_SIGMA * np.sqrt(2).astype(dtype) * jax.lax.erf_inv(uniform[samples + 2 :])
    return Noise(s, m, sigma, mu)


def noisy(a: Float[Array, "n *positions unit"], key: PRNGKeyArray) -> Float[Array, "n *positions unit"]:
    """s a + m with the noise of this key."""
    noise = draw(key, a.shape[0], a.shape[-1], a.dtype)
    shape = (a.shape[0], *(1,) * (a.ndim - 2), a.shape[-1])
    return noise.scale.reshape(shape) * a + noise.shift.reshape(shape)


@dataclass(frozen=True)
class NoiseStage(Stage):
    """The identity, except during a training step: `Network.during` draws the noise of that step."""

    @property
    def counted(self) -> bool:
        return False

    @property
    def moving(self) -> bool:
        return True

    def during(self, moment: Moment) -> Stage:
        return Stage(self.name, lambda p, a: noisy(a, moment.key))


def noise_stage(name: str) -> NoiseStage:
    """Noise to stand after a normaliser, or after the identity of the plain twin (the control)."""
    return NoiseStage(name, lambda p, a: a)
