"""What the networks of a run are called in figures and tables, and the units of their loss."""

from __future__ import annotations

from bnverify.empirical.architectures import Words, architecture
from bnverify.empirical.runs.config import RunConfig

_SCALES = {"l1": "centred $l_1$", "linf": r"centred $l_\infty$", "l1-uncentred": "$l_1$", "l2-uncentred": "$l_2$",
           "linf-uncentred": r"$l_\infty$", "rms": "RMS"}  # fmt: skip


def normalizer(name: str) -> str:
    """The normalizer of a configuration in words, as marked-up text: "batch norm", "$l_1$ norm", "batch renorm"."""
    if name == "batch-renorm":
        return "batch renorm"
    if name.startswith("group-"):
        return f"group norm ({name.removeprefix('group-')} groups)"
    return f"{_SCALES.get(name, name)} norm"


def labels(config: RunConfig) -> dict[str, str]:
    """The two networks: "with batch norm" and "without batch norm", or what else stands in the first."""
    name = normalizer(config.normalizer)
    without = name if config.normalizer == "batch" else "normalizer"
    noise = (" and noise", ", with noise") if config.noise else ("", "")
    return {"bn": f"with {name}{noise[0]}", "plain": f"without {without}{noise[1]}"}


def shown(name: str) -> str:
    """A name as it is, for a drawing: nothing in it is read as mathematics."""
    return name.replace("$", r"\$")


def worded(text: str, config: RunConfig) -> str:
    """Text about a network with and one without batch norm, in the words of a configuration."""
    names = labels(config)
    text = text.replace("without batch norm", "\0").replace("with batch norm", names["bn"])
    return text.replace("\0", names["plain"])


def words(config: RunConfig) -> Words:
    """What the networks of a configuration are called, and their layers."""
    return architecture(config.architecture).words


def network(config: RunConfig) -> str:
    """The kind of network in words."""
    return words(config).name.removesuffix(" network")


def loss_name(config: RunConfig) -> str:
    """The loss with its unit, for an axis."""
    task = architecture(config.architecture).task
    return f"{task.loss} ({task.unit})"


def unit(config: RunConfig) -> str:
    """The unit of the loss and, weights having none, of its derivatives."""
    return architecture(config.architecture).task.unit


def classes(config: RunConfig) -> bool:
    """Whether outputs are classes, so that there is an accuracy."""
    return architecture(config.architecture).task.classified
