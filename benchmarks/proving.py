"""Time to prove the whole catalogue from nothing, and what importing the theory adds to importing SymPy.

    python benchmarks/proving.py --rounds 5

Every round is a new process, since a second proof of the same claim finds SymPy's caches and the derived backward
pass ready. A claim that comes early pays for what later ones share. Checked after the claims are the printed formulas
of the audit, with their counterexamples. Given are medians over the rounds, and the slowest by name.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from convolution import show

ROOT = Path(__file__).resolve().parent.parent
ROUND = """
import json, sys, time
start = time.perf_counter()
import sympy
after_sympy = time.perf_counter()
from bnverify import theory
times = {"import sympy": after_sympy - start, "from bnverify import theory": time.perf_counter() - after_sympy}

def seconds(records, method):
    out = {}
    for key, record in records.items():
        start = time.perf_counter()
        getattr(record, method)()
        out[key] = time.perf_counter() - start
    return out

times["claims"] = seconds(theory.CLAIMS, "prove")
times["printed formulas"] = seconds(getattr(theory, "AUDIT", {}), "check")
json.dump(times, sys.stdout)
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slowest", type=int, default=5, help="how many to name")
    options = parser.parse_args(arguments)
    rounds = [_round() for _ in range(options.rounds)]
    rows = [_row("import sympy", [times["import sympy"] for times in rounds]),
            _row("import theory, after sympy", [times["from bnverify import theory"] for times in rounds])]  # fmt: skip
    for kind in ("claims", "printed formulas"):
        keys = list(rounds[0][kind])
        rows.append(_row(f"all {len(keys)} {kind}", [sum(times[kind].values()) for times in rounds]))
        each = {key: [times[kind][key] for times in rounds] for key in keys}
        slowest = sorted(keys, key=lambda key, each=each: -statistics.median(each[key]))
        rows += [_row(f"  {key}", each[key]) for key in slowest[: options.slowest]]
    show(f"proving, {options.rounds} new processes, sympy {version('sympy')}", rows)


def _round() -> dict:
    """The times of one new process."""
    command = [sys.executable, "-c", ROUND]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def _row(what: str, seconds: list[float]) -> dict[str, str]:
    spread = f"{min(seconds):.3f} - {max(seconds):.3f}"
    return {"what": what, "seconds (median)": f"{statistics.median(seconds):.3f}", "range": spread}


if __name__ == "__main__":
    main()
