"""Small proof documents written by hand: 0 <= x**2/p, and what tests make of it."""

from __future__ import annotations


def small(**changes):
    whole = {
        "format": "bnverify proof 2", "key": "small", "title": "", "remark": "", "chapter": "", "source": {},
        "about": [], "hypotheses": [], "steps": [], "normalizer": None, "nonzero": [{"value": "x"}, {"value": "p"}],
        "statement": {"left": "0", "relation": "<=", "right": "x**2/p", "shape": "channel"},
        "conclusion": {"number": 1, "left": "0", "right": "x**2/p"},
        "certificate": {"slack": "x**2/p", "products": [[
            {"value": "x**2", "because": "square", "of": "x"}, {"value": "1/p", "because": "declared sign", "of": "p"},
        ]]},
        "symbols": {"m": "positive integer", "x": "real", "y": "real", "p": "positive", "r": "between 0 and 1"},
        "vectors": {name: {"space": "m", "entries": "any"} for name in "uv"} | {
            "w": {"space": "m", "entries": "nonnegative"}},
        "operators": {
            "A": {"space": "m", "is": "self-adjoint"}, "B": {"space": "m", "is": "positive semidefinite"}},
        "inner_products": {"u_w": "<u, w>", "u_u": "<u, u>", "one_u": "<1, u>", "uAu": "<u, A u>", "uBw": "<u, B w>"},
        "sums_over_channels": {}, "functions": {}, "same_for_all_channels": [],
        "facts": {}, "definitions": {}, "scalars": {}, "relations": {},
        "example": {"channels": [{
            "symbols": {"m": "2", "x": "3", "y": "1", "p": "2", "r": "1/2"},
            "vectors": {"u": ["1", "2"], "w": ["1", "0"], "v": ["0", "1"]},
            "operators": {"A": [["1", "2"], ["2", "0"]], "B": [["1", "0"], ["0", "1"]]}}]},
    }  # fmt: skip
    return whole | changes


def bound(right, *factors, **changes):
    """0 <= right, certified by one product."""
    return small(
        statement={"left": "0", "relation": "<=", "right": right, "shape": "channel"},
        conclusion={"number": 1, "left": "0", "right": right},
        certificate={"slack": right, "products": [list(factors)]},
        **changes,
    )


def stated(relation="==", left="x", right="3", equations=(), sets=None):
    condition = {"left": left, "relation": relation, "right": right}
    return {"name": "given", "statement": "", "flag": None, "condition": condition, "sets": sets or {},
            "equations": [{"left": a, "right": b} for a, b in equations]}  # fmt: skip
