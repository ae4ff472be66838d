"""What was measured: labelled numbers with the normaliser they belong to, and where each of them comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LAYER = "the layer"
REST = "the rest of the network"
REFERENCE = "moments of y, test vectors and the gradient at z"

_OF_LAYER = frozenset((
    "v_v", "one_v", "w_v", "w_z", "along_gamma", "along_beta", "yhat_yhat", "one_yhat", "w_Jx", "w_Kx", "Jx_Jx",
    "w_JJx", "w_u", "grad_gamma", "grad_beta", "w_yhat_scaled", "w_v_scaled", "w_yhat_shifted", "w_v_shifted", "yhat_v",
    "g_v", "y_v", "n_v", "g_Pv", "v_M_v", "frozen_normalised", "mean_after", "variance_after",
))  # fmt: skip
_OF_BOTH = frozenset((
    "v_Hhat_v", "u_H_u", "w_Hhat_x", "uw_H_ux", "w_Hhat_x_scaled", "v_H_v", "g_H_g", "layer_v_Hhat_v", "layer_u_H_u",
))  # fmt: skip
# Of what the layer computes, what differentiates nothing by y; and what does so twice.
_VALUES = frozenset((
    "w_z", "yhat_yhat", "one_yhat", "w_yhat_scaled", "w_yhat_shifted", "mean_after", "variance_after", "along_gamma",
    "along_beta", "grad_gamma", "grad_beta",
))  # fmt: skip
_ONCE = _OF_LAYER - _VALUES | {"grad_mu", "grad_sigma2", "n_n", "n_x", "n_y", "w_n", "one_n", "n_Pg"}
_TWICE = _OF_BOTH | {"w_Kx", "w_JJx", "w_u", "x_M_x", "v_M_v"}


def producer(name: str) -> str:
    """Who computes a quantity: the layer under test, the rest of the network, or the measurement itself."""
    return LAYER if name in _OF_LAYER else REST if name in _OF_BOTH else REFERENCE


def order(names: Iterable[str]) -> int:
    """How many derivatives of the layer a claim about these quantities multiplies or takes of each other: two, one, or
    none where it speaks of values, and of parameters that are factors of values, alone."""
    spoken_of = frozenset(names)
    return 2 if spoken_of & _TWICE else 1 if spoken_of & _ONCE else 0


@dataclass(frozen=True)
class Measured:
    """What was measured at one site: quantities under the names of ``theory.QUANTITIES``, arrays of shape (K,), K the
    number of vectors, or (1,); and flags.

    ``normalization`` says of what; ``dtype`` in which precision its layer computed; ``missing`` why some quantities
    are not there. ``factor`` is the power of two that the loss was multiplied by, so that squares of its gradient are
    numbers: no claim depends on it.
    """

    normalization: Any
    quantities: Mapping[str, Any]
    dtype: str = "float64"
    missing: Mapping[str, str] = field(default_factory=dict)
    factor: float = 1.0
