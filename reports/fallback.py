"""The report without TeX: the same content on pages that matplotlib sets alone, said so on the first page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from reports import formula, setting
from reports.content import PLACES, Content, ShownStep
from reports.figures import FIGURES
from reports.pages import Pages, look
from reports.panels import NotRecorded
from reports.prose import prose, verbatim
from reports.style import LABELS
from theory import CLAIMS, REFERENCES, Claim

ROOM = 430.0  # points at 10 pt for rows that are set at 9 pt
TITLE = "What is true about batch normalisation"


def fallback_pdf(content: Content, note: str, notes: Mapping[str, str]) -> bytes:
    """A PDF of the whole report; ``note`` says why it was not set by TeX, ``notes`` why a figure is left out."""
    with look():
        pages = Pages()
        _first_page(pages, content, note)
        pages.heading("What was derived")
        steps = content.steps(ROOM)
        for key, claim in CLAIMS.items():
            _claim(pages, content, claim, steps[key])
        _run(pages, content)
        _verdicts(pages, content)
        pages.need(max(plot.height for plot in FIGURES.values()))
        pages.heading("Figures")
        for name, plot in FIGURES.items():
            if name in notes:
                pages.paragraph(f"Figure {name} is left out: {verbatim(notes[name])}.")
                continue
            try:
                pages.figure(plot.height, partial(plot.draw, content.run), plot.caption)
            except NotRecorded as reason:
                pages.paragraph(f"Figure {name} is left out: {verbatim(str(reason))}.")
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
    pages.heading("Quantities")
    rows = [(f"{symbol}", name, shape, meaning) for symbol, name, shape, meaning in content.notation()]
    pages.table(("symbol", "name", "shape", "meaning"), rows, (4.0, 3.2, 1.6, 7.2))


def _claim(pages: Pages, content: Content, claim: Claim, steps: list[ShownStep]) -> None:
    pages.heading(prose(claim.title), size=10)
    pages.paragraph(f"{claim.kind} at every {PLACES[claim.shape]}; {prose(str(claim.source))}", lead=claim.key)
    sign = "=" if claim.relation == "==" else r"\leq"
    pages.formula(formula.rows(claim.left, sign, claim.right, ROOM), f"{claim.left} {claim.relation} {claim.right}")
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
        pages.paragraph(f"the slack is {content.certificate(claim)}, no factor negative.", lead="certificate:", size=8)
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
    pages.paragraph(
        "Two networks trained apart are not compared; that smoothness makes batch norm help is not claimed; hypotheses "
        "that are not tested point by point are assumptions.",
        lead="Not claimed:",
    )
    pages.paragraph(" ".join(content.observed()), lead="Observed, not asserted:")
