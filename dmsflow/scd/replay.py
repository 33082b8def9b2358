"""Late rows put where they belong: the history of their keys is made again, from all that was observed of them.

A *memory* beside the target keeps every observation. Of a key that has a late row the versions follow from the memory,
the new rows, and the stored version that was there before the first of them; what is stored is brought to that, and a
version that is as it should be is not touched. Runs nothing.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from dmsflow.model.plan import DELTA, LATE, REPLAY, STAGE, Fault
from dmsflow.scd.chain import chain
from dmsflow.scd.chain_write import select_agreeing
from dmsflow.scd.changes import classify_chain, join_state
from dmsflow.scd.duplicates import DUPLICATE_FAULT
from dmsflow.scd.shape import (
    CLASS,
    EFFECTIVE,
    FAULT,
    GONE,
    ROW_ID,
    VALUE,
    Element,
    MergeShape,
    Query,
    number,
    order_column,
    same_key,
    word,
)

SEEN_BY, ORIGIN, EARLIEST = "_dms_seen_by", "_dms_origin", "_dms_earliest"
REMEMBERED, BROUGHT = 1, 2
"""Where a row of a history that is made again comes from: the memory, or the extract."""

BEYOND_WINDOW, BEFORE_MEMORY = 1_000_001, 1_000_002

Named = tuple[str, sa.Executable, str | None]
"""A statement by name, and the temporary table that keeps what it finds."""


def observed(shape: MergeShape) -> tuple[str, ...]:
    """What is remembered of a row: its columns, when it happened, what orders it, what it says."""
    orders = tuple(order_column(i) for i in range(shape.order_by))
    return (*shape.columns, EFFECTIVE, *orders, *((GONE,) if shape.op else ()))


def memory(shape: MergeShape, prefix: str) -> sa.TableClause:
    """The table of all that was observed, and by which run."""
    names = (shape.row_id, *observed(shape), SEEN_BY)
    return sa.table(f"{prefix}{shape.table}", *(sa.column(name) for name in names), schema=shape.schema)


def late_faults(window: str | None) -> tuple[Fault, ...]:
    """The reasons why a late row has no place any more."""
    beyond = f"late by more than the window of {window}: what happened then is forgotten"
    before = "older than a version that was there before rows were remembered"
    return (
        Fault(number=BEYOND_WINDOW, reason="late", column=None, message=beyond),
        Fault(number=BEFORE_MEMORY, reason="late", column=None, message=before),
    )


def late_rows(shape: MergeShape) -> sa.TableClause:
    """All staged rows of the keys that have a late one."""
    return sa.table(LATE, *(sa.column(name) for name in (shape.row_id, *shape.stage_columns)))


def memory_statements(shape: MergeShape, seen: sa.TableClause) -> Iterator[Named]:
    """What a run does with the memory as a whole."""
    others = seen.c[SEEN_BY] != sa.bindparam("run_id")
    again = seen.alias("m")
    there: list[Element] = [again.c[GONE] == number(0)] if shape.op else []
    present = sa.exists(
        sa.select(number(1)).select_from(again).where(again.c[SEEN_BY] != sa.bindparam("run_id"), *there)
    )
    yield "forget_stale", sa.delete(seen).where(others, present), None
    yield "latest_before", sa.select(sa.func.max(seen.c[EFFECTIVE])).where(others), None
    yield "latest_seen", sa.select(sa.func.max(seen.c[EFFECTIVE])), None
    yield "forget_seen", _forget(shape, seen), None


def _forget(shape: MergeShape, seen: sa.TableClause) -> sa.Delete:
    """Forget what is older than the window, but for each key's last observation before it: the window begins there."""
    rows, horizon = seen.alias("m"), sa.bindparam("horizon", type_=sa.DateTime())
    last = _latest(shape, sa.select(seen).where(seen.c[EFFECTIVE] < horizon).subquery("o")).subquery("l")
    old = sa.select(rows.c[shape.row_id]).select_from(rows.join(last, same_key(rows, last, shape.key)))
    return _delete(seen, shape, old.where(rows.c[EFFECTIVE] < last.c[EFFECTIVE]))


def _latest(shape: MergeShape, rows: sa.FromClause) -> Query:
    """The last instant at which something is known of each key."""
    keys = [rows.c[name] for name in shape.key]
    return sa.select(*keys, sa.func.max(rows.c[EFFECTIVE]).label(EFFECTIVE)).group_by(*keys)


def _delete(table: sa.TableClause, shape: MergeShape, rows: Query) -> sa.Delete:
    return sa.delete(table).where(table.c[shape.row_id].in_(rows))


