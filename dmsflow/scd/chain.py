"""Rows of a key in their order, made a chain of versions in one pass of window functions. Classifies nothing.

Each row is held against the row before it, the first one against what is ``stored`` of its key. A row *bounds* a
version where it begins one or, as a delete, ends one; the rows between two bounds are one version's *span*, and those
before the first bound belong to the version that is stored. A *life* lasts from a key's first row to its delete.
"""

from typing import Any

import sqlalchemy as sa

from dmsflow.model.spec import Deletes, Policy
from dmsflow.scd.shape import EFFECTIVE, GONE, LIVE, ROW_ID, UNTIL, Element, MergeShape, Query, number

TURN, BEFORE, DIFFERS, OVERWRITES = "_dms_turn", "_dms_before", "_dms_differs", "_dms_overwrites"
PLACE, BEGINS, ENDS, BIRTH, SPAN, LIFE, LAST = (
    f"_dms_{name}" for name in ("place", "begins", "ends", "birth", "span", "life", "last")
)
IN_TURN, TOO_LATE, PASSED_OVER = 0, 1, 2
"""Whether a row is part of the chain, older than what it begins with, or a delete that the spec ignores."""


def stored(position: int) -> str:
    """The name of a column as its key's stored version has it."""
    return f"_dms_stored_{position}"


def value_of(position: int) -> str:
    """The name of a column as the version has it to which a row belongs."""
    return f"_dms_version_{position}"


def before(position: int) -> str:
    """The name of a column as the row before has it."""
    return f"_dms_before_{position}"


def flag(condition: Element) -> Element:
    """1 where a condition holds, else 0."""
    return sa.case((condition, number(1)), else_=number(0))


def differ(shape: MergeShape, row: dict[str, Element], earlier: dict[str, Element]) -> Element:
    """Whether a column differs whose change makes a version; a new column that is still NULL is none (law 28)."""
    found: list[Element] = []
    for name in shape.with_policy(Policy.VERSION):
        differs = row[name].is_distinct_from(earlier[name])
        found.append(sa.and_(earlier[name].is_not(None), differs) if name in shape.unfilled else differs)
    return sa.or_(*found) if found else sa.false()


def single_rows(shape: MergeShape, rows: sa.FromClause) -> Query:
    """What the chain knows of a row that is the only one of its key; nothing has to be sorted for that."""
    in_turn = rows.c[TURN] == number(IN_TURN)
    gone, live = rows.c[GONE] == number(1), rows.c[LIVE] == number(1)
    begins = sa.and_(in_turn, sa.not_(gone), sa.or_(sa.not_(live), rows.c[DIFFERS] == number(1)))
    ends = sa.and_(in_turn, gone, live)
    values = [_single_value(shape, rows, i, name) for i, name in enumerate(shape.columns)]
    return sa.select(
        *(column for column in rows.c),
        flag(begins).label(BEGINS),
        flag(ends).label(ENDS),
        flag(sa.or_(begins, ends)).label(SPAN),
        number(1).label(LAST),
        sa.cast(sa.null(), sa.DateTime()).label(UNTIL),
        *(value.label(value_of(i)) for i, value in enumerate(values)),
    )


def _single_value(shape: MergeShape, rows: sa.FromClause, position: int, name: str) -> Element:
    """A column as the version has it that a single row makes."""
    own: Element = rows.c[name]
    if name in shape.key:
        return own
    if shape.policies[name] is Policy.KEEP:
        own = _kept(shape, rows, position, name, own, _lives_on(shape, rows))
    if shape.deletes is Deletes.TOMBSTONE:
        own = sa.case((rows.c[GONE] == number(1), rows.c[stored(position)]), else_=own)
    return own


def _lives_on(shape: MergeShape, rows: sa.FromClause) -> Element:
    """Whether a version of this key is there that a row goes on from; a tombstone keeps what the key had."""
    if shape.deletes is Deletes.TOMBSTONE:
        return rows.c[ROW_ID].is_not(None)
    return rows.c[LIVE] == number(1)


def _kept(
    shape: MergeShape, rows: sa.FromClause, position: int, name: str, first: Element, lives_on: Element
) -> Element:
    """A column that is kept as first loaded; where it is new, its first value is the first one that there is."""
    had = rows.c[stored(position)]
    known = sa.and_(lives_on, had.is_not(None)) if name in shape.unfilled else lives_on
    return sa.case((known, had), else_=first)


def chain(shape: MergeShape, rows: sa.FromClause) -> sa.FromClause:
    """What the chain knows of every row, step by step: the row before, the bounds, the spans, the versions."""
    found = _follow(shape, rows).subquery("f")
    bounds = _bound(shape, found).subquery("b")
    spans = _count_spans(shape, bounds).subquery("p")
    versions = _fill_versions(shape, spans).subquery("n")
    if shape.deletes is not Deletes.TOMBSTONE:
        return versions
    return _fill_tombstones(shape, versions).subquery("m")


def _over(shape: MergeShape, rows: sa.FromClause, *parts: str, latest: bool = False) -> dict[str, Any]:
    """The rows of a key in their order, cut into parts."""
    at = rows.c[EFFECTIVE]
    cut = [*(rows.c[name] for name in shape.key), rows.c[TURN], *(rows.c[name] for name in parts)]
    return {"partition_by": cut, "order_by": [at.desc() if latest else at]}


