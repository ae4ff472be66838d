"""CLAIMS: every claim of the package by key, in reading order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from theory import (
    any_normalizer,
    backward_pass,
    batch_renormalization,
    fact_c1,
    fact_c2,
    invariance,
    lemma_4_5,
    lp_normalisation,
    moments,
    observation_4_3,
    reparametrisation,
    second_derivative,
    spectrum,
    sum_rule,
    theorem_4_1,
    theorem_4_2,
    theorem_4_4,
)
from theory.claim import Claim


class Catalogue(Mapping[str, Claim]):
    """An ordered mapping key -> Claim whose lookup names the known keys when it fails."""

    def __init__(self, claims: tuple[Claim, ...]):
        self._claims = {claim.key: claim for claim in claims}
        if len(self._claims) != len(claims):
            raise ValueError("got two claims with one key; expected distinct keys; rename one")

    def __getitem__(self, key: str) -> Claim:
        try:
            return self._claims[key]
        except KeyError:
            raise UnknownClaim(key, tuple(self._claims)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._claims)


class UnknownClaim(KeyError):
    """No claim of that key."""

    def __init__(self, key: str, known: tuple[str, ...]):
        super().__init__(key)
        self.key, self.known = key, known

    def __str__(self) -> str:
        return (
            f"got:      claim {self.key!r}\nexpected: one of {', '.join(self.known)}\n"
            "do:       pass a listed key; `bnverify theory` says what each states"
        )


CLAIMS = Catalogue(
    (
        moments.NORMALISED_MEAN,
        moments.NORMALISED_NORM,
        moments.SINGLE,
        fact_c2.FACT_C2,
        spectrum.SQUARED,
        spectrum.PROJECTOR,
        spectrum.NORM,
        fact_c1.FACT_C1,
        fact_c1.FACT_C1_GAMMA,
        fact_c1.FACT_C1_BETA,
        backward_pass.VARIANCE,
        backward_pass.MEAN,
        backward_pass.CHAIN,
        fact_c1.BIAS_GRADIENT,
        fact_c1.SCALE_GRADIENT,
        fact_c1.WEIGHT_GRADIENT_CLAIM,
        fact_c1.GRADIENT_INNER,
        spectrum.NO_GRADIENT,
        second_derivative.SECOND_DERIVATIVE,
        second_derivative.VELOCITY,
        second_derivative.HESSIAN,
        theorem_4_1.PRINTED,
        theorem_4_1.EXACT,
        theorem_4_2.PRINTED,
        theorem_4_2.EXACT,
        theorem_4_2.LAYER,
        theorem_4_2.LAYER_EXACT,
        theorem_4_2.SECOND,
        observation_4_3.MATCHED_INSERTION,
        observation_4_3.MINIMA,
        theorem_4_4.EXACT,
        theorem_4_4.PULL_BACK,
        theorem_4_4.LAYER,
        lemma_4_5.LAYER,
        lemma_4_5.FILTER,
        lemma_4_5.ROWS,
        invariance.SCALE,
        invariance.SCALE_GRADIENT,
        invariance.SCALE_HESSIAN,
        invariance.SHIFT,
        invariance.SHIFT_GRADIENT,
        invariance.NORM_GROWTH,
        sum_rule.EXACT,
        sum_rule.ZERO,
        reparametrisation.VARIANCE,
        reparametrisation.OUTPUT,
        batch_renormalization.INFERENCE,
        batch_renormalization.BACKWARD,
        batch_renormalization.GRADIENT,
        batch_renormalization.BIAS_GRADIENT,
        *any_normalizer.GENERAL,
        lp_normalisation.L1_GRADIENT,
        lp_normalisation.L1_WORST,
        lp_normalisation.LINF_WORST,
    )
)
