"""Every ruling is re-established: proofs of what is true, exact counterexamples of what is not, found again."""

import dataclasses
import json
from fractions import Fraction

import pytest
import sympy as sp
from sampled import sampled

from bnverify.theory import AUDIT, CLAIMS, AuditError, ChannelSum, G, Known, Party, Ruling, Text, V, gamma, m, s
from bnverify.theory.algebra.vectors import ONE
from bnverify.theory.audit.bounds import Vacuous
from bnverify.theory.audit.evidence import Family, Proved, Refuted
from bnverify.theory.audit.expectations import Measured
from bnverify.theory.audit.papers.short import formula, point
from bnverify.theory.audit.records import counts, papers, stated
from bnverify.theory.audit.ruling import words
from bnverify.theory.audit.sequences import AtLeast, Identity, NotNegative, Product, Recurrence, Sequence, n
from bnverify.theory.audit.small_networks import LeastSquares
from bnverify.theory.audit.stated import Stated
from bnverify.theory.proof.claim import ProofError
from bnverify.theory.proof.example import Example
from bnverify.theory.proof.quantities import followed
from bnverify.theory.results.catalogue import UnknownClaim

KEYS = list(AUDIT)
STATED = {record.key: evidence for record, evidence in stated()}
REFUTED = [key for key, evidence in STATED.items() if evidence.refutes]


def _base(key):
    found = AUDIT[key].evidence
    return found.base if isinstance(found, Measured) else found


IN_FORMULAS = [key for key in KEYS if isinstance(_base(key), Refuted)]


def changed(key, **fields):
    return dataclasses.replace(AUDIT[key], **fields)


def evidence(key, **fields):
    return changed(key, evidence=dataclasses.replace(_base(key), **fields))


@pytest.mark.parametrize("key", sampled(KEYS, 3))
def test_record_stands_up(key):
    """The report's chapter on printed formulas checks all of them once more, and a test builds it."""
    record = AUDIT[key]
    record.check()
    text = json.dumps(record.to_json())
    assert " at 0x" not in text  # an address would be another one in the next process
    data = json.loads(text)
    assert data["quote"] == record.text.quote and data["said"] == record.said
    assert record.text.quote in record.describe() and record.said in record.describe()


# Who printed what, how it is known


@pytest.mark.parametrize("key", KEYS)
def test_nothing_is_called_false_on_memory_or_transcription_alone(key):
    record = AUDIT[key]
    if record.ruling.stands:
        assert record.said == record.ruling.value
    elif not (record.text.known.firm and record.party is not Party.OURS):
        assert record.said != record.ruling.value
        assert any(
            how in record.said for how in ("as quoted", "as transcribed", "as formalised", "as recalled", "abstract")
        )
    assert record.text.known is not Known.MEMORY or record.party is Party.OURS


@pytest.mark.parametrize(("party", "known", "said"), [
    (Party.PAPER, Known.ITSELF, "false"),
    (Party.PAPER, Known.TRANSCRIPTION, "false as transcribed by machine"),
    (Party.PAPER, Known.QUOTED, "false as quoted by somebody"),
    (Party.OURS, Known.ITSELF, "false as formalised by us"),
    (Party.OURS, Known.MEMORY, "false as recalled, which is attributed to nobody"),
])  # fmt: skip
def test_words(party, known, said):
    assert words(Ruling.FALSE, Text("x", known, "somebody" if known is Known.QUOTED else ""), party) == said
    assert words(Ruling.TRUE, Text("x", known), party) == "true"


def test_a_formula_from_memory_cannot_be_laid_on_a_paper():
    with pytest.raises(AuditError, match="attributed to nobody"):
        changed("ghost-running", party=Party.PAPER).check()


def test_the_parties_are_counted_apart():
    found = counts()
    assert set(found) == set(Party) and sum(sum(c.values()) for c in found.values()) == len(AUDIT)
    assert "false" not in found[Party.PAPER], "no paper was compared with its PDF"
    assert all("as formalised" in said or "recalled" in said or said == "true" for said in found[Party.OURS])


def test_every_paper_has_its_records():
    from bnverify.theory import REFERENCES

    assert sum(len(records) for records in papers().values()) == len(AUDIT)
    assert set(papers()) <= set(REFERENCES)


# The party that is judged, in the cases that went wrong once


