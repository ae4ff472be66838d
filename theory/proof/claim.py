r"""The claim: a relation between named quantities with its source, its hypotheses and a proof that checks itself.

theory/ derives a claim, empirical/ compiles it and feeds it measurements, tests assert it, the report prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import sympy as sp

from bnverify.errors import InputError
from bnverify.theory.algebra.vectors import Atom, Inner, PairSum, Vector
from bnverify.theory.proof.given_numbers import number_of
from bnverify.theory.proof.quantities import QUANTITIES, latex, names_of

if TYPE_CHECKING:
    from bnverify.theory.normalizers.normalizer import Normalizer
    from bnverify.theory.proof.givens import Given
    from bnverify.theory.proof.trial import Trial

_NO_VALUE = (sp.nan, sp.zoo, sp.oo, -sp.oo)


@dataclass(frozen=True)
class Source:
    """Where a statement was printed: a key of ``theory.REFERENCES`` and the place in it."""

    reference: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}, {self.reference}"


@dataclass(frozen=True, eq=False, repr=False)
class Hypothesis:
    """A condition a claim needs. ``condition`` is checked on measured quantities, ``equations`` are used in proofs.

    ``flag`` names the record that decides it where no condition does; without either it is structural (training
    mode, say): the measurement guarantees it by design. The equations are all that a proof may insert beyond what
    follows from the definition of the normalizer; they are printed wherever the hypothesis is.
    """

    name: str
    statement: str
    condition: sp.Basic | None = None
    equations: Mapping[Any, Any] = field(default_factory=dict)
    flag: str | None = None

    @property
    def nonnegative(self) -> sp.Expr | None:
        """What an inequality among the conditions declares non-negative."""
        if isinstance(self.condition, (sp.Ge, sp.Gt)):
            return self.condition.lhs - self.condition.rhs
        if isinstance(self.condition, (sp.Le, sp.Lt)):
            return self.condition.rhs - self.condition.lhs
        return None

    def __str__(self) -> str:
        parts = [f"{_plain(subject)} = {_plain(value)}" for subject, value in self.equations.items()]
        return f"{self.name}: {self.statement}" + (f" [{'; '.join(parts)}]" if parts else "")

    def _repr_latex_(self) -> str:
        rows = [f"{latex(subject)} = {latex(value)}" for subject, value in self.equations.items()]
        rows = rows or ([] if self.condition is None else [sp.latex(self.condition)])
        return f"$\\displaystyle \\text{{{self.name}}}" + (r":\quad " + r",\ ".join(rows) if rows else "") + "$"

    __repr__ = __str__


@dataclass(frozen=True)
class Step:
    """One link of a proof: ``left`` as it was before it was evaluated, ``right`` what it comes to.

    ``value`` is the left side evaluated anew; the difference from ``right`` must be exactly 0. ``given`` is what the
    step establishes, None for the conclusion.
    """

    name: str
    reason: str
    left: sp.Expr | Vector
    right: sp.Expr | Vector
    given: Given | None = None

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {latex(self.left)} = {latex(self.right)}$"


@dataclass(frozen=True)
class Gram:
    """The Gram determinant of some vectors, which is not negative: for two, |u|^2 |w|^2 - <u, w>^2."""

    vectors: tuple[Vector, ...]

    @property
    def value(self) -> sp.Expr:
        return sp.Matrix([[u @ w for w in self.vectors] for u in self.vectors]).det()


Factor: TypeAlias = "sp.Expr | Vector | Gram"


def value_of(factor: Factor) -> sp.Expr:
    """The number a factor stands for: of a vector its squared norm, of a Gram factor the determinant."""
    if isinstance(factor, Vector):
        return factor.squared
    if isinstance(factor, Gram):
        return factor.value
    return sp.sympify(factor).replace(PairSum, lambda p: PairSum(p).doit())


@dataclass(frozen=True)
class Certificate:
    """A slack written as a sum of products of non-negative factors: one identity to check, and signs to read off.

    A factor is a scalar that is not negative for a reason of `theory.proof.signs`, a Vector with real coefficients
    (standing for its squared norm), a `Gram` determinant, or what a hypothesis of the claim declares non-negative.
    """

    terms: tuple[tuple[Factor, ...], ...]

    @property
    def total(self) -> sp.Expr:
        return sp.Add(*(sp.Mul(*(value_of(factor) for factor in factors)) for factors in self.terms))


@dataclass(frozen=True)
class Derivation:
    """What a proof supplies: the normalizer from whose definition everything is derived, and a bound's certificate.

    What is inserted is derived by the rules of `theory.proof.givens` or stated by a hypothesis of the claim; there is
    no other way in. ``raw`` keeps the coordinates 1 and y, for claims about the definition itself.
    """

    normalizer: Normalizer | None = None
    certificate: Certificate | None = None
    raw: bool = False


class ProofError(AssertionError):
    """A step or the conclusion of a proof does not hold, or rests on what nobody would see."""


@dataclass(frozen=True, repr=False)
class Proof:
    """A checked proof: its steps, conclusion last, and the certificate of an inequality."""

    claim: Claim
    steps: tuple[Step, ...]
    certificate: Certificate | None = None
    left: sp.Expr = sp.S.Zero
    right: sp.Expr = sp.S.Zero
    tried: tuple[Trial, ...] = ()

    @property
    def trials(self) -> tuple[str, ...]:
        """The names of the exact examples the claim was tried at."""
        return tuple(trial.name for trial in self.tried)

    @property
    def givens(self) -> tuple[Given, ...]:
        return tuple(step.given for step in self.steps if step.given is not None)

    def __iter__(self):
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        lines = [
            f"{i}. {step.name}: {_plain(step.left)} = {_plain(step.right)}" for i, step in enumerate(self.steps, 1)
        ]
        tried = f"tried exactly at {len(self.trials)} examples: {'; '.join(self.trials)}"
        return "\n".join([f"Proof of {self.claim.key}", *lines, tried])

    def _repr_latex_(self) -> str:
        rows = [rf"\text{{{step.name}}} &:& {latex(step.left)} &= {latex(step.right)}" for step in self.steps]
        return "$\\displaystyle \\begin{aligned}" + r" \\ ".join(rows) + "\\end{aligned}$"


@dataclass(frozen=True, eq=False, repr=False)
class Claim:
    """A relation ``left == right`` or ``left <= right`` between quantities of one table.

    ``shape`` says where it is evaluated (see ``theory.quantities``). ``scale`` is the magnitude residuals are
    divided by; None means the sum of the absolute values of the terms on both sides. ``about`` names the normalizers
    (or "network", "weights") it speaks of, ``chapter`` where it stands in a report.
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
    about: tuple[str, ...] = ("batch",)
    chapter: str = ""

    def __post_init__(self) -> None:
        if self.relation not in ("==", "<="):
            raise InputError(
                got=f"relation {self.relation!r}", expected="'==' or '<='", advice=f"change the claim {self.key}"
            )
        if self.shape not in ("site", "channel", "sample", "layer"):
            raise InputError(
                got=f"shape {self.shape!r}", expected="site, channel, sample or layer",
                advice=f"say where {self.key} is evaluated",
            )  # fmt: skip
        for name in ("left", "right", "scale"):
            side = getattr(self, name)
            if name == "scale" and side is None:
                continue
            if isinstance(side, (int, Fraction)) and not isinstance(side, bool):
                object.__setattr__(self, name, side := sp.Rational(side))
            if not isinstance(side, sp.Expr) or side.has(sp.Float, sp.nan, sp.zoo, sp.oo, sp.I):
                raise InputError(
                    got=f"{name} = {side!r}", expected="an exact scalar expression in quantities",
                    advice="write u @ v for vectors and Rational or integers for numbers",
                )  # fmt: skip

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
        """The relation with numbers for quantities by name; True or False once everything is a number, but for a sum
        over channels, whose number no quantity says.

        Numbers are numbers: text is not read, what a quantity can never be (m = 0, s = 0, rho = 2) is refused, and so
        is a place outside a hypothesis or where a side has no value: there the claim is neither true nor false. A
        hypothesis without a condition on numbers is taken for granted.
        """
        unknown = sorted(set(numbers) - set(self.quantities))
        if unknown:
            raise InputError(
                got=f"quantities {', '.join(unknown)}", expected=f"some of {', '.join(self.quantities)}",
                advice=f"pass quantities of {self.key}",
            )  # fmt: skip
        table = {QUANTITIES[name].symbol: number_of(name, value) for name, value in numbers.items()}
        given = ", ".join(f"{name} = {value}" for name, value in numbers.items())
        relation = sp.Eq if self.relation == "==" else sp.Le
        left, right = self.left.xreplace(table), self.right.xreplace(table)
        if left.has(*_NO_VALUE) or right.has(*_NO_VALUE):
            raise InputError(
                got=given,
                expected=f"numbers at which both sides of {self.key} have a value",
                advice="a side divides by what is 0 there",
            )
        for hypothesis in self.hypotheses:
            if hypothesis.condition is not None and hypothesis.condition.xreplace(table) == False:  # noqa: E712
                raise InputError(
                    got=given, expected=f"numbers that fulfil what {self.key} assumes: {hypothesis.statement}",
                    advice="change them, or ask `claim.under(...)` with the hypotheses that are left",
                )  # fmt: skip
        return relation(left, right)

    def prove(self) -> Proof:
        """Check every step, the conclusion, and exact examples; ProofError names the first that fails."""
        from bnverify.theory.proof.prove import prove

        return prove(self)

    def under(self, *hypotheses: Hypothesis) -> Claim:
        """The claim with these hypotheses instead of its own."""
        return replace(self, hypotheses=hypotheses)

    @property
    def latex(self) -> str:
        sign = "=" if self.relation == "==" else r"\le"
        return f"{latex(self.left)} {sign} {latex(self.right)}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def _repr_markdown_(self) -> str:
        assumed = "".join(f"\n- {h}" for h in self.hypotheses)
        return f"**{self.title}** (`{self.key}`)\n\n$$\\displaystyle {self.latex}$$\n\n*{self.source}*\n{assumed}"

    def __str__(self) -> str:
        stated = f"{self.title}: {self.left} {self.relation} {self.right}   [{self.source}]"
        return "\n".join([stated, *(f"  assuming {h}" for h in self.hypotheses)])

    __repr__ = __str__


def _plain(side: Any) -> str:
    return repr(side) if isinstance(side, Vector) else str(side)


__all__ = [
    "Atom", "Certificate", "Claim", "Derivation", "Factor", "Gram", "Hypothesis", "Inner", "Proof", "ProofError",
    "Source", "Step", "value_of",
]  # fmt: skip
