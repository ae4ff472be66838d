"""A proof document, checked for form and brought to one shape: everything the generator reads of a claim.

Names become identifiers of Coq, so only plain ones pass; whatever is malformed is Refused. What is divided by, and the
radicands, are collected from the formulas themselves.
"""

from __future__ import annotations

import ast
import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bnverify.theory.certify.expressions import Refused, divisors, names, parse, radicands

FORMAT = "bnverify proof 2"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9]*([._-][A-Za-z0-9]+)*")
_SIGNS = ("positive integer", "positive", "nonnegative", "between 0 and 1", "real")
SPACES = ("m", "n", "m*C", "n*C")
_PAIRS, _WORDS = 4000, 8  # inner products, and operators before a vector, that an honest document stays below
_RELATIONS = ("==", "<=", "<", ">=", ">")

Pair = tuple[str, str]
Vector = Mapping[str, str]
Word = tuple[str, tuple[str, ...], str]


@dataclass(frozen=True)
class Condition:
    """A relation between two scalars, or an equation between an atom and a vector."""

    left: str
    relation: str
    right: str | Vector


@dataclass(frozen=True)
class Hypothesis:
    """A named hypothesis and what it says."""

    name: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Document:
    """The tables of a document. An atom is a vector's name, operators before it; ``spaces`` has base vectors, "1"
    apart, and operators. ``stated`` is one channel of the document's own example."""

    key: str
    statement: Condition
    signs: Mapping[str, str]
    products: Mapping[str, Pair]
    sums: Mapping[str, str]
    functions: tuple[str, ...]
    constants: frozenset[str]
    operators: Mapping[str, str]
    nonnegative: frozenset[str]
    spaces: Mapping[str, str]
    facts: Mapping[Pair, str]
    scalars: Mapping[str, str]
    definitions: Mapping[str, Vector]
    relations: Mapping[str, str]
    hypotheses: tuple[Hypothesis, ...]
    certificate: tuple[tuple[Mapping[str, Any], ...], ...]
    size: str | None
    stated: Mapping[str, Any] | None = None

    @property
    def identifier(self) -> str:
        return identifier(self.key)

    @cached_property
    def layer(self) -> bool:
        """Whether the statement speaks of a sum over channels, so that the rest has a channel."""
        todo = [self.statement.left, str(self.statement.right), *self.scalars.values(), *self.relations]
        return any(name in self.sums for text in todo for name in names(parse(text)))

    def image(self, atom: str) -> dict[str, str]:
        """An atom with the definitions inserted, also below operators: coefficients by atom."""
        if atom in self.definitions:
            return dict(self.definitions[atom])
        operator, _, rest = atom.partition(" ")
        return {f"{operator} {each}": c for each, c in self.image(rest).items()} if rest else {atom: "1"}

    @cached_property
    def spoken(self) -> tuple[Pair, ...]:
        """Inner products that occur by name, in facts or in the certificate's vectors, definitions not inserted."""
        named = [pair for name, pair in self.products.items() if name in self.used and name not in self.scalars]
        return (*named, *self.facts, *(pair for product in self.certificate for f in product for pair in _pairs(f)))

    def expanded(self, spoken: Iterable[Pair]) -> list[Pair]:
        """Inner products, and those that inserting definitions, again and again, makes of them."""
        found = dict.fromkeys(spoken)
        todo = list(found)
        while todo:
            a, b = todo.pop(0)
            new = [pair for pair in itertools.product(self.image(a), self.image(b)) if pair not in found]
            found |= dict.fromkeys(new)
            if len(found) > _PAIRS or any(len(atom.split()) > _WORDS for pair in new for atom in pair):
                raise Refused("what is written out has no end, or too many terms; expected definitions in no circle")
            todo += new
        return list(found)

    @cached_property
    def free(self) -> frozenset[str]:
        """Inner products that `scalars` writes out and that occur nowhere else: numbers about which nothing else is
        known."""
        inside = {word_of(*pair) for pair in self.expanded(self.spoken)}
        return frozenset(n for n in self.scalars if n in self.products and word_of(*self.products[n]) not in inside)

    @cached_property
    def used(self) -> frozenset[str]:
        """The names the statement rests on, directly or through what is written out, related or assumed."""
        texts = list(_texts(self))
        found: set[str] = set()
        while texts:
            for name in names(parse(texts.pop())):
                if name not in found:
                    found.add(name)
                    texts += [table[name] for table in (self.sums, self.scalars) if name in table]
        return frozenset(found)

    @cached_property
    def divisors(self) -> dict[str, str]:
        """What is divided by, as text, each with the text it was found in; radicands are not among them."""
        roots = set(self.radicands)
        found = {ast.unparse(d): text for text in self._all_texts for d in divisors(parse(text))}
        return {d: text for d, text in found.items() if d not in roots}

    @cached_property
    def radicands(self) -> tuple[str, ...]:
        """What roots are taken of, each once, as text."""
        return tuple(dict.fromkeys(ast.unparse(r) for text in self._all_texts for r in radicands(parse(text))))

    @property
    def _all_texts(self) -> list[str]:
        return [*_texts(self), *(body for name, body in self.sums.items() if name in self.used)]


