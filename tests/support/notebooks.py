"""Run a notebook's cells in IPython, in order, and compare or store what they print: no server, no kernel.

    python tests/support/notebooks.py examples/theorem_4_1.ipynb

runs a notebook and writes its outputs into it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.pylabtools import select_figure_formats
from IPython.utils.capture import capture_output


def run(path: Path) -> list[list[dict[str, Any]]]:
    """The outputs of every code cell; RuntimeError with the traceback where a cell fails."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(colors="nocolor", user_ns={})
    if _uses_plots(path):
        select_figure_formats(shell, {"png"}, bbox_inches=None)
    found = []
    for number, cell in enumerate(cells(path), start=1):
        with capture_output() as captured:
            result = shell.run_cell("".join(cell["source"]), store_history=True)
        if not result.success:
            raise RuntimeError(f"{path.name}, cell {number}: {result.error_before_exec or result.error_in_exec!r}")
        found.append(_outputs(shell, captured, result))
    InteractiveShell.clear_instance()
    return found


def cells(path: Path) -> list[dict[str, Any]]:
    """The code cells of a notebook."""
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def without_pictures(outputs: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """Outputs to compare: of a picture that there is one, as its bytes depend on fonts and versions."""

    def plain(output: dict[str, Any]) -> dict[str, Any]:
        if "image/png" not in output.get("data", {}):
            return output
        return output | {"data": output["data"] | {"image/png": "picture"}}

    return [[plain(output) for output in cell] for cell in outputs]


def _uses_plots(path: Path) -> bool:
    return "figures_of" in path.read_text()


def _outputs(shell: InteractiveShell, captured: Any, result: Any) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    text = captured.stdout
    if result.result is not None:
        # The display hook has printed the plain form with its prompt; the result is stored on its own.
        text = text.rsplit(f"Out[{result.execution_count}]: ", 1)[0].rstrip("\n") + "\n"
    if text.strip():
        outputs.append({"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)})
    if result.result is not None:
        data, metadata = shell.display_formatter.format(result.result)
        outputs.append(
            {"data": {kind: _stored(kind, value) for kind, value in sorted(data.items())},
             "execution_count": result.execution_count, "metadata": metadata, "output_type": "execute_result"}
        )  # fmt: skip
    return outputs


def _stored(kind: str, value: Any) -> Any:
    return value if kind == "image/png" else str(value).splitlines(keepends=True)


def store(path: Path) -> None:
    """Run a notebook and write its outputs into it."""
    content = json.loads(path.read_text())
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    for number, (cell, outputs) in enumerate(zip(code, run(path), strict=True), start=1):
        cell["outputs"], cell["execution_count"] = outputs, number
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        store(Path(name))
