"""Modules of any framework as this package's normalizers, by what they compute: what every adapter has in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bnverify.empirical.conformance.arithmetic import ROUNDOFF, relative, tolerance
from bnverify.empirical.conformance.case import Case
from bnverify.empirical.conformance.reading import Reading
from bnverify.empirical.conformance.recognise import recognise
from bnverify.empirical.conformance.subject import Setting, Subject, Unsupported
from bnverify.empirical.judgement.compile import TOLERANCES
from bnverify.empirical.measurement.cut import Placed
from bnverify.empirical.measurement.measured import Measured
from bnverify.empirical.normalization.normalizers import (
    BATCH,
    NORMALIZATIONS,
    Normalization,
    PerPosition,
    PerSample,
    group,
)
from bnverify.errors import Diverged, InputError

NOT_FINITE = "NaN or infinite"
_FEW = 6  # samples and positions of the activations that a class is recognised on


class Sites(dict[str, Measured]):
    """What was measured, by name, in the order of evaluation; ``skipped``: what looks like a normalization and is not
    among it, with the reason; ``recognised``: what classes that are not the framework's were recognised as."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped: dict[str, str] = {}
        self.recognised: dict[str, str] = {}


class Unmeasured(InputError):
    """The answer to a module that is a norm and none that can be measured."""


@dataclass(frozen=True)
class Placement:
    """A module as it was read on its own y, and the normalizer that it is with its parameters."""

    reading: Reading
    placed: Placed

    def moved(self, y: Any) -> Any:
        """The framework's array with the channel on the last axis."""
        return np.moveaxis(np.asarray(y), self.reading.channel, -1)

    def back(self, y: Any) -> np.ndarray:
        """The channel where the framework has it."""
        return np.moveaxis(np.asarray(y, float), -1, self.reading.channel)


def placement(subject: Subject, y: np.ndarray, z: np.ndarray, channel: int) -> Placement:
    """A module that takes y to z as a normalization, with the channel on that axis where its parameters do not tell.
    InputError, of which the first line is the reason, where it is none; `Unmeasured` where it cannot be measured."""
    reading = _read(subject, y.shape, channel)
    try:
        return _placed(reading, y, z)
    except InputError as error:
        raise Unmeasured(got=error.got, expected=error.expected, advice=error.advice) from error


def _placed(reading: Reading, y: np.ndarray, z: np.ndarray) -> Placement:
    if not (np.isfinite(y).all() and np.isfinite(z).all()):
        raise refused(f"activations that are {NOT_FINITE}", "finite numbers, as inputs and as what comes before")
    if reading.precision not in TOLERANCES:
        raise refused(f"{reading.name} norm computed in {reading.precision}", f"one of {', '.join(TOLERANCES)}")
    norm = _normalization(reading)
    at = replace(reading, y=y)
    gamma, beta = (_values(at, which) for which in ("gain", "shift"))
    exact = Case(at).exact(y, np.zeros(y.shape), gamma, beta)
    allowed = tolerance(ROUNDOFF[reading.precision], at.m)
    if not relative(z - exact.z, exact.size) <= allowed:
        raise refused(f"values other than those of {reading.name} norm", "the values of a normalizer")
    ones = np.ones(y.shape[reading.channel])
    epsilon, stated = reading.normaliser.scale.epsilon, reading.subject.epsilon
    if stated is not None and abs(epsilon - stated) <= 1e-6 * stated:  # found by its values, to a few digits less
        epsilon = stated
    return Placement(at, Placed(norm, np.ravel(gamma) * ones, np.ravel(beta) * ones, epsilon))


