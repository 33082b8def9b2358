"""The statement that reads a PostgreSQL server through DuckDB: what the server sends, and how it arrives. Pure."""

from collections.abc import Sequence

from msgspec.structs import replace

from dmsflow.compiler.source_sql import SourceSql
from dmsflow.engines.duckdb_postgres_sql import Sent, send
from dmsflow.engines.engine import Idioms
from dmsflow.model.plan import Statement
from dmsflow.scd.staging import Arrival, Staging

FENCE = " OFFSET 0"
"""Keeps PostgreSQL from running an expression once for every time its column is named."""


def send_exactly(
    read: Statement, names: Sequence[str], staging: Staging, source: SourceSql
) -> tuple[Statement, tuple[str, ...], Staging]:
    """The reading statement for a transfer by attachment, the columns it brings, and how they become staged ones."""
    known = {arrival.raw: send(arrival.raw, arrival.arrives, arrival.type) for arrival in _arrivals(staging)}
    sent = [known.get(name) or Sent(name=name, sql=source.idioms.quote(name)) for name in names]
    columns = [(each.name, each.sql) for each in sent]
    columns += [(each.beyond, each.beyond_sql) for each in sent if each.beyond]
    computed = source.spec.source.query is not None or any(column.expr for column in source.spec.columns)
    sql = f"SELECT {_list(columns, source.idioms)} FROM ({read.sql}\n{FENCE * computed}) AS sent"
    return replace(read, sql=sql), tuple(name for name, _ in columns), _staging(staging, known)


def _arrivals(staging: Staging) -> tuple[Arrival, ...]:
    effective = (staging.effective,) if staging.effective else ()
    op = (staging.op,) if staging.op else ()
    looked_up = (arrival for _, arrival in staging.lookups)
    return (*staging.columns, *effective, *staging.order_by, *staging.marks, *op, *looked_up)


def _list(columns: Sequence[tuple[str, str]], idioms: Idioms) -> str:
    return ", ".join(f"{sql} AS {idioms.quote(name)}" for name, sql in columns)


def _staging(staging: Staging, known: dict[str, Sent]) -> Staging:
    """The same staging, knowing of each column where its values stand that have no place in the type."""

    def told(arrivals: Sequence[Arrival]) -> tuple[Arrival, ...]:
        return tuple(replace(arrival, beyond=known[arrival.raw].beyond) for arrival in arrivals)

    return replace(
        staging,
        columns=told(staging.columns),
        effective=told((staging.effective,))[0] if staging.effective else None,
        order_by=told(staging.order_by),
        marks=told(staging.marks),
        op=told((staging.op,))[0] if staging.op else None,
        lookups=tuple((name, told((arrival,))[0]) for name, arrival in staging.lookups),
    )
