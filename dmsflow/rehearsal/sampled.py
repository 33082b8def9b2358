"""A sample of the real source, and what the real target has of its keys. Reads both; writes to neither."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.questions import source_sql
from dmsflow.compiler.rules.sql import sql_is_read_by
from dmsflow.compiler.statements import OWN_BIND, compile_statement
from dmsflow.compiler.survey import survey_source
from dmsflow.compiler.user_sql import bind_params
from dmsflow.engines.access import Access
from dmsflow.engines.address import resolve
from dmsflow.engines.connections import open_engine
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.engine import Engine, Session, Value
from dmsflow.errors import PlanRefused, SpecRejected
from dmsflow.model.facts import SourceFacts
from dmsflow.model.plan import Side, Statement
from dmsflow.model.spec import Connection, PipelineSpec, SecretText, param_values
from dmsflow.model.table import Column, TableName, TableShape
from dmsflow.rehearsal.given import GivenRows
from dmsflow.rehearsal.prepare import ROWS_TABLE, Rehearsed
from dmsflow.rehearsal.scratch import in_source
from dmsflow.transfer import BATCH_ROWS

KEYS_AT_ONCE = 500
idioms = DuckDBIdioms()
SAMPLE, FOUND = "_dms_sample", "_dms_found"


class SampledRows(Struct, frozen=True, kw_only=True):
    """Rows that lie in the scratch already."""

    source_columns: tuple[Column, ...]
    target_columns: tuple[Column, ...] | None = None

    def source(self, table: TableName | None, session: DuckDBSession) -> GivenRows:
        """The sample."""
        return _given(SAMPLE, self.source_columns)

    def files(self, pattern: str) -> str | None:
        """None: there is no file."""
        return None

    def target(self, table: TableName, session: DuckDBSession) -> GivenRows | None:
        """What the target has of the sample's keys; None where there is no target."""
        return None if self.target_columns is None else _given(FOUND, self.target_columns)


def _given(name: str, columns: tuple[Column, ...]) -> GivenRows:
    relation = idioms.qualify(in_source(TableName(table=name)))
    return GivenRows(relation=relation, columns=columns, as_text=False, origin="the sample")


def sample_source(spec: PipelineSpec, rows: int, scratch: DuckDBSession) -> tuple[PipelineSpec, SampledRows]:
    """Copy rows that the spec reads, its query and its predicate run by the source; and the spec that reads the copy.

    A query is sampled as a whole, so that its joins find their rows. Raises ConnectionFailed, SpecRejected.
    """
    if spec.source.connection is None:
        raise PlanRefused("the source is a file, and there is nothing to sample: give its folder with --data")
    address = resolve(spec.connection(spec.source.connection))
    with _opened(spec.connection(spec.source.connection)) as engine, closing(engine.connect()) as session:
        if problems := tuple(sql_is_read_by(spec, session.traits.name)):
            raise SpecRejected(problems)
        access = Access(target=engine)
        located = access.locate(spec)
        facts = survey_source(located, access, session)
        _copy(session, _select(located, facts, access, rows), spec, facts.shape, SAMPLE, scratch)
    scheme = Connection(name=spec.source.connection, url=SecretText(template=f"{address.scheme}://sampled"))
    others = tuple(connection for connection in spec.connections if connection.name != scheme.name)
    source = replace(spec.source, table=TableName(table=ROWS_TABLE), query=None, where=None)
    return replace(spec, source=source, connections=(*others, scheme)), SampledRows(source_columns=facts.shape.columns)


def sample_target(spec: PipelineSpec, rehearsed: Rehearsed, sampled: SampledRows) -> SampledRows:
    """Copy what the target has of the sample's keys. Raises ConnectionFailed."""
    connection, scratch = spec.connection(spec.target.connection), rehearsed.scratch.session
    path = resolve(connection).path
    if not spec.key or (path is not None and not Path(path).exists()):
        return sampled
    keys = iter(_read_keys(rehearsed))
    with _opened(connection) as engine, closing(engine.connect()) as session:
        table = engine.locate(spec.target.table)
        shape = session.describe_table(table)
        columns = [shape.find(name) for name in spec.key] if shape else [None]
        if shape is None or any(column is None for column in columns):
            return sampled
        known = [column for column in columns if column is not None]
        wanted, more = ["1 = 0"], False
        while wanted:
            sql = f"SELECT * FROM {engine.idioms.qualify(table)} WHERE {' OR '.join(wanted)}"
            statement = Statement(name="find_target", side=Side.TARGET, sql=sql)
            _copy(session, statement, spec, shape, FOUND, scratch, more=more)
            wanted, more = [_equals(engine, known, key) for key in islice(keys, KEYS_AT_ONCE)], True
    return replace(sampled, target_columns=shape.columns)


@contextmanager
def _opened(connection: Connection) -> Iterator[Engine]:
    engine = open_engine(resolve(connection), read_only=True)
    try:
        yield engine
    finally:
        engine.close()


def _select(spec: PipelineSpec, facts: SourceFacts, access: Access, rows: int) -> Statement:
    sql = source_sql(spec, facts, access)
    source = sql.relation().alias("src")
    query = sa.select(*(source.c[name] for name in facts.shape.names)).select_from(source).where(sql.filter())
    return compile_statement("sample", Side.SOURCE, query.suffix_with(sa.text(f"LIMIT {rows}")), sql.idioms)


def _copy(
    session: Session,
    statement: Statement,
    spec: PipelineSpec,
    shape: TableShape,
    name: str,
    scratch: DuckDBSession,
    *,
    more: bool = False,
) -> None:
    """The rows of a query into a table of the scratch, of their own types also where they travel as text."""
    values = param_values(spec.params)
    binds = {name: values[name] for name in statement.binds}
    scratch.register("_dms_incoming", session.stream(statement.sql, binds, BATCH_ROWS))
    table = idioms.qualify(in_source(TableName(table=name)))
    picked = ", ".join(
        f"CAST({idioms.quote(column.name)} AS {idioms.type_sql(column.type.common)}) AS {idioms.quote(column.name)}"
        for column in shape.columns
    )
    into = f"INSERT INTO {table}" if more else f"CREATE OR REPLACE TABLE {table} AS"
    try:
        scratch.execute(f"{into} SELECT {picked} FROM _dms_incoming")
    finally:
        scratch.unregister("_dms_incoming")


def _read_keys(rehearsed: Rehearsed) -> Sequence[tuple[Value, ...]]:
    """The different keys of the sample, as the spec makes them of it."""
    spec = rehearsed.loaded.raise_if_rejected()
    columns: Mapping[str, str] = {
        column.name: bind_params(f"({column.expr})", "$") if column.expr else idioms.quote(column.source or column.name)
        for column in spec.columns
        if not column.has_value
    }
    picked = ", ".join(f"CAST({columns.get(name, idioms.quote(name))} AS VARCHAR)" for name in spec.key)
    table = idioms.qualify(in_source(TableName(table=ROWS_TABLE)))
    values = param_values(spec.params)
    binds = {name: values[name] for name in OWN_BIND.findall(picked)}
    return rehearsed.scratch.session.fetch(f"SELECT DISTINCT {picked} FROM {table}", binds)


def _equals(engine: Engine, columns: Sequence[Column], key: Sequence[Value]) -> str:
    """SQL by which a row of the target has this key."""
    pairs = zip(columns, key, strict=True)
    parts = (f"{engine.idioms.quote(c.name)} = {engine.idioms.constant(value, c.type)}" for c, value in pairs)
    return f"({' AND '.join(parts)})" if None not in key else "1 = 0"
