"""Every normaliser of this package by its name."""

from __future__ import annotations

from dataclasses import replace

from bnverify.empirical.normalization.batch_renormalization import correction
from bnverify.empirical.normalization.normalizers import BATCH, Normalization, normalization

RENORM = "batch-renorm"
BATCH_RENORM = replace(BATCH, name=RENORM, correction=correction)
"""Batch renormalisation with its correction, which is a constant to differentiation. It takes the correction's context:
((running mean, running s), r_max, d_max)."""


def named(normalizer: str | Normalization) -> Normalization:
    """The normaliser of a name of `bnverify.empirical.runs.config.NORMALIZERS`, or the one that is given."""
    if isinstance(normalizer, Normalization):
        return normalizer
    return BATCH_RENORM if normalizer == RENORM else normalization(normalizer)


__all__ = ["BATCH", "BATCH_RENORM", "RENORM", "Normalization", "named"]
