"""Ioffe and Szegedy 2015: Batch Normalization."""
