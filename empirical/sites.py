"""All sites of a network: where a normalisation stands it is measured, where none stands a matched one is inserted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from empirical.measure import Quantities, channel_inner, measure_cut, random_tests
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
        self._extras = jax.jit(self._parameters_at, static_argnums=0)
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

    def _parameters_at(self, site, layer, slope, start, y, z, key):
        """Quantities that involve the parameters of the layer that feeds the site."""
        kernel, gradient = layer["kernel"], slope["kernel"]
        if isinstance(self.network.stages[site.index], NormStage):
            return {
                "weight_grad": channel_inner(kernel, gradient),
                "W_W": channel_inner(kernel, kernel),
                "gradW_gradW": channel_inner(gradient, gradient),
            }
        w, _ = random_tests(y, key)
        return {
            "w_y": channel_inner(w, y),
            "w_z": channel_inner(w, z),
            "b": layer["bias"],
            "grad_bias": slope["bias"],
            "weight_grad_plain": channel_inner(kernel, gradient),
        } | ray_distances(start["kernel"], kernel)

    def __call__(
        self, params: Parameters, initial: Parameters, x: Array, labels: Array, *, key: PRNGKeyArray, samples: int
    ) -> dict[str, dict[str, np.ndarray]]:
        """Quantities by site name, in float64 on the given parameters and batch, with ``samples`` random channels."""
        with jax.enable_x64(True):
            params, initial, x = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), (params, initial, x))
            ys, zs, gs, slope = self._values(params, x, labels)
            position = {site: i for i, site in enumerate(self.network.sites)}
            out = {}
            for group, compiled in zip(self._groups, self._hessians, strict=True):
                members = [position[site] for site in group]
                rest = partial(compiled, params, zs[members[0]], labels)
                cuts = {self._cut(site): zs[i] for site, i in zip(group, members, strict=True)}
                for site, i in zip(group, members, strict=True):
                    own = jax.random.fold_in(key, i)
                    sampled = jax.random.permutation(own, ys[i].shape[-1])[:samples]
                    out[site.name] = self._site(site, params, initial, slope, ys[i], gs[i], rest, cuts, own, sampled)
            return out

    def _site(self, site, params, initial, slope, y, g, rest, cuts, key, sampled):
        gamma, beta, epsilon = normalisation_at(self.network, params, site, y, self.insertion_epsilon)
        own_cut, points = self._cut(site), {}

        def gradient(z):
            points["z"] = z  # equal to the network's value up to rounding: the insertion is matched
            return g

        def hessian(z, directions):
            zero = {cut: jnp.zeros_like(value) for cut, value in cuts.items()}
            stacks = {cut: jnp.zeros((len(directions), *value.shape), y.dtype) for cut, value in cuts.items()}
            shifts = zero | {own_cut: z - cuts[own_cut]}
            return rest(shifts, stacks | {own_cut: directions})[own_cut]

        out = measure_cut(
            y, gamma, beta, epsilon, gradient=gradient, hessian=hessian, key=key, sampled=sampled
        )  # fmt: skip
        layer = (params[site.layer], slope[site.layer], initial[site.layer])
        out |= self._extras(site, *layer, y, points["z"], key)
        out = {name: np.asarray(value) for name, value in out.items()}
        out["sampled"] = np.isin(np.arange(y.shape[-1]), np.asarray(sampled))
        return out


def ray_distances(start: Array, end: Array) -> Quantities:
    """Lemma 4.5 on kernels with the filter on the last axis: squared distance from ``start`` to { k end : k > 0 }.

    The nearest k is found by bisection on the slope of the squared distance, evaluated on the weights themselves.
    """
    w0, wstar = start.reshape(-1, start.shape[-1]), end.reshape(-1, end.shape[-1])

    def nearest(w0, wstar):
        def squared(k):
            return jnp.sum(jnp.square(w0 - k * wstar))

        # The squared distance is convex in k: bracket the minimum, then halve on the sign of its derivative.
        reach = 2 * jnp.sqrt(jnp.sum(jnp.square(w0)) / jnp.sum(jnp.square(wstar)))

        def halve(bracket, _):
            low, high = bracket
            middle = (low + high) / 2
            rising = jax.grad(squared)(middle) > 0
            return (jnp.where(rising, low, middle), jnp.where(rising, middle, high)), None

        (low, high), _ = jax.lax.scan(halve, (jnp.zeros_like(reach), reach), None, length=60)
        return squared((low + high) / 2)

    layer = w0.reshape(-1), wstar.reshape(-1)
    return {
        "distance2": jax.vmap(nearest, in_axes=1)(w0, wstar),
        "W0_W0": channel_inner(w0, w0),
        "W0_Wstar": channel_inner(w0, wstar),
        "Wstar_Wstar": channel_inner(wstar, wstar),
        "layer_distance2": nearest(*layer)[None],
        "layer_W0_W0": jnp.vdot(layer[0], layer[0])[None],
        "layer_W0_Wstar": jnp.vdot(*layer)[None],
        "layer_Wstar_Wstar": jnp.vdot(layer[1], layer[1])[None],
    }

