"""The shape of a merge: which columns, keys and engine columns take part, as SQLAlchemy tables. Decides no policy."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from dmsflow.model.plan import DELTA, STAGE, Scope
from dmsflow.model.previous import Previous
from dmsflow.model.spec import Deletes, Duplicates, Fields, Late, Operation, Policy, ScdType
from dmsflow.model.surrogate import KeyFrom
from dmsflow.scd.lookup_shape import LookupShape

FAULT = "_dms_fault"
VALUE = "_dms_value"
EFFECTIVE = "_dms_effective"
OP = "_dms_op"
GONE = "_dms_gone"
UNTIL = "_dms_until"
FIRST = "_dms_first"
PRESENT = "_dms_present"
ROW_ID = "_dms_rid"
CLASS = "_dms_class"
LIVE = "_dms_live"
BLOCKING = "_dms_blocking"
LAST_END = "_dms_last_end"
IN_SCOPE = "_dms_in_scope"
MARKED = "_dms_marked"

Element = sa.ColumnElement[Any]
Query = sa.Select[*tuple[Any, ...]]
Type = sa.types.TypeEngine[Any]


class Told(sa.String):
    """Text of any length, as a reject tells a value or a key."""

    long = True


def order_column(position: int) -> str:
    """The staged name of an order_by column."""
    return f"_dms_order_{position}"


def mark_column(position: int) -> str:
    """The staged name of a checkpoint column."""
    return f"_dms_mark_{position}"


def warn_column(position: int) -> str:
    """The staged name of a warning: 1 where the row does not meet its check."""
    return f"_dms_warn_{position}"


def word(text: str) -> Element:
    """A string constant of ours, written into the statement."""
    return sa.literal_column(f"'{text}'", sa.String())


def number(value: int) -> Element:
    """An integer constant of ours, written into the statement."""
    return sa.literal_column(str(value), sa.Integer())


class Padded(sa.String):
    """Text that is compared as another type, which is filled up with blanks."""

    def __init__(self, compared_as: str) -> None:
        super().__init__()
        self.compared_as = compared_as


def at_most(query: Query, rows: int) -> Query:
    """The first rows of a query, their number written into it; each dialect has its own words for that."""
    return query.limit(number(rows)).offset(number(0))


class MergeShape(Struct, frozen=True, kw_only=True):
    """What the statements of a merge are built from.

    ``on`` and ``off`` are the literals of the current flag, ``gone`` and ``here`` those of the deleted one.
    ``unfilled`` columns are new in the target: NULL in them says nothing yet. ``carried`` columns are the target's
    alone: a new version takes them over from the one before (law 28). ``types`` are those of columns that a database
    compares in a way of its own, ``staged_types`` those of staged values of which it does. ``feed``: a key may have
    several rows, whose order counts, and by ``op`` some of them delete it; ``instant`` is the column of a target
    without history, if there is one, that keeps when its row happened.
    Absence counts where ``scope_where`` holds, or where the values of ``partition`` arrive; with ``marks_of_deleted``,
    literals of a staged column, it never does. A column whose ``previous`` value is kept is overwritten like any other.
    Columns ``everywhere`` are overwritten in every version of a key. ``key_words`` are the target's for a surrogate key
    made of other values. ``unknown`` is the literal of the unknown member's surrogate key, where there is one, and
    ``member`` its columns, each with its literal; its version holds from ``always_since`` on.
    """

    table: str
    schema: str | None
    columns: tuple[str, ...]
    key: tuple[str, ...]
    policies: dict[str, Policy]
    scd: ScdType
    fields: Fields
    scope: Scope
    deletes: Deletes
    duplicates: Duplicates
    late: Late
    row_id: str
    has_effective: bool
    first_valid_from: str | None
    open_end: str
    on: str
    off: str
    gone: str
    here: str
    order_by: int = 0
    marks: int = 0
    warnings: int = 0
    scope_where: str = ""
    partition: tuple[str, ...] = ()
    marks_of_deleted: tuple[str, ...] = ()
    range_keys: tuple[str, ...] = ()
    unfilled: frozenset[str] = frozenset()
    carried: tuple[str, ...] = ()
    types: dict[str, Type] = {}
    staged_types: dict[str, Type] = {}
    feed: bool = False
    op: Operation | None = None
    instant: str | None = None
    key_from: KeyFrom = KeyFrom.BLOCKS
    key_words: str = ""
    previous: tuple[Previous, ...] = ()
    everywhere: tuple[str, ...] = ()
    lookups: tuple[LookupShape, ...] = ()
    unknown: str = ""
    member: tuple[tuple[str, str], ...] = ()
    always_since: str = ""

    @property
    def large(self) -> frozenset[str]:
        """The columns whose values nothing sorts or groups."""
        return frozenset(name for name, kind in self.types.items() if isinstance(kind, sa.Text | sa.LargeBinary))

    def count_compared(self, name: str) -> int:
        """With how many columns, itself among them, a column is compared as a key; 0 where it is none."""
        return len(self.key) if name in self.key else 0

    @property
    def history(self) -> bool:
        """Whether the target keeps versions."""
        return self.scd is ScdType.HISTORY

    @property
    def keyed(self) -> bool:
        """Whether rows are matched with the target by their key."""
        return self.scd is not ScdType.APPEND

    @property
    def deleting(self) -> bool:
        """Whether an absent key has an effect; in a feed, only a row that says so deletes a key."""
        return self.deletes is not Deletes.IGNORE and not self.feed

    @property
    def chained(self) -> bool:
        """Whether the rows of a key may become several versions at once."""
        return self.feed and self.history

    @property
    def removes(self) -> bool:
        """Whether a row that says that its key was deleted has an effect."""
        return self.op is not None and self.deletes is not Deletes.IGNORE

    @property
    def passes_over(self) -> bool:
        """Whether such a row changes nothing: it stands for no other row, and no other row for it."""
        return self.op is not None and not self.removes

    @property
    def marks_deleted(self) -> bool:
        """Whether the target has a flag for deleted keys."""
        return self.deletes in (Deletes.TOMBSTONE, Deletes.FLAG)

    def with_policy(self, *policies: Policy) -> tuple[str, ...]:
        """The columns outside the key that follow one of these policies."""
        return tuple(c for c in self.columns if c not in self.key and self.policies[c] in policies)

    def fillable(self) -> tuple[str, ...]:
        """New columns whose first value is no change: it is filled in where NULL stands."""
        return tuple(c for c in self.with_policy(Policy.VERSION, Policy.KEEP) if c in self.unfilled)

    @property
    def previous_columns(self) -> tuple[str, ...]:
        """The engine's own columns that keep what another one held before."""
        return tuple(name for kept in self.previous for name in kept.names)

    @property
    def engine_columns(self) -> tuple[str, ...]:
        """The engine's own columns that this target has, surrogate key first."""
        names = [self.fields.surrogate_key, *self.previous_columns]
        if self.history:
            names += [self.fields.valid_from, self.fields.valid_to, self.fields.is_current]
        if self.marks_deleted:
            names.append(self.fields.is_deleted)
        names.append(self.fields.inserted_at)
        if self.scd is not ScdType.APPEND:
            names.append(self.fields.modified_at)
        return tuple(name for name in names if name)

    def target(self) -> sa.TableClause:
        """The target table."""
        names = (self.row_id, *self.columns, *self.carried, *self.engine_columns)
        return sa.table(self.table, *(sa.column(name, self.types.get(name)) for name in names), schema=self.schema)

    def stage(self, *more: str) -> sa.TableClause:
        """The staged rows as a temporary table; ``more`` are columns of its own."""
        return sa.table(STAGE, *self.staged(*more, *self.stage_columns))

    def staged(self, *names: str) -> list[sa.ColumnClause[Any]]:
        """Columns of a temporary table."""
        types = self.types | self.staged_types
        return [sa.column(name, Told() if name == VALUE else types.get(name)) for name in names]

    @property
    def stage_columns(self) -> tuple[str, ...]:
        """Names of the staged columns, ours after the user's."""
        effective = (EFFECTIVE,) if self.has_effective else ()
        orders = tuple(order_column(i) for i in range(self.order_by))
        marks = tuple(mark_column(i) for i in range(self.marks))
        warnings = tuple(warn_column(i) for i in range(self.warnings))
        op = (GONE,) if self.op else ()
        marked = (MARKED,) if self.marks_of_deleted else ()
        looked = tuple(name for lookup in self.lookups for name in lookup.staged)
        return (*self.columns, *effective, *orders, *marks, *op, *marked, *looked, *warnings, FAULT, VALUE)

    def delta(self) -> sa.TableClause:
        """The rows that need something done, classified; all that is written of them: a changed row may move."""
        ours: tuple[str, ...] = (FAULT, VALUE, ROW_ID, CLASS, LIVE)
        if self.chained:
            ours = (*ours, GONE, BLOCKING, EFFECTIVE, UNTIL, FIRST)
        elif self.history:
            ours = (*ours, BLOCKING, EFFECTIVE, LAST_END)
        return sa.table(DELTA, *self.staged(*self.columns, *self.carried, *self.previous_columns, *ours))

    def is_current(self, target: sa.FromClause) -> Element:
        """The predicate of a current version; every row where no versions are kept. None is the unknown member."""
        current: Element = target.c[self.fields.is_current] == sa.literal_column(self.on) if self.history else sa.true()
        return sa.and_(current, sa.not_(self.is_member(target))) if self.unknown else current

    def is_closed(self, target: sa.FromClause) -> Element:
        """The predicate of a version that has ended, in words that no outdated statistics make a planner count."""
        ended = sa.not_(target.c[self.fields.is_current] == sa.literal_column(self.on))
        closed: Element = sa.case((ended, number(1)), else_=number(0)) == number(1)
        return sa.and_(closed, sa.not_(self.is_member(target))) if self.unknown else closed

    def is_member(self, target: sa.FromClause) -> Element:
        """The predicate of the unknown member."""
        name = self.fields.surrogate_key
        if not self.unknown or name is None:
            return sa.false()
        return target.c[name].is_not_distinct_from(sa.literal_column(self.unknown))

    def is_deleted(self, target: sa.FromClause) -> Element:
        """The predicate of a row flagged as deleted."""
        if not self.marks_deleted:
            return sa.false()
        flagged: Element = target.c[self.fields.is_deleted] == sa.literal_column(self.gone)
        return flagged

    def is_live(self, target: sa.FromClause) -> Element:
        """The predicate of a row that is not flagged as deleted; a flag that was never set is no flag."""
        if not self.marks_deleted:
            return sa.true()
        return target.c[self.fields.is_deleted].is_distinct_from(sa.literal_column(self.gone))

    def is_marked(self, row: sa.FromClause) -> Element:
        """The predicate of a staged row that says that its key is deleted."""
        if not self.marks_of_deleted:
            return sa.false()
        literals: list[Element] = [sa.literal_column(value) for value in self.marks_of_deleted]
        return sa.case((row.c[MARKED].in_(literals), number(1)), else_=number(0)) == number(1)

    def effective(self, row: sa.FromClause) -> Element:
        """The instant at which a staged row begins to hold."""
        return row.c[EFFECTIVE] if self.has_effective else run_at()


