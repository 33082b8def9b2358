"""Keys that the source no longer has: what each chunk misses is kept, and acted on once at the end (law 27)."""

from collections.abc import Iterator

import sqlalchemy as sa

from dmsflow.model.plan import DELTA
from dmsflow.model.spec import Deletes
from dmsflow.scd.shape import BLOCKING, CLASS, EFFECTIVE, ROW_ID, MergeShape, run_at, same_key, word


def gone_table(shape: MergeShape, prefix: str) -> sa.TableClause:
    """The table of keys that a run's chunks have missed so far."""
    columns: list[sa.ColumnClause[object]] = [sa.column(name) for name in ("run_id", "chunk", *shape.key)]
    return sa.table(f"{prefix}{shape.table}", *columns, schema=shape.schema)


def gone_statements(shape: MergeShape, table: sa.TableClause) -> Iterator[tuple[str, sa.Executable, str | None]]:
    """Keep a chunk's gone keys; find them again as a delta; forget them. The third value names a temporary table."""
    delta = sa.table(DELTA, *shape.staged(CLASS, *shape.key))
    keys = [delta.c[name] for name in shape.key]
    missed = sa.select(sa.bindparam("run_id"), sa.bindparam("chunk", type_=sa.Integer()), *keys)
    yield (
        "keep_gone",
        sa.insert(table).from_select(["run_id", "chunk", *shape.key], missed.where(delta.c[CLASS] == word("gone"))),
        None,
    )
    target = shape.target().alias("t")
    kept = shape.key
    if shape.deletes is Deletes.TOMBSTONE:
        kept = (*shape.columns, *shape.carried, *shape.previous_columns)
    start = [target.c[shape.fields.valid_from].label(BLOCKING)] if shape.history else []
    found = (
        sa.select(
            *(target.c[name].label(name) for name in kept),
            target.c[shape.row_id].label(ROW_ID),
            word("gone").label(CLASS),
            *start,
            *([run_at().label(EFFECTIVE)] if shape.history else []),
        )
        .select_from(target.join(table, same_key(table, target, shape.key)))
        .where(table.c.run_id == sa.bindparam("run_id"), shape.is_current(target), shape.is_live(target))
    )
    yield "find_gone", found, DELTA
    yield "count_gone", sa.select(sa.func.count()).select_from(delta), None
    yield "forget_gone", sa.delete(table).where(table.c.run_id == sa.bindparam("run_id")), None
    whole = shape.target().alias("t")
    live = sa.select(sa.func.count()).select_from(whole)
    yield "current_total", live.where(shape.is_current(whole), shape.is_live(whole)), None
