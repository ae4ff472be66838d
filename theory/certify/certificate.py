"""Certificates: what Coq's kernel says of a claim, kept under the hash of everything it was told.

A claim's theorem is compiled, asked about in a file of our own, its premises are shown to be satisfiable, and where
theory/coq/links has a link, the theorem from the definition is compiled and asked about too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from bnverify.caching import opened, sealed
from bnverify.theory.certify.batch import Files, checked, in_batches, instance
from bnverify.theory.certify.consistency import consistency
from bnverify.theory.certify.coqc import (
    AXIOMS,
    LIBRARY,
    CoqError,
    CoqTimeout,
    Theorem,
    ask,
    compile_file,
    printable,
    refuse_escapes,
    version,
)
from bnverify.theory.certify.document import Document, identifier, read, refusing
from bnverify.theory.certify.expressions import Refused
from bnverify.theory.certify.library import cache, compiled, digest, sources
from bnverify.theory.certify.proof import generate
from bnverify.theory.certify.witness import search

LINKED = "kernel-checked from the definition"
PREMISES = "kernel-checked from these premises"
UNSHOWN = "kernel-checked from these premises, which are not shown to be satisfiable"
REFUSED = "refused"
UNDECIDED = "not decided"
_FORMAT = "bnverify certificate 1"


@dataclass(frozen=True)
class Certificate:
    """The verdict on a claim. ``statement`` is the theorem as Coq prints it, ``linked`` the one from the definition,
    ``premises`` are those of the latter if there is one, ``axioms`` what they use of Coq's standard axioms, ``reason``
    says why a claim, or its link, was refused or not decided."""

    key: str
    verdict: str
    statement: str = ""
    premises: tuple[str, ...] = ()
    linked: str = ""
    axioms: tuple[str, ...] = ()
    reason: str = ""
    hash: str = ""
    coq: str = ""
    seconds: float = 0.0

    def __bool__(self) -> bool:
        return self.verdict not in (REFUSED, UNDECIDED)

    @property
    def whole(self) -> bool:
        """Whether Coq accepted all there is: the claim, an example that meets its premises, and its link to the
        definition if there is one."""
        return bool(self) and self.verdict != UNSHOWN and not self.reason

    def __str__(self) -> str:
        lines = [f"{self.key}: {self.verdict}"] + ([f"  {self.reason}"] if self.reason else [])
        lines += [f"  {each}" for each in (self.linked, self.statement) if each]
        return "\n".join([*lines, f"  axioms of Coq: {', '.join(self.axioms) or 'none'}", f"  {self.hash[:16]}"])

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class _Work:
    """A claim's texts: the document, the generated file and the link, if there is one."""

    key: str
    document: Document
    generated: str
    link: str

    @cached_property
    def hash(self) -> str:
        library = (part for item in sources().items() for part in item)
        return digest(_FORMAT, self.key, self.generated, self.link, *library)


@refusing()
def _work(document: Mapping[str, Any]) -> _Work:
    doc = read(document)
    link = LIBRARY / "links" / f"{doc.identifier}.v"
    linked = link.is_file() and _catalogued(document)
    return _Work(doc.key, doc, generate(doc), link.read_text(encoding="utf-8") if linked else "")


def _catalogued(document: Mapping[str, Any]) -> bool:
    """Whether a document says what the claim of its key says, of the normalizer that the claim is about: a link leads
    from the definition of that normalizer to that claim, and to no other of the same name."""
    from bnverify.theory import CLAIMS, to_json

    key = document["key"]
    if key not in CLAIMS:
        return False
    own = to_json(CLAIMS[key])
    return all(document.get(field) == own.get(field) for field in ("normalizer", "statement", "hypotheses"))


