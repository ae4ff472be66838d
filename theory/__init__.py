"""The theory of batch normalisation, derived in SymPy for symbolic batch size. Importing it never imports JAX."""

from theory.algebra import ONE, Atom, Image, Inner, SelfAdjoint, Vector, is_zero, m, substitute, trace
from theory.audit import AUDIT
from theory.catalogue import CLAIMS, UnknownClaim
from theory.claim import Certificate, Claim, Derivation, Hypothesis, Proof, ProofError, Source, Step
from theory.derivative import Functional, derivative, gradient, representer
from theory.example import Example
from theory.normalizer import BATCH, KnownScale, Normalizer, centre, in_normalised_coordinates, variance
from theory.normalizers import NORMALIZERS
from theory.printed import AuditError, Printed, Verdict
from theory.quantities import (
    HHAT,
    QUANTITIES,
    YHAT,
    ChannelSum,
    G,
    H,
    Quantity,
    U,
    V,
    W,
    X,
    Y,
    Z,
    a,
    beta,
    epsilon,
    gamma,
    latex,
    mu,
    rho,
    s,
)  # fmt: skip
from theory.references import REFERENCES
from theory.smoothing import smoothing

__all__ = [
    "AUDIT", "BATCH", "CLAIMS", "HHAT", "NORMALIZERS", "ONE", "QUANTITIES", "REFERENCES", "YHAT", "Atom", "AuditError",
    "Certificate", "ChannelSum", "Claim", "Derivation", "Example", "Functional", "G", "H", "Hypothesis", "Image",
    "Inner", "KnownScale", "Normalizer", "Printed", "Proof", "ProofError", "Quantity", "SelfAdjoint", "Source", "Step",
    "U", "UnknownClaim", "V", "Vector", "Verdict", "W", "X", "Y", "Z", "a", "beta", "centre", "derivative", "epsilon",
    "gamma", "gradient", "in_normalised_coordinates", "is_zero", "latex", "m", "mu", "representer", "rho", "s",
    "smoothing", "substitute", "trace", "variance",
]  # fmt: skip
