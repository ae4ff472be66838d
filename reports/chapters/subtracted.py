r"""What Theorems 4.1 and 4.2 subtract on the networks of a run, beside random directions: a sentence and a section."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from bnverify.empirical.experiments.comparable import PHASES, WHOLE
from bnverify.empirical.experiments.subtracted import CHANCE, Row, medians, medians_of, table
from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.document.blocks import Block, Paragraph, Section, Table
from bnverify.reports.document.wording import DASH, scientific

_EXPLAINED = (
    r"Theorem 4.1 says that $\lVert v\rVert^2$ is $(\gamma/s)^2\lVert g\rVert^2$ less two terms. How much of "
    r"$\lVert g\rVert^2$ are they? For a direction that knows nothing of $\hat y$ they are about $2/m$ of it; "
    rf"$m\cos^2(g,\hat y)$ has then the median {CHANCE:.3f} and is above 3.84 in 5% of the channels, whatever $m$ is. "
    r"The network without batch norm is measured with a matched normalisation inserted ($\gamma=s$). This is observed, "
    "and no theorem claims it."
)


def sentence(run: Run) -> str:
    """What is subtracted, in the median layer over the whole training; empty where it was not recorded."""
    found, labels = medians(run), naming.labels(run.config)
    told = " and ".join(
        rf"{scientific(values['share'])} of $\lVert g\rVert^2$ {labels[network]}, {values['at chance']:.2g} times what "
        "random directions lose,"
        for network, values in found.items()
    )
    if not told:
        return ""
    text = f"Observed, and claimed by no theorem: in the median layer Theorem 4.1 subtracts {told[:-1]}"
    return text + (_scale(found["bn"]) if "bn" in found else ".")


def _scale(values: dict[str, float]) -> str:
    return rf"; {values['by scale']:.1%} of the change of the gradient's length, in logarithms, is $\gamma/s$."


def section(run: Run) -> Section | None:
    """By layer over the whole training, and by phase in the median layer; None where nothing was recorded."""
    rows = table(run)
    if not rows:
        return None
    blocks: list[Block] = [Paragraph(_EXPLAINED), _by_layer(run, rows), _by_phase(run, rows)]
    return Section("What the theorems subtract", "section:subtracted", blocks)


def _by_layer(run: Run, rows: tuple[Row, ...]) -> Table:
    whole = [row for row in rows if row.phase.name == WHOLE]
    networks = tuple(dict.fromkeys(row.network for row in whole))
    found = {(row.site, row.network): row.values for row in whole}
    labels = naming.labels(run.config)
    out = []
    for site in dict.fromkeys(row.site for row in whole):
        for number, network in enumerate(networks):
            values = found[site, network]
            out.append(("" if number else site, labels[network], *_cells(values)))
    head = ("layer", "network", "share subtracted", "$2/m$", *_MARKS)
    widths = (1.4, 3.2, 1.9, 1.7, 1.9, 1.7, 1.3, 1.6, 2.0)
    caption = "What Theorems 4.1 and 4.2 subtract, by layer: medians over the measured steps."
    return Table(head, out, widths, "ll" + "r" * 7, caption, "table:subtracted")


_MARKS = (
    r"$m\cos^2$", "above 3.84", r"$\gamma/s$", r"$\lVert v\rVert^2/\lVert g\rVert^2$", "of $u'Hu$, Theorem 4.2",
)  # fmt: skip


def _cells(values: dict[str, float]) -> tuple[str, ...]:
    return (
        scientific(values["share"]), scientific(values["chance"]), _plain(values["alignment"]),
        _plain(values["rare"], ".0%"), _plain(values["factor"]), _plain(values["reduction"]),
        scientific(values.get("curvature", float("nan"))),
    )  # fmt: skip


def _plain(value: float, how: str = ".2f") -> str:
    return format(value, how) if isfinite(value) else DASH


def _by_phase(run: Run, rows: tuple[Row, ...]) -> Table:
    labels = naming.labels(run.config)
    out = list(_phase_rows(rows, labels))
    head = ("phase", "network", "share over $2/m$", *_MARKS)
    caption = "The same by phase of the training, in the median layer."
    return Table(
        head, out, (3.6, 3.2, 2.0, 1.6, 1.6, 1.3, 1.6, 1.9), "ll" + "r" * 6, caption, "table:subtracted-phases"
    )


def _phase_rows(rows: tuple[Row, ...], labels: dict[str, str]) -> Iterator[tuple[str, ...]]:
    for name in PHASES:
        for number, (network, values) in enumerate(medians_of(rows, name).items()):
            yield ("" if number else name, labels[network], _plain(values["at chance"]), *_cells(values)[2:])
