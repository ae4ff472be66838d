"""Networks that can be cut, measurements by automatic differentiation, and verdicts on the claims of theory/."""

if __name__ == "empirical":
    raise ImportError(
        "got: import empirical; expected: import bnverify.empirical, its only name, so that no class exists twice"
    )

import importlib

from bnverify.empirical.judgement.compile import CompiledClaim, Sides, compile_claim
from bnverify.empirical.judgement.verdict import TOLERANCES, Verdict, evaluate, summarise, verify
from bnverify.empirical.runs.config import PRESETS, RunConfig, preset
from bnverify.empirical.runs.records import Run, Runs, load_run
from bnverify.errors import InputError

__all__ = [
    "PRESETS", "TOLERANCES", "CompiledClaim", "InputError", "Run", "RunConfig", "Runs", "Sides", "Verdict",
    "assert_claims", "check", "compile_claim", "evaluate", "load_run", "measure", "preset", "summarise", "train",
    "verify",
]  # fmt: skip

# They need JAX; everything else does not, so JAX is imported when one of them is asked for.
_NEED_JAX = {
    "assert_claims": "judgement.assertion",
    "check": "judgement.assertion",
    "measure": "measurement.measurement",
    "measure_model": "adapters.nnx",
    "normalization_of": "normalization.own_normalizer",
    "train": "runs.run",
}


def __getattr__(name: str):
    if name in _NEED_JAX:
        return getattr(importlib.import_module(f"bnverify.empirical.{_NEED_JAX[name]}"), name)
    raise AttributeError(f"module 'bnverify.empirical' has no attribute {name!r}")
