"""The proof of a claim: insert what is given, compare exactly, read signs off a certificate, try exact examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from bnverify.theory.algebra.jet import NotRational, NotSmooth
from bnverify.theory.algebra.vectors import ONE, Atom, Image, Inner, Vector, is_zero, m, single_atom, substitute
from bnverify.theory.normalizers.normalizer import BATCH, KnownScale, Normalizer
from bnverify.theory.proof.claim import Claim, Derivation, Gram, Hypothesis, Proof, ProofError, Step, value_of
from bnverify.theory.proof.givens import CONSTANT, Formal, Given, about, facts_of, moments_hold, table_for
from bnverify.theory.proof.insertion import UNCHANGED, Insertion, collect
from bnverify.theory.proof.quantities import QUANTITIES, distribute
from bnverify.theory.proof.signs import reasons
from bnverify.theory.proof.trial import NotComputable, Trial, trials

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
    steps = [*map(_step, assumed), *_groundwork(claim, n, parts, insertion), *map(_step, rest)]
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
    tried = _tried(claim, n, insertion, derivation, (left, right))
    return Proof(claim, tuple(steps), certificate, inserted[0], inserted[1], tried)


def _step(given: Given) -> Step:
    return Step(given.name, given.reason, given.written, given.value, given)


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


_NEEDS_SLOPE = ("slope", "velocity", "gradient", "second slope", "curvature", "layer curvature", *UNCHANGED)
_NEEDS_CURVATURE = ("second slope", "curvature", "layer curvature", "rescaled curvature")


def _groundwork(claim: Claim, n: Normalizer, parts: list[Any], insertion: Insertion) -> Iterator[Step]:
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
            yield _step(given)
    if n.projector is None and rules & {*_NEEDS_SLOPE} and "slope of the scale" not in rules:
        yield Step(
            "gradient of the scale", "D s[x] = <n, x>", Formal("gradient of s at y", r"\nabla s(y)"), n.n,
            Given(None, n.n, "slope of the scale", (), "gradient of the scale", "D s[x] = <n, x>", Formal("n", "n")),
        )  # fmt: skip
    if n.projector is None and rules & {*_NEEDS_CURVATURE} and "curvature of the scale" not in rules:
        x, w = single_vector("x"), single_vector("w")
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


# Exact examples.


def _tried(
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
    for trial in sorted(pool, key=lambda trial: trial.size <= 2):
        try:
            if trial.size <= 2 and not (names or _of_size(claim)):
                break  # yhat or v is 0 there, so that premises hold which say what they should not
            if not _inside(claim, trial):
                reason = reason or "none satisfies its hypotheses"
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
        for subject, value in h.equations.items():
            if not all(_equal(subject, value, trial, c) for c in trial.channels):
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
