"""Coq as a program: where it is, one file compiled, and what it says about a theorem, asked in a file of our own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bnverify.errors import MachineError

INSTALL = "apt-get install --no-install-recommends coq"
LIBRARY = Path(__file__).resolve().parents[1] / "coq"
AXIOMS = frozenset(
    {
        "ClassicalDedekindReals.sig_forall_dec",
        "ClassicalDedekindReals.sig_not_dec",
        "FunctionalExtensionality.functional_extensionality_dep",
        "Classical_Prop.classic",
    }
)
_SECONDS = 300
_FORBIDDEN = re.compile(
    r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjectures?|Primitive|Unset|bypass_check|Guard|Positivity|Universe|"
    r"Load|Redirect|Declare|Extraction|Drop|Cd|Register|native_compute|vm_compute|Notation|Infix|Coercion|Canonical)\b"
)
_STOPPED = re.compile(
    "no space left on device|disk quota exceeded|input/output error|read-only file system|permission denied|"
    "too many open files|cannot allocate memory|out of memory",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"\(\*(?:[^*(]|\*(?!\))|\((?!\*))*\*\)")
_STRING = re.compile(r'"[^"]*"')


class NoCoq(RuntimeError):
    """There is no Coq on this machine."""

    def __init__(self) -> None:
        super().__init__(f"got:      no coqc on the PATH\nexpected: Coq 8.16 or later\ndo:       {INSTALL}")


class CoqStopped(MachineError):
    """Coq did not come to a verdict: it was killed, or the machine has no memory or disk left."""

    def __init__(self, got: str) -> None:
        super().__init__(
            got=" ".join(printable(got).split())[:300], expected="a machine on which coqc comes to an end",
            advice="free memory or disk, or set TMPDIR to a folder with room; nothing was refused: ask again",
        )  # fmt: skip


class CoqError(RuntimeError):
    """Coq refused a file, or what it said of one is not acceptable; the message is fit for a terminal."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message).strip()[:2000])


class CoqTimeout(CoqError):
    """Coq had not come to an end: of what it was asked, nothing is known."""


