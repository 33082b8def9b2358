"""One side, asked: by its own session, or by DuckDB over the rows that its session streams. Decides nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from dmsflow.compiler.build import INCOMING
from dmsflow.compiler.statements import compile_statement
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.engine import Row, Session, Value
from dmsflow.model.plan import Side, Statement
from dmsflow.transfer import BATCH_ROWS
from dmsflow.transfer.arrow import own_errors
from dmsflow.verify.checksums import Ask, Questions
from dmsflow.verify.sides import SideSql

if TYPE_CHECKING:
    import pyarrow as pa

KEPT = "_dms_kept"


class Asked(Struct, frozen=True, kw_only=True):
    """A side with the session that reads it; ``scratch`` is where rows are streamed to, and digests are compared."""

    name: str
    side: Side
    sql: SideSql
    questions: Questions
    session: Session
    scratch: DuckDBSession
    values: Mapping[str, Value]

    def fetch(self, ask: Ask) -> list[Row]:
        """The answer, for small ones."""
        with self._asking(ask) as (session, statement):
            return session.fetch(statement.sql, self._bind(statement))

    def keep(self, ask: Ask, table: str, select: str) -> None:
        """The answer, as a table of the scratch; ``select`` types what may arrive as text."""
        with self._asking(ask) as (session, statement):
            binds = self._bind(statement)
            if session is self.scratch:
                sql = f"CREATE OR REPLACE TABLE {table} AS SELECT {select} FROM ({statement.sql})"
                self.scratch.execute(sql, binds)
                return
            with own_errors(session.stream(statement.sql, binds, BATCH_ROWS)) as rows:
                self.scratch.register(KEPT, rows)
                try:
                    self.scratch.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {select} FROM {KEPT}")
                finally:
                    self.scratch.unregister(KEPT)

    @contextmanager
    def _asking(self, ask: Ask) -> Iterator[tuple[Session, Statement]]:
        """The session that answers, and the statement for it."""
        if self.sql.streamed is None:
            yield self.session, self._compile(ask, frozenset())
            return
        read = self.sql.streamed
        with own_errors(self.session.stream(read.sql, self._bind(read), BATCH_ROWS)) as rows:
            self.scratch.register(INCOMING, rows)
            try:
                yield self.scratch, self._compile(ask, find_text(rows))
            finally:
                self.scratch.unregister(INCOMING)

    def _compile(self, ask: Ask, loose: frozenset[str]) -> Statement:
        rows = self.sql.write(loose).subquery("rows")
        return compile_statement(self.name, self.side, ask(rows), self.sql.idioms)

    def _bind(self, statement: Statement) -> dict[str, Value]:
        return {name: self.values[name] for name in statement.binds}


def find_text(rows: "pa.RecordBatchReader") -> frozenset[str]:
    """The columns that arrive as text."""
    import pyarrow as pa

    return frozenset(field.name for field in rows.schema if pa.types.is_string(field.type))
