"""A report of four claims, three printed formulas, two normalizers and three figures, so that a test can build several.

    python tests/support/small_report.py RUN DIRECTORY

builds that of a run and prints the digests of what it wrote.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

CLAIMS = ("normalised-norm", "theorem-4.1", "theorem-4.2", "lemma-4.5-rows")
RECORDS = ("4.1-v3", "4.1", "4.2-psd")
NORMALIZERS = ("batch", "rms")
FIGURES = ("training", "residuals", "theorem-4.1")
_PLACES = {
    "CLAIMS": (CLAIMS, ("bnverify.reports.document.derived", "bnverify.empirical.judgement.verdict")),
    "AUDIT": (RECORDS, ("bnverify.reports.document.derived", "bnverify.reports.document.normalizers")),
    "NORMALIZERS": (NORMALIZERS, ("bnverify.reports.document.derived",)),
    "FIGURES": (FIGURES, ("bnverify.reports.figures.catalogue",)),
}


def reduce(put: Callable[[Any, str, Any], None]) -> None:
    """Make every report small; ``put`` is setattr, or that of a test that undoes it."""
    for name, (keys, modules) in _PLACES.items():
        for module in map(import_module, modules):
            whole = getattr(module, name)
            put(module, name, {key: whole[key] for key in keys})


def digests(built: Any) -> dict[str, str]:
    """What every file of a report holds, by its path, and by what its PDF was set."""
    folder = Path(built.markdown).parent
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    found = {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    return found | {"engine": built.engine, "note": built.note}


if __name__ == "__main__":
    from bnverify.empirical import load_run
    from bnverify.reports import build_report

    reduce(setattr)
    print(json.dumps(digests(build_report(load_run(sys.argv[1]), sys.argv[2], also=["tex"]))))
