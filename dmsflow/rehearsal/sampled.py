"""A sample of the real source, and what the real target has of its keys. Reads both; writes to neither."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.questions import source_sql
from dmsflow.compiler.rules.sql import sql_is_read_by
from dmsflow.compiler.statements import compile_statement
from dmsflow.compiler.survey import survey_source
from dmsflow.engines.access import Access
from dmsflow.engines.address import resolve
from dmsflow.engines.connections import open_engine
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.engine import Engine, Session, Value, one_state
from dmsflow.errors import DatabaseError, PlanRefused, SpecRejected
from dmsflow.events import redact
from dmsflow.model.facts import SourceFacts
from dmsflow.model.plan import Side, Statement
from dmsflow.model.spec import Connection, PipelineSpec, SecretText, param_values
from dmsflow.model.table import Column, TableName, TableShape
from dmsflow.rehearsal.given import GivenRows
from dmsflow.rehearsal.joins import NotSampled
from dmsflow.rehearsal.joins import Side as JoinSide
from dmsflow.rehearsal.prepare import ROWS_TABLE, Rehearsed
from dmsflow.rehearsal.sample_sql import NUMBER, find_start, find_step, qualify
from dmsflow.rehearsal.sampled_joins import Fetch, SampledQuery, plan_fetches, read_query, sample_order
from dmsflow.rehearsal.scratch import Scratch, in_source
from dmsflow.rehearsal.translate import translate_spec
from dmsflow.scd.shape import Element, Query, at_most
from dmsflow.transfer import BATCH_ROWS

idioms = DuckDBIdioms()
GROUPED = "aggregates, windows and limits of the query are computed over the sample: they tell nothing of all rows"
SAMPLE, FOUND, DIMENSION = "_dms_sample", "_dms_found", "_dms_dimension"


class Sampled(Struct, frozen=True, kw_only=True):
    """What was read of one table of the source, or of the whole source."""

    table: str
    rows: int
    of: int | None
    """How many there are, where they were counted."""
    by: tuple[str, ...]
    """The equalities by which the rows are found that meet those above; none where rows are taken by themselves."""


class SampledRows(Struct, frozen=True, kw_only=True):
    """Rows that lie in the scratch already: of the source as a whole, or by table."""

    source_columns: tuple[Column, ...] = ()
    by_table: Mapping[str, tuple[Column, ...]] = {}
    dimensions: Mapping[str, tuple[Column, ...]] = {}
    target_columns: tuple[Column, ...] | None = None
    read: tuple[Sampled, ...] = ()
    notes: tuple[str, ...] = ()

    def source(self, table: TableName | None, session: DuckDBSession) -> GivenRows:
        """The sample."""
        name = str(table).lower()
        if name in self.by_table:
            return _given(f"{SAMPLE}_{list(self.by_table).index(name)}", self.by_table[name])
        return _given(SAMPLE, self.source_columns)

    def files(self, pattern: str) -> str | None:
        """None: there is no file."""
        return None

    def target(self, table: TableName, session: DuckDBSession) -> GivenRows | None:
        """What the target has of the sample's keys; None where there is no target."""
        return None if self.target_columns is None else _given(FOUND, self.target_columns)

    def dimension(self, table: TableName, session: DuckDBSession) -> GivenRows | None:
        """What it is like; its rows are sampled once those are known that look for them."""
        place = list(self.dimensions).index(str(table).lower())
        return replace(_given(f"{DIMENSION}_{place}", self.dimensions[str(table).lower()]), whole=True)


Sample = tuple[PipelineSpec, SampledRows]
"""The spec that reads a sample, and the sample."""


def place_rows(name: str) -> str:
    """A table of the scratch, as SQL names it."""
    return idioms.qualify(in_source(TableName(table=name)))


def _given(name: str, columns: tuple[Column, ...]) -> GivenRows:
    return GivenRows(relation=place_rows(name), columns=columns, as_text=False, origin="the sample")


