r"""What a proof may insert: what follows from the definition of the normalizer, and the equations of the hypotheses.

Each rule derives one vector or scalar of the table of quantities from s yhat = P y and z = gain yhat + shift 1. The
list is closed; a re-checker that knows the rules derives the same values from the definition alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, TypeAlias

import sympy as sp

from bnverify.theory.algebra.channel_sum import ChannelSum
from bnverify.theory.algebra.vectors import ONE, Vector, single_atom, substitute
from bnverify.theory.normalizers.normalizer import BATCH, LOSS, KnownScale, Normalizer, centre, resolve_roots
from bnverify.theory.proof.claim import Hypothesis
from bnverify.theory.proof.quantities import (
    HHAT,
    HHAT_SCALED,
    JJX,
    JX,
    KX,
    LAYER_U,
    LAYER_V,
    LAYER_W0,
    LAYER_WSTAR,
    NORMALISED,
    QUANTITIES,
    U_W,
    U_X,
    V_REGROWN,
    V_SCALED,
    V_SHIFTED,
    W0,
    WSTAR,
    YHAT,
    YHAT_LESS,
    YHAT_REGROWN,
    YHAT_SCALED,
    YHAT_SHIFTED,
    G,
    H,
    M,
    N,
    P,
    U,
    V,
    W,
    X,
    Y,
    Z,
    beta,
    distance2,
    epsilon,
    gamma,
    grad_beta,
    grad_gamma,
    grad_mu,
    grad_sigma2,
    k,
    mu,
    rho,
    s,
    shift_c,
    sigma2,
)  # fmt: skip

Value: TypeAlias = "sp.Expr | Vector"
CONSTANT = tuple(quantity.symbol for quantity in QUANTITIES.values() if quantity.shape in ("site", "layer"))


class Formal(sp.Symbol):
    """A left side before it is evaluated: text and LaTeX, nothing that could be calculated with."""

    __slots__ = ("tex",)

    def __new__(cls, text: str, tex: str) -> Formal:
        self = sp.Symbol.__xnew__(cls, text, commutative=True)
        self.tex = tex
        return self

    def __getnewargs_ex__(self):
        return (self.name, self.tex), {}

    def _hashable_content(self):
        return ("formal", self.name, self.tex)

    def _latex(self, printer) -> str:
        return self.tex


@dataclass(frozen=True)
class Given:
    """One thing that is inserted: ``subject`` is ``value``, by ``rule`` applied to ``of``."""

    subject: Any
    value: Any
    rule: str
    of: tuple[Any, ...]
    name: str
    reason: str
    written: Formal
    hypothesis: Hypothesis | None = None


def _d(text: str, tex: str) -> Formal:
    return Formal(text, tex)


def _tex(vector: Vector) -> str:
    return single_atom(vector).tex


def _slope(n: Normalizer, subject: Vector, x: Vector, value: Callable[[], Vector] | None = None) -> Given:
    return Given(
        subject, n.jacobian(x) if value is None else value(), "slope", (x,), f"derivative along {x!r}",
        "s yhat = P y, differentiated: D yhat[x] = (P x - yhat D s[x])/s with D s[x] = <n, x>",
        _d(f"D yhat[{x!r}]", rf"\mathrm D\hat y[{_tex(x)}]"),
    )  # fmt: skip


def _velocity(n: Normalizer, subject: Vector, x: Vector) -> Given:
    return Given(
        subject, n.gain * n.jacobian(x), "velocity", (x,), f"velocity of z along {x!r}", "z = gain yhat + shift 1",
        _d(f"D z[{x!r}]", rf"\mathrm D z[{_tex(x)}]"),
    )  # fmt: skip


def _curvature(n: Normalizer, subject: sp.Expr, x: Vector, w: Vector) -> Given:
    return Given(
        subject, n.hessian(x, w), "curvature", (x, w), "chain rule of second order",
        "the second derivative of L(z(y)) is <D z[w], H D z[x]> + <g, D^2 z[x, w]>",
        _d(f"D^2 Lhat[{x!r}, {w!r}]", rf"\mathrm D^2\hat L[{_tex(x)}, {_tex(w)}]"),
    )  # fmt: skip


def _moment(symbol: sp.Symbol, by: sp.Symbol, tex: str) -> Given:
    """The derivative of L(gamma (y - mu)/sqrt(sigma2 + epsilon) + beta) by one moment, then the batch's moments."""
    free = gamma / sp.sqrt(sigma2 + epsilon) * (Y - mu * ONE)
    form = LOSS.along(free.map(lambda c: sp.diff(c, by)))
    value = sp.expand(substitute(form, {Y: mu * ONE + s * YHAT}).subs(sigma2, s**2 - epsilon))
    return Given(
        symbol, value, "by moment", (by,), f"gradient with respect to {by}",
        "the other moment held fixed; then sigma2 + epsilon = s^2 and y = mu 1 + s yhat",
        _d(f"d/d{by} L(gamma (y - mu 1)/sqrt(sigma2 + epsilon) + beta 1)", rf"\partial_{{{tex}}} L"),
    )  # fmt: skip


