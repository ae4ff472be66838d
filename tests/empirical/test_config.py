"""Which networks a configuration may ask for, and what it says where it may not."""

import dataclasses

import numpy as np
import pytest

from bnverify.empirical.normalization.known import TRAINABLE
from bnverify.empirical.runs.config import CHUNKS, RunConfig, preset
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


_OTHERS = {
    "int": (6.0, 1.5, "6", True, None, [1], 2**31, float("nan")),
    "float": (float("inf"), -float("inf"), float("nan"), 10**400, "1", True, None, 1j),
    "bool": ("x", 1, 0.0, None),
    "str": (None, 3, ["batch"], b"batch"),
}


@pytest.mark.parametrize("field", [field for field in dataclasses.fields(RunConfig) if field.name != "every"])
def test_a_field_is_of_its_type_and_finite(field):
    """Every field, those to come too."""
    for value in _OTHERS[field.type]:
        with pytest.raises(InputError, match=f"{field.name} "):
            dataclasses.replace(preset("tiny"), **{field.name: value})


@pytest.mark.parametrize("name", ["batch", "steps", "record_every", "check_every", "groups", "test_images", "samples",
                                  "seed", "momentum", "epsilon", "insertion_epsilon", "weight_decay", "learning_rate",
                                  "renorm_stretch", "width"])  # fmt: skip
def test_no_number_is_negative(name):
    with pytest.raises(InputError, match=f"{name} -1"):
        preset("tiny").changed(**{name: -1})


def test_numbers_of_numpy_are_numbers():
    config = preset("tiny").changed(steps=np.int64(8), learning_rate=np.float32(0.5), width=1)
    assert [type(value) for value in (config.steps, config.learning_rate, config.width)] == [int, float, float]


def test_a_run_has_no_more_records_than_can_be_listed():
    """A configuration of 10^9 steps took all memory where its missing records were looked for."""
    assert preset("tiny").changed(steps=2 * CHUNKS).steps == 2 * CHUNKS
    with pytest.raises(InputError, match=r"--record-every"):
        preset("tiny").changed(steps=2 * CHUNKS + 1)


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
