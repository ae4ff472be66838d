"""A report as one HTML page that needs nothing beside it: MathML, inline SVG, its own style, no network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files

from bnverify.reports import mathml
from bnverify.reports.blocks import (
    Block,
    Cite,
    Display,
    Document,
    Drawing,
    Emphasis,
    Facts,
    Fold,
    Key,
    Link,
    Listing,
    Paragraph,
    Section,
    Span,
    Strong,
    Table,
    Text,
    Together,
    walk,
)
from bnverify.reports.template import template

_FORMULA = re.compile(r"(?<!\\)\$(.+?)(?<!\\)\$", re.DOTALL)


def html(document: Document, pictures: Mapping[str, str]) -> str:
    """The page. ``pictures``: the figures as SVG by name."""
    page = _Page(pictures)
    numbers = dict(_numbers(document.sections))
    body = "\n".join(page.section(section, numbers) for section in document.sections)
    _check_anchors(document)
    return template("report.html.j2").render(
        title=escape(plain(document.title)), heading=text(document.title), subtitle=text(document.subtitle),
        author=text(document.author), abstract=" ".join(map(text, document.abstract)),
        contents="\n".join(_entry(section, numbers) for section in document.sections), body=body,
        references=[(anchor(f"reference:{key}"), escape(key), escape(found)) for key, found in document.references],
        style=files("bnverify.reports").joinpath("templates", "report.css").read_text(),
    )  # fmt: skip


def anchor(label: str) -> str:
    """The name of a place on the page: a claim has its key, everything else its kind before it."""
    kind, _, name = label.partition(":")
    name = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")
    return name if kind in ("claim", "section") else f"{kind}-{name}"


def _check_anchors(document: Document) -> None:
    names = [anchor(part.label) for part in walk(document.sections) if isinstance(part, Section)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"got sections that share an anchor, {twice}; expected every label once")


def text(marked: Text) -> str:
    """HTML of text."""
    return "".join(map(_span, (marked,) if isinstance(marked, str) else marked))


def _marked(marked: str) -> str:
    """HTML of marked-up text; a fingerprint may be broken, a formula stays with the sign behind it."""
    parts = _FORMULA.split(marked)
    out = "".join(
        mathml.inline(part) if i % 2 else escape(part.replace(r"\$", "$"), quote=False) for i, part in enumerate(parts)
    )
    out = re.sub(r"(<math(?:(?!</math>).)*</math>)([.,;:)]+)", r'<span class="whole">\1\2</span>', out)
    return re.sub(r"\b[0-9a-f]{64}\b", lambda found: "<wbr>".join(re.findall(".{8}", found[0])), out)


def plain(marked: str) -> str:
    """Marked-up text in plain characters."""
    parts = _FORMULA.split(marked)
    return "".join(mathml.plain(part) if i % 2 else part.replace(r"\$", "$") for i, part in enumerate(parts))


def _span(span: Span) -> str:
    match span:
        case Key(name):
            return f"<code>{escape(name).replace('-', '-<wbr>')}</code>"
        case Strong(marked):
            return f"<strong>{_marked(marked)}</strong>"
        case Emphasis(marked):
            return f"<em>{_marked(marked)}</em>"
        case Cite(key):
            return f'<a href="#{anchor(f"reference:{key}")}">[{escape(key)}]</a>'
        case Link(target, shown, _):
            return f'<a href="#{anchor(target)}">{_span(shown)}</a>'
        case _:
            return _marked(span)


def _numbers(sections: Sequence[Section]) -> Iterator[tuple[str, str]]:
    """Labels of sections and of their subsections with their numbers; letters in the appendix."""
    counts = [0, 0]
    for section in sections:
        counts[section.appendix] += 1
        number = chr(ord("A") + counts[1] - 1) if section.appendix else str(counts[0])
        yield section.label, number
        inside = [part for part in section.blocks if isinstance(part, Section)]
        yield from ((part.label, f"{number}.{i}") for i, part in enumerate(inside, start=1))


def _title(section: Section, numbers: Mapping[str, str]) -> str:
    return f'<span class="number">{numbers.get(section.label, "")}</span> {_marked(section.title)}'


def _entry(section: Section, numbers: Mapping[str, str]) -> str:
    """A line of the table of contents, with those of its subsections behind it."""
    line = f'<a href="#{anchor(section.label)}">{_title(section, numbers)}</a>'
    inside = "\n".join(
        f'<li><a href="#{anchor(part.label)}">{_title(part, numbers)}</a></li>'
        for part in section.blocks
        if isinstance(part, Section)
    )
    return f"<details><summary>{line}</summary>\n<ul>\n{inside}\n</ul></details>" if inside else f"<p>{line}</p>"


class _Page:
    """Sets blocks; counts figures."""

    def __init__(self, pictures: Mapping[str, str]) -> None:
        self._pictures = pictures
        self._figures = 0

    def section(self, section: Section, numbers: Mapping[str, str], depth: int = 2) -> str:
        place = anchor(section.label)
        head = (
            f'<h{depth}>{_title(section, numbers)} <a class="here" href="#{place}" aria-label="link">#</a></h{depth}>'
        )
        parts = [
            self.section(part, numbers, depth + 1) if isinstance(part, Section) else self.block(part)
            for part in section.blocks
        ]
        return f'<section id="{place}">\n{head}\n' + "\n".join(parts) + "\n</section>"

    def blocks(self, blocks: Sequence[Block]) -> str:
        return "\n".join(map(self.block, blocks))

    def block(self, block: Block) -> str:
        match block:
            case Paragraph(marked, lead, small):
                before = f"<em>{_marked(lead)}</em> " if lead else ""
                start = '<p class="small">' if small else "<p>"
                return f"{start}{before}{text(marked)}</p>"
            case Display(rows, _):
                return f'<div class="display">{mathml.display(rows)}</div>'
            case Table():
                return _table(block)
            case Facts(items):
                return "<ul>\n" + "\n".join(f"<li>{text(item)}</li>" for item in items) + "\n</ul>"
            case Listing(lines):
                return f"<pre><code>{escape(lines, quote=False)}</code></pre>"
            case Fold(title, inside):
                return f"<details><summary>{_marked(title)}</summary>\n{self.blocks(inside)}\n</details>"
            case Together(inside):
                return f'<div class="together">\n{self.blocks(inside)}\n</div>'
            case Drawing():
                return self._figure(block)
        raise TypeError(f"got a block {type(block).__name__}; expected one of {Block}")

    def _figure(self, drawing: Drawing) -> str:
        self._figures += 1
        picture = inline_svg(self._pictures[drawing.name], drawing.name, plain(drawing.caption))
        caption = f"<b>Figure {self._figures}.</b> {_marked(drawing.caption)}"
        return f'<figure id="figure-{drawing.name}">\n{picture}\n<figcaption>{caption}</figcaption>\n</figure>'


def _table(table: Table) -> str:
    classes = [' class="number"' if mark == "r" else "" for mark in table.align or "l" * len(table.widths)]
    head = "".join(f'<th scope="col"{c}>{text(cell)}</th>' for cell, c in zip(table.head, classes, strict=False))
    rows = []
    for row in table.rows:
        cells = "".join(f"<td{c}>{text(cell)}</td>" for cell, c in zip(row, classes, strict=True))
        rows.append(f"<tr>{cells}</tr>" if row[0] else f'<tr class="follows">{cells}</tr>')
    top = f"<thead><tr>{head}</tr></thead>\n" if head else ""
    return f'<div class="scroll"><table>\n{top}<tbody>\n' + "\n".join(rows) + "\n</tbody></table></div>"


def inline_svg(svg: str, name: str, alternative: str) -> str:
    """An SVG element for a page: as wide as the text, ids that only this figure has, words for who cannot see it."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg))
    wanted = {one or other for one, other in used}
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}.{m[1]}"' if m[1] in wanted else "", svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}.", svg).replace("xlink:href", "href")
    svg = re.sub(r' xmlns:xlink="[^"]*"| version="[^"]*"', "", svg)
    box = re.search(r'viewBox="([^"]*)"', svg)
    start = f'<svg role="img" aria-label="{escape(alternative)}" viewBox="{box[1] if box else ""}" '
    svg = re.sub(r"<svg[^>]*>", lambda _: start + 'xmlns="http://www.w3.org/2000/svg">', svg, count=1)
    return re.sub(r"\n\s*", "\n", svg).strip()
