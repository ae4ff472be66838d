"""The loss landscape along a line from W_t: Santurkar et al. 2018, section 3.1 and figure 4, and its companions.

With g the gradient of the loss at W_t on the batch just used, in training mode, and a direction d of g's length (g
itself, or a random one), the points are W = W_t + h with h = -eta t d. At each of them:

(a) the loss; its range is (smallest, largest) over the points;
(b) gradient predictiveness |g - grad L(W)|, and its range;
(c) effective beta-smoothness, the largest |g - grad L(W)| / |h|;
(d) local linearity |L(W) - L(W_t) - <g, h>|, over |h| and over |h|^2;

and, free of the loss's scale, the cosine of the two gradients, |g - grad L(W)| / |g|, and eta g'Hg / |g|^2.

W_t is not one of the points. |h| is the nominal eta t |g|: where the parameters are float32, a step far shorter than
their rounding (1e-7 of their norm) says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import lax
from jaxtyping import Array, Float

from bnverify.empirical.measurement.gradients import Comparison, Objective, check_like, compare, inner
from bnverify.empirical.networks.network import Network, Parameters
from bnverify.errors import InputError

CAP = 0.4
"""The longest step of the paper, eta t, in units of the gradient."""


def paper_steps(learning_rate: float, *, points: int = 8) -> np.ndarray:
    """eta t for t in [1/2, 4] with eta t at most 0.4: ``points`` evenly spaced steps, both ends among them.

    The cap moves the end of the range; points past it are not folded onto it, where they would be counted twice.
    """
    first, last = learning_rate / 2, min(4 * learning_rate, CAP)
    if not 0 < first < last:
        raise InputError(
            got=f"learning rate {learning_rate}",
            expected=f"a number between 0 and {2 * CAP}, so that half a step is shorter than {CAP}",
            advice="use reproduction_steps, which has no cap",
        )
    return np.linspace(first, last, points)


def reproduction_steps(learning_rate: float) -> np.ndarray:
    """eta t for t = 0.5, 2.5, ..., 18.5: [0.5, 20) in steps of 2."""
    return learning_rate * np.arange(0.5, 20, 2)


class Landscape(NamedTuple):
    """What was found at the points, in their order. The two ranges are arrays (smallest, largest); a NaN among the
    points makes both NaN.
    """

    steps: Float[Array, " points"]
    """eta t"""
    losses: Float[Array, " points"]
    gradients: Comparison
    """g with grad L(W), entries (points,)"""
    loss: Float[Array, ""]
    """L(W_t)"""
    slope: Float[Array, ""]
    """<g, d>"""
    norm: Float[Array, ""]
    """|g| = |d|"""

    @property
    def distances(self) -> Float[Array, " points"]:
        """|h|"""
        return self.steps * self.norm

    @property
    def loss_range(self) -> Float[Array, "2"]:
        """(a) smallest and largest loss over the points."""
        return _range(self.losses)

    @property
    def predictiveness(self) -> Float[Array, " points"]:
        """(b) |g - grad L(W)|"""
        return self.gradients.l2

    @property
    def predictiveness_range(self) -> Float[Array, "2"]:
        """(b) smallest and largest over the points."""
        return _range(self.predictiveness)

    @property
    def effective_beta(self) -> Float[Array, ""]:
        """(c) max |g - grad L(W)| / |h|"""
        return jnp.max(self.predictiveness / self.distances)

    @property
    def nonlinearity(self) -> Float[Array, " points"]:
        """(d) |L(W_t + h) - L(W_t) - <g, h>| / |h|, with <g, h> = -eta t <g, d>."""
        return jnp.abs(self.losses - self.loss + self.steps * self.slope) / self.distances

    @property
    def nonlinearity2(self) -> Float[Array, " points"]:
        """(d) |L(W_t + h) - L(W_t) - <g, h>| / |h|^2"""
        return self.nonlinearity / self.distances


def _range(values: Array) -> Array:
    return jnp.stack([values.min(), values.max()])


def landscape(
    network: Network,
    objective: Objective,
    params: Parameters,
    x: Float[Array, "n ..."],
    labels: Array,
    steps: Float[Array, " points"],
    direction: Parameters | None = None,
) -> tuple[Landscape, Parameters]:
    """Losses and gradients at W_t - eta t d, with W_t = ``params``; and g, for whoever needs it next.

    d is g, or ``direction`` scaled to the length of g. One pass: forward and backward at W_t and at each point, where
    the gradient is compared with g and dropped. That g is of these parameters, this batch and training mode is not up
    to the caller.
    """
    if direction is not None:
        check_like(params, direction=direction)
    dtype = jax.tree.leaves(params)[0].dtype
    steps = jnp.asarray(steps, dtype)

    def at(gradient, step):
        point = _moved(params, gradient, direction, step)
        loss, other = jax.value_and_grad(lambda p: objective(network(p, x), labels))(point)
        # The first turn, a step of 0 from W_t, is what finds g.
        gradient = lax.cond(step == 0, lambda: other, lambda: gradient)
        return gradient, (loss, compare(gradient, other))

    unknown = jax.tree.map(jnp.zeros_like, params)
    turns = jnp.concatenate([jnp.zeros(1, dtype), steps])
    gradient, (losses, comparisons) = lax.scan(at, unknown, turns)
    slope = inner(gradient, _along(gradient, direction))
    rest = jax.tree.map(lambda a: a[1:], comparisons)
    return Landscape(steps, losses[1:], rest, losses[0], slope, comparisons.norm[0]), gradient


def losses_along(
    network: Network,
    objective: Objective,
    params: Parameters,
    gradient: Parameters,
    x: Float[Array, "n ..."],
    labels: Array,
    steps: Float[Array, " points"],
    direction: Parameters | None = None,
) -> Float[Array, " points"]:
    """The losses of `landscape` alone, one forward pass a point, where g is known: ``gradient``, at ``params`` on this
    batch in training mode."""
    check_like(params, gradient=gradient)
    steps = jnp.asarray(steps, jax.tree.leaves(params)[0].dtype)
    return lax.map(lambda step: objective(network(_moved(params, gradient, direction, step), x), labels), steps)


def _along(gradient: Parameters, direction: Parameters | None) -> Parameters:
    """d: the gradient, or the direction in its length."""
    if direction is None:
        return gradient
    scale = jnp.sqrt(inner(gradient, gradient) / inner(direction, direction))
    return jax.tree.map(lambda r: scale * r, direction)


def _moved(params: Parameters, gradient: Parameters, direction: Parameters | None, step: Array) -> Parameters:
    return jax.tree.map(lambda w, d: w - step * d, params, _along(gradient, direction))


def random_direction(params: Parameters, seed: int | Sequence[int]) -> Parameters:
    """A direction uniform on the sphere, of any length: NumPy's standard normal numbers for every parameter.

    They depend on the seed and the parameter's name alone, so twin networks have those of their common parameters in
    common. Not to be called under ``jit``.
    """
    start = tuple(np.atleast_1d(np.asarray(seed)).tolist())

    def numbers(name: str, like: Array) -> Array:
        drawn = np.random.default_rng((*start, *name.encode())).standard_normal(like.shape)
        return jnp.asarray(drawn, like.dtype)

    return {
        stage: {name: numbers(f"{stage}/{name}", like) for name, like in own.items()} for stage, own in params.items()
    }


def curvature(
    network: Network,
    objective: Objective,
    params: Parameters,
    direction: Parameters,
    x: Float[Array, "n ..."],
    labels: Array,
) -> Float[Array, ""]:
    """d'Hd / |d|^2 by one Hessian-vector product; times eta it is free of the loss's scale along the gradient: a step
    of gradient descent multiplies the slope along it by 1 - eta g'Hg/|g|^2, to first order."""
    check_like(params, direction=direction)

    def gradient(p):
        return jax.grad(lambda p: objective(network(p, x), labels))(p)

    curved = jax.jvp(gradient, (params,), (direction,))[1]
    return inner(direction, curved) / inner(direction, direction)


