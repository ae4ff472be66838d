"""The report of an experiment: every run, every finding, what differs; the same bytes twice, and there without TeX."""

import dataclasses
import re

import numpy as np
import pytest
import stored
import xarray as xr

from bnverify.empirical.experiments.experiments import EXPERIMENTS, Experiment, Published
from bnverify.empirical.experiments.findings import Finding
from bnverify.empirical.runs.records import load_run, write_dataset
from bnverify.errors import InputError
from bnverify.reports import build, comparison, style, tex
from bnverify.reports.blocks import drawings
from bnverify.reports.experiment import ExperimentContent, build_experiment_report, experiment_report
from bnverify.reports.figures import FIGURES
from bnverify.reports.final_values import draw_final
from bnverify.reports.lines import single
from bnverify.reports.pages import Pages
from bnverify.reports.panels import NotRecorded
from bnverify.reports.prose import to_latex
from bnverify.reports.side_by_side import ended, settings

needs_tex = pytest.mark.skipif(build.tex_engine() is None, reason="no pdflatex on this machine")
LABELS = ("batch", "l1", "100% & more_$x$")


def judged(experiment, runs):
    """Findings with everything that LaTeX could stumble over."""
    verdicts = ("agree", "differ", "not comparable")
    return tuple(
        Finding(published, f"|G - G'|/|G| is {number}.5 < 7 at 50% of {len(runs)} runs", verdicts[number])
        for number, published in enumerate(experiment.published)
    )


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """An experiment of three runs, whose twins without a normaliser are the same in two."""
    folder = tmp_path_factory.mktemp("experiment")
    alone = {"shift_every": 0, "activations_every": 0}
    configs = {
        label: stored.configuration(**alone).changed(normalizer="l1" if label == "l1" else "batch") for label in LABELS
    }
    runs = {
        label: stored.store(folder / str(number), config, seed=min(number, 1))
        for number, (label, config) in enumerate(configs.items())
    }
    published = tuple(Published(f"statement {i} of l_p & co", f"figure {i}", "", {"bn": 0.85 + i}) for i in range(3))
    return Experiment("three", "Three runs & l_p", "A 2018, 5% of it", configs, configs, published, "no time"), runs


@pytest.fixture
def found(monkeypatch):
    monkeypatch.setattr("bnverify.reports.experiment_content.findings", judged)


def source(experiment, runs):
    document = experiment_report(ExperimentContent(experiment, runs), {})
    return tex.latex(document, {drawing.name: f"figures/{drawing.name}.pdf" for drawing in drawings(document)})


def test_every_finding_label_and_figure_is_in_the_report(three, found):
    experiment, runs = three
    latex = source(experiment, runs)
    rows = [re.sub(r"\\s+", " ", row) for row in latex.split(r"\\")]
    for finding in judged(experiment, runs):
        number = finding.published.place.removeprefix("figure ")
        (row,) = (row for row in rows if f"Statement {number} of" in row)
        assert row.count("&") == 3 and rf"of $l_p$ \& co (figure {number})" in row
        assert f"with batch norm {0.85 + int(number):g}" in row.replace("with centred $l_1$ norm", "with batch norm")
        assert to_latex(finding.ours[1:]) in row and row.strip().endswith(finding.verdict)
    for label in LABELS:
        assert to_latex(label.replace("$", r"\$")) in latex
    assert "agree with 1 and differ from 1; 1 cannot be compared" in latex
    assert "the reduced settings" in latex
    assert latex.count(r"\includegraphics") == len(ExperimentContent(experiment, runs).drawings()) == 3 + 3


def test_a_scale_is_told_from_other_settings_but_not_by_its_images(three, found):
    experiment, runs = three
    assert {run.config.dataset for run in runs.values()} == {"synthetic"}

    def told(**changes):
        wanted = {label: config.changed(**changes) for label, config in experiment.quick.items()}
        return source(dataclasses.replace(experiment, quick=wanted, paper=wanted), runs)

    assert "with the reduced settings" in told(dataset="cifar10")
    assert "with other settings" in told(learning_rate=0.5)


def test_a_changed_verdict_changes_the_report(three, found, monkeypatch):
    before = source(*three)
    monkeypatch.setattr("bnverify.reports.experiment_content.findings", lambda *a: judged(*a)[:2])
    assert source(*three) != before
    assert "of 2 published statements" in source(*three).lower()


def test_what_the_runs_have_in_common_is_told_from_what_differs(three):
    common, head, rows = settings(single(three[1]))
    assert head == ("run", "normaliser")
    assert [row[1].split(" in one")[0] for row in rows] == ["batch norm", "centred $l_1$ norm", "batch norm"]
    assert dict(common)["steps, batch size"] == "12, 16"
    assert not {"normaliser", "float64 records"} & set(dict(common))


