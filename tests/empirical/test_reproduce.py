"""The plan of everything that was published, its budget, and its table: with trainings that are invented."""

import json

import pytest
import stored

from bnverify.empirical.experiments.experiments import EXPERIMENTS
from bnverify.empirical.experiments.plan import expected_seconds, kind, plan
from bnverify.empirical.experiments.reproduce import (
    BEGUN,
    DONE,
    MISSING,
    Budget,
    conclude,
    finished_runs,
    perform,
    read_speeds,
    seconds,
    table,
)
from bnverify.errors import InputError

FEW = ("training", "covariate-shift", "landscape-linear")


class Machine:
    """A clock that trainings move, and trainings that are invented: a second a step of the VGG, 0.1 of the other."""

    def __init__(self):
        self.now, self.trained = 0.0, []

    def clock(self):
        return self.now

    def train(self, config, path, progress):
        progress(0)
        for step in range(config.record_every, config.steps + 1, config.record_every):
            self.now += config.record_every * (1.0 if config.architecture == "vgg" else 0.1)
            progress(step)
        stored.store(path, config, seed=config.seed)
        self.trained.append(path.name)


@pytest.fixture
def machine(monkeypatch):
    monkeypatch.setattr("bnverify.empirical.experiments.reproduce.verify", lambda run: [])  # nothing to be judged
    monkeypatch.setattr("bnverify.empirical.runs.records.missing", lambda config, path: [])  # nor missing
    return Machine()


def _run(machine, directory, seconds, seeds=1):
    trainings = plan("paper", range(seeds), FEW, steps=20)
    perform(trainings, directory, machine.train, Budget(seconds, machine.clock))
    return table(trainings, directory)


def test_one_training_serves_all_experiments_that_look_at_it():
    trainings = plan("paper", [0])
    uses = [use for training in trainings for use in training.uses]
    assert sorted(uses) == sorted((name, label) for name, one in EXPERIMENTS.items() for label in one.paper)
    (shared,) = [t for t in trainings if ("covariate-shift", "rate 0.1") in t.uses]
    assert {("landscape", "paper"), ("training", "rate 0.1"), ("lp", "batch"), ("noisy", "without noise")} <= set(
        shared.uses
    )
    assert {"landscape", "shift", "activations"} <= dict(shared.config.every).keys()
    for name, label in shared.uses:
        asked = EXPERIMENTS[name].paper[label]
        assert all(each % dict(shared.config.every)[kind] == 0 for kind, each in asked.every)
        assert asked.check_every % shared.config.check_every == 0
    assert len({t.name for t in trainings}) == len(trainings) < len(uses)


def test_the_plan_is_in_order_of_worth_and_seed_by_seed():
    trainings = plan("paper", range(2))
    assert trainings[0].uses[0] == ("main", "all") and [t.config.seed for t in trainings] == sorted(
        t.config.seed for t in trainings
    )
    assert len(trainings) == 2 * len(plan("paper", [0]))


def test_scales_change_the_width_alone():
    for full, half in zip(plan("paper", [0]), plan("half", [0]), strict=True):
        wide = full.config.architecture != "deep-linear"
        assert half.config.width == (0.5 if wide else 1.0) and half.config.steps == full.config.steps
    with pytest.raises(InputError, match="paper, half, quarter"):
        plan("tenth", [0])


@pytest.mark.parametrize(("text", "value"), [("90s", 90), ("25m", 1500), ("1.5h", 5400), ("2d", 172800)])
def test_budgets(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "25", "m", "-3m", "0h", "nanm", "infh", "5w"])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(InputError, match="budget"):
        seconds(text)


def test_a_budget_that_holds_everything(machine, tmp_path):
    rows = _run(machine, tmp_path, 1e6)
    assert [row.state for row in rows] == [DONE] * 3 and machine.now == pytest.approx(42)
    assert all(row.violations == 0 and row.expected == 0 for row in rows)
    found = conclude(rows, tmp_path, "paper")
    assert set(found) == set(FEW)
    told = json.loads((tmp_path / "findings" / "training.json").read_text())
    assert {one["verdict"] for one in told["observed"]} == {"not comparable"}  # 20 steps
    assert len(json.loads((tmp_path / "table.json").read_text())) == 3
    assert not list(tmp_path.rglob("checkpoints"))


def test_a_budget_that_ends_in_the_middle_and_goes_on(machine, tmp_path):
    rows = _run(machine, tmp_path, 25)
    assert [row.state for row in rows] == [DONE, MISSING, MISSING]
    assert machine.now <= 25  # no part is begun that would end later
    assert finished_runs(rows) == {"covariate-shift": {"rate 0.1": [rows[0].path]}}
    assert conclude(rows, tmp_path, "paper").keys() == {"covariate-shift"}
    before = list(machine.trained)
    rows = _run(machine, tmp_path, 1e6)
    assert [row.state for row in rows] == [DONE] * 3 and machine.trained[:1] == before
    assert len(machine.trained) == 3  # nothing twice


