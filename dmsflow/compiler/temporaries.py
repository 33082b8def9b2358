"""The temporary tables of a plan: DDL of those that are declared, in a transaction or before it. Fills none."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dmsflow.compiler.arrivals import make_staging
from dmsflow.engines.engine import Idioms
from dmsflow.model.plan import DEFINE, DELTA, DISCARD, NUMBERED, REFUSED, STAGE, Side, Statement
from dmsflow.model.table import DataType, TypeName
from dmsflow.scd import rejects, staging
from dmsflow.scd.shape import BLOCKING, CLASS, EFFECTIVE, FAULT, LAST_END, LIVE, ROW_ID, VALUE

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder

BIGINT, INTEGER = DataType(name=TypeName.BIGINT), DataType(name=TypeName.INTEGER)
TEXT, INSTANT = DataType(name=TypeName.TEXT), DataType(name=TypeName.TIMESTAMP)

Declared = list[tuple[str, str]]
"""Columns with their types as they are declared."""


def create_stage(builder: "Builder", plan_staging: staging.Staging) -> Iterator[Statement]:
    """DDL of the stage in a target that DuckDB only refines for, where the transaction makes it."""
    columns = stage_declared(builder, plan_staging)
    if builder.target.define_temporary(STAGE, columns) is None:
        yield _create("create_stage", builder.target, STAGE, columns)


def create_refused(target: Idioms) -> Iterator[Statement]:
    """DDL of the table of what the database says, where the transaction makes it."""
    columns = _refused_columns(target)
    if target.define_temporary(REFUSED, columns) is None:
        yield _create("create_refused", target, REFUSED, columns)


def temporary_statements(builder: "Builder") -> Iterator[Statement]:
    """DDL of all of them, where it ends a transaction: it is run before one begins."""
    discarding = builder.target.discard_temporaries((STAGE, DELTA, NUMBERED, REFUSED))
    if discarding is None:
        return
    yield Statement(name=DISCARD, side=Side.TARGET, sql=discarding)
    for name, columns in _tables(builder):
        sql = builder.target.define_temporary(name, columns)
        assert sql is not None
        yield Statement(name=DEFINE + name, side=Side.TARGET, sql=sql)


def create_temporary(target: Idioms, table: str, columns: Declared) -> str:
    """DDL of a temporary table."""
    declared = ", ".join(f"{target.quote(column)} {kind}" for column, kind in columns)
    return f"CREATE TEMPORARY TABLE {target.quote(table)} ({declared})"


def _create(name: str, target: Idioms, table: str, columns: Declared) -> Statement:
    return Statement(name=name, side=Side.TARGET, sql=create_temporary(target, table, columns))


def _tables(builder: "Builder") -> Iterator[tuple[str, Declared]]:
    """Every temporary table that a chunk may fill."""
    target = builder.target
    stage = stage_declared(builder, make_staging(builder))
    number = (rejects.NUMBER, target.type_sql(BIGINT))
    yield STAGE, stage
    if builder.merge.keyed:
        delta = _delta_columns(builder, dict(stage))
        yield DELTA, delta
        yield NUMBERED, [*delta, number]
    else:
        yield NUMBERED, [*stage, (ROW_ID, target.row_id_sql or ""), number]
    yield REFUSED, _refused_columns(target)


def stage_declared(builder: "Builder", plan_staging: staging.Staging) -> Declared:
    """The staged columns; those by which rows are compared, or put in order, are fit for it."""
    merge = builder.merge
    ordering = [name for name in merge.stage_columns if name not in (*merge.columns, FAULT, VALUE)]
    compared = dict.fromkeys(ordering, 1) | {name: merge.count_compared(name) for name in merge.key}
    return [
        (name, builder.target.staged_sql(data_type, compared.get(name, 0)))
        for name, data_type in staging.stage_columns(plan_staging)
    ]


def _delta_columns(builder: "Builder", staged: dict[str, str]) -> Declared:
    """The classified rows: the user's columns as they are staged, the target's own as they stand there."""
    merge, target, shape = builder.merge, builder.target, builder.facts.target.shape
    carried = {c.name: target.type_sql(c.type) for c in shape.columns} if shape else {}
    for kept in merge.previous:
        carried |= {kept.value: staged[kept.column], kept.since: target.type_sql(INSTANT)}
    word, count = target.key_sql(TEXT, 1), target.type_sql(INTEGER)
    instant, text = target.type_sql(INSTANT), target.type_sql(TEXT)
    ours = {FAULT: count, VALUE: text, ROW_ID: target.row_id_sql or "", CLASS: word, LIVE: count}
    ours |= {BLOCKING: instant, EFFECTIVE: instant, LAST_END: instant}
    names: list[str] = merge.delta().c.keys()
    return [(name, ours.get(name) or staged.get(name) or carried[name]) for name in names]


def _refused_columns(target: Idioms) -> Declared:
    """A number, and words of the database."""
    word = target.key_sql(TEXT, 1)
    return [(name, target.type_sql(BIGINT) if name == rejects.NUMBER else word) for name in rejects.NOTE_COLUMNS]
