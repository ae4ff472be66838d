"""What can be measured at all: shapes and values at a cut, and whether the rest of the network is the loss."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from bnverify.empirical.measurement.cut import Cut, Placed
from bnverify.errors import Diverged, InputError

# Relative to |L| + |g||z|: two evaluations of one loss, compiled apart, differ by the last bits of their sums.
REPRODUCED = {"float64": 2.0**-40, "float32": 1e-5}


def check_cut(placed: Placed, y: Any, *, values: bool = True) -> None:
    """InputError where shapes or, unless ``values`` is false, values leave nothing to measure."""
    norm, epsilon = placed.normalization, placed.epsilon
    _check_parameters(placed, y)
    if values:
        _check_finite(placed, y)
    if not 0 <= epsilon < float("inf"):
        raise InputError(got=f"epsilon {epsilon}", expected="epsilon >= 0", advice="pass 0 or a small positive number")
    if y.ndim < 2 or (epsilon == 0 and norm.columns(y).shape[0] == 1):
        raise InputError(
            got=f"y of shape {y.shape}, one value a vector, with epsilon {epsilon}",
            expected="at least two values to take a variance of, or epsilon > 0",
            advice="use a larger batch or a spatial extent; a batch of one value normalises to 0",
        )
    if norm.correction is not None and not placed.context:
        raise InputError(
            got=f"{norm.name} without what it is corrected by",
            expected="context=((running mean, running s), r_max, d_max)",
            advice="pass the running statistics of the step: they are constants to differentiation",
        )
    if values:
        _refuse_no_squares(norm, y, epsilon)
    if values and epsilon == 0:
        _refuse_constant_vectors(norm, y)


def _check_parameters(placed: Placed, y: Any) -> None:
    shape = tuple(getattr(y, "shape", ()))
    for name, parameter in (("gamma", placed.gamma), ("beta", placed.beta)):
        found = getattr(parameter, "shape", None)
        if shape and found == (shape[-1],):
            continue
        got = "None" if parameter is None else f"of shape {found}" if found is not None else repr(parameter)
        advice = f"pass jnp.{'ones' if name == 'gamma' else 'zeros'}({shape[-1] if shape else 'C'}) for none"
        if found is not None and len(found) == 1 and found[0] in shape[:-1]:
            axis = shape.index(found[0])
            advice = f"the channel is on axis {axis}: pass jnp.moveaxis(y, {axis}, -1) and a suffix that undoes it"
        raise InputError(
            got=f"{name} {got} for y of shape {shape}",
            expected=f"({shape[-1] if shape else 'C'},), one number a channel, the channel on the last axis of y",
            advice=advice,
        )


def _check_finite(placed: Placed, y: Any) -> None:
    for name, values in (("y", y), ("gamma", placed.gamma), ("beta", placed.beta)):
        wrong = int((~np.isfinite(np.asarray(values))).sum())
        if wrong:
            raise InputError(
                got=f"{wrong} values of {name} that are NaN or infinite",
                expected="finite numbers: what comes out of finite ones is judged, not what comes out of these",
                advice=f"look where {name} comes from",
            )


def _refuse_no_squares(norm: Any, y: Any, epsilon: float) -> None:
    """A variance that is too large for the type, or too small and without an epsilon, is no fault of a layer."""
    columns = np.asarray(norm.columns(jnp.asarray(y)))
    dtype = str(columns.dtype) if columns.dtype.kind == "f" else "float64"
    wide, largest = np.finfo(dtype), float(np.abs(columns).max(initial=0.0))
    if largest > float(np.sqrt(float(wide.max) / columns.size)):
        raise InputError(
            got=f"y of size {largest:.3g}, whose squares are beyond {dtype}",
            expected=f"sizes up to {np.sqrt(float(wide.max) / columns.size):.1g}",
            advice="divide y; a normaliser's values do not depend on it",
        )
    centred = columns - columns.mean(0) if norm.centred else columns
    least = float(np.abs(centred).max(0).min(initial=np.inf))
    if epsilon == 0 and 0 < least < float(wide.tiny) ** 0.5:
        raise InputError(
            got=f"a deviation of {least:.3g}, whose square is below {dtype}, with epsilon 0",
            expected=f"deviations of at least {float(wide.tiny) ** 0.5:.1g}, or epsilon > 0",
            advice="multiply y; a normaliser's values do not depend on it",
        )


def _refuse_constant_vectors(norm: Any, y: Any) -> None:
    columns = norm.columns(jnp.asarray(y))
    constant = jnp.flatnonzero((columns == (columns[0] if norm.centred else 0)).all(0))
    if constant.size:
        noun = norm.arrangement.noun
        raise InputError(
            got=f"epsilon 0 with constant {noun}s {', '.join(map(str, constant.tolist()))}",
            expected=f"a positive variance in every {noun}, or epsilon > 0",
            advice=f"pass a positive epsilon, or leave the constant {noun}s out",
        )


def check_reproduced(cut: Cut, z: Any) -> None:
    """InputError unless the rest of the network, where it is known as a function, gives the network's loss at z;
    `Diverged` where it gives a gradient that is none."""
    if cut.loss is None or cut.value is None:
        return
    again, value = float(cut.loss(z)), float(cut.value)
    g = np.asarray(cut.gradient(z), np.float64)
    if not np.isfinite(g).all():
        raise Diverged(
            got="a gradient that is NaN or infinite",
            expected="finite numbers: what comes out of finite ones is judged, not what comes out of these",
            advice="look at what follows the normalisation: a root at 0, or a network that diverged",
        )
    size = abs(value) + float(np.abs(g * np.asarray(z, np.float64)).sum())
    refuse_another_loss(again, value, REPRODUCED.get(str(np.asarray(z).dtype), 1e-2) * size)


def refuse_another_loss(again: float, value: float, tolerance: float, what: str = "the rest of the network") -> None:
    """InputError unless two values of one loss agree."""
    if not abs(again - value) <= tolerance:
        raise InputError(
            got=f"a loss of {value:.17g}, and {again:.17g} from {what} where the normalisation's output is given",
            expected="the same loss, to the last bits: what follows the normalisation is a function of its output",
            advice="a loss that differentiates the network (a gradient penalty) depends on more than that output, and "
            "cannot be cut there; measure the network without the penalty, or its layers by assert_claims(layer=...)",
        )
