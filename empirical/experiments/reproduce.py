"""Everything that was published, within a time budget: trainings in order of worth, resumed where they stopped.

What is kept of a finished training is small: its configuration, the verdicts, and the losses; its records stay beside
them and its states are dropped. An experiment whose trainings are finished gets its findings.json.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bnverify.empirical.experiments.experiments import EXPERIMENTS
from bnverify.empirical.experiments.findings import findings, findings_json
from bnverify.empirical.experiments.plan import Speeds, Training, expected_seconds, is_speed, kind
from bnverify.empirical.judgement.verdict import summarise, verify
from bnverify.empirical.runs.gaps import missing
from bnverify.empirical.runs.records import load_run, write_json
from bnverify.empirical.runs.states import stored_steps
from bnverify.errors import InputError

DONE, BEGUN, MISSING = "done", "begun", "missing"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Clock = Callable[[], float]


def seconds(text: str) -> float:
    """A budget such as 90s, 25m, 8h or 2d in seconds; InputError for anything else."""
    number, unit = text[:-1], text[-1:]
    try:
        value = float(number) * _UNITS[unit]
    except (KeyError, ValueError):
        value = float("nan")
    if not 0 < value < float("inf"):
        raise InputError(
            got=f"budget {text!r}", expected="a number and s, m, h or d", advice="pass e.g. --budget 25m, or 8h"
        )
    return value


class Spent(Exception):
    """The budget does not hold another part of the training."""


@dataclass
class Budget:
    """Seconds from the start of the clock; a part that is expected to end later is not begun."""

    limit: float
    clock: Clock = time.monotonic
    start: float = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.clock()

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.limit - (self.clock() - self.start)


@dataclass(frozen=True)
class Row:
    """One training of the plan and how far it is; ``expected`` seconds are missing, None where no step was timed."""

    training: Training
    path: Path
    state: str
    step: int
    violations: int | None
    expected: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain data for table.json."""
        config = self.training.config
        return {
            "training": self.training.name, "uses": [" / ".join(use) for use in self.training.uses],
            "state": self.state, "step": self.step, "steps": config.steps, "seed": config.seed,
            "violations": self.violations, "expected_seconds": self.expected,
        }  # fmt: skip


def perform(
    trainings: Sequence[Training], directory: Path, train: Callable[..., Any], budget: Budget,
    tell: Callable[[Training], None] = lambda training: None,
) -> None:  # fmt: skip
    """Train what is not finished, in order, until the budget is spent; ``train(config, path, progress)`` trains one and
    calls ``progress(step)`` after every part. InputError, before anything is trained, where a directory holds another
    training, of another length or width."""
    speeds, paths = read_speeds(directory), {each: directory / "runs" / each.name for each in trainings}
    for training, path in paths.items():
        _check(training, path)
    for training, path in paths.items():
        if judged(training, path) is not None:
            continue
        if budget.left <= 0:
            return
        tell(training)
        timer = _Timer(training, budget, speeds)
        try:
            if not _whole(training, path):
                train(training.config, path, timer)
        except Spent:
            return
        finally:
            write_json(directory / "speeds.json", speeds)
        finish(path)


class _Timer:
    """Times the parts of a training, and stops it where the next would end after the budget."""

    def __init__(self, training: Training, budget: Budget, speeds: Speeds):
        self.training, self.budget, self.speeds = training, budget, speeds
        self.last: tuple[int, float] | None = None
        self.parts = 0

    def __call__(self, step: int) -> None:
        now = self.budget.clock()
        if self.last is not None and step > self.last[0]:
            each = (now - self.last[1]) / (step - self.last[0])
            self.parts += 1
            known = self.speeds.get(kind(self.training.config))
            # The first part compiles: it counts until there is another.
            new = known is None or self.parts == 2
            self.speeds[kind(self.training.config)] = each if new else 0.8 * (known or each) + 0.2 * each
        self.last = step, now
        config = self.training.config
        part = expected_seconds(config, min(config.record_every, config.steps - step), self.speeds)
        if step < config.steps and self.budget.left < (part or 0.0):
            raise Spent


