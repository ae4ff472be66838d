"""Labelled images, and the order in which training sees them.

A data set is four arrays that cannot be written to, with a fingerprint that two runs compare to know that
they saw the same data. The order of the batches is a pure function of (seed, step), so that a run which
stopped at step 700 continues with exactly the batch it would have seen.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bnverify.errors import InputError

DATASETS = ("synthetic", "cifar10")
IMAGE_SHAPE = (32, 32, 3)

CHANNEL_MEAN = (0.4914, 0.4822, 0.4465)
"""Mean of the red, green and blue channel of the CIFAR-10 training images, on the scale 0 to 1."""

CHANNEL_STD = (0.2470, 0.2435, 0.2616)
"""Standard deviation of the same channels, on the same scale."""


@dataclass(frozen=True)
class Dataset:
    """Training and test images with their labels.

    Attributes:
        name: where the data come from; one of ``DATASETS`` if made by :func:`load_dataset`.
        train_images: uint8, shape (N, 32, 32, 3): image, row, column, channel in the order red, green, blue.
        train_labels: int32, shape (N,), values in ``range(len(classes))``.
        test_images: uint8, shape (M, 32, 32, 3).
        test_labels: int32, shape (M,).
        classes: the name of each label, in order.
        fingerprint: SHA-256 in hexadecimal of the four arrays with their shapes; computed, never passed.

    Two data sets are equal when name, classes and fingerprint are. The arrays are read-only views of those
    passed.

    Raises:
        InputError: a wrong type or shape, unequal numbers of images and labels, no image, or a label out of
            range.
    """

    name: str
    train_images: np.ndarray = field(repr=False, compare=False)
    train_labels: np.ndarray = field(repr=False, compare=False)
    test_images: np.ndarray = field(repr=False, compare=False)
    test_labels: np.ndarray = field(repr=False, compare=False)
    classes: tuple[str, ...]
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256()
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            _check_part(part, images, labels, len(self.classes))
            for key, array in ((f"{part}_images", images), (f"{part}_labels", labels)):
                little_endian = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
                digest.update(f"{key} {array.dtype.name} {array.shape};".encode())
                digest.update(little_endian.data)
                view = array.view()
                view.setflags(write=False)
                object.__setattr__(self, key, view)
        object.__setattr__(self, "fingerprint", digest.hexdigest())


def _check_part(part: str, images: np.ndarray, labels: np.ndarray, classes: int) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != IMAGE_SHAPE or len(images) == 0:
        raise InputError(
            got=f"{part} images of type {images.dtype} and shape {images.shape}",
            expected="uint8 of shape (N, 32, 32, 3) with N at least 1",
            advice="pass raw bytes in the order image, row, column, channel; normalise() comes later",
        )
    if labels.dtype != np.int32 or labels.shape != (len(images),):
        raise InputError(
            got=f"{part} labels of type {labels.dtype} and shape {labels.shape} for {len(images)} images",
            expected=f"int32 of shape ({len(images)},)",
            advice="pass one integer label for each image",
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            got=f"{part} labels from {labels.min()} to {labels.max()}",
            expected=f"labels from 0 to {classes - 1}, one for each class name",
            advice="check the labels against the list of classes",
        )


def normalise(images: np.ndarray) -> np.ndarray:
    """Scale raw images to mean 0 and standard deviation 1 per channel, by the published CIFAR-10 constants.

    Args:
        images: uint8, shape (..., 3), channel last.

    Returns:
        float32 of the same shape: ``(images / 255 - CHANNEL_MEAN) / CHANNEL_STD``.

    Raises:
        InputError: not uint8 (images normalised already, for instance), or the last axis is not 3.
    """
    if images.dtype != np.uint8 or images.shape[-1:] != (3,):
        raise InputError(
            got=f"images of type {images.dtype} and shape {images.shape}",
            expected="uint8 with the three channels on the last axis",
            advice="normalise raw images, and only once",
        )
    mean = np.asarray(CHANNEL_MEAN, np.float32)
    std = np.asarray(CHANNEL_STD, np.float32)
    return (images.astype(np.float32) / np.float32(255) - mean) / std


def batch_indices(seed: int, step: int, size: int, batch: int) -> np.ndarray:
    """Which training images make the batch of one step.

    Each epoch is a fresh permutation drawn from (seed, epoch) and cut into ``size // batch`` batches; the
    images left over at its end are dropped for that epoch, so every batch is full.

    Args:
        seed: names the order, at least 0.
        step: counts from 0 over the whole run.
        size: number of training images.
        batch: number of images in a batch, from 1 to ``size``.

    Returns:
        int64, shape (batch,): distinct indices in ``range(size)``.

    Raises:
        InputError: a batch that the training set cannot fill, or a negative seed or step.
    """
    if not 1 <= batch <= size:
        raise InputError(
            got=f"a batch of {batch} from {size} training images",
            expected=f"a batch from 1 to {size}",
            advice="choose a smaller batch, or a larger training set",
        )
    if seed < 0 or step < 0:
        raise InputError(
            got=f"seed {seed} and step {step}",
            expected="both at least 0",
            advice="count steps from 0 and choose a seed that is not negative",
        )
    epoch, position = divmod(step, size // batch)
    order = np.random.default_rng([seed, epoch]).permutation(size)
    return order[position * batch : (position + 1) * batch].astype(np.int64)


def load_dataset(name: str, *, directory: str | Path | None = None, download: bool = False, seed: int = 0) -> Dataset:
    """A data set by its name.

    Args:
        name: ``"synthetic"`` (made here from ``seed``, needs nothing) or ``"cifar10"`` (read from
            ``directory``).
        directory: for cifar10, the folder that holds the binary files or its parent.
        download: for cifar10, fetch the official archive into ``directory`` first, unless the files are
            there.
        seed: for synthetic, which images are drawn.

    Raises:
        InputError: an unknown name, no directory for cifar10, or whatever reading or downloading finds wrong.
    """
    from bnverify.empirical.data.cifar10 import download_cifar10, read_cifar10
    from bnverify.empirical.data.synthetic import synthetic_cifar

    if name == "synthetic":
        return synthetic_cifar(seed)
    if name != "cifar10":
        raise InputError(
            got=f"the data set {name!r}",
            expected="one of " + ", ".join(DATASETS),
            advice="choose a name from the list",
        )
    if directory is None:
        raise InputError(
            got="cifar10 without a directory",
            expected="the folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin",
            advice="pass --data DIR, or choose synthetic, which needs no files",
        )
    return read_cifar10(download_cifar10(directory) if download else directory)
