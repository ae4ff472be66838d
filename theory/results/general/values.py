r"""Values, parameter gradients and running statistics of any normaliser.

Claims about derivatives do not see a constant offset, or a forward pass that is wrong where its backward pass is right.
Where gamma differs inside a vector it is the diagonal operator Gamma, and beta is a vector. Gradients of the parameters
are claimed along an arbitrary direction t of them: T is the diagonal operator of t, and Tg multiplies g by it.
"""

from __future__ import annotations

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, SelfAdjoint, Vector, m
from bnverify.theory.normalizers.normalizer import variance
from bnverify.theory.proof.claim import Claim, Derivation, Hypothesis, Source, Step
from bnverify.theory.proof.hypotheses import READING, TRAINING_MODE
from bnverify.theory.proof.quantities import (
    BETA,
    GAMMA,
    LAYER_TG,
    LAYER_YHAT,
    YHAT,
    W,
    Y,
    Z,
    along_beta,
    along_gamma,
    mean_after,
    mean_before,
    mu,
    rho,
    running_weight,
    s,
    sigma2,
    variance_after,
    variance_before,
)  # fmt: skip

_THIS = Source("this work", "the definition of a normaliser")
_T = SelfAdjoint("T")
_G = Vector.atom("g_layer", latex=r"\mathbf g")
BIASED = Hypothesis("biased running variance", "the running variance is fed with the biased variance of the batch")
UNBIASED = Hypothesis("unbiased running variance", "the running variance is fed with m/(m - 1) times the biased one")


def _derive_values() -> Derivation:
    z = GAMMA(YHAT) + BETA
    step = Step("test vector", "gamma and beta act entry by entry", W @ z, GAMMA(W) @ YHAT + W @ BETA)
    return Derivation((step,), definitions={Z: z})


def _derive_parameters() -> Derivation:
    """z moves along T yhat where gamma moves along t, along T 1 where beta does."""
    size = sp.Symbol("move", real=True)
    by_gamma = sp.diff(_G @ (size * _T(LAYER_YHAT)), size)
    by_beta = sp.diff(_G @ (size * _T(ONE)), size)
    steps = (
        Step("gamma", "<g, T yhat> = <Tg, yhat>", by_gamma, _T(_G) @ LAYER_YHAT),
        Step("beta", "<g, T1> = <1, Tg>", by_beta, ONE @ _T(_G)),
    )
    return Derivation(
        steps, definitions={LAYER_TG: _T(_G)}, scalars={along_gamma: by_gamma, along_beta: by_beta}
    )  # fmt: skip


def _derive_running() -> Derivation:
    move = (1 - running_weight) * mean_before + running_weight * (ONE @ Y) / m
    spread = sp.expand(variance(Y))
    after = (1 - running_weight) * variance_before + running_weight * sigma2
    steps = (
        Step("mean", "mu is the mean of y", (ONE @ Y) / m, (ONE @ Y) / m),
        Step("variance", "the biased variance is the mean square minus the squared mean",
             spread, (Y @ Y) / m - (ONE @ Y) ** 2 / m**2),
    )  # fmt: skip
    return Derivation(
        steps,
        scalars={mean_after: move, mu: (ONE @ Y) / m, variance_after: after, rho: sigma2 / s**2},
    )


def _derive_unbiased() -> Derivation:
    first = _derive_running()
    corrected = (1 - running_weight) * variance_before + running_weight * m / (m - 1) * sigma2
    return Derivation(first.steps, scalars={**first.scalars, variance_after: corrected}, rewrite=sp.cancel)


VALUES = Claim(
    "values", "The layer returns gamma yhat + beta", _THIS,
    W @ Z, "==", W @ GAMMA(YHAT) + W @ BETA, "channel", _derive_values, (TRAINING_MODE,),
    remark="For every w, with yhat from the mean and the scale of y. Of batch renormalisation yhat is r yhat + d.",
)  # fmt: skip

GAMMA_GRADIENT = Claim(
    "gamma-gradient", "Gradient of gamma, along any direction of the channels", _THIS,
    along_gamma, "==", LAYER_TG @ LAYER_YHAT, "layer", _derive_parameters, (TRAINING_MODE, READING),
    remark="Stated for every direction t: so for every channel, whatever vectors it belongs to.",
)  # fmt: skip

BETA_GRADIENT = Claim(
    "beta-gradient", "Gradient of beta, along any direction of the channels", _THIS,
    along_beta, "==", ONE @ LAYER_TG, "layer", _derive_parameters, (TRAINING_MODE, READING),
    remark="Stated for every direction t.",
)  # fmt: skip

RUNNING_MEAN = Claim(
    "running-mean", "The running mean moves to that of the batch", _THIS,
    mean_after, "==", (1 - running_weight) * mean_before + running_weight * mu, "channel",
    _derive_running, (TRAINING_MODE,),
    remark="The weight of the new batch is PyTorch's momentum, and one minus that of Flax and Keras.",
)  # fmt: skip

RUNNING_VARIANCE = Claim(
    "running-variance", "The running variance moves to the biased variance of the batch", _THIS,
    variance_after, "==", (1 - running_weight) * variance_before + running_weight * rho * s**2, "channel",
    _derive_running, (TRAINING_MODE, BIASED), remark="sigma^2 = rho s^2. Flax and Keras keep this one.",
)  # fmt: skip

RUNNING_UNBIASED = Claim(
    "running-variance-unbiased", "The running variance moves to the unbiased variance of the batch", _THIS,
    variance_after, "==", (1 - running_weight) * variance_before + running_weight * m / (m - 1) * rho * s**2, "channel",
    _derive_unbiased, (TRAINING_MODE, UNBIASED), remark="PyTorch keeps this one.",
)  # fmt: skip

ANY = (VALUES, GAMMA_GRADIENT, BETA_GRADIENT)
RUNNING = (RUNNING_MEAN, RUNNING_VARIANCE, RUNNING_UNBIASED)
