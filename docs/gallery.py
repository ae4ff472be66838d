"""reports/gallery/README.md from the results stored there:  python docs/gallery.py

Of every stored experiment: the command, the points at which claims were compared, and each published statement beside
what the runs found. Nothing in the tables is typed by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bnverify.empirical.experiments.experiments import EXPERIMENTS, SCALES
from bnverify.empirical.runs.config import RunConfig
from bnverify.empirical.runs.records import Run, load_run
from bnverify.reports.document.repetition import command, named_as, options_between

GALLERY = Path(__file__).parent.parent / "reports" / "gallery"
_INTRODUCTION = """\
# Stored results

Each folder holds what a command wrote: the report, the findings, and of every run its configuration (with versions and
hardware) and the summary of its verdicts. This page is written from them by `docs/gallery.py`.

DIR: CIFAR-10 in its binary layout. The images used here were stored as JPEG and decoded, so accuracies can differ
slightly from those on the original files.
"""
_CLAIMED = "\n## What is claimed\n\n| folder | command | points | violations |\n|---|---|--:|--:|\n"
_OBSERVED = """
## What is observed

Published statements beside what these runs show. No theorem says how such a comparison ends. `quick` runs have an
eighth of the width and a few hundred steps: there the network without batch norm is still near its start, where its
gradients are small.

| experiment | published | these runs | |
|---|---|---|---|
"""


def page() -> str:
    """The whole README of the gallery."""
    folders = sorted(folder for folder in GALLERY.iterdir() if folder.is_dir())
    claimed = (_row(f"`{f.name}`", f"`{_command(f)}`", *map("{:,}".format, verdicts(f))) for f in folders)
    observed = (row for folder in folders for row in _observed(folder))
    return _INTRODUCTION + _CLAIMED + "".join(claimed) + _OBSERVED + "".join(observed)


def runs(folder: Path) -> dict[str, Run]:
    """The runs of a folder by label; a folder that is one run has no label."""
    found = folder / "findings.json"
    if not found.exists():
        return {"": load_run(folder)}
    return {label: load_run(folder / name) for label, name in json.loads(found.read_text())["runs"].items()}


def _command(folder: Path) -> str:
    ours = runs(folder)
    if set(ours) == {""}:
        return command(ours[""])
    found = json.loads((folder / "findings.json").read_text())
    scale = found["scale"] if found["scale"] in SCALES else "paper"  # half and quarter are options of it
    wanted = EXPERIMENTS[found["experiment"]].runs(scale)
    options = [options_between(_of_now(run.config, wanted[label]), wanted[label]) for label, run in ours.items()]
    if None in options or any(other != options[0] for other in options):
        raise ValueError(f"got {options} in {folder}; expected options that make all of its runs; do: run it again")
    data = ["--data", "DIR"] if any(run.config.dataset == "cifar10" for run in ours.values()) else []
    return " ".join(
        ["bnverify", "run", "--experiment", found["experiment"], "--scale", scale, *data, *(options[0] or [])]
    )


def _of_now(config: RunConfig, wanted: RunConfig) -> RunConfig:
    """In as many groups as the experiment measures now: how products are grouped changes what they cost."""
    return named_as(wanted, config).changed(groups=wanted.groups)


def verdicts(folder: Path) -> tuple[int, int]:
    """Points and violations, over all runs."""
    claims = [
        claim
        for run in runs(folder).values()
        for claim in json.loads((run.path / "summary.json").read_text())["claims"]
    ]
    return sum(claim["points"] for claim in claims), sum(claim["violations"] for claim in claims)


def _observed(folder: Path) -> Iterator[str]:
    found = folder / "findings.json"
    for one in json.loads(found.read_text())["observed"] if found.exists() else ():
        ours = one["ours"].replace("|", r"\|")
        yield _row(f"`{folder.name}`", f"{one['published']} ({one['place']})", ours, f"**{one['verdict']}**")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    (GALLERY / "README.md").write_text(page())
