"""Turns arriving rows into staged rows: casts each column, and marks a row that breaks a rule with its fault.

Staging is DuckDB's work: of the target itself where that is DuckDB, else of a private one in memory, so that a value
is cast and refused in one way whatever the databases are. Where no cast can fail and no check is to be judged, a source
may stage its rows itself, for a target of its own kind.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from msgspec import Struct

from dmsflow.model.plan import UNSOUND, Fault
from dmsflow.model.table import DataType, TypeName, cast_can_fail
from dmsflow.scd.misfits import NUL, find_misfit, find_too_long, make_storable, without_misfits
from dmsflow.scd.native import Native
from dmsflow.scd.operation import Unnumbered, is_content, is_gone, operation_rules, says_gone, tells_gone, unless_gone
from dmsflow.scd.shape import (
    EFFECTIVE,
    FAULT,
    GONE,
    MARKED,
    OP,
    VALUE,
    Element,
    MergeShape,
    Query,
    Told,
    mark_column,
    number,
    order_column,
    warn_column,
)

INTEGER = DataType(name=TypeName.INTEGER)
TEXT = DataType(name=TypeName.TEXT)
INSTANT = Native("TIMESTAMPTZ")
BLANKS_IGNORED = ("integer", "decimal", "float", "date", "timestamp", "timestamptz")


class Arrival(Struct, frozen=True, kw_only=True):
    """A column as it arrives (``raw`` in the projection of the source) and as it shall be staged.

    ``instant``: an offset in its text counts, and a value without one is UTC.
    A ``loose`` one arrives as text in a chunk in which a value is none of its declared type. One that is ``at_home`` is
    staged by the database it comes from, as all columns beside it. ``unstorable`` are characters, as a pattern.
    ``empty_is_null``: the target keeps no text without a character. A ``filled_up`` one has blanks at its end there.
    ``longest`` are bytes that the target has room for, in its stage as well.
    ``beyond`` is a column that holds, as text, the values that the type has no place for; they are NULL in ``raw``.
    ``looked_up``: its value is found when the rows are staged, and is NULL before. A value that is another one in the
    ``wider`` type has no place in its own: it was rounded. Only the target can tell of an ``untyped`` one
    whether it is of its type.
    """

    name: str
    raw: str
    arrives: DataType
    type: DataType
    type_sql: str
    required: bool = False
    blank_is_null: bool = False
    loose: bool = False
    at_home: bool = False
    formats: tuple[str, ...] = ()
    nan_allowed: bool = True
    instant: bool = False
    far_times_allowed: bool = True
    nul_allowed: bool = True
    empty_is_null: bool = False
    filled_up: bool = False
    longest: int | None = None
    unstorable: str | None = None
    beyond: str = ""
    looked_up: bool = False
    wider: str = ""
    untyped: bool = False

    @property
    def can_fail(self) -> bool:
        """Whether a value may have no place in the type."""
        loose = self.loose and self.type.family != "text"
        return cast_can_fail(self.arrives, self.type) or loose or self.wider != ""

    @property
    def may_be_long(self) -> bool:
        """Whether a text may be longer than its type; the database that declares a column as short keeps it so."""
        longest = self.arrives.length if self.at_home and self.arrives.name is TypeName.VARCHAR else None
        return self.type.length is not None and (longest is None or longest > self.type.length)

    @property
    def cast_ignores_blanks(self) -> bool:
        """Whether a cast passes over the blanks around a value, and makes NULL of nothing else."""
        return self.type.family in BLANKS_IGNORED and not self.formats


Arrivals = Sequence[tuple[str, Arrival]]
"""Staged columns by the names they are staged under."""


class Staging(Struct, frozen=True, kw_only=True):
    """Everything that staged rows are made of. ``checks`` are (name, DuckDB expression over staged columns).

    A row that does not meet one of the ``warnings`` is loaded, and marked. ``member`` is the key of the unknown member,
    each column with its literal.
    """

    columns: tuple[Arrival, ...]
    effective: Arrival | None = None
    order_by: tuple[Arrival, ...] = ()
    marks: tuple[Arrival, ...] = ()
    op: Arrival | None = None
    marked: Arrival | None = None
    lookups: Arrivals = ()
    member: tuple[tuple[str, str], ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    reject_null_marks: bool = False


def stage_rows(shape: MergeShape, staging: Staging, projection: sa.FromClause) -> tuple[Query, tuple[Fault, ...]]:
    """The select that stages a projection of the source, and the faults its numbers stand for."""
    typed, arrivals = _type_rows(staging, projection.alias("a"))
    rules = _rules(shape, staging, typed, arrivals)
    fault: Element = sa.null()
    value: Element = sa.null()
    if rules:
        conditions = [condition for _, condition, _ in rules]
        fault = sa.case(
            *((c, sa.literal_column(str(f.number))) for (f, _, _), c in zip(rules, conditions, strict=True))
        )
        value = sa.case(*((c, sa.cast(v, Told())) for (_, _, v), c in zip(rules, conditions, strict=True)))
    if not all(arrival.nul_allowed for _, arrival in arrivals):
        value = sa.func.replace(value, NUL, sa.literal_column(r"'\0'"))
    unstorable = next((arrival.unstorable for _, arrival in arrivals if arrival.unstorable), None)
    if unstorable is not None:
        value = make_storable(value, unstorable)
    staged = sa.select(
        *(_staged(shape, typed, name, arrival) for name, arrival in arrivals),
        *(_unmet(shape, typed, expr).label(warn_column(i)) for i, expr in enumerate(staging.warnings)),
        sa.cast(fault, sa.Integer()).label(FAULT),
        sa.cast(value, Told()).label(VALUE),
    )
    return staged, tuple(fault for fault, _, _ in rules)


def _unmet(shape: MergeShape, typed: sa.FromClause, expr: str) -> Element:
    """1 where a row does not meet a predicate, which NULL does, and a row that says that its key was deleted."""
    unmet: Element = sa.literal_column(f"(({expr}) IS FALSE)", sa.Boolean())
    if tells_gone(shape):
        unmet = sa.and_(sa.not_(is_gone(shape, typed)), unmet)
    return sa.case((unmet, sa.literal_column("1", sa.Integer())), else_=sa.literal_column("0", sa.Integer()))


def sound_rows(shape: MergeShape, staging: Staging, projection: sa.FromClause, failing: str) -> Query:
    """The select of a projection's rows as they shall be loaded; it is ``failing`` at the first that breaks a rule."""
    typed, arrivals = _type_rows(staging, projection.alias("a"))
    rules = _rules(shape, staging, typed, arrivals)
    broken = sa.or_(*(condition for _, condition, _ in rules)) if rules else sa.false()
    chosen = sa.select(*(typed.c[name].label(name) for name, _ in arrivals))
    fails: Element = sa.literal_column(failing.format(UNSOUND), sa.Integer())
    return chosen.where(sa.case((broken, fails)).is_(None)) if rules else chosen


