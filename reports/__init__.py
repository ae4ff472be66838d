"""Figures, PDF, HTML and LaTeX of stored runs; nothing here trains or measures, and importing it never imports JAX."""

from __future__ import annotations

if __name__ == "reports":
    raise ImportError("got: import reports; expected: import bnverify.reports, its only name")

from importlib import import_module
from typing import Any

_WHERE = {
    "FIGURES": "figures.catalogue", "Built": "output.build", "Document": "document.blocks", "Figure": "figures.figure",
    "Figures": "figures.available", "NotRecorded": "figures.figure", "build_comparison": "chapters.comparison_report",
    "build_experiment_report": "chapters.experiment_report", "build_report": "chapters.run_report",
    "figures_of": "figures.available",
}  # fmt: skip
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    """Each name comes from its module when it is asked for: importing the package costs nothing."""
    if name not in _WHERE:
        raise AttributeError(f"module 'bnverify.reports' has no attribute {name!r}")
    return getattr(import_module(f"bnverify.reports.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
