"""Gaussian inputs and their images under a fixed Gaussian matrix: the data of the deep linear network."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from bnverify.errors import InputError

SIZE, SAMPLES = 10, 1_000
_STREAMS = {"A": 1, "x": 2, "test x": 3}


@dataclass(frozen=True)
class LinearData:
    """Inputs (n, d) and targets A x (n, d) in float32, for training (one full batch) and for testing.

    ``fingerprint`` is the SHA-256 of the four arrays, computed and never passed. Two are equal when it is.
    """

    name: str
    inputs: np.ndarray = field(repr=False, compare=False)
    targets: np.ndarray = field(repr=False, compare=False)
    test_inputs: np.ndarray = field(repr=False, compare=False)
    test_targets: np.ndarray = field(repr=False, compare=False)
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256()
        for key in ("inputs", "targets", "test_inputs", "test_targets"):
            array = np.ascontiguousarray(getattr(self, key), "<f4")
            digest.update(f"{key} {array.shape};".encode())
            digest.update(array.data)
            view = array.view()
            view.setflags(write=False)
            object.__setattr__(self, key, view)
        object.__setattr__(self, "fingerprint", digest.hexdigest())


def gaussian_data(seed: int = 0, samples: int = SAMPLES, test: int = SAMPLES, size: int = SIZE) -> LinearData:
    """x ~ N(0, I) and targets A x with A ~ N(0, 1) entrywise, each array from its own stream of the seed."""
    if seed < 0 or min(samples, test, size) < 1:
        raise InputError(
            got=f"seed {seed}, {samples} samples, {test} test samples, size {size}",
            expected="a seed of at least 0 and positive numbers",
            advice="leave the arguments out to get the published setting",
        )
    a, x, test_x = (
        np.random.default_rng([seed, stream]).standard_normal((rows, size))
        for stream, rows in zip(_STREAMS.values(), (size, samples, test), strict=True)
    )
    arrays = (x, x @ a.T, test_x, test_x @ a.T)
    return LinearData("gaussian", *(each.astype(np.float32) for each in arrays))
