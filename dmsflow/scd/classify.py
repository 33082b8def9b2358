"""Compares staged rows with the target and gives every row that needs something done a class. Writes nothing.

The classes: ``new`` (no current version), ``version`` (a change that makes one), ``update`` (overwritten in place),
``correct`` (a late row that the spec lets correct the current version), ``late``, ``fault``, and ``gone`` (the
source no longer has the key). A row in none of them is unchanged, and is only counted.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from dmsflow.model.plan import DELTA, Scope
from dmsflow.model.spec import Deletes, Late, Policy, ScdType
from dmsflow.scd.previous import previous_values
from dmsflow.scd.shape import (
    BLOCKING,
    CLASS,
    EFFECTIVE,
    FAULT,
    IN_SCOPE,
    LAST_END,
    LIVE,
    PRESENT,
    ROW_ID,
    VALUE,
    Element,
    MergeShape,
    Query,
    Told,
    any_differs,
    is_sound,
    number,
    same_key,
    within_range,
    word,
)


def current_rows(shape: MergeShape, lower: bool, upper: bool) -> Query:
    """How many keys the chunk's range of the target holds now, those flagged as deleted left out."""
    target = shape.target().alias("t")
    return (
        sa.select(sa.func.count())
        .select_from(target)
        .where(
            shape.is_current(target),
            shape.is_live(target),
            within_range(shape, target, lower, upper),
        )
    )


def matched_rows(shape: MergeShape, stage: sa.FromClause) -> Query:
    """How many sound staged rows meet a live current version of their key, or say that it is deleted."""
    staged, target = stage.alias("s"), shape.target().alias("t")
    met: Element = (
        sa.exists()
        .where(same_key(staged, target, shape.key), shape.is_current(target), shape.is_live(target))
        .correlate(staged)
    )
    if shape.marks_of_deleted:
        # Whether or not there is a key to delete, such a row changes no value.
        met = sa.or_(met, shape.is_marked(staged))
    return sa.select(sa.func.count()).select_from(staged).where(is_sound(staged), met)


def current_versions(shape: MergeShape) -> sa.FromClause:
    """The keys that are current in the target, flagged ones too; one that stands twice is there twice."""
    target = shape.target()
    return sa.select(*(target.c[name] for name in shape.key)).where(shape.is_current(target)).subquery("current")


def brought(shape: MergeShape) -> sa.FromClause:
    """The rows of the delta that the source brought."""
    delta = shape.delta()
    return sa.select(*delta.c).where(delta.c[CLASS] != word("gone")).subquery("brought")


def count_classes() -> Query:
    """Class, rows, and how many of them met a live current version."""
    delta = sa.table(DELTA, sa.column(CLASS), sa.column(LIVE))
    return sa.select(delta.c[CLASS], sa.func.count(), sa.func.sum(delta.c[LIVE])).group_by(delta.c[CLASS])


def classify(shape: MergeShape, stage: sa.FromClause, lower: bool, upper: bool) -> Query:
    """The rows to act on: one join of the staged rows with the current versions of the chunk's range."""
    staged = _present(stage).alias("s")
    current = _current(shape, stage, lower, upper).alias("t")
    joined = staged.outerjoin(current, same_key(staged, current, shape.key), full=shape.scope is Scope.SWEEP)
    cases = _cases(shape, staged, current)
    matters = sa.or_(*(condition for condition, _ in cases))
    if shape.scope is Scope.SWEEP:
        absent = staged.c[PRESENT].is_(None)
        gone = sa.and_(absent, shape.is_live(current), _in_scope(shape, current))
        matters = sa.or_(gone, sa.and_(sa.not_(absent), matters))
        cases = [(gone, word("gone")), *cases]
    elif shape.marks_of_deleted:
        cases = [*_of_marked(shape, staged, current, cases)]
        matters = sa.or_(*(condition for condition, _ in cases))
    chosen = sa.case(*cases).label(CLASS)
    return (
        sa.select(*_values(shape, staged, current), *_ours(shape, staged, current, chosen))
        .select_from(joined)
        .where(matters)
    )


def _in_scope(shape: MergeShape, current: sa.FromClause) -> Element:
    """Whether the absence of this version's key means something."""
    return current.c[IN_SCOPE] == number(1) if shape.scope_where or shape.partition else sa.true()


def _of_marked(
    shape: MergeShape, staged: sa.FromClause, current: sa.FromClause, cases: list[tuple[Element, Element]]
) -> Iterator[tuple[Element, Element]]:
    """The cases where rows may say that their key is deleted: that is all such a row does, unless it is faulty."""
    marked, there = shape.is_marked(staged), current.c[ROW_ID].is_not(None)
    faulty: Element = sa.false()
    if FAULT in staged.c:
        faulty = staged.c[FAULT].is_not(None)
        yield cases.pop(0)
    yield sa.and_(sa.not_(faulty), marked, there, shape.is_live(current)), word("gone")
    for condition, chosen in cases:
        yield sa.and_(sa.not_(faulty), sa.not_(marked), condition), chosen


