"""The page is whole in itself: every claim has its place, every link its target, every figure its words."""

import re
from html.parser import HTMLParser

import pytest

from bnverify.reports import style
from bnverify.reports.blocks import Document, Drawing, Link, Paragraph, Section
from bnverify.reports.figures import FIGURES
from bnverify.reports.html import anchor, html, inline_svg
from bnverify.theory import AUDIT, CLAIMS, REFERENCES

_VOID = {"meta", "wbr", "br", "hr", "link", "img"}


class Reader(HTMLParser):
    """Collects ids, links, addresses, texts and figures; notes elements that are closed in another order."""

    def __init__(self, page):
        super().__init__()
        self.ids, self.links, self.fetched, self.texts, self.pictures, self.wrong = [], [], [], [], [], []
        self.open = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag not in _VOID:
            self.open.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        for name in ("href", "src", "data", "poster", "srcset", "action"):
            if name in found:
                (self.links if found[name].startswith("#") else self.fetched).append(found[name])
        if tag == "svg":
            self.pictures.append(found.get("aria-label", ""))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag in _VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"{tag} closed out of order near {self.getpos()}")

    def handle_data(self, data):
        if not {"style", "script", "code", "pre"} & set(self.open):
            self.texts.append(data)


def faults(page):
    """What is wrong with a page as text; empty where nothing is."""
    reader = Reader(page)
    out = [*reader.wrong, *(f"left open: {tag}" for tag in reader.open)]
    out += [f"id {name} twice" for name in {n for n in reader.ids if reader.ids.count(n) > 1}]
    out += [f"no target of {link}" for link in reader.links if link[1:] not in reader.ids]
    out += [f"fetches {address}" for address in reader.fetched]
    out += [f"raw mathematics: {text}" for text in reader.texts if re.search(r"[$\\]", text)]
    out += ["a figure without words"] * sum(not words.strip() for words in reader.pictures)
    out += re.findall(r"url\(\s*['\"]?(?!#)[^)]*\)|@import[^;]*", page)
    return out


@pytest.fixture(scope="module")
def page(built):
    return built.html.read_text()


def test_nothing_is_wrong_with_the_page(page):
    assert faults(page) == []
    assert page.count("<math") > 1000


def test_every_claim_record_and_reference_has_its_place(page):
    ids = set(Reader(page).ids)
    assert set(CLAIMS) <= ids
    assert {f"audit-{key}" for key in AUDIT} <= ids
    assert {anchor(f"reference:{key}") for key in REFERENCES} <= ids
    contents = page[page.index("<nav") : page.index("</nav>")]
    assert all(f'href="#{key}"' in contents for key in CLAIMS)


def test_every_claim_has_a_folded_proof_and_what_was_measured(page):
    for key in CLAIMS:
        part = page[page.index(f'<section id="{key}">') :].split("</section>")[0]
        assert part.count("<summary>Proof</summary>") == 1, key
        assert "<em>Measured:</em>" in part, key


def test_the_figures_of_the_pdf_are_in_the_page(page, built):
    drawn = {file.stem for file in (built.tex.parent / "figures").iterdir()}
    assert set(re.findall(r'<figure id="figure-([^"]+)"', page)) == drawn
    assert len(Reader(page).pictures) == len(drawn) > 5


BROKEN = {
    "a lost target": ('id="theorem-4.1"', 'id="theorem-4.1x"'),
    "an id twice": ('<section id="theorem-4.1">', '<section id="theorem-4.2">'),
    "raw mathematics": ("<h2>Abstract</h2>", r"<h2>Abstract of $\gamma$</h2>"),
    "a picture from elsewhere": ("<h2>Abstract</h2>", '<h2><img src="https://example.org/x.png">Abstract</h2>'),
    "a font from elsewhere": ("</style>", "@import 'x.css';</style>"),
    "elements out of order": ("</main>", "</div></main>"),
    "a figure without words": ('<svg role="img" aria-label="', '<svg role="img" aria-label="" data-was="'),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_page_is_found(page, what):
    before, after = BROKEN[what]
    assert before in page
    assert faults(page.replace(before, after, 1))


def test_figures_do_not_share_names_inside(tiny_run):
    text = style.svg_text(FIGURES["training"](tiny_run))
    one, two = (inline_svg(text, name, "words") for name in ("one", "two"))
    names = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (one, two)]
    assert names[0] and not names[0] & names[1]
    assert set(re.findall(r'href="#([^"]+)"', one)) <= names[0]
    assert "<!--" not in one and "<metadata" not in one and "pt" not in one[:300]


def test_two_sections_cannot_share_an_anchor():
    twice = [Section(title, "section:same place", [Paragraph("text")]) for title in ("one", "two")]
    with pytest.raises(ValueError, match="same-place"):
        html(Document("t", "", "a", [], twice, ()), {})


def test_text_from_outside_is_shown_as_it_is():
    sections = [
        Section(
            "a < b & c", "section:one", [Paragraph(("<script>alert(1)</script> 5\\$ ", Link("section:one", "here")))]
        )
    ]
    page = html(Document("<b>", "", "x & y", [], sections, ()), {})
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;/script&gt; 5$" in page
    assert "a &lt; b &amp; c" in page and "<b>" not in page


def test_a_figure_that_was_not_drawn_is_an_error():
    sections = [Section("Figures", "section:figures", [Drawing("lost", 5.0, "A figure.", lambda figure: None)])]
    with pytest.raises(KeyError, match="lost"):
        html(Document("t", "", "a", [], sections, ()), {})
