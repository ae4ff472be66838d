"""The site: every theorem and every paper has its page, every link leads somewhere, nothing is fetched."""

import json
import re

import pytest

from bnverify.reports.chapters.site import build_site, name, summaries
from bnverify.reports.output.markdown import anchor
from bnverify.theory import CLAIMS
from bnverify.theory.audit.records import papers

ONLY = ("theorem-4.1", "lemma-4.5")
ROW = {"key": "theorem-4.1", "network": "bn", "dtype": "float64", "points": 1234, "violations": 7, "worst": 3e-4,
       "status": "violated"}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "gallery" / "a_run").mkdir(parents=True)
    (folder / "gallery" / "a_run" / "summary.json").write_text(json.dumps({"claims": [ROW]}))
    pages = build_site(folder / "site", folder / "gallery", only=ONLY)
    return {page.stem: page.read_text() for page in pages}


def test_every_theorem_and_every_paper_is_linked_from_the_index(site):
    assert set(site) == {"index", *(name(f"claim:{key}") for key in ONLY), name(f"paper:{next(iter(papers()))}")}
    targets = set(re.findall(r'href="([^"#]+)', site["index"]))
    assert targets == {"api/index.html", *(f"{name(f'claim:{key}')}.html" for key in CLAIMS),
                       *(f"{name(f'paper:{paper}')}.html" for paper in papers())}  # fmt: skip


def test_a_theorem_has_its_statement_proof_counterexample_code_and_measurements(site):
    page = re.sub(r"\s+", " ", site["claim-theorem-4-1"])
    for said in ("<details", "Counterexample:", 'CLAIMS["theorem-4.1"]', "bnverify theory theorem-4.1", "a_run",
                 "1,234", ">7<", "violated", "What the hypotheses say"):  # fmt: skip
        assert said in page.replace("&quot;", '"'), said
    assert "In no stored run." in site["claim-lemma-4-5"] and "1,234" not in site["claim-lemma-4-5"]


def test_links_inside_a_page_have_their_place_and_nothing_is_fetched(site):
    for stem, page in site.items():
        ids = set(re.findall(r'id="([^"]*)"', page))
        inside = set(re.findall(r'href="#([^"]*)"', page))
        assert inside <= ids, (stem, inside - ids)
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    paper = next(iter(papers()))
    told = site[name(f"paper:{paper}")]
    assert all(f'id="{anchor(f"audit:{record.key}")}"' in told for record in papers()[paper])


def test_summaries_are_read_by_claim(tmp_path):
    assert summaries(tmp_path) == {}
