"""Nothing that a verdict rests on is hidden: it is printed, or derived, or the document is refused."""

import copy
import json
import time

import pytest
import sympy as sp
from documents import document
from small_documents import bound, small, stated

from bnverify.theory.proof.recheck import Refused, main, recheck
from bnverify.theory.proof.recheck.reading import bounded, rational
from bnverify.theory.proof.recheck.rules import MEANINGS, OF_WEIGHTS, TARGETS


def refused(changed, match):
    start = time.process_time()
    verdict = recheck(changed)
    assert time.process_time() - start < 10
    assert any(match in line for line in verdict.refused), str(verdict)


def step(rule, of, table, entry, value):
    return {"number": 1, "name": "a", "reason": "b", "written": "c", "rule": rule, "of": of, "value": value,
            "establishes": {"table": table, "name": entry}}  # fmt: skip


def proved_by(changed, left, right, only, value=None):
    """The document with one step, which makes the right side of the left one."""
    table = only["establishes"]["table"]
    empty = {name: {} for name in ("definitions", "facts", "scalars", "relations")}
    value = right if value is None else value
    return changed | empty | {
        "statement": changed["statement"] | {"left": left, "relation": "==", "right": right}, "steps": [only],
        table: {only["establishes"]["name"]: only["value"]}, "certificate": None,
        "conclusion": {"number": 2, "left": value, "right": value},
    }  # fmt: skip


# Every part of a definition is printed.

OTHERS = {
    "rho": (None, "1/3", "1", "0", "1 - epsilon/s**2", "rho"), "centred": (True, False),
    "projector": (None, "P", "M", "Q"), "hessian": (None, "M", "P"), "gradient": ({"n": "2"}, {}, {"n": "1", "1": "1"}),
    "gain": ("2*gamma", "1"), "shift": ("2*beta", "0"), "scale": (None, "s", "sqrt(epsilon + 1)", "2"),
    "values": ("y", "g", "n", "w", "yhat"),
}  # fmt: skip


@pytest.mark.parametrize("key", ["normalizer-jacobian", "theorem-4.1", "l1-scale-gradient", "values"])
def test_documents_that_define_another_thing_print_another_thing(key):
    """A definition that is accepted in the place of another shows that it is another."""
    honest = document(key)
    shown = recheck(honest).rests_on
    for field in honest["normalizer"]:
        for other in OTHERS.get(field, ()):
            changed = document(key)
            changed["normalizer"][field] = other
            verdict = recheck(changed)
            same = changed["normalizer"] == honest["normalizer"] or str(other).replace(" ", "") == "1-epsilon/s**2"
            assert not verdict or verdict.rests_on != shown or same, (field, other)


def test_every_name_that_a_rule_speaks_of_has_a_meaning():
    assert {entry for entries in TARGETS.values() for entry in entries} - {"z", "rho"} <= {*MEANINGS, *OF_WEIGHTS}


@pytest.mark.parametrize("key", ["fact-c1", "theorem-4.1", "invariance-scale", "normalizer-jacobian", "backward-mean"])
def test_what_a_rule_derives_is_printed_with_what_it_is(key):
    exported = document(key)
    printed = {
        line.partition(":")[0] for line in recheck(exported).rests_on if line.partition(": ")[2] not in ("real",)
    }
    for each in exported["steps"]:
        if each["rule"] != "hypothesis" and each["establishes"] and each["establishes"]["table"] == "definitions":
            assert each["establishes"]["name"] in printed | {"y", "P y"}, each["rule"]


def test_the_distance_to_the_minimum_is_to_no_other_point():
    """From W0 to the ray of another vector, which is as far in the example."""
    changed = document("lemma-4.5-filter")
    step = next(each for each in changed["steps"] if each["rule"] == "nearest point of a ray")
    text = json.dumps(changed).replace("Wstar", "Wother")
    assert step["of"] == ["W0", "Wstar"] and recheck(changed)
    refused(json.loads(text), "this rule establishes")


