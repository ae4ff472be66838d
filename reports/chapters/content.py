"""What the report of a run says of its verdicts, in marked-up sentences and tables that no number was typed into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bnverify.empirical.judgement.verdict import Verdict, verdicts_of
from bnverify.empirical.runs.records import Run
from bnverify.reports.chapters import subtracted
from bnverify.reports.chapters.certificates import certificates
from bnverify.reports.chapters.families import Family, families
from bnverify.reports.document import naming, setting
from bnverify.reports.document.audited import ORDER, STANDS
from bnverify.reports.document.derived import Derived, ShownClaim, derived
from bnverify.reports.document.prose import verbatim
from bnverify.reports.document.verdicts import met, networks_of, places, said, why_not
from bnverify.reports.document.wording import DASH, capital, counted, excluded, outcome, scientific, tightness, whole
from bnverify.reports.figures.alignment import overall_share
from bnverify.theory import claims_for

NORMALISED = "bn"  # the network with a normalizer
OURS = "this work"  # the reference of what no publication states


@dataclass(frozen=True)
class Content:
    """A run, its verdicts and the proofs, and everything the report derives from them."""

    run: Run

    @cached_property
    def verdicts(self) -> list[Verdict]:
        return verdicts_of(self.run)

    @cached_property
    def derived(self) -> Derived:
        """Every claim proved and every record checked; where one fails there is no report."""
        return derived()

    @cached_property
    def certificates(self) -> dict[str, str]:
        """What Coq's kernel said of claims, by key."""
        return certificates(self.derived)

    @cached_property
    def families(self) -> tuple[Family, ...]:
        return families(self.derived.claims)

    @property
    def networks(self) -> list[str]:
        return networks_of(self.run)

    @property
    def labels(self) -> dict[str, str]:
        """What the networks of this run are called."""
        return naming.labels(self.run.config)

    @cached_property
    def tested(self) -> frozenset[str]:
        """Keys of the claims that were compared at a point of some network."""
        return frozenset(verdict.key for verdict in self.verdicts if verdict.points)

    @property
    def violated(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.violations]

    def spoken_of(self, network: str) -> frozenset[str]:
        """Keys of the claims that speak of what stands in a network."""
        name = self.run.config.normalizer if network == NORMALISED else "batch"
        return frozenset(claim.key for claim in claims_for(name))

    def why_not(self, key: str, network: str) -> str:
        """Why a claim was tested at no point of a network; empty where it was."""
        return why_not(key, network, self.verdicts, tuple(self.spoken_of(network)))

    # The first page.

    def abstract(self) -> list[str]:
        """What is proved, what was measured, and what was not: a paragraph each."""
        seen = (subtracted.sentence(self.run),)
        parts = (self._derived(), (*self._trained(), *self._compared()), seen, self._printed_untested())
        return [told for part in parts if (told := " ".join(part))]

    def _derived(self) -> Iterator[str]:
        claims, records = self.derived.claims, self.derived.audited
        bounds = sum(claim.relation == "<=" for claim in claims)
        yield (
            f"{counted(len(claims), 'claim').capitalize()} about batch normalisation and its relatives are derived and "
            f"proved for every batch size $m$ ({counted(len(claims) - bounds, 'equality', 'equalities')} and "
            f"{counted(bounds, 'upper bound')}), and {counted(len(records), 'printed statement')} are audited: "
            f"{self.audited()}."
        )
        steps = [step for claim in claims for step in claim.steps]
        same = sum(step.same for step in steps)
        yield (
            f"Of the {whole(len(steps))} steps of the proofs, {whole(len(steps) - same)} equate two expressions that "
            f"differ and whose difference a computer algebra brings to 0; in {whole(same)} both sides come out as the "
            "same expression once their definitions are inserted."
        )

    def audited(self) -> str:
        """How many records have which verdict, in the order in which verdicts are defined."""
        counts = Counter(record.verdict for record in self.derived.audited)
        return ", ".join(f"{counts[verdict]} {verdict}" for verdict in ORDER if counts[verdict])

    def _trained(self) -> Iterator[str]:
        config, data = self.run.config, self.run.description["data"]
        if self.run.watched:
            exact = self.run.exact.get(NORMALISED)
            moments = counted(0 if exact is None else len(exact["step"]), "moment")
            norm = naming.normalizer(config.normalizer)
            yield f"The claims are then compared with a network of one's own with {norm} at {moments} of its training."
            return
        lacks = f"it lacks {counted(len(gaps), 'record')}" if (gaps := self.run.missing()) else ""
        if not self.networks:
            yield f"They are compared with nothing: the run holds no record{f', {lacks}' if lacks else ''}."
            return
        names = " and one ".join(self.labels[name] for name in self.networks)
        comma = "," if len(self.networks) > 1 else ""
        words = naming.words(config)
        wide = f" at width {setting.width(self.run)}" if words.width else ""
        kind = f"{naming.network(config)} network"
        yield (
            f"The claims are then compared with {counted(len(self.networks), kind)}{comma} one "
            f"{names}, trained{wide} for {counted(config.steps, 'step')} on {verbatim(data['name'])} data in batches "
            f"of {whole(config.batch)}."
        )
        if lacks:
            yield f"The run is incomplete: {lacks}."
        for name in self.networks:
            step = self.run.diverged(name)
            if step is not None:
                yield (
                    f"The network {self.labels[name]} diverged: its loss is not finite from step {whole(step)} on; "
                    "points without a finite value are counted apart and never as passes."
                )

    def _compared(self) -> Iterator[str]:
        whose = "the run holds"
        yield from met(self.verdicts, places(self.run), whose, lambda v: f"{v.key}, {self.labels[v.network]}")

    def _printed_untested(self) -> Iterator[str]:
        """Which statements of the literature say nothing about the network with a normalizer, and why."""
        by_key = self.derived.by_key
        told = []
        for reason, keys in self.untested_on(NORMALISED).items() if NORMALISED in self.networks else ():
            places: dict[str, dict[str, None]] = {}
            for claim in (by_key[key] for key in keys if by_key[key].reference != OURS):
                places.setdefault(claim.reference, {})[claim.place] = None
            printed = "; ".join(f"{', '.join(found)} of {reference}" for reference, found in places.items())
            told += [f"{printed} ({reason})"] if printed else []
        if told:
            yield (
                f"Statements of the literature that were not tested on the network {self.labels[NORMALISED]}, and "
                f"why: {'; '.join(told)}."
            )

    def untested_on(self, network: str) -> dict[str, list[str]]:
        """Keys of the claims that speak of what stands in a network and met no point of it, by reason."""
        out: dict[str, list[str]] = {}
        spoken_of = self.spoken_of(network)
        for claim in self.derived.claims:
            reason = self.why_not(claim.key, network) if claim.key in spoken_of else ""
            if reason:
                out.setdefault(reason, []).append(claim.key)
        return out

    def overview(self) -> list[tuple[Family, tuple[str, ...]]]:
        """By chapter: how the statements printed there fare, how many claims are proved, what the two networks met, the
        worst residual over its tolerance, and how far the bounds lie above what they bound."""
        return [(family, self._row(family)) for family in self.families]

    def _row(self, family: Family) -> tuple[str, ...]:
        keys = {claim.key for claim in family.claims}
        printed = Counter(r.verdict for r in self.derived.records if r.claims[0] in keys)
        fares = ", ".join(f"{count} {verdict}" for verdict in ORDER if (count := printed[verdict]))
        here = [v for v in self.verdicts if v.key in keys]
        cells = [self._met(family, [v for v in here if v.network == name]) for name in self.networks]
        shares = [v.worst / v.tolerance for v in here if v.points]
        worst = scientific(float(np.max(np.nan_to_num(shares, nan=np.inf)))) if shares else DASH
        ratios = [v.tightness for v in here if v.kind != "equality" and tightness(v) != DASH]
        span = " to ".join(dict.fromkeys(f"{r:.3g}" for r in (min(ratios), max(ratios)))) if ratios else DASH
        return fares or DASH, str(len(keys)), *cells, worst, span

    def _met(self, family: Family, verdicts: list[Verdict]) -> str:
        points = sum(v.points for v in verdicts)
        if not points:
            return "not tested"
        violated = sum(v.violations for v in verdicts)
        claims = len({v.key for v in verdicts if v.points})
        return f"violated at {whole(violated)} of {whole(points)}" if violated else f"{claims} hold, {whole(points)}"

    # Verdicts.

    def outcome(self, claim: ShownClaim) -> list[str]:
        """One sentence for every network and precision the claim met, and for every network it did not."""
        found = [verdict for verdict in self.verdicts if verdict.key == claim.key]
        missing = [name for name in self.networks if not any(v.network == name for v in found)]
        if not found and len({self.why_not(claim.key, name) for name in missing}) == 1:
            return [f"Not on this run: {self.why_not(claim.key, missing[0])}."]
        return [f"{capital(self.labels[v.network])}, {v.dtype}: {outcome(v)}{self._where(v)}." for v in found] + [
            f"{capital(self.labels[name])}: not tested, {self.why_not(claim.key, name)}." for name in missing
        ]

    def _where(self, verdict: Verdict) -> str:
        """Where the worst point is, and how tight a bound is."""
        if not verdict.points:
            return ""
        worst = verdict.worst_points[0]
        ratio = tightness(verdict)
        tight = "" if ratio == DASH or verdict.kind == "equality" else f"; right over left, median: {ratio}"
        return f"; worst at step {whole(worst.step)}, {verbatim(worst.site)}{tight}"

    def verdict_table(self) -> list[list[tuple[str, ...]]]:
        """By tested claim: key, network, type, points, violations, worst residual, tightness, status, counted apart."""
        tables: dict[str, list[tuple[str, ...]]] = {}
        for verdict in (verdict for verdict in self.verdicts if verdict.key in self.tested):
            tables.setdefault(verdict.key, []).append((
                verdict.key, "with" if verdict.network == NORMALISED else "without", verdict.dtype,
                whole(verdict.points), whole(verdict.violations), scientific(verdict.worst), tightness(verdict),
                said(verdict), excluded(verdict),
            ))  # fmt: skip
        return [tables[claim.key] for claim in self.derived.claims if claim.key in tables]

    def measured(self) -> str:
        """How many claims held, were violated or not tested on this run, and how many were not measured at all."""
        by_claim: dict[str, set[str]] = {}
        for verdict in self.verdicts:
            by_claim.setdefault(verdict.key, set()).add(verdict.status)
        violated = sum("violated" in found for found in by_claim.values())
        held = sum("violated" not in found and "holds" in found for found in by_claim.values())
        untested = len(by_claim) - violated - held
        left = len(self.derived.claims) - len(by_claim)
        apart = f", {counted(untested, 'claim')} met no point inside {'its' if untested == 1 else 'their'} hypotheses"
        return (
            f"On this run {counted(held, 'claim')} held at every point, {counted(violated, 'claim')} "
            f"{'was' if violated == 1 else 'were'} violated{apart if untested else ''}, and {counted(left, 'claim')} "
            f"{'was' if left == 1 else 'were'} not measured."
        )

    def violations(self) -> list[tuple[Verdict, list[tuple[str, ...]]]]:
        """For every violated claim the worst points: step, site, channel, both sides, residual."""
        return [
            (verdict, [
                (whole(p.step), verbatim(p.site), DASH if p.channel is None else str(p.channel),
                 f"{p.left:.9g}", f"{p.right:.9g}", scientific(p.residual))
                for p in verdict.worst_points if not p.residual <= verdict.tolerance
            ])
            for verdict in self.violated
        ]  # fmt: skip

    # What was seen.

    def observed(self) -> list[str]:
        """What was seen in this run and is asserted of nothing else."""
        sentences = []
        for name in self.networks:
            label = capital(self.labels[name])
            positive, live = overall_share(self.run, name)
            if live:
                sentences.append(
                    rf"{label}, the alignment $a = \langle g, \hat y\rangle$ is positive at {whole(positive)} of "
                    f"{whole(live)} places with a gradient ({positive / live:.0%}); the paper calls "
                    r"$\langle g, \hat y\rangle > 0$ a mild assumption."
                )
            records = self.run.exact.get(name)
            if records is not None and "test_accuracy" in records:
                accuracy, step = float(records["test_accuracy"].values[-1]), int(records["step"].values[-1])
                sentences.append(
                    f"{label}, {accuracy:.1%} of the test images looked at are classified correctly at step "
                    f"{whole(step)}."
                )
            if records is not None and "test_loss" in records:
                loss, step = float(records["test_loss"].values[-1]), int(records["step"].values[-1])
                sentences.append(f"{label}, the loss of the test is {loss:.4g} at step {whole(step)}.")
            if name in self.run.ray:
                sentences.append(self._ray(name))
        return sentences

    def _ray(self, name: str) -> str:
        """Lemma 4.5 on the trained network: what moving every filter along its ray changes."""
        here = self.run.ray[name].isel(step=-1)
        filters, acute = int(here["filters"].sum()), int(here["acute"].sum())
        change = abs(float(here["ray_loss"] - here["plain_loss"]) / float(here["plain_loss"]))
        gap = float(here["gradient_gap"].max(skipna=False))
        return (
            rf"Lemma 4.5 on the trained network {self.labels[name]}, with a matched batch norm inserted at every site: "
            rf"{whole(acute)} of {counted(filters, 'filter')} make an acute angle with their initial values; "
            rf"multiplying each of them by the $k$ nearest to those changes the loss by {scientific(change)} of "
            rf"itself, and the gradient of a filter, times $k$, by at most {scientific(gap)} of itself."
        )


def stands(verdict: str) -> bool:
    """Whether a printed statement with this verdict may be used, under a hypothesis perhaps."""
    return verdict in STANDS
