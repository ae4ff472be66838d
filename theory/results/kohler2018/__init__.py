"""Kohler et al. 2018: batch norm as a reparametrisation of the weights."""
