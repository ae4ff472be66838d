"""Claims on networks, layers and normalisers of one's own: measured in float64, as verdicts or as an AssertionError.

    assert_claims(suffix, y, gamma, beta, 1e-5, normalizer="layer")

Left sides are derivatives by `empirical.measure`, right sides the compiled claims; a claim that met no point inside its
hypotheses has not passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from bnverify.empirical.judgement.compile import compile_claim
from bnverify.empirical.judgement.verdict import Verdict, evaluate
from bnverify.empirical.measurement.measurement import Seed, measure, named
from bnverify.empirical.normalization.normalizers import BATCH, Normalization
from bnverify.empirical.normalization.own_normalizer import Defined
from bnverify.empirical.runs.records import FLAGS, site_dataset
from bnverify.errors import InputError
from bnverify.theory import CLAIMS, claims_for
from bnverify.theory.proof.claim import Claim

Layer = Callable[[Array, Array, Array, Any], Array]
_MATCHED = 1e-12  # relative: how far gamma may be from s and beta from mu for Observation 4.3 to be spoken of


@dataclass(frozen=True)
class _Implemented(Normalization):
    """A normaliser by what it is called and how it arranges, centres and divides; computed by somebody's own code."""

    layer: Layer

    def __call__(self, y, gamma, beta, epsilon, *context):
        return self.layer(y, gamma, beta, epsilon)


def verdicts(
    sites: Mapping[str, Mapping[str, Any]],
    normalizer: str | Normalization,
    claims: Iterable[str | Claim] | None = None,
    *,
    network: str = "own",
) -> list[Verdict]:
    """Verdicts on measured quantities by site (each as from `empirical.measure`, in float64, one normaliser).

    ``claims``: keys or claims; None stands for all that speak of the normaliser (`theory.claims_for` its name, or
    `theory.claims_of` the definition it was compiled from) and whose quantities were measured. InputError where a claim
    that is asked for speaks of quantities that were not measured.
    """
    norm = named(normalizer)
    asked = None if claims is None else [CLAIMS[each] if isinstance(each, str) else each for each in claims]
    wanted = _claims_about(norm) if asked is None else asked
    records = site_dataset(0, {site: _recorded(quantities) for site, quantities in sites.items()})
    found = []
    for claim in wanted:
        verdict = evaluate(claim, records, network=network)
        if verdict is not None:
            found.append(verdict)
        elif asked is not None:
            missing = [each for each in compile_claim(claim).names if each not in records]
            raise InputError(
                got=f"no {', '.join(missing)} among what was measured, for claim {claim.key}",
                expected="claims about the values, derivatives and parameters at a normalisation",
                advice="leave it out; claims that speak of a layer's weights or of a whole run need a run",
            )
    return found


def check(
    suffix: Callable[[Float[Array, "*batch channel"]], Float[Array, ""]],
    y: Float[Array, "*batch channel"],
    gamma: Float[Array, " channel"],
    beta: Float[Array, " channel"],
    epsilon: float,
    *,
    normalizer: str | Normalization = BATCH,
    layer: Layer | None = None,
    claims: Iterable[str | Claim] | None = None,
    seed: Seed = 0,
    samples: int = 2,
    context: tuple = (),
) -> list[Verdict]:
    """Measure where z = normalizer(y, gamma, beta, epsilon) and the loss is suffix(z), and judge the claims there.

    ``layer(y, gamma, beta, epsilon)`` is an implementation of the normaliser to be measured in place of this package's.
    ``samples`` random vectors (channels, for batch norm) get Hessian-vector products of their own. Everything is
    computed in float64; InputError where the suffix or the layer does not. The other arguments are those of `measure`
    and `verdicts`.
    """
    stated = norm = named(normalizer)
    if layer is not None:
        norm = _Implemented(norm.name, norm.arrangement, norm.centred, norm.scale, layer)
    with jax.enable_x64(True):
        y, gamma, beta = (jnp.asarray(each, jnp.float64) for each in (y, gamma, beta))
        z = jax.eval_shape(lambda y: norm(y, gamma, beta, epsilon, *context), y)
        _expect("the layer", z, y.shape)
        _expect("the suffix", jax.eval_shape(suffix, z), ())
        vectors = jax.eval_shape(norm.columns, y).shape[-1]
        sampled = np.random.default_rng(seed).permutation(vectors)[:samples]
        measured = measure(
            suffix, y, gamma, beta, epsilon, normalizer=norm, seed=seed, sampled=sampled.tolist(), context=context
        )  # fmt: skip
    quantities = {name: np.asarray(value) for name, value in measured.items()}
    quantities["sampled"] = np.isin(np.arange(vectors), sampled)
    return verdicts({"own": quantities}, stated, claims)


