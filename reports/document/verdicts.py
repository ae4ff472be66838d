"""The verdicts of a run, found once, and in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bnverify.empirical.judgement.verdict import Verdict
from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run
from bnverify.reports.document.prose import prose
from bnverify.reports.document.wording import counted, loose, scientific
from bnverify.theory import CLAIMS

Whom = Callable[[Verdict], str]


def places(run: Run) -> int:
    """At how many places quantities were recorded: a network, a type of numbers, a step, a site and a channel."""
    total = 0
    for records in (*run.exact.values(), *run.inline.values()):
        if "channels" in records:
            total += int(np.nan_to_num(records["channels"].values).sum())
    return total


def met(verdicts: Sequence[Verdict], count: int, whose: str, place: Whom) -> Iterator[str]:
    """How often claims were compared and at how many places, and how near the worst comes to its tolerance.

    ``whose``: the runs, as the subject of a sentence; ``place(verdict)`` says which claim is meant, and where."""
    tested = [verdict for verdict in verdicts if verdict.points]
    if not tested:
        yield f"No claim could be tested: {whose} no point inside any claim's hypotheses."
        return
    points, claims = sum(v.points for v in tested), len({v.key for v in tested})
    violations = sum(v.violations for v in tested)
    yield (
        f"Both sides of {counted(claims, 'claim')} were compared {counted(points, 'time')}, at "
        f"{counted(count, 'place')} "
        "(a network, a step, a site and a channel, each used by many claims and therefore not that many independent "
        f"checks); {counted(violations, 'violation')} {'was' if violations == 1 else 'were'} found."
    )
    for dtype in dict.fromkeys(v.dtype for v in tested):
        worst = max((v for v in tested if v.dtype == dtype), key=lambda v: np.nan_to_num(v.worst, nan=np.inf))
        yield (
            f"In {dtype} the worst residual is {scientific(worst.worst)} of the terms of its claim ({place(worst)}); "
            f"the tolerance is {scientific(worst.tolerance)}."
        )


def said(verdict: Verdict) -> str:
    """What became of a claim, in a word or two: a bound far above what it bounds is said to be loose."""
    return f"{verdict.status}, loose" if verdict.status == "holds" and loose(verdict) else verdict.status


def why_not(key: str, network: str, verdicts: Sequence[Verdict], spoken_of: Sequence[str]) -> str:
    """Why a claim was tested at no point of a network; empty where it was. ``spoken_of``: the keys of the claims that
    speak of the network's normalizer."""
    found = [v for v in verdicts if (v.key, v.network) == (key, network)]
    if any(v.points for v in found):
        return ""
    if found:
        reasons = dict.fromkeys(reason for v in found for reason in v.excluded)
        return prose(" and ".join(reasons)) or "no point"
    if key in CLAIMS and "steps" in CLAIMS[key].about:
        return "no steps of filters before its own batch norm were observed"
    return "the claim speaks of another normalizer" if key not in spoken_of else "a quantity was not recorded"


def networks_of(run: Run) -> list[str]:
    """The networks with records, in the order in which they are named everywhere."""
    return [name for name in NETWORKS if name in run.exact or name in run.curves]
