"""Ioffe 2017: Batch Renormalization."""
