"""Further formats of a report, each a module of this package with its `OUTPUT`; a new one is a new module."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bnverify.errors import InputError


class SettingFailed(Exception):
    """The program that sets a format's PDF is there but did not; the message ends with the last lines of its log."""


@dataclass(frozen=True)
class Output:
    """A format: ``text(markdown)`` is the content of report.NAME. ``vectors``: its figures are wanted as PDF too,
    beside those that the page shows. ``engine()`` names a program of the machine that sets report.pdf from report.NAME
    in place of Typst, or is None; ``set(directory, program)`` then returns that PDF and the program's log, or raises
    SettingFailed."""

    name: str
    text: Callable[[str], str]
    vectors: bool = False
    engine: Callable[[], str | None] | None = None
    set: Callable[[Path, str], tuple[bytes, str]] | None = None


@cache
def outputs() -> dict[str, Output]:
    """All further formats by name."""
    package = importlib.import_module(__name__.rpartition(".")[0])
    modules = (
        importlib.import_module(f"{package.__name__}.{info.name}") for info in pkgutil.iter_modules(package.__path__)
    )
    return {module.OUTPUT.name: module.OUTPUT for module in modules if hasattr(module, "OUTPUT")}


def chosen(names: Iterable[str]) -> list[Output]:
    """The formats of those names; InputError lists the known ones."""
    unknown = [name for name in names if name not in outputs()]
    if unknown:
        raise InputError(
            got=f"the format {unknown[0]!r}",
            expected=f"one of {', '.join(outputs())}; Markdown, HTML and PDF are always there",
            advice="pass a listed name",
        )
    return [outputs()[name] for name in dict.fromkeys(names)]
