"""Given rows, as texts from YAML or as DuckDB reads them; made into tables whose types they fit. Looks up none."""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from dmsflow.compiler.compose import Node
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms, write_text
from dmsflow.errors import PlanRefused
from dmsflow.model.table import Column, DataType, TableName, TypeName
from dmsflow.rehearsal.scratch import in_source

idioms = DuckDBIdioms()
quote = idioms.quote
TEXT = DataType(name=TypeName.TEXT)
WHOLE = r"\s*[+-]?\d+\s*"
"""What a whole number looks like; a cast would round another one."""
MOMENTS = (
    (TypeName.DATE, re.compile(r"\d{4}-\d\d-\d\d")),
    (TypeName.TIMESTAMP, re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?")),
    (TypeName.TIMESTAMPTZ, re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)")),
)
LONGEST_DECIMAL = 18


class GivenRows(Struct, frozen=True, kw_only=True):
    """Rows as a relation that stands in FROM, with the types that their columns have, or as texts seem to have.

    ``partial``: a column that no row names is NULL in all of them, rather than missing. ``whole``: they are as a
    database has them, and nothing is filled in.
    """

    relation: str
    columns: tuple[Column, ...]
    as_text: bool
    partial: bool = False
    whole: bool = False
    formats: tuple[tuple[str, str], ...] = ()
    origin: str


class Given(Protocol):
    """Where rows come from: a folder, a test."""

    def source(self, table: TableName | None, session: DuckDBSession) -> GivenRows:
        """The rows of a source table, or of the source's file where no table is named. Raises PlanRefused."""
        ...

    def files(self, pattern: str) -> str | None:
        """A path or glob that stands in for the source's; None where its rows are given by themselves."""
        ...

    def target(self, table: TableName, session: DuckDBSession) -> GivenRows | None:
        """The rows of the target; None where it is new."""
        ...

    def dimension(self, table: TableName, session: DuckDBSession) -> GivenRows | None:
        """The rows of a dimension; None where none are given. Raises PlanRefused where none can be."""
        ...


def cell_text(node: Node) -> str | None:
    """A scalar of YAML as a database reads it."""
    match node.value:
        case None:
            return None
        case bool() | int():
            return str(node.value).lower()
        case float() if not node.text[-1:].isdigit():
            return repr(node.value)
    return node.text


def cell_type(node: Node) -> DataType:
    """The type that a scalar of YAML shows; a quoted one is text."""
    match node.value:
        case bool():
            return DataType(name=TypeName.BOOLEAN)
        case int():
            return DataType(name=TypeName.BIGINT)
        case float():
            whole, _, part = node.text.lstrip("+-").partition(".")
            exact = (whole + part).isdigit() and len(whole + part) <= LONGEST_DECIMAL
            if not exact:
                return DataType(name=TypeName.DOUBLE)
            return DataType(name=TypeName.DECIMAL, precision=LONGEST_DECIMAL, scale=len(part))
    found = (name for name, shape in MOMENTS if not node.style and shape.fullmatch(node.text))
    return DataType(name=next(found, TypeName.TEXT))


def common_type(types: Sequence[DataType]) -> DataType:
    """The one type that all of them fit; text where there is none."""
    names = {data_type.name for data_type in types}
    if not names:
        return TEXT
    if names == {TypeName.DECIMAL}:
        return max(types, key=lambda data_type: data_type.scale or 0)
    if len(names) == 1:
        return types[0]
    if names <= {TypeName.BIGINT, TypeName.DECIMAL, TypeName.DOUBLE}:
        return DataType(name=TypeName.DOUBLE)
    if names == {TypeName.DATE, TypeName.TIMESTAMP}:
        return DataType(name=TypeName.TIMESTAMP)
    return TEXT


def give_nodes(rows: Sequence[Node], origin: str, name: str, session: DuckDBSession) -> GivenRows:
    """Rows of YAML as a table of texts under that name, beside the source's own."""
    import pyarrow as pa

    folded = [_fold(row, origin) for row in rows]
    names: dict[str, str] = {}
    for row in folded:
        for lower, (name, _) in row.items():
            names.setdefault(lower, name)
    cells = {name: [row[lower][1] if lower in row else None for row in folded] for lower, name in names.items()}
    columns = tuple(
        Column(name=column, type=common_type([cell_type(node) for node in nodes if node and node.value is not None]))
        for column, nodes in cells.items()
    )
    texts = {
        column: pa.array([node and cell_text(node) for node in nodes], pa.string()) for column, nodes in cells.items()
    }
    relation = idioms.qualify(in_source(TableName(table=name)))
    session.register("_dms_given", pa.table(texts or {"_dms_none": pa.array([], pa.string())}))
    session.execute(f"CREATE OR REPLACE TABLE {relation} AS SELECT * FROM _dms_given")
    session.unregister("_dms_given")
    return GivenRows(relation=relation, columns=columns, as_text=True, partial=True, origin=origin)


def _fold(row: Node, origin: str) -> dict[str, tuple[str, Node]]:
    """The cells of a row by names in lower case, in which DuckDB's columns differ. Raises PlanRefused."""
    found: dict[str, tuple[str, Node]] = {}
    for name, (_, cell) in row.entries.items():
        place = f"line {cell.span.line} of {origin}"
        if not name:
            raise PlanRefused(f"a row in {place} has a column without a name: write its name")
        if name.lower() in found:
            raise PlanRefused(f'a row in {place} has "{found[name.lower()][0]}" and "{name}": keep one of the two')
        found[name.lower()] = (name, cell)
    return found


def fit_types(rows: GivenRows, declared: Mapping[str, DataType], session: DuckDBSession) -> dict[str, DataType]:
    """The type of each column: as declared or as it seems, where every value fits; else text."""
    if not rows.as_text:
        return {column.name: column.type for column in rows.columns}
    folded = {name.lower(): data_type for name, data_type in declared.items()}
    wanted = [(column.name, folded.get(column.name.lower()), column.type) for column in rows.columns]
    tried = [(name, data_type) for name, *types in wanted for data_type in types if data_type is not None]
    if not tried:
        return {}
    counts = ", ".join(f"count(*) FILTER ({_misfits(name, data_type, rows)})" for name, data_type in tried)
    found = session.fetch(f"SELECT {counts} FROM {rows.relation}")[0]
    fitting: dict[str, DataType] = {}
    for (name, data_type), misfits in zip(tried, found, strict=True):
        if not misfits:
            fitting.setdefault(name, data_type)
    return {column.name: fitting.get(column.name, TEXT) for column in rows.columns}


def typed(name: str, data_type: DataType, rows: GivenRows) -> str:
    """SQL of a column's value in that type, NULL where it does not fit."""
    formats = dict(rows.formats)
    sql = idioms.type_sql(data_type)
    if not rows.as_text or data_type.family == "text":
        return quote(name)
    if name in formats and data_type.family in ("date", "timestamp", "timestamptz"):
        return f"TRY_CAST(try_strptime({quote(name)}, {write_text(formats[name])}) AS {sql})"
    return f"TRY_CAST({quote(name)} AS {sql})"


def _misfits(name: str, data_type: DataType, rows: GivenRows) -> str:
    column = quote(name)
    if data_type.family == "integer":
        return f"NOT regexp_full_match({column}, {write_text(WHOLE)}) OR {column} IS NOT NULL AND " + (
            f"{typed(name, data_type, rows)} IS NULL"
        )
    return f"{column} IS NOT NULL AND {typed(name, data_type, rows)} IS NULL"


def make_table(
    table: TableName,
    rows: GivenRows,
    declared: Mapping[str, DataType],
    read: Mapping[str, DataType],
    session: DuckDBSession,
) -> dict[str, DataType]:
    """A table of the source with these rows; its columns by name. ``read`` are columns that the spec reads."""
    types = fit_types(rows, declared, session)
    picked = [f"{typed(name, data_type, rows)} AS {quote(name)}" for name, data_type in types.items()]
    if rows.partial:
        folded = {name.lower() for name in types}
        missing = {name: data_type for name, data_type in read.items() if name.lower() not in folded}
        picked += [f"CAST(NULL AS {idioms.type_sql(kind)}) AS {quote(name)}" for name, kind in missing.items()]
        types = types | missing
    if not picked:
        raise PlanRefused(f'nothing tells the columns of "{table.table}": give it a row, or a file with a header')
    if schema := idioms.create_schema(table):
        session.execute(schema)
    select = f"SELECT {', '.join(picked)} FROM {rows.relation}"
    session.execute(f"CREATE OR REPLACE TABLE {idioms.qualify(table)} AS {select}")
    return types
