"""Check an exported proof from its JSON alone. Nothing else of this package is imported: the document is all there is.

    python theory/proof/recheck proof.json

The document starts at the definition of a normalizer. Derivatives, backward pass and Hessian are derived here from
that definition, by routes of this folder's own; what the document says of them is compared. Checked as well: that the
statement with everything established inserted is the conclusion, that no factor of a certificate can be negative, and
that an exact example satisfies all that is assumed. What is assumed (definition, hypotheses and their equations,
denominators) is printed with the verdict, from what was read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .check import Proof
from .example import satisfied
from .reading import Refused, parse
from .tables import FORMAT

__all__ = ["FORMAT", "Recheck", "Refused", "main", "parse", "recheck"]


@dataclass(frozen=True)
class Recheck:
    """The verdict on a document: true if nothing was refused. ``rests_on`` lists what it takes as given.

    Read ``statement`` and ``rests_on``: that the one follows from the other is what was checked, and all that was.
    """

    key: str
    checked: tuple[str, ...]
    refused: tuple[str, ...]
    rests_on: tuple[str, ...]
    statement: str = ""

    def __bool__(self) -> bool:
        return not self.refused

    def __str__(self) -> str:
        lines = [f"{self.key}: {'checked' if self else 'REFUSED'}", f"  statement: {self.statement}"]
        lines += [f"  refused: {line}" for line in self.refused] or [f"  checked: {line}" for line in self.checked]
        return "\n".join(lines + [f"  rests on: {line}" for line in self.rests_on])


def recheck(document: Mapping[str, Any]) -> Recheck:
    """Check a document made by `to_json`; whatever is malformed is refused like what is wrong."""
    checked: list[str] = []
    refused: list[str] = []

    def attempt(what: str, check: Callable[[], Any]) -> Any:
        try:
            result = check()
        except Refused as reason:
            refused.append(_line(f"{what}: {reason}"))
        except Exception as error:  # what breaks a check has not passed it
            refused.append(_line(f"{what}: malformed: {type(error).__name__}: {error}"))
        else:
            checked.append(what)
            return result

    given: tuple[str, ...] = ()
    stated = ""
    proof = attempt("the tables", lambda: Proof(document))
    if proof is not None:
        for number, step in enumerate(document["steps"], 1):
            attempt(f"step {number}", partial(proof.step, step, number))
        attempt("the conclusion", proof.conclusion)
        attempt("what is divided by", proof.divided)
        attempt("an example of all that is assumed", lambda: satisfied(document))
        given = tuple(attempt("what is given", lambda: list(proof.given())) or ())
        stated = attempt("the statement", proof.stated) or ""
    key = document.get("key") if isinstance(document, Mapping) else None
    return Recheck(_line(str(key)), tuple(checked), tuple(refused), given, stated)


def _line(text: str) -> str:
    """One printable line."""
    return "".join(c if c.isprintable() else "?" for c in text)[:300]


def main(path: str) -> int:
    """Check the proof in a JSON file; 0 where it stands, 1 where it does not, 2 where there is no file to read."""
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file, object_pairs_hook=_once)
    except OSError as error:
        print(_line(f"{path}: cannot be read: {error}"))
        return 2
    except (Refused, ValueError, RecursionError) as reason:
        print(_line(f"{path}: REFUSED: {reason}"))
        return 1
    verdict = recheck(document)
    print(verdict)
    return 0 if verdict else 1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, refused if a key stands in it twice."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise Refused("an object has a key twice")
    return dict(pairs)