def chunk_statements(shape: MergeShape, seen: sa.TableClause, *, window: bool) -> Iterator[Named]:
    """What a chunk does with its staged rows before the others are chained, and with the late ones among them."""
    stage = sa.table(STAGE, *(sa.column(name) for name in (shape.row_id, *shape.stage_columns)))
    late = late_rows(shape)
    yield "drop_known", _drop_known(shape, stage, seen), None
    yield "find_late", _find_late(shape, stage, seen), LATE
    yield "count_late", sa.select(sa.func.count()).select_from(late), None
    keys = _keys(shape, late).subquery("k")
    left = stage.alias("s")
    of_late = sa.select(left.c[shape.row_id]).select_from(left.join(keys, same_key(left, keys, shape.key)))
    yield "leave_late", _delete(stage, shape, of_late), None
    if window:
        yield "judge_window", _mark(shape, late, BEYOND_WINDOW, _beyond_window(shape, late, seen)), None
    yield "judge_memory", _mark(shape, late, BEFORE_MEMORY, _before_memory(shape, late, seen)), None
    yield "judge_ties", _mark(shape, late, DUPLICATE_FAULT, _contradicting(shape, late, seen)), None
    yield "drop_agreeing", _drop_agreeing(shape, late), None
    yield "drop_rejected", sa.delete(late).where(late.c[FAULT].is_not(None)), None
    yield "replay", _replay(shape, late, seen), REPLAY
    told = sa.table(REPLAY, sa.column(CLASS), sa.column(ORIGIN))
    counted = sa.select(told.c[CLASS], sa.func.count()).where(told.c[ORIGIN] == number(BROUGHT)).group_by(told.c[CLASS])
    yield "count_replay", counted, None
    yield "remember", _remember(shape, stage, seen, rejected=True), None
    yield "remember_late", _remember(shape, late, seen, rejected=False), None


def _keys(shape: MergeShape, rows: sa.FromClause) -> Query:
    return sa.select(*(rows.c[name] for name in shape.key)).distinct()


def _drop_known(shape: MergeShape, stage: sa.TableClause, seen: sa.TableClause) -> sa.Delete:
    """A row that was observed before, as it is, says nothing new."""
    rows, known = stage.alias("s"), seen.alias("m")
    others = [name for name in observed(shape) if name not in (*shape.key, EFFECTIVE)]
    alike = [sa.not_(rows.c[name].is_distinct_from(known.c[name])) for name in others]
    at = sa.and_(same_key(rows, known, (*shape.key, EFFECTIVE)), *alike)
    found = sa.select(rows.c[shape.row_id]).select_from(rows.join(known, at)).where(rows.c[FAULT].is_(None))
    return _delete(stage, shape, found)


def _find_late(shape: MergeShape, stage: sa.TableClause, seen: sa.TableClause) -> Query:
    """All rows of the keys of which one is not younger than what was observed last."""
    rows, asked = stage.alias("s"), stage.alias("q")
    last = _latest(shape, seen).subquery("l")
    met = sa.and_(same_key(asked, last, shape.key), asked.c[EFFECTIVE] <= last.c[EFFECTIVE])
    late = sa.select(*(asked.c[name] for name in shape.key)).select_from(asked.join(last, met))
    keys = late.where(asked.c[FAULT].is_(None)).distinct().subquery("k")
    chosen = sa.select(*(rows.c[name] for name in shape.stage_columns))
    return chosen.select_from(rows.join(keys, same_key(rows, keys, shape.key))).where(rows.c[FAULT].is_(None))


def _mark(shape: MergeShape, late: sa.TableClause, fault: int, rows: Query) -> sa.Update:
    """Give rows their fault; what is told of one is its instant."""
    value = sa.cast(late.c[EFFECTIVE], sa.String())
    values: dict[str, Element] = {FAULT: number(fault), VALUE: value}
    return sa.update(late).values(values).where(late.c[FAULT].is_(None), late.c[shape.row_id].in_(rows))


def _beyond_window(shape: MergeShape, late: sa.TableClause, seen: sa.TableClause) -> Query:
    rows, last = late.alias("r"), _latest(shape, seen).subquery("l")
    met = sa.and_(same_key(rows, last, shape.key), rows.c[EFFECTIVE] <= last.c[EFFECTIVE])
    before = rows.c[EFFECTIVE] < sa.bindparam("horizon", type_=sa.DateTime())
    return sa.select(rows.c[shape.row_id]).select_from(rows.join(last, met)).where(before)


def _before_memory(shape: MergeShape, late: sa.TableClause, seen: sa.TableClause) -> Query:
    """Rows not younger than a version of which no observation is remembered: that version must stay."""
    rows, target, known = late.alias("r"), shape.target().alias("v"), seen.alias("m")
    keys = _keys(shape, late).subquery("k")
    start = target.c[shape.fields.valid_from]
    backed = sa.and_(same_key(target, known, shape.key), known.c[EFFECTIVE] == start)
    stored = target.join(keys, same_key(target, keys, shape.key)).outerjoin(known, backed)
    columns = [target.c[name] for name in shape.key]
    unbacked = (
        sa.select(*columns, sa.func.max(start).label(EFFECTIVE))
        .select_from(stored)
        .where(known.c[EFFECTIVE].is_(None))
        .group_by(*columns)
        .subquery("u")
    )
    met = sa.and_(same_key(rows, unbacked, shape.key), rows.c[EFFECTIVE] <= unbacked.c[EFFECTIVE])
    return sa.select(rows.c[shape.row_id]).select_from(rows.join(unbacked, met))


