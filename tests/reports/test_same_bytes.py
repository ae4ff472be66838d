"""The same run gives the same bytes: LaTeX, PDF with and without TeX, HTML; in one process and in another."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
import small_report
from small_report import digests

from bnverify.empirical import load_run
from bnverify.reports import build, build_report, style
from bnverify.reports.figures import FIGURES

ROOT = Path(__file__).parent.parent.parent
needs_tex = pytest.mark.skipif(build.tex_engine() is None, reason="no pdflatex on this machine")


@pytest.fixture
def without_tex(monkeypatch):
    monkeypatch.setenv("PATH", "")


@needs_tex
def test_with_tex_everything_is_the_same_twice(tiny_run, small, tmp_path):
    # Loaded anew: a run keeps its verdicts, and these are of a few claims.
    first, second = (build_report(load_run(tiny_run.path), tmp_path / name) for name in "ab")
    assert first.engine != "matplotlib"
    assert digests(first) == digests(second)


def test_without_tex_another_process_with_another_order_of_sets_writes_the_same(tiny_run, small, without_tex, tmp_path):
    here = build_report(load_run(tiny_run.path), tmp_path / "here")
    assert here.engine == "matplotlib"
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    done = subprocess.run(
        [sys.executable, small_report.__file__, str(tiny_run.path), str(tmp_path / "there")],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == digests(here)


def test_a_random_name_a_date_or_an_unordered_set_would_be_found(tiny_run, monkeypatch):
    """What the tests above have to notice does change the bytes."""

    def figure():
        return FIGURES["training"](tiny_run)

    before = style.pdf_bytes(figure())
    assert style.svg_text(figure()) == style.svg_text(figure())
    assert style.pdf_bytes(figure()) == before
    monkeypatch.setattr(style, "SALT", None)  # matplotlib then draws the names inside an SVG at random
    assert style.svg_text(figure()) != style.svg_text(figure())
    monkeypatch.setattr(style, "METADATA", {**style.METADATA, "CreationDate": datetime(2026, 1, 1)})
    assert style.pdf_bytes(figure()) != before
    told = "print(*{'a claim', 'a figure', 'a network', 'a record'})"
    orders = {
        subprocess.run(
            [sys.executable, "-c", told], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in "1234"
    }
    assert len(orders) > 1


@pytest.mark.slow
def test_the_whole_pdf_without_tex_is_the_same_twice(tiny_run, without_tex, tmp_path):
    first, second = (build_report(tiny_run, tmp_path / name) for name in "ab")
    assert digests(first) == digests(second)
