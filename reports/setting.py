"""What a run was: its configuration, data and environment as tables of a name and marked-up text."""

from __future__ import annotations

from fractions import Fraction

from empirical.records import Run
from reports.prose import verbatim
from reports.wording import counted, scientific, whole

Table = list[tuple[str, ...]]


def width(run: Run) -> str:
    """The width multiplier as a fraction."""
    return str(Fraction(run.config.width).limit_denominator(64))


def configuration(run: Run) -> Table:
    config = run.config
    epsilon, inserted = scientific(config.epsilon), scientific(config.insertion_epsilon)
    return [
        ("preset", verbatim(config.preset)),
        ("networks", r"VGG, ten $3\times 3$ convolutions and three dense layers; with and without batch norm"),
        ("width", f"{width(run)} of the full network"),
        ("optimiser", f"SGD, learning rate {config.learning_rate:g}, momentum {config.momentum:g}"),
        ("steps, batch size", f"{whole(config.steps)}, {whole(config.batch)}"),
        ("epsilon", f"{epsilon} in the network, {inserted} in inserted normalisations"),
        ("float32 records", f"Theorem 4.1, every {counted(config.record_every, 'step')}"),
        ("float64 records", f"every quantity, every {counted(config.check_every, 'step')} and at the end"),
        ("sampled channels", f"{whole(config.samples)} a site, for claims that need their own Hessian product"),
        ("seed", str(config.seed)),
    ]


def data(run: Run) -> Table:
    description = run.description["data"]
    return [
        ("data set", verbatim(description["name"])),
        ("images", f"{whole(description['train'])} for training, {whole(description['test'])} for testing"),
        ("classes", verbatim(", ".join(description["classes"]))),
        ("fingerprint", f"SHA-256 {description['fingerprint']}"),
    ]


def environment(run: Run) -> Table:
    machine = run.description["environment"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return [
        ("device", verbatim(machine["device"])),
        ("processor", verbatim(f"{machine['processor']}, {counted(machine['cores'], 'core')}")),
        ("system", verbatim(f"{machine['system']}, Python {machine['python']}")),
        ("packages", verbatim(versions)),
    ]