def sample_source(
    spec: PipelineSpec, rows: int, seed: int, scratch: DuckDBSession, notes: tuple[str, ...] = ()
) -> Sample:
    """Copy rows that the spec reads, its query and its predicate run by the source; and the spec that reads the copy.

    Those of a table are spread over its key; a query is not run twice, and gives its first rows. Raises
    ConnectionFailed, SpecRejected.
    """
    with _source_of(spec) as (engine, session):
        access = Access(target=engine)
        located = access.locate(spec)
        facts = survey_source(located, access, session)
        key = sample_order(spec, facts.shape, facts.unique)
        with one_state(session):
            total = _count_source(located, facts, access, session) if spec.source.query is None and key else None
            if total is None or total <= rows:
                statement = _select(located, facts, access, rows)
            else:
                statement = _spread(located, facts, access, key, rows, total, seed)
            copy_rows(session, statement, spec, facts.shape, place_rows(SAMPLE), scratch)
    source = replace(spec.source, table=TableName(table=ROWS_TABLE), query=None, where=None)
    read = Sampled(table=str(spec.source.table or "the query"), rows=count_rows(SAMPLE, scratch), of=total, by=())
    sampled = SampledRows(source_columns=facts.shape.columns, read=(read,), notes=notes)
    return replace(_without_secrets(spec), source=source), sampled


def sample_tables(spec: PipelineSpec, rows: int, seed: int, scratch: Scratch) -> Sample:
    """Copy rows of every table that the query reads, so that those which join are there together.

    Raises NotSampled where the query has to be sampled as a whole; ConnectionFailed, SpecRejected.
    """
    if spec.source.query is None:
        raise NotSampled("the source is one table")
    with _source_of(spec) as (engine, session), one_state(session):
        query = read_query(spec, engine, session)
        local = _without_secrets(query.spec)
        _check_translation(local, query, scratch)
        read: list[Sampled] = []
        notes: list[str] = []

        def count(statement: Statement) -> int:
            return int(str(session.fetch(statement.sql, _binds(spec, statement))[0][0]))

        try:
            for fetch in plan_fetches(query, rows, seed, count):
                name, statement = f"{SAMPLE}_{fetch.table}", query.statement("sample", fetch.select)
                copy_rows(session, statement, spec, query.shape(fetch.table), place_rows(name), scratch.session)
                read.append(_describe(fetch, query, count_rows(name, scratch.session)))
                notes += _note_alone(fetch, query, rows)
            if query.joins.grouped and any(part.of is not None and part.of > rows for part in read):
                notes.append(GROUPED)
        except DatabaseError as error:
            raise NotSampled(f"the source refuses to read a table of it by itself: {redact(str(error))}") from error
    columns = {str(name).lower(): query.shape(i).columns for i, name in enumerate(query.names)}
    return local, SampledRows(by_table=columns, read=tuple(read), notes=tuple(notes))


def try_query(rehearsed: Rehearsed, sampled: SampledRows) -> None:
    """Raise NotSampled where DuckDB refuses the translated query, or finds no row for it in the sample of a table."""
    spec, scratch = rehearsed.loaded.raise_if_rejected(), rehearsed.scratch
    try:
        facts = survey_source(spec, scratch.access, scratch.session)
        sql = source_sql(spec, facts, scratch.access)
        one: Query = sa.select(sa.literal_column("1").label("found")).select_from(sql.relation().alias("src"))
        tried = at_most(one.where(sql.filter()), 1)
        statement = compile_statement("try", Side.SOURCE, tried, idioms)
        found = scratch.session.fetch(statement.sql, _binds(spec, statement))
    except (SpecRejected, DatabaseError) as error:
        raise NotSampled(f"DuckDB does not take it: {redact(' '.join(str(error).split()))}") from error
    if not found and any(part.of is not None and part.of > part.rows for part in sampled.read):
        raise NotSampled("no row of the sample meets its predicates")


def _check_translation(spec: PipelineSpec, query: SampledQuery, scratch: Scratch) -> None:
    """Raise NotSampled where the SQL of the source cannot be said in DuckDB; expressions must be in any case."""
    types = {
        name.table.lower(): {column.name.lower(): column.type for column in query.shape(i).columns}
        for i, name in enumerate(query.names)
    }
    for problem in translate_spec(spec, types, scratch.functions)[1]:
        if problem.path[:1] == ("source",):
            raise NotSampled(problem.message)


def _note_alone(fetch: Fetch, query: SampledQuery, rows: int) -> Iterator[str]:
    """What is to be said of a table that no equality leads to."""
    if fetch.edges or fetch.table == query.leader:
        return
    part = (
        f"so {rows} rows of it are taken, and joins may miss others"
        if (fetch.total or 0) > rows
        else "so it is taken whole"
    )
    yield f"no equality of the query leads to {query.written(fetch.table)}, {part}"


def _describe(fetch: Fetch, query: SampledQuery, rows: int) -> Sampled:
    def write(side: JoinSide) -> str:
        return qualify(side.value, query.joins.tables[side.table].alias_or_name, quoted=False).sql(query.dialect)

    by = tuple(f"{write(edge.parent)} = {write(edge.child)}" for edge in fetch.edges)
    return Sampled(table=query.written(fetch.table), rows=rows, of=fetch.total, by=tuple(dict.fromkeys(by)))


