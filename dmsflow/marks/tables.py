"""The tables that dmsflow keeps in a target, and the statements over them. Builds SQL; runs nothing."""

from collections.abc import Iterator

import sqlalchemy as sa

from dmsflow.marks.names import CHECKPOINT, CHECKPOINT_HISTORY, CHUNK, COLUMN, COUNTS, LEASE, REJECT, REWRITTEN, TERMS
from dmsflow.model.table import Column, DataType, TypeName
from dmsflow.scd.shape import at_most

TEXT = DataType(name=TypeName.TEXT)
INTEGER = DataType(name=TypeName.INTEGER)
BIGINT = DataType(name=TypeName.BIGINT)
INSTANT = DataType(name=TypeName.TIMESTAMP)
LONG = ("row_key", "column_value", "message", "terms")
"""Columns of text of any length: nothing is compared with them."""


def _columns(**types: DataType) -> tuple[Column, ...]:
    return tuple(Column(name=name.rstrip("_"), type=t) for name, t in types.items())


MARK_TABLES: dict[str, tuple[tuple[Column, ...], tuple[str, ...]]] = {
    CHUNK: (
        _columns(run_id=TEXT, chunk=INTEGER, pipeline=TEXT, target_table=TEXT)
        + tuple(Column(name=f"rows_{name}", type=BIGINT) for name in COUNTS)
        + _columns(
            started_at=INSTANT, finished_at=INSTANT, run_ended_at=INSTANT, fingerprint=TEXT, rows_rewritten=BIGINT
        ),
        ("run_id", "chunk"),
    ),
    CHECKPOINT: (
        _columns(pipeline=TEXT, watermark=TEXT, run_id=TEXT, run_at=INSTANT, spec_digest=TEXT),
        ("pipeline",),
    ),
    CHECKPOINT_HISTORY: (
        _columns(
            pipeline=TEXT,
            watermark_before=TEXT,
            watermark_after=TEXT,
            cause=TEXT,
            run_id=TEXT,
            changed_by=TEXT,
            changed_at=INSTANT,
        ),
        (),
    ),
    REJECT: (
        _columns(
            run_id=TEXT,
            chunk=INTEGER,
            pipeline=TEXT,
            row_key=TEXT,
            column_name=TEXT,
            column_value=TEXT,
            reason=TEXT,
            message=TEXT,
            rejected_at=INSTANT,
        ),
        (),
    ),
    LEASE: (
        _columns(
            target_table=TEXT, run_id=TEXT, pipeline=TEXT, host=TEXT, pid=BIGINT, since=INSTANT, heartbeat_at=INSTANT
        ),
        ("target_table",),
    ),
}


COLUMN_TABLE: tuple[tuple[Column, ...], tuple[str, ...]] = (
    _columns(target_table=TEXT, column_name=TEXT),
    ("target_table", "column_name"),
)


TERMS_TABLE: tuple[tuple[Column, ...], tuple[str, ...]] = (
    _columns(pipeline=TEXT, target_table=TEXT, terms=TEXT, run_id=TEXT),
    ("pipeline", "target_table"),
)

ASKED_FOR = {COLUMN: COLUMN_TABLE, TERMS: TERMS_TABLE}
"""Tables that are made where a run has something to keep in them."""


def note_column(schema: str | None, target_table: str, name: str) -> Iterator[tuple[str, sa.Executable]]:
    """Note a column before it is added, whether or not an earlier try has noted it."""
    table = mark_table(COLUMN, schema)
    literal = {"target_table": _quoted(target_table), "column_name": _quoted(name)}
    same = sa.and_(*(table.c[column] == value for column, value in literal.items()))
    yield f"forget_note_{name}", sa.delete(table).where(same)
    yield f"note_{name}", sa.insert(table).values(literal)


def rename_note(schema: str | None, target_table: str, old: str, new: str) -> Iterator[tuple[str, sa.Executable]]:
    """Call a column that is noted by its new name."""
    table = mark_table(COLUMN, schema)
    same = sa.and_(table.c.target_table == _quoted(target_table), table.c.column_name == _quoted(old))
    yield f"rename_note_{new}", sa.update(table).values(column_name=_quoted(new)).where(same)


