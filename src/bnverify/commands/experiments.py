"""`bnverify experiments`: a table of the named experiments."""

from __future__ import annotations

from rich.table import Column, Table

from bnverify.commands.terminal import console


def command() -> None:
    """List the named experiments: what each shows, where that was published, and its cost."""
    from bnverify.empirical.experiments.experiments import EXPERIMENTS

    table = Table(Column("experiment", no_wrap=True), "what", "source", "runs", "quick, on two cores", "paper scale")
    for one in EXPERIMENTS.values():
        steps = ", ".join(sorted({f"{c.steps:,} steps, width {c.width:g}" for c in one.paper.values()}))
        table.add_row(one.name, one.title, one.source, str(len(one.quick)), one.cost, f"{len(one.paper)} x {steps}")
    console.print(table)
    console.print("`bnverify run --experiment NAME [--scale paper] [--data DIR]` runs one.")
