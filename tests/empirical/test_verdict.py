"""Verdicts on stored runs: every claim holds, tampering is found and located, exclusions are counted by name."""

import functools

import numpy as np
import pytest
import xarray as xr

from bnverify.empirical.judgement.verdict import RANGE, TOLERANCES, evaluate, places, verify
from bnverify.empirical.runs.records import load_run, site_dataset
from bnverify.theory import CLAIMS, claims_for

# Claims about batch norm that a run does not test on a network, and why; all others are tested on it. The network with
# batch norm has a positive epsilon, the insertions have none.
NOT_ON_BN = {
    "one-value": "a batch has more values", "two-values": "a batch has more values",
    "observation-4.3": "of a matched insertion", "observation-4.3-minima": "of a matched insertion",
    "kohler-reparametrisation": "inputs have a mean",
    "running-mean": "of a layer", "running-variance": "of a layer", "running-variance-unbiased": "of a layer",
}  # fmt: skip
NOT_ON_PLAIN = {
    "one-value": "a batch has more values", "two-values": "a batch has more values",
    "weight-gradient": "of a network's own norm", "norm-growth": "of a network's own norm",
    "theorem-4.4-layer": "of a network's own norm", "theorem-4.4-layer-bound": "of a network's own norm",
    "sum-rule": "no other norm follows", "sum-rule-exact": "no other norm follows",
    "kohler-reparametrisation": "inputs have a mean",
    "running-mean": "of a layer", "running-variance": "of a layer", "running-variance-unbiased": "of a layer",
}  # fmt: skip


def _needs_no_epsilon(key):
    return any(h.name == "epsilon = 0" for h in CLAIMS[key].hypotheses)


@functools.cache
def _verdicts(path):
    return verify(load_run(path))


def test_every_claim_holds_on_the_run(tiny_run):
    """Theorems on real networks: at every recorded point, in float64, to 2^-40 of what rounding is relative to."""
    verdicts = [v for v in _verdicts(tiny_run.path) if v.dtype == "float64"]
    assert verdicts
    for verdict in verdicts:
        assert verdict.violations == 0, (verdict.key, "\n".join(map(str, verdict.worst_points)))
        if verdict.points:
            assert verdict.worst <= verdict.tolerance == TOLERANCES["float64"][verdict.kind]


@pytest.mark.parametrize("key", [claim.key for claim in claims_for("batch")])
def test_every_claim_is_tested_on_both_networks_where_it_applies(tiny_run, key):
    tested = {v.network: v.points for v in _verdicts(tiny_run.path) if v.dtype == "float64" and v.key == key}
    on_bn = key not in NOT_ON_BN and not _needs_no_epsilon(key)
    assert bool(tested.get("bn")) == on_bn
    assert bool(tested.get("plain")) == (key not in NOT_ON_PLAIN)


def test_claims_about_other_normalisers_are_not_evaluated(tiny_run):
    assert {v.key for v in _verdicts(tiny_run.path)} <= {claim.key for claim in claims_for("batch")}


def test_float32_records_carry_theorem_4_1(tiny_run):
    verdicts = [v for v in _verdicts(tiny_run.path) if v.dtype == "float32" and v.points]
    assert {(v.key, v.network) for v in verdicts} == {
        (k, n) for k in ("theorem-4.1", "theorem-4.1-exact") for n in tiny_run.inline
    }
    assert all(not v.violations for v in verdicts)


@pytest.mark.parametrize("name", ["v_v", "g_g", "s", "gamma", "layer_u_H_u", "w_Hhat_x", "n_y", "W_S_W", "grad_mu"])
def test_a_tampered_quantity_is_a_located_violation(tiny_run, name):
    records = tiny_run.exact["bn"].copy(deep=True)
    where = {"step": 1, "site": 3} | ({"channel": 0} if "channel" in records[name].dims else {})
    if name == "w_Hhat_x":
        where["channel"] = int(np.flatnonzero(records["sampled"].values[1, 3])[0])
    records[name][where] *= 1 + 1e-6
    judged = places(records)
    found = [evaluate(claim, judged, network="bn") for claim in claims_for("batch")]
    broken = [v for v in found if v is not None and v.violations]
    assert broken
    for verdict in broken:
        point = verdict.worst_points[0]
        assert (point.step, point.site) == (int(records["step"][1]), "conv4")
        assert point.left != point.right and verdict.status == "violated"
        assert "conv4" in str(point)


