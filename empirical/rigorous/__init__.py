"""Claims about batch norm evaluated in ball arithmetic, where rounding cannot be the reason for a verdict.

`certain` judges a claim at one channel of float64 numbers, `rigorous` all channels sampled from a run. Both need the
extra `rigorous` (python-flint).
"""

from bnverify.empirical.rigorous.balls import INSTALL
from bnverify.empirical.rigorous.certain import HOLDS, UNDECIDED, VIOLATED, Certain, certain, covered
from bnverify.empirical.rigorous.channel import Channel

__all__ = ["HOLDS", "INSTALL", "UNDECIDED", "VIOLATED", "Certain", "Channel", "certain", "covered"]
