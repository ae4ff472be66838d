"""Chapters that hold for every run: how claims are proved, the audit, the normalizers, the claims, the quantities."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bnverify.reports.chapters.content import Content
from bnverify.reports.chapters.families import Family
from bnverify.reports.document import explanations, formula, normalizers
from bnverify.reports.document.audited import TRUE, ShownRecord
from bnverify.reports.document.blocks import (
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
    Statement,
    Strong,
    Table,
    Text,
    listed,
)
from bnverify.reports.document.derived import Derived, ShownClaim
from bnverify.reports.document.prose import prose
from bnverify.theory import CLAIMS, QUANTITIES

PLACES = {"site": "site", "channel": "channel", "sample": "sampled channel", "layer": "layer"}


def link(key: str, derived: Derived, *, number: bool = False) -> Link | Key:
    """To a claim or a printed statement; the name alone where the report has neither."""
    if key in derived.by_key:
        return Link(f"claim:{key}", Key(key), number)
    there = any(record.key == key for record in derived.audited)
    return Link(f"audit:{key}", Key(key), number) if there else Key(key)


def links(keys: Collection[str], derived: Derived) -> tuple[Span, ...]:
    """Several, with commas between."""
    return listed(link(key, derived) for key in keys)


def how(derived: Derived) -> Section:
    """How claims are stated and proved, their notation and hypotheses."""
    kept = f"The proofs in this report are those of the theory with the fingerprint {derived.fingerprint or 'unknown'}."
    blocks: list[Block] = [Paragraph(explanations.PROOFS), Paragraph(kept), Paragraph(explanations.NOTATION)]
    every = {h[:2]: h for claim in derived.claims for h in claim.hypotheses}.values()
    hypotheses: list[Block] = []
    for tested, heading in ((True, explanations.TESTED), (False, explanations.STRUCTURAL)):
        found = Facts([f"{name}: {says}." for name, says, condition in every if condition == tested])
        hypotheses += [Paragraph(heading), found]
    inside = Section("Hypotheses", "section:hypotheses", hypotheses)
    return Section("How a claim is stated and proved", "section:proofs", [*blocks, inside])


def record(r: ShownRecord, derived: Derived) -> Iterator[Block]:
    """One printed formula: as printed, what holds, where it fails."""
    lead: tuple[Span, ...] = (Key(r.key), f" · {r.place}, ", Cite(r.reference), " · ", Strong(r.said))
    yield Paragraph(lead, keep=True)
    yield Statement([Display(r.printed)])
    if r.premises:
        yield Paragraph(f"{', '.join(r.premises)}.", lead="As printed, for")
    correction, others = link(r.claims[0], derived, number=True), r.claims[1:]
    also: tuple[Span, ...] = ("; also ", *links(others, derived)) if others else ()
    if r.verdict == TRUE:
        yield Paragraph(("As it stands, as ", correction, *also, "."), lead="Proved.")
    else:
        given = f", under the hypothesis {r.conditions}" if r.conditions else ""
        yield Paragraph((correction, given, *also, ":"), lead="What holds:", keep=True)
        yield Display(r.correct)
    if r.sides:
        yield Paragraph(f"{r.example}. There {r.sides}.", lead="Counterexample:")
    if r.remark:
        yield Paragraph(r.remark, lead="Remark:")


def normalised(derived: Derived) -> Section:
    """The normalizers: backward passes, and whether they can enlarge a gradient."""
    rows = derived.normalizers
    passes = Table(
        ("normalizer", "normalised over", "backward pass, $v$"),
        [((Key(row.name),), row.over, " ".join(f"${piece}$" for piece in row.backward)) for row in rows],
        (2.3, 3.7, 10.0), caption="What every normalizer divides, and its backward pass.", label="table:normalizers",
    )  # fmt: skip
    answers = Table(
        ("normalizer", "$n$", "no enlargement", "gain", "largest factor"),
        [
            ((Key(row.name),), row.n, _answer(row.enlargement, derived), _answer(row.gain, derived), row.worst)
            for row in rows
        ],
        (2.3, 3.4, 3.6, 3.6, 3.1), caption="Whether a normalizer can enlarge a gradient.", label="table:enlargement",
    )  # fmt: skip
    notes = " ".join(f"{names}: {note}." for names, note in normalizers.notes(rows))
    return Section("Normalizers", "section:normalizers", [
        Paragraph(normalizers.ABOUT), passes, Paragraph(notes, small=True), Paragraph(normalizers.QUESTIONS), answers
    ])  # fmt: skip


def _answer(settled: tuple[str, str, str], derived: Derived) -> Text:
    verdict, why, key = settled
    if key:
        return (f"{verdict}, ", link(key, derived, number=True))
    return f"{verdict}, {why}" if why else verdict


def chapter(content: Content, family: Family, wanted: Collection[str]) -> Section | None:
    """The claims of a chapter that are wanted here, with their proofs; None where there is none."""
    kept = content.certificates
    claims = [
        Section(
            claim.title,
            f"claim:{claim.key}",
            list(claimed(claim, content.derived, content.outcome(claim), kept.get(claim.key, ""))),
        )
        for claim in family.claims
        if claim.key in wanted
    ]
    return Section(family.title, family.label, [Paragraph(family.about, keep=True), *claims]) if claims else None


def claimed(claim: ShownClaim, derived: Derived, measured: list[str], certificate: str = "") -> Iterator[Block]:
    """A claim: source, statement, hypotheses, proof, what Coq's kernel said of it, and what was measured."""
    where = f" · {claim.kind} at every {PLACES[claim.shape]} · {claim.place}, "
    yield Paragraph((Key(claim.key), where, Cite(claim.reference)), keep=True)
    yield Statement([Display(claim.statement)])
    if claim.hypotheses:
        yield Paragraph("; ".join(name for name, _, _ in claim.hypotheses) + ".", lead="Hypotheses:")
    if claim.remark:
        yield Paragraph(claim.remark, lead="Remark:")
    yield Fold("Proof", list(proof(claim, derived)))
    if certificate:
        yield Paragraph(certificate, lead="Certificate:")
    if len(measured) == 1:
        yield Paragraph(measured[0], lead="Measured:")
    elif measured:
        yield Paragraph("", lead="Measured:", keep=True)
        yield Facts(measured)


