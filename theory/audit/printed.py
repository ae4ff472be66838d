r"""A printed formula and its verdict.

A record holds the formula as printed, as a relation between the quantities of the table; what it should be (claims of
the catalogue); and, unless it is true, the smallest counterexample a search over small rational numbers finds.
`Printed.check` re-evaluates everything exactly.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Protocol

import sympy as sp

from bnverify.theory.algebra.vectors import is_zero
from bnverify.theory.proof.claim import Claim, Source
from bnverify.theory.proof.example import exact
from bnverify.theory.proof.quantities import epsilon, latex, rho
from bnverify.theory.results.catalogue import CLAIMS


class Verdict(Enum):
    """How a printed formula fares."""

    TRUE = "true"
    EQUALITY = "equality"
    CONDITIONAL = "true under hypothesis"
    MISPRINT = "misprint"
    FALSE = "false"


class Counterexample(Protocol):
    """Numbers at which a formula fails: `example.Example` or one of `audit.small_networks`."""

    def numbers(self, relation: sp.Basic) -> Mapping[sp.Basic, Any]: ...


class AuditError(AssertionError):
    """A record of the audit does not stand up to its own check."""


@dataclass(frozen=True)
class Sides:
    """Both sides of a printed relation at a counterexample, exact."""

    left: sp.Expr
    right: sp.Expr
    holds: bool


@dataclass(frozen=True, eq=False, repr=False)
class Printed:
    """A printed formula. ``candidates`` yields what the search for a counterexample goes through, smallest first."""

    key: str
    title: str
    source: Source
    relation: sp.Rel
    verdict: Verdict
    corrected: tuple[str, ...]
    remark: str
    counterexample: Any = None
    premises: tuple[sp.Rel, ...] = ()
    candidates: Callable[[], Iterator[Any]] | None = None

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims that say what is true instead, the closest first."""
        return tuple(CLAIMS[key] for key in self.corrected)

    def at(self, example: Counterexample) -> Sides:
        """Both sides at an example, and whether the relation holds there."""
        return _sides(self.relation, example)

    def refuted_by(self, example: Counterexample) -> bool:
        """Whether the premises hold at the example and the relation does not, decided exactly."""
        if _roughly_holds(self.relation, example) or not all(_roughly_holds(p, example) for p in self.premises):
            return False
        return not self.at(example).holds and all(_sides(premise, example).holds for premise in self.premises)

    def search(self) -> Any:
        """The first counterexample in the order of the candidates; None where there is none among them."""
        from bnverify.theory.audit.search import first

        return None if self.candidates is None else first(self.candidates(), self.refuted_by)

    def check(self) -> None:
        """Re-establish the verdict: AuditError where anything does not hold."""
        for claim in self.claims:
            claim.prove()
        closest = self.claims[0]
        if self.verdict is Verdict.TRUE and not _same(self.relation, closest):
            raise AuditError(f"{self.key}: called true, but it is not what {closest.key} states")
        if self.verdict is Verdict.EQUALITY and not _same(self.relation, closest, {epsilon: 0, rho: 1}):
            raise AuditError(f"{self.key}: called an equality at epsilon = 0, but {closest.key} states something else")
        if (self.counterexample is None) == (self.verdict not in (Verdict.TRUE, Verdict.EQUALITY)):
            raise AuditError(f"{self.key}: {self.verdict.value} {'without' if not self.counterexample else 'with'} "
                             "a counterexample")  # fmt: skip
        if self.counterexample is not None and not self.refuted_by(self.counterexample):
            raise AuditError(f"{self.key}: {self.counterexample} does not refute it: {self.at(self.counterexample)}")

    def to_json(self) -> dict[str, Any]:
        """The record as plain data: formulas as text and LaTeX, the counterexample with both sides, exact."""
        sides = None if self.counterexample is None else self.at(self.counterexample)
        return {
            "key": self.key, "title": self.title, "reference": self.source.reference, "place": self.source.place,
            "printed": f"{self.relation.lhs} {self.relation.rel_op} {self.relation.rhs}", "latex": self.latex,
            "premises": [f"{p.lhs} {p.rel_op} {p.rhs}" for p in self.premises],
            "verdict": self.verdict.value, "corrected": list(self.corrected), "remark": self.remark,
            "counterexample": None if sides is None else {
                "at": str(self.counterexample), "left": str(sides.left), "right": str(sides.right),
            },
        }  # fmt: skip

    @property
    def latex(self) -> str:
        sign = {"<=": r"\le", ">=": r"\ge", ">": ">", "==": "="}[self.relation.rel_op]
        return f"{latex(self.relation.lhs)} {sign} {latex(self.relation.rhs)}"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex} \quad\text{{({self.verdict.value})}}$"

    def __str__(self) -> str:
        formula = f"{self.relation.lhs} {self.relation.rel_op} {self.relation.rhs}"
        return f"{self.title}: {formula}   [{self.source}] {self.verdict.value}"

    __repr__ = __str__


def _sides(relation: sp.Rel, example: Counterexample) -> Sides:
    table = {symbol: exact(number) for symbol, number in example.numbers(relation).items()}
    left, right = (side.xreplace(table) for side in (relation.lhs, relation.rhs))
    holds = relation.func(left, right)
    if holds not in (sp.true, sp.false):
        holds = relation.func(sp.simplify(left - right), 0)
    return Sides(left, right, bool(holds))


_COMPARE = {"==": operator.eq, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}


def _roughly_holds(relation: sp.Rel, example: Counterexample) -> bool:
    """Exact for rational expressions, floating point for roots: a fast filter before the exact decision."""
    numbers = example.numbers(relation)
    left, right = _compiled(relation, tuple(numbers))(*numbers.values())
    return bool(_COMPARE[relation.rel_op](left, right))


@cache
def _compiled(relation: sp.Rel, symbols: tuple[sp.Basic, ...]) -> Callable[..., tuple[Any, Any]]:
    names = {symbol: sp.Dummy() for symbol in symbols}
    return sp.lambdify(list(names.values()), [side.xreplace(names) for side in relation.args], modules="math")


def _same(relation: sp.Rel, claim: Claim, at: Mapping[sp.Symbol, Any] | None = None) -> bool:
    known = dict(at or {})
    pairs = ((relation.lhs, claim.left), (relation.rhs, claim.right))
    return all(is_zero((printed - proved).subs(known)) for printed, proved in pairs)
