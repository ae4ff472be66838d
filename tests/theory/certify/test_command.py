"""`bnverify certify` and its exit statuses."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from calling import called
from certifying import document, needs_coq
from typer.testing import CliRunner

from bnverify.cli import app
from bnverify.theory import certify as certifying_package
from bnverify.theory.certify.certificate import LINKED, PREMISES, REFUSED, UNDECIDED, Certificate

SOURCE = Path(__file__).parents[3] / "src"


def bnverify(*arguments, path, cache):
    environment = {"PATH": path, "PYTHONPATH": str(SOURCE), "XDG_CACHE_HOME": str(cache), "HOME": str(cache)}
    return subprocess.run(
        [sys.executable, "-m", "bnverify", *arguments], env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip


def test_without_coq_one_sentence_and_status_3(tmp_path):
    done = bnverify("certify", "fact-c1", path=str(tmp_path), cache=tmp_path)
    assert done.returncode == 3
    assert "apt-get install --no-install-recommends coq" in done.stderr and "Traceback" not in done.stderr
    assert (
        bnverify("theory", "fact-c1", path="", cache=tmp_path)
        .stdout.rstrip()
        .endswith("`bnverify certify fact-c1` does.")
    )


@pytest.mark.parametrize("arguments", [("nothing",), ("--all", "fact-c1"), ("missing.json",)])
def test_bad_input_is_status_2(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("BNVERIFY_CACHE", str(tmp_path))
    status, _, told = called(monkeypatch, capsys, "certify", *arguments)
    assert status == 2 and "Traceback" not in told


@pytest.mark.parametrize(
    ("verdict", "reason", "status"),
    [
        (LINKED, "", 0),
        (PREMISES, "", 0),  # a claim without a link
        (PREMISES, "the link to the definition is not accepted: Error", 1),
        (REFUSED, "Error", 1),
        (UNDECIDED, "got no answer", 3),
    ],
)
def test_a_link_that_is_not_accepted_is_a_failure(monkeypatch, verdict, reason, status):
    found = [Certificate("fact-c1", LINKED), Certificate("theorem-4.1", verdict, reason=reason)]
    monkeypatch.setattr(certifying_package, "certify", lambda *_, **__: iter(found))
    done = CliRunner().invoke(app, ["certify", "fact-c1", "theorem-4.1"])
    assert done.exit_code == status, done.output


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
@pytest.mark.parametrize(("status", "passes"), [(0, True), (1, False), (2, False), (3, True)])
def test_make_certify_passes_without_coq_and_fails_with_a_refusal(tmp_path, status, passes):
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "bnverify").write_text(f"#!/bin/sh\nexit {status}\n")
    (venv / "bin" / "bnverify").chmod(0o755)
    make = ["make", "--old-file", f"{venv}/.runtime", "certify", f"VENV={venv}"]
    done = subprocess.run(make, cwd=SOURCE.parent, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == passes, done.stderr


@needs_coq
@pytest.mark.slow
def test_a_proof_in_a_file(tmp_path):
    import os

    file = tmp_path / "mine.json"
    file.write_text(json.dumps(document("fact-c1", key="mine")))
    done = bnverify("certify", "--json", str(file), path=os.environ["PATH"], cache=tmp_path)
    (found,) = json.loads(done.stdout)
    assert done.returncode == 0 and found["verdict"] == "kernel-checked from these premises"
    file.write_text(json.dumps(document("fact-c1", key="mine", facts=3)))
    done = bnverify("certify", str(file), path=os.environ["PATH"], cache=tmp_path)
    assert done.returncode == 1 and "refused" in done.stdout
