"""The architectures that can be trained, each a module of this package with its `ARCHITECTURE`.

A new one is a new module here and nothing else. Importing the package needs no JAX: an architecture imports what its
networks are made of when one is built.
"""

from __future__ import annotations

import importlib
import pkgutil

from bnverify.empirical.architectures.architecture import Architecture, Images, Task, Words
from bnverify.errors import InputError

__all__ = ["ARCHITECTURES", "Architecture", "Images", "Task", "Words", "architecture"]


def _found() -> dict[str, Architecture]:
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    found = [module.ARCHITECTURE for module in modules if hasattr(module, "ARCHITECTURE")]
    return {one.name: one for one in sorted(found, key=lambda one: (one.rank, one.name))}


ARCHITECTURES: dict[str, Architecture] = _found()


def architecture(name: str) -> Architecture:
    """The architecture of that name; InputError lists the known ones."""
    if name not in ARCHITECTURES:
        raise InputError(
            got=f"architecture {name!r}",
            expected=f"one of {', '.join(ARCHITECTURES)}",
            advice="pass a listed architecture",
        )
    return ARCHITECTURES[name]
