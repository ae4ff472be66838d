"""Claims on networks, layers and normalisers of one's own: measured in float64, as verdicts or as an AssertionError.

    assert_claims(suffix, y, gamma, beta, 1e-5, normalizer="layer")

Left sides are derivatives by `bnverify.empirical.measure`, right sides the compiled claims. A claim that met no point
inside its hypotheses has not passed, and an assertion that tested nothing of the values, or nothing of the gradient,
fails and says so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from bnverify.empirical.judgement.diagnosis import hints
from bnverify.empirical.judgement.judged import verdicts, wanted
from bnverify.empirical.judgement.verdict import INACCURATE, RANGE, ROUNDING, Verdict
from bnverify.empirical.measurement.checks import check_cut
from bnverify.empirical.measurement.cut import Cut, Placed
from bnverify.empirical.measurement.given import check_loss, check_numbers, check_options
from bnverify.empirical.measurement.measured import Measured
from bnverify.empirical.measurement.measurement import cut_of, measure_cut
from bnverify.empirical.measurement.probes import Seed, chosen
from bnverify.empirical.measurement.settings import exact
from bnverify.empirical.normalization.known import BATCH, named
from bnverify.empirical.normalization.normalizers import Normalization
from bnverify.errors import InputError, users
from bnverify.theory import CLAIMS
from bnverify.theory.proof.claim import Claim

Layer = Callable[[Array, Array, Array, Any], Array]
Claims = str | Claim | Iterable[str | Claim] | None
# A layer of which none of these was tested may be any layer.
_KINDS = {
    "values": ("values",),
    "gradient": (
        "normalizer-backward", "fact-c1", "renorm-backward", "normalizer-gradient", "theorem-4.1-exact",
        "renorm-gradient",
    ),
    "gradients of gamma and beta": ("gamma-gradient", "beta-gradient", "fact-c1-gamma", "fact-c1-beta"),
}  # fmt: skip


def measured_layer(
    suffix: Callable[[Float[Array, "*batch channel"]], Float[Array, ""]],
    y: Float[Array, "*batch channel"],
    gamma: Float[Array, " channel"],
    beta: Float[Array, " channel"],
    epsilon: float,
    *,
    normalizer: str | Normalization = BATCH,
    layer: Layer | None = None,
    seed: Seed = 0,
    samples: int = 2,
    context: tuple = (),
    dtype: str = "float64",
) -> Measured:
    """What `check` judges: the quantities where z = normalizer(y, gamma, beta, epsilon) and the loss is suffix(z)."""
    norm = named(normalizer)
    norm = norm if layer is None else norm.computed_by(layer)
    if dtype not in ("float64", "float32"):
        raise InputError(got=f"dtype {dtype!r}", expected="'float64' or 'float32'", advice="leave it out for float64")
    check_options(layer, seed, samples, suffix)
    check_numbers(y, gamma, beta, epsilon)
    if context and layer is None and norm.correction is None:
        raise InputError(
            got=f"context={context!r:.60} for {norm.name} norm", expected="no context: nothing corrects it",
            advice="leave it out, or pass normalizer='batch-renorm'",
        )  # fmt: skip
    with exact():
        check_cut(Placed(norm, gamma, beta, epsilon, context), jnp.asarray(y) if hasattr(y, "__len__") else y)
        y, gamma, beta = (jnp.asarray(each, dtype) for each in (y, gamma, beta))
        number = jnp.asarray(epsilon, dtype)
        context = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), context)
        plain, given = norm.computed_by(None), (gamma, beta, cast(Any, number), *context)
        with users(
            f"context={context!r:.60}", expected="((running mean, running s), r_max, d_max) of batch-renorm",
            advice="pass these for batch-renorm, and no context for any other normalizer",
        ):  # fmt: skip
            values = plain(y, *given)
        with _traced("the layer", "layer(y, gamma, beta, epsilon)"):
            z = jax.eval_shape(lambda y: norm(y, *given), y)
        _expect("the layer", z, y.shape, dtype)
        with _traced("the suffix", "suffix(z)"):
            _expect("the suffix", jax.eval_shape(suffix, z), (), dtype)
            check_loss(suffix, values)
        cut = cut_of(suffix, y, gamma, beta, epsilon, normalizer=norm, context=context)
        vectors = jax.eval_shape(norm.columns, y).shape[-1]
        return measure_cut(cut, seed=seed, sampled=chosen(vectors, samples, seed))


def check(*args: Any, claims: Claims = None, **options: Any) -> list[Verdict]:
    """Measure where z = normalizer(y, gamma, beta, epsilon) and the loss is suffix(z), and judge the claims there.

        check(suffix, y, gamma, beta, epsilon, normalizer="layer", layer=mine, claims=["normalizer-backward"])

    ``layer(y, gamma, beta, epsilon)`` is an implementation of the normaliser to be measured in place of this package's;
    with a backward pass of its own (`jax.custom_vjp`) it is measured by reverse mode. ``samples`` random vectors
    (channels, for batch norm) get Hessian-vector products of their own. Everything is computed in float64, or with
    ``dtype="float32"`` in float32, at its tolerance; InputError where the suffix or the layer does not. In place of the
    five arguments there may be one `Cut`. ``normalizer``, ``seed`` and ``context`` are those of `measure`, ``claims``
    those of `verdicts`.
    """
    return verdicts(_measured(args, options), claims)


def assert_claims(*args: Any, claims: Claims = None, **options: Any) -> list[Verdict]:
    """`check`, and an AssertionError unless every claim holds: the claim as text, both sides, residual and place.

    A claim that was asked for by key and met no point inside its hypotheses is an error too, with the reasons. Of
    claims that were not asked for, some about the values, some about the gradient with respect to y and some about
    those with respect to gamma and beta must have been tested, and in every vector: one whose mean is so large that a
    comparison is rounding, or whose numbers are beyond the type, has not passed. Returns the verdicts.
    """
    __tracebackhide__ = True
    measured = _measured(args, options)
    found, about = verdicts(measured, claims), wanted(measured, claims)
    failed = complaints(found, strict=claims is not None, claims={**CLAIMS, **{claim.key: claim for claim in about}})
    if failed:
        failed += [f"not tested: {who}, {why}" for who, why in measured.missing.items()]
        if measured.factor != 1:
            failed.append(f"the loss was multiplied by {measured.factor:g}: squares of its gradient are no numbers")
        failed += hints(args, options, found)
        raise AssertionError("\n".join(failed))
    return found


def _measured(args: tuple, options: Mapping[str, Any]) -> Measured:
    if len(args) == 1 and isinstance(args[0], Cut):
        with exact():
            cut, seed = args[0], options.get("seed", 0)
            check_options(None, seed, options.get("samples", 2))
            vectors = cut.norm.normalization.columns(jnp.asarray(cut.y)).shape[-1]
            return measure_cut(cut, seed=seed, sampled=chosen(vectors, options.get("samples", 2), seed))
    try:
        inspect.signature(measured_layer).bind(*args, **options)
    except TypeError as error:
        raise InputError(
            got=f"arguments of assert_claims: {error}", expected="suffix, y, gamma, beta, epsilon, or one Cut",
            advice="assert_claims(suffix, y, gamma, beta, 1e-5, normalizer='layer')",
        ) from error  # fmt: skip
    return measured_layer(*args, **options)


def complaints(found: Sequence[Verdict], *, strict: bool, claims: Mapping[str, Claim] = CLAIMS) -> list[str]:
    """What is wrong with verdicts, as lines to print; empty if nothing is. ``strict``: each must have been tested."""
    untested = [verdict for verdict in found if not verdict.points and INACCURATE not in verdict.excluded]
    lines = [line for verdict in found if verdict.violations for line in violation(verdict, claims)]
    if strict:
        lines += [f"{v.key}: not tested, no point inside its hypotheses ({reasons(v)})" for v in untested]
    elif found and not lines:
        lines += _nothing_of(found)
    if not any(verdict.violations for verdict in found):
        lines += _inaccurate(found)
    return lines if found else ["no claim was tested"]


def _inaccurate(found: Sequence[Verdict]) -> list[str]:
    """A line for what is off by no more than a variance by differences of squares loses: not violated, not passed."""
    counts = {verdict.key: verdict.excluded[INACCURATE] for verdict in found if INACCURATE in verdict.excluded}
    if not counts:
        return []
    which = ", ".join(f"{key} at {count}" for key, count in counts.items())
    return [f"inaccurate: {which} points; the residual is no more than a variance by E[y^2] - E[y]^2 loses at this "
            "mean, which hides whether more is wrong: take the mean first"]  # fmt: skip


def _nothing_of(found: Sequence[Verdict]) -> list[str]:
    """A line for every kind of claim of which none was tested, or none in some vector whose comparison is rounding or
    beyond the type."""
    out = []
    for kind, keys in _KINDS.items():
        here = [verdict for verdict in found if verdict.key in keys]
        tested = [verdict for verdict in here if verdict.points]
        lost, reason = min((_lost(verdict) for verdict in tested), default=(0, ""))
        if not tested:
            why = "; ".join(sorted({f"{v.key}: {reasons(v)}" for v in here})) or "not measured"
            out.append(f"nothing about the {kind} was tested ({why})")
        elif lost:
            out.append(f"{kind}: not tested at {lost} of {lost + tested[0].points} places ({reason})")
    return out


def _lost(verdict: Verdict) -> tuple[int, str]:
    """At how many places a comparison is rounding, or goes through numbers that the type has not; and which."""
    dtype, excluded = verdict.dtype, verdict.excluded
    beyond, rounding = excluded.get(f"{RANGE} {dtype}", 0), excluded.get(ROUNDING, 0)
    why = "at so large a mean a millionth of them is rounding" if dtype == "float64" else "in float32"
    reasons = (f"{RANGE} {dtype}" if beyond else "", f"{ROUNDING}: {why}" if rounding else "")
    return beyond + rounding, "; ".join(filter(None, reasons))


def violation(verdict: Verdict, claims: Mapping[str, Claim] = CLAIMS) -> list[str]:
    """A violated claim for a terminal: the statement, how often it failed, and the worst points with both sides."""
    statement = f"{verdict.key}: {claims[verdict.key]}"
    count = f"violated at {verdict.violations} of {verdict.points} points"
    lines = [statement, f"  {count} ({verdict.network}, {verdict.dtype}, tolerance {verdict.tolerance:.0e})"]
    return lines + [f"  {point}" for point in verdict.worst_points[: min(3, verdict.violations)]]


def reasons(verdict: Verdict) -> str:
    """Why points were not counted."""
    return ", ".join(f"{reason} {count}" for reason, count in verdict.excluded.items()) or "no point"


def _traced(what: str, call: str) -> AbstractContextManager[None]:
    """Where a function of the user's is traced."""
    return users(
        what, expected=f"{call}, a function of jax.numpy that can be traced and differentiated",
        advice="use jax.numpy in place of numpy, jnp.where or jax.lax.cond in place of if",
    )  # fmt: skip


def _expect(what: str, found: Any, shape: tuple[int, ...], dtype: str) -> None:
    if getattr(found, "shape", None) != shape or str(found.dtype) != dtype:
        got = f"{found.dtype} of shape {found.shape}" if hasattr(found, "shape") else f"{type(found).__name__}"
        raise InputError(
            got=f"{what} returns {got} for {dtype} input",
            expected=f"{dtype} of shape {shape}",
            advice="claims are checked in float64: cast parameters to float64, fix no narrower dtype inside; or pass "
            "dtype='float32' to check them in that",
        )