@pytest.mark.parametrize(("key", "party"), [
    ("luther-growth", Party.ELSEWHERE), ("doshi-derf", Party.ELSEWHERE), ("li-factor", Party.ELSEWHERE),
    ("xu-1-misprint", Party.ELSEWHERE), ("fold-before", Party.OURS), ("wen-chord", Party.ELSEWHERE),
    ("hoedt-mean", Party.ELSEWHERE), ("4.3-minima", Party.OURS), ("lp-l1", Party.OURS), ("notes-4.4", Party.ELSEWHERE),
])  # fmt: skip
def test_blogs_posters_and_formalisations_are_no_papers(key, party):
    assert AUDIT[key].party is party


@pytest.mark.parametrize(("key", "ruling"), [
    ("4.1-v3", Ruling.FALSE), ("4.1", Ruling.TRUE), ("4.2-i", Ruling.EQUALITY), ("c.1-fact", Ruling.TRUE),
    ("c.2-fact", Ruling.TRUE), ("41-42", Ruling.TRUE), ("sun-14", Ruling.TRUE), ("sun-10", Ruling.TRUE),
    ("sun-11", Ruling.FALSE), ("sun-17", Ruling.VACUOUS), ("meterez-mean", Ruling.CONDITIONAL),
    ("kohler-mean", Ruling.TRUE), ("peri-8", Ruling.CONDITIONAL), ("wan-1", Ruling.ASYMPTOTIC),
    ("daneshmand-1", Ruling.VACUOUS), ("ioffe-scalar", Ruling.CONDITIONAL), ("xiong-3", Ruling.FALSE),
])  # fmt: skip
def test_rulings(key, ruling):
    assert AUDIT[key].ruling is ruling


# Relations between the quantities of the claims


@pytest.mark.parametrize("key", sampled(REFUTED, 3))
def test_search_finds_the_stored_counterexample(key):
    assert str(STATED[key].search()) == str(STATED[key].counterexample)


@pytest.mark.parametrize("key", REFUTED)
def test_counterexample_is_exact(key):
    """Both sides are exact numbers, and the misprint fed to the checker as a claim is refused."""
    record, found = AUDIT[key], STATED[key]
    sides = found.at(found.counterexample)
    assert not sides.holds
    assert all(side.is_number and not side.has(sp.Float) for side in (sides.left, sides.right))
    for claim in record.claims:
        if claim.left == found.relation.lhs and record.ruling is not Ruling.CONDITIONAL and _inside(claim, found):
            wrong = dataclasses.replace(claim, relation=found.relation.rel_op, right=found.relation.rhs)
            with pytest.raises(ProofError):
                wrong.prove()


def _inside(claim, found):
    """Whether the counterexample satisfies the hypotheses of the claim, as far as they are conditions."""
    conditions = [h.condition for h in claim.hypotheses if h.condition is not None]
    conditions = [c for c in conditions if c != sp.Gt(followed, 0)]  # another norm follows by construction
    return all(_insert(condition, found.counterexample) for condition in conditions)


def _insert(expression, example):
    """One channel is the whole layer, so a sum over channels is its only term."""
    expression = expression.replace(ChannelSum, lambda body: body)
    return expression.xreplace({symbol: sp.sympify(v) for symbol, v in example.numbers(expression).items()})


@pytest.mark.parametrize("key", [key for key in REFUTED if isinstance(STATED[key].counterexample, Example)])
def test_corrected_claims_hold_at_the_counterexample(key):
    """What is said to be true instead is not refuted by the same numbers, wherever they suffice to evaluate it."""
    evaluated = 0
    for claim in AUDIT[key].claims:
        try:
            slack = _insert(claim.right - claim.left, STATED[key].counterexample)
        except KeyError:
            continue
        if _inside(claim, STATED[key]):
            evaluated += 1
            assert sp.simplify(slack) == 0 if claim.relation == "==" else sp.simplify(slack) >= 0
    if not evaluated:
        pytest.skip("no corrected claim speaks of these quantities alone inside its hypotheses")


def test_minima_are_minima_over_the_weights():
    """X'v is tested: of the three-point layer it does not vanish; with one feature it always does."""
    found = STATED["4.3-minima"]
    three = LeastSquares(
        tuple(tuple(map(Fraction, row)) for row in ((1, 0), (0, 1), (2, 1))), tuple(map(Fraction, (1, -1, 0)))
    )
    assert three.minimum == sp.Matrix([sp.Rational(2, 3), -sp.Rational(7, 6)]) and found.refuted_by(three)
    one = LeastSquares(((Fraction(0),), (Fraction(1),)), tuple(map(Fraction, (1, 1))))
    assert found.at(one).holds and not found.refuted_by(one)


