"""The laws of two steps: proved, and compared with steps that are taken, in rational numbers."""

import dataclasses
import math
from fractions import Fraction as F

import numpy as np
import pytest

from bnverify.errors import InputError
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.points import point
from bnverify.theory.proof.claim import ProofError
from bnverify.theory.results.dynamics.laws import LAWS, law


@pytest.mark.parametrize("key", LAWS)
def test_a_law_is_proved(key):
    assert LAWS[key].prove().words and key in LAWS and LAWS[key].formula.claim in str(LAWS[key])


@pytest.mark.parametrize(("key", "right", "wrong"), [
    ("rotation", "x/(1 + al)", "x"),
    ("equilibrium", "(2 - eta*lam)", "2"),
    ("equilibrium-momentum", "2 - x/(1 + al)", "2 - x"),
    ("rotation-decoupled", "(a + be)", "(1 + be)"),
])  # fmt: skip
def test_a_changed_law_is_not_proved(key, right, wrong):
    found = LAWS[key]
    assert right in found.formula.claim
    claim = found.formula.claim.replace(right, wrong)
    with pytest.raises(ProofError):
        dataclasses.replace(found, formula=dataclasses.replace(found.formula, claim=claim)).prove()


def test_a_law_about_nothing_is_not_proved():
    nothing = dataclasses.replace(LAWS["rotation"].formula, given=("A < 0",))
    with pytest.raises(ProofError, match="does not hold at"):
        dataclasses.replace(LAWS["rotation"], formula=nothing).prove()


def test_the_laws_hold_of_a_step_that_repeats():
    """Two weights that turn by the same angle and keep their length: the averages are those of one step."""
    c, s = F(3, 5), F(4, 5)
    w, after, before = (F(1), F(0)), (c, s), (c, -s)
    inner = lambda u, v: sum(a * b for a, b in zip(u, v, strict=True))  # noqa: E731
    eta, al, x = F(1, 2), F(1, 4), F(1, 3)
    g = tuple(((1 - x + al) * p - al * q - r) / eta for p, q, r in zip(w, before, after, strict=True))
    e = inner(w, g)
    assert law("rotation").residual(A=F(1), B=inner(w, after), x=x, al=al, eta=eta, e=e) == 0 != e
    assert law("rotation").residual(A=F(1), B=inner(w, after), x=x, al=al, eta=eta, e=0) != 0
    a, be = 1 - x, F(1, 4)
    m, m_after = (tuple((a * p - q) / eta for p, q in zip(*pair, strict=True)) for pair in ((before, w), (w, after)))
    g = tuple((p - be * q) / (1 - be) for p, q in zip(m_after, m, strict=True))
    values = {"A": F(1), "B": inner(w, after), "a": a, "be": be, "eta": eta, "M": 0}
    assert law("rotation-decoupled").residual(**values, e=inner(w, g)) == 0 != inner(w, g)


def test_a_residual_is_exact_whatever_the_numbers_are_written_in():
    """NumPy's integers wrap around, and a quotient of integers is a float."""
    at = {"A": 100_000, "eta": 1, "lam": 1, "L": 2, "e": 0}
    exact = law("equilibrium").residual(**at)
    assert type(exact) is F and exact == 9_999_999_998 != 0
    assert law("equilibrium").residual(**{k: np.int32(v) for k, v in at.items()}) == exact
    assert law("rotation").residual(A=3, B=1, x=1, al=1, eta=1, e=0) == F(-1, 6)
    assert law("rotation").residual(A=3.0, B=1, x=1, al=1, eta=1, e=0) == float(F(-1, 6))
    assert law("equilibrium").residual(A=1e200, eta=1, lam=1, L=2, e=0) == math.inf


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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"eta": 0}, "positive"), ({"A": -1}, "positive"), ({"lam": F(-1)}, "not negative"),
        ({"L": float("nan")}, "finite"),
        ({"A": "x"}, "a number"), ({"A": None}, "a number"), ({"zz": 3}, "numbers for A, L, e, eta, lam"),
    ],
)  # fmt: skip
def test_a_law_takes_the_numbers_it_speaks_of(change, words):
    at = {"A": 1, "lam": F(1, 2), "eta": 1, "L": F(3, 4), "e": 0}
    assert law("equilibrium").residual(**at) == 0
    with pytest.raises(InputError, match=words):
        law("equilibrium").residual(**at | change)
    with pytest.raises(InputError, match="numbers for A, L, e, eta, lam"):
        law("equilibrium").residual()
