"""The figures that stored runs can draw, by name: ``figures_of(load_run(path)).training()``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from bnverify.empirical.runs.records import Run
from bnverify.reports.figures.catalogue import drawings
from bnverify.reports.figures.figure import Drawing
from bnverify.reports.figures.lines import by_seed
from bnverify.reports.figures.overlays import overlays


class Figures:
    """Figures by name: as attributes (``theorem_4_1``) and items (``"theorem-4.1"``); each is called to be drawn, and
    its ``data`` are the numbers it shows."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs

    @cached_property
    def _drawings(self) -> dict[str, Drawing]:
        found, _ = drawings(self._runs[0]) if len(self._runs) == 1 else overlays(by_seed(self._runs))
        return {drawing.name: drawing for drawing in found}

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
        width = max(map(len, dir(self)), default=0) + 2
        return "\n".join(f"{f'{_attribute(d.name)}()':{width}}  {_plain(d.title)}" for d in self._drawings.values())

    def _repr_markdown_(self) -> str:
        rows = (f"| `{_attribute(d.name)}()` | {d.title} |" for d in self._drawings.values())
        return "\n".join(["| figure | what it shows |", "|---|---|", *rows])


def _attribute(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _plain(title: str) -> str:
    from bnverify.reports.output.markdown import plain

    return plain(title)


def figures_of(*runs: Run) -> Figures:
    """The figures of a run, or of several side by side."""
    return Figures(runs)
