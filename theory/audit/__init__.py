"""Printed formulas and how they fare: proved, or refuted by the smallest exact counterexample."""
