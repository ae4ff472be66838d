"""Several runs in one report, and an experiment: what differs, which claims met what, findings, clear refusals."""

import dataclasses
import re

import invented
import numpy as np
import pytest
import stored
import xarray as xr

from bnverify.empirical.experiments import rotation
from bnverify.empirical.experiments.comparable import LAST, WHOLE, Compared, Phase
from bnverify.empirical.experiments.experiments import EXPERIMENTS, Experiment, Published
from bnverify.empirical.experiments.findings import Finding, findings_json
from bnverify.empirical.experiments.statements import Seen
from bnverify.empirical.judgement.verdict import Verdict
from bnverify.empirical.runs.records import load_run, write_dataset
from bnverify.errors import InputError
from bnverify.reports import build_comparison
from bnverify.reports.chapters.experiment_content import ExperimentContent
from bnverify.reports.chapters.experiment_report import build_experiment_report
from bnverify.reports.chapters.side_by_side import ended, settings, tightness_tables, verdict_tables
from bnverify.reports.document.wording import DASH, scientific
from bnverify.reports.figures import comparison
from bnverify.reports.figures.lines import band, by_seed, names, single

LABELS = ("batch", "l1", "100% & more_$x$")
VERDICTS = ("agree",) + ("differ",) * 3 + ("mixed",) * 2 + ("not comparable",) * 4


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three seeds of one configuration and one run at another learning rate."""
    folder = tmp_path_factory.mktemp("runs")
    config = stored.configuration(activations_every=0, shift_every=0)
    seeds = [stored.store(folder / f"tiny-seed-{s}", config.changed(seed=s), seed=s) for s in (1, 2, 3)]
    return [*seeds, stored.store(folder / "fast", config.changed(learning_rate=0.5), seed=7, slow=0.5)]


def verdict(key, network="bn", dtype="float64", **changes):
    numbers = {"points": 10, "violations": 0, "tolerance": 1e-10, "worst": 1e-15, "quantiles": (0.0,) * 3,
               "tightness": 1.0} | changes  # fmt: skip
    return Verdict(key, "upper bound", network, dtype, **numbers)


def test_runs_that_differ_only_in_the_seed_are_one_line(runs, tmp_path):
    assert {label: len(line) for label, line in by_seed(runs).items()} == {"tiny (3 seeds)": 3, "fast": 1}
    assert names([tmp_path / "a" / "run", tmp_path / "b" / "run"]) == ["a/run", "b/run"]


def test_only_what_differs_is_in_the_table_of_settings(runs):
    common, head, rows = settings(by_seed(runs))
    assert head == ("run", "optimiser", "seed")
    assert [row[-1] for row in rows] == ["1, 2, 3", "0"]
    assert "steps, batch size" in dict(common) and "seed" not in dict(common)


def test_the_table_of_verdicts_counts_networks_and_seeds_and_says_what_else_there_is():
    nothing = float("nan")
    found = {
        "one": [verdict("theorem-4.1"), verdict("theorem-4.1", "plain", worst=3e-14), verdict("fact-c1", points=0)],
        "two": [verdict("theorem-4.1", violations=2, worst=nothing)],
    }
    (table,) = verdict_tables(found)
    cells = {row[0][0].text: row[1:] for row in table.rows}
    assert cells["theorem-4.1"][0] == r"20; $3.0\cdot 10^{-14}$"
    assert cells["theorem-4.1"][1][0].text == "violated at 2"
    assert cells["fact-c1"] == ("not tested", "–")
    (tight,) = tightness_tables({"one": [verdict("theorem-4.1", tightness=1.5)], "two": []})
    assert tight.rows[0][1:] == ("1.5; –", "–")


def test_the_band_goes_from_the_smallest_to_the_largest_seed(runs):
    chart = comparison.training(by_seed(runs))
    losses = np.stack([run.curves["bn"]["loss"].values.astype(float) for run in runs[:3]])
    curve = next(c for c in chart.panels[0].curves if c.what == "loss" and "seeds" in c.network)
    np.testing.assert_allclose(curve.values, np.median(losses, axis=0), rtol=1e-12)
    np.testing.assert_allclose(curve.low, losses.min(0), rtol=1e-12)
    np.testing.assert_allclose(curve.high, losses.max(0), rtol=1e-12)
    alone = next(c for c in chart.panels[0].curves if c.network == "fast" and c.what == "loss")
    assert alone.low is None
    looks = comparison.looks(by_seed(runs))
    assert looks["fast"]["color"] != looks["tiny (3 seeds)"]["color"]


def test_a_seed_that_is_not_finite_leaves_a_gap_in_the_band(runs):
    def read(run):
        return np.arange(3), np.where(np.arange(3) == run.config.seed, np.nan, np.array([1.0, 2.0, 3.0]))

    assert np.isnan(band(runs[:3], read, "a test").middle).tolist() == [False, True, True]


def test_final_values_of_seeds_are_a_range_and_lost_runs_are_said_to_be(runs, tmp_path):
    table = ended(by_seed(runs))
    losses = sorted(f"{float(run.curves['bn']['loss'].values[-1:].mean()):.4g}" for run in runs[:3])
    assert table.rows[0][2] == f"{losses[0]} to {losses[-1]}" and " to " not in table.rows[2][2]
    run = stored.store(tmp_path / "run", runs[3].config)
    *_, middle, last = sorted((run.path / "records" / "plain").glob("curves-*.nc"))
    last.unlink()
    with xr.open_dataset(middle, engine="scipy") as part:
        data = part.load()
    write_dataset(middle, data.assign(loss=data["loss"].where(data["step"] < 9, np.nan)))
    rows = ended(single({"a": load_run(run.path)})).rows
    assert (rows[1][2], rows[1][4], rows[0][4]) == ("not finite", "10 of 12", "12")


def test_a_twin_that_is_the_same_in_every_run_is_drawn_once(runs):
    same = {"one": [runs[0]], "two": [runs[0]]}
    assert list(comparison.distinct(same, "plain")) == ["one"]
    assert comparison.panel_title(same, "plain").endswith("the same in every run")
    assert not comparison.panel_title(by_seed(runs), "plain").endswith("the same in every run")


def test_every_line_and_every_command_is_in_the_files_and_two_builds_are_the_same(runs, tmp_path):
    first, second = build_comparison(runs, tmp_path / "a"), build_comparison(runs)
    assert second.pdf == runs[0].path.parent / "report" / "report.pdf"
    for kind in ("markdown", "pdf", "html"):
        assert getattr(first, kind).read_bytes() == getattr(second, kind).read_bytes(), kind
    page = first.html.read_text()
    assert "tiny (3 seeds)" in page and "fast" in page and page.count("<pre>") == len(runs)
    assert {file.stem for file in (tmp_path / "a" / "figures").iterdir()} == {"training", "final", "landscapes"}
    assert "theorem-4.1" in page.split("therefore not drawn")[1]


def test_what_cannot_be_set_side_by_side_is_refused(runs, tmp_path):
    with pytest.raises(InputError, match="no run"):
        build_comparison([])
    with pytest.raises(InputError, match="twice"):
        build_comparison([runs[0], load_run(runs[0].path)])
    linear = stored.store(tmp_path / "linear", stored.linear_configuration())
    with pytest.raises(InputError, match="different networks"):
        build_comparison([runs[0], linear])
    with pytest.raises(InputError, match="no run of the experiment"):
        build_experiment_report(EXPERIMENTS["landscape"], {}, tmp_path)


@pytest.fixture
def three(tmp_path, monkeypatch):
    """An experiment of three runs with names that no format likes, and a finding of each kind."""
    alone = {"shift_every": 0, "activations_every": 0}
    configs = {
        label: stored.configuration(**alone).changed(normalizer="l1" if label == "l1" else "batch") for label in LABELS
    }
    runs = {label: stored.store(tmp_path / str(n), config, seed=n) for n, (label, config) in enumerate(configs.items())}
    published = tuple(
        Published(f"statement {i} of l_p & co", f"figure {i}", "", {"bn": 0.85 + i}) for i, _ in enumerate(VERDICTS)
    )
    source = Experiment("three", "Three runs & l_p", "A 2018, 5% of it", configs, configs, published, "no time")
    finding = Finding(published[0], "|G - G'|/|G| is 0.5 < 7 at 50% of 3 runs", "agree")
    found = tuple(
        dataclasses.replace(finding, published=one, verdict=verdict)
        for one, verdict in zip(published, VERDICTS, strict=True)
    )
    monkeypatch.setattr("bnverify.reports.chapters.experiment_content.findings", lambda *_: found)
    return source, runs


def test_every_finding_and_label_is_in_the_report_of_an_experiment(three, tmp_path):
    experiment, runs = three
    content = ExperimentContent(experiment, runs)
    assert [row[2] for row in content.finding_table()] == list(VERDICTS)
    said = " ".join(content.abstract())
    assert "Of 10 published statements, these runs agree with 1 and differ from 3; with 2 they agree in part" in said
    assert "others); 4 cannot be compared" in said
    assert "1.85" in content.finding_table()[1][0]
    built = build_experiment_report(experiment, runs, tmp_path / "report")
    page = re.sub(r"<[^>]*>", "", built.html.read_text()).replace("&amp;", "&").replace("&lt;", "<")
    flat = re.sub(r"\s+", " ", page)
    for said in (*LABELS, "|G - G'|/|G| is 0.5 < 7 at 50% of 3 runs", "A 2018, 5% of it"):
        assert said in flat.replace("’", "'"), said
    assert built.html.read_text().count("<figure") == len(content.drawings()[0]) == 3 + 3


def test_a_quantity_is_one_row_and_a_phase_one_column(three, tmp_path, monkeypatch):
    experiment, runs = three
    assert ExperimentContent(experiment, runs).phase_table() == []
    over = (Compared(Phase(WHOLE, 0, 1500), 10, 0.5, 2.0, 1), Compared(Phase(LAST, 1200, 1500), 2, 1.0, 2.5e-5, 0))
    short = (Compared(Phase(WHOLE, 0, 1500), 4, 0.25, 3.0, 0),)
    seen = (Seen(True, "", {"|G|": over, "range": short}), Seen(True, "", {"range": short}))
    found = [
        Finding(published, "", "agree", seen=(one,))
        for published, one in zip(experiment.published[:2], seen, strict=True)
    ]
    monkeypatch.setattr("bnverify.reports.chapters.experiment_content.findings", lambda *_: tuple(found))
    content = ExperimentContent(experiment, runs)
    assert content.phase_head[1:] == ("the whole training, steps 0 to 1,499", "the last fifth, steps 1,200 to 1,499")
    assert content.phase_table() == [
        ("|G|", "2 (smaller at 50% of 10, 1 not finite)", r"$2.50\cdot 10^{-5}$ (smaller at 100% of 2)"),
        ("range", "3 (smaller at 25% of 4)", DASH),
    ]
    rows = findings_json(experiment, "quick", {}, found, tmp_path)["observed"]
    assert rows[0]["phases"][1] == {
        "seed": 0, "quantity": "|G|", "phase": LAST, "start": 1200, "stop": 1500, "count": 2, "share": 1.0,
        "ratio": 2.5e-5, "lost": 0,
    }  # fmt: skip
    assert [len(row["phases"]) for row in rows] == [3, 1]


def test_the_steps_of_a_training_are_told_run_by_run(runs):
    """Each number is that of the summary; a run without steps has dashes, runs without any have no table."""
    run = invented.steps(dataclasses.replace(runs[0], config=runs[0].config.changed(steps=31)))
    content = ExperimentContent(EXPERIMENTS["dynamics"], {"one": run, "other": runs[1]})
    told = rotation.summary(run)
    rows = {row[0]: row[1:] for row in content.steps_table()}
    assert content.steps_head[1:] == ("one", "other") and {row[1] for row in rows.values()} == {DASH}
    (turn,) = [row for words, row in rows.items() if words.startswith(r"$1-\cos$")]
    (printed,) = [row for words, row in rows.items() if words.startswith("as printed")]
    (share,) = [row for words, row in rows.items() if words.startswith("epsilon's share")]
    assert turn[0] == f"{told['turn']:.3g}" and printed[0] == f"{told['printed']:.3g}"
    assert share[0] == scientific(told["share"], 1) and np.isfinite(told["share"])
    assert not any("rounding" in words for words in rows)  # none was recorded
    assert not ExperimentContent(EXPERIMENTS["dynamics"], {"other": runs[1]}).steps_table()
