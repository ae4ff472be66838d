"""Sentences of theory/ become marked-up text, and marked-up text becomes LaTeX that cannot break."""

import pytest

from reports.prose import escape, prose, to_latex, verbatim
from theory import CLAIMS, QUANTITIES

SENTENCES = {
    "the mean is linear": "the mean is linear",
    "a bias before the norm": "a bias before the norm",
    "sum of w": "sum of $w$",
    "At epsilon = 0, u = (gamma/s) v.": r"At $\varepsilon  = 0$, $u = (\gamma/s) v$.",
    "c = <yhat, v>/m": r"$c = \langle \hat y, v \rangle/m$",
    "Theorem 4.1 (later version, coefficient 1/m)": "Theorem 4.1 (later version, coefficient $1/m$)",
    "the nearest point is kW*": "the nearest point is $kW^{*}$",
    "costs $5": r"costs \$5",
}


@pytest.mark.parametrize(("text", "marked"), SENTENCES.items())
def test_formulas_are_found_and_words_are_left_alone(text, marked):
    assert prose(text) == marked


def test_every_sentence_of_the_theory_has_paired_dollars():
    texts = [quantity.meaning for quantity in QUANTITIES.values()]
    for claim in CLAIMS.values():
        texts += [claim.title, claim.remark, str(claim.source)]
        texts += [text for h in claim.hypotheses for text in (h.name, h.statement)]
        texts += [text for step in claim.prove() for text in (step.name, step.reason)]
    assert len(texts) > 100
    for text in texts:
        assert prose(text).replace(r"\$", "").count("$") % 2 == 0, text


def test_special_characters_are_escaped_outside_formulas_only():
    assert to_latex("50 % of x_1 & $x_1$ # {~}") == r"50 \% of x\_1 \& $x_1$ \# \{\textasciitilde{}\}"
    assert to_latex(verbatim("$x")) == r"\$x"
    assert escape("\\") == r"\textbackslash{}"


def test_unescaped_text_would_differ():
    assert to_latex("a_b") != "a_b"
