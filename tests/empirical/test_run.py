"""A run as a whole: complete records, resumption to the same bits, refusal of another configuration."""

import json
import shutil

import numpy as np
import pytest
from selection import first_and_slow

from bnverify.empirical.data.synthetic import synthetic_cifar
from bnverify.empirical.judgement.verdict import summarise
from bnverify.empirical.runs.config import PRESETS, preset
from bnverify.empirical.runs.records import load_run
from bnverify.empirical.runs.run import _compiled, train
from bnverify.empirical.training.training import Trainer
from bnverify.errors import InputError


@pytest.fixture(scope="module")
def data():
    return synthetic_cifar(train=200, test=64)


def _bytes(run):
    return {p.relative_to(run.path): p.read_bytes() for p in sorted((run.path / "records").rglob("*.nc"))}


def test_long_trainings_are_compiled_thoroughly():
    short, long = preset("quick"), preset("reproduction")
    assert [_compiled(each) for each in (short, long)] == [Trainer.chunk, Trainer.chunk.thoroughly]


def test_records_are_complete(tiny_run):
    config = tiny_run.config
    for network in ("bn", "plain"):
        assert tiny_run.curves[network]["step"].values.tolist() == list(range(config.steps))
        assert tiny_run.exact[network]["step"].values.tolist() == [0, 4, 6]
        assert tiny_run.inline[network]["step"].values.tolist() == [0, 2, 4]
        assert tiny_run.exact[network]["channels"].values[0].tolist() == [2, 2, 4, 4, 8, 8, 16, 16, 16, 16]
        assert tiny_run.exact[network]["sampled"].sum() == 3 * 10 * config.samples
        assert tiny_run.exact[network]["v_v"].dtype == np.float64
        assert tiny_run.inline[network]["v_v"].dtype == np.float32
        assert tiny_run.diverged(network) is None
    description = json.loads((tiny_run.path / "config.json").read_text())
    assert len(description["data"]["fingerprint"]) == 64
    assert {"python", "device", "versions", "cores"} <= set(description["environment"])


def test_networks_differ_but_start_alike(tiny_run):
    """Same initial weights and first batch: the first convolution's output, and so its statistics, are the same."""
    bn, plain = (tiny_run.exact[n].isel(step=0, site=0) for n in ("bn", "plain"))
    np.testing.assert_allclose(bn["mu"].values, plain["mu"].values, rtol=1e-12)
    later = [tiny_run.exact[n]["mu"].isel(step=-1, site=4).values for n in ("bn", "plain")]
    assert np.nanmax(np.abs(later[0] - later[1])) > 1e-6


@pytest.mark.parametrize("stop_at", first_and_slow([0, 2, 4], {2}))
def test_interrupted_run_resumes_to_the_same_bits(tiny_run, data, tmp_path, stop_at):
    def interrupt(step):
        if step == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny_run.config, data, tmp_path / "run", progress=interrupt)
    seen = []
    resumed = train(tiny_run.config, data, tmp_path / "run", progress=seen.append)
    assert seen[0] == stop_at and seen[-1] == tiny_run.config.steps
    assert _bytes(resumed) == _bytes(tiny_run)


def test_a_finished_run_is_not_measured_again(tiny_run, data, monkeypatch):
    before = _bytes(tiny_run)
    monkeypatch.setattr("bnverify.empirical.runs.run.write_record", None)
    assert _bytes(train(tiny_run.config, data, tiny_run.path)) == before


def test_a_finished_run_is_left_as_it_is_where_its_states_were_removed(tiny_run, data, tmp_path, monkeypatch):
    path = tmp_path / "run"
    shutil.copytree(tiny_run.path, path, ignore=shutil.ignore_patterns("checkpoints"))
    monkeypatch.setattr("bnverify.empirical.runs.run._chunk", None)  # nothing is trained
    seen = []
    assert _bytes(train(tiny_run.config, data, path, progress=seen.append)) == _bytes(tiny_run)
    assert seen == [tiny_run.config.steps] and not (path / "checkpoints").exists()


def test_another_seed_gives_other_bits(tiny_run, data, tmp_path):
    other = train(tiny_run.config.changed(seed=1), data, tmp_path / "run")
    assert _bytes(other).keys() == _bytes(tiny_run).keys()
    assert not any(_bytes(other)[name] == content for name, content in _bytes(tiny_run).items())


def test_refuses_other_configuration_and_other_data(tiny_run, data):
    with pytest.raises(InputError, match=r"batch = 16 \(now 32\)"):
        train(tiny_run.config.changed(batch=32), data, tiny_run.path)
    with pytest.raises(InputError, match="another fingerprint"):
        train(tiny_run.config, synthetic_cifar(seed=1, train=200, test=64), tiny_run.path)


def test_a_normalizer_without_a_forward_pass_is_refused_before_a_directory_is_made(data, tmp_path):
    with pytest.raises(InputError, match=r"normaliser 'weight'[^$]*one of batch, layer"):
        train(preset("tiny").changed(normalizer="weight"), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_presets_are_consistent():
    assert set(PRESETS) >= {"quick", "tiny", "full", "reproduction"}
    assert preset("full").width == preset("reproduction").width == 1.0
    assert (preset("reproduction").steps, preset("reproduction").learning_rate) == (15000, 0.035)
    with pytest.raises(InputError, match="one of quick"):
        preset("nothing")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": -0.1}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"batch": 1}, "batch 1"),
        ({"steps": 0}, "steps 0"),
        ({"momentum": 1.0}, "momentum 1.0"),
        ({"check_every": 3}, "check_every 3 with record_every 2"),
    ],
)
def test_bad_configuration(options, message):
    with pytest.raises(InputError, match=message):
        preset("tiny").changed(**options)


def test_unreadable_record_is_named(tiny_run, tmp_path):
    import shutil

    shutil.copytree(tiny_run.path, tmp_path / "run")
    file = tmp_path / "run" / "records" / "bn" / "exact-000004.nc"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match="exact-000004"):
        _ = load_run(tmp_path / "run").exact


def test_loading_what_is_not_a_run(tmp_path):
    with pytest.raises(InputError, match="run directory"):
        load_run(tmp_path)
    (tmp_path / "config.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="format 99"):
        load_run(tmp_path)


def test_the_trained_network_carries_the_certificate_of_lemma_4_5(tiny_run):
    found = summarise(tiny_run, [])["observed"]["plain"]["ray_of_optima"]
    assert found["plain_loss"] == pytest.approx(found["ray_loss"], rel=1e-12)
    assert found["worst_gradient_gap"] < 1e-10 and found["worst_other_gap"] < 1e-10
    assert 0 < found["acute"] <= found["filters"] == int(tiny_run.exact["plain"]["channels"].isel(step=0).sum())