def proof(claim: ShownClaim, derived: Derived) -> Iterator[Block]:
    """The chain of steps; those that an earlier proof showed are named together."""
    reused: dict[str, list[str]] = {}
    for step in claim.steps:
        if step.seen_in:
            reused.setdefault(step.seen_in, []).append(step.name)
    if reused:
        parts: list[Span] = ["Steps proved before: "]
        for number, (key, names) in enumerate(reused.items()):
            parts += ["; " if number else "", f"{', '.join(names)} (", link(key, derived), ")"]
        yield Paragraph((*parts, "."))
    for step in (step for step in claim.steps if not step.seen_in):
        if step.same and step.pieces == ("0",):
            yield Paragraph((Strong(f"{step.name}:"), f" {step.reason}; both sides are 0."))
            continue
        told = f" {step.reason}{'; both sides are' if step.same else ':'}"
        yield Paragraph((Strong(f"{step.name}:"), told), keep=True)
        yield Display(step.pieces)
    if claim.certificate:
        yield Paragraph((Strong("certificate:"), " no factor is negative in the slack"), keep=True)
        yield Display(claim.certificate)


def quantities(title: str, label: str, keys: Collection[str], *, appendix: bool = False) -> Section | None:
    """The quantities that these claims speak of; None where there are no claims."""
    used = {name for key in keys for name in CLAIMS[key].quantities}
    rows: list[tuple[Text, ...]] = [
        (f"${formula.symbol(name)}$", (Key(name),), quantity.shape, prose(quantity.meaning))
        for name, quantity in QUANTITIES.items()
        if name in used
    ]
    if not rows:
        return None
    table = Table(("symbol", "name", "shape", "meaning"), rows, (4.0, 3.2, 1.6, 7.2))
    return Section(title, label, [Paragraph(explanations.QUANTITIES), table], appendix)
