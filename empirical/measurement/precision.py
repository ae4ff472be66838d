"""Where a function rounds float64 to a narrower type inside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr


def narrow(dtype: Any) -> bool:
    """Whether a dtype is a floating one narrower than float64."""
    return dtype is not None and jnp.issubdtype(dtype, jnp.floating) and jnp.dtype(dtype) != jnp.float64


def narrowed(jaxpr: Any) -> Iterator[str]:
    """The names of the narrower types that float64 values are converted to, also in inner functions."""
    for equation in (jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr).eqns:
        if equation.primitive.name == "convert_element_type":
            before, after = equation.invars[0].aval.dtype, equation.outvars[0].aval.dtype
            if before == jnp.float64 and narrow(after):
                yield jnp.dtype(after).name
        for parameter in equation.params.values():
            for inner in parameter if isinstance(parameter, (tuple, list)) else (parameter,):
                if isinstance(inner, (ClosedJaxpr, Jaxpr)):
                    yield from narrowed(inner)
