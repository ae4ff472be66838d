"""Every claim is proved, and no mutant of a claim is: a proof that accepts a wrong coefficient proves nothing."""

import dataclasses
import functools
import subprocess
import sys

import pytest
import sympy as sp
from mutants import mutants
from sampled import sampled

from bnverify.theory import CLAIMS, Certificate, ChannelSum, ProofError, UnknownClaim, m
from bnverify.theory.algebra.channel_sum import distribute
from bnverify.theory.proof.quantities import QUANTITIES

KEYS = list(CLAIMS)


@functools.cache
def proved(key):
    """The proof of a claim, made once for the tests that look at one and the same."""
    return CLAIMS[key].prove()


@pytest.mark.parametrize("key", KEYS)
def test_claim_is_proved(key):
    proof = proved(key)
    assert len(proof) >= 2 and proof.trials
    assert (proof.certificate is not None) == (CLAIMS[key].relation == "<=")


def _refused(key, found):
    for name, mutant in found:
        with pytest.raises(ProofError):
            print(f"{key} with {name}: {len(mutant.prove())} steps proved {mutant.right}")


@pytest.mark.parametrize("key", KEYS)
def test_a_mutant_is_not_proved(key):
    """One of every claim, of another kind from one to the next."""
    found, number = mutants(CLAIMS[key]), KEYS.index(key)
    _refused(key, [found[number % len(found)]])


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
def test_no_mutant_is_proved(key):
    _refused(key, mutants(CLAIMS[key]))


def test_the_mutants_of_the_default_run_are_of_all_kinds():
    chosen = (mutants(CLAIMS[key])[number % len(mutants(CLAIMS[key]))][0] for number, key in enumerate(KEYS))
    words = " ".join(chosen)
    assert all(kind in words for kind in ("dropped", "doubled", "negated", "divided by m", "1/m added"))


# Hypotheses a proof does not insert, because another one of the claim, or the normalizer it is derived from, says it
# too; or (Observation 4.3) because the identity holds without, and only its reading does not.
_SAID_ELSEWHERE = {
    ("normalizer-worst-factor", "epsilon = 0"), ("normalizer-worst-factor-floor", "epsilon = 0"),
    ("l1-scale-gradient", "L1"), ("observation-4.3-minima", "matched"),
    ("l1-worst-factor", "epsilon = 0"), ("linf-worst-factor", "epsilon = 0"), ("sum-rule", "epsilon = 0"),
}  # fmt: skip
CONDITIONS = [
    (key, h.name)
    for key in KEYS
    for h in CLAIMS[key].hypotheses
    if (h.condition is not None or h.equations) and (key, h.name) not in _SAID_ELSEWHERE
]


@pytest.mark.parametrize(("key", "name"), sampled(CONDITIONS, 2))
def test_no_claim_is_proved_without_its_conditions(key, name):
    claim = CLAIMS[key]
    fewer = tuple(h for h in claim.hypotheses if h.name != name)
    assert len(fewer) == len(claim.hypotheses) - 1
    with pytest.raises(ProofError):
        dataclasses.replace(claim, hypotheses=fewer).prove()


def test_steps_show_their_left_side_before_it_is_evaluated():
    """Not one step of one proof writes the same expression twice."""
    for key in KEYS:
        for step in proved(key):
            assert str(step.left) != str(step.right) or step.name == "conclusion", (key, step.name)


def test_certificate_needs_signs():
    """-(g_g) <= 0 certified by (-1)(g_g) is an identity with a negative factor, and must be refused."""
    claim = CLAIMS["theorem-4.1"]
    derivation = claim.derive()
    flipped = Certificate(((sp.Integer(-1), *derivation.certificate.terms[0], sp.Integer(-1)),))
    assert sp.expand(flipped.total - derivation.certificate.total) == 0
    with pytest.raises(ProofError, match="not certified"):
        dataclasses.replace(claim, derive=lambda: dataclasses.replace(derivation, certificate=flipped)).prove()


def test_printed_v3_coefficient_is_rejected():
    """Theorem 4.1 as in arXiv v3, with 1/sqrt(m) before the squared alignment."""
    from bnverify.theory import ONE, YHAT, G, gamma, s

    claim = CLAIMS["theorem-4.1"]
    v3 = (gamma / s) ** 2 * (G @ G - (ONE @ G) ** 2 / m - (G @ YHAT) ** 2 / sp.sqrt(m))
    with pytest.raises(ProofError, match="slack"):
        dataclasses.replace(claim, right=v3).prove()


@pytest.mark.parametrize("key", KEYS)
def test_claim_is_complete(key):
    claim = CLAIMS[key]
    assert claim.title and claim.source.place and claim.key == key
    assert set(claim.quantities) <= set(QUANTITIES)
    assert claim.shape in {"channel", "sample", "layer"} and claim.about and claim.chapter
    assert claim._repr_latex_().startswith("$")
    assert proved(key)._repr_latex_().startswith("$")


def test_unknown_claim_is_told_the_nearest_or_all():
    with pytest.raises(UnknownClaim, match=r"perhaps theorem-4\.1-exact"):
        CLAIMS["theorem-41-exact"]
    with pytest.raises(UnknownClaim, match=r"one of \d+ keys"):
        CLAIMS["zzz"]


def test_sum_over_channels_is_linear():
    x, k = sp.symbols("x k")
    assert distribute(ChannelSum(2 * x + k * x), (k,)) == 2 * ChannelSum(x) + k * ChannelSum(x)


def test_importing_theory_does_not_import_jax():
    code = "import sys, bnverify.theory; print([name for name in ('jax', 'numpy', 'xarray') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert found == "[]"
