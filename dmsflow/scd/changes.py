"""The staged rows of a feed against a target with history: what each row of a chain means. Writes nothing.

The classes: ``new`` and ``version`` begin a version, ``end`` ends one, ``update`` overwrites in the stored version,
``late`` is older than what is stored; ``unchanged`` says what is stored, ``collapsed`` what another row says.
"""

import sqlalchemy as sa

from dmsflow.model.spec import Policy
from dmsflow.scd.chain import (
    BEGINS,
    DIFFERS,
    ENDS,
    IN_TURN,
    LAST,
    OVERWRITES,
    PASSED_OVER,
    SPAN,
    TOO_LATE,
    TURN,
    chain,
    differ,
    flag,
    single_rows,
    stored,
    value_of,
)
from dmsflow.scd.shape import (
    BLOCKING,
    CLASS,
    EFFECTIVE,
    FAULT,
    FIRST,
    GONE,
    LAST_END,
    LIVE,
    ROW_ID,
    UNTIL,
    VALUE,
    Element,
    MergeShape,
    Query,
    any_differs,
    number,
    same_key,
    within_range,
    word,
)


def current_state(shape: MergeShape, lower: bool, upper: bool) -> sa.FromClause:
    """The current versions in the chunk's range, with their physical rows."""
    return _versions(shape, shape.target().alias("v"), lower, upper).subquery("c")


def _versions(shape: MergeShape, target: sa.FromClause, lower: bool, upper: bool) -> Query:
    names = [*shape.columns, *shape.carried, shape.fields.valid_from]
    names += [shape.fields.is_deleted] if shape.marks_deleted else []
    inside = within_range(shape, target, lower, upper)
    row = target.c[shape.row_id].label(ROW_ID)
    return sa.select(row, *(target.c[name] for name in names)).where(shape.is_current(target), inside)


def ended_keys(shape: MergeShape, stage: sa.FromClause) -> sa.FromClause:
    """Where the closed versions of the staged keys end; it counts for those that have no current version."""
    closed, waiting = shape.target().alias("v"), stage.alias("w")
    wanted = sa.exists().where(same_key(waiting, closed, shape.key), waiting.c[FAULT].is_(None)).correlate(closed)
    keys = [closed.c[name] for name in shape.key]
    last = sa.func.max(closed.c[shape.fields.valid_to]).label(LAST_END)
    return sa.select(*keys, last).where(shape.is_closed(closed), wanted).group_by(*keys).subquery("e")


def chain_stage(shape: MergeShape, stage: sa.FromClause, lower: bool, upper: bool, *, single: bool) -> Query:
    """The delta of a chunk. Where every key has a ``single`` row, those that change nothing are left out of it."""
    sound = sa.select(*stage.c).where(stage.c[FAULT].is_(None)).subquery("s")
    joined = join_state(shape, sound, current_state(shape, lower, upper), ended_keys(shape, stage))
    if not single:
        return classify_chain(shape, chain(shape, joined.subquery("r")))
    rows = single_rows(shape, joined.subquery("r")).subquery("n")
    return classify_chain(shape, rows).where(_matters(rows))


def join_state(
    shape: MergeShape, rows: sa.FromClause, state: sa.FromClause, ended: sa.FromClause | None, *more: str
) -> Query:
    """Each row with what is stored of its key, and whether it takes part in the chain."""
    joined = rows.outerjoin(state, same_key(rows, state, shape.key))
    start = state.c[shape.fields.valid_from]
    there = state.c[ROW_ID].is_not(None)
    floor: Element = start
    if ended is not None:
        joined = joined.outerjoin(ended, same_key(rows, ended, shape.key))
        floor = sa.case((there, start), else_=ended.c[LAST_END])
    live = sa.and_(there, shape.is_live(state))
    differs, overwrites = _stored_differs(shape, rows, state)
    gone: Element = rows.c[GONE] == number(1) if shape.op else sa.false()
    at = rows.c[EFFECTIVE]
    contradicts = sa.or_(sa.and_(gone, live), sa.and_(sa.not_(gone), there, sa.or_(sa.not_(live), differs)))
    turns = [(gone, number(PASSED_OVER))] if shape.passes_over else []
    late = sa.or_(at < floor, sa.and_(at == floor, there, contradicts))
    kept = [*shape.columns, *shape.carried]
    return sa.select(
        *(rows.c[name] for name in (*shape.columns, EFFECTIVE, *more)),
        flag(gone).label(GONE),
        state.c[ROW_ID].label(ROW_ID),
        floor.label(BLOCKING),
        flag(live).label(LIVE),
        sa.case(*turns, (late, number(TOO_LATE)), else_=number(IN_TURN)).label(TURN),
        flag(differs).label(DIFFERS),
        flag(overwrites).label(OVERWRITES),
        *(state.c[name].label(stored(i)) for i, name in enumerate(kept)),
    ).select_from(joined)


