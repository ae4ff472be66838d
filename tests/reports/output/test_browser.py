"""The page in a real browser: every formula and figure has a size, no link leads nowhere, nothing is fetched."""

import re

import browser
import pytest
import stored

from bnverify.empirical.experiments.experiments import EXPERIMENTS
from bnverify.reports.chapters.experiment_report import build_experiment_report

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


def test_brackets_stretch_in_the_font_of_the_page_and_the_contents_are_closed_on_a_phone(page):
    script = """
      const tall = document.createElement("div");
      tall.innerHTML = '<math display="block"><mrow><mo>(</mo><mfrac><mfrac><mi>a</mi><mi>b</mi></mfrac><mi>c</mi>'
        + '</mfrac><mo>)</mo></mrow></math>';
      document.body.append(tall);
      document.fonts.load("16px 'bnverify math'").then(fonts => {
        const height = part => part.getBoundingClientRect().height;
        const fence = tall.querySelector("mo"), fraction = tall.querySelector("mfrac");
        answer({fonts: fonts.length, stretched: height(fence) / height(fraction),
                contents: document.querySelector("#contents details").open});
      });
    """
    phone, desk = (browser.ask(page, script, width=width) for width in (500, 1400))
    assert phone["fonts"] == desk["fonts"] == 1
    assert phone["stretched"] > 0.9 and desk["stretched"] > 0.9
    assert (phone["contents"], desk["contents"]) == (False, True)


def test_the_film_shows_every_step(tmp_path):
    config = stored.configuration(landscape_every=0, shift_every=0)
    run = stored.store(tmp_path / "run", config)
    built = build_experiment_report(EXPERIMENTS["distributions"], {"rate 0.1": run}, tmp_path / "report")
    script = """
      const film = document.querySelector(".film"), slider = film.querySelector("input");
      const shapes = () => [...film.querySelectorAll("polyline")].map(line => line.getAttribute("points")).join();
      const seen = [];
      for (let at = 0; at <= +slider.max; at++) {
        slider.value = at; slider.dispatchEvent(new Event("input"));
        seen.push([film.querySelector("output").textContent, shapes()]);
      }
      answer({steps: seen.map(one => one[0]), different: new Set(seen.map(one => one[1])).size,
              shapes: film.querySelectorAll("polyline").length});
    """
    seen = browser.ask(built.html.read_text(), script)
    steps = run.activations["bn"]["step"].values.tolist()
    assert seen["steps"] == [f"step {step}" for step in steps] and seen["different"] == len(steps) > 3
    assert seen["shapes"] == 8  # four sites, two networks


# A small page with one fault each, and under which name it is found.
BROKEN = {
    "empty_formulas": "<math></math>",
    "errors": "<math><merror><mtext>?</mtext></merror></math>",
    "unknown": "<math><mrow><nonsense>x</nonsense></mrow></math>",
    "empty_figures": '<figure id="f"><svg aria-label="x" viewBox="0 0 9 9"><path d=""></path></svg></figure>',
    "unnamed_figures": '<figure><svg viewBox="0 0 9 9"><path d="M0 0L9 9"></path></svg></figure>',
    "broken_images": '<img src="data:image/png;base64,AAAA" alt="x">',
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
    emptied = re.sub(r'(<img src="data:image/svg\+xml;base64,)[^"]*"', r'\1AAAA"', page, count=1)
    assert browser.look(emptied).wrong.keys() == {"broken_images", "empty_figures"}
    start, end = page.index("<math"), page.index("</math>") + len("</math>")
    (found,) = browser.look(page[:start] + r"$\gamma^{2}$" + page[end:]).wrong["raw"]
    assert r"$\gamma^{2}$" in found
