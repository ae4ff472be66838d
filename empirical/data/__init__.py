"""Data sets: CIFAR-10 in its binary layout, and a synthetic stand-in."""
