"""The statements that bring stored versions to what a history that was made again says. Touches no version in vain."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from dmsflow.model.plan import REPLAY
from dmsflow.model.spec import Deletes, Policy
from dmsflow.scd.chain_write import BOUNDS, validity, verify_chain, version_values
from dmsflow.scd.replay import EARLIEST
from dmsflow.scd.rewrite import rewrite
from dmsflow.scd.shape import (
    BLOCKING,
    CLASS,
    EFFECTIVE,
    UNTIL,
    Element,
    MergeShape,
    any_differs,
    run_at,
    same_key,
    word,
)


def replay_statements(shape: MergeShape) -> Iterator[tuple[str, sa.Executable]]:
    """Every statement by name, in the order in which a chunk runs them: a key has one current version after each."""
    yield "remove_versions", _remove(shape)
    yield "overwrite_before", _overwrite_before(shape)
    yield "end_before", _end_before(shape)
    yield "change_versions", _change(shape)
    yield "add_versions", _add(shape)
    if shape.everywhere:
        yield "rewrite_replayed", rewrite(shape, _rows(shape), False, False)
    yield "count_versions", sa.select(sa.func.count()).select_from(_wanted(shape))
    rows = _rows(shape).alias("r")
    keys = sa.select(*(rows.c[name] for name in shape.key)).distinct().subquery("w")
    yield "verify_replay", verify_chain(shape, keys)


def _rows(shape: MergeShape) -> sa.TableClause:
    names = (*shape.columns, CLASS, BLOCKING, EFFECTIVE, UNTIL, EARLIEST)
    return sa.table(REPLAY, *(sa.column(name) for name in names))


def _begins(shape: MergeShape, rows: sa.FromClause) -> Element:
    """Whether a row begins a version; a delete begins one that says so, or none."""
    classes = BOUNDS if shape.deletes is Deletes.TOMBSTONE else BOUNDS[:2]
    return rows.c[CLASS].in_([word(name) for name in classes])


def _wanted(shape: MergeShape) -> sa.FromClause:
    """The versions that shall be there."""
    rows = _rows(shape).alias("r")
    return sa.select(*rows.c).where(_begins(shape, rows)).subquery("w")


def _remove(shape: MergeShape) -> sa.Delete:
    """Delete the versions that began when nothing begins any more."""
    rows, target, stored = _rows(shape).alias("r"), shape.target(), shape.target().alias("v")
    keys = [rows.c[name] for name in shape.key]
    first = sa.select(*keys, sa.func.min(rows.c[EARLIEST]).label(EARLIEST)).group_by(*keys).subquery("f")
    wanted, start = _wanted(shape), stored.c[shape.fields.valid_from]
    since = sa.and_(same_key(stored, first, shape.key), start >= first.c[EARLIEST])
    same = sa.and_(same_key(stored, wanted, shape.key), start == wanted.c[EFFECTIVE])
    surplus = (
        sa.select(stored.c[shape.row_id])
        .select_from(stored.join(first, since).outerjoin(wanted, same))
        .where(wanted.c[EFFECTIVE].is_(None))
    )
    return sa.delete(target).where(target.c[shape.row_id].in_(surplus))


def _overwrite_before(shape: MergeShape) -> sa.Update:
    """Overwrite in the version before the first change what the policies let change without a version."""
    rows = _rows(shape).alias("r")
    values: dict[str, Element] = {name: rows.c[name] for name in shape.with_policy(Policy.OVERWRITE)}
    target = shape.target().alias("t")
    same = sa.and_(same_key(target, rows, shape.key), target.c[shape.fields.valid_from] == rows.c[BLOCKING])
    return _update(shape, target, values).where(same, rows.c[CLASS] == word("update"))


def _end_before(shape: MergeShape) -> sa.Update:
    """End the version before the first change where that says, or leave it open."""
    rows, target, fields = _rows(shape).alias("r"), shape.target().alias("t"), shape.fields
    keys = [rows.c[name] for name in (*shape.key, BLOCKING)]
    bounds = sa.case((rows.c[CLASS].in_([word(name) for name in BOUNDS]), rows.c[EFFECTIVE]))
    first = sa.func.min(bounds).label(UNTIL)
    before = sa.select(*keys, first).where(rows.c[BLOCKING].is_not(None)).group_by(*keys).subquery("b")
    until = before.c[UNTIL]
    on: Element = sa.literal_column(shape.on)
    off: Element = sa.literal_column(shape.off)
    end: Element = sa.case((until.is_(None), sa.literal_column(shape.open_end)), else_=until)
    values: dict[str, Element] = {
        fields.valid_to: end,
        fields.is_current: sa.case((until.is_(None), on), else_=off),
    }
    same = sa.and_(same_key(target, before, shape.key), target.c[fields.valid_from] == before.c[BLOCKING])
    return _update(shape, target, values).where(same, target.c[fields.valid_to].is_distinct_from(end))


def _change(shape: MergeShape) -> sa.Update:
    """Write the versions that are there, and are not as they should be."""
    wanted, target = _wanted(shape), shape.target().alias("t")
    fields = shape.fields
    names = [name for name in shape.columns if name not in shape.key]
    ours = {name: value for name, value in validity(shape, wanted).items() if name != fields.valid_from}
    same = sa.and_(same_key(target, wanted, shape.key), target.c[fields.valid_from] == wanted.c[EFFECTIVE])
    differs = [any_differs(target, wanted, names), *(target.c[n].is_distinct_from(value) for n, value in ours.items())]
    values: dict[str, Element] = {name: wanted.c[name] for name in names} | ours
    return _update(shape, target, values).where(same, sa.or_(*differs))


def _add(shape: MergeShape) -> sa.Insert:
    """Insert the versions that are not there; what only the target has comes from the version that ends there."""
    wanted, stored, before = _wanted(shape), shape.target().alias("v"), shape.target().alias("b")
    start, end = shape.fields.valid_from, shape.fields.valid_to
    same = sa.and_(same_key(stored, wanted, shape.key), stored.c[start] == wanted.c[EFFECTIVE])
    joined = wanted.outerjoin(stored, same)
    values: dict[str, Element] = {name: wanted.c[name] for name in shape.columns}
    if shape.carried:
        joined = joined.outerjoin(
            before, sa.and_(same_key(before, wanted, shape.key), before.c[end] == wanted.c[EFFECTIVE])
        )
        values |= {name: before.c[name] for name in shape.carried}
    values |= version_values(shape, wanted)
    chosen = sa.select(*(value.label(f"c{i}") for i, value in enumerate(values.values()))).select_from(joined)
    return sa.insert(shape.target()).from_select(list(values), chosen.where(stored.c[start].is_(None)))


def _update(shape: MergeShape, target: Any, values: dict[str, Element]) -> sa.Update:  # noqa: ANN401 - an alias
    stamped = values | ({shape.fields.modified_at: run_at()} if shape.fields.modified_at else {})
    written: dict[Any, Element] = {**stamped}
    return sa.update(target).values(written)
