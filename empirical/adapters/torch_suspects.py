"""Norms that something is divided by in an evaluation of a PyTorch network, outside of all that is measured: functions
of `torch.nn.functional`, or a norm written by hand inside of a larger module.

What is computed is recorded where it is computed: before what is measured or after it, under `torch.no_grad`, behind a
detach, inside of an autograd function. Tensors that share their memory are one, so that views are nothing computed.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_FUSED = re.compile(r"(batch|group|instance|layer|rms)_norm(?!.*backward)")
_NORMS = ("linalg_vector_norm", "norm", "std", "std_mean")
_ROOTS = ("pow", "rsqrt", "sqrt")
_SUMS = ("amax", "aminmax", "avg_pool2d", "avg_pool3d", "bmm", "dot", "linalg_vector_norm", "max", "mean", "mm", "mv",
         "sum", "var", "var_mean")  # fmt: skip
_ALIKE = ("add", "clamp", "clamp_min", "clone", "copy", "maximum", "rsub", "sub", "to_copy", "where")
_LIBRARY = os.path.dirname(torch.__file__) + os.sep
_OF_WEIGHTS = tuple(  # which are no norms of values
    os.path.join(_LIBRARY, "nn", "utils", f"{name}.py") for name in ("parametrizations", "spectral_norm", "weight_norm")
)
_OWN = os.path.dirname(os.path.dirname(__file__)) + os.sep


@dataclass(frozen=True, eq=False)
class _Operation:
    """What was computed of what: for each operand the operations that wrote it, and whether it is one number."""

    kind: str
    operands: tuple[tuple[tuple[_Operation, ...], bool], ...]
    power: float
    within: frozenset[str]
    place: str

    @property
    def behind(self) -> set[_Operation]:
        return {writer for writers, _ in self.operands for writer in writers}


class Operations(TorchDispatchMode):
    """What is computed while it is entered; ``norms`` are those outside of some modules."""

    def __init__(self) -> None:
        super().__init__()
        self._all: list[_Operation] = []
        self._within: list[str] = []
        self._writers: dict[int, tuple[_Operation, ...]] = {}
        self._kept: list[torch.Tensor] = []  # so that no memory is used for another tensor

    def watch(self, modules: dict[str, torch.nn.Module]) -> list[Any]:
        """Hooks by which it knows in which module something is computed."""
        hooks: list[Any] = []
        for name, module in modules.items():
            if isinstance(module, torch.jit.ScriptModule):  # which takes no hooks
                continue
            hooks.append(module.register_forward_pre_hook(partial(self._entered, name), prepend=True))
            hooks.append(module.register_forward_hook(self._left, always_call=True))
        return hooks

    def _entered(self, name: str, *_: Any) -> None:
        self._within.append(name)

    def _left(self, *_: Any) -> None:
        self._within.pop()

    def __exit__(self, *error: Any) -> None:
        self._writers.clear()
        self._kept.clear()
        return super().__exit__(*error)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        found = function(*args, **given)
        operands = [each for each in tree_leaves((args, given)) if isinstance(each, (torch.Tensor, int, float))]
        read = {_memory(each) for each in operands if isinstance(each, torch.Tensor)}
        written = {_memory(each): each for each in tree_leaves(found) if isinstance(each, torch.Tensor)}
        if function._schema.is_mutable or not written.keys() <= read:
            own = self._operation(function._schema, args, operands)
            for memory, tensor in written.items():
                self._writers[memory] = (*(self._writers.get(memory, ()) if memory in read else ()), own)
                self._kept.append(tensor)
        return found

    def _operation(self, schema: Any, args: Any, operands: list[Any]) -> _Operation:
        kind = schema.name.split("::")[-1].strip("_")
        told = dict(zip((each.name for each in schema.arguments), args, strict=False))
        if _FUSED.search(kind) and not told.get("training", True):
            kind = "affine"  # by running statistics
        power = told.get("exponent", 1.0)
        power = float(power) if isinstance(power, (int, float)) else float("nan")
        pairs = tuple(
            (self._writers.get(_memory(each), ()), each.numel() == 1) if isinstance(each, torch.Tensor) else ((), True)
            for each in operands
        )
        mayhap = _FUSED.search(kind) or kind in (*_NORMS, *_ROOTS, *_SUMS)
        place = _place(self._within) if mayhap else ""
        own = _Operation(kind, pairs, power, frozenset(self._within), place)
        self._all.append(own)
        return own

    def norms(self, told: Collection[str]) -> dict[str, str]:
        """Where such norms are, outside of the modules of which it is told already."""
        left = {each: None for each in self._all if each.within.isdisjoint(told)}
        users: dict[_Operation, list[_Operation]] = {}
        for each in left:
            for writer in each.behind:
                users.setdefault(writer, []).append(each)
        reason = "divides by a norm of values; make it a module of its own"
        return {
            each.place: reason for each in left
            if each.place and (_FUSED.search(each.kind) or (_norm(each, left) and _divides(each, users)))
        }  # fmt: skip


def _memory(tensor: torch.Tensor) -> int:
    try:
        return tensor.untyped_storage()._cdata
    except (NotImplementedError, RuntimeError):  # of a tensor without memory of its own, a sparse one say
        return id(tensor)


def _norm(own: _Operation, left: Collection[_Operation]) -> bool:
    if own.kind in _ROOTS:
        return not (own.kind == "pow" and own.power.is_integer()) and any(e.kind in _SUMS for e in _behind(own, left))
    return own.kind in _NORMS or (own.kind in _SUMS and any(each.kind == "abs" for each in _behind(own, left)))


def _behind(own: _Operation, left: Collection[_Operation]) -> set[_Operation]:
    """What something is computed of, through what keeps its kind."""
    seen: set[_Operation] = set()
    waiting = [own]
    while waiting:
        parts = {each for each in waiting.pop().behind if each in left} - seen
        seen |= parts
        waiting += [part for part in parts if part.kind in (*_ALIKE, "div", "mul")]
    return seen


def _divides(own: _Operation, users: dict[_Operation, list[_Operation]]) -> bool:
    """Whether something is divided by it, or multiplied by its inverse."""
    inverse = own.kind == "rsqrt" or (own.kind == "pow" and own.power < 0)
    waiting, seen = [(own, inverse)], set()
    while waiting:
        here, inverse = waiting.pop()
        for user in users.get(here, ()):
            scaled = all(single for writers, single in user.operands if here not in writers)
            if (user.kind == "div" and here in user.operands[1][0]) or (user.kind == "mul" and inverse and not scaled):
                return True
            state = user, inverse or user.kind == "reciprocal"
            if state not in seen and (user.kind in (*_ALIKE, "reciprocal") or (user.kind in ("mul", "div") and scaled)):
                seen.add(state)
                waiting.append(state)
    return False


def _place(within: list[str]) -> str:
    """Where the user wrote it, or else the module that computes it; nothing of what is a norm of weights."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        name = frame.f_code.co_filename
        if name in _OF_WEIGHTS:
            return ""
        if name.startswith(_OWN) and name != __file__:
            break
        if not name.startswith((_LIBRARY, _OWN)):
            return f"{os.path.basename(name)}:{frame.f_lineno} ({frame.f_code.co_name})"
    return within[-1] if within and within[-1] else "somewhere in the loss"
