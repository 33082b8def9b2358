"""Rejects: refused rows as rows of the reject table, exact to key, column, value and reason (law 31)."""

from collections.abc import Sequence

import sqlalchemy as sa

from dmsflow.model.plan import DELTA, REFUSED, Fault
from dmsflow.scd.duplicates import DUPLICATE_FAULT
from dmsflow.scd.shape import BLOCKING, CLASS, FAULT, VALUE, Element, MergeShape, Query, Told, word

NUMBER = "_dms_number"
NOTE_COLUMNS = (NUMBER, "reason", "column_name", "message")

REJECT_COLUMNS = (
    "run_id",
    "chunk",
    "pipeline",
    "row_key",
    "column_name",
    "column_value",
    "reason",
    "message",
    "rejected_at",
)


def reject_statements(
    shape: MergeShape,
    faults: Sequence[Fault],
    table: sa.TableClause,
    stage: sa.FromClause | None = None,
    *,
    refused: bool = False,
) -> sa.Insert:
    """Insert a reject for every faulty or late row: of the delta, or of the staged rows where there is no delta.

    Some of the staged rows may be ``refused`` by the target's database; those of the delta have their own statement.
    """
    if stage is not None:
        rows, notes = stage.alias("r"), refused_table().alias("f") if refused else None
        return _insert(table, _select(shape, faults, rows, None, notes).where(rows.c[FAULT].is_not(None)))
    names = (*shape.columns, FAULT, VALUE, CLASS, *((BLOCKING,) if shape.history else ()))
    rows = sa.table(DELTA, *shape.staged(*names)).alias("r")
    classes = [word("fault"), word("late")] if shape.history else [word("fault")]
    chosen = _select(shape, faults, rows, word("late") if shape.history else None, None)
    ruled = sa.or_(rows.c[FAULT].is_(None), rows.c[FAULT] >= sa.literal_column(str(DUPLICATE_FAULT)))
    return _insert(table, chosen.where(rows.c[CLASS].in_(classes), ruled))


def reject_refused(shape: MergeShape, table: sa.TableClause) -> sa.Insert:
    """Insert a reject for every row of the delta that the target's database refuses."""
    rows = sa.table(DELTA, *shape.staged(*shape.columns, FAULT)).alias("r")
    notes = refused_table().alias("f")
    column: Element = notes.c.column_name
    chosen = _reject(shape, rows, column, _named_value(shape, rows, column), notes.c.reason, notes.c.message)
    return _insert(table, chosen.select_from(rows.join(notes, rows.c[FAULT] == -notes.c[NUMBER])))


def refused_table() -> sa.TableClause:
    """What the target's database has said of each row that it refuses, by the row's number."""
    return sa.table(REFUSED, *(sa.column(name) for name in NOTE_COLUMNS))


def _insert(table: sa.TableClause, chosen: Query) -> sa.Insert:
    return sa.insert(table).from_select(list(REJECT_COLUMNS), chosen)


def _select(
    shape: MergeShape,
    faults: Sequence[Fault],
    rows: sa.FromClause,
    late: Element | None,
    notes: sa.FromClause | None,
) -> Query:
    fault = rows.c[FAULT]
    reason: list[tuple[Element, Element]] = []
    column: list[tuple[Element, Element]] = []
    message: list[tuple[Element, Element]] = []
    duplicate = Fault(number=DUPLICATE_FAULT, reason="duplicate_key", column=None, message="the key has several rows")
    value: Element = rows.c[VALUE]
    if late is not None:
        is_late = rows.c[CLASS] == late
        blocking = sa.cast(sa.type_coerce(rows.c[BLOCKING], sa.DateTime()), sa.String())
        text: Element = sa.literal_column("'older than what the target holds since '")
        reason.append((is_late, word("late")))
        message.append((is_late, text.op("||")(blocking)))
        column.append((is_late, sa.null()))
    if notes is not None:
        noted = notes.c[NUMBER].is_not(None)
        reason.append((noted, notes.c.reason))
        message.append((noted, notes.c.message))
        column.append((noted, notes.c.column_name))
        value = sa.case((noted, _named_value(shape, rows, notes.c.column_name)), else_=value)
    for one in (duplicate, *faults):
        met = fault == sa.literal_column(str(one.number))
        reason.append((met, word(one.reason)))
        message.append((met, _text(one.message)))
        column.append((met, _text(one.column) if one.column else sa.null()))
    chosen = _reject(shape, rows, sa.cast(sa.case(*column), sa.String()), value, sa.case(*reason), sa.case(*message))
    if notes is None:
        return chosen
    return chosen.select_from(rows.outerjoin(notes, fault == -notes.c[NUMBER]))


def _reject(
    shape: MergeShape, rows: sa.FromClause, column: Element, value: Element, reason: Element, message: Element
) -> Query:
    """The columns of a reject, in the order of its table."""
    return sa.select(
        sa.bindparam("run_id", type_=sa.String()),
        sa.bindparam("chunk", type_=sa.Integer()),
        sa.bindparam("pipeline", type_=sa.String()),
        _key(shape, rows),
        column,
        value,
        reason,
        message,
        sa.bindparam("run_at", type_=sa.DateTime()),
    )


def _named_value(shape: MergeShape, rows: sa.FromClause, column: Element) -> Element:
    """The value of the column that the database has named."""
    return sa.case(*((column == _text(name), sa.cast(rows.c[name], Told())) for name in shape.columns))


def _key(shape: MergeShape, rows: sa.FromClause) -> Element:
    """The business key as a JSON object."""
    parts: list[Element] = []
    for name in shape.key:
        parts += [_text(name), rows.c[name]]
    return sa.cast(sa.func.json_object(*parts), Told()) if parts else sa.null()


def _text(text: str) -> Element:
    return sa.literal_column("'" + text.replace("'", "''") + "'", sa.String())
