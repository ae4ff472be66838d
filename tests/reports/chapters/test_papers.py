"""The audit in the report: every record once, under its paper, with the words of the audit."""

from bnverify.reports.chapters.papers import PARTS, audited, by_paper, part, ruled
from bnverify.reports.document.audited import RuledRecord
from bnverify.reports.document.blocks import Section, walk
from bnverify.reports.document.derived import derived
from bnverify.theory import AUDIT
from bnverify.theory.audit.pages import page
from bnverify.theory.audit.records import papers


def _sections(blocks):
    for block in blocks:
        if isinstance(block, Section):
            yield block
            yield from _sections(block.blocks)


def test_every_record_has_one_section_under_its_paper():
    found = derived()
    chapter = audited(found, "")
    sections = {section.label: section for section in _sections([chapter])}
    assert [label for label in sections if label.startswith("paper:")] == [f"paper:{name}" for name in by_paper(found)]
    assert {label for label in sections if label.startswith("audit:")} == {f"audit:{key}" for key in AUDIT}
    for name, records in papers().items():
        inside = [s.label for s in _sections(sections[f"paper:{name}"].blocks)]
        assert sorted(inside) == sorted(f"audit:{record.key}" for record in records)


def test_records_stand_where_the_page_of_their_paper_has_them():
    found = {record.key: record for record in derived().audited}
    assert len(found) == len(AUDIT) and sum(isinstance(r, RuledRecord) for r in found.values()) > 50
    for name in ("Daneshmand et al. 2021", "Xiong et al. 2020", "Wan et al. 2021"):
        shown = page(name)
        for records, heading in zip((shown.holds, shown.holds_if, shown.fails), PARTS, strict=True):
            assert all(part(found[record.key]) == heading for record in records)


def test_a_record_of_random_matrices_shows_its_means():
    (one,) = [record for record in derived().others if record.key == "daneshmand-1"]
    text = repr(list(walk(list(ruled(one)))))
    assert "standard error" in text and "from d = 769 on" in text and AUDIT["daneshmand-1"].said in text
    assert "as transcribed" in repr(list(ruled(next(r for r in derived().others if r.key == "wan-1"))))
