"""Two consecutive states of a real training: the claims about a step hold on them, and fail where they should."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp
import xarray as xr
from mutants import mutants
from selection import first_and_slow

from bnverify.empirical.architectures.resnet import resnet
from bnverify.empirical.experiments.rotation import beyond_rounding, growing_rate, rotation, stationary, summary
from bnverify.empirical.judgement.verdict import evaluate, places
from bnverify.empirical.measurement.placement import Placement
from bnverify.empirical.networks.layers import convolution_stage, dense_stage
from bnverify.empirical.networks.network import Network, Site, Stage
from bnverify.empirical.runs.config import preset
from bnverify.empirical.runs.records import Run
from bnverify.empirical.training.training import Trainer
from bnverify.empirical.trajectory.dynamics import (
    _wide,
    dynamics,
    exponential_root,
    exponential_step,
    regrown,
)
from bnverify.empirical.trajectory.observation import Here, observation
from bnverify.reports.figures import style
from bnverify.reports.figures.catalogue import FIGURES
from bnverify.reports.figures.figure import NotRecorded
from bnverify.reports.figures.rotation import effective_rates, epsilon_share, turning
from bnverify.theory.results.catalogue import claims_of_steps
from bnverify.theory.results.dynamics.laws import law
from bnverify.theory.results.dynamics.schedules import larger_root
from bnverify.theory.results.dynamics.steps import GROWTH, ROTATION, STATIONARY, stationary_cosine

SHAPE, ETA, ALPHA, DECAY = (6, 4, 4, 3), 0.1, 0.9, 0.05


def _network(placement):
    stages = (
        convolution_stage("conv1", 4), *placement.stages(1), Stage("relu1", lambda p, x: jax.nn.relu(x)),
        convolution_stage("conv2", 5), *placement.stages(2), Stage("relu2", lambda p, x: jax.nn.relu(x)),
        Stage("flatten", lambda p, x: x.reshape(x.shape[0], -1)), dense_stage("dense1", 3),
    )  # fmt: skip
    return Network(stages, (Site("conv1", 1, "conv1"), Site("conv2", 4, "conv2")))


NETWORKS = {
    "bn": _network(Placement(epsilon=0.1)),  # an epsilon that is seen
    "plain": _network(Placement(None)),
    "resnet": resnet(batch_norm=True, width=0.125, blocks=1, classes=3),
    "no epsilon": _network(Placement(epsilon=0.0)),
    "resnet, no epsilon": resnet(batch_norm=True, width=0.125, blocks=1, classes=3, epsilon=0.0),
}
LITTLE = 0.002  # a weight decay with a real root
OF_STEPS = [claim for claim in claims_of_steps() if not claim.key.startswith("exponential")]
OF_RATES = [claim for claim in claims_of_steps() if claim.key.startswith("exponential")]


@cache
def _observe(network, *, weight_decay=DECAY, momentum=ALPHA):
    trainer, steps = Trainer(NETWORKS[network], ETA, momentum=momentum, weight_decay=weight_decay), 3
    shape = (6, 8, 8, 3) if network.startswith("resnet") else SHAPE
    images = 1 + 2 * jax.random.normal(jax.random.key(1), (steps + 1, *shape), jnp.float32)
    labels = jax.random.randint(jax.random.key(2), (steps + 1, shape[0]), 0, 3)
    state, _ = trainer.bare_chunk(trainer.start(jax.random.key(0), shape), images[:steps], labels[:steps])
    return trainer, state, dynamics(Here(trainer, steps, state, images[steps], labels[steps], 0))


@pytest.fixture(scope="module")
def observed():
    return {name: _observe(name)[2] for name in ("bn", "plain")}


@pytest.mark.parametrize("claim", OF_STEPS, ids=lambda claim: claim.key)
@pytest.mark.parametrize("network", first_and_slow(["bn", "resnet"], {"bn"}))
def test_the_claims_hold_on_the_steps_of_a_training(network, claim):
    records = _observe(network)[2]
    verdict = evaluate(claim, places(records), network="bn")
    channels = int(records["channels"].sum())
    assert (verdict.points, verdict.violations) == (channels, 0) and verdict.worst < 1e-11


@pytest.mark.parametrize("claim", OF_STEPS, ids=lambda claim: claim.key)
@pytest.mark.parametrize(
    "wrong",
    [
        {"weight_decay": 0.0}, {"momentum": 0.0}, {"learning_rate": 0.9 * ETA}, {"rho": 1.0},  # no weight decay, ...
    ],
    ids=str,
)  # fmt: skip
def test_a_step_that_is_another_is_noticed(observed, claim, wrong):
    """Without momentum or weight decay, with another rate, or with epsilon's part forgotten."""
    records = observed["bn"].copy()
    for name, value in wrong.items():
        records[name] = value * (records[name] if name == "learning_rate" else xr.ones_like(records[name]))
        if name == "learning_rate":
            records[name] = records[name] / ETA
    verdict = evaluate(claim, places(records), network="bn")
    assert verdict.violations > 0.9 * verdict.points


