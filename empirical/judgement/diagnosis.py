"""What a layer that violates its claims may be instead: a hint beside the verdict, never a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bnverify.empirical.judgement.verdict import Verdict
from bnverify.empirical.measurement.precision import narrowed
from bnverify.empirical.measurement.settings import exact
from bnverify.empirical.normalization.known import named
from bnverify.empirical.normalization.normalizers import NORMALIZATIONS
from bnverify.errors import InputError

_SAME = 1e-9


def hints(args: tuple, options: Mapping[str, Any], found: Sequence[Verdict]) -> list[str]:
    """Lines to print below violated claims about somebody's own layer."""
    layer = options.get("layer")
    if layer is None or len(args) != 5 or not any(verdict.violations for verdict in found):
        return []
    with exact():
        _, y, gamma, beta, epsilon = args
        y, gamma, beta = (jnp.asarray(each, options.get("dtype", "float64")) for each in (y, gamma, beta))
        context = options.get("context", ())
        out = list(_precision(layer, y, gamma, beta, epsilon, *context))
        z = np.asarray(layer(y, gamma, beta, epsilon, *context))
        for name, other in _readings(y, gamma, beta, epsilon):
            if other.shape == z.shape and np.abs(other - z).max() <= _SAME * np.abs(other).max():
                out.append(f"hint: its values are those of {name}")
    return out


def _precision(layer, *arguments) -> Iterator[str]:
    inside = sorted(set(narrowed(jax.make_jaxpr(layer)(*arguments).jaxpr)))
    if inside:
        yield (
            f"hint: it rounds float64 to {', '.join(inside)} inside; compute in the dtype of y, or check it in that "
            "precision by dtype='float32'"
        )


def _readings(y, gamma, beta, epsilon) -> Iterator[tuple[str, np.ndarray]]:
    """Normalisers, and batch norms with one of the usual differences, with their values."""
    for name in NORMALIZATIONS:
        try:
            yield f"normalizer={name!r}", np.asarray(named(name)(y, gamma, beta, epsilon))
        except (InputError, TypeError, ZeroDivisionError):
            continue
    for name in ("batch", "layer", "token-layer", "token-rms"):
        norm = named(name)
        columns = norm.columns(y)
        m = columns.shape[0]
        centred = columns - (columns.mean(0) if norm.centred else 0)
        variance = jnp.square(centred).mean(0)
        others = {
            "with the unbiased variance": jnp.sqrt(variance * m / max(m - 1, 1) + epsilon),
            "with epsilon outside the root": jnp.sqrt(variance) + epsilon,
            "with epsilon squared": jnp.sqrt(variance + jnp.square(epsilon)),
            "without epsilon": jnp.sqrt(variance),
        }
        for difference, scale in others.items():
            yield f"{name} norm {difference}", np.asarray(gamma * norm.restore(centred / scale, y.shape) + beta)