def certify(documents: Iterable[Mapping[str, Any]], jobs: int = 2, fresh: bool = False) -> Iterator[Certificate]:
    """A certificate for each document, in order; NoCoq where there is no coqc. ``fresh`` ignores what is cached."""
    documents = list(documents)
    installed = version()
    names = [_identifier(document) for document in documents]
    found = [_known(document, fresh, names) for document in documents]
    todo = [work for work in found if isinstance(work, _Work)]
    if todo:
        with compiled() as library:
            alone = partial(_alone, library=library, installed=installed)
            together = partial(_together, library=library, installed=installed)
            new = iter(in_batches(todo, jobs, together, alone))
            yield from [next(new) if isinstance(each, _Work) else each for each in found]
    else:
        yield from (each for each in found if isinstance(each, Certificate))


def certificate_of(claim: str | Mapping[str, Any]) -> Certificate | None:
    """The certificate of a claim by key, or of exactly this document, if it was certified before; Coq is not asked."""
    if isinstance(claim, str):
        from bnverify.theory import CLAIMS, to_json

        document: Mapping[str, Any] = to_json(CLAIMS[claim])
    else:
        document = claim
    try:
        return _stored(_work(document))
    except Refused:
        return None


def _identifier(document: Mapping[str, Any]) -> str:
    try:
        return identifier(document["key"])
    except (Refused, KeyError, TypeError):
        return ""


def _shown(document: Mapping[str, Any]) -> str:
    """A key fit for one line, whatever it is."""
    return " ".join(printable(str(document.get("key") if isinstance(document, Mapping) else None)).split())[:80]


def _known(document: Mapping[str, Any], fresh: bool, names: list[str]) -> Certificate | _Work:
    """The certificate that is there already, or that refuses what is malformed; else what has to be checked."""
    try:
        work = _work(document)
        if names.count(work.document.identifier) > 1:
            raise Refused(f"got two documents whose theorem would be {work.document.identifier}; expected one")
    except Refused as error:
        return Certificate(_shown(document), REFUSED, reason=printable(str(error)))
    return (None if fresh else _stored(work)) or work


def _stored(work: _Work) -> Certificate | None:
    return stored(work.hash, work.key, LINKED if work.link else PREMISES)


def _together(works: list[_Work], *, library: Path, installed: str) -> list[Certificate]:
    """Certificates of a batch, all of them whole; CoqError if one is not. Each has its share of the time."""
    start = time.perf_counter()
    batch = [Files(w.document.identifier, w.generated, search(w.document), w.link) for w in works]
    answers = checked(batch, library)
    seconds = (time.perf_counter() - start) / len(works)
    return [
        _kept(
            Certificate(
                work.key, LINKED if said.linked else PREMISES, said.theorem.statement,
                (said.linked or said.theorem).parts[1], said.linked.statement if said.linked else "", said.axioms,
            ),
            work, installed, seconds,
        )
        for work, said in zip(works, answers, strict=True)
    ]  # fmt: skip


