"""Formulas become MathML that holds what the LaTeX says, and what is not known is an error, never text."""

import re
from xml.etree import ElementTree

import pytest

from bnverify.reports import formula, mathml
from bnverify.reports.html import plain
from bnverify.reports.theory_chapters import ROOM, statement
from bnverify.theory import AUDIT, CLAIMS, QUANTITIES

CASES = {
    r"\frac{a}{m}": "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>m</mi></mrow></mfrac>",
    r"\hat y": '<mover accent="true"><mi>y</mi><mo stretchy="false">^</mo></mover>',
    r"x^{2}_j": "<msubsup><mi>x</mi><mi>j</mi><mrow><mn>2</mn></mrow></msubsup>",
    r"g'": "<msup><mi>g</mi><mo>′</mo></msup>",
    r"\mathbf 1": "<mi>𝟏</mi>",
    r"\mathrm{run}": "<mi>run</mi>",
    r"\mathbb{R}": "<mi>ℝ</mi>",
    r"\sqrt{2}": "<msqrt><mrow><mn>2</mn></mrow></msqrt>",
    r"\sum_j": '<munder><mo movablelimits="true">∑</mo><mi>j</mi></munder>',
    r"-1": '<mo form="prefix">−</mo><mn>1</mn>',
    r"a - 1": "<mi>a</mi><mo>−</mo><mn>1</mn>",
    r"(-1)": '<mo form="prefix">−</mo>',
    r"a < b": "<mo>&lt;</mo>",
    r"0.5": "<mn>0.5</mn>",
}


@pytest.mark.parametrize(("tex", "wanted"), CASES.items())
def test_translation(tex, wanted):
    assert wanted in mathml.inline(tex)


def test_brackets_have_the_size_that_the_latex_gives_them():
    small, large = mathml.inline("(x)"), mathml.inline(r"\Bigl(x\Bigr)")
    assert small.count('stretchy="false"') == 2 and "minsize" not in small
    assert large.count('minsize="1.8em" maxsize="1.8em"') == 2


def test_a_matrix_has_its_rows_and_entries():
    shown = mathml.inline(r"H = \tfrac{1}{2}\begin{pmatrix} 1 & -2 \\ 3 & 4 \end{pmatrix}")
    assert shown.count("<mtr>") == 2 and shown.count("<mtd>") == 4


@pytest.mark.parametrize(
    "wrong", [r"\nonsense", r"a_", r"\frac{1}", r"{a", r"a}", r"\left( a", r"\begin{array} a", "a # b", r"\mathbf{é}"]
)
def test_what_is_not_known_is_an_error_that_quotes_the_formula(wrong):
    with pytest.raises(mathml.NotTranslated):
        mathml.inline(wrong)


def formulas():
    for claim in CLAIMS.values():
        yield from (part for row in statement(claim) for part in row)
        for step in claim.prove():
            yield from (part for row in formula.rows(step.left, "=", step.right, ROOM) for part in row)
    for record in AUDIT.values():
        yield formula.latex(record.relation.lhs)
        yield formula.latex(record.relation.rhs)
    yield from map(formula.symbol, QUANTITIES)


def test_every_formula_of_the_theory_is_translated_and_well_formed():
    found = list(dict.fromkeys(formulas()))
    assert len(found) > 300
    for tex in found:
        tree = ElementTree.fromstring(mathml.inline(tex))
        text = "".join(tree.itertext())
        assert not re.search(r"[\\$_]", text), tex
        for element in tree.iter():
            assert element.tag not in ("mfrac", "msub", "msup", "munder", "mover") or len(element) == 2, tex
            assert element.tag not in ("msubsup", "munderover") or len(element) == 3, tex


def test_plain_characters_for_those_who_do_not_see_the_page():
    assert plain(r"the sign of $a = \langle \hat y, g\rangle$ is 5\$") == "the sign of a = ⟨ŷ, g⟩ is 5$"
