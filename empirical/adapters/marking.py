"""Calls of modules marked in a traced program: recorded, replaced or shifted wherever they stand in it.

While a loss is traced, ``mark(name, y, z)`` puts an equation into the program that gives z, and in which y and z are
whole batches even where the module was called under `jax.vmap`. The program can then be run with something else in
its place. What is compiled or rematerialised by the user is entered; a mark in a loop, a branch or a function with its
own derivatives is listed as ``hidden``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, Primitive
from jax.extend.source_info_util import user_context
from jax.interpreters import ad, batching, mlir
from jax.interpreters.partial_eval import dce_jaxpr

_MARK = Primitive("marked_normalization")
_ENTERED = {"jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint"}
At = Callable[..., Any]


def mark(name: str, y: Any, z: Any, *held: Any) -> Any:
    """z; with y and what the module holds (parameters, statistics) as further operands of the equation."""
    return _MARK.bind(y, z, *held, name=name, differentiated=False)


def _second(y: Any, z: Any, *held: Any, **_: Any) -> Any:
    return z


def _pushed(primals: Any, tangents: Any, *, name: str, differentiated: bool) -> tuple[Any, Any]:
    return _MARK.bind(*primals, name=name, differentiated=True), tangents[1]


def _mapped(values: Any, axes: Any, **parameters: Any) -> tuple[Any, int]:
    size = next(each.shape[axis] for each, axis in zip(values, axes, strict=True) if axis is not None)
    out = []
    for position, (each, axis) in enumerate(zip(values, axes, strict=True)):
        if axis is not None:
            out.append(jnp.moveaxis(each, axis, 0))
        else:  # y and z belong to every sample, what is held to all
            out.append(jnp.broadcast_to(each, (size, *each.shape)) if position < 2 else each)
    return _MARK.bind(*out, **parameters), 0


_MARK.def_impl(_second)
_MARK.def_abstract_eval(_second)
ad.primitive_jvps[_MARK] = _pushed
batching.primitive_batchers[_MARK] = _mapped
mlir.register_lowering(_MARK, mlir.lower_fun(_second, multiple_results=False))


def run(program: ClosedJaxpr, values: list[Any], at: At) -> list[Any]:
    """The program's results where every marked call gives ``at(name, y, z, *held)``."""
    return _run(program.jaxpr, program.consts, values, at)


def _run(jaxpr: Jaxpr, consts: Any, values: Any, at: At) -> list[Any]:
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    known |= dict(zip(jaxpr.invars, values, strict=True))

    def value(variable: Any) -> Any:
        return variable.val if isinstance(variable, Literal) else known[variable]

    for equation in jaxpr.eqns:
        given = [value(each) for each in equation.invars]
        inner = _entered(equation)
        if equation.primitive is _MARK:
            out = [at(equation.params["name"], *given)]
        elif inner is not None and next(_marks(inner), None) is not None:
            closed = isinstance(inner, ClosedJaxpr)
            out = _run(inner.jaxpr if closed else inner, inner.consts if closed else (), given, at)
        else:
            bound = equation.primitive.get_bind_params(equation.params)
            functions, parameters = bound if isinstance(bound, tuple) else ((), bound)  # of JAX before 0.10, and since
            with user_context(equation.source_info.traceback), getattr(equation.ctx, "manager", nullcontext()):
                found = equation.primitive.bind(*functions, *given, **parameters)
            out = found if equation.primitive.multiple_results else [found]
        known.update(zip(equation.outvars, out, strict=True))
    return [value(each) for each in jaxpr.outvars]


def _entered(equation: Any) -> Any:
    """The inner program of an equation that only calls it."""
    if equation.primitive.name not in _ENTERED:
        return None
    return equation.params.get("jaxpr", equation.params.get("call_jaxpr"))


def _marks(program: Any, inside: str = "") -> Iterator[tuple[str, str]]:
    """(name, what it is inside of) of every mark, in the order of evaluation."""
    for equation in (program.jaxpr if isinstance(program, ClosedJaxpr) else program).eqns:
        if equation.primitive is _MARK:
            reason = "a loss that differentiates the network" if equation.params["differentiated"] else ""
            yield equation.params["name"], inside or reason
        own = "" if _entered(equation) is not None else equation.primitive.name
        for parameter in equation.params.values():
            for part in parameter if isinstance(parameter, (tuple, list)) else (parameter,):
                if isinstance(part, (ClosedJaxpr, Jaxpr)):
                    yield from _marks(part, inside or own)


def marked(program: ClosedJaxpr) -> tuple[list[str], dict[str, str]]:
    """The names that can be replaced, in the order of evaluation, and why others cannot."""
    seen: dict[str, list[str]] = {}
    for name, inside in _marks(program):
        seen.setdefault(name, []).append(inside)
    hidden = {}
    for name, places in seen.items():
        if len(places) > 1:
            hidden[name] = f"it is called {len(places)} times in one evaluation"
        elif places[0]:
            hidden[name] = f"it is called inside of {places[0]}"
    return [name for name in seen if name not in hidden], hidden


def needed(function: Callable, *arguments: Any) -> Jaxpr:
    """The program of a function without what its results do not depend on."""
    program = jax.make_jaxpr(function)(*arguments)
    return dce_jaxpr(program.jaxpr, [True] * len(program.jaxpr.outvars))[0]
