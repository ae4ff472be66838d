"""Running statistics: how they move, which variance they keep, and that inference is an affine map of y with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

import numpy as np

from bnverify.empirical.conformance.arithmetic import ROUNDOFF, relative, tolerance
from bnverify.empirical.conformance.case import Case
from bnverify.empirical.conformance.reach import EXPONENTS
from bnverify.empirical.conformance.report import HOLDS, INACCURATE, VIOLATED, Finding, judged, untested
from bnverify.empirical.conformance.subject import Running, Unsupported, earlier, last
from bnverify.empirical.conformance.systematic import fitted, worst

_TITLES = {
    "running.mean": "running mean",
    "running.variance": "running variance",
    "running.training": "training ignores running statistics",
    "running.inference": "inference mode",
}


_RIGHT = "right in float64, but in {} {}"
_STEPS = 3  # roundings of an entry, at most, in roundoffs
_SIZES = (1e-2, 1e2)  # of other values that statistics are of
_GRAPH = (
    "it keeps the graph of training calls: gradients in inference mode go back to them, or fail, and memory may never "
    "be freed; detach what is stored"
)
_OF_Y = "its gradient is not gamma / sqrt(running variance + eps) times the one at z"
_OF = {"gain": "the sum of g (y - running mean)/sqrt(running variance + eps)", "shift": "the sum of g"}


def findings(case: Case) -> Iterator[Finding]:
    """Four, not tested where the layer keeps no statistics; of those that hold, what is wrong in narrower types."""
    found, wrong = list(_findings(case)), {}
    own, dtypes = case.reading.setting.dtype, case.reading.subject.dtypes
    if own == case.forward_dtype == "float64" and any(each.verdict == HOLDS for each in found):
        if found[-1].verdict == HOLDS:
            wrong = {each.key: each for each in (_in_narrow_type(case, dtype) for dtype in dtypes) if each}
        if "float32" in dtypes:
            with suppress(Unsupported):
                narrow = (each for each in _findings(case.narrowed("float32")) if each.verdict == VIOLATED)
                wrong |= {each.key: replace(each, meaning=_RIGHT.format("float32", each.meaning)) for each in narrow}
    yield from (wrong.get(each.key, each) if each.verdict == HOLDS else each for each in found)


def _findings(case: Case) -> Iterator[Finding]:
    reading = case.reading
    try:
        running = reading.subject.running(case.y, reading.parameters(case.gain, case.shift), reading.setting)
    except Unsupported as error:
        yield from (untested(key, title, str(error)) for key, title in _TITLES.items())
        return
    if running is None:
        yield from (untested(key, title, "the layer keeps no running statistics") for key, title in _TITLES.items())
        return
    mean, variance = (_named(running.after, word) for word in ("mean", "var"))
    if mean is None or variance is None:
        why = f"no running mean and variance among {', '.join(running.after)}"
        yield from (untested(key, title, why) for key, title in _TITLES.items())
        return
    moved = [
        _moved(case, y, states, running, mean, variance)
        for y, states in ((earlier(case.y), (running.start, running.before)), (case.y, (running.before, running.after)))
    ]
    for steps in zip(*moved, strict=True):  # of the two steps, the last unless the first alone is wrong
        found = next((step for step in steps if step.verdict == VIOLATED), steps[-1])
        if found.key == "running.mean" and found.verdict != VIOLATED and running.recorded:
            found = Finding(found.key, found.title, VIOLATED, meaning=_GRAPH)
        yield found
    yield _training(case, running)
    found = _inference(case, running, mean, variance)
    if found.verdict in (HOLDS, INACCURATE):
        found = _numbers(case, running, found) or found
    if found.verdict in (HOLDS, INACCURATE):
        found = _elsewhere(case, mean, variance) or found
    yield found


def _named(state: Mapping[str, np.ndarray], word: str) -> str | None:
    return next((name for name in state if word in last(name)), None)


def _moved(
    case: Case, y: np.ndarray, states: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]],
    running: Running, mean: str, variance: str,
) -> tuple[Finding, Finding]:  # fmt: skip
    """after = keep * before + (1 - keep) * batch, for one number ``keep`` that fits the mean; the variance with it,
    biased or not."""
    (before, after), stated = states, running.momentum
    point = case.reading.point(y)
    batch_mean = np.asarray(point.mu, float)
    biased = np.asarray(np.square(point.y - point.mu).mean(0), float)
    size = np.asarray(np.abs(point.y).max(0), float)
    count = before[mean].size  # of an instance norm they are means over the samples
    if batch_mean.size % count:
        why = "the statistics are not one a vector"
        return untested("running.mean", _TITLES["running.mean"], why), untested(
            "running.variance", _TITLES["running.variance"], why
        )
    batch_mean, biased, size = (each.reshape(-1, count).mean(0) for each in (batch_mean, biased, size))
    keep, residual = _kept(before[mean].ravel(), after[mean].ravel(), batch_mean, size + np.abs(before[mean].ravel()))
    allowed = 4 * _tolerance(case)
    convention = f"each step keeps {keep:.6g} of the old"
    if stated is not None:
        near_new, near_old = abs(stated - (1 - keep)), abs(stated - keep)
        share = running.share or ("new" if near_new <= near_old else "old")
        convention += f"; momentum {stated:g} is the share of the {share}"
        off = near_new if share == "new" else near_old
        if off > 1e-4:
            first = Finding(
                "running.mean", _TITLES["running.mean"], VIOLATED, off, 1e-4, f"{convention}, which it is not",
            )  # fmt: skip
            return first, untested("running.variance", _TITLES["running.variance"], "the mean moves otherwise")
    elif np.array_equal(after[mean], before[mean]):
        first = Finding(
            "running.mean", _TITLES["running.mean"], VIOLATED, meaning="a training call leaves it as it was"
        )
        return first, untested("running.variance", _TITLES["running.variance"], "the mean does not move")
    of_mean = judged("running.mean", _TITLES["running.mean"], residual, allowed, convention)
    if of_mean.verdict == VIOLATED:
        of_mean = replace(of_mean, meaning="it is no mixture of the old one and the batch's, the same share of each")
    m = case.reading.m
    best, words = float("inf"), ""
    factors = {"biased, as it normalises with": 1.0}
    if m > 1:
        factors["unbiased, though it normalises with the biased one"] = m / (m - 1)
    for which, factor in factors.items():
        expected = keep * before[variance].ravel() + (1 - keep) * factor * biased
        residual = relative(after[variance].ravel() - expected, np.abs(expected) + size**2)
        if residual < best:
            best, words = residual, which
    words = words if best <= allowed else "it is no mixture of the old one and the batch's, in the shares of the mean"
    return of_mean, judged("running.variance", _TITLES["running.variance"], best, allowed, words)


def _training(case: Case, running: Running) -> Finding:
    """A second training call must give what the first gave."""
    key, title = "running.training", _TITLES["running.training"]
    if running.train is None:
        return untested(key, title, "the layer is not called twice")
    exact = case.exact(earlier(case.y), case.g)
    residual = relative(running.train(earlier(case.y)) - exact.z, exact.size)
    held = residual <= case.forward_tolerance
    meaning = "each batch is normalised by its own statistics, also after others"
    if not held:
        meaning = "after the first batch it no longer normalises by the batch's own mean and variance"
    return judged(key, title, residual, case.forward_tolerance, meaning)


def _tolerance(case: Case) -> float:
    """Relative to sizes of |y|, which know nothing of sums."""
    return tolerance(ROUNDOFF[case.forward_dtype], case.reading.m)


def _kept(before: np.ndarray, after: np.ndarray, batch: np.ndarray, size: np.ndarray) -> tuple[float, float]:
    """The share of the old, by least squares, and what it leaves."""
    difference = before - batch
    keep = float(((after - batch) * difference).sum() / np.square(difference).sum())
    return keep, relative(after - batch - keep * difference, size)


def _elsewhere(case: Case, mean: str, variance: str) -> Finding | None:
    """What inference mode does wrong where running variances are small or large; None where that is nothing. Narrow
    types do not have them."""
    reading = case.reading
    for size in _SIZES if ROUNDOFF[case.coarsest] <= ROUNDOFF["float32"] else ():
        parameters = reading.parameters(case.gain, case.shift)
        try:
            running = reading.subject.running(size * case.y, parameters, reading.setting, size)
        except Unsupported:
            continue
        if running is None or not (np.isfinite(running.after[variance]) & (running.after[variance] > 0)).all():
            continue
        found = _inference(case, running, mean, variance, (0,))
        if found.verdict == VIOLATED:
            return replace(found, meaning=f"{found.meaning}, where running variances are near {size**2:.0e}")
    return None


def _numbers(case: Case, running: Running, held: Finding) -> Finding | None:
    """What inference mode does wrong for other numbers of samples than it was trained with, or that it is right for
    those tried; None where none could be. A sample's values and gradients know nothing of the others: they are those
    that it has among all of ``y``."""
    assert running.infer is not None
    if any(0 in (own or ()) for *_, own in case.reading.affine.parameters):  # a sample's own
        return None
    found = [running.infer(case.y)]
    found += [running.back(case.y, case.g)[0]] if running.back is not None else []
    allowed, tried = max(held.tolerance, 2 * held.residual), []
    for number in (1, 2, 3, 2 * len(case.y) + 1):
        rows = np.arange(number) % len(case.y)
        try:
            few = [running.infer(case.y[rows])]
            few += [running.back(case.y[rows], case.g[rows])[0]] if running.back is not None else []
        except Exception:  # a layer of one number of samples says so in training, too
            continue
        for what, each, expected in zip(("values", "gradients"), few, found, strict=False):
            residual = relative(each - expected[rows], float(np.abs(expected).max(initial=0.0)))
            if not residual <= allowed:
                where = f"right for {len(case.y)} samples, but a sample's {what} are others where there are {number}"
                return replace(held, verdict=VIOLATED, residual=residual, meaning=where)
        tried.append(f"{number:,}")
    return replace(held, meaning=f"{held.meaning}; also of {', '.join(tried)} samples") if tried else None


def _inference(
    case: Case, running: Running, mean: str, variance: str, exponents: tuple[int, ...] | None = None
) -> Finding:
    key, title = "running.inference", _TITLES["running.inference"]
    reading = case.reading
    if running.infer is None:
        return untested(key, title, "it has no inference mode")
    used = running.after if running.used is None else running.used
    point = reading.point()
    if point.mu.size % used[mean].size:
        return untested(key, title, "the statistics are not one a vector")
    slope, means = _map(case, used[mean], used[variance])
    start = np.asarray(case.here.shift, float) - slope * means
    size = np.abs(means)
    wide = np.asarray(point.restore(np.broadcast_to(np.abs(point.y).max(0), point.y.shape)), float)
    residual, worst = 0.0, 0
    exponents = exponents or _exponents(case)
    for k in exponents:
        try:
            found = running.infer(np.ldexp(case.y, k))
        except Unsupported as error:
            return untested(key, title, str(error))
        sizes = np.abs(slope) * (np.ldexp(wide, k) + size) + np.abs(np.asarray(case.here.shift, float))
        off = relative(found - (slope * np.ldexp(case.y, k) + start), sizes)
        residual, worst = max((residual, worst), (off, k), key=lambda each: each[0])
    allowed, single = _tolerance(case), tolerance(ROUNDOFF["float32"], reading.m)
    narrow = allowed < residual <= single
    if narrow:
        allowed = single
    if residual <= allowed and running.back is not None:
        rate = slope / np.asarray(case.here.gain, float)
        yhat = (case.y - means) * rate, (np.abs(case.y) + size) * np.abs(rate)
        for k in exponents:
            try:
                v, slopes = running.back(case.y, np.ldexp(case.g, k))
            except Unsupported:
                break
            expected = np.ldexp(case.g, k) * slope
            residuals = {_OF_Y: relative(v - expected, np.abs(expected))}
            for kind, name, axes in reading.affine.parameters:
                unit, size = (each if kind == "gain" else np.ones(case.y.shape) for each in yhat)
                total, size = case.here.totals(axes, slopes[name].shape, unit, size)
                found = np.ldexp(slopes[name], -k)
                residuals[f"the gradient of {name} is not {_OF[kind]}"] = relative(found - total, size)
            meaning = max(residuals, key=lambda each: residuals[each])
            if residuals[meaning] > allowed:
                return judged(key, title, residuals[meaning], allowed, meaning + _where(k, "g"))
    if narrow:
        meaning = (
            f"it computes in float32, whatever it is given: {int(-np.log10(ROUNDOFF['float32']))} digits are right"
        )
        return judged(key, title, residual, _tolerance(case), meaning, INACCURATE)
    held = residual <= allowed
    meaning = (
        "gamma (y - running mean)/sqrt(running variance + epsilon) + beta, with what was stored"
        if held
        else "inference uses other statistics, epsilon or parameters" + _where(worst, "y")
    )
    return judged(key, title, residual, allowed, meaning)


def _in_narrow_type(case: Case, dtype: str) -> Finding | None:
    """What inference mode does wrong in a type narrower than float32; None where that is nothing."""
    if ROUNDOFF[dtype] <= ROUNDOFF["float32"]:
        return None
    other = case.narrowed(dtype)
    reading, parameters = other.reading, other.reading.parameters(other.gain, other.shift)
    try:
        running = reading.subject.running(other.y, parameters, reading.setting)
        assert running is not None and running.infer is not None  # as in float64
        found = running.infer(other.y)
    except Exception:  # a type that it is not called in says so in training, too
        return None
    used = running.after if running.used is None else running.used
    slope, mu = _map(other, *(used[str(_named(used, word))] for word in ("mean", "var")))
    shift = np.broadcast_to(np.asarray(other.here.shift, float), other.y.shape)
    terms = {"gamma (y - running mean)/s": slope * (other.y - mu), "beta": shift}
    sizes = _STEPS * (np.abs(slope) * (np.abs(other.y) + np.abs(mu)) + np.abs(shift))
    told = fitted("z", found - sum(terms.values()), sizes, terms, ROUNDOFF[dtype], axes=(0, reading.channel))
    most = worst(told)
    if most.residual <= most.allowed:
        return None
    meaning = _RIGHT.format(dtype, f"{most}, more than roundings can be")
    return Finding("running.inference", _TITLES["running.inference"], VIOLATED, most.residual, most.allowed, meaning)


def _map(case: Case, mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """gamma/sqrt(variance + epsilon) and the mean, in the shape of y: inference is slope (y - mean) + beta."""
    point = case.reading.point()
    mu, var = (np.tile(each.ravel(), point.mu.size // each.size) for each in (mean, variance))
    s = case.reading.normaliser.scale.of(np.sqrt(var))
    whole = (point.restore(np.broadcast_to(each, point.y.shape)) for each in (1 / s, mu))
    slope, mu = (np.asarray(each, float) for each in whole)
    return np.asarray(case.here.gain * slope, float), mu


def _exponents(case: Case) -> tuple[int, ...]:
    """Powers of two that y and g are multiplied by, ordinary ones first."""
    largest = EXPONENTS[case.coarsest][1] - 30 if case.coarsest in EXPONENTS else 0
    return tuple(dict.fromkeys((0, -largest // 2, largest // 2, -largest, largest)))


def _where(k: int, what: str) -> str:
    return f", where {what} is {2.0**k:.0e} times as large" if k else ""


__all__ = ["HOLDS", "findings"]
