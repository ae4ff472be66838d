"""Check an exported proof from its JSON alone. Nothing of this package is imported: the document is all there is.

    python theory/proof/recheck.py proof.json

Checked: both sides of every step are identically equal; the statement with the document's definitions inserted is its
conclusion; an equality has equal sides; the slack of an inequality is the sum of the products given for it, and no
factor of them can be negative, for the reason given. Not checked, since only a derivation can say: that definitions
and facts describe the mathematics meant. They are what the verdict rests on, and are listed with it.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import sympy as sp

FORMAT = "bnverify proof 2"
FIELDS = {
    "format", "key", "title", "remark", "source", "about", "statement", "symbols", "vectors", "operators",
    "inner_products", "sums_over_channels", "functions", "same_for_all_channels", "normalizer", "hypotheses", "steps",
    "facts", "definitions", "scalars", "relations", "nonzero", "conclusion", "certificate",
}  # fmt: skip
_SIGNS = {"positive integer": {"positive": True, "integer": True}, "positive": {"positive": True},
          "nonnegative": {"nonnegative": True}, "between 0 and 1": {"nonnegative": True}, "real": {"real": True}
          }  # fmt: skip
_LONGEST, _HIGHEST = 100_000, 32  # characters and exponents an honest document stays below
_Sum = sp.Function("Sum_over_channels", real=True)


class Refused(ValueError):
    """Why a part of the document is not accepted."""


@dataclass(frozen=True)
class Recheck:
    """The verdict on a document: true if nothing was refused. ``rests_on`` lists what it takes as given.

    Read ``statement`` and ``rests_on``: that the one follows from the other is what was checked, and all that was.
    """

    key: str
    checked: tuple[str, ...]
    refused: tuple[str, ...]
    rests_on: tuple[str, ...]
    statement: str = ""

    def __bool__(self) -> bool:
        return not self.refused

    def __str__(self) -> str:
        lines = [f"{self.key}: {'checked' if self else 'REFUSED'}", f"  statement: {self.statement}"]
        lines += [f"  refused: {line}" for line in self.refused] or [f"  checked: {line}" for line in self.checked]
        return "\n".join(lines + [f"  rests on: {line}" for line in self.rests_on])


def recheck(document: Mapping[str, Any]) -> Recheck:
    """Check a document made by `bnverify.theory.proof.export`; whatever is malformed is refused like what is wrong."""
    checked: list[str] = []
    refused: list[str] = []
    given: tuple[str, ...] = ()
    stated: str = ""

    def attempt(what: str, check: Callable[[], Any]) -> Any:
        try:
            result = check()
        except Refused as reason:
            refused.append(f"{what}: {reason}")
        except Exception as error:  # what breaks a check has not passed it
            refused.append(f"{what}: malformed: {type(error).__name__}: {error}")
        else:
            checked.append(what)
            return result

    proof = attempt("the tables", lambda: _Proof(document))
    if proof is not None:
        for number, step in enumerate(proof.steps, 1):
            attempt(f"step {number}", partial(proof.step, step, number))
        attempt("the conclusion", proof.conclusion)
        given = tuple(attempt("what is given", lambda: list(proof.given())) or ())
        stated = attempt("the statement", proof.stated) or ""
    key = document.get("key") if isinstance(document, Mapping) else None
    return Recheck(str(key), tuple(checked), tuple(refused), given, stated)


class _Proof:
    """The tables of a document, read, and the checks that use them."""

    def __init__(self, document: Mapping[str, Any]):
        if document["format"] != FORMAT:
            raise Refused(f"got the format {document['format']!r}; expected {FORMAT!r}")
        if set(document) - {"chapter"} != FIELDS:
            raise Refused(f"got the fields {sorted(set(document) ^ FIELDS)}, missing or unknown")
        self.document = document
        self.steps: list[Mapping[str, Any]] = list(document["steps"])
        self.signs: dict[str, str] = dict(document["symbols"])
        self.names = {name: sp.Symbol(name, **_SIGNS[sign]) for name, sign in self.signs.items()}
        self.products: dict[sp.Symbol, tuple[str, str]] = {}
        self.facts: dict[sp.Symbol, sp.Expr] = {}
        for name, pair in document["inner_products"].items():
            symbol = self.symbol(*_pair(pair))
            if symbol in self.names.values() and " " not in "".join(_pair(pair)):
                raise Refused(f"the inner product {pair} has two names")
            self._name(name, symbol)
        self.facts = {self.symbol(*_pair(pair)): self.read(value) for pair, value in document["facts"].items()}
        self.facts[self.symbol("1", "1")] = self.names["m"]
        self.used: set[sp.Symbol] = set()
        for name, body in document["functions"].items():  # of which nothing is used but that equal ones are equal
            for argument in body.partition("(")[2].removesuffix(")").split(", "):
                self.read(argument)
            self._name(name, sp.Symbol(name, real=True))
        self.constants = {self.names[name] for name in document["same_for_all_channels"]}
        for name, body in document["sums_over_channels"].items():
            self._name(name, _Sum(self.read(body)))
        self.scalars = {self.names[name]: self.read(value) for name, value in document["scalars"].items()}
        self.vectors = {name: self.vector(value) for name, value in document["definitions"].items()}
        self.relations = {self.spread(self.read(k)): self.read(v) for k, v in document["relations"].items()}
        if not all(known.as_base_exp()[0].is_Symbol or isinstance(known, _Sum) for known in self.relations):
            raise Refused("a relation is not about one symbol, a power of it, or one sum")
        self.assumed = {self.names[name]: self.read(value)
                        for h in document["hypotheses"] for name, value in h["sets"].items()}  # fmt: skip

    def _name(self, name: str, meaning: sp.Expr) -> None:
        if name in self.names:
            raise Refused(f"the name {name!r} stands for two things")
        self.names[name] = meaning

    # Reading: text to expressions, atoms to inner products.

    def read(self, text: str) -> sp.Expr:
        return parse(text, self.names)

    def vector(self, coefficients: Mapping[str, str]) -> dict[str, sp.Expr]:
        return {atom: self.read(text) for atom, text in coefficients.items()}

    def symbol(self, a: str, b: str) -> sp.Symbol:
        """<a, b> as one symbol however it is written: symmetric, and every operator moves to the other side."""
        *outer, x = a.split()
        *inner, y = b.split()
        word = (*reversed(outer), *inner)
        first, operators, last = min((x, word, y), (y, word[::-1], x))
        symbol = sp.Symbol(f"<{first}, {' '.join((*operators, last))}>", real=True)
        self.products.setdefault(symbol, (a, b))
        return symbol

    def product(self, a: str, b: str) -> sp.Expr:
        symbol = self.symbol(a, b)
        self.used.add(symbol)
        return self.facts.get(symbol, symbol)

    def dot(self, u: Mapping[str, sp.Expr], v: Mapping[str, sp.Expr]) -> sp.Expr:
        return sp.Add(*(c * d * self.product(a, b) for a, c in u.items() for b, d in v.items()))

    # Inserting what the document defines, and deciding whether two expressions are one.

    def image(self, atom: str) -> Mapping[str, sp.Expr]:
        """An atom with the definitions inserted, also below operators."""
        if atom in self.vectors:
            return self.vectors[atom]
        operator, _, rest = atom.partition(" ")
        if not rest:
            return {atom: sp.Integer(1)}
        return {f"{operator} {name}": coefficient for name, coefficient in self.image(rest).items()}

    def insert(self, expression: sp.Expr) -> sp.Expr:
        """Scalars first, then vectors, bilinearly; then the relations and what the hypotheses set."""
        scalar = expression.xreplace(self.scalars)
        present = scalar.free_symbols & set(self.products)
        return self.settle(scalar.xreplace({p: self.dot(*map(self.image, self.products[p])) for p in present}))

    def settle(self, expression: sp.Expr) -> sp.Expr:
        known = sp.expand(self.spread(expression)).xreplace(self.relations) if self.relations else expression
        return known.xreplace(self.assumed)

    def spread(self, expression: sp.Expr) -> sp.Expr:
        """Linearity of the sum over channels: one sum a term, what does not depend on the channel in front."""
        if not expression.has(_Sum):
            return expression

        def linear(body: sp.Expr) -> sp.Expr:
            parts = (term.as_independent(*(term.free_symbols - self.constants), as_Add=False)
                     for term in sp.Add.make_args(sp.expand(body)))  # fmt: skip
            return sp.Add(*(outside * _Sum(inside) for outside, inside in parts))

        return sp.expand(sp.expand(expression).replace(_Sum, linear))

    def same(self, left: sp.Expr, right: sp.Expr) -> bool:
        """Whether left - right vanishes identically, as a rational function."""
        difference = self.spread(left - right).replace(_is_root, lambda e: sp.cancel(e.base) ** e.exp)
        numerator, denominator = map(sp.expand, sp.fraction(sp.together(difference)))
        return numerator == 0 and denominator != 0

    # The checks.

    def step(self, step: Mapping[str, Any], number: int) -> None:
        if step["number"] != number:
            raise Refused(f"it is numbered {step['number']}")
        if isinstance(step["left"], str):
            pairs = [("", self.read(step["left"]), self.read(step["right"]))]
        else:
            left, right = self.vector(step["left"]), self.vector(step["right"])
            zero = sp.Integer(0)
            pairs = [(f" at {k}", left.get(k, zero), right.get(k, zero)) for k in {**left, **right}]
        for where, a, b in pairs:
            if not self.same(a, b):
                raise Refused(f"the two sides are not equal{where}: {a} and {b}")

    def conclusion(self) -> None:
        statement, conclusion = self.document["statement"], self.document["conclusion"]
        if conclusion["number"] != len(self.steps) + 1:
            raise Refused(f"it is numbered {conclusion['number']} and follows {len(self.steps)} steps")
        for hypothesis in self.document["hypotheses"]:
            self.hypothesis(hypothesis)
        sides = {side: self.settle(self.read(conclusion[side])) for side in ("left", "right")}
        for side, written in sides.items():
            if not self.same(self.insert(self.read(statement[side])), written):
                raise Refused(f"the definitions inserted into the {side} side of the statement do not give it")
        if statement["relation"] == "==":
            if not self.same(sides["left"], sides["right"]):
                raise Refused("its two sides are not equal")
        elif statement["relation"] == "<=":
            self.certificate(self.document["certificate"], sides["right"] - sides["left"])
        else:
            raise Refused(f"got the relation {statement['relation']!r}; expected '==' or '<='")

    def hypothesis(self, hypothesis: Mapping[str, Any]) -> None:
        """What a hypothesis sets must fulfil its condition, where that is an equation."""
        condition = hypothesis["condition"]
        if hypothesis["sets"] and not (condition and condition["relation"] == "=="):
            raise Refused(f"the hypothesis {hypothesis['name']} sets something without an equation that says so")
        if hypothesis["sets"]:
            sides = (self.read(condition[side]).xreplace(self.assumed) for side in ("left", "right"))
            if not self.same(*sides):
                raise Refused(f"what the hypothesis {hypothesis['name']} sets does not fulfil it")

    def certificate(self, certificate: Mapping[str, Any], slack: sp.Expr) -> None:
        if not self.same(self.settle(self.read(certificate["slack"])), slack):
            raise Refused("the slack is not the right side minus the left")
        if not self.same(self.settle(self.total(certificate["products"])), slack):
            raise Refused("the slack is not the sum of the products")

    def total(self, products: Iterable[Iterable[Mapping[str, Any]]]) -> sp.Expr:
        return sp.Add(*(sp.Mul(*map(self.factor, factors)) for factors in products))

    def factor(self, factor: Mapping[str, Any]) -> sp.Expr:
        """The value of a factor; refused if it does not follow from the evidence that it is not negative."""
        value = self.read(factor["value"])
        shown = self.shown(factor, value)
        if shown is None or not self.same(shown, value):
            raise Refused(f"it does not follow that {factor['value']} is not negative: {factor['because']}")
        return value

    def shown(self, factor: Mapping[str, Any], value: sp.Expr) -> sp.Expr | None:
        """What the evidence of a factor shows to be non-negative; None if it shows nothing."""
        of, declared = (
            factor["of"],
            {"1": "no negative entry"}
            | {
                name: "no negative entry"
                for name, v in self.document["vectors"].items()
                if v["entries"] == "nonnegative"
            },
        )
        match factor["because"]:
            case "square":
                return _real(self.read(of)) ** 2
            case "squared norm":
                vector = {atom: _real(coefficient) for atom, coefficient in self.vector(of).items()}
                return self.dot(vector, vector)
            case "positive number":
                return value if value.is_Rational and value > 0 else None
            case "declared sign":
                base = value.as_base_exp()[0]
                return value if self.signs[of] != "real" and base == self.names[of] else None
            case "affine in a number between 0 and 1":
                x = self.names[of]
                affine = value.free_symbols == {x} and sp.expand(sp.diff(value, x, 2)) == 0
                known = self.signs[of] == "between 0 and 1"
                return value if affine and known and min(value.subs(x, 0), value.subs(x, 1)) >= 0 else None
            case "polynomial in a positive integer minus 1, no coefficient negative":
                x, known = self.names[of], self.signs[of] == "positive integer" and value.is_polynomial(self.names[of])
                shifted = sp.Poly(value.subs(x, x + 1), x).all_coeffs() if known else [sp.Integer(-1)]
                return value if all(c.is_Rational and c >= 0 for c in shifted) else None
            case "form of a positive semidefinite operator":
                operator, _, atom = of[1].partition(" ")
                known = self.document["operators"].get(operator, {}).get("is") == "positive semidefinite"
                return self.product(*of) if atom == of[0] and known else None
            case "inner product of vectors without negative entries":
                return self.product(*of) if all(declared.get(p) == "no negative entry" for p in of) else None
            case "sum over pairs of entries, none negative":
                known = declared.get(of) == "no negative entry"
                return self.product("1", of) ** 2 - self.product(of, of) if known else None
            case "hypothesis":
                return next((self.nonnegative(h) for h in self.document["hypotheses"] if h["name"] == of), None)
            case "sum over channels":
                return _Sum(self.total([of]))
            case "power":
                return self.total([of]) ** sp.Rational(Fraction(factor["exponent"]))
            case "sum":
                return self.total(of)
            case reason:
                raise Refused(f"got the reason {reason!r} for a sign, which is not a known one")

    def nonnegative(self, hypothesis: Mapping[str, Any]) -> sp.Expr | None:
        condition = hypothesis["condition"]
        if condition is None or condition["relation"] not in (">", ">=", "<", "<="):
            return None
        difference = self.read(condition["left"]) - self.read(condition["right"])
        return difference if condition["relation"].startswith(">") else -difference

    def given(self) -> Iterator[str]:
        """What the verdict rests on, in words."""
        document = self.document
        sums = {name: f"(sum over channels of {body})" for name, body in document["sums_over_channels"].items()}

        def readable(text: str) -> str:
            for meanings in (sums, document["functions"], document["inner_products"]):
                text = re.sub(r"\w+", partial(_meaning, meanings), text)
            return text

        yield from (f"{name}: {sign}" for name, sign in self.signs.items())
        yield from (f"{readable(name)} is the same for all channels" for name in document["same_for_all_channels"])
        used = ((pair, value) for pair, value in document["facts"].items() if self.symbol(*_pair(pair)) in self.used)
        yield from (f"{pair} = {value}" for pair, value in used)
        yield from (f"{name}: in R^({v['space']}), entries {v['entries']}" for name, v in document["vectors"].items())
        yield from (f"{name}: {v['is']} on {v['space']}" for name, v in document["operators"].items())
        for table in ("scalars", "relations"):
            yield from (f"{readable(name)} = {readable(value)}" for name, value in document[table].items())
        for name, vector in document["definitions"].items():
            terms = (f"({readable(text)}) {atom}" for atom, text in vector.items())
            yield f"{name} = " + (" + ".join(terms) or "0")
        for h in document["hypotheses"]:
            c, sets = h["condition"], h["sets"].items()
            condition = f" [{readable(c['left'])} {c['relation']} {readable(c['right'])}]" if c else ""
            setting = "".join(f"; sets {readable(name)} = {readable(value)}" for name, value in sets)
            yield f"hypothesis {h['name']}: {h['statement']}{condition}{setting}"

    def stated(self) -> str:
        """The statement with its inner products and sums spelled out."""
        document, statement = self.document, self.document["statement"]
        text = f"{statement['left']} {statement['relation']} {statement['right']}"
        sums = {name: f"(sum over channels of {body})" for name, body in document["sums_over_channels"].items()}
        for meanings in (sums, document["functions"], document["inner_products"]):
            text = re.sub(r"\w+", partial(_meaning, meanings), text)
        return text


def parse(text: str, names: Mapping[str, sp.Expr]) -> sp.Expr:
    """An expression in + - * / **, integers, sqrt and the given names. The text is read, never executed."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise Refused(f"expected an expression of at most {_LONGEST} characters")
    try:
        value = _read(ast.parse(text, mode="eval").body, names)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise Refused(f"{text[:80]!r} is no expression: {type(error).__name__}") from None
    if value.has(sp.I, sp.nan, sp.zoo, sp.oo, -sp.oo):
        raise Refused(f"{text[:80]!r} is not a real number everywhere")
    return value


