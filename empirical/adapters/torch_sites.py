"""The normalizations of a PyTorch module: found by what they compute, as this package's normalisers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from bnverify.empirical.conformance.arithmetic import ROUNDOFF, relative, tolerance
from bnverify.empirical.conformance.case import Case
from bnverify.empirical.conformance.recognise import Reading, recognise
from bnverify.empirical.conformance.subject import Setting, Unsupported
from bnverify.empirical.conformance.torch_layer import TorchModule
from bnverify.empirical.measurement.cut import Foreign, Placed, Running
from bnverify.empirical.normalization.normalizers import (
    BATCH,
    NORMALIZATIONS,
    Normalization,
    PerPosition,
    PerSample,
    group,
)
from bnverify.errors import InputError

KINDS = (
    torch.nn.modules.batchnorm._BatchNorm, torch.nn.modules.instancenorm._InstanceNorm, torch.nn.LayerNorm,
    torch.nn.GroupNorm, torch.nn.RMSNorm,
)  # fmt: skip
_FEW = 6  # samples and positions of the activations that a class is recognised on


@dataclass(frozen=True)
class Found:
    """A normalization of a module: how it was read, its channel axis, and what it is here."""

    name: str
    reading: Reading
    placed: Placed
    running: Running | None = None

    @property
    def recognised(self) -> str:
        """What a class of another name was recognised as, for a table; "" for PyTorch's own."""
        kind = type(self.reading.subject._module)  # type: ignore[attr-defined]
        return "" if issubclass(kind, KINDS) else f"{kind.__name__}, by its values {self.reading.name} norm"

    def moved(self, y: np.ndarray) -> np.ndarray:
        """PyTorch's array with the channel on the last axis."""
        return np.moveaxis(y, self.reading.channel, -1)

    def back(self, y: np.ndarray) -> np.ndarray:
        """The channel where PyTorch has it."""
        return np.moveaxis(np.asarray(y, float), -1, self.reading.channel)


def candidate(module: torch.nn.Module) -> bool:
    """Whether a module may be a normalization: one of PyTorch's, or a class of another library without parts."""
    if isinstance(module, KINDS):
        return True
    foreign = not type(module).__module__.startswith("torch.nn.")
    return foreign and not any(True for _ in module.children()) and len(list(module.parameters())) <= 2


def found(name: str, module: torch.nn.Module, y: np.ndarray, z: np.ndarray) -> Found:
    """A module that took y to z as a normalization. InputError, of which the first line is the reason, where it is
    none, or none that can be measured."""
    subject = TorchModule(name, module)
    reading = _read(subject, y.shape)
    norm = _normalization(reading)
    at = replace(reading, y=y)
    gamma, beta = (_values(at, which) for which in ("gain", "shift"))
    exact = Case(at).exact(y, np.zeros(y.shape), gamma, beta)
    allowed = tolerance(ROUNDOFF[reading.precision], at.m)
    if not relative(z - exact.z, exact.size) <= allowed:
        raise _refused(f"values other than those of {reading.name} norm", "the values of a normalizer")
    channels = y.shape[reading.channel]
    ones = np.ones(channels)
    placed = Placed(
        norm, np.ravel(gamma) * ones, np.ravel(beta) * ones, reading.normaliser.scale.epsilon,
    )  # fmt: skip
    each = Found(name, at, placed)
    return replace(each, placed=replace(placed, foreign=_foreign(each)), running=_running(each))


def _read(subject: TorchModule, shape: tuple[int, ...]) -> Reading:
    """The module read on a few samples and positions, or on all where it is made for that many."""
    channel = 1
    small = tuple(n if axis in (1, len(shape) - 1) else min(n, _FEW) for axis, n in enumerate(shape))
    if len(shape) == 4 and shape[1] > 1:
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
        last = _refused("values that are no known normalizer's", "a normalizer of one of the known names")
    if isinstance(last, InputError):
        raise last
    raise _refused(str(last), "a layer of one array")


