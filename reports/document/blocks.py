r"""A report as data: sections of paragraphs, displays, tables and pictures, written once for paper and for screens.

Text is marked-up text (see ``bnverify.reports.document.prose``), or a tuple of it and of spans.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple


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
    """A reference to a section or a picture by its label; with ``number`` its number is said behind ``shown``."""

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
    """``lead`` stands before the text, emphasised; with ``keep`` no page ends behind it; ``label`` names its place."""

    text: Text
    lead: str = ""
    small: bool = False
    keep: bool = False
    label: str = ""


@dataclass(frozen=True)
class Display:
    """A formula in pieces of TeX between which a line may be broken."""

    pieces: Sequence[str]


@dataclass(frozen=True)
class Table:
    """Rows of cells in columns of widths in any unit; columns marked "r" hold numbers. With a caption it is numbered. A
    row with an empty first cell belongs to the row before it."""

    head: Sequence[str]
    rows: Sequence[Sequence[Text]]
    widths: Sequence[float]
    align: str = ""
    caption: str = ""
    label: str = ""

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
class Picture:
    """A drawn figure by the name of its file; ``title`` says in a few words what it shows, ``caption`` how to read it.
    ``film`` are frames that a screen can show one after the other, as JSON."""

    name: str
    title: str
    caption: str
    film: str = ""

    @property
    def label(self) -> str:
        return f"figure:{self.name}"


@dataclass(frozen=True)
class Fold:
    """Blocks behind a title, closed on a screen and open on paper."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Statement:
    """Blocks that say what is claimed, set apart from the text around them."""

    blocks: Sequence[Block]


@dataclass(frozen=True)
class PageBreak:
    """What follows begins on a new page of paper."""


@dataclass(frozen=True)
class Contents:
    """The table of contents stands here on paper; on a screen it stands beside the text."""


@dataclass(frozen=True)
class Section:
    """``title`` is marked-up text; those of an appendix have letters for numbers."""

    title: str
    label: str
    blocks: Sequence[Block | Section]
    appendix: bool = False


Block = Paragraph | Display | Table | Facts | Listing | Picture | Fold | Statement | PageBreak | Contents


@dataclass(frozen=True)
class Document:
    """A report: ``front`` comes before the numbered sections; ``references`` are keys and texts of the literature."""

    title: str
    subtitle: str
    author: str
    front: Sequence[Block]
    sections: Sequence[Section]
    references: Sequence[tuple[str, str]] = ()


def walk(blocks: Iterable[Block | Section]) -> Iterator[Block | Section]:
    """All blocks and sections in reading order, outer ones first."""
    for block in blocks:
        yield block
        if isinstance(block, Section | Fold | Statement):
            yield from walk(block.blocks)


def pictures(document: Document) -> list[Picture]:
    """All figures in reading order."""
    return [block for block in walk((*document.front, *document.sections)) if isinstance(block, Picture)]


def numbers(document: Document) -> dict[str, str]:
    """What every labelled section, figure and table is called: "3.2", "B", "Figure 4", "Table 1"."""
    out: dict[str, str] = {}

    def count(sections: Iterable[Block | Section], before: str) -> None:
        plain = appendix = 0
        for section in (one for one in sections if isinstance(one, Section)):
            if section.appendix and not before:
                appendix += 1
                number = chr(ord("A") + appendix - 1)
            else:
                plain += 1
                number = f"{before}{plain}"
            out[section.label] = number
            count(section.blocks, f"{number}.")

    count(document.sections, "")
    for kind, noun in ((Picture, "Figure"), (Table, "Table")):
        found = [block for block in walk((*document.front, *document.sections)) if isinstance(block, kind)]
        labels = [block.label for block in found if not isinstance(block, Table) or block.caption]
        out |= {label: f"{noun} {number}" for number, label in enumerate(labels, 1)}
    return out
