"""The report of a run says what its verdicts say: every number in its tables is that of a verdict."""

import dataclasses
import re

import pytest
import stored

from bnverify.empirical.judgement.verdict import Point, Verdict
from bnverify.reports.chapters.content import Content
from bnverify.reports.chapters.run_report import run_report
from bnverify.reports.document import verdicts as found
from bnverify.reports.document.blocks import Section, Table, walk
from bnverify.reports.document.derived import Derived, ShownClaim, ShownStep


def verdict(key, network="bn", **changes):
    numbers = {"kind": "upper bound", "dtype": "float64", "points": 1234, "violations": 0, "tolerance": 1e-10,
               "worst": 4e-12, "quantiles": (1e-16, 2e-15, 3e-14), "tightness": 1.75,
               "worst_points": (Point(30, "conv2", 1, 2.5, 1.5, 4e-12),)} | changes  # fmt: skip
    return Verdict(key=key, network=network, **numbers)


VERDICTS = [
    verdict("theorem-4.1"),
    verdict("theorem-4.1", "plain", points=77, worst=2e-13, tightness=519.0, excluded={"m = 1": 5}),
    verdict("theorem-4.2", points=0, excluded={"outside the hypothesis epsilon = 0": 40}, tightness=float("nan"),
            worst_points=()),
    verdict("fact-c1", kind="equality", points=10, violations=3, worst=0.5, tightness=float("nan")),
]  # fmt: skip


def claim(key, relation="==", reference="Santurkar et al. 2018", place="Theorem"):
    steps = (ShownStep("one", "because", ("a", "= b"), False), ShownStep("two", "so", ("c",), True))
    return ShownClaim(
        key, f"bnverify.theory.results.{key.replace('-', '_').replace('.', '_')}", f"Title of {key}",
        "equality" if relation == "==" else "upper bound", relation, "channel", reference, place, ("x", "= y"), False,
        (("training mode", "what it says", False),), "", steps, (), ("one example",),
    )  # fmt: skip


@pytest.fixture
def content(tmp_path, monkeypatch):
    run = stored.store(tmp_path / "run", stored.configuration())
    run.__dict__["verdicts"] = VERDICTS
    claims = (claim("fact-c1"), claim("theorem-4.1", "<="), claim("theorem-4.2", place="Theorem 4.2(i)"),
              claim("hessian", reference="this work"))  # fmt: skip
    monkeypatch.setattr("bnverify.reports.chapters.content.derived", lambda: Derived(claims, (), (), "f" * 32))
    monkeypatch.setattr("bnverify.reports.chapters.content.places", lambda run: 321)
    return Content(run)


def test_the_table_of_verdicts_has_the_numbers_of_the_verdicts(content):
    rows = {row[0] + row[1]: row for group in content.verdict_table() for row in group}
    assert rows["theorem-4.1with"][2:8] == ("float64", "1,234", "0", r"$4.0\cdot 10^{-12}$", "1.75", "holds")
    assert rows["theorem-4.1without"][3:] == (
        "77", "0", r"$2.0\cdot 10^{-13}$", "519", "holds, loose", "$m = 1$: 5"
    )  # fmt: skip
    assert rows["fact-c1with"][3:8] == ("10", "3", r"$5.0\cdot 10^{-1}$", "–", "violated")
    assert "theorem-4.2with" not in rows


def test_the_overview_counts_by_chapter_and_network(content):
    rows = {family.title: cells for family, cells in content.overview()}
    first = next(cells for title, cells in rows.items() if title.startswith("Theorem 4.1"))
    assert first[1:4] == ("1", "1 hold, 1,234", "1 hold, 77")
    assert first[4:] == (r"$4.0\cdot 10^{-2}$", "1.75 to 519")
    facts = next(cells for title, cells in rows.items() if "Fact C.1" in title)
    assert facts[2] == "violated at 3 of 10" and facts[4] == r"$5.0\cdot 10^{9}$"
    assert next(cells for title, cells in rows.items() if "4.2" in title)[2:4] == ("not tested", "not tested")


def test_the_abstract_says_comparisons_and_places_and_which_steps_carry_weight(content):
    told = " ".join(content.abstract())
    assert "compared 1,321 times, at 321 places" in told and "3 violations were found" in told
    assert "Of the 8 steps of the proofs, 4 equate two expressions that differ" in told
    assert "in 4 both sides come out as the same expression" in told


def test_the_abstract_names_printed_statements_that_were_not_tested_and_why(content):
    (told,) = [part for part in content.abstract() if "not tested" in part]
    assert r"Theorem 4.2(i) of Santurkar et al. 2018 (outside the hypothesis $\varepsilon = 0$)" in told.replace(
        "  ", " "
    )
    assert re.search(r"with batch norm, and why: \S", told)
    assert "hessian" not in told and "this work" not in told
    reasons = content.untested_on("bn")
    assert reasons.pop("a quantity was not recorded") == ["hessian"] and list(reasons.values()) == [["theorem-4.2"]]


def test_the_outcome_of_a_claim_names_the_worst_point(content):
    (bn, plain) = content.outcome(content.derived.by_key["theorem-4.1"])
    assert "1,234 points" in bn and "worst at step 30, conv2" in bn and "right over left, median: 1.75" in bn
    assert "519" in plain
    assert content.outcome(content.derived.by_key["hessian"]) == ["Not on this run: a quantity was not recorded."]


def test_violations_are_listed_with_both_sides(content):
    ((violated, points),) = content.violations()
    assert violated.key == "fact-c1"
    assert points == []  # its worst point is within the tolerance in this invention
    bad = Point(7, "conv9", None, 1.25, 2.5, 0.5)
    content.run.__dict__["verdicts"] = [dataclasses.replace(VERDICTS[3], worst_points=(bad,))]
    ((_, points),) = Content(content.run).violations()
    assert points == [("7", "conv9", "–", "1.25", "2.5", r"$5.0\cdot 10^{-1}$")]


def test_first_come_the_verdicts_in_one_table_and_two_figures(content):
    from bnverify.reports.figures.catalogue import drawings
    from bnverify.reports.output.build import picture

    pictures = {drawing.name: picture(drawing) for drawing in drawings(content.run)[0]}
    document = run_report(content, pictures, {"theorem-4.1": "not recorded"})
    kinds = [type(block).__name__ for block in document.front]
    assert kinds.index("Table") < kinds.index("Picture") and kinds.count("Picture") == 2
    assert kinds[-2:] == ["PageBreak", "Contents"]
    sections = [section.title for section in document.sections]
    assert sections.index("Verdicts") < sections.index("Figures") < sections.index("What is printed, and how it fares")
    assert all(section.appendix for section in document.sections[sections.index("Setup and reproducibility") :])
    titles = [part.label for part in walk(document.sections) if isinstance(part, Section)]
    assert {f"claim:{c.key}" for c in content.derived.claims} <= set(titles)
    measured = next(s for s in document.sections if s.label == "section:verdicts")
    (table,) = [block for block in measured.blocks if isinstance(block, Table) and block.caption]
    assert len(table.rows) == 3


def test_a_loose_bound_is_said_to_be_one_and_a_tight_one_is_not():
    assert found.said(VERDICTS[0]) == "holds" and found.said(VERDICTS[1]) == "holds, loose"
    assert found.said(VERDICTS[3]) == "violated"


def test_places_are_counted_once_whatever_claims_use_them(tmp_path):
    import invented

    run = invented.quantities(stored.store(tmp_path / "run", stored.configuration()))
    assert found.places(run) == 2 * len(invented.STEPS) * sum(invented.SITES.values())
