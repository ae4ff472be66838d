"""A certificate that is kept is shown with its hash; without one nothing is said."""

import pytest

from bnverify.reports.chapters import certificates as module
from bnverify.reports.chapters.certificates import certificates
from bnverify.reports.chapters.theorems import claimed
from bnverify.reports.document.blocks import Paragraph
from bnverify.reports.document.derived import derived
from bnverify.theory.certify import Certificate

KEPT = Certificate("theorem-4.1", "kernel-checked from these premises", axioms=("classic",), hash="ab" * 32)


def told(found, key, certificate):
    blocks = claimed(found.by_key[key], found, [], certificate)
    return [b.text for b in blocks if isinstance(b, Paragraph) and b.lead == "Certificate:"]


def test_what_is_kept_is_said_and_asked_for_once(small, tmp_path, monkeypatch):
    monkeypatch.setenv("BNVERIFY_CACHE", str(tmp_path))
    (tmp_path / "certify").mkdir()
    monkeypatch.setattr(module, "cache", lambda: tmp_path / "certify")
    found = derived()
    assert certificates(found) == {}
    (tmp_path / "certify" / "one.json").write_text("{}")
    monkeypatch.setattr(module, "certificate_of", lambda document: KEPT if document["key"] == KEPT.key else None)
    said = certificates(found)
    assert list(said) == ["theorem-4.1"] and "ab" * 32 in said["theorem-4.1"] and "classic" in said["theorem-4.1"]
    monkeypatch.setattr(module, "to_json", lambda claim: pytest.fail("the documents are kept"))
    assert certificates(found) == said
    assert told(found, "theorem-4.1", said["theorem-4.1"]) == [said["theorem-4.1"]]
    assert told(found, "theorem-4.2", "") == []


@pytest.mark.parametrize("damage", ["", "[", "[]", "{}"])
def test_documents_that_are_damaged_are_made_again(small, tmp_path, monkeypatch, damage):
    monkeypatch.setenv("BNVERIFY_CACHE", str(tmp_path))
    found = derived()
    whole = module._documents(found)
    (file,) = tmp_path.glob("documents-*.json")
    file.write_text(damage)
    assert module._documents(found) == whole and [*whole] == [claim.key for claim in found.claims]
    file.unlink()
    file.mkdir()  # cannot be written either
    assert module._documents(found) == whole
