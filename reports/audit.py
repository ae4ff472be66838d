"""The audit as content: every printed formula with its verdict, its correction, its counterexample; nothing typed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

import sympy as sp

from bnverify.reports import counterexample, formula
from bnverify.reports.prose import prose
from bnverify.reports.setting import Table
from bnverify.reports.wording import counted
from bnverify.theory import AUDIT, Claim, Printed
from bnverify.theory.audit.printed import Verdict

DIGITS = 3
VERDICTS = (
    "A statement is true if it is a proved claim as it stands, an equality if its two sides are equal in the setting "
    "of its source, true under hypothesis if it needs an assumption that is not made where it is printed, a misprint "
    "if a sign, a factor or a symbol is lost, and false otherwise. Unless it is true or an equality, a counterexample "
    "is given: vectors of rational numbers, the smallest that a search found, at which both sides are evaluated "
    r"exactly, from the definition of the normalisation ($\gamma = 1$ where it is not named). All of this is checked "
    "anew when the report is built."
)


@dataclass(frozen=True)
class Entry:
    """One record as rows and marked-up text: ``printed`` the formula as printed, ``correct`` what is true instead."""

    record: Printed
    printed: list[formula.Row]
    correct: list[formula.Row]
    premises: list[str]

    @property
    def key(self) -> str:
        return self.record.key

    @property
    def title(self) -> str:
        return prose(self.record.title)

    @property
    def verdict(self) -> str:
        return self.record.verdict.value

    @property
    def source(self) -> str:
        return prose(str(self.record.source))

    @property
    def correction(self) -> Claim:
        """The claim closest to the printed formula."""
        return self.record.claims[0]

    @property
    def others(self) -> tuple[Claim, ...]:
        """Further claims that bear on it."""
        return self.record.claims[1:]

    @property
    def as_printed(self) -> bool:
        """Whether the correction is the printed formula itself."""
        return self.record.verdict is Verdict.TRUE

    @property
    def conditions(self) -> str:
        """What the correction assumes beyond the structure of the measurement; empty if nothing."""
        return " and ".join(prose(h.name) for h in self.correction.hypotheses if h.condition is not None)

    def example(self, *, matrices: bool) -> str:
        """The counterexample as marked-up text; empty for a record without one."""
        if self.record.counterexample is None:
            return ""
        return counterexample.marked(self.record.counterexample, matrices=matrices)

    @property
    def sides(self) -> str:
        """Both sides at the counterexample, evaluated exactly; empty for a record without one."""
        if self.record.counterexample is None:
            return ""
        at = self.record.at(self.record.counterexample)
        return f"the left side is {_exactly(at.left)}, the right side {_exactly(at.right)}"


def entries(room: float) -> list[Entry]:
    """All records of the audit, checked anew (AuditError if one fails), their formulas at most ``room`` points wide."""
    return [_entry(record, room) for record in AUDIT.values()]


@cache
def _entry(record: Printed, room: float) -> Entry:
    record.check()
    claim = record.claims[0]
    return Entry(
        record,
        formula.rows(
            record.relation.lhs, formula.SIGNS[record.relation.rel_op], record.relation.rhs, room, spelled=True
        ),
        formula.rows(claim.left, formula.SIGNS[claim.relation], claim.right, room),
        [f"${_inline(premise)}$" for premise in record.premises],
    )


def overview() -> Table:
    """Key, what is printed, source and verdict of every record."""
    return [
        (record.key, prose(record.title), prose(str(record.source)), record.verdict.value) for record in AUDIT.values()
    ]


def summary() -> str:
    """How many records have which verdict, in the order in which verdicts are defined."""
    counts = Counter(record.verdict for record in AUDIT.values())
    parts = [f"{verdict.value} {counts[verdict]}" for verdict in Verdict if counts[verdict]]
    total = counted(len(AUDIT), "printed statement").capitalize()
    return f"{total} about batch normalisation and its relatives {'is' if len(AUDIT) == 1 else 'are'} audited; " + (
        f"the verdicts are: {', '.join(parts)}."
    )


def _inline(relation: sp.Rel) -> str:
    return f"{formula.latex(relation.lhs)} {formula.SIGNS[relation.rel_op]} {formula.latex(relation.rhs)}"


def _exactly(value: sp.Expr) -> str:
    """A number exactly, and in decimals where it is not an integer."""
    shown = counterexample.number(value)
    if value.is_Integer:
        return f"${shown}$"
    return rf"${{{shown} \approx {sp.latex(sp.N(value, DIGITS))}}}$"
