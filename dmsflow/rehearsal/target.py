"""The target of a scratch, with given rows: a table as the plan would make it. Loads nothing into it."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from dmsflow.compiler.compile import compile_ddl
from dmsflow.diagnostics import did_you_mean
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.errors import DatabaseError, PlanRefused
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import Column, DataType, TableShape, TypeName
from dmsflow.rehearsal.given import Given, GivenRows, fit_types, typed
from dmsflow.rehearsal.prepare import Rehearsed

EARLIEST = datetime(1900, 1, 1)  # noqa: DTZ001 - an instant of the engine, in UTC
idioms = DuckDBIdioms()


def fill_target(rehearsed: Rehearsed, given: Given) -> bool:
    """Make the target with its given rows; whether there are any. Raises PlanRefused where they do not fit."""
    loaded, scratch = rehearsed.loaded, rehearsed.scratch
    spec = loaded.raise_if_rejected()
    rows = given.target(spec.target.table, scratch.session)
    if rows is None:
        return False
    made = replace(spec, target=replace(spec.target, create=True))
    for statement in compile_ddl(dataclasses.replace(loaded, spec=made), scratch.access):
        scratch.session.execute(statement.sql)
    table = idioms.qualify(spec.target.table)
    shape = scratch.session.describe_table(spec.target.table)
    assert shape is not None
    types = fit_types(rows, {column.name: column.type for column in shape.columns}, scratch.session)
    for name, data_type in types.items():
        if shape.find(name) is None:
            _check_name(name, rows, shape)
            scratch.session.execute(f"ALTER TABLE {table} ADD COLUMN {idioms.quote(name)} {idioms.type_sql(data_type)}")
    if not rows.partial:
        _drop_missing(spec, shape, types, rehearsed)
    shape = scratch.session.describe_table(spec.target.table)
    assert shape is not None
    picked = ", ".join(f"{value} AS {idioms.quote(name)}" for name, value in _values(spec, shape, rows, types))
    try:
        scratch.session.execute(f"INSERT INTO {table} BY NAME SELECT {picked} FROM {rows.relation}")
    except DatabaseError as error:
        told = f'a row of {rows.origin} does not fit the target "{spec.target.table}"'
        raise PlanRefused(f"{told}: {first_line(error)}") from error
    return True


def first_line(error: DatabaseError) -> str:
    """What a database says of the matter, without the statement that follows."""
    return str(error).split("\n", 1)[0]


def _check_name(name: str, rows: GivenRows, shape: TableShape) -> None:
    """A file tells what its table has; rows that are written by hand have slips of the pen."""
    if rows.partial:
        help = did_you_mean(name, shape.names) or f"it has {', '.join(shape.names)}"
        raise PlanRefused(f'{rows.origin} has a column "{name}" that the target has not: {help}')


def _drop_missing(spec: PipelineSpec, shape: TableShape, types: dict[str, DataType], rehearsed: Rehearsed) -> None:
    """A user column that the file has not is one that the target has not."""
    folded = {name.lower() for name in types}
    own = {name.lower() for name in _engine_columns(spec, shape)}
    for column in shape.columns:
        if column.name.lower() not in folded | own:
            rehearsed.scratch.session.execute(
                f"ALTER TABLE {idioms.qualify(spec.target.table)} DROP COLUMN {idioms.quote(column.name)}"
            )


def _engine_columns(spec: PipelineSpec, shape: TableShape) -> dict[str, str]:
    """The engine's own columns of the target, each with SQL of the value that a given row has by default."""
    fields = spec.scd.fields
    end = idioms.constant(spec.scd.open_end, DataType(name=TypeName.TIMESTAMP))
    begin = idioms.constant(spec.scd.first_valid_from or EARLIEST, DataType(name=TypeName.TIMESTAMP))
    defaults = {
        fields.surrogate_key: _number_rows(shape, fields.surrogate_key),
        fields.valid_from: begin,
        fields.valid_to: end,
        fields.is_deleted: "FALSE",
        fields.inserted_at: begin,
        fields.modified_at: begin,
        fields.is_current: f"coalesce({{valid_to}}, {end}) IS NOT DISTINCT FROM {end}",
    }
    return {name: value for name, value in defaults.items() if name is not None and shape.find(name) is not None}


def _number_rows(shape: TableShape, name: str | None) -> str:
    """A surrogate key for each row, of the column's type."""
    column, number = shape.find(name) if name else None, "row_number() OVER ()"
    if column is None or column.type.name is not TypeName.UUID:
        return number
    return f"CAST(md5(CAST({number} AS VARCHAR)) AS UUID)"


def _values(
    spec: PipelineSpec, shape: TableShape, rows: GivenRows, types: dict[str, DataType]
) -> Iterator[tuple[str, str]]:
    """SQL for every column of the target: what is given, else the default."""
    names = {name.lower(): name for name in types}
    end = names.get(spec.scd.fields.valid_to.lower())
    given_end = typed(end, types[end], rows) if end else "NULL"
    defaults = {name.lower(): value for name, value in _engine_columns(spec, shape).items()}
    for column in shape.columns:
        default = defaults.get(column.name.lower(), "NULL").replace("{valid_to}", given_end)
        name = names.get(column.name.lower())
        yield column.name, f"coalesce({_cast(name, column, rows, types)}, {default})" if name else default


def _cast(name: str, column: Column, rows: GivenRows, types: dict[str, DataType]) -> str:
    return f"CAST({typed(name, types[name], rows)} AS {idioms.type_sql(column.type)})"
