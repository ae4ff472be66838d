"""Which givens a claim needs: a search. Whatever it finds, what is inserted is derived by rules and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sympy as sp

from bnverify.theory.algebra.channel_sum import ChannelSum, distribute
from bnverify.theory.algebra.vectors import Atom, Image, Inner, Vector
from bnverify.theory.proof.givens import CONSTANT, Given
from bnverify.theory.proof.insertion import UNCHANGED, Insertion
from bnverify.theory.proof.quantities import epsilon

PREREQUISITES = {"rho": epsilon, **UNCHANGED}


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