def judged(training: Training, path: Path) -> int | None:
    """How many violations a finished training met; None where it is not finished (verified before its end, say), or
    what is there is not a summary of this configuration."""
    try:
        summary = json.loads((path / "summary.json").read_text())
        own = summary["config"] == json.loads(json.dumps(training.config.to_json()))
        violations, whole = summary["violations"], summary["missing"] == []
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return violations if own and whole and type(violations) is int and violations >= 0 else None


def _check(training: Training, path: Path) -> None:
    """InputError where a directory holds a training of another configuration."""
    if not (path / "config.json").exists():
        return
    stored, asked = load_run(path).config.to_json(), training.config.to_json()
    differing = [f"{key} = {value!r} (now {asked[key]!r})" for key, value in stored.items() if value != asked[key]]
    if differing:
        raise InputError(
            got=f"{path} with {', '.join(differing)}",
            expected="the training of this plan, or none",
            advice="pass another --out for another --scale, --steps or --only, or delete that directory",
        )


def _whole(training: Training, path: Path) -> bool:
    """Whether everything is recorded and only the verdicts are missing."""
    return (path / "config.json").exists() and not missing(training.config, path, damaged=True)


def read_speeds(directory: Path) -> Speeds:
    """What was timed so far, as far as it can be read."""
    try:
        found = json.loads((directory / "speeds.json").read_text())
        return {name: value for name, value in found.items() if is_speed(name, value)}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}


def finish(path: Path) -> None:
    """Verify a trained run, keep its losses small beside it, and then drop its states."""
    run = load_run(path)
    curves = {
        network: {"loss": data["loss"].values[:: max(1, run.config.steps // 500)].tolist()}
        for network, data in run.curves.items()
    }
    write_json(path / "losses.json", curves)
    write_json(path / "summary.json", summarise(run, verify(run)))
    shutil.rmtree(path / "checkpoints", ignore_errors=True)


def table(trainings: Sequence[Training], directory: Path) -> tuple[Row, ...]:
    """How far every training is."""
    speeds, rows = read_speeds(directory), []
    for training in trainings:
        path = directory / "runs" / training.name
        steps, violations = training.config.steps, judged(training, path)
        finished = violations is not None
        step = steps if finished else max(stored_steps(training.config, path / "checkpoints"), default=0)
        state = DONE if finished else BEGUN if step or (path / "config.json").exists() else MISSING
        expected = 0.0 if finished else expected_seconds(training.config, steps - step, speeds)
        rows.append(Row(training, path, state, step, violations, expected))
    return tuple(rows)


def conclude(rows: Sequence[Row], directory: Path, scale: str) -> dict[str, tuple]:
    """findings.json of every experiment that has a finished run of each label, over the seeds that are finished; and
    table.json. The findings by experiment."""
    found = {}
    for name, paths in finished_runs(rows).items():
        runs = {label: [load_run(path) for path in members] for label, members in paths.items()}
        found[name] = findings(EXPERIMENTS[name], runs)
        content = findings_json(EXPERIMENTS[name], scale, runs, found[name], directory)
        write_json(directory / "findings" / f"{name}.json", content)
    write_json(directory / "table.json", [row.to_json() for row in rows])
    return found


def finished_runs(rows: Sequence[Row]) -> Mapping[str, Mapping[str, list[Path]]]:
    """By experiment and label the finished runs, one a seed, where every label has one for the first seeds."""
    uses: dict[str, dict[str, list[Path | None]]] = {}
    for row in rows:
        for name, label in row.training.uses:
            uses.setdefault(name, {}).setdefault(label, []).append(row.path if row.state == DONE else None)
    out = {}
    for name, labels in uses.items():
        complete = [all(members[i] is not None for members in labels.values()) for i in range(_seeds(labels))]
        kept = {label: [p for p, whole in zip(members, complete, strict=False) if whole and p is not None]
                for label, members in labels.items()}  # fmt: skip
        if any(complete) and set(labels) == set(EXPERIMENTS[name].paper):
            out[name] = kept
    return out


def _seeds(labels: Mapping[str, Sequence[Path | None]]) -> int:
    return min(len(members) for members in labels.values())
