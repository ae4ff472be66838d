"""The second route: the same claims for m = 2, 3, 4, 5, entry by entry, in exact rational arithmetic.

Nothing of the inner-product algebra is used on the measured side: y has m symbols, the loss is a general quadratic
with cross terms between two channels, and derivatives are SymPy derivatives with respect to the entries.
"""

import dataclasses
import functools
import random

import pytest
import sympy as sp
from mutants import mutants

from bnverify.theory import CLAIMS
from bnverify.theory.algebra.channel_sum import ChannelSum
from bnverify.theory.proof.quantities import QUANTITIES

SIZES = (2, 3, 4, 5)
CHANNELS = 2


def _rational(source) -> sp.Rational:
    return sp.Rational(source.randint(-6, 6), source.randint(1, 4))


def _exact(expression):
    """A number of Q(sqrt 2, sqrt 3, ...) in normal form; s is rational, so nothing divides by a root."""
    squares = expression.replace(lambda e: e.is_Pow and not e.exp.is_Integer, lambda e: sp.expand(e.base) ** e.exp)
    return sp.expand(squares)


def _points(source, size, *, epsilon_zero):
    """y with rational s: epsilon = s^2 - sigma^2 for an s above sigma, or y scaled so that sigma is an integer."""
    y = [sp.Integer(source.randint(-9, 9)) for _ in range(size - 1)]
    y.append(y[0] + source.randint(1, 9))
    mean = sp.Add(*y) / size
    variance = sp.Add(*((e - mean) ** 2 for e in y)) / size
    if epsilon_zero:
        stretch = source.randint(1, 3) / sp.sqrt(variance)
        return [stretch * e for e in y], sp.Integer(0)
    return y, (sp.ceiling(sp.sqrt(variance)) + sp.Rational(source.randint(1, 5), 3)) ** 2 - variance


def _slopes(expression, symbols, at):
    """Gradient (n) and Hessian (n, n) by SymPy's diff, entries not differentiated replaced by numbers first."""
    n = len(symbols)

    def near(*free):
        numbers = expression.subs({k: value for k, value in at.items() if k not in free})
        return numbers.replace(lambda e: e.is_Add, sp.expand)  # what is below the root is a polynomial

    slope = sp.Matrix([_exact(sp.diff(near(a), a).subs(a, at[a])) for a in symbols])
    hessian = sp.zeros(n, n)
    for i, a in enumerate(symbols):
        for k, b in enumerate(symbols[: i + 1]):
            hessian[i, k] = hessian[k, i] = _exact(near(a, b).diff(a).diff(b).subs({a: at[a], b: at[b]}))
    return slope, hessian


