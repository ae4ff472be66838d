r"""What the reports say in words, once for all renderers; text is marked up as in "
r"``bnverify.reports.document.prose``."""

from __future__ import annotations

from bnverify.reports.document.blocks import Emphasis, Link, Text

PROOFS: Text = (
    "A claim is an equality or an upper bound between named quantities, together with its source, its hypotheses and a "
    "proof. It is written once: the expressions printed here are the ones that were proved, and compiled and compared "
    "with measurements in ", Link("section:verdicts", "Verdicts", number=True), ". A proof is a chain of named steps. "
    "In each step the difference of two expressions must be exactly 0 in a computer algebra with symbolic $m$, "
    r"$\varepsilon$ and inner products, so that nothing depends on a batch size or on rounding. Where both sides come "
    "out as literally the same expression, it is printed once. An upper bound also has a certificate: its slack, right "
    "minus left, written as a sum of products of factors that are each non-negative. Proofs are checked when a report "
    "is first built, and again whenever a line of the theory changes; before, each claim is tried at exact examples.",
)  # fmt: skip

VERDICTS = (
    "A statement is true if it is a proved claim as it stands, an equality if its two sides are equal in the setting "
    "of its source, true under hypothesis if it needs an assumption that is not made where it is printed, a misprint "
    "if a sign, a factor or a symbol is lost, and false otherwise. Unless it is true or an equality, a counterexample "
    "is given: vectors of rational numbers, the smallest that a search found, at which both sides are evaluated "
    r"exactly, from the definition of the normalisation ($\gamma = 1$ where it is not named)."
)

ASKED = (
    "Papers explain why batch normalisation helps by theorems about one layer. Three questions are answered here. Is "
    "what they print true, exactly, for every batch size? Does it describe a network that is being trained, number by "
    "number? And what of it says nothing about that network?"
)
ANSWERED = (
    "What is claimed, chapter by chapter. Printed: how the statements of the literature fare. Proved: exact claims of "
    "that chapter. Then how many of them were compared with each network, and how often (claims hold, comparisons); "
    "the worst residual as a share of its tolerance, which a violation brings above 1; and the median of right over "
    "left of the upper bounds, where 1 is tight."
)
UNTESTED_LEAD = (
    "These claims were tested at no point of the network {with}; their proofs lack nothing, but the run says nothing "
    "about them:"
)

NOTATION = (
    r"One channel of a layer has the outputs $y \in \mathbb{R}^m$ with mean $\mu$ and biased variance $\sigma^2$; with "
    r"$s = \sqrt{\sigma^2 + \varepsilon}$ and $\rho = \sigma^2/s^2$, batch normalisation forms "
    r"$\hat y = (y - \mu\mathbf{1})/s$ and $z = \gamma\hat y + \beta\mathbf{1}$. The rest of the network has the loss "
    r"$L(z)$, and $\hat L(y) = L(z(y))$; $g$ is the gradient of $L$ at $z$, $v$ that of $\hat L$ at $y$, and $H$ and "
    r"$\hat H$ are their Hessians; $a = \langle g, \hat y\rangle$ is the alignment. $\mathrm{D}$ is a derivative with "
    r"respect to $y$, $u = \mathrm{D} z[v]$, and $C = I - \mathbf{1}\mathbf{1}^{\top}/m$ removes the mean. An identity "
    "between vectors is stated as an identity between their inner products with an arbitrary vector $w$ (and $x$). "
    r"Bold letters collect all channels of a layer; $\sum_j[\cdot]_j$ sums over its channels. In the text of a step, "
    r"$|x|$ is the Euclidean norm, written $\lVert x\rVert$ in displays. A network with a normalizer has a claim's "
    "quantities at its own sites; in the network without one, a matched batch normalisation "
    r"($\gamma = s$, $\beta = \mu$), which changes nothing the network computes, is inserted at one site after the "
    "other."
)

POINTS: Text = (
    "A claim is evaluated at ", Emphasis("points"), ": one for every recorded step, site and, where its shape has "
    "them, channel. The left side comes from automatic differentiation through the real network in training mode, on "
    "the batch of that step; the right side is the claim's expression, compiled and evaluated on other measured "
    "quantities. The ", Emphasis("residual"), r" of an equality is $|\text{left} - \text{right}|$ and that of an upper "
    r"bound is the positive part of $\text{left} - \text{right}$, both divided by the sum of the magnitudes of the "
    "claim's terms (or by the scale the claim names), so that one tolerance serves all magnitudes. A point whose "
    "residual exceeds the tolerance, or has none, is a ", Emphasis("violation"), ". ", Emphasis("Tightness"), " is the "
    "median of right over left where left is positive: 1 says that the bound is met with equality, 10 that it is ten "
    "times what was measured (above ten it holds, loosely); a dash stands where the right side is 0, or nothing was "
    "tested. Points without a finite value, of constant channels, outside a hypothesis, or where all terms are 0 are "
    "counted apart, by reason; they are neither passes nor violations.",
)  # fmt: skip

POINTS_IN_SHORT = (
    "Two numbers say that the claim holds: at how many points (steps, sites and channels) of both networks, of all "
    "types of numbers and of all seeds of a line, and the worst residual among them, relative to the terms of the "
    "claim. Of a violated claim it is said. A claim is not tested where no point lies inside its hypotheses; a dash "
    "stands where a quantity was not recorded, or where the claim speaks of another normalizer."
)

TESTED = "Tested at every point; points where one fails are counted apart:"
STRUCTURAL = "By construction of the measurement, or an assumption of the reading; not tested point by point:"

NOT_CLAIMED = (
    "That a normalizer trains faster, reaches a higher accuracy or gives a smoother loss than another network. Two "
    "networks trained apart are different functions; the theorems compare one function with and without a "
    "normalisation at one point.",
    "That smoothness in the sense of the theorems is why batch norm helps.",
    "That the points are independent, or a sample from which anything else could be estimated. They are checks of "
    "identities that hold at every single point.",
    "That the hypotheses which are not tested point by point hold elsewhere. In particular Lemma 4.5 is compared as a "
    "statement about a distance; that the points of the ray have one loss, and gradients that differ by their factor, "
    "is tested on the last weights only, and that training ends at an optimum is not tested at all.",
    "That arithmetic is exact: the proofs are, and the measurements agree with them within the tolerance.",
)

QUANTITIES: Text = (
    "The quantities that the claims use, with the names they have in records. The shape says how many numbers a layer "
    "gives: one for the ", Emphasis("site"), " or ", Emphasis("layer"), ", one for every ", Emphasis("channel"),
    ", or one for every channel of a seeded ", Emphasis("sample"), ".",
)  # fmt: skip
FIGURES = (
    "In all figures dark circles and full lines belong to the network {with}, light squares and broken lines to the "
    "one {without}."
)
SAME_BYTES = (
    "Equal configurations and equal data give equal records on the same device, and from the same records this report "
    "is built to the same bytes."
)
NOT_DRAWN = "Not measured, and therefore not drawn: "
