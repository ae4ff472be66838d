"""The build backend: setuptools, with theory/, empirical/ and reports/ linked below src/bnverify.

The three folders stand at the top of the repository, and are imported as bnverify.theory, bnverify.empirical and
bnverify.reports. A link (a junction on Windows) makes them one package for Python, mypy, editors and wheels.
Run as a script it makes the links and nothing else: ``python build_backend.py``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
FOLDERS = ("theory", "empirical", "reports")


def link() -> None:
    """Link the three folders below src/bnverify where they are not there yet."""
    for name in FOLDERS:
        target, place = ROOT / name, ROOT / "src" / "bnverify" / name
        if place.is_dir() and place.samefile(target):
            continue
        if place.is_symlink() or place.is_file():  # of another checkout, or a link that git wrote as a text file
            place.unlink()
        try:
            place.symlink_to(Path("..", "..", name), target_is_directory=True)
        except OSError:
            if os.name != "nt":
                raise
            import _winapi  # symbolic links need a privilege on Windows, junctions do not

            _winapi.CreateJunction(str(target), str(place))


def build_wheel(*arguments: Any, **options: Any) -> str:
    """Build a wheel; the linked folders are copied into it."""
    link()
    return _setuptools().build_wheel(*arguments, **options)


def build_editable(*arguments: Any, **options: Any) -> str:
    """Build an editable wheel: one path, src, which the links complete."""
    link()
    return _setuptools().build_editable(*arguments, **options)


def build_sdist(*arguments: Any, **options: Any) -> str:
    """Build a source distribution: the three folders once, at the top."""
    return _setuptools().build_sdist(*arguments, **options)


def get_requires_for_build_wheel(*arguments: Any, **options: Any) -> list[str]:
    """What setuptools asks for."""
    link()
    return _setuptools().get_requires_for_build_wheel(*arguments, **options)


def get_requires_for_build_editable(*arguments: Any, **options: Any) -> list[str]:
    """What setuptools asks for."""
    link()
    return _setuptools().get_requires_for_build_editable(*arguments, **options)


def prepare_metadata_for_build_editable(*arguments: Any, **options: Any) -> str:
    """The metadata, with the links in place."""
    link()
    return _setuptools().prepare_metadata_for_build_editable(*arguments, **options)


def prepare_metadata_for_build_wheel(*arguments: Any, **options: Any) -> str:
    """The metadata, with the links in place."""
    link()
    return _setuptools().prepare_metadata_for_build_wheel(*arguments, **options)


def _setuptools() -> Any:
    from setuptools import build_meta

    return build_meta


if __name__ == "__main__":
    link()
