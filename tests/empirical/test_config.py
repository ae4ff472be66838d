"""Which networks a configuration may ask for, and what it says where it may not."""

import dataclasses

import pytest

from bnverify.empirical.normalization.known import TRAINABLE
from bnverify.empirical.runs.config import RunConfig, preset
from bnverify.errors import InputError


def test_defaults_are_batch_norm_in_a_vgg():
    for name in ("quick", "tiny", "full", "reproduction"):
        config = preset(name)
        assert (config.architecture, config.normalizer, config.noise, config.renorm_stretch) == (
            "vgg", "batch", False, 1.0,
        )  # fmt: skip


def test_a_configuration_stored_before_these_fields_reads_as_the_same():
    stored = dataclasses.asdict(preset("tiny"))
    for name in ("architecture", "normalizer", "noise", "renorm_stretch"):
        del stored[name]
    assert RunConfig(**stored) == preset("tiny")


def test_deep_linear_is_the_published_setting():
    config = preset("deep-linear")
    assert (config.architecture, config.dataset, config.batch) == ("deep-linear", "gaussian", 1000)
    assert (config.steps, config.learning_rate, config.momentum) == (10_000, 1e-6, 0.0)


@pytest.mark.parametrize("name", [*TRAINABLE, "group-8"])
def test_every_normaliser_can_be_chosen(name):
    assert preset("tiny").changed(normalizer=name, noise=True).normalizer == name


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("tiny", {"normalizer": "none"}, "normaliser 'none'"),
        ("tiny", {"normalizer": "group-"}, "normaliser 'group-'"),
        ("tiny", {"architecture": "lstm"}, "architecture 'lstm'"),
        ("tiny", {"renorm_stretch": 0.0}, "renorm_stretch 0.0"),
        ("tiny", {"dataset": "gaussian"}, "data set 'gaussian'"),
        ("tiny", {"architecture": "deep-linear", "width": 1.0}, "data set 'synthetic'"),
        ("deep-linear", {"width": 0.5}, "width 0.5"),
        ("deep-linear", {"normalizer": "instance"}, "instance normalisation"),
        ("deep-linear", {"normalizer": "group-3"}, "3 groups of ten"),
    ],
)
def test_bad_networks(name, options, message):
    with pytest.raises(InputError, match=message):
        preset(name).changed(**options)
