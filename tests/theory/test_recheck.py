"""The recheck accepts every exported proof and refuses every tampered one, knowing the document alone."""

import copy
import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sympy as sp
from documents import document

from bnverify.theory import CLAIMS
from bnverify.theory.proof import signs
from bnverify.theory.proof.recheck import Refused, parse, recheck

KEYS = list(CLAIMS)
BOUNDS = [key for key in KEYS if CLAIMS[key].relation == "<="]
_NUMBER = re.compile(r"(?<!\w)\d+")
_SIGN = re.compile(r" [+-] ")


def wrong_texts(text):
    """The expression with one number raised by one, or one sign turned."""
    for number in _NUMBER.finditer(text):
        yield f"{text[: number.start()]}{int(number[0]) + 1}{text[number.end() :]}"
    for sign in _SIGN.finditer(text):
        yield f"{text[: sign.start()]}{' - ' if '+' in sign[0] else ' + '}{text[sign.end() :]}"
    yield f"{text} + 1"


def wrong_sides(step):
    """The step with one number or sign changed on one side, in one coefficient if it is a vector."""
    for side in ("left", "right"):
        if isinstance(step[side], str):
            yield from ({**step, side: text} for text in wrong_texts(step[side]))
        else:
            for atom, coefficient in step[side].items():
                for text in wrong_texts(coefficient):
                    yield {**step, side: {**step[side], atom: text}}


@pytest.mark.parametrize("key", KEYS)
def test_proof_is_accepted(key):
    exported = document(key)
    verdict = recheck(exported)
    assert verdict, str(verdict)
    assert len(verdict.checked) == len(exported["steps"]) + 4  # tables, what is given, conclusion, statement
    assert len(verdict.rests_on) >= len(exported["hypotheses"]) + len(exported["definitions"])
    assert str(verdict).startswith(f"{key}: checked")


def without_steps(exported):
    return {**exported, "steps": [], "conclusion": {**exported["conclusion"], "number": 1}}


@functools.cache
def steps_by_key():
    """The steps of every proof, those that several share only where they come first."""
    seen = set()
    return {
        key: [step for step in document(key)["steps"] if not (json.dumps(step) in seen or seen.add(json.dumps(step)))]
        for key in KEYS
    }


@pytest.mark.parametrize("key", [key for key in KEYS if steps_by_key()[key]])
def test_changed_step_is_refused(key):
    """All wrong versions of all steps, lined up as the steps of one document: none passes."""
    exported = document(key)
    wrong = [mutant for step in steps_by_key()[key] for mutant in wrong_sides(step)]
    assert wrong
    exported["steps"] = [{**mutant, "number": number} for number, mutant in enumerate(wrong, 1)]
    exported["conclusion"]["number"] = len(wrong) + 1
    refused = recheck(exported).refused
    assert [line.partition(":")[0] for line in refused] == [f"step {number + 1}" for number in range(len(wrong))]
    assert all("not equal" in line for line in refused)


