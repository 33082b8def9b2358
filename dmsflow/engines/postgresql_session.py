"""PostgreSQL sessions: run, describe, read and write rows by COPY. Opens no connection, holds no SQL of tables.

Statements arrive compiled, with ``:name`` for parameters, and are sent as they stand but for those.
"""

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.engines import postgresql_catalog as catalog
from dmsflow.engines.engine import Binds, Row
from dmsflow.engines.postgresql_errors import judge, lost_race
from dmsflow.engines.postgresql_sql import PostgreSQLIdioms, number_binds, paste_binds, write_literal
from dmsflow.errors import DatabaseError, Interrupted, PermanentError, SnapshotLost, TransientError
from dmsflow.model.table import TableName, TableShape, UniqueKey

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa

    from dmsflow.engines.postgresql import PostgreSQLEngine
    from dmsflow.engines.postgresql_vigil import WatchedConnection


class RowPipe(Struct, frozen=True, kw_only=True):
    """Rows on their way from COPY to COPY: the format, the columns, and blocks of bytes."""

    form: str
    names: tuple[str, ...]
    blocks: Iterator[bytes]


class PostgreSQLSession:
    """One connection of one thread."""

    def __init__(self, engine: "PostgreSQLEngine", connection: "WatchedConnection") -> None:
        self._engine, self._connection = engine, connection
        self._thread = threading.get_ident()
        self._open = False
        self.traits = engine.traits

    @property
    def encoding(self) -> str:
        """How the database stores text, as the server calls it."""
        return self._connection.info.parameter_status("server_encoding") or ""

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """The session's own thread, and its driver's errors judged (laws 33, 36)."""
        if threading.get_ident() != self._thread:
            raise AssertionError("a session is used by a thread that did not open it")
        with self._judging():
            yield

    @contextmanager
    def _judging(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            raise self._connection.verdict or self._judge(error) from error
        except UnicodeError as error:
            raise PermanentError(f"PostgreSQL cannot store this text: {error}") from error

    def _judge(self, error: "psycopg.Error") -> DatabaseError:
        return judge(error, self._engine.place, lost=self._connection.closed, holder=self._connection.holder)

    def _run(self, sql: str, binds: Binds | None) -> "psycopg.RawCursor[Any]":
        import psycopg

        numbered, values = number_binds(sql, binds) if binds else (sql, None)
        if self._connection.closed and not self._open:
            # Nothing is lost with it: outside of a transaction a session is as good on another connection.
            self._connection = self._engine.open()
        cursor = psycopg.RawCursor(self._connection)
        cursor.execute(numbered.encode(), values)
        return cursor

    def execute(self, sql: str, binds: Binds | None = None) -> int:
        """Run a statement; the number of rows it wrote."""
        try:
            return self._execute(sql, binds)
        except PermanentError as error:
            if self._open or not lost_race(error.__cause__):
                raise
        # Two sessions made the same table where it was not there: this one finds it now.
        return self._execute(sql, binds)

    def _execute(self, sql: str, binds: Binds | None) -> int:
        with self._judged(), self._run(sql, binds) as cursor:
            return max(cursor.rowcount, 0)

    def fetch(self, sql: str, binds: Binds | None = None) -> list[Row]:
        """Run a query; all its rows."""
        with self._judged(), self._run(sql, binds) as cursor:
            return cursor.fetchall()

    def stream(self, sql: str, binds: Binds, batch_rows: int) -> "pa.RecordBatchReader":
        """Run a query; its rows as Arrow batches. A batch may be pulled by another thread, one at a time."""
        from dmsflow.engines.postgresql_arrow import read_blocks
        from dmsflow.engines.postgresql_copy import copy_out
        from dmsflow.engines.read_ahead import read_ahead

        pasted = paste_binds(sql, binds)
        columns = self._describe(pasted).columns

        def blocks() -> Generator[bytes]:
            with self._judging():
                yield from copy_out(self._connection, f"COPY ({pasted}\n) TO STDOUT (FORMAT csv)")

        return read_blocks(read_ahead(blocks(), self._connection.cancel_quietly), columns, batch_rows)

    def copy_out(self, sql: str, binds: Binds) -> "RowPipe":
        """Run a query; its rows as COPY sends them, in binary where every PostgreSQL reads that alike."""
        from dmsflow.engines.postgresql_copy import PIPE_BYTES, copy_out

        pasted = paste_binds(sql, binds)
        columns = self._describe(pasted).columns
        form = "text" if any(column.type.foreign for column in columns) else "binary"

        def blocks() -> Iterator[bytes]:
            with self._judging():
                yield from copy_out(self._connection, f"COPY ({pasted}\n) TO STDOUT (FORMAT {form})", PIPE_BYTES)

        return RowPipe(form=form, names=tuple(column.name for column in columns), blocks=blocks())

    def copy_in(self, table: TableName, rows: "RowPipe") -> int:
        """Insert rows as COPY reads them, columns by name; the number of rows."""
        return self._copy(table, rows.names, rows.form, rows.blocks)

    def load(self, table: str, batches: "pa.RecordBatchReader") -> int:
        """Insert Arrow batches into a temporary table, columns by name; the number of rows."""
        return self.load_into(TableName(table=table), batches)

    def load_into(self, table: TableName, batches: "pa.RecordBatchReader") -> int:
        """Insert Arrow batches into any table, columns by name; the number of rows."""
        from dmsflow.engines.postgresql_arrow import write_blocks

        return self._copy(table, batches.schema.names, "csv", write_blocks(batches))

    def _copy(self, table: TableName, names: Sequence[str], form: str, blocks: Iterator[bytes]) -> int:
        idioms = PostgreSQLIdioms()
        listed = ", ".join(idioms.quote(name) for name in names)
        into = f"COPY {idioms.qualify(table)} ({listed}) FROM STDIN (FORMAT {form})"
        with self._judged(), self._connection.cursor() as cursor:
            with cursor.copy(into.encode()) as copy:
                for block in blocks:
                    copy.write(block)
            return cursor.rowcount

    def begin(self) -> None:
        """Open a transaction."""
        self.execute("BEGIN")
        self._open = True

    def begin_steady(self) -> None:
        """Open a transaction whose statements all see one state."""
        self._begin_repeatable()

    def export_snapshot(self) -> str:
        """Open a transaction whose state others can read until it ends; the name of that state."""
        self._begin_repeatable()
        # It has nothing to do but to be there: no limit of a user for sessions that forgot to commit is meant for it.
        self.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        return str(self.fetch("SELECT pg_export_snapshot()")[0][0])

    def begin_at(self, snapshot: str) -> None:
        """Open a transaction that reads an exported state. Raises SnapshotLost where it is there no more."""
        self._begin_repeatable()
        try:
            self.execute(f"SET TRANSACTION SNAPSHOT {write_literal(snapshot)}")
        except PermanentError as error:
            self.rollback()
            raise SnapshotLost(f"the state that the run reads is there no more: {error}") from error.__cause__

    def _begin_repeatable(self) -> None:
        self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        self._open = True

    def commit(self) -> None:
        """Make the open transaction last. Raises PermanentError where the server has given it up."""
        with self._judged(), self._run("COMMIT", None) as cursor:
            done = cursor.statusmessage
        self._open = False
        if done != "COMMIT":
            raise PermanentError("the transaction had failed before its end, and was rolled back")

    def rollback(self) -> None:
        """Undo the open transaction, if there is one; with a lost connection it is undone already."""
        if not self._open:
            return
        self._open = False
        if not self._connection.closed:
            with suppress(TransientError, Interrupted):
                self.execute("ROLLBACK")

    def describe_table(self, table: TableName) -> TableShape | None:
        """The shape of a table or view."""
        return catalog.describe_table(self, table, self._engine.alike)

    def name_once(self, table: TableName) -> TableName:
        """Without its schema, where that is the one of tables that are named without."""
        here = table.schema and self.fetch("SELECT pg_catalog.current_schema()")[0][0] == table.schema
        return replace(table, schema=None) if here else table

    def describe_query(self, sql: str, binds: Binds | None = None) -> TableShape:
        """The shape of what a SELECT returns, as the server plans it; nothing is run."""
        pasted = paste_binds(sql, binds or {})
        return catalog.add_collations(self, pasted, self._describe(pasted), self._engine.alike)

    def _describe(self, sql: str) -> TableShape:
        """The names and types that a SELECT returns."""
        from dmsflow.engines.postgresql_copy import prepare

        with self._judged():
            result = self._connection.wait(prepare(self._connection.pgconn, sql))
            fields = [
                ((result.fname(i) or b"").decode(), result.ftype(i), result.fmod(i)) for i in range(result.nfields)
            ]
        return catalog.describe_types(self, fields)

    def unique_keys(self, table: TableName) -> tuple[UniqueKey, ...]:
        """What unique indexes keep apart at every moment."""
        return catalog.unique_keys(self, table)

    def range_columns(self, table: TableName, current: str) -> tuple[str, ...] | None:
        """The first columns of its B-trees."""
        return catalog.range_columns(self, table, current)

    def estimate_rows(self, table: TableName) -> int | None:
        """What the planner expects."""
        return catalog.estimate_rows(self, table)

    def estimate_query(self, sql: str, binds: Binds) -> int | None:
        """What the planner expects."""
        return catalog.estimate_query(self, paste_binds(sql, binds))

    def open_another(self) -> "PostgreSQLSession":
        """A session of its own for the calling thread, in the same database."""
        return self._engine.connect()

    @property
    def hurried(self) -> bool:
        """Whether what is at work shall end at once."""
        return self._engine.hurried

    def close(self) -> None:
        """Give the connection back; an open transaction is undone. Another thread than its own may do so at the end."""
        if threading.get_ident() == self._thread:
            with suppress(DatabaseError):
                self.rollback()
        self._engine.take_back(self._connection)
