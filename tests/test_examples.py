"""Every notebook runs from top to bottom, and prints what is stored in it."""

from pathlib import Path

import pytest
from notebooks import cells, run, without_pictures

FOLDER = Path(__file__).parent.parent / "examples"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_there_are_notebooks():
    """One for each use: audit, derive, verify a run, your own normaliser, your own network."""
    assert [path.stem for path in NOTEBOOKS] == [
        "doubted_formula", "own_network", "own_normalizer", "theorem_4_1", "verify_a_run",
    ]  # fmt: skip


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_prints_what_is_stored(path):
    stored = [cell["outputs"] for cell in cells(path)]
    assert any(stored)
    assert without_pictures(run(path)) == without_pictures(stored)


def test_a_failing_cell_is_reported(tmp_path):
    broken = (
        (FOLDER / "theorem_4_1.ipynb")
        .read_text()
        .replace("from bnverify.theory import *", "from bnverify.theory import nothing")
    )
    (tmp_path / "broken.ipynb").write_text(broken)
    with pytest.raises(RuntimeError, match="cell 1"):
        run(tmp_path / "broken.ipynb")
