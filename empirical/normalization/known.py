"""Every normaliser of this package by its name."""

from __future__ import annotations

from dataclasses import replace

from bnverify.empirical.normalization.batch_renormalization import correction
from bnverify.empirical.normalization.normalizers import (
    BATCH,
    NORMALIZATIONS,
    Normalization,
    PerPosition,
    normalization,
)

RENORM = "batch-renorm"
BATCH_RENORM = replace(BATCH, name=RENORM, correction=correction)
"""Batch renormalisation with its correction, which is a constant to differentiation. It takes the correction's context:
((running mean, running s), r_max, d_max)."""
TRAINABLE = (*(name for name, one in NORMALIZATIONS.items() if not isinstance(one.arrangement, PerPosition)), RENORM)
"""The names that a configuration may give to the normaliser of a network of channels."""


def named(normalizer: str | Normalization) -> Normalization:
    """The normaliser of a name of TRAINABLE, or the one that is given."""
    if isinstance(normalizer, Normalization):
        return normalizer
    return BATCH_RENORM if normalizer == RENORM else normalization(normalizer)


__all__ = ["BATCH", "BATCH_RENORM", "RENORM", "TRAINABLE", "Normalization", "named"]
