"""The printed command, given again, makes the configuration of the run."""

import inspect
import shlex
from dataclasses import fields, replace

import pytest
import stored
from typer.testing import CliRunner

from bnverify import cli
from bnverify.commands import train as training
from bnverify.commands.parallel import Parallel
from bnverify.commands.verify import Outcome
from bnverify.empirical.experiments.experiments import EXPERIMENTS
from bnverify.empirical.experiments.plan import plan
from bnverify.empirical.runs.config import RunConfig, preset
from bnverify.empirical.runs.records import Run
from bnverify.reports.document.repetition import _OPTIONS, command

CASES = {
    "a preset": preset("tiny"),
    "with options": preset("quick").changed(seed=3, learning_rate=0.1, width=0.25, epsilon=1e-3),
    "with another momentum": EXPERIMENTS["main"].paper["all"].changed(momentum=0.0, learning_rate=0.1),
    "with weight decay": preset("quick").changed(weight_decay=5e-4),
    "cifar10": preset("full").changed(dataset="cifar10", steps=7),
    "an experiment": EXPERIMENTS["noisy"].quick["with noise"],
    "its second run": EXPERIMENTS["training"].quick["rate 0.5"],
    "on cifar10": EXPERIMENTS["main"].quick["all"].changed(dataset="cifar10"),
    "observed at other steps": EXPERIMENTS["main"].paper["all"].changed(landscape_every=50, shift_every=0),
    "at another seed": EXPERIMENTS["lp-linear"].paper["l1-uncentred"].changed(seed=4),
}


def of(config, tmp_path):
    return command(Run(tmp_path, config, {}))


def trained(told, monkeypatch, tmp_path):
    """The configurations that the command would train; it ends before it trains the last."""
    found = []

    class Enough(Exception):
        pass

    def note(config, path, data, download, parallel):
        assert parallel == Parallel()  # no option of the printed command asks for devices
        found.append(config if data is not None or config.dataset != "cifar10" else None)
        if len(found) == 8 or not many:
            raise Enough

    many = "--experiment" in told
    monkeypatch.setattr("bnverify.commands.train.train", note)
    monkeypatch.setattr("bnverify.commands.run.verify", lambda run: Outcome())
    monkeypatch.setattr("bnverify.commands.run._prove", lambda: None)
    monkeypatch.setattr("bnverify.empirical.runs.records.load_run", lambda path: None)
    monkeypatch.setattr("bnverify.empirical.experiments.findings.findings", lambda *_: (_ for _ in ()).throw(Enough))
    words = shlex.split(told, comments=True)
    assert words[0] == "bnverify"
    result = CliRunner().invoke(cli.app, [*words[1:], "--out", str(tmp_path)])
    assert isinstance(result.exception, Enough), result.output
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_command_makes_the_configuration(name, monkeypatch, tmp_path):
    config = CASES[name]
    assert config in trained(of(config, tmp_path), monkeypatch, tmp_path)


def test_every_option_of_the_configuration_is_told_as_one(tmp_path):
    assert of(CASES["with weight decay"], tmp_path) == "bnverify run --preset quick --weight-decay 0.0005"


def test_a_training_of_reproduce_is_told_as_the_experiment_it_serves(monkeypatch, tmp_path):
    (training,) = plan("quarter", [0], ["main"])
    config = training.config.changed(preset="paper")
    told = of(training.config, tmp_path)
    assert told == "bnverify run --experiment main --scale paper --data DIR --width 0.25"
    assert config in trained(told, monkeypatch, tmp_path)


def test_another_command_does_not(monkeypatch, tmp_path):
    told = of(CASES["with options"], tmp_path).replace("--seed 3", "--seed 4")
    assert CASES["with options"] not in trained(told, monkeypatch, tmp_path)


def test_which_run_of_an_experiment_it_is_is_said(tmp_path):
    told = of(CASES["its second run"], tmp_path)
    assert told.endswith("# its run 'rate 0.5'") and "--learning-rate" not in told


def test_what_no_option_sets_is_written_in_python(tmp_path):
    config = replace(stored.configuration(), momentum=0.123, insertion_epsilon=0.5)
    told, last = of(config, tmp_path).rsplit("\n", 1)
    names: dict = {}
    exec(told, names)  # all but the training
    assert names["config"] == config and isinstance(names["config"], RunConfig)
    assert callable(names["train"]) and callable(names["load_data"])
    assert last == "train(config, load_data(config), 'runs/again')"


def test_every_option_of_the_command_that_sets_a_field_is_one_of_the_repetition():
    options = {*inspect.signature(training.command).parameters} & {each.name for each in fields(RunConfig)}
    assert options - {"preset", "dataset", "every"} == {*_OPTIONS}