def _scaled(n: Normalizer, of: Vector, eps: sp.Expr) -> Vector:
    """yhat of another vector with another epsilon, in normalised coordinates."""
    raw = substitute(n.raw, {Y: of}).map(lambda c: c.xreplace({epsilon: eps}))
    return n.in_normalised_coordinates(raw).map(tidy_roots)


@cache
def derived(n: Normalizer) -> dict[Any, Callable[[], Given]]:
    """Subject -> how it is derived from the definition of a normalizer."""
    values = n.normalised
    formula = not isinstance(n.scale, KnownScale)
    table: dict[Any, Callable[[], Given]] = {
        Z: lambda: Given(Z, n.output, "output", (), "output", "the definition of the output",
                         _d("z", "z")),
        V: lambda: Given(V, n.backward, "gradient", (), "backward pass",
                         "<v, w> = <g, D z[w]> for every w, read as an inner product with w",
                         _d("gradient of L(z(y)) at y", r"\nabla_y\, L(z(y))")),
        JX: lambda: _slope(n, JX, X),
        JJX: lambda: _slope(n, JJX, JX),
        KX: lambda: Given(KX, n.second(X, X), "second slope", (X, X), "second derivative along x",
                          "s yhat = P y, differentiated twice", _d("D^2 yhat[x, x]", r"\mathrm D^2\hat y[x,x]")),
        U: lambda: _velocity(n, U, V), U_W: lambda: _velocity(n, U_W, W), U_X: lambda: _velocity(n, U_X, X),
        V @ HHAT(V): lambda: _curvature(n, V @ HHAT(V), V, V),
        W @ HHAT(X): lambda: _curvature(n, W @ HHAT(X), X, W),
        LAYER_V @ HHAT(LAYER_V): lambda: Given(
            LAYER_V @ HHAT(LAYER_V), LAYER_U @ H(LAYER_U) + ChannelSum(sp.expand(G @ (n.gain * n.second(V, V)))),
            "layer curvature", (), "chain rule of second order, all channels",
            "z_j depends on y_j alone: <u, H u> once, and <g_j, D^2 z_j[v_j, v_j]> channel by channel",
            _d("D^2 Lhat[v, v], all channels", r"\mathrm D^2\hat L[\mathbf v,\mathbf v]")),
        grad_gamma: lambda: _parameter(n, grad_gamma, gamma), grad_beta: lambda: _parameter(n, grad_beta, beta),
        distance2: lambda: _nearest(distance2, W0, WSTAR),
        QUANTITIES["layer_distance2"].symbol: lambda: _nearest(
            QUANTITIES["layer_distance2"].symbol, LAYER_W0, LAYER_WSTAR),
    }  # fmt: skip
    for total, part in ((LAYER_W0 @ LAYER_W0, W0 @ W0), (LAYER_W0 @ LAYER_WSTAR, W0 @ WSTAR),
                        (LAYER_WSTAR @ LAYER_WSTAR, WSTAR @ WSTAR)):  # fmt: skip
        table[ChannelSum(part)] = partial(_summed, part, total)
    if n.projector is None:
        table[Y] = lambda: Given(
            Y, (mu * ONE if n.centred else Vector()) + s * values, "values", (), "values",
            "the definition of yhat, solved for y", _d("y", "y"))  # fmt: skip
        for u in (G, V, X, Y):
            image = single_atom(P(u))
            table[image] = partial(_image, n, u)
        table[P(values) @ G] = table[single_atom(P(values))] = lambda: _projected(n)
    else:
        table[single_atom(n.projector(values))] = lambda: _projected(n)
        of_y = n.projector(Y)
        table[single_atom(of_y)] = lambda: Given(
            of_y, s * values, "values", (), "values", "the definition of yhat", _d("P y", "Py")
        )
    if formula:
        table |= _of_a_formula(n)
    elif isinstance(n.scale, KnownScale) and n.scale.gradient != N:
        table[N] = lambda: Given(N, n.n, "slope of the scale", (), "gradient of the scale",
                                 "declared with the scale, and compared with its derivative at exact examples",
                                 _d("gradient of s at y", r"\nabla s(y)"))  # fmt: skip
    return {subject: cache(make) for subject, make in table.items()}


