"""What is said of claims whose proofs Coq's kernel has checked on this machine; Coq itself is not asked."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from bnverify.caching import opened, sealed
from bnverify.empirical.runs.files import write_atomically
from bnverify.reports.document.derived import Derived, kept
from bnverify.theory import CLAIMS, to_json
from bnverify.theory.certify import certificate_of
from bnverify.theory.certify.library import cache


def certificates(derived: Derived) -> dict[str, str]:
    """By key the verdict of the kernel, the axioms it used and the hash of everything it was told, as marked-up text;
    nothing where no certificate is kept."""
    folder = cache()
    if folder is None or not any(folder.rglob("*.json")):
        return {}
    found = {key: certificate_of(document) for key, document in _documents(derived).items()}
    return {key: said(one) for key, one in found.items() if one is not None}


def said(certificate: Any) -> str:
    """A certificate in a sentence."""
    axioms = ", ".join(certificate.axioms) or "none"
    return f"{certificate.verdict}; axioms of Coq: {axioms}; SHA-256 {certificate.hash}."


def _documents(derived: Derived) -> Mapping[str, Any]:
    """The documents of the claims, kept beside what was derived."""
    file = kept(f"documents-{derived.fingerprint}.json")
    if file is not None:
        with contextlib.suppress(OSError, ValueError, RecursionError):  # not there, or not as it was written
            known = opened(file.read_text())
            if isinstance(known, dict) and [*known] == [claim.key for claim in derived.claims]:
                return known
    documents = {claim.key: to_json(CLAIMS[claim.key]) for claim in derived.claims}
    if file is not None:
        with contextlib.suppress(OSError):  # a cache that cannot be written is none
            write_atomically(file, sealed(documents).encode())
    return documents