@contextmanager
def _source_of(spec: PipelineSpec) -> Iterator[tuple[Engine, Session]]:
    """The source, open. Raises ConnectionFailed, SpecRejected."""
    if spec.source.connection is None:
        raise PlanRefused("the source is a file, and there is nothing to sample: give its folder with --data")
    with opened(spec.connection(spec.source.connection)) as engine, closing(engine.connect()) as session:
        if problems := tuple(sql_is_read_by(spec, session.traits.name)):
            raise SpecRejected(problems)
        yield engine, session


def _without_secrets(spec: PipelineSpec) -> PipelineSpec:
    """The spec whose source tells which database it is, and nothing else."""
    name = str(spec.source.connection)
    scheme = Connection(name=name, url=SecretText(template=f"{resolve(spec.connection(name)).scheme}://sampled"))
    others = tuple(connection for connection in spec.connections if connection.name != name)
    return replace(spec, connections=(*others, scheme))


@contextmanager
def opened(connection: Connection) -> Iterator[Engine]:
    """The database of a connection, to read. Raises ConnectionFailed."""
    engine = open_engine(resolve(connection), read_only=True)
    try:
        yield engine
    finally:
        engine.close()


def _select(spec: PipelineSpec, facts: SourceFacts, access: Access, rows: int) -> Statement:
    sql = source_sql(spec, facts, access)
    source = sql.relation().alias("src")
    query = sa.select(*(source.c[name] for name in facts.shape.names)).select_from(source).where(sql.filter())
    return compile_statement("sample", Side.SOURCE, at_most(query, rows), sql.idioms)


def _count_source(spec: PipelineSpec, facts: SourceFacts, access: Access, session: Session) -> int:
    sql = source_sql(spec, facts, access)
    query = sa.select(sa.func.count().label("n")).select_from(sql.relation().alias("src")).where(sql.filter())
    statement = compile_statement("count_rows", Side.SOURCE, query, sql.idioms)
    return int(str(session.fetch(statement.sql, _binds(spec, statement))[0][0]))


def _spread(
    spec: PipelineSpec,
    facts: SourceFacts,
    access: Access,
    key: Sequence[str],
    rows: int,
    total: int,
    seed: int,
) -> Statement:
    """So many of all rows, spread over the key; see the tables of a query."""
    sql = source_sql(spec, facts, access)
    source = sql.relation().alias("src")
    number = sa.func.row_number().over(order_by=[source.c[name] for name in key]).label(NUMBER)
    columns = [source.c[name] for name in facts.shape.names]
    numbered = sa.select(*columns, number).select_from(source).where(sql.filter()).subquery("n")
    numbers: list[Element] = [
        sa.literal_column(str(number)) for number in (find_step(total), find_start(seed, total), total, rows)
    ]
    step, start, of, few = numbers
    turn = (numbered.c[NUMBER] * step + start) % of
    query = sa.select(*(numbered.c[name] for name in facts.shape.names)).where(turn < few)
    return compile_statement("sample", Side.SOURCE, query, sql.idioms)


def _binds(spec: PipelineSpec, statement: Statement) -> dict[str, Value]:
    values = param_values(spec.params)
    return {name: values[name] for name in statement.binds}


def count_rows(name: str, scratch: DuckDBSession) -> int:
    """How many rows were copied."""
    return int(str(scratch.fetch(f"SELECT count(*) FROM {place_rows(name)}")[0][0]))


def copy_rows(
    session: Session,
    statement: Statement,
    spec: PipelineSpec,
    shape: TableShape,
    table: str,
    scratch: DuckDBSession,
    *,
    more: bool = False,
) -> None:
    """The rows of a query into a table of the scratch, of their own types also where they travel as text."""
    scratch.register("_dms_incoming", session.stream(statement.sql, _binds(spec, statement), BATCH_ROWS))
    picked = ", ".join(
        f"CAST({idioms.quote(column.name)} AS {idioms.type_sql(column.type.common)}) AS {idioms.quote(column.name)}"
        for column in shape.columns
    )
    into = f"INSERT INTO {table}" if more else f"CREATE OR REPLACE TABLE {table} AS"
    try:
        scratch.execute(f"{into} SELECT {picked} FROM _dms_incoming")
    finally:
        scratch.unregister("_dms_incoming")
