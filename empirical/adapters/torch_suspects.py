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
_OF_SQUARES = ("linalg_vector_norm", "mse_loss", "var", "var_mean")
_PRODUCTS = ("bmm", "dot", "mm", "mv")
_SUMS = (
    *_OF_SQUARES, *_PRODUCTS, "adaptive_avg_pool2d", "adaptive_avg_pool3d", "addmm", "amax", "aminmax", "avg_pool2d",
    "avg_pool3d", "baddbmm", "convolution", "cumsum", "index_add", "max", "mean", "nansum", "scatter_add",
    "scatter_reduce", "sum",
)  # fmt: skip
_ALIKE = (
    "add", "cat", "clamp", "clamp_min", "clone", "constant_pad_nd", "copy", "gather", "index", "index_select",
    "maximum", "repeat", "rsub", "sub", "to_copy", "where",
)  # fmt: skip
_HIGHER = "higher-order operator"
_LIBRARY = os.path.dirname(torch.__file__) + os.sep
_OF_WEIGHTS = tuple(  # which are no norms of values
    os.path.join(_LIBRARY, "nn", "utils", f"{name}.py") for name in ("parametrizations", "spectral_norm", "weight_norm")
)
_OWN = os.path.dirname(os.path.dirname(__file__)) + os.sep


@dataclass(frozen=True, eq=False)
class _Operation:
    """What was computed of what: for each operand the operations that wrote it, and whether it is one number; how many
    numbers came of it, and of how many at most; whether they are squares or sums of squares; and whether they depend
    on what the network is given, and not on its parameters and buffers alone."""

    kind: str
    operands: tuple[tuple[tuple[_Operation, ...], bool], ...]
    power: float
    size: int
    read: int
    square: bool
    of_values: bool
    within: frozenset[str]
    place: str

    @property
    def behind(self) -> set[_Operation]:
        return {writer for writers, _ in self.operands for writer in writers}


class Operations(TorchDispatchMode):
    """What is computed while it is entered; ``norms`` are those outside of some modules."""

    supports_higher_order_operators = True  # torch.cond and its like, each as a whole

    def __init__(self) -> None:
        super().__init__()
        self._all: list[_Operation] = []
        self._within: list[str] = []
        self._writers: dict[int, tuple[_Operation, ...]] = {}
        self._weights: set[int] = set()
        self._kept: list[torch.Tensor] = []  # so that no memory is used for another tensor

    def watch(self, modules: dict[str, torch.nn.Module]) -> list[Any]:
        """Hooks by which it knows in which module something is computed, and of whose parameters."""
        hooks: list[Any] = []
        for name, module in modules.items():
            self._weights |= {_memory(each) for each in (*module.parameters(), *module.buffers())}
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
        if any(each.kind == _HIGHER for each in self._all):  # PyTorch remembers that it did not compile them here
            torch.compiler.reset()
        return super().__exit__(*error)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        found = function(*args, **given)
        schema = getattr(function, "_schema", None)  # a higher-order operator has none
        operands = [each for each in tree_leaves((args, given)) if isinstance(each, (torch.Tensor, int, float))]
        read = {_memory(each) for each in operands if isinstance(each, torch.Tensor)}
        written = {_memory(each): each for each in tree_leaves(found) if isinstance(each, torch.Tensor)}
        if (schema is not None and schema.is_mutable) or not written.keys() <= read:
            own = self._operation(schema, args, operands, list(written.values()))
            for memory, tensor in written.items():
                self._writers[memory] = (*(self._writers.get(memory, ()) if memory in read else ()), own)
                self._kept.append(tensor)
        return found

    def _operation(self, schema: Any, args: Any, operands: list[Any], out: list[torch.Tensor]) -> _Operation:
        kind = _HIGHER if schema is None else schema.name.split("::")[-1].strip("_")
        told = {} if schema is None else dict(zip((each.name for each in schema.arguments), args, strict=False))
        if _FUSED.search(kind) and not told.get("training", True):
            kind = "affine"  # by running statistics
        power = told.get("exponent", 1.0)
        power = float(power) if isinstance(power, (int, float)) else float("nan")
        pairs = tuple(
            (self._writers.get(_memory(each), ()), each.numel() == 1) if isinstance(each, torch.Tensor) else ((), True)
            for each in operands
        )
        tensors = [each for each in operands if isinstance(each, torch.Tensor)]
        mayhap = _FUSED.search(kind) or kind in (*_NORMS, *_ROOTS, *_SUMS, _HIGHER)
        own = _Operation(
            kind, pairs, power, max((each.numel() for each in out), default=0),
            max((each.numel() for each in tensors), default=0), _square(kind, power, tensors),
            kind != "lift_fresh" and any(map(self._of_values, tensors)), frozenset(self._within),
            _place(self._within) if mayhap else "",
        )  # fmt: skip
        self._all.append(own)
        return own

    def _of_values(self, tensor: torch.Tensor) -> bool:
        memory = _memory(tensor)
        writers = self._writers.get(memory, ())
        weights = memory in self._weights or isinstance(tensor, torch.nn.Parameter)
        return any(each.of_values for each in writers) or not (writers or weights)

    def norms(self, told: Collection[str]) -> dict[str, str]:
        """Where such norms are, outside of the modules of which it is told already."""
        left = {each: None for each in self._all if each.within.isdisjoint(told)}
        users: dict[_Operation, list[_Operation]] = {}
        for each in left:
            for writer in each.behind:
                users.setdefault(writer, []).append(each)
        reason = "divides by a norm of values; make it a module of its own"
        found = {
            each.place: reason for each in left if each.place and each.of_values
            and (_FUSED.search(each.kind) or (_norm(each, left) and _divides(each, users, _normed(each, left))))
        }  # fmt: skip
        return found | {each.place: "its branches are not looked at" for each in left if each.kind == _HIGHER}


