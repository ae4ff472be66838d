"""Consecutive steps of training for weights before a normalization, exact in epsilon."""
