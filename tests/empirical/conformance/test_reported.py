"""Every layer rebuilt from a public report is refused, by the property that its report is about."""

import pytest

from bnverify.empirical.conformance import conforms
from bnverify.empirical.conformance.reported import REPORTED

QUICK = ("no_weight_gradient", "variance_with_padding", "mean_subtracted_twice", "difference_of_squares")


@pytest.mark.parametrize("key", [
    key if key in QUICK else pytest.param(key, marks=pytest.mark.slow) for key in REPORTED
])  # fmt: skip
def test_reported_layers_are_refused(key):
    report = REPORTED[key]
    found = conforms(report.layer, shape=report.shape, name=key)
    assert found.status == 1 and report.fails in [finding.key for finding in found.failed]


def test_reports_have_a_place():
    assert len(REPORTED) >= 12 and len({report.url for report in REPORTED.values()}) == len(REPORTED)
    assert all(report.url.startswith("https://github.com/") and report.says for report in REPORTED.values())
