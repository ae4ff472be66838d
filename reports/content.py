"""What the report says, in marked-up sentences and tables that no number was typed into; its look is elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from bnverify.empirical.judgement.verdict import Verdict, evaluate
from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run
from bnverify.reports import audit, formula, naming, setting
from bnverify.reports.alignment import overall_share
from bnverify.reports.families import Family, families
from bnverify.reports.panels import site_names
from bnverify.reports.prose import prose, verbatim
from bnverify.reports.setting import Table
from bnverify.reports.verdicts import met, verdicts_of
from bnverify.reports.wording import DASH, capital, counted, excluded, outcome, scientific, tightness, whole
from bnverify.theory import CLAIMS, QUANTITIES, Claim, Hypothesis, Proof, claims_for
from bnverify.theory.proof.claim import Step

PLACES = {"site": "site", "channel": "channel", "sample": "sampled channel", "layer": "layer"}


@dataclass(frozen=True)
class ShownStep:
    """A step of a proof with its display; ``seen_in`` is the claim whose proof already showed it, or empty."""

    step: Step
    display: tuple[formula.Row, ...]
    same: bool
    seen_in: str = ""


@cache
def _proved(claim: Claim) -> Proof:
    return claim.prove()


@dataclass(frozen=True)
class Content:
    """A run, its verdicts and the proofs, and everything the report derives from them."""

    run: Run

    @cached_property
    def verdicts(self) -> list[Verdict]:
        return verdicts_of(self.run)

    @cached_property
    def proofs(self) -> dict[str, Proof]:
        """Every claim proved here and now, in reading order; ProofError if one fails: then there is no report."""
        return {claim.key: _proved(claim) for family in self.families for claim in family.claims}

    @cached_property
    def families(self) -> tuple[Family, ...]:
        return families()

    @property
    def networks(self) -> list[str]:
        return [name for name in NETWORKS if name in self.run.exact or name in self.run.curves]

    @property
    def labels(self) -> dict[str, str]:
        """What the networks of this run are called."""
        return naming.labels(self.run.config)

    @cached_property
    def sites(self) -> dict[tuple[str, str, str], tuple[int, list[str]]]:
        """By claim, network and type: how many sites were recorded, and the names of those with a point."""
        out: dict[tuple[str, str, str], tuple[int, list[str]]] = {}
        for dtype, groups in (("float64", self.run.exact), ("float32", self.run.inline)):
            for network, records in groups.items():
                names = site_names([records]) if "site" in records.coords else []
                parts = {name: records.sel(site=[name]) for name in names}
                for verdict in (v for v in self.verdicts if (v.network, v.dtype) == (network, dtype) and v.points):
                    at = (evaluate(CLAIMS[verdict.key], part, network=network, dtype=dtype) for part in parts.values())
                    tested = [name for name, one in zip(parts, at, strict=True) if one is not None and one.points]
                    out[verdict.key, network, dtype] = len(names), tested
        return out

    @property
    def violated(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.violations]

    def abstract(self) -> list[str]:
        return [*self._derived(), audit.summary(), *self._trained(), *self._compared()]

    def _derived(self) -> Iterator[str]:
        bounds = sum(claim.relation == "<=" for claim in CLAIMS.values())
        steps = sum(len(proof) for proof in self.proofs.values())
        equalities = counted(len(CLAIMS) - bounds, "equality", "equalities")
        yield (
            f"{counted(len(CLAIMS), 'claim').capitalize()} about batch normalisation and its relatives are derived for "
            f"symbolic batch size $m$: {equalities} and {counted(bounds, 'upper bound')}."
        )
        yield (
            f"All {whole(len(self.proofs))} are proved when this report is built: in each of the {whole(steps)} steps "
            "of their proofs the difference of the two sides is exactly 0, and what an upper bound leaves over is "
            "written as a sum of products of non-negative factors."
        )

    def _trained(self) -> Iterator[str]:
        config, data = self.run.config, self.run.description["data"]
        names = " and one ".join(self.labels[name] for name in self.networks)
        comma = "," if len(self.networks) > 1 else ""
        kind = naming.network(config)
        wide = "" if naming.linear(config) else f" at width {setting.width(self.run)}"
        yield (
            f"The claims are then compared with {counted(len(self.networks), f'{kind} network')}{comma} one {names}, "
            f"trained{wide} for {counted(config.steps, 'step')} on {verbatim(data['name'])} data in batches of "
            f"{whole(config.batch)}."
        )
        for name in self.networks:
            step = self.run.diverged(name)
            if step is not None:
                yield (
                    f"The network {self.labels[name]} diverged: its loss is not finite from step {whole(step)} on; "
                    "points without a finite value are counted apart and never as passes."
                )

    def _compared(self) -> Iterator[str]:
        yield from met(self.verdicts, "the run holds", lambda v: f"{v.key}, {self.labels[v.network]}")
        tested = [verdict for verdict in self.verdicts if verdict.points]
        if not tested:
            return
        bounds = [v for v in tested if v.key == "theorem-4.1" and v.dtype == "float64" and tightness(v) != DASH]
        if bounds:
            ratios = " and ".join(f"{tightness(v)} {self.labels[v.network]}" for v in bounds)
            yield f"The median ratio of the bound of Theorem 4.1 to what was measured is {ratios}."
        apart = len(self.verdicts) - len(tested)
        if apart:
            yield (
                f"{counted(apart, 'comparison').capitalize()} of a claim with a network had no point inside the "
                "claim's hypotheses, and are listed as not tested."
            )

    def hypotheses(self) -> list[Hypothesis]:
        """All hypotheses of all claims, each once."""
        every = (h for claim in CLAIMS.values() for h in claim.hypotheses)
        return list({(h.name, h.statement): h for h in every}.values())

    def notation(self) -> Table:
        """Symbol, name, shape and meaning of every quantity that a claim uses."""
        used = {name for claim in CLAIMS.values() for name in claim.quantities}
        return [
            (f"${formula.symbol(name)}$", name, quantity.shape, prose(quantity.meaning))
            for name, quantity in QUANTITIES.items()
            if name in used
        ]

    def steps(self, room: float) -> dict[str, list[ShownStep]]:
        """The steps of every proof in rows at most ``room`` points wide; each is displayed where it first occurs."""
        seen: dict[tuple[str, str, str], str] = {}
        out: dict[str, list[ShownStep]] = {}
        for key, proof in self.proofs.items():
            out[key] = []
            for step in proof:
                left, right = formula.latex(step.left), formula.latex(step.right)
                first = seen.setdefault((step.name, left, right), key)
                if left == right:
                    rows = formula.expression_rows(step.left, room)
                else:
                    rows = formula.rows(step.left, "=", step.right, room)
                known = first if first != key and step is not proof.steps[-1] else ""
                out[key].append(ShownStep(step, tuple(rows), left == right, known))
        return out

    def reused(self, steps: list[ShownStep]) -> dict[str, list[str]]:
        """Which steps of a proof were displayed before, by the claim whose proof shows them."""
        by_claim: dict[str, list[str]] = {}
        for shown in steps:
            if shown.seen_in:
                by_claim.setdefault(shown.seen_in, []).append(prose(shown.step.name))
        return by_claim

    def certificate(self, claim: Claim, room: float) -> list[formula.Row]:
        """The slack of an upper bound as a sum of products, in rows; empty for an equality."""
        certificate = self.proofs[claim.key].certificate
        return [] if certificate is None else formula.certificate_rows(certificate.terms, room)

    def outcome(self, claim: Claim) -> list[str]:
        """One sentence for every network and precision the claim met, and for every network it did not."""
        found = [verdict for verdict in self.verdicts if verdict.key == claim.key]
        if not found:
            return ["Not on this run."]
        missing = [name for name in self.networks if not any(v.network == name for v in found)]
        return [f"{capital(self.labels[v.network])}, {v.dtype}: {outcome(v)}{self._where(v)}." for v in found] + [
            f"{capital(self.labels[name])}: {self._why_not(claim, name)}." for name in missing
        ]

    def _where(self, verdict: Verdict) -> str:
        """The sites with a point, the worst of them, and how tight the claim is."""
        count, tested = self.sites.get((verdict.key, verdict.network, verdict.dtype), (0, []))
        if not tested:
            return ""
        names = tested[0] if len(tested) == 1 else f"{tested[0]} to {tested[-1]}"
        names = ", ".join(tested) if 1 < len(tested) < min(count, 5) else names
        worst = verdict.worst_points[0]
        ratio = tightness(verdict)
        tight = "" if ratio == DASH or verdict.kind == "equality" else f"; right over left, median: {ratio}"
        return (
            f"; points at {len(tested)} of {counted(count, 'site')} ({verbatim(names)}), worst at step "
            f"{whole(worst.step)}, {verbatim(worst.site)}{tight}"
        )

    def _why_not(self, claim: Claim, network: str) -> str:
        """Why a claim met no record of a network."""
        spoken_of = claims_for(self.run.config.normalizer if network == "bn" else "batch")
        if claim not in spoken_of:
            return "the claim speaks of another normaliser"
        return "no record holds all of its quantities"

    def verdict_table(self) -> list[Table]:
        """By tested claim: key, network, type, points, violations, worst residual, tightness, status, counted apart."""
        tables: dict[str, Table] = {}
        tested = {verdict.key for verdict in self.verdicts if verdict.points}
        for verdict in (verdict for verdict in self.verdicts if verdict.key in tested):
            tables.setdefault(verdict.key, []).append((
                verdict.key, "with" if verdict.network == "bn" else "without", verdict.dtype,
                whole(verdict.points), whole(verdict.violations), scientific(verdict.worst), tightness(verdict),
                verdict.status, excluded(verdict),
            ))  # fmt: skip
        return [tables[key] for key in CLAIMS if key in tables]

    def measured(self) -> str:
        """How many claims held, were violated or not tested on this run, and how many were not measured at all."""
        by_claim: dict[str, set[str]] = {}
        for verdict in self.verdicts:
            by_claim.setdefault(verdict.key, set()).add(verdict.status)
        violated = sum("violated" in found for found in by_claim.values())
        held = sum("violated" not in found and "holds" in found for found in by_claim.values())
        untested = len(by_claim) - violated - held
        apart = f", {counted(untested, 'claim')} met no point inside {'its' if untested == 1 else 'their'} hypotheses"
        return (
            f"On this run {counted(held, 'claim')} held at every point, {counted(violated, 'claim')} "
            f"{'was' if violated == 1 else 'were'} violated{apart if untested else ''}, and "
            f"{counted(len(CLAIMS) - len(by_claim), 'claim')} {'was' if len(CLAIMS) - len(by_claim) == 1 else 'were'} "
            "not measured."
        )

    def untested(self) -> list[tuple[str, str]]:
        """Claims that were recorded and met no point inside their hypotheses, and why the points were counted apart."""
        tested = {verdict.key for verdict in self.verdicts if verdict.points}
        notes: dict[str, list[str]] = {}
        for verdict in self.verdicts:
            if verdict.key not in tested:
                where = f"{self.labels[verdict.network]}, {verdict.dtype}"
                notes.setdefault(verdict.key, []).append(f"{where}: {excluded(verdict) or 'no point'}")
        return [(key, ". ".join(notes[key])) for key in CLAIMS if key in notes]

    def unmeasured(self) -> list[tuple[str, list[str]]]:
        """By chapter the claims without any record on this run."""
        recorded = {verdict.key for verdict in self.verdicts}
        left = ((f.title, [c.key for c in f.claims if c.key not in recorded]) for f in self.families)
        return [(title, keys) for title, keys in left if keys]

    def violations(self) -> list[tuple[Verdict, Table]]:
        """For every violated claim the worst points: step, site, channel, both sides, residual."""
        return [
            (verdict, [
                (whole(p.step), verbatim(p.site), DASH if p.channel is None else str(p.channel),
                 f"{p.left:.9g}", f"{p.right:.9g}", scientific(p.residual))
                for p in verdict.worst_points if not p.residual <= verdict.tolerance
            ])
            for verdict in self.violated
        ]  # fmt: skip

    def observed(self) -> list[str]:
        """What was seen in this run and is asserted of nothing else."""
        sentences = []
        for name in self.networks:
            label = capital(self.labels[name])
            positive, live = overall_share(self.run, name)
            if live:
                sentences.append(
                    rf"{label}, the alignment $a = \langle g, \hat y\rangle$ is positive at {whole(positive)} of "
                    f"{whole(live)} points with a gradient ({positive / live:.0%}); the paper calls "
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
