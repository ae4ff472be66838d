"""Tables that set several runs side by side: their settings, where they ended, what the claims met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bnverify.empirical.judgement.verdict import Verdict
from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming, repetition, setting
from bnverify.reports.document.blocks import Key, Listing, Paragraph, Section, Strong, Table, Text, listed
from bnverify.reports.document.explanations import NOT_DRAWN
from bnverify.reports.document.prose import verbatim
from bnverify.reports.document.wording import DASH, scientific, tightness, whole
from bnverify.reports.figures.final_values import final
from bnverify.reports.figures.lines import Lines
from bnverify.theory import CLAIMS

_FOR_CLAIMS = ("preset", "float32 records", "float64 records", "sampled channels")
_MANY = 6  # columns beside the first that fit on a page


def settings(lines: Lines) -> tuple[setting.Table, tuple[str, ...], setting.Table]:
    """Rows that all runs have in common; head and rows, one a line, of what differs (empty where nothing does)."""
    tables = {
        label: _merged([{n: v for n, v in _rows(run) if n not in _FOR_CLAIMS} for run in line])
        for label, line in lines.items()
    }
    names = list(dict.fromkeys(name for table in tables.values() for name in table))
    columns = {name: [table.get(name, DASH) for table in tables.values()] for name in names}
    common: setting.Table = [(name, values[0]) for name, values in columns.items() if len(set(values)) == 1]
    differing = [name for name, values in columns.items() if len(set(values)) > 1]
    rows: setting.Table = [
        (verbatim(label), *(columns[name][i] for name in differing)) for i, label in enumerate(lines)
    ]
    return common, ("run", *differing), rows if differing else []


def _rows(run: Run) -> setting.Table:
    return [*setting.configuration(run), *setting.data(run), *setting.environment(run)]


def _merged(tables: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The settings of runs that differ only in the seed."""
    out = {}
    for name in tables[0]:
        values = list(dict.fromkeys(table.get(name, DASH) for table in tables))
        together = ", ".join(values)
        out[name] = together if len(values) == 1 or len(together) < 60 else "not the same for every seed"
    return out


def settings_section(lines: Lines) -> Section:
    """What differs between runs, and what they have in common."""
    common, head, rows = settings(lines)
    parts: list[Paragraph | Table] = []
    if rows:
        parts.append(Paragraph("What differs between the runs, and what they have in common:"))
        parts += _wide(head, rows)
    return Section("Settings", "section:settings", [*parts, Table((), common, (3.4, 12.6))])


def _wide(head: Sequence[str], rows: Sequence[Sequence[Text]], first: float = 3.4) -> list[Table]:
    """A table of many columns as several, each with the first column."""
    out = []
    for start in range(1, len(head), _MANY):
        chosen = (0, *range(start, min(start + _MANY, len(head))))
        widths = (first, *[(16.0 - first) / (len(chosen) - 1)] * (len(chosen) - 1))
        out.append(Table([head[i] for i in chosen], [tuple(row[i] for i in chosen) for row in rows], widths))
    return out


def ended(lines: Lines) -> Table:
    """Line, network, final training loss, the test, steps; of several seeds the smallest and the largest."""
    linear = not all(naming.classes(run.config) for line in lines.values() for run in line)
    rows = []
    for label, line in lines.items():
        for network in NETWORKS:
            ends = [final(run, network) for run in line]
            if linear:
                test = _range([_test_loss(run, network) for run in line], _loss)
            else:
                test = _range([DASH if score is None else score for _, score in ends], "{:.1%}".format)
            loss = _range([loss for loss, _ in ends], _loss)
            steps = " / ".join(dict.fromkeys(_steps(run, network) for run in line))
            rows.append((verbatim(label), naming.labels(line[0].config)[network], loss, test, steps))
    head = ("run", "network", "final training loss", "test loss" if linear else "test accuracy", "steps")
    return Table(head, rows, (3.9, 4.6, 2.9, 2.5, 2.1), "lllrr")


def _range(values: Sequence, shown) -> str:
    """One value, or the smallest to the largest; what is missing or not finite is said."""
    numbers = [value for value in values if not isinstance(value, str) and np.isfinite(value)]
    if len(numbers) < len(values) or not numbers:
        return ", ".join(dict.fromkeys(v if isinstance(v, str) else shown(v) for v in values))
    low, high = shown(min(numbers)), shown(max(numbers))
    return low if low == high else f"{low} to {high}"


def _loss(value: float) -> str:
    return DASH if np.isnan(value) else "not finite" if np.isinf(value) else f"{value:.4g}"


def _test_loss(run: Run, network: str) -> float | str:
    records = run.exact.get(network)
    return DASH if records is None or "test_loss" not in records else float(records["test_loss"].values[-1])


def _steps(run: Run, network: str) -> str:
    if network not in run.curves:
        return DASH
    done = len(run.curves[network]["step"])
    return whole(done) if done == run.config.steps else f"{whole(done)} of {whole(run.config.steps)}"


def verdict_tables(verdicts: Mapping[str, Sequence[Verdict]]) -> list[Table]:
    """Claims by lines: points and the worst residual over networks, types and seeds, or what else became of them."""
    rows = [
        ((Key(key),), *(_cell([v for v in found if v.key == key]) for found in verdicts.values()))
        for key in CLAIMS
        if any(v.key == key for found in verdicts.values() for v in found)
    ]
    return _wide(("claim", *map(verbatim, verdicts)), rows, 4.0)


def _cell(verdicts: Sequence[Verdict]) -> Text:
    if not verdicts:
        return DASH
    points, violations = sum(v.points for v in verdicts), sum(v.violations for v in verdicts)
    if not points:
        return "not tested"
    worst = scientific(max(np.nan_to_num(v.worst, nan=np.inf) for v in verdicts if v.points))
    if violations:
        return (Strong(f"violated at {whole(violations)}"), f" of {whole(points)}; {worst}")
    return f"{whole(points)}; {worst}"


def tightness_tables(verdicts: Mapping[str, Sequence[Verdict]]) -> list[Table]:
    """Upper bounds by lines: right over left, median over points, with and without a normalizer, in float64."""
    bounds = [key for key, claim in CLAIMS.items() if claim.relation == "<="]
    rows: list[tuple[Text, ...]] = []
    for key in bounds:
        cells = [_ratios([v for v in found if v.key == key and v.dtype == "float64"]) for found in verdicts.values()]
        if set(cells) != {DASH}:
            rows.append(((Key(key),), *cells))
    return _wide(("claim", *map(verbatim, verdicts)), rows, 4.0) if rows else []


def _ratios(verdicts: Sequence[Verdict]) -> str:
    parts = []
    for network in NETWORKS:
        found = list(dict.fromkeys(tightness(v) for v in verdicts if v.network == network))
        parts.append(" / ".join(found) or DASH)
    return DASH if set(parts) == {DASH} else "; ".join(parts)


def repeat_section(lines: Lines) -> Section:
    """The command for every run."""
    blocks: list[Paragraph | Listing] = []
    for label, line in lines.items():
        for run in line:
            lead = f"{verbatim(label)}, seed {run.config.seed}:"
            blocks += [Paragraph("", lead=lead), Listing(repetition.command(run))]
    return Section("To repeat them", "section:repeat", blocks, appendix=True)


def left_out(notes: Mapping[str, str]) -> list[Paragraph]:
    """One sentence on the figures that cannot be drawn."""
    return [Paragraph((NOT_DRAWN, *listed(map(Key, notes)), "."))] if notes else []