def _drop_agreeing(shape: MergeShape, late: sa.TableClause) -> sa.Delete:
    """A row for which it is too late, and that says what the history says, was read before, and forgotten."""
    rows = late.alias("r")
    gone: Element = rows.c[GONE] == number(1) if shape.op else sa.false()
    too_late = rows.c[FAULT].in_([number(BEYOND_WINDOW), number(BEFORE_MEMORY)])
    return _delete(late, shape, select_agreeing(shape, rows, gone, rows.c[shape.row_id]).where(too_late))


def _contradicting(shape: MergeShape, late: sa.TableClause, seen: sa.TableClause) -> Query:
    """Rows with the instant and the order of a remembered one that says something else: nothing tells which holds."""
    rows, known = late.alias("r"), seen.alias("m")
    orders = (*(order_column(i) for i in range(shape.order_by)), *((GONE,) if shape.passes_over else ()))
    tied = [sa.not_(rows.c[name].is_distinct_from(known.c[name])) for name in orders]
    met = sa.and_(same_key(rows, known, (*shape.key, EFFECTIVE)), *tied)
    return sa.select(rows.c[shape.row_id]).select_from(rows.join(known, met))


def _replay(shape: MergeShape, late: sa.TableClause, seen: sa.TableClause) -> Query:
    """The chain of all that is known of the keys with late rows, from the version that was there before."""
    keys = _keys(shape, late).subquery("k")
    names = observed(shape)
    known, brought = seen.alias("m"), late.alias("r")
    remembered = sa.select(*(known.c[name] for name in names), number(REMEMBERED).label(ORIGIN))
    remembered = remembered.select_from(known.join(keys, same_key(known, keys, shape.key)))
    new = sa.select(*(brought.c[name] for name in names), number(BROUGHT).label(ORIGIN))
    rows = sa.union_all(remembered, new).subquery("o")
    group = [rows.c[name] for name in (*shape.key, EFFECTIVE)]
    order: list[Element] = [rows.c[GONE]] if shape.passes_over else []
    order += [rows.c[order_column(i)].desc().nulls_last() for i in range(shape.order_by)]
    place = sa.func.row_number().over(partition_by=group, order_by=[*order, rows.c[ORIGIN]]).label("place")
    of_key = [rows.c[name] for name in shape.key]
    earliest = sa.func.min(rows.c[EFFECTIVE]).over(partition_by=of_key).label(EARLIEST)
    ranked = sa.select(*rows.c, place, earliest).subquery("p")
    holding = sa.select(*ranked.c).where(ranked.c.place == number(1)).subquery("s")
    joined = join_state(shape, holding, _base(shape, late, seen), None, ORIGIN, EARLIEST).subquery("j")
    return classify_chain(shape, chain(shape, joined), ORIGIN, EARLIEST)


def _base(shape: MergeShape, late: sa.TableClause, seen: sa.TableClause) -> sa.FromClause:
    """The stored version of each key that was there before the first of what is known of it, and that meets it."""
    rows = sa.union_all(*(sa.select(*(t.c[n] for n in (*shape.key, EFFECTIVE))) for t in (late, seen))).subquery("a")
    keys = [rows.c[name] for name in shape.key]
    first = sa.select(*keys, sa.func.min(rows.c[EFFECTIVE]).label(EFFECTIVE)).group_by(*keys).subquery("f")
    wanted = _keys(shape, late).subquery("w")
    target, fields = shape.target().alias("v"), shape.fields
    names = [*shape.columns, *shape.carried, fields.valid_from]
    names += [fields.is_deleted] if shape.marks_deleted else []
    at = first.c[EFFECTIVE]
    meets = sa.or_(shape.is_current(target), target.c[fields.valid_to] >= at)
    before = sa.and_(same_key(target, first, shape.key), target.c[fields.valid_from] < at, meets)
    joined = target.join(wanted, same_key(target, wanted, shape.key)).join(first, before)
    row = target.c[shape.row_id].label(ROW_ID)
    return sa.select(row, *(target.c[name] for name in names)).select_from(joined).subquery("c")


def _remember(shape: MergeShape, rows: sa.TableClause, seen: sa.TableClause, *, rejected: bool) -> sa.Insert:
    """Remember the rows that were loaded, or that changed nothing; not those that were ``rejected`` as late."""
    names, source = observed(shape), rows.alias("s")
    chosen = sa.select(*(source.c[name] for name in names), sa.bindparam("run_id", type_=sa.String()))
    if not rejected:
        return sa.insert(seen).from_select([*names, SEEN_BY], chosen.select_from(source))
    delta = sa.table(DELTA, *(sa.column(name) for name in (*shape.key, EFFECTIVE, CLASS)))
    late = sa.select(*(delta.c[n] for n in (*shape.key, EFFECTIVE))).where(delta.c[CLASS] == word("late")).subquery("d")
    joined = source.outerjoin(late, same_key(source, late, (*shape.key, EFFECTIVE)))
    sound = chosen.select_from(joined).where(source.c[FAULT].is_(None), late.c[EFFECTIVE].is_(None))
    return sa.insert(seen).from_select([*names, SEEN_BY], sound)
