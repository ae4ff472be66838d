r"""The second derivative of batch normalisation along a direction, and the full Hessian of the normalised loss."""

from __future__ import annotations

from bnverify.theory.algebra.derivative import derivative
from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.normalizer import BATCH, centre, in_normalised_coordinates
from bnverify.theory.proof.claim import Claim, Derivation, Source, Step
from bnverify.theory.proof.hypotheses import READING, TRAINING_MODE
from bnverify.theory.proof.quantities import HHAT, KX, U_W, U_X, YHAT, G, H, U, V, W, X, Y, a, gamma, rho, s


def _derive_second() -> Derivation:
    centred, c = centre(X), (YHAT @ X) / m
    second = BATCH.second(X, X)
    steps = (
        Step("second derivative of the scale", "D2 s[x,x] = (|Cx|^2 - m c^2)/(m s) with c = <yhat, x>/m",
             in_normalised_coordinates(derivative(BATCH.formula(Y), Y, (X, X))),
             (centred.squared - m * c**2) / (m * s)),
        Step("product rule", "D2 yhat[x,x] from D s and D2 s",
             second, -2 * c / s**2 * (centred - c * YHAT) - (centred.squared - m * c**2) / (m * s**2) * YHAT),
    )  # fmt: skip
    return Derivation(steps, definitions={KX: second})


def _derive_hessian() -> Derivation:
    acceleration = gamma * BATCH.second(X, W)
    steps = (
        Step("symmetry", "mixed second derivatives commute", acceleration, gamma * BATCH.second(W, X)),
        Step("curvature of the normalisation", "the part of the Hessian that H does not enter",
             G @ acceleration, _curvature()),
        Step("projected directions", "D z[x] = (gamma/s) P x with P = C - yhat yhat'/m",
             gamma * BATCH.jacobian(X), gamma / s * (centre(X) - (YHAT @ X) / m * YHAT)),
    )  # fmt: skip
    return Derivation(
        steps,
        definitions={U_W: gamma * BATCH.jacobian(W), U_X: gamma * BATCH.jacobian(X)},
        scalars={W @ HHAT(X): BATCH.hessian(X, W)},
    )


def _curvature():
    """-(gamma/(m s^2)) w'((Cg) yhat' + yhat (Cg)' + a C - (3/m) a yhat yhat') x."""
    g = centre(G)
    return -gamma / (m * s**2) * (
        (g @ W) * (YHAT @ X) + (YHAT @ W) * (g @ X) + a * (centre(W) @ X) - 3 * a / m * (YHAT @ W) * (YHAT @ X)
    )  # fmt: skip


def _derive_velocity() -> Derivation:
    c = (YHAT @ V) / m
    u = gamma * BATCH.jacobian(V)
    projected = Step(
        "projection", "v is already centred, so u = gamma (v - c yhat)/s with c = <yhat, v>/m",
        gamma * BATCH.jacobian(BATCH.backward),
        gamma / s * (BATCH.backward - (YHAT @ BATCH.backward) / m * YHAT),
    )  # fmt: skip
    size = Step(
        "size of c", "c = gamma a (1 - rho)/(s m)", (YHAT @ BATCH.backward) / m, gamma * a * (1 - rho) / (s * m)
    )
    general = Step("any direction", "D z[v] for a generic v", u, gamma / s * (centre(V) - c * YHAT))
    back = {V: BATCH.backward}
    return Derivation((general, projected, size), definitions={U: gamma * BATCH.jacobian(BATCH.backward), **back})


_SOURCE = Source("Santurkar et al. 2018", "proof of Theorem 4.2, equations (41)-(42)")
_centred_norm = X @ X - (ONE @ X) ** 2 / m

SECOND_DERIVATIVE = Claim(
    "second-derivative", "Second derivative of batch normalisation along a direction",
    Source("this work", "Fact C.2 continued"),
    W @ KX, "==",
    -2 * (YHAT @ X) / (m * s**2) * (W @ X - (ONE @ W) * (ONE @ X) / m - (YHAT @ X) * (W @ YHAT) / m)
    - (W @ YHAT) * (_centred_norm - (YHAT @ X) ** 2 / m) / (m * s**2),
    "channel", _derive_second, (TRAINING_MODE,), remark="Stated for every w and x.",
)  # fmt: skip

HESSIAN = Claim(
    "hessian", "Full Hessian of the normalised loss", _SOURCE,
    W @ HHAT(X), "==", U_W @ H(U_X) - gamma / (m * s**2) * (
        (W @ G - (ONE @ W) * (ONE @ G) / m) * (X @ YHAT) + (W @ YHAT) * (X @ G - (ONE @ X) * (ONE @ G) / m)
        + a * (W @ X - (ONE @ W) * (ONE @ X) / m) - 3 * a * (W @ YHAT) * (X @ YHAT) / m
    ), "sample", _derive_hessian, (TRAINING_MODE, READING),
    remark="Stated for every w and x, with u_w = D z[w] = (gamma/s) P w. Exact for every epsilon.",
)  # fmt: skip

VELOCITY = Claim(
    "velocity", "The direction u = D z[v] in which z moves when y moves along its gradient v",
    Source("this work", "for Theorem 4.2"),
    W @ U, "==", gamma / s * (W @ V - (1 - rho) * gamma * a / (m * s) * (W @ YHAT)), "channel",
    _derive_velocity, (TRAINING_MODE, READING), remark="At epsilon = 0, u = (gamma/s) v.",
)  # fmt: skip
