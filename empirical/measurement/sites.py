"""All sites of a network: where a normalisation stands it is measured, where none stands a matched one is inserted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.optimize import minimize_scalar

from bnverify.empirical.measurement.cut import Cut, Placed
from bnverify.empirical.measurement.design import Design, design
from bnverify.empirical.measurement.measurement import measure_cut
from bnverify.empirical.measurement.probes import generator, random_tests
from bnverify.empirical.measurement.settings import cheaply_compiled
from bnverify.empirical.networks.layers import ConvolutionStage
from bnverify.empirical.networks.network import Moment, Network, NormalizerStage, NormStage, Parameters, Site, Stage
from bnverify.empirical.normalization.batch import matched
from bnverify.empirical.normalization.batch_renormalization import RenormStage, clipping
from bnverify.empirical.normalization.known import BATCH, BATCH_RENORM, Normalization
from bnverify.errors import InputError

Objective = Callable[[Array, Array], Array]
VECTORS = 64
"""How many vectors of a site are kept where there is one a sample: a seeded choice among them."""
_NORMS = (NormStage, NormalizerStage, RenormStage)
_HOMOGENEOUS = 1e-10  # what doubling z may leave besides doubling, relative to the deviations at the next norm


def normalisation_at(network: Network, params: Parameters, site: Site, y: Array, insertion_epsilon: float):
    """(gamma, beta, epsilon): the network's own, or those of a matched insertion (Observation 4.3)."""
    stage = network.stages[site.index]
    if isinstance(stage, _NORMS):
        own = params[stage.name]
        return own["gamma"], own["beta"], stage.epsilon
    return *matched(y, insertion_epsilon), insertion_epsilon


def normaliser_at(network: Network, site: Site) -> Normalization:
    """What is measured at a site: the normaliser that stands there, or the batch norm that is inserted."""
    stage = network.stages[site.index]
    if isinstance(stage, NormalizerStage):
        return stage.normalization
    return BATCH_RENORM if isinstance(stage, RenormStage) else BATCH


def batch_norm_measurable(network: Network) -> bool:
    """Whether batch norm or the identity stands at every site, so that Theorem 4.1 is recorded in training."""
    places = {type(network.stages[site.index]) for site in network.sites}
    return bool(places) and places <= {NormStage, Stage}


class Passes(NamedTuple):
    """What one forward and one backward pass give: at every site the layer's input ``xs``, its output ``ys`` with the
    gradient ``vs``, the value ``zs`` after the normalisation with the gradient ``gs``, and the value that enters the
    network where what follows can start (``entries``: zs, outside skip connections); the gradient ``slope`` of the
    parameters; and whether from z to the next batch norm the network is homogeneous (``followed``)."""

    xs: tuple[Array, ...]
    ys: tuple[Array, ...]
    vs: tuple[Array, ...]
    zs: tuple[Array, ...]
    gs: tuple[Array, ...]
    entries: tuple[Array, ...]
    slope: Parameters
    followed: tuple[Array, ...]


