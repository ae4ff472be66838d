"""The laws of two steps: proved, and compared with steps that are taken, in rational numbers."""

import dataclasses
from fractions import Fraction as F

import pytest

from bnverify.errors import InputError
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.points import point
from bnverify.theory.proof.claim import ProofError
from bnverify.theory.results.dynamics import LAWS, law


@pytest.mark.parametrize("key", LAWS)
def test_a_law_is_proved(key):
    assert LAWS[key].prove().words and key in LAWS and LAWS[key].formula.claim in str(LAWS[key])


@pytest.mark.parametrize(("key", "right", "wrong"), [
    ("growth", "- 2*eta*(1 - eta*lam)*dot(w, g)", "- 2*eta*dot(w, g)"),
    ("growth", "+ eta**2*dot(g, g)", ""),
    ("growth-momentum", "eta**2*dot(b, b)", "eta**2*dot(g, g)"),
    ("angle", "(1 - eta*lam)*dot(w, w)", "dot(w, w)"),
    ("rotation", "x/(1 + al)", "x"),
    ("equilibrium", "(2 - eta*lam)", "2"),
    ("equilibrium-momentum", "2 - x/(1 + al)", "2 - x"),
    ("schedule", "- 2*Phi*dot(w, g)", ""),
    ("exponential-rate", "w/a", "w"),
])  # fmt: skip
def test_a_changed_law_is_not_proved(key, right, wrong):
    found = LAWS[key]
    assert right in found.formula.claim
    claim = found.formula.claim.replace(right, wrong)
    with pytest.raises(ProofError):
        dataclasses.replace(found, formula=dataclasses.replace(found.formula, claim=claim)).prove()


def test_a_law_about_nothing_is_not_proved():
    nothing = dataclasses.replace(LAWS["angle"].formula, given=("dot(w, w) < 0",))
    with pytest.raises(ProofError, match="does not hold at"):
        dataclasses.replace(LAWS["angle"], formula=nothing).prove()


def test_the_laws_hold_of_steps_that_are_taken():
    """A step of SGD with momentum and weight decay on three weights, in whole numbers over four."""
    w, g, p = ((F(1), F(-2), F(3)), (F(2), F(1), F(1)), (F(1), F(0), F(-1)))
    eta, lam, al = F(1, 4), F(1, 2), F(3, 4)
    inner = lambda u, v: sum(a * b for a, b in zip(u, v, strict=True))  # noqa: E731
    plain = tuple(a - eta * (b + lam * a) for a, b in zip(w, g, strict=True))
    assert law("growth").residual(w=w, g=g, eta=eta, lam=lam) == 0
    assert inner(plain, plain) == F(*(1 - eta * lam).as_integer_ratio()) ** 2 * inner(w, w) - 2 * eta * (
        1 - eta * lam
    ) * inner(w, g) + eta**2 * inner(g, g)
    assert inner(w, g) == 3, "a gradient with an epsilon part along the weights"
    assert inner(w, plain) == (1 - eta * lam) * inner(w, w) - eta * inner(w, g)
    assert law("growth-momentum").residual(w=w, g=g, p=p, eta=eta, lam=lam, al=al) == 0
    assert law("schedule").residual(w=w, g=g, eta=eta, a=1 - eta * lam, eta2=F(1, 3), a2=F(5, 6)) == 0


def test_epsilon_is_an_extra_weight_decay():
    """Rotation with e = <w, grad> > 0 is that without epsilon at a weight decay lam + e/A."""
    with_epsilon = dataclasses.replace(LAWS["rotation"].formula, claim="B/A = 1 - (x + eta*e/A)/(1 + al)")
    assert dataclasses.replace(LAWS["rotation"], formula=with_epsilon).prove()


def test_the_length_in_equilibrium():
    """The exact length is a fixed point of the step, the one printed everywhere is not."""
    fixed = Formula("q = (1 - eta*lam)**2*q + eta**2*L", {"eta": "positive", "lam": "positive", "L": "positive",
                                                         "q": "positive"}, sizes=(1,))  # fmt: skip
    from bnverify.theory.audit.answers import FAILS, HOLDS, status

    assert status(fixed, point(eta=1, lam="1/10", L=1, q="100/19", m=1)) == HOLDS
    assert status(fixed, point(eta=1, lam="1/10", L=1, q=5, m=1)) == FAILS


def test_an_unknown_law():
    with pytest.raises(InputError, match="rotation"):
        law("rotations")
