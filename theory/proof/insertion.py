"""How the givens of a proof are inserted into its claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from bnverify.theory.algebra.channel_sum import distribute
from bnverify.theory.algebra.vectors import Inner, Vector, substitute
from bnverify.theory.proof.givens import CONSTANT, Given, tidy_roots
from bnverify.theory.proof.quantities import YHAT_REGROWN, YHAT_SCALED, YHAT_SHIFTED


@dataclass(frozen=True)
class Insertion:
    """The givens of a proof, in the order they were needed, and how they are inserted."""

    givens: tuple[Given, ...]

    def __call__(self, expression: sp.Expr) -> sp.Expr:
        scalars: dict[Any, Any] = {}
        vectors: dict[Any, Any] = {}
        for given in self.givens:
            (vectors if isinstance(given.subject, Vector) else scalars)[given.subject] = given.value
        powers = {u: v for u, v in scalars.items() if not (u.is_Symbol or isinstance(u, Inner))}
        plain = {u: v for u, v in scalars.items() if u not in powers}
        for _ in range(len(self.givens) + 2):
            before = expression
            expression = substitute(expression.xreplace(plain), vectors)
            if powers:
                expression = distribute(expression, CONSTANT).xreplace(powers)
            if expression == before:
                break
        else:
            raise ValueError("got givens that refer to each other in a circle; expected equations that can be inserted")
        return distribute(tidy_roots(expression), CONSTANT)


# Rules that say of another point what is known at y, as long as the values there are those of y.
UNCHANGED = {
    "rescaled gradient": YHAT_SCALED, "rescaled curvature": YHAT_SCALED, "regrown gradient": YHAT_REGROWN,
    "shifted gradient": YHAT_SHIFTED,
}  # fmt: skip
