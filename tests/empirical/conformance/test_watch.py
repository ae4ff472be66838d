"""A watched loop: records that verification reads, bounded cost, callbacks of both trainers without either."""

import json
import shutil
import sys
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from bnverify.empirical.adapters.reading import Sites
from bnverify.empirical.adapters.watch import Watch
from bnverify.empirical.judgement.verdict import verify
from bnverify.empirical.measurement.measured import Measured
from bnverify.empirical.measurement.measurement import measure
from bnverify.empirical.normalization.normalizers import BATCH
from bnverify.empirical.runs.records import load_run
from bnverify.errors import Diverged, InputError
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
    for step in (999_999, 10**6):  # by name the other way round
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


def test_bad_settings_are_told(measured, tmp_path):
    for bad in ({"every": 0}, {"most": 0.0}, {"most": 2.0}):
        with pytest.raises(InputError, match="every"):
            Watch(tmp_path, dict, **bad)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        Watch(tmp_path / "file", dict)
    with pytest.raises(InputError, match=r"sites nope\n.*some of first, second"):
        Watch(tmp_path / "a", lambda: measured, sites=["nope"])(0)
    for step in (-2, 1.5, "3", None):
        with pytest.raises(InputError, match="got:      step"):
            Watch(tmp_path / "a", lambda: measured)(step)
    watch = Watch(tmp_path / "a", lambda: measured, every=2, most=1.0)
    assert [watch(step) is not None for step in (np.int64(2), 4.0, np.asarray(6))] == [True] * 3
    assert load_run(tmp_path / "a" / "batch").exact["bn"]["step"].values.tolist() == [2, 4, 6]


def _at_steps(folder, **options):
    """A watch of what is given step by step, and where its errors are none."""
    given = {}
    watch = Watch(folder, lambda: given["now"](), every=1, most=1.0, **options)

    def at(step, now):
        given["now"] = now if callable(now) else lambda: now
        return watch(step)

    return watch, at


def _lines(folder):
    return [json.loads(line) for line in (folder / "watch.jsonl").read_text().splitlines()]


def _diverged():
    raise Diverged(got="a network with a loss of nan", expected="a finite loss", advice="")


def test_a_network_that_diverges_is_recorded_and_the_loop_goes_on(measured, tmp_path):
    logged = []
    watch, at = _at_steps(tmp_path / "loop", log=lambda numbers, step: logged.append(numbers))
    assert at(0, measured) and watch.diverged is None
    with pytest.warns(UserWarning, match="diverged at step 1: a network with a loss of nan") as warned:
        assert at(1, _diverged) == at(2, _diverged) == {}
    assert len(warned) == 1 and watch.diverged == 1 and at(3, measured)
    assert [line.get("diverged") for line in _lines(tmp_path / "loop")] == [
        None,
        *["a network with a loss of nan"] * 2,
        None,
    ]
    assert [numbers.get("bnverify/diverged") for numbers in logged] == [None, 1.0, 1.0, None]
    assert load_run(tmp_path / "loop" / "batch").exact["bn"]["step"].values.tolist() == [0, 3]


@pytest.mark.parametrize("error", [InputError(got="one value", expected="more", advice=""), ZeroDivisionError("x")])
def test_what_fails_later_does_not_end_a_loop_and_what_fails_at_once_is_told(measured, tmp_path, error):
    def failing_at(*steps):
        calls = iter(range(9))

        def measure():
            if next(calls) in steps:
                raise error
            return measured

        return measure

    with pytest.raises(type(error)):
        Watch(tmp_path / "wrong", failing_at(0), every=1, most=1.0)(0)
    watch = Watch(tmp_path / "loop", failing_at(1), every=1, most=1.0)
    assert watch(0)
    with pytest.warns(UserWarning, match="nothing was measured at step 1"):
        assert watch(1) == {}
    assert watch(2) and watch.diverged is None
    assert load_run(tmp_path / "loop" / "batch").exact["bn"]["step"].values.tolist() == [0, 2]
    assert [line.get("failed") for line in _lines(tmp_path / "loop")][::2] == [None, None]
    assert _lines(tmp_path / "loop")[1]["failed"] in ("one value", "ZeroDivisionError: x")


def _sites(measured, **skipped):
    found = Sites()
    found.update(measured)
    found.skipped.update(skipped)
    return found


