"""`audit_formula`: what is true is proved, what is false is refuted at exact numbers, and nothing false is proved."""

import contextlib
from fractions import Fraction
from random import Random

import pytest
import sympy as sp

from bnverify.errors import InputError
from bnverify.theory.audit.answers import FAILS, HOLDS, NOT_ADMITTED, Outcome, audit_formula, status
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.points import point, points
from bnverify.theory.audit.proving import prove
from bnverify.theory.audit.symbolic import Contradiction

BATCH = {"s": "sqrt(var(y) + eps)", "yhat": "bn(y, eps)", "v": "grad(gamma*dot(g, bn(y, eps)), y)"}
BATCH_SYMBOLS = {"gamma": "real", "eps": "nonnegative"}


def outcome(claim, **fields):
    return audit_formula(Formula(claim, **fields)).outcome


TRUE = {
    "Cauchy-Schwarz": Formula("dot(u, v)**2 <= dot(u, u)*dot(v, v)", vectors=("u", "v")),
    "mean square": Formula("mean(y)**2 <= dot(y, y)/m", vectors=("y",)),
    "two means": Formula("a*b <= (a**2 + b**2)/2", symbols={"a": "real", "b": "real"}),
    "scale": Formula("bn(a*y) = bn(y)", symbols={"a": "positive"}, vectors=("y",)),
    "sign": Formula("bn(a*y) = a/abs(a)*bn(y)", symbols={"a": "nonzero"}, vectors=("y",)),
    "epsilon": Formula("bn(a*y, eps) = bn(y, eps/a**2)", symbols={"a": "positive", "eps": "positive"}, vectors=("y",)),
    "layer norm": Formula("bn(x, eps) = rms(center(x), eps)", symbols={"eps": "nonnegative"}, vectors=("x",)),
    "equal vectors": Formula("dot(x, w) = dot(y, w)", vectors=("x", "y", "w"), given=("x = y",)),
    "orthogonal": Formula("dot(w - n*g, w - n*g) = dot(w, w) + n**2*dot(g, g)", symbols={"n": "real"},
                          vectors=("w", "g"), given=("dot(w, g) = 0",)),
    "a sum that vanishes": Formula("dot(x, w) = -dot(y, w)", vectors=("x", "y", "w"), given=("a*x + a*y = 0",),
                                   symbols={"a": "positive"}),
    "every m": Formula("a + (m - 1)*b > 0", symbols={"a": "positive", "b": "positive"}),
    "a hypothesis for every m": Formula("2*a + 2*(m - 2)*b > 0", symbols={"a": "real", "b": "real"},
                                        given=("a + (m - 2)*b > 0",)),
    "backward": Formula("grad(dot(g, bn(y)), y) = (g - mean(g)*one - dot(g, bn(y))/m*bn(y))/sqrt(var(y))",
                        vectors=("y", "g")),
    "theorem 4.1": Formula("dot(v, v) <= (gamma/s)**2*(dot(g, g) - sum(g)**2/m - dot(g, yhat)**2/m)",
                           symbols=BATCH_SYMBOLS, vectors=("y", "g"), define=BATCH),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE)
def test_what_is_true_is_proved(name):
    answer = audit_formula(TRUE[name], most=120)
    assert answer.outcome is Outcome.PROVED, str(answer)
    assert status(TRUE[name], answer.witness) == HOLDS


FALSE = {
    "scale of any sign": (Formula("bn(a*y) = bn(y)", symbols={"a": "real"}, vectors=("y",)), {"a": -1, "y": (0, 1)}),
    "scale with epsilon": (Formula("bn(a*y, eps) = bn(y, eps)", symbols={"a": "positive", "eps": "positive"},
                                   vectors=("y",)), None),
    "reversed": (Formula("dot(u, v)**2 >= dot(u, u)*dot(v, v)", vectors=("u", "v")), {"u": (0, 1), "v": (1, 0)}),
    "preprint": (Formula("dot(v, v) <= (gamma/s)**2*(dot(g, g) - sum(g)**2/m - dot(g, yhat)**2/sqrt(m))",
                         symbols=BATCH_SYMBOLS, vectors=("y", "g"), define=BATCH, given=("eps = 0",)),
                 {"gamma": 1, "eps": 0, "y": (0, 1), "g": (0, 1)}),
}  # fmt: skip


