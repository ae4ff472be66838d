"""A norm that something is divided by, in a program outside all that is measured: a norm written by hand, say.

Every variable has a number, the same for two that are computed alike, and says what it has of a norm: values whose sign
is gone, their sum (or mean, or largest), the logarithm or the inverse of one. Through functions that are called inside,
as `jnp.var` is, both are followed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

_SAME = {"broadcast_in_dim", "convert_element_type", "copy", "copy_p", "expand_dims", "optimization_barrier",
         "real", "conj", "reduce_precision", "reshape", "sharding_constraint", "squeeze", "stop_gradient",
         "transpose"}  # fmt: skip
_THROUGH = {"add", "add_any", "clamp", "concatenate", "div", "dynamic_slice", "gather", "max", "min", "mul", "neg",
            "pad", "psum", "rev", "select_n", "slice", "sort", "split", "sub", "top_k"}  # fmt: skip
_SUMS = {"conv_general_dilated", "cummax", "cumsum", "dot_general", "reduce", "reduce_max", "reduce_sum",
         "reduce_window", "reduce_window_max", "reduce_window_sum"}  # fmt: skip
_FACTORS = {"cholesky", "eigh"}
_UNSIGNED, _SUM, _LOGARITHM, _INVERSE = "values without sign", "sum", "logarithm", "inverse"
_LIBRARIES = ("jax", "flax", "optax", "jaxtyping", "bnverify", "haiku", "equinox")


@dataclass(frozen=True)
class _Value:
    """A variable: its ``number``, the ``part`` of a norm that it is ("" of none), and how many numbers that has."""

    number: Any
    part: str = ""
    size: int = 0


def in_program(program: Any) -> dict[str, str]:
    """Norms that something is divided by in a program in which all that is measured has been replaced by its values."""
    reason = "divides by a norm of values (the root of a mean of squares, say); make it a module and pass "
    reason += "normalizers={its class: ...}"
    reader = _Reader()
    inner = program.jaxpr if isinstance(program, ClosedJaxpr) else program
    reader.read(inner, [reader.new() for _ in inner.invars], ())
    return dict.fromkeys(reader.found, reason)


class _Reader:
    """``read`` follows the values of a program; ``found`` is where a norm divides."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._count = count()
        self._seen: dict[Any, int] = {}

    def new(self, part: str = "", size: int = 0) -> _Value:
        return _Value(next(self._count), part, size)

    def read(self, jaxpr: Any, given: Sequence[_Value], path: tuple[Any, ...]) -> list[_Value]:
        """The values of what a program returns; ``path``: the calls that lead to it."""
        values = dict(zip(jaxpr.invars, given, strict=True))
        values |= {variable: self.new() for variable in jaxpr.constvars}

        def of(variable: Any) -> _Value:
            return _Value(repr(variable.val)) if isinstance(variable, Literal) else values[variable]

        for equation in jaxpr.eqns:
            arguments = [of(variable) for variable in equation.invars]
            inside = list(_inside(equation))
            if inside and equation.primitive.name not in _SUMS | _THROUGH:
                out = self._called(equation, arguments, inside, (*path, equation))
            else:
                out = [self._applied(equation, arguments, variable, (*path, equation)) for variable in equation.outvars]
            values |= zip(equation.outvars, out, strict=True)
        return [of(variable) for variable in jaxpr.outvars]

    def _called(self, equation: Any, arguments: list[_Value], inside: list[Any], path: tuple[Any, ...]) -> list[_Value]:
        """What a call returns; of a loop, once what it hands on has been around."""
        out = [self.new() for _ in equation.outvars]
        for again in range(2 if equation.primitive.name in ("scan", "while") else 1):
            arguments = _handed_on(equation, arguments, out) if again else arguments
            for body in inside:
                given = _aligned(body, arguments, self.new)
                found = self.read(body, given, path)
                if len(found) == len(out):
                    out = [new if new.part or not old.part else old for old, new in zip(out, found, strict=True)]
        return out

    def _applied(self, equation: Any, arguments: list[_Value], variable: Any, path: tuple[Any, ...]) -> _Value:
        name, size = equation.primitive.name, variable.aval.size
        key = (name, str(equation.params) if not list(_inside(equation)) else id(equation),
               equation.outvars.index(variable), *(each.number for each in arguments))  # fmt: skip
        if name in _SAME and arguments:
            return arguments[0]
        number = self._seen.setdefault(key, next(self._count))
        parts = {each.part: each for each in arguments if each.part}
        if self._divides(name, equation, arguments, size):
            self.found.append(_place(path))
            return _Value(number)
        alike = len(arguments) == 2 and arguments[0].number == arguments[1].number
        exponent = _exponent(equation)
        even = exponent is not None and exponent % 2 == 0
        root = _root(equation)
        if root and arguments[0].part == _SUM:  # of no size, as large as what it is divided by may be
            return _Value(number, _INVERSE if root < 0 else _SUM)
        if arguments and arguments[0].part == _UNSIGNED and (root > 0 or (exponent or 0) > 0):
            return _Value(number, _UNSIGNED)
        if len(arguments) == 2 and name in ("add", "add_any", "max") and not alike and _unsigned(arguments):
            return _Value(number, _SUM, size)  # a sum written out
        if _SUM in parts and ((exponent or 0) < 0 or (name == "div" and arguments[1].part == _SUM)):
            return _Value(number, _INVERSE, parts[_SUM].size)
        if name == "log" and _SUM in parts:
            return _Value(number, _LOGARITHM, size)
        if name == "dot_general" and alike:
            return _Value(number, _SUM, size)
        if name in ("square", "abs") or even or (name == "mul" and alike):
            return _Value(number, _UNSIGNED if _SUM not in parts else _SUM, parts.get(_SUM, _Value(0)).size)
        if name in _SUMS and parts.keys() & {_UNSIGNED, _SUM}:
            return _Value(number, _SUM, size)
        if name in _THROUGH:
            for part in (_LOGARITHM, _INVERSE, _SUM, _UNSIGNED):
                if part in parts:
                    return replace(parts[part], number=number)
        return _Value(number)

    def _divides(self, name: str, equation: Any, arguments: list[_Value], size: int) -> bool:
        """Whether this divides by a sum of values without sign, or its root: more numbers than it has."""
        if not arguments:
            return False
        first, last = arguments[0], arguments[-1]
        if (name in _FACTORS and first.part == _SUM) or (name == "exp" and first.part == _LOGARITHM):
            return True
        if name == "div" and last.part == _SUM:
            return size > last.size
        return name in ("mul", "div") and any(each.part == _INVERSE and size > each.size for each in arguments)


