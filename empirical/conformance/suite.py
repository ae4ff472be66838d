"""`conforms`: every exact property of a normaliser, on a layer of any framework.

    report = conforms(torch.nn.BatchNorm2d(8), shape=(32, 8, 6, 6))
    assert report, report
    print(report)              # a table, and the layer in words

What is compared is the layer itself, called in training mode on private random numbers; what it is compared with is the
normaliser that its values are nearest to, or the one it is claimed to be, written out in extended precision.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bnverify.empirical.conformance import (
    backward,
    counts,
    forward,
    inference,
    ladders,
    laws,
    others,
    regimes,
    rounding,
)
from bnverify.empirical.conformance.arithmetic import relative
from bnverify.empirical.conformance.case import Case
from bnverify.empirical.conformance.known import in_words, matches
from bnverify.empirical.conformance.reading import Reading, base
from bnverify.empirical.conformance.recognise import recognise
from bnverify.empirical.conformance.report import HOLDS, VIOLATED, Finding, Report, untested
from bnverify.empirical.conformance.subject import Setting, Subject, Unsupported
from bnverify.empirical.conformance.wrap import subject_of
from bnverify.errors import InputError

_HIDDEN = 0.1  # of the values, by rounding


def conforms(
    layer: Any, *args: Any, shape: Sequence[int], normalizer: str | None = None, framework: str | None = None,
    backward: Any = None, name: str | None = None, keywords: Mapping[str, Any] | None = None,
) -> Report:  # fmt: skip
    """Test a layer on activations of a shape (the batch first) and say what it is.

    ``layer``: a module or a class of PyTorch, Flax (NNX, Linen), Equinox, Haiku or Keras, a function of y in one of
    these, or in NumPy with a function ``backward(g, y, ...)`` of its own; a class is made with ``args`` and
    ``keywords``, of a function they follow y. ``normalizer`` is what it claims to be: NAME, group-G, or
    NAME:variant,variant (unbiased, outside, floor, sum); without it the nearest is named, and a variant is told as a
    deviation. ``framework`` decides where the layer's own module does not. InputError where it cannot be called.
    """
    whole = isinstance(shape, Sequence) and all(isinstance(n, (int, np.integer)) and n >= 1 for n in shape)
    if not whole or len(shape) < 2:
        raise InputError(
            got=f"shape {shape!r}", expected="at least a batch and a feature axis, sizes of 1 or more",
            advice="pass e.g. --shape 32,8 or --shape 32,8,6,6",
        )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a layer warns of one value a vector, say, which users do not give it
        subject = subject_of(
            layer, args, dict(keywords or {}), tuple(shape), framework=framework, backward=backward, name=name
        )  # fmt: skip
        try:
            return examined(subject, tuple(shape), normalizer)
        except Unsupported as error:
            raise InputError(
                got=f"{subject.name}, which refuses some y, gamma or beta of the shapes it has ({error})",
                expected="a layer of any finite numbers", advice="test it without its own checks of what it is given",
            ) from error  # fmt: skip


def examined(subject: Subject, shape: tuple[int, ...], normalizer: str | None = None) -> Report:
    """The report on a subject."""
    channel = _usual(subject, shape)
    setting = _setting(subject, shape)
    first = subject.evaluate(base(shape), subject.parameters, None, setting).z
    finite = _finite(first)
    if finite.verdict == VIOLATED:
        return Report(subject.name, subject.framework, "", "This layer cannot be read.", (finite,), normalizer)
    with np.errstate(all="ignore"):
        reading = recognise(subject, shape, normalizer, channel, setting)
        case = Case(reading)
        found = [finite, *forward.findings(case), *backward.findings(case)]
        if any(finding.key == "forward.yhat" and finding.verdict == VIOLATED for finding in found):
            found.append(
                untested("rest", "laws, layouts, dtypes, running statistics", "the values are not the normaliser's")
            )
        else:
            found += [
                *others.findings(case),
                *laws.findings(case),
                *regimes.findings(case),
                *counts.findings(case),
                *rounding.findings(case),
            ]
            found += ladders.findings(case, {finding.key for finding in found if finding.verdict == HOLDS})
            found += inference.findings(case)
        other = ("forward.yhat", "running.training")  # what already says that its values are others, or become others
        told = any(finding.key in other and finding.verdict == VIOLATED for finding in found)
        found.append(laws.repeatable(case, first, told))
        found = [_seen(each, case) for each in found]
    return Report(
        subject.name, subject.framework, reading.name, words(case, found), tuple(found), normalizer, _details(case)
    )  # fmt: skip


def _seen(finding: Finding, case: Case) -> Finding:
    """The finding; "not tested" where what it is held to hides much of the values: it would hold of others, too."""
    if finding.verdict != HOLDS or not finding.tolerance > 0 or case.hidden <= _HIDDEN:
        return finding
    why = f"in {case.forward_dtype} rounding may be {case.hidden:.0%} of a value"
    return untested(finding.key, finding.title, why)


def _usual(subject: Subject, shape: tuple[int, ...]) -> int:
    """The axis of the channels in a framework."""
    return 1 if subject.framework == "torch" else len(shape) - 1


def _setting(subject: Subject, shape: tuple[int, ...]) -> Setting:
    """Float64 where the layer takes it, else the widest type it does take. InputError where none."""
    reasons = []
    for dtype in subject.dtypes:
        setting = Setting(dtype)
        try:
            subject.evaluate(base(shape), subject.parameters, None, setting)
        except Unsupported as error:
            reasons.append(f"{dtype}: {error}")
        else:
            return setting
    raise InputError(
        got=f"{subject.name}, which takes no y of shape {shape} ({reasons[0] if reasons else 'no dtype'})",
        expected="a layer that is called with y and returns z of the same shape",
        advice="pass the --shape and --args that it is made for; wrap it in a function of y if it wants more",
    )


def _finite(z: np.ndarray) -> Finding:
    count = int((~np.isfinite(z)).sum())
    return Finding(
        "forward.finite", "finite values for finite y", VIOLATED if count else HOLDS, float(count), 0.0,
        f"{count} of {z.size} values are NaN or infinite" if count else "no NaN, no infinity",
    )  # fmt: skip


def words(case: Case, found: Sequence[Finding]) -> str:
    """The layer in a sentence: 'This is layer norm over the last axis, with epsilon ...'."""
    reading = case.reading
    failed = {finding.key for finding in found if finding.verdict == VIOLATED}
    values = failed & {"forward.yhat", "forward.arrangement"}
    normaliser = reading.normaliser
    if reading.claimed and reading.found is not None and not values:
        normaliser = normaliser.__class__(normaliser.vectors, normaliser.centred, reading.found)
    if values and _affine_map(case):
        return "This is an affine map of y, as a layer in inference mode is: it normalises nothing."
    said = in_words(normaliser, reading.name, case.y.shape, reading.channel)
    start = "This is" if not values else "Nearest to it is"
    extras = []
    if reading.affine.offset == 1:
        extras.append("gamma stored as gamma - 1")
    if case.forward_dtype != reading.setting.dtype:
        what = "its mean or scale computed" if reading.narrow_statistics else "computed"
        extras.append(f"{what} in {case.forward_dtype} whatever it is given")
    elif reading.setting.dtype != "float64":
        extras.append(f"tested in {reading.setting.dtype}, the widest type it computes in")
    if reading.affine.gain is None and reading.channel != _usual(reading.subject, case.y.shape):
        extras.append(f"axis {reading.channel} being that of the channels")
    wrong = []
    if "backward.values" in failed:
        wrong.append("a wrong backward pass")
    if failed & {"backward.gain", "backward.shift"}:
        wrong.append("wrong gradients of its parameters")
    tail = f", {', '.join(extras)}" if extras else ""
    return f"{start} {said}{tail}{', but with ' + ' and '.join(wrong) if wrong else ''}."


def _affine_map(case: Case) -> bool:
    zero, once, twice = (case.reading.call(factor * case.y).z for factor in (0.0, 1.0, 2.0))
    return relative(twice - 2 * once + zero, np.abs(twice).max()) <= case.forward_tolerance * case.reading.m**0.5


def _details(case: Case) -> dict[str, Any]:
    reading: Reading = case.reading
    scale = reading.normaliser.scale
    return {
        "m": reading.m, "axes": list(reading.normaliser.vectors.axes), "groups": reading.normaliser.vectors.groups,
        "epsilon": scale.epsilon, "epsilon_place": scale.place, "divisor": scale.divisor,
        "computes_in": case.forward_dtype, "gamma": reading.affine.gain, "beta": reading.affine.shift,
        "claim_met": reading.claimed is None or matches(
            reading.name, reading.claimed.partition(":")[0], reading.y.shape[reading.channel]
        ),
    }  # fmt: skip
