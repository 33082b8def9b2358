"""The two sides as SQL: rows that the source would be loaded as, and rows that the target has. Runs nothing."""

from collections.abc import Callable, Collection, Iterator

import sqlalchemy as sa
from msgspec import Struct

from dmsflow.compiler.arrivals import make_staging
from dmsflow.compiler.build import INCOMING, Builder
from dmsflow.compiler.statements import Relation, compile_statement
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.engine import Idioms
from dmsflow.model.plan import Side, Statement, Transfer
from dmsflow.model.spec import Deletes, Duplicates, ScdType
from dmsflow.scd.lookup_shape import since_column
from dmsflow.scd.native import Native
from dmsflow.scd.resolved import resolve_rows
from dmsflow.scd.shape import EFFECTIVE, FAULT, GONE, Element, MergeShape, Query, order_column, word
from dmsflow.scd.staging import stage_rows
from dmsflow.verify.columns import TEXT, Choice, Compared

MISFITS, TIME, REFUSED, ALL = "_dms_misfits", "_dms_time", "_dms_refused", "_dms_all"
"""What is no value of its type, as text; when a row holds; whether it is a reject; before all staged columns."""

DELETED, INSIDE = "_dms_deleted", "_dms_inside"
"""Whether a row of the source says that its key is deleted; 1 for a row of the target whose key has to be there."""

LOADED = "_dms_loaded"
"""When a row of the target got the keys that it looks up."""


class SideSql(Struct, frozen=True, kw_only=True):
    """The rows of one side, in the dialect that computes their checksums.

    ``streamed`` is what their own database is asked where it computes none; ``write`` takes the columns that arrive
    as text because a value is none of its type.
    """

    idioms: Idioms
    write: Callable[[frozenset[str]], Query]
    streamed: Statement | None = None


def expected_rows(builder: Builder, choice: Choice, looked_up: Collection[str], padded: Collection[str]) -> SideSql:
    """The rows that a run would load, each once for every time the source has it; ``looked_up`` columns resolved."""
    staging = make_staging(builder)
    projection = builder.source.projection(
        builder.columns, builder.columns_beside(), (), builder.checkpoint, lower=False, upper=False
    )
    streamed, incoming = None, projection.subquery("arriving")
    if builder.transfer is Transfer.ARROW:
        streamed = compile_statement("read", Side.SOURCE, projection, builder.source.idioms)
        names = incoming.c.keys()
        incoming = Relation(f'"{INCOMING}"', names)  # type: ignore[assignment]
    staged, _ = stage_rows(builder.merge, staging, incoming)
    rows = staged.subquery("staged")
    if builder.merge.lookups:
        rows = resolve_rows(builder.merge, rows, looked_up, padded).subquery("resolved")
    if builder.merge.feed or (builder.merge.duplicates is Duplicates.LAST and builder.merge.order_by):
        rows = _ranked(builder, rows)
    idioms = builder.stager

    def write(_: frozenset[str]) -> Query:
        refused: Element = rows.c[FAULT].is_not(None)
        if builder.staged_by_server and builder.facts.target.engine != builder.facts.source.engine:
            refused = sa.or_(refused, *_unstorable(builder, rows))
        picked = [_typed(rows.c[column.name], column, idioms).label(column.name) for column in choice.row]
        all_of = [rows.c[name].label(f"{ALL}_{i}") for i, name in enumerate(name_staged(builder.merge))]
        since = [rows.c[since_column(it.lookup)] for it in choice.looked_up if it.lookup is not None]
        time = [rows.c[EFFECTIVE].label(TIME)] if builder.merge.has_effective else []
        deleted = _says_deleted(builder, rows)
        shown = sa.true() if builder.merge.deletes is not Deletes.IGNORE else sa.not_(deleted)
        ours = (refused.label(REFUSED), deleted.label(DELETED), sa.literal_column("0", sa.Integer()).label(INSIDE))
        none = sa.cast(sa.null(), _text(idioms)).label(MISFITS)
        return sa.select(*picked, *all_of, *since, *time, none, *ours).where(_is_last(rows), shown)

    return SideSql(idioms=idioms, write=write, streamed=streamed)


def name_staged(merge: MergeShape) -> tuple[str, ...]:
    """The staged columns by which rows of one key are told apart, and by which they are looked up."""
    looked = (name for lookup in merge.lookups for name in lookup.staged)
    return (*merge.columns, *((EFFECTIVE,) if merge.has_effective else ()), *looked)


