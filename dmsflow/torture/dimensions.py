"""The dimensions that a tortured spec looks keys up in: a file of them, and a copy in each scratch target.

They are the same on every day, so that what a lookup finds does not depend on when a run was killed.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from dmsflow.compiler.load import load_spec
from dmsflow.compiler.statements import compile_statement, create_table
from dmsflow.engines.access import Access
from dmsflow.engines.address import resolve
from dmsflow.engines.connections import open_engine
from dmsflow.engines.duckdb import DuckDBEngine, DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms, write_text
from dmsflow.engines.engine import Engine, Session, Value, transaction
from dmsflow.model.plan import Side
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import DataType, TableName
from dmsflow.rehearsal.made_up import POOL
from dmsflow.rehearsal.made_up_dimensions import expect_one_key, list_dimensions, make_up
from dmsflow.rehearsal.sampled_dimensions import read_dimensions
from dmsflow.torture.layout import name_dimensions
from dmsflow.torture.scratch import TARGET, Place, Scratch

FILE, INCOMING = "written", "_dms_versions"
BATCH_ROWS = 50_000
quote = DuckDBIdioms().quote


def sample_dimensions(spec: PipelineSpec, access: Access, file: Path, pool: DuckDBSession) -> None:
    """Copy the versions of the keys that the pool names. Raises PlanRefused where a dimension is not there."""

    def keys(sources: Sequence[str]) -> Sequence[tuple[Value, ...]]:
        picked = ", ".join(f"CAST({quote(source)} AS VARCHAR)" for source in sources)
        return pool.fetch(f"SELECT DISTINCT {picked} FROM {POOL}")

    named = name_dimensions(spec)
    if not named:
        return
    with _written(file, pool), closing(access.open_target()) as session:
        for reading in read_dimensions(spec, access.target, session):
            table = f"{FILE}.main.{quote(named[reading.dimension.table])}"
            reading.define(table, pool)
            reading.copy(keys, table, pool)


def make_dimensions(spec: PipelineSpec, types: dict[str, DataType], seed: int, file: Path, pool: DuckDBSession) -> None:
    """Make versions up for most of the keys that the pool names. Raises PlanRefused."""
    dimensions, named = list_dimensions(spec), name_dimensions(spec)
    expect_one_key(dimensions)
    if not dimensions:
        return
    with _written(file, pool):
        for dimension in dimensions:
            table = f"{FILE}.main.{quote(named[dimension.table])}"
            make_up(dimension, table, POOL, dimension.columns(types), seed, pool)


@contextmanager
def _written(file: Path, pool: DuckDBSession) -> Iterator[None]:
    pool.execute(f"ATTACH {write_text(str(file))} AS {FILE}")
    try:
        yield
    finally:
        pool.execute(f"DETACH {FILE}")


def fill_place(scratch: Scratch, place: Place) -> None:
    """Copy all of them into the target of a place."""
    if not scratch.dimensions.exists():
        return
    spec = load_spec(place.spec_file).raise_if_rejected()
    made, engine = DuckDBEngine(str(scratch.dimensions), read_only=True), open_engine(resolve(spec.connection(TARGET)))
    with closing(made), closing(engine), closing(made.connect()) as read, closing(engine.connect()) as session:
        if spec.target.table.schema and (schema := engine.idioms.create_schema(spec.target.table)):
            session.execute(schema)
        for (name,) in read.fetch("SELECT table_name FROM duckdb_tables()"):
            _copy(read, str(name), engine, session, spec.target.table.schema)


def _copy(read: DuckDBSession, name: str, engine: Engine, session: Session, schema: str | None) -> None:
    shape = read.describe_table(TableName(table=name))
    assert shape is not None
    idioms, table = engine.idioms, TableName(table=name, schema=schema)
    declared = ", ".join(f"{idioms.quote(it.name)} {idioms.staged_sql(it.type, 0)}" for it in shape.columns)
    listed = ", ".join(map(idioms.quote, shape.names))
    with transaction(session):
        session.execute(
            compile_statement("create", Side.TARGET, create_table(idioms, table, shape.columns), idioms).sql
        )
        session.execute(f"CREATE TEMPORARY TABLE {idioms.quote(INCOMING)} ({declared})")
        session.load(INCOMING, read.stream(f"SELECT * FROM {quote(name)}", {}, BATCH_ROWS))
        session.execute(f"INSERT INTO {idioms.qualify(table)} ({listed}) SELECT {listed} FROM {idioms.quote(INCOMING)}")
        session.execute(f"DROP TABLE {idioms.quote(INCOMING)}")
