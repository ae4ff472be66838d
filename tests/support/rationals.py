"""Random rational examples of one normalised vector, and the slack of a claim at them."""

import random
from fractions import Fraction

import sympy as sp

from bnverify.theory.normalizers.known import L2_UNCENTRED, RMS, WEIGHT
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.example import Example, squared_scale_of

EXPLICIT = (BATCH, RMS, WEIGHT, L2_UNCENTRED)


def _entries(source, size):
    return tuple(Fraction(source.randint(-5, 5), source.randint(1, 3)) for _ in range(size))


def example(seed, size, normalizer=BATCH, *, epsilon_zero=False):
    """A random example with rational s: epsilon lifts s^2 to a square; a zero epsilon takes y of size 4 in +-1."""
    source = random.Random(f"{seed} {size} {normalizer.name}")
    while True:
        y = _entries(source, size)
        if 0 not in y and len(set(map(abs, y))) == size and len({e - sum(y) / size for e in y} | {0}) == size + 1:
            break
    square = squared_scale_of(normalizer)
    epsilon = Fraction(0)
    if square is not None:
        value = square(y)
        if epsilon_zero:
            y = tuple(Fraction(e) for e in (1, 1, -1, -1))
        else:
            epsilon = (int(float(value) ** 0.5) + Fraction(source.randint(4, 9), 3)) ** 2 - value
    n = len(y)
    rows = [_entries(source, n) for _ in range(n)]
    matrix = tuple(tuple(rows[i][k] + rows[k][i] for k in range(n)) for i in range(n))
    return Example(
        y, _entries(source, n), gamma=Fraction(source.randint(1, 5), 2), beta=Fraction(1, 3), epsilon=epsilon,
        H=matrix, w=_entries(source, n), x=_entries(source, n), normalizer=normalizer,
    )  # fmt: skip


def slack(claim, at):
    """right - left at an example, exact; None where the example has not all quantities or breaks a hypothesis."""
    try:
        for hypothesis in claim.hypotheses:
            if hypothesis.condition is not None and not insert(hypothesis.condition, at):
                return None
        return insert(claim.right - claim.left, at)
    except KeyError:
        return None


def insert(expression, at):
    return expression.xreplace({symbol: sp.sympify(value) for symbol, value in at.numbers(expression).items()})
