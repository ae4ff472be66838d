"""Claims and their proofs: hypotheses, quantities, signs, export, and the re-checker that needs nothing else."""
