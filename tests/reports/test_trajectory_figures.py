"""Figures of landscape, covariate shift and activations show what the records hold, and say when there is nothing."""

import dataclasses
import re
import shutil

import numpy as np
import pytest
import stored
import xarray as xr

from bnverify.empirical.runs.records import load_run, write_dataset
from bnverify.reports import activations, covariate_shift, landscape, naming, style
from bnverify.reports.figures import FIGURES
from bnverify.reports.formula import to_mathtext
from bnverify.reports.pages import parses
from bnverify.reports.panels import NotRecorded, short_log_axis

KIND = {name: kind for kind, names in stored.FIGURES.items() for name in names}
# A quantity that each figure draws, along a line where it has one.
DRAWN = {
    "landscape": ("line_loss", "gradient, paper"), "landscape-random": ("effective_beta", "random, paper"),
    "linearity": ("nonlinearity2", "random, paper"), "landscape-relative": ("normalised_curvature", None),
    "covariate-shift": ("shift", None), "covariate-shift-relative": ("shift_relative", None),
    "covariate-shift-cosine": ("shift_cosine", None), "distributions": ("counts", None), "moments": ("mean", None),
    "moments-deviation": ("deviation", None),
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return stored.store(tmp_path_factory.mktemp("runs") / "vgg", stored.configuration())


@pytest.fixture(scope="module")
def linear(tmp_path_factory):
    return stored.store(tmp_path_factory.mktemp("runs") / "linear", stored.linear_configuration())


def altered(run, folder, kind, change, network="plain"):
    """A copy of the run with ``change`` applied to the network's records of a kind."""
    shutil.copytree(run.path, folder)
    for file in (folder / "records" / network).glob(f"{kind}-*.nc"):
        with xr.open_dataset(file, engine="scipy") as part:
            data = part.load()
        write_dataset(file, change(data))
    return load_run(folder)


def scaled(name, line):
    """Other values of the quantity at its last site or layer, or on the line."""

    def change(data):
        values = data[name].copy(deep=True)
        last = {"site": -1, "layer": -1, "line": list(data["line"].values).index(line) if line else None}
        where = {dimension: last[dimension] for dimension in values.dims if dimension in last}
        counts = values.dtype.kind == "i"
        values[where] = values[where] * np.arange(values.shape[-1], dtype=np.int32) if counts else 0.8 * values[where]
        return data.assign({name: values})

    return change


def lines_of(axes, network):
    """The curves of a network in a panel, as drawn."""
    return [np.asarray(line.get_ydata()) for line in axes.lines if line.get_color() == style.COLOURS[network]]


@pytest.mark.parametrize("name", KIND)
def test_every_figure_is_drawn_the_same_twice_and_its_axes_are_named(name, run, linear):
    for one in (run, linear):
        figure = FIGURES[name](one)
        texts = [axes.get_ylabel() for axes in figure.axes] + [figure.get_supylabel(), figure.get_supxlabel()]
        assert any("unit)" in text or "nats)" in text for text in texts), texts
        assert any("step" in text for text in [*texts, *(axes.get_xlabel() for axes in figure.axes)])
    written = style.pdf_bytes(FIGURES[name](run))
    assert written == style.pdf_bytes(FIGURES[name](load_run(run.path)))
    assert b"/Subtype /Image" not in written


@pytest.mark.parametrize("name", KIND)
def test_another_number_gives_another_figure(name, run, tmp_path):
    before = style.pdf_bytes(FIGURES[name](run))
    changed = altered(run, tmp_path / "changed", KIND[name], scaled(*DRAWN[name]))
    assert style.pdf_bytes(FIGURES[name](changed)) != before
    unused = {"landscape": "slope", "shift": "updated_gradient_norm", "activations": "skewness"}[KIND[name]]
    other = altered(run, tmp_path / "other", KIND[name], lambda data: data.assign({unused: 0.8 * data[unused] + 1}))
    assert style.pdf_bytes(FIGURES[name](other)) == before


@pytest.mark.parametrize("name", KIND)
def test_a_run_that_did_not_measure_it_is_said_to_be_one(name, run, tmp_path):
    shutil.copytree(run.path, tmp_path / "run")
    for network in ("bn", "plain"):
        for file in (tmp_path / "run" / "records" / network).glob(f"{KIND[name]}-*.nc"):
            file.unlink()
    without = load_run(tmp_path / "run")
    with pytest.raises(NotRecorded, match="recorded"):
        FIGURES[name](without)
    assert FIGURES[name].height_of(without) > 0
    present = next(other for other in KIND if KIND[other] != KIND[name])
    FIGURES[present](without)


def test_another_line_is_not_taken_for_the_gradient(run):
    records = {network: data.drop_sel(line=landscape.GRADIENT) for network, data in run.landscape.items()}
    other = dataclasses.replace(run)
    object.__setattr__(other, "landscape", records)
    with pytest.raises(NotRecorded, match="gradient, paper"):
        FIGURES["landscape"](other)
    FIGURES["landscape-random"](other)


def test_the_landscape_is_smallest_to_largest_over_the_points(run):
    panels = FIGURES["landscape"](run).axes
    for network, data in run.landscape.items():
        here = data.sel(line="gradient, paper")
        points = int(here["points"].values[0])
        losses = here["line_loss"].values[:, :points]
        assert np.isnan(here["line_loss"].values[:, points:]).all() and losses.shape[1] == 8
        low, high = lines_of(panels[0], network)
        np.testing.assert_array_equal(low, losses.min(1))
        np.testing.assert_array_equal(high, losses.max(1))
        (beta,) = lines_of(panels[2], network)
        ratios = here["predictiveness"].values[:, :points] / here["distance"].values[:, :points]
        np.testing.assert_allclose(beta, ratios.max(1), rtol=1e-12)
        assert not np.allclose(beta, ratios.min(1), rtol=0.05)
    assert panels[0].get_yscale() == panels[1].get_yscale() == panels[2].get_yscale() == "log"


def test_a_step_with_a_point_that_is_not_finite_is_a_gap(run, tmp_path):
    def broken(data):
        values = data["line_loss"].copy(deep=True)
        if int(data["step"].values[0]) == 4:
            values[{"line": 0, "point": 3}] = np.inf
        return data.assign(line_loss=values)

    panel = FIGURES["landscape"](altered(run, tmp_path / "run", "landscape", broken)).axes[0]
    for edge in lines_of(panel, "plain"):
        assert np.isnan(edge[2]) and np.isfinite(np.delete(edge, 2)).all()
    assert all(np.isfinite(edge).all() for edge in lines_of(panel, "bn"))


def test_the_shift_of_every_layer_but_the_first_has_its_panel(run, linear):
    for one, count in ((run, 12), (linear, 24)):
        figure = FIGURES["covariate-shift-cosine"](one)
        names = [axes.get_title() for axes in figure.axes if axes.get_visible()]
        data = one.shift["bn"]
        assert names == data["layer"].values.tolist()[1:] and len(names) == count
        for axes, name in zip(figure.axes, names, strict=False):
            (curve,) = lines_of(axes, "bn")
            np.testing.assert_array_equal(curve, data["shift_cosine"].sel(layer=name).values)
            assert axes.get_ylim()[1] > 1


@pytest.mark.parametrize("name", KIND)
def test_matplotlib_sets_the_formulas_of_a_caption(name):
    formulas = re.findall(r"\$(.+?)\$", FIGURES[name].caption)
    assert all(parses(f"${to_mathtext(formula)}$") for formula in formulas), formulas


def test_panels_fill_their_grid():
    assert [covariate_shift.columns(count) for count in (1, 10, 12, 24, 25)] == [1, 5, 4, 6, 5]


def test_a_density_sums_to_the_share_of_the_values_in_the_bins():
    counts = np.array([1.0, 2.0, 1.0])
    record = xr.Dataset({"counts": ("bin", counts), "low": -3.0, "high": 3.0, "below": 0, "above": 4, "unplaced": 0})
    values, edges = activations.density(record)
    assert (values * np.diff(edges)).sum() == pytest.approx(0.5)
    assert activations.density(record.assign(low=np.nan)) is None


def test_activations_that_are_not_finite_are_said_to_be(run, tmp_path):
    lost = altered(run, tmp_path / "run", "activations", lambda data: data.assign(low=data["low"] * np.nan))
    figure = FIGURES["distributions"](lost)
    assert {text.get_text() for axes in figure.axes for text in axes.texts} == {"not finite"}
    assert not [text for axes in FIGURES["distributions"](run).axes for text in axes.texts]


def test_the_mean_is_drawn_in_standard_deviations(run):
    data = run.activations["plain"].sel(site="conv10")
    (curve,) = (c for c in lines_of(FIGURES["moments"](run).axes[9], "plain"))
    np.testing.assert_allclose(curve, (data["mean"] / data["deviation"]).values, rtol=1e-12)
    assert not np.allclose(curve, data["mean"].values, rtol=0.1)


def test_networks_are_called_after_what_stands_in_them(run):
    config = stored.configuration
    assert naming.labels(config()) == {"bn": "with batch norm", "plain": "without batch norm"}
    assert naming.labels(config(normalizer="l1-uncentred", noise=True)) == {
        "bn": "with $l_1$ norm and noise", "plain": "without normaliser, with noise"
    }  # fmt: skip
    assert naming.labels(config(normalizer="batch-renorm"))["bn"] == "with batch renorm"


def test_a_deep_linear_run_has_a_training_figure_of_its_loss(linear, run):
    assert len(FIGURES["training"](linear).axes) == 1
    assert len(FIGURES["training"](run).axes) == 2


@pytest.mark.parametrize("span", [1.01, 1.5, 4.0, 50.0, 1e6])
def test_a_short_logarithmic_axis_has_ticks(span):
    with style.look():
        figure = style.new_figure(5.0)
        axes = figure.subplots()
        short_log_axis(axes, [np.array([3.0, 3.0 * span]), np.array([np.nan, -1.0])])
        low, high = axes.get_ylim()
        ticks = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert low <= 3.0 and high >= 3.0 * span
    assert 2 <= len(ticks) <= 8, ticks


@pytest.mark.slow
def test_a_trained_run_has_every_figure(tmp_path):
    from bnverify.empirical.runs.experiment import load_data
    from bnverify.empirical.runs.run import train

    config = stored.linear_configuration(steps=4)
    run = train(config, load_data(config), tmp_path / "run")
    for name in KIND:
        assert style.pdf_bytes(FIGURES[name](run)).startswith(b"%PDF")
