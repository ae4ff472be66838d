"""One evaluation of a Flax NNX model that records every normalisation, and what keeps a model from being cut."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from flax.errors import TraceContextError

from bnverify.empirical.adapters.flax_interception import Path, Record
from bnverify.empirical.measurement.precision import narrow, narrowed
from bnverify.errors import InputError


def name_of(path: Path) -> str:
    """A path as users write it: blocks.0.norm1."""
    return ".".join(map(str, path)) or "model"


def recorded(evaluate: Callable, state: Any, records: Mapping[Path, Record], model: Any) -> tuple[float, bool]:
    """Evaluate once, which fills the records: the loss, and whether anything inside is rounded to a narrower type than
    float64. InputError where it cannot be cut; a normalisation that cannot be measured is ``refused`` in its record."""
    try:
        traced = jax.jit(lambda state: evaluate(records, state)).trace(state)
    except TraceContextError as error:
        raise InputError(
            got=f"a loss that changes something outside the model and its arguments ({_first_line(error)})",
            expected="a function of the model and its arguments",
            advice="pass what it changes (nnx.Rngs, metrics) as a further argument",
        ) from error
    except (jax.errors.ConcretizationTypeError, jax.errors.UnexpectedTracerError) as error:
        raise InputError(
            got=f"a loss that cannot be compiled ({_first_line(error)})",
            expected="a function that jax.jit takes",
            advice="branch on values with jax.lax.cond, keep nothing in variables outside",
        ) from error
    _check_loss(traced.out_info)
    rounded = sorted(set(narrowed(traced.jaxpr)))
    if rounded:
        _check_rounding(rounded, model)
    value = traced.lower().compile()(state)
    jax.effects_barrier()
    shared = {paths[0]: paths for paths in nnx.find_duplicates(model, only=nnx.Module)}
    for path, record in records.items():
        try:
            _check_record(path, record, shared)
        except InputError as error:
            record.refused = record.refused or error
    return float(value), bool(rounded)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _check_loss(info: Any) -> None:
    known = hasattr(info, "shape")
    if not known or info.shape != () or not jnp.issubdtype(info.dtype, jnp.floating):
        found = f"{info.dtype} of shape {info.shape}" if known else f"a {type(info).__name__}"
        raise InputError(
            got=f"a loss that returns {found}",
            expected="one number",
            advice="return the mean over the batch, and nothing besides the loss: lambda *a: loss(*a)[0]",
        )


def _check_record(path: Path, record: Record, shared: Mapping[Path, list[Path]]) -> None:
    if len(record.values) != 1:
        above = [shared[path[:i]] for i in range(len(path) + 1) if path[:i] in shared]
        places = "".join(f"; one object at {' and '.join(map(name_of, paths))}" for paths in above)
        raise InputError(
            got=f"{record.name} called {len(record.values)} times in one evaluation of the loss{places}",
            expected="once: one input, one output, and no vmap, scan or loop around it",
            advice="a normalisation of its own for every place; a batch axis in place of vmap, a Python loop over the "
            "layers in place of scan; a model without what the loss does not use",
        )  # fmt: skip
    y, z = record.values[0]
    if y.dtype != np.float64 or z.shape != y.shape or y.ndim < 2:
        raise InputError(
            got=f"{record.name} taking {y.dtype} of shape {y.shape} to {z.dtype} of shape {z.shape}",
            expected="float64 of one shape, with a batch axis",
            advice="let the layers before it compute in the dtype of their parameters; put samples on the first axis",
        )


def _check_rounding(rounded: list[str], model: Any) -> None:
    fixed = [
        f"{name_of(path)} ({jnp.dtype(dtype).name})"
        for path, node in nnx.iter_graph(model)
        if isinstance(node, nnx.Module) and narrow(dtype := getattr(node, "dtype", None))
    ]
    if fixed:
        raise InputError(
            got=f"modules with a dtype of their own: {', '.join(fixed)}",
            expected="a model that computes in the dtype of its parameters, which are given in float64",
            advice="measure a copy of the model made with dtype=None",
        )
    warnings.warn(
        f"float64 values are rounded to {', '.join(rounded)} inside the loss (jax.nn.dot_product_attention does): "
        "g and H are those of the rounded network; claims are about every g and H, and checked in float64 all the same",
        stacklevel=5,
    )
