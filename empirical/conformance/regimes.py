"""Where layers are right on ordinary data and wrong elsewhere: each regime is a case of its own, values and gradients.

Large and small values, an outlier, zeros in y, in g and in gamma, large and small gradients, one constant vector among
others. A branch or a clip that ordinary random numbers never meet is met here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from bnverify.empirical.conformance.arithmetic import NORMAL, ROUNDOFF, rounded, source, tolerance
from bnverify.empirical.conformance.case import Case, Exact
from bnverify.empirical.conformance.report import INACCURATE, VIOLATED, Finding, Place, judged, untested
from bnverify.empirical.conformance.subject import Evaluation, Unsupported

# One constant of these, among other vectors: differences of squares of the last two leave more than an epsilon.
CONSTANTS = (0.0, 1234567.89, 0.1)


class Made(NamedTuple):
    """What a layer is called with in a regime."""

    y: np.ndarray
    g: np.ndarray
    gain: np.ndarray | float
    shift: np.ndarray | float


def with_(case: Case, **changed: Any) -> Made:
    """The case's own, but for what is given: arrays, or numbers for gamma and beta."""
    return Made(case.y, case.g, case.gain, case.shift)._replace(**changed)


def findings(case: Case) -> Iterator[Finding]:
    """All of them."""
    for key, title, make in _REGIMES:
        yield tried(case, f"regime.{key}", title, make)
    yield from _constants(case)


def tried(case: Case, key: str, title: str, make: Callable[[Case], Made], optional: bool = False) -> Finding:
    """The layer on numbers that ``make`` makes of those of the case, held against the normaliser; "not tested" where
    they cannot be made or the layer refuses them, and nothing lost where they are ``optional``."""
    try:
        y, g, gain, shift = make(case)
        y = rounded(y, case.reading.setting.dtype)
        found = case.reading.call(y, gain, shift, None if case.no_gradient else g)
    except Unsupported as error:
        return untested(key, title, str(error) or "not there")
    except Exception as error:
        if not optional:
            raise
        return untested(key, title, f"it is not called so ({type(error).__name__})")
    return compared(case, key, title, found, case.exact(y, g, gain, shift))


def compared(case: Case, key: str, title: str, found: Evaluation, exact: Exact) -> Finding:
    """Values, the gradient at y and those of the parameters, whichever is worst."""
    if not np.isfinite(np.asarray(exact.yhat, float)).all():
        return untested(key, title, "without an epsilon it is 0/0")

    def coarse() -> str | None:
        return None if found.v is None else case.coarse(found.v, exact.v, exact.slope_size)

    return told(case, key, title, case.residuals(found, exact), coarse, case.place(exact))


def told(
    case: Case, key: str, title: str, residuals: Mapping[str, float], coarse: Callable[[], str | None], place: Place
) -> Finding:
    """The worst of the residuals, that of the values where they are wrong, as gradients then are of other values; where
    others hold, v may be that of a ``coarse`` type."""
    allowed = case.forward_tolerance
    worst = max(residuals, key=lambda name: (name == "z" and not residuals[name] <= allowed, residuals[name]))
    meaning, otherwise = "values and gradients are the normaliser's", VIOLATED
    if residuals[worst] > allowed:
        meaning = f"right on ordinary data, wrong here at {worst}"
        if worst in case.wrong:
            meaning = f"wrong at {worst}, as on ordinary data"
        others = max((residual for name, residual in residuals.items() if name != "v"), default=0.0)
        if others <= allowed and (narrow := coarse()) is not None:
            meaning, otherwise = f"the gradient is computed in {narrow}", INACCURATE
        elif case.overflows and not np.isfinite(residuals[worst]):
            meaning = f"not finite at {worst}: beyond the range of the float16 that it casts to; compute in float32"
    return judged(key, title, residuals[worst], allowed, meaning, otherwise, (place,))


