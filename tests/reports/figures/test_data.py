"""The numbers of every figure, worked out here a second time from the records: what is drawn is what was measured."""

import contextlib
import dataclasses
import json

import invented
import numpy as np
import pytest
import stored
import xarray as xr

from bnverify.empirical.judgement.verdict import Verdict
from bnverify.empirical.runs.records import load_run
from bnverify.reports import FIGURES
from bnverify.reports.figures import (
    alignment,
    comparison,
    covariate_shift,
    curvature,
    distributions,
    final_values,
    gradient_bound,
    initialisation,
    landscape,
    reading,
    residuals,
    training,
)
from bnverify.reports.figures.figure import NotRecorded

NETWORKS = ("bn", "plain")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return stored.store(tmp_path_factory.mktemp("runs") / "vgg", stored.configuration())


@pytest.fixture(scope="module")
def measured(run):
    return invented.quantities(run)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("site", invented.SITES)
def test_the_bound_of_theorem_4_1_is_the_printed_one_and_the_marks_are_the_measured_gradient(measured, network, site):
    q = invented.at(measured, network, site)
    right = q["gamma"] ** 2 / q["s"] ** 2 * (q["g_g"] - q["one_g"] ** 2 / 64 - q["a"] ** 2 / 64)
    chart = gradient_bound.bound(measured)
    bound, marks = chart.curve(site, network, "bound"), chart.curve(site, network, "measured")
    shown = np.where(right > 0, right, np.nan)
    np.testing.assert_allclose(bound.values, np.nanmedian(shown, axis=1), rtol=1e-12)
    np.testing.assert_allclose(bound.low, np.nanquantile(shown, 0.1, axis=1), rtol=1e-12)
    np.testing.assert_allclose(bound.high, np.nanquantile(shown, 0.9, axis=1), rtol=1e-12)
    np.testing.assert_allclose(marks.values, np.median(q["v_v"], axis=1), rtol=1e-12)
    np.testing.assert_array_equal(bound.steps, invented.STEPS)
    assert not np.allclose(bound.values, marks.values, rtol=0.05)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_two_shares_are_of_the_mean_and_of_the_alignment(measured, network):
    q = invented.at(measured, network, "conv2")
    mean = q["one_g"] ** 2 / (64 * q["g_g"])
    aligned = (2 - q["rho"]) * q["a"] ** 2 / (64 * q["g_g"])
    chart = gradient_bound.gain(measured)
    np.testing.assert_allclose(chart.curve("conv2", network, "mean").values, np.median(mean, axis=1), rtol=1e-12)
    np.testing.assert_allclose(
        chart.curve("conv2", network, "alignment").values, np.median(aligned, axis=1), rtol=1e-12
    )
    assert not np.allclose(np.median(mean, axis=1), np.median(aligned, axis=1), rtol=0.05)
    assert np.all(sum(gradient_bound.shares(q)) > np.maximum(mean, aligned))


@pytest.mark.parametrize("network", NETWORKS)
def test_both_sides_of_theorem_4_2_have_their_sign(measured, network):
    q = invented.at(measured, network, "conv10")
    chart = curvature.curvature(measured)
    left, right = (chart.curve("conv10", network, what).values for what in ("measured", "right side"))
    c = q["gamma"] * q["a"] * (1 - q["rho"]) / (q["s"] * 64)  # <yhat, v>/m of the gradient v
    own = q["gamma"] / q["s"] ** 2 * (3 * q["a"] * c**2 - 2 * c * q["g_v"] - q["a"] * q["v_v"] / 64)
    np.testing.assert_allclose(left, q["layer_v_Hhat_v"][:, 0], rtol=1e-12)
    np.testing.assert_allclose(right, q["layer_u_H_u"][:, 0] + own.sum(axis=1), rtol=1e-11)
    assert (left < 0).any() and (left > 0).any()
    shown = curvature.terms(measured).curve("conv10", network, "share").values
    total, plain = own.sum(axis=1), q["layer_u_H_u"][:, 0]
    np.testing.assert_allclose(shown, total / (np.abs(total) + np.abs(plain)), rtol=1e-9)


