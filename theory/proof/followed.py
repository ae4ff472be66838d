"""Exact examples of a layer that another batch norm follows: z, ReLU, a linear layer, batch norm, a linear loss."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

from bnverify.theory.algebra.jet import Jet
from bnverify.theory.proof.example import Example, dot
from bnverify.theory.proof.trial import Channel, Trial, rational_epsilon, trial

F = Fraction
_AFTER = (F(1), F(-2), F(3), F(1))


def _rectified(entry: Any) -> Any:
    value = entry.c0 if isinstance(entry, Jet) else entry
    return entry if value > 0 else 0 * entry


def _follow(base: Trial, weights: tuple[Fraction, Fraction], with_epsilon: bool) -> Trial:
    def after_linear(values: list[list[Any]]) -> list[Any]:
        rectified = zip(*([_rectified(e) for e in row] for row in values), strict=True)
        return [weights[0] * p + weights[1] * q + F(5, 7) for p, q in rectified]

    z = [c.vector("z") for c in base.channels]
    y = tuple(after_linear(z))
    epsilon = rational_epsilon(base.channels[0].example.normalizer, y) if with_epsilon else F(0)
    after = Example(y, _AFTER, gamma=F(3, 2), epsilon=epsilon)

    def loss(values: list[list[Any]]) -> Any:
        return after.gamma * dot(_AFTER, after.normalise(after_linear(values))[0])

    gradients = []
    for j in range(2):
        slopes = []
        for i in range(len(y)):
            values = [[Jet(e, int((j, i) == (a, b))) for b, e in enumerate(row)] for a, row in enumerate(z)]
            slopes.append(loss(values).c1)
        gradients.append(tuple(slopes))
    channels = tuple(
        Channel(replace(c.example, g=g), c.X, c.filter, c.bias, c.start, c.optimum, dict(c.more))
        for c, g in zip(base.channels, gradients, strict=True)
    )
    numbers = base.numbers | {"followed": F(1), "next_y_v": dot(y, after.v)}
    return Trial(f"{base.name}, another batch norm after it", channels, None, numbers)


@cache
def followed() -> tuple[Trial, ...]:
    """With and without epsilon in both norms."""
    plain = trial("4 values, epsilon > 0")
    return (_follow(plain, (F(2), F(-1)), True), _follow(_exact(), (F(1), F(1)), False))


def _exact() -> Trial:
    """A layer without epsilon after which the next outputs are 7, 7, 1, 1 (and a bias), of deviation 3."""
    base = trial("4 values, epsilon = 0", epsilon=False)
    outputs = ((F(7), F(-1), F(1), F(-7)), (F(-1), F(7), F(-7), F(1)))
    channels = tuple(
        replace(c, known={}, example=replace(c.example, y=y, gamma=F(5), beta=F(0)))
        for c, y in zip(base.channels, outputs, strict=True)
    )
    return replace(base, channels=channels)
