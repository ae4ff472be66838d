"""The binary reader on files made by hand, and the download from a server on this machine."""

import hashlib
import io
import os
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from bnverify.empirical.data.cifar10 import CIFAR10_MD5, CIFAR10_URL, FOLDER, download_cifar10, read_cifar10
from bnverify.empirical.data.dataset import CHANNEL_MEAN, CHANNEL_STD
from bnverify.errors import InputError

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAIN = [f"data_batch_{i}.bin" for i in range(1, 6)]


def pixel(row: int, column: int, channel: int, salt: int) -> int:
    """A byte that tells row, column and channel apart."""
    return (7 * row + 3 * column + 90 * channel + salt) % 256


def record(label: int, salt: int) -> bytes:
    """One record written plane by plane, row by row, with loops: no reshape in common with the reader."""
    out = bytearray([label])
    for channel in range(3):
        for row in range(32):
            for column in range(32):
                out.append(pixel(row, column, channel, salt))
    return bytes(out)


def image(salt: int) -> np.ndarray:
    return np.array(
        [[[pixel(row, column, c, salt) for c in range(3)] for column in range(32)] for row in range(32)],
        np.uint8,
    )


def official_files() -> dict[str, bytes]:
    files = {file: record(i, 10 * i) + record(9 - i, 10 * i + 1) for i, file in enumerate(TRAIN)}
    files["test_batch.bin"] = record(7, 200)
    files["batches.meta.txt"] = ("\n".join(NAMES) + "\n\n").encode()
    return files


def write(folder, files: dict[str, bytes]):
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    return folder


def test_reads_records_in_order(tmp_path):
    data = read_cifar10(write(tmp_path, official_files()))
    assert (data.name, data.classes) == ("cifar10", NAMES)
    assert data.train_labels.tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]
    assert data.test_labels.tolist() == [7]
    for index, salt in enumerate((0, 1, 10, 11, 20, 21, 30, 31, 40, 41)):
        assert np.array_equal(data.train_images[index], image(salt))
    assert np.array_equal(data.test_images[0], image(200))


def test_a_reader_with_axes_confused_would_be_caught(tmp_path):
    """Negative control of the test above: the hand-made image has no symmetry that hides a wrong reader."""
    right = read_cifar10(write(tmp_path, official_files())).test_images[0]
    bytes_in_order = np.frombuffer(record(7, 200)[1:], np.uint8)
    wrong = {
        "channels reversed": right[..., ::-1],
        "rows and columns swapped": right.transpose(1, 0, 2),
        "channels interleaved": bytes_in_order.reshape(32, 32, 3),
        "upside down": right[::-1],
    }
    assert not [name for name, picture in wrong.items() if np.array_equal(picture, image(200))]


def test_folder_or_its_parent(tmp_path):
    folder = write(tmp_path / FOLDER, official_files())
    assert read_cifar10(folder) == read_cifar10(tmp_path) == read_cifar10(str(tmp_path))


def test_missing_directory(tmp_path):
    with pytest.raises(InputError, match=r"nowhere, which is not a directory"):
        read_cifar10(tmp_path / "nowhere")


def test_missing_files_are_all_named(tmp_path):
    files = official_files()
    del files["data_batch_3.bin"], files["test_batch.bin"]
    with pytest.raises(InputError, match=r"without data_batch_3\.bin, test_batch\.bin\n"):
        read_cifar10(write(tmp_path, files))


@pytest.mark.parametrize("size", [0, 1, 3072, 3074, 2 * 3073 - 1])
def test_truncated_file(tmp_path, size):
    files = official_files()
    files["data_batch_2.bin"] = (files["data_batch_2.bin"])[:size]
    with pytest.raises(InputError, match=rf"(?s)data_batch_2\.bin of {size:,} bytes.*30,730,000"):
        read_cifar10(write(tmp_path, files))


