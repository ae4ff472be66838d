"""FIGURES: every figure of a run by name, in reading order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures import (
    alignment,
    chart,
    covariate_shift,
    curvature,
    distributions,
    gradient_bound,
    initialisation,
    landscape,
    residuals,
    rotation,
    subtracted,
    training,
)
from bnverify.reports.figures.figure import Drawing, Figure, NotRecorded


def _words(text: str, run: Run) -> str:
    """In the words of the run's configuration."""
    return naming.worded(text, run.config)


def _chart(name: str, title: str, caption: str, data: Callable[[Run], Any], height: float = 0.0) -> Figure:
    """A figure of panels of curves, of a fixed height in cm, or as high as its panels need."""
    tall = (lambda _: height) if height else chart.grid_height
    return Figure(name, title, caption, data, chart.draw, tall, _words)


FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        _chart(
            "training", "Training",
            "Loss on the training batch of each step and, where outputs are classes, accuracy on it (lines) and on "
            "test images (points); without classes there is one panel, and the points are the loss of the test. Thin "
            "lines are single batches and thick lines their running mean, where the run is long enough for one; a "
            "dotted vertical line marks the first loss that is not finite. Both networks start from the same weights "
            "and see the same batches. One run with one seed: the curves describe it and compare nothing.",
            training.training, 5.6,
        ),
        Figure(
            "residuals", "Residuals of all claims tested on this run",
            "Open marks: median over all points; full marks: the worst point; a vertical mark: the tolerance. A claim "
            "is violated if a full mark lies to the right of its tolerance. Residuals of exactly 0 are drawn at the "
            "left edge; for an upper bound, 0 is what a point inside the bound gives.",
            residuals.residuals, residuals.draw, residuals.height, _words,
        ),
        _chart(
            "theorem-4.1", "Theorem 4.1, bound and measurement",
            r"One panel a site. Lines: the right side of the theorem, median over channels, with the band from the 10 "
            r"% to the 90 % quantile; open marks: the median of $\lVert v\rVert^2$ from automatic differentiation. The "
            r"network without batch norm is measured with a matched normalisation inserted at the site ($\gamma = s$, "
            r"$\beta = \mu$). Marks on their line say that the bound is tight; that it holds at every single point is "
            r"what the verdicts say.",
            gradient_bound.bound,
        ),
        _chart(
            "theorem-4.1-gain", "What the two subtracted terms of Theorem 4.1 remove",
            r"Full marks: the mean part $\langle 1, g\rangle^2/(m\,\lVert g\rVert^2)$; open marks: the alignment part "
            r"$(2-\rho)\,a^2/(m\,\lVert g\rVert^2)$; medians over channels, one panel a site. The two shares add up to "
            r"$1 - \lVert v\rVert^2 s^2/(\gamma^2 \lVert g\rVert^2)$: a share near 0 says that, apart from the factor "
            r"$\gamma/s$, normalising leaves the gradient as long as it was.",
            gradient_bound.gain,
        ),
        _chart(
            "alignment-chance", "Alignment of the gradient with the normalised output, against chance",
            r"One panel a site: $m\,\cos^2(g, \hat y) = a^2/(\rho\,\lVert g\rVert^2)$, median over channels. Grey: "
            r"0.455, the median of a direction that knows nothing of $\hat y$, for every $m$. Theorem 4.1 subtracts "
            r"about this number divided by $m$: above the grey line the gradient is aligned, and still little is "
            r"subtracted where $m$ is large.",
            subtracted.alignment_against_chance,
        ),
        _chart(
            "subtracted", "The shares that Theorems 4.1 and 4.2 subtract",
            r"Marks on lines: the share of $\lVert g\rVert^2$ in the layer that Theorem 4.1 subtracts beside the "
            r"factor $\gamma/s$. Open marks: the size of the subtracted term of Theorem 4.2 over $\lvert u'Hu\rvert$. "
            r"Grey: $2/m$, what random directions would lose.",
            subtracted.subtracted_shares,
        ),
        _chart(
            "rotation", "How far the weights of a layer turn in a step",
            r"One panel a site. Marks: $1 - \langle W, W^{+}\rangle/\lVert W\rVert^2$ of the training's own step; "
            r"lines: the claim on the step with momentum and weight decay, $\eta(\lambda + \alpha\langle W, "
            r"B\rangle/\lVert W\rVert^2 + p)$ with epsilon's part $p$. Without normalisation the claim says nothing, "
            r"and its line departs from the marks. Grey: $\eta\lambda/(1+\alpha)$, what is printed of a stationary "
            r"state.",
            rotation.turning,
        ),
        _chart(
            "epsilon-share", "What epsilon has in the turning of the weights",
            r"One panel a site: epsilon's part $\eta p$, $p = \sum\gamma(1-\rho)a/\lVert W\rVert^2$, as a share of the "
            r"whole $1 - \langle W, W^{+}\rangle/\lVert W\rVert^2$ of a step. Above 0 epsilon acts as a further weight "
            r"decay. The axis is logarithmic on both sides of 0 and linear next to it.",
            rotation.epsilon_share,
        ),
        _chart(
            "effective-rates", "The effective learning rate of a layer",
            r"One panel a site. Marks: $\eta/((1-\eta\lambda)\lVert W^{+}\rVert^2)$ after the training's own step; "
            r"lines: the schedule law, from the state before it. Without normalisation the law says nothing, and its "
            r"line departs from the marks.",
            rotation.effective_rates,
        ),
        _chart(
            "theorem-4.2", "Theorem 4.2 for whole layers",
            r"One panel a site: the second derivative of the normalised loss along its own gradient. Open marks: by "
            r"automatic differentiation through the real network; lines: the exact right side, evaluated from other "
            r"measurements. The axis is logarithmic on both sides of 0 and linear next to it.",
            curvature.curvature,
        ),
        _chart(
            "theorem-4.2-terms", "What normalising adds to the curvature along the gradient",
            r"The part of the right side of Theorem 4.2 that normalising adds to $\mathbf{u}^\top H\,\mathbf{u}$, as a "
            r"share of the sum of the magnitudes of the two. Below 0 it lowers the second derivative along the "
            r"gradient, above 0 it raises it: at $\varepsilon = 0$ and for $\gamma > 0$ its sign is that of $-a$, "
            r"weighted over channels.",
            curvature.terms,
        ),
        _chart(
            "alignment", r"The sign of the alignment $a = \langle \hat{y}, g\rangle$",
            r"Fraction of channels with $a > 0$, one panel a site, channels without gradient left out; the grey line "
            r"is one half. Theorem 4.2 is called favourable under the assumption $\langle \hat{y}, g\rangle > 0$, "
            r"which would put every mark at 1. Observed, not asserted.",
            alignment.alignment,
        ),
        _chart(
            "initialisation", "Lemma 4.5 along training",
            r"One panel a layer. Open squares: distance between initial and current weights; triangles: distance of "
            r"the initial weights from the ray $\{kW_t: k>0\}$, which the lemma gives in closed form; crosses: with a "
            r"separate $k$ for every filter. Where the marks coincide, rescaling the weights brings them no closer to "
            r"where they started. Behind a batch norm, its epsilon aside, every point of the ray computes what $W_t$ "
            r"computes; without one it does so once a batch norm of matched scale is put there. Which network stays "
            r"nearer to its start is observed, not asserted.",
            initialisation.initialisation,
        ),
        _chart(
            "landscape", "The loss landscape along the gradient",
            r"At measured steps the batch of the step is looked at again from the points $W = W_t + h$ with $h = -\eta "
            r"t\,\nabla L(W_t)$, $t$ from $1/2$ to 4 and $\eta t$ at most 0.4, in training mode; $g$ and $g'$ are the "
            r"gradients at $W_t$ and at $W$. Left: smallest to largest loss over the points. Middle: smallest to "
            r"largest difference of the gradients. Right: the largest over the distance. Gaps are steps at which a "
            r"point has no finite value. Two networks trained apart are set side by side; nothing is asserted of "
            r"others.",
            landscape.along_gradient, 6.0,
        ),
        _chart(
            "landscape-random", "The loss landscape along a random direction",
            r"The same along a random direction of the gradient's length, drawn anew at every measured step, with "
            r"equal numbers for parameters that both networks have. What differs from the figure along the gradient "
            r"belongs to the gradient's direction; what does not, to the region.",
            landscape.along_random, 6.0,
        ),
        _chart(
            "linearity", "Departure of the loss from its linear model",
            r"$|\Delta L - \langle g, h\rangle|$ with $\Delta L = L(W_t + h) - L(W_t)$ and $g = \nabla L(W_t)$, "
            r"smallest to largest over the points: over the distance (left) and over its square (right), along the "
            r"gradient (above) and along the random direction (below). Where the loss is a parabola the right side is "
            r"half its curvature at every point, and the band has no width.",
            landscape.linearity, 10.0,
        ),
        _chart(
            "landscape-relative", "The landscape along the gradient, free of the loss's scale",
            r"Left and middle: cosine and relative difference of the gradients $g$ at $W_t$ and $g'$ at the points, "
            r"smallest to largest. Right: learning rate times second derivative along the gradient; a step of gradient "
            r"descent multiplies the slope along it by 1 less this number, to first order, so that the slope shrinks "
            r"between 0 and 2 (grey lines, that at 2 if the values come near it).",
            landscape.relative, 6.0,
        ),
        _chart(
            "covariate-shift", "Internal covariate shift, Definition 2.1",
            r"$G$ is the gradient of the loss with respect to the kernel of a layer, $G'$ that after the optimiser has "
            r"updated every parameter before the layer, on the same batch. One panel a layer; the first layer is left "
            r"out, since nothing precedes it. The size depends on the scale of loss and weights, which differs between "
            r"the networks.",
            covariate_shift.size,
        ),
        _chart(
            "covariate-shift-relative", "Internal covariate shift over the length of the gradient",
            r"Over the length before the update, one panel a layer. At 1 the change is as long as the gradient itself.",
            covariate_shift.relative,
        ),
        _chart(
            "covariate-shift-cosine", "Internal covariate shift as an angle",
            r"The cosine of the gradients before and after the update of the layers before, one panel a layer. 1 says "
            r"that the update did not turn the gradient.",
            covariate_shift.cosine,
        ),
        Figure(
            "distributions", "Distributions of activations",
            r"Over the batch, all pixels and channels of a site, in training mode, at the first, the middle and the "
            r"last measured step. A column is a site and has one horizontal axis; every histogram is drawn to the same "
            r"height, so that widths and places can be compared, not areas. On a screen all measured steps can be "
            r"played one after the other.",
            distributions.histograms, distributions.draw, lambda _: 9.5, _words, distributions.film,
        ),
        _chart(
            "moments", "Mean of the activations",
            r"Of a site along training, over the batch, all pixels and channels, in standard deviations of the same "
            r"activations.",
            distributions.mean,
        ),
        _chart(
            "moments-deviation", "Standard deviation of the activations",
            r"Of a site along training, over the batch, all pixels and channels.",
            distributions.deviation,
        ),
    )
}  # fmt: skip


def drawings(run: Run) -> tuple[list[Drawing], dict[str, str]]:
    """The figures that a run can draw, in reading order; the names of the others, and what is missing."""
    found: list[Drawing] = []
    missing: dict[str, str] = {}
    for name, figure in FIGURES.items():
        try:
            found.append(figure.drawing(run))
        except NotRecorded as reason:
            missing[name] = str(reason)
    return found, missing
