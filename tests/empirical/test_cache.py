"""Compiled programs are kept, in bounds and whole, where that can be done, and otherwise silently not."""

import inspect
import os
from pathlib import Path

import jax
import pytest

from bnverify.caching import cache_folder
from bnverify.empirical.runs.cache import guard_entries, keep_compiled, prune, release_compiled


@pytest.fixture
def unset(monkeypatch, tmp_path):
    """Without a cache of the test suite; what is changed is restored."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs",
             "jax_persistent_cache_min_entry_size_bytes", "jax_raise_persistent_cache_errors")  # fmt: skip
    before = {name: getattr(jax.config, name) for name in names}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("BNVERIFY_CACHE", raising=False)
    jax.config.update("jax_compilation_cache_dir", None)
    yield tmp_path
    for name, value in before.items():
        jax.config.update(name, value)


def test_it_is_on_by_default_in_the_users_folder(unset):
    folder = cache_folder("compiled")
    assert keep_compiled() == folder and folder.is_relative_to(unset)
    assert jax.config.jax_compilation_cache_dir == str(folder)
    assert keep_compiled() is None  # on already: as a folder of the user's own


@pytest.mark.parametrize("word", ["off", "0", "NO"])
def test_it_can_be_switched_off(unset, monkeypatch, word):
    monkeypatch.setenv("BNVERIFY_CACHE", word)
    assert keep_compiled() is None and jax.config.jax_compilation_cache_dir is None and not list(unset.iterdir())


def test_where_it_cannot_be_written_nothing_is_kept(unset):
    (unset / "bnverify").write_text("a file in the place of the folder")
    assert keep_compiled() is None and jax.config.jax_compilation_cache_dir is None


def test_where_there_is_no_home_nothing_is_kept(unset, monkeypatch):
    monkeypatch.setattr("bnverify.empirical.runs.cache.cache_folder", lambda name: None)
    assert keep_compiled() is None and jax.config.jax_compilation_cache_dir is None and not list(unset.iterdir())


def test_it_is_bounded_and_what_was_used_longest_ago_goes_first(tmp_path):
    for age, name in enumerate(("new", "middle", "old")):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    prune(tmp_path, 300)
    assert len(list(tmp_path.iterdir())) == 3
    prune(tmp_path, 299)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["middle", "new"]
    prune(tmp_path, 99)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("whole", [True, False])
def test_a_process_that_is_killed_while_it_writes_leaves_no_broken_entry(tmp_path, monkeypatch, whole):
    """Half of an entry is written when it happens: under a name that nobody reads. JAX alone leaves it for good."""
    from jax._src.lru_cache import LRUCache

    for name in ("get", "put"):
        monkeypatch.setattr(LRUCache, name, inspect.unwrap(getattr(LRUCache, name)))
    if whole:
        guard_entries()
        guard_entries()  # once is enough
    cache = LRUCache(str(tmp_path), max_size=-1)
    write = type(cache.path).write_bytes

    def killed(path, value):
        write(path, value[: len(value) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(cache.path), "write_bytes", killed)
        with pytest.raises(KeyboardInterrupt):
            cache.put("key", b"program")
    assert cache.get("key") == (None if whole else b"pro")
    cache.put("key", b"program")
    assert cache.get("key") == (b"program" if whole else b"pro")
    cache.put("key", b"another")  # what is there is kept, as JAX keeps it
    assert (cache.get("key") == b"program") == whole and (tmp_path / "key-cache").is_file()


def _swapped(one, two):
    one_was, two_was = one.read_bytes(), two.read_bytes()
    one.write_bytes(two_was), two.write_bytes(one_was)


def _changed(one, two):
    one.write_bytes(one.read_bytes()[:-1] + b"?")


CHANGES = {"swapped": _swapped, "a letter": _changed, "emptied": lambda one, two: one.write_bytes(b""),
           "without a seal": lambda one, two: one.write_bytes(b"one")}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_program_that_is_anothers_or_was_changed_is_compiled_anew(unset, change):
    from jax._src.lru_cache import LRUCache

    guard_entries()
    folder = cache_folder("compiled")
    cache = LRUCache(str(folder), max_size=-1)
    cache.put("one", b"one"), cache.put("two", b"two")
    assert (cache.get("one"), cache.get("two"), cache.get("three")) == (b"one", b"two", None)
    CHANGES[change](folder / "one-cache", folder / "two-cache")
    assert cache.get("one") is None
    cache.put("one", b"one")
    assert cache.get("one") == b"one"  # and it is replaced


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="nobody says how many maps a process has")
def test_compiled_programs_are_released_where_there_are_too_many_maps():
    traced = []

    @jax.jit
    def program(x):
        traced.append(x)
        return x + 1

    program(1.0)
    assert not release_compiled(maps=10**9)
    program(1.0)
    assert len(traced) == 1
    assert release_compiled(maps=0)
    program(1.0)
    assert len(traced) == 2
