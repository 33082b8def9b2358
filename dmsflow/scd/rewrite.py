"""Columns that are the same in every version of a key: the closed versions of what was written. Classifies nothing."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from dmsflow.scd.shape import CLASS, Element, MergeShape, any_differs, run_at, same_key, word

BROUGHT = ("new", "version", "update", "correct")
"""The classes of rows whose values are those of every version of their key."""


def rewrite(shape: MergeShape, rows: sa.TableClause, classes: Sequence[str] = BROUGHT) -> sa.Update:
    """Overwrite in closed versions what is to be the same in all of them; those that have it already are left alone.

    The rows of one key of these classes agree about it, so one of them is as good as any other.
    """
    brought, target = rows.alias("d"), shape.target().alias("t")
    names = (*shape.key, *shape.everywhere)
    chosen = sa.select(*(brought.c[name] for name in names))
    chosen = chosen.where(brought.c[CLASS].in_([word(name) for name in classes]))
    latest = (chosen.distinct() if shape.feed else chosen).subquery("r")
    values: dict[Any, Element] = {name: latest.c[name] for name in shape.everywhere}
    if shape.fields.modified_at:
        values[shape.fields.modified_at] = run_at()
    closed = sa.not_(shape.is_current(target))
    writable: Any = target
    return (
        sa.update(writable)
        .values(values)
        .where(same_key(latest, target, shape.key), closed, any_differs(latest, target, shape.everywhere))
    )
