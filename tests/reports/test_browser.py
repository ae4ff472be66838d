"""The page in a real browser: every formula and figure has a size, no link leads nowhere, nothing is fetched."""

import browser
import pytest

pytestmark = pytest.mark.skipif(browser.chromium() is None, reason="no Chromium on PATH (apt-get install chromium)")


@pytest.fixture(scope="module")
def page(built):
    return built.html.read_text()


@pytest.mark.parametrize("width", [1400, 500])
def test_a_browser_finds_nothing_wrong(page, width):
    seen = browser.look(page, width=width)
    assert seen.wrong == {}
    assert seen.formulas == page.count("<math") > 1000
    assert seen.figures == page.count("<figure") > 5
    assert seen.proofs > 60


# A small page with one fault each, and under which name it is found.
BROKEN = {
    "empty_formulas": "<math></math>",
    "errors": "<math><merror><mtext>?</mtext></merror></math>",
    "unknown": "<math><mrow><nonsense>x</nonsense></mrow></math>",
    "empty_figures": '<figure id="f"><svg aria-label="x" viewBox="0 0 9 9"><path d=""></path></svg></figure>',
    "unnamed_figures": '<figure><svg viewBox="0 0 9 9"><path d="M0 0L9 9"></path></svg></figure>',
    "broken_images": '<img src="data:image/png;base64,AAAA" alt="x">',
    "unused_definitions": '<svg viewBox="0 0 9 9"><use href="#gone"></use></svg>',
    "raw": r"<p>the bound \frac{a}{m} of $a$</p>",
    "lost_links": '<a href="#gone">there</a>',
    "too_wide": '<div style="width: 4000px">wide</div>',
}
WELL = (
    "<math><mfrac><mi>a</mi><mi>m</mi></mfrac></math>"
    '<figure><svg aria-label="a line" viewBox="0 0 9 9"><path d="M0 0L9 9"></path></svg></figure>'
)


def around(body):
    return f'<!doctype html><html><body><main id="main">{body}</main></body></html>'


def test_every_fault_is_found_and_a_sound_page_has_none():
    sound = browser.look(around(WELL))
    assert sound.wrong == {} and (sound.formulas, sound.figures) == (1, 1)
    assert browser.look(around(WELL + "".join(BROKEN.values()))).wrong.keys() == BROKEN.keys()


def test_a_formula_that_was_not_rendered_and_an_emptied_figure_are_found_in_the_report(page):
    start, end = page.index("<svg"), page.index("</svg>")
    emptied = page[: page.index(">", start) + 1] + page[end:]
    assert browser.look(emptied).wrong.keys() == {"empty_figures"}
    start, end = page.index("<math"), page.index("</math>") + len("</math>")
    (found,) = browser.look(page[:start] + r"$\gamma^{2}$" + page[end:]).wrong["raw"]
    assert r"$\gamma^{2}$" in found
