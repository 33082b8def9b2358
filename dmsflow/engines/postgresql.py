"""PostgreSQL sessions: connect, run, describe, read and write Arrow by COPY. Holds no SQL of tables; no dialect.

Statements arrive compiled, with ``:name`` for parameters, and are sent as they stand but for those. The server keeps
what it is told: a session that reads a source has read-only transactions alone.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from dmsflow.engines import postgresql_catalog as catalog
from dmsflow.engines.address import Address
from dmsflow.engines.engine import Binds, Row, Stopping, Traits
from dmsflow.engines.postgresql_errors import Place, explain_open, judge, lost_race
from dmsflow.engines.postgresql_options import split_options, write_settings
from dmsflow.engines.postgresql_sql import PostgreSQLIdioms, number_binds, paste_binds
from dmsflow.engines.postgresql_types import LONGEST_NAME, LOOSE
from dmsflow.errors import ConnectionFailed, DatabaseError, Interrupted, PermanentError, TransientError
from dmsflow.model.table import TableName, TableShape

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa

    from dmsflow.engines.postgresql_vigil import WatchedConnection

TRAITS = Traits(
    name="postgresql",
    embedded=False,
    cheap_unique_index=True,
    stores_nan=True,
    stores_far_times=True,
    stores_nul=False,
    keeps_lengths=True,
    max_columns=1600,
    binary_text_order=False,
    loose=LOOSE,
    longest_name=LONGEST_NAME,
)

MOST_IDLE = 8
"""Connections that wait for the next chunk."""


class PostgreSQLSession:
    """One connection of one thread."""

    def __init__(self, engine: "PostgreSQLEngine", connection: "WatchedConnection") -> None:
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

        pasted = paste_binds(sql, binds)
        columns = self.describe_query(pasted).columns

        def blocks() -> Iterator[bytes]:
            with self._judging():
                try:
                    yield from copy_out(self._connection, f"COPY ({pasted}\n) TO STDOUT (FORMAT csv)")
                except KeyboardInterrupt as error:
                    # Whoever reads knows only errors.
                    raise Interrupted("the run was stopped at once") from error

        return read_blocks(blocks(), columns, batch_rows)

    def load(self, table: str, batches: "pa.RecordBatchReader") -> int:
        """Insert Arrow batches into a temporary table, columns by name; then the planner knows its rows."""
        from dmsflow.engines.postgresql_arrow import write_blocks

        quote = self._engine.idioms.quote
        names = ", ".join(quote(name) for name in batches.schema.names)
        into = f"COPY {quote(table)} ({names}) FROM STDIN (FORMAT csv)"
        with self._judged(), self._connection.cursor() as cursor:
            with cursor.copy(into.encode()) as copy:
                for block in write_blocks(batches):
                    copy.write(block)
            loaded = cursor.rowcount
            cursor.execute(f"ANALYZE {quote(table)}".encode())
        return loaded

    def begin(self) -> None:
        """Open a transaction."""
        self.execute("BEGIN")
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
        return catalog.describe_table(self, table)

    def describe_query(self, sql: str, binds: Binds | None = None) -> TableShape:
        """The shape of what a SELECT returns, as the server plans it; nothing is run."""
        from dmsflow.engines.postgresql_copy import prepare

        with self._judged():
            result = self._connection.wait(prepare(self._connection.pgconn, paste_binds(sql, binds or {})))
            fields = [
                ((result.fname(i) or b"").decode(), result.ftype(i), result.fmod(i)) for i in range(result.nfields)
            ]
        return catalog.describe_types(self, fields)

    def estimate_rows(self, table: TableName) -> int | None:
        """What the last ANALYZE counted."""
        return catalog.estimate_rows(self, table)

    def close(self) -> None:
        """Give the connection back; an open transaction is undone."""
        with suppress(DatabaseError):
            self.rollback()
        self._engine.take_back(self._connection)


class PostgreSQLEngine:
    """A PostgreSQL database. ``read_only`` is for a source: the server refuses to write."""

    def __init__(self, address: Address, *, read_only: bool = False) -> None:
        self._address, self._read_only = address, read_only
        self._limits, self._given = split_options(address.name, dict(address.options))
        self.place = Place(name=address.name, reads=read_only)
        self._stopping: Stopping | None = None
        self._idle: list[WatchedConnection] = []
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

    def heed(self, stopping: Stopping) -> None:
        """Let the waits of all sessions end when a stop asks for it."""
        self._stopping = stopping

    def connect(self) -> PostgreSQLSession:
        """A connection of its own for the calling thread; one that waits, if there is one that lives."""
        while True:
            with self._lock:
                waiting = self._idle.pop() if self._idle else None
            if waiting is None:
                return PostgreSQLSession(self, self.open())
            if waiting.is_quiet():
                return PostgreSQLSession(self, waiting)
            waiting.close()

    def open(self) -> "WatchedConnection":
        """A new connection, whose waits are watched."""
        try:
            import psycopg

            from dmsflow.engines.postgresql_vigil import IDENTITY, Lookout, Vigil
        except ImportError as error:
            raise ConnectionFailed(
                f'connection "{self._address.name}": the driver of PostgreSQL is not there: '
                'run pip install "dmsflow[postgres]"'
            ) from error
        hurried = self._stopping is not None and self._stopping.at_once
        try:
            connection = self._dial(connect_timeout=2) if hurried else self._dial()
            lookout = Lookout(
                name=self._address.name,
                silence=self._limits.silence,
                first=self._limits.first_look,
                stopping=lambda: self._stopping,
                open=self._dial_briefly,
            )
            vigil = connection.vigil = Vigil(lookout, connection.info.backend_pid)
            connection.execute(write_settings(self._limits, read_only=self._read_only).encode())
            [vigil.identity] = connection.execute(IDENTITY).fetchall()
        except psycopg.Error as error:
            # A server that has answered before may do so again: that is worth another try.
            failed = TransientError if self._reached else ConnectionFailed
            raise failed(explain_open(self._where, error)) from error
        for name in ("json", "jsonb"):
            connection.adapters.register_loader(name, psycopg.types.string.TextLoader)
        self._reached = True
        return connection

    def _dial(self, **more: int) -> "WatchedConnection":
        from dmsflow.engines.postgresql_vigil import WatchedConnection

        given = self._given | more
        if self._address.password is not None:
            given["password"] = self._address.password
        url = "postgresql:" + self._address.url.partition(":")[2]
        return WatchedConnection.connect(url, autocommit=True, prepare_threshold=None, **given)  # type: ignore[arg-type]

    def _dial_briefly(self) -> "WatchedConnection":
        """A connection that asks what the others wait for, and itself waits for nothing long."""
        from dmsflow.engines.postgresql_vigil import Patience

        connection = self._dial(connect_timeout=2)
        connection.vigil = Patience()
        return connection

    def locate(self, table: TableName) -> TableName:
        """The name as the catalog has it, where it differs from the written one in case alone."""
        session = self.connect()
        try:
            return catalog.find_table(session, table)
        finally:
            session.close()

    def take_back(self, connection: "WatchedConnection") -> None:
        """Keep a connection for the next session, without what the last one left in it."""
        import psycopg

        idle = psycopg.pq.TransactionStatus.IDLE
        try:
            if connection.closed or connection.info.transaction_status != idle or len(self._idle) >= MOST_IDLE:
                connection.close()
                return
            if not self._read_only:
                connection.execute("DISCARD TEMP")
        except (psycopg.Error, DatabaseError):
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
