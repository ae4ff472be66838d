"""The documentation: pages run, the reference has a page for every module, worked diffs apply and do what they say."""

import importlib.util
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def _api():
    spec = importlib.util.spec_from_file_location("api", DOCS / "api.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_runs_and_is_true(page):
    """A last line that is an expression states something, and it is so."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.S)
    for block in blocks:
        names: dict = {}
        *lines, last = block.strip().splitlines()
        exec(compile("\n".join(lines), page.name, "exec"), names)
        assert eval(last, names), last


def test_the_numerical_page_has_something_to_run():
    assert "```python" in (DOCS / "numerical-trust.md").read_text()


def test_links_of_all_pages_lead_somewhere():
    for page in (*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), (page.name, target)


def test_every_public_object_of_every_module_has_a_docstring():
    for name in _api().modules():
        module = importlib.import_module(name)
        assert module.__doc__, name
        for public, value in vars(module).items():
            if public.startswith("_") or getattr(value, "__module__", None) != name:
                continue
            if inspect.isclass(value) or inspect.isfunction(value):
                assert inspect.getdoc(value), f"{name}.{public}"


def test_the_reference_has_a_page_for_every_module(tmp_path):
    pytest.importorskip("pdoc")
    api = _api()
    api.build(tmp_path)
    for name in api.modules():
        assert (tmp_path / (name.replace(".", "/") + ".html")).stat().st_size > 1000, name
    page = (tmp_path / "empirical" / "measurement.html").read_text()
    assert "Measure all claims" in page