# A projector of its own is known by P P = P alone.


def projected(changed, example=None):
    changed["normalizer"] |= {"projector": "Q", "centred": False}
    changed["operators"] |= {"Q": {"space": "m", "is": "self-adjoint"}}
    for channel in changed["example"]["channels"]:
        size = len(channel["vectors"]["y"])
        matrix = example or [[str(int(i == j)) for j in range(size)] for i in range(size)]
        channel["operators"]["Q"] = matrix
    return changed


def test_a_projector_of_its_own_says_nothing_of_the_mean():
    changed = document("normalizer-jacobian")
    changed["normalizer"] |= {"centred": True}
    changed["inner_products"] |= {"one_yhat": "<1, yhat_free>"}
    only = step("mean of the values", [], "facts", "<1, yhat_free>", "0")
    refused(proved_by(changed, "one_yhat", "0", only), "a projector of its own")
    changed["normalizer"] |= {"centred": False}
    refused(proved_by(changed, "one_yhat", "0", only), "this rule establishes nothing")


def test_a_formula_does_not_follow_a_projector_of_its_own():
    """|yhat|^2 = m rho, true of s yhat = C y, is false of s yhat = Q y."""
    changed = projected(document("normalised-norm"))
    refused(changed, "a projector of its own")


def test_a_projector_of_another_name_is_not_the_projector_of_the_definition():
    changed = document("normalizer-jacobian")
    changed["operators"]["Q"] = {"space": "m", "is": "self-adjoint"}
    changed["normalizer"]["projector"] = "Q"
    for channel in changed["example"]["channels"]:
        channel["operators"]["Q"] = copy.deepcopy(channel["operators"]["P"])
    changed["inner_products"] = {"one": "<w, P x>", "other": "<w, Q x>"}
    only = step("projector", ["x"], "definitions", "P x", {"Q x": "1"})
    refused(proved_by(changed, "one", "other", only, "other"), "this rule establishes nothing")


@pytest.mark.parametrize("value", ["1/3", "1", "1 - epsilon/s**2"])
def test_nothing_is_known_of_rho_where_the_scale_is_no_formula(value):
    changed = document("normalizer-jacobian")
    changed["normalizer"]["rho"] = value
    changed["symbols"] |= {"rho": "between 0 and 1", "epsilon": "nonnegative"}
    for channel in changed["example"]["channels"]:
        channel["symbols"] |= {"rho": "1/3", "epsilon": "5"}
    only = step("rho", [], "scalars", "rho", value)
    refused(proved_by(changed, "rho", value, only), "nothing is known of rho")
    changed["normalizer"]["rho"] = None
    assert not recheck(proved_by(changed, "rho", value, only))


@pytest.mark.parametrize("sign", ["real", "nonnegative"])
@pytest.mark.parametrize("symbol", ["s", "k"])
def test_a_scale_and_a_factor_of_y_are_positive(symbol, sign):
    changed = document("invariance-scale")
    assert recheck(changed) and changed["symbols"][symbol] == "positive"
    changed["symbols"][symbol] = sign
    refused(changed, "not declared positive")


# The example fulfils the definition.


def spoiled(part, name, change, key="normalizer-jacobian"):
    changed = document(key)
    for channel in changed["example"]["channels"]:
        channel[part][name] = change(channel[part][name])
    return changed


def other(entries):
    return [str(int(entries[0].partition("/")[0]) + 1), *entries[1:]]


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        (lambda: spoiled("operators", "P", lambda rows: [["0"] * len(rows)] * len(rows)), "definition of the values"),
        (lambda: spoiled("operators", "P", lambda rows: [["2" if i == j else "0" for j in range(len(rows))]
                                                         for i in range(len(rows))]), "definition of the projector"),
        (lambda: spoiled("vectors", "yhat_free", other), "definition of the values"),
        (lambda: spoiled("vectors", "yhat", other, "theorem-4.1"), "definition of the values"),
        (lambda: spoiled("vectors", "z", other, "values"), "definition of z"),
        (lambda: spoiled("symbols", "mu", lambda mu: "77", "theorem-4.1"), "definition of the mean"),
        (lambda: spoiled("symbols", "rho", lambda rho: "1/77", "theorem-4.1"), "definition of rho"),
    ],
)  # fmt: skip
def test_an_example_that_is_none_of_the_definition_is_refused(changed, match):
    refused(changed(), match)