class SiteMeasurement:
    """Compiled measurements of one network; ``objective(output, labels)`` is its scalar loss.

    The Hessian of the rest of the network is compiled for ``groups`` starting points: one a site does the least
    arithmetic, fewer compile faster (a direction at a later site of a group passes through the whole group).
    ``learning_rate`` is that of the hypothetical step of plain gradient descent that `norm-growth` speaks of.
    """

    def __init__(
        self, network: Network, objective: Objective, *, insertion_epsilon: float = 0.0, groups: int = 1,
        learning_rate: float = 0.035,
    ):  # fmt: skip
        if not network.sites:
            raise InputError(got=repr(network), expected="a network with sites", advice="name the places to measure at")
        self.network, self.objective, self.insertion_epsilon = network, objective, insertion_epsilon
        self.learning_rate = learning_rate
        self._values = cheaply_compiled(self._values_and_gradients)
        parts = np.array_split(np.arange(len(network.sites)), min(groups, len(network.sites)))
        self._groups = [tuple(network.sites[i] for i in part) for part in parts]
        self._hessians = [cheaply_compiled(partial(self._hessian, group)) for group in self._groups]
        self._layers = {stage.name: index for index, stage in enumerate(network.stages)}

    def has_own(self, site: Site) -> bool:
        """Whether a normalisation of the network stands at a site, so that none is inserted."""
        return isinstance(self.network.stages[site.index], _NORMS)

    def _cut(self, site: Site) -> int:
        """The cut where z is: after the network's own normalisation, or where a matched one would be inserted."""
        return site.index + self.has_own(site)

    def _at(self, moment: Moment | None) -> Network:
        return self.network if moment is None else self.network.during(moment)

    def _values_and_gradients(self, params, x, labels, moment) -> Passes:
        network, sites = self._at(moment), self.network.sites
        before, after = [site.index for site in sites], [self._cut(site) for site in sites]
        layers = [self._layers[site.layer] for site in sites]
        starts = [network.entry(cut) for cut in after]
        values = network.values_at(params, x, (*layers, *before, *after, *starts))
        xs, ys, zs, entries = (values[k * len(sites) : (k + 1) * len(sites)] for k in range(4))
        # Twice the same cut in the plain network: one probe there.
        probes = {cut: jnp.zeros_like(value) for cut, value in zip(before + after, ys + zs, strict=True)}

        def loss(params, probes):
            return self.objective(network(params, x, probes=probes), labels)

        slope, at = jax.grad(loss, argnums=(0, 1))(params, probes)
        vs, gs = (tuple(at[cut] for cut in cuts) for cuts in (before, after))
        followed = [self._followed(network, params, i, entries[i], zs[i], ys) for i in range(len(sites))]
        return Passes(xs, ys, vs, zs, gs, entries, slope, tuple(followed))

    def _followed(self, network, params, i, entry, z, ys) -> Array:
        """Whether doubling z at a batch norm doubles the values before the next one, up to a constant a channel, and
        nothing of z gets past that one."""
        sites = network.sites
        kinds = [type(self.network.stages[site.index]) for site in sites[i : i + 2]]
        if kinds != [NormStage, NormStage] or network.bypassed(self._cut(sites[i]), sites[i + 1].index):
            return jnp.zeros((), bool)
        y = ys[i + 1]
        axes = tuple(range(y.ndim - 1))
        cut = self._cut(sites[i])
        twice = network.run(params, entry, network.entry(cut), sites[i + 1].index, probes={cut: z})
        doubled = twice - 2 * y
        size = jnp.abs(y - y.mean(axes)).max()
        return jnp.abs(doubled - doubled.mean(axes)).max() <= _HOMOGENEOUS * size

    def _hessian(self, group, params, value, labels, moment, shifts, directions):
        """H along directions at the cuts of a group, from the value that enters its first cut."""
        network = self._at(moment)
        start = network.entry(self._cut(group[0]))

        def gradient(probes):
            return jax.grad(lambda p: self.objective(network(params, value, start, probes=p), labels))(probes)

        return jax.lax.map(jax.linearize(gradient, shifts)[1], directions)

    def values_and_gradients(
        self, params: Parameters, x: Array, labels: Array, moment: Moment | None = None
    ) -> Passes:  # fmt: skip
        """`Passes` in float64, from one forward and one backward pass of the network at a moment of its training."""
        with jax.enable_x64(True):
            params, x, moment = _double(params), _double(x), _double(moment)
            return self._values(params, x, labels, moment)

    def __call__(
        self, params: Parameters, initial: Parameters, x: Array, labels: Array, *, seed: Sequence[int], samples: int,
        moment: Moment | None = None,
    ) -> dict[str, dict[str, np.ndarray]]:  # fmt: skip
        """Quantities by site name, in float64 on the given parameters and batch, with ``samples`` random vectors.

        ``moment`` says which function a network is that moves with the training (`Network.moving`); noise is drawn
        anew in float64, by the key of the step.
        """
        if self.network.moving and moment is None:
            raise InputError(
                got=f"no moment for {self.network!r}",
                expected="the training step at which it is measured",
                advice="pass moment=trainer.moment(state)",
            )
        with jax.enable_x64(True):
            params, initial, x, moment = _double(params), _double(initial), _double(x), _double(moment)
            passes = self._values(params, x, labels, moment)
            position = {site: i for i, site in enumerate(self.network.sites)}
            out = {}
            for group, compiled in zip(self._groups, self._hessians, strict=True):
                members = [position[site] for site in group]
                rest = partial(compiled, params, passes.entries[members[0]], labels, moment)
                cuts = {self._cut(site): passes.zs[i] for site, i in zip(group, members, strict=True)}
                for site, i in zip(group, members, strict=True):
                    out[site.name] = self._site(
                        site, i, params, initial, passes, rest, cuts, (*seed, i), samples, moment
                    )  # fmt: skip
            return out

    def _site(self, site, i, params, initial, passes, rest, cuts, seed, samples, moment):
        y, norm = passes.ys[i], normaliser_at(self.network, site)
        gamma, beta, epsilon = normalisation_at(self.network, params, site, y, self.insertion_epsilon)
        own_cut = self._cut(site)

        def hessian(z, directions):
            # z differs from the network's own value by rounding where the insertion is matched.
            zero = {cut: np.zeros(value.shape) for cut, value in cuts.items()}
            still = {cut: np.zeros((len(directions), *value.shape)) for cut, value in cuts.items()}
            return rest(zero | {own_cut: z - cuts[own_cut]}, still | {own_cut: directions})[own_cut]

        order = generator(seed).permutation(jax.eval_shape(norm.columns, y).shape[-1])
        placed = Placed(norm, gamma, beta, epsilon, self._context(site, moment))
        cut = Cut(y, placed, gradient=lambda z: passes.gs[i], hessian=hessian, stacked=True)
        measured = measure_cut(
            cut, seed=seed, sampled=order[:samples].tolist(), plain_curvature=epsilon == 0, trained=True
        )
        out = {name: np.asarray(value) for name, value in measured.quantities.items()}
        if norm.second_moment and norm.correction is None:
            out |= self._of_layer(site, i, params, passes, out, seed)
            out |= self._of_parameters(site, params, passes.slope, initial)
            out |= self._of_next(i, params, passes)
            if isinstance(self.network.stages[site.index], NormStage):
                out["matched"] = np.zeros_like(out["matched"])  # Observation 4.3 speaks of an insertion
        return out if norm.arrangement.running else _choose(out, order)

    def _context(self, site: Site, moment: Moment | None) -> tuple:
        """What batch renormalisation needs besides y: its running statistics and its limits at this step."""
        stage = self.network.stages[site.index]
        if not isinstance(stage, RenormStage) or moment is None:
            return ()
        return moment.statistics[stage.name], *_double(clipping(moment.step, stage.stretch))

    def _of_layer(self, site, i, params, passes, measured, seed) -> dict[str, np.ndarray]:
        """Quantities of the inputs of the layer that feeds the site."""
        layer, x = params[site.layer], passes.xs[i]
        found: Design = design(x, layer["kernel"].shape, stride=self._stride(site))
        norm2, variances = found.norm2, found.variances(_by_filter(layer["kernel"]))
        out = {"design_norm2": np.array([norm2]), "W_S_W": variances, "zero_mean": np.array([found.zero_mean])}
        out |= {name: norm2 * measured[name] for name in ("frozen_plain", "frozen_normalised")}
        out["w_zw"] = np.full(len(variances), np.nan)
        if found.zero_mean:
            w = random_tests(passes.ys[i], seed).w
            root = np.sqrt(variances + measured["epsilon"])
            tilde: dict[str, Any] = {
                "kernel": layer["kernel"] * (measured["gamma"] / root),
                "bias": jnp.asarray(measured["beta"]),
            }
            stage = self.network.stages[self._layers[site.layer]]
            zw = stage.apply({name: tilde[name] for name in layer}, x)
            zw = zw if "bias" in layer else zw + tilde["bias"]
            out["w_zw"] = (w * np.asarray(zw)).reshape(-1, len(variances)).sum(0)
        return out

    def _stride(self, site: Site) -> int:
        """Of the convolution that feeds the site."""
        stage = self.network.stages[self._layers[site.layer]]
        return stage.stride if isinstance(stage, ConvolutionStage) else 1

    def _of_next(self, i, params, passes) -> dict[str, np.ndarray]:
        """What the sum rule says of the next batch norm; NaN where it says nothing."""
        followed = bool(passes.followed[i])
        there = size = float("nan")
        if followed:
            y, v, g = passes.ys[i + 1], passes.vs[i + 1], passes.gs[i + 1]
            gamma, _, epsilon = normalisation_at(self.network, params, self.network.sites[i + 1], y, 0.0)
            mean, s = BATCH.statistics(y, epsilon)
            of_y, of_v, of_g = (jnp.linalg.norm(BATCH.columns(each), axis=0) for each in (y, v, g))
            there = float(jnp.vdot(y, v))
            size = float((of_y * (of_v + jnp.abs(gamma) / s * of_g * (1 + jnp.abs(mean) / s))).sum())
        return {
            "followed": np.array([float(followed)]), "next_y_v": np.array([there]), "size_next": np.array([size])
        }  # fmt: skip

    def _of_parameters(self, site, params, slope, initial) -> dict[str, np.ndarray]:
        """Quantities of the parameters of the layer that feeds the site, with NumPy: nothing is derived here."""
        layer, derivative = params[site.layer], slope[site.layer]
        kernel, gradient = _by_filter(layer["kernel"]), _by_filter(derivative["kernel"])
        out = ray_distances(_by_filter(initial[site.layer]["kernel"]), kernel)
        out["W_W"] = (kernel * kernel).sum(0)
        if isinstance(self.network.stages[site.index], NormStage):
            after = kernel - self.learning_rate * gradient
            return out | {
                "weight_grad": (kernel * gradient).sum(0),
                "gradW_gradW": (gradient * gradient).sum(0),
                "learning_rate": np.array([self.learning_rate]),
                "W_next_W_next": (after * after).sum(0),
            }
        if "bias" in layer:  # without one, Observation 4.3 on minima has no subject
            out |= {"b": np.asarray(layer["bias"]), "grad_bias": np.asarray(derivative["bias"])}
            out["weight_grad_plain"] = (kernel * gradient).sum(0)
        return out


