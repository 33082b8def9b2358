"""Checks the history of the keys a chunk touched, after it wrote (law 18). Reads only."""

import sqlalchemy as sa

from dmsflow.scd.shape import (
    BLOCKING,
    CLASS,
    DELTA,
    EFFECTIVE,
    Element,
    MergeShape,
    Query,
    number,
    run_at,
    same_key,
    word,
)


def verify_history(shape: MergeShape) -> Query:
    """Touched keys with more than one current version, and touched versions that end before they start."""
    target = shape.target().alias("t")
    delta = sa.table(DELTA, sa.column(CLASS), *(sa.column(name) for name in shape.key)).alias("d")
    written = delta.c[CLASS].in_([word(name) for name in ("new", "version", "update", "gone", "correct")])
    touched = sa.exists().where(same_key(delta, target, shape.key), written).correlate(target)
    keys = (
        sa.select(
            _count_where(shape.is_current(target)).label("current"),
            (_count_where(_inverted(shape, target)) if shape.history else number(0)).label("inverted"),
        )
        .select_from(target)
        .where(touched)
        .group_by(*(target.c[name] for name in shape.key))
        .subquery("k")
    )
    return sa.select(_count_where(keys.c.current > number(1)), sa.func.sum(keys.c.inverted))


def verify_delta(shape: MergeShape) -> Query:
    """The same of a target that keeps one current version per key by an index of its own: only the times are left."""
    delta = shape.delta()
    inverted: Element = sa.false()
    if shape.history:
        ends = sa.case((delta.c[CLASS] == word("gone"), run_at()), else_=delta.c[EFFECTIVE])
        inverted = sa.and_(delta.c[CLASS].in_([word("version"), word("gone")]), delta.c[BLOCKING] >= ends)
    return sa.select(number(0), _count_where(inverted)).select_from(delta)


def _count_where(condition: Element) -> Element:
    """How many rows of a group meet a condition."""
    counted: Element = sa.func.count(sa.case((condition, number(1))))
    return counted


def _inverted(shape: MergeShape, target: sa.FromClause) -> Element:
    """Whether a version ends at or before its start; an open end never does."""
    return target.c[shape.fields.valid_from] >= target.c[shape.fields.valid_to]
