"""All sites of a network: quantities equal those of an independent, slow measurement through the cut network."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from claimed import OF_LAYERS, points
from midway import midway
from placed import case
from selection import first_and_slow

from bnverify.empirical.measurement import design as design_module
from bnverify.empirical.measurement import sites as sites_module
from bnverify.empirical.measurement.design import design
from bnverify.empirical.measurement.measurement import measure
from bnverify.empirical.measurement.probes import random_tests
from bnverify.empirical.measurement.sites import SiteMeasurement, ray_distances
from bnverify.empirical.networks.convolution import design_matrix
from bnverify.empirical.networks.deep_linear import deep_linear
from bnverify.empirical.networks.network import Network, NormStage
from bnverify.empirical.networks.vgg import vgg
from bnverify.empirical.normalization.batch import batch_norm, matched
from bnverify.empirical.normalization.known import TRAINABLE
from bnverify.empirical.training.objectives import cross_entropy, squared_error
from bnverify.errors import InputError
from bnverify.theory import CLAIMS, claims_for
from bnverify.theory.results.catalogue import claims_of_steps

N, WIDTH = 4, 1 / 32
# Not a measurement through the cut network, but of the layer before it; or not of the network's own norm.
OF_INPUTS = {"design_norm2", "frozen_plain", "frozen_normalised"}


def _network(name):
    """A small convolutional network ("bn" or "plain") or the VGG, with a batch, and parameters off the initial ones."""
    if name in ("bn", "plain"):
        small = midway(name)
        return small.network, small.params, small.updated, small.x, small.labels
    network = vgg(batch_norm=name == "vgg", width=WIDTH)
    key = jax.random.key(5)
    initial = network.init(key, (N, 32, 32, 3), jnp.float64)
    params = jax.tree.map(lambda a: a + 0.05 * jax.random.normal(key, a.shape, a.dtype), initial)
    return network, initial, params, jax.random.normal(key, (N, 32, 32, 3)), jnp.array([3, 1, 4, 1])


@pytest.mark.parametrize(
    "name", ["bn", "plain", *(pytest.param(name, marks=pytest.mark.slow) for name in ("vgg", "vgg without"))]
)
def test_sites_agree_with_the_cut_network(name):
    network, initial, params, x, labels = _network(name)
    bn = isinstance(network.stages[network.sites[0].index], NormStage)
    found = SiteMeasurement(network, cross_entropy, groups=2)(params, initial, x, labels, seed=(9,), samples=1)
    assert list(found) == [f"conv{i}" for i in range(1, 1 + (10 if "vgg" in name else 3))]
    for number in (7,) if "vgg" in name else (1,):
        site = network.sites[number]
        y = jax.jit(network.prefix(site.index))(params, x)
        stage = network.stages[site.index]
        if isinstance(stage, NormStage):
            gamma, beta, epsilon = *(params[stage.name][k] for k in ("gamma", "beta")), stage.epsilon
        else:
            gamma, beta, epsilon = *matched(y, 0.0), 0.0
        rest = network.suffix(site.index + 1)
        direct = measure(
            lambda z, rest=rest: cross_entropy(rest(params, z), labels), y, gamma, beta, epsilon,
            seed=(9, number), sampled=np.flatnonzero(found[site.name]["sampled"]),
        )  # fmt: skip
        for name, value in direct.items():
            if name in OF_INPUTS or (bn and name == "w_y"):
                continue  # w_y is of a matched insertion
            if bn and name in ("v_H_v", "g_H_g", "size_H_v", "size_H_g"):  # claims need them at epsilon = 0 only
                assert np.isnan(found[site.name][name]).all()
                continue
            # Sums that vanish by a theorem are rounding: they are compared on the scale of what is summed.
            pulled = float(np.sqrt(y.size * direct["v_v"].max()))
            size = {"one_yhat": y.size / y.shape[-1], "one_v": pulled, "yhat_v": pulled, "one_n": 1.0, "one_Pg": 1e-2}
            size |= {"y_v": pulled * float(jnp.abs(y).max())}
            atol = 1e-10 * size[name] if name in size else 1e-15
            np.testing.assert_allclose(
                np.asarray(found[site.name][name], float), np.asarray(value, float), rtol=1e-7, atol=atol, err_msg=name
            )

        @jax.jit
        def through_the_norm(params, y, gamma, beta, rest=rest, epsilon=epsilon):
            def lhat(y):
                return cross_entropy(rest(params, batch_norm(y, gamma, beta, epsilon)), labels)

            v = jax.grad(lhat)(y)
            return v, jax.jvp(jax.grad(lhat), (y,), (v,))[1]

        v, curved = through_the_norm(params, y, gamma, beta)
        np.testing.assert_allclose(found[site.name]["v_v"], (v**2).sum((0, 1, 2)), rtol=1e-9)
        np.testing.assert_allclose(found[site.name]["layer_v_Hhat_v"][0], jnp.vdot(v, curved), rtol=1e-8)
        rows = np.asarray(design_matrix(jax.jit(network.prefix(site.index - 1))(params, x), 3))
        largest = np.linalg.svd(rows, compute_uv=False)[0] ** 2
        np.testing.assert_allclose(found[site.name]["design_norm2"], largest, rtol=1e-11)
        np.testing.assert_allclose(found[site.name]["frozen_normalised"], largest * (v**2).sum((0, 1, 2)), rtol=1e-9)


@pytest.mark.parametrize("name", ["plain", pytest.param("vgg without", marks=pytest.mark.slow)])
def test_a_group_does_not_change_the_numbers(name):
    network, initial, params, x, labels = _network(name)
    one, three = (
        SiteMeasurement(network, cross_entropy, groups=g)(params, initial, x, labels, seed=(9,), samples=1)
        for g in (1, 3)
    )
    for site in one:
        for name in ("layer_v_Hhat_v", "u_H_u", "w_Hhat_x", "v_H_v", "g_H_g"):
            np.testing.assert_allclose(one[site][name], three[site][name], rtol=1e-8, atol=1e-18, err_msg=name)


@functools.cache
def _small(normalizer, noise=False, epsilon=1e-3):
    of = case(normalizer, noise=noise, epsilon=epsilon)
    measurement = SiteMeasurement(of.network, cross_entropy, learning_rate=0.3)
    found = measurement(of.params, of.initial, of.x, of.labels, seed=(2,), samples=2, moment=of.moment)
    return of, found


# Every claim that a network's sites can be tested on, and those they cannot, with the reason.
RUNNING = dict.fromkeys(("running-mean", "running-variance", "running-variance-unbiased"), "not kept by a site")
UNTESTED = {
    "bn": {
        "one-value": "a batch has more", "two-values": "a batch has more",
        "observation-4.3": "of a matched insertion", "observation-4.3-minima": "of a matched insertion",
        "kohler-reparametrisation": "inputs are not zero-mean", **RUNNING,
    },
    "plain": {
        "one-value": "a batch has more", "two-values": "a batch has more",
        "weight-gradient": "of a network's own norm", "norm-growth": "of a network's own norm",
        "theorem-4.4-layer": "of a network's own norm", "theorem-4.4-layer-bound": "of a network's own norm",
        "sum-rule": "no other norm follows", "sum-rule-exact": "no other norm follows",
        "kohler-reparametrisation": "inputs are not zero-mean", **RUNNING,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ["bn", "plain"])
@pytest.mark.parametrize("epsilon", [0.0, 1e-3])
def test_every_claim_about_batch_norm_holds_at_the_sites_of_a_network(name, epsilon):
    _, found = _small("batch" if name == "bn" else None, epsilon=epsilon)
    for claim in claims_for("batch"):
        tested = 0
        for quantities in found.values():
            if set(claim.quantities) <= set(quantities):
                residuals = points(claim, quantities)
                assert (residuals < 1e-10).all(), claim.key
                tested += len(residuals)
        outside = name == "bn" and epsilon and any(h.name == "epsilon = 0" for h in claim.hypotheses)
        assert bool(tested) == (claim.key not in UNTESTED[name] and not outside), claim.key


@pytest.mark.parametrize("name", first_and_slow(TRAINABLE, {"layer", "batch-renorm"}))
def test_every_claim_about_every_normaliser_holds_at_the_sites_of_a_network(name):
    for noise in (False, True) if name in ("batch", "layer") else (False,):
        _, found = _small(name, noise)
        for claim in claims_for(name):
            of_zero = any(h.name == "epsilon = 0" for h in claim.hypotheses)
            unmeasured = {**UNTESTED["bn"], "sum-rule-exact": "with noise"} if noise else UNTESTED["bn"]
            residuals = [
                points(claim, quantities) for quantities in found.values() if set(claim.quantities) <= set(quantities)
            ]
            tested = sum(map(len, residuals))
            assert all((r < 1e-10).all() for r in residuals), claim.key
            assert bool(tested) == (not of_zero and claim.key not in unmeasured), (claim.key, noise)


def test_every_claim_of_the_catalogue_is_tested_somewhere():
    """On networks, on random functions, or both; no claim is left out by both."""
    batch = {claim.key for claim in claims_for("batch")}
    on_networks = {key for key in batch if key not in UNTESTED["bn"] or key not in UNTESTED["plain"]}
    on_networks |= {claim.key for name in TRAINABLE if name != "batch" for claim in claims_for(name)}
    steps = {claim.key for claim in claims_of_steps()}  # in test_dynamics, on two states of a training
    on_functions = set(CLAIMS) - OF_LAYERS - steps
    elsewhere = {"kohler-reparametrisation", *RUNNING, *steps}  # below; in test_own_layers, which keep statistics
    assert on_networks | on_functions | elsewhere == set(CLAIMS)


OF_GRADIENTS = ["batch", "group", "rms", "linf-uncentred", "batch-renorm", None]


@pytest.mark.parametrize("name", first_and_slow(OF_GRADIENTS, {"batch", "group", "batch-renorm", None}))
def test_gradients_of_a_normaliser_are_those_of_the_network(name):
    """v by cutting the network before the normaliser, with everything behind it as it is at this moment."""
    of, found = _small(name)
    network = of.network if of.moment is None else of.network.during(of.moment)
    site = network.sites[1]
    y, z = (jax.jit(network.prefix(index))(of.params, of.x) for index in (site.index, site.index + 1))
    v = jax.jit(jax.grad(lambda y: cross_entropy(network.suffix(site.index)(of.params, y), of.labels)))(y)
    g = jax.jit(jax.grad(lambda z: cross_entropy(network.suffix(site.index + 1)(of.params, z), of.labels)))(z)
    quantities = found[site.name]
    norm = sites_module.normaliser_at(of.network, site)
    chosen = quantities.get("vector", np.arange(6))
    if name is not None:
        np.testing.assert_allclose(quantities["v_v"], (norm.columns(v) ** 2).sum(0)[chosen], rtol=1e-10)
    read = g if name not in ("group", "rms") else of.params["norm2"]["gamma"] * g
    np.testing.assert_allclose(quantities["g_g"], (norm.columns(read) ** 2).sum(0)[chosen], rtol=1e-10)
    w = norm.columns(jnp.asarray(random_tests(y, (2, 1)).w))
    if name is not None:
        np.testing.assert_allclose(quantities["w_v"], (w * norm.columns(v)).sum(0)[chosen], rtol=1e-9)


def test_vectors_that_are_no_channels_are_a_seeded_choice(monkeypatch):
    whole = _small("group")[1]
    monkeypatch.setattr(sites_module, "VECTORS", 5)
    of = case("group")
    measurement = SiteMeasurement(of.network, cross_entropy)
    found = measurement(of.params, of.initial, of.x, of.labels, seed=(2,), samples=2)
    again = measurement(of.params, of.initial, of.x, of.labels, seed=(2,), samples=2)
    for name, quantities in found.items():
        chosen = quantities["vector"]
        assert len(chosen) == 5 and (np.diff(chosen) > 0).all() and quantities["sampled"].sum() == 2
        np.testing.assert_array_equal(chosen, again[name]["vector"])
        np.testing.assert_allclose(quantities["v_v"], whole[name]["v_v"][chosen], rtol=1e-12)
        assert np.isfinite(quantities["u_H_u"][quantities["sampled"]]).all()
        assert np.isnan(quantities["u_H_u"][~quantities["sampled"]]).all()
    assert not np.array_equal(found["conv1"]["vector"], found["conv2"]["vector"])


def test_a_step_of_plain_gradient_descent():
    of, found = _small("batch")
    slope = jax.jit(jax.grad(lambda p: cross_entropy(of.network(p, of.x), of.labels)))(of.params)
    after = of.params["conv2"]["kernel"] - 0.3 * slope["conv2"]["kernel"]
    np.testing.assert_allclose(found["conv2"]["W_next_W_next"], (after**2).sum((0, 1, 2)), rtol=1e-12)
    assert found["conv2"]["learning_rate"] == 0.3


def test_the_sum_rule_is_followed_up_to_the_next_norm_only():
    """From the first norm to the second there are ReLU, max-pool and a convolution; after the second there is none,
    in the plain network there is none at all, and neither tanh nor noise keep the scale."""
    of, found = _small("batch")
    assert [q["followed"].tolist() for q in found.values()] == [[1.0], [0.0]]
    site = of.network.sites[1]
    y = jax.jit(of.network.prefix(site.index))(of.params, of.x)
    v = jax.jit(jax.grad(lambda y: cross_entropy(of.network.suffix(site.index)(of.params, y), of.labels)))(y)
    np.testing.assert_allclose(found["conv1"]["next_y_v"], [jnp.vdot(y, v)], rtol=1e-9)
    assert np.isnan(found["conv2"]["next_y_v"]).all()
    for other in (_small(None)[1], _small("batch", noise=True)[1]):
        assert not any(q["followed"].any() for q in other.values())
    smooth = case("batch", activation=jnp.tanh)
    measured = SiteMeasurement(smooth.network, cross_entropy)(*smooth[1:5], seed=(2,), samples=0)
    assert not measured["conv1"]["followed"].any()


@pytest.mark.parametrize("name", ["batch", None])
def test_parameters_and_initial_parameters_are_not_mixed_up(name):
    of, found = _small(name)
    start, now = (params["conv1"]["kernel"] for params in (of.initial, of.params))
    np.testing.assert_allclose(found["conv1"]["W0_W0"], (start**2).sum((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(found["conv1"]["W0_Wstar"], (start * now).sum((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(found["conv1"]["Wstar_Wstar"], (now**2).sum((0, 1, 2)), rtol=1e-12)
    if name is None:
        np.testing.assert_allclose(found["conv1"]["b"], of.params["conv1"]["bias"])


def test_kohler_where_inputs_have_mean_zero():
    """A linear network: what follows a batch norm with beta = 0 is fed with inputs of mean zero, the first layer is
    not; and where beta is not 0, no site is."""
    network = deep_linear(batch_norm=True, depth=3, size=5, epsilon=0.1)
    x = 1 + jax.random.normal(jax.random.key(1), (12, 5))
    params = network.init(jax.random.key(0), x.shape, jnp.float64)
    targets = jax.random.normal(jax.random.key(2), x.shape)
    claim = CLAIMS["kohler-reparametrisation"]
    found = SiteMeasurement(network, squared_error)(params, params, x, targets, seed=(0,), samples=0)
    assert [q["zero_mean"].tolist() for q in found.values()] == [[False], [True], [True]]
    assert [len(points(claim, q)) for q in found.values()] == [0, 5, 5]
    for quantities in found.values():
        assert (points(claim, quantities) < 1e-10).all()
        assert (points(CLAIMS["kohler-variance"], quantities) < 1e-10).all()
    changed = found["linear2"] | {"w_zw": found["linear2"]["w_zw"] * (1 + 1e-6)}
    assert points(claim, changed).max() > 1e-8
    params["norm1"]["beta"] = params["norm1"]["beta"] + 0.5
    moved = SiteMeasurement(network, squared_error)(params, params, x, targets, seed=(0,), samples=0)
    assert not moved["linear2"]["zero_mean"].any() and np.isnan(moved["linear2"]["w_zw"]).all()


@pytest.mark.parametrize("shape", [(6, 4, 4, 3), (40, 7)])
@pytest.mark.parametrize("block", [1, 2**26])
@pytest.mark.parametrize("dense", [32, 5])
def test_design_against_the_matrix_itself(monkeypatch, shape, block, dense):
    """Means, covariance and largest singular value, whatever the size of the blocks and whoever finds the largest."""
    monkeypatch.setattr(design_module, "_BYTES", block)
    monkeypatch.setattr(design_module, "_DENSE", dense)
    design_module._moments.program().clear_cache()
    x = 2 + jax.random.normal(jax.random.key(0), shape)
    convolution = len(shape) == 4
    rows = np.asarray(design_matrix(x, 3) if convolution else x)
    kernel = np.random.default_rng(0).normal(size=(rows.shape[1], 5))
    found = design(x, (3, 3, 3, 5) if convolution else (7, 5))
    assert found.m == len(rows) and not found.zero_mean
    np.testing.assert_allclose(found.mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(rows.T, bias=True), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(found.norm2, np.linalg.svd(rows, compute_uv=False)[0] ** 2, rtol=1e-12)
    np.testing.assert_allclose(found.variances(kernel), (rows @ kernel).var(0), rtol=1e-11)
    centred = design(x - x.mean(tuple(range(x.ndim - 1))), (7, 5)) if not convolution else None
    assert centred is None or centred.zero_mean
    assert np.isnan(design(x * np.nan, (7, 5) if not convolution else (3, 3, 3, 5)).norm2)


@pytest.mark.parametrize("name", ["W_S_W", "design_norm2", "W_next_W_next", "next_y_v", "gradW_gradW"])
def test_a_change_of_a_quantity_of_the_layer_is_noticed(name):
    """At the tight end of bounds: the design norm is what the gradient needs where v is stretched most."""
    _, found = _small("batch")
    broken = set()
    for quantities in found.values():
        factor = {"design_norm2": 1e-6, "gradW_gradW": 1 + 1e-6}.get(name, 1 + 1e-6)
        changed = quantities | {name: quantities[name] * factor}
        for claim in claims_for("batch"):
            if set(claim.quantities) <= set(changed):
                broken |= {claim.key} if (points(claim, changed) > 2.0**-40).any() else set()
    expected = {
        "W_S_W": {"kohler-variance"}, "W_next_W_next": {"norm-growth"}, "next_y_v": {"sum-rule-exact"},
        "design_norm2": {"theorem-4.4", "theorem-4.4-layer", "theorem-4.4-layer-bound"},
        "gradW_gradW": {"norm-growth"},
    }  # fmt: skip
    assert broken == expected[name]


def test_a_layer_bound_is_attained():
    """One output channel of a dense layer, its inputs a single feature that v is proportional to but for its mean and
    the direction of y: with two features, the second orthogonal to y, |X'v|^2 = |X|^2 |v|^2 is reached."""
    m = 8
    source = np.random.default_rng(3).normal(size=(m, 2))
    basis = np.linalg.qr(np.column_stack([np.ones(m), source]))[0][:, 1:]  # orthogonal to 1
    x = jnp.asarray(basis @ np.diag([1.0, 3.0]))
    network = deep_linear(batch_norm=True, depth=1, size=2, epsilon=0.0)
    # y is the first feature in both channels; the gradient is along the second, which the norm passes.
    params = {"linear1": {"kernel": jnp.asarray([[1.0, 2.0], [0.0, 0.0]])}}
    params["norm1"] = {"gamma": jnp.ones(2), "beta": jnp.zeros(2)}
    found = SiteMeasurement(network, lambda z, t: (z * t).sum())(
        params, params, x, jnp.stack([x[:, 1], x[:, 1]], 1), seed=(0,), samples=0
    )["linear1"]
    np.testing.assert_allclose(found["design_norm2"], 9, rtol=1e-12)
    np.testing.assert_allclose(found["gradW_gradW"], 9 * found["v_v"], rtol=1e-12)
    for key in ("theorem-4.4-layer", "theorem-4.4-layer-bound"):
        assert points(CLAIMS[key], found).max() < 1e-10
        for name, sign in (("gradW_gradW", 1), ("design_norm2", -1)):
            assert points(CLAIMS[key], found | {name: found[name] * (1 + sign * 1e-6)}).min() > 1e-8


