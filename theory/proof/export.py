"""A proved claim as data: everything a reader needs to check the proof again, without this package.

Expressions are text in plain symbols. Inner products carry the names of the table of quantities (``I1``, ``I2``, ...
where it has none), sums over channels the names ``S1``, ``S2``, ..., other functions ``F1``, ``F2``, ...; the tables
of the document say what they are. Vectors are coefficients by atom; ``H v`` is the operator H on the atom v.
`bnverify.theory.proof.recheck` reads the document.
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.printing.str import StrPrinter

from bnverify.theory.algebra.channel_sum import ChannelSum
from bnverify.theory.algebra.vectors import Atom, Image, Inner, PairSum, SelfAdjoint, Vector, m, single_atom
from bnverify.theory.normalizers.normalizer import BATCH, KnownScale, Normalizer
from bnverify.theory.proof.claim import Claim, Hypothesis, Step
from bnverify.theory.proof.givens import about
from bnverify.theory.proof.premises import denominators, example_of
from bnverify.theory.proof.quantities import QUANTITIES, X, Y, epsilon, mu, rho, s
from bnverify.theory.proof.references import REFERENCES
from bnverify.theory.proof.signs import Reason, reasons

FORMAT = "bnverify proof 2"
_NAMES = {quantity.symbol: name for name, quantity in QUANTITIES.items()}
_CONSTANT = frozenset(quantity.symbol for quantity in QUANTITIES.values() if quantity.shape in ("site", "layer"))


def to_json(claim: Claim) -> dict[str, Any]:
    """Prove a claim and write statement, chain of steps, conclusion and certificate as plain data."""
    derivation = claim.derive()
    proof = claim.prove()
    n = derivation.normalizer or BATCH
    own = (lambda e: e) if derivation.raw else (lambda e: about(n, e))
    write = _Writer(n)
    left, right = own(claim.left), own(claim.right)
    document: dict[str, Any] = {
        "format": FORMAT,
        "key": claim.key,
        "title": claim.title,
        "source": {
            "reference": claim.source.reference,
            "place": claim.source.place,
            "citation": REFERENCES.get(claim.source.reference, ""),
        },
        "remark": claim.remark,
        "chapter": claim.chapter,
        "about": list(claim.about),
        "statement": {
            "left": write.scalar(left), "relation": claim.relation, "right": write.scalar(right), "shape": claim.shape,
        },
        "hypotheses": [_hypothesis(hypothesis, write, own) for hypothesis in claim.hypotheses],
        "scalars": {}, "definitions": {}, "relations": {},
    }  # fmt: skip
    steps = proof.steps[:-1]
    document["steps"] = [_step(number, step, write, document) for number, step in enumerate(steps, 1)]
    document["conclusion"] = {
        "number": len(proof.steps), "left": write.scalar(proof.left), "right": write.scalar(proof.right),
    }  # fmt: skip
    document["certificate"] = None
    if proof.certificate is not None:
        products = [
            [reason for factor in factors for reason in reasons(factor, claim.hypotheses)]
            for factors in proof.certificate.terms
        ]
        document["certificate"] = {
            "slack": write.scalar(proof.right - proof.left),
            "products": [[_reason(reason, write, own) for reason in product] for product in products],
        }
    document["normalizer"] = None if derivation.normalizer is None else _normalizer(n, write)
    document |= write.tables()
    document["nonzero"] = denominators(proof, derivation, write, own)
    document["example"] = example_of(proof.tried, write, document)
    return document


def _step(number: int, step: Step, write: _Writer, document: dict[str, Any]) -> dict[str, Any]:
    """A step as data; what it establishes goes into its table as well."""
    given = step.given
    assert given is not None
    value = write.side(step.right)
    establishes = None
    if given.rule in ("mean of the values", "norm of the values"):
        yhat = write.values
        pair = f"<1, {yhat}>" if given.rule.startswith("mean") else f"<{yhat}, {yhat}>"
        establishes = {"table": "facts", "name": pair}
        write.facts[pair] = value
    elif given.subject is not None:
        if isinstance(given.subject, Vector):
            table, name = "definitions", write.atom(single_atom(given.subject))
        else:
            simple = given.subject.is_Symbol or isinstance(given.subject, Inner)
            table, name = ("scalars" if simple else "relations"), write.scalar(given.subject)
        document[table][name] = value
        establishes = {"table": table, "name": name}
    return {
        "number": number, "name": step.name, "reason": step.reason, "establishes": establishes, "rule": given.rule,
        "of": [write.argument(x) for x in given.of], "written": str(step.left), "value": value,
    }  # fmt: skip


def _normalizer(n: Normalizer, write: _Writer) -> dict[str, Any]:
    """The definition: s yhat = P y, z = gain yhat + shift 1, and the scale s."""
    known = isinstance(n.scale, KnownScale)
    out: dict[str, Any] = {
        "name": n.name, "values": write.atom(single_atom(n.normalised)), "centred": n.centred,
        "projector": None if n.projector is None else n.projector.name,
        "gain": write.scalar(n.gain), "shift": write.scalar(n.shift),
        "scale": None if known else write.scalar(n.formula(Y)),
        "rho": None if known else write.scalar(1 - epsilon / s**2),
    }  # fmt: skip
    write.atom(single_atom(Y))
    if n.projector is not None:
        write.atom(single_atom(n.projector(Y)))
    for symbol in (m, s, mu):
        write.scalar(symbol)
    if known:
        out["gradient"] = write.vector(n.n)
        assert isinstance(n.scale, KnownScale)
        bent = n.scale.hessian(X)
        out["hessian"] = None if not bent.terms else write.operator(single_atom(bent))
    return out


def dumps(claim: Claim) -> str:
    """The document as indented JSON text."""
    return json.dumps(to_json(claim), indent=1, ensure_ascii=False)


class _Writer(StrPrinter):
    """Writes expressions, giving out names and filling the tables of the document."""

    printmethod = "_plain"  # so that the expressions' own ways to print themselves are not used

    def __init__(self, n: Normalizer) -> None:
        super().__init__()
        self.values = single_atom(n.normalised).name
        self.facts: dict[str, Any] = {}
        own = {q.symbol: about(n, q.symbol) for q in QUANTITIES.values() if isinstance(q.symbol, Inner)}
        self.names = {new: _NAMES[old] for old, new in own.items() if isinstance(new, Inner)}
        self.names = _NAMES | self.names
        self.taken: dict[str, Any] = {"sqrt": None, "m": m}
        self.given: dict[Any, str] = {m: "m"}
        self.sums: dict[str, str] = {}
        self.functions: dict[str, str] = {}
        self.unnamed = 0
        self.atoms: dict[str, Atom] = {}

    def scalar(self, expression: sp.Expr) -> str:
        return self.doprint(sp.sympify(expression).replace(PairSum, lambda p: PairSum(p).doit()))

    def name(self, symbol: sp.Expr) -> str:
        """The name of a symbol, an inner product or a sum over channels, nothing else."""
        written = self.scalar(symbol)
        if written not in self.taken:
            raise ValueError(f"got a meaning for {symbol}; expected one for a single symbol or inner product")
        return written

    def vector(self, vector: Vector) -> dict[str, str]:
        ordered = sorted(vector.terms.items(), key=lambda item: item[0].sort_key())
        return {self.atom(atom): self.scalar(coefficient) for atom, coefficient in ordered}

    def argument(self, argument: Any) -> str:
        """What a rule is applied to: an atom, a symbol, or the name of a hypothesis."""
        if isinstance(argument, str):
            return argument
        return self.atom(single_atom(argument)) if isinstance(argument, Vector) else self.scalar(argument)

    def operator(self, image: Atom) -> str:
        """The outermost operator of an atom, which is declared with it."""
        return self.atom(image).split(" ")[0]

    def side(self, side: sp.Expr | Vector) -> str | dict[str, str]:
        return self.vector(side) if isinstance(side, Vector) else self.scalar(side)

    def atom(self, atom: Atom) -> str:
        """The name of an atom: its operators, outermost first, and the plain atom, with spaces between."""
        words = [self.atom(atom.preimage)] if isinstance(atom, Image) else []
        words.insert(0, atom.operator.name if isinstance(atom, Image) else atom.name)
        if not re.fullmatch(r"\w+", words[0]):
            raise ValueError(f"got the name {words[0]!r}; expected letters, digits, underscores; rename the vector")
        return self.atoms.setdefault(" ".join(words), atom) and " ".join(words)

    def tables(self) -> dict[str, Any]:
        """What the names stand for, and what is declared of it."""
        marks, operators = {}, {}
        for name, atom in self.atoms.items():
            if isinstance(atom, Image):
                operators[atom.operator.name] = {"space": atom.space, "is": _declared(atom.operator)}
            elif name != "1":
                marks[name] = {"space": atom.space, "entries": "nonnegative" if atom.entrywise else "any"}
        symbols = {name: _sign(symbol) for name, symbol in self.taken.items() if isinstance(symbol, sp.Symbol)}
        inner = {name: f"<{', '.join(self.atom(a) for a in product.args)}>"
                 for name, product in self.taken.items() if isinstance(product, Inner)}  # fmt: skip
        return {
            "symbols": symbols, "inner_products": inner, "sums_over_channels": self.sums,
            "functions": self.functions, "facts": self.facts,
            "vectors": marks, "operators": operators,
            # epsilon is as well, but no sum needs it, and examples choose it by channel so that s is rational
            "same_for_all_channels": [name for name, meaning in self.taken.items()
                                      if meaning in _CONSTANT and meaning != epsilon],
        }  # fmt: skip

    def _give(self, meaning: Any, wish: str) -> str:
        if meaning not in self.given:
            name, count = wish, 1
            while name in self.taken or keyword.iskeyword(name):
                count += 1
                name = f"{wish}_{count}"
            self.taken[name], self.given[meaning] = meaning, name
        return self.given[meaning]

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        if isinstance(expr, Atom):
            raise ValueError(f"got the vector {expr.name} in a scalar; expected inner products; write `u @ v`")
        return self._give(expr, re.sub(r"\W", "_", expr.name))

    def _print_Inner(self, expr: Inner) -> str:
        for atom in expr.args:
            self.atom(atom)
        if expr in self.names or expr in self.given:
            return self._give(expr, self.names.get(expr, ""))
        self.unnamed += 1
        return self._give(expr, f"I{self.unnamed}")

    def _print_ChannelSum(self, expr: ChannelSum) -> str:
        body = self.scalar(expr.args[0])
        name = self._give(expr, f"S{1 + len(self.sums)}")
        self.sums[name] = body
        return name

    def _print_Function(self, expr: sp.Function) -> str:
        raise ValueError(f"got the function {expr.func.__name__}; expected + - * / **, sqrt and inner products")

    _print_Abs = _print_Function

    def emptyPrinter(self, expr: Any) -> str:
        raise ValueError(f"got {expr} ({type(expr).__name__}); expected + - * / **, sqrt and inner products")


def _hypothesis(hypothesis: Hypothesis, write: _Writer, own: Callable[[Any], Any]) -> dict[str, Any]:
    condition = hypothesis.condition
    out: dict[str, Any] = {
        "name": hypothesis.name, "statement": hypothesis.statement, "flag": hypothesis.flag, "condition": None,
    }  # fmt: skip
    if isinstance(condition, sp.core.relational.Relational):
        out["condition"] = {
            "left": write.scalar(own(condition.lhs)), "relation": condition.rel_op,
            "right": write.scalar(own(condition.rhs)),
        }  # fmt: skip
    out["sets"] = {}
    out["equations"] = []
    for given_subject, given_value in hypothesis.equations.items():
        subject, value = own(given_subject), own(given_value)
        left = write.atom(single_atom(subject)) if isinstance(subject, Vector) else write.scalar(subject)
        out["equations"].append({"left": left, "right": write.side(value)})
        if not isinstance(subject, Vector) and subject.is_Symbol:
            out["sets"][left] = write.side(value)
    return out


def _reason(reason: Reason, write: _Writer, own: Callable[[Any], Any] = lambda e: e) -> dict[str, Any]:
    def evidence(of: Any) -> Any:
        if isinstance(of, Vector):
            return write.vector(own(of))
        if isinstance(of, Reason):
            return _reason(of, write, own)
        if isinstance(of, Hypothesis):
            return of.name
        if isinstance(of, tuple):
            return [evidence(part) for part in of]
        return write.atom(of) if isinstance(of, Atom) else None if of is None else write.scalar(own(of))

    out = {"value": write.scalar(own(reason.value)), "because": reason.because, "of": evidence(reason.of)}
    return out if reason.exponent is None else out | {"exponent": str(reason.exponent)}


def _sign(symbol: sp.Symbol) -> str:
    if symbol == rho:
        return "between 0 and 1"
    if symbol.is_integer and symbol.is_positive:
        return "positive integer"
    return "positive" if symbol.is_positive else "nonnegative" if symbol.is_nonnegative else "real"


def _declared(operator: SelfAdjoint) -> str:
    return "positive semidefinite" if operator.nonnegative else "self-adjoint"
