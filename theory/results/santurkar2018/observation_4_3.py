r"""Observation 4.3: with gamma = s and beta = mu an inserted batch norm changes nothing a network computes.

The second sentence of the observation (all minima are preserved) needs a bias in the layer: `MINIMA` gives the exact
relation between the gradients of the two networks, from which it can be read off.
"""

from __future__ import annotations

from bnverify.theory.algebra.vectors import ONE, Vector, substitute
from bnverify.theory.proof.claim import Claim, Derivation, Source, Step
from bnverify.theory.proof.hypotheses import LINEAR_WITH_BIAS, MATCHED, TRAINING_MODE
from bnverify.theory.proof.quantities import (
    YHAT,
    G,
    W,
    Y,
    Z,
    b,
    beta,
    gamma,
    grad_bias,
    grad_gamma,
    mu,
    s,
    weight_grad_plain,
)  # fmt: skip

_z = gamma * YHAT + beta * ONE
_matched = {gamma: s, beta: mu}
_y = mu * ONE + s * YHAT


def _derive() -> Derivation:
    steps = (Step("insertion", "z = gamma yhat + beta with gamma = s, beta = mu", _z.subs(_matched), _y),)
    return Derivation(steps, definitions={Y: _y, Z: _z.subs(_matched)})


def _derive_minima() -> Derivation:
    # y = X W + b 1 with <g, X W> = <X'g, W> = <W, dL/dW> and <g, 1> = dL/db.
    xw = Vector.atom("XW", latex="XW")
    known = {G @ xw: weight_grad_plain, G @ ONE: grad_bias}
    linear = substitute(G @ Y, {Y: xw + b * ONE}).xreplace(known)
    moments = G @ _y
    steps = (
        Step("linear layer", "<g, y> through the parameters", linear, weight_grad_plain + b * grad_bias),
        Step("moments", "<g, y> through the normalised values", moments, mu * (G @ ONE) + s * (G @ YHAT)),
        Step("gamma", "dLhat/dgamma = <g, yhat>, solved for it", G @ YHAT, (moments - mu * (G @ ONE)) / s),
    )  # fmt: skip
    return Derivation(steps, scalars={grad_gamma: (linear - mu * grad_bias) / s})


MATCHED_INSERTION = Claim(
    "observation-4.3", "Matched insertion reproduces the layer's output",
    Source("Santurkar et al. 2018", "Observation 4.3, first sentence"),
    W @ Z, "==", W @ Y, "channel", _derive, (TRAINING_MODE, MATCHED), remark="Stated for every w, so z = y.",
)  # fmt: skip

MINIMA = Claim(
    "observation-4.3-minima", "Matched insertion preserves stationary points of a layer with bias",
    Source("Santurkar et al. 2018", "Observation 4.3, second sentence, made exact"),
    s * grad_gamma, "==", weight_grad_plain + (b - mu) * grad_bias, "channel",
    _derive_minima, (TRAINING_MODE, MATCHED, LINEAR_WITH_BIAS),
    remark="At a minimum over (W, b) the right side is 0, hence a = 0 and the minimum is preserved; without a bias "
    "dL/db need not vanish, and the sentence is false.",
)  # fmt: skip
