"""The tables of a document, read, and the checks that use them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import sympy as sp

from .reading import SIGNS, Refused, Sum, Vec, atom, name, pair, parse, prose, shown, size, tree, unique
from .rules import NEEDS, ONE, TARGETS, Definition, derive, is_root

FORMAT = "bnverify proof 2"
FIELDS = {
    "format", "key", "title", "remark", "chapter", "source", "about", "statement", "symbols", "vectors", "operators",
    "inner_products", "sums_over_channels", "functions", "same_for_all_channels", "normalizer", "hypotheses", "steps",
    "facts", "definitions", "scalars", "relations", "nonzero", "conclusion", "certificate", "example",
}  # fmt: skip
RELATIONS = ("==", "<=", "<", ">=", ">")


class Tables:
    """Names, vectors and inner products; what is established so far is inserted with `insert`."""

    def __init__(self, document: Mapping[str, Any]):
        if not isinstance(document, Mapping) or set(document) != FIELDS:
            raise Refused(f"got the fields {sorted(map(str, set(document) ^ FIELDS))}, missing or unknown")
        if document["format"] != FORMAT:
            raise Refused(f"got the format {document['format']!r}; expected {FORMAT!r}")
        d = self.document = document
        tables = ("symbols", "vectors", "operators", "inner_products", "sums_over_channels", "functions")
        unique(d[table] for table in tables)
        self.signs: dict[str, str] = dict(d["symbols"])
        if not set(self.signs.values()) <= set(SIGNS) or self.signs.get("m") != "positive integer":
            raise Refused("a symbol has no known sign, or m is not declared as a positive integer")
        self.names: dict[str, sp.Expr] = {n: sp.Symbol(n, **SIGNS[sign]) for n, sign in self.signs.items()}
        self.operators = {
            n: _one_of(o["is"], "self-adjoint", "positive semidefinite") for n, o in d["operators"].items()
        }
        self.entrywise = {"1"} | {n for n, v in d["vectors"].items()
                                  if _one_of(v["entries"], "any", "nonnegative") == "nonnegative"}  # fmt: skip
        self.products: dict[sp.Symbol, tuple[str, str]] = {}
        self.spaces = {n: name(v["space"].replace("*", "_")) for n, v in d["vectors"].items()} | {"1": "m"}
        self.weights: dict[str, int] = {}
        self.vectors: dict[str, Vec] = {}
        self.scalars: dict[sp.Expr, sp.Expr] = {}
        self.relations: dict[sp.Expr, sp.Expr] = {}
        self.facts: dict[sp.Symbol, sp.Expr] = {}
        self.facts[self.symbol("1", "1")] = self.names["m"]
        for n, words in d["inner_products"].items():
            symbol = self.symbol(*pair(words))
            if symbol in self.names.values():
                raise Refused(f"the inner product {words} has two names")
            self.names[n] = symbol
        self.bodies: dict[str, str] = {}
        for n, body in d["functions"].items():  # of which nothing is used but that equal ones are equal
            prose(body)
            self.names[n] = sp.Symbol(n, real=True)
        self.constants = {self.names[n] for n in d["same_for_all_channels"]}
        for n, body in d["sums_over_channels"].items():
            self.names[n] = Sum(self.read(body))

    def read(self, text: str) -> sp.Expr:
        return parse(text, self.names, self.weights)

    def vector(self, coefficients: Mapping[str, str]) -> Vec:
        if not isinstance(coefficients, Mapping):
            raise Refused("expected a vector")
        for word in coefficients:
            self.known(word)
        return {word: self.read(text) for word, text in coefficients.items()}

    def known(self, word: str) -> str:
        """The plain vector of an atom, refused if it or an operator of it is not declared."""
        *operators, plain = atom(word)
        if plain not in self.spaces or not set(operators) <= set(self.operators):
            raise Refused(f"the vector {word!r} or an operator of it is not declared")
        return plain

    def symbol(self, a: str, b: str) -> sp.Symbol:
        """<a, b> as one symbol however it is written: symmetric, and every operator moves to the other side."""
        if self.spaces[self.known(a)] != self.spaces[self.known(b)]:
            raise Refused(f"<{a}, {b}> is of vectors of two spaces")
        *outer, x = a.split(" ")
        *inner, y = b.split(" ")
        word = (*reversed(outer), *inner)
        first, operators, last = min((x, word, y), (y, word[::-1], x))
        symbol = sp.Symbol(f"<{first}, {' '.join((*operators, last))}>", real=True)
        self.products.setdefault(symbol, (first, " ".join((*operators, last))))
        return symbol

    def product(self, a: str, b: str) -> sp.Expr:
        symbol = self.symbol(a, b)
        return self.facts.get(symbol, symbol)

    def dot(self, u: Vec, w: Vec) -> sp.Expr:
        return sp.Add(*(c * d * self.product(a, b) for a, c in u.items() for b, d in w.items()))

    def image(self, word: str) -> Vec:
        """An atom with what is established inserted, also below operators."""
        if word in self.vectors:
            return self.vectors[word]
        operator, _, rest = word.partition(" ")
        if not rest:
            return {word: ONE}
        return {f"{operator} {inside}": c for inside, c in self.image(rest).items()}

    def insert(self, expression: sp.Expr) -> sp.Expr:
        """Everything established, inserted until nothing changes."""
        for _ in range(len(self.scalars) + len(self.vectors) + len(self.relations) + 3):
            before = expression
            scalar = expression.xreplace(self.scalars)
            present = scalar.free_symbols & set(self.products)
            expression = scalar.xreplace({p: self.dot(*map(self.image, self.products[p])) for p in present})
            if self.relations:
                expression = sp.expand(self.spread(expression)).xreplace(self.relations)
            if expression == before:
                return self.spread(expression)
        raise Refused("what is established refers to itself in a circle")

    def spread(self, expression: sp.Expr) -> sp.Expr:
        """Linearity of the sum over channels: one sum a term, what does not depend on the channel in front."""
        if not expression.has(Sum):
            return expression

        def linear(body: sp.Expr) -> sp.Expr:
            parts = (term.as_independent(*(term.free_symbols - self.constants), as_Add=False)
                     for term in sp.Add.make_args(sp.expand(body)))  # fmt: skip
            return sp.Add(*(outside * Sum(inside) for outside, inside in parts if inside != 0))

        return sp.expand(sp.expand(expression).replace(Sum, linear))

    def same(self, left: sp.Expr, right: sp.Expr) -> bool:
        """Whether left - right vanishes identically, as a rational function of symbols and roots."""
        tidy = self.spread(left - right).replace(is_root, lambda e: sp.factor(sp.expand(sp.cancel(e.base))) ** e.exp)
        numerator, denominator = map(sp.expand, sp.fraction(sp.together(tidy)))
        return numerator == 0 and denominator != 0


class Proof(Tables):
    """A document as a proof: its steps establish what the conclusion needs."""

    def __init__(self, document: Mapping[str, Any]):
        super().__init__(document)
        self.definition = None if document["normalizer"] is None else Definition(self, document["normalizer"])
        self.rules: list[str] = []
        self.established: set[tuple[str, str]] = set()
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
        prose(document["title"]), prose(document["remark"]), prose(document["key"])

    # Steps.

    def step(self, step: Mapping[str, Any], number: int) -> None:
        if step["number"] != number:
            raise Refused(f"it is numbered {step['number']}")
        for field in ("name", "reason", "written"):
            prose(step[field])
        rule, of = step["rule"], tuple(step["of"])
        for need in NEEDS.get(rule, ()):
            projected = self.definition is not None and (self.definition.known or self.definition.projector)
            if need not in self.rules and not (projected and need.endswith("of the scale")):
                raise Refused(f"{rule} rests on {need}, which no step before it establishes")
        vector = not isinstance(step["value"], str)
        value = self.vector(step["value"]) if vector else self.read(step["value"])
        target = step["establishes"]
        table, entry = (None, None) if target is None else (target["table"], target["name"])
        self._derived(rule, of, table, entry, value, vector, step)
        self.rules.append(rule)
        if table is None:
            return
        if (table, entry) in self.established or self.document[table].get(entry) != step["value"]:
            raise Refused(f"{entry} is established twice, or with another value than its table has")
        self.established.add((table, entry))
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
            self._nearest(of, value)
            self._target((entry,), {"W0": ("distance2",), "W0_layer": ("layer_distance2",)}.get(of[0], ()))
        else:
            self._target((entry,), self._targets(rule, of))
            if rule.startswith(("rescaled grad", "rescaled curv", "shifted grad")):
                self._unchanged("yhat_shifted" if rule.startswith("shifted") else "yhat_scaled")
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
        projector = self._needed().projector or "P"
        fixed = {"slope of the scale": ("n", None), "projector": tuple(f"P {x}" for x in of),
                 "projection": (f"{projector} {values}",),
                 "values": (f"{projector} y",) if self._needed().projector else ("y",)}  # fmt: skip
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

    def hypothesis(self, h: Mapping[str, Any]) -> None:
        """The equations of a hypothesis must fulfil its condition, where that is an equation."""
        condition = h["condition"]
        if condition and condition["relation"] == "==" and h["equations"]:
            sets = {self.names[left]: self.read(right) for left, right in h["sets"].items()}
            left, right = (self.read(condition[side]).xreplace(sets) for side in ("left", "right"))
            if not self.same(left, right):
                raise Refused(f"what the hypothesis {h['name']} sets does not fulfil it")

    def certificate(self, certificate: Mapping[str, Any], slack: sp.Expr) -> None:
        if not self.same(self.insert(self.read(certificate["slack"])), slack):
            raise Refused("the slack is not the right side minus the left")
        if not self.same(self.insert(self.total(certificate["products"])), slack):
            raise Refused("the slack is not the sum of the products")

    def total(self, products: Iterable[Iterable[Mapping[str, Any]]]) -> sp.Expr:
        return sp.Add(*(sp.Mul(*map(self.factor, factors)) for factors in products))

    def factor(self, factor: Mapping[str, Any]) -> sp.Expr:
        """The value of a factor; refused if it does not follow from the evidence that it is not negative."""
        value = self.read(factor["value"])
        found = self.shown(factor, value)
        if found is None or not self.same(found, value):
            raise Refused(f"it does not follow that {shown(factor['value'], {})[:80]} is not negative")
        return value

    def shown(self, factor: Mapping[str, Any], value: sp.Expr) -> sp.Expr | None:
        """What the evidence of a factor shows to be non-negative; None if it shows nothing."""
        of = factor["of"]
        match factor["because"]:
            case "square":
                return _real(self.read(of)) ** 2
            case "squared norm":
                vector = {word: _real(c) for word, c in self.vector(of).items()}
                return self.dot(vector, vector)
            case "Gram determinant":
                vectors = [{word: _real(c) for word, c in self.vector(v).items()} for v in of[:4]]
                return sp.Matrix([[self.dot(u, w) for w in vectors] for u in vectors]).det() if len(of) < 5 else None
            case "positive number":
                return value if value.is_Rational and value > 0 else None
            case "declared sign":
                base = value.as_base_exp()[0]
                return value if self.signs[of] != "real" and base == self.names[of] else None
            case "affine in a number between 0 and 1":
                x = self.names[of]
                affine = value.free_symbols == {x} and sp.expand(sp.diff(value, x, 2)) == 0
                known = self.signs[of] == "between 0 and 1"
                return value if affine and known and min(value.subs(x, 0), value.subs(x, 1)) >= 0 else None
            case "polynomial in a positive integer minus 1, no coefficient negative":
                x, known = self.names[of], self.signs[of] == "positive integer" and value.is_polynomial(self.names[of])
                shifted = sp.Poly(value.subs(x, x + 1), x).all_coeffs() if known else [sp.Integer(-1)]
                return value if all(c.is_Rational and c >= 0 for c in shifted) else None
            case "form of a positive semidefinite operator":
                operator, _, plain = of[1].partition(" ")
                known = self.operators.get(operator) == "positive semidefinite"
                return self.product(*of) if plain == of[0] and known else None
            case "inner product of vectors without negative entries":
                return self.product(*of) if set(of) <= self.entrywise else None
            case "sum over pairs of entries, none negative":
                return self.product("1", of) ** 2 - self.product(of, of) if of in self.entrywise else None
            case "hypothesis":
                return self.nonnegative(self.hypotheses[of]) if of in self.hypotheses else None
            case "sum over channels":
                return Sum(self.total([of]))
            case "power":
                return self.total([of]) ** sp.Rational(Fraction(factor["exponent"]))
            case "sum":
                return self.total(of)
        raise Refused("got a reason for a sign that is not a known one")

    def nonnegative(self, h: Mapping[str, Any]) -> sp.Expr | None:
        condition = h["condition"]
        if condition is None or condition["relation"] not in (">", ">=", "<", "<="):
            return None
        difference = self.read(condition["left"]) - self.read(condition["right"])
        return difference if condition["relation"].startswith(">") else -difference

    # What is printed.

    def readable(self, text: str) -> str:
        """The expression with its inner products and sums spelled out: nothing is shown that was not read."""
        d = self.document
        products = {n: f"<{', '.join(pair(words))}>" for n, words in d["inner_products"].items()}
        sums = {n: f"sum({shown(body, products)})" for n, body in d["sums_over_channels"].items()}
        return shown(text, products | sums | {n: prose(body) for n, body in d["functions"].items()})

    def side(self, value: Any) -> str:
        if isinstance(value, str):
            return self.readable(value)
        return " + ".join(f"({self.readable(c)}) {' '.join(atom(word))}" for word, c in value.items()) or "0"

    def stated(self) -> str:
        s = self.document["statement"]
        return f"{self.readable(s['left'])} {_one_of(s['relation'], '==', '<=')} {self.readable(s['right'])}"

    def given(self) -> Iterator[str]:
        """What the verdict rests on, in words: everything that was used and not derived."""
        d = self.document
        yield from (f"{n}: {sign}" for n, sign in self.signs.items())
        yield from (f"{n} is the same for all channels" for n in d["same_for_all_channels"])
        yield from (
            f"{n}: vector of {d['vectors'][n]['space']}, no negative entry" for n in sorted(self.entrywise - {"1"})
        )
        yield from (f"{n}: {what}" for n, what in self.operators.items())
        if self.definition is not None:
            n = d["normalizer"]
            p = n["projector"] or ("C" if n["centred"] else "I")
            yield f"definition: s {n['values']} = {p} y, z = ({self.readable(n['gain'])}) {n['values']} + " + (
                f"({self.readable(n['shift'])}) 1"
            )
            if n["scale"] is not None:
                yield f"definition: s = {self.readable(n['scale'])}"
            else:
                yield f"known of s: its gradient {self.side(n['gradient'])} and Hessian {n['hessian'] or 0}"
        for h in self.hypotheses.values():
            c = h["condition"]
            condition = f" [{self.readable(c['left'])} {c['relation']} {self.readable(c['right'])}]" if c else ""
            yield f"hypothesis {h['name']}: {h['statement']}{condition}"
            for e in h["equations"]:
                left = self.side({e["left"]: "1"}) if isinstance(e["right"], Mapping) else self.readable(e["left"])
                yield f"hypothesis {h['name']} sets {left} = {self.side(e['right'])}"
        for entry in d["nonzero"]:
            yield f"divided by, so not zero: {self.readable(entry['value'])}"

    def divided(self) -> None:
        """Everything divided by and every radicand is listed in `nonzero`, or evidently positive."""
        listed = {self.read(entry["value"]) for entry in self.document["nonzero"]}
        for e in self.everything():
            for power in e.atoms(sp.Pow):
                if (
                    (power.exp.is_negative or is_root(power))
                    and power.base not in listed
                    and not power.base.is_positive
                ):
                    raise Refused(f"it divides by {power.base} (or takes its root), and does not say so")

    def everything(self) -> Iterator[sp.Expr]:
        d = self.document
        certificate = d["certificate"] or {"products": []}
        texts: list[Any] = [d["statement"]["left"], d["statement"]["right"], *d["sums_over_channels"].values()]
        texts += [step["value"] for step in d["steps"]] + [f["value"] for p in certificate["products"] for f in p]
        texts += [f["of"] for p in certificate["products"] for f in p
                  if isinstance(f["of"], Mapping) or f["because"] == "square"]  # fmt: skip
        for text in texts:
            yield from map(self.read, text.values() if isinstance(text, Mapping) else [text])


def _one_of(value: Any, *known: str) -> str:
    if value not in known:
        raise Refused(f"got {str(value)[:40]!r}; expected one of {', '.join(known)}")
    return value


def _real(expression: sp.Expr) -> sp.Expr:
    """The expression, refused if a root in it could be imaginary: the square of that is negative."""
    if not all(root.base.is_nonnegative for root in expression.atoms(sp.Pow) if is_root(root)):
        raise Refused(f"{expression} need not be real")
    return expression


__all__ = ["Proof", "Tables", "size", "tree"]