def landscape_dataset(step: int, lines: Mapping[str, Landscape]) -> xr.Dataset:
    """One labelled record, dims step x line x point, from the landscapes along several lines by name (such as
    ``gradient`` and ``random``). ``points`` is the number of points of a line; beyond it there is NaN."""
    width = max(len(found.steps) for found in lines.values())
    data: dict[str, Any] = {"points": ("line", np.array([len(found.steps) for found in lines.values()], np.int32))}
    for name, (read, text) in _COLUMNS.items():
        values = [np.asarray(read(found)) for found in lines.values()]
        dims = ("line", "point")[: 1 + values[0].ndim]
        if values[0].ndim:
            values = [np.pad(v, (0, width - len(v)), constant_values=np.nan) for v in values]
        data[name] = (dims, np.stack(values), {"long_name": text})
    return xr.Dataset(data, coords={"line": list(lines)}).expand_dims(step=np.array([step], np.int32))


_COLUMNS: dict[str, tuple[Callable[[Landscape], Array], str]] = {
    "length": (lambda f: f.steps, "eta t"),
    "distance": (lambda f: f.distances, "distance from the parameters"),
    "line_loss": (lambda f: f.losses, "loss at the point"),
    "predictiveness": (lambda f: f.predictiveness, "L2 norm of the difference of the gradients"),
    "predictiveness_relative": (lambda f: f.gradients.relative, "the same over the norm of the gradient"),
    "predictiveness_cosine": (lambda f: f.gradients.cosine, "cosine of the gradients"),
    "nonlinearity": (lambda f: f.nonlinearity, "departure from the linear model over the distance"),
    "nonlinearity2": (lambda f: f.nonlinearity2, "departure from the linear model over the distance squared"),
    "effective_beta": (lambda f: f.effective_beta, "largest difference of the gradients over the distance"),
    "start_loss": (lambda f: f.loss, "loss at the parameters"),
    "slope": (lambda f: f.slope, "inner product of gradient and direction"),
    "gradient_norm": (lambda f: f.norm, "L2 norm of the gradient"),
}
