"""How often a right layer is called wrong, and a wrong one right.

    python benchmarks/verdicts.py --cases 10000

Random correct cases (every normaliser, ten losses, m from 2 to 4,096, mean over deviation up to 1e6, deviations from
1e-12, epsilon from 0 to 1) in float64 and float32: no claim may be violated. Wrong layers (`verdict_cases.wrong`): none
may pass `assert_claims`, and to have tested nothing is not to pass. Writes the table of both to --out.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import jax
import numpy as np
from verdict_cases.correct import LOSSES, SHAPES, one
from verdict_cases.wrong import Wrong, data, wrong_layers

from bnverify.empirical.judgement.assertion import assert_claims
from bnverify.empirical.judgement.judged import place
from bnverify.empirical.judgement.verdict import Places, evaluate
from bnverify.empirical.measurement.measured import Measured
from bnverify.empirical.measurement.measurement import measure_cut
from bnverify.empirical.measurement.settings import exact
from bnverify.empirical.normalization.own_normalizer import claims_about
from bnverify.errors import InputError


def stacked(measured: list[Measured]) -> Places:
    """Cases of one normaliser and shape as the steps of one record."""
    each = [next(iter(place(one).sites.values())) for one in measured]
    rows = {name: np.concatenate([one[name] for one in each]) for name in each[0]}
    return Places(range(len(each)), {"case": rows}, measured[0].normalization.arrangement.noun)


def sweep(count: int, dtype: str, seed: int, names=tuple(SHAPES), quick: bool = False) -> dict:
    """Violations, points and refusals over so many random correct cases."""
    groups = [(name, shape) for name in names for shape in (SHAPES[name][:1] if quick else SHAPES[name])]
    share = -(-count // len(groups))
    out = {
        "cases": 0,
        "refused": 0,
        "points": 0,
        "violations": [],
        "worst": 0.0,
        "below rounding": 0,
        "losses": Counter(),
    }
    with exact():
        for name, shape in groups:
            settings, found = [], []
            for setting, cut in _drawn(name, shape, share, seed, dtype, out):
                found.append(measure_cut(cut, seed=len(found), sampled=(0, 1)))
                settings.append(setting)
                out["losses"][setting.loss] += 1
            out["cases"] += len(found)
            _judge(name, shape, settings, found, dtype, out)
            done = f"{out['cases']} cases, {out['points']} points, {len(out['violations'])} violated"
            print(f"{dtype} {name} {shape}: {done}, worst {out['worst']:.1e}", file=sys.stderr, flush=True)
    return out


def _drawn(name, shape, share, seed, dtype, out):
    """So many cases; one whose vectors are constant as far as the precision can tell, with epsilon 0, is refused."""
    source = np.random.default_rng([seed, len(name), *shape])
    for _ in range(share):
        try:
            yield one(name, shape, source, dtype)
        except InputError:
            out["refused"] += 1


def _judge(name, shape, settings, found, dtype, out) -> None:
    if not found:
        return
    records = stacked(found)
    for claim in claims_about(found[0].normalization):
        verdict = evaluate(claim, records, network=name, dtype=dtype)
        if verdict is None:
            continue
        out["points"] += verdict.points
        out["below rounding"] += verdict.excluded.get("below rounding", 0)
        out["worst"] = max(out["worst"], verdict.worst if verdict.points else 0.0)
        if verdict.violations:
            point = verdict.worst_points[0]
            out["violations"].append(f"{name} {shape} {claim.key}: {point} in {settings[point.step]}")


def judge_wrong(limit: int | None = None) -> tuple[int, list[str]]:
    """How many wrong layers were tried, and which passed."""
    passed, layers = [], wrong_layers()[:limit]
    for wrong in layers:
        try:
            assert_claims(
                *data(wrong.normalizer), normalizer=wrong.normalizer, layer=wrong.layer, context=wrong.context
            )
        except AssertionError:
            continue
        passed.append(f"{wrong.normalizer}: {wrong.defect}")
    return len(layers), passed


def passes(layer: Wrong) -> bool:
    """Whether `assert_claims` is content with a layer."""
    options = {"normalizer": layer.normalizer, "layer": layer.layer, "context": layer.context}
    try:
        assert_claims(*data(layer.normalizer), **options)
    except AssertionError:
        return False
    return True


def table(results: dict, tried: int, passed: list[str], seconds: float) -> str:
    """The table of both."""
    lines = [
        f"jax {jax.__version__}, {jax.devices()[0].device_kind}, {seconds:.0f} s; {len(LOSSES)} losses, "
        f"{len(SHAPES)} normalisers",
        "",
        "| correct layers in | cases | refused | points | violations | worst residual | tolerance | below rounding |",
        "|---|---|---|---|---|---|---|---|",
    ]
    tolerance = {"float64": 2.0**-40, "float32": 1e-5}
    for dtype, r in results.items():
        counts = " | ".join(f"{r[name]:,}" for name in ("cases", "refused", "points"))
        seen = f"{len(r['violations'])} | {r['worst']:.1e} | {tolerance[dtype]:.1e} | {r['below rounding']:,}"
        lines.append(f"| {dtype} | {counts} | {seen} |")
    lines += ["", "| wrong layers | passed |", "|---|---|", f"| {tried} | {len(passed)} |", ""]
    lines += [f"passed: {each}" for each in passed]
    lines += [f"violated: {each}" for r in results.values() for each in r["violations"]]
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dtypes", default="float64,float32")
    parser.add_argument("--wrong", type=int, default=None, help="only the first so many wrong layers")
    parser.add_argument("--quick", action="store_true", help="one shape a normaliser")
    parser.add_argument("--only", default=",".join(SHAPES), help="normalisers, so that a sweep can be made in pieces")
    parser.add_argument("--out", type=Path, help="where the table is written")
    given = parser.parse_args()
    start = time.perf_counter()
    names = tuple(given.only.split(","))
    results = {
        dtype: sweep(given.cases, dtype, given.seed, names=names, quick=given.quick)
        for dtype in given.dtypes.split(",")
    }
    tried, passed = judge_wrong(given.wrong)
    text = table(results, tried, passed, time.perf_counter() - start)
    print(text)
    if given.out:
        given.out.write_text(text)
    return int(bool(passed or any(r["violations"] for r in results.values())))


if __name__ == "__main__":
    sys.exit(main())
