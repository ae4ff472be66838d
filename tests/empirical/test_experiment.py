"""Runs of other networks: what they record, that they resume to the same bits, and that the twin is the same."""

import inspect
import json

import jax
import numpy as np
import pytest
from selection import first_and_slow

from bnverify.empirical.data.synthetic import synthetic_cifar
from bnverify.empirical.judgement.verdict import summarise, verify
from bnverify.empirical.networks.deep_linear import DEPTH, deep_linear
from bnverify.empirical.runs import experiment
from bnverify.empirical.runs.config import NETWORKS, preset
from bnverify.empirical.runs.run import train
from bnverify.errors import InputError
from bnverify.theory import CLAIMS, claims_for

SMALL = {"batch": 32, "steps": 4, "record_every": 2, "check_every": 2, "samples": 1, "test_images": 16}
# Its schedule starts at step 1 and ends at step 8.
RENORM = {"normalizer": "batch-renorm", "noise": True, "renorm_stretch": 2e-4}


def _config(**options):
    # With noise and without normalisation activations grow from layer to layer: a larger step would diverge.
    return preset("deep-linear").changed(**(SMALL | {"learning_rate": 1e-8} | options))


def _run(config, path, **options):
    return train(config, experiment.load_data(config), path, **options)


def _bytes(run):
    return {p.relative_to(run.path): p.read_bytes() for p in sorted((run.path / "records").rglob("*.nc"))}


@pytest.fixture(scope="module", autouse=True, params=[3, pytest.param(DEPTH, marks=pytest.mark.slow)])
def depth(request):
    """Of the deep linear network in this module: 25 layers compile many times as long as three, and are slow tests."""
    given, caches = (
        inspect.unwrap(deep_linear).__kwdefaults__,
        (experiment._network, experiment._trainer, experiment._measurement),
    )
    with pytest.MonkeyPatch.context() as patch:
        for cache in caches:  # a network of another depth is another network
            cache.cache_clear()
        patch.setitem(given, "depth", request.param)
        yield request.param
    for cache in caches:
        cache.cache_clear()


@pytest.fixture(scope="module")
def runs(tmp_path_factory, depth):
    """Runs of the deep linear network: batch norm, another normaliser, noise, and batch renormalisation."""
    folder = tmp_path_factory.mktemp("deep-linear")
    chosen = {"batch": {}, "rms": {"normalizer": "rms"}, "noise": {"noise": True}, "renorm": RENORM}
    return {name: _run(_config(**options), folder / name) for name, options in chosen.items()}


def test_batch_norm_in_the_deep_linear_network_is_measured_at_all_sites(runs, depth):
    run = runs["batch"]
    for network in NETWORKS:
        assert run.exact[network]["step"].values.tolist() == [0, 2, 4]
        assert run.inline[network]["step"].values.tolist() == [0, 2]
        assert run.exact[network]["site"].values.tolist() == [f"linear{i}" for i in range(1, depth + 1)]
    checked = {v.key: v for v in verify(run) if v.network == "bn" and v.dtype == "float64"}
    for key in ("theorem-4.1-exact", "theorem-4.2-layer-exact", "hessian", "fact-c1"):
        assert checked[key].points > 0 and checked[key].violations == 0, key


@pytest.mark.parametrize("name", ["rms", "noise", "renorm"])
def test_claims_about_every_network_are_verified(runs, name):
    """Those about its normaliser on the network "bn", with noise behind it too; those about batch norm on its twin."""
    run = runs[name]
    assert set(run.inline) == {"rms": {"plain"}, "noise": {"bn", "plain"}, "renorm": {"plain"}}[name]
    for network in NETWORKS:
        assert np.isfinite(run.curves[network]["loss"].values).all()
        assert np.isnan(run.curves[network]["accuracy"].values).all()  # outputs are no classes
        assert run.exact[network]["step"].values.tolist() == [0, 2, 4]
        assert np.isfinite(run.exact[network]["test_loss"].values).all()
    verdicts = verify(run)
    assert all(v.violations == 0 for v in verdicts), [(v.key, v.network, v.worst) for v in verdicts if v.violations]
    tested = {n: {v.key for v in verdicts if v.network == n and v.dtype == "float64" and v.points} for n in NETWORKS}
    assert {"theorem-4.1-exact", "theorem-4.2-layer", "fact-c2"} <= tested["plain"]
    about = {claim.key for claim in claims_for(run.config.normalizer)}
    of_zero = {key for key in about if any(h.name == "epsilon = 0" for h in CLAIMS[key].hypotheses)}
    assert tested["bn"] <= about - of_zero
    assert tested["bn"] == about - of_zero or name == "noise"
    observed = summarise(run, verdicts)["observed"]["bn"]
    assert observed["test_accuracy"] is None and observed["test_loss"] > 0


def test_vectors_of_a_normaliser_by_sample_are_a_choice(runs):
    """Of 32 samples all are kept; the numbers of the vectors are recorded."""
    records = runs["rms"].exact["bn"]
    assert records.sizes["channel"] == 32 and (records["vector"] == np.arange(32)).all()
    assert (records["m"] == 10).all() and (records["sampled"].sum("channel") == 1).all()


