"""The recheck accepts every exported proof and refuses every tampered one, knowing the document alone."""

import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sympy as sp
from documents import document
from sampled import sampled
from small_documents import bound, small, stated

from bnverify.theory import CLAIMS
from bnverify.theory.proof import signs
from bnverify.theory.proof.recheck import Refused, parse, recheck
from bnverify.theory.proof.recheck.tables import vanishes

KEYS = list(CLAIMS)
BOUNDS = [key for key in KEYS if CLAIMS[key].relation == "<="]
TABLES = ("facts", "definitions", "scalars", "relations")
_NUMBER = re.compile(r"(?<!\w)\d+")
_SIGN = re.compile(r" [+-] ")


def wrong_texts(text):
    """The expression with one number raised by one, or one sign turned."""
    for number in _NUMBER.finditer(text):
        yield f"{text[: number.start()]}{int(number[0]) + 1}{text[number.end() :]}"
    for sign in _SIGN.finditer(text):
        yield f"{text[: sign.start()]}{' - ' if '+' in sign[0] else ' + '}{text[sign.end() :]}"
    yield f"{text} + 1"


def wrong_values(value):
    """The value with one number or sign changed, in one coefficient if it is a vector."""
    if isinstance(value, str):
        yield from wrong_texts(value)
    else:
        for atom, coefficient in value.items():
            yield from ({**value, atom: text} for text in wrong_texts(coefficient))


