"""Checks the history of the keys a chunk touched, after it wrote (law 18). Reads only."""

import sqlalchemy as sa

from dmsflow.scd.shape import CLASS, DELTA, Element, MergeShape, Query, number, same_key, word


def verify_history(shape: MergeShape) -> Query:
    """Touched keys with more than one current version, and touched versions that end before they start."""
    target = shape.target().alias("t")
    delta = sa.table(DELTA, sa.column(CLASS), *(sa.column(name) for name in shape.key)).alias("d")
    written = delta.c[CLASS].in_([word(name) for name in ("new", "version", "update", "gone", "correct")])
    touched = sa.exists().where(same_key(delta, target, shape.key), written).correlate(target)
    doubled = (
        sa.select(*(target.c[name] for name in shape.key))
        .where(shape.is_current(target), touched)
        .group_by(*(target.c[name] for name in shape.key))
        .having(sa.func.count() > number(1))
        .subquery("k")
    )
    return sa.select(
        sa.select(sa.func.count()).select_from(doubled).scalar_subquery(),
        sa.select(sa.func.count()).select_from(target).where(_inverted(shape, target), touched).scalar_subquery()
        if shape.history
        else sa.literal_column("0"),
    )


def _inverted(shape: MergeShape, target: sa.FromClause) -> Element:
    """Whether a version ends at or before its start; an open end never does."""
    return target.c[shape.fields.valid_from] >= target.c[shape.fields.valid_to]
