"""The library in theory/coq, compiled once: in the user's cache, under the hash of its sources."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bnverify.caching import cache_folder
from bnverify.theory.certify.coqc import LIBRARY, compile_file, version

_REQUIRE = re.compile(r"^From bnverify Require (?:Import |Export )?([\w ]+)\.", re.MULTILINE)


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
    """A folder with the compiled library."""
    texts, kept = sources(), cache()
    name = "library-" + digest(version(), *(part for item in texts.items() for part in item))[:32]
    if kept is not None and (kept / name).is_dir():
        yield kept / name
        return
    with tempfile.TemporaryDirectory(prefix="bnverify-", dir=kept) as scratch:
        folder = Path(scratch) / "library"
        folder.mkdir()
        for file, text in texts.items():
            (folder / f"{file}.v").write_text(text, encoding="utf-8")
            compile_file(folder / f"{file}.v", {"bnverify": folder})
        if kept is not None:
            with contextlib.suppress(OSError):  # another process was faster
                folder.rename(kept / name)
            folder = kept / name
        yield folder
