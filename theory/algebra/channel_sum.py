"""Sums over the channels of a layer, whose body is an expression of one channel."""

from __future__ import annotations

import sympy as sp


class ChannelSum(sp.Function):
    """The sum over the channels of a layer of an expression in channel quantities."""

    nargs = 1

    @classmethod
    def eval(cls, body):
        return sp.Integer(0) if body == 0 else None

    def _eval_is_extended_real(self):
        return True

    def _eval_is_nonnegative(self):
        return self.args[0].is_nonnegative

    def _latex(self, printer, exp: str | None = None) -> str:
        body = rf"\sum_j \Bigl[{printer._print(self.args[0])}\Bigr]_j"
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"


def distribute(expression: sp.Expr, constants: tuple[sp.Expr, ...] = ()) -> sp.Expr:
    """Linearity of the sum over channels: one sum a term, factors that do not depend on the channel in front."""

    def split(term: sp.Expr) -> sp.Expr:
        outer, inner = sp.Integer(1), sp.Integer(1)
        for factor in sp.Mul.make_args(term):
            if not factor.free_symbols or factor.as_base_exp()[0] in constants:
                outer *= factor
            else:
                inner *= factor
        return outer * ChannelSum(inner)

    return sp.expand(
        sp.expand(expression).replace(
            ChannelSum, lambda body: sp.Add(*(split(term) for term in sp.Add.make_args(sp.expand(body))))
        )
    )