def is_sound(row: sa.FromClause) -> Element:
    """Whether a staged row broke no rule; one that is read directly has no fault."""
    return row.c[FAULT].is_(None) if FAULT in row.c else sa.true()


def run_at() -> Element:
    """The one instant of the run (law 19)."""
    return sa.bindparam("run_at", type_=sa.DateTime())


def same_key(left: sa.FromClause, right: sa.FromClause, key: Sequence[str]) -> Element:
    """Keys compared column by column, never concatenated (law 21)."""
    return sa.and_(*(left.c[name] == right.c[name] for name in key))


def any_differs(left: sa.FromClause, right: sa.FromClause, names: Sequence[str]) -> Element:
    """Whether any of the columns differs, NULL-safe (law 21)."""
    if not names:
        return sa.false()
    return sa.or_(*(left.c[name].is_distinct_from(right.c[name]) for name in names))


def within(columns: Sequence[Element], lower: bool, upper: bool) -> Element:
    """The half-open range [lower, upper) of a tuple; with no lower end, NULLs belong to it (law 1)."""
    bounds: list[Element] = [*_from_lower(columns)] if lower else []
    if upper:
        bounds += _below_upper(columns)
    if not bounds:
        return sa.true()
    inside = sa.and_(*(column.is_not(None) for column in columns), *bounds)
    return inside if lower else sa.or_(inside, *(column.is_(None) for column in columns))


