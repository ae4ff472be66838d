"""CLAIMS: every claim of the package by key, in reading order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Protocol, TypeVar

from bnverify.errors import InputError
from bnverify.theory.normalizers.known import (
    BATCH_RENORM,
    L1_UNCENTRED,
    L2_UNCENTRED,
    LINF_UNCENTRED,
    LP_UNCENTRED,
)
from bnverify.theory.proof.claim import Claim
from bnverify.theory.results.dynamics import schedules, steps
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
from bnverify.theory.results.ghost import total_variance
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

    def __repr__(self) -> str:
        """One line a record: its key and its title."""
        wide = max(map(len, self._records), default=0)
        lines = (f"{key:{wide}}  {getattr(record, 'title', '')}" for key, record in self._records.items())
        return "\n".join([f"{len(self)} {self.noun}s", *lines])

    def _repr_markdown_(self) -> str:
        rows = [f"| `{key}` | {getattr(record, 'title', '')} |" for key, record in self._records.items()]
        return "\n".join([f"| {self.noun} | title |", "|---|---|", *rows])

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
        invariance.SCALE_EXACT,
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
        total_variance.TOTAL,
        total_variance.WITHIN,
        *any_normalizer.GENERAL,
        lp_normalisation.L1_GRADIENT,
        lp_normalisation.L1_WORST,
        lp_normalisation.LINF_WORST,
        *steps.OF_STEPS,
        *schedules.OF_SCHEDULES,
    ),
)

# Scales that see what P removes: the worst factor is not claimed of them.
_SEE_THE_MEAN = frozenset(n.name for n in (L1_UNCENTRED, L2_UNCENTRED, LINF_UNCENTRED, LP_UNCENTRED))


def claims_for(normalizer: str) -> tuple[Claim, ...]:
    """The claims about a normalizer of `theory.NORMALIZERS` (or of one's own), in the catalogue's order.

    A claim is about the normalizers it names, about ``any`` (every one with z = gamma yhat + beta), or about the
    ``consistent`` ones among them, whose scale does not see what they remove (not the uncentred l_p).
    """
    kinds = {normalizer}
    if normalizer != BATCH_RENORM.name:
        kinds |= {"any"} if normalizer in _SEE_THE_MEAN else {"any", "consistent"}
    return tuple(claim for claim in CLAIMS.values() if kinds & set(claim.about))


def claims_of_steps() -> tuple[Claim, ...]:
    """The claims about two consecutive states of a training, of filters before batch norm."""
    return tuple(claim for claim in CLAIMS.values() if "steps" in claim.about)
