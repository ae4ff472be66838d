r"""A record of the audit: a formula as its source prints it, beside ours, with the evidence for what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from bnverify.theory.audit.ruling import Known, Party, Ruling, Text, words
from bnverify.theory.proof.claim import Claim, Source
from bnverify.theory.results.catalogue import CLAIMS


class AuditError(AssertionError):
    """A record of the audit does not stand up to its own check."""


class Evidence(Protocol):
    """What a ruling rests on; `check` raises AuditError where it does not bear the ruling."""

    def check(self, record: Record) -> None: ...

    def to_json(self) -> dict[str, Any]: ...

    def lines(self) -> Iterator[str]: ...

    @property
    def ours(self) -> str: ...

    @property
    def refutes(self) -> bool: ...


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Record:
    """A printed formula. ``reading`` says in which reading it is tested and in which it is true, if any.

    ``corrected`` are keys of claims that are true instead; ``instead`` says in words what is, where no claim does.
    """

    key: str
    title: str
    source: Source
    text: Text
    ruling: Ruling
    evidence: Evidence
    remark: str
    reading: str
    party: Party = Party.PAPER
    corrected: tuple[str, ...] = ()
    instead: str = ""

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims that say what is true instead, the closest first."""
        return tuple(CLAIMS[key] for key in self.corrected)

    @property
    def paper(self) -> str:
        """The short key of the source."""
        return self.source.reference

    @property
    def said(self) -> str:
        """The ruling with whose text it judges."""
        return words(self.ruling, self.text, self.party)

    def check(self) -> None:
        """Re-establish the ruling: AuditError where anything does not hold."""
        if not (self.text.quote.strip() and self.reading.strip() and self.remark.strip()):
            raise AuditError(f"{self.key}: a record quotes its formula and says its reading")
        if self.text.known is Known.MEMORY and self.party is not Party.OURS:
            raise AuditError(f"{self.key}: a formula known from memory is attributed to nobody")
        if self.evidence.refutes == self.ruling.stands:
            raise AuditError(f"{self.key}: {self.ruling.value} {'with' if self.evidence.refutes else 'without'} "
                             "a counterexample")  # fmt: skip
        for claim in self.claims:
            claim.prove()
        self.evidence.check(self)

    def to_json(self) -> dict[str, Any]:
        """The record as plain data; the evidence has numbers as "p/q" and the statement they decide."""
        return {
            "key": self.key, "title": self.title, "reference": self.source.reference, "place": self.source.place,
            "party": self.party.name.lower(), "quote": self.text.quote, "known": self.text.known.name.lower(),
            "through": self.text.through, "link": self.text.link, "ruling": self.ruling.name.lower(),
            "said": self.said, "ours": self.evidence.ours, "reading": self.reading, "remark": self.remark,
            "corrected": list(self.corrected), "instead": self.instead, "evidence": self.evidence.to_json(),
        }  # fmt: skip

    def describe(self) -> str:
        """All there is to say, as text."""
        lines = [
            f"{self.title}  ({self.source})",
            f"  printed:   {self.text.quote}",
            f"  known by:  {self.text}{' ' + self.text.link if self.text.link else ''}; {self.party.value}",
            f"  ours:      {self.evidence.ours}",
            f"  reading:   {self.reading}",
            f"Ruling: {self.said}. {self.remark}",
            *self.evidence.lines(),
        ]
        lines += [f"True instead: {self.instead}"] if self.instead else []
        lines += [f"True instead: {claim.key}\n  {claim.left} {claim.relation} {claim.right}" for claim in self.claims]
        return "\n".join(lines)

    def __str__(self) -> str:
        return f"{self.title}: {self.evidence.ours}   [{self.source}] {self.said}"

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.text.quote} \quad\text{{({self.said})}}$"
