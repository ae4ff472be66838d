r"""Search for counterexamples: small integers first, then an optimiser whose result is rounded and confirmed exactly.

The order is fixed (size of the batch, then largest entry), so what is found first is the smallest in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, product
from math import ceil, isqrt
from typing import Any, TypeVar

from bnverify.theory.algebra.jet import NotRational, NotSmooth, root
from bnverify.theory.normalizers.normalizer import BATCH, Normalizer
from bnverify.theory.proof.example import Example, squared_scale_of

Found = TypeVar("Found")
Refutes = Callable[[Any], bool]
Row = tuple[Fraction, ...]


def first(candidates: Iterator[Found], refutes: Callable[[Found], bool]) -> Found | None:
    """The first candidate that refutes; points without rational scale or without a derivative are passed over."""
    for candidate in candidates:
        try:
            if refutes(candidate):
                return candidate
        except (NotRational, NotSmooth, ZeroDivisionError):
            continue
    return None


def _square(size: int, diagonal: Sequence[int]) -> tuple[tuple[Fraction, ...], ...]:
    return tuple(tuple(Fraction(diagonal[i] * (i == j)) for j in range(size)) for i in range(size))


def _epsilons(normalizer: Normalizer, y: tuple[Fraction, ...], positive: bool) -> Iterator[Fraction]:
    """Values of epsilon to try: zero, or one that makes s rational (it lifts s^2 to the next square of an integer)."""
    square = squared_scale_of(normalizer)
    if not positive:
        if square is None or is_square(square(y)):
            yield Fraction(0)
    elif square is None:
        yield Fraction(1)
    else:
        value = square(y)
        yield Fraction((isqrt(ceil(value)) + 1) ** 2) - value


def is_square(number: Fraction) -> bool:
    """Whether the root is rational."""
    try:
        root(number)
    except NotRational:
        return False
    return True


def examples(
    normalizer: Normalizer = BATCH, *, sizes: Sequence[int] = (2, 3, 4), bound: int = 2,
    gammas: Sequence[int] = (1,), epsilon: bool = False, hessians: Sequence[int] = (), tests: bool = False,
) -> Iterator[Example]:  # fmt: skip
    """Examples of small integers: y sorted and not constant (without loss of generality, as the order of a batch does
    not matter), g arbitrary; H among multiples of the identity; w among unit vectors if wanted."""
    for size in sizes:
        for largest in range(1, bound + 1):
            values = [Fraction(i) for i in sorted(range(-largest, largest + 1), key=lambda i: (abs(i), -i))]
            for y in combinations_with_replacement(values, size):
                if len(set(y)) == 1:
                    continue
                for eps in _epsilons(normalizer, y, epsilon):
                    for g in product(values, repeat=size):
                        if largest not in (*map(abs, y), *map(abs, g)) or not any(g):
                            continue
                        for gamma in gammas:
                            for multiple in hessians or (None,):
                                matrix = None if multiple is None else _square(size, [multiple] * size)
                                unit = tuple(Fraction(int(i == 0)) for i in range(size)) if tests else None
                                yield Example(
                                    y, g, gamma=Fraction(gamma), epsilon=eps, H=matrix, w=unit, x=unit,
                                    normalizer=normalizer,
                                )  # fmt: skip


def by_optimisation(
    margin: Callable[[Example], float], refutes: Refutes, normalizer: Normalizer, *, size: int = 4, starts: int = 5,
    seed: int = 0,
) -> Example | None:  # fmt: skip
    """Make ``margin`` (negative where refuted) small over real y and g, then round to ever finer rationals.

    epsilon is what makes s rational for the rounded y, and as small as the rounding allows.
    """
    import numpy as np
    from scipy.optimize import minimize

    source = np.random.default_rng(seed)

    def at(entries) -> Example:
        return Example(tuple(map(float, entries[:size])), tuple(map(float, entries[size:])), normalizer=normalizer,
                       gamma=1.0, epsilon=0.0)  # fmt: skip

    def objective(entries) -> float:
        try:
            return margin(at(entries)) / float(entries[size:] @ entries[size:])
        except (ZeroDivisionError, NotSmooth, ValueError):
            return float("inf")

    for _ in range(starts):
        best = minimize(objective, source.standard_normal(2 * size), method="Nelder-Mead", options={"maxiter": 400})
        if best.fun >= 0:
            continue
        for digits in (2, 5, 10, 100, 1000):
            rounded = tuple(Fraction(float(e)).limit_denominator(digits) for e in best.x)
            found = first(_rational_scales(rounded[:size], rounded[size:], normalizer, digits), refutes)
            if found is not None:
                return found
    return None


def _rational_scales(y: Row, g: Row, normalizer: Normalizer, digits: int) -> Iterator[Example]:
    square = squared_scale_of(normalizer)
    if square is None:
        yield Example(y, g, normalizer=normalizer)
        return
    value = square(y)
    s = Fraction(float(value) ** 0.5).limit_denominator(1000 * digits) + Fraction(1, 1000 * digits)
    yield Example(y, g, epsilon=s * s - value, normalizer=normalizer)