def within_range(shape: MergeShape, target: sa.FromClause, lower: bool, upper: bool) -> Element:
    """The chunk's range over the target's key; everything where one merge does it all."""
    return within([target.c[name] for name in shape.range_keys], lower, upper) if shape.range_keys else sa.true()


def _from_lower(columns: Sequence[Element]) -> list[Element]:
    """The tuple sorts at or after the lower bound; the first column alone comes first, so that a scan can skip."""
    return [columns[0] >= sa.bindparam("lo_0"), *_stepwise(columns, "lo", after=True)]


def _below_upper(columns: Sequence[Element]) -> list[Element]:
    """The tuple sorts before the upper bound."""
    if len(columns) == 1:
        return [columns[0] < sa.bindparam("hi_0")]
    return [columns[0] <= sa.bindparam("hi_0"), *_stepwise(columns, "hi", after=False)]


def _stepwise(columns: Sequence[Element], name: str, *, after: bool) -> list[Element]:
    """A comparison of tuples, written out column by column."""
    if len(columns) == 1:
        return []
    steps = []
    for i, column in enumerate(columns):
        equal = [columns[j] == sa.bindparam(f"{name}_{j}") for j in range(i)]
        bound: Element = sa.bindparam(f"{name}_{i}")
        last = i == len(columns) - 1
        beyond = (column >= bound if last else column > bound) if after else column < bound
        steps.append(sa.and_(*equal, beyond))
    return [sa.or_(*steps)]
