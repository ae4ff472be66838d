"""From the definition of a normaliser in theory/ to the layer of a network, without writing it twice."""

from __future__ import annotations

from functools import cache

import jax.numpy as jnp
import sympy as sp

from bnverify.empirical.normalization.normalizers import Arrangement, Normalization, PerChannel
from bnverify.errors import InputError
from bnverify.theory import NORMALIZERS, Normalizer, claims_for
from bnverify.theory.algebra.vectors import m
from bnverify.theory.normalizers.own_claims import SPREAD, TOTAL, claims_of, scale_in_moments
from bnverify.theory.proof.claim import Claim
from bnverify.theory.proof.quantities import epsilon, gamma


def claims_about(norm: Normalization) -> tuple[Claim, ...]:
    """The claims that speak of a normaliser: by the definition it was compiled from, else by its name."""
    return claims_for(norm.name) if norm.definition is None else claims_of(norm.definition)


@cache
def normalization_of(normalizer: Normalizer, arrangement: Arrangement | None = None) -> Normalization:
    """The forward pass of a normaliser that was defined by its centring and a scale in inner products.

        own = Normalizer("mine", centred=True, scale=lambda y: sp.sqrt(variance(y)) + epsilon)
        mine = normalization_of(own, PerPosition())
        measure(suffix, y, gamma, beta, 1e-5, normalizer=mine)

    Only the scale itself is compiled, from SymPy to JAX. What is measured, v and the curvature along it, is automatic
    differentiation of that forward pass; what it is compared with, the claims of `own_claims.claims_of`, was
    derived in SymPy by the quotient rule, for symbolic m. The definition is common to both sides, no derivative is.

    ``arrangement`` says which values form one vector (None: those of a channel). InputError for a scale that is no
    formula in <y, y> and <1, y> or has no derivative here, and for another thing under the name of a known normaliser.
    """
    _refuse(normalizer)
    try:
        scale = scale_in_moments(normalizer)
    except ValueError as error:
        raise InputError(
            got=f"the normaliser {normalizer.name} without a scale to compile ({error})",
            expected="a scale in inner products of y and 1, such as sp.sqrt(variance(y) + epsilon)",
            advice="write its forward pass as a normalizers.Normalization of the same name",
        ) from error
    _refuse_without_gradient(normalizer)
    compiled = sp.lambdify([SPREAD, TOTAL, m, epsilon], scale, modules="jax")

    def of_columns(columns, epsilon):
        deviation = columns - columns.mean(0)
        return compiled(jnp.square(deviation).sum(0), columns.sum(0), len(columns), epsilon)

    return Normalization(
        normalizer.name, arrangement or PerChannel(), normalizer.centred, of_columns, definition=normalizer
    )  # fmt: skip


def _refuse_without_gradient(normalizer: Normalizer) -> None:
    """InputError for a scale with a function whose derivative the theory does not take, such as Max or erf."""
    try:
        _ = normalizer.n
    except ValueError as error:
        raise InputError(
            got=f"the normaliser {normalizer.name} with a scale that has no derivative here ({error})",
            expected="a scale of + - * / **, roots and inner products of y and 1",
            advice="replace what is not smooth or not elementary, such as Max(s, epsilon) by sqrt(s**2 + epsilon**2)",
        ) from error


def _refuse(normalizer: Normalizer) -> None:
    if normalizer.projector is not None or normalizer.gain != gamma:
        raise InputError(
            got=f"{normalizer!r} with a projector or a gain of its own",
            expected="z = gamma P y / s(y) + beta, P the centring or the identity",
            advice="leave projector and gain out",
        )
    known = NORMALIZERS.get(normalizer.name)
    if known is not None and known is not normalizer:
        raise InputError(
            got=f"a normaliser of one's own called {normalizer.name}",
            expected="a name that is not taken, as names decide which claims are asserted",
            advice=f"choose another name, or take theory.NORMALIZERS[{normalizer.name!r}]",
        )