def printable(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(c if c == "\n" or c.isprintable() else "?" for c in text)


def executable() -> str:
    """The path of coqc; NoCoq where there is none."""
    found = shutil.which("coqc")
    if found is None:
        raise NoCoq
    return found


def version() -> str:
    """What coqc calls itself, "8.16.1"."""
    try:
        said = subprocess.run(
            [executable(), "--print-version"], capture_output=True, text=True, errors="replace", timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        raise CoqStopped("no answer from coqc --print-version within 60 s") from None
    if said.returncode or not said.stdout.split():
        raise CoqStopped(f"coqc --print-version ended with {said.returncode}: {said.stderr}")
    return printable(said.stdout).split()[0]


def refuse_escapes(text: str) -> None:
    """CoqError if a file could prove without proof, or speak to more than the kernel. Comments are not read; a string
    may hold neither end of one, so that what Coq reads is read here."""
    if any("(*" in string or "*)" in string for string in _STRING.findall(text)):
        raise CoqError("got a string with '(*' or '*)' in a file; expected proofs")
    while (shorter := _COMMENT.sub(" ", text)) != text:
        text = shorter
    word = _FORBIDDEN.search(text)
    if word or "(*" in text or not all(c == "\n" or c.isprintable() for c in text):
        raise CoqError(
            f"got {word[0] if word else 'an open comment or a control character'!r} in a file; expected proofs"
        )


def compile_file(file: Path, paths: Mapping[str, Path]) -> str:
    """Compile a file whose requirements are below `paths`, folders by logical name; what it printed."""
    options = [word for name, folder in paths.items() for word in ("-Q", str(folder), name)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("COQ", "OCAML"))}
    try:
        said = subprocess.run(
            [executable(), "-q", *options, file.name], cwd=file.parent, env=environment, timeout=_SECONDS,
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CoqTimeout(f"got no answer on {file.name} within {_SECONDS} s") from None
    if said.returncode:
        _refuse_machine(file.name, said.returncode, said.stderr)
        raise CoqError(said.stderr or f"coqc ended with {said.returncode}")
    return said.stdout


def _refuse_machine(name: str, status: int, told: str) -> None:
    """CoqStopped where a process ended for a reason that is none of the file's: a signal (as -9, or as 137 by a shell
    between), a full disk, no memory. 129 is how Coq calls an anomaly."""
    if status < 0 or status > 129:
        raise CoqStopped(f"coqc on {name}, ended by signal {-status if status < 0 else status - 128}")
    if _STOPPED.search(told):
        raise CoqStopped(f"coqc on {name}: {told}")


@dataclass(frozen=True)
class Theorem:
    """A theorem as Coq prints it."""

    statement: str
    axioms: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, tuple[str, ...], str]:
        """What is quantified, the premises and the conclusion."""
        text, variables = self.statement, ""
        if text.startswith("forall "):
            variables, _, text = text.removeprefix("forall ").partition(",")
        *premises, conclusion = split_arrows(text)
        return variables, tuple(premises), conclusion


def split_arrows(text: str) -> list[str]:
    """The parts of A -> B -> C, those in parentheses left whole."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and text.startswith("->", place):
            parts.append(text[start:place].strip())
            start = place + 2
    return [*parts, text[start:].strip()]


@dataclass(frozen=True)
class Question:
    """A theorem to be asked about, by its full name: what it states, and which axioms it and ``others`` rest on.
    ``after`` is what Coq has to accept besides."""

    name: str
    others: tuple[str, ...] = ()
    after: str = ""

    def lines(self, number: int) -> str:
        named = ", ".join(f"@{each}" for each in (self.name, *self.others))
        return (
            f'Redirect "statement{number}" Check {self.name}.\nDefinition asked{number} := ({named}).\n'
            f'Redirect "axioms{number}" Print Assumptions asked{number}.\n{self.after}\n'
        )


def ask(
    name: str, folder: Path, paths: Mapping[str, Path], requires: Iterable[str], before: str = "", after: str = ""
) -> Theorem:
    """Statement and axioms of a theorem, by its full name, from Coq itself; CoqError if it rests on anything else.

    The question is a file of its own, so that nothing the theorem's file says or redefines can answer it.
    """
    (theorem,) = ask_all([Question(name, after=after)], folder, paths, requires, before)
    return theorem


def ask_all(
    questions: Sequence[Question], folder: Path, paths: Mapping[str, Path], requires: Iterable[str], before: str = ""
) -> list[Theorem]:
    """`ask` for several theorems in one file; a list of axioms is of a theorem together with its others."""
    _question(folder, paths, requires, before + "\n" + "".join(q.lines(i) for i, q in enumerate(questions)))
    theorems = [
        Theorem(_statement(folder / f"statement{i}.out"), axioms_in(_said(folder / f"axioms{i}.out")))
        for i in range(len(questions))
    ]
    foreign = {axiom for theorem in theorems for axiom in theorem.axioms} - AXIOMS
    if foreign:
        raise CoqError(f"got the axioms {', '.join(sorted(foreign))}; expected at most {', '.join(sorted(AXIOMS))}")
    return theorems


def statements(
    names: Sequence[str], folder: Path, paths: Mapping[str, Path], requires: Iterable[str]
) -> list[str]:  # fmt: skip
    """What theorems state, from Coq itself. Nothing is said about axioms."""
    _question(
        folder, paths, requires, "".join(f'Redirect "statement{i}" Check {name}.\n' for i, name in enumerate(names))
    )
    return [_statement(folder / f"statement{i}.out") for i in range(len(names))]


def _question(folder: Path, paths: Mapping[str, Path], requires: Iterable[str], text: str) -> None:
    file = folder / "question.v"
    file.write_text(
        "From Coq Require Import Reals.\nFrom bnverify Require Import Vectors.\n"
        + "".join(f"From bnverify Require {module}.\n" for module in requires)
        + f"Open Scope R_scope.\nSet Printing Width 100.\nSet Printing Depth 100000.\n{text}",
        encoding="utf-8",
    )
    compile_file(file, paths)


def _said(file: Path) -> str:
    return printable(file.read_text(encoding="utf-8", errors="replace"))


def _statement(file: Path) -> str:
    return " ".join(_said(file).partition(":")[2].split())


def axioms_in(said: str) -> tuple[str, ...]:
    """The names in what `Print Assumptions` says; CoqError where it says anything unexpected."""
    if said.strip() == "Closed under the global context":
        return ()
    first, *lines = said.strip().splitlines() or [""]
    if first != "Axioms:":
        raise CoqError(f"got {said[:200]!r} from Print Assumptions; expected a list of axioms")
    return tuple(line.split()[0] for line in lines if line and not line[0].isspace())