def every(values, most):
    """At most so many of the values, evenly spread."""
    found = list(values)
    return found[:: max(1, -(-len(found) // most))]


def without(table, name):
    return {other: value for other, value in table.items() if other != name}


def test_what_vanishes_is_zero_when_multiplied_out_and_no_quotient_by_zero():
    x, root = sp.Symbol("x", positive=True), sp.sqrt(sp.Symbol("x", positive=True) + 1)
    nothing, no_other = (x + 1) ** 2 - x**2 - 2 * x - 1, (x - 1) ** 2 - x**2 + 2 * x - 1
    assert vanishes(nothing) and vanishes(nothing / (x + 2)) and vanishes((root + 1) * (root - 1) - x)
    assert not vanishes(nothing + x) and not vanishes(nothing + 1) and not vanishes((root + 1) * (root - 1) - 2 * x)
    assert not vanishes(nothing / no_other)


@pytest.mark.parametrize("key", KEYS)
def test_proof_is_accepted(key):
    exported = document(key)
    verdict = recheck(exported)
    assert verdict, str(verdict)
    assert len(verdict.checked) == len(exported["steps"]) + 6
    assert str(verdict).startswith(f"{key}: checked")
    for h in exported["hypotheses"]:
        assert any(line.startswith(f"hypothesis {h['name']}: {h['statement']}") for line in verdict.rests_on)
        assert sum(line.startswith(f"hypothesis {h['name']} sets ") for line in verdict.rests_on) == len(h["equations"])


@pytest.mark.parametrize("key", sampled(KEYS, 3))
def test_every_step_carries_weight(key):
    """Without any one of its steps, the others renumbered, a proof is no proof."""
    exported = document(key)
    for left_out in range(len(exported["steps"])):
        changed = copy.deepcopy(exported)
        step = changed["steps"].pop(left_out)
        for number, other in enumerate(changed["steps"], 1):
            other["number"] = number
        changed["conclusion"]["number"] -= 1
        if step["establishes"] is not None:  # its entry goes with it: left behind, it would be refused for that alone
            target = step["establishes"]
            changed[target["table"]] = without(changed[target["table"]], target["name"])
        assert not recheck(changed), step["name"]


def test_an_entry_left_behind_without_its_step_is_refused():
    exported = document("theorem-4.1-exact")
    exported["steps"].pop()
    exported["conclusion"]["number"] -= 1
    assert any("no step establishes v" in line for line in recheck(exported).refused)


@pytest.mark.parametrize("key", sampled(KEYS, 3))
def test_a_value_that_does_not_follow_is_refused(key):
    """Changed consistently, in the step and in its table: the rules give what they give."""
    exported = document(key)
    for i, step in enumerate(exported["steps"]):
        for value in every(wrong_values(step["value"]), 1):
            changed = copy.deepcopy(exported)
            changed["steps"][i]["value"] = value
            if step["establishes"] is not None:
                changed[step["establishes"]["table"]][step["establishes"]["name"]] = value
            assert any(line.startswith(f"step {i + 1}:") for line in recheck(changed).refused), (step["name"], value)


@pytest.mark.parametrize("key", ["fact-c1", "theorem-4.1-exact", "theorem-4.2-exact", "hessian", "renorm-backward"])
def test_a_backward_pass_doubled_everywhere_is_refused(key):
    """A document falsified consistently in its definitions, statement and conclusion, with the example made to fit."""
    exported = document(key)
    texts = json.dumps({k: exported[k] for k in ("steps", "definitions", "scalars", "statement", "conclusion")})
    exported |= json.loads(re.sub(r"(?<!\w)gamma(?!\w)", "(2*gamma)", texts))
    refused = recheck(exported).refused
    assert any("gives another value" in line for line in refused), refused


@pytest.mark.parametrize("key", sampled(KEYS, 3))
def test_changed_statement_or_conclusion_is_refused(key):
    exported = document(key)
    for part in ("statement", "conclusion"):
        for side in ("left", "right"):
            for text in every(wrong_texts(exported[part][side]), 1):
                assert not recheck({**exported, part: {**exported[part], side: text}}), text


@pytest.mark.parametrize("key", sampled(KEYS[::4], 3))
def test_missing_parts_are_refused(key):
    exported = document(key)
    for table in exported:
        assert not recheck(without(exported, table)), table
    for table in ("symbols", "inner_products", "sums_over_channels", "functions", *TABLES):
        for name in exported[table]:
            assert not recheck(exported | {table: without(exported[table], name)}), name


@pytest.mark.parametrize("key", sampled(BOUNDS, 3))
def test_changed_certificate_is_refused(key):
    exported = document(key)
    certificate = exported["certificate"]
    assert not recheck(exported | {"certificate": None})
    assert not recheck(exported | {"certificate": certificate | {"products": certificate["products"][1:]}})
    for slack in every(wrong_texts(certificate["slack"]), 2):
        assert not recheck(exported | {"certificate": certificate | {"slack": slack}}), slack
    for i, product in enumerate(certificate["products"]):
        for j, factor in enumerate(product):
            for wrong in every(wrong_factors(factor), 5):
                products = copy.deepcopy(certificate["products"])
                products[i][j] = wrong
                assert not recheck(exported | {"certificate": {**certificate, "products": products}}), wrong


REASONS = [value for name, value in vars(signs).items() if name.isupper()]


def wrong_factors(factor):
    """The factor with another value, with another root or vector, and with every reason that is not its own."""
    yield from ({**factor, "value": text} for text in wrong_texts(factor["value"]))
    if isinstance(factor["of"], dict):
        for atom, coefficient in factor["of"].items():
            yield {**factor, "of": {**factor["of"], atom: f"2*({coefficient})"}}
            yield {**factor, "of": without(factor["of"], atom)}
    if factor["of"] is not None:
        yield {**factor, "of": "nothing"}
    yield from ({**factor, "because": reason} for reason in REASONS if reason != factor["because"])


def test_small_document_is_accepted():
    assert recheck(small()), str(recheck(small()))


@pytest.mark.parametrize(
    ("value", "because", "of"),
    [
        ("x", "declared sign", "x"),
        ("x", "declared sign", "p"),
        ("-p", "declared sign", "p"),
        ("-1", "positive number", None),
        ("x", "positive number", None),
        ("-x**2", "square", "sqrt(-x**2)"),
        ("-p", "square", "sqrt(-p)"),
        ("x", "square", "sqrt(x)"),
        ("-u_w", "squared norm", {"u": "sqrt(-u_w)"}),
        ("u_w", "squared norm", {"u": "1"}),
        ("r - 1", "affine in a number between 0 and 1", "r"),
        ("1 - p", "affine in a number between 0 and 1", "p"),
        ("1 - r**2", "affine in a number between 0 and 1", "r"),
        ("m - 2", "polynomial in a positive integer minus 1, no coefficient negative", "m"),
        ("p - 1", "polynomial in a positive integer minus 1, no coefficient negative", "p"),
        ("uAu", "form of a positive semidefinite operator", ["u", "A u"]),
        ("uBw", "form of a positive semidefinite operator", ["u", "B w"]),
        ("u_w", "inner product of vectors without negative entries", ["u", "w"]),
        ("one_u**2 - u_u", "sum over pairs of entries, none negative", "u"),
        ("u_w**2 - u_u", "Gram determinant", [{"u": "1"}, {"w": "1"}]),
        ("u_u*p", "Gram determinant", [{"u": "sqrt(x)"}]),
        ("p - x", "sum", [[{"value": "p", "because": "declared sign", "of": "p"}]]),
        ("x", "power", [{"value": "x**2", "because": "square", "of": "x"}]),
        ("p", "hypothesis", "not stated"),
        ("p", "it looks positive", None),
    ],
)
def test_false_reason_is_refused(value, because, of):
    factor = {"value": value, "because": because, "of": of, "exponent": "1/2"}
    verdict = recheck(bound(value, factor))
    assert any(line.startswith("the conclusion") for line in verdict.refused), str(verdict)


def test_vectors_are_expanded_from_the_table():
    """|u - 2 A w|^2 = |u|^2 - 4 <u, A w> + 4 |A w|^2, with operators moved across; a Gram determinant likewise."""
    table = {"uu": "<u, u>", "uAw": "<u, A w>", "Aw2": "<A w, A w>"}
    norm = {"value": "uu - 4*uAw + 4*Aw2", "because": "squared norm", "of": {"u": "1", "A w": "-2"}}
    assert recheck(bound(norm["value"], norm, inner_products=table))
    wrong = {**norm, "value": "uu - 3*uAw + 4*Aw2"}
    assert not recheck(bound(wrong["value"], wrong, inner_products=table))
    gram = {"value": "uu*Aw2 - uAw**2", "because": "Gram determinant", "of": [{"u": "1"}, {"A w": "1"}]}
    assert recheck(bound(gram["value"], gram, inner_products=table)), recheck(bound("0", gram)).refused


@pytest.mark.parametrize(
    ("symbol", "value", "text"),
    [("x", "0", "1/x"), ("p", "2", "sqrt(x)"), ("p", "2", "1/(x - y)"), ("p", "2", "x/(p - r)")],
)
def test_a_denominator_that_is_not_named_is_refused(symbol, value, text):
    """What is divided by, and what a root is taken of, is listed or evidently positive."""
    factor = {"value": f"({text})**2", "because": "square", "of": text}
    refused = recheck(bound(factor["value"], factor, nonzero=[])).refused
    assert any(line.startswith("what is divided by") for line in refused), (symbol, value, refused)


@pytest.mark.parametrize(("relation", "value"), [(">", "x - y"), (">=", "x - y"), ("<", "y - x"), ("<=", "y - x")])
def test_hypothesis_gives_a_sign(relation, value):
    factor = {"value": value, "because": "hypothesis", "of": "given"}
    example = copy.deepcopy(small()["example"])
    example["channels"][0]["symbols"] |= {"x": "3", "y": "1"} if ">" in relation else {"x": "1", "y": "3"}
    hypothesis = stated(relation, "x", "y")
    assert recheck(bound(value, factor, hypotheses=[hypothesis], example=example))
    turned = {**factor, "value": f"-({value})"}
    assert not recheck(bound(turned["value"], turned, hypotheses=[hypothesis], example=example))
    hypothesis["condition"]["relation"] = "!="
    assert not recheck(bound(value, factor, hypotheses=[hypothesis], example=example))


@pytest.mark.parametrize(
    "hypotheses",
    [
        [stated("==", "x", "1")],
        [stated("==", "x", "3"), stated("==", "x", "2") | {"name": "other"}],
        [stated("==", "u_u", "-1")],
        [stated("==", "r", "1"), stated("==", "r", "0") | {"name": "other"}],
        [stated("<", "p", "0")],
        [stated("==", "x", "3", [("x", "3"), ("y", "0")], {"x": "3", "y": "0"})],
    ],
    ids=["another", "contradiction", "negative norm", "1 and 0", "sign", "more than it says"],
)
def test_premises_no_example_satisfies_are_refused(hypotheses):
    refused = recheck(small(hypotheses=hypotheses)).refused
    assert any(line.startswith("an example") for line in refused), refused


def test_a_document_without_an_example_is_refused():
    for example in (None, {}, {"channels": []}):
        assert any("example" in line for line in recheck(small(example=example)).refused)


@pytest.mark.parametrize("broken", [{}, [], None, {"format": "bnverify proof 2"}, {"format": "other"}], ids=str)
def test_no_document_is_refused(broken):
    assert not recheck(broken)


def test_nothing_of_the_package_is_imported(tmp_path):
    """Run as a folder of its own, away from the package: it takes SymPy and the document."""
    shutil.copytree(Path(__file__).parents[2] / "theory" / "proof" / "recheck", tmp_path / "alone")
    exported = document("theorem-4.1")
    (tmp_path / "right.json").write_text(json.dumps(exported))
    exported["definitions"]["v"]["g"] = exported["steps"][-1]["value"]["g"] = "2*gamma/s"
    (tmp_path / "wrong.json").write_text(json.dumps(exported))
    code = (
        "import sys, alone; codes = [alone.main(p) for p in ('right.json', 'wrong.json')];"
        "print(codes, [name for name in sys.modules if name.partition('.')[0] in ('bnverify', 'jax')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "gradient of y gives another value" in done.stdout
    assert done.stdout.splitlines()[-1] == "[0, 1] []"
    script = subprocess.run([sys.executable, "alone", "wrong.json"], capture_output=True, text=True, cwd=tmp_path)
    assert script.returncode == 1 and "REFUSED" in script.stdout


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').getcwd()", "x.__class__", "[x for x in (1,)]", "x if x else y", "lambda: 1", "x[0]", "f(x)",
        "0.5", "'x'", "True", "x == y", "x; y", "(", "", "x**y", "x**99", "9**9**9**9", "+".join("x" * 60_000),
        "(" * 500 + "x" + ")" * 500,
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_text_is_read_and_never_executed(text):
    with pytest.raises(Refused):
        parse(text, {"x": sp.Symbol("x"), "y": sp.Symbol("y")})
