"""The shares that the theorems subtract, on invented gradients whose shares are known, and on a trained run."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from bnverify.empirical.experiments.comparable import WHOLE
from bnverify.empirical.experiments.subtracted import (
    CHANCE,
    RARE,
    _by_scale,
    curvature_shares,
    first_order_shares,
    medians,
    shares,
    table,
)
from bnverify.empirical.measurement.reductions import first_order
from bnverify.reports.chapters.subtracted import section, sentence
from bnverify.reports.document.wording import scientific
from bnverify.reports.figures import style
from bnverify.reports.figures.catalogue import FIGURES
from bnverify.reports.figures.subtracted import alignment_against_chance, subtracted_shares

M, CHANNELS = 400, 301


def _records(direction, gamma=2.0, spread=3.0):
    """Theorem 4.1's quantities at one site for g = direction(yhat, noise), v by its definition."""
    rng = np.random.default_rng([7, 11])
    y = spread * rng.standard_normal((M, CHANNELS))
    yhat = (y - y.mean(0)) / y.std(0)
    g = direction(yhat, rng.standard_normal((M, CHANNELS)))
    v = gamma / y.std(0) * (g - g.mean(0) - yhat * (g * yhat).mean(0))
    found = first_order(y, g, v, np.full(CHANNELS, gamma), 0.0)
    data = {
        name: (("step", "site") if value.size == 1 else ("step", "site", "channel"), np.asarray(value)[None, None])
        if value.size > 1 else (("step", "site"), np.asarray(value).reshape(1, 1))
        for name, value in found.items()
    }  # fmt: skip
    return xr.Dataset(data, {"step": [0], "site": ["conv1"]}), g, v


def test_a_random_direction_is_at_chance():
    records, _, _ = _records(lambda yhat, noise: noise)
    found = first_order_shares(records)
    assert pytest.approx(0.4549, abs=1e-4) == CHANCE
    assert found["alignment"].item() == pytest.approx(CHANCE, abs=0.15)
    assert found["mean"].item() == pytest.approx(CHANCE, abs=0.15)
    assert found["share"].item() == pytest.approx(found["chance"].item(), rel=0.2)
    assert found["chance"].item() == 2 / M
    assert pytest.approx(3.8415, abs=1e-4) == RARE
    assert 0.02 < found["rare"].item() < 0.09  # one channel in twenty, of 301


@pytest.mark.parametrize(("along", "share"), [(0.0, 0.0), (1.0, 0.5), (3.0, 0.9)])
def test_a_known_alignment_is_found(along, share):
    """g = along yhat + n, n of the same length as yhat and orthogonal to it and to 1: share = along^2/(1 + along^2)."""

    def direction(yhat, noise):
        noise = noise - noise.mean(0)
        noise = noise - yhat * (noise * yhat).mean(0)
        return along * yhat + noise / noise.std(0)

    records, g, v = _records(direction)
    found = first_order_shares(records)
    assert found["share"].item() == pytest.approx(share, abs=1e-12)
    assert found["alignment"].item() == pytest.approx(M * share, abs=1e-9)
    assert found["mean"].item() == pytest.approx(0, abs=1e-20)
    factor = found["factor"].item()
    assert factor == pytest.approx(2 / 3, rel=0.05)
    assert found["reduction"].item() == pytest.approx((v * v).sum() / (g * g).sum(), rel=1e-12)
    # The theorem itself: what is left of |g|^2, times the factor.
    assert found["reduction"].item() == pytest.approx((1 - share) * (4 / 9), rel=0.05)


def test_the_share_counts_the_mean_too():
    records, _, _ = _records(lambda yhat, noise: 1.0 + 0 * yhat)
    assert first_order_shares(records)["share"].item() == pytest.approx(1)


def test_curvature_term_over_the_quadratic_form():
    records, _, _ = _records(lambda yhat, noise: yhat + 0.1 * noise)
    term = (records["gamma"] * records["a"] * records["v_v"] / (M * records["s"] ** 2)).sum().item()
    whole = records.assign(layer_u_H_u=(("step", "site"), [[-4 * term]]))
    assert curvature_shares(whole)["curvature"].item() == pytest.approx(0.25)
    assert not curvature_shares(records).data_vars


