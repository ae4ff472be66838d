"""What the suite found: one finding a property, a table, the layer in words, and a status for the shell."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

HOLDS, VIOLATED, INACCURATE, UNTESTED = "holds", "violated", "inaccurate", "not tested"
OTHER_NUMBERS = "batch.any"  # where a layer refuses all other numbers of samples
LETTERS = (
    "z = gamma yhat + beta; g, v: the gradients at z and at y; G = gamma g; s: what is divided by, n: its gradient at "
    "y; a = <G, yhat>, rho = <n, yhat>."
)


@dataclass(frozen=True)
class Place:
    """Where a property was looked at: in which type, for how many samples and values a vector, how large the largest
    |y|, the largest deviation and the largest |g| are (None where no gradient was taken)."""

    dtype: str
    rows: int
    m: int
    y: float
    deviation: float
    g: float | None


@dataclass(frozen=True)
class Finding:
    """One property: its verdict, the residual with the tolerance it is held to, and what it means for a user.

    "inaccurate" is for answers that are no worse than the arithmetic chosen can be excused for, but much worse than it
    could give; they do not make a layer another one. "not tested" never counts as held. ``places``: where.
    """

    key: str
    title: str
    verdict: str
    residual: float = float("nan")
    tolerance: float = float("nan")
    meaning: str = ""
    places: tuple[Place, ...] = ()

    @property
    def numbers(self) -> tuple[str, str]:
        """Residual and tolerance for a table."""
        shown = ("-" if value != value else f"{value:.1e}" for value in (self.residual, self.tolerance))
        return next(shown), next(shown)


def judged(
    key: str, title: str, residual: float, tolerance: float, meaning: str, otherwise: str = VIOLATED,
    places: tuple[Place, ...] = (),
) -> Finding:  # fmt: skip
    """A finding that holds where the residual is within its tolerance (NaN is not)."""
    verdict = HOLDS if residual <= tolerance else otherwise
    return Finding(key, title, verdict, float(residual), float(tolerance), meaning, places)


def untested(key: str, title: str, why: str) -> Finding:
    """A property that could not be looked at."""
    return Finding(key, title, UNTESTED, meaning=why)


@dataclass(frozen=True)
class Report:
    """The suite's answer on one layer. True where every property that was tested holds and the essential ones were."""

    layer: str
    framework: str
    normalizer: str
    words: str
    findings: tuple[Finding, ...]
    claimed: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return not self.failed and not self.missing

    def __getitem__(self, key: str) -> Finding:
        return next(finding for finding in self.findings if finding.key == key)

    def of(self, verdict: str) -> tuple[Finding, ...]:
        """The findings with a verdict."""
        return tuple(finding for finding in self.findings if finding.verdict == verdict)

    @property
    def failed(self) -> tuple[Finding, ...]:
        """What is violated."""
        return self.of(VIOLATED)

    @property
    def missing(self) -> tuple[str, ...]:
        """Properties without which nothing is said of a layer, and which could not be tested."""
        tested = {finding.key for finding in self.findings if finding.verdict != UNTESTED}
        refused = {finding.key for finding in self.findings} & {OTHER_NUMBERS}
        return tuple(key for key in ("forward.values", "backward.values", *refused) if key not in tested)

    @property
    def status(self) -> int:
        """For the shell: 0 where all holds, 1 where a property fails or none could be tested."""
        return 0 if self else 1

    @property
    def verdict(self) -> str:
        """One line: the first failure by name, or that all that was tested holds."""
        if self.failed:
            first = self.failed[0]
            more = f" (and {len(self.failed) - 1} more)" if len(self.failed) > 1 else ""
            return f"violated: {first.title}{more}. {first.meaning}"
        if self.missing:
            titles = {finding.key: finding.title for finding in self.findings}
            said = ", ".join(titles.get(key, key) for key in self.missing)
            return f"not tested: {said}. Nothing is said of a layer without them."
        held, inexact = len(self.of(HOLDS)), len(self.of(INACCURATE))
        return f"{held} properties hold, {len(self.of(UNTESTED))} not tested" + (
            f", {inexact} inaccurate: {', '.join(f.title for f in self.of(INACCURATE))}." if inexact else "."
        )

    @property
    def reach(self) -> dict[str, dict[str, list[float]]]:
        """By type: the numbers of samples and of values a vector, and the least and the largest |y| (also of those with
        a gradient), deviation and |g|, each the largest of a call, of all calls whose property holds."""
        places = [place for finding in self.of(HOLDS) for place in finding.places]
        out: dict[str, dict[str, list[float]]] = {}
        for dtype in dict.fromkeys(place.dtype for place in places):
            here = [place for place in places if place.dtype == dtype]
            out[dtype] = {name: sorted({getattr(place, name) for place in here}) for name in ("rows", "m")}
            back = [place for place in here if place.g is not None]
            for key, of in (("y", here), ("y with g", back), ("deviation", here), ("g", back)):
                sizes = [size for place in of if (size := getattr(place, key.split()[0]))]
                out[dtype][key] = [min(sizes), max(sizes)] if sizes else []
        return out

    @property
    def tested(self) -> str:
        """The same in words."""
        said = []
        for dtype, reach in self.reach.items():
            counts = ", ".join(f"{n:,}" for n in reach["rows"])
            values = f"{reach['m'][0]:,}" + f" to {reach['m'][-1]:,}" * (len(reach["m"]) > 1)
            y, back, deviation, g = (
                " to ".join(dict.fromkeys(f"{size:.0e}" for size in reach[key]))
                for key in ("y", "y with g", "deviation", "g")
            )
            sizes = f"|y| {y}, deviations {deviation}" + (f", |g| {g}" if g else "")
            sizes += f" (gradients: |y| {back})" if back and back != y else ""
            said.append(f"in {dtype} {counts} samples, {values} values a vector, {sizes}")
        return f"Tested: {'; '.join(said)}. Nothing is said beyond." if said else "Tested: nothing."

    def table(self, width: int = 118) -> str:
        """What was tested, one property a line (or more, where what it means is long), what failed first; a meaning
        that is the one above is not said again. Below it what was not tested, by reason, and the letters."""
        order = {VIOLATED: 0, INACCURATE: 1, HOLDS: 2}
        findings = sorted((f for f in self.findings if f.verdict in order), key=lambda f: order[f.verdict])
        above = [None, *((f.verdict, f.meaning) for f in findings)]
        rows = [
            (f.title, *f.numbers, f.verdict, '"' if (f.verdict, f.meaning) == last else f.meaning)
            for f, last in zip(findings, above, strict=False)
        ]
        heads = ("property", "residual", "tolerance", "verdict", "what it means")
        widths = [max(len(str(row[i])) for row in (heads, *rows)) for i in range(4)]
        room = max(30, width - sum(widths) - 8)
        lines = []
        for row in (heads, *rows):
            first, *rest = textwrap.wrap(row[4], room) or [""]
            cells = [str(cell).ljust(size) for cell, size in zip(row[:4], widths, strict=True)]
            lines.append("  ".join([*cells, first]).rstrip())
            lines += [" " * (sum(widths) + 8) + more for more in rest]
        reasons: dict[str, list[str]] = {}
        for finding in self.of(UNTESTED):
            reasons.setdefault(finding.meaning, []).append(finding.title)
        notes = [f"not tested: {'; '.join(titles)} ({why})" for why, titles in reasons.items()]
        for note in (*notes, LETTERS):
            blank = [""] if note in (*notes[:1], LETTERS) else []
            lines += [*blank, *textwrap.wrap(note, width, subsequent_indent="  ")]
        return "\n".join(lines)

    def text(self, width: int = 118) -> str:
        """The table, the layer in words, and the verdict."""
        said = (textwrap.fill(each, width) for each in (self.words, self.tested, self.verdict))
        return "\n".join([f"{self.layer} ({self.framework})", "", self.table(width), "", *said])

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<{self.layer}: {self.words} {self.verdict}>"

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "layer": self.layer, "framework": self.framework, "normalizer": self.normalizer, "claimed": self.claimed,
            "words": self.words, "verdict": self.verdict, "status": self.status, "details": dict(self.details),
            "reach": self.reach,
            "findings": [
                {k: None if v != v else v for k, v in asdict(finding).items() if k != "places"}
                for finding in self.findings
            ],
        }  # fmt: skip
