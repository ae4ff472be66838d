"""One channel of an exact example: every vector, operator and scalar of the table of quantities, computed directly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from bnverify.theory.algebra.jet import Jet, root
from bnverify.theory.proof.example import Example, dot

F = Fraction
Row = tuple[Any, ...]


class NotComputable(KeyError):
    """A name that no trial knows."""

    def __str__(self) -> str:
        return str(self.args[0])


def rows(*entries: Sequence[int]) -> tuple[Row, ...]:
    """Whole numbers as rows of exact ones."""
    return tuple(tuple(map(F, row)) for row in entries)


# A direction of gamma or beta, entry by entry.
_TURNED = tuple(F(x) for x in (2, -1, 3, 1))
_VALUES = ("yhat", "yhat_measured", "yhat_centred", "yhat_free", "yhat_rms", "what")


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel: an example, the design matrix and filter its y comes from, and other weights."""

    example: Example
    X: tuple[Row, ...]
    filter: Row
    bias: Any
    start: Row
    optimum: Row
    more: dict[str, Any] = field(default_factory=dict)
    known: dict[Any, Any] = field(default_factory=dict)

    def pull(self, u: Sequence[Any]) -> list[Any]:
        """X'u."""
        return [dot(column, u) for column in zip(*self.X, strict=True)]

    @cached_property
    def linear(self) -> list[Any]:
        """X W."""
        return [dot(row, self.filter) for row in self.X]

    def moved(self, factor: Any = 1, shift: Any = 0, epsilon: Any = None) -> Example:
        e = self.example
        return replace(e, y=tuple(factor * x + shift for x in e.y), epsilon=e.epsilon if epsilon is None else epsilon)

    def vector(self, name: str) -> list[Any]:
        if name not in self.known:
            self.known[name] = list(self._vector(name))
        return self.known[name]

    def _vector(self, name: str) -> Sequence[Any]:
        e, k = self.example, self.more["k"]
        makers: dict[str, Callable[[], Sequence[Any]]] = {
            "XW": lambda: self.linear, "z_w": self._reparametrised,
            "yhat_scaled": lambda: self.moved(k).yhat, "v_scaled": lambda: self.moved(k).v,
            "yhat_less": lambda: self.moved(epsilon=e.epsilon / k**2).yhat,
            "yhat_regrown": lambda: self.moved(k, epsilon=k**2 * e.epsilon).yhat,
            "v_regrown": lambda: self.moved(k, epsilon=k**2 * e.epsilon).v,
            "yhat_shifted": lambda: self.moved(1, self.more["shift"]).yhat,
            "v_shifted": lambda: self.moved(1, self.more["shift"]).v,
            "u_w": lambda: [e.gamma * x for x in e.velocity(e._test(e.w))],
            "u_x": lambda: [e.gamma * x for x in e.velocity(e._test(e.x))],
            "W_filter": lambda: self.filter, "grad_W_filter": lambda: self.pull(self.vector("v")),
            "W_filter_next": lambda: [p - self.more["learning_rate"] * q
                                      for p, q in zip(self.filter, self.vector("grad_W_filter"), strict=True)],
            "B_filter": lambda: self.start[::-1],
            "B_filter_next": lambda: [self.more["momentum"] * b + g + self.more["weight_decay"] * w for b, g, w in zip(
                self.vector("B_filter"), self.vector("grad_W_filter"), self.filter, strict=True)],
            "W_filter_stepped": lambda: [w - self.more["learning_rate"] * b
                                         for w, b in zip(self.filter, self.vector("B_filter_next"), strict=True)],
            "W_filter_before": lambda: [w + self.more["learning_rate"] * b for w, b in zip(
                self.filter, self.vector("B_filter"), strict=True)],
            "D_filter": lambda: [self.more["momentum"] * b + g for b, g in zip(
                self.vector("B_filter"), self.vector("grad_W_filter"), strict=True)],
            "t_filter": lambda: self.optimum, "Xt": lambda: dot_rows(self.X, self.optimum),
            "grad_kW_filter": lambda: self.pull(self.vector("v_regrown")),
            "B_exponential": self._matched_buffer, "W_exponential": self._exponential,
            "W0": lambda: self.start, "Wstar": lambda: self.optimum,
            "positive": lambda: [max(x, 0 * x) for x in e.yhat], "negative": lambda: [max(-x, 0 * x) for x in e.yhat],
            "room": lambda: [1 - x * x for x in e.yhat], "signs_y": lambda: [(x > 0) - (x < 0) for x in e.y],
            "peak": self._peak, "g_layer": lambda: e.g, "yhat_layer": lambda: e.yhat,
            "Tg_layer": lambda: [t * x for t, x in zip(_TURNED, e.g, strict=False)],
            "beta_vector": lambda: [e.beta + e.gamma * self.more.get("d", 0)] * e.size,
        }  # fmt: skip
        if name in _VALUES or name in (atom.name for atom in e.normalizer.normalised.terms):
            return e.yhat
        if name in makers:
            return makers[name]()
        if name == "z":
            shift = e.beta + e.gamma * self.more.get("d", 0)
            return [e.gamma * self.more.get("r", 1) * x + shift for x in e.yhat]
        if name == "v" and "r" in self.more:
            return replace(e, gamma=e.gamma * self.more["r"]).v
        try:
            return e._vector("one" if name == "1" else name)
        except KeyError:
            raise NotComputable(f"got the vector {name}; expected one that an exact example can compute") from None

    def _matched_buffer(self) -> list[Any]:
        """The buffer that led from k x W- to k W under the rate k^2 eta x."""
        k, eta, x = (self.more[name] for name in ("k", "learning_rate", "root"))
        steps = zip(self.vector("W_filter_before"), self.filter, strict=True)
        return [(k * x * before - k * now) / (k**2 * eta * x) for before, now in steps]

    def _exponential(self) -> list[Any]:
        k, eta, x = (self.more[name] for name in ("k", "learning_rate", "root"))
        steps = zip(self.filter, self.vector("B_exponential"), self.vector("grad_kW_filter"), strict=True)
        return [k * w - k**2 * eta / x * (self.more["momentum"] * b + g) for w, b, g in steps]

    def _rate(self, weights: str, rate: str, decay: str) -> Any:
        """A learning rate over what weight decay leaves and the squared length."""
        w, eta = self.vector(weights), self.more[rate]
        return eta / ((1 - eta * self.more[decay]) * dot(w, w))

    def _peak(self) -> list[int]:
        centred = self.example.project(self.example.y)
        largest = max(centred, key=abs)
        return [((x > 0) - (x < 0)) * (x == largest) for x in centred]

    def _reparametrised(self) -> list[Any]:
        e = self.example
        scale = root(self.form("S", self.filter, self.filter) + e.epsilon)
        return [e.gamma * x / scale + e.beta for x in self.linear]

    def image(self, name: str, u: Sequence[Any]) -> list[Any]:
        """An operator applied to a vector."""
        e = self.example
        if name == "H":
            return [dot(row, u) for row in e.H] if e.H is not None else [0 * x for x in u]
        if name == "P":
            return e.project(u)
        if name == "B":
            return [mean for part in halves(u) for mean in [sum(part, 0 * part[0]) / len(part)] * len(part)]
        if name == "Gamma":
            return [e.gamma * self.more.get("r", 1) * x for x in u]
        if name == "T":
            return [t * x for t, x in zip(_TURNED, u, strict=False)]
        if name == "S":
            return [x / e.size for x in self.pull(e.project(dot_rows(self.X, u)))]
        if name == "R":
            pulled = dot_rows(self.X, self.pull(u))
            return [self.more["design_norm2"] * p - q for p, q in zip(u, pulled, strict=True)]
        if name == "M":
            return [self.scale_form(unit, u) for unit in e.units]
        if name in ("Hhat", "Hhat_scaled"):
            at = e if name == "Hhat" else self.moved(self.more["k"])
            at = replace(at, gamma=at.gamma * self.more.get("r", 1))
            return [at.second(unit, u) for unit in e.units]
        raise NotComputable(f"got the operator {name}; expected one that an exact example can compute")

    def scale_form(self, u: Sequence[Any], w: Sequence[Any]) -> Any:
        """D^2 s[u, w] by polarisation."""
        both = [a + b for a, b in zip(u, w, strict=True)]
        q = [self.example.normalise(self.example.along(d))[1].c2 for d in (both, u, w)]
        return (q[0] - q[1] - q[2]) / 2

    def form(self, operator: str, u: Sequence[Any], w: Sequence[Any]) -> Any:
        return dot(u, self.image(operator, w))

    def number(self, name: str) -> Any:
        if name not in self.known:
            self.known[name] = self._number(name)
        return self.known[name]

    def _number(self, name: str) -> Any:
        e = self.example
        if name in self.more:
            return self.more[name]
        makers: dict[str, Callable[[], Any]] = {
            "b": lambda: self.bias,
            "effective_rate": lambda: self._rate("W_filter", "learning_rate", "weight_decay"),
            "effective_rate_next": lambda: self._rate("W_filter_stepped", "next_learning_rate", "next_weight_decay"),
            "weight_grad": lambda: dot(self.filter, self.pull(self.vector("v"))),
            "weight_grad_plain": lambda: dot(self.filter, self.pull(e.g)), "grad_bias": lambda: sum(e.g, 0 * e.g[0]),
            "frozen_plain": lambda: self.more["design_norm2"] * self._largest(e.g),
            "frozen_normalised": lambda: self.more["design_norm2"] * self._largest(self.vector("v")),
            "along_gamma": lambda: self._turned(e.yhat), "along_beta": lambda: self._turned([F(1)] * e.size),
            "mean_after": lambda: self._after("mean_before", sum(e.y, F(0)) / e.size),
            "variance_after": lambda: self._after("variance_before", self.number("sigma2")),
            "within_variance": lambda: sum(map(variance, halves(e.y)), F(0)) / 2,
            "between_variance": lambda: variance([sum(part, F(0)) / len(part) for part in halves(e.y)]),
            "distance2": lambda: distance2(self.start, self.optimum),
            "sigma2": lambda: dot(e.project(e.y), e.project(e.y)) / e.size,
        }  # fmt: skip
        if name in makers:
            return makers[name]()
        try:
            return e.number(name)
        except KeyError:
            raise NotComputable(f"got the symbol {name}; expected one that an exact example can compute") from None

    def _turned(self, direction: Sequence[Any]) -> Any:
        """The derivative of the loss where every entry of a parameter moves along its own part of t."""
        z = [Jet(F(0), t) * x for t, x in zip(_TURNED, direction, strict=False)]
        return dot(self.example.g, [entry.c1 for entry in z])

    def _after(self, before: str, batch: Any) -> Any:
        """A running statistic after a step."""
        weight = self.more["running_weight"]
        return (1 - weight) * self.more[before] + weight * self.more.get("unbiased", 1) * batch

    def _largest(self, u: Sequence[Any]) -> Any:
        """The largest |X'u|^2 over X of norm 1: at X = u e'/|u|, where X'u = |u| e."""
        return dot(u, u)


def halves(u: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """Two replicas of one size; NotComputable for an odd number of values."""
    if len(u) % 2:
        raise NotComputable("got an odd number of values; expected two replicas of one size")
    return u[: len(u) // 2], u[len(u) // 2 :]


def variance(u: Sequence[Any]) -> Any:
    """The biased variance."""
    mean = sum(u, 0 * u[0]) / len(u)
    return sum(((x - mean) ** 2 for x in u), 0 * u[0]) / len(u)


def dot_rows(matrix: Sequence[Row], u: Sequence[Any]) -> list[Any]:
    """A matrix times a vector."""
    return [dot(row, u) for row in matrix]


def distance2(start: Row, end: Row) -> Any:
    """The squared distance from a point to an open ray, by geometry."""
    along = dot(start, end) / dot(end, end)
    gap = [p - max(along, 0 * along) * q for p, q in zip(start, end, strict=True)]
    return dot(gap, gap)
