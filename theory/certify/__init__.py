"""Certificates by Coq: a claim's document written as a theorem, checked by Coq's kernel.

`certify` takes documents of `bnverify.theory.to_json`, those of claims of one's own among them, and asks Coq;
`certificate_of` says what is known without asking; `refute` does for false formulas what `certify` does for claims.
"""

from bnverify.theory.certify.certificate import Certificate, certificate_of, certify
from bnverify.theory.certify.coqc import INSTALL, NoCoq
from bnverify.theory.certify.expressions import Refused
from bnverify.theory.certify.refutation import kept, refutations, refute

__all__ = ["INSTALL", "Certificate", "NoCoq", "Refused", "certificate_of", "certify", "kept", "refutations", "refute"]
