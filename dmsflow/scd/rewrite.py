"""Columns that are the same in every version of a key: the closed versions of what was written. Classifies nothing."""

from typing import Any

import sqlalchemy as sa

from dmsflow.scd.shape import CLASS, Element, MergeShape, any_differs, run_at, same_key, within_range, word

BROUGHT = ("new", "version", "update", "correct")
"""The classes of rows whose values are those of every version of their key."""


def rewrite(shape: MergeShape, rows: sa.TableClause, lower: bool, upper: bool) -> sa.Update:
    """Overwrite in closed versions what is to be the same in all of them; those that have it already are left alone.

    The rows of one key agree about it, so one of them is as good as any other. Of a target that is loaded in chunks
    only the chunk's range is looked at.
    """
    brought, target = rows.alias("d"), shape.target().alias("t")
    names = (*shape.key, *shape.everywhere)
    chosen = sa.select(*(brought.c[name] for name in names))
    chosen = chosen.where(brought.c[CLASS].in_([word(name) for name in BROUGHT]))
    latest = (chosen.distinct() if shape.feed else chosen).subquery("r")
    values: dict[Any, Element] = {name: latest.c[name] for name in shape.everywhere}
    if shape.fields.modified_at:
        values[shape.fields.modified_at] = run_at()
    writable: Any = target
    return (
        sa.update(writable)
        .values(values)
        .where(
            same_key(latest, target, shape.key),
            shape.is_closed(target),
            any_differs(latest, target, shape.everywhere),
            within_range(shape, target, lower, upper),
        )
    )
