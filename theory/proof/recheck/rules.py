"""What follows from the definition s yhat = P y, z = gain yhat + shift 1, derived here without the package.

Vectors are dicts atom -> coefficient. First and second derivatives come from differentiating s and s yhat = P y along
lines; every rule names the one entry of the document it may establish.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp

from .reading import Refused, Sum, Vec, bounded, expand, name, terms

ONE = sp.Integer(1)
# (rule, its arguments) -> the entry it establishes; None: a step others stand on, which establishes no entry.
TARGETS: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {
    ("slope", ("x",)): ("Jx",), ("slope", ("Jx",)): ("JJx",), ("second slope", ("x", "x")): ("Kx",),
    ("velocity", ("v",)): ("u",), ("velocity", ("w",)): ("u_w",), ("velocity", ("x",)): ("u_x",),
    ("gradient", ()): ("v",), ("output", ()): ("z",), ("rescaled values", ()): ("yhat_scaled",),
    ("values with less epsilon", ()): ("yhat_less",), ("rescaled gradient", ()): ("v_scaled",),
    ("regrown values", ()): ("yhat_regrown",), ("regrown gradient", ()): ("v_regrown",),
    ("shifted values", ()): ("yhat_shifted",), ("shifted gradient", ()): ("v_shifted",),
    ("by parameter", ("gamma",)): ("grad_gamma",), ("by parameter", ("beta",)): ("grad_beta",),
    ("by moment", ("mu",)): ("grad_mu",), ("by moment", ("sigma2",)): ("grad_sigma2",), ("rho", ()): ("rho",),
    ("nearest point of a ray", ("W0", "Wstar")): ("distance2",),
    ("nearest point of a ray", ("W0_layer", "Wstar_layer")): ("layer_distance2",),
}  # fmt: skip
# What no hypothesis may say: it follows from the definition.
DERIVED = {entry for entries in TARGETS.values() for entry in entries} - {"z"} | {"n"}
# Names that a rule speaks of, and what they are: printed wherever they are declared.
MEANINGS = {
    "g": "gradient of the loss at z", "H": "Hessian of the loss at z", "v": "gradient of y -> loss(z(y)) at y",
    "Hhat": "Hessian of y -> loss(z(y)) at y", "n": "gradient of s at y", "M": "Hessian of s at y", "u": "D z[v]",
    "u_w": "D z[w]", "u_x": "D z[x]", "Jx": "D yhat[x]", "JJx": "D yhat[D yhat[x]]", "Kx": "D^2 yhat[x, x]",
    "yhat_measured": "yhat", "yhat_scaled": "yhat at k y", "yhat_less": "yhat at y with epsilon/k**2",
    "yhat_regrown": "yhat at k y with k**2 epsilon", "yhat_shifted": "yhat at y + shift 1",
    "v_scaled": "v at k y, g the same", "v_regrown": "v at k y with k**2 epsilon, g the same",
    "v_shifted": "v at y + shift 1, g the same", "Hhat_scaled": "Hhat at k y, g and H the same",
    "grad_gamma": "<g, dz/dgamma>", "grad_beta": "<g, dz/dbeta>",
    "grad_mu": "d/dmu of loss(gain (y - mu 1)/sqrt(sigma2 + epsilon) + shift 1), sigma2 = s**2 - epsilon",
    "grad_sigma2": "d/dsigma2 of loss(gain (y - mu 1)/sqrt(sigma2 + epsilon) + shift 1), sigma2 = s**2 - epsilon",
    "v_layer": "v of all channels", "u_layer": "u of all channels",
}  # fmt: skip
OF_WEIGHTS = {
    "W0_layer": "W0 of all filters",
    "Wstar_layer": "Wstar of all filters", "distance2": "least |W0 - k Wstar|^2 over k > 0",
    "layer_distance2": "least |W0_layer - k Wstar_layer|^2 over k > 0",
}  # fmt: skip
MOST_ROOTS, MOST_TERMS_OF_A_SCALE = 3, 20  # of a scale, which is solved for epsilon
# Scalars that change with y: no part of a gain or a shift, which every rule takes for constants.
MOVING = {"s", "mu", "sigma2", *DERIVED}
# What has to be established before a rule may be used.
NEEDS = {
    **dict.fromkeys(("slope", "velocity", "gradient", "rescaled gradient", "shifted gradient"),
                    ("slope of the scale",)),
    **dict.fromkeys(("second slope", "curvature", "layer curvature", "rescaled curvature"),
                    ("slope of the scale", "curvature of the scale")),
    "rescaled gradient": ("slope of the scale", "rescaled values"),
    "rescaled curvature": ("slope of the scale", "curvature of the scale", "rescaled values"),
    "regrown gradient": ("slope of the scale", "regrown values"),
    "shifted gradient": ("slope of the scale", "shifted values"),
}  # fmt: skip


def add(*vectors: Vec) -> Vec:
    """The sum of vectors."""
    out: Vec = {}
    for vector in vectors:
        for atom, c in vector.items():
            out[atom] = out.get(atom, sp.Integer(0)) + c
    return out


def times(c: Any, vector: Vec) -> Vec:
    """A multiple of a vector."""
    return {atom: c * x for atom, x in vector.items()}


class Definition:
    """The definition of a normalizer, as the document states it, and its derivatives."""

    def __init__(self, proof: Any, data: Any):
        known = {"gradient", "hessian"} if isinstance(data, dict) and data.get("scale") is None else set()
        fields = known | {"name", "values", "centred", "projector", "gain", "shift", "scale", "rho"}
        if set(data) != fields or not isinstance(data["centred"], bool):
            raise Refused("the normalizer has not the fields of a normalizer")
        self.proof, self.dot, read = proof, proof.dot, proof.read
        missing = {"m", "s", "mu", *(() if data["scale"] is None else ("epsilon",))} - set(proof.names)
        if missing:
            raise Refused(f"the definition needs {', '.join(sorted(missing))}, not declared")
        if proof.signs.get("s") != "positive" or proof.signs.get("k", "positive") != "positive":
            raise Refused("s and k are divided by, and not declared positive")
        symbol = proof.names.get
        self.m, self.s, self.mu, self.epsilon = (symbol(n) for n in ("m", "s", "mu", "epsilon"))
        self.values = name(data["values"])
        if self.values in {*MEANINGS, "y", "z"} or proof.spaces.get(self.values) != "m" or proof.spaces.get("y") != "m":
            raise Refused(f"the values {self.values} or y are not declared, or are something else")
        self.centred, self.projector = data["centred"], data["projector"]
        if self.projector is not None and self.projector not in set(proof.operators) - set(MEANINGS):
            raise Refused(f"the projector {self.projector} is not declared, or is something else")
        if self.projector is not None and (self.centred or data["scale"] is not None):
            raise Refused("a projector of its own stands beside no centring and no formula, which would not follow it")
        self.gain, self.shift = read(data["gain"]), read(data["shift"])
        fixed = {symbol(n) for n in proof.signs if n not in MOVING}
        if not (self.gain.free_symbols | self.shift.free_symbols) <= fixed:
            raise Refused("the gain or the shift depends on y, and is taken for a constant")
        self.known = data["scale"] is None
        self.rho = None if data["rho"] is None else read(data["rho"])
        if self.known:
            if self.rho is not None:
                raise Refused("nothing is known of rho where the scale is no formula")
            self.n: Vec = proof.vector(data["gradient"])
            self.M = data["hessian"]
            if self.M is not None and self.M not in proof.operators:
                raise Refused(f"the operator {self.M} is not declared")
        else:
            if expand(self.rho - (1 - self.epsilon / self.s**2)) != 0:
                raise Refused("rho is not 1 - epsilon/s**2")
            self.yy, self.oy = proof.symbol("y", "y"), proof.symbol("1", "y")
            self.f = read(data["scale"])
            if terms(self.f) > MOST_TERMS_OF_A_SCALE or sum(map(is_root, sp.preorder_traversal(self.f))) > MOST_ROOTS:
                raise Refused("the scale is too long to be solved for epsilon")
            if self.f.free_symbols - {self.yy, self.oy, self.m, self.epsilon}:
                raise Refused("the scale is not written in y, m and epsilon")
            self.n = {}

    # Coordinates: y = mu 1 + s yhat, and epsilon as the definition of s gives it.

    def y(self) -> Vec:
        return {**({"1": self.mu} if self.centred else {}), self.values: self.s}

    def project(self, u: Vec) -> Vec:
        if self.projector is not None:
            return {f"{self.projector} {atom}": c for atom, c in u.items()}
        return add(u, {"1": -self.dot({"1": ONE}, u) / self.m}) if self.centred else u

    def tidy(self, e: sp.Expr) -> sp.Expr:
        """Inner products of y written in 1 and yhat, epsilon eliminated, roots of squares resolved."""
        y = self.y()
        moved = {}
        for product in e.free_symbols & set(self.proof.products):
            a, b = self.proof.products[product]
            if "y" in (a, b):
                moved[product] = self.dot(y if a == "y" else {a: ONE}, y if b == "y" else {b: ONE})
        return cancelled(resolve(resolve(e.xreplace(moved)).xreplace(self.solved())))

    def solved(self) -> dict[sp.Expr, sp.Expr]:
        """What the definition of s says of epsilon, or of |yhat|^2 where there is none."""
        if not hasattr(self, "_solved"):
            y = self.y()
            value = resolve(self.f.xreplace({self.yy: self.dot(y, y), self.oy: self.dot({"1": ONE}, y)}))
            unknown = (
                self.epsilon if self.epsilon in value.free_symbols else self.proof.symbol(self.values, self.values)
            )
            square = expand(resolve(value**2))
            rest = expand(square - unknown)
            if unknown in rest.free_symbols or not square.is_rational_function(unknown):
                positive = sp.Dummy(positive=True)
                roots = sp.solve(value.xreplace({unknown: positive}) - self.s, positive)
                if len(roots) != 1 or sp.simplify(value.xreplace({unknown: roots[0]}) - self.s) != 0:
                    raise Refused("the scale cannot be solved for epsilon")
                self._solved = {unknown: roots[0]}
            else:
                self._solved = {unknown: self.s**2 - rest}
        return self._solved

    def along(self, x: str, w: str) -> sp.Expr:
        """s(y + t x + u w), with t and u."""
        t, u = self.t, self.u
        p = self.proof.product
        moved = {
            self.yy: self.yy + 2 * t * p("y", x) + 2 * u * p("y", w) + t**2 * p(x, x) + 2 * t * u * p(x, w)
            + u**2 * p(w, w),
            self.oy: self.oy + t * p("1", x) + u * p("1", w),
        }  # fmt: skip
        return self.f.xreplace(moved)

    t, u = sp.Dummy("t", real=True), sp.Dummy("u", real=True)

    def slope_of_scale(self) -> Vec:
        """n: D s[x] = f_1 2 <y, x> + f_2 <1, x>, read off as an inner product with x."""
        if self.known or self.n:
            return self.n
        by_square, by_total = self.tidy(self.f.diff(self.yy)), self.tidy(self.f.diff(self.oy))
        n = add(times(2 * by_square, self.y()), {"1": by_total})
        self.n = {atom: c for atom, raw in n.items() if (c := cancelled(raw)) != 0}
        return self.n

    def curvature_of_scale(self, x: str, w: str) -> sp.Expr:
        if self.known:
            return sp.Integer(0) if self.M is None else self.proof.product(w, f"{self.M} {x}")
        return self.tidy(self.along(x, w).diff(self.t, self.u).subs({self.t: 0, self.u: 0}))

    def slope(self, x: Vec) -> Vec:
        """D yhat[x] from s yhat = P y: D s[x] yhat + s D yhat[x] = P x."""
        return times(1 / self.s, add(self.project(x), {self.values: -self.dot(self.slope_of_scale(), x)}))

    def second(self, x: str, w: str) -> Vec:
        """D^2 yhat[x, w] from the same, differentiated once more."""
        n, X, W = self.slope_of_scale(), {x: ONE}, {w: ONE}
        total = add({self.values: self.curvature_of_scale(x, w)}, times(self.dot(n, X), self.slope(W)),
                    times(self.dot(n, W), self.slope(X)))  # fmt: skip
        return times(-1 / self.s, total)

    def curvature(self, x: str, w: str) -> sp.Expr:
        """<w, Hhat x> = <D z[w], H D z[x]> + <g, D^2 z[x, w]>."""
        one, other = (times(self.gain, self.slope({a: ONE})) for a in (x, w))
        bent = self.dot(other, {f"H {atom}": c for atom, c in one.items()})
        return expand(bent + self.gain * self.dot({"g": ONE}, self.second(x, w)))

    def gradient(self) -> Vec:
        """v with <v, w> = gain <g, D yhat[w]>: (gain/s) (P g - <g, yhat> n)."""
        g = {"g": ONE}
        pulled = add(self.project(g), times(-self.dot(g, {self.values: ONE}), self.slope_of_scale()))
        return times(self.gain / self.s, pulled)

    def moved(self, y: Vec, epsilon: sp.Expr) -> Vec:
        """yhat of another vector, with another epsilon, in the coordinates of y."""
        f = self.f.xreplace({self.yy: self.dot(y, y), self.oy: self.dot({"1": ONE}, y)})
        f = self.tidy_root(f.subs(self.epsilon, epsilon))
        return {atom: self.tidy_root(c) / f for atom, c in self.project(self.in_y(y)).items()}

    def in_y(self, y: Vec) -> Vec:
        return add({a: c for a, c in y.items() if a != "y"}, times(y.get("y", sp.Integer(0)), self.y()))

    def tidy_root(self, e: sp.Expr) -> sp.Expr:
        return factored(resolve(self.tidy(e)))


# The same expressions come back in every step: what these functions of an expression alone give is kept.


@lru_cache(maxsize=4096)
def resolve(e: sp.Expr) -> sp.Expr:
    """Roots of squares, where the square shows only after expansion."""
    return bounded(e).replace(is_root, lambda r: sp.factor(expand(r.base)) ** r.exp)


@lru_cache(maxsize=4096)
def factored(e: sp.Expr) -> sp.Expr:
    """Roots of squares, where the square shows after factoring."""
    return bounded(e).replace(is_root, lambda r: sp.factor(r.base) ** r.exp)


@lru_cache(maxsize=4096)
def cancelled(e: sp.Expr) -> sp.Expr:
    """A quotient in lowest terms, expanded."""
    return sp.expand(sp.cancel(bounded(e)))


def is_root(e: sp.Basic) -> bool:
    """Whether an expression is a root."""
    return e.is_Pow and not e.exp.is_Integer


def derive(d: Definition, rule: str, of: tuple[str, ...]) -> Any:
    """The value a rule gives, a scalar or a vector; Refused for a rule that is not known."""
    proof = d.proof
    one: Vec = {"1": ONE}

    def symbols(n: str) -> sp.Expr:
        return proof.names.get(n, sp.Symbol(n, real=True))

    larger = {d.s: symbols("k") * d.s, d.mu: symbols("k") * d.mu}  # at k y, where yhat is the same
    match rule, of:
        case "slope of the scale", ():
            return d.slope_of_scale()
        case "curvature of the scale", (x, w):
            return d.curvature_of_scale(x, w)
        case "slope", (x,):
            return d.slope({x: ONE})
        case "second slope", (x, w):
            return d.second(x, w)
        case "velocity", (x,):
            return times(d.gain, d.slope({x: ONE}))
        case "gradient", ():
            return d.gradient()
        case "curvature", (x, w):
            return d.curvature(x, w)
        case "layer curvature", ():
            bent = proof.product("u_layer", "H u_layer")
            return bent + Sum(expand(d.gain * d.dot({"g": ONE}, d.second("v", "v"))))
        case "output", ():
            return add({d.values: d.gain}, times(d.shift, one))
        case "by parameter", (by,):
            return d.dot({"g": ONE}, add({d.values: d.gain.diff(symbols(by))}, times(d.shift.diff(symbols(by)), one)))
        case "by moment", (by,):
            if by not in proof.names:
                raise Refused(f"the moment {by} is not declared")
            sigma2 = sp.Dummy("sigma2", positive=True)
            z = times(d.gain / sp.sqrt(sigma2 + d.epsilon), {"y": ONE, "1": -d.mu})
            by_moment = {"mu": d.mu, "sigma2": sigma2}[by]
            form = d.dot({"g": ONE}, {a: c.diff(by_moment) for a, c in z.items()})
            return d.tidy(resolve(form.subs(sigma2, d.s**2 - d.epsilon)))
        case "rescaled values", ():
            return d.moved({"y": symbols("k")}, d.epsilon)
        case "regrown values", ():
            return d.moved({"y": symbols("k")}, d.epsilon * symbols("k") ** 2)
        case "values with less epsilon", ():
            return d.moved({"y": ONE}, d.epsilon / symbols("k") ** 2)
        case "shifted values", ():
            return d.moved({"y": ONE, "1": symbols("shift")}, d.epsilon)
        case (("rescaled gradient" | "regrown gradient"), ()):
            return {a: sp.sympify(c).xreplace(larger) for a, c in d.gradient().items()}
        case "rescaled curvature", (x, w):
            return d.curvature(x, w).xreplace(larger)
        case "shifted gradient", ():
            return {a: sp.sympify(c).xreplace({d.mu: d.mu + symbols("shift")}) for a, c in d.gradient().items()}
        case "projector", (x,):
            return d.project({x: ONE})
        case "projection", ():
            return {d.values: ONE}
        case "values", ():
            return {d.values: d.s} if d.projector is not None else d.y()
    raise Refused(f"got the rule {rule!r} of {', '.join(of)}, which is not a known one")
