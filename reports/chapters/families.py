"""The chapters of the report: claims grouped by the module of theory/ that derives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bnverify.reports.document.derived import ShownClaim

# Title (marked-up text), what the chapter is about, modules of theory/.
_CHAPTERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Normalised values and the Jacobian, Fact C.2",
     r"Mean and norm of $\hat y$, and its derivative $J = \mathrm D\hat y$.", ("moments", "fact_c2")),
    ("Backward pass, Fact C.1",
     "The gradient through the normalisation, also by way of the mean and the variance, and what follows from it.",
     ("fact_c1", "backward_pass")),
    ("Spectrum of the Jacobian", "What normalising removes from a gradient, and what it leaves alone.", ("spectrum",)),
    ("Second derivative and Hessian",
     r"What the chain rule of second order gives, for every $\varepsilon$.",
     ("second_derivative",)),
    ("Theorem 4.1: the gradient", "As printed in the later version, and as an identity.", ("theorem_4_1",)),
    ("Theorem 4.2: the curvature along the gradient",
     "One channel and a whole layer, as printed and as identities, and the second part with the hypothesis it needs.",
     ("theorem_4_2",)),
    ("Observation 4.3: matched insertion", "What it preserves, and under which hypothesis.", ("observation_4_3",)),
    ("Theorem 4.4: the gradient of a filter",
     "Corrected: the largest gradient over inputs of bounded norm, and the bound on a real layer.",
     ("theorem_4_4",)),
    ("Lemma 4.5: distance to the ray of optima", "For a layer, and with one factor for every filter.", ("lemma_4_5",)),
    ("Invariances", "Rescaled and shifted weights, and what a step of gradient descent does to them.", ("invariance",)),
    ("Dynamics: two consecutive steps",
     "Rotation, growth and equilibrium under momentum and weight decay, and what they say of learning rates.",
     ("steps", "schedules")),
    ("The sum rule", "Alignments of a layer that another normalised layer follows.", ("sum_rule",)),
    ("Reparametrisation", "Batch norm of a linear layer as a linear layer.", ("reparametrisation",)),
    ("Batch renormalisation", "The claims on the gradient, with the correction as a constant.",
     ("batch_renormalization",)),
    ("Values, parameters and running statistics",
     "What a layer computes, the gradients of its parameters, and what it keeps for inference.", ("values",)),
    ("Any normalizer",
     r"$\hat y = P y/s(y)$ with $P$ centring or the identity, $n$ the gradient of the scale $s$ and $M$ its Hessian.",
     ("any_normalizer",)),
    ("L1 and Linf normalisation", "How much they can enlarge a gradient.", ("lp_normalisation",)),
)  # fmt: skip
_REST = ("Further claims", "Claims of modules that no chapter names.")


@dataclass(frozen=True)
class Family:
    """A chapter: its title and one sentence about it, both marked-up text, and its claims in reading order."""

    title: str
    about: str
    claims: tuple[ShownClaim, ...]

    @property
    def label(self) -> str:
        return f"chapter:{self.title.split(':')[0].split(',')[0].lower()}"


def families(claims: Sequence[ShownClaim]) -> tuple[Family, ...]:
    """Claims in chapters, each in one; those of a module that no chapter names come last, never left out."""
    named = {module for _, _, modules in _CHAPTERS for module in modules}
    rest = {_file(claim) for claim in claims} - named
    grouped = (
        Family(title, about, tuple(claim for claim in claims if _file(claim) in modules))
        for title, about, modules in (*_CHAPTERS, (*_REST, tuple(rest)))
    )
    return tuple(family for family in grouped if family.claims)


def _file(claim: ShownClaim) -> str:
    return claim.module.rpartition(".")[2]
