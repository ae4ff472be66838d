"""What is said of a claim whose proof another program has checked."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def certified(key: str) -> str:
    """State and fingerprint of a claim's certificate, as marked-up text; empty where there is none."""
    try:
        found: Any = import_module("bnverify.theory.certify").certificate_of(key)
    except (ImportError, AttributeError, KeyError):
        return ""
    if found is None:
        return ""
    state, digest = (str(getattr(found, name, "") or "") for name in ("state", "hash"))
    return f"{state}{f', SHA-256 {digest}' if digest else ''}." if state else ""
