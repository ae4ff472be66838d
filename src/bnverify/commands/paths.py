"""Options that are directories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def directory(text: str | Path) -> Path:
    """A path, which an empty word, as an unset variable of a shell leaves, is not."""
    if not str(text):
        raise typer.BadParameter("got an empty path, expected a directory; pass . for the current one")
    return Path(text)


def directory_option(help: str) -> Any:
    """An option that is a `directory`."""
    return typer.Option(help=help, parser=directory, metavar="PATH")