def _staged(shape: MergeShape, typed: sa.FromClause, name: str, arrival: Arrival) -> Element:
    """A staged column. Of a row that says that its key was deleted nothing counts but the key, and when."""
    if name == OP:
        return says_gone(shape, typed).label(GONE)
    value = without_misfits(typed.c[name], arrival)
    if not is_content(shape, name):
        return value.label(name)
    return sa.case((is_gone(shape, typed), sa.null()), else_=value).label(name)


def _type_rows(staging: Staging, arriving: sa.FromClause) -> tuple[sa.Subquery, Arrivals]:
    """The arriving values in their types, and as they arrived where they may have no place in them."""
    arrivals = list_arrivals(staging)
    typed = sa.select(
        *(_cast(arriving, arrival).label(name) for name, arrival in arrivals),
        *(_told(arriving, arrival).label(_raw_name(i)) for i, (_, arrival) in enumerate(arrivals) if arrival.can_fail),
    )
    return typed.subquery("y"), arrivals


def list_arrivals(staging: Staging) -> Arrivals:
    """Every staged column with the name it is staged under."""
    named = [(arrival.name, arrival) for arrival in staging.columns]
    if staging.effective:
        named.append((EFFECTIVE, staging.effective))
    named += [(order_column(i), arrival) for i, arrival in enumerate(staging.order_by)]
    named += [(mark_column(i), arrival) for i, arrival in enumerate(staging.marks)]
    named += [(OP, staging.op)] if staging.op else []
    named += [(MARKED, staging.marked)] if staging.marked else []
    return [*named, *staging.lookups]


