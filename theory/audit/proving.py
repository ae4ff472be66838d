r"""Proofs of a formula for every m: an identity by normal form, an inequality by a certificate of its slack."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import sympy as sp
from sympy.polys.polyerrors import BasePolynomialError

from bnverify.theory.algebra.vectors import Inner, Vector, m
from bnverify.theory.audit.certificate import Sum, certificate
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.language import Relation
from bnverify.theory.audit.squares import Tools, by_squares, equal_squares
from bnverify.theory.audit.symbolic import Contradiction, Inexpressible, Reading, Valueless, use_equation


@dataclass(frozen=True)
class Shown:
    """What was shown, in words: ``kind`` is "identity" or "certificate"."""

    kind: str
    words: str


def prove(formula: Formula) -> Shown | None:
    """A proof of the claim from its hypotheses, None where none was found; `Contradiction` if they cannot all hold,
    `Valueless` if the claim has no value where they do."""
    try:
        return _prove(formula)
    except (Contradiction, Valueless):
        raise
    except (Inexpressible, BasePolynomialError, NotImplementedError, ArithmeticError, ValueError, RecursionError):
        return None  # outside the algebra, or of what SymPy can bring to a normal form


def _prove(formula: Formula) -> Shown | None:
    reading = Reading(formula.facts, tuple(n for n in formula.names if n not in formula.facts))
    reading.shown = lambda expression: _factored(reading, expression, False) is not None
    reading.known.assume(m - min(formula.sizes), strict=False)
    for premise in formula.premises:
        if premise.op == "==":
            use_equation(reading, premise)
    for premise in formula.premises:
        if premise.op in ("<=", ">=", "<", ">"):
            _use_inequality(reading, premise)
    for premise in formula.premises:
        if premise.op == "!=" and not premise.vector:
            with suppress(Inexpressible):  # no proof has to use it
                reading.known.nonzero.append(reading.numerator(reading.of(premise.left) - reading.of(premise.right)))
    _divide_out(reading)
    try:
        return _shown(reading, formula)
    except Contradiction as error:
        raise Valueless(str(error)) from None


def _divide_out(reading: Reading) -> None:
    """Equations p q = 0 in which q is not zero become p = 0."""
    equations, reading.known.zero = reading.known.zero, []
    nonzero = [sp.expand(sign * e) for e in reading.known.nonzero for sign in (1, -1)]
    for equation in equations:
        _, factors = sp.factor_list(equation)
        left = [
            factor for factor, _ in factors
            if factor.is_zero is not False and sp.expand(factor) not in nonzero
            and not (len(factors) > 1 and _has_a_sign(reading, factor))
        ]  # fmt: skip
        if not left:
            raise Contradiction(f"the premises imply {reading.written(equation)} = 0, and that it is not zero")
        reading.known.zero.append(sp.expand(sp.Mul(*left)))


def _has_a_sign(reading: Reading, factor: sp.Expr) -> bool:
    """Whether a factor is shown to be positive, or negative."""
    return any(_factored(reading, sp.expand(sign * factor), True) is not None for sign in (1, -1))


def _shown(reading: Reading, formula: Formula) -> Shown | None:
    left, right = reading.of(formula.relation.left), reading.of(formula.relation.right)
    if isinstance(left, Vector):
        tops = [reading.numerator(c) for c in (left - right).terms.values()]
    else:
        tops = [reading.numerator(left - right)]
    if formula.relation.op == "==":
        return _identity(reading, tops)
    return _inequality(reading, formula.relation, left, right, tops[0])


def _identity(reading: Reading, tops: list[sp.Expr]) -> Shown | None:
    if all(top == 0 for top in tops):
        return Shown("identity", "both sides have one normal form, for every m")
    reduced = [_modulo(reading, top) for top in tops]
    if all(top == 0 for top in reduced):
        return Shown("identity", f"the difference is a combination of what the hypotheses make zero: {_used(reading)}")
    tools = _tools(reading)
    if all(top == 0 or equal_squares(tools, top) for top in reduced):
        used = f", which follow from {_used(reading)}" if reading.known.zero else ""
        return Shown("identity", f"neither side is negative, and their squares are equal{used}")
    return None


def _used(reading: Reading) -> str:
    return ", ".join(f"{reading.written(z)} = 0" for z in reading.known.zero)


def _tools(reading: Reading) -> Tools:
    return Tools(
        tuple(reading.roots), lambda e: _modulo(reading, reading.numerator(e)),
        lambda e, strict: None if (found := _factored(reading, e, strict)) is None else reading.written(found),
    )  # fmt: skip


def _modulo(reading: Reading, top: sp.Expr) -> sp.Expr:
    """The remainder after division by the equations that could not be solved for a name."""
    equations = list(reading.known.zero)
    if not equations or top == 0:
        return top
    for symbol, square in reading.roots.items():
        above, below = sp.fraction(sp.together(square))
        equations.append(sp.expand(symbol**2 * below - above))
    names = {g: sp.Dummy() for e in (*equations, top) for g in (*e.atoms(Inner), *_free(e))}
    plain = [e.xreplace(names) for e in equations]
    gens = sorted(set().union(*(e.free_symbols for e in plain), top.xreplace(names).free_symbols), key=str)
    basis = sp.groebner(plain, *gens, order="grevlex")
    if basis.exprs == [1]:
        raise Contradiction("the hypotheses that are equations have no common solution")
    remainder = basis.reduce(top.xreplace(names))[1]
    return remainder.xreplace({dummy: name for name, dummy in names.items()})


def _free(expression: sp.Expr) -> set[sp.Symbol]:
    hidden = {s for product in expression.atoms(Inner) for s in product.free_symbols}
    return expression.free_symbols - hidden


def _use_inequality(reading: Reading, premise: Relation) -> None:
    left, right = reading.of(premise.left), reading.of(premise.right)
    slack = right - left if premise.op in ("<=", "<") else left - right
    reading.known.assume(reading.numerator(slack), strict=premise.op in ("<", ">"))


def _inequality(reading: Reading, relation: Relation, left, right, top: sp.Expr) -> Shown | None:
    strict = relation.op in ("<", ">")
    slack = right - left if relation.op in ("<=", "<") else left - right
    if top == 0:
        return None if strict else Shown("identity", "both sides are equal, for every m")
    numerator, denominator = sp.fraction(sp.together(slack))
    sign = _sign(reading, denominator)
    goal = numerator * sign if sign else numerator * denominator
    goal = _modulo(reading, reading.numerator(sp.expand(goal)))
    found = _factored(reading, goal, strict)
    if found is None:
        squares = by_squares(_tools(reading), goal, strict)
        return (
            None
            if squares is None
            else Shown("certificate", f"of the slack, times what is positive, {reading.written(squares)}")
        )
    return Shown(
        "certificate", f"the slack, times what is positive, is {reading.written(found)}, no part of which is negative"
    )


def _sign(reading: Reading, expression: sp.Expr) -> int:
    """1 or -1 where the sign of a denominator is plain (it is never zero where the formula has a value)."""
    number, factors = sp.factor_list(sp.expand(expression))
    sign = 1 if number > 0 else -1
    for factor, times in factors:
        if times % 2 == 0 or factor.is_nonnegative or factor in reading.known.positive + reading.known.nonnegative:
            continue
        if factor.is_nonpositive or -factor in reading.known.positive:
            sign = -sign
        elif certificate(factor, *_signs(reading, factor), strict=False) is None:
            return 0
    return sign


def _signs(reading: Reading, goal: sp.Expr) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """Known signs: declared and assumed ones, squared norms, and the Gram determinants of pairs of vectors."""
    inner = goal.atoms(Inner)
    atoms = sorted({atom for product in inner for atom in product.args}, key=str)
    vectors = [Vector({atom: sp.Integer(1)}) for atom in atoms]
    grams = [v.squared for v in vectors]
    grams += [
        sp.expand(u.squared * v.squared - (u @ v) ** 2) for i, u in enumerate(vectors) for v in vectors[i + 1 :]
    ]  # fmt: skip
    nonnegative = [*reading.known.nonnegative, *grams]
    nonnegative += [symbol for symbol in reading.roots if goal.has(symbol)]
    positive = [reading.numerator(e) for e in reading.known.positive]
    return [reading.numerator(e) for e in nonnegative], positive


def _factored(reading: Reading, goal: sp.Expr, strict: bool) -> Sum | sp.Expr | None:
    """The goal as it stands, or factor by factor."""
    nonnegative, positive = _signs(reading, goal)
    names = {product: sp.Symbol(reading.written(product), real=True, nonnegative=product.is_nonnegative)
             for e in (goal, *nonnegative, *positive) for product in e.atoms(Inner)}  # fmt: skip

    squares = {square: symbol**2 for symbol, square in reading.roots.items() if square.is_Symbol}

    def plain(e: sp.Expr) -> sp.Expr:
        return sp.expand(e.xreplace(names).subs(squares))

    signs = [plain(e) for e in nonnegative], [plain(e) for e in positive]
    number, factors = sp.factor_list(plain(goal))
    if len(factors) > 1 or number < 0 or any(times > 1 for _, times in factors):
        sign = 1 if number > 0 else -1
        for factor, times in factors:
            known = 1 if times % 2 == 0 and not strict else _side(factor, signs, strict)
            if known == 0:
                return _multiplied(plain(goal), signs, strict)
            sign *= known**times
        return sp.Mul(number, *(factor**times for factor, times in factors)) if sign > 0 else None
    return _multiplied(plain(goal), signs, strict)


def _multiplied(goal: sp.Expr, signs: tuple[list[sp.Expr], list[sp.Expr]], strict: bool) -> Sum | None:
    """A certificate of the goal, or of m times it."""
    for factor in (sp.Integer(1), m):
        found = certificate(goal * factor, *signs, strict=strict)
        if found is not None:
            return found
    return None


def _side(factor: sp.Expr, signs: tuple[list[sp.Expr], list[sp.Expr]], strict: bool) -> int:
    """1 where a factor is shown not to be negative (positive if strict), -1 where its opposite is, else 0."""
    for sign in (1, -1):
        if _multiplied(sign * factor, signs, strict) is not None:
            return sign
    return 0
