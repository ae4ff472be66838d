"""Values: what is normalised together, yhat, gamma, beta, epsilon, the divisor of the variance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bnverify.empirical.conformance.arithmetic import ROUNDOFF, relative
from bnverify.empirical.conformance.case import Case
from bnverify.empirical.conformance.known import in_words
from bnverify.empirical.conformance.report import HOLDS, INACCURATE, VIOLATED, Finding, judged, untested
from bnverify.empirical.conformance.subject import Unsupported

_WORDS = {"inside": "inside the root", "outside": "outside the root", "floor": "as the least scale",
          "clipped": "as the least square of the scale"}  # fmt: skip


def findings(case: Case) -> Iterator[Finding]:
    """All of them; the first is what the rest depend on."""
    reading, allowed = case.reading, case.forward_tolerance
    yield _arrangement(case)
    half = ROUNDOFF[case.forward_dtype] > ROUNDOFF["float32"] >= ROUNDOFF[reading.setting.dtype]
    if half or reading.narrow_statistics:
        digits = int(-np.log10(ROUNDOFF[case.forward_dtype]))
        does = "takes its mean or scale" if reading.narrow_statistics else "computes"
        yield Finding(
            "precision", "as exact as its type", INACCURATE, ROUNDOFF[case.forward_dtype],
            ROUNDOFF[reading.setting.dtype],
            f"{does} in {case.forward_dtype} whatever it is given: {digits} digits of {reading.setting.dtype} are "
            "right, and every property is tested as far as these show",
        )  # fmt: skip
    unit = reading.call(case.y).z
    exact = case.exact(case.y, case.g, 1.0, 0.0)
    residual = relative(unit - exact.yhat, exact.unit_size)
    yield judged(
        "forward.yhat", "yhat = (y - mean)/s" if reading.normaliser.centred else "yhat = y/s", residual, allowed,
        "values with gamma 1 and beta 0 are those of the normaliser" if residual <= allowed
        else "the layer computes other values than the normaliser it is nearest to",
    )  # fmt: skip
    yield _variance(case)
    yield _epsilon(case)
    yield from _affine(case, unit)
    whole = case.here
    try:
        z = reading.call(case.y, case.gain, case.shift).z
        yield judged(
            "forward.values", "z = gamma yhat + beta", relative(z - whole.z, whole.size), allowed,
            "the output, with random gamma and beta", places=(case.place(whole, gradient=False),),
        )  # fmt: skip
    except Unsupported as error:
        yield untested("forward.values", "z = gamma yhat + beta", str(error))


def _arrangement(case: Case) -> Finding:
    reading = case.reading
    words = in_words(reading.normaliser, reading.name, case.y.shape, reading.channel)
    if reading.name:
        return Finding("forward.arrangement", "what is normalised together", HOLDS, meaning=words)
    return Finding(
        "forward.arrangement", "what is normalised together", VIOLATED,
        meaning=f"no known normaliser; the nearest is {words}",
    )  # fmt: skip


def _variance(case: Case) -> Finding:
    reading, key = case.reading, "forward.variance"
    title = {"l2": "the mean of squares", "l1": "the mean of absolute values", "linf": "the largest absolute value"}[
        reading.normaliser.scale.norm
    ]
    expected = reading.normaliser.scale.divisor if reading.claimed else "m"
    if reading.m == 1:
        return untested(key, title, "one value a vector")
    if reading.found is None:
        return judged(
            key, title, reading.found_residual, reading.found_tolerance,
            "what the layer divides by is no scale that is known, with any epsilon",
        )  # fmt: skip
    found = reading.found.divisor
    factors = {each: replace(reading.found, divisor=each).factor(reading.m) for each in {*reading.divisors, expected}}
    same = {each for each, factor in factors.items() if factor == factors[expected]}  # of two values m - 1 is 1
    if expected in reading.divisors and not same.issuperset(reading.divisors):
        return untested(
            key, title, f"in {case.forward_dtype} rounding may explain a divisor of {' and '.join(reading.divisors)}; "
            f"{found} is the nearest",
        )  # fmt: skip
    if found in same:
        meaning = {
            "m": "divided by m, as published", "m-1": "divided by m - 1, as claimed", "1": "a sum, as claimed"
        }[expected]  # fmt: skip
        return Finding(key, title, HOLDS, reading.found_residual, reading.found_tolerance, meaning)
    differs = abs(reading.found.factor(reading.m) / factors[expected] - 1)
    words = {"m": "m (biased)", "m-1": "m - 1 (unbiased)", "1": "1 (a sum)"}
    meaning = f"divided by {words[found]}, not by {words[expected]}: outputs differ by a constant factor"
    return Finding(key, title, VIOLATED, float(differs), reading.found_tolerance, meaning)


def _epsilon(case: Case) -> Finding:
    reading, key = case.reading, "forward.epsilon"
    usual = "inside" if reading.normaliser.scale.norm == "l2" else "outside"
    expected = reading.normaliser.scale.place if reading.claimed else usual
    stated, title = reading.subject.epsilon, f"epsilon {_WORDS[expected]}"
    if reading.found is None or reading.m == 1:
        return untested(key, title, "the scale was not understood" if reading.m > 1 else "one value a vector")
    epsilon, place = reading.found.epsilon, reading.found.place
    if not epsilon and stated is not None and stated < reading.visible:
        return untested(key, title, f"the layer states {stated:.3g}, which no value that is tried can show")
    residual = 0.0 if stated is None or stated == epsilon else abs(epsilon / stated - 1) if stated else float("inf")
    if epsilon and place != expected:
        return Finding(
            key, title, VIOLATED, meaning=f"epsilon {epsilon:.3g} is {_WORDS[place]}: small vectors come out otherwise",
        )  # fmt: skip
    if residual > reading.epsilon_tolerance:
        return Finding(
            key, title, VIOLATED, residual, reading.epsilon_tolerance,
            f"the layer states epsilon {stated:.3g} and computes with {epsilon:.3g}",
        )  # fmt: skip
    if reading.epsilon_tolerance >= 1:
        return untested(key, title, f"{case.forward_dtype} does not show it; {epsilon:.1g} is the nearest")
    if not epsilon:
        return Finding(key, title, HOLDS, 0.0, reading.epsilon_tolerance, "there is none: constant vectors are 0/0")
    return Finding(key, title, HOLDS, residual, reading.epsilon_tolerance, f"epsilon {epsilon:.3g}")


def _affine(case: Case, unit: np.ndarray) -> Iterator[Finding]:
    reading, affine = case.reading, case.reading.affine
    size = np.abs(reading.spread(case.gain, affine.gain_axes if affine.gain else ())) * case.here.unit_size
    if affine.gain is None:
        yield untested("forward.gain", "gamma multiplies yhat", "the layer has no gamma")
    elif reading.m == 1 and reading.normaliser.centred:
        yield untested("forward.gain", "gamma multiplies yhat", "yhat is 0 for one value a vector")
    elif affine.gain_axes is None or not np.isfinite(affine.offset):
        yield Finding(
            "forward.gain", "gamma multiplies yhat", VIOLATED,
            meaning=f"{affine.gain} is ignored, or does not act as one factor an entry",
        )  # fmt: skip
    else:
        seen = reading.call(case.y, case.gain, 0.0).z
        along = f"{affine.gain}, along axis {_axes(affine.gain_axes)}" + (
            "; stored as gamma - 1"
            if affine.offset == 1
            else f"; stored as gamma - {affine.offset:g}"
            if affine.offset
            else ""
        )
        residual = relative(seen - unit * reading.spread(case.gain, affine.gain_axes), size)
        yield judged("forward.gain", "gamma multiplies yhat", residual, case.forward_tolerance, along)
    if affine.shift is None:
        yield untested("forward.shift", "beta is added", "the layer has no beta")
    elif affine.shift_axes is None:
        yield Finding(
            "forward.shift", "beta is added", VIOLATED, meaning=f"{affine.shift} does not act as one number an entry"
        )
    else:
        beta = reading.spread(case.shift, affine.shift_axes)
        seen = reading.call(case.y, case.gain, case.shift).z - reading.call(case.y, case.gain, 0.0).z
        residual = relative(seen - beta, size + np.abs(beta))
        held = residual <= case.forward_tolerance
        yield judged(
            "forward.shift", "beta is added", residual, case.forward_tolerance,
            affine.shift + (f", along axis {_axes(affine.shift_axes)}" if held else " is ignored or acts otherwise"),
        )  # fmt: skip


def _axes(axes: tuple[int, ...]) -> str:
    return ", ".join(map(str, axes)) or "none (one number)"
