"""What looks like a normalisation in a Flax NNX model and is not measured, and why.

By name: modules called a norm that are not known, Linen modules inside an NNX one, norms of another model among the
arguments. By what is computed: a root of a mean of squares in the loss outside all that is measured, such as an RMS
norm written by hand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from flax import nnx
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from bnverify.empirical.adapters.flax_normalization import KINDS

_THROUGH = {"reduce_sum", "div", "mul", "add", "broadcast_in_dim", "convert_element_type", "reshape", "squeeze", "sub"}
_LIBRARIES = tuple(f"{os.sep}{name}{os.sep}" for name in ("jax", "flax", "optax", "jaxtyping", "bnverify"))


def in_model(model: Any, measured: tuple, own: Mapping[type, Any]) -> dict[str, str]:
    """Modules that are called a norm and are not among the measured ones, by path."""
    out = {}
    for path, node in nnx.iter_graph(model):
        name, kind = ".".join(map(str, path)) or "model", type(node)
        if path in measured or not isinstance(node, nnx.Module):
            continue
        if isinstance(node, nnx.bridge.ToNNX):
            parts = sorted({part for part in _names(node) if "norm" in part.lower()})
            if parts:
                out[name] = f"{', '.join(parts)} of a Linen module inside ToNNX; use the NNX module of the same name"
        elif "norm" in kind.__name__.lower() and not isinstance(node, (*KINDS, *own)) and callable(node):
            out[name] = f"{kind.__name__} is no normalisation that is known; pass normalizers={{{kind.__name__}: ...}}"
    return out


def in_arguments(arguments: Any) -> dict[str, str]:
    """Norms of another model that the loss is given."""
    return {
        f"argument {'.'.join(map(str, path))}": f"{type(node).__name__} of an argument; measure it as the model"
        for path, node in nnx.iter_graph(arguments)
        if isinstance(node, KINDS)
    }


def in_program(program: Any) -> dict[str, str]:
    """Roots of sums of squares in a program in which all that is measured has been replaced by its values."""
    reason = "divides by the root of a mean of squares; make it a module and pass normalizers={its class: ...}"
    return dict.fromkeys(_roots(program), reason)


def _names(node: Any) -> Iterator[str]:
    """Names of the parts of a Linen module: its class, and those of its parameters."""
    yield type(node.module).__name__
    for path, _ in nnx.to_flat_state(nnx.state(node)):
        yield from (str(part) for part in path)


def _roots(jaxpr: Any) -> Iterator[str]:
    inner = jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr
    squares: set[Any] = set()
    for equation in inner.eqns:
        name, given = equation.primitive.name, [v for v in equation.invars if not isinstance(v, Literal)]
        squared = name == "square" or (name == "integer_pow" and equation.params.get("y") == 2)
        squared = squared or (name == "mul" and len(given) == 2 and given[0] is given[1])
        if squared or (name in _THROUGH and squares & set(given)):
            squares |= set(equation.outvars)
        if name in ("rsqrt", "sqrt") and squares & set(given):
            yield _place(equation)
        for parameter in equation.params.values():
            for part in parameter if isinstance(parameter, (tuple, list)) else (parameter,):
                if isinstance(part, (ClosedJaxpr, Jaxpr)):
                    yield from _roots(part)


def _place(equation: Any) -> str:
    """Where the user wrote it."""
    traceback = equation.source_info.traceback
    for frame in traceback.frames if traceback is not None else ():
        if not any(library in frame.file_name for library in _LIBRARIES):
            return f"{os.path.basename(frame.file_name)}:{frame.line_num} ({frame.function_name})"
    return "somewhere in the loss"
