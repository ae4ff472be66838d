"""Claims are certified by Coq; mutants, forgeries, contradictory premises and wrong lemmas are not."""

import json
import re

import pytest
import sympy as sp
from certifying import document, needs_coq, stated, use_library

from bnverify.theory import CLAIMS, ONE, Normalizer, claims_of, epsilon, m, to_json, variance
from bnverify.theory.certify import batch, certificate, certificate_of, certify, coqc
from bnverify.theory.certify.certificate import LINKED, PREMISES, REFUSED, UNSHOWN

pytestmark = needs_coq
SAMPLE = ("theorem-4.1", "fact-c1")
MORE = ("theorem-4.1", "normalised-norm", "lemma-4.5-rows", "l1-worst-factor")
OWN = (
    Normalizer("outside", True, lambda y: sp.sqrt(variance(y)) + epsilon),
    Normalizer("between", True, lambda y: sp.sqrt(variance(y) + ((ONE @ y) / m) ** 2 / 4 + epsilon)),
    Normalizer("halved", False, lambda y: sp.sqrt(y.squared / (4 * m) + epsilon)),
)
LINK = """From Coq Require Import Reals.
From bnverify Require Import Vectors.
From bnverify.claims Require Import theorem_4_1.
Open Scope R_scope.
Theorem theorem_4_1_from_definition (m : nat) (v g yhat : vec) : (1 <= m)%nat ->
  dot m yhat yhat = INR m * 1 -> dot m one yhat = 0 ->
  veq m v (vadd (vscal (- 2 * dot m one g / (INR m * 1)) one)
    (vadd (vscal (2 / 1) g) (vscal (- 2 * dot m g yhat / (INR m * 1)) yhat))) ->
  dot m v v <= 2 ^ 2 * (dot m g g - dot m one g ^ 2 / INR m - dot m g yhat ^ 2 / INR m) / 1 ^ 2.
Proof. intros. apply (theorem_4_1 m 2 1 1 v g yhat); auto; try apply Rlt_0_1; split; auto using Rle_0_1, Rle_refl. Qed.
"""