def test_a_run_that_is_missing_unfinished_or_diverged_is_said_to_be(three, found, tmp_path):
    experiment, _ = three
    config = experiment.quick["batch"]
    run = stored.store(tmp_path / "run", config)
    file = run.path / "records" / "plain" / "curves-000000.nc"
    with xr.open_dataset(file, engine="scipy") as part:
        data = part.load()
    write_dataset(file, data.assign(loss=data["loss"].where(data["step"] < 5, np.nan)).isel(step=slice(9)))
    content = ExperimentContent(experiment, {"batch": load_run(run.path)})
    told = " ".join(content.abstract())
    assert "Not among the runs: l1; 100% & more" in told
    assert "Run batch, without batch norm: the loss is not finite from step 5 on." in told
    rows = ended(single(content.runs)).rows
    assert (rows[1][2], rows[1][4]) == ("not finite", "9 of 12")
    assert rows[0][4] == "12"


def test_numbers_of_the_final_table_are_those_of_the_runs(three):
    _, runs = three
    rows = ended(single(runs)).rows
    for row, (label, network) in zip(rows, ((lab, net) for lab in runs for net in ("bn", "plain")), strict=True):
        curves = runs[label].curves[network]
        assert row[2] == f"{float(curves['loss'].values[-1:].mean()):.4g}"
        assert row[3] == f"{float(runs[label].exact[network]['test_accuracy'].values[-1]):.1%}"


def test_a_twin_that_is_the_same_in_every_run_is_drawn_once(three):
    runs = single(three[1])
    assert list(comparison.distinct(runs, "plain")) == ["batch", "l1"]
    same = {"one": runs["l1"], "two": runs[LABELS[2]]}
    assert list(comparison.distinct(same, "plain")) == ["one"]
    assert comparison.panel_title(same, "plain").endswith("the same in every run")
    assert not comparison.panel_title(runs, "plain").endswith("the same in every run")


def test_side_by_side_curves_are_those_of_the_runs(three):
    _, runs = three
    with style.look():
        figure = style.new_figure(9.0)
        comparison.draw_training(single(runs), figure)
    left = figure.axes[0]
    drawn = [line.get_ydata() for line in left.lines if len(line.get_ydata()) == 12]
    assert len(drawn) == 2  # the third run is the second again
    for curve, label in zip(drawn, ("batch", "l1"), strict=True):
        np.testing.assert_allclose(curve, runs[label].curves["bn"]["loss"].values.astype(float), rtol=1e-12)
    assert not np.allclose(drawn[0], drawn[1], rtol=1e-3)


@pytest.mark.parametrize("draw", [comparison.draw_training, comparison.draw_landscape, draw_final])
def test_runs_without_records_are_said_to_be(draw, three, tmp_path):
    _, runs = three
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text((runs["batch"].path / "config.json").read_text())
    with style.look(), pytest.raises(NotRecorded):
        draw({"batch": (load_run(folder),)}, style.new_figure(9.0))


def test_an_experiment_without_runs_is_refused(three, tmp_path):
    with pytest.raises(InputError, match="no run of the experiment three"):
        build_experiment_report(three[0], {}, tmp_path)


def test_one_run_is_shown_with_the_figures_of_what_it_measured(tmp_path):
    config = stored.configuration(landscape_every=0, activations_every=0).changed(shift_every=4)
    experiment = EXPERIMENTS["covariate-shift"]
    content = ExperimentContent(experiment, {"rate 0.1": stored.store(tmp_path / "run", config)})
    assert [drawing.name for drawing in content.drawings()] == ["training", *stored.FIGURES["shift"]]
    assert content.drawings()[0].caption == FIGURES["training"].caption


def test_without_tex_the_report_is_readable_and_the_same_twice(three, found, tmp_path, monkeypatch):
    pages = []
    pdf = Pages.pdf
    monkeypatch.setattr(Pages, "pdf", lambda self, title: (pages.append(self), pdf(self, title))[1])
    monkeypatch.setenv("PATH", "")
    experiment, runs = three
    results = [build_experiment_report(experiment, runs, tmp_path / name) for name in "ab"]
    assert results[0].engine == "matplotlib" and "No TeX was found" in results[0].note
    assert results[0].pdf.read_bytes() == results[1].pdf.read_bytes()
    shown = re.sub(r"\s+", " ", " ".join(text.get_text() for page in pages[0].pages for text in page.texts))
    for words in ("No TeX was found", "agree", "differ", "comparable"):
        assert words in shown
    for label in ("batch", "l1"):
        assert label in shown


@needs_tex
def test_tex_sets_the_report_the_same_twice_and_without_overflow(three, found, tmp_path):
    experiment, runs = three
    first, second = (build_experiment_report(experiment, runs, tmp_path / name) for name in "ab")
    assert (first.engine, first.note) == (build.tex_engine(), "")
    assert first.pdf.parent == tmp_path / "a"
    assert first.tex.read_bytes() == second.tex.read_bytes()
    assert first.pdf.read_bytes() == second.pdf.read_bytes()
    _, log = build.compile_tex(tmp_path / "a", first.engine)
    overfull = [float(width) for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert all(width <= 5 for width in overfull), overfull
    assert "undefined" not in log
    drawn = {file.stem for file in (tmp_path / "a" / "figures").iterdir()}
    assert drawn == {drawing.name for drawing in ExperimentContent(experiment, runs).drawings()}