def _of_a_formula(n: Normalizer) -> dict[Any, Callable[[], Given]]:
    """What needs the scale as a formula."""
    table: dict[Any, Callable[[], Given]] = {
        N: lambda: Given(N, n.n, "slope of the scale", (), "gradient of the scale", "D s[x] = <n, x>",
                         _d("gradient of s at y", r"\nabla s(y)")),
    }  # fmt: skip
    for x in (X, V):
        table[x @ M(x)] = partial(_bent, n, x)
    if n.centred and n.normalised == YHAT:
        table |= _of_batch(n)
    return table


def _of_batch(n: Normalizer) -> dict[Any, Callable[[], Given]]:
    """What is known of other points, and of the moments as variables, where the scale is the standard deviation."""
    larger = _d("yhat(k y)", r"\hat y(ky)")
    moved = _d("yhat(y + c 1)", r"\hat y(y+c\mathbf 1)")
    return {
        grad_sigma2: lambda: _moment(grad_sigma2, sigma2, r"\sigma^2"),
        grad_mu: lambda: _moment(grad_mu, mu, r"\mu"),
        YHAT_SCALED: lambda: Given(YHAT_SCALED, _scaled(n, k * Y, epsilon), "rescaled values", (), "values of k y",
                                   "the definition of yhat at k y", larger),
        YHAT_LESS: lambda: Given(YHAT_LESS, _scaled(n, Y, epsilon / k**2), "values with less epsilon", (),
                                 "values with epsilon/k^2", "the definition of yhat with epsilon/k^2",
                                 _d("yhat(y; epsilon/k^2)", r"\hat y_{\varepsilon/k^2}(y)")),
        V_SCALED: lambda: Given(V_SCALED, n.backward.subs(s, k * s), "rescaled gradient", (), "gradient at k y",
                                "yhat(ky) = yhat(y), so z and g are the same, and s(ky) = k s",
                                _d("gradient of L(z(y)) at k y", r"\nabla L(z(ky))")),
        W @ HHAT_SCALED(X): lambda: Given(
            W @ HHAT_SCALED(X), n.hessian(X, W).subs(s, k * s), "rescaled curvature", (X, W), "Hessian at k y",
            "yhat(ky) = yhat(y), so z, g and H are the same, and s(ky) = k s",
            _d("D^2 Lhat[x, w] at k y", r"\mathrm D^2\hat L(ky)[x,w]")),
        YHAT_REGROWN: lambda: Given(YHAT_REGROWN, _scaled(n, k * Y, k**2 * epsilon), "regrown values", (),
                                    "values of k y with k^2 epsilon", "the definition of yhat there",
                                    _d("yhat(k y; k^2 epsilon)", r"\hat y_{k^2\varepsilon}(ky)")),
        V_REGROWN: lambda: Given(V_REGROWN, n.backward.subs(s, k * s), "regrown gradient", (), "gradient there",
                                 "yhat(ky; k^2 epsilon) = yhat(y), so z and g are the same, and s becomes k s",
                                 _d("gradient of L(z(y)) at k y, k^2 epsilon", r"\nabla L(z_{k^2\varepsilon}(ky))")),
        YHAT_SHIFTED: lambda: Given(YHAT_SHIFTED, _scaled(n, Y + shift_c * ONE, epsilon), "shifted values", (),
                                    "values of y + c 1", "the definition of yhat at y + c 1", moved),
        V_SHIFTED: lambda: Given(V_SHIFTED, n.backward, "shifted gradient", (), "gradient at y + c 1",
                                 "yhat and s do not change, so z and g are the same",
                                 _d("gradient of L(z(y)) at y + c 1", r"\nabla L(z(y+c\mathbf 1))")),
    }  # fmt: skip


