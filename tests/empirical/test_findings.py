"""Comparisons with what was published read the stored numbers: invented runs on either side of each statement."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from bnverify.empirical.experiments.experiments import EXPERIMENTS, SCALES, experiment
from bnverify.empirical.experiments.findings import _TESTS, AGREE, DIFFER, NOT_COMPARABLE, findings
from bnverify.empirical.runs.config import preset
from bnverify.empirical.runs.records import Run
from bnverify.errors import InputError

STEPS = np.arange(20, dtype=np.int32)


class Invented(Run):
    """A run whose records are given instead of read."""

    def __init__(self, **kinds):
        super().__init__(None, preset("tiny"), {"data": {"name": "invented"}})
        for name, value in kinds.items():
            self.__dict__[name] = value


def _curves(bn, plain):
    falls = {name: np.linspace(2.3, last, 20) for name, last in (("bn", bn), ("plain", plain))}
    return {name: xr.Dataset({"loss": ("step", loss)}, {"step": STEPS}) for name, loss in falls.items()}


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


def _shift(bn, plain):
    return {
        name: xr.Dataset(
            {"shift": (("step", "layer"), [[0.0, value]]), "shift_relative": (("step", "layer"), [[0.0, value]]),
             "shift_cosine": (("step", "layer"), [[1.0, 1 - value]])},
            {"step": [0], "layer": ["conv1", "conv2"]},
        )
        for name, value in (("bn", bn), ("plain", plain))
    }  # fmt: skip


def _landscape(bn, plain):
    return {
        name: xr.Dataset(
            {"line_loss": (("step", "line", "point"), [[[1.0, 1 + value]]]),
             "predictiveness": (("step", "line", "point"), [[[value, value]]]),
             "effective_beta": (("step", "line"), [[value]])},
            {"step": [0], "line": ["gradient, paper"]},
        )
        for name, value in (("bn", bn), ("plain", plain))
    }  # fmt: skip


def _run(bn, plain, *, loss=None):
    """``bn`` and ``plain`` are the numbers everything is made of, smaller is better but for the accuracy."""
    return Invented(
        curves=_curves(*(loss or (bn, plain))), exact=_tests(1 - bn, 1 - plain), shift=_shift(bn, plain),
        landscape=_landscape(bn, plain), activations={},
    )  # fmt: skip


def _verdicts(name, runs):
    return [found.verdict for found in findings(EXPERIMENTS[name], runs)]


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


def test_noise_and_its_control():
    runs = {"with noise": _run(0.4, 2.3), "without noise": _run(0.35, 0.6)}
    assert _verdicts("noisy", runs) == [AGREE, AGREE]
    assert _verdicts("noisy", runs | {"with noise": _run(2.3, 0.6)}) == [DIFFER, DIFFER]
    assert _verdicts("noisy", runs | {"with noise": _run(0.45, 2.3)}) == [DIFFER, AGREE]


@pytest.mark.parametrize("name", ["lp", "lp-linear"])
def test_as_well_is_as_well_as_batch_norm(name):
    for loss, verdict in ((0.25, AGREE), (0.31, AGREE), (0.33, DIFFER), (float("nan"), DIFFER)):
        runs = {"batch": _run(0.3, 0.6), "l1": _run(loss, 0.6)}
        (found,) = findings(EXPERIMENTS[name], runs)
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
    found = findings(EXPERIMENTS["training"], {"rate 0.1": diverged, "rate 0.5": diverged})
    assert "diverged" in found[0].ours and found[1].verdict == AGREE


def test_small_batches():
    runs = {f"{name}, batch {size}": _run(0.4, 0.6) for name in ("batch", "batch-renorm") for size in (4, 128)}
    better = runs | {"batch-renorm, batch 4": _run(0.3, 0.6)}
    assert _verdicts("batch-renorm", better) == [AGREE] and _verdicts("batch-renorm", runs) == [DIFFER]
    chance = {f"{name}, batch 4": _run(2.3, 2.3) for name in ("batch", "batch-renorm")}
    (found,) = findings(EXPERIMENTS["batch-renorm"], runs | chance)
    assert found.verdict == NOT_COMPARABLE and "neither has learned" in found.ours


def test_numbers_of_another_scale_are_not_comparable():
    assert _verdicts("main", {"all": _run(0.15, 0.205)})[1:3] == [NOT_COMPARABLE] * 2
    full = _run(0.15, 0.205)
    config = preset("reproduction")
    object.__setattr__(full, "config", config)
    assert _verdicts("main", {"all": full})[1:3] == [AGREE, DIFFER]


def test_what_is_not_recorded_is_not_comparable():
    empty = Invented(curves={}, exact={}, shift={}, landscape={}, activations={})
    for name in EXPERIMENTS:
        for found in findings(EXPERIMENTS[name], dict.fromkeys(EXPERIMENTS[name].quick, empty)):
            assert found.verdict == NOT_COMPARABLE and "not recorded" in found.ours


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment_is_complete(name):
    one = EXPERIMENTS[name]
    assert one.title and one.source and one.cost and one.published
    assert {published.test for published in one.published} <= set(_TESTS)
    for scale in SCALES:
        configs = one.runs(scale)
        assert set(one.quick) <= set(configs)
        assert len({dataclasses.astuple(config) for config in configs.values()}) == len(configs)
    assert all(c.steps >= 10000 and c.width == 1 for c in one.paper.values())


def test_every_test_is_used():
    assert {p.test for one in EXPERIMENTS.values() for p in one.published} == set(_TESTS)


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="landscape"):
        experiment("figure-99")
    with pytest.raises(InputError, match="quick, paper"):
        EXPERIMENTS["training"].runs("huge")
