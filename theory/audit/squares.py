r"""Roots compared by their squares: p = q if neither is negative and p^2 = q^2; p >= q if p >= 0 and p^2 >= q^2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sympy as sp


@dataclass(frozen=True)
class Tools:
    """What is known: the symbols of roots, how a polynomial is reduced by what is known to be zero, and how one is
    shown not to be negative (positive if strict), in words."""

    roots: tuple[sp.Symbol, ...]
    reduced: Callable[[sp.Expr], sp.Expr]
    signed: Callable[[sp.Expr, bool], str | None]


def equal_squares(tools: Tools, difference: sp.Expr) -> bool:
    """Whether a difference p - q is shown to be zero by p^2 = q^2."""
    for p, q in _splits(tools, difference):
        if tools.reduced(sp.expand(p**2 - q**2)) != 0:
            continue
        for sign in (1, -1):
            if all(side == 0 or tools.signed(sp.expand(sign * side), False) is not None for side in (p, q)):
                return True
    return False


def by_squares(tools: Tools, slack: sp.Expr, strict: bool, depth: int = 2) -> str | None:
    """Why p - q is not negative (positive if strict), by p^2 - q^2; None where that is not shown."""
    for p, q in _splits(tools, slack):
        if p == 0 or q == 0 or tools.signed(p, False) is None:
            continue
        squares = tools.reduced(sp.expand(p**2 - q**2))
        if squares == 0 and not strict:
            return f"{p} is not negative, and its square is that of {q}"
        why = None if squares == 0 else tools.signed(squares, strict)
        if why is not None:
            return f"{p} is not negative, and its square less that of {q} is {why}, no part of which is negative"
        inner = None if squares == 0 or depth == 1 else by_squares(tools, squares, strict, depth - 1)
        if inner is not None:
            return f"{p} is not negative, and neither is its square less that of {q}: {inner}"
    return None


def _splits(tools: Tools, difference: sp.Expr) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    """The difference as p - q: terms with roots and those without; positive and negative terms."""
    terms = sp.Add.make_args(sp.expand(difference))
    with_roots = [t for t in terms if tools.roots and t.has(*tools.roots)]
    for parts in (with_roots, [t for t in terms if t.as_coeff_Mul()[0] > 0]):
        p = sp.Add(*parts)
        yield p, sp.expand(p - difference)
