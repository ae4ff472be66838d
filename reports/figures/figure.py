"""The figure: numbers read from a run, and a drawing of those numbers. Tests look at the numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from matplotlib.figure import Figure as Canvas
from matplotlib.figure import FigureBase

from bnverify.reports.figures import style

Subject = TypeVar("Subject")
Data = TypeVar("Data")


class NotRecorded(Exception):
    """A figure cannot be drawn because the run did not record what it shows; the message says what is missing."""


@dataclass(frozen=True)
class Drawing:
    """A figure whose numbers are there: ready to be drawn. ``height`` is in cm; ``film`` are frames for a screen."""

    name: str
    title: str
    caption: str
    data: Any
    draw: Callable[[Any, FigureBase], None]
    height: float
    film: str = ""

    def figure(self) -> Canvas:
        """The figure alone."""
        with style.look():
            canvas = style.new_figure(self.height)
            self.draw(self.data, canvas)
            return canvas

    __call__ = figure


@dataclass(frozen=True)
class Figure(Generic[Subject, Data]):
    """``data(subject)`` reads the numbers (NotRecorded where they are not there), ``draw(data, canvas)`` shows them,
    and ``caption`` says how they are read, in the words of the network with and without batch norm. The subject is a
    run, or runs side by side; ``words`` puts its names into the caption."""

    name: str
    title: str
    caption: str
    data: Callable[[Subject], Data]
    draw: Callable[[Data, FigureBase], None]
    height: Callable[[Data], float]
    words: Callable[[str, Subject], str] = lambda text, subject: text
    film: Callable[[Data], str] = lambda data: ""

    def drawing(self, subject: Subject) -> Drawing:
        """The figure of a subject; NotRecorded where it does not hold what the figure shows."""
        data = self.data(subject)
        caption, title = (self.words(text, subject) for text in (self.caption, self.title))
        return Drawing(self.name, title, caption, data, self.draw, self.height(data), self.film(data))

    def __call__(self, subject: Subject) -> Canvas:
        """The figure, drawn."""
        return self.drawing(subject).figure()
