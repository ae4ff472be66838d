r"""EXPERIMENTS: every figure of the paper and of its reproduction as a named set of runs, at two scales.

`quick` runs in minutes on two cores: the VGG at an eighth of its width and a few hundred steps; `paper` has the
published settings. What was published is written beside it in words and numbers, to be compared, never asserted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bnverify.empirical.experiments.comparable import settings
from bnverify.empirical.runs.config import RunConfig
from bnverify.errors import InputError

SCALES = ("quick", "paper")
REPRODUCED = "reproduce"
"""The name of a configuration that serves several experiments; it says nothing about what is trained."""
_PAPER = "Santurkar et al. 2018"


@dataclass(frozen=True)
class Published:
    """A published finding: in words, and where it is printed. ``test`` names the comparison in
    `experiments.statements`. ``stated``: the settings it was published for, by name, where they are not those of the
    experiment at the scale "paper"; none where it was published for no settings in particular."""

    words: str
    place: str
    test: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    stated: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Experiment:
    """Runs by label; both networks of a run see the same batches. ``cost`` is in words, for `quick` on two cores."""

    name: str
    title: str
    source: str
    quick: Mapping[str, RunConfig]
    paper: Mapping[str, RunConfig]
    published: tuple[Published, ...]
    cost: str

    def runs(self, scale: str) -> Mapping[str, RunConfig]:
        """The configurations of a scale by label; InputError for another scale."""
        if scale not in SCALES:
            known = ", ".join(SCALES)
            raise InputError(got=f"scale {scale!r}", expected=f"one of {known}", advice="pass --scale quick")
        return self.quick if scale == "quick" else self.paper


# Published: 15,000 steps, batch 128, learning rate 0.1, on CIFAR-10; the reproduction: 0.035 with momentum 0.9.
_VGG_PAPER = RunConfig(
    "paper", dataset="cifar10", width=1.0, batch=128, steps=15000, learning_rate=0.1, momentum=0.0, record_every=50,
    check_every=5000, samples=1, groups=10, test_images=10000,
)  # fmt: skip
_VGG_QUICK = RunConfig("quick", steps=240, check_every=240, record_every=10, groups=2, test_images=1000)
_LINEAR_PAPER = RunConfig(
    "paper", dataset="gaussian", architecture="deep-linear", width=1.0, batch=1000, steps=10000, learning_rate=1e-6,
    momentum=0.0, record_every=50, check_every=5000, test_images=1000,
)  # fmt: skip
_LINEAR_QUICK = _LINEAR_PAPER.changed(preset="quick", steps=1000, record_every=100, check_every=1000, samples=1)


def _both(quick: Mapping[str, Any], paper: Mapping[str, Any] | None = None, *, linear: bool = False) -> dict[str, Any]:
    """The same runs at both scales: changes of the base configuration by label."""
    bases = (_LINEAR_QUICK, _LINEAR_PAPER) if linear else (_VGG_QUICK, _VGG_PAPER)
    changes = (quick, quick if paper is None else paper)
    return {
        scale: {label: base.changed(**options) for label, options in one.items()}
        for scale, base, one in zip(SCALES, bases, changes, strict=True)
    }


def _momentum(**rest: Any) -> dict[str, Any]:
    return {"learning_rate": 0.035, "momentum": 0.9} | rest


# With four images a step ten times the steps at a smaller rate, or neither learns; the schedule ends before half-time.
_RENORM_QUICK: dict[int, dict[str, Any]] = {
    4: {"learning_rate": 0.01, "steps": 2400, "record_every": 100, "check_every": 2400, "renorm_stretch": 0.02},
    128: {"renorm_stretch": 0.002},
}

_DECAYED: dict[str, Any] = {"learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.05, "dynamics_every": 20}
_SHIFT = Published(
    "batch norm does not reduce the internal covariate shift, and often has more", "figure 3", "bn_shifts_no_less"
)
_LANDSCAPE = (
    Published("the range of the loss along the gradient is smaller with batch norm", "figure 4(a)",
              "bn_loss_range_smaller"),
    Published("the gradient is more predictive with batch norm", "figure 4(b)", "bn_more_predictive"),
    Published("the effective beta-smoothness is lower with batch norm, by an order of magnitude and more",
              "figure 4(c)", "bn_effective_beta_smaller"),
)  # fmt: skip


_ALL = (
    Experiment(
        "training", "Training curves at two learning rates", f"{_PAPER}, figure 1",
        **_both({f"rate {rate}": {"learning_rate": rate, "momentum": 0.0} for rate in (0.1, 0.5)}),
        published=(
            Published("with batch norm the training is faster and the accuracy higher", "figure 1", "bn_learns_faster"),
            Published("at the larger learning rate the plain network does not train", "figure 1",
                      "plain_fails_at_high"),
        ),
        cost="3 minutes",
    ),
    Experiment(
        "distributions", "Distributions of activations along training", f"{_PAPER}, figure 1 (right)",
        **_both({"rate 0.1": {"learning_rate": 0.1, "momentum": 0.0, "activations_every": 40}},
                {"rate 0.1": {"activations_every": 500}}),
        published=(
            Published("the difference between the distributions of the two networks is marginal", "section 2",
                      "distributions_move_alike"),
        ),
        cost="2 minutes",
    ),
    Experiment(
        "noisy", "Noisy batch norm and its control", f"{_PAPER}, figure 2 and Algorithm 1",
        **_both({"with noise": {"noise": True, "learning_rate": 0.1, "momentum": 0.0, "activations_every": 40},
                 "without noise": {"learning_rate": 0.1, "momentum": 0.0, "activations_every": 40}},
                {"with noise": {"noise": True, "activations_every": 500}, "without noise": {"activations_every": 500}}),
        published=(
            Published("noisy batch norm trains almost as well as batch norm", "figure 2", "noise_hardly_hurts_bn"),
            Published("the plain network does not train with the same noise at all", "section 2.1",
                      "noise_stops_plain"),
        ),
        cost="4 minutes",
    ),
    Experiment(
        "covariate-shift", "Internal covariate shift of the VGG", f"{_PAPER}, figure 3 and Definition 2.1",
        **_both({"rate 0.1": {"learning_rate": 0.1, "momentum": 0.0, "shift_every": 20}},
                {"rate 0.1": {"shift_every": 50}}),
        published=(_SHIFT,),
        cost="3 minutes",
    ),
    Experiment(
        "covariate-shift-linear", "Internal covariate shift of the deep linear network", f"{_PAPER}, figure 3",
        **_both({"rate 1e-6": {"shift_every": 100}}, {"rate 1e-6": {"shift_every": 50},
                 "rate 1e-7": {"shift_every": 50, "learning_rate": 1e-7}}, linear=True),
        published=(
            Published("for the deep linear network the cosine with batch norm is near zero, without near one",
                      "figure 3", "plain_cosine_higher"),
        ),
        cost="3 minutes",
    ),
    Experiment(
        "landscape", "The loss landscape of the VGG", f"{_PAPER}, figure 4; the reproduction with momentum",
        **_both({"paper": {"learning_rate": 0.1, "momentum": 0.0, "landscape_every": 20},
                 "reproduction": _momentum(landscape_every=20)},
                {"paper": {"landscape_every": 50}, "reproduction": _momentum(landscape_every=50)}),
        published=_LANDSCAPE,
        cost="8 minutes",
    ),
    Experiment(
        "landscape-linear", "The loss landscape of the deep linear network", f"{_PAPER}, figure 9",
        **_both({"rate 1e-6": {"landscape_every": 100}}, {"rate 1e-6": {"landscape_every": 50}}, linear=True),
        published=(
            Published("the range of the loss along the gradient is smaller with batch norm", "figure 9",
                      "bn_loss_range_smaller"),
        ),
        cost="1 minute",
    ),
    Experiment(
        "lp", "l_p normalisations on the VGG", f"{_PAPER}, section 3.3 and figure 13",
        **_both({name: {"normalizer": name, "learning_rate": 0.1, "momentum": 0.0, "landscape_every": 60}
                 for name in ("batch", "l1-uncentred", "l2-uncentred", "linf-uncentred", "l1", "linf")},
                {name: {"normalizer": name, "landscape_every": 50}
                 for name in ("batch", "l1-uncentred", "l2-uncentred", "linf-uncentred", "l1", "linf")}),
        published=(
            Published("all l_p normalisations train as well as batch norm or better", "section 3.3",
                      "variants_train_as_well"),
        ),
        cost="15 minutes",
    ),
    Experiment(
        "lp-linear", "l_p normalisations on the deep linear network", f"{_PAPER}, section 3.3",
        **_both({name: {"normalizer": name, "landscape_every": 500}
                 for name in ("batch", "l1-uncentred", "l2-uncentred", "linf-uncentred")}, linear=True),
        published=(
            Published("all l_p normalisations train as well as batch norm or better", "section 3.3",
                      "variants_train_as_well"),
        ),
        cost="2 minutes",
    ),
    Experiment(
        "initialisation", "Distance between the initial and the trained weights", f"{_PAPER}, Lemma 4.5",
        **_both({"reproduction": _momentum(check_every=40)}, {"reproduction": _momentum(check_every=500)}),
        published=(
            Published("with batch norm the optimum is nearer to the initialisation", "Lemma 4.5", "bn_stays_nearer"),
        ),
        cost="3 minutes",
    ),
    Experiment(
        "batch-renorm", "Batch renormalisation at batch sizes 4 and 128", "Ioffe 2017, figures 1 and 2",
        **_both({f"{name}, batch {batch}": _momentum(normalizer=name, batch=batch, **_RENORM_QUICK[batch])
                 for name in ("batch", "batch-renorm") for batch in (4, 128)},
                {f"{name}, batch {batch}": _momentum(normalizer=name, batch=batch)
                 for name in ("batch", "batch-renorm") for batch in (4, 128)}),
        published=(
            Published("with small batches batch renormalisation reaches a higher accuracy than batch norm", "figure 2",
                      "renorm_helps_small_batches"),
        ),
        cost="8 minutes",
    ),
    Experiment(
        "normalizers", "Layer, group, instance and RMS normalisation on the VGG", "this work",
        # At 0.035 those by sample lose within forty steps what tells images apart, and stay at chance.
        **_both({name: _momentum(normalizer=name, learning_rate=0.01)
                 for name in ("batch", "layer", "group", "instance", "rms")}),
        published=(Published("each of them trains", "common practice", "all_variants_train", stated={}),),
        cost="10 minutes",
    ),
    Experiment(
        "dynamics", "Rotation and growth of weights under weight decay", "Wan et al. 2021; epsilon's part: this work",
        # Rates and decays at which a few hundred steps reach the stationary state.
        **_both({"VGG": _DECAYED, "ResNet-20": _DECAYED | {"architecture": "resnet", "width": 0.125, "batch": 32}},
                {"VGG": {"momentum": 0.9, "weight_decay": 5e-4, "dynamics_every": 50},
                 "ResNet-20": {"architecture": "resnet", "steps": 64000, "momentum": 0.9, "weight_decay": 1e-4,
                               "dynamics_every": 200, "record_every": 100}}),
        published=(
            Published("in equilibrium the weights before a normalisation turn by 1 - cos = eta lambda/(1 + alpha) a "
                      "step, to first order", "Theorem 3", "rotation_in_equilibrium", stated={}),
        ),
        cost="6 minutes",
    ),
    Experiment(
        "main", "The VGG with and without batch norm, everything measured",
        "the reproduction, and the paper's section 3",
        **_both({"all": _momentum(landscape_every=40, shift_every=40, activations_every=80, check_every=80)},
                {"all": _momentum(landscape_every=250, shift_every=250, activations_every=500, check_every=1500)}),
        published=(
            Published("with batch norm the training is faster and the accuracy higher", "figure 1", "bn_learns_faster"),
            Published("test accuracy 85 % with and 79 to 80 % without batch norm (the reproduction)", "readme",
                      "test_accuracy", {"bn": 0.85, "plain": 0.795}),
            Published("test accuracy 83 % with and 80 % without batch norm (the paper)", "figure 1", "test_accuracy",
                      {"bn": 0.83, "plain": 0.80}, {k: v for k, v in settings(_VGG_PAPER).items() if k != "momentum"}),
            _SHIFT, *_LANDSCAPE,
        ),
        cost="8 minutes",
    ),
)  # fmt: skip

EXPERIMENTS: dict[str, Experiment] = {experiment.name: experiment for experiment in _ALL}


def experiment(name: str) -> Experiment:
    """The experiment of that name; InputError lists the known ones."""
    if name not in EXPERIMENTS:
        raise InputError(
            got=f"experiment {name!r}",
            expected=f"one of {', '.join(EXPERIMENTS)}",
            advice="`bnverify experiments` says what each is",
        )
    return EXPERIMENTS[name]


def folder(label: str) -> str:
    """The name of the directory of a run by its label."""
    return label.replace(" ", "-").replace(",", "")
