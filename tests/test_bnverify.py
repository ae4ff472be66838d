"""The command line as a user meets it: exit status, tables, and errors of three lines without a traceback."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from calling import called, three_lines

from bnverify.commands.terminal import console
from bnverify.theory import AUDIT, CLAIMS

ROOT = Path(__file__).parent.parent
TINY = ("--preset", "tiny", "--steps", "6")


def started(*arguments, columns=160, **options):
    """The command line as a process."""
    environment = os.environ | {"COLUMNS": str(columns), "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        [sys.executable, "-m", "bnverify", *map(str, arguments)],
        capture_output=True, text=True, env=environment, **{"timeout": 400} | options,
    )  # fmt: skip


@pytest.fixture
def bnverify(monkeypatch, capsys):
    """The same in this process, which has its programs and proofs ready: (*arguments) -> status and what is printed."""

    def call(*arguments, columns=160):
        monkeypatch.setattr(console, "_width", columns)
        monkeypatch.setenv("COLUMNS", str(columns))  # of the help
        status, shown, told = called(monkeypatch, capsys, *arguments)
        return SimpleNamespace(returncode=status, stdout=shown, stderr=told)

    return call


@pytest.fixture(scope="module")
def copied(tiny_run, tmp_path_factory):
    target = tmp_path_factory.mktemp("copy") / "run"
    shutil.copytree(tiny_run.path, target)
    return target


# Claims and records of several kinds and of the longest keys; tables of all take half a minute.
FEW_CLAIMS = ("fact-c1", "theorem-4.1-exact", "theorem-4.1", max(CLAIMS, key=len))
FEW_RECORDS = ("4.1-v3", "4.2-ii", "hoedt-mean", max(AUDIT, key=len))


@pytest.fixture
def few(monkeypatch):
    """`bnverify theory` of a few claims and records."""
    monkeypatch.setattr("bnverify.commands.theory.CLAIMS", {key: CLAIMS[key] for key in FEW_CLAIMS})
    monkeypatch.setattr("bnverify.commands.theory.AUDIT", {key: AUDIT[key] for key in FEW_RECORDS})


def _all_are_listed(done, claims, records):
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    assert f"{len(claims)} claims proved" in shown and f"{len(records)} printed formulas audited" in shown
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown
    assert all(f" {key} " in done.stdout for key in (*claims, *records))


def test_theory_lists_and_proves_claims_and_cuts_no_key_in_a_narrow_terminal(bnverify, few):
    _all_are_listed(bnverify("theory", columns=80), FEW_CLAIMS, FEW_RECORDS)


@pytest.mark.slow
def test_theory_lists_and_proves_all_claims():
    _all_are_listed(started("theory", columns=80), CLAIMS, AUDIT)


def test_theory_prints_one_claim_with_its_proof(bnverify):
    done = bnverify("theory", "theorem-4.1")
    assert done.returncode == 0
    assert "backward pass" in done.stdout and "slack" in done.stdout and "later version" in done.stdout


def test_theory_prints_an_audit_record_with_its_counterexample(bnverify):
    done = bnverify("theory", "4.1-v3")
    assert done.returncode == 0
    assert "Ruling: false as quoted by" in done.stdout and "left 0, right 2 - 2*sqrt(2)" in done.stdout


def test_theory_prints_the_page_of_a_paper(bnverify):
    done = bnverify("theory", "Xiong et al. 2020")
    assert done.returncode == 0
    assert "Does not hold:" in done.stdout and "false as transcribed by machine" in done.stdout


def test_theory_prints_a_normaliser(bnverify):
    done = bnverify("theory", "rms")
    assert done.returncode == 0
    assert done.stdout.count("proved") == 2 and "n = (1/m) yhat" in done.stdout


def _is_checked_again(content, claims, records):
    from bnverify.theory.proof.recheck import recheck

    assert set(content["claims"]) == set(claims) and set(content["audit"]) == set(records)
    assert content["audit"]["4.1-v3"]["ruling"] == "false"
    assert recheck(content["claims"]["theorem-4.1"])


def test_theory_as_json_can_be_checked_again(bnverify, few):
    _is_checked_again(json.loads(bnverify("theory", "--json").stdout), FEW_CLAIMS, FEW_RECORDS)
    only = json.loads(bnverify("theory", "4.2-ii", "--json").stdout)
    assert list(only["audit"]) == ["4.2-ii"] and not only["claims"]


@pytest.mark.slow
def test_all_of_theory_as_json_can_be_checked_again(bnverify):
    _is_checked_again(json.loads(bnverify("theory", "--json").stdout), CLAIMS, AUDIT)


def test_experiments_are_listed(bnverify):
    done = bnverify("experiments")
    assert done.returncode == 0
    assert "landscape" in done.stdout and "figure 4" in done.stdout and "15,000 steps" in done.stdout


@pytest.mark.slow
def test_an_experiment_runs_to_its_report(tmp_path):
    short = ("--steps", "4", "--record-every", "2", "--check-every", "4", "--width", "0.03125", "--batch", "16")
    done = started("run", "--experiment", "noisy", "--out", tmp_path, *short, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Observed, not asserted" in done.stdout
    found = json.loads((tmp_path / "findings.json").read_text())["observed"]
    assert {one["verdict"] for one in found} <= {"agree", "differ", "not comparable"}
    assert (tmp_path / "report.pdf").exists() and (tmp_path / "with-noise" / "summary.json").exists()


def test_verify_passes_and_writes_the_summary(bnverify, copied):
    done = bnverify("verify", copied)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((copied / "summary.json").read_text())
    assert summary["violations"] == 0
    assert {"key", "kind", "network", "dtype", "points", "violations", "excluded", "worst", "tightness"} <= set(
        summary["claims"][0]
    )
    assert set(summary["observed"]) == {"bn", "plain"}


def test_verify_fails_on_a_violated_claim_and_says_where(bnverify, copied, tmp_path):
    import xarray as xr

    from bnverify.empirical.runs.records import write_dataset

    broken = tmp_path / "broken"
    shutil.copytree(copied, broken)
    file = broken / "records" / "bn" / "exact-000004.nc"
    with xr.open_dataset(file, engine="scipy") as stored:
        data = stored.load()
    data["v_v"][{"step": 0, "site": 1, "channel": 1}] *= 1.001
    write_dataset(file, data)
    done = bnverify("verify", broken)
    assert done.returncode == 1
    assert "violated theorem-4.1-exact" in done.stdout
    assert "step 4, conv2, channel 1: left" in done.stdout and "right" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "--preset", "huge"), ("preset 'huge'", "one of", "--preset")),
        (("run", "--experiment", "figure-9"), ("experiment 'figure-9'", "landscape", "experiments")),
        (("run", "--experiment", "training", "--scale", "huge"), ("scale 'huge'", "quick, paper", "--scale")),
        (("theory", "zzz"), ("key 'zzz'", "one of", "bnverify theory")),
        (("theory", "theorem-9"), ("key 'theorem-9'", "perhaps theorem-4.1", "bnverify theory")),
        (("train", *TINY, "--dataset", "mnist"), ("mnist", "synthetic", "cifar10")),
        (("train", *TINY, "--dataset", "cifar10", "--data", "/nonexistent"), ("/nonexistent", "expected", "do:")),
        (("train", *TINY, "--learning-rate", "-1"), ("learning_rate -1.0", "positive", "0.035")),
        (("train", *TINY, "--batch", "1"), ("batch 1", "at least 2", "--batch")),
        (("train", *TINY, "--epsilon", "-1"), ("epsilon -1.0", "positive", "do:")),
        (("train", *TINY, "--batch", "0"), ("batch 0", "at least 2", "--batch")),
        (("train", *TINY, "--every", "landscape"), ("--every 'landscape'", "a number of steps", "landscape=250")),
        (("train", *TINY, "--every", "weather=2"), ("weather", "landscape", "name a listed")),
        (("train", *TINY, "--every", "landscape=3"), ("landscape every 3", "a multiple", "change one")),
        (("train", *TINY, "--width", "0"), ("width 0.0", "multiplier", "--width")),
        (("train", *TINY, "--weight-decay", "-1"), ("weight_decay -1.0", "positive", "do:")),
        (("train", *TINY, "--momentum", "1"), ("momentum 1.0", "[0, 1)", "0.9")),
        (("train", *TINY, "--seeds", "0"), ("--seeds 0", "at least one", "do:")),
        (("train", "--preset", "deep-linear", "--data", "/tmp"), ("--data /tmp", "cifar10", "--dataset")),
        (("train", *TINY, "--data", "/tmp", "--dataset", "synthetic"), ("--data /tmp", "cifar10", "--dataset")),
        (("train", *TINY, "--data", "/nonexistent"), ("/nonexistent", "CIFAR-10", "do:")),  # it is read, not ignored
        (("train", *TINY, "--out", "x" * 300), ("300 bytes", "255 bytes", "shorter --out")),
        (("train", *TINY, "--out", "/etc/hostname"), ("/etc/hostname", "a file", "--out")),
        (("train", *TINY, "--process", "1"), ("--process 1 of one process", "--processes", "2 or more")),
        (("train", *TINY, "--coordinator", "a:1"), ("--coordinator a:1 of one", "--processes", "2 or more")),
        (("train", *TINY, "--processes", "0"), ("0 processes", "the number of all", "2 or more")),
        (("verify", "/nonexistent"), ("/nonexistent", "run directory", "bnverify run")),
        (("report", "/nonexistent"), ("/nonexistent", "run directory", "bnverify run")),
    ],
)
def test_bad_input_is_three_lines_and_no_traceback(monkeypatch, capsys, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    status, shown, told = called(monkeypatch, capsys, *arguments)
    assert status == 2 and "Traceback" not in shown
    three_lines(told)
    assert all(word in told for word in words), told


@pytest.mark.parametrize(
    "words", [("train", "--out"), ("run", "--data"), ("reproduce", "--out"), ("report", ".", "--out")]
)
def test_an_empty_path_is_no_path(monkeypatch, capsys, tmp_path, words):
    monkeypatch.chdir(tmp_path)
    status, _, told = called(monkeypatch, capsys, *words, "")
    assert status == 2 and not list(tmp_path.iterdir())
    assert words[-1] in told and "empty path" in told and "pass ." in told


def test_every_option_has_a_help_text_where_options_are_shared(bnverify):
    for command in ("train", "run"):
        told = " ".join(bnverify(command, "--help").stdout.split())
        assert "Learning rate of SGD." in told and "One of quick, tiny" in told
    assert "A named experiment" in told


@pytest.mark.parametrize(
    "wrong", [("--preset", "huge"), ("--experiment", "figure-9"), ("--scale", "huge"), ("--batch", "0"),
              ("--width", "0"), ("--preset", "deep-linear", "--data", "/tmp"), ("--out", "x" * 300)],
)  # fmt: skip
@pytest.mark.parametrize("experiment", [(), ("--experiment", "training")])
def test_what_is_wrong_fails_before_the_proofs_and_before_a_directory_is_made(
    monkeypatch, capsys, tmp_path, wrong, experiment
):
    monkeypatch.chdir(tmp_path)
    if ("--scale" in wrong and not experiment) or ("--preset" in wrong and experiment):
        experiment = ("--experiment", "training") if "--scale" in wrong else ()
    status, shown, told = called(monkeypatch, capsys, "run", *experiment, *wrong)
    assert status == 2 and "proved" not in shown
    three_lines(told)
    assert not list(tmp_path.iterdir())


def test_no_key_is_cut_in_a_narrow_terminal(bnverify, copied):
    shown = bnverify("verify", copied, columns=80).stdout
    assert shown and "\N{HORIZONTAL ELLIPSIS}" not in shown


def test_the_columns_of_the_verdicts_are_explained(bnverify, copied):
    done = bnverify("verify", copied)
    for word in ("points:", "apart:", "worst:", "tight:", "rows had no point to test"):
        assert word in done.stdout


def test_progress_into_a_file_is_a_line_a_tenth(capsys):
    from bnverify.commands.train import progress

    with progress(40) as tell:
        for step in (0, 3, 4, 5, 38, 40):
            tell(step)
    assert capsys.readouterr().out.splitlines() == [f"step {step} of 40" for step in (4, 38, 40)]


def test_a_directory_of_another_configuration_is_refused(bnverify, copied):
    done = bnverify("train", "--preset", "tiny", "--seed", "5", "--out", copied)
    assert done.returncode == 2
    assert "seed = 0 (now 5)" in done.stderr and "another --out" in done.stderr
    assert "fingerprint" in done.stderr  # the default data set is not the one of the fixture


def _start(out, log):
    command = [sys.executable, "-m", "bnverify", "train", *TINY, "--out", str(out)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, stdout=log, stderr=log)


def _wait_for(path: Path, process, seconds=300):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline, f"{path} never appeared"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("interruption", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_resumes_to_the_same_bits(tmp_path, interruption):
    """Killed in the middle of a chunk, a run goes on and leaves the records of an uninterrupted one, byte for byte."""
    with open(tmp_path / "log", "w") as log:
        whole = _start(tmp_path / "whole", log)
        assert whole.wait(600) == 0
        process = _start(tmp_path / "cut", log)
        _wait_for(tmp_path / "cut" / "records" / "bn" / "curves-000000.nc", process)
        process.send_signal(interruption)
        assert process.wait(100) != 0
        assert _start(tmp_path / "cut", log).wait(600) == 0
    files = sorted(p.relative_to(tmp_path / "whole") for p in (tmp_path / "whole" / "records").rglob("*.nc"))
    kinds = Counter((file.parent.name, file.name.split("-")[0]) for file in files)
    of_both = {(network, kind): 3 for network in ("bn", "plain") for kind in ("curves", "exact", "inline")}
    assert kinds == of_both | {("plain", "ray"): 1}
    for file in files:
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "cut" / file).read_bytes(), file
