"""A second look at a proof: everything that is inserted, every sign and the claim itself at exact examples.

No proof needs it: it can refuse one that is right, and make none of one that is wrong. What it adds is that hypotheses
can hold together, and that rules and examples, which share nothing, agree.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import chain
from typing import Any

import sympy as sp

from bnverify.theory.algebra.jet import NotRational, NotSmooth
from bnverify.theory.algebra.vectors import Vector, m
from bnverify.theory.normalizers.normalizer import Normalizer
from bnverify.theory.proof.claim import Claim, Derivation, Hypothesis, ProofError, value_of
from bnverify.theory.proof.insertion import Insertion
from bnverify.theory.proof.trial import NotComputable, Trial, trials, varied

ENOUGH = 1  # examples inside the hypotheses, after which no further ones are made for them


def tried(
    claim: Claim, n: Normalizer, insertion: Insertion, derivation: Derivation, sides: tuple[sp.Expr, sp.Expr]
) -> tuple[Trial, ...]:
    """Every given, every sign and the claim at the exact examples inside the hypotheses; at least one there must be."""
    from bnverify.theory.proof.followed import followed

    names: list[Trial] = []
    reason = ""
    needs = [*sides, *(v for given in insertion.givens for v in (given.subject, given.value))]
    next_layer = any(sp.Symbol("next_y_v", real=True) in sp.sympify(x).free_symbols for x in needs
                     if not isinstance(x, Vector))  # fmt: skip
    try:
        pool = followed() if next_layer else trials(n)
    except NameError as unknown:
        raise ProofError(f"{claim.key}: no exact example could be tried: {unknown}") from None
    first = sorted(pool, key=lambda trial: trial.size <= 2)
    plain = [trial for trial in first if trial.size > 2]
    further = () if next_layer or not all(_said(h, plain) for h in claim.hypotheses) else varied(n)
    for trial in chain(first, further):
        if len(names) >= ENOUGH and trial not in first:
            break
        try:
            if trial.size <= 2 and not (names or _of_size(claim)):
                continue  # yhat or v is 0 there, so that premises hold which say what they should not
            if not _inside(claim, trial):
                reason = reason or "none of those that are known satisfies its hypotheses"
                continue
            _at(claim, insertion, derivation, n, trial)
        except NotComputable as unknown:
            reason = str(unknown)
            continue
        except (NotSmooth, NotRational, ZeroDivisionError) as error:
            reason = reason or str(error)
            continue
        names.append(trial)
    if not names:
        raise ProofError(f"{claim.key}: no exact example could be tried: {reason}")
    return tuple(names)


def _said(h: Hypothesis, known: list[Trial]) -> bool:
    """Whether the equations of a hypothesis are about what its condition says, or hold at an example made for no
    hypothesis: further examples are not made for what a hypothesis inserts and does not say."""
    if h.condition is not None and all(
        not isinstance(subject, Vector) and h.condition.has(sp.sympify(subject)) for subject in h.equations
    ):
        return True
    return not h.equations or any(_fulfilled(h, trial) for trial in known)


def _fulfilled(h: Hypothesis, trial: Trial) -> bool:
    """Whether all equations of a hypothesis hold at an example, as far as it can compute them."""
    try:
        return all(_equal(u, value, trial, c) for u, value in h.equations.items() for c in trial.channels)
    except (NotComputable, NotSmooth, NotRational, ZeroDivisionError):
        return False


def _of_size(claim: Claim) -> bool:
    """Whether a hypothesis speaks of the number of values."""
    parts: list[Any] = [h.condition for h in claim.hypotheses if h.condition is not None]
    parts += [subject for h in claim.hypotheses for subject in h.equations if not isinstance(subject, Vector)]
    return any(m in part.free_symbols for part in parts)


_RELATIONS = {sp.Eq: "eq", sp.Ge: "ge", sp.Gt: "gt", sp.Le: "le", sp.Lt: "lt"}


def _inside(claim: Claim, trial: Trial) -> bool:
    """Whether a trial satisfies all conditions and all equations of the hypotheses, in every channel."""
    for h in claim.hypotheses:
        if h.condition is not None and not all(_condition(h.condition, trial, c) for c in trial.channels):
            return False
        if not all(_equal(subject, value, trial, c) for subject, value in h.equations.items() for c in trial.channels):
            return False
    return True


def _condition(condition: sp.Basic, trial: Trial, channel: Any) -> bool:
    left, right = (trial(side, channel) for side in condition.args)
    match _RELATIONS[type(condition)]:
        case "eq":
            return zero(left - right)
        case "ge":
            return not negative(left - right)
        case "gt":
            return negative(right - left)
        case "le":
            return not negative(right - left)
    return negative(left - right)


def _equal(subject: Any, value: Any, trial: Trial, channel: Any) -> bool:
    if isinstance(subject, Vector):
        left, right = (combination(u, trial, channel) for u in (subject, value))
        return all(zero(p - q) for p, q in zip(left, right, strict=True))
    return zero(trial(sp.sympify(subject), channel) - trial(sp.sympify(value), channel))


def combination(vector: Vector, trial: Trial, channel: Any) -> list[Any]:
    """The entries of a linear combination of vectors at an example."""
    entries = [(trial(c, channel), trial.entries(atom, channel)) for atom, c in vector.terms.items()]
    size = len(entries[0][1]) if entries else channel.example.size
    return [sum((c * u[i] for c, u in entries), Fraction(0)) for i in range(size)]


def _at(claim: Claim, insertion: Insertion, derivation: Derivation, n: Normalizer, trial: Trial) -> None:
    for channel in trial.channels:
        for given in insertion.givens:
            if not _equal(given.subject, given.value, trial, channel):
                raise ProofError(f"{claim.key}: {given.name} is wrong at an exact example ({trial.name})")
        left, right = (trial(side, channel) for side in (claim.left, claim.right))
        if not zero(left - right) if claim.relation == "==" else negative(right - left):
            raise ProofError(f"{claim.key}: it is false at an exact example ({trial.name}): {left} and {right}")
        if derivation.certificate is not None:
            for factors in derivation.certificate.terms:
                for factor in factors:
                    if negative(trial(value_of(factor), channel)):
                        raise ProofError(f"{claim.key}: a factor is negative at an exact example ({trial.name})")


def zero(number: Any) -> bool:
    """Whether an exact number is zero."""
    return number == 0 if not isinstance(number, sp.Expr) else bool(sp.simplify(number) == 0)


def negative(number: Any) -> bool:
    """Whether an exact number is negative."""
    return bool(number < 0) if not isinstance(number, sp.Expr) else bool(sp.simplify(number) < 0)
