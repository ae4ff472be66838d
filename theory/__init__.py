"""The theory of batch normalisation, derived in SymPy for symbolic batch size. Importing it never imports JAX."""

if __name__ == "theory":
    raise ImportError("got: import theory; expected: import bnverify.theory, its only name")

from bnverify.theory.algebra.channel_sum import ChannelSum
from bnverify.theory.algebra.derivative import (
    Functional,
    LinearMap,
    derivative,
    gradient,
    hessian,
    jacobian,
    representer,
)
from bnverify.theory.algebra.vectors import ONE, Atom, Image, Inner, SelfAdjoint, Vector, is_zero, m, substitute, trace
from bnverify.theory.audit.answers import Answer, Outcome, audit_formula
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.reading_files import formula_from_file
from bnverify.theory.audit.record import AuditError, Record
from bnverify.theory.audit.records import AUDIT, counts, papers
from bnverify.theory.audit.ruling import Known, Party, Ruling, Text
from bnverify.theory.normalizers.known import NORMALIZERS
from bnverify.theory.normalizers.normalizer import (
    BATCH,
    KnownScale,
    Normalizer,
    centre,
    in_normalised_coordinates,
    variance,
)
from bnverify.theory.normalizers.own_claims import claims_of
from bnverify.theory.normalizers.smoothing import smoothing
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Proof, ProofError, Source, Step
from bnverify.theory.proof.example import Example
from bnverify.theory.proof.explain import Explanation, explain
from bnverify.theory.proof.export import to_json
from bnverify.theory.proof.quantities import (
    HHAT,
    QUANTITIES,
    YHAT,
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
from bnverify.theory.proof.recheck import Recheck, recheck
from bnverify.theory.proof.references import REFERENCES
from bnverify.theory.results.catalogue import CLAIMS, UnknownClaim, claims_for

__all__ = [
    "AUDIT",
    "BATCH",
    "CLAIMS",
    "HHAT",
    "NORMALIZERS",
    "ONE",
    "QUANTITIES",
    "REFERENCES",
    "YHAT",
    "Answer",
    "Atom",
    "AuditError",
    "Certificate",
    "ChannelSum",
    "Claim",
    "Derivation",
    "Example",
    "Explanation",
    "Formula",
    "Functional",
    "G",
    "H",
    "Hypothesis",
    "Image",
    "Inner",
    "Known",
    "KnownScale",
    "LinearMap",
    "Normalizer",
    "Outcome",
    "Party",
    "Proof",
    "ProofError",
    "Quantity",
    "Recheck",
    "Record",
    "Ruling",
    "SelfAdjoint",
    "Source",
    "Step",
    "Text",
    "U",
    "UnknownClaim",
    "V",
    "Vector",
    "W",
    "X",
    "Y",
    "Z",
    "a",
    "audit_formula",
    "beta",
    "centre",
    "claims_for",
    "claims_of",
    "counts",
    "derivative",
    "epsilon",
    "explain",
    "formula_from_file",
    "gamma",
    "gradient",
    "hessian",
    "in_normalised_coordinates",
    "is_zero",
    "jacobian",
    "latex",
    "m",
    "mu",
    "papers",
    "recheck",
    "representer",
    "rho",
    "s",
    "smoothing",
    "substitute",
    "to_json",
    "trace",
    "variance",
]  # fmt: skip
