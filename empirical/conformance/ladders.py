"""Right at every size that a type can hold, or wrong from where on: ladders of powers of two, and vectors of all sizes.

Which clip, which threshold and which branch on a size a layer may have cannot be guessed; where its type ends is known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

import numpy as np

from bnverify.empirical.conformance.arithmetic import NORMAL, source
from bnverify.empirical.conformance.case import Case
from bnverify.empirical.conformance.reach import EXPONENTS, Rung, Scaled, Typed
from bnverify.empirical.conformance.report import HOLDS, VIOLATED, Finding, untested
from bnverify.empirical.conformance.subject import Unsupported

_RUNGS = (25, 5)  # of a ladder, in the widest type and in others
_Z = frozenset({"z"})


def findings(case: Case, held: Collection[str]) -> Iterator[Finding]:
    """All of them, in the types that the layer is right in on ordinary data: the case's own, and those of which
    "dtype.NAME" is among what ``held``."""
    own = case.reading.setting.dtype
    others = [name for name in case.reading.subject.dtypes if name != own and f"dtype.{name}" in held]
    for key, title, ladder, what in _LADDERS:
        if case.coarsest not in EXPONENTS:
            yield untested(f"reach.{key}", title, f"it computes in {case.coarsest}, which has next to no exponents")
            continue
        rungs: list[Rung] = []
        try:
            for dtype in (own, *others):
                if dtype in EXPONENTS and (dtype != "bfloat16" or key == "gradient"):  # else as float32
                    rungs += ladder(Typed(case, dtype), _RUNGS[dtype != own])
        except Unsupported as error:
            yield untested(f"reach.{key}", title, str(error))
            continue
        yield _told(case, f"reach.{key}", title, rungs, what)


def _told(case: Case, key: str, title: str, rungs: list[Rung], what: str) -> Finding:
    """Of rungs that are off, the one that is nearest to ordinary sizes; of others, the one that is off most."""
    rungs = [rung for rung in rungs if rung.residuals]
    if not rungs:
        return untested(key, title, "what it would be told by is wrong on ordinary data")
    off = [rung for rung in rungs if not rung.ratio <= 1]
    if not off:
        worst = max(rungs, key=lambda rung: rung.ratio)
        scaled = [rung for rung in rungs if not rung.anchor]
        exact = scaled and not any(any(rung.residuals.values()) for rung in scaled)
        meaning = "a power of two changes no digit" if exact else "as the normaliser's, at every size"
        places = tuple(dict.fromkeys(rung.place for rung in rungs))
        return Finding(key, title, HOLDS, worst.residuals[worst.worst], worst.allowed, meaning, places)
    first = min(off, key=lambda rung: abs(rung.times.y or rung.times.g or rung.times.affine) or np.inf)
    names = {kind: f"the gradient of {name}" for kind, name, _ in case.reading.affine.parameters}
    factor = 2.0 ** (first.times.y or first.times.g or first.times.affine)
    where = f"{what} {factor:.0e} times as large" if factor != 1 else f"{what} of many sizes"
    meaning = f"right on ordinary data, wrong at {names.get(first.worst, first.worst)} where {where}"
    return Finding(
        key, title, VIOLATED, first.residuals[first.worst], first.allowed,
        f"{meaning}, in {first.place.dtype}; {len(off)} of {len(rungs)} sizes are wrong",
    )  # fmt: skip


def _exponents(low: int, high: int, count: int) -> list[int]:
    """So many whole numbers from one to another, those near 0 first."""
    if high < low:
        return []
    return sorted({round(each) for each in np.linspace(low, high, count)}, key=abs)


def _gradients(typed: Typed, count: int) -> Iterator[Rung]:
    """g times powers of two; then of each vector another one, in one call."""
    if typed.case.no_gradient:
        raise Unsupported("the layer has no backward pass")
    low, high = typed.of_gradients
    others = [Scaled(g=k) for k in _exponents(low, high, count) if k]
    yield from typed.climb("", Scaled(), others)
    vectors = typed.point.y.shape[1]
    if vectors > 1 and "v" in typed.names:
        columns = source(22).permutation(np.linspace(low, high, vectors).round().astype(int))
        anchor, found = (typed.answers(typed.call(Scaled(), columns=each))["v"] for each in (None, columns))
        size = typed.exact(Scaled()).slope_size
        residual = typed.off(found, anchor, typed.spread(columns), size)
        yield Rung(Scaled(), {"v": residual}, typed.allowed, typed.place(Scaled()))


def _affine(typed: Typed, count: int) -> Iterator[Rung]:
    affine = typed.case.reading.affine
    if affine.gain is None:
        raise Unsupported("the layer has no gamma")
    low, high = typed.of_gradients
    if affine.offset:  # 1 + gamma is not small where gamma is stored
        low = 0
    return typed.climb("", Scaled(), [Scaled(affine=k) for k in _exponents(low, high, count) if k])


def _large(typed: Typed, count: int) -> Iterator[Rung]:
    """Above what epsilon reaches; without one, also below."""
    typed = known(typed)
    first, last, end = typed.far
    if last < first:
        raise Unsupported("epsilon is felt wherever 1/s^3 is a number of the type")
    start, *others = _exponents(first, last, count)
    yield from typed.climb("far", Scaled(y=start), [Scaled(y=k) for k in others], beta=0.0)
    beyond = _exponents(last + 1, end, max(2, count // 4))
    if not typed.least:
        beyond += _exponents(typed.of_values[0], first - 1, max(2, count // 4))
    yield from list(typed.climb("far", Scaled(y=start), [Scaled(y=k) for k in beyond], 0.0, _Z))[1:]


def _small(typed: Typed, count: int) -> Iterator[Rung]:
    """Below epsilon, beta being 0, so that nothing hides what is left of z; and between that and the large."""
    typed = known(typed)
    low, high = typed.deep
    if high < low:
        raise Unsupported("there is no epsilon")
    steep = -3 * np.log2(typed.least) > typed.largest - 20
    start, *others = _exponents(low, high, count)
    names = _Z if steep else typed.names
    yield from typed.climb("deep", Scaled(y=start), [Scaled(y=k) for k in others], 0.0, names)
    for k in _exponents(high + 1, min(0, typed.far[0] - 1), 2 + count // 8)[:-1] if not steep else []:
        yield typed.compared(Scaled(y=k), 0.0)[0]


def _mixed(typed: Typed, count: int) -> Iterator[Rung]:
    """Vectors of sizes far apart in one call, beta being 0."""
    if typed.point.y.shape[1] < 2:
        raise Unsupported("there is one vector")
    return iter([known(typed).mixed(source(23))])


_LADDERS: tuple[tuple[str, str, Callable, str], ...] = (
    ("gradient", "the gradient times powers of two", _gradients, "it is"),
    ("gamma", "gamma and beta times powers of two", _affine, "they are"),
    ("large", "y times powers of two, epsilon negligible", _large, "y is"),
    ("small", "y times powers of two, below epsilon", _small, "y is"),
    ("mixed", "vectors of sizes far apart in one call", _mixed, "vectors are"),
)


def known(typed: Typed) -> Typed:
    """With the epsilon that the layer has in this type, where it states none and may have one of the type's own, or one
    that nothing showed so far, or states one that the type does not have."""
    reading = typed.case.reading
    if lost := 0 < reading.normaliser.scale.epsilon < NORMAL[typed.dtype]:
        typed = _with_epsilon(typed, 0.0)
        reading = typed.case.reading
    scale = reading.normaliser.scale
    stated = reading.subject.epsilon is not None and not lost
    if stated or (scale.epsilon and typed.dtype == reading.setting.dtype):
        return typed
    k = typed.deep[0] if scale.epsilon else typed.of_values[0]
    point = typed.point
    centred = np.ldexp(np.asarray(point.restore(point.y - point.mu), float), k)
    gain = reading.spread(typed.gain, reading.affine.gain_axes if reading.affine.gain else ())
    with np.errstate(all="ignore"):
        scales = np.abs(gain * centred / typed.call(Scaled(y=k), 0.0).z)
    s = float(np.median(scales[np.isfinite(scales)])) if np.isfinite(scales).any() else 0.0
    root = float(np.ldexp(np.median(np.asarray(point.root, float)), k))
    if not s or (not scale.epsilon and s < 4 * root) or abs(s / typed.least - 1 if typed.least else 1) < 1e-3:
        return typed
    return _with_epsilon(typed, s**scale.power)


def _with_epsilon(typed: Typed, epsilon: float) -> Typed:
    reading = typed.case.reading
    normaliser = replace(reading.normaliser, scale=replace(reading.normaliser.scale, epsilon=epsilon))
    return Typed(Case(replace(reading, normaliser=normaliser)), typed.dtype)
