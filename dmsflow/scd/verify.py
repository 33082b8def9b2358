"""Checks the history of the keys a chunk touched, after it wrote (law 18). Reads only."""

import sqlalchemy as sa

from dmsflow.model.plan import DELTA
from dmsflow.model.spec import Deletes
from dmsflow.scd.shape import (
    BLOCKING,
    CLASS,
    EFFECTIVE,
    Element,
    MergeShape,
    Query,
    number,
    run_at,
    same_key,
    within_range,
    word,
)

WRITTEN = ("new", "version", "update", "gone", "correct")


def verify_history(shape: MergeShape, lower: bool, upper: bool) -> Query:
    """Touched keys with more than one current version, and touched versions that end before they start.

    Of a target that is loaded in chunks only the chunk's range is read: its bounds are known before the statement
    runs, so that a scan can skip.
    """
    target, delta = shape.target().alias("t"), _delta(shape).alias("d")
    touched = sa.exists().where(same_key(delta, target, shape.key), _is_written(delta)).correlate(target)
    keys = (
        sa.select(
            _count_where(shape.is_current(target)).label("current"),
            (_count_where(_inverted(shape, target)) if shape.history else number(0)).label("inverted"),
        )
        .select_from(target)
        .where(touched, within_range(shape, target, lower, upper))
        .group_by(*(target.c[name] for name in shape.key))
        .subquery("k")
    )
    return sa.select(_count_where(keys.c.current > number(1)), sa.func.sum(keys.c.inverted))


def verify_delta(shape: MergeShape) -> Query:
    """The same of a target that keeps one current version per key by an index of its own: only the times are left."""
    return sa.select(number(0).label("doubled"), _count_inverted(shape).label("inverted"))


def _count_where(condition: Element) -> Element:
    """How many rows of a group meet a condition."""
    counted: Element = sa.func.count(sa.case((condition, number(1))))
    return counted


def _inverted(shape: MergeShape, target: sa.FromClause) -> Element:
    """Whether a version ends at or before its start; an open end never does."""
    return target.c[shape.fields.valid_from] >= target.c[shape.fields.valid_to]


def _count_inverted(shape: MergeShape) -> Element:
    """Versions that end at or before their start: both are in the delta, and an update by row wrote the end."""
    if not shape.history:
        return number(0)
    delta = _delta(shape).alias("d")
    end = sa.case((delta.c[CLASS] == word("gone"), run_at()), else_=delta.c[EFFECTIVE])
    classes = ("version", "gone") if shape.deletes in (Deletes.CLOSE, Deletes.TOMBSTONE) else ("version",)
    closed = delta.c[CLASS].in_([word(name) for name in classes])
    inverted = sa.select(sa.func.count()).select_from(delta).where(closed, delta.c[BLOCKING] >= end)
    return inverted.scalar_subquery()


def _is_written(delta: sa.FromClause) -> Element:
    return delta.c[CLASS].in_([word(name) for name in WRITTEN])


def _delta(shape: MergeShape) -> sa.TableClause:
    return sa.table(DELTA, *shape.staged(CLASS, BLOCKING, EFFECTIVE, *shape.key))
