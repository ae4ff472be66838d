"""Verdicts in ball arithmetic: true claims hold, false ones are refused, for certain, however little they are false."""

import dataclasses
import math
import sys
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from bnverify.cli import app
from bnverify.commands import rigorous as command
from bnverify.empirical.normalization.batch import batch_norm
from bnverify.empirical.rigorous import HOLDS, UNDECIDED, VIOLATED, Channel, certain, covered, places
from bnverify.empirical.rigorous.certain import APART, BEYOND, NO_SPREAD, NOTHING, all_certain, claims, distance
from bnverify.empirical.runs import experiment
from bnverify.errors import InputError, MachineError
from bnverify.theory import CLAIMS, QUANTITIES, Hypothesis
from bnverify.theory.proof.quantities import rho

pytest.importorskip("flint", reason="the extra rigorous is not installed")
EXACT = CLAIMS["theorem-4.1-exact"]


def channel(m=64, epsilon=1e-5, offset=0.0, gamma=-1.3, seed=0):
    source = np.random.default_rng(seed)
    y, g = source.standard_normal(m) + offset, source.standard_normal(m)
    v = jax.vjp(lambda y: batch_norm(y, jnp.full(1, gamma), jnp.full(1, 0.25), epsilon), y[:, None])[1](g[:, None])[0]
    return Channel(y, g, gamma, 0.25, epsilon, v=np.asarray(v)[:, 0])


def changed(claim, **parts):
    """Another claim under another key; what proves the old one is kept, and not asked."""
    return dataclasses.replace(claim, key=f"changed-{claim.key}", **parts)


@pytest.mark.parametrize("m", [1, 2, 3, 64, 4096])
@pytest.mark.parametrize(("epsilon", "offset"), [(0.0, 0.0), (1e-5, 0.0), (1e-5, 1e6)])
def test_claims_hold(m, epsilon, offset):
    if m == 1 and epsilon == 0:
        pytest.skip("one value has no variance")
    at = channel(m, epsilon, offset)
    for found in all_certain(claims(), at):
        if found.verdict == UNDECIDED:  # nothing is left of v at so few values, and nothing of the slack at epsilon = 0
            assert m == 1 or (epsilon == 0 and (m == 2 or CLAIMS[found.key].kind == "upper bound")), found
        else:
            assert found.verdict in (HOLDS, APART, *([NOTHING] if m <= 2 else [])), found


def test_what_is_covered():
    keys = {claim.key for claim in claims()}
    assert {"theorem-4.1", "theorem-4.1-exact", "fact-c1", "fact-c2", "jacobian-norm", "second-derivative"} <= keys
    assert not {"observation-4.3", "theorem-4.2", "theorem-4.4", "l1-scale-gradient", "renorm-gradient"} & keys
    assert len(keys) == 33


@pytest.mark.parametrize("m", [3, 4096])
@pytest.mark.parametrize(
    ("relative", "verdict"), [(1e-9, HOLDS), (-1e-9, VIOLATED), (-1e-18, VIOLATED), (0, UNDECIDED)]
)
def test_a_bound_tightened_by_a_billionth_is_refused(m, relative, verdict):
    """|v|² <= its exact value, and a billionth less: float64 would not tell 1e-18 from nothing."""
    factor = 1 + sp.Rational(Fraction(str(relative)))
    bound = changed(EXACT, relation="<=", right=EXACT.right * factor)
    assert bound.kind == "upper bound"
    assert certain(bound, channel(m)).verdict == verdict


@pytest.mark.parametrize("key", ["fact-c1", "theorem-4.1-exact", "second-derivative", "normalizer-gradient"])
def test_an_equality_off_by_a_quintillionth_is_refused(key):
    claim = CLAIMS[key]
    assert certain(claim, channel()).verdict == HOLDS
    assert certain(changed(claim, right=claim.right * (1 + sp.Rational(1, 10**18))), channel()).verdict == VIOLATED


def test_the_term_that_the_published_theorem_leaves_out():
    """rho = 1 at epsilon > 0 is false by a part in 1e5, which is why Theorem 4.1 is a bound there."""
    without = changed(EXACT, right=EXACT.right.subs(rho, 1))
    assert certain(without, channel(epsilon=1e-5)).verdict == VIOLATED
    assert certain(CLAIMS["theorem-4.1"], channel(epsilon=1e-5)).margin > 0


