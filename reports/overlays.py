"""Figures of several runs as parts of a report, with their captions."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from bnverify.reports import comparison, final_values
from bnverify.reports.blocks import Drawing
from bnverify.reports.lines import Lines

_TRAINING = (
    "Training of all runs: loss on the batch of every step above, fraction of it that is classified correctly below; "
    "left the networks with a normaliser, right their twins without one. Lines are running means, circles the test, a "
    "dotted vertical line the first loss that is not finite."
)
_FINAL = (
    "Where the runs ended: mean training loss over the last tenth of the steps and, where outputs are classes, "
    "accuracy on test images. Full bars: with a normaliser; hatched bars: without."
)
_LANDSCAPES = (
    "The loss landscape along the gradient in all runs: largest less smallest loss over the points, largest "
    "difference of the gradients, and largest difference over distance; above the networks with a normaliser, below "
    "those without."
)
_BOUNDS = (
    r"Theorem 4.1 in all runs, medians over the channels of all sites that have a gradient: the measured "
    r"$\Vert v\Vert^2$, and the share of $\Vert g\Vert^2$ that the two subtracted terms remove, "
    r"$(\langle 1, g\rangle^2 + (2-\rho)\,a^2)/(m\,\Vert g\Vert^2)$; above the networks with a normaliser, below those "
    r"without, in which a matched normalisation is inserted."
)
_SHIFTS = (
    r"Internal covariate shift in all runs, median over the layers but the first: $\Vert G - G'\Vert$ over the length "
    r"of the gradient before the update, and the cosine of the two; above the networks with a normaliser, below those "
    r"without."
)
_TWIN = " The twin without a normaliser is the same in every run and drawn once."
_SEEDS = (
    " Of runs that differ only in the seed the median is drawn, with the area (the thin line) from the smallest to the "
    "largest."
)
NAMES = ("training", "final", "theorem-4.1", "landscapes", "covariate-shifts")


def overlays(lines: Lines, wanted: Collection[str] = NAMES) -> list[Drawing]:
    """The wanted figures in reading order."""
    same = len(comparison.distinct(lines, "plain")) == 1 < len(lines)
    seeds = _SEEDS if any(len(line) > 1 for line in lines.values()) else ""
    twin = (_TWIN if same else "") + seeds
    grid = comparison.quantities_height(lines)
    found = (
        Drawing("training", comparison.training_height(lines), _TRAINING + twin,
                partial(comparison.draw_training, lines)),
        Drawing("final", final_values.final_height(lines), _FINAL + seeds, partial(final_values.draw_final, lines)),
        Drawing("theorem-4.1", grid, _BOUNDS + twin, partial(comparison.draw_gain, lines)),
        Drawing("landscapes", grid, _LANDSCAPES + twin, partial(comparison.draw_landscape, lines)),
        Drawing("covariate-shifts", grid, _SHIFTS + twin, partial(comparison.draw_shift, lines)),
    )  # fmt: skip
    return [drawing for drawing in found if drawing.name in wanted]
