r"""A formula from a TOML file: its names, its hypotheses and the claim, in a few lines."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bnverify.errors import InputError
from bnverify.theory.audit.formula import Formula

KEYS = ("title", "source", "symbols", "vectors", "define", "given", "claim", "sizes")
LARGEST_FILE = 100_000


def formula_from_file(path: Path | str) -> Formula:
    """The formula of a file; InputError for whatever cannot be read."""
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(got=f"{path}: {path.stat().st_size} bytes", expected=f"at most {LARGEST_FILE}",
                             advice="one formula a file")  # fmt: skip
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        what = "bytes that are not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise InputError(got=f"{path}: {what}", expected="a TOML file with a formula",
                         advice="see docs/doubted-formula.md for one of four lines") from None  # fmt: skip
    return formula_from_toml(text)


def formula_from_toml(text: str) -> Formula:
    """The formula of a TOML document."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise InputError(got=f"a file that is not TOML: {str(error)[:200]}", expected='lines such as claim = "a = b"',
                         advice="put formulas in quotation marks, each on one line") from None  # fmt: skip
    return formula_of(table)


def formula_of(table: Mapping[str, Any]) -> Formula:
    """The formula of a mapping with the keys of the TOML format."""
    unknown = next((key for key in table if key not in KEYS), None)
    if unknown is not None:
        raise InputError(got=f"the key {unknown!r}", expected=f"keys among {', '.join(KEYS)}",
                         advice="remove or rename it; keys after a [table] belong to that table")  # fmt: skip
    if "claim" not in table:
        raise InputError(got="a formula without a claim", expected='claim = "..."',
                         advice="add it above the first [table]")  # fmt: skip
    return Formula(
        claim=_text(table, "claim"), title=_text(table, "title"), source=_text(table, "source"),
        symbols=_texts(table, "symbols"), define=_texts(table, "define"), vectors=_list(table, "vectors"),
        given=_list(table, "given"), sizes=_sizes(table),
    )  # fmt: skip


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise InputError(got=f"{key} = {value!r}"[:200], expected="text in quotation marks",
                         advice=f'write {key} = "..."')  # fmt: skip
    return value


def _texts(table: Mapping[str, Any], key: str) -> dict[str, str]:
    value = table.get(key, {})
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise InputError(got=f"{key}: {value!r}"[:200], expected=f"a table [{key}] of names with text",
                         advice='write lines such as a = "positive" below it')  # fmt: skip
    return dict(value)


def _list(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise InputError(got=f"{key} = {value!r}"[:200], expected="a list of texts",
                         advice=f'write {key} = ["...", "..."]')  # fmt: skip
    return tuple(value)


def _sizes(table: Mapping[str, Any]) -> tuple[int, ...]:
    value = table.get("sizes", [2, 3, 4])
    if not isinstance(value, list):
        raise InputError(got=f"sizes = {value!r}"[:200], expected="a list of whole numbers", advice="sizes = [2, 3]")
    return tuple(value)
