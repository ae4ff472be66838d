"""All sites of a network: where a normalisation stands it is measured, where none stands a matched one is inserted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.optimize import minimize_scalar

from empirical.measurement import measure_cut
from empirical.network import Network, NormStage, Parameters, Site
from empirical.normalization import matched

Objective = Callable[[Array, Array], Array]


def normalisation_at(network: Network, params: Parameters, site: Site, y: Array, insertion_epsilon: float):
    """(gamma, beta, epsilon): the network's own, or those of a matched insertion (Observation 4.3)."""
    stage = network.stages[site.index]
    if isinstance(stage, NormStage):
        own = params[stage.name]
        return own["gamma"], own["beta"], stage.epsilon
    return *matched(y, insertion_epsilon), insertion_epsilon


class SiteMeasurement:
    """Compiled measurements of one network; ``objective(output, labels)`` is its scalar loss.

    The Hessian of the rest of the network is compiled for ``groups`` starting points: one a site does the least
    arithmetic, fewer compile faster (a direction at a later site of a group passes through the whole group).
    """

    def __init__(self, network: Network, objective: Objective, *, insertion_epsilon: float = 0.0, groups: int = 1):
        self.network, self.objective, self.insertion_epsilon = network, objective, insertion_epsilon
        self._values = jax.jit(self._values_and_gradients)
        parts = np.array_split(np.arange(len(network.sites)), min(groups, len(network.sites)))
        self._groups = [tuple(network.sites[i] for i in part) for part in parts]
        self._hessians = [jax.jit(partial(self._hessian, group)) for group in self._groups]

    def _cut(self, site: Site) -> int:
        """The cut where z is: after the network's own normalisation, or where a matched one would be inserted."""
        return site.index + isinstance(self.network.stages[site.index], NormStage)

    def _values_and_gradients(self, params, x, labels):
        """y and z as the network computes them and dL/dz at every site, and the gradient of the parameters."""
        cuts = [self._cut(site) for site in self.network.sites]
        ys = self.network.values_at(params, x, [site.index for site in self.network.sites])
        zs = self.network.values_at(params, x, cuts)
        probes = {cut: jnp.zeros_like(z) for cut, z in zip(cuts, zs, strict=True)}

        def loss(params, probes):
            return self.objective(self.network(params, x, probes=probes), labels)

        slope, gs = jax.grad(loss, argnums=(0, 1))(params, probes)
        return ys, zs, tuple(gs[cut] for cut in cuts), slope

    def _hessian(self, group, params, value, labels, shifts, directions):
        """H along directions at the cuts of a group, from the value that enters its first cut."""
        start = self._cut(group[0])

        def gradient(probes):
            return jax.grad(lambda p: self.objective(self.network(params, value, start, probes=p), labels))(probes)

        return jax.lax.map(jax.linearize(gradient, shifts)[1], directions)

    def _of_parameters(self, site, params, slope, initial) -> dict[str, np.ndarray]:
        """Quantities of the parameters of the layer that feeds the site, with NumPy: nothing is derived here."""
        layer, derivative = params[site.layer], slope[site.layer]
        kernel, gradient = _by_filter(layer["kernel"]), _by_filter(derivative["kernel"])
        if isinstance(self.network.stages[site.index], NormStage):
            return {
                "weight_grad": (kernel * gradient).sum(0),
                "W_W": (kernel * kernel).sum(0),
                "gradW_gradW": (gradient * gradient).sum(0),
            }
        return {
            "b": np.asarray(layer["bias"]),
            "grad_bias": np.asarray(derivative["bias"]),
            "weight_grad_plain": (kernel * gradient).sum(0),
        } | ray_distances(_by_filter(initial[site.layer]["kernel"]), kernel)

    def values_and_gradients(self, params: Parameters, x: Array, labels: Array):
        """(y, z, dL/dz) of every site and the gradient of the parameters, in float64, from one forward and backward."""
        with jax.enable_x64(True):
            params, x = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), (params, x))
            return self._values(params, x, labels)

    def __call__(
        self, params: Parameters, initial: Parameters, x: Array, labels: Array, *, seed: Sequence[int], samples: int
    ) -> dict[str, dict[str, np.ndarray]]:
        """Quantities by site name, in float64 on the given parameters and batch, with ``samples`` random channels."""
        with jax.enable_x64(True):
            params, initial, x = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), (params, initial, x))
            ys, zs, gs, slope = self.values_and_gradients(params, x, labels)
            position = {site: i for i, site in enumerate(self.network.sites)}
            out = {}
            for group, compiled in zip(self._groups, self._hessians, strict=True):
                members = [position[site] for site in group]
                rest = partial(compiled, params, zs[members[0]], labels)
                cuts = {self._cut(site): zs[i] for site, i in zip(group, members, strict=True)}
                for site, i in zip(group, members, strict=True):
                    own = (*seed, i)
                    sampled = np.random.default_rng(own).permutation(ys[i].shape[-1])[:samples]
                    out[site.name] = self._site(site, params, initial, slope, ys[i], gs[i], rest, cuts, own, sampled)
            return out

    def _site(self, site, params, initial, slope, y, g, rest, cuts, seed, sampled):
        gamma, beta, epsilon = normalisation_at(self.network, params, site, y, self.insertion_epsilon)
        own_cut = self._cut(site)

        def hessian(z, directions):
            # z differs from the network's own value by rounding where the insertion is matched.
            zero = {cut: np.zeros(value.shape) for cut, value in cuts.items()}
            still = {cut: np.zeros((len(directions), *value.shape)) for cut, value in cuts.items()}
            return rest(zero | {own_cut: z - cuts[own_cut]}, still | {own_cut: directions})[own_cut]

        measured = measure_cut(
            y, gamma, beta, epsilon, gradient=lambda z: g, hessian=hessian, seed=seed, sampled=sampled
        )  # fmt: skip
        out = {name: np.asarray(value) for name, value in measured.items()}
        out |= self._of_parameters(site, params, slope, initial)
        out["sampled"] = np.isin(np.arange(y.shape[-1]), sampled)
        if isinstance(self.network.stages[site.index], NormStage):
            del out["w_y"], out["w_z"]  # of Observation 4.3, which speaks of a matched insertion
        return out