def test_exclusions_are_counted_apart(tiny_run):
    records = tiny_run.exact["bn"].copy(deep=True)
    records["g_g"][{"step": 0, "site": 0, "channel": 0}] = np.nan
    for name in ("s", "deviation"):
        records[name][{"step": 0, "site": 1, "channel": 1}] = 0.0
    for name in ("v_v", "g_g", "one_g", "a"):
        records[name][{"step": 0, "site": 2, "channel": 0}] = 0.0
    records["mu"][{"step": 0, "site": 3, "channel": 0}] = 1e12
    claim = CLAIMS["theorem-4.1-exact"]
    whole = evaluate(claim, tiny_run.exact["bn"], network="bn")
    verdict = evaluate(claim, records, network="bn")
    assert verdict.excluded == {"non-finite": 1, "constant channel": 1, "all terms zero": 1, "below rounding": 1}
    assert (verdict.points, verdict.violations) == (whole.points - 4, 0)
    printed = evaluate(CLAIMS["theorem-4.2"], records, network="bn")
    assert printed.status == "not tested" and "outside the hypothesis epsilon = 0" in printed.excluded


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_out_of_numbers_is_a_violation(tiny_run, value):
    records = tiny_run.exact["bn"].copy(deep=True)
    records["v_v"][{"step": 0, "site": 3, "channel": 0}] = value
    verdict = evaluate(CLAIMS["theorem-4.1-exact"], records, network="bn")
    assert (verdict.violations, verdict.worst) == (1, np.inf) and "conv4" in str(verdict.worst_points[0])


@pytest.mark.parametrize(
    ("key", "inside", "outside"),
    [
        ("theorem-4.1-exact", 1e-11, 1e-12),  # 1/s^3 times m is beyond 3e38 there, and 1/s^2 far below
        ("theorem-4.1-exact", 1e10, 1e12),
        ("theorem-4.2-exact", 1e-6, 1e-7),  # 1/s^5, and 1/s^4
        ("theorem-4.2-exact", 1e5, 1e6),
    ],
)
def test_derivatives_of_a_scale_leave_the_range_of_a_type_where_its_odd_power_does(tiny_run, key, inside, outside):
    """What is no number there is nobody's fault; where it could be one, it is a violation."""
    for s, beyond in ((inside, False), (outside, True)):
        records = tiny_run.exact["plain"].sel(site=["conv1"]).copy(deep=True)
        for name, value in {"s": s, "deviation": s, "mu": 0.0, "g_g": 1.0, "gamma": 1.0}.items():
            records[name] = records[name] * 0 + value
        records["v_v"][:] = np.inf
        verdict = evaluate(CLAIMS[key], records, network="plain", dtype="float32")
        assert (f"{RANGE} float32" in verdict.excluded, bool(verdict.violations)) == (beyond, not beyond), verdict


def test_a_constant_channel_is_counted_apart_in_claims_about_its_layer(tiny_run):
    """One is enough: the layer's quantities are sums over all of its channels."""
    claim = CLAIMS["theorem-4.2-layer"]
    whole = evaluate(claim, tiny_run.exact["plain"], network="plain")
    records = tiny_run.exact["plain"].copy(deep=True)
    for name in ("s", "deviation"):
        records[name][{"step": 0, "site": 2, "channel": 1}] = 0.0
    verdict = evaluate(claim, records, network="plain")
    assert verdict.excluded.get("constant channel") == 1 and verdict.points == whole.points - 1 > 0


def test_a_bound_is_as_tight_as_where_its_left_side_is_more_than_rounding(tiny_run):
    records = tiny_run.exact["bn"].copy(deep=True)
    claim = CLAIMS["theorem-4.1"]
    last = evaluate(claim, records.isel(step=[-1]), network="bn").tightness
    records["v_v"][{"step": slice(0, -1)}] *= 1e-25
    verdict = evaluate(claim, records, network="bn")
    assert verdict.tightness == last >= 1 and not verdict.violations and verdict.points > 0


def test_printed_4_2_would_fail_outside_its_hypothesis(tiny_run):
    """The hypothesis is what keeps it from being a violation: dropped, the printed form fails on the same records."""
    import dataclasses

    claim = dataclasses.replace(CLAIMS["theorem-4.2-layer"], hypotheses=())
    assert evaluate(claim, tiny_run.exact["bn"], network="bn").violations > 0


def test_verdict_renders_as_latex(tiny_run):
    verdict = evaluate(CLAIMS["theorem-4.1"], tiny_run.exact["bn"], network="bn")
    shown = verdict._repr_latex_()
    assert shown.startswith("$")
    assert CLAIMS["theorem-4.1"].latex in shown
    assert f"{verdict.points} points" in shown


