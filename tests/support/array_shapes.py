"""Shapes and kinds of arrays, checked against their annotations while the tests run.

    pytest --jaxtyping-packages=bnverify.empirical.networks,array_shapes.checked

What is not annotated as an array is not looked at, nor is what is no array: a test may hand in a stand-in.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from jaxtyping import AbstractArray


def checked(function: Callable) -> Callable:
    """The function with its arrays checked; jaxtyping makes a sentence of the TypeError, and binds names of sizes."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        hints = _arrays(function)
        given = signature.bind(*args, **kwargs).arguments if hints else {}
        for name, hint in hints.items():
            if name in given:
                _check(name, given[name], hint)
        returned = function(*args, **kwargs)
        if "return" in hints:
            _check("what is returned", returned, hints["return"])
        return returned

    return call


def _check(name: str, value: Any, hint: type) -> None:
    if hasattr(value, "shape") and not isinstance(value, hint):
        raise TypeError(f"{name}: {value.dtype}{list(value.shape)} is no {hint.__name__}")


@functools.cache
def _arrays(function: Callable) -> dict[str, type]:
    """The annotations that are arrays. Names that only a type checker knows cannot be such."""
    found = {}
    for name, hint in function.__annotations__.items():
        try:
            known = eval(hint, function.__globals__) if isinstance(hint, str) else hint
        except NameError:
            continue
        if isinstance(known, type) and issubclass(known, AbstractArray):
            found[name] = known
    return found