def test_the_alignment_may_be_zero():
    """a = 0 is non-negative: a single channel before a batch norm refutes nothing."""
    found = STATED["4.2-alignment"]
    assert found.relation.rel_op == ">=" and found.relation.rhs == 0
    first, second = found.counterexample.alignments()
    assert first + second == 0 and min(first, second) < 0


@pytest.mark.parametrize("fields", [
    {"evidence": Stated(STATED["4.1"].relation, STATED["4.2-ii"].counterexample)},
    {"ruling": Ruling.TRUE}, {"ruling": Ruling.EQUALITY}, {"evidence": Stated(STATED["4.1-v3"].relation)},
    {"text": Text(" ", Known.ITSELF)}, {"reading": ""}, {"remark": " "}, {"corrected": ()},
])  # fmt: skip
def test_a_wrong_record_is_noticed(fields):
    """A counterexample that does not refute, a ruling too kind, no counterexample, no text, no reading, no claim."""
    with pytest.raises(AuditError):
        changed("4.1-v3", **fields).check()


def test_a_true_formula_with_a_wrong_coefficient_is_noticed():
    wrong = sp.Le(V @ V, (gamma / s) ** 2 * (G @ G - (ONE @ G) ** 2 / m), evaluate=False)
    with pytest.raises(AuditError, match="not what"):
        changed("4.1", evidence=Stated(wrong)).check()
    zero = sp.Le(STATED["4.2-i"].relation.lhs, 0, evaluate=False)
    with pytest.raises(AuditError, match="something else"):
        changed("4.2-i", evidence=Stated(zero)).check()


def test_nothing_refutes_what_is_true():
    from itertools import islice

    candidates = STATED["4.1-smaller"].candidates()
    assert not any(STATED["4.1"].refuted_by(example) for example in islice(candidates, 400))


def test_premises_are_required():
    """What the plain gradient is not zero at refutes nothing about minima."""
    found = STATED["4.3-minima"]

    class Elsewhere(LeastSquares):
        @property
        def minimum(self):
            return sp.Matrix([1, 2])

    away = Elsewhere(found.counterexample.X, found.counterexample.t)
    assert not found.at(away).holds and not found.refuted_by(away)


def test_an_unknown_record_is_named():
    with pytest.raises(UnknownClaim, match=r"audit record '9\.9'"):
        AUDIT["9.9"]


# Formulas in the language of the audit


@pytest.mark.parametrize("key", IN_FORMULAS)
def test_a_counterexample_can_be_read_by_a_machine(key):
    """The statement in components at the values, evaluated by SymPy alone, is false; its premises are true."""
    data = AUDIT[key].to_json()["evidence"]
    names = {}
    for name, value in data["values"].items():
        if isinstance(value, list):
            names |= {f"{name}_{i}": sp.Rational(entry) for i, entry in enumerate(value, start=1)}
        elif name != "m":
            names[name] = sp.Rational(value)
    table = {name: sp.Symbol(name) for name in names}

    def holds(text):
        relation = sp.sympify(text, locals=table)
        if relation in (sp.true, sp.false):
            return bool(relation)
        return bool(sp.simplify(relation.subs({table[k]: v for k, v in names.items()})))

    assert data["values"] and not all(map(holds, data["statement"]))
    assert all(map(holds, data["premises"]))


def test_a_point_outside_the_hypotheses_refutes_nothing():
    outside = point(eta=1, lam="1/4", L=1, l=1, q="16/7", m=1)  # 2 eta lambda < 1, but l is too small
    printed = AUDIT["wan-1"].evidence.printed
    wrong = dataclasses.replace(AUDIT["wan-1"].evidence, printed=dataclasses.replace(printed, at=outside))
    with pytest.raises(AuditError, match="does not refute"):
        changed("wan-1", evidence=wrong).check()


