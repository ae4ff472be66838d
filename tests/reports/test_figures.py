"""Every figure is found by name, drawn without a warning, the same twice, and skipped where nothing was recorded."""

import dataclasses

import matplotlib
import numpy as np
import pytest
import stored

from bnverify.reports import style
from bnverify.reports.alignment import positive_share
from bnverify.reports.figures import FIGURES
from bnverify.reports.gradient_bound import shares
from bnverify.reports.initialisation import distances
from bnverify.reports.panels import NotRecorded, at_site, median_and_band, site_names
from bnverify.reports.training_curves import running_mean


@pytest.mark.parametrize("name", FIGURES)
def test_a_run_without_records_is_said_to_be_one(name, tiny_run, tmp_path):
    empty = dataclasses.replace(tiny_run, path=tmp_path)
    with pytest.raises(NotRecorded):
        FIGURES[name](empty)


def test_axes_are_named(tiny_run):
    along = {name for names in stored.FIGURES.values() for name in names}  # see test_trajectory_figures
    for plot in (plot for plot in FIGURES.values() if plot.name not in along):
        figure = plot(tiny_run)
        names = [axes.get_xlabel() for axes in figure.axes] + [figure.get_supxlabel()]
        assert any("step" in name or "residual" in name for name in names), plot.name


def test_the_two_networks_differ_in_grey():
    def grey(colour):
        red, green, blue = matplotlib.colors.to_rgb(colour)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    assert abs(grey(style.COLOURS["bn"]) - grey(style.COLOURS["plain"])) > 0.25
    assert style.LINES["bn"] != style.LINES["plain"]
    assert style.MARKERS["bn"] != style.MARKERS["plain"]


def test_the_shares_of_theorem_4_1_add_up_to_what_was_measured(tiny_run):
    names = ("m", "g_g", "one_g", "a", "rho", "v_v", "s", "gamma")
    q = at_site(tiny_run.exact["bn"], "conv7", names)
    mean, alignment = shares(q)
    measured = 1 - q["v_v"] * q["s"] ** 2 / (q["gamma"] ** 2 * q["g_g"])
    np.testing.assert_allclose(mean + alignment, measured, rtol=1e-9)
    assert not np.allclose(mean, measured, rtol=1e-3)


@pytest.mark.parametrize("network", ["bn", "plain"])
def test_distances_start_at_zero_and_the_ray_is_not_farther_than_the_weights(tiny_run, network):
    names = ("layer_W0_W0", "layer_W0_Wstar", "layer_Wstar_Wstar", "layer_distance2", "distance2")
    moved, ray, rays = distances(at_site(tiny_run.exact[network], "conv5", names))
    assert moved[0] == pytest.approx(0, abs=1e-7)
    assert moved[-1] > 1e-5
    assert np.all(ray <= moved + 1e-7)
    assert np.all(rays <= ray + 1e-7)


def test_dead_channels_are_left_out_of_the_share_of_positive_alignment():
    a = np.array([[1.0, -1.0, 0.0, np.nan], [0.0, 0.0, 0.0, 0.0]])
    g_g = np.array([[1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    share = positive_share(a, g_g)
    assert share[0] == 0.5
    assert np.isnan(share[1])


def test_medians_ignore_what_is_not_finite():
    low, middle, high = median_and_band(np.array([[1.0, 2.0, 3.0, np.inf], [np.nan] * 4]))
    assert middle[0] == 2
    assert low[0] < 2 < high[0]
    assert np.isnan(middle[1])


def test_sites_are_in_the_order_of_the_network(tiny_run):
    assert site_names(tiny_run.inline.values()) == [f"conv{i}" for i in range(1, 11)]


def test_the_running_mean_stops_where_the_loss_does():
    smooth = running_mean(np.array([1.0, 3.0, np.nan, 5.0]), 2)
    np.testing.assert_array_equal(smooth, [1.0, 2.0, np.nan, 5.0])
