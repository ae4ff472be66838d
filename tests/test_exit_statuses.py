"""Every way in which the disk, the platform, the pipe or the locale can fail: a status of its own, and three lines."""

import dataclasses
import errno
import functools
import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from calling import called, three_lines

from bnverify.commands.terminal import BAD_INPUT, BROKEN_PIPE, DEFECT, INCOMPLETE, INTERRUPTED, MACHINE, VIOLATED
from bnverify.empirical.data.synthetic import synthetic_cifar
from bnverify.empirical.judgement.verdict import verify
from bnverify.empirical.runs.files import locked, write_arrays, write_atomically
from bnverify.empirical.runs.records import load_run
from bnverify.empirical.runs.run import train
from bnverify.errors import InputError
from bnverify.reports.chapters.content import Content

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {"COLUMNS": "160", "PYTHONPATH": str(ROOT / "src")}


def call(*arguments, **options):
    """In a process of its own."""
    changed = options.pop("env", {})
    return subprocess.run(
        [sys.executable, "-m", "bnverify", *map(str, arguments)], capture_output=True, text=True, timeout=300,
        env=os.environ | ENVIRONMENT | changed, **options,
    )  # fmt: skip


@pytest.fixture
def copied(tiny_run, tmp_path):
    shutil.copytree(tiny_run.path, tmp_path / "run")
    return tmp_path / "run"


def _raise(error):
    def raising(*arguments, **options):
        raise error

    return raising


@pytest.fixture(scope="module")
def judged(tiny_run):
    """The verdicts on the tiny run, for tests of what becomes of them."""
    return verify(tiny_run)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO])
def test_a_disk_that_cannot_be_written(monkeypatch, capsys, copied, judged, number):
    """The summary of a verified run: disk full, read-only, no permission, over the quota, broken."""
    monkeypatch.setattr("bnverify.empirical.judgement.verdict.verify", lambda run: judged)
    before = sorted(copied.rglob("*"))
    monkeypatch.setattr("os.fsync", _raise(OSError(number, os.strerror(number))))
    status, _, told = called(monkeypatch, capsys, "verify", copied)
    assert status == MACHINE
    three_lines(told)
    assert os.strerror(number) in told
    assert sorted(copied.rglob("*")) == before  # nothing half-written is left


def _limited(*arguments, **changed):
    """A process whose files may not grow beyond 4,000 bytes: a real limit of the operating system."""
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)); sys.argv = ['bnverify', *sys.argv[1:]];"
        "from bnverify.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, timeout=400,
        env=os.environ | ENVIRONMENT | changed,
    )  # fmt: skip
    assert done.returncode == MACHINE, done.stderr
    three_lines(done.stderr)
    assert "File too large" in done.stderr


def test_a_file_that_may_not_grow(copied):
    """In the middle of the summary of a verified run."""
    before = sorted(copied.rglob("*"))
    _limited("verify", copied)
    assert sorted(copied.rglob("*")) == before


@pytest.mark.slow
def test_a_record_that_may_not_grow(tmp_path):
    """In the middle of a training's first record."""
    _limited("train", "--preset", "tiny", "--out", tmp_path / "run", BNVERIFY_CACHE="off")
    assert not list(tmp_path.rglob("*.partial"))
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4000


def test_a_directory_that_cannot_be_made(monkeypatch, capsys):
    status, _, told = called(monkeypatch, capsys, "train", "--preset", "tiny", "--out", "/proc/run")
    assert status == MACHINE
    three_lines(told)
    assert "/proc/run" in told


@pytest.mark.parametrize("platform", ["cuda", pytest.param("nonsense", marks=pytest.mark.slow)])
def test_a_platform_that_is_not_there(tmp_path, platform):
    done = call("train", "--preset", "tiny", "--out", tmp_path / "run", env={"JAX_PLATFORMS": platform})
    assert done.returncode == MACHINE, done.stderr
    three_lines(done.stderr)
    assert platform in done.stderr and "JAX_PLATFORMS" in done.stderr
    assert not (tmp_path / "run").exists()


@functools.cache
def _printed(key, encoding):
    """What a terminal of an encoding is told of a claim."""
    return call("theory", key, env={"PYTHONIOENCODING": encoding})


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_cannot_print_it(encoding):
    done = _printed("theorem-4.1" if encoding == "ascii" else "lemma-4.5", encoding)
    if done.returncode:
        assert done.returncode == MACHINE
        three_lines(done.stderr)
        assert "PYTHONIOENCODING=utf-8" in done.stderr
    else:
        done.stdout.encode(encoding)


