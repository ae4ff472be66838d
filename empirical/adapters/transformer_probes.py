"""Three numbers of a PyTorch transformer that published bounds depend on, on one batch.

kappa = |x| / |Cx| of every vector that enters a normalization over features, C the centring: a bound on the Jacobian of
layer norm by sqrt(d)/|x| holds up to this factor only. And the share |<q, k>| / (|q| |k|) of the largest logit that
queries and keys of their lengths could have, which a bound by norms of QK assumes to be attained. Where queries and
keys are normalized, the share |<q, k>| / (d max|gamma_q| max|gamma_k|) of what their gains allow, whatever the input is
(a rotation of the two, as of positions, does not change it).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from bnverify.empirical.adapters.torch import called, float64
from bnverify.empirical.adapters.torch_sites import candidate
from bnverify.empirical.conformance.torch_session import copied, undisturbed
from bnverify.errors import InputError


@dataclass(frozen=True)
class Probes:
    """``kappa``: by site, one number a position. ``share``: for every call of attention, batch x head x query x key;
    ``gains``: the same of the share of what the gains of normalized queries and keys allow; empty without such."""

    kappa: dict[str, np.ndarray] = field(default_factory=dict)
    share: list[np.ndarray] = field(default_factory=list)
    gains: list[np.ndarray] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{'site':40s} {'kappa, median':>14s} {'largest':>8s}"]
        lines += [f"{name:40s} {np.median(k):14.3g} {k.max():8.3g}" for name, k in self.kappa.items()]
        lines += [f"attention {i}: largest share of |q| |k| {s.max():.3f}, median {np.median(s):.3f}"
                  for i, s in enumerate(self.share)]  # fmt: skip
        lines += [
            f"attention {i}: largest share of what the gains allow {s.max():.3f}" for i, s in enumerate(self.gains)
        ]
        return "\n".join(lines)


@undisturbed()
def probe_transformer(module: torch.nn.Module, inputs: Any) -> Probes:
    """Evaluate a float64 copy of a transformer once, in inference mode, and read both. InputError where there is no
    normalization over the last axis. Attention is seen where it is PyTorch's scaled_dot_product_attention."""
    model = copied(module).to("cpu", torch.float64).eval()
    found = Probes()
    hooks = [
        each.register_forward_hook(_kappa(found, name))
        for name, each in model.named_modules()
        if candidate(each) and "norm" in type(each).__name__.lower()
    ]
    logits: list[tuple[np.ndarray, int]] = []
    functional: Any = torch.nn.functional
    original = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = _share(found, logits, original)
    try:
        with torch.no_grad():
            called(model, float64(inputs))
    finally:
        functional.scaled_dot_product_attention = original
        for hook in hooks:
            hook.remove()
    if not found.kappa:
        raise InputError(
            got=f"{type(module).__name__} without a normalization over features",
            expected="a transformer with layer or RMS norm", advice="measure its norms with measure_model",
        )  # fmt: skip
    allowed = _gains(model)
    if len(allowed) == len(logits):
        found.gains.extend(size / (width * gain) for (size, width), gain in zip(logits, allowed, strict=True))
    return found


def _gains(model: torch.nn.Module) -> list[float]:
    """max|gamma_q| max|gamma_k| of every attention whose queries and keys are normalized by modules q_norm and k_norm,
    in the order of the modules."""
    out = []
    for each in model.modules():
        norms = getattr(each, "q_norm", None), getattr(each, "k_norm", None)
        weights = [getattr(norm, "weight", None) for norm in norms]
        largest = [float(weight.detach().abs().max()) for weight in weights if isinstance(weight, torch.Tensor)]
        if len(largest) == 2:
            out.append(largest[0] * largest[1])
    return out


def _kappa(found: Probes, name: str) -> Callable[..., None]:
    def hook(_: Any, args: Any, __: Any) -> None:
        x = args[0].detach().double()
        centred = x - x.mean(-1, keepdim=True)
        found.kappa[name] = (x.norm(dim=-1) / centred.norm(dim=-1)).flatten().numpy()

    return hook


def _share(found: Probes, logits: list[tuple[np.ndarray, int]], original: Callable) -> Callable:
    def attention(query: torch.Tensor, key: torch.Tensor, *args: Any, **named: Any) -> torch.Tensor:
        q, k = query.detach().double(), key.detach().double()
        if q.shape[-3] != k.shape[-3]:  # grouped queries share a key
            k = k.repeat_interleave(q.shape[-3] // k.shape[-3], dim=-3)
        lengths = q.norm(dim=-1)[..., :, None] * k.norm(dim=-1)[..., None, :]
        products = (q @ k.transpose(-1, -2)).abs()
        found.share.append((products / lengths).numpy())
        logits.append((products.numpy(), q.shape[-1]))
        return original(query, key, *args, **named)

    return attention
