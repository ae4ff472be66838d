"""Exact examples on which every claim is tried when it is proved: two channels of a linear layer, normalised.

All numbers are rational (algebraic where a scale is). Derivatives come from `Example`, that is from jets through the
definition entry by entry; no rule of `theory.proof.givens` enters. What a trial cannot compute is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache, cached_property
from typing import Any

import sympy as sp

from bnverify.theory.algebra.jet import Jet, NotRational, root
from bnverify.theory.algebra.vectors import Atom, Image, Inner, PairSum
from bnverify.theory.normalizers.normalizer import BATCH, KnownScale, Normalizer
from bnverify.theory.proof.example import Example, dot, exact, squared_scale_of
from bnverify.theory.proof.quantities import ChannelSum, r

F = Fraction
Row = tuple[Any, ...]


class NotComputable(KeyError):
    """A name that no trial knows."""

    def __str__(self) -> str:
        return str(self.args[0])


def rows(*entries: Sequence[int]) -> tuple[Row, ...]:
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
            "yhat_shifted": lambda: self.moved(1, self.more["shift"]).yhat,
            "v_shifted": lambda: self.moved(1, self.more["shift"]).v,
            "u_w": lambda: [e.gamma * x for x in e.velocity(e.w)],
            "u_x": lambda: [e.gamma * x for x in e.velocity(e.x)],
            "W_filter": lambda: self.filter, "grad_W_filter": lambda: self.pull(self.vector("v")),
            "W_filter_next": lambda: [p - self.more["learning_rate"] * q
                                      for p, q in zip(self.filter, self.vector("grad_W_filter"), strict=True)],
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
            "weight_grad": lambda: dot(self.filter, self.pull(self.vector("v"))),
            "weight_grad_plain": lambda: dot(self.filter, self.pull(e.g)), "grad_bias": lambda: sum(e.g, 0 * e.g[0]),
            "frozen_plain": lambda: self.more["design_norm2"] * self._largest(e.g),
            "frozen_normalised": lambda: self.more["design_norm2"] * self._largest(self.vector("v")),
            "along_gamma": lambda: self._turned(e.yhat), "along_beta": lambda: self._turned([F(1)] * e.size),
            "mean_after": lambda: self._after("mean_before", sum(e.y, F(0)) / e.size),
            "variance_after": lambda: self._after("variance_before", self.number("sigma2")),
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


def dot_rows(matrix: Sequence[Row], u: Sequence[Any]) -> list[Any]:
    return [dot(row, u) for row in matrix]


def distance2(start: Row, end: Row) -> Any:
    """The squared distance from a point to an open ray, by geometry."""
    along = dot(start, end) / dot(end, end)
    gap = [p - max(along, 0 * along) * q for p, q in zip(start, end, strict=True)]
    return dot(gap, gap)


@dataclass(frozen=True, eq=False)
class Trial:
    """Two channels of one layer, and what belongs to the layer; ``numbers`` are of the layer as well."""

    name: str
    channels: tuple[Channel, ...]
    cross: tuple[Row, ...] | None = None
    numbers: dict[str, Any] = field(default_factory=dict)

    def __call__(self, expression: Any, channel: Channel | None = None) -> Any:
        """The value of a scalar; NotComputable for what the trial has no number for."""
        c = channel or self.channels[0]
        if isinstance(expression, ChannelSum):
            return sum((self(expression.args[0], each) for each in self.channels), F(0))
        if isinstance(expression, PairSum):
            p = self.entries(expression.args[0], c)
            return sum(p) ** 2 - dot(p, p)
        if isinstance(expression, Inner):
            return self._inner(expression, c)
        if expression.is_Rational:
            return F(int(expression.p), int(expression.q))
        if expression.is_Symbol:
            if isinstance(expression, Atom):
                raise NotComputable(f"got the vector {expression.name} among scalars; expected inner products")
            return self.numbers[expression.name] if expression.name in self.numbers else c.number(expression.name)
        if expression.is_Add:
            return sum((self(a, c) for a in expression.args), F(0))
        if expression.is_Mul:
            out: Any = F(1)
            for a in expression.args:
                out = out * self(a, c)
            return out
        if expression.is_Pow and expression.exp.is_Rational:
            return power(self(expression.base, c), expression.exp)
        if isinstance(expression, sp.Abs):
            return abs(self(expression.args[0], c))
        raise NotComputable(f"got {expression} ({type(expression).__name__}); expected + - * / ** and inner products")

    def _inner(self, product: Inner, c: Channel) -> Any:
        if product not in c.known:
            a, b = product.args
            second = self._second_form(a, b, c) if isinstance(b, Image) and b.preimage == b.base else None
            c.known[product] = dot(self.entries(a, c), self.entries(b, c)) if second is None else second
        return c.known[product]

    def _second_form(self, a: Atom, b: Image, c: Channel) -> Any:
        """<a, D^2 f b> at the cost of one second derivative, for operators that are second derivatives."""
        u, w = self.entries(a, c), self.entries(b.preimage, c)
        if b.operator.name == "M":
            return c.scale_form(u, w)
        if b.operator.name == "Hhat" and "r" not in c.more:
            return self._second(u, w) if b.space == "m*C" else c.example.second(u, w)
        return None

    def entries(self, atom: Atom, channel: Channel) -> Sequence[Any]:
        if isinstance(atom, Image):
            inside = self.entries(atom.preimage, channel)
            if atom.space == "m*C":
                return self._layer_image(atom.operator.name, inside)
            return channel.image(atom.operator.name, inside)
        if atom.space.endswith("*C"):
            name = {"v_layer": "v", "u_layer": "u", "W0_layer": "W0", "Wstar_layer": "Wstar"}.get(atom.name)
            if name is None:
                raise NotComputable(f"got the vector {atom.name}; expected one that an exact example can compute")
            return [e for c in self.channels for e in c.vector(name)]
        return channel.vector(atom.name)

    def _layer_image(self, operator: str, u: Sequence[Any]) -> list[Any]:
        """H of the whole layer (with a block between the channels), or the Hessian of the composed loss along u."""
        first, second = self.channels
        size = first.example.size
        parts = u[:size], u[size:]
        if operator == "H":
            cross = self.cross or ()
            one = [p + q for p, q in zip(first.image("H", parts[0]), dot_rows(cross, parts[1]), strict=True)]
            back = dot_rows(tuple(zip(*cross, strict=True)), parts[0])
            return one + [p + q for p, q in zip(second.image("H", parts[1]), back, strict=True)]
        if operator == "Hhat":
            units = [[int(i == j) for i in range(2 * size)] for j in range(2 * size)]
            return [self._second(unit, u) for unit in units]
        raise NotComputable(f"got the operator {operator} on a layer; expected H or Hhat")

    def _second(self, x: Sequence[Any], w: Sequence[Any]) -> Any:
        q = [self._along(d) for d in ([a + b for a, b in zip(x, w, strict=True)], x, w)]
        return (q[0] - q[1] - q[2]) / 2

    def _along(self, direction: Sequence[Any]) -> Any:
        """The second derivative of the loss of the whole layer along a line."""
        size = self.channels[0].example.size
        total: Any = Jet(F(0))
        moves = []
        for c, part in zip(self.channels, (direction[:size], direction[size:]), strict=True):
            line = c.example.along(part)
            yhat = c.example.normalise(line)[0]
            moves.append([c.example.gamma * (new - old) for new, old in zip(yhat, c.example.yhat, strict=True)])
            total = total + c.example.loss(line)
        return (total + dot(moves[0], dot_rows(self.cross or (), moves[1]))).c2


def power(base: Any, exponent: sp.Rational) -> Any:
    if isinstance(base, int):
        base = F(base)
    if exponent.is_Integer:
        if base == 0 and exponent < 0:
            raise ZeroDivisionError("a denominator is 0 at an exact example")
        return base ** int(exponent)
    if exponent.q in (2, 4):
        try:
            inner = root(root(base)) if exponent.q == 4 else root(base)
        except NotRational:
            inner = sp.Pow(exact(base), sp.Rational(1, exponent.q))
        return power(inner, sp.Integer(exponent.p))
    return sp.Pow(exact(base), exponent)


def rational_epsilon(n: Normalizer, y: Row) -> Any:
    """An epsilon that makes the scale of y rational; 1 where it is not a root of a sum with epsilon."""
    square = squared_scale_of(n)
    if square is None:
        return F(1)
    value = square(y)
    return (F(int(float(value) ** 0.5)) + F(3, 2)) ** 2 - value


def _example(n: Normalizer, y: Row, epsilon: Any, seed: int, gamma: Any, beta: Any) -> Example:
    """y with small whole numbers for everything else."""
    size = len(y)
    draw = _numbers(seed)
    half = [[next(draw) for _ in range(size)] for _ in range(size)]
    symmetric = tuple(tuple(half[i][j] + half[j][i] for j in range(size)) for i in range(size))
    g, w, x = (tuple(next(draw) for _ in range(size)) for _ in range(3))
    return Example(y, g, gamma=gamma, beta=beta, epsilon=epsilon, H=symmetric, w=w, x=x, normalizer=n)


def _numbers(seed: int):
    """A fixed sequence of small non-zero whole numbers."""
    state = seed * 7919 + 17
    while True:
        state = (state * 1103515245 + 12345) % 2**31
        yield F((state >> 16) % 5 - 2 or 3)


_FILTERS = ((F(1), F(2)), (F(-2), F(3)))
_DESIGNS = {
    4: (rows((1, 2), (0, -1), (3, 1), (-2, 2)), _FILTERS),
    3: (rows((1, 1), (2, -1), (4, 3)), _FILTERS),
    2: (rows((1, 2), (0, -1)), _FILTERS),
    1: (rows((2, 1)), _FILTERS),
}
# Filters and designs whose outputs have the rational standard deviation 5 without epsilon; the second has no mean.
_PYTHAGORAS = ((F(3), F(4)), (F(-4), F(3)))
_SHIFTED = rows((2, 2), (2, 0), (0, 2), (0, 0))
CENTRED = rows((1, 1), (1, -1), (-1, 1), (-1, -1))


def trial(
    name: str, n: Normalizer = BATCH, *, X: tuple[Row, ...] | None = None, size: int = 4, filters: Any = None,
    epsilon: bool = True, matched: bool = False, biases: tuple[int, int] = (1, -2), more: dict[str, Any] | None = None,
) -> Trial:  # fmt: skip
    """Two channels over one design matrix; with ``matched``, gamma = s and beta = mu in both."""
    if not epsilon and size == 4 and squared_scale_of(n) is not None:
        X, filters = X or _SHIFTED, _PYTHAGORAS
    X, filters = X or _DESIGNS[size][0], filters or _DESIGNS[size][1]
    channels = []
    for j, (w, bias) in enumerate(zip(filters, biases, strict=True)):
        y = tuple(dot(row, w) + F(bias) for row in X)
        eps = rational_epsilon(n, y) if epsilon else F(0)
        e = _example(n, y, eps, 3 * j + len(X), F(3 - 5 * j, 2), F(1, 3))
        if matched:
            e = replace(e, gamma=e.s, beta=sum(y, F(0)) / len(y))
        gram = sum((x * x for row in X for x in row), F(0))  # at least the squared spectral norm
        extra = {
            "k": F(3),
            "shift": F(7, 2),
            "learning_rate": F(1, 5),
            "design_norm2": gram,
            "running_weight": F(1, 10),
            "mean_before": F(5),
            "variance_before": F(2),
        } | (more or {})
        start, end = ((F(1), F(2)), (F(3), F(1))) if j == 0 else ((F(2), F(-1)), (F(1), F(-3)))
        channels.append(Channel(e, X, w, F(bias), start, end, extra))
    cross = tuple(tuple(F((i + 2 * j) % 3 - 1) for j in range(len(X))) for i in range(len(X)))
    weights = [[x for c in channels for x in getattr(c, part)] for part in ("start", "optimum")]
    return Trial(name, tuple(channels), cross, {"layer_distance2": distance2(*map(tuple, weights))})


@cache
def trials(n: Normalizer) -> tuple[Trial, ...]:
    """The examples for a normalizer; for one of which nothing but n and M is known, those of several others."""
    if n.projector is not None or (isinstance(n.scale, KnownScale) and n.scale.of is None):
        from bnverify.theory.normalizers.known import L1, RMS

        return (*trials(BATCH)[:3], *trials(RMS)[:2], *trials(L1)[:1])
    uncentred = {} if n.centred else {"X": CENTRED, "biases": (0, 0)}
    found = [
        trial(f"4 values, {n.name}, epsilon > 0", n),
        trial(f"4 values, {n.name}, epsilon = 0", n, epsilon=False, **uncentred),
    ]
    if n.gain.has(r):
        correction = {"r": F(4, 3), "d": F(-1, 2), "mu_run": F(2), "s_run": F(3, 2)}
        corrected = trial("batch renormalization", n, more=correction)
        return (corrected, unclipped(corrected))
    if not isinstance(n.scale, KnownScale) and n.centred:
        found += [
            trial("2 values, epsilon = 0", n, size=2, epsilon=False),
            trial("1 value, epsilon > 0", n, size=1),
            trial("matched: gamma = s, beta = mu", n, matched=True),
            trial("unbiased running variance", n, more={"unbiased": F(4, 3)}),
            trial("inputs of mean zero", n, X=CENTRED, biases=(0, 0)),
            curved(found[1]),
        ]
    return tuple(found)


def curved(t: Trial) -> Trial:
    """The trial with a positive definite Hessian, of a scale at which v'Hv <= g'Hg."""
    size = t.channels[0].example.size
    diagonal = tuple(tuple(F((1 + i % 3) * (i == j)) for j in range(size)) for i in range(size))
    channels = tuple(replace(c, known={}, example=replace(c.example, H=diagonal)) for c in t.channels)
    return replace(t, name=f"{t.name}, H positive definite", channels=channels)


def unclipped(t: Trial) -> Trial:
    """The trial with the correction of batch renormalization that its running moments call for."""
    running = {"mu_run": F(2), "s_run": F(3, 2)}
    channels = tuple(
        replace(c, known={}, more=c.more | running | {
            "r": c.example.s / running["s_run"], "d": (c.number("mu") - running["mu_run"]) / running["s_run"]})
        for c in t.channels
    )  # fmt: skip
    return replace(t, name="batch renormalization, unclipped", channels=channels)