def _unsigned(arguments: Sequence[_Value]) -> bool:
    return all(each.part in (_UNSIGNED, _SUM) for each in arguments) and any(e.part == _UNSIGNED for e in arguments)


def _root(equation: Any) -> float:
    """The exponent of a root: 0 of what is none, and 1/2 of a power that is computed."""
    name = equation.primitive.name
    if name in ("sqrt", "cbrt", "rsqrt"):
        return -0.5 if name == "rsqrt" else 0.5
    if name != "pow" or _exponent(equation) is not None:
        return 0
    exponent = equation.invars[-1]
    return float(exponent.val) if isinstance(exponent, Literal) else 0.5


def _exponent(equation: Any) -> int | None:
    """Of a power that the program states, where it is whole."""
    if equation.primitive.name == "integer_pow":
        return equation.params["y"]
    exponent = equation.invars[-1] if equation.primitive.name == "pow" else None
    return int(exponent.val) if isinstance(exponent, Literal) and float(exponent.val).is_integer() else None


def _inside(equation: Any) -> Iterator[Any]:
    """The programs that an equation calls."""
    for parameter in equation.params.values():
        for part in parameter if isinstance(parameter, (tuple, list)) else (parameter,):
            if isinstance(part, (ClosedJaxpr, Jaxpr)):
                yield part.jaxpr if isinstance(part, ClosedJaxpr) else part


def _aligned(body: Any, arguments: list[_Value], new: Any) -> list[_Value]:
    """What a called program is given: the last arguments of the call, as the first may be a predicate or constants."""
    wanted = len(body.invars)
    return arguments[-wanted:] if 0 < wanted <= len(arguments) else [new() for _ in range(wanted)]


def _handed_on(equation: Any, arguments: list[_Value], out: list[_Value]) -> list[_Value]:
    """The arguments of the second round of a loop."""
    if equation.primitive.name == "scan":
        start, carried = equation.params["num_consts"], equation.params["num_carry"]
    else:
        start, carried = len(arguments) - len(out), len(out)
    return arguments[:start] + out[:carried] + arguments[start + carried :]


def _place(path: tuple[Any, ...]) -> str:
    """Where the user wrote it: the innermost equation that is not inside of a library's function, which may have been
    compiled for another call."""
    libraries, place = _folders(), None
    for equation in path:
        traceback = equation.source_info.traceback
        for frame in traceback.frames if traceback is not None else ():
            if not frame.file_name.startswith(libraries):
                place = f"{os.path.basename(frame.file_name)}:{frame.line_num} ({frame.function_name})"
                break
        bodies = (str(body.debug_info.func_src_info) for body in _inside(equation))
        if any(source.rpartition(" at ")[2].startswith(libraries) for source in bodies):
            break
    return place or "somewhere in the loss"


def _folders() -> tuple[str, ...]:
    """Where the libraries themselves are: a user's own folder may have the name of one."""
    files = (getattr(sys.modules.get(name), "__file__", None) for name in _LIBRARIES)
    return tuple(os.path.dirname(file) + os.sep for file in files if file)
