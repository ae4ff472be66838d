"""One folder for all that can be made again, and one word that switches it off."""

from pathlib import Path

import pytest

from bnverify.caching import cache_folder
from bnverify.reports.document.derived import kept
from bnverify.theory.certify.library import cache

NAMES = ("BNVERIFY_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA", "HOME", "USERPROFILE")


def _folders():
    """Where proofs, certificates and compiled programs are kept."""
    return [None if (file := kept("file")) is None else file.parent, cache(), cache_folder("compiled")]


@pytest.fixture
def nothing_told(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("word", ["off", "0", "No"])
def test_nothing_is_kept_where_it_is_switched_off(nothing_told, monkeypatch, tmp_path, word):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("BNVERIFY_CACHE", word)
    assert _folders() == [None, None, None] and not list(tmp_path.iterdir())


def test_everything_is_kept_below_the_folder_that_is_named(nothing_told, monkeypatch, tmp_path):
    monkeypatch.setenv("BNVERIFY_CACHE", str(tmp_path / "mine"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert _folders() == [tmp_path / "mine", tmp_path / "mine" / "certify", tmp_path / "mine" / "compiled"]
    assert not (tmp_path / "home").exists()


def test_a_tilde_is_the_home_of_the_user(nothing_told, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setenv("BNVERIFY_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "home" / "mine" and not (tmp_path / "~").exists()


@pytest.mark.parametrize("told", ["", "relative"])
def test_else_it_is_the_users_cache(nothing_told, monkeypatch, tmp_path, told):
    """A relative path is none, as the standard has it."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", told)
    monkeypatch.chdir(tmp_path)
    here = tmp_path / ".cache" / "bnverify"
    assert _folders() == [here, here / "certify", here / "compiled"] and not Path("relative").exists()


def test_without_a_home_nothing_is_kept_and_nothing_is_said(nothing_told, monkeypatch):
    """A user without an entry in the table of users: programs in a container run so."""

    def homeless(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.expanduser", homeless)
    monkeypatch.setattr("pathlib.Path.home", lambda: homeless("~"))
    assert _folders() == [None, None, None]


def test_a_file_in_the_place_of_the_folder_is_none(nothing_told, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BNVERIFY_CACHE", str(tmp_path / "file"))
    assert _folders() == [None, None, None]
