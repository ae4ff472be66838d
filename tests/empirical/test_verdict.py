"""Verdicts on stored runs: every claim holds, tampering is found and located, exclusions are counted by name."""

import numpy as np
import pytest

from empirical.verdict import TOLERANCES, evaluate, verify
from theory import CLAIMS

PLAIN_ONLY = {k for k in CLAIMS if k.startswith(("observation", "lemma"))} | {"theorem-4.2", "theorem-4.2-layer"}
BN_ONLY = {"weight-gradient"}


@pytest.mark.parametrize("key", list(CLAIMS))
def test_claim_holds_on_the_run(stored_run, key):
    """Theorems on real networks: at every recorded point, in float64, to 1e-10 of their terms."""
    tested = 0
    for network, records in stored_run.exact.items():
        verdict = evaluate(CLAIMS[key], records, network=network)
        if verdict is None:
            continue
        assert verdict.violations == 0, "\n".join(map(str, verdict.worst_points))
        tested += verdict.points
        if verdict.points:
            assert verdict.worst <= verdict.tolerance == TOLERANCES["float64"][verdict.kind]
    assert tested > 0


def test_every_claim_is_tested_on_both_networks_where_it_applies(stored_run):
    verdicts = {(v.key, v.network): v for v in verify(stored_run) if v.dtype == "float64"}
    for key in CLAIMS:
        expected = {"plain"} if key in PLAIN_ONLY else {"bn"} if key in BN_ONLY else {"bn", "plain"}
        assert {n for n in ("bn", "plain") if (key, n) in verdicts and verdicts[key, n].points} == expected, key


def test_float32_records_carry_theorem_4_1(stored_run):
    verdicts = [v for v in verify(stored_run) if v.dtype == "float32"]
    assert {(v.key, v.network) for v in verdicts} == {
        (k, n) for k in ("theorem-4.1", "theorem-4.1-exact") for n in ("bn", "plain")
    }
    assert all(v.points and not v.violations for v in verdicts)


@pytest.mark.parametrize("name", ["v_v", "g_g", "s", "gamma", "layer_u_H_u", "w_Hhat_x"])
def test_a_tampered_quantity_is_a_located_violation(tiny_run, name):
    records = tiny_run.exact["bn"].copy(deep=True)
    where = {"step": 1, "site": 3} | ({"channel": 0} if "channel" in records[name].dims else {})
    if name == "w_Hhat_x":
        where["channel"] = int(np.flatnonzero(records["sampled"].values[1, 3])[0])
    records[name][where] *= 1 + 1e-6
    found = [evaluate(claim, records, network="bn") for claim in CLAIMS.values()]
    broken = [v for v in found if v is not None and v.violations]
    assert broken
    for verdict in broken:
        point = verdict.worst_points[0]
        assert (point.step, point.site) == (int(records["step"][1]), "conv4")
        assert point.left != point.right and verdict.status == "violated"
        assert "conv4" in str(point)


def test_exclusions_are_counted_apart(tiny_run):
    records = tiny_run.exact["bn"].copy(deep=True)
    records["v_v"][{"step": 0, "site": 0, "channel": 0}] = np.nan
    records["rho"][{"step": 0, "site": 1, "channel": 1}] = 0.0
    records["m"][{"step": 0, "site": 2}] = 2
    records["m"][{"step": 0, "site": 3}] = 1
    claim = CLAIMS["theorem-4.1-exact"]
    whole = evaluate(claim, tiny_run.exact["bn"], network="bn")
    verdict = evaluate(claim, records, network="bn")
    two, three = (int(records["channels"][0, i]) for i in (2, 3))
    assert verdict.excluded == {"non-finite": 1, "constant channel": 1, "m = 2": two, "m = 1": three}
    assert verdict.points == whole.points - 2 - two - three
    printed = evaluate(CLAIMS["theorem-4.2"], records, network="bn")
    assert printed.status == "not tested" and "outside the hypothesis epsilon = 0" in printed.excluded


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
