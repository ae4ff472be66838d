"""How much rounding may leave: unit roundoffs, the one tolerance, and in which precision a layer really computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
# The smallest number above 0 and the largest.
RANGE = {"float64": (4.9e-324, 1.8e308), "float32": (1.4e-45, 3.4e38), "float16": (6e-8, 65504.0),
         "bfloat16": (9.2e-41, 3.38e38)}  # fmt: skip
# The smallest that no processor flushes to 0.
NORMAL = {"float64": 2.0**-1022, "float32": 2.0**-126, "float16": 2.0**-14, "bfloat16": 2.0**-126}
_OPERATIONS = 8  # additions, products, root and division that one entry passes, each of one rounding
_DOMAIN = 0x6E6F726D  # of the suite's random numbers: a user's default_rng(0) draws none of them
_LARGER, _COARSE, _FINE = (1.0, 16.0, 1e3, 1e6), 0.25, 2.0**-40  # of y; changes that are normalised away, or never
_STEPS = (("float64", 1e-9), ("float32", 1e-5), ("float16", 2e-3), ("bfloat16", 0.3))


def source(*seed: int) -> np.random.Generator:
    """Random numbers of the suite's own."""
    return np.random.default_rng([_DOMAIN, *seed])


def tolerance(roundoff: float, m: int = 1) -> float:
    """Relative to what one rounding leaves (`roundings`): every entry passes some eight operations. Relative to sizes
    that know nothing of sums: the roundings of a sum of m terms grow as sqrt(m) where their signs are independent."""
    return _OPERATIONS * roundoff * float(np.sqrt(m))


def share(roundoff: float) -> float:
    """How much of its own rounding a type has in sums: every library takes those of types narrower than float32 in
    float32."""
    return min(1.0, ROUNDOFF["float32"] / roundoff)


def relative(difference: np.ndarray, size: np.ndarray | float) -> float:
    """The largest difference over its size; 0 where both are 0, infinite where the difference is no number."""
    difference, size = np.broadcast_arrays(np.abs(np.asarray(difference, float)), np.asarray(size, float))
    if not np.isfinite(difference).all():
        return float("inf")
    with np.errstate(all="ignore"):
        ratio = np.where(difference == 0, 0.0, difference / size)
    return float(ratio.max(initial=0.0))


def rounded(array: np.ndarray | float, dtype: str) -> np.ndarray:
    """The values in a dtype, in float64."""
    if dtype == "bfloat16":
        import ml_dtypes

        return np.asarray(array).astype(ml_dtypes.bfloat16).astype(np.float64)
    with np.errstate(over="ignore"):
        return np.asarray(array).astype(dtype).astype(np.float64)


def computed_in(function: Callable[[np.ndarray], np.ndarray], at: np.ndarray, widest: str = "float64") -> str:
    """The narrowest precision between what goes in and what comes out, by whether changes far below the next one's
    rounding pass: float64 input that is cast to float32 inside comes out unchanged. What no change of y passes through,
    as the signs that two values without an epsilon are, has the widest."""
    start = function(at)
    jitter = source(1).uniform(-1, 1, at.shape)
    names: Sequence[str] = tuple(ROUNDOFF)
    for name, step in _STEPS:
        if names.index(name) < names.index(widest):
            continue
        moved = start != 0
        if not moved.any() or (function(at * (1 + step * jitter)) != start)[moved].mean() > 0.5:
            return name
    return widest


def statistics_in(function: Callable[[np.ndarray], np.ndarray], at: np.ndarray, precision: str) -> str:
    """The precision of a layer's mean and scale, the coarser of the two, which may be less than that of its values: a
    shift or a factor of y below their rounding goes through in proportion, one above it is normalised away. That of its
    values everywhere else.

    A factor is looked at where y is so large that no epsilon lets it through; medians, as a vector whose mean is much
    larger than its deviation shows more rounding than others."""
    if precision != "float64":
        return precision

    def passed(y: np.ndarray, step: np.ndarray | float) -> Callable[[float], float]:
        """How much of a change is left in the values, by its size in steps, of which one is as large as y."""
        start = function(y)
        size = float(np.median(np.abs(start)))
        return lambda change: (
            float(np.median(np.abs(function(y + change * step) - start))) / (change * size) if size else np.nan
        )

    with np.errstate(all="ignore"):
        factors = (passed(size * at, size * at) for size in _LARGER)
        factor = next((each for each in factors if each(_COARSE) < 0.1), None)
        changes = [passed(at, float(np.abs(at).mean())), *([] if factor is None else [factor])]
        return max((_narrow(change, precision) for change in changes), key=lambda name: ROUNDOFF[name])


def _narrow(passed: Callable[[float], float], precision: str) -> str:
    """The type below whose rounding a change goes through; the given one where there is none."""
    fine = passed(_FINE)
    if not passed(_COARSE) < 0.1 or not fine > 0.5 or not abs(passed(2 * _FINE) / fine - 1) <= 0.05:
        return precision
    names = ("float32", "float16", "bfloat16")
    return next((name for name in names if passed(16 * ROUNDOFF[name]) < 0.25), precision)
