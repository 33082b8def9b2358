"""Asks both databases what the plan must know. Reads only; decides nothing but which questions to ask."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec.structs import replace

from dmsflow.compiler.chunking import Cut
from dmsflow.compiler.columns import LoadedColumn, listed_lookups, place_dimension
from dmsflow.compiler.evolution.survey import survey_evolution
from dmsflow.compiler.rules.sql import sql_is_read_by
from dmsflow.compiler.user_sql import bind_params, qualify_tables
from dmsflow.diagnostics import Diagnostic
from dmsflow.engines.access import Access
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.engine import Session
from dmsflow.errors import DatabaseError, SpecRejected
from dmsflow.events import redact
from dmsflow.marks.names import SEEN_PREFIX
from dmsflow.model.checks import CheckOn
from dmsflow.model.facts import Facts, SourceFacts, TargetFacts
from dmsflow.model.plan import CheckpointPlan, Statement
from dmsflow.model.reference import find_references
from dmsflow.model.spec import PipelineSpec, param_values
from dmsflow.model.table import Column, TableName, TableShape, UniqueKey
from dmsflow.model.watermark import Bound, Scalar, TypedValue

LEAST_REACHED = 100_000
"""Rows from which on it pays to load DuckDB's extension and attach a server."""


def survey(spec: PipelineSpec, access: Access, source: SourceFacts | None = None) -> Facts:
    """Everything the plan rests on. Raises SpecRejected where the source does not answer to the spec.

    ``source`` is what has been found of the source already.
    """
    target_session = access.open_target()
    source_session = access.open_source()
    try:
        if problems := tuple(sql_is_read_by(spec, source_session.traits.name)):
            raise SpecRejected(problems)
        source = source or reach_source(survey_source(spec, access, source_session), access)
        target = _survey_target(spec, access, target_session)
        facts = Facts(source=source, target=target, dimensions=tuple(_survey_dimensions(spec, target_session)))
        facts = survey_evolution(spec, facts, access, target_session)
        if not _has_questions(spec, source):
            return facts
        from dmsflow.compiler.questions import ask

        return ask(spec, facts, access, source_session, target_session)
    finally:
        source_session.close()
        target_session.close()


def _has_questions(spec: PipelineSpec, source: SourceFacts) -> bool:
    """Whether the plan rests on more than the shapes of two tables."""
    written = spec.source.where is not None or any(column.expr is not None for column in spec.columns)
    uncounted = spec.checkpoint.counted and source.estimated_rows is None
    return written or uncounted or spec.checkpoint.by_key


def survey_source(spec: PipelineSpec, access: Access, session: Session) -> SourceFacts:
    """What the plan must know of the source. Raises SpecRejected where the source does not answer to the spec."""
    if spec.source.file is not None:
        return _survey_files(spec, access, session)
    engine = session.traits.name
    if spec.source.query is not None:
        marker = "$" if engine == "duckdb" else ":"
        query = bind_params(spec.source.query.strip().rstrip(";"), marker)
        query = qualify_tables(query, access.catalog) if access.catalog else query
        relation, estimate = f"({query})", None
        shape = _describe_query(spec, session, f"SELECT * FROM {relation} AS src")
        label = f"{spec.source.connection}: query"
        unique: tuple[UniqueKey, ...] = ()
    else:
        assert spec.source.table is not None
        name = spec.source.table
        if access.catalog and not name.catalog:
            name = TableName(table=name.table, schema=name.schema or "main", catalog=access.catalog)
        found = session.describe_table(name)
        if found is None:
            raise SpecRejected((_missing_table(spec, ("source", "table"), str(spec.source.table)),))
        shape, relation = found, access.source_idioms.qualify(name)
        unique = session.unique_keys(name)
        estimate, label = session.estimate_rows(name), f"{spec.source.connection}: {spec.source.table}"
    return SourceFacts(
        engine=engine,
        label=label,
        relation=relation,
        shape=shape,
        attach=spec.source.connection if access.attach else None,
        embedded=session.traits.embedded,
        binary_text_order=session.traits.binary_text_order,
        exports_snapshots=session.traits.exports_snapshots,
        forgets=session.traits.forgets,
        snapshot_needs=session.traits.snapshot_needs,
        sorted_digits=session.traits.sorted_digits,
        stores_nul=session.traits.stores_nul,
        unstorable=session.traits.unstorable,
        unicode=session.traits.unicode,
        loose=session.traits.loose,
        in_place=access.in_place or access.one_database,
        one_file=access.one_file,
        repeatable=spec.source.table is not None,
        unique=unique,
        estimated_rows=estimate,
    )


def reach_source(source: SourceFacts, access: Access) -> SourceFacts:
    """The source, and whether a target that may read its server does so; a small table is not worth the start."""
    if access.reach is None:
        return source
    if source.estimated_rows is not None and source.estimated_rows < LEAST_REACHED:
        few = f"about {source.estimated_rows:,} rows are too few to load DuckDB's postgres extension for"
        return replace(source, out_of_reach=few)
    obstacle = access.reach()
    return replace(source, reached=obstacle is None, out_of_reach=obstacle)


def _survey_files(spec: PipelineSpec, access: Access, session: Session) -> SourceFacts:
    from dmsflow.engines.duckdb import DuckDBSession
    from dmsflow.engines.duckdb_files import open_files

    assert isinstance(session, DuckDBSession)
    assert spec.source.file is not None
    files = open_files(session, spec.source.file)
    return SourceFacts(
        engine="duckdb",
        label=spec.source.file,
        relation=files.sql,
        shape=files.shape,
        in_place=access.in_place,
        repeatable=files.repeatable,
        as_text=files.as_text,
        formats=files.formats,
        lines=files.lines,
        estimated_rows=files.estimated_rows,
    )


