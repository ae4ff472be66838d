"""What all commands share: the console, exit statuses, columns, and errors of three lines."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from rich.console import Console
from rich.table import Column

VIOLATED, BAD_INPUT, MACHINE, INCOMPLETE, DEFECT, INTERRUPTED, BROKEN_PIPE = 1, 2, 3, 4, 70, 130, 141

console = Console(width=int(os.environ["COLUMNS"]) if os.environ.get("COLUMNS", "").isdigit() else None)


def columns(key: str, *names: str) -> list[Column]:
    """Columns: the first has keys, which are for copying and stay whole; in the others long words are broken."""
    return [Column(key, no_wrap=True), *(Column(name, overflow="fold") for name in names)]


def tell_error(message: str) -> None:
    """A message on standard error, in whatever characters that can print."""
    encoding = sys.stderr.encoding or "ascii"
    sys.stderr.write(f"bnverify\n{message}\n".encode(encoding, "replace").decode(encoding))


def fail(error: BaseException, status: int, expected: str, advice: str) -> NoReturn:
    """Three lines about an error that is not the input's, and its exit status."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    tell_error(f"got:      {text}\nexpected: {expected}\ndo:       {advice}")
    sys.exit(status)
