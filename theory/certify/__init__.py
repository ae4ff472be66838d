"""Certificates by Coq: a claim's document written as a theorem, checked by Coq's kernel.

`certify` takes documents of `bnverify.theory.to_json`, those of claims of one's own among them, and asks Coq;
`certificate_of` says what is known without asking. `certify_sentences` does the same for what `refutations` and `laws`
write: false formulas refuted, and laws about averages derived from their hypotheses.
"""

from bnverify.theory.certify.certificate import Certificate, certificate_of, certify
from bnverify.theory.certify.coqc import INSTALL, NoCoq
from bnverify.theory.certify.expressions import Refused
from bnverify.theory.certify.laws import laws
from bnverify.theory.certify.refutation import refutations
from bnverify.theory.certify.sentences import certify_sentences, kept

__all__ = [
    "INSTALL", "Certificate", "NoCoq", "Refused", "certificate_of", "certify", "certify_sentences", "kept", "laws",
    "refutations",
]  # fmt: skip
