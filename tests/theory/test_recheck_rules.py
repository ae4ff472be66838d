"""What the re-checker's rules derive is compared with derivatives of the definition, entry by entry, at numbers."""

from dataclasses import replace

import pytest
import sympy as sp
from documents import document

from bnverify.theory import ONE, Normalizer, epsilon, m, variance
from bnverify.theory.proof.example import Example
from bnverify.theory.proof.recheck.check import Proof
from bnverify.theory.proof.recheck.rules import derive

BIASED = "(I1 - I2**2/m)/m"
SCALES = {
    "batch": (True, f"sqrt(epsilon + {BIASED})", lambda y: sp.sqrt(variance(y) + epsilon)),
    "rms": (False, "sqrt(epsilon + I1/m)", lambda y: sp.sqrt(y.squared / m + epsilon)),
    "between": (True, f"sqrt(epsilon + {BIASED} + I2**2/(4*m**2))",
                lambda y: sp.sqrt(variance(y) + ((ONE @ y) / m) ** 2 / 4 + epsilon)),
    "uncentred": (True, "sqrt(epsilon + I1/m)", lambda y: sp.sqrt(y.squared / m + epsilon)),
    "outside": (True, f"epsilon + sqrt({BIASED})", lambda y: sp.sqrt(variance(y)) + epsilon),
    "spread": (False, f"sqrt(epsilon + {BIASED})", lambda y: sp.sqrt(variance(y) + epsilon)),
}  # fmt: skip
Y, G, W, X = (1.0, 3.0, -2.0, 5.0), (2.0, -1.0, 1.0, 3.0), (1.0, 2.0, 0.5, -1.0), (0.5, -1.0, 2.0, 1.0)
H = ((2.0, 1.0, 0.0, -1.0), (1.0, -1.0, 2.0, 0.0), (0.0, 2.0, 1.0, 1.0), (-1.0, 0.0, 1.0, 3.0))
K, SHIFT, GAMMA = 3.0, 0.75, 1.5


def definition(name):
    """The definition of a scale as the re-checker reads it."""
    centred, scale, _ = SCALES[name]
    changed = document("invariance-scale-gradient")
    changed["normalizer"] |= {"centred": centred, "scale": scale}
    changed["vectors"] |= {"x": {"space": "m", "entries": "any"}}
    changed["operators"] |= {"H": {"space": "m", "is": "self-adjoint"}}
    changed["symbols"] |= {"shift": "real", "sigma2": "nonnegative"}
    return Proof(changed).definition


def example(name, y=Y, eps=0.5):
    centred, _, scale = SCALES[name]
    return Example(
        y, G, gamma=GAMMA, beta=0.25, epsilon=eps, H=H, w=W, x=X, normalizer=Normalizer("own", centred, scale)
    )


def dot(u, w):
    return sum(p * q for p, q in zip(u, w, strict=True))


def valued(found, at, k=K):
    """The number or the entries of what a rule gives, in the quantities of an example."""
    vectors = {"1": (1.0,) * 4, "g": G, "w": W, "x": X, "yhat": at.yhat, "y": at.y}
    numbers = {"gamma": GAMMA, "beta": 0.25, "s": at.s, "mu": sum(at.y) / 4, "m": 4, "k": k, "epsilon": at.epsilon,
               "shift": SHIFT}  # fmt: skip

    def entries(atom):
        plain = atom.removeprefix("H ")
        return vectors[atom] if plain == atom else [dot(row, entries(plain)) for row in H]

    def number(e):
        e = sp.sympify(e)
        known = {x: numbers[x.name] if x.name in numbers else dot(*map(entries, x.name[1:-1].split(", ")))
                 for x in e.free_symbols}  # fmt: skip
        return float(e.xreplace(known))

    if not isinstance(found, dict):
        return number(found)
    return [sum(number(c) * entries(a)[i] for a, c in found.items()) for i in range(4)]


RULES = {
    ("slope of the scale", ()): lambda e: e.n,
    ("curvature of the scale", ("x", "x")): lambda e: e.number("x_M_x"),
    ("slope", ("x",)): lambda e: e.velocity(X),
    ("second slope", ("x", "x")): lambda e: [each.c2 for each in e.normalise(e.along(X))[0]],
    ("velocity", ("w",)): lambda e: [GAMMA * each for each in e.velocity(W)],
    ("gradient", ()): lambda e: e.v,
    ("curvature", ("x", "w")): lambda e: e.second(X, W),
    ("by parameter", ("gamma",)): lambda e: e.number("grad_gamma"),
    ("by parameter", ("beta",)): lambda e: e.number("grad_beta"),
    ("output", ()): lambda e: [GAMMA * each + 0.25 for each in e.yhat],
    ("values", ()): lambda e: list(Y),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: " ".join((rule[0], *rule[1])))
@pytest.mark.parametrize("name", SCALES)
def test_a_rule_gives_the_derivative(name, rule):
    at = example(name)
    assert valued(derive(definition(name), *rule), at) == pytest.approx(RULES[rule](at), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("moment", ["mu", "sigma2"])
def test_the_derivative_by_a_moment_holds_the_other_fixed(moment):
    at = example("batch")
    assert valued(derive(definition("batch"), "by moment", (moment,)), at) == pytest.approx(at.number(f"grad_{moment}"))


# (rule, the vector that is moved, its epsilon, where yhat does not change by it)
MOVED = {
    "rescaled gradient": (lambda e: tuple(K * x for x in e), 0.0, ("batch", "rms", "between", "uncentred", "spread")),
    "regrown gradient": (lambda e: tuple(K * x for x in e), 0.5, ("batch", "rms", "between", "uncentred", "spread")),
    "shifted gradient": (lambda e: tuple(x + SHIFT for x in e), 0.5, ("batch", "outside")),
}


@pytest.mark.parametrize(("rule", "name"), [(rule, name) for rule, (*_, names) in MOVED.items() for name in names])
def test_a_gradient_at_another_point_is_the_gradient_there(rule, name):
    """Also where the scale sees the mean, which moves as well."""
    move, eps, _ = MOVED[rule]
    at = example(name, eps=eps)
    there = example(name, move(Y), eps * K**2 if rule.startswith("regrown") else eps)
    assert there.yhat == pytest.approx(at.yhat)
    assert valued(derive(definition(name), rule, ()), at) == pytest.approx(there.v, rel=1e-10)
    if rule.startswith("rescaled"):
        found = derive(definition(name), "rescaled curvature", ("x", "w"))
        assert valued(found, at) == pytest.approx(there.second(X, W), rel=1e-10)


@pytest.mark.parametrize("name", SCALES)
def test_values_at_another_point_are_those_there(name):
    scaled, less, shifted = (derive(definition(name), f"{rule}", ()) for rule in
                             ("rescaled values", "values with less epsilon", "shifted values"))  # fmt: skip
    at = example(name)
    for found, there in (
        (scaled, example(name, tuple(K * x for x in Y))), (less, replace(at, epsilon=at.epsilon / K**2)),
        (shifted, example(name, tuple(x + SHIFT for x in Y))),
    ):  # fmt: skip
        assert valued(found, at) == pytest.approx(there.yhat, rel=1e-10)
