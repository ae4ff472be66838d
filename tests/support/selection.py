"""Which cases of a parametrised test run by default."""

from collections.abc import Collection, Iterable

import pytest


def first_and_slow(names: Iterable[str], first: Collection[str]) -> list:
    """The names as parameters, those not in ``first`` marked slow; KeyError for a name that is not there."""
    names = list(names)
    if missing := set(first) - set(names):
        raise KeyError(f"got {sorted(missing)}; expected some of {names}")
    return [name if name in first else pytest.param(name, marks=pytest.mark.slow) for name in names]
