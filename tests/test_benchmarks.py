"""Every benchmark runs, on a case too small to say anything about speed."""

import contextlib
import runpy
import sys
from pathlib import Path

import jax
import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
CASES = {
    "suite.py": ["--numprocesses", "0", "tests/empirical/test_config.py"],
    "verdicts.py": ["--cases", "13", "--quick", "--dtypes", "float64", "--wrong", "2"],
    "convolution.py": ["--shrink", "16", "--batch", "4", "--rounds", "1", "--size", "128"],
    "training_step.py": ["--shrink", "16", "--batch", "16", "--rounds", "1", "--size", "128"],
    "proving.py": ["--rounds", "1"],
    "growth.py": [
        "--rounds",
        "1",
        "--batches",
        "2",
        "4",
        "--widths",
        "0.03125",
        "0.0625",
        "--depths",
        "2",
        "3",
        "--devices",
    ],
    "peers.py": ["--widths", "0.03125", "--batches", "4", "--rounds", "1"],
    "measuring.py": ["--width", "0.03125", "--batch", "4", "--rounds", "1"],
    "trajectory.py": ["--width", "0.03125", "--batch", "4", "--rounds", "1", "--networks", "bn", "--memory", "step"],
}


@pytest.mark.slow
@pytest.mark.parametrize("script", CASES)
def test_benchmark_runs(script, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "argv", [script, *CASES[script]])
    with contextlib.suppress(SystemExit):
        runpy.run_path(str(FOLDER / script), run_name="__main__")
    out = capsys.readouterr().out
    assert jax.__version__ in out  # the header names machine and versions
    words = {
        "proving.py": "claims",
        "growth.py": "exponent",
        "verdicts.py": "violations",
        "suite.py": "CPU s",
        "peers.py": "bnverify",
    }
    assert words.get(script, "GFLOP") in out


def test_every_benchmark_has_a_case():
    assert {path.name for path in FOLDER.glob("*.py")} == set(CASES)
