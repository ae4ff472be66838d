r"""Small exact numbers for the names of a formula, smallest first.

A level bounds the numerators and denominators. Hypotheses that are equations are solved for a scalar, so that the
search stays where they hold: for its one value where they are affine in it, else for every value of the level at which
they hold. x (x - 1) = 0 has two, and x y = 0 where x is 0 has all: a claim that holds on one branch may fail on
another. Where there are too many points, a fixed sample of them is taken.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement, product
from math import comb, prod
from typing import Any

from bnverify.theory.audit.evaluation import RATIONAL, NotRational, Unclear, Undefined, evaluate
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.language import Relation, add, negative

LEVELS = (1, 2, 3, 5, 10)


@dataclass(frozen=True)
class Point:
    """Values of all names at one size."""

    size: int
    values: dict[str, Any]

    def __str__(self) -> str:
        parts = [f"{name} = {_written(value)}" for name, value in self.values.items()]
        if not any(isinstance(value, tuple) for value in self.values.values()):
            return ", ".join(parts) + (f", m = {self.size}" if parts else f"m = {self.size}")
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Numbers as "p/q", vectors as lists of them."""
        return {"m": self.size} | {
            name: list(map(str, value)) if isinstance(value, tuple) else str(value)
            for name, value in self.values.items()
        }


def _written(value: Any) -> str:
    return "(" + ", ".join(map(str, value)) + ")" if isinstance(value, tuple) else str(value)


def point(**values: Any) -> Point:
    """Values by name: numbers or texts such as "1/3"; tuples for vectors."""
    exact = {
        name: tuple(map(Fraction, value)) if isinstance(value, tuple) else Fraction(value)
        for name, value in values.items() if name != "m"
    }  # fmt: skip
    sizes = {len(value) for value in exact.values() if isinstance(value, tuple)} or {int(values.get("m", 1))}
    return Point(sizes.pop(), exact)


def points(formula: Formula, level: int, size: int, most: int) -> Iterator[Point]:
    """The points of one level and size that are new at this level, at most so many."""
    plan = solved_by(formula)
    free = [name for name in formula.names if name not in plan]
    vectors = [name for name in free if name not in formula.facts]
    pools: list[Sequence[Any]] = [
        _numbers(level, formula.facts[name]) if name in formula.facts
        else _Vectors(level, size, sort=not formula.ordered and name == vectors[0])
        for name in free
    ]  # fmt: skip
    smaller = next((k for k in reversed(LEVELS) if k < level), 0)
    for chosen in _choose(pools, most):
        values = dict(zip(free, chosen, strict=True))
        for whole, tried in _completions(formula, plan, values, size, level):
            if smaller and values and all(_level(whole[name]) <= smaller for name in (*free, *tried)):
                continue
            yield Point(size, {name: whole[name] for name in formula.names})


def simpler(formula: Formula, point: Point) -> Iterator[Point]:
    """The points in which one number is replaced by a simpler one: 0, 1, -1, ... and smaller fractions."""
    plan = solved_by(formula)
    for name in formula.names:
        if name in plan:
            continue
        value = point.values[name]
        for place, entry in enumerate(value if isinstance(value, tuple) else (value,)):
            for other in _numbers(_level(entry), {}):
                if other == entry:
                    break
                new = (*value[:place], other, *value[place + 1 :]) if isinstance(value, tuple) else other
                values = {**point.values, name: new}
                for whole, _ in _completions(formula, plan, values, point.size, _level(entry)):
                    yield Point(point.size, whole)


def solved_by(formula: Formula) -> dict[str, Relation]:
    """Which equation among the hypotheses each dependent name is computed from, in the order of computation."""
    plan: dict[str, Relation] = {}
    used: set[str] = set()
    for premise in formula.premises:
        if premise.op != "==":
            continue
        names = premise.names()
        candidates = [n for n in reversed(formula.names) if n in names and n not in used and n not in plan]
        if premise.vector:
            bare = {s.value: o for s, o in ((premise.left, premise.right), (premise.right, premise.left))
                    if s.op == "vector"}  # fmt: skip
            candidates = [n for n in candidates if n in bare and n not in bare[n].names()]
        else:
            candidates = [n for n in candidates if n in formula.facts]
        if candidates:
            plan[candidates[0]] = premise
            used |= names
    return plan


