r"""The claim: a relation between named quantities with its source, its hypotheses and a proof that checks itself.

theory/ derives a claim, empirical/ compiles it and feeds it measurements, tests assert it, the report prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import sympy as sp

from bnverify.theory.algebra.vectors import PairSum, Vector, is_zero, substitute
from bnverify.theory.proof.quantities import QUANTITIES, latex, names_of, rho


@dataclass(frozen=True)
class Source:
    """Where a statement was printed: a key of ``theory.REFERENCES`` and the place in it."""

    reference: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}, {self.reference}"


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A condition a claim needs. ``condition`` is checked on measured quantities, ``substitution`` used in proofs.

    A hypothesis without a condition is structural (training mode, say): the measurement guarantees it by design.
    """

    name: str
    statement: str
    condition: sp.Basic | None = None
    substitution: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)

    @property
    def nonnegative(self) -> sp.Expr | None:
        """What an inequality among the conditions declares non-negative."""
        if isinstance(self.condition, (sp.Ge, sp.Gt)):
            return self.condition.lhs - self.condition.rhs
        if isinstance(self.condition, (sp.Le, sp.Lt)):
            return self.condition.rhs - self.condition.lhs
        return None


@dataclass(frozen=True)
class Step:
    """One link of a proof: two expressions whose difference must be exactly 0."""

    name: str
    reason: str
    left: sp.Expr | Vector
    right: sp.Expr | Vector

    def holds(self) -> bool:
        return is_zero(self.left - self.right)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {latex(self.left)} = {latex(self.right)}$"


Factor: TypeAlias = sp.Expr | Vector


@dataclass(frozen=True)
class Certificate:
    """A slack written as a sum of products of non-negative factors: one identity to check, and signs to read off.

    A factor is a scalar whose sign SymPy can decide, a Vector (standing for its squared norm), or what a hypothesis
    of the claim declares non-negative.
    """

    terms: tuple[tuple[Factor, ...], ...]
    normal_form: Callable[[sp.Expr], sp.Expr] = sp.expand

    @property
    def total(self) -> sp.Expr:
        return sp.Add(*(sp.Mul(*(_value(factor) for factor in factors)) for factors in self.terms))

    def holds(self, slack: sp.Expr, assumed: tuple[sp.Expr, ...] = ()) -> bool:
        """Whether the slack equals the sum identically and no factor can be negative, given those assumed not to be."""
        return is_zero(self.normal_form(slack) - self.normal_form(self.total)) and all(
            _nonnegative(factor) or any(is_zero(factor - known) for known in assumed)
            for factors in self.terms
            for factor in factors
        )


def _value(factor: Factor) -> sp.Expr:
    return factor.squared if isinstance(factor, Vector) else factor.replace(PairSum, lambda p: PairSum(p).doit())


def _nonnegative(factor: Factor) -> bool:
    """Decided by SymPy's assumptions, with rho = sigma^2/(sigma^2 + epsilon) spelled out."""
    if isinstance(factor, Vector):
        return True
    variance, epsilon = sp.Symbol("sigma2", positive=True), sp.Symbol("epsilon", nonnegative=True)
    return bool(sp.together(factor.subs(rho, variance / (variance + epsilon))).is_nonnegative)


@dataclass(frozen=True)
class Derivation:
    """What a proof supplies: the chain of steps, and what each symbol of the claim was derived to be.

    The claim holds if, with ``definitions`` inserted, left - right vanishes identically (equality) or right - left
    equals the certificate (upper bound). ``rewrite`` may bring an expression to a normal form first.
    """

    steps: tuple[Step, ...]
    definitions: Mapping[Vector, Vector] = field(default_factory=dict)
    scalars: Mapping[sp.Expr, sp.Expr] = field(default_factory=dict)
    certificate: Certificate | None = None
    rewrite: Callable[[sp.Expr], sp.Expr] = sp.expand

    def insert(self, expression: sp.Expr) -> sp.Expr:
        return self.rewrite(substitute(expression.xreplace(dict(self.scalars)), self.definitions))


class ProofError(AssertionError):
    """A step or the conclusion of a proof does not hold."""