def _read(node: ast.expr, names: Mapping[str, sp.Expr]) -> sp.Expr:
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return sp.Integer(number)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_read(operand, names)
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            terms = []
            while isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
                term = _read(node.right, names)
                terms.append(term if isinstance(node.op, ast.Add) else -term)
                node = node.left
            return sp.Add(_read(node, names), *terms)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _read(left, names) * _read(right, names)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _read(left, names) / _read(right, names)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            exponent = _read(right, names)
            if not exponent.is_Rational or abs(exponent) > _HIGHEST:
                raise Refused(f"got the exponent {exponent}; expected a number of at most {_HIGHEST}")
            return _read(left, names) ** exponent
        case ast.Call(func=ast.Name(id="sqrt"), args=[argument], keywords=[]):
            return sp.sqrt(_read(argument, names))
        case ast.Name(id=name):
            raise Refused(f"the name {name!r} is in no table")
    raise Refused(f"got {ast.unparse(node)[:80]!r}; expected + - * / **, integers, names and sqrt")


def _pair(text: str) -> tuple[str, str]:
    """The two atoms of "<a, b>"."""
    a, comma, b = text.removeprefix("<").removesuffix(">").partition(", ")
    if text != f"<{a}, {b}>" or not comma or not a.split() or not b.split():
        raise Refused(f"got {text!r}; expected an inner product <a, b>")
    return a, b


def _meaning(meanings: Mapping[str, str], word: re.Match) -> str:
    return meanings.get(word[0], word[0])


def _is_root(expression: sp.Basic) -> bool:
    return expression.is_Pow and not expression.exp.is_Integer


def _real(expression: sp.Expr) -> sp.Expr:
    """The expression, refused if a root in it could be imaginary: the square of that is negative."""
    if not all(root.base.is_nonnegative for root in expression.atoms(sp.Pow) if _is_root(root)):
        raise Refused(f"{expression} need not be real")
    return expression


def main(path: str) -> int:
    """Check the proof in a JSON file; 0 where it stands, 1 where it does not."""
    with open(path, encoding="utf-8") as file:
        verdict = recheck(json.load(file))
    print(verdict)
    return 0 if verdict else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
