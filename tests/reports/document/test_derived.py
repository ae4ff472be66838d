"""What is proved is kept by the fingerprint of every line it was proved from, and not read when one has changed."""

import json

import pytest
import small_report

from bnverify.reports.document import derived as module
from bnverify.reports.document.derived import derive, derived
from bnverify.theory import CLAIMS


@pytest.fixture
def counted(small, tmp_path, monkeypatch):
    """Small, with a cache of its own; the list grows by one whenever something is proved."""
    monkeypatch.setenv("BNVERIFY_CACHE", str(tmp_path))
    proved = []
    monkeypatch.setattr(module, "derive", lambda fingerprint="": (proved.append(fingerprint), derive(fingerprint))[1])
    return proved


def test_a_second_time_nothing_is_proved_and_the_same_is_said(counted):
    first, second = derived(), derived()
    assert first == second and len(counted) == 1
    assert [claim.key for claim in first.claims] == list(small_report.CLAIMS)


def test_a_changed_line_a_changed_library_and_a_changed_question_are_proved_anew(counted, monkeypatch):
    derived()
    before = module._fingerprint()
    monkeypatch.setattr(module, "_READ", ("theory", "reports/chapters"))  # other lines
    assert module._fingerprint() != before
    derived()
    monkeypatch.setattr(module.sp, "__version__", "0")
    derived()
    monkeypatch.setattr(module, "CLAIMS", {"fact-c1": CLAIMS["fact-c1"]})
    assert [claim.key for claim in derived().claims] == ["fact-c1"]
    assert len(counted) == 4 and len(set(counted)) == 4


def test_a_claim_of_another_package_is_proved_every_time(counted, monkeypatch):
    monkeypatch.setattr(module, "_module", lambda claim: "somebody.else")
    derived(), derived()
    assert len(counted) == 2


def test_half_a_file_is_proved_again(counted, tmp_path):
    derived()
    (file,) = tmp_path.glob("derived-*.json")
    text = file.read_text()
    for broken in (text[: len(text) // 2], json.dumps({"claims": []}), "null"):
        file.write_text(broken)
        assert [claim.key for claim in derived().claims] == list(small_report.CLAIMS)
    assert len(counted) == 4
