"""Compiled programs kept in the user's cache folder, so that a second run does not compile them again.

Most of a small run is compilation. The folder, of `bnverify.caching`, is bounded: the programs used longest ago go
first. Where it cannot be written nothing is kept, and nothing is said. A folder named by JAX_COMPILATION_CACHE_DIR is
the user's own affair. Either may be shared by processes, and any of them be killed: what is written there appears
whole.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
import os
import secrets
from pathlib import Path
from typing import Any

from bnverify.caching import cache_folder

OURS = "compiled"
"""The folder below that of `bnverify.caching`."""
BOUND = 2**30
"""Bytes that the folder may have when a run starts."""
MAPS = 30_000
"""Memory maps of a process, above which compiled programs are released: Linux lets it have 65,530."""
_SECONDS = 0.2  # what compiles faster is not kept
_LENGTH = hashlib.sha256().digest_size


def keep_compiled() -> Path | None:
    """Switch the cache on before the first compilation; its folder, or None where nothing is kept."""
    import jax

    guard_entries()
    if getattr(jax.config, "jax_compilation_cache_dir", None):
        return None
    place = cache_folder(OURS)
    if place is None:
        return None
    try:
        probe = place / f".writable-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
        prune(place, BOUND)
    except OSError:
        return None
    jax.config.update("jax_compilation_cache_dir", str(place))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _SECONDS)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jax.config.update("jax_raise_persistent_cache_errors", False)
    return place


def release_compiled(maps: int = MAPS) -> bool:
    """Drop what is compiled where this process has more memory maps than that, or nobody says how many; whether it was
    done. Every compiled program holds some: a process that compiles thousands runs out, and the compiler crashes."""
    with contextlib.suppress(OSError):
        if Path("/proc/self/maps").read_bytes().count(b"\n") <= maps:
            return False
    import jax

    jax.clear_caches()
    gc.collect()
    return True


def guard_entries() -> None:
    """Entries of JAX's cache are there whole or not at all, and in our folder those of their key.

    JAX is let write an entry under another name and move it to its own. It writes in place, so that others may read a
    part, and never replaces what is there: a process that is killed while it writes leaves a broken entry for good. In
    the folder of `keep_compiled` an entry begins with the digest of its key and of what was compiled: one that is
    another's, or was changed, is compiled anew and replaced."""
    try:
        from jax._src.lru_cache import LRUCache
    except ImportError:  # another JAX: as it does it
        return
    get, put = LRUCache.get, LRUCache.put
    if hasattr(put, "__wrapped__"):  # done before
        return

    @functools.wraps(put)
    def put_whole(cache: Any, key: str, value: bytes) -> None:
        place = Path(str(cache.path))
        if cache.eviction_enabled or (place / f"{key}-cache").exists():  # with eviction there is a lock
            return put(cache, key, value)
        part = f"{key}-{secrets.token_hex(8)}"  # of nobody else, nor left behind by one
        put(cache, part, _seal(key, value) + value if place == cache_folder(OURS) else value)
        (place / f"{part}-cache").replace(place / f"{key}-cache")

    @functools.wraps(get)
    def get_sealed(cache: Any, key: str) -> bytes | None:
        found, place = get(cache, key), Path(str(cache.path))
        if found is None or place != cache_folder(OURS):
            return found
        seal, value = found[:_LENGTH], found[_LENGTH:]
        if seal == _seal(key, value):
            return value
        (place / f"{key}-cache").unlink(missing_ok=True)
        return None

    LRUCache.get, LRUCache.put = get_sealed, put_whole  # type: ignore[assignment, method-assign]


def _seal(key: str, value: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + value).digest()


def prune(place: Path, bound: int) -> None:
    """Remove the files used longest ago until the rest has at most ``bound`` bytes; others may do so too."""
    files = []
    for file in place.iterdir():
        try:
            if file.is_file():
                known = file.stat()
                files.append((max(known.st_atime, known.st_mtime), known.st_size, file))
        except FileNotFoundError:
            continue
    total = sum(size for _, size, _ in files)
    for _, size, file in sorted(files, key=lambda entry: entry[0]):
        if total <= bound:
            return
        file.unlink(missing_ok=True)
        total -= size
