"""Normalization layers as networks compute them."""
