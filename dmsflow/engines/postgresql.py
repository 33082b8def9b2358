"""PostgreSQL sessions: connect, run, describe, read and write Arrow by COPY. Holds no SQL of tables; no dialect.

Statements arrive compiled, with ``:name`` for parameters, and are sent as they stand but for those. The server keeps
what it is told: a session that reads a source has read-only transactions alone.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.engines import postgresql_catalog as catalog
from dmsflow.engines.address import Address
from dmsflow.engines.engine import Binds, Row, Traits
from dmsflow.engines.postgresql_errors import explain_open, judge, lost_race
from dmsflow.engines.postgresql_sql import PostgreSQLIdioms, number_binds, paste_binds, write_literal
from dmsflow.engines.postgresql_types import LONGEST_NAME, LOOSE
from dmsflow.errors import ConnectionFailed, DatabaseError, PermanentError, SnapshotLost, TransientError
from dmsflow.model.table import TableName, TableShape, UniqueKey

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa

TRAITS = Traits(
    name="postgresql",
    embedded=False,
    cheap_unique_index=True,
    stores_nan=True,
    stores_far_times=True,
    keeps_lengths=True,
    max_columns=1600,
    binary_text_order=False,
    loose=LOOSE,
    longest_name=LONGEST_NAME,
    exports_snapshots=True,
)

DEFAULTS: dict[str, str | int | bool] = {
    "application_name": "dmsflow",
    "client_encoding": "utf8",
    "connect_timeout": 30,
    "keepalives_idle": 60,
}
SETTINGS = (
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 1; "
    "SET bytea_output = 'hex'; SET standard_conforming_strings = on; "
    "SET default_transaction_isolation = 'read committed'"
)
READ_ONLY = "; SET default_transaction_read_only = on"
MOST_IDLE = 8
"""Connections that wait for the next chunk."""


class RowPipe(Struct, frozen=True, kw_only=True):
    """Rows on their way from COPY to COPY: the format, the columns, and blocks of bytes."""

    form: str
    names: tuple[str, ...]
    blocks: Iterator[bytes]


class PostgreSQLSession:
    """One connection of one thread."""

    def __init__(self, engine: "PostgreSQLEngine", connection: "psycopg.Connection") -> None:
        self._engine, self._connection = engine, connection
        self._thread = threading.get_ident()
        self._open = False
        self.traits = engine.traits

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
            raise judge(error, lost=self._connection.closed) from error
        except UnicodeError as error:
            raise PermanentError(f"PostgreSQL cannot store this text: {error}") from error

    def _run(self, sql: str, binds: Binds | None) -> "psycopg.RawCursor[Any]":
        import psycopg

        numbered, values = number_binds(sql, binds) if binds else (sql, None)
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

        pasted = paste_binds(sql, binds)
        columns = self.describe_query(pasted).columns

        def blocks() -> Iterator[bytes]:
            with self._judging():
                yield from copy_out(self._connection, f"COPY ({pasted}\n) TO STDOUT (FORMAT csv)")

        return read_blocks(blocks(), columns, batch_rows)

    def copy_out(self, sql: str, binds: Binds) -> "RowPipe":
        """Run a query; its rows as COPY sends them, in binary where every PostgreSQL reads that alike."""
        from dmsflow.engines.postgresql_copy import PIPE_BYTES, copy_out

        pasted = paste_binds(sql, binds)
        columns = self.describe_query(pasted).columns
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
        from dmsflow.engines.postgresql_arrow import write_blocks

        return self._copy(TableName(table=table), batches.schema.names, "csv", write_blocks(batches))

    def _copy(self, table: TableName, names: Sequence[str], form: str, blocks: Iterator[bytes]) -> int:
        idioms = self._engine.idioms
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

    def export_snapshot(self) -> str:
        """Open a transaction whose state others can read until it ends; the name of that state."""
        self._begin_repeatable()
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
            with suppress(TransientError):
                self.execute("ROLLBACK")

    def describe_table(self, table: TableName) -> TableShape | None:
        """The shape of a table or view."""
        return catalog.describe_table(self, table)

    def describe_query(self, sql: str, binds: Binds | None = None) -> TableShape:
        """The shape of what a SELECT returns, as the server plans it; nothing is run."""
        import psycopg
        from psycopg.errors import error_from_result

        with self._judged():
            pgconn = self._connection.pgconn
            for result in (pgconn.prepare(b"", paste_binds(sql, binds or {}).encode()), pgconn.describe_prepared(b"")):
                if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
                    raise error_from_result(result)
            fields = [
                ((result.fname(i) or b"").decode(), result.ftype(i), result.fmod(i)) for i in range(result.nfields)
            ]
        return catalog.describe_types(self, fields)

    def unique_keys(self, table: TableName) -> tuple[UniqueKey, ...]:
        """What unique indexes keep apart at every moment."""
        return catalog.unique_keys(self, table)

    def estimate_rows(self, table: TableName) -> int | None:
        """What the planner expects."""
        return catalog.estimate_rows(self, table)

    def estimate_query(self, sql: str, binds: Binds) -> int | None:
        """What the planner expects."""
        return catalog.estimate_query(self, paste_binds(sql, binds))

    def close(self) -> None:
        """Give the connection back; an open transaction is undone. Another thread than its own may do so at the end."""
        if threading.get_ident() == self._thread:
            with suppress(DatabaseError):
                self.rollback()
        self._engine.take_back(self._connection)


class PostgreSQLEngine:
    """A PostgreSQL database. ``read_only`` is for a source: the server refuses to write."""

    def __init__(self, address: Address, *, read_only: bool = False) -> None:
        self._address, self._read_only = address, read_only
        self._idle: list[psycopg.Connection] = []
        self._lock = threading.Lock()
        self._reached = False
        self.traits = TRAITS
        session = self.connect()
        try:
            by_bytes = catalog.orders_by_bytes(session.fetch(catalog.TEXT_ORDER)[0])
        except DatabaseError as error:
            raise ConnectionFailed(f"{self._where} does not answer as PostgreSQL does: {error}") from error
        finally:
            session.close()
        self.traits = replace(TRAITS, binary_text_order=by_bytes)

    @property
    def idioms(self) -> PostgreSQLIdioms:
        """How PostgreSQL says things."""
        return PostgreSQLIdioms()

    @property
    def _where(self) -> str:
        """The server and database without anything secret."""
        parts = urlsplit(self._address.url)
        return f'connection "{self._address.name}" ({parts.hostname or "local"}{parts.path})'

    def connect(self) -> PostgreSQLSession:
        """A connection of its own for the calling thread; one that waits, if there is one."""
        with self._lock:
            waiting = self._idle.pop() if self._idle else None
        return PostgreSQLSession(self, waiting or self._open())

    def _open(self) -> "psycopg.Connection":
        try:
            import psycopg
        except ImportError as error:
            raise ConnectionFailed(
                f'connection "{self._address.name}": the driver of PostgreSQL is not there: '
                'run pip install "dmsflow[postgres]"'
            ) from error
        given = {
            name: int(v) if isinstance(v, bool) else v for name, v in (DEFAULTS | dict(self._address.options)).items()
        }
        if self._address.password is not None:
            given["password"] = self._address.password
        url = "postgresql:" + self._address.url.partition(":")[2]
        try:
            connection = psycopg.connect(url, autocommit=True, prepare_threshold=None, **given)  # type: ignore[arg-type]
            connection.execute((SETTINGS + READ_ONLY * self._read_only).encode())
        except psycopg.Error as error:
            # A server that has answered before may do so again: that is worth another try.
            failed = TransientError if self._reached else ConnectionFailed
            raise failed(explain_open(self._where, error)) from error
        for name in ("json", "jsonb"):
            connection.adapters.register_loader(name, psycopg.types.string.TextLoader)
        self._reached = True
        return connection

    def locate(self, table: TableName) -> TableName:
        """The name as the catalog has it, where it differs from the written one in case alone."""
        session = self.connect()
        try:
            return catalog.find_table(session, table)
        finally:
            session.close()

    def take_back(self, connection: "psycopg.Connection") -> None:
        """Keep a connection for the next session, without what the last one left in it."""
        import psycopg

        idle = psycopg.pq.TransactionStatus.IDLE
        try:
            if connection.closed or connection.info.transaction_status != idle or len(self._idle) >= MOST_IDLE:
                connection.close()
                return
            if not self._read_only:
                connection.execute("DISCARD TEMP")
        except psycopg.Error:
            connection.close()
            return
        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        """Close the connections that wait."""
        with self._lock:
            waiting, self._idle = self._idle, []
        for connection in waiting:
            connection.close()
