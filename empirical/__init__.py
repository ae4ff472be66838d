"""Networks that can be cut, measurements by automatic differentiation, and verdicts on the claims of theory/."""

from __future__ import annotations

if __name__ == "empirical":
    raise ImportError("got: import empirical; expected: import bnverify.empirical, its only name")

import importlib
from typing import Any

_WHERE = {
    "PRESETS": "runs.config",
    "TOLERANCES": "judgement.verdict",
    "CompiledClaim": "judgement.compile",
    "Run": "runs.records",
    "RunConfig": "runs.config",
    "Runs": "runs.records",
    "Sides": "judgement.compile",
    "Verdict": "judgement.verdict",
    "assert_claims": "judgement.assertion",
    "check": "judgement.assertion",
    "compile_claim": "judgement.compile",
    "evaluate": "judgement.verdict",
    "load_run": "runs.records",
    "measure": "measurement.measurement",
    "measure_model": "adapters.nnx",
    "normalization_of": "normalization.own_normalizer",
    "preset": "runs.config",
    "summarise": "judgement.verdict",
    "train": "runs.run",
    "verify": "judgement.verdict",
}
__all__ = sorted((*_WHERE, "InputError"))


def __getattr__(name: str) -> Any:
    """Each name comes from its module when it is asked for: reading a run needs no JAX, a help text nothing at all."""
    if name == "InputError":
        from bnverify.errors import InputError

        return InputError
    if name not in _WHERE:
        raise AttributeError(f"module 'bnverify.empirical' has no attribute {name!r}")
    return getattr(importlib.import_module(f"bnverify.empirical.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
