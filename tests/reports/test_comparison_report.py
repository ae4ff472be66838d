"""Several runs in one report: what differs, which claims met what, curves overlaid, seeds as a band, clear refusals."""

import shutil

import numpy as np
import pytest
import stored
import xarray as xr
from typer.testing import CliRunner

from bnverify import cli
from bnverify.empirical.judgement.verdict import Verdict
from bnverify.empirical.runs.records import load_run, write_dataset
from bnverify.errors import InputError
from bnverify.reports import build_comparison, comparison, style
from bnverify.reports.blocks import Section, Table, drawings, walk
from bnverify.reports.comparison_report import ComparisonContent, comparison_report
from bnverify.reports.html import html
from bnverify.reports.lines import band, by_seed, names
from bnverify.reports.side_by_side import ended, settings, tightness_tables, verdict_tables
from bnverify.reports.tex import latex


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three seeds of one configuration and one run at another learning rate."""
    folder = tmp_path_factory.mktemp("runs")
    config = stored.configuration(activations_every=0, shift_every=0)
    seeds = [stored.store(folder / f"tiny-seed-{s}", config.changed(seed=s), seed=s) for s in (1, 2, 3)]
    return [*seeds, stored.store(folder / "fast", config.changed(learning_rate=0.5), seed=7, slow=0.5)]


@pytest.fixture
def document(runs):
    return comparison_report(ComparisonContent(by_seed(runs)), {})


def tables(document, label):
    (section,) = (part for part in walk(document.sections) if isinstance(part, Section) and part.label == label)
    return [block for block in section.blocks if isinstance(block, Table)]


def without_steps(run, folder, kind, keep):
    """A copy of a run that holds only the records of a kind at the steps for which ``keep`` is true."""
    shutil.copytree(run.path, folder)
    for file in (folder / "records").rglob(f"{kind}-*.nc"):
        with xr.open_dataset(file, engine="scipy") as part:
            data = part.load()
        file.unlink()
        data = data.isel(step=[i for i, step in enumerate(data["step"].values) if keep(int(step))])
        if data.sizes["step"]:
            write_dataset(file, data)
    return load_run(folder)


def test_runs_that_differ_only_in_the_seed_are_one_line(runs):
    lines = by_seed(runs)
    assert {label: len(line) for label, line in lines.items()} == {"tiny (3 seeds)": 3, "fast": 1}


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path):
    assert names([tmp_path / "a" / "run", tmp_path / "b" / "run"]) == ["a/run", "b/run"]
    assert names([tmp_path / "a", tmp_path / "b"]) == ["a", "b"]


def test_only_what_differs_is_in_the_table_of_settings(runs):
    common, head, rows = settings(by_seed(runs))
    assert head == ("run", "optimiser", "seed")
    assert [row[-1] for row in rows] == ["1, 2, 3", "0"]
    assert "steps, batch size" in dict(common) and "seed" not in dict(common)


def verdict(key, network="bn", dtype="float64", **changes):
    numbers = {"points": 10, "violations": 0, "tolerance": 1e-10, "worst": 1e-15, "quantiles": (0.0,) * 3,
               "tightness": 1.0} | changes  # fmt: skip
    return Verdict(key, "upper bound", network, dtype, **numbers)


def test_the_table_of_verdicts_counts_networks_and_seeds_and_says_what_else_there_is():
    nothing = float("nan")
    found = {
        "one": [verdict("theorem-4.1"), verdict("theorem-4.1", "plain", worst=3e-14), verdict("fact-c1", points=0)],
        "two": [verdict("theorem-4.1", violations=2, worst=nothing)],
    }
    (table,) = verdict_tables(found)
    cells = {row[0][0].text: row[1:] for row in table.rows}
    assert table.head == ["claim", "one", "two"]
    assert cells["theorem-4.1"][0] == r"20; $3.0\cdot 10^{-14}$"
    assert cells["theorem-4.1"][1][0].text == "violated at 2"
    assert cells["fact-c1"] == ("not tested", "–")
    (tight,) = tightness_tables({"one": [verdict("theorem-4.1", tightness=1.5)], "two": []})
    assert tight.rows[0][1:] == ("1.5; –", "–")


def test_many_runs_are_set_in_several_tables():
    split = verdict_tables({f"run {i}": [verdict("theorem-4.1")] for i in range(8)})
    assert [table.head[0] for table in split] == ["claim"] * 2
    assert [name for table in split for name in table.head[1:]] == [f"run {i}" for i in range(8)]


def test_the_band_goes_from_the_smallest_to_the_largest_seed(runs):
    lines = by_seed(runs)
    with style.look():
        figure = style.new_figure(9.0)
        comparison.draw_training(lines, figure)
    left = figure.axes[0]
    losses = np.stack([run.curves["bn"]["loss"].values.astype(float) for run in runs[:3]])
    drawn = [line.get_ydata() for line in left.lines if len(line.get_ydata()) == losses.shape[1]]
    np.testing.assert_allclose(drawn[0], np.median(losses, axis=0), rtol=1e-12)
    (area,) = left.collections
    heights = area.get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx(losses.max(), rel=1e-12)
    assert heights.min() == pytest.approx(losses.min(), rel=1e-12)
    assert not np.allclose(losses[0], losses[1], rtol=1e-3)
    alone = style.new_figure(9.0)
    with style.look():
        comparison.draw_training({"fast": runs[3:]}, alone)
    assert not alone.axes[0].collections


def test_a_seed_that_is_not_finite_leaves_a_gap_in_the_band(runs):
    def read(run):
        values = np.array([1.0, 2.0, 3.0])
        return np.arange(3), np.where(np.arange(3) == run.config.seed, np.nan, values)

    found = band(runs[:3], read, "a test")
    assert np.isnan(found.middle).tolist() == [False, True, True]


def test_final_values_of_seeds_are_a_range(runs):
    table = ended(by_seed(runs))
    losses = sorted(f"{float(run.curves['bn']['loss'].values[-1:].mean()):.4g}" for run in runs[:3])
    assert table.rows[0][2] == f"{losses[0]} to {losses[-1]}"
    assert " to " not in table.rows[2][2]


def test_every_line_and_every_command_is_in_the_report(document, runs):
    drawn = [drawing.name for drawing in drawings(document)]
    page = html(document, dict.fromkeys(drawn, "<svg viewBox='0 0 1 1'></svg>"))
    source = latex(document, dict.fromkeys(drawn, "x.pdf"))
    for text in (page, source):
        for label in ("tiny (3 seeds)", "fast"):
            assert label in text
    assert page.count("<pre>") == len(runs)
    assert "4 runs of a network" in page.lower()


def test_another_number_gives_another_report(runs, document, tmp_path):
    other = without_steps(runs[3], tmp_path / "fast", "curves", lambda step: step < 9)
    changed = comparison_report(ComparisonContent(by_seed([*runs[:3], other])), {})
    assert tables(changed, "section:ended") != tables(document, "section:ended")


def test_without_tex_two_builds_give_the_same_bytes_beside_the_runs(runs, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    first, second = build_comparison(runs, tmp_path / "a"), build_comparison(runs)
    assert second.pdf == runs[0].path.parent / "report" / "report.pdf"
    for kind in ("tex", "pdf", "html"):
        assert getattr(first, kind).read_bytes() == getattr(second, kind).read_bytes(), kind
    assert {file.stem for file in (tmp_path / "a" / "figures").iterdir()} == {
        "training", "final", "landscapes"
    }  # fmt: skip
    assert "<code>theorem-<wbr>4.1</code>" in first.html.read_text().split("therefore not drawn")[1]


def test_what_cannot_be_set_side_by_side_is_refused(runs, tmp_path):
    with pytest.raises(InputError, match="no run"):
        build_comparison([])
    with pytest.raises(InputError, match="twice"):
        build_comparison([runs[0], load_run(runs[0].path)])
    linear = stored.store(tmp_path / "linear", stored.linear_configuration())
    with pytest.raises(InputError, match="different networks"):
        build_comparison([runs[0], linear])
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "config.json").write_text((runs[3].path / "config.json").read_text())
    with pytest.raises(InputError, match="without a recorded step"):
        build_comparison([runs[0], load_run(empty)])


def test_the_command_line_says_what_is_wrong(runs, monkeypatch, tmp_path):
    run = CliRunner().invoke
    assert run(cli.app, ["report"]).exit_code == 2
    for paths, words in (([tmp_path], "config.json"), ([runs[0].path, tmp_path], "config.json"),
                         ([runs[0].path, runs[0].path], "twice")):  # fmt: skip
        result = run(cli.app, ["report", *map(str, paths)])
        assert isinstance(result.exception, InputError) and words in result.exception.got
    monkeypatch.setattr("bnverify.reports.comparison_report.build_comparison", lambda *found: found)
    monkeypatch.setattr("bnverify.reports.build.build_report", lambda *found: found)
    told = []
    monkeypatch.setattr("bnverify.commands.report.tell", told.append)
    for arguments in ([runs[0].path], [runs[0].path, runs[3].path, "--out", tmp_path]):
        assert run(cli.app, ["report", *map(str, arguments)]).exit_code == 0
    assert [one.path for one in told[1][0]] == [runs[0].path, runs[3].path] and told[1][1] == tmp_path
    assert told[0][0].path == runs[0].path and told[0][1] is None


def test_seeds_without_a_common_step_are_refused_and_others_need_none(runs, tmp_path):
    early = without_steps(runs[0], tmp_path / "early", "curves", lambda step: step < 4)
    late = without_steps(runs[1], tmp_path / "late", "curves", lambda step: step >= 4)
    with pytest.raises(InputError, match="without a common step in training"):
        build_comparison([early, late], tmp_path / "report")
    other = without_steps(runs[3], tmp_path / "other", "curves", lambda step: step >= 4)
    with style.look():
        comparison.draw_training(by_seed([early, other]), style.new_figure(9.0))
