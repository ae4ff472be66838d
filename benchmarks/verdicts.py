"""How often a right layer is called wrong, and a wrong one right.

    python benchmarks/verdicts.py --cases 10000 --folder pieces

Random correct cases (every normaliser, ten losses, m from 2 to 4,096, mean over deviation up to 1e6, deviations from
1e-12, epsilon from 0 to 1) in float64 and float32: no claim may be violated. Wrong layers (`verdict_cases.wrong`): none
may pass `assert_claims`, and to have tested nothing is not to pass. A piece is one precision, normaliser and shape; the
pieces that are in --folder are not made again, so that a sweep can be stopped and go on. Writes the tables of both to
--out and into --page.
"""

import argparse
import json
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from verdict_cases.correct import LOSSES, SHAPES, one
from verdict_cases.wrong import Wrong, data, wrong_layers

from bnverify.empirical.judgement.assertion import assert_claims
from bnverify.empirical.judgement.compile import TOLERANCES
from bnverify.empirical.judgement.judged import place
from bnverify.empirical.judgement.verdict import Places, evaluate
from bnverify.empirical.measurement.measured import Measured
from bnverify.empirical.measurement.measurement import measure_cut
from bnverify.empirical.measurement.settings import exact
from bnverify.empirical.normalization.known import named
from bnverify.empirical.normalization.own_normalizer import claims_about
from bnverify.empirical.runs.cache import release_compiled
from bnverify.errors import InputError

DTYPES = ("float64", "float32")
# Between these lines of the page stand the tables.
BEGIN, END = "<!-- made by benchmarks/verdicts.py -->", "<!-- end of what is made -->"


class Drawn(NamedTuple):
    """Random correct cases of one normaliser, shape and precision, measured: what each was drawn as, and what was
    measured in each, by name; ``refused`` had constant vectors, as far as the precision can tell, and epsilon 0."""

    normalizer: str
    shape: tuple[int, ...]
    dtype: str
    settings: list[str]
    rows: dict[str, np.ndarray]
    refused: int

    def save(self, path: Path) -> None:
        """Write it to a file, whole or not at all."""
        told = json.dumps([self.normalizer, self.shape, self.dtype, self.settings, self.refused])
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, told=np.asarray(told), **{f"row_{name}": each for name, each in self.rows.items()})
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Drawn":
        """Read it back."""
        with np.load(path) as file:
            name, shape, dtype, settings, refused = json.loads(str(file["told"]))
            rows = {key.removeprefix("row_"): file[key] for key in file.files if key != "told"}
        return cls(name, tuple(shape), dtype, settings, rows, refused)


def drawn(name: str, shape: tuple[int, ...], count: int, dtype: str, seed: int) -> Drawn:
    """So many cases. All of one shape share what is compiled; y, gamma, beta, epsilon, the loss and its weights and
    the test vectors differ."""
    source = np.random.default_rng([seed, *name.encode(), DTYPES.index(dtype), *shape])
    settings, found, refused = [], [], 0
    with exact():
        for number in range(count):
            try:
                setting, cut = one(name, shape, source, dtype)
                found.append(measure_cut(cut, seed=[seed, number], sampled=(0, 1)))
                settings.append(str(setting))
            except InputError:
                refused += 1
    return Drawn(name, shape, dtype, settings, stacked(found), refused)


def stacked(measured: list[Measured]) -> dict[str, np.ndarray]:
    """Cases of one normaliser and shape as the steps of one record."""
    each = [next(iter(place(one).sites.values())) for one in measured]
    return {name: np.concatenate([one[name] for one in each]) for name in each[0]}


def judged(of: Drawn) -> dict:
    """What every claim says of drawn cases."""
    out = {"normalizer": of.normalizer, "shape": of.shape, "dtype": of.dtype, "cases": len(of.settings)}
    norm = named(of.normalizer)
    records = Places(range(len(of.settings)), {"case": of.rows}, norm.arrangement.noun)
    points, worst, violations, excluded = 0, 0.0, [], Counter()
    for claim in claims_about(norm):
        verdict = evaluate(claim, records, network=of.normalizer, dtype=of.dtype)
        if verdict is None:
            continue
        excluded.update(verdict.excluded)
        points += verdict.points
        worst = max(worst, verdict.worst if verdict.points else 0.0)
        if verdict.violations:
            point = verdict.worst_points[0]
            where = of.settings[point.step]
            violations.append(f"{claim.key} at {verdict.violations} of {verdict.points}: {point} in {where}")
    found = {"points": points, "worst": worst, "violations": violations, "excluded": dict(excluded)}
    return out | found | {"refused": of.refused}


