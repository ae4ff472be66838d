r"""Findings of an experiment beside what was published: agree, differ, mixed, or not comparable; never asserted.

Every comparison is of numbers stored in the runs. Two separately trained networks are compared here as the papers
compare them; no theorem says how such a comparison ends. Runs in other settings than the published ones are shown, with
the settings that differ, and not compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnverify.empirical.experiments.comparable import differing, settings
from bnverify.empirical.experiments.experiments import Experiment, Published
from bnverify.empirical.experiments.statements import TESTS, Missing, Runs, Seen, last_loss, score
from bnverify.empirical.experiments.subtracted import medians
from bnverify.empirical.runs.records import Run

__all__ = [
    "AGREE", "DIFFER", "MIXED", "NOT_COMPARABLE", "Finding", "Runs", "Seen", "by_seed", "findings",
    "findings_json", "last_loss",
    "published_settings", "score", "verdict",
]  # fmt: skip
AGREE, DIFFER, MIXED, NOT_COMPARABLE = "agree", "differ", "mixed", "not comparable"


@dataclass(frozen=True)
class Finding:
    """One published statement and what the runs show: ``verdict`` is "agree", "differ", "mixed" (phases or seeds say
    otherwise), or "not comparable", with the settings that ``differ``."""

    published: Published
    ours: str
    verdict: str
    differ: tuple[str, ...] = ()
    seen: tuple[Seen, ...] = ()

    @property
    def seeds(self) -> int:
        """How many seeds were seen."""
        return len(self.seen)


def findings(experiment: Experiment, runs: Mapping[str, Run | Sequence[Run]]) -> tuple[Finding, ...]:
    """What was published about an experiment, each compared with its runs by label: one a label, or one a seed."""
    return tuple(_find(experiment, published, by_seed(runs)) for published in experiment.published)


def by_seed(runs: Mapping[str, Run | Sequence[Run]]) -> tuple[dict[str, Run], ...]:
    """Runs by label, once for every seed that all labels have."""
    lists = {label: [one] if isinstance(one, Run) else list(one) for label, one in runs.items()}
    count = min((len(members) for members in lists.values()), default=0)
    return tuple({label: members[i] for label, members in lists.items()} for i in range(count))


def published_settings(experiment: Experiment, published: Published, label: str) -> Mapping[str, Any]:
    """The settings a statement was published for: those it states, or those of the experiment at the scale "paper"."""
    if published.stated is not None:
        return published.stated
    return settings(experiment.paper[label]) if label in experiment.paper else {}


def _find(experiment: Experiment, published: Published, seeds: tuple[dict[str, Run], ...]) -> Finding:
    try:
        seen = tuple(TESTS[published.test](runs, published) for runs in seeds)
    except Missing as missing:
        return Finding(published, f"not recorded: {missing}", NOT_COMPARABLE)
    if not seen:
        return Finding(published, "not recorded: no run", NOT_COMPARABLE)
    apart = dict.fromkeys(
        difference
        for label, run in seeds[0].items()
        for difference in differing(run.config, published_settings(experiment, published, label))
    )
    ours = seen[0].text if len(seen) == 1 else "; ".join(f"seed {i}: {each.text}" for i, each in enumerate(seen))
    ours = f"one seed: {ours}" if len(seen) == 1 else f"{len(seen)} seeds: {ours}"
    if apart:
        ours += f". Not the published settings: {', '.join(apart)}"
    return Finding(published, ours, NOT_COMPARABLE if apart else verdict(seen), tuple(apart), seen)


def verdict(seen: Sequence[Seen]) -> str:
    """One seed is judged as it is; of several all have to say the same, and so have the phases of each."""
    said = {each.holds for each in seen}
    if None in said:
        return NOT_COMPARABLE
    if len(said) > 1 or any(each.mixed for each in seen):
        return MIXED
    return AGREE if said == {True} else DIFFER


def findings_json(
    experiment: Experiment, scale: str, runs: Mapping[str, Sequence[Run]], found: Sequence[Finding], directory: Path
) -> dict[str, Any]:  # fmt: skip
    """The content of findings.json; runs are named by their place in the directory, a list where there are seeds. Of
    quantities of both networks every phase is a row, as in `comparable.Compared`; what the theorems subtract is that of
    the median layer over the whole training (`subtracted.medians`)."""
    places = {label: [str(run.path.relative_to(directory)) for run in members] for label, members in runs.items()}
    return {
        "experiment": experiment.name,
        "scale": scale,
        "runs": {label: names[0] if len(names) == 1 else names for label, names in places.items()},
        "subtracted": [
            {"run": label, "seed": number, "network": network} | values
            for label, members in runs.items() for number, run in enumerate(members)
            for network, values in medians(run).items()
        ],
        "observed": [
            {
                "published": each.published.words, "place": each.published.place, "ours": each.ours,
                "verdict": each.verdict, "seeds": each.seeds, "differ": list(each.differ),
                "phases": [
                    {"seed": number, "quantity": what} | one.row()
                    for number, seen in enumerate(each.seen) for what, over in seen.compared.items() for one in over
                ],
            }
            for each in found
        ],
    }  # fmt: skip
