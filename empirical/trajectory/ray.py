"""Lemma 4.5 on a trained network: the point kW* nearest to W0, where batch norm is inserted, is as good as W* itself.

Into the trained plain network a matched batch norm (epsilon = 0, gamma = s, beta = mu) is inserted at every site at
once, and every filter is multiplied by its own k = <W0, W*>/|W*|^2, or kept where that is not positive. Then

    the loss at kW* is the plain network's loss at W*,
    the gradient in a filter is 1/k times that at W*, and that in every other parameter is the same (a bias before batch
    norm has none, which is not compared),

so kW* is an optimum of the normalised network where W* is one. Both are measured through the real network; W* itself is
a trained point and not an optimum: the lengths of its gradients are recorded beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from bnverify.empirical.measurement.settings import cheaply_compiled
from bnverify.empirical.measurement.sites import Objective
from bnverify.empirical.networks.network import Network, NormStage, Parameters, norm_stage
from bnverify.empirical.normalization.batch import matched
from bnverify.errors import InputError

MEANINGS = {
    "filters": "filters of the layer",
    "acute": "filters with <W0, W*> > 0, for which the nearest kW* exists",
    "least_k": "smallest k by which a filter was multiplied",
    "largest_k": "largest k by which a filter was multiplied",
    "gradient_gap": "largest |k grad(kW*) - grad(W*)| / |grad(W*)| of a filter, batch norm inserted",
    "other_gap": "the same for gamma and beta, without k",
    "gradient_norm": "|grad(W*)| of the layer, batch norm inserted",
    "plain_gradient_norm": "|grad(W*)| of the layer in the plain network: 0 at an optimum",
}


class RayOfOptima:
    """The measurement for one plain network; ``objective(output, labels)`` is its loss.

    InputError where a normalisation stands at a site already.
    """

    def __init__(self, network: Network, objective: Objective):
        if any(isinstance(network.stages[site.index], NormStage) for site in network.sites):
            raise InputError(
                got=repr(network), expected="a network without batch norm", advice="pass the plain twin of the network"
            )
        self.network, self.objective = network, objective
        self._matched = cheaply_compiled(self.matched)
        self._plain, self._normalised = (
            cheaply_compiled(partial(self._slopes, each)) for each in (network, self.normalised())
        )

    def normalised(self) -> Network:
        """The network with batch norm of epsilon = 0 at every site."""
        stages = list(self.network.stages)
        for site in self.network.sites:
            stages[site.index] = norm_stage(stages[site.index].name, 0.0)
        return replace(self.network, stages=tuple(stages))

    def matched(self, params: Parameters, x: Array) -> Parameters:
        """``params`` with gamma = s and beta = mu at every site: the normalised network then computes what the plain
        one computes."""
        sites = self.network.sites
        ys = self.network.values_at(params, x, [site.index for site in sites])
        norms = {
            self.network.stages[site.index].name: dict(zip(("gamma", "beta"), matched(y, 0.0), strict=True))
            for site, y in zip(sites, ys, strict=True)
        }
        return params | norms

    def _slopes(self, network, params, x, labels):
        """The loss of a network and its gradient by the parameters."""
        return jax.value_and_grad(lambda p: self.objective(network(p, x), labels))(params)

    def _at(self, params, factors, x, labels):
        """Plain loss and gradients; those of the normalised network at the matched point and with filters rescaled."""
        inserted = self._matched(params, x)
        rescaled = dict(inserted)
        for name, k in factors.items():
            rescaled[name] = inserted[name] | {"kernel": inserted[name]["kernel"] * k}
        plain = self._plain(params, x, labels)
        return plain, *(self._normalised(each, x, labels) for each in (inserted, rescaled))

    def __call__(self, params: Parameters, initial: Parameters, x: Array, labels: Array) -> xr.Dataset:
        """One number a site under the names of `MEANINGS`, and the scalars `plain_loss`, `matched_loss`, `ray_loss` and
        `rest_gap`, of the layers that feed no site; in float64 on the given batch."""
        with jax.enable_x64(True):
            wide = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), params)
            layers = [site.layer for site in self.network.sites]
            nearest = {name: _nearest(initial[name]["kernel"], params[name]["kernel"]) for name in layers}
            factors = {name: np.where(k > 0, k, 1.0) for name, k in nearest.items()}
            plain, at, ray = jax.tree.map(
                np.asarray, self._at(wide, factors, jnp.asarray(x, jnp.float64), labels)
            )  # fmt: skip
        rows = [
            self._site(site, nearest[site.layer], factors[site.layer], plain[1], at[1], ray[1])
            for site in self.network.sites
        ]
        columns = {
            name: ("site", np.array([row[name] for row in rows]), {"long_name": MEANINGS[name]}) for name in rows[0]
        }
        numbers = {"plain_loss": plain[0], "matched_loss": at[0], "ray_loss": ray[0]}
        numbers["rest_gap"] = max((_gap(ray[1][name], at[1][name]) for name in set(params) - set(layers)), default=0.0)
        names = [site.name for site in self.network.sites]
        return xr.Dataset(columns | {name: ((), float(value)) for name, value in numbers.items()}, {"site": names})

    def _site(self, site, nearest, k, plain, at, ray) -> dict[str, float]:
        layer, norm = site.layer, self.network.stages[site.index].name
        here, there = (gradient[layer]["kernel"].reshape(-1, len(k)) for gradient in (at, ray))
        lengths = np.linalg.norm(here, axis=0)
        gap = _ratio(np.linalg.norm(k * there - here, axis=0), lengths)
        return {
            "filters": len(k), "acute": int((nearest > 0).sum()), "least_k": k.min(), "largest_k": k.max(),
            "gradient_gap": np.max(gap), "other_gap": _gap(ray[norm], at[norm]),
            "gradient_norm": np.linalg.norm(lengths), "plain_gradient_norm": np.linalg.norm(plain[layer]["kernel"]),
        }  # fmt: skip


def _gap(there: Mapping[str, np.ndarray], here: Mapping[str, np.ndarray]) -> float:
    """The largest relative difference of the gradients of a layer's parameters."""
    return max(float(_ratio(np.linalg.norm(there[p] - here[p]), np.linalg.norm(here[p]))) for p in here)


def _nearest(start: Array, end: Array) -> np.ndarray:
    """<W0, W*>/|W*|^2 for every filter (the last axis)."""
    first, last = (np.asarray(each, np.float64).reshape(-1, each.shape[-1]) for each in (start, end))
    return _ratio((first * last).sum(0), (last * last).sum(0))


def _ratio(above, below):
    """above/below, and 0 where both are."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((above == 0) & (below == 0), 0.0, above / below)
