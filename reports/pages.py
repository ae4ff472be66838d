"""A4 pages filled from top to bottom with text, formulas, tables and figures, by matplotlib alone."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure, FigureBase
from matplotlib.font_manager import FontProperties
from matplotlib.gridspec import GridSpec
from matplotlib.textpath import TextToPath

from bnverify.reports import style
from bnverify.reports.formula import Row, to_mathtext

WIDTH, HEIGHT, MARGIN, FOOT = 21.0, 29.7, 2.5, 2.2  # cm
ROOM = style.TEXT_WIDTH / 2.54 * 72  # points
_POINT = 2.54 / 72  # cm
_MEASURE = TextToPath()


def look():
    """The look of the pages: a text font with all characters, and mathematics to match."""
    return style.look(**{"font.family": "STIXGeneral", "mathtext.fontset": "stix", "font.size": 9})


def shown(marked: str, size: float = 10) -> str:
    """Marked-up text with its mathematics in the subset that matplotlib knows; plain text where that fails."""
    text = re.sub(r"(?<!\\)\$(.+?)(?<!\\)\$", lambda match: f"${to_mathtext(match[1])}$", marked)
    return text if parses(text, size) else re.sub(r"[${}]|\\(?=[A-Za-z])", "", marked)


def parses(text: str, size: float = 10) -> bool:
    """Whether matplotlib can set the text."""
    try:
        text_width(text, size)
    except ValueError:
        return False
    return True


@cache
def _extent(text: str, size: float, weight: str) -> tuple[float, float, float]:
    mathematics = len(re.findall(r"(?<!\\)\$", text)) > 1
    font = FontProperties(size=size, weight=weight, family="STIXGeneral", math_fontfamily="stix")
    return _MEASURE.get_text_width_height_descent(text, font, mathematics)


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width in points."""
    return float(_extent(text, size, weight)[0]) if text else 0.0


def wrapped(marked: str, size: float, room: float, first: float = 0.0, weight: str = "normal") -> list[str]:
    """Lines at most ``room`` points wide, the first one shorter by ``first``; formulas are not broken."""
    lines, used = [""], first
    space = text_width("n n", size) - 2 * text_width("n", size)
    for word in re.findall(r"(?:\$(?:\\\$|[^$])*\$|\\\$|[^\s$])+", marked):
        word = shown(word, size)
        wide = text_width(word, size, weight)
        if lines[-1] and used + space + wide > room:
            lines.append(word)
            used = wide
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
            used += wide + (space if used > first else 0)
    return lines


def _drop(line: str, size: float, weight: str = "normal") -> tuple[float, float]:
    """How far below the line before it the base line lies, and how much room a tall formula needs below it, in cm."""
    extents = [_extent(formula, size, weight) for formula in re.findall(r"(?<!\\)\$.+?(?<!\\)\$", line)]
    rise = max((height - descent for _, height, descent in extents), default=0.0)
    deep = max((descent for _, _, descent in extents), default=0.0)
    return max(1.35 * size, rise + 0.55 * size) * _POINT, max(0.0, deep - 0.25 * size) * _POINT


