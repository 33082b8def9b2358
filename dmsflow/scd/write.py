"""The statements that write a classified delta into the target. Classifies nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from dmsflow.model.spec import Deletes, Policy, ScdType
from dmsflow.scd.shape import (
    CLASS,
    EFFECTIVE,
    LAST_END,
    ROW_ID,
    Element,
    MergeShape,
    is_sound,
    run_at,
    same_key,
    word,
)
from dmsflow.scd.surrogate import surrogate_values

Dml = sa.Update | sa.Insert | sa.Delete
Named = tuple[str, Dml]


def write_statements(shape: MergeShape) -> Iterator[Named]:
    """Every statement of this merge by name, in the order in which a chunk runs them."""
    if shape.history:
        if shape.first_valid_from or shape.has_effective:
            yield "find_returning", find_returning(shape)
        if shape.has_effective:
            yield "refuse_early_return", refuse_early_return()
        yield "correct", correct(shape)
        yield "close", close(shape)
    if shape.scd in (ScdType.OVERWRITE, ScdType.HISTORY):
        yield "overwrite", overwrite(shape)
    if shape.carried:
        yield "insert", insert(shape, "new")
        yield "insert_versions", insert(shape, "version", carried=shape.carried)
    else:
        yield "insert", insert(shape, "new", "version")


def delete_statements(shape: MergeShape) -> Iterator[Named]:
    """The statements for keys that are gone, in order; only for a merge that deletes."""
    match shape.deletes:
        case Deletes.IGNORE:
            return
        case Deletes.DELETE:
            yield "delete_gone", delete_gone(shape)
        case Deletes.FLAG:
            flagged: dict[str | None, Element] = {shape.fields.is_deleted: sa.literal_column(shape.gone)}
            yield "flag_gone", _update(shape, shape.delta().alias("d"), "gone", flagged)
        case Deletes.CLOSE:
            yield "close_gone", close_gone(shape)
        case Deletes.TOMBSTONE:
            yield "close_gone", close_gone(shape)
            yield "bury_gone", insert_tombstones(shape)


def find_returning(shape: MergeShape) -> sa.Update:
    """Note where the history of a new key ended, if it has one: it comes back (law 26)."""
    delta, closed = shape.delta().alias("d"), shape.target().alias("t")
    waiting = shape.delta().alias("n")
    wanted = sa.exists().where(same_key(waiting, closed, shape.key), waiting.c[CLASS] == word("new")).correlate(closed)
    ends = (
        sa.select(
            *(closed.c[name] for name in shape.key),
            sa.func.max(closed.c[shape.fields.valid_to]).label(LAST_END),
        )
        .where(shape.is_closed(closed), wanted)
        .group_by(*(closed.c[name] for name in shape.key))
        .subquery("h")
    )
    return (
        sa.update(_writable(delta))
        .values({LAST_END: ends.c[LAST_END]})
        .where(delta.c[CLASS] == word("new"), same_key(delta, ends, shape.key))
    )


def refuse_early_return() -> sa.Update:
    """A key that comes back before its history ended is late (law 25)."""
    delta = sa.table("_dms_delta", *(sa.column(name) for name in (CLASS, EFFECTIVE, LAST_END, "_dms_blocking")))
    return (
        sa.update(_writable(delta))
        .values({CLASS: word("late"), "_dms_blocking": delta.c[LAST_END]})
        .where(delta.c[CLASS] == word("new"), delta.c[EFFECTIVE] < delta.c[LAST_END])
    )


def close(shape: MergeShape) -> sa.Update:
    """End the current version where the next one starts (law 18)."""
    delta = shape.delta().alias("d")
    return _update(shape, delta, "version", _closing(shape, delta.c[EFFECTIVE]))


def close_gone(shape: MergeShape) -> sa.Update:
    """End the current version of a key that the source no longer has."""
    return _update(shape, shape.delta().alias("d"), "gone", _closing(shape, run_at()))


def overwrite(shape: MergeShape) -> sa.Update:
    """Overwrite in place what the policies let change without a version."""
    policies = (Policy.OVERWRITE,) if shape.history else (Policy.OVERWRITE, Policy.IGNORE)
    return _set_columns(shape, "update", (*shape.with_policy(*policies), *shape.fillable(), *shape.previous_columns))


def correct(shape: MergeShape) -> sa.Update:
    """Write a late row into the current version (late: correct_current)."""
    policies = (Policy.OVERWRITE, Policy.VERSION, Policy.IGNORE)
    return _set_columns(shape, "correct", (*shape.with_policy(*policies), *shape.fillable(), *shape.previous_columns))


def delete_gone(shape: MergeShape) -> sa.Delete:
    """Delete the rows whose key the source no longer has."""
    target, delta = shape.target(), shape.delta()
    gone = sa.select(delta.c[ROW_ID]).where(delta.c[CLASS] == word("gone"))
    return sa.delete(target).where(target.c[shape.row_id].in_(gone))


def insert(shape: MergeShape, *classes: str, carried: tuple[str, ...] = ()) -> sa.Insert:
    """Insert the rows of these classes. A new key leaves the target's own columns to their defaults."""
    delta = shape.delta().alias("d")
    names = (*shape.columns, *carried, *shape.previous_columns)
    values: dict[str, Element] = {name: delta.c[name] for name in names}
    chosen = delta.c[CLASS].in_([word(name) for name in classes])
    ours = _engine_values(shape, delta)
    return _insert(shape, values | surrogate_values(shape, delta, ours) | ours, delta, chosen)