def terms_statements(schema: str | None) -> Iterator[tuple[str, sa.Executable]]:
    """Read the terms of the last run, and put those of this one in their place."""
    table = mark_table(TERMS, schema)
    ours = (_is(table, "pipeline"), _is(table, "target_table"))
    yield "find_terms", sa.select(table.c.terms, table.c.run_id).where(*ours)
    yield "forget_terms", sa.delete(table).where(*ours)
    yield "write_terms", sa.insert(table).values(_values("pipeline", "target_table", "terms", "run_id"))


def forget_columns(schema: str | None) -> sa.Executable:
    """After a full read every column is filled."""
    table = mark_table(COLUMN, schema)
    return sa.delete(table).where(_is(table, "target_table"))


def _quoted(text: str) -> sa.ColumnElement[str]:
    return sa.literal_column("'" + text.replace("'", "''") + "'", sa.String())


def mark_table(name: str, schema: str | None) -> sa.TableClause:
    """One of the tables, for statements over it."""
    columns, _ = ASKED_FOR.get(name) or MARK_TABLES[name]
    long = sa.Text()
    return sa.table(name, *(sa.column(c.name, long if c.name in LONG else None) for c in columns), schema=schema)


def compared_columns(name: str) -> dict[str, int]:
    """The columns of a table that are compared, and with how many others they are in an index."""
    columns, key = ASKED_FOR.get(name) or MARK_TABLES[name]
    words = {column.name: 1 for column in columns if column.type == TEXT and column.name not in LONG}
    return words | dict.fromkeys(key, len(key))


def mark_statements(schema: str | None) -> Iterator[tuple[str, sa.Executable]]:
    """Every statement over the tables, by name."""
    yield from _chunk_statements(mark_table(CHUNK, schema))
    yield from _checkpoint_statements(mark_table(CHECKPOINT, schema), mark_table(CHECKPOINT_HISTORY, schema))
    yield from _lease_statements(mark_table(LEASE, schema))
    yield "find_last_run", _last_run(mark_table(CHUNK, schema), mark_table(CHECKPOINT, schema))


def find_checkpoint(schema: str | None) -> sa.Executable:
    """The checkpoint of a pipeline."""
    table = mark_table(CHECKPOINT, schema)
    return sa.select(table.c.watermark, table.c.run_id, table.c.run_at).where(_is(table, "pipeline"))


def find_moves(schema: str | None, limit: int) -> sa.Executable:
    """How the checkpoint of a pipeline moved, the latest first; at most so many."""
    table = mark_table(CHECKPOINT_HISTORY, schema)
    names = ("watermark_before", "watermark_after", "cause", "run_id", "changed_by", "changed_at")
    query = sa.select(*(table.c[name] for name in names)).where(_is(table, "pipeline"))
    return at_most(query.order_by(table.c.changed_at.desc()), limit)


def count_rejects(schema: str | None) -> sa.Executable:
    """How many rejects a run has."""
    table = mark_table(REJECT, schema)
    return sa.select(sa.func.count()).select_from(table).where(_is(table, "run_id"))


def find_rejects(schema: str | None, limit: int | None) -> sa.Executable:
    """The rejects of a run, by chunk and key; at most so many."""
    table = mark_table(REJECT, schema)
    names = ("row_key", "column_name", "column_value", "reason", "message", "chunk")
    order = [table.c[name] for name in ("chunk", "row_key", "column_name")]
    query = sa.select(*(table.c[name] for name in names)).where(_is(table, "run_id")).order_by(*order)
    return query if limit is None else at_most(query, limit)


def _is(table: sa.TableClause, name: str) -> sa.ColumnElement[bool]:
    return table.c[name] == sa.bindparam(name)


def _values(*names: str) -> dict[str, sa.BindParameter[object]]:
    return {name: sa.bindparam(name) for name in names}


