"""A document as a proof: its steps, its conclusion, its certificate, and what is printed with the verdict."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

import sympy as sp

from .hypotheses import Hypotheses
from .reading import (
    MOST_TERMS,
    Refused,
    Sum,
    Vec,
    atom,
    degree,
    factors,
    pair,
    partial,
    prose,
    shown,
    size,
    tree,
)  # fmt: skip
from .rules import MEANINGS, NEEDS, OF_WEIGHTS, ONE, TARGETS, Definition, derive
from .tables import one_of
from .texts import texts


class Proof(Hypotheses):
    """A document as a proof: its steps establish what the conclusion needs."""

    def __init__(self, document: Mapping[str, Any]):
        super().__init__(document)
        self.rules: list[str] = []
        self.rooted: set[sp.Expr] = set()
        self.established: set[tuple[str, str]] = set()
        prose(document["title"]), prose(document["remark"]), prose(document["key"])
        self.bounded()

    # Steps.

    def step(self, step: Mapping[str, Any], number: int) -> None:
        if step["number"] != number:
            raise Refused(f"it is numbered {step['number']}")
        for field in ("name", "reason", "written"):
            prose(step[field])
        rule, of = step["rule"], tuple(step["of"])
        for need in NEEDS.get(rule, ()):
            known = self.definition is not None and self.definition.known
            if need not in self.rules and not (known and need.endswith("of the scale")):
                raise Refused(f"{rule} rests on {need}, which no step before it establishes")
        vector = not isinstance(step["value"], str)
        value = self.vector(step["value"]) if vector else self.read(step["value"])
        target = step["establishes"]
        table, entry = (None, None) if target is None else (target["table"], target["name"])
        self._derived(rule, of, table, entry, value, vector, step)
        self.rules.append(rule)
        if table is None or entry is None:
            return
        if (table, entry) in self.established or self.document[table].get(entry) != step["value"]:
            raise Refused(f"{entry} is established twice, or with another value than its table has")
        self.established.add((table, entry))
        self.derived |= {entry} if rule != "hypothesis" else set()
        if table == "definitions":
            self.vectors[entry] = value
        elif table == "facts":
            self.facts[self.symbol(*pair(entry))] = value
        else:
            known = self.spread(self.read(entry))
            (self.scalars if known.is_Symbol else self.relations)[known] = value

    def _derived(self, rule, of, table, entry, value, vector, step) -> None:
        """Refused unless the rule gives this value for this entry."""
        if rule == "hypothesis":
            equations = self.hypotheses[of[0]]["equations"] if len(of) == 1 and of[0] in self.hypotheses else []
            if self.words(entry or "") & self.following():
                raise Refused(f"a hypothesis says what {entry} is, which follows from the definition or does not")
            if {"left": entry, "right": step["value"]} not in equations:
                raise Refused(f"no hypothesis {of} says what {entry} is")
        elif rule == "rho":
            if entry != "rho" or not self.same(self.insert(self._needed().rho), self.insert(value)):
                raise Refused("rho is not 1 - epsilon/s**2")
        elif rule in ("mean of the values", "norm of the values"):
            self._moment(rule, entry, value)
        elif rule == "definition":
            self._raw(entry, value, vector)
        elif rule == "sum over channels":
            self._summed(entry, step["value"])
        elif rule == "nearest point of a ray":
            self._target((entry,), TARGETS.get((rule, of), ()))
            self._nearest(of, value)
        else:
            self._target((entry,), self._targets(rule, of))
            how, _, what = rule.partition(" ")
            if how in ("rescaled", "regrown", "shifted") and what != "values":
                self._unchanged({"rescaled": "yhat_scaled"}.get(how, f"yhat_{how}"))
            found = derive(self._needed(), rule, of)
            if isinstance(found, dict) != vector:
                raise Refused(f"{rule} gives a {'vector' if isinstance(found, dict) else 'scalar'}")
            pairs = [(found, value)] if not vector else [(found.get(k, 0 * ONE), value.get(k, 0 * ONE))
                                                         for k in {**found, **value}]  # fmt: skip
            if not all(self.same(sp.sympify(a), sp.sympify(b)) for a, b in pairs):
                raise Refused(f"{rule} of {', '.join(of) or 'y'} gives another value")

    def _needed(self) -> Definition:
        if self.definition is None:
            raise Refused("a rule needs the definition of a normalizer, and the document has none")
        return self.definition

    def _target(self, entry: tuple[str | None, ...], expected: tuple[str | None, ...]) -> None:
        if entry[0] not in expected:
            raise Refused(f"this rule establishes {expected or 'nothing'}, not {entry[0]!r}")

    def _targets(self, rule: str, of: tuple[str, ...]) -> tuple[str | None, ...]:
        values = self._needed().values
        products = {"curvature": "Hhat", "rescaled curvature": "Hhat_scaled", "curvature of the scale": "M"}
        if rule in products and len(of) == 2:
            target = self.symbol(of[1], f"{products[rule]} {of[0]}") if products[rule] in self.operators else None
            named = tuple(n for n, symbol in self.names.items() if symbol == target)
            return (*named, None) if rule == "curvature of the scale" else named
        if rule == "layer curvature":
            target = self.symbol("v_layer", "Hhat v_layer")
            return tuple(n for n, symbol in self.names.items() if symbol == target)
        own = self._needed().projector
        projector = own or "P"
        fixed = {"slope of the scale": ("n", None), "projector": () if own else tuple(f"P {x}" for x in of),
                 "projection": (f"{projector} {values}",),
                 "values": (f"{projector} y",) if own else ("y",)}  # fmt: skip
        return fixed.get(rule) or TARGETS.get((rule, of), ())

    def _moment(self, rule: str, entry: str | None, value: sp.Expr) -> None:
        """<1, yhat> and |yhat|^2 from s yhat = y - mu 1 with mu = <1, y>/m, in the coordinates 1 and y."""
        d = self._needed()
        if d.known:
            self._target((entry,), (f"<1, {d.values}>",) if d.centred and rule.startswith("mean") else ())
            if value != 0:
                raise Refused("nothing is known of the values of this normalizer but that they are centred")
            return
        p = {"y": ONE} if not d.centred else {"y": ONE, "1": -self.symbol("1", "y") / d.m}
        one = {"1": ONE}
        computed = self.dot(one, p) / d.f if rule.startswith("mean") else self.dot(p, p) / d.f**2
        declared = value.subs(self.names["rho"], d.rho) if "rho" in self.names else value
        self._target((entry,), (f"<1, {d.values}>",) if rule.startswith("mean") else (f"<{d.values}, {d.values}>",))
        if not self.same(sp.sympify(computed), declared.subs(d.s, d.f)):
            raise Refused(f"the {rule} is another")

    def _raw(self, entry: str | None, value: Any, vector: bool) -> None:
        """yhat, z and s written in 1 and y."""
        d = self._needed()
        y: Vec = {"y": ONE, "1": -self.symbol("1", "y") / d.m} if d.centred else {"y": ONE}
        raw = {a: c / d.f for a, c in y.items()}
        if entry == "s" and not vector:
            if not self.same(value, d.f):
                raise Refused("s is not the scale of the definition")
            return
        z = {a: d.gain * c for a, c in raw.items()} | {"1": d.gain * raw.get("1", 0 * ONE) + d.shift}
        expected = {"yhat_measured": raw, "z": z}.get(entry or "")
        if expected is None or not vector:
            raise Refused(f"the definition does not say what {entry} is")
        if not all(self.same(expected.get(k, 0 * ONE), value.get(k, 0 * ONE)) for k in {**expected, **value}):
            raise Refused(f"{entry} is not what the definition says")

    def _summed(self, entry: str, value: str) -> None:
        """The sum over channels of <a, b> is <a_layer, b_layer>."""
        known, total = self.read(entry), self.read(value)
        inside = known.args[0] if isinstance(known, Sum) else None
        if inside not in self.products or total not in self.products:
            raise Refused("expected the sum of an inner product, and an inner product")
        a, b = self.products[inside]
        if {a, b} - {"W0", "Wstar"} or self.symbol(f"{a}_layer", f"{b}_layer") != total:
            raise Refused("expected the weights of the filters, and those of the layer")

    def _nearest(self, of: tuple[str, ...], value: sp.Expr) -> None:
        start, end = of
        square, along, far = (self.product(*p) for p in ((end, end), (start, end), (start, start)))
        conditions = (h["condition"] for h in self.hypotheses.values())
        stated = [self.read(c["left"]) - self.read(c["right"]) for c in conditions if c and c["relation"] == ">"]
        if along not in stated:
            raise Refused(f"the nearest point of the ray needs <{start}, {end}> > 0")
        k = sp.Dummy(real=True)
        excess = far - 2 * k * along + k**2 * square - value
        if not self.same(excess, square * (k - along / square) ** 2):
            raise Refused("it is not the squared distance to the nearest point")

    def _unchanged(self, moved: str) -> None:
        d = self._needed()
        vector = {a: self.insert(c) for a, c in self.image(moved).items()} if moved in self.vectors else {}
        rest = {a: vector.get(a, 0 * ONE) - (ONE if a == d.values else 0 * ONE) for a in {*vector, d.values}}
        if not all(self.same(c, 0 * ONE) for c in rest.values()):
            raise Refused(f"{moved} is not shown to be yhat")

    # The conclusion.

    def conclusion(self) -> None:
        d = self.document
        for table in ("definitions", "scalars", "facts", "relations"):
            for entry in d[table]:
                if (table, entry) not in self.established:
                    raise Refused(f"no step establishes {entry}")
        statement, conclusion = d["statement"], d["conclusion"]
        if conclusion["number"] != len(d["steps"]) + 1:
            raise Refused(f"it is numbered {conclusion['number']} and follows {len(d['steps'])} steps")
        self.declared(self.open - self.derived)
        for h in self.hypotheses.values():
            self.hypothesis(h)
        sides = {side: self.insert(self.read(conclusion[side])) for side in ("left", "right")}
        for side, written in sides.items():
            if not self.same(self.insert(self.read(statement[side])), written):
                raise Refused(f"what is established, inserted into the {side} side of the statement, does not give it")
        if statement["relation"] == "==":
            if not self.same(sides["left"], sides["right"]):
                raise Refused("its two sides are not equal")
        elif statement["relation"] == "<=":
            self.certificate(d["certificate"], sides["right"] - sides["left"])
        else:
            raise Refused(f"got the relation {statement['relation']!r}; expected '==' or '<='")

    def bounded(self) -> None:
        """Refuse what would have too many terms, or powers without end, once everything is inserted, before it is."""
        d = self.document
        weights: dict[str, int] = {}
        degrees: dict[str, int] = {}
        for _ in range(len(d["definitions"]) + len(d["scalars"]) + len(d["sums_over_channels"]) + 4):
            before = {**weights}, {**degrees}
            trees = {a: [tree(c) for c in v.values()] for a, v in d["definitions"].items()}
            terms = {a: sum(size(c, weights) for c in v) for a, v in trees.items()}
            powers = {a: max((degree(c, degrees) for c in v), default=1) for a, v in trees.items()}
            for n, words in d["inner_products"].items():
                a, b = (_of(word, terms) for word in pair(words))
                weights[n] = min(MOST_TERMS, a * b)
                degrees[n] = sum(_of(word, powers, 0) for word in pair(words)) or 1
            for table in (d["sums_over_channels"], d["scalars"]):
                weights |= {n: size(tree(text), weights) for n, text in table.items()}
                degrees |= {n: degree(tree(text), degrees) for n, text in table.items()}
            if before == (weights, degrees):
                break
        for text in self.everything():
            size(tree(text), weights), degree(tree(text), degrees)

    # What is printed.

    def readable(self, text: str) -> str:
        """The expression with its inner products and sums spelled out: nothing is shown that was not read."""
        d = self.document
        products = {n: f"<{', '.join(pair(words))}>" for n, words in d["inner_products"].items()}
        sums = {n: f"sum({shown(body, products)})" for n, body in d["sums_over_channels"].items()}
        return shown(text, products | sums)

    def side(self, value: Any) -> str:
        if isinstance(value, str):
            return self.readable(value)
        return " + ".join(f"({self.readable(c)}) {' '.join(atom(word))}" for word, c in value.items()) or "0"

    def stated(self) -> str:
        s = self.document["statement"]
        return f"{self.readable(s['left'])} {one_of(s['relation'], '==', '<=')} {self.readable(s['right'])}"

    def given(self) -> Iterator[str]:
        """What the verdict rests on, in words: everything that was used and not derived."""
        d = self.document
        yield from (f"{n}: {sign}" for n, sign in self.signs.items())
        yield from (f"{n} is the same for all channels" for n in d["same_for_all_channels"])
        yield from (
            f"{n}: vector of {d['vectors'][n]['space']}, no negative entry" for n in sorted(self.entrywise - {"1"})
        )
        yield from (f"{n}: {what}" for n, what in self.operators.items())
        declared = {*self.signs, *d["vectors"], *self.operators}
        meanings = OF_WEIGHTS | ({} if self.definition is None else MEANINGS)
        yield from (f"{n}: {meaning}" for n, meaning in meanings.items() if n in declared)
        if self.definition is not None:
            n = d["normalizer"]
            own = n["projector"]
            if own is not None or "P" in self.operators:
                yield f"{own} {own} = {own}" if own else "P y = y - mu 1" if n["centred"] else "P y = y"
            p = f"{own} y" if own else "y - mu 1, mu = <1, y>/m" if n["centred"] else "y"
            yield f"definition: s {n['values']} = {p}"
            yield f"definition: z = ({self.readable(n['gain'])}) {n['values']} + ({self.readable(n['shift'])}) 1"
            if n["scale"] is not None:
                yield f"definition: s = {self.readable(n['scale'])}"
                yield f"definition: rho = {self.readable(n['rho'])}"
            else:
                yield f"given of s, not checked: gradient {self.side(n['gradient'])} and Hessian {n['hessian'] or 0}"
        for h in self.hypotheses.values():
            c = h["condition"]
            condition = f" [{self.readable(c['left'])} {c['relation']} {self.readable(c['right'])}]" if c else ""
            yield f"hypothesis {h['name']}: {h['statement']}{condition}"
            for e in h["equations"]:
                left = self.side({e["left"]: "1"}) if isinstance(e["right"], Mapping) else self.readable(e["left"])
                yield f"hypothesis {h['name']} sets {left} = {self.side(e['right'])}"
        for entry in d["nonzero"]:
            rooted = self.read(entry["value"]) in self.rooted
            what = "below a root, so not negative" if rooted else "divided by, so not zero"
            yield f"{what}: {self.readable(entry['value'])}"

    def divided(self) -> None:
        """Everything divided by and every radicand, as it is written, is listed in `nonzero`, or evidently none."""
        listed = {self.read(entry["value"]) for entry in self.document["nonzero"]}
        found = {(part, rooted) for text in self.everything() for node, rooted in partial(tree(text))
                 for part in {ast.unparse(each) for each in factors(node)}}  # fmt: skip
        for text, rooted in found:
            value = self.read(text)
            if not (value.is_nonnegative if rooted else value.is_nonzero):
                if value not in listed:
                    raise Refused(f"it divides by {text[:80]} (or takes its root), and does not say so")
                if rooted:
                    self.rooted.add(value)

    def everything(self) -> Iterator[str]:
        """Every expression of the document that says something."""
        d = self.document
        for part in ("statement", "conclusion", "normalizer", "certificate", "hypotheses", "steps"):
            yield from texts(d[part])
        yield from (*d["sums_over_channels"].values(), *d["relations"])


def _of(word: str, counts: Mapping[str, int], other: int = 1) -> int:
    """What is counted of an atom, or of its vector."""
    return max(other, counts.get(word, counts.get(word.split(" ")[-1], other)))
