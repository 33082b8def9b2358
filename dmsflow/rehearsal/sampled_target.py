"""What the real target has of a sample's keys. Reads it; writes to the scratch."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from dmsflow.compiler.statements import OWN_BIND
from dmsflow.compiler.user_sql import bind_params, qualify_tables
from dmsflow.engines.access import SOURCE_ALIAS
from dmsflow.engines.address import resolve
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.engine import Engine, Value
from dmsflow.model.plan import Side, Statement
from dmsflow.model.spec import PipelineSpec, param_values
from dmsflow.model.table import Column, TableName
from dmsflow.rehearsal.prepare import ROWS_TABLE, Rehearsed
from dmsflow.rehearsal.sampled import FOUND, SampledRows, copy_rows, opened, place_rows
from dmsflow.rehearsal.scratch import in_source

KEYS_AT_ONCE = 500
idioms = DuckDBIdioms()


def sample_target(spec: PipelineSpec, rehearsed: Rehearsed, sampled: SampledRows) -> SampledRows:
    """Copy what the target has of the sample's keys. Raises ConnectionFailed."""
    connection, scratch = spec.connection(spec.target.connection), rehearsed.scratch.session
    path = resolve(connection).path
    if not spec.key or (path is not None and not Path(path).exists()):
        return sampled
    if any(column.lookup and column.name in spec.key for column in spec.columns):
        note = "the key is looked up, so the target's rows of it are not known: it is taken for a new table"
        return replace(sampled, notes=(*sampled.notes, note))
    keys = iter(_read_keys(rehearsed))
    with opened(connection) as engine, closing(engine.connect()) as session:
        table = engine.locate(spec.target.table)
        shape = session.describe_table(table)
        was = {column.name: column.was for column in spec.columns if column.was}
        columns = [shape.find(name) or shape.find(was.get(name, name)) for name in spec.key] if shape else [None]
        if shape is None or any(column is None for column in columns):
            return sampled
        known = [column for column in columns if column is not None]
        wanted, more = ["1 = 0"], False
        while wanted:
            sql = f"SELECT * FROM {engine.idioms.qualify(table)} WHERE {' OR '.join(wanted)}"
            statement = Statement(name="find_target", side=Side.TARGET, sql=sql)
            copy_rows(session, statement, spec, shape, place_rows(FOUND), scratch, more=more)
            wanted, more = [equals_key(engine, known, key) for key in islice(keys, KEYS_AT_ONCE)], True
    return replace(sampled, target_columns=shape.columns)


def _read_keys(rehearsed: Rehearsed) -> Sequence[tuple[Value, ...]]:
    """The different keys of the sample, as the spec makes them of it."""
    spec = rehearsed.loaded.raise_if_rejected()
    columns: Mapping[str, str] = {
        column.name: bind_params(f"({column.expr})", "$") if column.expr else idioms.quote(column.source or column.name)
        for column in spec.columns
        if not column.has_value
    }
    return read_distinct(rehearsed, [columns.get(name, idioms.quote(name)) for name in spec.key])


def read_distinct(rehearsed: Rehearsed, values: Sequence[str]) -> Sequence[tuple[Value, ...]]:
    """The different values of expressions over the sample, as text."""
    spec = rehearsed.loaded.raise_if_rejected()
    picked = ", ".join(f"CAST({value} AS VARCHAR)" for value in values)
    table = idioms.qualify(in_source(TableName(table=ROWS_TABLE)))
    if spec.source.query is not None:
        table = f"({qualify_tables(bind_params(spec.source.query, '$'), SOURCE_ALIAS)}) AS src"
    sql = f"SELECT DISTINCT {picked} FROM {table}"
    if spec.source.where is not None:
        sql += f" WHERE {bind_params(spec.source.where, '$')}"
    params = param_values(spec.params)
    return rehearsed.scratch.session.fetch(sql, {name: params[name] for name in set(OWN_BIND.findall(sql))})


def equals_key(engine: Engine, columns: Sequence[Column], key: Sequence[Value]) -> str:
    """SQL by which a row of a table has this key."""
    pairs = zip(columns, key, strict=True)
    parts = (f"{engine.idioms.quote(c.name)} = {engine.idioms.constant(value, c.type)}" for c, value in pairs)
    return f"({' AND '.join(parts)})" if None not in key else "1 = 0"
