"""Of which framework a layer is: by its class, or by the modules that a function uses."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any

_BASES = (
    ("keras", "keras", "Layer", "keras"),  # before PyTorch: on that backend its layers are modules, too
    ("torch", "torch.nn", "Module", "torch"), ("torch", "torch.autograd", "Function", "torch"),
    ("flax", "flax.nnx", "Module", "nnx"), ("flax", "flax.linen", "Module", "linen"),
    ("haiku", "haiku", "Module", "haiku"), ("equinox", "equinox", "Module", "equinox"),
)  # fmt: skip
_PACKAGES = {"torch": ("torch",), "jax": ("jax", "jaxlib", "optax", "flax", "equinox"), "keras": ("keras",),
             "numpy": ("numpy",)}  # fmt: skip


def frameworks(layer: Any) -> tuple[str, ...]:
    """The one that it is of or, of a function, those that it may be of: the modules that its code names and, where it
    names none (it calls methods of y), those of its file."""
    kind = layer if inspect.isclass(layer) else type(layer)
    for package, module, base, name in _BASES:
        base_class = getattr(sys.modules.get(module), base, None) if package in sys.modules else None
        if base_class is not None and issubclass(kind, base_class):
            return (name,)
    inner = inspect.unwrap(layer)
    inner = getattr(inner, "func", inner)  # functools.partial
    scope = _scope(inner)
    named = _of({_root(each) for each in _named(inner, set())})
    if named and named != ("numpy",):
        return named
    roots = {_root(each) for each in scope.values() if inspect.ismodule(each)} | {_root(inner), _root(type(inner))}
    imported = _of(roots) or ("numpy",)  # NumPy may be named for a constant, by a function of tensors
    return tuple(dict.fromkeys((*named, *imported)))


def _of(roots: set[str]) -> tuple[str, ...]:
    return tuple(name for name, packages in _PACKAGES.items() if roots & set(packages))


def _root(value: Any) -> str:
    name = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None) or type(value).__module__
    return str(name).split(".")[0]


def _scope(function: Any) -> dict[str, Any]:
    """The globals and the variables of enclosing functions that a function sees."""
    kind = function if inspect.isclass(function) else type(function)
    scope = getattr(function, "__globals__", getattr(sys.modules.get(kind.__module__), "__dict__", {}))
    names, cells = getattr(getattr(function, "__code__", None), "co_freevars", ()), getattr(function, "__closure__", ())
    return {
        **scope,
        **{name: cell.cell_contents for name, cell in zip(names, cells or (), strict=False) if _filled(cell)},
    }


def _named(function: Any, seen: set[int]) -> Iterator[Any]:
    """Modules, classes and functions that the code of a function, or of a class's methods, names, also in the functions
    of its own file."""
    code = getattr(function, "__code__", None)
    if code is None:
        for base in (function if inspect.isclass(function) else type(function)).__mro__:
            for method in (getattr(each, "__func__", each) for each in vars(base).values()):
                if inspect.isfunction(method):
                    yield from _named(method, seen)
        return
    if id(code) in seen:
        return
    seen.add(id(code))
    scope = _scope(function)
    for name in _names(code):
        value = scope.get(name)
        value = getattr(value, "func", value)
        if inspect.isfunction(value) and value.__globals__ is getattr(function, "__globals__", None):
            yield from _named(value, seen)
        elif inspect.ismodule(value) or callable(value):
            yield value


def _names(code: CodeType) -> Iterator[str]:
    yield from (*code.co_names, *code.co_freevars)
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _names(part)


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
