"""The report as LaTeX: the content put into templates/report.tex.j2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

import jinja2

from reports import audit, formula, normalisers, setting
from reports.content import PLACES, Content
from reports.figures import FIGURES
from reports.prose import prose, to_latex
from reports.style import LABELS
from theory import CLAIMS, REFERENCES, Claim
from theory.printed import Verdict

ROOM = 425.0  # points: the text width less the indentation of displays
SMALL = ROOM / 0.9
NARROW = 9.9 * 72 / 2.54 / 0.8  # a column of a table set at 8 pt
_STANDS = {verdict.value for verdict in (Verdict.TRUE, Verdict.EQUALITY, Verdict.CONDITIONAL)}


class Tex(str):
    """LaTeX that is put into the template as it is; every other string is escaped."""


def _finalize(value: object) -> str:
    return value if isinstance(value, Tex) else to_latex(str(value))


def _template(name: str) -> str:
    return files("reports").joinpath("templates", name).read_text()


def environment() -> jinja2.Environment:
    made = jinja2.Environment(
        block_start_string="<%", block_end_string="%>", variable_start_string="<<", variable_end_string=">>",
        comment_start_string="<#", comment_end_string="#>", trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_template), finalize=_finalize, autoescape=False, keep_trailing_newline=True,
    )  # fmt: skip
    made.filters |= {
        "prose": prose,
        "raw": Tex,
        "display": lambda rows: Tex(formula.display(list(rows))),
        "breakable": _breakable,
        "fingerprint": lambda text: Tex(r"\allowbreak{}".join(re.findall(".{1,8}", to_latex(text)))),
        "label": lambda key: Tex(_label(key)),
        "claim": _linked,
        "also": lambda claims: Tex("; see also " + ", ".join(_linked(c.key) for c in claims) if claims else ""),
        "emphasised": _emphasised,
    }
    return made


def statement(claim: Claim) -> list[formula.Row]:
    """The claim's relation in rows that fit the text width."""
    return formula.rows(claim.left, formula.SIGNS[claim.relation], claim.right, ROOM)


def document(content: Content, figures: Mapping[str, str], notes: Mapping[str, str]) -> str:
    """LaTeX of the whole report. ``figures``: file by name; ``notes``: why a figure was left out."""
    return environment().get_template("report.tex.j2").render(
        content=content, run=content.run, families=content.families, audit=audit, normalisers=normalisers,
        references=list(REFERENCES.items()), narrow=NARROW, labels=LABELS,
        statements={key: statement(claim) for key, claim in CLAIMS.items()}, steps=content.steps(SMALL),
        room=ROOM, small=SMALL, plots=FIGURES, setting=setting, places=PLACES, notes=notes,
        figures={name: Tex(path) for name, path in figures.items()},
        bibliography={key: Tex(rf"\cite{{{_label(key)}}}") for key in REFERENCES},
    )  # fmt: skip


def _linked(key: str) -> Tex:
    """The key of a claim with the number of its section, as a link."""
    return Tex(rf"\hyperref[claim:{_label(key)}]{{\key{{{_breakable(key)}}}}} (\ref{{claim:{_label(key)}}})")


def _breakable(key: str) -> Tex:
    """A key that may be broken behind a hyphen."""
    return Tex(to_latex(key).replace("-", r"-\allowbreak{}"))


def _emphasised(verdict: str) -> Tex:
    """The verdict, bold where the statement does not stand."""
    return Tex(to_latex(verdict) if verdict in _STANDS else rf"\textbf{{{to_latex(verdict)}}}")


def _label(key: str) -> str:
    """A key without anything LaTeX could stumble over."""
    return "".join(character if character.isascii() and character.isalnum() else "-" for character in key)
