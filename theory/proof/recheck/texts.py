"""The expressions in a document, wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def texts(part: Any) -> Iterator[str]:
    """The expressions in a part of a document."""
    if isinstance(part, list):
        yield from (text for each in part for text in texts(each))
    elif isinstance(part, Mapping):
        for field in ("left", "right", "value", "scale", "rho", "gain", "shift", "slack"):
            inside = part.get(field)
            if isinstance(inside, str) and not (field == "left" and isinstance(part["right"], Mapping)):
                yield inside
            elif isinstance(inside, Mapping):
                yield from inside.values()
        if part.get("gradient") is not None:
            yield from part["gradient"].values()
        yield from [part["of"]] if part.get("because") == "square" else _combinations(part.get("of"))
        yield from (text for field in ("condition", "equations", "products") for text in texts(part.get(field)))


def parts(value: Any) -> tuple[str, ...]:
    """The vectors and expressions of a value."""
    return (*value, *value.values()) if isinstance(value, Mapping) else (value,)


def _combinations(of: Any) -> Iterator[str]:
    """The expressions in the evidence for a sign: coefficients of vectors, and those of further factors."""
    if isinstance(of, list):
        yield from (text for each in of for text in _combinations(each))
    elif isinstance(of, Mapping):
        yield from texts(of) if "because" in of else of.values()
