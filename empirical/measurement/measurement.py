"""The theorems' quantities at one place of a network, under the names of ``theory.QUANTITIES``.

Everything a claim has on its left is a derivative taken by automatic differentiation through the real normalisation
and the real rest of the network; what it has on its right are moments of y, inner products with g, and random test
vectors. No formula of theory/ is used here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float

from bnverify.empirical.measurement.arrays import foreign_arrays, layer_arrays, value
from bnverify.empirical.measurement.checks import check_cut, check_reproduced
from bnverify.empirical.measurement.curvature import directions, second_quantities
from bnverify.empirical.measurement.cut import Cut, Placed
from bnverify.empirical.measurement.layer import FIRST, Layer, Parameters, layer_of
from bnverify.empirical.measurement.measured import Measured
from bnverify.empirical.measurement.probes import Seed, random_tests
from bnverify.empirical.measurement.reductions import Quantities, first_quantities
from bnverify.empirical.measurement.running import running_quantities
from bnverify.empirical.measurement.settings import cheaply_compiled
from bnverify.empirical.normalization.known import BATCH, Normalization, named

# Gradients of up to 2 to this have squares, and products of squares, that are numbers of the type.
_WIDE = {"float64": 200, "float32": 30}
# Roundings that gamma may be away from s, and beta from mu, for Observation 4.3 to speak of it: below its tolerance.
_MATCHED = {"float64": 2.0**6, "float32": 2.0**3}


def measure(
    suffix: Callable[[Float[Array, "*batch channel"]], Float[Array, ""]],
    y: Float[Array, "*batch channel"],
    gamma: Float[Array, " channel"],
    beta: Float[Array, " channel"],
    epsilon: float,
    *,
    normalizer: str | Normalization = BATCH,
    seed: Seed = 0,
    sampled: Sequence[int] = (),
    context: tuple = (),
) -> Quantities:
    """Measure all claims' quantities where z = normalizer(y, gamma, beta, epsilon) and the loss is suffix(z).

    y has the channel on its last axis; suffix must be twice differentiable along lines. Cost: a gradient of the suffix
    and Hessian-vector products: one for the whole layer and four for each vector in ``sampled`` (batch norm), or one
    for each (others); none for batch renormalisation, whose ``context`` is ((running mean, running s), r_max, d_max).
    ``seed`` draws the random tests. Returns arrays of shape (K,), K the number of vectors, or (1,) for site and layer
    quantities; sample quantities are NaN outside ``sampled``. As no layer is known, Theorem 4.4 is measured over
    inputs of norm 1. Besides quantities there are the flags of `empirical.runs.records.FLAGS`.
    """
    cut = cut_of(suffix, y, gamma, beta, epsilon, normalizer=normalizer, context=context)
    return dict(measure_cut(cut, seed=seed, sampled=sampled).quantities)


def cut_of(
    suffix: Callable, y: Array, gamma: Array, beta: Array, epsilon: float, *,
    normalizer: str | Normalization = BATCH, context: tuple = (),
) -> Cut:  # fmt: skip
    """The cut of a loss that is a JAX function of z. What is compiled for one function serves all cuts with it; numbers
    in a `jax.tree_util.Partial` may differ."""
    rest = suffix if isinstance(suffix, Partial) else Partial(suffix)
    placed = Placed(named(normalizer), gamma, beta, epsilon, context)
    check_cut(placed, y)
    curved = partial(_hessian, rest) if _twice(rest, y) else None
    return Cut(y, placed, gradient=partial(_gradient, rest), hessian=curved, stacked=True)


@jax.jit
def _gradient(suffix: Partial, z: Array) -> Array:
    return jax.grad(suffix)(z)


@jax.jit
def _hessian(suffix: Partial, z: Array, along: Array) -> Array:
    return jax.lax.map(jax.linearize(jax.grad(suffix), z)[1], along)


def _twice(suffix: Partial, y: Array) -> bool:
    """Whether a loss can be differentiated once more: not, where its own backward pass cannot."""
    try:
        _curvature.eval_shape(suffix, y)
    except Exception:  # whatever a primitive without the derivative raises
        return False
    return True


@jax.jit
def _curvature(suffix: Partial, z: Array) -> Array:
    """Is traced once for all cuts with one function."""
    return jax.jvp(jax.grad(suffix), (z,), (z,))[1]


def measure_cut(
    cut: Cut,
    *,
    seed: Seed = 0,
    sampled: Sequence[int] = (),
    plain_curvature: bool = True,
    layer: Layer | None = None,
    trained: bool = False,
) -> Measured:
    """All quantities at a cut. ``sampled`` vectors get Hessian-vector products of their own. Without
    ``plain_curvature`` v'Hv and g'Hg are NaN, which saves two of the directions a sampled channel: claims need them at
    epsilon = 0 only. ``layer`` is `layer_of` the normalisation, where it is known. On a ``trained`` network, which may
    have diverged or hold constant channels, values are measured as they are: verdicts count such points apart.
    """
    placed, y = cut.norm, jnp.asarray(cut.y)
    check_cut(placed, y, values=not trained)
    norm = placed.normalization
    gamma, beta = (jnp.asarray(each) for each in (placed.gamma, placed.beta))
    p = Parameters(gamma, beta, jnp.asarray(placed.epsilon, y.dtype), placed.context)
    tests = random_tests(y, seed)
    spread = _spread(norm.computed_by(None), y, p.epsilon)
    missing: dict[str, str] = {}
    if placed.foreign is not None:
        host: Any = p._replace(gamma=cast(Any, np.asarray(p.gamma)), beta=cast(Any, np.asarray(p.beta)))
        z: Any = np.asarray(placed.foreign.forward(np.asarray(y), host.gamma, host.beta))
        check_reproduced(cut, z)
        cut, factor = _scaled(cut, z, y.dtype, trained)
        g: Any = np.asarray(cut.gradient(z))
        arrays = foreign_arrays(placed.foreign, norm, host, np.asarray(y), g, np.asarray(spread), tests)
        mode, g = FIRST, jnp.asarray(g, y.dtype)
    else:
        layer = layer or layer_of(norm, p, y)
        z = value(layer, p, y)
        check_reproduced(cut, z)
        cut, factor = _scaled(cut, z, y.dtype, trained)
        g = jnp.asarray(cut.gradient(z), y.dtype)
        arrays, mode = layer_arrays(layer, p, y, g, spread, tests), layer.mode
    if mode == FIRST:
        missing["the layer"] = "its backward pass cannot be differentiated; so nothing about D2 and curvature"
    quantities = dict(first_quantities(norm.computed_by(None), p, y, g, arrays, tests))
    if norm.correction is None and mode != FIRST and layer is not None:
        vectors = jnp.asarray(np.asarray(sampled, int))
        along_y, along_z = directions(layer, plain_curvature, p, y, g, arrays["v"], tests, vectors)
        curved = cut.curved(z, along_z)
        if curved is None:
            missing["the rest of the network"] = "no second derivative: claims about curvature"
        else:
            quantities |= second_quantities(
                layer, plain_curvature, p, y, g, along_y, along_z, jnp.asarray(curved, y.dtype), tests, vectors
            )  # fmt: skip
    if cut.running is not None:
        quantities |= running_quantities(cut.running, y.dtype)
    count = norm.columns(y).shape[-1]
    quantities["sampled"] = np.isin(np.arange(count), np.asarray(sampled, int))
    quantities["matched"] = _matched(quantities, y.dtype) if "beta" in quantities else np.zeros(count, bool)
    return Measured(norm.computed_by(None), quantities, str(y.dtype), missing, factor)


@partial(cheaply_compiled, static_argnums=(0,))
def _spread(norm: Normalization, y: Array, epsilon: Any) -> Array:
    """s, in the shape of y."""
    columns = jnp.broadcast_to(norm.statistics(y, epsilon)[1], norm.columns(y).shape)
    return norm.restore(columns, y.shape).astype(y.dtype)


def _scaled(cut: Cut, z: Any, dtype: Any, trained: bool) -> tuple[Cut, float]:
    """The cut of the loss times a power of two that brings the largest entry of its gradient near 1, and that power; as
    it is where squares of the gradient are numbers.

    A claim is homogeneous in g, and multiplying by a power of two rounds nothing: a loss of 1e200 has the verdicts of
    the same loss without the factor."""
    largest = 0.0 if trained else float(np.abs(np.asarray(cut.gradient(z), np.float64)).max(initial=0.0))
    power = int(np.frexp(largest)[1]) if 0 < largest < np.inf else 0
    if abs(power) <= _WIDE.get(str(dtype), 30):
        return cut, 1.0
    factor = float(np.ldexp(1.0, max(-1000, min(1000, -power))))
    return cut.times(factor), factor


def _matched(quantities: Quantities, dtype: Any) -> np.ndarray:
    """Whether gamma is s and beta is mu, as Observation 4.3 has them."""
    gamma, s, beta, mu = (np.asarray(quantities[name]) for name in ("gamma", "s", "beta", "mu"))
    near = _MATCHED.get(str(dtype), 8.0) * float(jnp.finfo(dtype).eps)
    level = np.abs(mu) + s * np.sqrt(np.abs(np.asarray(quantities.get("rho", 0.0))))  # of y, which z then is
    return (np.abs(gamma - s) <= near * s) & (np.abs(beta - mu) <= near * level)
