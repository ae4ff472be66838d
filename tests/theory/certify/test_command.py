"""`bnverify certify` and its exit statuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from certifying import document, needs_coq

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
def test_bad_input_is_status_2(tmp_path, arguments):
    done = bnverify("certify", *arguments, path=str(tmp_path), cache=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr


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
