"""Chapters: every claim in one of them, and none lost when theory/ grows a module."""

import dataclasses

from bnverify.reports.families import families, module_of
from bnverify.theory import CLAIMS


def test_every_claim_is_in_one_chapter_that_has_a_name():
    grouped = [claim.key for family in families() for claim in family.claims]
    assert sorted(grouped) == sorted(CLAIMS)
    assert "Further claims" not in [family.title for family in families()]


def test_chapters_are_by_module():
    chapters = {claim.key: family.title for family in families() for claim in family.claims}
    assert chapters["theorem-4.1"] == chapters["theorem-4.1-exact"] == "Theorem 4.1: the gradient"
    assert module_of(CLAIMS["lemma-4.5"]) == "bnverify.theory.results.santurkar2018.lemma_4_5"


def test_a_claim_of_an_unknown_module_comes_last(monkeypatch):
    def derive():
        raise NotImplementedError

    new = dataclasses.replace(CLAIMS["theorem-4.1"], key="new", derive=derive)
    monkeypatch.setattr("bnverify.reports.families.CLAIMS", {**CLAIMS, "new": new})
    assert families()[-1].title == "Further claims"
    assert families()[-1].claims == (new,)
