r"""Random layers in plain numbers: what the records about random matrices draw. Lists of rows; no derivation enters."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

Rows = list[list[float]]


def gaussian(random: Random, rows: int, columns: int) -> Rows:
    """Independent standard normal entries."""
    return [[random.gauss(0, 1) for _ in range(columns)] for _ in range(rows)]


def orthogonal(random: Random, size: int, columns: int) -> Rows:
    """An orthogonal matrix without a preferred direction: Gram and Schmidt on Gaussian rows."""
    rows: Rows = []
    for row in gaussian(random, size, columns):
        for other in rows:
            along = math.fsum(map(float.__mul__, row, other))
            row = [x - along * y for x, y in zip(row, other, strict=True)]
        length = math.sqrt(math.fsum(x * x for x in row))
        rows.append([x / length for x in row])
    return rows


def times(a: Rows, b: Rows) -> Rows:
    """The matrix product."""
    columns = list(zip(*b, strict=True))
    return [[math.fsum(map(float.__mul__, row, column)) for column in columns] for row in a]


def normalized(h: Rows, *, mean: bool) -> Rows:
    """Batch norm of every row over the samples, which are the columns."""
    out = []
    for row in h:
        centre = math.fsum(row) / len(row) if mean else 0.0
        moved = [x - centre for x in row]
        scale = math.sqrt(math.fsum(x * x for x in moved) / len(row))
        out.append([x / scale for x in moved])
    return out


def gram(h: Rows) -> Rows:
    """H'H over its trace: a matrix of the samples."""
    columns = list(zip(*h, strict=True))
    found = [[math.fsum(map(float.__mul__, u, v)) for v in columns] for u in columns]
    trace = math.fsum(found[i][i] for i in range(len(found)))
    return [[x / trace for x in row] for row in found]


def apart(h: Rows) -> float:
    """V(H) = |H'H/|H|^2 - 1/n|, the distance from orthogonal samples."""
    g = gram(h)
    n = len(g)
    return math.sqrt(max(0.0, math.fsum(x * x for row in g for x in row) - 1 / n))


def gap(h: Rows) -> float:
    """The isometry gap -log(det(G)^(1/n) n) of the scaled Gram matrix G."""
    g = [list(row) for row in gram(h)]
    n, logarithm = len(g), 0.0
    for i in range(n):  # Cholesky: G is positive definite
        pivot = g[i][i]
        logarithm += math.log(pivot)
        for j in range(i + 1, n):
            factor = g[j][i] / pivot
            g[j] = [x - factor * y for x, y in zip(g[j], g[i], strict=True)]
    return -logarithm / n - math.log(n)


def deep(
    n: int, d: int, depth: int, *, mean: bool, of: Callable[[Rows], float],
    weights: Callable[[Random, int, int], Rows] = gaussian,
) -> Callable[[Random], float]:  # fmt: skip
    """What a random network of that depth and width makes of n random samples."""

    def draw(random: Random) -> float:
        h = normalized(gaussian(random, d, n), mean=mean)
        for _ in range(depth):
            h = normalized(times(weights(random, d, d), h), mean=mean)
        return of(h)

    return draw


def shrunk(d: int, depth: int) -> Callable[[Random], float]:
    """The isometry gap after ``depth`` layers of orthogonal weights, over d samples of width d, minus the theorem's
    bound from the gap before them, exp(-depth/k) times it, with k = d^2 (1 + d gap)."""

    def draw(random: Random) -> float:
        h = gaussian(random, d, d)
        before = gap(h)
        for _ in range(depth):
            h = normalized(times(orthogonal(random, d, d), h), mean=False)
        return gap(h) - before * math.exp(-depth / (d**2 * (1 + d * before)))

    return draw


def last_gradient(d: int) -> Callable[[Random], float]:
    """|dL/dW2|_F of the last sublayer x + W2 ReLU(W1 x) of a post-LN network at its start, entries of variance 1/d, x
    and the output normalized, for a gradient g of length 1 after the last norm: |ReLU(W1 x)| |J'g|."""

    def draw(random: Random) -> float:
        (x,) = normalized([[random.gauss(0, 1) for _ in range(d)]], mean=True)
        hidden = [max(0.0, u) / math.sqrt(d) for (u,) in times(gaussian(random, d, d), [[u] for u in x])]
        out = times(gaussian(random, d, d), [[u / math.sqrt(d)] for u in hidden])
        y = [u + v for u, (v,) in zip(x, out, strict=True)]
        (yhat,) = normalized([y], mean=True)
        scale = math.sqrt(math.fsum(u * u for u in y) / d - (math.fsum(y) / d) ** 2)
        g = [random.gauss(0, 1) for _ in range(d)]
        length, mean = math.sqrt(math.fsum(u * u for u in g)), math.fsum(g) / d
        along = math.fsum(map(float.__mul__, g, yhat)) / d
        pulled = [(u - mean - along * v) / (scale * length) for u, v in zip(g, yhat, strict=True)]
        return math.sqrt(math.fsum(u * u for u in hidden) * math.fsum(u * u for u in pulled))

    return draw


def rectified(d: int) -> Callable[[Random], float]:
    """|W2 ReLU(W1 u)|^2 over |u|^2 for entries of variance 1/d: the second sublayer of a block at its start."""

    def draw(random: Random) -> float:
        u = [[random.gauss(0, 1)] for _ in range(d)]
        hidden = [[max(0.0, x) / math.sqrt(d)] for (x,) in times(gaussian(random, d, d), u)]
        out = times(gaussian(random, d, d), hidden)
        return math.fsum(x * x for (x,) in out) / d / math.fsum(x * x for (x,) in u)

    return draw
