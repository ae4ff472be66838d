"""One instance, called again and again: what it keeps of a call changes neither values nor gradients of later ones.

Everything else is tested on instances that are made anew for every call, which no user's are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnverify.empirical.conformance.arithmetic import relative
from bnverify.empirical.conformance.case import Case
from bnverify.empirical.conformance.subject import Evaluation, Unsupported


def remembered(case: Case) -> tuple[float, str]:
    """The largest change that earlier calls make, of other activations, parameters and numbers of samples, and where;
    infinite where the instance refuses what a new one takes. 0 where the layer is a function, which has none."""
    reading, one = case.reading, case.reading.subject.instance(case.reading.setting)
    if one is None:
        return 0.0, ""
    other, half = 2 * case.y[::-1] + 1, max(1, len(case.y) // 2)
    first, second = (reading.parameters(*reading.drawn(seed)) for seed in (0, 1))
    calls = ((case.y, first), (other, second), (case.y, first), (case.y[:half], first),
             (np.concatenate([other, case.y]), second), (case.y, first))  # fmt: skip
    worst = 0.0, ""
    for y, parameters in calls:
        g = None if case.no_gradient else np.resize(case.g, y.shape)
        fresh = reading.subject.instance(reading.setting)
        assert fresh is not None  # as the first was not
        try:
            new = fresh(y, parameters, g)
        except Unsupported:
            continue
        try:
            again = one(y, parameters, g)
        except Unsupported as error:
            return float("inf"), f"called again, with {len(y)} samples, an instance raises {error}"
        for what, residual in _changes(new, again):
            meaning = f"{what} of an instance that was called before are not those of a new one: it keeps what it saw"
            worst = max(worst, (residual, meaning), key=lambda each: each[0])
    return worst


def traced(case: Case) -> tuple[float, str]:
    """How much a call in inference mode changes a later one, after more training."""
    reading = case.reading
    parameters = reading.parameters(case.gain, case.shift)

    def last(*calls: tuple[np.ndarray, bool]) -> np.ndarray | None:
        one = reading.subject.instance(reading.setting)
        return None if one is None else [one(y, parameters, None, training) for y, training in calls][-1].z

    one, two = (case.y, True), (2 * case.y + 1, True)
    try:
        plain, after = last(one, two, (case.y, False)), last(one, (case.y, False), two, (case.y, False))
    except Unsupported:
        return 0.0, ""
    if plain is None or after is None:
        return 0.0, ""
    meaning = "inference mode gives other values after an earlier call in inference mode: it keeps what it computed"
    return relative(after - plain, np.abs(plain).max()), meaning


def _changes(new: Evaluation, again: Evaluation) -> Iterator[tuple[str, float]]:
    yield "values", relative(new.z - again.z, np.abs(new.z).max(initial=0.0))
    pairs = {"gradients at y": (new.v, again.v)}
    pairs |= {f"gradients of {name}": (slope, again.slopes.get(name)) for name, slope in new.slopes.items()}
    size = max((np.abs(each).max(initial=0.0) for each, _ in pairs.values() if each is not None), default=0.0)
    for what, (of_new, of_one) in pairs.items():
        if (of_new is None) != (of_one is None):
            yield what, float("inf")
        elif of_new is not None and of_one is not None:
            yield what, relative(of_new - of_one, size)  # of all gradients: one may be 0 up to rounding
