"""Where layers are right on ordinary data and wrong elsewhere: each regime is a case of its own, values and gradients.

Large and small values, an outlier, zeros in y, in g and in gamma, large and small gradients, other batch sizes, one
constant vector among others. A branch, a clip or a block size that ordinary random numbers never meet is met here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from bnverify.empirical.conformance.arithmetic import ROUNDOFF, rounded, source, tolerance
from bnverify.empirical.conformance.case import Case, Exact
from bnverify.empirical.conformance.report import INACCURATE, VIOLATED, Finding, judged, untested
from bnverify.empirical.conformance.subject import Evaluation, Unsupported

Made = tuple[np.ndarray, np.ndarray, np.ndarray | float]
"""y, g and gamma of a regime."""
# One constant of these, among other vectors: differences of squares of the last two leave more than an epsilon.
CONSTANTS = (0.0, 1234567.89, 0.1)
_MOST = 2**16  # values of y at another batch size
_BLOCKS = (1025, 257)  # one more than the threads of a block, at most and as is usual


def findings(case: Case) -> Iterator[Finding]:
    """All of them."""
    for key, title, make in _REGIMES:
        yield _tried(case, f"regime.{key}", title, make)
    for size in _sizes(case):
        yield _tried(case, f"batch.{size}", f"a batch of {size}", partial(_resized, size=size), True)
    yield from _constants(case)


def _tried(case: Case, key: str, title: str, make: Callable[[Case], Made], optional: bool = False) -> Finding:
    try:
        y, g, gain = make(case)
        y = rounded(y, case.reading.setting.dtype)
        found = case.reading.call(y, gain, case.shift, None if _no_gradient(case) else g)
    except Unsupported as error:
        return untested(key, title, str(error) or "not there")
    except Exception as error:
        if not optional:
            raise
        return untested(key, title, f"it is not called so ({type(error).__name__})")
    return compared(case, key, title, found, case.exact(y, g, gain))


def compared(case: Case, key: str, title: str, found: Evaluation, exact: Exact) -> Finding:
    """Values, the gradient at y and those of the parameters, whichever is worst."""
    allowed = case.forward_tolerance
    if not np.isfinite(np.asarray(exact.yhat, float)).all():
        return untested(key, title, "without an epsilon it is 0/0")
    residuals = case.residuals(found, exact)
    worst = max(residuals, key=lambda name: residuals[name])
    meaning, otherwise = "values and gradients are the normaliser's", VIOLATED
    if residuals[worst] > allowed:
        meaning = f"right on ordinary data, wrong here at {worst}"
        if worst in case.wrong:
            meaning = f"wrong at {worst}, as on ordinary data"
        others = max((residual for name, residual in residuals.items() if name != "v"), default=0.0)
        coarse = None if found.v is None else case.coarse(found.v, exact.v, exact.slope_size)
        if coarse is not None and others <= allowed:
            meaning, otherwise = f"the gradient is computed in {coarse}", INACCURATE
        elif case.overflows and not np.isfinite(residuals[worst]):
            meaning = f"not finite at {worst}: beyond the range of the float16 that it casts to; compute in float32"
    return judged(key, title, residuals[worst], allowed, meaning, otherwise)


def _no_gradient(case: Case) -> bool:
    return isinstance(case.there, Unsupported) or case.there.v is None


def _wide(case: Case, factor: float) -> float:
    """A factor of y whose squares the type has."""
    return float(np.clip(factor, 1e-2, 30.0)) if case.narrow else factor


def _outlier(case: Case) -> Made:
    y = case.y.copy()
    y[(0,) * y.ndim] = _wide(case, 1e4)
    return y, case.g, case.gain


def _zeros(array: np.ndarray, seed: int) -> np.ndarray:
    """A third of the entries, and every entry of the first sample, exactly 0."""
    out = np.where(source(20, seed).random(array.shape) < 0.33, 0.0, array)
    out[0] = 0.0
    return out


def _some_gains(case: Case) -> Made:
    if case.reading.affine.gain is None:
        raise Unsupported("the layer has no gamma")
    gain = np.array(case.gain, float)
    if gain.size < 2:
        raise Unsupported("gamma is one number")
    gain.ravel()[::2] = 0.0
    return case.y, case.g, gain


def _many_gains(case: Case) -> Made:
    if case.reading.affine.gain is None:
        raise Unsupported("the layer has no gamma")
    return case.y, case.g, 20 * np.asarray(case.gain)


def _as_made(case: Case) -> Made:
    if case.reading.affine.gain is None:
        raise Unsupported("the layer has no gamma")
    return case.y, case.g, np.ones_like(np.asarray(case.gain, float))


_REGIMES: tuple[tuple[str, str, Callable[[Case], Made]], ...] = (
    ("large", "y 1e10 times as large", lambda c: (_wide(c, 1e10) * c.y, c.g, c.gain)),
    ("small", "y 1e-3 times as large", lambda c: (_wide(c, 1e-3) * c.y, c.g, c.gain)),
    ("tiny", "y 1e-10 times as large", lambda c: (_wide(c, 1e-10) * c.y, c.g, c.gain)),
    ("positive", "no negative y, zeros among them", lambda c: (np.maximum(c.y, 0), c.g, c.gain)),
    ("negative", "no positive y", lambda c: (-np.abs(c.y), c.g, c.gain)),
    ("whole", "whole numbers", lambda c: (np.round(3 * c.y), c.g, c.gain)),
    ("outlier", "one value of 1e4 among ordinary ones", _outlier),
    ("zeros_in_g", "exact zeros in the gradient", lambda c: (c.y, _zeros(c.g, 1), c.gain)),
    ("large_g", "a gradient 1e10 times as large", lambda c: (c.y, _wide(c, 1e10) * c.g, c.gain)),
    ("small_g", "a gradient 1e-10 times as large", lambda c: (c.y, _wide(c, 1e-10) * c.g, c.gain)),
    ("ones_in_gamma", "gamma 1, as a layer is made", _as_made),
    ("zeros_in_gamma", "exact zeros in gamma", _some_gains),
    ("large_gamma", "a gamma 20 times as large", _many_gains),
)


def _sizes(case: Case) -> list[int]:
    """Batches of one, few, an odd number and many; not those that leave one value a vector or more than is needed."""
    batch, per = len(case.y), case.y[0].size
    over_batch = 0 in case.reading.normaliser.vectors.axes
    largest = next((n for n in _BLOCKS if n * per <= _MOST), 0)
    square = case.y.shape[1] if case.y.ndim == 2 else 0
    sizes = [n for n in (1, 2, 3, square, 2 * batch + 1, largest) if 0 < n != batch and n * per <= _MOST]
    least = 2 * len(case.y) / case.reading.m if over_batch else 1
    return [n for n in dict.fromkeys(sizes) if n >= least]


def _resized(case: Case, size: int) -> Made:
    axes = (case.reading.affine.gain_axes or ()) + (case.reading.affine.shift_axes or ())
    if 0 in axes:
        raise Unsupported("gamma or beta varies along the batch")
    repeats = -(-size // len(case.y))
    y = np.concatenate([case.y * (1 + 0.1 * k) + 0.05 * k for k in range(repeats)])[:size]
    return y, source(21).standard_normal(y.shape), case.gain


def _constants(case: Case) -> Iterator[Finding]:
    """One vector constant, the others as they are: finite, and right in every vector, as far as a variance that is a
    difference of squares allows."""
    key, title = "regime.constant", "one constant vector among others"
    reading, point = case.reading, case.here.point
    if not reading.normaliser.scale.epsilon or point.y.shape[1] < 2 or point.m < 2:
        yield untested(key, title, "there is no epsilon" if point.y.shape[1] > 1 else "there is one vector")
        return
    worst: Finding | None = None
    dtypes = {reading.setting.dtype, "float32"} & set(reading.subject.dtypes)
    for dtype in sorted(dtypes, reverse=True):
        for constant in CONSTANTS:
            if case.overflows and constant > 6e4:
                continue
            columns = np.array(point.y, float)
            columns[:, 0] = constant if reading.normaliser.centred else 0.0
            y = rounded(point.restore(columns), dtype)
            try:
                found = reading.call(y, case.gain, case.shift, None if _no_gradient(case) else case.g, dtype=dtype)
            except Unsupported:
                continue
            bad = [w for w, a in (("z", found.z), ("v", found.v)) if a is not None and not np.isfinite(a).all()]
            if bad:
                meaning = f"{' and '.join(bad)} NaN or infinite where one vector is {constant:g}, in {dtype}"
                yield Finding(key, title, VIOLATED, float("inf"), meaning=meaning)
                return
            told = _one_constant(case, key, title, found, y, dtype, constant)
            if worst is None or (told.verdict == VIOLATED, told.residual) > (worst.verdict == VIOLATED, worst.residual):
                worst = told
    yield worst or untested(key, title, "it is not called so")


def _one_constant(
    case: Case, key: str, title: str, found: Evaluation, y: np.ndarray, dtype: str, constant: float
) -> Finding:
    """Of the constant vector, where a difference of squares may lose all, only a residual as "inaccurate"."""
    exact = case.exact(y, case.g)
    allowed = tolerance(max(ROUNDOFF[dtype], ROUNDOFF[case.forward_dtype]))
    columns, off = exact.point.columns, np.abs(np.asarray(found.z - exact.z, float))
    others = float(columns(off / np.asarray(exact.size, float))[:, 1:].max(initial=0.0))
    if others > allowed:
        return judged(key, title, others, allowed, f"vectors beside one that is {constant:g} come out wrong")
    first = float(columns(np.divide(off, np.asarray(exact.least, float), out=0 * off, where=off > 0))[:, 0].max())
    meaning = "finite, and the others as they are"
    if first > allowed:
        meaning = f"finite, and off where a vector is {constant:g} in {dtype}: a variance by E[y^2] - E[y]^2 cancels"
    return judged(key, title, max(first, others), allowed, meaning, INACCURATE)
