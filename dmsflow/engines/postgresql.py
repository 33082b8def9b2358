"""A PostgreSQL database: its connections, opened, kept for the next chunk, and closed. Runs no statement of a plan.

The server keeps what it is told: a session that reads a source has read-only transactions alone.
"""

import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec.structs import replace

from dmsflow.engines import postgresql_catalog as catalog
from dmsflow.engines.address import Address
from dmsflow.engines.engine import Stopping, Traits
from dmsflow.engines.postgresql_encodings import find_unstorable
from dmsflow.engines.postgresql_errors import Place, explain_open
from dmsflow.engines.postgresql_options import split_options, write_settings
from dmsflow.engines.postgresql_session import PostgreSQLSession
from dmsflow.engines.postgresql_sql import PostgreSQLIdioms
from dmsflow.engines.postgresql_types import LONGEST_NAME, LOOSE
from dmsflow.engines.undoing import Undoing
from dmsflow.errors import (
    ConnectionFailed,
    DatabaseError,
    TransientError,
)
from dmsflow.model.table import TableName

if TYPE_CHECKING:
    from dmsflow.engines.postgresql_undone import UndoneEngine
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
    exports_snapshots=True,
    savepoints=True,
)

MOST_IDLE = 8
"""Connections that wait for the next chunk."""


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
            by_bytes, self.alike = catalog.read_text_order(session.fetch(catalog.TEXT_ORDER)[0])
            encoding = session.encoding
        except DatabaseError as error:
            raise ConnectionFailed(f"{self._where} does not answer as PostgreSQL does: {error}") from error
        finally:
            session.close()
        self.traits = replace(
            TRAITS, binary_text_order=by_bytes, unstorable=find_unstorable(encoding), unicode=encoding == "UTF8"
        )

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

    @property
    def hurried(self) -> bool:
        """Whether a stop asks that what is at work ends at once."""
        return self._stopping is not None and self._stopping.at_once

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
        try:
            connection = self._dial(connect_timeout=2) if self.hurried else self._dial()
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

    def open_undone(self, undoing: Undoing) -> "UndoneEngine":
        """The same database, in which nothing stays; a transaction makes its own temporary tables."""
        from dmsflow.engines.postgresql_undone import UndoneEngine

        return UndoneEngine(self, repeatable=undoing.repeatable)

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