@pytest.mark.parametrize("claim", OF_STEPS, ids=lambda claim: claim.key)
def test_mutants_are_noticed(observed, claim):
    """A term dropped, doubled or negated."""
    wrong = [(name, mutant) for name, mutant in mutants(claim) if not name.endswith("by m")]
    assert len(wrong) >= 3
    for name, mutant in wrong:
        verdict = evaluate(mutant, places(observed["bn"]), network="bn")
        assert verdict.violations > 0, name


@pytest.mark.parametrize("claim", OF_STEPS, ids=lambda claim: claim.key)
def test_without_normalisation_the_claims_fail(observed, claim):
    """The plain network's gradient is not orthogonal to its weights."""
    verdict = evaluate(claim, places(observed["plain"]), network="plain")
    assert verdict.violations == verdict.points > 0


@pytest.mark.parametrize(
    "network",
    ["bn", "no epsilon", *(pytest.param(n, marks=pytest.mark.slow) for n in ("resnet", "resnet, no epsilon"))],
)
def test_weight_decay_is_an_exponential_learning_rate(network):
    """The optimiser's own step without decay at 3W, of another rate and 9 epsilon, against its step with decay at W."""
    trainer, _, records = _observe(network, weight_decay=LITTLE)
    for claim in OF_RATES:
        verdict = evaluate(claim, places(records), network="bn")
        assert verdict.points and not verdict.violations and verdict.worst < 1e-12
    assert float(records["root"].max()) == pytest.approx(exponential_root(trainer)) and exponential_root(trainer) < 1
    rate = OF_RATES[0]
    for name, factor in (("root", 1 + 1e-6), ("k", 2.0)):
        wrong = records.assign({name: records[name] * factor})
        verdict = evaluate(rate, places(wrong), network="bn")
        assert verdict.violations == verdict.points


def test_the_exponential_learning_rate_needs_its_three_conditions():
    """No real root: it says nothing. A buffer that is not matched, an epsilon that stays as it is: it fails."""
    rate, root = OF_RATES
    _, _, records = _observe("bn")
    assert (1 + ALPHA - ETA * DECAY) ** 2 < 4 * ALPHA
    assert evaluate(rate, places(records), network="bn").points == 0
    assert evaluate(root, places(records), network="bn").points == 0
    trainer, state, records = _observe("bn", weight_decay=LITTLE)
    x = 1 + 2 * jax.random.normal(jax.random.key(1), (4, *SHAPE), jnp.float32)[3]
    labels = jax.random.randint(jax.random.key(2), (4, SHAPE[0]), 0, 3)[3]
    here, root_ = Here(trainer, 3, state, x, labels, 0), exponential_root(trainer)
    gaps = {}
    with jax.enable_x64(True):
        params, buffer = _wide(state.params), _wide(trainer.buffer(state))
        grown, unmatched = regrown(trainer), jax.tree.map(jnp.zeros_like, buffer)
        for name, used, at in (
            ("all three", buffer, grown), ("zero buffer", unmatched, grown), ("epsilon stays", buffer, trainer)
        ):  # fmt: skip
            after = exponential_step(here, params, root_, used, at)["conv2"]["kernel"]
            t = np.random.default_rng((1, 9 * 4)).standard_normal((9 * 4, 5))
            moved = (t * np.asarray(after).reshape(-1, 5)).sum(0)
            stepped = records["t_stepped"].sel(step=3, site="conv2").values
            gaps[name] = np.abs(root_**2 * moved - 3 * root_ * stepped).max() / np.abs(3 * stepped).max()
    assert gaps.pop("all three") < 1e-12 and min(gaps.values()) > 1e-4


