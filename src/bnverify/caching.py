"""Where what can be made again is kept: compiled programs, proofs, certificates.

BNVERIFY_CACHE says it for all of them: off (or 0, or no) keeps nothing, anything else is the folder. Without it, it is
the folder bnverify in the user's cache, where the platform has that: $XDG_CACHE_HOME or ~/.cache, ~/Library/Caches,
%LOCALAPPDATA%. Where there is no home and where no folder can be made nothing is kept, and nothing is said.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any


def cache_folder(name: str = "") -> Path | None:
    """The folder of that name for what can be made again; None where nothing is kept. It is there, and perhaps cannot
    be written."""
    told = os.environ.get("BNVERIFY_CACHE", "")
    if told.lower() in ("off", "0", "no"):
        return None
    try:
        folder = (Path(told).expanduser() if told else _users() / "bnverify") / name
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError, ValueError):  # RuntimeError: no home directory
        return None
    return folder


def sealed(data: Any) -> str:
    """What is kept: a line with the digest of all that follows, which is JSON."""
    content = json.dumps(data)
    return f"{hashlib.sha256(content.encode()).hexdigest()}\n{content}"


def opened(text: str) -> Any:
    """From what was kept; ValueError where a letter of it was changed."""
    seal, _, content = text.partition("\n")
    if hashlib.sha256(content.encode()).hexdigest() != seal:
        raise ValueError("changed since it was written")
    return json.loads(content)


def _users() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    base = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME", "")
    if os.path.isabs(base):
        return Path(base)
    return Path.home() / (Path("AppData", "Local") if os.name == "nt" else ".cache")
