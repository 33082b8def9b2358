"""A feed: which of a key's rows count, and, in a target without history, what the last one means. Writes nothing."""

from collections.abc import Iterator

import sqlalchemy as sa

from dmsflow.model.spec import Deletes, Policy, ScdType
from dmsflow.scd.chain import flag
from dmsflow.scd.duplicates import delete_beyond_first, refuse_tied, sound_rows
from dmsflow.scd.shape import (
    CLASS,
    EFFECTIVE,
    FAULT,
    GONE,
    LIVE,
    ROW_ID,
    VALUE,
    Element,
    MergeShape,
    Query,
    any_differs,
    number,
    order_column,
    run_at,
    same_key,
    within_range,
    word,
)


def reduce_statements(shape: MergeShape) -> Iterator[tuple[str, sa.Delete | sa.Update]]:
    """The statements that leave at most one sound row of every key, or, with history, of every key and instant."""
    yield "collapse", collapse(shape)
    yield "refuse_ties", refuse_ties(shape)
    yield "keep_last", keep_last(shape)


def collapse(shape: MergeShape) -> sa.Delete:
    """Delete all but one of rows that are alike in all that is loaded, and in what orders them."""
    ours = (FAULT, VALUE)
    staged = sound_rows(shape)
    alike = [staged.c[name] for name in shape.stage_columns if name not in ours and not name.startswith("_dms_mark_")]
    return delete_beyond_first(shape, staged, sa.func.row_number().over(partition_by=alike, order_by=alike[:1]))


def keep_last(shape: MergeShape) -> sa.Delete:
    """Delete all rows that another one of their group supersedes."""
    staged = sound_rows(shape)
    rank = sa.func.row_number().over(partition_by=_group(shape, staged), order_by=_foremost(shape, staged))
    return delete_beyond_first(shape, staged, rank)


def refuse_ties(shape: MergeShape) -> sa.Update:
    """Mark all rows of a group in which nothing tells which one counts: never an arbitrary one (law 23)."""
    staged = sound_rows(shape)
    return refuse_tied(shape, staged, _group_names(shape), _foremost(shape, staged))


def _group_names(shape: MergeShape) -> tuple[str, ...]:
    """The columns of rows of which one counts: several instants of a key are several versions, with history."""
    return (*shape.key, EFFECTIVE) if shape.history else shape.key


def _group(shape: MergeShape, staged: sa.FromClause) -> list[Element]:
    return [staged.c[name] for name in _group_names(shape)]


def _foremost(shape: MergeShape, staged: sa.FromClause) -> list[Element]:
    """The row that counts comes first: the last one, of type 0 the first; a delete that is ignored after all others."""
    names = [EFFECTIVE] if shape.has_effective and not shape.history else []
    names += [order_column(i) for i in range(shape.order_by)]
    order: list[Element] = [staged.c[GONE]] if shape.passes_over else []
    if shape.scd is ScdType.KEEP:
        order += [staged.c[name].asc().nulls_first() for name in names]
    else:
        order += [staged.c[name].desc().nulls_last() for name in names]
    return order or _group(shape, staged)[:1]


def classify_last(shape: MergeShape, stage: sa.FromClause, lower: bool, upper: bool) -> Query:
    """The delta of a target without history, whose rows are the last ones of their keys.

    ``unchanged`` rows are in it where they are older than what the target holds, if that can be told.
    """
    rows = sa.select(*stage.c).where(stage.c[FAULT].is_(None)).subquery("s")
    current = _current(shape, lower, upper).subquery("c")
    there = current.c[ROW_ID].is_not(None)
    live = sa.and_(there, shape.is_live(current))
    gone: Element = rows.c[GONE] == number(1) if shape.op else sa.false()
    older: Element = sa.false()
    if shape.instant and shape.scd is ScdType.OVERWRITE:
        older = sa.and_(there, rows.c[shape.instant] < current.c[shape.instant])
    cases: list[tuple[Element, Element]] = [(older, word("unchanged"))]
    if shape.removes:
        cases.append((sa.and_(gone, live), word("gone")))
    cases.append((sa.and_(sa.not_(gone), sa.not_(there)), word("new")))
    if shape.scd is ScdType.OVERWRITE:
        differs = any_differs(rows, current, shape.with_policy(Policy.OVERWRITE))
        filled = [sa.and_(current.c[name].is_(None), rows.c[name].is_not(None)) for name in shape.fillable()]
        changes = sa.or_(differs, shape.is_deleted(current), *filled)
        cases.append((sa.and_(sa.not_(gone), there, changes), word("update")))
    met = sa.or_(sa.and_(gone, sa.not_(live)) if shape.removes else gone, sa.and_(sa.not_(gone), live))
    return (
        sa.select(
            *(_value(shape, rows, current, name).label(name) for name in shape.columns),
            sa.cast(sa.null(), sa.Integer()).label(FAULT),
            sa.cast(sa.null(), sa.String()).label(VALUE),
            current.c[ROW_ID],
            sa.case(*cases).label(CLASS),
            flag(met).label(LIVE),
        )
        .select_from(rows.outerjoin(current, same_key(rows, current, shape.key)))
        .where(sa.or_(*(condition for condition, _ in cases)))
    )


def _current(shape: MergeShape, lower: bool, upper: bool) -> Query:
    target = shape.target().alias("v")
    names = [*shape.columns, *([shape.fields.is_deleted] if shape.marks_deleted else [])]
    inside = within_range(shape, target, lower, upper)
    return sa.select(target.c[shape.row_id].label(ROW_ID), *(target.c[name] for name in names)).where(inside)


def _value(shape: MergeShape, rows: sa.FromClause, current: sa.FromClause, name: str) -> Element:
    """A column as it shall be written: what is kept as first loaded is not taken from the row."""
    own: Element = rows.c[name]
    if name in shape.key or shape.scd is ScdType.KEEP or shape.policies[name] is not Policy.KEEP:
        return own
    first: Element = current.c[ROW_ID].is_(None)
    if name in shape.unfilled:
        first = sa.or_(first, current.c[name].is_(None))
    return sa.case((first, own), else_=current.c[name])


def remove_statements(shape: MergeShape) -> Iterator[tuple[str, sa.Delete | sa.Update]]:
    """What a delete of the feed does to its row: it goes, or it is flagged, with the time at which that happened."""
    target, delta = shape.target(), shape.delta().alias("d")
    if not shape.removes:
        return
    if shape.deletes is Deletes.DELETE:
        gone = sa.select(delta.c[ROW_ID]).where(delta.c[CLASS] == word("gone"))
        yield "remove", sa.delete(target).where(target.c[shape.row_id].in_(gone))
        return
    fields = shape.fields
    values: dict[str, Element] = {fields.is_deleted: sa.literal_column(shape.gone)}
    if shape.instant:
        values[shape.instant] = delta.c[shape.instant]
    if fields.modified_at:
        values[fields.modified_at] = run_at()
    same = target.c[shape.row_id] == delta.c[ROW_ID]
    yield "remove", sa.update(target).values(values).where(same, delta.c[CLASS] == word("gone"))
