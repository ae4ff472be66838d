"""A watched loop: records that verification reads, bounded cost, callbacks of both trainers without either."""

import json
import shutil
import sys
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from bnverify.empirical.adapters.watch import Watch
from bnverify.empirical.judgement.verdict import verify
from bnverify.empirical.measurement.measured import Measured
from bnverify.empirical.measurement.measurement import measure
from bnverify.empirical.normalization.normalizers import BATCH
from bnverify.empirical.runs.records import load_run
from bnverify.errors import InputError
from bnverify.reports.chapters.content import Content
from bnverify.reports.document import setting


@pytest.fixture(scope="module")
def measured():
    y = np.random.default_rng(21).standard_normal((8, 3))
    found = Measured(BATCH, measure(lambda z: jnp.square(jnp.tanh(z)).sum(), y, jnp.ones(3), jnp.zeros(3), 1e-5))
    return {"first": found, "second": found}


def test_what_is_watched_is_verified_again(measured, tmp_path):
    watch = Watch(tmp_path / "loop", lambda: measured, every=2, most=1.0)
    judged = [watch(step) for step in range(4)]
    assert [each is not None for each in judged] == [True, False, True, False] and watch.violations == 0
    run = load_run(tmp_path / "loop" / "batch")
    assert run.missing() == [] and list(run.exact["bn"]["step"].values) == [0, 2]
    verdicts = verify(run)
    assert any(v.points for v in verdicts) and not any(v.violations for v in verdicts)
    lines = [json.loads(line) for line in (tmp_path / "loop" / "watch.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 2] and lines[0]["bnverify/first/violations"] == 0


def test_a_record_of_a_watched_loop_is_of_the_step_that_its_name_says(measured, tmp_path):
    """How many steps it has nobody knows; that none is counted twice is known."""
    watch = Watch(tmp_path / "loop", lambda: measured, every=1, most=1.0)
    for step in (10**6, 999_999):  # by name the other way round
        watch(step)
    folder = tmp_path / "loop" / "batch" / "records" / "bn"
    (folder / "exact-abc.nc").write_bytes(b"nothing")
    assert load_run(tmp_path / "loop" / "batch").exact["bn"]["step"].values.tolist() == [999_999, 10**6]
    shutil.copy(folder / "exact-999999.nc", folder / "exact-000007.nc")
    with pytest.raises(InputError, match=r"exact-000007.nc .it holds step 999999"):
        verify(load_run(tmp_path / "loop" / "batch"))


def test_a_report_invents_nothing_about_a_watched_loop(measured, tmp_path):
    """Neither an optimiser nor images nor a command that would repeat it."""
    Watch(tmp_path / "loop", lambda: measured, every=2, most=1.0)(0)
    run = load_run(tmp_path / "loop" / "batch")
    assert [name for name, _ in setting.configuration(run)] == ["network", "normalizer", "float64 records"]
    assert [name for name, _ in setting.data(run)] == ["data set"]
    (told,) = Content(run)._trained()
    assert "of one's own" in told and "at 1 moment" in told


def test_violations_are_counted_and_stored(measured, tmp_path):
    first = measured["first"]
    wrong = type(first)(first.normalization, {**first.quantities, "v_v": 2 * np.asarray(first.quantities["v_v"])})
    watch = Watch(tmp_path / "loop", lambda: {"first": wrong}, every=1, most=1.0)
    watch(0)
    assert watch.violations > 0
    assert any(v.violations for v in verify(load_run(tmp_path / "loop" / "batch")))


def test_its_cost_is_bounded(measured, tmp_path):
    clock = SimpleNamespace(now=0.0)

    def measure_slowly():
        clock.now += 5.0
        return measured

    watch = Watch(tmp_path / "loop", measure_slowly, every=1, most=0.1, clock=lambda: clock.now)
    done = 0
    for step in range(100):
        done += watch(step) is not None
        clock.now += 1.0
    assert watch.seconds <= 0.1 * clock.now + 5.0 and done + watch.skipped == 100 and 2 <= done <= 4


def test_trainers_and_loggers(measured, tmp_path):
    told = []
    watch = Watch(
        tmp_path / "a", lambda: measured, every=1, sites=["second"], log=lambda d, step: told.append((step, d))
    )
    control = object()
    assert watch.on_step_end(None, SimpleNamespace(global_step=3), control) is control
    assert told[0][0] == 3 and {name.split("/")[1] for name in told[0][1]} == {"second", "seconds"}
    assert watch.on_epoch_begin() is None and watch.setup(1, 2, stage="fit") is None
    assert watch.on_train_start(None) is None
    with pytest.raises(AttributeError):
        watch.no_such_attribute  # noqa: B018
    metrics = []
    logger = SimpleNamespace(log_metrics=lambda numbers, step: metrics.append(step))
    other = Watch(tmp_path / "b", lambda: measured, every=1)
    other.on_train_batch_end(SimpleNamespace(global_step=7, logger=logger), None, None, None, 0)
    assert metrics == [7]
    scalars = []
    writer = SimpleNamespace(add_scalar=lambda name, value, step: scalars.append(name))
    Watch(tmp_path / "c", lambda: measured, every=1, log=writer)(0)
    assert any(name.endswith("worst residual") for name in scalars)


def test_a_run_of_weights_and_biases_has_its_own_axis_of_steps(measured, tmp_path, monkeypatch):
    """Its own step counts calls of log, and values of an earlier step are dropped: so none is passed."""
    told, axes = [], []
    run = SimpleNamespace(
        log=told.append, define_metric=lambda name, step_metric=None: axes.append((name, step_metric))
    )
    Watch(tmp_path / "a", lambda: measured, every=1, log=run)(5)
    assert told[0]["bnverify/step"] == 5 and told[0]["bnverify/first/violations"] == 0
    assert axes == [("bnverify/step", None), ("bnverify/*", "bnverify/step")]
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(run=run))
    Watch(tmp_path / "b", lambda: measured, every=1)(6)  # the active run, without being given it
    Watch(tmp_path / "c", lambda: measured, every=1, log=lambda numbers, step: None)(7)
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(run=None))
    Watch(tmp_path / "d", lambda: measured, every=1)(8)
    assert [each["bnverify/step"] for each in told] == [5, 6]


def test_bad_settings_are_told(tmp_path):
    for bad in ({"every": 0}, {"most": 0.0}, {"most": 2.0}):
        with pytest.raises(InputError, match="every"):
            Watch(tmp_path, dict, **bad)
