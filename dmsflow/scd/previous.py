"""What a type 3 column held before its last change, and since when it holds what it does. Writes nothing."""

from collections.abc import Iterator

import sqlalchemy as sa

from dmsflow.model.spec import Deletes
from dmsflow.scd.shape import PRESENT, ROW_ID, Element, MergeShape


def previous_values(shape: MergeShape, staged: sa.FromClause, current: sa.FromClause) -> Iterator[Element]:
    """The columns of previous values as they shall be written: a change remembers what the current version holds.

    The first value of a key is no change, nor is that of a column that is new in the target (law 28).
    """
    for kept in shape.previous:
        changed = sa.and_(current.c[ROW_ID].is_not(None), _changes(shape, staged, current, kept.column))
        for name, now in ((kept.value, current.c[kept.column]), (kept.since, shape.effective(staged))):
            yield sa.case((changed, now), else_=current.c[name]).label(name)


def _changes(shape: MergeShape, staged: sa.FromClause, current: sa.FromClause, name: str) -> Element:
    differs: Element = staged.c[name].is_distinct_from(current.c[name])
    if name in shape.unfilled:
        differs = sa.and_(current.c[name].is_not(None), differs)
    if shape.deletes is Deletes.TOMBSTONE:
        # A row that says that its key is deleted, or is not there, changes no value.
        differs = sa.and_(staged.c[PRESENT].is_not(None), sa.not_(shape.is_marked(staged)), differs)
    return differs
