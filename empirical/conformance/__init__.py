"""What holds of a single layer, of whatever framework: `conforms` tests it and says in words what it is."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["Finding", "Report", "conforms"]
_WHERE = {"conforms": "suite", "Report": "report", "Finding": "report"}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"bnverify.empirical.conformance.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
