"""What theory/ derives, as strings: every claim proved, every printed formula audited, every normalizer settled.

Proving takes seconds, and says the same as long as no line of theory/ changes. So it is kept in the user's cache by the
fingerprint of those lines, of the libraries and of what is asked for: what has changed is proved anew.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path

import sympy as sp

from bnverify.caching import cache_folder, opened, sealed
from bnverify.empirical.runs.files import write_atomically
from bnverify.reports.document import formula
from bnverify.reports.document.audited import RuledRecord, ShownRecord, is_shown, ruled_record, shown_record
from bnverify.reports.document.normalizers import ShownNormalizer, shown_normalizer
from bnverify.reports.document.prose import prose
from bnverify.theory import AUDIT, CLAIMS, NORMALIZERS, Claim, Hypothesis, Proof

Pieces = tuple[str, ...]
_KEPT = 8  # proofs of so many versions are kept
_READ = ("theory", "reports/document")


@dataclass(frozen=True)
class ShownStep:
    """A step of a proof; ``same``: both sides come out as the same expression, printed once; ``seen_in`` is the claim
    whose proof already showed it, or empty."""

    name: str
    reason: str
    pieces: Pieces
    same: bool
    seen_in: str = ""


@dataclass(frozen=True)
class ShownClaim:
    """A proved claim."""

    key: str
    module: str
    title: str
    kind: str
    relation: str
    shape: str
    reference: str
    place: str
    statement: Pieces
    zero_right: bool
    hypotheses: tuple[tuple[str, str, bool], ...]
    remark: str
    steps: tuple[ShownStep, ...]
    certificate: Pieces
    tried: tuple[str, ...]


@dataclass(frozen=True)
class Derived:
    """Everything that is proved, and the fingerprint of what it was proved from."""

    claims: tuple[ShownClaim, ...]
    records: tuple[ShownRecord, ...]
    normalizers: tuple[ShownNormalizer, ...]
    fingerprint: str
    others: tuple[RuledRecord, ...] = ()
    kept: bool = field(default=False, compare=False)
    """Whether it was proved before, and read from the cache."""

    @property
    def audited(self) -> tuple[ShownRecord | RuledRecord, ...]:
        """The records of the audit, in whatever form."""
        return (*self.records, *self.others)

    @property
    def by_key(self) -> dict[str, ShownClaim]:
        return {claim.key: claim for claim in self.claims}


def derive(fingerprint: str = "") -> Derived:
    """Prove, audit and settle everything here and now; ProofError or AuditError where something fails."""
    proofs = {key: claim.prove() for key, claim in CLAIMS.items()}
    return Derived(
        tuple(_claims(proofs)),
        tuple(shown_record(record) for record in AUDIT.values() if is_shown(record)),
        tuple(shown_normalizer(normalizer) for normalizer in NORMALIZERS.values()),
        fingerprint,
        tuple(ruled_record(record) for record in AUDIT.values() if not is_shown(record)),
    )


def derived() -> Derived:
    """The same, from the cache where nothing has changed since."""
    fingerprint = _fingerprint()
    file = kept(f"derived-{fingerprint}.json")
    ours = file is not None and all(_module(claim).startswith("bnverify.theory") for claim in CLAIMS.values())
    if file is not None and ours:
        try:
            before = _read(opened(file.read_text()))
            if before.fingerprint == fingerprint and list(before.by_key) == list(CLAIMS):
                return before
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass  # not there, or not as it was written: prove
    found = derive(fingerprint)
    if file is not None and ours:
        try:
            write_atomically(file, sealed(asdict(found)).encode())
            _forget(file.parent)
        except OSError:
            pass  # a cache that cannot be written is none
    return found


def _claims(proofs: dict[str, Proof]):
    """Claims in reading order; a step is displayed where it first occurs."""
    seen: dict[tuple[str, str, str], str] = {}
    for key, proof in proofs.items():
        claim, steps = CLAIMS[key], []
        for step in proof:
            left, right = formula.latex(step.left), formula.latex(step.right)
            first = seen.setdefault((step.name, left, right), key)
            same = left == right
            pieces = formula.expression(step.left) if same else formula.relation(step.left, "=", step.right)
            known = first if first != key and step is not proof.steps[-1] else ""
            steps.append(ShownStep(prose(step.name), prose(step.reason), pieces, same, known))
        certificate = () if proof.certificate is None else formula.certificate(proof.certificate.terms)
        yield ShownClaim(
            key, _module(claim), prose(claim.title), claim.kind, claim.relation, claim.shape, claim.source.reference,
            prose(claim.source.place), formula.relation(claim.left, formula.SIGNS[claim.relation], claim.right),
            claim.right == 0,
            tuple((_hypothesis(h), prose(h.statement), h.condition is not None) for h in claim.hypotheses),
            prose(claim.remark), tuple(steps), certificate, tuple(map(prose, proof.trials)),
        )  # fmt: skip


def _hypothesis(hypothesis: Hypothesis) -> str:
    """Its name, and all that a proof may insert under it."""
    name = prose(hypothesis.name)
    found = (" ".join(formula.relation(subject, "=", value)) for subject, value in hypothesis.equations.items())
    equations = [f"${shown}$" for shown in found if shown.replace(" ", "") not in name.replace(" ", "")]
    return f"{name} ({', '.join(equations)})" if equations else name


def _module(claim: Claim) -> str:
    """The module whose function derives the claim."""
    return getattr(claim.derive, "__module__", "")


def _fingerprint() -> str:
    """Of every line of theory/ and of what turns it into strings, of the libraries, and of the keys asked for."""
    digest = hashlib.sha256()
    for part in _READ:
        root = Path(str(files("bnverify"))) / part
        for file in sorted(root.resolve().rglob("*.py")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    asked = [list(CLAIMS), list(AUDIT), list(NORMALIZERS)]
    digest.update(json.dumps([sp.__version__, platform.python_version(), asked]).encode())
    return digest.hexdigest()[:32]


def kept(name: str) -> Path | None:
    """Where a file that can be made again is kept; None where nothing is."""
    folder = cache_folder()
    return None if folder is None else folder / name


def _forget(folder: Path) -> None:
    """Remove what was kept longest ago."""
    for pattern in ("derived-*.json", "documents-*.json"):
        files = sorted(folder.glob(pattern), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in files[_KEPT:]:
            file.unlink(missing_ok=True)


def _read(data: dict) -> Derived:
    """From JSON, in which every tuple is a list."""

    def tuples(value):
        return tuple(map(tuples, value)) if isinstance(value, list) else value

    def claim(one: dict) -> ShownClaim:
        steps = tuple(ShownStep(**{k: tuples(v) for k, v in step.items()}) for step in one.pop("steps"))
        return ShownClaim(steps=steps, **{k: tuples(v) for k, v in one.items()})

    return Derived(
        tuple(map(claim, data["claims"])),
        tuple(ShownRecord(**{k: tuples(v) for k, v in one.items()}) for one in data["records"]),
        tuple(ShownNormalizer(**{k: tuples(v) for k, v in one.items()}) for one in data["normalizers"]),
        data["fingerprint"],
        tuple(RuledRecord(**{k: tuples(v) for k, v in one.items()}) for one in data["others"]),
        kept=True,
    )
