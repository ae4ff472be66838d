"""The third route: claims on random smooth functions by automatic differentiation."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from claimed import MATCHED, OF_LAYERS, arrays, points
from compiling import OPTIMISED
from mutants import mutants
from random_functions import measured, random_function
from selection import first_and_slow

from bnverify.empirical.judgement.compile import TOLERANCES, compile_claim
from bnverify.empirical.judgement.verdict import residuals
from bnverify.empirical.measurement import measurement
from bnverify.empirical.measurement.measurement import measure
from bnverify.empirical.measurement.scale_quantities import smooth
from bnverify.empirical.normalization.batch import batch_norm
from bnverify.empirical.normalization.known import TRAINABLE
from bnverify.empirical.normalization.normalizers import Normalization, PerChannel, l2, linf, normalization
from bnverify.errors import InputError
from bnverify.theory import CLAIMS, claims_for
from bnverify.theory.proof.quantities import names_of
from bnverify.theory.results.catalogue import claims_of_steps

TOLERANCE = TOLERANCES["float64"]["equality"]
SHAPES = {"dense": (7, 4), "convolution": (2, 3, 2, 4)}
EPSILONS = (0.0, 1e-5, 0.7, 30.0)
KEYS = [claim.key for claim in claims_for("batch") if claim.key not in OF_LAYERS | MATCHED]
OTHERS = [name for name in TRAINABLE if name != "batch"]
# They need a batch of one or two values, and are tested there.
FEW_VALUES = ("one-value", "two-values")


def few_values(key):
    """One value, or two, in a channel."""
    return measured((1, 4), 0.7) if key == "one-value" else measured((2, 4), 0.0)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("key", KEYS)
def test_claim_on_random_functions(key, epsilon, shape):
    claim = CLAIMS[key]
    found = points(claim, measured(shape, epsilon))
    assert (found < TOLERANCE).all()
    names = {h.name for h in claim.hypotheses}
    if key not in (*FEW_VALUES, "theorem-4.2-ii"):
        assert len(found) > 0 or (epsilon != 0 and "epsilon = 0" in names)


@pytest.mark.parametrize("key", FEW_VALUES)
def test_claims_about_one_or_two_values(key):
    found = points(CLAIMS[key], few_values(key))
    assert len(found) == 4 and (found < TOLERANCE).all()
    others = [claim for claim in claims_for("batch") if claim.key in KEYS and claim.key not in FEW_VALUES]
    single = measured((1, 4), 0.7)
    for claim in others:  # with one value every vector is its own mean, and all claims still hold
        assert not (points(claim, single) > TOLERANCE).any(), claim.key


def test_theorem_4_2_ii_is_tested_inside_and_outside_its_hypothesis():
    claim = CLAIMS["theorem-4.2-ii"]
    runs = [measured(shape, 0.0, seed) for shape in SHAPES.values() for seed in range(3)]
    found = [points(claim, q) for q in runs]
    assert 0 < sum(map(len, found)) < 2 * len(runs)
    without = dataclasses.replace(claim, hypotheses=())
    assert max(points(without, q).max() for q in runs) > 1e-3


@pytest.mark.parametrize("name", first_and_slow(OTHERS, {"layer", "rms", "l1"}))
@pytest.mark.parametrize("epsilon", [0.0, 0.7])
def test_every_claim_about_every_normaliser_on_random_functions(name, epsilon):
    for shape in SHAPES.values():
        if name == "instance" and len(shape) == 2:
            continue
        quantities = measured(shape, epsilon, 0, name)
        for claim in claims_for(name):
            if quantities["m"] == 2 and epsilon == 0:
                continue  # two values pass no gradient at all: both sides are rounding
            found = points(claim, quantities)
            assert (found < TOLERANCE).all(), (claim.key, shape)
            assert len(found) > 0 or epsilon != 0, (claim.key, shape)


def _worst(claim, runs):
    return max((points(claim, q).max(initial=0.0) for q in runs), default=0.0)


def _runs(claim):
    """Runs of normalisers the claim speaks of, at two epsilons; of few values for claims about these."""
    if claim.key in FEW_VALUES:
        return [few_values(claim.key)]
    speaks_of = [name for name in ("batch", *OTHERS) if claim in claims_for(name)]
    # Without centring Pg has a mean, and the uncentred scales see a shift; others have neither.
    names = {speaks_of[0]} | ({"rms", "l2-uncentred"} & set(speaks_of))
    points = [(shape, epsilon) for shape in SHAPES.values() for epsilon in (0.0, 0.7)]
    return [measured(shape, epsilon, 0, n) for n in sorted(names) for shape, epsilon in points]


OF_STEPS = {claim.key for claim in claims_of_steps()}  # of two states: test_dynamics.py
MEASURED = [key for key in CLAIMS if key not in OF_LAYERS | MATCHED | OF_STEPS]


@pytest.mark.parametrize("key", [key for key in MEASURED if key != "theorem-4.2-ii"])
def test_mutants_are_noticed(key):
    """Every mutant of every claim leaves the tolerance somewhere: for bounds, mutants that claim more than is true."""
    claim = CLAIMS[key]
    runs = _runs(claim)
    for name, mutant in mutants(claim):
        if claim.relation == "<=":
            truth = [compile_claim(claim)(q).right for q in runs]
            if all((compile_claim(mutant)(q).right >= t).all() for q, t in zip(runs, truth, strict=True)):
                continue  # a weaker bound is true as well
            if key in SLACK:
                continue
        assert _worst(mutant, runs) > 1e-8, name


# Bounds that random values are far from; they are attained in the tests below.
SLACK = {"jacobian-norm", "normalizer-worst-factor", "l1-worst-factor", "linf-worst-factor"}
# (claim, quantity) where the quantity is multiplied by what is zero, or is the same on both sides.
INDIFFERENT = {
    ("bias-gradient", "one_v"), ("normalised-mean", "one_yhat"), ("one-value", "yhat_yhat"), ("two-values", "v_v"),
    ("renorm-bias-gradient", "one_v"),
}  # fmt: skip


@pytest.mark.parametrize("key", [key for key in MEASURED if CLAIMS[key].relation == "=="])
def test_a_change_of_any_quantity_of_an_identity_is_noticed(key):
    """Each quantity of either side, changed by 1e-6 of itself, or from zero to 1e-6 of its scale."""
    claim = CLAIMS[key]
    for name in sorted({*names_of(claim.left), *names_of(claim.right)}):
        worst = 0.0
        for quantities in _runs(claim):
            changed = quantities | {name: quantities[name] * (1 + 1e-6)}
            if (key, name) in INDIFFERENT:
                changed[name] = quantities[name] + 1e-6
            found, before = (points(claim, q) for q in (changed, quantities))
            worst = max(worst, found.max(initial=0.0))
            assert before.max(initial=0.0) < TOLERANCE
        assert worst > 10 * TOLERANCE, name


def test_jacobian_norm_is_attained(monkeypatch):
    """By x orthogonal to 1 and to yhat: any increase is noticed."""
    suffix, y, gamma, beta = random_function((7, 4))
    yhat = batch_norm(y, jnp.ones(4), jnp.zeros(4), 0.7)
    drawn = measurement.random_tests(y, 0)
    x = drawn.x - drawn.x.mean(0)
    x = x - yhat * (yhat * x).sum(0) / (yhat**2).sum(0)
    monkeypatch.setattr(measurement, "random_tests", lambda y, seed: drawn._replace(x=x))
    q = arrays(measure(suffix, y, gamma, beta, 0.7))
    np.testing.assert_allclose(q["Jx_Jx"], q["x_x"] / q["s"] ** 2, rtol=1e-12)
    for name, sign in (("Jx_Jx", 1), ("x_x", -1), ("s", 1)):
        assert points(CLAIMS["jacobian-norm"], q | {name: q[name] * (1 + sign * 1e-6)}).min() > 1e-9, name


def test_theorem_4_2_ii_is_attained():
    """With gamma = s, g orthogonal to 1 and yhat, and H = 3I, v = g and both curvatures are equal."""
    _, y, _, beta = random_function((7, 4))
    gamma = y.std(0)
    z = batch_norm(y, gamma, beta, 0.0)
    centred = jax.random.normal(jax.random.key(3), y.shape)
    centred = centred - centred.mean(0)
    yhat = (y - y.mean(0)) / y.std(0)
    g = centred - yhat * (yhat * centred).mean(0)
    q = arrays(
        measure(lambda at: (g * at).sum() + 1.5 * ((at - z) ** 2).sum(), y, gamma, beta, 0.0, sampled=range(4))
    )  # fmt: skip
    np.testing.assert_allclose(q["g_H_g"], 3 * (g**2).sum(0), rtol=1e-12)
    np.testing.assert_allclose(q["g_H_g"], q["v_H_v"], rtol=1e-12)
    claim = dataclasses.replace(CLAIMS["theorem-4.2-ii"], hypotheses=())
    assert points(claim, q).max() < 1e-12
    for name, sign in (("v_Hhat_v", 1), ("g_H_g", -1)):
        assert points(claim, q | {name: q[name] * (1 + sign * 1e-6)}).min() > 1e-9, name


@pytest.mark.parametrize("name", first_and_slow(["batch", "layer", "rms", "l1", "linf"], {"batch", "l1"}))
def test_worst_factor_is_attained(name):
    """By g proportional to yhat - n/|n|^2 (any g for batch norm, whose factor is 1, as long as it is centred and
    orthogonal to yhat); the floor is attained by batch norm and its relatives."""
    norm = normalization(name)
    _, y, _, _ = random_function((8, 4))
    ones, zeros = jnp.ones(4), jnp.zeros(4)
    columns = norm.columns(y)
    n = jax.grad(lambda c: norm.scale(c, 0.0).sum())(columns)
    yhat = (columns - norm.statistics(y, 0.0)[0]) / norm.statistics(y, 0.0)[1]
    g = yhat - n / (n**2).sum(0)
    if name in ("batch", "layer", "rms"):
        g = jax.random.normal(jax.random.key(5), columns.shape)
        g = g - g.mean(0) if norm.centred else g
        g = g - yhat * (yhat * g).sum(0) / (yhat**2).sum(0)
    q = arrays(measure(lambda z: (norm.restore(g, y.shape) * z).sum(), y, ones, zeros, 0.0, normalizer=name))
    claim = CLAIMS["normalizer-worst-factor"]
    sides = compile_claim(claim)(q)
    np.testing.assert_allclose(sides.left, sides.right, rtol=1e-10)
    for quantity, sign in (("v_v", 1), ("n_n", -1), ("yhat_yhat", -1), ("Pg_Pg", -1), ("gamma", -1), ("s", 1)):
        assert points(claim, q | {quantity: q[quantity] * (1 + sign * 1e-6)}).min() > 1e-8, quantity
    factor = np.sqrt(q["n_n"] * q["yhat_yhat"])
    if name in ("l1", "linf"):
        assert (factor > 1.01).all()
    else:
        np.testing.assert_allclose(factor, 1, rtol=1e-12)
        assert points(CLAIMS["normalizer-worst-factor-floor"], q | {"n_n": q["n_n"] * (1 - 1e-6)}).min() > 1e-8


@pytest.mark.parametrize("name", ["l1", "linf"])
def test_worst_factors_of_l1_and_linf_are_nearly_attained(name):
    """L1: one large positive and one large negative value, the rest near the mean; Linf: nearly all the largest."""
    small = 1e-7
    column = [1, -1, *([small] * 3), *([-small] * 3)] if name == "l1" else [1, *([1 - small] * 3), *([small - 1] * 4)]
    y = jnp.asarray(column)[:, None] * jnp.ones(2)
    q = arrays(measure(lambda z: jnp.sin(z).sum(), y, jnp.ones(2), jnp.zeros(2), 0.0, normalizer=name))
    claim = CLAIMS[f"{name}-worst-factor"]
    sides = compile_claim(claim)(q)
    np.testing.assert_allclose(sides.left, sides.right, rtol=1e-5)
    assert points(claim, q).max() <= TOLERANCE
    for quantity in ("n_n", "yhat_yhat"):
        assert points(claim, q | {quantity: q[quantity] * 1.001}).min() > 1e-4


def test_kinks_are_flagged():
    def flags(columns, name):
        columns = jnp.asarray(columns).T
        return smooth(normalization(name), columns).tolist()

    three = [[1.0, 2.0, 4.0], [1.0, 2.0, 3.0], [1.0, 1.0, -5.0], [0.0, 1.0, 3.0]]
    assert flags(three, "l1") == [True, False, True, True]
    assert flags(three, "l1-uncentred") == [True, True, True, False]
    assert flags(three, "linf") == [True, False, True, True]
    assert flags([[2.0, 1.0, -2.0], [3.0, 1.0, -2.0], [3.0, 3.0, -2.0]], "linf-uncentred") == [False, True, False]
    assert flags(three, "batch") == [True] * 4


def test_the_largest_entry_keeps_its_derivative_when_compiled():
    """A maximum whose derivative asks which entries equal it loses it where the compiler computes them twice."""
    suffix, y, gamma, beta = random_function((2, 3, 2, 4))
    norm = Normalization("linf", PerChannel(), True, linf)
    q = arrays(measure(suffix, y, gamma, beta, 0.7, normalizer=norm, sampled=range(4)))
    with jax.disable_jit():
        slow = jax.jvp(jax.grad(lambda y: suffix(norm(y, gamma, beta, 0.7))), (y,), (y,))[1]
    along = jax.jit(
        lambda y: jax.jvp(jax.grad(lambda y: suffix(norm(y, gamma, beta, 0.7))), (y,), (y,))[1],
        compiler_options=OPTIMISED,
    )
    fast = along(y)
    np.testing.assert_allclose(fast, slow, rtol=1e-9, atol=1e-10)
    assert points(CLAIMS["normalizer-curvature"], q).max() < TOLERANCE


def test_bound_is_valid_and_tight():
    """|v|^2 <= bound, with equality at epsilon = 0 and slack (gamma/s)^2 (1 - rho) a^2/m otherwise."""
    for epsilon in (0.0, 0.7):
        q = measured((7, 4), epsilon)
        sides = compile_claim(CLAIMS["theorem-4.1"])(q)
        slack = (q["gamma"] / q["s"]) ** 2 * (1 - q["rho"]) * q["a"] ** 2 / q["m"]
        assert (sides.left <= sides.right * (1 + 1e-12)).all()
        np.testing.assert_allclose(sides.right - sides.left, slack, atol=1e-12 * sides.right.max())


def test_plain_gradient_at_y_is_not_g():
    """The paper's hidden hypothesis: g taken at y instead of z makes the theorem false."""
    suffix, y, gamma, beta = random_function((7, 3))
    q = {k: np.asarray(v) for k, v in measure(suffix, y, gamma, beta, 0.0).items()}
    wrong = jax.grad(suffix)(y)
    q |= {"g_g": np.asarray((wrong**2).sum(0)), "one_g": np.asarray(wrong.sum(0))}
    q["a"] = np.asarray((wrong * (y - y.mean(0)) / y.std(0)).sum(0))
    claim = CLAIMS["theorem-4.1-exact"]
    assert residuals(claim, compile_claim(claim)(q)).max() > 1e-3


