"""FIGURES: every figure of the report by name, in reading order; each is a function of a stored run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure, FigureBase

from empirical.records import Run
from reports import alignment, curvature, gradient_bound, initialisation, residuals, style, training_curves


@dataclass(frozen=True)
class Plot:
    """A figure: ``plot(run)`` makes it; ``draw`` puts it into a figure or a part of one. ``height`` is in cm.

    ``caption`` is marked-up text (see ``reports.prose``): what is seen, then how to read it.
    """

    name: str
    height: float
    caption: str
    draw: Callable[[Run, FigureBase], None]

    def __call__(self, run: Run) -> Figure:
        """The figure of a run; ``NotRecorded`` where the run does not hold what it shows."""
        with style.look():
            figure = style.new_figure(self.height)
            self.draw(run, figure)
            return figure


_PLOTS = (
    Plot(
        "training", 6.0,
        "Training. Left: loss on the training batch of each step. Right: accuracy on that batch (lines) and on test "
        "images (points). Thin lines are single batches and thick lines their running mean, where the run is long "
        "enough for one; a dotted vertical line marks the first loss that is not finite. Both networks start from the "
        "same weights and see the same batches. One run with one seed: the curves describe it and compare nothing.",
        training_curves.draw,
    ),
    Plot(
        "residuals", 11.5,
        "Residuals of all claims. Open marks: median over all points; full marks: the worst point; a vertical mark: "
        "the tolerance. A claim is violated if a full mark lies to the right of its tolerance. Residuals of exactly 0 "
        "are drawn at the left edge; for an upper bound, 0 is what a point inside the bound gives.",
        residuals.draw,
    ),
    Plot(
        "theorem-4.1", 8.0,
        r"Theorem 4.1 along training, one panel a site. Lines: the right side of the theorem, median over channels, "
        r"with the band from the 10 % to the 90 % quantile; open marks: the median of $\Vert v\Vert^2$ from automatic "
        r"differentiation. The network without batch norm is measured with a matched normalisation inserted at the "
        r"site ($\gamma = s$, $\beta = \mu$). Marks on their line say that the bound is tight; that it holds at every "
        r"single point is what the verdicts say.",
        gradient_bound.draw_bound,
    ),
    Plot(
        "theorem-4.1-gain", 8.0,
        r"What the two subtracted terms of Theorem 4.1 remove. Full marks: the mean part "
        r"$\langle 1, g\rangle^2/(m\,\Vert g\Vert^2)$; open marks: the alignment part "
        r"$(2-\rho)\,a^2/(m\,\Vert g\Vert^2)$; medians over channels, one panel a site. The two shares add up to "
        r"$1 - \Vert v\Vert^2 s^2/(\gamma^2 \Vert g\Vert^2)$: a share near 0 says that, apart from the factor "
        r"$\gamma/s$, normalising leaves the gradient as long as it was.",
        gradient_bound.draw_gain,
    ),
    Plot(
        "theorem-4.2", 8.0,
        r"Theorem 4.2 for whole layers, one panel a site: the second derivative of the normalised loss along its own "
        r"gradient. Open marks: by automatic differentiation through the real network; lines: the exact right side, "
        r"evaluated from other measurements. The axis is logarithmic on both sides of 0 and linear next to it.",
        curvature.draw_curvature,
    ),
    Plot(
        "theorem-4.2-terms", 8.0,
        r"The part of the right side of Theorem 4.2 that normalising adds to "
        r"$\mathbf{u}^\top H\,\mathbf{u}$, as a share of the sum of the magnitudes of the two. Below 0 it lowers "
        r"the second derivative along the gradient, above 0 it raises it: at $\varepsilon = 0$ and for $\gamma > 0$ "
        r"its sign is that of $-a$, weighted over channels.",
        curvature.draw_terms,
    ),
    Plot(
        "alignment", 8.0,
        r"The sign of $a = \langle \hat{y}, g\rangle$: fraction of channels with $a > 0$, one panel a site, channels "
        r"without gradient left out; the grey line is one half. Theorem 4.2 is called favourable under the assumption "
        r"$\langle \hat{y}, g\rangle > 0$, which would put every mark at 1. Observed, not asserted.",
        alignment.draw,
    ),
    Plot(
        "initialisation", 8.0,
        r"Lemma 4.5 along training, one panel a layer of the network without batch norm. Open squares: distance "
        r"between initial and current weights; triangles: distance of the initial weights from the ray "
        r"$\{kW_t: k>0\}$, which the lemma gives in closed form; crosses: with a separate $k$ for every filter. Where "
        r"the marks coincide, rescaling the weights brings them no closer to where they started. The lemma reads the "
        r"ray as optima of a normalised network, which is not tested here.",
        initialisation.draw,
    ),
)  # fmt: skip

FIGURES: dict[str, Plot] = {plot.name: plot for plot in _PLOTS}