def test_of_another_normaliser_the_exponential_learning_rate_says_nothing():
    assert regrown(Trainer(_network(Placement("layer")), ETA, ALPHA)) is None
    grown = regrown(Trainer(NETWORKS["bn"], ETA, ALPHA)).network
    assert [stage.epsilon for stage in grown.stages if hasattr(stage, "epsilon")] == [pytest.approx(0.9)] * 2


def test_the_steps_are_those_of_the_optimiser():
    trainer, state, records = _observe("bn")
    buffer = np.asarray(trainer.buffer(state)["conv2"]["kernel"], float).reshape(-1, 5)
    weights = np.asarray(state.params["conv2"]["kernel"], float).reshape(-1, 5)
    here = records.sel(step=3, site="conv2")
    np.testing.assert_allclose(here["W_buffer"].values, (weights * buffer).sum(0), rtol=1e-12)
    np.testing.assert_allclose(here["W_W"].values, (weights**2).sum(0), rtol=1e-12)
    # The training's own step agrees with that in float64 as far as float32 can, and is the formula's within rounding.
    for name in ("W_stepped", "stepped_stepped"):
        np.testing.assert_allclose(here[f"{name}_run"].values, here[name].values, rtol=1e-5)
        assert (here[f"{name}_run"].values != here[name].values).any()


@pytest.mark.parametrize("network", first_and_slow(["bn", "plain", "resnet"], {"bn", "plain"}))
def test_the_steps_are_the_formula_within_rounding(network):
    records = _observe(network)[2]
    assert 0 < np.nanmax(records["step_gap"].values) <= 1 + 1e-6
    assert 0 < np.nanmax(records["gradient_gap"].values) < 1e-3


def test_a_step_beside_the_formula_is_outside_its_rounding(monkeypatch):
    """A rate that is off by a millionth."""
    import optax

    class Off(Trainer):
        @property
        def optimizer(self):
            return optax.chain(super().optimizer, optax.scale(1 + 1e-5))

    trainer = Off(NETWORKS["bn"], ETA, ALPHA, weight_decay=DECAY)
    x = jax.random.normal(jax.random.key(1), (1, *SHAPE), jnp.float32)
    labels = jnp.zeros((1, SHAPE[0]), jnp.int32)
    record = dynamics(Here(trainer, 0, trainer.start(jax.random.key(0), SHAPE), x[0], labels[0], 0))
    assert np.nanmax(record["step_gap"].values) > 2


def test_weight_decay_is_that_of_a_penalty():
    """The step on L + lambda |W|^2/2."""
    trainer, state, _ = _observe("bn", momentum=0.0)
    x = jax.random.normal(jax.random.key(5), (1, *SHAPE), jnp.float32)
    labels = jnp.zeros((1, SHAPE[0]), jnp.int32)

    def penalised(params):
        squares = sum((leaf**2).sum() for leaf in jax.tree.leaves(params))
        return trainer.objective(trainer.network(params, x[0]), labels[0]) + jnp.float32(DECAY / 2) * squares

    slope = jax.jit(jax.grad(penalised))(state.params)
    following, _ = trainer.bare_chunk(state, x, labels)
    for old, g, new in zip(*map(jax.tree.leaves, (state.params, slope, following.params)), strict=True):
        np.testing.assert_allclose(new, old - np.float32(ETA) * g, rtol=1e-4, atol=1e-6)


