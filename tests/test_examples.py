"""Every notebook runs from top to bottom, and prints what is stored in it."""

from pathlib import Path

import pytest
from notebooks import cells, run

FOLDER = Path(__file__).parent.parent / "examples"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_there_are_notebooks():
    assert [path.name for path in NOTEBOOKS] == ["theorem_4_1.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_prints_what_is_stored(path):
    stored = [cell["outputs"] for cell in cells(path)]
    assert any(stored)
    assert run(path) == stored


def test_a_failing_cell_is_reported(tmp_path):
    broken = NOTEBOOKS[0].read_text().replace("from theory import *", "from theory import nothing")
    (tmp_path / "broken.ipynb").write_text(broken)
    with pytest.raises(RuntimeError, match="cell 1"):
        run(tmp_path / "broken.ipynb")