def _chunk_statements(table: sa.TableClause) -> Iterator[tuple[str, sa.Executable]]:
    this = sa.and_(_is(table, "run_id"), _is(table, "chunk"))
    counts = tuple(f"rows_{name}" for name in COUNTS)
    yield "find_mark", sa.select(*(table.c[name] for name in counts)).where(this)
    yield "begin_mark", sa.insert(table).values(_values("run_id", "chunk", "pipeline", "target_table", "started_at"))
    yield "complete_mark", sa.update(table).values(_values(*counts, "finished_at")).where(this)
    yield "note_closed", sa.update(table).values(_values("rows_closed")).where(this)
    yield "count_closed", sa.select(sa.func.sum(table.c.rows_closed)).where(_is(table, "run_id"))
    open_marks = sa.and_(_is(table, "pipeline"), _is(table, "target_table"), table.c.run_ended_at.is_(None))
    others = table.c.run_id != sa.bindparam("run_id")
    yield (
        "find_broken_off",
        sa.select(table.c.run_id, sa.func.count()).where(open_marks, others).group_by(table.c.run_id),
    )
    yield "end_marks", sa.update(table).values(_values("run_ended_at")).where(open_marks)


def fingerprint_statements(schema: str | None) -> Iterator[tuple[str, sa.Executable]]:
    """The statements over what the rows of a chunk add up to, where they are counted."""
    table = mark_table(CHUNK, schema)
    known = sa.select(table.c.chunk, table.c.fingerprint).where(_is(table, "run_id"))
    noted = sa.update(table).values(_values("fingerprint")).where(_is(table, "run_id"), _is(table, "chunk"))
    yield "find_fingerprints", known
    yield "note_fingerprint", noted


def rewritten_statements(schema: str | None) -> Iterator[tuple[str, sa.Executable]]:
    """The statements over how many closed versions a chunk has overwritten."""
    table = mark_table(CHUNK, schema)
    this = sa.and_(_is(table, "run_id"), _is(table, "chunk"))
    yield "find_rewritten", sa.select(table.c[REWRITTEN]).where(this)
    yield "note_rewritten", sa.update(table).values(_values(REWRITTEN)).where(this)


def _checkpoint_statements(table: sa.TableClause, history: sa.TableClause) -> Iterator[tuple[str, sa.Executable]]:
    before = sa.select(table.c.watermark).where(_is(table, "pipeline")).scalar_subquery()
    noted = _values("pipeline", "watermark", "cause", "run_id", "changed_by", "changed_at")
    pipeline, after, *rest = noted.values()
    moved = sa.select(pipeline, before, after, *rest).where(before.is_distinct_from(sa.bindparam("watermark")))
    yield "note_checkpoint", sa.insert(history).from_select([column.name for column in history.c], moved)
    yield "find_checkpoint", find_checkpoint(table.schema)
    yield "forget_checkpoint", sa.delete(table).where(_is(table, "pipeline"))
    yield (
        "write_checkpoint",
        sa.insert(table).values(_values("pipeline", "watermark", "run_id", "run_at", "spec_digest")),
    )


def _last_run(chunks: sa.TableClause, checkpoints: sa.TableClause) -> sa.Executable:
    """The run that moved the pipeline's checkpoint last, which succeeded, and the rows that it read."""
    read = sa.func.sum(chunks.c.rows_read)
    of_run = chunks.join(checkpoints, chunks.c.run_id == checkpoints.c.run_id)
    this = sa.and_(_is(checkpoints, "pipeline"), _is(chunks, "target_table"))
    return sa.select(chunks.c.run_id, read).select_from(of_run).where(this).group_by(chunks.c.run_id)


def _lease_statements(table: sa.TableClause) -> Iterator[tuple[str, sa.Executable]]:
    held = sa.and_(_is(table, "target_table"), _is(table, "run_id"))
    yield (
        "find_lease",
        sa.select(*(table.c[n] for n in ("run_id", "pipeline", "host", "pid", "since", "heartbeat_at"))).where(
            _is(table, "target_table")
        ),
    )
    names = ("target_table", "run_id", "pipeline", "host", "pid", "since", "heartbeat_at")
    yield "take_lease", sa.insert(table).values(_values(*names))
    yield "beat_lease", sa.update(table).values(_values("heartbeat_at")).where(held)
    yield "release_lease", sa.delete(table).where(held)
