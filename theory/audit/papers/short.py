"""Short ways of writing records, for the files of this folder."""

from __future__ import annotations

from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.points import Point, point
from bnverify.theory.audit.ruling import Known, Text

__all__ = ["formula", "point", "quote", "transcribed", "written_by"]


def formula(claim: str, vectors: str = "", symbols: dict[str, str] | None = None, given: tuple[str, ...] = (),
            sizes: tuple[int, ...] = (2, 3), **define: str) -> Formula:  # fmt: skip
    """A formula with vectors as words, and named parts as keywords."""
    return Formula(claim, symbols or {}, tuple(vectors.split()), given, define, sizes)


def transcribed(latex: str, link: str) -> Text:
    """Read in a transcription of the whole paper by machine, which may have misread it."""
    return Text(latex, Known.TRANSCRIPTION, "", link)


def quote(latex: str, through: str, link: str) -> Text:
    """Quoted by somebody else."""
    return Text(latex, Known.QUOTED, through, link)


def written_by(latex: str, whose: str, link: str) -> Text:
    """From the authors' own poster, blog or code."""
    return Text(latex, Known.AUTHORS, whose, link)


Pair = tuple[Formula, Point]
