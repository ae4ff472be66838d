"""The drawn data set: reproducible, balanced, learnable, and not by a linear classifier alone."""

import numpy as np
import pytest

from bnverify.empirical.data.dataset import batch_indices
from bnverify.empirical.data.synthetic import CLASSES, synthetic_cifar
from bnverify.errors import InputError

PINNED = "2d012f8b029a29aed49c697a581fe1df67de027895e27ff5d3cd28effbfdf5fc"
"""Fingerprint of seed 0 with 40 and 20 images; changes only if the drawing or NumPy's streams do."""


@pytest.fixture(scope="module")
def data():
    return synthetic_cifar(seed=1, train=3000, test=1000)


def ridge_accuracy(images, labels, test_images, test_labels, penalty=300.0) -> float:
    """Share of the test images that ridge regression on centred pixels gets right."""
    x, z = (part.reshape(len(part), -1).astype(np.float64) / 255 for part in (images, test_images))
    centre = x.mean(axis=0)
    x, z = x - centre, z - centre
    targets = np.eye(len(CLASSES))[labels] - 1 / len(CLASSES)
    weights = np.linalg.solve(x @ x.T + penalty * np.eye(len(x)), targets)
    return float(np.mean((z @ (x.T @ weights)).argmax(axis=1) == test_labels))


def test_fingerprint_is_pinned():
    assert synthetic_cifar(seed=0, train=40, test=20).fingerprint == PINNED


def test_seed_names_the_images():
    first = synthetic_cifar(seed=3, train=20, test=10)
    assert first == synthetic_cifar(seed=3, train=20, test=10)
    assert first != synthetic_cifar(seed=4, train=20, test=10)


def test_test_images_come_from_their_own_stream():
    short, long = synthetic_cifar(seed=3, train=20, test=20), synthetic_cifar(seed=3, train=50, test=20)
    assert np.array_equal(short.test_images, long.test_images)
    assert not np.array_equal(short.train_images, short.test_images)


def test_layout_and_balance(data):
    assert data.train_images.shape == (3000, 32, 32, 3)
    assert data.train_images.dtype == np.uint8
    assert data.train_labels.dtype == np.int32
    assert data.classes == CLASSES
    assert len(set(CLASSES)) == 10
    assert np.bincount(data.train_labels).tolist() == [300] * 10
    assert np.bincount(data.test_labels).tolist() == [100] * 10
    assert not np.array_equal(data.train_labels, np.sort(data.train_labels))


@pytest.mark.parametrize("count", [1, 13])
def test_counts_that_ten_does_not_divide(count):
    counts = np.bincount(synthetic_cifar(seed=0, train=count, test=1).train_labels, minlength=10)
    assert counts.sum() == count
    assert counts.max() - counts.min() <= 1


def test_no_image_is_repeated(data):
    everything = np.concatenate([data.train_images, data.test_images])
    assert len({image.tobytes() for image in everything}) == len(everything)


def test_range_of_grey_levels_is_used(data):
    assert data.train_images.min() == 0
    assert data.train_images.max() == 255
    saturated = np.mean((data.train_images == 0) | (data.train_images == 255))
    assert saturated < 0.05


def test_a_linear_classifier_sees_something_but_not_all(data):
    accuracy = ridge_accuracy(data.train_images, data.train_labels, data.test_images, data.test_labels)
    assert 0.25 < accuracy < 0.55


def test_labels_in_another_order_cannot_be_learnt(data):
    """Negative control: with shuffled labels the same classifier falls back to chance."""
    shuffled = np.random.default_rng(0).permutation(data.train_labels)
    accuracy = ridge_accuracy(data.train_images, shuffled, data.test_images, data.test_labels)
    assert accuracy < 0.15


def test_stripes_are_finer_than_plain_surfaces(data):
    """The mean squared step between neighbouring pixels tells the surfaces apart, whatever the shape."""
    pixels = data.train_images.astype(np.float64)
    energy = ((pixels[:, 1:] - pixels[:, :-1]) ** 2).mean(axis=(1, 2, 3))
    for plain in range(0, 10, 2):
        assert energy[data.train_labels == plain + 1].mean() > 1.1 * energy[data.train_labels == plain].mean()


def test_default_size_suits_the_default_batches():
    assert len(np.unique(batch_indices(0, 155, 10_000, 64))) == 64


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"train": 0}, {"test": 0}])
def test_wrong_arguments(wrong):
    with pytest.raises(InputError, match="at least"):
        synthetic_cifar(**({"train": 10, "test": 10} | wrong))
