r"""A formula for symbolic m: scalars as SymPy expressions, vectors in the algebra of inner products.

Roots become symbols t >= 0 with t^2 known, so that everything is rational in its symbols; what has to be true for the
formula to have a value (radicands, arguments of logarithms) is collected as known signs. What this reading cannot
express (entries, entrywise products, the larger of two) is `Inexpressible`, and only the search speaks of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy as sp

from bnverify.theory.algebra.derivative import gradient
from bnverify.theory.algebra.vectors import ONE, Inner, Vector, m, single_atom, substitute
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
        self.declared = symbols, vectors
        self.vectors: dict[str, Vector] = {name: Vector.atom(f"{PREFIX}{i}") for i, name in enumerate(vectors)}
        self.atoms = dict(self.vectors)
        self.known = Known()
        self.roots: dict[sp.Symbol, sp.Expr] = {}
        self.solved: list[tuple[dict, dict]] = []  # what the premises were solved for, in their order
        self.shown: Callable[[sp.Expr], bool] = lambda expression: False  # how a sign is shown that is not plain

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
        vector = self.atoms[str(at.value)]
        own = self if not self.solved else Reading(*self.declared)  # a name that a premise solves for is held fixed
        slope = gradient(own.spelled(own.of(function), vector), vector).map(own.hidden)
        return slope if own is self else self._taken_over(own, slope)

    def _taken_over(self, own: Reading, vector: Vector) -> Vector:
        """A vector of another reading of the same names, in which no premise is used, and what that reading knows."""
        dummies = {symbol: sp.Dummy() for symbol in own.roots}
        table: dict[sp.Dummy, sp.Expr] = {}

        def here(expression: sp.Expr) -> sp.Expr:
            return self.inserted(expression.xreplace(dummies)).xreplace(table)

        for symbol, square in own.roots.items():
            table[dummies[symbol]] = self.root(here(square))
        for expressions, strict in ((own.known.nonnegative, False), (own.known.positive, True)):
            for expression in expressions:
                self.known.assume(here(expression), strict)
        return self.inserted(vector.map(lambda c: c.xreplace(dummies))).map(lambda c: c.xreplace(table))

    def inserted(self, expression: Any) -> Any:
        """With every name that a premise was solved for replaced, in the order of the premises."""
        for scalars, vectors in self.solved:
            expression = self.replace(expression, scalars, vectors)
        return expression

    def _moving(self, at: Vector) -> list[sp.Symbol]:
        """The symbols of roots that change with a vector, the oldest first."""
        moving: list[sp.Symbol] = []
        for symbol, square in self.roots.items():
            if square.free_symbols & {single_atom(at), *moving}:
                moving.append(symbol)
        return moving

    def root(self, x: sp.Expr) -> sp.Expr:
        """The root of x >= 0 as known factors times a symbol whose square is known.

        A factor of x that may vanish comes before the root only where the rest is not negative anyway: the root of
        a^2 b has a value at a = 0 for every b.
        """
        self.known.assume(x, strict=False)
        numerator, denominator = sp.fraction(sp.together(sp.expand(x)))
        outside, inside = sp.Integer(1), sp.Integer(1)
        vanishing: list[tuple[sp.Expr, int]] = []
        for part, direction in ((numerator, 1), (denominator, -1)):
            number, factors = sp.factor_list(sp.expand(part))
            whole, rest = sp.sqrt(abs(number)).as_coeff_Mul()
            outside, inside = outside * whole**direction, inside * (sp.sign(number) * rest**2) ** direction
            for factor, times in factors:
                if times == 1 and not factor.is_nonnegative:
                    inside *= factor**direction
                elif direction == -1 or self._nonzero(factor):
                    taken, left = self._taken(factor, times)
                    outside, inside = outside * taken**direction, inside * left**direction
                else:
                    vanishing.append((factor, times))
        free = not vanishing or self._shown(
            sp.Mul(inside, *(f for f, n in vanishing if n % 2 and not f.is_nonnegative))
        )
        for factor, times in vanishing:
            taken, left = self._taken(factor, times) if free else (sp.Integer(1), factor**times)
            outside, inside = outside * taken, inside * left
        inside = sp.expand(inside) if sp.fraction(inside)[1] == 1 else sp.together(inside)
        if inside.is_Rational:
            return outside * sp.sqrt(inside) if sp.sqrt(inside).is_Rational else outside * self._symbol_of(inside)
        return outside * self._symbol_of(inside)

    def _taken(self, factor: sp.Expr, times: int) -> tuple[sp.Expr, sp.Expr]:
        """The root of a power of a factor, and what stays below it: |f|^k, and f where the power is odd."""
        half, odd = divmod(times, 2)
        taken = self._absolute(factor, half) ** half
        if odd and factor.is_nonnegative:  # as SymPy splits them: one root for each
            return taken * self._symbol_of(factor), sp.Integer(1)
        return taken, factor**odd

    def _nonzero(self, factor: sp.Expr) -> bool:
        known = [sp.expand(e) for e in (*self.known.positive, *self.known.nonzero)]
        return factor.is_nonzero is True or factor in known or sp.expand(-factor) in known

    def _shown(self, expression: sp.Expr) -> bool:
        """Whether an expression is not negative where what is known holds."""
        if expression.is_nonnegative or expression.is_number:
            return bool(expression.is_nonnegative)
        polynomial = self.numerator(expression)
        return any(sp.expand(polynomial - e) == 0 for e in self.known.nonnegative) or self.shown(polynomial)

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

    def spelled(self, expression: sp.Expr, at: Vector) -> sp.Expr:
        """With the symbols of roots that change with a vector replaced by roots, the newest first."""
        for symbol in reversed(self._moving(at)):
            expression = expression.xreplace({symbol: sp.sqrt(self.roots[symbol])})
        return expression

    def hidden(self, expression: sp.Expr) -> sp.Expr:
        """With roots, also those SymPy made of them, and signs replaced by symbols of roots."""
        return expression.replace(
            lambda e: (e.is_Pow and e.exp.is_Rational and e.exp.q == 2) or isinstance(e, (sp.Abs, sp.sign)),
            self._hidden,
        )

    def _hidden(self, e: sp.Expr) -> sp.Expr:
        if e.is_Pow:
            return self.root(self.hidden(e.base)) ** int(2 * e.exp)
        argument = self.hidden(e.args[0])
        size = self.root(argument**2)
        return size if isinstance(e, sp.Abs) else argument / size

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

    def written(self, expression: object) -> str:
        """An expression as the user wrote its names."""
        names = self.declared[1]
        return re.sub(rf"\b{PREFIX}(\d+)\b", lambda found: names[int(found[1])], str(expression))

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
    reading.solved.append((scalars, vectors))

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
