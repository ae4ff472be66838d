"""What looks like a normalisation in a Flax NNX model and is not measured, and why.

By name: modules called a norm that are not known, Linen modules inside an NNX one, norms of another model among the
arguments. By what is computed: `adapters.jax_suspects`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flax import nnx

from bnverify.empirical.adapters.flax_normalization import KINDS


def in_model(model: Any, measured: tuple, own: Mapping[type, Any]) -> dict[str, str]:
    """Modules that are called a norm and are not among the measured ones, by path."""
    out = {}
    for path, node in nnx.iter_graph(model):
        name, kind = ".".join(map(str, path)) or "model", type(node)
        if path in measured or not isinstance(node, nnx.Module):
            continue
        if isinstance(node, nnx.bridge.ToNNX):
            parts = sorted({part for part in _names(node) if "norm" in part.lower()})
            if parts:
                out[name] = f"{', '.join(parts)} of a Linen module inside ToNNX; use the NNX module of the same name"
        elif "norm" in kind.__name__.lower() and not isinstance(node, (*KINDS, *own)) and callable(node):
            out[name] = f"{kind.__name__} is no normalisation that is known; pass normalizers={{{kind.__name__}: ...}}"
    return out


def in_arguments(arguments: Any) -> dict[str, str]:
    """Norms of another model that the loss is given."""
    return {
        f"argument {'.'.join(map(str, path))}": f"{type(node).__name__} of an argument; measure it as the model"
        for path, node in nnx.iter_graph(arguments)
        if isinstance(node, KINDS)
    }


def _names(node: Any) -> Iterator[str]:
    """Names of the parts of a Linen module: its class, and those of its parameters."""
    yield type(node.module).__name__
    for path, _ in nnx.to_flat_state(nnx.state(node)):
        yield from (str(part) for part in path)
