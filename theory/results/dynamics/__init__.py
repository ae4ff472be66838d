"""Laws of two consecutive steps of training for weights before a normalization, exact in epsilon."""

from bnverify.theory.results.dynamics.laws import LAWS, Law, law

__all__ = ["LAWS", "Law", "law"]
