"""`bnverify theory`: claims, printed formulas and normalizers, in tables or one with all there is to say of it."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from bnverify.commands.terminal import columns, console
from bnverify.theory import AUDIT, CLAIMS, NORMALIZERS, Normalizer, Printed, UnknownClaim, Verdict, explain, smoothing
from bnverify.theory import to_json as _to_json


def command(
    key: Annotated[
        str | None, typer.Argument(help="A claim, an audit record or a normaliser; everything in tables without it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Proofs, certificates and audit as JSON.")] = False,
) -> None:
    """Prove and audit, and print what was found."""
    if as_json:
        _print_json(key)
    elif key is not None:
        _show(key)
    else:
        _show_claims()
        _show_audit()


def _show_claims() -> None:
    heads = columns("claim", "kind", "statement", "steps", "proof")
    table = Table(*heads, title="Derived for symbolic m, gamma, epsilon")
    for claim in CLAIMS.values():
        table.add_row(claim.key, claim.kind, claim.title, str(len(claim.prove())), "[green]exact[/]")
    console.print(table)
    console.print(f"{len(CLAIMS)} claims proved.")


def _show_audit() -> None:
    style = {Verdict.TRUE: "green", Verdict.EQUALITY: "green", Verdict.CONDITIONAL: "yellow"}
    heads = columns("printed", "statement", "source", "verdict", "true instead", "smallest counterexample")
    table = Table(*heads, title="What is printed, and how it fares")
    for record in AUDIT.values():
        record.check()
        verdict = f"[{style.get(record.verdict, 'red')}]{record.verdict.value}[/]"
        example = "" if record.counterexample is None else str(record.counterexample)
        table.add_row(record.key, record.title, str(record.source), verdict, record.corrected[0], example)
    console.print(table)
    console.print(
        f"{len(AUDIT)} printed formulas audited: every verdict proved or refuted by exact arithmetic.\n"
        "`bnverify theory KEY` prints one claim with its proof, one formula with its counterexample, or one normaliser "
        f"({', '.join(NORMALIZERS)})."
    )


def _show(key: str) -> None:
    if key in CLAIMS:
        console.print(str(explain(CLAIMS[key])), soft_wrap=True, highlight=False, markup=False)
    elif key in AUDIT:
        _show_record(AUDIT[key])
    elif key in NORMALIZERS:
        _show_normalizer(NORMALIZERS[key])
    else:
        raise UnknownClaim("key", key, (*CLAIMS, *AUDIT, *NORMALIZERS))


def _show_record(record: Printed) -> None:
    record.check()
    lines = [
        f"{record.title}  ({record.source})",
        f"  {record.relation.lhs} {record.relation.rel_op} {record.relation.rhs}",
    ]
    lines += [f"  if {p.lhs} {p.rel_op} {p.rhs}" for p in record.premises]
    lines += [f"Verdict: {record.verdict.value}. {record.remark}"]
    if record.counterexample is not None:
        sides = record.at(record.counterexample)
        lines += [f"Counterexample: {record.counterexample}", f"  left {sides.left}, right {sides.right}, exactly"]
    lines += [f"True instead: {claim.key}\n  {claim.left} {claim.relation} {claim.right}" for claim in record.claims]
    console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)


def _show_normalizer(normalizer: Normalizer) -> None:
    found = smoothing(normalizer)
    lines = [
        f"{normalizer.name} normalisation, over {normalizer.over}",
        f"  gradient of the scale: n = {normalizer.n}",
        f"  backward pass:         v = {normalizer.backward}",
        f"  {found.no_enlargement}", f"  {found.gain}",
        f"  supremum of |v| / ((gamma/s) |Pg|): {found.worst if found.worst is not None else 'unknown'}",
    ]  # fmt: skip
    console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)


def _print_json(key: str | None) -> None:
    claims = {k: _to_json(claim) for k, claim in CLAIMS.items() if key in (None, k)}
    audit = {k: record.to_json() for k, record in AUDIT.items() if key in (None, k)}
    if not claims and not audit:
        raise UnknownClaim("key", str(key), (*CLAIMS, *AUDIT))
    print(json.dumps({"claims": claims, "audit": audit}, indent=1, sort_keys=True))
