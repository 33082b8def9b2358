"""Rows of the real dimensions, by the keys that sampled rows look up. Reads the target's database alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.columns import place_dimension
from dmsflow.engines.address import resolve
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.engine import Engine, Session, Value
from dmsflow.engines.name_keys import UNKNOWN_NUMBER, UNKNOWN_UUID
from dmsflow.errors import PlanRefused
from dmsflow.model.lookup import Lookup, OnMiss
from dmsflow.model.plan import Side, Statement
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import Column, TableName, TableShape
from dmsflow.rehearsal.dimensions import fill_dimensions
from dmsflow.rehearsal.made_up_dimensions import Dimension, list_dimensions
from dmsflow.rehearsal.prepare import Rehearsed
from dmsflow.rehearsal.sampled import DIMENSION, Sampled, SampledRows, copy_rows, count_rows, opened, place_rows
from dmsflow.rehearsal.sampled_target import KEYS_AT_ONCE, equals_key, read_distinct

idioms = DuckDBIdioms()
NOBODY = "1 = 0"


Keys = Callable[[Sequence[str]], Sequence[tuple[Value, ...]]]
"""The different values of source columns, as text."""


class Reading(Struct, frozen=True, kw_only=True):
    """A dimension of the target's database, open to read, and the columns of it that lookups ask for."""

    spec: PipelineSpec
    dimension: Dimension
    engine: Engine
    session: Session
    shape: TableShape

    def define(self, table: str, scratch: DuckDBSession) -> None:
        """Make a table for its rows."""
        self._copy([NOBODY], table, scratch, more=False)

    def copy(self, keys: Keys, table: str, scratch: DuckDBSession) -> None:
        """Copy the versions of these keys, whenever they hold, and the unknown member; so many keys at once."""
        conditions = self._conditions(keys)
        while wanted := list(islice(conditions, KEYS_AT_ONCE)):
            self._copy(wanted, table, scratch, more=True)
        scratch.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT DISTINCT * FROM {table}")

    def _copy(self, conditions: Sequence[str], table: str, scratch: DuckDBSession, *, more: bool) -> None:
        located = self.engine.idioms.qualify(_locate(self.spec, self.dimension, self.engine))
        listed = ", ".join(map(self.engine.idioms.quote, self.shape.names))
        sql = f"SELECT {listed} FROM {located} WHERE {' OR '.join(conditions)}"
        statement = Statement(name="find_versions", side=Side.TARGET, sql=sql)
        copy_rows(self.session, statement, self.spec, self.shape, table, scratch, more=more)

    def _conditions(self, keys: Keys) -> Iterator[str]:
        """SQL by which the versions of each key are found."""
        seen: set[tuple[tuple[str, ...], tuple[Value, ...]]] = set()
        for lookup in self.dimension.lookups:
            columns = [column for name, _ in lookup.key if (column := self.shape.find(name)) is not None]
            if len(columns) < len(lookup.key):
                continue
            names = tuple(column.name for column in columns)
            for key in keys([source for _, source in lookup.key]):
                if (names, key) not in seen:
                    seen.add((names, key))
                    yield equals_key(self.engine, columns, key)
            surrogate = self.shape.find(lookup.surrogate_key)
            if lookup.on_miss is OnMiss.UNKNOWN and surrogate is not None:
                numeric = surrogate.type.family in ("integer", "decimal")
                yield equals_key(self.engine, [surrogate], (str(UNKNOWN_NUMBER if numeric else UNKNOWN_UUID),))


def describe_dimensions(spec: PipelineSpec, sampled: SampledRows, scratch: DuckDBSession) -> SampledRows:
    """The sample, with the dimensions as the target's database has them, but for their rows. Raises PlanRefused."""
    described: dict[str, tuple[Column, ...]] = {}
    with _open(spec) as readings:
        for i, reading in enumerate(readings):
            reading.define(place_rows(f"{DIMENSION}_{i}"), scratch)
            described[str(reading.dimension.table).lower()] = reading.shape.columns
    return replace(sampled, dimensions=described)


def sample_dimensions(spec: PipelineSpec, rehearsed: Rehearsed, sampled: SampledRows) -> SampledRows:
    """Fill them with the rows that the sample looks for."""
    scratch, read = rehearsed.scratch.session, []

    def keys(sources: Sequence[str]) -> Sequence[tuple[Value, ...]]:
        return read_distinct(rehearsed, [idioms.quote(source) for source in sources])

    with _open(spec) as readings:
        for i, reading in enumerate(readings):
            name = f"{DIMENSION}_{i}"
            reading.copy(keys, place_rows(name), scratch)
            by = tuple(f"{source} = {column}" for it in reading.dimension.lookups for column, source in it.key)
            rows, table = count_rows(name, scratch), str(reading.dimension.table)
            read.append(Sampled(table=table, rows=rows, of=None, by=tuple(dict.fromkeys(by))))
    if read:
        fill_dimensions(rehearsed.loaded.raise_if_rejected(), sampled, scratch, {})
    return replace(sampled, read=(*sampled.read, *read))


@contextmanager
def _open(spec: PipelineSpec) -> Iterator[tuple[Reading, ...]]:
    """Every dimension of a spec, open to read. Raises PlanRefused where one is not there."""
    dimensions, connection = list_dimensions(spec), spec.connection(spec.target.connection)
    path = resolve(connection).path if dimensions else None
    if not dimensions:
        yield ()
    elif path is not None and not Path(path).exists():
        raise _missing(dimensions[0].table)
    else:
        with opened(connection) as engine, closing(engine.connect()) as session:
            yield read_dimensions(spec, engine, session)


def read_dimensions(spec: PipelineSpec, engine: Engine, session: Session) -> tuple[Reading, ...]:
    """The dimensions of a spec in its target's database. Raises PlanRefused where one is not there."""
    return tuple(_describe(spec, dimension, engine, session) for dimension in list_dimensions(spec))


def _describe(spec: PipelineSpec, dimension: Dimension, engine: Engine, session: Session) -> Reading:
    shape = session.describe_table(_locate(spec, dimension, engine))
    if shape is None:
        raise _missing(dimension.table)
    narrow = _narrow(dimension, shape)
    return Reading(spec=spec, dimension=dimension, engine=engine, session=session, shape=narrow)


def _missing(table: TableName) -> PlanRefused:
    return PlanRefused(f'there is no dimension "{table}" in the target\'s database: load the dimension first')


def _locate(spec: PipelineSpec, dimension: Dimension, engine: Engine) -> TableName:
    return engine.locate(place_dimension(spec, dimension.lookups[0]))


def _narrow(dimension: Dimension, shape: TableShape) -> TableShape:
    """The columns that lookups ask for, as far as they are there: what is not is for the compiler to tell."""
    wanted = {name.lower() for lookup in dimension.lookups for name in _named(lookup)}
    return TableShape(columns=tuple(column for column in shape.columns if column.name.lower() in wanted))


def _named(lookup: Lookup) -> Iterator[str]:
    fields = lookup.fields
    yield from (name for name, _ in lookup.key)
    yield from (lookup.surrogate_key, fields.valid_from, fields.valid_to, fields.is_current)
