"""Finite precision: other dtypes, large offsets, constant vectors, large and tiny values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnverify.empirical.conformance.arithmetic import RANGE, ROUNDOFF, relative, rounded, source, tolerance
from bnverify.empirical.conformance.case import Case, Exact
from bnverify.empirical.conformance.report import INACCURATE, VIOLATED, Finding, judged, untested
from bnverify.empirical.conformance.subject import Evaluation, Unsupported
from bnverify.empirical.conformance.systematic import Part, calm, of_answers, of_sums, worst

# (dtype, offset, deviation): deviations that a mean taken first still sees and a difference of squares does not.
OFFSETS = (("float64", 1e4, 1e-6), ("float32", 300.0, 1e-2))
_LARGEST = {"float64": 1.8e308, "float32": 3.4e38, "bfloat16": 3.4e38, "float16": 65504.0}


def findings(case: Case) -> Iterator[Finding]:
    """All of them."""
    for key, title, check in _checks(case):
        try:
            yield check(key, title)
        except Unsupported as error:
            yield untested(key, title, str(error))


def _checks(case: Case):
    for dtype, offset, deviation in OFFSETS:
        if dtype in case.reading.subject.dtypes:
            yield (
                f"conditioning.{dtype}", f"{dtype} at {offset:g} +- {deviation:g}",
                lambda key, title, a=dtype, b=offset, c=deviation: _offset(case, key, title, a, b, c),
            )  # fmt: skip
    yield (
        "conditioning.constant",
        "constant vectors: finite, z = beta, and v",
        lambda key, title: _constant(case, key, title),
    )
    for dtype in case.reading.subject.dtypes:
        if dtype != case.reading.setting.dtype:
            yield f"dtype.{dtype}", dtype, lambda key, title, a=dtype: _dtype(case, key, title, a, None)
    if "bfloat16" in case.reading.subject.dtypes and case.reading.subject.parameters:
        yield (
            "dtype.mixed", "bfloat16 with float32 parameters",
            lambda key, title: _dtype(case, key, title, "bfloat16", "float32"),
        )  # fmt: skip
    if "float16" in case.reading.subject.dtypes:
        yield "dtype.range", "float16 at 300 +- 300", lambda k, t: _range(case, k, t)


def _offset(case: Case, key: str, title: str, dtype: str, offset: float, deviation: float) -> Finding:
    reading = case.reading
    y = rounded(offset + deviation * source(10).standard_normal(case.y.shape), dtype)
    try:
        found = reading.call(y, case.gain, case.shift, case.g, dtype=dtype, parameter_dtype=None)
    except Unsupported:
        found = reading.call(y, case.gain, case.shift, dtype=dtype)
    exact = case.exact(y, case.g)
    arrays = [found.z] if found.v is None else [found.z, found.v]
    if not all(np.isfinite(array).all() for array in arrays):
        count = sum(int((~np.isfinite(array)).sum()) for array in arrays)
        what = "values" if not np.isfinite(found.z).all() else "gradients"
        meaning = f"{count} {what} are NaN or infinite for finite y"
        return Finding(key, title, VIOLATED, float("inf"), meaning=meaning)
    used = max(ROUNDOFF[dtype], ROUNDOFF[case.forward_dtype])
    allowed = tolerance(used)
    residual = relative(found.z - exact.z, exact.least)
    wrong = float(np.abs(found.z - exact.z).max() / np.abs(exact.z).max())
    meaning = "as exact as the data allow"
    if residual > allowed:
        meaning = f"z is off by {wrong:.1g} of its size: a variance by E[y^2] - E[y]^2 cancels; take the mean first"
    return judged(key, title, residual, allowed, meaning, INACCURATE)


def _constant(case: Case, key: str, title: str) -> Finding:
    reading = case.reading
    if not reading.normaliser.scale.epsilon:
        raise Unsupported("there is no epsilon")
    told = [_at_constant(case, key, title, value) for value in ((0.0, 1.5) if reading.normaliser.centred else (0.0,))]
    return next((finding for finding in told if finding.verdict == VIOLATED), told[-1])


def _at_constant(case: Case, key: str, title: str, value: float) -> Finding:
    y = np.full(case.y.shape, value)
    found = case.reading.call(y, case.gain, case.shift, None if case.no_gradient else case.g)
    exact = case.exact(y, case.g)
    arrays = {"z": found.z} | ({} if found.v is None else {"v": found.v})
    bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if bad:
        return Finding(
            key, title, VIOLATED, float("inf"),
            meaning=f"{' and '.join(bad)} NaN or infinite: a dead unit or a padded sample poisons the step",
        )  # fmt: skip
    without = case.wrong | ({"v"} if not np.isfinite(np.asarray(exact.v, float)).all() else set())
    residuals = {name: each for name, each in case.residuals(found, exact).items() if name not in without}
    worst = max(residuals, key=lambda name: residuals[name], default="z")
    meaning = "dead units and padding do no harm"
    if not residuals.get(worst, 0.0) <= case.forward_tolerance:
        meaning = f"right on ordinary data, wrong at {worst} where y is {value:g} everywhere"
    return judged(key, title, residuals.get(worst, 0.0), case.forward_tolerance, meaning)


def _dtype(case: Case, key: str, title: str, dtype: str, parameters: str | None) -> Finding:
    """Values and gradients in a narrower type against the exact ones of the rounded input. Every entry passes some
    eight roundings in that type; sums are taken in float32 by every library of the kind, or in the type if wider. What
    hides behind the roundings of one value is looked for in the terms that all are sums of."""
    reading, own = case.reading, parameters or dtype
    y, g = rounded(case.y, dtype), rounded(case.g, dtype)
    gain = rounded(case.gain, own) if reading.affine.offset == 0 else rounded(case.gain - 1, own) + 1
    shift = rounded(case.shift, own)
    found = reading.call(y, gain, shift, g, dtype=dtype, parameter_dtype=own)
    coarsest = max(dtype, case.forward_dtype, key=lambda name: ROUNDOFF[name])
    exact = case.exact(y, g, gain, shift, dtype if coarsest == dtype else None)
    allowed = tolerance(ROUNDOFF[coarsest])
    residual = relative(found.z - exact.z, exact.size)
    meaning, otherwise = f"returns {found.dtype}", VIOLATED
    if coarsest != dtype:
        meaning += f", computed in {coarsest} and held to that"
    if found.v is not None:
        kinks = exact.point.restore(np.broadcast_to(exact.point.kinks_in(ROUNDOFF[coarsest]), exact.point.y.shape))
        of_v = relative(np.where(kinks & np.isfinite(found.v), 0.0, found.v - exact.v), exact.slope_size)
        coarse = case.coarse(found.v, exact.v, exact.slope_size) if of_v > allowed >= residual else None
        if coarse is not None:
            meaning, otherwise = f"the gradient is computed in {coarse}", INACCURATE
        residual = max(residual, of_v)
    if dtype == "float32":
        of_parameters = _of_parameters(case, found, exact)
        otherwise = VIOLATED if of_parameters > allowed else otherwise
        residual = max(residual, of_parameters)
    if dtype == "float16" and residual > allowed and _beyond_float16(exact):
        meaning, otherwise = "a scale whose square or 1/s^3 float16 does not have: compute in float32", INACCURATE
    if residual > allowed and otherwise == VIOLATED:
        meaning = (
            f"wrong, as in {reading.setting.dtype}" if case.wrong else f"right in {reading.setting.dtype}, wrong here"
        )
    elif found.dtype != dtype:
        meaning += f" for {dtype}: later layers compute in another precision"
    place = case.place(exact, dtype, found.v is not None)
    if residual <= allowed and ROUNDOFF[coarsest] > ROUNDOFF["float32"]:
        told = list(of_answers(case, found, exact, ROUNDOFF[coarsest]))
        if not any(isinstance(each, Part) and each.of == "z" for each in told):
            return untested(key, title, f"in {coarsest} rounding may be more than a quarter of every term")
        if not (steady := calm(exact, ROUNDOFF[coarsest])).all():
            found = reading.call(y, gain, shift, g * steady, dtype=dtype, parameter_dtype=own)
        told += of_sums(case, found, case.exact(y, g * steady, gain, shift), ROUNDOFF[coarsest])
        most = worst(told)
        if not most.residual <= most.allowed:
            meaning = f"{most}, more than roundings in {coarsest} can be: wrong here"
            return Finding(key, title, VIOLATED, most.residual, most.allowed, meaning, (place,))
        known = max(each.allowed for each in told if isinstance(each, Part))
        meaning += f"; every term as large as it is, to {known:.0%}"
    return judged(key, title, residual, allowed, meaning, otherwise, (place,))


def _beyond_float16(exact: Exact) -> bool:
    """Whether the scale of a vector is so small or so large that float16 has not its square, or not 1/s^3."""
    largest = RANGE["float16"][1]
    s = np.asarray(exact.point.s, float)
    return bool((s**2 > largest).any() or (s**3 * largest < 1).any())


def _of_parameters(case: Case, found: Evaluation, exact: Exact) -> float:
    """The residual of the gradients of gamma and beta."""
    return max((each for name, each in case.residuals(found, exact).items() if name not in ("z", "v")), default=0.0)


def _range(case: Case, key: str, title: str) -> Finding:
    y = rounded(300 + 300 * source(11).standard_normal(case.y.shape), "float16")
    found = case.reading.call(y, case.gain, case.shift, dtype="float16")
    exact = case.exact(y, case.g, rounded(case.gain, "float16"), rounded(case.shift, "float16"), "float16")
    residual = relative(found.z - exact.z, exact.size)
    allowed = tolerance(ROUNDOFF["float16"])
    meaning = "squares above 65,504 are taken in a wider type"
    if residual > allowed:
        meaning = "squares of values above 256 overflow float16: cast to float32 before the variance"
    return judged(key, title, residual, allowed, meaning, INACCURATE)
