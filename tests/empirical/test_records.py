"""Stored runs by hand: by name, by network and site, and what tab completion offers."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from IPython.core.completer import provisionalcompleter

from bnverify.empirical import Runs, load_run
from bnverify.empirical.judgement.verdict import verify
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
