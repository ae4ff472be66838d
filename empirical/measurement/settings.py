"""The settings of JAX under which everything is measured, whatever a user's session has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import jax


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
