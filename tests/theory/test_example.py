"""The third route: claims at small rational examples whose derivatives come from jets, not from the algebra."""

import dataclasses
from fractions import Fraction

import pytest
import sympy as sp
from mutants import mutants
from rationals import EXPLICIT, example, insert, slack

from bnverify.theory import CLAIMS
from bnverify.theory.algebra.jet import Jet, NotRational, NotSmooth, largest, root
from bnverify.theory.normalizers.known import L1, L1_UNCENTRED, L2_UNCENTRED, LINF, LINF_UNCENTRED, RMS
from bnverify.theory.normalizers.normalizer import BATCH

# Claims of the general normaliser and of batch norm that one vector can decide.
GENERAL = [k for k in CLAIMS if k.startswith("normalizer")]
BATCH_ONLY = [
    k for k in CLAIMS
    if not k.startswith(("normalizer", "l1", "linf", "renorm", "sum-rule", "observation", "one-value"))
    and slack(CLAIMS[k], example(0, 4)) is not None
]  # fmt: skip


def test_the_examples_decide_enough():
    assert len(BATCH_ONLY) >= 15


@pytest.mark.parametrize("key", BATCH_ONLY)
def test_claim_holds_at_examples(key):
    claim = CLAIMS[key]
    for seed, size in ((1, 3), (2, 4), (3, 5)):
        found = slack(claim, example(seed, size))
        assert found == 0 if claim.relation == "==" else found >= 0


@pytest.mark.parametrize("normalizer", [*EXPLICIT, L1, LINF, L1_UNCENTRED, LINF_UNCENTRED], ids=lambda n: n.name)
@pytest.mark.parametrize("key", GENERAL)
def test_general_claim_holds_for_every_normaliser(key, normalizer):
    claim = CLAIMS[key]
    if normalizer.name.endswith("uncentred") and key.startswith("normalizer-worst"):
        pytest.skip("outside the hypotheses: the scale sees the mean")
    at = example(4, 4, normalizer, epsilon_zero=key.startswith("normalizer-worst"))
    if key.startswith("normalizer-worst") and normalizer.name == "weight":
        at = dataclasses.replace(at, y=tuple(map(Fraction, (1, 1, 1, 1))))
    found = _general_slack(claim, at)
    assert found == 0 if claim.relation == "==" else found >= 0


def _general_slack(claim, at):
    """P and M are operators of the normaliser: quantities of theirs come from the example by name."""
    return insert(claim.right - claim.left, at)


@pytest.mark.parametrize("key", [k for k in GENERAL if CLAIMS[k].relation == "=="])
def test_mutants_of_general_claims_fail(key):
    for name, mutant in mutants(CLAIMS[key]):
        points = [example(s, n, normalizer) for s, n in ((4, 4), (5, 3)) for normalizer in (L2_UNCENTRED, L1_UNCENTRED)]
        points += [example(6, 4, BATCH), example(6, 4, RMS)]
        assert any(_general_slack(mutant, at) != 0 for at in points), name


def test_jets_differentiate():
    t = Jet(Fraction(4), Fraction(1))
    f = root(t) / (1 + t * t) - abs(-t) ** 3
    x = sp.Symbol("x", positive=True)
    formula = sp.sqrt(x) / (1 + x**2) - x**3
    assert [f.c0, f.c1, f.c2] == [sp.diff(formula, x, k).subs(x, 4) for k in range(3)]


def test_kinks_and_irrational_roots_are_refused():
    with pytest.raises(NotSmooth):
        abs(Jet(Fraction(0), Fraction(1)))
    with pytest.raises(NotSmooth):
        largest([Jet(Fraction(1), Fraction(1)), Jet(Fraction(1), Fraction(2))])
    with pytest.raises(NotRational):
        root(Fraction(2))
