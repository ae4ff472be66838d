"""The backward pass of a layer whose values are no normaliser's, against the only thing it can be held against: what
its own values change by. Differences of values decide it, as far as two steps of them agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from bnverify.empirical.conformance.arithmetic import ROUNDOFF, source
from bnverify.empirical.conformance.case import Case
from bnverify.empirical.conformance.report import Finding, judged, untested
from bnverify.empirical.conformance.subject import Evaluation, Unsupported

WHY = "the values are not the normaliser's"
_ROUNDINGS = 64  # of the sum of |g z|, in a difference of two values


def findings(case: Case, there: Evaluation, titles: dict[str, str]) -> Iterator[Finding]:
    """Of v and of the parameters' gradients; what only a normaliser has is not tested."""
    assert there.v is not None
    had = {f"backward.{kind}": (kind, name) for kind, name, _ in case.reading.affine.parameters}
    for key, title in titles.items():
        if key == "backward.values":
            yield _judged(case, key, title, there.v, lambda t, d: (case.y + t * d, case.gain, case.shift))
        elif key in had:
            kind, name = had[key]
            slope = there.slopes.get(name)
            shape = case.reading.subject.parameters[name].shape
            yield _judged(case, key, title, np.zeros(shape) if slope is None else slope, _moved(case, kind))
        else:
            yield untested(key, title, WHY)


def _moved(case: Case, kind: str) -> Callable[[float, np.ndarray], tuple]:
    if kind == "gain":
        return lambda t, d: (case.y, case.gain + t * d, case.shift)
    return lambda t, d: (case.y, case.gain, case.shift + t * d)


def _judged(case: Case, key: str, title: str, slope: np.ndarray, at: Callable[[float, np.ndarray], tuple]) -> Finding:
    """<slope, d> against the difference of <g, z> over a step along d, h being the cube root of the roundoff: what the
    step leaves out is then of the size of what rounding leaves."""
    unit = ROUNDOFF[case.forward_dtype]
    if unit > ROUNDOFF["float32"]:
        return untested(key, title, f"{WHY}, and its own in {case.forward_dtype} have too few digits")
    d, h = source(28).standard_normal(slope.shape), unit ** (1 / 3)
    try:
        values = {t: case.reading.call(*at(t * h, d)).z for t in (-2.0, -1.0, 1.0, 2.0)}
    except Unsupported as error:
        return untested(key, title, str(error))
    size = max(float(np.abs(case.g * z).sum()) for z in values.values())
    near, far = (float((case.g * (values[t] - values[-t])).sum()) / (2 * t * h) for t in (1.0, 2.0))
    residual, allowed = abs(float((slope * d).sum()) - near), abs(far - near) + _ROUNDINGS * unit * size / h
    if not np.isfinite(allowed):
        return untested(key, title, f"{WHY}, and its own are not finite")
    meaning = "that of the layer's own values, which are not the normaliser's"
    if not residual <= allowed:
        meaning = "not even that of the layer's own values, which are not the normaliser's"
    return judged(key, title, residual / size, allowed / size, meaning)
