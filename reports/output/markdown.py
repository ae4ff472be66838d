r"""A document as Markdown with TeX mathematics: the one source of the PDF, of report.tex and of the page.

Numbers of sections, figures and tables are written into it, so that all three say the same. The dialect is pandoc's,
as narrow as ``FORMAT`` says; every character that could mean something outside mathematics is escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bnverify.reports.document import blocks

FORMAT = (
    "markdown_strict+tex_math_dollars+all_symbols_escapable+header_attributes+fenced_divs"
    "+pipe_tables+table_captions+link_attributes+implicit_figures+fenced_code_blocks+backtick_code_blocks"
    "+raw_attribute+yaml_metadata_block+inline_code_attributes-auto_identifiers"
)
_SPECIAL = re.compile(r"""([\\`*_{}\[\]<>#|~^$@&"'=+!-])""")
_OPENING = re.compile(r"^(\d+|[A-Za-z])([.)])|^([(:%])")
_LINE = 200  # dashes below the head of a table: they share the width in these proportions


@dataclass(frozen=True)
class Writer:
    """Writes blocks; ``numbers`` are what labels are called, ``pictures`` the files of the figures by name."""

    numbers: Mapping[str, str]
    pictures: Mapping[str, str]

    def section(self, section: blocks.Section, depth: int) -> str:
        number = self.numbers[section.label]
        lead = f"Appendix {number}" if section.appendix and depth == 1 else number
        head = f"{'#' * depth} {lead} {self.text(section.title)} {{#{anchor(section.label)}}}"
        return self.several(section.blocks, depth, head)

    def several(self, parts: Sequence[blocks.Block | blocks.Section], depth: int, *before: str) -> str:
        written = [self.section(b, depth + 1) if isinstance(b, blocks.Section) else self.block(b) for b in parts]
        return "\n\n".join([*before, *filter(None, written)])

    def block(self, block: blocks.Block) -> str:
        match block:
            case blocks.Paragraph(text, lead, small, keep, label):
                shown = _opened(self.text(text))
                shown = f"*{self.text(lead)}* {shown}".rstrip() if lead else shown
                kind = "small" if small else "keep" if keep or label else ""
                kind += f" #{anchor(label)}" if label else ""
                return _div(kind, shown) if kind and shown else shown
            case blocks.Display(pieces):
                return _div("display", "\n".join(_mathematics(_signed(piece)) for piece in pieces))
            case blocks.Facts(items):
                return "\n\n".join(f"- {_opened(self.text(item))}" for item in items)
            case blocks.Listing(text):
                return f"````\n{text}\n````"
            case blocks.Statement(inside):
                return _div("statement", self.several(inside, 0))
            case blocks.Fold(title, inside):
                return _div(f'fold title="{title}"', self.several(inside, 0))
            case blocks.PageBreak():
                return _div("pagebreak", "")
            case blocks.Contents():
                return _div("contents", "")
            case blocks.Table():
                return self.table(block)
            case blocks.Picture():
                return self.picture(block)
        raise TypeError(f"got a {type(block).__name__}; expected a block of a document")

    def picture(self, picture: blocks.Picture) -> str:
        number = self.numbers[picture.label]
        caption = f"**{number}: {self.text(picture.title)}.** {self.text(picture.caption)}"
        alt = json.dumps(f"{number}: {plain(picture.title)}", ensure_ascii=False)
        shown = f"![{caption}]({self.pictures[picture.name]}){{#{anchor(picture.label)} alt={alt}}}"
        return f"{shown}\n\n{_film(picture)}" if picture.film else shown

    def table(self, table: blocks.Table) -> str:
        head = table.head or [""] * len(table.widths)
        whole = sum(table.widths)
        align = table.align or "l" * len(table.widths)
        rule = [
            (":" if side != "r" else "") + "-" * max(3, round(_LINE * width / whole)) + (":" if side == "r" else "")
            for width, side in zip(table.widths, align, strict=True)
        ]
        lines = [[self.text(cell) or " " for cell in row] for row in (head, *table.rows)]
        lines.insert(1, rule)
        # A long first line makes pandoc share the width in the proportions of the rule.
        shown = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        if not table.caption:
            return _div("plain" if table.head else "pairs", shown)
        return f"{shown}\n\n: **{self.numbers[table.label]}:** {self.text(table.caption)}"

    def text(self, text: blocks.Text) -> str:
        return "".join(map(self.span, (text,) if isinstance(text, str) else text))

    def span(self, span: blocks.Span) -> str:
        match span:
            case blocks.Key(text):
                return _code(text)
            case blocks.Strong(text):
                return f"**{self.text(text)}**"
            case blocks.Emphasis(text):
                return f"*{self.text(text)}*"
            case blocks.Cite(key):
                return f"[{self.text(key)}](#{anchor(f'reference:{key}')})"
            case blocks.Link(label, shown, number):
                words = self.span(shown)
                called = self.numbers[label] if number else ""
                if called:
                    words += f", {called}" if called[:2] in ("Fi", "Ta") else f" (section\u00a0{called})"
                return f"[{words}](#{anchor(label)})"
        return inline(str(span))


def markdown(document: blocks.Document, pictures: Mapping[str, str], elsewhere: Iterable[str] = ()) -> str:
    """The Markdown of a document; ``pictures``: the file of every figure by name; ``elsewhere``: labels that are in
    other documents, and have no number here."""
    writer = Writer(dict.fromkeys(elsewhere, "") | blocks.numbers(document), pictures)
    head = {
        "title": writer.text(document.title), "subtitle": writer.text(document.subtitle),
        "author": writer.text(document.author), "lang": "en",
    }  # fmt: skip
    front = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in head.items() if value)
    parts = [f"---\n{front}\n---", writer.several(document.front, 0)]
    parts += [writer.section(section, 1) for section in document.sections]
    if document.references:
        entries = [
            f"::: {{.reference #{anchor(f'reference:{key}')}}}\n**{inline(key)}.** {inline(text)}\n:::"
            for key, text in document.references
        ]
        parts += ["# References {#references}", *entries]
    return "\n\n".join(filter(None, parts)) + "\n"


def inline(marked: str) -> str:
    """Markdown of marked-up text: what stands outside the dollars is escaped."""
    parts = re.split(r"(?<!\\)\$", marked)
    out = ""
    for number, part in enumerate(parts):
        if number % 2:
            out += _mathematics(part)
        else:
            text = _SPECIAL.sub(r"\\\1", part.replace(r"\$", "$"))
            out += "<!-- -->" + text if out.endswith("$") and text[:1].isdigit() else text
    return out.replace("\n", " ")


def plain(marked: str) -> str:
    """Marked-up text without its mathematics' marks, for names that are read aloud."""
    text = re.sub(r"\\(mathrm|mathbf|operatorname|hat|[A-Za-z]+)\s*", r"\1 ", marked.replace(r"\$", "\0"))
    return re.sub(r"[${}]", "", text).replace("\0", "$").strip()


def anchor(label: str) -> str:
    """The name of a place in the document, of characters that all formats allow."""
    return re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-").lower()


def _signed(piece: str) -> str:
    """A piece whose first sign stands between two terms, and so has room behind it."""
    return re.sub(r"^([-+]) ", r"\1\\;", piece)


def _mathematics(tex: str) -> str:
    return f"${tex.strip()}$"


def _opened(text: str) -> str:
    """Text at whose beginning nothing looks like a list."""
    return _OPENING.sub(lambda found: f"{found[1] or ''}\\{found[2] or found[3]}", text)


def _code(text: str) -> str:
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _div(attributes: str, body: str) -> str:
    return f":::::: {{.{attributes}}}\n{body}\n::::::" if body else f":::::: {{.{attributes}}}\n::::::"


def _film(picture: blocks.Picture) -> str:
    """Frames for a screen, with a button and a slider; other formats leave it out."""
    data = picture.film.replace("<", "\\u003c")
    return f'```{{=html}}\n<div class="film"><script type="application/json">{data}</script></div>\n```'