def test_metamorphic_permutation_shift_and_scale():
    """Permuting the batch changes nothing; shifting y changes mu only; scaling y by c divides v by c."""
    suffix, y, gamma, beta = random_function((7, 3))
    order = jnp.array([3, 1, 0, 6, 5, 4, 2])

    def quantities(values, rest):
        return measure(rest, values, gamma, beta, 0.0)

    base = quantities(y, suffix)
    back = jnp.argsort(order)
    permuted = quantities(y[order], lambda z: suffix(z[back]))
    for name in ("v_v", "g_g", "a", "s", "n_n", "layer_v_Hhat_v"):
        np.testing.assert_allclose(permuted[name], base[name], rtol=1e-9)
    np.testing.assert_allclose(quantities(y + 5, suffix)["v_v"], base["v_v"], rtol=1e-9)
    np.testing.assert_allclose(quantities(4 * y, suffix)["v_v"] * 16, base["v_v"], rtol=1e-9)


def test_two_values_a_channel_leave_no_gradient():
    suffix, y, gamma, beta = random_function((2, 3))
    q = measure(suffix, y, gamma, beta, 0.0)
    assert (q["v_v"] < 1e-20 * q["g_g"]).all()


def test_a_normaliser_is_what_it_is_called():
    assert measurement.named("group-4").name == "group-4"
    assert measurement.named(Normalization("own", PerChannel(), True, l2)).name == "own"
    with pytest.raises(InputError, match="normaliser 'l7'"):
        measurement.named("l7")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": jnp.ones((1, 3)), "epsilon": 0.0}, "one value a vector"),
        ({"gamma": jnp.ones(2)}, r"gamma of shape \(2,\)"),
        ({"epsilon": -1.0}, "epsilon -1.0"),
        ({"y": jnp.ones((4, 3)), "epsilon": 0.0}, "constant channels 0, 1, 2"),
    ],
)
def test_bad_input(change, message):
    arguments = {
        "y": jnp.arange(12.0).reshape(4, 3) ** 2,
        "gamma": jnp.ones(3),
        "beta": jnp.zeros(3),
        "epsilon": 0.1,
    } | change
    with pytest.raises(InputError, match=message):
        measure(lambda z: z.sum(), *arguments.values())
