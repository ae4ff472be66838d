"""Files whose one theorem says all there is to say of a key: a formula refuted, or a law that follows."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bnverify.theory.certify.batch import compile_modules, in_batches
from bnverify.theory.certify.certificate import PREMISES, Certificate, not_accepted, stored, stow
from bnverify.theory.certify.coqc import CoqError, Question, Theorem, ask_all, version
from bnverify.theory.certify.library import compiled, digest, sources

REFUTED = "refuted in the kernel, from the definition"


@dataclass(frozen=True)
class Sentence:
    """A file, the name of its theorem, and the verdict if Coq accepts it. ``beside`` are theorems of the file that have
    to be there too."""

    key: str
    text: str
    theorem: str
    verdict: str = REFUTED
    beside: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        library = (part for item in sources().items() for part in item)
        return digest("bnverify sentence 1", self.key, self.text, self.theorem, self.verdict, *self.beside, *library)


def certify_sentences(chosen: Iterable[Sentence], jobs: int = 2, fresh: bool = False) -> Iterator[Certificate]:
    """A certificate for each sentence, in order; NoCoq where there is no coqc. ``fresh`` ignores what is cached."""
    chosen = list(chosen)
    if not chosen:
        return
    installed = version()
    found = [(None if fresh else kept(each)) or each for each in chosen]
    todo = [each for each in found if isinstance(each, Sentence)]
    if not todo:
        yield from (each for each in found if isinstance(each, Certificate))
        return
    with compiled() as library:
        alone = partial(_alone, library=library, installed=installed)
        new = iter(in_batches(todo, jobs, partial(_together, library=library, installed=installed), alone))
        yield from [next(new) if isinstance(each, Sentence) else each for each in found]


def kept(chosen: Sentence) -> Certificate | None:
    """The certificate of a sentence that was made before; Coq is not asked."""
    return stored(chosen.hash, chosen.key, chosen.verdict)


def _together(batch: list[Sentence], *, library: Path, installed: str) -> list[Certificate]:
    """Certificates of a batch; CoqError if one is refused. Each has its share of the time."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bnverify-") as scratch:
        folder = Path(scratch)
        paths = {"bnverify": library, "bnverify.sentences": folder / "sentences"}
        names = [f"file{i}" for i in range(len(batch))]
        compile_modules(folder / "sentences", {n: each.text for n, each in zip(names, batch, strict=True)}, paths)
        modules = [f"bnverify.sentences.Batch.{name}" for name in names]
        questions = [
            Question(f"{module}.{each.theorem}", tuple(f"{module}.{name}" for name in each.beside))
            for module, each in zip(modules, batch, strict=True)
        ]
        theorems = ask_all(questions, folder, paths, ["sentences.Batch"])
    seconds = (time.perf_counter() - start) / len(batch)
    return [_said(each, theorem, installed, seconds) for each, theorem in zip(batch, theorems, strict=True)]


def _alone(chosen: Sentence, *, library: Path, installed: str) -> Certificate:
    """The certificate of one sentence, whatever it says."""
    start = time.perf_counter()
    try:
        (found,) = _together([chosen], library=library, installed=installed)
    except CoqError as error:
        seconds = round(time.perf_counter() - start, 2)
        return dataclasses.replace(not_accepted(chosen.key, error), hash=chosen.hash, coq=installed, seconds=seconds)
    return found


def _said(chosen: Sentence, theorem: Theorem, installed: str, seconds: float) -> Certificate:
    """The certificate, kept; CoqError where the theorem is of another kind than its verdict."""
    if (chosen.verdict == REFUTED) != theorem.statement.startswith("~ "):
        raise CoqError(f"got {theorem.statement[:100]}; expected what is {chosen.verdict}")
    premises = theorem.parts[1] if chosen.verdict == PREMISES else ()
    found = Certificate(
        chosen.key, chosen.verdict, theorem.statement, premises, axioms=theorem.axioms, hash=chosen.hash,
        coq=installed, seconds=round(seconds, 2),
    )  # fmt: skip
    stow(found)
    return found