@pytest.fixture(scope="module", autouse=True)
def small_library(coq_cache, tmp_path_factory):
    """One cache and one compiled library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BNVERIFY_CACHE", coq_cache)
        yield use_library(patch, tmp_path_factory.mktemp("library"))


def one(exported, **options):
    (found,) = certify([exported], jobs=1, **options)
    return found


@pytest.mark.parametrize("keys", [SAMPLE, pytest.param(MORE, marks=pytest.mark.slow)], ids=len)
def test_claims_are_certified_with_coqs_own_statement(keys):
    found = list(certify([document(key) for key in keys]))
    assert [(each.key, each.verdict) for each in found] == [(key, PREMISES) for key in keys]
    theorem = found[0]
    assert theorem.statement.startswith(
        "forall (m : nat) (gamma s rho : R) (v g yhat : vec), (1 <= m)%nat -> 0 < s -> "
    )
    assert theorem.statement.endswith("dot m v v <= gamma ^ 2 * (dot m g g - dot m one g ^ 2 / INR m - "
                                      "dot m g yhat ^ 2 / INR m) / s ^ 2")  # fmt: skip
    assert "dot m yhat yhat = INR m * rho" in theorem.premises and len(theorem.premises) == 6
    assert set(theorem.axioms) <= coqc.AXIOMS and theorem.coq


@pytest.mark.slow
def test_a_refusal_is_nobody_elses(small_library):
    """Several claims share a process of Coq; a wrong one and a forged link are about theirs only."""
    wrong = stated("fact-c2", right=f"2*({document('fact-c2')['statement']['right']})")
    link = small_library / "links" / "theorem_4_1.v"
    link.write_text(LINK.replace(" / 1 ^ 2.\n", " / 1 ^ 3.\n"))
    keys = ("fact-c1", "theorem-4.1")
    try:
        found = list(certify([*map(document, keys), wrong], jobs=1, fresh=True))
    finally:
        link.unlink()
    assert [each.verdict for each in found] == [PREMISES, PREMISES, REFUSED]
    assert [bool(each.reason) for each in found] == [False, True, True]
    assert found[0].statement == one(document("fact-c1"), fresh=True).statement


@pytest.mark.parametrize("text", ["End theorem_4_1. Module other.", "Section S. End S.", "Axiom wrong : False."])
def test_a_file_that_would_leave_its_module_is_not_put_into_a_batch(text, tmp_path):
    with pytest.raises(coqc.CoqError):
        batch.compile_modules(tmp_path / "links", {"theorem_4_1": text}, {})
    assert not list((tmp_path / "links").glob("*.v"))


@pytest.mark.parametrize("count", [1, 2, 5, 12, 13, 40])
@pytest.mark.parametrize("bad", [(), (0,), (3, 4)])
def test_batches_keep_the_order_and_end_with_each_alone(count, bad):
    asked = []

    def together(items):
        asked.append(tuple(items))
        if set(items) & set(bad):
            raise coqc.CoqError("one of them")
        return [(item, "together") for item in items]

    found = batch.in_batches(range(count), 2, together, lambda item: (item, "alone"))
    assert [item for item, _ in found] == list(range(count))
    assert {item for item, how in found if how == "alone"} >= set(bad) & set(range(count))
    assert max(map(len, asked), default=0) <= batch.LARGEST


@pytest.mark.slow
def test_every_claim_follows_from_its_premises():
    found = list(certify([document(key) for key in CLAIMS]))
    assert {each.key: each.verdict for each in found} == dict.fromkeys(CLAIMS, PREMISES)


@pytest.mark.parametrize("own", OWN[:1], ids=lambda n: n.name)
def test_claims_about_a_normalizer_of_ones_own(own):
    assert one(to_json(claims_of(own)[-1])).verdict == PREMISES


@pytest.mark.slow
@pytest.mark.parametrize("own", OWN, ids=lambda n: n.name)
def test_all_claims_about_normalizers_of_ones_own(own):
    assert all(certify([to_json(claim) for claim in claims_of(own)]))


def test_contradictory_premises_are_told():
    """From s > 0 and s = 0 everything follows, 1 = 2 too."""
    impossible = {"name": "s = 0", "statement": "no spread", "flag": None, "equations": [], "sets": {},
                  "condition": {"left": "s", "relation": "==", "right": "0"}}  # fmt: skip
    exported = document("fact-c1-beta")
    exported["hypotheses"].append(impossible)
    exported["symbols"]["s"] = "positive"
    forged = exported | {"statement": exported["statement"] | {"left": "s", "right": "2*s + 1", "relation": "=="}}
    found = one(forged)
    assert found.verdict == UNSHOWN and not found.whole
    assert {"0 < s", "s = 0"} <= set(found.premises)


def test_a_vacuous_theorem_is_not_called_satisfiable(monkeypatch):
    """The example is checked by Coq: with a wrong one nothing is shown."""
    monkeypatch.setattr(certificate, "search", lambda doc: None)
    assert one(document("fact-c1"), fresh=True).verdict == UNSHOWN


def test_a_wrong_example_shows_nothing(monkeypatch):
    search = certificate.search

    def wrong(doc):
        example = search(doc)
        example.vectors["v"] = tuple(entry + 1 for entry in example.vectors["v"])
        return example

    monkeypatch.setattr(certificate, "search", wrong)
    assert one(document("fact-c1"), fresh=True).verdict == UNSHOWN


def test_a_link_gives_the_theorem_from_the_definition(small_library, monkeypatch):
    link = small_library / "links" / "theorem_4_1.v"
    link.write_text(LINK)
    try:
        found = one(document("theorem-4.1"))
        assert found.verdict == LINKED, found.reason
        assert found.linked.startswith("forall (m : nat) (v g yhat : vec), (1 <= m)%nat -> dot m yhat yhat = INR m * 1")
        assert found.premises[0] == "(1 <= m)%nat" and len(found.premises) == 4
    finally:
        link.unlink()


def _slow(*case):
    return pytest.param(*case, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (LINK[LINK.index("(m : nat)") :], ": True.\nProof. exact I. Qed.\n"),
        _slow("theorem_4_1_from_definition", "theorem_4_1_exact_from_definition"),
        _slow("From bnverify.claims Require Import theorem_4_1.", "From bnverify.claims Require Import fact_c1."),
        _slow("Proof. intros.", "Proof. admit. Admitted. Theorem other : True. Proof."),
        (" / 1 ^ 2.\n", " / 1 ^ 3.\n"),
        ("Theorem theorem_4_1_from", "Axiom wrong : False.\nTheorem theorem_4_1_from"),
        _slow("Theorem theorem_4_1_from", "Hypothesis wrong : False.\nTheorem theorem_4_1_from"),
    ],
    ids=["of nothing", "another name", "another claim", "admitted", "another statement", "an axiom", "a variable"],
)
def test_forged_links_are_refused(small_library, old, new):
    assert LINK.count(old) >= 1
    link = small_library / "links" / "theorem_4_1.v"
    link.write_text(LINK.replace(old, new))
    if "Hypothesis" in new:
        link.write_text(link.read_text().replace("Proof. intros.", "Proof. intros. destruct wrong."))
    try:
        found = one(document("theorem-4.1"))
        assert found.verdict == PREMISES and found.reason.startswith("the link to the definition is not accepted")
        assert not found.linked
    finally:
        link.unlink()


def test_a_document_under_another_claims_name_does_not_get_its_link(small_library):
    link = small_library / "links" / "theorem_4_1.v"
    link.write_text(LINK)
    try:
        found = one(document("fact-c1", key="theorem-4.1"))
        assert found.verdict == PREMISES and not found.reason and not found.linked
    finally:
        link.unlink()


def test_two_documents_of_one_name_are_refused():
    exported = [document("fact-c1-beta"), document("fact-c1", key="fact_c1_beta".replace("_", "-"))]
    assert [each.verdict for each in certify(exported)] == [REFUSED, REFUSED]


def test_malformed_documents_get_a_verdict():
    for broken in (document("fact-c1", key="a\nb"), document("fact-c1", format="x"), document("fact-c1", facts=3), {}):
        found = one(broken)
        assert found.verdict == REFUSED and found.reason and "\n" not in found.key


def test_certificates_are_kept_under_the_hash_of_what_was_checked(monkeypatch):
    exported = document("fact-c1-gamma")
    assert certificate_of(exported) is None
    found = one(exported)
    assert certificate_of(exported) == found and re.fullmatch(r"[0-9a-f]{64}", found.hash)
    monkeypatch.setattr(certificate, "_checked", lambda *_: pytest.fail("checked again"))
    assert one(exported) == found
    changed = exported | {"statement": exported["statement"] | {"right": "a + 0"}}
    assert certificate_of(changed) is None


def test_a_broken_cache_is_ignored(monkeypatch, tmp_path):
    exported = document("fact-c1-beta")
    found = one(exported)
    kept = certificate.cache() / f"{found.hash}.json"
    for content in ("", "[]", json.dumps(found.to_json() | {"hash": "0"}), json.dumps({"key": 1})):
        kept.write_text(content)
        assert certificate_of(exported) is None
    monkeypatch.setenv("BNVERIFY_CACHE", str(tmp_path / "file" / "below"))
    (tmp_path / "file").write_text("")
    assert certificate_of(exported) is None
    assert one(exported).verdict == PREMISES


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Lemma dot_scal_l m c u w : dot m (vscal c u) w = c * dot m u w.",
         "Lemma dot_scal_l m c u w : dot m (vscal c u) w = c * c * dot m u w."),
        _slow("Lemma cauchy_schwarz ", "Axiom any : forall P : Prop, P.\nLemma cauchy_schwarz "),
    ],
    ids=["wrong", "axiom"],
)  # fmt: skip
def test_a_wrong_lemma_of_the_library_is_refused(monkeypatch, tmp_path, old, new):
    monkeypatch.setenv("BNVERIFY_CACHE", str(tmp_path / "cache"))
    use_library(monkeypatch, tmp_path / "library", Vectors=(old, new))
    if "Axiom" in new:
        file = tmp_path / "library" / "Vectors.v"
        text = file.read_text()
        start = text.index("Proof.", text.index(old))
        file.write_text(text[:start] + "Proof. apply any. Qed." + text[text.index("Qed.", start) + 4 :])
        found = one(document("normalizer-worst-factor-floor"))
        assert found.verdict == REFUSED and "any" in found.reason
    else:
        with pytest.raises(coqc.CoqError):
            one(document("fact-c1"))
