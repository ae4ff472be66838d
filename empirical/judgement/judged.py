"""Measured sites of a network of one's own, each with its normaliser; the verdicts on them, and a table to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from bnverify.empirical.judgement.assertion import verdicts
from bnverify.empirical.judgement.verdict import Verdict
from bnverify.empirical.normalization.normalizers import Normalization
from bnverify.errors import InputError
from bnverify.theory import Claim


@dataclass(frozen=True)
class Measured:
    """What was measured at one site: quantities under the names of ``theory.QUANTITIES``, arrays of shape (K,), K the
    number of vectors, or (1,)."""

    normalization: Normalization
    quantities: Mapping[str, np.ndarray]


def judge(measured: Mapping[str, Measured], claims: Iterable[str | Claim] | None = None) -> dict[str, list[Verdict]]:
    """Verdicts by site: on the given claims, else on all that speak of the site's normaliser and can be measured there
    (see `bnverify.empirical.judgement.assertion.verdicts`)."""
    if not measured:
        raise InputError(got="no sites", expected="at least one", advice="measure a network with a normalisation")
    asked = None if claims is None else tuple(claims)
    return {
        site: verdicts({site: each.quantities}, each.normalization, asked, network=site)
        for site, each in measured.items()
    }


def table(measured: Mapping[str, Measured], judged: Mapping[str, list[Verdict]]) -> str:
    """One line a site: its normaliser, how many claims were tested, at how many points, violations and the worst
    residual with its claim. A claim that met no point inside its hypotheses is not counted as tested."""
    heads = ("site", "normaliser", "claims", "points", "violations", "worst residual", "of claim")
    rows: list[tuple[str, ...]] = [heads]
    for site, found in judged.items():
        tested = [verdict for verdict in found if verdict.points]
        counts = (len(tested), sum(v.points for v in tested), sum(v.violations for v in tested))
        worst = max(tested, key=lambda v: v.worst, default=None)
        last = ("-", "-") if worst is None else (f"{worst.worst:.1e}", worst.key)
        rows.append((site, measured[site].normalization.name, *map(str, counts), *last))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numeric = (False, False, True, True, True, True, False)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in rows
    )