@pytest.mark.parametrize(("key", "fields"), [
    ("hoedt-mean", {"at": point(x=(0, 1), g=(1, -1))}),
    ("hoedt-mean", {"formula": formula("bn(2*x) = bn(x)", "x g")}),
    ("hoedt-mean", {"true": ((formula("bn(x) = x", "x"), point(x=(-1, 1))),)}),
    ("xu-1-b", {"true": ((formula("var(x) <= 1", "x"), point(x=(0, 1))),)}),
    ("xu-1-b", {"true": ((formula("var(x) >= 0", "x", given=("sum(x) = 1",)), point(x=(0, 2))),)}),
    ("xiong-3", {"margin": Family.variable**2}),
    ("xiong-3", {"of": lambda k: point(K=k, x=(0, 0, 1), w=(1, -1, 0))}),
    ("xiong-3", {"margin": 21 * Family.variable**2 + 18 * Family.variable - 100}),
    ("daneshmand-1", {"threshold": sp.Symbol("n", integer=True, positive=True) ** 4}),
    ("wen-chord", {"first": sp.Symbol("x", positive=True)}),
])  # fmt: skip
def test_evidence_that_does_not_bear_is_noticed(key, fields):
    with pytest.raises(AuditError):
        evidence(key, **fields).check()


def test_the_exact_width_from_which_the_floor_says_something():
    found = _base("daneshmand-1")
    assert isinstance(found, Vacuous) and found.smallest(16) == 39_322 and found.smallest(2) == 145
    assert [15 * d > 9 * 16**4 for d in (39_321, 39_322)] == [False, True], "9 n^4/(n - 1) < d, in whole numbers"


def test_the_counterexample_of_peri_can_occur():
    """Real vectors: |<a, g>|^2 <= |a|^2 |g|^2 with the stored numbers, and |g| > 4."""
    values = AUDIT["peri-8"].evidence.at.values
    a, g = values["a"], values["g"]
    inner, aa, gg = (sum(p * q for p, q in zip(u, w, strict=True)) for u, w in ((a, g), (a, a), (g, g)))
    assert inner**2 <= aa * gg and gg > 16 and values["h"] > 0


# Sequences


def test_closed_forms_and_their_mutants():
    x = sp.Symbol("x", positive=True)
    assert Product(1 + 1 / n, n).holds() and not Product(1 + 2 / n, n).holds() and not Product(1 + 1 / n, 2 * n).holds()
    following = x * (1 + 1 / (sp.sqrt(n) * sp.sqrt(x)))
    assert Recurrence(following, x, n, sp.Integer(1)).holds()
    assert not Recurrence(following, x, n + 1, sp.Integer(2)).holds()
    assert AtLeast((x + 1) ** 2, x**2 + x, x, sp.Integer(0)).holds()
    assert not AtLeast(x, x**2, x, sp.Integer(0)).holds() and not AtLeast(x, sp.Integer(1), x, sp.Integer(0)).holds()
    assert NotNegative(1 / n - 1 / (n + 1), 1 / (n * (n + 1))).holds()
    assert not NotNegative(1 / (n + 1) - 1 / n, -1 / (n * (n + 1))).holds()
    assert not Identity(1 / n, 1 / (n + 1)).holds()


def test_products_over_depth_in_numbers():
    """The bounds that are proved against the products multiplied out."""
    pre, scaled = sp.Float(1, 30), sp.Float(1, 30)
    for layer in range(1, 101):
        assert pre >= layer * (1 + sp.sqrt(layer - 1) / 2) - sp.Float("1e-20")
        assert scaled <= sp.exp(5)
        pre *= 1 + 1 / sp.sqrt(sp.Float(layer, 30)) + sp.Rational(1, layer)
        scaled *= 1 + sp.Float(layer, 30) ** sp.Rational(-3, 2) + sp.Rational(1, layer**3)


def test_a_sequence_with_a_wrong_step_or_none_is_noticed():
    steps = AUDIT["sun-11"].evidence.steps
    for wrong in ((), (*steps, Product(1 + 1 / n, n**2))):
        with pytest.raises(AuditError):
            evidence("sun-11", steps=wrong).check()
    assert isinstance(AUDIT["sun-11"].evidence, Sequence)


def test_a_record_is_no_tautology():
    """Both sides of what is proved differ as they are written, and claims that are cited exist."""
    for record in AUDIT.values():
        if isinstance(record.evidence, Proved):
            assert all(f.relation.left != f.relation.right for f, _ in record.evidence.true)
        assert set(record.corrected) <= set(CLAIMS)
