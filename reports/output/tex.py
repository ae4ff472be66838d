"""report.tex for those who want it, and its PDF by a plain TeX where there is one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from bnverify.reports.output.convert import convert
from bnverify.reports.output.formats import Output, SettingFailed

EPOCH = "1530403200"  # a fixed date for TeX, so that the same run gives the same bytes
TIMEOUT = 300
PASSES = 3  # words, then the contents, then the numbers of the pages that the contents have moved


def tex(markdown: str) -> str:
    """LaTeX of a report; its figures are the PDF files beside those that the page shows."""
    return _breakable(convert(markdown, "latex", "report.tex"))


def _breakable(latex: str) -> str:
    """With places at which TeX may end a line in what has no spaces: code, names of modules, and hashes."""
    latex = _CODE.sub(lambda found: _AFTER.sub(r"\g<0>\\allowbreak{}", found[0]), latex)
    latex = _NAME.sub(lambda found: re.sub(r"\.|\\_", r"\g<0>\\allowbreak{}", found[0]), latex)
    return _HASH.sub(lambda found: "\\allowbreak{}".join(re.findall(".{16}", found[0])), latex)


_CODE = re.compile(r"\\texttt\{(?:[^{}\\]|\\[{}_^&%#$]|\\[a-z]+|\{\})*\}")
_AFTER = re.compile(r"(?:\\[{}_]|[()=,.])(?!\}|\\allowbreak)")
_NAME = re.compile(r"\b[A-Za-z]+(?:\.[A-Za-z]+)*\.[a-z]+(?:\\_[a-z]+)+\b")
_HASH = re.compile(r"\b[0-9a-f]{64}\b")


def engine() -> str | None:
    """pdflatex where there is one, else None."""
    return "pdflatex" if shutil.which("pdflatex") else None


def compile_tex(directory: Path, program: str) -> tuple[bytes, str]:
    """The PDF and the log of report.tex, compiled in a temporary folder; SettingFailed with the end of the log.

    Always PASSES times, and by no program that looks at the clock to see whether another pass is due."""
    command = [program, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    environment = os.environ | {"SOURCE_DATE_EPOCH": EPOCH, "FORCE_SOURCE_DATE": "1", "max_print_line": "200"}
    with tempfile.TemporaryDirectory(prefix="bnverify-") as name:
        folder = Path(name)
        shutil.copy(directory / "report.tex", folder)
        (folder / "figures").mkdir()
        for figure in sorted((directory / "figures").glob("*.pdf")):
            shutil.copy(figure, folder / "figures")
        for _ in range(PASSES):
            try:
                done = subprocess.run(
                    command, cwd=folder, env=environment, capture_output=True, timeout=TIMEOUT, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise SettingFailed(f"{command[0]}: {error}") from error
            if done.returncode:
                raise SettingFailed(f"{command[0]} ended with {done.returncode}: {_last_error(folder, done.stdout)}")
        log = (folder / "report.log").read_text(errors="replace")
        return (folder / "report.pdf").read_bytes(), log


def _last_error(folder: Path, output: bytes) -> str:
    log = folder / "report.log"
    lines = (log.read_text(errors="replace") if log.exists() else output.decode(errors="replace")).splitlines()
    errors = [i for i, line in enumerate(lines) if line.startswith("!")]
    return " / ".join(line for line in lines[errors[0] :][:5] if line) if errors else " / ".join(lines[-5:])


OUTPUT = Output("tex", tex, vectors=True, engine=engine, set=compile_tex)
