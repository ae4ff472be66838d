"""The one error a user of the package is meant to read.

Whatever comes from outside (a file, a name, a size typed on a command line) and cannot be used is answered
with an :class:`InputError`. It has three parts, because a reader asks three questions: what did you get, what
did you want, and what shall I do now.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class InputError(ValueError):
    """An input that cannot be used.

    Args:
        got: what was found, with its name and number.
        expected: what would have been accepted.
        advice: the next thing to do.

    The message has three lines, one for each part; the parts stay readable as attributes of the same names.
    """

    def __init__(self, *, got: str, expected: str, advice: str) -> None:
        super().__init__(f"got:      {got}\nexpected: {expected}\ndo:       {advice}")
        self.got = got
        self.expected = expected
        self.advice = advice


class Diverged(InputError):
    """A network with a loss or activations that are NaN or infinite: nothing of it can be measured, and that is a
    result of its training."""


@contextlib.contextmanager
def users(what: str, *, expected: str, advice: str) -> Iterator[None]:
    """Where code of the user runs: what it raises is an `InputError` that says of what."""
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        line = next(iter(str(error).strip().splitlines()), "")[:200]
        raise InputError(
            got=f"{what}, which raises {type(error).__name__}: {line}", expected=expected, advice=advice
        ) from error


class MachineError(OSError):
    """What the machine cannot do: a platform that is not there, a disk that is full. Three lines, as `InputError`."""

    def __init__(self, *, got: str, expected: str, advice: str) -> None:
        super().__init__(f"got:      {got}\nexpected: {expected}\ndo:       {advice}")
        self.got = got
        self.expected = expected
        self.advice = advice
