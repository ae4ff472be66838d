r"""A formula for symbolic m: scalars as SymPy expressions, vectors in the algebra of inner products.

Roots become symbols t >= 0 with t^2 known, so that everything is rational in its symbols; what has to be true for the
formula to have a value (radicands, arguments of logarithms) is collected as known signs. What this reading cannot
express (entries, entrywise products, the larger of two) is `Inexpressible`, and only the search speaks of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy as sp

from bnverify.theory.algebra.derivative import gradient
from bnverify.theory.algebra.vectors import ONE, Inner, Vector, m, substitute
from bnverify.theory.audit.language import Node, Relation

PREFIX = "audited_"


class Inexpressible(ValueError):
    """Part of a formula has no place in the algebra of inner products."""


class Contradiction(ValueError):
    """Premises that hold at no point."""


class Valueless(ValueError):
    """A claim that has no value at any point where its premises hold."""


@dataclass
class Known:
    """What may be assumed of real expressions: not negative, positive, not zero; the equations still to be used."""

    nonnegative: list[sp.Expr] = field(default_factory=list)
    positive: list[sp.Expr] = field(default_factory=list)
    zero: list[sp.Expr] = field(default_factory=list)
    nonzero: list[sp.Expr] = field(default_factory=list)

    def assume(self, expression: sp.Expr, strict: bool) -> None:
        expression = sp.sympify(expression)
        if expression.is_number:
            if expression.is_negative or (strict and expression.is_zero):
                raise Contradiction(f"the premises imply {expression} {'>' if strict else '>='} 0")
            return
        (self.positive if strict else self.nonnegative).append(expression)


class Reading:
    """Scalars, vectors and roots of one formula."""

    def __init__(self, symbols: dict[str, dict[str, bool]], vectors: tuple[str, ...]):
        self.scalars: dict[str, sp.Expr] = {
            name: sp.Symbol(name, real=True, **facts) for name, facts in symbols.items()
        }
        self.vectors: dict[str, Vector] = {
            name: Vector.atom(PREFIX + (name if name.isascii() else f"v{place}")) for place, name in enumerate(vectors)
        }
        self.atoms = dict(self.vectors)
        self.known = Known()
        self.roots: dict[sp.Symbol, sp.Expr] = {}

    # from nodes to expressions

    def of(self, node: Node) -> Any:
        method = getattr(self, f"_{node.op}", None)
        if method is None:
            raise Inexpressible(node.op)
        value = method(node)
        if isinstance(value, sp.Expr) and value.has(sp.nan, sp.zoo, sp.oo):
            raise Inexpressible("no number")
        return value

    def _number(self, node: Node) -> sp.Expr:
        value = Fraction(node.value or 0)
        return sp.Rational(value.numerator, value.denominator)

    def _symbol(self, node: Node) -> sp.Expr:
        return self.scalars[str(node.value)]

    def _vector(self, node: Node) -> Vector:
        return self.vectors[str(node.value)]

    def _one(self, node: Node) -> Vector:
        return ONE

    def _size(self, node: Node) -> sp.Expr:
        return m

    def _add(self, node: Node) -> Any:
        left, right = map(self.of, node.args)
        return left + right

    def _multiply(self, node: Node) -> sp.Expr:
        left, right = map(self.of, node.args)
        return left * right

    def _scale(self, node: Node) -> Vector:
        factor, vector = map(self.of, node.args)
        return vector * factor

    def _dot(self, node: Node) -> sp.Expr:
        for one, product in (node.args, node.args[::-1]):
            if one.op == "one" and product.op == "entrywise":  # the sum of products of entries
                return self._dot(product)
        left, right = map(self.of, node.args)
        return left @ right

    def _divide(self, node: Node) -> sp.Expr:
        left, right = map(self.of, node.args)
        if sp.expand(right) == 0:
            raise Inexpressible("a division by zero")
        return left / right

    def _power(self, node: Node) -> sp.Expr:
        base, exponent = self.of(node.args[0]), Fraction(node.value or 0)
        if exponent.denominator == 1:
            return base ** int(exponent)
        return self.root(base) ** int(2 * exponent)

    def _abs(self, node: Node) -> sp.Expr:
        x = self.of(node.args[0])
        return x if x.is_nonnegative else -x if x.is_nonpositive else self.root(x**2)

    def _exp(self, node: Node) -> sp.Expr:
        return sp.exp(self.of(node.args[0]))

    def _log(self, node: Node) -> sp.Expr:
        x = self.of(node.args[0])
        self.known.assume(x, strict=True)
        return sp.log(x)

    def _grad(self, node: Node) -> Vector:
        function, at = node.args
        vector = self.vectors[str(at.value)]
        if vector != self.atoms[str(at.value)]:
            raise Inexpressible("the gradient with respect to a vector that a premise expresses by others")
        spelled = self.spelled(self.of(function))
        return gradient(spelled, vector).map(self.hidden)

    def root(self, x: sp.Expr) -> sp.Expr:
        """The root of x >= 0 as known factors times a symbol whose square is known."""
        self.known.assume(x, strict=False)
        numerator, denominator = sp.fraction(sp.together(sp.expand(x)))
        outside, inside = sp.Integer(1), sp.Integer(1)
        for part, direction in ((numerator, 1), (denominator, -1)):
            number, factors = sp.factor_list(sp.expand(part))
            whole, rest = sp.sqrt(abs(number)).as_coeff_Mul()
            outside, inside = outside * whole**direction, inside * (sp.sign(number) * rest**2) ** direction
            for factor, times in factors:
                half, odd = divmod(times, 2)
                outside *= self._absolute(factor, half) ** (half * direction)
                if odd and factor.is_nonnegative:  # as SymPy splits them: one root for each
                    outside *= self._symbol_of(factor) ** direction
                else:
                    inside *= factor ** (odd * direction)
        inside = sp.expand(inside) if sp.fraction(inside)[1] == 1 else sp.together(inside)
        if inside.is_Rational:
            return outside * sp.sqrt(inside) if sp.sqrt(inside).is_Rational else outside * self._symbol_of(inside)
        return outside * self._symbol_of(inside)

    def _absolute(self, factor: sp.Expr, half: int) -> sp.Expr:
        if half == 0 or half % 2 == 0 or self._sign(factor) == 1:
            return factor
        return -factor if self._sign(factor) == -1 else self._symbol_of(sp.expand(factor**2))

    def _sign(self, factor: sp.Expr) -> int:
        if factor.is_nonnegative or any(sp.expand(factor - k) == 0 for k in (*self.known.positive,)):
            return 1
        return -1 if factor.is_nonpositive else 0

    def _symbol_of(self, square: sp.Expr) -> sp.Symbol:
        for symbol, known in self.roots.items():
            if sp.expand(sp.fraction(sp.together(known - square))[0]) == 0:
                return symbol
        symbol = sp.Symbol(f"root_{len(self.roots) + 1}", real=True, nonnegative=True)
        self.roots[symbol] = square
        return symbol

    def spelled(self, expression: sp.Expr) -> sp.Expr:
        """With the symbols of roots replaced by roots, the newest first."""
        for symbol, square in reversed(self.roots.items()):
            expression = expression.xreplace({symbol: sp.sqrt(square)})
        return expression

    def hidden(self, expression: sp.Expr) -> sp.Expr:
        """With roots, also those SymPy made of them, replaced by their symbols."""
        return expression.replace(
            lambda e: e.is_Pow and e.exp.is_Rational and e.exp.q == 2,
            lambda e: self.root(self.hidden(e.base)) ** int(2 * e.exp),
        )

    # normal forms

    def numerator(self, expression: sp.Expr) -> sp.Expr:
        """The expression times a square or something positive: a polynomial, each root at most linear."""
        top, bottom = sp.fraction(sp.together(expression))
        top = sp.expand(top if bottom.is_positive else -top if bottom.is_negative else top * bottom)
        for symbol, square in reversed(self.roots.items()):
            if not top.has(symbol):
                continue
            above, below = sp.fraction(sp.together(square))
            degree = sp.degree(top, symbol) // 2
            degree += degree % 2 if not below.is_positive else 0  # an even power keeps the sign
            powers = {k: c for (k,), c in sp.Poly(top, symbol).terms()}
            top = sp.expand(sum(
                c * symbol ** (k % 2) * above ** (k // 2) * below ** (degree - k // 2) for k, c in powers.items()
            ))  # fmt: skip
        return top

    def replace(self, expression: Any, scalars: dict, vectors: dict) -> Any:
        out = substitute(expression, vectors) if vectors else expression
        return out.map(lambda c: c.xreplace(scalars)) if isinstance(out, Vector) else out.xreplace(scalars)


def use_equation(reading: Reading, relation: Relation) -> None:
    """Take an equation among the premises: solve it for a name where that is plain, keep it as zeros otherwise."""
    left, right = reading.of(relation.left), reading.of(relation.right)
    difference = left - right
    if isinstance(difference, Vector):
        difference = difference.map(sp.expand)
        if not difference.terms:
            return
        for name, atom in reading.atoms.items():
            coefficient = difference.coefficient(atom)
            if coefficient.is_nonzero and reading.vectors[name] == atom:
                solution = (atom * coefficient - difference) / coefficient
                _eliminate(reading, {}, {atom: solution})
                return
        for atom in (*reading.atoms.values(), ONE):
            _zero(reading, difference @ atom)
        return
    top = reading.numerator(sp.fraction(sp.together(difference))[0])
    if top == 0:
        return
    if top.is_number:
        raise Contradiction(f"{relation.text} is false: {sp.nsimplify(left)} is not {sp.nsimplify(right)}")
    hidden = {s for product in top.atoms(Inner) for s in product.free_symbols}
    for name, symbol in list(reading.scalars.items()):
        if symbol.is_Symbol and symbol not in hidden and top.has(symbol) and symbol not in reading.roots:
            linear = sp.Poly(top, symbol)
            if linear.degree() == 1 and linear.coeff_monomial(symbol).is_nonzero:
                solution = sp.expand(-linear.coeff_monomial(1) / linear.coeff_monomial(symbol))
                _assume_declared(reading, symbol, solution)
                _eliminate(reading, {symbol: solution}, {})
                reading.scalars[name] = solution
                return
    _zero(reading, top)


def _assume_declared(reading: Reading, symbol: sp.Symbol, solution: sp.Expr) -> None:
    if symbol.is_positive:
        reading.known.assume(solution, strict=True)
    elif symbol.is_nonnegative:
        reading.known.assume(solution, strict=False)
    elif symbol.is_negative:
        reading.known.assume(-solution, strict=True)


def _zero(reading: Reading, expression: sp.Expr) -> None:
    top = reading.numerator(sp.expand(expression))
    if top.is_number and top != 0:
        raise Contradiction(f"the premises imply {top} = 0")
    if top != 0 and top not in reading.known.zero:
        reading.known.zero.append(top)


def _eliminate(reading: Reading, scalars: dict, vectors: dict) -> None:
    """Insert a solved name into everything that is known."""

    def inserted(e: Any) -> Any:
        return reading.replace(e, scalars, vectors)

    reading.scalars = {k: inserted(v) for k, v in reading.scalars.items()}
    reading.vectors = {k: inserted(v) for k, v in reading.vectors.items()}
    reading.roots = {k: inserted(v) for k, v in reading.roots.items()}
    known, reading.known = reading.known, Known()
    for expression in known.nonnegative:
        reading.known.assume(inserted(expression), strict=False)
    for expression in known.positive:
        reading.known.assume(inserted(expression), strict=True)
    for expression in known.zero:
        _zero(reading, inserted(expression))
    reading.known.nonzero += map(inserted, known.nonzero)
