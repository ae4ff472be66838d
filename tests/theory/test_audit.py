"""Every verdict is re-established: proofs of what is true, exact counterexamples of what is not, found again."""

import dataclasses

import pytest
import sympy as sp

from bnverify.theory import AUDIT, CLAIMS, AuditError, ChannelSum, G, UnknownClaim, V, Verdict, gamma, m, s
from bnverify.theory.algebra.vectors import ONE
from bnverify.theory.proof.claim import ProofError
from bnverify.theory.proof.example import Example
from bnverify.theory.proof.quantities import followed

KEYS = list(AUDIT)
REFUTED = [key for key in KEYS if AUDIT[key].counterexample is not None]


@pytest.mark.parametrize("key", KEYS)
def test_record_stands_up(key):
    AUDIT[key].check()


@pytest.mark.parametrize("key", REFUTED)
def test_search_finds_the_stored_counterexample(key):
    record = AUDIT[key]
    assert str(record.search()) == str(record.counterexample)


@pytest.mark.parametrize("key", REFUTED)
def test_counterexample_is_exact(key):
    """Both sides are exact numbers, and the misprint fed to the checker as a claim is refused."""
    record = AUDIT[key]
    sides = record.at(record.counterexample)
    assert not sides.holds
    assert all(side.is_number and not side.has(sp.Float) for side in (sides.left, sides.right))
    for claim in record.claims:
        if claim.left == record.relation.lhs and record.verdict is not Verdict.CONDITIONAL and _inside(claim, record):
            wrong = dataclasses.replace(claim, relation=record.relation.rel_op, right=record.relation.rhs)
            with pytest.raises(ProofError):
                wrong.prove()


def _inside(claim, record):
    """Whether the counterexample satisfies the hypotheses of the claim, as far as they are conditions."""
    conditions = [h.condition for h in claim.hypotheses if h.condition is not None]
    conditions = [c for c in conditions if c != sp.Gt(followed, 0)]  # another norm follows by construction
    return all(_insert(condition, record.counterexample) for condition in conditions)


def _insert(expression, example):
    """One channel is the whole layer, so a sum over channels is its only term."""
    expression = expression.replace(ChannelSum, lambda body: body)
    return expression.xreplace({symbol: sp.sympify(v) for symbol, v in example.numbers(expression).items()})


@pytest.mark.parametrize("key", REFUTED)
def test_corrected_claims_hold_at_the_counterexample(key):
    """What is said to be true instead is not refuted by the same numbers, wherever they suffice to evaluate it."""
    record = AUDIT[key]
    if not isinstance(record.counterexample, Example):
        pytest.skip("an example of more than one vector")
    evaluated = 0
    for claim in record.claims:
        try:
            slack = _insert(claim.right - claim.left, record.counterexample)
        except KeyError:
            continue
        if _inside(claim, record):
            evaluated += 1
            assert sp.simplify(slack) == 0 if claim.relation == "==" else sp.simplify(slack) >= 0
    if not evaluated:
        pytest.skip("no corrected claim speaks of these quantities alone inside its hypotheses")


def test_every_row_of_the_table_is_there():
    verdicts = {key: AUDIT[key].verdict for key in KEYS}
    assert verdicts["4.1-v3"] is Verdict.FALSE
    assert verdicts["4.1"] is Verdict.TRUE
    assert verdicts["4.2-i"] is Verdict.EQUALITY
    assert len(KEYS) >= 25
    assert all(set(AUDIT[key].corrected) <= set(CLAIMS) for key in KEYS)


@pytest.mark.parametrize(
    "change",
    [
        {"counterexample": AUDIT["4.2-ii"].counterexample, "relation": AUDIT["4.1"].relation},
        {"verdict": Verdict.TRUE},
        {"verdict": Verdict.EQUALITY},
        {"counterexample": None},
    ],
)
def test_a_wrong_record_is_noticed(change):
    """A counterexample that does not refute, a verdict that is too kind, a missing counterexample."""
    with pytest.raises(AuditError):
        dataclasses.replace(AUDIT["4.1-v3"], **change).check()


def test_a_true_formula_with_a_wrong_coefficient_is_noticed():
    wrong = sp.Le(V @ V, (gamma / s) ** 2 * (G @ G - (ONE @ G) ** 2 / m), evaluate=False)
    with pytest.raises(AuditError, match="not what"):
        dataclasses.replace(AUDIT["4.1"], relation=wrong).check()
    with pytest.raises(AuditError, match="something else"):
        dataclasses.replace(AUDIT["4.2-i"], relation=sp.Le(AUDIT["4.2-i"].relation.lhs, 0, evaluate=False)).check()


def test_nothing_refutes_what_is_true():
    record = dataclasses.replace(AUDIT["4.1"], candidates=AUDIT["4.1-smaller"].candidates)
    from itertools import islice

    assert not any(record.refuted_by(example) for example in islice(record.candidates(), 400))


def test_unknown_record_lists_the_known():
    with pytest.raises(UnknownClaim, match=r"one of \d+ keys"):
        AUDIT["9.9"]


def test_premises_are_required():
    """g'Hg >= 0 is refuted only by examples that satisfy the premises."""
    record = AUDIT["4.2-alignment"]
    example = Example((sp.Integer(0), sp.Integer(2)), (sp.Integer(0), sp.Integer(0)))
    assert not record.at(example).holds and not record.refuted_by(example)
