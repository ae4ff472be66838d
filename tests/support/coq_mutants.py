"""Mutants of claims for Coq: statements that are false at an exact example of the premises; whether Coq accepts them.

A changed coefficient, sign, power or summand need not make a statement false: a weaker bound is true, a term may vanish
under the premises. So a mutant counts where a rational example at which all premises hold contradicts it.
"""

from __future__ import annotations

import ast
import copy
import random
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from certifying import document

from bnverify.theory.certify import witness
from bnverify.theory.certify.coqc import executable
from bnverify.theory.certify.document import Document, read
from bnverify.theory.certify.proof import HEADER, generate
from bnverify.theory.certify.witness import Example

KINDS = ("coefficient", "sign", "power", "summand")
EXAMPLES, MOST, SECONDS = 8, 3, 60
"""Examples of a claim, mutants of a kind, and what a sentence of Coq may take."""


def examples(doc: Document) -> list[Example]:
    """Exact examples at which all premises of a document hold, drawn at random."""
    chance, found = random.Random(f"mutants of {doc.key}"), []
    for trial in range(4000):
        try:
            found.append(witness._tried(doc, chance, trial))
        except (witness._Impossible, witness._Missing):
            continue
        if len(found) == EXAMPLES:
            break
    return found


def holds(statement: dict[str, str], example: Example) -> bool | None:
    """Whether a statement is true at an example; None where a root is irrational or a divisor 0."""
    try:
        left, right = example.value(statement["left"]), example.value(statement["right"])
    except witness._Impossible:
        return None
    return left == right if statement["relation"] == "==" else left <= right


def mutations(text: str) -> Iterator[tuple[str, str]]:
    """Kind and text of every mutant of a formula."""
    parts = list(_summands(ast.parse(text, mode="eval").body))
    for i, (sign, term) in enumerate(parts):
        yield "coefficient", _sum([*parts[:i], (sign, f"2*({term})"), *parts[i + 1 :]])
        yield "sign", _sum([*parts[:i], (-sign, term), *parts[i + 1 :]])
        yield "summand", _sum([*parts[:i], *parts[i + 1 :]])
    yield "summand", f"({text}) + 1"
    yield "summand", f"({text}) - 1"
    tree = ast.parse(text, mode="eval")
    for place, node in enumerate(ast.walk(tree)):
        if isinstance(node, (ast.BinOp, ast.Name)):
            other = _power(tree, place)
            if other is not None:
                yield "power", other


def _summands(node: ast.expr, sign: int = 1) -> Iterator[tuple[int, str]]:
    match node:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            yield from _summands(left, sign)
            yield from _summands(right, sign if isinstance(op, ast.Add) else -sign)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield from _summands(operand, -sign)
        case _:
            yield sign, ast.unparse(node)


def _sum(parts: Sequence[tuple[int, str]]) -> str:
    return "".join(f" {'+' if sign > 0 else '-'} ({term})" for sign, term in parts).removeprefix(" + ").strip() or "0"


def _power(tree: ast.Expression, place: int) -> str | None:
    """The formula with one more factor: of a power its base, of a name itself; None for what is no power or name."""
    new = copy.deepcopy(tree)
    node: Any = list(ast.walk(new))[place]
    if isinstance(node, ast.Name):
        node.id = f"({node.id}*{node.id})"
    elif isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
        node.right.value += 1
    else:
        return None
    return ast.unparse(new)


def mutants(key: str) -> tuple[list[tuple[str, dict[str, Any]]], int]:
    """Documents of false mutants with their kind, at most `MOST` of a kind, and how many were not contradicted."""
    whole = document(key)
    doc, statement = read(whole), whole["statement"]
    at = examples(doc)
    assert at and all(holds(statement, example) is not False for example in at), key
    false: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    spared = 0
    for side in ("right", "left"):
        for kind, text in mutations(statement[side]):
            if len(false[kind]) < MOST and text not in (each[side] for each in false[kind]):
                other = statement | {side: text}
                if any(holds(other, example) is False for example in at):
                    false[kind].append(other)
                else:
                    spared += 1
    return [(kind, whole | {"statement": each}) for kind in KINDS for each in false[kind]], spared


def accepted(documents: Sequence[dict[str, Any]], library: Path, folder: Path) -> list[bool]:
    """Whether Coq proves each document's theorem: all generated files in one session, each in a module that is dropped
    after it was asked whether the theorem is there."""
    texts = [generate(read(each)) for each in documents]
    names = [read(each).identifier for each in documents]
    session = f"{HEADER}Set Silent.\nSet Default Timeout {SECONDS}.\n"  # what is loaded once is not loaded again
    for i, (name, text) in enumerate(zip(names, texts, strict=True)):
        question = f"Check {name}.\nAbort All.\nLocate {name}.\n"
        session += f"Module mutant{i}.\n{text}\nAbort All.\nLocate mark{i}_.\n{question}Reset mutant{i}.\n"
    top = shutil.which("coqtop", path=str(Path(executable()).parent))
    said = subprocess.run(
        [top, "-q", "-Q", str(library), "bnverify"], input=session, cwd=folder, capture_output=True, text=True,
        timeout=600, check=False,
    ).stdout  # fmt: skip
    parts = [said.partition(f" mark{i}_")[2].partition(f" mark{i + 1}_")[0] for i in range(len(names))]
    assert all(part.strip() for part in parts), said[-2000:]
    return [f"Constant {name}" in part or f".{name}\n" in part for name, part in zip(names, parts, strict=True)]