def test_output_in_ascii_is_refused_in_three_lines():
    """Where there is something that ASCII has not."""
    done = _printed("theorem-4.1", "ascii")
    assert done.returncode == MACHINE
    three_lines(done.stderr)


@pytest.mark.parametrize("arguments", ["theory fact-c2 --json", "experiments", "--help"])
def test_a_closed_pipe(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "bnverify", *arguments.split()], stdout=writing, stderr=subprocess.PIPE,
        text=True, timeout=300, env=os.environ | ENVIRONMENT,
    )  # fmt: skip
    os.close(writing)
    assert done.returncode == BROKEN_PIPE and not done.stderr


STREAMS = {
    "theory nonsense 2>/dev/full": BAD_INPUT,
    "theory nonsense 2>&-": BAD_INPUT,
    "theory --nonsense 2>/dev/full": BAD_INPUT,
    "experiments >/dev/full": MACHINE,
    "experiments >/dev/full 2>&1": MACHINE,
    "experiments >&-": 0,
    "experiments >&- 2>&-": 0,
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("line", STREAMS)
def test_the_status_is_that_of_what_was_done_whoever_hears_it(line):
    """1 is for what is violated, and a traceback ends with 1."""
    command = f"exec {shlex.quote(sys.executable)} -m bnverify {line}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=300, env=os.environ | ENVIRONMENT)
    assert done.returncode == STREAMS[line] and b"Traceback" not in done.stderr


@pytest.mark.parametrize("size", ["0", "\u00b2", "-5", "wide", "9" * 20])
def test_a_terminal_of_no_size_has_the_usual_one(size):
    """0 is what one without a size says; a raised 2 is a digit, and no number."""
    names = ("COLUMNS", "LINES", "TERMINAL_WIDTH")
    assert _help(*((name, size) for name in names)) == _help(*((name, "80") for name in names)) != _help()


@functools.cache
def _help(*changed):
    done = call("--help", env=dict(changed))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_interruption(monkeypatch, capsys, copied):
    monkeypatch.setattr("bnverify.empirical.judgement.verdict.verify", _raise(KeyboardInterrupt()))
    status, _, told = called(monkeypatch, capsys, "verify", copied)
    assert status == INTERRUPTED and "same command" in told


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("where", ["the file", "the layer"])
def test_code_of_a_user_that_ends_the_process_is_no_verdict(monkeypatch, capsys, tmp_path, where, code):
    ends = f"raise SystemExit({code})"
    text = f"def layer(y): {ends}\n" if where == "the layer" else f"def layer(y): return y\n{ends}\n"
    (tmp_path / "ending.py").write_text(text)
    status, shown, told = called(monkeypatch, capsys, "layer", f"{tmp_path / 'ending.py'}:layer", "--shape", "6,8")
    assert status == BAD_INPUT and not shown
    three_lines(told)
    assert "SystemExit" in told or "sys.exit" in told


def test_a_defect_is_not_a_violation(monkeypatch, capsys, copied):
    monkeypatch.setattr("bnverify.empirical.judgement.verdict.verify", _raise(ZeroDivisionError("of ours")))
    status, _, told = called(monkeypatch, capsys, "verify", copied)
    assert status == DEFECT
    assert "ZeroDivisionError: of ours" in told and told.strip().splitlines()[-1].startswith("do:")


def test_another_process_in_the_directory(copied):
    with locked(copied):
        done = call("train", "--preset", "tiny", "--out", copied)
    assert done.returncode == BAD_INPUT
    three_lines(done.stderr)
    assert "another process" in done.stderr


def test_a_missing_record_is_reported_and_measured_again(monkeypatch, capsys, tiny_run, copied):
    file = copied / "records" / "bn" / "exact-000004.nc"
    whole = file.read_bytes()
    file.unlink()
    status, _, _ = called(monkeypatch, capsys, "verify", copied)
    assert status == INCOMPLETE
    summary = json.loads((copied / "summary.json").read_text())
    assert summary["missing"] == ["exact of bn at step 4"]
    train(tiny_run.config, synthetic_cifar(train=200, test=64), copied)
    assert file.read_bytes() == whole
    assert called(monkeypatch, capsys, "verify", copied)[0] == 0
    assert json.loads((copied / "summary.json").read_text())["missing"] == []


@pytest.mark.parametrize("watched", [False, True])
def test_a_run_without_records_is_judged_by_nobody(monkeypatch, capsys, copied, watched):
    shutil.rmtree(copied / "records")
    if watched:
        file = copied / "config.json"
        content = json.loads(file.read_text())
        content["config"]["preset"] = "watched"
        file.write_text(json.dumps(content | {"watched": True}))
    status, shown, _ = called(monkeypatch, capsys, "verify", copied)
    assert status == INCOMPLETE and ("Nothing was compared" in shown) == watched
    told = " ".join(Content(load_run(copied))._trained())
    assert ("at no moments" if watched else "the run holds no record, it lacks") in told


def test_a_report_says_that_a_run_is_incomplete(copied):
    (copied / "records" / "bn" / "exact-000004.nc").unlink()
    assert "The run is incomplete: it lacks 1 record." in Content(load_run(copied))._trained()


def test_balls_that_decide_nothing_hide_no_violation(monkeypatch, capsys, copied, judged):
    violated = [dataclasses.replace(judged[0], violations=1), *judged[1:]]
    monkeypatch.setattr("bnverify.empirical.judgement.verdict.verify", lambda run: violated)
    error = InputError(got="no state", expected="a stored state", advice="")
    monkeypatch.setattr("bnverify.commands.rigorous.show", _raise(error))
    status, shown, _ = called(monkeypatch, capsys, "verify", copied, "--rigorous")
    assert status == VIOLATED and "no state" in shown


def test_a_damaged_record_is_named_and_measured_again(monkeypatch, capsys, tiny_run, copied):
    file = copied / "records" / "plain" / "inline-000002.nc"
    whole = file.read_bytes()
    file.write_bytes(whole[:200])
    status, _, told = called(monkeypatch, capsys, "verify", copied)
    assert status == BAD_INPUT and "inline-000002.nc" in told
    three_lines(told)
    train(tiny_run.config, synthetic_cifar(train=200, test=64), copied)
    assert file.read_bytes() == whole


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content["config"].update(warp=9), "unknown field warp"),
        (lambda content: content["config"].pop("preset"), "cannot be read"),
        (lambda content: content.pop("data"), "without data"),
        (lambda content: content.update(format=99), "run format 99"),
        (lambda content: content.update(format=True), "run format True"),
        (lambda content: content.update(format=2.0), "run format 2.0"),
        (lambda content: content.update(data={}), "data: name, data: fingerprint"),
        (lambda content: content["data"].update(classes="ab"), "without data: classes"),
        (lambda content: content["environment"].pop("versions"), "without environment: versions"),
        (lambda content: content.update(watched=True), "with watched True and the preset 'tiny'"),
        (lambda content: content["config"].update(steps=0), "steps 0"),
        (lambda content: content["config"].update(every=None), "every is None"),
        (lambda content: content["config"].update(every=[["shift", 2]]), "every is [['shift', 2]]"),
        (lambda content: content["config"].update(every="ab"), "every is 'ab'"),
        (lambda content: content["config"].update(every={"shift": "2"}), "shift every '2'"),
        (lambda content: content["config"].update(every={"../shift": 2}), "'../shift' every 2"),
    ],
)
def test_a_configuration_that_cannot_be_read(monkeypatch, capsys, copied, change, words):
    file = copied / "config.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    status, _, told = called(monkeypatch, capsys, "verify", copied)
    assert status == BAD_INPUT and words in told
    three_lines(told)


