"""Chapters that hold for every run: how claims are proved, the audit, the normalisers, the claims, the quantities."""

from __future__ import annotations

from collections.abc import Iterator

from bnverify.reports import audit, explanations, formula, normalisers
from bnverify.reports.blocks import (
    Block,
    Cite,
    Display,
    Facts,
    Fold,
    Key,
    Link,
    Paragraph,
    Section,
    Span,
    Strong,
    Table,
    Text,
    Together,
    listed,
)
from bnverify.reports.content import PLACES, Content, ShownStep
from bnverify.reports.families import Family
from bnverify.reports.prose import prose
from bnverify.theory import AUDIT, Claim
from bnverify.theory.audit.printed import Verdict

ROOM = 425.0  # points at 10 pt: the text width less the indentation of displays
SMALL = ROOM / 0.9
NARROW = 9.9 * 72 / 2.54 / 0.8  # a column of a table set at 8 pt
_STANDS = {verdict.value for verdict in (Verdict.TRUE, Verdict.EQUALITY, Verdict.CONDITIONAL)}


def statement(claim: Claim) -> list[formula.Row]:
    """The claim's relation in rows that fit the text width."""
    return formula.rows(claim.left, formula.SIGNS[claim.relation], claim.right, ROOM)


def link(key: str, *, number: bool = False) -> Link:
    """To a claim or a printed statement."""
    return Link(f"{'audit' if key in AUDIT else 'claim'}:{key}", Key(key), number)


def links(keys, *, number: bool = False) -> tuple[Span, ...]:
    """Several, with commas between."""
    return listed(link(key, number=number) for key in keys)


def how(content: Content) -> Section:
    """How claims are stated and proved, their notation and hypotheses."""
    blocks: list[Block] = [Paragraph(explanations.PROOFS), Paragraph(explanations.NOTATION)]
    hypotheses: list[Block] = []
    for tested, heading in ((True, explanations.TESTED), (False, explanations.STRUCTURAL)):
        found = [h for h in content.hypotheses() if (h.condition is not None) == tested]
        facts = Facts([f"{prose(h.name)}: {prose(h.statement)}." for h in found])
        hypotheses += [Paragraph(heading), facts]
    inside = Section("Hypotheses", "section:hypotheses", hypotheses)
    return Section("How a claim is stated and proved", "section:proofs", [*blocks, inside])


def audited() -> Section:
    """Every printed formula: an overview, then one entry each."""
    rows = [(link(key), title, source, _verdict(verdict)) for key, title, source, verdict in audit.overview()]
    table = Table(("record", "printed", "source", "verdict"), [tuple(map(_cell, row)) for row in rows],
                  (3.5, 5.4, 4.3, 2.8))  # fmt: skip
    about = Paragraph(f"{audit.summary()} {audit.VERDICTS}")
    entries = [
        Section(entry.title, f"audit:{entry.key}", [Together(list(_entry(entry)))]) for entry in audit.entries(ROOM)
    ]
    return Section("What is printed, and how it fares", "section:audit", [about, table, *entries])


def _cell(content: Span) -> Text:
    return content if isinstance(content, str) else (content,)


def _verdict(verdict: str) -> Span:
    """Bold where the statement does not stand."""
    return verdict if verdict in _STANDS else Strong(verdict)


def _entry(entry: audit.Entry) -> Iterator[Block]:
    yield Paragraph((Key(entry.key), " · ", _verdict(entry.verdict), f" · {entry.source}"))
    yield Display(entry.printed, str(entry.record.relation))
    if entry.premises:
        yield Paragraph(f"{', '.join(entry.premises)}.", lead="Premise:")
    also: tuple[Span, ...] = ()
    if entry.others:
        also = ("; see also ", *links([claim.key for claim in entry.others], number=True))
    correction = link(entry.correction.key, number=True)
    if entry.as_printed:
        yield Paragraph(("as ", correction, *also, "."), lead="Proved")
    else:
        given = f", under the hypothesis {entry.conditions}" if entry.conditions else ""
        yield Paragraph((correction, given, *also, ":"), lead="What holds:")
        yield Display(entry.correct, str(entry.correction))
    if entry.sides:
        yield Paragraph(f"{entry.example(matrices=True)}. There {entry.sides}.", lead="Counterexample:")
    yield Paragraph(prose(entry.record.remark), lead="Remark:")


