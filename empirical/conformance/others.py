"""Parameters besides gamma and beta, a learned epsilon say: no formula is known for their gradients, but each must be
the derivative of the layer's own values, which differences of these tell."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnverify.empirical.conformance.arithmetic import ROUNDOFF, relative, source
from bnverify.empirical.conformance.case import Case
from bnverify.empirical.conformance.report import Finding, judged, untested
from bnverify.empirical.conformance.subject import Unsupported

_STEPS = 10.0 ** np.arange(3, -7, -1)  # relative to the parameter
_COARSE = 1e-3  # a derivative that is known no better says nothing


def findings(case: Case) -> Iterator[Finding]:
    """One a parameter, at its initial value, along a random direction."""
    reading, there = case.reading, case.there
    for name, value in reading.others.items():
        key, title = f"other.{name}", f"gradient of {name} = the slope of z along it"
        if name in reading.subject.frozen:
            yield untested(key, title, "it is frozen")
        elif isinstance(there, Unsupported) or there.v is None:
            yield untested(key, title, "the layer has no backward pass")
        elif name not in there.slopes:
            yield untested(key, title, "the backward pass gives none")
        else:
            yield _of(case, key, title, name, there.slopes[name], np.asarray(value, float))


def _of(case: Case, key: str, title: str, name: str, slope: np.ndarray | None, value: np.ndarray) -> Finding:
    random = source(13, *name.encode())
    typical = float(np.abs(value).max(initial=0.0)) or 1.0
    direction = random.uniform(0.5, 1.5, value.shape) * np.where(value == 0, typical, np.abs(value))
    along, error = _difference(case, name, value, direction)
    size = float((np.abs(case.g) * np.abs(along)).sum())
    unknown = float((np.abs(case.g) * error).sum())
    found = 0.0 if slope is None else float((slope * direction).sum())
    if not unknown <= _COARSE * max(size, abs(found)):
        return untested(key, title, "differences of its values are too coarse" if size or found else "it does nothing")
    residual = relative(np.array(found - float((case.g * along).sum())), np.array(size))
    meaning = f"what an optimizer changes {name} by; all else is tested at its initial value"
    if slope is None or not np.any(slope):
        meaning = f"{name} changes the values and gets no gradient" if size else f"{name} does nothing at this value"
    return judged(key, title, residual, case.backward_tolerance + 4 * unknown / (size or 1.0), meaning)


def _difference(case: Case, name: str, value: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The derivative of z along a direction of a parameter, by central differences extrapolated twice, with the step
    at which truncation and rounding leave least; and how much they leave."""
    reading, parameters = case.reading, case.reading.parameters(case.gain, case.shift)

    def at(t: float) -> np.ndarray:
        moved = parameters | {name: value + t * direction}
        return reading.subject.evaluate(case.y, moved, None, reading.setting).z

    best = np.zeros(case.y.shape), np.full(case.y.shape, np.inf)
    for step in _STEPS:
        try:
            once, half, quarter = ((at(h) - at(-h)) / (2 * h) for h in (step, step / 2, step / 4))
        except Unsupported:
            continue
        first, second = (4 * half - once) / 3, (4 * quarter - half) / 3
        rounding = 16 * ROUNDOFF[case.forward_dtype] * np.asarray(case.here.size, float) / step
        left = np.abs(second - first) + rounding
        if np.isfinite(left).all() and left.sum() < best[1].sum():
            best = second, left
    return best
