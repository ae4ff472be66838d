r"""Values, parameter gradients and running statistics of any normaliser.

Claims about derivatives do not see a constant offset, or a forward pass that is wrong where its backward pass is right.
Where gamma differs inside a vector it is the diagonal operator Gamma, and beta is a vector. Gradients of the parameters
are claimed along an arbitrary direction t of them: T is the diagonal operator of t, and Tg multiplies g by it.
"""

from __future__ import annotations

from functools import partial

from bnverify.theory.algebra.vectors import ONE, SelfAdjoint, Vector, m
from bnverify.theory.normalizers.normalizer import BATCH, variance
from bnverify.theory.proof.claim import Claim, Derivation, Hypothesis, Source
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
    variance_after,
    variance_before,
)  # fmt: skip
from bnverify.theory.results.general.any_normalizer import ANY as ANY_NORMALIZER

_claim = partial(Claim, about=("any", "batch-renorm"), chapter="values")
_of_batch = partial(Claim, chapter="values")

_THIS = Source("this work", "the definition of a normaliser")
_T = SelfAdjoint("T")
_G = Vector.atom("g_layer", latex=r"\mathbf g")
AFFINE = Hypothesis(
    "entry-wise gamma and beta", "z = Gamma yhat + beta, entry by entry", equations={Z: GAMMA(YHAT) + BETA}
)
ALONG = Hypothesis(
    "a direction of the parameters", "T is the diagonal of a direction t; gamma + h t moves z by h T yhat, beta + h t "
    "by h T 1",
    equations={LAYER_TG: _T(_G), along_gamma: _G @ _T(LAYER_YHAT), along_beta: _G @ _T(ONE)},
)  # fmt: skip
_kept = (1 - running_weight) * variance_before
AVERAGED = Hypothesis(
    "running mean", "the running mean is fed with the mean of the batch",
    equations={mean_after: (1 - running_weight) * mean_before + running_weight * (ONE @ Y) / m},
)  # fmt: skip
BIASED = Hypothesis(
    "biased running variance", "the running variance is fed with the biased variance of the batch",
    equations={variance_after: _kept + running_weight * variance(Y)},
)  # fmt: skip
UNBIASED = Hypothesis(
    "unbiased running variance", "the running variance is fed with m/(m - 1) times the biased one, m > 1",
    equations={variance_after: _kept + running_weight * m / (m - 1) * variance(Y)},
)  # fmt: skip


def _derive_values() -> Derivation:
    return Derivation(ANY_NORMALIZER)


def _derive() -> Derivation:
    return Derivation(BATCH)


VALUES = _claim(
    "values", "The layer returns gamma yhat + beta", _THIS,
    W @ Z, "==", W @ GAMMA(YHAT) + W @ BETA, "channel", _derive_values, (TRAINING_MODE, AFFINE),
    remark="For every w, with yhat from the mean and the scale of y. Of batch renormalisation yhat is r yhat + d.",
)  # fmt: skip

GAMMA_GRADIENT = _claim(
    "gamma-gradient", "Gradient of gamma, along any direction of the channels", _THIS,
    along_gamma, "==", LAYER_TG @ LAYER_YHAT, "layer", _derive, (TRAINING_MODE, READING, ALONG),
    remark="Stated for every direction t: so for every channel, whatever vectors it belongs to.",
)  # fmt: skip

BETA_GRADIENT = _claim(
    "beta-gradient", "Gradient of beta, along any direction of the channels", _THIS,
    along_beta, "==", ONE @ LAYER_TG, "layer", _derive, (TRAINING_MODE, READING, ALONG),
    remark="Stated for every direction t.",
)  # fmt: skip

RUNNING_MEAN = _of_batch(
    "running-mean", "The running mean moves to that of the batch", _THIS,
    mean_after, "==", (1 - running_weight) * mean_before + running_weight * mu, "channel",
    _derive, (TRAINING_MODE, AVERAGED),
    remark="The weight of the new batch is PyTorch's momentum, and one minus that of Flax and Keras.",
)  # fmt: skip

RUNNING_VARIANCE = _of_batch(
    "running-variance", "The running variance moves to the biased variance of the batch", _THIS,
    variance_after, "==", (1 - running_weight) * variance_before + running_weight * rho * s**2, "channel",
    _derive, (TRAINING_MODE, BIASED), remark="sigma^2 = rho s^2. Flax and Keras keep this one.",
)  # fmt: skip

RUNNING_UNBIASED = _of_batch(
    "running-variance-unbiased", "The running variance moves to the unbiased variance of the batch", _THIS,
    variance_after, "==", (1 - running_weight) * variance_before + running_weight * m / (m - 1) * rho * s**2, "channel",
    _derive, (TRAINING_MODE, UNBIASED), remark="PyTorch keeps this one.",
)  # fmt: skip

ANY = (VALUES, GAMMA_GRADIENT, BETA_GRADIENT)
RUNNING = (RUNNING_MEAN, RUNNING_VARIANCE, RUNNING_UNBIASED)
