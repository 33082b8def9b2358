"""The dimensions of a scratch that a spec looks keys up in, with given rows. Looks up none."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from dmsflow.compiler.columns import listed_lookups, place_dimension
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.errors import PlanRefused
from dmsflow.model.lookup import Lookup
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import DataType, TableName, TypeName
from dmsflow.rehearsal.given import Given, GivenRows, fit_types, typed

idioms = DuckDBIdioms()
BEGIN, END = "TIMESTAMP '1900-01-01'", "TIMESTAMP '9999-12-31'"


def fill_dimensions(
    spec: PipelineSpec, given: Given, session: DuckDBSession, declared: Mapping[str, DataType]
) -> dict[str, DataType]:
    """Make them; the types of the source columns that are looked up. Raises PlanRefused where no rows are given.

    ``declared`` are types of source columns, for a dimension that has no row.
    """
    types: dict[str, DataType] = {}
    for _, lookup in listed_lookups(spec):
        table = replace(place_dimension(spec, lookup), catalog=None)
        rows = given.dimension(table, session)
        if rows is not None:
            _make(table, lookup, rows, session, declared)
        shape = session.describe_table(table)
        if shape is None:
            raise PlanRefused(f'no rows are given of the dimension "{table}": give some, or an empty list')
        for name, source in lookup.key:
            if column := shape.find(name):
                types[source] = column.type
    return types


def _make(
    table: TableName, lookup: Lookup, rows: GivenRows, session: DuckDBSession, declared: Mapping[str, DataType]
) -> None:
    """A dimension; what its rows do not name of its own columns is that of a version which always holds."""
    fields, instant = lookup.fields, DataType(name=TypeName.TIMESTAMP)
    own = {fields.valid_from: instant, fields.valid_to: instant}
    own[fields.is_current] = DataType(name=TypeName.BOOLEAN)
    types = fit_types(rows, own, session)
    picked = dict(_values(lookup, rows, types, declared))
    if schema := idioms.create_schema(table):
        session.execute(schema)
    chosen = ", ".join(f"{value} AS {idioms.quote(name)}" for name, value in picked.items())
    session.execute(f"CREATE OR REPLACE TABLE {idioms.qualify(table)} AS SELECT {chosen} FROM {rows.relation}")


def _values(
    lookup: Lookup, rows: GivenRows, types: dict[str, DataType], declared: Mapping[str, DataType]
) -> Iterator[tuple[str, str]]:
    fields = lookup.fields
    given = {name.lower(): typed(name, data_type, rows) for name, data_type in types.items()}
    end = f"coalesce({given.get(fields.valid_to.lower(), 'NULL')}, {END})"
    defaults = {
        lookup.surrogate_key: "row_number() OVER ()",
        fields.valid_from: BEGIN,
        fields.valid_to: END,
        fields.is_current: f"{end} = {END}",
    }
    own = {name.lower(): value for name, value in defaults.items()}
    for name in types:
        value = given[name.lower()]
        filled = name.lower() in own and not rows.whole
        yield name, f"coalesce({value}, {own[name.lower()]})" if filled else value
    # A table without a row names no column.
    likely = {name: declared.get(source, DataType(name=TypeName.BIGINT)) for name, source in lookup.key}
    keys = {} if types else {name: f"CAST(NULL AS {idioms.type_sql(kind)})" for name, kind in likely.items()}
    for name, default in {**keys, **defaults}.items():
        if name.lower() not in given:
            yield name, default
