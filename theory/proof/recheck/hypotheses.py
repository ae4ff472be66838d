"""What a document may assume: hypotheses, and what is declared, never say what follows from the definition."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from .reading import Refused, atom, pair, prose, tree
from .rules import DERIVED, MEANINGS, MOVING, Definition
from .signs import Signs
from .texts import parts, texts

RELATIONS = ("==", "<=", "<", ">=", ">")


class Hypotheses(Signs):
    """A document's definition and hypotheses; ``derived`` is what its steps establish and no hypothesis says."""

    def __init__(self, document: Mapping[str, Any]):
        super().__init__(document)
        self.definition = None if document["normalizer"] is None else Definition(self, document["normalizer"])
        self.derived: set[str] = set()
        if self.definition is not None:
            self.declared(self.following() | {self.definition.values, "z"})
        self.hypotheses = {prose(h["name"]): h for h in document["hypotheses"]}
        if len(self.hypotheses) != len(document["hypotheses"]):
            raise Refused("two hypotheses have one name")
        for h in document["hypotheses"]:
            prose(h["statement"])
            if h["condition"] is not None and h["condition"]["relation"] not in RELATIONS:
                raise Refused(f"got the relation {h['condition']['relation']!r} in a hypothesis")
            sets = {e["left"]: e["right"] for e in h["equations"] if e["left"] in self.signs}
            if h["sets"] != sets:
                raise Refused(f"the hypothesis {h['name']} sets what its equations do not say")

    def declared(self, names: Collection[str]) -> None:
        """Refuse what is declared of names as more than it is, since it follows from the definition."""
        known = {"rho": "between 0 and 1", "distance2": "nonnegative", "layer_distance2": "nonnegative"}
        for n in names:
            sign, entries = self.signs.get(n, "real"), self.document["vectors"].get(n, {}).get("entries", "any")
            kind = self.operators.get(n, "self-adjoint")
            if sign not in ("real", known.get(n)) or entries != "any" or kind != "self-adjoint":
                raise Refused(f"{n} follows from the definition, which does not say what is declared of it")

    def following(self) -> set[str]:
        """The names of what follows from the definition, besides its values."""
        given = {"n", "M"} if self.definition is not None and self.definition.known else set()
        return (DERIVED | set(MEANINGS) | {"Hhat", "Hhat_scaled", "M"}) - {"g", "H"} - given

    def _own(self) -> set[str]:
        """The names that the definition is about."""
        normalizer = self.document["normalizer"]
        read = {word for text in texts(normalizer) for word in self.words(text)} if normalizer else set()
        return read | {"g", "H", "y", "1", "m", "P", *MOVING, *([self.definition.values] if self.definition else [])}

    def words(self, text: str, known: Collection[str] = ()) -> set[str]:
        """The vectors, operators and scalars that an entry or expression speaks of; not through names in ``known``."""
        if text.startswith("<"):
            return {word for each in pair(text) for word in each.split()}
        try:
            names = {node.id for node in ast.walk(tree(text)) if isinstance(node, ast.Name)} - {*known}
        except Refused:  # operators and a vector
            return set(atom(text))
        inside = self.document["inner_products"] | self.document["sums_over_channels"]
        deeper = (self.words(inside[n], {*known, n}) for n in names & inside.keys())
        return (names - inside.keys()).union(*deeper)

    def hypothesis(self, h: Mapping[str, Any]) -> None:
        """The equations of a hypothesis must fulfil its condition, where that is an equation; what the condition speaks
        of is known at the example."""
        condition = h["condition"]
        for text in (condition["left"], condition["right"]) if condition else ():
            self.determined(text)
        for e in h["equations"]:
            if self.words(e["left"]) & self._own():  # what is said of something free is a name for it
                for text in parts(e["right"]):
                    self.determined(text)
        if condition and condition["relation"] == "==" and h["equations"]:
            sets = {self.names[left]: self.read(right) for left, right in h["sets"].items()}
            left, right = (self.read(condition[side]).xreplace(sets) for side in ("left", "right"))
            if not self.same(left, right):
                raise Refused(f"what the hypothesis {h['name']} sets does not fulfil it")

    def determined(self, text: str) -> None:
        """Refuse what follows from the definition and is not established: any numbers could be said of it."""
        found = self.words(text, self.derived) & self.open
        if found:
            said = f"a hypothesis speaks of {min(found)}"
            raise Refused(f"{said}, which follows from the definition, and no step derives it")

    @cached_property
    def open(self) -> set[str]:
        """What follows from the definition and no step derives, and names that hypotheses give it; after the steps."""
        found = set() if self.definition is None else self.following() - self.derived
        equations = [e for h in self.hypotheses.values() for e in h["equations"]]
        while True:
            new = {
                word for e in equations for word in self.words(e["left"]) - found
                if not self.words(e["left"]) & self._own()
                and any(self.words(text, self.derived) & found for text in parts(e["right"]))
            }  # fmt: skip
            if not new:
                return found
            found |= new
