"""The frames that reports are put into: reports/templates."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import jinja2


def template(name: str, **marks: Any) -> jinja2.Template:
    """A template by file name; ``marks`` are what stands around its code, where that is not Jinja's usual."""
    source = files("bnverify.reports").joinpath("templates", name).read_text()
    return jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined, autoescape=False,
        keep_trailing_newline=True, **marks,
    ).from_string(source)  # fmt: skip