@pytest.mark.parametrize("label", [10, 255])
def test_label_out_of_range(tmp_path, label):
    files = official_files()
    files["data_batch_4.bin"] = record(9, 0) + record(label, 0)
    with pytest.raises(InputError, match=rf"data_batch_4\.bin: label {label} in record 1 "):
        read_cifar10(write(tmp_path, files))


def test_wrong_number_of_class_names(tmp_path):
    with pytest.raises(InputError, match="with 2 names"):
        read_cifar10(write(tmp_path, official_files() | {"batches.meta.txt": b"cat\ndog\n"}))


def test_real_data():
    directory = os.environ.get("BNVERIFY_CIFAR10")
    if not directory:
        pytest.skip("BNVERIFY_CIFAR10 names no directory with the binary files")
    data = read_cifar10(directory)
    assert data.classes == NAMES
    assert data.train_images.shape == (50_000, 32, 32, 3)
    assert np.bincount(data.train_labels).tolist() == [5_000] * 10
    assert np.bincount(data.test_labels).tolist() == [1_000] * 10
    levels = np.arange(256) / 255
    for channel, (mean, std) in enumerate(zip(CHANNEL_MEAN, CHANNEL_STD, strict=True)):
        share = np.bincount(data.train_images[..., channel].ravel(), minlength=256) / (50_000 * 1024)
        measured = share @ levels
        assert abs(measured - mean) < 1e-3  # a tenth of the smallest distance between two channels
        # wider: a copy that was compressed with loss on its way has a little less contrast
        assert abs(np.sqrt(share @ (levels - measured) ** 2) - std) < 2.5e-3


