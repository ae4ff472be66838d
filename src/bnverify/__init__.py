"""bnverify settles what is true about batch normalisation: `theory` derives, `empirical` measures, `reports` shows."""

from __future__ import annotations

from bnverify.errors import InputError

__all__ = ["InputError", "empirical", "reports", "theory"]
_ROOMS = ("empirical", "reports", "theory")


def __getattr__(name: str):
    """Each room is imported when it is asked for: neither the command line's help nor a theorem needs JAX."""
    import importlib

    if name in _ROOMS:
        return importlib.import_module(f"bnverify.{name}")
    raise AttributeError(f"module 'bnverify' has no attribute {name!r}; it has {', '.join(_ROOMS)}")


def __dir__() -> list[str]:
    return __all__
