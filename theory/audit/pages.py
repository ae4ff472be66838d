r"""A page a paper: what it states, what of that holds, and under what. Data for the terminal and for the report."""

from __future__ import annotations

from dataclasses import dataclass

from bnverify.theory.audit.record import Record
from bnverify.theory.audit.records import papers
from bnverify.theory.audit.ruling import Ruling
from bnverify.theory.proof.references import REFERENCES


@dataclass(frozen=True)
class Page:
    """The records of one source: ``holds`` as printed, ``holds_if`` under a hypothesis or to leading order, the "
    "rest."""

    paper: str
    citation: str
    holds: tuple[Record, ...]
    holds_if: tuple[Record, ...]
    fails: tuple[Record, ...]

    def __str__(self) -> str:
        lines = [self.paper, f"  {self.citation}"]
        for heading, records in (("Holds as printed", self.holds), ("Holds under a hypothesis, or to leading order",
                                  self.holds_if), ("Does not hold", self.fails)):  # fmt: skip
            lines += [f"{heading}:"] if records else []
            for r in records:
                lines += [f"  {r.key}: {r.title} ({r.source.place}; {r.party.value}; text known by {r.text})",
                          f"    {r.text.quote}", f"    {r.said}. {r.remark}", f"    Reading: {r.reading}"]  # fmt: skip
                lines += [f"    True instead: {r.instead}"] if r.instead else []
        return "\n".join(lines)


_IF = (Ruling.CONDITIONAL, Ruling.ASYMPTOTIC)


def page(paper: str) -> Page:
    """The page of a source by its short key; KeyError for one without records."""
    records = papers()[paper]
    for record in records:
        record.check()
    return Page(
        paper, REFERENCES.get(paper, paper), tuple(r for r in records if r.ruling.stands),
        tuple(r for r in records if r.ruling in _IF),
        tuple(r for r in records if not r.ruling.stands and r.ruling not in _IF),
    )  # fmt: skip
