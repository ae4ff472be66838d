"""The report as one page: mathematics as MathML with its font, figures and all else inside, no network."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from bnverify.reports.output.convert import asset, convert

_PICTURE = re.compile(r'<img src="(figures/[^"]+\.svg)"')


def frame(markdown: str) -> str:
    """The page of a report, with places for the figures."""
    variables = {"look": asset("report.css").decode(), "script": asset("report.js").decode()}
    page = convert(markdown, "html5", "report.html", variables)
    return page.replace("@MATHEMATICS@", base64.b64encode(asset("mathematics.woff2")).decode())


def filled(page: str, folder: Path) -> str:
    """The page with the figures in it, which lie in ``folder``."""

    def embed(found: re.Match) -> str:
        data = base64.b64encode((folder / found[1]).read_bytes()).decode()
        return f'<img src="data:image/svg+xml;base64,{data}"'

    return _PICTURE.sub(embed, page)
