"""`bnverify audit FILE`: a printed formula is proved, refuted with the smallest exact counterexample, or left open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bnverify.errors import InputError


def command(
    file: Annotated[Path, typer.Argument(help="A TOML file with symbols, hypotheses and the claim.")],
    seconds: Annotated[float, typer.Option(help="Stop after so many seconds: undecided.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as JSON, numbers exact.")] = False,
) -> None:
    """Prove or refute a printed formula. Exit status: 0 proved, 1 refuted, 2 bad input, 4 undecided."""
    from bnverify.theory.audit.answers import audit_formula
    from bnverify.theory.audit.reading_files import formula_from_file

    if not 0 < seconds < 1e6:
        raise InputError(got=f"--seconds {seconds:g}", expected="a positive number", advice="leave it out for 60")
    answer = audit_formula(formula_from_file(file), seconds=seconds)
    typer.echo(json.dumps(answer.to_json(), indent=1, sort_keys=True) if as_json else str(answer))
    raise typer.Exit(answer.outcome.value)
