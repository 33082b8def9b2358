"""The DuckDB in memory in which a plan is rehearsed: the source in one catalog, the target in another. Runs no plan."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from msgspec import Struct

from dmsflow.engines.access import SOURCE_ALIAS, Access
from dmsflow.engines.duckdb import DuckDBEngine, DuckDBSession
from dmsflow.model.table import TableName

CLOCKS = {
    "now": "TIMESTAMPTZ",
    "get_current_timestamp": "TIMESTAMPTZ",
    "transaction_timestamp": "TIMESTAMPTZ",
    "current_localtimestamp": "TIMESTAMP",
    "current_date": "DATE",
    "today": "DATE",
    "get_current_time": "TIME",
    "current_localtime": "TIME",
}
"""DuckDB's functions that look at a clock; a macro of that name stands before them."""


class Scratch(Struct, frozen=True, kw_only=True):
    """The open database; ``session`` is the one that prepares and looks."""

    engine: DuckDBEngine
    session: DuckDBSession

    @property
    def access(self) -> Access:
        """Source and target as the compiler and the runtime take them."""
        return Access(target=self.engine, attach=SOURCE_ALIAS)

    def set_clock(self, instant: datetime) -> None:
        """Let it be that instant, for runs and for the user's SQL."""
        moment = f"TIMESTAMPTZ '{instant.isoformat(sep=' ')}+00'"
        for name, type_sql in CLOCKS.items():
            self.session.execute(f"CREATE OR REPLACE MACRO main.{name}() AS CAST({moment} AS {type_sql})")

    def functions(self) -> frozenset[str]:
        """The names of all functions that there are, in lower case."""
        rows = self.session.fetch("SELECT DISTINCT lower(function_name) FROM duckdb_functions()")
        return frozenset(str(row[0]) for row in rows)


@contextmanager
def open_scratch() -> Iterator[Scratch]:
    """A scratch that is gone at the end of the block."""
    engine = DuckDBEngine(None)
    session = engine.connect()
    try:
        session.execute(f"ATTACH ':memory:' AS {SOURCE_ALIAS}")
        yield Scratch(engine=engine, session=session)
    finally:
        session.close()
        engine.close()


def in_source(table: TableName) -> TableName:
    """The table in the source's catalog."""
    return TableName(table=table.table, schema=table.schema or "main", catalog=SOURCE_ALIAS)