@functools.cache
def measured(size: int, epsilon_zero: bool):
    """Quantities of two channels by name: a list over channels, exact rationals."""
    source = random.Random(f"{size} {epsilon_zero}")
    ys, values, epsilons = [], [], []
    for j in range(CHANNELS):
        numbers, epsilon = _points(source, size, epsilon_zero=epsilon_zero)
        ys.append(sp.symbols(f"y{j}_:{size}"))
        values.append(dict(zip(ys[j], numbers, strict=True)))
        epsilons.append(epsilon)
    at = {symbol: number for value in values for symbol, number in value.items()}
    gammas, betas = ([_rational(source) or sp.Integer(1) for _ in range(CHANNELS)] for _ in range(2))

    def normalised(j):
        mean = sp.Add(*ys[j]) / size
        variance = sp.Add(*((e - mean) ** 2 for e in ys[j])) / size
        return (
            [(e - mean) / sp.sqrt(variance + epsilons[j]) for e in ys[j]],
            mean,
            sp.sqrt(variance + epsilons[j]),
            variance,
        )

    yhat, mean, scale, variance = zip(*(normalised(j) for j in range(CHANNELS)), strict=True)
    flat = [gammas[j] * e + betas[j] for j in range(CHANNELS) for e in yhat[j]]
    n = size * CHANNELS
    zs = sp.symbols(f"z:{n}")
    square = sp.Matrix(n, n, lambda i, k: _rational(source))
    square = square + square.T
    linear = sp.Matrix(n, 1, lambda i, k: _rational(source))
    z_vector = sp.Matrix(zs)
    loss = (linear.T * z_vector + z_vector.T * square * z_vector / 2)[0]
    z_at = [_exact(e.subs(at)) for e in flat]
    g = [sp.diff(loss, z).subs(dict(zip(zs, z_at, strict=True))) for z in zs]
    jacobian, curvature, units = sp.zeros(n, n), sp.zeros(n, n), []
    for j in range(CHANNELS):
        rows = slice(j * size, (j + 1) * size)
        own = [_slopes(e, ys[j], {k: at[k] for k in ys[j]}) for e in yhat[j]]
        units.append((sp.Matrix([slope.T for slope, _ in own]), [hessian for _, hessian in own]))
        jacobian[rows, rows] = gammas[j] * units[j][0]
        curvature[rows, rows] = sum((g[rows][i] * gammas[j] * h for i, (_, h) in enumerate(own)), sp.zeros(size, size))
    v = jacobian.T * sp.Matrix(g)
    hessian_hat = jacobian.T * square * jacobian + curvature
    out = {"layer": {}, "channels": []}
    out["layer"]["layer_v_Hhat_v"] = (v.T * hessian_hat * v)[0]
    u = jacobian * v
    out["layer"]["layer_u_H_u"] = (u.T * square * u)[0]
    for j in range(CHANNELS):
        block = slice(j * size, (j + 1) * size)
        rows = list(range(n))[block]
        hat = sp.Matrix(yhat[j]).subs(at).applyfunc(_exact)
        jac, seconds = units[j]
        gj, vj = sp.Matrix(g[block]), v[block, 0]
        uj = gammas[j] * jac * vj
        w, x = (sp.Matrix([_rational(source) for _ in range(size)]) for _ in range(2))
        second = sp.Matrix([(x.T * h * x)[0] for h in seconds])
        h, hh = square.extract(rows, rows), hessian_hat.extract(rows, rows)
        moments = sp.symbols("M S")
        at_moments = {moments[0]: mean[j].subs(at), moments[1]: variance[j].subs(at)}
        by_moments = [
            _exact(sum(
                g_i * gammas[j] * sp.diff((at[e] - moments[0]) / sp.sqrt(moments[1] + epsilons[j]), moment)
                for g_i, e in zip(gj, ys[j], strict=True)
            ).subs(at_moments)) for moment in moments
        ]  # fmt: skip
        one, y_now = sp.ones(size, 1), sp.Matrix([at[e] for e in ys[j]])
        vectors = {
            "one": one,
            "yhat": hat,
            "g": gj,
            "v": vj,
            "u": uj,
            "w": w,
            "x": x,
            "Jx": jac * x,
            "JJx": jac * jac * x,
            "Kx": second,
            "y": y_now,
        }
        numbers = {
            "m": size, "epsilon": epsilons[j], "gamma": gammas[j], "beta": betas[j], "mu": _exact(mean[j].subs(at)),
            "s": _exact(scale[j].subs(at)),
            "rho": _exact(variance[j].subs(at)) / _exact((variance[j] + epsilons[j]).subs(at)),
            "grad_mu": by_moments[0], "grad_sigma2": by_moments[1], "a": hat.dot(gj),
            "grad_gamma": hat.dot(gj), "grad_beta": one.dot(gj),
            "v_Hhat_v": (vj.T * hh * vj)[0], "v_H_v": (vj.T * h * vj)[0], "u_H_u": (uj.T * h * uj)[0],
            "w_Hhat_x": (w.T * hh * x)[0], "uw_H_ux": gammas[j] ** 2 * ((jac * w).T * h * (jac * x))[0],
        }  # fmt: skip
        for name in QUANTITIES:
            left, _, right = name.partition("_")
            if name not in numbers and left in vectors and right in vectors:
                numbers[name] = vectors[left].dot(vectors[right])
        out["channels"].append(numbers)
    return out


