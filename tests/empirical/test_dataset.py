"""Data sets: fingerprints, normalisation, and the order of the batches."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bnverify.empirical.data.dataset import CHANNEL_MEAN, CHANNEL_STD, Dataset, batch_indices, load_dataset, normalise
from bnverify.errors import InputError

CLASSES = ("zero", "one", "two")


def arrays(train: int = 4, test: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {
        "train_images": rng.integers(0, 256, (train, 32, 32, 3), np.uint8),
        "train_labels": np.arange(train, dtype=np.int32) % 3,
        "test_images": rng.integers(0, 256, (test, 32, 32, 3), np.uint8),
        "test_labels": np.arange(test, dtype=np.int32) % 3,
    }


def dataset(**changes: np.ndarray) -> Dataset:
    return Dataset(name="hand-made", classes=CLASSES, **(arrays() | changes))


def test_error_has_three_lines_in_order():
    error = InputError(got="an apple", expected="a pear", advice="go to the market")
    lines = str(error).splitlines()
    assert isinstance(error, ValueError)
    assert len(lines) == 3
    assert [part in line for part, line in zip(("an apple", "a pear", "market"), lines, strict=True)] == [True] * 3


def test_equal_data_have_equal_fingerprints():
    assert dataset() == dataset()
    assert len(dataset().fingerprint) == 64
    fortran = np.asfortranarray(arrays()["train_images"])
    assert dataset(train_images=fortran).fingerprint == dataset().fingerprint


@pytest.mark.parametrize("key", sorted(arrays()))
def test_one_changed_byte_changes_the_fingerprint(key):
    changed = arrays()[key].copy()
    changed.flat[-1] ^= 1
    assert dataset(**{key: changed}).fingerprint != dataset().fingerprint
    assert dataset(**{key: changed}) != dataset()


def test_moving_images_between_parts_changes_the_fingerprint():
    """The bytes joined end to end are the same; the shapes are not."""
    images, labels = np.zeros((5, 32, 32, 3), np.uint8), np.zeros(5, np.int32)
    prints = [Dataset("x", images[:k], labels[:k], images[k:], labels[k:], CLASSES).fingerprint for k in (1, 2, 3, 4)]
    assert len(set(prints)) == 4


def test_arrays_cannot_be_written_and_fields_cannot_be_set():
    data = dataset()
    with pytest.raises(ValueError, match="read-only"):
        data.train_images[0, 0, 0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "other"


def test_the_passed_arrays_stay_writable():
    given = arrays()
    Dataset(name="x", classes=CLASSES, **given)
    assert all(array.flags.writeable for array in given.values())


@pytest.mark.parametrize(
    ("change", "part_of_message"),
    [
        ({"train_images": np.zeros((4, 32, 32, 3), np.float32)}, "train images of type float32"),
        ({"test_images": np.zeros((2, 3, 32, 32), np.uint8)}, r"\(2, 3, 32, 32\)"),
        ({"test_images": np.zeros((0, 32, 32, 3), np.uint8)}, "N at least 1"),
        ({"train_labels": np.zeros(3, np.int32)}, r"shape \(3,\) for 4 images"),
        ({"train_labels": np.zeros(4, np.int64)}, "type int64"),
        ({"test_labels": np.array([0, 3], np.int32)}, "from 0 to 3"),
        ({"test_labels": np.array([-1, 0], np.int32)}, "from -1 to 0"),
    ],
)
def test_wrong_arrays_are_named(change, part_of_message):
    with pytest.raises(InputError, match=part_of_message):
        dataset(**change)


def test_normalise_by_hand():
    image = np.zeros((1, 1, 2, 3), np.uint8)
    image[0, 0, 1] = (255, 51, 102)
    expected = [
        [(0 - m) / s for m, s in zip(CHANNEL_MEAN, CHANNEL_STD, strict=True)],
        [(x - m) / s for x, m, s in zip((1.0, 0.2, 0.4), CHANNEL_MEAN, CHANNEL_STD, strict=True)],
    ]
    got = normalise(image)
    assert got.dtype == np.float32
    assert got.shape == image.shape
    np.testing.assert_allclose(got[0, 0], expected, rtol=1e-5)
    swapped = normalise(image[..., ::-1])[0, 0]
    assert not np.allclose(swapped, expected, rtol=1e-2), "the order of the channels must matter"


@pytest.mark.parametrize("wrong", [np.zeros((2, 32, 32, 3), np.float32), np.zeros((2, 3, 32, 32), np.uint8)])
def test_normalise_refuses_normalised_and_channel_first(wrong):
    with pytest.raises(InputError, match="channels on the last axis"):
        normalise(wrong)


def epoch_of_batches(seed: int, epoch: int, size: int, batch: int) -> np.ndarray:
    steps = size // batch
    return np.stack([batch_indices(seed, epoch * steps + k, size, batch) for k in range(steps)])


def test_an_epoch_sees_every_image_once():
    order = epoch_of_batches(seed=3, epoch=2, size=12, batch=4)
    assert order.dtype == np.int64
    assert order.shape == (3, 4)
    assert sorted(order.ravel()) == list(range(12))


def test_incomplete_last_batch_is_dropped_afresh_each_epoch():
    seen = [set(epoch_of_batches(seed=0, epoch=e, size=11, batch=4).ravel()) for e in range(8)]
    assert all(len(indices) == 8 for indices in seen)
    assert len({frozenset(indices) for indices in seen}) > 1, "the images left over must change"
    assert set().union(*seen) == set(range(11))


def test_order_depends_on_seed_and_epoch():
    size, batch, steps = 64, 16, 4
    first = batch_indices(1, 0, size, batch)
    assert np.array_equal(first, batch_indices(1, 0, size, batch))
    for other in (batch_indices(2, 0, size, batch), batch_indices(1, steps, size, batch)):
        assert not np.array_equal(first, other)


def test_a_resumed_run_sees_the_same_batches():
    """Another process that starts at step 7 gets what this one would have got there."""
    code = "from bnverify.empirical.data.dataset import batch_indices; print(batch_indices(9, 7, 50, 8).tolist())"
    root = Path(__file__).parents[2]
    fresh = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    here = [batch_indices(9, step, 50, 8).tolist() for step in range(8)]
    assert fresh.strip() == str(here[7])
    assert fresh.strip() != str(here[6])


@pytest.mark.parametrize("batch", [0, -1, 11])
def test_a_batch_that_cannot_be_filled(batch):
    with pytest.raises(InputError, match=f"a batch of {batch} from 10"):
        batch_indices(0, 0, 10, batch)
    assert len(batch_indices(0, 0, 10, 10)) == 10


@pytest.mark.parametrize(("seed", "step"), [(-1, 0), (0, -1)])
def test_negative_seed_or_step(seed, step):
    with pytest.raises(InputError, match="at least 0"):
        batch_indices(seed, step, 10, 5)


def test_unknown_name_lists_the_names():
    with pytest.raises(InputError, match=r"(?s)'cifar100'.*synthetic, cifar10"):
        load_dataset("cifar100")


def test_cifar10_needs_a_directory():
    with pytest.raises(InputError, match="--data DIR"):
        load_dataset("cifar10")


def test_cifar10_is_read_from_the_directory(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        load_dataset("cifar10", directory=tmp_path / "nowhere")


def test_synthetic_by_name():
    data = load_dataset("synthetic", seed=4)
    assert (data.name, len(data.train_images), len(data.test_images)) == ("synthetic", 10_000, 2_000)