def _raw_name(position: int) -> str:
    return f"_dms_raw_{position}"


def _raw(arriving: sa.FromClause, arrival: Arrival) -> Element:
    raw: Element = arriving.c[arrival.raw]
    if arrival.blank_is_null and arrival.type.family != "text" and not arrival.cast_ignores_blanks:
        return sa.func.nullif(sa.func.trim(raw), sa.literal_column("''"))
    return raw


def _as_kept(raw: Element, arrival: Arrival) -> Element:
    """The value without what the target does not keep: blanks at the end of a CHAR, a text without a character."""
    of_length = {arrival.type.family, arrival.arrives.family} <= {"text", "bytes"}
    if arrival.at_home or not of_length:
        return raw
    nothing: Element = sa.literal_column("''")
    if arrival.filled_up:
        raw = sa.func.coalesce(sa.func.nullif(sa.func.rtrim(raw), nothing), sa.func.left(raw, number(1)))
    return sa.func.nullif(raw, nothing) if arrival.empty_is_null else raw


def _told(arriving: sa.FromClause, arrival: Arrival) -> Element:
    """What a reject tells of a value that has no place in the type."""
    return arriving.c[arrival.beyond] if arrival.beyond else _raw(arriving, arrival)


def _cast(arriving: sa.FromClause, arrival: Arrival) -> Element:
    """The value in its target type; NULL where it has no place in it."""
    raw = _as_kept(_raw(arriving, arrival), arrival)
    if arrival.at_home:
        return _cast_at_home(raw, arrival)
    stored = arrival.arrives == arrival.type and arrival.arrives.native in (None, arrival.type_sql)
    if (stored and not arrival.loose) or (arrival.arrives.family == arrival.type.family == "text"):
        return raw
    if arrival.formats:
        formats: Element = sa.literal_column(
            "[" + ", ".join("'" + f.replace("'", "''") + "'" for f in arrival.formats) + "]"
        )
        return sa.cast(sa.func.try_strptime(raw, formats), Native(arrival.type_sql))
    if arrival.instant:
        raw = sa.try_cast(raw, INSTANT)
    wanted = Native(arrival.type_sql)
    if arrival.loose and arrival.type.family == arrival.arrives.family == "integer":
        # The text 2.5 would be rounded: a whole number is one that stays itself.
        whole: Element = sa.try_cast(raw, wanted)
        return sa.case((sa.try_cast(raw, Native("DOUBLE")) == sa.cast(whole, Native("DOUBLE")), whole))
    value: Element = sa.try_cast(raw, wanted) if arrival.can_fail else sa.cast(raw, wanted)
    if not arrival.wider:
        return value
    wider = Native(arrival.wider)
    return sa.case((sa.try_cast(raw, wider) == sa.cast(value, wider), value))


def _cast_at_home(raw: Element, arrival: Arrival) -> Element:
    """The value in the words of the source's own database, which makes it of every arriving one."""
    arrives, wanted = arrival.arrives, arrival.type
    if arrives.foreign and not wanted.foreign and wanted.family == "text":
        # The cast of some types to text is not what COPY writes; a composite may be there and IS NULL all the same.
        there = sa.func.num_nonnulls(raw) == sa.literal_column("1")
        return sa.case((there, sa.func.format(sa.literal_column("'%s'"), raw)))
    same = arrives == wanted and wanted.family != "json"
    return raw if same or arrives.family == wanted.family == "text" else sa.cast(raw, Native(arrival.type_sql))


def _filled(arrival: Arrival, raw: Element) -> tuple[Element, ...]:
    """That there is more than blanks, where blanks are NULL; asked of the few values alone that became NULL."""
    return (sa.func.trim(raw) != sa.literal_column("''"),) if arrival.blank_is_null else ()


