"""Signs: what is not negative follows from the evidence of a document, or is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp

from .reading import Refused, Sum, bounded, expand, exponent_of, shown, tree
from .rules import is_root
from .tables import Tables


class Signs(Tables):
    """The factors of a certificate, each with the evidence that it is not negative."""

    hypotheses: Mapping[str, Mapping[str, Any]]

    def certificate(self, certificate: Mapping[str, Any], slack: sp.Expr) -> None:
        if not self.same(self.insert(self.read(certificate["slack"])), slack):
            raise Refused("the slack is not the right side minus the left")
        if not self.same(self.insert(self.total(certificate["products"])), slack):
            raise Refused("the slack is not the sum of the products")

    def total(self, products: Iterable[Iterable[Mapping[str, Any]]]) -> sp.Expr:
        return sp.Add(*(sp.Mul(*map(self.factor, factors)) for factors in products))

    def factor(self, factor: Mapping[str, Any]) -> sp.Expr:
        """The value of a factor; refused if it does not follow from the evidence that it is not negative."""
        value = self.read(factor["value"])
        found = self.shown(factor, value)
        if found is None or not self.same(found, value):
            raise Refused(f"it does not follow that {shown(factor['value'], {})[:80]} is not negative")
        return value

    def shown(self, factor: Mapping[str, Any], value: sp.Expr) -> sp.Expr | None:
        """What the evidence of a factor shows to be non-negative; None if it shows nothing."""
        of = factor["of"]
        match factor["because"]:
            case "square":
                return _real(self.read(of)) ** 2
            case "squared norm":
                vector = {word: _real(c) for word, c in self.vector(of).items()}
                return self.dot(vector, vector)
            case "Gram determinant" if len(of) < 5:
                vectors = [{word: _real(c) for word, c in self.vector(v).items()} for v in of]
                gram = sp.Matrix([[self.dot(u, w) for w in vectors] for u in vectors])
                bounded(sp.Mul(*(sp.Add(*gram.row(i)) for i in range(len(vectors)))))
                return gram.det()
            case "positive number":
                return value if value.is_Rational and value > 0 else None
            case "declared sign":
                base = value.as_base_exp()[0]
                return value if self.signs[of] != "real" and base == self.names[of] else None
            case "affine in a number between 0 and 1":
                x = self.names[of]
                affine = value.free_symbols == {x} and expand(sp.diff(value, x, 2)) == 0
                known = self.signs[of] == "between 0 and 1"
                return value if affine and known and min(value.subs(x, 0), value.subs(x, 1)) >= 0 else None
            case "polynomial in a positive integer minus 1, no coefficient negative":
                x, known = self.names[of], self.signs[of] == "positive integer" and value.is_polynomial(self.names[of])
                shifted = sp.Poly(bounded(value.subs(x, x + 1)), x).all_coeffs() if known else [sp.Integer(-1)]
                return value if all(c.is_Rational and c >= 0 for c in shifted) else None
            case "form of a positive semidefinite operator":
                operator, _, plain = of[1].partition(" ")
                known = self.operators.get(operator) == "positive semidefinite"
                return self.product(*of) if plain == of[0] and known else None
            case "inner product of vectors without negative entries":
                return self.product(*of) if set(of) <= self.entrywise else None
            case "sum over pairs of entries, none negative":
                return self.product("1", of) ** 2 - self.product(of, of) if of in self.entrywise else None
            case "hypothesis":
                return self.nonnegative(self.hypotheses[of]) if of in self.hypotheses else None
            case "sum over channels":
                return Sum(self.total([of]))
            case "power":
                return self.total([of]) ** exponent_of(tree(factor["exponent"]))
            case "sum":
                return self.total(of)
        raise Refused("got a reason for a sign that is not a known one")

    def nonnegative(self, h: Mapping[str, Any]) -> sp.Expr | None:
        condition = h["condition"]
        if condition is None or condition["relation"] not in (">", ">=", "<", "<="):
            return None
        difference = self.read(condition["left"]) - self.read(condition["right"])
        return difference if condition["relation"].startswith(">") else -difference


def _real(expression: sp.Expr) -> sp.Expr:
    """The expression, refused if a root in it could be imaginary: the square of that is negative."""
    if not all(root.base.is_nonnegative for root in expression.atoms(sp.Pow) if is_root(root)):
        raise Refused(f"{expression} need not be real")
    return expression
