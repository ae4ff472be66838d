"""The settings of JAX under which everything is measured, whatever a user's session has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import jax

# On a CPU a training step compiles in half the time with these: 7.6 s of CPU instead of 15.7 at the quick preset.
_FAST: dict[str, Any] = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}


@contextmanager
def exact() -> Iterator[None]:
    """float64; and none of the checks that refuse what this package fills, broadcasts or transfers itself: values that
    are not measured are NaN."""
    with ExitStack() as stack:
        for setting in (
            jax.enable_x64(True), jax.debug_nans(False), jax.debug_infs(False), jax.numpy_rank_promotion("allow"),
            jax.transfer_guard("allow"),
        ):  # fmt: skip
            stack.enter_context(setting)
        yield


def seldom(function: Callable) -> Any:
    """A function compiled for a few calls: a program of the whole network, whose compilation takes longer than they do.
    A user's own XLA_FLAGS stay as they are."""
    own = any(name in os.environ.get("XLA_FLAGS", "") for name in _FAST)
    fast = jax.default_backend() == "cpu" and not own
    return jax.jit(function, compiler_options=_FAST if fast else None)
