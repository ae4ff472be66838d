"""Exact examples on which every claim is tried when it is proved: two channels of a linear layer, normalised.

All numbers are rational (algebraic where a scale is). Derivatives come from `Example`, that is from jets through the
definition entry by entry; no rule of `theory.proof.givens` enters. What a trial cannot compute is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product
from typing import Any

import sympy as sp

from bnverify.theory.algebra.channel_sum import ChannelSum
from bnverify.theory.algebra.jet import Jet, NotRational, root
from bnverify.theory.algebra.vectors import Atom, Image, Inner, PairSum
from bnverify.theory.normalizers.normalizer import BATCH, KnownScale, Normalizer
from bnverify.theory.proof.channel import Channel, F, NotComputable, Row, distance2, dot_rows, rows
from bnverify.theory.proof.example import Example, dot, exact, scale_of, squared_scale_of
from bnverify.theory.proof.quantities import r


@dataclass(frozen=True, eq=False)
class Trial:
    """Two channels of one layer, and what belongs to the layer; ``numbers`` are of the layer as well."""

    name: str
    channels: tuple[Channel, ...]
    cross: tuple[Row, ...] | None = None
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.channels[0].example.size

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
    """A power in exact arithmetic."""
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
        return next((e for e in _tried_epsilons(n, y) if _rational(n, y, e)), F(1))
    value = square(y)
    return (F(int(float(value) ** 0.5)) + F(3, 2)) ** 2 - value


def _tried_epsilons(n: Normalizer, y: Row) -> Iterator[Any]:
    """Candidates where epsilon is not simply added below a root: 1, and what lifts the square of a variance."""
    mean = sum(y, F(0)) / len(y) if n.centred else F(0)
    spread = sum(((e - mean) ** 2 for e in y), F(0)) / len(y)
    yield from (F(1), (int(float(spread) ** 0.5) + 2) ** 4 - spread**2)


def _rational(n: Normalizer, y: Row, epsilon: Any) -> bool:
    try:
        return not isinstance(n.scale, KnownScale) and isinstance(scale_of(n)(y, epsilon), F)
    except (NotRational, TypeError, ZeroDivisionError):
        return False


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
    if size == 4 and (not epsilon or squared_scale_of(n) is None) and not isinstance(n.scale, KnownScale):
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
            "momentum": F(1, 2),
            "weight_decay": F(1, 3),
            "next_learning_rate": F(1, 4),
            "next_weight_decay": F(2, 3),
            "root": F(5, 6),
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
    uncentred: dict[str, Any] = {} if n.centred else {"X": CENTRED, "biases": (0, 0)}
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


def varied(n: Normalizer) -> Iterator[Trial]:
    """Trials for hypotheses that no other satisfies: gamma of one sign or 1 with beta 0, <g, yhat> of one sign in both
    channels, g orthogonal to the values, to 1 or to both."""
    affine: dict[str, Callable[[Example], tuple[Any, Any]]] = {
        "gamma > 0": lambda e: (abs(e.gamma), e.beta), "gamma = 1, beta = 0": lambda e: (F(1), F(0)),
        "gamma < 0": lambda e: (-abs(e.gamma), e.beta),
    }  # fmt: skip
    gradients: dict[str, Callable[[Example], list[Any]]] = {
        "<g, yhat> > 0": lambda e: [x * _sign(dot(e.g, e.yhat)) for x in e.g],
        "<1, g> = 0": lambda e: _without(e.g, [F(1)] * e.size),
        "<g, yhat> = 0": lambda e: _without(e.g, e.yhat),
        "<1, g> = <g, yhat> = 0": lambda e: _without(_without(e.g, [F(1)] * e.size),
                                                     _without(e.yhat, [F(1)] * e.size)),
        "<g, yhat> < 0": lambda e: [-x * _sign(dot(e.g, e.yhat)) for x in e.g],
    }  # fmt: skip
    known = [t for t in trials(n) if t.size > 2]
    for t in [*known[:2], *(curved(t) for t in known[:2])]:
        for (said, scaled), (turned, g) in product(affine.items(), gradients.items()):
            channels = []
            for c in t.channels:
                e = c.example
                gain, shift = scaled(e)
                changed = replace(e, g=tuple(g(e)), gamma=gain, beta=shift)
                channels.append(replace(c, known={}, example=changed))
            yield replace(t, name=f"{t.name}, {said}, {turned}", channels=tuple(channels))


def _sign(number: Any) -> int:
    return 1 if number >= 0 else -1


def _without(u: Sequence[Any], w: Sequence[Any]) -> list[Any]:
    """u without its part along w."""
    part = dot(u, w) / dot(w, w)
    return [p - part * q for p, q in zip(u, w, strict=True)]