def test_a_network_that_moves_needs_its_moment():
    of, _ = _small("batch-renorm")
    with pytest.raises(InputError, match="no moment"):
        SiteMeasurement(of.network, cross_entropy)(*of[1:5], seed=(0,), samples=0)
    with pytest.raises(InputError, match="a network with sites"):
        SiteMeasurement(dataclasses.replace(of.network, sites=()), cross_entropy)
    assert isinstance(of.network, Network)


def test_clipped_renormalisation_is_not_that_of_inference():
    """At the first step r = 1 and d = 0, and the claim about the unclipped correction has no point."""
    of, found = _small("batch-renorm")
    claim = CLAIMS["renorm-inference"]
    assert all(q["unclipped"].all() and len(points(claim, q)) == len(q["s"]) for q in found.values())
    first = of.moment._replace(step=jnp.asarray(0, jnp.int32))
    clipped = SiteMeasurement(of.network, cross_entropy)(*of[1:5], seed=(0,), samples=0, moment=first)
    for quantities in clipped.values():
        assert not quantities["unclipped"].any() and len(points(claim, quantities)) == 0
        np.testing.assert_array_equal(quantities["r"], 1.0)
        assert (points(CLAIMS["renorm-gradient"], quantities) < 1e-10).all()


def test_ray_distance_by_brute_force():
    """The nearest point of a ray by a fine search; with an obtuse angle the nearest point is the origin."""
    start, end = (np.random.default_rng(i).normal(size=(18, 4)) for i in (1, 2))
    found = ray_distances(start, end)
    grid = np.linspace(0, 3, 300_001)
    for j in range(4):
        w0, w = start[:, j], end[:, j]
        best = (w0 @ w0 - 2 * grid * (w0 @ w) + grid**2 * (w @ w)).min()
        np.testing.assert_allclose(found["distance2"][j], best, rtol=1e-8)
        if w0 @ w < 0:
            np.testing.assert_allclose(found["distance2"][j], w0 @ w0, rtol=1e-8)
    assert (found["W0_Wstar"] < 0).any() and (found["W0_Wstar"] > 0).any()
