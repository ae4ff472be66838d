"""What all commands share: the console, exit statuses, columns, and errors of three lines."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import NoReturn

from rich.console import Console
from rich.table import Column

VIOLATED, BAD_INPUT, MACHINE, INCOMPLETE, DEFECT, INTERRUPTED, BROKEN_PIPE = 1, 2, 3, 4, 70, 130, 141


class _Console(Console):
    """A console that leaves a closed pipe to the command line; that of Rich ends the process with 1."""

    def on_broken_pipe(self) -> NoReturn:
        raise  # what is being caught where this is called


for _name in ("COLUMNS", "LINES", "TERMINAL_WIDTH"):  # 0 is what a terminal without a size says; Rich takes any digit
    if not re.fullmatch(r"[1-9][0-9]{0,3}", os.environ.get(_name, "1")):
        del os.environ[_name]
console = _Console(width=int(os.environ["COLUMNS"]) if "COLUMNS" in os.environ else None)


def columns(key: str, *names: str) -> list[Column]:
    """Columns: the first has keys, which are for copying and stay whole; in the others long words are broken."""
    return [Column(key, no_wrap=True), *(Column(name, overflow="fold") for name in names)]


def tell_error(message: str) -> None:
    """A message on standard error, in whatever characters that can print; where nothing can be written there, none."""
    with contextlib.suppress(OSError):
        encoding = sys.stderr.encoding or "ascii"
        sys.stderr.write(f"bnverify\n{message}\n".encode(encoding, "replace").decode(encoding))
        sys.stderr.flush()


def tell(error: BaseException, expected: str, advice: str) -> None:
    """Three lines about an error that is not the input's."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    tell_error(f"got:      {text}\nexpected: {expected}\ndo:       {advice}")
