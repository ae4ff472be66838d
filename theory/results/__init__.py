"""The theorems, a folder a paper, and the catalogue of all claims."""
