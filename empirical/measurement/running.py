"""Running statistics before and after a step, as quantities."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnverify.empirical.measurement.cut import Running


def running_quantities(running: Running, dtype: Any) -> dict[str, np.ndarray]:
    """The moments before and after, the weight, and two flags a channel: which variance the running one is fed with."""
    arrays = ("mean_before", "mean_after", "variance_before", "variance_after")
    out = {name: np.asarray(getattr(running, name), np.float64) for name in arrays}
    every = np.ones(len(out["mean_before"]), bool)
    flags = {"running_unbiased": every & running.unbiased, "running_biased": every & (not running.unbiased)}
    return out | flags | {"running_weight": np.asarray([running.weight], np.float64)}
