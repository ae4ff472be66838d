"""The settings of JAX under which everything is measured, whatever a user's session has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, wraps
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


def cheaply_compiled(function: Callable, static_argnums: tuple[int, ...] = ()) -> Any:
    """A function compiled at its first call, with little optimisation: most of these programs run a few times, and
    compiling takes longer than they do. A training step is as fast on some processors (ratios of 0.95 to 1.03 at widths
    1/8 to 1), its time being that of matrix products, and slower on others (1.16 at width 1/4): ``thoroughly`` is the
    function compiled with all of it. A user's own XLA_FLAGS stay as they are. ``program()`` is what `jax.jit` makes of
    the function."""

    @cache
    def program():
        return jax.jit(function, static_argnums=static_argnums, compiler_options=_options())

    @cache
    def whole():
        return jax.jit(function, static_argnums=static_argnums)

    @wraps(function)
    def call(*arguments):
        return program()(*arguments)

    @wraps(function)
    def thoroughly(*arguments):
        return whole()(*arguments)

    found: Any = call
    found.program, found.thoroughly = program, thoroughly
    return found


@cache
def _options() -> dict[str, Any] | None:
    """What makes compiling cheap here: nothing on other devices, under a user's own flags, and where XLA has no such
    options."""
    if jax.default_backend() != "cpu" or any(name in os.environ.get("XLA_FLAGS", "") for name in _FAST):
        return None
    try:
        jax.jit(lambda: 0, compiler_options=_FAST)()
    except Exception:  # whatever an XLA of another version raises
        return None
    return _FAST
