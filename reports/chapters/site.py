"""A site without a network: a page a theorem, a page a paper of the audit, and what was measured in stored runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bnverify.empirical.runs.files import write_atomically
from bnverify.reports.chapters.certificates import certificates
from bnverify.reports.chapters.families import families
from bnverify.reports.chapters.papers import ruled
from bnverify.reports.chapters.theorems import claimed, link, record
from bnverify.reports.document.audited import RuledRecord
from bnverify.reports.document.blocks import (
    Block,
    Document,
    Facts,
    Key,
    Link,
    Listing,
    Paragraph,
    Strong,
    Table,
    Text,
)
from bnverify.reports.document.derived import Derived, derived
from bnverify.reports.document.prose import prose, verbatim
from bnverify.reports.document.wording import DASH, scientific, whole
from bnverify.reports.output import html
from bnverify.reports.output.markdown import anchor, markdown
from bnverify.theory import REFERENCES
from bnverify.theory.audit.pages import Page, page
from bnverify.theory.audit.record import Record
from bnverify.theory.audit.records import papers

Measured = Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]]
_OTHERS = re.compile(r'href="#((?:claim|audit|reference|section|api)-[^"]*)"')


def build_site(directory: Path, gallery: Path | None = None, *, only: Sequence[str] | None = None) -> list[Path]:
    """Write index.html and all pages into ``directory``; ``gallery`` holds summaries of runs, ``only`` keys of claims
    where not every theorem is wanted. The pages that were written."""
    found = derived()
    measured = summaries(gallery) if gallery is not None else {}
    checked = certificates(found)
    documents = {"index": index(found)}
    documents |= {name(f"claim:{c.key}"): theorem(c.key, found, measured, checked.get(c.key, "")) for c in found.claims
                  if only is None or c.key in only}  # fmt: skip
    sources = [paper for paper in papers() if only is None or paper == next(iter(papers()))]
    documents |= {name(f"paper:{paper}"): paper_page(page(paper), found) for paper in sources}
    places = _places(found)

    def write(item: tuple[str, Document]) -> Path:
        stem, document = item
        shown = html.frame(markdown(document, {}, elsewhere=places))
        shown = _OTHERS.sub(lambda m: f'href="{_elsewhere(m[1], stem, places)}"', shown)
        path = directory / f"{stem}.html"
        write_atomically(path, shown.encode())
        return path

    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(write, documents.items()))


def name(label: str) -> str:
    """The name of a page's file."""
    return anchor(label)


def _places(found: Derived) -> dict[str, str]:
    """By label of a claim, a record or a reference the file that has it."""
    out = {f"claim:{c.key}": f"{name(f'claim:{c.key}')}.html" for c in found.claims}
    for paper, records in papers().items():
        out[f"reference:{paper}"] = f"{name(f'paper:{paper}')}.html"
        out |= {f"audit:{r.key}": f"{name(f'paper:{paper}')}.html#{anchor(f'audit:{r.key}')}" for r in records}
    return out


def _elsewhere(target: str, here: str, places: Mapping[str, str]) -> str:
    """Where a link leads: to its place on this page, to another page, or to the index."""
    if target == "api-index":
        return "api/index.html"
    for label, place in places.items():
        if anchor(label) == target:
            file, _, inside = place.partition("#")
            return f"#{inside or target}" if file == f"{here}.html" and inside else place
    return "index.html"


def index(found: Derived) -> Document:
    """All theorems by chapter, and all papers."""
    front: list[Block] = [
        Paragraph("Every claim with its proof, every audited paper, and the reference of the package. Nothing here "
                  "asks a network."),
        Paragraph(("The ", Link("api:index", "reference of all modules"), ".")),
    ]  # fmt: skip
    for family in families(found.claims):
        front.append(Paragraph((Strong(family.title), ". ", family.about), keep=True))
        front.append(Facts([(link(c.key, found), ": ", c.title) for c in family.claims]))
    front.append(Paragraph((Strong("Papers of the audit"),), keep=True))
    front.append(Facts([
        (Link(f"reference:{paper}", verbatim(paper)), f": {verbatim(REFERENCES.get(paper, ''))}") for paper in papers()
    ]))  # fmt: skip
    return Document("Batch normalisation, claim by claim", "", "bnverify", front, [])