class Pages:
    """Collects pages; ``pdf()`` gives the document."""

    def __init__(self) -> None:
        self.pages: list[Figure] = []
        self.new()

    def new(self) -> None:
        """A new page."""
        self.pages.append(Figure(figsize=(WIDTH / 2.54, HEIGHT / 2.54)))
        self.y = MARGIN
        number = str(len(self.pages))
        self.pages[-1].text(0.5, 1.2 / HEIGHT, number, ha="center", fontsize=9, in_layout=False)

    def need(self, height: float) -> None:
        """Start a new page unless ``height`` cm are left."""
        if self.y + height > HEIGHT - FOOT:
            self.new()

    def space(self, height: float) -> None:
        self.y += height

    def _put(self, x: float, text: str, size: float, **options) -> None:
        """Text whose base line is at the current height, x cm from the left edge of the text."""
        self.pages[-1].text(
            (MARGIN + x) / WIDTH, 1 - self.y / HEIGHT, text, fontsize=size, va="baseline", in_layout=False, **options
        )

    def paragraph(
        self, marked: str, *, size: float = 9, indent: float = 0, lead: str = "", after: float = 0.12
    ) -> None:
        """Text of the given size, ``lead`` in bold before it."""
        lead = shown(lead, size)
        first = text_width(lead + " ", size, "bold") + 3 if lead else 0.0
        for number, line in enumerate(wrapped(marked, size, ROOM - indent / _POINT, first)):
            above, below = _drop(line, size)
            self.need(above + below)
            self.y += above
            if number == 0 and lead:
                self._put(indent, lead, size, weight="bold")
            self._put(indent + (first * _POINT if number == 0 else 0), line, size)
            self.y += below
        self.y += after

    def heading(self, marked: str, *, size: float = 12) -> None:
        self.need(4 * size * _POINT)
        self.y += 0.9 * size * _POINT
        for line in wrapped(marked, size, ROOM, weight="bold"):
            self.y += 1.3 * size * _POINT
            self._put(0, line, size, weight="bold")
        self.y += 0.15

    def formula(self, rows: Sequence[Row], alternative: str, *, size: float = 9) -> None:
        """Rows of a display; ``alternative`` as plain text where matplotlib cannot set one of them."""
        texts = [(to_mathtext(row.lead), to_mathtext(row.body.replace(r"\quad", r"\quad "))) for row in rows]
        texts = [(f"${lead}$" if lead else "", f"${body}$") for lead, body in texts]
        if not all(parses(text, size) for pair in texts for text in pair):
            self.paragraph(alternative.replace("$", r"\$"), size=size, indent=0.6)
            return
        column = max(text_width(lead, size) for lead, _ in texts) * _POINT
        for lead, body in texts:
            extents = [_extent(text, size, "normal") for text in (lead, body) if text]
            descent = max(extent[2] for extent in extents) * _POINT
            ascent = max(extent[1] for extent in extents) * _POINT - descent
            self.need(ascent + descent + 0.15)
            self.y += ascent + 0.1
            self._put(0.6, lead, size)
            self._put(0.6 + column + (0.1 if column else 0), body, size)
            self.y += descent + 0.05
        self.y += 0.08

    def table(
        self, head: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[float], size: float = 7
    ) -> None:
        """Rows of marked-up cells in columns of the given widths in cm; the head is repeated on a new page."""
        rows = list(rows)
        self.need(sum(self._height(row, widths, size) for row in (head, *rows[:1])))
        self._row(head, widths, size, weight="bold")
        for row in rows:
            if self.y + self._height(row, widths, size) > HEIGHT - FOOT:
                self.new()
                self._row(head, widths, size, weight="bold")
            self._row(row, widths, size)
        self.y += 0.2

    def _height(self, row: Sequence[str], widths: Sequence[float], size: float) -> float:
        """Height of a row of a table in cm."""
        cells = (wrapped(cell, size, (wide - 0.2) / _POINT) for cell, wide in zip(row, widths, strict=True))
        return max(sum(sum(_drop(line, size)) for line in lines) for lines in cells)

    def _row(self, row: Sequence[str], widths: Sequence[float], size: float, **options) -> None:
        """A row of a table; the first lines of its cells share a base line."""
        cells = [wrapped(cell, size, (wide - 0.2) / _POINT) for cell, wide in zip(row, widths, strict=True)]
        first = max(_drop(lines[0], size)[0] for lines in cells)
        top, x, deepest = self.y, 0.0, self.y
        for lines, wide in zip(cells, widths, strict=True):
            self.y = top
            for number, line in enumerate(lines):
                above, below = _drop(line, size)
                self.y += above if number else first
                self._put(x, line, size, **options)
                self.y += below
            deepest = max(deepest, self.y)
            x += wide
        self.y = deepest

    def figure(self, height: float, draw: Callable[[FigureBase], None], caption: str) -> None:
        """A figure of the text width with its caption below."""
        lines = len(wrapped(caption, 8, ROOM))
        self.need(height + 0.5 + lines * 1.35 * 8 * _POINT)
        below = HEIGHT - self.y - height
        if self.pages[-1].get_layout_engine() is None:
            self.pages[-1].set_layout_engine("constrained")
        grid = GridSpec(3, 3, figure=self.pages[-1], width_ratios=[MARGIN, style.TEXT_WIDTH, MARGIN],
                        height_ratios=[self.y, height, below], wspace=0, hspace=0)  # fmt: skip
        draw(self.pages[-1].add_subfigure(grid[1, 1]))
        self.y += height + 0.1
        self.paragraph(caption, size=8, after=0.6)

    def pdf(self, title: str) -> bytes:
        """All pages as one PDF with fixed metadata."""
        buffer = io.BytesIO()
        with PdfPages(buffer, metadata={**style.METADATA, "Title": title}) as document:
            for page in self.pages:
                document.savefig(page)
        return buffer.getvalue()
