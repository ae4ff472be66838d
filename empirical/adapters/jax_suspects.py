"""A root of a mean of squares in a program outside all that is measured: an RMS norm written by hand, say."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

_THROUGH = {"reduce_sum", "div", "mul", "add", "broadcast_in_dim", "convert_element_type", "reshape", "squeeze", "sub"}
_LIBRARIES = ("jax", "flax", "optax", "jaxtyping", "bnverify", "haiku", "equinox")


def in_program(program: Any) -> dict[str, str]:
    """Roots of sums of squares in a program in which all that is measured has been replaced by its values."""
    reason = "divides by the root of a mean of squares; make it a module and pass normalizers={its class: ...}"
    return dict.fromkeys(_roots(program), reason)


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
    traceback, libraries = equation.source_info.traceback, _folders()
    for frame in traceback.frames if traceback is not None else ():
        if not frame.file_name.startswith(libraries):
            return f"{os.path.basename(frame.file_name)}:{frame.line_num} ({frame.function_name})"
    return "somewhere in the loss"


def _folders() -> tuple[str, ...]:
    """Where the libraries themselves are: a user's own folder may have the name of one."""
    files = (getattr(sys.modules.get(name), "__file__", None) for name in _LIBRARIES)
    return tuple(os.path.dirname(file) + os.sep for file in files if file)
