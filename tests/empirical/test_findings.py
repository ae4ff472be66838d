"""Comparisons with what was published read the stored numbers: invented runs on either side of each statement."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from bnverify.empirical.experiments.comparable import (
    AFTER,
    BEFORE,
    LAST,
    LOST,
    WHOLE,
    Phase,
    compared,
    falls_back,
    lost_from,
    phases,
)  # fmt: skip
from bnverify.empirical.experiments.experiments import EXPERIMENTS, SCALES, experiment
from bnverify.empirical.experiments.findings import AGREE, DIFFER, MIXED, NOT_COMPARABLE, findings
from bnverify.empirical.experiments.statements import TESTS
from bnverify.empirical.runs.config import preset
from bnverify.empirical.runs.records import Run
from bnverify.errors import InputError

STEPS = 15000
TIMES = np.array([0, 2000, 8000, 14000], np.int32)
"""Steps at which something is observed: one before the plain network leaves the plateau, two after, one in the end."""
LEFT = 1500


class Invented(Run):
    """A run whose records are given instead of read."""

    def __init__(self, config=None, **kinds):
        super().__init__(None, config or preset("tiny"), {"data": {"name": "invented", "classes": list("abcdefghij")}})
        for name, value in kinds.items():
            self.__dict__[name] = value

    def observed(self, name):
        """Records of other observations."""
        return self.__dict__.get(name, {})

    def of(self, config):
        """The same records under another configuration."""
        kinds = {k: v for k, v in self.__dict__.items() if k not in ("path", "config", "description")}
        return Invented(config, **kinds)


def _curves(bn, plain):
    """Losses that stay at chance for a tenth of the training, then fall in a straight line."""
    steps = np.arange(STEPS, dtype=np.int32)
    falls = {n: np.interp(steps, [LEFT, STEPS], [2.3026, last]) for n, last in (("bn", bn), ("plain", plain))}
    return {name: xr.Dataset({"loss": ("step", loss)}, {"step": steps}) for name, loss in falls.items()}


def _tests(bn, plain):
    values = {"bn": bn, "plain": plain}
    return {
        name: xr.Dataset(
            {"test_accuracy": ("step", [0.1, value]), "layer_W0_W0": (("step", "site"), [[1.0], [1.0]]),
             "layer_W0_Wstar": (("step", "site"), [[1.0], [1.0]]),
             "layer_Wstar_Wstar": (("step", "site"), [[1.0], [1 + value]])},
            {"step": [0, 20]},
        )
        for name, value in values.items()
    }  # fmt: skip


def _times(value):
    """A number at every observed step: the same, or one a step."""
    return np.broadcast_to(np.asarray(value, float), TIMES.shape)


def _shift(bn, plain):
    return {
        name: xr.Dataset(
            {key: (("step", "layer"), np.stack([_times(100.0), one], 1))  # that of the first layer does not count
             for key, one in (("shift", value), ("shift_relative", value), ("shift_cosine", 1 - value))},
            {"step": TIMES, "layer": ["conv1", "conv2"]},
        )
        for name, value in (("bn", _times(bn)), ("plain", _times(plain)))
    }  # fmt: skip


def _landscape(bn, plain, gradient=1.0):
    """Losses 5 + 3 and 5 + 3 + value: the range is the value, the largest loss is not."""
    out = {}
    for name, value in (("bn", _times(bn)), ("plain", _times(plain))):
        norm = gradient if name == "plain" else 1.0
        columns = {
            "line_loss": np.stack([8.0 + value, 8.0 + 0 * value, 8.0 + value / 2], -1)[:, None],
            "predictiveness": np.stack([value / 3, value, value / 2], -1)[:, None],
            "predictiveness_relative": np.stack([value / 3, value, value / 2], -1)[:, None] / norm,
            "predictiveness_cosine": np.stack([1 - value / 3, 1 - value, 1 - value / 2], -1)[:, None],
            "effective_beta": value[:, None], "gradient_norm": 0 * value[:, None] + norm,
        }  # fmt: skip
        data = {key: (("step", "line", "point")[: array.ndim], array) for key, array in columns.items()}
        data["normalised_curvature"] = ("step", -value)
        out[name] = xr.Dataset(data, {"step": TIMES, "line": ["gradient, paper"]})
    return out


def _run(bn, plain, *, loss=None, landscape=None):
    """``bn`` and ``plain`` are the numbers everything is made of, smaller is better but for the accuracy."""
    return Invented(
        curves=_curves(*(loss or (bn, plain))), exact=_tests(1 - bn, 1 - plain), shift=_shift(bn, plain),
        landscape=landscape or _landscape(bn, plain), activations={},
    )  # fmt: skip


def _published(name, runs):
    """The runs in the published settings."""
    paper = EXPERIMENTS[name].paper
    return {label: run.of(paper.get(label, next(iter(paper.values())))) for label, run in runs.items()}


def _findings(name, runs):
    return findings(EXPERIMENTS[name], _published(name, runs))


def _verdicts(name, runs):
    return [found.verdict for found in _findings(name, runs)]


@pytest.mark.parametrize(
    ("name", "labels", "good", "bad"),
    [
        ("training", ("rate 0.1",), _run(0.3, 0.6), _run(0.6, 0.3)),
        ("landscape", ("paper",), _run(0.3, 0.6), _run(0.6, 0.3)),
        ("covariate-shift", ("rate 0.1",), _run(0.6, 0.3), _run(0.3, 0.6)),
        ("covariate-shift-linear", ("rate 1e-6",), _run(0.6, 0.3), _run(0.3, 0.6)),
        ("normalizers", ("batch", "layer"), _run(0.3, 0.6), _run(2.29, 0.6)),
        ("initialisation", ("reproduction",), _run(0.6, 0.3), None),
    ],
)
def test_either_side_is_told_apart(name, labels, good, bad):
    assert _verdicts(name, dict.fromkeys(labels, good))[0] == AGREE
    if bad is not None:
        assert _verdicts(name, dict.fromkeys(labels, bad))[0] == DIFFER


def test_a_quick_run_is_shown_and_not_compared():
    one = EXPERIMENTS["landscape"]
    (range_found, *_) = findings(one, {label: _run(0.3, 0.6).of(config) for label, config in one.quick.items()})
    assert range_found.verdict == NOT_COMPARABLE
    assert "width 0.125 (published: 1)" in range_found.differ and "steps 240 (published: 15000)" in range_found.differ
    assert "median ratio" in range_found.ours and "Not the published settings" in range_found.ours


@pytest.mark.parametrize("setting", [{"width": 0.5}, {"steps": 14999}, {"batch": 64}, {"learning_rate": 0.2},
                                     {"momentum": 0.5}, {"dataset": "synthetic"}, {"weight_decay": 1e-4}])  # fmt: skip
def test_every_setting_decides(setting):
    one = EXPERIMENTS["covariate-shift"]
    ours = one.paper["rate 0.1"]
    for config, verdict in ((ours, AGREE), (ours.changed(**setting), NOT_COMPARABLE), (ours.changed(seed=7), AGREE)):
        assert findings(one, {"rate 0.1": _run(0.6, 0.3).of(config)})[0].verdict == verdict


def test_phases_are_those_of_the_plain_network():
    run = _run(0.3, 0.6).of(EXPERIMENTS["landscape"].paper["paper"])
    whole, before, after, last = phases(run)
    assert (whole.start, whole.stop, last.start, last.stop) == (0, STEPS, 12000, STEPS)
    assert before.stop == after.start and after.stop == STEPS
    # Down by 5 % of the loss of chance on the line from 2.3026 to 0.6, and half a window of 150 steps later.
    crossing = LEFT + (STEPS - LEFT) * 0.05 * 2.3026 / (2.3026 - 0.6)
    assert before.stop == pytest.approx(crossing + 75, abs=5)
    never = _run(0.3, 2.3026).of(run.config)
    assert [p.name for p in phases(never)] == [WHOLE, BEFORE, LAST]


def test_networks_are_compared_at_the_steps_that_both_have():
    longer = xr.DataArray([1.0, 1.0, 4.0, 8.0], {"step": TIMES}, ("step",))
    shorter = xr.DataArray([2.0, 2.0, 2.0], {"step": TIMES[[0, 1, 3]]}, ("step",))
    (found,) = compared(longer, shorter, (Phase(WHOLE, 0, STEPS),))
    assert (found.count, found.share, found.ratio, found.lost) == (3, pytest.approx(2 / 3), 0.5, 0)


def test_what_happens_on_the_plateau_does_not_decide():
    """Larger with batch norm before, smaller after: agreed; smaller before and larger after: not."""
    before_worse = _run(0.3, 0.6, landscape=_landscape([9.0, 9.0, 0.3, 0.3], 0.6))
    before_better = _run(0.3, 0.6, landscape=_landscape([0.1, 0.1, 0.9, 0.9], 0.6))
    assert _verdicts("landscape", {"paper": before_worse})[0] == AGREE
    assert _verdicts("landscape", {"paper": before_better})[0] == DIFFER
    found = _findings("landscape", {"paper": before_worse})[0]
    over = {each.phase.name: each for each in found.seen[0].compared["range of the loss along the gradient"]}
    assert (over[BEFORE].share, over[BEFORE].ratio, over[BEFORE].count) == (0.0, pytest.approx(15), 2)
    assert (over[AFTER].share, over[AFTER].ratio) == (1.0, pytest.approx(0.5))
    assert over[WHOLE].share == 0.5 and over[LAST].count == 1
    assert {name for name in over if name in found.ours} == {AFTER, LAST}  # those that decide


def test_a_network_that_is_lost_decides_nothing():
    """The plain network falls back to the loss of chance: what is seen since is shown, and does not count."""
    turning = _landscape([0.1, 0.1, 0.1, 0.9], 0.6)
    longer = {n: xr.concat([d, d.isel(step=[2]).assign_coords(step=[9000])], "step").sortby("step")
              for n, d in turning.items()}  # fmt: skip
    config = EXPERIMENTS["landscape"].paper["paper"]
    trained = _run(0.3, 0.6, landscape=longer).of(config)
    steps = trained.curves["plain"]["step"].values
    loss = np.interp(steps, [LEFT, 8000, 11000], [2.3026, 0.6, 2.3026])
    plain = trained.curves["plain"].assign(loss=("step", loss))
    lost = Invented(config, curves=trained.curves | {"plain": plain}, exact=trained.exact, shift={}, landscape=longer)
    assert lost_from(trained) is None
    # Up again to 95 % of the loss of chance on that line, and half a window of 150 steps later.
    assert lost_from(lost) == pytest.approx(11000 - 3000 * 0.05 * 2.3026 / (2.3026 - 0.6) + 75, abs=5)
    before, found = (findings(EXPERIMENTS["landscape"], {"paper": run})[0] for run in (trained, lost))
    assert (before.verdict, found.verdict) == (MIXED, AGREE)
    over = {each.phase.name: each for each in found.seen[0].compared["range of the loss along the gradient"]}
    assert over[LOST].count == over[LAST].count == 1 and over[LOST].ratio == pytest.approx(1.5)
    assert over[AFTER].phase.stop == over[LOST].phase.start == lost_from(lost)
    assert AFTER in found.ours and LOST not in found.ours and LAST not in found.ours


def test_losses_near_the_level_are_not_lost():
    """A single window above in the end is noise; one that never came below was never away."""
    losses = np.r_[np.full(700, 2.0), np.full(200, 1.0), np.full(100, 2.0)]
    assert falls_back(losses, 2.0) == pytest.approx(900, abs=10)
    assert falls_back(losses[:905], 2.0) is None and falls_back(losses[:700], 2.0) is None
    back = falls_back(losses, 2.0)  # known after a whole window: ten steps here
    assert [falls_back(losses[: back + more], 2.0) for more in (1, 9, 10)] == [None, None, back]
    diverged = np.r_[losses[:900], np.full(100, np.nan)]
    assert falls_back(diverged, 2.0) == falls_back(losses, 2.0)


def test_phases_that_disagree_are_mixed():
    turning = _run(0.3, 0.6, landscape=_landscape([0.1, 0.1, 0.1, 0.9], 0.6))
    assert _verdicts("landscape", {"paper": turning})[0] == DIFFER  # one of two after the plateau: not most
    turning = _run(0.3, 0.6, landscape=_landscape([0.1, 0.1, 0.1, 0.1], [0.6, 0.6, 0.6, 0.05]))
    assert _verdicts("landscape", {"paper": turning})[0] == DIFFER
    some = _landscape([0.1] * 4, 0.6)
    longer = {n: xr.concat([d, d.isel(step=[2]).assign_coords(step=[9000])], "step").sortby("step")
              for n, d in some.items()}  # fmt: skip
    longer["bn"]["line_loss"].loc[{"step": 14000}] = [[9.0, 8.0, 8.5]]
    assert _verdicts("landscape", {"paper": _run(0.3, 0.6, landscape=longer)})[0] == MIXED


def test_a_small_gradient_is_not_a_smooth_landscape():
    """The plain network has the smaller range, because its gradient is small; over the gradient it has the larger."""
    small = _run(0.3, 0.6, landscape=_landscape(0.6, 0.3, gradient=0.1))
    found = _findings("landscape", {"paper": small})[0]
    assert found.verdict == DIFFER
    whole, *_ = found.seen[0].compared["scale-free, range over |gradient|"]
    assert (whole.phase.name, whole.share, whole.count) == (WHOLE, 1.0, 4)
    assert whole.ratio == pytest.approx(0.2)
    assert "scale-free, range over |gradient|: after the plain network's plateau" in found.ours


def test_several_seeds_have_to_say_the_same():
    good, bad = _run(0.3, 0.6), _run(0.6, 0.3)
    config = EXPERIMENTS["covariate-shift"].paper["rate 0.1"]
    for runs, verdict in (((bad,) * 3, AGREE), ((good,) * 3, DIFFER), ((bad, bad, good), MIXED)):
        seeds = [run.of(config.changed(seed=i)) for i, run in enumerate(runs)]
        found = findings(EXPERIMENTS["covariate-shift"], {"rate 0.1": seeds})[0]
        assert (found.verdict, found.seeds) == (verdict, 3)
        assert found.ours.startswith("3 seeds: seed 0: ") and "; seed 2: " in found.ours
    assert _findings("covariate-shift", {"rate 0.1": bad})[0].ours.startswith("one seed: ")


def test_training_is_compared_with_chance():
    """A network that started far above chance and came down to it has not learned."""
    high = _run(0.3, 0.6)
    start = high.curves["bn"].copy(deep=True)
    start["loss"] = ("step", np.linspace(30.0, 2.3026, STEPS))
    down = Invented(curves=high.curves | {"bn": start}, exact=high.exact, shift={}, landscape={}, activations={})
    assert _verdicts("normalizers", {"batch": high, "layer": down}) == [DIFFER]
    assert "chance: 2.3" in _findings("normalizers", {"batch": high, "layer": down})[0].ours


def test_noise_and_its_control():
    runs = {"with noise": _run(0.4, 2.3), "without noise": _run(0.35, 0.6)}
    assert _verdicts("noisy", runs) == [AGREE, AGREE]
    assert _verdicts("noisy", runs | {"with noise": _run(2.3, 0.6)}) == [DIFFER, DIFFER]
    assert _verdicts("noisy", runs | {"with noise": _run(0.45, 2.3)}) == [DIFFER, AGREE]


@pytest.mark.parametrize("name", ["lp", "lp-linear"])
def test_as_well_is_as_well_as_batch_norm(name):
    for loss, verdict in ((0.25, AGREE), (0.31, AGREE), (0.33, DIFFER), (float("nan"), DIFFER)):
        runs = {"batch": _run(0.3, 0.6), "l1": _run(loss, 0.6)}
        (found,) = _findings(name, runs)
        assert found.verdict == verdict, loss
    assert "up to 5% more" in found.ours


def test_an_order_of_magnitude_is_a_tenth():
    for with_norm, verdict in ((0.3, DIFFER), (0.05, AGREE)):
        assert _verdicts("landscape", {"paper": _run(with_norm, 0.6)})[2] == verdict


def test_high_rate():
    runs = {"rate 0.1": _run(0.3, 0.6), "rate 0.5": _run(0.3, 2.3)}
    assert _verdicts("training", runs)[1] == AGREE
    assert _verdicts("training", runs | {"rate 0.5": _run(0.3, 0.4)})[1] == DIFFER


def test_a_diverged_network_is_a_result():
    diverged = _run(0.3, 0.6, loss=(0.3, float("nan")))
    found = _findings("training", {"rate 0.1": diverged, "rate 0.5": diverged})
    assert "diverged" in found[0].ours and found[1].verdict == AGREE


def test_small_batches():
    runs = {f"{name}, batch {size}": _run(0.4, 0.6) for name in ("batch", "batch-renorm") for size in (4, 128)}
    better = runs | {"batch-renorm, batch 4": _run(0.3, 0.6)}
    assert _verdicts("batch-renorm", better) == [AGREE] and _verdicts("batch-renorm", runs) == [DIFFER]
    chance = {f"{name}, batch 4": _run(2.3, 2.3) for name in ("batch", "batch-renorm")}
    (found,) = _findings("batch-renorm", runs | chance)
    assert found.verdict == NOT_COMPARABLE and "neither has learned" in found.ours


@pytest.mark.parametrize(
    ("share", "length", "verdict"),
    [(1.0, 1.0, AGREE), (1.05, 1.0, AGREE), (1.2, 1.0, DIFFER), (0.8, 1.0, DIFFER), (1.0, 0.99, NOT_COMPARABLE)],
)
def test_rotation_is_compared_with_the_printed_law_in_equilibrium(share, length, verdict):
    runs = {}
    for label, config in EXPERIMENTS["dynamics"].paper.items():
        turn = share * config.learning_rate * config.weight_decay / (1 + config.momentum)
        one = (("step", "site", "channel"), np.ones((1, 1, 1)))
        names = ("W_W", "gamma", "rho", "a", "W_buffer")
        data = dict.fromkeys(names, one) | {"W_stepped_run": (one[0], np.full((1, 1, 1), 1 - turn))}
        data["stepped_stepped_run"] = (one[0], np.full((1, 1, 1), length))
        for name in ("learning_rate", "momentum", "weight_decay"):
            data[name] = (("step", "site"), [[getattr(config, name)]])
        records = xr.Dataset(data, {"step": [config.steps - 1], "site": ["conv1"]})
        runs[label] = Invented(config, curves={}, dynamics={"bn": records})
    (found,) = findings(EXPERIMENTS["dynamics"], runs)
    assert found.verdict == verdict and "printed" in found.ours
    assert ("not in equilibrium" in found.ours) == (length < 1)


def test_an_accuracy_is_compared_in_its_own_settings():
    """The reproduction's is of its rate and momentum; the paper's of rate 0.1, with momentum not stated."""
    one, run = EXPERIMENTS["main"], _run(0.15, 0.205)
    ours = one.paper["all"]
    said = {
        rate: [found.verdict for found in findings(one, {"all": run.of(ours.changed(learning_rate=rate))})[1:3]]
        for rate in (ours.learning_rate, 0.1, 0.2)
    }
    assert said == {0.035: [AGREE, NOT_COMPARABLE], 0.1: [NOT_COMPARABLE, DIFFER], 0.2: [NOT_COMPARABLE] * 2}


def test_what_is_not_recorded_is_not_comparable():
    empty = Invented(curves={}, exact={}, shift={}, landscape={}, activations={})
    for name in EXPERIMENTS:
        for found in findings(EXPERIMENTS[name], dict.fromkeys(EXPERIMENTS[name].quick, empty)):
            assert found.verdict == NOT_COMPARABLE and "not recorded" in found.ours


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment_is_complete(name):
    one = EXPERIMENTS[name]
    assert one.title and one.source and one.cost and one.published
    assert {published.test for published in one.published} <= set(TESTS)
    for scale in SCALES:
        configs = one.runs(scale)
        assert set(one.quick) <= set(configs)
        assert len({dataclasses.astuple(config) for config in configs.values()}) == len(configs)
    assert all(c.steps >= 10000 and c.width == 1 for c in one.paper.values())


def test_every_test_is_used():
    assert {p.test for one in EXPERIMENTS.values() for p in one.published} == set(TESTS)


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="landscape"):
        experiment("figure-99")
    with pytest.raises(InputError, match="quick, paper"):
        EXPERIMENTS["training"].runs("huge")
