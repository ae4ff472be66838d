r"""``audit_formula``: proved, refuted at the smallest exact counterexample, or undecided with what was searched."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sympy as sp

from bnverify.errors import InputError
from bnverify.theory.audit.evaluation import EXACT, RATIONAL, ROUGH, NotRational, Unclear, Undefined, evaluate, holds
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.points import LEVELS, Point, admitted, points, simpler
from bnverify.theory.audit.proving import prove
from bnverify.theory.audit.symbolic import Contradiction, Valueless

MOST_POINTS = 800  # of one level and size
NOT_ADMITTED, HOLDS, FAILS = "outside", "holds", "fails"


class Outcome(Enum):
    """What became of a formula; the value is the exit status of `bnverify audit`."""

    PROVED = 0
    REFUTED = 1
    UNDECIDED = 4


@dataclass(frozen=True)
class Answer:
    """The outcome and what it rests on: a proof and a point where all hypotheses hold, or a counterexample."""

    formula: Formula
    outcome: Outcome
    why: str
    searched: str
    counterexample: Point | None = None
    witness: Point | None = None
    left: Any = None
    right: Any = None

    def __str__(self) -> str:
        title = f"{self.formula.title}: " if self.formula.title else ""
        given = "".join(f"\n  given {text}" for text in self.formula.given)
        lines = [f"{title}{self.formula.claim}{given}"]
        if self.outcome is Outcome.PROVED:
            lines += [f"proved for every m >= {min(self.formula.sizes)}, wherever both sides are defined: {self.why}",
                      f"not empty: the hypotheses hold at {self.witness}"]  # fmt: skip
        elif self.outcome is Outcome.REFUTED:
            lines += [f"refuted at {self.counterexample}: left {show(self.left)}, right {show(self.right)}"]
        else:
            lines += [f"undecided: {self.why}"]
        return "\n".join([*lines, f"searched: {self.searched}"])

    def to_json(self) -> dict[str, Any]:
        """Plain data: numbers as text, vectors as lists."""
        f = self.formula
        return {
            "title": f.title, "source": f.source, "claim": f.claim, "given": list(f.given),
            "symbols": dict(f.symbols), "vectors": list(f.vectors), "define": dict(f.define), "sizes": list(f.sizes),
            "outcome": self.outcome.name.lower(), "why": self.why, "searched": self.searched,
            "counterexample": None if self.counterexample is None else self.counterexample.to_json(),
            "witness": None if self.witness is None else self.witness.to_json(),
            "left": None if self.left is None else plain(self.left),
            "right": None if self.right is None else plain(self.right),
        }  # fmt: skip


def plain(value: Any) -> Any:
    """A number as text, a vector as a list."""
    return [str(v) for v in value] if isinstance(value, tuple) else str(value)


def show(value: Any) -> str:
    """A number exactly, with a decimal where it is not rational; a vector in brackets."""
    if isinstance(value, tuple):
        return f"({', '.join(map(str, value))})"
    rational = sp.sympify(value)
    return str(rational) if rational.is_Rational else f"{rational} (about {float(rational):.4g})"


class _TimeUp(BaseException):
    """The time is up; not an Exception, so that no library takes it for its own."""


@contextmanager
def _alarm(seconds: float | None) -> Iterator[None]:
    main = threading.current_thread() is threading.main_thread()
    if seconds is None or not main or not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(signum: int, frame: object) -> None:
        raise _TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def status(formula: Formula, point: Point) -> str:
    """Whether the claim holds or fails at a point where every part is defined and every hypothesis holds.

    Rational points are decided in rational numbers; at others floating point is a filter and algebraic numbers decide.
    """
    if not admitted(formula, point):
        return NOT_ADMITTED
    try:
        return _status(formula, point, RATIONAL)
    except NotRational:
        pass
    rough = Point(point.size, {
        name: tuple(map(float, v)) if isinstance(v, tuple) else float(v) for name, v in point.values.items()
    })  # fmt: skip
    found = _status(formula, rough, ROUGH)
    return _status(formula, point, EXACT) if found == FAILS else found


def _status(formula: Formula, point: Point, mode: str) -> str:
    try:
        if not all(holds(premise, point.values, point.size, mode) for premise in formula.premises):
            return NOT_ADMITTED
        return HOLDS if holds(formula.relation, point.values, point.size, mode) else FAILS
    except (Undefined, Unclear, OverflowError, ZeroDivisionError):
        return NOT_ADMITTED


def _rational(formula: Formula, point: Point) -> bool:
    if not admitted(formula, point):
        return False
    try:
        return _status(formula, point, RATIONAL) == FAILS
    except NotRational:
        return False


class _Search:
    """Points seen so far."""

    def __init__(self, formula: Formula):
        self.formula = formula
        self.seen = self.inside = 0
        self.levels: list[int] = []
        self.witness: Point | None = None

    def run(self, levels: tuple[int, ...], most: int) -> Point | None:
        """The first counterexample, a rational one where the same level and size has one."""
        for level in levels:
            self.levels.append(level)
            for size in self.formula.sizes:
                algebraic = None
                for point in points(self.formula, level, size, most):
                    self.seen += 1
                    found = status(self.formula, point)
                    if found != NOT_ADMITTED:
                        self.inside += 1
                        self.witness = self.witness or point
                    if found == FAILS:
                        if _rational(self.formula, point):
                            return self._shrunk(point)
                        algebraic = algebraic or point
                if algebraic is not None:
                    return algebraic
        return None

    def _shrunk(self, point: Point) -> Point:
        """The counterexample with every number as simple as it can be made alone."""
        while True:
            smaller = next((p for p in simpler(self.formula, point) if _rational(self.formula, p)), None)
            if smaller is None:
                return point
            point = smaller

    def __str__(self) -> str:
        bound = max(self.levels, default=0)
        return (f"{self.seen} points with m in {{{', '.join(map(str, self.formula.sizes))}}} and numbers up to {bound} "
                f"in size; at {self.inside} of them everything is defined and every hypothesis holds")  # fmt: skip


def audit_formula(formula: Formula, *, seconds: float | None = 60, most: int = MOST_POINTS) -> Answer:
    """Search for a small counterexample, then for a proof, then further; undecided when neither is found in time."""
    _check_constants(formula)
    search = _Search(formula)
    try:
        with _alarm(seconds):
            return _decide(formula, search, most)
    except _TimeUp:
        return Answer(formula, Outcome.UNDECIDED, f"the time of {seconds:g} s is up", str(search),
                      witness=search.witness)  # fmt: skip


def _decide(formula: Formula, search: _Search, most: int) -> Answer:
    found = search.run(LEVELS[:2], most)
    if found is not None:
        return _refuted(formula, found, search)
    try:
        shown = prove(formula)
    except Contradiction as error:
        raise InputError(got=f"hypotheses that contradict one another: {error}", expected="hypotheses that can hold",
                         advice="correct or remove one") from None  # fmt: skip
    except Valueless as error:
        where = "where the hypotheses hold" if formula.given else "anywhere"
        raise InputError(got=f"a claim that has no value {where}: {error}", expected="a claim about numbers",
                         advice="look at its roots, logarithms and divisions") from None  # fmt: skip
    if shown is not None and search.witness is not None:
        return Answer(formula, Outcome.PROVED, shown.words, str(search), witness=search.witness)
    found = search.run(LEVELS[2:], most)
    if found is not None:
        return _refuted(formula, found, search)
    if search.witness is None:
        why = "no point was found at which all hypotheses hold, so a proof would say nothing"
    elif shown is not None:
        return Answer(formula, Outcome.PROVED, shown.words, str(search), witness=search.witness)
    else:
        why = "no counterexample among the points, and no proof by normal form or by a certificate"
    return Answer(formula, Outcome.UNDECIDED, why, str(search), witness=search.witness)


def _refuted(formula: Formula, point: Point, search: _Search) -> Answer:
    left, right = sides(formula, point)
    return Answer(formula, Outcome.REFUTED, "the smallest counterexample of the search", str(search),
                  counterexample=point, left=left, right=right)  # fmt: skip


def sides(formula: Formula, point: Point) -> tuple[Any, Any]:
    """Both sides of the claim at a point, exact."""
    left, right = (evaluate(side, point.values, point.size) for side in (formula.relation.left, formula.relation.right))
    return _simplified(left), _simplified(right)


def _simplified(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_simplified, value))
    return sp.radsimp(value) if isinstance(value, sp.Expr) else value


def _check_constants(formula: Formula) -> None:
    for premise in formula.premises:
        if premise.names():
            continue
        true = []
        for size in formula.sizes:
            try:
                true.append(holds(premise, {}, size))
            except (Undefined, Unclear):
                true.append(False)
        if not any(true):
            sizes = f" at every m of sizes = {list(formula.sizes)}" if premise.sized() else ""
            raise InputError(got=f"the hypothesis {premise.text!r}, which is false{sizes}",
                             expected="hypotheses that can hold",
                             advice="correct or remove it" + (", or list other sizes" if sizes else ""))  # fmt: skip
