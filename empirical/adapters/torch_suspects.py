"""A norm that something is divided by, in what PyTorch recorded of a loss outside all that is measured: functions of
`torch.nn.functional`, or a norm written by hand inside of a larger module."""

from __future__ import annotations

import os
import re
from typing import Any

import torch

_FUSED = ("NativeLayerNorm", "NativeBatchNorm", "NativeGroupNorm", "CudnnBatchNorm", "MkldnnBatchNorm", "FusedRmsNorm")
_NORMS = ("LinalgVectorNorm", "Norm", "Std", "StdMean")
_SUMS = ("Amax", "Aminmax", "Bmm", "Dot", "LinalgVectorNorm", "Max", "Mean", "Mm", "Mv", "Sum", "Var", "VarMean")
_ALIKE = ("Add", "Clamp", "ClampMin", "Expand", "Maximum", "Permute", "Reshape", "Squeeze", "Sub", "ToCopy",
          "Transpose", "Unsqueeze", "View", "Where")  # fmt: skip
_FRAME = re.compile(r'File "(.*)", line (\d+), in (.*)')
_FOLDERS = (os.path.dirname(torch.__file__), os.path.dirname(os.path.dirname(__file__)))
_LIBRARIES = tuple(folder + os.sep for folder in _FOLDERS)


def in_graph(loss: torch.Tensor) -> dict[str, str]:
    """Where such norms are, in the graph of a loss in which all that is measured has been replaced by its values;
    recorded under ``torch.autograd.set_detect_anomaly``, which keeps the places."""
    users: dict[Any, list[Any]] = {}
    waiting = [loss.grad_fn] if loss.grad_fn is not None else []
    while waiting:
        node = waiting.pop()
        for part, _ in node.next_functions:
            if part is not None:
                waiting += [part] if part not in users else []
                users.setdefault(part, []).append(node)
    reason = "divides by a norm of values; make it a module of its own"
    return {_place(node): reason for node in users if _kind(node) in _FUSED or (_norm(node) and _divides(node, users))}


def _kind(node: Any) -> str:
    return re.sub(r"Backward\d*$", "", node.name())


def _norm(node: Any) -> bool:
    kind = _kind(node)
    root = kind in ("Sqrt", "Rsqrt") or (kind == "Pow" and not float(node._saved_exponent).is_integer())
    if root:
        return any(_kind(part) in _SUMS for part in _behind(node))
    return kind in _NORMS or (kind in _SUMS and any(_kind(part) == "Abs" for part in _behind(node)))


def _behind(node: Any) -> set[Any]:
    """What a node is computed of, through what keeps its kind."""
    seen: set[Any] = set()
    waiting = [node]
    while waiting:
        parts = {part for part, _ in waiting.pop().next_functions if part is not None} - seen
        seen |= parts
        waiting += [part for part in parts if _kind(part) in (*_ALIKE, "Div", "Mul")]
    return seen


def _divides(node: Any, users: dict[Any, list[Any]]) -> bool:
    """Whether something is divided by a node, or multiplied by its inverse."""
    inverse = _kind(node) == "Rsqrt" or (_kind(node) == "Pow" and float(node._saved_exponent) < 0)
    waiting, seen = [(node, inverse)], set()
    while waiting:
        here, inverse = waiting.pop()
        for user in users.get(here, ()):
            kind, scaled = _kind(user), any(part is None for part, _ in user.next_functions)
            if (kind == "Div" and user.next_functions[1][0] is here) or (kind == "Mul" and inverse and not scaled):
                return True
            state = user, inverse or kind == "Reciprocal"
            if state not in seen and (kind in (*_ALIKE, "Reciprocal") or (kind in ("Mul", "Div") and scaled)):
                seen.add(state)
                waiting.append(state)
    return False


def _place(node: Any) -> str:
    """Where the user wrote it."""
    for frame in reversed(node.metadata.get("traceback_", [])):
        found = _FRAME.search(frame)
        if found and not found[1].startswith(_LIBRARIES):
            return f"{os.path.basename(found[1])}:{found[2]} ({found[3]})"
    return "somewhere in the loss"
