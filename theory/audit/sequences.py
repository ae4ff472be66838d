r"""Evidence about sequences: products and recurrences over depth, with exact closed forms and bounds for every depth.

A statement of growth is proved or refuted by a chain of steps, each an identity between expressions in the depth or an
inequality whose slack is a polynomial without negative coefficients; no step is taken from numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import sympy as sp

from bnverify.theory.audit.record import AuditError, Record

n = sp.Symbol("n", integer=True, positive=True)
"""The depth, or the number of a layer, from 1 on."""


class Step(Protocol):
    """One step of an argument about sequences."""

    @property
    def says(self) -> str: ...

    def holds(self) -> bool: ...


@dataclass(frozen=True)
class Identity:
    """Both sides are equal for every n."""

    left: sp.Expr
    right: sp.Expr
    because: str = ""

    @property
    def says(self) -> str:
        return f"{self.left} = {self.right}" + (f" ({self.because})" if self.because else "")

    def holds(self) -> bool:
        difference = (self.left - self.right).doit()  # sums are found when they are asked for
        return sp.simplify(difference) == 0 or sp.expand(sp.fraction(sp.together(sp.radsimp(difference)))[0]) == 0


@dataclass(frozen=True)
class NotNegative:
    """left = right for every n, and no part of the right side can be negative."""

    left: sp.Expr
    right: sp.Expr
    because: str = ""

    @property
    def says(self) -> str:
        return f"{self.left} = {self.right} >= 0" + (f" ({self.because})" if self.because else "")

    def holds(self) -> bool:
        return self.right.is_nonnegative is True and Identity(self.left, self.right).holds()


@dataclass(frozen=True)
class Product:
    """The product of term(k) over 1 <= k < n is closed(n): 1 at n = 1, and each step multiplies by the term."""

    term: sp.Expr
    closed: sp.Expr

    @property
    def says(self) -> str:
        return f"the product of {self.term} over the layers before n is {self.closed}"

    def holds(self) -> bool:
        following = self.closed.subs(n, n + 1) - self.closed * self.term
        return sp.simplify(self.closed.subs(n, 1)) == 1 and sp.simplify(following) == 0


@dataclass(frozen=True)
class Recurrence:
    """``solution`` starts with ``start`` and follows ``x -> following(x, n)``."""

    following: sp.Expr
    x: sp.Symbol
    solution: sp.Expr
    start: sp.Expr

    @property
    def says(self) -> str:
        return f"{self.x} -> {self.following} from {self.start} is solved by {self.solution}"

    def holds(self) -> bool:
        after = self.solution.subs(n, n + 1) - self.following.subs(self.x, self.solution)
        return sp.simplify(after) == 0 and sp.simplify(self.solution.subs(n, 1) - self.start) == 0


@dataclass(frozen=True)
class AtLeast:
    """left >= right wherever ``variable`` >= ``least``: the slack, a polynomial there, has no negative coefficient."""

    left: sp.Expr
    right: sp.Expr
    variable: sp.Symbol
    least: sp.Rational
    because: str = ""

    @property
    def says(self) -> str:
        return f"{self.left} >= {self.right} for {self.variable} >= {self.least}" + (
            f" ({self.because})" if self.because else ""
        )

    def holds(self) -> bool:
        more = sp.Symbol("more", nonnegative=True)
        slack = sp.together(sp.expand((self.left - self.right).subs(self.variable, more + self.least)))
        parts = [sp.Poly(sp.expand(part), more).all_coeffs() for part in sp.fraction(slack)]
        top, bottom = parts
        return all(c.is_nonnegative for c in (*top, *bottom)) and any(c.is_positive for c in bottom)


@dataclass(frozen=True)
class Leading:
    """The first terms of a series in x at 0, x > 0, exactly."""

    expression: sp.Expr
    x: sp.Symbol
    terms: sp.Expr
    order: int

    @property
    def says(self) -> str:
        return f"{self.expression} = {self.terms} + O({self.x}^{self.order}) as {self.x} -> 0"

    def holds(self) -> bool:
        series = sp.series(self.expression, self.x, 0, self.order).removeO()
        return sp.simplify(sp.expand(series - self.terms)) == 0


@dataclass(frozen=True)
class Limit:
    """The limit for n -> oo."""

    expression: sp.Expr
    value: sp.Expr

    @property
    def says(self) -> str:
        return f"{self.expression} -> {self.value} as n grows"

    def holds(self) -> bool:
        return sp.limit(self.expression, n, sp.oo) == self.value


@dataclass(frozen=True, eq=False)
class Sequence:
    """A statement about growth with the steps that settle it, and what follows from them in words."""

    statement: str
    steps: tuple[Step, ...]
    therefore: str
    refutes: bool

    @property
    def ours(self) -> str:
        return self.statement

    def check(self, record: Record) -> None:
        if not self.steps:
            raise AuditError(f"{record.key}: a statement about a sequence needs steps")
        for step in self.steps:
            if not step.holds():
                raise AuditError(f"{record.key}: does not hold: {step.says}")

    def lines(self) -> Iterator[str]:
        for place, step in enumerate(self.steps, start=1):
            yield f"  {place}. {step.says}"
        yield f"  hence {self.therefore}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": "sequence", "statement": self.statement, "steps": [step.says for step in self.steps],
                "therefore": self.therefore}  # fmt: skip