@pytest.mark.parametrize(("part", "name"), [("vectors", "y"), ("vectors", "yhat"), ("symbols", "rho")])
def test_an_example_says_something_of_everything(part, name):
    changed = document("theorem-4.1")
    for channel in changed["example"]["channels"]:
        del channel[part][name]
    refused(changed, "an example")


def test_what_is_divided_by_is_not_zero_in_the_example():
    assert recheck(small(nonzero=[{"value": "x"}, {"value": "x - y"}]))
    refused(small(nonzero=[{"value": "x"}, {"value": "x - 3"}]), "is 0 in the example")


def test_a_hypothesis_about_what_no_step_derives_could_contradict_the_definition():
    """v'v > 0 is fine where v is derived; where it is not, an example could say of v what it likes."""
    for key, good in (("theorem-4.1-exact", True), ("normalised-norm", False)):
        changed = document(key)
        changed["vectors"] |= {"v": {"space": "m", "entries": "any"}}
        changed["inner_products"] |= {"v_v": "<v, v>"}
        changed["hypotheses"].append(stated(">=", "v_v", "0"))
        for channel in changed["example"]["channels"]:
            channel["vectors"].setdefault("v", ["1"] * len(channel["vectors"]["y"]))
        if good:
            assert recheck(changed), str(recheck(changed))
        else:
            refused(changed, "no step derives it")


@pytest.mark.parametrize("size", [2, 3])
def test_an_example_has_more_than_two_values(size):
    """With y = (0, 2) much holds that holds for no others."""
    changed = document("normalised-mean")
    y = {2: ["0", "2"], 3: ["0", "1", "2"]}[size]
    yhat = {2: ["-1/2", "1/2"], 3: ["-1/2", "0", "1/2"]}[size]
    numbers = {"m": str(size), "epsilon": {2: "3", 3: "10/3"}[size], "s": "2", "mu": "1"}
    for channel in changed["example"]["channels"]:
        channel["symbols"] |= numbers
        channel["vectors"] |= {"y": y, "yhat": yhat, "yhat_measured": yhat}
    if size == 2:
        refused(changed, "more than two values")
    else:
        assert recheck(changed), str(recheck(changed))


def test_what_a_hypothesis_sets_fulfils_its_condition_for_all_numbers():
    """x = y does not follow from x = 3, also where the example has y = 3."""
    changed = small(hypotheses=[stated("==", "x", "y", [("x", "3")], {"x": "3"})])
    changed["example"]["channels"][0]["symbols"] |= {"x": "3", "y": "3"}
    refused(changed, "does not fulfil it")
    assert recheck(small(hypotheses=[stated("==", "x", "3", [("x", "3")], {"x": "3"})]))


@pytest.mark.parametrize("name", ["W0", "Wstar"])
def test_a_sum_over_channels_is_of_weights(name):
    """The sum of <W0, Wstar> is that of the layers' weights; of other vectors nothing says so."""
    changed = document("lemma-4.5-rows")
    assert recheck(changed) and any(each["rule"] == "sum over channels" for each in changed["steps"])
    text = json.dumps(changed).replace(f"{name}", "other").replace("other_layer", "u_layer")
    assert '"<other, ' in text or ', other>"' in text
    refused(json.loads(text.replace("u_layer", "other_layer")), "expected the weights of the filters")


# What is divided by, or below a root, as it is written.

