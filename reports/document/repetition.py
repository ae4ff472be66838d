"""The command that trains a run again, from its configuration alone."""

from __future__ import annotations

import shlex
from dataclasses import asdict

from bnverify.empirical.architectures import architecture
from bnverify.empirical.experiments.experiments import EXPERIMENTS, REPRODUCED, SCALES
from bnverify.empirical.runs.config import PRESETS, RunConfig
from bnverify.empirical.runs.records import Run

# Options of `bnverify train`, and of `bnverify run`, by field of the configuration.
_OPTIONS = (
    "steps", "batch", "width", "learning_rate", "momentum", "weight_decay", "epsilon", "seed", "record_every",
    "check_every",
)  # fmt: skip


def command(run: Run) -> str:
    """A command of the shell, or a line of Python where no option sets what the run has."""
    config = run.config
    base = PRESETS.get(config.preset)
    if base is not None and (options := options_between(config, base)) is not None:
        return _shell("bnverify", "run", "--preset", config.preset, *_dataset(config, base), *options)
    found: list[tuple[int, str]] = []
    for experiment in EXPERIMENTS.values():
        for scale in SCALES:
            for label, wanted in experiment.runs(scale).items():
                options = options_between(named_as(wanted, config), wanted)
                if options is not None and _reachable(config, wanted):
                    data = ("--data", "DIR") if config.dataset == "cifar10" else ()
                    told = _shell("bnverify", "run", "--experiment", experiment.name, "--scale", scale, *data, *options)
                    alone = len(experiment.runs(scale)) == 1
                    found.append((len(options), told if alone else f"{told}  # its run {label!r}"))
    return min(found, key=lambda one: one[0])[1] if found else _python(config)


def data(run: Run) -> str:
    """What has to be there before the command is given, as marked-up text."""
    if run.config.dataset != "cifar10":
        return "The data are generated from their definition; nothing has to be fetched."
    return (
        "DIR is a directory with CIFAR-10 in its binary layout; the fingerprint above is that of the images and labels "
        "that were read, to be compared with that of the new run."
    )


def options_between(config: RunConfig, base: RunConfig) -> list[str] | None:
    """The options that make one configuration of the other; None where there are none."""
    ours, theirs = asdict(config), asdict(base)
    differing = [name for name in ours if ours[name] != theirs[name] and name not in ("dataset", "every")]
    if not set(differing) <= set(_OPTIONS):
        return None
    options = [part for name in differing for part in (f"--{name.replace('_', '-')}", f"{ours[name]!r}")]
    names = sorted({name for name, _ in (*config.every, *base.every)})
    changed = [name for name in names if config.every_steps(name) != base.every_steps(name)]
    return options + [part for name in changed for part in ("--every", f"{name}={config.every_steps(name)}")]


def named_as(wanted: RunConfig, config: RunConfig) -> RunConfig:
    """The configuration under the name of an experiment's: one training of `bnverify reproduce` serves several."""
    return config.changed(preset=wanted.preset) if config.preset == REPRODUCED else config


def _dataset(config: RunConfig, base: RunConfig) -> tuple[str, ...]:
    told = () if config.dataset == base.dataset else ("--dataset", config.dataset)
    return (*told, "--data", "DIR") if config.dataset == "cifar10" else told


def _reachable(config: RunConfig, wanted: RunConfig) -> bool:
    """Whether an experiment can be run on the data set: CIFAR-10 where its directory is given."""
    return config.dataset == wanted.dataset or (
        config.dataset == "cifar10" and "cifar10" in architecture(wanted.architecture).task.datasets
    )


def _shell(*words: str) -> str:
    return shlex.join(words)


def _python(config: RunConfig) -> str:
    """Lines of Python that train the configuration."""
    where = ", directory='DIR'" if config.dataset == "cifar10" else ""
    changes = ",\n    ".join(f"{name}={value!r}" for name, value in asdict(config).items())
    return (
        "from bnverify.empirical import RunConfig, train\nfrom bnverify.empirical.runs.experiment import load_data\n"
        f"config = RunConfig(\n    {changes},\n)\ntrain(config, load_data(config{where}), 'runs/again')"
    )