def actual_rows(builder: Builder, choice: Choice, *, digesting: bool) -> SideSql:
    """The current rows of the target. ``digesting``: it computes checksums itself."""
    merge = builder.merge
    target = merge.target().alias("t")
    names = [column.name for column in choice.row]
    time = [target.c[merge.fields.valid_from].label(TIME)] if merge.history and merge.has_effective else []
    loaded = [_loaded_at(merge, target).label(LOADED)] if choice.looked_up else []
    inside = _counts_absence(merge).label(INSIDE)
    sound = (sa.false().label(REFUSED), sa.false().label(DELETED))
    current = (merge.is_current(target), merge.is_live(target))
    if digesting:
        idioms = builder.target

        def write_own(_: frozenset[str]) -> Query:
            picked = [_typed(target.c[column.name], column, idioms).label(column.name) for column in choice.row]
            none = sa.cast(sa.null(), _text(idioms)).label(MISFITS)
            return sa.select(*picked, *time, *loaded, none, *sound, inside).where(*current)

        return SideSql(idioms=idioms, write=write_own)
    read = sa.select(*(target.c[name] for name in names), *time, *loaded, inside).where(*current)
    streamed = compile_statement("read_target", Side.TARGET, read, builder.target)
    scratch = DuckDBIdioms()
    times = [*([TIME] if time else []), *([LOADED] if loaded else [])]
    rows = Relation(f'"{INCOMING}"', [*names, *times, INSIDE]).alias("a")

    def write(loose: frozenset[str]) -> Query:
        picked = [_typed(fit_value(rows.c[c.name], c, loose), c, scratch).label(c.name) for c in choice.row]
        misfits = [_misfit(rows.c[c.name], c) for c in choice.row if c.name in loose]
        told: Element = sa.func.nullif(sa.func.concat(*misfits), word("")) if misfits else sa.null()
        when = [sa.cast(rows.c[name], Native("TIMESTAMP")).label(name) for name in times]
        return sa.select(*picked, *when, sa.cast(told, _text(scratch)).label(MISFITS), *sound, rows.c[INSIDE])

    return SideSql(idioms=scratch, write=write, streamed=streamed)


def _text(idioms: Idioms) -> Native:
    return Native(idioms.type_sql(TEXT))


def _typed(value: Element, column: Compared, idioms: Idioms) -> Element:
    """The value in the type in which it is compared."""
    typed: Element = sa.cast(value, Native(idioms.type_sql(column.type)))
    return sa.func.rtrim(typed, word(" ")) if column.padded else typed


def fit_value(value: Element, column: Compared, loose: frozenset[str]) -> Element:
    """A value that arrives as text, or NULL where it is none of its type; no number is rounded."""
    if column.name not in loose:
        return value
    wanted = Native(DuckDBIdioms().type_sql(column.type))
    typed: Element = sa.try_cast(value, wanted)
    if column.type.family not in ("integer", "decimal"):
        return typed
    number = Native("DOUBLE")
    return sa.case((sa.try_cast(value, number) == sa.cast(typed, number), typed))


def _misfit(value: Element, column: Compared) -> Element:
    """The text that is no value of the type."""
    missed = sa.and_(value.is_not(None), fit_value(value, column, frozenset([column.name])).is_(None))
    return sa.case((missed, sa.func.concat(word(f"{column.name.encode().hex()}:"), value, word("\x1f"))))


def _ranked(builder: Builder, rows: sa.Subquery) -> sa.Subquery:
    """With the place of each sound row among those of its key, the last one first; ignored deletes come behind."""
    ignored = [rows.c[GONE]] if builder.merge.passes_over else []
    times = [rows.c[EFFECTIVE]] if builder.merge.feed and builder.merge.has_effective else []
    orders = [rows.c[order_column(i)] for i in range(builder.merge.order_by)]
    order = [*ignored, *(column.desc().nulls_last() for column in (*times, *orders))]
    sound = sa.case((rows.c[FAULT].is_(None), sa.literal_column("0")), else_=sa.literal_column("1"))
    keys = [rows.c[name] for name in builder.merge.key]
    place = sa.func.rank().over(partition_by=[sound, *keys], order_by=order)
    return sa.select(*rows.c, place.label("_dms_place")).subquery("ranked")


def _is_last(rows: sa.Subquery) -> Element:
    """Whether no row of the key comes after it; a refused one counts by itself."""
    if "_dms_place" not in rows.c:
        return sa.true()
    return sa.or_(rows.c[FAULT].is_not(None), rows.c["_dms_place"] == sa.literal_column("1"))


def _says_deleted(builder: Builder, rows: sa.Subquery) -> Element:
    """Whether a sound row says that its key is not there: by its operation, or by a mark."""
    merge, gone = builder.merge, sa.literal_column("1", sa.Integer())
    deleted = rows.c[GONE] == gone if merge.op else merge.is_marked(rows)
    return sa.and_(rows.c[FAULT].is_(None), deleted)


def _loaded_at(merge: MergeShape, target: sa.FromClause) -> Element:
    """When a row was last written: what it looks up was looked up then."""
    inserted: Element = target.c[merge.fields.inserted_at]
    if merge.scd is ScdType.APPEND:
        return inserted
    return sa.func.coalesce(target.c[merge.fields.modified_at], inserted)


def _counts_absence(merge: MergeShape) -> Element:
    """1 for a row of the target whose key has to be in the source; of partitions it is not known here."""
    yes, no = (sa.literal_column(digit, sa.Integer()) for digit in "10")
    if not merge.deleting or merge.marks_of_deleted or merge.partition:
        return no
    if merge.scope_where:
        return sa.case((sa.literal_column(f"({merge.scope_where})", sa.Boolean()), yes), else_=no)
    return yes


def _unstorable(builder: Builder, rows: sa.Subquery) -> Iterator[Element]:
    """Numbers that PostgreSQL alone has: every other database refuses the row."""
    for column in builder.columns:
        if column.type.family == "decimal" and not column.type.foreign:
            number = sa.cast(sa.literal_column("'NaN'"), Native("NUMERIC"))
            yield rows.c[column.name].is_not_distinct_from(number)
