"""A report in LaTeX: its blocks, put into templates/report.tex.j2."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bnverify.reports import formula
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
)
from bnverify.reports.prose import escape, to_latex
from bnverify.reports.template import template

# Marks that LaTeX does not use itself.
_MARKS = {
    "block_start_string": "<%", "block_end_string": "%>", "variable_start_string": "<<", "variable_end_string": ">>",
    "comment_start_string": "<#", "comment_end_string": "#>",
}  # fmt: skip
_GAP = 0.212  # cm between the columns of a table
_COMMANDS = ("section", "subsection", "subsubsection")


def latex(document: Document, files: Mapping[str, str]) -> str:
    """LaTeX of the report. ``files``: those of the figures by name."""
    return template("report.tex.j2", **_MARKS).render(
        title=to_latex(document.title), subtitle=to_latex(document.subtitle), author=to_latex(document.author),
        abstract=[text(sentence) for sentence in document.abstract],
        body=[_section(section, files, 0) for section in document.sections if not section.appendix],
        appendix=[_section(section, files, 0) for section in document.sections if section.appendix],
        references=[(label(key), to_latex(reference)) for key, reference in document.references],
    )  # fmt: skip


def text(marked: Text) -> str:
    """LaTeX of text."""
    return "".join(map(_span, (marked,) if isinstance(marked, str) else marked))


def _span(span: Span) -> str:
    match span:
        case Key(name):
            return rf"\texttt{{{_breakable(name)}}}"
        case Strong(marked):
            return rf"{{\boldmath\bfseries {to_latex(marked)}}}"
        case Emphasis(marked):
            return rf"\emph{{{to_latex(marked)}}}"
        case Cite(key):
            return rf"\cite{{{label(key)}}}"
        case Link(target, shown, number):
            after = rf"~(\ref{{{label(target)}}})" if number else ""
            return rf"\hyperref[{label(target)}]{{{_span(shown)}}}{after}"
        case _:
            return _broken(to_latex(span))


def label(key: str) -> str:
    """A key without anything LaTeX could stumble over."""
    return re.sub(r"[^A-Za-z0-9:]", "-", key)


def _breakable(key: str) -> str:
    """A key that may be broken behind a hyphen."""
    return escape(key).replace("-", r"-\allowbreak{}")


def _broken(tex: str) -> str:
    """The text with long fingerprints broken."""
    found = re.sub(r"\b[0-9a-f]{64}\b", lambda match: r"\allowbreak{}".join(re.findall(".{8}", match[0])), tex)
    return found


def _section(section: Section, files: Mapping[str, str], depth: int) -> str:
    """A section with everything in it; the titles of contents and bookmarks are without mathematics."""
    command = _COMMANDS[min(depth, len(_COMMANDS) - 1)]
    title = to_latex(section.title)
    bold = rf"\texorpdfstring{{\boldmath {title}}}{{{escape(_plain(section.title))}}}" if "$" in title else title
    head = rf"\{command}{{{bold}}}" "\n" rf"\label{{{label(section.label)}}}"
    tables = any(isinstance(block, Table) for block in section.blocks[:2])  # a title does not hold on to a table
    if depth == 0 or tables:
        head = f"\\keep{{{6 if depth == 0 else 4}cm}}\n{head}"
    if len(section.blocks) == 1 and isinstance(section.blocks[0], Together):  # the title stays with what stays together
        inside = _blocks(section.blocks[0].blocks, files, depth)
        start = "\\begin{minipage}{\\textwidth}\\setlength{\\parskip}{0.25em}\n"
        return f"{start}{head}\n\n{inside}\n\\end{{minipage}}\n\n\\bigskip\n"
    return f"{head}\n\n{_blocks(section.blocks, files, depth)}"


def _plain(marked: str) -> str:
    return re.sub(r"\$([^$]*)\$", lambda match: re.sub(r"\\[A-Za-z]+|[{}\\]", "", match[1]).strip(), marked)


def _blocks(blocks: Sequence[Block | Section], files: Mapping[str, str], depth: int = 0) -> str:
    """Blocks one after the other; a display belongs to the paragraph before it."""
    out = ""
    for block in blocks:
        if isinstance(block, Section):
            out += _section(block, files, depth + 1) + "\n"
        else:
            out = (out.rstrip("\n") + "\n" if isinstance(block, Display) else out) + _block(block, files) + "\n"
    return out


def _block(block: Block, files: Mapping[str, str]) -> str:
    match block:
        case Paragraph(marked, lead, small):
            before = rf"\textit{{{to_latex(lead)}}} " if lead else ""
            body = before + text(marked)
            return (f"{{\\small {body}\\par}}" if small else body) + "\n"
        case Display(rows, _):
            return formula.display(list(rows)) + "\n"
        case Table():
            return _table(block)
        case Facts(items):
            return "\\begin{facts}\n" + "".join(f"\\item {text(item)}\n" for item in items) + "\\end{facts}\n"
        case Listing(lines):
            shown = "\\\\\n".join(_command(line) for line in lines.splitlines())
            return f"{{\\small\\raggedright {shown}\\par}}\n"
        case Fold(title, inside):
            return f"{{\\small\n\\textit{{{to_latex(title)}.}} {_blocks(inside, files)}\\par}}\n"
        case Together(inside):
            return f"\\begin{{minipage}}{{\\textwidth}}\n{_blocks(inside, files)}\n\\end{{minipage}}\n"
        case Drawing():
            return (
                "\\begin{minipage}{\\textwidth}\n"
                f"\\includegraphics[width=\\textwidth]{{{files[block.name]}}}\n"
                f"\\captionof{{figure}}{{{to_latex(block.caption)}}}\n\\end{{minipage}}\n\n\\bigskip\n"
            )
    raise TypeError(f"got a block {type(block).__name__}; expected one of {Block}")


def _command(line: str) -> str:
    """A line of a terminal that may be broken at spaces, quotes as they are."""
    shown = escape(line).replace("-", "{-}").replace("'", r"\textquotesingle{}")
    return rf"\texttt{{{shown}}}"


def _table(table: Table) -> str:
    """A table over as many pages as it takes; rows that belong together stay so."""
    columns = "".join(
        rf"{'R' if mark == 'r' else 'L'}{{{width - _GAP:.3f}cm}}"
        for width, mark in zip(table.widths, table.align or "l" * len(table.widths), strict=True)
    )
    lines = []
    for i, row in enumerate(table.rows):
        follows = i + 1 < len(table.rows) and not table.rows[i + 1][0]
        lines.append(" & ".join(map(text, row)) + (r" \\*" if follows else r" \\"))
        if not follows and i + 1 < len(table.rows) and not all(r[0] for r in table.rows):
            lines.append(r"\addlinespace[2pt]")
    head = " & ".join(map(text, table.head)) + " \\\\\n\\midrule\n" if table.head else ""
    body = "\n".join(lines)
    return (
        f"{{\\{'footnotesize' if table.small else 'small'}\\setlength{{\\tabcolsep}}{{3pt}}\n"
        f"\\begin{{longtable}}{{@{{}}{columns}@{{}}}}\n\\toprule\n{head}\\endhead\n\\bottomrule\n\\endfoot\n"
        f"{body}\n\\end{{longtable}}\n}}\n"
    )
