"""The rows that torture works with: a sample of the source, or what is assumed of it. Writes one scratch table."""

from contextlib import closing
from functools import partial

import sqlalchemy as sa

from dmsflow.compiler.columns import DEFAULT_POLICY, LoadedColumn, listed_lookups, source_name
from dmsflow.compiler.compile import Examined
from dmsflow.compiler.questions import source_sql
from dmsflow.compiler.statements import compile_statement
from dmsflow.engines.access import Access
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.model.plan import Side
from dmsflow.model.spec import ColumnSpec, PipelineSpec, param_values
from dmsflow.model.table import Column, DataType, TypeName
from dmsflow.rehearsal.made_up import POOL, Layout, ScratchColumn
from dmsflow.rehearsal.prepare import check_types, declared_types, parts_of_lookups
from dmsflow.scd.shape import at_most
from dmsflow.torture.layout import is_writable

BATCH_ROWS = 50_000
quote = DuckDBIdioms().quote
MOMENT = DataType(name=TypeName.TIMESTAMP)
NUMBER = DataType(name=TypeName.BIGINT)


def source_types(examined: Examined) -> dict[str, DataType]:
    """The types of the source's columns by name."""
    return {column.name: column.type for column in examined.facts.source.shape.columns}


def sample_rows(examined: Examined, access: Access, layout: Layout, rows: int, scratch: DuckDBSession) -> None:
    """Copy so many rows of the source, its predicate applied and its expressions computed."""
    spec, facts = examined.spec, examined.facts
    sql = source_sql(spec, facts.source, access)
    source = sql.relation().alias("src")

    def pick(column: ScratchColumn) -> sa.ColumnElement[object]:
        if column.column is not None and column.column.source is None:
            return sql.pick(source, column.column)
        return source.c[column.name]

    query = sa.select(*(pick(column).label(f"c{i}") for i, column in enumerate(layout.columns)))
    query = at_most(query.select_from(source).where(sql.filter()), rows)
    statement = compile_statement("sample", Side.SOURCE, query, sql.idioms)
    values = param_values(spec.params)
    formats = dict(facts.source.formats) if facts.source.as_text else {}
    types = source_types(examined)
    with closing(access.open_source()) as session:
        batches = session.stream(statement.sql, {name: values[name] for name in statement.binds}, BATCH_ROWS)
        scratch.register("incoming", batches)
        try:
            picked = ", ".join(
                f"{_typed(f'c{i}', column, types, formats)} AS {quote(column.name)}"
                for i, column in enumerate(layout.columns)
            )
            scratch.execute(f"CREATE TABLE {POOL} AS SELECT {picked} FROM incoming")
        finally:
            scratch.unregister("incoming")


def _typed(arrived: str, column: ScratchColumn, types: dict[str, DataType], formats: dict[str, str]) -> str:
    """A value as DuckDB stores it: of its declared type, also where it travelled as text."""
    wanted = types.get(column.name, column.type)
    if column.name in formats:
        literal = formats[column.name].replace("'", "''")
        return f"CAST(try_strptime({arrived}, '{literal}') AS {DuckDBIdioms().type_sql(wanted.common)})"
    if not is_writable(wanted.common):
        return arrived
    return f"TRY_CAST({arrived} AS {DuckDBIdioms().type_sql(wanted.common)})"


def assume(spec: PipelineSpec, why: str) -> tuple[tuple[LoadedColumn, ...], dict[str, DataType]]:
    """Columns and source types as the spec alone tells them. Raises PlanRefused where it leaves a type out."""
    check_types(spec, f"{why}: ")
    types = declared_types(spec)
    for name in (*spec.checkpoint.columns, *spec.scd.order_by):
        types.setdefault(name, NUMBER)
    times = (spec.scd.effective_at, *(lookup.as_of for _, lookup in listed_lookups(spec)))
    for name in filter(None, times):
        types.setdefault(name, MOMENT)
    types = parts_of_lookups(spec) | types
    return tuple(map(partial(_assumed, spec, types), spec.columns)), types


def _assumed(spec: PipelineSpec, types: dict[str, DataType], column: ColumnSpec) -> LoadedColumn:
    name = source_name(column)
    data_type = column.type or DataType(name=TypeName.TEXT)
    return LoadedColumn(
        name=column.name,
        spec=column,
        source=Column(name=name, type=types[name]) if name is not None else None,
        arrives=data_type,
        type=data_type,
        policy=column.policy or DEFAULT_POLICY[spec.scd.type],
    )
