"""CIFAR-10 in its official binary layout: read it, and fetch it.

A record is 3073 bytes: one label, then 1024 red, 1024 green and 1024 blue pixels, each plane row by row.
Nothing in the layout is executable, and nothing from the network is unpacked before its checksum is right.
"""

import hashlib
import http.client
import os
import tarfile
import tempfile
import urllib.request
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from bnverify.empirical.data.dataset import Dataset
from bnverify.errors import InputError

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
FOLDER = "cifar-10-batches-bin"

_TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
_TEST = "test_batch.bin"
_META = "batches.meta.txt"
_NEEDED = (*_TRAIN, _TEST, _META)
_MEMBERS = frozenset(f"{FOLDER}/{file}" for file in (*_NEEDED, "readme.html"))
_RECORD = 1 + 3 * 32 * 32
_CLASSES = 10
_BY_HAND = f"fetch {CIFAR10_URL} by hand, unpack it, and pass --data DIR with the folder it makes"


def read_cifar10(directory: str | Path) -> Dataset:
    """Read the binary files of a directory.

    The official files hold 10,000 records each (30,730,000 bytes). Any whole number of records from one up is
    accepted, so that a subset can be read as well; a file that ends inside a record, or is empty, is
    truncated.

    Args:
        directory: the folder that holds the ``.bin`` files, or the folder that holds
            ``cifar-10-batches-bin``.

    Returns:
        A :class:`~dataset.Dataset` named ``"cifar10"``: 50,000 training and 10,000 test images if
        the files are the official ones, in the order of the files; classes as ``batches.meta.txt`` names
        them.

    Raises:
        InputError: no such directory, files missing (all are named), a truncated file, a label above 9, or a
            list of classes that does not have ten names.
    """
    folder = _find_folder(Path(directory))
    missing = [file for file in _NEEDED if not (folder / file).is_file()]
    if missing:
        raise InputError(
            got=f"{folder} without {', '.join(missing)}",
            expected=f"{', '.join(_NEEDED)}, in this folder or in {FOLDER} below it",
            advice=f"download again, or {_BY_HAND}",
        )
    classes = tuple((folder / _META).read_text(encoding="utf-8", errors="replace").split())
    if len(classes) != _CLASSES:
        raise InputError(
            got=f"{folder / _META} with {len(classes)} names",
            expected="ten class names, one a line",
            advice="take this file from the official archive",
        )
    train = [_read_records(folder / file) for file in _TRAIN]
    test_images, test_labels = _read_records(folder / _TEST)
    return Dataset(
        name="cifar10",
        train_images=np.concatenate([images for images, _ in train]),
        train_labels=np.concatenate([labels for _, labels in train]),
        test_images=test_images,
        test_labels=test_labels,
        classes=classes,
    )


def _find_folder(directory: Path) -> Path:
    if not directory.is_dir():
        raise InputError(
            got=f"{directory}, which is not a directory",
            expected="the folder of the CIFAR-10 binary files, or its parent",
            advice="check the path after --data, or allow the download",
        )
    below = directory / FOLDER
    return below if below.is_dir() else directory


def _read_records(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (N, 32, 32, 3) and labels int32 (N,) of one file of N records."""
    raw = np.fromfile(file, np.uint8)
    if raw.size == 0 or raw.size % _RECORD:
        raise InputError(
            got=f"{file} of {raw.size:,} bytes",
            expected=f"30,730,000 bytes (10,000 records), or another multiple of {_RECORD} bytes",
            advice="the file is truncated: delete it and download again",
        )
    records = raw.reshape(-1, _RECORD)
    labels = records[:, 0].astype(np.int32)
    wrong = np.flatnonzero(labels >= _CLASSES)
    if wrong.size:
        raise InputError(
            got=f"{file}: label {labels[wrong[0]]} in record {wrong[0]} (counted from 0)",
            expected="labels from 0 to 9",
            advice="the file is damaged or is not CIFAR-10: delete it and download again",
        )
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels


def download_cifar10(directory: str | Path, *, _url: str = CIFAR10_URL, _md5: str = CIFAR10_MD5) -> Path:
    """Fetch the official archive and unpack it into ``directory/cifar-10-batches-bin``.

    Files that :func:`read_cifar10` accepts are left alone and nothing is fetched. Otherwise the archive goes
    to a temporary folder inside ``directory``, its MD5 is compared before it is opened, and each file is
    renamed into place only when it is complete. A download that stops half-way leaves no file behind and
    starts afresh the next time.

    Args:
        directory: where to put the data; made if it does not exist.

    Returns:
        The folder that holds the files, ready for :func:`read_cifar10`.

    Raises:
        InputError: no connection, a transfer that broke off, a wrong checksum, an archive with anything in it
            but the expected regular files, or a directory that cannot be written.
    """
    directory = Path(directory)
    try:
        read_cifar10(directory)
        return _find_folder(directory)
    except InputError:
        pass  # missing or damaged: this is what the download is for
    target = directory / FOLDER
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cifar10-", dir=directory) as temporary:
            archive = Path(temporary) / "archive.tar.gz"
            _fetch(_url, archive, _md5)
            _unpack(archive, Path(temporary))
            target.mkdir(exist_ok=True)
            for file in (Path(temporary) / FOLDER).iterdir():
                os.replace(file, target / file.name)
    except (OSError, http.client.HTTPException) as error:
        raise InputError(
            got=f"{type(error).__name__}: {error}",
            expected=f"{_url} to be reachable and {directory} to be writable",
            advice=_BY_HAND,
        ) from error
    return target


def _fetch(url: str, file: Path, md5: str) -> None:
    """Copy ``url`` to ``file`` with a progress bar; InputError if it breaks off or its MD5 is not ``md5``."""
    digest = hashlib.md5(usedforsecurity=False)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with (
        urllib.request.urlopen(url, timeout=30) as response,
        file.open("wb") as out,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        length = response.headers.get("Content-Length")
        total = int(length) if length else None
        task = progress.add_task("CIFAR-10", total=total)
        received = 0
        while block := response.read(1 << 18):
            out.write(block)
            digest.update(block)
            received += len(block)
            progress.update(task, completed=received)
    if total is not None and received != total:
        raise InputError(
            got=f"{received:,} bytes from {url}",
            expected=f"{total:,} bytes",
            advice=f"the transfer broke off: try again, or {_BY_HAND}",
        )
    if digest.hexdigest() != md5:
        raise InputError(
            got=f"an archive with MD5 {digest.hexdigest()} from {url}",
            expected=f"MD5 {md5}",
            advice=f"the archive is damaged or was changed and was not opened: try again, or {_BY_HAND}",
        )


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack the expected files into ``folder``; InputError, with nothing written, if there are others."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            members = tar.getmembers()
            files = [member for member in members if not (member.isdir() and member.name == FOLDER)]
            odd = [member.name for member in files if not member.isreg() or member.name not in _MEMBERS]
            if odd:
                raise InputError(
                    got=f"an archive with {', '.join(map(repr, odd))}",
                    expected=f"nothing but regular files named {', '.join(sorted(_MEMBERS))}",
                    advice=f"do not trust this archive; {_BY_HAND}",
                )
            tar.extractall(folder, members=files, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise InputError(
            got=f"an archive that cannot be read ({error})",
            expected="a tar file compressed with gzip",
            advice=_BY_HAND,
        ) from error
    missing = [file for file in _NEEDED if not (folder / FOLDER / file).is_file()]
    if missing:
        raise InputError(
            got=f"an archive without {', '.join(missing)}",
            expected=f"all of {', '.join(_NEEDED)}",
            advice=_BY_HAND,
        )
