"""What a training step records besides loss and accuracy: Theorem 4.1's quantities, from the step's own backward pass.

A recorder names the cuts of a network at which it wants the value and the gradient of the loss, and turns them into
quantities by site. Claims about other normalisers are checked in float64 only (`bnverify.empirical.measurement.sites`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import jax
from jaxtyping import Array

from bnverify.empirical.measurement.reductions import Quantities, first_order
from bnverify.empirical.measurement.sites import batch_norm_measurable, normalisation_at
from bnverify.empirical.networks.network import Network, NormStage, Parameters, Site
from bnverify.empirical.normalization.batch import batch_norm


class Recorder(Protocol):
    """Quantities of every site from one forward and backward pass of a training step."""

    @property
    def cuts(self) -> tuple[int, ...]:
        """The stages whose input is wanted, with the gradient with respect to it."""

    def quantities(
        self, params: Parameters, values: Mapping[int, Array], gradients: Mapping[int, Array]
    ) -> dict[str, Quantities]:
        """Quantities by site name, from values and gradients by cut."""


@dataclass(frozen=True)
class BatchNormRecorder:
    """Theorem 4.1 at every site. In the plain network v is the pull-back of g through a matched batch norm there."""

    network: Network
    insertion_epsilon: float = 0.0

    @property
    def cuts(self) -> tuple[int, ...]:
        """Before every site, and after it where a norm stands there."""
        norms = [s.index for s in self.network.sites if isinstance(self.network.stages[s.index], NormStage)]
        return tuple(sorted({site.index for site in self.network.sites} | {i + 1 for i in norms}))

    def quantities(
        self, params: Parameters, values: Mapping[int, Array], gradients: Mapping[int, Array]
    ) -> dict[str, Quantities]:
        """Theorem 4.1's quantities by site name."""
        return {site.name: self._first_order(params, site, values, gradients) for site in self.network.sites}

    def _first_order(self, params: Parameters, site: Site, values, at) -> Quantities:
        y = values[site.index]
        gamma, beta, epsilon = normalisation_at(self.network, params, site, y, self.insertion_epsilon)
        if isinstance(self.network.stages[site.index], NormStage):
            g, v = at[site.index + 1], at[site.index]
        else:
            g = at[site.index]
            v = jax.vjp(lambda y: batch_norm(y, gamma, beta, epsilon), y)[1](g)[0]
        return first_order(y, g, v, gamma, epsilon)


def recorder(network: Network, insertion_epsilon: float = 0.0) -> Recorder | None:
    """What is recorded of a network in training; None where Theorem 4.1 does not speak of it."""
    return BatchNormRecorder(network, insertion_epsilon) if batch_norm_measurable(network) else None