@pytest.mark.parametrize("name", FALSE)
def test_what_is_false_is_refuted_at_exact_numbers(name):
    formula, expected = FALSE[name]
    answer = audit_formula(formula)
    assert answer.outcome is Outcome.REFUTED and prove(formula) is None
    assert status(formula, answer.counterexample) == FAILS
    entries = [e for v in answer.counterexample.values.values() for e in (v if isinstance(v, tuple) else (v,))]
    assert all(isinstance(e, Fraction) for e in entries)
    if expected is not None:
        assert answer.counterexample == point(**expected)
    assert f"refuted at {answer.counterexample}: left " in str(answer)
    assert all(f"{n} = " in str(answer) for n in formula.names), "the values are said"


@pytest.mark.parametrize("claim", ["norm(x) = 0", "dot(x, x) = 0", "dot(x, w) = 0", "1 <= 0", "mean(x) >= 0"])
def test_a_vector_equation_proves_nothing_false(claim):
    for given in ("x = y", "2*x - 2*y = 0", "dot(x - y, x - y) = 0"):
        answer = audit_formula(Formula(claim, vectors=("x", "y", "w"), given=(given,)), most=200)
        assert answer.outcome is Outcome.REFUTED, str(answer)


def test_vectors_that_are_equal_by_a_scalar_equation_are_not_called_different():
    formula = Formula("dot(x, w) = dot(y, w)", vectors=("x", "y", "w"), given=("dot(x - y, x - y) = 0",))
    assert audit_formula(formula, most=60).outcome is not Outcome.REFUTED


@pytest.mark.parametrize("given", ["1 = 2", "1 < 0", "m < 0", "0 = 3*one[1]"])
def test_a_false_premise_is_refused(given):
    with pytest.raises(InputError, match=r"got: .*false"):
        audit_formula(Formula("a = a", symbols={"a": "real"}, given=(given,)))


@pytest.mark.parametrize(
    "given", [("a = 1", "a = 2"), ("a = -1",), ("x = y", "dot(x, x) = dot(y, y) + 1"), ("a > 0", "a < 0")]
)
def test_premises_that_cannot_all_hold_prove_nothing(given):
    formula = Formula("a = 17", symbols={"a": "positive"}, vectors=("x", "y"), given=given)
    with contextlib.suppress(InputError):  # a contradiction that is seen is refused as an input
        assert audit_formula(formula, most=60).outcome is Outcome.UNDECIDED


def test_a_contradiction_that_is_seen_is_named():
    with pytest.raises(InputError, match="contradict"):
        audit_formula(Formula("a = 17", symbols={"a": "real"}, given=("a = 1", "a = 2")))


def test_the_sign_of_a_hypothesis_holds_for_every_size_or_is_not_used():
    """At m = 2 the hypothesis says a > 0; the claim is about every m."""
    symbols, given = {"a": "real", "b": "real"}, ("a + (m - 2)*b > 0",)
    answer = audit_formula(Formula("a + 4 > 0", symbols=symbols, given=given))
    assert answer.outcome is Outcome.REFUTED and answer.counterexample.size > 2
    assert prove(Formula("a > 0", symbols=symbols, given=given)) is None
    assert outcome("a > 0", symbols=symbols, given=given, sizes=(2,)) is not Outcome.REFUTED


