"""One channel of batch norm in balls: every quantity a claim names, from the definition, differentiated step by step.

Nothing of theory/ but names is used. Derivatives are those of the steps mu, y - mu, variance, s, (y - mu)/s, one after
another: backwards for gradients, as Taylor polynomials of second order for derivatives along a line. So a claim that
gives one of them in closed form is tested, not assumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bnverify.empirical.measurement.probes import Seed, random_tests
from bnverify.empirical.rigorous.balls import Ball, dot, exactly, flint, total
from bnverify.errors import InputError
from bnverify.theory import QUANTITIES

Vector = list[Ball]


@dataclass(frozen=True)
class Steps:
    """The steps of batch norm at some y, before gamma and beta."""

    y: Vector
    epsilon: Ball
    mean: Ball
    centred: Vector
    variance: Ball
    s: Ball

    @cached_property
    def yhat(self) -> Vector:
        return [c / self.s for c in self.centred]

    def backwards(self, of_yhat: Sequence[Ball], of_s: Ball) -> Vector:
        """The derivative by y, given the derivatives by yhat and, directly, by s: one step after another."""
        m = len(self.y)
        of_s = of_s - dot(of_yhat, self.centred) / self.s**2
        of_variance = of_s / (2 * self.s)
        of_centred = [h / self.s + of_variance * 2 * c / m for h, c in zip(of_yhat, self.centred, strict=True)]
        of_mean = -total(of_centred)
        return [c + of_mean / m for c in of_centred]

    def along(self, direction: Sequence[Ball]) -> tuple[Vector, Vector, Ball]:
        """Of y + t direction: the first and the second derivative of yhat by t at 0, and the second of s."""
        m = len(self.y)
        mean = total(direction) / m
        c0, c1 = self.centred, [d - mean for d in direction]
        v1, v2 = 2 * dot(c0, c1) / m, dot(c1, c1) / m  # Taylor coefficients
        s0, s1 = self.s, v1 / (2 * self.s)
        s2 = (v2 - s1**2) / (2 * s0)
        q0 = self.yhat
        q1 = [(c - q * s1) / s0 for c, q in zip(c1, q0, strict=True)]
        q2 = [-(q * s2 + r * s1) / s0 for q, r in zip(q0, q1, strict=True)]
        return q1, [2 * q for q in q2], 2 * s2


def steps(y: Vector, epsilon: Ball) -> Steps | None:
    """The steps of batch norm; None unless variance + epsilon is positive for certain."""
    m = len(y)
    mean = total(y) / m
    centred = [entry - mean for entry in y]
    variance = dot(centred, centred) / m
    return Steps(y, epsilon, mean, centred, variance, (variance + epsilon).sqrt()) if variance + epsilon > 0 else None


@dataclass(frozen=True, eq=False)
class Channel:
    """Numbers of one channel, all float64: its values y, the gradient g of the loss at z, gamma, beta and epsilon, and
    ``v``, where it is known, the gradient at y as automatic differentiation found it."""

    y: Any
    g: Any
    gamma: float
    beta: float
    epsilon: float
    v: Any = None

    def quantities(self, seed: Seed = 0) -> Mapping[Any, Ball] | None:
        """Balls by the symbols of `theory.QUANTITIES`, at the precision in force; None where variance + epsilon is not
        positive. ``seed`` draws the test vectors."""
        y, g, gamma, beta, epsilon = self._numbers()
        at = steps(y, epsilon)
        if at is None:
            return None
        named = _named(at, g, gamma, beta, *_tests(len(y), seed))
        return {QUANTITIES[name].symbol: value for name, value in named.items()}

    def _numbers(self) -> tuple[Vector, Vector, Ball, Ball, Ball]:
        """y, g, gamma, beta and epsilon as balls; InputError unless they are those of a channel."""
        y, g = exactly(self.y, "y"), exactly(self.g, "g")
        gamma, beta, epsilon = exactly([self.gamma, self.beta, self.epsilon], "gamma, beta, epsilon")
        sizes = [len(y), len(g), *([] if self.v is None else [np.size(self.v)])]
        if not y or len(set(sizes)) > 1 or epsilon < 0:
            raise InputError(
                got=f"vectors of {', '.join(map(str, sizes))} values and epsilon {self.epsilon}",
                expected="y, g and v of one length, one value at least, and an epsilon that is not negative",
                advice="pass one channel of batch norm: its values, and the gradients at z and at y",
            )  # fmt: skip
        return y, g, gamma, beta, epsilon

    def distance(self) -> tuple[Ball, Ball] | None:
        """How far v of automatic differentiation is from the gradient, and what a rounding of one is relative to, as
        norms: (|gamma|/s)|g|(1 + |mu|/s). None without v, or where variance + epsilon is not positive."""
        if self.v is None:
            return None
        y, g, gamma, _, epsilon = self._numbers()
        at = steps(y, epsilon)
        if at is None:
            return None
        v = at.backwards([gamma * entry for entry in g], flint().arb(0))
        off = [a - b for a, b in zip(exactly(self.v, "v"), v, strict=True)]
        size = abs(gamma) / at.s * dot(g, g).sqrt() * (1 + abs(at.mean) / at.s)
        return total(entry**2 for entry in off).sqrt(), size


def _tests(m: int, seed: Seed) -> tuple[Vector, Vector, Ball, Ball]:
    """Test vectors w and x, a factor k and a shift c, as float64 numbers."""
    tests = random_tests(np.empty((m, 1)), seed)
    k, c = exactly(np.array([tests.k, tests.c]))
    return exactly(tests.w[:, 0]), exactly(tests.x[:, 0]), k, c


def _named(at: Steps, g: Vector, gamma: Ball, beta: Ball, w: Vector, x: Vector, k: Ball, c: Ball) -> dict[str, Ball]:
    arb = flint().arb
    m, zero = len(g), arb(0)
    y, yhat, s = at.y, at.yhat, at.s
    z = [gamma * entry + beta for entry in yhat]
    of_yhat = [gamma * entry for entry in g]
    v = at.backwards(of_yhat, zero)
    n = at.backwards([zero] * m, arb(1))
    jx, kx, x_m_x = at.along(x)
    jv, _, v_m_v = at.along(v)
    jjx, _, _ = at.along(jx)
    of_s = -dot(of_yhat, at.centred) / s**2
    pg, px, pv = (_centred(each) for each in (g, x, v))
    named = {
        "m": arb(m), "epsilon": at.epsilon, "gamma": gamma, "beta": beta, "mu": at.mean, "s": s,
        "rho": at.variance / (at.variance + at.epsilon), "k": k,
        "one_yhat": total(yhat), "yhat_yhat": dot(yhat, yhat), "g_g": dot(g, g), "one_g": total(g), "a": dot(g, yhat),
        "v_v": dot(v, v), "one_v": total(v), "yhat_v": dot(yhat, v), "g_v": dot(g, v), "y_v": dot(y, v),
        "w_gamma_yhat": dot([gamma * entry for entry in w], yhat), "w_beta": total(w) * beta,
        "one_w": total(w), "one_x": total(x), "one_n": total(n), "one_Pg": total(pg),
        "grad_gamma": dot(g, yhat), "grad_beta": total(g),
        "grad_sigma2": of_s / (2 * s), "grad_mu": -total(of_yhat) / s,
        "Jx_Jx": dot(jx, jx), "x_M_x": x_m_x, "v_M_v": v_m_v,
        "n_n": dot(n, n), "n_y": dot(n, y), "n_x": dot(n, x), "n_v": dot(n, v), "n_Pg": dot(n, pg),
        "Pg_Pg": dot(pg, pg), "g_Pv": dot(g, pv),
    }  # fmt: skip
    test = {"w": w, "x": x, "yhat": yhat, "g": g, "v": v, "u": [gamma * j for j in jv], "y": y, "z": z, "Jx": jx,
            "Kx": kx, "JJx": jjx, "n": n, "Pg": pg, "Px": px}  # fmt: skip
    named |= {f"w_{name}": dot(w, vector) for name, vector in test.items()}
    named |= {f"x_{name}": dot(x, vector) for name, vector in (("x", x), ("yhat", yhat), ("g", g))}
    return named | _elsewhere(at, of_yhat, w, k, c)


def _elsewhere(at: Steps, of_yhat: Vector, w: Vector, k: Ball, c: Ball) -> dict[str, Ball]:
    """What becomes of yhat and v at k y and at y + c, and of yhat with epsilon/k^2; where the balls do not say whether
    there is a spread, balls that could be anything."""
    places = {
        "scaled": steps([k * entry for entry in at.y], at.epsilon),
        "shifted": steps([entry + c for entry in at.y], at.epsilon),
        "less": steps(at.y, at.epsilon / k**2),
    }
    anything, zero = flint().arb("nan"), flint().arb(0)
    found = {f"w_yhat_{name}": dot(w, there.yhat) if there else anything for name, there in places.items()}
    return found | {
        f"w_v_{name}": dot(w, there.backwards(of_yhat, zero)) if there else anything
        for name, there in places.items() if name != "less"
    }  # fmt: skip


def _centred(vector: Vector) -> Vector:
    mean = total(vector) / len(vector)
    return [entry - mean for entry in vector]