def test_the_stationary_law_is_derived():
    assert sp.simplify(stationary_cosine() - STATIONARY) == 0
    assert ROTATION.prove() and GROWTH.prove()
    eta, lam, al, p = sp.Rational(1, 5), sp.Rational(1, 3), sp.Rational(1, 2), sp.Rational(1, 7)
    values = {"learning_rate": eta, "weight_decay": lam, "momentum": al, "p": p}
    cosine = STATIONARY.subs({symbol: values[symbol.name] for symbol in STATIONARY.free_symbols})
    assert law("rotation").residual(A=sp.Integer(2), B=2 * cosine, x=eta * lam, al=al, eta=eta, e=2 * p) == 0


@pytest.mark.parametrize(("epsilon", "decay", "alpha"), [(0.0, 0.1, 0.0), (0.0, 0.05, 0.9), (0.3, 0.1, 0.5)])
def test_the_stationary_law_on_a_long_walk(epsilon, decay, alpha):
    """A filter under gradients orthogonal to it, plus epsilon's radial part: with it the law holds, without it not."""
    rng, eta = np.random.default_rng(0), 0.2
    w, b, sums = rng.standard_normal(30), np.zeros(30), np.zeros(3)
    for t in range(30_000):
        g = rng.standard_normal(30)
        g = (g - w * (g @ w) / (w @ w)) / np.sqrt(w @ w) + epsilon * w / (1 + w @ w)
        b = alpha * b + g + decay * w
        after = w - eta * b
        sums += (t > 5000) * np.array([w @ after, w @ w, w @ g])
        w = after
    cosine, radial = sums[0] / sums[1], sums[2] / sums[1]
    values = {"learning_rate": eta, "weight_decay": decay, "momentum": alpha}
    law = float(STATIONARY.subs({s: values.get(s.name, radial) for s in STATIONARY.free_symbols}))
    assert 1 - cosine == pytest.approx(1 - law, rel=2e-2)
    printed = eta * decay / (1 + alpha)
    assert (1 - cosine == pytest.approx(printed, rel=2e-2)) == (epsilon == 0)


class _Stored(Run):
    def __init__(self, records, decay=DECAY):
        config = preset("tiny").changed(learning_rate=ETA, weight_decay=decay, steps=5, record_every=1, check_every=5)
        super().__init__(None, config, {"data": {}})
        self.records = records
        self.__dict__["curves"] = {}

    def observed(self, name):
        return self.records