def _survey_dimensions(spec: PipelineSpec, session: Session) -> Iterator[tuple[str, TableShape]]:
    """The dimensions that columns are looked up in, as far as they are there."""
    for name, lookup in listed_lookups(spec):
        shape = session.describe_table(place_dimension(spec, lookup))
        if shape is not None:
            yield name, shape


def _survey_target(spec: PipelineSpec, access: Access, session: Session) -> TargetFacts:
    traits = session.traits
    shape = session.describe_table(spec.target.table)
    return TargetFacts(
        engine=traits.name,
        embedded=traits.embedded,
        cheap_unique_index=traits.cheap_unique_index,
        stores_nan=traits.stores_nan,
        stores_far_times=traits.stores_far_times,
        stores_nul=traits.stores_nul,
        ddl_commits=traits.ddl_commits,
        empty_is_null=traits.empty_is_null,
        times_as_text=traits.times_as_text,
        unstorable=traits.unstorable,
        kept_as=traits.kept_as,
        keeps_lengths=traits.keeps_lengths,
        binary_text_order=traits.binary_text_order,
        sorted_digits=traits.sorted_digits,
        max_columns=traits.max_columns,
        longest_name=traits.longest_name,
        shape=shape,
        memory=_survey_memory(spec, session) if shape else None,
        unique=session.unique_keys(spec.target.table) if shape else (),
        range_columns=session.range_columns(spec.target.table, spec.scd.fields.is_current) if shape else None,
        estimated_rows=session.estimate_rows(spec.target.table) if shape else None,
    )


def _survey_memory(spec: PipelineSpec, session: Session) -> TableShape | None:
    """What is remembered beside the target."""
    table = spec.target.table
    memory = TableName(table=SEEN_PREFIX + table.table, schema=table.schema, catalog=table.catalog)
    return session.describe_table(memory) if spec.remembers else None


def _describe_query(spec: PipelineSpec, session: Session, sql: str) -> TableShape:
    named = {reference.name for reference in find_references(spec.source.query or "")}
    used = tuple(param for param in spec.params if param.name in named)
    try:
        return session.describe_query(sql, param_values(used))
    except DatabaseError as error:
        raise SpecRejected((refused(("source", "query"), "the source refuses the query", error),)) from error


def refused(path: tuple[str | int, ...], what: str, error: Exception) -> Diagnostic:
    """A database's own words about SQL of the spec, without secrets."""
    words = redact(" ".join(line.strip() for line in str(error).splitlines() if line.strip()))
    return Diagnostic(code="DMS306", message=f"{what}: {words}", path=path, help="correct the SQL in the spec")


def _missing_table(spec: PipelineSpec, path: tuple[str, ...], name: str) -> Diagnostic:
    return Diagnostic(
        code="DMS305",
        message=f'there is no table or view "{name}" in connection "{spec.source.connection}"',
        path=path,
        help="check schema and name, and that the user may read it",
    )


def try_checks(spec: PipelineSpec, columns: Sequence[LoadedColumn]) -> Iterator[Diagnostic]:
    """Checks that DuckDB, which stages the rows, refuses over the columns that it will stage."""
    of_rows = [(i, check) for i, check in enumerate(spec.checks) if check.on is CheckOn.ROW]
    if not of_rows:
        return
    from dmsflow.compiler.check_sql import row_predicate
    from dmsflow.engines.duckdb import DuckDBEngine

    idioms = DuckDBIdioms()
    engine = DuckDBEngine(None)
    session = engine.connect()
    known = [column for column in columns if column.spec.lookup is None]
    staged = ", ".join(f"CAST(NULL AS {idioms.type_sql(c.type)}) AS {idioms.quote(c.name)}" for c in known)
    for i, check in of_rows:
        try:
            met = f"({row_predicate(check)})"
            asked = f"SELECT {met} AS met FROM (SELECT {staged}) AS staged WHERE {met} IS FALSE"
            found = session.describe_query(asked).columns[0].type
        except DatabaseError as error:
            yield refused(("checks", i, check.kind), "the staged rows refuse the check", error)
            continue
        if found.family != "boolean":
            yield Diagnostic(
                code="DMS306",
                message=f"the check is {found}, not a predicate",
                path=("checks", i, check.kind),
                help='compare it with something, such as "amount > 0"',
            )
    session.close()
    engine.close()


def read_clock(session: Session, access: Access) -> datetime:
    """The target's clock, in UTC without a zone."""
    value = session.fetch(access.target_idioms.now)[0][0]
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


AS_TEXT = ("timestamptz", "uuid")


def read_bound(row: tuple[Scalar | None, ...], columns: list[Column]) -> tuple[TypedValue, ...]:
    """A row of key values as a bound."""
    bound = []
    for value, column in zip(row, columns, strict=True):
        assert value is not None
        if column.type.family in AS_TEXT:
            bound.append(TypedValue(family=column.type.family, text=str(value)))
        else:
            bound.append(TypedValue.of(value))
    return tuple(bound)


def read_boundaries(
    statement: Statement, spec: PipelineSpec, facts: Facts, cut: Cut, checkpoint: CheckpointPlan, access: Access
) -> tuple[Bound, ...]:
    """The first key of every chunk but the first; equal ones are one."""
    columns = [column for name in cut.keys if (column := facts.source.shape.find(name)) is not None]
    binds = {**checkpoint.binds(), **param_values(spec.params), "parts": cut.count}
    session = access.open_source()
    try:
        rows = session.fetch(statement.sql, {name: binds[name] for name in statement.binds})
    finally:
        session.close()
    return tuple(dict.fromkeys(read_bound(row, columns) for row in rows))
