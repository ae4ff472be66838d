"""The report of the tiny run, built once for all tests that look at files."""

import pytest
import small_report

from bnverify.reports import build_report


@pytest.fixture(scope="session")
def built(tiny_run, tmp_path_factory):
    return build_report(tiny_run, tmp_path_factory.mktemp("report"), also=["tex"])


@pytest.fixture
def small(monkeypatch):
    """Reports of a few claims, records, normalizers and figures."""
    small_report.reduce(monkeypatch.setattr)
