"""The command line. Each command is a module of `bnverify.commands`, imported when it is called: help needs none.

Exit statuses: 0 all is well; 1 a claim is violated, a formula refuted or a proof refused; 2 bad input; 3 the machine
(a disk, a platform, a missing program); 4 incomplete; 70 a defect of bnverify; 130 interrupted; 141 a closed pipe.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from typing import Any, NoReturn

import typer
import typer.core
import typer.main

from bnverify.commands.terminal import (
    BAD_INPUT,
    BROKEN_PIPE,
    DEFECT,
    INTERRUPTED,
    MACHINE,
    fail,
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


def _call() -> None:
    """Call the application; a closed pipe and an interruption come out as themselves, not as its exit statuses."""
    try:
        app(standalone_mode=True)
    except SystemExit as end:
        cause: BaseException | None = end
        while cause is not None and not isinstance(cause, (BrokenPipeError, KeyboardInterrupt)):
            cause = cause.__cause__ or cause.__context__
        if cause is not None:
            raise cause from None
        sys.stdout.flush()  # a pipe that was closed meanwhile is noticed here
        raise


def main() -> NoReturn:
    """Entry point: what a user or the machine did is three lines and an exit status of its own, never a traceback."""
    try:
        _call()
    except MachineError as error:
        tell_error(str(error))
        sys.exit(MACHINE)
    except InputError as error:
        tell_error(str(error))
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        tell_error("Interrupted. The same command goes on from the last checkpoint.")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more can be flushed into it
        sys.exit(BROKEN_PIPE)
    except (OSError, MemoryError) as error:
        fail(error, MACHINE, "a machine that lets it be done", "see the error; nothing that was written is lost")
    except UnicodeEncodeError as error:
        fail(error, MACHINE, "a terminal that can print UTF-8", "set PYTHONIOENCODING=utf-8, or write into a file")
    except Exception as error:
        import traceback

        traceback.print_exc()
        fail(error, DEFECT, "no defect of bnverify", "report the lines above with the command")
    sys.exit(0)