def assert_claims(*args: Any, **options: Any) -> list[Verdict]:
    """`check`, and an AssertionError unless every claim holds: the claim as text, both sides, residual and place.

    A claim that was asked for by key and met no point inside its hypotheses is an error too, with the reasons; of
    claims that were not asked for, at least one must have been tested. Returns the verdicts.
    """
    __tracebackhide__ = True
    found, asked = check(*args, **options), options.get("claims")
    own = [claim for claim in asked or () if isinstance(claim, Claim)]
    own += _claims_about(named(options.get("normalizer", BATCH)))
    failed = complaints(found, strict=asked is not None, claims={**CLAIMS, **{claim.key: claim for claim in own}})
    if failed:
        raise AssertionError("\n".join(failed))
    return found


def complaints(found: Sequence[Verdict], *, strict: bool, claims: Mapping[str, Claim] = CLAIMS) -> list[str]:
    """What is wrong with verdicts, as lines to print; empty if nothing is. ``strict``: each must have been tested."""
    untested = [verdict for verdict in found if not verdict.points]
    lines = [line for verdict in found if verdict.violations for line in violation(verdict, claims)]
    if strict or len(untested) == len(found):
        lines += [f"{v.key}: not tested, no point inside its hypotheses ({_reasons(v)})" for v in untested]
    return lines if found else ["no claim was tested"]


def violation(verdict: Verdict, claims: Mapping[str, Claim] = CLAIMS) -> list[str]:
    """A violated claim for a terminal: the statement, how often it failed, and the worst points with both sides."""
    statement = f"{verdict.key}: {claims[verdict.key]}"
    count = f"violated at {verdict.violations} of {verdict.points} points"
    lines = [statement, f"  {count} ({verdict.network}, {verdict.dtype}, tolerance {verdict.tolerance:.0e})"]
    return lines + [f"  {point}" for point in verdict.worst_points[: min(3, verdict.violations)]]


def _claims_about(norm: Normalization) -> tuple[Claim, ...]:
    return norm.claims if isinstance(norm, Defined) else claims_for(norm.name)


def _reasons(verdict: Verdict) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in verdict.excluded.items()) or "no point"


def _expect(what: str, found: Any, shape: tuple[int, ...]) -> None:
    if getattr(found, "shape", None) != shape or found.dtype != jnp.float64:
        got = f"{found.dtype} of shape {found.shape}" if hasattr(found, "shape") else f"{type(found).__name__}"
        raise InputError(
            got=f"{what} returns {got} for float64 input",
            expected=f"float64 of shape {shape}",
            advice="claims are checked in float64: cast parameters to float64, fix no narrower dtype inside",
        )


def _recorded(quantities: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Quantities as a record has them. Observation 4.3 is about a matched normalisation: where this one is not, what it
    says of w_y is not among its subjects."""
    out = {name: np.asarray(value) for name, value in quantities.items()}
    out.setdefault("sampled", np.isfinite(out["u_H_u"]) if "u_H_u" in out else np.zeros(len(out["s"]), bool))
    if "w_y" in out and not (
        np.allclose(out["gamma"], out["s"], rtol=_MATCHED, atol=0)
        and np.allclose(out["beta"], out["mu"], rtol=_MATCHED, atol=_MATCHED * np.abs(out["s"]).max())
    ):
        del out["w_y"]
    return {name: value.astype(bool) if name in FLAGS else value for name, value in out.items()}
