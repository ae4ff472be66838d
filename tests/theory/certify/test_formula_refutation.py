"""False formulas in the audit's own language are refuted in Coq at their counterexample, and true ones are not."""

import copy

import pytest
from certifying import needs_coq

from bnverify.theory import AUDIT
from bnverify.theory.certify import refutations, refute
from bnverify.theory.certify.expressions import Refused
from bnverify.theory.certify.formula_refutation import formula_refutation
from bnverify.theory.certify.refutation import REFUTED, Refutation

KEYS = {
    "blog-4.5", "ioffe-scalar", "xu-1-misprint", "xu-2", "wan-1", "wen-chord", "li-root", "labml-deepnorm",
    "daneshmand-mean", "meterez-mean", "fold-before", "ghost-running", "labml-ws", "labml-bcn",
}  # fmt: skip
BY_HAND = {"xiong-3", "peri-remark", "qk-bound", "hoedt-mean", "crown-jacobian", "cai-insensitive"}


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


def test_the_statement_is_the_printed_one():
    text = formula_refutation(AUDIT["wan-1"].to_json())
    assert "0 < eta_ -> 0 < lam_ -> 0 < L_ -> 0 < q_ -> 0 < l_ ->" in text
    assert "q_ = ((L_ * eta_) / ((2) * lam_))" in text
    text = formula_refutation(AUDIT["ioffe-scalar"].to_json())
    assert "forall (m : nat) (a_ : R) (y_ : vec)" in text and "a_ <> 0 ->" in text and "veq m (vscal" in text


@pytest.mark.parametrize(
    ("key", "evidence"),
    [("ioffe-scalar", {"claim": "bn(a*a*y) = bn(y)"}), ("xu-1-misprint", {"claim": "var(g) = log(var(g))"}),
     ("ioffe-scalar", {"kind": "computed"})],
)  # fmt: skip
def test_what_holds_at_the_point_or_has_no_word_in_coq_is_refused(key, evidence):
    with pytest.raises(Refused):
        formula_refutation(changed(key, **evidence))


@needs_coq
@pytest.mark.slow
def test_false_formulas_are_refuted_and_true_ones_are_not():
    """A scalar and a vector one; the true ones differ by a factor, and by a square."""
    true = [changed("wan-1", claim="q*(2 - eta*lam)*lam = L*eta"), changed("li-root", claim="(1 + g - x)**2 >= 0")]
    files = [Refutation(each["key"], formula_refutation(each), "refuted")
             for each in (AUDIT["wan-1"].to_json(), AUDIT["ioffe-scalar"].to_json(), *true)]  # fmt: skip
    *found, one, other = refute(files, fresh=True)
    assert [each.verdict for each in found] == [REFUTED] * 2
    assert not one and not other and one.reason and other.reason