def _completions(
    formula: Formula, plan: dict[str, Relation], values: dict[str, Any], size: int, level: int
) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """The values with those that the hypotheses leave for the other names, and which of these were tried of several."""
    waiting = [name for name in plan if name not in values]
    if not waiting:
        yield values, ()
        return
    name, premise = waiting[0], plan[waiting[0]]
    found, several = _solutions(name, premise, formula.facts.get(name, {}), values, size, level)
    for value in found:
        for whole, tried in _completions(formula, plan, {**values, name: value}, size, level):
            yield whole, ((name, *tried) if several else tried)


def _solutions(
    name: str, premise: Relation, facts: dict[str, bool], values: dict[str, Any], size: int, level: int
) -> tuple[list[Any], bool]:
    """What an equation leaves for a name where the other values are given; and whether they were tried one by one."""
    if premise.vector:
        bare = premise.left.op == "vector" and premise.left.value == name
        try:
            return [evaluate(premise.right if bare else premise.left, values, size, RATIONAL)], False
        except (Undefined, NotRational, Unclear, ZeroDivisionError):
            return [], False
    difference = add(premise.left, negative(premise.right))

    def at(x: Fraction) -> Fraction | None:
        try:
            return evaluate(difference, {**values, name: x}, size, RATIONAL)
        except (Undefined, NotRational, Unclear, ZeroDivisionError):
            return None

    at_1, at_2, at_3 = (at(Fraction(x)) for x in (1, 2, 3))
    if at_1 is not None and at_2 is not None and at_3 is not None and at_2 - at_1 == at_3 - at_2 != 0:
        value = 1 - at_1 / (at_2 - at_1)
        if at(value) == 0:
            return ([value] if _declared(value, facts) else []), False
    return [x for x in _numbers(level, facts) if at(x) == 0], True


def _declared(value: Fraction, facts: dict[str, bool]) -> bool:
    return not (
        ("positive" in facts and value <= 0) or ("nonnegative" in facts and value < 0)
        or ("negative" in facts and value >= 0) or ("nonzero" in facts and value == 0)
        or ("integer" in facts and value.denominator != 1)
    )  # fmt: skip


def admitted(formula: Formula, point: Point) -> bool:
    """Whether the values are what was declared of the names."""
    return all(_declared(point.values[name], facts) for name, facts in formula.facts.items())


def _numbers(level: int, facts: dict[str, bool]) -> list[Fraction]:
    deepest = min(level, 3)
    values = {Fraction(p, q) for q in range(1, deepest + 1) for p in range(-level, level + 1)}
    ordered = sorted(values, key=lambda x: (max(abs(x.numerator), x.denominator), abs(x), x < 0))
    return [x for x in ordered if _declared(x, facts)]


class _Vectors(Sequence):
    """All vectors of a size with whole entries up to a level, without listing them."""

    def __init__(self, level: int, size: int, sort: bool):
        bound = min(level, 3 if size > 2 else 5)
        self.entries = sorted(map(Fraction, range(-bound, bound + 1)), key=lambda x: (abs(x), x < 0))
        self.size, self.sort = size, sort

    def __len__(self) -> int:
        n = len(self.entries)
        return comb(n + self.size - 1, self.size) if self.sort else n**self.size

    def __iter__(self) -> Iterator[tuple[Fraction, ...]]:
        if self.sort:
            return combinations_with_replacement(self.entries, self.size)
        return product(self.entries, repeat=self.size)

    def __getitem__(self, index):
        raise NotImplementedError

    def draw(self, source: random.Random) -> tuple[Fraction, ...]:
        return tuple(source.choice(self.entries) for _ in range(self.size))


def _choose(pools: list[Sequence[Any]], most: int) -> Iterator[tuple[Any, ...]]:
    if prod(len(pool) for pool in pools) <= most:
        yield from product(*pools)
        return
    source = random.Random(0)
    for _ in range(most):
        yield tuple(
            pool.draw(source) if isinstance(pool, _Vectors) else source.choice(pool) for pool in pools
        )  # fmt: skip


def _level(value: Any) -> int:
    parts = value if isinstance(value, tuple) else (value,)
    return max(max(abs(x.numerator), x.denominator) for x in parts)
