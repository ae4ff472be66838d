"""What the README shows runs, in order and in one namespace, and prints what its comments say."""

import re
from fractions import Fraction
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.S)


def test_snippets_run(capsys):
    names: dict = {}
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "|v|² <= gamma**2*(|g|² - <1, g>**2/m - <g, yhat>**2/m)/s**2" in printed
    assert "backward pass - <v, w> = <g, D z[w]> for every w" in printed
    assert (names["sides"].left <= names["sides"].right).all()
    claim, numbers = names["claim"], {"g_g": 4, "one_g": 0, "a": 2, "m": 8}
    assert str(claim.at(**numbers)) == "|v|² <= 7*gamma**2/(2*s**2)"
    assert claim.at(**numbers, gamma=1, s=2, v_v=1) == False  # noqa: E712 (a SymPy truth value)
    assert claim.at(**numbers, gamma=1, s=2, v_v=Fraction(7, 8)) == True  # noqa: E712
    with pytest.raises(ValueError, match="some of a, g_g"):
        claim.at(nothing=1)


def test_snippets_in_ipython():
    """The same blocks as IPython cells: no error, and expressions render as LaTeX."""
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    for block in BLOCKS:
        result = shell.run_cell(block)
        assert result.success, result
    for expression in ("claim", "claim.prove()", "BATCH.backward", "next(iter(claim.prove()))"):
        value = shell.run_cell(expression).result
        assert value._repr_latex_().startswith("$"), expression
