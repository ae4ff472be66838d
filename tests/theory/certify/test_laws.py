"""Laws about averages are derived in Coq from their hypotheses, and changed laws are not."""

import copy

import pytest
from certifying import needs_coq

from bnverify.theory.certify import certify_sentences, laws
from bnverify.theory.certify.certificate import PREMISES
from bnverify.theory.certify.expressions import Refused
from bnverify.theory.certify.laws import law_in_coq
from bnverify.theory.certify.sentences import REFUTED, Sentence
from bnverify.theory.results.dynamics.laws import LAWS


def document(key, **formula):
    found = copy.deepcopy(LAWS[key].to_json())
    found["formulas"][0].update(formula)
    return found


def test_a_law_in_coq():
    """The translation is what is to be believed: it is compared with what a person writes."""
    text = law_in_coq(document("rotation"))
    given = "B' = ((((((1) + ((-1) * x')) + al') * A') + ((-1) * (al' * B'))) + ((-1) * (eta' * e')))"
    premises = ("0 < A'", "0 <= x'", "0 <= al'", "0 < eta'", given, "A' <> 0", "((1) + al') <> 0",
                "(((1) + al') * A') <> 0")  # fmt: skip
    goal = "(B' / A') = (((1) + ((-1) * (x' / ((1) + al')))) + ((-1) * ((eta' * e') / (((1) + al') * A'))))"
    arrows = "".join(f"\n  {premise} ->" for premise in premises)
    assert f"Theorem law : forall (A' B' x' al' eta' e' : R),{arrows}\n  {goal}.\n" in text
    assert f"Theorem met : ~ (forall (A' B' x' al' eta' e' : R),{arrows}\n  False).\n" in text


@pytest.mark.parametrize(
    ("key", "changes"),
    [("rotation", {"claim": "B/A = 1 - x"}), ("rotation", {"given": []}), ("rotation", {"claim": "B <= A"}),
     ("equilibrium", {"claim": "A**2*lam*2 = eta*L - 2*(1 - eta*lam)*e*A"}),
     ("equilibrium-momentum", {"given": ["B = A"]})],
)  # fmt: skip
def test_what_does_not_follow_is_refused(key, changes):
    with pytest.raises(Refused):
        law_in_coq(document(key, **changes))


@needs_coq
@pytest.mark.slow
def test_laws_are_derived_and_changed_ones_are_not():
    files = laws(law.to_json() for law in LAWS.values())
    text = files["rotation"].text
    other = text.replace("(x' / ((1) + al'))", "x'", 1)  # in the statement alone
    empty = text.replace("apply (F' (1)", "apply (F' (-1)")
    assert other != text != empty
    wrong = [Sentence("other", other, "law", PREMISES, ("met",)), Sentence("empty", empty, "law", PREMISES, ("met",)),
             Sentence("kind", text, "law", REFUTED), Sentence("gone", text, "law", PREMISES, ("meet",))]  # fmt: skip
    found = list(certify_sentences([*files.values(), *wrong], fresh=True))
    assert [each.verdict for each in found] == [PREMISES] * len(files) + ["refused"] * len(wrong)
    assert all(each.reason for each in found[len(files) :]) and all(each.premises for each in found[: len(files)])