def _alone(work: _Work, *, library: Path, installed: str) -> Certificate:
    """The certificate of one claim, whatever it says."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bnverify-") as scratch:
        try:
            found = _checked(work, Path(scratch), library)
        except CoqError as error:
            found = not_accepted(work.key, error)
    return _kept(found, work, installed, time.perf_counter() - start)


def not_accepted(key: str, error: CoqError) -> Certificate:
    """Refused, or not decided where Coq did not come to an end."""
    return Certificate(key, UNDECIDED if isinstance(error, CoqTimeout) else REFUSED, reason=str(error))


def _kept(found: Certificate, work: _Work, installed: str, seconds: float) -> Certificate:
    found = dataclasses.replace(found, hash=work.hash, coq=installed, seconds=round(seconds, 2))
    if found.whole:
        stow(found)
    return found


def _checked(work: _Work, folder: Path, library: Path) -> Certificate:
    name = work.document.identifier
    paths = {"bnverify": library, "bnverify.claims": folder / "claims", "bnverify.links": folder / "links"}
    for each in ("claims", "links"):
        (folder / each).mkdir()
    claim = f"bnverify.claims.{name}"
    compile_text(folder / "claims" / f"{name}.v", work.generated, paths)
    theorem = ask(f"{claim}.{name}", folder, paths, [claim.removeprefix("bnverify.")])
    satisfiable = _satisfiable(work.document, theorem, folder, paths)
    found = Certificate(
        work.key, PREMISES if satisfiable else UNSHOWN, theorem.statement, theorem.parts[1], axioms=theorem.axioms
    )
    if not work.link:
        return found
    try:
        linked = _from_definition(work, folder, paths)
    except CoqTimeout:
        raise
    except CoqError as error:
        return dataclasses.replace(found, reason=f"the link to the definition is not accepted: {error}")
    axioms = tuple(sorted({*theorem.axioms, *linked.axioms}))
    return dataclasses.replace(found, verdict=LINKED, linked=linked.statement, premises=linked.parts[1], axioms=axioms)


def _from_definition(work: _Work, folder: Path, paths: Mapping[str, Path]) -> Theorem:
    """The theorem of a claim's link, of which Coq has to find that it is an instance of the claim's own."""
    name = work.document.identifier
    claim, link = f"bnverify.claims.{name}", f"bnverify.links.{name}"
    compile_text(folder / "links" / f"{name}.v", work.link, paths)
    modules = [each.removeprefix("bnverify.") for each in (claim, link)]
    return ask(
        f"{link}.{name}_from_definition", folder, paths, modules,
        after=instance(f"{claim}.{name}", f"{link}.{name}_from_definition"),
    )  # fmt: skip


def compile_text(file: Path, text: str, paths: Mapping[str, Path]) -> None:
    """Write a file and compile it, unless it could prove without proof."""
    refuse_escapes(text)
    file.write_text(text, encoding="utf-8")
    compile_file(file, paths)


def _satisfiable(document: Document, theorem: Theorem, folder: Path, paths: Mapping[str, Path]) -> bool:
    """Whether Coq accepts that the premises, as printed, hold at the example that is found."""
    example = search(document)
    if example is None:
        return False
    try:
        text = consistency(theorem, example, "consistent")
        refuse_escapes(text)
        ask("consistent", folder, paths, (), before=text)
    except CoqTimeout:
        raise
    except (CoqError, Refused, KeyError):
        return False
    return True


# What is kept.


def stored(name: str, key: str, verdict: str) -> Certificate | None:
    """The certificate that is kept under a name, of this claim and with this verdict; None where there is none, or
    where the file is not exactly what `stow` writes of one that is whole."""
    folder = cache()
    if folder is None:
        return None
    try:
        text = (folder / f"{name}.json").read_text(encoding="utf-8")
        content = opened(text)
        fields: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
        found = Certificate(**fields)
        asked = (found.hash, found.key, found.verdict) == (name, key, verdict)
        return found if asked and text == sealed(found.to_json()) and _sound(found) else None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def _sound(found: Certificate) -> bool:
    """Whether a certificate says of each thing what one that is whole can say."""
    texts = (found.key, found.statement, found.linked, found.hash, found.coq, *found.premises, *found.axioms)
    if not all(isinstance(each, str) and each.isprintable() for each in texts) or found.reason != "":
        return False
    theorem = Theorem(found.linked or found.statement, found.axioms)
    premises = theorem.parts[1] if found.verdict in (LINKED, PREMISES) else ()
    return (
        bool(found.statement and found.coq) and bool(found.linked) == (found.verdict == LINKED)
        and found.premises == premises and set(found.axioms) <= AXIOMS
        and isinstance(found.seconds, float) and 0 <= found.seconds < math.inf
    )  # fmt: skip


def stow(found: Certificate) -> None:
    """Written to a file of its own, then renamed; nothing happens where that is not possible."""
    folder = cache()
    if folder is None:
        return
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(sealed(found.to_json()))
        os.replace(name, folder / f"{found.hash}.json")
