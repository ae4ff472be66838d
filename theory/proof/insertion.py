"""Which givens a claim needs, and how they are inserted into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from bnverify.theory.algebra.vectors import Atom, Image, Inner, Vector, substitute
from bnverify.theory.proof.givens import CONSTANT, Given, tidy_roots
from bnverify.theory.proof.quantities import (
    YHAT_REGROWN,
    YHAT_SCALED,
    YHAT_SHIFTED,
    ChannelSum,
    distribute,
    epsilon,
)


def subjects_in(expression: Any) -> set[Any]:
    """Atoms, inner products, symbols, powers and sums a given could be about."""
    parts = [*expression.terms.values()] if isinstance(expression, Vector) else [sp.sympify(expression)]
    found: set[Any] = set(expression.terms) if isinstance(expression, Vector) else set()
    for part in parts:
        found |= part.atoms(sp.Symbol, Inner, ChannelSum, sp.Pow)
    for atom in [a for a in found if isinstance(a, Atom)]:
        while isinstance(atom, Image):
            atom = atom.preimage
            found.add(atom)
    return found


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
PREREQUISITES = {"rho": epsilon, **UNCHANGED}


def collect(parts: Iterable[Any], table: dict[Any, Callable[[], Given]], keep: Iterable[Any] = ()) -> Insertion:
    """The givens that some expressions need, and those that these need in turn."""
    parts = list(parts)
    found: dict[Any, Given] = {}
    todo, seen = list(parts), set()
    while todo:
        expression = todo.pop(0)
        spread = expression if isinstance(expression, Vector) else distribute(sp.sympify(expression), CONSTANT)
        for subject in sorted(subjects_in(expression) | subjects_in(spread), key=sp.default_sort_key):
            if subject in seen or subject in keep:
                continue
            seen.add(subject)
            if subject in table:
                given = table[subject]()
                found[subject] = given
                todo.append(given.value)
                if given.rule in PREREQUISITES:
                    todo.append(PREREQUISITES[given.rule])
        if not todo:  # facts and products show what else is needed only when everything so far is inserted
            so_far = Insertion(tuple(found.values()))
            inserted = [part.map(so_far) if isinstance(part, Vector) else so_far(part) for part in parts]
            todo = [part for part in inserted if (subjects_in(part) & set(table)) - seen - set(keep)]
    return Insertion(tuple(found.values()))
