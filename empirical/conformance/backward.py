"""The backward pass: v, the identities by name, gradients of gamma and beta, second derivative, one and two values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bnverify.empirical.conformance import own_values
from bnverify.empirical.conformance.arithmetic import relative, source
from bnverify.empirical.conformance.case import Case, Exact
from bnverify.empirical.conformance.exact import Real
from bnverify.empirical.conformance.reading import Reading
from bnverify.empirical.conformance.report import HOLDS, INACCURATE, VIOLATED, Finding, judged, untested
from bnverify.empirical.conformance.subject import Second, Unsupported

_TITLES = {
    "backward.values": "v, the gradient at y",
    "backward.ones": "<1, v> = 0",
    "backward.yhat": "<yhat, v> = gamma (1 - rho) a / s",
    "backward.norm": "|v|^2 = what g alone says",
    "backward.gain": "gradient of gamma = sum of g yhat",
    "backward.shift": "gradient of beta = sum of g",
}
_SECOND = "second derivative along a direction"


def findings(case: Case) -> Iterator[Finding]:
    """All of them; not tested where the layer has no gradient. Where its values are not the normaliser's, nor is it
    known what their derivatives have to be but that they are theirs."""
    there = case.there
    if isinstance(there, Unsupported) or there.v is None:
        why = str(there) if isinstance(there, Unsupported) else "the layer has no backward pass"
        yield from (untested(key, title, why) for key, title in _TITLES.items())
        return
    if "z" in case.wrong:
        yield from own_values.findings(case, there, _TITLES)
        yield untested("second.values", _SECOND, own_values.WHY)
        return
    exact, allowed = case.here, case.backward_tolerance
    residual = relative(there.v - exact.v, exact.slope_size)
    coarse = None if residual <= allowed else case.coarse(there.v, exact.v, exact.slope_size)
    otherwise = VIOLATED if coarse is None else INACCURATE
    meaning = "the gradient that goes on to earlier layers"
    if residual > allowed:
        meaning = f"computed in {coarse}" if coarse else diagnosis(case.here, there.v)
    yield judged(
        "backward.values", _TITLES["backward.values"], residual, allowed, meaning, otherwise, (case.place(exact),)
    )
    yield from _identities(case, exact, there.v, otherwise)
    yield from _parameters(case, exact)
    yield _second(case, exact)
    yield _few(case, 1)
    yield _few(case, 2)


def _identities(case: Case, exact: Exact, v: np.ndarray, otherwise: str) -> Iterator[Finding]:
    """What follows from v; where v was rounded to a coarser type, as far as that does (`otherwise`)."""
    point, allowed = exact.point, case.backward_tolerance
    columns, size = point.columns(v), exact.column_size
    a = (exact.gradient * point.yhat).sum(0)
    if point.normaliser.centred and not point.normaliser.scale.uncentred:
        yield judged(
            "backward.ones", _TITLES["backward.ones"], relative(columns.sum(0), size.sum(0)), allowed,
            "a constant added to a vector changes nothing, so a bias before the layer gets no gradient", otherwise,
        )  # fmt: skip
    expected = (1 - point.rho) * a / point.s
    yield judged(
        "backward.yhat", _TITLES["backward.yhat"],
        relative((point.yhat * columns).sum(0) - expected, (np.abs(point.yhat) * size).sum(0)), allowed,
        "v has next to nothing along yhat: the length of a vector is normalised away", otherwise,
    )  # fmt: skip
    projected = point.project(exact.gradient)
    squared = np.square(projected).sum(0) - 2 * (point.n * projected).sum(0) * a + np.square(point.n).sum(0) * a**2
    error = np.sqrt(np.square(size).sum(0))
    error = error * (2 * np.sqrt(np.square(columns).sum(0)) + allowed * error)
    error = error + 8 * np.finfo(Real).eps / allowed * np.square(exact.gradient / point.s).sum(0)  # of what is expected
    yield judged(
        "backward.norm", _TITLES["backward.norm"],
        relative(np.square(columns).sum(0) - squared / point.s**2, error), allowed,
        "the exact form of Theorem 4.1: the gradient's size follows from g, s and gamma", otherwise,
    )  # fmt: skip


def _parameters(case: Case, exact: Exact) -> Iterator[Finding]:
    there, reading = case.there, case.reading
    assert not isinstance(there, Unsupported)
    allowed, had = case.backward_tolerance, [kind for kind, *_ in reading.affine.parameters]
    for kind, greek in (("gain", "gamma"), ("shift", "beta")):
        if kind not in had:
            yield untested(f"backward.{kind}", _TITLES[f"backward.{kind}"], f"the layer has no {greek}")
    for kind, name, axes in reading.affine.parameters:
        key, title = f"backward.{kind}", _TITLES[f"backward.{kind}"]
        shape = reading.subject.parameters[name].shape
        slope = there.slopes.get(name)
        expected, size = exact.summed(kind, axes, shape)
        slope = np.zeros(shape) if slope is None else slope
        residual = relative(slope - expected, size)
        meaning = f"what an optimizer changes {name} by"
        if residual > allowed and not np.any(slope):
            meaning = f"{name} gets no gradient"
        yield judged(key, title, residual, allowed, meaning)


def _second(case: Case, exact: Exact) -> Finding:
    key, title = "second.values", _SECOND
    d = source(7).standard_normal(case.y.shape)
    reading = case.reading
    try:
        found = reading.subject.second(
            case.y, reading.parameters(case.gain, case.shift), case.g, d, reading.setting
        )  # fmt: skip
    except Unsupported as error:
        return untested(key, title, str(error))
    point, columns = exact.point, exact.point.columns(d)
    expected = point.restore(point.second(exact.gradient, columns))
    size = exact.column_size.max(0) * np.abs(columns).max(0) / point.s * (1 + exact.spread)
    size = point.restore(np.broadcast_to(size, columns.shape))
    residual = max(relative(found.y - expected, size), _second_of_others(case, exact, found, columns))
    meaning = "what gradient penalties and Hessian products see"
    coarse = None if residual <= case.backward_tolerance else case.coarse(found.y, expected, size)
    if coarse is not None:
        meaning = f"computed in {coarse}"
    elif residual > case.backward_tolerance:
        meaning += ": it is silently wrong; say that the backward pass is not differentiable, or differentiate it right"
    return judged(key, title, residual, case.backward_tolerance, meaning, VIOLATED if coarse is None else INACCURATE)


def _second_of_others(case: Case, exact: Exact, found: Second, d: np.ndarray) -> float:
    """<v, d> = <g, D z[d]> is linear in g and in gamma: its gradients with respect to them are D z[d] and sums of
    g D yhat[d]."""
    point = exact.point
    with np.errstate(all="ignore"):
        along = (point.project(d) - point.yhat * (point.n * d).sum(0)) / point.s
    slope, unit = point.restore(along), point.restore(np.broadcast_to(exact.roundings.slope(d).max(0), d.shape))
    unit = unit * (1 + point.restore(np.broadcast_to(exact.spread, d.shape)))
    residuals = [relative(found.g - exact.gain * slope, np.abs(exact.gain) * unit)]
    for kind, name, axes in case.reading.affine.parameters:
        if name in found.slopes:
            expected, size = exact.along(kind, axes, found.slopes[name].shape, slope, unit)
            residuals.append(relative(found.slopes[name] - expected, size))
    return max(residuals)


def _few(case: Case, m: int) -> Finding:
    """One value a vector, or two at epsilon 0: nothing may come back to y, nor to gamma from one value.

    The mean of one value is that value in any arithmetic, so at one value also what rounding would excuse is told."""
    key = f"backward.{'one' if m == 1 else 'two'}_value{'' if m == 1 else 's'}"
    normaliser = case.reading.normaliser
    centred = normaliser.centred and not normaliser.scale.uncentred
    values = "one value a vector" if m == 1 else "two values a vector at epsilon 0"
    title = f"v = 0 for {values}" if centred else f"v for {values}"
    try:
        small = resized(case.reading, m)
        if m == 2:
            scale = replace(small.normaliser.scale, epsilon=0.0)
            small = replace(small, normaliser=replace(small.normaliser, scale=scale))
            return _few_at(small, m, key, title, {"epsilon": 0.0})
        found = _few_at(small, m, key, title, {})
        if centred and found.verdict == HOLDS:
            return _exactly_zero(small, found)
        return found
    except Unsupported as error:
        return untested(key, title, str(error))


def _few_at(small: Reading, m: int, key: str, title: str, setting: dict[str, float]) -> Finding:
    few = Case(small)
    found = small.call(few.y, few.gain, few.shift, few.g, **setting)
    exact, v = few.here, np.zeros(few.y.shape) if found.v is None else found.v
    if not np.isfinite(np.asarray(exact.v, float)).all():
        return untested(key, title, "without an epsilon it is 0/0")
    allowed = few.backward_tolerance
    residuals = {"y": relative(v - exact.v, exact.slope_size), "z": relative(found.z - exact.z, exact.size)}
    gain = small.affine.gain
    slope = found.slopes.get(gain) if gain is not None else None
    if gain is not None and slope is not None:
        shape = small.subject.parameters[gain].shape
        expected, size = exact.summed("gain", small.affine.gain_axes, shape)
        residuals["gamma"] = relative(slope - expected, size)
    worst = max(residuals, key=lambda name: residuals[name])
    meaning = "as the normaliser's"
    if residuals[worst] > allowed:
        seen = {"y": v, "z": found.z, "gamma": slope}[worst]
        meaning = f"wrong at {worst}: up to {float(np.abs(np.asarray(seen)).max()):.3g}"
        others = max((residuals[name] for name in residuals if name != "y"), default=0.0)
        coarse = few.coarse(v, exact.v, exact.slope_size)
        if coarse is not None and others <= allowed:
            return Finding(key, title, INACCURATE, residuals[worst], allowed, f"computed in {coarse}")
    return judged(key, title, residuals[worst], allowed, meaning, places=(few.place(exact),))


def _exactly_zero(small: Reading, found: Finding) -> Finding:
    """At one value of a million in float32: gradients that should be 0 and are not."""
    few = Case(small)
    dtype = "float32" if "float32" in small.subject.dtypes else small.setting.dtype
    y = np.float32(1e6) * few.y.astype(np.float32)
    out = small.call(y, few.gain, few.shift, few.g, dtype=dtype)
    gradients = {"y": out.v, "gamma": out.slopes.get(str(small.affine.gain))}
    largest = {name: float(np.abs(each).max()) for name, each in gradients.items() if each is not None}
    wrong = [f"{value:.3g} at {name}" for name, value in largest.items() if value != 0]
    if not wrong:
        return found
    meaning = f"for y near 1e6 in {dtype} the gradient is {' and '.join(wrong)} where 0 is exact in any arithmetic"
    return replace(found, verdict=INACCURATE, meaning=meaning)


def resized(reading: Reading, m: int) -> Reading:
    """The layer on vectors of m values: on a smaller y where its parameters allow, else made anew. Unsupported where
    neither is possible."""
    axes, vectors = reading.normaliser.vectors.axes, reading.normaliser.vectors
    shape = list(reading.y.shape)
    if vectors.groups > 1:
        raise Unsupported("groups are not made smaller")
    sized = {axis for *_, own in reading.affine.parameters for axis in own or ()}
    fixed = sorted(sized & set(axes))
    for axis in axes:
        shape[axis] = 1
    keep = next((axis for axis in axes if axis not in fixed), axes[0])
    shape[keep] = m
    subject = reading.subject
    if fixed or subject.parameters == {}:
        made = subject.resized(reading.y.shape[axes[0]], shape[axes[0]]) if len(axes) == 1 else None
        if fixed and made is None:
            raise Unsupported("its parameters are made for one size, and it cannot be made anew")
        subject = made or subject
    y = source(8).standard_normal(shape)
    return replace(reading, subject=subject, y=y)


def diagnosis(exact: Exact, v: np.ndarray) -> str:
    """Which term of v is wrong, by the coefficients of G, its mean and yhat a/m in what the layer gives."""
    point = exact.point
    seen = np.asarray(point.columns(v) * point.s, float)
    if not np.isfinite(exact.gradient.astype(float)).all():
        return "gamma does not act as a factor, so no term can be told"
    if not np.isfinite(seen).all():
        return "the gradient is not finite"
    for name, gradient in (("", exact.gradient), (" (with gamma left out)", point.columns(exact.g))):
        a = (gradient * point.yhat).sum(0)
        parts = [gradient, np.broadcast_to(gradient.mean(0), gradient.shape), point.n * a]
        basis = np.stack([np.asarray(part, float).ravel() for part in parts], axis=1)
        coefficients, *_ = np.linalg.lstsq(basis, seen.ravel(), rcond=None)
        left = np.abs(basis @ coefficients - seen.ravel()).max()
        if left <= 1e-5 * np.abs(seen).max():
            first, mean, scale = (0.0 if abs(c) < 1e-6 else float(c) for c in coefficients)
            wanted = "G - mean G - n a" if point.normaliser.centred else "G - n a"
            return f"s v is {first:.3g} G {mean:+.3g} mean G {scale:+.3g} n a{name}; right is {wanted}"
    return "the gradient that goes on to earlier layers is wrong"