def regular(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def archive(files: dict[str, bytes], *extra: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """The official archive in small: the folder, the files, the readme; then whatever is slipped in."""
    members = [special(FOLDER, tarfile.DIRTYPE)]
    members += [regular(f"{FOLDER}/{file}", content) for file, content in files.items()]
    members.append(regular(f"{FOLDER}/readme.html", b"<html></html>"))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for member, content in (*members, *extra):
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


class Server:
    """Serves ``content`` on a free local port, says it has ``announced`` bytes, and counts the requests."""

    def __init__(self, content: bytes, announced: int | None = None, status: int = 200) -> None:
        self.requests = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                self.send_response(status)
                self.send_header("Content-Length", str(len(content) if announced is None else announced))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/archive.tar.gz"

    def __enter__(self) -> "Server":
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def files_below(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_official_address_and_checksum():
    assert CIFAR10_URL == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    assert CIFAR10_MD5 == "c32a1d4ab5d03f1284b67883e8d87530"


def test_download_then_read_then_not_again(tmp_path):
    content = archive(official_files())
    target = tmp_path / "made" / "on demand"
    with Server(content) as server:
        folder = download_cifar10(target, _url=server.url, _md5=md5(content))
        assert folder == target / FOLDER
        assert download_cifar10(target, _url=server.url, _md5=md5(content)) == folder
        assert download_cifar10(folder, _url=server.url, _md5=md5(content)) == folder
        assert server.requests == 1
    assert files_below(target) == sorted(f"{FOLDER}/{file}" for file in (*official_files(), "readme.html"))
    assert [entry.name for entry in target.iterdir()] == [FOLDER], "no temporary folder may stay"
    assert read_cifar10(target) == read_cifar10(write(tmp_path / "by hand", official_files()))


def test_damaged_files_are_replaced(tmp_path):
    content = archive(official_files())
    write(tmp_path / FOLDER, official_files() | {"data_batch_5.bin": b"half"})
    with Server(content) as server:
        download_cifar10(tmp_path, _url=server.url, _md5=md5(content))
        assert server.requests == 1
    assert read_cifar10(tmp_path).train_labels.tolist()[-2:] == [4, 5]


def test_wrong_checksum_is_not_opened(tmp_path):
    """The archive is evil as well: had it been opened, the error would speak of its members."""
    content = archive(official_files(), regular("../outside", b"x"))
    with Server(content) as server, pytest.raises(InputError, match=rf"MD5 {md5(content)}") as caught:
        download_cifar10(tmp_path / "data", _url=server.url, _md5=CIFAR10_MD5)
    assert CIFAR10_MD5 in caught.value.expected
    assert files_below(tmp_path) == []


@pytest.mark.parametrize(
    "extra",
    [
        regular("../outside", b"x"),
        regular(f"{FOLDER}/../../outside", b"x"),
        regular("/tmp/outside-of-bnverify", b"x"),
        regular(f"{FOLDER}/surprise.py", b"x"),
        regular("data_batch_1.bin", b"x"),
        special(f"{FOLDER}/test_batch.bin", tarfile.SYMTYPE, "/etc/hostname"),
        special(f"{FOLDER}/test_batch.bin", tarfile.LNKTYPE, f"{FOLDER}/data_batch_1.bin"),
        special(f"{FOLDER}/test_batch.bin", tarfile.FIFOTYPE),
        special(f"{FOLDER}/test_batch.bin", tarfile.DIRTYPE),
        special(FOLDER, tarfile.SYMTYPE, "/tmp"),
    ],
    ids=lambda extra: f"{extra[0].name}, type {extra[0].type.decode()}",
)
def test_unexpected_members_are_refused(tmp_path, extra):
    content = archive(official_files(), extra)
    with Server(content) as server, pytest.raises(InputError, match="do not trust this archive") as caught:
        download_cifar10(tmp_path / "data", _url=server.url, _md5=md5(content))
    assert extra[0].name in caught.value.got
    assert files_below(tmp_path) == []


def test_interrupted_transfer(tmp_path):
    content = archive(official_files())
    half = content[: len(content) // 2]
    with (
        Server(half, announced=len(content)) as server,
        pytest.raises(InputError, match="broke off") as caught,
    ):
        download_cifar10(tmp_path, _url=server.url, _md5=md5(content))
    assert f"{len(half):,} bytes" in caught.value.got
    assert f"{len(content):,} bytes" in caught.value.expected
    assert list(tmp_path.iterdir()) == []


def test_interrupted_transfer_keeps_what_was_there(tmp_path):
    content = archive(official_files())
    files = official_files()
    del files["test_batch.bin"]
    write(tmp_path / FOLDER, files)
    with (
        Server(content[:100], announced=len(content)) as server,
        pytest.raises(InputError, match="broke off"),
    ):
        download_cifar10(tmp_path, _url=server.url, _md5=md5(content))
    assert files_below(tmp_path) == sorted(f"{FOLDER}/{file}" for file in files)


def test_no_connection_says_what_to_do(tmp_path):
    with Server(b"") as server:
        url = server.url
    with pytest.raises(InputError, match=r"pass --data DIR"):
        download_cifar10(tmp_path, _url=url)
    assert list(tmp_path.iterdir()) == []


def test_page_not_found(tmp_path):
    with Server(b"", status=404) as server, pytest.raises(InputError, match="404"):
        download_cifar10(tmp_path, _url=server.url)


def test_archive_that_is_no_archive(tmp_path):
    content = b"<html>please log in</html>"
    with Server(content) as server, pytest.raises(InputError, match="cannot be read"):
        download_cifar10(tmp_path, _url=server.url, _md5=md5(content))


def test_archive_without_a_file(tmp_path):
    files = official_files()
    del files["data_batch_1.bin"]
    content = archive(files)
    with Server(content) as server, pytest.raises(InputError, match=r"an archive without data_batch_1\.bin"):
        download_cifar10(tmp_path, _url=server.url, _md5=md5(content))
    assert files_below(tmp_path) == []


def test_directory_that_is_a_file(tmp_path):
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(InputError, match="to be writable"):
        download_cifar10(tmp_path / "data", _url="http://127.0.0.1:9/never-asked")
    assert (tmp_path / "data").read_text() == "in the way"
