"""The library in theory/coq, compiled once: in the user's cache, under the hash of its sources."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from bnverify.caching import cache_folder
from bnverify.theory.certify.coqc import LIBRARY, compile_file, executable, version

_REQUIRE = re.compile(r"^From bnverify Require (?:Import |Export )?([\w ]+)\.", re.MULTILINE)

_SEAL = "whole"


def digest(*texts: str) -> str:
    """A hash of texts, each with its length."""
    whole = hashlib.sha256()
    for text in texts:
        encoded = text.encode()
        whole.update(f"{len(encoded)}\n".encode() + encoded)
    return whole.hexdigest()


def cache() -> Path | None:
    """The folder for what can be made again; None where it cannot be written."""
    folder = cache_folder("certify")
    return folder if folder is not None and os.access(folder, os.W_OK) else None


def sources() -> dict[str, str]:
    """The library's files by name, in an order in which they compile."""
    texts = {file.stem: file.read_text(encoding="utf-8") for file in sorted(LIBRARY.glob("*.v"))}
    ordered: dict[str, str] = {}

    def add(name: str) -> None:
        if name in texts and name not in ordered:
            for needed in " ".join(_REQUIRE.findall(texts[name])).split():
                add(needed)
            ordered[name] = texts[name]

    for name in texts:
        add(name)
    return ordered


@contextlib.contextmanager
def compiled() -> Iterator[Path]:
    """A folder with the compiled library; one that is not whole, or of another coqc, is compiled anew."""
    texts, kept = sources(), cache()
    name = "library-" + digest(version(), *(part for item in texts.items() for part in item))[:32]
    if kept is not None and _whole(kept / name, texts):
        yield kept / name
        return
    with tempfile.TemporaryDirectory(prefix="bnverify-", dir=kept) as scratch:
        folder = Path(scratch) / "library"
        folder.mkdir()
        for file, text in texts.items():
            (folder / f"{file}.v").write_text(text, encoding="utf-8")
            compile_file(folder / f"{file}.v", {"bnverify": folder})
        (folder / _SEAL).write_text(_seal(folder, texts), encoding="utf-8")
        if kept is not None:
            with contextlib.suppress(OSError):  # another process was faster
                if not _whole(kept / name, texts):
                    _removed(kept / name)
                folder.rename(kept / name)
        yield kept / name if kept is not None and not folder.exists() else folder


def _seal(folder: Path, names: Iterable[str]) -> str:
    """What a whole library is known by: the contents of its files, and the coqc that compiled them."""
    coqc = Path(executable()).resolve()
    files = (path for file in names for path in (folder / f"{file}.v", folder / f"{file}.vo"))
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    return digest(str(coqc), str(coqc.stat().st_size), str(coqc.stat().st_mtime_ns), *hashes)


def _whole(folder: Path, names: Iterable[str]) -> bool:
    """Whether a folder has every file of the library as it was when this coqc had compiled it."""
    try:
        return (folder / _SEAL).read_bytes() == _seal(folder, names).encode()
    except OSError:
        return False


def _removed(place: Path) -> None:
    """What is left of a library, or is in its place, goes out of the way."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
