"""What is read of a document, and what is refused before Coq sees anything."""

import pytest
import sympy as sp
from certifying import document, stated

from bnverify.theory import CLAIMS, Normalizer, claims_of, epsilon, to_json, variance
from bnverify.theory.certify import certificate
from bnverify.theory.certify.document import identifier, read
from bnverify.theory.certify.expressions import Refused, coq, divisors, parse, radicands
from bnverify.theory.certify.proof import generate
from bnverify.theory.certify.statement import Statement


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("-a**2*b", "((- (a ^ 2)) * b)"),
        ("(-a)**2", "((- a) ^ 2)"),
        ("a - b - c", "((a - b) - c)"),
        ("a/b/c", "((a / b) / c)"),
        ("s**(-2)", "(/ (s ^ 2))"),
        ("s**(3/2)", "((sqrt s) ^ 3)"),
        ("s**(-1/4)", "(/ (sqrt (sqrt s)))"),
        ("2*sqrt(a + 1)", "(2 * (sqrt (a + 1)))"),
    ],
)
def test_formulas_are_written_node_by_node(text, written):
    assert coq(parse(text), str) == written


@pytest.mark.parametrize(
    "text",
    ["a(b)", "a.b", "1.5", "a if b else c", "a**b", "a**(1/3)", "a**99", "sqrt(a, b)", "'a'", "a\nb", "a @ b", "",
     "a = b",
     "lambda: a", "True", "é", "a" * 200_000, "(" * 500 + "a" + ")" * 500],
)  # fmt: skip
def test_what_is_no_formula_is_refused(text):
    with pytest.raises(Refused):
        parse(text)


def test_divisors_and_radicands():
    import ast

    assert {ast.unparse(d) for d in divisors(parse("a/(b*c**2) + d**(-1) + 1/2"))} == {"b", "c", "d"}
    assert [ast.unparse(r) for r in radicands(parse("sqrt(a + sqrt(b)) + c**(1/2)"))] == ["c", "b", "a + sqrt(b)"]


def test_every_claim_is_translated():
    for key in CLAIMS:
        generated = generate(read(document(key)))
        assert f"\nTheorem {identifier(key)} :" in generated
        assert generated.count("Theorem ") == 1


def test_theorem_4_1_in_coq():
    """The translation is what a certificate asks to be believed: it is compared with what a person writes."""
    statement = Statement(read(document("theorem-4.1")))
    norm = "((dot m g g) - (((dot m one g) ^ 2) / (INR m)))"
    assert statement.goal() == (
        f"(dot m v v) <= (((gamma ^ 2) * ({norm} - (((dot m g yhat) ^ 2) / (INR m)))) / (s ^ 2))"
    )
    premises = {premise.name: premise.coq for premise in statement.premises()}
    assert {premises["fact'0"], premises["fact'1"]} == {"(dot m one yhat) = 0", "(dot m yhat yhat) = ((INR m) * rho)"}
    assert premises["def'0"].startswith(
        "veq m v (vadd (vscal (((- gamma) * (dot m one g)) / ((INR m) * s)) one) (vadd "
    )
    assert premises["sign's"] == "0 < s" and premises["size'"] == "(1 <= m)%nat"


def test_a_layer_has_a_premise_for_every_channel():
    premises = {p.name: p.coq for p in Statement(read(document("theorem-4.2-layer"))).premises()}
    assert premises["sign's"] == "forall j, (j < C)%nat -> 0 < (s j)"
    assert premises["given'epsilon"] == "forall j, (j < C)%nat -> (epsilon j) = 0"
    assert premises["size'"] == "(1 <= m)%nat"


def test_words_of_coq_are_renamed():
    document_ = document("theorem-4.4-layer")
    document_["operators"]["forall"] = document_["operators"].pop("R")
    document_["inner_products"] = {k: v.replace("R ", "forall ") for k, v in document_["inner_products"].items()}
    for product in document_["certificate"]["products"]:
        for factor in product:
            if isinstance(factor["of"], list):
                factor["of"] = [atom.replace("R ", "forall ") for atom in factor["of"]]
    assert "psd m forall'" in generate(read(document_))


