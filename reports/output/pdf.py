"""The PDF, set by Typst: no TeX is needed. The same source gives the same bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bnverify.reports.output.convert import convert

# Pandoc makes a bracket larger by scaling a letter; a stretched delimiter on the axis is meant.
_SCALED = re.compile(r"#scale\(x: (\d+)%, y: \d+%\)\[(\\?.|\w+)\]")


def typst_source(markdown: str) -> str:
    """The Typst of a report."""
    source = convert(markdown, "typst", "report.typ")
    return _SCALED.sub(lambda found: f"stretch({found[2]}, size: #{found[1]}%)", source)


def pdf(source: str, folder: Path) -> bytes:
    """The PDF of a report's Typst, whose figures lie in ``folder``."""
    import typst

    compile: Any = typst.compile
    return compile(source.encode(), root=str(folder), ignore_system_fonts=True)
