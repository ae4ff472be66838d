"""A proved claim as data: everything a reader needs to check the proof again, without this package.

Expressions are text in plain symbols. Inner products carry the names of the table of quantities (``I1``, ``I2``, ...
where it has none), sums over channels the names ``S1``, ``S2``, ..., other functions ``F1``, ``F2``, ...; the tables
of the document say what they are. Vectors are coefficients by atom; ``H v`` is the operator H on the atom v.
`bnverify.theory.proof.recheck` reads the document.
"""

from __future__ import annotations

import dataclasses
import json
import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp
from sympy.printing.str import StrPrinter

from bnverify.theory.algebra.vectors import Atom, Image, Inner, PairSum, SelfAdjoint, Vector, m, single_atom, substitute
from bnverify.theory.proof.claim import Claim, Derivation, Hypothesis
from bnverify.theory.proof.quantities import QUANTITIES, ChannelSum, distribute, rho
from bnverify.theory.proof.references import REFERENCES
from bnverify.theory.proof.signs import Reason, reasons

FORMAT = "bnverify proof 2"
_NAMES = {quantity.symbol: name for name, quantity in QUANTITIES.items()}
_CONSTANT = frozenset(quantity.symbol for quantity in QUANTITIES.values() if quantity.shape in ("site", "layer"))


def to_json(claim: Claim) -> dict[str, Any]:
    """Prove a claim and write statement, chain of steps, conclusion and certificate as plain data."""
    derivation = claim.derive()
    proof = dataclasses.replace(claim, derive=lambda: derivation).prove()
    write = _Writer()
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
        "chapter": "",
        "about": [],
        "statement": {
            "left": write.scalar(claim.left), "relation": claim.relation, "right": write.scalar(claim.right),
            "shape": claim.shape,
        },
        "hypotheses": [_hypothesis(hypothesis, write) for hypothesis in claim.hypotheses],
        "steps": [
            {"number": number, "name": step.name, "reason": step.reason,
             "left": write.side(step.left), "right": write.side(step.right)}
            for number, step in enumerate(derivation.steps, 1)
        ],
    }  # fmt: skip
    scalars, definitions = needed(claim, derivation)
    document["scalars"] = {write.name(symbol): write.scalar(value) for symbol, value in scalars.items()}
    document["definitions"] = {write.atom(atom): write.vector(value) for atom, value in definitions.items()}
    assumed = {symbol: value for h in claim.hypotheses for symbol, value in h.substitution.items()}
    left, right = (derivation.insert(side).subs(assumed) for side in (claim.left, claim.right))
    document["conclusion"] = {
        "number": len(derivation.steps) + 1, "left": write.scalar(left), "right": write.scalar(right),
    }  # fmt: skip
    document["certificate"] = None
    if proof.certificate is not None:
        products = [
            [reason for factor in factors for reason in reasons(factor, claim.hypotheses)]
            for factors in proof.certificate.terms
        ]
        document["certificate"] = {
            "slack": write.scalar(right - left),
            "products": [[_reason(reason, write) for reason in product] for product in products],
        }
    relations = _relations(claim, derivation, assumed)
    document["relations"] = {write.scalar(atom): write.scalar(value) for atom, value in relations.items()}
    document["normalizer"] = _normalizer(write) if any(atom.name == "yhat" for atom in write.atoms.values()) else None
    document |= write.tables()
    document["nonzero"] = _nonzero(document)
    return document


def _normalizer(write: _Writer) -> dict[str, Any]:
    from bnverify.theory.normalizers.normalizer import BATCH
    from bnverify.theory.proof.quantities import Y, epsilon, s

    return {"name": "batch", "values": "yhat", "centred": True, "projector": None, "gain": "gamma",
            "scale": write.scalar(BATCH.formula(Y)), "rho": write.scalar(1 - epsilon / s**2)}  # fmt: skip