def test_a_site_that_is_not_measured_at_a_step_is_told_and_counted_nowhere(measured, tmp_path):
    first = {"first": measured["first"]}
    _, at = _at_steps(tmp_path / "loop")
    at(0, measured), at(1, _sites(first, second="it is called 2 times in one evaluation")), at(2, first)
    assert [line.get("not measured") for line in _lines(tmp_path / "loop")] == [
        None, {"second": "it is called 2 times in one evaluation"}, None,
    ]  # fmt: skip
    _, alone = _at_steps(tmp_path / "alone")
    alone(0, first)
    for several, one in zip(*(verify(load_run(tmp_path / name / "batch")) for name in ("loop", "alone")), strict=True):
        assert several.points == 4 * one.points and several.violations == 0
        assert several.excluded == {reason: 4 * count for reason, count in one.excluded.items()}


def test_vectors_that_are_not_there_at_a_step_are_counted_nowhere(measured, tmp_path):
    """As of a last batch that is smaller: of layer norm, a vector is a sample."""
    found = measured["first"]
    fewer = replace(
        found, quantities={k: np.asarray(v)[: 2 if len(v) == 3 else 1] for k, v in found.quantities.items()}
    )
    points = []
    for order in ((found, fewer), (fewer, found)):
        _, at = _at_steps(tmp_path / str(len(points)))
        told = [at(step, {"first": each})["first"] for step, each in enumerate(order)]
        verdicts = {v.key: v for v in verify(load_run(tmp_path / str(len(points)) / "batch"))}
        points.append({key: v.points for key, v in verdicts.items() if v.points})
        live = {v.key: sum(each.points for found in told for each in found if each.key == v.key) for v in told[0]}
        assert points[-1] == {key: count for key, count in live.items() if count}
        live = {v.key: sum((Counter(each.excluded) for found in told for each in found if each.key == v.key), Counter())
                for v in told[0]}  # fmt: skip
        assert {key: live[key] for key in points[-1]} == {key: verdicts[key].excluded for key in points[-1]}
    assert points[0] == points[1]


def test_records_are_judged_by_the_precision_of_their_layers(measured, tmp_path):
    """A rounding of float32 in one site is its precision, and in another of the same step a fault."""
    exact = measured["first"]
    rounded = {name: np.asarray(value).astype(np.float32).astype(float) for name, value in exact.quantities.items()}
    single = replace(exact, dtype="float32", quantities={**exact.quantities, **rounded})
    watch, at = _at_steps(tmp_path / "loop")
    judged = at(0, {"first": exact, "second": single}) and at(1, {"first": exact, "second": single})
    assert watch.violations == 0 and {v.dtype for v in judged["second"]} == {"float32"}
    verdicts = verify(load_run(tmp_path / "loop" / "batch"))
    assert not any(v.violations for v in verdicts)
    for dtype, site in (("float64", "first"), ("float32", "second")):
        kept = {v.key: v.points for v in verdicts if v.dtype == dtype}
        assert kept == {v.key: 2 * v.points for v in judged[site] if v.key in kept} and sum(kept.values()) > 50
    wrong, at = _at_steps(tmp_path / "wrong")
    at(0, {"first": exact, "second": replace(single, dtype="float64")})
    assert wrong.violations and any(v.violations for v in verify(load_run(tmp_path / "wrong" / "batch")))


def test_nothing_is_written_over_a_run(measured, tmp_path):
    Watch(tmp_path / "loop", lambda: measured, every=1, most=1.0)(0)
    config = tmp_path / "loop" / "batch" / "config.json"
    content = json.loads(config.read_text())
    for watched in ({}, {"watched": False}):
        config.write_text(json.dumps({k: v for k, v in content.items() if k != "watched"} | watched))
        for folder in ("loop", "loop/batch"):
            with pytest.raises(InputError, match=r"with the run .*batch"):
                Watch(tmp_path / folder, lambda: measured)


def test_records_of_an_earlier_loop_are_put_aside(measured, tmp_path):
    """Of the first step that is watched now, and later ones: a training that is resumed goes on."""
    folder = tmp_path / "loop"
    _, at = _at_steps(folder)
    for step in (0, 5, 9):
        at(step, measured)
    Watch(folder, lambda: measured, every=2, most=1.0)(10)
    steps = lambda run: load_run(run).exact["bn"]["step"].values.tolist()  # noqa: E731
    assert steps(folder / "batch") == [0, 5, 9, 10] and not list(folder.glob("earlier*"))
    _, at = _at_steps(folder)
    with pytest.warns(UserWarning, match="earlier-1"):
        at(6, measured)
    assert steps(folder / "batch") == [0, 5, 6] and steps(folder / "earlier-1" / "batch") == [9, 10]
    assert [[line["step"] for line in _lines(each)] for each in (folder, folder / "earlier-1")] == [[0, 5, 6], [9, 10]]
    second = Watch(folder, lambda: measured, every=3, most=1.0)
    with pytest.warns(UserWarning, match="earlier-2"):
        second(0)
    assert steps(folder / "batch") == [0] and steps(folder / "earlier-2" / "batch") == [0, 5, 6]
    assert load_run(folder / "batch").config.record_every == 3
    verify(load_run(folder / "earlier-2" / "batch"))