@pytest.mark.parametrize("key", KEYS)
def test_changed_statement_or_conclusion_is_refused(key):
    """Nor can a right proof be given to a wrong statement: every k-th of its wrong versions, for speed."""
    exported = without_steps(document(key))
    assert recheck(exported)
    for part in ("statement", "conclusion"):
        wrong = list(wrong_sides(exported[part]))
        for mutant in wrong[:: max(1, len(wrong) // 4)]:
            assert not recheck({**exported, part: mutant}), mutant


@pytest.mark.parametrize("key", KEYS)
def test_missing_parts_are_refused(key):
    exported = document(key)
    assert not recheck({**exported, "steps": exported["steps"][1:]})
    assert not recheck({**exported, "steps": exported["steps"][:-1]})
    for table in exported:
        if table != "chapter":
            assert not recheck({name: value for name, value in exported.items() if name != table}), table
    for table in ("symbols", "inner_products", "sums_over_channels", "functions"):
        for name in exported[table]:
            assert not recheck(exported | {table: without(exported[table], name)}), name


@pytest.mark.parametrize("key", KEYS)
def test_what_is_inserted_is_needed(key):
    """The conclusion does not follow when one of the definitions, scalars or relations is left out."""
    exported = without_steps(document(key))
    for table in ("definitions", "scalars", "relations"):
        for name in exported[table]:
            assert not recheck(exported | {table: without(exported[table], name)}), name


def without(table, name):
    return {other: value for other, value in table.items() if other != name}


@pytest.mark.parametrize("key", BOUNDS)
def test_changed_certificate_is_refused(key):
    exported = without_steps(document(key))
    certificate = exported["certificate"]
    assert not recheck(exported | {"certificate": None})
    assert not recheck(exported | {"certificate": certificate | {"products": certificate["products"][1:]}})
    for slack in wrong_texts(certificate["slack"]):
        assert not recheck(exported | {"certificate": certificate | {"slack": slack}}), slack
    for i, product in enumerate(certificate["products"]):
        for j, factor in enumerate(product):
            for wrong in wrong_factors(factor):
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


@pytest.mark.parametrize("key", BOUNDS)
def test_negative_factor_is_refused(key):
    """Two signs turned leave the product as it is, and no reason can be given for either factor."""
    exported = without_steps(document(key))
    first, *others = exported["certificate"]["products"][0]
    for reason in REASONS:
        turned = {**first, "value": f"-({first['value']})", "because": reason}
        minus = {"value": "-1", "because": reason, "of": first["of"]}
        exported["certificate"]["products"][0] = [turned, minus, *others]
        assert not recheck(exported), reason


def small(**changes):
    """0 <= x**2/p as a document of its own, changed."""
    whole = {
        "format": "bnverify proof 2", "key": "small", "hypotheses": [], "steps": [],
        "statement": {"left": "0", "relation": "<=", "right": "x**2/p"},
        "conclusion": {"number": 1, "left": "0", "right": "x**2/p"},
        "certificate": {"slack": "x**2/p", "products": [[
            {"value": "x**2", "because": "square", "of": "x"}, {"value": "1/p", "because": "declared sign", "of": "p"},
        ]]},
        "symbols": {"m": "positive integer", "x": "real", "y": "real", "p": "positive", "r": "between 0 and 1"},
        "inner_products": {"u_w": "<u, w>", "u_u": "<u, u>", "one_u": "<1, u>", "uAu": "<u, A u>", "uBw": "<u, B w>"},
        "sums_over_channels": {}, "functions": {}, "facts": {}, "vectors": {},
        "operators": {
            "A": {"space": "m", "is": "self-adjoint"}, "B": {"space": "m", "is": "positive semidefinite"},
        }, "same_for_all_channels": [], "scalars": {},
        "definitions": {}, "relations": {}, "nonzero": [], "normalizer": None, "about": [], "title": "", "remark": "",
        "source": {},
    }  # fmt: skip
    return whole | changes


def bound(right, *factors, **changes):
    """0 <= right, certified by one product."""
    return small(
        statement={"left": "0", "relation": "<=", "right": right},
        conclusion={"number": 1, "left": "0", "right": right},
        certificate={"slack": right, "products": [list(factors)]},
        **changes,
    )


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
        ("p - x", "sum", [[{"value": "p", "because": "declared sign", "of": "p"}]]),
        ("x", "power", [{"value": "x**2", "because": "square", "of": "x"}]),
        ("p", "hypothesis", "not stated"),
        ("p", "it looks positive", None),
    ],
)
def test_false_reason_is_refused(value, because, of):
    factor = {"value": value, "because": because, "of": of, "exponent": "1/2"}
    verdict = recheck(bound(value, factor))
    assert not verdict, str(verdict)
    assert any("conclusion" in line for line in verdict.refused)


def test_vectors_are_expanded_from_the_table():
    """|u - 2 w|^2 = |u|^2 - 4 <u, w> + 4 |w|^2, with operators moved across: the document only says what is what."""
    table = {"uu": "<u, u>", "uAw": "<u, A w>", "wAu": "<A u, w>", "Aw2": "<A w, A w>"}
    norm = {"value": "uu - 2*uAw - 2*wAu + 4*Aw2", "because": "squared norm", "of": {"u": "1", "A w": "-2"}}
    assert recheck(bound(norm["value"], norm, inner_products=table))
    wrong = {**norm, "value": "uu - 3*uAw - 2*wAu + 4*Aw2"}
    assert not recheck(bound(wrong["value"], wrong, inner_products=table))


def test_operators_are_self_adjoint():
    """<A B u, w> = <B u, A w> = <u, B A w>, which is not <u, A B w>."""
    table = {"one": "<A B u, w>", "two": "<B u, A w>", "three": "<B A w, u>", "other": "<u, A B w>"}
    conclusion = {"number": 2, "left": "0", "right": "x**2/p"}
    for name, equal in (("two", True), ("three", True), ("other", False)):
        step = {"number": 1, "name": "", "reason": "", "left": "one", "right": name}
        assert bool(recheck(small(steps=[step], conclusion=conclusion, inner_products=table))) == equal


def test_facts_are_listed_where_they_are_used():
    norm = {"value": "p", "because": "squared norm", "of": {"u": "1"}}
    verdict = recheck(bound("p", norm, facts={"<u, u>": "p", "<1, w>": "0"}))
    assert verdict and "<u, u> = p" in verdict.rests_on and "<1, w> = 0" not in verdict.rests_on
    assert not recheck(bound("p", norm, facts={"<u, u>": "2*p"}))
    assert not recheck(bound("p", norm | {"of": {"1": "1"}}, facts={"<1, 1>": "p"}))  # it is m, whatever is said


