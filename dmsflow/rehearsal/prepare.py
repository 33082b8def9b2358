"""Makes a scratch for a spec: the tables its source names, with the given rows, and the spec that reads them there."""

import dataclasses
from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.columns import listed_lookups, source_name
from dmsflow.compiler.load import LoadedSpec, place_problem
from dmsflow.compiler.rules.sql import STANDARD, hold_places, source_dialect, written_sql
from dmsflow.engines.duckdb_files import CSV_ENDINGS
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.errors import PlanRefused, SpecRejected
from dmsflow.model.checks import Check, CheckKind
from dmsflow.model.guards import Guards
from dmsflow.model.spec import ColumnSpec, Connection, ExecutorName, PipelineSpec, SecretText, Source
from dmsflow.model.surrogate import KeyFrom, SurrogateKey
from dmsflow.model.table import DataType, TableName, TypeName
from dmsflow.rehearsal.dialects import reading
from dmsflow.rehearsal.dimensions import fill_dimensions
from dmsflow.rehearsal.given import Given, make_table
from dmsflow.rehearsal.named import named_columns
from dmsflow.rehearsal.scratch import Scratch, in_source
from dmsflow.rehearsal.translate import Types, translate_spec

ELSEWHERE = ("DMS206", "DMS207", "DMS208", "DMS267")
"""What is said of databases that a rehearsal does not open."""
TEXT = DataType(name=TypeName.TEXT)
SCRATCH_URL = "duckdb:///rehearsal"
ROWS_TABLE = "rows"
"""The table that stands in for a file of the source."""
DUAL = "dual"
EMPTY_IS_NULL = ("oracle",)
"""Dialects of databases in which '' is NULL."""


class Rehearsed(Struct, frozen=True, kw_only=True):
    """A spec over its scratch."""

    loaded: LoadedSpec
    scratch: Scratch


def without_databases(loaded: LoadedSpec) -> LoadedSpec:
    """The spec without what is said of the databases behind its connections: they are not opened."""
    return dataclasses.replace(
        loaded, diagnostics=tuple(problem for problem in loaded.diagnostics if problem.code not in ELSEWHERE)
    )


def declared_types(spec: PipelineSpec) -> dict[str, DataType]:
    """Types of source columns, as far as the spec tells them."""
    return {name: column.type for column in spec.columns if column.type and (name := source_name(column)) is not None}


def check_types(spec: PipelineSpec, why: str = "") -> None:
    """Raise PlanRefused where the spec leaves a type out, without which no rows can be made up."""
    typed = (column for column in spec.columns if not column.has_value and column.lookup is None)
    untyped = [column.name for column in typed if column.type is None]
    if not spec.columns or untyped:
        named = f"of {', '.join(untyped)} " if untyped else ""
        raise PlanRefused(
            f"{why}rows can only be made up where the spec has a type for every column: write the type {named}there"
        )


def parts_of_lookups(spec: PipelineSpec) -> dict[str, DataType]:
    """The source columns that keys are looked up by, with a type that is likely."""
    declared = declared_types(spec)
    likely = DataType(name=TypeName.BIGINT)
    return {name: declared.get(name, likely) for _, lookup in listed_lookups(spec) for _, name in lookup.key}


def read_columns(spec: PipelineSpec) -> dict[str, DataType]:
    """Every source column that the spec names, with a type that is likely."""
    declared = declared_types(spec)
    wanted = {name: TEXT for column in spec.columns if (name := source_name(column)) is not None}
    wanted |= {name: named.type for name, named in named_columns(spec).items()}
    if not spec.columns:
        wanted |= dict.fromkeys(spec.key, TEXT)
    wanted |= {spec.scd.within.column: TEXT} if spec.scd.within.marked else {}
    wanted |= dict.fromkeys((*spec.checkpoint.columns, *spec.scd.order_by), DataType(name=TypeName.BIGINT))
    times = [lookup.as_of for _, lookup in listed_lookups(spec)]
    wanted |= {name: DataType(name=TypeName.TIMESTAMP) for name in (*times, spec.scd.effective_at) if name}
    if spec.source.op:
        wanted[spec.source.op.column] = TEXT
    return wanted | declared


def rehearse(loaded: LoadedSpec, given: Given, scratch: Scratch, *, guards: bool = False) -> Rehearsed:
    """Fill the source of the scratch. Raises SpecRejected where the user's SQL cannot be said in DuckDB.

    Without ``guards`` those of the spec are off, and checks of size and age: given rows are few.
    """
    loaded = without_databases(loaded)
    spec = loaded.raise_if_rejected()
    looked_up = fill_dimensions(spec, given, scratch.session, declared_types(spec))
    spec, tables = _fill_source(spec, given, scratch, looked_up)
    dialect = source_dialect(spec) or STANDARD
    spec, problems = translate_spec(spec, tables, scratch.functions)
    if problems:
        placed = tuple(place_problem(problem, loaded.document, loaded.connections_document) for problem in problems)
        raise SpecRejected((*loaded.diagnostics, *placed))
    if reading.covers(dialect) and any(sql.path[0] != "checks" for sql in written_sql(spec, None)):
        scratch.session.execute(reading.macros(dialect))
    spec = replace(
        spec,
        connections=tuple(map(_replace_connection, spec.connections)),
        source=_without_catalog(spec.source),
        target=replace(spec.target, table=replace(spec.target.table, catalog=None)),
        scd=replace(spec.scd, surrogate=_number_here(spec.scd.surrogate)),
        columns=tuple(map(_look_up_here, spec.columns)),
        parallel=replace(spec.parallel, executor=ExecutorName.THREADS),
        guards=spec.guards if guards else Guards(),
        checks=tuple(check for check in spec.checks if _is_asked(check, guards)),
    )
    return Rehearsed(loaded=dataclasses.replace(loaded, spec=spec), scratch=scratch)


