"""The audit, a page a paper: what it states, what of that holds, under what, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bnverify.reports.chapters.content import stands
from bnverify.reports.chapters.theorems import link, record
from bnverify.reports.document import explanations
from bnverify.reports.document.audited import RuledRecord, ShownRecord
from bnverify.reports.document.blocks import Block, Cite, Facts, Key, Paragraph, Section, Span, Strong, Table, Text
from bnverify.reports.document.derived import Derived
from bnverify.reports.document.prose import verbatim
from bnverify.theory import REFERENCES
from bnverify.theory.audit.ruling import Ruling

_IF = (Ruling.CONDITIONAL.value, Ruling.ASYMPTOTIC.value)
PARTS = ("Holds as printed", "Holds under a hypothesis, or to leading order", "Does not hold as printed")
_AS_PRINTED = frozenset(ruling.value for ruling in Ruling if ruling.stands)
_LINES = 12  # of evidence are shown; the command has them all

Audited = ShownRecord | RuledRecord


def audited(derived: Derived, about: str) -> Section:
    """Every printed formula: an overview, then a section a paper."""
    rows = [
        (link(r.key, derived), r.title, r.source, r.said if stands(r.verdict) else Strong(r.said))
        for r in derived.audited
    ]
    table = Table(
        ("record", "printed", "source", "verdict"), [tuple(map(_cell, row)) for row in rows], (3.5, 5.4, 4.3, 2.8),
        caption="Every printed statement and its verdict.", label="table:audit",
    )  # fmt: skip
    papers = [paper(name, records, derived) for name, records in by_paper(derived).items()]
    return Section("What is printed, and how it fares", "section:audit", [
        Paragraph(f"The verdicts are: {about}. {explanations.VERDICTS}"), table, *papers
    ])  # fmt: skip


def by_paper(derived: Derived) -> dict[str, list[Audited]]:
    """The records by the short key of their source."""
    out: dict[str, list[Audited]] = {}
    for r in derived.audited:
        out.setdefault(r.reference, []).append(r)
    return out


def part(r: Audited) -> str:
    """Under which heading of its paper a record stands."""
    return PARTS[0] if r.verdict in _AS_PRINTED else PARTS[1] if r.verdict in _IF else PARTS[2]


def paper(name: str, records: Sequence[Audited], derived: Derived) -> Section:
    """One paper: its citation, and its statements in three parts."""
    blocks: list[Block | Section] = [Paragraph((Cite(name), " ", verbatim(REFERENCES.get(name, ""))))]
    for heading in PARTS:
        here = [r for r in records if part(r) == heading]
        if here:
            blocks.append(Paragraph((Strong(f"{heading}:"),), keep=True))
            blocks += [Section(r.title, f"audit:{r.key}", list(entry(r, derived))) for r in here]
    return Section(verbatim(name), f"paper:{name}", blocks)


def entry(r: Audited, derived: Derived) -> Iterator[Block]:
    """One printed formula."""
    if isinstance(r, ShownRecord):
        yield from record(r, derived)
    else:
        yield from ruled(r)


def ruled(r: RuledRecord) -> Iterator[Block]:
    """A record of another form: its text, what is true instead, its reading and its evidence."""
    lead: tuple[Span, ...] = (Key(r.key), f" · {r.place}, ", Cite(r.reference), " · ", Strong(r.said))
    yield Paragraph(lead, keep=True)
    yield Paragraph((Key(r.quote), f" (text known by {r.known})"), lead="Text:")
    yield Paragraph(r.remark, lead="Remark:")
    if r.instead:
        yield Paragraph(r.instead, lead="True instead:")
    yield Paragraph(r.reading, lead="Reading:")
    shown = r.evidence[:_LINES]
    more = [f"and {len(r.evidence) - _LINES} more lines: bnverify theory {r.key}"] if r.evidence[_LINES:] else []
    yield Paragraph("", lead="Evidence:", keep=True)
    yield Facts([*shown, *more])


def _cell(cell: Span) -> Text:
    return cell if isinstance(cell, str) else (cell,)