Rule = tuple[Fault, Element, Element]


def _rules(shape: MergeShape, staging: Staging, typed: sa.FromClause, arrivals: Arrivals) -> list[Rule]:
    """The rules of a staged row in the order in which they are tried; a row is refused for the first it breaks."""
    found = operation_rules(shape, staging, typed)
    for i, (name, arrival) in enumerate(arrivals):
        if arrival.looked_up:
            continue
        before, value = len(found), typed.c[name]
        label = arrival.name
        if arrival.can_fail:
            raw = typed.c[_raw_name(i)]
            message = f"the value is no {arrival.type}"
            lost = sa.and_(raw.is_not(None), value.is_(None), *_filled(arrival, raw))
            found.append(("cast", label, message, lost, raw))
        if name in shape.key:
            found.append(("null_key", label, "a key column is NULL", value.is_(None), sa.null()))
        elif arrival.required:
            found.append(("not_null", label, "the target column is NOT NULL", value.is_(None), sa.null()))
        if name in shape.columns:
            found += [
                ("too_long", label, message, longer, raw) for message, longer, raw in find_too_long(arrival, value)
            ]
        misfit = find_misfit(value, arrival)
        if misfit is not None:
            found.append(("not_storable", label, *misfit, value))
        if is_content(shape, name):
            found[before:] = [unless_gone(shape, typed, rule) for rule in found[before:]]
    if staging.member:
        same = sa.and_(*(typed.c[name] == sa.literal_column(value) for name, value in staging.member))
        found.append(("unknown_member", None, "the key is that of the unknown member", same, sa.null()))
    found += _time_rules(shape, staging, typed)
    checks: list[Unnumbered] = [
        (
            "check",
            None,
            f"check {name} does not hold",
            sa.literal_column(f"(({expr}) IS FALSE)", sa.Boolean()),
            sa.null(),
        )
        for name, expr in staging.checks
    ]
    asked = [*(None for _ in found), *(name for name, _ in staging.checks)]
    found += [unless_gone(shape, typed, rule) for rule in checks] if tells_gone(shape) else checks
    return [
        (Fault(number=place, reason=reason, column=column, message=message, check=check), condition, value)
        for place, ((reason, column, message, condition, value), check) in enumerate(
            zip(found, asked, strict=True), start=1
        )
    ]


def _time_rules(shape: MergeShape, staging: Staging, typed: sa.FromClause) -> list[Unnumbered]:
    """Rules of the columns that carry time: when a row holds, and how far a run has read."""
    rules: list[Unnumbered] = []
    if staging.effective:
        value = typed.c[EFFECTIVE]
        name = staging.effective.name
        rules.append(("null_effective", name, "the business time is NULL", value.is_(None), sa.null()))
        if shape.open_end != "NULL" and shape.history:
            beyond = value >= sa.literal_column(shape.open_end)
            rules.append(("effective_range", name, "the business time is not before the open end", beyond, value))
    if staging.reject_null_marks:
        for i, arrival in enumerate(staging.marks):
            value = typed.c[mark_column(i)]
            rules.append(("null_checkpoint", arrival.name, "a checkpoint column is NULL", value.is_(None), sa.null()))
    return rules


def stage_columns(staging: Staging) -> tuple[tuple[str, DataType], ...]:
    """Names and types of the stage, in the order in which staging selects them."""
    columns = [(arrival.name, arrival.type) for arrival in staging.columns]
    if staging.effective:
        columns.append((EFFECTIVE, staging.effective.type))
    columns += [(order_column(i), arrival.type) for i, arrival in enumerate(staging.order_by)]
    columns += [(mark_column(i), arrival.type) for i, arrival in enumerate(staging.marks)]
    columns += [(GONE, INTEGER)] if staging.op else []
    columns += [(MARKED, staging.marked.type)] if staging.marked else []
    columns += [(name, arrival.type) for name, arrival in staging.lookups]
    columns += [(warn_column(i), INTEGER) for i in range(len(staging.warnings))]
    return (*columns, (FAULT, INTEGER), (VALUE, TEXT))
