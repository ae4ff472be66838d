"""FIGURES: every figure of the report by name, in reading order; each is a function of a stored run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure, FigureBase

from bnverify.empirical.runs.records import Run
from bnverify.reports import (
    activations,
    alignment,
    covariate_shift,
    curvature,
    gradient_bound,
    initialisation,
    landscape,
    naming,
    residuals,
    training_curves,
)
from bnverify.reports.blocks import Drawing


@dataclass(frozen=True)
class Plot:
    """A figure: ``plot(run)`` makes it; ``draw`` puts it into a figure or a part of one.

    ``height`` is in cm, a number or a function of the run. ``caption`` is marked-up text (see ``prose``): what
    is seen, then how to read it.
    """

    name: str
    height: float | Callable[[Run], float]
    caption: str
    draw: Callable[[Run, FigureBase], None]

    def height_of(self, run: Run) -> float:
        """The height for a run, in cm."""
        return self.height if isinstance(self.height, float) else self.height(run)

    def caption_of(self, run: Run) -> str:
        """The caption in the words of a run's configuration."""
        return naming.worded(self.caption, run.config)

    def drawing(self, run: Run) -> Drawing:
        """The figure of a run as a part of a report."""
        return Drawing(self.name, self.height_of(run), self.caption_of(run), partial(self.draw, run))

    def __call__(self, run: Run) -> Figure:
        """The figure of a run; ``NotRecorded`` where the run does not hold what it shows."""
        return self.drawing(run).figure()


_PLOTS = (
    Plot(
        "training", 6.0,
        "Training. Left: loss on the training batch of each step. Right: accuracy on that batch (lines) and on test "
        "images (points); without classes there is one panel, and the points are the loss of the test. Thin lines are "
        "single batches and thick lines their running mean, where the run is long "
        "enough for one; a dotted vertical line marks the first loss that is not finite. Both networks start from the "
        "same weights and see the same batches. One run with one seed: the curves describe it and compare nothing.",
        training_curves.draw,
    ),
    Plot(
        "residuals", residuals.height,
        "Residuals of all claims tested on this run. Open marks: median over all points; full marks: the worst point; "
        "a vertical mark: the tolerance. A claim is violated if a full mark lies to the right of its tolerance. "
        "Residuals of exactly 0 are drawn at the left edge; for an upper bound, 0 is what a point inside the bound "
        "gives.",
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
        r"Lemma 4.5 along training, one panel a layer. Open squares: distance between initial and current weights; "
        r"triangles: distance of the initial weights from the ray $\{kW_t: k>0\}$, which the lemma gives in closed "
        r"form; crosses: with a separate $k$ for every filter. Where the marks coincide, rescaling the weights brings "
        r"them no closer to where they started. Behind a batch norm, its epsilon aside, every point of the ray "
        r"computes what $W_t$ computes; without one it does so once a batch norm of matched scale is put there. Which "
        r"network stays nearer to its start is observed, not asserted.",
        initialisation.draw,
    ),
    Plot(
        "landscape", 6.2,
        r"The loss landscape along the gradient: at measured steps the batch of the step is looked at again from "
        r"the points $W = W_t + h$ with $h = -\eta t\,\nabla L(W_t)$, $t$ from $1/2$ to 4 and $\eta t$ at most "
        r"0.4, in training mode; $g$ and $g'$ are the gradients at $W_t$ and at $W$. Left: smallest to largest loss "
        r"over the points. Middle: smallest to largest difference of the gradients. Right: the largest over the "
        r"distance. Gaps are steps at which a point has no finite value. Two networks trained apart are set side by "
        r"side; nothing is asserted of others.",
        landscape.draw_gradient,
    ),
    Plot(
        "landscape-random", 6.2,
        r"The same along a random direction of the gradient's length, drawn anew at every measured step, with equal "
        r"numbers for parameters that both networks have. What differs from the figure along the gradient belongs "
        r"to the gradient's direction; what does not, to the region.",
        landscape.draw_random,
    ),
    Plot(
        "linearity", 9.5,
        r"Departure of the loss from its linear model, $|\Delta L - \langle g, h\rangle|$ with $\Delta L = L(W_t + "
        r"h) - L(W_t)$ and $g = \nabla L(W_t)$, smallest to largest over the points: over the distance (left) and "
        r"over its square (right), along the gradient (above) and along the random direction (below). Where the "
        r"loss is a parabola the right side is half its curvature at every point, and the band has no width.",
        landscape.draw_linearity,
    ),
    Plot(
        "landscape-relative", 6.2,
        r"Along the gradient, free of the loss's scale. Left and middle: cosine and relative difference of the "
        r"gradients $g$ at $W_t$ and $g'$ at the points, smallest to largest. Right: learning rate times second "
        r"derivative along the gradient; a step of gradient descent multiplies the slope along it by 1 less this "
        r"number, to first order, so that the slope shrinks between 0 and 2 (grey lines, that at 2 if the values "
        r"come near it).",
        landscape.draw_relative,
    ),
    Plot(
        "covariate-shift", covariate_shift.height,
        r"Internal covariate shift, Definition 2.1: $G$ is the gradient of the loss with respect to the kernel of a "
        r"layer, $G'$ that after the optimiser has updated every parameter before the layer, on the same batch. One "
        r"panel a layer; the first layer is left out, since nothing precedes it. The size depends on the scale of "
        r"loss and weights, which differs between the networks.",
        covariate_shift.draw_size,
    ),
    Plot(
        "covariate-shift-relative", covariate_shift.height,
        r"Internal covariate shift over the length of the gradient before the update, one panel a layer. At 1 the "
        r"change is as long as the gradient itself.",
        covariate_shift.draw_relative,
    ),
    Plot(
        "covariate-shift-cosine", covariate_shift.height,
        r"Internal covariate shift as an angle: the cosine of the gradients before and after the update of the "
        r"layers before, one panel a layer. 1 says that the update did not turn the gradient.",
        covariate_shift.draw_cosine,
    ),
    Plot(
        "distributions", 9.5,
        r"Distributions of activations over the batch, all pixels and channels of a site, in training mode, at the "
        r"first, the middle and the last measured step. A column is a site and has one horizontal axis; every "
        r"histogram is drawn to the same height, so that widths and places can be compared, not areas.",
        activations.draw_distributions,
    ),
    Plot(
        "moments", activations.moments_height,
        r"Mean of the activations of a site along training, over the batch, all pixels and channels, in standard "
        r"deviations of the same activations.",
        activations.draw_mean,
    ),
    Plot(
        "moments-deviation", activations.moments_height,
        r"Standard deviation of the activations of a site along training, over the batch, all pixels and channels.",
        activations.draw_deviation,
    ),
)  # fmt: skip

FIGURES: dict[str, Plot] = {plot.name: plot for plot in _PLOTS}
