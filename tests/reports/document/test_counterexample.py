"""What an example says in words, as mathematics."""

import pytest

from bnverify.reports.document.counterexample import assignments, marked, number
from bnverify.theory import AUDIT

EXAMPLES = [r.evidence.counterexample for r in AUDIT.values() if getattr(r.evidence, "counterexample", None)]


class Said:
    """An example that says what it is told to."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("y = (0, 1), gamma = 2", r"$y = (0,\, 1)$, $\gamma = 2$"),
        ("epsilon = 15/4", r"$\varepsilon = \tfrac{15}{4}$"),
        ("g = (-1/2, 1)", r"$g = (-\tfrac{1}{2},\, 1)$"),
        ("W* = (1)", "$W^{*} = (1)$"),
        ("W0 = (-1)", "$W_0 = (-1)$"),
        ("X = (0, 1)'", r"$X = (0,\, 1)^{\top}$"),
        ("X = [(0), (1)]", r"$X = \begin{pmatrix} 0 \\ 1 \end{pmatrix}$"),
        ("H = [(0, 0), (0, 0)]", "$H = 0$"),
        ("H = (0, 0), (0, 0), gamma = 1", r"$H = 0$, $\gamma = 1$"),
        ("H = [(-1, 0), (0, -1)]", "$H = -I$"),
        ("H = [(3/2, 0), (0, 3/2)]", r"$H = \tfrac{3}{2}\, I$"),
        ("H = [(1, 0), (0, -1)]", r"$H = \begin{pmatrix} 1 & 0 \\ 0 & -1 \end{pmatrix}$"),
        ("H = [(1/8, 1/4), (0, 1)]", r"$H = \tfrac{1}{8}\begin{pmatrix} 1 & 2 \\ 0 & 8 \end{pmatrix}$"),
        ("H = I", "$H = I$"),
        ("y = (1, 2), epsilon = 0 (l1-uncentred)", r"$y = (1,\, 2)$, $\varepsilon = 0$ (l1-uncentred)"),
        ("two equal rows", "(two equal rows)"),
    ],
)
def test_words_become_mathematics(said, expected):
    assert marked(Said(said), matrices=True) == expected


def test_without_arrays_a_matrix_is_a_list_of_rows():
    assert marked(Said("X = [(0, 1), (1/2, 0)]"), matrices=False) == (r"$X = \tfrac{1}{2}\,[(0,\, 2),\; (1,\, 0)]$")


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_number_of_every_example_is_kept(example):
    for name, value in assignments(example):
        assert name in str(example) and value in str(example)
    assert "=" not in marked(example, matrices=True).replace("$", " $ ").split(" $ ")[::2]


def test_numbers_are_exact():
    assert number("1/3") == r"\tfrac{1}{3}"
    assert number("-1/3") == r"-\tfrac{1}{3}"
