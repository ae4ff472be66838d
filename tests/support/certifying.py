"""For the tests of certificates: documents exported once, and a library small enough to compile in a test."""

from __future__ import annotations

import copy
import functools
import shutil
from typing import Any

import pytest

from bnverify.theory import CLAIMS, to_json
from bnverify.theory.certify import certificate, coqc, library

needs_coq = pytest.mark.skipif(shutil.which("coqc") is None, reason=f"no coqc on this machine: {coqc.INSTALL}")


@functools.cache
def _exported(key: str) -> dict[str, Any]:
    return to_json(CLAIMS[key])


def document(key: str, /, **changes: Any) -> dict[str, Any]:
    """A claim's document with parts replaced."""
    return copy.deepcopy(_exported(key)) | changes


def stated(key: str, /, **changes: Any) -> dict[str, Any]:
    """A claim's document with another statement."""
    exported = document(key)
    return exported | {"statement": exported["statement"] | changes}


def use_library(monkeypatch: pytest.MonkeyPatch, folder: Any, **replaced: tuple[str, str]) -> Any:
    """A library of the two files generated proofs need, in `folder`, parts of their text replaced; no links."""
    (folder / "links").mkdir(parents=True)
    for name in ("Vectors", "Generated"):
        text = (coqc.LIBRARY / f"{name}.v").read_text(encoding="utf-8")
        if name in replaced:
            old, new = replaced[name]
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / f"{name}.v").write_text(text, encoding="utf-8")
    monkeypatch.setattr(library, "LIBRARY", folder)
    monkeypatch.setattr(certificate, "LIBRARY", folder)
    return folder