def sweep(count: int, dtype: str, seed: int, names=tuple(SHAPES), quick: bool = False, folder: Path | None = None):
    """Pieces of so many random correct cases together, judged; those whose measurements the folder has are not made
    again."""
    groups = [(name, shape) for name in names for shape in (SHAPES[name][:1] if quick else SHAPES[name])]
    share = -(-count // len(groups))
    out = []
    for name, shape in groups:
        path = folder and folder / f"{dtype}-{name}-{'x'.join(map(str, shape))}-{share}-{seed}.npz"
        start = time.perf_counter()
        if path and path.exists():
            cases = Drawn.load(path)
        else:
            cases = drawn(name, shape, share, dtype, seed)
            if path:
                cases.save(path)
        out.append(judged(cases))
        release_compiled()
        said = f"{out[-1]['cases']} cases, {out[-1]['points']} points, worst {out[-1]['worst']:.1e}"
        seconds = f"{time.perf_counter() - start:.0f} s"
        print(dtype, name, shape, said, seconds, *out[-1]["violations"], sep="\n  ", file=sys.stderr, flush=True)
    return out


def judge_wrong(limit: int | None = None, folder: Path | None = None) -> tuple[int, list[str]]:
    """How many wrong layers were tried, and which passed; those that the folder has are not tried again."""
    path = folder and folder / "wrong.json"
    known: dict[str, bool] = json.loads(path.read_text()) if path and path.exists() else {}
    layers = wrong_layers()[:limit]
    for number, wrong in enumerate(layers):
        if wrong.name not in known:
            known[wrong.name] = passes(wrong)
            release_compiled()
            print(f"wrong {number}: {wrong.name}", "PASSED" * known[wrong.name], file=sys.stderr, flush=True)
            if path:
                path.write_text(json.dumps(known, indent=1))
    return len(layers), [wrong.name for wrong in layers if known[wrong.name]]


def passes(layer: Wrong) -> bool:
    """Whether `assert_claims` is content with a layer."""
    options = {"normalizer": layer.normalizer, "layer": layer.layer, "context": layer.context}
    try:
        assert_claims(*data(layer.normalizer), **options)
    except AssertionError:
        return False
    return True


def rows(pieces: list[dict]) -> list[str]:
    """A line for every normaliser and precision, and one for each precision together."""
    lines = [
        "| correct | in | m | cases | points | violations | worst residual | tolerance | below rounding | refused |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for dtype in DTYPES:
        of_type = [each for each in pieces if each["dtype"] == dtype]
        names = dict.fromkeys(each["normalizer"] for each in of_type)
        for name in (*names, None):
            here = [each for each in of_type if name in (each["normalizer"], None)]
            if here:
                lines.append(_row(name or "**all**", dtype, here))
    return lines


def _row(name: str, dtype: str, here: list[dict]) -> str:
    def total(key: str) -> int:
        return sum(each[key] for each in here)

    sizes = sorted(_m(each["normalizer"], tuple(each["shape"])) for each in here)
    wrong = sum(len(each["violations"]) for each in here)
    lost = sum(each["excluded"].get("below rounding", 0) for each in here)
    tolerance = TOLERANCES[dtype]["equality"]
    cells = (name, dtype, f"{sizes[0]:,} to {sizes[-1]:,}", f"{total('cases'):,}", f"{total('points'):,}", str(wrong))
    worst = f"{max(each['worst'] for each in here):.1e}"
    return f"| {' | '.join((*cells, worst, f'{tolerance:.1e}', f'{lost:,}', str(total('refused'))))} |"


def _m(name: str, shape: tuple[int, ...]) -> int:
    """How many values a vector has."""
    return named(name).columns(np.zeros(shape)).shape[0]


def table(pieces: list[dict], tried: int, passed: list[str]) -> str:
    """The tables of both."""
    lines = [*rows(pieces), "", "| wrong layers | passed |", "|---|---|", f"| {tried} | {len(passed)} |", ""]
    lines += [f"passed: {each}" for each in passed]
    lines += [f"violated: {each['dtype']} {each['normalizer']} {v}" for each in pieces for v in each["violations"]]
    return "\n".join(lines).rstrip() + "\n"


def written(page: str, text: str) -> str:
    """The page with the tables in their place."""
    return re.sub(f"(?s){re.escape(BEGIN)}.*{re.escape(END)}", lambda _: f"{BEGIN}\n{text}{END}", page)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000, help="in each precision")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dtypes", default=",".join(DTYPES))
    parser.add_argument("--wrong", type=int, default=None, help="only the first so many wrong layers")
    parser.add_argument("--quick", action="store_true", help="one shape a normaliser")
    parser.add_argument("--only", default=",".join(SHAPES), help="normalisers")
    parser.add_argument("--folder", type=Path, help="where pieces are kept")
    parser.add_argument("--out", type=Path, help="where the tables are written")
    parser.add_argument("--page", type=Path, help="the page they are written into")
    given = parser.parse_args()
    names, pieces = tuple(given.only.split(",")), []
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
    for dtype in given.dtypes.split(","):
        pieces += sweep(given.cases, dtype, given.seed, names=names, quick=given.quick, folder=given.folder)
    tried, passed = judge_wrong(given.wrong, given.folder)
    text = table(pieces, tried, passed)
    print(text)
    if given.out:
        device = f"jax {jax.__version__}, {jax.devices()[0].device_kind}, seed {given.seed}"
        given.out.write_text(f"{device}; {len(LOSSES)} losses, {len(names)} normalisers\n\n{text}")
    if given.page:
        given.page.write_text(written(given.page.read_text(), text))
    return int(bool(passed or any(each["violations"] for each in pieces)))


if __name__ == "__main__":
    sys.exit(main())