def test_quantities_are_those_of_exact_arithmetic():
    """At s rational, everything is: the balls have it inside."""
    y, g = [Fraction(x) for x in (0, 1, 0, 1)], [Fraction(x) for x in (1, 2, 0, -1)]
    s = Fraction(1)  # variance 1/4, epsilon 3/4
    yhat = [(x - Fraction(1, 2)) / s for x in y]
    a, total = sum(p * q for p, q in zip(g, yhat, strict=True)), sum(g)
    v = [2 * (gi - total / 4 - a * q / 4) for gi, q in zip(g, yhat, strict=True)]
    values = Channel(np.array([0.0, 1, 0, 1]), np.array([1.0, 2, 0, -1]), 2.0, 0.0, 0.75).quantities()
    expected = {EXACT.left: sum(x * x for x in v), CLAIMS["fact-c1-gamma"].left: a}
    for symbol, value in expected.items():
        assert values[symbol].contains(value.numerator) if value.denominator == 1 else abs(
            float(values[symbol].mid()) - value
        ) < 1e-14  # fmt: skip


@pytest.mark.parametrize(("m", "offset"), [(64, 0.0), (4096, 0.0), (64, 1e6)])
def test_v_of_automatic_differentiation_is_near(m, offset):
    at = channel(m, offset=offset)
    found = distance(at)
    assert found.verdict == HOLDS and 0 < found.margin < 2.0**-45
    size = np.sqrt((at.v**2).sum())
    off = dataclasses.replace(at, v=at.v * (1 + 1e-9 * (1 + abs(offset))))
    assert size > 0 and distance(off).verdict == VIOLATED
    assert distance(dataclasses.replace(at, v=None)) is None


def test_what_has_no_spread_and_what_is_no_float64():
    flat = Channel(np.ones(4), np.ones(4), 1.0, 0.0, 0.0)
    assert certain(EXACT, flat).verdict == NO_SPREAD
    for wrong in (np.ones(4, np.float32), np.array([1.0, math.nan]), np.ones((2, 2))):
        with pytest.raises(InputError, match="float64"):
            certain(EXACT, Channel(wrong, np.ones(4), 1.0, 0.0, 0.5))


@pytest.mark.parametrize("parts", [{"epsilon": -0.1}, {"g": np.ones(3)}, {"v": np.ones(3)}, {"y": [], "g": []}])
def test_what_is_no_channel_is_told(parts):
    numbers = {name: np.asarray(value, float) if name in "ygv" else value for name, value in parts.items()}
    with pytest.raises(InputError, match="not negative"):
        certain(EXACT, dataclasses.replace(channel(), **{"v": None} | numbers))


@pytest.mark.parametrize("parts", [{"g": np.zeros(64)}, {"gamma": 0.0}])
def test_where_all_terms_are_zero_nothing_holds(parts):
    at = dataclasses.replace(channel(), v=np.zeros(64), **parts)
    assert certain(EXACT, at).verdict == distance(at).verdict == NOTHING
    assert certain(CLAIMS["normalised-norm"], at).verdict == HOLDS  # which does not speak of g
    assert distance(dataclasses.replace(at, v=np.full(64, 1e-300))).verdict == VIOLATED


@pytest.mark.parametrize("size", [1e-160, 1e-300, 1e160])
def test_numbers_that_float64_does_not_have_accuse_nobody(size):
    """1/s^3 overflows or is 0 on the way to v; at y + c the balls have no spread that is positive for certain."""
    at = channel(epsilon=0.0)
    for v in (np.zeros(64), at.v / size):
        there = dataclasses.replace(at, y=at.y * size, v=v)
        assert distance(there).verdict == BEYOND
        found = {each.key: each.verdict for each in all_certain(claims(), there)}
        assert found["fact-c1"] == HOLDS and VIOLATED not in found.values()
        assert (found["invariance-shift"] == UNDECIDED) == (size < 1)