def _texts(doc: Document) -> Iterable[str]:
    yield from (doc.statement.left, str(doc.statement.right))
    for table in (doc.scalars, doc.relations):
        yield from (text for item in table.items() for text in item)
    yield from (text for vector in doc.definitions.values() for text in vector.values())
    yield from doc.facts.values()
    for hypothesis in doc.hypotheses:
        for condition in hypothesis.conditions:
            yield from [condition.right] if isinstance(condition.right, str) else condition.right.values()
            if isinstance(condition.right, str):
                yield condition.left
    for product in doc.certificate:
        for factor in product:
            yield from _evidence(factor)


def _pairs(factor: Mapping[str, Any]) -> Iterable[Pair]:
    """The inner products that the evidence for a factor is about."""
    of = factor["of"]
    match factor["because"]:
        case "squared norm":
            yield from itertools.product(of, of)
        case "Gram determinant":
            atoms = [atom for vector in of for atom in vector]
            yield from itertools.product(atoms, atoms)
        case "sum over pairs of entries, none negative":
            yield from (("1", of), (of, of))
        case "form of a positive semidefinite operator" | "inner product of vectors without negative entries":
            yield tuple(of)
        case "sum over channels" | "power" | "sum":
            for part in of:
                yield from _pairs(part)


def word_of(a: str, b: str) -> Word:
    """<a, b> however it is written: symmetric, and an operator moves to the other side."""
    *outer, x = a.split()
    *inner, y = b.split()
    word = (*reversed(outer), *inner)
    return min((x, word, y), (y, word[::-1], x))


def _evidence(factor: Mapping[str, Any]) -> Iterable[str]:
    yield factor["value"]
    of = factor["of"]
    if factor["because"] == "squared norm":
        yield from of.values()
    elif factor["because"] == "Gram determinant":
        yield from (text for vector in of for text in vector.values())
    elif factor["because"] in ("sum over channels", "power", "sum"):
        for part in of:
            yield from _evidence(part)


def identifier(key: str) -> str:
    """The name of a claim's theorem and file: its key with everything but letters and digits written "_"."""
    if not isinstance(key, str) or not _KEY.fullmatch(key) or len(key) > 80:
        raise Refused(f"got the key {key!r:.100}; expected letters and digits with '-', '.' or '_' between")
    return re.sub(r"[^A-Za-z0-9]", "_", key)


@contextmanager
def refusing() -> Iterator[None]:
    """Whatever is made of a document inside: Refused, never another error, where the document is malformed."""
    try:
        yield
    except Refused:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise Refused(f"the document is malformed: {type(error).__name__}: {error!s:.200}") from None


@refusing()
def read(document: Mapping[str, Any]) -> Document:
    """The document in one shape; Refused, never another error, where it is malformed."""
    return _read(document)


