r"""A formula as somebody printed it: its names, its hypotheses, the claim. Built once, checked as it is built."""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from bnverify.errors import InputError
from bnverify.theory.audit.language import FUNCTIONS, SIZE, Node, Relation, parse, parse_relation, readable

FACTS = {
    "real": {}, "positive": {"positive": True}, "nonnegative": {"nonnegative": True}, "negative": {"negative": True},
    "nonzero": {"nonzero": True}, "integer": {"integer": True},
}  # fmt: skip
LARGEST_SIZE = 8
TAKEN = ("root_", "audited_")  # the names that proofs are written in


@dataclass(frozen=True)
class Formula:
    """``claim`` is claimed for all values of the names that satisfy ``given``, and every m from the least of ``sizes``.

    ``symbols`` are scalars with what is known of them ("positive", "real", "positive integer"), ``vectors`` have m
    entries, ``define`` names parts. ``sizes`` are the values of m that are searched.
    """

    claim: str
    symbols: Mapping[str, str] = field(default_factory=dict)
    vectors: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    define: Mapping[str, str] = field(default_factory=dict)
    sizes: tuple[int, ...] = (2, 3, 4)
    title: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        names = [*self.symbols, *self.vectors, *self.define]
        for name in names:
            _check_name(name)
        folded = [unicodedata.normalize("NFKC", name) for name in names]
        twice = next((name for name in folded if folded.count(name) > 1), None)
        if twice is not None:
            raise InputError(got=f"the name {twice!r} declared twice (after Unicode's NFKC)", expected="distinct names",
                             advice="rename one of them")  # fmt: skip
        for name, words in self.symbols.items():
            _facts(name, words)
        if not self.sizes or any(type(n) is not int or not 1 <= n <= LARGEST_SIZE for n in self.sizes):
            raise InputError(got=f"sizes = {list(self.sizes)}", expected=f"whole numbers from 1 to {LARGEST_SIZE}",
                             advice="write sizes = [2, 3, 4], the numbers of entries to search")  # fmt: skip
        for text in ("title", "source"):
            if getattr(self, text):
                readable(getattr(self, text), text)
        if self.relation.op == "!=":
            raise InputError(got=f"claim: {self.claim!r}", expected="a claim with = <= >= < or >",
                             advice="`!=` is for hypotheses; claim what holds")  # fmt: skip
        self._check_gradients()

    @cached_property
    def scope(self) -> dict[str, Node]:
        """What every name stands for."""
        out: dict[str, Node] = {"m": SIZE}
        out |= {_normal(n): Node("symbol", value=_normal(n)) for n in self.symbols}
        out |= {_normal(n): Node("vector", value=_normal(n), vector=True) for n in self.vectors}
        for name, text in self.define.items():
            out[_normal(name)] = parse(text, out, f"define.{name}")
        return out

    @cached_property
    def relation(self) -> Relation:
        """What is claimed."""
        return parse_relation(self.claim, self.scope, "claim")

    @cached_property
    def premises(self) -> tuple[Relation, ...]:
        """The hypotheses."""
        return tuple(parse_relation(text, self.scope, f"given {i}") for i, text in enumerate(self.given, start=1))

    @cached_property
    def facts(self) -> dict[str, dict[str, bool]]:
        """What is declared of each scalar, as assumptions of SymPy."""
        return {_normal(name): _facts(name, words) for name, words in self.symbols.items()}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(map(_normal, chain(self.symbols, self.vectors)))

    def nodes(self) -> Iterator[Node]:
        """Both sides of the claim and of the hypotheses."""
        for relation in (self.relation, *self.premises):
            yield relation.left
            yield relation.right

    @property
    def ordered(self) -> bool:
        """Whether the order of the entries matters."""
        return any(_has(node, "entry") for node in self.nodes())

    def _check_gradients(self) -> None:
        """A gradient holds all other names fixed: one that a hypothesis defines by the vector is refused."""
        for node in chain.from_iterable(map(_gradients, self.nodes())):
            function, vector = node.args[0], str(node.args[1].value)
            tied = {vector}
            for relation in self.premises * len(self.names):  # as often as there are names: no chain is longer
                if relation.op == "==":
                    for side, other in ((relation.left, relation.right), (relation.right, relation.left)):
                        named = side.args[0] if side.op == "power" else side
                        if named.op in ("symbol", "vector") and other.names() & tied:
                            tied |= named.names()
            name = min(function.names() & (tied - {vector}), default=None)
            if name is not None:
                raise InputError(
                    got=f"grad by {vector} of a function of {name}, which a hypothesis defines by {vector}",
                    expected=f"a function that shows how it depends on {vector}; other names are constants there",
                    advice=f"write {name} under [define] in place of the hypothesis, or differentiate without it",
                )


def _gradients(node: Node) -> Iterator[Node]:
    if node.op == "grad":
        yield node
    for argument in node.args:
        yield from _gradients(argument)


def _has(node: Node, op: str) -> bool:
    return node.op == op or any(_has(argument, op) for argument in node.args)


def _normal(name: str) -> str:
    return unicodedata.normalize("NFKC", name)


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _normal(name).isidentifier() or len(name) > 40:
        raise InputError(got=f"the name {str(name)[:60]!r}", expected="letters, digits and _, no digit first",
                         advice="write names such as a, x_1 or yhat")  # fmt: skip
    plain = _normal(name)
    if plain in FUNCTIONS or plain in ("one", "m") or keyword.iskeyword(plain) or plain.startswith(TAKEN):
        raise InputError(got=f"the name {plain!r}", expected="a name that means nothing yet",
                         advice=f"choose another, such as {plain}_1 (lam for lambda)")  # fmt: skip


def _facts(name: str, words: object) -> dict[str, bool]:
    if not isinstance(words, str) or not words.split() or not set(words.split()) <= set(FACTS):
        raise InputError(got=f"symbols.{name} = {words!r}", expected=f"words among {', '.join(FACTS)}",
                         advice=f'write {name} = "positive", or {name} = "positive integer"')  # fmt: skip
    out: dict[str, bool] = {}
    for word in words.split():
        out |= FACTS[word]
    if {"positive", "negative"} <= set(out) or {"nonnegative", "negative"} <= set(out):
        raise InputError(got=f"symbols.{name} = {words!r}", expected="words that can be true together",
                         advice="leave one of them out")  # fmt: skip
    return out
