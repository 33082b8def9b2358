"""The unknown member of a dimension: the row that facts point to whose own one is not there. Touches no other row."""

from typing import Any

import sqlalchemy as sa

from dmsflow.model.spec import ScdType
from dmsflow.scd.shape import Element, MergeShape, number, run_at


def insert_member(shape: MergeShape) -> sa.Insert:
    """Insert the unknown member where it is not there; its version always holds."""
    target, known = shape.target(), shape.target().alias("t")
    found = sa.select(number(1)).select_from(known).where(shape.is_member(known))
    values = {**dict(shape.member), **_own_values(shape)}
    names = [column.name for column in target.c if column.name in values]
    chosen = sa.select(*(_write(values[name]).label(f"c{i}") for i, name in enumerate(names)))
    return sa.insert(target).from_select(names, chosen.where(sa.not_(sa.exists(found))))


def _write(value: str | Element) -> Element:
    return sa.literal_column(value) if isinstance(value, str) else value


def _own_values(shape: MergeShape) -> dict[str, str | Element]:
    """What the engine's own columns hold in it."""
    fields = shape.fields
    values: dict[Any, str | Element] = {fields.surrogate_key: shape.unknown}
    if shape.history:
        values[fields.valid_from] = shape.first_valid_from or shape.always_since
        values[fields.valid_to] = shape.open_end
        values[fields.is_current] = shape.on
    if shape.marks_deleted:
        values[fields.is_deleted] = shape.here
    if fields.inserted_at:
        values[fields.inserted_at] = run_at()
    if fields.modified_at and shape.scd is not ScdType.APPEND:
        values[fields.modified_at] = run_at()
    return values
