"""Vectors of R^m through their inner products, for symbolic m, and differentiation along a line."""
