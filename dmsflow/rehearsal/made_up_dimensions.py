"""Dimensions made up for rows: versions of most of the keys that they name, so that lookups find some and miss some.

Of eight keys one has no version, one begins only in the midst of its rows, and one has ended there; the others change
there. Writes tables of the database that it is given.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.columns import listed_lookups, place_dimension
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.errors import PlanRefused
from dmsflow.model.lookup import Lookup, OnMiss
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import Column, DataType, TableName, TypeName

BIGINT, INSTANT = DataType(name=TypeName.BIGINT), DataType(name=TypeName.TIMESTAMP)
FLAG = DataType(name=TypeName.BOOLEAN)
BEGIN, MIDST, END = "TIMESTAMP '1900-01-01'", "TIMESTAMP '2024-01-01'", "TIMESTAMP '9999-12-31'"
KINDS, NOT_THERE, LATE, ENDED = 8, 0, 1, 2
idioms = DuckDBIdioms()
quote = idioms.quote


class Dimension(Struct, frozen=True, kw_only=True):
    """A dimension with all of its lookups; ``table`` has no catalog, as there is one scratch."""

    table: TableName
    lookups: tuple[Lookup, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of its key."""
        return tuple(sorted(name for name, _ in self.lookups[0].key))

    @property
    def has_unknown(self) -> bool:
        """Whether somebody asks for the unknown member."""
        return any(lookup.on_miss is OnMiss.UNKNOWN for lookup in self.lookups)

    def columns(self, types: Mapping[str, DataType]) -> tuple[Column, ...]:
        """Its columns; those of the key have the types of the source columns that are looked up by."""
        fields, sources = self.lookups[0].fields, dict(self.lookups[0].key)
        keys = tuple(Column(name=name, type=types[sources[name]]) for name in self.key)
        own = {self.lookups[0].surrogate_key: BIGINT, fields.valid_from: INSTANT, fields.valid_to: INSTANT}
        return (*keys, *(Column(name=name, type=kind) for name, kind in (own | {fields.is_current: FLAG}).items()))


def list_dimensions(spec: PipelineSpec) -> tuple[Dimension, ...]:
    """The dimensions of a spec, each once."""
    found: dict[str, Dimension] = {}
    for _, lookup in listed_lookups(spec):
        table = replace(place_dimension(spec, lookup), catalog=None)
        known = found.get(str(table).lower(), Dimension(table=table, lookups=()))
        found[str(table).lower()] = replace(known, lookups=(*known.lookups, lookup))
    return tuple(found.values())


def expect_one_key(dimensions: Sequence[Dimension]) -> None:
    """Raise PlanRefused where two lookups of a dimension name its columns differently."""
    for dimension in dimensions:
        if len({(frozenset(name for name, _ in it.key), it.fields) for it in dimension.lookups}) > 1:
            raise PlanRefused(
                f'"{dimension.table}" is looked up by different columns of it, and no row can be made up that fits '
                "both: give rows, and those of the dimensions"
            )


def make_up(
    dimension: Dimension, table: str, rows: str, columns: Sequence[Column], seed: int, session: DuckDBSession
) -> None:
    """A table of versions for the keys that ``rows``, a relation, name."""
    keys = [quote(name) for name in dimension.key]
    named = " UNION ALL ".join(f"SELECT {_pick(lookup)} FROM {rows}" for lookup in dimension.lookups)
    there = " AND ".join(f"{key} IS NOT NULL" for key in keys)
    listed = ", ".join(keys)
    kind = f"CAST(hash({listed}, {seed}) % {KINDS} AS INTEGER)"
    known = (
        f"SELECT {listed}, coalesce(quantile_disc(moment, 0.5), {MIDST}) AS midst, {kind} AS kind "
        f"FROM ({named}) WHERE {there} GROUP BY {listed}"
    )
    versions = " UNION ALL ".join(
        f"SELECT {listed}, {start} AS start, {end} AS finish FROM known WHERE {condition}"
        for start, end, condition in (
            (BEGIN, "midst", f"kind NOT IN ({NOT_THERE}, {LATE})"),
            ("midst", END, f"kind NOT IN ({NOT_THERE}, {ENDED})"),
        )
    )
    values = [*keys, f"row_number() OVER (ORDER BY {listed}, start)", "start", "finish", f"finish = {END}"]
    member = [*("NULL" for _ in keys), "-1", BEGIN, END, "true"]
    made = f"WITH known AS ({known}), versions AS ({versions}) SELECT {', '.join(values)} FROM versions"
    if dimension.has_unknown:
        made += f" UNION ALL SELECT {', '.join(member)}"
    names = ", ".join(quote(column.name) for column in columns)
    typed = ", ".join(f"CAST({quote(it.name)} AS {idioms.type_sql(it.type)}) AS {quote(it.name)}" for it in columns)
    session.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {typed} FROM ({made}) AS made ({names})")


def _pick(lookup: Lookup) -> str:
    """The key of a row, under the dimension's names, and its time."""
    at = f"TRY_CAST({quote(lookup.as_of)} AS TIMESTAMP)" if lookup.as_of else "CAST(NULL AS TIMESTAMP)"
    parts: Iterator[str] = (f"{quote(source)} AS {quote(name)}" for name, source in sorted(lookup.key))
    return f"{', '.join(parts)}, {at} AS moment"
