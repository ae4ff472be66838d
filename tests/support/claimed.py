"""Claims on measured quantities by name, without records: what holds at every point inside the hypotheses."""

from __future__ import annotations

import numpy as np

from bnverify.empirical.judgement.compile import compile_claim
from bnverify.empirical.judgement.verdict import residuals
from bnverify.theory import Claim, claims_for

FLAGS = {
    "differentiable scale": "smooth", "unclipped": "unclipped", "zero-mean inputs": "zero_mean", "matched": "matched",
}  # fmt: skip
# What `empirical.measure` cannot know: the layer before y and its weights, a network without batch norm, another norm
# after it. Sites of networks have them.
OF_LAYERS = {
    "weight-gradient", "observation-4.3-minima", "theorem-4.4-layer", "theorem-4.4-layer-bound", "lemma-4.5",
    "lemma-4.5-filter", "lemma-4.5-rows", "norm-growth", "sum-rule-exact", "sum-rule", "kohler-variance",
    "kohler-reparametrisation", "running-mean", "running-variance", "running-variance-unbiased",
}  # fmt: skip
MATCHED = {"observation-4.3"}  # gamma = s and beta = mu


def arrays(measured) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in measured.items()}


def points(claim: Claim, quantities) -> np.ndarray:
    """The residuals at the points inside all hypotheses, where not all terms are zero; sample quantities count where
    they were measured."""
    sides = compile_claim(claim)(quantities)
    inside = np.isfinite(sides.left) & np.isfinite(sides.right) if claim.shape == "sample" else np.ones_like(sides.left)
    for mask in sides.hypotheses.values():
        inside = inside * mask
    for hypothesis in claim.hypotheses:
        if (flag := FLAGS.get(hypothesis.name)) in quantities:
            inside = inside * quantities[flag]
    inside = inside * ((sides.scale != 0) | (sides.left != sides.right)) * ~sides.lost
    return np.broadcast_to(residuals(claim, sides), inside.shape)[inside.astype(bool)]


def violated(normalizer: str, quantities, *, tolerance: float = 2.0**-40, skip=OF_LAYERS | MATCHED) -> set[str]:
    """The claims about a normaliser that fail somewhere; a KeyError or InputError where one was not measured."""
    claims = [claim for claim in claims_for(normalizer) if claim.key not in skip]
    return {claim.key for claim in claims if not (points(claim, quantities) <= tolerance).all()}
