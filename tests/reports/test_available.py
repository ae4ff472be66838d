"""Figures at hand: those that a run can draw, by name, each a figure when it is called."""

import subprocess
import sys
from pathlib import Path

import pytest
import stored
from matplotlib.figure import Figure

from bnverify.reports import FIGURES, NotRecorded, figures_of
from bnverify.reports.available import first_sentence

ROOT = Path(__file__).parent.parent.parent


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


def test_no_landscape_was_recorded(tmp_path):
    """Figures with several grids are not offered either."""
    run = stored.store(tmp_path / "run", stored.configuration(activations_every=0, landscape_every=0))
    assert list(figures_of(run)) == ["training", *stored.FIGURES["shift"]]


def test_each_is_called_by_attribute_or_name(run):
    found = figures_of(run)
    assert isinstance(found.covariate_shift_cosine(), Figure)
    assert found["covariate-shift-cosine"] == found.covariate_shift_cosine
    with pytest.raises(AttributeError, match=r"expected one of covariate_shift, .*, training"):
        _ = found.theorem_4_1
    with pytest.raises(KeyError):
        found["theorem-4.1"]


def test_the_list_is_readable(run):
    lines = repr(figures_of(run)).splitlines()
    assert lines[0].split(maxsplit=1) == ["training()", "Training"]
    assert len(lines) == 8 and all("$" not in line and "\\" not in line for line in lines)
    shown = figures_of(run)._repr_html_()
    assert shown.count("<tr>") == 8 and "<code>landscape_random()</code>" in shown


def test_several_runs_are_set_side_by_side(run, tmp_path):
    other = stored.store(tmp_path / "other", stored.configuration(activations_every=0, learning_rate=0.5), seed=1)
    found = figures_of(run, other)
    assert list(found) == ["training", "final", "landscapes", "covariate-shifts"]
    assert isinstance(found.final(), Figure)


def test_a_full_stop_in_a_formula_or_number_ends_no_sentence():
    assert first_sentence("Definition 2.1 of $a. b$ here. And more.") == "Definition 2.1 of $a. b$ here"
    assert first_sentence("No end") == "No end"


def test_importing_the_package_imports_nothing_else():
    heavy = {"matplotlib", "sympy", "numpy", "jax", "jinja2"}
    told = f"import sys, bnverify.reports; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    told = "from bnverify.reports import figures_of; import sys; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
