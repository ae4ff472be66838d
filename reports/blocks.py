r"""A report as data: sections of paragraphs, displays, tables and figures, written once; set in LaTeX, in HTML and by
matplotlib.

Text is marked-up text (see ``bnverify.reports.prose``), or a tuple of it and of spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from matplotlib.figure import Figure, FigureBase

from bnverify.reports import style
from bnverify.reports.formula import Row


class Key(NamedTuple):
    """A name in typewriter that may be broken behind a hyphen."""

    text: str


class Strong(NamedTuple):
    """Bold words."""

    text: str


class Emphasis(NamedTuple):
    """Words in italics."""

    text: str


class Link(NamedTuple):
    """A reference to a section by its label; in print ``shown`` is followed by the section's number."""

    label: str
    shown: str | Key
    number: bool = False


class Cite(NamedTuple):
    """An entry of the references by its key."""

    key: str


Span = str | Key | Strong | Emphasis | Link | Cite
Text = str | tuple[Span, ...]


def listed(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans with commas between."""
    return tuple(part for number, span in enumerate(spans) for part in ((", ", span) if number else (span,)))


@dataclass(frozen=True)
class Paragraph:
    """``lead`` stands before the text, emphasised."""

    text: Text
    lead: str = ""
    small: bool = False


@dataclass(frozen=True)
class Display:
    """Rows of a formula; ``plain`` is what is shown where they cannot be set."""

    rows: Sequence[Row]
    plain: str


@dataclass(frozen=True)
class Table:
    """Rows of cells in columns of the given widths in cm; columns marked "r" hold numbers. A row with an empty first
    cell belongs to the row before it."""

    head: Sequence[str]
    rows: Sequence[Sequence[Text]]
    widths: Sequence[float]
    align: str = ""
    small: bool = True

    def __post_init__(self) -> None:
        columns = len(self.widths)
        wrong = [row for row in self.rows if len(row) != columns]
        if wrong or len(self.head) not in (0, columns) or len(self.align) not in (0, columns):
            raise ValueError(f"got {wrong[:1] or self.head or self.align}; expected {columns} cells in every row")


@dataclass(frozen=True)
class Facts:
    """A list with bullets."""

    items: Sequence[Text]


@dataclass(frozen=True)
class Listing:
    """Lines as they are, for a terminal."""

    text: str


@dataclass(frozen=True)
class Drawing:
    """A figure: ``draw`` puts it into a figure or a part of one; ``height`` is in cm."""

    name: str
    height: float
    caption: str
    draw: Callable[[FigureBase], None]

    def figure(self) -> Figure:
        """The figure alone; ``NotRecorded`` where the runs do not hold what it shows."""
        with style.look():
            figure = style.new_figure(self.height)
            self.draw(figure)
            return figure

    __call__ = figure


@dataclass(frozen=True)
class Fold:
    """Blocks behind a title, closed on a screen and open on paper."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Together:
    """Blocks that stay on one page."""

    blocks: Sequence[Block]


@dataclass(frozen=True)
class Section:
    """``title`` is marked-up text; ``numbered`` ones are in the table of contents."""

    title: str
    label: str
    blocks: Sequence[Block | Section]
    numbered: bool = True
    appendix: bool = False


Block = Paragraph | Display | Table | Facts | Listing | Drawing | Fold | Together


@dataclass(frozen=True)
class Document:
    """A report: ``references`` are keys and texts of the literature that is cited."""

    title: str
    subtitle: str
    author: str
    abstract: Sequence[Text]
    sections: Sequence[Section]
    references: Sequence[tuple[str, str]]


def walk(blocks: Sequence[Block | Section]) -> Iterator[Block | Section]:
    """All blocks and sections in reading order, outer ones first."""
    for block in blocks:
        yield block
        if isinstance(block, Section | Fold | Together):
            yield from walk(block.blocks)


def drawings(document: Document) -> list[Drawing]:
    """All figures in reading order."""
    return [block for block in walk(document.sections) if isinstance(block, Drawing)]