def theorem(key: str, found: Derived, measured: Measured, checked: str = "") -> Document:
    """One claim: statement, hypotheses, proof, counterexamples to what is printed of it, code, what was measured."""
    claim = found.by_key[key]
    front: list[Block] = [Paragraph((Link("section:index", "All theorems"),)), *claimed(claim, found, [], checked)]
    hypotheses = [f"{title}: {says}." for title, says, _ in claim.hypotheses]
    if hypotheses:
        front += [Paragraph("", lead="What the hypotheses say:", keep=True), Facts(hypotheses)]
    front += [
        Paragraph("", lead="To prove it again:", keep=True),
        Listing(f"bnverify theory {key}\n\npython -c 'from bnverify.theory import CLAIMS, explain\n"
                f'print(explain(CLAIMS["{key}"]))\''),
    ]  # fmt: skip
    for shown in (r for r in found.records if key in r.claims):
        front += [Paragraph((Strong(f"Printed: {shown.title}"),), keep=True), *record(shown, found)]
    front += _measured(measured.get(key, ()))
    return Document(claim.title, "", f"{claim.place}, {verbatim(claim.reference)}", front, [])


def _measured(rows: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[Block]:
    """Where stored runs met the claim."""
    if not rows:
        yield Paragraph("In no stored run.", lead="Measured:")
        return
    cells: list[tuple[Text, ...]] = [
        ((Key(run),), str(row["network"]), str(row["dtype"]), whole(row["points"]), whole(row["violations"]),
         DASH if row["worst"] is None else scientific(row["worst"]), row["status"])
        for run, row in rows
    ]  # fmt: skip
    yield Paragraph("", lead="Measured in the stored runs:", keep=True)
    head = ("run", "network", "type", "compared", "violated", "worst residual", "verdict")
    yield Table(head, cells, (5, 2, 2, 2, 2, 2.5, 2.5), "lllrrrl")


def summaries(gallery: Path) -> dict[str, list[tuple[str, Mapping[str, Any]]]]:
    """By claim the rows of all summaries below a folder, with the name of the run."""
    out: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for file in sorted(gallery.rglob("summary.json")):
        for row in json.loads(file.read_text())["claims"]:
            out.setdefault(row["key"], []).append((str(file.parent.relative_to(gallery)), row))
    return out


def paper_page(found: Page, everything: Derived) -> Document:
    """One paper: what holds as printed, what holds under a hypothesis, and what does not."""
    front: list[Block] = [
        Paragraph((Link("section:index", "All theorems"),)), Paragraph(verbatim(found.citation)),
    ]  # fmt: skip
    parts = (("Holds as printed", found.holds), ("Holds under a hypothesis, or to leading order", found.holds_if),
             ("Does not hold as printed", found.fails))  # fmt: skip
    for title, records in parts:
        if records:
            front.append(Paragraph((Strong(title),), keep=True))
            for one in records:
                front += _ruled(one, everything)
    return Document(verbatim(found.paper), "", "An audit, formula by formula", front, [])


def _ruled(one: Record, everything: Derived) -> Iterator[Block]:
    shown = next(r for r in everything.audited if r.key == one.key)
    yield Paragraph(
        (Key(one.key), f" · {prose(one.title)} · {prose(one.source.place)} · ", Strong(one.said)),
        label=f"audit:{one.key}", keep=True,
    )  # fmt: skip
    if isinstance(shown, RuledRecord):
        yield from list(ruled(shown))[1:]
        return
    yield Paragraph((Key(one.text.quote), f" (text known by {verbatim(str(one.text))})"), lead="Text:")
    yield from list(record(shown, everything))[1:]
    yield Paragraph(prose(one.reading), lead="Reading:")
