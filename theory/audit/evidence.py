r"""Evidence in the language of formulas: refuted at a point, proved for every m, refuted for every constant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp

from bnverify.theory.audit.answers import FAILS, HOLDS, plain, show, sides, status
from bnverify.theory.audit.evaluation import statement
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.points import Point
from bnverify.theory.audit.proving import prove
from bnverify.theory.audit.record import AuditError, Record


def _written(formula: Formula) -> str:
    given = "".join(f", given {text}" for text in formula.given)
    where = "".join(f", {name} = {text}" for name, text in formula.define.items())
    return f"{formula.claim}{given}{' where' + where[1:] if where else ''}"


def _data(formula: Formula, point: Point) -> dict[str, Any]:
    """The statement at the point's size in components, the point, and both sides there."""
    left, right = sides(formula, point)
    return {
        "claim": formula.claim, "given": list(formula.given), "define": dict(formula.define),
        "symbols": dict(formula.symbols), "vectors": list(formula.vectors), "values": point.to_json(),
        "statement": [str(relation) for relation in statement(formula.relation, formula.facts, point.size)],
        "premises": [str(r) for premise in formula.premises for r in statement(premise, formula.facts, point.size)],
        "left": plain(left), "right": plain(right),
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Refuted:
    """``formula`` fails at ``at``. ``true`` are formulas that are proved instead, each with a point where it speaks."""

    formula: Formula
    at: Point
    true: tuple[tuple[Formula, Point], ...] = ()

    refutes = True

    @property
    def ours(self) -> str:
        return _written(self.formula)

    def check(self, record: Record) -> None:
        if status(self.formula, self.at) != FAILS:
            raise AuditError(f"{record.key}: {self.at} does not refute {self.formula.claim}")
        if prove(self.formula) is not None:
            raise AuditError(f"{record.key}: refuted at {self.at}, and proved: one of the two is wrong")
        Proved(self.true).check(record)

    def lines(self) -> Iterator[str]:
        left, right = sides(self.formula, self.at)
        yield f"Counterexample: {self.at}"
        yield f"  left {show(left)}, right {show(right)}, exactly"
        yield from Proved(self.true).lines()

    def to_json(self) -> dict[str, Any]:
        return {"kind": "refuted", **_data(self.formula, self.at), "true": Proved(self.true).to_json()["formulas"]}


@dataclass(frozen=True, eq=False)
class Proved:
    """Formulas proved for every m, each with a point at which its hypotheses hold and everything is defined."""

    true: tuple[tuple[Formula, Point], ...]

    refutes = False

    @property
    def ours(self) -> str:
        return "; ".join(_written(formula) for formula, _ in self.true)

    def check(self, record: Record) -> None:
        for formula, point in self.true:
            if status(formula, point) != HOLDS:
                raise AuditError(f"{record.key}: {formula.claim} does not hold at {point}")
            if prove(formula) is None:
                raise AuditError(f"{record.key}: no proof of {formula.claim}")

    def lines(self) -> Iterator[str]:
        for formula, point in self.true:
            yield f"Proved for every m: {_written(formula)}"
            yield f"  not empty: it speaks of {point}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": "proved", "formulas": [
            {"claim": f.claim, "given": list(f.given), "define": dict(f.define), "symbols": dict(f.symbols),
             "vectors": list(f.vectors), "least m": min(f.sizes), "witness": p.to_json()} for f, p in self.true
        ]}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Family:
    """``formula`` has a constant ``K`` for which every value fails: at ``of(K)``, for all K >= 1.

    ``margin`` is left minus right there as an expression in ``variable``: it is compared with both sides at more
    points than its degree, and shown to be positive for every K >= 1 by its coefficients in K - 1.
    """

    formula: Formula
    constant: str
    of: Callable[[int], Point]
    margin: sp.Expr
    true: tuple[tuple[Formula, Point], ...] = ()

    refutes = True
    variable = sp.Symbol("K", positive=True)

    @property
    def ours(self) -> str:
        return f"for some constant {self.constant}: {_written(self.formula)}"

    def check(self, record: Record) -> None:
        top, bottom = sp.fraction(sp.together(self.margin))
        least = sp.Symbol("K_minus_1", nonnegative=True)
        for part in (top, bottom):
            coefficients = sp.Poly(sp.expand(part.subs(self.variable, least + 1)), least).all_coeffs()
            if not all(c.is_nonnegative for c in coefficients) or not coefficients[-1].is_positive:
                raise AuditError(f"{record.key}: the margin {self.margin} is not positive for every K >= 1")
        for k in range(1, sp.degree(top, self.variable) + sp.degree(bottom, self.variable) + 3):
            point = self.of(k)
            left, right = sides(self.formula, point)
            if status(self.formula, point) != FAILS or sp.sympify(left) - right != self.margin.subs(self.variable, k):
                raise AuditError(f"{record.key}: at {point} the sides are {left} and {right}")
        Proved(self.true).check(record)

    def lines(self) -> Iterator[str]:
        yield f"Refuted for every constant: at {self.of(1)}, {self.of(2)}, {self.of(10)}, and so on,"
        yield f"  left minus right is {sp.factor(self.margin)}, positive for every K >= 1"
        yield from Proved(self.true).lines()

    def to_json(self) -> dict[str, Any]:
        return {"kind": "family", "margin": str(self.margin), "constant": self.constant,
                "members": [_data(self.formula, self.of(k)) for k in (1, 2, 10)],
                "true": Proved(self.true).to_json()["formulas"]}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Computed:
    """Exact numbers from ``compute``, which raises AuditError where they do not bear out what is said."""

    statement: str
    compute: Callable[[], dict[str, Any]]
    refutes: bool

    @property
    def ours(self) -> str:
        return self.statement

    def check(self, record: Record) -> None:
        if not self.compute():
            raise AuditError(f"{record.key}: nothing was computed")

    def lines(self) -> Iterator[str]:
        for name, value in self.compute().items():
            yield f"  {name}: {value}"

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "computed",
            "statement": self.statement,
            "numbers": {k: str(v) for k, v in self.compute().items()},
        }


def require(true: Any, what: str) -> None:
    """AuditError where an exact comparison fails."""
    if true not in (True, sp.true):
        raise AuditError(f"does not hold: {what}")