@pytest.mark.parametrize("text", ["", "null", "[]", "\ufeff{}", "[" * 100_000, '{"a":' * 100_000, "9" * 5000, "\ud800"])
def test_a_configuration_that_is_no_object(monkeypatch, capsys, tmp_path, text):
    (tmp_path / "config.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    status, _, told = called(monkeypatch, capsys, "verify", tmp_path)
    assert status == BAD_INPUT and "config.json is not JSON" in told
    three_lines(told)


def test_a_damaged_state_is_passed_over(tiny_run, copied):
    """The training goes back to the state before it, or to the start, and leaves the same records."""
    for file in (copied / "checkpoints").glob("*.npz"):
        file.write_bytes(b"not a zip file")
    ray = copied / "records" / "plain" / "ray-000006.nc"
    before = ray.read_bytes()
    ray.unlink()
    seen = []
    train(tiny_run.config, synthetic_cifar(train=200, test=64), copied, progress=seen.append)
    assert seen[0] == 0 and ray.read_bytes() == before


def test_no_object_is_pickled(tmp_path):
    import numpy as np

    with pytest.raises(TypeError, match="objects in a"):
        write_arrays(tmp_path / "a.npz", {"a": np.array([{}])})
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_whole_or_not_at_all(monkeypatch, tmp_path):
    file = tmp_path / "file"
    write_atomically(file, b"old")
    monkeypatch.setattr("os.replace", _raise(OSError(errno.EIO, "broken")))
    with pytest.raises(OSError, match="broken"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old" and [path.name for path in tmp_path.iterdir()] == ["file"]
