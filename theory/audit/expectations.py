r"""Evidence with an expectation: what is proved of every draw, and the mean of a stated number of seeded draws.

An expectation is not decided by draws. A mean is given with its standard error, and compared with a number that it has
to be away from, by more standard errors than chance leaves; what the record rests on is its ``base``, which is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

from bnverify.theory.audit.record import AuditError, Evidence, Record

STANDARD_ERRORS = 5.0
"""How many a mean must be away from what it is compared with: chance does that once in two million."""


@dataclass(frozen=True, eq=False)
class Expectation:
    """The mean of ``draw(random)`` over ``draws`` draws from one seed, claimed to be ``relation`` ("<", ">" or "~", the
    same as far as the error can tell) ``value``, which ``what`` names."""

    of: str
    draw: Callable[[Random], float]
    draws: int
    relation: str
    value: float
    what: str
    seed: int = 0

    @cached_property
    def found(self) -> tuple[float, float]:
        """Mean and standard error."""
        random = Random(self.seed)
        values = [self.draw(random) for _ in range(self.draws)]
        mean = math.fsum(values) / len(values)
        spread = math.fsum((x - mean) ** 2 for x in values) / (len(values) - 1)
        return mean, math.sqrt(spread / len(values))

    def holds(self) -> bool:
        """Whether the mean is where it is claimed to be; for "~" the error must be below a twentieth of the value."""
        mean, error = self.found
        apart = STANDARD_ERRORS * error
        match self.relation:
            case "<":
                return mean + apart < self.value
            case ">":
                return mean - apart > self.value
            case "~":
                return abs(mean - self.value) < apart < abs(self.value) / 4
        raise ValueError(f"got the relation {self.relation}; expected <, > or ~")

    def __str__(self) -> str:
        mean, error = self.found
        how = f"mean and standard error of {self.draws} draws, seed {self.seed}"
        return f"{self.of}: {mean:.4g} +- {error:.1g} ({how}) {self.relation} {self.value:.4g}, {self.what}"

    def to_json(self) -> dict[str, Any]:
        mean, error = self.found
        found = {"mean": f"{mean:.6g}", "standard error": f"{error:.2g}", "draws": self.draws, "seed": self.seed}
        return {"of": self.of, **found, "relation": self.relation, "value": f"{self.value:.6g}", "what": self.what}


@dataclass(frozen=True, eq=False)
class Measured:
    """Evidence beside which expectations were measured."""

    base: Evidence
    expectations: tuple[Expectation, ...]

    @property
    def at(self) -> Any:
        """The point of the base, if it has one."""
        return getattr(self.base, "at", None)

    @property
    def refutes(self) -> bool:
        return self.base.refutes

    @property
    def ours(self) -> str:
        return self.base.ours

    def check(self, record: Record) -> None:
        self.base.check(record)
        for one in self.expectations:
            if not one.holds():
                raise AuditError(f"{record.key}: not so: {one}")

    def lines(self) -> Iterator[str]:
        yield from self.base.lines()
        for one in self.expectations:
            yield f"Measured: {one}"

    def to_json(self) -> dict[str, Any]:
        return self.base.to_json() | {"measured": [one.to_json() for one in self.expectations]}