def test_the_twin_is_the_same_beside_every_normaliser_and_noise_moves_both(runs):
    losses = {name: {n: run.curves[n]["loss"].values for n in NETWORKS} for name, run in runs.items()}
    np.testing.assert_array_equal(losses["batch"]["plain"], losses["rms"]["plain"])
    np.testing.assert_array_equal(losses["noise"]["plain"], losses["renorm"]["plain"])
    assert (np.abs(losses["noise"]["plain"] / losses["batch"]["plain"] - 1) > 1e-3).all()
    first = {name: losses[name]["bn"][0] for name in losses}
    assert first["noise"] == first["renorm"]  # with r = 1 and d = 0
    assert len(set(first.values())) == 3
    assert losses["noise"]["bn"][2] != losses["renorm"]["bn"][2]  # the schedule has begun


@pytest.mark.parametrize("stop_at", first_and_slow([0, 2], {2}))
def test_a_moving_network_resumes_to_the_same_bits(runs, tmp_path, stop_at):
    """With noise and batch renormalisation a step depends on its number and the running statistics."""

    def interrupt(step):
        if step == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(_config(**RENORM), tmp_path / "run", progress=interrupt)
    seen = []
    resumed = _run(_config(**RENORM), tmp_path / "run", progress=seen.append)
    assert seen == list(range(stop_at, 5, 2))
    assert _bytes(resumed) == _bytes(runs["renorm"])


@pytest.mark.slow
def test_a_vgg_with_noise_after_group_normalisation_trains_and_is_tested(tmp_path):
    config = preset("tiny").changed(
        normalizer="group", noise=True, batch=8, steps=2, check_every=2, test_images=16
    )  # fmt: skip
    run = train(config, synthetic_cifar(train=40, test=16), tmp_path / "run")
    for network in NETWORKS:
        assert np.isfinite(run.curves[network]["accuracy"].values).all()
        assert np.isfinite(run.exact[network]["test_accuracy"]).all()
    assert set(run.inline) == {"plain"}
    verdicts = verify(run)
    assert not any(v.violations for v in verdicts)
    assert any(v.points for v in verdicts if (v.key, v.network) == ("normalizer-gradient", "bn"))
    stored = json.loads((run.path / "config.json").read_text())["config"]
    assert (stored["architecture"], stored["normalizer"], stored["noise"]) == ("vgg", "group", True)


@pytest.mark.parametrize("architecture", ["deep-linear", pytest.param("vgg", marks=pytest.mark.slow)])
def test_a_diverged_network_is_a_result(architecture, tmp_path):
    """With an absurd learning rate the loss stops being finite; the run ends well and says so."""
    config = (
        _config(learning_rate=1e12) if architecture == "deep-linear" else preset("tiny").changed(learning_rate=1e12)
    )
    data = experiment.load_data(config) if architecture == "deep-linear" else synthetic_cifar(train=200, test=64)
    run = train(config, data, tmp_path / "run")
    assert run.diverged("plain") is not None
    verdicts = verify(run)
    assert summarise(run, verdicts)["observed"]["plain"]["diverged_at"] == run.diverged("plain")
    late = [v for v in verdicts if v.network == "plain" and v.key == "theorem-4.1-exact" and v.dtype == "float64"]
    assert late[0].excluded.get("non-finite", 0) + late[0].excluded.get("constant channel", 0) > 0
    assert not np.isfinite(run.curves["plain"]["loss"].values).all()


def test_another_normaliser_is_another_configuration(runs):
    with pytest.raises(InputError, match=r"normalizer = 'rms' \(now 'l1'\)"):
        _run(_config(normalizer="l1"), runs["rms"].path)


def test_data_of_another_architecture_or_batch_are_refused(tmp_path):
    with pytest.raises(InputError, match="synthetic data, Dataset, for the architecture deep-linear"):
        train(_config(), synthetic_cifar(train=40, test=16), tmp_path)
    with pytest.raises(InputError, match="LinearData, for the architecture vgg"):
        train(preset("tiny"), experiment.load_data(_config()), tmp_path)
    with pytest.raises(InputError, match="32 samples with batch 64"):
        train(_config(batch=64), experiment.load_data(_config()), tmp_path)
    assert not list(tmp_path.iterdir())


def test_test_loss_is_on_the_scale_of_the_training_loss():
    """Tested on the training samples, every one twice, the loss without normalisation is the training loss."""
    config = _config()
    data = experiment.load_data(config)
    twice = type(data)(
        "gaussian", data.inputs, data.targets, *(np.tile(a, (2, 1)) for a in (data.inputs, data.targets))
    )
    trainer = experiment.trainer("plain", config)
    state = trainer.start(jax.random.key(0), experiment.input_shape(config))
    _, losses = trainer.bare_chunk(state, *experiment.batches(config, data, range(1)))
    np.testing.assert_allclose(experiment.evaluation(config, twice, trainer, state)["test_loss"], losses[0], rtol=1e-5)
