"""What a normaliser leaves unchanged: shifts, scales, the order of samples, the rest of the batch, memory layouts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnverify.empirical.conformance.arithmetic import relative, source
from bnverify.empirical.conformance.case import Case
from bnverify.empirical.conformance.instances import remembered, traced
from bnverify.empirical.conformance.regimes import compared
from bnverify.empirical.conformance.report import INACCURATE, VIOLATED, Finding, judged, untested
from bnverify.empirical.conformance.subject import Evaluation, Unsupported


def findings(case: Case) -> Iterator[Finding]:
    """All of them."""
    for key, title, check in (
        ("law.shift", "N(y + c) = N(y)", _shift),
        ("law.scale", "N_eps(a y) = N_eps'(y), eps' = eps/a^2", _scale),
        ("structure.permutation", "samples in another order", _permutation),
        ("structure.split", "half of the batch by itself", _split),
    ):
        try:
            found = check(case, key, title)
        except Unsupported as error:
            found = untested(key, title, str(error))
        if found is not None:
            yield found
    yield from _layouts(case)
    yield from _ways(case)


def _shift(case: Case, key: str, title: str) -> Finding | None:
    if not case.reading.normaliser.centred or case.reading.normaliser.scale.uncentred:
        return None
    by = 2.0 * np.abs(case.y).max()
    shifted = case.exact(case.y + by, case.g)
    residual = relative(case.reading.call(case.y + by, case.gain, case.shift).z - case.here.z, shifted.size)
    return judged(key, title, residual, case.forward_tolerance, "a bias before the layer has no effect")


def _scale(case: Case, key: str, title: str) -> Finding:
    reading, a = case.reading, 3.0
    scale = reading.normaliser.scale
    power = scale.power
    if power == 1:
        title = "N_eps(a y) = N_eps'(y), eps' = eps/a"
    epsilon = scale.epsilon if scale.epsilon else 1e-3
    left = reading.call(a * case.y, case.gain, case.shift, epsilon=epsilon).z
    right = reading.call(case.y, case.gain, case.shift, epsilon=epsilon / a**power).z
    return judged(
        key, title, relative(left - right, 2 * case.here.size), case.forward_tolerance,
        "the exact law behind 'the scale of the weights does not matter'",
    )  # fmt: skip


def _permutation(case: Case, key: str, title: str) -> Finding:
    axes = (case.reading.affine.gain_axes or ()) + (case.reading.affine.shift_axes or ())
    if 0 in axes:
        raise Unsupported("gamma or beta varies along the batch")
    order = source(9).permutation(len(case.y))
    found = case.reading.call(case.y[order], case.gain, case.shift).z
    residual = relative(found - case.here.z[order], case.here.size[order])
    return judged(key, title, residual, case.forward_tolerance, "no sample's output depends on its place")


def _split(case: Case, key: str, title: str) -> Finding:
    half = len(case.y) // 2
    over_batch = 0 in case.reading.normaliser.vectors.axes
    if half < 2:
        raise Unsupported("one sample cannot be halved" if half < 1 else "halves of one sample")
    found = case.reading.call(case.y[:half], case.gain, case.shift).z
    exact = case.exact(case.y[:half], case.g[:half])
    meaning = "statistics are those of what it is given" if over_batch else "no sample depends on the others"
    return judged(key, title, relative(found - exact.z, exact.size), case.forward_tolerance, meaning)


def repeatable(case: Case, first: np.ndarray, told: bool = False) -> Finding:
    """Called when all else was: what came out at first comes out again, and what it was given is left as it was.
    ``first``: the values of the very first call, before the layer was read; ``told``: it is said already that
    its values are not the normalizer's, or not after other calls."""
    key, title = "structure.repeatable", "called again; its input left as it was"
    try:
        there = case.there
        if isinstance(there, Unsupported):
            there = case.reading.call(case.y, case.gain, case.shift)
        again = case.reading.call(case.y, case.gain, case.shift, None if there.v is None else case.g)
        last = case.reading.call(case.y + 1, case.gain, case.shift)
        unread = case.reading.subject.evaluate(case.y, case.reading.subject.parameters, None, case.reading.setting)
    except Unsupported as error:
        return untested(key, title, str(error))
    changed = dict.fromkeys([*there.changed, *again.changed, *last.changed])
    if changed:
        meaning = f"the layer writes into {', '.join(changed)}: whatever else uses it sees other values"
        return Finding(key, title, VIOLATED, meaning=meaning)
    residuals = [relative(there.z - again.z, case.here.size), relative(first - unread.z, np.abs(first).max())]
    if there.v is not None and again.v is not None:
        residuals.append(relative(there.v - again.v, case.here.slope_size))
    found = max(residuals), "the same values and gradients again"
    for check in (remembered, traced) if not told else (traced,):
        if found[0] <= case.forward_tolerance:
            found = max(found, check(case), key=lambda each: each[0])
    return judged(key, title, found[0], case.forward_tolerance, found[1])


def _ways(case: Case) -> Iterator[Finding]:
    """Values and gradients in other ways to call the layer."""
    no_gradient = isinstance(case.there, Unsupported) or case.there.v is None
    for way, title in case.reading.subject.ways.items():
        key = f"way.{way}"
        try:
            g = None if no_gradient else case.g
            found = case.reading.call(case.y, case.gain, case.shift, g, way=way)
        except Unsupported as error:
            yield untested(key, title, str(error))
            continue
        yield compared(case, key, title, found, case.here)


def _layouts(case: Case) -> Iterator[Finding]:
    reading = case.reading
    settings: list[tuple[str, dict[str, str], np.ndarray]] = [
        (name, {"layout": name}, case.g) for name in reading.subject.layouts
    ]
    constant = np.full(case.y.shape, case.g.flat[0])
    if reading.subject.layouts:
        settings += [("strided gradient", {"gradient_layout": "strided"}, case.g)]
        settings += [("expanded gradient", {"gradient_layout": "expanded"}, constant)]
    for name, setting, g in settings:
        key, title = f"layout.{name.replace(' ', '-')}", f"{name} in memory"
        try:
            found = reading.call(case.y, case.gain, case.shift, g, **setting)
        except Unsupported as error:
            yield untested(key, title, str(error))
            continue
        yield _same(case, key, title, found, g)
    if not reading.subject.layouts:
        yield untested("layout", "layouts in memory", f"{reading.subject.framework} has none that a layer sees")


def _same(case: Case, key: str, title: str, found: Evaluation, g: np.ndarray) -> Finding:
    exact = case.exact(case.y, g)
    residual, allowed = relative(found.z - exact.z, exact.size), case.forward_tolerance
    meaning, otherwise = "how arrays lie in memory changes nothing", VIOLATED
    if found.v is not None:
        of_v = relative(found.v - exact.v, exact.slope_size)
        coarse = case.coarse(found.v, exact.v, exact.slope_size) if of_v > allowed >= residual else None
        if coarse is not None:
            meaning, otherwise = f"the gradient is computed in {coarse}", INACCURATE
        residual = max(residual, of_v)
    if residual > allowed and otherwise == VIOLATED:
        meaning = "wrong, as it is where arrays are contiguous"
        if not case.wrong:
            meaning = "right where arrays are contiguous, wrong where one lies so: it takes memory for contiguous"
    return judged(key, title, residual, allowed, meaning, otherwise)