def normalised() -> Section:
    """The normalisers: backward passes, and whether they can enlarge a gradient."""
    described = normalisers.described(NARROW)
    backward = [" ".join(rf"$\displaystyle {line.body}$" for line in row.backward) for row in described]
    passes = Table(
        ("normaliser", "normalised over", "backward pass, $v$"),
        [((Key(row.name),), row.over, shown) for row, shown in zip(described, backward, strict=True)],
        (2.3, 3.7, 10.0),
    )
    answers = Table(
        ("normaliser", "$n$", "no enlargement", "gain", "largest factor"),
        [((Key(row.name),), row.n, _answer(row.enlargement), _answer(row.gain), row.worst) for row in described],
        (2.3, 3.4, 3.6, 3.6, 3.1),
    )
    notes = " ".join(f"{names}: {note}." for names, note in normalisers.notes(described))
    return Section("Normalisers", "section:normalisers", [
        Paragraph(normalisers.ABOUT), passes, Paragraph(notes, small=True), Paragraph(normalisers.QUESTIONS), answers
    ])  # fmt: skip


def _answer(settled: normalisers.Settled) -> Text:
    if settled.record:
        return (f"{settled.verdict}, ", link(settled.record, number=True))
    return f"{settled.verdict}, {settled.why}" if settled.why else settled.verdict


def chapters(content: Content) -> list[Section]:
    """All claims with their proofs, in chapters."""
    steps = content.steps(SMALL)
    return [_chapter(content, family, steps) for family in content.families]


def _chapter(content: Content, family: Family, steps: dict[str, list[ShownStep]]) -> Section:
    claims = [
        Section(prose(claim.title), f"claim:{claim.key}", list(_claim(content, claim, steps[claim.key])))
        for claim in family.claims
    ]
    title = family.title.split(":")[0].split(",")[0].lower()
    return Section(family.title, f"section:chapter {title}", [Paragraph(family.about), *claims])


def _claim(content: Content, claim: Claim, steps: list[ShownStep]) -> Iterator[Block]:
    where = f" · {claim.kind} at every {PLACES[claim.shape]} · {prose(claim.source.place)}, {claim.source.reference} "
    yield Paragraph((Key(claim.key), where, Cite(claim.source.reference)))
    yield Display(statement(claim), f"{claim.left} {claim.relation} {claim.right}")
    if claim.hypotheses:
        yield Paragraph("; ".join(prose(h.name) for h in claim.hypotheses) + ".", lead="Hypotheses:")
    if claim.remark:
        yield Paragraph(prose(claim.remark), lead="Remark:")
    yield Fold("Proof", list(_proof(content, claim, steps)))
    outcome = content.outcome(claim)
    if len(outcome) == 1:
        yield Paragraph(outcome[0], lead="Measured:")
    else:
        yield Paragraph("", lead="Measured:")
        yield Facts(outcome)


def _proof(content: Content, claim: Claim, steps: list[ShownStep]) -> Iterator[Block]:
    reused = content.reused(steps)
    if reused:
        parts: list[Span] = ["Steps proved before: "]
        for number, (key, names) in enumerate(reused.items()):
            parts += ["; " if number else "", f"{', '.join(names)} (", link(key), ")"]
        yield Paragraph((*parts, "."))
    for shown in (shown for shown in steps if not shown.seen_in):
        reason, name = prose(shown.step.reason), prose(shown.step.name)
        if shown.same and shown.display[0].body == "0":
            yield Paragraph((Strong(f"{name}:"), f" {reason}; both sides are 0."))
            continue
        yield Paragraph((Strong(f"{name}:"), f" {reason}{'; both sides are' if shown.same else ':'}"))
        yield Display(shown.display, f"{shown.step.left} = {shown.step.right}")
    if claim.relation == "<=":
        yield Paragraph((Strong("certificate:"), " no factor is negative in the slack"))
        yield Display(content.certificate(claim, SMALL), str(claim.slack))


def quantities(content: Content) -> Section:
    """Every quantity that a claim speaks of."""
    rows = [(symbol, (Key(name),), shape, meaning) for symbol, name, shape, meaning in content.notation()]
    table = Table(("symbol", "name", "shape", "meaning"), rows, (4.0, 3.2, 1.6, 7.2))
    return Section("Quantities", "section:notation", [Paragraph(explanations.QUANTITIES), table])