@pytest.mark.parametrize(
    ("claim", "symbols", "given"),
    [
        ("sqrt(a)**2 >= 0", {"a": "real"}, ()),
        ("exp(log(a)) = a", {"a": "real"}, ()),
        ("sqrt(a)**2 = a", {"a": "real"}, ()),
        ("a/a = 1", {"a": "real"}, ()),
        ("log(a) <= a - 1", {"a": "real"}, ()),
        ("a >= 0", {"a": "real", "b": "real"}, ("b = sqrt(a)",)),
        ("a > 0", {"a": "real", "b": "real"}, ("log(a) = b",)),
        ("dot(bn(y, eps), bn(y, eps)) = m*var(y)/(var(y) + eps)", {"eps": "real"}, ()),
    ],
)
def test_a_point_where_something_is_undefined_is_no_counterexample(claim, symbols, given):
    assert outcome(claim, symbols=symbols, vectors=("y",), given=given) is not Outcome.REFUTED


def test_domain():
    f = Formula("dot(bn(y, eps), bn(y, eps)) <= m", symbols={"eps": "real"}, vectors=("y",))
    assert status(f, point(eps=-1, y=(0, 1))) == NOT_ADMITTED, "a root of a negative number"
    assert status(f, point(eps=0, y=(1, 1))) == NOT_ADMITTED, "0/0"
    assert status(f, point(eps=-1, y=(0, 4))) == FAILS, "defined, and false: 4 > 2 * 4/3"
    g = Formula("1 <= 0", symbols={"a": "real"}, given=("sqrt(a) >= 0",))
    assert status(g, point(a=-1)) == NOT_ADMITTED and status(g, point(a=1)) == FAILS


def test_a_strict_claim_is_not_proved_by_its_weak_form():
    assert outcome("(a - b)**2 >= 0", symbols={"a": "real", "b": "real"}) is Outcome.PROVED
    assert outcome("(a - b)**2 > 0", symbols={"a": "real", "b": "real"}) is Outcome.REFUTED


def test_no_proof_within_reach_is_undecided_with_what_was_searched():
    answer = audit_formula(Formula("log(a) <= a - 1", symbols={"a": "positive"}))
    assert answer.outcome is Outcome.UNDECIDED
    assert "undecided" in str(answer) and "points with m in {2, 3, 4}" in str(answer)


def test_the_time_limit_leaves_it_undecided():
    hard = Formula("dot(u, w)**8 <= exp(dot(u, u)**4*dot(w, w)**4)", vectors=("u", "w"), sizes=(6, 7, 8))
    answer = audit_formula(hard, seconds=0.3, most=10**6)
    assert answer.outcome is Outcome.UNDECIDED and "time" in answer.why and "searched: " in str(answer)


def test_random_identities_and_their_mutants():
    """Expanded products against factored ones; with one coefficient changed nothing may be proved."""
    source = Random(3)
    for _ in range(6):
        p, q, r = (source.randint(-3, 3) or 2 for _ in range(3))
        product = f"dot({p}*u + {q}*w, {r}*u - w)"
        right = f"{p * r}*dot(u, u) + {q * r - p}*dot(u, w) - {q}*dot(w, w)"
        assert prove(Formula(f"{product} = {right}", vectors=("u", "w"))) is not None
        wrong = Formula(f"{product} = {right} + dot(u, w)", vectors=("u", "w"))
        assert prove(wrong) is None and audit_formula(wrong).outcome is Outcome.REFUTED


def test_a_counterexample_cannot_be_made_simpler_in_one_number():
    """The claim fails for a < -2 only, with three idle names that are not left at odd values."""
    formula = Formula(
        "a + dot(u, w)**2/(1 + c**2) >= -2", symbols={"a": "integer", "c": "real"}, vectors=("u", "w"), sizes=(3,)
    )
    answer = audit_formula(formula, most=300)
    assert answer.counterexample == point(a=-3, c=0, u=(0, 0, 0), w=(0, 0, 0))


