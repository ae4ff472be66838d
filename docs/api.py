"""The API reference, built from the docstrings of every module:  python docs/api.py [DIRECTORY]"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import pdoc

ROOMS = ("theory", "empirical", "reports")


# Modules that cannot be imported without a package that is neither needed nor in the extra `dev`.
OPTIONAL = {
    "bnverify.empirical.adapters.haiku": "haiku",
    "bnverify.empirical.adapters.torch": "torch",
    "bnverify.empirical.adapters.torch_sites": "torch",
    "bnverify.empirical.adapters.torch_suspects": "torch",
    "bnverify.empirical.adapters.transformer_probes": "torch",
    "bnverify.empirical.conformance.haiku_layer": "haiku",
    "bnverify.empirical.conformance.keras_copy": "keras",
    "bnverify.empirical.conformance.keras_layer": "keras",
    "bnverify.empirical.conformance.torch_layer": "torch",
    "bnverify.empirical.conformance.torch_session": "torch",
}


def modules() -> list[str]:
    """Every module of the project, by its full name, but for those whose optional package is not installed."""
    found = pkgutil.walk_packages(importlib.import_module("bnverify").__path__, "bnverify.")
    names = (module.name for module in found if not module.name.endswith("__main__"))
    return ["bnverify", *(name for name in names if name not in missing())]


def missing() -> list[str]:
    """Those whose optional package is not installed."""
    return [name for name, package in OPTIONAL.items() if importlib.util.find_spec(package) is None]


def build(directory: Path, names: Sequence[str] = ()) -> None:
    """Write one HTML page a module (of all, or of these), an index and a search."""
    for name in (*ROOMS, "empirical.conformance"):
        package = importlib.import_module(f"bnverify.{name}")
        for public in package.__all__:  # some are imported when they are asked for; the reference wants them now
            setattr(package, public, getattr(package, public))
    # Annotations of named tuples are text that pdoc cannot look up; it prints them as they are written.
    warnings.filterwarnings("ignore", "Error parsing type annotation")
    warnings.filterwarnings("ignore", "Couldn.t import bnverify")  # modules of optional packages that are not there
    warnings.filterwarnings("ignore", "The module specification")  # a module named as what it exports is found twice
    pdoc.render.configure(docformat="markdown", math=False, search=True)
    pdoc.pdoc(*(names or modules()), *(f"!{name}" for name in missing()), output_directory=directory)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "build/api")
    build(target)
    print(f"{len(modules())} modules: {target / 'index.html'}")
