"""Certificates by Coq: a claim's document written as a theorem, checked by Coq's kernel."""