def test_what_is_needed_inside_a_hypothesis_only_is_not_missed_outside(tiny_run):
    """v'Hv is not measured in the network with batch norm, whose epsilon is not 0: its absence is no failure."""
    records = tiny_run.exact["bn"]
    assert np.isnan(records["v_H_v"]).all()
    verdict = evaluate(CLAIMS["theorem-4.2"], records, network="bn")
    assert set(verdict.excluded) == {"outside the hypothesis epsilon = 0"} and verdict.status == "not tested"
    lost = records.copy(deep=True)
    lost["epsilon"][:] = np.nan  # then the hypothesis cannot be decided
    assert "non-finite" in evaluate(CLAIMS["theorem-4.2"], lost, network="bn").excluded


def test_flagged_hypotheses_are_counted_by_name(tiny_run):
    """Kinks of a scale, clipped corrections and inputs with a mean are flags of the records."""
    records = tiny_run.exact["bn"].copy(deep=True)
    claim = CLAIMS["normalizer-jacobian"]
    whole = evaluate(claim, records, network="bn")
    records["smooth"][{"step": 0, "site": 2, "channel": 1}] = 0
    records["w_Jx"][{"step": 0, "site": 2, "channel": 1}] = 1e9
    verdict = evaluate(claim, records, network="bn")
    assert verdict.excluded == {"outside the hypothesis differentiable scale": 1}
    assert (verdict.points, verdict.violations) == (whole.points - 1, 0)
    reparametrised = evaluate(CLAIMS["kohler-reparametrisation"], records, network="bn")
    assert set(reparametrised.excluded) == {"outside the hypothesis zero-mean inputs"}


def test_few_values_are_counted_where_the_claim_is_about_them(tiny_run):
    records = tiny_run.exact["plain"].copy(deep=True)
    width = int(records["channels"][0, 0])
    records["m"][{"step": 0, "site": 0}] = 2
    records["v_v"][{"step": 0, "site": 0}] = 0.0
    verdict = evaluate(CLAIMS["two-values"], records, network="plain")
    assert verdict.points + verdict.excluded.get("all terms zero", 0) == width and not verdict.violations
    records["v_v"][{"step": 0, "site": 0}] = 1.0
    assert evaluate(CLAIMS["two-values"], records, network="plain").violations == verdict.points > 0
    records["m"][{"step": 0, "site": 0}] = 1
    assert evaluate(CLAIMS["one-value"], records, network="plain").violations == width
    records["yhat_yhat"][{"step": 0, "site": 0}] = 0.0
    assert evaluate(CLAIMS["one-value"], records, network="plain").points == width


def test_vectors_that_are_no_channels_keep_their_numbers(tmp_path):
    """Two sites, three of many vectors each: a violation is reported under the number of its vector."""
    one = np.ones(1)
    quantities = {name: np.ones(3) for name in ("s", "w_Jx", "n_x", "w_Px", "w_yhat")} | {"m": 5 * one, "mu": 0 * one}
    quantities |= {"mu": np.zeros(3), "deviation": np.ones(3), "smooth": np.full(3, True)}
    quantities |= {"w_Px": np.full(3, 2.0), "vector": np.array([4, 17, 90], np.int32)}
    broken = quantities | {"w_Jx": np.array([1.0, 1.0, 3.0])}
    records = xr.concat([site_dataset(0, {"a": quantities, "b": broken})], "step")
    assert records["vector"].dtype == np.int32 and records["smooth"].dtype == np.int8
    verdict = evaluate(CLAIMS["normalizer-jacobian"], records, network="bn")
    assert (verdict.points, verdict.violations) == (6, 1)
    assert (verdict.worst_points[0].site, verdict.worst_points[0].channel) == ("b", 90)


@pytest.mark.parametrize(("size", "reason"), [(1.0, None), (1e-19, "below rounding")])
def test_what_float32_loses_below_its_smallest_number_is_no_violation(tiny_run, size, reason):
    """A gradient of 1e-16 and smaller has squares near 1e-38, of which some digits or all are gone."""
    records = tiny_run.inline["plain"].copy(deep=True).astype(float)
    claim = CLAIMS["theorem-4.1-exact"]
    for name, power in (("g_g", 2), ("v_v", 2), ("a", 1), ("one_g", 1)):
        unit = np.sqrt(tiny_run.inline["plain"]["g_g"].max())
        records[name] = records[name] * (size / unit) ** power
    records["v_v"] = records["v_v"] * 1.001
    verdict = evaluate(claim, records, network="plain", dtype="float32")
    if reason is None:
        assert verdict.violations > 0.9 * verdict.points > 0
    else:
        assert verdict.violations == 0 and verdict.excluded[reason] > 0
