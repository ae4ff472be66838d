"""A proof in words: statement, hypotheses, the steps with their reasons, and why a bound cannot fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from bnverify.theory.proof.claim import Claim, Step
from bnverify.theory.proof.quantities import latex
from bnverify.theory.proof.signs import SQUARED_NORM, Reason, reasons

_WIDTH = 110


@dataclass(frozen=True, repr=False)
class Explanation:
    """A proved claim with its steps, conclusion last; ``products`` sum to the slack of a bound.

    Every step shows its left side before it is evaluated. It prints as text, and in notebooks as mathematics.
    """

    claim: Claim
    steps: tuple[Step, ...]
    products: tuple[tuple[Reason, ...], ...] = ()
    trials: tuple[str, ...] = ()
    definition: str = ""

    @property
    def signs(self) -> tuple[str, ...]:
        """Why no factor of the certificate can be negative, each reason once."""
        return self._signs()

    def _signs(self, *writers: Callable[[Any], str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(reason.words(*writers) for product in self.products for reason in product))

    @property
    def certificate(self) -> str:
        """The slack as the sum of products of non-negative factors."""
        return " + ".join(
            " * ".join(_factor(reason, str, "|{}|^2", "({})") for reason in product) for product in self.products
        )

    def __str__(self) -> str:
        claim = self.claim
        lines = [f"{claim.title} ({claim.key})", _wrapped(f"{claim.left} {claim.relation} {claim.right}", "    "),
                 f"Source: {claim.source}"]  # fmt: skip
        lines += [_wrapped(f"Assumed: {h}") for h in claim.hypotheses]
        lines += [_wrapped(f"Derived from: {self.definition}")] if self.definition else []
        lines += [_wrapped(f"Remark: {claim.remark}")] if claim.remark else []
        for number, step in enumerate(self.steps, 1):
            lines.append(_wrapped(f"{number}. {step.name} — {step.reason}"))
            lines.append(_wrapped(f"{step.left}", "    "))
            lines.append(_wrapped(f"= {step.right}", "  "))
        if self.products:
            lines.append(_wrapped(f"slack = {self.certificate}"))
            lines.append("No factor can be negative, because")
            lines += [_wrapped(f"  - {sign}") for sign in self.signs]
        lines.append(_wrapped(f"Tried exactly at: {'; '.join(self.trials)}"))
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        claim = self.claim
        parts = [f"**{_escaped(claim.title)}** (`{claim.key}`)", f"$$\\displaystyle {claim.latex}$$",
                 f"*Source:* {_escaped(str(claim.source))}"]  # fmt: skip
        if claim.hypotheses:
            assumed = (f"- {_escaped(str(h))}" for h in claim.hypotheses)
            parts.append("\n".join(["*Assumed:*\n", *assumed]))
        parts += [f"*Derived from:* {_escaped(self.definition)}"] if self.definition else []
        parts += [f"*Remark:* {_escaped(claim.remark)}"] if claim.remark else []
        for number, step in enumerate(self.steps, 1):
            parts.append(f"**{number}. {_escaped(step.name)}** — {_escaped(step.reason)}")
            parts.append(f"$${latex(step.left)} = {latex(step.right)}$$")
        if self.products:
            parts.append(f"$$\\text{{slack}} = {self._certificate_latex()}$$")
            signs = self._signs(lambda e: f"${latex(e)}$", lambda v: rf"$\lVert {latex(v)}\rVert^2$")
            parts.append("\n".join(["No factor can be negative, because\n", *(f"- {sign}" for sign in signs)]))
        return "\n\n".join(parts)

    def _repr_latex_(self) -> str:
        relation = "=" if self.claim.relation == "==" else r"\le"
        rows = [rf"{latex(self.claim.left)} &{relation} {latex(self.claim.right)} && \text{{to prove}}"]
        rows += [rf"{latex(step.left)} &= {latex(step.right)} && \text{{{number}. {_tex(step.name)}}}"
                 for number, step in enumerate(self.steps, 1)]  # fmt: skip
        if self.products:
            rows.append(rf"\text{{slack}} &= {self._certificate_latex()} \ge 0 && \text{{factor by factor}}")
        return "$\\displaystyle \\begin{aligned}" + r" \\ ".join(rows) + "\\end{aligned}$"

    def _certificate_latex(self) -> str:
        return " + ".join(
            r" \cdot ".join(_factor(reason, latex, r"\lVert {} \rVert^2", r"\left({}\right)") for reason in product)
            for product in self.products
        )

    def __repr__(self) -> str:
        return str(self)


def explain(claim: Claim) -> Explanation:
    """Prove a claim and lay out how; ProofError where it does not hold."""
    proof = claim.prove()
    normalizer = claim.derive().normalizer
    products = () if proof.certificate is None else proof.certificate.terms
    return Explanation(
        claim,
        proof.steps,
        tuple(tuple(r for factor in factors for r in reasons(factor, claim.hypotheses)) for factors in products),
        proof.trials,
        "" if normalizer is None else normalizer.definition,
    )


def _factor(reason: Reason, write: Callable[..., str], norm: str, brackets: str) -> str:
    """One factor of a product; a squared norm shows its vector."""
    if reason.because == SQUARED_NORM:
        return norm.format(write(reason.of))
    return brackets.format(write(reason.value)) if reason.value.is_Add else write(reason.value)


def _wrapped(text: str, lead: str = "") -> str:
    return fill(text, _WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead) + "    ", break_long_words=False)


def _escaped(text: str) -> str:
    """Plain text for Markdown."""
    return re.sub(r"([\\`*_<>|#$\[\]])", r"\\\1", text)


def _tex(text: str) -> str:
    """Plain text for LaTeX's text mode."""
    return re.sub(r"([_#$%&{}])", r"\\\1", text.replace("\\", r"\textbackslash{}").replace("^", r"\^{}"))
