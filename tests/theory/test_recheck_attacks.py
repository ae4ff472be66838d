"""What has been tried against the re-checker, or could be: each document says more than it may, and is refused."""

import copy
import json
import re
import time
from fractions import Fraction

import pytest
from documents import document
from small_documents import bound, small, stated

from bnverify.theory.proof.recheck import main, recheck


def refused(changed, match=""):
    start = time.process_time()
    verdict = recheck(changed)
    assert time.process_time() - start < 10
    assert not verdict and any(match in line for line in verdict.refused), str(verdict)
    assert str(verdict).isprintable() or all(line.isprintable() for line in str(verdict).splitlines())


def test_two_definitions_of_one_scale_are_refused():
    """A formula beside a declared gradient or Hessian: which of them would count?"""
    for extra in ({"gradient": {"yhat": "1"}}, {"hessian": None}, {"gradient": {"yhat": "2/m"}, "hessian": None}):
        changed = document("theorem-4.1")
        changed["normalizer"] |= extra
        refused(changed, "fields of a normalizer")


def test_a_key_that_stands_twice_is_refused(tmp_path, capsys):
    text = json.dumps(document("theorem-4.1"))
    twice = text.replace('"normalizer": {', '"normalizer": {"scale": "1", ', 1)
    for content, code in ((text, 0), (twice, 1), ("[" * 100_000, 1), ("{", 1)):
        (tmp_path / "proof.json").write_text(content)
        assert main(str(tmp_path / "proof.json")) == code
    assert "twice" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes",
    [
        {"inner_products": {"x": "<u, w>"}},
        {"sums_over_channels": {"u": "x"}},
        {"vectors": {"x": {"space": "m", "entries": "any"}}},
        {"operators": {"u": {"space": "m", "is": "self-adjoint"}}},
        {"symbols": {"m": "positive integer", "x": "real", "p": "positive", "y": "real", "r": "real", "A": "real"}},
    ],
    ids=lambda c: next(iter(c)),
)
def test_one_name_for_two_things_is_refused(changes):
    changed = small()
    changed |= {table: small()[table] | new for table, new in changes.items()}
    refused(changed, "two things")


@pytest.mark.parametrize(
    "name", ["\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}", "\N{GREEK LUNATE EPSILON SYMBOL}", "a b", "<g, g>", "x\n",
             "9", "<g, g> - 5*<v, v>", "x\N{LINE SEPARATOR}", "", "sqrt"],
)  # fmt: skip
@pytest.mark.parametrize("table", ["symbols", "vectors", "operators", "inner_products"])
def test_names_that_look_like_something_else_are_refused(name, table):
    entry = next(iter(small()[table].values()))
    refused(small(**{table: small()[table] | {name: entry}}))


@pytest.mark.parametrize(
    "text", ["a\nchecked: all", "\N{LINE SEPARATOR}", "\x1b[2K", "\N{RIGHT-TO-LEFT OVERRIDE}x", "x" * 3000]
)
def test_text_that_could_pass_for_a_line_of_the_verdict_is_refused(text):
    for field in ("title", "remark", "key"):
        refused(small(**{field: text}))
    for field in ("name", "statement"):
        refused(small(hypotheses=[stated() | {field: text}]))


def test_text_of_a_step_is_read_as_well():
    for field in ("name", "reason", "written"):
        changed = document("fact-c1")
        changed["steps"][0][field] = "a\nb"
        refused(changed, "printable")


@pytest.mark.parametrize("relation", ["!=", "=", "<> 0 or True", "in"])
def test_relations_are_a_closed_list(relation):
    hypothesis = stated() | {"condition": {"left": "x", "relation": relation, "right": "y"}}
    refused(small(hypotheses=[hypothesis]), "relation")
    refused(small(statement=small()["statement"] | {"relation": relation}))


def test_what_is_shown_is_what_was_read():
    """A comment, a string, a line continuation: none of them reaches the statement that is printed."""
    for text in ("x # <= 0", "x; y", "x\\\n+ y", "(x, y)", '"x"'):
        changed = small(statement=small()["statement"] | {"right": text})
        refused(changed)
        assert "#" not in recheck(changed).statement


