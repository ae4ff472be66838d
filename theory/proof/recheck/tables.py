"""The tables of a document: names, vectors and inner products, and what is established so far, inserted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sympy as sp

from .reading import MOST_IN_A_RING, SIGNS, Refused, Sum, Vec, atom, bounded, expand, name, pair, parse, unique
from .rules import ONE, is_root

FORMAT = "bnverify proof 2"
FIELDS = {
    "format", "key", "title", "remark", "chapter", "source", "about", "statement", "symbols", "vectors", "operators",
    "inner_products", "sums_over_channels", "functions", "same_for_all_channels", "normalizer", "hypotheses", "steps",
    "facts", "definitions", "scalars", "relations", "nonzero", "conclusion", "certificate", "example",
}  # fmt: skip


class Tables:
    """Names, vectors and inner products; what is established so far is inserted with `insert`."""

    def __init__(self, document: Mapping[str, Any]):
        if not isinstance(document, Mapping) or set(document) != FIELDS:
            raise Refused(f"got the fields {sorted(map(str, set(document) ^ FIELDS))}, missing or unknown")
        if document["format"] != FORMAT:
            raise Refused(f"got the format {document['format']!r}; expected {FORMAT!r}")
        d = self.document = document
        tables = ("symbols", "vectors", "operators", "inner_products", "sums_over_channels", "functions")
        unique(d[table] for table in tables)
        self.signs: dict[str, str] = dict(d["symbols"])
        if not set(self.signs.values()) <= set(SIGNS) or self.signs.get("m") != "positive integer":
            raise Refused("a symbol has no known sign, or m is not declared as a positive integer")
        self.names: dict[str, sp.Expr] = {n: sp.Symbol(n, **SIGNS[sign]) for n, sign in self.signs.items()}
        self.operators = {
            n: one_of(o["is"], "self-adjoint", "positive semidefinite") for n, o in d["operators"].items()
        }
        self.entrywise = {"1"} | {n for n, v in d["vectors"].items()
                                  if one_of(v["entries"], "any", "nonnegative") == "nonnegative"}  # fmt: skip
        self.products: dict[sp.Symbol, tuple[str, str]] = {}
        self.spaces = {n: name(v["space"].replace("*", "_")) for n, v in d["vectors"].items()} | {"1": "m"}
        self.weights: dict[str, int] = {}
        self.vectors: dict[str, Vec] = {}
        self.scalars: dict[sp.Expr, sp.Expr] = {}
        self.relations: dict[sp.Expr, sp.Expr] = {}
        self.facts: dict[sp.Symbol, sp.Expr] = {}
        self.facts[self.symbol("1", "1")] = self.names["m"]
        for n, words in d["inner_products"].items():
            symbol = self.symbol(*pair(words))
            if symbol in self.names.values():
                raise Refused(f"the inner product {words} has two names")
            self.names[n] = symbol
        if d["functions"]:
            raise Refused("functions are not known; expected + - * / ** and sqrt")
        self.constants = {self.names[n] for n in d["same_for_all_channels"]}
        for n, body in d["sums_over_channels"].items():
            self.names[n] = Sum(self.read(body))

    def read(self, text: str) -> sp.Expr:
        return parse(text, self.names, self.weights)

    def vector(self, coefficients: Mapping[str, str]) -> Vec:
        if not isinstance(coefficients, Mapping):
            raise Refused("expected a vector")
        for word in coefficients:
            self.known(word)
        return {word: self.read(text) for word, text in coefficients.items()}

    def known(self, word: str) -> str:
        """The plain vector of an atom, refused if it or an operator of it is not declared."""
        *operators, plain = atom(word)
        if plain not in self.spaces or not set(operators) <= set(self.operators):
            raise Refused(f"the vector {word!r} or an operator of it is not declared")
        return plain

    def symbol(self, a: str, b: str) -> sp.Symbol:
        """<a, b> as one symbol however it is written: symmetric, and every operator moves to the other side."""
        if self.spaces[self.known(a)] != self.spaces[self.known(b)]:
            raise Refused(f"<{a}, {b}> is of vectors of two spaces")
        *outer, x = a.split(" ")
        *inner, y = b.split(" ")
        word = (*reversed(outer), *inner)
        first, operators, last = min((x, word, y), (y, word[::-1], x))
        symbol = sp.Symbol(f"<{first}, {' '.join((*operators, last))}>", real=True)
        self.products.setdefault(symbol, (first, " ".join((*operators, last))))
        return symbol

    def product(self, a: str, b: str) -> sp.Expr:
        symbol = self.symbol(a, b)
        return self.facts.get(symbol, symbol)

    def dot(self, u: Vec, w: Vec) -> sp.Expr:
        return sp.Add(*(c * d * self.product(a, b) for a, c in u.items() for b, d in w.items()))

    def image(self, word: str) -> Vec:
        """An atom with what is established inserted, also below operators."""
        if word in self.vectors:
            return self.vectors[word]
        operator, _, rest = word.partition(" ")
        if not rest:
            return {word: ONE}
        return {f"{operator} {inside}": c for inside, c in self.image(rest).items()}

    def insert(self, expression: sp.Expr) -> sp.Expr:
        """Everything established, inserted until nothing changes."""
        for _ in range(len(self.scalars) + len(self.vectors) + len(self.relations) + 3):
            before = expression
            scalar = expression.xreplace(self.scalars)
            present = scalar.free_symbols & set(self.products)
            expression = scalar.xreplace({p: self.dot(*map(self.image, self.products[p])) for p in present})
            if self.relations:
                expression = expand(self.spread(expression)).xreplace(self.relations)
            if expression == before:
                return self.spread(expression)
        raise Refused("what is established refers to itself in a circle")

    def spread(self, expression: sp.Expr) -> sp.Expr:
        """Linearity of the sum over channels: one sum a term, what does not depend on the channel in front."""
        if not expression.has(Sum):
            return expression

        def linear(body: sp.Expr) -> sp.Expr:
            parts = (term.as_independent(*(term.free_symbols - self.constants), as_Add=False)
                     for term in sp.Add.make_args(expand(body)))  # fmt: skip
            return sp.Add(*(outside * Sum(inside) for outside, inside in parts if inside != 0))

        return expand(expand(expression).replace(Sum, linear))

    def same(self, left: sp.Expr, right: sp.Expr) -> bool:
        """Whether left - right vanishes identically, as a rational function of symbols and roots."""
        return vanishes(self.spread(left - right))


@lru_cache(maxsize=4096)
def vanishes(e: sp.Expr) -> bool:
    """Whether an expression is 0 identically; kept, as every step meets what the steps before it met."""
    tidy = bounded(e, MOST_IN_A_RING).replace(is_root, lambda e: sp.factor(sp.expand(sp.cancel(e.base))) ** e.exp)
    numerator, denominator = sp.fraction(sp.together(tidy))
    return is_zero(numerator) and not is_zero(denominator)


def is_zero(e: sp.Expr) -> bool:
    """Whether an expression is 0 when multiplied out: in a ring of polynomials, or by expansion where it has roots,
    which takes many times as long."""
    symbols = sorted(e.free_symbols, key=str)
    if not symbols or not e.is_polynomial(*symbols) or e.atoms(sp.Function):
        return expand(e) == 0
    bounded(e, MOST_IN_A_RING)
    ring, *_ = sp.ring(symbols, sp.QQ)
    return not ring.from_expr(e)


def one_of(value: Any, *known: str) -> str:
    """A value that has to be one of the known ones."""
    if value not in known:
        raise Refused(f"got {str(value)[:40]!r}; expected one of {', '.join(known)}")
    return value