def _nonzero(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    signs = {"positive": "declared sign", "positive integer": "declared sign"}
    text = json.dumps(document)
    return [{"value": name, "because": signs[sign], "of": name} for name, sign in document["symbols"].items()
            if sign in signs and name in text]  # fmt: skip


def dumps(claim: Claim) -> str:
    """The document as indented JSON text."""
    return json.dumps(to_json(claim), indent=1, ensure_ascii=False)


class _Writer(StrPrinter):
    """Writes expressions, giving out names and filling the tables of the document."""

    printmethod = "_plain"  # so that the expressions' own ways to print themselves are not used

    def __init__(self) -> None:
        super().__init__()
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
        facts, marks, operators = {}, {}, {}
        for name, atom in self.atoms.items():
            if atom.norm2 is not None and name != "1":
                facts[f"<{name}, {name}>"] = self.scalar(atom.norm2)
            if atom.total is not None and name != "1":
                facts[f"<1, {name}>"] = self.scalar(atom.total)
            if isinstance(atom, Image):
                operators[atom.operator.name] = {"space": atom.space, "is": _declared(atom.operator)}
            elif name != "1":
                marks[name] = {"space": atom.space, "entries": "nonnegative" if atom.entrywise else "any"}
        symbols = {name: _sign(symbol) for name, symbol in self.taken.items() if isinstance(symbol, sp.Symbol)}
        inner = {name: f"<{', '.join(self.atom(a) for a in product.args)}>"
                 for name, product in self.taken.items() if isinstance(product, Inner)}  # fmt: skip
        return {
            "symbols": symbols, "inner_products": inner, "sums_over_channels": self.sums,
            "functions": self.functions, "facts": facts,
            "vectors": marks, "operators": operators,
            "same_for_all_channels": [name for name, meaning in self.taken.items() if meaning in _CONSTANT],
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
        if expr in _NAMES or expr in self.given:
            return self._give(expr, _NAMES.get(expr, ""))
        self.unnamed += 1
        return self._give(expr, f"I{self.unnamed}")

    def _print_ChannelSum(self, expr: ChannelSum) -> str:
        body = self.scalar(expr.args[0])
        name = self._give(expr, f"S{1 + len(self.sums)}")
        self.sums[name] = body
        return name

    def _print_Function(self, expr: sp.Function) -> str:
        body = f"{expr.func.__name__}({', '.join(map(self.scalar, expr.args))})"
        name = self._give(expr, f"F{1 + len(self.functions)}")
        self.functions[name] = body
        return name

    _print_Abs = _print_Function

    def emptyPrinter(self, expr: Any) -> str:
        raise ValueError(f"got {expr} ({type(expr).__name__}); expected + - * / **, sqrt and inner products")


def _hypothesis(hypothesis: Hypothesis, write: _Writer) -> dict[str, Any]:
    condition = hypothesis.condition
    out: dict[str, Any] = {"name": hypothesis.name, "statement": hypothesis.statement, "flag": None, "condition": None,
                           "equations": []}  # fmt: skip
    if isinstance(condition, sp.core.relational.Relational):
        out["condition"] = {
            "left": write.scalar(condition.lhs), "relation": condition.rel_op, "right": write.scalar(condition.rhs)
        }  # fmt: skip
    out["sets"] = {write.name(k): write.scalar(v) for k, v in hypothesis.substitution.items()}
    return out


def needed(claim: Claim, derivation: Derivation) -> tuple[Mapping[sp.Expr, sp.Expr], dict[Atom, Vector]]:
    """Of what the derivation defines for scalars and for vectors, the part the statement speaks of."""
    sides = sp.Tuple(claim.left, claim.right)
    scalars = {symbol: value for symbol, value in derivation.scalars.items() if sides.has(symbol)}
    present = {atom for product in sides.xreplace(scalars).atoms(Inner) for atom in product.args}
    while images := {atom.preimage for atom in present if isinstance(atom, Image)} - present:
        present |= images
    definitions = {single_atom(vector): value for vector, value in derivation.definitions.items()}
    return scalars, {atom: value for atom, value in definitions.items() if atom in present}


def _relations(claim: Claim, derivation: Derivation, assumed: Mapping[sp.Expr, sp.Expr]) -> dict[sp.Expr, sp.Expr]:
    """What the normal forms of the derivation put for inner products, their powers and sums over channels.

    What they put by a hypothesis (``assumed``) is not listed again.
    """
    parts = [substitute(side.xreplace(dict(derivation.scalars)), derivation.definitions)
             for side in (claim.left, claim.right)]  # fmt: skip
    forms = [derivation.rewrite]
    if derivation.certificate is not None:
        parts.append(derivation.certificate.total)
        forms.append(derivation.certificate.normal_form)
    whole = sp.Tuple(*(distribute(part, constants) for part in parts for constants in ((), tuple(_CONSTANT))))
    found: dict[sp.Expr, sp.Expr] = {}

    def probe(atoms: Iterable[sp.Expr]) -> None:
        for atom in sorted(atoms, key=sp.default_sort_key):
            for form in forms:
                if form(atom).xreplace(assumed) != atom.xreplace(assumed):
                    found.setdefault(atom, form(atom))

    probe(whole.atoms(Inner, ChannelSum))
    probe(power for power in whole.atoms(sp.Pow) if isinstance(power.base, Inner) and power.base not in found)
    return found


def _reason(reason: Reason, write: _Writer) -> dict[str, Any]:
    def evidence(of: Any) -> Any:
        if isinstance(of, Vector):
            return write.vector(of)
        if isinstance(of, Reason):
            return _reason(of, write)
        if isinstance(of, Hypothesis):
            return of.name
        if isinstance(of, tuple):
            return [evidence(part) for part in of]
        return write.atom(of) if isinstance(of, Atom) else None if of is None else write.scalar(of)

    out = {"value": write.scalar(reason.value), "because": reason.because, "of": evidence(reason.of)}
    return out if reason.exponent is None else out | {"exponent": str(reason.exponent)}


def _sign(symbol: sp.Symbol) -> str:
    if symbol == rho:
        return "between 0 and 1"
    if symbol.is_integer and symbol.is_positive:
        return "positive integer"
    return "positive" if symbol.is_positive else "nonnegative" if symbol.is_nonnegative else "real"


def _declared(operator: SelfAdjoint) -> str:
    return "positive semidefinite" if operator.nonnegative else "self-adjoint"