def _follow(shape: MergeShape, rows: sa.FromClause) -> Query:
    """Each row with its place in the chain, and with the row before it."""
    over = _over(shape, rows)
    names = [(i, name) for i, name in enumerate(shape.columns) if name in shape.with_policy(Policy.VERSION)]
    return sa.select(
        *rows.c,
        sa.func.row_number().over(**over).label(PLACE),
        sa.func.lag(rows.c[GONE]).over(**over).label(BEFORE),
        *(sa.func.lag(rows.c[name]).over(**over).label(before(i)) for i, name in names),
    )


def _bound(shape: MergeShape, rows: sa.FromClause) -> Query:
    """Each row with whether a version begins there, or ends by a delete, and whether its key is born there."""
    leads = rows.c[PLACE] == number(1)
    lives: Element = sa.case((leads, rows.c[LIVE]), else_=number(1) - rows.c[BEFORE]) == number(1)
    position = {name: i for i, name in enumerate(shape.columns)}
    names = shape.with_policy(Policy.VERSION)
    changed = differ(shape, {n: rows.c[n] for n in names}, {n: rows.c[before(position[n])] for n in names})
    differs = sa.case((leads, rows.c[DIFFERS]), else_=flag(changed)) == number(1)
    in_turn = rows.c[TURN] == number(IN_TURN)
    gone = rows.c[GONE] == number(1)
    begins = sa.and_(in_turn, sa.not_(gone), sa.or_(sa.not_(lives), differs))
    return sa.select(
        *rows.c,
        flag(begins).label(BEGINS),
        flag(sa.and_(in_turn, gone, lives)).label(ENDS),
        flag(sa.and_(begins, sa.not_(lives))).label(BIRTH),
    )


def _count_spans(shape: MergeShape, rows: sa.FromClause) -> Query:
    """Each row with the number of its span, and of the life of its key that it belongs to."""
    over = _over(shape, rows) | {"rows": (None, 0)}
    return sa.select(
        *rows.c,
        (rows.c[BEGINS] + rows.c[ENDS]).label("_dms_bounds"),
        sa.func.sum(rows.c[BEGINS] + rows.c[ENDS]).over(**over).label(SPAN),
        sa.func.sum(rows.c[BIRTH]).over(**over).label(LIFE),
    )


def _fill_versions(shape: MergeShape, rows: sa.FromClause) -> Query:
    """Each row with the end of the version that it begins, and with that version's columns."""
    until = sa.func.lead(rows.c[EFFECTIVE]).over(**_over(shape, rows, "_dms_bounds"))
    last: Element = number(0)
    if shape.with_policy(Policy.OVERWRITE) or shape.fillable():
        last = flag(sa.func.row_number().over(**_over(shape, rows, SPAN, latest=True)) == number(1))
    return sa.select(
        *rows.c,
        until.label(UNTIL),
        last.label(LAST),
        *(_version_value(shape, rows, i, name).label(value_of(i)) for i, name in enumerate(shape.columns)),
    )


def _version_value(shape: MergeShape, rows: sa.FromClause, position: int, name: str) -> Element:
    """A column as its row's version has it, by its policy: the row's own, the last of its span, the first of a life."""
    own: Element = rows.c[name]
    if name in shape.key:
        return own
    if name in shape.everywhere:
        return _latest_value(shape, rows, position, own)
    match shape.policies[name]:
        case Policy.VERSION:
            return own
        case Policy.OVERWRITE:
            return sa.func.first_value(own).over(**_over(shape, rows, SPAN, latest=True))
        case Policy.IGNORE:
            first = sa.func.first_value(own).over(**_over(shape, rows, SPAN))
            return sa.case((rows.c[SPAN] == number(0), rows.c[stored(position)]), else_=first)
        case Policy.KEEP:
            pass
    if shape.deletes is Deletes.TOMBSTONE:
        # The first row that is no delete, whatever lies between.
        first = sa.func.first_value(own).over(**_over(shape, rows, GONE))
        return _kept(shape, rows, position, name, first, _lives_on(shape, rows))
    first = sa.func.first_value(own).over(**_over(shape, rows, LIFE))
    goes_on = sa.and_(rows.c[LIFE] == number(0), _lives_on(shape, rows))
    return _kept(shape, rows, position, name, first, goes_on)


def _latest_value(shape: MergeShape, rows: sa.FromClause, position: int, own: Element) -> Element:
    """A column that every version of a key shares: the last row has it that is no delete; where all are, it stays."""
    over = _over(shape, rows)
    latest = over | {"order_by": [rows.c[GONE], rows.c[EFFECTIVE].desc()]}
    all_gone = sa.func.min(rows.c[GONE]).over(partition_by=over["partition_by"]) == number(1)
    return sa.case((all_gone, rows.c[stored(position)]), else_=sa.func.first_value(own).over(**latest))


def _fill_tombstones(shape: MergeShape, rows: sa.FromClause) -> Query:
    """A version that says that its key is deleted has the columns of the version before it."""
    over = _over(shape, rows)
    ends, leads = rows.c[ENDS] == number(1), rows.c[PLACE] == number(1)
    values: list[Element] = []
    for i, name in enumerate(shape.columns):
        own = rows.c[value_of(i)]
        if name in (*shape.key, *shape.everywhere):
            values.append(own)
            continue
        had = sa.case((leads, rows.c[stored(i)]), else_=sa.func.lag(own).over(**over))
        values.append(sa.case((ends, had), else_=own))
    others = [column for column in rows.c if column.key not in {value_of(i) for i in range(len(shape.columns))}]
    return sa.select(*others, *(value.label(value_of(i)) for i, value in enumerate(values)))
