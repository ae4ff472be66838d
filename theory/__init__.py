"""The theory of batch normalisation, derived in SymPy for symbolic batch size. Importing it never imports JAX."""

from theory.algebra import ONE, Atom, Image, Inner, SelfAdjoint, Vector, is_zero, m, substitute, trace
from theory.audit import AUDIT
from theory.catalogue import CLAIMS, UnknownClaim, claims_for
from theory.claim import Certificate, Claim, Derivation, Hypothesis, Proof, ProofError, Source, Step
from theory.derivative import Functional, LinearMap, derivative, gradient, hessian, jacobian, representer
from theory.example import Example
from theory.explain import Explanation, explain
from theory.export import to_json
from theory.normalizer import BATCH, KnownScale, Normalizer, centre, in_normalised_coordinates, variance
from theory.normalizers import NORMALIZERS
from theory.own_claims import claims_of
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
from theory.recheck import Recheck, recheck
from theory.references import REFERENCES
from theory.smoothing import smoothing

__all__ = [
    "AUDIT", "BATCH", "CLAIMS", "HHAT", "NORMALIZERS", "ONE", "QUANTITIES", "REFERENCES", "YHAT", "Atom",
    "AuditError", "Certificate", "ChannelSum", "Claim", "Derivation", "Example", "Explanation", "Functional", "G",
    "H", "Hypothesis", "Image", "Inner", "KnownScale", "LinearMap", "Normalizer", "Printed", "Proof", "ProofError",
    "Quantity", "Recheck", "SelfAdjoint", "Source", "Step", "U", "UnknownClaim", "V", "Vector", "Verdict", "W", "X",
    "Y", "Z", "a", "beta", "centre", "claims_for", "claims_of", "derivative", "epsilon", "explain", "gamma", "gradient",
    "hessian", "in_normalised_coordinates", "is_zero", "jacobian", "latex", "m", "mu", "recheck", "representer", "rho",
    "s", "smoothing", "substitute", "to_json", "trace", "variance",
]  # fmt: skip
