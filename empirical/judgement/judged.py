"""Measured sites of a network of one's own, each with its normaliser; the verdicts on them, and a table to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from bnverify.empirical.judgement.compile import measured_names
from bnverify.empirical.judgement.verdict import Places, Verdict, completed, evaluate
from bnverify.empirical.measurement.measured import Measured
from bnverify.empirical.normalization.own_normalizer import claims_about
from bnverify.empirical.runs.records import FLAGS
from bnverify.errors import InputError
from bnverify.theory import CLAIMS, Claim

__all__ = ["Measured", "judge", "place", "table", "verdicts"]


def place(measured: Measured, site: str = "own") -> Places:
    """What was measured at one site, as it is judged."""
    rows = {name: np.asarray(value)[None] for name, value in measured.quantities.items()}
    flags = {name: rows[name].astype(bool) for name in FLAGS if name in rows}
    numbers = {name: rows[name].astype(float) for name in rows if name not in FLAGS and name != "vector"}
    return Places((0,), {site: completed(numbers, flags, rows.get("vector"))}, measured.normalization.arrangement.noun)


def verdicts(
    measured: Measured, claims: str | Claim | Iterable[str | Claim] | None = None, *, network: str = "own",
    site: str = "own",
) -> list[Verdict]:  # fmt: skip
    """Verdicts on one site, in the precision its layer computed in.

    ``claims``: a key, a claim, or several; None stands for all that speak of the normaliser and whose quantities were
    measured. InputError where a claim that is asked for speaks of quantities that were not measured.
    """
    at, out = place(measured, site), []
    for claim in wanted(measured, claims):
        verdict = evaluate(claim, at, network=network, dtype=measured.dtype)
        if verdict is not None:
            out.append(verdict)
        elif claims is not None:
            (quantities,) = at.sites.values()
            missing = [name for name in measured_names(claim) if name not in quantities]
            reasons = "; ".join(f"{who}: {why}" for who, why in measured.missing.items())
            raise InputError(
                got=f"no {', '.join(missing)} among what was measured, for claim {claim.key}",
                expected="claims about the values, derivatives and parameters at a normalisation",
                advice=reasons or "leave it out; claims that speak of a layer's weights or of a whole run need a run",
            )
    return out


def wanted(measured: Measured, claims: str | Claim | Iterable[str | Claim] | None) -> list[Claim]:
    """The claims that are asked for, or all about the normaliser."""
    if claims is None:
        return list(claims_about(measured.normalization))
    several = (claims,) if isinstance(claims, (str, Claim)) or not isinstance(claims, Iterable) else tuple(claims)
    for each in several:
        if not isinstance(each, (str, Claim)):
            raise InputError(
                got=f"{each!r} among the claims", expected="keys of claims, or claims",
                advice="leave claims out for all that can be tested; bnverify theory lists them",
            )  # fmt: skip
    return [CLAIMS[each] if isinstance(each, str) else each for each in several]


def judge(measured: Mapping[str, Measured], claims: Iterable[str | Claim] | None = None) -> dict[str, list[Verdict]]:
    """Verdicts by site: on the given claims, else on all that speak of the site's normaliser and can be measured there
    (see `verdicts`)."""
    if not measured:
        raise InputError(got="no sites", expected="at least one", advice="measure a network with a normalisation")
    asked = claims if claims is None or isinstance(claims, (str, Claim)) else tuple(claims)
    return {site: verdicts(each, asked, network=site, site=site) for site, each in measured.items()}


def table(measured: Mapping[str, Measured], judged: Mapping[str, list[Verdict]]) -> str:
    """One line a site: its normaliser, how many claims were tested, at how many points, violations and the worst
    residual with its claim. A claim that met no point inside its hypotheses is not counted as tested. What looks like
    a normalisation and was not measured follows, with the reason."""
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
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in rows
    ]
    skipped: Mapping[str, Any] = getattr(measured, "skipped", {})
    return "\n".join(lines + [f"not measured: {name} ({reason})" for name, reason in skipped.items()])
