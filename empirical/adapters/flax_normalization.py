"""Which normaliser a Flax NNX module is, and the module itself as that normaliser's forward pass.

What is measured is the module's own computation, differentiated: a module that computes the same numbers but stops a
gradient is found by the claims. What is compared is its forward pass with this package's, on the same y: a module that
computes other numbers (a mask, other axes, another variance, a narrower dtype) is found before anything is measured.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from bnverify.empirical.measurement.cut import Running
from bnverify.empirical.normalization.normalizers import (
    BATCH,
    NORMALIZATIONS,
    Arrangement,
    Normalization,
    PerPosition,
    PerSample,
    group,
)
from bnverify.errors import InputError

KINDS = (nnx.BatchNorm, nnx.LayerNorm, nnx.RMSNorm, nnx.GroupNorm, nnx.InstanceNorm)
# Relative to the largest value of z: as near as the claims are held to. A float32 inside leaves 1e-7, an unbiased
# variance 1/(2m), the one-pass variance of Flax (mean/deviation)^2 times 1e-16.
AGREEMENT = 1e-10


@dataclass(frozen=True)
class ModuleLayer:
    """A normalisation as an NNX module computes it: its structure is static, its state comes last in every call.
    ``rest`` and ``named``: what else it is called with."""

    structure: Any
    rest: tuple = ()
    named: tuple[tuple[str, Any], ...] = ()

    def __call__(self, y, gamma, beta, epsilon, state):
        module = nnx.merge(self.structure, state, copy=True)
        scale, bias = parameter(module, "scale"), parameter(module, "bias")
        if bias is not None:
            bias[...] = beta if scale is not None else jnp.zeros_like(beta)
        if scale is not None:
            scale[...] = gamma
        with jax.numpy_dtype_promotion("standard"):  # Flax promotes float64 with float32 where it takes a mean
            z = module(y, *self.rest, **dict(self.named))
        z = z if scale is not None else gamma * z
        return z if scale is not None and bias is not None else z + beta


def running_of(structure: Any, state: Any, layer: ModuleLayer, y: Any) -> Running | None:
    """The running statistics of a batch norm before and after it is called on y; None for what keeps none."""
    module = nnx.merge(structure, state, copy=True)
    if not isinstance(module, nnx.BatchNorm) or not isinstance(getattr(module, "momentum", None), float):
        return None
    before = [np.asarray(each[...]) for each in (module.mean, module.var)]
    with jax.numpy_dtype_promotion("standard"):
        module(y, *layer.rest, **dict(layer.named))
    return Running(1 - module.momentum, False, *before, *(np.asarray(each[...]) for each in (module.mean, module.var)))


def parameter(module: nnx.Module, name: str) -> nnx.Variable | None:
    """The module's parameter of that name, None where it has none."""
    return getattr(module, name, None)


def stated(module: Any, name: str, shape: tuple[int, ...], own: Mapping[type, Normalization]) -> Normalization:
    """This package's normaliser for a module that is given y of a shape: ``own`` by type, else one of Flax's."""
    for known, norm in own.items():
        if isinstance(module, known):
            return norm
    if isinstance(module, nnx.BatchNorm):
        if _axes(module.axis, len(shape)) != {len(shape) - 1}:
            raise _other(name, f"features on axis {module.axis} of {shape}", "features on the last axis")
        return BATCH
    if isinstance(module, nnx.GroupNorm):
        if module.reduction_axes not in (None, tuple(range(1, len(shape)))):
            raise _other(name, f"reduction_axes {module.reduction_axes}", "reduction_axes=None")
        return group(module.num_groups)
    if isinstance(module, nnx.InstanceNorm):
        return NORMALIZATIONS["instance"]
    kind = NORMALIZATIONS["rms" if isinstance(module, nnx.RMSNorm) else "layer"]
    return replace(kind, arrangement=_arrangement(name, module.reduction_axes, len(shape)))


def _arrangement(name: str, axes: Any, rank: int) -> Arrangement:
    over = _axes(axes, rank)
    if over == {rank - 1}:
        return PerPosition()
    if over == set(range(1, rank)):
        return PerSample(1)
    if over == set(range(1, rank - 1)):
        return PerSample(None)
    raise _other(name, f"reduction_axes {axes} of an input with {rank} axes", "the last axis, or all but the first")


def _axes(axes: Any, rank: int) -> set[int]:
    return {axis % rank for axis in (axes if isinstance(axes, (tuple, list)) else (axes,))}


def _other(name: str, got: str, expected: str) -> InputError:
    return InputError(
        got=f"{name} with {got}", expected=expected,
        advice="move the features to the last axis in a copy of the model, or measure the layer alone: "
        "assert_claims(suffix, jnp.moveaxis(y, axis, -1), gamma, beta, epsilon, layer=...)",
    )  # fmt: skip


def check_call(name: str, kind: type, module: Any, rest: tuple, named: Mapping[str, Any]) -> None:
    """InputError where a module is called with more arrays than y (a mask), or normalises by running statistics."""
    if getattr(module, "axis_name", None) is not None:
        raise _other(name, f"statistics over the devices of the axis {module.axis_name!r}", "axis_name=None")
    given = dict(list(inspect.signature(kind.__call__).bind(module, None, *rest, **named).arguments.items())[2:])
    for key, value in given.items():
        if any(isinstance(leaf, (jax.Array, np.ndarray)) for leaf in jax.tree.leaves(value)):
            raise InputError(
                got=f"{name} called with an array as {key}",
                expected="statistics over all values, that is a call with y only",
                advice="the claims are about all values of a vector; measure without the mask",
            )
    running = given.get("use_running_average")
    if isinstance(module, nnx.BatchNorm) and (module.use_running_average if running is None else running):
        raise InputError(
            got=f"{name} with running statistics (inference mode)",
            expected="training mode: mean and variance of the batch, which are differentiated",
            advice="call model.train(), or pass use_running_average=False",
        )


def compare(name: str, norm: Normalization, y, z, gamma, beta, epsilon) -> None:
    """InputError unless the normaliser gives z for y, as the module did."""
    expected = np.asarray(jax.jit(norm)(y, gamma, beta, epsilon))
    apart = np.abs(expected - np.asarray(z)).max() / max(np.abs(expected).max(), np.finfo(float).tiny)
    if not apart <= AGREEMENT:
        raise InputError(
            got=f"{name}: z differs from the {norm.name} normalisation of the same y by {apart:.1e} of its size",
            expected=f"at most {AGREEMENT:.0e}: the normaliser whose claims are asserted, in float64",
            advice="state what it computes, normalizers={its class: a Normalization}; use_fast_variance=False if y has "
            "a mean much larger than its deviation; no narrower dtype",
        )  # fmt: skip
