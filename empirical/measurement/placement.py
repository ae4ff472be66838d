"""What stands after a layer, in all networks: a normaliser or, in the plain twin, the identity; and noise after it."""

from __future__ import annotations

from dataclasses import dataclass

from bnverify.empirical.networks.network import Stage, identity_stage, normalizer_stage
from bnverify.empirical.normalization.batch_renormalization import renorm_stage
from bnverify.empirical.normalization.noise import noise_stage
from bnverify.empirical.normalization.normalizers import normalization

RENORM = "batch-renorm"


@dataclass(frozen=True)
class Placement:
    """``normalizer`` is a name of `normalizers.normalization`, "batch-renorm", or None for the identity;
    ``stretch`` multiplies the steps of batch renormalisation's schedule."""

    normalizer: str | None = "batch"
    epsilon: float = 1e-5
    noise: bool = False
    stretch: float = 1.0

    def stages(self, number: int) -> tuple[Stage, ...]:
        """The stages norm<number> and, with noise, noise<number>."""
        return (self._norm(f"norm{number}"), *((noise_stage(f"noise{number}"),) if self.noise else ()))

    def _norm(self, name: str) -> Stage:
        if self.normalizer is None:
            return identity_stage(name)
        if self.normalizer == RENORM:
            return renorm_stage(name, self.epsilon, self.stretch)
        return normalizer_stage(name, self.epsilon, normalization(self.normalizer))