def _double(tree):
    """Floating-point arrays of a tree in float64; integers and keys as they are."""

    def cast(leaf):
        return jnp.asarray(leaf, jnp.float64) if jnp.issubdtype(jnp.asarray(leaf).dtype, jnp.floating) else leaf

    return jax.tree.map(cast, tree)


def _choose(quantities: dict[str, np.ndarray], order: np.ndarray) -> dict[str, np.ndarray]:
    """The quantities of the first `VECTORS` vectors of an order, by number, which is kept beside them."""
    chosen = np.sort(order[:VECTORS])
    out = {name: value[chosen] if len(value) == len(order) else value for name, value in quantities.items()}
    return out | {"vector": chosen.astype(np.int32)}


def _by_filter(kernel: Array) -> np.ndarray:
    """(weights of a filter, filters) from a kernel with the filter on its last axis."""
    return np.asarray(kernel).reshape(-1, kernel.shape[-1])


def ray_distances(start: np.ndarray, end: np.ndarray) -> dict[str, np.ndarray]:
    """Lemma 4.5 for weights (n, filters): squared distance from ``start`` to { k end : k > 0 }, filter by filter and
    for the layer as a whole, found by minimising over k."""

    def distance2(w0: np.ndarray, wstar: np.ndarray) -> float:
        reach = 2 * np.sqrt((w0 @ w0) / (wstar @ wstar)) if (wstar @ wstar) > 0 else 1.0
        if not (np.isfinite(reach) and np.isfinite(wstar @ wstar)):
            return float("nan")
        options = {"xatol": 1e-9 * reach}
        found = minimize_scalar(
            lambda k: np.sum((w0 - k * wstar) ** 2), bounds=(0, reach), method="bounded", options=options
        )
        return float(found.fun)

    with np.errstate(all="ignore"):  # of a diverged network
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
