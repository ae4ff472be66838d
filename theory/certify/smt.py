"""A second opinion without Coq: z3 looks for real numbers at which a document's conclusion fails, and finds none.

An opinion is no certificate: z3 gives no proof a kernel would check, sees the scalar conclusion only, and takes the
squares of vectors for numbers. That the statement comes to that conclusion, that the premises can hold and that no
factor of a certificate is negative, the re-checker finds; what it refuses is not asked. It needs the extra ``smt``
(z3-solver).
"""

from __future__ import annotations

import ast
import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bnverify.theory.certify.document import Document, read, word_of
from bnverify.theory.certify.expressions import Refused, parse, rational
from bnverify.theory.proof.recheck import recheck

NONE, UNKNOWN, REFUSED = "no counterexample", "unknown", "refused"
_SECONDS = 5


class NoSolver(RuntimeError):
    """There is no z3 on this machine."""

    def __init__(self) -> None:
        super().__init__("got:      no z3\nexpected: the extra smt\ndo:       pip install 'bnverify[smt]'")


@dataclass(frozen=True)
class Opinion:
    """What z3 says of a document's conclusion, and why it was refused. Numbers at which it fails are no counterexample:
    inner products of vectors need not have them, and what a document says of vectors z3 does not see."""

    key: str
    answer: str
    seconds: float
    reason: str = ""

    def __bool__(self) -> bool:
        return self.answer == NONE

    def __str__(self) -> str:
        return f"{self.answer} ({self.seconds:.2f} s){': ' * bool(self.reason)}{self.reason}"

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def opinions(documents: Iterable[Mapping[str, Any]]) -> Iterator[Opinion]:
    """An opinion for each document, in order; NoSolver where there is no z3."""
    try:
        import z3
    except ImportError:
        raise NoSolver from None
    for document in documents:
        start = time.perf_counter()
        checked, reason = recheck(document), ""
        try:
            if not checked:
                raise Refused(checked.refused[0])
            answer = _Question(read(document), z3).answer(document["conclusion"])
        except (Refused, KeyError, TypeError) as error:
            answer, reason = REFUSED, str(error)
        yield Opinion(checked.key, answer, round(time.perf_counter() - start, 2), reason)


class _Question:
    """A document's conclusion, negated, with its signs and hypotheses, over the real numbers."""

    def __init__(self, doc: Document, z3: Any) -> None:
        self.doc, self.z3 = doc, z3
        self.numbers: dict[str, Any] = {}
        self.known: list[Any] = []

    def answer(self, conclusion: Mapping[str, str]) -> str:
        z3, doc = self.z3, self.doc
        left, right = self.read(conclusion["left"]), self.read(conclusion["right"])
        self.known += [self.read(a) == self.read(b) for a, b in doc.relations.items()]
        for hypothesis in doc.hypotheses:
            for condition in hypothesis.conditions:
                if isinstance(condition.right, str):
                    self.known.append(self._compare(condition.relation, condition.left, condition.right))
        fails = left != right if doc.statement.relation == "==" else self._fails(left, right)
        if self._check(fails) != z3.unsat:
            return UNKNOWN
        if self._check() == z3.unsat:
            raise Refused("what is assumed, and what is divided by or under a root, leaves no numbers")
        return NONE

    def _check(self, *more: Any) -> Any:
        """Whether real numbers fulfil what is known and more. A solver of its own: one asked twice is a weaker one."""
        solver = self.z3.Solver()
        solver.set("timeout", 1000 * _SECONDS)
        solver.add(*self.known, *more)
        return solver.check()

    def _fails(self, left: Any, right: Any) -> Any:
        """Where a bound fails, or its certificate does not add up."""
        return self.z3.Or(left > right, right - left != self._certificate())

    def _certificate(self) -> Any:
        """The sum of the certificate's products, of whose factors the re-checker found that none is negative."""
        total = self.z3.RealVal(0)
        for product in self.doc.certificate:
            term = self.z3.RealVal(1)
            for factor in product:
                value = self.read(factor["value"])
                self.known.append(value >= 0)
                term = term * value
            total = total + term
        return total

    def _compare(self, relation: str, left: str, right: str) -> Any:
        a, b = self.read(left), self.read(right)
        return {"==": a == b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[relation]

    def read(self, text: str) -> Any:
        return self._read(parse(text))

    def _read(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=number):
                return self.z3.RealVal(number)
            case ast.Name(id=name):
                return self._number(name)
            case ast.UnaryOp(operand=operand):
                return -self._read(operand)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                exponent = rational(right)
                base = self._read(left)
                if exponent == 0:
                    return self.z3.RealVal(1)
                for _ in range(exponent.denominator.bit_length() - 1):
                    base = self._root(base)
                power = base
                for _ in range(abs(exponent.numerator) - 1):
                    power = power * base
                return power if exponent > 0 else self._inverse(power)
            case ast.Call(args=[argument]):
                return self._root(self._read(argument))
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self._read(left), self._read(right)
                match op:
                    case ast.Add():
                        return a + b
                    case ast.Sub():
                        return a - b
                    case ast.Mult():
                        return a * b
                return a * self._inverse(b)
        raise Refused("no formula")

    def _root(self, radicand: Any) -> Any:
        root = self.z3.FreshReal("root")
        self.known += [root >= 0, root * root == radicand]
        return root

    def _inverse(self, value: Any) -> Any:
        self.known.append(value != 0)
        return 1 / value

    def _number(self, name: str) -> Any:
        doc = self.doc
        word = word_of(*doc.products[name]) if name in doc.products else None
        label = str(word) if word else name
        if label not in self.numbers:
            x = self.numbers[label] = self.z3.Real(label)
            sign = doc.signs.get(name, "positive integer" if name == "m" else "real")
            self.known += {
                "positive": [x > 0], "nonnegative": [x >= 0], "between 0 and 1": [x >= 0, x <= 1],
                "positive integer": [x >= 1],
            }.get(sign, [])  # fmt: skip
            if word is not None and word[0] == word[2] and not word[1]:
                self.known.append(x >= 0)
        return self.numbers[label]