def test_sums_over_channels_are_linear():
    sums = {"S1": "2*p*x + y/x", "S2": "x", "S3": "y/x"}
    step = {"number": 1, "name": "linear", "reason": "", "left": "S1", "right": "2*p*S2 + S3"}
    conclusion = {"number": 2, "left": "0", "right": "x**2/p"}
    shared = {"sums_over_channels": sums, "conclusion": conclusion, "same_for_all_channels": ["p"]}
    assert recheck(small(steps=[step], **shared))
    assert not recheck(small(steps=[step], **shared | {"same_for_all_channels": []}))
    assert not recheck(small(steps=[{**step, "right": "2*p*S2 - S3"}], **shared))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1/(x**2 + 2*x*y + y**2 - (x + y)**2)", "2/(x**2 - 2*x*y + y**2 - (x - y)**2)"),  # 1/0 = 2/0
        ("x/(y - y)", "x/(y - y)"),
        ("sqrt(-1)", "sqrt(-1)"),
        ("unknown", "unknown"),
        ("sqrt(x**2)", "x"),
        ("0", {}),
        ({}, "0"),
        ({}, {"u": "x"}),
        ({"u": "x"}, {"w": "x"}),
    ],
)
def test_step_without_meaning_is_refused(left, right):
    step = {"number": 1, "name": "", "reason": "", "left": left, "right": right}
    assert not recheck(small(steps=[step], conclusion={"number": 2, "left": "0", "right": "x**2/p"}))


@pytest.mark.parametrize(("relation", "value"), [(">", "x - y"), (">=", "x - y"), ("<", "y - x"), ("<=", "y - x")])
def test_hypothesis_gives_a_sign(relation, value):
    condition = {"left": "x", "relation": relation, "right": "y"}
    stated = {"name": "order", "statement": "", "condition": condition, "sets": {}}
    factor = {"value": value, "because": "hypothesis", "of": "order"}
    assert recheck(bound(value, factor, hypotheses=[stated]))
    assert not recheck(bound(f"-({value})", {**factor, "value": f"-({value})"}, hypotheses=[stated]))
    assert not recheck(bound(value, factor, hypotheses=[{**stated, "condition": {**condition, "relation": "!="}}]))
    assert not recheck(bound(value, factor, hypotheses=[{**stated, "condition": None}]))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "another"},
        {"steps": [{"number": 2, "name": "", "reason": "", "left": "x", "right": "x"}],
         "conclusion": {"number": 2, "left": "0", "right": "x**2/p"}},
        {"statement": {"left": "0", "relation": "==", "right": "x**2/p"}},
        {"statement": {"left": "0", "relation": ">=", "right": "x**2/p"}},
        {"inner_products": {"x": "<u, w>"}},
        {"inner_products": {"u_w": "<u w>"}},
        {"symbols": {"m": "positive integer", "x": "real", "p": "enormous"}},
        {"relations": {"x + y": "0"}},
        {"facts": {"u": "0"}},
    ],
    ids=lambda changes: " ".join(changes),
)  # fmt: skip
def test_document_that_contradicts_itself_is_refused(changes):
    assert not recheck(small(**changes))


def test_hypothesis_must_be_met_by_what_it_sets():
    hypothesis = {"name": "x = 0", "statement": "", "condition": {"left": "x", "relation": "==", "right": "0"}}
    assert recheck(small(hypotheses=[hypothesis | {"sets": {"x": "0"}}]))
    assert not recheck(small(hypotheses=[hypothesis | {"sets": {"x": "1"}}]))


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


@pytest.mark.parametrize("broken", [{}, [], None, {"format": "bnverify proof 2"}, {"format": "other"}], ids=str)
def test_no_document_is_refused(broken):
    assert not recheck(broken)


def test_nothing_of_the_package_is_imported(tmp_path):
    """Run as a file of its own, away from the package: it takes SymPy and the document."""
    source = Path(__file__).parents[2] / "theory" / "proof" / "recheck.py"
    (tmp_path / "alone.py").write_text(source.read_text())
    exported = document("theorem-4.1")
    (tmp_path / "right.json").write_text(json.dumps(exported))
    exported["steps"][0]["left"]["g"] = "2*gamma/s"
    (tmp_path / "wrong.json").write_text(json.dumps(exported))
    code = (
        "import sys, alone; codes = [alone.main(p) for p in ('right.json', 'wrong.json')];"
        "print(codes, [name for name in sys.modules if name.partition('.')[0] in ('bnverify', 'jax')])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "refused: step 1: the two sides are not equal at g" in done.stdout
    assert done.stdout.splitlines()[-1] == "[0, 1] []"


def test_statement_is_printed_and_a_hidden_premise_shows():
    """Found by an attack: a premise slipped into a hypothesis, a product under another's name, another statement."""
    from bnverify.theory import CLAIMS, to_json

    document = to_json(CLAIMS["theorem-4.1-exact"])
    assert "<v, v> == " in str(recheck(document))
    hidden = json.loads(json.dumps(document))
    hidden["hypotheses"][0]["sets"] = {"a": "0"}
    hidden["statement"]["right"] = hidden["statement"]["right"].replace("2 - rho", "7 - rho")
    assert not recheck(hidden)
    renamed = json.loads(json.dumps(document))
    renamed["inner_products"]["v_v"] = "<g, g>"
    assert not recheck(renamed)
    conditional = to_json(CLAIMS["theorem-4.2"])
    assert any("sets epsilon = 0" in line and "epsilon == 0" in line for line in recheck(conditional).rests_on)
