"""`bnverify theory`: claims, printed formulas and normalizers, in tables or one with all there is to say of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from bnverify.commands.terminal import columns, console
from bnverify.theory import AUDIT, CLAIMS, NORMALIZERS, Normalizer, UnknownClaim, counts, explain, papers, smoothing
from bnverify.theory import to_json as _to_json
from bnverify.theory.results.dynamics.laws import LAWS

if TYPE_CHECKING:
    from bnverify.theory.certify import Certificate


def command(
    key: Annotated[
        str | None,
        typer.Argument(help="A claim, an audit record, a paper or a normaliser; without it, tables."),
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
    for law in LAWS.values():
        law.prove()
    console.print(f"On average in a stationary state, proved as well: {', '.join(LAWS)} (`bnverify theory KEY`).")


def _show_audit() -> None:
    heads = columns("printed", "statement", "source", "ruling", "at")
    table = Table(*heads, title="What is printed, and how it fares")
    for record in AUDIT.values():
        record.check()
        colour = "green" if record.ruling.stands else "yellow" if record.ruling.value.startswith("true") else "red"
        at = getattr(record.evidence, "counterexample", None) or getattr(record.evidence, "at", None)
        shown = "" if at is None or callable(at) else str(at)
        table.add_row(record.key, record.title, str(record.source), f"[{colour}]{record.said}[/]", shown)
    console.print(table)
    console.print(f"{len(AUDIT)} printed formulas audited: every ruling proved or refuted by exact arithmetic.")
    for party, found in counts().items():
        console.print(f"{party.value}: " + ", ".join(f"{number} {said}" for said, number in found.items()) + ".")
    console.print(
        "`bnverify theory KEY` prints one claim with its proof, one formula with its evidence, one paper "
        f"('Xiong et al. 2020'), or one normaliser ({', '.join(NORMALIZERS)})."
    )


def _show(key: str) -> None:
    if key in CLAIMS:
        console.print(str(explain(CLAIMS[key])), soft_wrap=True, highlight=False, markup=False)
        console.print(_certified(key), soft_wrap=True, highlight=False, markup=False)
    elif key in AUDIT:
        AUDIT[key].check()
        console.print(AUDIT[key].describe(), soft_wrap=True, highlight=False, markup=False)
        if not AUDIT[key].ruling.stands:
            console.print(_refuted(key), soft_wrap=True, highlight=False, markup=False)
    elif key in papers():
        from bnverify.theory.audit.pages import page

        console.print(str(page(key)), soft_wrap=True, highlight=False, markup=False)
    elif key in NORMALIZERS:
        _show_normalizer(NORMALIZERS[key])
    elif key in LAWS:
        shown = LAWS[key].prove()
        lines = [str(LAWS[key]), f"  {LAWS[key].remark}", f"  proved: {shown.words}", f"  speaks of: {LAWS[key].at}"]
        console.print("\n".join([*lines, _derived(key)]), soft_wrap=True, highlight=False, markup=False)
    else:
        raise UnknownClaim("key", key, (*CLAIMS, *LAWS, *AUDIT, *papers(), *NORMALIZERS))


def _certified(key: str) -> str:
    """What Coq said of a claim, if it was asked on this machine."""
    from bnverify.theory.certify import certificate_of

    return _said(key, certificate_of(key))


def _refuted(key: str) -> str:
    """What Coq said of a false formula, if it was asked on this machine."""
    from bnverify.theory.certify import kept, refutations

    file = refutations([AUDIT[key].to_json()]).get(key)
    if file is None:
        return "Coq: no refutation; the evidence above is exact, and not the kernel's."
    return _said(key, kept(file))


def _derived(key: str) -> str:
    """What Coq said of a law about averages, if it was asked on this machine."""
    from bnverify.theory.certify import kept, laws

    return _said(key, kept(laws([LAWS[key].to_json()])[key]))


def _said(key: str, found: Certificate | None) -> str:
    if found is None:
        return f"Coq: not asked on this machine; `bnverify certify {key}` does."
    return f"Coq {found.coq}: {found.verdict} ({found.hash[:16]})."


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
    laws = {k: law.to_json() for k, law in LAWS.items() if key in (None, k)}
    if not claims and not audit and not laws:
        raise UnknownClaim("key", str(key), (*CLAIMS, *LAWS, *AUDIT))
    print(json.dumps({"claims": claims, "laws": laws, "audit": audit}, indent=1, sort_keys=True))