def test_the_share_that_normalising_adds_is_negative_where_it_lowers_the_curvature():
    share = curvature.own_share(np.array([1.0, 3.0, 2.0]), np.array([2.0, 2.0, 2.0]))
    np.testing.assert_allclose(share, [-1 / 3, 1 / 3, 0.0])


def test_the_share_of_positive_alignment_counts_live_channels_only(measured):
    a = np.array([[1.0, -1.0, 0.0, np.nan], [0.0, 0.0, 0.0, 0.0]])
    g_g = np.array([[1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    share = alignment.positive_share(a, g_g)
    assert share[0] == 0.5 and np.isnan(share[1])
    q = invented.at(measured, "bn", "conv2")
    found = alignment.alignment(measured).curve("conv2", "bn", "share").values
    np.testing.assert_allclose(found, (q["a"] > 0).mean(axis=1))
    assert 0 < found.mean() < 1


def test_the_overall_share_of_positive_alignment_is_that_of_all_sites_steps_and_channels(measured):
    every = np.concatenate([invented.at(measured, "plain", site)["a"].ravel() for site in invented.SITES])
    assert alignment.overall_share(measured, "plain") == (int((every > 0).sum()), len(every))
    assert len(every) == len(invented.STEPS) * sum(invented.SITES.values())
    assert 0.2 < (every > 0).mean() < 0.8
    assert alignment.overall_share(invented.quantities(measured, networks=("bn",)), "plain") == (0, 0)


def test_distances_are_those_of_the_weights():
    rng = np.random.default_rng(3)
    start, now = rng.standard_normal((2, 5, 7))  # filters x weights
    k = np.maximum((start * now).sum() / (now * now).sum(), 0)
    own = np.maximum((start * now).sum(1) / (now * now).sum(1), 0)
    rays = ((start - own[:, None] * now) ** 2).sum(1)
    quantities = {
        "layer_W0_W0": (start**2).sum(), "layer_W0_Wstar": (start * now).sum(), "layer_Wstar_Wstar": (now**2).sum(),
        "layer_distance2": ((start - k * now) ** 2).sum(),
    }  # fmt: skip
    found = initialisation.distances({k: np.array([[v]]) for k, v in quantities.items()} | {"distance2": rays[None]})
    assert found["moved"][0] == pytest.approx(np.linalg.norm(start - now))
    assert found["ray"][0] == pytest.approx(np.linalg.norm(start - k * now))
    assert found["rays"][0] == pytest.approx(np.sqrt(rays.sum()))
    assert found["moved"][0] > found["ray"][0] > found["rays"][0]


def test_the_landscape_is_smallest_to_largest_over_the_points_of_its_own_line(run):
    for chart, line in (
        (landscape.along_gradient(run), "gradient, paper"),
        (landscape.along_random(run), "random, paper"),
    ):
        for network, data in run.landscape.items():
            here = data.sel(line=line)
            points = int(here["points"].values[0])
            losses = here["line_loss"].values[:, :points].astype(float)
            assert points == 8
            low, high = (chart.curve("range of the loss", network, f"line_loss, {w}") for w in ("smallest", "largest"))
            np.testing.assert_array_equal(low.values, losses.min(1))
            np.testing.assert_array_equal(high.values, losses.max(1))
            np.testing.assert_array_equal(high.low, losses.min(1))
            ratios = here["predictiveness"].values[:, :points] / here["distance"].values[:, :points]
            beta = chart.curve(r"effective $\beta$-smoothness", network, "effective_beta").values
            np.testing.assert_allclose(beta, ratios.max(1), rtol=1e-12)
            assert not np.allclose(beta, ratios.min(1), rtol=0.05)


def test_a_step_with_a_point_that_is_not_finite_is_a_gap():
    low, high = landscape.band(np.array([[1.0, 2.0], [np.inf, 3.0], [0.5, 0.25]]))
    np.testing.assert_array_equal(low, [1.0, np.nan, 0.25])
    np.testing.assert_array_equal(high, [2.0, np.nan, 0.5])


def test_another_line_is_not_taken_for_the_gradient(run):
    other = dataclasses.replace(run)
    other.__dict__["landscape"] = {n: data.drop_sel(line=landscape.GRADIENT) for n, data in run.landscape.items()}
    with pytest.raises(NotRecorded, match="gradient, paper"):
        landscape.along_gradient(other)
    landscape.along_random(other)


@pytest.mark.parametrize(
    ("data", "name"),
    [(covariate_shift.size, "shift"), (covariate_shift.relative, "shift_relative"),
     (covariate_shift.cosine, "shift_cosine")],
)  # fmt: skip
def test_the_shift_of_every_layer_but_the_first_has_its_panel(run, data, name):
    chart = data(run)
    for network, records in run.shift.items():
        layers = records["layer"].values.tolist()
        assert [panel.title for panel in chart.panels] == layers[1:]
        for layer in layers[1:]:
            expected = records[name].sel(layer=layer).values
            np.testing.assert_array_equal(chart.curve(layer, network, name).values, expected)


@pytest.mark.parametrize("network", NETWORKS)
def test_figures_are_drawn_of_networks_that_stopped_at_different_steps(tmp_path, network):
    """As where one of two processes, a network each, was ended first."""
    path = stored.store(tmp_path / "vgg", stored.configuration()).path
    for kind in ("curves", "shift", "landscape", "activations"):
        *_, last = sorted((path / "records" / network).glob(f"{kind}-*.nc"))
        last.unlink()
    run, drawn = load_run(path), set()
    for name, figure in FIGURES.items():
        with contextlib.suppress(NotRecorded):
            figure.data(run)
            drawn.add(name)
    assert drawn >= {name for names in stored.FIGURES.values() for name in names} | {"training"}


def test_of_runs_side_by_side_the_shift_is_the_median_over_the_layers_but_the_first(run):
    lines = {"one": [run]}
    chart = comparison.shifts(lines)
    for panel, network in zip(chart.panels[::2], NETWORKS, strict=True):
        (curve,) = panel.curves
        rest = run.shift[network]["shift_relative"].values[:, 1:]
        np.testing.assert_allclose(curve.values, np.median(rest, axis=1), rtol=1e-12)
        every = np.median(run.shift[network]["shift_relative"].values, axis=1)
        assert not np.allclose(curve.values, every, rtol=1e-3)


def test_of_runs_side_by_side_the_span_is_the_largest_less_the_smallest_loss(run):
    chart = comparison.landscapes({"one": [run]})
    here = run.landscape["bn"].sel(line="gradient, paper")
    losses = here["line_loss"].values[:, : int(here["points"].values[0])].astype(float)
    (curve,) = chart.panels[0].curves
    np.testing.assert_allclose(curve.values, losses.max(1) - losses.min(1), rtol=1e-12)
    assert (curve.values < losses.max(1)).all()


def test_of_runs_side_by_side_theorem_4_1_has_the_sum_of_both_shares(measured):
    chart = comparison.gain({"one": [measured]})
    (curve,) = chart.panels[1].curves
    found = [sum(gradient_bound.shares(invented.at(measured, "bn", site))) for site in invented.SITES]
    np.testing.assert_allclose(curve.values, np.median(np.concatenate(found, axis=1), axis=1), rtol=1e-12)


def test_curves_of_training_are_those_of_the_run(run):
    chart = training.training(run)
    for network, curves in run.curves.items():
        for panel, tested in (("loss", None), ("accuracy", "test_accuracy")):
            raw = curves[panel].values.astype(float)
            np.testing.assert_allclose(chart.curve(panel, network, "mean").values, raw, rtol=1e-12)
            if tested:
                points = chart.curve(panel, network, "test")
                np.testing.assert_allclose(points.values, run.exact[network][tested].values)
    assert not chart.panels[0].marks


def test_the_running_mean_is_that_of_finite_values_and_stops_where_the_loss_does():
    smooth = training.running_mean(np.array([1.0, 3.0, np.nan, 5.0]), 2)
    np.testing.assert_array_equal(smooth, [1.0, 2.0, np.nan, 5.0])
    values = np.random.default_rng(1).standard_normal(40)
    expected = [values[max(0, i - 4) : i + 1].mean() for i in range(40)]
    np.testing.assert_allclose(training.running_mean(values, 5), expected, rtol=1e-10)


def test_a_deep_linear_run_has_its_loss_alone(tmp_path):
    chart = training.training(stored.store(tmp_path / "run", stored.linear_configuration()))
    assert [panel.title for panel in chart.panels] == ["loss"]
    assert {curve.what for curve in chart.panels[0].curves} == {"mean", "test"}


def test_medians_ignore_what_is_not_finite():
    low, middle, high = reading.median_and_band(np.array([[1.0, 2.0, 3.0, np.inf], [np.nan] * 4]))
    assert middle[0] == 2 and low[0] < 2 < high[0] and np.isnan(middle[1])


def test_sites_are_in_the_order_of_the_network(measured):
    assert reading.site_names(measured.exact.values()) == ["conv1", "conv2", "conv10"]


def verdict(key="theorem-4.1", network="bn", **changes):
    numbers = {"kind": "upper bound", "dtype": "float64", "points": 10, "violations": 0, "tolerance": 1e-10,
               "worst": 4e-15, "quantiles": (1e-16, 2e-16, 3e-16), "tightness": 1.5} | changes  # fmt: skip
    return Verdict(key=key, network=network, **numbers)


def test_the_residuals_are_the_median_and_the_worst_of_each_verdict():
    found = residuals.of_verdicts(
        [verdict(), verdict(network="plain", points=0), verdict("fact-c1", worst=1.0, violations=3)], {}
    )
    first, untested, violated = found.marks
    assert (first.median, first.worst, first.tolerance, first.violated) == (1e-16, 4e-15, 1e-10, False)
    assert np.isnan([untested.median, untested.worst]).all()
    assert violated.violated and violated.worst == 1.0
    assert found.rows == [("float64", "theorem-4.1"), ("float64", "fact-c1")]
    with pytest.raises(NotRecorded):
        residuals.of_verdicts([verdict(points=0)], {})


def test_a_density_sums_to_the_share_of_the_values_in_the_bins():
    counts = np.array([1.0, 2.0, 1.0])
    record = xr.Dataset({"counts": ("bin", counts), "low": -3.0, "high": 3.0, "below": 0, "above": 4, "unplaced": 0})
    found = distributions.density(record)
    np.testing.assert_allclose(found.density * np.diff(found.edges), counts / 8)
    assert distributions.density(record.assign(low=np.nan)) is None


def test_histograms_are_those_of_their_network_step_and_site_and_the_film_has_every_step(run):
    found = distributions.histograms(run)
    record = run.activations["plain"].sel(site="conv10", step=found.steps[-1])
    shown = found.found["plain", found.steps[-1], "conv10"]
    np.testing.assert_allclose(shown.edges[[0, -1]], [float(record["low"]), float(record["high"])])
    np.testing.assert_allclose(
        shown.density / shown.density.max(), record["counts"].values / record["counts"].values.max()
    )
    film = json.loads(distributions.film(found))
    assert film["steps"] == list(found.steps) == run.activations["bn"]["step"].values.tolist()
    assert [len(one["frames"]) for one in film["series"]] == [len(found.steps)] * 2
    frame = film["series"][1]["frames"][-1][-1]
    assert frame["low"] == pytest.approx(float(record["low"]))
    width = (frame["high"] - frame["low"]) / len(frame["density"])
    assert sum(frame["density"]) * width == pytest.approx(1, rel=1e-2)


def test_the_mean_is_in_standard_deviations(run):
    data = run.activations["plain"].sel(site="conv10")
    curve = distributions.mean(run).curve("conv10", "plain", "mean").values
    np.testing.assert_allclose(curve, (data["mean"] / data["deviation"]).values, rtol=1e-12)
    assert not np.allclose(curve, data["mean"].values, rtol=0.1)
    shown = distributions.deviation(run).curve("conv10", "plain", "deviation").values
    np.testing.assert_allclose(shown, data["deviation"].values)


def test_where_runs_ended_is_the_mean_of_the_last_tenth(run):
    found = final_values.ends({"one": [run]})
    for network in NETWORKS:
        losses = run.curves[network]["loss"].values
        assert found.losses[network][0][0] == pytest.approx(losses[-1:].mean())
        assert found.scores[network][0][0] == pytest.approx(float(run.exact[network]["test_accuracy"].values[-1]))
