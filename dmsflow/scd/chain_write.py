"""Statements that write a classified chain into a target with history, or look at what they wrote. Classify nothing."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from dmsflow.model.plan import DELTA
from dmsflow.model.spec import Deletes
from dmsflow.scd.chain import differ, flag
from dmsflow.scd.shape import (
    CLASS,
    EFFECTIVE,
    FIRST,
    GONE,
    LIVE,
    ROW_ID,
    UNTIL,
    Element,
    MergeShape,
    Query,
    number,
    run_at,
    same_key,
    word,
)
from dmsflow.scd.surrogate import surrogate_values
from dmsflow.scd.write import Named, overwrite

BOUNDS = ("new", "version", "end")
"""The classes of rows that begin a version or end one."""


def chain_statements(shape: MergeShape) -> Iterator[Named]:
    """Every statement by name, in the order in which a chunk runs them."""
    yield "settle_known", settle_known(shape)
    yield "overwrite", overwrite(shape)
    yield "close", close(shape)
    yield "insert", insert(shape)
    if shape.carried:
        yield "insert_versions", insert(shape, carried=shape.carried)


def count_chain() -> Query:
    """Class, rows, how many of them are counted as met, how many close a stored version, how many have one."""
    delta = sa.table(DELTA, *(sa.column(name) for name in (CLASS, LIVE, FIRST, ROW_ID)))
    sums = (sa.func.sum(it) for it in (delta.c[LIVE], delta.c[FIRST], flag(delta.c[ROW_ID].is_not(None))))
    return sa.select(delta.c[CLASS], sa.func.count(), *sums).group_by(delta.c[CLASS])


def settle_known(shape: MergeShape) -> sa.Update:
    """A row that is older than what is current, and that the history agrees with, is known: it changes nothing."""
    delta, late = shape.delta(), shape.delta().alias("d")
    names = [late.c[name] for name in (*shape.key, EFFECTIVE)]
    agreed = select_agreeing(shape, late, late.c[GONE] == number(1), *names).where(late.c[CLASS] == word("late"))
    found = agreed.subquery("a")
    known = sa.exists().where(same_key(delta, found, (*shape.key, EFFECTIVE))).correlate(delta)
    return sa.update(delta).values({CLASS: word("unchanged")}).where(delta.c[CLASS] == word("late"), known)


def select_agreeing(shape: MergeShape, rows: sa.FromClause, gone: Element, *columns: Element) -> Query:
    """Columns of the rows that say of their instant what the stored history says of it."""
    target, fields = shape.target().alias("v"), shape.fields
    names = (*shape.columns, fields.valid_from, fields.valid_to, fields.is_current)
    row = target.c[shape.row_id].label(ROW_ID)
    live = sa.select(row, *(target.c[name] for name in names)).where(shape.is_live(target)).subquery("h")
    at = rows.c[EFFECTIVE]
    open_ended = live.c[fields.is_current] == sa.literal_column(shape.on)
    holds = sa.and_(live.c[fields.valid_from] <= at, sa.or_(open_ended, at < live.c[fields.valid_to]))
    own: dict[str, Element] = {name: rows.c[name] for name in shape.columns}
    stored: dict[str, Element] = {name: live.c[name] for name in shape.columns}
    there = live.c[ROW_ID].is_not(None)
    same = sa.and_(sa.not_(gone), there, sa.not_(differ(shape, own, stored)))
    joined = rows.outerjoin(live, sa.and_(same_key(rows, live, shape.key), holds))
    absent = gone if shape.passes_over else sa.and_(gone, sa.not_(there))
    return sa.select(*columns).select_from(joined).where(sa.or_(absent, same))


def close(shape: MergeShape) -> sa.Update:
    """End the current version where the first row of its key bounds the next one (law 18)."""
    delta, target = shape.delta().alias("d"), shape.target().alias("t")
    keys = [delta.c[name] for name in shape.key]
    bounds = (
        sa.select(*keys, sa.func.min(delta.c[EFFECTIVE]).label(EFFECTIVE))
        .where(_is_one_of(delta, *BOUNDS), delta.c[ROW_ID].is_not(None))
        .group_by(*keys)
        .subquery("b")
    )
    values: dict[Any, Element] = {
        shape.fields.valid_to: bounds.c[EFFECTIVE],
        shape.fields.is_current: sa.literal_column(shape.off),
        **({shape.fields.modified_at: run_at()} if shape.fields.modified_at else {}),
    }
    updated: Any = target
    return sa.update(updated).values(values).where(same_key(target, bounds, shape.key), shape.is_current(target))


def insert(shape: MergeShape, carried: tuple[str, ...] = ()) -> sa.Insert:
    """Insert the versions of a chain, each with its end; without ``carried`` those that take over none."""
    delta = shape.delta().alias("d")
    begins = _is_one_of(delta, *(BOUNDS if shape.deletes is Deletes.TOMBSTONE else BOUNDS[:2]))
    stored = delta.c[ROW_ID].is_not(None)
    chosen = [begins] if not shape.carried else [begins, stored if carried else sa.not_(stored)]
    values: dict[str, Element] = {name: delta.c[name] for name in (*shape.columns, *carried)}
    values |= version_values(shape, delta)
    rows = sa.select(*(value.label(f"c{i}") for i, value in enumerate(values.values()))).select_from(delta)
    return sa.insert(shape.target()).from_select(list(values), rows.where(*chosen))


def version_values(shape: MergeShape, rows: sa.FromClause) -> dict[str, Element]:
    """What the engine's own columns hold in a version of a chain (law 29)."""
    fields, values = shape.fields, validity(shape, rows)
    values = surrogate_values(shape, rows, values) | values
    if fields.inserted_at:
        values[fields.inserted_at] = run_at()
    if fields.modified_at:
        values[fields.modified_at] = run_at()
    return values


