"""Markdown to LaTeX, HTML with MathML, and Typst, by pandoc and one filter for what Markdown has no words for."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files

from bnverify.errors import InputError
from bnverify.reports.output.markdown import FORMAT

_ASSETS = files("bnverify.reports") / "output" / "assets"
TIMEOUT = 120


def asset(name: str) -> bytes:
    """A file of the reports' frames."""
    return (_ASSETS / name).read_bytes()


@cache
def pandoc() -> str:
    """The program that the wheel of pandoc brings; InputError where there is none."""
    import pypandoc

    try:
        return pypandoc.get_pandoc_path()
    except OSError as error:
        raise InputError(
            got="no pandoc", expected="the package pypandoc_binary", advice="pip install pypandoc_binary"
        ) from error


def convert(markdown: str, to: str, template: str | None = None, variables: Mapping[str, str] | None = None) -> str:
    """The Markdown of ``reports.output.markdown`` in another format, in a frame among the assets if one is named.
    RuntimeError where pandoc warns: a formula that it cannot read is no formula on the page."""
    with as_file(_ASSETS) as assets:
        command = [pandoc(), f"--from={FORMAT}", f"--to={to}", "--wrap=none", f"--lua-filter={assets / 'blocks.lua'}"]
        command += ["--fail-if-warnings", "--syntax-highlighting=none"]
        command += ["--standalone", f"--template={assets / template}"] if template else []
        if to.startswith("html"):
            command += ["--mathml", "--toc", "--toc-depth=2"]
        done = subprocess.run(
            [*command, *_variables(variables or {}), "-"],
            input=markdown.encode(), capture_output=True, timeout=TIMEOUT, check=False,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"pandoc to {to}: {done.stderr.decode(errors='replace')[:2000]}")
    return done.stdout.decode()


def _variables(variables: Mapping[str, str]) -> list[str]:
    return [f"--variable={name}={value}" for name, value in variables.items()]