@pytest.mark.parametrize("right", [sp.exp(EXACT.right), EXACT.right ** sp.Rational(1, 3)])
def test_a_claim_of_functions_that_balls_do_not_have_is_told(right):
    claim = changed(EXACT, right=right)
    assert not covered(claim)
    for each in (claim, CLAIMS["theorem-4.2"]):
        with pytest.raises(InputError, match="covered"):
            certain(each, channel())


def test_conditions_are_decided_exactly():
    claim = CLAIMS["two-values"]
    assert certain(claim, channel(2, 0.0)).verdict == HOLDS
    assert certain(claim, channel(2, 1e-300)).verdict == APART
    assert not covered(CLAIMS["observation-4.3"])


def test_what_balls_do_not_decide_of_a_hypothesis_is_undecided():
    """<1, v> is 0, and its ball is around it at every precision: nobody knows whether the claim speaks of the point."""
    is_zero, is_not = (sp.Eq(QUANTITIES[name].symbol, 0) for name in ("one_v", "g_g"))

    def verdict(*conditions):
        assumed = tuple(Hypothesis(str(condition), "", condition) for condition in conditions)
        return certain(dataclasses.replace(EXACT, hypotheses=assumed), channel(8, 0.5)).verdict

    assert verdict() == HOLDS and verdict(is_zero) == UNDECIDED and verdict(is_not) == APART
    assert verdict(is_zero, is_not) == APART


@pytest.mark.slow
def test_a_run_in_balls(tiny_run, monkeypatch, capsys):
    """Channels of both networks of a run, on the command line."""
    from typer.testing import CliRunner

    from bnverify.empirical.data.synthetic import synthetic_cifar
    from bnverify.empirical.rigorous.places import Point, judged, points

    data = synthetic_cifar(train=200, test=64)
    found = list(points(tiny_run, data, 2))
    assert all(isinstance(each, Point) for each in found) and {each.network for each in found} == {"bn", "plain"}
    rows = {row.key: row for row in judged(found)}
    assert rows["theorem-4.1-exact"].counts == {HOLDS: len(found)}
    assert rows["v of automatic differentiation"].counts == {HOLDS: len(found)}
    assert not any(row.violated for row in rows.values())
    wrong = [dataclasses.replace(p, channel=dataclasses.replace(p.channel, v=p.channel.v * (1 + 1e-6))) for p in found]
    (of_v,) = (row for row in judged(wrong) if row.key == "v of automatic differentiation")
    assert len(of_v.violated) == len(found) and "step" in of_v.violated[0]
    with pytest.raises(InputError, match="data other"):
        list(points(tiny_run, synthetic_cifar(train=100, test=64), 1))

    monkeypatch.setattr(experiment, "load_data", lambda config, directory: data)
    done = CliRunner().invoke(app, ["verify", str(tiny_run.path), "--rigorous", "--samples", "1"])
    assert done.exit_code == 0, done.output
    assert "hold for certain, 0 are violated" in " ".join(done.output.split())
    assert (tiny_run.path / "rigorous.json").exists()
    monkeypatch.setitem(sys.modules, "flint", None)
    done = CliRunner().invoke(app, ["verify", str(tiny_run.path), "--rigorous"])
    assert isinstance(done.exception, MachineError) and "bnverify[rigorous]" in str(done.exception)


def test_a_run_of_which_nothing_can_be_judged_has_not_passed(tiny_run, monkeypatch):
    monkeypatch.setattr(places, "points", lambda *_: iter(["bn, conv1, channel 0: not all numbers are finite"]))
    monkeypatch.setattr(experiment, "load_data", lambda config, directory: None)
    with pytest.raises(InputError, match="not all numbers are finite"):
        command.show(tiny_run.path, 1, None)


def test_without_stored_states_one_is_told(tiny_run, tmp_path):
    import shutil

    from bnverify.empirical.data.synthetic import synthetic_cifar
    from bnverify.empirical.rigorous.places import points
    from bnverify.empirical.runs.records import load_run

    shutil.copytree(tiny_run.path, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    with pytest.raises(InputError, match="without a stored state"):
        list(points(load_run(tmp_path / "run"), synthetic_cifar(train=200, test=64), 1))