def test_what_is_proved_holds_wherever_it_is_tried():
    """Random inequalities and hypotheses in two scalars and two vectors: a proof is never contradicted by a point."""
    source = Random(5)
    terms = ("a", "b", "a*b", "a**2", "b**2", "dot(u, u)", "dot(u, w)", "dot(w, w)", "sum(u)**2/m", "m", "1")
    premises = ("a >= 0", "b > 1", "a <= b", "dot(u, w) >= 0", "u = 2*w", "sum(u) = 0", "a*b = 1", "dot(u, u) <= 1")
    proved = 0
    for _ in range(40):
        chosen, sign = source.sample(terms, 3), source.choice("+-")
        claim = f"{chosen[0]} + {chosen[1]} {sign} {chosen[2]} {source.choice(('>=', '>'))} 0"
        given = tuple(source.sample(premises, 2))
        formula = Formula(claim, {"a": "real", "b": "real"}, ("u", "w"), given)
        with contextlib.suppress(Contradiction):
            if prove(formula) is not None:
                proved += 1
                tried = [status(formula, p) for level in (2, 3) for p in points(formula, level, 3, 60)]
                assert FAILS not in tried, str(formula)
    assert proved >= 3


@pytest.mark.parametrize(
    ("claim", "given"),
    [
        ("x == 1", ("x*(x - 1) == 0",)), ("y/z == 0", ("x*y == 0",)), ("y == 2*x", ("x*y == 2*x**2",)),
        ("x >= 1", ("x*(x - 1)*(x - 2) == 0", "x*y == x")), ("y == 0", ("x*y == 0", "x + z == 1")),
        ("x == 0", ("x*(x - 7) == 0",)),
    ],
)  # fmt: skip
def test_every_branch_of_a_hypothesis_is_searched(claim, given):
    """An equation that is a product holds on several branches; a claim about one of them is refuted on another."""
    names = {name: "real" for name in "xyz" if name in claim + "".join(given)}
    answer = audit_formula(Formula(claim, symbols=names, given=given), seconds=30)
    assert answer.outcome is Outcome.REFUTED, str(answer)
    at = {name: sp.Rational(str(value)) for name, value in answer.counterexample.values.items()}
    for hypothesis in given:
        left, right = hypothesis.split("==")
        assert sp.sympify(f"({left}) - ({right})").subs(at) == 0


@pytest.mark.parametrize(
    ("claim", "given"), [("x**2 == x", "x*(x - 1) == 0"), ("x*y*z == 0", "x*y == 0"), ("y == 2*x", "y == 2*x")]
)
def test_what_holds_on_every_branch_is_proved(claim, given):
    formula = Formula(claim, symbols=dict.fromkeys("xyz", "real"), given=(given,))
    assert audit_formula(formula, seconds=30).outcome is Outcome.PROVED


SIGNED = {"a": "real", "b": "real"}


@pytest.mark.parametrize(
    ("claim", "given", "false"),
    [
        ("abs(a) = abs(b)", ("a**2 = b**2",), "a = abs(b)"),
        ("sqrt(a) = b", ("a = b**2", "b >= 0"), "sqrt(a) = -b"),
        ("a = b", ("a**2 = b**2", "a >= 0", "b >= 0"), "a = 2*b"),
        ("abs(a) = b", ("a**2 = b**2", "b >= 0"), "a = b"),
        ("abs(a) = -a", ("a <= 0",), "abs(a) = a"),
        ("abs(a) <= abs(b)", ("a**2 <= b**2",), "abs(a) < abs(b)"),
        ("sqrt(a) <= sqrt(b)", ("a <= b",), "sqrt(a) >= sqrt(b)"),
        ("abs(a + b) <= abs(a) + abs(b)", (), "abs(a + b) < abs(a) + abs(b)"),
        ("sqrt(a**2 + 1) > a", (), "sqrt(a**2 + 1) > 1"),
        ("sqrt(a*b) = sqrt(a)*sqrt(b)", (), "sqrt(a*b) = -sqrt(a)*sqrt(b)"),
        ("b = 0", ("a*b = 0", "a != 0"), "a = 0"),
        ("abs(u @ v) <= norm(u)*norm(v)", (), "abs(u @ v) <= norm(u)*norm(u)"),
        ("norm(u + v) <= norm(u) + norm(v)", (), "norm(u + v) < norm(u) + norm(v)"),
        ("norm(u) = norm(v)", ("u @ u = v @ v",), "norm(u) = norm(u - v)"),
        ("mean(u*u) = var(u)", ("sum(u) = 0",), "mean(u*u) = 2*var(u)"),
    ],
)
def test_roots_and_signs_are_compared_by_squares(claim, given, false):
    fields = {"symbols": SIGNED, "vectors": ("u", "v") if "u" in claim else (), "given": given, "sizes": (2, 3)}
    assert audit_formula(Formula(claim, **fields), most=200).outcome is Outcome.PROVED
    wrong = Formula(false, **fields)
    assert prove(wrong) is None and audit_formula(wrong, most=200).outcome is Outcome.REFUTED


