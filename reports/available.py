"""The figures that stored runs can draw, by name: ``figures_of(load_run(path)).training()``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NoReturn, cast

from matplotlib.figure import FigureBase

from bnverify.empirical.runs.records import Run
from bnverify.reports.blocks import Drawing
from bnverify.reports.figures import FIGURES
from bnverify.reports.lines import by_seed
from bnverify.reports.overlays import overlays
from bnverify.reports.panels import NotRecorded


class _Drawable(Exception):
    """A drawing has found its records and asks for axes."""


class _Probe:
    """Stands in for a figure until axes are wanted, so that what can be drawn is known before anything is."""

    def subplots(self, *_, **__) -> NoReturn:
        raise _Drawable


def drawable(drawing: Drawing) -> bool:
    """Whether the runs hold what the figure shows."""
    try:
        drawing.draw(cast(FigureBase, _Probe()))
    except _Drawable:
        return True
    except NotRecorded:
        return False
    return True


class Figures:
    """Figures by name: as attributes (``theorem_4_1``) and items (``"theorem-4.1"``); each is called to be drawn."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs

    @cached_property
    def _drawings(self) -> dict[str, Drawing]:
        one = len(self._runs) == 1
        found = [plot.drawing(self._runs[0]) for plot in FIGURES.values()] if one else overlays(by_seed(self._runs))
        return {drawing.name: drawing for drawing in found if drawable(drawing)}

    def __getitem__(self, name: str) -> Drawing:
        return self._drawings[name]

    def __getattr__(self, name: str) -> Drawing:
        if name.startswith("_"):  # what IPython and pickle ask for is no figure
            raise AttributeError(name)
        found = next((drawing for key, drawing in self._drawings.items() if _attribute(key) == name), None)
        if found is None:
            raise AttributeError(f"got {name!r}; expected one of {', '.join(dir(self))}")
        return found

    def __dir__(self) -> list[str]:
        return [_attribute(name) for name in self._drawings]

    def __iter__(self) -> Iterator[str]:
        return iter(self._drawings)

    def __len__(self) -> int:
        return len(self._drawings)

    def __repr__(self) -> str:
        from bnverify.reports.html import plain

        width = max(map(len, dir(self)), default=0) + 2
        return "\n".join(
            f"{f'{_attribute(d.name)}()':{width}}  {plain(first_sentence(d.caption))}" for d in self._drawings.values()
        )

    def _repr_html_(self) -> str:
        from bnverify.reports.html import text

        rows = (
            f"<tr><td><code>{_attribute(d.name)}()</code></td><td>{text(first_sentence(d.caption))}</td></tr>"
            for d in self._drawings.values()
        )
        return f"<table>{''.join(rows)}</table>"


def _attribute(name: str) -> str:
    return re.sub(r"\W", "_", name)


def first_sentence(caption: str) -> str:
    """What a caption says first; full stops in formulas and in numbers end nothing."""
    parts = re.split(r"(\$[^$]*\$)", caption)
    out = ""
    for i, part in enumerate(parts):
        end = re.search(r"[.:](?=\s|$)", part) if i % 2 == 0 else None
        out += part if end is None else part[: end.start()]
        if end is not None:
            break
    return out


def figures_of(*runs: Run) -> Figures:
    """The figures of a run, or of several side by side."""
    return Figures(runs)
