"""Claims derived from a definition: they prove themselves, and batch norm's own formula gives batch norm's theorem."""

import time

import pytest
import sympy as sp

from bnverify import InputError
from bnverify.theory import (
    BATCH,
    CLAIMS,
    NORMALIZERS,
    ONE,
    Claim,
    Derivation,
    Hypothesis,
    KnownScale,
    Normalizer,
    ProofError,
    SelfAdjoint,
    Source,
    Vector,
    claims_for,
    claims_of,
    epsilon,
    m,
    smoothing,
    variance,
)
from bnverify.theory.normalizers.own_claims import (
    SPREAD,
    TOTAL,
    consistent,
    gradient_effect,
    scale_gradient,
    scale_in_moments,
)
from bnverify.theory.proof.givens import derived
from bnverify.theory.proof.quantities import NORMALISED, YHAT, G, M, N, P, V, W, Y, mu, rho, s
from bnverify.theory.results.general.any_normalizer import ANY

OWN = {
    "outside": Normalizer("outside", True, lambda y: sp.sqrt(variance(y)) + epsilon),
    "between": Normalizer("between", True, lambda y: sp.sqrt(variance(y) + ((ONE @ y) / m) ** 2 / 4 + epsilon)),
    "power": Normalizer("power", True, lambda y: (variance(y) ** 2 + epsilon) ** sp.Rational(1, 4)),
    "halved": Normalizer("halved", False, lambda y: sp.sqrt(y.squared / (4 * m) + epsilon)),
}


@pytest.mark.parametrize("name", OWN)
def test_claims_prove_themselves(name):
    claims = claims_of(OWN[name])
    assert [claim.key for claim in claims[-2:]] == [f"{name}-scale-gradient", f"{name}-gradient"]
    for claim in claims:
        assert len(claim.prove()) >= 2


def test_a_wrong_coefficient_is_not_proved():
    claim = scale_gradient(OWN["between"])
    wrong = type(claim)(
        claim.key, claim.title, claim.source, claim.left, "==", 2 * claim.right, "channel", claim.derive
    )
    with pytest.raises(AssertionError, match="conclusion fails"):
        wrong.prove()


def test_batch_norm_by_another_name_gives_theorem_4_1():
    again = Normalizer("again", True, BATCH.scale)
    n, effect = scale_gradient(again), gradient_effect(again)
    exact = CLAIMS["theorem-4.1-exact"]
    known = {NORMALISED.squared: rho * m, P(G) @ P(G): G.squared - (ONE @ G) ** 2 / m}
    assert sp.simplify(effect.right.xreplace(known) - exact.right) == 0
    assert effect.left == exact.left == V @ V
    assert n.left == W @ N and n.right == W @ YHAT / m


def test_scale_in_moments():
    assert scale_in_moments(OWN["outside"]) == sp.sqrt(SPREAD / m) + epsilon
    assert scale_in_moments(OWN["between"]) == sp.sqrt(SPREAD / m + TOTAL**2 / (4 * m**2) + epsilon)
    with pytest.raises(ValueError, match="direction"):
        scale_in_moments(Normalizer("odd", False, lambda y: (y @ Vector.atom("direction")) ** 2))
    with pytest.raises(ValueError, match="with k"):
        scale_in_moments(Normalizer("odd", False, lambda y: sp.Symbol("k") * y.squared))
    for moment in (SPREAD, TOTAL):  # a constant of that name is none of them
        constant = sp.Symbol(moment.name, **moment.assumptions0)
        odd = Normalizer("odd", True, lambda y, constant=constant: variance(y) / sp.sqrt(constant**2))
        with pytest.raises(ValueError, match=f"with {moment.name}; expected a formula"):
            scale_in_moments(odd)


def test_the_worst_factor_is_claimed_of_consistent_scales_only():
    found = {name: consistent(each) for name, each in OWN.items()}
    assert found == {"outside": True, "between": False, "power": True, "halved": True}
    assert not consistent(NORMALIZERS["l2-uncentred"]) and consistent(NORMALIZERS["rms"]) and consistent(BATCH)
    assert not consistent(Normalizer("square", True, variance))
    for name, each in OWN.items():
        assert ("normalizer-worst-factor" in {claim.key for claim in claims_of(each)}) == found[name]


