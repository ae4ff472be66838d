"""Stored runs by hand: by name, by network and site, and what tab completion offers."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from IPython.core.completer import provisionalcompleter

from bnverify.empirical import Runs, load_run
from bnverify.empirical.data.synthetic import synthetic_cifar
from bnverify.empirical.judgement.verdict import verify
from bnverify.empirical.runs.gaps import Wanted, identity, missing, read_record
from bnverify.empirical.runs.records import write_dataset, write_record
from bnverify.empirical.runs.run import train
from bnverify.empirical.runs.states import load_states, stored_steps
from bnverify.errors import InputError

OBSERVED = ("landscape", "shift", "activations")  # by fields of their own in format 1


def test_a_run_by_network_and_site(tiny_run):
    here = tiny_run["bn", "conv3"]
    stored = tiny_run.exact["bn"].sel(site="conv3")
    width = int(stored["channels"].max())
    assert here["v_v"].dims == ("step", "channel") and here.sizes["channel"] == width
    assert np.array_equal(here["v_v"], stored["v_v"][:, :width]) and np.isfinite(here["v_v"]).all()
    assert not np.isfinite(stored["v_v"][:, width:]).any()


def test_completions_are_what_can_be_asked_for(tiny_run):
    places = tiny_run._ipython_key_completions_()
    assert len(places) == 20 and all(tiny_run[place].sizes["channel"] for place in places[::7])


def test_a_run_says_what_it_is(tiny_run):
    shown = repr(tiny_run)
    assert "vgg with and without batch normalisation" in shown and "exact, inline, curves, ray" in shown
    assert "conv10" in shown


@pytest.mark.parametrize("place", [("bn", "conv11"), ("own", "conv1"), "bn"])
def test_unknown_places_are_refused(tiny_run, place):
    with pytest.raises(InputError, match="conv10"):
        tiny_run[place]


def test_runs_below_a_directory(tiny_run, tmp_path):
    shutil.copytree(tiny_run.path, tmp_path / "experiment" / "one", ignore=shutil.ignore_patterns("checkpoints"))
    runs = Runs(tmp_path)
    assert list(runs) == runs._ipython_key_completions_() == ["experiment/one"] and len(runs) == 1
    assert runs["experiment/one"].config == load_run(tiny_run.path).config
    assert "experiment/one" in repr(runs)
    with pytest.raises(InputError, match=r"run 'two' below [\s\S]*experiment/one"):
        runs["two"]
    with pytest.raises(InputError, match="there is no run here"):
        Runs(tmp_path / "nothing")["one"]


def test_completion_in_ipython(tiny_run):
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell.instance()
    shell.push({"run": tiny_run, "runs": Runs(tiny_run.path.parent)})
    with provisionalcompleter():
        places = [each.text for each in shell.Completer.completions('run["bn", "', 11)]
        names = [each.text for each in shell.Completer.completions('runs["', 6)]
    assert "conv4" in places and "tiny" in names


@pytest.fixture
def copied(tiny_run, tmp_path):
    shutil.copytree(tiny_run.path, tmp_path / "run")
    return tmp_path / "run"


FOREIGN = {
    "another step": ("bn/exact-000000.nc", "bn/exact-000004.nc", "it holds step 0"),
    "another network": ("plain/exact-000004.nc", "bn/exact-000004.nc", "it holds exact of plain"),
    "another kind": ("plain/inline-000004.nc", "plain/exact-000004.nc", "it holds inline of plain"),
    "steps of another chunk": ("bn/curves-000002.nc", "bn/curves-000004.nc", "it holds step 2, 3"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_record_of_something_else_than_its_name_says_is_damaged(copied, case):
    """Its points would be counted twice, or under another network, and nothing be missing."""
    source, target, words = FOREIGN[case]
    shutil.copy(copied / "records" / source, copied / "records" / target)
    run, kind = load_run(copied), target.split("/")[1].partition("-")[0]
    assert run.missing() == [] and [str(one) for one in missing(run.config, copied, damaged=True)]
    with pytest.raises(InputError, match=f"unreadable record .*{target} .{words}"):
        run.observed(kind)


@pytest.mark.parametrize(
    "other", [lambda r: r.assign_coords(site=[f"{name}x" for name in r["site"].values]), lambda r: r[["step"]]]
)
def test_records_of_one_run_fit_together(copied, other):
    one = Wanted("bn", "inline", 4)
    write_record(copied, one, other(read_record(copied, one)))
    with pytest.raises(InputError, match=r"inline of bn .*several networks"):
        load_run(copied).inline  # noqa: B018


def test_records_of_something_else_are_measured_again(copied, tiny_run):
    for source, target, _ in FOREIGN.values():
        shutil.copy(copied / "records" / source, copied / "records" / target)
    train(tiny_run.config, synthetic_cifar(train=200, test=64), copied)
    for _, target, _ in FOREIGN.values():
        assert (copied / "records" / target).read_bytes() == (tiny_run.path / "records" / target).read_bytes()


def test_a_record_of_which_any_bit_was_changed_is_measured_again(copied, tiny_run):
    """Bits in the numbers as well as in names and sizes; a claim would be violated, or not be tested."""
    one = Wanted("bn", "exact", 4)
    whole = bytearray(one.file(copied).read_bytes())
    random = np.random.default_rng(1)
    for place in (*random.integers(0, 8 * 3000, 100).tolist(), *random.integers(0, 8 * len(whole), 100).tolist()):
        changed = whole.copy()
        changed[place // 8] ^= 1 << place % 8
        one.file(copied).write_bytes(changed)
        if place // 8 not in range(whole.index(b"sha256") - 4, whole.index(b"sha256") + 16):  # as if it had none
            with pytest.raises(ValueError, match="changed since it was written"):
                read_record(copied, one)
    assert missing(tiny_run.config, copied, damaged=True) == [one]
    train(tiny_run.config, synthetic_cifar(train=200, test=64), copied)
    assert one.file(copied).read_bytes() == whole


@pytest.mark.parametrize("part", ["config", "data"])
def test_records_and_states_of_another_run_are_none_of_its(copied, part):
    """Of another seed or rate, or of other data: they have the same names, sites and shapes."""
    stored = json.loads((copied / "config.json").read_text())
    stored[part] |= {"seed": 7} if part == "config" else {"fingerprint": "other"}
    (copied / "config.json").write_text(json.dumps(stored))
    run = load_run(copied)
    assert len(missing(run.config, copied, damaged=True)) == len(missing(run.config, copied / "nothing"))
    with pytest.raises(InputError, match="another configuration, or other data"):
        run.exact  # noqa: B018
    with pytest.raises(InputError, match="another configuration, or other data"):
        load_states(copied / "checkpoints", 6, {})


def test_a_run_that_lost_its_configuration_is_not_taken_for_another(copied, tiny_run):
    data = synthetic_cifar(train=200, test=64)
    (copied / "config.json").unlink()
    before = sorted((file, file.read_bytes()) for file in copied.rglob("*.n*"))
    with pytest.raises(InputError, match="records and checkpoints, and without"):
        train(replace(tiny_run.config, seed=1, learning_rate=0.5), data, copied)
    assert sorted((file, file.read_bytes()) for file in copied.rglob("*.n*")) == before
    shutil.copy(tiny_run.path / "config.json", copied)
    partial = [copied / folder / ".x.nc.1.partial" for folder in ("checkpoints", "records/bn")]
    for each in partial:
        each.write_text("what a killed writer left")
    train(tiny_run.config, data, copied)
    assert not any(each.exists() for each in partial)


STRAY = ["exact-000005.nc", "exact-0000004.nc", "exact-abc.nc", "exact-²²²²²².nc", "odd-000004.nc"]


@pytest.mark.parametrize("name", STRAY)
def test_a_record_of_no_step_of_the_run_is_none_of_its(copied, tiny_run, name):
    shutil.copy(copied / "records" / "bn" / "exact-000004.nc", copied / "records" / "bn" / name)
    run = load_run(copied)
    assert run.exact["bn"]["step"].values.tolist() == [0, 4, 6] and run.kinds == tiny_run.kinds


def test_a_record_that_does_not_say_whose_it_is_is_read(copied):
    """Those of earlier versions."""
    file = copied / "records" / "bn" / "exact-000004.nc"
    record = read_record(copied, Wanted("bn", "exact", 4))
    assert record.attrs == {"network": "bn", "kind": "exact", "run": identity(copied)}
    write_dataset(file, record.drop_attrs(deep=False))
    assert missing(load_run(copied).config, copied, damaged=True) == []


@pytest.mark.parametrize("name", ["state-000008.npz", "state-000005.npz", "state-0000004.npz", "state-².npz"])
def test_a_state_of_no_chunk_of_the_run_is_none_of_its(copied, tiny_run, name):
    """Training would go on from it, beyond the last step for ever."""
    folder = copied / "checkpoints"
    shutil.copy(folder / "state-000006.npz", folder / name)
    assert stored_steps(tiny_run.config, folder) == [4, 6]
    before = sorted(copied.rglob("*.n*"))
    (copied / "records" / "plain" / "ray-000006.nc").unlink()
    train(tiny_run.config, synthetic_cifar(train=200, test=64), copied)
    assert sorted(copied.rglob("*.n*")) == before


def test_a_state_of_another_step_than_its_name_says_is_passed_over(copied, tiny_run):
    shutil.copy(copied / "checkpoints" / "state-000006.npz", copied / "checkpoints" / "state-000004.npz")
    for gone in ("bn/curves-000004.nc", "plain/ray-000006.nc"):
        (copied / "records" / gone).unlink()
    seen = []
    train(tiny_run.config, synthetic_cifar(train=200, test=64), copied, progress=seen.append)
    assert seen == [0, 2, 4, 6]
    for gone in ("bn/curves-000004.nc", "plain/ray-000006.nc"):
        assert (copied / "records" / gone).read_bytes() == (tiny_run.path / "records" / gone).read_bytes()


def test_a_run_of_format_1_stays_readable():
    """Written by version 0.1.0 before weight decay, observations by name and states as arrays."""
    run = load_run(Path(__file__).parent.parent / "data" / "format-1")
    assert run.description["format"] == 1
    assert (run.config.architecture, run.config.weight_decay) == ("deep-linear", 0.0)
    assert dict(run.config.every) == {"landscape": 4, "shift": 2}
    assert run.kinds == ("exact", "inline", "curves", "landscape", "shift", "ray")
    assert run.shift["bn"]["step"].values.tolist() == [0, 2] and run.observed("landscape").keys() == {"bn", "plain"}
    missing = [str(one) for one in run.missing()]
    assert missing == ["exact of bn at step 0", "exact of plain at step 0", "exact of plain at step 4"]
    tested = {(v.key, v.dtype): (v.points, v.violations) for v in verify(run) if v.network == "bn"}
    assert tested["theorem-4.1-exact", "float64"] == (250, 0) and tested["theorem-4.1-exact", "float32"] == (500, 0)


def test_every_run_of_the_gallery_stays_readable():
    files = sorted((Path(__file__).parents[2] / "reports" / "gallery").rglob("config.json"))
    assert len(files) > 20
    for file in files:
        stored, config = json.loads(file.read_text())["config"], load_run(file.parent).config
        for name, value in stored.items():
            found = config.every_steps(name[:-6]) if name.endswith("_every") and name[:-6] in OBSERVED else None
            kept = getattr(config, name, None) if found is None else found
            assert (dict(kept) if name == "every" else kept) == value, (file, name)
