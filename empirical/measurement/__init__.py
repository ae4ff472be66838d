"""The quantities of the theorems, measured by automatic differentiation through the real network."""
