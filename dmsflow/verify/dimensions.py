"""The dimensions that rows look keys up in: where the rows are, or copied to where they are streamed to."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.build import INCOMING, Builder
from dmsflow.compiler.columns import listed_lookups
from dmsflow.compiler.looked_up import found_type, staged_parts
from dmsflow.compiler.statements import Relation, compile_statement
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.engine import Session
from dmsflow.model.plan import Side, Transfer
from dmsflow.model.table import DataType, TypeName
from dmsflow.scd.lookup_shape import LookupShape
from dmsflow.scd.lookups import dimension
from dmsflow.scd.native import Native
from dmsflow.scd.shape import Element, number
from dmsflow.transfer import BATCH_ROWS
from dmsflow.transfer.arrow import own_errors
from dmsflow.verify.asking import find_text
from dmsflow.verify.columns import Compared, is_padded
from dmsflow.verify.sides import fit_value

COPY = "_dms_dimension_"
INSTANT = DataType(name=TypeName.TIMESTAMP)
FLAG = DataType(name=TypeName.INTEGER)


class Dimensions(Struct, frozen=True, kw_only=True):
    """What can be looked up, by column; and what cannot be where the rows are, with the reason."""

    columns: tuple[str, ...] = ()
    unread: dict[str, str] = {}
    padded: frozenset[str] = frozenset()
    """Staged parts of keys that the dimension's database fills up with blanks."""


def find_dimensions(builder: Builder) -> Dimensions:
    """Which columns can be looked up where the rows are."""
    unread = {} if builder.transfer is Transfer.IN_PLACE else dict(_find_unread(builder))
    columns = tuple(it.column for it in builder.merge.lookups if it.column not in unread)
    parts = staged_parts(builder.spec, builder.facts)
    padded = frozenset(name for name, _, kind in parts if is_padded(kind, builder.target))
    return Dimensions(columns=columns, unread=unread, padded=padded)


def _find_unread(builder: Builder) -> Iterator[tuple[str, str]]:
    """Lookups by values that only the target's database can compare."""
    for name, lookup in listed_lookups(builder.spec):
        found = builder.facts.dimension(name)
        column = next(it.name for it in builder.columns if it.spec.name == name)
        for part in (lookup.surrogate_key, *(part for part, _ in lookup.key)):
            kind = found_type(found, part)
            own = kind.foreign or kind.name is TypeName.OTHER
            if own and not is_padded(kind, builder.target):
                yield column, f'"{part}" of {lookup.dimension} is {kind}, which only its own database can compare'


def copy_dimensions(builder: Builder, dimensions: Dimensions, target: Session, scratch: DuckDBSession) -> Builder:
    """The builder whose lookups find copies in the scratch; each dimension is read once."""
    if builder.transfer is Transfer.IN_PLACE:
        return builder
    copied: dict[LookupShape, str] = {}
    lookups = []
    for lookup in builder.merge.lookups:
        if lookup.column not in dimensions.columns:
            lookups.append(lookup)
            continue
        alike = replace(lookup, column="", told=(), key=tuple((name, "") for name, _ in lookup.key), content=True)
        alike = replace(alike, at=lookup.at and "")
        if alike not in copied:
            copied[alike] = f"{COPY}{len(copied)}"
            _copy(builder, lookup, copied[alike], target, scratch)
        flag = {"is_current": lookup.is_current, "on": "1"} if lookup.is_current else {}
        lookups.append(replace(lookup, dimension=copied[alike], schema=None, **flag))
    return replace(builder, merge=replace(builder.merge, lookups=tuple(lookups)))


def _copy(builder: Builder, lookup: LookupShape, name: str, target: Session, scratch: DuckDBSession) -> None:
    """What a lookup asks of its dimension: the rows that it may find, and the unknown member."""
    columns = tuple(_type_columns(builder, lookup))
    version = dimension(lookup, *_instants(lookup)).alias("d")
    picked: dict[str, Element] = {column.name: version.c[column.name] for column in columns}
    if lookup.is_current:
        held = version.c[lookup.is_current] == sa.literal_column(lookup.on)
        picked[lookup.is_current] = sa.case((held, number(1)), else_=number(0))
    query = sa.select(*(value.label(f"c{i}") for i, value in enumerate(picked.values())))
    statement = compile_statement("read_dimension", Side.TARGET, query, builder.target)
    with own_errors(target.stream(statement.sql, {}, BATCH_ROWS)) as rows:
        loose = find_text(rows)
        arrived = Relation(f'"{INCOMING}"', [f"c{i}" for i in range(len(columns))]).alias("d")
        typed = sa.select(*(_type(arrived.c[f"c{i}"], column, loose, i) for i, column in enumerate(columns)))
        sql = compile_statement("keep_dimension", Side.TARGET, typed, DuckDBIdioms()).sql
        scratch.register(INCOMING, rows)
        try:
            scratch.execute(f"CREATE TABLE {name} AS {sql}")
        finally:
            scratch.unregister(INCOMING)


def _type(value: sa.ColumnElement[object], column: Compared, loose: frozenset[str], position: int) -> sa.Label[object]:
    """A value in its type, under its own name; one that is none of its type finds nobody."""
    wanted = Native(DuckDBIdioms().type_sql(column.type))
    arrived = Compared(name=f"c{position}", type=column.type)
    return sa.cast(fit_value(value, arrived, loose), wanted).label(column.name)


def _type_columns(builder: Builder, lookup: LookupShape) -> Iterator[Compared]:
    """The columns that are copied, in the order of the dimension's, and the types in which they are compared."""
    found = builder.facts.dimension(_spec_name(builder, lookup.column))
    keys: Sequence[str] = [lookup.surrogate_key, *(name for name, _ in lookup.key)]
    types = {name: found_type(found, name).common for name in keys}
    times = [lookup.valid_from, lookup.valid_to] if lookup.at else []
    types |= dict.fromkeys((*_instants(lookup), *times), INSTANT)
    types |= {lookup.is_current: FLAG} if lookup.is_current else {}
    return (Compared(name=name, type=kind) for name, kind in types.items())


def _instants(lookup: LookupShape) -> Iterator[str]:
    """The columns that tell what a dimension has learned since a row was loaded."""
    if lookup.inserted_at:
        yield lookup.inserted_at
    if lookup.modified_at and lookup.unknown is not None:
        yield lookup.modified_at


def _spec_name(builder: Builder, column: str) -> str:
    return next(it.spec.name for it in builder.columns if it.name == column)
