"""The figures: for each a function that reads its numbers from a run, and one that draws them."""
