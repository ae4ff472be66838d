"""The quantities of one place as they are judged: claim after claim is evaluated there, and sizes are found once."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from bnverify.empirical.judgement.sizes import Sizes


class Quantities(dict[str, np.ndarray]):
    """The quantities of one place, which keep the sizes of their roundings: claim after claim is evaluated there. What
    is kept is of the numbers as they are: a change forgets it."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._sizes: dict[tuple[float, float, bool], Sizes] = {}
        self._best: dict[float, Quantities] = {}

    def __setitem__(self, name: str, value: np.ndarray) -> None:
        super().__setitem__(name, value)
        self._sizes.clear()
        self._best.clear()

    def update(self, *arguments: Any, **more: Any) -> None:
        """Set each of them."""
        for name, value in dict(*arguments, **more).items():
            self[name] = value

    def __ior__(self, other: Any) -> Self:  # type: ignore[override, misc]
        self.update(other)
        return self

    def sizes(self, unit: float, least: float = 0.0, squares: bool = False) -> Sizes:
        """The sizes for a tolerance, a smallest normal number and a form of the variance."""
        key = (unit, least, squares)
        if key not in self._sizes:
            self._sizes[key] = Sizes(self, *key)
        return self._sizes[key]

    def at_best(self, unit: float) -> Quantities:
        """The same vectors with mean zero. What is constant up to rounding has no values after the mean to be exact to:
        it is taken to be as exact as a vector of deviation s."""
        if unit not in self._best:
            best = Quantities(self | {"mu": np.asarray(0.0)})
            if "deviation" in self and "mu" in self:
                deviation, s, mu = self["deviation"], self["s"], np.abs(self["mu"])
                best["deviation"] = np.where(deviation <= unit * mu, s, deviation)
                if "size_along_gamma" in self:  # a sum over the vectors of what the mean is a part of
                    share = best["deviation"] / np.fmax(mu + best["deviation"], np.finfo(float).tiny)
                    best["size_along_gamma"] = self["size_along_gamma"] * np.max(share, axis=-1, keepdims=True)
            self._best[unit] = best
        return self._best[unit]