@dataclass(frozen=True, repr=False)
class Proof:
    """A checked proof: its steps, conclusion last, and the certificate of an inequality."""

    claim: Claim
    steps: tuple[Step, ...]
    certificate: Certificate | None = None

    def __iter__(self):
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        lines = [f"{i}. {step.name}: {step.left} = {step.right}" for i, step in enumerate(self.steps, start=1)]
        return "\n".join([f"Proof of {self.claim.key}", *lines])

    def _repr_latex_(self) -> str:
        rows = [rf"\text{{{step.name}}} &:& {latex(step.left)} &= {latex(step.right)}" for step in self.steps]
        return "$\\displaystyle \\begin{aligned}" + r" \\ ".join(rows) + "\\end{aligned}$"


@dataclass(frozen=True, eq=False, repr=False)
class Claim:
    """A relation ``left == right`` or ``left <= right`` between quantities of one table.

    ``shape`` says where it is evaluated (see ``proof.quantities``). ``scale`` is the magnitude residuals are
    divided by; None means the sum of the absolute values of the terms on both sides.
    """

    key: str
    title: str
    source: Source
    left: sp.Expr
    relation: str
    right: sp.Expr
    shape: str
    derive: Callable[[], Derivation] = field(repr=False)
    hypotheses: tuple[Hypothesis, ...] = ()
    scale: sp.Expr | None = None
    remark: str = ""

    def __post_init__(self) -> None:
        if self.relation not in ("==", "<="):
            raise ValueError(f"got relation {self.relation!r}; expected '==' or '<='; change the claim {self.key}")

    @property
    def kind(self) -> str:
        return "equality" if self.relation == "==" else "upper bound"

    @property
    def slack(self) -> sp.Expr:
        """right - left: zero for an equality, non-negative for an upper bound."""
        return self.right - self.left

    @cached_property
    def quantities(self) -> tuple[str, ...]:
        """Names of all quantities on both sides, in the hypotheses and in the scale."""
        parts = [self.left, self.right, *(h.condition for h in self.hypotheses if h.condition is not None)]
        if self.scale is not None:
            parts.append(self.scale)
        return tuple(sorted({name for part in parts for name in names_of(part)}))

    def at(self, **numbers) -> sp.Basic:
        """The relation with numbers for quantities by name; True or False once everything is a number."""
        unknown = sorted(set(numbers) - set(self.quantities))
        if unknown:
            raise ValueError(
                f"got:      quantities {', '.join(unknown)}\nexpected: some of {', '.join(self.quantities)}\n"
                f"do:       pass quantities of {self.key}"
            )
        table = {QUANTITIES[name].symbol: sp.sympify(value) for name, value in numbers.items()}
        relation = sp.Eq if self.relation == "==" else sp.Le
        return relation(self.left.xreplace(table), self.right.xreplace(table))

    def prove(self) -> Proof:
        """Check every step and the conclusion exactly; ProofError names the first that fails."""
        derivation = self.derive()
        for step in derivation.steps:
            if not step.holds():
                raise ProofError(f"{self.key}: step {step.name!r} fails: {step.left} differs from {step.right}")
        assumed = {symbol: value for h in self.hypotheses for symbol, value in h.substitution.items()}
        left, right = (derivation.insert(side).subs(assumed) for side in (self.left, self.right))
        signs = tuple(h.nonnegative for h in self.hypotheses if h.nonnegative is not None)
        if self.relation == "==":
            conclusion = Step("conclusion", "both sides with everything derived inserted", left, right)
            certificate = None
            if not conclusion.holds():
                raise ProofError(f"{self.key}: conclusion fails: {left} differs from {right}")
        else:
            certificate = derivation.certificate
            if certificate is None or not certificate.holds(right - left, signs):
                raise ProofError(f"{self.key}: the slack {sp.factor(right - left)} is not certified by {certificate}")
            slack, total = certificate.normal_form(right - left), certificate.normal_form(certificate.total)
            conclusion = Step("slack", "right minus left is the certificate, expanded", slack, total)
        return Proof(self, (*derivation.steps, conclusion), certificate)

    @property
    def latex(self) -> str:
        sign = "=" if self.relation == "==" else r"\le"
        return f"{latex(self.left)} {sign} {latex(self.right)}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def __str__(self) -> str:
        return f"{self.title}: {self.left} {self.relation} {self.right}   [{self.source}]"

    __repr__ = __str__
