"""Mutants of every claim, each false at an exact example, are refused by Coq; the claim itself passes beside them."""

import pytest
from certifying import document, needs_coq, use_library
from coq_mutants import KINDS, accepted, holds, mutants, mutations

from bnverify.theory import CLAIMS
from bnverify.theory.certify import certify, library
from bnverify.theory.certify.certificate import REFUSED

SAMPLE = ("theorem-4.1", "fact-c2", "values")


@pytest.fixture(scope="module")
def built(coq_cache, tmp_path_factory):
    """The two files that generated proofs need, compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BNVERIFY_CACHE", coq_cache)
        use_library(patch, tmp_path_factory.mktemp("library"))
        with library.compiled() as folder:
            yield folder


def refused(key, built, folder):
    """Whether Coq accepts the claim, and refuses all its mutants."""
    wrong, _ = mutants(key)
    assert wrong, "a claim of which nothing can be wrong"
    right, *found = accepted([document(key), *(mutant for _, mutant in wrong)], built, folder)
    return right and [mutant["statement"] for (_, mutant), passed in zip(wrong, found, strict=True) if passed] == []


@needs_coq
@pytest.mark.parametrize("key", SAMPLE)
def test_mutants_are_refused(key, built, tmp_path):
    assert refused(key, built, tmp_path)


@needs_coq
@pytest.mark.slow
@pytest.mark.parametrize("key", CLAIMS)
def test_every_mutant_is_refused(key, built, tmp_path):
    assert refused(key, built, tmp_path)


@needs_coq
def test_certify_refuses_a_mutant_with_the_reason_of_coq(built):
    (_, mutant), *_ = mutants("fact-c2")[0]
    (found,) = certify([mutant], jobs=1)
    assert found.verdict == REFUSED and found.reason and not found.statement


def test_mutants_of_a_formula():
    found = list(mutations("a**2*b - c"))
    assert {kind for kind, _ in found} == set(KINDS)
    texts = {text for _, text in found}
    assert {"(2*(a ** 2 * b)) - (c)", "- (a ** 2 * b) - (c)", "(a ** 2 * b) + (c)", "- (c)", "a ** 3 * b - c"} <= texts


def test_what_is_true_is_no_mutant():
    """A weaker bound is a theorem; an example says of a stronger one that it is none."""
    from coq_mutants import examples

    from bnverify.theory.certify.document import read

    exported = document("theorem-4.1")
    at, statement = examples(read(exported)), exported["statement"]
    assert at and all(holds(statement, each) for each in at)
    assert all(holds(statement | {"right": f"{statement['right']} + 1"}, each) for each in at)
    assert not all(holds(statement | {"right": f"({statement['right']})/2"}, each) for each in at)
    assert not any(mutant["statement"]["right"].endswith(" + 1") for _, mutant in mutants("theorem-4.1")[0])
