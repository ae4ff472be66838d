"""Figures at hand: those that a run can draw, by name, each a figure when it is called."""

import subprocess
import sys
from pathlib import Path

import pytest
import stored
from matplotlib.figure import Figure

from bnverify.reports import FIGURES, NotRecorded, figures_of

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return stored.store(tmp_path_factory.mktemp("runs") / "run", stored.configuration(activations_every=0))


def test_the_figures_a_run_can_draw_are_listed_and_no_others(run):
    found = figures_of(run)
    assert list(found) == ["training", *stored.FIGURES["landscape"], *stored.FIGURES["shift"]]
    assert set(dir(found)) == {name.replace("-", "_") for name in found} and len(found) == 8
    for name in FIGURES:
        if name not in found:
            with pytest.raises(NotRecorded):
                FIGURES[name](run)


def test_each_is_called_by_attribute_or_name_and_has_its_numbers(run):
    found = figures_of(run)
    assert isinstance(found.covariate_shift_cosine(), Figure)
    assert found["covariate-shift-cosine"] is found.covariate_shift_cosine
    assert found.covariate_shift_cosine.data.panels[0].title == "conv2"
    with pytest.raises(AttributeError, match=r"expected one of covariate_shift, .*, training"):
        _ = found.theorem_4_1
    with pytest.raises(KeyError):
        found["theorem-4.1"]


def test_the_list_is_readable(run):
    lines = repr(figures_of(run)).splitlines()
    assert lines[0].split(maxsplit=1) == ["training()", "Training"]
    assert len(lines) == 8 and all("$" not in line and "\\" not in line for line in lines)
    shown = figures_of(run)._repr_markdown_()
    assert shown.count("\n| `") == 8 and "`landscape_random()`" in shown


def test_several_runs_are_set_side_by_side(run, tmp_path):
    other = stored.store(tmp_path / "other", stored.configuration(activations_every=0, learning_rate=0.5), seed=1)
    found = figures_of(run, other)
    assert list(found) == ["training", "final", "landscapes", "covariate-shifts"]
    assert isinstance(found.final(), Figure)


def test_no_module_of_the_reports_imports_jax_and_the_package_imports_nothing():
    heavy = {"matplotlib", "sympy", "numpy", "jax", "typst", "pypandoc"}
    told = f"import sys, bnverify.reports; print(sorted({heavy} & set(sys.modules)))"
    every = (
        "import importlib, pkgutil, sys, bnverify.reports as r;"
        "names = [m.name for m in pkgutil.walk_packages(r.__path__, r.__name__ + '.')];"
        "[importlib.import_module(name) for name in names]; print(len(names) > 30, 'jax' in sys.modules)"
    )
    for code, answer in ((told, "[]"), (every, "True False")):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT / "src", capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == answer
