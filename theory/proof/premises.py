"""What a document states beside its steps: everything that is divided by, and an example of all that is assumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp

from bnverify.theory.algebra.channel_sum import ChannelSum
from bnverify.theory.algebra.vectors import Atom, Image, Vector
from bnverify.theory.proof.claim import Derivation, Gram, Proof, value_of
from bnverify.theory.proof.trial import NotComputable, Trial


def denominators(proof: Proof, derivation: Derivation, write: Any, own: Callable[[Any], Any]) -> list[dict[str, Any]]:
    """Everything that is divided by and every radicand; a hypothesis or a premise where its sign does not show it."""
    found: dict[sp.Expr, None] = {}
    for part in _parts(proof, derivation, own):
        for scalar in part.terms.values() if isinstance(part, Vector) else [sp.sympify(part)]:
            for power in scalar.atoms(sp.Pow):
                if power.exp.is_negative or not power.exp.is_Integer:
                    found.setdefault(power.base)
    out = []
    for base in sorted(found, key=sp.default_sort_key):
        text = write.scalar(base)
        if base.is_Symbol and base.is_positive:
            out.append({"value": text, "because": "declared sign", "of": text})
        elif base.is_Rational and base > 0:
            out.append({"value": text, "because": "positive number", "of": None})
        else:
            name = _implied(proof, base)
            out.append({"value": text, "because": "hypothesis" if name else "premise", "of": name})
    return out


def _implied(proof: Proof, base: sp.Expr) -> str | None:
    """A hypothesis that says of an inner product that it is not zero, or that it is positive."""
    for h in proof.claim.hypotheses:
        if h.name == "W* != 0":
            return h.name
        if isinstance(h.condition, sp.Gt) and {
            a.base for p in base.free_symbols for a in [p] if isinstance(p, Atom)
        } <= {p for p in h.condition.free_symbols if isinstance(p, Atom)}:
            return h.name
    return None


def _parts(proof: Proof, derivation: Derivation, own: Callable[[Any], Any]) -> Iterator[Any]:
    yield from (own(proof.claim.left), own(proof.claim.right), proof.left, proof.right)
    yield from (step.right for step in proof.steps)
    for h in proof.claim.hypotheses:
        yield from h.equations.values()
    for factors in proof.certificate.terms if proof.certificate is not None else ():
        for factor in factors:
            yield from factor.vectors if isinstance(factor, Gram) else [factor]
            yield own(value_of(factor))
    if derivation.normalizer is not None and not hasattr(derivation.normalizer.scale, "gradient"):
        yield derivation.normalizer.formula(_y())


def _y() -> Vector:
    from bnverify.theory.proof.quantities import Y

    return Y


def example_of(tried: Sequence[Trial], write: Any, document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first exact example with rational numbers only, under the names of the document."""
    for trial in tried:
        try:
            return _written(trial, write, document)
        except (NotComputable, TypeError, ValueError):
            continue
    return None


def _written(trial: Trial, write: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: atom for name, atom in write.atoms.items() if not isinstance(atom, Image) and name != "1"}
    operators = {atom.operator.name: atom for atom in write.atoms.values() if isinstance(atom, Image)}
    operators |= {a.operator.name: a for atom in write.atoms.values() for a in _inside(atom)}
    channels = []
    for c in trial.channels:
        symbols = {name: _text(trial(write.taken[name], c)) for name in document["symbols"]}
        vectors = {name: list(map(_text, trial.entries(atom, c))) for name, atom in plain.items()}
        matrices = {name: _matrix(trial, c, atom) for name, atom in operators.items()}
        channels.append({"symbols": symbols, "vectors": vectors, "operators": matrices})
    return {"name": trial.name, "channels": channels}


def _inside(atom: Atom) -> Iterator[Image]:
    while isinstance(atom, Image):
        yield atom
        atom = atom.preimage


def _matrix(trial: Trial, channel: Any, image: Image) -> list[list[str]]:
    """The operator on the unit vectors of its space."""
    size = len(trial.entries(image.base, channel))
    units = [[Fraction(int(i == j)) for i in range(size)] for j in range(size)]
    if image.space == "m*C":
        columns = [trial._layer_image(image.operator.name, unit) for unit in units]
    else:
        columns = [channel.image(image.operator.name, unit) for unit in units]
    return [list(map(_text, row)) for row in zip(*columns, strict=True)]


def _text(number: Any) -> str:
    """A rational number as text; TypeError for another."""
    return str(Fraction(number))


__all__ = ["ChannelSum", "denominators", "example_of"]