def test_known_normalisers_have_the_claims_of_the_catalogue():
    for name, each in NORMALIZERS.items():
        assert claims_of(each) == claims_for(name)
    known_scale = claims_of(Normalizer("mine", True, NORMALIZERS["l1"].scale))
    assert {claim.key for claim in known_scale} < {claim.key for claim in claims_for("mine")}


def test_what_is_not_measured_is_not_claimed():
    """Uncentred, with n not along yhat: <1, yhat> would be needed."""
    odd = Normalizer("odd", False, lambda y: sp.sqrt(y.squared / m + ((ONE @ y) / m) ** 2 + epsilon))
    assert scale_gradient(odd) is None and gradient_effect(odd) is None


def test_a_declared_gradient_is_compared_with_its_scale():
    """Three times its gradient, or half a scale, is refused; the right one is not."""
    scale = NORMALIZERS["l1"].scale
    assert claims_of(Normalizer("mine", True, scale))
    for wrong in (
        KnownScale(3 * scale.gradient, scale.hessian, scale.of),
        KnownScale(scale.gradient, scale.hessian, lambda entries, size: scale.of(entries, size) / 2),
    ):
        with pytest.raises(InputError, match="correct the gradient"):
            claims_of(Normalizer("mine", True, wrong))


Q = SelfAdjoint("Q")
L1_SCALE = NORMALIZERS["l1"].scale


@pytest.mark.parametrize(
    ("centred", "scale"),
    [
        (False, lambda y: sp.sqrt(y.squared / m + epsilon)), (True, BATCH.scale), (True, KnownScale(N, M)),
        (False, KnownScale(N, M, L1_SCALE.of)),
    ],
)  # fmt: skip
def test_a_projector_of_its_own_stands_beside_nothing_that_does_not_follow_it(centred, scale):
    """With s^2 = |y|^2/m + epsilon and s yhat = Q y, n is y/(m s), which is yhat/m for Q = I only."""
    with pytest.raises(ValueError, match="leave the projector out"):
        Normalizer("odd", centred, scale, projector=Q)
    assert Normalizer("odd", centred, scale)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (ONE @ ANY.normalised, 0), (ANY.normalised.squared, m * rho), (ONE @ Y, m * mu), (Y @ Y, s**2 * m),
        (W @ N, (W @ ANY.normalised) / m), (P(Y) @ W, s * (ANY.normalised @ W)),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("projector", [P, Q], ids=lambda each: each.name)
def test_what_holds_for_the_centring_or_the_identity_is_not_proved_for_every_projector(projector, left, right):
    """The last holds for the projector of the definition, and for no other."""
    own = Normalizer("general", False, KnownScale(N, M), projector=projector)
    euler = Hypothesis("euler", "s <n, y> = s^2 - epsilon", sp.Eq(s * (N @ Y), s**2 - epsilon))
    claim = Claim("mine", "mine", Source("mine", "1"), left, "==", right, "channel", lambda: Derivation(own), (euler,))
    if (projector, left) == (P, P(Y) @ W):
        assert claim.prove()
    else:
        with pytest.raises((ProofError, ValueError)):
            claim.prove()


@pytest.mark.parametrize("own", [ANY, Normalizer("other", False, KnownScale(N, M), projector=Q)], ids=str)
def test_y_is_written_in_1_and_yhat_without_a_projector_only(own):
    subjects = set(map(repr, derived(own)))
    assert not subjects & {"y", "P g", "P x"} and set(map(repr, derived(BATCH))) >= {"y"}


def test_nothing_says_what_rho_is_of_a_scale_that_is_no_formula():
    """rho = 1 - epsilon/s^2 is the definition beside a formula; <n, y> = rho s would be another thing."""
    zero = Hypothesis("epsilon = 0", "no epsilon", sp.Eq(epsilon, 0), {epsilon: sp.Integer(0)})
    for own, proved in ((BATCH, True), (ANY, False)):
        claim = Claim("mine", "mine", Source("mine", "1"), rho, "==", sp.Integer(1), "channel",
                      lambda own=own: Derivation(own), (zero,))  # fmt: skip
        if proved:
            assert claim.prove()
        else:
            with pytest.raises((ProofError, ValueError)):
                claim.prove()


def test_a_negative_scale_is_refused_at_once():
    negative = Normalizer("negative", True, lambda y: -sp.sqrt(variance(y) + epsilon))
    start = time.process_time()
    for ask in (smoothing, claims_of):
        with pytest.raises(ValueError, match="change its sign"):
            ask(negative)
    assert time.process_time() - start < 2