def test_cost_is_expected_from_steps_that_were_timed(machine, tmp_path):
    _run(machine, tmp_path, 25)
    speeds = read_speeds(tmp_path)
    full, *_ = plan("paper", [0], FEW)
    assert speeds[kind(full.config)] == pytest.approx(1.0)
    assert expected_seconds(full.config, 100, speeds) == pytest.approx(100)
    half, *_ = plan("half", [0], FEW)  # of the same architecture: by its arithmetic
    assert expected_seconds(half.config, 100, speeds) == pytest.approx(25)
    (other,) = [t for t in plan("paper", [0], FEW) if t.config.architecture == "deep-linear"]
    assert expected_seconds(other.config, 100, speeds) is None
    assert expected_seconds(full.config, 100, {}) is None


def test_findings_are_over_the_seeds_that_are_finished(machine, tmp_path):
    rows = _run(machine, tmp_path, 1e6, seeds=3)
    runs = finished_runs(rows)["training"]
    assert {label: len(paths) for label, paths in runs.items()} == {"rate 0.1": 3, "rate 0.5": 3}
    found = conclude(rows, tmp_path, "paper")["training"]
    assert all(one.seeds == 3 for one in found)


def test_a_run_that_was_begun_is_told(machine, tmp_path):
    rows = _run(machine, tmp_path, 25)
    config = rows[1].training.config
    (rows[1].path / "checkpoints").mkdir(parents=True)
    (rows[1].path / "checkpoints" / "state-000006.npz").write_bytes(b"")
    row = table([rows[1].training], tmp_path)[0]
    assert (row.state, row.step) == (BEGUN, 6)
    assert row.expected == pytest.approx(config.steps - 6)


def test_a_training_of_another_length_or_width_is_refused_before_anything_is_trained(machine, tmp_path):
    _run(machine, tmp_path, 1e6)
    before = list(machine.trained)
    for other in (plan("paper", [0, 1], FEW), plan("quarter", [0, 1], FEW, steps=20)):
        with pytest.raises(InputError, match="--out for another --scale"):
            perform(other, tmp_path, machine.train, Budget(1e6, machine.clock))
        assert table(other, tmp_path)[0].state == BEGUN  # what is there is not what is asked for
    assert machine.trained == before


def test_an_interrupted_verification_is_done_again_and_nothing_is_trained_again(machine, tmp_path, monkeypatch):
    def interrupted(run):
        raise KeyboardInterrupt

    trainings = plan("paper", [0], FEW, steps=20)[:1]
    path = tmp_path / "runs" / trainings[0].name

    def train(config, path, progress):
        machine.train(config, path, progress)
        (path / "checkpoints").mkdir()

    lacking = []
    monkeypatch.setattr("bnverify.empirical.experiments.reproduce.missing", lambda config, path, damaged: lacking)
    with monkeypatch.context() as patched:
        patched.setattr("bnverify.empirical.experiments.reproduce.verify", interrupted)
        with pytest.raises(KeyboardInterrupt):
            perform(trainings, tmp_path, train, Budget(1e6, machine.clock))
    assert (path / "checkpoints").exists() and not (path / "summary.json").exists()
    for damage in (None, "", "{", "[]", '{"violations": null}', '{"violations": "many"}', "[" * 100_000):
        if damage is not None:
            (path / "summary.json").write_text(damage)
            assert table(trainings, tmp_path)[0].state == BEGUN
        perform(trainings, tmp_path, train, Budget(1e6, machine.clock))
        assert table(trainings, tmp_path)[0].state == DONE
    assert len(machine.trained) == 1
    content = json.loads((path / "summary.json").read_text())
    untold = {key: value for key, value in content.items() if key != "missing"}
    for unfinished in (untold, untold | {"missing": ["exact of bn at step 0"]}):
        (path / "summary.json").write_text(json.dumps(unfinished))  # as `verify` leaves it before the training's end
        assert table(trainings, tmp_path)[0].state == BEGUN
    lacking.append("a record")
    (path / "summary.json").unlink()
    perform(trainings, tmp_path, machine.train, Budget(1e6, machine.clock))
    assert len(machine.trained) == 2


@pytest.mark.parametrize(
    "content",
    [
        "", "[1]", '{"a": null}', '{"a": 1}', '{"vgg, width x, batch 1, batch": 1}',
        '{"vgg, width 1, batch 0, batch": 1}',
        '{"vgg, width 0, batch 9, batch": 1}', '{"vgg, width 1, batch 9, batch": -1}',
        '{"vgg, width 1, batch 9, batch": "inf"}', '{"vgg, width 1, batch 9, batch": NaN}',
    ],
)  # fmt: skip
def test_speeds_that_cannot_be_read_are_not_used(machine, tmp_path, content):
    (tmp_path / "speeds.json").write_text(content)
    assert [row.expected for row in table(plan("paper", [0], FEW), tmp_path)] == [None] * 3
    (tmp_path / "speeds.json").write_text('{"vgg, width 1, batch 128, batch": 0.5}')
    assert table(plan("paper", [0], FEW), tmp_path)[0].expected == 7500
