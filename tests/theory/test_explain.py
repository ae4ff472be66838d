"""Explanations hold every part of a proof, in words that fit the mathematics."""

import dataclasses

import pytest
import sympy as sp
from sampled import sampled

from bnverify.theory import CLAIMS, ProofError, is_zero, latex
from bnverify.theory.proof.explain import Explanation, explain

KEYS = list(CLAIMS)


@pytest.fixture(scope="module", params=sampled(KEYS, 3))
def explanation(request) -> Explanation:
    return explain(CLAIMS[request.param])


def flat(text: str) -> str:
    return " ".join(text.split())


def test_text_holds_every_part(explanation):
    claim, text = explanation.claim, flat(str(explanation))
    assert text.startswith(f"{claim.title} ({claim.key})")
    assert flat(f"{claim.left} {claim.relation} {claim.right}") in text
    assert str(claim.source) in text and claim.remark in text
    assert all(flat(f"Assumed: {h}") in text for h in claim.hypotheses)
    assert all(name in text for name in claim.prove().trials)
    for number, step in enumerate(explanation.steps, 1):
        assert flat(f"{number}. {step.name} — {step.reason} {step.left}") in text
        assert flat(f"= {step.right}") in text
    assert max(map(len, str(explanation).splitlines())) <= 120


def test_bound_says_why_it_cannot_fail(explanation):
    text = flat(str(explanation))
    assert (explanation.claim.relation == "<=") == ("No factor can be negative, because" in text)
    assert all(flat(sign) in text for sign in explanation.signs)
    if explanation.products:
        total = sp.Add(*(sp.Mul(*(reason.value for reason in product)) for product in explanation.products))
        assert is_zero(total - explanation.claim.derive().certificate.total)


def test_notebook_holds_every_part(explanation):
    markdown, mathematics = explanation._repr_markdown_(), explanation._repr_latex_()
    assert explanation.claim.latex in markdown
    assert mathematics.startswith("$") and mathematics.endswith("$")
    assert markdown.replace(r"\$", "").count("$") % 2 == 0
    for step in explanation.steps:
        assert latex(step.left) in markdown and latex(step.right) in markdown
        assert f"{latex(step.left)} &= {latex(step.right)}" in mathematics
    assert markdown.count("No factor can be negative") == (explanation.claim.relation == "<=")


def test_a_claim_that_does_not_hold_is_not_explained():
    claim = CLAIMS["theorem-4.1"]
    with pytest.raises(ProofError):
        explain(dataclasses.replace(claim, right=claim.right / 2))


def test_theorem_4_1_in_words():
    signs = explain(CLAIMS["theorem-4.1"]).signs
    assert set(signs) == {
        "gamma**2/s**2 is a square", "<g, yhat>**2 is a square", "rho lies between 0 and 1", "m is positive",
    }  # fmt: skip


def test_plain_text_is_escaped_in_markdown():
    assert r"\|P y\|^2/s^2 with rho" in explain(CLAIMS["theorem-4.1"])._repr_markdown_()
