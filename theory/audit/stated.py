r"""Evidence in the quantities of the claims: a relation, and an example from the definition that refutes it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from functools import cache
from typing import Any, Protocol

import sympy as sp

from bnverify.theory.algebra.vectors import is_zero
from bnverify.theory.audit.record import AuditError, Record
from bnverify.theory.audit.ruling import Ruling
from bnverify.theory.normalizers.normalizer import Normalizer
from bnverify.theory.proof.claim import Claim
from bnverify.theory.proof.example import exact
from bnverify.theory.proof.quantities import epsilon, latex, rho


class Counterexample(Protocol):
    """Numbers at which a formula fails: `theory.proof.example.Example` or one of `theory.audit.small_networks`."""

    def numbers(self, relation: sp.Basic) -> Mapping[sp.Basic, Any]: ...


@dataclass(frozen=True)
class Sides:
    """Both sides of a relation at a counterexample, exact."""

    left: sp.Expr
    right: sp.Expr
    holds: bool


@dataclass(frozen=True, eq=False)
class Stated:
    """``relation`` between quantities of the table, under ``premises``; true if there is no counterexample.

    ``candidates`` yields what the search goes through, smallest first.
    """

    relation: sp.Rel
    counterexample: Any = None
    premises: tuple[sp.Rel, ...] = ()
    candidates: Callable[[], Iterator[Any]] | None = None

    @property
    def refutes(self) -> bool:
        return self.counterexample is not None

    @property
    def ours(self) -> str:
        given = "".join(f", given {p.lhs} {p.rel_op} {p.rhs}" for p in self.premises)
        return f"{self.relation.lhs} {self.relation.rel_op} {self.relation.rhs}{given}"

    @property
    def latex(self) -> str:
        sign = {"<=": r"\le", ">=": r"\ge", ">": ">", "==": "="}[self.relation.rel_op]
        return f"{latex(self.relation.lhs)} {sign} {latex(self.relation.rhs)}"

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

    def check(self, record: Record) -> None:
        if not record.claims:
            raise AuditError(f"{record.key}: no claim says what is true instead")
        closest = record.claims[0]
        if record.ruling is Ruling.TRUE and not _same(self.relation, closest):
            raise AuditError(f"{record.key}: called true, but it is not what {closest.key} states")
        if record.ruling is Ruling.EQUALITY and not _same(self.relation, closest, {epsilon: 0, rho: 1}):
            raise AuditError(
                f"{record.key}: called an equality at epsilon = 0, but {closest.key} states something else"
            )
        if self.refutes and not self.refuted_by(self.counterexample):
            raise AuditError(f"{record.key}: {self.counterexample} does not refute it: {self.at(self.counterexample)}")

    def lines(self) -> Iterator[str]:
        if self.refutes:
            sides = self.at(self.counterexample)
            yield f"Counterexample: {self.counterexample}"
            yield f"  left {sides.left}, right {sides.right}, exactly"

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "kind": "stated", "latex": self.latex,
            "relation": [str(self.relation.lhs), self.relation.rel_op, str(self.relation.rhs)],
            "premises": [[str(p.lhs), p.rel_op, str(p.rhs)] for p in self.premises], "counterexample": None,
        }  # fmt: skip
        if self.refutes:
            sides = self.at(self.counterexample)
            numbers = {str(k): str(exact(v)) for k, v in self.counterexample.numbers(self.relation).items()}
            out["counterexample"] = {
                "at": str(self.counterexample), "values": _plain(self.counterexample), "quantities": numbers,
                "left": str(sides.left), "right": str(sides.right),
            }  # fmt: skip
        return out


def _plain(value: Any) -> Any:
    """Numbers as "p/q", tuples as lists, normalizers by their definition, dataclasses as mappings of their fields."""
    if isinstance(value, (Fraction, int)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, tuple):
        return list(map(_plain, value))
    if isinstance(value, Normalizer):
        return {"name": value.name, "definition": value.definition}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if getattr(value, f.name) is not None}
    return str(getattr(value, "name", value))


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