def _wide(case: Case, factor: float) -> float:
    """A factor of y whose squares the type has."""
    return float(np.clip(factor, 1e-2, 30.0)) if case.coarsest == "float16" else factor


def _outlier(case: Case) -> Made:
    y = case.y.copy()
    y[(0,) * y.ndim] = _wide(case, 1e4)
    return with_(case, y=y)


def _zeros(array: np.ndarray, seed: int) -> np.ndarray:
    """A third of the entries, and every entry of the first sample, exactly 0."""
    out = np.where(source(20, seed).random(array.shape) < 0.33, 0.0, array)
    out[0] = 0.0
    return out


def _gains(case: Case) -> np.ndarray:
    """gamma, to be changed. Unsupported where there is none."""
    if case.reading.affine.gain is None:
        raise Unsupported("the layer has no gamma")
    return np.array(case.gain, float)


def _some_gains(case: Case) -> Made:
    gain = _gains(case)
    if gain.size < 2:
        raise Unsupported("gamma is one number")
    gain.ravel()[::2] = 0.0
    return with_(case, gain=gain)


def _shifts(case: Case, factor: float) -> np.ndarray:
    if case.reading.affine.shift is None:
        raise Unsupported("the layer has no beta")
    return factor * np.asarray(case.shift, float)


_REGIMES: tuple[tuple[str, str, Callable[[Case], Made]], ...] = (
    ("large", "y 1e10 times as large", lambda c: with_(c, y=_wide(c, 1e10) * c.y)),
    ("small", "y 1e-3 times as large", lambda c: with_(c, y=_wide(c, 1e-3) * c.y)),
    ("tiny", "y 1e-10 times as large", lambda c: with_(c, y=_wide(c, 1e-10) * c.y)),
    ("positive", "no negative y, zeros among them", lambda c: with_(c, y=np.maximum(c.y, 0))),
    ("negative", "no positive y", lambda c: with_(c, y=-np.abs(c.y))),
    ("whole", "whole numbers", lambda c: with_(c, y=np.round(3 * c.y))),
    ("outlier", "one value of 1e4 among ordinary ones", _outlier),
    ("zeros_in_g", "exact zeros in the gradient", lambda c: with_(c, g=_zeros(c.g, 1))),
    ("zero_g", "a gradient of zeros", lambda c: with_(c, g=0.0 * c.g)),
    ("ones_in_g", "a gradient of ones, as of a sum", lambda c: with_(c, g=np.ones_like(c.g))),
    ("large_g", "a gradient 1e10 times as large", lambda c: with_(c, g=_wide(c, 1e10) * c.g)),
    ("small_g", "a gradient 1e-10 times as large", lambda c: with_(c, g=_wide(c, 1e-10) * c.g)),
    ("ones_in_gamma", "gamma 1 and beta 0, as a layer is made",
     lambda c: with_(c, gain=np.ones_like(_gains(c)), shift=0.0 * np.asarray(c.shift))),
    ("zeros_in_gamma", "exact zeros in gamma", _some_gains),
    ("zero_gamma", "gamma 0 everywhere", lambda c: with_(c, gain=0.0 * _gains(c))),
    ("negative_gamma", "no positive gamma", lambda c: with_(c, gain=-np.abs(_gains(c)))),
    ("large_gamma", "a gamma 20 times as large", lambda c: with_(c, gain=20 * _gains(c))),
    ("large_beta", "a beta 1e10 times as large", lambda c: with_(c, shift=_shifts(c, _wide(c, 1e10)))),
)  # fmt: skip


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
    for dtype in sorted((each for each in dtypes if reading.normaliser.scale.epsilon >= NORMAL[each]), reverse=True):
        for constant in CONSTANTS:
            if case.overflows and constant > 6e4:
                continue
            columns = np.array(point.y, float)
            columns[:, 0] = constant if reading.normaliser.centred else 0.0
            y = rounded(point.restore(columns), dtype)
            try:
                found = reading.call(y, case.gain, case.shift, None if case.no_gradient else case.g, dtype=dtype)
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