def test_how_much_is_the_factor():
    assert _by_scale(0.0, 0.25) == 1.0
    assert _by_scale(0.75, 0.25) == pytest.approx(0.0)
    assert _by_scale(0.5, 0.25) == pytest.approx(0.5)
    assert np.isnan(_by_scale(0.5, 0.0))


def test_on_a_trained_run(tiny_run):
    for network in ("bn", "plain"):
        data = shares(tiny_run, network)
        assert data["step"].values.tolist() == [0, 2, 4, 6]
        exact, step = tiny_run.exact[network].sel(step=4), data.sel(step=4)
        # By another route: 1 - (what is left of |g|^2), from the measured v.
        left = (exact["v_v"] * (exact["s"] / exact["gamma"]) ** 2).sum("channel") / exact["g_g"].sum("channel")
        slack = ((1 - exact["rho"]) * exact["a"] ** 2).sum("channel") / (exact["m"] * exact["g_g"].sum("channel"))
        np.testing.assert_allclose(1 - step["share"].values, left.values, atol=1e-4 + float(abs(slack).max()))
        assert np.isfinite(data["curvature"].sel(step=[0, 4, 6]).values).all()
    rows = table(tiny_run)
    assert {row.network for row in rows} == {"bn", "plain"} and all(0 <= row.values["share"] <= 1 for row in rows)
    found = medians(tiny_run)
    for network in ("bn", "plain"):
        here = [row.values for row in rows if row.network == network and row.phase.name == WHOLE]
        assert len(here) == 10 and found[network]["share"] == np.median([values["share"] for values in here])
        over = np.median([values["share"] / values["chance"] for values in here])
        assert found[network]["at chance"] == pytest.approx(over)
    assert found["plain"]["factor"] == pytest.approx(1)  # a matched normalisation
    assert medians(tiny_run, "no phase") == {}


def test_reports_tell_these_numbers(tiny_run):
    found, rows = medians(tiny_run), table(tiny_run)
    told = sentence(tiny_run)
    for network in ("bn", "plain"):
        assert f"{found[network]['at chance']:.2g} times what random directions lose" in told
    assert f"{found['bn']['by scale']:.1%} of the change" in told
    assert f"subtracts {scientific(found['bn']['share'])} of" in told
    assert f"and {scientific(found['plain']['share'])} of" in told
    by_layer, by_phase = section(tiny_run).blocks[1:]
    assert [row[0] for row in by_layer.rows] == [n for i in range(1, 11) for n in (f"conv{i}", "")]
    third = next(row for row in rows if (row.network, row.phase.name, row.site) == ("bn", WHOLE, "conv3")).values
    assert by_layer.rows[4][2:7] == (
        scientific(third["share"]), scientific(third["chance"]), f"{third['alignment']:.2f}", f"{third['rare']:.0%}",
        f"{third['factor']:.2f}",
    )  # fmt: skip
    assert by_phase.rows[0][:3] == (WHOLE, "with batch norm", f"{found['bn']['at chance']:.2f}")
    bare = SimpleNamespace(exact={}, inline={}, curves={}, config=tiny_run.config)
    assert section(bare) is None and sentence(bare) == ""


def test_figures_show_these_numbers(tiny_run):
    for name in ("alignment-chance", "subtracted"):
        assert "<svg" in style.svg_text(FIGURES[name].drawing(tiny_run).figure())
    chart = alignment_against_chance(tiny_run)
    assert [panel.title for panel in chart.panels] == [f"conv{i}" for i in range(1, 11)]
    assert all(panel.rules == (CHANCE,) for panel in chart.panels)
    shown = chart.curve("conv3", "plain", "alignment")
    np.testing.assert_array_equal(shown.values, shares(tiny_run, "plain")["alignment"].sel(site="conv3").values)
    other = subtracted_shares(tiny_run)
    found = shares(tiny_run, "bn").sel(site="conv5")
    np.testing.assert_array_equal(other.curve("conv5", "bn", "share").values, found["share"].values)
    assert other.curve("conv5", "bn", "curvature").steps.tolist() == [0, 4, 6]
    np.testing.assert_array_equal(other.curve("conv5", "", "chance").values, found["chance"].values)