def _summed(part: sp.Expr, total: sp.Expr) -> Given:
    return Given(
        ChannelSum(part), total, "sum over channels", (), "sum over filters",
        "the weights of a layer are those of its filters", _d(f"sum of {part}", rf"\sum_j {sp.latex(part)}"),
    )  # fmt: skip


def _image(n: Normalizer, u: Vector) -> Given:
    reason = "P is the centring projector" if n.centred else "P is the identity"
    value = centre(u) if n.centred else u
    return Given(P(u), value, "projector", (u,), f"P {u!r}", reason, _d(f"P {u!r}", f"P{_tex(u)}"))


def _bent(n: Normalizer, x: Vector) -> Given:
    return Given(
        x @ M(x), n.scale_hessian(x, x), "curvature of the scale", (x, x), "Hessian of the scale", "D^2 s[x, x]",
        _d(f"D^2 s[{x!r}, {x!r}]", rf"\mathrm D^2 s[{_tex(x)}, {_tex(x)}]"),
    )  # fmt: skip


def _projected(n: Normalizer) -> Given:
    image = (n.projector or P)(n.normalised)
    return Given(image, n.normalised, "projection", (), "P yhat", "a projector applied twice", _d("P yhat", r"P\hat y"))


def _parameter(n: Normalizer, symbol: sp.Symbol, by: sp.Symbol) -> Given:
    slope = n.output.map(lambda c: sp.diff(c, by))
    return Given(
        symbol, sp.expand(LOSS.along(slope)), "by parameter", (by,), f"gradient with respect to {by}",
        f"<g, dz/d{by}>", _d(f"d/d{by} L(z)", rf"\partial_{{{sp.latex(by)}}} L(z)"),
    )  # fmt: skip


def _nearest(symbol: sp.Symbol, start: Vector, end: Vector) -> Given:
    """The least of |start - k end|^2 over k > 0, where <start, end> > 0."""
    factor = sp.Dummy("k", real=True)
    parabola = sp.Poly((start - factor * end).squared, factor)
    square, linear, constant = (parabola.coeff_monomial(factor**i) for i in (2, 1, 0))
    return Given(
        symbol, constant - linear**2 / (4 * square), "nearest point of a ray", (start, end), "nearest point",
        f"|{start!r} - k {end!r}|^2 is least at k = <{start!r}, {end!r}>/|{end!r}|^2, which must be positive",
        _d(f"min over k > 0 of |{start!r} - k {end!r}|^2", rf"\min_{{k>0}}\lVert {_tex(start)}-k{_tex(end)}\rVert^2"),
    )  # fmt: skip


def in_raw_coordinates(n: Normalizer) -> list[Given]:
    """yhat, z and s in 1 and y."""
    scale = n.formula(Y)
    output = n.gain * n.raw + n.shift * ONE
    definition = "the definition, in 1 and y"
    return [
        Given(NORMALISED, n.raw, "definition", (), "values", definition, _d("yhat", r"\hat y")),
        Given(Z, output, "definition", (), "output", definition, _d("z", "z")),
        Given(s, scale, "definition", (), "scale", definition, _d("s", "s")),
        Given(rho, 1 - epsilon / s**2, "rho", (), "rho", "rho = sigma^2/s^2 = 1 - epsilon/s^2", _d("rho", r"\rho")),
    ]


