"""The verdicts of a run, found once, and in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bnverify.empirical.judgement.verdict import Verdict, verify
from bnverify.empirical.runs.records import Run
from bnverify.reports.wording import counted, scientific


def verdicts_of(run: Run) -> list[Verdict]:
    """Every claim on every network; kept with the records that the run has loaded."""
    kept = run.__dict__
    if "verdicts" not in kept:
        kept["verdicts"] = verify(run)
    return kept["verdicts"]


def met(verdicts: Sequence[Verdict], whose: str, place: Callable[[Verdict], str]) -> Iterator[str]:
    """At how many points claims were compared, and how near the worst comes to its tolerance in each precision.

    ``whose``: the runs, as the subject of a sentence; ``place(verdict)`` says which claim is meant, and where."""
    tested = [verdict for verdict in verdicts if verdict.points]
    if not tested:
        yield f"No claim could be tested: {whose} no point inside any claim's hypotheses."
        return
    points, claims = sum(v.points for v in tested), len({v.key for v in tested})
    violations = sum(v.violations for v in tested)
    yield (
        f"At {counted(points, 'point')} of {counted(claims, 'claim')} both sides were measured; "
        f"{counted(violations, 'violation')} {'was' if violations == 1 else 'were'} found."
    )
    for dtype in dict.fromkeys(v.dtype for v in tested):
        worst = max((v for v in tested if v.dtype == dtype), key=lambda v: np.nan_to_num(v.worst, nan=np.inf))
        yield (
            f"In {dtype} the worst residual, relative to the terms of the claim, is {scientific(worst.worst)} "
            f"({place(worst)}), against a tolerance of {scientific(worst.tolerance)}."
        )
