"""What must be right for a proof to be right, counted: lines of code without comments, docstrings and blank lines.

python theory/proof/trusted_base.py              # this tree
python theory/proof/trusted_base.py 7f824c4      # a commit, with the files that route had there
"""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterable
from pathlib import Path

# A route to a verdict, and the files it trusts (besides Python and SymPy).
NOW = {
    "recheck of a document": (
        "theory/proof/recheck/__init__.py", "theory/proof/recheck/check.py", "theory/proof/recheck/example.py",
        "theory/proof/recheck/hypotheses.py", "theory/proof/recheck/reading.py", "theory/proof/recheck/rules.py",
        "theory/proof/recheck/signs.py", "theory/proof/recheck/tables.py", "theory/proof/recheck/texts.py",
    ),
    "claim.prove()": (
        "theory/algebra/vectors.py", "theory/algebra/derivative.py", "theory/algebra/channel_sum.py",
        "theory/normalizers/normalizer.py", "theory/proof/claim.py", "theory/proof/givens.py",
        "theory/proof/insertion.py", "theory/proof/prove.py", "theory/proof/signs.py",
    ),
}  # fmt: skip
_RESULTS = (
    "any_normalizer", "backward_pass", "batch_renormalization", "fact_c1", "fact_c2", "invariance", "lemma_4_5",
    "lp_normalisation", "moments", "observation_4_3", "reparametrisation", "second_derivative", "spectrum", "sum_rule",
    "theorem_4_1", "theorem_4_2", "theorem_4_4",
)  # fmt: skip
# Of these files the functions count: the rest is statements, which are what is proved.
# Before, what a document defined was taken as given: its definitions came from the derivations, which were trusted.
_DERIVATIONS = (
    "theory/algebra.py", "theory/derivative.py", "theory/normalizer.py", "theory/claim.py",
    *(f"theory/{name}.py" for name in _RESULTS),
)  # fmt: skip
BEFORE = {
    "recheck of a document": ("theory/recheck.py", *_DERIVATIONS),
    "claim.prove()": (*_DERIVATIONS, "theory/signs.py"),
}
_SKIPPED = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
    tokenize.ENCODING,
}  # fmt: skip


def lines_of_code(source: str, functions_only: bool = False) -> int:
    """Lines that hold a token other than a comment, outside docstrings; in functions only, where the rest is data."""
    documented: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and ast.get_docstring(node, clean=False) is not None
        ):
            first = node.body[0]
            documented |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _SKIPPED:
            found |= set(range(token.start[0], token.end[0] + 1))
    if functions_only:
        inside = (n for n in ast.walk(ast.parse(source)) if isinstance(n, (ast.FunctionDef, ast.Lambda)))
        found &= {line for node in inside for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return len(found - documented)


def counted(files: Iterable[str], read: Callable[[str], str]) -> int:
    """The lines of code of functions."""
    return sum(lines_of_code(read(file), Path(file).stem in _RESULTS) for file in files)


def in_tree(file: str) -> str:
    """The source of a file of this tree."""
    return (Path(__file__).parents[2] / file).read_text(encoding="utf-8")


def at_commit(commit: str) -> Callable[[str], str]:
    """A reader of files as they were at a commit."""
    root = Path(__file__).resolve().parents[2]
    return lambda file: (
        subprocess.run(
            ["git", "-C", str(root), "show", f"{commit}:{file}"], capture_output=True, text=True, check=True
        ).stdout
    )


def main(arguments: list[str]) -> None:
    """One line a route."""
    for route, files in (BEFORE if arguments else NOW).items():
        print(f"{counted(files, at_commit(arguments[0]) if arguments else in_tree):6,d}  {route}")


if __name__ == "__main__":
    main(sys.argv[1:])