def _read(document: Mapping[str, Any]) -> Document:
    if document["format"] != FORMAT:
        raise Refused(f"got the format {document['format']!r:.60}; expected {FORMAT!r}")
    statement = document["statement"]
    if statement["relation"] not in ("==", "<="):
        raise Refused(f"got the relation {statement['relation']!r:.20}; expected '==' or '<='")
    products = {_name(name): _pair(pair) for name, pair in document["inner_products"].items()}
    facts = {_pair(pair): text for pair, text in document["facts"].items()}
    definitions = {_atom(atom): _vector(vector) for atom, vector in document["definitions"].items()}
    certificate, scalars = document["certificate"], _scalars(document)
    doc = Document(
        key=document["key"],
        statement=Condition(statement["left"], statement["relation"], statement["right"]),
        signs={_name(name): _one_of(sign, _SIGNS) for name, sign in document["symbols"].items()},
        products=products,
        sums={_name(name): body for name, body in document["sums_over_channels"].items()},
        functions=tuple(map(_name, document["functions"])),
        constants=frozenset(map(_name, document["same_for_all_channels"])),
        operators={_name(name): _kind(value) for name, value in document["operators"].items()},
        nonnegative=frozenset(n for n, vector in document["vectors"].items() if vector["entries"] == "nonnegative"),
        spaces={},
        facts=facts,
        scalars={name: text for name, text in scalars.items() if name != "m"},
        size=scalars.get("m"),
        definitions=definitions,
        relations=dict(document["relations"]),
        hypotheses=tuple(map(_hypothesis, document["hypotheses"])),
        certificate=tuple(tuple(product) for product in certificate["products"]) if certificate else (),
        stated=document["example"]["channels"][0] if document.get("example") else None,
    )  # fmt: skip
    identifier(doc.key)
    for factor in (factor for product in doc.certificate for factor in product):
        for pair in _pairs(factor):
            _vector(dict.fromkeys(pair, ""))
    if len({*doc.signs, *products, *doc.sums, *doc.functions}) < sum(
        map(len, (doc.signs, products, doc.sums, doc.functions))
    ):
        raise Refused("a name stands for two things")
    unknown = doc.used - {*doc.signs, *products, *doc.sums, *doc.functions, "m"}
    if unknown:
        raise Refused(f"got the names {sorted(unknown)!s:.200}; expected names of a table")
    return dataclasses.replace(doc, spaces=_spaces(document, doc))


def _name(name: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Refused(f"got the name {name!r:.100}; expected letters, digits and underscores, a letter first")
    return name


def _atom(atom: str) -> str:
    words = atom.split(" ")
    if words != ["1"]:
        *operators, base = words
        for word in operators if base == "1" else words:
            _name(word)
    return atom


def _pair(text: str) -> Pair:
    a, comma, b = text.removeprefix("<").removesuffix(">").partition(", ")
    if text != f"<{a}, {b}>" or not comma:
        raise Refused(f"got {text!r:.100}; expected an inner product <a, b>")
    return _atom(a), _atom(b)


def _vector(vector: Vector) -> Vector:
    return {_atom(atom): text for atom, text in vector.items()}


def _one_of(word: str, known: Iterable[str]) -> str:
    if word not in known:
        raise Refused(f"got {word!r:.60}; expected one of {', '.join(known)}")
    return word


def _kind(value: Any) -> str:
    return _one_of(value if isinstance(value, str) else value["is"], ("self-adjoint", "positive semidefinite"))


def _hypothesis(hypothesis: Mapping[str, Any]) -> Hypothesis:
    condition = hypothesis["condition"]
    conditions = [] if condition is None else [Condition(condition["left"], condition["relation"], condition["right"])]
    for equation in hypothesis["equations"]:
        left, right = equation["left"], equation["right"]
        conditions.append(
            Condition(left, "==", right) if isinstance(right, str) else Condition(_atom(left), "==", _vector(right))
        )
    for each in conditions:
        _one_of(each.relation, _RELATIONS)
    return Hypothesis(hypothesis["name"], tuple(conditions))


def _scalars(document: Mapping[str, Any]) -> dict[str, str]:
    """What is put for scalars, by derivation or by hypothesis."""
    tables = [document["scalars"], *(hypothesis["sets"] for hypothesis in document["hypotheses"])]
    return {_name(name): text for table in reversed(tables) for name, text in table.items()}


def _spaces(document: Mapping[str, Any], doc: Document) -> dict[str, str]:
    """The spaces of vectors as declared; of an operator, that of the vectors it is applied to."""
    tables = {**document["vectors"], **document["operators"]}
    spaces = {_name(name): _one_of(meaning["space"], SPACES) for name, meaning in tables.items()}
    applied = [atom for name, pair in doc.products.items() if name in doc.used for atom in pair]
    applied += [atom for vector in doc.definitions.values() for atom in vector]
    of_operators = {operator: atom.split()[-1] for atom in applied for operator in atom.split()[:-1]}
    return spaces | {operator: spaces.get(base, "m") for operator, base in of_operators.items()}
