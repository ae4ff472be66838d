"""Several files in one process of Coq: starting it and loading the reals costs more than most proofs.

Every file becomes a module of one file, so that nothing in one is seen by another that does not import it. What is
asked is asked of each theorem by its full name, as of a file of its own. If anything in a batch is refused, its halves
are tried, and in the end each file alone: a verdict is never about a neighbour.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bnverify.theory.certify.consistency import consistency
from bnverify.theory.certify.coqc import (
    CoqError,
    Question,
    Theorem,
    ask_all,
    compile_file,
    refuse_escapes,
    statements,
)  # fmt: skip
from bnverify.theory.certify.expressions import Refused
from bnverify.theory.certify.witness import Example

_LEAVES = re.compile(r"\b(Module|Section|End)\b(?! Claim'\.)")
LARGEST = 12
"""Files in a batch: more save little, and a refusal costs more."""
_CLAIM = re.compile(r"^From bnverify\.claims Require Import (\w+)\.$", re.MULTILINE)
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Files:
    """A claim's files: the generated one, the example that meets its premises, and the link or "" without one."""

    name: str
    generated: str
    example: Example | None
    link: str


@dataclass(frozen=True)
class Checked:
    """What Coq said: the claim's theorem, and that of its link if it has one; ``axioms`` are those of all its files."""

    theorem: Theorem
    linked: Theorem | None
    axioms: tuple[str, ...]


def in_batches(
    items: Sequence[Item], jobs: int, together: Callable[[list[Item]], list[Result]], alone: Callable[[Item], Result]
) -> list[Result]:
    """A result for each item, in order: ``together`` on batches, so many at a time; where it raises CoqError, on their
    halves, and ``alone`` on what is left. Items are dealt out, as neighbours cost alike."""

    def solved(batch: list[Item]) -> list[Result]:
        if len(batch) == 1:
            return [alone(batch[0])]
        try:
            return together(batch)
        except CoqError:
            half = len(batch) // 2
            return solved(batch[:half]) + solved(batch[half:])

    count = max(1, math.ceil(len(items) / LARGEST), min(jobs, len(items)))
    found: dict[int, Result] = {}
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        dealt = [range(start, len(items), count) for start in range(count)]
        for places, results in zip(dealt, pool.map(solved, [[items[i] for i in each] for each in dealt]), strict=True):
            found |= dict(zip(places, results, strict=True))
    return [found[i] for i in range(len(items))]


def checked(batch: Sequence[Files], library: Path) -> list[Checked]:
    """Claims, examples and links of a batch; CoqError if Coq refuses any of them, or an example is missing."""
    linked = {files.name for files in batch if files.link}
    with tempfile.TemporaryDirectory(prefix="bnverify-") as scratch:
        folder = Path(scratch)
        paths = {"bnverify": library} | {f"bnverify.{part}": folder / part for part in ("claims", "shown", "links")}
        compile_modules(folder / "claims", {files.name: files.generated for files in batch}, paths)
        names = [f"bnverify.claims.Batch.{files.name}.{files.name}" for files in batch]
        found = statements(names, folder, paths, ["claims.Batch"])
        compile_modules(folder / "shown", dict(map(_shown, batch, found)), paths)
        links = {files.name: _CLAIM.sub(r"Import bnverify.claims.Batch.\1.", files.link) for files in batch}
        links = {name: text for name, text in links.items() if name in linked}
        compile_modules(folder / "links", links, paths, "From bnverify.claims Require Batch.\n")
        questions = []
        for files, name in zip(batch, names, strict=True):
            link = f"bnverify.links.Batch.{files.name}.{files.name}_from_definition"
            shown = f"bnverify.shown.Batch.{files.name}.consistent"
            if files.name in linked:
                questions.append(Question(link, (name, shown), instance(name, link)))
            else:
                questions.append(Question(name, (shown,)))
        parts = ["claims.Batch", "shown.Batch", *(["links.Batch"] if linked else [])]
        answers = ask_all(questions, folder, paths, parts)
    return [
        Checked(Theorem(text, answer.axioms), answer if files.name in linked else None, answer.axioms)
        for files, text, answer in zip(batch, found, answers, strict=True)
    ]


def instance(claim: str, link: str) -> str:
    """What Coq accepts only if the theorem of a link is an instance of the claim's own."""
    return f"Goal ltac:(let t := type of {link} in exact t).\nProof. intros. eapply {claim}. Abort."


def compile_modules(
    folder: Path, texts: Mapping[str, str], paths: Mapping[str, Path], before: str = ""
) -> None:  # fmt: skip
    """Files as modules of one file, folder/Batch.v, compiled; none of them could prove without proof."""
    folder.mkdir()
    for text in texts.values():
        refuse_escapes(text)
    if any(_LEAVES.search(text) for text in texts.values()):
        raise CoqError("got a file with modules or sections of its own; expected one that can stand in a module")
    whole = "".join(f"Module {name}.\n{text}\nEnd {name}.\n" for name, text in texts.items())
    (folder / "Batch.v").write_text(before + whole, encoding="utf-8")
    compile_file(folder / "Batch.v", paths)


def _shown(files: Files, statement: str) -> tuple[str, str]:
    if files.example is None:
        raise CoqError(f"no example for {files.name}")
    try:
        return files.name, consistency(Theorem(statement, ()), files.example, "consistent")
    except (Refused, KeyError) as error:
        raise CoqError(str(error)) from None
