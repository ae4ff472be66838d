"""Random vectors and numbers that claims are stated for every value of, from a domain of seeds of this package's own.

A user's data is often ``default_rng(0).standard_normal(shape)``. Test vectors from the same generator would be that
very data, and an identity tested on <y, y> says nothing about <w, y>.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

Seed = int | Sequence[int]
_DOMAIN = int.from_bytes(b"bnverify", "big")


class Tests(NamedTuple):
    """Vectors w and x like y, a factor k, a shift c > 0 in units of s, and a direction t of the parameters."""

    w: Any
    x: Any
    k: Any
    c: Any
    t: Any


def generator(seed: Seed) -> np.random.Generator:
    """The generator of a seed; no ``default_rng`` of a few small numbers gives the same."""
    return np.random.default_rng([_DOMAIN, *np.atleast_1d(np.asarray(seed, dtype=np.uint64)).tolist()])


def random_tests(y: Any, seed: Seed) -> Tests:
    """w, x and t standard normal, k in (1.3, 2.3) and c in (1, 2), which multiplies the spread of the vector."""
    source = generator(seed)
    w, x = (source.standard_normal(y.shape).astype(y.dtype) for _ in range(2))
    k, c = (np.asarray(low + source.random(), y.dtype) for low in (1.3, 1.0))
    return Tests(w, x, k, c, source.standard_normal(y.shape[-1:]).astype(y.dtype))


def chosen(vectors: int, count: int, seed: Seed) -> list[int]:
    """The vectors that get Hessian-vector products of their own: a seeded choice of so many."""
    return generator(seed).permutation(vectors)[:count].tolist()