def _normalization(reading: Reading) -> Normalization:
    """This package's normaliser, whose activations have the channel last."""
    axes, rank = set(reading.normaliser.vectors.axes), reading.y.ndim
    scale = reading.normaliser.scale
    if (scale.divisor, scale.place) != ("m", "inside"):
        raise _refused("a scale with another divisor or place of epsilon", "a biased variance, epsilon inside the root")
    affine = reading.affine
    for name, along in ((affine.gain, affine.gain_axes), (affine.shift, affine.shift_axes)):
        if name is not None and along not in ((reading.channel,), ()):
            raise _refused(f"{name} along axes {along}", "one number a channel")
    if reading.name == "batch":
        return BATCH
    if reading.name == "instance":
        return NORMALIZATIONS["instance"]
    if reading.name.startswith("group-"):
        if reading.normaliser.vectors.grouped != reading.channel:
            raise _refused("groups of another axis than gamma's", "groups of channels")
        return group(int(reading.name.removeprefix("group-")))
    if reading.name not in ("layer", "rms"):
        raise _refused(f"{reading.name} norm", "batch, layer, RMS, group or instance norm")
    kind = NORMALIZATIONS[reading.name]
    if axes == {reading.channel}:
        return replace(kind, arrangement=PerPosition())
    if axes == set(range(1, rank)):
        return replace(kind, arrangement=PerSample(1))
    raise _refused(f"a vector over axes {sorted(axes)}", "channels of a position, or all of a sample")


def _refused(got: str, expected: str) -> InputError:
    return InputError(
        got=got, expected=expected, advice="measure a cut of your own (bnverify.empirical.measurement.cut)"
    )


def _values(reading: Reading, kind: str) -> np.ndarray | float:
    """gamma or beta as the module has it; 1 and 0 where it has none."""
    name = reading.affine.gain if kind == "gain" else reading.affine.shift
    if name is None:
        return 1.0 if kind == "gain" else 0.0
    values = np.asarray(reading.subject.parameters[name], float)
    return values + reading.affine.offset if kind == "gain" else values


def _foreign(each: Found) -> Foreign:
    """The module's own value and backward pass. A gamma or beta that it has not is applied to what it returns."""
    reading, affine = each.reading, each.reading.affine

    def outside(gamma: Any, beta: Any) -> tuple[Any, Any]:
        return (1.0 if affine.gain else np.asarray(gamma), 0.0 if affine.shift else np.asarray(beta))

    def called(y: Any, gamma: Any, beta: Any, g: np.ndarray | None):
        gain = np.asarray(gamma, float) if affine.gain else 1.0
        shift = np.asarray(beta, float) if affine.shift else 0.0
        shapes = {n: reading.subject.parameters[n].shape for n in (affine.gain, affine.shift) if n}
        gain = gain.reshape(shapes[affine.gain]) if affine.gain else gain  # type: ignore[union-attr]
        shift = shift.reshape(shapes[affine.shift]) if affine.shift else shift  # type: ignore[union-attr]
        return reading.call(each.back(y), gain, shift, g)

    def forward(y: Any, gamma: Any, beta: Any) -> np.ndarray:
        factor, term = outside(gamma, beta)
        return each.moved(called(y, gamma, beta, None).z) * factor + term

    def backward(y: Any, gamma: Any, beta: Any, g: Any) -> tuple[Any, Any, Any]:
        factor, _ = outside(gamma, beta)
        out = called(y, gamma, beta, each.back(np.asarray(g) * factor))
        slopes = [None if n is None else out.slopes.get(n) for n in (affine.gain, affine.shift)]
        over = tuple(range(np.ndim(g) - 1))
        gain, shift = (None if slope is None else np.asarray(slope).ravel() for slope in slopes)
        if affine.gain is None:
            gain = (np.asarray(g) * each.moved(called(y, gamma, beta, None).z)).sum(over)
        return each.moved(out.v), gain, np.asarray(g).sum(over) if affine.shift is None else shift  # type: ignore[arg-type]

    return Foreign(forward, backward)


def _running(each: Found) -> Running | None:
    """Running statistics before and after one pass over y."""
    reading = each.reading
    module = reading.subject._module  # type: ignore[attr-defined]
    momentum = getattr(module, "momentum", None)
    if reading.name != "batch" or not isinstance(module, KINDS) or momentum is None:
        return None
    moved = reading.subject.running(reading.y, reading.subject.parameters, reading.setting)
    if moved is None:
        return None
    (mean, variance), (mean_after, variance_after) = (
        (state["running_mean"], state["running_var"]) for state in (moved.before, moved.after)
    )
    return Running(float(momentum), True, mean, variance, mean_after, variance_after)
