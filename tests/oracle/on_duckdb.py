"""An Oracle that is none: a session takes Oracle's SQL, and DuckDB runs what it is translated to.

It keeps what a translation would lose: the declared types of columns, and that a text without a character is NULL.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from msgspec.structs import replace

from dmsflow.engines.access import Access
from dmsflow.engines.duckdb import DuckDBEngine, DuckDBSession
from dmsflow.engines.oracle_sql import TEMPORARY, TRAITS, OracleIdioms
from dmsflow.model.table import Column, DataType, TableShape, TypeName
from tests.oracle.translate import PREPARED, translate

SHAPES = {
    "TIMESTAMP": DataType(name=TypeName.TIMESTAMP),
    "TIMESTAMP_S": DataType(name=TypeName.TIMESTAMP, native="DATE", foreign=True),
}


class OracleOnDuckDB:
    """The engine of a DuckDB file that passes for Oracle."""

    # DuckDB has no savepoints; all else is Oracle's.
    traits = replace(TRAITS, savepoints=False)
    idioms = OracleIdioms()

    def __init__(self, path: Path) -> None:
        self._engine = DuckDBEngine(str(path))
        self.said: set[str] = set()

    def connect(self) -> "TranslatingSession":
        return TranslatingSession(self, self._engine.connect())

    def locate(self, table):
        return table

    def heed(self, stopping) -> None:
        self._engine.heed(stopping)

    def close(self) -> None:
        self._engine.close()


class TranslatingSession:
    """A session of DuckDB, for statements in Oracle's words."""

    def __init__(self, engine: OracleOnDuckDB, session: DuckDBSession) -> None:
        self._engine, self._session = engine, session
        self.traits = engine.traits
        for statement in PREPARED:
            session.execute(statement)

    def _run(self, run, sql: str, binds):
        self._engine.said.add(sql)
        result = None
        for statement in translate(sql):
            names = {name: value for name, value in (binds or {}).items() if f"${name}" in statement}
            result = run(statement, names)
        return result

    def execute(self, sql: str, binds=None) -> int:
        return self._run(self._session.execute, sql, binds) or 0

    def fetch(self, sql: str, binds=None) -> list[tuple]:
        return self._run(self._session.fetch, sql, binds)

    def load(self, table: str, batches: pa.RecordBatchReader) -> int:
        """As the driver sends them: a text without a character is NULL, a boolean is a number."""
        self._session.register("sent", batches)
        try:
            listed = ", ".join(_as_sent(field) for field in batches.schema)
            return self._session.execute(f'INSERT INTO "{TEMPORARY[table]}" BY NAME SELECT {listed} FROM "sent"')
        finally:
            self._session.unregister("sent")

    def begin(self) -> None:
        self._session.begin()

    def commit(self) -> None:
        self._session.commit()

    def rollback(self) -> None:
        self._session.rollback()

    def describe_table(self, table):
        """As Oracle's catalog would: a text without a length is a CLOB, but for the keys, which say so."""
        found = self._session.describe_table(table)
        if found is None:
            return None
        return TableShape(columns=tuple(replace(column, type=_as_oracle(column)) for column in found.columns))

    def unique_keys(self, table):
        return ()

    def range_columns(self, table, current: str):
        return ("k", "l")

    def estimate_rows(self, table):
        return self._session.estimate_rows(table)

    def close(self) -> None:
        self._session.close()


def _as_sent(field: pa.Field) -> str:
    name = OracleIdioms().quote(field.name)
    if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
        return f"nullif({name}, '') AS {name}"
    return f"CAST({name} AS INTEGER) AS {name}" if pa.types.is_boolean(field.type) else name


def _as_oracle(column: Column) -> DataType:
    native = str(column.type.native or "")
    return SHAPES.get(native, column.type)


@contextmanager
def open_translated(folder: Path) -> Iterator[tuple[Access, OracleOnDuckDB]]:
    """The source as DuckDB has it, the target as Oracle would."""
    source, target = DuckDBEngine(str(folder / "source.db"), read_only=True), OracleOnDuckDB(folder / "target.db")
    try:
        yield Access(target=target, source=source), target
    finally:
        target.close()
        source.close()