CANCELLED = [
    ("x/x", "1", "x"), ("sqrt(x)**2", "x", "x"), ("(x - y)/(x - y)", "1", "x - y"), ("0/x", "0", "x"),
    ("x**-1*x", "1", "x"), ("x*(1/x)", "1", "x"), ("sqrt(x)/sqrt(x)", "1", "x"), ("x**(1/2)*x**(1/2)", "x", "x"),
    ("1/(1/x)", "x", "x"), ("(x/y)*(y/x)", "1", "x"), ("x**(-1/2)*sqrt(x)", "1", "x"),
    ("p/(2*(x - y))*0", "0", "x - y"),
]  # fmt: skip


def equal(left, right, nonzero=()):
    changed = small(
        statement={"left": left, "relation": "==", "right": right, "shape": "channel"}, certificate=None,
        nonzero=[{"value": value} for value in nonzero], conclusion={"number": 1, "left": left, "right": right},
    )  # fmt: skip
    changed["example"]["channels"][0]["symbols"]["x"] = "4"
    return changed


@pytest.mark.parametrize(("left", "right", "what"), CANCELLED)
def test_what_cancels_is_a_premise_all_the_same(left, right, what):
    refused(equal(left, right), "what is divided by")
    others = {"x", "y", "x - y"} - {what}
    verdict = recheck(equal(left, right, [what, *(others if "y" in left else ())]))
    assert verdict, str(verdict)
    rooted = "sqrt" in left or "1/2" in left
    line = ("below a root, so not negative: " if rooted else "divided by, so not zero: ") + what
    assert line in verdict.rests_on, verdict.rests_on


def test_what_is_evidently_not_zero_needs_no_premise():
    assert recheck(equal("p/p + m/(m + p) + sqrt(4*m**2)/(2*m)", "2 + m/(m + p)"))
    refused(equal("p/p + m/(m - p)", "1 + m/(m - p)"), "it divides by m - p")
    assert recheck(equal("sqrt(r**2) + 1/-p", "r - 1/p"))
    refused(equal("r/r", "1"), "it divides by r")


@pytest.mark.parametrize("where", ["statement", "conclusion", "hypotheses", "certificate", "sums_over_channels"])
def test_a_division_is_seen_wherever_it_is_written(where):
    changed = small()
    changed["nonzero"] = [{"value": "p"}]
    if where == "hypotheses":
        changed["hypotheses"] = [stated("<=", "0*y/x", "1")]
    elif where == "certificate":
        changed["certificate"]["products"][0][0]["of"] = "x*x/x"
    elif where == "sums_over_channels":
        changed["sums_over_channels"] = {"S1": "x/x"}
    else:
        changed[where]["left"] = "0/x"
    refused(changed, "what is divided by: it divides by x")
    changed["nonzero"].append({"value": "x"})
    assert recheck(changed), str(recheck(changed))


# One gate for numbers and powers.


@pytest.mark.parametrize("text", ["1e999999999", "1e9", "1.5", "1_000", " 1", "1\n", "inf", "nan", "1/1e9", "1" * 41,
                                  "\N{ARABIC-INDIC DIGIT ONE}", "--1", "1/-2", "", "/2", 1, 1.0, None])  # fmt: skip
def test_a_number_is_an_integer_or_a_fraction_of_bounded_length(text):
    with pytest.raises(Refused):
        rational(text)
    changed = small(example=copy.deepcopy(small()["example"]))
    changed["example"]["channels"][0]["symbols"]["x"] = text
    refused(changed, "expected a rational number")


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("-3", -3), ("-6/4", -1.5), ("9" * 40, int("9" * 40))])
def test_numbers_of_bounded_length_are_read(text, value):
    assert rational(text) == value


def power_of(factor, exponent):
    return {"value": factor["value"], "because": "power", "of": [factor], "exponent": exponent}


LONG = "(x + y + p + r)**6"
SIGN = {"value": "p", "because": "declared sign", "of": "p"}


@pytest.mark.parametrize("exponent", ["1e999999999", "13", "1/0", "9**9", "1e3", "x", "1" * 30])
def test_the_exponent_of_a_power_is_a_small_number(exponent):
    refused(bound("p", power_of(SIGN, exponent)), "the conclusion")


