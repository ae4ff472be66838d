"""Compiled claims evaluated on measurements: verdicts."""
