"""The API reference, built from the docstrings of every module:  python docs/api.py [DIRECTORY]"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import warnings
from pathlib import Path

import pdoc

ROOMS = ("theory", "empirical", "reports")


def modules() -> list[str]:
    """Every module of the project, by its full name."""
    found = pkgutil.walk_packages(importlib.import_module("bnverify").__path__, "bnverify.")
    return ["bnverify", *(module.name for module in found if not module.name.endswith("__main__"))]


def build(directory: Path) -> None:
    """Write one HTML page a module, an index and a search."""
    for name in ROOMS:
        package = importlib.import_module(f"bnverify.{name}")
        for public in package.__all__:  # some are imported when they are asked for; the reference wants them now
            setattr(package, public, getattr(package, public))
    # Annotations of named tuples are text that pdoc cannot look up; it prints them as they are written.
    warnings.filterwarnings("ignore", "Error parsing type annotation")
    warnings.filterwarnings("ignore", "The module specification")  # a module named as what it exports is found twice
    pdoc.render.configure(docformat="markdown", math=False, search=True)
    pdoc.pdoc(*modules(), output_directory=directory)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "build/api")
    build(target)
    print(f"{len(modules())} modules: {target / 'index.html'}")