@pytest.mark.parametrize("words", ["negative", "positive integer", "nonzero"])
def test_declared_signs_are_used(words):
    right = {"negative": "a < 0", "positive integer": "a >= 1", "nonzero": "a**2 > 0"}[words]
    wrong = {"negative": "a < -1", "positive integer": "a >= 2", "nonzero": "a > 0"}[words]
    assert outcome(right, symbols={"a": words}) is Outcome.PROVED
    assert outcome(wrong, symbols={"a": words}, sizes=(2,)) is Outcome.REFUTED


def test_decimals_are_read_with_every_digit():
    assert outcome("2 = 2.0000000000000001") is Outcome.REFUTED
    assert outcome("0.1 + 0.2 = 0.3") is Outcome.PROVED and outcome("1e-400 > 0") is Outcome.PROVED
    for number in ("1e400", "1e-99999", "1e31"):
        with pytest.raises(InputError, match="numbers up to"):
            Formula(f"{number} > 0")


def test_a_claim_without_a_value_is_not_laid_at_the_hypotheses_door():
    with pytest.raises(InputError, match="a claim that has no value where the hypotheses hold"):
        audit_formula(Formula("log(0) = a", symbols=SIGNED, given=("a = 1",)))
    with pytest.raises(InputError, match=r"false at every m of sizes = \[2, 3, 4\]"):
        audit_formula(Formula("a = 1", symbols=SIGNED, given=("m >= 10",)))
    nowhere = "(0**2)**(-1)*(m - 1) > 0"
    assert audit_formula(Formula(nowhere), most=50).outcome is Outcome.UNDECIDED
    assert audit_formula(Formula("m**3 + exp(1) > 0", sizes=(2,)), most=50).outcome is not Outcome.REFUTED


@pytest.mark.parametrize(
    ("false", "at", "true"),
    [
        ("sqrt(c*b) + b + 3 >= 0", {"c": 0, "b": -5}, "sqrt(c*b) >= 0"),
        ("sqrt(a**2*b) + b + 3 >= 0", {"a": 0, "b": -5}, "sqrt(a**2*b) = abs(a)*sqrt(b)"),
        ("sqrt(a**2*b**3) + b + 3 >= 0", {"a": 0, "b": -5}, "sqrt(a**2*b**4) = abs(a)*b**2"),
        ("sqrt(u @ u*b) + b + 3 >= 0", {"u": (0, 0), "b": -5}, "sqrt(u @ u*(v @ v)) = norm(u)*norm(v)"),
        ("u @ grad(sqrt(c*b)*(v @ u), u) + b + 3 >= sqrt(c*b)*(v @ u)", {"c": 0, "b": -5},
         "grad(sqrt(a**2*b)*(v @ u), u) = abs(a)*sqrt(b)*v"),
    ],
)  # fmt: skip
def test_a_factor_that_may_vanish_says_nothing_about_the_rest_of_a_root(false, at, true):
    fields = {"symbols": SIGNED | {"c": "nonnegative"}, "vectors": ("u", "v"), "sizes": (2,)}
    wrong = Formula(false, **fields)
    values = {"a": 1, "b": 1, "c": 1, "u": (1, 0), "v": (0, 1)} | at
    assert status(wrong, point(**values)) == FAILS and prove(wrong) is None
    assert prove(Formula(true, **fields)) is not None
    assert prove(Formula("sqrt(d**2*b) + b + 3 >= 0", symbols={"b": "real", "d": "nonzero"})) is not None