def test_loggers_disks_and_normalizers_of_ones_own_do_not_end_a_loop(measured, tmp_path):
    def broken(numbers, step):
        raise OSError("no network")

    _, at = _at_steps(tmp_path / "logger", log=broken)
    with pytest.warns(UserWarning, match=r"the logger of .*OSError: no network") as warned:
        assert at(0, measured) and at(1, measured)
    assert len(warned) == 1 and len(_lines(tmp_path / "logger")) == 2
    _, at = _at_steps(tmp_path / "disk")
    (tmp_path / "disk" / "batch").write_text("")
    with pytest.warns(UserWarning, match=r"records of .*FileExistsError|records of .*NotADirectoryError"):
        assert at(0, measured)
    own = replace(measured["first"], normalization=replace(BATCH, name="mine"))
    _, at = _at_steps(tmp_path / "own")
    with pytest.warns(UserWarning, match="of mine, of one's own, no run is stored"):
        assert set(at(0, {"first": own, "second": measured["second"]})) == {"first", "second"}
    assert "bnverify/first/violations" in _lines(tmp_path / "own")[0] and load_run(tmp_path / "own" / "batch").sites


def test_sites_that_are_unknown_are_told_when_something_is_measured_for_the_first_time(measured, tmp_path):
    _, at = _at_steps(tmp_path / "loop", sites=["nope"])
    with pytest.warns(UserWarning, match="diverged"):
        at(0, _diverged)
    with pytest.warns(UserWarning, match=r"sites nope.*some of first, second"):
        assert at(1, measured) == {}
    with pytest.raises(InputError, match="sites nope"):
        _at_steps(tmp_path / "other", sites=["nope"])[1](0, measured)


def test_a_line_that_was_cut_off_stays_one_by_itself(measured, tmp_path):
    folder = tmp_path / "loop"
    _at_steps(folder)[1](0, measured)
    with (folder / "watch.jsonl").open("a") as file:
        file.write('{"step": 1, "bnverify/seco')
    _, at = _at_steps(folder)
    at(2, measured), at(3, measured)
    lines = (folder / "watch.jsonl").read_text().splitlines()
    assert lines[1] == '{"step": 1, "bnverify/seco' and [json.loads(lines[i])["step"] for i in (0, 2, 3)] == [0, 2, 3]


def test_what_else_lies_in_a_folder_is_put_aside_with_its_records(measured, tmp_path):
    folder = tmp_path / "loop"
    _at_steps(folder)[1](0, measured)
    own = {"batch/notes.txt": "mine", "batch/report/report.pdf": "pages", "batch/records/bn/notes": "more"}
    for name, content in own.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    with pytest.warns(UserWarning, match="earlier-1"):
        _at_steps(folder)[1](0, measured)
    assert {name: (folder / "earlier-1" / name).read_text() for name in own} == own
    assert load_run(folder / "earlier-1" / "batch").exact["bn"]["step"].values.tolist() == [0]


@pytest.mark.filterwarnings("error")
def test_a_loop_goes_on_where_warnings_are_errors(measured, tmp_path, capsys):
    _, at = _at_steps(tmp_path / "loop")
    assert at(0, measured) and at(1, _diverged) == {} and at(2, measured)
    assert "bnverify: the network has diverged at step 1" in capsys.readouterr().err
    assert _at_steps(tmp_path / "loop")[1](0, measured)
    assert "earlier-1" in capsys.readouterr().err


def test_another_loop_with_the_same_watch_puts_the_first_aside(measured, tmp_path):
    folder = tmp_path / "loop"
    _, at = _at_steps(folder)
    for step in (0, 1, 2):
        at(step, measured)
    with pytest.warns(UserWarning, match="earlier-1"):
        at(0, measured)
    at(1, measured)
    steps = [load_run(each / "batch").exact["bn"]["step"].values.tolist() for each in (folder, folder / "earlier-1")]
    assert steps == [[0, 1], [0, 1, 2]] and [line["step"] for line in _lines(folder)] == [0, 1]


def test_steps_that_no_record_can_have(measured, tmp_path):
    with pytest.raises(InputError, match="step 2147483648"):
        _at_steps(tmp_path / "first")[1](2**31, measured)
    _, at = _at_steps(tmp_path / "later")
    assert at(2**31 - 1, measured)
    with pytest.warns(UserWarning, match="nothing is measured any more: got step 2147483648"):
        assert at(2**31, measured) is None
    assert load_run(tmp_path / "later" / "batch").exact["bn"]["step"].values.tolist() == [2**31 - 1]
