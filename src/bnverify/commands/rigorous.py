"""`bnverify verify RUN --rigorous`: the table of what is decided in ball arithmetic."""

from __future__ import annotations

from pathlib import Path

from rich.table import Column, Table

from bnverify.commands.terminal import console
from bnverify.errors import InputError

_SHOWN = 5  # points of a violation, sites left out, by name
_LEGEND = (
    "Both sides in balls (python-flint, 128 to 512 bits) from y, g, gamma, beta and epsilon as float64 has them. "
    "margin: of a bound the least (right - left), of an equality the most |left - right| can be, over the sum of the "
    "terms; of v how far it is from the gradient at most, over (|gamma|/s)|g|(1 + |mu|/s), where 2^-40 is allowed. A "
    "bound that is attained straddles at every precision; an equality that holds, does so to within 2^-64."
)


def show(path: Path, samples: int, data: Path | None) -> int:
    """Print the verdicts at channels of the last stored state, write rigorous.json, return the number of violations."""
    from bnverify.empirical.rigorous.certain import HOLDS, UNDECIDED, VIOLATED
    from bnverify.empirical.rigorous.places import Point, judged, points
    from bnverify.empirical.runs import experiment
    from bnverify.empirical.runs.records import load_run, write_json
    from bnverify.theory import CLAIMS

    run = load_run(path)
    found = list(points(run, experiment.load_data(run.config, directory=data), samples))
    at = [each for each in found if isinstance(each, Point)]
    if not at:
        raise InputError(
            got=f"{path}, of whose last state no channel can be judged ({found[0] if found else 'it has no sites'})",
            expected="finite numbers, of a network with batch norm", advice="leave --rigorous out: records are judged",
        )  # fmt: skip
    rows = judged(at)
    table = Table(Column("claim", overflow="fold"), box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("holds for certain", "violated", "undecided", "apart", "margin"):
        table.add_column(name, justify="right")
    for row in rows:
        counts = [row.counts[verdict] for verdict in (HOLDS, VIOLATED, UNDECIDED)]
        least = row.key in CLAIMS and CLAIMS[row.key].kind != "equality"
        margins = [margin for margin in row.margins if margin == margin]
        margin = f"{(min if least else max)(margins):.1e}" if margins else "-"
        colour = "red" if row.violated else "green" if counts[0] else "yellow"
        apart = row.counts.total() - sum(counts)
        table.add_row(f"[{colour}]{row.key}[/]", *map(str, (*counts, apart)), margin)
    console.print(table)
    console.print(_LEGEND, highlight=False, markup=False)
    for row in rows:
        for place in row.violated[:_SHOWN]:
            console.print(f"[red]violated for certain[/] {row.key} at {place}", highlight=False)
    left_out = [each for each in found if isinstance(each, str)]
    for each in left_out[:_SHOWN]:
        console.print(f"Left out: {each}", highlight=False, markup=False)
    if len(left_out) > _SHOWN:
        console.print(f"Left out: {len(left_out) - _SHOWN} more", highlight=False)
    violations, decided = sum(row.counts[VIOLATED] for row in rows), sum(row.counts[HOLDS] for row in rows)
    write_json(
        path / "rigorous.json",
        {
            "points": [str(point) for point in at],
            "left out": left_out,
            "claims": {row.key: {"counts": dict(row.counts), "violated": row.violated} for row in rows},
        },
    )
    console.print(
        f"{len(at)} channels; {decided} verdicts hold for certain, {violations} are violated, "
        f"{sum(row.counts[UNDECIDED] for row in rows)} undecided. Summary: {path / 'rigorous.json'}",
        highlight=False,
    )
    return violations
