"""The report without TeX: the same content on pages that matplotlib sets alone, said so on the first page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from reports import audit, formula, normalisers, setting
from reports.content import PLACES, Content, ShownStep
from reports.figures import FIGURES
from reports.pages import Pages, look
from reports.panels import NotRecorded
from reports.prose import prose, verbatim
from reports.style import LABELS
from theory import REFERENCES, Claim

ROOM = 430.0  # points at 10 pt for rows that are set at 9 pt
NARROW = 9.6 * 72 / 2.54 / 0.7  # a column of a table set at 7 pt
TITLE = "What is true about batch normalisation"


def fallback_pdf(content: Content, note: str, notes: Mapping[str, str]) -> bytes:
    """A PDF of the whole report; ``note`` says why it was not set by TeX, ``notes`` why a figure is left out."""
    with look():
        pages = Pages()
        _first_page(pages, content, note)
        _audit(pages)
        _normalisers(pages)
        _run(pages, content)
        _verdicts(pages, content)
        pages.need(8)
        pages.heading("Figures")
        for name, plot in FIGURES.items():
            if name in notes:
                pages.paragraph(f"Figure {name} is left out: {verbatim(notes[name])}.")
                continue
            try:
                pages.figure(plot.height_of(content.run), partial(plot.draw, content.run), plot.caption)
            except NotRecorded as reason:
                pages.paragraph(f"Figure {name} is left out: {verbatim(str(reason))}.")
        steps = content.steps(ROOM)
        for family in content.families:
            pages.need(4)
            pages.heading(family.title, size=13)
            pages.paragraph(family.about, after=0.2)
            for claim in family.claims:
                _claim(pages, content, claim, steps[claim.key])
        _quantities(pages, content)
        pages.heading("References")
        for key, text in REFERENCES.items():
            pages.paragraph(verbatim(text), lead=f"{key}:", size=8)
        return pages.pdf(TITLE)


def _first_page(pages: Pages, content: Content, note: str) -> None:
    config = content.run.config
    pages.heading(TITLE, size=17)
    pages.paragraph(f"Report of the run {verbatim(config.preset)}, seed {config.seed}", size=11, after=0.4)
    pages.paragraph(verbatim(note), lead="Note:", after=0.4)
    pages.paragraph(" ".join(content.abstract()), lead="Abstract.", after=0.4)
    pages.heading("Hypotheses")
    for h in content.hypotheses():
        tested = "" if h.condition is None else " Tested at every point."
        pages.paragraph(f"{prose(h.statement)}.{tested}", lead=f"{prose(h.name)}:")


def _quantities(pages: Pages, content: Content) -> None:
    pages.heading("Quantities")
    rows = [(f"{symbol}", name, shape, meaning) for symbol, name, shape, meaning in content.notation()]
    pages.table(("symbol", "name", "shape", "meaning"), rows, (4.0, 3.2, 1.6, 7.2))


def _audit(pages: Pages) -> None:
    pages.new()
    pages.heading("What is printed, and how it fares", size=13)
    pages.paragraph(f"{audit.summary()} {audit.VERDICTS}", after=0.3)
    pages.table(("record", "printed", "source", "verdict"), audit.overview(), (3.4, 5.4, 4.6, 2.6))
    pages.new()
    for entry in audit.entries(ROOM):
        pages.need(5)
        pages.heading(entry.title, size=10)
        pages.paragraph(f"{entry.verdict}; {entry.source}", lead=entry.key)
        pages.formula(entry.printed, str(entry.record.relation))
        if entry.premises:
            pages.paragraph(f"{', '.join(entry.premises)}.", lead="Premise:", size=8)
        given = f", under the hypothesis {entry.conditions}" if entry.conditions else ""
        also = f"; see also {', '.join(claim.key for claim in entry.others)}" if entry.others else ""
        if entry.as_printed:
            pages.paragraph(f"as {entry.correction.key}{also}.", lead="Proved:", size=8)
        else:
            pages.paragraph(f"{entry.correction.key}{given}{also}:", lead="What holds:", size=8)
            pages.formula(entry.correct, str(entry.correction))
        if entry.sides:
            shown = f"{entry.example(matrices=False)}. There {entry.sides}."
            pages.paragraph(shown, lead="Counterexample:", size=8)
        pages.paragraph(prose(entry.record.remark), lead="Remark:", size=8)


def _normalisers(pages: Pages) -> None:
    pages.heading("Normalisers", size=13)
    pages.paragraph(normalisers.ABOUT)
    described = normalisers.described(NARROW)
    rows = [(row.name, row.over, " ".join(f"${line.body}$" for line in row.backward)) for row in described]
    pages.table(("normaliser", "normalised over", "backward pass, v"), rows, (2.3, 3.9, 9.8))
    for names, note in normalisers.notes(described):
        pages.paragraph(f"{note}.", lead=f"{names}:", size=8)
    pages.paragraph(normalisers.QUESTIONS)
    head = ("normaliser", "n", "no enlargement", "gain", "largest factor")
    shown = [(row.name, row.n, _answer(row.enlargement), _answer(row.gain), row.worst) for row in described]
    pages.table(head, shown, (2.3, 3.6, 3.5, 3.5, 3.1))


def _answer(settled: normalisers.Settled) -> str:
    why = settled.record or settled.why
    return f"{settled.verdict}, {why}" if why else settled.verdict


def _claim(pages: Pages, content: Content, claim: Claim, steps: list[ShownStep]) -> None:
    pages.heading(prose(claim.title), size=10)
    pages.paragraph(f"{claim.kind} at every {PLACES[claim.shape]}; {prose(str(claim.source))}", lead=claim.key)
    rows = formula.rows(claim.left, formula.SIGNS[claim.relation], claim.right, ROOM)
    pages.formula(rows, f"{claim.left} {claim.relation} {claim.right}")
    if claim.hypotheses:
        pages.paragraph("; ".join(prose(h.name) for h in claim.hypotheses) + ".", lead="Hypotheses:", size=8)
    if claim.remark:
        pages.paragraph(prose(claim.remark), lead="Remark:", size=8)
    reused = content.reused(steps)
    if reused:
        pages.paragraph(reused, lead="Proof:", size=8)
    for shown in steps:
        if shown.seen_in:
            continue
        nothing = shown.same and shown.display[0].body == "0"
        ending = "; both sides are 0." if nothing else "; both sides are" if shown.same else ":"
        pages.paragraph(prose(shown.step.reason) + ending, lead=f"{prose(shown.step.name)}:", size=8, after=0.05)
        if not nothing:
            pages.formula(shown.display, f"{shown.step.left} = {shown.step.right}", size=8)
    if claim.relation == "<=":
        pages.paragraph("no factor is negative in the slack", lead="certificate:", size=8, after=0.05)
        pages.formula(content.certificate(claim, ROOM), str(claim.slack), size=8)
    pages.paragraph(" ".join(content.outcome(claim)), lead="Measured:", size=8)


def _run(pages: Pages, content: Content) -> None:
    run = content.run
    pages.heading("The run")
    for rows in (setting.configuration(run), setting.data(run), setting.environment(run)):
        pages.table(("", ""), rows, (3.4, 12.6), size=8)


def _verdicts(pages: Pages, content: Content) -> None:
    pages.heading("Verdicts")
    pages.paragraph(
        "A point is a recorded step, site and channel. The residual is the difference of the sides (for a bound, where "
        "the left side exceeds the right one), over the magnitudes of the terms; a violation is a residual above the "
        "tolerance. Tightness is the median of right over left. Points counted apart are neither passes nor violations."
    )
    pages.paragraph(content.measured())
    rows = [row for rows in content.verdict_table() for row in rows]
    head = ("claim", "network", "type", "points", "violations", "residual", "tightness", "verdict", "counted apart")
    pages.table(head, rows, (3.3, 1.2, 1.2, 1.1, 1.4, 1.6, 1.8, 1.4, 3.0))
    if not content.violated:
        pages.paragraph("No claim is violated at any point.")
    for verdict, points in content.violations():
        pages.paragraph(
            f"{verdict.violations} of {verdict.points} points; the worst {len(points)}:",
            lead=f"Violations of {verdict.key}, {LABELS[verdict.network]}, {verdict.dtype}:",
        )
        pages.table(("step", "site", "channel", "left", "right", "residual"), points, (1.6, 2.4, 2.0, 3.4, 3.4, 3.2))
    if content.untested() or content.unmeasured():
        pages.heading("Proved, not measured on this run", size=10)
    if content.untested():
        pages.paragraph("The run recorded what these claims speak of, but no point lies inside their hypotheses:")
        pages.table(("claim", "points counted apart"), content.untested(), (4.4, 11.6))
    if content.unmeasured():
        pages.paragraph("Of these claims it recorded at least one quantity too few; their proofs lack nothing:")
        rows = [(title, ", ".join(keys)) for title, keys in content.unmeasured()]
        pages.table(("chapter", "claims"), rows, (4.4, 11.6))
    pages.paragraph(
        "Two networks trained apart are not compared; that smoothness makes batch norm help is not claimed; hypotheses "
        "that are not tested point by point are assumptions.",
        lead="Not claimed:",
    )
    pages.paragraph(" ".join(content.observed()), lead="Observed, not asserted:")
