"""Normalizers yhat = P y / s(y): what each divides by, and what follows from the definition alone."""
