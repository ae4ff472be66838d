"""Sentences of theory/ become marked-up text: formulas between dollars, words left alone."""

import re

import pytest

from bnverify.reports.document.audited import is_shown
from bnverify.reports.document.prose import prose
from bnverify.theory import AUDIT, CLAIMS, NORMALIZERS, QUANTITIES

SENTENCES = {
    "the mean is linear": "the mean is linear",
    "a bias before the norm": "a bias before the norm",
    "sum of w": "sum of $w$",
    "At epsilon = 0, u = (gamma/s) v.": r"At $\varepsilon  = 0$, $u = (\gamma/s) v$.",
    "c = <yhat, v>/m": r"$c = \langle \hat y, v \rangle/m$",
    "Theorem 4.1 (later version, coefficient 1/m)": "Theorem 4.1 (later version, coefficient $1/m$)",
    "the nearest point is kW*": "the nearest point is $kW^{*}$",
    "costs $5": r"costs \$5",
    "iff v'Hv <= g'Hg, the layer's": r"iff $v^{\top}Hv \leq g^{\top}Hg$, the layer's",
    "so its squared norm is v'XX'v": r"so its squared norm is $v^{\top}XX^{\top}v$",
    "gives y' -> ky' up to": r"gives $y' \to ky'$ up to",
    "dl/dsigma^2 and dl/dmu": r"$\mathrm{d}l/\mathrm{d}\sigma^2$ and $\mathrm{d}l/\mathrm{d}\mu$",
    "mean of -2(y - mu) times": r"mean of $-2(y - \mu)$ times",
    "for m >= 3 and 1/s (m - 2 times)": r"for $m \geq 3$ and $1/s$ ($m - 2$ times)",
    "weights W / sqrt(W'SW + epsilon)": r"weights $W/ \sqrt{W^{\top}SW + \varepsilon}$",
    "d = (mu - mu_run)/s_run": r"$d = (\mu  - \mu_{\mathrm{run}})/s_{\mathrm{run}}$",
    "readers' notes, Euler's relation": "readers' notes, Euler's relation",
    "normalization/batch_channel_norm": "normalization/batch_channel_norm",
    "gamma/sigma_max": r"$\gamma/\sigma_{\mathrm{max}}$",
}


@pytest.mark.parametrize(("text", "marked"), SENTENCES.items())
def test_formulas_are_found_and_words_are_left_alone(text, marked):
    assert prose(text) == marked


def test_in_every_sentence_of_the_theory_all_formulas_are_found_and_dollars_are_paired():
    texts = [quantity.meaning for quantity in QUANTITIES.values()]
    for claim in CLAIMS.values():
        texts += [claim.title, claim.remark, str(claim.source)]
        texts += [text for h in claim.hypotheses for text in (h.name, h.statement)]
        texts += [text for step in claim.prove() for text in (step.name, step.reason)]
    for record in filter(is_shown, AUDIT.values()):
        texts += [record.title, record.remark, str(record.source)]
    texts += [record.source.place for record in AUDIT.values()]
    texts += [normalizer.over for normalizer in NORMALIZERS.values()]
    assert len(texts) > 300
    for text in texts:
        assert prose(text).replace(r"\$", "").count("$") % 2 == 0, text
        left = re.sub(r"\$[^$]*\$", "", prose(text).replace(r"\$", ""))
        left = re.sub(r"\b[a-z]+/[a-z]+_[a-z_]+\b", "", left)  # files
        marked = "".join(re.findall(r"\$[^$]*\$", prose(text).replace(r"\$", "")))
        assert not re.search(r"_(\w|\{[^{}]*(\{[^{}]*\})?\})_", marked), f"{text!r}: two indices"
        assert not re.search(r"[_^=]|\b(?:gamma|epsilon|yhat|rho|sigma|mu)\b(?!-)", left), f"{text!r} leaves {left!r}"


def test_a_name_with_an_index_gets_no_second_one():
    """TeX refuses two indices; so do readers."""
    assert prose("|W0_layer - k Wstar_layer|^2") == r"$|{W_0}_{\mathrm{layer}} - k {W^{*}}_{\mathrm{layer}}|^2$"
