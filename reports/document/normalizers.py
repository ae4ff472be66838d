"""The normalizers as strings: what is divided by what, the backward pass, and whether a gradient can be enlarged."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from bnverify.reports.document import counterexample, formula
from bnverify.reports.document.prose import prose
from bnverify.theory import AUDIT, Example, Normalizer, Record, smoothing
from bnverify.theory.normalizers.smoothing import WORST_FACTORS, Answer

ABOUT = (
    r"Every normalizer is $\hat y = P y/s(y)$, where $P$ removes the mean or nothing, and $z = \gamma\hat y + \beta$. "
    r"With $n$ the gradient of the scale $s$, the gradient through it is "
    r"$v = \frac{\gamma}{s}(P g - \langle g, \hat y\rangle\, n)$."
)
QUESTIONS = (
    r"No enlargement says that $\lVert v\rVert \leq \frac{\gamma}{s}\lVert P g\rVert$ for every $g$ and $y$; the gain "
    r"is that of Theorem 4.1, $\lVert v\rVert^2 \leq \frac{\gamma^2}{s^2}(\lVert P g\rVert^2 - \frac{1}{m}\langle g, "
    r"\hat y\rangle^2)$. Beside what is proved stands the slack over $\frac{\gamma^2}{s^2}\langle g, \hat y\rangle^2$, "
    r"beside what is false a counterexample or the record of the audit that has it. The last column is the largest "
    r"$\lVert v\rVert$ over $\frac{\gamma}{s}\lVert P g\rVert$, or bounds on it. In batch renormalisation $\gamma r$ "
    r"takes the place of $\gamma$."
)


@dataclass(frozen=True)
class ShownNormalizer:
    """What it normalises over, with a note; its backward pass; two answers, each a verdict ("proved", "false", "open"),
    why, and the key of an audit record where that has the counterexample; the largest factor."""

    name: str
    over: str
    note: str
    n: str
    backward: tuple[str, ...]
    enlargement: tuple[str, str, str]
    gain: tuple[str, str, str]
    worst: str


def notes(rows: tuple[ShownNormalizer, ...]) -> list[tuple[str, str]]:
    """Every note with the names it holds for."""
    names: dict[str, list[str]] = {}
    for row in rows:
        if row.note:
            names.setdefault(row.note, []).append(row.name)
    return [(", ".join(found), note) for note, found in names.items()]


def shown_normalizer(normalizer: Normalizer) -> ShownNormalizer:
    """A normalizer with its answers, settled here and now."""
    over, _, note = normalizer.over.partition("; ")
    record = next((record for record in AUDIT.values() if _enlarges(record, normalizer)), None)
    if record is not None:  # with a gradient enlarged the gain fails as well
        enlargement = gain = ("false", "", record.key)
        worst = WORST_FACTORS.get(normalizer)
    else:
        found = smoothing(normalizer)
        enlargement, gain, worst = _settled(found.no_enlargement), _settled(found.gain), found.worst
    return ShownNormalizer(
        normalizer.name, prose(over), prose(note), f"${formula.latex(normalizer.n)}$",
        formula.expression(normalizer.backward, spelled=True), enlargement, gain, _worst(worst),
    )  # fmt: skip


def _enlarges(record: Record, normalizer: Normalizer) -> bool:
    """Whether the counterexample of a record is of this normalizer and has |v| > (gamma/s)|Pg|, exactly."""
    example = getattr(record.evidence, "counterexample", None)
    if not isinstance(example, Example) or example.normalizer is not normalizer:
        return False
    return bool(example.number("v_v") * example.s**2 > example.gamma**2 * example.number("Pg_Pg"))


def _settled(answer: Answer) -> tuple[str, str, str]:
    if answer.holds:
        return "proved", f"${formula.latex(answer.coefficient)}$", ""
    why = prose(answer.reason)
    if answer.counterexample is not None:
        why = counterexample.marked(answer.counterexample, matrices=False)
    return "open" if answer.holds is None else "false", why, ""


def _worst(worst: sp.Expr | tuple[sp.Expr, sp.Expr] | None) -> str:
    if worst is None:
        return "open"
    return " to ".join(map(_root, worst)) if isinstance(worst, tuple) else _root(worst)


def _root(value: sp.Expr) -> str:
    """The number, as a single square root where its square is rational in its symbols."""
    square = sp.expand(value**2)
    if square.is_rational_function() and not value.is_rational_function():
        return rf"$\sqrt{{{formula.latex(square)}}}$"
    return f"${formula.latex(value)}$"
