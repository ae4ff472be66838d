"""CLAIMS: every claim of the package by key, in reading order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Protocol, TypeVar

from bnverify.errors import InputError
from bnverify.theory.proof.claim import Claim
from bnverify.theory.results.general import (
    any_normalizer,
    invariance,
    lp_normalisation,
    moments,
    second_derivative,
    spectrum,
    sum_rule,
    values,
)
from bnverify.theory.results.ioffe2015 import backward_pass
from bnverify.theory.results.ioffe2017 import batch_renormalization
from bnverify.theory.results.kohler2018 import reparametrisation
from bnverify.theory.results.santurkar2018 import (
    fact_c1,
    fact_c2,
    lemma_4_5,
    observation_4_3,
    theorem_4_1,
    theorem_4_2,
    theorem_4_4,
)


class Keyed(Protocol):
    """A record with a key."""

    @property
    def key(self) -> str: ...


Record = TypeVar("Record", bound=Keyed)


class Catalogue(Mapping[str, Record]):
    """An ordered mapping key -> record whose lookup names the known keys when it fails. ``noun`` says of what."""

    def __init__(self, noun: str, records: tuple[Record, ...]):
        self.noun = noun
        self._records = {record.key: record for record in records}
        if len(self._records) != len(records):
            raise ValueError("got two records with one key; expected distinct keys; rename one")

    def __getitem__(self, key: str) -> Record:
        try:
            return self._records[key]
        except KeyError:
            raise UnknownClaim(self.noun, key, tuple(self._records)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._records)


class UnknownClaim(InputError, KeyError):
    """No claim (or audit record) of that key; the nearest keys are named."""

    def __init__(self, noun: str, key: str, known: tuple[str, ...]):
        near = get_close_matches(key, known, cutoff=0.5)
        super().__init__(
            got=f"{noun} {key!r}",
            expected=f"perhaps {' or '.join(sorted(near))}" if near else f"one of {len(known)} keys",
            advice="`bnverify theory` lists the keys and says what each states",
        )
        self.noun, self.key, self.known = noun, key, known

    def __str__(self) -> str:
        return f"got:      {self.got}\nexpected: {self.expected}\ndo:       {self.advice}"


CLAIMS: Catalogue[Claim] = Catalogue(
    "claim",
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
        *values.ANY,
        *values.RUNNING,
        *any_normalizer.GENERAL,
        lp_normalisation.L1_GRADIENT,
        lp_normalisation.L1_WORST,
        lp_normalisation.LINF_WORST,
    ),
)

_GENERAL = frozenset(claim.key for claim in any_normalizer.GENERAL)
_VALUES = frozenset(claim.key for claim in values.ANY)
_WORST = frozenset({any_normalizer.WORST.key, any_normalizer.AT_LEAST_ONE.key})
_OWN = {
    "l1": frozenset({"l1-scale-gradient", "l1-worst-factor"}),
    "linf": frozenset({"linf-worst-factor"}),
    "batch-renorm": frozenset(key for key in CLAIMS if key.startswith("renorm")),
}


def claims_for(normalizer: str) -> tuple[Claim, ...]:
    """The claims that speak of a normaliser of `theory.NORMALIZERS` (or of one's own), in the catalogue's order.

    Batch norm has all that do not name another one; every normaliser has the general ones, those about its worst factor
    only if its scale does not see what it removes (not the uncentred l_p).
    """
    others = frozenset().union(*(keys for name, keys in _OWN.items() if name != normalizer))
    if normalizer == "batch":
        wanted = frozenset(CLAIMS) - others
    elif normalizer == "batch-renorm":
        wanted = _OWN[normalizer] | _VALUES
    else:
        wanted = _GENERAL | _VALUES | _OWN.get(normalizer, frozenset())
        wanted -= _WORST if normalizer.endswith("uncentred") else frozenset()
    return tuple(claim for key, claim in CLAIMS.items() if key in wanted)