def _stored_differs(shape: MergeShape, rows: sa.FromClause, state: sa.FromClause) -> tuple[Element, Element]:
    """Whether a row differs from the stored version so that it makes another, and so that it overwrites it."""
    differs = differ(shape, {n: rows.c[n] for n in shape.columns}, {n: state.c[n] for n in shape.columns})
    filled = [sa.and_(state.c[name].is_(None), rows.c[name].is_not(None)) for name in shape.fillable()]
    return differs, sa.or_(any_differs(rows, state, shape.with_policy(Policy.OVERWRITE)), *filled)


def classify_chain(shape: MergeShape, rows: sa.FromClause, *more: str) -> Query:
    """The rows of a chain as a delta: the columns of their versions, and their classes."""
    span = rows.c[SPAN]
    bounds = sa.or_(rows.c[BEGINS] == number(1), rows.c[ENDS] == number(1))
    there = rows.c[ROW_ID].is_not(None)
    # One row of a key overwrites its stored version: the last that belongs to it.
    overwrites = sa.and_(span == number(0), rows.c[LIVE] == number(1), rows.c[LAST] == number(1))
    chosen = sa.case(
        (rows.c[TURN] == number(TOO_LATE), word("late")),
        (rows.c[TURN] == number(PASSED_OVER), word("unchanged")),
        (rows.c[ENDS] == number(1), word("end")),
        (sa.and_(bounds, span == number(1), sa.not_(there)), word("new")),
        (bounds, word("version")),
        (sa.and_(overwrites, rows.c[OVERWRITES] == number(1)), word("update")),
        (span == number(0), word("unchanged")),
        else_=word("collapsed"),
    )
    carried = range(len(shape.columns), len(shape.columns) + len(shape.carried))
    return sa.select(
        *(_written(shape, rows, i, name).label(name) for i, name in enumerate(shape.columns)),
        *(rows.c[stored(i)].label(name) for i, name in zip(carried, shape.carried, strict=True)),
        sa.cast(sa.null(), sa.Integer()).label(FAULT),
        sa.cast(sa.null(), sa.String()).label(VALUE),
        rows.c[ROW_ID],
        rows.c[GONE],
        chosen.label(CLASS),
        flag(_met(rows)).label(LIVE),
        rows.c[BLOCKING],
        rows.c[EFFECTIVE],
        rows.c[UNTIL],
        flag(sa.and_(bounds, span == number(1), there)).label(FIRST),
        *(rows.c[name] for name in more),
    )


def _written(shape: MergeShape, rows: sa.FromClause, position: int, name: str) -> Element:
    """A column as the delta has it: of a row that does not take part, its own."""
    own: Element = rows.c[name]
    return (
        own if name in shape.key else sa.case((rows.c[TURN] == number(IN_TURN), rows.c[value_of(position)]), else_=own)
    )


def _met(rows: sa.FromClause) -> Element:
    """Whether a single row is one of those that count_met counts."""
    gone, live = rows.c[GONE] == number(1), rows.c[LIVE] == number(1)
    return sa.or_(rows.c[TURN] == number(PASSED_OVER), sa.and_(sa.not_(gone), live), sa.and_(gone, sa.not_(live)))


def _matters(rows: sa.FromClause) -> Element:
    """Whether something is to be done about a single row."""
    overwrites = sa.and_(rows.c[LIVE] == number(1), rows.c[OVERWRITES] == number(1), rows.c[GONE] == number(0))
    bounds = rows.c[SPAN] == number(1)
    late = rows.c[TURN] == number(TOO_LATE)
    return sa.and_(rows.c[TURN] != number(PASSED_OVER), sa.or_(bounds, late, overwrites))


def count_met(shape: MergeShape, stage: sa.FromClause) -> Query:
    """How many sound staged rows find their key as they say it is: there, or, of a delete, not there.

    Where no key has several rows, those of them that change nothing are not in the delta: so they are counted.
    """
    staged, target = stage.alias("s"), shape.target().alias("t")
    here = sa.select(*(target.c[name] for name in shape.key), number(1).label(LIVE))
    here = here.where(shape.is_current(target), shape.is_live(target))
    live = here.subquery("l")
    there = live.c[LIVE].is_not(None)
    met: Element = there
    if shape.op is not None:
        gone = staged.c[GONE] == number(1)
        met = sa.or_(sa.and_(sa.not_(gone), there), sa.and_(gone, sa.not_(there)) if shape.removes else gone)
    joined = staged.outerjoin(live, same_key(staged, live, shape.key))
    return sa.select(sa.func.count()).select_from(joined).where(staged.c[FAULT].is_(None), met)
