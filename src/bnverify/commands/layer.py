"""`bnverify layer MODULE:ATTRIBUTE`: a table of exact properties of one layer, and what it is in words."""

from __future__ import annotations

import json
import shutil
from typing import Annotated

import typer


def command(
    layer: Annotated[
        str, typer.Argument(help="module:attribute or file.py:attribute, a class or a function of y; also from here.")
    ],
    shape: Annotated[str, typer.Option(help="Sizes of the activations, the batch first: 32,8,6,6.")],
    args: Annotated[str, typer.Option(help="What a class is made with, or what follows y: '8, eps=1e-3'.")] = "",
    normalizer: Annotated[
        str | None,
        typer.Option(help="What it claims to be: batch, layer, rms, group-4, ..., or layer:unbiased,outside."),
    ] = None,
    framework: Annotated[
        str | None,
        typer.Option(help="torch, jax, nnx, linen, equinox, haiku, keras or numpy, where it cannot be told."),
    ] = None,
    backward: Annotated[
        str | None, typer.Option(help="Of a function in NumPy, its backward pass (g, y, ...): module:attribute.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
) -> None:
    """Test one layer. Exit status: 0 all that was tested holds, 1 a property fails (it comes first), 2 bad input."""
    from bnverify.empirical.conformance.load import arguments, load, shape_of
    from bnverify.empirical.conformance.suite import conforms

    given, keywords = arguments(args)
    report = conforms(
        load(layer), *given, shape=shape_of(shape), normalizer=normalizer, framework=framework,
        backward=None if backward is None else load(backward), keywords=keywords,
    )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=1, sort_keys=True))
    else:
        width = max(80, min(160, shutil.get_terminal_size((118, 24)).columns))
        typer.echo(report.text(width))
    raise typer.Exit(report.status)
