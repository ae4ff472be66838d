"""A report without TeX: the same blocks on pages that matplotlib sets alone, said so on the first page."""

from __future__ import annotations

from collections.abc import Sequence

from bnverify.reports.blocks import (
    Block,
    Cite,
    Display,
    Document,
    Drawing,
    Facts,
    Fold,
    Link,
    Listing,
    Paragraph,
    Section,
    Span,
    Table,
    Text,
    Together,
)
from bnverify.reports.pages import Pages, look
from bnverify.reports.prose import verbatim

_SIZES = (13.0, 10.0, 9.0)


def fallback_pdf(document: Document, note: str) -> bytes:
    """A PDF of the whole report; ``note`` says why it was not set by TeX."""
    with look():
        pages = Pages()
        pages.heading(document.title, size=17)
        if document.subtitle:
            pages.paragraph(document.subtitle, size=11)
        pages.paragraph(document.author, size=11, after=0.4)
        pages.paragraph(verbatim(note), lead="Note:", after=0.4)
        pages.paragraph(" ".join(map(text, document.abstract)), lead="Abstract.", after=0.4)
        for section in document.sections:
            _section(pages, section, 0)
        if document.references:
            pages.heading("References")
        for key, reference in document.references:
            pages.paragraph(verbatim(reference), lead=f"{key}:", size=8)
        return pages.pdf(document.title)


def text(marked: Text) -> str:
    """Text without its spans, marked up."""
    return "".join(map(_span, (marked,) if isinstance(marked, str) else marked))


def _span(span: Span) -> str:
    if isinstance(span, str):
        return span
    if isinstance(span, Cite):
        return f"[{span.key}]"
    if isinstance(span, Link):
        return _span(span.shown)
    return span[0]


def _section(pages: Pages, section: Section, depth: int) -> None:
    if depth == 0:
        pages.need(6)
    elif isinstance(section.blocks[0] if section.blocks else None, Together):
        pages.need(5)
    pages.heading(section.title, size=_SIZES[min(depth, len(_SIZES) - 1)])
    for block in section.blocks:
        if isinstance(block, Section):
            _section(pages, block, depth + 1)
        else:
            _block(pages, block)


def _blocks(pages: Pages, blocks: Sequence[Block], size: float) -> None:
    for block in blocks:
        _block(pages, block, size)


def _block(pages: Pages, block: Block, size: float = 9.0) -> None:
    match block:
        case Paragraph(marked, lead, small):
            pages.paragraph(text(marked), lead=lead, size=8 if small else size)
        case Display(rows, plain):
            pages.formula(rows, plain, size=size)
        case Table(head, rows, widths):
            names = list(map(text, head)) if head else [""] * len(widths)
            pages.table(names, [list(map(text, row)) for row in rows], widths, 7 if head else 8)
        case Facts(items):
            for item in items:
                pages.paragraph(f"• {text(item)}", size=size, indent=0.4)
        case Listing(lines):
            for line in lines.splitlines():
                pages.paragraph(verbatim(line), size=8, indent=0.4)
        case Fold(title, inside):
            pages.paragraph("", lead=f"{title}.", size=8, after=0.05)
            _blocks(pages, inside, 8)
        case Together(inside):
            _blocks(pages, inside, size)
        case Drawing():
            pages.figure(block.height, block.draw, block.caption)
