"""Several rows of one key in one extract: identical ones collapse, others are refused or the last is kept (law 23)."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from dmsflow.model.plan import STAGE
from dmsflow.model.spec import Duplicates
from dmsflow.scd.shape import (
    EFFECTIVE,
    FAULT,
    MARKED,
    ROW_ID,
    VALUE,
    Element,
    MergeShape,
    Query,
    any_differs,
    number,
    order_column,
    same_key,
)

DUPLICATE_FAULT = 0
"""Fault number of a duplicate key; the others count from 1."""


def count_climbs(shape: MergeShape, stage: sa.FromClause) -> Query:
    """Rows, and rows whose key is greater than that of the row read before: where all but one climb, no key repeats.

    Any order of reading proves it, so none is asked for: tables are mostly kept by their key, and this costs no sort.
    """
    staged = stage.alias("s")
    keys = [staged.c[name] for name in shape.key]
    before = [sa.func.lag(key).over().label(f"before_{i}") for i, key in enumerate(keys)]
    read = sa.select(*(key.label(f"key_{i}") for i, key in enumerate(keys)), *before).subquery("r")
    climbs: list[Element] = []
    for i in range(len(keys)):
        alike = [read.c[f"key_{j}"] == read.c[f"before_{j}"] for j in range(i)]
        climbs.append(sa.and_(*alike, read.c[f"key_{i}"] > read.c[f"before_{i}"]))
    return sa.select(sa.func.count(), sa.func.count(sa.case((sa.or_(*climbs), number(1)))))


def probe(shape: MergeShape, stage: sa.FromClause, *, unique: bool = False) -> Query:
    """Rows, rows with a whole key, and distinct keys among them; equal numbers mean that no key repeats.

    Where the source itself keeps its keys ``unique``, there is only to count.
    """
    staged = stage.alias("s")
    keys = [staged.c[name] for name in shape.key] if shape.keyed and not unique else []
    if not keys:
        return sa.select(sa.func.count(), sa.func.count(), sa.func.count()).select_from(staged)
    if len(keys) == 1:
        return sa.select(sa.func.count(), sa.func.count(keys[0]), sa.func.count(sa.distinct(keys[0]))).select_from(
            staged
        )
    whole = sa.select(*keys).where(*(key.is_not(None) for key in keys))
    distinct = whole.distinct().subquery("k")
    return sa.select(
        sa.select(sa.func.count()).select_from(staged).scalar_subquery(),
        sa.select(sa.func.count()).select_from(whole.subquery("w")).scalar_subquery(),
        sa.select(sa.func.count()).select_from(distinct).scalar_subquery(),
    )


def duplicate_statements(shape: MergeShape) -> Iterator[tuple[str, sa.Delete | sa.Update]]:
    """The statements that leave at most one sound row of every key in the stage."""
    yield "collapse", collapse(shape)
    if shape.duplicates is Duplicates.LAST:
        yield "refuse_ties", refuse_ties(shape)
        yield "keep_last", keep_last(shape)
    else:
        yield "refuse_duplicates", refuse_duplicates(shape)


def collapse(shape: MergeShape) -> sa.Delete:
    """Delete all but one of rows that are identical in every loaded column, and in what orders them."""
    alike = [*shape.columns, EFFECTIVE] if shape.has_effective else [*shape.columns]
    alike += [MARKED] if shape.marks_of_deleted else []
    if shape.duplicates is Duplicates.LAST:
        alike += [order_column(i) for i in range(shape.order_by)]
    if shape.large:
        return _delete_repeated(shape, alike)
    staged = sound_rows(shape)
    rank = sa.func.row_number().over(partition_by=[staged.c[name] for name in alike])
    return delete_beyond_first(shape, staged, rank)


def keep_last(shape: MergeShape) -> sa.Delete:
    """Delete all rows of a key but the last by order_by."""
    staged = sound_rows(shape)
    rank = sa.func.row_number().over(partition_by=_keys(shape, staged), order_by=_latest_first(shape, staged))
    return delete_beyond_first(shape, staged, rank)


def refuse_duplicates(shape: MergeShape) -> sa.Update:
    """Mark every row of a key that still has several."""
    staged = sound_rows(shape)
    repeated = (
        sa.select(*_keys(shape, staged))
        .group_by(*_keys(shape, staged))
        .having(sa.func.count() > number(1))
        .subquery("k")
    )
    return _mark(shape, repeated, shape.key)


def refuse_ties(shape: MergeShape) -> sa.Update:
    """Mark every row of a key whose last row is not the only one by order_by."""
    staged = sound_rows(shape)
    return refuse_tied(shape, staged, shape.key, _latest_first(shape, staged))


def refuse_tied(shape: MergeShape, staged: sa.FromClause, names: Sequence[str], order: Sequence[Element]) -> sa.Update:
    """Mark every row of a group by these names in which nothing tells which row comes first (law 23)."""
    rank = sa.func.rank().over(partition_by=[staged.c[name] for name in names], order_by=order)
    ranked = sa.select(*(staged.c[name] for name in names), rank.label("place")).subquery("r")
    group = [ranked.c[name] for name in names]
    tied = sa.select(*group).where(ranked.c["place"] == number(1)).group_by(*group).having(sa.func.count() > number(1))
    return _mark(shape, tied.subquery("k"), names)


def _mark(shape: MergeShape, found: sa.Subquery, names: Sequence[str]) -> sa.Update:
    stage = shape.stage()
    same = sa.and_(*(stage.c[name] == found.c[name] for name in names))
    return (
        sa.update(stage)
        .values({FAULT: sa.literal_column(str(DUPLICATE_FAULT)), VALUE: sa.null()})
        .where(stage.c[FAULT].is_(None), sa.exists().where(same))
    )


def sound_rows(shape: MergeShape) -> sa.FromClause:
    """Staged rows that break no rule, with their physical row."""
    stage = shape.stage(shape.row_id)
    row = stage.c[shape.row_id].label(ROW_ID)
    columns = [stage.c[name] for name in shape.stage_columns]
    return sa.select(row, *columns).where(stage.c[FAULT].is_(None)).subquery("s")


def _keys(shape: MergeShape, staged: sa.FromClause) -> list[Element]:
    return [staged.c[name] for name in shape.key]


def _latest_first(shape: MergeShape, staged: sa.FromClause) -> list[Element]:
    return [staged.c[order_column(i)].desc().nulls_last() for i in range(shape.order_by)]


def delete_beyond_first(shape: MergeShape, staged: sa.FromClause, rank: Element) -> sa.Delete:
    """Delete all staged rows but the first of each rank."""
    stage = sa.table(STAGE, sa.column(shape.row_id))
    ranked = sa.select(staged.c[ROW_ID], rank.label("place")).subquery("r")
    surplus = sa.select(ranked.c[ROW_ID]).where(ranked.c["place"] > number(1))
    return sa.delete(stage).where(stage.c[shape.row_id].in_(surplus))


def _delete_repeated(shape: MergeShape, alike: list[str]) -> sa.Delete:
    """The same where some columns cannot be grouped: a row goes that is alike to one before it."""
    later, earlier = sound_rows(shape), sound_rows(shape).alias("e")
    compared = [name for name in alike if name not in shape.key]
    surplus = (
        sa.select(later.c[ROW_ID])
        .select_from(later.join(earlier, same_key(later, earlier, shape.key)))
        .where(earlier.c[ROW_ID] < later.c[ROW_ID], sa.not_(any_differs(later, earlier, compared)))
    )
    stage = sa.table(STAGE, sa.column(shape.row_id))
    return sa.delete(stage).where(stage.c[shape.row_id].in_(surplus))