@pytest.mark.parametrize(
    "name", ["a\nb", "a b", "(*", "a *)", "a.b", "x'", "", "1a", "é", "x" * 90, "a;b", "Qed. Axiom"]
)
@pytest.mark.parametrize(
    "table", ["symbols", "inner_products", "vectors", "operators", "scalars", "sums_over_channels"]
)
def test_names_that_are_no_names_are_refused(name, table):
    exported = document("theorem-4.2")
    space = {"space": "m", "entries": "any", "is": "self-adjoint"}
    value = {"symbols": "real", "inner_products": "<g, g>", "scalars": "m", "sums_over_channels": "m"}.get(table, space)
    with pytest.raises(Refused):
        read(exported | {table: exported[table] | {name: value}})


@pytest.mark.parametrize(
    "key", ["a\nb", "a b", "", "-a", "a (* *)", "a.v\nAxiom x : False.", 7, None, "a" * 100, "../a", "a/b", "é"]
)
def test_keys_that_are_no_keys_are_refused(key):
    with pytest.raises(Refused):
        read(document("theorem-4.1", key=key))


@pytest.mark.parametrize(
    "part", ["key", "statement", "symbols", "inner_products", "definitions", "hypotheses", "facts"]
)
def test_malformed_documents_are_refused(part):
    exported = document("theorem-4.1")
    for broken in ({k: v for k, v in exported.items() if k != part}, exported | {part: 3}):
        with pytest.raises(Refused):
            read(broken)


def test_a_name_stands_for_one_thing():
    exported = document("theorem-4.1")
    with pytest.raises(Refused, match="two things"):
        read(exported | {"functions": {"gamma": "sign(s)"}})
    with pytest.raises(Refused, match="names of a table"):
        read(stated("theorem-4.1", right="gamma*unheard_of"))
    with pytest.raises(Refused, match="relation"):
        read(stated("theorem-4.1", relation="!="))


def test_vectors_of_different_spaces_have_no_inner_product():
    exported = document("theorem-4.1")
    exported["vectors"]["g"]["space"] = "n"
    with pytest.raises(Refused, match="one space"):
        generate(read(exported))


def test_a_link_is_of_one_claim_about_one_normalizer():
    """What a document says of its normalizer is in no theorem: another normalizer's values do not sum to zero."""
    known = document("normalised-mean")
    rms = known["normalizer"] | {"name": "rms", "centred": False, "scale": "sqrt(epsilon + I2/m)"}
    assert certificate._work(known).link
    changes = {"normalizer": rms, "hypotheses": [], "statement": known["statement"] | {"right": "1"}}
    for field, value in changes.items():
        other = certificate._work({**known, field: value})
        assert not other.link and other.hash != certificate._work(known).hash, field
    own = Normalizer("weight", True, lambda y: sp.sqrt(variance(y) + epsilon))
    claim = next(claim for claim in claims_of(own) if claim.key == "weight-gradient")
    assert (certificate.LIBRARY / "links" / "weight_gradient.v").is_file()
    assert not certificate._work(to_json(claim)).link


def _says(left, **tables):
    return {
        "statement": {"left": left, "relation": "==", "right": "0", "shape": "channel"},
        "certificate": None,
    } | tables


def _rests_on(because, of):
    return {"certificate": {"slack": "-1", "products": [[{"value": "-1", "because": because, "of": of}]]}}


MALFORMED = {
    "a sum of itself": _says("T", sums_over_channels={"T": "T + 1"}),
    "another m": _says("m", scalars={"m": "3"}),
    "a norm of nothing": _rests_on("squared norm", {}),
    "no such hypothesis": _rests_on("hypothesis", "none"),
    "vectors nobody declares": _says("q", inner_products={"q": "<zz, zz>"}),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_what_is_malformed_is_refused_and_stops_nothing(fault):
    wrong = document("theorem-4.1") | MALFORMED[fault]
    found = certificate._known(wrong, True, ["theorem_4_1"])
    assert isinstance(found, certificate.Certificate) and found.verdict == certificate.REFUSED and found.reason


@pytest.mark.parametrize("because", ["form of a positive semidefinite operator", "squared norm", "Gram determinant"])
def test_every_vector_of_a_certificate_has_a_plain_name(because):
    """What is written into a file of Coq passes one gate."""
    name = "H(**)yhat"
    of = {"squared norm": {name: "1"}, "Gram determinant": [{name: "1"}, {"g": "1"}]}.get(because, ["yhat", name])
    factor = {"value": "1", "because": because, "of": of}
    with pytest.raises(Refused, match="expected letters, digits"):
        read(document("theorem-4.1") | {"certificate": {"slack": "1", "products": [[factor]]}})