def _read(subject: Subject, shape: tuple[int, ...], channel: int) -> Reading:
    """The module read on a few samples and positions, or on all where it is made for that many."""
    small = tuple(n if axis in (1, channel, len(shape) - 1) else min(n, _FEW) for axis, n in enumerate(shape))
    if len(shape) == 4 and channel == 1 and shape[1] > 1:
        small = (small[0], shape[1], min(shape[2], _FEW), min(shape[3], _FEW))
    last: Exception | None = None
    for each in dict.fromkeys((small, shape)):
        try:
            reading = recognise(subject, each, None, channel, Setting())
        except (InputError, Unsupported) as error:
            last = error
            continue
        if reading.found is not None and reading.name:
            return reading
        last = refused("values that are no known normalizer's", "a normalizer of one of the known names")
    if isinstance(last, InputError):
        raise last
    raise refused(str(last), "a layer of one array")


def _normalization(reading: Reading) -> Normalization:
    """This package's normaliser, whose activations have the channel last."""
    axes, rank = set(reading.normaliser.vectors.axes), reading.y.ndim
    scale = reading.normaliser.scale
    if (scale.divisor, scale.place) != ("m", "inside"):
        raise refused("a scale with another divisor or place of epsilon", "a biased variance, epsilon inside the root")
    affine = reading.affine
    for name, along in ((affine.gain, affine.gain_axes), (affine.shift, affine.shift_axes)):
        if name is not None and along not in ((reading.channel,), ()):
            raise refused(f"{name} along axes {along}", "one number a channel")
    if reading.name == "batch":
        return BATCH
    if reading.name == "instance":
        return NORMALIZATIONS["instance"]
    if reading.name.startswith("group-"):
        if reading.normaliser.vectors.grouped != reading.channel:
            raise refused("groups of another axis than gamma's", "groups of channels")
        return group(int(reading.name.removeprefix("group-")))
    if reading.name not in ("layer", "rms"):
        raise refused(f"{reading.name} norm", "batch, layer, RMS, group or instance norm")
    kind = NORMALIZATIONS[reading.name]
    if axes == {reading.channel}:
        return replace(kind, arrangement=PerPosition())
    if axes == set(range(1, rank)):
        return replace(kind, arrangement=PerSample(1))
    raise refused(f"a vector over axes {sorted(axes)}", "channels of a position, or all of a sample")


def refused(got: str, expected: str) -> InputError:
    """The answer to a module that cannot be measured."""
    return InputError(
        got=got, expected=expected, advice="measure a cut of your own (bnverify.empirical.measurement.cut)"
    )


def nothing(what: str, skipped: Mapping[str, str], inside: str = "") -> InputError:
    """The answer to a network of which nothing can be measured."""
    reasons = "; ".join(f"{name}: {why}" for name, why in skipped.items()) or "none was seen"
    kind = Diverged if NOT_FINITE in reasons else InputError
    return kind(
        got=f"{what} without a normalization that can be measured ({reasons})",
        expected=f"batch, layer, RMS, group or instance norm in training mode{inside}",
        advice="test a layer by itself with bnverify layer, or measure a cut of your own",
    )


def check_loss(what: str, value: float, seen: Iterable[tuple[str, Iterable[Any]]]) -> None:
    """`Diverged` where a loss is no number; ``seen``: the activations at every place, in the order of evaluation."""
    if np.isfinite(value):
        return
    first = (name for name, arrays in seen if not all(np.isfinite(np.asarray(each)).all() for each in arrays))
    where = next((f"; activations that are {NOT_FINITE}, first at {name or 'the module'}" for name in first), "")
    raise Diverged(
        got=f"{what} with a loss of {value}{where}",
        expected="a finite loss: no claim is about a network without one",
        advice="look at the steps before: a smaller learning rate, or inputs that are finite",
    )


def _values(reading: Reading, kind: str) -> np.ndarray | float:
    """gamma or beta as the module has it; 1 and 0 where it has none."""
    name = reading.affine.gain if kind == "gain" else reading.affine.shift
    if name is None:
        return 1.0 if kind == "gain" else 0.0
    values = np.asarray(reading.subject.parameters[name], float)
    return values + reading.affine.offset if kind == "gain" else values
