"""What a verdict may rest on: false claims carried by premises nobody would see are refused, kind by kind."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from bnverify import InputError
from bnverify.theory import (
    BATCH,
    CLAIMS,
    ONE,
    YHAT,
    Certificate,
    Claim,
    Derivation,
    G,
    H,
    Hypothesis,
    KnownScale,
    Normalizer,
    ProofError,
    SelfAdjoint,
    Source,
    V,
    Vector,
    W,
    Y,
    a,
    beta,
    epsilon,
    gamma,
    m,
    rho,
    s,
    to_json,
)
from bnverify.theory.proof.claim import Gram
from bnverify.theory.proof.hypotheses import NO_EPSILON, TRAINING_MODE
from bnverify.theory.proof.quantities import EXPONENTIAL_GRADIENT, V_SCALED, XT, T
from bnverify.theory.proof.signs import COUNT, reasons
from bnverify.theory.results.dynamics.schedules import TESTED

HERE = Source("this work", "a test")


def claim(left, relation, right, *hypotheses, certificate=None, normalizer=BATCH):
    return Claim(
        "mine", "A claim", HERE, sp.sympify(left), relation, sp.sympify(right), "channel",
        lambda: Derivation(normalizer, certificate), tuple(hypotheses),
    )  # fmt: skip


def refused(wrong, match=None):
    with pytest.raises((ProofError, ValueError), match=match):
        print(wrong().prove())


def test_what_is_true_is_proved():
    assert claim(W @ V, "==", W @ BATCH.backward).prove()
    assert claim(0, "<=", G @ G, certificate=Certificate(((G,),))).prove()


def test_a_false_claim_is_refused():
    refused(lambda: claim(W @ V, "==", 2 * (W @ BATCH.backward)), "fails")
    refused(lambda: claim(G @ G, "<=", 0, certificate=Certificate(((G,),))), "not certified")


@pytest.mark.parametrize(
    "equations",
    [
        {a: sp.Integer(0)}, {rho: sp.Integer(2)}, {G @ G: sp.Integer(-1)}, {V: 2 * BATCH.backward},
        {s: sp.Integer(0)}, {epsilon: sp.Integer(-1)}, {V @ V: 5 * (V @ V) + 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_hypothesis_that_says_more_than_its_name_is_refused(equations):
    """Its equations hold at no exact example: a false claim gets through on nothing."""
    more = Hypothesis("training mode", "the batch's moments", equations=equations)
    subject, value = next(iter(equations.items()))
    left, right = (W @ subject, W @ value) if isinstance(subject, Vector) else (subject, value)
    refused(lambda: claim(left, "==", right, more))


def test_a_hypothesis_with_a_condition_does_not_let_another_say_more():
    sign = Hypothesis("positive gain", "gamma > 0", sp.Gt(gamma, 0))
    refused(lambda: claim(a, "==", 0, sign, Hypothesis("training mode", "", equations={a: sp.Integer(0)})))
    both = {gamma: sp.Integer(1), a: sp.Integer(0)}
    refused(lambda: claim(a, "==", 0, Hypothesis("unit gain", "gamma = 1", sp.Eq(gamma, 1), both)))


@pytest.mark.parametrize(
    ("left", "right", "factors", "condition"),
    [
        (0, a, (a,), sp.Gt(a, 0)), (0, a, (a,), sp.Ge(a, 0)), (a, 0, (-a,), sp.Lt(a, 0)),
        (0, gamma, (gamma,), sp.Gt(gamma, 0)),
        (gamma, 0, (-gamma,), sp.Lt(gamma, 0)), (0, G @ H(G), (G @ H(G),), sp.Ge(G @ H(G), 0)),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_hypothesis_says_of_a_sign_can_be_used(left, right, factors, condition):
    """Papers assume <g, yhat> > 0, gamma > 0, a Hessian that is positive along g: there are examples of each."""
    stated = Hypothesis("sign", "a sign", condition)
    bound = claim(left, "<=", right, stated, certificate=Certificate((factors,)))
    assert bound.prove() and to_json(bound)["example"]
    refused(lambda: claim(left, "<=", right, certificate=Certificate((factors,))), "not certified")
    refused(lambda: claim(right, "<=", left, stated, certificate=Certificate(((-1 * factors[0],),))), "not certified")


@pytest.mark.parametrize(("subject", "value"), [(a, 0), (ONE @ G, 0), (gamma, 1), (beta, 0)], ids=str)
def test_what_a_hypothesis_says_is_zero_or_one_can_be_used(subject, value):
    stated = Hypothesis("number", "a number", sp.Eq(subject, value), {subject: sp.Integer(value)})
    squared = (gamma / s) ** 2 * (G @ G - (ONE @ G) ** 2 / m - (2 - rho) * a**2 / m)
    assert claim(V @ V, "==", squared.xreplace({subject: sp.Integer(value)}), stated).prove()
    refused(lambda: claim(V @ V, "==", squared.xreplace({subject: sp.Integer(value)}) + 1, stated), "fails")


def test_an_equation_that_is_not_its_condition_is_refused():
    wrong = Hypothesis("epsilon = 0", "no constant", sp.Eq(epsilon, 0), {gamma: sp.Integer(0)})
    refused(lambda: claim(V @ V, "==", 0, wrong))
    other = Hypothesis("epsilon = 0", "no constant", sp.Eq(epsilon, 0), {epsilon: sp.Integer(1)})
    refused(lambda: claim(rho, "==", 1 - 1 / s**2, other), "do not say what it says")


def test_contradictory_hypotheses_are_refused():
    one = Hypothesis("rho = 1", "", equations={rho: sp.Integer(1)})
    zero = Hypothesis("rho = 0", "", equations={rho: sp.Integer(0)})
    refused(lambda: claim(rho, "==", 0, one, zero))


@pytest.mark.parametrize(
    "factor",
    [
        sp.I * G, sp.sqrt(gamma) * G, G * gamma ** sp.Rational(1, 2), sp.Symbol("gamma", positive=True), a, -(G @ G),
        sp.Symbol("p", positive=True), Gram((G, sp.sqrt(gamma) * W)), sp.Symbol("rho", positive=True), 2 - m,
    ],
    ids=str,
)  # fmt: skip
def test_a_factor_without_a_sign_is_refused(factor):
    """Each would certify its own value; none may be negative for a reason, or it is no quantity at all."""
    from bnverify.theory.proof.claim import value_of

    refused(lambda: claim(0, "<=", value_of(factor), certificate=Certificate(((factor,),))))


def test_a_factor_that_a_square_of_something_negative_would_be_is_refused():
    refused(lambda: claim(0, "<=", -(G @ G), certificate=Certificate(((sp.I * G,),))), "expected a real number")


@pytest.mark.parametrize(
    "vector",
    [
        Vector.atom("p7", norm2=sp.Rational(9, 4) - gamma**2), Vector.atom("p7", norm2=-1), Vector.atom("p7", total=3),
        Vector.atom("p7"), Vector.atom("p7", entrywise=True),
    ],
    ids=["norm", "negative norm", "total", "unknown", "entries"],
)  # fmt: skip
def test_facts_of_a_vector_that_only_a_certificate_knows_are_refused(vector):
    refused(lambda: claim(0, "<=", vector.squared, certificate=Certificate(((vector,),))))
    refused(lambda: claim(0, "<=", Gram((vector, G)).value, certificate=Certificate(((Gram((vector, G)),),))))


def test_one_name_for_two_things_is_refused():
    other = sp.Symbol("s", real=True)
    refused(lambda: claim(other, "==", other), "two things")
    scalar = sp.Symbol("v", real=True)
    refused(lambda: claim(scalar + W @ V, "==", scalar + W @ BATCH.backward), "two things")
    plain = Vector.atom("yhat")
    refused(lambda: claim(plain @ W, "==", plain @ W), "two things")
    nonnegative = SelfAdjoint("H", nonnegative=True)
    refused(lambda: claim(0, "<=", G @ nonnegative(G), certificate=Certificate(((G @ nonnegative(G),),))))


def test_a_name_of_a_probe_captures_nothing():
    """A scale with a symbol of its own called t or u: the worst factor of it is not 1, and nothing says so."""
    for name in ("t", "u"):
        t = sp.Symbol(name, real=True)
        mine = Normalizer(
            "mine", True, lambda y, t=t: sp.sqrt((y - (ONE @ y) / m * ONE).squared / m + t**2 * (ONE @ y) ** 2)
        )
        assert mine.n.coefficient(ONE).has(t)


def test_what_no_example_can_compute_is_refused():
    refused(lambda: claim(W @ Vector.atom("unheard"), "==", W @ Vector.atom("unheard")), "no exact example")
    refused(lambda: claim(sp.Symbol("unheard"), "==", sp.Symbol("unheard")), "no exact example")


def test_values_declared_to_have_other_moments_are_refused():
    wrong = Normalizer("mine", True, BATCH.scale, values=Vector.atom("yhat_mine", norm2=2 * rho * m, total=0))
    refused(lambda: claim(W @ V, "==", W @ wrong.backward, normalizer=wrong), "does not follow from the definition")


@pytest.mark.parametrize("moving", [s, a, rho, G @ G, gamma * s, Y @ Y], ids=str)
def test_a_gain_or_a_shift_that_changes_with_y_is_refused(moving):
    """With gain s and shift mu, z is y and v is g; the rules take both for constants."""
    for change in ({"gain": moving}, {"shift": moving}):
        own = dataclasses.replace(BATCH, name="own", **change)
        refused(lambda own=own: claim(W @ V, "==", W @ own.backward, normalizer=own), "changes with y")
    own = dataclasses.replace(BATCH, name="own", gain=2 * gamma)
    assert claim(0, "<=", W @ W, certificate=Certificate(((W,),)), normalizer=own).prove()


def test_a_declared_gradient_is_compared_with_its_scale():
    from bnverify.theory import NORMALIZERS

    right = NORMALIZERS["l1"]
    assert claim(W @ V, "==", W @ right.backward, normalizer=right).prove()
    scale = right.scale
    wrong = dataclasses.replace(right, scale=KnownScale(3 * scale.gradient, scale.hessian, scale.of))
    refused(lambda: claim(W @ V, "==", W @ wrong.backward, normalizer=wrong), "wrong at an exact example")


def test_a_rescaled_gradient_needs_epsilon_0():
    scaled = CLAIMS["invariance-scale-gradient"]
    with pytest.raises(ProofError):
        scaled.under(TRAINING_MODE).prove()
    assert scaled.under(NO_EPSILON).prove()


def test_an_exponential_rate_needs_an_epsilon_that_grows():
    """With the gradient at k y of the same epsilon it holds at epsilon = 0 only."""
    rate = CLAIMS["exponential-rate"]
    assert rate.prove()
    stays = dataclasses.replace(TESTED, equations=TESTED.equations | {T @ EXPONENTIAL_GRADIENT: XT @ V_SCALED})
    others = [h for h in rate.hypotheses if h is not TESTED]
    with pytest.raises(ProofError):
        rate.under(*others, stays).prove()
    assert rate.under(*others, stays, NO_EPSILON).prove()


@pytest.mark.parametrize(
    "value", ["__import__('os').system('true')", "1", b"1", True, None, float("nan"), sp.Symbol("x"), 1j]
)
def test_only_numbers_are_put_into_a_claim(value):
    with pytest.raises(InputError):
        CLAIMS["theorem-4.1"].at(g_g=value)


@pytest.mark.parametrize("wrong", [{"m": 0}, {"m": -1}, {"m": 1.5}, {"s": 0}, {"rho": 2}, {"rho": -1}, {"nothing": 1}])
def test_numbers_a_quantity_cannot_be_are_refused(wrong):
    with pytest.raises(InputError):
        CLAIMS["theorem-4.1-exact"].at(**wrong)


def test_numbers_decide_a_claim():
    numbers = {"v_v": 0, "gamma": 1, "s": 1, "g_g": 1, "one_g": 0, "a": 1, "m": 2}
    assert CLAIMS["theorem-4.1"].at(**numbers) == True  # noqa: E712
    assert CLAIMS["theorem-4.1"].at(**numbers | {"v_v": 5}) == False  # noqa: E712


@pytest.mark.parametrize(
    "change",
    [{"left": 0.5}, {"left": G}, {"left": "v_v"}, {"shape": "banana"}, {"relation": "<"}, {"right": sp.Float(1e20)},
     {"right": sp.zoo}, {"scale": 0.5}],
    ids=str,
)  # fmt: skip
def test_a_claim_is_exact_and_well_formed(change):
    with pytest.raises(InputError):
        dataclasses.replace(CLAIMS["theorem-4.1"], **change)


def test_whole_numbers_are_taken_for_what_they_are():
    assert dataclasses.replace(CLAIMS["bias-gradient"], right=0).prove()


def test_premises_are_printed_with_the_claim():
    """In text, LaTeX, Markdown, the explanation and the document."""
    from bnverify.theory import explain, latex

    shown = CLAIMS["norm-growth"]
    growth = "grad_W_filter"
    for text in (str(shown), shown._repr_markdown_(), str(explain(shown)), str(to_json(shown))):
        assert growth in text and "plain gradient descent" in text
    assert "Derived from: s yhat = y - mu 1, s = sqrt(" in str(explain(shown))
    h = next(h for h in shown.hypotheses if h.name == "plain gradient descent")
    assert latex(next(iter(h.equations.values()))) in h._repr_latex_()
    assert H(YHAT) != H(G)
    assert Y in CLAIMS["kohler-variance"].hypotheses[1].equations


@pytest.mark.parametrize(
    ("key", "outside", "inside"),
    [
        ("two-values", {"epsilon": 1, "m": 8, "g_g": 4, "gamma": 1, "v_v": 1}, {"epsilon": 0, "m": 2, "v_v": 0}),
        ("invariance-scale", {"epsilon": 1, "w_yhat": 1, "w_yhat_scaled": 2}, {"epsilon": 0, "w_yhat_scaled": 1}),
    ],
)  # fmt: skip
def test_outside_a_hypothesis_a_claim_is_neither_true_nor_false(key, outside, inside):
    claim = CLAIMS[key]
    with pytest.raises(InputError, match=f"what {key} assumes"):
        claim.at(**outside)
    names = set(claim.quantities)
    assert claim.at(**{name: value for name, value in (outside | inside).items() if name in names}) == True  # noqa: E712


def test_a_decimal_is_the_fraction_that_it_writes():
    claim = CLAIMS["normalised-norm"]
    for tenth in (0.1, np.float64(0.1), np.float32(0.1), sp.Float("0.1"), Fraction(1, 10)):
        assert claim.at(yhat_yhat=0.3, m=3, rho=tenth) == True  # noqa: E712
    assert claim.at(yhat_yhat=0.3, m=3, rho=0.1 + 1e-17 * 2) == False  # noqa: E712


def test_where_a_side_has_no_value_a_claim_is_neither_true_nor_false():
    """Not False: the unbiased variance divides by m - 1, the ray of optima by |W*|^2."""
    numbers = {"rho": 0, "s": 1, "running_weight": sp.Rational(1, 10), "variance_before": 1, "variance_after": 1}
    with pytest.raises(InputError, match="both sides of running-variance-unbiased have a value"):
        CLAIMS["running-variance-unbiased"].at(m=1, **numbers)
    assert CLAIMS["running-variance-unbiased"].at(m=2, **numbers) in (True, False)
    with pytest.raises(InputError, match="divides by what is 0"):
        CLAIMS["lemma-4.5-filter"].at(**dict.fromkeys(CLAIMS["lemma-4.5-filter"].quantities, 0))


@pytest.mark.parametrize(
    ("numbers", "words"), [({"m": 2.5}, "whole"), ({"m": 0}, "positive"), ({"rho": 2}, "from 0 to 1")]
)
def test_a_number_is_refused_for_what_it_is_not(numbers, words):
    claim = next(claim for claim in CLAIMS.values() if set(numbers) <= set(claim.quantities))
    with pytest.raises(InputError, match=f"expected: a number.*{words}"):
        claim.at(**numbers)
    assert CLAIMS["theorem-4.1"].at(m=8.0) == CLAIMS["theorem-4.1"].at(m=8)


@pytest.mark.parametrize(
    "known", [{"positive": True}, {"integer": True}, {"nonnegative": True, "integer": True}, {"real": True}], ids=str
)
def test_a_count_is_a_positive_integer(known):
    """2 n^2 - n - 1 is not negative at 1, 2, 3, ..., but it is at 1/2 and, less 1, at 0."""
    (reason,) = reasons(2 * m**2 - m - 1)
    assert reason.because == COUNT
    n = sp.Symbol("n", **known)
    with pytest.raises(ValueError, match="got the factor"):
        reasons(2 * n**2 - n - 1)
