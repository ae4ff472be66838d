"""The verdicts of a run, found once."""

from __future__ import annotations

from empirical.records import Run
from empirical.verdict import Verdict, verify


def verdicts_of(run: Run) -> list[Verdict]:
    """Every claim on every network; kept with the records that the run has loaded."""
    kept = run.__dict__
    if "verdicts" not in kept:
        kept["verdicts"] = verify(run)
    return kept["verdicts"]
