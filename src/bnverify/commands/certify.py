"""`bnverify certify [KEY ...]`: each claim as a theorem, checked by Coq's kernel; or a second opinion by z3."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from bnverify.commands.terminal import MACHINE, VIOLATED, columns, console, tell_error
from bnverify.errors import InputError, MachineError


def command(
    keys: Annotated[
        list[str] | None, typer.Argument(help="Claims, laws, false formulas of the audit, or proofs in JSON files.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every claim and law, and every false formula of the audit.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="How many processes of Coq at a time.")] = 2,
    fresh: Annotated[bool, typer.Option("--fresh", help="Check again what was certified before.")] = False,
    smt: Annotated[
        bool, typer.Option("--smt", help="Ask z3 instead of Coq: a second opinion, not a certificate.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Statements, premises, axioms and hashes as JSON.")] = False,
) -> None:
    """Certify claims. Exit status: 0 all certified, 1 a claim or its link to the definition refused, 2 bad input, 3 no
    Coq (or no z3) on the machine, or one that did not come to an end (killed, no memory, a full disk, no time)."""
    from bnverify.theory.certify import INSTALL, NoCoq, certify, certify_sentences
    from bnverify.theory.certify.certificate import UNDECIDED
    from bnverify.theory.certify.coqc import CoqError

    documents, sentences = _chosen(keys or [], everything)
    if smt:
        _second_opinion(documents, sentences, as_json)
        return
    try:
        found = [*certify(documents, jobs=jobs, fresh=fresh), *certify_sentences(sentences, jobs=jobs, fresh=fresh)]
    except NoCoq as error:
        tell_error(str(error))
        raise typer.Exit(MACHINE) from None
    except CoqError as error:  # of the library: a claim's own is its verdict
        raise MachineError(
            got=f"a library that this coqc refuses: {' '.join(str(error).split())[:300]}",
            expected="Coq 8.16 or later", advice=INSTALL,
        ) from None  # fmt: skip
    if as_json:
        typer.echo(json.dumps([each.to_json() for each in found], indent=1, sort_keys=True))
    else:
        _show(found)
    if any(not each.whole and each.verdict != UNDECIDED for each in found):
        raise typer.Exit(VIOLATED)
    raise typer.Exit(0 if all(each.whole for each in found) else MACHINE)


def _chosen(keys: list[str], everything: bool) -> tuple[list[Mapping[str, Any]], list[Any]]:
    from bnverify.theory import AUDIT, CLAIMS, UnknownClaim, to_json
    from bnverify.theory.certify import laws, refutations
    from bnverify.theory.results.dynamics.laws import LAWS

    if everything == bool(keys):
        raise InputError(
            got="no key" if not keys else f"--all and {' '.join(keys)}", expected="keys of claims, or --all",
            advice="bnverify certify theorem-4.1",
        )  # fmt: skip
    written = laws(law.to_json() for law in LAWS.values())
    written |= refutations(record.to_json() for record in AUDIT.values())
    if everything:
        return [to_json(claim) for claim in CLAIMS.values()], list(written.values())
    documents: list[Mapping[str, Any]] = []
    sentences: list[Any] = []
    for key in keys:
        if key in CLAIMS:
            documents.append(to_json(CLAIMS[key]))
        elif key in written:
            sentences.append(written[key])
        elif key.endswith(".json"):
            documents.append(_document(Path(key)))
        else:
            raise UnknownClaim("key", key, (*CLAIMS, *written))
    return documents, sentences


def _document(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            got=f"{path}: {error}", expected="a proof as JSON", advice="write `to_json(claim)` to it"
        ) from None
    if not isinstance(content, dict):
        raise InputError(
            got=f"{path}: {type(content).__name__}", expected="an object", advice="write `to_json(claim)` to it"
        )
    return content


def _show(found: Iterable[Any]) -> None:
    """The table, then the statement of what was asked for: as Coq printed it."""
    from rich.table import Table
    from rich.text import Text

    found = list(found)
    table = Table(*columns("claim", "verdict", "premises", "seconds"), box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for each in found:
        table.add_row(each.key, Text(each.verdict), str(len(each.premises)), f"{each.seconds:.1f}")
    console.print(table)
    if len(found) <= 3:
        for each in found:
            console.print(f"\n{each}", soft_wrap=True, highlight=False, markup=False)
    else:
        for each in found:
            if each.reason:
                console.print(f"\n{each.key}: {each.reason}", soft_wrap=True, highlight=False, markup=False)
    verdicts = [each.verdict for each in found]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    console.print(f"\n{counts}.", highlight=False, markup=False)


def _second_opinion(documents: list[Mapping[str, Any]], sentences: list[Any], as_json: bool) -> None:
    from bnverify.theory.certify.smt import REFUSED, NoSolver, opinions

    if not documents:
        raise InputError(
            got=f"--smt and {', '.join(each.key for each in sentences)}, of which there is no scalar conclusion",
            expected="keys of claims", advice="leave --smt out: laws and refutations are Coq's",
        )  # fmt: skip
    try:
        found = list(opinions(documents))
    except NoSolver as error:
        tell_error(str(error))
        raise typer.Exit(MACHINE) from None
    if as_json:
        typer.echo(json.dumps([each.to_json() for each in found], indent=1, sort_keys=True))
    else:
        for each in found:
            console.print(f"{each.key}: {each}", highlight=False, markup=False)
        agreed = sum(map(bool, found))
        console.print(
            f"{agreed} of {len(found)}: z3 finds no counterexample to the conclusion. A second opinion, no proof."
        )
        if sentences:
            console.print(f"Not asked about, without a scalar conclusion: laws and refutations ({len(sentences)}).")
    refused = any(each.answer == REFUSED for each in found)
    raise typer.Exit(VIOLATED if refused else 0 if all(found) else MACHINE)
