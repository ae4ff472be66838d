"""The steps of a proof, as they are shown and written down: what each establishes, and which others it stands on.

A proof is checked without them; the re-checker derives every one of them anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import sympy as sp

from bnverify.theory.algebra.vectors import Inner, Vector, single_atom, substitute
from bnverify.theory.normalizers.normalizer import KnownScale, Normalizer
from bnverify.theory.proof.claim import Step
from bnverify.theory.proof.givens import Formal, Given, facts_of
from bnverify.theory.proof.insertion import UNCHANGED, Insertion
from bnverify.theory.proof.quantities import W, X


def step_of(given: Given) -> Step:
    """A given as a step."""
    return Step(given.name, given.reason, given.written, given.value, given)


_NEEDS_SLOPE = ("slope", "velocity", "gradient", "second slope", "curvature", "layer curvature", *UNCHANGED)


_NEEDS_CURVATURE = ("second slope", "curvature", "layer curvature", "rescaled curvature")


def groundwork(n: Normalizer, parts: list[Any], insertion: Insertion) -> Iterator[Step]:
    """The steps that others stand on: moments of the values, gradient and Hessian of the scale."""
    rules = {given.rule for given in insertion.givens}
    for given in facts_of(n):
        mean = given.rule == "mean of the values"
        by_rule = (
            rules & {*_NEEDS_SLOPE, "slope of the scale", "shifted values", "regrown values", *_RESCALED}
            if mean
            else rules & {*_RESCALED}
        )
        if (by_rule and not isinstance(n.scale, KnownScale)) or _needed(given.rule, n, parts, insertion):
            yield step_of(given)
    if n.projector is None and rules & {*_NEEDS_SLOPE} and "slope of the scale" not in rules:
        yield Step(
            "gradient of the scale", "D s[x] = <n, x>", Formal("gradient of s at y", r"\nabla s(y)"), n.n,
            Given(None, n.n, "slope of the scale", (), "gradient of the scale", "D s[x] = <n, x>", Formal("n", "n")),
        )  # fmt: skip
    if n.projector is None and rules & {*_NEEDS_CURVATURE} and "curvature of the scale" not in rules:
        x, w = X, W
        value = n.scale_hessian(x, w)
        yield Step(
            "Hessian of the scale", "D^2 s[x, w], differentiated along two lines",
            Formal("D^2 s[x, w]", r"\mathrm D^2 s[x,w]"), value,
            Given(None, value, "curvature of the scale", (x, w), "Hessian of the scale", "", Formal("M", "M")),
        )  # fmt: skip


_RESCALED = ("rescaled values", "values with less epsilon")


def _needed(rule: str, n: Normalizer, parts: list[Any], insertion: Insertion) -> bool:
    """Whether the sides, or the slack and the certificate, differ without one of the facts declared of yhat."""
    values = single_atom(n.normalised)
    mean, norm = (values.total, None) if rule.startswith("norm") else (None, values.norm2)
    plain = Vector.atom(values.name, norm2=norm, total=mean)
    swap = {n.normalised: plain}
    givens = (
        replace(g, subject=substitute(g.subject, swap), value=substitute(g.value, swap)) for g in insertion.givens
    )
    inserted = Insertion(tuple(givens))
    return any(_by_name(inserted(substitute(part, swap))) != _by_name(insertion(part)) for part in parts)


def _by_name(expression: sp.Expr) -> sp.Expr:
    """The expression with its inner products as symbols of their names, whatever is declared of their vectors."""
    products = expression.atoms(Inner)
    return sp.expand(expression.xreplace({p: sp.Symbol(f"<{p.args[0].name}, {p.args[1].name}>") for p in products}))
