"""What is given to be measured, before anything is: real numbers, options in their range, a loss that is a number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bnverify.errors import InputError


def check_options(layer: Any, seed: Any, samples: Any, suffix: Any = callable) -> None:
    """InputError for a suffix or a layer that is no function, and for negative or fractional seeds and samples."""
    if not callable(suffix):
        raise InputError(
            got=f"suffix={suffix!r}", expected="a function suffix(z), the loss after the layer",
            advice="pass lambda z: loss(head(z))",
        )  # fmt: skip
    if layer is not None and not callable(layer):
        raise InputError(
            got=f"layer={layer!r}", expected="a function layer(y, gamma, beta, epsilon)",
            advice="leave it out to measure this package's own",
        )  # fmt: skip
    for name, value in (("seed", seed), ("samples", samples)):
        each = np.asarray(value)
        if each.dtype.kind not in "iu" or each.ndim > (name == "seed") or (each < 0).any():
            raise InputError(got=f"{name}={value!r}", expected="a whole number, 0 or more", advice="leave it out")


def check_numbers(y: Any, gamma: Any, beta: Any, epsilon: Any) -> None:
    """InputError for what is no array, complex or empty activations, and an epsilon that is no finite number."""
    for name, values in (("y", y), ("gamma", gamma), ("beta", beta)):
        try:
            kind = np.asarray(values).dtype.kind
        except Exception:  # whatever an array of another library raises
            kind = "O"
        if kind == "c":
            raise InputError(
                got=f"{name} of complex numbers", expected="real numbers", advice="pass the real or imaginary part"
            )
        if kind in "OSUmM" and (name == "y" or values is not None):
            raise InputError(
                got=f"{name}={values!r:.60}", expected="an array of numbers",
                advice="pass suffix, y, gamma, beta and epsilon, arrays of NumPy or JAX",
            )  # fmt: skip
    if getattr(y, "size", 1) == 0:
        raise InputError(got=f"y of shape {y.shape}, empty", expected="values to normalise", advice="pass a batch")
    try:
        number = math.nan if isinstance(epsilon, str) else float(epsilon)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(
            got=f"epsilon {epsilon!r}", expected="epsilon >= 0", advice="pass 0 or a small positive number"
        )


def check_loss(suffix: Callable[[Any], Any], z: Any) -> None:
    """InputError where the loss or its gradient is NaN or infinite at values z of a normaliser that are finite."""
    if not bool(jnp.isfinite(z).all()):
        return
    loss, g = jax.value_and_grad(suffix)(z)
    for what, values in (("loss", loss), ("gradient of the loss", g)):
        if not bool(jnp.isfinite(values).all()):
            raise InputError(
                got=f"a {what} that is NaN or infinite at finite z",
                expected="a loss that is a number there, and differentiable",
                advice="no claim can be judged by it; look at roots, logarithms and overflow in the suffix",
            )