def _by_filter(kernel: Array) -> np.ndarray:
    """(weights of a filter, filters) from a kernel with the filter on its last axis."""
    return np.asarray(kernel).reshape(-1, kernel.shape[-1])


def ray_distances(start: np.ndarray, end: np.ndarray) -> dict[str, np.ndarray]:
    """Lemma 4.5 for weights (n, filters): squared distance from ``start`` to { k end : k > 0 }, filter by filter and
    for the layer as a whole, found by minimising over k."""

    def distance2(w0: np.ndarray, wstar: np.ndarray) -> float:
        reach = 2 * np.sqrt((w0 @ w0) / (wstar @ wstar)) if (wstar @ wstar) > 0 else 1.0
        if not np.isfinite(reach):
            return float("nan")
        options = {"xatol": 1e-9 * reach}
        found = minimize_scalar(
            lambda k: np.sum((w0 - k * wstar) ** 2), bounds=(0, reach), method="bounded", options=options
        )
        return float(found.fun)

    whole = start.ravel(), end.ravel()
    return {
        "distance2": np.array([distance2(start[:, j], end[:, j]) for j in range(start.shape[1])]),
        "W0_W0": (start * start).sum(0),
        "W0_Wstar": (start * end).sum(0),
        "Wstar_Wstar": (end * end).sum(0),
        "layer_distance2": np.array([distance2(*whole)]),
        "layer_W0_W0": np.array([whole[0] @ whole[0]]),
        "layer_W0_Wstar": np.array([whole[0] @ whole[1]]),
        "layer_Wstar_Wstar": np.array([whole[1] @ whole[1]]),
    }
