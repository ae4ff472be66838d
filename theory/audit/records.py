r"""AUDIT: the printed formulas about normalisation, each with its text, its ruling and the evidence for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bnverify.theory.audit.papers import (
    coded,
    dynamics,
    further,
    ioffe2015,
    kohler2018,
    layer_norm,
    random_matrices,
    readers_of_santurkar2018,
    santurkar2018,
    sun2025,
)
from bnverify.theory.audit.record import Record
from bnverify.theory.audit.ruling import Party
from bnverify.theory.audit.stated import Stated
from bnverify.theory.results.catalogue import Catalogue

AUDIT: Catalogue[Record] = Catalogue(
    "audit record",
    (
        *santurkar2018.RECORDS, *readers_of_santurkar2018.RECORDS, *ioffe2015.RECORDS, *kohler2018.RECORDS,
        *layer_norm.RECORDS, *sun2025.RECORDS, *dynamics.RECORDS, *further.RECORDS,
        *random_matrices.RECORDS, *coded.RECORDS,
    ),
)  # fmt: skip


def papers() -> dict[str, tuple[Record, ...]]:
    """The records by the short key of their source, in the order of the audit."""
    out: dict[str, tuple[Record, ...]] = {}
    for record in AUDIT.values():
        out[record.paper] = (*out.get(record.paper, ()), record)
    return out


def stated() -> Iterator[tuple[Record, Stated]]:
    """The records whose evidence is a relation between the quantities of the claims."""
    for record in AUDIT.values():
        if isinstance(record.evidence, Stated):
            yield record, record.evidence


def counts() -> dict[Party, dict[str, int]]:
    """How many records fare how, counted apart by who printed them; not firmly known texts have words of their own."""
    short = {record.key: record.said.split(" by ")[0] for record in AUDIT.values()}
    return {
        party: dict(Counter(short[r.key] for r in AUDIT.values() if r.party is party).most_common()) for party in Party
    }
