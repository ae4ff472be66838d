"""A normaliser compiled from its definition: the forward pass, and its claims on random functions."""

from dataclasses import fields

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from bnverify.empirical.judgement.assertion import verdicts
from bnverify.empirical.judgement.judged import Measured, judge, table
from bnverify.empirical.measurement.measurement import measure
from bnverify.empirical.normalization.normalizers import NORMALIZATIONS, PerChannel, PerPosition, PerSample
from bnverify.empirical.normalization.own_normalizer import normalization_of
from bnverify.errors import InputError
from bnverify.theory import (
    BATCH,
    NORMALIZERS,
    ONE,
    KnownScale,
    Normalizer,
    SelfAdjoint,
    claims_of,
    epsilon,
    m,
    variance,
)
from bnverify.theory.proof.quantities import M, N

BETWEEN = Normalizer("between", True, lambda y: sp.sqrt(variance(y) + ((ONE @ y) / m) ** 2 / 4 + epsilon))
OUTSIDE = Normalizer("outside", True, lambda y: sp.sqrt(variance(y)) + epsilon)


def _values(seed=0, shape=(3, 4, 5)):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape) * 2 + 1)


def _measured(normalizer, constant=0.3):
    norm, y = normalization_of(normalizer, PerPosition()), _values()
    gamma, beta, weights = (_values(seed, shape) for seed, shape in ((1, (5,)), (2, (5,)), (3, y.shape)))
    quantities = measure(
        lambda z: (jnp.sin(z) * weights).sum() + (z**3).mean(), y, gamma, beta, constant, normalizer=norm,
        sampled=range(2),
    )  # fmt: skip
    return Measured(norm, {name: np.asarray(value) for name, value in quantities.items()})


@pytest.mark.parametrize("mean", [0.0, 1e6])
@pytest.mark.parametrize("name", ["layer", "rms"])
def test_known_definitions_give_the_known_layers(name, mean):
    """Also where the mean is large, which inner products of y alone would not survive."""
    y, ones = _values() + mean, jnp.ones(5)
    found = normalization_of(NORMALIZERS[name], PerSample(1))(y, 2 * ones, ones, 0.3)
    np.testing.assert_allclose(found, NORMALIZATIONS[name](y, 2 * ones, ones, 0.3), rtol=1e-9, atol=1e-9)


def test_forward_pass_against_numpy():
    y = np.asarray(_values())
    mean = y.mean(-1, keepdims=True)
    expected = (y - mean) / np.sqrt(y.var(-1, keepdims=True) + mean**2 / 4 + 0.3)
    norm = normalization_of(BETWEEN, PerPosition())
    np.testing.assert_allclose(norm.normalise(jnp.asarray(y), 0.3), expected, rtol=1e-12)
    assert normalization_of(BETWEEN).arrangement == PerChannel()
    assert normalization_of(BETWEEN, PerPosition()) is norm  # compiled once


@pytest.mark.parametrize("normalizer", [BETWEEN, OUTSIDE], ids=lambda each: each.name)
def test_its_claims_hold(normalizer):
    for constant in (0.0, 0.3):
        found = judge({"here": _measured(normalizer, constant)})["here"]
        keys = {verdict.key for verdict in found}
        assert {f"{normalizer.name}-scale-gradient", f"{normalizer.name}-gradient", "normalizer-curvature"} <= keys
        assert ("normalizer-worst-factor" in keys) == (normalizer is OUTSIDE)
        assert not any(verdict.violations for verdict in found)
        assert all(verdict.points for verdict in found if constant == 0 or "worst" not in verdict.key)


def test_the_claims_of_another_definition_fail():
    """n of the standard deviation alone, on a scale that sees the mean."""
    measured = _measured(BETWEEN)
    wrong = Normalizer("wrong", True, lambda y: sp.sqrt(variance(y) + epsilon))
    found = {v.key: v for v in verdicts(measured, claims_of(wrong))}
    assert found["wrong-scale-gradient"].violations == found["wrong-scale-gradient"].points > 0
    assert found["wrong-gradient"].violations == found["wrong-gradient"].points > 0


def test_a_forward_pass_that_differs_fails():
    """The layer keeps its definition's claims, but computes something else."""
    norm = normalization_of(BETWEEN, PerPosition())

    class Broken(type(norm)):
        def __call__(self, y, gamma, beta, epsilon):
            return super().__call__(y, gamma, beta, epsilon) + 0.01 * jax.lax.stop_gradient(y) * y

    broken = Broken(**{field.name: getattr(norm, field.name) for field in fields(norm)})
    quantities = measure(lambda z: jnp.sin(z).sum(), _values(), jnp.ones(5), jnp.zeros(5), 0.3, normalizer=broken)
    found = judge({"here": Measured(broken, {k: np.asarray(v) for k, v in quantities.items()})})["here"]
    assert {"between-gradient", "normalizer-backward"} <= {v.key for v in found if v.violations}


def test_table_names_site_normaliser_and_counts():
    measured = {"here": _measured(BETWEEN)}
    lines = table(measured, judge(measured)).splitlines()
    heads = ("site", "normaliser", "claims", "points", "violations", "worst residual", "of claim")
    assert lines[0].split() == " ".join(heads).split()
    site, name, claims, points, violations, *_ = lines[1].split()
    assert (site, name, violations) == ("here", "between", "0")
    # 12 vectors, of which 2 are sampled for the curvature; gradients of gamma and beta are one point each
    assert int(claims) == 12 and int(points) == 9 * 12 + 2 + 2
    only = judge(measured, ["normalizer-gradient"])
    assert [verdict.key for verdict in only["here"]] == ["normalizer-gradient"]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: normalization_of(NORMALIZERS["l1"]), "known by its gradient only"),
        (lambda: normalization_of(Normalizer("k", True, lambda y: sp.Symbol("k") * variance(y))), "without a scale to"),
        (lambda: normalization_of(Normalizer("batch", False, BATCH.scale)), "one's own called batch"),
        (lambda: normalization_of(NORMALIZERS["batch-renorm"]), "a gain of its own"),
        (lambda: normalization_of(Normalizer("p", False, KnownScale(N, M), projector=SelfAdjoint("Q"))), "a projector"),
        (lambda: judge({}), "no sites"),
    ],
)
def test_bad_input(action, message):
    with pytest.raises(InputError, match=message):
        action()


def test_a_verdict_on_a_claim_of_ones_own_renders():
    found = judge({"here": _measured(BETWEEN)}, claims_of(BETWEEN)[-1:])["here"]
    assert found[0]._repr_latex_().startswith(r"$\displaystyle \text{between-gradient} \quad \checkmark")
