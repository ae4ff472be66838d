"""Exported proofs, made once and handed out as copies that went through JSON text."""

from __future__ import annotations

import functools
import json
from typing import Any

from bnverify.theory import CLAIMS
from bnverify.theory.proof.export import dumps


@functools.cache
def _text(key: str) -> str:
    return dumps(CLAIMS[key])


def document(key: str) -> dict[str, Any]:
    return json.loads(_text(key))
