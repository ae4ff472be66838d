"""The stored results are what their commands make, and their page says what they say."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest

from bnverify.empirical.experiments.experiments import EXPERIMENTS

ROOT = Path(__file__).parent.parent
_SPEC = importlib.util.spec_from_file_location("gallery", ROOT / "docs" / "gallery.py")
gallery = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(gallery)
FOLDERS = sorted(folder for folder in gallery.GALLERY.iterdir() if folder.is_dir())


def test_the_page_is_written_from_what_is_stored(monkeypatch):
    page = (gallery.GALLERY / "README.md").read_text()
    assert page == gallery.page(), "do: python docs/gallery.py"
    read = json.loads

    def tampered(text):
        found = read(text)
        for one in found.get("observed", {}) if "experiment" in found else ():
            one["verdict"] = "agree"
        return found

    monkeypatch.setattr(json, "loads", tampered)
    assert page != gallery.page()


def test_a_run_that_its_command_does_not_make_is_refused(monkeypatch):
    load = gallery.load_run

    def other(path):
        run = load(path)
        return dataclasses.replace(run, config=run.config.changed(renorm_stretch=0.5))

    monkeypatch.setattr(gallery, "load_run", other)
    with pytest.raises(ValueError, match="expected options that make all"):
        gallery.page()


README = " ".join((ROOT / "README.md").read_text().split())


@pytest.mark.parametrize("name", ["main-full", "main-quarter", "main-quarter-paper"])
def test_the_readme_says_what_the_runs_found(name):
    points, violations = gallery.verdicts(gallery.GALLERY / name)
    stored = json.loads((gallery.GALLERY / name / "all" / "summary.json").read_text())
    tested = {claim["key"] for claim in stored["claims"] if claim["points"]}
    assert f"{len(tested)} claims at {points:,} points, no violation" in README and violations == 0


def test_the_readme_says_what_the_long_run_shows():
    found = json.loads((gallery.GALLERY / "main-quarter" / "findings.json").read_text())
    bn, plain = found["subtracted"]
    mantissa, power = f"{bn['share']:.1e}".split("e-0")
    assert f"{mantissa}·10⁻{'⁰¹²³⁴⁵⁶⁷⁸⁹'[int(power)]} of |g|² in the median layer" in README
    assert f"{bn['at chance']:.2f} times the 2/m that random directions lose" in README
    assert f"{plain['share'] * 1e4:.1f}·10⁻⁴ and {plain['at chance']:.1f} times" in README
    assert f"γ/s is {bn['factor']:.2f} in the median, |v|²/|g|² is {bn['reduction']:.2f}" in README
    assert bn["by scale"] > 0.9995 and "all of that change is the factor" in README
    phases = {(row["quantity"], row["phase"]): row for one in found["observed"] for row in one["phases"]}
    wanted = ("effective beta", "relative shift |G - G'|/|G| of a layer")
    beta, shift = (phases[what, "after the plain network's plateau"] for what in wanted)
    assert f"effective β is smaller at {beta['share']:.0%}".replace("%", " %") in README
    assert f"in the median by {beta['ratio']:.1f}" in README and f"by {shift['ratio']:.2f} relative" in README
    observed = json.loads((gallery.GALLERY / "main-quarter" / "all" / "summary.json").read_text())["observed"]
    assert f"{observed['bn']['test_accuracy'] * 100:.1f} % in the end" in README


def test_the_readme_says_what_the_published_rate_shows():
    """Neither network comes apart: both are far above chance at the end."""
    folder = gallery.GALLERY / "main-quarter-paper"
    observed = json.loads((folder / "all" / "summary.json").read_text())["observed"]
    plain, bn = (observed[name]["test_accuracy"] for name in ("plain", "bn"))
    assert f"{100 * plain:.1f} % without and {100 * bn:.1f} % with batch norm after 15,000 steps" in README
    config = gallery.load_run(folder / "all").config
    assert (config.learning_rate, config.momentum, config.width, config.steps) == (0.1, 0.0, 0.25, 15_000)
    assert bn > plain > 0.5 and all(one["diverged_at"] is None for one in observed.values())
    found = json.loads((folder / "findings.json").read_text())
    phases = {(row["quantity"], row["phase"]): row for one in found["observed"] for row in one["phases"]}
    wanted = ("range of the loss along the gradient", "largest difference of the gradients", "effective beta")
    line, change, beta = (phases[what, "after the plain network's plateau"] for what in wanted)
    said = f"with batch norm at {line['share']:.0%} of the steps looked at, in the median by {line['ratio']:.2f}"
    assert said.replace("%", " %") in README and f"changes less, by {change['ratio']:.2f}" in README
    said = f"effective β is smaller at {beta['share']:.0%}, with a median ratio of {beta['ratio']:.2f}"
    assert said.replace("%", " %") in README
    assert f"subtracts is {found['subtracted'][0]['at chance']:.2f} times what random directions lose" in README


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_stored_claim_is_violated_and_some_were_tested(folder):
    points, violations = gallery.verdicts(folder)
    assert points > 10_000 and violations == 0
    assert (folder / "report.pdf").stat().st_size > 100_000


def test_every_experiment_is_stored():
    stored = {json.loads(found.read_text())["experiment"] for found in gallery.GALLERY.glob("*/findings.json")}
    assert stored == set(EXPERIMENTS)


@pytest.mark.parametrize("path", sorted(gallery.GALLERY.glob("*/findings.json")), ids=lambda path: path.parent.name)
def test_what_is_stored_was_published_as_the_experiment_says(path):
    found = json.loads(path.read_text())
    told = [(one["published"], one["place"]) for one in found["observed"]]
    assert told == [(one.words, one.place) for one in EXPERIMENTS[found["experiment"]].published]
    scale = "quick" if found["scale"] == "quick" else "paper"  # half and quarter are options of it
    assert set(found["runs"]) == set(EXPERIMENTS[found["experiment"]].runs(scale))