def _number_here(surrogate: SurrogateKey) -> SurrogateKey:
    """Numbers that a database would give are counted here."""
    return surrogate if surrogate.made_from is KeyFrom.UUID else SurrogateKey()


def _look_up_here(column: ColumnSpec) -> ColumnSpec:
    """The column, its dimension in the scratch."""
    if column.lookup is None:
        return column
    return replace(column, lookup=replace(column.lookup, dimension=replace(column.lookup.dimension, catalog=None)))


def _is_asked(check: Check, guards: bool) -> bool:
    """Whether a check means something for given rows: they are few, and other tables of the target are not there."""
    if check.kind in (CheckKind.ROWS, CheckKind.FRESH):
        return guards
    return check.kind is not CheckKind.REFERENCES


def _fill_source(
    spec: PipelineSpec, given: Given, scratch: Scratch, looked_up: Types
) -> tuple[PipelineSpec, Mapping[str, Types]]:
    """The source's tables, and the spec that reads its file where that is given; the columns of each table."""
    declared, read = {**looked_up, **declared_types(spec)}, {**looked_up, **read_columns(spec)}
    if spec.source.file is not None:
        return _give_file(spec, given, scratch, looked_up), {}
    if spec.source.table is not None:
        table = spec.source.table
        rows = given.source(table, scratch.session)
        types = _fold(make_table(in_source(table), rows, declared, read, scratch.session))
        _empty_texts(spec, table, types, scratch)
        return spec, {"": types, table.table.lower(): types}
    found: dict[str, Types] = {}
    for table in query_tables(spec):
        if table.table.lower() == DUAL:
            dual = DuckDBIdioms().qualify(in_source(TableName(table=DUAL)))
            scratch.session.execute(f"CREATE OR REPLACE TABLE {dual} AS SELECT 'X' AS dummy")
            continue
        rows = given.source(table, scratch.session)
        types = _fold(make_table(in_source(table), rows, declared, {}, scratch.session))
        _empty_texts(spec, table, types, scratch)
        other = found.get(table.table.lower(), types)
        # Two schemas may have tables of that name: what differs there nobody can tell by the name alone.
        unlike = {name for name in other.keys() & types.keys() if other[name] != types[name]}
        both = {**other, **types}
        found[table.table.lower()] = {name: kind for name, kind in both.items() if name not in unlike}
    return spec, found


def _empty_texts(spec: PipelineSpec, table: TableName, types: Types, scratch: Scratch) -> None:
    """Where the source holds no empty text, a given one is NULL, as it would have been stored."""
    if source_dialect(spec) not in EMPTY_IS_NULL:
        return
    idioms = DuckDBIdioms()
    for name in (idioms.quote(name) for name, kind in types.items() if kind.family == "text"):
        scratch.session.execute(f"UPDATE {idioms.qualify(in_source(table))} SET {name} = NULL WHERE {name} = ''")


def _fold(types: Mapping[str, DataType]) -> Types:
    return {name.lower(): data_type for name, data_type in types.items()}


def read_tables(spec: PipelineSpec) -> Iterator[TableName]:
    """The tables that the source is, or that its query reads; none where it is a file."""
    if spec.source.table is not None:
        yield spec.source.table
    elif spec.source.query is not None:
        yield from query_tables(spec)


def query_tables(spec: PipelineSpec) -> Iterator[TableName]:
    """The tables that the source's query reads."""
    import sqlglot
    from sqlglot import exp

    query = hold_places(str(spec.source.query))
    try:
        tree = sqlglot.parse_one(query, read=source_dialect(spec) or STANDARD, error_level=sqlglot.ErrorLevel.RAISE)
    except sqlglot.ParseError as error:
        raise PlanRefused(
            f'the query is not standard SQL, and the url of "{spec.source.connection}" hides which database reads it: '
            "write the url with its database, such as postgresql://..., and only its secrets as references"
        ) from error
    local = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    seen: set[str] = set()
    for table in tree.find_all(exp.Table):
        name = TableName(table=table.name, schema=table.db or None, catalog=table.catalog or None)
        is_local = name.schema is None and name.table.lower() in local
        if isinstance(table.this, exp.Identifier) and not is_local and str(name).lower() not in seen:
            seen.add(str(name).lower())
            yield name


def _give_file(spec: PipelineSpec, given: Given, scratch: Scratch, looked_up: Types) -> PipelineSpec:
    """The spec over the file that is given, or over a table of the rows that are."""
    pattern = given.files(str(spec.source.file))
    if pattern is not None:
        return replace(spec, source=replace(spec.source, file=pattern))
    rows = given.source(None, scratch.session)
    declared, read = {**looked_up, **declared_types(spec)}, {**looked_up, **read_columns(spec)}
    if str(spec.source.file).lower().endswith(CSV_ENDINGS):
        # What a CSV holds arrives as text, and is cast when it is staged.
        declared, read = dict.fromkeys(declared, TEXT), dict.fromkeys(read, TEXT)
    table = TableName(table=ROWS_TABLE)
    make_table(in_source(table), rows, declared, read, scratch.session)
    source = replace(spec.source, file=None, connection=spec.target.connection, table=table)
    return replace(spec, source=source)


def _replace_connection(connection: Connection) -> Connection:
    return Connection(name=connection.name, url=SecretText(template=SCRATCH_URL), file=connection.file)


def _without_catalog(source: Source) -> Source:
    return replace(source, table=replace(source.table, catalog=None)) if source.table else source
