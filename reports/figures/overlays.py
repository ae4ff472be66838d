"""Figures of several runs side by side, with their captions."""

from __future__ import annotations

from collections.abc import Collection

from bnverify.reports.figures import chart, comparison, final_values
from bnverify.reports.figures.figure import Drawing, Figure, NotRecorded
from bnverify.reports.figures.lines import Lines

_TRAINING = (
    "Loss on the batch of every step, and below it, where outputs are classes, the fraction classified correctly; "
    "left the networks with a normalizer, right their twins without one. Lines are running means, circles the test, a "
    "dotted vertical line the first loss that is not finite."
)
_FINAL = (
    "Where the runs ended: mean training loss over the last tenth of the steps and, where outputs are classes, "
    "accuracy on test images. Full bars: with a normalizer; hatched bars: without."
)
_LANDSCAPES = (
    "The loss landscape along the gradient in all runs: largest less smallest loss over the points, largest "
    "difference of the gradients, and largest difference over distance; above the networks with a normalizer, below "
    "those without."
)
_BOUNDS = (
    r"Theorem 4.1 in all runs, medians over the channels of all sites that have a gradient: the measured "
    r"$\lVert v\rVert^2$, and the share of $\lVert g\rVert^2$ that the two subtracted terms remove, "
    r"$(\langle 1, g\rangle^2 + (2-\rho)\,a^2)/(m\,\lVert g\rVert^2)$; above the networks with a normalizer, below "
    r"those without, in which a matched normalisation is inserted."
)
_SHIFTS = (
    r"Internal covariate shift in all runs, median over the layers but the first: $\lVert G - G'\rVert$ over the "
    r"length of the gradient before the update, and the cosine of the two; above the networks with a normalizer, below "
    r"those without."
)
_TWIN = " The twin without a normalizer is the same in every run and drawn once."
_SEEDS = (
    " Of runs that differ only in the seed the median is drawn, with the area (the thin line) from the smallest to the "
    "largest."
)


def _told(text: str, lines: Lines) -> str:
    """The caption, with what is drawn once and what a band is."""
    same = len(comparison.distinct(lines, "plain")) == 1 < len(lines)
    several = any(len(line) > 1 for line in lines.values())
    return text.replace("@twin", _TWIN if same else "") + (_SEEDS if several else "")


def _figure(name, title, caption, data, draw=chart.draw, height=comparison.height) -> Figure:
    return Figure(name, title, caption, data, draw, height, lambda text, lines: _told(text, lines) if text == caption
                  else text)  # fmt: skip


OVERLAYS: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        _figure("training", "Training of all runs", _TRAINING + "@twin", comparison.training),
        _figure("final", "Where the runs ended", _FINAL, final_values.ends, final_values.draw, final_values.height),
        _figure("theorem-4.1", "Theorem 4.1 in all runs", _BOUNDS + "@twin", comparison.gain),
        _figure("landscapes", "The loss landscape along the gradient in all runs", _LANDSCAPES + "@twin",
                comparison.landscapes),
        _figure("covariate-shifts", "Internal covariate shift in all runs", _SHIFTS + "@twin", comparison.shifts),
    )
}  # fmt: skip


def overlays(lines: Lines, wanted: Collection[str] = tuple(OVERLAYS)) -> tuple[list[Drawing], dict[str, str]]:
    """The wanted figures that the runs can draw, in reading order; the names of the others, and what is missing."""
    drawings: list[Drawing] = []
    missing: dict[str, str] = {}
    for name in wanted:
        try:
            drawings.append(OVERLAYS[name].drawing(lines))
        except NotRecorded as reason:
            missing[name] = str(reason)
    return drawings, missing