def _cases(shape: MergeShape, staged: sa.FromClause, current: sa.FromClause) -> list[tuple[Element, Element]]:
    """The classes of a row that the source has, the first whose condition holds wins."""
    cases: list[tuple[Element, Element]] = [(current.c[ROW_ID].is_(None), word("new"))]
    if FAULT in staged.c:
        cases.insert(0, (staged.c[FAULT].is_not(None), word("fault")))
    if shape.scd is ScdType.KEEP:
        return cases
    revived = shape.is_deleted(current)
    overwrites = any_differs(staged, current, shape.with_policy(Policy.OVERWRITE))
    overwrites = sa.or_(overwrites, *(_to_fill(staged, current, name) for name in shape.fillable()))
    if not shape.history:
        return [*cases, (sa.or_(overwrites, revived), word("update"))]
    versions = sa.or_(_version_differs(shape, staged, current), revived)
    start = current.c[shape.fields.valid_from]
    effective = shape.effective(staged)
    late = word("correct" if shape.late is Late.CORRECT_CURRENT else "late")
    if shape.has_effective:
        before: Element = effective < start
        differs = sa.or_(versions, overwrites)
        cases.append((sa.and_(differs, before) if shape.late is Late.CORRECT_CURRENT else before, late))
    cases.append((versions, sa.case((effective <= start, late), else_=word("version"))))
    if shape.with_policy(Policy.OVERWRITE) or shape.fillable():
        cases.append((overwrites, word("update")))
    return cases


def _version_differs(shape: MergeShape, staged: sa.FromClause, current: sa.FromClause) -> Element:
    """Whether a column differs whose change makes a version; a new column that is still NULL is none (law 28)."""
    names = shape.with_policy(Policy.VERSION)
    known = any_differs(staged, current, [name for name in names if name not in shape.unfilled])
    new = [
        sa.and_(current.c[name].is_not(None), staged.c[name].is_distinct_from(current.c[name]))
        for name in names
        if name in shape.unfilled
    ]
    return sa.or_(known, *new)


def _to_fill(staged: sa.FromClause, current: sa.FromClause, name: str) -> Element:
    """Whether a new column has its first value here."""
    return sa.and_(current.c[name].is_(None), staged.c[name].is_not(None))


def _present(stage: sa.FromClause) -> Query:
    """The staged rows with a mark that a full join leaves NULL where only the target has the key."""
    return sa.select(*stage.c, number(1).label(PRESENT))


def _current(shape: MergeShape, stage: sa.FromClause, lower: bool, upper: bool) -> Query:
    """The current versions in the chunk's range, their physical row with them."""
    target = shape.target().alias("c")
    names = [*shape.columns, *shape.carried, *shape.previous_columns]
    if shape.history:
        names.append(shape.fields.valid_from)
    if shape.marks_deleted:
        names.append(shape.fields.is_deleted)
    row = target.c[shape.row_id].label(ROW_ID)
    scope = _scope(shape, target, stage)
    return sa.select(row, *(target.c[name] for name in names), *scope).where(
        shape.is_current(target), within_range(shape, target, lower, upper)
    )


def _scope(shape: MergeShape, target: sa.FromClause, stage: sa.FromClause) -> list[Element]:
    """1 where the absence of a key means something: in a part of the target, or in the partitions that arrive."""
    inside: Element = sa.literal_column(f"({shape.scope_where})", sa.Boolean())
    if shape.partition:
        arrived = sa.select(*(stage.c[name] for name in shape.partition)).distinct().subquery("arrived")
        same = (arrived.c[name].is_not_distinct_from(target.c[name]) for name in shape.partition)
        inside = sa.exists(sa.select(number(1)).select_from(arrived).where(*same).correlate_except(arrived))
        # Which partition a row belongs to that nobody has filled is not known yet.
        inside = sa.and_(inside, *(target.c[name].is_not(None) for name in shape.partition if name in shape.unfilled))
    elif not shape.scope_where:
        return []
    return [sa.case((inside, number(1)), else_=number(0)).label(IN_SCOPE)]


def _values(shape: MergeShape, staged: sa.FromClause, current: sa.FromClause) -> list[Element]:
    """The user's columns as they shall be written, and the target's own as the current version has them."""
    kept = shape.with_policy(Policy.KEEP) if shape.scd is not ScdType.KEEP else ()
    values: list[Element] = []
    for name in shape.columns:
        value: Element = staged.c[name]
        if name in shape.key and shape.scope is Scope.SWEEP:
            value = sa.func.coalesce(staged.c[name], current.c[name])
        elif name in kept:
            first: Element = current.c[ROW_ID].is_(None)
            if name in shape.unfilled:
                first = sa.or_(first, current.c[name].is_(None))
            value = sa.case((first, staged.c[name]), else_=current.c[name])
        if shape.deletes is Deletes.TOMBSTONE and name not in shape.key:
            lost = sa.or_(staged.c[PRESENT].is_(None), shape.is_marked(staged))
            value = sa.case((lost, current.c[name]), else_=value)
        values.append(value.label(name))
    carried = (current.c[name].label(name) for name in shape.carried)
    return [*values, *carried, *previous_values(shape, staged, current)]


def _ours(shape: MergeShape, staged: sa.FromClause, current: sa.FromClause, chosen: Element) -> list[Element]:
    """Our own columns of the delta."""
    live = sa.case(
        (sa.and_(current.c[ROW_ID].is_not(None), shape.is_live(current)), number(1)),
        else_=number(0),
    )
    faults: list[Element] = [staged.c[FAULT], staged.c[VALUE]] if FAULT in staged.c else _no_fault()
    ours: list[Element] = [*faults, current.c[ROW_ID], chosen, live.label(LIVE)]
    if shape.history:
        start = current.c[shape.fields.valid_from]
        ours += [
            start.label(BLOCKING),
            shape.effective(staged).label(EFFECTIVE),
            sa.cast(sa.null(), sa.DateTime()).label(LAST_END),
        ]
    return ours


def _no_fault() -> list[Element]:
    """What a row that is read directly says of its faults: it has none."""
    return [sa.cast(sa.null(), sa.Integer()).label(FAULT), sa.cast(sa.null(), Told()).label(VALUE)]
