"""The report of the tiny run: as data, as LaTeX, and built once for all tests that look at files."""

import pytest
import small_report

from bnverify.reports import Content, build_report
from bnverify.reports.figures import FIGURES
from bnverify.reports.run_report import run_report
from bnverify.reports.tex import latex


@pytest.fixture(scope="session")
def tex_of():
    """LaTeX of a run's report, all its figures present."""
    return lambda run: latex(run_report(Content(run), {}), {name: f"figures/{name}.pdf" for name in FIGURES})


@pytest.fixture(scope="session")
def built(tiny_run, tmp_path_factory):
    return build_report(tiny_run, tmp_path_factory.mktemp("report"))


@pytest.fixture
def small(monkeypatch):
    """Reports of a few claims, records, normalisers and figures."""
    small_report.reduce(monkeypatch.setattr)
