"""The proof of a claim: insert what is given, compare exactly, read signs off a certificate, try exact examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sympy as sp

from bnverify.theory.algebra.channel_sum import distribute
from bnverify.theory.algebra.vectors import ONE, Atom, Image, Inner, Vector, is_zero, single_atom
from bnverify.theory.normalizers.normalizer import BATCH, Normalizer
from bnverify.theory.proof.claim import Claim, Derivation, Gram, Hypothesis, Proof, ProofError, Step, value_of
from bnverify.theory.proof.givens import CONSTANT, Formal, Given, about, moments_hold, table_for
from bnverify.theory.proof.insertion import UNCHANGED, Insertion
from bnverify.theory.proof.needed import collect
from bnverify.theory.proof.quantities import QUANTITIES
from bnverify.theory.proof.signs import reasons
from bnverify.theory.proof.steps import groundwork, step_of
from bnverify.theory.proof.tried import tried

_TABLE: dict[str, sp.Basic] = {}
for _quantity in QUANTITIES.values():
    for _symbol in _quantity.symbol.free_symbols:
        _TABLE[_symbol.name] = _symbol


def prove(claim: Claim) -> Proof:
    """Check everything a claim rests on, then the claim; ProofError names the first thing that fails."""
    derivation = claim.derive()
    n = derivation.normalizer or BATCH
    _names(claim, derivation, n)
    left, right = (side if derivation.raw else about(n, side) for side in (claim.left, claim.right))
    parts = [left, right, *(_factors(derivation, n) if claim.relation == "<=" else [])]
    table = table_for(n, claim.hypotheses, derivation.raw)
    insertion = collect(parts, table)
    _side_conditions(claim, insertion, table)
    assumed = [given for given in insertion.givens if given.rule == "hypothesis"]
    rest = [given for given in reversed(insertion.givens) if given.rule != "hypothesis"]
    steps = [*map(step_of, assumed), *groundwork(n, parts, insertion), *map(step_of, rest)]
    inserted = [insertion(side) for side in (left, right)]
    slack = inserted[1] - inserted[0]
    if claim.relation == "==":
        certificate = None
        if not is_zero(distribute(slack, CONSTANT)):
            raise ProofError(f"{claim.key}: conclusion fails: {inserted[0]} differs from {inserted[1]}")
        steps.append(Step("conclusion", "both sides with everything given inserted", claim.left, inserted[1]))
    else:
        certificate = derivation.certificate
        if certificate is None:
            raise ProofError(f"{claim.key}: the slack {sp.factor(slack)} is not certified: there is no certificate")
        _certified(claim, insertion, slack, n, derivation)
        steps.append(Step("slack", "right minus left is the certificate, expanded", claim.right - claim.left, slack))
    examples = tried(claim, n, insertion, derivation, (left, right))
    return Proof(claim, tuple(steps), certificate, inserted[0], inserted[1], examples)


def _factors(derivation: Derivation, n: Normalizer) -> list[Any]:
    if derivation.certificate is None:
        return []
    return [about(n, value_of(factor)) for term in derivation.certificate.terms for factor in term]


# What a verdict may rest on.


def _names(claim: Claim, derivation: Derivation, n: Normalizer) -> None:
    """No name stands for two things, and no vector carries a fact that nothing supports."""
    seen: dict[str, sp.Basic] = dict(_TABLE)
    supported = {single_atom(ONE), single_atom(n.normalised)} | {a for a in _TABLE.values() if isinstance(a, Atom)}
    for atom in _symbols(claim, derivation, n):
        name = atom.name
        if seen.setdefault(name, atom) != atom:
            raise ProofError(f"{claim.key}: the name {name} stands for two things, or for one declared in two ways")
        if isinstance(atom, Atom) and not isinstance(atom, Image):
            known = atom.norm2 is not None or atom.total is not None
            if known and atom not in supported:
                raise ProofError(f"{claim.key}: nothing supports what is declared of {name}; state it as an equation")
    try:
        n.check()
    except ValueError as error:
        raise ProofError(f"{claim.key}: {error}") from None
    if not moments_hold(n):
        raise ProofError(f"{claim.key}: what is declared of {n.normalised!r} does not follow from the definition")


def _symbols(claim: Claim, derivation: Derivation, n: Normalizer) -> Iterator[sp.Symbol]:
    parts: list[Any] = [claim.left, claim.right, n.normalised, n.gain, n.shift]
    for h in claim.hypotheses:
        parts += [*h.equations, *h.equations.values(), *(() if h.condition is None else h.condition.args)]
    if derivation.certificate is not None:
        for factors in derivation.certificate.terms:
            for factor in factors:
                parts += factor.vectors if isinstance(factor, Gram) else [factor]
    for part in parts:
        scalars = part.terms.values() if isinstance(part, Vector) else [sp.sympify(part)]
        if isinstance(part, Vector):
            yield from (x for atom in part.terms for x in (atom.base,))
        for scalar in scalars:
            for symbol in scalar.atoms(sp.Symbol):
                yield symbol.base if isinstance(symbol, Atom) else symbol


def _side_conditions(claim: Claim, insertion: Insertion, table: Any) -> None:
    """What a rule needs beyond the definition, and that an equation of a hypothesis is what its condition says."""
    for h in claim.hypotheses:
        if isinstance(h.condition, sp.Eq) and h.equations:
            whole = Insertion(tuple(_as_givens(h)))
            if not is_zero(whole(h.condition.lhs) - whole(h.condition.rhs)):
                raise ProofError(f"{claim.key}: the equations of the hypothesis {h.name} do not say what it says")
    for given in insertion.givens:
        if given.rule == "hypothesis" and _follows(given.subject):
            raise ProofError(
                f"{claim.key}: {given.name} says what {given.subject} is, which follows from the definition"
            )
        if given.rule in UNCHANGED:
            values = table[single_atom(UNCHANGED[given.rule])]()
            inner = collect([values.value], table)
            rest = values.value.map(inner) - about(None, single_vector("yhat"))
            if not is_zero(rest):
                raise ProofError(f"{claim.key}: {given.name} needs yhat unchanged, and it is {values.value!r}")
        if given.rule == "nearest point of a ray":
            start, end = given.of
            stated = (h.nonnegative for h in claim.hypotheses if isinstance(h.condition, (sp.Gt, sp.Lt)))
            if not any(x is not None and is_zero(x - start @ end) for x in stated):
                raise ProofError(f"{claim.key}: the nearest point of the ray needs <{start!r}, {end!r}> > 0")


_DERIVED = {
    "v", "Jx", "JJx", "Kx", "u", "u_w", "u_x", "n", "yhat_scaled", "yhat_less", "yhat_shifted", "v_scaled", "v_shifted",
    "yhat_regrown", "v_regrown",
    "grad_gamma", "grad_beta", "grad_mu", "grad_sigma2", "distance2", "layer_distance2", "rho",
}  # fmt: skip


def _follows(subject: Any) -> bool:
    """Whether a rule says what this is, so that a hypothesis may not."""
    if isinstance(subject, Vector):
        return all(atom.name in _DERIVED for atom in subject.terms)
    if isinstance(subject, Inner):
        return any(operator.name == "Hhat" for atom in subject.args for operator in atom.operators)
    return subject.is_Symbol and subject.name in _DERIVED


def single_vector(name: str) -> Vector:
    """The vector of one atom, by its name."""
    return Vector({_TABLE[name]: sp.Integer(1)})


def _as_givens(h: Hypothesis) -> Iterable[Given]:
    for subject, value in h.equations.items():
        value = value if isinstance(value, Vector) else sp.sympify(value)
        yield Given(subject, value, "hypothesis", (), h.name, "", Formal("", ""), h)


def _certified(claim: Claim, insertion: Insertion, slack: sp.Expr, n: Normalizer, derivation: Derivation) -> None:
    certificate = derivation.certificate
    assert certificate is not None
    for factors in certificate.terms:
        for factor in factors:
            try:
                reasons(factor, claim.hypotheses)
            except ValueError as error:
                raise ProofError(f"{claim.key}: the slack is not certified: {error}") from None
    total = insertion(about(n, certificate.total))
    if not is_zero(distribute(slack - total, CONSTANT)):
        raise ProofError(f"{claim.key}: the slack {sp.factor(slack)} is not certified by {certificate}")
