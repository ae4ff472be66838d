"""What a run was: its configuration, data and environment as tables of a name and marked-up text."""

from __future__ import annotations

from fractions import Fraction

from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.document.prose import verbatim
from bnverify.reports.document.wording import counted, scientific, whole

Table = list[tuple[str, ...]]
ESSENTIAL = ("networks", "normalizer", "width", "optimiser", "steps, batch size", "epsilon", "seed")
"""Rows of a configuration that a reader needs first."""


def width(run: Run) -> str:
    """The width multiplier as a fraction."""
    return str(Fraction(run.config.width).limit_denominator(64))


def configuration(run: Run) -> Table:
    """What was trained, and how; of a watched loop, what is known of it."""
    config = run.config
    if run.watched:
        return [
            ("network", "of one's own, watched in its training loop"),
            ("normalizer", naming.normalizer(config.normalizer)),
            ("float64 records", f"every quantity, every {counted(config.check_every, 'step')} at most"),
        ]
    epsilon, inserted = scientific(config.epsilon), scientific(config.insertion_epsilon)
    called = {"shift": "covariate shift"}
    decay = f", weight decay {config.weight_decay:g}" if config.weight_decay else ""
    noise = "; noise in both" if config.noise else ""
    rate = f"{config.learning_rate:g}" if config.learning_rate >= 1e-3 else scientific(config.learning_rate)
    return [
        ("preset", verbatim(config.preset)),
        ("networks", naming.words(config).layers),
        ("normalizer", f"{naming.normalizer(config.normalizer)} in one network, none in its twin{noise}"),
        *([("renorm schedule", f"published steps times {config.renorm_stretch:g}")]
          if config.normalizer == "batch-renorm" else []),
        *([("width", f"{width(run)} of the full network")] if naming.words(config).width else []),
        ("optimiser", f"SGD, learning rate {rate}, momentum {config.momentum:g}{decay}"),
        ("steps, batch size", f"{whole(config.steps)}, {whole(config.batch)}"),
        ("epsilon", f"{epsilon} in the network, {inserted} in inserted normalisations"),
        ("float32 records", f"Theorem 4.1, every {counted(config.record_every, 'step')}"),
        ("float64 records", f"every quantity, every {counted(config.check_every, 'step')} and at the end"),
        ("sampled channels", f"{whole(config.samples)} a site, for claims that need their own Hessian product"),
        *((called.get(name, name), f"every {counted(every, 'step')}") for name, every in config.every),
        ("seed", str(config.seed)),
    ]  # fmt: skip


def data(run: Run) -> Table:
    """Which data, with their fingerprint."""
    description = run.description["data"]
    if run.watched:
        return [("data set", verbatim(description["name"]))]
    classes = description["classes"]
    return [
        ("data set", verbatim(description["name"])),
        ("images" if classes else "samples",
         f"{whole(description['train'])} for training, {whole(description['test'])} for testing"),
        *([("classes", verbatim(", ".join(classes)))] if classes else []),
        ("fingerprint", f"SHA-256 {description['fingerprint']}"),
    ]  # fmt: skip


def environment(run: Run) -> Table:
    """Versions and hardware."""
    machine = run.description["environment"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return [
        ("device", verbatim(machine["device"])),
        ("processor", verbatim(f"{machine['processor']}, {counted(machine['cores'], 'core')}")),
        ("system", verbatim(f"{machine['system']}, Python {machine['python']}")),
        ("packages", verbatim(versions)),
    ]