def validity(shape: MergeShape, rows: sa.FromClause) -> dict[str, Element]:
    """When a version of a chain holds, and whether it says that its key is deleted."""
    fields, until = shape.fields, rows.c[UNTIL]
    on: Element = sa.literal_column(shape.on)
    off: Element = sa.literal_column(shape.off)
    values: dict[str, Element] = {
        fields.valid_from: rows.c[EFFECTIVE],
        fields.valid_to: sa.case((until.is_(None), sa.literal_column(shape.open_end)), else_=until),
        fields.is_current: sa.case((until.is_(None), on), else_=off),
    }
    if shape.marks_deleted:
        gone: Element = sa.literal_column(shape.gone)
        here: Element = sa.literal_column(shape.here)
        values[fields.is_deleted] = sa.case((rows.c[CLASS] == word("end"), gone), else_=here)
    return values


def verify_chain(shape: MergeShape, relation: sa.FromClause) -> Query:
    """Of the keys of a relation: those with several current versions, and versions that end too early, or too late.

    Law 18: a version ends after it starts, and no later than the next one starts.
    """
    target, fields = shape.target().alias("t"), shape.fields
    keys = [target.c[name] for name in shape.key]
    touched = sa.exists().where(same_key(relation, target, shape.key)).correlate(target)
    start, end = target.c[fields.valid_from], target.c[fields.valid_to]
    following = sa.func.lead(start).over(partition_by=keys, order_by=[start])
    current = flag(shape.is_current(target))
    rows = sa.select(*keys, current.label("on"), start.label("a"), end.label("b"), following.label("n"))
    found = rows.where(touched).subquery("k")
    wrong = sa.or_(found.c.a >= found.c.b, found.c.n < found.c.b, sa.and_(found.c.b.is_(None), found.c.n.is_not(None)))
    of_key = (
        sa.select(sa.func.sum(found.c.on).label("current"), sa.func.sum(flag(wrong)).label("inverted"))
        .group_by(*(found.c[name] for name in shape.key))
        .subquery("g")
    )
    return sa.select(sa.func.count(sa.case((of_key.c.current > number(1), number(1)))), sa.func.sum(of_key.c.inverted))


def written_keys(shape: MergeShape) -> sa.FromClause:
    """The keys of the delta whose versions a chunk writes."""
    delta = shape.delta().alias("d")
    return sa.select(*(delta.c[name] for name in shape.key)).where(_is_one_of(delta, *BOUNDS)).subquery("w")


def _is_one_of(rows: sa.FromClause, *classes: str) -> Element:
    return rows.c[CLASS].in_([word(name) for name in classes])
