"""What a row says that happened: by the operation of a feed, or by a mark; and what is not asked of a deleted row."""

from typing import TYPE_CHECKING

import sqlalchemy as sa

from dmsflow.scd.shape import OP, Element, MergeShape

if TYPE_CHECKING:
    from dmsflow.scd.staging import Staging

Unnumbered = tuple[str, str | None, str, Element, Element]
"""A rule of a staged row: reason, column, message, condition, and the value that a reject tells."""


def is_content(shape: MergeShape, name: str) -> bool:
    """Whether a column tells what a row is, and not only which one, and when."""
    if not tells_gone(shape):
        return False
    if any(name in lookup.staged for lookup in shape.lookups):
        return all(lookup.content for lookup in shape.lookups if name in lookup.staged)
    return name in shape.columns and name not in (*shape.key, shape.instant)


def tells_gone(shape: MergeShape) -> bool:
    """Whether rows say that their key was deleted."""
    return shape.op is not None or bool(shape.marks_of_deleted)


def is_gone(shape: MergeShape, typed: sa.FromClause) -> Element:
    """Whether a row says that its key was deleted."""
    if shape.op is None:
        return shape.is_marked(typed)
    return _is_one_of(typed, shape.op.delete)


def says_gone(shape: MergeShape, typed: sa.FromClause) -> Element:
    """1 for a row that says so, else 0."""
    number = sa.literal_column("1", sa.Integer()), sa.literal_column("0", sa.Integer())
    return sa.case((is_gone(shape, typed), number[0]), else_=number[1])


def _is_one_of(typed: sa.FromClause, values: tuple[str, ...]) -> Element:
    """Whether the operation is one of these values; blanks at its end do not count."""
    written = [sa.literal_column("'" + value.replace("'", "''") + "'", sa.String()) for value in values]
    return sa.func.rtrim(typed.c[OP]).in_(written) if written else sa.false()


def operation_rules(shape: MergeShape, staging: "Staging", typed: sa.FromClause) -> list[Unnumbered]:
    """The rule of the column that says what happened to a row: it says something that the spec knows."""
    if staging.op is None or shape.op is None:
        return []
    op = typed.c[OP]
    unknown = sa.or_(op.is_(None), sa.not_(_is_one_of(typed, shape.op.known)))
    return [("unknown_op", staging.op.name, "the operation is none that the spec knows", unknown, op)]


def unless_gone(shape: MergeShape, typed: sa.FromClause, rule: Unnumbered) -> Unnumbered:
    """The rule for rows that say what their key is, and not that it was deleted."""
    reason, column, message, condition, value = rule
    return reason, column, message, sa.and_(sa.not_(is_gone(shape, typed)), condition), value
