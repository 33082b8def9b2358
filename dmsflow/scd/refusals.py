"""Rows that only the target's database refuses: numbered, taken in parts, noted, marked in the stage. Runs nothing."""

from collections.abc import Iterator

import sqlalchemy as sa

from dmsflow.model.plan import NUMBERED
from dmsflow.scd.rejects import NOTE_COLUMNS, NUMBER, refused_table
from dmsflow.scd.shape import CLASS, EFFECTIVE, FAULT, ROW_ID, VALUE, Element, MergeShape, Query, same_key, word
from dmsflow.scd.write import insert_all

BROUGHT = ("new", "version", "update", "correct")
"""The classes of rows that a source brought and that are written."""


def number_rows(shape: MergeShape) -> Query:
    """The rows that a merge would write, each with its number from 1, in the order of their keys."""
    if shape.keyed:
        delta = shape.delta()
        number = sa.func.row_number().over(order_by=[delta.c[name] for name in _names(shape)]).label(NUMBER)
        return sa.select(*delta.c, number).where(delta.c[CLASS].in_([word(name) for name in BROUGHT]))
    stage = shape.stage(shape.row_id)
    staged = [stage.c[name] for name in shape.stage_columns]
    number = sa.func.row_number().over().label(NUMBER)
    return sa.select(*staged, stage.c[shape.row_id].label(ROW_ID), number).where(stage.c[FAULT].is_(None))


def _names(shape: MergeShape) -> tuple[str, ...]:
    """What names a row of the delta: its key, and where a key may have several rows, its instant."""
    return (*shape.key, EFFECTIVE) if shape.chained else shape.key


def refusal_statements(shape: MergeShape) -> Iterator[tuple[str, sa.Executable]]:
    """Try a part of the rows, note which are refused, and mark those in the stage."""
    yield "count_numbered", sa.select(sa.func.count()).select_from(_numbered(shape))
    taken = _taken(shape)
    if shape.keyed:
        delta = shape.delta()
        yield "empty_delta", sa.delete(delta)
        yield "take_rows", sa.insert(delta).from_select(list(delta.c.keys()), taken)
    else:
        yield "try_rows", insert_all(shape, taken.subquery("taken"))
    refused = refused_table()
    notes: dict[str, Element] = {
        name: sa.bindparam("refused_number" if name == NUMBER else name) for name in NOTE_COLUMNS
    }
    yield "note_refused", sa.insert(refused).values(notes)
    yield "mark_refused", _mark_refused(shape)


def _numbered(shape: MergeShape) -> sa.TableClause:
    columns = shape.delta().c.keys() if shape.keyed else [*shape.stage_columns, ROW_ID]
    return sa.table(NUMBERED, *shape.staged(*columns, NUMBER))


def _taken(shape: MergeShape) -> Query:
    """The rows from number ``first`` up to ``last``, without those that are known to be refused."""
    rows, refused = _numbered(shape).alias("n"), refused_table().alias("f")
    number = rows.c[NUMBER]
    known = sa.exists().where(refused.c[NUMBER] == number).correlate(rows)
    return sa.select(*(column for column in rows.c if column.key != NUMBER)).where(
        number >= sa.bindparam("first", type_=sa.BigInteger()),
        number < sa.bindparam("last", type_=sa.BigInteger()),
        sa.not_(known),
    )


def _mark_refused(shape: MergeShape) -> sa.Update:
    """Give the staged row of every refused one its fault: the number, below zero."""
    rows, refused = _numbered(shape).alias("n"), refused_table().alias("f")
    names = _names(shape) if shape.keyed else (ROW_ID,)
    found = (
        sa.select(*(rows.c[name].label(name) for name in names), rows.c[NUMBER].label(NUMBER))
        .select_from(rows.join(refused, refused.c[NUMBER] == rows.c[NUMBER]))
        .subquery("m")
    )
    stage = shape.stage(shape.row_id)
    same: Element = same_key(stage, found, names) if shape.keyed else stage.c[shape.row_id] == found.c[ROW_ID]
    return (
        sa.update(stage)
        .values({FAULT: sa.cast(-found.c[NUMBER], sa.Integer()), VALUE: sa.null()})
        .where(stage.c[FAULT].is_(None), same)
    )
