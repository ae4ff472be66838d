"""The report as LaTeX: the content put into templates/report.tex.j2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

import jinja2

from reports import formula, setting
from reports.content import PLACES, Content
from reports.figures import FIGURES
from reports.prose import prose, to_latex
from reports.style import LABELS
from theory import CLAIMS, REFERENCES, Claim

ROOM = 425.0  # points: the text width less the indentation of displays
SMALL = ROOM / 0.9


class Tex(str):
    """LaTeX that is put into the template as it is; every other string is escaped."""


def _finalize(value: object) -> str:
    return value if isinstance(value, Tex) else to_latex(str(value))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        block_start_string="<%", block_end_string="%>", variable_start_string="<<", variable_end_string=">>",
        comment_start_string="<#", comment_end_string="#>", trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined, finalize=_finalize, autoescape=False, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {
        "prose": prose,
        "raw": Tex,
        "display": lambda rows: Tex(formula.display(list(rows))),
        "breakable": lambda text: Tex(to_latex(text).replace("-", r"-\allowbreak{}")),
        "fingerprint": lambda text: Tex(r"\allowbreak{}".join(re.findall(".{1,8}", to_latex(text)))),
    }
    return environment


def statement(claim: Claim) -> list[formula.Row]:
    """The claim's relation in rows that fit the text width."""
    return formula.rows(claim.left, "=" if claim.relation == "==" else r"\le", claim.right, ROOM)


def document(content: Content, figures: Mapping[str, str], notes: Mapping[str, str]) -> str:
    """LaTeX of the whole report. ``figures``: file by name; ``notes``: why a figure was left out."""
    template = _environment().from_string(files("reports").joinpath("templates/report.tex.j2").read_text())
    return template.render(
        content=content, run=content.run, claims=CLAIMS, references=list(REFERENCES.items()), labels=LABELS,
        statements={key: statement(claim) for key, claim in CLAIMS.items()}, steps=content.steps(SMALL),
        plots=FIGURES, setting=setting, places=PLACES, notes=notes,
        figures={name: Tex(path) for name, path in figures.items()},
        bibliography={key: Tex(rf"\cite{{{_label(key)}}}") for key in REFERENCES},
        label=lambda key: Tex(_label(key)),
    )  # fmt: skip


def _label(key: str) -> str:
    """A key of the bibliography without anything LaTeX could stumble over."""
    return "".join(character if character.isalnum() else "-" for character in key)
