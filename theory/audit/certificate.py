r"""A polynomial that cannot be negative, shown by writing it as a sum of products of things that cannot.

A linear programme proposes the coefficients in floating point; they are then solved for in rational numbers, and the
sum is expanded and compared: only that comparison counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement

import sympy as sp
from sympy.polys.polyerrors import CoercionFailed
from sympy.polys.rings import PolyElement, PolyRing, ring

MOST_TERMS = 3000


@dataclass(frozen=True)
class Part:
    """A product of factors none of which is negative; ``strict`` if all of them are positive."""

    factors: tuple[sp.Expr, ...]
    strict: bool

    @property
    def value(self) -> sp.Expr:
        return sp.expand(sp.Mul(*self.factors))

    def __str__(self) -> str:
        return "*".join(str(f) if f.is_Atom or f.is_Pow else f"({f})" for f in self.factors) or "1"


@dataclass(frozen=True)
class Sum:
    """A sum of parts with positive rational coefficients."""

    terms: tuple[tuple[sp.Rational, Part], ...]

    @property
    def value(self) -> sp.Expr:
        return sp.expand(sp.Add(*(c * part.value for c, part in self.terms)))

    @property
    def strict(self) -> bool:
        return any(part.strict for _, part in self.terms)

    def __str__(self) -> str:
        return " + ".join(f"{c}*{part}" if c != 1 else str(part) for c, part in self.terms) or "0"


def certificate(polynomial: sp.Expr, nonnegative: list[sp.Expr], positive: list[sp.Expr], strict: bool) -> Sum | None:
    """The polynomial as a sum of non-negative parts, None where none is found. ``strict``: one part is positive."""
    polynomial = sp.expand(polynomial)
    if polynomial == 0:
        return None if strict else Sum(())
    if polynomial.is_number:
        return Sum(((polynomial, Part((), True)),)) if polynomial.is_positive else None
    polynomials = ring(sorted(polynomial.free_symbols, key=str), sp.QQ)[0]
    goal = _element(polynomials, polynomial)
    if goal is None:
        return None
    parts = _parts(polynomials, nonnegative, positive, goal)
    found = _solve(goal, parts, strict)
    if found is None or (strict and not found.strict) or sp.expand(found.value - polynomial) != 0:
        return None
    return found


def _parts(
    polynomials: PolyRing, nonnegative: list[sp.Expr], positive: list[sp.Expr], goal: PolyElement
) -> list[tuple[Part, PolyElement]]:
    """Products of known signs, each with its polynomial, none of a degree above the goal's."""
    degree = _degree(goal)
    gens = [sp.sympify(g) for g in polynomials.symbols]
    signed = [(e, True) for e in positive] + [(e, False) for e in nonnegative]
    signed += [(g, True) for g in gens if g.is_positive] + [(g, False) for g in gens if g.is_nonnegative]
    signed += [(-g, True) for g in gens if g.is_negative] + [(g**2, True) for g in gens if g.is_zero is False]
    signed += [(g - 1, False) for g in gens if g.is_integer and g.is_positive]
    unique: dict[sp.Expr, tuple[Part, PolyElement]] = {}
    for expression, strict in reversed(signed):
        element = _element(polynomials, expression)
        if element is not None and _degree(element) <= degree:
            unique[sp.expand(expression)] = (Part((sp.expand(expression),), strict), element)
    base = [(Part((), True), polynomials.one), *unique.values()]
    for size in (2, 3, 4):
        groups = list(combinations_with_replacement(unique.values(), size))
        if len(groups) > MOST_TERMS:
            break
        base += [product for product in map(_product, groups) if _degree(product[1]) <= degree]
    roots = [g for g in gens if not g.is_nonnegative]
    roots += [p + sign * q for p, q in combinations(gens, 2) for sign in (1, -1)]
    products = [p * q for p, q in combinations_with_replacement(gens, 2)] if degree >= 4 else []
    crossing = [(p, q) for p, q in combinations(products, 2) if _monomial(polynomials, p * q) in goal]
    roots += [p + sign * q for p, q in crossing for sign in (1, -1)]
    squares = [(Part((root**2,), False), polynomials.from_expr(root) ** 2) for root in roots]
    several = base[: 1 + len(unique)]
    multiples = [
        _product((part, square))
        for square in squares
        for part in several
        if _degree(square[1]) + _degree(part[1]) <= degree
    ][: 2 * MOST_TERMS]
    return [(part, e) for part, e in (*base, *multiples) if _degree(e) <= degree]


def _monomial(polynomials: PolyRing, product: sp.Expr) -> tuple[int, ...]:
    return next(iter(polynomials.from_expr(product)))


def _degree(element: PolyElement) -> int:
    return max((sum(monomial) for monomial in element), default=0)


def _product(factors: tuple[tuple[Part, PolyElement], ...]) -> tuple[Part, PolyElement]:
    element = factors[0][1]
    for _, other in factors[1:]:
        element = element * other
    parts = [part for part, _ in factors]
    return Part(tuple(f for part in parts for f in part.factors), all(part.strict for part in parts)), element


def _element(polynomials: PolyRing, expression: sp.Expr) -> PolyElement | None:
    """The expression in the ring, None where it is no polynomial in the ring's generators."""
    try:
        return polynomials.from_expr(sp.expand(expression))
    except (ValueError, CoercionFailed):
        return None


def _solve(goal: PolyElement, parts: list[tuple[Part, PolyElement]], strict: bool) -> Sum | None:
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix

    rows = {monomial: i for i, monomial in enumerate(sorted(set(goal).union(*(e for _, e in parts))))}
    entries = [(rows[mono], k, float(c)) for k, (_, e) in enumerate(parts) for mono, c in e.items()]
    i, k, c = zip(*entries, strict=True)
    matrix = csr_matrix((c, (i, k)), shape=(len(rows), len(parts)))
    right = np.zeros(len(rows))
    for monomial, value in goal.items():
        right[rows[monomial]] = float(value)
    cost = np.array([len(part.factors) - (1000.0 if strict and part.strict else 0.0) for part, _ in parts])
    result = linprog(cost, A_eq=matrix, b_eq=right, bounds=(0, None), method="highs")
    if result.status == 3:
        result = linprog(np.ones(len(parts)), A_eq=matrix, b_eq=right, bounds=(0, None), method="highs")
    if result.x is None:
        return None
    return _rational(goal, [pair for pair, x in zip(parts, result.x, strict=True) if x > 1e-9])


def _rational(goal: PolyElement, parts: list[tuple[Part, PolyElement]]) -> Sum | None:
    """Exact coefficients for the parts that floating point chose."""
    unknowns = sp.symbols(f"c0:{len(parts)}")
    rows = set(goal).union(*(e for _, e in parts))
    equations = [
        sp.Add(*(x * sp.Rational(str(e.get(monomial, 0))) for x, (_, e) in zip(unknowns, parts, strict=True)))
        - sp.Rational(str(goal.get(monomial, 0)))
        for monomial in rows
    ]
    for solution in sp.linsolve(equations, *unknowns) if unknowns else ():
        values = [v.subs(dict.fromkeys(unknowns, 0)) for v in solution]
        if all(v.is_Rational and v >= 0 for v in values):
            return Sum(tuple((v, part) for v, (part, _) in zip(values, parts, strict=True) if v))
    return None
