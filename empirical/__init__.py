"""Networks that can be cut, measurements by automatic differentiation, and verdicts on the claims of theory/."""

from empirical.compile import CompiledClaim, Sides, compile_claim
from empirical.config import PRESETS, RunConfig, preset
from empirical.errors import InputError
from empirical.records import Run, load_run
from empirical.verdict import TOLERANCES, Verdict, evaluate, summarise, verify

__all__ = [
    "PRESETS", "TOLERANCES", "CompiledClaim", "InputError", "Run", "RunConfig", "Sides", "Verdict", "compile_claim",
    "evaluate", "load_run", "measure", "preset", "summarise", "train", "verify",
]  # fmt: skip


def __getattr__(name: str):
    """`measure` and `train` need JAX; everything else does not, so JAX is imported when one of them is asked for."""
    if name == "measure":
        from empirical.measurement import measure

        return measure
    if name == "train":
        from empirical.run import train

        return train
    raise AttributeError(f"module 'empirical' has no attribute {name!r}")
