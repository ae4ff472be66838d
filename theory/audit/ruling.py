r"""What the audit says of a printed formula, who printed it, and how its text is known.

A `Verdict` is of a measurement; a `Ruling` is of the audit. Nothing is called false on memory or on a transcription
alone: `words` says whose text was judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Ruling(Enum):
    """How a printed formula fares."""

    TRUE = "true"
    EQUALITY = "equality"
    CONDITIONAL = "true under hypothesis"
    VACUOUS = "true, weaker than the trivial bound"
    ASYMPTOTIC = "true to leading order"
    MISPRINT = "misprint"
    FALSE = "false"

    @property
    def stands(self) -> bool:
        """Whether the formula is true as it is printed."""
        return self in (Ruling.TRUE, Ruling.EQUALITY, Ruling.VACUOUS)


class Party(Enum):
    """Who printed it; the three are counted apart."""

    PAPER = "printed in a paper"
    OURS = "our formalisation of a sentence"
    ELSEWHERE = "printed elsewhere, in a reader's notes, a blog, a poster or code"


class Known(Enum):
    """How the text of a formula is known."""

    ITSELF = "the text itself"
    AUTHORS = "the authors' own poster, blog or code"
    TRANSCRIPTION = "a transcription of the paper by machine"
    QUOTED = "quoted by others"
    ABSTRACT = "the abstract"
    MEMORY = "recalled; found in no source"

    @property
    def firm(self) -> bool:
        """Whether a formula may be called false on it."""
        return self in (Known.ITSELF, Known.AUTHORS)


@dataclass(frozen=True)
class Text:
    """The formula in the source's own notation, as LaTeX; how it is known, through whom, and where it can be read."""

    quote: str
    known: Known
    through: str = ""
    link: str = ""

    def __str__(self) -> str:
        through = f" ({self.through})" if self.through else ""
        return f"{self.known.value}{through}"


def words(ruling: Ruling, text: Text, party: Party) -> str:
    """The ruling as it may be said: "false", "false as transcribed by machine", "false as formalised by us", ..."""
    if ruling.stands:
        return ruling.value
    if text.known is Known.MEMORY:
        return f"{ruling.value} as recalled, which is attributed to nobody"
    if party is Party.OURS:
        return f"{ruling.value} as formalised by us"
    if text.known.firm:
        return ruling.value
    how = {
        Known.TRANSCRIPTION: "as transcribed by machine",
        Known.QUOTED: "as quoted",
        Known.ABSTRACT: "as in the abstract",
    }
    by = f" by {text.through}" if text.known is Known.QUOTED and text.through else ""
    return f"{ruling.value} {how[text.known]}{by}"
