"""Normal forms of a document's scalars, computed with SymPy and not trusted: what a proof is told to aim at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product as pairs

import sympy as sp

from bnverify.theory.certify.document import Document, word_of
from bnverify.theory.certify.expressions import Refused, parse, power, raised, rational
from bnverify.theory.certify.products import Products
from bnverify.theory.proof.recheck.reading import expand

Sum = sp.Function("Sum_over_channels", real=True)


@dataclass(frozen=True)
class Algebra:
    """Expressions in the symbols of a document and in the inner products of vectors that are not written out."""

    products: Products

    @property
    def doc(self) -> Document:
        return self.products.doc

    def symbol(self, name: str) -> sp.Symbol:
        sign = self.doc.signs.get(name, "positive integer" if name == "m" else "real")
        known = {"positive integer": {"positive": True}, "positive": {"positive": True}, "real": {"real": True}}
        return sp.Symbol(name, **known.get(sign, {"nonnegative": True}))

    @cached_property
    def relations(self) -> dict[sp.Expr, sp.Expr]:
        """Relations about one inner product, or a power of one."""
        table = {self.read(left): self.read(right) for left, right in self.doc.relations.items()}
        return {left: right for left, right in table.items() if not left.has(Sum) and not left.is_Add}

    def normal(self, text: str) -> sp.Expr:
        """Everything inserted, then relations."""
        return expand(self.read(text)).xreplace(self.relations)

    def read(self, text: str) -> sp.Expr:
        """Scalars and vectors that are written out inserted."""
        return self._read(parse(text))

    def _read(self, node: ast.expr) -> sp.Expr:
        match node:
            case ast.Constant(value=number):
                return sp.Integer(number)
            case ast.Name(id=name):
                return self._name(name)
            case ast.UnaryOp(operand=operand):
                return -self._read(operand)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                base, exponent = self._read(left), rational(right)
                if base.is_Rational:
                    raised(Fraction(base.p, base.q), exponent.numerator)
                return base ** sp.Rational(exponent)
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self._read(left), self._read(right)
                match op:
                    case ast.Add():
                        return a + b
                    case ast.Sub():
                        return a - b
                    case ast.Mult():
                        return a * b
                return a / b
            case ast.Call(args=[argument]):
                return sp.sqrt(self._read(argument))
        raise Refused("no formula")

    def _name(self, name: str) -> sp.Expr:
        doc = self.doc
        if name in doc.scalars:
            return self.read(doc.scalars[name])
        if name == "m" and doc.size is not None:
            return self.read(doc.size)
        if name in doc.sums:
            return Sum(self.read(doc.sums[name]))
        return self._product(*doc.products[name]) if name in doc.products else self.symbol(name)

    def _product(self, a: str, b: str) -> sp.Expr:
        word = word_of(a, b)
        known = self.products.facts.get(word) or self._known.get(word)
        if known is not None:
            return self.read(known)
        if not self.products.expandable(*self.products.writing[word]):
            return self._symbols[word]
        images = (self.doc.image(atom).items() for atom in self.products.writing[word])
        terms = (self._product(x, y) * self.read(c) * self.read(d) for (x, c), (y, d) in pairs(*images))
        return sp.Add(*terms)

    @cached_property
    def _known(self) -> dict:
        return {word_of(*self.doc.products[name]): self.doc.scalars[name] for name in self.products.known}

    @cached_property
    def _symbols(self) -> dict:
        return {word: sp.Symbol(f"<{', '.join(pair)}>", real=True) for word, pair in self.products.writing.items()}

    @cached_property
    def _written(self) -> dict[sp.Symbol, tuple[str, str]]:
        return {symbol: self.products.writing[word] for word, symbol in self._symbols.items()}

    def spread(self, name: str) -> list[tuple[sp.Expr, sp.Expr]]:
        """A sum over channels by linearity: what does not depend on the channel, times the sum of the rest."""
        body = expand(self.read(self.doc.sums[name]))
        terms: dict[sp.Expr, sp.Expr] = {}
        for term in sp.Add.make_args(body):
            if term != 0:
                outside, inside = term.as_independent(
                    *(s for s in term.free_symbols if self.of_channel(s)), as_Add=False
                )
                terms[inside] = terms.get(inside, sp.Integer(0)) + outside
        return [(outside, inside) for inside, outside in terms.items() if outside != 0]

    def of_channel(self, symbol: sp.Symbol) -> bool:
        write = self.products.statement
        if symbol in self._written:
            return any(map(write.varies, self._written[symbol]))
        return write.of_channel(symbol.name)

    def coq(self, expression: sp.Expr) -> str:
        """An expression in Coq."""
        write = self.products.statement
        match expression:
            case sp.Symbol():
                pair = self._written.get(expression)
                return write.product(pair) if pair else write.name(expression.name)
            case sp.Rational():
                number = str(abs(expression.p)) if expression.q == 1 else f"({abs(expression.p)} / {expression.q})"
                return f"(- {number})" if expression < 0 else number
            case sp.Pow(args=(base, exponent)) if exponent.is_Rational:
                return power(self.coq(base), Fraction(exponent.p, exponent.q))
            case sp.Mul():
                return f"({' * '.join(map(self.coq, expression.args))})"
            case sp.Add():
                return f"({' + '.join(map(self.coq, expression.args))})"
        raise Refused(f"got {expression!s:.80} in a normal form; expected a rational function and square roots")

    def atoms(self, expression: sp.Expr) -> Iterator[sp.Symbol]:
        yield from sorted(expression.free_symbols, key=lambda s: (s.name != "epsilon", s.name == "m", s.name))
