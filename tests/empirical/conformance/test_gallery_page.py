"""The gallery's page names every layer and every report of its script, and the versions it was made with."""

import importlib.util
from pathlib import Path

from bnverify.empirical.conformance.reported import REPORTED

DOCS = Path(__file__).parents[3] / "docs"


def script():
    spec = importlib.util.spec_from_file_location("layer_gallery", DOCS / "layer_gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_layer_and_report_has_a_row():
    rows = [line for line in (DOCS / "layer-gallery.md").read_text().splitlines() if line.startswith("| ")]
    for target, args, shape in script().LAYERS:
        start = f"| `{target}`" + (f" `{args}`" if args else "") + f" | {shape} |"
        assert sum(row.startswith(start) for row in rows) == 1, start
    for key, report in REPORTED.items():
        (row,) = [row for row in rows if row.startswith(f"| `{key}` |")]
        assert report.url in row and report.says in row


def test_what_was_found_is_on_the_page():
    text = (DOCS / "layer-gallery.md").read_text()
    assert all(line in text for line in script().FOUND)
