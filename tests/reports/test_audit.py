"""The audit chapter says what the records say: a changed record changes the text, a wrong one stops the report."""

import dataclasses
from fractions import Fraction

import pytest
import sympy as sp

from bnverify.reports import audit, formula
from bnverify.reports.pages import parses, shown
from bnverify.reports.theory_chapters import ROOM
from bnverify.theory import AUDIT, AuditError, Verdict


@pytest.fixture
def replaced(monkeypatch):
    """Entries of an audit in which one record has changed fields."""

    def change(key, **fields):
        records = dict(AUDIT) | {key: dataclasses.replace(AUDIT[key], **fields)}
        monkeypatch.setattr("bnverify.reports.audit.AUDIT", records)
        return {entry.key: entry for entry in audit.entries(ROOM)}

    return change


def entry(key):
    return next(entry for entry in audit.entries(ROOM) if entry.key == key)


def test_the_first_theorem_of_the_preprint_as_it_should_read():
    shown = entry("4.1-v3")
    assert shown.verdict == "false"
    assert shown.printed[0].body == (
        r"\le \frac{\gamma^{2}}{s^{2}}\Bigl(\lVert g\rVert^{2} - \frac{\langle \mathbf 1, g\rangle^{2}}{m} - "
        r"\frac{\langle g, \hat y\rangle^{2}}{\sqrt{m}}\Bigr)"
    )
    assert shown.example(matrices=True).startswith(r"$y = (0,\, 1)$, $g = (0,\, 1)$")
    assert shown.sides == r"the left side is $0$, the right side ${2 - 2 \sqrt{2} \approx -0.828}$"


def test_every_record_has_an_entry_in_order():
    assert [entry.key for entry in audit.entries(ROOM)] == list(AUDIT) == [row[0] for row in audit.overview()]
    assert [row[-1] for row in audit.overview()] == [record.verdict.value for record in AUDIT.values()]


def test_verdicts_are_counted():
    sentence = audit.summary()
    assert sentence.startswith(f"{len(AUDIT)} printed statements")
    for verdict in Verdict:
        count = sum(record.verdict is verdict for record in AUDIT.values())
        assert f"{verdict.value} {count}" in sentence


def test_a_changed_verdict_changes_the_overview_the_summary_and_the_entry(replaced):
    before, summary = entry("4.1-v3").verdict, audit.summary()
    after = replaced("4.1-v3", verdict=Verdict.MISPRINT)["4.1-v3"].verdict
    assert (before, after) == ("false", "misprint")
    assert audit.summary() != summary
    assert {row[0]: row[-1] for row in audit.overview()}["4.1-v3"] == "misprint"


def test_a_changed_counterexample_changes_numbers_and_sides(replaced):
    before = entry("4.1-v3")
    doubled = dataclasses.replace(AUDIT["4.1-v3"].counterexample, g=(Fraction(0), Fraction(2)))
    after = replaced("4.1-v3", counterexample=doubled)["4.1-v3"]
    assert after.example(matrices=True) != before.example(matrices=True)
    assert after.sides == r"the left side is $0$, the right side ${8 - 8 \sqrt{2} \approx -3.31}$"


def test_a_changed_formula_or_correction_changes_the_display(replaced):
    record, before = AUDIT["4.1-smaller"], entry("4.1-smaller")
    halved = sp.Le(record.relation.lhs, record.relation.rhs / 2, evaluate=False)
    assert replaced("4.1-smaller", relation=halved)["4.1-smaller"].printed != before.printed
    other = replaced("4.1-smaller", corrected=("theorem-4.1",))["4.1-smaller"]
    assert other.correct != before.correct


def test_a_counterexample_that_refutes_nothing_stops_the_report(replaced):
    harmless = dataclasses.replace(AUDIT["4.1-v3"].counterexample, g=(Fraction(1), Fraction(1)))
    with pytest.raises(AuditError):
        replaced("4.1-v3", counterexample=harmless)


@pytest.mark.parametrize("key", AUDIT)
def test_formulas_fit_the_width_and_matplotlib_sets_everything(key):
    record = entry(key)
    for row in (*record.printed, *record.correct):
        assert formula.width(row.lead) + formula.width(row.body) <= ROOM
        assert all(parses(f"${formula.to_mathtext(part)}$") for part in row if part), row
    assert "plain" not in "".join(row.lead + row.body for row in record.printed), "a symbol without a LaTeX name"
    for text in (record.title, record.sides, record.example(matrices=False), *record.premises):
        assert parses(shown(text)), text
        assert "$" in text or not set(text) & set("^_=<>"), text


def test_hypotheses_of_a_correction_are_named():
    assert entry("4.5-obtuse").conditions == r"$\langle W_0, W^{*} \rangle > 0$"
    assert entry("4.1-v3").conditions == ""
    assert entry("4.1").as_printed
    assert not entry("4.2-i").as_printed
