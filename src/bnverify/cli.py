"""The command line. Each command is a module of `bnverify.commands`, imported when it is called: help needs none.

Exit statuses: 0 all is well; 1 a claim is violated, a formula refuted or a proof refused; 2 bad input; 3 the machine
(a disk, a platform, a missing program); 4 incomplete; 70 a defect of bnverify; 130 interrupted; 141 a closed pipe.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
from typing import Any, NoReturn, TextIO

import typer
import typer.core
import typer.main

from bnverify.commands.terminal import (
    BAD_INPUT,
    BROKEN_PIPE,
    DEFECT,
    INTERRUPTED,
    MACHINE,
    tell,
    tell_error,
)  # fmt: skip
from bnverify.errors import InputError, MachineError

COMMANDS = {
    "theory": "Prove the claims and audit the printed formulas; with KEY, one with its proof or counterexample.",
    "audit": "Prove or refute a printed formula from a file: 0 proved, 1 refuted, 4 undecided.",
    "layer": "Test one layer of any framework against the exact properties of a normalizer, and say what it is.",
    "certify": "Have claims checked by Coq's kernel: 0 certified, 1 refused, 3 no Coq on this machine.",
    "run": "Everything: prove, train, verify and report.",
    "train": "Train both networks and record the theorems' quantities; the same command resumes an interrupted run.",
    "verify": "Check every claim on a stored run; exit status 1 if a proven claim is violated anywhere.",
    "report": "Build the PDF, the HTML page and the figures of a stored run; of several runs, side by side.",
    "reproduce": "Train what was published, within a time budget; the same command goes on where it stopped.",
    "experiments": "List the named experiments: what each shows, where that was published, and its cost.",
}
"""Every command with its sentence; the command NAME is ``bnverify.commands.NAME.command``."""


class _Late(typer.core.TyperCommand):
    """A command whose module is imported when it is called, or asked for its own help."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return _load(str(self.name)).make_context(info_name, args, parent, **extra)


class _Commands(typer.core.TyperGroup):
    """The commands of the table, in its order."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        return _Late(name=cmd_name, help=COMMANDS[cmd_name], callback=lambda: None)


def _load(name: str) -> Any:
    module = importlib.import_module(f"bnverify.commands.{name.replace('-', '_')}")
    loaded = typer.main.get_command(_single(module.command, name))
    loaded.name = name
    return loaded


def _single(function: Any, name: str) -> typer.Typer:
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name=name, help=COMMANDS[name])(_staying(function))
    return alone


def _staying(function: Any) -> Any:
    """A command in which a user's code cannot end the process: its exit status would be taken for a verdict. Commands
    end by `typer.Exit`."""

    @functools.wraps(function)
    def command(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except SystemExit as end:
            raise InputError(
                got=f"code that ends the process it runs in (sys.exit with {end.code!r})",
                expected="code that returns or raises",
                advice='put what a script does under `if __name__ == "__main__":`',
            ) from end

    return command


app = typer.Typer(cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"bnverify {version('bnverify')}")
        raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Settle what is true about batch normalisation: derive, train, measure, compare, report."""


def _call() -> int:
    """Call the application. A closed pipe and an interruption come out as themselves, not as its exit statuses; what it
    says of bad options keeps its status where nobody hears it."""
    try:
        app(standalone_mode=True)
    except (SystemExit, OSError) as end:
        cause: BaseException | None = end
        while cause is not None:
            if isinstance(cause, (BrokenPipeError, KeyboardInterrupt)):
                raise cause from None
            if hasattr(cause, "exit_code") and hasattr(cause, "show"):  # a ClickException, of Click or of Typer's own
                return int(cause.exit_code)
            cause = cause.__cause__ or cause.__context__
        if not isinstance(end, SystemExit):
            raise
        sys.stdout.flush()  # a pipe that was closed meanwhile, or a full disk, is noticed here
        return end.code if isinstance(end.code, int) else 0
    return 0


def _status() -> int:
    """The exit status of a call: what a user or the machine did is told in three lines, never by a traceback."""
    try:
        return _call()
    except MachineError as error:
        tell_error(str(error))
        return MACHINE
    except InputError as error:
        tell_error(str(error))
        return BAD_INPUT
    except KeyboardInterrupt:
        tell_error("Interrupted. The same command goes on from the last checkpoint.")
        return INTERRUPTED
    except BrokenPipeError:
        _silence(sys.stdout)
        return BROKEN_PIPE
    except (OSError, MemoryError) as error:
        tell(error, "a machine that lets it be done", "see the error; nothing that was written is lost")
        return MACHINE
    except UnicodeEncodeError as error:
        tell(error, "a terminal that can print UTF-8", "set PYTHONIOENCODING=utf-8, or write into a file")
        return MACHINE
    except Exception as error:
        import traceback

        with contextlib.suppress(OSError):
            traceback.print_exc()
        tell(error, "no defect of bnverify", "report the lines above with the command")
        return DEFECT


def main() -> NoReturn:
    """Entry point. Whatever becomes of the streams, the exit status is that of what was done: Python ends with 120, or
    1, where it cannot write what is left in them."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (None: closed)
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    status = _status()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _silence(stream)
    sys.exit(status)


def _silence(stream: TextIO) -> None:
    """Nothing more can be flushed into it."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
