"""What is proved is kept by the fingerprint of every line it was proved from, and not read when one has changed."""

import json
import os
import subprocess
import sys

import pytest
import small_report

from bnverify.caching import opened, sealed
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
    assert second.kept and not first.kept
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
    assert "lemma-4.5" in text
    for broken in (text[: len(text) // 2], text.replace("lemma-4.5", "lemma-4.9"), json.dumps({"claims": []}), "null"):
        file.write_text(broken)
        assert [claim.key for claim in derived().claims] == list(small_report.CLAIMS)
    assert len(counted) == 5


@pytest.mark.parametrize("change", [{"claims": []}, {"fingerprint": "another"}])
def test_what_was_proved_is_what_is_asked_now(counted, tmp_path, change):
    """Though it is sealed."""
    derived()
    (file,) = tmp_path.glob("derived-*.json")
    file.write_text(sealed(opened(file.read_text()) | change))
    assert [claim.key for claim in derived().claims] == list(small_report.CLAIMS) and len(counted) == 2


_EVERYTHING = """
import json, sys
from dataclasses import asdict
import sympy as sp
made_before = [sp.Dummy() for _ in range(int(sys.argv[1]))]
from bnverify.reports.document.derived import derive
from bnverify.theory import CLAIMS, to_json
print(json.dumps([asdict(derive()), {key: to_json(claim) for key, claim in CLAIMS.items()}]))
"""


@pytest.mark.slow
def test_all_that_is_derived_is_the_same_in_every_process():
    """Whatever sets are ordered by, and whatever was derived before."""

    def told(seed: str, before: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", _EVERYTHING, before]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    first = told("1", "3")
    assert len(first) > 10**5 and first == told("2", "941")
