"""False formulas in the audit's own language are refuted in Coq at their counterexample, and true ones are not."""

import copy

import pytest
from certifying import needs_coq

from bnverify.theory import AUDIT
from bnverify.theory.certify import certify_sentences, refutations
from bnverify.theory.certify.expressions import Refused
from bnverify.theory.certify.formula_refutation import formula_refutation
from bnverify.theory.certify.sentences import REFUTED, Sentence

KEYS = {
    "blog-4.5", "ioffe-scalar", "ioffe-scalar-input", "ioffe-scalar-weights",
    "xu-1-misprint", "xu-2", "wan-1", "wen-chord", "li-root", "labml-deepnorm",
    "daneshmand-mean", "meterez-mean", "fold-before", "ghost-running", "labml-ws", "labml-bcn",
    "rms-10", "hoedt-mean", "shen-backward", "shen-lipschitz", "crown-jacobian", "peri-8", "ws-hessian",
    "jiang-index", "shen-code",
}  # fmt: skip
BY_HAND = {"xiong-3", "peri-remark", "qk-bound", "cai-insensitive"}


def changed(key, **evidence):
    record = copy.deepcopy(AUDIT[key].to_json())
    record["evidence"].update(evidence)
    return record


def _generated(record):
    try:
        return formula_refutation(record.to_json())
    except (Refused, KeyError):
        return None


def test_which_records_are_refuted_here():
    assert {key for key, record in AUDIT.items() if _generated(record)} == KEYS
    found = refutations(record.to_json() for record in AUDIT.values())
    assert set(found) >= KEYS | BY_HAND
    assert all(found[key].theorem == f"printed_{key.replace('-', '_')}_false" for key in BY_HAND)


def test_a_formula_in_coq():
    """The translation is what is to be believed: it is compared with what a person writes."""
    text = formula_refutation(AUDIT["blog-4.5"].to_json())
    u, w = "(vadd u' (vscal (-1) (vscal k' w')))", "(vadd u' (vscal (-1) w'))"
    right = f"((dot m {w} {w}) + ((-1) * (((dot m w' w') + ((-1) * (dot m w' u'))) / (dot m w' w'))))"
    assert (
        "Theorem refuted : ~ (forall (m : nat) (k' : R) (u' : vec) (w' : vec),\n  (1 <= m)%nat ->\n  0 < k' ->\n"
        "  (k' * (dot m w' w')) = (dot m u' w') ->\n  (dot m w' w') <> 0 ->\n"
        f"  (dot m {u} {u}) <= {right})."
    ) in text
    text = formula_refutation(AUDIT["shen-backward"].to_json())
    rms = "(vscal ((1) / (sqrt (((dot m x' x') / (INR m)) + (0)))) x')"
    assert f"is_grad m (fun x' => (gamma' * (dot m g' {rms}))) x' gradient0 ->" in text


@pytest.mark.parametrize(
    ("key", "evidence"),
    [("ioffe-scalar", {"claim": "bn(a*a*y) = bn(y)"}), ("xu-1-misprint", {"claim": "var(g) = log(var(g))"}),
     ("ioffe-scalar", {"kind": "computed"})],
)  # fmt: skip
def test_what_holds_at_the_point_or_has_no_word_in_coq_is_refused(key, evidence):
    with pytest.raises(Refused):
        formula_refutation(changed(key, **evidence))


@pytest.mark.parametrize(
    "changes",
    [{"claim": "exp(k) <= 0"}, {"claim": "max(k, k) <= 0"}, {"claim": "abs(k) <= 0"}, {"claim": "k <= unheard_of"},
     {"claim": "dot(grad(dot(u, grad(dot(u, w)**2, u)), u), u) <= 0"}, {"claim": "dot(u, u) >= 0"}],
)  # fmt: skip
def test_what_is_not_translated_or_not_false_is_refused(changes):
    with pytest.raises(Refused):
        formula_refutation(changed("blog-4.5", given=[], **changes))


@needs_coq
@pytest.mark.slow
def test_formulas_of_the_audit_are_refuted_and_true_ones_are_not():
    """All that are generated, and each of them with what is true put in its place, where a record says what is."""
    found = refutations(record.to_json() for record in AUDIT.values())
    keys = sorted(KEYS)
    assert {each.verdict for each in certify_sentences([found[key] for key in keys], fresh=True)} == {REFUTED}
    text = found["hoedt-mean"].text
    true = text.replace("(dot m one g') one)", "((dot m one g') / INR m) one)")
    assert true != text
    (wrong,) = certify_sentences([Sentence("hoedt-mean", true, "refuted")], fresh=True)
    assert not wrong and wrong.reason


@needs_coq
@pytest.mark.slow
def test_false_formulas_are_refuted_and_true_ones_are_not():
    """A scalar and a vector one; of the true ones the goal and what both sides come to are changed."""
    false = [AUDIT[key].to_json() for key in ("wan-1", "ioffe-scalar", "li-root")]
    texts = [formula_refutation(each) for each in false]
    true = [
        _changed(texts[0], ("/ ((2) * lam'))).", "/ (((2) + ((-1) * (eta' * lam'))) * lam')))."),
                 ("R : r = (5)", "R : r = (100 / 19)")),
        _changed(texts[2], ("((-1) * ((4) * g'))", "(0)"), ("L : l = (-7 / 16)", "L : l = (9 / 16)")),
    ]  # fmt: skip
    files = [Sentence(each["key"], text, "refuted") for each, text in zip(false, texts, strict=True)]
    *found, one, other = certify_sentences([*files, *(Sentence("true", text, "refuted") for text in true)], fresh=True)
    assert [each.verdict for each in found] == [REFUTED] * 3
    assert not one and not other and one.reason and other.reason


def _changed(text, *changes):
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text
