r"""Evidence about the strength of a printed formula: weaker than the trivial bound, or true to leading order only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp

from bnverify.theory.audit.evidence import Proved, Refuted
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.points import Point
from bnverify.theory.audit.record import AuditError, Record


@dataclass(frozen=True, eq=False)
class Vacuous:
    """A bound that exceeds the trivial one for every ``size`` up to ``threshold`` (an expression in ``parameter``).

    ``squared_ratio`` is (printed/trivial)^2, falling in the size, and 1 exactly at the threshold.
    """

    statement: str
    squared_ratio: sp.Expr
    size: sp.Symbol
    threshold: sp.Expr
    parameter: sp.Symbol
    values: tuple[int, ...]
    note: str = ""

    refutes = False

    @property
    def ours(self) -> str:
        return self.statement

    def smallest(self, value: int) -> int:
        """The smallest size at which the bound says more than the trivial one."""
        return int(sp.floor(self.threshold.subs(self.parameter, value))) + 1

    def check(self, record: Record) -> None:
        if sp.simplify(self.squared_ratio.subs(self.size, self.threshold) - 1) != 0:
            raise AuditError(f"{record.key}: at {self.size} = {self.threshold} the two bounds differ")
        if not sp.simplify(sp.diff(self.squared_ratio, self.size) * self.size / self.squared_ratio).is_negative:
            raise AuditError(f"{record.key}: the printed bound does not fall with {self.size}")
        for value in self.values:
            below, above = self.smallest(value) - 1, self.smallest(value)
            at = [sp.simplify(self.squared_ratio.subs({self.parameter: value, self.size: d})) for d in (below, above)]
            if not (at[0] >= 1 > at[1]):
                raise AuditError(f"{record.key}: at {self.parameter} = {value} the threshold is not {above}")

    def lines(self) -> Iterator[str]:
        yield f"It says more than the trivial bound only for {self.size} > {self.threshold}:"
        for value in self.values:
            yield f"  {self.parameter} = {value}: from {self.size} = {self.smallest(value)} on"
        if self.note:
            yield self.note

    def to_json(self) -> dict[str, Any]:
        return {"kind": "vacuous", "statement": self.statement, "threshold": str(self.threshold),
                "smallest": {str(v): self.smallest(v) for v in self.values}}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Asymptotic:
    """A formula that fails at a point, the exact law, and how near the two are: their ratio for ``small`` -> 0."""

    printed: Refuted
    exact: tuple[tuple[Formula, Point], ...]
    ratio: sp.Expr
    small: sp.Symbol
    first: sp.Expr

    refutes = True

    @property
    def ours(self) -> str:
        return self.printed.ours

    def check(self, record: Record) -> None:
        self.printed.check(record)
        Proved(self.exact).check(record)
        series = sp.series(self.ratio, self.small, 0, 2).removeO()
        if sp.simplify(series - 1 - self.first) != 0 or self.first == 0:
            raise AuditError(f"{record.key}: the ratio is {series}, not 1 + {self.first} to first order")

    def lines(self) -> Iterator[str]:
        yield from self.printed.lines()
        yield from Proved(self.exact).lines()
        yield f"printed/exact = 1 + {self.first} + O({self.small}^2)"

    def to_json(self) -> dict[str, Any]:
        return {**self.printed.to_json(), "kind": "asymptotic", "ratio": str(self.ratio), "first": str(self.first),
                "true": Proved(self.exact).to_json()["formulas"]}  # fmt: skip