def facts_of(n: Normalizer) -> Iterator[Given]:
    """The declared moments of yhat, as what has to follow from the definition: see `moments_hold`."""
    atom = single_atom(n.normalised)
    if atom.total is not None:
        yield Given(ONE @ n.normalised, atom.total, "mean of the values", (), "mean", "centring removes the mean",
                    _d("<1, yhat>", r"\langle\mathbf 1,\hat y\rangle"))  # fmt: skip
    if atom.norm2 is not None:
        yield Given(n.normalised.squared, atom.norm2, "norm of the values", (), "norm",
                    "|P y|^2/s^2 with rho = 1 - epsilon/s^2",
                    _d("|yhat|^2", r"\lVert\hat y\rVert^2"))  # fmt: skip


def moments_hold(n: Normalizer) -> bool:
    """Whether the facts declared of yhat follow from the definition, in the coordinates 1 and y."""
    atom = single_atom(n.normalised)
    if isinstance(n.scale, KnownScale):
        return atom.norm2 is None and (atom.total is None or (atom.total == 0 and n.centred))
    scale, raw = n.formula(Y), n.raw
    known = {rho: 1 - epsilon / s**2}

    def zero(computed: sp.Expr, declared: sp.Expr | None) -> bool:
        if declared is None:
            return True
        difference = resolve_roots((computed - declared.xreplace(known)).xreplace({s: scale}))
        return sp.expand(sp.fraction(sp.together(difference))[0]) == 0

    return zero(raw.squared, atom.norm2) and zero(ONE @ raw, atom.total)


def tidy_roots(expression: sp.Expr) -> sp.Expr:
    """Radicands factored, so that equal roots are written alike and squares leave them."""
    return expression.replace(
        lambda e: e.is_Pow and not e.exp.is_Integer, lambda e: sp.factor(sp.together(sp.expand(e.base))) ** e.exp
    )


def table_for(n: Normalizer | None, hypotheses: Iterable[Hypothesis], raw: bool) -> dict[Any, Callable[[], Given]]:
    """Subject -> how to get its value: the hypotheses first, then the rules."""
    table: dict[Any, Callable[[], Given]] = dict(derived(n or BATCH))
    if raw:
        table = {u: make for u, make in table.items() if u not in (Y, Z, V)}
        in_y = {given.subject: given for given in in_raw_coordinates(n or BATCH)}
        table |= {subject: partial(in_y.__getitem__, subject) for subject in in_y}
    for hypothesis in hypotheses:
        for subject, value in hypothesis.equations.items():
            if not raw:
                subject, value = about(n, subject), about(n, value)
            key = single_atom(subject) if isinstance(subject, Vector) and subject not in table else subject
            table[key] = partial(_assumed, hypothesis, subject, value)
    out: dict[Any, Callable[[], Given]] = {}
    for subject, make in table.items():  # atoms by themselves, scalars as expressions
        out[single_atom(subject) if isinstance(subject, Vector) else sp.sympify(subject)] = make
    formula = not isinstance((n or BATCH).scale, KnownScale)  # of another scale nothing says what rho is
    if epsilon in out and rho not in out and formula:
        out[rho] = lambda: _rho_of(out[epsilon]())
    return out


def _rho_of(given: Given) -> Given:
    """rho = 1 - epsilon/s^2 where a hypothesis says what epsilon is."""
    return Given(rho, 1 - given.value / s**2, "rho", (), "rho", "rho = 1 - epsilon/s^2", _d("rho", r"\rho"),
                 given.hypothesis)  # fmt: skip


def _assumed(hypothesis: Hypothesis, subject: Any, value: Any) -> Given:
    value = value if isinstance(value, Vector) else sp.sympify(value)
    shown = repr(subject) if isinstance(subject, Vector) else str(subject)
    tex = subject._latex() if isinstance(subject, Vector) else sp.latex(subject)
    return Given(subject, value, "hypothesis", (hypothesis.name,), hypothesis.name, hypothesis.statement,
                 _d(shown, tex), hypothesis)  # fmt: skip


def about(n: Normalizer | None, expression: Any) -> Any:
    """The expression with this normalizer's own yhat for the measured one."""
    if n is None:
        n = BATCH
    own = n.normalised
    swap = {YHAT: own, NORMALISED: own} if own != YHAT else {NORMALISED: YHAT}
    return substitute(expression, swap)