def test_rotation_and_growth_of_layers(observed):
    records = xr.concat([observed["bn"], observed["bn"].assign_coords(step=[4])], "step")
    run = _Stored({"bn": records})
    found = rotation(run, "bn")
    one = records.isel(step=0, site=1)
    turn = 1 - (one["W_stepped_run"].sum() / one["W_W"].sum()).item()
    assert found["turn"].isel(step=0, site=1).item() == pytest.approx(turn, rel=1e-12)
    # The exact law against the training's own step: float32 makes the difference.
    np.testing.assert_allclose(found["exact"], found["turn"], rtol=1e-3)
    growth = (one["stepped_stepped_run"].sum() / one["W_W"].sum()).item() - 1
    assert found["growth"].isel(step=0, site=1).item() == pytest.approx(growth, rel=1e-9)
    assert (abs(found["epsilon"]) > 1e-6).any()
    # The training's own float32 steps, within what rounding allows; not without epsilon's part, nor without decay.
    assert max(beyond_rounding(found)) <= 1 < min(beyond_rounding(found, epsilon=False))
    less = found.assign(exact=found["exact"] - ETA * DECAY, exact_growth=found["exact_growth"] + 2 * ETA * DECAY)
    assert min(beyond_rounding(less)) > 100
    np.testing.assert_allclose(found["exact_growth"], found["growth"], rtol=1e-2, atol=1e-7)
    told = summary(run)
    assert (told["turn_rounding"], told["growth_rounding"]) == beyond_rounding(found)
    assert told["rate_apart"] == float(abs(found["exact_rate"] / found["rate"] - 1).max()) < 1e-6
    # The effective rate of the layer after the training's own step, and the schedule law from the state before it.
    np.testing.assert_allclose(
        found["rate"], ETA / ((1 - ETA * DECAY) * records["stepped_stepped_run"].sum("channel")), rtol=1e-12
    )
    np.testing.assert_allclose(found["exact_rate"], found["rate"], rtol=1e-6)
    np.testing.assert_allclose(found["share"] * found["exact"], found["epsilon"], rtol=1e-12)
    eps_less = records.assign(rho=xr.ones_like(records["rho"]))
    apart = abs(rotation(_Stored({"bn": eps_less}), "bn")["exact_rate"] / found["rate"] - 1)
    assert float(apart.max()) > 1e-4 and not rotation(_Stored({"bn": eps_less}), "bn")["share"].any()
    law = stationary(run, "bn")
    assert law["printed"].values.tolist() == pytest.approx([ETA * DECAY / (1 + ALPHA)] * 2)
    radial = (one["gamma"] * (1 - one["rho"]) * one["a"]).sum() / one["W_W"].sum()
    assert law["law"].values[1] == pytest.approx(ETA * (DECAY + radial.item()) / (1 + ALPHA))
    assert all(told[name] == float(law[name].median()) for name in ("turn", "law", "printed", "drift", "share", "rate"))
    share = (found["epsilon"] * found["norm2"]).sum("step") / (found["exact"] * found["norm2"]).sum("step")
    np.testing.assert_allclose(law["share"], share, rtol=1e-12)
    np.testing.assert_allclose(law["rate"], found["rate"].mean("step"), rtol=1e-12)
    assert np.isnan(growing_rate(run)) and np.isnan(told["growing_rate"])
    assert not rotation(_Stored({}), "bn").data_vars and summary(_Stored({})) == {}


def test_the_rate_that_does_without_weight_decay():
    """Of plain descent the root is 1 - eta lambda; there are two, and the larger is taken."""
    assert larger_root(0.5, 0.0, 0.5) == 0.75 and np.isnan(larger_root(0.1, 0.9, 0.05))
    middle = 1 + ALPHA - ETA * LITTLE
    for root in np.roots([1, -middle, ALPHA]):
        assert abs(root**2 - middle * root + ALPHA) < 1e-12 and root <= larger_root(ETA, ALPHA, LITTLE) + 1e-12
    run = _Stored({}, LITTLE)
    assert (
        growing_rate(run) == pytest.approx(larger_root(ETA, run.config.momentum, LITTLE) ** -2)
        and growing_rate(run) > 1
    )


def test_the_figure_shows_these_numbers(observed):
    run = _Stored({name: observed[name] for name in ("bn", "plain")})
    chart = turning(run)
    for network in ("bn", "plain"):
        found = rotation(run, network).sel(site="conv2")
        np.testing.assert_array_equal(chart.curve("conv2", network, "turn").values, found["turn"].values)
        np.testing.assert_array_equal(chart.curve("conv2", network, "exact").values, found["exact"].values)
    assert "<svg" in style.svg_text(FIGURES["rotation"].drawing(run).figure())
    assert chart.panels[0].rules == (pytest.approx(ETA * DECAY / (1 + ALPHA)),)
    rates, shares = effective_rates(run), epsilon_share(run)
    found = rotation(run, "bn").sel(site="conv2")
    for name in ("rate", "exact_rate"):
        np.testing.assert_array_equal(rates.curve("conv2", "bn", name).values, found[name].values)
    np.testing.assert_array_equal(shares.curve("conv2", "bn", "share").values, found["share"].values)
    assert {curve.network for panel in shares.panels for curve in panel.curves} == {"bn"}
    for figure in (turning, effective_rates, epsilon_share):
        with pytest.raises(NotRecorded, match="dynamics"):
            figure(_Stored({}))
    with pytest.raises(NotRecorded, match="dynamics"):
        epsilon_share(_Stored({"plain": observed["plain"]}))


def test_it_is_an_observation():
    assert observation("dynamics").measure is dynamics
