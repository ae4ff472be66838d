"""Networks that can be cut, measurements by automatic differentiation, and verdicts on the claims of theory/."""

import importlib

from empirical.compile import CompiledClaim, Sides, compile_claim
from empirical.config import PRESETS, RunConfig, preset
from empirical.errors import InputError
from empirical.records import Run, Runs, load_run
from empirical.verdict import TOLERANCES, Verdict, evaluate, summarise, verify

__all__ = [
    "PRESETS", "TOLERANCES", "CompiledClaim", "InputError", "Run", "RunConfig", "Runs", "Sides", "Verdict",
    "assert_claims", "check", "compile_claim", "evaluate", "load_run", "measure", "preset", "summarise", "train",
    "verify",
]  # fmt: skip

# They need JAX; everything else does not, so JAX is imported when one of them is asked for.
_NEED_JAX = {
    "assert_claims": "empirical.assertion", "check": "empirical.assertion", "measure": "empirical.measurement",
    "measure_model": "empirical.nnx", "normalization_of": "empirical.own_normalizer", "train": "empirical.run",
}  # fmt: skip


def __getattr__(name: str):
    if name in _NEED_JAX:
        return getattr(importlib.import_module(_NEED_JAX[name]), name)
    raise AttributeError(f"module 'empirical' has no attribute {name!r}")