def sides(claim, size, epsilon_zero):
    """Pairs (left, right) of a claim, one a channel or one for the layer."""
    data = measured(size, epsilon_zero)

    def insert(expression, channel):
        table = {QUANTITIES[n].symbol: sp.sympify(value) for n, value in {**data["layer"], **channel}.items()}
        return expression.xreplace(table)

    def insert_layer(expression):
        sums = {s: sp.Add(*(insert(s.args[0], c) for c in data["channels"])) for s in expression.atoms(ChannelSum)}
        return insert(expression.xreplace(sums), data["channels"][0])

    if claim.shape == "layer":
        return [(insert_layer(claim.left), insert_layer(claim.right))]
    return [(insert(claim.left, c), insert(claim.right, c)) for c in data["channels"]]


def holds(claim, size, epsilon_zero) -> bool:
    slacks = [_exact(right - left) for left, right in sides(claim, size, epsilon_zero)]
    return all(slack == 0 if claim.relation == "==" else bool(slack >= 0) for slack in slacks)


def _measurable(claim) -> bool:
    data = measured(2, True)
    return set(claim.quantities) <= {*data["layer"], *data["channels"][0]}


# Weights, shifted or rescaled activations and other normalisers have examples of their own; the sum rule needs a norm
# after the layer.
TESTED = [
    key for key in CLAIMS if _measurable(CLAIMS[key]) and not key.startswith(("observation", "one-value", "sum-rule"))
]


def test_enough_claims_are_tested():
    assert len(TESTED) >= 24 and {"theorem-4.1-exact", "theorem-4.2-layer-exact", "hessian"} <= set(TESTED)


def _required_size(claim) -> int | None:
    return next((int(h.name[-1]) for h in claim.hypotheses if h.name in ("m = 1", "m = 2")), None)


POINTS = [(key, size) for key in TESTED for size in SIZES if _required_size(CLAIMS[key]) in (None, size)]


SMALL = [point for point in POINTS if point[1] <= 3]


def _large(cases):
    return [pytest.param(*case, marks=pytest.mark.slow) for case in cases]


@pytest.mark.parametrize(("key", "size"), [*SMALL, *_large(point for point in POINTS if point not in SMALL)])
def test_claim_holds_entry_by_entry(key, size):
    claim = CLAIMS[key]
    needs_zero = any(h.name == "epsilon = 0" for h in claim.hypotheses)
    assert holds(claim, size, True)
    assert needs_zero or holds(claim, size, False)


ANY_SIZE = [key for key in TESTED if _required_size(CLAIMS[key]) is None]


@pytest.mark.parametrize(("key", "size"), [*((key, 3) for key in ANY_SIZE), *_large((key, 5) for key in ANY_SIZE)])
def test_mutants_fail_entry_by_entry(key, size):
    """Some point rejects every mutant of an equality; of a bound, those that cut below the exact value."""
    claim = CLAIMS[key]
    for name, mutant in mutants(claim):
        if claim.relation == "<=":
            tighter = dataclasses.replace(mutant, relation="==")
            assert not holds(tighter, size, True), name
        else:
            assert not all(holds(mutant, size, zero) for zero in (True, False)), name


def test_m_equal_two_has_no_gradient_at_epsilon_zero():
    assert all(channel["v_v"] == 0 for channel in measured(2, True)["channels"])
    assert any(channel["v_v"] != 0 for channel in measured(3, True)["channels"])


def test_printed_4_2_can_fail_for_positive_epsilon():
    """Read with "<=", the printed Theorem 4.2(i) is violated at some epsilon > 0: the hypothesis is needed."""
    claim = CLAIMS["theorem-4.2"]
    differences = [left - right for size in (2, 3) for left, right in sides(claim, size, False)]
    assert any(d > 0 for d in differences)