def _memory(tensor: torch.Tensor) -> int:
    try:
        return tensor.untyped_storage()._cdata
    except (NotImplementedError, RuntimeError):  # of a tensor without memory of its own, a sparse one say
        return id(tensor)


def _square(kind: str, power: float, operands: list[torch.Tensor]) -> bool:
    """Whether something is a square, an even power or a modulus of something, or a sum of such products."""
    plain = len(operands) == 2 and all(each.layout == torch.strided and not each.is_complex() for each in operands)
    if kind in (*_PRODUCTS, "mul") and plain and operands[0].numel() == operands[1].numel() > 1:
        one, other = (each.detach().reshape(-1) for each in operands)
        if kind == "mul":
            return operands[0].shape == operands[1].shape and torch.equal(one, other)
        return _memory(one) == _memory(other) or torch.equal(one.sort().values, other.sort().values)
    return kind in ("abs", *_OF_SQUARES) or (kind == "pow" and power > 0 and power % 2 == 0)


def _norm(own: _Operation, left: Collection[_Operation]) -> bool:
    if own.kind in _ROOTS:
        root = not (own.kind == "pow" and own.power.is_integer())
        parts = _behind(own, left) if root else set()
        written = sum(each.square for each in parts) > 1 and any(each.kind == "add" for each in parts)
        return written or any(each.kind in _SUMS and _of_squares(each, left) for each in parts)
    absolute = own.kind in _SUMS and any(each.kind == "abs" for each in _behind(own, left))
    return own.kind in _NORMS or absolute


def _of_squares(own: _Operation, left: Collection[_Operation]) -> bool:
    """Whether a sum is one of squares."""
    return own.square or any(each.square for each in _behind(own, left, through=(*_SUMS, "pow")))


def _behind(own: _Operation, left: Collection[_Operation], through: Collection[str] = ()) -> set[_Operation]:
    """What something is computed of, through what keeps its kind."""
    seen: set[_Operation] = set()
    waiting = [own]
    while waiting:
        parts = {each for each in waiting.pop().behind if each in left} - seen
        seen |= parts
        waiting += [part for part in parts if part.kind in (*_ALIKE, "div", "mul", *through) and not part.square]
    return seen


def _normed(own: _Operation, left: Collection[_Operation]) -> int:
    """How many numbers a norm is one of."""
    return max(e.read for e in (own, *_behind(own, left, through=(*_SUMS, "pow"))) if e.square or e.kind in _NORMS)


def _divides(own: _Operation, users: dict[_Operation, list[_Operation]], normed: int) -> bool:
    """Whether something that is no norm itself is divided by it, or multiplied by its inverse: larger than it is, or as
    large as what it is a norm of."""
    waiting, seen = [(own, own.kind == "rsqrt" or (own.kind == "pow" and own.power < 0))], set()
    while waiting:
        here, inverse = waiting.pop()
        for user in users.get(here, ()):
            scaled = all(single for writers, single in user.operands if here not in writers)
            place = {"div": 1, "addcdiv": 2}.get(user.kind)
            below = place is not None and here in user.operands[place][0]
            large = user.size > own.size or 2 * user.size > normed
            if large and (below or (user.kind == "mul" and inverse and not scaled)):
                return True
            turned = user.kind == "reciprocal" or (user.kind == "pow" and user.power < 0)
            state = user, inverse or turned
            if state not in seen and (user.kind in _ALIKE or turned or (user.kind in ("mul", "div") and scaled)):
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