@pytest.mark.parametrize(
    "factor",
    [
        {"value": LONG, "because": "power", "exponent": "12", "of": [{"value": LONG, "because": "square", "of": LONG}]},
        {"value": LONG, "because": "square", "of": f"({LONG})"},
        {"value": LONG, "because": "Gram determinant", "of": [{a: LONG} for a in ("u", "v", "w", "A u")]},
        {"value": LONG, "because": "squared norm", "of": {"u": LONG, "v": LONG}},
        {"value": "*".join(["m**12"] * 150), "of": "m",
         "because": "polynomial in a positive integer minus 1, no coefficient negative"},
    ],
    ids=lambda factor: factor["because"],
)  # fmt: skip
def test_evidence_that_would_be_multiplied_out_for_ever_is_refused_at_once(factor):
    refused(bound(factor["value"], factor), "terms")


def polynomial(k):
    powers = [(a, b, c) for a in range(4) for b in range(4) for c in range(4)][:60]
    return " + ".join(f"{(7 * i * i + k * i + 3) % 97 + 1}*x**{a}*y**{b}*p**{c}" for i, (a, b, c) in enumerate(powers))


def test_a_long_radicand_is_not_factored():
    left, right = (f"sqrt(({polynomial(5)})*({polynomial(11)}) + {rest})" for rest in ("1", "x"))
    refused(equal(left, right), "below a root")


@pytest.mark.parametrize(
    "scale", ["sqrt(epsilon + sqrt(epsilon + sqrt(epsilon + sqrt(epsilon + 1))))", "(epsilon + I1 + 1/m)**4"]
)
def test_a_scale_that_would_be_solved_for_ever_is_refused(scale):
    changed = document("theorem-4.1")
    changed["normalizer"]["scale"] = scale
    refused(changed, "too long to be solved")


@pytest.mark.parametrize("last", ["2", "x + 1", "x*y"])
def test_powers_do_not_grow_through_names(last):
    """e0 = e1**12, e1 = e2**12, ..., each established by a hypothesis: 2 to the 12 to the 8."""
    equations = [(f"e{i}", f"e{i + 1}**12") for i in range(8)] + [("e8", last)]
    changed = small(certificate=None, hypotheses=[stated("==", "p", "p", equations, dict(equations))])
    changed["symbols"] |= {f"e{i}": "real" for i in range(9)}
    changed["scalars"] = dict(equations)
    changed["steps"] = [step("hypothesis", ["given"], "scalars", name, value) | {"number": number}
                        for number, (name, value) in enumerate(equations, 1)]  # fmt: skip
    changed |= {"statement": {"left": "e0", "relation": "==", "right": "e0 + 0", "shape": "channel"},
                "conclusion": {"number": 10, "left": "e0", "right": "e0"}}  # fmt: skip
    refused(changed, "expected at most")


def test_a_large_operator_of_an_example_is_refused_before_it_is_eliminated():
    changed = small(example=copy.deepcopy(small()["example"]))
    changed["example"]["channels"][0]["operators"]["B"] = [[str(i * j + 10**20 * (i == j)) for j in range(40)]
                                                           for i in range(40)]  # fmt: skip
    refused(changed, "too large")


def test_bounds_count_terms_before_anything_is_multiplied_out():
    x, y, z = sp.symbols("x y z")
    assert bounded((x + y) ** 12 * (x + 1)) and bounded(sp.sqrt((x + y) ** 7))
    for long in ((x + y + z) ** 12, (x + y) ** 8 * (y + z) ** 8, sp.sqrt((x + y) ** 8), (x + y) ** 9999):
        with pytest.raises(Refused):
            bounded(long)


def test_a_file_that_cannot_be_read_is_no_proof_that_fails(tmp_path, capsys):
    for path in (tmp_path / "none.json", tmp_path):
        assert main(str(path)) == 2
    assert capsys.readouterr().out.count("cannot be read") == 2
