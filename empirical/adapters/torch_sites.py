"""The normalizations of a PyTorch module: found by what they compute, as this package's normalisers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from bnverify.empirical.adapters.reading import Placement, placement
from bnverify.empirical.conformance.torch_layer import TorchModule
from bnverify.empirical.measurement.cut import Foreign, Running

KINDS = (
    torch.nn.modules.batchnorm._BatchNorm, torch.nn.modules.instancenorm._InstanceNorm, torch.nn.LayerNorm,
    torch.nn.GroupNorm, torch.nn.RMSNorm,
)  # fmt: skip


@dataclass(frozen=True)
class Found(Placement):
    """A normalization of a module, by its name in it."""

    name: str = ""
    running: Running | None = None

    @property
    def recognised(self) -> str:
        """What a class of another name was recognised as, for a table; "" for PyTorch's own."""
        kind = type(self.reading.subject._module)  # type: ignore[attr-defined]
        return "" if issubclass(kind, KINDS) else f"{kind.__name__}, by its values {self.reading.name} norm"


def candidate(module: torch.nn.Module) -> bool:
    """Whether a module may be a normalization: one of PyTorch's, or a class of another library without parts."""
    if isinstance(module, KINDS):
        return True
    foreign = not type(module).__module__.startswith(("torch.nn.", "torch.jit."))
    return foreign and not any(True for _ in module.children()) and len(list(module.parameters())) <= 2


def found(name: str, module: torch.nn.Module, y: np.ndarray, z: np.ndarray) -> Found:
    """A module that takes y to z as a normalization. InputError, of which the first line is the reason, where it is
    none, or none that can be measured."""
    own = placement(TorchModule(name, module), y, z, 1)
    each = Found(own.reading, own.placed, name)
    return replace(each, placed=replace(own.placed, foreign=_foreign(each)), running=_running(each))


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