@pytest.mark.parametrize("field", ["functions", "inner_products", "definitions"])
def test_undeclared_things_are_refused(field):
    wrong = {
        "functions": {"F1": "<g, g> + f(x)"}, "inner_products": {"no": "<Q u, u>"}, "definitions": {"u": {"Q w": "1"}}
    }[field]  # fmt: skip
    refused(small(**{field: wrong}))


@pytest.mark.parametrize(
    "text",
    [
        "((((9**12)**12)**12)**12)**12", "x**1e20000000", "x**20000000", "(x+y)**12*(x+p)**12*(x+r)**12*(y+p)**12",
        "(((x+y)**12+p)**12+r)**12", "2**12**12", "-" * 5000 + "x", "(" * 80 + "x" + ")" * 80,
        "sqrt(" * 70 + "x" + ")" * 70, "x" + "**2" * 100, "1" * 400, "+".join(["x*y"] * 9000),
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_what_would_run_for_ever_is_refused_at_once(text):
    refused(bound(text, {"value": text, "because": "square", "of": "x"}))
    example = copy.deepcopy(small()["example"])
    example["channels"][0]["symbols"]["x"] = "1" * 200
    refused(small(example=example))


def test_powers_of_what_is_long_once_inserted_are_refused_at_once():
    changed = document("theorem-4.1-exact")
    for part in ("statement", "conclusion"):
        changed[part]["left"] = changed[part]["right"] = "v_v**12*v_v**12"
    refused(changed, "terms")


@pytest.mark.parametrize(
    ("table", "entry", "value"),
    [
        ("facts", "<g, g>", "1"), ("facts", "<v, v>", "-1"), ("scalars", "gamma", "0"), ("scalars", "a", "0"),
        ("definitions", "g", {"yhat": "1"}), ("relations", "a**2", "0"),
    ],
)  # fmt: skip
def test_entries_no_step_establishes_are_refused(table, entry, value):
    changed = document("theorem-4.1-exact")
    changed[table] = changed[table] | {entry: value}
    refused(changed, "no step establishes")


@pytest.mark.parametrize("rule", ["gradient", "hypothesis", "output", "velocity", "definition", "projection", "values"])
def test_a_rule_establishes_its_own_entry_only(rule):
    """The value of v under another rule, and another entry under the rule of v."""
    changed = document("theorem-4.1-exact")
    step = changed["steps"][-1]
    if rule == "gradient":
        step["establishes"]["name"], changed["definitions"] = "g", {"g": step["value"]}
    else:
        step["rule"] = rule
    refused(changed)


def test_a_premise_slipped_into_a_hypothesis_is_seen():
    """Equations that no example fulfils are refused; what is used of the others is printed."""
    changed = document("theorem-4.1-exact")
    changed["hypotheses"][0] |= {"equations": [{"left": "a", "right": "0"}], "sets": {}}
    refused(changed, "an example")
    assert "sets epsilon = 0" in str(recheck(document("theorem-4.2")))
    assert "definition: s = sqrt(" in str(recheck(document("theorem-4.2")))


@pytest.mark.parametrize("key", ["theorem-4.1-exact", "fact-c1", "hessian"])
def test_a_hypothesis_may_not_say_what_follows_from_the_definition(key):
    """The backward pass doubled as a premise, with an example in which it is: v is what the definition makes it."""
    changed = document(key)
    step = next(s for s in changed["steps"] if s["establishes"] and s["rule"] in ("gradient", "curvature"))
    name = step["establishes"]["name"]
    changed["hypotheses"][0]["equations"] = [{"left": name, "right": step["value"]}]
    step |= {"rule": "hypothesis", "of": [changed["hypotheses"][0]["name"]]}
    refused(changed, "follows from the definition")


def _bare():
    """Theorem 4.1 without a step, so that nothing is known of v; and an example with another v than the gradient."""
    changed = document("theorem-4.1")
    changed |= {table: {} for table in ("facts", "definitions", "relations", "scalars")} | {"certificate": None}
    for channel in changed["example"]["channels"]:
        channel["vectors"]["v"] = [str(2 * Fraction(x)) for x in channel["vectors"]["g"]]
    changed["steps"], changed["conclusion"]["number"] = [], 1
    changed["operators"]["Hhat"] = {"space": "m", "is": "self-adjoint"}
    for channel in changed["example"]["channels"]:
        m = int(channel["symbols"]["m"])
        channel.setdefault("operators", {})["Hhat"] = [[str(int(i == j)) for j in range(m)] for i in range(m)]
    return changed


def _concludes(changed, left, relation, right):
    changed["statement"] = {"left": left, "relation": relation, "right": right, "shape": "channel"}
    changed["conclusion"] |= {"left": left, "right": right}
    return changed


@pytest.mark.parametrize(
    ("table", "entry", "value", "left", "right"),
    [
        ("relations", "v_v", "4*g_g", "v_v", "4*g_g"),
        ("relations", "g_g", "v_v/4", "v_v", "4*g_g"),
        ("definitions", "g", {"v": "1/2"}, "v_v", "4*g_g"),
        ("definitions", "Hhat 1", {"1": "1"}, "hh", "m"),
        ("relations", "hh", "m", "hh", "m"),
        ("relations", "gamma", "v_v/g_g", "v_v", "gamma*g_g"),
    ],
)
def test_no_equation_of_a_hypothesis_speaks_of_what_no_step_derives(table, entry, value, left, right):
    """Whatever side it stands on; what is free may have a name for it (`observation-4.3-minima`)."""
    changed = _concludes(_bare(), left, "==", right)
    changed["inner_products"]["hh"] = "<1, Hhat 1>"
    changed["hypotheses"].append({
        "name": "h", "statement": "a remark", "flag": None, "condition": None,
        "sets": {entry: value} if entry == "gamma" else {}, "equations": [{"left": entry, "right": value}],
    })  # fmt: skip
    changed["steps"] = [{
        "number": 1, "name": "x", "reason": "x", "establishes": {"table": table, "name": entry}, "rule": "hypothesis",
        "of": ["h"], "written": "x", "value": value,
    }]  # fmt: skip
    changed[table] = {entry: value}
    changed["conclusion"]["number"] = 2
    refused(changed, "follows from the definition")


@pytest.mark.parametrize("names", [{"known": "v_v"}, {"known": "other", "other": "v_v"}])
def test_a_name_for_what_no_step_derives_is_no_premise(names):
    """g_g = known/4 where that is a name for <v, v>, or for a name of it."""
    changed = _concludes(_bare(), "v_v", "==", "4*g_g")
    equations = [*names.items(), ("g_g", "known/4")]
    for name in names:
        changed["symbols"][name] = "real"
        for channel in changed["example"]["channels"]:
            g = [Fraction(x) for x in channel["vectors"]["g"]]
            channel["symbols"][name] = str(4 * sum(x * x for x in g))
    changed["hypotheses"].append({
        "name": "h", "statement": "a remark", "flag": None, "condition": None, "sets": names,
        "equations": [{"left": left, "right": right} for left, right in equations],
    })  # fmt: skip
    for i, (left, right) in enumerate(equations):
        table = "scalars" if left in names else "relations"
        changed[table][left] = right
        changed["steps"].append({
            "number": i + 1, "name": "x", "reason": "x", "establishes": {"table": table, "name": left},
            "rule": "hypothesis", "of": ["h"], "written": "x", "value": right,
        })  # fmt: skip
    changed["conclusion"]["number"] = len(equations) + 1
    refused(changed, "which follows from the definition, and no step derives it")


def test_a_name_for_what_no_step_derives_has_no_sign():
    changed = _concludes(_bare(), "0", "<=", "one_v")
    changed["inner_products"]["one_v"], changed["symbols"]["known"] = "<1, v>", "nonnegative"
    for channel in changed["example"]["channels"]:
        channel["vectors"]["v"] = ["1"] * int(channel["symbols"]["m"])
        channel["symbols"]["known"] = channel["symbols"]["m"]
    changed["hypotheses"].append({
        "name": "h", "statement": "a remark", "flag": None, "condition": None, "sets": {"known": "one_v"},
        "equations": [{"left": "known", "right": "one_v"}],
    })  # fmt: skip
    refused(changed, "known follows from the definition")


def test_what_follows_from_the_definition_has_no_sign_of_its_own():
    signed = _concludes(_bare(), "0", "<=", "grad_beta")
    signed["symbols"]["grad_beta"] = "nonnegative"
    entries = _concludes(_bare(), "0", "<=", "one_v")
    entries["vectors"]["v"]["entries"], entries["inner_products"]["one_v"] = "nonnegative", "<1, v>"
    definite = _concludes(_bare(), "0", "<=", "hh")
    definite["operators"]["Hhat"]["is"], definite["inner_products"]["hh"] = "positive semidefinite", "<g, Hhat g>"
    for changed in (signed, entries, definite):
        refused(changed, "follows from the definition")


@pytest.mark.parametrize("gain", ["s", "mu", "a", "g_g", "rho", "gamma*s", "1/s"])
@pytest.mark.parametrize("part", ["gain", "shift"])
def test_a_gain_that_changes_with_y_is_refused(part, gain):
    """With z = s yhat + mu 1 = y the gradient is g: what holds for constants does not hold for these."""
    changed = document("theorem-4.1")
    changed["normalizer"][part] = gain
    refused(changed, "taken for a constant")


def test_a_map_that_changes_nothing_is_not_told_to_smooth():
    """The document of Theorem 4.1 with s for gamma and mu for beta everywhere, and an example that fits."""
    changed = document("theorem-4.1")
    for channel in changed["example"]["channels"]:
        ratio = Fraction(channel["symbols"]["s"]) / Fraction(channel["symbols"]["gamma"])
        channel["vectors"]["v"] = [str(Fraction(x) * ratio) for x in channel["vectors"]["v"]]
    kept = {key: changed[key] for key in ("symbols", "example", "same_for_all_channels")}
    text = json.dumps({key: value for key, value in changed.items() if key not in kept})
    told = json.loads(re.sub(r"\bgamma\b", "s", text).replace('"beta"', '"mu"')) | kept
    refused(told, "taken for a constant")
    told["normalizer"] |= {"gain": "gamma", "shift": "beta"}
    assert [line for line in recheck(told).refused if line.startswith("step")], "nothing else was wrong with it"


def test_another_normalizer_is_printed_with_its_verdict():
    """A scale doubled consistently would be another theorem; the example and the moments say it is not this one."""
    changed = document("theorem-4.1-exact")
    changed["normalizer"]["scale"] = "2*" + changed["normalizer"]["scale"]
    refused(changed)
    changed = document("theorem-4.1-exact")
    changed["normalizer"]["gain"] = "2*gamma"
    refused(changed)


@pytest.mark.parametrize("matrix", [[["-1", "0"], ["0", "1"]], [["1", "2"], ["2", "1"]], [["0", "1"], ["1", "0"]]])
def test_an_operator_of_the_example_is_what_it_is_declared_to_be(matrix):
    changed = small(example=copy.deepcopy(small()["example"]))
    changed["example"]["channels"][0]["operators"]["B"] = matrix
    refused(changed, "not positive semidefinite")
    changed["example"]["channels"][0]["operators"]["B"] = [["1", "2"], ["2", "4"]]
    assert recheck(changed)


@pytest.mark.parametrize("name", ["rho", "s", "a", "gamma"])
def test_what_differs_between_channels_does_not_leave_a_sum(name):
    """Said to be the same for all channels, it could be taken out of a sum over them."""
    changed = document("theorem-4.2-layer-exact")
    assert len({c["symbols"]["rho"] for c in changed["example"]["channels"]}) > 1
    changed["same_for_all_channels"].append(name)
    refused(changed, "not the same for all channels")


def test_symbols_have_the_signs_they_are_used_with():
    changed = document("theorem-4.1")
    changed["symbols"]["rho"] = "real"
    refused(changed)
    changed = document("theorem-4.1")
    changed["example"]["channels"][0]["symbols"]["rho"] = "3"
    refused(changed, "an example")


@pytest.mark.parametrize("word", ["false", "", 0, 1, None])
def test_what_is_true_or_false_is_not_a_word(word):
    changed = document("theorem-4.1")
    changed["normalizer"]["centred"] = word
    refused(changed, "the fields of a normalizer")