def insert_tombstones(shape: MergeShape) -> sa.Insert:
    """Insert a version that says a key is deleted, with the values it had."""
    delta = shape.delta().alias("d")
    names = (*shape.columns, *shape.carried, *shape.previous_columns)
    values: dict[str, Element] = {name: delta.c[name] for name in names}
    ours = _engine_values(shape, None, deleted=True)
    values |= surrogate_values(shape, delta, ours) | ours
    return _insert(shape, values, delta, delta.c[CLASS] == word("gone"))


def insert_all(shape: MergeShape, stage: sa.FromClause) -> sa.Insert:
    """Insert every sound staged row: of type append, or as the first version of its key where there is none."""
    staged = stage.alias("s")
    return _insert(shape, _first_values(shape, staged), staged, is_sound(staged))


def select_all(shape: MergeShape, rows: sa.FromClause, cast: Callable[[str, Element], Element]) -> sa.Select[Any]:
    """The rows that insert_all would insert, under the names of the target, each of our own values ``cast``."""
    sound = rows.alias("s")
    values = {
        name: value if name in shape.columns else cast(name, value)
        for name, value in _first_values(shape, sound).items()
    }
    return sa.select(*(value.label(name) for name, value in values.items())).select_from(sound)


def _first_values(shape: MergeShape, staged: sa.FromClause) -> dict[str, Element]:
    """What a key's first version holds."""
    ours = _engine_values(shape, None)
    if shape.history:
        first = shape.first_valid_from
        ours[shape.fields.valid_from] = sa.literal_column(first) if first else shape.effective(staged)
    values: dict[str, Element] = {name: staged.c[name] for name in shape.columns}
    return values | surrogate_values(shape, staged, ours) | ours


def find_any(shape: MergeShape) -> sa.Select[tuple[int]]:
    """1 when the target has a row of any kind beside the unknown member, else 0."""
    target = shape.target()
    rows: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(target)
    some = sa.exists(rows.where(sa.not_(shape.is_member(target))) if shape.unknown else rows)
    return sa.select(sa.case((some, sa.literal_column("1", sa.Integer())), else_=sa.literal_column("0", sa.Integer())))


def _insert(shape: MergeShape, values: dict[str, Element], source: sa.FromClause, chosen: Element) -> sa.Insert:
    """INSERT ... SELECT of the named values."""
    chosen_rows = sa.select(*(value.label(f"c{i}") for i, value in enumerate(values.values()))).select_from(source)
    return sa.insert(shape.target()).from_select(list(values), chosen_rows.where(chosen))


def _engine_values(shape: MergeShape, delta: sa.FromClause | None, *, deleted: bool = False) -> dict[str, Element]:
    """What the engine's other columns hold in a new row; they are in no update set of user columns (law 29)."""
    fields = shape.fields
    values: dict[str, Element] = {}
    if shape.history:
        values[fields.valid_from] = _valid_from(shape, delta)
        values[fields.valid_to] = sa.literal_column(shape.open_end)
        values[fields.is_current] = sa.literal_column(shape.on)
    if shape.marks_deleted:
        values[fields.is_deleted] = sa.literal_column(shape.gone if deleted else shape.here)
    if fields.inserted_at:
        values[fields.inserted_at] = run_at()
    if fields.modified_at and shape.scd is not ScdType.APPEND:
        values[fields.modified_at] = run_at()
    return values


def _valid_from(shape: MergeShape, delta: sa.FromClause | None) -> Element:
    """Where a new version starts: a key's very first one may start earlier (first_valid_from)."""
    if delta is None:
        return run_at()
    if not shape.first_valid_from:
        return delta.c[EFFECTIVE]
    first = sa.and_(delta.c[CLASS] == word("new"), delta.c[LAST_END].is_(None))
    return sa.case((first, sa.literal_column(shape.first_valid_from)), else_=delta.c[EFFECTIVE])


def _closing(shape: MergeShape, end: Element) -> dict[str | None, Element]:
    """What closing a version writes."""
    return {shape.fields.valid_to: end, shape.fields.is_current: sa.literal_column(shape.off)}


def _set_columns(shape: MergeShape, name: str, columns: tuple[str, ...]) -> sa.Update:
    """Write the delta's values of these columns into the rows of one class."""
    delta = shape.delta().alias("d")
    values: dict[str | None, Element] = {column: delta.c[column] for column in columns}
    if shape.marks_deleted:
        values[shape.fields.is_deleted] = sa.literal_column(shape.here)
    return _update(shape, delta, name, values)


def _update(shape: MergeShape, delta: sa.FromClause, name: str, values: dict[str | None, Element]) -> sa.Update:
    """UPDATE the target's rows of one class, by their physical row."""
    target = shape.target().alias("t")
    stamped: dict[str | None, Element] = dict(values)
    if shape.fields.modified_at:
        stamped[shape.fields.modified_at] = run_at()
    written: dict[Any, Element] = {column: value for column, value in stamped.items() if column}
    return (
        sa.update(_writable(target))
        .values(written)
        .where(target.c[shape.row_id] == delta.c[ROW_ID], delta.c[CLASS] == word(name))
    )


def _writable(relation: sa.FromClause) -> Any:  # noqa: ANN401 - SQLAlchemy updates an alias, its types do not say so
    return relation