def test_two_vectors_are_two_whatever_they_are_called():
    for names in (("é", "v0"), ("v1", "é"), ("é", "ü"), ("x", "audited_"), ("x", "unaudited_x")):
        try:
            equal = Formula("{} @ {} = {} @ {}".format(names[0], names[0], *names), vectors=names)
            smaller = Formula("{} @ {} <= {} @ {} + 1".format(names[0], names[0], *names), vectors=names)
        except InputError:
            continue
        assert prove(equal) is None and prove(smaller) is None, names
    for name in ("audited_0", "audited_x", "root_1"):
        with pytest.raises(InputError, match="means nothing yet"):
            Formula("x @ x = 0", vectors=("x", name))
    shown = prove(Formula("(é @ ü)**2 <= é @ é*(ü @ ü)", vectors=("é", "ü")))
    assert "<é, ü>" in shown.words and "audited" not in shown.words


@pytest.mark.parametrize(
    ("function", "given", "slope", "wrong"),
    [
        ("k*(w @ y)", "k + w @ y = 1", "k*w", "k*w - (w @ y)*w"),
        ("sqrt(k)*norm(y)", "k + norm(y) = 5", "sqrt(k)*y/norm(y)", "sqrt(k)*y/norm(y) - y/2/sqrt(k)"),
        ("y @ y", "2*y = w", "w", "w/2"),
        ("w @ w", "2*y = 3*w", "0*one", "8*y/9"),
        ("w @ bn(y, k)", "var(y) + k = 1", "w - mean(w)*one - (w @ bn(y, k))/m*bn(y, k)", "w - mean(w)*one"),
    ],
)
def test_a_gradient_holds_fixed_what_a_hypothesis_can_be_solved_for(function, given, slope, wrong):
    fields = {"symbols": {"k": "nonnegative"}, "vectors": ("y", "w"), "given": (given,), "sizes": (2,)}
    assert prove(Formula(f"grad({function}, y) = {slope}", **fields)) is not None
    assert prove(Formula(f"grad({function}, y) = {wrong}", **fields)) is None


@pytest.mark.parametrize(
    "given", [("s = sqrt(var(y))",), ("var(y) = s**2",), ("s = sqrt(k)", "k = var(y)"), ("s = k", "norm(y) = k")]
)
def test_a_gradient_of_what_a_hypothesis_defines_by_the_vector_is_refused(given):
    symbols = {"s": "positive", "k": "real"}
    with pytest.raises(InputError, match=r"defines by y.*\n.*\n.*\[define\]"):
        Formula("grad(dot(g, center(y))/s, y) = center(g)/s", symbols=symbols, vectors=("y", "g"), given=given)
    Formula("grad(dot(g, center(y)), y)/s = center(g)/s", symbols=symbols, vectors=("y", "g"), given=given)
    Formula("grad(dot(g, center(y))/s, y) = center(g)/s", symbols=symbols, vectors=("y", "g"), given=("var(g) = s**2",))


def test_gradients_of_sizes_are_proved():
    for true, false in (("dot(w, y)/abs(dot(w, y))*w", "w"), ("abs(dot(w, y))/dot(w, y)*w", "-w")):
        assert prove(Formula(f"grad(abs(dot(w, y)), y) = {true}", vectors=("y", "w"))) is not None
        assert prove(Formula(f"grad(abs(dot(w, y)), y) = {false}", vectors=("y", "w"))) is None


@pytest.mark.parametrize(("sizes", "shown"), [((3, 4), True), ((4, 3), True), ((2, 3), False), ((3, 2), False)])
def test_a_proof_is_for_every_m_from_the_least_size(sizes, shown):
    """(m - 3) a >= 0 is true from 3 on; that 2 is searched as well makes it a claim about 2."""
    proof = prove(Formula("(m - 3)*a >= 0", symbols={"a": "positive"}, sizes=sizes))
    assert (proof is not None) == shown
