"""A printed formula as strings: as printed, its verdict, what is true instead, where it fails; nothing is typed."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from bnverify.reports.document import counterexample, formula
from bnverify.reports.document.prose import prose, verbatim
from bnverify.theory import Record
from bnverify.theory.audit.ruling import Ruling
from bnverify.theory.audit.stated import Stated

DIGITS = 3
STANDS = frozenset(ruling.value for ruling in Ruling if ruling.stands) | {Ruling.CONDITIONAL.value}
TRUE = Ruling.TRUE.value
ORDER = tuple(ruling.value for ruling in Ruling)


@dataclass(frozen=True)
class ShownRecord:
    """A record of the audit, checked: ``said`` is its ruling with whose text was judged, ``correct`` what the closest
    claim says, ``sides`` both sides at the counterexample, exactly."""

    key: str
    title: str
    reference: str
    place: str
    verdict: str
    printed: tuple[str, ...]
    premises: tuple[str, ...]
    claims: tuple[str, ...]
    correct: tuple[str, ...]
    conditions: str
    example: str
    sides: str
    remark: str
    said: str

    @property
    def source(self) -> str:
        return f"{self.place}, {self.reference}"


@dataclass(frozen=True)
class RuledRecord:
    """A record of another form (a formula in its own language, a sequence, random matrices), checked: its text, how
    that is known, and the lines of its evidence; all marked up but the quote, which is as printed."""

    key: str
    title: str
    reference: str
    place: str
    verdict: str
    said: str
    quote: str
    known: str
    reading: str
    remark: str
    instead: str
    evidence: tuple[str, ...]

    @property
    def source(self) -> str:
        return f"{self.place}, {self.reference}"


def ruled_record(record: Record) -> RuledRecord:
    """A record of any form as strings; AuditError where its check fails."""
    record.check()
    return RuledRecord(
        record.key, prose(record.title), record.source.reference, prose(record.source.place), record.ruling.value,
        record.said, record.text.quote, verbatim(f"{record.text}; {record.party.value}"),
        prose(record.reading), prose(record.remark), prose(record.instead),
        tuple(verbatim(line.strip()) for line in record.evidence.lines()),
    )  # fmt: skip


def is_shown(record: Record) -> bool:
    """Whether the formula is a relation between the quantities of the claims, as the entries of the chapter are."""
    return isinstance(record.evidence, Stated)


def shown_record(record: Record) -> ShownRecord:
    """A record as strings; AuditError where its check fails."""
    record.check()
    evidence = record.evidence
    assert isinstance(evidence, Stated)
    claim, relation = record.claims[0], evidence.relation
    example = sides = ""
    if evidence.counterexample is not None:
        example = counterexample.marked(evidence.counterexample)
        at = evidence.at(evidence.counterexample)
        sides = f"the left side is {_exactly(at.left)}, the right side {_exactly(at.right)}"
    return ShownRecord(
        record.key, prose(record.title), record.source.reference, prose(record.source.place), record.ruling.value,
        formula.relation(relation.lhs, formula.SIGNS[relation.rel_op], relation.rhs, spelled=True),
        tuple(f"${_inline(premise)}$" for premise in evidence.premises),
        tuple(one.key for one in record.claims),
        formula.relation(claim.left, formula.SIGNS[claim.relation], claim.right),
        " and ".join(prose(h.name) for h in claim.hypotheses if h.condition is not None),
        example, sides, prose(record.remark), record.said,
    )  # fmt: skip


def _inline(relation: sp.Rel) -> str:
    return f"{formula.latex(relation.lhs)} {formula.SIGNS[relation.rel_op]} {formula.latex(relation.rhs)}"


def _exactly(value: sp.Expr) -> str:
    """A number exactly, and in decimals where it is not an integer."""
    shown = counterexample.number(value)
    if value.is_Integer:
        return f"${shown}$"
    return rf"${{{shown} \approx {sp.latex(sp.N(value, DIGITS))}}}$"
