"""The table of docs/trusted-base.md is what is counted, and the re-checker is as small as it says."""

import re
from pathlib import Path

import pytest

from bnverify.theory.proof.trusted_base import BEFORE, NOW, at_commit, counted, in_tree, lines_of_code

ROOT = Path(__file__).parents[2]
ROWS = dict(re.findall(r"^\| (.+?) \| (\d+ \| \d+) \|$", (ROOT / "docs" / "trusted-base.md").read_text(), re.MULTILINE))


def test_lines_of_code_are_counted():
    source = '"""Two\n\nlines."""\n\n# a comment\nx = (\n    1\n)\n\n\ndef f():\n    """A docstring."""\n    return x\n'
    assert lines_of_code(source) == 5 and lines_of_code(source, functions_only=True) == 2


@pytest.mark.parametrize("route", NOW)
def test_table_is_what_is_counted(route):
    assert int(ROWS[route].split(" | ")[1]) == counted(NOW[route], in_tree)


@pytest.mark.parametrize("route", BEFORE)
def test_table_of_the_past(route):
    try:
        found = counted(BEFORE[route], at_commit("7f824c4"))
    except (OSError, ValueError):
        pytest.skip("the history is not here")
    assert int(ROWS[route].split(" | ")[0]) == found


def test_the_recheck_imports_nothing_of_the_package():
    for file in NOW["recheck of a document"]:
        assert "bnverify" not in re.sub(r'"bnverify proof \d"', "", in_tree(file)), file
    folder = ROOT / "theory" / "proof" / "recheck"
    assert {f"theory/proof/recheck/{p.name}" for p in folder.glob("*.py")} - {*NOW["recheck of a document"]} == {
        "theory/proof/recheck/__main__.py"
    }
